//! `undo`: takes back from the target exactly what this project put there.
//!
//! A message goes only when the ledger knows its UID in a folder of the same UIDVALIDITY, and its bytes
//! are those that were copied. What was found there before, and whatever came since, stays.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use mailhaul_imap::{Flags, FolderName, FolderPath, Preparation, Session, UidSet};

use crate::account::Mailbox;
use crate::event::{Event, MailboxEnd, Undone};
use crate::folder::elsewhere::{FolderNames, look_up};
use crate::folder::work::{Lists, Step, Work};
use crate::mailbox::open::{Interruption, OpenMailbox, connect, connect_target};
use crate::mailbox::quarantine::{QUARANTINE, ours};
use crate::mailbox::relocate::{open, recover, remove_exactly};
use crate::mapping::renamed_at_source::called_otherwise;
use crate::mapping::spelling::by_path;
use crate::server::dial::log_out;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Copy, Ledger, Outcome, Place, PlaceId};
use crate::summary::MailboxSummary;
use crate::task::context::Context;

/// Copies removed with one command, and forgotten in one transaction.
const CHUNK: usize = 300;

/// What an undo of a mailbox would do, by its ledger alone; `None` when there is no ledger.
///
/// # Errors
/// When the ledger cannot be read.
pub fn preview(state_dir: &Path, mailbox: &str) -> crate::state::ledger::Result<Option<Vec<Undone>>> {
    let Some(ledger) = Ledger::read(&Ledger::file(state_dir, mailbox))? else { return Ok(None) };
    let places: HashMap<PlaceId, Place> = ledger.places()?.into_iter().map(|p| (p.id, p)).collect();
    let mut by_path: BTreeMap<String, Undone> = BTreeMap::new();
    for copy in ledger.copies()? {
        let Some(place) = places.get(&copy.place) else { continue };
        let entry = by_path
            .entry(place.path.clone())
            .or_insert_with(|| Undone { folder: place.path.clone(), ..Undone::default() });
        match copy.outcome {
            Outcome::Copied => entry.copies += 1,
            _ => entry.found += 1,
        }
    }
    for row in ledger.folders()? {
        let in_doubt = ledger.unaccounted(row.id)?.len() as u64;
        if let Some(path) = row.place_path.filter(|_| in_doubt > 0) {
            let entry =
                by_path.entry(path.clone()).or_insert_with(|| Undone { folder: path, ..Undone::default() });
            entry.in_doubt += in_doubt;
        }
    }
    Ok(Some(by_path.into_values().collect()))
}

/// Takes back what was copied to one mailbox.
pub(crate) async fn undo(context: &Context, mailbox: &Mailbox) -> (MailboxEnd, Option<MailboxSummary>) {
    if !OpenMailbox::is_begun(context, mailbox) {
        return (MailboxEnd::Complete, None); // Nothing was copied.
    }
    let open = match OpenMailbox::open(context, mailbox) {
        Ok(open) => open,
        Err(stopped) => return (MailboxEnd::Stopped(stopped), None),
    };
    let lists = Lists::default();
    let end = all(open.work(&lists)).await;
    open.close(end).await
}

