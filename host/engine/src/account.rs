//! One mailbox of the list: who it is, and what it takes to log in at either end.

use std::fmt;

use mailhaul_imap::{Account, AuthMethod, Login};
use mailhaul_net::{Endpoint, TlsMode};
use mailhaul_text::argument;

use crate::choice::ListedMailbox;
use crate::job::HostSettings;
use crate::password_hosts::Credential;
use crate::plugin::AccountEntry;
use crate::side::Side;

/// A mailbox of the list with everything it takes to log in at both ends.
#[derive(Clone)]
pub(crate) struct Mailbox {
    /// The key by which the ledger, events and reports name it.
    pub key: String,
    pub source: AccountSpec,
    pub target: AccountSpec,
    /// Why nobody can sign in at the target, where a task is content with the source: `target` is then no
    /// account.
    pub without_target: Option<String>,
    /// `meant` in the list: that both ends, or this target and another mailbox's, are one account is
    /// intended.
    pub one_account: bool,
    /// A name for people.
    pub label: Option<String>,
    /// The set of mailboxes it runs with.
    pub batch: Option<String>,
    /// Where the list has it.
    pub origin: Option<String>,
    /// Its place in the list.
    pub position: usize,
}

impl Mailbox {
    /// Returns the accounts that the ledger has to be about.
    #[must_use]
    pub(crate) fn identity(&self) -> LedgerIdentity {
        LedgerIdentity {
            mailbox: self.key.clone(),
            source_user: self.source.user.clone(),
            source_host: self.source.endpoint.host.clone(),
            target_user: self.target.user.clone(),
            target_host: self.target.endpoint.host.clone(),
        }
    }

    /// Returns what the record keeps of it.
    #[must_use]
    pub(crate) fn listed(&self) -> ListedMailbox {
        ListedMailbox {
            key: self.key.clone(),
            source: self.source.user.clone(),
            target: self.target.user.clone(),
            label: self.label.clone(),
            batch: self.batch.clone(),
            origin: self.origin.clone(),
        }
    }

    #[must_use]
    pub(crate) fn side(&self, side: Side) -> &AccountSpec {
        if side == Side::Source { &self.source } else { &self.target }
    }
}

/// A log-in as it is compared with others: servers do not tell large and small letters apart.
#[must_use]
pub(crate) fn folded(login: &str) -> String {
    login.to_lowercase()
}

/// Returns a log-in without its domain: two with the same local part may be one account's.
#[must_use]
pub(crate) fn local_part(login: &str) -> String {
    folded(login.split(['@', '%', '+']).next().unwrap_or(login))
}

/// Who a ledger is about: recorded with it, and compared from its first message on, hosts without case and
/// users exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LedgerIdentity {
    pub mailbox: String,
    pub source_user: String,
    pub source_host: String,
    pub target_user: String,
    pub target_host: String,
}

/// One end of a mailbox. The secret is asked for at every log-in, so that a token can be renewed.
#[derive(Clone)]
pub(crate) struct AccountSpec {
    pub user: String,
    pub endpoint: Endpoint,
    entry: AccountEntry,
    host: HostSettings,
}

impl fmt::Debug for AccountSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.user, self.endpoint)
    }
}

impl AccountSpec {
    /// Stands where there is no account to sign in to; nobody dials it.
    #[must_use]
    pub(crate) fn nowhere(entry: &AccountEntry, host: &HostSettings) -> Self {
        let endpoint = Endpoint { host: String::new(), port: 0, tls: host.server.tls };
        Self { user: entry.login.clone(), endpoint, entry: entry.clone(), host: host.clone() }
    }

    /// Its server as `host:port`, in small letters: what connections and refused log-ins are counted by.
    #[must_use]
    pub(crate) fn server(&self) -> String {
        format!("{}:{}", self.endpoint.host.to_ascii_lowercase(), self.endpoint.port)
    }

    /// Where it signs in, unless that is the project's own host of the side.
    #[must_use]
    pub(crate) fn foreign_endpoint(&self) -> Option<&Endpoint> {
        Some(&self.endpoint).filter(|endpoint| !self.host.server.is_own(endpoint))
    }

