//! A tolerant reader of one response's words: atoms, quoted strings, literals, parenthesised lists.
//!
//! It accepts what real servers send (missing blanks, 8-bit atoms, unbalanced ends) and never recurses deeper
//! than [`MAX_DEPTH`]; what cannot be read ends the response, never the session.

use std::borrow::Cow;

/// The deepest nesting that is read. Honest servers nest four deep (NAMESPACE with extensions); parsers
/// without a bound overflow their stack.
pub(crate) const MAX_DEPTH: usize = 64;

/// One value of a response (RFC 9051 section 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A bare word, `NIL` included; may hold `[…]` with anything inside, as in `BODY[HEADER.FIELDS (X)]`.
    Atom(&'a [u8]),
    /// A quoted string, without its quotes and escapes.
    Quoted(Cow<'a, [u8]>),
    /// The bytes of a literal, without its announcement.
    Literal(&'a [u8]),
    /// What stands between two parentheses.
    List(Vec<Value<'a>>),
}

impl<'a> Value<'a> {
    /// Returns the bytes of a word or string; `None` for a list.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Atom(bytes) | Value::Literal(bytes) => Some(bytes),
            Value::Quoted(bytes) => Some(bytes),
            Value::List(_) => None,
        }
    }

    /// Whether this is the word NIL; the quoted string `"NIL"` is not.
    pub(crate) fn is_nil(&self) -> bool {
        matches!(self, Value::Atom(word) if word.eq_ignore_ascii_case(b"NIL"))
    }

    /// Returns the bytes of an `nstring`: `None` for NIL and for lists.
    pub(crate) fn string(&self) -> Option<&[u8]> {
        if self.is_nil() { None } else { self.bytes() }
    }

    /// Returns the text, with bytes outside UTF-8 replaced; `None` for NIL and lists.
    pub(crate) fn text(&self) -> Option<String> {
        self.string().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// Returns the word or string as a decimal number; `None` when it is none or beyond 64 bits.
    pub(crate) fn number(&self) -> Option<u64> {
        std::str::from_utf8(self.bytes()?).ok()?.parse().ok()
    }

    /// Returns the items of a list; an empty slice for anything else.
    pub(crate) fn items(&self) -> &[Value<'a>] {
        match self {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// Whether this is the bare word `word`, in any case.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self, Value::Atom(bytes) if bytes.eq_ignore_ascii_case(word.as_bytes()))
    }
}

/// Reads the values of one framed response, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
    broken: bool,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Tokens<'a> {
        Tokens { bytes, at: 0, broken: false }
    }

    /// Whether something was met that cannot be read; values before it are good.
    #[cfg(test)]
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Returns the bytes behind the last value.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Returns the next value, or `None` at the response's end or at something unreadable.
    pub(crate) fn next_value(&mut self) -> Option<Value<'a>> {
        // Lists being read, outermost first: an explicit stack, so that the peer does not choose ours.
        let mut open: Vec<Vec<Value<'a>>> = Vec::new();
        loop {
            self.skip_blanks();
            let value = match self.peek() {
                None if open.is_empty() => return None,
                // A list that never closes: take what is there.
                None => {
                    self.broken = true;
                    Value::List(open.pop()?)
                }
                Some(b'(') => {
                    if open.len() >= MAX_DEPTH {
                        return self.give_up();
                    }
                    self.at += 1;
                    open.push(Vec::new());
                    continue;
                }
                Some(b')') => {
                    self.at += 1;
                    match open.pop() {
                        Some(items) => Value::List(items),
                        // A stray closing parenthesis.
                        None => continue,
                    }
                }
                Some(b'"') => match self.quoted() {
                    Some(value) => value,
                    None => return self.give_up(),
                },
                Some(b'{' | b'~') if self.literal_size().is_some() => match self.literal() {
                    Some(value) => value,
                    None => return self.give_up(),
                },
                Some(_) => self.atom(),
            };
            match open.last_mut() {
                Some(list) => list.push(value),
                None => return Some(value),
            }
        }
    }

    fn give_up(&mut self) -> Option<Value<'a>> {
        self.broken = true;
        self.at = self.bytes.len();
        None
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Reads a word. It ends at a blank, a parenthesis or a quote; a section (`BODY[…]`) goes on over all of
    /// these. Elsewhere a bracket is a character like any other: a flag named `[x` must not swallow the
    /// response.
    fn atom(&mut self) -> Value<'a> {
        let start = self.at;
        let mut bracket = false;
        while let Some(byte) = self.peek() {
            match byte {
                b'\r' | b'\n' => break,
                b'[' if is_section(self.bytes.get(start..self.at).unwrap_or_default()) => bracket = true,
                b']' => bracket = false,
                b' ' | b'\t' | b'(' | b')' | b'"' if !bracket => break,
                _ => {}
            }
            self.at += 1;
        }
        // Always one byte forward, so that no input can hold the reader in place.
        self.at = self.at.max(start + 1);
        Value::Atom(self.bytes.get(start..self.at).unwrap_or_default())
    }

    fn quoted(&mut self) -> Option<Value<'a>> {
        let start = self.at + 1;
        let (mut end, mut escapes) = (start, false);
        loop {
            match *self.bytes.get(end)? {
                b'"' => break,
                b'\\' => {
                    escapes = true;
                    end += 2;
                }
                // A line end inside quotes: the string was never closed.
                b'\n' => return None,
                _ => end += 1,
            }
        }
        self.at = end + 1;
        let inner = self.bytes.get(start..end)?;
        if !escapes {
            return Some(Value::Quoted(Cow::Borrowed(inner)));
        }
        let mut out = Vec::with_capacity(inner.len());
        let mut bytes = inner.iter();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\\' => out.extend(bytes.next()),
                byte => out.push(*byte),
            }
        }
        Some(Value::Quoted(Cow::Owned(out)))
    }

    /// Returns the size of a literal that is announced here, `{n}` or `~{n}` at a line's end, and where its
    /// bytes start.
    fn literal_size(&self) -> Option<(usize, usize)> {
        let rest = self.bytes.get(self.at..)?;
        let inner = rest.strip_prefix(b"~").unwrap_or(rest).strip_prefix(b"{")?;
        let close = inner.iter().take(22).position(|byte| *byte == b'}')?;
        let digits = inner.get(..close)?;
        let digits = digits.strip_suffix(b"+").or_else(|| digits.strip_suffix(b"-")).unwrap_or(digits);
        let after = inner.get(close + 1..)?;
        let body = after.strip_prefix(b"\r\n").or_else(|| after.strip_prefix(b"\n"))?;
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let size = std::str::from_utf8(digits).ok()?.parse().ok()?;
        Some((size, self.bytes.len() - body.len()))
    }

    fn literal(&mut self) -> Option<Value<'a>> {
        let (size, start) = self.literal_size()?;
        let end = start.checked_add(size)?;
        let body = self.bytes.get(start..end)?;
        self.at = end;
        Some(Value::Literal(body))
    }
}

