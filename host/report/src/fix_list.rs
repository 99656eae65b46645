//! The fix list: what has to be done before the move is complete, by who has to do it, with the text to send.
//!
//! A group is one thing to ask of one party; a party gets one section. It holds nothing secret, and no
//! subject of a mail.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mailhaul_engine::cause::Actor;
use mailhaul_engine::code::Code;
use mailhaul_engine::plugin::HookOutcome;
use mailhaul_engine::summary::{
    ExceptionOutcome, LeftOutFolder, MailboxSummary, ProjectSummary, Side, Standing, Stopped,
};
use mailhaul_text::{plural, visible};
use serde::Serialize;

use crate::csv::harmless;
use crate::{Format, ReportError};

/// The columns of the CSV form; their order and names are promises to spreadsheets.
pub const COLUMNS: [&str; 9] =
    ["who", "code", "side", "mailbox", "folder", "messages", "words", "remedy", "message"];

/// Everything that one party is asked for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Who has to act.
    pub who: Actor,
    /// The cause of a mailbox that cannot go on, the code of messages that failed, or `difference`,
    /// `validation`, `folder-rule`, `left-copies`.
    pub code: String,
    /// At which end; `None` for messages and findings.
    pub side: Option<Side>,
    /// What is the matter, in one clause.
    pub sentence: String,
    /// What to do about it, in one sentence without its full stop.
    pub remedy: String,
    /// The text to send to whoever acts; `None` where that is the operator.
    pub message: Option<String>,
    /// What it is about.
    pub items: Vec<Item>,
}

/// A mailbox, or a folder of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Item {
    /// Key of the mailbox.
    pub mailbox: String,
    /// Source folder, in display form; `None` for the mailbox as a whole.
    pub folder: Option<String>,
    /// Messages it is about; `None` for the mailbox as a whole.
    pub messages: Option<u64>,
    /// The server's words, or what was found.
    pub words: String,
}

