//! Passwords and tokens: where the project file says they are, and asking for them.

mod command;

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::error::{ProjectError, io_cause};

/// A password or token, as any bytes: `Debug` hides them, dropping overwrites them.
pub type Secret = secrecy::SecretSlice<u8>;

/// Longest secret in bytes. OAuth tokens reach a few KiB; a file named by mistake is far larger.
const LONGEST: usize = 64 << 10;

/// A secret as the project file refers to it. Cheap to clone, and asked for only when needed.
#[derive(Clone)]
pub struct SecretRef {
    /// Where the secret is to be asked for.
    pub origin: SecretOrigin,
    /// The project file that refers to it, as the operator named it.
    pub file: PathBuf,
    /// Line of the key in that file.
    pub line: usize,
    /// The key as messages name it, such as `[source] admin_password`.
    pub key: String,
}

/// Where a secret is. `Debug` shows neither a literal nor a command's arguments, which may be secret too.
#[derive(Clone)]
pub enum SecretOrigin {
    /// In the project file itself.
    Literal(Secret),
    /// In this environment variable: `{ env = "NAME" }`.
    Env(String),
    /// In a file that holds nothing else: `{ file = "path" }`.
    File {
        /// Absolute path of the file.
        path: PathBuf,
        /// The path as it stands in the project file, for messages.
        shown: String,
    },
    /// In what a program prints, run without a shell: `{ command = ["…"] }`.
    Command {
        /// Program and arguments; never empty.
        argv: Vec<String>,
        /// The project's folder, absolute, in which the program is run.
        dir: PathBuf,
    },
}

impl SecretRef {
    /// Asks for the secret, anew at every call. One line end at the end of a file or a command's output does
    /// not belong to it.
    ///
    /// Blocks: reads a file, or waits up to 30 s for a command. The command gets no standard input.
    ///
    /// # Errors
    /// When there is no such variable, file or program, the secret is empty or longer than 64 KiB, or the
    /// command fails or takes too long. The sentence quotes what a failing command wrote to its standard
    /// error, never what it wrote to its output.
    pub fn resolve(&self) -> Result<Secret, ProjectError> {
        match &self.origin {
            SecretOrigin::Literal(secret) => Ok(secret.clone()),
            SecretOrigin::Env(name) => self.variable(name),
            SecretOrigin::File { path, shown } => self.contents(path, shown),
            SecretOrigin::Command { argv, dir } => {
                let bytes = command::output(argv, dir, LONGEST, command::PATIENCE)
                    .map_err(|(cause, remedy)| self.error(cause, remedy))?;
                self.trimmed(bytes, &format!("the command `{}` printed nothing", argv[0]))
            }
        }
    }

    fn variable(&self, name: &str) -> Result<Secret, ProjectError> {
        let value = std::env::var_os(name).ok_or_else(|| {
            self.error(
                format!("the environment variable `{name}` is not set"),
                "set and export it before this command",
            )
        })?;
        let bytes = value.into_encoded_bytes();
        if bytes.is_empty() {
            return Err(self.error(
                format!("the environment variable `{name}` is empty"),
                "put the password into it, and export it before this command",
            ));
        }
        Ok(Secret::from(bytes))
    }

    fn contents(&self, path: &std::path::Path, shown: &str) -> Result<Secret, ProjectError> {
        let unreadable = |error: std::io::Error| {
            self.error(
                format!("the password file `{shown}` cannot be read: {}", io_cause(&error)),
                "check the path (relative to the project file) and its permissions",
            )
        };
        // Exactly the right capacity up front: growing would leave copies behind that nobody wipes.
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
        let file = File::open(path).map_err(unreadable)?;
        // A FIFO or a device has no length and is read all the same: process substitution is handy.
        file.take(LONGEST as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() > LONGEST {
            return Err(self.error(
                format!("the password file `{shown}` is larger than 64 KiB"),
                "name a file that holds the password and nothing else",
            ));
        }
        self.trimmed(bytes, &format!("the password file `{shown}` is empty"))
    }

    fn trimmed(&self, bytes: Zeroizing<Vec<u8>>, empty: &str) -> Result<Secret, ProjectError> {
        let line = bytes.strip_suffix(b"\n").map_or(&bytes[..], |b| b.strip_suffix(b"\r").unwrap_or(b));
        if line.is_empty() {
            return Err(self.error(empty, "it has to hold the password, on one line"));
        }
        Ok(Secret::from(line.to_vec()))
    }

    fn error(&self, cause: impl AsRef<str>, remedy: impl AsRef<str>) -> ProjectError {
        ProjectError::new(&self.file, self.line, format!("`{}`: {}", self.key, cause.as_ref()), remedy)
    }

    /// Whether the secret stands in the project file itself.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        matches!(self.origin, SecretOrigin::Literal(_))
    }
}

