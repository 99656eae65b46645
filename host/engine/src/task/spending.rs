//! What a mailbox may move now: its budgets, the hours, and what is spent in the record.

use std::time::Duration;

use jiff::{Timestamp, Zoned};
use mailhaul_text::count;
use tokio::time::Instant;

use crate::account::{Mailbox, folded};
use crate::event::WaitFor;
use crate::hours::Opening;
use crate::side::Side;
use crate::state::ledger::LedgerError;
use crate::task::budget::{Claimant, Exhausted, Grant, Meter, Unit, Used, Window};
use crate::task::context::Context;

/// Under hours, a budget or a cap so much is asked for at a time: what is under way ends soon.
const PORTION: u64 = 16 << 20;

/// The first that is asked for, while nobody knows how fast the line is.
const FIRST_PORTION: u64 = 1 << 20;

/// What is asked for at a time takes so long, as fast as the line is or a cap on bandwidth lets it be.
const PORTION_TIME: Duration = Duration::from_secs(10);

/// How much is asked for at a time, by how long the portion before it took: of a slow line less, so that what
/// is under way when the hours are over ends soon.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portion {
    bytes: u64,
    begun: Instant,
}

impl Portion {
    /// The first one.
    #[must_use]
    pub(crate) fn first() -> Self {
        Self { bytes: FIRST_PORTION, begun: Instant::now() }
    }

    /// A portion is asked for now.
    fn begin(&mut self, context: &Context) -> u64 {
        self.begun = Instant::now();
        let capped = context.pace.as_ref().map_or(PORTION, |pace| pace.bytes_in(PORTION_TIME));
        self.bytes.min(capped)
    }

    /// All of it has come, so many bytes. What came at once tells little of a line: one step doubles at most.
    pub(crate) fn end(&mut self, bytes: u64) {
        self.bytes = next_portion(self.bytes, bytes, self.begun.elapsed());
    }
}

/// What takes [`PORTION_TIME`] when so many bytes took so long, at most twice what was asked for before.
fn next_portion(before: u64, bytes: u64, took: Duration) -> u64 {
    let in_time = bytes as f64 / took.as_secs_f64().max(f64::MIN_POSITIVE) * PORTION_TIME.as_secs_f64();
    // Too little to tell a line by, unless it took long.
    if bytes < before / 2 && in_time < before as f64 && took < PORTION_TIME {
        return before;
    }
    (in_time.clamp(1.0, PORTION as f64) as u64).min(before.saturating_mul(2)).min(PORTION)
}

/// What is done with messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// They are read from the source and stored on the target.
    Copy,
    /// They are read at both ends.
    Compare,
}

/// Nothing may be moved for a mailbox before a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The end it is about; this machine for the operator's hours.
    pub side: Side,
    pub why: WaitFor,
    pub until: Timestamp,
    /// For people: `Gmail's 2,500 MB a day`.
    pub reason: String,
    /// What was wanted; `None` where nothing may be begun at all.
    wanted: Option<(Purpose, Claimant, u64)>,
}

/// The moment by the job's clock.
fn now(context: &Context) -> Zoned {
    context.job.clock.now().to_zoned(context.job.clock.zone())
}

/// Whether anything bounds what is asked for at a time.
pub(crate) fn is_bounded(context: &Context, mailbox: &Mailbox, purpose: Purpose) -> bool {
    let limits = &context.job.limits;
    limits.hours.is_some() || context.pace.is_some() || !meters(context, mailbox, purpose).is_empty()
}

/// Why nothing may be begun for any mailbox now: the operator's hours.
pub(crate) fn closed(context: &Context) -> Option<Refused> {
    let hours = context.job.limits.hours.as_ref()?;
    match hours.at(&now(context)) {
        Opening::Open { .. } => None,
        Opening::Closed { until } => Some(Refused {
            side: Side::Local,
            why: WaitFor::Hours,
            until,
            reason: format!("`[limits] hours`: {}", hours.written),
            wanted: None,
        }),
    }
}

/// Why what was refused before is refused still, by the clock as it is now.
pub(crate) fn still(context: &Context, mailbox: &Mailbox, before: &Refused) -> Option<Refused> {
    if let Some(refused) = closed(context) {
        return Some(Refused { wanted: before.wanted.clone(), ..refused });
    }
    let (purpose, who, bytes) = before.wanted.as_ref()?;
    let meters = meters(context, mailbox, *purpose);
    let exhausted = context.budgets.exhausted(&meters, who, *bytes, &now(context))?;
    Some(refused(exhausted, *purpose, who, *bytes))
}

/// Takes a grant for the first of these messages of a folder, by their sizes.
///
/// # Errors
/// When it cannot be recorded: nothing may be asked for then.
pub(crate) fn take(
    context: &Context,
    mailbox: &Mailbox,
    folder: &str,
    sizes: &[u64],
    purpose: Purpose,
    portion: &mut Portion,
) -> Result<Result<Grant, Refused>, LedgerError> {
    let who = Claimant { mailbox: mailbox.key.clone(), folder: folder.to_owned() };
    let first = sizes.first().copied().unwrap_or_default();
    if let Some(refused) = closed(context) {
        return Ok(Err(Refused { wanted: Some((purpose, who, first)), ..refused }));
    }
    let meters = meters(context, mailbox, purpose);
    let most = portion.begin(context);
    let taken = context.budgets.take(meters, &who, sizes, most, &now(context), store(context))?;
    Ok(taken.map_err(|exhausted| refused(exhausted, purpose, &who, first)))
}

