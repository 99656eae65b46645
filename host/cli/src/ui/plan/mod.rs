//! `plan`: folder by folder where each goes, who decided it, and why; of many mailboxes first by rule
//! ([`fleet`], [`by_rule`]), with what changed since the last plan ([`changes`]) and who approved it
//! ([`approval`]).

pub(crate) mod approval;
pub(crate) mod by_rule;
pub(crate) mod changes;
pub(crate) mod fleet;

use mailhaul_engine::plan::{Choice, FolderPlan, MailboxPlan};
use mailhaul_text::{bytes, count, escape, estimate, plural};

use super::paint::{Palette, Tone};
use super::sum::{accounts, push_wrapped};
use super::table::{Align, Table};

/// Returns the page of one mailbox, without what speaks against it ([`conflicts`]) and what is known about
/// its hosts ([`fleet::profiles`]).
pub(crate) fn mailbox(plan: &MailboxPlan, width: Option<usize>, palette: Palette) -> String {
    let mut out = format!("{}\n", palette.paint(Tone::Strong, &accounts(&plan.source, &plan.target)));
    out.push_str(&folders(&plan.folders, width, palette));
    for note in &plan.notes {
        push_labelled(&mut out, "note:", Tone::Warn, note, width, palette);
    }
    push_wrapped(&mut out, 2, &sum(plan), width);
    out
}

/// Returns everything that speaks against the plan of a mailbox, each with what can be done about it.
pub(crate) fn conflicts(plan: &MailboxPlan, width: Option<usize>, palette: Palette) -> String {
    let mut out = String::new();
    for conflict in &plan.conflicts {
        push_labelled(&mut out, "conflict:", Tone::Bad, conflict.before_choices(), width, palette);
        for choice in &conflict.choices {
            push_choice(&mut out, choice, 4, width);
        }
    }
    out
}

/// Adds one way out of a conflict, with what can be typed.
fn push_choice(out: &mut String, choice: &Choice, indent: usize, width: Option<usize>) {
    push_wrapped(out, indent, &format!("- {}", escape(&choice.what)), width);
    if let Some(command) = &choice.command {
        push_wrapped(out, indent + 2, &format!("`{}`", escape(command)), width);
    }
    for line in choice.lines.as_deref().unwrap_or_default().lines() {
        out.push_str(&format!("{:indent$}    {}\n", "", escape(line)));
    }
}

/// What there is to copy, and of the rest whatever there is any of.
fn sum(plan: &MailboxPlan) -> String {
    let size = match (plan.bytes_to_copy, plan.bytes) {
        (Some(size), _) => format!(", {}", bytes(size)),
        (None, Some(size)) => format!(", {} in these folders", bytes(size)),
        (None, None) => String::new(),
    };
    let time = match plan.messages_to_copy {
        0 => String::new(),
        _ => format!(", {}", estimate(std::time::Duration::from_secs(plan.estimate_seconds))),
    };
    let left_out: u64 = plan.left_out.iter().map(|left_out| left_out.portion.messages).sum();
    let rest = [
        (plan.already_there, "already there"),
        (plan.too_large.messages, "too large for the new host"),
        (left_out, "left out by rules"),
    ];
    let rest = rest.into_iter().filter(|(messages, _)| *messages > 0);
    let rest: String = rest.map(|(messages, what)| format!("; {} {what}", count(messages))).collect();
    format!("{} to copy{size}{time}{rest}", plural(plan.messages_to_copy, "message"))
}

/// Which columns of words there is room for, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    /// Who decided and why.
    Why,
    /// Who decided; why stands below each folder that does not just keep its name.
    By,
    /// Neither: both stand below such a folder.
    Below,
}

/// Returns the table of folders, INBOX first, with as many words as there is room for; a pipe has it for all.
fn folders(folders: &[FolderPlan], width: Option<usize>, palette: Palette) -> String {
    let mut folders: Vec<&FolderPlan> = folders.iter().collect();
    folders.sort_by_key(|folder| !folder.source.eq_ignore_ascii_case("INBOX"));
    let tables = [Words::Why, Words::By].map(|words| table(&folders, words));
    let fits = |table: &&Table| width.is_none_or(|width| table.natural_width() <= width);
    match tables.iter().find(fits) {
        Some(table) => table.render(width, palette),
        None => table(&folders, Words::Below).render(width, palette),
    }
}

