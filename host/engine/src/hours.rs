//! When mail may be moved: windows of a day or a night, in the clock's own zone.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

/// Minutes of a whole day: `24:00`.
pub const DAY_MINUTES: u16 = 24 * 60;

/// How far the next window is looked for: every day of a week begins one again.
const DAYS_AHEAD: i64 = 8;

/// Hours of a week.
const A_WEEK: i64 = 7 * 24;

/// `[limits] hours`: the windows in which mail is moved, and how they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// At least one, of which each opens on at least one day.
    pub windows: Vec<DayWindow>,
    /// As the project file has them, for sentences: `20:00-06:00`.
    pub written: String,
}

/// A window that opens at the same time of several days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayWindow {
    /// On which days it opens, from Monday on.
    pub days: [bool; 7],
    /// Minutes after midnight at which it opens, below [`DAY_MINUTES`].
    pub from: u16,
    /// Minutes after midnight at which it closes, at most [`DAY_MINUTES`]; on the next day where that is not
    /// after `from`.
    pub until: u16,
}

/// Whether a moment is inside the windows, and when that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Mail may be moved; `None` where no end of that is in sight.
    Open {
        /// When the window closes.
        until: Option<Timestamp>,
    },
    /// Mail may not be moved before this moment.
    Closed {
        /// When the next window opens.
        until: Timestamp,
    },
}

impl Hours {
    /// Returns how a moment stands to the windows, by the clock of its own zone: a night in which clocks are
    /// put back is an hour longer.
    #[must_use]
    pub fn at(&self, moment: &Zoned) -> Opening {
        let (now, spans) = (moment.timestamp(), self.spans(moment));
        for (opens, closes) in &spans {
            if now < *opens {
                return Opening::Closed { until: *opens };
            }
            if now < *closes {
                // As far as it was looked ahead: it never closes.
                let until = Some(*closes).filter(|closes| closes.duration_since(now).as_hours() < A_WEEK);
                return Opening::Open { until };
            }
        }
        // No window is left only where clocks are put forward over all of it: then nothing is held up.
        Opening::Open { until: None }
    }

    /// The windows around a moment, in order, of which none touch.
    fn spans(&self, moment: &Zoned) -> Vec<(Timestamp, Timestamp)> {
        let (today, zone) = (moment.date(), moment.time_zone());
        let mut spans = Vec::new();
        for day in (-1..=DAYS_AHEAD).filter_map(|days| today.checked_add(days.days()).ok()) {
            for window in self.windows.iter().filter(|window| window.opens_on(day.weekday())) {
                let next = day.checked_add(1.day()).unwrap_or(day);
                let last = if window.until > window.from { day } else { next };
                if let (Some(opens), Some(closes)) =
                    (at(day, window.from, zone), at(last, window.until, zone))
                    && opens < closes
                {
                    spans.push((opens, closes));
                }
            }
        }
        spans.sort_unstable();
        let mut apart: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (opens, closes) in spans {
            match apart.last_mut() {
                Some((_, end)) if opens <= *end => *end = closes.max(*end),
                _ => apart.push((opens, closes)),
            }
        }
        apart
    }
}

impl DayWindow {
    fn opens_on(&self, weekday: Weekday) -> bool {
        self.days[usize::from(weekday.to_monday_zero_offset().unsigned_abs())]
    }
}

/// The moment so many minutes after the midnight with which a day begins, by its clock.
fn at(day: Date, minutes: u16, zone: &TimeZone) -> Option<Timestamp> {
    let day = if minutes >= DAY_MINUTES { day.checked_add(1.day()).ok()? } else { day };
    let minutes = minutes % DAY_MINUTES;
    let time = day.at(i8::try_from(minutes / 60).ok()?, i8::try_from(minutes % 60).ok()?, 0, 0);
    Some(time.to_zoned(zone.clone()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [bool; 7] = [true; 7];

    fn hours(windows: &[([bool; 7], u16, u16)]) -> Hours {
        let windows =
            windows.iter().map(|(days, from, until)| DayWindow { days: *days, from: *from, until: *until });
        Hours { windows: windows.collect(), written: String::new() }
    }

    fn look(hours: &Hours, moment: &str) -> String {
        let moment: Zoned = moment.parse().unwrap();
        let shown =
            |at: Timestamp| at.to_zoned(moment.time_zone().clone()).strftime("%a %d %H:%M").to_string();
        match hours.at(&moment) {
            Opening::Open { until } => format!("open until {}", until.map_or("ever".to_owned(), shown)),
            Opening::Closed { until } => format!("closed until {}", shown(until)),
        }
    }

    #[test]
    fn windows_open_and_close() {
        let mut weekdays = ALL;
        (weekdays[5], weekdays[6]) = (false, false);
        let mut weekend = [false; 7];
        (weekend[5], weekend[6]) = (true, true);
        let night = hours(&[(ALL, 20 * 60, 6 * 60)]);
        let worked = hours(&[(weekdays, 20 * 60, 6 * 60), (weekend, 0, DAY_MINUTES)]);
        let always = hours(&[(ALL, 0, DAY_MINUTES)]);
        for (hours, moment, told) in [
            (&night, "2026-11-30T12:00:00[Europe/Berlin]", "closed until Mon 30 20:00"),
            (&night, "2026-11-30T20:00:00[Europe/Berlin]", "open until Tue 01 06:00"),
            (&night, "2026-11-30T05:59:59[Europe/Berlin]", "open until Mon 30 06:00"),
            (&night, "2026-11-30T06:00:00[Europe/Berlin]", "closed until Mon 30 20:00"),
            // Friday's night goes into the weekend, which is open until midnight of Sunday.
            (&worked, "2026-11-27T22:00:00[Europe/Berlin]", "open until Mon 30 00:00"),
            (&worked, "2026-11-30T00:00:00[Europe/Berlin]", "closed until Mon 30 20:00"),
            (&always, "2026-11-30T00:00:00[Europe/Berlin]", "open until ever"),
            // Clocks go forward at two and back at three: the hours are those that clocks show.
            (&night, "2026-03-29T01:59:00[Europe/Berlin]", "open until Sun 29 06:00"),
            (&night, "2026-10-25T05:30:00[Europe/Berlin]", "open until Sun 25 06:00"),
        ] {
            assert_eq!(look(hours, moment), told, "{moment}");
        }
        // A time that the night skips is an hour later.
        for (from, until, told) in [
            (120, 150, "open until Sun 29 03:30"),
            (60, 150, "open until Sun 29 03:30"),
            (150, 240, "closed until Sun 29 03:30"),
            (120, 180, "closed until Mon 30 02:00"),
        ] {
            let skipped = hours(&[(ALL, from, until)]);
            assert_eq!(look(&skipped, "2026-03-29T03:00:00[Europe/Berlin]"), told, "{from} {until}");
        }
        let lost = hours(&[(ALL, 2 * 60, 2 * 60 + 30)]);
        assert_eq!(look(&lost, "2026-03-28T12:00:00[Europe/Berlin]"), "closed until Sun 29 03:00");
        let one_day = hours(&[([false, true, false, false, false, false, false], 60, 120)]);
        assert_eq!(look(&one_day, "2026-12-01T02:00:00[UTC]"), "closed until Tue 08 01:00");
    }
}
