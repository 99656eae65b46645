//! Rules that a sentence advises, as they can be typed into `mailhaul.toml`.

use std::collections::HashSet;

use mailhaul_imap::FolderPath;

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
