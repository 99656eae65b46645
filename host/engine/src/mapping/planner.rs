//! Looks at both ends of a mailbox and makes its plan. Writes nothing anywhere.

use std::collections::{BTreeMap, HashMap, HashSet};

use mailhaul_imap::{Folder, FolderStatus, Session};

use crate::account::Mailbox;
use crate::assessment::Portion;
use crate::assessment::forecast::LoadEnds;
use crate::mapping::earlier::earlier;
use crate::mapping::estimate::estimate;
use crate::mapping::portions::{Numbers, Portions, Settled, ToList};
use crate::mapping::renamed_on_target::MovedPlace;
use crate::mapping::target::{FolderLists, Listing, MappedFolder, Mappings};
use crate::mapping::{chain, portions, renamed_at_source, renamed_on_target};
use crate::message::select::needs_list;
use crate::plan::{AgreedMailbox, Conflict, ConflictKind, FolderPlan, MailboxPlan, PlannedMove, role_name};
use crate::plugin::PluginError;
use crate::server::dial::can_move;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Ledger, LedgerError};
use crate::task::context::Context;

/// Why a mailbox could not be planned.
#[derive(Debug)]
pub(crate) enum PlanError {
    End(EndError),
    Plugin(PluginError),
    Ledger(LedgerError),
}

impl From<EndError> for PlanError {
    fn from(e: EndError) -> Self {
        Self::End(e)
    }
}

/// A mailbox's plan with what a run needs beside it.
#[derive(Debug)]
pub(crate) struct PlannedMailbox {
    pub plan: MailboxPlan,
    /// With the notes on folders alone.
    pub mappings: Mappings,
    /// Messages per source folder, by its display path.
    pub messages: HashMap<String, u32>,
    /// Folders renamed at the source since the last run: old path, new path.
    pub renames: Vec<(String, String)>,
    /// Folders of the plan that was agreed on that have another name now: old path, new path.
    pub renamed_since_agreed: Vec<(String, String)>,
    /// Folders renamed on the target since the last run.
    pub moved: Vec<MovedPlace>,
    /// What both ends listed: source, target.
    pub listings: (Listing, Listing),
}

