//! Foreign text with what [`is_unsafe`] finds in it written out.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::is_unsafe;

/// Returns `text` on one line, every unsafe character written as `\n`, `\x1b` or `\u{202e}`.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_except(text, |_| false)
}

/// Returns `text` as [`escape`] does, with its line feeds: for text of our own making that has several lines.
#[must_use]
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    escape_except(text, |c| c == '\n')
}

fn escape_except(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_unsafe(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if !is_unsafe(c) || keep(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0xa0 => push(&mut out, format_args!("\\x{:02x}", u32::from(c))),
            c => push(&mut out, format_args!("\\u{{{:x}}}", u32::from(c))),
        }
    }
    Cow::Owned(out)
}

/// Returns a JSON text with every unsafe character that JSON allows raw written as `\uXXXX` (RFC 8259,
/// section 7): the same document to a parser, and harmless on a terminal. Line feeds between tokens stay.
#[must_use]
pub fn escape_json(json: &str) -> Cow<'_, str> {
    let raw = |c: char| is_unsafe(c) && c != '\n';
    if !json.chars().any(raw) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if raw(c) {
            // Outside ASCII such a character can only stand inside a string, where \u is right.
            for unit in c.encode_utf16(&mut [0; 2]) {
                push(&mut out, format_args!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Returns `text` on one line for readers who know no escapes: ASCII's control characters as Unicode's
/// control pictures (`␛`), every other unsafe character by its number (`‹U+202E›`).
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0'..='\x1f' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
            '\x7f' => out.push('\u{2421}'),
            c if is_unsafe(c) => push(&mut out, format_args!("‹U+{:04X}›", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

fn push(out: &mut String, args: std::fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    out.write_fmt(args).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_is_untouched_in_any_script() {
        for text in ["Sent Items", "Entwürfe", "受信箱", "نیم‌فاصله", "👨‍👩‍👧", r"A\/B"]
        {
            assert!(matches!(escape(text), Cow::Borrowed(t) if t == text));
            assert_eq!(visible(text), text);
        }
    }

    #[test]
    fn nothing_reaches_the_terminal_that_it_would_obey() {
        assert_eq!(escape("a\x1b]52;c;eHl6\x07b"), r"a\x1b]52;c;eHl6\x07b");
        assert_eq!(escape("gpj\u{202e}exe"), r"gpj\u{202e}exe");
        assert_eq!(escape("one\r\ntwo\tx\0"), r"one\r\ntwo\tx\x00");
        assert_eq!(escape("\u{9b}31m"), r"\x9b31m");
        assert_eq!(escape("a\u{e0041}\u{2066}"), r"a\u{e0041}\u{2066}");
        assert_eq!(escape_lines("a\nb\x1b"), "a\nb\\x1b");
    }

    #[test]
    fn what_cannot_be_seen_is_shown() {
        assert_eq!(visible("a\u{1b}[2J\r\n\t\0\u{7f}"), "a␛[2J␍␊␉␀␡");
        assert_eq!(visible("x\u{202e}gpj\u{200b}\u{85}\u{ffff}"), "x‹U+202E›gpj‹U+200B›‹U+0085›‹U+FFFF›");
    }

    #[test]
    fn no_form_lets_an_unsafe_character_through() {
        let all: String = ('\0'..=char::MAX).filter(|c| is_unsafe(*c)).collect();
        for shown in [escape(&all).into_owned(), visible(&all)] {
            assert!(!shown.chars().any(is_unsafe));
        }
        for shown in [escape_lines(&all), escape_json(&all)] {
            assert!(!shown.chars().any(|c| is_unsafe(c) && c != '\n'));
        }
    }

    #[test]
    fn escaped_json_is_the_same_document() {
        let value = serde_json::json!({ "name": "a\u{202e}b\u{9b}\u{7f}\u{e0041}\n\x1b", "n": [1, "x"] });
        let raw = serde_json::to_string_pretty(&value).unwrap();
        let safe = escape_json(&raw);
        assert!(safe.chars().all(|c| c == '\n' || !is_unsafe(c)), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }
}
