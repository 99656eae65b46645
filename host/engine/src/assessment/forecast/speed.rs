//! How fast mail moves: what was measured in this project, else what is assumed.

use mailhaul_text::{bytes_rounded, plural};
use serde::{Deserialize, Serialize};

use super::load::MailboxLoad;

/// What a message costs by itself without any round trip, in seconds: 10,000 small messages in 3.16 s
/// (docs/benchmarks.md, `small` at 0 ms).
const MESSAGE_SECONDS: f64 = 0.000_32;

/// The share of a round trip that a message costs: 1,000 small messages at 100 ms in 1.98 s
/// (docs/benchmarks.md, `small` at 100 ms), without what [`MESSAGE_SECONDS`] accounts for.
const ROUND_TRIPS_A_MESSAGE: f64 = 0.0166;

/// Bytes a second of one mailbox between two hosts on the internet: the mean of all runs that imapsync's
/// author has published. What a line bears is known only once something was copied over it.
pub const ASSUMED_BYTES_A_SECOND: f64 = 340_000.0;

/// Assumed where no round trip was measured, in milliseconds.
pub(super) const USUAL_ROUND_TRIP: u32 = 50;

/// A run that copied less than this says nothing about speed: most of its time was log-ins.
pub const LEAST_MEASURED_BYTES: u64 = 10 << 20;
const LEAST_SECONDS: f64 = 2.0;

/// A run of this project that copied enough to say how fast the hosts are together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredRun {
    /// When it began: UTC, RFC 3339.
    pub started: String,
    /// Messages that it copied.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long it was at work, over all mailboxes together.
    pub seconds: f64,
}

impl MeasuredRun {
    /// Takes a run's totals; `None` for one that says nothing about speed.
    #[must_use]
    pub fn of(started: &str, messages: u64, bytes: u64, seconds: f64) -> Option<Self> {
        let tells =
            messages > 0 && bytes >= LEAST_MEASURED_BYTES && seconds.is_finite() && seconds >= LEAST_SECONDS;
        tells.then(|| Self { started: started.to_owned(), messages, bytes, seconds })
    }

    /// As long as this would have taken at its speed, by messages or by bytes, whichever is more.
    fn seconds_for(&self, messages: u64, bytes: u64) -> f64 {
        let by_messages = messages as f64 / self.messages.max(1) as f64;
        let by_bytes = bytes as f64 / self.bytes.max(1) as f64;
        by_messages.max(by_bytes) * self.seconds
    }

    /// Says what it was, as the basis of a forecast.
    pub(super) fn basis(&self) -> String {
        format!(
            "measured: this project's run of {} copied {} ({}) in {}, {} a second",
            self.started,
            plural(self.messages, "message"),
            bytes_rounded(self.bytes),
            mailhaul_text::elapsed(self.seconds),
            bytes_rounded((self.bytes as f64 / self.seconds) as u64)
        )
    }
}

/// How long one mailbox takes at work, in seconds, without any budget. Of one whose sizes are not known, by
/// its messages alone.
pub(super) fn transfer_seconds(load: &MailboxLoad, measured: Option<&MeasuredRun>) -> f64 {
    let bytes = load.bytes.unwrap_or(0);
    match measured {
        Some(run) => run.seconds_for(load.messages, bytes),
        None => {
            let round_trip = f64::from(load.ends.round_trip_ms.unwrap_or(USUAL_ROUND_TRIP)) / 1_000.0;
            let by_messages = load.messages as f64 * (MESSAGE_SECONDS + ROUND_TRIPS_A_MESSAGE * round_trip);
            by_messages.max(bytes as f64 / ASSUMED_BYTES_A_SECOND)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_copied_next_to_nothing_measures_nothing() {
        for (messages, bytes, seconds) in
            [(0, 1 << 30, 100.0), (9, 100, 100.0), (9, 1 << 30, 0.1), (9, 1 << 30, f64::NAN)]
        {
            assert_eq!(MeasuredRun::of("x", messages, bytes, seconds), None);
        }
    }
}
