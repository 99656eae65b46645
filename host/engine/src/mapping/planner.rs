//! Looks at both ends of a mailbox and makes its plan. Writes nothing anywhere.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::{Folder, FolderPath, FolderStatus, Session};
use mailhaul_text::argument;

use crate::account::Mailbox;
use crate::assessment::Portion;
use crate::mapping::advice::{keep_rule, rule};
use crate::mapping::renamed_on_target::MovedPlace;
use crate::mapping::target::{FolderLists, Listing, MappedFolder, Mappings};
use crate::mapping::{chain, renamed_at_source, renamed_on_target};
use crate::plan::{Conflict, ConflictKind, FolderPlan, MailboxPlan, PlannedMove, role_name};
use crate::plugin::PluginError;
use crate::rules::FolderRule;
use crate::server::dial::can_move;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{FolderRow, Ledger, LedgerError, PlaceId};
use crate::task::context::Context;

/// Assumed speed of an estimate: what one ordinary server pair does without trouble.
const MESSAGES_A_SECOND: u64 = 300;

const BYTES_A_SECOND: u64 = 5_000_000;

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
    /// Folders renamed on the target since the last run.
    pub moved: Vec<MovedPlace>,
    /// What both ends listed: source, target.
    pub listings: (Listing, Listing),
}

/// Makes the plan of one mailbox, of what both ends list: source, target. `ledger` is what earlier runs left,
/// if any did.
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
    let mut mappings = chain::map(ends, &job.rules, &plugins.mappers).await.map_err(PlanError::Plugin)?;
    context.rules_met.record(&mailbox.key, &job.rules, &source_folders);
    for mapped in &mut mappings.folders {
        mapped.status = source_status.get(&mapped.folder.path.to_string()).cloned();
        if let Some(target) = &mut mapped.target {
            target.status = target_status.get(&target.path.to_string()).cloned();
        }
    }
    chain::refuse_foreign_targets(&mut mappings, |name| target.owns(name));
    let mut known = HashMap::new();
    let (mut renames, mut moved) = (Vec::new(), Vec::new());
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
        let can_move = can_move(target);
        let mine = (&ledger, mailbox.key.as_str());
        known = earlier(mine, (&renames, &moved), can_move, &job.rules, &mut mappings)
            .map_err(PlanError::Ledger)?;
    }

    let mut folders = Vec::with_capacity(mappings.folders.len());
    let mut to_copy = 0_u64;
    let mut there = 0_u64;
    let mut bytes = Some(0_u64);
    for mapped in &mappings.folders {
        let path = mapped.folder.path.to_string();
        let (messages, size) = mapped.status.as_ref().map_or((None, None), |s| (s.messages, s.size));
        let (mut done, mut open) = (0, 0);
        if mapped.target.is_some() {
            done = known.get(&path).map_or(0, |known| known.there);
            open = u64::from(messages.unwrap_or(0)).saturating_sub(done);
            to_copy += open;
            there += done;
            bytes = bytes.zip(size).map(|(sum, size)| sum + size);
        }
        folders.push(FolderPlan {
            moved_from: known.get_mut(&path).and_then(|known| known.moved_from.take()),
            source: path,
            merged: false,
            target: mapped.target.as_ref().map(|t| t.path.to_string()),
            create: mapped.target.as_ref().is_some_and(|t| !t.exists),
            subscribe: mapped.target.as_ref().is_some_and(|t| t.subscribe),
            role: mapped.target.as_ref().and_then(|t| t.role.as_ref()).map(role_name),
            messages,
            outside: mapped.outside,
            bytes: size,
            on_target: mapped.target.as_ref().and_then(|t| t.status.as_ref()).and_then(|s| s.messages),
            to_copy: open,
            bytes_to_copy: None,
            already_there: done,
            too_large: Portion::default(),
            left_out: Vec::new(),
            rule: None,
            by: mapped.by.clone(),
            why: mapped.why.clone(),
            story: mapped.story.clone(),
        });
    }
    let mut notes = mappings.notes.clone();
    for side in [Side::Source, Side::Target] {
        let elsewhere = mailbox.side(side).foreign_endpoint();
        notes.extend(elsewhere.map(|at| format!("the {} signs in at {at}", side.as_str())));
    }
    notes.extend(job.select.order.remark().map(str::to_owned));
    let by_bytes = if to_copy == 0 { 0 } else { bytes.unwrap_or(0) / BYTES_A_SECOND };
    let plan = MailboxPlan {
        mailbox: mailbox.key.clone(),
        source: mailbox.source.user.clone(),
        target: mailbox.target.user.clone(),
        folders,
        profiles: [(Side::Source, &mailbox.source), (Side::Target, &mailbox.target)]
            .into_iter()
            .filter_map(|(side, spec)| context.profiles.summary(side, spec))
            .collect(),
        notes,
        conflicts: mappings.conflicts.clone(),
        messages_to_copy: to_copy,
        bytes_to_copy: None,
        already_there: there,
        too_large: Portion::default(),
        left_out: Vec::new(),
        bytes,
        estimate_seconds: (to_copy / MESSAGES_A_SECOND).max(by_bytes) + u64::from(to_copy > 0),
    };
    let messages =
        source_status.into_iter().filter_map(|(path, status)| Some((path, status.messages?))).collect();
    Ok(PlannedMailbox {
        plan,
        mappings,
        messages,
        renames,
        moved,
        listings: (source_listing, target_listing),
    })
}

