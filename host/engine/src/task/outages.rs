//! Which hosts have answered in this task, and which are away.
//!
//! A host that somebody has signed in to is one that works: when it goes away it is waited for, by every
//! mailbox alike. One that never answered is named wrongly, more likely, and what it failed with is told
//! once: a name, a port and a certificate are the same for every mailbox. So the first connection to a host
//! is made alone, and whoever comes meanwhile waits for what comes of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mailhaul_imap::ImapError;
use mailhaul_net::{Certificate, Endpoint};
use mailhaul_text::clause;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::account::AccountSpec;
use crate::side::Side;

/// What is known about the hosts of a task. Each side has its own: they trust different certificates.
#[derive(Debug, Default)]
pub(crate) struct Outages(Mutex<HashMap<(Side, Endpoint), HostRecord>>);

#[derive(Debug, Default)]
struct HostRecord {
    /// Log-ins that it has taken.
    answers: u64,
    /// What failed first since it last took one, and would for every mailbox.
    fault: Option<Arc<HostFault>>,
    /// Somebody's first connection has ended, well or not.
    tried: bool,
    /// Held by whoever makes the first connection.
    first: Arc<tokio::sync::Mutex<()>>,
    /// What its certificate says.
    certificate: Option<Arc<Certificate>>,
    /// When somebody first had to wait for it since it last took one.
    away_since: Option<Instant>,
}

/// What is wrong with a host, for every mailbox alike.
#[derive(Debug)]
pub struct HostFault {
    /// What the first connection failed with.
    pub error: ImapError,
    /// What was found out about the host besides, as one clause; `None` for nothing.
    pub finding: Option<String>,
    /// What to do, in one sentence without its full stop.
    pub remedy: String,
}

impl HostFault {
    /// Returns the sentence for people.
    #[must_use]
    pub fn reason(&self) -> String {
        match &self.finding {
            Some(finding) => format!("{}; {finding}", clause(self.error.to_string())),
            None => self.error.to_string(),
        }
    }
}

/// A host that worked in this task and does not now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outage {
    /// When somebody first had to wait for it since it last took a log-in.
    pub since: Instant,
    /// How many it had taken in this task.
    pub answers: u64,
}

impl Outages {
    fn with<T>(&self, side: Side, spec: &AccountSpec, look: impl FnOnce(&mut HostRecord) -> T) -> T {
        let mut hosts: MutexGuard<'_, _> = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        look(hosts.entry((side, spec.endpoint.clone())).or_default())
    }

    /// Waits while somebody makes the first connection to the host. What is returned is held by whoever makes
    /// it, up to [`set_tried`](Self::set_tried); `None` once it was made.
    pub(crate) async fn first_contact(&self, side: Side, spec: &AccountSpec) -> Option<OwnedMutexGuard<()>> {
        let first = self.with(side, spec, |host| (!host.tried).then(|| Arc::clone(&host.first)))?;
        let guard = first.lock_owned().await;
        self.with(side, spec, |host| !host.tried).then_some(guard)
    }

    /// The first connection has ended, well or not: others need not wait any more.
    pub(crate) fn set_tried(&self, side: Side, spec: &AccountSpec) {
        self.with(side, spec, |host| host.tried = true);
    }

    /// Somebody has signed in there.
    pub(crate) fn record_answer(&self, side: Side, spec: &AccountSpec) {
        self.with(side, spec, |host| {
            host.answers += 1;
            (host.fault, host.away_since) = (None, None);
        });
    }

    /// Takes note of the certificate that the host was trusted by; the first one counts.
    pub(crate) fn record_certificate(&self, side: Side, spec: &AccountSpec, certificate: Certificate) {
        self.with(side, spec, |host| host.certificate.get_or_insert_with(|| Arc::new(certificate)).clone());
    }

    /// What the host's certificate says, once somebody has seen one.
    #[must_use]
    pub(crate) fn certificate(&self, side: Side, spec: &AccountSpec) -> Option<Arc<Certificate>> {
        self.with(side, spec, |host| host.certificate.clone())
    }

    /// Takes note of what is wrong with a host that has taken no log-in yet; the first counts. Returns what
    /// is known to be wrong with it from now on; `None` for a host that has answered.
    pub(crate) fn record_fault(
        &self,
        side: Side,
        spec: &AccountSpec,
        fault: HostFault,
    ) -> Option<Arc<HostFault>> {
        self.with(side, spec, |host| match host.answers {
            0 => Some(Arc::clone(host.fault.get_or_insert_with(|| Arc::new(fault)))),
            _ => None,
        })
    }

