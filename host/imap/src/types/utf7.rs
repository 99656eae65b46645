//! Modified UTF-7, the encoding of folder names (RFC 3501 section 5.1.3).
//!
//! Own code: the crate for it panics on malformed names, and a migrator meets those.

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};

const ENCODER: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);
/// Some clients leave non-zero bits behind the last character; the name is still readable.
const DECODER: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Returns `text` in modified UTF-7, in its one canonical form: ASCII only.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut shifted: Vec<u8> = Vec::new();
    for character in text.chars() {
        if matches!(character, ' '..='~') {
            unshift(&mut out, &mut shifted);
            out.push(character);
            if character == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0u16; 2];
            for unit in character.encode_utf16(&mut units) {
                shifted.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
    unshift(&mut out, &mut shifted);
    out
}

fn unshift(out: &mut String, shifted: &mut Vec<u8>) {
    if !shifted.is_empty() {
        out.push('&');
        ENCODER.encode_string(&*shifted, out);
        out.push('-');
        shifted.clear();
    }
}

/// Returns what `name` says in Unicode, or `None` when it is not modified UTF-7.
///
/// Printable characters written in base64 and split base64 runs are accepted although they are not canonical:
/// clients write them, and the text is unambiguous.
pub(crate) fn decode(name: &str) -> Option<String> {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('&') {
        let (plain, shifted) = (rest.get(..at)?, rest.get(at + 1..)?);
        out.push_str(plain);
        let (run, tail) = shifted.split_once('-')?;
        if run.is_empty() {
            out.push('&');
        } else {
            let bytes = DECODER.decode(run).ok()?;
            if bytes.len() % 2 != 0 {
                return None;
            }
            let units = bytes.chunks_exact(2).map(|pair| match pair {
                [high, low] => u16::from_be_bytes([*high, *low]),
                _ => 0,
            });
            for unit in char::decode_utf16(units) {
                out.push(unit.ok()?);
            }
        }
        rest = tail;
    }
    out.push_str(rest);
    Some(out)
}

/// Writes `text` with control characters escaped, so that a name cannot command a terminal.
pub(crate) fn push_escaped(out: &mut String, text: &str) {
    for character in text.chars() {
        if is_unprintable(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
}

/// Control characters, and the marks that turn or hide text on a terminal. The joiners U+200C and U+200D
/// stay: Persian names and emoji need them.
pub(crate) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_answers() {
        for (text, name) in [
            ("", ""),
            ("Work", "Work"),
            ("R&D", "R&-D"),
            ("Entw\u{fc}rfe", "Entw&APw-rfe"),
            ("~peter/mail/\u{53f0}\u{5317}/\u{65e5}\u{672c}\u{8a9e}", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("\u{1f4ec}", "&2D3c7A-"),
            ("a\tb", "a&AAk-b"),
        ] {
            assert_eq!(encode(text), name);
            assert_eq!(decode(name).as_deref(), Some(text));
        }
    }

    #[test]
    fn tolerates_what_clients_write_and_refuses_the_rest() {
        assert_eq!(decode("&AOQ-&APY-").as_deref(), Some("\u{e4}\u{f6}"), "split runs");
        assert_eq!(decode("&AGE-").as_deref(), Some("a"), "printable in base64");
        for broken in ["&", "a&b", "&!!-", "&A-", "&AAAA", "&2D0-", "&3Ow-"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(text in any::<String>()) {
            let name = encode(&text);
            prop_assert!(name.is_ascii() && !name.bytes().any(|b| b.is_ascii_control()));
            prop_assert_eq!(decode(&name), Some(text));
        }

        #[test]
        fn decoding_never_panics(name in any::<String>()) {
            decode(&name);
        }

        #[test]
        fn decoding_shifts_never_panics(name in "[&A-Za-z0-9+,-]{0,24}") {
            decode(&name);
        }
    }
}
