//! One folder of a run: open, subtract what is settled, find what is there, copy, prove.

use std::time::Instant;

use mailhaul_imap::{Selected, Session};

use crate::event::Event;
use crate::folder::adopt::look;
use crate::folder::adopt::{Home, adopt};
use crate::folder::copy::item::FolderCopy;
use crate::folder::end::FolderEnd;
use crate::folder::flags::bring_changes;
use crate::folder::in_doubt::tell_vanished;
use crate::folder::late_copies::late_copies;
use crate::folder::open::{believed, open};
use crate::folder::passes::bring;
use crate::folder::work::{Work, WorkError, locked, stopping};
use crate::mapping::target::{Mapped, Target};
use crate::message::list::{Listed, WholeList, list_whole};
use crate::server::dial::Ends;
use crate::side::Side;
use crate::state::ledger::{Batch, FolderId, FolderRow, MAX_ATTEMPTS, Proof, Row};
use crate::summary::{Difference, DifferenceKind};

type Step<T> = Result<T, WorkError>;

/// Records a folder that is left out as a whole: every message of it, with the rule.
///
/// # Errors
/// When the source or the ledger fails.
pub(crate) async fn skip(work: Work<'_>, source: &mut Session, mapped: &Mapped, reason: &str) -> Step<()> {
    let Some(row) = locked(work.ledger).folder(&mapped.folder.path.to_string())? else { return Ok(()) };
    let name = &mapped.folder.name;
    let whole = match source.examine(name).await {
        Ok(selected) => list_whole(source, name, selected).await,
        Err(error) => Err(error),
    };
    let whole = match whole {
        Ok(whole) => whole,
        Err(error) => {
            // Left out it is all the same; only how many messages that are is what others say.
            let why = stopping(work, Side::Source, error).await?;
            let reason = format!("{reason}; the source does not let it be read: {why}");
            let messages = believed(mapped, &row);
            return Ok(locked(work.ledger).stop_folder(row.id, "rule", &reason, messages)?);
        }
    };
    let unlisted = whole.unlisted();
    let WholeList { selected, listed } = whole;
    let mut ledger = locked(work.ledger);
    ledger.scanned(row.id, &listed.iter().map(|m| m.uid).collect::<Vec<_>>(), unlisted)?;
    ledger.set_source(row.id, selected.uid_validity, selected.mailbox_id.as_deref())?;
    let messages: Vec<(u32, u64)> = listed.iter().map(|m| (m.uid, m.size)).collect();
    ledger.skipped(row.id, &messages, "rule", reason)?;
    let nothing = Selected { uid_next: Some(1), uid_validity: Some(1), ..Selected::default() };
    let proof = proof(&selected, &nothing, &[]).filter(|_| listed.len() == selected.exists as usize);
    Ok(ledger.set_proof(row.id, proof)?)
}

