//! Which characters a reader does not see as they are.

use unicode_normalization::UnicodeNormalization;

/// Returns whether a character moves the cursor, talks to the terminal, ends a line, hides itself or its
/// neighbours, or changes the order in which the text around it is read.
///
/// These are the control characters (C0, C1, DEL), the line and paragraph separators, the marks, embeddings,
/// overrides and isolates of Unicode's bidirectional algorithm (UAX #9), the soft hyphen, zero-width spaces
/// and word joiners, the byte order mark, annotations, tags, and the two noncharacters that no XML takes. The
/// joiners U+200C and U+200D are not among them: Persian names and emoji need them.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Returns whether a reader sees nothing, or no more than a blank, where a character stands: two texts that
/// differ by such characters only look alike.
///
/// Beside what is unsafe these are Unicode's default ignorable code points (joiners, variation selectors,
/// fillers and the like), every white space but U+0020, and the braille pattern without dots. A space is
/// seen, since it parts words; at the ends of a text it is for the caller to judge.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    is_unsafe(c)
        || (c.is_whitespace() && c != ' ')
        || matches!(c,
            '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200c}' | '\u{200d}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0080}'..='\u{e0fff}')
}

/// Returns what a reader sees of a text: composed characters (NFC, UAX #15), no unseen ones, every blank a
/// space. Two texts with equal keys cannot be told apart on a screen; of others that is not said, since
/// letters of two alphabets can look alike.
#[must_use]
pub fn visual_key(text: &str) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let read = text.nfc().map(|c| if c.is_whitespace() && !c.is_control() { ' ' } else { c });
    read.filter(|c| !is_unseen(*c) || c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a character: shown as it is, shown and yet no part of a key, never shown.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Rule {
        Seen,
        Unseen,
        Unsafe,
    }

    #[test]
    fn what_reads_alike_has_one_key() {
        for (one, other) in [
            ("ren\u{e9}", "rene\u{301}"),
            ("be n", "be\u{a0}n"),
            ("ben", "be\u{ad}n"),
            ("ben", "be\u{200c}n"),
            ("ben", "be\u{fe0f}n"),
        ] {
            assert_eq!(visual_key(one), visual_key(other), "{other:?}");
        }
        for (one, other) in [("ren\u{e9}", "rene"), ("ben", "be n"), ("a\tb", "a b")] {
            assert_ne!(visual_key(one), visual_key(other), "{other:?}");
        }
    }

    #[test]
    fn the_rule() {
        use Rule::{Seen, Unsafe, Unseen};
        #[rustfmt::skip]
        let table = [
            (Unsafe, '\0'..='\u{1f}', "C0 controls, tab and line ends among them"),
            (Seen, ' '..='~', "printable ASCII"),
            (Unsafe, '\u{7f}'..='\u{9f}', "DEL and C1 controls"),
            (Unseen, '\u{a0}'..='\u{a0}', "no-break space"),
            (Seen, '\u{a1}'..='\u{ac}', "Latin-1 before the soft hyphen"),
            (Unsafe, '\u{ad}'..='\u{ad}', "soft hyphen"),
            (Seen, '\u{ae}'..='\u{34e}', "Latin and combining marks"),
            (Unseen, '\u{34f}'..='\u{34f}', "combining grapheme joiner"),
            (Seen, '\u{350}'..='\u{61b}', "Greek, Cyrillic, Hebrew"),
            (Unsafe, '\u{61c}'..='\u{61c}', "Arabic letter mark"),
            (Seen, '\u{61d}'..='\u{115e}', "Arabic and on"),
            (Unseen, '\u{115f}'..='\u{1160}', "Hangul fillers"),
            (Unseen, '\u{1680}'..='\u{1680}', "ogham space"),
            (Unseen, '\u{17b4}'..='\u{17b5}', "Khmer inherent vowels"),
            (Unseen, '\u{180b}'..='\u{180d}', "Mongolian variation selectors"),
            (Unsafe, '\u{180e}'..='\u{180e}', "Mongolian vowel separator"),
            (Unseen, '\u{2000}'..='\u{200a}', "spaces of other widths"),
            (Unsafe, '\u{200b}'..='\u{200b}', "zero-width space"),
            (Unseen, '\u{200c}'..='\u{200d}', "joiners of Persian and of emoji"),
            (Unsafe, '\u{200e}'..='\u{200f}', "left-to-right and right-to-left mark"),
            (Seen, '\u{2010}'..='\u{2027}', "dashes and quotes"),
            (Unsafe, '\u{2028}'..='\u{202e}', "separators, embeddings, overrides"),
            (Unseen, '\u{202f}'..='\u{202f}', "narrow no-break space"),
            (Seen, '\u{2030}'..='\u{205e}', "punctuation"),
            (Unseen, '\u{205f}'..='\u{205f}', "mathematical space"),
            (Unsafe, '\u{2060}'..='\u{206f}', "word joiner, invisible operators, isolates"),
            (Unseen, '\u{2800}'..='\u{2800}', "braille without dots"),
            (Unseen, '\u{3000}'..='\u{3000}', "ideographic space"),
            (Unseen, '\u{3164}'..='\u{3164}', "Hangul filler"),
            (Seen, '\u{4e00}'..='\u{d7a3}', "Chinese, Japanese, Korean"),
            (Unseen, '\u{fe00}'..='\u{fe0f}', "variation selectors"),
            (Unsafe, '\u{feff}'..='\u{feff}', "byte order mark"),
            (Unseen, '\u{ffa0}'..='\u{ffa0}', "half-width Hangul filler"),
            (Unsafe, '\u{fff9}'..='\u{fffb}', "annotations"),
            (Seen, '\u{fffc}'..='\u{fffd}', "replacement characters"),
            (Unsafe, '\u{fffe}'..='\u{ffff}', "noncharacters"),
            (Seen, '\u{1f300}'..='\u{1faff}', "emoji"),
            (Unsafe, '\u{e0000}'..='\u{e007f}', "tags"),
            (Unseen, '\u{e0100}'..='\u{e01ef}', "more variation selectors"),
        ];
        for (rule, characters, name) in table {
            for c in characters {
                let found = match (is_unsafe(c), is_unseen(c)) {
                    (true, true) => Unsafe,
                    (false, true) => Unseen,
                    (false, false) => Seen,
                    (true, false) => panic!("U+{:04X} is unsafe and seen", u32::from(c)),
                };
                assert_eq!(found, rule, "U+{:04X}, {name}", u32::from(c));
            }
        }
    }
}