async fn all(work: Work<'_>) -> Result<MailboxEnd, Interruption> {
    let context = work.context;
    let at = EndError::at(Side::Target);
    let (_permit, mut target) = if work.ledger().doubtful()? {
        // What a crash left in doubt may be there: it is told by the source's bytes.
        let Some((permit, mut ends)) = connect(context, work.mailbox).await? else {
            return Ok(MailboxEnd::Interrupted);
        };
        let source_folders = ends.source.folders().await.map_err(EndError::at(Side::Source))?;
        let otherwise = called_otherwise(&work.ledger().folders()?, source_folders.iter());
        let otherwise: Vec<(String, String)> =
            otherwise.into_iter().map(|(old, folder)| (old, folder.path.to_string())).collect();
        work.ledger().rename_folders(&otherwise)?;
        let names = FolderNames { source: by_path(&source_folders), target: names(&mut ends.target).await? };
        let ends = look_up(work, ends, &names, |_, _| true).await?;
        log_out(ends.source).await;
        (permit, ends.target)
    } else {
        let Some(opened) = connect_target(context, work.mailbox).await? else {
            return Ok(MailboxEnd::Interrupted);
        };
        opened
    };
    let names = names(&mut target).await?;
    recover(work, &mut target, &names).await?;
    let (copies, places) = {
        let ledger = work.ledger();
        (ledger.copies()?, ledger.places()?)
    };
    let mut well = true;
    for place in places {
        if context.stop.is_raised() {
            return Ok(MailboxEnd::Interrupted);
        }
        let here: Vec<Copy> = copies.iter().filter(|copy| copy.place == place.id).cloned().collect();
        if here.is_empty() {
            continue;
        }
        let (undone, broken_off) = take_back(work, &mut target, &place, names.get(&place.path), here).await?;
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
    work: Work<'_>,
    target: &mut Session,
    place: &Place,
    name: Option<&FolderName>,
    copies: Vec<Copy>,
) -> Step<(Undone, bool)> {
    let at = EndError::at(Side::Target);
    let (own, found): (Vec<Copy>, Vec<Copy>) =
        copies.into_iter().partition(|copy| copy.outcome == Outcome::Copied);
    let mut undone = Undone {
        folder: place.path.clone(),
        copies: own.len() as u64,
        found: found.len() as u64,
        ..Undone::default()
    };
    if own.is_empty() {
        return Ok((undone, false));
    }
    // Without UIDVALIDITY nobody can tell whether a number is still the same message's; its bytes can.
    let numbered = place.uid_validity.is_some();
    let opened = match name {
        Some(name) if numbered => open(target, place, name).await.map_err(&at)?,
        Some(name) => {
            let selected = target.select(name).await.map_err(&at)?;
            let there = target.uids().await.map_err(&at)?;
            selected.uid_validity.is_none().then_some((selected, there))
        }
        None => None,
    };
    let Some((selected, there)) = opened else {
        // The folder is no more, or another one has its name: there is nothing of ours to take back.
        undone.gone = undone.copies;
        forget(work, &own)?;
        return Ok((undone, false));
    };
    let (present, absent): (Vec<Copy>, Vec<Copy>) =
        own.into_iter().partition(|copy| there.contains(copy.target_uid));
    let (ours, other) = ours(target, &present, &there).await?;
    undone.left = other;
    if numbered {
        undone.gone = absent.len() as u64;
        forget(work, &absent)?;
    } else {
        undone.left += absent.len() as u64;
    }
    undone.quarantined = !target.facts().has("UIDPLUS");
    for chunk in ours.chunks(CHUNK) {
        if work.context.stop.is_raised() {
            return Ok((undone, true));
        }
        let uids: Vec<u32> = chunk.iter().map(|copy| copy.target_uid).collect();
        if undone.quarantined {
            if !quarantine(work, target, &uids, name).await? {
                undone.left += chunk.len() as u64;
                continue;
            }
        } else {
            remove_exactly(target, &uids).await.map_err(&at)?;
        }
        forget(work, chunk)?;
        undone.removed += chunk.len() as u64;
    }
    undone.empty = place.created && u64::from(selected.exists) == undone.removed && found.is_empty();
    Ok((undone, false))
}

/// Moves messages of the open folder where they can do no harm. Without MOVE they are copied there and
/// marked `\Deleted`: the server has no way to remove them and leave the user's alone. `false` when that folder cannot be.
async fn quarantine(
    work: Work<'_>,
    target: &mut Session,
    uids: &[u32],
    back: Option<&FolderName>,
) -> Step<bool> {
    let at = EndError::at(Side::Target);
    let path = FolderPath(vec![QUARANTINE.into()]);
    let Ok(name) = target.facts().encode(&path) else {
        work.warn(format!("the target cannot hold a folder `{QUARANTINE}`")).await;
        return Ok(false);
    };
    target.prepare(&name, Preparation { create: true, ..Preparation::default() }).await.map_err(&at)?;
    let Some(back) = back else { return Ok(false) };
    target.select(back).await.map_err(&at)?;
    let set = UidSet::from(uids);
    if target.facts().has("MOVE") {
        target.move_to(&set, &name).await.map_err(&at)?;
    } else {
        target.copy(&set, &name).await.map_err(&at)?;
        target.store_flags(uids, true, &Flags::parse("\\Deleted")).await.map_err(&at)?;
    }
    Ok(true)
}

fn forget(work: Work<'_>, copies: &[Copy]) -> Step<()> {
    let mut by_folder: BTreeMap<_, Vec<i64>> = BTreeMap::new();
    for copy in copies {
        by_folder.entry(copy.folder).or_default().push(copy.source_uid);
    }
    for (folder, uids) in by_folder {
        work.ledger().forget(folder, &uids)?;
    }
    Ok(())
}
