//! Both ends of a mailbox, dialled within the ceilings of the project.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mailhaul_imap::{Account, ImapError, Session, Timeouts};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::mailbox::{AccountSpec, Mailbox};
use crate::summary::{Side, Stopped};

/// A failure with the end it happened at.
#[derive(Debug)]
pub(crate) enum EndError {
    /// The server or the way to it.
    Imap(Side, ImapError),
    /// A secret that cannot be had.
    Secret(Side, String),
}

impl EndError {
    /// Marks an error with its end.
    pub(crate) fn at(side: Side) -> impl Fn(ImapError) -> Self {
        move |error| Self::Imap(side, error)
    }

    /// Whether trying again may help: the connection broke, rather than the server said no.
    #[must_use]
    pub(crate) fn is_connection_lost(&self) -> bool {
        matches!(self, Self::Imap(_, error) if error.is_connection_lost())
    }

    /// Whether a server that answered before may answer again later: the connection broke, or the
    /// server cannot be reached right now.
    #[must_use]
    pub(crate) fn may_pass(&self) -> bool {
        self.is_connection_lost() || matches!(self, Self::Imap(_, ImapError::Net(_)))
    }

    /// Whether the server is there and asks to come back later.
    #[must_use]
    pub(crate) fn asks_for_patience(&self) -> bool {
        matches!(self, Self::Imap(_, error) if error.asks_for_patience())
    }

    /// For how long, when the server says so.
    #[must_use]
    pub(crate) fn suggested_wait(&self) -> Option<Duration> {
        match self {
            Self::Imap(_, error) => error.suggested_wait(),
            Self::Secret(..) => None,
        }
    }

    /// The end.
    #[must_use]
    pub(crate) fn side(&self) -> Side {
        match self {
            Self::Imap(side, _) | Self::Secret(side, _) => *side,
        }
    }

    /// What the report says.
    #[must_use]
    pub(crate) fn stopped(&self) -> Stopped {
        match self {
            Self::Imap(side, error) => {
                Stopped { side: *side, cause: error.cause().as_str().to_owned(), reason: error.to_string() }
            }
            Self::Secret(side, reason) => {
                Stopped { side: *side, cause: "auth-refused".to_owned(), reason: reason.clone() }
            }
        }
    }
}

/// Ceilings on connections, shared by every mailbox of a task. A host that asks for patience lowers its own.
#[derive(Debug)]
pub struct Ceilings {
    per_host: usize,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
    /// Mailboxes that were told about a server's wish for patience.
    told: Mutex<HashSet<String>>,
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

    fn try_leave(self: Arc<Self>, n: u32) -> Option<Held> {
        let permits = Arc::clone(&self.free).try_acquire_many_owned(n).ok()?;
        Some(Held { permits: Some(permits), host: self })
    }
}

impl Ceilings {
    /// At most `per_host` connections to one host at a time.
    #[must_use]
    pub fn new(per_host: usize) -> Self {
        Self {
            per_host: per_host.max(1),
            hosts: Mutex::default(),
            told: Mutex::default(),
            timeouts: Timeouts::default(),
        }
    }

    fn host(&self, spec: &AccountSpec) -> (String, Arc<Host>) {
        let name = format!("{}:{}", spec.endpoint.host.to_ascii_lowercase(), spec.endpoint.port);
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = hosts.entry(name.clone()).or_insert_with(|| {
            let count = Mutex::new(Count { allowed: self.per_host, owed: 0 });
            Arc::new(Host { free: Arc::new(Semaphore::new(self.per_host)), count })
        });
        (name, Arc::clone(host))
    }

    /// The host asked for patience: from now on one connection fewer is open to it at a time.
    pub(crate) fn ease(&self, spec: &AccountSpec) {
        let (name, host) = self.host(spec);
        let mut count = host.count();
        if count.allowed <= FEWEST {
            return;
        }
        count.allowed -= 1;
        tracing::info!(host = name, allowed = count.allowed, "fewer connections at a time");
        match host.free.try_acquire() {
            Ok(permit) => permit.forget(),
            Err(_) => count.owed += 1,
        }
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
    pub async fn one(&self, spec: &AccountSpec) -> Leave {
        let (_, host) = self.host(spec);
        Leave(vec![host.leave(1).await])
    }

    /// Leave for one more connection to each end, if nobody has to wait for it.
    pub(crate) fn try_pair(&self, mailbox: &Mailbox) -> Option<Leave> {
        let (first, a) = self.host(&mailbox.source);
        let (second, b) = self.host(&mailbox.target);
        if first == second {
            return Some(Leave(vec![Some(a.try_leave(2)?)]));
        }
        let a = a.try_leave(1)?;
        Some(Leave(vec![Some(a), Some(b.try_leave(1)?)]))
    }

    /// Leave for one connection to each end; taken at once where both ends are one host, so that
    /// mailboxes never wait for each other's second connection.
    pub async fn pair(&self, mailbox: &Mailbox) -> Leave {
        let (first, a) = self.host(&mailbox.source);
        let (second, b) = self.host(&mailbox.target);
        if first == second {
            return Leave(vec![a.leave(FEWEST.min(self.per_host)).await]);
        }
        // Always in the same order: two mailboxes that swap hosts cannot block each other.
        let (x, y) = if first < second { (a, b) } else { (b, a) };
        let x = x.leave(1).await;
        Leave(vec![x, y.leave(1).await])
    }
}

/// Leave to hold connections; given back when dropped.
#[derive(Debug)]
pub struct Leave(#[expect(dead_code, reason = "held for its drop")] Vec<Option<Held>>);

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

/// Dials one end.
///
/// # Errors
/// [`EndError`] of that end. A wrong password is tried once.
pub(crate) async fn dial(spec: &AccountSpec, side: Side, timeouts: &Timeouts) -> Result<Session, EndError> {
    let account: Account = spec.account().map_err(|cause| EndError::Secret(side, cause))?;
    mailhaul_imap::connect(&account, timeouts).await.map_err(EndError::at(side))
}

/// Dials both ends.
///
/// # Errors
/// [`EndError`] of the end that failed first, the source before the target.
pub(crate) async fn dial_both(
    mailbox: &Mailbox,
    timeouts: &Timeouts,
) -> Result<(Session, Session), EndError> {
    let (source, target) = tokio::join!(
        dial(&mailbox.source, Side::Source, timeouts),
        dial(&mailbox.target, Side::Target, timeouts)
    );
    Ok((source?, target?))
}

/// A goodbye is worth this long.
const GOODBYE: Duration = Duration::from_secs(3);

/// Logs out of both ends and gives their leave back, while the work goes on: nobody waits for a goodbye.
pub(crate) fn log_out_both(source: Session, target: Session, leave: Leave) {
    tokio::spawn(async move {
        tokio::join!(log_out(source), log_out(target));
        drop(leave);
    });
}

/// Logs out. Everything that matters is done by then, so a failure is only noted.
pub(crate) async fn log_out(session: Session) {
    match tokio::time::timeout(GOODBYE, session.logout()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "logging out failed"),
        Err(_) => tracing::debug!("the server did not say goodbye"),
    }
}
