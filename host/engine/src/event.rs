//! What the engine tells its front ends while it works.
//!
//! `run --format json` prints one event per line exactly as serialised here; the terminal draws from
//! the same stream. Nobody but a front end prints.

use serde::Serialize;

use crate::cause::Cause;
use crate::plan::MailboxPlan;
use crate::side::Side;
use crate::summary::{
    Difference, Exception, FolderSummary, HookSummary, MailboxSummary, ProfileSummary, Stopped,
};

/// What an undo does, or did, in one target folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct UndoSummary {
    /// Target folder, in display form.
    pub folder: String,
    /// Messages this project put there.
    pub copies: u64,
    /// Messages that were there already, which stay.
    pub found: u64,
    /// Messages that were on their way there when a run broke off. Whether they arrived is looked up before
    /// anything is removed; those that did count as copies then.
    pub in_doubt: u64,
    /// Of the copies, removed now.
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

/// A copy that an undo could not take back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UndoException {
    /// Source folder, in display form.
    pub source: String,
    /// Source UID; 0 where the source's numbers have begun anew since.
    pub uid: u32,
    /// Where the copy was, in the target folder.
    pub target_uid: u32,
    /// Why, for machines.
    pub code: UndoExceptionCode,
    /// One sentence; the server's own words where it refused.
    pub reason: String,
}

/// Why an undo could not take a copy back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UndoExceptionCode {
    /// It is not under its number any more: moved or deleted on the target since. Nothing is left to do.
    Gone,
    /// What is under its number is not what was put there.
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

/// One thing that happened. `mailbox` is always the mailbox's key (its source log-in for a CSV list).
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The mailbox list is complete and work begins.
    Started {
        /// How many mailboxes.
        mailboxes: u64,
    },
    /// A remark about an input or a mailbox that stops nothing.
    Warning {
        /// The mailbox it is about, if any.
        mailbox: Option<String>,
        /// One sentence.
        message: String,
    },
    /// Work on a mailbox begins.
    MailboxStarted {
        /// The mailbox.
        mailbox: String,
    },
    /// `check`: one end of one mailbox was tried.
    Checked(CheckRow),
    /// `plan`, and the beginning of `run`: where the folders of a mailbox go.
    Planned(MailboxPlan),
    /// A folder is about to be copied (or compared).
    FolderStarted {
        /// The mailbox.
        mailbox: String,
        /// Source folder.
        source: String,
        /// Target folder.
        target: String,
        /// Messages to copy (or compare) now.
        messages: u64,
        /// Bytes of these.
        bytes: u64,
    },
    /// Progress inside a folder, at most ten times a second.
    FolderProgress {
        /// The mailbox.
        mailbox: String,
        /// Source folder.
        source: String,
        /// Messages done since `folder-started`.
        messages: u64,
        /// Bytes done since `folder-started`.
        bytes: u64,
    },
    /// A message is neither copied nor present.
    MessageException {
        /// The mailbox.
        mailbox: String,
        /// Which, and why.
        #[serde(flatten)]
        exception: Exception,
    },
    /// `verify` found a difference.
    DifferenceFound {
        /// The mailbox.
        mailbox: String,
        /// Which.
        #[serde(flatten)]
        difference: Difference,
    },
    /// A folder is finished.
    FolderFinished {
        /// The mailbox.
        mailbox: String,
        /// Its counts.
        #[serde(flatten)]
        folder: FolderSummary,
        /// Messages copied (or compared) just now.
        messages_now: u64,
        /// Bytes of these.
        bytes_now: u64,
        /// Wall-clock time.
        seconds: f64,
    },
    /// A validation hook answered.
    HookFinished {
        /// The mailbox.
        mailbox: String,
        /// Its answer.
        #[serde(flatten)]
        hook: HookSummary,
    },
    /// `undo` is done with one target folder.
    Undone {
        /// The mailbox.
        mailbox: String,
        /// What it did there.
        #[serde(flatten)]
        undone: UndoSummary,
    },
    /// A connection was lost and is tried again.
    Reconnecting {
        /// The mailbox.
        mailbox: String,
        /// Which end.
        side: Side,
        /// Why.
        reason: String,
    },
    /// Work on a mailbox ended.
    MailboxFinished {
        /// The mailbox.
        mailbox: String,
        /// How.
        end: MailboxEnd,
        /// What its ledger says now; `None` when it never got that far.
        summary: Option<MailboxSummary>,
    },
    /// Everything ended. Always the last event.
    Finished(Finish),
}

/// `check`: one end of one mailbox.
#[derive(Debug, Clone, Serialize)]
pub struct CheckRow {
    /// The mailbox.
    pub mailbox: String,
    /// Which end.
    pub side: Side,
    /// Why it would not work; `None` is `ok` in JSON.
    #[serde(serialize_with = "cause_or_ok")]
    pub cause: Option<Cause>,
    /// What to do; empty when there is nothing to do.
    pub remedy: String,
    /// What was found, or the server's own words.
    pub detail: String,
    /// What a server profile says about the server, once somebody has logged in there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileSummary>,
}

fn cause_or_ok<S: serde::Serializer>(cause: &Option<Cause>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(cause.map_or("ok", Cause::as_str))
}

/// How the work on a mailbox ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum MailboxEnd {
    /// Everything accounted for, none failed, no difference, no hook failed.
    Complete,
    /// Finished, but messages failed, a difference was found or a hook failed.
    NotAllWell,
    /// The mailbox as a whole could not go on.
    Stopped(Stopped),
    /// The user stopped it.
    Interrupted,
}

impl MailboxEnd {
    /// Why the mailbox as a whole could not go on, when it could not.
    #[must_use]
    pub fn stopped(&self) -> Option<&Stopped> {
        match self {
            Self::Stopped(stopped) => Some(stopped),
            _ => None,
        }
    }
}

/// How everything ended: enough for an exit code.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Finish {
    /// The user stopped it.
    pub interrupted: bool,
    /// Nothing was started: the mailbox list, a plan or the state folder is unusable.
    pub refused: Option<TaskRefusal>,
    /// Every mailbox, in list order.
    pub mailboxes: Vec<(String, MailboxEnd)>,
    /// Messages copied (or compared).
    pub messages: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Wall-clock time.
    pub seconds: f64,
}

/// Why nothing was started.
#[derive(Debug, Clone, Serialize)]
pub struct TaskRefusal {
    /// `input` (exit code 2), `plugin` (6) or `internal` (1).
    pub kind: TaskRefusalKind,
    /// One sentence each: place, cause, what to do.
    pub reasons: Vec<String>,
    /// What to do about the last of them, where it takes more than a sentence: lines for the project file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Whose doing a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskRefusalKind {
    /// The project's files.
    Input,
    /// A plugin.
    Plugin,
    /// This program or this machine.
    Internal,
}
