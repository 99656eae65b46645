//! Text from a guest, before it reaches a log, a terminal or a server.

/// Text for people: control characters and marks that reorder lines escaped, cut at `max` characters.
pub(crate) fn shown(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max));
    for (count, c) in text.chars().enumerate() {
        if count == max {
            out.push('…');
            break;
        }
        if is_unsafe(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// Text machines use as it is: refused, not mended, when it is empty, too long or has characters that
/// are not seen.
pub(crate) fn checked(what: &str, text: &str, max: usize) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("{what} is empty"));
    }
    if text.len() > max {
        return Err(format!("{what} has {} bytes, at most {max} are allowed", text.len()));
    }
    if let Some(c) = text.chars().find(|c| is_unsafe(*c)) {
        return Err(format!("{what} contains the control character {}", c.escape_default()));
    }
    Ok(())
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Control characters, line separators, and the marks that make text read in another order than it is.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_shown_text_moves_a_cursor() {
        assert_eq!(shown("a\x1b[2Jb\nc\u{202e}d", 100), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(shown("Größe", 3), "Grö…");
        assert_eq!(shown("Grö", 3), "Grö");
    }

    #[test]
    fn names_are_refused_not_mended() {
        assert_eq!(
            checked("the key", "a\0b", 10),
            Err("the key contains the control character \\u{0}".into())
        );
        assert!(checked("the key", "", 10).is_err());
        assert!(checked("the key", "12345678901", 10).is_err());
        assert!(checked("the key", "Entwürfe", 10).is_ok());
    }
}
