//! Reading commands: a line with its literals becomes words.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Both directions of a connection, read through a buffer.
pub(super) trait Wire: AsyncBufRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncBufRead + AsyncWrite + Send + Unpin> Wire for S {}

/// One argument of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// An atom, a number, a set, a flag.
    Atom(String),
    /// A quoted string or literal.
    Text(Vec<u8>),
    /// What is between parentheses or brackets, as it stands.
    Group(String),
}

impl Word {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Atom(text) | Self::Group(text) => text.clone(),
            Self::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// A literal: synchronising when the client waits for `+`.
pub(super) struct Literal {
    pub(super) size: usize,
    pub(super) waits: bool,
}

/// The literal a line announces at its end, and the line without it.
pub(super) fn announced(line: &str) -> (&str, Option<Literal>) {
    let literal = line.strip_suffix('}').and_then(|inner| {
        let (before, size) = inner.rsplit_once('{')?;
        let waits = !size.ends_with('+');
        let size = size.trim_end_matches('+').parse().ok()?;
        Some((before.trim_end_matches('~'), Literal { size, waits }))
    });
    literal.map_or((line, None), |(before, literal)| (before, Some(literal)))
}

/// One line without its end; `None` when the client is gone.
pub(super) async fn line(wire: &mut impl Wire) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if wire.read_until(b'\n', &mut bytes).await? == 0 {
        return Ok(None);
    }
    while matches!(bytes.last(), Some(b'\r' | b'\n')) {
        bytes.pop();
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Takes a literal's bytes, after asking for them where that is due.
pub(super) async fn take(wire: &mut impl Wire, literal: &Literal, before: &str) -> io::Result<Vec<u8>> {
    if literal.waits {
        wire.write_all(before.as_bytes()).await?;
        wire.write_all(b"+ go ahead\r\n").await?;
    }
    let mut bytes = vec![0; literal.size];
    wire.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// The words of a piece of line.
pub(super) fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = line.trim_start_matches(' ');
    while let Some(first) = rest.chars().next() {
        let end;
        match first {
            '"' => {
                let mut text = Vec::new();
                let mut bytes = rest.bytes().enumerate().skip(1);
                let mut after = rest.len();
                while let Some((at, byte)) = bytes.next() {
                    match byte {
                        b'\\' => text.extend(bytes.next().map(|(_, b)| b)),
                        b'"' => {
                            after = at + 1;
                            break;
                        }
                        byte => text.push(byte),
                    }
                }
                end = after;
                words.push(Word::Text(text));
            }
            '(' => {
                let mut depth = 0_usize;
                let close = rest.char_indices().find(|(_, c)| {
                    match c {
                        '(' => depth += 1,
                        ')' => depth -= 1,
                        _ => {}
                    }
                    depth == 0
                });
                let close = close.map_or(rest.len(), |(at, _)| at);
                words.push(Word::Group(rest[1..close].to_owned()));
                end = (close + 1).min(rest.len());
            }
            _ => {
                end = rest.find(' ').unwrap_or(rest.len());
                words.push(Word::Atom(rest[..end].to_owned()));
            }
        }
        rest = rest[end..].trim_start_matches(' ');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_words() {
        assert_eq!(
            words(r#"UID FETCH 1:*,7 (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]) "a \"b\"""#),
            [
                Word::Atom("UID".into()),
                Word::Atom("FETCH".into()),
                Word::Atom("1:*,7".into()),
                Word::Group("UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]".into()),
                Word::Text(b"a \"b\"".to_vec()),
            ]
        );
        let (before, literal) = announced("x APPEND INBOX {12+}");
        assert_eq!((before, literal.map(|l| (l.size, l.waits))), ("x APPEND INBOX ", Some((12, false))));
        assert!(announced("x NOOP").1.is_none());
    }
}
