//! The file that `plan --out` writes: the plans of all mailboxes, by which settings, and who made them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{MailboxPlan, digest_of};
use crate::job::{Job, Order, Selection};
use crate::plugin::Plugins;
use crate::rules::{FolderRule, RuleAction};
use crate::run_kind::Requester;

/// Version of the plan file's JSON document.
pub const PLAN_SCHEMA: u32 = 2;

/// The file that `plan --out` writes, and that `run --plan` holds against what would be done today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFile {
    /// [`PLAN_SCHEMA`] at the time of writing; another version is refused.
    pub schema: u32,
    /// `[project] name`, so that a plan is not taken for another project's.
    pub project: String,
    /// Its number in the project's record; `None` where there was no record to write to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// What [`digest_of`] makes of it.
    pub digest: String,
    /// Who made it.
    pub by: String,
    /// When: UTC, RFC 3339.
    pub at: String,
    /// What it was made by.
    pub settings: PlanSettings,
    /// The plan of every mailbox that could be planned.
    pub mailboxes: Vec<MailboxPlan>,
}

impl PlanFile {
    /// Makes the file of a project's plan, without a number. Its digest is that of its content.
    #[must_use]
    pub fn new(
        project: impl Into<String>,
        (by, at): (&Requester, Timestamp),
        settings: PlanSettings,
        mailboxes: Vec<MailboxPlan>,
    ) -> Self {
        let mut this = Self {
            schema: PLAN_SCHEMA,
            project: project.into(),
            number: None,
            digest: String::new(),
            by: by.name.clone(),
            at: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            settings,
            mailboxes,
        };
        this.digest = this.content_digest();
        this
    }

    /// Whether its digest is that of its content: else somebody has changed it since it was written.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.digest == self.content_digest()
    }

    fn content_digest(&self) -> String {
        let mailboxes = self.mailboxes.iter().map(|plan| (plan.mailbox.as_str(), plan.digest()));
        digest_of(&self.project, &self.settings, mailboxes)
    }
}

/// What decides about every mailbox's plan, as it stood when the plan was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSettings {
    /// `[[folders]]`, in the order of the file.
    pub rules: Vec<PlanRule>,
    /// `[select]` as it is written, key by key; empty where it says nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub select: String,
    /// The mapping plugins in their order, with their versions: `roles 0.1.0`.
    pub mappers: Vec<String>,
}

impl PlanSettings {
    /// Returns the settings of a project and its plugins.
    #[must_use]
    pub fn of(job: &Job, plugins: &Plugins) -> Self {
        Self {
            rules: job.rules.iter().map(PlanRule::of).collect(),
            select: select_text(&job.select),
            mappers: plugins.mappers.iter().map(|mapper| mapper.plugin().to_string()).collect(),
        }
    }
}

/// A `[[folders]]` rule as it is written. `Display` is how plans name it: `Old/** → Archive/Old/**`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRule {
    /// Its place in the project file: `mailhaul.toml:12`.
    pub place: String,
    /// `from`.
    pub from: String,
    /// `to`; `None` where it leaves folders out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// `copies = "keep"`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_copies: bool,
}

impl PlanRule {
    /// Returns a rule as it is written.
    #[must_use]
    pub fn of(rule: &FolderRule) -> Self {
        let to = match &rule.action {
            RuleAction::To(to) => Some(to.to_string()),
            RuleAction::Skip | RuleAction::SkipKeepingCopies => None,
        };
        Self {
            place: rule.place.clone(),
            from: rule.from.to_string(),
            to,
            keeps_copies: rule.action == RuleAction::SkipKeepingCopies,
        }
    }

    /// Whether both say the same, in whichever line they stand.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        self.from == other.from && self.to == other.to && self.keeps_copies == other.keeps_copies
    }
}

impl fmt::Display for PlanRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.to, self.keeps_copies) {
            (Some(to), _) => write!(f, "{} → {to}", self.from),
            (None, false) => write!(f, "{} → left out", self.from),
            (None, true) => write!(f, "{} → left out, copies stay", self.from),
        }
    }
}

