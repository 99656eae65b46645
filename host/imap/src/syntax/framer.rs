//! Cutting the server's bytes into responses, before any parser sees them (RFC 9051 section 4.3).
//!
//! Sans I/O. A response is a line, or several lines joined by literals. Everything a server names (line
//! length, literal size, nesting) is bounded here, and work is linear in the bytes however they are cut.

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memrchr};

use crate::types::error::ImapError;

/// The longest line in bytes. The longest honest one is a `* SEARCH` over a million messages, about 8 MiB.
const MAX_LINE: usize = 8 << 20;
/// The longest literal in bytes that is no message body: a folder name, a flag, a quota root.
const MAX_LITERAL: u64 = 1 << 20;
/// The longest response in bytes, its literals included, bodies that are read apart aside.
const MAX_RESPONSE: usize = 16 << 20;

/// What [`Framer::next`] cuts off the buffer.
#[derive(Debug)]
pub(crate) enum Frame {
    /// One whole response, literals inline, line end included. A body that was read apart stands as `{0}`.
    Response(Bytes),
    /// A message body of this many bytes follows: the caller takes them out of the buffer, then calls `next`
    /// again.
    Body {
        /// The response so far, up to and without the literal's announcement.
        head: Bytes,
        /// The body's length in bytes, by its announcement.
        len: u64,
    },
}

/// Cuts a growing buffer into responses; holds what it has seen of the one under way.
#[derive(Debug, Default)]
pub(crate) struct Framer {
    /// The part of the response that was taken out of the buffer.
    head: BytesMut,
    /// How much of the buffer is known to hold no line end.
    scanned: usize,
    /// How much of a literal is still to be moved into `head`.
    literal: u64,
    /// Where the current line starts in `head`; literals stand before it.
    line: usize,
    /// Whether this response can hold literals; status texts cannot, whatever they end in.
    plain: bool,
    /// Whether message bodies are handed out apart rather than kept in the response.
    pub(crate) bodies: bool,
}

impl Framer {
    /// Returns the next frame in `buffer`, or `None` when more bytes are needed.
    pub(crate) fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, ImapError> {
        loop {
            if self.literal > 0 {
                let take = usize::try_from(self.literal).unwrap_or(usize::MAX).min(buffer.len());
                if take == 0 {
                    return Ok(None);
                }
                self.head.extend_from_slice(buffer.get(..take).unwrap_or_default());
                buffer.advance(take);
                self.literal -= take as u64;
                self.line = self.head.len();
                continue;
            }
            let Some(found) = buffer.get(self.scanned..).and_then(|fresh| memchr(b'\n', fresh)) else {
                self.scanned = buffer.len();
                if self.scanned > MAX_LINE {
                    return Err(limit(format!("a line is longer than {} MiB", MAX_LINE >> 20)));
                }
                return Ok(None);
            };
            let end = self.scanned + found + 1;
            self.scanned = 0;
            if end > MAX_LINE || self.head.len() + end > MAX_RESPONSE {
                return Err(limit("a response is longer than 16 MiB".to_owned()));
            }
            if self.head.is_empty() {
                self.plain = is_status(buffer.get(..end).unwrap_or_default());
            }
            self.head.extend_from_slice(buffer.get(..end).unwrap_or_default());
            buffer.advance(end);
            let line = self.head.get(self.line..).unwrap_or_default();
            let announced = if self.plain { None } else { announced(line)? };
            match announced {
                None => {
                    self.line = 0;
                    return Ok(Some(Frame::Response(self.head.split().freeze())));
                }
                Some((at, len)) => {
                    let at = self.line + at;
                    if self.bodies && is_body(self.head.get(..at).unwrap_or_default()) {
                        self.head.truncate(at);
                        let head = Bytes::copy_from_slice(&self.head);
                        self.head.extend_from_slice(b"{0}\r\n");
                        self.line = self.head.len();
                        return Ok(Some(Frame::Body { head, len }));
                    }
                    if len > MAX_LITERAL || self.head.len() as u64 + len > MAX_RESPONSE as u64 {
                        return Err(limit(format!(
                            "a literal of {len} bytes was announced where none so long belongs"
                        )));
                    }
                    self.literal = len;
                    self.line = self.head.len();
                }
            }
        }
    }

    /// Returns whether the last frame ended where the buffer now starts: nothing is half read.
    pub(crate) fn is_idle(&self) -> bool {
        self.head.is_empty() && self.literal == 0
    }
}

fn limit(what: String) -> ImapError {
    ImapError::Limit { what }
}

/// Whether a line is a status response or a continuation request, whose free text may end in something like
/// `{3}`.
fn is_status(line: &[u8]) -> bool {
    if line.first() == Some(&b'+') {
        return true;
    }
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let (tag, word) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let status = |list: &[&[u8]]| list.iter().any(|one| one.eq_ignore_ascii_case(word));
    status(&[b"OK", b"NO", b"BAD"]) || (tag == b"*" && status(&[b"BYE", b"PREAUTH"]))
}

/// Returns where a literal's announcement starts in `line`, and the literal's length in bytes.
///
/// `{n}`, `{n+}` and `~{n}` at the end of the line count, unless they stand inside a quoted string.
fn announced(line: &[u8]) -> Result<Option<(usize, u64)>, ImapError> {
    let Some(body) = line.strip_suffix(b"\n").map(|l| l.strip_suffix(b"\r").unwrap_or(l)) else {
        return Ok(None);
    };
    let Some(body) = body.strip_suffix(b"}") else { return Ok(None) };
    // 22 characters hold every 64-bit number; anything longer is no announcement, or one that is refused
    // below.
    let Some(open) = memrchr(b'{', body) else { return Ok(None) };
    let digits = body.get(open + 1..).unwrap_or_default();
    let digits = digits.strip_suffix(b"+").or_else(|| digits.strip_suffix(b"-")).unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Ok(None);
    }
    let before = body.get(..open).unwrap_or_default();
    if in_quotes(before) {
        return Ok(None);
    }
    let len = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<u64>().ok());
    let len = len.filter(|len| *len <= i64::MAX as u64);
    let at = if before.last() == Some(&b'~') { open - 1 } else { open };
    len.map(|len| Some((at, len)))
        .ok_or_else(|| limit("a literal longer than 64 bits can count was announced".to_owned()))
}

