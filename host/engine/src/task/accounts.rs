//! The target accounts that mailboxes of a task have signed in to, so that two names of one account are found.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::account::Mailbox;

/// A target account as the mailbox that goes there saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The mailbox's key.
    pub mailbox: String,
    /// The log-in.
    pub user: String,
    /// The server.
    pub host: String,
    /// MAILBOXID of its INBOX (RFC 8474), where the server tells.
    pub mailbox_id: Option<String>,
    /// Whether its row says that sharing the account is meant.
    pub meant: bool,
    busy: Arc<tokio::sync::Mutex<()>>,
}

impl Seen {
    /// Waits until the mailbox that came before is not worked on any more.
    pub(crate) async fn done(&self) {
        drop(self.busy.lock().await);
    }
}

/// A mailbox at work on its target account, until this is dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    /// Those before it whose INBOX has the same UIDVALIDITY.
    pub before: Vec<Seen>,
    _busy: Option<OwnedMutexGuard<()>>,
}

/// The accounts, by the UIDVALIDITY of their INBOX, in the order in which they were entered.
#[derive(Debug, Default)]
pub(crate) struct Accounts(Mutex<HashMap<u32, Vec<Seen>>>);

impl Accounts {
    /// Enters a mailbox's target account. One that comes back after a lost connection keeps its place: nobody waits for one
    /// that came later, so that nobody waits in a circle.
    pub(crate) fn enter(&self, mailbox: &Mailbox, uid_validity: u32, mailbox_id: Option<&str>) -> Entered {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let alike = known.entry(uid_validity).or_default();
        let at = alike.iter().position(|seen| seen.mailbox == mailbox.key).unwrap_or(alike.len());
        if at == alike.len() {
            alike.push(Seen {
                mailbox: mailbox.key.clone(),
                user: mailbox.target.user.clone(),
                host: mailbox.target.endpoint.host.clone(),
                mailbox_id: mailbox_id.map(str::to_owned),
                meant: mailbox.one_account,
                busy: Arc::default(),
            });
        }
        let before = alike.get(..at).unwrap_or_default().to_vec();
        let busy = alike.get(at).and_then(|seen| Arc::clone(&seen.busy).try_lock_owned().ok());
        Entered { before, _busy: busy }
    }
}
