//! `check`: tries one mailbox on both ends and says what was found, or what to do.

use mailhaul_text::bytes;

use crate::account::Mailbox;
use crate::cause::Cause;
use crate::event::{CheckRow, Event, MailboxEnd};
use crate::mailbox::fit::{self, Fit};
use crate::mailbox::inventory::{self, EndInventory, Holdings};
use crate::mailbox::listing::KnownFolders;
use crate::mailbox::one_account::{self, Purpose};
use crate::mailbox::open::Interruption;
use crate::server::dial::log_out;
use crate::server::error::EndError;
use crate::server::host_fault::certificate_facts;
use crate::server::refusal;
use crate::side::Side;
use crate::state::ledger::Ledger;
use crate::summary::Stopped;
use crate::task::context::Context;

/// Tries both ends of a mailbox, and tells what was found; the first cause ends it.
pub(crate) async fn run(context: &Context, mailbox: &Mailbox) -> MailboxEnd {
    let rows = tokio::select! {
        rows = check(context, mailbox) => rows,
        () = context.stop.raised() => return MailboxEnd::Interrupted,
    };
    let mut end = MailboxEnd::Complete;
    for row in rows {
        if let Some(cause) = row.cause
            && end == MailboxEnd::Complete
        {
            end = MailboxEnd::Stopped(Stopped { side: row.side, cause, reason: row.detail.clone() });
        }
        context.emit(Event::Checked(row)).await;
    }
    end
}

async fn check(context: &Context, mailbox: &Mailbox) -> [CheckRow; 2] {
    let _permit = context.ceilings.pair(mailbox).await;
    // A ledger that cannot be read is a run's business.
    let ledger = Ledger::read_of(&context.job.state_dir, &mailbox.identity()).ok().flatten();
    let known = ledger.as_ref().and_then(|ledger| KnownFolders::of(ledger).ok()).unwrap_or_default();
    let settled = settled_bytes(ledger.as_ref());
    let (mut source, mut target) = tokio::join!(
        inventory::take(context, mailbox, Side::Source, &known.source),
        inventory::take(context, mailbox, Side::Target, &known.target)
    );
    let mut stopped = None;
    let mut fits = Fit::default();
    if let (Ok(source), Ok(target)) = (&mut source, &mut target) {
        stopped = one_account(context, mailbox, source, target).await;
        if stopped.is_none() {
            // A connection that broke now, after everything was seen, is no finding.
            fits = Box::pin(fit::compare(context, mailbox, source, target, ledger)).await.unwrap_or_default();
        }
    }
    let (source, target) = (leave(source).await, leave(target).await);
    let (source, target) =
        (explained(context, mailbox, source).await, explained(context, mailbox, target).await);
    let (held, mut source) = row_of(context, mailbox, Side::Source, source);
    let (room, mut target) = row_of(context, mailbox, Side::Target, target);
    target.notes.extend(fits.notes);
    if let (Some(held), Some(room)) = (held, room) {
        stop_for_room(&mut target, &held, &room, settled);
    }
    let stopper = stopped.map(|stopped| (stopped.cause, stopped.reason)).or(fits.stopper);
    if let Some((cause, reason)) = stopper.filter(|_| target.cause.is_none()) {
        target.stop(cause, reason);
    }
    for row in [&mut source, &mut target] {
        if let Some(endpoint) = mailbox.side(row.side).foreign_endpoint() {
            row.detail.push_str(&format!("; it signs in at {endpoint}"));
        }
    }
    [source, target]
}

/// The bytes of the source's messages that earlier runs have dealt with: they need no more room.
pub(crate) fn settled_bytes(ledger: Option<&Ledger>) -> u64 {
    let settled = ledger.and_then(|ledger| ledger.accounted_bytes().ok());
    settled.map_or(0, |folders| folders.values().sum())
}

/// Stops at a target with less room than the source's mail takes. `settled` bytes need none any more.
fn stop_for_room(target: &mut CheckRow, held: &Holdings, room: &Holdings, settled: u64) {
    let (Some(needed), Some((used, limit))) = (held.bytes, room.quota) else { return };
    let (needed, free) = (needed.saturating_sub(settled), limit.saturating_sub(used));
    if needed > free && target.cause.is_none() {
        let holds = if settled > 0 { "has still" } else { "holds" };
        let reason = format!("the source {holds} {}, the target has {} left", bytes(needed), bytes(free));
        target.stop(Cause::Quota, reason);
    }
}

/// Whether both ends, or the targets of two mailboxes, are one account.
async fn one_account(
    context: &Context,
    mailbox: &Mailbox,
    source: &mut EndInventory,
    target: &mut EndInventory,
) -> Option<Stopped> {
    let lists = (&source.own(), &target.own());
    let ends = (&mut source.session, &mut target.session);
    match one_account::enter(context, mailbox, ends, lists, Purpose::Look).await {
        Err(Interruption::Stopped(stopped)) => Some(stopped),
        // A connection that broke now, after everything was seen, is no finding.
        Ok(_) | Err(Interruption::End(_) | Interruption::User) => None,
    }
}

/// Logs out of an end that was looked at, and keeps its figures.
async fn leave(looked: Result<EndInventory, EndError>) -> Result<Holdings, EndError> {
    let EndInventory { held, session, .. } = looked?;
    log_out(session).await;
    Ok(held)
}

/// An end's failure, with what others know about it: the server's profile, and where that is not enough, who
/// creates the mailboxes of the new host.
async fn explained(
    context: &Context,
    mailbox: &Mailbox,
    found: Result<Holdings, EndError>,
) -> Result<Holdings, EndError> {
    let error = match found {
        Ok(held) => return Ok(held),
        Err(error) => refusal::interpret(context, mailbox, error).await,
    };
    let unsure = error.side() == Side::Target
        && matches!(error.cause(), Cause::AuthOrMissing | Cause::AuthRefused | Cause::NotTried);
    if !unsure || matches!(error, EndError::Secret(..)) {
        return Err(error);
    }
    match context.hosted.has(&mailbox.target.user).await {
        // That it exists says nothing of a log-in that was not tried.
        Ok(Some(listed)) if matches!(error, EndError::NotTried(..)) => match listed.is_there {
            true => Err(error),
            false => Err(EndError::Listed(Side::Target, None, listed)),
        },
        // A password that somebody is sure about belongs to a mailbox.
        Ok(Some(_)) if error.cause() == Cause::AuthRefused => Err(error),
        Ok(Some(listed)) => Err(EndError::Listed(Side::Target, Some(error.words()), listed)),
        Ok(None) => Err(error),
        Err(why) => {
            context.emit(Event::Warning { mailbox: None, message: why }).await;
            Err(error)
        }
    }
}

fn row_of(
    context: &Context,
    mailbox: &Mailbox,
    side: Side,
    found: Result<Holdings, EndError>,
) -> (Option<Holdings>, CheckRow) {
    let spec = mailbox.side(side);
    let mut row = CheckRow::new(&mailbox.key, side);
    row.endpoint = spec.endpoint.to_string();
    row.profile = context.profiles.summary(side, spec);
    row.certificate = context.outages.certificate(side, spec).map(|shown| certificate_facts(&shown));
    match found {
        Ok(held) => {
            held.clone().tell(&mut row);
            (Some(held), row)
        }
        Err(error) => {
            row.stop(error.cause(), error.detail());
            row.remedy = error.remedy();
            if let Some(shown) = error.certificate() {
                row.certificate = Some(certificate_facts(shown));
            }
            (None, row)
        }
    }
}
