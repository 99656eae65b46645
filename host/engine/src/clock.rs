//! What time it is: for days, hours and windows, which are a person's. How long something takes is measured
//! by tokio's clock instead.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The wall clock of a task. It may jump in either direction, as a machine's does.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns this moment.
    fn now(&self) -> Timestamp;

    /// Returns the zone in which days begin and hours are meant.
    fn zone(&self) -> TimeZone;
}

/// The machine's own clock and zone.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn zone(&self) -> TimeZone {
        TimeZone::system()
    }
}
