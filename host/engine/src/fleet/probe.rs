//! Single ends of mailboxes that are signed in to and left again, for what is no task over both ends: whether
//! a new mailbox takes its password, how much mail an old one holds.
//!
//! Ceilings, the brake and the profiles are those of a task: whoever asks through one [`Probe`] can press no
//! host more than a `check` could.

use std::sync::Arc;

use mailhaul_imap::Session;
use tokio::sync::{mpsc, watch};

use crate::account::{Mailbox, account_spec};
use crate::cause::Cause;
use crate::job::{HostSettings, Job};
use crate::mailbox::listing::source_figures;
use crate::plugin::{AccountEntry, MailboxEntry, Plugins};
use crate::server::dial::{dial, log_out};
use crate::server::error::EndError;
use crate::server::refusal::interpret;
use crate::side::Side;
use crate::summary::Stopped;
use crate::task::context::Context;
use crate::task::stop::StopSignal;

/// Signs in to one end of a mailbox at a time; cheap to share, and asked from several places at once.
#[derive(Debug)]
pub struct Probe {
    context: Context,
    raise: watch::Sender<bool>,
}

impl Probe {
    /// Takes hosts, limits and profiles from a project's `job` and `plugins`; the list of mailboxes is not
    /// asked.
    #[must_use]
    pub fn new(job: Arc<Job>, plugins: Plugins) -> Self {
        let (raise, stop) = StopSignal::new();
        // Nobody follows: what a log-in has to say is in its answer.
        let (events, _) = mpsc::channel(1);
        Self { context: Context::new(job, plugins, stop, events), raise }
    }

    fn host(&self, side: Side) -> &HostSettings {
        if side == Side::Source { &self.context.job.source } else { &self.context.job.target }
    }

    /// Returns whether there is anything to sign in with: a password of the mailbox's own, an administrator's
    /// or a token.
    #[must_use]
    pub fn can_sign_in(&self, entry: &MailboxEntry, side: Side) -> bool {
        let account = end(entry, side);
        let empty = account.secret.as_ref().is_some_and(|secret| {
            use secrecy::ExposeSecret as _;
            secret.expose_secret().is_empty()
        });
        !empty && self.host(side).server.credential(account).is_some()
    }

    /// Returns whether somebody has signed in, through this probe, where this end would.
    #[must_use]
    pub fn has_answered(&self, entry: &MailboxEntry, side: Side) -> bool {
        self.mailbox(entry, side).is_ok_and(|one| self.context.outages.has_answered(side, one.side(side)))
    }

    /// Signs in, and out again. A refused password is tried once.
    ///
    /// # Errors
    /// Why it could not; [`Cause::NotTried`] where the brake is on.
    pub async fn sign_in(&self, entry: &MailboxEntry, side: Side) -> Result<(), Stopped> {
        log_out(self.session(entry, side).await?).await;
        Ok(())
    }

    /// Returns the bytes of all mail at the source: the sum of its folders' sizes (STATUS=SIZE, RFC 8438),
    /// else what its quota says is used (RFC 9208); `None` where the server tells neither.
    ///
    /// # Errors
    /// As [`sign_in`](Self::sign_in).
    pub async fn size(&self, entry: &MailboxEntry) -> Result<Option<u64>, Stopped> {
        let mut session = self.session(entry, Side::Source).await?;
        let asked = async {
            let listing = source_figures(&mut session, &[]).await?;
            let own = listing.iter().filter(|(folder, _)| folder.selectable && folder.is_own());
            let sum = own
                .map(|(_, status)| status.as_ref()?.size)
                .try_fold(0_u64, |sum, size| Some(sum.saturating_add(size?)));
            match sum {
                Some(sum) => Ok(Some(sum)),
                None => Ok(session.quota().await?.map(|quota| quota.used)),
            }
        };
        let size = asked.await.map_err(|error| EndError::at(Side::Source)(error).stopped());
        log_out(session).await;
        size
    }

    /// Ends what is asked at this moment and refuses whatever is asked from now on.
    pub fn stop(&self) {
        self.raise.send_replace(true);
    }

    async fn session(&self, entry: &MailboxEntry, side: Side) -> Result<Session, Stopped> {
        let mailbox = self.mailbox(entry, side)?;
        let context = &self.context;
        let spec = mailbox.side(side);
        let dialled = async {
            let _permit = context.ceilings.one(spec).await;
            match dial(context, spec, side).await {
                Ok(session) => Ok(session),
                Err(error) => {
                    let error = interpret(context, &mailbox, error).await;
                    let mut stopped = error.stopped();
                    if stopped.cause == Cause::AuthOrMissing {
                        // Whoever asks knows whether the mailbox is there.
                        stopped.reason = error.words();
                    }
                    Err(stopped)
                }
            }
        };
        let stopped = || Stopped { side, cause: Cause::NotTried, reason: "it was stopped".to_owned() };
        tokio::select! {
            session = Box::pin(dialled) => session,
            () = context.stop.raised() => Err(stopped()),
        }
    }

    /// A mailbox of which only this end is looked at: the other may have no password yet.
    fn mailbox(&self, entry: &MailboxEntry, side: Side) -> Result<Mailbox, Stopped> {
        let spec = account_spec(end(entry, side), self.host(side), side).map_err(|reason| Stopped {
            side,
            cause: Cause::AuthRefused,
            reason,
        })?;
        Ok(Mailbox {
            key: entry.key.clone(),
            source: spec.clone(),
            target: spec,
            without_target: None,
            one_account: entry.one_account,
            label: entry.label.clone(),
            batch: entry.batch.clone(),
            origin: entry.origin.clone(),
            position: 0,
        })
    }
}

fn end(entry: &MailboxEntry, side: Side) -> &AccountEntry {
    if side == Side::Source { &entry.source } else { &entry.target }
}
