//! The meaning of one framed response: status lines with their codes, continuation requests, untagged data.

use std::borrow::Cow;

use bytes::Bytes;

use crate::syntax::scrub::Secrets;
use crate::syntax::token::Tokens;

/// The first word of a status response (RFC 9051 section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Ok,
    No,
    Bad,
    Bye,
    Preauth,
}

/// A status response: `OK [CODE arguments] text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatusLine {
    pub(crate) status: Status,
    /// The response code's name in upper case, such as `UIDVALIDITY`.
    pub(crate) code: Option<String>,
    /// What stands behind the code's name inside the brackets.
    pub(crate) arguments: Vec<u8>,
    /// The human-readable text behind the code, scrubbed of secrets and at most 1,000 bytes long.
    pub(crate) text: String,
}

/// One response by its kind (RFC 9051 section 7).
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// The status that ends the command with this tag.
    Tagged { tag: String, line: StatusLine },
    /// A status response without a tag: `* OK …`, `* BYE …`.
    Untagged(StatusLine),
    /// `+ …`; the text behind the plus sign, which may be missing altogether.
    Continue(Bytes),
    /// `* …` with data. `number` is set for `* 12 EXISTS`; `word` is upper case.
    Data { number: Option<u32>, word: String, response: Bytes },
    /// A line that is no IMAP response.
    Noise(Bytes),
}

impl Reply {
    /// Reads a response that was cut out by the framer. What it says to people is without `secrets`.
    pub(crate) fn read(response: Bytes, secrets: &Secrets) -> Reply {
        if let Some(text) = response.strip_prefix(b"+") {
            return Reply::Continue(response.slice_ref(text.trim_ascii()));
        }
        let (tag, rest) = split_word(&response);
        let (word, after) = split_word(rest);
        if tag.is_empty() {
            return Reply::Noise(response);
        }
        let status = status_word(word);
        if tag != b"*" {
            return match status {
                Some(status @ (Status::Ok | Status::No | Status::Bad)) => {
                    let tag = String::from_utf8_lossy(tag.get(..64).unwrap_or(tag)).into_owned();
                    Reply::Tagged { tag, line: StatusLine::read(status, after, secrets) }
                }
                _ => Reply::Noise(response),
            };
        }
        if let Some(status) = status {
            return Reply::Untagged(StatusLine::read(status, after, secrets));
        }
        let number = std::str::from_utf8(word).ok().and_then(|text| text.parse().ok());
        let word = if number.is_some() { split_word(after).0 } else { word };
        let word = String::from_utf8_lossy(word.get(..64).unwrap_or(word)).to_ascii_uppercase();
        // These are shown, and told to plugins; all other data is mail and what belongs to it.
        let response =
            match matches!(word.as_str(), "ID" | "CAPABILITY").then(|| secrets.scrub_data(&response)) {
                Some(Cow::Owned(listed)) => listed.into(),
                _ => response,
            };
        Reply::Data { number, word, response }
    }

    /// Returns how many bytes it keeps in memory, roughly.
    pub(crate) fn len(&self) -> usize {
        match self {
            Reply::Tagged { line, .. } | Reply::Untagged(line) => line.arguments.len() + line.text.len(),
            Reply::Continue(bytes) | Reply::Noise(bytes) | Reply::Data { response: bytes, .. } => bytes.len(),
        }
    }
}

/// Returns the values of an untagged data response, behind `* WORD` or `* 12 WORD`.
pub(crate) fn values<'a>(response: &'a [u8], number: Option<u32>) -> Tokens<'a> {
    let (_, rest) = split_word(response);
    let (_, rest) = split_word(rest);
    Tokens::new(if number.is_some() { split_word(rest).1 } else { rest })
}

impl StatusLine {
    fn read(status: Status, rest: &[u8], secrets: &Secrets) -> StatusLine {
        let rest = rest.trim_ascii();
        // Scrubbed before it is cut: half a secret would not be found.
        let words = |text: &[u8]| lossy(&secrets.scrub(text));
        let plain = || StatusLine { status, code: None, arguments: Vec::new(), text: words(rest) };
        let Some(inner) = rest.strip_prefix(b"[") else { return plain() };
        let Some(close) = closing_bracket(inner) else { return plain() };
        let (code, text) =
            (inner.get(..close).unwrap_or_default(), inner.get(close + 1..).unwrap_or_default());
        let (name, arguments) = split_word(code);
        // Codes are short words; "[1.2.3.4] greets you" is text.
        if name.is_empty()
            || name.len() > 64
            || !name.iter().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b))
        {
            return plain();
        }
        if secrets.is_secret_code(name) {
            return plain();
        }
        let code = String::from_utf8_lossy(name).to_ascii_uppercase();
        let arguments = arguments.trim_ascii();
        let arguments = match code.as_str() {
            "CAPABILITY" => secrets.scrub_data(arguments).into_owned(),
            _ => arguments.to_vec(),
        };
        StatusLine { status, code: Some(code), arguments, text: words(text.trim_ascii()) }
    }

    /// Returns the first argument of the code as a number, when the code is `code`.
    pub(crate) fn code_number(&self, code: &str) -> Option<u64> {
        if self.code.as_deref() != Some(code) {
            return None;
        }
        Tokens::new(&self.arguments).next_value()?.number()
    }
}

