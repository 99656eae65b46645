//! One mailbox of a run: plan, folder after folder, validation hooks; again after a lost connection.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use mailhaul_imap::FolderName;

use crate::account::Mailbox;
use crate::cause::Cause;
use crate::event::{Event, MailboxEnd};
use crate::folder::work::{Lists, MailboxWork, SharedLedger, Step, locked};
use crate::mailbox::agreed::BesidePlan;
use crate::mailbox::connect::{MAX_SUGGESTED, connect};
use crate::mailbox::follow::{folders_to_open, follow, look_up_elsewhere, names};
use crate::mailbox::hooks::EndsState;
use crate::mailbox::listing::{figures_and_flags, warn_unlisted};
use crate::mailbox::moved::follow_moves;
use crate::mailbox::one_account::Purpose;
use crate::mailbox::open::{Interruption, OpenMailbox, end_of};
use crate::mailbox::plan::refusal;
use crate::mailbox::room_left::require_room;
use crate::mailbox::rounds::{Pass, Rounds};
use crate::mailbox::waits::Waits;
use crate::mailbox::{delete_gone, folders, hooks, left_out, lengths, one_account};
use crate::mapping::planner::{PlannedMailbox, plan};
use crate::mapping::portions::Numbers;
use crate::plan::AgreedMailbox;
use crate::plugin::Depth;
use crate::server::dial::{Ends, log_out_both};
use crate::server::error::EndError;
use crate::server::refusal::interpret;
use crate::side::Side;
use crate::state::ledger::{Ledger, LedgerError};
use crate::summary::{MailboxSummary, Stopped};
use crate::task::ceilings::Permit;
use crate::task::context::Context;
use crate::task::learning::learn_ceiling;
use crate::task::spending::{Refused, closed};

/// Lost connections in a row, without a message copied in between, before a mailbox gives up: of a host that
/// can be dialled again each time. One that cannot is waited for (`connect`).
const MAX_RECONNECTS: u32 = 5;

/// Wait before the n-th reconnect: doubled each time, at most [`MAX_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(500);

const MAX_WAIT: Duration = Duration::from_secs(30);

/// The same for a server that is there and asks to come back later, by a full house or a limit of its own:
/// about two and a half minutes, or as long as it suggests each time up to [`MAX_SUGGESTED`].
const MAX_PATIENCE: u32 = 10;

/// What the operator asked of a run, by its options.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunOptions<'a> {
    /// What the plan given with `--plan` says of it; it is not run when it would be planned otherwise now.
    pub agreed: Option<&'a AgreedMailbox>,
    /// `--delete-gone`: copies of what the source no longer has go into quarantine.
    pub delete_gone: bool,
    /// `--over-quota`: what is known to be too much for the target is begun all the same.
    pub over_quota: bool,
    /// What is brought, and what of it first.
    pub rounds: Rounds,
}

/// What attempts have come to, for those after them.
#[derive(Debug, Default)]
struct Seen {
    /// Waits in a row.
    waits: Waits,
    /// There was room for all that is to be copied, or nobody could tell.
    room: bool,
    /// What the first round has come to, once it is over.
    recent: Option<RecentRound>,
    /// Both ends, as the round before has left them.
    ends: Option<(Permit, Ends)>,
    /// What the source has beside the plan that was agreed on was told.
    beside: bool,
}

/// What the round that brings the newest mail has come to.
#[derive(Debug)]
struct RecentRound {
    /// Folders, by their display path, of which nothing is left for the next round.
    done: HashSet<String>,
    /// Of these, how many messages of each wait for another run.
    waiting: HashMap<String, u64>,
}

/// What an attempt has come to.
enum Attempt {
    /// The mailbox is done, as far as it can be.
    Ended(MailboxEnd),
    /// A budget is spent, or the hours are over: it goes on at a time.
    Refused(Refused),
    /// The newest mail is there, and the rest follows.
    NextRound,
}

