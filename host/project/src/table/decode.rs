//! Decoding: from a file's bytes to lines of text, and back.

use std::borrow::Cow;
use std::ops::Deref;
use std::path::Path;

use encoding_rs::WINDOWS_1252;
use zeroize::Zeroizing;

use crate::error::ProjectError;

/// The text of a file: borrowed when it is UTF-8, else decoded, and wiped after use.
pub(super) enum Text<'b> {
    Borrowed(&'b str),
    Owned(Zeroizing<String>),
    /// As `Owned`, from Windows-1252: whoever wrote the file is told.
    Windows(Zeroizing<String>),
}

impl Text<'_> {
    /// Whether it was read as Windows-1252.
    pub(super) fn is_windows(&self) -> bool {
        matches!(self, Self::Windows(_))
    }
}

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) | Self::Windows(text) => text,
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

/// What files are by their first bytes that are no CSV and end in `.csv` by mistake.
const OTHER_FILES: [(&[u8], &str); 6] = [
    (b"PK\x03\x04", "it is a spreadsheet or another ZIP file, no CSV"),
    (b"\xd0\xcf\x11\xe0", "it is a spreadsheet of an old Excel, no CSV"),
    (b"%PDF-", "it is a PDF, no CSV"),
    (b"\x1f\x8b", "it is compressed by gzip, no CSV"),
    (b"{\\rtf", "it is a text document (RTF), no CSV"),
    (b"<", "it is a web page or XML, no CSV"),
];

/// Decodes UTF-8 with or without a byte order mark, UTF-16 with one, and Windows-1252, as which Excel saves
/// "CSV" in most of Europe.
pub(super) fn decode(bytes: &[u8]) -> Result<Text<'_>, DecodeError> {
    if let Some((_, cause)) = OTHER_FILES.iter().find(|(first, _)| bytes.starts_with(first)) {
        return Err(DecodeError { line: None, cause: (*cause).into() });
    }
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => Text::Owned(utf16(rest, u16::from_le_bytes)?),
        [0xfe, 0xff, rest @ ..] => Text::Owned(utf16(rest, u16::from_be_bytes)?),
        [0xef, 0xbb, 0xbf, rest @ ..] => Text::Borrowed(utf8(rest)?),
        rest => match utf8(rest) {
            Ok(text) => Text::Borrowed(text),
            Err(error) => Text::Windows(windows(rest).ok_or(error)?),
        },
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

fn utf8(bytes: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|error| DecodeError {
        line: Some(1 + bytes[..error.valid_up_to()].iter().filter(|&&b| b == b'\n').count()),
        cause: "it is not UTF-8 here".into(),
    })
}

/// Reads bytes as Windows-1252; `None` when they are not likely to be: there is a byte which that code page
/// does not have or no text has, or some letters are UTF-8, so that reading the whole as one or the other
/// would spoil names.
fn windows(bytes: &[u8]) -> Option<Zeroizing<String>> {
    const UNUSED: [u8; 5] = [0x81, 0x8d, 0x8f, 0x90, 0x9d];
    let control = |byte: u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r');
    let utf8_letters = bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii());
    if utf8_letters || bytes.iter().any(|&byte| UNUSED.contains(&byte) || control(byte)) {
        return None;
    }
    let mut decoder = WINDOWS_1252.new_decoder_without_bom_handling();
    // Room for all of it at once: growing would leave copies of passwords behind that nobody wipes.
    let room = decoder.max_utf8_buffer_length(bytes.len())?;
    let mut text = Zeroizing::new(String::with_capacity(room));
    let (result, read, replaced) = decoder.decode_to_string(bytes, &mut text, true);
    let whole = result == encoding_rs::CoderResult::InputEmpty && read == bytes.len() && !replaced;
    whole.then_some(text)
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

/// Encodes a text as the file is that [`decode`] has read into `like`, its byte order mark included.
pub(super) fn encode_like(file: &[u8], like: &Text<'_>, text: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(file.len()));
    match file {
        _ if like.is_windows() => {
            let encoded = WINDOWS_1252.encode(text).0.into_owned();
            bytes.extend_from_slice(&Zeroizing::new(encoded));
        }
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
