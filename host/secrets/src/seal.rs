//! Bytes sealed to a key, or under a passphrase: whole age files, which `age` and `rage` open as well.
//!
//! What is sealed to a key says in its header which one, in a stanza of our own that other programs pass over
//! (c2sp.org/age, *Recipient stanza*): a wrong key is told from a damaged file.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{self, Read as _, Write as _};

use age::secrecy::{ExposeSecret as _, SecretString};
use age::{DecryptError, Decryptor, EncryptError, Encryptor, Identity, Recipient, scrypt};
use age_core::format::{FileKey, Stanza};
use zeroize::Zeroizing;

use crate::key::{Key, is_recipient};

/// The tag of the stanza that names the key.
const NAMED: &str = "mailhaul-key";

/// 2 to the power of this is what a passphrase costs to try: 256 MiB and about a second, as `age` has it.
const WORK: u8 = 18;

/// The most that is spent on a file somebody else may have put there: 1 GiB and some seconds.
const MOST_WORK: u8 = 20;

/// Why sealed bytes do not open.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// They are sealed to this key, by its public half.
    OtherKey(String),
    /// They are not what was sealed; a clause.
    Damaged(&'static str),
    /// The passphrase is another one.
    WrongPassphrase,
}

/// Seals bytes to a key.
pub(crate) fn seal(plain: &[u8], key: &Key) -> io::Result<Vec<u8>> {
    let to = key.identity().to_public();
    let named = Named(key.recipient());
    encrypt(plain, &[&named, &to])
}

/// Opens what [`seal`] has sealed, also when another program did so.
pub(crate) fn open(sealed: &[u8], key: &Key) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let opener = Opener { key, named: RefCell::default() };
    decrypt(sealed, &opener).map_err(|error| match error {
        DecryptError::NoMatchingKeys => match opener.named.take() {
            Some(other) if other != key.recipient() && is_recipient(&other) => Unopened::OtherKey(other),
            _ => Unopened::Damaged("what opens it is not in its first lines"),
        },
        other => Unopened::Damaged(clause(&other)),
    })
}

/// Seals bytes under a passphrase. Takes about a second, on purpose.
pub(crate) fn seal_under(plain: &[u8], passphrase: &SecretString) -> io::Result<Vec<u8>> {
    let mut under = scrypt::Recipient::new(copy(passphrase));
    under.set_work_factor(WORK);
    encrypt(plain, &[&under])
}

/// Opens what [`seal_under`] has sealed.
pub(crate) fn open_under(sealed: &[u8], passphrase: &SecretString) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let mut under = scrypt::Identity::new(copy(passphrase));
    under.set_max_work_factor(MOST_WORK);
    decrypt(sealed, &under).map_err(|error| match error {
        DecryptError::KeyDecryptionFailed | DecryptError::DecryptionFailed => Unopened::WrongPassphrase,
        DecryptError::NoMatchingKeys => Unopened::Damaged("it is not under a passphrase"),
        DecryptError::ExcessiveWork { .. } => Unopened::Damaged("to try a passphrase on it costs too much"),
        other => Unopened::Damaged(clause(&other)),
    })
}

fn copy(passphrase: &SecretString) -> SecretString {
    SecretString::from(passphrase.expose_secret().to_owned())
}

fn encrypt(plain: &[u8], to: &[&dyn Recipient]) -> io::Result<Vec<u8>> {
    let encryptor = Encryptor::with_recipients(to.iter().copied()).map_err(io::Error::other)?;
    let mut sealed = Vec::with_capacity(plain.len() + plain.len() / 1024 + 1024);
    let mut writer = encryptor.wrap_output(&mut sealed)?;
    writer.write_all(plain)?;
    writer.finish()?;
    Ok(sealed)
}

fn decrypt(sealed: &[u8], with: &dyn Identity) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let mut reader = Decryptor::new_buffered(sealed)?.decrypt(std::iter::once(with))?;
    // It is shorter than what it is sealed in: no growing, so no copies left behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
    reader.read_to_end(&mut plain).map_err(DecryptError::Io)?;
    Ok(plain)
}

fn clause(error: &DecryptError) -> &'static str {
    match error {
        DecryptError::UnknownFormat => "it is of another format",
        DecryptError::InvalidMac => "its first lines were changed",
        DecryptError::Io(_) => "it is cut short, or was changed",
        _ => "its first lines are not what was written",
    }
}

/// The recipient that only says whose the others are.
struct Named(String);

impl Recipient for Named {
    fn wrap_file_key(&self, _: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let stanza = Stanza { tag: NAMED.to_owned(), args: vec![self.0.clone()], body: Vec::new() };
        Ok((vec![stanza], HashSet::new()))
    }
}

/// The key, which notes on its way whose name stands in the header.
struct Opener<'k> {
    key: &'k Key,
    named: RefCell<Option<String>>,
}

impl Identity for Opener<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag == NAMED {
            *self.named.borrow_mut() = stanza.args.first().cloned();
        }
        self.key.identity().unwrap_stanza(stanza)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_by_its_key_alone() {
        let (key, other) = (Key::generate(), Key::generate());
        for plain in [&b""[..], b"canary", &[7; 200_000]] {
            let sealed = seal(plain, &key).unwrap();
            assert_eq!(&open(&sealed, &key).unwrap()[..], plain);
            assert_eq!(open(&sealed, &other).unwrap_err(), Unopened::OtherKey(key.recipient()));
            // Any program that speaks age opens it.
            assert_eq!(&decrypt(&sealed, key.identity()).unwrap()[..], plain);
            let theirs = age::encrypt(&key.identity().to_public(), plain).unwrap();
            assert_eq!(&open(&theirs, &key).unwrap()[..], plain);
            assert!(matches!(open(&theirs, &other).unwrap_err(), Unopened::Damaged(_)));
        }
    }

    #[test]
    fn cut_short_or_changed_at_any_byte_it_is_damaged() {
        let key = Key::generate();
        let sealed = seal(b"canary-5ecret", &key).unwrap();
        for end in 0..sealed.len() {
            assert!(matches!(open(&sealed[..end], &key), Err(Unopened::Damaged(_))), "cut at {end}");
            let mut changed = sealed.clone();
            changed[end] ^= 1;
            assert!(matches!(open(&changed, &key), Err(Unopened::Damaged(_))), "changed at {end}");
        }
    }
}
