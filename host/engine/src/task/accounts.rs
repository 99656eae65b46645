//! The target accounts of the project's mailboxes, as they were seen after the log-in, so that two names of
//! one account are found: those of earlier runs and of mailboxes that do not run now as well, and those that
//! are at work at this moment.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::account::{Mailbox, local_part};
use crate::state::record::{AccountRecord, Record};

/// Most accounts with one UIDVALIDITY that are compared whatever they are called.
const ALIKE: usize = 64;

/// A target account as the mailbox that goes there saw it.
#[derive(Debug, Clone)]
pub(crate) struct KnownAccount {
    pub account: AccountRecord,
    /// Whether its row says that sharing the account is meant.
    pub meant: bool,
    /// Who was known first has the smaller number: two that have copied nothing are told apart by it.
    pub order: u64,
    /// Whether this task has seen it, so that it may have changed since anybody looked.
    now: bool,
}

/// What a mailbox at work has come to, as far as it can be told from others by it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Whether it has a copy on its target, or nothing to copy.
    pub known: bool,
    /// Whether it has found messages that were on its target before.
    pub found: bool,
    /// So many of its messages were acknowledged without a UID.
    pub acknowledged: u64,
}

/// A mailbox at work on its target account, before whoever holds this.
#[derive(Debug, Clone)]
pub(crate) struct Turn(watch::Receiver<Progress>);

impl Turn {
    /// Waits until it is known by copies of its own, or is not worked on any more.
    pub(crate) async fn known(&mut self) {
        // An error is one that is not worked on any more.
        self.0.wait_for(|progress| progress.known).await.ok();
    }

    /// Waits until it is not worked on any more.
    pub(crate) async fn done(&mut self) {
        while self.0.changed().await.is_ok() {}
    }

    /// Waits until it has come further than [`Turn::progress`] has told, or is not worked on any more.
    pub(crate) async fn changed(&mut self) {
        self.0.changed().await.ok();
    }

    /// How far it has come; `None` when it is not worked on any more.
    pub(crate) fn progress(&mut self) -> Option<Progress> {
        self.0.has_changed().is_ok().then(|| *self.0.borrow_and_update())
    }

    /// Returns whether it is known by copies of its own, or is not worked on any more: nobody waits then.
    pub(crate) fn is_known(&self) -> bool {
        self.0.borrow().known || self.0.has_changed().is_err()
    }
}

/// A known account that may be the one that a mailbox has just signed in to.
#[derive(Debug)]
pub(crate) struct AccountCandidate {
    pub seen: KnownAccount,
    /// Where its mailbox is at work, and was before the one that was entered.
    pub turn: Option<Turn>,
}

impl AccountCandidate {
    /// Whether lists that were read before the account was entered may be older than what was done there.
    pub(crate) fn is_recent(&self) -> bool {
        self.seen.now
    }
}

/// A mailbox at work on its target account, until this is dropped.
#[derive(Debug)]
pub(crate) struct AccountGuard {
    /// Its own place in the order in which accounts became known.
    pub order: u64,
    /// Those of other mailboxes whose INBOX has the same UIDVALIDITY.
    pub others: Vec<AccountCandidate>,
    accounts: Arc<Accounts>,
    turn: u64,
}

impl Drop for AccountGuard {
    fn drop(&mut self) {
        self.accounts.lock().at_work.remove(&self.turn);
    }
}

#[derive(Debug)]
struct ActiveMailbox {
    mailbox: String,
    uid_validity: u32,
    progress: watch::Sender<Progress>,
}

#[derive(Debug, Default)]
struct AccountTable {
    /// Where they are recorded; whoever only looks records nothing.
    store: Option<Box<dyn Record>>,
    /// The account of each mailbox, by its key.
    seen: HashMap<String, KnownAccount>,
    /// Mailboxes by UIDVALIDITY, in the order in which they became known.
    alike: HashMap<u32, Vec<String>>,
    /// And by the log-in without its domain: a server may give every INBOX the same.
    namesakes: HashMap<(u32, String), Vec<String>>,
    /// In the order in which they were entered.
    at_work: BTreeMap<u64, ActiveMailbox>,
    /// The next number to be given, to accounts and turns alike.
    numbered: u64,
}

/// The target accounts that this project's mailboxes sign in to, shared by a task.
#[derive(Debug, Default)]
pub(crate) struct Accounts(Mutex<AccountTable>);

