//! Numbers as people read them: counts, sizes, times.

use std::time::Duration;

/// Returns a count with separators, e.g. `1,204`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Returns a count with its noun, e.g. `1 message`, `1,204 messages`. Nouns with an irregular
/// plural (`mailbox`) are known.
pub(crate) fn plural(n: u64, noun: &str) -> String {
    let ending = match noun {
        _ if n == 1 => "",
        noun if noun.ends_with('x') || noun.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {noun}{ending}", count(n))
}

/// Returns a size in the units of `mailhaul.toml` (`max_size = "50 MiB"`), e.g. `34.0 MiB`.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would be shown as 1024.0: that is one of the next unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// Returns a time span, e.g. `0.4 s`, `38 s`, `2 min 5 s`, `3 h 12 min`.
pub(crate) fn duration(span: Duration) -> String {
    let seconds = span.as_secs_f64();
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Returns a time span as far as an estimate can be trusted, e.g. `under a minute`, `about 2 min`.
pub(crate) fn estimate(span: Duration) -> String {
    let minutes = span.as_secs().div_ceil(60);
    match minutes {
        0 | 1 => "under a minute".to_owned(),
        2..90 => format!("about {minutes} min"),
        90..2880 => format!("about {:.1} h", minutes as f64 / 60.0),
        _ => format!("about {:.1} days", minutes as f64 / 1440.0),
    }
}

/// Returns seconds as a [`Duration`]; nonsense (negative, not a number, beyond all time) is zero.
pub(crate) fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators_and_nouns() {
        assert_eq!([count(0), count(999), count(1000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(plural(1, "mailbox"), "1 mailbox");
        assert_eq!(plural(0, "mailbox"), "0 mailboxes");
        assert_eq!(plural(2000, "message"), "2,000 messages");
    }

    #[test]
    fn sizes_are_binary_and_never_show_1024() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(50 << 20), "50.0 MiB");
        assert_eq!(bytes((1 << 20) - 1), "1.0 MiB");
        assert_eq!(bytes(u64::MAX), "16384.0 PiB");
    }

    #[test]
    fn times_read_naturally() {
        let shown: Vec<_> = [0.04, 9.94, 9.96, 59.4, 125.0, 11_520.0].map(|s| duration(seconds(s))).to_vec();
        assert_eq!(shown, ["0.0 s", "9.9 s", "10 s", "59 s", "2 min 5 s", "3 h 12 min"]);
        assert_eq!(duration(seconds(f64::NAN)), "0.0 s");
        let shown: Vec<_> = [3, 61, 7200, 400_000].map(|s| estimate(Duration::from_secs(s))).to_vec();
        assert_eq!(shown, ["under a minute", "about 2 min", "about 2.0 h", "about 4.6 days"]);
    }
}