/// Returns what has to be done, in the order in which parties are best asked: those outside first, since they
/// take longest.
#[must_use]
pub fn fix_list(project: &ProjectSummary) -> Vec<Group> {
    let mut groups: BTreeMap<(usize, String, Option<&'static str>), Group> = BTreeMap::new();
    let mut add = |group: Group| {
        let key = (rank(group.who), group.code.clone(), group.side.map(Side::as_str));
        match groups.get_mut(&key) {
            Some(known) => known.items.extend(group.items),
            None => drop(groups.insert(key, group)),
        }
    };
    for mailbox in project.mailboxes.iter().filter(|mailbox| mailbox.standing.unlisted.is_none()) {
        let Standing { now, why, .. } = &*mailbox.standing;
        match (now.cause, now.side, &mailbox.stopped) {
            // What a look has found since counts, and not what a run had met before.
            (Some(cause), Some(side), _) => {
                let reason = why.clone().unwrap_or_default();
                add(of_stop(mailbox, &Stopped { side, cause, reason }));
            }
            (_, _, Some(stopped)) if !now.state.is_live() => add(of_stop(mailbox, stopped)),
            _ => {}
        }
        messages(mailbox).into_iter().for_each(&mut add);
        findings(mailbox).into_iter().for_each(&mut add);
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    for group in &mut groups {
        group.items.sort();
    }
    groups
}

/// The place of a party in the list.
fn rank(who: Actor) -> usize {
    let order =
        [Actor::Client, Actor::OldHost, Actor::NewHost, Actor::Operator, Actor::Mailhaul, Actor::Nobody];
    order.iter().position(|one| *one == who).unwrap_or(order.len())
}

fn key(mailbox: &MailboxSummary) -> String {
    let key = &mailbox.standing.mailbox;
    if key.is_empty() { mailbox.source.clone() } else { key.clone() }
}

fn of_stop(mailbox: &MailboxSummary, stopped: &Stopped) -> Group {
    let Stopped { side, cause, reason } = stopped;
    let item = Item { mailbox: key(mailbox), folder: None, messages: None, words: reason.clone() };
    Group {
        who: cause.actor(*side),
        code: cause.to_string(),
        side: Some(*side),
        sentence: cause.sentence(*side),
        remedy: cause.remedy(*side),
        message: cause.message(*side),
        items: vec![item],
    }
}

/// Messages that failed, by their code: an item for each folder, with the first one's words.
fn messages(mailbox: &MailboxSummary) -> Vec<Group> {
    let mut folders: BTreeMap<(Code, &str), (u64, &str)> = BTreeMap::new();
    let failed = mailbox.exceptions.iter().filter(|one| one.outcome == ExceptionOutcome::Failed);
    for exception in failed {
        let folder = folders.entry((exception.code, &exception.folder)).or_insert((0, &exception.reason));
        folder.0 += 1;
    }
    let group = |((code, folder), (messages, words)): ((Code, &str), (u64, &str))| Group {
        who: code.actor(),
        code: code.to_string(),
        side: None,
        sentence: code.sentence().to_owned(),
        remedy: code.remedy().to_owned(),
        message: code.message().map(str::to_owned),
        items: vec![Item {
            mailbox: key(mailbox),
            folder: Some(folder.to_owned()),
            messages: Some(messages),
            words: words.to_owned(),
        }],
    };
    folders.into_iter().map(group).collect()
}

/// What the operator has to look at himself.
fn findings(mailbox: &MailboxSummary) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut add =
        |code: &str, sentence: &str, remedy: &str, items: Vec<(Option<String>, Option<u64>, String)>| {
            let item = |(folder, messages, words)| Item { mailbox: key(mailbox), folder, messages, words };
            if !items.is_empty() {
                groups.push(Group {
                    who: Actor::Operator,
                    code: code.to_owned(),
                    side: None,
                    sentence: sentence.to_owned(),
                    remedy: remedy.to_owned(),
                    message: None,
                    items: items.into_iter().map(item).collect(),
                });
            }
        };
    let mut differences: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for found in mailbox.differences.iter().filter(|found| !found.note) {
        *differences.entry((&found.folder, found.kind.as_str())).or_default() += 1;
    }
    let differences = differences.into_iter();
    let differences =
        differences.map(|((folder, kind), n)| (Some(folder.to_owned()), Some(n), kind.to_owned())).collect();
    add(
        "difference",
        "both ends differ",
        "look at both messages, which `mailhaul report` lists; `mailhaul verify` compares them again",
        differences,
    );
    let hooks = mailbox.hooks.iter().filter(|hook| hook.outcome == HookOutcome::Fail);
    let findings = hooks.map(|hook| {
        let first = hook.findings.first().map(|finding| format!(": {}", finding.message));
        (None, None, format!("{}{}", hook.plugin, first.unwrap_or_default()))
    });
    add(
        "validation",
        "a validation hook failed",
        "do what it says, and run `mailhaul verify` again",
        findings.collect(),
    );
    let open = mailbox.left_out.iter().filter(|folder| folder.is_open());
    let open = open.map(|LeftOutFolder { folder, messages, reason, .. }| {
        (Some(folder.clone()), messages.map(u64::from), reason.clone())
    });
    add(
        "folder-rule",
        "a folder lies outside the mailbox's own, and no rule says what becomes of it",
        "take it in, or leave it out, with a `[[folders]]` rule",
        open.collect(),
    );
    let kept = mailbox.kept.iter().map(|reason| (None, None, reason.clone()));
    add(
        "left-copies",
        "copies were left that `--delete-gone` was to put away",
        "do what the sentence says, and run with `--delete-gone` again",
        kept.collect(),
    );
    groups
}

/// Returns the list as Markdown: a section for each party, with the text to send in quotes.
#[must_use]
pub fn markdown(project: &str, groups: &[Group]) -> String {
    let mut out = format!("# {}: what has to be done\n", plain(project));
    if groups.is_empty() {
        out.push_str("\nNothing: no mailbox waits for anybody.\n");
    }
    let mut who = None;
    for group in groups {
        if who != Some(group.who) {
            let mut name = group.who.shown().to_owned();
            if let Some(first) = name.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            write!(out, "\n## {name}\n").ok();
            who = Some(group.who);
        }
        let items = match group.items.iter().any(|item| item.folder.is_some()) {
            true => plural(group.items.len() as u64, "folder"),
            false => plural(group.items.len() as u64, "mailbox"),
        };
        write!(out, "\n### {} ({items})\n\n", capital(&group.sentence)).ok();
        match &group.message {
            Some(message) => {
                write!(out, "To send:\n\n> {message}\n\nThen: {}.\n\n", group.remedy).ok();
            }
            None => {
                write!(out, "What to do: {}.\n\n", group.remedy).ok();
            }
        }
        let first = group.items.first().map(|item| item.words.as_str()).unwrap_or_default();
        let alike = group.items.len() > 1 && group.items.iter().all(|item| item.words == first);
        if alike && !first.is_empty() {
            write!(out, "Of each: {}\n\n", quoted(first)).ok();
        }
        for item in &group.items {
            write!(out, "- {}", quoted(&item.mailbox)).ok();
            if let Some(folder) = &item.folder {
                write!(out, ", folder {}", quoted(folder)).ok();
            }
            if let Some(messages) = item.messages {
                write!(out, ", {}", plural(messages, "message")).ok();
            }
            if !(alike || item.words.is_empty()) {
                write!(out, ": {}", quoted(&item.words)).ok();
            }
            out.push('\n');
        }
    }
    out
}

/// Returns the list as CSV (RFC 4180, UTF-8, LF): a line for each mailbox or folder, see [`COLUMNS`].
///
/// # Errors
/// When it cannot be written in this form.
pub fn csv(groups: &[Group]) -> Result<String, ReportError> {
    let failed = |cause: String| ReportError { format: Format::Csv, cause };
    let mut writer = ::csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(|error| failed(error.to_string()))?;
    for group in groups {
        for item in &group.items {
            let line = [
                group.who.to_string(),
                group.code.clone(),
                group.side.map_or("", Side::as_str).to_owned(),
                harmless(&item.mailbox),
                harmless(item.folder.as_deref().unwrap_or_default()),
                item.messages.map_or_else(String::new, |messages| messages.to_string()),
                harmless(&item.words),
                harmless(&group.remedy),
                harmless(group.message.as_deref().unwrap_or_default()),
            ];
            writer.write_record(line).map_err(|error| failed(error.to_string()))?;
        }
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Foreign text in a heading: one line, in which nothing is markup.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in visible(text).chars() {
        if c.is_ascii_punctuation() && !matches!(c, '.' | ',' | ':' | '-' | '@') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Foreign text as code: nothing in it is markup, and it ends where it ends.
fn quoted(text: &str) -> String {
    format!("`{}`", visible(text).replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn everybody_is_told_what_he_has_to_do() {
        let project = fixture::troubled();
        let text = markdown(&project.project, &fix_list(&project));
        insta::assert_snapshot!(text, @"
        # Olddomain to Newdomain: what has to be done

        ## Client

        ### The old host refuses user name or password (1 mailbox)

        To send:

        > We are moving your e-mail. The old server does not accept the passwords that we have for the mailboxes below. Please check each of them by signing in to the old webmail, and send us the password that works there in the way we agreed on, not by e-mail.

        Then: check the source user and password, and that IMAP is on for the mailbox.

        - `carol@olddomain.example`: `the server refused the log-in: NO [AUTHENTICATIONFAILED] Invalid credentials`

        ## New host

        ### Larger than the new host takes (1 folder)

        To send:

        > We are moving mail to your server, which does not take the messages below because they are too large. Please raise the limit on the size of a message until the move has ended.

        Then: have the new host take larger messages, or hand it over in another way.

        - `anna@olddomain.example`, folder `Sent`, 3 messages: `the target refused it: NO [LIMIT] Message is larger than 25 MB`

        ## You

        ### Both ends differ (1 folder)

        What to do: look at both messages, which `mailhaul report` lists; `mailhaul verify` compares them again.

        - `bob@olddomain.example`, folder `INBOX`, 2 messages: `missing`

        ### A validation hook failed (1 mailbox)

        What to do: do what it says, and run `mailhaul verify` again.

        - `bob@olddomain.example`: `counts: the target has 822 messages where the ledger has 824`
        ");
    }

    #[test]
    fn a_spreadsheet_gets_a_line_for_each_mailbox_or_folder() {
        let groups = fix_list(&fixture::troubled());
        let items: usize = groups.iter().map(|group| group.items.len()).sum();
        let text = csv(&groups).unwrap();
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), COLUMNS);
        assert_eq!(reader.records().map(Result::unwrap).count(), items);
    }

    #[test]
    fn what_is_foreign_is_no_markup_and_no_formula() {
        let project = fixture::hostile();
        let groups = fix_list(&project);
        assert!(!groups.is_empty());
        let text = markdown(&project.project, &groups);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
        for line in text.lines().filter(|line| line.starts_with("- ")) {
            assert_eq!(line.matches('`').count() % 2, 0, "{line}");
        }
        let table = csv(&groups).unwrap();
        let formula = |cell: &str| cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let mut reader = ::csv::Reader::from_reader(table.as_bytes());
        assert!(reader.records().all(|row| row.unwrap().iter().all(|cell| !formula(cell))), "{table}");
    }

    #[test]
    fn nothing_to_do_is_said() {
        let complete = fixture::complete();
        assert_eq!(fix_list(&complete), []);
        assert!(markdown("acme", &[]).contains("Nothing: no mailbox waits for anybody."));
    }
}
