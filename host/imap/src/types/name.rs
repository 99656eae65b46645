//! Folder names as a server writes them, and folder paths as people read them.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::types::utf7;

/// A folder's name: exactly the bytes this server uses for it, quotes and literals undone.
///
/// Only these bytes go back to the server; [`FolderPath`] is for people, rules and other servers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FolderName(pub Vec<u8>);

impl FolderName {
    /// Returns the name of every account's inbox (RFC 9051 section 5.1).
    pub fn inbox() -> FolderName {
        FolderName(b"INBOX".to_vec())
    }

    /// Returns whether this is the inbox, in any spelling of its name.
    pub fn is_inbox(&self) -> bool {
        self.0.eq_ignore_ascii_case(b"INBOX")
    }
}

impl fmt::Display for FolderName {
    /// Writes the raw name, not decoded; control characters are escaped and bytes outside UTF-8 written as
    /// `\xNN`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        for chunk in self.0.utf8_chunks() {
            utf7::push_escaped(&mut out, chunk.valid());
            for byte in chunk.invalid() {
                out.push_str(&format!("\\x{byte:02x}"));
            }
        }
        f.write_str(&out)
    }
}

/// A folder's place in the account: its levels in Unicode, without the personal namespace's prefix.
///
/// The one-level path of the inbox equals itself in any spelling and is written `INBOX`.
#[derive(Debug, Clone)]
pub struct FolderPath(pub Vec<String>);

impl FolderPath {
    /// Returns the one-level path `INBOX`.
    pub fn inbox() -> FolderPath {
        FolderPath(vec!["INBOX".to_owned()])
    }

    /// Returns whether this is the inbox: one level that reads INBOX in any spelling.
    pub fn is_inbox(&self) -> bool {
        matches!(self.0.as_slice(), [only] if only.eq_ignore_ascii_case("INBOX"))
    }

    /// Returns whether it names a folder from the server's root, outside the personal namespace: its first
    /// level is empty, so that it is written with a `/` in front, as in `/Shared/news`.
    pub fn is_outside(&self) -> bool {
        matches!(self.0.as_slice(), [first, _, ..] if first.is_empty())
    }

    /// Returns the path written as `text`: levels joined by `/`, a `/` inside a level as `\/`, a `\` before
    /// `/` or `\` as `\\`, any character by its number as `\u{202e}`. A first level that reads "inbox" in any
    /// spelling becomes `INBOX`.
    ///
    /// Any text is a path; an empty level is kept, and refused only by
    /// [`ServerFacts::encode`](crate::ServerFacts::encode).
    pub fn parse(text: &str) -> FolderPath {
        let mut levels = vec![String::new()];
        for (character, escaped) in FolderPath::characters(text) {
            match levels.last_mut() {
                Some(level) if escaped || character != '/' => level.push(character),
                _ => levels.push(String::new()),
            }
        }
        FolderPath(levels).normalised()
    }

    /// Returns the characters of a path that is written as [`FolderPath::parse`] takes it, escapes undone,
    /// each with whether it was written by an escape: a `/` that was not is between two levels.
    pub fn characters(text: &str) -> Vec<(char, bool)> {
        let mut out = Vec::with_capacity(text.len());
        let mut left = text.chars();
        while let Some(character) = left.next() {
            let escaped = if character == '\\' { unescape(left.as_str()) } else { None };
            match escaped {
                Some((character, behind)) => {
                    out.push((character, true));
                    left = behind.chars();
                }
                None => out.push((character, false)),
            }
        }
        out
    }

    /// Returns the path with its first level written `INBOX` when it reads so in any spelling.
    pub(crate) fn normalised(mut self) -> FolderPath {
        if let Some(first) = self.0.first_mut()
            && first.eq_ignore_ascii_case("INBOX")
        {
            "INBOX".clone_into(first);
        }
        self
    }

    fn key(&self) -> &[String] {
        &self.0
    }
}

impl std::str::FromStr for FolderPath {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<FolderPath, Self::Err> {
        Ok(FolderPath::parse(text))
    }
}

impl fmt::Display for FolderPath {
    /// Writes the form that [`FolderPath::parse`] reads back; what a terminal would obey or hide is written
    /// by its number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_inbox() {
            return f.write_str("INBOX");
        }
        let mut out = String::new();
        for (position, level) in self.0.iter().enumerate() {
            if position > 0 {
                out.push('/');
            }
            let mut characters = level.chars();
            while let Some(character) = characters.next() {
                match character {
                    '/' => out.push_str("\\/"),
                    // A backslash needs its own escape only where it would be read as one, at a level's end
                    // too.
                    '\\' if begins_escape(characters.as_str()) => out.push_str("\\\\"),
                    character => utf7::push_escaped(&mut out, character.encode_utf8(&mut [0; 4])),
                }
            }
        }
        f.write_str(&out)
    }
}

