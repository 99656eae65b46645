//! `check`: tries one mailbox on both ends and says what was found, or what to do.

use mailhaul_imap::{ImapError, Session};
use mailhaul_text::bytes;

use crate::account::Mailbox;
use crate::cause::Cause;
use crate::event::{CheckRow, Event, MailboxEnd};
use crate::mailbox::listing::{KnownFolders, source_figures, target_figures, unlisted};
use crate::mailbox::one_account::{self, Purpose};
use crate::mailbox::open::Interruption;
use crate::mapping::target::Listing;
use crate::server::dial::{dial, log_out};
use crate::server::error::EndError;
use crate::server::refusal;
use crate::side::Side;
use crate::state::ledger::Ledger;
use crate::summary::Stopped;
use crate::task::context::Context;

/// The figures of one end, as `check` prints them.
#[derive(Debug, Default, Clone)]
struct Holdings {
    folders: u64,
    messages: u64,
    /// `None` when the server does not tell sizes.
    bytes: Option<u64>,
    quota: Option<(u64, u64)>,
    append_limit: Option<u64>,
    /// The sentence about folders that are there and not listed, if there are any.
    unlisted: Option<String>,
}

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

async fn check(context: &Context, mailbox: &Mailbox) -> Vec<CheckRow> {
    let _permit = context.ceilings.pair(mailbox).await;
    let (mut source, mut target) =
        tokio::join!(inspect(context, mailbox, Side::Source), inspect(context, mailbox, Side::Target));
    let stopped = compare(context, mailbox, &mut source, &mut target).await;
    let (source, target) = (leave(source).await, leave(target).await);
    let mut rows = Vec::with_capacity(2);
    let (source, target) =
        (with_reading(context, mailbox, source).await, with_reading(context, mailbox, target).await);
    let (held, row) = row_of(mailbox, Side::Source, source);
    rows.push(row);
    let (room, mut row) = row_of(mailbox, Side::Target, target);
    if let (Some(Holdings { bytes: Some(needed), .. }), Some(Holdings { quota: Some((used, limit)), .. })) =
        (held, room)
    {
        let free = limit.saturating_sub(used);
        // What earlier runs have settled needs no more room.
        let settled = settled_bytes(context, mailbox);
        let needed = needed.saturating_sub(settled);
        if needed > free && row.cause.is_none() {
            row.cause = Some(Cause::Quota);
            let holds = if settled > 0 { "has still" } else { "holds" };
            row.detail = format!("the source {holds} {}, the target has {} left", bytes(needed), bytes(free));
            row.remedy = Cause::Quota.remedy(Side::Target);
        }
    }
    if let Some(stopped) = stopped.filter(|_| row.cause.is_none()) {
        row.remedy = stopped.cause.remedy(stopped.side);
        (row.cause, row.detail) = (Some(stopped.cause), stopped.reason);
    }
    rows.push(row);
    for row in &mut rows {
        row.profile = context.profiles.summary(row.side, mailbox.side(row.side));
        if let Some(endpoint) = mailbox.side(row.side).foreign_endpoint() {
            row.detail.push_str(&format!("; it signs in at {endpoint}"));
        }
    }
    rows
}

/// The bytes of the source's messages that earlier runs have dealt with.
pub(crate) fn settled_bytes(context: &Context, mailbox: &Mailbox) -> u64 {
    // A ledger that cannot be read is a run's business.
    let ledger = Ledger::read_of(&context.job.state_dir, &mailbox.identity()).ok().flatten();
    ledger.and_then(|ledger| ledger.accounted_bytes().ok()).map_or(0, |folders| folders.values().sum())
}

/// An end that was looked at, and is still connected.
struct EndInspection {
    held: Holdings,
    listing: Listing,
    session: Session,
}

async fn inspect(context: &Context, mailbox: &Mailbox, side: Side) -> Result<EndInspection, EndError> {
    let spec = mailbox.side(side);
    // A ledger that cannot be read is a run's business.
    let ledger = Ledger::read_of(&context.job.state_dir, &mailbox.identity()).ok().flatten();
    let known = ledger.and_then(|ledger| KnownFolders::of(&ledger).ok()).unwrap_or_default();
    let mut session = dial(context, spec, side).await?;
    let (held, listing) = look(side, &mut session, &known).await.map_err(EndError::at(side))?;
    Ok(EndInspection { held, listing, session })
}

