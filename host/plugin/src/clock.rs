//! CPU time of a guest, without the time it waits for us.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use crate::breach::Breach;
use crate::state::State;

/// When the call began, and how long it waited since.
///
/// wasmtime's epochs are wall time: without this, a slow server would use up a validator's budget.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    start: Instant,
    waited: Arc<AtomicU64>,
    budget: Duration,
}

impl Clock {
    pub(crate) fn start(budget: Duration) -> Self {
        Self { start: Instant::now(), waited: Arc::new(AtomicU64::new(0)), budget }
    }

    /// Runs host work the guest is not charged for.
    pub(crate) async fn waiting<T>(&self, work: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let result = work.await;
        self.add(begun.elapsed());
        result
    }

    /// Adds time the guest is not charged for.
    pub(crate) fn add(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.waited.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Time since the call began, waiting left out.
    pub(crate) fn computed(&self) -> Duration {
        let waited = Duration::from_nanos(self.waited.load(Ordering::Relaxed));
        self.start.elapsed().saturating_sub(waited)
    }

    fn spent(&self) -> bool {
        self.computed() > self.budget
    }
}

/// Checks the budget at every tick, and hands the thread back to other tasks.
pub(crate) fn arm(store: &mut Store<State>) {
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|context: StoreContextMut<'_, State>| {
        let clock = context.data().clock.clone();
        if clock.spent() {
            return Err(Breach::Cpu(clock.budget).into());
        }
        // The time other tasks then have the thread for is not the guest's either.
        Ok(UpdateDeadline::YieldCustom(
            1,
            Box::pin(async move { clock.waiting(tokio::task::yield_now()).await }),
        ))
    });
}
