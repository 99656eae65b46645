//! Connections that break while a message is under way: it may be the message that does it.
//!
//! Some servers end the connection, or die, at a message they cannot process, and would do so in every run,
//! before anything behind it has arrived. So the first message that was under way is suspected, and from then
//! on sent alone; what a connection breaks at three times alone is left out, and the rest goes on. What a
//! source breaks at, its connections know themselves ([`mailhaul_imap::FetchHistory`]).

use std::time::Duration;

use mailhaul_imap::{ImapError, Refusal};

use crate::code::Code;
use crate::folder::copy::flight::{SharedFlight, flight};
use crate::folder::copy::item::Route;
use crate::folder::copy::refused::{is_about_the_date, refusal_text};
use crate::folder::work::{Step, WorkError};
use crate::message::list::ListedMessage;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Failure, MAX_ATTEMPTS};

/// Stands for the silence of a target that the IMAP layer gave up as too slow.
const TOO_SLOW: Duration = Duration::from_secs(10 * 60);

/// The message that was under way first when the connection ended: the first suspect.
struct FirstInFlight {
    uid: u32,
    size: u64,
    /// Whether its last byte was handed to the connection.
    whole: bool,
    marked: bool,
}

impl FirstInFlight {
    fn of(shared: &SharedFlight) -> Option<Self> {
        let flight = flight(shared);
        let (uid, sent) = flight.sent.iter().min_by_key(|(_, sent)| sent.serial)?;
        let marked = sent.flags.keywords().next().is_some();
        Some(Self { uid: *uid, size: sent.size, whole: sent.whole, marked })
    }
}

/// Records what a copy of `open` messages was at when `error` ended it.
///
/// # Errors
/// When the ledger fails.
pub(super) async fn blame(
    route: &Route<'_>,
    shared: &SharedFlight,
    open: &[ListedMessage],
    error: &WorkError,
) -> Step<()> {
    let WorkError::End(EndError::Imap(Side::Target, error)) = error else { return Ok(()) };
    if error.is_connection_lost() {
        route.work.context.breaks.record_break(route.work.key());
    }
    // One that falls silent, or says what is no answer, is as one that ends. A goodbye, and an end while
    // nothing was under way, is about the server.
    let about_the_server = matches!(error, ImapError::Bye { .. } | ImapError::Idle { .. });
    if !error.is_connection_lost() || about_the_server {
        return Ok(());
    }
    if let ImapError::BadMessage { code, text, .. } = error {
        let refusal = Refusal { code: code.clone(), text: text.clone(), bad: true };
        return blame_bad(route, shared, open, &refusal).await;
    }
    let silent = match error {
        ImapError::TimedOut { after, .. } => Some(*after),
        ImapError::TooSlow { .. } => Some(TOO_SLOW),
        _ => None,
    };
    if silent.is_some_and(|after| !route.work.context.breaks.add_silence(route.work.key(), after)) {
        return Ok(());
    }
    let Some(FirstInFlight { uid, size, whole, marked }) = FirstInFlight::of(shared) else { return Ok(()) };
    let alone = open.len() == 1;
    if !alone {
        route.work.context.breaks.record_shared_break(route.work.key());
    }
    // The keywords may be what the target breaks at.
    let key = route.work.key();
    let unmarks = alone && whole && marked && route.work.context.refusals.unmark(key, route.folder, uid);
    let counts = alone
        && !unmarks
        && (whole || route.work.context.breaks.count(route.work.key(), route.folder, uid) == MAX_ATTEMPTS);
    let text = if alone {
        format!("the connection to the target broke each time it was sent: {error}")
    } else {
        format!("the connection to the target broke when it was sent: {error}")
    };
    let failure = Failure { uid, size, code: Code::ConnectionLost, text: &text, attempts: u32::from(counts) };
    tracing::info!(uid, alone, whole, "the connection broke at this message");
    let before = route.work.ledger().attempts(route.folder)?.get(&uid).copied().unwrap_or(0);
    if counts && (before + 1 >= MAX_ATTEMPTS || !whole) {
        route.fail(failure).await?;
    } else {
        route.work.ledger().record_failed(route.folder, &failure, &[])?;
    }
    Ok(())
}

/// The same where the target answered BAD, and the connection had to end with that. It is a refusal as any
/// other: of the message when it is refused alone, once in a task, and when others are taken behind it or it
/// was said before; after another date was tried where it speaks of that, and without its keywords.
async fn blame_bad(
    route: &Route<'_>,
    shared: &SharedFlight,
    open: &[ListedMessage],
    refusal: &Refusal,
) -> Step<()> {
    let (key, refusals) = (route.work.key(), &route.work.context.refusals);
    let Some(FirstInFlight { uid, size, marked, .. }) = FirstInFlight::of(shared) else { return Ok(()) };
    if refusal.asks_for_patience() || refusal.is_out_of_room() || refusals.is_all_bad(key) {
        return Ok(());
    }
    tracing::info!(uid, alone = open.len() == 1, "refused with BAD");
    if open.len() == 1 {
        if is_about_the_date(refusal) && refusals.misdate(key, route.folder, uid) {
            return Ok(());
        }
        if marked && refusals.unmark(key, route.folder, uid) {
            return Ok(());
        }
        let text = refusal_text(refusal, "");
        let failure = Failure { uid, size, code: Code::ConnectionLost, text: &text, attempts: 0 };
        return Ok(route.refused_alone(failure).await?);
    }
    route.work.context.breaks.record_shared_break(key);
    refusals.suspect(key, route.folder, uid);
    let text =
        format!("the connection to the target had to end when it was sent, with the answer BAD: {refusal}");
    let failure = Failure { uid, size, code: Code::ConnectionLost, text: &text, attempts: 0 };
    Ok(route.work.ledger().record_failed(route.folder, &failure, &[])?)
}
