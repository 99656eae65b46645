//! The kind `validator`.

use crate::{Extras, FolderPath, MailboxView, PluginError, Severity};

/// Judges a mailbox after it was moved. It can add a failure and never remove one.
pub trait Validator {
    /// Called once for every mailbox, after mailhaul's own checks.
    ///
    /// # Errors
    /// An error is recorded as `inconclusive` with its text.
    fn validate(
        request: &ValidationRequest,
        source: &dyn MailboxView,
        target: &dyn MailboxView,
    ) -> Result<Report, PluginError>;
}

/// When a validator is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// At the end of a run or of `mailhaul verify`.
    AfterRun,
    /// After mail flows to the target.
    AfterCutover,
    /// Something this version has no word for.
    Other(String),
}

/// What became of a test mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoundTripOutcome {
    /// It is in the target's mailbox.
    Arrived,
    /// It is in the source's mailbox: mail still flows to the old host.
    ArrivedAtSource,
    /// It was accepted and is in neither mailbox yet.
    Missing,
    /// It was refused, or could not be sent.
    NotSent,
    /// Something this version has no word for.
    Other(String),
}

/// The newest test mail sent to a mailbox from outside (`mailhaul cutover roundtrip`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundTrip {
    /// What became of it.
    pub outcome: RoundTripOutcome,
    /// Seconds from sending to being seen, or waited in vain.
    pub seconds: u32,
    /// The folder it arrived in.
    pub folder: Option<FolderPath>,
    /// What the servers said about it, for people.
    pub detail: String,
    /// Growth room.
    pub extras: Extras,
}

/// How deep the user asked to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Depth {
    /// Message lists of both sides.
    Counts,
    /// Also flags, dates, sizes and headers.
    Headers,
    /// Also whole bodies.
    Full,
    /// Something this version has no word for.
    Other(String),
}

/// One pair of folders with what the ledger says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Growth room.
    pub extras: Extras,
}

impl FolderPair {
    /// A pair of empty folders: the start for tests.
    #[must_use]
    pub fn new(source: impl Into<FolderPath>, target: impl Into<FolderPath>) -> Self {
        Self {
            source: source.into(),
            target: target.into(),
            source_messages: 0,
            copied: 0,
            already_present: 0,
            skipped: 0,
            failed: 0,
            extras: Extras::new(),
        }
    }

    /// Source UIDs of messages that count as copied or present, and whose copies whoever uses the new mailbox
    /// has moved or deleted since: at most a hundred. They are not on the target any more, and nobody has to
    /// mend that.
    #[must_use]
    pub fn taken_away(&self) -> Vec<u32> {
        let mut named = self.extras.iter().filter(|(name, _)| name == "taken-away");
        let uids = named.next().map_or("", |(_, uids)| uids);
        uids.split(',').filter_map(|uid| uid.parse().ok()).collect()
    }

    /// Messages of the source that must be on the target, or were there until their copies were [taken
    /// away](Self::taken_away).
    #[must_use]
    pub fn expected(&self) -> u64 {
        u64::from(self.copied) + u64::from(self.already_present)
    }
}

/// What a validator is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationRequest {
    /// The mailbox's key.
    pub mailbox: String,
    /// When this is.
    pub phase: Phase,
    /// How deep the user asked to look.
    pub depth: Depth,
    /// Sampling must derive from this.
    pub seed: u64,
    /// The folder pairs of the plan.
    pub folders: Vec<FolderPair>,
    /// `None` before cutover, and when no test mail was sent.
    pub round_trip: Option<RoundTrip>,
    /// Growth room.
    pub extras: Extras,
}

impl ValidationRequest {
    /// A request at the end of a run, depth `headers`: the start for tests.
    #[must_use]
    pub fn new(folders: Vec<FolderPair>) -> Self {
        Self {
            mailbox: "a@example.org".to_owned(),
            phase: Phase::AfterRun,
            depth: Depth::Headers,
            seed: 0,
            folders,
            round_trip: None,
            extras: Extras::new(),
        }
    }
}

/// A verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing wrong.
    Pass,
    /// Something is wrong.
    Fail,
    /// It could not tell, and why.
    Inconclusive(String),
}

/// One remark of a validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How grave.
    pub severity: Severity,
    /// Stable and made for machines, e.g. `counts.missing`.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// The folder it is about.
    pub folder: Option<FolderPath>,
    /// The UID it is about.
    pub uid: Option<u32>,
    /// Growth room.
    pub extras: Extras,
}

impl Finding {
    /// A finding about a folder.
    #[must_use]
    pub fn about(
        folder: &FolderPath,
        severity: Severity,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            code: code.into(),
            message: message.into(),
            folder: Some(folder.clone()),
            uid: None,
            extras: Extras::new(),
        }
    }
}

/// A validator's report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The verdict.
    pub outcome: Outcome,
    /// Messages it looked at.
    pub checked_messages: u64,
    /// What it found, at most 1,000.
    pub findings: Vec<Finding>,
    /// Growth room.
    pub extras: Extras,
}

impl Report {
    /// The report these findings make: a failure when one of them is an error.
    #[must_use]
    pub fn from_findings(checked_messages: u64, findings: Vec<Finding>) -> Self {
        let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
        let outcome = if failed { Outcome::Fail } else { Outcome::Pass };
        Self { outcome, checked_messages, findings, extras: Extras::new() }
    }

    /// A report that could not be finished. Findings made before are kept; an error among them is still
    /// a failure.
    #[must_use]
    pub fn unfinished(checked_messages: u64, findings: Vec<Finding>, why: impl Into<String>) -> Self {
        let mut report = Self::from_findings(checked_messages, findings);
        if report.outcome == Outcome::Pass {
            report.outcome = Outcome::Inconclusive(why.into());
        }
        report
    }
}
