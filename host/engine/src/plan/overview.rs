//! What the plans of many mailboxes come to: by rule, in sums, and what speaks against them.
//!
//! Mailboxes are added one by one, and their plans need not be kept: what is kept of them is bounded,
//! whatever their folders are called. Figures stay exact; only names are left away.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::{Choice, ConflictKind, FolderPlan, LeftOut, MailboxPlan};
use crate::assessment::Portion;
use crate::named_enum::named_enum;
use crate::summary::ProfileSummary;

/// Who decides where no rule and no plugin does.
const HOST: &str = "mailhaul";

/// Who decides where several do.
const SEVERAL: &str = "several";

/// Groups that are kept by their names; folders of further names are counted by who decided alone.
const NAMED: usize = 10_000;

/// Mailboxes of each kind of conflict that are kept with their words.
const CASES: usize = 10;

/// Hosts whose profiles are kept; a project has two of them, and few have more than ten.
const PROFILES: usize = 10;

/// Rules that leave messages out which are told apart; there are few, unless a plugin gives each folder a
/// reason of its own.
const LEFT_OUT: usize = 200;

named_enum! {
    /// By what right folders go where they go.
    pub enum Way {
        /// A `[[folders]]` rule of the operator's.
        Rule = "rule",
        /// A plugin's word, or a name that had to be spelled otherwise: one source name, one target name.
        Name = "name",
        /// The same, of further names.
        OtherNames = "other-names",
        /// INBOX, which is INBOX everywhere.
        Inbox = "inbox",
        /// They keep their names, by a plugin's word or since nobody had a rule for them.
        Stays = "stays",
        /// They lie outside the mailbox's own namespace, and no rule takes them in or leaves them out.
        Outside = "outside",
        /// They cannot hold messages (`\Noselect`), so that there is nothing to copy or to lose.
        Container = "container",
    }
}

/// Folders that go the same way for the same reason, over all mailboxes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleGroup {
    /// By what right.
    pub way: Way,
    /// The rule as it is written: `Old/** → Archive/Old/**`; of [`Way::Rule`] alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The source folder, in display form; of [`Way::Name`] alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The target folder, in display form; `None` where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Whether folders below it go along with it, and are counted here.
    pub below: bool,
    /// Who decided: `mailhaul.toml:12`, `roles 0.1.0`, `mailhaul`, or `several`.
    pub by: String,
    /// The reason; `None` where there are several.
    pub why: Option<String>,
    /// Mailboxes that have such a folder.
    pub mailboxes: u64,
    /// Folders.
    pub folders: u64,
    /// Messages in them at the source.
    pub messages: u64,
    /// Their bytes; `None` where a source does not tell all of them.
    pub bytes: Option<u64>,
    /// Of the messages, to copy.
    pub to_copy: u64,
    /// Their bytes; `None` where a source tells no sizes.
    pub bytes_to_copy: Option<u64>,
    /// Of the messages, copied by earlier runs or found on the target by them.
    pub already_there: u64,
    /// Of the messages, above what the target takes.
    pub too_large: Portion,
    /// Of the messages, left out by rules and `[select]`.
    pub left_out: Portion,
    /// Of the folders, those that are merged into a folder that others go to as well.
    pub merged: u64,
    /// Mailboxes that have such a one.
    pub merged_mailboxes: u64,
    #[serde(skip)]
    last: u64,
    #[serde(skip)]
    last_merged: u64,
}

impl RuleGroup {
    fn new(key: &Key, by: &str, why: &str) -> Self {
        let (rule, from, to) = match key {
            Key::Rule { rule, .. } => (Some(rule.clone()), None, None),
            Key::Name { from, to, .. } => (None, Some(from.clone()), to.clone()),
            _ => (None, None, None),
        };
        let way = match key {
            Key::Rule { .. } => Way::Rule,
            Key::Name { .. } => Way::Name,
            Key::OtherNames { .. } => Way::OtherNames,
            Key::Inbox => Way::Inbox,
            Key::Stays => Way::Stays,
            Key::Outside => Way::Outside,
            Key::Container => Way::Container,
        };
        let by = by.to_owned();
        let why = Some(why.to_owned());
        Self {
            way,
            rule,
            from,
            to,
            below: false,
            by,
            why,
            mailboxes: 0,
            folders: 0,
            messages: 0,
            bytes: Some(0),
            to_copy: 0,
            bytes_to_copy: Some(0),
            already_there: 0,
            too_large: Portion::default(),
            left_out: Portion::default(),
            merged: 0,
            merged_mailboxes: 0,
            last: 0,
            last_merged: 0,
        }
    }

