//! What stands in the ledgers, as the report and the status show it.
//!
//! These structs are the JSON of `mailhaul report --format json`: names are promises, fields may be
//! added.

use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::code::Code;
use crate::named_enum::named_enum;
use crate::plugin::{Depth, Finding, HookOutcome, PluginError};
pub use crate::side::Side;

/// Version of the JSON document.
pub const SCHEMA: u32 = 1;

/// How far something has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every source message is accounted for and none failed.
    Complete,
    /// Begun, and something is pending, failed or different.
    Incomplete,
    /// Nothing done yet.
    NotStarted,
}

/// A whole project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProjectSummary {
    /// [`SCHEMA`].
    pub schema: u32,
    /// `[project] name`.
    pub project: String,
    /// The worst of the mailboxes.
    pub verdict: Verdict,
    /// Sums over all mailboxes.
    pub totals: Totals,
    /// The newest run alone.
    pub last_run: LastRun,
    /// Every mailbox of the list, as the newest run read it, and every other one that a run has begun; by
    /// source name.
    pub mailboxes: Vec<MailboxSummary>,
}

/// Sums over mailboxes. `source_messages = copied + already_present + skipped + failed + pending`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Number of mailboxes.
    pub mailboxes: u64,
    /// Sums of the folders' counts.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What a server profile says about one end of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileSummary {
    /// Which end.
    pub side: Side,
    /// Its host.
    pub host: String,
    /// For machines: `gmail`.
    pub provider: String,
    /// For people: `Gmail`.
    pub name: String,
    /// Who says so: `server-profiles 0.1.0`.
    pub plugin: String,
    /// By what it was recognised.
    pub why: String,
    /// What mailhaul does because of it, one clause each.
    pub effects: Vec<String>,
    /// What to know about this provider, one sentence each.
    pub notes: Vec<String>,
}

/// Message counts of a folder, or sums of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Messages the source has.
    pub source_messages: u64,
    /// Of these, put on the target by this project, in whichever run.
    pub copied: u64,
    /// Of these, found on the target.
    pub already_present: u64,
    /// Of these, left out by the operator's own rules.
    pub skipped: u64,
    /// Of these, refused or impossible; each has an exception with the reason.
    pub failed: u64,
    /// Of these, not reached yet.
    pub pending: u64,
    /// Copied earlier, deleted at the source since; outside the sum.
    pub gone_at_source: u64,
    /// Of such copies, put away by `run --delete-gone`; outside the sum.
    #[serde(default)]
    pub removed: u64,
    /// Bytes of the copied messages.
    pub bytes: u64,
}

impl Counts {
    /// Whether the sum of invariant 3 holds.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.source_messages == self.copied + self.already_present + self.skipped + self.failed + self.pending
    }

    /// Adds another folder's counts.
    pub fn add(&mut self, other: &Self) {
        self.source_messages += other.source_messages;
        self.copied += other.copied;
        self.already_present += other.already_present;
        self.skipped += other.skipped;
        self.failed += other.failed;
        self.pending += other.pending;
        self.gone_at_source += other.gone_at_source;
        self.removed += other.removed;
        self.bytes += other.bytes;
    }
}

/// The newest run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LastRun {
    /// Messages it copied.
    pub copied: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Wall-clock time.
    pub seconds: f64,
}

/// One mailbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MailboxSummary {
    /// Source log-in.
    pub source: String,
    /// Target log-in.
    pub target: String,
    /// How far it has come.
    pub verdict: Verdict,
    /// Why the mailbox as a whole could not go on in the newest run.
    pub stopped: Option<Stopped>,
    /// Folder by folder.
    pub folders: Vec<FolderSummary>,
    /// Every message that is neither copied nor present.
    pub exceptions: Vec<Exception>,
    /// What runs and comparisons found, until one that looks for the same finds otherwise.
    pub differences: Vec<Difference>,
    /// What the validation hooks said.
    pub hooks: Vec<HookSummary>,
    /// What the newest `verify` looked at.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub compared: Option<Comparison>,
    /// Why the newest run left copies that `--delete-gone` asked it to put away: one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub kept: Vec<String>,
    /// Work was broken off, and nobody knows yet how far it came; the next run looks.
    #[serde(skip_serializing_if = "is_false", default)]
    pub unfinished: bool,
    /// Folders that the source lists outside the mailbox's own namespace, and that no rule takes in or leaves
    /// out; their messages stand outside the sum.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub left_out: Vec<LeftOutFolder>,
}

