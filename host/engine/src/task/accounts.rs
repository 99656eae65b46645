//! The target accounts of the project's mailboxes, as they were seen after the log-in, so that two names of one account are
//! found: those of earlier runs and of mailboxes that do not run now as well, and those that are at work at this moment.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::account::{Mailbox, local_part};
use crate::state::store::{SeenAccount, Store};

/// Most accounts with one UIDVALIDITY that are compared whatever they are called.
const ALIKE: usize = 64;

/// A target account as the mailbox that goes there saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// What it looks like.
    pub account: SeenAccount,
    /// Whether its row says that sharing the account is meant.
    pub meant: bool,
    /// Who was known first has the smaller number: two that have copied nothing are told apart by it.
    pub order: u64,
    /// Whether this task has seen it, so that it may have changed since anybody looked.
    now: bool,
}

/// A mailbox at work on its target account, before whoever holds this.
#[derive(Debug, Clone)]
pub(crate) struct Turn(watch::Receiver<bool>);

impl Turn {
    /// Waits until it is known by copies of its own, or is not worked on any more.
    pub(crate) async fn known(&mut self) {
        // An error is one that is not worked on any more.
        self.0.wait_for(|known| *known).await.ok();
    }

    /// Waits until it is not worked on any more.
    pub(crate) async fn done(&mut self) {
        while self.0.changed().await.is_ok() {}
    }

    /// Whether there is something to wait for.
    pub(crate) fn is_unknown(&self) -> bool {
        !*self.0.borrow() && self.0.has_changed().is_ok()
    }
}

/// An account that may be the one that was entered.
#[derive(Debug)]
pub(crate) struct Other {
    /// How it was seen.
    pub seen: Seen,
    /// Where its mailbox is at work, and was before the one that was entered.
    pub turn: Option<Turn>,
}

impl Other {
    /// Whether lists that were read before the account was entered may be older than what was done there.
    pub(crate) fn is_recent(&self) -> bool {
        self.seen.now
    }
}

/// A mailbox at work on its target account, until this is dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    /// Its own place in the order in which accounts became known.
    pub order: u64,
    /// Those of other mailboxes whose INBOX has the same UIDVALIDITY.
    pub others: Vec<Other>,
    accounts: Arc<Accounts>,
    turn: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.accounts.lock().at_work.remove(&self.turn);
    }
}

#[derive(Debug)]
struct AtWork {
    mailbox: String,
    uid_validity: u32,
    known: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Known {
    /// Where they are recorded; whoever only looks records nothing.
    store: Option<Store>,
    /// By mailbox.
    seen: HashMap<String, Seen>,
    /// Mailboxes by UIDVALIDITY, in the order in which they became known.
    alike: HashMap<u32, Vec<String>>,
    /// And by the log-in without its domain: a server may give every INBOX the same.
    namesakes: HashMap<(u32, String), Vec<String>>,
    /// In the order in which they were entered.
    at_work: BTreeMap<u64, AtWork>,
    /// How many were numbered, accounts and turns alike.
    numbered: u64,
}

/// The accounts.
#[derive(Debug, Default)]
pub(crate) struct Accounts(Mutex<Known>);

impl Accounts {
    /// Fills in what earlier runs have seen of these mailboxes. One that is not in the list any more says nothing, nor does
    /// one that goes elsewhere now. What is seen from now on is recorded in `store`, where there is one.
    pub(crate) fn fill<'a>(
        &self,
        recorded: Vec<SeenAccount>,
        list: impl Iterator<Item = &'a Mailbox>,
        store: Option<Store>,
    ) {
        let mut known = self.lock();
        known.store = store;
        if recorded.is_empty() {
            return;
        }
        let list: HashMap<&str, &Mailbox> = list.map(|mailbox| (mailbox.key.as_str(), mailbox)).collect();
        for account in recorded {
            let Some(mailbox) = list.get(account.mailbox.as_str()) else { continue };
            if seen_of(mailbox, account.uid_validity, account.mailbox_id.as_deref()) == account {
                known.add(account, mailbox.one_account, false);
            }
        }
    }

