//! How days, hours and windows stretch work: a spent budget lets nothing through until it is new.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use mailhaul_text::{bytes_as_set, count};

use super::Bound;
use crate::hours::{Hours, Opening};

pub(super) const DAY: f64 = 86_400.0;
pub(super) const HOUR: f64 = 3_600.0;

/// What the operator's `[limits]` let through, all mailboxes together; without any limit by default.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Ceilings {
    /// The hours in which mail is moved; `None` for all day.
    pub hours: Option<OpenHours>,
    /// Bytes a second.
    pub bandwidth: Option<u64>,
    /// Bytes a day of the source's hosts and of the target's.
    pub bytes_a_day: [Option<u64>; 2],
    /// Messages an hour that are stored on the target's hosts.
    pub messages_an_hour: Option<u64>,
    /// Seconds until the day ends in which the work begins; `None` where that is not known yet, and a whole
    /// day lies ahead.
    pub day_left: Option<f64>,
}

/// How much of a day mail is moved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OpenHours {
    /// Seconds of a day, on average over a week.
    pub seconds_a_day: f64,
    /// Seconds until it may begin; 0 inside of the hours.
    pub opens_in: f64,
    /// Seconds that the window has left which is open then, or opens first.
    pub first_open: f64,
}

/// Windows are looked at for so long: every day of a week begins one again.
const WEEK: f64 = 7.0 * DAY;

impl OpenHours {
    /// Takes the operator's windows as they are from now on; without a time they are about to open.
    #[must_use]
    pub fn of(hours: &Hours, now: Option<&Zoned>) -> Self {
        let begin = now.cloned().unwrap_or_else(|| Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC));
        let (mut at, mut passed, mut open) = (begin.clone(), 0.0, 0.0);
        let (mut opens_in, mut first_open) = (None, None);
        while passed < WEEK {
            let (is_open, until) = match hours.at(&at) {
                Opening::Open { until } => (true, until),
                Opening::Closed { until } => (false, Some(until)),
            };
            let Some(until) = until else {
                return Self { seconds_a_day: DAY, opens_in: 0.0, first_open: DAY };
            };
            let span = until.duration_since(at.timestamp()).as_secs_f64().max(1.0);
            if is_open {
                opens_in.get_or_insert(passed);
                first_open.get_or_insert(span);
                open += span.min(WEEK - passed);
            }
            passed += span;
            at = until.to_zoned(begin.time_zone().clone());
        }
        let seconds_a_day = open / 7.0;
        match now {
            Some(_) => Self {
                seconds_a_day,
                opens_in: opens_in.unwrap_or(WEEK),
                first_open: first_open.unwrap_or(seconds_a_day),
            },
            None => Self { seconds_a_day, opens_in: 0.0, first_open: seconds_a_day },
        }
    }
}

impl Ceilings {
    /// What the ceilings let through of so many messages and bytes.
    pub(super) fn allowances(&self, messages: u64, bytes: Option<u64>) -> Vec<Allowance> {
        let bytes = bytes.unwrap_or(0) as f64;
        let mut found = Vec::new();
        for (most, of) in self.bytes_a_day.into_iter().zip(["from the old host", "into the new host"]) {
            let Some(most) = most.filter(|most| *most > 0) else { continue };
            let sentence = format!("{} a day {of} (`bytes_per_day` under `[limits]`)", bytes_as_set(most));
            found.push(Allowance::new(bytes, most, DAY, Bound::BytesPerDay, sentence));
        }
        if let Some(most) = self.messages_an_hour.filter(|most| *most > 0) {
            let sentence = format!("{} messages an hour (`messages_per_hour` under `[limits]`)", count(most));
            found.push(Allowance::new(messages as f64, most, HOUR, Bound::MessagesPerHour, sentence));
        }
        found
    }

    /// How long so many bytes take at the bandwidth that is allowed; 0 where any is.
    pub(super) fn line_seconds(&self, bytes: u64) -> f64 {
        self.bandwidth.filter(|most| *most > 0).map_or(0.0, |most| bytes as f64 / most as f64)
    }

    /// The bandwidth as the reason of a forecast.
    pub(super) fn bandwidth_sentence(&self) -> String {
        let most = bytes_as_set(self.bandwidth.unwrap_or(0));
        format!("{most} a second (`bandwidth` under `[limits]`)")
    }
}

/// What is let through in each window of time, and how much there is in all.
#[derive(Debug, Clone)]
pub(super) struct Allowance {
    amount: f64,
    most: f64,
    /// Seconds.
    pub window: f64,
    pub bound: Bound,
    pub sentence: String,
}

