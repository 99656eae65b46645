//! Where every folder goes: operator's rules, then mappers in the order of the file, then what
//! follows from them, then the host's own checks. Pure but for the calls to the mappers.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use mailhaul_imap::{Folder, FolderName, FolderPath, Space};

use crate::mapping::advice::{another_name, leave_out, merge, rename};
use crate::mapping::collisions::{Claimant, find_collisions, shown_name, taken_keys};
use crate::mapping::spelling::{is_inbox, own_spelling, spell};
use crate::mapping::target::{FolderLists, MappedFolder, Mappings, Target, collision_key};
use crate::plan::{Conflict, ConflictKind, PlanRule, StoryStep};
use crate::plugin::server::{describe, info};
use crate::plugin::{Decision, FolderInfo, FolderMapper, MappingRequest, PluginError, PluginFailure, Ruling};
use crate::rules::{FolderPick, FolderRule, NotPicked, not_picked};

/// Who decides when no rule and no mapper did.
const HOST: &str = "mailhaul";

/// A decision about one folder, with who made it and by what right.
#[derive(Debug, Clone)]
struct AuthoredRuling {
    by: String,
    /// The operator's rule, as plans name it.
    rule: Option<String>,
    decision: Decision,
    why: String,
    /// The operator typed it: it may merge folders.
    operator: bool,
    /// The operator's rule names this folder and no other.
    by_name: bool,
    /// The operator's rule leaves it out, and the copies that it has on the target stay there.
    keeps_copies: bool,
    /// Nobody ruled on it, and it lies outside the personal namespace.
    outside: bool,
}

impl AuthoredRuling {
    fn new(by: String, decision: Decision, why: String) -> Self {
        Self {
            by,
            rule: None,
            decision,
            why,
            operator: false,
            by_name: false,
            keeps_copies: false,
            outside: false,
        }
    }
}

/// Maps every folder.
///
/// # Errors
/// A mapper that broke or broke the contract: the mailbox must not be started.
pub(crate) async fn map(
    ends: FolderLists<'_>,
    rules: &[FolderRule],
    picks: &[FolderPick],
    mappers: &[Arc<dyn FolderMapper>],
) -> Result<Mappings, PluginError> {
    let mut out = Mappings::default();
    let count = ends.source_folders.len();
    let mut settled: Vec<Option<AuthoredRuling>> = vec![None; count];
    let mut stories: Vec<Vec<StoryStep>> = vec![Vec::new(); count];
    apply_rules(ends, rules, &mut settled, &mut stories);
    leave_unpicked(ends, picks, &mut settled, &mut stories);
    leave_outside(ends, &mut settled, &mut stories);
    keep_inbox(ends, &mut settled, &mut stories);
    let source_folders: Vec<FolderInfo> = ends.source_folders.iter().map(info).collect();
    let target_folders: Vec<FolderInfo> = ends.target_folders.iter().map(info).collect();
    for mapper in mappers {
        let request = MappingRequest {
            source: describe(ends.source),
            target: describe(ends.target),
            source_folders: source_folders.clone(),
            target_folders: target_folders.clone(),
            settled: settled
                .iter()
                .enumerate()
                .filter_map(|(folder, s)| {
                    s.as_ref().map(|s| Ruling { folder, decision: s.decision.clone(), why: s.why.clone() })
                })
                .collect(),
        };
        let answer = mapper.map_folders(&request).await?;
        let by = mapper.plugin().to_string();
        let broken = |what: String| PluginError {
            plugin: mapper.plugin().clone(),
            call: "map-folders".into(),
            failure: PluginFailure::BadReply(what),
        };
        for note in answer.notes {
            out.notes.push(match note.folder.and_then(|f| ends.source_folders.get(f)) {
                Some(folder) => format!("{}: {} ({by})", folder.path, note.message),
                None => format!("{} ({by})", note.message),
            });
        }
        let mut ruled = vec![false; count];
        for ruling in answer.rulings {
            let Some(slot) = settled.get_mut(ruling.folder) else {
                return Err(broken(format!(
                    "it ruled on folder number {}, and there are {count}",
                    ruling.folder
                )));
            };
            if slot.is_some() || ruled.get(ruling.folder) == Some(&true) {
                let path = &ends.source_folders[ruling.folder].path;
                return Err(broken(format!("it ruled on `{path}`, which is settled already")));
            }
            ruled[ruling.folder] = true;
            stories[ruling.folder]
                .push(StoryStep { by: by.clone(), said: step_text(&ruling.decision, &ruling.why) });
            *slot = Some(AuthoredRuling::new(by.clone(), ruling.decision, ruling.why));
        }
        for (n, story) in stories.iter_mut().enumerate() {
            if settled[n].is_none() {
                story.push(StoryStep { by: by.clone(), said: "no opinion".into() });
            }
        }
    }
    follow_parents(ends, &mut settled, &mut stories);
    finish(ends, settled, stories, &mut out);
    Ok(out)
}

