//! `check`: tries one mailbox on both ends and says what was found, or what to do.

use mailhaul_imap::Session;

use crate::account::Mailbox;
use crate::cause::Cause;
use crate::event::{CheckRow, Event, MailboxEnd};
use crate::server::dial::{dial, log_out};
use crate::server::error::EndError;
use crate::server::refusal;
use crate::side::Side;
use crate::summary::Stopped;
use crate::task::context::Context;
use crate::task::profiles::size;

/// What one end of a mailbox holds.
#[derive(Debug, Default, Clone, Copy)]
struct Holdings {
    folders: u64,
    messages: u64,
    /// `None` when the server does not tell sizes.
    bytes: Option<u64>,
    quota: Option<(u64, u64)>,
    append_limit: Option<u64>,
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
    let (source, target) =
        tokio::join!(one(context, mailbox, Side::Source), one(context, mailbox, Side::Target));
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
        if needed > free && row.cause.is_none() {
            row.cause = Some(Cause::Quota);
            row.detail = format!("the source holds {}, the target has {} left", size(needed), size(free));
            row.remedy = Cause::Quota.remedy(Side::Target);
        }
    }
    rows.push(row);
    for row in &mut rows {
        row.profile = context.profiles.summary(row.side, mailbox.side(row.side));
    }
    rows
}

async fn one(context: &Context, mailbox: &Mailbox, side: Side) -> Result<Holdings, EndError> {
    let spec = mailbox.side(side);
    let _permit = context.ceilings.one(spec).await;
    let mut session = dial(context, spec, side).await?;
    let found = look(&mut session).await.map_err(EndError::at(side));
    log_out(session).await;
    found
}

async fn with_reading(
    context: &Context,
    mailbox: &Mailbox,
    found: Result<Holdings, EndError>,
) -> Result<Holdings, EndError> {
    match found {
        Ok(held) => Ok(held),
        Err(error) => Err(refusal::explained(context, mailbox, error).await),
    }
}

async fn look(session: &mut Session) -> Result<Holdings, mailhaul_imap::ImapError> {
    let mut held =
        Holdings { append_limit: session.facts().append_limit, bytes: Some(0), ..Holdings::default() };
    for folder in session.folders().await? {
        if !folder.selectable || !folder.is_own() {
            continue;
        }
        held.folders += 1;
        match session.status(&folder.name).await {
            Ok(status) => {
                held.messages += u64::from(status.messages.unwrap_or(0));
                held.bytes = held.bytes.zip(status.size).map(|(sum, size)| sum + size);
            }
            // A folder that cannot be opened (no rights, no longer there) is the plan's business.
            Err(error) if !error.is_connection_lost() => held.bytes = None,
            Err(error) => return Err(error),
        }
    }
    held.quota = session.quota().await?.map(|q| (q.used, q.limit));
    Ok(held)
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
            if let Some(bytes) = held.bytes {
                detail.push_str(&format!(", {}", size(bytes)));
            }
            if let Some((used, limit)) = held.quota {
                detail.push_str(&format!("; quota {} of {}", size(used), size(limit)));
            }
            if let Some(limit) = held.append_limit {
                detail.push_str(&format!("; takes messages up to {}", size(limit)));
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
    }
}
