//! `undo`: takes back from the target exactly what this project put there.
//!
//! A message goes only when the ledger knows its UID in a folder of the same UIDVALIDITY, and its bytes
//! are those that were copied. What was found there before, and whatever came since, stays. With names of
//! source folders, only the copies of these are looked at.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use mailhaul_imap::{Flags, FolderName, FolderPath, Preparation, Session, UidSet};

use crate::account::Mailbox;
use crate::event::{Event, MailboxEnd, UndoException, UndoExceptionCode, UndoSummary};
use crate::folder::elsewhere::{FolderNames, look_up};
use crate::folder::work::{Lists, MailboxWork, Step};
use crate::mailbox::connect::{connect, connect_target};
use crate::mailbox::delete_gone::QUARANTINE;
use crate::mailbox::open::{Interruption, OpenMailbox};
use crate::mailbox::relocate::{recover, remove_exactly};
use crate::mailbox::waits::Waits;
use crate::mapping::renamed_at_source::called_otherwise;
use crate::mapping::spelling::{by_path, is_inbox};
use crate::message::ours::{Certainty, Judgement, KeptReason, judge};
use crate::server::dial::log_out;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{CopyRow, FolderId, FolderRow, Ledger, Outcome, Place, PlaceId};
use crate::summary::MailboxSummary;
use crate::task::context::Context;

/// Copies removed with one command, and forgotten in one transaction.
const CHUNK: usize = 300;

/// So many copies of a folder are named that were gone, and so many that were left.
const MOST_NAMED: u64 = 1_000;

/// What an undo of a mailbox, or of these source `folders` of it, would do, by its ledger alone; `None` when
/// there is no ledger, and when it has none of these folders.
///
/// # Errors
/// When the ledger cannot be read.
pub fn preview(
    state_dir: &Path,
    mailbox: &str,
    folders: &[String],
) -> crate::state::ledger::Result<Option<Vec<UndoSummary>>> {
    let Some(ledger) = Ledger::read(&Ledger::file(state_dir, mailbox))? else { return Ok(None) };
    let rows = chosen(ledger.folders()?, folders);
    if rows.is_empty() && !folders.is_empty() {
        return Ok(None);
    }
    let ids: HashSet<FolderId> = rows.iter().map(|row| row.id).collect();
    let places: HashMap<PlaceId, Place> = ledger.places()?.into_iter().map(|p| (p.id, p)).collect();
    let mut by_path: BTreeMap<String, UndoSummary> = BTreeMap::new();
    for copy in ledger.copies_and_kept()?.into_iter().filter(|copy| ids.contains(&copy.folder)) {
        let Some(place) = places.get(&copy.place) else { continue };
        let entry = by_path
            .entry(place.path.clone())
            .or_insert_with(|| UndoSummary { folder: place.path.clone(), ..UndoSummary::default() });
        match copy.outcome {
            Outcome::Copied => entry.copies += 1,
            _ => entry.found += 1,
        }
    }
    for row in rows {
        let in_doubt = ledger.unaccounted_messages(row.id)?.len() as u64;
        if let Some(path) = row.place_path.filter(|_| in_doubt > 0) {
            let entry = by_path
                .entry(path.clone())
                .or_insert_with(|| UndoSummary { folder: path, ..UndoSummary::default() });
            entry.in_doubt += in_doubt;
        }
    }
    Ok(Some(by_path.into_values().collect()))
}

/// The names of the source folders that the ledger of a mailbox knows, in display form; none where there is
/// no ledger.
///
/// # Errors
/// When the ledger cannot be read.
pub fn folders(state_dir: &Path, mailbox: &str) -> crate::state::ledger::Result<Vec<String>> {
    let ledger = Ledger::read(&Ledger::file(state_dir, mailbox))?;
    let rows = ledger.map_or_else(|| Ok(Vec::new()), |ledger| ledger.folders())?;
    Ok(rows.into_iter().map(|row| row.source).collect())
}

/// The rows of folders of these names, whatever the letters of INBOX are; of all where there are no names.
fn chosen(rows: Vec<FolderRow>, names: &[String]) -> Vec<FolderRow> {
    let paths: Vec<FolderPath> = names.iter().map(|name| FolderPath::parse(name)).collect();
    let named = |row: &FolderRow| {
        let own = FolderPath::parse(&row.source);
        paths.iter().any(|path| *path == own || is_inbox(path) && is_inbox(&own))
    };
    rows.into_iter().filter(|row| paths.is_empty() || named(row)).collect()
}

/// Takes back what was copied to one mailbox, or of these source `folders` of it.
pub(crate) async fn undo(
    context: &Context,
    mailbox: &Mailbox,
    folders: &[String],
) -> (MailboxEnd, Option<MailboxSummary>) {
    if !OpenMailbox::is_begun(context, mailbox) {
        return (MailboxEnd::Complete, None); // Nothing was copied.
    }
    let open = match OpenMailbox::open(context, mailbox).await {
        Ok(open) => open,
        Err(stopped) => return (MailboxEnd::Stopped(stopped), None),
    };
    let lists = Lists::default();
    let end = undo_chosen(open.work(&lists), folders).await;
    open.close(end).await
}

