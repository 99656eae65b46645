//! What stands in the ledgers and the record, as the report and the status show it.
//!
//! These structs are the JSON of `mailhaul report --format json`: names are promises, fields may be
//! added.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cause::{Actor, Cause};
use crate::code::Code;
use crate::mailbox_state::{MailboxState, StateOf};
use crate::named_enum::named_enum;
use crate::plugin::{Depth, Finding, HookOutcome, PluginError};
use crate::run_kind::Phase;
pub use crate::run_summary::{LastRun, PhaseSummary, RunForecast, RunSummary, RunWait};
pub use crate::side::Side;

/// Version of the summary's JSON document; fields may be added without a new one.
pub const SCHEMA: u32 = 1;

/// How far a mailbox, or a project, has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every source message is accounted for and none failed.
    Complete,
    /// Begun, and something is pending, failed or different.
    Incomplete,
    /// No message was dealt with yet, and no folder stopped.
    NotStarted,
}

/// How a whole project stands, as `report` and `status` show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProjectSummary {
    /// [`SCHEMA`] of this document.
    pub schema: u32,
    /// `[project] name`, as the report's title has it.
    pub project: String,
    /// The batches that it was asked for alone; empty for the whole project.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_batches: Vec<String>,
    /// What all mailboxes have in common; incomplete where they differ.
    pub verdict: Verdict,
    /// Counts over all mailboxes.
    pub totals: Totals,
    /// What the newest run that copied did by itself.
    pub last_run: LastRun,
    /// The newest task of any kind, and every other that goes on now; the newest first.
    #[serde(default)]
    pub runs: Vec<RunSummary>,
    /// What was forecast and what happened, a phase of the move each; in the order in which they began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<PhaseSummary>,
    /// What was left out on purpose, over all mailboxes of the list, by rule; what most messages are left out
    /// by first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped_by: Vec<SkippedBy>,
    /// How many mailboxes of the list are in each state; states without any are not among them.
    #[serde(default)]
    pub states: BTreeMap<MailboxState, u64>,
    /// The same for each batch of the list, with its sums; empty where the list has none.
    #[serde(default)]
    pub batches: Vec<BatchSummary>,
    /// The newest plan, and the approvals that are in force; `None` where there is neither.
    #[serde(default)]
    pub plan: Option<PlanStanding>,
    /// Every mailbox of the list, in its order, as the newest command read it; then those that are not in it
    /// any more, which count neither for the verdict nor in the totals.
    pub mailboxes: Vec<MailboxSummary>,
}

impl ProjectSummary {
    /// Makes the summary of a project that never ran.
    #[must_use]
    pub fn empty(project: &str) -> Self {
        Self {
            schema: SCHEMA,
            project: project.to_owned(),
            only_batches: Vec::new(),
            verdict: Verdict::NotStarted,
            totals: Totals::default(),
            last_run: LastRun::default(),
            runs: Vec::new(),
            phases: Vec::new(),
            skipped_by: Vec::new(),
            states: BTreeMap::new(),
            batches: Vec::new(),
            plan: None,
            mailboxes: Vec::new(),
        }
    }
}

/// A set of mailboxes that runs together, by the list's column `batch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchSummary {
    /// What the list calls it.
    pub batch: String,
    /// Counts over its mailboxes.
    #[serde(flatten)]
    pub totals: Totals,
    /// How many of its mailboxes are in each state.
    pub states: BTreeMap<MailboxState, u64>,
}

/// Sums over mailboxes. `source_messages = copied + already_present + skipped + failed + pending`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// How many mailboxes the project has.
    pub mailboxes: u64,
    /// The counts of all their folders, added up.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What a server profile says about one end of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileSummary {
    /// The end that the profile is about.
    pub side: Side,
    /// The host name of that end.
    pub host: String,
    /// The provider's stable name, e.g. `gmail`.
    pub provider: String,
    /// The provider's name for people, e.g. `Gmail`.
    pub name: String,
    /// The plugin that knows the server, with its version: `server-profiles 0.1.0`.
    pub plugin: String,
    /// What the server was recognised by.
    pub why: String,
    /// What mailhaul does differently because of it, one clause each.
    pub effects: Vec<String>,
    /// What to know about this provider, one sentence each.
    pub notes: Vec<String>,
}

