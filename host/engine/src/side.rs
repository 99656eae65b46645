//! The ends of a migration.

use serde::{Deserialize, Serialize};

/// The end that something happened at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The host the mail comes from, which is never written to.
    Source,
    /// The host the mail goes to.
    Target,
    /// This machine: the project's files, the ledger or a plugin.
    Local,
}

impl Side {
    /// Returns the name in JSON and in sentences: `source`, `target` or `local`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
            Self::Local => "local",
        }
    }
}