/// A side's folders, and their figures by display path.
fn split(listed: &[(Folder, Option<FolderStatus>)]) -> (Vec<Folder>, HashMap<String, FolderStatus>) {
    let folders = listed.iter().map(|(folder, _)| folder.clone()).collect();
    let figures =
        listed.iter().filter_map(|(folder, status)| Some((folder.path.to_string(), status.clone()?)));
    (folders, figures.collect())
}

/// What earlier runs did with a folder.
struct EarlierRun {
    /// Messages copied or found present by then.
    there: u64,
    moved_from: Option<PlannedMove>,
}

/// What earlier runs did, by today's source path. A folder whose copies are elsewhere is said to move;
/// one that was copied, or was on its way when a run broke off, and would be left out now is a conflict
/// unless the rule says that its copies stay.
fn earlier(
    (ledger, mailbox): (&Ledger, &str),
    (renames, moved): (&[(String, String)], &[MovedPlace]),
    can_move: bool,
    rules: &[FolderRule],
    mappings: &mut Mappings,
) -> Result<HashMap<String, EarlierRun>, LedgerError> {
    let rows: HashMap<String, FolderRow> =
        ledger.folders()?.into_iter().map(|row| (row.source.clone(), row)).collect();
    let new_names: HashMap<&str, &String> = renames.iter().map(|(old, new)| (old.as_str(), new)).collect();
    let taken: HashSet<&str> = renames.iter().map(|(_, new)| new.as_str()).collect();
    let new_places: HashMap<PlaceId, &MovedPlace> =
        moved.iter().map(|moved| (moved.place.id, moved)).collect();
    let by_path: HashMap<String, &MappedFolder> =
        mappings.folders.iter().map(|mapped| (mapped.folder.path.to_string(), mapped)).collect();
    let doubtful = ledger.has_open_intents()?;
    let kept = ledger.kept_copies()?;
    let mut known = HashMap::new();
    let mut conflicts = Vec::new();
    for folder in ledger.folder_summaries()? {
        let kept = kept.get(&folder.source).copied().unwrap_or(0);
        let there = folder.counts.copied + folder.counts.already_present + kept;
        let ours = folder.counts.copied + folder.counts.gone_at_source + kept;
        let renamed = new_names.get(folder.source.as_str()).copied();
        if renamed.is_none() && taken.contains(folder.source.as_str()) {
            continue; // It is gone, and another folder has its name.
        }
        let path = renamed.unwrap_or(&folder.source).clone();
        let mapped = by_path.get(&path).copied();
        let row = rows.get(&folder.source);
        if row.is_some_and(FolderRow::is_unseen) {
            continue; // Nothing was done with it, and it may be another one's new name.
        }
        let renamed_place = row.and_then(|row| new_places.get(&row.place?).copied());
        let before = match renamed_place {
            Some(moved) => Some(moved.folder.path.to_string()),
            None => row.and_then(|row| row.place_path.clone()),
        };
        let in_doubt = match row {
            Some(row) if doubtful => !ledger.unaccounted_messages(row.id)?.is_empty(),
            _ => false,
        };
        let was = if there > 0 { "was copied" } else { "was on its way" };
        let mut moved_from = None;
        if let (Some(mapped), Some(before), true) = (mapped, before, there > 0 || in_doubt) {
            let now = mapped.target.as_ref().map(|target| target.path.to_string());
            match now {
                Some(now) if now == before => {}
                Some(_) if can_move && there == 0 => {} // Told when it is known what arrived.
                Some(now) if can_move => {
                    let called = renamed.map(|_| format!(" (called `{}` before)", folder.source));
                    mappings.notes.push(format!(
                        "`{path}`{} was copied to `{before}` by an earlier run and goes to `{now}` now: the {there} \
                         messages are moved on the target, not sent again",
                        called.unwrap_or_default()
                    ));
                    moved_from = Some(PlannedMove { target: before, messages: there });
                }
                Some(now) => conflicts.push((ConflictKind::CannotMove, path.clone(), format!(
                    "`{path}` {was} to `{before}` by an earlier run and would now go to `{now}`, but the target \
                     can neither move messages (MOVE) nor remove single ones (UIDPLUS): keep the earlier mapping with \
                     a [[folders]] rule: {}",
                    rule(&mapped.folder.path, &FolderPath::parse(&before))
                ))),
                // What was found there is nobody's to take back.
                None if ours == 0 && !in_doubt => {}
                None if mapped.keeps_copies => mappings.notes.push(format!(
                    "`{path}` {was} to `{before}` by an earlier run and is left out now ({}): its copies stay there",
                    mapped.by
                )),
                None => {
                    let keep = match rules.iter().any(|rule| rule.place == mapped.by) {
                        true => "add `copies = \"keep\"` to that rule".to_owned(),
                        false => format!("write a rule: {}", keep_rule(&mapped.folder.path)),
                    };
                    conflicts.push((ConflictKind::LeftOutNow, path.clone(), format!(
                        "`{path}` {was} to `{before}` by an earlier run and would now be left out ({}); to keep its copies \
                         there, {keep}; to take them back, type `mailhaul undo --only {} --folder {}`",
                        mapped.by,
                        argument(mailbox),
                        argument(&folder.source),
                    )));
                }
            }
        }
        known.insert(path, EarlierRun { there, moved_from });
    }
    let conflict = |(kind, folder, sentence)| Conflict::new(kind, vec![folder], sentence);
    mappings.conflicts.extend(conflicts.into_iter().map(conflict));
    Ok(known)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mailhaul_imap::{FolderName, Space};

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