fn table(folders: &[&FolderPlan], words: Words) -> Table {
    let left_out =
        |folder: &FolderPlan| folder.left_out.iter().map(|rule| rule.portion.messages).sum::<u64>();
    let columns = [
        (true, ("Folder", Align::Left)),
        (true, ("Goes to", Align::Left)),
        (true, ("Messages", Align::Right)),
        (true, ("To copy", Align::Right)),
        (true, ("Size", Align::Right)),
        (folders.iter().any(|folder| folder.already_there > 0), ("There", Align::Right)),
        (folders.iter().any(|folder| folder.too_large.messages > 0), ("Too large", Align::Right)),
        (folders.iter().any(|folder| left_out(folder) > 0), ("Left out", Align::Right)),
        (words != Words::Below, (if words == Words::Why { "Why" } else { "Decided by" }, Align::Left)),
    ];
    let heads: Vec<_> = columns.iter().filter(|(shown, _)| *shown).map(|(_, head)| *head).collect();
    let mut table = Table::new(2, &heads);
    for folder in folders {
        let container = folder.is_container();
        let goes = match &folder.target {
            Some(target) if folder.create => (format!("{target} (new)"), None),
            Some(target) => (target.clone(), None),
            None if container => ("-".to_owned(), Some(Tone::Faint)),
            None => ("left out".to_owned(), Some(Tone::Warn)),
        };
        let unknown = if container { "-" } else { "?" };
        let figure = |messages: u64| if container { "-".to_owned() } else { count(messages) };
        let why = format!("{}: {}", folder.by, folder.why);
        let cells = [
            (folder.source.clone(), None),
            goes,
            (folder.messages.map_or_else(|| unknown.to_owned(), |n| count(n.into())), None),
            (figure(folder.to_copy), None),
            // The size of what is to copy.
            (folder.bytes_to_copy.filter(|_| folder.to_copy > 0).map_or_else(String::new, bytes), None),
            (figure(folder.already_there), None),
            (figure(folder.too_large.messages), None),
            (figure(left_out(folder)), None),
            (if words == Words::Why { why.clone() } else { folder.by.clone() }, Some(Tone::Faint)),
        ];
        let cells = cells.iter().zip(&columns).filter(|(_, (shown, _))| *shown);
        table.push_row_of(&cells.map(|((text, tone), _)| (text.as_str(), *tone)).collect::<Vec<_>>());
        let keeps_its_name = folder.target.as_deref() == Some(folder.source.as_str());
        match words {
            _ if keeps_its_name || container => {}
            Words::Why => {}
            Words::By => table.push_remark(&folder.why),
            Words::Below => table.push_remark(&why),
        }
    }
    table
}

fn push_labelled(
    out: &mut String,
    label: &str,
    tone: Tone,
    text: &str,
    width: Option<usize>,
    palette: Palette,
) {
    let mut lines = String::new();
    push_wrapped(&mut lines, 2, &format!("{label} {}", escape(text)), width);
    out.push_str(&lines.replacen(label, &palette.paint(tone, label), 1));
}

/// Returns the whole story of a source folder of this mailbox; `None` when it has none of that name.
pub(crate) fn explain(
    plan: &MailboxPlan,
    folder: &str,
    width: Option<usize>,
    palette: Palette,
) -> Option<String> {
    let found = plan.folders.iter().find(|found| found.source == folder)?;
    let head = format!("{}: {}", escape(&plan.mailbox), outcome(found));
    let mut out = format!("{}\n", palette.paint(Tone::Strong, &head));
    for (at, step) in found.story.iter().enumerate() {
        let line = format!("{}. {}: {}", at + 1, escape(&step.by), escape(&step.said));
        push_wrapped(&mut out, 2, &line, width);
    }
    // The last step asked is usually the one that decided.
    if !found.story.last().is_some_and(|step| step.by == found.by && step.said.ends_with(&found.why)) {
        let line = format!("so {}: {}", escape(&found.by), escape(&found.why));
        push_wrapped(&mut out, 2, &line, width);
    }
    for line in details(found) {
        push_wrapped(&mut out, 2, &line, width);
    }
    Some(out)
}

fn outcome(folder: &FolderPlan) -> String {
    let source = escape(&folder.source);
    match &folder.target {
        Some(target) => format!("`{source}` goes to `{}`", escape(target)),
        None => format!("`{source}` is left out"),
    }
}

fn details(folder: &FolderPlan) -> Vec<String> {
    let mut lines = Vec::new();
    if folder.target.is_some() {
        let role =
            folder.role.as_ref().map(|role| format!(" as the {} folder", escape(role))).unwrap_or_default();
        lines.push(if folder.create {
            format!("the target does not have it: it is created{role}")
        } else {
            "the target has it already".to_owned()
        });
        lines.push(format!(
            "{} subscribed on the target",
            if folder.subscribe { "it is" } else { "it is not" }
        ));
    }
    if let Some(messages) = folder.messages {
        let size = folder.bytes.map(|n| format!(", {}", bytes(n))).unwrap_or_default();
        lines.push(format!("the source has {} in it{size}", plural(messages.into(), "message")));
    }
    lines
}

/// Source folder names that are near to one that no mailbox has, at most three.
#[derive(Debug)]
pub(crate) struct Similar<'a> {
    wanted: &'a str,
    found: Vec<String>,
}

impl<'a> Similar<'a> {
    pub(crate) fn to(wanted: &'a str) -> Self {
        Self { wanted, found: Vec::new() }
    }

