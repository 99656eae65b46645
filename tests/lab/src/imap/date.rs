//! INTERNALDATE to an instant and back.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Days from 1970-01-01 to a civil date (Howard Hinnant's algorithm).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Returns year, month and day of a day counted from 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Seconds since 1970 of a `date-time` of RFC 3501 (`" 7-Feb-1994 21:52:25 -0800"`).
#[must_use]
pub fn instant(text: &str) -> Option<i64> {
    let mut parts = text.split_whitespace();
    let (date, time, zone) = (parts.next()?, parts.next()?, parts.next()?);
    let mut date = date.split('-');
    let day: i64 = date.next()?.parse().ok()?;
    let name = date.next()?;
    let month = MONTHS.iter().position(|m| m.eq_ignore_ascii_case(name))?;
    let year: i64 = date.next()?.parse().ok()?;
    let clock: Vec<i64> = time.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [hour, minute, second] = clock[..] else { return None };
    let number: i64 = zone.parse().ok()?;
    let offset = (number / 100) * 3600 + (number % 100) * 60;
    let month = i64::try_from(month).ok()? + 1;
    Some(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset)
}

/// A `date-time` for APPEND, written in the zone `offset_minutes` east of Greenwich.
#[must_use]
pub fn write(instant: i64, offset_minutes: i64) -> String {
    let local = instant + offset_minutes * 60;
    let (year, month, day) = civil(local.div_euclid(86_400));
    let of_day = local.rem_euclid(86_400);
    let month = MONTHS[usize::try_from(month - 1).unwrap_or_default() % 12];
    let (sign, offset) = if offset_minutes < 0 { ('-', -offset_minutes) } else { ('+', offset_minutes) };
    format!(
        "{day:>2}-{month}-{year:04} {:02}:{:02}:{:02} {sign}{:02}{:02}",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60,
        offset / 60,
        offset % 60
    )
}

/// The date of a message's `Date:` header (RFC 5322, section 3.3), in the same zone.
#[must_use]
pub fn header(instant: i64, offset_minutes: i64) -> String {
    let text = write(instant, offset_minutes);
    let day = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let local = (instant + offset_minutes * 60).div_euclid(86_400).rem_euclid(7);
    format!(
        "{}, {}",
        day[usize::try_from(local).unwrap_or_default() % 7],
        text.trim_start().replacen('-', " ", 2)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        assert_eq!(instant(" 1-Jan-1970 00:00:00 +0000"), Some(0));
        assert_eq!(instant("29-Feb-2024 23:59:59 -0330"), Some(1_709_263_799));
        assert_eq!(instant("not a date"), None);
    }

    #[test]
    fn written_and_read() {
        for (at, zone) in [(0, 0), (1_709_263_799, -210), (1_500_000_000, 345), (951_782_400, 60)] {
            assert_eq!(instant(&write(at, zone)), Some(at));
        }
        assert_eq!(header(0, 60), "Thu, 1 Jan 1970 01:00:00 +0100");
    }
}
