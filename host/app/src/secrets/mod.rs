//! The project's own store of secrets, for front ends: what is in it is used like a cell of the list, and
//! goes in and out by what is typed here.
//!
//! Which secret a log-in gets: a cell of the list, else the store's for this side, host and log-in, else the
//! administrator's.

mod sheets;
mod source;
mod take;

use std::path::{Path, PathBuf};

use mailhaul_engine::password_hosts::{Destination, Server};
use mailhaul_engine::plugin::AccountEntry;
use mailhaul_engine::record;
use mailhaul_imap::Secret;
use mailhaul_project::{Project, SideName, template};
use mailhaul_secrets::{Contents, Entry, KeyPlace, SecretsError, Store};
use secrecy::ExposeSecret as _;

pub use mailhaul_secrets::{By, Passphrase, Place};
pub use sheets::{Sheet, export, write_sheets};
pub(crate) use source::over;
pub use take::{Taken, take};

use crate::job::requester;
use crate::{Failure, TaskRefusalKind, job, redact};

/// One secret of the store, without the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The side it signs in at.
    pub side: SideName,
    /// The host it is for, `host` or `host:port`.
    pub host: String,
    /// The log-in, as it was written where the secret came from.
    pub login: String,
    /// When it came into the store, RFC 3339 in UTC.
    pub since: String,
    /// What put it there.
    pub by: By,
}

/// What a change of the store has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Where the secret signs in.
    pub place: Place,
    /// Whether there was one in that place.
    pub was_there: bool,
    /// Where the key is, when this store has just got one.
    pub made_key: Option<String>,
}

/// Returns whether the project has secrets whose key would be lost with the key file: nobody has typed
/// `mailhaul secrets passphrase`. Opens nothing.
#[must_use]
pub fn unbacked(project: &Project) -> bool {
    Store::is_unbacked(&project.state)
}

/// Says what to do about [`unbacked`] secrets, in one sentence.
#[must_use]
pub fn unbacked_sentence() -> &'static str {
    "the passwords in the project's store are lost with their key: `mailhaul secrets passphrase` keeps a copy of \
     the key, under a passphrase"
}

/// Returns what is in the store, in the order of sides, hosts and log-ins; nothing where there is none.
///
/// # Errors
/// A store that cannot be opened, with what to do.
pub fn list(project: &Project) -> Result<Vec<Listed>, Failure> {
    let contents = read(&store(project)?)?;
    let listed = contents.iter().map(|(place, entry)| Listed {
        side: place.side(),
        host: place.host().to_owned(),
        login: entry.login.clone(),
        since: entry.since.to_string(),
        by: entry.by,
    });
    Ok(listed.collect())
}

/// Stores a secret that a person has typed. `host` is `host` or `host:port`, without it the project's.
///
/// # Errors
/// A host that is none, a store that cannot be opened or written.
pub fn set(
    project: &Project,
    side: SideName,
    host: Option<&str>,
    login: &str,
    secret: Secret,
) -> Result<Changed, Failure> {
    let host = host_of(project, side, host)?;
    redact::register(secret.expose_secret());
    let store = store(project)?;
    let mut change = store.change().map_err(failure)?;
    let place = Place::new(side, &host, login);
    let was_there = change.contents().get(&place).is_some();
    change.put(side, &host, login, secret, By::Set);
    change.commit().map_err(failure)?;
    audit(project, &format!("the {side} password of `{login}` at {host} was stored"))?;
    Ok(Changed { place, was_there, made_key: change.made_key().map(str::to_owned) })
}

/// Removes a secret from the store.
///
/// # Errors
/// As [`set`].
pub fn remove(
    project: &Project,
    side: SideName,
    host: Option<&str>,
    login: &str,
) -> Result<Changed, Failure> {
    let host = host_of(project, side, host)?;
    let place = Place::new(side, &host, login);
    if !Store::exists(&project.state) {
        return Ok(Changed { place, was_there: false, made_key: None });
    }
    let store = store(project)?;
    let mut change = store.change().map_err(failure)?;
    let was_there = change.remove(&place);
    if was_there {
        change.commit().map_err(failure)?;
        audit(project, &format!("the {side} password of `{login}` at {host} was removed from the store"))?;
    }
    Ok(Changed { place, was_there, made_key: None })
}

/// Gives every secret of one host of a side to another: the same server has got another name. `from` and `to`
/// are `host` or `host:port`, without `to` the project's. Returns how many they were.
///
/// # Errors
/// Hosts that are none, a log-in that `to` has another secret of, nothing to move; as [`set`].
pub fn rehost(project: &Project, side: SideName, from: &str, to: Option<&str>) -> Result<usize, Failure> {
    let (from, to) = (host_of(project, side, Some(from))?, host_of(project, side, to)?);
    let none = || {
        Failure::input(
            format!("the store has no {side} password for {from}"),
            Some("`mailhaul secrets list` shows what it has"),
        )
    };
    if !Store::exists(&project.state) || from == to {
        return Err(none());
    }
    let store = store(project)?;
    let mut change = store.change().map_err(failure)?;
    register(change.contents());
    let is_there = |place: &Place| place.side() == side && place.host() == from.to_lowercase();
    let moved: Vec<(Place, Entry)> = change
        .contents()
        .iter()
        .filter(|(place, _)| is_there(place))
        .map(|(place, entry)| (place.clone(), entry.clone()))
        .collect();
    if moved.is_empty() {
        return Err(none());
    }
    for (place, entry) in &moved {
        let there = change.contents().get(&Place::new(side, &to, place.login()));
        if there.is_some_and(|there| there.secret.expose_secret() != entry.secret.expose_secret()) {
            return Err(Failure::input(
                format!(
                    "the store has another {side} password of `{}` for {to}; nothing was moved",
                    entry.login
                ),
                Some("`mailhaul secrets remove` takes the one out that is wrong"),
            ));
        }
    }
    let count = moved.len();
    for (place, entry) in moved {
        change.remove(&place);
        change.put(side, &to, &entry.login, entry.secret, entry.by);
    }
    change.commit().map_err(failure)?;
    audit(project, &format!("{count} {side} passwords in the store went from {from} to {to}"))?;
    Ok(count)
}