/// A folder outside the mailbox's own namespace that no rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutFolder {
    /// Source folder, with a `/` in front.
    pub folder: String,
    /// Messages in it, by STATUS; `None` where the source does not say.
    pub messages: Option<u32>,
    /// It lies in no namespace that the source tells of, so that it may well be the user's own: while there
    /// is mail in it the mailbox is not complete. Those of other users and shared ones are no part of it.
    #[serde(skip_serializing_if = "is_false", default)]
    pub beside: bool,
    /// Why it is left out.
    pub reason: String,
}

impl LeftOutFolder {
    /// Whether there may be mail of the user's in it, of which nobody has said what becomes of it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.beside && self.messages != Some(0)
    }
}

impl MailboxSummary {
    /// Whether it stands in the list and no run has begun it.
    #[must_use]
    pub fn is_only_listed(&self) -> bool {
        self.verdict == Verdict::NotStarted && self.folders.is_empty() && self.stopped.is_none()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Why a mailbox could not go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// Which end.
    pub side: Side,
    /// Why, for machines.
    pub cause: Cause,
    /// One sentence with the server's own words.
    pub reason: String,
}

/// One folder. Names are in display form (`/` between levels).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderSummary {
    /// Source folder.
    pub source: String,
    /// Target folder; `None` when the folder is left out, or no run has read it and nobody knows yet where it
    /// goes.
    pub target: Option<String>,
    /// Counts; `counts.adds_up()` always holds.
    #[serde(flatten)]
    pub counts: Counts,
    /// Why it could not be read, created or opened in the newest run: the code of its exception, which has
    /// UID 0. Its counts are then the best account there is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stopped: Option<Code>,
    /// It is to be moved, and no run has read its list: also where it is said to be empty, nobody has seen
    /// that it is.
    #[serde(skip_serializing_if = "is_false", default)]
    pub never_opened: bool,
    /// Depth of the newest comparison since the newest copy.
    pub verified: VerifiedDepth,
    /// With `sample`: of what part, and how deep.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sample: Option<Sample>,
}

impl FolderSummary {
    /// Whether a rule or a plugin leaves the whole folder out.
    #[must_use]
    pub fn is_left_out(&self) -> bool {
        self.target.is_none() && self.counts.pending == 0
    }

    /// Whether every message of it is accounted for and none failed. A folder that stopped, or that no run
    /// has opened, is never well, whatever its counts say: they are about messages, and nobody has seen those
    /// it has now.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let seen = self.stopped.is_none() && !self.never_opened;
        seen && self.counts.adds_up() && self.counts.failed == 0 && self.counts.pending == 0
    }
}

/// How deep a folder was compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerifiedDepth {
    /// Not at all.
    #[default]
    None,
    /// Some of the messages, see [`Sample`]: less than any depth that looked at all of them.
    Sample,
    /// Message lists.
    Counts,
    /// Headers, flags, dates.
    Headers,
    /// Whole messages.
    Full,
}

/// A part of the messages, at least one of every folder that has any. The same seed chooses the same
/// messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// How deep these were compared.
    pub depth: VerifiedDepth,
    /// How many of a hundred, rounded up in every folder.
    pub percent: u8,
    /// What chose them.
    pub seed: u32,
}

/// What the newest `verify` has compared, in numbers. It tells also of one that did not come to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// How deep it was to look.
    pub depth: VerifiedDepth,
    /// At which part of the messages, where not at all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sample: Option<Sample>,
    /// It came to its end, validation hooks included. If not, nothing it did not find is proven by it.
    pub finished: bool,
    /// Folders that it was to compare.
    pub folders: u64,
    /// Of these, those whose lists it has read on both ends and compared.
    pub folders_compared: u64,
    /// Messages that both ends have in these folders.
    pub messages: u64,
    /// Of these, those it has compared as deep as that: with `counts` all of them.
    pub messages_compared: u64,
    /// Folders that one end did not let be read, with the reason; those that it did not come to are not
    /// listed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub not_compared: Vec<UncomparedFolder>,
}

/// A folder that could not be compared, or not wholly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UncomparedFolder {
    /// Source folder.
    pub folder: String,
    /// One sentence.
    pub reason: String,
}

impl From<Depth> for VerifiedDepth {
    fn from(depth: Depth) -> Self {
        match depth {
            Depth::Counts => Self::Counts,
            Depth::Headers => Self::Headers,
            Depth::Full => Self::Full,
        }
    }
}

/// A message that is not on the target, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// Source folder.
    pub folder: String,
    /// Source UID.
    pub uid: u32,
    /// `skipped` or `failed`.
    pub outcome: ExceptionOutcome,
    /// Why, for machines.
    pub code: Code,
    /// One sentence; the server's own words where it refused.
    pub reason: String,
}

