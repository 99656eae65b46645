//! One folder of a run: create, list, subtract what is settled, find what is there, copy, prove.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use mailhaul_imap::{FetchItems, Flags, Session, UidSet};

use crate::context::Context;
use crate::copy::{FolderCopy, spread};
use crate::ends::EndError;
use crate::event::Event;
use crate::ledger::{Delivered, Failure, FolderId, FolderRow, MAX_ATTEMPTS, Outcome, Row};
use crate::mailbox::Mailbox;
use crate::mapping::{Mapped, Target};
use crate::matching::{find, settle};
use crate::prove::{late_copies, prove};
use crate::scan::{Listed, list};
use crate::summary::Side;
use crate::work::{Work, WorkError, locked};

/// Messages the target acknowledged without keeping are sent once more, then reported.
const TRIES_TO_STORE: usize = 2;
/// Passes in a row in which the target asked for patience and took nothing. Each waits as long as it suggests, or
/// twice as long as the one before: about four minutes together.
const MAX_VAIN_PASSES: u32 = 8;

/// Both ends of a mailbox at work.
#[derive(Debug)]
pub(crate) struct Pair {
    /// The old end, read only.
    pub source: Session,
    /// The new end.
    pub target: Session,
}

/// How a folder ended while both connections live.
#[derive(Debug, Default)]
pub(crate) struct FolderEnd {
    /// Messages copied now.
    pub messages: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// The target is out of room.
    pub over_quota: Option<String>,
    /// The target asked for patience.
    pub throttled: bool,
    /// The user stopped it.
    pub interrupted: bool,
    /// Second copies that a dead connection stored late.
    pub duplicates: usize,
}

type Step<T> = Result<T, WorkError>;

/// Records a folder that is left out as a whole: every message of it, with the rule.
///
/// # Errors
/// When the source or the ledger fails.
pub(crate) async fn skip(work: Work<'_>, source: &mut Session, mapped: &Mapped, reason: &str) -> Step<()> {
    let Some(row) = locked(work.ledger).folder(&mapped.folder.path.to_string())? else { return Ok(()) };
    let at = EndError::at(Side::Source);
    let selected = match source.examine(&mapped.folder.name).await {
        Ok(selected) => selected,
        Err(error) if error.is_connection_lost() => return Err(at(error).into()),
        Err(error) => {
            return Ok(locked(work.ledger).stop_folder(row.id, "unreadable", &error.to_string(), 0)?);
        }
    };
    let listed = if selected.exists == 0 {
        Vec::new()
    } else {
        list(source, UidSet::all(), FetchItems::Meta).await.map_err(at)?
    };
    let mut ledger = locked(work.ledger);
    ledger.scanned(row.id, &listed.iter().map(|m| m.uid).collect::<Vec<_>>())?;
    ledger.set_source(row.id, selected.uid_validity, None)?;
    let messages: Vec<(u32, u64)> = listed.iter().map(|m| (m.uid, m.size)).collect();
    ledger.skipped(row.id, &messages, "rule", reason)?;
    Ok(())
}