async fn undo_chosen(work: MailboxWork<'_>, folders: &[String]) -> Result<MailboxEnd, Interruption> {
    let context = work.context;
    let at = EndError::at(Side::Target);
    // A folder that is called otherwise by now is the same row.
    let (ids, in_doubt) = {
        let ledger = work.ledger();
        let rows = chosen(ledger.folders()?, folders);
        let mut in_doubt = false;
        for row in &rows {
            in_doubt |= ledger.open_batches(row.id)?.iter().any(|batch| !batch.looked_up);
        }
        (rows.into_iter().map(|row| row.id).collect::<HashSet<FolderId>>(), in_doubt)
    };
    if ids.is_empty() && !folders.is_empty() {
        return Ok(MailboxEnd::Complete); // Another mailbox's folders are meant.
    }
    let (_permit, mut target) = if in_doubt {
        // What a crash left in doubt may be there: it is told by the source's bytes.
        let Some((permit, mut ends)) = connect(context, work.mailbox, &mut Waits::default()).await? else {
            return Ok(MailboxEnd::Interrupted);
        };
        let source_folders = ends.source.folders().await.map_err(EndError::at(Side::Source))?;
        let otherwise = called_otherwise(&work.ledger().folders()?, source_folders.iter());
        let otherwise: Vec<(String, String)> =
            otherwise.into_iter().map(|(old, folder)| (old, folder.path.to_string())).collect();
        work.ledger().rename_folders(&otherwise)?;
        let names = FolderNames { source: by_path(&source_folders), target: names(&mut ends.target).await? };
        let ends = look_up(work, ends, &names, |row, _| ids.contains(&row.id)).await?;
        log_out(ends.source).await;
        (permit, ends.target)
    } else {
        let Some(opened) = connect_target(context, work.mailbox).await? else {
            return Ok(MailboxEnd::Interrupted);
        };
        opened
    };
    let names = names(&mut target).await?;
    // What was to be moved on is taken back where it is.
    for (folder, intent) in recover(work, &mut target, &names).await? {
        if ids.contains(&folder) {
            work.ledger().close_relocation(intent)?;
        }
    }
    let (copies, places, sources) = {
        let ledger = work.ledger();
        let sources: HashMap<FolderId, String> =
            ledger.folders()?.into_iter().map(|row| (row.id, row.source)).collect();
        let mut copies = ledger.copies_and_kept()?;
        copies.retain(|copy| ids.contains(&copy.folder));
        (copies, ledger.places()?, sources)
    };
    let mut well = true;
    for place in places {
        if context.stop.is_raised() {
            return Ok(MailboxEnd::Interrupted);
        }
        let here: Vec<CopyRow> = copies.iter().filter(|copy| copy.place == place.id).cloned().collect();
        if here.is_empty() {
            continue;
        }
        let (undone, broken_off) =
            take_back(work, &mut target, (&place, names.get(&place.path)), &sources, here).await?;
        well &= undone.left == 0;
        context.done.add(undone.removed, 0);
        context.emit(Event::Undone { mailbox: work.key().to_owned(), undone }).await;
        if broken_off {
            return Ok(MailboxEnd::Interrupted);
        }
    }
    work.ledger().set_hooks(&[], None)?;
    if let Err(error) = target.noop().await {
        return Err(at(error).into());
    }
    log_out(target).await;
    Ok(if well { MailboxEnd::Complete } else { MailboxEnd::NotAllWell })
}

async fn names(target: &mut Session) -> Step<HashMap<String, FolderName>> {
    Ok(by_path(&target.own_folders().await.map_err(EndError::at(Side::Target))?))
}