/// Message counts of a folder, or of several added up; the last three stand outside the sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Messages the source has, those included that it counts and does not list.
    pub source_messages: u64,
    /// Of these, put on the target by this project, in whichever run.
    pub copied: u64,
    /// Of these, found on the target, which had them before.
    pub already_present: u64,
    /// Of these, left out by a rule, a plugin or `[select]`.
    pub skipped: u64,
    /// Of these, refused or impossible; an exception says why for each, or for a folder as a whole.
    pub failed: u64,
    /// Of these, not dealt with yet: the next run goes on with them.
    pub pending: u64,
    /// Copied earlier, deleted at the source since; outside the sum.
    pub gone_at_source: u64,
    /// Of such copies, put away by `run --delete-gone`; outside the sum.
    #[serde(default)]
    pub removed: u64,
    /// Sum of the sizes of copied messages.
    pub bytes: u64,
}

impl Counts {
    /// Returns whether `source_messages` is the sum of the five outcomes.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.source_messages == self.copied + self.already_present + self.skipped + self.failed + self.pending
    }

    /// Takes the counts of a folder that were added out again, field by field; never below zero.
    pub(crate) fn subtract(&mut self, other: &Self) {
        for (own, less) in [
            (&mut self.source_messages, other.source_messages),
            (&mut self.copied, other.copied),
            (&mut self.already_present, other.already_present),
            (&mut self.skipped, other.skipped),
            (&mut self.failed, other.failed),
            (&mut self.pending, other.pending),
            (&mut self.gone_at_source, other.gone_at_source),
            (&mut self.removed, other.removed),
            (&mut self.bytes, other.bytes),
        ] {
            *own = own.saturating_sub(less);
        }
    }

    /// Adds the counts of another folder, field by field.
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

/// How the newest plan stands to what was approved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanStanding {
    /// The newest plan; `None` where none was made here.
    pub newest: Option<PlanSummary>,
    /// The approvals that are in force for any mailbox, the newest first.
    pub in_force: Vec<Approval>,
    /// Whether each of the newest plan's mailboxes has an approval by which its mail goes the same way.
    pub approved: bool,
}

/// A plan that was made in this project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSummary {
    /// Its number.
    pub number: u64,
    /// Its digest.
    pub digest: String,
    /// Who made it.
    pub by: String,
    /// When: UTC, RFC 3339.
    pub at: String,
    /// Mailboxes that it is about.
    pub mailboxes: u64,
    /// Of these, with a conflict.
    pub conflicts: u64,
    /// Messages that it has to copy.
    #[serde(default)]
    pub messages: u64,
    /// Their bytes; `None` where a source tells no sizes.
    #[serde(default)]
    pub bytes: Option<u64>,
}

/// Somebody's approval of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The plan's digest.
    pub digest: String,
    /// Its number; `None` where the project's record does not have the plan.
    pub number: Option<u64>,
    /// Who approved it.
    pub by: String,
    /// When: UTC, RFC 3339.
    pub at: String,
    /// Mailboxes for which it is in force.
    pub mailboxes: u64,
}

/// What the record says of a mailbox, and the state that follows from all that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The mailbox's key.
    pub mailbox: String,
    /// A name for people, as the list has it.
    pub label: Option<String>,
    /// The set of mailboxes it runs with, as the list has it.
    pub batch: Option<String>,
    /// Since when it is not in the list any more: UTC, RFC 3339; `None` while it is.
    pub unlisted: Option<String>,
    /// The part of the move that its newest run was.
    pub phase: Option<Phase>,
    /// Why the newest look or run could not go on, or what it waits for, in one sentence, with the server's
    /// own words where it has said any.
    pub why: Option<String>,
    /// Whether an approval is in force for this mailbox, and fits its newest plan; `None` where nobody has
    /// approved a plan.
    #[serde(default)]
    pub approved: Option<bool>,
    /// Its state, who acts next, the cause, and until when it waits.
    #[serde(flatten)]
    pub now: StateOf,
}

impl Default for Standing {
    fn default() -> Self {
        let (state, who) = (MailboxState::Listed, Actor::Operator);
        let now = StateOf { state, who, cause: None, side: None, until: None };
        let mailbox = String::new();
        Self {
            mailbox,
            label: None,
            batch: None,
            unlisted: None,
            phase: None,
            why: None,
            approved: None,
            now,
        }
    }
}

