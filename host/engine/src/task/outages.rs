//! Which hosts have answered in this task, and which are away.
//!
//! A host that somebody has signed in to is one that works: when it goes away it is waited for, by every
//! mailbox alike. One that never answered is named wrongly, more likely, and what it failed with is told
//! once: a name, a port and a certificate are the same for every mailbox.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mailhaul_imap::ImapError;
use mailhaul_net::Endpoint;
use tokio::time::Instant;

use crate::account::AccountSpec;
use crate::cause::Cause;
use crate::side::Side;

/// What is known about the hosts of a task. Each side has its own: they trust different certificates.
#[derive(Debug, Default)]
pub(crate) struct Outages(Mutex<HashMap<(Side, Endpoint), HostRecord>>);

#[derive(Debug, Default)]
struct HostRecord {
    /// Log-ins that it has taken.
    answers: u64,
    /// What failed first since it last took one, and would for every mailbox.
    fault: Option<ImapError>,
    /// When somebody first had to wait for it since it last took one.
    away_since: Option<Instant>,
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

    /// Somebody has signed in there.
    pub(crate) fn record_answer(&self, side: Side, spec: &AccountSpec) {
        self.with(side, spec, |host| {
            *host = HostRecord { answers: host.answers + 1, fault: None, away_since: None };
        });
    }

    /// Dialling the host, or signing in there, failed.
    pub(crate) fn record_failure(&self, side: Side, spec: &AccountSpec, error: &ImapError) {
        self.with(side, spec, |host| {
            if host.answers == 0 && Cause::from(error.cause()).is_of_host() {
                host.fault.get_or_insert_with(|| error.clone());
            }
        });
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
    pub(crate) fn fault(&self, side: Side, spec: &AccountSpec) -> Option<ImapError> {
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

    fn net(kind: NetErrorKind) -> ImapError {
        NetError::new(kind, "old.example:993", "no").into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_answered_is_away_and_one_that_never_did_is_at_fault() {
        let anna = mailbox("anna", "old.example", "new.example");
        let (side, spec) = (Side::Source, &anna.source);
        let outages = Outages::default();
        // A reset may be chance, and a refused log-in is about a mailbox.
        outages.record_failure(side, spec, &net(NetErrorKind::Closed));
        let refused = ImapError::LoginRefused { code: None, text: "no".into(), as_admin: false };
        outages.record_failure(side, spec, &refused);
        assert!(outages.fault(side, spec).is_none());
        outages.record_failure(side, spec, &net(NetErrorKind::Refused));
        outages.record_failure(side, spec, &net(NetErrorKind::TlsName));
        let fault = outages.fault(side, spec).map(|error| Cause::from(error.cause()));
        assert_eq!(fault, Some(Cause::Refused), "the first is told");
        assert!(outages.record_outage(side, spec).is_none() && !outages.has_answered(side, spec));
        assert!(outages.fault(Side::Target, &anna.target).is_none());

        outages.record_answer(side, spec);
        assert!(outages.fault(side, spec).is_none() && outages.has_answered(side, spec));
        outages.record_failure(side, spec, &net(NetErrorKind::Refused));
        assert!(outages.fault(side, spec).is_none() && !outages.is_away(side, spec));
        let since = || outages.record_outage(side, spec).map(|outage| outage.since);
        let begun = since();
        assert!(outages.is_away(side, spec) && begun == Some(Instant::now()));
        tokio::time::advance(std::time::Duration::from_secs(9)).await;
        assert_eq!(since(), begun, "it is one outage");
        outages.record_answer(side, spec);
        assert!(!outages.is_away(side, spec) && since() != begun);
    }
}
