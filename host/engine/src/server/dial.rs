//! Both ends of a mailbox, dialled within the ceilings of the project.

use std::time::Duration;

use futures_util::poll;
use mailhaul_imap::{Account, Encounter, ImapError, KnownServer, Session, connect_noting};

use crate::account::{AccountSpec, Mailbox};
use crate::cause::Cause;
use crate::plugin::describe;
use crate::server::error::EndError;
use crate::server::host_fault;
use crate::server::recognise::apply;
use crate::side::Side;
use crate::task::brake::Turn;
use crate::task::ceilings::Permit;
use crate::task::context::Context;

/// The two sessions of a mailbox: source and target, both logged in.
#[derive(Debug)]
pub(crate) struct Ends {
    pub source: Session,
    pub target: Session,
}

impl Ends {
    /// Keeps both connections alive, where one has waited for the other.
    ///
    /// # Errors
    /// [`EndError`] of an end that is gone.
    pub(crate) async fn stay(&mut self) -> Result<(), EndError> {
        let (source, target) = tokio::join!(self.source.keep_alive(), self.target.keep_alive());
        source.map_err(EndError::at(Side::Source))?;
        target.map_err(EndError::at(Side::Target))
    }
}

/// Whether the server can take one message out of a folder and leave all others alone.
#[must_use]
pub(crate) fn can_move(target: &Session) -> bool {
    target.facts().has("MOVE") || target.facts().has("UIDPLUS")
}

/// Dials one end, and applies what is known about its server.
///
/// # Errors
/// [`EndError`] of that end. A wrong password is tried once.
pub(crate) async fn dial(context: &Context, spec: &AccountSpec, side: Side) -> Result<Session, EndError> {
    let [turn] = turns(context, [(side, spec)]).await?;
    dial_with(context, spec, side, None, turn).await
}

/// Waits until these servers may each be sent a log-in.
///
/// # Errors
/// [`EndError`] of an end that needs no trying: the brake is on there, or its host failed already with what
/// is the same for every mailbox.
async fn turns<const N: usize>(
    context: &Context,
    ends: [(Side, &AccountSpec); N],
) -> Result<[Turn; N], EndError> {
    let turns = context.brake.turns(ends.map(|(_, spec)| spec.server())).await;
    let turns = turns.map_err(|(at, braked)| EndError::NotTried(ends[at].0, braked))?;
    // Asked last: it may have shown while others had their turns.
    for (side, spec) in ends {
        if let Some(fault) = context.outages.fault(side, spec) {
            return Err(EndError::Host(side, fault));
        }
    }
    Ok(turns)
}

async fn dial_with(
    context: &Context,
    spec: &AccountSpec,
    side: Side,
    known: Option<&KnownServer>,
    turn: Turn,
) -> Result<Session, EndError> {
    let account: Account = spec.account().map_err(|cause| EndError::Secret(side, cause))?;
    let outages = &context.outages;
    let first = outages.first_contact(side, spec).await;
    if let Some(fault) = outages.fault(side, spec) {
        return Err(EndError::Host(side, fault));
    }
    let mut seen = Encounter::default();
    let timeouts = &context.ceilings.timeouts;
    let connected = Box::pin(connect_noting(&account, timeouts, known, &mut seen)).await;
    if let Some(certificate) = seen.certificate {
        outages.record_certificate(side, spec, certificate);
    }
    let connected = match connected {
        Ok(session) => {
            outages.record_answer(side, spec);
            turn.taken();
            Ok(session)
        }
        Err(error) if Cause::from(error.cause()).is_of_host() => {
            Err(host_error(context, side, spec, &account, error).await)
        }
        Err(error) => {
            if let (ImapError::LoginRefused { .. }, Some(facts)) = (&error, &seen.facts) {
                context.profiles.record_greeting(side, spec, describe(facts));
            }
            // A server that is only busy has not judged it.
            if matches!(error, ImapError::LoginRefused { .. }) && !error.asks_for_patience() {
                turn.refused(error.to_string());
            }
            Err(EndError::Imap(side, error))
        }
    };
    outages.set_tried(side, spec);
    drop(first);
    let mut session = connected?;
    session.share_fetch_history(&context.breaks.reading(side, spec));
    apply(context, spec, side, &mut session).await;
    Ok(session)
}

