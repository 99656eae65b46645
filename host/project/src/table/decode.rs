//! Decoding: from a file's bytes to lines of text, and back.

use std::borrow::Cow;
use std::ops::Deref;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::ProjectError;

/// The text of a file: borrowed when it is UTF-8, else decoded, and wiped after use.
pub(super) enum Text<'b> {
    Borrowed(&'b str),
    Owned(Zeroizing<String>),
}

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
        }
    }
}

/// Why the bytes of a file are no text, and in which line.
pub(super) struct DecodeError {
    line: Option<usize>,
    cause: Cow<'static, str>,
}

impl DecodeError {
    pub(super) fn error(self, file: &Path) -> ProjectError {
        ProjectError::new(file, self.line, self.cause, "save it as CSV in UTF-8")
    }
}

/// Decodes UTF-8 with or without a byte order mark, and UTF-16 with one.
pub(super) fn decode(bytes: &[u8]) -> Result<Text<'_>, DecodeError> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => Text::Owned(utf16(rest, u16::from_le_bytes)?),
        [0xfe, 0xff, rest @ ..] => Text::Owned(utf16(rest, u16::from_be_bytes)?),
        [b'P', b'K', 3, 4, ..] => {
            return Err(DecodeError {
                line: None,
                cause: "it is a spreadsheet or another ZIP file, no CSV".into(),
            });
        }
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => {
            Text::Borrowed(std::str::from_utf8(rest).map_err(|error| DecodeError {
                line: Some(1 + rest[..error.valid_up_to()].iter().filter(|&&b| b == b'\n').count()),
                cause: "it is not UTF-8 here".into(),
            })?)
        }
    };
    match text.find('\0') {
        // UTF-16 without a byte order mark looks like this, and so does anything that is no text.
        Some(at) => Err(DecodeError {
            line: Some(1 + text[..at].matches('\n').count()),
            cause: "there is a NUL character here, which no text has".into(),
        }),
        None => Ok(text),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Zeroizing<String>, DecodeError> {
    let broken = || DecodeError { line: None, cause: "it begins as UTF-16 and is not".into() };
    if !bytes.len().is_multiple_of(2) {
        return Err(broken());
    }
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    // A unit of two bytes is at most three in UTF-8: no growing, so no copies left behind.
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() / 2 * 3));
    for decoded in char::decode_utf16(units) {
        text.push(decoded.map_err(|_| broken())?);
    }
    Ok(text)
}

/// Encodes a text as the file is that [`decode`] has read, its byte order mark included.
pub(super) fn encode_like(file: &[u8], text: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(file.len()));
    match file {
        [0xff, 0xfe, ..] => utf16_bytes(&mut bytes, &[0xff, 0xfe], text, u16::to_le_bytes),
        [0xfe, 0xff, ..] => utf16_bytes(&mut bytes, &[0xfe, 0xff], text, u16::to_be_bytes),
        _ => {
            let mark = file.get(..3).filter(|mark| *mark == b"\xef\xbb\xbf").unwrap_or_default();
            bytes.extend_from_slice(mark);
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes
}

fn utf16_bytes(bytes: &mut Vec<u8>, mark: &[u8], text: &str, unit: fn(u16) -> [u8; 2]) {
    bytes.extend_from_slice(mark);
    bytes.extend(text.encode_utf16().flat_map(unit));
}

/// Splits a text into lines, numbered from 1. A line ends with LF, CR LF, or a CR alone.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        match text.find(['\n', '\r']) {
            Some(at) => {
                let after = &text[at..];
                let end = if after.starts_with("\r\n") { 2 } else { 1 };
                rest = Some(&after[end..]);
                Some(&text[..at])
            }
            None => rest.take(),
        }
    })
    .enumerate()
    .map(|(n, line)| (n + 1, line))
}