fn apply_rules(
    ends: FolderLists<'_>,
    rules: &[FolderRule],
    settled: &mut [Option<AuthoredRuling>],
    stories: &mut [Vec<StoryStep>],
) {
    for (n, folder) in ends.source_folders.iter().enumerate() {
        let Some((rule, target)) = rules.iter().find_map(|r| Some((r, r.apply_to(folder)?))) else {
            if !rules.is_empty() {
                stories[n].push(StoryStep { by: "[[folders]]".into(), said: "no rule matches".into() });
            }
            continue;
        };
        let (decision, why) = match target {
            Some(path) => (
                // A moved folder keeps its role, except INBOX, which has none to keep.
                Decision::MapTo { path, role: folder.roles.first().cloned(), subscribe: None },
                format!("your rule `{}`", rule.from),
            ),
            None => {
                let why = format!("left out by your rule `{}`", rule.from);
                (Decision::Skip(why.clone()), why)
            }
        };
        stories[n].push(StoryStep { by: rule.place.clone(), said: step_text(&decision, &why) });
        let by_name = rule.names_one_folder();
        let ruling = AuthoredRuling::new(rule.place.clone(), decision, why);
        let keeps_copies = rule.keeps_copies();
        let rule = Some(PlanRule::of(rule).to_string());
        settled[n] = Some(AuthoredRuling { rule, operator: true, by_name, keeps_copies, ..ruling });
    }
}

/// `[select] folders`: what is not picked is left out as a whole, wherever a rule or a mapper sends it.
/// Copies of earlier runs stay, since a selection says what to bring and not what to take back.
fn leave_unpicked(
    ends: FolderLists<'_>,
    picks: &[FolderPick],
    settled: &mut [Option<AuthoredRuling>],
    stories: &mut [Vec<StoryStep>],
) {
    for (n, folder) in ends.source_folders.iter().enumerate() {
        if settled[n].as_ref().is_some_and(|ruling| matches!(ruling.decision, Decision::Skip(_))) {
            continue;
        }
        let (pick, why) = match not_picked(picks, folder) {
            Some(NotPicked::By(pick)) => {
                (pick, format!("left out by \"{}\" in [select] folders", pick.written))
            }
            Some(NotPicked::Unnamed(pick)) => (pick, "not named by [select] folders".to_owned()),
            None => continue,
        };
        let decision = Decision::Skip(why.clone());
        stories[n].push(StoryStep { by: pick.place.clone(), said: step_text(&decision, &why) });
        let by_name = pick.as_rule().names_one_folder();
        let ruling = AuthoredRuling::new(pick.place.clone(), decision, why);
        settled[n] = Some(AuthoredRuling { operator: true, by_name, keeps_copies: true, ..ruling });
    }
}

/// Why a folder outside the personal namespace is left out.
#[must_use]
pub(crate) fn outside(folder: &Folder) -> &'static str {
    match folder.space {
        Space::Foreign => "another namespace: it belongs to other users, or is shared",
        Space::Own | Space::Beside => "another namespace: it lies beside the mailbox's own",
    }
}

