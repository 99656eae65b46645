//! Times as people see them: those of this machine's own zone.

use jiff::{Timestamp, Zoned};
use mailhaul_text::escape;

/// Returns a time of the engine's, UTC by RFC 3339, as this machine's clock shows it: `14:05:10 CET`, with
/// the day in front where that is not today. What is no time is returned as it is, escaped.
pub(crate) fn local_time(utc: &str) -> String {
    at(utc, &Zoned::now())
}

/// As [`local_time`], always with the day: for what people look up later.
pub(crate) fn local_day_and_time(utc: &str) -> String {
    written(utc, &Zoned::now(), "%Y-%m-%d %H:%M:%S %Z")
}

fn at(utc: &str, now: &Zoned) -> String {
    let Ok(time) = utc.parse::<Timestamp>() else { return escape(utc).into_owned() };
    let today = time.to_zoned(now.time_zone().clone()).date() == now.date();
    written(utc, now, if today { "%H:%M:%S %Z" } else { "%Y-%m-%d %H:%M:%S %Z" })
}

fn written(utc: &str, now: &Zoned, form: &str) -> String {
    match utc.parse::<Timestamp>() {
        Ok(time) => time.to_zoned(now.time_zone().clone()).strftime(form).to_string(),
        Err(_) => escape(utc).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn it_is_the_zone_s_own_with_the_day_where_it_is_another() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let now = "2026-11-30T12:00:00Z".parse::<Timestamp>().unwrap().to_zoned(zone);
        assert_eq!(at("2026-11-30T13:05:10Z", &now), "14:05:10 +01");
        assert_eq!(at("2026-11-30T23:30:00Z", &now), "2026-12-01 00:30:00 +01");
        assert_eq!(written("2026-11-30T13:05:10Z", &now, "%Y-%m-%d %H:%M:%S %Z"), "2026-11-30 14:05:10 +01");
        assert_eq!(at("soon\x1b[2J", &now), "soon\\x1b[2J");
    }
}
