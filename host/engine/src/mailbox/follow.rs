//! Copies of earlier runs that follow today's mapping, and folders that can be left alone.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use mailhaul_imap::{Folder, FolderName, FolderStatus, Session};

use crate::event::Event;
use crate::folder::conclude::tell_finished;
use crate::folder::elsewhere::{FolderNames, look_up};
use crate::folder::unchanged::{Standing, standing};
use crate::folder::work::{MailboxWork, Step};
use crate::job::Selection;
use crate::mailbox::relocate;
use crate::mailbox::relocate::Destination;
use crate::mapping::spelling::by_path;
use crate::mapping::target::MappedFolder;
use crate::rules::FolderRule;
use crate::server::dial::Ends;
use crate::state::ledger::{CopyRow, FolderId, FolderRow, LedgerError, Place, PlaceId};

/// The target's spelling of every folder it has or is to have, by display path.
pub(crate) fn names(
    folders: &[MappedFolder],
    listed: &[(Folder, Option<FolderStatus>)],
) -> HashMap<String, FolderName> {
    let mut names = by_path(listed.iter().map(|(folder, _)| folder));
    let planned = folders.iter().filter_map(|m| m.target.as_ref());
    names.extend(planned.map(|to| (to.path.to_string(), to.name.clone())));
    names
}

/// What was on its way to a folder that its source folder does not go to any more is looked up there first,
/// so that it can follow.
pub(crate) async fn look_up_elsewhere(
    work: MailboxWork<'_>,
    ends: Ends,
    folders: &[MappedFolder],
    listed: &[(Folder, Option<FolderStatus>)],
) -> Step<Ends> {
    let names = FolderNames {
        source: by_path(folders.iter().map(|mapped| &mapped.folder)),
        target: names(folders, listed),
    };
    let goes_to: HashMap<String, String> = folders
        .iter()
        .filter_map(|m| Some((m.folder.path.to_string(), m.target.as_ref()?.path.to_string())))
        .collect();
    look_up(work, ends, &names, |row, batch| goes_to.get(&row.source) != batch.target.as_ref()).await
}

/// Moves copies that earlier runs put elsewhere to where they belong by today's mapping.
pub(crate) async fn follow(
    work: MailboxWork<'_>,
    target: &mut Session,
    folders: &[MappedFolder],
    listed: &[(Folder, Option<FolderStatus>)],
) -> Step<()> {
    let names = names(folders, listed);
    // A folder whose copies were on their way has some that are not where they belong, whatever its mapping
    // is.
    let on_their_way = relocate::recover(work, target, &names).await?;
    let rows: HashMap<String, FolderRow> =
        work.ledger().folders()?.into_iter().map(|row| (row.source.clone(), row)).collect();
    let mut copies = None;
    for mapped in folders {
        let Some(to) = &mapped.target else { continue };
        let path = to.path.to_string();
        let source = mapped.folder.path.to_string();
        let Some(row) = rows.get(&source) else { continue };
        let waits = on_their_way.iter().any(|(folder, _)| *folder == row.id);
        if !waits && row.place_path.as_ref().is_none_or(|place| *place == path) {
            continue;
        }
        let (copies, places) = match &copies {
            Some(known) => known,
            None => {
                let ledger = work.ledger();
                let mut of_folder: HashMap<FolderId, BTreeMap<PlaceId, Vec<CopyRow>>> = HashMap::new();
                for copy in ledger.copies()?.into_iter().filter(|copy| !copy.gone) {
                    of_folder.entry(copy.folder).or_default().entry(copy.place).or_default().push(copy);
                }
                let places: HashMap<PlaceId, Place> =
                    ledger.places()?.into_iter().map(|place| (place.id, place)).collect();
                copies.insert((of_folder, places))
            }
        };
        for (place, ours) in copies.get(&row.id).into_iter().flatten() {
            let Some(place) = places.get(place).filter(|place| place.path != path) else { continue };
            let Some(name) = names.get(&place.path) else { continue };
            let destination = Destination { path: &path, name: &to.name, create: !to.exists };
            let moved =
                relocate::relocate(work, target, row.id, (place, name), &destination, ours.clone()).await?;
            tracing::info!(
                from = place.path,
                to = path,
                moved = moved.done,
                left = moved.left,
                "copies moved"
            );
            if moved.done > 0 {
                let (from, to) = (place.path.clone(), path.clone());
                let (mailbox, messages) = (work.key().to_owned(), moved.done);
                work.context.emit(Event::CopiesMoved { mailbox, from, to, messages }).await;
            }
        }
    }
    for (_, intent) in on_their_way {
        work.ledger().close_relocation(intent)?;
    }
    Ok(())
}