/// What lies outside the personal namespace is moved when a rule says so, and no plugin is asked.
fn leave_outside(
    ends: FolderLists<'_>,
    settled: &mut [Option<AuthoredRuling>],
    stories: &mut [Vec<StoryStep>],
) {
    for (n, folder) in ends.source_folders.iter().enumerate() {
        if settled[n].is_none() && !folder.is_own() {
            let why = outside(folder).to_owned();
            let decision = Decision::Skip(why.clone());
            stories[n].push(StoryStep { by: HOST.into(), said: step_text(&decision, &why) });
            let ruling = AuthoredRuling::new(HOST.into(), decision, why);
            settled[n] = Some(AuthoredRuling { outside: true, ..ruling });
        }
    }
}

/// INBOX goes to INBOX unless the operator said otherwise; no plugin is asked.
fn keep_inbox(ends: FolderLists<'_>, settled: &mut [Option<AuthoredRuling>], stories: &mut [Vec<StoryStep>]) {
    for (n, folder) in ends.source_folders.iter().enumerate() {
        if settled[n].is_none() && is_inbox(&folder.path) {
            let decision = Decision::MapTo { path: folder.path.clone(), role: None, subscribe: None };
            let why = "INBOX is INBOX on every server".to_owned();
            stories[n].push(StoryStep { by: HOST.into(), said: step_text(&decision, &why) });
            settled[n] = Some(AuthoredRuling::new(HOST.into(), decision, why));
        }
    }
}

/// What lies below a folder that a mapper renamed goes along with it.
fn follow_parents(
    ends: FolderLists<'_>,
    settled: &mut [Option<AuthoredRuling>],
    stories: &mut [Vec<StoryStep>],
) {
    let tree = Tree::of(ends.source_folders);
    let moves = |ruling: &AuthoredRuling, own: &FolderPath| {
        !ruling.operator && matches!(&ruling.decision, Decision::MapTo { path, .. } if path != own)
    };
    let mut moved: Vec<bool> = ends
        .source_folders
        .iter()
        .zip(settled.iter())
        .map(|(folder, ruling)| ruling.as_ref().is_some_and(|ruling| moves(ruling, &folder.path)))
        .collect();
    for (n, folder) in ends.source_folders.iter().enumerate() {
        if settled[n].is_some() {
            continue;
        }
        let levels = &folder.reading().0;
        let above = tree.above(folder.reading()).into_iter().rev().find(|(_, above)| moved[*above]);
        let parent = above.and_then(|(depth, above)| match &settled[above].as_ref()?.decision {
            Decision::MapTo { path, .. } => Some((&ends.source_folders[above].path, path.clone(), depth)),
            Decision::Skip(_) => None,
        });
        let (decision, why) = match parent {
            Some((ancestor, mut path, depth)) => {
                path.0.extend(levels[depth..].iter().cloned());
                (
                    Decision::MapTo { path, role: None, subscribe: None },
                    format!("goes along with `{ancestor}`"),
                )
            }
            None => (
                Decision::MapTo {
                    path: folder.reading().clone(),
                    role: folder.roles.first().cloned(),
                    subscribe: None,
                },
                "keeps its name".to_owned(),
            ),
        };
        stories[n].push(StoryStep { by: HOST.into(), said: step_text(&decision, &why) });
        let ruling = AuthoredRuling::new(HOST.into(), decision, why);
        moved[n] = moves(&ruling, &folder.path);
        settled[n] = Some(ruling);
    }
}

/// Folders by their levels: a walk along a path finds all that it lies below, however deep it is.
struct Tree<'a> {
    /// By the node above, and the level's name; the root is 0.
    below: HashMap<(usize, &'a str), usize>,
    /// The folder of each node, where there is one.
    folders: Vec<Option<usize>>,
}

impl<'a> Tree<'a> {
    fn of(folders: &'a [Folder]) -> Self {
        let mut tree = Self { below: HashMap::new(), folders: vec![None] };
        for (n, folder) in folders.iter().enumerate() {
            let mut at = 0;
            for (depth, level) in folder.path.0.iter().enumerate() {
                let new = tree.folders.len();
                at = *tree.below.entry((at, own_level(depth, level))).or_insert(new);
                if at == new {
                    tree.folders.push(None);
                }
            }
            tree.folders[at] = Some(n);
        }
        tree
    }

