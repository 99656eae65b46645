//! The traits through which the engine meets plugins.
//!
//! Nothing here (and nothing else in this crate) knows how a plugin is run. `mailhaul-plugin-host`
//! implements them, and is the only crate that names wasmtime. The shapes mirror `wit/` one to one, in the engine's own types.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use mailhaul_imap::{FolderPath, Secret, SpecialUse};
use mailhaul_net::TlsMode;

/// Who answered: shown with every ruling, finding and failure.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PluginId {
    /// The manifest's `id`, e.g. `roles`.
    pub id: String,
    /// The manifest's `version`, e.g. `0.1.0`.
    pub version: String,
}

impl fmt::Display for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.version)
    }
}

/// A plugin broke, or said no. Never the same thing as a bad answer about a mailbox.
#[derive(Debug, Clone, thiserror::Error)]
#[error("plugin `{plugin}` {failure} in `{call}`")]
pub struct PluginError {
    /// The plugin.
    pub plugin: PluginId,
    /// The function that was called, e.g. `map-folders`.
    pub call: String,
    /// What went wrong.
    pub failure: PluginFailure,
}

/// The ways a plugin call can end without an answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PluginFailure {
    /// Its settings or its input are unusable: the operator can mend this. `place` is `file:line` when known.
    #[error("cannot use what it was given{}: {reason}", place.as_ref().map(|p| format!(" ({p})")).unwrap_or_default())]
    Unusable {
        /// `file:line` or a settings key.
        place: Option<String>,
        /// The plugin's own words, escaped and bounded.
        reason: String,
    },
    /// It answered with an error of its own.
    #[error("failed: {0}")]
    Said(String),
    /// It trapped (panic, unreachable, stack overflow). `detail` ends with its last log line, if any.
    #[error("crashed: {0}")]
    Trap(String),
    /// It used up its CPU budget (milliseconds).
    #[error("used more than its {0} ms of CPU time")]
    Cpu(u64),
    /// It did not answer in time (milliseconds of wall clock).
    #[error("did not answer within {0} ms")]
    Wall(u64),
    /// It wanted more memory than allowed (bytes).
    #[error("wanted more than its {0} bytes of memory")]
    Memory(u64),
    /// It sent more data, handles or log lines than allowed.
    #[error("went over a limit: {0}")]
    Limit(String),
    /// Its answer breaks the contract (wrong index, duplicate key, endless paging …).
    #[error("gave an answer that breaks the contract: {0}")]
    BadReply(String),
    /// It asked for something it was not granted.
    #[error("was refused: {0}")]
    Denied(String),
    /// It wants to be asked again, not before this many milliseconds, and says why.
    #[error("could not answer now: {1}")]
    RetryAfter(u32, String),
    /// It does not do that.
    #[error("does not do this: {0}")]
    Unsupported(String),
}

/// What the engine has learned about one server, without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerDescription {
    /// Host name as configured.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// The greeting's text.
    pub greeting: String,
    /// Capabilities after log-in.
    pub capabilities: Vec<String>,
    /// The reply to ID (RFC 2971).
    pub id: Vec<(String, String)>,
    /// Personal namespace prefix, for display only.
    pub namespace_prefix: String,
    /// Hierarchy delimiter, for display only.
    pub delimiter: Option<char>,
}

/// One folder as a mapper sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderInfo {
    /// Unicode levels without the personal namespace's prefix.
    pub path: FolderPath,
    /// LIST attributes as the server sent them.
    pub attributes: Vec<String>,
    /// Roles by SPECIAL-USE (RFC 6154).
    pub roles: Vec<SpecialUse>,
    /// Whether it can hold messages.
    pub selectable: bool,
    /// Whether the user subscribed to it.
    pub subscribed: bool,
    /// Number of messages, when known.
    pub messages: Option<u32>,
    /// Sum of message sizes in bytes, when known.
    pub bytes: Option<u64>,
}

/// What a mapper is asked.
#[derive(Debug, Clone)]
pub struct MappingRequest {
    /// The old host.
    pub source: ServerDescription,
    /// The new host.
    pub target: ServerDescription,
    /// Folders of the source, in LIST order.
    pub source_folders: Vec<FolderInfo>,
    /// Folders the target has already.
    pub target_folders: Vec<FolderInfo>,
    /// Rulings of the steps before this one; a mapper may rule only on the rest.
    pub settled: Vec<Ruling>,
}

/// Where one source folder goes, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Index into [`MappingRequest::source_folders`].
    pub folder: usize,
    /// The decision.
    pub decision: Decision,
    /// One line for `plan --explain`.
    pub why: String,
}

/// A mapper's decision about one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Copy into this target folder.
    MapTo {
        /// Unicode levels without prefix.
        path: FolderPath,
        /// Role to create it with where the server supports that.
        role: Option<SpecialUse>,
        /// Subscribe to it; `None` follows the source's subscription.
        subscribe: Option<bool>,
    },
    /// Leave it out, with the reason shown to the user.
    Skip(String),
}