/// Whose doing an exception is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExceptionOutcome {
    /// The operator's own rule.
    Skipped,
    /// A limit, a server, a broken message.
    Failed,
}

/// Something that a comparison found, or that a run saw in passing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Source folder.
    pub folder: String,
    /// Source UID; 0 where there is none, as for `extra`.
    pub uid: u32,
    /// Target UID, when there is one.
    pub target_uid: Option<u32>,
    /// What differs.
    pub kind: DifferenceKind,
    /// Whose doing it is, where that is known: `changed-on-target` when it was made there after delivery,
    /// `source` when the source gave another text than it says it has, `date-received`, `date-header` or
    /// `date-of-copy` for the rule by which the copy got another date than the source's, `keywords-refused`
    /// where the target takes it without its keywords only, `already-present` for what was on the target
    /// before and stays as it was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<String>,
    /// One sentence: what was expected, what was found.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub detail: String,
    /// A note (ignored by `[verify] ignore`, `extra`, or nothing that anybody has to mend), which does not
    /// change the exit code.
    #[serde(default)]
    pub note: bool,
}

impl Difference {
    /// `by` of what the source gave that is not what it says it has.
    pub const BY_SOURCE: &str = "source";

    /// `by` of keywords that were left out, since the target refused the message with them.
    pub const BY_REFUSED_KEYWORDS: &str = "keywords-refused";

    /// `by` of what somebody has done on the target since.
    pub const CHANGED_ON_TARGET: &str = "changed-on-target";

    /// `by` of what is not ours to change, since it was on the target before.
    pub const ALREADY_PRESENT: &str = "already-present";

    /// Whether it says that a copy is not any more where it was seen on the target.
    #[must_use]
    pub fn is_missing_copy(&self) -> bool {
        matches!(self.kind, DifferenceKind::Missing | DifferenceKind::Moved)
            && self.by.as_deref() == Some(Self::CHANGED_ON_TARGET)
    }

    /// Whether its copy was moved or deleted by whoever uses the new mailbox, as an owner does: nobody has to
    /// mend it, and no run sends it again.
    #[must_use]
    pub fn is_by_owner(&self) -> bool {
        self.note && self.is_missing_copy()
    }

    /// Whether it is about what the source gave, as against what became of it.
    #[must_use]
    pub fn is_by_source(&self) -> bool {
        self.by.as_deref() == Some(Self::BY_SOURCE)
    }

    /// Whether it says by which rule a copy got another date than the source's.
    #[must_use]
    pub fn is_by_date_rule(&self) -> bool {
        self.by.as_deref().is_some_and(|by| by.starts_with("date-"))
    }

    /// Whether it says that a copy was made without its keywords.
    #[must_use]
    pub fn is_by_refused_keywords(&self) -> bool {
        self.by.as_deref() == Some(Self::BY_REFUSED_KEYWORDS)
    }

    /// Whether it is a fact of how the copy was made, which only the run that made it could see: what was
    /// wrong at the source (`by` is `source`), or which date the copy was given in place of one that nobody
    /// has (`by` begins with `date-`), or that it was made without its keywords. No comparison finds it
    /// again, so that none takes it back while the source lists the message.
    #[must_use]
    pub fn is_recorded_at_copy(&self) -> bool {
        self.is_by_source() || self.is_by_date_rule() || self.is_by_refused_keywords()
    }
}

named_enum! {
    /// Kinds of differences.
    pub enum DifferenceKind {
        /// On the source and recorded as copied, but not on the target.
        Missing = "missing",
        /// Twice on the target.
        Duplicate = "duplicate",
        /// In another target folder.
        Moved = "moved",
        /// The body's bytes differ.
        AlteredBody = "altered-body",
        /// Header lines differ.
        AlteredHeaders = "altered-headers",
        /// Only line ends differ.
        AlteredNewlines = "altered-newlines",
        /// The target's copy is a beginning of the source's.
        Truncated = "truncated",
        /// System flags differ.
        Flags = "flags",
        /// Keywords differ.
        Keywords = "keywords",
        /// INTERNALDATE differs.
        Date = "date",
        /// One side does not give it, so that it could not be compared.
        Unreadable = "unreadable",
        /// On the target, and not ours.
        Extra = "extra",
    }
}

/// What one validation hook said about one mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookSummary {
    /// The plugin's id.
    pub plugin: String,
    /// Its verdict.
    pub outcome: HookOutcome,
    /// Its findings.
    pub findings: Vec<Finding>,
}

impl From<&PluginError> for Stopped {
    fn from(error: &PluginError) -> Self {
        Self { side: Side::Local, cause: Cause::Plugin, reason: error.to_string() }
    }
}
