//! Times as people write them: `30 min`, `90 s`, `1.5 h`.

use std::time::Duration;

/// Reads a time; `None` when it is none, or has no unit: a bare number means seconds to some people and
/// minutes to others.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(split);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "s" | "sec" | "second" | "seconds" => 1.0,
        "min" | "minute" | "minutes" => 60.0,
        "h" | "hour" | "hours" => 3_600.0,
        _ => return None,
    };
    if !number.starts_with(|c: char| c.is_ascii_digit()) || number.ends_with('.') {
        return None;
    }
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * factor).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        for (text, seconds) in [
            ("30 min", 1800.0),
            ("90s", 90.0),
            (" 1.5 Hours ", 5400.0),
            ("0 s", 0.0),
            ("0.25 min", 15.0),
            ("1 minute", 60.0),
        ] {
            assert_eq!(parse(text).map(|span| span.as_secs_f64()), Some(seconds), "{text}");
        }
        for bad in
            ["", "30", "min", "5 m", "1. h", ".5 h", "1.2.3 s", "-1 s", "1e3 s", "\u{663} min", "1 min 5 s"]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse(&format!("{} h", "9".repeat(400))), None);
    }
}