/// Makes the plan of one mailbox, of what both ends list: source, target. `ledger` is what earlier runs left,
/// if any did; `numbers`, by what it tells how much there is. What `agreed` knew by another name goes where
/// that plan says.
///
/// # Errors
/// [`PlanError`].
pub(crate) async fn plan(
    context: &Context,
    mailbox: &Mailbox,
    source: &mut Session,
    target: &mut Session,
    (source_listing, target_listing): (Listing, Listing),
    ledger: Option<Ledger>,
    (numbers, agreed): (Numbers, Option<&AgreedMailbox>),
) -> Result<PlannedMailbox, PlanError> {
    let (source_folders, source_status) = split(&source_listing);
    let (target_folders, target_status) = split(&target_listing);
    let ends = FolderLists {
        source: source.facts(),
        source_folders: &source_folders,
        target: target.facts(),
        target_folders: &target_folders,
        target_folds: context
            .profiles
            .known(Side::Target, &mailbox.target)
            .and_then(|k| k.profile.folds_case),
    };
    let (job, plugins) = (&context.job, &context.plugins);
    let mut mappings = chain::map(ends, &job.rules, &job.select.folders, &plugins.mappers)
        .await
        .map_err(PlanError::Plugin)?;
    context.rules_met.record(&mailbox.key, &job.folder_rules(), &source_folders);
    for mapped in &mut mappings.folders {
        mapped.status = source_status.get(&mapped.folder.path.to_string()).cloned();
        if let Some(target) = &mut mapped.target {
            target.status = target_status.get(&target.path.to_string()).cloned();
        }
    }
    chain::refuse_foreign_targets(&mut mappings, |name| target.owns(name));
    let mut known = HashMap::new();
    let (mut renames, mut moved, mut renamed_since_agreed) = (Vec::new(), Vec::new(), Vec::new());
    let mut kept = None;
    if let Some(ledger) = ledger {
        let candidates =
            renamed_at_source::candidates(&ledger, &source_listing).map_err(PlanError::Ledger)?;
        renames = renamed_at_source::confirm(source, candidates).await?;
        let (before, lost) =
            renamed_on_target::places(&ledger, &target_listing).map_err(PlanError::Ledger)?;
        if !lost.is_empty() {
            let places = ledger.places().map_err(PlanError::Ledger)?.into_iter().map(|place| place.path);
            let mapped =
                mappings.folders.iter().filter_map(|m| m.target.as_ref()).map(|t| t.path.to_string());
            moved = renamed_on_target::find(target, lost, &target_listing, &places.chain(mapped).collect())
                .await?;
        }
        renamed_on_target::follow(&mut mappings, &target_folders, before.iter().chain(&moved));
        if let Some(agreed) = agreed {
            let rows = ledger.folders().map_err(PlanError::Ledger)?;
            let copies = rows.into_iter().filter_map(|row| Some((row.source, row.place_path?))).collect();
            let here = source_folders.iter().map(|folder| folder.path.to_string()).collect();
            renamed_since_agreed = agreed.renamed(&renames, &copies, &here);
            keep_targets(agreed, &renamed_since_agreed, &mut mappings, &target_listing);
        }
        let can_move = can_move(target);
        let mine = (&ledger, mailbox.key.as_str());
        known = earlier(mine, (&renames, &moved), can_move, &job.rules, &mut mappings)
            .map_err(PlanError::Ledger)?;
        kept = Some(ledger);
    }

    let old_names: HashMap<&str, &str> =
        renames.iter().map(|(old, new)| (new.as_str(), old.as_str())).collect();
    let mut notes = mappings.notes.clone();
    let mut listed = BTreeMap::new();
    if numbers == Numbers::Listed {
        let to_list = to_list(context, target, &mappings, kept.as_ref(), &old_names)?;
        let unlisted;
        (listed, unlisted) = portions::read(context, source, to_list).await?;
        notes.extend(unlisted);
    }
    let there = |path: &String| known.get(path).map_or(0, |known| known.there);
    let is_open = |mapped: &MappedFolder| {
        let messages = mapped.status.as_ref().and_then(|status| status.messages).unwrap_or(0);
        mapped.target.is_some() && u64::from(messages) > there(&mapped.folder.path.to_string())
    };
    let settled_bytes = match &kept {
        // All rows are added up for it, which is for nothing where nothing is left.
        Some(ledger) if mappings.folders.iter().any(is_open) => {
            ledger.settled_bytes().map_err(PlanError::Ledger)?
        }
        _ => HashMap::new(),
    };
    let settled = |path: String| {
        let known_as = old_names.get(path.as_str()).copied().unwrap_or(&path);
        let bytes = settled_bytes.get(known_as).copied().unwrap_or(0);
        Portion { messages: there(&path), bytes }
    };
    let portions: Vec<Portions> = mappings
        .folders
        .iter()
        .enumerate()
        .map(|(at, mapped)| {
            let (messages, size) = mapped.status.as_ref().map_or((None, None), |s| (s.messages, s.size));
            match (&mapped.target, &mapped.skipped) {
                (Some(_), _) => listed.remove(&at).unwrap_or_else(|| {
                    Portions::counted(messages, size, settled(mapped.folder.path.to_string()))
                }),
                (None, Some((_, reason))) => Portions::all_left_out(messages, size, reason),
                (None, None) => Portions { messages, bytes_to_copy: Some(0), ..Portions::default() },
            }
        })
        .collect();
    for side in [Side::Source, Side::Target] {
        let elsewhere = mailbox.side(side).foreign_endpoint();
        notes.extend(elsewhere.map(|at| format!("the {} signs in at {at}", side.as_str())));
    }
    notes.extend(job.select.order.remark().map(str::to_owned));
    let moves = known.iter_mut().filter_map(|(path, known)| Some((path.clone(), known.moved_from.take()?)));
    let folders = folder_plans(&mappings, portions, moves.collect());
    let profiles = [(Side::Source, &mailbox.source), (Side::Target, &mailbox.target)]
        .into_iter()
        .filter_map(|(side, spec)| context.profiles.summary(side, spec))
        .collect();
    let mut plan = MailboxPlan {
        mailbox: mailbox.key.clone(),
        source: mailbox.source.user.clone(),
        target: mailbox.target.user.clone(),
        folders,
        profiles,
        notes,
        conflicts: mappings.conflicts.clone(),
        messages_to_copy: 0,
        bytes_to_copy: None,
        already_there: 0,
        too_large: Portion::default(),
        left_out: Vec::new(),
        bytes: None,
        estimate_seconds: 0,
        ends: LoadEnds::default(),
    };
    plan.add_up();
    estimate(context, mailbox, &mut plan, None);
    let messages =
        source_status.into_iter().filter_map(|(path, status)| Some((path, status.messages?))).collect();
    Ok(PlannedMailbox {
        plan,
        mappings,
        messages,
        renames,
        renamed_since_agreed,
        moved,
        listings: (source_listing, target_listing),
    })
}