    /// Counts one more folder, of the mailbox with this number. `decided` is the one that it goes along with,
    /// or itself.
    fn add(&mut self, mailbox: u64, folder: &FolderPlan, decided: &FolderPlan) {
        if self.last != mailbox {
            self.last = mailbox;
            self.mailboxes += 1;
        }
        if folder.merged && folder.target.as_deref() != Some(folder.source.as_str()) {
            self.merged += 1;
            self.merged_mailboxes += u64::from(self.last_merged != mailbox);
            self.last_merged = mailbox;
        }
        if self.why.as_ref().is_some_and(|known| *known != decided.why) {
            self.why = None;
        }
        if self.by != decided.by {
            SEVERAL.clone_into(&mut self.by);
        }
        self.below |= folder.source != decided.source;
        self.folders += 1;
        self.messages += u64::from(folder.messages.unwrap_or(0));
        self.bytes = plus(self.bytes, folder.messages.unwrap_or(0).into(), folder.bytes);
        self.to_copy += folder.to_copy;
        self.bytes_to_copy = plus(self.bytes_to_copy, folder.to_copy, folder.bytes_to_copy);
        self.already_there += folder.already_there;
        self.too_large.join(folder.too_large);
        folder.left_out.iter().for_each(|left_out| self.left_out.join(left_out.portion));
    }

    /// Adds another group to this one, which then stands for both; how many mailboxes have any of these
    /// folders is not known then, and 0.
    pub fn join(&mut self, other: &Self) {
        (self.mailboxes, self.merged_mailboxes) = (0, 0);
        self.folders += other.folders;
        self.messages += other.messages;
        self.bytes = plus(self.bytes, other.messages, other.bytes);
        self.to_copy += other.to_copy;
        self.bytes_to_copy = plus(self.bytes_to_copy, other.to_copy, other.bytes_to_copy);
        self.already_there += other.already_there;
        self.too_large.join(other.too_large);
        self.left_out.join(other.left_out);
        self.merged += other.merged;
        if self.by != other.by {
            SEVERAL.clone_into(&mut self.by);
        }
    }
}

/// Adds sizes, as long as all of those that hold messages are known.
fn plus(sum: Option<u64>, messages: u64, bytes: Option<u64>) -> Option<u64> {
    match bytes {
        None if messages == 0 => sum,
        bytes => sum.zip(bytes).map(|(sum, bytes)| sum.saturating_add(bytes)),
    }
}

/// What makes folders one group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Rule { by: String, rule: String },
    Name { by: String, from: String, to: Option<String> },
    OtherNames { by: String },
    Inbox,
    Stays,
    Outside,
    Container,
}

/// One mailbox that a conflict keeps from being run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConflictCase {
    /// Key of the mailbox.
    pub mailbox: String,
    /// What is wrong, where the choices say what can be done.
    pub what: String,
    /// What is wrong and what can be done.
    pub sentence: String,
    /// What can be done, the most careful first.
    pub choices: Vec<Choice>,
}

/// Every conflict of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConflictGroup {
    /// Which kind.
    pub kind: ConflictKind,
    /// Mailboxes that have one.
    pub mailboxes: u64,
    /// How many there are.
    pub conflicts: u64,
    /// The first of each of the first ten mailboxes.
    pub first: Vec<ConflictCase>,
}

/// The sums over all mailboxes of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PlanTotals {
    /// Mailboxes that could be planned.
    pub mailboxes: u64,
    /// Of these, with a conflict: they are not run.
    pub conflicts: u64,
    /// Folders of their sources.
    pub folders: u64,
    /// Of these, those whose target folder is created.
    pub created: u64,
    /// Of these, those that share their target folder with another one.
    pub merged: u64,
    /// Of these, left out as a whole.
    pub folders_left_out: u64,
    /// Of these, outside the mailboxes' own namespaces, without a rule.
    pub folders_outside: u64,
    /// Messages in those, where the sources tell.
    pub messages_outside: u64,
    /// Copies of earlier runs that are moved on the target.
    pub copies_moved: u64,
    /// Messages to copy.
    pub messages_to_copy: u64,
    /// Their bytes; `None` where a source tells no sizes.
    pub bytes_to_copy: Option<u64>,
    /// Messages that earlier runs have copied, or found on the target.
    pub already_there: u64,
    /// Messages above what a target takes.
    pub too_large: Portion,
    /// Messages that rules leave out, by rule, the most first.
    pub left_out: Vec<LeftOut>,
    /// Seconds that the mailboxes are estimated to take, one after the other.
    pub estimate_seconds: u64,
}

