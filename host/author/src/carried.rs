//! What the build script packed: templates, SDKs, and the crates the Rust one needs.

use std::collections::BTreeMap;
use std::io::Read as _;

use crate::error::AuthorError;

const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/carried"));

/// Path in the package to content: texts, and the few files that are none.
#[derive(Debug)]
pub(crate) struct Carried(BTreeMap<String, String>, BTreeMap<String, Vec<u8>>);

impl Carried {
    /// Unpacks what the build script packed. Damage is an error, not a panic.
    pub(crate) fn open() -> Result<Self, AuthorError> {
        let mut text = String::new();
        let read = flate2::read::DeflateDecoder::new(PACKED).read_to_string(&mut text);
        let files = read.map_err(|error| error.to_string());
        let files = files.and_then(|_| serde_json::from_str(&text).map_err(|error| error.to_string()));
        files.map(|(text, other)| Self(text, other)).map_err(AuthorError::Carried)
    }

    /// The files below a folder, by their path in it, sorted.
    pub(crate) fn below(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(move |(path, text)| {
            let path = path.strip_prefix(folder)?.strip_prefix('/')?;
            Some((path, text.as_str()))
        })
    }

    /// The files below a folder that are no text.
    pub(crate) fn other_below(&self, folder: &str) -> impl Iterator<Item = (&str, &[u8])> {
        self.1.iter().filter_map(move |(path, bytes)| {
            let path = path.strip_prefix(folder)?.strip_prefix('/')?;
            Some((path, bytes.as_slice()))
        })
    }

    pub(crate) fn file(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }
}
