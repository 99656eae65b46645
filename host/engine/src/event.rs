//! What the engine tells its front ends while it works.
//!
//! `run --format json` prints one event per line exactly as serialised here; the terminal draws from the same
//! stream. Nobody but a front end prints.

use serde::Serialize;

use crate::assessment::Assessment;
use crate::cause::{Actor, Cause};
use crate::named_enum::named_enum;
use crate::plan::MailboxPlan;
use crate::side::Side;
use crate::summary::{
    Difference, Exception, FolderSummary, HookSummary, MailboxSummary, ProfileSummary, RunForecast, RunWait,
    Stopped,
};
use crate::tally::Tally;

/// The tracing target of warnings that are told as [`Event::Warning`] as well.
pub const WARNING_TARGET: &str = "mailhaul_engine::warning";

/// What an undo does, or did, in one target folder; a line of `undo`'s preview and an event's body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct UndoSummary {
    /// The target folder, in display form (`/` between levels).
    pub folder: String,
    /// Messages that this project stored there.
    pub copies: u64,
    /// Messages that were found there and not stored by this project; they stay.
    pub found: u64,
    /// Messages that were on their way there when a run broke off. Whether they arrived is looked up before
    /// anything is removed; those that did count as copies then.
    pub in_doubt: u64,
    /// Copies that this undo has removed.
    pub removed: u64,
    /// Of the copies, not there any more: whoever uses the mailbox has moved or deleted them.
    pub gone: u64,
    /// Of the copies, left because they are not what was copied any more, or cannot be told for sure.
    pub left: u64,
    /// Which were gone or left, each with why: at most a thousand of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_undone: Vec<UndoException>,
    /// They were moved to a quarantine folder, since the server cannot remove single messages.
    pub quarantined: bool,
    /// This project created the folder, and it is empty now. It stays.
    pub empty: bool,
}

/// A copy that an undo did not remove from where it was put, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UndoException {
    /// Its source folder, in display form.
    pub source: String,
    /// Source UID; 0 where the source's numbers have begun anew since.
    pub uid: u32,
    /// The UID under which the copy was stored in the target folder.
    pub target_uid: u32,
    /// The reason as a stable code.
    pub code: UndoExceptionCode,
    /// One sentence; the server's own words where it refused.
    pub reason: String,
}

/// Why a copy was not removed from where it was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UndoExceptionCode {
    /// It is not under its number any more: moved or deleted on the target since. Nothing is left to do.
    Gone,
    /// Another message has its UID now, or its bytes are not those that were copied.
    Altered,
    /// The target gives the folder no UIDVALIDITY, and something else, or nothing, is under its number.
    Unnumbered,
    /// The target does not give the message that would have to be compared.
    Unreadable,
    /// The target can neither remove single messages nor hold the folder that they would be put away in.
    Stays,
}

impl UndoExceptionCode {
    /// Whether the same command may take it back another time.
    #[must_use]
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Unreadable | Self::Stays)
    }
}

named_enum! {
    /// What a mailbox waits for.
    pub enum WaitFor {
        /// A server that asked for patience, or is away.
        Server = "server",
        /// A budget that is spent: a provider's, or the operator's.
        Budget = "budget",
        /// The operator's hours.
        Hours = "hours",
    }
}