/// Brings one mailbox to the target: attempts until it is done, stopped, or not worth another.
pub(crate) async fn run(
    context: &Context,
    mailbox: &Mailbox,
    orders: RunOptions<'_>,
) -> (MailboxEnd, Option<MailboxSummary>) {
    let open = match OpenMailbox::open(context, mailbox).await {
        Ok(open) => open,
        Err(stopped) => return (MailboxEnd::Stopped(stopped), None),
    };
    let end = attempts(context, mailbox, orders, &open).await;
    open.close(end).await
}

async fn attempts(
    context: &Context,
    mailbox: &Mailbox,
    orders: RunOptions<'_>,
    open: &OpenMailbox<'_>,
) -> Result<MailboxEnd, Interruption> {
    let mut lost = 0;
    let mut seen = Seen::default();
    loop {
        let blamed = || context.breaks.blamed_count(mailbox) + context.refusals.put_off_count(&mailbox.key);
        let before_it = blamed();
        let before = rows_so_far(&open.ledger);
        // Lists of an attempt that broke off may be old.
        let lists = Lists::default();
        let ended = match closed(context) {
            Some(refused) => Ok(Attempt::Refused(refused)),
            None => Box::pin(attempt(open.work(&lists), orders, &mut seen)).await,
        };
        let error = match ended {
            Err(Interruption::End(error)) => interpret(context, mailbox, error).await,
            Ok(Attempt::Refused(refused)) => {
                if let Some((permit, ends)) = seen.ends.take() {
                    log_out_both(ends.source, ends.target, permit);
                }
                if seen.waits.outwait(context, mailbox, refused).await {
                    return Ok(MailboxEnd::Interrupted);
                }
                lost = 0;
                continue;
            }
            Ok(Attempt::NextRound) => continue,
            Ok(Attempt::Ended(end)) => return Ok(end),
            Err(interruption) => return Err(interruption),
        };
        if rows_so_far(&open.ledger) != before {
            lost = 0;
            seen.waits = Waits::default();
        }
        let found = blamed() > before_it;
        let answered = context.outages.has_answered(error.side(), mailbox.side(error.side()));
        let wait = if found { Some(Duration::ZERO) } else { worth_waiting(&error, answered, lost) };
        let Some(wait) = wait else {
            return Err(Interruption::Stopped(error.stopped()));
        };
        if error.asks_for_patience() {
            learn_ceiling(context, mailbox.side(error.side()), &error.stopped().reason).await;
        }
        lost += u32::from(!found);
        let event = Event::Reconnecting {
            mailbox: mailbox.key.clone(),
            side: error.side(),
            reason: error.stopped().reason,
        };
        context.emit(event).await;
        if seen.waits.pause(context, mailbox, &error, wait).await {
            return Ok(MailboxEnd::Interrupted);
        }
    }
}

/// How long to wait before the next attempt, where nobody knows what the connection ended at, after so many
/// that were `lost` in a row; `None` when there shall be none.
fn worth_waiting(error: &EndError, answered: bool, lost: u32) -> Option<Duration> {
    let patience = error.asks_for_patience();
    // A server that never answered is reported at once; one that went away may come back.
    let hopeless = !(patience || answered && error.may_pass());
    if hopeless || lost >= if patience || error.is_idle() { MAX_PATIENCE } else { MAX_RECONNECTS } {
        return None;
    }
    let usual = FIRST_WAIT.saturating_mul(1 << lost).min(MAX_WAIT);
    Some(error.suggested_wait().map_or(usual, |wait| wait.min(MAX_SUGGESTED)))
}

/// Messages that have a row: it grows with every bit of progress.
fn rows_so_far(ledger: &SharedLedger) -> u64 {
    let folders = locked(ledger).folder_summaries().unwrap_or_default();
    folders.iter().map(|f| f.counts.source_messages - f.counts.pending).sum()
}

