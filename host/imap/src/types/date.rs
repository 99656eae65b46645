//! INTERNALDATE (RFC 9051 section 2.3.3): read tolerantly, written in one canonical form.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY: i64 = 86_400;

/// When a server says that it received a message.
///
/// Two dates are equal when they name the same instant, whatever their zones: servers return their own zone.
#[derive(Debug, Clone, Copy)]
pub struct InternalDate {
    /// Seconds since 1970-01-01T00:00:00Z; negative before.
    pub unix_seconds: i64,
    /// The zone's offset from UTC in minutes, east positive, within a day.
    pub offset_minutes: i16,
}

impl InternalDate {
    /// Returns the date of an instant, with UTC as its zone.
    pub fn in_utc(unix_seconds: i64) -> InternalDate {
        InternalDate { unix_seconds, offset_minutes: 0 }
    }

    /// Returns the date that `text` names, or `None` when it names none (such as 31-Feb).
    ///
    /// Accepts blanks around it, one-digit days, months in any case, a missing or `GMT` zone (read as UTC)
    /// and a zone with a colon: each was seen on a real server. Years have four digits.
    pub fn parse(text: &str) -> Option<InternalDate> {
        let mut parts = text.split_ascii_whitespace();
        let (date, time, zone) = (parts.next()?, parts.next()?, parts.next());
        if parts.next().is_some() {
            return None;
        }
        let mut date = date.split('-');
        let (day, month, year) = (date.next()?, date.next()?, date.next()?);
        if date.next().is_some() || year.len() != 4 {
            return None;
        }
        let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))?;
        let (day, year, month) = (number(day, 2)?, number(year, 4)?, i64::try_from(month).ok()? + 1);
        if day < 1 || day > days_in(year, month) {
            return None;
        }
        let mut time = time.split(':');
        let (hour, minute, second) =
            (number(time.next()?, 2)?, number(time.next()?, 2)?, number(time.next()?, 2)?);
        // Second 60 is a leap second; it is the same instant as the next minute's first.
        if time.next().is_some() || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let offset = zone_minutes(zone)?;
        let local = days_from_civil(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
        Some(InternalDate { unix_seconds: local - i64::from(offset) * 60, offset_minutes: offset })
    }
}

fn number(text: &str, max_digits: usize) -> Option<i64> {
    let digits = (1..=max_digits).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn zone_minutes(zone: Option<&str>) -> Option<i16> {
    let Some(zone) = zone else { return Some(0) };
    if ["GMT", "UTC", "UT", "Z"].iter().any(|name| name.eq_ignore_ascii_case(zone)) {
        return Some(0);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits.replace(':', "")),
        ("-", digits) => (-1, digits.replace(':', "")),
        _ => return None,
    };
    if digits.len() != 4 {
        return None;
    }
    let value = i16::try_from(number(&digits, 4)?).ok()?;
    let (hours, minutes) = (value / 100, value % 100);
    if hours > 23 || minutes > 59 { None } else { Some(sign * (hours * 60 + minutes)) }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, for the years 0 to 9999.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

impl fmt::Display for InternalDate {
    /// Writes `dd-Mon-yyyy hh:mm:ss ±zzzz`, always 26 characters of ASCII, so that it can stand in a command.
    ///
    /// Values no server can have sent (years outside 0 to 9999) are drawn to the nearest one that can be
    /// written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = i64::from(self.offset_minutes).clamp(-1439, 1439);
        // 0000-01-01T00:00:00 and 9999-12-31T23:59:59 as local time.
        let local = self.unix_seconds.saturating_add(offset * 60).clamp(-62_167_219_200, 253_402_300_799);
        let (year, month, day) = civil_from_days(local.div_euclid(DAY));
        let second = local.rem_euclid(DAY);
        let month = usize::try_from(month - 1).ok().and_then(|index| MONTHS.get(index)).unwrap_or(&"Jan");
        let sign = if offset < 0 { '-' } else { '+' };
        let zone = offset.abs();
        write!(
            f,
            "{day:02}-{month}-{year:04} {:02}:{:02}:{:02} {sign}{:02}{:02}",
            second / 3600,
            second / 60 % 60,
            second % 60,
            zone / 60,
            zone % 60
        )
    }
}

impl PartialEq for InternalDate {
    fn eq(&self, other: &InternalDate) -> bool {
        self.unix_seconds == other.unix_seconds
    }
}

impl Eq for InternalDate {}

impl Hash for InternalDate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.unix_seconds.hash(state);
    }
}

impl PartialOrd for InternalDate {
    fn partial_cmp(&self, other: &InternalDate) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for InternalDate {
    fn cmp(&self, other: &InternalDate) -> Ordering {
        self.unix_seconds.cmp(&other.unix_seconds)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_servers_write() {
        for (text, seconds, offset) in [
            ("17-Jul-1996 02:44:25 -0700", 837_596_665, -420),
            (" 1-Feb-2020 10:00:00 +0100", 1_580_547_600, 60),
            ("1-FEB-2020 10:00:00 +01:00", 1_580_547_600, 60),
            ("01-Jan-1970 00:00:00", 0, 0),
            ("01-Jan-1970 00:00:00 GMT", 0, 0),
            ("01-Jan-1601 00:00:00 +0000", -11_644_473_600, 0),
            ("31-Dec-1969 23:59:59 +0000", -1, 0),
            ("07-Feb-2106 06:28:16 +0000", 4_294_967_296, 0),
            ("29-Feb-2000 23:59:60 +0000", 951_868_800, 0),
        ] {
            let date = InternalDate::parse(text).expect(text);
            assert_eq!((date.unix_seconds, date.offset_minutes), (seconds, offset), "{text}");
        }
    }

    #[test]
    fn refuses_what_names_no_instant() {
        for text in [
            "",
            "NIL",
            "31-Feb-2020 00:00:00 +0000",
            "29-Feb-1900 00:00:00 +0000",
            "00-Jan-2020 00:00:00 +0000",
            "01-Jan-20 00:00:00 +0000",
            "01-Jan-2020 24:00:00 +0000",
            "01-Jan-2020 00:00:00 EST5",
            "01-Jan-2020 00:00:00 +9999",
            "01-Jan-2020 00:00:00 +0000 x",
            "01-\u{e4}-2020 00:00:00 \u{e4}0000",
        ] {
            assert!(InternalDate::parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn written_dates_read_back(seconds in -62_000_000_000i64..253_000_000_000, offset in -1439i16..1440) {
            let date = InternalDate { unix_seconds: seconds, offset_minutes: offset };
            let text = date.to_string();
            prop_assert_eq!(text.len(), 26);
            let again = InternalDate::parse(&text).unwrap();
            prop_assert_eq!((again.unix_seconds, again.offset_minutes), (seconds, offset));
        }

        #[test]
        fn any_value_is_written_harmlessly(seconds in any::<i64>(), offset in any::<i16>()) {
            let text = InternalDate { unix_seconds: seconds, offset_minutes: offset }.to_string();
            prop_assert_eq!(text.len(), 26);
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b" :+-".contains(&b)));
        }

        #[test]
        fn parsing_never_panics(text in any::<String>()) {
            InternalDate::parse(&text);
        }
    }
}
