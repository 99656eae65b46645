//! Folders and their paths.

use std::fmt::{self, Write as _};

use crate::Extras;

/// Names from the outermost level inwards, without delimiter and without the prefix of the personal
/// namespace. The inbox is `["INBOX"]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FolderPath(pub Vec<String>);

impl FolderPath {
    /// The names as a slice, the outermost first.
    #[must_use]
    pub fn levels(&self) -> &[String] {
        &self.0
    }

    /// The name of the folder itself; empty for an empty path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// The only level of a folder that lies in no other.
    #[must_use]
    pub fn top_level_name(&self) -> Option<&str> {
        match self.0.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Whether this is the inbox itself. Its name has no case (RFC 3501 section 5.1).
    #[must_use]
    pub fn is_inbox(&self) -> bool {
        self.top_level_name().is_some_and(|name| name.eq_ignore_ascii_case("INBOX"))
    }

    /// The levels below `prefix`: an empty path when they are equal, `None` when this lies elsewhere.
    #[must_use]
    pub fn strip_prefix(&self, prefix: impl Into<FolderPath>) -> Option<FolderPath> {
        let prefix = prefix.into();
        self.0.strip_prefix(prefix.0.as_slice()).map(|rest| Self(rest.to_vec()))
    }

    /// This path with the levels of another folder before its own.
    #[must_use]
    pub fn under(&self, parent: impl Into<FolderPath>) -> FolderPath {
        let mut levels = parent.into().0;
        levels.extend(self.0.iter().cloned());
        Self(levels)
    }
}

/// For people: levels with `/` between them, as in `mailhaul.toml`. A `/` inside a level is `\/`, and a `\`
/// that could be taken for such an escape is `\\`.
impl fmt::Display for FolderPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, level) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("/")?;
            }
            let mut characters = level.chars().peekable();
            while let Some(character) = characters.next() {
                if character == '/'
                    || (character == '\\' && matches!(characters.peek(), Some('/' | '\\') | None))
                {
                    f.write_char('\\')?;
                }
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

impl From<Vec<String>> for FolderPath {
    fn from(levels: Vec<String>) -> Self {
        Self(levels)
    }
}

impl From<&FolderPath> for FolderPath {
    fn from(path: &FolderPath) -> Self {
        path.clone()
    }
}

impl<const N: usize> From<[&str; N]> for FolderPath {
    fn from(levels: [&str; N]) -> Self {
        Self(levels.into_iter().map(str::to_owned).collect())
    }
}

/// What a folder is for (RFC 6154, RFC 8457).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpecialUse {
    /// `\All`: holds all messages of the mailbox, as Gmail's "All Mail" does.
    All,
    /// `\Archive`: messages put away; what exactly is up to the server.
    Archive,
    /// `\Drafts`: messages being written.
    Drafts,
    /// `\Flagged`: messages somebody flagged.
    Flagged,
    /// `\Important`: messages taken to be important (RFC 8457).
    Important,
    /// `\Junk`: spam.
    Junk,
    /// `\Sent`: messages that were sent.
    Sent,
    /// `\Trash`: messages to be removed.
    Trash,
    /// Any other attribute, as the server sent it.
    Other(String),
}

impl fmt::Display for SpecialUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "\\All",
            Self::Archive => "\\Archive",
            Self::Drafts => "\\Drafts",
            Self::Flagged => "\\Flagged",
            Self::Important => "\\Important",
            Self::Junk => "\\Junk",
            Self::Sent => "\\Sent",
            Self::Trash => "\\Trash",
            Self::Other(attribute) => attribute,
        })
    }
}

/// One folder as the server listed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its levels, the outermost first.
    pub path: FolderPath,
    /// LIST attributes as the server sent them, e.g. `\HasChildren`.
    pub attributes: Vec<String>,
    /// The special uses among its attributes: what the server says, never guessed from the name.
    pub roles: Vec<SpecialUse>,
    /// False where it can hold no messages (`\Noselect`, `\NonExistent`).
    pub selectable: bool,
    /// Whether the user has subscribed to it (RFC 9051 section 6.3.7).
    pub subscribed: bool,
    /// Number of messages; `None` where mailhaul has not asked for it.
    pub messages: Option<u32>,
    /// Sum of the messages' sizes in bytes; `None` where mailhaul has not asked for it.
    pub bytes: Option<u64>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

impl Folder {
    /// An ordinary, subscribed folder: the start for tests.
    #[must_use]
    pub fn new(path: impl Into<FolderPath>) -> Self {
        Self {
            path: path.into(),
            attributes: Vec::new(),
            roles: Vec::new(),
            selectable: true,
            subscribed: true,
            messages: None,
            bytes: None,
            extras: Extras::new(),
        }
    }

    /// This folder with another special use beside those it has.
    #[must_use]
    pub fn with_role(mut self, role: SpecialUse) -> Self {
        self.roles.push(role);
        self
    }

    /// Whether the server says what it is for. Attributes without a meaning of their own here say nothing.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        self.roles.iter().any(|role| !matches!(role, SpecialUse::Other(_)))
    }

    /// Whether the server sent this attribute; case is ignored (RFC 3501 section 9).
    #[must_use]
    pub fn has_attribute(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|have| have.eq_ignore_ascii_case(attribute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_and_joined_by_level() {
        let path = FolderPath::from(["Kunden", "Nord", "a/b"]);
        let rest = path.strip_prefix(["Kunden"]).unwrap();
        assert_eq!(rest, FolderPath::from(["Nord", "a/b"]));
        assert_eq!(rest.under(["Customers"]).to_string(), "Customers/Nord/a\\/b");
        assert_eq!(path.strip_prefix(["Kund"]), None, "a prefix is whole levels");
        assert_eq!(path.strip_prefix(&path), Some(FolderPath::default()));
    }

    #[test]
    fn the_inbox_has_no_case_and_no_parent() {
        assert!(FolderPath::from(["Inbox"]).is_inbox());
        assert!(!FolderPath::from(["Old", "INBOX"]).is_inbox());
    }
}
