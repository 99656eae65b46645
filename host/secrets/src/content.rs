//! What is in a store: a secret for each log-in at one host of one side, and the JSON it is written as.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{Timestamp, Unit};
use mailhaul_project::{Secret, SideName};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The version of the document; a later one is refused, never guessed at.
const VERSION: u32 = 1;

/// Where a secret signs in: it is for this log-in of this host and for nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    side: SideName,
    host: String,
    login: String,
}

impl Place {
    /// Makes the place of a log-in, whose letters' case does not matter. `host` is in the form in which hosts
    /// are compared, with its port where that is none of IMAP's.
    #[must_use]
    pub fn new(side: SideName, host: &str, login: &str) -> Self {
        Self { side, host: host.to_lowercase(), login: login.to_lowercase() }
    }

    /// Returns the side it signs in at.
    #[must_use]
    pub fn side(&self) -> SideName {
        self.side
    }

    /// Returns the host in lower case, `host` or `host:port`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the log-in in lower case, which is how places are compared; [`Entry::login`] is for people.
    #[must_use]
    pub fn login(&self) -> &str {
        &self.login
    }
}

/// What put a secret into the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// `secrets set`: a person has typed it.
    Set,
    /// `secrets take`: it was a cell of a list.
    Take,
    /// `provision`: it was made there, and nobody has seen it.
    Provision,
}

impl By {
    /// Returns its word: `set`, `take` or `provision`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Take => "take",
            Self::Provision => "provision",
        }
    }
}

/// One secret of the store. `Debug` hides it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The log-in as it was written where the secret came from.
    pub login: String,
    /// The password or token; its bytes are overwritten when the last copy goes.
    pub secret: Secret,
    /// When it came into the store, to the second.
    pub since: Timestamp,
    /// What put it there.
    pub by: By,
}

/// Everything in a store, by place.
#[derive(Debug, Clone, Default)]
pub struct Contents(BTreeMap<Place, Entry>);

impl Contents {
    /// Returns the secret of a place.
    #[must_use]
    pub fn get(&self, place: &Place) -> Option<&Entry> {
        self.0.get(place)
    }

    /// Goes through all of them: sources first, then by host and log-in.
    pub fn iter(&self) -> impl Iterator<Item = (&Place, &Entry)> {
        self.0.iter()
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts a secret in, in the place of one that is there.
    pub(crate) fn put(&mut self, side: SideName, host: &str, login: &str, secret: Secret, by: By) {
        let since = Timestamp::now();
        let since = since.round(Unit::Second).unwrap_or(since);
        self.0.insert(Place::new(side, host, login), Entry { login: login.to_owned(), secret, since, by });
    }

    pub(crate) fn remove(&mut self, place: &Place) -> bool {
        self.0.remove(place).is_some()
    }

    /// Writes the document that [`Contents::read`] takes.
    pub(crate) fn write(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        let coded: Vec<Zeroizing<String>> = self
            .0
            .values()
            .map(|entry| Zeroizing::new(STANDARD.encode(entry.secret.expose_secret())))
            .collect();
        let rows = self.0.iter().zip(&coded).map(|((place, entry), secret)| Row {
            side: place.side.as_str().into(),
            host: place.host.as_str().into(),
            login: entry.login.as_str().into(),
            secret,
            since: entry.since.to_string().into(),
            by: entry.by,
        });
        let document = Document { version: VERSION, secrets: rows.collect() };
        // Counted first: a buffer that grows leaves copies behind that nobody overwrites.
        let mut count = Count(0);
        serde_json::to_writer(&mut count, &document)?;
        let mut text = Zeroizing::new(Vec::with_capacity(count.0));
        serde_json::to_writer(&mut *text, &document)?;
        Ok(text)
    }

    /// Reads the document.
    pub(crate) fn read(text: &[u8]) -> Result<Self, Unreadable> {
        let Version { version } = serde_json::from_slice(text).map_err(|_| Unreadable::Damaged)?;
        if version > VERSION {
            return Err(Unreadable::Newer);
        }
        let document: Document<'_> = serde_json::from_slice(text).map_err(|_| Unreadable::Damaged)?;
        let entries = document.secrets.into_iter().map(|row| {
            let side = side_of(&row.side).ok_or(Unreadable::Damaged)?;
            let secret = STANDARD.decode(row.secret).map_err(|_| Unreadable::Damaged)?;
            let since = row.since.parse().map_err(|_| Unreadable::Damaged)?;
            let entry =
                Entry { login: row.login.to_string(), secret: Secret::from(secret), since, by: row.by };
            Ok((Place::new(side, &row.host, &row.login), entry))
        });
        entries.collect::<Result<_, _>>().map(Self)
    }
}

/// Why a document is not read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    Newer,
    Damaged,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Document<'a> {
    version: u32,
    #[serde(borrow)]
    secrets: Vec<Row<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    side: Cow<'a, str>,
    #[serde(borrow)]
    host: Cow<'a, str>,
    #[serde(borrow)]
    login: Cow<'a, str>,
    /// In base64: any bytes, and never escaped, so that it is read without a copy.
    secret: &'a str,
    #[serde(borrow)]
    since: Cow<'a, str>,
    by: By,
}

fn side_of(word: &str) -> Option<SideName> {
    [SideName::Source, SideName::Target].into_iter().find(|side| side.as_str() == word)
}

/// A writer that only counts.
struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_places_have_no_case() {
        let mut contents = Contents::default();
        let secret = |bytes: &[u8]| Secret::from(bytes.to_vec());
        contents.put(
            SideName::Target,
            "mail.New.example",
            "Anna@new.example",
            secret(b"a,\"b\xff\n"),
            By::Provision,
        );
        contents.put(SideName::Source, "mail.new.example", "Anna@new.example", secret(b""), By::Take);
        let read = Contents::read(&contents.write().unwrap()).unwrap();
        let place = Place::new(SideName::Target, "MAIL.new.example", "anna@NEW.example");
        let entry = read.get(&place).unwrap();
        assert_eq!((entry.login.as_str(), entry.by), ("Anna@new.example", By::Provision));
        assert_eq!(entry.secret.expose_secret(), b"a,\"b\xff\n");
        assert_eq!(entry.since, contents.get(&place).unwrap().since);
        assert_eq!(
            (read.len(), read.get(&Place::new(SideName::Target, "other", "anna@new.example")).is_none()),
            (2, true)
        );
        let written = contents.write().unwrap();
        assert_eq!(written.capacity(), written.len(), "it has not grown");
        assert!(!format!("{read:?}").contains("YSwi"), "{read:?}");
    }

    #[test]
    fn a_later_version_is_refused_and_nonsense_is_damage() {
        let later = br#"{"version":2,"sealed":[]}"#;
        assert_eq!(Contents::read(later).unwrap_err(), Unreadable::Newer);
        for text in ["", "{}", r#"{"version":1}"#, r#"{"version":1,"secrets":[{"side":"left"}]}"#] {
            assert_eq!(Contents::read(text.as_bytes()).unwrap_err(), Unreadable::Damaged, "{text}");
        }
    }
}
