//! The plan: where every folder of a mailbox goes, by which rule, and why.
//!
//! These structs are what `plan --out` writes and `run --plan` reads back.

mod conflict;
mod difference;
mod digest;
mod file;
mod fit;
mod load;
mod misfit;
mod overview;
mod settings_change;

use mailhaul_imap::SpecialUse;
use serde::{Deserialize, Serialize};

pub use self::conflict::{Choice, Conflict, ConflictKind};
pub use self::difference::{
    Against, ChangeGroup, ChangeKind, Differences, FolderChange, LeftOutChange, PlanDifference,
};
pub use self::digest::digest_of;
pub use self::file::{PLAN_SCHEMA, PlanFile, PlanRule, PlanSettings};
pub use self::fit::AgreedPlan;
pub(crate) use self::fit::{AgreedMailbox, stands_without};
pub(crate) use self::load::PlannedLoad;
pub use self::misfit::{Misfit, MisfitKind};
pub use self::overview::{ConflictCase, ConflictGroup, Overview, PlanTotals, RuleGroup, Way};
pub use self::settings_change::{SettingsChange, SettingsPart};
use crate::assessment::Portion;
use crate::assessment::forecast::LoadEnds;
use crate::summary::ProfileSummary;

/// Where the folders of one mailbox go, why, and how much there is to copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxPlan {
    /// Key of the mailbox.
    pub mailbox: String,
    /// Log-in on the old host.
    pub source: String,
    /// Log-in on the new host.
    pub target: String,
    /// The source's folders, in LIST order.
    pub folders: Vec<FolderPlan>,
    /// What server profiles know about both hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<ProfileSummary>,
    /// Remarks of mappers and of mailhaul, which stop nothing.
    pub notes: Vec<String>,
    /// What speaks against the plan; a mailbox with a conflict is not run.
    pub conflicts: Vec<Conflict>,
    /// Messages to copy: those of the folders that are copied which the ledger has not settled and nothing
    /// leaves out.
    pub messages_to_copy: u64,
    /// Their bytes; `None` where the source tells no sizes.
    #[serde(default)]
    pub bytes_to_copy: Option<u64>,
    /// Messages that the ledger has as copied or found on the target.
    #[serde(default)]
    pub already_there: u64,
    /// Messages above what the target takes; they are no part of what is to be copied.
    #[serde(default)]
    pub too_large: Portion,
    /// What `[select]` and rules leave out, by rule.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// Bytes in the folders that are copied, where the source tells.
    pub bytes: Option<u64>,
    /// How long a run over this mailbox alone is estimated to take, in seconds, rounded up.
    pub estimate_seconds: u64,
    /// What the estimate needs to know of both ends.
    #[serde(default)]
    pub ends: LoadEnds,
}

/// Where one source folder goes, and who decided that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderPlan {
    /// Source folder, in display form (`/` between levels).
    pub source: String,
    /// Target folder, in display form; `None` when it is left out.
    pub target: Option<String>,
    /// Where earlier runs put its copies, when that is elsewhere: they are moved on the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<PlannedMove>,
    /// Whether other source folders go into the same target folder, as rules say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub merged: bool,
    /// Whether the target folder does not exist yet.
    pub create: bool,
    /// Whether the target folder is to be subscribed to.
    pub subscribe: bool,
    /// Special use (RFC 6154) to create it with, as [`role_name`] has it.
    pub role: Option<String>,
    /// Messages the source has; `None` for a folder that cannot hold any, or one outside the mailbox of which
    /// it is not told.
    pub messages: Option<u32>,
    /// It lies outside the mailbox's own namespace, and no rule takes it in or leaves it out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outside: bool,
    /// Sum of message sizes in bytes, where the source tells.
    pub bytes: Option<u64>,
    /// Messages that the target folder has now, whoever put them there; `None` for one that is not there.
    #[serde(default)]
    pub on_target: Option<u32>,
    /// Of the messages, to copy: neither settled in the ledger, nor left out, nor too large.
    #[serde(default)]
    pub to_copy: u64,
    /// Their bytes; `None` where the source tells no sizes.
    #[serde(default)]
    pub bytes_to_copy: Option<u64>,
    /// Of the messages, copied by earlier runs or found on the target by them.
    #[serde(default)]
    pub already_there: u64,
    /// Of the messages, above what the target takes.
    #[serde(default)]
    pub too_large: Portion,
    /// Of the messages, left out by `[select]`, by rule; a folder that is left out as a whole has all of them
    /// here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// Who decided: `mailhaul.toml:12`, `roles 0.1.0`, or `mailhaul`.
    pub by: String,
    /// The pattern of the rule that decided, as it is written: `Old/** → Archive/Old/**`; `None` where no
    /// `[[folders]]` rule did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The reason, as it stands in the plan's table.
    pub why: String,
    /// The whole story for `--explain`: each step that was asked and what it said, in order.
    pub story: Vec<StoryStep>,
}

impl FolderPlan {
    /// Whether it cannot hold messages (`\Noselect`): nothing of it is copied, and nothing is left out.
    #[must_use]
    pub fn is_container(&self) -> bool {
        self.target.is_none() && self.messages.is_none() && !self.outside
    }
}

/// Messages that one rule leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The rule in the words that the report has for it: `older than [select] since = 2019-01-01`.
    pub rule: String,
    /// How many, and their bytes; 0 bytes where the source tells no sizes.
    #[serde(flatten)]
    pub portion: Portion,
}

/// Copies that are moved on the target, since the mapping or the source folder's name changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedMove {
    /// The target folder that the copies are in now, in display form.
    pub target: String,
    /// How many copies are moved.
    pub messages: u64,
}

/// One step of the chain that was asked about a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryStep {
    /// The rule's place, the plugin, or `mailhaul`.
    pub by: String,
    /// Its answer, as a clause.
    pub said: String,
}

/// Returns the name that plans have for a special use: `sent` for `\Sent`.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The plan of a mailbox with these folders.
    pub(super) fn plan(folders: Vec<FolderPlan>) -> MailboxPlan {
        MailboxPlan {
            mailbox: "a@old".into(),
            source: "a@old".into(),
            target: "a@new".into(),
            folders,
            profiles: Vec::new(),
            notes: Vec::new(),
            conflicts: Vec::new(),
            messages_to_copy: 0,
            bytes_to_copy: None,
            already_there: 0,
            too_large: Portion::default(),
            left_out: Vec::new(),
            bytes: None,
            estimate_seconds: 0,
            ends: LoadEnds::default(),
        }
    }

    /// A folder that goes there, or that a rule leaves out.
    pub(super) fn folder(source: &str, target: Option<&str>) -> FolderPlan {
        FolderPlan {
            source: source.into(),
            target: target.map(str::to_owned),
            moved_from: None,
            merged: false,
            create: false,
            subscribe: false,
            role: None,
            messages: None,
            outside: false,
            bytes: None,
            on_target: None,
            to_copy: 0,
            bytes_to_copy: None,
            already_there: 0,
            too_large: Portion::default(),
            left_out: Vec::new(),
            by: if target.is_some() { "mailhaul".into() } else { "mailhaul.toml:1".into() },
            rule: target.is_none().then(|| format!("{source} → left out")),
            why: String::new(),
            story: Vec::new(),
        }
    }
}
