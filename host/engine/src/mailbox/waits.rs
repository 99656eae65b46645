//! The waits of a mailbox: for a server that is away or asks for it, for a budget, for hours.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::account::Mailbox;
use crate::event::{Event, WaitFor};
use crate::server::error::EndError;
use crate::side::Side;
use crate::task::context::Context;
use crate::task::spending::{Refused, still};

/// A budget or a window is looked for again this often: the clock may have jumped meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// And not more often than this.
const LEAST: Duration = Duration::from_millis(20);

/// The waits of one mailbox in a row.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    count: u32,
    /// A wait was told, and not yet that the work goes on.
    waiting: bool,
}

impl Waits {
    /// Waits before the next try, and tells; returns whether the user has stopped the task meanwhile.
    pub(super) async fn pause(
        &mut self,
        context: &Context,
        mailbox: &Mailbox,
        error: &EndError,
        wait: Duration,
    ) -> bool {
        if wait.is_zero() {
            return context.stop.is_raised();
        }
        self.count = self.count.saturating_add(1);
        let (side, reason) = (error.side(), error.stopped().reason);
        let until = after(context.job.clock.now(), wait);
        self.tell(context, mailbox, (side, WaitFor::Server), until, reason).await;
        let begun = Instant::now();
        let stopped = tokio::select! {
            () = tokio::time::sleep(wait) => false,
            () = context.stop.raised() => true,
        };
        let what = format!("the {}, which was away or asked for patience", side.as_str());
        context.add_wait(&mailbox.key, &what, begun.elapsed());
        stopped
    }

    /// Waits until what was refused is to be had, and tells; meanwhile another mailbox has its place. Returns
    /// whether the user has stopped the task.
    pub(crate) async fn outwait(&mut self, context: &Context, mailbox: &Mailbox, refused: Refused) -> bool {
        let mut next = still(context, mailbox, &refused);
        if next.is_none() {
            return context.stop.is_raised();
        }
        self.count = self.count.saturating_add(1);
        let parked = context.slots.park();
        let mut told = None;
        let mut what = String::new();
        let mut begun = Instant::now();
        let mut stopped = context.stop.is_raised();
        while !stopped && let Some(refused) = next {
            if told != Some(refused.until) {
                told = Some(refused.until);
                let at = (refused.side, refused.why);
                self.tell(context, mailbox, at, refused.until, refused.reason.clone()).await;
            }
            if what != refused.reason {
                if !what.is_empty() {
                    context.add_wait(&mailbox.key, &what, begun.elapsed());
                }
                (what, begun) = (refused.reason.clone(), Instant::now());
            }
            let left = Duration::try_from(refused.until.duration_since(context.job.clock.now()));
            let left = left.unwrap_or_default().clamp(LEAST, LOOK_AGAIN);
            stopped = tokio::select! {
                () = tokio::time::sleep(left) => false,
                () = context.stop.raised() => true,
            };
            next = still(context, mailbox, &refused);
        }
        context.add_wait(&mailbox.key, &what, begun.elapsed());
        if !stopped {
            stopped = tokio::select! {
                () = parked.resume() => context.stop.is_raised(),
                () = context.stop.raised() => true,
            };
        }
        stopped
    }

    /// The work goes on.
    pub(super) async fn end(&mut self, context: &Context, mailbox: &Mailbox) {
        if std::mem::take(&mut self.waiting) {
            tracing::info!("waiting is over");
            context.emit(Event::Resumed { mailbox: mailbox.key.clone() }).await;
        }
    }

    async fn tell(
        &mut self,
        context: &Context,
        mailbox: &Mailbox,
        (side, why): (Side, WaitFor),
        until: Timestamp,
        reason: String,
    ) {
        self.waiting = true;
        let (until, attempt) = (until.to_string(), self.count);
        tracing::info!(side = side.as_str(), %why, %until, attempt, "waiting: {reason}");
        let mailbox = mailbox.key.clone();
        context.emit(Event::Waiting { mailbox, side, why, until, reason, attempt }).await;
    }
}

/// The time after a wait that begins now, to the second.
fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(now).round(jiff::Unit::Second).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_next_try_is_utc_to_the_second() {
        let now: Timestamp = "2026-11-30T05:00:00.4Z".parse().unwrap();
        assert_eq!(after(now, Duration::from_secs(60)).to_string(), "2026-11-30T05:01:00Z");
        // A wait beyond all time is none that can be shown.
        assert_eq!(after(now, Duration::MAX).to_string(), "2026-11-30T05:00:00Z");
    }
}