/// Brings one folder to the target.
///
/// # Errors
/// When an end or the ledger fails; running it again continues.
pub(crate) async fn run(
    work: Work<'_>,
    mailbox: &Mailbox,
    mut pair: Pair,
    mapped: &Mapped,
    target: &Target,
) -> Step<(Pair, FolderEnd)> {
    let begun = Instant::now();
    let source_path = mapped.folder.path.to_string();
    let Some(row) = locked(work.ledger).folder(&source_path)? else {
        return Ok((pair, FolderEnd::default()));
    };

    let Some(open) = open_ends(work, &mut pair, mapped, target, &row).await? else {
        return Ok((pair, FolderEnd::default())); // The folder stopped on its own; the ledger says why.
    };
    let mut end = FolderEnd::default();
    let mut job = FolderCopy {
        source: source_path.clone(),
        source_name: mapped.folder.name.clone(),
        folder: row.id,
        target_name: target.name.clone(),
        selected: open.target,
        append_limit: pair.target.facts().append_limit,
        together: true,
    };
    let in_doubt = locked(work.ledger).open_batches(row.id)?;
    let mut wanted = adopt(work, &mut pair, &row, &job, &target.path.to_string(), open.wanted).await?;
    work.context
        .tell(Event::FolderStarted {
            mailbox: work.mailbox.to_owned(),
            source: source_path.clone(),
            target: target.path.to_string(),
            messages: wanted.len() as u64,
            bytes: wanted.iter().map(|m| m.size).sum(),
        })
        .await;
    let (mut attempt, mut vain) = (0, 0);
    loop {
        let mut not_found = Vec::new();
        attempt += 1;
        if !wanted.is_empty() {
            let (session, copied) =
                spread(work, mailbox, &job, &mut pair.source, pair.target, &wanted).await?;
            pair.target = session;
            end.messages += copied.messages;
            end.bytes += copied.bytes;
            end.over_quota = copied.over_quota;
            end.interrupted = copied.interrupted;
            end.throttled |= copied.patience.is_some();
            if copied.alone || copied.patience.is_some() {
                attempt -= 1; // No word about the messages themselves yet.
            }
            job.together = !copied.alone;
            if let Some(refusal) = copied.patience {
                vain = if copied.messages > 0 { 0 } else { vain + 1 };
                if vain >= MAX_VAIN_PASSES {
                    return Err(EndError::Imap(Side::Target, refusal.into_error("APPEND")).into());
                }
            }
            for (flag, count) in copied.flags_lost {
                let message = format!(
                    "{source_path}: the target cannot hold the flag `{flag}`, set on {count} messages"
                );
                work.context.warn(work.mailbox, message).await;
            }
            if end.interrupted {
                return Ok((pair, end));
            }
            if !copied.unresolved.is_empty() {
                let unresolved: HashSet<u32> = copied.unresolved.into_iter().collect();
                let open: Vec<Listed> =
                    wanted.iter().filter(|m| unresolved.contains(&m.uid)).cloned().collect();
                // The target does not name UIDs: what it stored is found by content.
                not_found = adopt(work, &mut pair, &row, &job, &target.path.to_string(), open).await?;
                let (found, bytes) = wanted
                    .iter()
                    .filter(|m| unresolved.contains(&m.uid) && not_found.iter().all(|n| n.uid != m.uid))
                    .fold((0, 0), |(n, bytes), m| (n + 1, bytes + m.size));
                end.messages += found;
                end.bytes += bytes;
                work.context.done.add(found, bytes);
            }
        }
        store_flags(work, &mut pair.target, row.id).await?;
        let mut lost = prove(work, &mut pair.target, row.id).await?;
        lost.extend(not_found);
        if end.over_quota.is_some() || lost.is_empty() {
            break;
        }
        if attempt == TRIES_TO_STORE {
            for message in &lost {
                let text = "the target said it stored it, twice, and does not hold it";
                let failure =
                    Failure { uid: message.uid, size: message.size, code: "not-stored", text, refused: true };
                work.fail(row.id, &source_path, failure, &[]).await?;
            }
        } else {
            let uids: Vec<u32> = lost.iter().map(|m| m.uid).collect();
            locked(work.ledger).reopen(row.id, &uids)?;
            job.selected = pair.target.select(&target.name).await.map_err(EndError::at(Side::Target))?;
        }
        wanted = lost;
    }
    if !in_doubt.is_empty() {
        let late = late_copies(work, &mut pair.target, &row, &target.path.to_string(), &in_doubt).await?;
        end.duplicates = late.len();
        if !late.is_empty() {
            locked(work.ledger).set_differences(row.id, &late)?;
        }
        for difference in late {
            work.context.tell(Event::DifferenceFound { mailbox: work.mailbox.to_owned(), difference }).await;
        }
    }
    tell_finished(work, row.id, &end, begun).await?;
    Ok((pair, end))
}

async fn tell_finished(work: Work<'_>, folder: FolderId, end: &FolderEnd, begun: Instant) -> Step<()> {
    tracing::info!(copied = end.messages, bytes = end.bytes, "folder finished");
    let summary = locked(work.ledger).folder_summary(folder)?;
    if let Some(folder) = summary {
        let event = Event::FolderFinished {
            mailbox: work.mailbox.to_owned(),
            folder,
            messages_now: end.messages,
            bytes_now: end.bytes,
            seconds: begun.elapsed().as_secs_f64(),
        };
        work.context.tell(event).await;
    }
    Ok(())
}

