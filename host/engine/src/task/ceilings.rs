//! How many connections may be open to a host at a time, over all mailboxes of a task.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use mailhaul_imap::Timeouts;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::account::{AccountSpec, Mailbox};
use crate::clock::Clock;
use crate::state::record::LearntCeiling;

/// Ceilings on connections, shared by every mailbox of a task. A host that asks for patience lowers its own,
/// and is asked for one more after each hour.
#[derive(Debug)]
pub(crate) struct Ceilings {
    per_host: usize,
    clock: Arc<dyn Clock>,
    hosts: Mutex<HashMap<String, Arc<HostCeiling>>>,
    /// Mailboxes that were told about a server's wish for patience.
    warned: Mutex<HashSet<String>>,
    /// Hosts of which it was told that they take fewer connections.
    told: Mutex<HashSet<String>>,
    /// Pairs of connections that mailboxes have beyond their first.
    extra: Arc<Mutex<HashMap<String, usize>>>,
    /// Deadlines for every connection of the task.
    pub timeouts: Timeouts,
}

/// The connections of all mailboxes to one host.
#[derive(Debug)]
struct HostCeiling {
    free: Arc<Semaphore>,
    count: Mutex<ConnectionCount>,
}

#[derive(Debug)]
struct ConnectionCount {
    allowed: usize,
    /// How many the operator, or a profile, lets be open.
    most: usize,
    /// When the host last taught that it takes fewer, or was last asked for one more since.
    learnt: Option<Timestamp>,
    /// How many of those that are open are too many by now.
    owed: usize,
    /// How many one mailbox may have open, where that is known.
    per_mailbox: Option<usize>,
}

/// Fewer are never allowed: where both ends are one host, a mailbox needs two.
const FEWEST: usize = 2;

/// So long after a host has taught that it takes fewer connections, one more is tried: in seconds.
const ONE_MORE_AFTER: i64 = 3_600;

impl HostCeiling {
    fn count(&self) -> MutexGuard<'_, ConnectionCount> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a permit to open `n` connections. `None` only if the program is ending.
    async fn permit(self: Arc<Self>, n: usize) -> Option<HostPermit> {
        let permits = Arc::clone(&self.free).acquire_many_owned(u32::try_from(n).unwrap_or(u32::MAX));
        Some(HostPermit { permits: Some(permits.await.ok()?), host: self })
    }

    /// From now on at most this many are open at a time, and never more than before. Returns whether these
    /// are fewer.
    fn lower(&self, name: &str, most: usize) -> bool {
        let mut count = self.count();
        let most = most.max(FEWEST);
        if count.allowed <= most {
            return false;
        }
        tracing::info!(host = name, allowed = most, "fewer connections at a time");
        while count.allowed > most {
            count.allowed -= 1;
            match self.free.try_acquire() {
                Ok(permit) => permit.forget(),
                Err(_) => count.owed += 1,
            }
        }
        true
    }

    /// Lets one more be open for each hour since the host has taught that it takes fewer, up to what was
    /// let be open before.
    fn recover(&self, name: &str, now: Timestamp) {
        let mut count = self.count();
        let Some(learnt) = count.learnt else { return };
        let hours = (now.as_second() - learnt.as_second()) / ONE_MORE_AFTER;
        for _ in 0..hours.max(0) {
            if count.allowed >= count.most {
                count.learnt = None;
                return;
            }
            count.allowed += 1;
            tracing::info!(host = name, allowed = count.allowed, "one more connection is tried");
            match count.owed {
                0 => self.free.add_permits(1),
                _ => count.owed -= 1,
            }
            let next =
                count.learnt.and_then(|at| Timestamp::from_second(at.as_second() + ONE_MORE_AFTER).ok());
            count.learnt = next;
        }
    }

    fn try_permit(self: Arc<Self>, n: u32) -> Option<HostPermit> {
        let permits = Arc::clone(&self.free).try_acquire_many_owned(n).ok()?;
        Some(HostPermit { permits: Some(permits), host: self })
    }
}