/// One round over the mailbox, as far as its connections carry.
async fn attempt(
    work: MailboxWork<'_>,
    orders: RunOptions<'_>,
    seen: &mut Seen,
) -> Result<Attempt, Interruption> {
    let MailboxWork { context, mailbox, .. } = work;
    let connected = match seen.ends.take() {
        Some(left) => Some(left),
        None => connect(context, mailbox, &mut seen.waits).await?,
    };
    let Some((permit, mut ends)) = connected else {
        return Ok(Attempt::Ended(MailboxEnd::Interrupted));
    };
    let (listings, same_flags) = figures_and_flags(work, &mut ends).await?;
    warn_unlisted(work, &listings.0, &listings.1).await;
    // The plan reads the ledger on a connection of its own, so that no lock is held while servers answer.
    let reading = Ledger::read(&Ledger::file(&context.job.state_dir, &mailbox.key))?;
    let (source, target) = (&mut ends.source, &mut ends.target);
    let question = (Numbers::Counted, orders.agreed);
    let mut planned = plan(context, mailbox, source, target, listings, reading, question).await?;
    let beside = match orders.agreed {
        Some(agreed) => BesidePlan::of(agreed, &mut planned, work)?,
        None => Ok(BesidePlan::default()),
    };
    let beside = match beside {
        Ok(beside) => beside,
        Err(stopped) => {
            context.emit(Event::Planned(planned.plan)).await;
            return Err(Interruption::Stopped(*stopped));
        }
    };
    let listings = (&planned.listings.0, &planned.listings.1);
    let purpose = Purpose::Copy(planned.plan.messages_to_copy);
    let _here = one_account::enter(context, mailbox, (source, target), listings, purpose).await?;
    if let Some(stopped) = refusal(&planned.plan) {
        context.emit(Event::Planned(planned.plan)).await;
        return Err(Interruption::Stopped(stopped));
    }
    record_plan(work, &planned, &beside)?;
    tell_renamed(work, &planned).await;
    if !std::mem::replace(&mut seen.beside, true) {
        beside.tell(work).await;
    }
    let outside = planned.mappings.folders.iter().filter(|m| m.outside);
    let outside = outside.map(|m| (&m.folder, m.status.as_ref()));
    left_out::record(work, &left_out::left_out(&[], outside)).await?;
    let to_copy = planned.plan.messages_to_copy;
    context.emit(Event::Planned(planned.plan)).await;
    work.tell_progress().await?;

    let (mapped, there) = (&planned.mappings.folders, &planned.listings.1);
    // How much of a mailbox is new, no server tells without its lists.
    if !(orders.over_quota || seen.room) && orders.rounds.are_whole() {
        require_room(work, &mut ends, mapped, to_copy).await?;
        seen.room = true;
    }
    ends = look_up_elsewhere(work, ends, mapped, there).await?;
    follow(work, &mut ends.target, mapped, there).await?;
    let mut open = folders_to_open(work, mapped.clone(), &same_flags).await?;
    follow_moves(work, &mut ends, &mut open, &names(mapped, there)).await?;
    let none_open = open.is_empty();
    if let Some(recent) = &seen.recent {
        open.retain(|mapped| !recent.done.contains(&mapped.folder.path.to_string()));
    }
    let mut waiting = HashMap::new();
    let mut left = HashSet::new();
    let mut done: HashSet<String> = open.iter().map(|mapped| mapped.folder.path.to_string()).collect();
    for Pass { folders, scope } in orders.rounds.passes(open, seen.recent.is_some()) {
        let end = Box::pin(folders::run(work, ends, (&folders, scope), &planned.messages, to_copy)).await?;
        if end.interrupted {
            return Ok(Attempt::Ended(MailboxEnd::Interrupted));
        }
        if let Some(refused) = end.refused {
            log_out_both(end.ends.source, end.ends.target, permit);
            return Ok(Attempt::Refused(refused));
        }
        if let Some(words) = end.over_quota {
            return Err(Interruption::Stopped(Stopped {
                side: Side::Target,
                cause: Cause::Quota,
                reason: format!(
                    "the target is out of room: {words}; make room and run the same command again"
                ),
            }));
        }
        ends = end.ends;
        match orders.rounds.goes_on_after(scope) {
            true => left.extend(end.waiting.into_keys()),
            false => waiting.extend(end.waiting),
        }
    }
    if !left.is_empty() {
        done.retain(|path| !left.contains(path));
        seen.recent = Some(RecentRound { done, waiting });
        seen.ends = Some((permit, ends));
        return Ok(Attempt::NextRound);
    }
    waiting.extend(seen.recent.take().map(|recent| recent.waiting).unwrap_or_default());
    lengths::tell(work).await?;
    // What is not asked for is not left undone either.
    let kept = if orders.delete_gone {
        let names = names(mapped, there);
        put_away(work, &mut ends, &names).await?
    } else {
        Vec::new()
    };
    work.ledger().set_kept(&kept)?;
    if !waiting.is_empty() {
        // Hooks compare whole mailboxes, and what they have said was of another state.
        work.ledger().set_hooks(&[], None)?;
        log_out_both(ends.source, ends.target, permit);
        return Ok(Attempt::Ended(beside.end(end_of(work, &waiting)?)));
    }
    let state = if context.plugins.validators.is_empty() {
        EndsState::default()
    } else if none_open && !orders.delete_gone {
        EndsState::of(work, planned.listings, &same_flags)?
    } else {
        EndsState::read(work, &mut ends).await?
    };
    hooks::run(work, ends, Depth::Counts, state).await?;
    drop(permit);
    Ok(Attempt::Ended(beside.end(end_of(work, &waiting)?)))
}

