//! Pieces of secrets: a server that repeats a line cuts it, at either end.
//!
//! What counts as a piece depends on what it is the piece of and on how it stands there, since a few letters
//! that a secret and a sentence have in common are no piece. The rule is told in [`super`].

use super::{Form, ordinary};

/// The characters of the text that are looked up at once, and the fewest that count as a piece.
const GRAM: usize = 4;
/// The fewest characters of a piece that a cut or the repeated command makes likely.
const LIKELY: usize = 6;
/// The fewest characters of a piece wherever it stands.
const ANYWHERE: usize = 8;

/// What stands beside a run of characters, from the weakest sign of a cut to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Border {
    /// Another letter or digit: the word goes on.
    None,
    /// A blank, or a sign that stands between words.
    Word,
    /// A quote, a bracket, or the line's end.
    End,
    /// An ellipsis, or the beginning of the words: something was cut off here.
    Torn,
}

/// Where in the text a piece of one of the secrets stands, and whether it is a short secret's; in no order.
pub(super) fn pieces(forms: &[Form], names: &[Vec<u8>], text: &[u8]) -> Vec<(usize, usize, bool)> {
    let (mut found, mut digits) = (Vec::new(), Vec::new());
    if text.len() < GRAM || forms.is_empty() {
        return found;
    }
    let (plain, dense) = (View::plain(text), View::dense(text));
    let mut words = None;
    for form in forms {
        let view = if form.spaced { &dense } else { &plain };
        view.runs(&form.bytes, |at, from, len| {
            let (Some(start), Some(last)) = (view.place(at), view.place(at + len - 1)) else { return };
            let run = Run { form, from, len, start, end: last + 1 };
            let words = words.get_or_insert_with(|| Words::new(text, names));
            if run.is_hidden(words) {
                (if form.base64 { &mut digits } else { &mut found }).push((start, last + 1, form.word));
            }
        });
    }
    // Their digits are walked over once, however many pieces are among them.
    digits.sort_unstable();
    let mut covered = 0;
    for (from, to, word) in digits {
        if from < covered && to <= covered {
            continue;
        }
        let (from, to) = (digits_before(text, from.max(covered), covered), digits_behind(text, to));
        covered = to;
        found.push((from, to, word));
    }
    found
}

/// A run of characters that the text and a form have in common, and that is longer nowhere.
struct Run<'a> {
    form: &'a Form,
    /// Where in the form it begins, and how long it is there.
    from: usize,
    len: usize,
    /// Where in the text it begins and ends.
    start: usize,
    end: usize,
}

impl Run<'_> {
    /// Whether it is long enough, for where it stands, to be a piece of the secret.
    fn is_hidden(&self, words: &Words<'_>) -> bool {
        let whole = self.form.bytes.len();
        let (head, tail) = (self.from == 0, self.from + self.len == whole);
        // Whole ones that are too short are looked for as words.
        if self.form.word && (self.form.base64 || head && tail) {
            return false;
        }
        let text = words.text;
        let opening = self.start.checked_sub(1).and_then(|at| text.get(at));
        let more = |byte: Option<&u8>| self.form.base64 && byte.is_some_and(is_digit);
        let left = if more(opening) { Border::None } else { before(text, self.start) };
        let right = if more(text.get(self.end)) { Border::None } else { after(text, self.end) };
        // The end of the secret is where its string ends. In base64 there is more before and behind.
        let closed = |border: Border, edge: Option<&u8>| {
            self.form.base64 || border > Border::None || !edge.is_some_and(|byte| is_word(*byte))
        };
        let head = head && closed(left, text.get(self.start));
        let tail = tail && closed(right, text.get(self.end - 1));
        let echo = words.repeat_the_command(self.start);
        let some = whole.div_ceil(3).clamp(LIKELY, ANYWHERE);
        let at_edge = |cut: Border| match cut {
            Border::None => ANYWHERE,
            Border::Word => {
                if echo {
                    LIKELY
                } else {
                    some
                }
            }
            Border::End => {
                if echo {
                    GRAM
                } else {
                    some
                }
            }
            Border::Torn => {
                if echo {
                    GRAM
                } else {
                    LIKELY
                }
            }
        };
        let least = match (head, tail) {
            (true, true) => GRAM,
            (true, false) => at_edge(right),
            (false, true) => at_edge(left),
            (false, false) => {
                let apart = left > Border::None && right > Border::None;
                let torn = left == Border::Torn || right == Border::Torn;
                if apart && (echo || torn) { LIKELY } else { ANYWHERE }
            }
        };
        let torn = opening.is_some_and(|byte| b"\"'`".contains(byte)) && right == Border::Torn;
        // A digit beside the form's first or last holds bits of the secret as well.
        let beside = [(head, opening), (tail, text.get(self.end))];
        let beside = beside.into_iter().filter(|(edge, byte)| *edge && more(*byte)).count();
        self.len + beside >= least && (torn || head && tail || !words.are_ordinary(self.start, self.end))
    }
}