/// Brings one folder to the target.
///
/// # Errors
/// When an end or the ledger fails; running it again continues.
pub(crate) async fn run(
    work: Work<'_>,
    mut pair: Ends,
    mapped: &Mapped,
    target: &Target,
) -> Step<(Ends, FolderEnd)> {
    let begun = Instant::now();
    let Some(row) = locked(work.ledger).folder(&mapped.folder.path.to_string())? else {
        return Ok((pair, FolderEnd::default()));
    };
    let Some(mut open) = open(work, &mut pair, mapped, target, &row).await? else {
        return Ok((pair, FolderEnd::default())); // The folder stopped on its own; the ledger says why.
    };
    // Not even to be compared with what the target holds: the source's connection ends at them.
    let unreadable = work.context.breaks.unreadable(work.key(), row.id);
    open.wanted.retain(|m| !unreadable.contains(&m.uid));
    let home = Home { row: &row, place: open.place, rows: &open.rows };
    // What the server says of this folder is worth more than what a profile says of the server.
    let of_folder = target.status.as_ref().and_then(|status| status.append_limit);
    let append_limit = of_folder.or(pair.target.facts().append_limit);
    let mut job = FolderCopy {
        source: row.source.clone(),
        source_name: mapped.folder.name.clone(),
        folder: row.id,
        target_name: target.name.clone(),
        selected: open.target,
        append_limit,
        limit_by: work.context.profiles.limit_by(work.mailbox, append_limit),
        together: true,
    };
    let target_path = target.path.to_string();
    let about_here = |batch: &Batch| batch.is_about(&target_path, job.selected.uid_validity);
    let (in_doubt, elsewhere): (Vec<Batch>, Vec<Batch>) =
        locked(work.ledger).open_batches(row.id)?.into_iter().partition(about_here);
    // Looked up where it was sent before this began, or sent to a folder that is no more.
    locked(work.ledger)
        .forget_batches(row.id, &elsewhere.iter().map(|batch| batch.id).collect::<Vec<_>>())?;
    let there = look(work, &mut pair, home, &mut job, !open.wanted.is_empty(), &in_doubt).await?;
    let left = adopt(work, &mut pair, home, &job.selected, &there.unclaimed, open.wanted).await?;
    tell_vanished(work, &mut pair.target, home, &target_path, Batch::first_uid(&in_doubt), &open.vanished)
        .await?;
    locked(work.ledger).batches_looked_up(row.id)?;
    // What was tried often enough was only looked for once more.
    let tried = |m: &Listed| open.rows.get(&m.uid).is_some_and(|row| row.attempts >= MAX_ATTEMPTS);
    let given_up = |m: &Listed| tried(m) || work.context.breaks.is_given_up(work.key(), row.id, m.uid);
    let mut wanted = left.open;
    wanted.retain(|m| !given_up(m) && !open.left_out.contains(&m.uid));
    work.context
        .emit(Event::FolderStarted {
            mailbox: work.key().to_owned(),
            source: row.source.clone(),
            target: target_path.clone(),
            messages: wanted.len() as u64,
            bytes: wanted.iter().map(|m| m.size).sum(),
        })
        .await;
    let mut end = FolderEnd::default();
    work.lists.forget(Side::Target, &target_path);
    let (session, tail) = bring(work, pair, home, &mut job, wanted, &mut end).await?;
    pair = session;
    if end.interrupted {
        return Ok((pair, end));
    }
    // Of a folder that was empty, and into which nothing came but what was copied, that is the whole list.
    let whole = |tail: &&Vec<Listed>| job.selected.exists == 0 && tail.len() as u64 == end.messages;
    if let Some(tail) = tail.as_ref().filter(whole) {
        work.lists.keep(Side::Target, &target_path, tail);
    }
    let flags_well = bring_changes(work, &mut pair.target, home, &job.selected, &open.flags).await?;
    let mut differences = gone_from_target(&row, &target_path, &there.missing);
    if end.over_quota.is_none() {
        differences.extend(late(work, &mut pair.target, home, &target_path, &in_doubt).await?);
    }
    end.differences = differences.len();
    tell_differences(work, row.id, open.whole, differences).await?;
    let whole = end.differences == 0 && flags_well && in_doubt.is_empty() && end.over_quota.is_none();
    let tail: Option<Vec<u32>> = tail.map(|tail| tail.iter().map(|m| m.uid).collect());
    let proof = tail.and_then(|tail| proof(&open.source, &job.selected, &tail)).filter(|_| whole);
    conclude(work, row.id, proof)?;
    tell_finished(work, row.id, &end, begun).await?;
    Ok((pair, end))
}

/// Both sides' figures, when they tell one state from another. The `tail` is what was listed on the
/// target since it was selected; whatever happened there in between makes the sum too high, so that the
/// next run looks again.
fn proof(source: &Selected, target: &Selected, tail: &[u32]) -> Option<Proof> {
    source.uid_validity?;
    target.uid_validity?;
    let next = target.uid_next?;
    let came = tail.iter().filter(|uid| **uid >= next).count();
    Some(Proof {
        source_uid_next: source.uid_next?,
        source_messages: source.exists,
        source_modseq: source.highest_modseq,
        target_uid_next: tail.iter().max().map_or(next, |last| next.max(last.saturating_add(1))),
        target_messages: target.exists + u32::try_from(came).ok()?,
    })
}

/// Records the folder's counts, and the proof when its sum bears it.
fn conclude(work: Work<'_>, folder: FolderId, proof: Option<Proof>) -> Step<()> {
    let mut ledger = locked(work.ledger);
    let well = ledger.folder_summary(folder)?.is_some_and(|f| f.is_well());
    let flags_pending = !ledger.flags_pending(folder)?.is_empty();
    Ok(ledger.set_proof(folder, proof.filter(|_| well && !flags_pending))?)
}