/// What an escape says of which the backslash was read, and what stands behind it.
fn unescape(text: &str) -> Option<(char, &str)> {
    if let Some(number) = text.strip_prefix("u{") {
        let (number, behind) = number.split_once('}')?;
        let is_number = (1..=6).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_hexdigit());
        let character = u32::from_str_radix(number, 16).ok().filter(|_| is_number)?;
        return Some((char::from_u32(character)?, behind));
    }
    let mut characters = text.chars();
    let first = characters.next().filter(|first| matches!(first, '/' | '\\'))?;
    Some((first, characters.as_str()))
}

/// Whether a backslash in front of what is left of a level would be read as an escape's.
fn begins_escape(left: &str) -> bool {
    left.chars().next().is_none_or(utf7::is_unprintable) || unescape(left).is_some()
}

impl PartialEq for FolderPath {
    fn eq(&self, other: &FolderPath) -> bool {
        (self.is_inbox() && other.is_inbox()) || self.key() == other.key()
    }
}

impl Eq for FolderPath {}

impl Hash for FolderPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.is_inbox() { ["INBOX".to_owned()].as_slice().hash(state) } else { self.key().hash(state) }
    }
}

impl PartialOrd for FolderPath {
    fn partial_cmp(&self, other: &FolderPath) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for FolderPath {
    /// The inbox comes first, then byte order of the levels.
    fn cmp(&self, other: &FolderPath) -> Ordering {
        match (self.is_inbox(), other.is_inbox()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.key().cmp(other.key()),
        }
    }
}

/// Why a path has no name on a server, from [`ServerFacts::encode`](crate::ServerFacts::encode).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The path has no level, or one of its levels is empty.
    #[error("a folder name has an empty level")]
    Empty,
    /// A level holds the server's hierarchy delimiter, so it would become two levels.
    #[error("the folder level `{level}` holds `{delimiter}`, which separates levels on this server")]
    Delimiter {
        /// Its first 100 characters, escaped for display.
        level: String,
        /// The hierarchy delimiter of the server.
        delimiter: char,
    },
    /// A level holds a control character, which folder names cannot have.
    #[error("the folder level `{level}` holds a control character")]
    Control {
        /// Its first 100 characters, escaped for display.
        level: String,
    },
    /// The server has no hierarchy and the path has more than one level.
    #[error("the server has no folders inside folders")]
    Flat,
}

/// The part of a server's naming scheme that turns paths into names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Naming<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) delimiter: Option<char>,
}