/// A text as it is compared: without case, and perhaps without blanks.
struct View {
    bytes: Vec<u8>,
    /// Where each byte stands in the text, unless that is the same place.
    places: Option<Vec<usize>>,
    /// A bit for each gram, many of which share one: most texts have none of a secret's.
    bits: [u64; 64],
    /// Every [`GRAM`] of the text with its place, sorted by the gram.
    grams: Vec<(u32, usize)>,
}

impl View {
    fn plain(text: &[u8]) -> View {
        View::new(text.to_ascii_lowercase(), None)
    }

    /// Leaves out blanks and line ends: base64 and dumps come in lines and groups.
    fn dense(text: &[u8]) -> View {
        let kept = || text.iter().enumerate().filter(|(_, byte)| !byte.is_ascii_whitespace());
        View::new(
            kept().map(|(_, byte)| byte.to_ascii_lowercase()).collect(),
            Some(kept().map(|(at, _)| at).collect()),
        )
    }

    fn new(bytes: Vec<u8>, places: Option<Vec<usize>>) -> View {
        let mut bits = [0; 64];
        let mut grams: Vec<(u32, usize)> =
            bytes.windows(GRAM).enumerate().map(|(at, window)| (gram(window), at)).collect();
        grams.sort_unstable();
        for (gram, _) in &grams {
            let (word, bit) = bit_of(*gram);
            if let Some(word) = bits.get_mut(word) {
                *word |= bit;
            }
        }
        View { bytes, places, bits, grams }
    }

    fn place(&self, at: usize) -> Option<usize> {
        match &self.places {
            Some(places) => places.get(at).copied(),
            None => Some(at),
        }
    }

    /// Calls `each` with every run of [`GRAM`] characters or more that the text has in common with `form`:
    /// where it begins here and there, and how long it is. Linear in both together, as long as the form does
    /// not repeat itself.
    fn runs(&self, form: &[u8], mut each: impl FnMut(usize, usize, usize)) {
        let same = |at: usize, from: usize| match (self.bytes.get(at), form.get(from)) {
            (Some(here), Some(there)) => *here == there.to_ascii_lowercase(),
            _ => false,
        };
        for (from, window) in form.windows(GRAM).enumerate() {
            let wanted = gram(window);
            let (word, bit) = bit_of(wanted);
            if self.bits.get(word).is_none_or(|word| word & bit == 0) {
                continue;
            }
            let first = self.grams.partition_point(|(gram, _)| *gram < wanted);
            let here = self.grams.iter().skip(first).take_while(|(gram, _)| *gram == wanted);
            for (_, at) in here {
                if *at > 0 && from > 0 && same(at - 1, from - 1) {
                    continue; // A part of a longer one.
                }
                let more = (GRAM..).take_while(|len| same(at + len, from + len)).count();
                each(*at, from, GRAM + more);
            }
        }
    }
}

fn gram(window: &[u8]) -> u32 {
    window.iter().fold(0, |gram, byte| gram << 8 | u32::from(byte.to_ascii_lowercase()))
}

fn bit_of(gram: u32) -> (usize, u64) {
    let hash = gram.wrapping_mul(0x9E37_79B1) >> 20;
    ((hash / 64) as usize, 1 << (hash % 64))
}

/// A response's text with what tells a server's own words from the repeated log-in.
struct Words<'a> {
    text: &'a [u8],
    names: &'a [Vec<u8>],
    /// Where the names of the commands that log in, and the log-in's own name, end.
    commands: Vec<usize>,
    breaks: Vec<usize>,
}

/// The longest word that is looked up, in bytes; words of servers are shorter.
const LONGEST: usize = 40;

