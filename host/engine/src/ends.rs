//! Both ends of a mailbox, dialled within the ceilings of the project.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::poll;
use mailhaul_imap::{Account, ImapError, Known, Session, Timeouts, connect_beside};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::context::Context;
use crate::mailbox::{AccountSpec, Mailbox};
use crate::meaning::Meaning;
use crate::profiles;
use crate::summary::{Side, Stopped};

/// A failure with the end it happened at.
#[derive(Debug)]
pub(crate) enum EndError {
    /// The server or the way to it.
    Imap(Side, ImapError),
    /// A server whose words a server profile could read.
    Explained(Side, ImapError, Box<Meaning>),
    /// A secret that cannot be had.
    Secret(Side, String),
}

impl EndError {
    /// Marks an error with its end.
    pub(crate) fn at(side: Side) -> impl Fn(ImapError) -> Self {
        move |error| Self::Imap(side, error)
    }

    fn imap(&self) -> Option<&ImapError> {
        match self {
            Self::Imap(_, error) | Self::Explained(_, error, _) => Some(error),
            Self::Secret(..) => None,
        }
    }

    /// Whether trying again may help: the connection broke, rather than the server said no.
    #[must_use]
    pub(crate) fn is_connection_lost(&self) -> bool {
        self.imap().is_some_and(ImapError::is_connection_lost)
    }

    /// Whether a server that answered before may answer again later: the connection broke, or the
    /// server cannot be reached right now.
    #[must_use]
    pub(crate) fn may_pass(&self) -> bool {
        self.is_connection_lost() || matches!(self.imap(), Some(ImapError::Net(_)))
    }

    /// Whether the server is there and asks to come back later.
    #[must_use]
    pub(crate) fn asks_for_patience(&self) -> bool {
        match self {
            Self::Explained(_, _, meaning) => meaning.asks_for_patience(),
            _ => self.imap().is_some_and(ImapError::asks_for_patience),
        }
    }

    /// For how long, when the server says so, or a profile that knows it.
    #[must_use]
    pub(crate) fn suggested_wait(&self) -> Option<Duration> {
        match self {
            Self::Explained(_, _, meaning) => meaning.retry_after,
            _ => self.imap()?.suggested_wait(),
        }
    }

    /// The end.
    #[must_use]
    pub(crate) fn side(&self) -> Side {
        match self {
            Self::Imap(side, _) | Self::Explained(side, ..) | Self::Secret(side, _) => *side,
        }
    }

    /// What the report says.
    #[must_use]
    pub(crate) fn stopped(&self) -> Stopped {
        match self {
            Self::Imap(side, error) => {
                Stopped { side: *side, cause: error.cause().as_str().to_owned(), reason: error.to_string() }
            }
            Self::Explained(side, error, meaning) => Stopped {
                side: *side,
                cause: meaning.cause_of(error).to_owned(),
                reason: format!("{error}{}", meaning.advice()),
            },
            Self::Secret(side, reason) => {
                Stopped { side: *side, cause: "auth-refused".to_owned(), reason: reason.clone() }
            }
        }
    }
}

/// Ceilings on connections, shared by every mailbox of a task. A host that asks for patience lowers its own.
#[derive(Debug)]
pub(crate) struct Ceilings {
    per_host: usize,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
    /// Mailboxes that were told about a server's wish for patience.
    told: Mutex<HashSet<String>>,
    /// Pairs of connections that mailboxes have beyond their first.
    extra: Arc<Mutex<HashMap<String, usize>>>,
    /// How long to wait for servers.
    pub timeouts: Timeouts,
}

/// Connections to one host.
#[derive(Debug)]
struct Host {
    free: Arc<Semaphore>,
    count: Mutex<Count>,
}

#[derive(Debug)]
struct Count {
    /// How many may be open.
    allowed: usize,
    /// How many of those that are open are too many by now.
    owed: usize,
    /// How many one mailbox may have open, where that is known.
    per_mailbox: Option<usize>,
}

/// Fewer are never allowed: where both ends are one host, a mailbox needs two.
const FEWEST: usize = 2;

impl Host {
    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for leave to open `n` connections. `None` only if the program is ending.
    async fn leave(self: Arc<Self>, n: usize) -> Option<Held> {
        let permits = Arc::clone(&self.free).acquire_many_owned(u32::try_from(n).unwrap_or(u32::MAX));
        Some(Held { permits: Some(permits.await.ok()?), host: self })
    }