/// Sends folders that have another name now where the plan sends the old one, so that their copies stay where
/// they are. What is left out now, or would go to a folder that the target does not have, is left as it is.
fn keep_targets(
    agreed: &AgreedMailbox,
    renamed: &[(String, String)],
    mappings: &mut Mappings,
    target_listing: &Listing,
) {
    let old_names: HashMap<&str, &str> =
        renamed.iter().map(|(old, new)| (new.as_str(), old.as_str())).collect();
    if old_names.is_empty() {
        return;
    }
    let there: HashMap<String, &(Folder, Option<FolderStatus>)> = target_listing
        .iter()
        .filter(|(folder, _)| folder.selectable)
        .map(|one| (one.0.path.to_string(), one))
        .collect();
    for mapped in &mut mappings.folders {
        let old = old_names.get(mapped.folder.path.to_string().as_str()).copied();
        let kept = old.and_then(|old| there.get(agreed.target(old)?)).copied();
        let (Some(old), Some((folder, status)), Some(target)) = (old, kept, &mut mapped.target) else {
            continue;
        };
        if target.path == folder.path {
            continue;
        }
        (target.path, target.name) = (folder.path.clone(), folder.name.clone());
        target.status = status.clone();
        (target.role, target.subscribe, target.exists) = (None, false, true);
        (mapped.by, mapped.rule) = ("mailhaul".to_owned(), None);
        mapped.why = format!("it was called `{old}` when the plan was made");
        mapped.story = Vec::new();
    }
}

/// The folders whose lists decide what is left out or too large: all that are copied where the selection is
/// about single messages, and else those that may have one above the target's limit.
fn to_list(
    context: &Context,
    target: &Session,
    mappings: &Mappings,
    ledger: Option<&Ledger>,
    old_names: &HashMap<&str, &str>,
) -> Result<Vec<ToList>, PlanError> {
    let select = &context.job.select;
    let by_message = needs_list(select);
    let mut folders = Vec::new();
    for (at, mapped) in mappings.folders.iter().enumerate() {
        let Some(to) = &mapped.target else { continue };
        let status = mapped.status.as_ref();
        let of_folder = to.status.as_ref().and_then(|status| status.append_limit);
        let limit = of_folder.or(target.facts().append_limit);
        let messages = status.and_then(|status| status.messages);
        let exceeds =
            limit.is_some_and(|limit| status.and_then(|status| status.size).is_none_or(|size| size > limit));
        if messages == Some(0) || !(by_message || exceeds) {
            continue;
        }
        let path = mapped.folder.path.to_string();
        let known_as = old_names.get(path.as_str()).copied().unwrap_or(&path);
        let row = ledger.map(|ledger| ledger.folder(known_as)).transpose().map_err(PlanError::Ledger)?;
        let settled = match ledger.zip(row.flatten()) {
            Some((ledger, row)) => Settled::of(ledger, &row).map_err(PlanError::Ledger)?,
            None => Settled::default(),
        };
        let name = mapped.folder.name.clone();
        folders.push(ToList { at, path, name, messages, limit, only_by_limit: !by_message, settled });
    }
    Ok(folders)
}

/// What a plan says of its folders.
fn folder_plans(
    mappings: &Mappings,
    portions: Vec<Portions>,
    mut moves: HashMap<String, PlannedMove>,
) -> Vec<FolderPlan> {
    let is_mixed =
        |conflict: &&Conflict| matches!(conflict.kind, ConflictKind::Collision | ConflictKind::Inbox);
    let mixed: HashSet<&String> =
        mappings.conflicts.iter().filter(is_mixed).flat_map(|conflict| &conflict.folders).collect();
    let mut into: HashMap<String, u32> = HashMap::new();
    for mapped in mappings.folders.iter().filter(|mapped| !mixed.contains(&mapped.folder.path.to_string())) {
        if let Some(target) = &mapped.target {
            *into.entry(target.path.to_string()).or_default() += 1;
        }
    }
    let folders = mappings.folders.iter().zip(portions).map(|(mapped, portions)| {
        let source = mapped.folder.path.to_string();
        let target = mapped.target.as_ref();
        let path = target.map(|target| target.path.to_string());
        let Portions { messages, to_copy, bytes_to_copy, already_there, too_large, left_out } = portions;
        FolderPlan {
            moved_from: moves.remove(&source),
            merged: !mixed.contains(&source)
                && path.as_ref().is_some_and(|path| into.get(path).is_some_and(|folders| *folders > 1)),
            source,
            target: path,
            create: target.is_some_and(|t| !t.exists),
            subscribe: target.is_some_and(|t| t.subscribe),
            role: target.and_then(|t| t.role.as_ref()).map(role_name),
            messages,
            outside: mapped.outside,
            bytes: mapped.status.as_ref().and_then(|status| status.size),
            on_target: target.and_then(|t| t.status.as_ref()).and_then(|s| s.messages),
            to_copy,
            bytes_to_copy,
            already_there,
            too_large,
            left_out,
            by: mapped.by.clone(),
            rule: mapped.rule.clone(),
            why: mapped.why.clone(),
            story: mapped.story.clone(),
        }
    });
    folders.collect()
}