/// Settles a grant by what has come of it.
///
/// # Errors
/// When it cannot be recorded.
pub(crate) fn settle(context: &Context, grant: Grant, used: Used) -> Result<(), LedgerError> {
    context.budgets.settle(grant, used, &now(context), store(context))
}

/// Counts bytes that were read at the source to recognise copies, which nobody can do without: they are
/// spent, and not held back.
///
/// # Errors
/// When it cannot be recorded.
pub(crate) fn add_read(context: &Context, mailbox: &Mailbox, bytes: u64) -> Result<(), LedgerError> {
    let meters = meters(context, mailbox, Purpose::Copy);
    if bytes == 0 || meters.is_empty() {
        return Ok(());
    }
    context.budgets.add(meters, Used { read: bytes, ..Used::default() }, &now(context), store(context))
}

fn refused(exhausted: Exhausted, purpose: Purpose, who: &Claimant, bytes: u64) -> Refused {
    let Exhausted { side, until, reason } = exhausted;
    Refused { side, why: WaitFor::Budget, until, reason, wanted: Some((purpose, who.clone(), bytes)) }
}

fn store(context: &Context) -> impl FnMut(&str, Timestamp, i64) -> Result<Option<u64>, LedgerError> {
    |meter, began, more| {
        let mut spent = None;
        if let Some(recording) = context.recording() {
            recording.with(|record, _| {
                spent = Some(record.spend(meter, &began.to_string(), more)?);
                Ok(())
            })?;
        }
        Ok(spent)
    }
}

/// The budgets that a mailbox is under: its providers', of itself alone, and the operator's, of all mailboxes
/// of a host.
fn meters(context: &Context, mailbox: &Mailbox, purpose: Purpose) -> Vec<Meter> {
    let mut meters = Vec::new();
    let limits = &context.job.limits;
    let mut add = |side, unit: Unit, window, of_one: bool, allowance: u64, reason: String| {
        let spec = mailbox.side(side);
        let whose = if of_one { format!("{}@{}", folded(&spec.user), spec.server()) } else { spec.server() };
        let key = format!("{}:{whose}", unit.as_str());
        meters.push(Meter { key, side, unit, window, allowance: allowance.max(1), reason });
    };
    let sides: &[(Side, Unit)] = match purpose {
        Purpose::Copy => &[(Side::Source, Unit::Read), (Side::Target, Unit::Stored)],
        Purpose::Compare => &[(Side::Source, Unit::Read), (Side::Target, Unit::Read)],
    };
    for (side, unit) in sides {
        let key = match (side, unit) {
            (Side::Source, _) => limits.source_bytes_per_day.as_ref(),
            (_, Unit::Stored) => limits.target_bytes_per_day.as_ref(),
            _ => None,
        };
        if let Some(day) = key {
            let host = if *side == Side::Source { "old" } else { "new" };
            let reason = format!("`[limits] bytes_per_day` of the {host} host: {}", day.written);
            add(*side, *unit, Window::Day, false, day.bytes, reason);
        }
        let Some(known) = context.profiles.known(*side, mailbox.side(*side)) else { continue };
        let (name, budget) = (&known.profile.name, &known.profile.budget);
        let of_day = if *unit == Unit::Read { budget.gives_a_day } else { budget.takes_a_day };
        if let Some(bytes) = of_day.filter(|bytes| *bytes > 0) {
            add(*side, *unit, Window::Day, true, bytes, format!("{name}'s {} a day", megabytes(bytes)));
        }
        if let Some(most) = budget.takes_messages_an_hour.filter(|most| *unit == Unit::Stored && *most > 0) {
            let reason = format!("{name}'s {} messages an hour", count(most));
            add(*side, Unit::Messages, Window::Hour, true, most, reason);
        }
    }
    if let Some(most) = limits.messages_per_hour.filter(|_| purpose == Purpose::Copy) {
        let reason = format!("`[limits] messages_per_hour`: {}", count(most));
        add(Side::Target, Unit::Messages, Window::Hour, false, most, reason);
    }
    meters
}

/// In the unit that providers write their budgets in.
fn megabytes(bytes: u64) -> String {
    const MB: u64 = 1_000_000;
    if bytes >= MB && bytes.is_multiple_of(MB) {
        format!("{} MB", count(bytes / MB))
    } else {
        mailhaul_text::bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hours close within about the time of a portion, whatever the line.
    #[test]
    fn a_portion_takes_ten_seconds_of_any_line() {
        const KB: u64 = 1_000;
        // Bytes a second, and what is asked for once it is known.
        for (line, steady) in [(KB, 10 * KB), (100 * KB, 1_000 * KB), (1_000_000 * KB, PORTION)] {
            let mut portion = FIRST_PORTION;
            for _ in 0..6 {
                portion =
                    next_portion(portion, portion, Duration::from_secs_f64(portion as f64 / line as f64));
            }
            assert!(portion.abs_diff(steady) <= 1, "{line}: {portion}");
        }
        // The end of a folder, a message of three bytes, tells nothing of a line, unless it took long.
        assert_eq!(next_portion(10 * KB, 3, Duration::from_secs(1)), 10 * KB);
        assert_eq!(next_portion(10 * KB, KB, Duration::from_secs(100)), 100);
        assert_eq!(next_portion(KB, KB, Duration::ZERO), 2 * KB);
    }

    #[test]
    fn a_budget_is_told_in_the_unit_that_providers_write_it_in() {
        let told = [2_500_000_000, 500_000_000, 1_500].map(megabytes);
        assert_eq!(told, ["2,500 MB", "500 MB", "1.5 KiB"]);
    }
}