/// One thing that happened. `mailbox` is always the mailbox's key (its source log-in for a CSV list).
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The list of mailboxes is read, and work begins.
    Started {
        /// How many mailboxes the task is about.
        mailboxes: u64,
    },
    /// What is worth knowing of the list of mailboxes, and nothing to mend: what was read as what.
    Note {
        /// One sentence.
        message: String,
    },
    /// A remark about an input or a mailbox that stops nothing.
    Warning {
        /// Key of the mailbox it is about; `None` for the list or a plugin.
        mailbox: Option<String>,
        /// The remark as one sentence.
        message: String,
    },
    /// The work on one mailbox begins.
    MailboxStarted {
        /// Key of the mailbox.
        mailbox: String,
    },
    /// `assess` has read a mailbox, or knows it from an earlier time.
    Assessed(Box<Assessment>),
    /// `check` has tried one end of one mailbox.
    Checked(CheckRow),
    /// `plan`, and the beginning of `run`: where the folders of a mailbox go.
    Planned(MailboxPlan),
    /// A folder of the mailbox is called otherwise than when its messages were copied: it keeps its copies.
    FolderRenamed {
        /// Key of the mailbox.
        mailbox: String,
        /// The end at which somebody has renamed it.
        side: Side,
        /// What it was called, in display form.
        from: String,
        /// What it is called now.
        to: String,
    },
    /// Copies of earlier runs were moved to another folder of the target: today's mapping has them there.
    CopiesMoved {
        /// Key of the mailbox.
        mailbox: String,
        /// The target folder that they were in, in display form.
        from: String,
        /// The target folder that they are in now.
        to: String,
        /// How many there were.
        messages: u64,
    },
    /// What the ledger has of a mailbox, where no folder's event says so: when its plan is recorded, and when
    /// work on it goes on.
    MailboxProgress {
        /// Key of the mailbox.
        mailbox: String,
        /// What the ledger has of all its folders.
        counts: Tally,
    },
    /// A folder was read on both ends, and its messages are copied or compared from now on. After a lost
    /// connection it may begin again.
    FolderStarted {
        /// Key of the mailbox.
        mailbox: String,
        /// Source folder, in display form.
        source: String,
        /// Target folder, in display form.
        target: String,
        /// Messages to copy, or to compare, now.
        messages: u64,
        /// Sum of their sizes in bytes, as the source lists them.
        bytes: u64,
        /// What the ledger has of the folder.
        counts: Tally,
        /// What it has of all folders of the mailbox.
        mailbox_counts: Tally,
    },
    /// Progress inside a folder, at most ten times a second: behind it is in the ledger what it says. Without
    /// progress it is told every ten seconds who is waited for.
    FolderProgress {
        /// Key of the mailbox.
        mailbox: String,
        /// Source folder, in display form.
        source: String,
        /// Messages done since `folder-started`.
        messages: u64,
        /// Bytes done since `folder-started`.
        bytes: u64,
        /// What the ledger has of the folder.
        counts: Tally,
        /// What it has of all folders of the mailbox.
        mailbox_counts: Tally,
        /// The end that has said nothing for the last ten seconds, while its answer was waited for.
        #[serde(skip_serializing_if = "Option::is_none")]
        awaited: Option<Side>,
    },
    /// A message was recorded as skipped or failed.
    MessageException {
        /// Key of the mailbox.
        mailbox: String,
        /// The message, its code and its reason.
        #[serde(flatten)]
        exception: Exception,
    },
    /// A difference between both ends was found and recorded.
    DifferenceFound {
        /// Key of the mailbox.
        mailbox: String,
        /// The message, what differs, and whether it is a note.
        #[serde(flatten)]
        difference: Difference,
    },
    /// The work on a folder ended; also for one that was left closed as proven. Told once, unless something
    /// of the folder changes after it: then the newest one counts.
    FolderFinished {
        /// Key of the mailbox.
        mailbox: String,
        /// The folder's counts, as the ledger has them now.
        #[serde(flatten)]
        folder: FolderSummary,
        /// Messages of the folder that this task has copied, over all of its connections, or compared.
        messages_now: u64,
        /// Bytes of these messages.
        bytes_now: u64,
        /// Messages whose flags have changed at the source, and were changed on their copies.
        flags_now: u64,
        /// What the ledger has of all folders of the mailbox.
        mailbox_counts: Tally,
        /// Seconds since the folder was begun.
        seconds: f64,
    },
    /// A validation hook gave its verdict.
    HookFinished {
        /// Key of the mailbox.
        mailbox: String,
        /// The hook's verdict and findings.
        #[serde(flatten)]
        hook: HookSummary,
    },
    /// `undo` has finished with one target folder.
    Undone {
        /// Key of the mailbox.
        mailbox: String,
        /// What it removed there, and what it left.
        #[serde(flatten)]
        undone: UndoSummary,
    },
    /// A connection was lost, or a server asks to come back later: the mailbox dials again.
    Reconnecting {
        /// Key of the mailbox.
        mailbox: String,
        /// The end at which that happened.
        side: Side,
        /// The error that ended the connection, or the server's request to wait, in one sentence.
        reason: String,
    },
    /// A mailbox waits for one of its servers, which asked for patience or is away, for a budget or for its
    /// hours, and goes on at a time.
    Waiting {
        /// Key of the mailbox.
        mailbox: String,
        /// The end that is waited for, or that the budget is about; `local` for the operator's hours.
        side: Side,
        /// What is waited for.
        why: WaitFor,
        /// When it goes on: UTC, RFC 3339.
        until: String,
        /// What the server said, or how it was lost, in one sentence; whose budget it is, or which hours.
        reason: String,
        /// Which wait in a row this is, from 1: it begins anew once a message was done.
        attempt: u32,
    },
    /// A wait of this mailbox is over, and its work goes on.
    Resumed {
        /// Key of the mailbox.
        mailbox: String,
    },
    /// The work on a mailbox ended.
    MailboxFinished {
        /// Key of the mailbox.
        mailbox: String,
        /// Whether it is complete, and if not, why.
        end: MailboxEnd,
        /// What its ledger says now; `None` when it never got that far.
        summary: Option<MailboxSummary>,
    },
    /// The task ended; always the last event.
    Finished(Finish),
}

