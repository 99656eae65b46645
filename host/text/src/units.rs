//! Numbers as people read them: counts, sizes, times.

use std::time::Duration;

/// Returns a count with separators, e.g. `1,204`.
#[must_use]
pub fn count(n: u64) -> String {
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

/// Returns a count with its noun, e.g. `1 message`, `1,204 messages`, `2 mailboxes`. After `x` and `s` the
/// plural ends in `es`; other irregular plurals are not known.
#[must_use]
pub fn plural(n: u64, noun: &str) -> String {
    let ending = match noun {
        _ if n == 1 => "",
        noun if noun.ends_with(['x', 's']) => "es",
        _ => "s",
    };
    format!("{} {noun}{ending}", count(n))
}

/// Returns a size with one decimal in the units of `mailhaul.toml` (`max_size = "50 MiB"`), powers of 1024:
/// `1023 B`, `34.0 MiB`. For tables and lines that are compared with each other.
#[must_use]
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    // 1023.95 would be shown as 1024.0: that is one of the next unit.
    let (size, unit) = scaled(n, 1023.95, UNITS.len());
    format!("{size:.1} {}", UNITS[unit])
}

/// Returns a size with at most one decimal, in powers of 1024, and with `bytes` written out: `1,023 bytes`,
/// `1.4 GiB`, `34 MiB`. For sentences.
#[must_use]
pub fn bytes_rounded(n: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if n < 1024 {
        return plural(n, "byte");
    }
    // From 999.5 on it would be shown with four digits.
    let (size, unit) = scaled(n, 999.5, UNITS.len());
    let decimals = if size < 9.95 { 1 } else { 0 };
    format!("{size:.decimals$} {}", UNITS[unit])
}

/// Returns a size that somebody has set in its own units: a whole number of `GB` or `MB`, as budgets are set,
/// else as [`bytes_rounded`] does.
#[must_use]
pub fn bytes_as_set(n: u64) -> String {
    let whole = [(1_000_000_000, "GB"), (1_000_000, "MB")].into_iter();
    let mut whole = whole.filter(|(unit, _)| n > 0 && n.is_multiple_of(*unit) && !n.is_multiple_of(1 << 20));
    whole.next().map_or_else(|| bytes_rounded(n), |(unit, name)| format!("{} {name}", count(n / unit)))
}

/// Returns `n` in the first of so many units, KiB and up, in which it is less than `most`, else in the last;
/// and which unit that is.
fn scaled(n: u64, most: f64, units: usize) -> (f64, usize) {
    #[expect(clippy::cast_precision_loss, reason = "few digits are shown")]
    let mut size = n as f64 / 1024.0;
    let mut unit = 0;
    while size >= most && unit + 1 < units {
        size /= 1024.0;
        unit += 1;
    }
    (size, unit)
}

/// Returns a time span in at most two units, e.g. `0.4 s`, `38 s`, `2 min 5 s`, `3 h 12 min`.
#[must_use]
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs_f64();
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    // To the nearest second.
    let whole = span.saturating_add(Duration::from_millis(500)).as_secs();
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", count(whole / 3600), whole % 3600 / 60),
    }
}

/// Returns a recorded number of seconds as [`duration`] writes it, and `an unknown time` for one that is
/// negative, not a number or beyond all time.
#[must_use]
pub fn elapsed(seconds: f64) -> String {
    Duration::try_from_secs_f64(seconds).map_or_else(|_| "an unknown time".to_owned(), duration)
}

/// Returns a time span as far as an estimate can be trusted, e.g. `under a minute`, `about 2 min`,
/// `about 4.6 days`, `about 120 days`, `more than a year`: beyond that no figure means anything.
#[must_use]
pub fn estimate(span: Duration) -> String {
    let minutes = span.as_secs().div_ceil(60);
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let exact = minutes as f64;
    match minutes {
        0 | 1 => "under a minute".to_owned(),
        2..90 => format!("about {minutes} min"),
        90..2880 => format!("about {:.1} h", exact / 60.0),
        2880..144_000 => format!("about {:.1} days", exact / 1440.0),
        144_000..=527_040 => format!("about {:.0} days", exact / 1440.0),
        _ => "more than a year".to_owned(),
    }
}

/// Returns seconds as a [`Duration`]; nonsense (negative, not a number, beyond all time) is zero.
#[must_use]
pub fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_said_in_its_own_units() {
        let set = [2_000_000, 2_500_000_000, 10_000_000_000, 20 << 20, 1 << 30, 1_234_567, 0];
        let said = ["2 MB", "2,500 MB", "10 GB", "20 MiB", "1.0 GiB", "1.2 MiB", "0 bytes"];
        assert_eq!(set.map(bytes_as_set), said);
    }

    #[test]
    fn counts_have_separators_and_nouns() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(plural(1, "mailbox"), "1 mailbox");
        assert_eq!(plural(0, "mailbox"), "0 mailboxes");
        assert_eq!(plural(2, "address"), "2 addresses");
        assert_eq!(plural(2000, "message"), "2,000 messages");
    }

    #[test]
    fn sizes_are_binary_and_never_show_1024() {
        assert_eq!(
            [0, 1023, 50 << 20, (1 << 20) - 1, u64::MAX].map(bytes),
            ["0 B", "1023 B", "50.0 MiB", "1.0 MiB", "16384.0 PiB"]
        );
        assert_eq!(
            [0, 1, 1023, 1024, 10_200, 1_023_500, 5 << 30, u64::MAX].map(bytes_rounded),
            ["0 bytes", "1 byte", "1,023 bytes", "1.0 KiB", "10 KiB", "1.0 MiB", "5.0 GiB", "16 EiB"]
        );
    }

    #[test]
    fn times_read_naturally() {
        let spans = [0.0, 0.04, 9.94, 9.96, 59.4, 59.6, 125.0, 3_599.0, 7_800.0, 11_520.0];
        let shown = [
            "0.0 s",
            "0.0 s",
            "9.9 s",
            "10 s",
            "59 s",
            "1 min 0 s",
            "2 min 5 s",
            "59 min 59 s",
            "2 h 10 min",
            "3 h 12 min",
        ];
        assert_eq!(spans.map(|span| duration(seconds(span))), shown);
        assert_eq!(spans.map(elapsed), shown);
        assert_eq!(duration(seconds(f64::NAN)), "0.0 s");
        assert_eq!([f64::NAN, -1.0, f64::INFINITY].map(elapsed), ["an unknown time"; 3]);
        let shown = [3, 61, 7200, 400_000, 10_000_000].map(|s| estimate(Duration::from_secs(s)));
        assert_eq!(
            shown,
            ["under a minute", "about 2 min", "about 2.0 h", "about 4.6 days", "about 116 days"]
        );
    }

    #[test]
    fn an_estimate_beyond_a_year_has_no_figure() {
        for lie in [40_000_000, 54_255_135_862_080, u64::MAX] {
            assert_eq!(estimate(Duration::from_secs(lie)), "more than a year");
        }
    }
}