impl Ceilings {
    /// At most `per_host` connections to one host at a time.
    #[must_use]
    pub(crate) fn new(per_host: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            per_host: per_host.max(1),
            clock,
            hosts: Mutex::default(),
            warned: Mutex::default(),
            told: Mutex::default(),
            extra: Arc::default(),
            timeouts: Timeouts::default(),
        }
    }

    fn host(&self, spec: &AccountSpec) -> (String, Arc<HostCeiling>) {
        let name = spec.server();
        let host = self.named(&name);
        host.recover(&name, self.clock.now());
        (name, host)
    }

    fn named(&self, name: &str) -> Arc<HostCeiling> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = hosts.entry(name.to_owned()).or_insert_with(|| {
            let (allowed, most) = (self.per_host, self.per_host);
            let count = ConnectionCount { allowed, most, learnt: None, owed: 0, per_mailbox: None };
            Arc::new(HostCeiling { free: Arc::new(Semaphore::new(self.per_host)), count: Mutex::new(count) })
        });
        Arc::clone(host)
    }

    /// The host asked for patience: from now on one connection fewer is open to it at a time. Returns how
    /// many; `None` where fewer are never allowed.
    pub(crate) fn reduce(&self, spec: &AccountSpec) -> Option<u32> {
        let (name, host) = self.host(spec);
        let most = host.count().allowed.saturating_sub(1);
        let lower = host.lower(&name, most);
        let mut count = host.count();
        if lower {
            count.learnt = Some(self.clock.now());
        }
        lower.then(|| u32::try_from(count.allowed).unwrap_or(u32::MAX))
    }

    /// What earlier tasks have learnt of hosts: it holds from the beginning, but for one more for each hour
    /// since.
    pub(crate) fn fill(&self, learnt: &[LearntCeiling]) {
        for one in learnt {
            let host = self.named(&one.host);
            if host.lower(&one.host, usize::try_from(one.allowed).unwrap_or(usize::MAX)) {
                host.count().learnt = one.at.parse().ok().or_else(|| Some(self.clock.now()));
            }
        }
    }

    /// Whether this is the first time that the host teaches how many connections it takes: told once.
    pub(crate) fn is_first_lesson(&self, host: &str) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned())
    }

    /// What a server profile says of the host: the most connections at a time over all mailboxes, and of one
    /// mailbox.
    pub(crate) fn cap(&self, spec: &AccountSpec, together: Option<u32>, per_mailbox: Option<u32>) {
        let (name, host) = self.host(spec);
        let number = |most| usize::try_from(most).unwrap_or(usize::MAX);
        if let Some(most) = together {
            host.lower(&name, number(most));
            let mut count = host.count();
            count.most = count.most.min(number(most).max(FEWEST));
        }
        host.count().per_mailbox = per_mailbox.map(number);
    }

    /// Whether more connections are open to an end of the mailbox than its host wants.
    pub(crate) fn is_crowded(&self, mailbox: &Mailbox) -> bool {
        [&mailbox.source, &mailbox.target].iter().any(|spec| self.host(spec).1.count().owed > 0)
    }

    /// Whether this is the first time that a server asks for patience while it works on the mailbox: said
    /// once.
    pub(crate) fn is_first_request_for_patience(&self, mailbox: &str) -> bool {
        self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(mailbox.to_owned())
    }

    /// A permit for one more connection to each end, if nobody has to wait for it and both hosts let one
    /// mailbox have it.
    pub(crate) fn try_pair(&self, mailbox: &Mailbox) -> Option<Permit> {
        let (first, a) = self.host(&mailbox.source);
        let (second, b) = self.host(&mailbox.target);
        // One after the other: a host that is both ends has one count.
        let of_one = |host: &HostCeiling| host.count().per_mailbox;
        let most = [of_one(&a), of_one(&b)].into_iter().flatten().min().unwrap_or(usize::MAX);
        let extra = ExtraPair::beyond_first(&self.extra, &mailbox.key, most)?;
        let held = if first == second {
            vec![Some(a.try_permit(2)?)]
        } else {
            vec![Some(a.try_permit(1)?), Some(b.try_permit(1)?)]
        };
        Some(Permit(held, Some(extra)))
    }

    /// A permit for one connection to one end, where the other is not asked.
    pub(crate) async fn one(&self, spec: &AccountSpec) -> Permit {
        let (_, host) = self.host(spec);
        Permit(vec![host.permit(1).await], None)
    }

    /// A permit for one connection to each end; taken at once where both ends are one host, so that
    /// mailboxes never wait for each other's second connection. To the source alone where there is no target.
    pub(crate) async fn pair(&self, mailbox: &Mailbox) -> Permit {
        let (first, a) = self.host(&mailbox.source);
        if mailbox.without_target.is_some() {
            return Permit(vec![a.permit(1).await], None);
        }
        let (second, b) = self.host(&mailbox.target);
        if first == second {
            return Permit(vec![a.permit(FEWEST.min(self.per_host)).await], None);
        }
        // Always in the same order: two mailboxes that swap hosts cannot block each other.
        let (x, y) = if first < second { (a, b) } else { (b, a) };
        let x = x.permit(1).await;
        Permit(vec![x, y.permit(1).await], None)
    }
}

