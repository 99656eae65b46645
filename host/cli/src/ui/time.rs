//! Times as people see them: local, with the zone. What programs read stays UTC, RFC 3339.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Returns a time of the record in this machine's zone: `14:02 CET`, with the day where it is not today. What is
/// no time stays as it is.
pub(crate) fn local(at: &str) -> String {
    shown(at, &Zoned::now())
}

fn shown(at: &str, now: &Zoned) -> String {
    let Ok(at) = at.parse::<Timestamp>() else { return at.to_owned() };
    let at = at.to_zoned(zone(now));
    let day = if at.date() == now.date() { "" } else { "%d %b " };
    at.strftime(&format!("{day}%H:%M %Z")).to_string()
}

fn zone(now: &Zoned) -> TimeZone {
    now.time_zone().clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_local_with_its_zone_and_its_day_where_that_is_another() {
        let berlin = TimeZone::fixed(jiff::tz::offset(1));
        let now = "2026-11-30T15:00:00Z".parse::<Timestamp>().unwrap().to_zoned(berlin);
        assert_eq!(shown("2026-11-30T13:02:10Z", &now), "14:02 +01");
        assert_eq!(shown("2026-11-28T23:30:00Z", &now), "29 Nov 00:30 +01");
        assert_eq!(shown("tea", &now), "tea");
    }
}