    /// From now on at most this many are open at a time, and never more than before.
    fn lower(&self, name: &str, most: usize) {
        let mut count = self.count();
        let most = most.max(FEWEST);
        if count.allowed <= most {
            return;
        }
        tracing::info!(host = name, allowed = most, "fewer connections at a time");
        while count.allowed > most {
            count.allowed -= 1;
            match self.free.try_acquire() {
                Ok(permit) => permit.forget(),
                Err(_) => count.owed += 1,
            }
        }
    }

    fn try_leave(self: Arc<Self>, n: u32) -> Option<Held> {
        let permits = Arc::clone(&self.free).try_acquire_many_owned(n).ok()?;
        Some(Held { permits: Some(permits), host: self })
    }
}

impl Ceilings {
    /// At most `per_host` connections to one host at a time.
    #[must_use]
    pub(crate) fn new(per_host: usize) -> Self {
        Self {
            per_host: per_host.max(1),
            hosts: Mutex::default(),
            told: Mutex::default(),
            extra: Arc::default(),
            timeouts: Timeouts::default(),
        }
    }

    fn host(&self, spec: &AccountSpec) -> (String, Arc<Host>) {
        let name = format!("{}:{}", spec.endpoint.host.to_ascii_lowercase(), spec.endpoint.port);
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = hosts.entry(name.clone()).or_insert_with(|| {
            let count = Mutex::new(Count { allowed: self.per_host, owed: 0, per_mailbox: None });
            Arc::new(Host { free: Arc::new(Semaphore::new(self.per_host)), count })
        });
        (name, Arc::clone(host))
    }

    /// The host asked for patience: from now on one connection fewer is open to it at a time.
    pub(crate) fn ease(&self, spec: &AccountSpec) {
        let (name, host) = self.host(spec);
        let most = host.count().allowed.saturating_sub(1);
        host.lower(&name, most);
    }

    /// What a server profile says of the host: the most connections at a time over all mailboxes, and of one mailbox.
    pub(crate) fn cap(&self, spec: &AccountSpec, together: Option<u32>, per_mailbox: Option<u32>) {
        let (name, host) = self.host(spec);
        let number = |most| usize::try_from(most).unwrap_or(usize::MAX);
        if let Some(most) = together {
            host.lower(&name, number(most));
        }
        host.count().per_mailbox = per_mailbox.map(number);
    }

    /// Whether more connections are open to an end of the mailbox than its host wants.
    pub(crate) fn is_crowded(&self, mailbox: &Mailbox) -> bool {
        [&mailbox.source, &mailbox.target].iter().any(|spec| self.host(spec).1.count().owed > 0)
    }

    /// Whether this is the first time that a server asks for patience while it works on the mailbox: said once.
    pub(crate) fn first_complaint(&self, mailbox: &str) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(mailbox.to_owned())
    }

    /// Leave for one connection.
    pub(crate) async fn one(&self, spec: &AccountSpec) -> Leave {
        let (_, host) = self.host(spec);
        Leave(vec![host.leave(1).await], None)
    }

    /// Leave for one more connection to each end, if nobody has to wait for it and both hosts let one mailbox have it.
    pub(crate) fn try_pair(&self, mailbox: &Mailbox) -> Option<Leave> {
        let (first, a) = self.host(&mailbox.source);
        let (second, b) = self.host(&mailbox.target);
        // One after the other: a host that is both ends has one count.
        let of_one = |host: &Host| host.count().per_mailbox;
        let most = [of_one(&a), of_one(&b)].into_iter().flatten().min().unwrap_or(usize::MAX);
        let extra = Extra::beyond_first(&self.extra, &mailbox.key, most)?;
        let held = if first == second {
            vec![Some(a.try_leave(2)?)]
        } else {
            vec![Some(a.try_leave(1)?), Some(b.try_leave(1)?)]
        };
        Some(Leave(held, Some(extra)))
    }

    /// Leave for one connection to each end; taken at once where both ends are one host, so that
    /// mailboxes never wait for each other's second connection.
    pub(crate) async fn pair(&self, mailbox: &Mailbox) -> Leave {
        let (first, a) = self.host(&mailbox.source);
        let (second, b) = self.host(&mailbox.target);
        if first == second {
            return Leave(vec![a.leave(FEWEST.min(self.per_host)).await], None);
        }
        // Always in the same order: two mailboxes that swap hosts cannot block each other.
        let (x, y) = if first < second { (a, b) } else { (b, a) };
        let x = x.leave(1).await;
        Leave(vec![x, y.leave(1).await], None)
    }
}