/// Returns where the code ends: at the first bracket outside quotes and parentheses, since arguments may hold
/// one, as in `[REFERRAL "a]b"]` and `[PERMANENTFLAGS (a])]`.
fn closing_bracket(code: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped, mut depth) = (false, false, 0usize);
    for (at, byte) in code.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b']' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    // An unbalanced quote or parenthesis: the first bracket will do.
    code.iter().position(|byte| *byte == b']')
}

fn status_word(word: &[u8]) -> Option<Status> {
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    Some(match () {
        () if is("OK") => Status::Ok,
        () if is("NO") => Status::No,
        () if is("BAD") => Status::Bad,
        () if is("BYE") => Status::Bye,
        () if is("PREAUTH") => Status::Preauth,
        () => return None,
    })
}

/// Splits off the first word; several blanks count as one.
pub(crate) fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii_start();
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    text.split_at(end)
}

/// Returns the server's words as text, cut to a bounded length: they are kept with errors and in reports.
fn lossy(bytes: &[u8]) -> String {
    const MAX: usize = 1000;
    String::from_utf8_lossy(bytes.get(..MAX).unwrap_or(bytes)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Reply {
        Reply::read(Bytes::copy_from_slice(text.as_bytes()), &Secrets::default())
    }

    #[test]
    fn words_are_without_the_secret_before_they_are_cut() {
        let mut secrets = Secrets::default();
        secrets.hide(b"canary-5ecret");
        let heard = |line: String| match Reply::read(Bytes::from(line), &secrets) {
            Reply::Tagged { line, .. } | Reply::Untagged(line) => line,
            other => panic!("{other:?}"),
        };
        for status in ["A1 NO", "A1 BAD", "A1 OK", "* BYE", "* OK", "* PREAUTH"] {
            assert_eq!(
                heard(format!("{status} [ALERT] LOGIN anna canary-5ecret\r\n")).text,
                "LOGIN anna [secret]"
            );
            let code = heard(format!("{status} [CANARY-5ECRET] no\r\n"));
            assert_eq!((code.code, code.text.as_str()), (None, "[[secret]] no"));
        }
        let cut = heard(format!("A1 NO {} canary-5ecret", "x".repeat(990)));
        assert!(cut.text.len() <= 1000 && !cut.text.contains("canary"), "{}", cut.text);
        let list = heard("* OK [CAPABILITY IDLE canary-5ecret] hi\r\n".to_owned());
        assert_eq!(list.arguments, b"IDLE [secret]");
    }

    #[test]
    fn status_lines() {
        let Reply::Tagged { tag, line } = read("A7 no [overquota]  Mailbox full\r\n") else { panic!() };
        assert_eq!((tag.as_str(), line.status), ("A7", Status::No));
        assert_eq!((line.code.as_deref(), line.text.as_str()), (Some("OVERQUOTA"), "Mailbox full"));

        let Reply::Tagged { line, .. } = read("A7 OK [APPENDUID 38505 3955] done\r\n") else { panic!() };
        assert_eq!(line.code_number("APPENDUID"), Some(38505));

        let Reply::Untagged(line) = read("* OK [PERMANENTFLAGS (\\Seen odd] \\*)] Flags\r\n") else {
            panic!()
        };
        assert_eq!(line.arguments, b"(\\Seen odd] \\*)");

        let Reply::Untagged(line) = read("* OK [READ-ONLY]\u{e9}\r\n") else { panic!() };
        assert_eq!((line.code.as_deref(), line.text.as_str()), (Some("READ-ONLY"), "\u{e9}"));

        let Reply::Untagged(line) = read("* BYE\r\n") else { panic!() };
        assert_eq!((line.status, line.text.as_str()), (Status::Bye, ""));

        let Reply::Untagged(line) = read("* OK [127.0.0.1] hello\r\n") else { panic!() };
        assert_eq!((line.code, line.text.as_str()), (None, "[127.0.0.1] hello"));
    }

    #[test]
    fn data_continuations_and_noise() {
        let Reply::Data { number, word, .. } = read("*  12  exists\r\n") else { panic!() };
        assert_eq!((number, word.as_str()), (Some(12), "EXISTS"));
        let Reply::Data { number, word, response } = read("* CAPABILITY IMAP4rev1  IDLE \r\n") else {
            panic!()
        };
        assert_eq!((number, word.as_str(), values(&response, number).count()), (None, "CAPABILITY", 2));
        assert!(matches!(read("+\r\n"), Reply::Continue(text) if text.is_empty()));
        assert!(matches!(read("+ZGF0YQ==\r\n"), Reply::Continue(text) if &text[..] == b"ZGF0YQ=="));
        for noise in ["\r\n", "hello\r\n", "A1 FETCH\r\n", "A1\r\n"] {
            assert!(matches!(read(noise), Reply::Noise(_)), "{noise}");
        }
    }
}
