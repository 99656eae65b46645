//! How many mailboxes are worked on at a time; one that waits lends its place to the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, Semaphore};

/// The places of mailboxes that are worked on.
#[derive(Debug)]
pub(crate) struct Slots {
    free: Semaphore,
    /// Mailboxes that have lent theirs.
    parked: AtomicUsize,
    changed: Notify,
}

impl Slots {
    /// For so many at a time, at least one.
    #[must_use]
    pub(crate) fn new(at_once: usize) -> Self {
        let free = Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS));
        Self { free, parked: AtomicUsize::new(0), changed: Notify::new() }
    }

    /// Takes a place for a mailbox that begins, if there is one: those that come back from a wait go first.
    pub(crate) fn try_take(&self) -> bool {
        self.free.try_acquire().map(tokio::sync::SemaphorePermit::forget).is_ok()
    }

    /// Gives the place of a mailbox that has ended back.
    pub(crate) fn give_back(&self) {
        self.free.add_permits(1);
    }

    /// Mailboxes that wait, and have no place.
    #[must_use]
    pub(crate) fn parked(&self) -> usize {
        self.parked.load(Ordering::Acquire)
    }

    /// Returns once a place was lent or asked for again.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Lends the place of a mailbox while it waits.
    pub(crate) fn park(self: &Arc<Self>) -> Parked {
        self.parked.fetch_add(1, Ordering::AcqRel);
        self.free.add_permits(1);
        self.changed.notify_one();
        Parked { slots: Arc::clone(self), has_place: false }
    }
}

/// A mailbox that has lent its place.
#[derive(Debug)]
pub(crate) struct Parked {
    slots: Arc<Slots>,
    has_place: bool,
}

impl Parked {
    /// Waits for a place to go on in.
    pub(crate) async fn resume(mut self) {
        if let Ok(place) = self.slots.free.acquire().await {
            place.forget();
            self.has_place = true;
        }
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        // One that is broken off while it waits has no place to give back when it ends.
        if !self.has_place
            && let Ok(place) = self.slots.free.try_acquire()
        {
            place.forget();
        }
        self.slots.parked.fetch_sub(1, Ordering::AcqRel);
        self.slots.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_is_lent_and_taken_back_before_anybody_new_gets_one() {
        let slots = Arc::new(Slots::new(1));
        assert!(slots.try_take() && !slots.try_take());
        let parked = slots.park();
        assert!(slots.parked() == 1 && slots.try_take(), "the next has it");
        let back = tokio::spawn(parked.resume());
        tokio::task::yield_now().await;
        assert!(!back.is_finished());
        slots.give_back();
        back.await.unwrap();
        assert!(slots.parked() == 0 && !slots.try_take());
        // One that is broken off meanwhile ends as every other one does.
        drop(slots.park());
        slots.give_back();
        assert!(slots.try_take() && !slots.try_take());
    }
}