impl Allowance {
    pub(super) fn new(amount: f64, most: u64, window: f64, bound: Bound, sentence: String) -> Self {
        Self { amount, most: most as f64, window, bound, sentence }
    }

    /// How much time it fills, without regard to where windows begin.
    pub(super) fn filled(&self) -> f64 {
        self.amount / self.most * self.window
    }

    /// Seconds of work that one window lets through, of so many in all.
    fn work(&self, work: f64) -> f64 {
        if self.amount <= 0.0 { f64::INFINITY } else { self.most / self.amount * work }
    }
}

/// How long it takes, and by what.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stretched {
    pub seconds: f64,
    /// What stretches it most, and how that is said; `None` where nothing does.
    pub by: Option<(Bound, String)>,
}

/// Returns how long `work` seconds of work take within what is allowed in an hour and in a day.
pub(super) fn stretch(work: f64, allowances: &[Allowance], ceilings: &Ceilings) -> Stretched {
    let mut stretched = Stretched { seconds: work.max(0.0), by: None };
    if stretched.seconds <= 0.0 {
        return stretched;
    }
    let tightest = |window: f64, work: f64| {
        let of_window = allowances.iter().filter(move |one| one.window == window);
        of_window.min_by(|a, b| a.work(work).total_cmp(&b.work(work)))
    };
    if let Some(hourly) = tightest(HOUR, stretched.seconds) {
        let lets = hourly.work(stretched.seconds);
        if lets < HOUR.min(stretched.seconds) {
            let by = Some((hourly.bound, hourly.sentence.clone()));
            stretched = Stretched { seconds: spread(stretched.seconds, lets, HOUR, (lets, HOUR)), by };
        }
    }
    let work = stretched.seconds;
    let open = ceilings.hours.map_or(DAY, |hours| hours.seconds_a_day.clamp(1.0, DAY));
    let daily = tightest(DAY, work).filter(|one| one.work(work) < open);
    let lets = daily.map_or(open, |one| one.work(work));
    let (opens_in, first_open, first_ends) = match ceilings.hours {
        // The next window is taken to open a day after this one.
        Some(hours) => (hours.opens_in, hours.first_open, hours.first_open + (DAY - open)),
        None => {
            let left = ceilings.day_left.unwrap_or(DAY);
            (0.0, left, left)
        }
    };
    let first = lets.min(first_open);
    if opens_in > 0.0 || work > first && lets < DAY {
        let by = match daily {
            Some(daily) if work > first => (daily.bound, daily.sentence.clone()),
            _ => {
                let a_day = mailhaul_text::duration(mailhaul_text::seconds(open));
                (Bound::Hours, format!("at work {a_day} a day (`hours` under `[limits]`)"))
            }
        };
        let seconds = opens_in + spread(work, lets, DAY, (first, first_ends));
        stretched = Stretched { seconds, by: Some(by) };
    }
    stretched
}