/// A permit to hold connections; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit(
    #[expect(dead_code, reason = "held for its drop")] Vec<Option<HostPermit>>,
    #[expect(dead_code, reason = "held for its drop")] Option<ExtraPair>,
);

/// A pair of connections of a mailbox beyond its first.
#[derive(Debug)]
struct ExtraPair {
    mailbox: String,
    of: Arc<Mutex<HashMap<String, usize>>>,
}

impl ExtraPair {
    /// One more, if the mailbox then has at most `most` pairs.
    fn beyond_first(of: &Arc<Mutex<HashMap<String, usize>>>, mailbox: &str, most: usize) -> Option<Self> {
        let mut counts = of.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(mailbox.to_owned()).or_default();
        if 1 + *count >= most {
            return None;
        }
        *count += 1;
        Some(Self { mailbox: mailbox.to_owned(), of: Arc::clone(of) })
    }
}

impl Drop for ExtraPair {
    fn drop(&mut self) {
        let mut counts = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.mailbox) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.mailbox);
            }
        }
    }
}

/// A permit of one host. What the host does not want any more is not given back.
#[derive(Debug)]
struct HostPermit {
    permits: Option<OwnedSemaphorePermit>,
    host: Arc<HostCeiling>,
}

impl Drop for HostPermit {
    fn drop(&mut self) {
        let Some(mut permits) = self.permits.take() else { return };
        let mut count = self.host.count();
        while count.owed > 0
            && let Some(one) = permits.split(1)
        {
            one.forget();
            count.owed -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::testing::mailbox;
    use crate::clock::SystemClock;

    #[tokio::test]
    async fn a_profile_lowers_a_host_s_ceiling_and_never_raises_it() {
        let ceilings = Ceilings::new(6, Arc::new(SystemClock));
        let anna = mailbox("anna", "old.example", "new.example");
        let free = || ceilings.host(&anna.source).1.free.available_permits();
        let held = ceilings.pair(&anna).await;
        ceilings.cap(&anna.source, Some(20), None);
        assert_eq!(free(), 5);
        ceilings.cap(&anna.source, Some(4), None);
        ceilings.cap(&anna.source, Some(4), None);
        assert_eq!(free(), 3);
        // A host that is both ends needs two connections for a mailbox, whatever anybody says.
        ceilings.cap(&anna.source, Some(0), None);
        assert_eq!(free(), 1);
        drop(held);
        assert_eq!(free(), 2);
    }

    #[test]
    fn a_host_that_is_both_ends_can_have_further_pairs() {
        let ceilings = Ceilings::new(6, Arc::new(SystemClock));
        let anna = mailbox("anna", "one.example", "one.example");
        ceilings.cap(&anna.source, None, Some(3));
        let held: Vec<_> = (0..4).filter_map(|_| ceilings.try_pair(&anna)).collect();
        assert_eq!(held.len(), 2);
        assert_eq!(ceilings.host(&anna.source).1.free.available_permits(), 2);
    }

    #[tokio::test]
    async fn connections_that_are_open_already_are_owed() {
        let ceilings = Ceilings::new(6, Arc::new(SystemClock));
        let anna = mailbox("anna", "old.example", "new.example");
        let mut held = Vec::new();
        for _ in 0..6 {
            held.push(ceilings.pair(&anna).await);
        }
        ceilings.cap(&anna.source, Some(4), None);
        assert!(ceilings.is_crowded(&anna));
        held.truncate(4);
        assert!(!ceilings.is_crowded(&anna));
        assert_eq!(ceilings.host(&anna.source).1.free.available_permits(), 0);
        held.clear();
        assert_eq!(ceilings.host(&anna.source).1.free.available_permits(), 4);
    }

    #[tokio::test]
    async fn one_mailbox_has_as_many_pairs_as_both_hosts_let_it_have() {
        let ceilings = Ceilings::new(100, Arc::new(SystemClock));
        let (anna, ben) =
            (mailbox("anna", "o.example", "n.example"), mailbox("ben", "o.example", "n.example"));
        let _first = ceilings.pair(&anna).await;
        ceilings.cap(&anna.source, None, Some(5));
        ceilings.cap(&anna.target, None, Some(3));
        let more = [ceilings.try_pair(&anna), ceilings.try_pair(&anna)];
        assert!(more.iter().all(Option::is_some) && ceilings.try_pair(&anna).is_none());
        assert!(ceilings.try_pair(&ben).is_some(), "another mailbox has its own");
        drop(more);
        assert!(ceilings.try_pair(&anna).is_some());
        ceilings.cap(&anna.target, None, Some(1));
        assert!(ceilings.try_pair(&anna).is_none());
    }

    /// A clock that a test moves.
    #[derive(Debug, Default)]
    struct Moved(std::sync::atomic::AtomicI64);

    impl Clock for Moved {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(self.0.load(std::sync::atomic::Ordering::Relaxed)).unwrap()
        }

        fn zone(&self) -> jiff::tz::TimeZone {
            jiff::tz::TimeZone::UTC
        }
    }

    #[tokio::test]
    async fn what_a_host_has_taught_holds_in_the_next_task_and_one_more_is_tried_each_hour() {
        let clock = Arc::new(Moved::default());
        let moved = |seconds: i64| clock.0.fetch_add(seconds, std::sync::atomic::Ordering::Relaxed);
        moved(1_000_000);
        let anna = mailbox("anna", "old.example", "new.example");
        let new = || Ceilings::new(6, Arc::clone(&clock) as Arc<dyn Clock>);
        let free = |ceilings: &Ceilings| ceilings.host(&anna.source).1.free.available_permits();
        let first = new();
        assert_eq!((first.reduce(&anna.source), first.reduce(&anna.source)), (Some(5), Some(4)));
        assert!(first.is_first_lesson("old.example:993") && !first.is_first_lesson("old.example:993"));
        let (host, at) = (anna.source.server(), clock.now().to_string());
        let learnt = [LearntCeiling { host, allowed: 4, at, why: "no more".into() }];
        let next = new();
        next.fill(&learnt);
        assert_eq!((free(&next), next.host(&anna.target).1.free.available_permits()), (4, 6));
        moved(-7_200);
        assert_eq!(free(&next), 4, "a clock that is put back tries nothing");
        moved(7_200 + 3_600);
        assert_eq!(free(&next), 5);
        moved(5 * 3_600);
        assert_eq!(free(&next), 6, "and never more than the operator lets be open");
        let later = new();
        later.fill(&learnt);
        later.cap(&anna.source, Some(5), None);
        assert_eq!(free(&later), 5, "nor than a profile does");
    }

    #[tokio::test]
    async fn one_more_is_owed_first() {
        let clock = Arc::new(Moved::default());
        let ceilings = Ceilings::new(3, Arc::clone(&clock) as Arc<dyn Clock>);
        let anna = mailbox("anna", "old.example", "new.example");
        let held: Vec<_> =
            [ceilings.pair(&anna).await, ceilings.pair(&anna).await, ceilings.pair(&anna).await].into();
        ceilings.reduce(&anna.source);
        assert!(ceilings.is_crowded(&anna));
        clock.0.fetch_add(3_600, std::sync::atomic::Ordering::Relaxed);
        assert!(!ceilings.is_crowded(&anna), "the one that is open already is let be");
        drop(held);
        assert_eq!(ceilings.host(&anna.source).1.free.available_permits(), 3);
    }
}
