//! Passwords that `provision` makes for mailboxes whose list has none: in a file the operator names, which nobody else
//! can read. They are written there before they are used, so that no mailbox has a password nobody knows.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use mailhaul_imap::Secret;
use mailhaul_project::table::{self, Cell, Table};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use crate::error::Failure;
use crate::redact;

/// Columns of the file, as the mailbox list has them.
const HEADER: &str = "target_user,target_password\n";
/// Without characters that are taken for one another; a power of two would need one of those.
const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
/// Four groups of six with `-` between: 139 bits, and what most rules for passwords ask for.
const GROUPS: usize = 4;
const GROUP: usize = 6;

/// The file and what is in it.
#[derive(Debug)]
pub(crate) struct Passwords {
    path: PathBuf,
    file: File,
    /// By log-in, lower case.
    known: HashMap<String, Secret>,
}

impl Passwords {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// When others can read it, it is something else, or it cannot be written.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let fault = |error: io::Error| {
            Failure::input(
                format!("the file for passwords, {shown}, cannot be used: {error}"),
                Some("name a file in a folder of your own"),
            )
        };
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map_err(fault)?;
        let meta = file.metadata().map_err(fault)?;
        if !meta.is_file() {
            return Err(fault(io::Error::other("it is no file")));
        }
        if meta.mode() & 0o077 != 0 {
            return Err(Failure::input(
                format!("other users can reach {shown}, which is to hold passwords"),
                Some(&format!("`chmod 600 {shown}`, or name another file")),
            ));
        }
        let mut known = HashMap::new();
        if meta.len() == 0 {
            file.write_all(HEADER.as_bytes()).map_err(fault)?;
        } else {
            let table = Table::read(path, table::Limits::default())?;
            let names: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
            if names != HEADER.trim_end().split(',').collect::<Vec<_>>() {
                return Err(Failure::input(
                    format!("{shown} is not a list of passwords that `provision` made"),
                    Some("name another file; this one is left alone"),
                ));
            }
            for row in table.rows {
                if let [Cell::Text(login), Cell::Secret(password)] = row.cells.as_slice() {
                    redact::register(password.expose_secret());
                    known.insert(login.to_lowercase(), password.clone());
                }
            }
        }
        Ok(Self { path: path.to_owned(), file, known })
    }

    /// Where they are.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The password of a mailbox: the one made before, or a new one, which is on disk by then.
    ///
    /// # Errors
    /// When it cannot be written; it must not be used then.
    pub(crate) fn of(&mut self, login: &str) -> io::Result<Secret> {
        if let Some(known) = self.known.get(&login.to_lowercase()) {
            return Ok(known.clone());
        }
        let password = made()?;
        redact::register(&password);
        let mut line = Zeroizing::new(cell(login).into_bytes());
        line.reserve_exact(password.len() + 2);
        line.push(b',');
        line.extend_from_slice(&password);
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.file.sync_all()?;
        let secret = Secret::from(password.to_vec());
        self.known.insert(login.to_lowercase(), secret.clone());
        Ok(secret)
    }
}

/// A cell of RFC 4180.
fn cell(text: &str) -> String {
    if text.contains([',', ';', '"', '\t']) || text.trim() != text {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// A new password with capital and small letters and digits.
fn made() -> io::Result<Zeroizing<Vec<u8>>> {
    loop {
        let mut password = Zeroizing::new(Vec::with_capacity(GROUPS * (GROUP + 1)));
        while password.len() < GROUPS * (GROUP + 1) - 1 {
            if password.len() % (GROUP + 1) == GROUP {
                password.push(b'-');
                continue;
            }
            let mut byte = Zeroizing::new([0_u8]);
            getrandom::fill(byte.as_mut()).map_err(io::Error::other)?;
            // 64 is the next power of two; what is above the alphabet is drawn again, so that no letter is likelier.
            if let Some(letter) = ALPHABET.get(usize::from(byte[0] & 63)) {
                password.push(*letter);
            }
        }
        let has = |is: fn(&u8) -> bool| password.iter().any(is);
        if has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit) {
            return Ok(password);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_password_is_made_once_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new.csv");
        let mut passwords = Passwords::open(&path).unwrap();
        let first = passwords.of("Anna@new.example").unwrap();
        let odd = passwords.of("a,\"b").unwrap();
        assert_eq!(passwords.of("anna@NEW.example").unwrap().expose_secret(), first.expose_secret());
        assert_ne!(first.expose_secret(), odd.expose_secret());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut again = Passwords::open(&path).unwrap();
        assert_eq!(again.of("anna@new.example").unwrap().expose_secret(), first.expose_secret());
        assert_eq!(again.of("a,\"b").unwrap().expose_secret(), odd.expose_secret());
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
    }

    #[test]
    fn passwords_are_what_rules_ask_for() {
        for _ in 0..50 {
            let password = made().unwrap();
            assert_eq!(password.len(), 27);
            let has = |is: fn(&u8) -> bool| password.iter().any(is);
            assert!(has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit));
            assert_eq!(password.iter().filter(|byte| **byte == b'-').count(), 3);
        }
        assert_ne!(*made().unwrap(), *made().unwrap());
    }

    #[test]
    fn a_file_others_can_read_or_that_is_something_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv");
        fs::write(&path, "source_user,target_user\na,b\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let refused = |path: &Path| format!("{:?}", Passwords::open(path).unwrap_err().causes);
        assert!(refused(&path).contains("other users can reach"));
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(refused(&path).contains("is not a list of passwords"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "source_user,target_user\na,b\n");
        assert!(refused(dir.path()).contains("cannot be used"));
    }
}
