//! Text from a guest, before it reaches a log, a terminal or a server.

use mailhaul_text::{is_unsafe, is_unseen};

/// Text for people: what [`is_unsafe`] names escaped as in Rust, cut at `max` characters.
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

/// Names that machines use as they are: refused, not mended, when one is empty, too long or has characters
/// that a reader does not see, so that no two look alike to people and different to us.
pub(crate) fn checked_name(what: &str, text: &str, max: usize) -> Result<(), String> {
    bounded(what, text, max)?;
    refuse(what, text, is_unseen)
}

/// Text for people, in whatever typography: refused when it is empty, too long or has a character that could
/// change how it is shown.
pub(crate) fn checked(what: &str, text: &str, max: usize) -> Result<(), String> {
    bounded(what, text, max)?;
    refuse(what, text, is_unsafe)
}

/// A value of somebody else's list, a log-in or a host name: what is not seen in it is the list's owner's to
/// mend, and the engine says where. Refused here is what is empty, too long or a control character.
pub(crate) fn checked_value(what: &str, text: &str, max: usize) -> Result<(), String> {
    bounded(what, text, max)?;
    refuse(what, text, char::is_control)
}

fn bounded(what: &str, text: &str, max: usize) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("{what} is empty"));
    }
    if text.len() > max {
        return Err(format!("{what} has {} bytes, at most {max} are allowed", text.len()));
    }
    Ok(())
}

fn refuse(what: &str, text: &str, refused: fn(char) -> bool) -> Result<(), String> {
    let Some(c) = text.chars().find(|c| refused(*c)) else { return Ok(()) };
    let what_it_is = if is_unsafe(c) { "control" } else { "invisible" };
    Err(format!("{what} contains the {what_it_is} character {}", c.escape_default()))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
            checked_name("the key", "a\0b", 10),
            Err("the key contains the control character \\u{0}".into())
        );
        assert!(checked_name("the key", "", 10).is_err());
        assert!(checked_name("the key", "12345678901", 10).is_err());
        assert!(checked_name("the key", "Entwürfe", 10).is_ok());
    }

    #[test]
    fn what_a_list_says_is_for_the_engine_to_judge() {
        assert_eq!(checked_value("the log-in name", "an\u{ad}na", 100), Ok(()));
        assert!(checked_value("the log-in name", "an\nna", 100).is_err());
    }

    #[test]
    fn of_two_keys_that_look_alike_one_is_refused() {
        for unseen in ['\u{200b}', '\u{61c}', '\u{2060}', '\u{ad}', '\u{e0061}'] {
            let refused = checked_name("the key", &format!("an{unseen}na"), 100).unwrap_err();
            let shown = unseen.escape_default();
            assert_eq!(refused, format!("the key contains the control character {shown}"));
            assert_eq!(super::shown(&format!("an{unseen}na"), 100), format!("an{shown}na"));
        }
        for unseen in ['\u{200d}', '\u{fe0f}', '\u{3164}', '\u{a0}'] {
            let refused = checked_name("the key", &format!("an{unseen}na"), 100).unwrap_err();
            assert!(refused.contains("the invisible character"), "{refused}");
            // French sentences and emoji have them.
            assert_eq!(checked("the reason", &format!("an{unseen}na"), 100), Ok(()));
        }
    }
}
