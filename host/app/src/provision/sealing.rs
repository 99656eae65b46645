//! Passwords for mailboxes that are about to be created: sealed in the project's store, and in the file of
//! `--passwords`, before the first mailbox has one, so that none has a password nobody knows.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;

use mailhaul_engine::plugin::{AccountEntry, MailboxEntry};
use mailhaul_imap::Secret;
use mailhaul_project::{Project, SideName};
use mailhaul_text::argument;
use secrecy::ExposeSecret as _;

use crate::provision::password::Recipe;
use crate::provision::password_file::Passwords;
use crate::secrets::{By, Place, audit, failure, place, server, store};
use crate::{Cause, Failure, TaskRefusalKind, redact};

/// A password that a mailbox is created with though its row of the list has none.
#[derive(Debug, Clone)]
pub(crate) struct NewPassword {
    /// The password; `None` where no host says what it would be for.
    pub secret: Option<Secret>,
    /// Where it is kept, as a sentence about the mailbox.
    pub kept: String,
}

/// What [`make`] has made.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewPasswords {
    by_login: HashMap<String, NewPassword>,
    /// Where the key is, when the store has just got one.
    pub made_key: Option<String>,
}

impl NewPasswords {
    /// Returns the one for a log-in, whose case does not matter.
    #[must_use]
    pub(crate) fn get(&self, login: &str) -> Option<&NewPassword> {
        self.by_login.get(&login.to_lowercase())
    }

    /// Returns how many there are.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.by_login.len()
    }
}

/// Whether the row has a password, of its own or the store's.
fn has(account: &AccountEntry) -> bool {
    account.secret.as_ref().is_some_and(|secret| !secret.expose_secret().is_empty())
}

/// Makes passwords, by the recipe, for those of these accounts of the new host that have none, neither in the
/// list nor in the store, or takes them from `file`. They are in the store when this returns, all or none,
/// and in `file`, which also gets what the store has of `provision` from an earlier time.
///
/// # Errors
/// A store that cannot be opened or written, a file that cannot be written: nothing may be created then.
pub(crate) fn make(
    project: &Project,
    accounts: &[&AccountEntry],
    recipe: &Recipe,
    mut file: Option<&mut Passwords>,
) -> Result<NewPasswords, Failure> {
    if accounts.is_empty() || file.is_none() && accounts.iter().all(|account| has(account)) {
        return Ok(NewPasswords::default());
    }
    let side = SideName::Target;
    let server = server(project, side);
    let store = store(project)?;
    let mut change = store.change().map_err(failure)?;
    let mut by_login = HashMap::new();
    let mut new = 0;
    for account in accounts {
        let login = &account.login;
        let Some(place) = place(&server, side, account) else {
            let kept = "no target host: set `host` under `[target]`, or fill `target_host`".to_owned();
            by_login.insert(login.to_lowercase(), NewPassword { secret: None, kept });
            continue;
        };
        if has(account) {
            let ours = change.contents().get(&place).filter(|there| there.by == By::Provision);
            // A cell of the list comes before the store, and is nobody else's business.
            let ours = ours.filter(|there| {
                account.secret.as_ref().is_some_and(|own| own.expose_secret() == there.secret.expose_secret())
            });
            if let (Some(there), Some(file)) =
                (ours, file.as_deref_mut().filter(|file| file.get(login).is_none()))
            {
                file.add(login, &there.secret).map_err(|error| unwritten(file, &error))?;
            }
            continue;
        }
        let found = file.as_deref().and_then(|file| file.get(login)).cloned();
        let kept = match (&found, file.as_deref()) {
            (Some(_), Some(file)) => {
                format!("its password was in {}, and is sealed in the project's store", file.path().display())
            }
            (_, Some(file)) => {
                format!(
                    "its password is new, sealed in the project's store, and stands in {}",
                    file.path().display()
                )
            }
            (_, None) => {
                "its password is new, and sealed in the project's store; `mailhaul passwords export` writes \
                          it out"
                    .to_owned()
            }
        };
        let secret = match found {
            Some(secret) => secret,
            None => {
                let secret = recipe.make().map_err(Failure::internal)?;
                if let Some(file) = file.as_deref_mut() {
                    file.add(login, &secret).map_err(|error| unwritten(file, &error))?;
                }
                secret
            }
        };
        redact::register(secret.expose_secret());
        // Another command may have made one since the store was read: the mailbox has that one.
        if let Some(there) = change.contents().get(&place) {
            let secret = Some(there.secret.clone());
            by_login.insert(login.to_lowercase(), NewPassword { secret, kept });
            continue;
        }
        change.put(side, place.host(), login, secret.clone(), By::Provision);
        new += 1;
        by_login.insert(login.to_lowercase(), NewPassword { secret: Some(secret), kept });
    }
    if new == 0 {
        return Ok(NewPasswords { by_login, made_key: None });
    }
    change.commit().map_err(failure)?;
    audit(project, &format!("{new} passwords for new mailboxes were stored"))?;
    Ok(NewPasswords { by_login, made_key: change.made_key().map(str::to_owned) })
}

/// A mailbox has one password: where the store has one of these for another host, a second one would be
/// made, and the first is the one that the server knows.
///
/// # Errors
/// Those of `which` that it is so with, and how the store's are given to the other host.
pub(crate) fn refuse_other_hosts(
    project: &Project,
    entries: &[MailboxEntry],
    which: &[usize],
) -> Result<(), Failure> {
    let server = server(project, SideName::Target);
    let place = |target: &AccountEntry| place(&server, SideName::Target, target);
    // One log-in at two hosts of one list is two mailboxes.
    let listed: HashSet<_> = entries.iter().filter_map(|entry| place(&entry.target)).collect();
    let mut hosts: BTreeMap<(String, String), (usize, &str)> = BTreeMap::new();
    for target in
        which.iter().filter_map(|row| Some(&entries.get(*row)?.target)).filter(|target| !has(target))
    {
        let (Some(there), Some(here)) = (&target.sealed_for, place(target)) else { continue };
        if !listed.contains(&Place::new(SideName::Target, there, &target.login)) {
            hosts.entry((there.clone(), here.host().to_owned())).or_insert((0, &target.login)).0 += 1;
        }
    }
    if hosts.is_empty() {
        return Ok(());
    }
    let causes = hosts.into_iter().map(|((there, here), (count, first))| {
        let more = if count > 1 { format!(" and of {} more", count - 1) } else { String::new() };
        Cause {
            sentence: format!(
                "the project's store has the target password of `{first}`{more} for {there}, and gives it to no other \
                 host, such as {here}; nothing was made"
            ),
            hint: Some(format!(
                "if the two are one server, type `mailhaul secrets move --side target --from {} --to {}`; else \
                 `mailhaul secrets remove` takes out what is of no use",
                argument(&there),
                argument(&here)
            )),
        }
    });
    Err(Failure { kind: TaskRefusalKind::Input, causes: causes.collect() })
}
fn unwritten(file: &Passwords, error: &io::Error) -> Failure {
    Failure::input(format!("no password can be written to {}: {error}", file.path().display()), None)
}