/// The error of a host that cannot be signed in to by anybody. One that has taken no log-in yet is looked at
/// closer, once.
async fn host_error(
    context: &Context,
    side: Side,
    spec: &AccountSpec,
    account: &Account,
    error: ImapError,
) -> EndError {
    if context.outages.has_answered(side, spec) {
        return EndError::Imap(side, host_fault::with_facts(error));
    }
    let fault = Box::pin(host_fault::examine(side, spec, account, error.clone())).await;
    match context.outages.record_fault(side, spec, fault) {
        Some(fault) => EndError::Host(side, fault),
        None => EndError::Imap(side, host_fault::with_facts(error)),
    }
}

/// Dials both ends.
///
/// # Errors
/// [`EndError`] of the end that failed first, the source before the target.
pub(crate) async fn dial_both(context: &Context, mailbox: &Mailbox) -> Result<(Session, Session), EndError> {
    dial_both_with(context, mailbox, (None, None)).await
}

/// Dials both ends once more, where what a first pair has learnt of the servers is known.
///
/// # Errors
/// As [`dial_both`].
pub(crate) async fn dial_both_with(
    context: &Context,
    mailbox: &Mailbox,
    (source, target): (Option<&KnownServer>, Option<&KnownServer>),
) -> Result<(Session, Session), EndError> {
    let ends = [(Side::Source, &mailbox.source), (Side::Target, &mailbox.target)];
    let [(_, from), (_, to)] = ends;
    if from.server() == to.server() {
        // Each may be the last log-in that the host is sent.
        let [turn] = turns(context, [ends[0]]).await?;
        let source = dial_with(context, from, Side::Source, source, turn).await?;
        let [turn] = turns(context, [ends[1]]).await?;
        return Ok((source, dial_with(context, to, Side::Target, target, turn).await?));
    }
    let [source_turn, target_turn] = turns(context, ends).await?;
    // On the heap: who dials is deep in the work on a mailbox, and a thread's stack is not endless.
    let source = Box::pin(dial_with(context, from, Side::Source, source, source_turn));
    let target = Box::pin(dial_with(context, to, Side::Target, target, target_turn));
    // An end that is away comes first: while it stays away, the other is not signed in to for nothing.
    if context.outages.is_away(Side::Target, to) {
        let target = target.await?;
        return Ok((source.await?, target));
    }
    if context.outages.is_away(Side::Source, from) {
        return Ok((source.await?, target.await?));
    }
    let (source, target) = tokio::join!(source, target);
    Ok((source?, target?))
}

/// A server has this long to answer LOGOUT.
const GOODBYE: Duration = Duration::from_secs(3);

/// Logs out of both ends and gives their permits back, while the work goes on: nobody waits for a goodbye.
pub(crate) fn log_out_both(source: Session, target: Session, permit: Permit) {
    tokio::spawn(async move {
        tokio::join!(say_goodbye(source), say_goodbye(target));
        drop(permit);
    });
}

/// Logs out. LOGOUT is on its way when this returns; its answer is nothing to wait for.
pub(crate) async fn log_out(session: Session) {
    let mut parting = Box::pin(say_goodbye(session));
    if poll!(parting.as_mut()).is_pending() {
        tokio::spawn(parting);
    }
}

/// Everything that matters is done by then, so a failure is only noted.
async fn say_goodbye(session: Session) {
    match tokio::time::timeout(GOODBYE, session.logout()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "logging out failed"),
        Err(_) => tracing::debug!("the server did not say goodbye"),
    }
}
