//! `plugin list` and `plugin inspect`: what plugins there are, and what one is and may do.

use serde::Serialize;

use super::escape::escape;
use super::paint::{Palette, Tone};
use super::sum::push_wrapped;
use super::table::{Align, Table};
use super::units::{bytes, count};

/// One plugin in `plugin list`; the JSON is the contract's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    /// The manifest's `id`.
    pub id: String,
    /// The manifest's `version`.
    pub version: String,
    /// The manifest's `kinds`, e.g. `folder-mapper`.
    pub kinds: Vec<String>,
    /// Whether it is part of this program.
    pub shipped: bool,
    /// One line about it.
    pub summary: String,
    /// The component file as the project names it; `None` for a shipped one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// The contract's document.
#[derive(Debug, Serialize)]
pub(crate) struct List {
    /// In the order they are shown.
    pub plugins: Vec<Entry>,
}

/// Returns the page of `plugin list`.
pub(crate) fn list(list: &List, width: Option<usize>, palette: Palette) -> String {
    let columns =
        [("Plugin", Align::Left), ("Version", Align::Left), ("Kind", Align::Left), ("", Align::Left)];
    let mut table = Table::new(0, &columns);
    for plugin in &list.plugins {
        let from = plugin.file.as_deref().unwrap_or("ships with mailhaul");
        table.toned([
            (&plugin.id, Some(Tone::Strong)),
            (&plugin.version, None),
            (&plugin.kinds.join(", "), None),
            (from, Some(Tone::Faint)),
        ]);
        if !plugin.summary.is_empty() {
            table.below(&plugin.summary);
        }
    }
    table.render(width, palette)
}

/// Everything `plugin inspect` tells.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Card {
    /// The manifest's identity.
    #[serde(flatten)]
    pub entry: Entry,
    /// Version of `mailhaul:plugin` it was written for.
    pub api: String,
    /// The manifest's licence; may be empty.
    pub license: String,
    /// The manifest's authors; may be empty.
    pub authors: Vec<String>,
    /// What it wants from the project: (what, why).
    pub needs: Vec<(String, String)>,
    /// Settings it takes, by name, with what each is for.
    pub settings: Vec<(String, String)>,
    /// Interfaces of the host that the component imports.
    pub imports: Vec<String>,
    /// SHA-256 of the component, lower-case hexadecimal.
    pub sha256: String,
    /// Size of the component in bytes.
    pub bytes: u64,
}

/// Returns the page of `plugin inspect`.
pub(crate) fn card(card: &Card, width: Option<usize>, palette: Palette) -> String {
    let entry = &card.entry;
    let name = format!("{} {}", escape(&entry.id), escape(&entry.version));
    let mut out = format!("{}\n", palette.paint(Tone::Strong, &name));
    if !entry.summary.is_empty() {
        push_wrapped(&mut out, 2, &escape(&entry.summary), width);
    }
    let heading = |out: &mut String, text: &str| {
        out.push_str(&format!("\n{}\n", palette.paint(Tone::Accent, text)));
    };
    heading(&mut out, "what it is");
    for kind in &entry.kinds {
        push_wrapped(&mut out, 2, &format!("{}: {}", escape(kind), purpose(kind)), width);
    }
    let from = match &entry.file {
        Some(file) => format!("a component file, {}", escape(file)),
        None => "part of this program".to_owned(),
    };
    push_wrapped(&mut out, 2, &from, width);
    push_wrapped(&mut out, 2, &format!("written for mailhaul:plugin {}", escape(&card.api)), width);
    if !card.license.is_empty() {
        push_wrapped(&mut out, 2, &format!("licence: {}", escape(&card.license)), width);
    }
    if !card.authors.is_empty() {
        push_wrapped(&mut out, 2, &format!("by {}", escape(&card.authors.join(", "))), width);
    }
    heading(&mut out, "what it may do");
    for line in abilities(&card.imports) {
        push_wrapped(&mut out, 2, &line, width);
    }
    heading(&mut out, "what it wants");
    if card.needs.is_empty() && card.settings.is_empty() {
        out.push_str("  nothing\n");
    }
    for (what, why) in &card.needs {
        push_wrapped(&mut out, 2, &format!("{}: {}", escape(what), escape(why)), width);
    }
    for (setting, what) in &card.settings {
        push_wrapped(&mut out, 2, &format!("setting `{}`: {}", escape(setting), escape(what)), width);
    }
    heading(&mut out, "what is in the file");
    out.push_str(&format!("  sha256 {}\n", escape(&card.sha256)));
    out.push_str(&format!("  {} ({} bytes)\n", bytes(card.bytes), count(card.bytes)));
    out
}