/// What the plans of many mailboxes come to.
#[derive(Debug, Default)]
pub struct Overview {
    totals: PlanTotals,
    left_out: BTreeMap<String, Portion>,
    groups: HashMap<Key, RuleGroup>,
    conflicts: BTreeMap<ConflictKind, ConflictGroup>,
    profiles: Vec<ProfileSummary>,
}

impl Overview {
    /// Begins one over no mailbox.
    #[must_use]
    pub fn new() -> Self {
        let totals = PlanTotals { bytes_to_copy: Some(0), ..PlanTotals::default() };
        Self { totals, ..Self::default() }
    }

    /// Adds one mailbox.
    pub fn add(&mut self, plan: &MailboxPlan) {
        let totals = &mut self.totals;
        totals.mailboxes += 1;
        totals.conflicts += u64::from(!plan.conflicts.is_empty());
        totals.folders += plan.folders.len() as u64;
        totals.messages_to_copy += plan.messages_to_copy;
        totals.bytes_to_copy = plus(totals.bytes_to_copy, plan.messages_to_copy, plan.bytes_to_copy);
        totals.already_there += plan.already_there;
        totals.too_large.join(plan.too_large);
        totals.estimate_seconds += plan.estimate_seconds;
        for LeftOut { rule, portion } in &plan.left_out {
            let known = self.left_out.len() < LEFT_OUT || self.left_out.contains_key(rule);
            let rule = if known { rule.as_str() } else { "other rules" };
            match self.left_out.get_mut(rule) {
                Some(sum) => sum.join(*portion),
                None => drop(self.left_out.insert(rule.to_owned(), *portion)),
            }
        }
        for profile in &plan.profiles {
            let same = |known: &ProfileSummary| known.side == profile.side && known.host == profile.host;
            if self.profiles.len() < PROFILES && !self.profiles.iter().any(same) {
                self.profiles.push(profile.clone());
            }
        }
        self.add_folders(plan);
        self.add_conflicts(plan);
    }

    fn add_folders(&mut self, plan: &MailboxPlan) {
        let mailbox = self.totals.mailboxes;
        let by_source: HashMap<&str, &FolderPlan> =
            plan.folders.iter().map(|folder| (folder.source.as_str(), folder)).collect();
        let mut sharing: HashMap<&str, u64> = HashMap::with_capacity(plan.folders.len());
        for target in plan.folders.iter().filter_map(|folder| folder.target.as_deref()) {
            *sharing.entry(target).or_default() += 1;
        }
        for folder in &plan.folders {
            let totals = &mut self.totals;
            totals.created += u64::from(folder.create);
            totals.copies_moved += folder.moved_from.as_ref().map_or(0, |moved| moved.messages);
            if folder.outside {
                totals.folders_outside += 1;
                totals.messages_outside += u64::from(folder.messages.unwrap_or(0));
            }
            match &folder.target {
                Some(target) => totals.merged += u64::from(sharing[target.as_str()] > 1),
                None => totals.folders_left_out += u64::from(!folder.outside && !folder.is_container()),
            }
            // What goes along with a folder above it is counted with that one.
            let above = above(folder, &by_source);
            let decided = above.unwrap_or(folder);
            let key = self.known(key(decided));
            let new = |key: &Key| RuleGroup::new(key, &decided.by, &decided.why);
            self.groups.entry(key).or_insert_with_key(new).add(mailbox, folder, decided);
        }
    }

    /// Returns the group that a folder is counted in: its own while there is room for one more.
    fn known(&self, key: Key) -> Key {
        match key {
            Key::Name { by, .. } if self.groups.len() >= NAMED && !self.groups.contains_key(&key) => {
                Key::OtherNames { by }
            }
            key => key,
        }
    }