/// Takes copies back from one place. Also returns whether the user stopped it before all were.
async fn take_back(
    work: MailboxWork<'_>,
    target: &mut Session,
    (place, name): (&Place, Option<&FolderName>),
    sources: &HashMap<FolderId, String>,
    copies: Vec<CopyRow>,
) -> Step<(UndoSummary, bool)> {
    let at = EndError::at(Side::Target);
    let found = copies.iter().filter(|copy| copy.outcome != Outcome::Copied).count() as u64;
    let mut undone = UndoSummary {
        folder: place.path.clone(),
        copies: copies.len() as u64 - found,
        found,
        ..UndoSummary::default()
    };
    if undone.copies == 0 {
        return Ok((undone, false));
    }
    let opened = match name {
        Some(name) => Some((name, target.select(name).await.map_err(&at)?)),
        None => None,
    };
    let Some((name, selected)) = opened.filter(|(_, now)| now.uid_validity == place.uid_validity) else {
        // The folder is no more, or another one has its name: there is nothing of ours to take back.
        let own: Vec<CopyRow> = copies.into_iter().filter(|copy| copy.outcome == Outcome::Copied).collect();
        let why = (
            UndoExceptionCode::Gone,
            "its folder is not on the target any more, or another one has its name",
        );
        own.iter().for_each(|copy| tell(&mut undone, sources, copy, why));
        forget(work, &own)?;
        return Ok((undone, false));
    };
    let Judgement { ours, kept } =
        judge(target, (place, &selected), copies, Certainty::ByBytes).await.map_err(&at)?;
    let mut gone = Vec::new();
    for (copy, why) in &kept {
        let numbered = place.uid_validity.is_some();
        let why = match why {
            KeptReason::Found => continue,
            KeptReason::Gone | KeptReason::Elsewhere if numbered => {
                gone.push(copy.clone());
                (
                    UndoExceptionCode::Gone,
                    "it is not there any more: it was moved or deleted on the target since",
                )
            }
            KeptReason::Altered if numbered => {
                (UndoExceptionCode::Altered, "it is no longer what was copied there")
            }
            KeptReason::Gone | KeptReason::Elsewhere | KeptReason::Altered => (
                UndoExceptionCode::Unnumbered,
                "the target numbers its messages anew each time, and it is not under its number",
            ),
            KeptReason::Unreadable(words) => (UndoExceptionCode::Unreadable, words.as_str()),
        };
        tell(&mut undone, sources, copy, why);
    }
    forget(work, &gone)?;
    undone.quarantined = !target.facts().has("UIDPLUS");
    for chunk in ours.chunks(CHUNK) {
        if work.context.stop.is_raised() {
            return Ok((undone, true));
        }
        let uids: Vec<u32> = chunk.iter().map(|copy| copy.target_uid).collect();
        if undone.quarantined {
            if let Err(why) = quarantine(work, target, &uids, name).await? {
                chunk
                    .iter()
                    .for_each(|copy| tell(&mut undone, sources, copy, (UndoExceptionCode::Stays, &why)));
                continue;
            }
        } else {
            remove_exactly(target, &uids).await.map_err(&at)?;
        }
        forget(work, chunk)?;
        undone.removed += chunk.len() as u64;
    }
    undone.empty = place.created && u64::from(selected.exists) == undone.removed && found == 0;
    Ok((undone, false))
}

/// Counts a copy that cannot be taken back, and names it with why.
fn tell(
    undone: &mut UndoSummary,
    sources: &HashMap<FolderId, String>,
    copy: &CopyRow,
    (code, reason): (UndoExceptionCode, &str),
) {
    let is_gone = code == UndoExceptionCode::Gone;
    let count = if is_gone { &mut undone.gone } else { &mut undone.left };
    *count += 1;
    if *count <= MOST_NAMED {
        undone.not_undone.push(UndoException {
            source: sources.get(&copy.folder).cloned().unwrap_or_default(),
            uid: u32::try_from(copy.source_uid).unwrap_or(0),
            target_uid: copy.target_uid,
            code,
            reason: reason.to_owned(),
        });
    }
}

/// Moves messages of the open folder where they can do no harm. Without MOVE they are copied there and marked
/// `\Deleted`: the server has no way to remove them and leave the user's alone. `Err` inside when that folder
/// cannot be.
async fn quarantine(
    work: MailboxWork<'_>,
    target: &mut Session,
    uids: &[u32],
    back: &FolderName,
) -> Step<Result<(), String>> {
    let at = EndError::at(Side::Target);
    let path = FolderPath(vec![QUARANTINE.into()]);
    let Ok(name) = target.facts().encode(&path) else {
        let why = format!("the target cannot remove single messages, nor hold a folder `{QUARANTINE}`");
        work.warn(why.clone()).await;
        return Ok(Err(why));
    };
    target.prepare(&name, Preparation { create: true, ..Preparation::default() }).await.map_err(&at)?;
    target.select(back).await.map_err(&at)?;
    let set = UidSet::from(uids);
    if target.facts().has("MOVE") {
        target.move_to(&set, &name).await.map_err(&at)?;
    } else {
        target.copy(&set, &name).await.map_err(&at)?;
        target.store_flags(uids, true, &Flags::parse("\\Deleted")).await.map_err(&at)?;
    }
    Ok(Ok(()))
}

fn forget(work: MailboxWork<'_>, copies: &[CopyRow]) -> Step<()> {
    let mut by_folder: BTreeMap<_, Vec<i64>> = BTreeMap::new();
    for copy in copies {
        by_folder.entry(copy.folder).or_default().push(copy.source_uid);
    }
    for (folder, uids) in by_folder {
        work.ledger().forget(folder, &uids)?;
    }
    Ok(())
}