impl Accounts {
    /// Fills in what earlier runs have seen of these mailboxes. One that is not in the list any more says
    /// nothing, nor does one that goes elsewhere now. What is seen from now on is recorded in `store`, where
    /// there is one.
    pub(crate) fn fill<'a>(
        &self,
        recorded: Vec<AccountRecord>,
        list: impl Iterator<Item = &'a Mailbox>,
        store: Option<Box<dyn Record>>,
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

    /// Records nothing from now on: `project.sqlite` is closed.
    pub(crate) fn close(&self) {
        self.lock().store = None;
    }

    /// Enters a mailbox's target account. `unknown`: it will copy something, and has no copies there by which
    /// it could be told from others, so that whoever comes after waits for the first. One that comes back
    /// after a lost connection is the last again, and waits for those that went on meanwhile: nobody waits
    /// for one that came later, so that nobody waits in a circle.
    pub(crate) fn enter(
        self: &Arc<Self>,
        mailbox: &Mailbox,
        uid_validity: u32,
        mailbox_id: Option<&str>,
        unknown: bool,
    ) -> AccountGuard {
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
        let progress = watch::Sender::new(Progress { known: !unknown, ..Progress::default() });
        let work = ActiveMailbox { mailbox: mailbox.key.clone(), uid_validity, progress };
        known.at_work.insert(turn, work);
        AccountGuard { order, others, accounts: Arc::clone(self), turn }
    }

    /// A mailbox has a copy on its target now, by which it can be told from others.
    pub(crate) fn mark_known(&self, mailbox: &str) {
        self.progressed(mailbox, |progress| progress.known = true);
    }

    /// A mailbox has found messages that were on its target before.
    pub(crate) fn mark_found(&self, mailbox: &str) {
        self.progressed(mailbox, |progress| progress.found = true);
    }

    /// A mailbox's target has acknowledged so many messages without telling a UID.
    pub(crate) fn add_acknowledged(&self, mailbox: &str, messages: u64) {
        if messages > 0 {
            self.progressed(mailbox, |progress| progress.acknowledged += messages);
        }
    }