    fn add_conflicts(&mut self, plan: &MailboxPlan) {
        let mut kinds: Vec<ConflictKind> = Vec::new();
        for conflict in &plan.conflicts {
            let kind = conflict.kind;
            let group = self.conflicts.entry(kind).or_insert_with(|| ConflictGroup {
                kind,
                mailboxes: 0,
                conflicts: 0,
                first: Vec::new(),
            });
            group.conflicts += 1;
            if kinds.contains(&kind) {
                continue;
            }
            kinds.push(kind);
            group.mailboxes += 1;
            if group.first.len() < CASES {
                group.first.push(ConflictCase {
                    mailbox: plan.mailbox.clone(),
                    what: conflict.before_choices().to_owned(),
                    sentence: conflict.sentence.clone(),
                    choices: conflict.choices.clone(),
                });
            }
        }
    }

    /// Returns the sums.
    #[must_use]
    pub fn totals(&self) -> PlanTotals {
        let mut left_out: Vec<LeftOut> = self
            .left_out
            .iter()
            .map(|(rule, portion)| LeftOut { rule: rule.clone(), portion: *portion })
            .collect();
        left_out.sort_by(|a, b| b.portion.messages.cmp(&a.portion.messages).then(a.rule.cmp(&b.rule)));
        PlanTotals { left_out, ..self.totals.clone() }
    }

    /// Returns the conflicts, by kind.
    pub fn conflicts(&self) -> impl Iterator<Item = &ConflictGroup> {
        self.conflicts.values()
    }

    /// Returns what server profiles know about the hosts: each once, and of at most ten.
    #[must_use]
    pub fn profiles(&self) -> &[ProfileSummary] {
        &self.profiles
    }

    /// Returns every group: by the ways in their order, and of each way first what most mailboxes have.
    #[must_use]
    pub fn groups(&self) -> Vec<&RuleGroup> {
        let mut groups: Vec<&RuleGroup> = self.groups.values().collect();
        groups.sort_by(|a, b| {
            let most = (b.mailboxes, b.folders).cmp(&(a.mailboxes, a.folders));
            let name = || (&a.by, &a.rule, &a.from, &a.to).cmp(&(&b.by, &b.rule, &b.from, &b.to));
            a.way.cmp(&b.way).then(most).then_with(name)
        });
        groups
    }
}

fn key(folder: &FolderPlan) -> Key {
    if folder.is_container() {
        return Key::Container;
    }
    let by = folder.by.clone();
    if let Some(rule) = &folder.rule {
        return Key::Rule { by, rule: rule.clone() };
    }
    if folder.outside {
        return Key::Outside;
    }
    if folder.target.as_deref() == Some(folder.source.as_str()) {
        return if folder.source.eq_ignore_ascii_case("INBOX") { Key::Inbox } else { Key::Stays };
    }
    Key::Name { by, from: folder.source.clone(), to: folder.target.clone() }
}

/// Returns the topmost folder that this one goes along with: nobody ruled on this one, and both names end in
/// the same levels below that folder's names.
fn above<'a>(folder: &FolderPlan, by_source: &HashMap<&str, &'a FolderPlan>) -> Option<&'a FolderPlan> {
    let target = folder.target.as_deref()?;
    if folder.by != HOST || target == folder.source {
        return None;
    }
    levels(&folder.source).find_map(|end| {
        let (top, rest) = folder.source.split_at(end);
        let found = by_source.get(top)?;
        let moved = found.target.as_deref().filter(|moved| *moved != top)?;
        (target.strip_suffix(rest) == Some(moved)).then_some(*found)
    })
}