/// Copies that were seen on the target and are not there any more. They are not sent again: whoever
/// uses the new mailbox has put them away.
fn gone_from_target(row: &FolderRow, target_path: &str, missing: &[Row]) -> Vec<Difference> {
    let mut missing: Vec<&Row> = missing.iter().collect();
    missing.sort_by_key(|row| row.uid);
    missing
        .into_iter()
        .map(|copy| Difference {
            folder: row.source.clone(),
            uid: copy.uid,
            target_uid: copy.target_uid,
            kind: DifferenceKind::Missing,
            by: Some("changed-on-target".into()),
            detail: format!(
                "it was in `{target_path}` after the copy and is not any more; it is not sent again"
            ),
            note: false,
        })
        .collect()
}

/// Looks for late copies of what earlier runs left in doubt, and forgets what was looked for twice.
async fn late(
    work: Work<'_>,
    target: &mut Session,
    home: Home<'_>,
    target_path: &str,
    in_doubt: &[Batch],
) -> Step<Vec<Difference>> {
    if in_doubt.is_empty() {
        return Ok(Vec::new());
    }
    let Some(late) = late_copies(work, target, home, target_path, in_doubt).await? else {
        return Ok(Vec::new());
    };
    let twice: Vec<i64> = in_doubt.iter().filter(|b| b.looked_up).map(|b| b.id).collect();
    locked(work.ledger).forget_batches(home.row.id, &twice)?;
    Ok(late)
}

/// Records and tells what was found, in place of what earlier looks of this kind found: also that the folder could not be
/// read, when it has been read `whole` now.
async fn tell_differences(work: Work<'_>, folder: FolderId, whole: bool, found: Vec<Difference>) -> Step<()> {
    let looked_for = |d: &Difference| match d.kind {
        DifferenceKind::Missing | DifferenceKind::Duplicate => true,
        DifferenceKind::Unreadable => whole && d.uid == 0,
        _ => false,
    };
    locked(work.ledger).replace_differences(folder, looked_for, &found)?;
    for difference in found {
        work.context.emit(Event::DifferenceFound { mailbox: work.key().to_owned(), difference }).await;
    }
    Ok(())
}

async fn tell_finished(work: Work<'_>, folder: FolderId, end: &FolderEnd, begun: Instant) -> Step<()> {
    tracing::info!(copied = end.messages, bytes = end.bytes, "folder finished");
    let summary = locked(work.ledger).folder_summary(folder)?;
    if let Some(folder) = summary {
        let event = Event::FolderFinished {
            mailbox: work.key().to_owned(),
            folder,
            messages_now: end.messages,
            bytes_now: end.bytes,
            seconds: begun.elapsed().as_secs_f64(),
        };
        work.context.emit(event).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(exists: u32, uid_next: u32) -> Selected {
        Selected {
            exists,
            uid_next: Some(uid_next),
            uid_validity: Some(1),
            highest_modseq: Some(9),
            ..Selected::default()
        }
    }

    #[test]
    fn the_target_s_figures_are_those_of_the_list_that_proved_it() {
        let proof = |tail: &[u32]| proof(&selected(3, 4), &selected(10, 50), tail).unwrap();
        assert_eq!((proof(&[]).target_uid_next, proof(&[]).target_messages), (50, 10));
        let copied = proof(&[50, 51, 52]);
        assert_eq!((copied.target_uid_next, copied.target_messages), (53, 13));
        // A list that begins with older copies counts only what came.
        let older = proof(&[40, 41, 50]);
        assert_eq!((older.target_uid_next, older.target_messages), (51, 11));
        assert_eq!((older.source_uid_next, older.source_messages, older.source_modseq), (4, 3, Some(9)));
    }

    #[test]
    fn without_the_figures_there_is_no_proof() {
        let none = Selected { uid_next: None, ..selected(3, 4) };
        assert_eq!(proof(&none, &selected(1, 2), &[]), None);
        assert_eq!(proof(&selected(1, 2), &none, &[]), None);
        let unstable = Selected { uid_validity: None, ..selected(3, 4) };
        assert_eq!(proof(&unstable, &selected(1, 2), &[]), None);
    }
}
