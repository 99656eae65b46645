//! The ends of a migration.

use serde::{Deserialize, Serialize};

/// An end of the migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The old host.
    Source,
    /// The new host.
    Target,
    /// Neither: this machine.
    Local,
}

impl Side {
    /// `source`, `target` or `local`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
            Self::Local => "local",
        }
    }
}
