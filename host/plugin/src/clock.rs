//! CPU time of a guest, without the time it waits for us.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use crate::call_failure::ExceededLimit;
use crate::state::CallState;

/// Measures how long a call has computed, against its budget.
///
/// wasmtime's epochs are wall time: with them alone, a slow server would use up a validator's budget, and a
/// busy machine everybody's. The thread's own clock says what was computed; the guest goes on only where one
/// of these functions has just read it, so that both readings are of one thread.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    used: Arc<CpuTime>,
    budget: Duration,
}

#[derive(Debug)]
struct CpuTime {
    /// Nanoseconds computed before the guest went on last.
    before: AtomicU64,
    /// The thread's clock when it went on; [`WAITING`] while it does not.
    since: AtomicU64,
}

/// The value of [`CpuTime::since`] while the guest waits for the host.
const WAITING: u64 = u64::MAX;

/// Nanoseconds of CPU time the calling thread has used.
fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or_default())
}

impl Clock {
    /// Starts the clock of a call that begins on this thread.
    pub(crate) fn start(budget: Duration) -> Self {
        let used = CpuTime { before: AtomicU64::new(0), since: AtomicU64::new(thread_time()) };
        Self { used: Arc::new(used), budget }
    }

    /// Runs host work the guest is not charged for.
    pub(crate) async fn waiting<T>(&self, work: impl Future<Output = T>) -> T {
        self.pause();
        let result = work.await;
        self.used.since.store(thread_time(), Ordering::Relaxed);
        result
    }

    fn pause(&self) {
        let computed = u64::try_from(self.computed().as_nanos()).unwrap_or(u64::MAX);
        self.used.before.store(computed, Ordering::Relaxed);
        self.used.since.store(WAITING, Ordering::Relaxed);
    }

    /// Time the guest has computed; right only on the thread where it runs or has just stopped.
    pub(crate) fn computed(&self) -> Duration {
        let since = self.used.since.load(Ordering::Relaxed);
        let now = if since == WAITING { 0 } else { thread_time().saturating_sub(since) };
        Duration::from_nanos(self.used.before.load(Ordering::Relaxed).saturating_add(now))
    }

    fn spent(&self) -> bool {
        self.computed() > self.budget
    }
}

/// Checks the budget at every tick, and hands the thread back to other tasks.
pub(crate) fn arm(store: &mut Store<CallState>) {
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|context: StoreContextMut<'_, CallState>| {
        let clock = context.data().clock.clone();
        if clock.spent() {
            return Err(ExceededLimit::Cpu(clock.budget).into());
        }
        // The time other tasks then have the thread for is not the guest's either.
        Ok(UpdateDeadline::YieldCustom(
            1,
            Box::pin(async move { clock.waiting(tokio::task::yield_now()).await }),
        ))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time in which the thread does not run is nobody's computing: another process's, or a server's.
    #[tokio::test]
    async fn a_busy_machine_is_not_the_guests_fault() {
        let clock = Clock::start(Duration::from_millis(20));
        std::thread::sleep(Duration::from_millis(60));
        assert!(!clock.spent(), "{:?}", clock.computed());
        while !clock.spent() {
            std::hint::black_box(0);
        }
        let spent = clock.computed();
        clock
            .waiting(async {
                let begun = std::time::Instant::now();
                while begun.elapsed() < Duration::from_millis(30) {
                    std::hint::black_box(0);
                }
            })
            .await;
        assert!(
            clock.computed() < spent + Duration::from_millis(15),
            "{:?} after {spent:?}",
            clock.computed()
        );
    }
}
