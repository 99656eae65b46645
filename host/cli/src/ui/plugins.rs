//! `plugin list` and `plugin inspect`: what plugins there are, and what one is and may do.

use mailhaul_plugin_host::{Inspection, Kind, PluginSummary, Setting};
use mailhaul_text::{bytes, count, escape};
use serde::Serialize;

use super::paint::{Palette, Tone};
use super::sum::push_wrapped;
use super::table::{Align, Table};

/// One plugin in `plugin list`; the JSON is the contract's.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    #[serde(flatten)]
    listed: PluginSummary,
    /// The component file as the project names it; `None` for a shipped one.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

impl Entry {
    pub(crate) fn new(listed: PluginSummary, file: Option<String>) -> Self {
        Self { listed, file }
    }

    /// Makes the entry of a component file the project names as `file`.
    pub(crate) fn of_file(found: Inspection, file: &str) -> Self {
        let Inspection { id, version, kinds, shipped, summary, .. } = found;
        Self::new(PluginSummary { id, version, kinds, shipped, summary }, Some(file.to_owned()))
    }
}

/// What `plugin list --format json` prints, as `docs/contract.md` has it.
#[derive(Debug, Serialize)]
pub(crate) struct List {
    /// Those that ship first, then the project's own, as it names them.
    pub plugins: Vec<Entry>,
}

/// Returns the page of `plugin list`.
pub(crate) fn list(list: &List, width: Option<usize>, palette: Palette) -> String {
    let columns =
        [("Plugin", Align::Left), ("Version", Align::Left), ("Kind", Align::Left), ("", Align::Left)];
    let mut table = Table::new(0, &columns);
    for Entry { listed: plugin, file } in &list.plugins {
        let from = file.as_deref().unwrap_or("ships with mailhaul");
        let kinds: Vec<_> = plugin.kinds.iter().map(|kind| kind.name()).collect();
        table.push_row([
            (&plugin.id, Some(Tone::Strong)),
            (&plugin.version, None),
            (&kinds.join(", "), None),
            (from, Some(Tone::Faint)),
        ]);
        if !plugin.summary.is_empty() {
            table.push_remark(&plugin.summary);
        }
    }
    table.render(width, palette)
}

/// Returns the page of `plugin inspect` about a plugin that was asked for as `named`.
pub(crate) fn card(found: &Inspection, named: &str, width: Option<usize>, palette: Palette) -> String {
    let name = format!("{} {}", escape(&found.id), escape(&found.version));
    let mut out = format!("{}\n", palette.paint(Tone::Strong, &name));
    push_wrapped(&mut out, 2, &escape(&found.summary), width);
    let heading = |out: &mut String, text: &str| {
        out.push_str(&format!("\n{}\n", palette.paint(Tone::Accent, text)));
    };
    heading(&mut out, "what it is");
    for kind in &found.kinds {
        push_wrapped(&mut out, 2, &format!("{kind}: {}", purpose(*kind)), width);
    }
    let from = match found.shipped {
        true => "part of this program".to_owned(),
        false => format!("a component file, {}", escape(named)),
    };
    push_wrapped(&mut out, 2, &from, width);
    if !found.providers.is_empty() {
        push_wrapped(&mut out, 2, &format!("providers: {}", escape(&found.providers.join(", "))), width);
    }
    push_wrapped(
        &mut out,
        2,
        &format!("written for version {} of the plugin interface", escape(&found.api)),
        width,
    );
    push_wrapped(&mut out, 2, &format!("licence: {}", escape(&found.license)), width);
    heading(&mut out, "what it may do");
    for import in &found.imports {
        push_wrapped(&mut out, 2, &format!("{}: {}", import.name, import.meaning), width);
    }
    if found.kinds.contains(&Kind::MailboxSource) {
        push_wrapped(&mut out, 2, if found.shipped { NAMES_HOSTS } else { FOREIGN_NAMES_HOSTS }, width);
    }
    let network = match found.imports.iter().any(|import| import.name == "http") {
        true => "no other network",
        false => "no network",
    };
    let nothing = format!(
        "and nothing else: {network}, no other files, no sight of passwords; memory and time are limited"
    );
    push_wrapped(&mut out, 2, &nothing, width);
    heading(&mut out, "what it wants");
    let to_grant = !(found.http.is_empty()
        && found.hosts.is_empty()
        && found.secrets.is_empty()
        && found.changes.is_empty());
    if found.inputs.is_empty() && found.settings.is_empty() && !to_grant {
        out.push_str("  nothing\n");
    }
    for http in &found.http {
        let line = format!("to send requests to {}: {}", escape(&http.origin), escape(&http.why));
        push_wrapped(&mut out, 2, &line, width);
    }
    for needed in &found.hosts {
        let line = format!("to have mailboxes sign in at {}: {}", escape(&needed.host), escape(&needed.why));
        push_wrapped(&mut out, 2, &line, width);
    }
    for secret in &found.secrets {
        let line = format!("the secret `{}`, {}: {}", secret.name, secret.goes(), secret.why);
        push_wrapped(&mut out, 2, &escape(&line), width);
    }
    for change in &found.changes {
        push_wrapped(&mut out, 2, &format!("to {}: {}", change.name.name(), escape(&change.why)), width);
    }
    for input in &found.inputs {
        push_wrapped(&mut out, 2, &format!("input `{}`: {}", escape(&input.name), escape(&input.why)), width);
    }
    for (name, setting) in &found.settings {
        push_wrapped(&mut out, 2, &setting_line(name, setting), width);
    }
    heading(&mut out, "what is in the file");
    out.push_str(&format!("  sha256 {}\n", escape(&found.sha256)));
    out.push_str(&format!("  {} ({} bytes)\n", bytes(found.size as u64), count(found.size as u64)));
    out
}