/// Leave to hold connections; given back when dropped.
#[derive(Debug)]
pub(crate) struct Leave(
    #[expect(dead_code, reason = "held for its drop")] Vec<Option<Held>>,
    #[expect(dead_code, reason = "held for its drop")] Option<Extra>,
);

/// A pair of connections of a mailbox beyond its first.
#[derive(Debug)]
struct Extra {
    mailbox: String,
    of: Arc<Mutex<HashMap<String, usize>>>,
}

impl Extra {
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

impl Drop for Extra {
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

/// Leave of one host. What the host does not want any more is not given back.
#[derive(Debug)]
struct Held {
    permits: Option<OwnedSemaphorePermit>,
    host: Arc<Host>,
}

impl Drop for Held {
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

/// Dials one end, and applies what is known about its server.
///
/// # Errors
/// [`EndError`] of that end. A wrong password is tried once.
pub(crate) async fn dial(context: &Context, spec: &AccountSpec, side: Side) -> Result<Session, EndError> {
    dial_beside(context, spec, side, None).await
}

async fn dial_beside(
    context: &Context,
    spec: &AccountSpec,
    side: Side,
    known: Option<&Known>,
) -> Result<Session, EndError> {
    let account: Account = spec.account().map_err(|cause| EndError::Secret(side, cause))?;
    let connected = connect_beside(&account, &context.ceilings.timeouts, known).await;
    let mut session = connected.map_err(EndError::at(side))?;
    profiles::apply(context, spec, side, &mut session).await;
    Ok(session)
}

/// Dials both ends.
///
/// # Errors
/// [`EndError`] of the end that failed first, the source before the target.
pub(crate) async fn dial_both(context: &Context, mailbox: &Mailbox) -> Result<(Session, Session), EndError> {
    dial_both_beside(context, mailbox, (None, None)).await
}

/// Dials both ends once more, where what a first pair has learnt of the servers is known.
///
/// # Errors
/// As [`dial_both`].
pub(crate) async fn dial_both_beside(
    context: &Context,
    mailbox: &Mailbox,
    (source, target): (Option<&Known>, Option<&Known>),
) -> Result<(Session, Session), EndError> {
    let (source, target) = tokio::join!(
        dial_beside(context, &mailbox.source, Side::Source, source),
        dial_beside(context, &mailbox.target, Side::Target, target)
    );
    Ok((source?, target?))
}

/// A goodbye is worth this long.
const GOODBYE: Duration = Duration::from_secs(3);

/// Logs out of both ends and gives their leave back, while the work goes on: nobody waits for a goodbye.
pub(crate) fn log_out_both(source: Session, target: Session, leave: Leave) {
    tokio::spawn(async move {
        tokio::join!(part(source), part(target));
        drop(leave);
    });
}

/// Logs out. LOGOUT is on its way when this returns; its answer is nothing to wait for.
pub(crate) async fn log_out(session: Session) {
    let mut parting = Box::pin(part(session));
    if poll!(parting.as_mut()).is_pending() {
        tokio::spawn(parting);
    }
}

/// Everything that matters is done by then, so a failure is only noted.
async fn part(session: Session) {
    match tokio::time::timeout(GOODBYE, session.logout()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "logging out failed"),
        Err(_) => tracing::debug!("the server did not say goodbye"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::testing::mailbox;

    #[tokio::test]
    async fn a_profile_lowers_a_host_s_ceiling_and_never_raises_it() {
        let ceilings = Ceilings::new(6);
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
        let ceilings = Ceilings::new(6);
        let anna = mailbox("anna", "one.example", "one.example");
        ceilings.cap(&anna.source, None, Some(3));
        let held: Vec<_> = (0..4).filter_map(|_| ceilings.try_pair(&anna)).collect();
        assert_eq!(held.len(), 2);
        assert_eq!(ceilings.host(&anna.source).1.free.available_permits(), 2);
    }

    #[tokio::test]
    async fn connections_that_are_open_already_are_owed() {
        let ceilings = Ceilings::new(6);
        let anna = mailbox("anna", "old.example", "new.example");
        let mut held = Vec::new();
        for _ in 0..6 {
            held.push(ceilings.one(&anna.source).await);
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
        let ceilings = Ceilings::new(100);
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
}