/// Whether both ends, or the targets of two mailboxes, are one account.
async fn compare(
    context: &Context,
    mailbox: &Mailbox,
    source: &mut Result<EndInspection, EndError>,
    target: &mut Result<EndInspection, EndError>,
) -> Option<Stopped> {
    let (Ok(source), Ok(target)) = (source, target) else { return None };
    let lists = (&source.listing, &target.listing);
    let ends = (&mut source.session, &mut target.session);
    match one_account::enter(context, mailbox, ends, lists, Purpose::Look).await {
        Err(Interruption::Stopped(stopped)) => Some(stopped),
        // A connection that broke now, after everything was seen, is no finding.
        Ok(_) | Err(Interruption::End(_) | Interruption::User) => None,
    }
}

/// Logs out of an end that was looked at, and keeps its figures.
async fn leave(looked: Result<EndInspection, EndError>) -> Result<Holdings, EndError> {
    let EndInspection { held, session, .. } = looked?;
    log_out(session).await;
    Ok(held)
}

async fn with_reading(
    context: &Context,
    mailbox: &Mailbox,
    found: Result<Holdings, EndError>,
) -> Result<Holdings, EndError> {
    match found {
        Ok(held) => Ok(held),
        Err(error) => Err(refusal::interpret(context, mailbox, error).await),
    }
}

async fn look(
    side: Side,
    session: &mut Session,
    known: &KnownFolders,
) -> Result<(Holdings, Listing), ImapError> {
    let mut held =
        Holdings { append_limit: session.facts().append_limit, bytes: Some(0), ..Holdings::default() };
    let listing = match side {
        Side::Source => source_figures(session, &known.source).await?,
        _ => target_figures(session, &known.target).await?,
    };
    held.unlisted = unlisted(side, &listing);
    let mut own = Listing::new();
    for (folder, status) in listing.into_iter().filter(|(folder, _)| folder.selectable && folder.is_own()) {
        held.folders += 1;
        // A folder that cannot be opened (no rights, no longer there) is the plan's business.
        let Some(status) = status else {
            held.bytes = None;
            continue;
        };
        held.messages += u64::from(status.messages.unwrap_or(0));
        held.bytes = held.bytes.zip(status.size).map(|(sum, size)| sum + size);
        own.push((folder, Some(status)));
    }
    held.quota = session.quota().await?.map(|q| (q.used, q.limit));
    Ok((held, own))
}

fn row_of(mailbox: &Mailbox, side: Side, found: Result<Holdings, EndError>) -> (Option<Holdings>, CheckRow) {
    let row = |cause: Option<Cause>, remedy: String, detail: String| CheckRow {
        mailbox: mailbox.key.clone(),
        side,
        cause,
        remedy,
        detail,
        profile: None,
    };
    match found {
        Ok(held) => {
            let mut detail = format!("{} folders, {} messages", held.folders, held.messages);
            if let Some(size) = held.bytes {
                detail.push_str(&format!(", {}", bytes(size)));
            }
            if let Some((used, limit)) = held.quota {
                detail.push_str(&format!("; quota {} of {}", bytes(used), bytes(limit)));
            }
            if let Some(limit) = held.append_limit {
                detail.push_str(&format!("; takes messages up to {}", bytes(limit)));
            }
            if let Some(lacks) = &held.unlisted {
                detail.push_str(&format!("; {lacks}"));
            }
            (Some(held), row(None, String::new(), detail))
        }
        Err(EndError::Imap(_, error)) => {
            let cause = Cause::from(error.cause());
            (None, row(Some(cause), cause.remedy(side), error.to_string()))
        }
        Err(EndError::Explained(_, error, reading)) => {
            let cause = reading.cause_of(&error);
            let (remedy, detail) = match reading.remedy() {
                Some(remedy) => (remedy, error.to_string()),
                None => (Cause::from(error.cause()).remedy(side), format!("{error}{}", reading.advice())),
            };
            (None, row(Some(cause), remedy, detail))
        }
        Err(EndError::Secret(_, reason)) => {
            (None, row(Some(Cause::AuthRefused), Cause::AuthRefused.remedy(side), reason))
        }
        Err(EndError::NotTried(_, braked)) => {
            (None, row(Some(Cause::NotTried), Cause::NotTried.remedy(side), braked.to_string()))
        }
    }
}
