//! A wall clock that goes with the paused time of a test's runtime, over several of them, and that jumps.

use std::sync::{Arc, Mutex};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mailhaul_engine::clock::Clock;
use tokio::time::Instant;

use crate::stage::Stage;

/// The clock; its days are those of UTC.
#[derive(Debug, Clone)]
pub(crate) struct MovedClock(Arc<Mutex<(Timestamp, Option<Instant>)>>);

impl MovedClock {
    /// A clock that shows this time, and by which the stage's job goes.
    pub(crate) fn of(stage: &mut Stage, shows: &str) -> Self {
        let this = Self(Arc::new(Mutex::new((shows.parse().expect("a time"), None))));
        stage.job.clock = Arc::new(this.clone());
        this
    }

    /// Puts it forward, or back.
    pub(crate) fn jump(&self, by: SignedDuration) {
        let now = self.now();
        self.0.lock().expect("a clock").0 = now + by;
    }

    /// Seconds since midnight of the day it showed first would have been; since 1970.
    pub(crate) fn seconds(&self) -> i64 {
        self.now().as_second()
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        let (shows, looked) = &mut *self.0.lock().expect("a clock");
        let now = Instant::now();
        // Another runtime's time may begin before this one's ended: nothing has passed in between.
        let passed =
            looked.replace(now).map_or(std::time::Duration::ZERO, |last| now.saturating_duration_since(last));
        *shows += SignedDuration::try_from(passed).expect("a time that has passed");
        *shows
    }

    fn zone(&self) -> TimeZone {
        TimeZone::UTC
    }
}