    /// Enters a mailbox's target account. `unknown`: it will copy something, and has no copies there by which it could be told
    /// from others, so that whoever comes after waits for the first. One that comes back after a lost connection is the last
    /// again, and waits for those that went on meanwhile: nobody waits for one that came later, so that nobody waits in a
    /// circle.
    pub(crate) fn enter(
        self: &Arc<Self>,
        mailbox: &Mailbox,
        uid_validity: u32,
        mailbox_id: Option<&str>,
        unknown: bool,
    ) -> Entered {
        let mut known = self.lock();
        let account = seen_of(mailbox, uid_validity, mailbox_id);
        let before = known.seen.get(&mailbox.key).filter(|seen| seen.account == account);
        let is_new = before.is_none();
        let order = before.map_or(known.numbered, |seen| seen.order);
        let others = known.others(mailbox, uid_validity);
        if is_new {
            if let Some(Err(error)) = known.store.as_ref().map(|store| store.set_account(&account)) {
                tracing::warn!(%error, mailbox = mailbox.key, "what the target account looks like could not be stored");
            }
            known.forget(&mailbox.key);
            known.add(account, mailbox.one_account, true);
        } else if let Some(seen) = known.seen.get_mut(&mailbox.key) {
            seen.now = true;
        }
        let turn = known.number();
        let work = AtWork { mailbox: mailbox.key.clone(), uid_validity, known: watch::Sender::new(!unknown) };
        known.at_work.insert(turn, work);
        Entered { order, others, accounts: Arc::clone(self), turn }
    }

    /// A mailbox has a copy on its target now, by which it can be told from others.
    pub(crate) fn copied(&self, mailbox: &str) {
        for work in self.lock().at_work.values().filter(|work| work.mailbox == mailbox) {
            work.known.send_if_modified(|known| !std::mem::replace(known, true));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn number(&mut self) -> u64 {
        self.numbered += 1;
        self.numbered - 1
    }

    fn add(&mut self, account: SeenAccount, meant: bool, now: bool) {
        let (mailbox, uid_validity) = (account.mailbox.clone(), account.uid_validity);
        self.alike.entry(uid_validity).or_default().push(mailbox.clone());
        let name = (uid_validity, local_part(&account.user));
        self.namesakes.entry(name).or_default().push(mailbox.clone());
        let order = self.number();
        self.seen.insert(mailbox, Seen { account, meant, order, now });
    }

    fn forget(&mut self, mailbox: &str) {
        let Some(Seen { account, .. }) = self.seen.remove(mailbox) else { return };
        let name = (account.uid_validity, local_part(&account.user));
        let lists = [self.alike.get_mut(&account.uid_validity), self.namesakes.get_mut(&name)];
        lists.into_iter().flatten().for_each(|list| list.retain(|one| one != mailbox));
    }

    /// The accounts that a mailbox is compared with. A server that gives every INBOX the same says nothing by it: then those
    /// at work and those with the same name are left.
    fn others(&self, mailbox: &Mailbox, uid_validity: u32) -> Vec<Other> {
        let at_work = || self.at_work.values().filter(|work| work.uid_validity == uid_validity);
        let alike = self.alike.get(&uid_validity).map(Vec::as_slice).unwrap_or_default();
        let mut keys: Vec<&String> = at_work().map(|work| &work.mailbox).collect();
        if alike.len() <= ALIKE {
            keys.extend(alike);
        } else {
            let name = (uid_validity, local_part(&mailbox.target.user));
            keys.extend(self.namesakes.get(&name).into_iter().flatten());
        }
        let mut others: Vec<Other> = Vec::new();
        for key in keys.into_iter().filter(|key| **key != mailbox.key) {
            let Some(seen) = self.seen.get(key) else { continue };
            if others.len() < ALIKE && others.iter().all(|other| other.seen.order != seen.order) {
                let turn = at_work().find(|work| work.mailbox == *key);
                let turn = turn.map(|work| Turn(work.known.subscribe()));
                others.push(Other { seen: seen.clone(), turn });
            }
        }
        others
    }
}

fn seen_of(mailbox: &Mailbox, uid_validity: u32, mailbox_id: Option<&str>) -> SeenAccount {
    SeenAccount {
        mailbox: mailbox.key.clone(),
        host: mailbox.target.endpoint.host.clone(),
        port: mailbox.target.endpoint.port,
        user: mailbox.target.user.clone(),
        uid_validity,
        mailbox_id: mailbox_id.map(str::to_owned),
    }
}
