//! A wall clock that goes with the paused time of tests' runtimes, and that jumps.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mailhaul_engine::clock::Clock;
use tokio::time::Instant;

use crate::stage::Stage;

/// The clock; its days are those of UTC.
#[derive(Debug, Clone)]
pub(crate) struct MovedClock(Arc<Mutex<Shown>>);

#[derive(Debug)]
struct Shown {
    time: Timestamp,
    /// When it was looked at last.
    looked: Option<Instant>,
    /// What it does by itself: when it shows this, it jumps by so much.
    jumps: Vec<(Timestamp, SignedDuration)>,
}

impl MovedClock {
    /// A clock that shows this time, and by which the stage's job goes.
    pub(crate) fn of(stage: &mut Stage, shows: &str) -> Self {
        let time = shows.parse().expect("a time");
        let this = Self(Arc::new(Mutex::new(Shown { time, looked: None, jumps: Vec::new() })));
        stage.job.clock = Arc::new(this.clone());
        this
    }

    /// Puts it forward, or back.
    pub(crate) fn jump(&self, by: SignedDuration) {
        let now = self.now();
        self.0.lock().expect("a clock").time = now + by;
    }

    /// Has it put forward, or back, when it shows this time.
    pub(crate) fn jump_at(&self, shows: &str, by: SignedDuration) {
        self.0.lock().expect("a clock").jumps.push((shows.parse().expect("a time"), by));
    }

    /// Seconds since 1970 by this clock.
    pub(crate) fn seconds(&self) -> i64 {
        self.now().as_second()
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        let shown = &mut *self.0.lock().expect("a clock");
        let now = Instant::now();
        // Another runtime's time may begin before this one's ended: nothing has passed in between.
        let passed =
            shown.looked.replace(now).map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        shown.time += SignedDuration::try_from(passed).expect("a time that has passed");
        if let Some(at) = shown.jumps.iter().position(|(at, _)| shown.time >= *at) {
            shown.time += shown.jumps.remove(at).1;
        }
        shown.time
    }

    fn zone(&self) -> TimeZone {
        TimeZone::UTC
    }
}
