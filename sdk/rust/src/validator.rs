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

/// What has just ended when a validator is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// At the end of a run or of `mailhaul verify`.
    AfterRun,
    /// After mail flows to the target. No command calls a validator for it yet.
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

/// The newest test mail sent to a mailbox from outside, by a command that is still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundTrip {
    /// Where it arrived, if it did.
    pub outcome: RoundTripOutcome,
    /// Seconds from sending to being seen, or waited in vain.
    pub seconds: u32,
    /// The folder it arrived in, of the side it arrived at.
    pub folder: Option<FolderPath>,
    /// What the servers said about it, for people.
    pub detail: String,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

/// How deep the user asked to look. Each depth includes the one before.
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
    /// The folder's path on the source.
    pub source: FolderPath,
    /// The path its messages have on the target.
    pub target: FolderPath,
    /// Messages the source has.
    pub source_messages: u32,
    /// Of these, put on the target by this project.
    pub copied: u32,
    /// Of these, found there already.
    pub already_present: u32,
    /// Left out by the operator's own rules.
    pub skipped: u32,
    /// Refused by a server, or impossible.
    pub failed: u32,
    /// Facts without a field of their own; see [`Extras`].
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

    /// Messages of the source that must be on the target, or were there until their copies were
    /// [taken away](Self::taken_away).
    #[must_use]
    pub fn expected(&self) -> u64 {
        u64::from(self.copied) + u64::from(self.already_present)
    }
}

/// The question of [`Validator::validate`], beside the views of both mailboxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationRequest {
    /// The mailbox's key, as its source gave it.
    pub mailbox: String,
    /// What has just ended.
    pub phase: Phase,
    /// How deep the user asked to look.
    pub depth: Depth,
    /// Where samples must derive from, so that a run can be repeated.
    pub seed: u64,
    /// The folders of the plan that were copied; what a rule left out as a whole is not among them.
    pub folders: Vec<FolderPair>,
    /// `None` before cutover, and when no test mail was sent.
    pub round_trip: Option<RoundTrip>,
    /// Facts without a field of their own; see [`Extras`].
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

/// A validator's verdict on one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is wrong, as far as it looked.
    Pass,
    /// Something is wrong: mailhaul exits with 3.
    Fail,
    /// It could not tell, and why; a warning.
    Inconclusive(String),
}

/// Something a validator found in a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How grave it is; an error makes [`Report::from_findings`] a failure.
    pub severity: Severity,
    /// A stable code for machines, e.g. `counts.missing`.
    pub code: String,
    /// One sentence for the operator.
    pub message: String,
    /// The folder it is about; `None` for the whole mailbox.
    pub folder: Option<FolderPath>,
    /// The UID it is about, in that folder.
    pub uid: Option<u32>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

impl Finding {
    /// A finding about a whole folder.
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

/// The answer of [`Validator::validate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The verdict on the mailbox.
    pub outcome: Outcome,
    /// Number of messages it looked at.
    pub checked_messages: u64,
    /// What it found, at most 1,000; the last should say how many more there are.
    pub findings: Vec<Finding>,
    /// Facts without a field of their own; see [`Extras`].
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
