//! One meter: what may be spent of one thing in one window of the clock, and what is spent.

use jiff::{Timestamp, ToSpan as _, Zoned};

use crate::side::Side;

/// A grant is at most this part of a window's budget: what a process that is killed leaves unused of it is
/// lost until the window ends.
const PARTS: u64 = 32;

/// What a meter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Unit {
    /// Bytes of messages that are asked for.
    Read,
    /// Bytes of messages that are stored.
    Stored,
    /// Messages that are stored.
    Messages,
}

impl Unit {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Stored => "stored",
            Self::Messages => "messages",
        }
    }

    /// What a message of so many bytes counts.
    pub(super) fn of(self, bytes: u64) -> u64 {
        if self == Self::Messages { 1 } else { bytes }
    }
}

/// For how long a budget is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Window {
    /// A day of the clock's zone, of 23 to 25 hours.
    Day,
    /// An hour of its clock.
    Hour,
}

impl Window {
    /// When the window of this moment began, and when the next one does; to the second.
    pub(super) fn around(self, now: &Zoned) -> (Timestamp, Timestamp) {
        let at = now.timestamp();
        let hour = || {
            let past = i64::from(now.minute()) * 60 + i64::from(now.second());
            let began = Timestamp::from_second(at.as_second() - past).unwrap_or(at);
            (began, began.checked_add(1.hour()).unwrap_or(Timestamp::MAX))
        };
        match self {
            Self::Hour => hour(),
            Self::Day => {
                let next = now.tomorrow().and_then(|next| next.start_of_day());
                now.start_of_day()
                    .and_then(|today| Ok((today.timestamp(), next?.timestamp())))
                    .unwrap_or_else(|_| hour())
            }
        }
    }
}

/// A budget: what of whom may be spent in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meter {
    /// By which the record knows it: `read:anna@old.example:993`.
    pub key: String,
    /// The end it is about.
    pub side: Side,
    pub unit: Unit,
    pub window: Window,
    /// At least 1.
    pub allowance: u64,
    /// Whose it is, for people: `Gmail's 2,500 MB a day`.
    pub reason: String,
}

impl Meter {
    /// The most that one grant has.
    pub(super) fn portion(&self) -> u64 {
        (self.allowance / PARTS).max(1)
    }
}

/// What is spent of a meter in its newest window.
#[derive(Debug, Clone, Default)]
pub(super) struct Gauge {
    /// When that window began; `None` before anything was spent.
    pub began: Option<Timestamp>,
    /// What is spent, with what is granted and not used yet.
    pub spent: u64,
    /// What of it is granted, and neither used nor given back.
    pub granted: u64,
    /// What of it the record does not have in this window yet, since it was granted in an earlier one.
    pub carried: u64,
    /// Who could not have a message that is larger than a whole window's budget.
    pub waits_alone: Option<Claimant>,
}

/// Who asks: a folder of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claimant {
    /// The mailbox's key.
    pub mailbox: String,
    /// The source folder, in display form.
    pub folder: String,
}

impl Gauge {
    /// Brings it to the window that began then. What was granted before, and may come only now, counts as
    /// spent in it. A window that began later is one of a clock that was put back: it counts as this one.
    pub(super) fn turn_to(&mut self, began: Timestamp) {
        match self.began {
            Some(before) if before >= began => {}
            _ => (self.spent, self.carried) = (self.granted, self.granted),
        }
        self.began = Some(began);
    }

    /// Whether nothing is spent in the window.
    pub(super) fn is_fresh(&self) -> bool {
        self.spent == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zoned(text: &str) -> Zoned {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_is_the_clock_s_and_an_hour_too() {
        for (window, now, began, next) in [
            (
                Window::Day,
                "2026-11-30T12:34:56[Europe/Berlin]",
                "2026-11-29T23:00:00Z",
                "2026-11-30T23:00:00Z",
            ),
            // Of 23 and of 25 hours.
            (
                Window::Day,
                "2026-03-29T12:00:00[Europe/Berlin]",
                "2026-03-28T23:00:00Z",
                "2026-03-29T22:00:00Z",
            ),
            (
                Window::Day,
                "2026-10-25T12:00:00[Europe/Berlin]",
                "2026-10-24T22:00:00Z",
                "2026-10-25T23:00:00Z",
            ),
            // A day that begins at one, since midnight is left out.
            (
                Window::Day,
                "2018-11-04T12:00:00[America/Sao_Paulo]",
                "2018-11-04T03:00:00Z",
                "2018-11-05T02:00:00Z",
            ),
            (
                Window::Hour,
                "2026-11-30T12:34:56[Asia/Kolkata]",
                "2026-11-30T06:30:00Z",
                "2026-11-30T07:30:00Z",
            ),
        ] {
            let (a, b) = window.around(&zoned(now));
            assert_eq!((a.to_string(), b.to_string()), (began.to_owned(), next.to_owned()), "{now}");
        }
    }

    #[test]
    fn a_new_window_has_its_own_and_what_is_under_way_counts_in_it() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut gauge = Gauge::default();
        gauge.turn_to(at("2026-11-30T00:00:00Z"));
        (gauge.spent, gauge.granted) = (70, 20);
        gauge.turn_to(at("2026-11-30T00:00:00Z"));
        assert_eq!(gauge.spent, 70);
        gauge.turn_to(at("2026-12-01T00:00:00Z"));
        assert_eq!(gauge.spent, 20, "the 50 were the day's before");
        gauge.turn_to(at("2026-11-28T00:00:00Z"));
        assert_eq!(gauge.spent, 20, "a clock that is put back gives nothing");
        gauge.turn_to(at("2026-11-29T00:00:00Z"));
        assert_eq!(gauge.spent, 20, "and what is under way is under way still");
    }
}
