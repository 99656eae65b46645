//! What the recorder tells while it works: how far the folder is in the ledger, and who is waited for.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::event::Event;
use crate::folder::copy::flight::{SharedFlight, flight};
use crate::folder::copy::item::Route;
use crate::folder::work::Step;
use crate::side::Side;

/// Progress is told at most this often.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// After so long without an acknowledgement it is told who is waited for, and again each time.
const SILENT: Duration = Duration::from_secs(10);

/// Tells the progress of a copy: after each batch that was recorded, as often as [`TELL_EVERY`] allows, and
/// the last one in any case.
pub(super) struct Teller<'r, 'a> {
    route: &'r Route<'a>,
    told: Instant,
    /// When the last acknowledgement came.
    heard: Instant,
    untold: bool,
}

impl<'r, 'a> Teller<'r, 'a> {
    pub(super) fn new(route: &'r Route<'a>) -> Self {
        let now = Instant::now();
        Self { route, told: now, heard: now, untold: false }
    }

    /// Takes note of a batch that is in the ledger by now, and tells of it as soon as that is allowed.
    ///
    /// # Errors
    /// When the ledger fails; the same for all methods.
    pub(super) async fn recorded(&mut self) -> Step<()> {
        (self.heard, self.untold) = (Instant::now(), true);
        if self.told.elapsed() >= TELL_EVERY {
            return self.tell(None).await;
        }
        // A task that is broken off now has copied it all the same.
        self.route.work.tally(self.route.folder)?;
        Ok(())
    }

    /// Waits until there is something to tell though nothing comes.
    pub(super) async fn due(&self) {
        sleep_until(if self.untold { self.told + TELL_EVERY } else { self.told.max(self.heard) + SILENT })
            .await;
    }

    /// Tells the batch that was held back, or who is waited for: the target where it has been sent something.
    pub(super) async fn tell_while_waiting(&mut self, shared: &SharedFlight) -> Step<()> {
        if self.untold {
            return self.tell(None).await;
        }
        let side = if flight(shared).sent.is_empty() { Side::Source } else { Side::Target };
        self.tell(Some(side)).await
    }

    /// Tells what has not been told yet.
    pub(super) async fn close(&mut self) -> Step<()> {
        if self.untold { self.tell(None).await } else { Ok(()) }
    }

    async fn tell(&mut self, awaited: Option<Side>) -> Step<()> {
        (self.told, self.untold) = (Instant::now(), false);
        let (work, route) = (self.route.work, self.route);
        let (counts, mailbox_counts) = work.tally(route.folder)?;
        let (messages_before, bytes_before) = route.copied_before;
        let progress = Event::FolderProgress {
            mailbox: work.key().to_owned(),
            source: route.source.clone(),
            messages: counts.copied_now.saturating_sub(messages_before),
            bytes: counts.bytes_now.saturating_sub(bytes_before),
            counts,
            mailbox_counts,
            awaited,
        };
        work.context.emit(progress).await;
        Ok(())
    }
}
