//! Reading responses: a line with its literals becomes a list of values (RFC 3501, section 9).

use std::io::{self, BufRead, Read};

/// One value of a response, as RFC 3501 writes values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// An atom, a number, a flag: anything without quotes.
    Atom(String),
    /// A quoted string or a literal.
    Bytes(Vec<u8>),
    /// A parenthesised list.
    List(Vec<Value>),
}

impl Value {
    /// The text of an atom or string; `NIL` and lists have none.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Atom(atom) if atom.eq_ignore_ascii_case("NIL") => None,
            Self::Atom(atom) => Some(atom.clone()),
            Self::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Self::List(_) => None,
        }
    }

    /// The values of a list; nothing for anything else.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// Returns the text of every value in a list, without those that have none.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.items().iter().filter_map(Self::text).collect()
    }
}

/// One response of the server, literals included.
#[derive(Debug, Clone)]
pub struct Response {
    /// The first word: `*`, `+` or the tag of the command that is answered.
    pub tag: String,
    /// The values after the tag. Of a status response (OK, NO, BAD, BYE, PREAUTH) only the first: its text is
    /// free.
    pub values: Vec<Value>,
    /// The first line as it came, for status texts and error messages.
    pub line: String,
}

impl Response {
    /// Returns the value at this place in capitals; empty when there is none or it is a list.
    #[must_use]
    pub fn word(&self, place: usize) -> String {
        self.values.get(place).and_then(Value::text).unwrap_or_default().to_ascii_uppercase()
    }
}

fn bad(what: &str, line: &[u8]) -> io::Error {
    let text = String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned();
    io::Error::new(io::ErrorKind::InvalidData, format!("{what}: {text}"))
}

/// Reads one response with all its literals.
///
/// # Errors
/// When the connection ends or breaks, or the response cannot be read.
pub(super) fn read(from: &mut impl BufRead) -> io::Result<Response> {
    // A response is pieces of line with literals in between.
    let mut pieces: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
    loop {
        let mut line = Vec::new();
        if from.read_until(b'\n', &mut line)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
        }
        while matches!(line.last(), Some(b'\r' | b'\n')) {
            line.pop();
        }
        let Some(size) = announced(&line) else {
            pieces.push((line, None));
            break;
        };
        let mut literal = Vec::new();
        from.take(size).read_to_end(&mut literal)?;
        if literal.len() as u64 != size {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the connection ended within a literal",
            ));
        }
        let start = line.iter().rposition(|b| *b == b'{').unwrap_or(line.len());
        line.truncate(start);
        pieces.push((line, Some(literal)));
    }
    let first = pieces[0].0.clone();
    let text = String::from_utf8_lossy(&first).into_owned();
    let (tag, rest) = text.split_once(' ').unwrap_or((text.as_str(), ""));
    let word = rest.split(' ').next().unwrap_or_default();
    if tag == "+" || matches!(word.to_ascii_uppercase().as_str(), "OK" | "NO" | "BAD" | "BYE" | "PREAUTH") {
        let values = vec![Value::Atom(word.to_owned())];
        return Ok(Response { tag: tag.to_owned(), values, line: text.clone() });
    }
    let mut parser = Parser { stack: vec![Vec::new()], line: first.clone() };
    for (index, (line, literal)) in pieces.iter().enumerate() {
        let skip = if index == 0 { tag.len() } else { 0 };
        parser.line_piece(line.get(skip..).unwrap_or_default())?;
        if let Some(literal) = literal {
            parser.push(Value::Bytes(literal.clone()));
        }
    }
    let values = parser.finish()?;
    Ok(Response { tag: tag.to_owned(), values, line: text.clone() })
}

/// The size of the literal that a line announces at its end.
fn announced(line: &[u8]) -> Option<u64> {
    let inner = line.strip_suffix(b"}")?;
    let start = inner.iter().rposition(|b| *b == b'{')?;
    std::str::from_utf8(&inner[start + 1..]).ok()?.parse().ok()
}

struct Parser {
    stack: Vec<Vec<Value>>,
    line: Vec<u8>,
}

impl Parser {
    fn push(&mut self, value: Value) {
        if let Some(list) = self.stack.last_mut() {
            list.push(value);
        }
    }

    fn line_piece(&mut self, line: &[u8]) -> io::Result<()> {
        let mut at = 0;
        while let Some(&byte) = line.get(at) {
            match byte {
                b' ' => at += 1,
                b'(' => {
                    self.stack.push(Vec::new());
                    at += 1;
                }
                b')' => {
                    let list = self.stack.pop().unwrap_or_default();
                    if self.stack.is_empty() {
                        return Err(bad("unbalanced parenthesis", &self.line));
                    }
                    self.push(Value::List(list));
                    at += 1;
                }
                b'"' => {
                    let (bytes, next) = quoted(line, at + 1).ok_or_else(|| bad("open quote", &self.line))?;
                    self.push(Value::Bytes(bytes));
                    at = next;
                }
                _ => {
                    let end =
                        line[at..].iter().position(|b| b" ()".contains(b)).map_or(line.len(), |n| at + n);
                    self.push(Value::Atom(String::from_utf8_lossy(&line[at..end]).into_owned()));
                    at = end;
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<Vec<Value>> {
        match (self.stack.pop(), self.stack.is_empty()) {
            (Some(values), true) => Ok(values),
            _ => Err(bad("unbalanced parenthesis", &self.line)),
        }
    }
}

/// The content of a quoted string that starts at `at`, and where it ends.
fn quoted(line: &[u8], mut at: usize) -> Option<(Vec<u8>, usize)> {
    let mut bytes = Vec::new();
    loop {
        match *line.get(at)? {
            b'"' => return Some((bytes, at + 1)),
            b'\\' => {
                bytes.push(*line.get(at + 1)?);
                at += 2;
            }
            byte => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_lists() {
        let mut wire: &[u8] =
            b"* 7 FETCH (UID 9 FLAGS (\\Seen $Label1) BODY[] {5}\r\na\r\n)b X \"q\\\"\\\\\")\r\n";
        let response = read(&mut wire).unwrap();
        assert_eq!(response.word(1), "FETCH");
        let items = response.values[2].items();
        assert_eq!(items[3].texts(), ["\\Seen", "$Label1"]);
        assert_eq!(items[5], Value::Bytes(b"a\r\n)b".to_vec()));
        assert_eq!(items[7], Value::Bytes(b"q\"\\".to_vec()));
        assert!(wire.is_empty());
    }

    #[test]
    fn status_text_is_free() {
        let mut wire: &[u8] = b"a1 NO [OVERQUOTA] Quota (\"exceeded\r\n";
        let response = read(&mut wire).unwrap();
        assert_eq!((response.tag.as_str(), response.word(0).as_str()), ("a1", "NO"));
    }
}