impl Naming<'_> {
    pub(crate) fn encode(&self, path: &FolderPath) -> Result<FolderName, NameError> {
        if path.is_inbox() {
            return Ok(FolderName::inbox());
        }
        let mut levels: &[String] = &path.0;
        if levels.is_empty() {
            return Err(NameError::Empty);
        }
        for level in levels {
            self.check_level(level)?;
        }
        if levels.len() > 1 && self.delimiter.is_none() {
            return Err(NameError::Flat);
        }
        // `INBOX.INBOX` on an `INBOX.` server: see `decode`.
        if !self.prefix.is_empty() && all_inbox(levels) {
            levels = levels.get(1..).unwrap_or_default();
        }
        let mut name = utf7::encode(self.prefix);
        for (position, level) in levels.iter().enumerate() {
            if position > 0
                && let Some(delimiter) = self.delimiter
            {
                name.push(delimiter);
            }
            // Without a prefix the first level may be INBOX itself, and servers differ on the spelling of its
            // parent.
            let inbox = self.prefix.is_empty() && position == 0 && level.eq_ignore_ascii_case("INBOX");
            name.push_str(&if inbox { "INBOX".to_owned() } else { utf7::encode(level) });
        }
        Ok(FolderName(name.into_bytes()))
    }

    fn check_level(&self, level: &str) -> Result<(), NameError> {
        let shown = || {
            let mut out = String::new();
            utf7::push_escaped(&mut out, &level.chars().take(100).collect::<String>());
            out
        };
        if level.is_empty() {
            return Err(NameError::Empty);
        }
        if level.chars().any(char::is_control) {
            return Err(NameError::Control { level: shown() });
        }
        match self.delimiter {
            Some(delimiter) if level.contains(delimiter) => {
                Err(NameError::Delimiter { level: shown(), delimiter })
            }
            // A delimiter from base64's alphabet could appear inside an encoded level.
            Some(delimiter) if utf7::encode(level).contains(delimiter) => {
                Err(NameError::Delimiter { level: shown(), delimiter })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn decode(&self, name: &FolderName) -> FolderPath {
        self.read(name, decode_level)
    }

    /// The path with its levels as they stand on the wire, not decoded; bytes outside UTF-8 as `\xfc`.
    pub(crate) fn undecoded(&self, name: &FolderName) -> FolderPath {
        self.read(name, |level| FolderName(level.to_vec()).to_string())
    }

    /// The same with every byte written `\xfc` that is not plain ASCII: no two names are written alike.
    pub(crate) fn in_bytes(&self, name: &FolderName) -> FolderPath {
        self.read(name, in_bytes)
    }

    fn read(&self, name: &FolderName, level: impl Fn(&[u8]) -> String) -> FolderPath {
        if name.is_inbox() {
            return FolderPath::inbox();
        }
        let raw = name.0.as_slice();
        let prefix = utf7::encode(self.prefix);
        let stripped = match raw.get(..prefix.len()) {
            Some(head) if !prefix.is_empty() && same_prefix(head, prefix.as_bytes()) => {
                raw.get(prefix.len()..)
            }
            _ => None,
        };
        let rest = stripped.filter(|rest| !rest.is_empty()).unwrap_or(raw);
        let mut levels: Vec<String> = match self.delimiter.and_then(|d| u8::try_from(d).ok()) {
            Some(delimiter) => split(rest, delimiter).into_iter().map(level).collect(),
            None => vec![level(rest)],
        };
        // `INBOX.INBOX` is a folder of its own below the prefix and must not be taken for the inbox, so a
        // name that is nothing but INBOXes keeps one level of its prefix.
        if stripped.is_some() && all_inbox(&levels) {
            levels.insert(0, "INBOX".to_owned());
        }
        let path = FolderPath(levels);
        if self.prefix.is_empty() { path.normalised() } else { path }
    }
}

/// Text with every byte by its number that is not plain ASCII, or that an encoding or an escape begins with.
pub(crate) fn in_bytes(raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    for byte in raw {
        match byte {
            b'&' | b'\\' => out.push_str(&format!("\\x{byte:02x}")),
            b' '..=b'~' => out.push(char::from(*byte)),
            byte => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out
}

/// The name with every spelling of INBOX made one.
pub(crate) fn fold_inbox(name: Vec<u8>) -> Vec<u8> {
    if name.eq_ignore_ascii_case(b"INBOX") { b"INBOX".to_vec() } else { name }
}

fn all_inbox(levels: &[String]) -> bool {
    !levels.is_empty() && levels.iter().all(|level| level.eq_ignore_ascii_case("INBOX"))
}

/// Compares namespace prefixes: the INBOX part in any spelling, the rest exactly.
fn same_prefix(head: &[u8], prefix: &[u8]) -> bool {
    let inbox = prefix.len().min(5);
    match (head.split_at_checked(inbox), prefix.split_at_checked(inbox)) {
        (Some((head, head_rest)), Some((first, rest))) if first.eq_ignore_ascii_case(b"INBOX") => {
            head.eq_ignore_ascii_case(first) && head_rest == rest
        }
        _ => head == prefix,
    }
}

/// Splits at the delimiter; a last empty part is dropped, since some servers list a parent as `Parent/`.
fn split(name: &[u8], delimiter: u8) -> Vec<&[u8]> {
    let mut parts: Vec<&[u8]> = name.split(|byte| *byte == delimiter).collect();
    if parts.len() > 1 && parts.last().is_some_and(|last| last.is_empty()) {
        parts.pop();
    }
    parts
}

/// Reads one level: modified UTF-7, else the text as it stands, else Latin-1. What is not valid stays
/// readable, and the raw name stays with the folder.
fn decode_level(raw: &[u8]) -> String {
    match std::str::from_utf8(raw) {
        Ok(text) => utf7::decode(text).unwrap_or_else(|| text.to_owned()),
        Err(_) => raw.iter().map(|byte| char::from(*byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> FolderName {
        FolderName(text.as_bytes().to_vec())
    }

    fn path(levels: &[&str]) -> FolderPath {
        FolderPath(levels.iter().map(|level| (*level).to_owned()).collect())
    }

    const CPANEL: Naming<'static> = Naming { prefix: "INBOX.", delimiter: Some('.') };
    const PLAIN: Naming<'static> = Naming { prefix: "", delimiter: Some('/') };

    #[test]
    fn prefix_is_added_and_taken_away() {
        assert_eq!(CPANEL.encode(&path(&["Sent"])), Ok(name("INBOX.Sent")));
        assert_eq!(CPANEL.decode(&name("INBOX.Sent")), path(&["Sent"]));
        assert_eq!(CPANEL.decode(&name("inbox.Sent")), path(&["Sent"]));
        assert_eq!(CPANEL.encode(&path(&["inbox"])), Ok(name("INBOX")));
        assert_eq!(CPANEL.decode(&name("InBox")), FolderPath::inbox());
        assert_eq!(PLAIN.encode(&path(&["Entw\u{fc}rfe", "R&D"])), Ok(name("Entw&APw-rfe/R&-D")));
        assert_eq!(PLAIN.decode(&name("inbox/Sub")), path(&["INBOX", "Sub"]));
    }

    #[test]
    fn inbox_below_the_prefix_is_not_the_inbox() {
        for (raw, levels) in [
            ("INBOX.INBOX", &["INBOX", "INBOX"][..]),
            ("INBOX.Inbox", &["INBOX", "Inbox"]),
            ("INBOX.INBOX.INBOX", &["INBOX", "INBOX", "INBOX"]),
            ("INBOX.INBOX.Sub", &["INBOX", "Sub"]),
        ] {
            assert_eq!(CPANEL.decode(&name(raw)), path(levels), "{raw}");
            assert_eq!(CPANEL.encode(&path(levels)), Ok(name(raw)), "{raw}");
        }
    }

    #[test]
    fn refuses_what_would_change_the_tree() {
        assert!(matches!(CPANEL.encode(&path(&["a.b"])), Err(NameError::Delimiter { .. })));
        assert_eq!(PLAIN.encode(&path(&["a", "", "b"])), Err(NameError::Empty));
        assert_eq!(PLAIN.encode(&path(&[])), Err(NameError::Empty));
        assert!(matches!(PLAIN.encode(&path(&["a\r\nb"])), Err(NameError::Control { .. })));
        let flat = Naming { prefix: "", delimiter: None };
        assert_eq!(flat.encode(&path(&["a", "b"])), Err(NameError::Flat));
        assert_eq!(flat.decode(&name("a/b")), path(&["a/b"]));
    }

    #[test]
    fn broken_names_stay_readable() {
        assert_eq!(PLAIN.decode(&name("a&b/c")), path(&["a&b", "c"]));
        assert_eq!(PLAIN.decode(&FolderName(b"Entw\xfcrfe".to_vec())), path(&["Entw\u{fc}rfe"]));
        assert_eq!(PLAIN.decode(&name("Parent/")), path(&["Parent"]));
        assert_eq!(FolderName(b"a\x1b[2J\xff".to_vec()).to_string(), "a\\u{1b}[2J\\xff");
    }

    #[test]
    fn paths_are_written_with_escaped_slashes() {
        assert_eq!(path(&["a/b", "c"]).to_string(), "a\\/b/c");
        assert_eq!(FolderPath::parse("a\\/b/c"), path(&["a/b", "c"]));
        assert_eq!(FolderPath::parse("inbox/Sub"), path(&["INBOX", "Sub"]));
        assert_eq!(path(&["Inbox"]), path(&["INBOX"]));
        for (levels, written) in [
            (&["a\u{202e}b\t"][..], "a\\u{202e}b\\u{9}"),
            (&["a\\u{41}"], "a\\\\u{41}"),
            (&["a\\", "\u{feff}"], "a\\\\/\\u{feff}"),
            (&["a\\\u{200b}b"], "a\\\\\\u{200b}b"),
            (&["a\\b"], "a\\b"),
            (&["", "Shared", "x"], "/Shared/x"),
        ] {
            assert_eq!(path(levels).to_string(), written);
            assert_eq!(FolderPath::parse(written), path(levels), "{written}");
        }
        assert!(path(&["inbox"]) < path(&["A"]));
    }

    proptest! {
        #[test]
        fn display_and_parse_round_trip(levels in prop::collection::vec("[a-z/\\\\ .&{}0-9\u{7}\u{200b}]{0,8}", 1..5)) {
            let path = FolderPath(levels);
            prop_assert_eq!(FolderPath::parse(&path.to_string()), path);
        }

        #[test]
        fn encode_and_decode_round_trip(levels in prop::collection::vec("[^\\p{Cc}/.]{1,8}", 1..5)) {
            let path = FolderPath(levels);
            for naming in [CPANEL, PLAIN] {
                let Ok(name) = naming.encode(&path) else { continue };
                let again = naming.decode(&name);
                prop_assert_eq!(naming.encode(&again), Ok(name));
            }
        }

        #[test]
        fn decoding_never_panics(raw in prop::collection::vec(any::<u8>(), 0..40)) {
            let name = FolderName(raw);
            CPANEL.decode(&name);
            PLAIN.decode(&name);
            drop(name.to_string());
        }
    }
}
