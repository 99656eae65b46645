//! The ends of a mailbox dialled within the ceilings of their hosts, and waited for while a host that works
//! is away.

use std::time::Duration;

use mailhaul_imap::Session;
use tokio::time::Instant;

use crate::account::Mailbox;
use crate::event::Event;
use crate::folder::work::MailboxWork;
use crate::mailbox::open::Interruption;
use crate::mailbox::waits::Waits;
use crate::server::dial::{Ends, dial, dial_both};
use crate::server::error::EndError;
use crate::server::refusal::interpret;
use crate::side::Side;
use crate::summary::Stopped;
use crate::task::ceilings::Permit;
use crate::task::context::Context;
use crate::task::learning::learn_ceiling;

/// First wait for a host that is away; doubled each time, at most [`MAX_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// A host that is back is noticed within this time, by each mailbox that waits for it.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Longest wait at a server's own suggestion.
pub(super) const MAX_SUGGESTED: Duration = Duration::from_secs(300);

/// The source, and what came of the target, where there is one.
#[derive(Debug)]
pub(crate) struct LookedAt {
    pub source: Session,
    pub target: Option<Result<Session, EndError>>,
}

/// Dials both ends of a mailbox as soon as the ceilings of their hosts allow it, and waits for a host that is
/// away; `None` when the user has stopped the task by then. The permit is held as long as the connections
/// live.
///
/// # Errors
/// [`EndError`] of the end that failed first, the source before the target; why it stops when a host was away
/// for longer than `[limits] patience`.
pub(crate) async fn connect(
    context: &Context,
    mailbox: &Mailbox,
    waits: &mut Waits,
) -> Result<Option<(Permit, Ends)>, Interruption> {
    let dial = || async {
        let (source, target) = dial_both(context, mailbox).await?;
        Ok(Ends { source, target })
    };
    Box::pin(outlast(context, mailbox, waits, dial)).await
}

/// As [`connect`], for who only looks: what is wrong with the target alone is no reason to end. No target
/// where the project does not say how to sign in there.
///
/// # Errors
/// As [`connect`], of the source.
pub(crate) async fn connect_to_look(
    context: &Context,
    mailbox: &Mailbox,
    waits: &mut Waits,
) -> Result<Option<(Permit, LookedAt)>, Interruption> {
    let target = || async {
        match mailbox.without_target {
            Some(_) => None,
            None => Some(dial(context, &mailbox.target, Side::Target).await),
        }
    };
    let dial = || async {
        let (source, target) = tokio::join!(dial(context, &mailbox.source, Side::Source), target());
        Ok(LookedAt { source: source?, target })
    };
    Box::pin(outlast(context, mailbox, waits, dial)).await
}

/// As [`connect`], the target alone.
///
/// # Errors
/// As [`connect`], of the target.
pub(crate) async fn connect_target(
    context: &Context,
    mailbox: &Mailbox,
) -> Result<Option<(Permit, Session)>, Interruption> {
    let dial = || dial(context, &mailbox.target, Side::Target);
    Box::pin(outlast(context, mailbox, &mut Waits::default(), dial)).await
}

/// Dials both ends anew after an `error` that was put down to a message, or to the length of a question,
/// since `blamed` was asked: what is asked again is asked in another way. The permit stays what it was.
///
/// # Errors
/// The `error` itself where it is something else, and [`EndError`] of an end that cannot be dialled.
pub(crate) async fn dial_again(
    work: MailboxWork<'_>,
    ends: &mut Ends,
    blamed: u64,
    error: EndError,
) -> Result<(), EndError> {
    let MailboxWork { context, mailbox, .. } = work;
    if context.breaks.blamed_count(mailbox) == blamed {
        return Err(error);
    }
    let (side, reason) = (error.side(), error.stopped().reason);
    context.emit(Event::Reconnecting { mailbox: mailbox.key.clone(), side, reason }).await;
    let (source, target) = dial_both(context, mailbox).await?;
    *ends = Ends { source, target };
    Ok(())
}

/// Dials until it works. A host that has taken a log-in in this task and is away is waited for until
/// `[limits] patience` is used up: since it went away, so that all its mailboxes together wait no longer, and
/// since this mailbox met it. Any other failure is the caller's at once.
async fn outlast<T, F>(
    context: &Context,
    mailbox: &Mailbox,
    waits: &mut Waits,
    dial: impl Fn() -> F,
) -> Result<Option<(Permit, T)>, Interruption>
where
    F: Future<Output = Result<T, EndError>>,
{
    let mut tries = 0;
    let mut met = None;
    loop {
        // Given back while it waits: others may have something to do at the other end.
        let permit = context.ceilings.pair(mailbox).await;
        if context.stop.is_raised() {
            return Ok(None);
        }
        let error = match dial().await {
            Ok(ends) => {
                waits.end(context, mailbox).await;
                return Ok(Some((permit, ends)));
            }
            Err(error) => error,
        };
        drop(permit);
        let (side, spec) = (error.side(), mailbox.side(error.side()));
        let passes = error.may_pass() || error.asks_for_patience();
        let Some(outage) = passes.then(|| context.outages.record_outage(side, spec)).flatten() else {
            return Err(error.into());
        };
        let error = interpret(context, mailbox, error).await;
        let (since, answers) = *met.get_or_insert_with(|| (Instant::now(), outage.answers));
        // It asks to come back later, and lets others in: that is no outage.
        if !error.may_pass() && outage.answers > answers {
            return Err(error.into());
        }
        let left = context.job.limits.patience.saturating_sub(since.min(outage.since).elapsed());
        if left.is_zero() {
            return Err(Interruption::Stopped(given_up(&error)));
        }
        if error.asks_for_patience() {
            learn_ceiling(context, spec, &error.stopped().reason).await;
        }
        let usual = FIRST_WAIT.saturating_mul(1 << tries.min(10)).min(MAX_WAIT);
        tries += 1;
        let wait = error.suggested_wait().map_or(usual, |wait| wait.min(MAX_SUGGESTED)).min(left);
        if waits.pause(context, mailbox, &error, wait).await {
            return Ok(None);
        }
    }
}

/// Why a mailbox stops at a host that was away for too long.
fn given_up(error: &EndError) -> Stopped {
    let mut stopped = error.stopped();
    stopped.reason.push_str(
        "; it was away for longer than `patience` under `[limits]`: run the same command again when it is back",
    );
    stopped
}