    /// Puts the log-in together.
    ///
    /// # Errors
    /// One sentence when a secret cannot be had.
    pub(crate) fn account(&self) -> Result<Account, String> {
        let host = &self.host;
        let name = match &host.user_pattern {
            Some(pattern) => pattern.replace("{user}", &self.user),
            None => self.user.clone(),
        };
        // The same question that decided where it may go: what is used is what was allowed.
        let (admin, secret) = match (host.server.credential(&self.entry), &self.entry.secret) {
            (Some(Credential::Own), Some(secret)) => (None, secret.clone()),
            (Some(Credential::Token), _) => match &host.token {
                Some(token) => (None, token()?),
                None => return Err(format!("there is no token for `{}`", self.user)),
            },
            (Some(Credential::Admin), _) => match &host.admin {
                Some(admin) => {
                    let authzid = host.method == AuthMethod::PlainAuthzid;
                    (authzid.then(|| admin.user.clone()), admin.secret.clone())
                }
                None => return Err(format!("there is no administrator for `{}`", self.user)),
            },
            _ => return Err(format!("there is no password for `{}`", self.user)),
        };
        Ok(Account {
            endpoint: self.endpoint.clone(),
            dialer: host.dialer.clone(),
            login: Login { user: name, admin, method: host.method, secret },
            allow_cleartext: host.allow_cleartext,
            compress: host.compress,
        })
    }
}

pub(crate) fn account_spec(
    entry: &AccountEntry,
    host: &HostSettings,
    side: Side,
) -> Result<AccountSpec, String> {
    let endpoint = host.server.endpoint(entry).ok_or_else(|| {
        format!("no {0} host: set `host` under `[{0}]`, or give the list a `{0}_host` column", side.as_str())
    })?;
    if host.server.credential(entry).is_none() {
        return Err(without_password(entry, host, side));
    }
    // Nothing is sent in the clear that the project does not allow; found here, it is told with its line.
    if endpoint.tls == TlsMode::None && !host.allow_cleartext {
        return Err(format!(
            "the {0} password would be sent without TLS: write `implicit` or `starttls` into `{0}_tls`, or leave it empty; \
             where the server has no TLS and the network is your own, `allow_cleartext = true` under `[{0}]` allows it",
            side.as_str()
        ));
    }
    if entry.login.is_empty() {
        return Err(format!("no {0} user: fill `{0}_user`", side.as_str()));
    }
    Ok(AccountSpec { user: entry.login.clone(), endpoint, entry: entry.clone(), host: host.clone() })
}

/// Says that there is nothing to sign in with, and what gives it.
fn without_password(entry: &AccountEntry, host: &HostSettings, side: Side) -> String {
    let here = host.server.destination(entry);
    if let (Some(there), Some(here)) = (&entry.sealed_for, here) {
        return format!(
            "no {0} password for {here}: the project's store has it for {there}, and gives it to no other host; if the two \
             are one server, type `mailhaul secrets move --side {0} --from {1} --to {2}`",
            side.as_str(),
            argument(there),
            argument(&here.to_string())
        );
    }
    // What is not there yet is made by `provision`; until then the old host can be looked at alone.
    let first = match side {
        Side::Source | Side::Local => "",
        Side::Target => {
            "`mailhaul provision` makes one (until then `mailhaul assess` looks at the old host alone), or "
        }
    };
    format!(
        "no {0} password: {first}fill `{0}_password`, type `mailhaul secrets set`, or set `admin_user` and \
         `admin_password`, or `token`, under `[{0}]`",
        side.as_str()
    )
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?} -> {:?}", self.key, self.source, self.target)
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use mailhaul_net::{Dialer, TlsMode};

    use super::*;
    use crate::password_hosts::Server;
    use crate::plugin::AccountEntry;

    /// A mailbox of these hosts, which nobody dials.
    pub(crate) fn mailbox(key: &str, source: &str, target: &str) -> Mailbox {
        let end = |host: &str, side| {
            let server = Server {
                host: Some(host.to_owned()),
                port: None,
                tls: TlsMode::Implicit,
                admin_hosts: Vec::new(),
                shared: None,
            };
            let defaults = HostSettings {
                server,
                dialer: Dialer::platform(),
                method: AuthMethod::Password,
                admin: None,
                user_pattern: None,
                token: None,
                allow_cleartext: false,
                compress: false,
            };
            let secret = Some(mailhaul_imap::Secret::from(b"x".to_vec()));
            let entry = AccountEntry { login: key.to_owned(), secret, ..AccountEntry::default() };
            account_spec(&entry, &defaults, side).unwrap()
        };
        let (source, target) = (end(source, Side::Source), end(target, Side::Target));
        Mailbox {
            key: key.to_owned(),
            source,
            target,
            without_target: None,
            one_account: false,
            label: None,
            batch: None,
            origin: None,
            position: 0,
        }
    }
}