    /// A mailbox can go no further for want of the host, which has answered before: the outage begins now,
    /// unless it has. `None` for a host that never answered.
    ///
    /// Whoever could not have one connection more says nothing here: the host may be busy with those it has.
    pub(crate) fn record_outage(&self, side: Side, spec: &AccountSpec) -> Option<Outage> {
        self.with(side, spec, |host| {
            let since = (host.answers > 0).then(|| *host.away_since.get_or_insert_with(Instant::now))?;
            Some(Outage { since, answers: host.answers })
        })
    }

    /// What the host failed with before it ever answered, where that is no matter of a mailbox: trying it
    /// again would only take time.
    #[must_use]
    pub(crate) fn fault(&self, side: Side, spec: &AccountSpec) -> Option<Arc<HostFault>> {
        self.with(side, spec, |host| host.fault.clone())
    }

    /// Whether somebody has signed in there in this task.
    #[must_use]
    pub(crate) fn has_answered(&self, side: Side, spec: &AccountSpec) -> bool {
        self.with(side, spec, |host| host.answers > 0)
    }

    /// Whether somebody waits for the host, which has answered in this task and does not now.
    #[must_use]
    pub(crate) fn is_away(&self, side: Side, spec: &AccountSpec) -> bool {
        self.with(side, spec, |host| host.away_since.is_some())
    }
}

#[cfg(test)]
mod tests {
    use mailhaul_net::{NetError, NetErrorKind};

    use super::*;
    use crate::account::testing::mailbox;
    use crate::cause::Cause;

    fn fault(kind: NetErrorKind) -> HostFault {
        let error = NetError::new(kind, "old.example:993", "no").into();
        HostFault { error, finding: None, remedy: "mend it".into() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_answered_is_away_and_one_that_never_did_is_at_fault() {
        let anna = mailbox("anna", "old.example", "new.example");
        let (side, spec) = (Side::Source, &anna.source);
        let outages = Outages::default();
        assert!(outages.fault(side, spec).is_none());
        outages.record_fault(side, spec, fault(NetErrorKind::Refused));
        outages.record_fault(side, spec, fault(NetErrorKind::TlsName));
        let first = outages.fault(side, spec).map(|fault| Cause::from(fault.error.cause()));
        assert_eq!(first, Some(Cause::Refused), "the first is told");
        assert!(outages.record_outage(side, spec).is_none() && !outages.has_answered(side, spec));
        assert!(outages.fault(Side::Target, &anna.target).is_none());

        outages.record_answer(side, spec);
        assert!(outages.fault(side, spec).is_none() && outages.has_answered(side, spec));
        assert!(outages.record_fault(side, spec, fault(NetErrorKind::Refused)).is_none());
        assert!(outages.fault(side, spec).is_none() && !outages.is_away(side, spec));
        let since = || outages.record_outage(side, spec).map(|outage| outage.since);
        let begun = since();
        assert!(outages.is_away(side, spec) && begun == Some(Instant::now()));
        tokio::time::advance(std::time::Duration::from_secs(9)).await;
        assert_eq!(since(), begun, "it is one outage");
        outages.record_answer(side, spec);
        assert!(!outages.is_away(side, spec) && since() != begun);
    }

    #[tokio::test]
    async fn the_first_connection_is_made_alone() {
        let anna = mailbox("anna", "old.example", "new.example");
        let outages = Arc::new(Outages::default());
        let first = outages.first_contact(Side::Source, &anna.source).await;
        assert!(first.is_some() && outages.first_contact(Side::Target, &anna.target).await.is_some());
        let second = tokio::spawn({
            let (outages, spec) = (Arc::clone(&outages), anna.source.clone());
            async move { outages.first_contact(Side::Source, &spec).await.is_some() }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        outages.set_tried(Side::Source, &anna.source);
        drop(first);
        assert!(!second.await.unwrap(), "it need not be made again");
        assert!(outages.first_contact(Side::Source, &anna.source).await.is_none());
    }

    #[tokio::test]
    async fn a_first_connection_that_is_broken_off_is_made_by_the_next() {
        let anna = mailbox("anna", "old.example", "new.example");
        let outages = Outages::default();
        drop(outages.first_contact(Side::Source, &anna.source).await);
        assert!(outages.first_contact(Side::Source, &anna.source).await.is_some());
    }
}
