//! What a front end asks the engine to do: both hosts, the operator's rules, limits.
//!
//! A [`Job`] is built by the front end from `mailhaul.toml`; the engine never reads that file.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mailhaul_imap::{AuthMethod, Secret};
use mailhaul_net::Dialer;

use crate::clock::Clock;
use crate::code::Code;
use crate::password_hosts::{Destination, Server};
use crate::plan::AgreedPlan;
use crate::plugin::Depth;
use crate::rules::FolderRule;
use crate::run_kind::Requester;

/// Everything about a project but its mailboxes and plugins.
#[derive(Debug, Clone)]
pub struct Job {
    /// `[project] name`, which plans and reports carry.
    pub name: String,
    /// Folder of the ledgers (`[project] state`, absolute).
    pub state_dir: PathBuf,
    /// `[source]`: the host the mail comes from.
    pub source: HostSettings,
    /// `[target]`: the host the mail goes to.
    pub target: HostSettings,
    /// `[mailboxes] hosts`: where rows may sign in with their own passwords beside the hosts of both sides.
    pub mailbox_hosts: Vec<Destination>,
    /// `[[folders]]`, in the order of the file; the first match wins.
    pub rules: Vec<FolderRule>,
    /// `[select]`: messages that are left out, and the order of the others.
    pub select: Selection,
    /// `[verify] ignore`: differences that are notes.
    pub ignore: IgnoredDifferences,
    /// `[limits]`: mailboxes, connections and memory at the same time.
    pub limits: Limits,
    /// What the project says about plugins, as one text: while it and both ends are the same, validation
    /// hooks have nothing new to say.
    pub plugin_settings: String,
    /// `--only`: keys or source log-ins of the mailboxes to work on; empty for all.
    pub only: Vec<String>,
    /// Who asks, as the project's record names him.
    pub requester: Requester,
    /// By which days, hours and windows go.
    pub clock: Arc<dyn Clock>,
}

/// One side's defaults; a mailbox list may override host, port, TLS and password per row.
#[derive(Clone)]
pub struct HostSettings {
    /// Host, port and TLS, and which secret opens the mailboxes there.
    pub server: Server,
    /// Opens the connections, with the roots that this side trusts.
    pub dialer: Dialer,
    /// `auth`: the SASL mechanism, or LOGIN.
    pub method: AuthMethod,
    /// `admin_user` and `admin_password`; used when [`Server::shared`] says so.
    pub admin: Option<Admin>,
    /// `user_pattern`, where `{user}` stands for the row's log-in: `{user}*master`.
    pub user_pattern: Option<String>,
    /// `token`, used when [`Server::shared`] says so and asked for at every log-in so that an expired one is
    /// renewed.
    pub token: Option<SecretSource>,
    /// `allow_cleartext`: whether a password may be sent without TLS.
    pub allow_cleartext: bool,
    /// `compress`: whether COMPRESS=DEFLATE (RFC 4978) is used where the server has it.
    pub compress: bool,
}

impl fmt::Debug for HostSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostSettings")
            .field("server", &self.server)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// An administrator's log-in that may act for every user.
#[derive(Clone)]
pub struct Admin {
    /// `admin_user`: the name that is authenticated.
    pub user: String,
    /// `admin_password`, which opens every mailbox of the side.
    pub secret: Secret,
}

/// Asks for a secret; the error is one sentence for the operator.
pub type SecretSource = Arc<dyn Fn() -> Result<Secret, String> + Send + Sync>;

/// What to leave out on purpose. It is counted as skipped, with the rule as reason.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Messages whose INTERNALDATE lies before this instant (Unix seconds), and the date as written.
    pub since: Option<(i64, String)>,
    /// Messages larger than this many bytes, and the size as written.
    pub max_size: Option<(u64, String)>,
    /// Leaves out messages flagged `\Deleted`, as `deleted = "skip"` asks.
    pub skip_deleted: bool,
    /// In which order the messages that are not left out are copied.
    pub order: Order,
}