    /// The folders above a path, from the top: (their depth, their number).
    fn above(&self, path: &FolderPath) -> Vec<(usize, usize)> {
        let (mut at, mut above) = (0, Vec::new());
        for (depth, level) in path.0.iter().enumerate() {
            match self.below.get(&(at, own_level(depth, level))) {
                Some(next) => at = *next,
                None => break,
            }
            above.extend(self.folders[at].filter(|_| depth + 1 < path.0.len()).map(|n| (depth + 1, n)));
        }
        above
    }
}

/// Returns the level as the tree has it: INBOX is one folder in any spelling.
fn own_level(depth: usize, level: &str) -> &str {
    if depth == 0 && level.eq_ignore_ascii_case("INBOX") { "INBOX" } else { level }
}

/// Gives every target its spelling there, and looks for what must not be run.
fn finish(
    ends: FolderLists<'_>,
    settled: Vec<Option<AuthoredRuling>>,
    stories: Vec<Vec<StoryStep>>,
    out: &mut Mappings,
) {
    let existing: BTreeMap<String, &Folder> =
        ends.target_folders.iter().map(|f| (ends.identity(&f.path), f)).collect();
    let by_name: HashMap<&FolderName, &Folder> = ends.target_folders.iter().map(|f| (&f.name, f)).collect();
    let mut taken: BTreeMap<String, Vec<Claimant>> = BTreeMap::new();
    let mut unfit: Vec<Unfit> = Vec::new();
    for (n, ((folder, ruling), story)) in ends.source_folders.iter().zip(settled).zip(stories).enumerate() {
        let Some(ruling) = ruling else { continue };
        let mut mapped = MappedFolder {
            folder: folder.clone(),
            target: None,
            skipped: None,
            keeps_copies: ruling.keeps_copies,
            outside: ruling.outside && folder.selectable,
            by: ruling.by.clone(),
            rule: ruling.rule,
            why: ruling.why.clone(),
            story,
            status: None,
        };
        match ruling.decision {
            Decision::Skip(reason) => {
                if folder.selectable && !ruling.outside {
                    mapped.skipped = Some((ruling.by, reason));
                }
            }
            Decision::MapTo { .. } if !folder.selectable => {
                "cannot hold messages; its subfolders are mapped on their own".clone_into(&mut mapped.why);
            }
            Decision::MapTo { path, role, subscribe } => match spell(ends.target, &path) {
                Ok((path, name, changed)) => {
                    let is_mixed = is_inbox(&path) && !is_inbox(&folder.path) && !ruling.operator;
                    if is_mixed {
                        let what =
                            format!("{} would be mixed into INBOX ({})", shown_name(folder), ruling.by);
                        let (kind, near) = (ConflictKind::Inbox, folder.reading().clone());
                        unfit.push(Unfit { at: n, kind, what, to: path.clone(), near });
                    }
                    if let Some(what) = changed {
                        out.notes.push(format!("{} becomes `{path}`: {what}", shown_name(folder)));
                    }
                    // The name is the folder's, whatever else reads like it there.
                    let alike = existing.get(&path.to_string()).filter(|there| there.path == path);
                    let there = by_name.get(&name).or(alike);
                    let (path, name) = match (there, own_spelling(ends, &existing, &path)) {
                        (Some(there), _) => (there.path.clone(), there.name.clone()),
                        (None, Some((own, name))) => {
                            out.notes.push(format!(
                                "{} goes to `{own}`: the target does not tell names apart by case",
                                shown_name(folder)
                            ));
                            (own, name)
                        }
                        (None, None) => (path, name),
                    };
                    let there = there.copied().or_else(|| existing.get(&ends.identity(&path)).copied());
                    let taker = Claimant { at: n, by_rule: ruling.operator, by_name: ruling.by_name };
                    // That two would become one is said once.
                    if !is_mixed {
                        taken.entry(path.to_string()).or_default().push(taker);
                    }
                    if let Some(there) = there.filter(|f| !f.selectable) {
                        out.notes.push(format!(
                            "`{}` exists on the target but cannot hold messages; it is created again",
                            there.path
                        ));
                    }
                    mapped.target = Some(Target {
                        exists: there.is_some_and(|f| f.selectable),
                        subscribe: subscribe.unwrap_or(folder.subscribed || is_inbox(&path)),
                        role,
                        name,
                        path,
                        status: None,
                    });
                }
                Err(cause) => {
                    let what =
                        format!("{} cannot become `{path}` on the target: {cause}", shown_name(folder));
                    let (kind, near) = (ConflictKind::Name, FolderPath(vec![path.0.join(" ")]));
                    unfit.push(Unfit { at: n, kind, what, to: path, near });
                }
            },
        }
        out.folders.push(mapped);
    }
    let free = taken_keys(ends, out);
    for Unfit { at, kind, what, to, near } in unfit {
        let path = &ends.source_folders[at].path;
        let advice = another_name(path, &near, &free);
        let mut choices = vec![rename(path, &near, &free), leave_out([path])];
        if kind == ConflictKind::Inbox {
            choices.insert(1, merge([path], &to));
        }
        let conflict = Conflict::new(kind, vec![path.to_string()], what).advising(&advice);
        out.conflicts.push(conflict.about(&to).offering(choices));
    }
    find_collisions(ends, &taken, out);
}

