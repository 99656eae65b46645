//! Runs as the project's record has them: what was asked, by whom, and in which phase of the move.

use serde::{Deserialize, Serialize};

use crate::named_enum::named_enum;

named_enum! {
    /// What was asked of the mailboxes of a project.
    pub enum RunKind {
        /// `assess`: what the mailboxes are like was read.
        Assess = "assess",
        /// `check`: both ends were tried.
        Check = "check",
        /// `plan`: where the folders would go.
        Plan = "plan",
        /// `provision`: mailboxes were created on the new host.
        Provision = "provision",
        /// `run`: mail was copied.
        Run = "run",
        /// `retry`: what failed for one reason was sent again.
        Retry = "retry",
        /// `verify`: both ends were compared.
        Verify = "verify",
        /// `undo`: copies were taken back.
        Undo = "undo",
        /// `cutover watch`: the old host is watched for mail that still comes there.
        Watch = "watch",
    }
}

impl RunKind {
    /// Returns whether it writes mail to the target, so that its ends say how a mailbox has come along.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Self::Run | Self::Retry | Self::Undo | Self::Watch)
    }

    /// Returns whether it only looks at servers, and at no ledger.
    #[must_use]
    pub const fn looks(self) -> bool {
        matches!(self, Self::Assess | Self::Check | Self::Plan)
    }
}

named_enum! {
    /// Which part of a move a run is.
    pub enum Phase {
        /// Before a date is promised: nothing is copied.
        Assess = "assess",
        /// The newest mail first, long before the switch; what is left out of it stays pending.
        PreStage = "pre-stage",
        /// Everything, for the first time.
        Full = "full",
        /// What changed since a run that had finished.
        Delta = "delta",
        /// From the moment that MX leads to the new host: nothing is taken away or changed any more.
        Final = "final",
        /// What still comes to the old host.
        Watch = "watch",
    }
}

named_enum! {
    /// The way by which something was asked.
    pub enum Channel {
        /// The command line.
        Terminal = "terminal",
        /// The web console.
        Console = "console",
        /// The HTTP API.
        Api = "api",
    }
}

/// Who has asked for something, as the record and the audit trail name him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requester {
    /// The person's name: the log-in name on this machine, or the name that the console knows.
    #[serde(rename = "by")]
    pub name: String,
    /// How it was asked.
    pub channel: Channel,
}

impl Requester {
    /// Makes one who has typed a command.
    #[must_use]
    pub fn on_terminal(name: impl Into<String>) -> Self {
        Self { name: name.into(), channel: Channel::Terminal }
    }
}
