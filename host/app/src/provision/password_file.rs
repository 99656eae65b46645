//! The file of `provision --passwords`, which nobody else can read: what is made for mailboxes whose list has
//! no password is written there before it is used, and what is there from earlier is used again.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use mailhaul_imap::Secret;
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use crate::{Failure, redact};

/// First line of the file: columns as the mailbox list has them.
const HEADER: &str = "target_user,target_password\n";
/// Room for a quarter of a million mailboxes, with longer names than they have.
const MAX_BYTES: u64 = 128 << 20;

/// The file, open for appending, and the passwords that are in it.
#[derive(Debug)]
pub(crate) struct Passwords {
    path: PathBuf,
    file: File,
    /// By log-in in lower case: on the target a log-in has no case.
    known: HashMap<String, Secret>,
    /// Where the last line that was written to its end ends.
    whole: u64,
    /// Whether something may stand behind it, cut short by a write that failed.
    torn: bool,
}

impl Passwords {
    /// Opens the file, or makes it with mode 0600. At most 128 MiB of it are read.
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
        let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0)));
        if meta.len() > MAX_BYTES {
            return Err(fault(io::Error::other("it is too large to be a list of passwords")));
        }
        file.read_to_end(&mut text).map_err(fault)?;
        // What was torn was never used: a password is in the store before a mailbox has it.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let torn = whole < text.len();
        // A header that was torn is written to its end.
        let rest = HEADER.as_bytes().strip_prefix(&text[..]).filter(|rest| !rest.is_empty());
        if let Some(rest) = rest {
            file.write_all(rest).and_then(|()| file.sync_all()).map_err(fault)?;
            let whole = HEADER.len() as u64;
            return Ok(Self { path: path.to_owned(), file, known: HashMap::new(), whole, torn: false });
        }
        let mut lines = text[..whole].split_inclusive(|byte| *byte == b'\n');
        if lines.next().map(<[u8]>::trim_ascii) != Some(HEADER.trim_end().as_bytes()) {
            return Err(Failure::input(
                format!("{shown} is not a list of passwords that `provision` made"),
                Some("name another file; this one is left alone"),
            ));
        }
        let mut known = HashMap::new();
        for (login, password) in lines.filter_map(row) {
            redact::register(password);
            known.insert(login.to_lowercase(), Secret::from(password.to_vec()));
        }
        Ok(Self { path: path.to_owned(), file, known, whole: whole as u64, torn })
    }

    /// Returns the path as it was given.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the password of a log-in, whose case does not matter.
    #[must_use]
    pub(crate) fn get(&self, login: &str) -> Option<&Secret> {
        self.known.get(&login.to_lowercase())
    }

    /// Adds a new password to the file; it is on disk by then.
    ///
    /// # Errors
    /// When it cannot be written; it must not be used then.
    pub(crate) fn add(&mut self, login: &str, secret: &Secret) -> io::Result<()> {
        let password = secret.expose_secret();
        let mut line = Zeroizing::new(format!("{},", cell(login)).into_bytes());
        line.reserve_exact(password.len() + 1);
        line.extend_from_slice(password);
        line.push(b'\n');
        if self.torn {
            self.file.set_len(self.whole)?;
        }
        self.torn = true;
        self.file.write_all(&line)?;
        self.torn = false;
        self.whole += line.len() as u64;
        self.file.sync_all()?;
        self.known.insert(login.to_lowercase(), secret.clone());
        Ok(())
    }
}

/// The log-in and the password of a line. No password that is made has a comma, a quote or a blank in it.
fn row(line: &[u8]) -> Option<(String, &[u8])> {
    let line = line.strip_suffix(b"\n")?.trim_ascii_end();
    let at = line.iter().rposition(|byte| *byte == b',')?;
    let (login, password) = (line.get(..at)?, line.get(at + 1..)?);
    let ours = !password.is_empty() && password.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'"');
    let login = std::str::from_utf8(login).ok().filter(|_| ours)?;
    let login = match login.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?.replace("\"\"", "\""),
        None => login.to_owned(),
    };
    // Another line's end or beginning would show in what is read back.
    (!login.is_empty() && cell(&login).as_bytes() == line.get(..at)?).then_some((login, password))
}

/// Quotes a cell as RFC 4180 (section 2) says, where it needs it.
fn cell(text: &str) -> String {
    if text.contains([',', ';', '"', '\t']) || text.trim() != text {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::provision::password::Recipe;

    impl Passwords {
        /// As `provision` does it: the one that is there, or a new one.
        fn of(&mut self, login: &str) -> io::Result<Secret> {
            if let Some(known) = self.get(login) {
                return Ok(known.clone());
            }
            let secret = Recipe::default().make()?;
            self.add(login, &secret).map(|()| secret)
        }
    }

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
    fn a_torn_line_is_no_password_wherever_it_was_torn() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new.csv");
        let logins = ["anna@new.example", "a,\"b", "cleo@new.example"];
        let mut passwords = Passwords::open(&path).unwrap();
        let made: Vec<Secret> = logins.iter().map(|login| passwords.of(login).unwrap()).collect();
        let text = fs::read(&path).unwrap();
        for end in 0..text.len() {
            fs::write(&path, &text[..end]).unwrap();
            let mut again = Passwords::open(&path).unwrap();
            for (login, made) in logins.iter().zip(&made) {
                let whole = again.of(login).unwrap();
                let line = [cell(login).as_bytes(), b",", made.expose_secret(), b"\n"].concat();
                let kept = text[..end].windows(line.len()).any(|there| there == line);
                assert_eq!(kept, whole.expose_secret() == made.expose_secret(), "{login} at {end}");
            }
            // What was made now is found again, in lines of their own.
            let used: Vec<Secret> = logins.iter().map(|login| again.of(login).unwrap()).collect();
            let mut third = Passwords::open(&path).unwrap();
            for (login, used) in logins.iter().zip(&used) {
                assert_eq!(
                    third.of(login).unwrap().expose_secret(),
                    used.expose_secret(),
                    "{login} at {end}"
                );
            }
        }
    }

    #[test]
    fn a_line_that_could_not_be_written_is_not_joined() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new.csv");
        let mut passwords = Passwords::open(&path).unwrap();
        let file = std::mem::replace(&mut passwords.file, File::open(&path).unwrap());
        assert!(passwords.of("anna").is_err(), "it is not open for writing");
        passwords.file = file;
        (&passwords.file).write_all(b"anna,Ab3").unwrap();
        let made = passwords.of("anna").unwrap();
        let mut again = Passwords::open(&path).unwrap();
        assert_eq!(again.of("anna").unwrap().expose_secret(), made.expose_secret());
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