impl<'a> Words<'a> {
    fn new(text: &'a [u8], names: &'a [Vec<u8>]) -> Words<'a> {
        let lower = text.to_ascii_lowercase();
        let mut commands = Vec::new();
        let known: [&[u8]; 2] = [b"login", b"authenticate"];
        for name in known.into_iter().chain(names.iter().map(Vec::as_slice).filter(|name| name.len() >= 3)) {
            for at in memchr::memmem::find_iter(&lower, name) {
                let end = at + name.len();
                let apart = !at.checked_sub(1).and_then(|at| text.get(at)).is_some_and(|byte| is_word(*byte))
                    && !text.get(end).is_some_and(|byte| is_word(*byte));
                if apart {
                    commands.push(end);
                }
            }
        }
        commands.sort_unstable();
        Words { text, names, commands, breaks: memchr::memchr_iter(b'\n', text).collect() }
    }

    /// Whether the line names the log-in, or its command, before this place.
    fn repeat_the_command(&self, at: usize) -> bool {
        let last =
            |ends: &[usize]| ends.partition_point(|end| *end <= at).checked_sub(1).map(|last| ends[last]);
        last(&self.commands).is_some_and(|command| last(&self.breaks).is_none_or(|line| line < command))
    }

    /// Whether this stands in words that servers use, or in the log-in's name.
    fn are_ordinary(&self, from: usize, to: usize) -> bool {
        // A sentence is words with a sign between them here and there.
        let run = self.text.get(from..to).unwrap_or_default();
        let signs = run.iter().filter(|byte| !is_word(**byte) && !byte.is_ascii_whitespace()).count();
        if signs * 3 > run.iter().filter(|byte| is_word(**byte)).count() {
            return false;
        }
        let before = self.text.get(..from).unwrap_or_default().iter().rev().take(LONGEST);
        let behind = self.text.get(to..).unwrap_or_default().iter().take(LONGEST);
        let from = from - before.take_while(|byte| is_word(**byte)).count();
        let to = to + behind.take_while(|byte| is_word(**byte)).count();
        let mut words = self
            .text
            .get(from..to)
            .unwrap_or_default()
            .split(|byte| !is_word(*byte))
            .filter(|word| !word.is_empty())
            .peekable();
        words.peek().is_some() && words.all(|word| ordinary::is_ordinary(word) || self.is_of_a_name(word))
    }

    fn is_of_a_name(&self, word: &[u8]) -> bool {
        self.names
            .iter()
            .any(|name| name.split(|byte| !is_word(*byte)).any(|part| part.eq_ignore_ascii_case(word)))
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

fn is_digit(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte)
}

/// Where the digits of base64 begin that end at `at`, not before `least`.
pub(super) fn digits_before(text: &[u8], at: usize, least: usize) -> usize {
    let before = text.get(least..at).unwrap_or_default();
    at - before.iter().rev().take_while(|byte| is_digit(byte)).count()
}

/// Where the digits of base64 end that begin at `at`.
pub(super) fn digits_behind(text: &[u8], at: usize) -> usize {
    at + text.get(at..).unwrap_or_default().iter().take_while(|byte| is_digit(byte)).count()
}

const ELLIPSIS: &[u8] = "…".as_bytes();
/// What the typographic quotes of UTF-8 begin with.
const QUOTES: [&[u8]; 3] = [b"\xe2\x80", b"\xc2\xab", b"\xc2\xbb"];

fn before(text: &[u8], at: usize) -> Border {
    let rest = text.get(..at).unwrap_or_default();
    let quote = |len: usize| rest.len().checked_sub(len).and_then(|at| rest.get(at..)).unwrap_or_default();
    match rest.last() {
        None => Border::Torn,
        _ if rest.ends_with(b"..") || rest.ends_with(b"**") || rest.ends_with(ELLIPSIS) => Border::Torn,
        // A secret's own dot is the first of three.
        Some(b'.') if text.get(at) == Some(&b'.') => Border::Torn,
        Some(_) if quote(3).starts_with(QUOTES[0]) || QUOTES[1..].contains(&quote(2)) => Border::End,
        Some(byte) => one(*byte),
    }
}

fn after(text: &[u8], at: usize) -> Border {
    let rest = text.get(at..).unwrap_or_default();
    match rest.first() {
        None => Border::End,
        _ if rest.starts_with(b"..") || rest.starts_with(b"**") || rest.starts_with(ELLIPSIS) => Border::Torn,
        Some(b'.') if at.checked_sub(1).and_then(|at| text.get(at)) == Some(&b'.') => Border::Torn,
        Some(_) if QUOTES.iter().any(|quote| rest.starts_with(quote)) => Border::End,
        Some(byte) => one(*byte),
    }
}

fn one(byte: u8) -> Border {
    match byte {
        b'"' | b'\'' | b'`' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'\r' | b'\n' => {
            Border::End
        }
        byte if is_word(byte) => Border::None,
        _ => Border::Word,
    }
}
