//! Numbers, sizes and foreign text as people read them.

/// `text` with everything visible that a reader could not see or that would change how the text
/// around it is shown: control characters as control pictures, invisible and direction-changing ones
/// by their number. The result has no line end.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0'..='\x1f' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
            '\x7f' => out.push('\u{2421}'),
            // C1 controls, soft hyphen, zero-width and direction marks, line separators, byte order
            // marks, tags, noncharacters. Not U+200C and U+200D, which Persian and emoji need.
            '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{fffe}'
            | '\u{ffff}'
            | '\u{e0000}'..='\u{e007f}' => out.push_str(&format!("‹U+{:04X}›", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// `1,234,567`.
#[must_use]
pub fn number(n: u64) -> String {
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

/// `1 message`, `2 messages`, `1,234 mailboxes`.
#[must_use]
pub fn count(n: u64, what: &str) -> String {
    match (n, what.strip_suffix('x')) {
        (1, _) => format!("1 {what}"),
        (_, Some(_)) => format!("{} {what}es", number(n)),
        _ => format!("{} {what}s", number(n)),
    }
}

/// `1.4 GiB`; powers of 1024, three digits.
#[must_use]
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if n < 1024 {
        return count(n, "byte");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut size = n as f64 / 1024.0;
    let mut unit = 0;
    // From 999.5 on it would be shown with four digits.
    while size >= 999.5 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    let decimals = if size < 9.95 { 1 } else { 0 };
    format!("{size:.decimals$} {}", UNITS[unit])
}

/// `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`.
#[must_use]
pub fn seconds(s: f64) -> String {
    if !s.is_finite() || s < 0.0 {
        return "an unknown time".into();
    }
    if s < 9.95 {
        return format!("{s:.1} s");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is positive")]
    let whole = s.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", number(whole / 3600), whole % 3600 / 60),
    }
}

/// UIDs as a list of ranges, `7, 9–12`; sorted, without loss.
#[must_use]
pub fn uids(uids: &[u32]) -> String {
    let mut sorted = uids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut out = String::new();
    let mut at = 0;
    while let Some(&first) = sorted.get(at) {
        let mut last = at;
        while sorted.get(last + 1).is_some_and(|&next| Some(next) == sorted[last].checked_add(1)) {
            last += 1;
        }
        if !out.is_empty() {
            out.push_str(", ");
        }
        let range = match last - at {
            0 => first.to_string(),
            1 => format!("{first}, {}", sorted[last]),
            _ => format!("{first}–{}", sorted[last]),
        };
        out.push_str(&range);
        at = last + 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_shown() {
        assert_eq!(visible("a\u{1b}[2J\r\n\t\0\u{7f}"), "a␛[2J␍␊␉␀␡");
        assert_eq!(visible("x\u{202e}gpj\u{200b}\u{85}\u{ffff}"), "x‹U+202E›gpj‹U+200B›‹U+0085›‹U+FFFF›");
        assert_eq!(visible("Gesendet/日本語/👩‍💻"), "Gesendet/日本語/👩‍💻");
    }

    #[test]
    fn numbers_are_grouped_and_sizes_short() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(count(1, "mailbox") + ", " + &count(1_000, "mailbox"), "1 mailbox, 1,000 mailboxes");
        assert_eq!(
            [0, 1, 1023, 1024, 10_200, 1_023_500, 5 << 30, u64::MAX].map(bytes),
            ["0 bytes", "1 byte", "1,023 bytes", "1.0 KiB", "10 KiB", "1.0 MiB", "5.0 GiB", "16 EiB"]
        );
        assert_eq!(
            [0.0, 9.94, 59.4, 59.6, 3_599.0, 7_800.0].map(seconds),
            ["0.0 s", "9.9 s", "59 s", "1 min 0 s", "59 min 59 s", "2 h 10 min"]
        );
        assert_eq!([f64::NAN, -1.0].map(seconds), ["an unknown time"; 2]);
    }

    #[test]
    fn uids_are_listed_whole() {
        assert_eq!(uids(&[9, 7, 10, 11, 9, 3, 4, u32::MAX]), "3, 4, 7, 9–11, 4294967295");
        assert_eq!(uids(&[]), "");
    }
}