/// Returns the folders that have to be opened; the others are as they were when they were proven.
/// `same_flags` are paths of source folders whose messages were listed just now and have the flags that their
/// copies were given.
pub(crate) async fn folders_to_open(
    work: MailboxWork<'_>,
    folders: Vec<MappedFolder>,
    same_flags: &HashSet<String>,
) -> Result<Vec<MappedFolder>, LedgerError> {
    let rows: HashMap<String, FolderRow> = {
        let mut ledger = work.ledger();
        let job = &work.context.job;
        ledger.set_rules(&rules_text(&job.select, &job.rules))?;
        ledger.folders()?.into_iter().map(|row| (row.source.clone(), row)).collect()
    };
    let mut open = Vec::new();
    let mut proven = Vec::new();
    for mapped in folders.into_iter().filter(|m| m.target.is_some() || m.skipped.is_some()) {
        let path = mapped.folder.path.to_string();
        let target = mapped.target.as_ref().map(|target| target.path.to_string());
        let status = mapped.target.as_ref().and_then(|target| target.status.as_ref());
        let row = rows.get(&path);
        let source = (mapped.status.as_ref(), same_flags.contains(&path));
        match row.map(|row| standing(row, target.as_deref(), source, status)) {
            Some(Standing::Proven) => proven.extend(row.map(|row| row.id)),
            _ => open.push(mapped),
        }
    }
    for id in proven {
        tell_finished(work, id, 0, Duration::ZERO).await?;
    }
    Ok(open)
}

/// Returns the text that the ledger knows a project's rules by. Its form is kept as it was first written,
/// whatever the types are called: another text means other rules, and folders with skipped messages are read
/// again. Keys that came later are in it where they are used.
fn rules_text(select: &Selection, rules: &[FolderRule]) -> String {
    let Selection { folders, since, before, max_size, flags, skip_deleted, order } = select;
    let mut text = format!(
        "Select {{ since: {since:?}, max_size: {max_size:?}, skip_deleted: {skip_deleted}, order: {order:?} }} {rules:?}"
    );
    if let Some((before, _)) = before {
        text.push_str(&format!(" before: {before}"));
    }
    for test in flags {
        text.push_str(&format!(" flag: {:?} {}", test.flag, test.wanted));
    }
    for pick in folders {
        text.push_str(&format!(" folder: {:?} {}", pick.written, pick.place));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{FlagTest, Order};
    use crate::rules::{FolderPick, Pattern, RuleAction};

    /// Every ledger there is has the digest of this form.
    #[test]
    fn rules_are_written_as_they_always_were() {
        let select = Selection {
            since: Some((1, "1970-01-01".into())),
            skip_deleted: true,
            order: Order::RecentFirst,
            ..Selection::default()
        };
        let rules = [FolderRule {
            from: Pattern::parse("A*/**").unwrap(),
            action: RuleAction::Skip,
            place: "mailhaul.toml:1".into(),
        }];
        assert_eq!(
            rules_text(&select, &rules),
            "Select { since: Some((1, \"1970-01-01\")), max_size: None, skip_deleted: true, order: RecentFirst } \
             [FolderRule { from: Pattern { levels: [Glob([\"A\", \"\"]), AnyDepth] }, action: Skip, place: \
             \"mailhaul.toml:1\" }]"
        );
    }

    #[test]
    fn every_key_of_a_selection_makes_other_rules() {
        let pick = FolderPick {
            pattern: Pattern::parse("A").unwrap(),
            leaves_out: true,
            written: "!A".into(),
            place: "mailhaul.toml:2".into(),
        };
        let test = |wanted| FlagTest { flag: "\\Seen".into(), wanted };
        let selections = [
            Selection::default(),
            Selection { since: Some((1, String::new())), ..Selection::default() },
            Selection { before: Some((1, String::new())), ..Selection::default() },
            Selection { max_size: Some((1, String::new())), ..Selection::default() },
            Selection { flags: vec![test(true)], ..Selection::default() },
            Selection { flags: vec![test(false)], ..Selection::default() },
            Selection { folders: vec![pick], ..Selection::default() },
            Selection { skip_deleted: true, ..Selection::default() },
            Selection { order: Order::Any, ..Selection::default() },
        ];
        let texts: HashSet<String> = selections.iter().map(|select| rules_text(select, &[])).collect();
        assert_eq!(texts.len(), selections.len(), "{texts:?}");
    }
}