    /// Looks through one more mailbox.
    pub(crate) fn add(&mut self, plan: &MailboxPlan) {
        let names = plan.folders.iter().map(|folder| folder.source.as_str());
        self.found.extend(alike(names, self.wanted));
        self.found.sort_unstable();
        self.found.dedup();
        self.found.truncate(3);
    }

    pub(crate) fn names(self) -> Vec<String> {
        self.found
    }
}

/// Returns those of the `names` that are nearest to `wanted`, best first, at most three.
pub(crate) fn alike<'a>(names: impl Iterator<Item = &'a str>, wanted: &str) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    let near = |name: &&str| {
        let name = name.to_lowercase();
        name.contains(&wanted) || (!name.is_empty() && wanted.contains(&name))
    };
    names.into_iter().filter(near).take(3).map(|name| format!("`{}`", escape(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_plan_tells_where_each_folder_goes_and_why() {
        insta::assert_snapshot!(mailbox(&samples::plan(), Some(120), Palette::default()), @r"
        anna@old.example → anna@new.example
          Folder    Goes to                 Messages  To copy     Size  Why
          INBOX     INBOX                      1,200    1,200  3.0 MiB  mailhaul: INBOX is INBOX everywhere
          Sent      Sent Items                 1,200    1,200  3.0 MiB  roles 0.1.0: both sides have a folder for \Sent
          Old/2019  Archive/Old/2019 (new)     1,200    1,200  3.0 MiB  mailhaul.toml:12: `Old/**` goes to `Archive/Old/**`
          Spam      left out                   1,200        0           mailhaul.toml:15: the rule says `skip = true`
          受信箱    受信箱                     1,200    1,200  3.0 MiB  mailhaul: no step ruled on it: it keeps its name
          note: `Trash` and `Deleted` both claim the role trash by name: neither is mapped
          4,800 messages to copy, 12.0 MiB, about 4 min
        ");
        insta::assert_snapshot!(mailbox(&samples::plan(), Some(80), Palette::default()), @r"
        anna@old.example → anna@new.example
          Folder    Goes to                 Messages  To copy     Size  Decided by
          INBOX     INBOX                      1,200    1,200  3.0 MiB  mailhaul
          Sent      Sent Items                 1,200    1,200  3.0 MiB  roles 0.1.0
            both sides have a folder for \Sent
          Old/2019  Archive/Old/2019 (new)     1,200    1,200  3.0 MiB  mailhaul.toml:12
            `Old/**` goes to `Archive/Old/**`
          Spam      left out                   1,200        0           mailhaul.toml:15
            the rule says `skip = true`
          受信箱    受信箱                     1,200    1,200  3.0 MiB  mailhaul
          note: `Trash` and `Deleted` both claim the role trash by name: neither is
            mapped
          4,800 messages to copy, 12.0 MiB, about 4 min
        ");
    }

    /// The sentence with its advice would say again what the choices below it say.
    #[test]
    fn a_conflict_is_told_once_with_every_way_out() {
        let mut plan = samples::plan();
        let said = conflicts(&plan, Some(80), Palette::default());
        assert!(said.contains(&plan.conflicts[0].sentence), "{said}");
        plan.conflicts[0].sentence.push_str("; give it another name");
        plan.conflicts[0].choices = vec![Choice {
            what: "put `a` into `A 2`".into(),
            lines: Some("[[folders]]\nfrom = \"a\"\n".into()),
            command: None,
        }];
        insta::assert_snapshot!(conflicts(&plan, Some(80), Palette::default()), @r#"
        conflict: `A` and `a` would become one folder on the target
          - put `a` into `A 2`
              [[folders]]
              from = "a"
        "#);
    }

    #[test]
    fn inbox_is_first_and_what_is_left_out_is_not_to_be_copied() {
        let mut plan = samples::plan();
        plan.folders.rotate_left(1);
        plan.folders[0].already_there = 100;
        plan.folders[0].to_copy = 1_100;
        let table = folders(&plan.folders, None, Palette::default());
        let rows: Vec<&str> = table.lines().collect();
        assert!(rows[0].contains("To copy") && rows[0].contains("There"), "{table}");
        assert!(rows[1].trim_start().starts_with("INBOX"), "{table}");
        assert!(rows[2].contains("1,100") && rows[2].contains("100  "), "{table}");
    }

    #[test]
    fn explain_tells_the_whole_story() {
        let plan = samples::plan();
        insta::assert_snapshot!(explain(&plan, "Old/2019", Some(80), Palette::default()).unwrap(), @"
        anna@old.example: `Old/2019` goes to `Archive/Old/2019`
          1. mailhaul.toml: no rule is about it
          2. mailhaul.toml:12: `Old/**` goes to `Archive/Old/**`
          the target does not have it: it is created
          it is subscribed on the target
          the source has 1,200 messages in it, 3.0 MiB
        ");
        assert_eq!(explain(&plan, "Nope", None, Palette::default()), None);
        let mut similar = Similar::to("old");
        similar.add(&plan);
        similar.add(&plan);
        assert_eq!(similar.names(), ["`Old/2019`"]);
    }
}