/// How one mailbox stands: everything its ledger knows, and the state that follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MailboxSummary {
    /// What the record says of it, and its state.
    #[serde(flatten, default)]
    pub standing: Box<Standing>,
    /// Log-in on the old host.
    pub source: String,
    /// Log-in on the new host.
    pub target: String,
    /// Whether it is complete; see `docs/state.md` for what speaks against it.
    pub verdict: Verdict,
    /// Why the mailbox as a whole could not go on in the newest run.
    pub stopped: Option<Stopped>,
    /// Its folders, in the order in which the ledger came to know them.
    pub folders: Vec<FolderSummary>,
    /// What is left out of it on purpose, by rule; what most messages are left out by first. The messages add
    /// up to what is skipped.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub skipped_by: Vec<SkippedBy>,
    /// Every message that is skipped or failed, with its reason.
    pub exceptions: Vec<Exception>,
    /// What runs and comparisons found, until one that looks for the same finds otherwise.
    pub differences: Vec<Difference>,
    /// The newest verdicts of the validation hooks.
    pub hooks: Vec<HookSummary>,
    /// What the newest `verify` looked at; `None` before the first.
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

/// Messages that one rule leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedBy {
    /// The rule in words: `older than [select] since = 2019-01-01`.
    pub rule: String,
    /// How many messages.
    pub messages: u64,
    /// Their bytes, as far as they were listed.
    pub bytes: u64,
}

impl SkippedBy {
    /// Adds messages to those that the same rule leaves out, and puts what leaves out most first.
    pub fn join(all: &mut Vec<Self>, more: &[Self]) {
        for one in more {
            match all.iter_mut().find(|known| known.rule == one.rule) {
                Some(known) => {
                    known.messages += one.messages;
                    known.bytes = known.bytes.saturating_add(one.bytes);
                }
                None => all.push(one.clone()),
            }
        }
        all.sort_by(|a, b| b.messages.cmp(&a.messages).then_with(|| a.rule.cmp(&b.rule)));
    }
}

/// A folder outside the mailbox's own namespace that no rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutFolder {
    /// Source folder, in display form, with a `/` in front.
    pub folder: String,
    /// Messages in it, by STATUS; `None` where the source does not say.
    pub messages: Option<u32>,
    /// It lies in no namespace that the source tells of, so that it may well be the user's own: while there
    /// is mail in it the mailbox is not complete. Those of other users and shared ones are no part of it.
    #[serde(skip_serializing_if = "is_false", default)]
    pub beside: bool,
    /// Whose namespace it lies in, in words.
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

/// Why a mailbox as a whole could not go on, and at which end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// The end at which it was stopped.
    pub side: Side,
    /// The stable cause, which decides the exit code and who has to act.
    pub cause: Cause,
    /// One sentence, with the server's own words where it has said any.
    pub reason: String,
}

/// One folder. Names are in display form (`/` between levels).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderSummary {
    /// Source folder, in display form.
    pub source: String,
    /// Target folder; `None` when the folder is left out, or no run has read it and nobody knows yet where it
    /// goes.
    pub target: Option<String>,
    /// The message counts; [`Counts::adds_up`] holds for every folder.
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
    /// Depth of the deepest comparison since the newest copy.
    pub verified: VerifiedDepth,
    /// For a folder verified by a sample: which share of it, and how deep.
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

/// How deep a folder was compared since its newest copy, from nothing to every byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerifiedDepth {
    /// The folder was not compared since its newest copy.
    #[default]
    None,
    /// Some of the messages, see [`Sample`]: less than any depth that looked at all of them.
    Sample,
    /// The message lists of both ends were compared.
    Counts,
    /// Header fields, flags and dates of every message were compared as well.
    Headers,
    /// Every message was compared byte for byte.
    Full,
}

/// A part of the messages, at least one of every folder that has any. The same seed chooses the same
/// messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// How deep the messages of the sample were compared.
    pub depth: VerifiedDepth,
    /// Percentage of the messages, rounded up in every folder.
    pub percent: u8,
    /// Chooses the messages: the same seed chooses the same ones.
    pub seed: u32,
}

/// What the newest `verify` has compared, in numbers. It tells also of one that did not come to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// How deep `verify` was asked to look.
    pub depth: VerifiedDepth,
    /// The sample that was asked for; `None` for all messages.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sample: Option<Sample>,
    /// It came to its end, validation hooks included. If not, nothing it did not find is proven by it.
    pub finished: bool,
    /// Folders that have a target, and so something to compare.
    pub folders: u64,
    /// Of these, those whose lists it has read on both ends and compared.
    pub folders_compared: u64,
    /// Messages of these folders that both ends have.
    pub messages: u64,
    /// Of these, those it has compared as deep as that: with `counts` all of them.
    pub messages_compared: u64,
    /// Folders that one end did not let be read, with the reason; those that it did not come to are not
    /// listed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub not_compared: Vec<UncomparedFolder>,
}