/// A mapper's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// Rulings on folders that were not settled before.
    pub rulings: Vec<Ruling>,
    /// Remarks for the plan, e.g. why two claimants of one role were both left alone.
    pub notes: Vec<MappingNote>,
}

/// A remark of a mapper that is not a ruling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingNote {
    /// The folder it is about.
    pub folder: Option<usize>,
    /// One sentence.
    pub message: String,
}

/// Decides where folders go. Pure: the same request gives the same answer.
#[async_trait]
pub trait FolderMapper: Send + Sync {
    /// Who this is.
    fn plugin(&self) -> &PluginId;
    /// Called once per mailbox and plan. Folders it does not rule on are left to the next step.
    ///
    /// # Errors
    /// A [`PluginError`] stops that mailbox before anything is written.
    async fn map_folders(&self, request: &MappingRequest) -> Result<Mapping, PluginError>;
}

/// How to reach and sign in to one end of a mailbox. Empty fields come from the project file.
#[derive(Debug, Clone, Default)]
pub struct AccountEntry {
    /// Log-in name.
    pub login: String,
    /// Host name.
    pub host: Option<String>,
    /// TCP port.
    pub port: Option<u16>,
    /// Protection of the connection.
    pub tls: Option<TlsMode>,
    /// Password or token; `None` when the project's admin log-in or token is used.
    pub secret: Option<Secret>,
    /// Bytes it shall hold, for `provision`.
    pub quota: Option<u64>,
}

/// One mailbox to move, as a source plugin lists it.
#[derive(Debug, Clone)]
pub struct MailboxEntry {
    /// Stable identity; the ledger and resumption key on it.
    pub key: String,
    /// Where the mail is.
    pub source: AccountEntry,
    /// Where it goes.
    pub target: AccountEntry,
    /// Free text for people.
    pub label: Option<String>,
    /// Where it was listed, e.g. `mailboxes.csv:42`.
    pub origin: Option<String>,
}

/// How grave a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth looking at.
    Warning,
    /// Makes the thing it is about unusable.
    Error,
}

/// A remark about an input, e.g. a broken row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave.
    pub severity: Severity,
    /// Stable machine code, e.g. `csv.missing-column`.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// `file:line` or a settings key.
    pub at: Option<String>,
}

/// One page of mailboxes.
#[derive(Debug, Clone, Default)]
pub struct MailboxPage {
    /// The mailboxes, at most as many as asked for.
    pub mailboxes: Vec<MailboxEntry>,
    /// Token of the next page; `None` at the end.
    pub next: Option<String>,
    /// Remarks; one of severity `error` stops the project before anything starts.
    pub diagnostics: Vec<Diagnostic>,
}

/// Lists the mailboxes to move.
#[async_trait]
pub trait MailboxSource: Send + Sync {
    /// Who this is.
    fn plugin(&self) -> &PluginId;
    /// One page. `token` is `None` first, then the previous page's `next`. The engine refuses
    /// repeated tokens and duplicate keys.
    ///
    /// # Errors
    /// A [`PluginError`] stops the command before anything is written.
    async fn list_mailboxes(&self, token: Option<&str>, max: u32) -> Result<MailboxPage, PluginError>;
}

/// How deep a comparison goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// Message lists of both sides.
    Counts,
    /// Also flags, dates, sizes and headers.
    Headers,
    /// Also whole bodies, byte for byte.
    Full,
}

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
    /// [`MailboxEntry::key`].
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

/// A validator's verdict.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookOutcome {
    /// Nothing wrong.
    Pass,
    /// Something is wrong: exit code 3.
    Fail,
    /// It could not tell: a warning.
    Inconclusive,
}

/// One remark of a validator.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    /// How grave.
    pub severity: Severity,
    /// Stable machine code.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// The source or target folder it is about, in display form.
    pub folder: Option<String>,
    /// The UID it is about.
    pub uid: Option<u32>,
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

/// What is known about a kind of server. Every number makes the engine more careful, never less.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerProfile {
    /// Made for machines: `gmail`.
    pub provider: String,
    /// For people: `Gmail`.
    pub name: String,
    /// By what it was recognised, for people.
    pub why: String,
    /// Connections to this server at once, all mailboxes together.
    pub max_connections: Option<u32>,
    /// Connections of one mailbox at once.
    pub max_connections_per_mailbox: Option<u32>,
    /// Largest message in bytes.
    pub max_append_bytes: Option<u64>,
    /// Capabilities to be treated as absent, upper case.
    pub avoid: Vec<String>,
    /// `pipeline`, `off`: one command at a time.
    pub one_at_a_time: bool,
    /// `folder-names`: whether names that differ in case only are one folder there, when it is known.
    pub folds_case: Option<bool>,
    /// For people.
    pub notes: Vec<String>,
}

/// What was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occasion {
    /// The log-in.
    LogIn,
    /// Storing a message.
    Append,
    /// Any other command, by its name.
    Other(String),
}

/// Which reply it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyKind {
    /// It will not or cannot.
    No,
    /// It did not understand.
    Bad,
    /// It ended the session.
    Bye,
}