impl PartialEq for SecretRef {
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.origin, &other.origin) {
            (SecretOrigin::Literal(a), SecretOrigin::Literal(b)) => a.expose_secret() == b.expose_secret(),
            (SecretOrigin::Env(a), SecretOrigin::Env(b)) => a == b,
            (SecretOrigin::File { path: a, .. }, SecretOrigin::File { path: b, .. }) => a == b,
            (SecretOrigin::Command { argv: a, .. }, SecretOrigin::Command { argv: b, .. }) => a == b,
            _ => false,
        };
        same && self.file == other.file && self.line == other.line
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}:{}", self.origin, self.file.display(), self.line)
    }
}

impl fmt::Debug for SecretOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(_) => f.write_str("Literal([REDACTED])"),
            Self::Env(name) => write!(f, "Env({name:?})"),
            Self::File { path, .. } => write!(f, "File({path:?})"),
            // Arguments may be secret themselves (`vault read -token=…`).
            Self::Command { argv, .. } => write!(f, "Command({:?}, …)", argv.first()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(origin: SecretOrigin) -> SecretRef {
        SecretRef { origin, file: "mailhaul.toml".into(), line: 7, key: "[source] token".into() }
    }

    fn command(argv: &[&str]) -> SecretRef {
        secret(SecretOrigin::Command {
            argv: argv.iter().map(|&a| a.to_owned()).collect(),
            dir: std::env::temp_dir(),
        })
    }

    fn shown(secret: &SecretRef) -> Vec<u8> {
        secret.resolve().unwrap().expose_secret().to_vec()
    }

    #[test]
    fn one_line_end_is_stripped_and_bytes_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pw");
        let file = secret(SecretOrigin::File { path: path.clone(), shown: "pw".into() });
        for (written, read) in [
            (&b"a b \n\n"[..], &b"a b \n"[..]),
            (b"x\r\n", b"x"),
            (b"\xff\xfe\n", b"\xff\xfe"),
            (b"y\r", b"y\r"),
        ] {
            std::fs::write(&path, written).unwrap();
            assert_eq!(shown(&file), read);
        }
        std::fs::write(&path, "\n").unwrap();
        insta::assert_snapshot!(file.resolve().unwrap_err(), @"mailhaul.toml:7: `[source] token`: the password file `pw` is empty; it has to hold the password, on one line");
        std::fs::write(&path, vec![b'x'; LONGEST + 1]).unwrap();
        assert!(file.resolve().unwrap_err().to_string().contains("larger than 64 KiB"));
        std::fs::remove_file(&path).unwrap();
        insta::assert_snapshot!(file.resolve().unwrap_err(), @"mailhaul.toml:7: `[source] token`: the password file `pw` cannot be read: it does not exist; check the path (relative to the project file) and its permissions");
    }

    #[test]
    fn an_unset_variable_is_named() {
        let env = secret(SecretOrigin::Env("MAILHAUL_SURELY_UNSET".into()));
        insta::assert_snapshot!(env.resolve().unwrap_err(), @"mailhaul.toml:7: `[source] token`: the environment variable `MAILHAUL_SURELY_UNSET` is not set; set and export it before this command");
    }

    #[cfg(unix)]
    #[test]
    fn a_command_is_run_without_a_shell() {
        assert_eq!(shown(&command(&["printf", "%s\\n", "$HOME; `x`"])), b"$HOME; `x`");
    }

    #[cfg(unix)]
    #[test]
    fn a_failing_command_is_quoted_by_its_error_output_only() {
        let error = command(&["sh", "-c", "echo canary; echo 'token expired' >&2; exit 3"]);
        insta::assert_snapshot!(error.resolve().unwrap_err(), @"mailhaul.toml:7: `[source] token`: the command `sh` failed (exit status: 3): token expired; run it by hand to see why");
        insta::assert_snapshot!(command(&["surely-no-such-program"]).resolve().unwrap_err(), @"mailhaul.toml:7: `[source] token`: the command `surely-no-such-program` cannot be started: it does not exist; check its name, or give its whole path");
        insta::assert_snapshot!(command(&["true"]).resolve().unwrap_err(), @"mailhaul.toml:7: `[source] token`: the command `true` printed nothing; it has to hold the password, on one line");
    }

    #[cfg(unix)]
    #[test]
    fn a_command_that_prints_without_end_is_stopped() {
        insta::assert_snapshot!(command(&["yes", "canary"]).resolve().unwrap_err(), @"mailhaul.toml:7: `[source] token`: the command `yes` printed more than 64 KiB; it has to print the password and nothing else");
    }

    #[test]
    fn debug_shows_no_secret() {
        let literal = secret(SecretOrigin::Literal(Secret::from(b"canary".to_vec())));
        let text = format!("{literal:?} {:?}", command(&["vault", "canary"]));
        assert!(!text.contains("canary"), "{text}");
    }
}
