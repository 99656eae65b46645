//! Realistic mail, invented by rule: no outside data, the same bytes for the same seed.

mod message;
mod odd;
mod rng;
mod words;

pub use rng::Rng;

use message::Place;

use crate::dovecot::Layout;

/// A message as it is to be stored on a server.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The whole message with CRLF line ends: header, blank line, body.
    pub raw: Vec<u8>,
    /// System flags and keywords, spelt as APPEND takes them.
    pub flags: Vec<String>,
    /// INTERNALDATE as `date-time` of RFC 3501, without quotes.
    pub date: String,
}

/// A folder to be made on a server, and the messages that go into it.
#[derive(Debug, Clone)]
pub struct Folder {
    /// `/` between levels; role folders are named as the layout names them.
    pub name: String,
    /// The messages in the order they are to be stored, which gives them ascending UIDs.
    pub mails: Vec<Mail>,
}

/// An invented mailbox, not on a server yet.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// All folders with their mail, INBOX first.
    pub folders: Vec<Folder>,
}

impl Mailbox {
    /// Adds up the messages of all folders.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.folders.iter().map(|f| f.mails.len()).sum()
    }

    /// Adds up the bytes of all messages.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.folders.iter().flat_map(|f| &f.mails).map(|m| m.raw.len()).sum()
    }
}

/// What [`mailbox`] is to invent. The same recipe gives the same bytes.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// Where the generator begins.
    pub seed: u64,
    /// About how many ordinary messages: each folder has its share, rounded.
    pub messages: usize,
    /// How many messages with an attachment of 1 to 3 MB besides.
    pub large: usize,
    /// Whether a folder of odd messages is added: headers and bodies that servers and clients get wrong.
    pub odd: bool,
    /// The server's layout, by which the folders of roles are named.
    pub layout: Layout,
}

impl Recipe {
    /// Returns a recipe for `messages` ordinary messages, without large and odd ones.
    #[must_use]
    pub fn small(seed: u64, messages: usize, layout: Layout) -> Self {
        Self { seed, messages, large: 0, odd: false, layout }
    }

    /// Adds the folder of odd messages.
    #[must_use]
    pub fn odd(mut self) -> Self {
        self.odd = true;
        self
    }
}

/// The user's own folders, with their share of the mail in percent. Non-ASCII, nested, with blanks and with
/// punctuation; a parent without mail of its own; names that mean a role elsewhere only below the top.
const OWN_FOLDERS: [(&str, usize); 9] = [
    ("Archive/2016", 9),
    ("Archive/2017", 9),
    ("Archive/Entwürfe", 3),
    ("Kunden/Müller & Söhne", 7),
    ("Kunden/Müll", 2),
    ("日本語/案件", 4),
    ("Newsletters", 8),
    ("Mailing Lists/rust-users", 8),
    ("Empty", 0),
];

/// Invents a mailbox for `owner`.
#[must_use]
pub fn mailbox(owner: &str, recipe: Recipe) -> Mailbox {
    let mut rng = Rng::new(recipe.seed);
    let mut shares = vec![("INBOX", 25)];
    shares.extend(
        recipe.layout.role_folders().iter().zip([15, 2, 4, 4]).map(|((name, _), share)| (*name, share)),
    );
    shares.extend(OWN_FOLDERS);
    let mut folders: Vec<Folder> = shares
        .into_iter()
        .map(|(name, share)| {
            let of = if share == 0 { 0 } else { (recipe.messages * share).div_ceil(100) };
            let mails = (0..of)
                .map(|index| message::ordinary(&mut rng, Place { owner, folder: name, index, of }))
                .collect();
            Folder { name: name.to_owned(), mails }
        })
        .collect();
    for index in 0..recipe.large {
        let size = 750_000 + rng.below(1_500_000);
        let folder = index % 3;
        let place = Place { owner, folder: "INBOX", index, of: recipe.large };
        folders[folder].mails.push(message::large(&mut rng, place, size));
    }
    if recipe.odd {
        folders.push(Folder { name: "Odd".to_owned(), mails: odd::messages(owner) });
    }
    Mailbox { folders }
}

/// One plain message, for tests that need to know exactly what it is.
#[must_use]
pub fn simple(subject: &str, body: &str) -> Vec<u8> {
    format!(
        "From: Tester <tester@example.org>\r\nTo: <you@example.org>\r\nSubject: {subject}\r\n\
         Message-ID: <{}@example.org>\r\nDate: Mon, 4 Mar 2019 10:00:00 +0100\r\n\r\n{body}\r\n",
        subject.bytes().map(|b| format!("{b:02x}")).collect::<String>()
    )
    .into_bytes()
}

/// Encodes as base64 of RFC 4648 with padding, on one line.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0_u32, |word, byte| (word << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            if place <= chunk.len() {
                out.push(char::from(ALPHABET[(word >> (18 - 6 * place)) as usize & 63]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_mail() {
        let recipe = Recipe { large: 1, ..Recipe::small(7, 60, Layout::CPanel).odd() };
        let (one, two) = (mailbox("a@b", recipe), mailbox("a@b", recipe));
        assert_eq!(format!("{one:?}"), format!("{two:?}"));
        assert!(one.messages() >= 60 && one.bytes() > 1_000_000, "{} {}", one.messages(), one.bytes());
    }

    #[test]
    fn base64_of_rfc_4648() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