/// A folder that `verify` could not compare, or only in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UncomparedFolder {
    /// Source folder, in display form.
    pub folder: String,
    /// Why not, in one sentence.
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
    /// Source folder, in display form.
    pub folder: String,
    /// Source UID; 0 stands for messages that cannot be listed, or for the folder itself.
    pub uid: u32,
    /// `skipped` by the operator's wish, or `failed`.
    pub outcome: ExceptionOutcome,
    /// The reason as a stable code, which also says who has to act.
    pub code: Code,
    /// One sentence; the server's own words where it refused.
    pub reason: String,
}

/// Whether a message is left out on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExceptionOutcome {
    /// A rule, a plugin or `[select]` leaves it out; that is no failure.
    Skipped,
    /// A limit, a server or a broken message stands in the way.
    Failed,
}

/// Something that a comparison found, or that a run saw in passing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Source folder, in display form.
    pub folder: String,
    /// Source UID; 0 where there is none, as for `extra`.
    pub uid: u32,
    /// UID of the copy; `None` where there is none.
    pub target_uid: Option<u32>,
    /// What differs, as a stable name.
    pub kind: DifferenceKind,
    /// Whose doing it is, where that is known: `changed-on-target` when it was made there after delivery,
    /// `source` when the source gave another text than it says it has, `date-received`, `date-header` or
    /// `date-of-copy` for the rule by which the copy got another date than the source's, `keywords-refused`
    /// where the target takes it without its keywords only, `already-present` for what was on the target
    /// before and stays as it was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<String>,
    /// What was expected and what was found, in one sentence.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub detail: String,
    /// A note (ignored by `[verify] ignore`, `extra`, or nothing that anybody has to mend), which does not
    /// change the exit code.
    #[serde(default)]
    pub note: bool,
}

impl Difference {
    /// `detail` of a message that no run has copied yet.
    pub const NOT_COPIED_YET: &str = "not copied yet; `mailhaul run` copies it";

    /// `by` of what the source gave that is not what it says it has.
    pub const BY_SOURCE: &str = "source";

    /// `by` of keywords that were left out, since the target refused the message with them.
    pub const BY_REFUSED_KEYWORDS: &str = "keywords-refused";

    /// `by` of what somebody has changed on the target after the copy was made.
    pub const CHANGED_ON_TARGET: &str = "changed-on-target";

    /// `by` of what is not ours to change, since it was on the target before.
    pub const ALREADY_PRESENT: &str = "already-present";

    /// Whether it is about a message, or (UID 0) a folder, that no run has copied yet, so that the next one
    /// takes it away. Of everything else that is missing, nobody knows that.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.kind == DifferenceKind::Missing && (self.uid == 0 || self.detail == Self::NOT_COPIED_YET)
    }

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
    /// What a difference is about; the names are promises of the JSON document.
    pub enum DifferenceKind {
        /// On the source and not on the target: not copied yet, or copied or found there and gone since.
        Missing = "missing",
        /// The target holds a second copy of the message.
        Duplicate = "duplicate",
        /// The copy is in another target folder than the one it was stored in.
        Moved = "moved",
        /// The bytes of the body differ.
        AlteredBody = "altered-body",
        /// Header fields differ.
        AlteredHeaders = "altered-headers",
        /// The texts are the same but for their line ends.
        AlteredNewlines = "altered-newlines",
        /// The target's copy is a beginning of the source's message.
        Truncated = "truncated",
        /// System flags, e.g. `\Seen`, differ.
        Flags = "flags",
        /// Keywords, i.e. flags without a backslash, differ.
        Keywords = "keywords",
        /// INTERNALDATE differs by at least a second.
        Date = "date",
        /// One side does not give it, so that it could not be compared.
        Unreadable = "unreadable",
        /// A message on the target that this project has not put there; always a note.
        Extra = "extra",
    }
}

/// The verdict of one validation hook on one mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookSummary {
    /// The `id` of the plugin's manifest.
    pub plugin: String,
    /// The verdict; `fail` keeps the mailbox from being complete.
    pub outcome: HookOutcome,
    /// What the hook remarked, by folder and message where it said so.
    pub findings: Vec<Finding>,
}

impl From<&PluginError> for Stopped {
    fn from(error: &PluginError) -> Self {
        Self { side: Side::Local, cause: Cause::Plugin, reason: error.to_string() }
    }
}