/// Gives up everything that is in the store, also when it cannot be opened any more. Returns whether there
/// was one.
///
/// # Errors
/// When it cannot be removed.
pub fn remove_all(project: &Project) -> Result<bool, Failure> {
    if !Store::exists(&project.state) {
        return Ok(false);
    }
    let was_there = store(project)?.give_up().map_err(failure)?;
    audit(project, "every password in the store was removed")?;
    Ok(was_there)
}

/// Writes a backup of the key, under a passphrase. Returns the file, and where the key is when it had to be
/// made first.
///
/// # Errors
/// A key that does not open the store, a folder that cannot be written.
pub fn back_up(project: &Project, passphrase: &Passphrase) -> Result<(PathBuf, Option<String>), Failure> {
    let done = store(project)?.back_up(passphrase).map_err(failure)?;
    audit(project, "the key of the store was backed up under a passphrase")?;
    Ok(done)
}

/// Writes the key file again, from the backup, and returns it.
///
/// # Errors
/// A wrong passphrase, no backup, another key in the key's place.
pub fn restore(project: &Project, passphrase: &Passphrase) -> Result<PathBuf, Failure> {
    let file = store(project)?.restore(passphrase).map_err(failure)?;
    audit(project, "the key of the store was restored from its backup")?;
    Ok(file)
}

/// Writes into the project's audit trail what was done, by whoever has typed the command. Who reads it needs
/// no secret, and is to find none.
///
/// # Errors
/// When the record cannot be written.
pub fn audit(project: &Project, sentence: &str) -> Result<(), Failure> {
    tracing::info!(project = %project.name, "{sentence}");
    Ok(record::note(&project.state, &requester(), sentence)?)
}

pub(crate) fn store(project: &Project) -> Result<Store, Failure> {
    let key = KeyPlace::of(project.key.as_ref()).map_err(failure)?;
    Ok(Store::new(&project.state, key))
}

/// Reads a store; every secret in it is registered with [`redact`].
pub(crate) fn read(store: &Store) -> Result<Contents, Failure> {
    let contents = store.read().map_err(failure)?;
    register(&contents);
    Ok(contents)
}

pub(crate) fn register(contents: &Contents) {
    for (_, entry) in contents.iter() {
        redact::register(entry.secret.expose_secret());
    }
}

pub(crate) fn server(project: &Project, side: SideName) -> Server {
    job::server(match side {
        SideName::Source => &project.source,
        SideName::Target => &project.target,
    })
}

/// Where an end of a mailbox signs in; `None` when neither it nor the project names a host.
pub(crate) fn place(server: &Server, side: SideName, entry: &AccountEntry) -> Option<Place> {
    let destination = server.destination(entry)?;
    Some(Place::new(side, &destination.to_string(), &entry.login))
}

/// The host that a person has typed, else the project's, in the form that places have.
fn host_of(project: &Project, side: SideName, typed: Option<&str>) -> Result<String, Failure> {
    let entry = match typed {
        Some(text) => parse_host(text).map_err(|why| Failure::input(format!("`--host`: {why}"), None))?,
        None => AccountEntry::default(),
    };
    let destination: Option<Destination> = server(project, side).destination(&entry);
    destination.map(|destination| destination.to_string()).ok_or_else(|| {
        Failure::input(
            format!("neither `--host` nor `[{side}] host` says which host the password is for"),
            Some("add `--host HOST`: a password is for one host and for no other"),
        )
    })
}

/// Reads `host`, `host:port` or an address, as a row of the list would name it.
fn parse_host(text: &str) -> Result<AccountEntry, String> {
    let host = match template::check_host(text) {
        Ok(host) => return Ok(AccountEntry { host: Some(host), ..AccountEntry::default() }),
        Err(why) => text.rsplit_once(':').ok_or(why)?,
    };
    let port = host.1.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
        format!(
            "`{text}` has no port after its colon; write a number from 1 to 65535 there, or the host alone"
        )
    })?;
    Ok(AccountEntry {
        host: Some(template::check_host(host.0)?),
        port: Some(port),
        ..AccountEntry::default()
    })
}

/// A fault of the store as a front end shows it.
pub(crate) fn failure(error: SecretsError) -> Failure {
    Failure::new(TaskRefusalKind::Input, error.to_string(), error.remedy().as_deref())
}

/// A file as sentences name it.
pub(crate) fn shown(path: &Path) -> String {
    format!("`{}`", path.display())
}

/// Every log-in of the target and its secret, as a list gets them from the store.
#[cfg(test)]
pub(crate) fn stored(project: &Project) -> Option<Vec<(String, Secret)>> {
    if !Store::exists(&project.state) {
        return None;
    }
    let contents = read(&store(project).ok()?).ok()?;
    Some(contents.iter().map(|(place, entry)| (place.login().to_owned(), entry.secret.clone())).collect())
}

#[cfg(test)]
mod tests;