fn in_quotes(text: &[u8]) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
    }
    quoted
}

/// Whether the literal behind `head` is a message body or header at the top level of a FETCH response:
/// `* 1 FETCH (… BODY[] `, `BODY[HEADER] `, `BODY[HEADER.FIELDS (MESSAGE-ID)] `.
fn is_body(head: &[u8]) -> bool {
    let trimmed = head.trim_ascii_end();
    let Some(section) = trimmed.strip_suffix(b"]") else { return false };
    let Some(open) = memrchr(b'[', section) else { return false };
    let item = section.get(..open).unwrap_or_default();
    let tail = item.get(item.len().saturating_sub(4)..).unwrap_or_default();
    let before = item.len().checked_sub(5).and_then(|at| item.get(at)).copied();
    tail.eq_ignore_ascii_case(b"BODY") && matches!(before, Some(b' ' | b'(')) && is_fetch(head)
}

fn is_fetch(head: &[u8]) -> bool {
    let mut words = head.get(..40).unwrap_or(head).split(|byte| matches!(byte, b' ' | b'('));
    words.next() == Some(b"*")
        && words.next().is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
        && words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"FETCH"))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Reads everything from `input`, given to the framer in pieces of `step` bytes; bodies are taken whole.
    fn frames(input: &[u8], step: usize, bodies: bool) -> Result<Vec<String>, ImapError> {
        let mut framer = Framer { bodies, ..Framer::default() };
        let (mut buffer, mut out, mut body) = (BytesMut::new(), Vec::new(), 0usize);
        for piece in input.chunks(step) {
            buffer.extend_from_slice(piece);
            loop {
                let take = body.min(buffer.len());
                buffer.advance(take);
                body -= take;
                if body > 0 {
                    break;
                }
                match framer.next(&mut buffer)? {
                    None => break,
                    Some(Frame::Response(bytes)) => out.push(String::from_utf8_lossy(&bytes).into_owned()),
                    Some(Frame::Body { head, len }) => {
                        out.push(format!("{} <{len}>", String::from_utf8_lossy(&head)));
                        body = usize::try_from(len).unwrap();
                    }
                }
            }
        }
        Ok(out)
    }

    const RECORDED: &[u8] = b"* OK [CAPABILITY IMAP4rev1] ready {5}\r\n\
* 1 FETCH (UID 7 FLAGS (\\Seen) BODY[] {5}\r\na\r\nb\n X \"y {3}\" BODY[TEXT] NIL)\r\n\
* LIST () \"/\" {4}\r\nA\r\nB\r\n\
* LIST () \"/\" \"quoted {3}\"\r\n\
* 2 FETCH (BODY[HEADER.FIELDS (MESSAGE-ID)] ~{2}\r\nab UID 8)\n\
+ go {1}\r\n\
A1 NO [X] {9}\r\n";

    #[test]
    fn cut_anywhere_the_result_is_the_same() {
        let whole = frames(RECORDED, RECORDED.len(), true).unwrap();
        assert_eq!(whole.len(), 9);
        assert_eq!(whole[1], "* 1 FETCH (UID 7 FLAGS (\\Seen) BODY[]  <5>");
        assert_eq!(
            whole[2],
            "* 1 FETCH (UID 7 FLAGS (\\Seen) BODY[] {0}\r\n X \"y {3}\" BODY[TEXT] NIL)\r\n"
        );
        for step in 1..RECORDED.len() {
            assert_eq!(frames(RECORDED, step, true).unwrap(), whole, "pieces of {step}");
        }
        for cut in 0..RECORDED.len() {
            let some = frames(&RECORDED[..cut], 3, true).unwrap();
            assert_eq!(some, whole[..some.len()], "cut at {cut}");
        }
    }

    #[test]
    fn without_bodies_literals_stay_inline() {
        let whole = frames(RECORDED, 1, false).unwrap();
        assert_eq!(whole.len(), 7);
        assert!(whole[1].contains("{5}\r\na\r\nb\n X"));
    }

    #[test]
    fn announced_sizes_are_bounded_before_anything_is_held() {
        for line in [
            "* LIST () \"/\" {4294967295}\r\n",
            "* LIST () \"/\" {99999999999999999999}\r\n",
            "* 1 FETCH (BODY[] {99999999999999999999}\r\n",
            "* 1 FETCH (ENVELOPE {2000000}\r\n",
        ] {
            assert!(matches!(frames(line.as_bytes(), 7, true), Err(ImapError::Limit { .. })), "{line}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let long = vec![b'x'; MAX_LINE + 2];
        assert!(matches!(frames(&long, 1 << 16, true), Err(ImapError::Limit { .. })));
    }

    #[test]
    fn many_tiny_literals_take_linear_time() {
        let mut input = b"* X (".to_vec();
        for _ in 0..200_000 {
            input.extend_from_slice(b"{1}\r\na ");
        }
        input.extend_from_slice(b")\r\n");
        let start = Instant::now();
        assert_eq!(frames(&input, 4096, true).unwrap().len(), 1);
        assert!(start.elapsed().as_secs() < 5, "took {:?}", start.elapsed());
    }
}
