//! `passwords export`: what `provision` has made, on a sheet for each client, which is a domain of the new
//! host's log-ins.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use mailhaul_project::{Project, SideName};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::{By, audit, read, store};
use crate::Failure;

/// The columns of a sheet: promises to whoever reads it with a program.
const HEADER: &str = "login,temporary_password,host\n";

/// One client's sheet. `Debug` shows no password.
#[derive(Debug)]
pub struct Sheet {
    /// The domain of its log-ins in lower case; empty for those that have none.
    pub domain: String,
    /// How many mailboxes are on it, one a line.
    pub mailboxes: usize,
    /// CSV (RFC 4180, UTF-8).
    text: Text,
}

struct Text(Zeroizing<String>);

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// Makes the sheets of what `provision` made for the new host: log-in, temporary password, host. Passwords
/// that somebody has typed or taken from a list are on none.
///
/// # Errors
/// A store that cannot be opened.
pub fn export(project: &Project) -> Result<Vec<Sheet>, Failure> {
    let contents = read(&store(project)?)?;
    let mut clients: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (place, entry) in
        contents.iter().filter(|(place, entry)| place.side() == SideName::Target && entry.by == By::Provision)
    {
        let domain = place.login().rsplit_once('@').map_or("", |(_, domain)| domain);
        clients.entry(domain.to_owned()).or_default().push((place, entry));
    }
    let sheets = clients.into_iter().map(|(domain, rows)| {
        let longest = |row: &(&super::Place, &mailhaul_secrets::Entry)| {
            2 * (row.1.login.len() + row.1.secret.expose_secret().len() + row.0.host().len()) + 12
        };
        // Room for all of it at once: growing would leave copies behind that nobody overwrites.
        let room = HEADER.len() + rows.iter().map(longest).sum::<usize>();
        let mut text = Zeroizing::new(String::with_capacity(room));
        text.push_str(HEADER);
        for (place, entry) in &rows {
            let password = Zeroizing::new(String::from_utf8_lossy(entry.secret.expose_secret()).into_owned());
            push_cell(&mut text, &harmless(&entry.login));
            text.push(',');
            push_cell(&mut text, &password);
            text.push(',');
            push_cell(&mut text, place.host());
            text.push('\n');
        }
        Sheet { domain, mailboxes: rows.len(), text: Text(text) }
    });
    Ok(sheets.collect())
}

/// Writes the sheets for their owner alone: one to `out`, several beside each other with the domain in their
/// names. Returns the files, in the order of the sheets. Files that are there stay, and then none is written.
///
/// # Errors
/// Files that are there, a folder that cannot be written.
pub fn write_sheets(project: &Project, sheets: &[Sheet], out: &Path) -> Result<Vec<PathBuf>, Failure> {
    let files: Vec<PathBuf> = match sheets {
        [_] => vec![out.to_owned()],
        several => several.iter().map(|sheet| named(out, &sheet.domain)).collect(),
    };
    let fault = |file: &Path, error: &io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::AlreadyExists => {
                "remove it, or add `--out FILE` with another name; nothing was written"
            }
            _ => "add `--out FILE` with a name in a folder of your own",
        };
        Failure::input(format!("{} cannot be written: {error}", super::shown(file)), Some(hint))
    };
    if let Some(there) = files.iter().find(|file| fs::symlink_metadata(file).is_ok()) {
        return Err(fault(there, &io::ErrorKind::AlreadyExists.into()));
    }
    // Before the first byte: what left the store is on record, whatever comes after it.
    let mailboxes: usize = sheets.iter().map(|sheet| sheet.mailboxes).sum();
    audit(
        project,
        &format!("the temporary passwords of {mailboxes} mailboxes were exported to {}", names(&files)),
    )?;
    for (file, sheet) in files.iter().zip(sheets) {
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
        opened
            .and_then(|mut opened| opened.write_all(sheet.text.0.as_bytes()).and_then(|()| opened.sync_all()))
            .map_err(|error| fault(file, &error))?;
    }
    Ok(files)
}

fn names(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// `passwords.csv` with a domain: `passwords-new.example.csv`. A log-in's domain is anybody's text: what is
/// no letter of a host name is written as its number.
fn named(out: &Path, domain: &str) -> PathBuf {
    let mut safe = String::new();
    for c in domain.chars() {
        match c {
            'a'..='z' | '0'..='9' | '-' | '.' => safe.push(c),
            // Writing to a string does not fail.
            other => write!(safe, "_{:x}", u32::from(other)).unwrap_or_default(),
        }
    }
    let safe = if safe.is_empty() { "no-domain".to_owned() } else { safe };
    let text = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    let stem = text(out.file_stem()).unwrap_or_else(|| "passwords".to_owned());
    let extension = text(out.extension()).map(|extension| format!(".{extension}")).unwrap_or_default();
    out.with_file_name(format!("{stem}-{safe}{extension}"))
}

/// A log-in that no spreadsheet takes for a formula; what is not seen is written out.
fn harmless(text: &str) -> String {
    let shown = mailhaul_text::visible(text);
    if text.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) {
        format!("'{shown}")
    } else {
        shown
    }
}

/// Adds a cell, quoted as RFC 4180 (section 2) says where it needs it.
fn push_cell(line: &mut String, text: &str) {
    if !text.contains([',', ';', '"', '\t', '\n', '\r']) && text.trim() == text {
        line.push_str(text);
        return;
    }
    line.push('"');
    for (at, piece) in text.split('"').enumerate() {
        if at > 0 {
            line.push_str("\"\"");
        }
        line.push_str(piece);
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_are_named_by_domains_and_by_nothing_that_leads_elsewhere() {
        let name = |domain| named(Path::new("out/passwords.csv"), domain).display().to_string();
        assert_eq!(name("new.example"), "out/passwords-new.example.csv");
        assert_eq!(name("a/../b"), "out/passwords-a_2f.._2fb.csv");
        assert_eq!(name(""), "out/passwords-no-domain.csv");
        assert_eq!(name("münchen"), "out/passwords-m_fcnchen.csv");
        assert_eq!(named(Path::new("sheet"), "x").display().to_string(), "sheet-x");
    }

    #[test]
    fn cells_are_quoted_and_no_login_is_a_formula() {
        let mut line = String::new();
        push_cell(&mut line, &harmless("=cmd|' /c'!a\"@x"));
        line.push(',');
        push_cell(&mut line, "plain");
        assert_eq!(line, "\"'=cmd|' /c'!a\"\"@x\",plain");
    }
}
