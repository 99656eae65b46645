//! The plan: where every folder of a mailbox goes, by which rule, and why.
//!
//! These structs are what `plan --out` writes and `run --plan` reads back.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::SpecialUse;
use serde::{Deserialize, Serialize};

use crate::summary::ProfileSummary;

/// Version of the plan file.
pub const PLAN_SCHEMA: u32 = 1;

/// A plan file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFile {
    /// [`PLAN_SCHEMA`].
    pub schema: u32,
    /// `[project] name`.
    pub project: String,
    /// Every mailbox that could be planned.
    pub mailboxes: Vec<MailboxPlan>,
}

/// Where the folders of one mailbox go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxPlan {
    /// The mailbox's key.
    pub mailbox: String,
    /// Source log-in.
    pub source: String,
    /// Target log-in.
    pub target: String,
    /// Every source folder, in LIST order.
    pub folders: Vec<FolderPlan>,
    /// What server profiles say about both ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<ProfileSummary>,
    /// Remarks of mappers and of the host.
    pub notes: Vec<String>,
    /// Conflicts; a plan with one is not run.
    pub conflicts: Vec<String>,
    /// Messages to copy that the ledger does not have yet, when both sides were counted.
    pub messages_to_copy: u64,
    /// Bytes in the folders that are copied, where the source tells.
    pub bytes: Option<u64>,
    /// Estimated seconds of a run at an assumed 300 messages or 5 MB a second, whichever is slower.
    pub estimate_seconds: u64,
}

/// Where one folder goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderPlan {
    /// Source folder, in display form.
    pub source: String,
    /// Target folder, in display form; `None` when it is left out.
    pub target: Option<String>,
    /// Where earlier runs put its copies, when that is elsewhere: they are moved on the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<PlannedMove>,
    /// Whether the target folder has to be created.
    pub create: bool,
    /// Subscribe to it on the target.
    pub subscribe: bool,
    /// Role to create it with, e.g. `sent`.
    pub role: Option<String>,
    /// Messages the source has; `None` for a folder that cannot hold any, or one outside the mailbox of which
    /// it is not told.
    pub messages: Option<u32>,
    /// It lies outside the mailbox's own namespace, and no rule takes it in or leaves it out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outside: bool,
    /// Sum of message sizes in bytes, where the source tells.
    pub bytes: Option<u64>,
    /// Who decided: `mailhaul.toml:12`, `roles 0.1.0`, or `mailhaul`.
    pub by: String,
    /// Why.
    pub why: String,
    /// The whole story for `--explain`: each step that was asked and what it said, in order.
    pub story: Vec<StoryStep>,
}

/// Copies that are moved on the target, since the mapping or the source folder's name changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedMove {
    /// Target folder they are in, in display form.
    pub target: String,
    /// How many.
    pub messages: u64,
}

/// One step of the chain that was asked about a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryStep {
    /// Who.
    pub by: String,
    /// What it said.
    pub said: String,
}

/// The plan's name of a role, e.g. `sent`.
#[must_use]
pub fn role_name(role: &SpecialUse) -> String {
    match role {
        SpecialUse::Sent => "sent".into(),
        SpecialUse::Drafts => "drafts".into(),
        SpecialUse::Trash => "trash".into(),
        SpecialUse::Junk => "junk".into(),
        SpecialUse::Archive => "archive".into(),
        SpecialUse::All => "all".into(),
        SpecialUse::Flagged => "flagged".into(),
        SpecialUse::Important => "important".into(),
        SpecialUse::Other(name) => name.clone(),
    }
}

impl MailboxPlan {
    /// How this plan differs from one that was agreed on, in one sentence; `None` when it fits.
    /// Only what decides where mail goes counts: new messages do not make a plan unfit.
    #[must_use]
    pub fn deviation_from(&self, agreed: &Self) -> Option<String> {
        let name = |t: &Option<String>| t.as_ref().map_or_else(|| "nowhere".to_owned(), |t| format!("`{t}`"));
        let then: HashMap<&str, &FolderPlan> =
            agreed.folders.iter().map(|folder| (folder.source.as_str(), folder)).collect();
        let now: HashSet<&str> = self.folders.iter().map(|folder| folder.source.as_str()).collect();
        for folder in &self.folders {
            match then.get(folder.source.as_str()) {
                None => return Some(format!("`{}` is new on the source", folder.source)),
                Some(then) if then.target != folder.target => {
                    return Some(format!(
                        "`{}` was to go to {} and would now go to {}",
                        folder.source,
                        name(&then.target),
                        name(&folder.target)
                    ));
                }
                Some(_) => {}
            }
        }
        agreed
            .folders
            .iter()
            .find(|f| !now.contains(f.source.as_str()))
            .map(|f| format!("`{}` is not on the source any more", f.source))
    }
}
