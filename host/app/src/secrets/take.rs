//! `secrets take`: the passwords of a list go into the store, and only when they are found there again do
//! their cells become empty.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use mailhaul_csv::cells;
use mailhaul_csv::columns::{self as csv, Column};
use mailhaul_engine::password_hosts::{self, AllowedHosts, Server};
use mailhaul_engine::plugin::{AccountEntry, MailboxEntry};
use mailhaul_imap::Secret;
use mailhaul_project::table::{Limits, Row, Table};
use mailhaul_project::{Project, SideName, Tls};
use mailhaul_secrets::{By, Place, replace};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::{audit, failure, place, server, shown, store};
use crate::{Cause, Failure, TaskRefusalKind, Warn, job, redact};

/// What went from a list into the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Passwords that were in cells and are in the store now; 0 leaves the file and the store untouched.
    pub passwords: usize,
    /// Those of them that the store had otherwise.
    pub replaced: usize,
    /// Where the key is, when the store has just got one.
    pub made_key: Option<String>,
    /// What names of columns were understood as, where they are not mailhaul's own: whose passwords they
    /// were taken for.
    pub read_as: Option<String>,
}

/// A cell that is taken.
struct Found {
    line: usize,
    side: SideName,
    /// As the store has it, and the log-in as it was written.
    place: Place,
    login: String,
    secret: Secret,
    /// The account, with the secret, as the list's row has it.
    account: AccountEntry,
}

/// Stores what stands in `source_password` and `target_password` of a list, reads the store back, compares,
/// and empties these cells in the file; every other byte of it stays, and so do its permissions.
///
/// # Errors
/// Lists that cannot be read, rows that say no log-in or no host, a store that cannot be opened or written, a
/// file that changes meanwhile or cannot be written. Before the last step the file is as it was.
pub fn take(project: &Project, list: &Path, warn: Warn<'_>) -> Result<Taken, Failure> {
    // Behind a link it is the file itself that is written anew.
    let file = fs::canonicalize(list).map_err(|error| unreadable(list, &error))?;
    let bytes = contents(&file).map_err(|error| unreadable(list, &error))?;
    let table = Table::parse(list, &bytes, Limits::default())?;
    for warning in &table.warnings {
        warn(&warning.to_string());
    }
    let header: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    let known = csv::Columns::recognise(&header);
    // Whatever else is wrong with the header is said when the list is read; whose a password is has to be
    // clear.
    if let Some(problem) = known.problems().iter().find(|problem| problem.code == "csv.ambiguous-column") {
        return Err(Failure::input(format!("{}: {}", shown(list), problem.message), None));
    }
    let columns = Columns::of(&known);
    let secrets = columns.secrets();
    if secrets.is_empty() {
        return Err(Failure::input(
            format!("{} has no column `source_password` or `target_password`", shown(list)),
            Some(
                "name the columns in its first line, as in source_user,source_password,target_user,target_password",
            ),
        ));
    }
    for (at, _) in
        table.columns.iter().enumerate().filter(|(at, column)| column.secret && !secrets.contains(at))
    {
        warn(&format!(
            "{}: column {} is secret as well and stays as it is: no log-in is known for it",
            list.display(),
            at + 1
        ));
    }
    let read_as = known.note().map(|note| format!("{}: {note}", list.display()));
    let found = found(project, list, &table, &columns)?;
    let emptied = Table::emptied(list, &bytes, &secrets, Limits::default())?;
    if found.is_empty() {
        return Ok(Taken { passwords: 0, replaced: 0, made_key: None, read_as });
    }
    let (replaced, made_key) = put(project, &found)?;
    write_back(list, &file, &bytes, &emptied)?;
    let count = found.len();
    audit(project, &format!("{count} passwords were taken from {} into the store", list.display()))?;
    Ok(Taken { passwords: count, replaced, made_key, read_as })
}

/// Puts the list without its passwords in the place of what it was.
fn write_back(list: &Path, file: &Path, before: &[u8], emptied: &[u8]) -> Result<(), Failure> {
    // Whatever an editor has written meanwhile is not written over.
    if contents(file).is_ok_and(|now| *now != *before) {
        return Err(Failure::input(
            format!(
                "{} has changed meanwhile, and is left as it is; what it had is in the store",
                shown(list)
            ),
            Some("type the same command again"),
        ));
    }
    replace(file, emptied).map_err(|error| {
        Failure::input(
            format!(
                "the cells of {} cannot be emptied: {error}; what they have is in the store",
                shown(list)
            ),
            Some("the file is as it was; mend that, and type the same command again"),
        )
    })
}

