//! Both ends of a mailbox, dialled within the ceilings of the project.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
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

/// Ceilings on connections, shared by every mailbox of a task.
#[derive(Debug)]
pub struct Ceilings {
    per_host: usize,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
    /// How long to wait for servers.
    pub timeouts: Timeouts,
}

impl Ceilings {
    /// At most `per_host` connections to one host at a time.
    #[must_use]
    pub fn new(per_host: usize) -> Self {
        Self { per_host: per_host.max(1), hosts: Mutex::default(), timeouts: Timeouts::default() }
    }

    fn host(&self, spec: &AccountSpec) -> (String, Arc<Semaphore>) {
        let name = format!("{}:{}", spec.endpoint.host.to_ascii_lowercase(), spec.endpoint.port);
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let semaphore = hosts.entry(name.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.per_host)));
        (name, Arc::clone(semaphore))
    }

    /// Waits for leave to open `n` connections to the host of `spec`. `None` only if the program
    /// is ending.
    async fn leave(semaphore: Arc<Semaphore>, n: usize) -> Option<OwnedSemaphorePermit> {
        semaphore.acquire_many_owned(u32::try_from(n).unwrap_or(u32::MAX)).await.ok()
    }

    /// Leave for one connection.
    pub async fn one(&self, spec: &AccountSpec) -> Leave {
        let (_, semaphore) = self.host(spec);
        Leave(vec![Self::leave(semaphore, 1).await])
    }

    /// Leave for one more connection to each end, if nobody has to wait for it.
    pub(crate) fn try_pair(&self, mailbox: &Mailbox) -> Option<Leave> {
        let (first, a) = self.host(&mailbox.source);
        let (second, b) = self.host(&mailbox.target);
        if first == second {
            return Some(Leave(vec![Some(a.try_acquire_many_owned(2).ok()?)]));
        }
        let a = a.try_acquire_owned().ok()?;
        Some(Leave(vec![Some(a), Some(b.try_acquire_owned().ok()?)]))
    }

    /// Leave for one connection to each end; taken at once where both ends are one host, so that
    /// mailboxes never wait for each other's second connection.
    pub async fn pair(&self, mailbox: &Mailbox) -> Leave {
        let (first, a) = self.host(&mailbox.source);
        let (second, b) = self.host(&mailbox.target);
        if first == second {
            return Leave(vec![Self::leave(a, 2.min(self.per_host)).await]);
        }
        // Always in the same order: two mailboxes that swap hosts cannot block each other.
        let (x, y) = if first < second { (a, b) } else { (b, a) };
        let x = Self::leave(x, 1).await;
        Leave(vec![x, Self::leave(y, 1).await])
    }
}

/// Leave to hold connections; given back when dropped.
#[derive(Debug)]
pub struct Leave(#[expect(dead_code, reason = "held for its drop")] Vec<Option<OwnedSemaphorePermit>>);

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

/// Logs out. Everything that matters is done by then, so a failure is only noted.
pub(crate) async fn log_out(session: Session) {
    match tokio::time::timeout(GOODBYE, session.logout()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "logging out failed"),
        Err(_) => tracing::debug!("the server did not say goodbye"),
    }
}