/// Returns how long `work` seconds take of which each window lets through `lets`, and the `first` one so
/// many, until it ends.
fn spread(work: f64, lets: f64, window: f64, (first, first_ends): (f64, f64)) -> f64 {
    if work <= first {
        return work;
    }
    let left = work - first;
    let whole = ((left / lets).ceil() - 1.0).max(0.0);
    first_ends + whole * window + (left - whole * lets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hours::DayWindow;

    #[test]
    fn the_operator_s_windows_are_hours_of_a_day() {
        let night = |days: [bool; 7]| Hours {
            windows: vec![DayWindow { days, from: 20 * 60, until: 6 * 60 }],
            written: String::new(),
        };
        let (every, weekdays) = (night([true; 7]), night([true, true, true, true, true, false, false]));
        // A Monday.
        let at =
            |time: &str| format!("2026-11-30T{time}Z").parse::<Timestamp>().unwrap().to_zoned(TimeZone::UTC);
        let table = [
            (&every, Some(at("12:00:00")), 10.0, 8.0, 10.0),
            (&every, Some(at("04:00:00")), 10.0, 0.0, 2.0),
            (&weekdays, Some(at("04:00:00")), 50.0 / 7.0, 16.0, 10.0),
            (&every, None, 10.0, 0.0, 10.0),
            (&weekdays, None, 50.0 / 7.0, 0.0, 50.0 / 7.0),
        ];
        for (hours, now, a_day, opens_in, first_open) in table {
            let found = OpenHours::of(hours, now.as_ref());
            let expected = [a_day, opens_in, first_open].map(|hours| hours * HOUR);
            let found = [found.seconds_a_day, found.opens_in, found.first_open];
            let off = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(off < 1.0, "{now:?}: {found:?} for {expected:?}");
        }
        let always = Hours {
            windows: vec![DayWindow { days: [true; 7], from: 0, until: 24 * 60 }],
            written: String::new(),
        };
        assert_eq!(OpenHours::of(&always, None).seconds_a_day, DAY);
    }

    fn a_day(amount: f64, most: u64) -> Allowance {
        Allowance::new(amount, most, DAY, Bound::Budget, "so much a day".into())
    }

    /// What a case is called, the work, what a mailbox is allowed, the ceilings, how long it takes, and by
    /// what it is bound.
    type Case = (&'static str, f64, Vec<Allowance>, Ceilings, f64, Option<Bound>);

    #[test]
    fn what_a_window_does_not_let_through_waits_for_the_next() {
        let night = OpenHours { seconds_a_day: 10.0 * HOUR, opens_in: 0.0, first_open: 10.0 * HOUR };
        let hours = |hours: OpenHours| Ceilings { hours: Some(hours), ..Ceilings::default() };
        let evening = Ceilings { day_left: Some(4.0 * HOUR), ..Ceilings::default() };
        let none = Ceilings::default();
        let hourly = Allowance::new(2_500.0, 1_000, HOUR, Bound::MessagesPerHour, "an hour".into());
        let table: Vec<Case> = vec![
            ("nothing to do", 0.0, vec![a_day(0.0, 1)], none, 0.0, None),
            ("no limit", 3.0 * DAY, vec![], none, 3.0 * DAY, None),
            // 10 GB at 2.5 GB a day, 2 h of work for each: the fourth part comes after three midnights.
            (
                "four midnights",
                8.0 * HOUR,
                vec![a_day(10.0, 2)],
                none,
                4.0 * DAY + 1.6 * HOUR,
                Some(Bound::Budget),
            ),
            (
                "three midnights",
                8.0 * HOUR,
                vec![a_day(8.0, 2)],
                none,
                3.0 * DAY + 2.0 * HOUR,
                Some(Bound::Budget),
            ),
            (
                "the first of them comes sooner",
                8.0 * HOUR,
                vec![a_day(8.0, 2)],
                evening,
                2.0 * DAY + 6.0 * HOUR,
                Some(Bound::Budget),
            ),
            ("within the day's budget", 8.0 * HOUR, vec![a_day(8.0, 8)], none, 8.0 * HOUR, None),
            ("a line that is slower than the budget", 3.0 * DAY, vec![a_day(3.0, 2)], none, 3.0 * DAY, None),
            (
                "the tighter of two",
                8.0 * HOUR,
                vec![a_day(8.0, 4), a_day(8.0, 2)],
                none,
                3.0 * DAY + 2.0 * HOUR,
                Some(Bound::Budget),
            ),
            (
                "by the hour",
                600.0,
                vec![hourly.clone()],
                none,
                2.0 * HOUR + 120.0,
                Some(Bound::MessagesPerHour),
            ),
            ("in one night", 9.0 * HOUR, vec![], hours(night), 9.0 * HOUR, None),
            (
                "in three nights",
                25.0 * HOUR,
                vec![],
                hours(night),
                2.0 * DAY + 5.0 * HOUR,
                Some(Bound::Hours),
            ),
            (
                "begun at noon",
                HOUR,
                vec![],
                hours(OpenHours { opens_in: 8.0 * HOUR, ..night }),
                9.0 * HOUR,
                Some(Bound::Hours),
            ),
            (
                "begun late at night",
                5.0 * HOUR,
                vec![],
                hours(OpenHours { first_open: 2.0 * HOUR, ..night }),
                2.0 * HOUR + 14.0 * HOUR + 3.0 * HOUR,
                Some(Bound::Hours),
            ),
            (
                "a budget that is less than a night",
                8.0 * HOUR,
                vec![a_day(8.0, 2)],
                hours(night),
                3.0 * DAY + 2.0 * HOUR,
                Some(Bound::Budget),
            ),
        ];
        for (what, work, allowances, ceilings, seconds, by) in table {
            let found = stretch(work, &allowances, &ceilings);
            assert!((found.seconds - seconds).abs() < 1.0, "{what}: {found:?} for {seconds}");
            assert_eq!(found.by.map(|(bound, _)| bound), by, "{what}");
        }
    }

    /// Whatever is allowed, more of it never takes longer, and less never shorter than the work itself.
    #[test]
    fn more_allowed_is_never_slower() {
        for work in [1.0, HOUR, 30.0 * HOUR, 9.0 * DAY] {
            let mut before = f64::INFINITY;
            for most in 1..200 {
                let found = stretch(work, &[a_day(50.0, most)], &Ceilings::default()).seconds;
                assert!(
                    found <= before + 1e-6 && found >= work - 1e-6,
                    "{work} {most}: {found} after {before}"
                );
                before = found;
            }
        }
    }
}
