//! Windows of a day as people write them: `20:00-06:00`, `Mon-Fri 20:00-06:00`.

use crate::error::quoted;
use crate::model::DayWindow;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Minutes of a day.
const DAY: u16 = 24 * 60;

const FORM: &str = "write a window as in \"20:00-06:00\" or \"Mon-Fri 20:00-06:00\"";

/// Reads one window. One that closes before it opens closes on the next day.
///
/// # Errors
/// Cause and remedy of one sentence.
pub(crate) fn parse(text: &str) -> Result<DayWindow, (String, String)> {
    let wrong = |cause: &str| (format!("{} {cause}", quoted(text)), FORM.to_owned());
    let words: Vec<&str> = text.split_whitespace().collect();
    let (days, window) = match words[..] {
        [window] => ([true; 7], window),
        [days, window] => (self::days(days).ok_or_else(|| wrong("names a day that is none"))?, window),
        _ => return Err(wrong("is no window")),
    };
    let (from, until) = window.split_once('-').ok_or_else(|| wrong("is no window"))?;
    let time = |text: &str| time(text).ok_or_else(|| wrong("has a time that is none"));
    let (from, until) = (time(from)?, time(until)?);
    if from == DAY {
        return Err(wrong("begins at the end of a day"));
    }
    if from == until {
        let remedy = "write \"00:00-24:00\" for a whole day";
        return Err((format!("{} never opens", quoted(text)), remedy.to_owned()));
    }
    Ok(DayWindow { days, from, until })
}

/// Reads days of the week: `Mon`, `Mon-Fri`, `Sat,Sun`.
fn days(text: &str) -> Option<[bool; 7]> {
    let day = |text: &str| DAYS.iter().position(|day| text.eq_ignore_ascii_case(day));
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        let span = (last + 7 - first) % 7;
        (0..=span).for_each(|n| days[(first + n) % 7] = true);
    }
    Some(days)
}

/// Reads minutes after midnight, up to `24:00`.
fn time(text: &str) -> Option<u16> {
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let (hours, minutes) = text.split_once(':').filter(|(h, m)| digits(h) && digits(m))?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    Some(hours * 60 + minutes).filter(|at| minutes < 60 && *at <= DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_as_people_write_them() {
        let all = [true; 7];
        let weekdays = [true, true, true, true, true, false, false];
        let weekend = [false, false, false, false, false, true, true];
        for (text, days, from, until) in [
            ("20:00-06:00", all, 1200, 360),
            ("  Mon-Fri   20:00-06:00 ", weekdays, 1200, 360),
            ("sat,SUN 00:00-24:00", weekend, 0, 1440),
            ("Sat-Sun 07:05-07:06", weekend, 425, 426),
            ("Fri-Mon 00:00-01:00", [true, false, false, false, true, true, true], 0, 60),
        ] {
            assert_eq!(parse(text), Ok(DayWindow { days, from, until }), "{text}");
        }
        for (text, cause) in [
            ("", "is no window"),
            ("20:00", "is no window"),
            ("20:00 - 06:00", "is no window"),
            ("20-06", "has a time"),
            ("25:00-06:00", "has a time"),
            ("20:60-06:00", "has a time"),
            ("24:01-06:00", "has a time"),
            ("8:00-09:00", "has a time"),
            ("24:00-06:00", "begins at the end of a day"),
            ("20:00-20:00", "never opens"),
            ("Mo 20:00-06:00", "names a day"),
            ("Mon- 20:00-06:00", "names a day"),
            ("Mon, 20:00-06:00", "names a day"),
        ] {
            let (said, _) = parse(text).unwrap_err();
            assert!(said.contains(cause), "{text}: {said}");
        }
    }
}