struct Opened {
    target: mailhaul_imap::Selected,
    wanted: Vec<Listed>,
}

/// Creates and selects the target, examines and lists the source, and settles what needs no
/// copying. `None` when the folder cannot go on; the ledger says why.
async fn open_ends(
    work: Work<'_>,
    pair: &mut Pair,
    mapped: &Mapped,
    target: &Target,
    row: &FolderRow,
) -> Step<Option<Opened>> {
    let stop = async |code: &str, reason: String, messages: u32| -> Step<Option<Opened>> {
        work.context.warn(work.mailbox, format!("{}: {reason}", row.source)).await;
        locked(work.ledger).stop_folder(row.id, code, &reason, messages)?;
        Ok(None)
    };
    let selected = match pair.source.examine(&mapped.folder.name).await {
        Ok(selected) => selected,
        Err(error) if error.is_connection_lost() => return Err(EndError::Imap(Side::Source, error).into()),
        Err(error) => return stop("unreadable", error.to_string(), 0).await,
    };
    let at_target = EndError::at(Side::Target);
    if !target.exists {
        match pair.target.create(&target.name, target.role.as_ref()).await {
            Ok(()) => {}
            Err(error) if error.is_connection_lost() => return Err(at_target(error).into()),
            Err(error) => {
                let reason = format!(
                    "the target refused to create `{}`: {error}; give the folder another name in a [[folders]] rule",
                    target.path
                );
                return stop("create-refused", reason, selected.exists).await;
            }
        }
    }
    if target.subscribe {
        match pair.target.subscribe(&target.name).await {
            Ok(()) => {}
            Err(error) if error.is_connection_lost() => return Err(at_target(error).into()),
            // A folder nobody subscribed to is still there, with all its mail.
            Err(error) => {
                let message = format!("the target refused to subscribe to `{}`: {error}", target.path);
                work.context.warn(work.mailbox, message).await;
            }
        }
    }
    let target_selected = match pair.target.select(&target.name).await {
        Ok(selected) => selected,
        Err(error) if error.is_connection_lost() => return Err(at_target(error).into()),
        Err(error) => {
            let reason = format!("the target refused to open `{}`: {error}", target.path);
            return stop("select-refused", reason, selected.exists).await;
        }
    };
    for (side, now, before) in [
        ("source", selected.uid_validity, row.source_uid_validity),
        ("target", target_selected.uid_validity, row.target_uid_validity),
    ] {
        match (now, before) {
            (None, _) => {
                let reason = format!(
                    "the {side} gives the folder no UIDVALIDITY, so its messages cannot be told apart between runs"
                );
                return stop("uidvalidity-missing", reason, selected.exists).await;
            }
            (Some(now), Some(before)) if now != before => {
                let reason = format!(
                    "the {side} folder was replaced since the last run (UIDVALIDITY {before} became {now}), \
                     so what the ledger knows about it is void; move this mailbox in a new project, which finds what is there already"
                );
                return stop("uidvalidity-changed", reason, selected.exists).await;
            }
            _ => {}
        }
    }
    let listed = if selected.exists == 0 {
        Vec::new()
    } else {
        list(&mut pair.source, UidSet::all(), FetchItems::Meta).await.map_err(EndError::at(Side::Source))?
    };
    let uids: Vec<u32> = listed.iter().map(|m| m.uid).collect();
    let mut ledger = locked(work.ledger);
    ledger.set_source(row.id, selected.uid_validity, None)?;
    ledger.open_place(row.id, &target.path.to_string(), target_selected.uid_validity, !target.exists)?;
    ledger.scanned(row.id, &uids)?;
    ledger.forget_skipped(row.id)?;
    let rows = ledger.rows(row.id)?;
    let mut skipped: HashMap<String, Vec<(u32, u64)>> = HashMap::new();
    let mut wanted = Vec::new();
    for message in listed {
        if rows.get(&message.uid).is_some_and(is_settled) {
            continue;
        }
        match left_out(work.context, &message) {
            Some(rule) => skipped.entry(rule).or_default().push((message.uid, message.size)),
            None => wanted.push(message),
        }
    }
    for (rule, messages) in &skipped {
        ledger.skipped(row.id, messages, "rule", rule)?;
    }
    Ok(Some(Opened { target: target_selected, wanted }))
}