/// A server's reply that is no success.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Which end refused.
    pub side: crate::summary::Side,
    /// What is known about the server.
    pub server: ServerDescription,
    /// What it was taken for.
    pub provider: Option<String>,
    /// What was refused.
    pub occasion: Occasion,
    /// Which reply it was.
    pub kind: ReplyKind,
    /// The response code, upper case.
    pub code: Option<String>,
    /// The server's words.
    pub text: String,
}

/// What a refusal means. There is no word for success, so that none can be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classification {
    /// A cause as `check` names them, or `throttled` or `message-refused`.
    pub cause: &'static str,
    /// Worth trying again after this time, 15 minutes at most.
    pub retry_after: Option<std::time::Duration>,
    /// What the operator can do, escaped.
    pub remedy: Option<String>,
}

/// Knows servers. Pure: the same request gives the same answer.
#[async_trait]
pub trait ServerProfiler: Send + Sync {
    /// Who this is.
    fn plugin(&self) -> &PluginId;
    /// Called after log-in; `None` for a server it does not know. `provider` is what the operator named.
    ///
    /// # Errors
    /// A [`PluginError`] is a warning: the engine goes on with its own caution.
    async fn identify(
        &self,
        side: crate::summary::Side,
        server: &ServerDescription,
        provider: Option<&str>,
    ) -> Result<Option<ServerProfile>, PluginError>;
    /// What a refusal means; `None` leaves the engine's own reading.
    ///
    /// # Errors
    /// As for `identify`.
    async fn classify(&self, refusal: &Refusal) -> Result<Option<Classification>, PluginError>;
}

/// A mailbox the new host has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingMailbox {
    /// Log-in name.
    pub login: String,
    /// Bytes it may hold.
    pub quota: Option<u64>,
}

/// One page of what the new host has.
#[derive(Debug, Clone, Default)]
pub struct ExistingPage {
    /// At most as many as asked for.
    pub mailboxes: Vec<ExistingMailbox>,
    /// Token of the next page; `None` at the end.
    pub next: Option<String>,
    /// Remarks; one of severity `error` stops the command before anything is created.
    pub diagnostics: Vec<Diagnostic>,
}

/// A mailbox that is wanted.
#[derive(Debug, Clone)]
pub struct NewMailbox {
    /// Log-in name on the new host.
    pub login: String,
    /// The name of a person.
    pub display_name: Option<String>,
    /// Bytes it shall hold.
    pub quota: Option<u64>,
    /// Its password.
    pub password: Secret,
}

/// What came of creating one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// It was created.
    Created,
    /// It was there; nothing was changed.
    Exists,
}

/// Creates mailboxes on the new host.
#[async_trait]
pub trait MailboxProvisioner: Send + Sync {
    /// Who this is.
    fn plugin(&self) -> &PluginId;
    /// One page of what is there. `domains` are those that matter, sorted.
    ///
    /// # Errors
    /// A [`PluginError`] ends the command.
    async fn list_mailboxes(
        &self,
        token: Option<&str>,
        max: u32,
        domains: &[String],
    ) -> Result<ExistingPage, PluginError>;
    /// Creates one.
    ///
    /// # Errors
    /// A [`PluginError`] means that this one was not created.
    async fn create_mailbox(&self, mailbox: &NewMailbox) -> Result<Creation, PluginError>;
    /// Sets the bytes a mailbox may hold.
    ///
    /// # Errors
    /// As for `create_mailbox`.
    async fn set_quota(&self, login: &str, quota: u64) -> Result<(), PluginError>;
}

/// The server profiles that are asked about one side.
#[derive(Clone, Default)]
pub struct SideProfilers {
    /// In this order; the first that knows the server is used.
    pub profilers: Vec<Arc<dyn ServerProfiler>>,
    /// The provider the operator named; `None` when the server is to be recognised.
    pub provider: Option<String>,
}

impl fmt::Debug for SideProfilers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SideProfilers")
            .field("profilers", &self.profilers.iter().map(|p| p.plugin()).collect::<Vec<_>>())
            .field("provider", &self.provider)
            .finish()
    }
}

/// Every plugin a project uses, in the order of the file.
#[derive(Clone)]
pub struct Plugins {
    /// `[mailboxes] from`.
    pub source: Arc<dyn MailboxSource>,
    /// `[plugins] mapping`.
    pub mappers: Vec<Arc<dyn FolderMapper>>,
    /// `[plugins] validation`.
    pub validators: Vec<Arc<dyn Validator>>,
    /// Asked about the old host.
    pub source_profiles: SideProfilers,
    /// Asked about the new host.
    pub target_profiles: SideProfilers,
}

impl fmt::Debug for Plugins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugins")
            .field("source", self.source.plugin())
            .field("mappers", &self.mappers.iter().map(|m| m.plugin()).collect::<Vec<_>>())
            .field("validators", &self.validators.iter().map(|v| v.plugin()).collect::<Vec<_>>())
            .field("source_profiles", &self.source_profiles)
            .field("target_profiles", &self.target_profiles)
            .finish()
    }
}