    fn progressed(&self, mailbox: &str, change: impl Fn(&mut Progress)) {
        for work in self.lock().at_work.values().filter(|work| work.mailbox == mailbox) {
            work.progress.send_if_modified(|progress| {
                let before = *progress;
                change(progress);
                *progress != before
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, AccountTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AccountTable {
    fn number(&mut self) -> u64 {
        self.numbered += 1;
        self.numbered - 1
    }

    fn add(&mut self, account: AccountRecord, meant: bool, now: bool) {
        let (mailbox, uid_validity) = (account.mailbox.clone(), account.uid_validity);
        self.alike.entry(uid_validity).or_default().push(mailbox.clone());
        let name = (uid_validity, local_part(&account.user));
        self.namesakes.entry(name).or_default().push(mailbox.clone());
        let order = self.number();
        self.seen.insert(mailbox, KnownAccount { account, meant, order, now });
    }

    fn forget(&mut self, mailbox: &str) {
        let Some(KnownAccount { account, .. }) = self.seen.remove(mailbox) else { return };
        let name = (account.uid_validity, local_part(&account.user));
        let lists = [self.alike.get_mut(&account.uid_validity), self.namesakes.get_mut(&name)];
        lists.into_iter().flatten().for_each(|list| list.retain(|one| one != mailbox));
    }

    /// The accounts that a mailbox is compared with. A server that gives every INBOX the same says nothing by
    /// it: then those at work and those with the same name are left.
    fn others(&self, mailbox: &Mailbox, uid_validity: u32) -> Vec<AccountCandidate> {
        let at_work = || self.at_work.values().filter(|work| work.uid_validity == uid_validity);
        let alike = self.alike.get(&uid_validity).map(Vec::as_slice).unwrap_or_default();
        let mut keys: Vec<&String> = at_work().map(|work| &work.mailbox).collect();
        if alike.len() <= ALIKE {
            keys.extend(alike);
        } else {
            let name = (uid_validity, local_part(&mailbox.target.user));
            keys.extend(self.namesakes.get(&name).into_iter().flatten());
        }
        let mut others: Vec<AccountCandidate> = Vec::new();
        for key in keys.into_iter().filter(|key| **key != mailbox.key) {
            let Some(seen) = self.seen.get(key) else { continue };
            if others.len() < ALIKE && others.iter().all(|other| other.seen.order != seen.order) {
                let turn = at_work().find(|work| work.mailbox == *key);
                let turn = turn.map(|work| Turn(work.progress.subscribe()));
                others.push(AccountCandidate { seen: seen.clone(), turn });
            }
        }
        others
    }
}

fn seen_of(mailbox: &Mailbox, uid_validity: u32, mailbox_id: Option<&str>) -> AccountRecord {
    AccountRecord {
        mailbox: mailbox.key.clone(),
        host: mailbox.target.endpoint.host.clone(),
        port: mailbox.target.endpoint.port,
        user: mailbox.target.user.clone(),
        uid_validity,
        mailbox_id: mailbox_id.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::testing::mailbox;

    fn names(entered: &AccountGuard) -> Vec<&str> {
        entered.others.iter().map(|other| other.seen.account.mailbox.as_str()).collect()
    }

    #[test]
    fn what_is_not_in_the_list_or_goes_elsewhere_is_not_compared() {
        let [ann, bob, cem] = ["ann", "bob", "cem"].map(|key| mailbox(key, "old.example", "new.example"));
        let moved = mailbox("bob", "old.example", "other.example");
        let recorded: Vec<AccountRecord> = [&ann, &bob, &cem].map(|m| seen_of(m, 7, None)).into();
        let accounts = Arc::new(Accounts::default());
        accounts.fill(recorded.clone(), [&ann, &moved, &cem].into_iter(), None);
        let entered = accounts.enter(&cem, 7, None, true);
        assert_eq!(names(&entered), ["ann"]);
        assert!(entered.others[0].seen.order < entered.order);
        // Nor is what has another UIDVALIDITY by now.
        assert_eq!(names(&accounts.enter(&ann, 8, None, true)), Vec::<&str>::new());
        assert_eq!(names(&accounts.enter(&bob, 7, None, true)), ["cem"]);
    }

    #[test]
    fn accounts_that_are_closed_keep_no_database_open() {
        let dir = tempfile::tempdir().unwrap();
        let ann = mailbox("ann", "old.example", "new.example");
        let accounts = Arc::new(Accounts::default());
        accounts.fill(
            Vec::new(),
            std::iter::once(&ann),
            Some(crate::state::record::open(dir.path()).unwrap()),
        );
        let entered = accounts.enter(&ann, 7, None, true);
        let log = dir.path().join("project.sqlite-wal");
        assert!(log.exists(), "SQLite's log stands beside what is open");
        accounts.close();
        assert!(!log.exists());
        drop(entered);
        assert_eq!(
            crate::state::record::open(dir.path()).unwrap().accounts().unwrap().len(),
            1,
            "it was recorded"
        );
    }

    #[test]
    fn a_server_that_gives_every_inbox_the_same_says_nothing_by_it() {
        let all: Vec<Mailbox> =
            (0..10_000).map(|n| mailbox(&format!("user{n}"), "old.example", "new.example")).collect();
        let accounts = Arc::new(Accounts::default());
        accounts.fill(all.iter().map(|m| seen_of(m, 7, None)).collect(), all.iter(), None);
        let at_work = accounts.enter(&all[5], 7, None, true);
        let namesake = mailbox("USER9@new.example", "old.example", "new.example");
        assert_eq!(names(&accounts.enter(&namesake, 7, None, true)), ["user5", "user9"]);
        drop(at_work);
        let begun = std::time::Instant::now();
        for mailbox in &all {
            assert_eq!(
                names(&accounts.enter(mailbox, 7, None, true)).len(),
                usize::from(mailbox.key == "user9")
            );
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn who_has_nothing_to_copy_or_a_copy_or_is_gone_holds_nobody_up() {
        let [ann, bob, cem] = ["ann", "bob", "cem"].map(|key| mailbox(key, "old.example", "new.example"));
        let accounts = Arc::new(Accounts::default());
        let idle = accounts.enter(&ann, 7, None, false);
        let busy = accounts.enter(&bob, 7, None, true);
        let mut entered = accounts.enter(&cem, 7, None, true);
        assert_eq!(names(&entered), ["ann", "bob"]);
        let turns: Vec<&mut Turn> =
            entered.others.iter_mut().filter_map(|other| other.turn.as_mut()).collect();
        let [of_idle, of_busy] = &mut turns.into_iter().collect::<Vec<_>>()[..] else {
            panic!("both are at work")
        };
        assert!(of_idle.is_known() && !of_busy.is_known());
        accounts.mark_known("bob");
        of_busy.known().await;
        drop((busy, idle));
        of_busy.done().await;
        assert_eq!(of_busy.progress(), None);
        // One that comes back is the last, and waits for those that went on.
        let back = accounts.enter(&bob, 7, None, true);
        let turns: Vec<bool> = back.others.iter().map(|other| other.turn.is_some()).collect();
        assert_eq!((names(&back), turns), (vec!["cem", "ann"], vec![true, false]));
    }
}