fn is_settled(row: &Row) -> bool {
    match row.outcome {
        Outcome::Copied | Outcome::AlreadyPresent => true,
        Outcome::Skipped => false,
        // What never was sent (too big, unreadable) is looked at again; what was refused too often is not.
        Outcome::Failed => row.attempts >= MAX_ATTEMPTS,
    }
}

/// The operator's selection that leaves a message out, in words.
fn left_out(context: &Context, message: &Listed) -> Option<String> {
    let select = &context.job.select;
    if let Some((since, written)) = &select.since
        && message.date.as_ref().is_some_and(|d| d.unix_seconds < *since)
    {
        return Some(format!("older than [select] since = {written}"));
    }
    if let Some((limit, written)) = &select.max_size
        && message.size > *limit
    {
        return Some(format!("larger than [select] max_size = {written}"));
    }
    if select.skip_deleted && message.flags.contains("\\Deleted") {
        return Some("flagged \\Deleted, and [select] deleted = \"skip\"".to_owned());
    }
    None
}

/// Settles what the target holds already; returns what is still to be copied.
async fn adopt(
    work: Work<'_>,
    pair: &mut Pair,
    row: &FolderRow,
    job: &FolderCopy,
    target_path: &str,
    open: Vec<Listed>,
) -> Step<Vec<Listed>> {
    let (batches, claimed) = {
        let ledger = locked(work.ledger);
        (ledger.open_batches(row.id)?, ledger.claimed(target_path)?)
    };
    if !batches.is_empty() {
        settle(&mut pair.target, &job.target_name).await?;
    }
    let at_target = EndError::at(Side::Target);
    let now = pair.target.select(&job.target_name).await.map_err(&at_target)?;
    if open.is_empty() || now.exists == 0 {
        locked(work.ledger).close_batches(row.id)?;
        return Ok(open);
    }
    let matches = find(&mut pair.source, &mut pair.target, &open, &claimed, 1).await?;
    // What lies above the UIDNEXT of its own intent was put there by an earlier try of ours.
    let mut ours: HashMap<u32, u32> = HashMap::new();
    for batch in &batches {
        for uid in &batch.uids {
            ours.insert(*uid, batch.target_uid_next.unwrap_or(1));
        }
    }
    let mut settled = HashSet::new();
    let mut ledger = locked(work.ledger);
    for found in matches {
        let own = ours.get(&found.source.uid).is_some_and(|from| found.target.uid >= *from);
        let message = Delivered {
            uid: found.source.uid,
            size: found.content.len,
            digest: found.content.digests(),
            target_uid: found.target.uid,
            flags: found.target.flags.to_string(),
            flags_pending: None,
            found_by: Some(found.rule.as_str()),
        };
        settled.insert(found.source.uid);
        let outcome = if own { Outcome::Copied } else { Outcome::AlreadyPresent };
        ledger.delivered(row.id, &[message], outcome, &[])?;
    }
    ledger.close_batches(row.id)?;
    Ok(open.into_iter().filter(|m| !settled.contains(&m.uid)).collect())
}

/// Sets flags that could not travel with APPEND.
async fn store_flags(work: Work<'_>, target: &mut Session, folder: FolderId) -> Step<()> {
    let pending = locked(work.ledger).flags_pending(folder)?;
    let mut groups: HashMap<String, Vec<(u32, u32)>> = HashMap::new();
    for (uid, target_uid, flags) in pending {
        groups.entry(flags).or_default().push((uid, target_uid));
    }
    for (flags, messages) in groups {
        let targets: Vec<u32> = messages.iter().map(|(_, target)| *target).collect();
        match target.store_flags(&targets, true, &Flags::parse(&flags)).await {
            Ok(()) => {
                let uids: Vec<u32> = messages.iter().map(|(uid, _)| *uid).collect();
                locked(work.ledger).flags_stored(folder, &uids)?;
            }
            Err(error) if error.is_connection_lost() => {
                return Err(EndError::Imap(Side::Target, error).into());
            }
            Err(error) => {
                work.context
                    .warn(work.mailbox, format!("the target refused the flags `{flags}`: {error}"))
                    .await;
            }
        }
    }
    Ok(())
}
