//! Makes text from servers, mail and plugins safe to show.
//!
//! A folder may be called `\x1b]52;…` and a server may answer with a right-to-left override: shown
//! raw, the first writes the reader's clipboard and the second makes `gpj.exe` out of `exe.jpg`.
//! Everything that did not come out of this program passes through here before it is printed.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character moves the cursor, talks to the terminal, reorders or hides text.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Bidirectional marks, embeddings, overrides and isolates.
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line and paragraph separators end a line for some readers.
            | '\u{2028}' | '\u{2029}'
            // Invisible: zero-width space, word joiner, deprecated format characters, byte order
            // mark, annotations. The joiners U+200C and U+200D stay: Persian names and emoji need them.
            | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns `text` on one line, every unsafe character written as `\n`, `\x1b` or `\u{202e}`.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    escape_except(text, |_| false)
}

/// Like [`escape`], but line feeds stay: for text of our own making that has several lines.
pub(crate) fn escape_lines(text: &str) -> Cow<'_, str> {
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
            c if (c as u32) < 0x100 => push(&mut out, format_args!("\\x{:02x}", c as u32)),
            c => push(&mut out, format_args!("\\u{{{:x}}}", c as u32)),
        }
    }
    Cow::Owned(out)
}

/// Returns a JSON text with every unsafe character that JSON allows raw written as `\uXXXX`: the
/// same document to a parser, and harmless on a terminal. Line feeds between tokens stay.
pub(crate) fn escape_json(json: &str) -> Cow<'_, str> {
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
    fn escaped_json_is_the_same_document() {
        let value = serde_json::json!({ "name": "a\u{202e}b\u{9b}\u{7f}\u{e0041}\n\x1b", "n": [1, "x"] });
        let raw = serde_json::to_string_pretty(&value).unwrap();
        let safe = escape_json(&raw);
        assert!(safe.chars().all(|c| c == '\n' || !is_unsafe(c)), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }
}