/// A folder that cannot go where it is sent.
struct Unfit {
    /// Its number among the source's folders.
    at: usize,
    kind: ConflictKind,
    /// What is wrong, as a sentence begins with it.
    what: String,
    /// Where it is sent.
    to: FolderPath,
    /// What a name that fits is made of.
    near: FolderPath,
}

fn step_text(decision: &Decision, why: &str) -> String {
    match decision {
        Decision::MapTo { path, .. } => format!("to `{path}`: {why}"),
        Decision::Skip(_) if why.starts_with("left out") => why.to_owned(),
        Decision::Skip(_) => format!("left out: {why}"),
    }
}

/// Refuses places outside the mailbox: `owns` tells whether a name on the target is the user's own. What lies
/// in other users' folders is not listed as ours, so nothing could be proven there, and is not ours to fill.
pub(crate) fn refuse_foreign_targets(out: &mut Mappings, owns: impl Fn(&FolderName) -> bool) {
    for mapped in &out.folders {
        if let Some(target) = mapped.target.as_ref().filter(|target| !owns(&target.name)) {
            let last = FolderPath(target.path.0.last().cloned().into_iter().collect());
            let taken =
                out.folders.iter().filter_map(|m| Some(collision_key(&m.target.as_ref()?.path))).collect();
            let what = format!(
                "{} would leave the mailbox: on the target, `{}` lies among other users' or shared folders ({})",
                shown_name(&mapped.folder),
                target.path,
                mapped.by
            );
            let advice = another_name(&mapped.folder.path, &last, &taken);
            let path = &mapped.folder.path;
            let choices = vec![rename(path, &last, &taken), leave_out([path])];
            let conflict = Conflict::new(ConflictKind::Name, vec![path.to_string()], what).advising(&advice);
            out.conflicts.push(conflict.about(&target.path).offering(choices));
        }
    }
}

#[cfg(test)]
mod tests {
    use mailhaul_imap::ServerFacts;

    use super::*;
    use crate::plugin::{Mapping, PluginId};
    use crate::rules::{Pattern, RuleAction};
    use async_trait::async_trait;
    use mailhaul_net::{Endpoint, TlsMode};

    fn facts(prefix: &str, delimiter: char) -> ServerFacts {
        ServerFacts {
            endpoint: Endpoint { host: "mail.example.org".into(), port: 993, tls: TlsMode::Implicit },
            greeting: String::new(),
            capabilities: Vec::new(),
            id: Vec::new(),
            namespace_prefix: prefix.into(),
            delimiter: Some(delimiter),
            append_limit: None,
        }
    }

    fn folder(path: &str) -> Folder {
        Folder {
            name: FolderName(path.as_bytes().to_vec()),
            path: FolderPath::parse(path),
            reads: None,
            space: Space::Own,
            attributes: Vec::new(),
            roles: Vec::new(),
            selectable: true,
            subscribed: true,
            listed: true,
        }
    }