/// Where the levels of a path end, from the top: at each `/` that is none of a level's own.
fn levels(path: &str) -> impl Iterator<Item = usize> {
    let bytes = path.as_bytes();
    (1..bytes.len()).filter(move |at| bytes[*at] == b'/' && bytes[*at - 1] != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Conflict;
    use crate::plan::tests::{folder, plan};

    fn ruled(source: &str, target: Option<&str>, by: &str, why: &str) -> FolderPlan {
        FolderPlan { by: by.into(), why: why.into(), rule: None, ..folder(source, target) }
    }

    /// Way, names, by, mailboxes, folders, messages of each group.
    fn rows(overview: &Overview) -> Vec<String> {
        let row = |group: &&RuleGroup| {
            let from = group.rule.as_ref().or(group.from.as_ref()).map_or("", String::as_str);
            let below = if group.below { "/**" } else { "" };
            let to = group.to.as_deref().unwrap_or("-");
            let RuleGroup { way, by, mailboxes, folders, messages, .. } = group;
            format!("{way} {from}{below} {to} ({by}): {mailboxes} {folders} {messages}")
        };
        overview.groups().iter().map(row).collect()
    }

    #[test]
    fn folders_are_one_group_by_who_sends_them_where() {
        let mut overview = Overview::new();
        for mailbox in ["a", "b", "c"] {
            let with = |n: u32, folder: FolderPlan| FolderPlan { messages: Some(n), ..folder };
            let rule = |source: &str, target| FolderPlan {
                rule: Some("Alt/** → Archive/Alt/**".into()),
                ..ruled(source, target, "mailhaul.toml:27", "your rule")
            };
            let mut folders = vec![
                with(5, ruled("INBOX", Some("INBOX"), HOST, "INBOX is INBOX on every server")),
                with(2, ruled("Gesendete Elemente", Some("Sent"), "roles 0.1.0", "marked as sent")),
                with(1, ruled("Kampagnen", Some("Campaigns"), "acme 0.3.1", "English")),
                with(1, ruled("Kampagnen/2023", Some("Campaigns/2023"), HOST, "goes along")),
                with(1, ruled("Kampagnen/2023/Q1", Some("Campaigns/2023/Q1"), HOST, "goes along")),
                with(3, rule("Alt", Some("Archive/Alt"))),
                with(3, rule("Alt/x", Some("Archive/Alt/x"))),
                with(1, ruled(&format!("Only {mailbox}"), Some(&format!("Only {mailbox}")), HOST, "stays")),
                FolderPlan { outside: true, ..with(7, ruled("/Shared", None, HOST, "outside")) },
            ];
            if mailbox == "c" {
                folders.remove(1);
            }
            overview.add(&MailboxPlan { mailbox: mailbox.into(), ..plan(folders) });
        }
        assert_eq!(
            rows(&overview),
            [
                "rule Alt/** → Archive/Alt/** - (mailhaul.toml:27): 3 6 18",
                "name Kampagnen/** Campaigns (acme 0.3.1): 3 9 9",
                "name Gesendete Elemente Sent (roles 0.1.0): 2 2 4",
                "inbox  - (mailhaul): 3 3 15",
                "stays  - (mailhaul): 3 3 3",
                "outside  - (mailhaul): 3 3 21",
            ]
        );
        let totals = overview.totals();
        assert_eq!((totals.mailboxes, totals.folders, totals.folders_outside), (3, 26, 3));
        let sum: u64 = overview.groups().iter().map(|group| group.folders).sum();
        assert_eq!(sum, totals.folders, "every folder is in one group");
    }

    /// What is left out is counted beside what is copied, and what cannot hold messages is no loss.
    #[test]
    fn groups_tell_what_is_copied_from_what_is_not() {
        let mut overview = Overview::new();
        let portion = Portion { messages: 4, bytes: 40 };
        let sized = |n: u32, folder: FolderPlan| FolderPlan {
            messages: Some(n),
            to_copy: n.into(),
            bytes_to_copy: Some(u64::from(n) * 10),
            ..folder
        };
        let spam = FolderPlan {
            messages: Some(4),
            bytes_to_copy: Some(0),
            left_out: vec![LeftOut { rule: "left out by your rule `Spam`".into(), portion }],
            ..folder("Spam", None)
        };
        let junk = sized(2, ruled("Junk", Some("INBOX"), "mailhaul.toml:2", "w"));
        overview.add(&plan(vec![
            FolderPlan { already_there: 1, ..sized(5, ruled("Notes", Some("Notes"), HOST, "w")) },
            sized(3, ruled("Archiv", Some("Archiv"), "acme 1", "v")),
            FolderPlan { merged: true, rule: Some("Junk → INBOX".into()), ..junk },
            FolderPlan { merged: true, ..sized(1, ruled("INBOX", Some("INBOX"), HOST, "w")) },
            spam,
            ruled("Root", None, HOST, "cannot hold messages"),
        ]));
        let group = |way: Way, rule: Option<&str>| {
            overview.groups().into_iter().find(|one| one.way == way && one.rule.as_deref() == rule).unwrap()
        };
        let stays = group(Way::Stays, None);
        assert_eq!((stays.folders, stays.by.as_str(), stays.why.as_deref()), (2, "several", None));
        assert_eq!((stays.to_copy, stays.bytes_to_copy, stays.already_there), (8, Some(80), 1));
        let left = group(Way::Rule, Some("Spam → left out"));
        assert_eq!((left.to_copy, left.bytes_to_copy, left.left_out), (0, Some(0), portion));
        let junk = group(Way::Rule, Some("Junk → INBOX"));
        assert_eq!((junk.merged, junk.merged_mailboxes, group(Way::Inbox, None).merged), (1, 1, 0));
        assert_eq!((group(Way::Container, None).folders, overview.totals().folders_left_out), (1, 1));
    }

    #[test]
    fn a_folder_goes_along_only_with_one_that_moves_the_same_way() {
        let mut overview = Overview::new();
        overview.add(&plan(vec![
            ruled("A", Some("X"), "acme 1", "w"),
            ruled("A/b", Some("Y/b"), HOST, "w"),
            ruled(r"A\/c", Some("X/c"), HOST, "w"),
            ruled("B", Some("B"), HOST, "w"),
            ruled("B/d", Some("B/e"), HOST, "w"),
        ]));
        let names: Vec<_> = rows(&overview).into_iter().filter(|row| row.starts_with("name")).collect();
        assert_eq!(
            names,
            [
                "name A X (acme 1): 1 1 0",
                "name A/b Y/b (mailhaul): 1 1 0",
                "name A\\/c X/c (mailhaul): 1 1 0",
                "name B/d B/e (mailhaul): 1 1 0",
            ]
        );
    }

    /// A plugin that gives every folder another name would fill the memory, and the page.
    #[test]
    fn names_without_end_are_counted_and_not_kept() {
        let mut overview = Overview::new();
        for n in 0..NAMED + 500 {
            let name = format!("Folder {n}");
            overview.add(&plan(vec![
                FolderPlan { messages: Some(1), ..ruled(&name, Some("X"), "acme 1", "w") },
                ruled(&name, Some(&name), HOST, "stays"),
            ]));
        }
        let groups = overview.groups();
        assert!(groups.len() <= NAMED + 2, "{}", groups.len());
        let folders: u64 =
            groups.iter().filter(|group| group.by == "acme 1").map(|group| group.folders).sum();
        assert_eq!(folders, NAMED as u64 + 500);
        let other = groups.iter().find(|group| group.way == Way::OtherNames).unwrap();
        assert_eq!((other.mailboxes, other.messages), (501, 501));
    }

    #[test]
    fn sums_are_known_only_where_every_size_is() {
        let mut overview = Overview::new();
        let sized = |messages, bytes| MailboxPlan {
            messages_to_copy: messages,
            bytes_to_copy: bytes,
            already_there: 1,
            left_out: vec![LeftOut { rule: "old".into(), portion: Portion { messages: 2, bytes: 5 } }],
            estimate_seconds: 10,
            ..plan(Vec::new())
        };
        overview.add(&sized(3, Some(30)));
        overview.add(&sized(0, None));
        assert_eq!(overview.totals().bytes_to_copy, Some(30));
        overview.add(&sized(1, None));
        let totals = overview.totals();
        assert_eq!((totals.messages_to_copy, totals.bytes_to_copy, totals.already_there), (4, None, 3));
        assert_eq!(totals.left_out[0].portion, Portion { messages: 6, bytes: 15 });
    }

    #[test]
    fn conflicts_are_kept_by_kind_with_the_first_mailboxes() {
        let mut overview = Overview::new();
        for n in 0..12 {
            let conflict = |kind, text: &str| Conflict::new(kind, vec!["A".into()], text.into());
            overview.add(&MailboxPlan {
                mailbox: format!("m{n}"),
                conflicts: vec![
                    conflict(ConflictKind::Collision, "first"),
                    conflict(ConflictKind::Collision, "second"),
                    conflict(ConflictKind::Name, "name"),
                ],
                ..plan(Vec::new())
            });
        }
        let found: Vec<_> = overview
            .conflicts()
            .map(|group| (group.kind, group.mailboxes, group.conflicts, group.first.len()))
            .collect();
        assert_eq!(
            found,
            [(ConflictKind::Collision, 12, 24, 10), (ConflictKind::Name, 12, 12, 10)],
            "by kind"
        );
        assert_eq!(overview.totals().conflicts, 12);
    }
}
