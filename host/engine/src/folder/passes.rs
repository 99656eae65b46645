//! The passes of a folder's copy: until everything is stored and seen, or recorded as failed.

use std::collections::HashSet;

use crate::folder::adopt::{Home, LookupResult, resolve};
use crate::folder::copy::item::{FolderCopy, Short};
use crate::folder::copy::spread;
use crate::folder::end::FolderEnd;
use crate::folder::flags::store_pending;
use crate::folder::prove::{TargetList, prove};
use crate::folder::work::{Work, WorkError, locked};
use crate::message::list::Listed;
use crate::server::dial::Ends;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Failure, MAX_ATTEMPTS};

/// Messages the target acknowledged without keeping are sent once more, then reported.
const TRIES_TO_STORE: usize = 2;

/// Passes in a row in which the target asked for patience and took nothing. Each waits as long as it suggests, or
/// twice as long as the one before: about four minutes together.
const MAX_VAIN_PASSES: u32 = 8;

type Step<T> = Result<T, WorkError>;

/// Copies what is `wanted`. Returns what came into the target since it was selected last; `None` when that is not known.
/// What a connection broke at before goes first, each alone, so that the next break says whose fault it is.
///
/// # Errors
/// When an end or the ledger fails; running it again continues.
pub(crate) async fn bring(
    work: Work<'_>,
    mut pair: Ends,
    home: Home<'_>,
    job: &mut FolderCopy,
    wanted: Vec<Listed>,
    end: &mut FolderEnd,
) -> Step<(Ends, Option<Vec<Listed>>)> {
    let suspected = |m: &Listed| home.rows.get(&m.uid).is_some_and(|row| row.is_suspected());
    let (alone, together): (Vec<_>, Vec<_>) = wanted.into_iter().partition(suspected);
    for message in alone {
        job.together = false;
        let (back, _) = Box::pin(passes(work, pair, home, job, vec![message], end)).await?;
        pair = back;
        if end.interrupted || end.over_quota.is_some() {
            return Ok((pair, None));
        }
        job.selected = pair.target.select(&job.target_name).await.map_err(EndError::at(Side::Target))?;
    }
    job.together = work.context.breaks.allow_batches(work.key());
    Box::pin(passes(work, pair, home, job, together, end)).await
}

