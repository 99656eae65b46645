//! The key: an X25519 identity of age, as one line of text.

use std::fmt;

use age::secrecy::ExposeSecret as _;
use age::x25519::{Identity, Recipient};
use zeroize::Zeroizing;

/// What a line that holds a key begins with.
const PREFIX: &str = "AGE-SECRET-KEY-1";

/// The key to a store. `Debug` shows its public half alone; the other is overwritten when it is dropped.
#[derive(Clone)]
pub(crate) struct Key(Identity);

impl Key {
    /// Makes a new one of the operating system's random bytes.
    pub(crate) fn generate() -> Self {
        Self(Identity::generate())
    }

    /// Reads the text of a key file: lines that are empty or begin with `#` aside, one line with one key.
    /// `None` for anything else.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (Some(line), None) = (lines.next(), lines.next()) else { return None };
        line.starts_with(PREFIX).then(|| line.parse().ok().map(Self)).flatten()
    }

    /// Returns the text that [`Key::parse`] reads, as `age-keygen` writes it.
    pub(crate) fn text(&self) -> Zeroizing<Vec<u8>> {
        let line = self.0.to_string();
        let head = format!("# public key: {}\n", self.recipient());
        let mut text = Zeroizing::new(Vec::with_capacity(head.len() + line.expose_secret().len() + 1));
        text.extend_from_slice(head.as_bytes());
        text.extend_from_slice(line.expose_secret().as_bytes());
        text.push(b'\n');
        text
    }

    /// Returns its public half, `age1…`: what is sealed to it names it by that.
    pub(crate) fn recipient(&self) -> String {
        self.0.to_public().to_string()
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.0
    }
}

/// Whether a text is the public half of a key; a letter that was changed makes it none.
pub(crate) fn is_recipient(text: &str) -> bool {
    text.parse::<Recipient>().is_ok()
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_public() == other.0.to_public()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.recipient())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let key = Key::generate();
        assert_eq!(Key::parse(&key.text()).as_ref(), Some(&key));
        assert!(is_recipient(&key.recipient()));
        let text = String::from_utf8(key.text().to_vec()).unwrap();
        let line = text.lines().nth(1).unwrap();
        assert_eq!(Key::parse(format!("# created: today\r\n\r\n{line}\r\n").as_bytes()).as_ref(), Some(&key));
        assert!(!format!("{key:?}").contains(PREFIX));
        for wrong in ["", "# only words", "canary", &format!("{line}\n{line}"), &line[..line.len() - 1]] {
            assert_eq!(Key::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