fn is_section(word: &[u8]) -> bool {
    ["BODY", "BODY.PEEK", "BINARY", "BINARY.SIZE"]
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.next_value()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Vec<Value<'_>> {
        Tokens::new(text.as_bytes()).collect()
    }

    #[test]
    fn reads_words_strings_and_lists() {
        let values = all(
            "(\\Seen \\*) \"a \\\"b\\\\ c\" {3}\r\nx\r\n NIL (a(b))(c) BODY[HEADER.FIELDS (A B)]<0> 17\r\n",
        );
        assert_eq!(values.len(), 8);
        assert_eq!(values[0].items().len(), 2);
        assert_eq!(values[1].string(), Some(&b"a \"b\\ c"[..]));
        assert_eq!(values[2], Value::Literal(b"x\r\n"));
        assert!(values[3].is_nil());
        assert_eq!(values[4].items().len(), 2);
        assert_eq!(values[6], Value::Atom(b"BODY[HEADER.FIELDS (A B)]<0>"));
        assert_eq!(values[7].number(), Some(17));
        assert!(!Value::Quoted(Cow::Borrowed(b"NIL")).is_nil());
    }

    #[test]
    fn a_bracket_in_a_flag_is_a_character() {
        let values = all("(FLAGS ([x \\Seen) UID 5)");
        assert_eq!(values[0].items().len(), 4);
    }

    #[test]
    fn deep_nesting_ends_the_response_only() {
        let text = "(".repeat(100_000);
        let mut tokens = Tokens::new(text.as_bytes());
        assert_eq!(tokens.next_value(), None);
        assert!(tokens.is_broken());
        let fine = format!("{}x{}", "(".repeat(MAX_DEPTH), ")".repeat(MAX_DEPTH));
        assert_eq!(all(&fine).len(), 1);
    }

    #[test]
    fn broken_ends_are_survived() {
        assert_eq!(all("(a (b").len(), 1);
        assert_eq!(all("a ) b"), [Value::Atom(b"a"), Value::Atom(b"b")]);
        assert_eq!(all("x \"never closed\r\n"), [Value::Atom(b"x")]);
        assert_eq!(all("{9}\r\nshort").len(), 0);
    }

    proptest! {
        #[test]
        fn never_panics_and_always_ends(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Tokens::new(&bytes).count() <= 200);
        }

        #[test]
        fn never_panics_on_grammar_soup(text in "[a\"\\\\(){}~0-9\\[\\] \r\n]{0,60}") {
            prop_assert!(Tokens::new(text.as_bytes()).count() <= 60);
        }
    }
}
