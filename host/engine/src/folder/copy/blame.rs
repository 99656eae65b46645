//! Connections that break while a message is under way: it may be the message that does it.
//!
//! Some servers end the connection, or die, at a message they cannot bear, and would do so in every run, before anything
//! behind it has arrived. So the first message that was under way is suspected, and from then on sent alone; what a
//! connection breaks at three times alone is left out, and the rest goes on. A source is treated alike: the message whose
//! text was arriving, else the first one still to come, is asked for alone from then on, and after three ends in all it is
//! unreadable.

use mailhaul_imap::ImapError;

use crate::code::Code;
use crate::folder::copy::flight::{ReadBreak, SharedFlight, flight};
use crate::folder::copy::item::Route;
use crate::folder::work::{Step, WorkError};
use crate::message::list::Listed;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Failure, MAX_ATTEMPTS};

/// Records what a copy of `open` messages was at when `error` ended it.
///
/// # Errors
/// When the ledger fails.
pub(super) async fn blame(
    route: &Route<'_>,
    shared: &SharedFlight,
    open: &[Listed],
    error: &WorkError,
) -> Step<()> {
    let WorkError::End(EndError::Imap(side, error)) = error else { return Ok(()) };
    if *side == Side::Source {
        return blame_source(route, shared, open, error).await;
    }
    // Silence is the server's or the line's; only an end is an answer.
    if !matches!(error, ImapError::Closed { .. }) {
        return Ok(());
    }
    let (uid, size, whole, marked) = {
        let flight = flight(shared);
        let Some((uid, sent)) = flight.sent.iter().min_by_key(|(_, sent)| sent.serial) else { return Ok(()) };
        (*uid, sent.size, sent.whole, sent.flags.keywords().next().is_some())
    };
    let alone = open.len() == 1;
    if !alone {
        route.work.context.breaks.broke_together(route.work.key());
    }
    // The target may not bear its keywords.
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
        route.work.ledger().failed(route.folder, &failure, &[])?;
    }
    Ok(())
}

async fn blame_source(
    route: &Route<'_>,
    shared: &SharedFlight,
    open: &[Listed],
    error: &ImapError,
) -> Step<()> {
    let Some(ReadBreak { uid, arriving }) = flight(shared).read_break.take() else { return Ok(()) };
    // Silence is about a message only in the middle of one: the source said that more of it would come.
    let silence = matches!(error, ImapError::TimedOut { .. });
    if !error.is_connection_lost() || error.asks_for_patience() || (silence && !arriving) {
        return Ok(());
    }
    tracing::info!(uid, arriving, %error, "the source's connection ended at this message");
    if !route.work.context.breaks.give_up_reading(route.work.key(), route.folder, uid) {
        return Ok(());
    }
    let size = open.iter().find(|m| m.uid == uid).map_or(0, |m| m.size);
    let text = format!(
        "the connection to the source ended each of the {MAX_ATTEMPTS} times it was asked for: {error}"
    );
    let failure = Failure { uid, size, code: Code::Unreadable, text: &text, attempts: 0 };
    Ok(route.fail(failure).await?)
}
