//! One folder of an account: its name, its place, its roles (RFC 6154).

use std::fmt;

use crate::types::name::{FolderName, FolderPath};

/// A folder's role (RFC 6154 section 2, RFC 8457).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpecialUse {
    /// `\Sent`: copies of messages that were sent.
    Sent,
    /// `\Drafts`: messages that are not finished.
    Drafts,
    /// `\Trash`: messages that were deleted, or are about to be.
    Trash,
    /// `\Junk`: messages taken for spam.
    Junk,
    /// `\Archive`: messages put away for good.
    Archive,
    /// `\All`: all messages, mostly a view over the other folders.
    All,
    /// `\Flagged`: flagged messages, mostly a view over the other folders.
    Flagged,
    /// `\Important` (RFC 8457): what the server thinks important, a view over the other folders.
    Important,
    /// Another backslash attribute that names a role, as written.
    Other(String),
}

impl SpecialUse {
    /// Returns the role an attribute names, or `None` when it names none. XLIST's words are understood.
    pub fn from_attribute(attribute: &str) -> Option<SpecialUse> {
        let name = attribute.strip_prefix('\\')?;
        Some(match name.to_ascii_lowercase().as_str() {
            "sent" => SpecialUse::Sent,
            "drafts" => SpecialUse::Drafts,
            "trash" => SpecialUse::Trash,
            "junk" | "spam" => SpecialUse::Junk,
            "archive" => SpecialUse::Archive,
            "all" | "allmail" => SpecialUse::All,
            "flagged" | "starred" => SpecialUse::Flagged,
            "important" => SpecialUse::Important,
            // What a folder is or has, not what it is for.
            "noselect" | "nonexistent" | "noinferiors" | "haschildren" | "hasnochildren" | "marked"
            | "unmarked" | "subscribed" | "remote" | "inbox" | "" => return None,
            _ => SpecialUse::Other(attribute.to_owned()),
        })
    }

    /// Returns the attribute as it stands in LIST and CREATE, such as `\Sent`.
    pub fn as_attribute(&self) -> &str {
        match self {
            SpecialUse::Sent => "\\Sent",
            SpecialUse::Drafts => "\\Drafts",
            SpecialUse::Trash => "\\Trash",
            SpecialUse::Junk => "\\Junk",
            SpecialUse::Archive => "\\Archive",
            SpecialUse::All => "\\All",
            SpecialUse::Flagged => "\\Flagged",
            SpecialUse::Important => "\\Important",
            SpecialUse::Other(attribute) => attribute,
        }
    }

    /// The attribute for CREATE, when it may stand there: another server's own attribute may not.
    pub(crate) fn settable(&self) -> Option<&str> {
        match self {
            SpecialUse::Other(_) => None,
            role => Some(role.as_attribute()),
        }
    }
}

impl fmt::Display for SpecialUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_attribute().escape_debug())
    }
}

/// Whose a folder is, by the server's namespaces (RFC 2342).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Space {
    /// In a personal namespace: the user's own.
    #[default]
    Own,
    /// Beside all namespaces that the server tells of; mostly the user's own all the same.
    Beside,
    /// In a namespace of other users or a shared one.
    Foreign,
}

/// One folder of the account, as LIST shows it (RFC 9051 section 7.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// The bytes that commands name it by on this server.
    pub name: FolderName,
    /// Its place for people and other servers. No two folders that can be opened have one path. Outside the
    /// personal namespace it is the place from the server's root, see [`FolderPath::is_outside`].
    pub path: FolderPath,
    /// How its name reads, where another folder's reads the same; elsewhere `None`. One of these folders has
    /// it as its path, the others are told apart by their names as they stand on the wire.
    pub reads: Option<FolderPath>,
    /// Whose it is, by the server's namespaces.
    pub space: Space,
    /// Its attributes as the server writes them, such as `\HasNoChildren`.
    pub attributes: Vec<String>,
    /// Its roles, in the server's order; mostly none or one.
    pub roles: Vec<SpecialUse>,
    /// Whether it can be opened; a folder that cannot only holds other folders.
    pub selectable: bool,
    /// Whether the user is subscribed to it, by LIST or LSUB.
    pub subscribed: bool,
    /// Whether the server lists it; one that it leaves out was asked for by its name, and is there.
    pub listed: bool,
}

impl Folder {
    /// Returns how its name reads: the path another server may give it.
    pub fn reading(&self) -> &FolderPath {
        self.reads.as_ref().unwrap_or(&self.path)
    }

    /// Returns whether it lies in the personal namespace.
    pub fn is_own(&self) -> bool {
        self.space == Space::Own
    }
}

/// The path of a folder outside the personal namespace begins at the server's root.
pub(crate) fn placed(mut path: FolderPath, space: Space) -> FolderPath {
    if space != Space::Own {
        path.0.insert(0, String::new());
    }
    path
}