/// Puts copies of what is gone at the source away, and tells; returns why others were left.
async fn put_away(
    work: MailboxWork<'_>,
    ends: &mut Ends,
    names: &HashMap<String, FolderName>,
) -> Step<Vec<String>> {
    let (removed, kept) = delete_gone::put_away(work, &mut ends.target, names).await?;
    if removed > 0 {
        let message = format!(
            "{removed} copies of messages that the source no longer has were moved to `{}` on the target",
            delete_gone::QUARANTINE
        );
        work.warn(message).await;
    }
    for reason in &kept {
        work.warn(format!("--delete-gone: {reason}")).await;
    }
    Ok(kept)
}

/// Tells which folders were renamed since their messages were copied.
async fn tell_renamed(work: MailboxWork<'_>, planned: &PlannedMailbox) {
    let at_source = planned.renames.iter().map(|(from, to)| (Side::Source, from.clone(), to.clone()));
    let on_target = planned
        .moved
        .iter()
        .map(|moved| (Side::Target, moved.place.path.clone(), moved.folder.path.to_string()));
    for (side, from, to) in at_source.chain(on_target) {
        let mailbox = work.key().to_owned();
        work.context.emit(Event::FolderRenamed { mailbox, side, from, to }).await;
    }
}

fn record_plan(
    work: MailboxWork<'_>,
    planned: &PlannedMailbox,
    beside: &BesidePlan,
) -> Result<(), LedgerError> {
    let mut rows = Vec::new();
    let mut present: Vec<String> = beside.held_back.clone();
    let mut names = Vec::new();
    for mapped in planned.mappings.folders.iter().filter(|m| m.folder.selectable && !m.outside) {
        let path = mapped.folder.path.to_string();
        let messages = planned.messages.get(&path).copied().unwrap_or(0);
        rows.push((path.clone(), mapped.target.as_ref().map(|t| t.path.to_string()), messages));
        names.push((path.clone(), mapped.folder.name.clone()));
        present.push(path);
    }
    let mut ledger = work.ledger();
    ledger.rename_folders(&planned.renames)?;
    for moved in &planned.moved {
        ledger.rename_place(moved.place.id, &moved.folder.path.to_string())?;
    }
    ledger.record_plan(&rows)?;
    ledger.set_source_names(&names)?;
    ledger.record_gone_folders(&present)?;
    drop(ledger);
    beside.record(work)
}
