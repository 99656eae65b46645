//! Rules that a sentence advises, as they can be typed into `mailhaul.toml`.

use std::collections::HashSet;

use mailhaul_imap::FolderPath;
use mailhaul_text::argument;

use crate::plan::Choice;
use crate::rules::Pattern;

/// Returns a rule that sends one folder to another, as a sentence names it.
#[must_use]
pub(crate) fn rule(from: &FolderPath, to: &FolderPath) -> String {
    format!("`[[folders]]`, `from = {}`, `to = {}`", string(from), string(to))
}

/// Returns a rule that leaves one folder out and keeps its copies, as a sentence names it.
#[must_use]
pub(crate) fn keep_rule(from: &FolderPath) -> String {
    format!("`[[folders]]`, `from = {}`, `skip = true`, `copies = \"keep\"`", string(from))
}

/// A sentence's end that advises a rule for `from` with a name that nothing else on the target has.
#[must_use]
pub(crate) fn another_name(from: &FolderPath, near: &FolderPath, taken: &HashSet<String>) -> String {
    format!(
        "give it another name in a [[folders]] rule, each part on a line of its own in mailhaul.toml: {}",
        rule(from, &free(near, taken))
    )
}

/// The choice of giving a folder a name that nothing else on the target has.
#[must_use]
pub(crate) fn rename(from: &FolderPath, near: &FolderPath, taken: &HashSet<String>) -> Choice {
    rename_all([(from, near)], taken)
}

/// The same for several folders, each with what its new name is made of.
#[must_use]
pub(crate) fn rename_all<'a>(
    folders: impl IntoIterator<Item = (&'a FolderPath, &'a FolderPath)>,
    taken: &HashSet<String>,
) -> Choice {
    let mut taken = taken.clone();
    let (mut what, mut lines) = (Vec::new(), String::new());
    for (from, near) in folders {
        let to = free(near, &taken);
        taken.insert(super::target::collision_key(&to));
        what.push(format!("`{from}` into `{to}`"));
        lines.push_str(&rule_lines(from, Some(&to)));
    }
    Choice { what: format!("put {}", what.join(" and ")), lines: Some(lines), command: None }
}

/// The choice of putting folders into one that others go to, or that is there.
#[must_use]
pub(crate) fn merge<'a>(from: impl IntoIterator<Item = &'a FolderPath>, to: &FolderPath) -> Choice {
    let from: Vec<&FolderPath> = from.into_iter().collect();
    let lines = from.iter().map(|from| rule_lines(from, Some(to))).collect();
    Choice { what: format!("merge {} into `{to}`", named(&from)), lines: Some(lines), command: None }
}

/// The choice of leaving folders out. What earlier runs have copied of them stays, so that this is no
/// conflict of its own.
#[must_use]
pub(crate) fn leave_out<'a>(from: impl IntoIterator<Item = &'a FolderPath>) -> Choice {
    let from: Vec<&FolderPath> = from.into_iter().collect();
    let lines = from.iter().map(|from| rule_lines(from, None)).collect();
    Choice { what: format!("leave {} out", named(&from)), lines: Some(lines), command: None }
}

/// The choice of leaving a folder out with its copies where an earlier run has put them.
#[must_use]
pub(crate) fn keep_copies(from: &FolderPath, place: &str) -> Choice {
    let what = format!("leave `{from}` out and keep its copies in `{place}`");
    Choice { what, lines: Some(rule_lines(from, None)), command: None }
}

/// The choice of sending a folder to where earlier runs have sent it.
#[must_use]
pub(crate) fn as_before(from: &FolderPath, place: &str) -> Choice {
    let lines = rule_lines(from, Some(&FolderPath::parse(place)));
    Choice { what: format!("go on copying `{from}` to `{place}`"), lines: Some(lines), command: None }
}

/// The choice of taking back what earlier runs have copied of a folder, which the ledger knows as `source`.
#[must_use]
pub(crate) fn take_back(mailbox: &str, source: &str) -> Choice {
    let command = format!("mailhaul undo --only {} --folder {}", argument(mailbox), argument(source));
    Choice { what: format!("take the copies of `{source}` back"), lines: None, command: Some(command) }
}

/// The choice of moving a target folder back to where earlier runs have put it, by hand.
#[must_use]
pub(crate) fn move_back(now: &FolderPath, place: &FolderPath) -> Choice {
    let what = format!("move `{now}` back to `{place}` on the target, with a mail program");
    Choice { what, lines: None, command: None }
}

fn named(folders: &[&FolderPath]) -> String {
    folders.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(" and ")
}

/// A rule as it stands in `mailhaul.toml`; without a target it leaves the folder out and keeps its copies.
fn rule_lines(from: &FolderPath, to: Option<&FolderPath>) -> String {
    let then = match to {
        Some(to) => format!("to = {}", string(to)),
        None => "skip = true\ncopies = \"keep\"".to_owned(),
    };
    format!("[[folders]]\nfrom = {}\n{then}\n", string(from))
}

/// A path like this one that nothing has: with a number behind it.
fn free(near: &FolderPath, taken: &HashSet<String>) -> FolderPath {
    let levels = near.0.iter().filter(|level| !level.is_empty());
    let plain = FolderPath(levels.map(|level| level.trim().to_owned()).collect());
    let taken = |path: &FolderPath| taken.contains(&super::target::collision_key(path));
    let numbered = |n: u32| {
        let mut path = plain.clone();
        match path.0.last_mut() {
            Some(last) => last.push_str(&format!(" {n}")),
            None => path.0.push(format!("Folder {n}")),
        }
        path
    };
    (2..).map(numbered).find(|path| !taken(path)).unwrap_or(plain)
}

/// A path as a TOML string: what is in it is neither read as a wildcard nor as an escape of TOML's.
fn string(path: &FolderPath) -> String {
    let text = Pattern::exact_for(path);
    if text.contains(['\\', '"']) && !text.contains('\'') {
        return format!("'{text}'");
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_what_toml_reads() {
        let shown = |text: &str| string(&FolderPath(vec![text.to_owned()]));
        assert_eq!(shown("Entw\u{fc}rfe"), "\"Entw\u{fc}rfe\"");
        assert_eq!(shown("a\tb"), r"'a\u{9}b'");
        assert_eq!(shown(r#"it's "5""#), r#""it's \"5\"""#);
        assert_eq!(shown("it's\\x\u{7}"), r#""it's\\x\\u{7}""#);
    }

    #[test]
    fn a_free_name_is_like_none_that_is_taken() {
        let taken = ["work 2", "work 3"].map(str::to_owned).into();
        assert_eq!(free(&FolderPath::parse("Work "), &taken).to_string(), "Work 4");
        assert_eq!(free(&FolderPath::parse("/Shared/x"), &taken).to_string(), "Shared/x 2");
    }
}