/// One line of `check`: what was found at one end of one mailbox. Figures are `None` where they are not
/// known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckRow {
    /// Key of the mailbox.
    pub mailbox: String,
    /// The end that was tried.
    pub side: Side,
    /// Its server as `host:port`.
    pub endpoint: String,
    /// Why a run would not work; `None`, which is `ok` in JSON, when it would.
    #[serde(serialize_with = "cause_or_ok")]
    pub cause: Option<Cause>,
    /// Who has to act on the cause; `None` without one.
    pub who: Option<Actor>,
    /// What to do about the cause; empty without one.
    pub remedy: String,
    /// The figures that were found, or what is in the way, in the server's own words where it has said any.
    pub detail: String,
    /// Folders of its own.
    pub folders: Option<u64>,
    /// Messages in them.
    pub messages: Option<u64>,
    /// Their bytes, where the server tells sizes.
    pub bytes: Option<u64>,
    /// Bytes that the mailbox's quota counts; `None` without a quota.
    pub quota_used: Option<u64>,
    /// Bytes that it may hold.
    pub quota_limit: Option<u64>,
    /// The largest message, in bytes, that the server takes.
    pub append_limit: Option<u64>,
    /// What to know before the move, one sentence each. Notes stop nothing.
    pub notes: Vec<String>,
    /// What the server's certificate says; `None` without TLS, or where nobody came so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateFacts>,
    /// What a server profile says about the server, once somebody has logged in there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileSummary>,
}

impl CheckRow {
    /// Returns the row of an end of which nothing is known yet.
    #[must_use]
    pub fn new(mailbox: impl Into<String>, side: Side) -> Self {
        Self {
            mailbox: mailbox.into(),
            side,
            endpoint: String::new(),
            cause: None,
            who: None,
            remedy: String::new(),
            detail: String::new(),
            folders: None,
            messages: None,
            bytes: None,
            quota_used: None,
            quota_limit: None,
            append_limit: None,
            notes: Vec::new(),
            certificate: None,
            profile: None,
        }
    }

    /// Takes note of what is in the way: who acts and what to do follow from it.
    pub fn stop(&mut self, cause: Cause, detail: impl Into<String>) {
        self.cause = Some(cause);
        self.who = Some(cause.actor(self.side));
        self.remedy = cause.remedy(self.side);
        self.detail = detail.into();
    }
}

/// What a server's certificate says, as `check` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateFacts {
    /// The names and addresses it is for.
    pub names: Vec<String>,
    /// Who has issued it; may be empty.
    pub issuer: String,
    /// When it begins to be valid: UTC, RFC 3339.
    pub not_before: String,
    /// When it ends.
    pub not_after: String,
    /// Whole days until then; negative when it has expired.
    pub days_left: i64,
    /// Whether it is signed with its own key.
    pub self_signed: bool,
    /// Its digest as `fingerprint` in a project file takes it: `sha256:…`.
    pub fingerprint: String,
}

fn cause_or_ok<S: serde::Serializer>(cause: &Option<Cause>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(cause.map_or("ok", Cause::as_str))
}

/// How the work on one mailbox ended; the exit code follows from the ends of all mailboxes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum MailboxEnd {
    /// Everything accounted for, none failed, no difference, no hook failed.
    Complete,
    /// Everything that `--newest` asked for is there, and nothing speaks against it; older messages stay
    /// pending.
    PreStaged {
        /// How many of them there are.
        pending: u64,
    },
    /// Finished, but messages failed, a difference was found or a hook failed.
    NotAllWell,
    /// The mailbox as a whole could not go on, for this reason.
    Stopped(Stopped),
    /// The user stopped it before its end; running the same command again continues.
    Interrupted,
}

impl MailboxEnd {
    /// Returns whether all that was asked for was done, and nothing speaks against it.
    #[must_use]
    pub fn is_well(&self) -> bool {
        matches!(self, Self::Complete | Self::PreStaged { .. })
    }

    /// Why the mailbox as a whole could not go on, when it could not.
    #[must_use]
    pub fn stopped(&self) -> Option<&Stopped> {
        match self {
            Self::Stopped(stopped) => Some(stopped),
            _ => None,
        }
    }
}

/// How a task ended: everything that the exit code is made of.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Finish {
    /// Whether the user stopped it before all mailboxes had ended.
    pub interrupted: bool,
    /// Nothing was started: the mailbox list, a plan or the state folder is unusable.
    pub refused: Option<TaskRefusal>,
    /// The key and the end of every mailbox of the task, in list order; last those that its plan does not
    /// have.
    pub mailboxes: Vec<(String, MailboxEnd)>,
    /// Messages that the task copied, or compared.
    pub messages: u64,
    /// Bytes of these messages.
    pub bytes: u64,
    /// Messages whose flags have changed at the source, and were changed on their copies.
    pub flags: u64,
    /// Seconds from the start to the end of the task.
    pub seconds: f64,
    /// What was expected of it; `None` where nobody had looked into its mailboxes, and for what copies
    /// nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<RunForecast>,
    /// What its mailboxes have waited for, the longest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<RunWait>,
}

/// Why a task did not start any mailbox.
#[derive(Debug, Clone, Serialize)]
pub struct TaskRefusal {
    /// `input` (exit code 2), `plugin` (6) or `internal` (1).
    pub kind: TaskRefusalKind,
    /// The reasons, one sentence each: place, cause, what to do.
    pub reasons: Vec<String>,
    /// What to do about the last of them, where it takes more than a sentence: lines for the project file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Whose fault it is that a task did not start; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskRefusalKind {
    /// The project file, the list of mailboxes, a plan or the state folder (exit code 2).
    Input,
    /// A plugin that broke or broke its contract (exit code 6).
    Plugin,
    /// mailhaul itself, or this machine (exit code 1).
    Internal,
}