    fn rule(from: &str, to: Option<&str>) -> FolderRule {
        FolderRule {
            from: Pattern::parse(from).unwrap(),
            action: to.map_or(RuleAction::Skip, |to| RuleAction::To(Pattern::parse(to).unwrap())),
            place: "mailhaul.toml:9".into(),
        }
    }

    /// A mapper that sends the folder of one name somewhere.
    struct Sends(PluginId, &'static str, &'static str);

    #[async_trait]
    impl FolderMapper for Sends {
        fn plugin(&self) -> &PluginId {
            &self.0
        }
        async fn map_folders(&self, request: &MappingRequest) -> Result<Mapping, PluginError> {
            let rulings = request
                .source_folders
                .iter()
                .enumerate()
                .filter(|(_, f)| f.path.to_string() == self.1)
                .map(|(folder, _)| Ruling {
                    folder,
                    decision: Decision::MapTo {
                        path: FolderPath::parse(self.2),
                        role: None,
                        subscribe: None,
                    },
                    why: "because".into(),
                })
                .collect();
            Ok(Mapping { rulings, notes: Vec::new() })
        }
    }

    fn sends(from: &'static str, to: &'static str) -> Arc<dyn FolderMapper> {
        Arc::new(Sends(PluginId { id: "test".into(), version: "1".into() }, from, to))
    }

    async fn mapped(
        source: &[&str],
        rules: &[FolderRule],
        mappers: &[Arc<dyn FolderMapper>],
        delimiter: char,
    ) -> Mappings {
        let (a, b) = (facts("INBOX.", '.'), facts("", delimiter));
        let folders: Vec<Folder> = source.iter().map(|p| folder(p)).collect();
        map(ends(&a, &folders, &b, &[]), rules, &[], mappers).await.unwrap()
    }

