//! Names as they are typed at a shell's prompt.

use std::borrow::Cow;

/// Writes `name` as one argument of a command: as it is where no shell makes anything of it, else in single
/// quotes, as POSIX shells and zsh read them. Characters that are unsafe to show stay what they are:
/// [`escape`](crate::escape()) is for whoever shows it.
#[must_use]
pub fn argument(name: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || "@%+=:,./-_".contains(c);
    // An option begins with `-`, and zsh replaces a word that begins with `=`.
    if !name.is_empty() && !name.starts_with(['-', '=']) && name.chars().all(plain) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(format!("'{}'", name.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_read_otherwise_is_quoted() {
        for (name, typed) in [
            ("anna@old.example", "anna@old.example"),
            ("Archive/2019", "Archive/2019"),
            ("Entw\u{fc}rfe", "Entw\u{fc}rfe"),
            ("Sent Items", "'Sent Items'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            (r"A\/B", r"'A\/B'"),
            ("~ann", "'~ann'"),
            ("", "''"),
        ] {
            assert_eq!(argument(name), typed, "{name}");
        }
    }
}