/// Puts all of them into the store, reads it back and compares.
fn put(project: &Project, found: &[Found]) -> Result<(usize, Option<String>), Failure> {
    let store = store(project)?;
    let mut change = store.change().map_err(failure)?;
    let differs = |one: &&Found| {
        change.contents().get(&one.place).is_some_and(|there| !is_same(&there.secret, &one.secret))
    };
    let replaced = found.iter().filter(differs).count();
    for one in found {
        change.put(one.side, one.place.host(), &one.login, one.secret.clone(), By::Take);
    }
    change.commit().map_err(failure)?;
    let there = store.read().map_err(failure)?;
    if found.iter().any(|one| there.get(&one.place).is_none_or(|there| !is_same(&there.secret, &one.secret)))
    {
        return Err(Failure::fault("the store does not have what was put into it; the list is as it was"));
    }
    Ok((replaced, change.made_key().map(str::to_owned)))
}

fn is_same(one: &Secret, other: &Secret) -> bool {
    one.expose_secret() == other.expose_secret()
}

/// Reads every cell that has a password, with the log-in and the host it is for.
fn found(project: &Project, list: &Path, table: &Table, columns: &Columns) -> Result<Vec<Found>, Failure> {
    let mut found: Vec<Found> = Vec::new();
    let mut known: HashMap<Place, usize> = HashMap::new();
    let mut causes = Vec::new();
    for (side, names) in [(SideName::Source, &columns.source), (SideName::Target, &columns.target)] {
        let server = server(project, side);
        for row in &table.rows {
            let one = match names.read(row, side, &server) {
                Ok(Some(one)) => one,
                Ok(None) => continue,
                Err((what, hint)) => {
                    causes.push(cause(list, row.line, &what, &hint));
                    continue;
                }
            };
            redact::register(one.secret.expose_secret());
            match known.get(&one.place).and_then(|at| found.get(*at)) {
                Some(first) if is_same(&first.secret, &one.secret) => {}
                Some(first) => causes.push(cause(
                    list,
                    row.line,
                    &format!(
                        "the {side} password of `{}` is another one than in line {}",
                        one.login, first.line
                    ),
                    "keep the right one: a log-in has one password at one host",
                )),
                None => {
                    known.insert(one.place.clone(), found.len());
                    found.push(one);
                }
            }
        }
    }
    if !causes.is_empty() {
        return Err(Failure { kind: TaskRefusalKind::Input, causes });
    }
    refuse_other_hosts(project, list, &found)?;
    Ok(found)
}

/// A password that is sealed for a host that may not have it would be lost to every command: its cell is
/// empty then, and the host refused.
fn refuse_other_hosts(project: &Project, list: &Path, found: &[Found]) -> Result<(), Failure> {
    let entries: Vec<MailboxEntry> = found
        .iter()
        .map(|one| {
            let mut entry = MailboxEntry { key: one.login.clone(), ..MailboxEntry::default() };
            entry.origin = Some(format!("{}:{}", list.display(), one.line));
            match one.side {
                SideName::Source => entry.source = one.account.clone(),
                SideName::Target => entry.target = one.account.clone(),
            }
            entry
        })
        .collect();
    let hosts = job::destinations(&project.mailboxes.hosts);
    let (source, target) = (server(project, SideName::Source), server(project, SideName::Target));
    match password_hosts::refusal(AllowedHosts::Project(&hosts), &source, &target, &entries) {
        Some(refusal) => {
            Err(Failure::refused(TaskRefusalKind::Input, &refusal.reasons, refusal.remedy.as_deref()))
        }
        None => Ok(()),
    }
}

fn cause(list: &Path, line: usize, what: &str, hint: &str) -> Cause {
    Cause { sentence: format!("{}:{line}: {what}", list.display()), hint: Some(hint.to_owned()) }
}

/// Where the columns stand that say what a password is for.
struct Columns {
    source: SideColumns,
    target: SideColumns,
}

struct SideColumns {
    user: Option<usize>,
    /// Who the user is where that says nobody.
    otherwise: Option<usize>,
    password: Option<usize>,
    host: Option<usize>,
    port: Option<usize>,
    tls: Option<usize>,
}