/// `[select] order`: in which order the messages of a folder are copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// By the source's UIDs, so that new UIDs follow the same order.
    #[default]
    Source,
    /// Newest first, by INTERNALDATE, in strides: the owner sees yesterday's mail before that of years ago.
    RecentFirst,
    /// Whatever is fastest: a large folder is read and written over several connections at a time.
    Any,
}

impl Order {
    /// What the plan says about it; `None` for the order that needs no remark.
    #[must_use]
    pub fn remark(self) -> Option<&'static str> {
        match self {
            Self::Source => None,
            Self::RecentFirst => Some(
                "order = \"recent-first\": the newest messages of a folder are written first, so new UIDs run against the source's order",
            ),
            Self::Any => Some(
                "order = \"any\": a large folder is written over several connections at a time, so new UIDs do not follow the source's order",
            ),
        }
    }
}

/// `[verify] ignore`: differences that become notes and do not change the exit code.
#[derive(Debug, Clone, Copy, Default)]
pub struct IgnoredDifferences {
    /// `"flags"`: system flags and keywords.
    pub flags: bool,
    /// `"dates"`: INTERNALDATE.
    pub dates: bool,
}

/// `[limits]`: how much a run does at the same time, and what it bears.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Mailboxes that are worked on at the same time.
    pub mailboxes_at_once: usize,
    /// Connections to one host at the same time, over all mailboxes.
    pub connections_per_host: usize,
    /// Whether the operator set that number himself, so that no server profile lowers it.
    pub connections_are_meant: bool,
    /// Bytes of message bodies held in memory at the same time, over all mailboxes.
    pub memory: u64,
    /// Log-ins refused in a row by a host that has taken none before no more are begun there; 0 for any
    /// number. After one that it took there may be 10, or this many where that is more.
    pub refused_log_ins: u32,
    /// How long a host that has taken a log-in in this task, and is away now, is waited for.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            mailboxes_at_once: 4,
            connections_per_host: 8,
            connections_are_meant: false,
            memory: 256 << 20,
            refused_log_ins: 3,
            patience: Duration::from_secs(30 * 60),
        }
    }
}

/// What is done with a [`Job`]: the engine's half of a command.
#[derive(Debug, Clone)]
pub enum Task {
    /// Reads what every mailbox is like, at the source and, where the project says how to sign in there, at
    /// the target; changes nothing. What an earlier one has read is taken from the record.
    Assess {
        /// `--again`: reads everything anew.
        again: bool,
    },
    /// Logs in to both ends of every mailbox and counts what is there; changes nothing.
    Check,
    /// Works out where every folder goes; changes nothing.
    Plan,
    /// Copy what is missing, prove the sum, run the validation hooks. With a plan, exactly that plan.
    Run {
        /// A plan made earlier. Nothing is started when it no longer fits; folders that it does not know are
        /// not copied.
        plan: Option<Arc<AgreedPlan>>,
        /// `--delete-gone`: put copies of what the source no longer has into quarantine on the target.
        delete_gone: bool,
        /// `--over-quota`: begin also what is known to be more than the target has room for.
        over_quota: bool,
    },
    /// Send again what failed for this reason, and nothing else: also what was given up. Mailboxes without
    /// any are left alone.
    Retry {
        /// The code of the messages that are sent again.
        code: Code,
    },
    /// Take back from the target exactly what this project put there.
    Undo {
        /// `--folder`: the source folders, in display form, whose copies are taken back; empty for all.
        folders: Vec<String>,
    },
    /// Compare both ends, then run the validation hooks; write nothing to the servers.
    Verify {
        /// How much of every message is compared.
        depth: Depth,
        /// Percentage of messages to look at, 1 to 100; message lists are always compared whole.
        sample: u8,
        /// What chooses them, where it is not all: the same seed chooses the same messages.
        seed: u32,
    },
}
