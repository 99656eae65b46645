//! Plans as the record has them: their numbers, who made and approved them, and where each mailbox's folders
//! go by them.

use serde::Serialize;

use crate::plan::PlanSettings;
use crate::run_kind::{Channel, Requester};
pub use crate::summary::Approval;

/// What is known of a plan once all of its mailboxes are planned.
#[derive(Debug, Clone)]
pub struct NewPlan<'a> {
    /// Its digest: two plans with the same one do the same.
    pub digest: &'a str,
    /// Who has made it.
    pub requester: &'a Requester,
    /// How much it is.
    pub sums: PlanSums,
    /// What it was made by.
    pub settings: &'a PlanSettings,
}

/// What a plan's mailboxes come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct PlanSums {
    /// Mailboxes that could be planned.
    pub mailboxes: u64,
    /// Of these, with a conflict.
    pub conflicts: u64,
    /// Messages to copy.
    pub messages: u64,
    /// Their bytes; `None` where a source tells no sizes.
    pub bytes: Option<u64>,
    /// How long that was estimated to take, in seconds.
    pub seconds: f64,
}

/// A plan as the record has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordedPlan {
    /// Its number, from 1. A plan that does the same as the one before it keeps that number.
    pub number: u64,
    /// Its digest.
    pub digest: String,
    /// Who made it.
    pub by: String,
    /// How it was asked.
    pub channel: Option<Channel>,
    /// When: UTC, RFC 3339.
    pub at: String,
    /// How much it is.
    #[serde(flatten)]
    pub sums: PlanSums,
}

/// Where the folders of one mailbox go by a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedRow {
    /// Key of the mailbox.
    pub mailbox: String,
    /// Digest of what decides where its mail goes.
    pub digest: String,
    /// The mailbox's plan, as JSON.
    pub plan: String,
}

/// An approval that is to be recorded.
#[derive(Debug, Clone, Copy)]
pub struct NewApproval<'a> {
    /// The digest of the plan.
    pub digest: &'a str,
    /// Who approves it.
    pub by: &'a str,
    /// Each of its mailboxes, with the digest of where its folders go.
    pub mailboxes: &'a [(&'a str, &'a str)],
}

/// What became of an approval that was to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedApproval {
    /// It, as the record has it.
    pub approval: Approval,
    /// The same person had approved the same plan, and that is in force for all of it: nothing was recorded.
    pub already: bool,
    /// Approvals of other plans, each with the number of mailboxes for which it is in force no longer.
    pub replaced: Vec<Approval>,
}