async fn passes(
    work: Work<'_>,
    mut pair: Ends,
    home: Home<'_>,
    job: &mut FolderCopy,
    mut wanted: Vec<Listed>,
    end: &mut FolderEnd,
) -> Step<(Ends, Option<Vec<Listed>>)> {
    let folder = home.row.id;
    let (mut attempt, mut vain) = (0, 0);
    loop {
        let mut not_found = Vec::new();
        // Whether what did not arrive was judged: not when the target asked for patience, nor when messages that went
        // together were refused for the sake of one.
        let mut judged = true;
        let mut listed = None;
        if !wanted.is_empty() {
            let (session, copied) = spread(work, job, &mut pair.source, pair.target, &wanted).await?;
            pair.target = session;
            end.messages += copied.messages;
            end.bytes += copied.bytes;
            end.over_quota = copied.over_quota;
            end.interrupted = copied.interrupted;
            end.throttled |= copied.patience.is_some();
            judged = !copied.alone && copied.patience.is_none();
            listed = copied.listed;
            job.together &= !copied.alone;
            if let Some(refusal) = copied.patience {
                vain = if copied.messages > 0 { 0 } else { vain + 1 };
                if vain >= MAX_VAIN_PASSES {
                    return Err(EndError::Imap(Side::Target, refusal.into_error("APPEND")).into());
                }
                if let Some(wait) = copied.wait {
                    // What the server's own words say was waited for by the writer.
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = work.context.stop.raised() => {}
                    }
                }
            }
            for (flag, count) in copied.flags_lost {
                let message = format!(
                    "{}: the target cannot hold the flag `{flag}`, set on {count} messages",
                    home.row.source
                );
                work.warn(message).await;
            }
            if let Some(Short { messages, uid, came, said }) = copied.short {
                let message = format!(
                    "{}: {messages} of its messages came shorter than the source says; the first is message {uid}, with \
                     {came} bytes of {said}. What came was copied: look at it in the old mailbox",
                    home.row.source
                );
                work.warn(message).await;
            }
            if end.interrupted {
                return Ok((pair, None));
            }
            // Servers store what they refuse, and keep to themselves under which UID: what came is
            // compared by content before anything is sent again or given up.
            let refused: HashSet<u32> = locked(work.ledger).attempts(folder)?.into_keys().collect();
            let unresolved: HashSet<u32> = copied.unresolved.into_iter().collect();
            let open: Vec<Listed> = wanted
                .iter()
                .filter(|m| unresolved.contains(&m.uid) || refused.contains(&m.uid))
                .cloned()
                .collect();
            let asked: HashSet<u32> = open.iter().map(|m| m.uid).collect();
            let looked = resolve(work, &mut pair, home, job, open).await?;
            let LookupResult { open, found, undecided } = looked;
            let found: Vec<u64> = wanted
                .iter()
                .filter(|m| asked.contains(&m.uid) && found.contains(&m.uid))
                .map(|m| m.size)
                .collect();
            let (messages, bytes) = (found.len() as u64, found.iter().sum());
            end.messages += messages;
            end.bytes += bytes;
            work.context.done.add(messages, bytes);
            not_found = open;
            // What was refused alone and is not there stays refused.
            not_found.retain(|m| unresolved.contains(&m.uid));
            let merged: Vec<Listed> =
                not_found.extract_if(.., |m| copied.taken.contains_key(&m.uid)).collect();
            for message in merged {
                let other = copied.taken.get(&message.uid).copied().unwrap_or_default();
                tell_merged(work, home, &message, other).await?;
            }
            if end.over_quota.is_none() && !undecided {
                locked(work.ledger).close_batches(folder)?;
            }
        }
        if store_pending(work, &mut pair.target, folder).await? {
            listed = None; // Its flags are old.
        }
        let TargetList { mut lost, listed } = prove(work, &mut pair.target, folder, listed).await?;
        lost.extend(not_found);
        if end.over_quota.is_some() || lost.is_empty() {
            return Ok((pair, Some(listed)));
        }
        if judged {
            attempt += 1;
            lost = tried_in_vain(work, home, lost, attempt == TRIES_TO_STORE).await?;
            if lost.is_empty() {
                return Ok((pair, None));
            }
        }
        job.selected = pair.target.select(&job.target_name).await.map_err(EndError::at(Side::Target))?;
        wanted = lost;
    }
}

/// Records a message that the target took for another one's: sent again, it would do so again.
async fn tell_merged(work: Work<'_>, home: Home<'_>, message: &Listed, other: u32) -> Step<()> {
    let text = format!(
        "the target keeps no copy of its own: it says that it is message {other}, which is another one's copy or was \
         there before"
    );
    let failure =
        Failure { uid: message.uid, size: message.size, code: "merged", text: &text, refused: true };
    Ok(work.fail(home.row.id, &home.row.source, failure, &[]).await?)
}

/// Records messages that the target acknowledged and does not hold; returns those to be sent once more.
async fn tried_in_vain(work: Work<'_>, home: Home<'_>, lost: Vec<Listed>, last: bool) -> Step<Vec<Listed>> {
    let folder = home.row.id;
    let attempts = locked(work.ledger).attempts(folder)?;
    let mut again = Vec::new();
    for message in lost {
        let text = "the target said each time that it stored it, and does not hold it";
        let failure =
            Failure { uid: message.uid, size: message.size, code: "not-stored", text, refused: true };
        let before = attempts.get(&message.uid).copied().unwrap_or(0);
        if last || before + 1 >= MAX_ATTEMPTS {
            work.fail(folder, &home.row.source, failure, &[]).await?;
        } else {
            locked(work.ledger).failed(folder, &failure, &[])?;
            again.push(message);
        }
    }
    Ok(again)
}
