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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::testing::mailbox;

    /// Whoever has another before it waits for it: two that have one another would wait for ever.
    #[test]
    fn one_that_comes_back_keeps_its_place() {
        let accounts = Accounts::default();
        let (ann, bob) = (mailbox("ann", "a.example", "b.example"), mailbox("bob", "a.example", "b.example"));
        let before = |entered: &Entered| entered.before.iter().map(|s| s.mailbox.clone()).collect::<Vec<_>>();
        let first = accounts.enter(&ann, 7, None);
        let second = accounts.enter(&bob, 7, Some("id"));
        assert_eq!((before(&first), before(&second)), (vec![], vec!["ann".to_owned()]));
        drop(first);
        for _ in 0..2 {
            assert_eq!(before(&accounts.enter(&ann, 7, None)), Vec::<String>::new());
            assert_eq!(before(&accounts.enter(&bob, 7, Some("id"))), ["ann"]);
        }
        assert_eq!(before(&accounts.enter(&bob, 8, None)), Vec::<String>::new(), "another UIDVALIDITY");
    }

    #[test]
    fn an_account_is_done_when_the_mailbox_at_work_on_it_leaves() {
        let accounts = Accounts::default();
        let (ann, bob) = (mailbox("ann", "a.example", "b.example"), mailbox("bob", "a.example", "b.example"));
        let first = accounts.enter(&ann, 7, None);
        let second = accounts.enter(&bob, 7, None);
        let is_busy = || second.before[0].busy.try_lock().is_err();
        assert!(is_busy());
        drop(first);
        assert!(!is_busy());
        // Back after a lost connection.
        let back = accounts.enter(&ann, 7, None);
        assert!(is_busy());
        drop(back);
        assert!(!is_busy());
    }
}