/// A side's folders, and their figures by display path.
fn split(listed: &[(Folder, Option<FolderStatus>)]) -> (Vec<Folder>, HashMap<String, FolderStatus>) {
    let folders = listed.iter().map(|(folder, _)| folder.clone()).collect();
    let figures =
        listed.iter().filter_map(|(folder, status)| Some((folder.path.to_string(), status.clone()?)));
    (folders, figures.collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mailhaul_imap::{FolderName, FolderPath, Space};

    use super::*;
    use crate::account::LedgerIdentity;
    use crate::mapping::target::Target;

    const FOLDERS: u32 = 20_000;

    fn listed(path: &str, validity: u32) -> (Folder, Option<FolderStatus>) {
        let folder = Folder {
            name: FolderName(path.as_bytes().to_vec()),
            path: FolderPath::parse(path),
            reads: None,
            space: Space::Own,
            attributes: Vec::new(),
            roles: Vec::new(),
            selectable: true,
            subscribed: true,
            listed: true,
        };
        let status =
            FolderStatus { messages: Some(1), uid_validity: Some(validity), ..FolderStatus::default() };
        (folder, Some(status))
    }

    fn mapped(listing: &Listing) -> Mappings {
        let folders = listing.iter().map(|(folder, status)| MappedFolder {
            folder: folder.clone(),
            target: Some(Target {
                path: folder.path.clone(),
                name: folder.name.clone(),
                role: None,
                subscribe: true,
                exists: true,
                status: None,
            }),
            skipped: None,
            keeps_copies: false,
            outside: false,
            by: String::new(),
            rule: None,
            why: String::new(),
            story: Vec::new(),
            status: status.clone(),
        });
        Mappings { folders: folders.collect(), ..Mappings::default() }
    }

    /// What this thread takes of the processor for it.
    fn cost<T>(work: impl FnOnce() -> T) -> (Duration, T) {
        let now = || {
            let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            Duration::try_from(spent).unwrap()
        };
        let begun = now();
        let done = work();
        (now() - begun, done)
    }

    /// Looking for each folder in a list of all took minutes.
    #[test]
    fn a_plan_over_twenty_thousand_folders_takes_a_moment() {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let who = LedgerIdentity {
            mailbox: "m".into(),
            source_user: String::new(),
            source_host: String::new(),
            target_user: String::new(),
            target_host: String::new(),
        };
        let mut ledger = Ledger::open(dir.path(), &who).unwrap();
        let path = |n: u32| format!("Some/Folder {n:05}");
        let rows: Vec<_> = (0..FOLDERS).map(|n| (path(n), Some(path(n)), 1)).collect();
        ledger.record_plan(&rows).unwrap();
        for (n, row) in (1..).zip(ledger.folders().unwrap()) {
            ledger.open_place(row.id, &row.source, Some(n), true).unwrap();
        }
        let here: Listing = (0..FOLDERS).map(|n| listed(&path(n), n + 1)).collect();
        // At the source half of them have another name, and nothing else was ever read of them.
        let renamed: Listing = (0..FOLDERS)
            .map(|n| if n % 2 == 0 { listed(&path(n), n + 1) } else { listed(&format!("New/{n}"), n + 1) })
            .collect();
        let mut mappings = mapped(&here);
        let target_folders: Vec<Folder> = here.iter().map(|(folder, _)| folder.clone()).collect();
        let (took, known) = cost(|| {
            renamed_at_source::candidates(&ledger, &renamed).unwrap();
            let (moved, lost) = renamed_on_target::places(&ledger, &here).unwrap();
            assert!(moved.is_empty() && lost.is_empty());
            let all: Vec<MovedPlace> =
                ledger.places().unwrap().into_iter().zip(&here).map(moved_to).collect();
            renamed_on_target::follow(&mut mappings, &target_folders, all.iter());
            earlier((&ledger, "m"), (&[], &all), true, &[], &mut mappings).unwrap()
        });
        assert_eq!(known.len(), FOLDERS as usize);
        assert_eq!(mappings.notes.len(), FOLDERS as usize);
        assert!(took < Duration::from_secs(10), "{took:?}");
    }

    fn moved_to(
        (place, (folder, status)): (crate::state::ledger::Place, &(Folder, Option<FolderStatus>)),
    ) -> MovedPlace {
        MovedPlace { place, folder: folder.clone(), status: status.clone() }
    }
}