/// What a kind of plugin is for.
fn purpose(kind: &str) -> &'static str {
    match kind {
        "folder-mapper" => {
            "decides where folders go; it is shown folder names, attributes and counts of both sides, never mail"
        }
        "mailbox-source" => "lists the mailboxes to move",
        "validator" => "judges a finished mailbox; it can only add a failure, never remove one",
        _ => "a kind this version of mailhaul does not know",
    }
}

/// What the imported interfaces allow, and what no plugin is given.
fn abilities(imports: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    for import in imports {
        // `mailhaul:plugin/inputs@0.1.0`
        let name = import.rsplit('/').next().unwrap_or(import).split('@').next().unwrap_or_default();
        let line = match name {
            "inputs" => {
                "read the files named under `[mailboxes] inputs`, and no others; secret columns reach it as handles"
            }
            "secrets" => "pass secrets on without seeing them",
            "evidence" => {
                "look at message lists, headers and digests of the mailbox it judges: read only, within a budget"
            }
            "settings" => "read its own settings",
            "log" => "write to mailhaul's log",
            "host" => "ask which mailhaul it runs in",
            "cancel" => "ask whether it should stop",
            "types" => continue,
            _ => {
                lines.push(format!(
                    "use `{}`, which this version of mailhaul does not describe",
                    escape(import)
                ));
                continue;
            }
        };
        lines.push(line.to_owned());
    }
    lines.push(
        "nothing else: it cannot open connections, read other files, see passwords or change mail, and its \
         memory, processor and clock time are limited"
            .to_owned(),
    );
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv() -> Entry {
        Entry {
            id: "csv".into(),
            version: "0.1.0".into(),
            kinds: vec!["mailbox-source".into()],
            shipped: true,
            summary: "Mailboxes from a CSV table with the input name `accounts`".into(),
            file: None,
        }
    }

    #[test]
    fn the_list_is_a_table_and_the_contract_s_json() {
        let acme = Entry {
            id: "acme-mapper\x1b[2J".into(),
            version: "1.2.0".into(),
            kinds: vec!["folder-mapper".into(), "validator".into()],
            shipped: false,
            summary: String::new(),
            file: Some("./acme.wasm".into()),
        };
        let plugins = List { plugins: vec![csv(), acme] };
        insta::assert_snapshot!(list(&plugins, Some(80), Palette::default()), @r"
        Plugin              Version  Kind
        csv                 0.1.0    mailbox-source            ships with mailhaul
          Mailboxes from a CSV table with the input name `accounts`
        acme-mapper\x1b[2J  1.2.0    folder-mapper, validator  ./acme.wasm
        ");
        let json = serde_json::to_value(&plugins).unwrap();
        assert_eq!(json["plugins"][0]["kinds"][0], "mailbox-source");
        assert_eq!(json["plugins"][0]["shipped"], true);
    }

    #[test]
    fn a_card_says_in_plain_words_what_a_plugin_may_do() {
        let shown = Card {
            entry: csv(),
            api: "0.1".into(),
            license: "Apache-2.0 OR MIT".into(),
            authors: vec![],
            needs: vec![(
                "input `accounts`".into(),
                "the table of mailboxes; its password columns are handles only".into(),
            )],
            settings: vec![],
            imports: ["types", "inputs", "secrets", "log", "teleport"]
                .map(|n| format!("mailhaul:plugin/{n}@0.1.0"))
                .into(),
            sha256: "ab".repeat(32),
            bytes: 65_432,
        };
        insta::assert_snapshot!(card(&shown, Some(80), Palette::default()), @"
        csv 0.1.0
          Mailboxes from a CSV table with the input name `accounts`

        what it is
          mailbox-source: lists the mailboxes to move
          part of this program
          written for mailhaul:plugin 0.1
          licence: Apache-2.0 OR MIT

        what it may do
          read the files named under `[mailboxes] inputs`, and no others; secret columns
            reach it as handles
          pass secrets on without seeing them
          write to mailhaul's log
          use `mailhaul:plugin/teleport@0.1.0`, which this version of mailhaul does not
            describe
          nothing else: it cannot open connections, read other files, see passwords or
            change mail, and its memory, processor and clock time are limited

        what it wants
          input `accounts`: the table of mailboxes; its password columns are handles
            only

        what is in the file
          sha256 abababababababababababababababababababababababababababababababab
          63.9 KiB (65,432 bytes)
        ");
    }
}
