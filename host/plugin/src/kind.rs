//! The kinds of plugins, and what each may import.

use std::fmt;

/// A kind of plugin: an interface that its component exports. One component can be of several kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Decides where the source's folders go on the target.
    FolderMapper,
    /// Lists the mailboxes to move, with how to sign in to each.
    MailboxSource,
    /// Judges a mailbox after it was moved, from read-only views of both ends.
    Validator,
    /// Recognises servers, and says what their refusals mean.
    ServerProfile,
    /// Lists and creates mailboxes on the target, and sets their quotas, through a provider's API.
    MailboxProvisioner,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [
        Self::FolderMapper,
        Self::MailboxSource,
        Self::Validator,
        Self::ServerProfile,
        Self::MailboxProvisioner,
    ];

    /// Returns its word in manifests and messages, such as `folder-mapper`, which is its interface's name in
    /// `wit/` too.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FolderMapper => "folder-mapper",
            Self::MailboxSource => "mailbox-source",
            Self::Validator => "validator",
            Self::ServerProfile => "server-profile",
            Self::MailboxProvisioner => "mailbox-provisioner",
        }
    }

    /// The interfaces of `mailhaul:plugin` it may import, besides those of types alone.
    pub(crate) fn imports(self) -> &'static [&'static str] {
        match self {
            Self::FolderMapper | Self::ServerProfile => &["log", "host", "settings"],
            Self::MailboxSource => &["log", "host", "settings", "cancel", "secrets", "http", "inputs"],
            Self::MailboxProvisioner => &["log", "host", "settings", "cancel", "secrets", "http"],
            Self::Validator => &["log", "host", "settings", "cancel", "evidence"],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Joins kinds for a sentence: "folder-mapper and validator".
pub(crate) fn words(kinds: &[Kind]) -> String {
    match kinds {
        [] => "plugin of no kind".to_owned(),
        [one] => one.to_string(),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(|kind| kind.name()).collect();
            format!("{} and {last}", first.join(", "))
        }
    }
}