/// `[select]` as it is written in the project file, key by key, without what is the default.
fn select_text(select: &Selection) -> String {
    let Selection { folders, since, before, max_size, flags, skip_deleted, order } = select;
    let list =
        |key: &str, entries: Vec<String>| (!entries.is_empty()).then(|| format!("{key} = {entries:?}"));
    let flags = flags.iter().map(|test| format!("{}{}", if test.wanted { "" } else { "!" }, test.flag));
    let order = match order {
        Order::Source => None,
        Order::RecentFirst => Some("order = \"recent-first\"".to_owned()),
        Order::Any => Some("order = \"any\"".to_owned()),
    };
    let keys = [
        list("folders", folders.iter().map(|pick| pick.written.clone()).collect()),
        since.as_ref().map(|(_, written)| format!("since = {written}")),
        before.as_ref().map(|(_, written)| format!("before = {written}")),
        max_size.as_ref().map(|(_, written)| format!("max_size = \"{written}\"")),
        list("flags", flags.collect()),
        skip_deleted.then(|| "deleted = \"skip\"".to_owned()),
        order,
    ];
    keys.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{folder, plan};
    use super::*;
    use crate::job::FlagTest;
    use crate::rules::{FolderPick, Pattern};

    fn file() -> PlanFile {
        let eve = Requester::on_terminal("eve");
        let plans = vec![plan(vec![folder("A", Some("A"))])];
        PlanFile::new("p", (&eve, Timestamp::UNIX_EPOCH), PlanSettings::default(), plans)
    }

    #[test]
    fn a_file_that_was_changed_is_no_plan_any_more() {
        let file = file();
        assert!(file.is_intact());
        assert_eq!((file.by.as_str(), file.at.as_str()), ("eve", "1970-01-01T00:00:00Z"));
        let read: PlanFile = serde_json::from_str(&serde_json::to_string(&file).unwrap()).unwrap();
        assert!(read == file && read.is_intact());
        let changes: [fn(&mut PlanFile); 4] = [
            |file| file.mailboxes[0].folders[0].target = Some("B".into()),
            |file| file.mailboxes.clear(),
            |file| file.settings.select = "since = 2020-01-01".into(),
            |file| file.project = "q".into(),
        ];
        for change in changes {
            let mut other = file.clone();
            change(&mut other);
            assert!(!other.is_intact());
        }
    }

    #[test]
    fn a_rule_is_named_as_it_is_written() {
        let rule = |from: &str, action| FolderRule {
            from: Pattern::parse(from).unwrap(),
            action,
            place: "mailhaul.toml:3".into(),
        };
        let to = RuleAction::To(Pattern::parse("Archive/Old/**").unwrap());
        for (rule, shown) in [
            (rule("Old/**", to), "Old/** → Archive/Old/**"),
            (rule("Spam", RuleAction::Skip), "Spam → left out"),
            (rule("Spam", RuleAction::SkipKeepingCopies), "Spam → left out, copies stay"),
        ] {
            assert_eq!(PlanRule::of(&rule).to_string(), shown);
        }
    }

    #[test]
    fn a_selection_is_written_without_what_is_the_default() {
        assert_eq!(select_text(&Selection::default()), "");
        let select = Selection {
            folders: vec![FolderPick {
                pattern: Pattern::parse("Old/**").unwrap(),
                leaves_out: true,
                written: "!Old/**".into(),
                place: "mailhaul.toml:3".into(),
            }],
            since: Some((0, "1970-01-01".into())),
            before: Some((9, "2020-01-01".into())),
            max_size: Some((1, "1 KiB".into())),
            flags: vec![FlagTest { flag: "$Junk".into(), wanted: false }],
            skip_deleted: true,
            order: Order::RecentFirst,
        };
        assert_eq!(
            select_text(&select),
            "folders = [\"!Old/**\"], since = 1970-01-01, before = 2020-01-01, max_size = \"1 KiB\", \
             flags = [\"!$Junk\"], deleted = \"skip\", order = \"recent-first\""
        );
    }
}