impl Columns {
    /// Finds them as the plugin `csv` does, which reads the list afterwards.
    fn of(known: &csv::Columns) -> Self {
        let at = |column| known.position(column);
        Self {
            source: SideColumns {
                user: at(Column::SourceUser),
                otherwise: None,
                password: at(Column::SourcePassword),
                host: at(Column::SourceHost),
                port: at(Column::SourcePort),
                tls: at(Column::SourceTls),
            },
            target: SideColumns {
                user: at(Column::TargetUser),
                otherwise: at(Column::SourceUser),
                password: at(Column::TargetPassword),
                host: at(Column::TargetHost),
                port: at(Column::TargetPort),
                tls: at(Column::TargetTls),
            },
        }
    }

    fn secrets(&self) -> Vec<usize> {
        self.source.password.into_iter().chain(self.target.password).collect()
    }
}

/// What is wrong with a row, and what to do.
type Wrong = (String, String);

impl SideColumns {
    /// Reads a row's password for this side; `None` when its cell is empty.
    fn read(&self, row: &Row, side: SideName, server: &Server) -> Result<Option<Found>, Wrong> {
        let Some(secret) = self.password.and_then(|at| row.cells.get(at)).and_then(|cell| cell.secret())
        else {
            return Ok(None);
        };
        let text = |column: Option<usize>| {
            column
                .and_then(|at| row.cells.get(at))
                .and_then(|cell| cell.text())
                .filter(|text| !text.is_empty())
        };
        let Some(login) = text(self.user).or_else(|| text(self.otherwise)) else {
            return Err((
                format!("there is a {side} password and no log-in for it"),
                format!("fill `{side}_user`, or empty `{side}_password`"),
            ));
        };
        let port = text(self.port).map(|text| cells::port(text).ok_or(text));
        let port = port.transpose().map_err(|_| {
            (
                format!("`{side}_port` is no port"),
                "write a number from 1 to 65535, or leave it empty".to_owned(),
            )
        })?;
        let host = text(self.host).map(|text| cells::host_and_port(text).ok_or(text));
        let host = host.transpose().map_err(|_| {
            (format!("`{side}_host` is no host"), "write its name, as in imap.old.example".to_owned())
        })?;
        let port = port.or(host.and_then(|(_, port)| port));
        let tls = text(self.tls).map(|text| cells::protection(text, port).ok_or(text));
        let account = AccountEntry {
            login: login.to_owned(),
            host: host.map(|(host, _)| host.to_owned()),
            port,
            tls: tls
                .transpose()
                .map_err(|_| {
                    (
                        format!("`{side}_tls` is unknown"),
                        "write implicit, starttls or none, or leave it empty".to_owned(),
                    )
                })?
                .map(|protection| match protection {
                    cells::Protection::Implicit => job::tls(Tls::Implicit),
                    cells::Protection::StartTls => job::tls(Tls::Starttls),
                    cells::Protection::Clear => job::tls(Tls::None),
                }),
            ..AccountEntry::default()
        };
        let Some(place) = place(server, side, &account) else {
            return Err((
                format!("no host says what the {side} password is for"),
                format!("set `host` under `[{side}]`, or fill `{side}_host`"),
            ));
        };
        let account = AccountEntry { secret: Some(secret.clone()), ..account };
        let login = account.login.clone();
        Ok(Some(Found { line: row.line, side, place, login, secret: secret.clone(), account }))
    }
}

/// Reads a whole list, up to the size that is read anywhere.
fn contents(file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let most = Limits::default().file;
    let opened = File::open(file)?;
    let meta = opened.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes =
        Zeroizing::new(Vec::with_capacity(usize::try_from(meta.len().min(most)).unwrap_or(0) + 1));
    opened.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other("it is too large to be a list of mailboxes"));
    }
    Ok(bytes)
}

fn unreadable(list: &Path, error: &io::Error) -> Failure {
    Failure::input(
        format!("{} cannot be read: {error}", shown(list)),
        Some("name the list of mailboxes, as in `mailhaul secrets take mailboxes.csv`"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A column that `csv` reads as a password has been kept from it as one: by the host's own words.
    #[test]
    fn every_name_of_a_password_is_a_secret_one() {
        let names = mailhaul_csv::synonyms::passwords();
        assert!(names.len() > 500);
        for name in names {
            assert!(mailhaul_project::table::is_secret_name(&name), "{name}");
        }
    }

    #[test]
    fn what_an_editor_wrote_meanwhile_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("m.csv");
        fs::write(&file, "edited").unwrap();
        let failure = write_back(&file, &file, b"before", b"emptied").unwrap_err();
        assert!(failure.to_string().contains("has changed meanwhile"), "{failure}");
        assert_eq!(fs::read(&file).unwrap(), b"edited");
        write_back(&file, &file, b"edited", b"emptied").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"emptied");
    }
}