/// E.g. ``setting `prefer`: what wins …; one of "a", "b"; "a" when left out``.
fn setting_line(name: &str, setting: &Setting) -> String {
    let mut parts = vec![format!("setting `{}`", escape(name))];
    if !setting.description.is_empty() {
        parts[0].push_str(&format!(": {}", escape(&setting.description)));
    }
    if !setting.one_of.is_empty() {
        let values: Vec<_> = setting.one_of.iter().map(ToString::to_string).collect();
        parts.push(format!("one of {}", escape(&values.join(", "))));
    }
    match &setting.default {
        Some(default) => parts.push(format!("{} when left out", escape(&default.to_string()))),
        None if setting.required => parts.push("must be set".to_owned()),
        None => {}
    }
    parts.join("; ")
}

/// What every mailbox source may do, without any import.
const NAMES_HOSTS: &str = "names the hosts where mailboxes sign in: mailhaul refuses any that the project file does \
                           not allow (`host`, `[mailboxes] hosts`, `admin_hosts`)";

/// As [`NAMES_HOSTS`], of a plugin that does not ship.
const FOREIGN_NAMES_HOSTS: &str = "names the hosts where mailboxes sign in: mailhaul refuses any but the two of the project \
                                   file (`host`) and those it is granted by host and port";

/// Returns what a kind of plugin is for, in a sentence for operators.
fn purpose(kind: Kind) -> &'static str {
    match kind {
        Kind::FolderMapper => {
            "decides where folders go; it is shown folder names, attributes and counts, never mail"
        }
        Kind::MailboxSource => "lists the mailboxes to move",
        Kind::Validator => "judges a finished mailbox; it can add a failure, never remove one",
        Kind::ServerProfile => {
            "tells what a server can take and what its refusals mean; it cannot turn one into a success"
        }
        Kind::MailboxProvisioner => "creates mailboxes on the new host, when that is granted",
    }
}

#[cfg(test)]
mod tests {
    use mailhaul_plugin_host::{ImportUse, NeededInput};

    use super::*;

    fn csv() -> PluginSummary {
        PluginSummary {
            id: "csv".into(),
            version: "0.1.0".into(),
            kinds: vec![Kind::MailboxSource],
            shipped: true,
            summary: "Mailboxes from a CSV table with the input name `accounts`".into(),
        }
    }

    #[test]
    fn the_list_is_a_table_and_the_contract_s_json() {
        let acme = PluginSummary {
            id: "acme-mapper\x1b[2J".into(),
            version: "1.2.0".into(),
            kinds: vec![Kind::FolderMapper, Kind::Validator],
            shipped: false,
            summary: String::new(),
        };
        let acme = Entry::new(acme, Some("./acme.wasm".into()));
        let plugins = List { plugins: vec![Entry::new(csv(), None), acme] };
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
        let listed = csv();
        let prefer = serde_json::json!({ "type": "string", "enum": ["special-use", "names"],
            "default": "special-use", "description": "what wins when both disagree" });
        let shown = Inspection {
            id: listed.id,
            version: listed.version,
            api: "0.1".into(),
            kinds: listed.kinds,
            summary: listed.summary,
            license: "Apache-2.0 OR MIT".into(),
            providers: Vec::new(),
            imports: vec![
                ImportUse { name: "log", meaning: "writes lines to mailhaul's log" },
                ImportUse { name: "secrets", meaning: "passes passwords on as handles, without seeing them" },
            ],
            inputs: vec![NeededInput { name: "accounts".into(), why: "the table of mailboxes".into() }],
            http: Vec::new(),
            hosts: Vec::new(),
            secrets: Vec::new(),
            changes: Vec::new(),
            settings: [("prefer".to_owned(), serde_json::from_value(prefer).unwrap())].into(),
            sha256: "ab".repeat(32),
            size: 65_432,
            shipped: true,
        };
        insta::assert_snapshot!(card(&shown, "csv", Some(80), Palette::default()), @r#"
        csv 0.1.0
          Mailboxes from a CSV table with the input name `accounts`

        what it is
          mailbox-source: lists the mailboxes to move
          part of this program
          written for version 0.1 of the plugin interface
          licence: Apache-2.0 OR MIT

        what it may do
          log: writes lines to mailhaul's log
          secrets: passes passwords on as handles, without seeing them
          names the hosts where mailboxes sign in: mailhaul refuses any that the project
            file does not allow (`host`, `[mailboxes] hosts`, `admin_hosts`)
          and nothing else: no network, no other files, no sight of passwords; memory
            and time are limited

        what it wants
          input `accounts`: the table of mailboxes
          setting `prefer`: what wins when both disagree; one of "special-use", "names";
            "special-use" when left out

        what is in the file
          sha256 abababababababababababababababababababababababababababababababab
          63.9 KiB (65,432 bytes)
        "#);
    }
}
