//! What looks at both finished ends: the trait of validators, and the views they are lent.

use super::error::{PluginError, PluginId};
use super::finding::{Depth, Finding, HookOutcome};
use super::server::FolderInfo;
use std::sync::Arc;

use async_trait::async_trait;
use mailhaul_imap::FolderPath;

/// One pair of folders with what the ledger says about it.
#[derive(Debug, Clone)]
pub struct FolderPair {
    /// Path of the source folder, as the view of the source takes it.
    pub source: FolderPath,
    /// Path of the folder that it goes to, as the view of the target takes it.
    pub target: FolderPath,
    /// Messages that the source has, by the ledger.
    pub source_messages: u32,
    /// Of these, stored on the target by this project.
    pub copied: u32,
    /// Of these, found on the target, which had them before.
    pub already_present: u32,
    /// Of these, left out by a rule, a plugin or `[select]`.
    pub skipped: u32,
    /// Of these, refused or impossible to read or to send.
    pub failed: u32,
    /// Source UIDs of messages that count as copied or present, and whose copies whoever uses the new mailbox
    /// has moved or deleted since: at most a hundred. They are not on the target any more, and nobody has to
    /// mend that.
    pub taken_away: Vec<u32>,
}

/// When in a move a validator is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// At the end of a run or of `verify`.
    AfterRun,
    /// After new mail has begun to flow to the target; neither a run nor `verify` calls it.
    AfterCutover,
}

/// Where a test mail that was sent from outside ended up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundTripOutcome {
    /// It arrived in the target's mailbox.
    Arrived,
    /// It arrived in the source's mailbox: mail does not flow to the target yet.
    ArrivedAtSource,
    /// It was accepted, and is in neither mailbox yet.
    Missing,
    /// It was refused, or could not be sent.
    NotSent,
}

/// The newest test mail sent to a mailbox from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundTrip {
    /// Whether it arrived, and at which end.
    pub outcome: RoundTripOutcome,
    /// Seconds from sending to being seen, or waited in vain.
    pub seconds: u32,
    /// The folder it arrived in; `None` when it has not arrived.
    pub folder: Option<FolderPath>,
    /// What the servers said about it, escaped.
    pub detail: String,
}

/// What a validator is given about a finished mailbox.
#[derive(Debug, Clone)]
pub struct ValidationRequest {
    /// [`MailboxEntry::key`](crate::plugin::MailboxEntry::key).
    pub mailbox: String,
    /// When in the move it is called.
    pub phase: Phase,
    /// The newest test mail; `None` before cutover.
    pub round_trip: Option<RoundTrip>,
    /// How deep the user asked both ends to be compared.
    pub depth: Depth,
    /// Sampling must derive from this, so that a run can be repeated.
    pub seed: u64,
    /// The folders that have a target, with what the ledger counts in them.
    pub folders: Vec<FolderPair>,
}

/// What a validator found in one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationReport {
    /// The verdict; `Fail` keeps the mailbox from being complete.
    pub outcome: HookOutcome,
    /// How many messages it has looked at.
    pub checked_messages: u64,
    /// Its remarks, which explain the verdict.
    pub findings: Vec<Finding>,
}

/// A message of a folder's list as a view shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageStat {
    /// UID in the folder of that side.
    pub uid: u32,
    /// RFC822.SIZE in bytes.
    pub bytes: u64,
    /// INTERNALDATE in Unix seconds; `None` when the server gives none.
    pub internal_date: Option<i64>,
    /// System flags and keywords.
    pub flags: Vec<String>,
}

/// Why a view gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ViewError {
    /// There is no such folder, or the question cannot be asked of this side.
    #[error("not found: {0}")]
    NotFound(String),
    /// The commands that one call may cause on this end are used up.
    #[error("the view's budget is spent")]
    BudgetExhausted,
    /// The connection failed or was closed, or the ledger could not be read.
    #[error("{0}")]
    Connection(String),
}

/// A read-only, budgeted look at one mailbox, lent to a validator for one call.
#[async_trait]
pub trait MailboxView: Send + Sync {
    /// Every folder.
    ///
    /// # Errors
    /// See [`ViewError`]; the same for all methods.
    async fn folders(&self) -> Result<Vec<FolderInfo>, ViewError>;
    /// Messages with UID above `after`, in UID order, at most `limit`.
    async fn messages(
        &self,
        folder: &FolderPath,
        after: u32,
        limit: u32,
    ) -> Result<Vec<MessageStat>, ViewError>;
    /// Selected header fields: for each UID found, (name, unfolded value) pairs.
    async fn headers(
        &self,
        folder: &FolderPath,
        uids: &[u32],
        names: &[String],
    ) -> Result<Vec<(u32, Vec<(String, Vec<u8>)>)>, ViewError>;
    /// SHA-256 of whole messages, lower-case hexadecimal, for each UID found.
    async fn digests(&self, folder: &FolderPath, uids: &[u32]) -> Result<Vec<(u32, String)>, ViewError>;
    /// Where the ledger says these source UIDs of a source folder are on the target.
    async fn counterparts(&self, folder: &FolderPath, uids: &[u32]) -> Result<Vec<Option<u32>>, ViewError>;
}

/// Judges a finished mailbox. It can only add a failure, never remove one.
#[async_trait]
pub trait Validator: Send + Sync {
    /// Returns the plugin's id and version.
    fn plugin(&self) -> &PluginId;
    /// Called once per mailbox after the engine's own checks.
    ///
    /// # Errors
    /// A [`PluginError`] is recorded as `inconclusive` with its text.
    async fn validate(
        &self,
        request: &ValidationRequest,
        source: Arc<dyn MailboxView>,
        target: Arc<dyn MailboxView>,
    ) -> Result<ValidationReport, PluginError>;
}