    fn ends<'a>(
        source: &'a ServerFacts,
        source_folders: &'a [Folder],
        target: &'a ServerFacts,
        target_folders: &'a [Folder],
    ) -> FolderLists<'a> {
        FolderLists { source, source_folders, target, target_folders, target_folds: None }
    }

    fn targets(mappings: &Mappings) -> Vec<String> {
        mappings
            .folders
            .iter()
            .map(|m| m.target.as_ref().map_or_else(|| "-".into(), |t| t.path.to_string()))
            .collect()
    }

    #[tokio::test]
    async fn subfolders_go_along_and_the_rest_keeps_its_name() {
        let rules = [rule("Spam", None), rule("Old/**", Some("Archive/Old/**"))];
        let source = ["INBOX", "Sent", "Sent/2020", "Spam", "Old/a", "Other"];
        let m = mapped(&source, &rules, &[sends("Sent", "Sent Items")], '/').await;
        assert_eq!(targets(&m), ["INBOX", "Sent Items", "Sent Items/2020", "-", "Archive/Old/a", "Other"]);
        assert_eq!(m.folders[3].skipped.as_ref().unwrap().0, "mailhaul.toml:9");
        assert_eq!(m.folders[2].why, "goes along with `Sent`");
        assert!(m.conflicts.is_empty(), "{:?}", m.conflicts);
    }

    #[tokio::test]
    async fn two_folders_into_one_is_a_conflict_unless_the_operator_said_so() {
        let source = ["Sent", "Sent Items"];
        let m = mapped(&source, &[], &[sends("Sent", "Sent Items")], '/').await;
        assert_eq!(m.conflicts.len(), 1);
        assert!(m.conflicts[0].sentence.contains("`Sent` and `Sent Items` would both become `Sent Items`"));
        let merge = [rule("Sent Items", Some("Sent Items"))];
        let m = mapped(&source, &merge, &[sends("Sent", "Sent Items")], '/').await;
        assert!(m.conflicts.is_empty());
        assert!(m.notes[0].contains("merged"));
    }

    #[tokio::test]
    async fn a_mapper_that_rules_on_a_settled_folder_breaks_the_contract() {
        let (a, b) = (facts("", '/'), facts("", '/'));
        let folders = [folder("Spam"), folder("INBOX")];
        let ends = ends(&a, &folders, &b, &[]);
        for (rules, mapper) in
            [(vec![rule("Spam", None)], sends("Spam", "Junk")), (vec![], sends("INBOX", "Old"))]
        {
            let error = map(ends, &rules, &[], &[mapper]).await.unwrap_err();
            assert!(error.to_string().contains("settled already"), "{error}");
        }
    }

    #[tokio::test]
    async fn the_targets_delimiter_inside_a_name_is_replaced_and_said() {
        let m = mapped(&["v1.2", "v1_2"], &[], &[], '.').await;
        assert_eq!(m.folders[0].target.as_ref().unwrap().path.to_string(), "v1_2");
        assert!(m.notes.iter().any(|n| n.contains("cannot hold `.`")), "{:?}", m.notes);
        assert!(m.conflicts[0].sentence.contains("would both become `v1_2`"));
    }

    #[tokio::test]
    async fn names_that_differ_only_in_case_or_accents_are_pointed_out() {
        let m = mapped(&["Work", "work", "Entwürfe", "Entwu\u{308}rfe"], &[], &[], '/').await;
        assert_eq!((m.notes.len(), m.conflicts.len()), (1, 1), "{m:?}");
        assert!(m.conflicts[0].sentence.contains("read alike"), "{:?}", m.conflicts);
    }

    #[tokio::test]
    async fn where_case_does_not_count_the_targets_spelling_does_and_two_into_one_is_a_conflict() {
        let (a, b) = (facts("", '/'), facts("", '/'));
        let folders = ["work", "work/a", "Team", "team"].map(folder);
        let there = [folder("Work")];
        let folding = FolderLists { target_folds: Some(true), ..ends(&a, &folders, &b, &there) };
        let m = map(folding, &[], &[], &[]).await.unwrap();
        assert_eq!(targets(&m)[..2], ["Work", "Work/a"]);
        assert!(m.folders[0].target.as_ref().unwrap().exists);
        assert!(
            m.conflicts[0].sentence.contains("`Team` and `team` are one folder on the target"),
            "{:?}",
            m.conflicts
        );
        let exact = FolderLists { target_folds: Some(false), ..folding };
        let m = map(exact, &[], &[], &[]).await.unwrap();
        assert_eq!(targets(&m), ["work", "work/a", "Team", "team"]);
        assert!(m.conflicts.is_empty() && m.notes.is_empty(), "{:?} {:?}", m.conflicts, m.notes);
    }

    #[tokio::test]
    async fn nothing_but_the_operator_mixes_a_folder_into_inbox() {
        for inbox in ["INBOX", "iNbOx"] {
            let m = mapped(&["INBOX", "Mail"], &[], &[sends("Mail", inbox)], '/').await;
            assert!(m.conflicts.iter().any(|c| c.sentence.contains("mixed into INBOX")), "{inbox}");
        }
    }

    #[tokio::test]
    async fn no_folder_leaves_the_mailbox() {
        let mut m = mapped(&["INBOX", "Mail", "Other"], &[], &[sends("Mail", "Shared/bob")], '/').await;
        refuse_foreign_targets(&mut m, |name| !name.0.starts_with(b"Shared/"));
        assert_eq!(m.conflicts.len(), 1, "{:?}", m.conflicts);
        assert!(
            m.conflicts[0]
                .sentence
                .starts_with("`Mail` would leave the mailbox: on the target, `Shared/bob` lies")
        );
    }

    /// Every beginning of a path was copied and looked for: a minute for one name of 60,000 levels.
    #[tokio::test]
    async fn a_name_of_many_levels_is_no_work() {
        let deep: Vec<String> = (0..60_000).map(|n| n.to_string()).collect();
        let twin = [&deep[..], &["end".to_owned()]].concat().join("/");
        let begun = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        let source = ["0", &deep.join("/"), &twin];
        let m = mapped(&source, &[], &[sends("0", "Zero")], '/').await;
        let ended = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        assert!(m.folders.iter().all(|m| m.target.as_ref().unwrap().path.0[0] == "Zero"));
        assert!(ended.tv_sec - begun.tv_sec < 5, "{begun:?} {ended:?}");
    }
}
