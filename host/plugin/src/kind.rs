//! What a plugin can be.

use std::fmt;

/// A kind of plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Decides where folders go.
    FolderMapper,
    /// Lists the mailboxes to move.
    MailboxSource,
    /// Judges moved mailboxes.
    Validator,
    /// Knows servers.
    ServerProfile,
    /// Creates mailboxes.
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

    /// Its word in manifests and messages, which is the name of its interface too.
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

    /// The interfaces it may import, besides those of types alone.
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

/// "folder-mapper and validator".
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
