//! The folder of a migration project: `mailhaul.toml` and `mailboxes.csv`.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The section `[source]` or `[target]` of a project.
#[derive(Debug, Clone)]
pub struct Side {
    /// Host name or address, as the section's `host`.
    pub host: String,
    /// The section's `port`.
    pub port: u16,
    /// The section's `tls`: `implicit`, `starttls` or `none`.
    pub tls: &'static str,
    /// The authority to trust, as the section's `ca_file`; `None` leaves the key out.
    pub ca: Option<PathBuf>,
    /// Further lines of the section, each with its line end.
    pub extra: String,
}

impl Side {
    /// Describes a server on 127.0.0.1 with TLS from the first byte.
    #[must_use]
    pub fn tls(port: u16, ca: &Path) -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port,
            tls: "implicit",
            ca: Some(ca.to_owned()),
            extra: String::new(),
        }
    }

    /// Describes a server on 127.0.0.1 that is asked for STARTTLS.
    #[must_use]
    pub fn starttls(port: u16, ca: &Path) -> Self {
        Self { tls: "starttls", ..Self::tls(port, ca) }
    }

    /// Describes a server on 127.0.0.1 in clear text, with the key that allows it.
    #[must_use]
    pub fn clear(port: u16) -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port,
            tls: "none",
            ca: None,
            extra: "allow_cleartext = true\n".to_owned(),
        }
    }

    /// Puts another host name or address in place of 127.0.0.1.
    #[must_use]
    pub fn at(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    fn section(&self, name: &str) -> String {
        let mut text =
            format!("[{name}]\nhost = \"{}\"\nport = {}\ntls = \"{}\"\n", self.host, self.port, self.tls);
        if let Some(ca) = &self.ca {
            writeln!(text, "ca_file = \"{}\"", ca.display()).expect("write to a string");
        }
        text.push_str(&self.extra);
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }
}

/// A row of `mailboxes.csv`.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The cell `source_user`.
    pub source_user: String,
    /// The cell `source_password`.
    pub source_password: String,
    /// The cell `target_user`.
    pub target_user: String,
    /// The cell `target_password`.
    pub target_password: String,
}

impl Pair {
    /// Makes a row of user and password at both hosts.
    #[must_use]
    pub fn new(source: (&str, &str), target: (&str, &str)) -> Self {
        Self {
            source_user: source.0.to_owned(),
            source_password: source.1.to_owned(),
            target_user: target.0.to_owned(),
            target_password: target.1.to_owned(),
        }
    }
}

/// What `mailhaul.toml` and `mailboxes.csv` of a project say.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The key `name` of `[project]`.
    pub name: String,
    /// The section `[source]`.
    pub source: Side,
    /// The section `[target]`.
    pub target: Side,
    /// The rows of `mailboxes.csv`.
    pub mailboxes: Vec<Pair>,
    /// `[mailboxes] hosts`: where rows may sign in beside both hosts; empty leaves the key out.
    pub hosts: Vec<String>,
    /// Further sections, put after all others.
    pub extra: String,
}

impl Spec {
    /// Describes a project that moves these mailboxes between two hosts, with nothing else configured.
    #[must_use]
    pub fn new(source: Side, target: Side, mailboxes: Vec<Pair>) -> Self {
        let (name, extra) = ("laboratory".to_owned(), String::new());
        Self { name, source, target, mailboxes, hosts: Vec::new(), extra }
    }

    /// Adds further sections to the end of `mailhaul.toml`.
    #[must_use]
    pub fn extra(mut self, toml: &str) -> Self {
        self.extra.push_str(toml);
        self
    }

    /// Returns the text of `mailhaul.toml`.
    #[must_use]
    pub fn toml(&self) -> String {
        let hosts = if self.hosts.is_empty() { String::new() } else { format!("hosts = {:?}\n", self.hosts) };
        format!(
            "[project]\nname = \"{}\"\n\n{}\n{}\n[mailboxes]\nfrom = \"csv\"\ninputs = {{ accounts = \"mailboxes.csv\" }}\n{hosts}\n{}",
            self.name,
            self.source.section("source"),
            self.target.section("target"),
            self.extra
        )
    }

    /// Returns the text of `mailboxes.csv`.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut text = "source_user,source_password,target_user,target_password\n".to_owned();
        for pair in &self.mailboxes {
            let cells = [&pair.source_user, &pair.source_password, &pair.target_user, &pair.target_password];
            let row: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
            text.push_str(&row.join(","));
            text.push('\n');
        }
        text
    }

    /// Writes both files; the list is readable by its owner only, as it should be.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).expect("create a project's folder");
        fs::write(folder.join("mailhaul.toml"), self.toml()).expect("write mailhaul.toml");
        let list = folder.join("mailboxes.csv");
        fs::write(&list, self.csv()).expect("write mailboxes.csv");
        fs::set_permissions(&list, fs::Permissions::from_mode(0o600)).expect("protect mailboxes.csv");
    }
}

/// Quotes a cell as RFC 4180 wants it.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
