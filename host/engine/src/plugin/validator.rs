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
    /// Source folder.
    pub source: FolderPath,
    /// Target folder.
    pub target: FolderPath,
    /// Messages the source has.
    pub source_messages: u32,
    /// Of these, put on the target by this project.
    pub copied: u32,
    /// Of these, found there already.
    pub already_present: u32,
    /// Left out by the operator's own rules.
    pub skipped: u32,
    /// Refused or impossible.
    pub failed: u32,
    /// Source UIDs of messages that count as copied or present, and whose copies whoever uses the new mailbox
    /// has moved or deleted since: at most a hundred. They are not on the target any more, and nobody has to
    /// mend that.
    pub taken_away: Vec<u32>,
}

/// When a validator is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// At the end of a run or of `verify`.
    AfterRun,
    /// After mail flows to the target.
    AfterCutover,
}

/// What became of a test mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundTripOutcome {
    /// It is in the target's mailbox.
    Arrived,
    /// It is in the source's mailbox.
    ArrivedAtSource,
    /// It was accepted and is in neither yet.
    Missing,
    /// It was refused, or could not be sent.
    NotSent,
}

/// The newest test mail sent to a mailbox from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundTrip {
    /// What became of it.
    pub outcome: RoundTripOutcome,
    /// Seconds from sending to being seen, or waited in vain.
    pub seconds: u32,
    /// The folder it arrived in.
    pub folder: Option<FolderPath>,
    /// What the servers said about it, escaped.
    pub detail: String,
}

/// What a validator is asked.
#[derive(Debug, Clone)]
pub struct ValidationRequest {
    /// [`MailboxEntry::key`](crate::plugin::MailboxEntry::key).
    pub mailbox: String,
    /// When this is.
    pub phase: Phase,
    /// The newest test mail's fate; `None` before cutover.
    pub round_trip: Option<RoundTrip>,
    /// How deep the user asked to look.
    pub depth: Depth,
    /// Sampling must derive from this, so that a run can be repeated.
    pub seed: u64,
    /// The folder pairs of the plan.
    pub folders: Vec<FolderPair>,
}

/// A validator's report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationReport {
    /// The verdict.
    pub outcome: HookOutcome,
    /// Messages it looked at.
    pub checked_messages: u64,
    /// What it found.
    pub findings: Vec<Finding>,
}

/// One message as a view shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageStat {
    /// UID on that side.
    pub uid: u32,
    /// RFC822.SIZE in bytes.
    pub bytes: u64,
    /// INTERNALDATE, Unix seconds.
    pub internal_date: Option<i64>,
    /// Flags and keywords.
    pub flags: Vec<String>,
}

/// Why a view could not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ViewError {
    /// No such folder or message.
    #[error("not found: {0}")]
    NotFound(String),
    /// The view's budget of commands or bytes is spent.
    #[error("the view's budget is spent")]
    BudgetExhausted,
    /// The connection failed.
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
    /// Who this is.
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
