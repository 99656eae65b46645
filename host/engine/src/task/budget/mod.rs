//! What is spent of budgets, over all mailboxes of a task and over tasks.
//!
//! Whoever wants messages takes a grant first, and what it counts is in the record before the first byte is
//! asked for: a process that dies can waste the rest of a grant, and never spend more than there was. What
//! was not used is given back.

mod meter;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{Timestamp, Zoned};

use self::meter::Gauge;
pub(crate) use self::meter::{Claimant, Meter, Unit, Window};
use crate::side::Side;
use crate::state::record::Spent;

/// So long a fresh window is kept for a message that takes all of it.
const KEPT_FOR: Duration = Duration::from_secs(5 * 60);

/// What is counted of a message whose server tells no size, until it has come.
const UNKNOWN_SIZE: u64 = 1 << 20;

/// What is spent of every budget, by the meters' keys.
#[derive(Debug, Default)]
pub(crate) struct Budgets(Mutex<HashMap<String, Gauge>>);

/// A budget that does not let the next message through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exhausted {
    /// The end the budget is about.
    pub side: Side,
    /// When there is something again.
    pub until: Timestamp,
    /// Whose budget it is, for people.
    pub reason: String,
}

/// Messages that may be asked for now. One that is dropped, and not settled, counts as spent.
#[derive(Debug)]
#[must_use = "what is granted and not settled counts as spent"]
pub(crate) struct Grant {
    budgets: Arc<Budgets>,
    /// How many of those that were asked for, from the first on.
    pub messages: usize,
    /// Of the first, when it takes more than a whole window's budget: whose.
    pub alone: Option<String>,
    meters: Vec<(Meter, u64)>,
}

impl Drop for Grant {
    fn drop(&mut self) {
        let mut gauges = self.budgets.lock();
        for (meter, amount) in &self.meters {
            if let Some(gauge) = gauges.get_mut(&meter.key) {
                gauge.granted = gauge.granted.saturating_sub(*amount);
            }
        }
    }
}

/// What has come of a grant in the end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    /// Bytes that were read.
    pub read: u64,
    /// Bytes that were handed on to be stored.
    pub stored: u64,
    /// Messages that were.
    pub messages: u64,
}

/// Adds to what the record has of a meter in the window that began then; returns what is spent there. `None`
/// where nothing is recorded: what is added up here is all there is then.
pub(crate) trait Store<E>: FnMut(&str, Timestamp, i64) -> Result<Option<u64>, E> {}

impl<E, F: FnMut(&str, Timestamp, i64) -> Result<Option<u64>, E>> Store<E> for F {}

impl Budgets {
    /// Fills in what earlier tasks have spent.
    pub(crate) fn fill(&self, spent: Vec<Spent>) {
        let mut gauges = self.lock();
        for one in spent {
            let began = one.began.parse().ok();
            gauges.insert(one.meter, Gauge { began, spent: one.amount, ..Gauge::default() });
        }
    }

    /// Which budget does not let a message of so many bytes through now; the one that is empty for longest.
    pub(crate) fn exhausted(
        &self,
        meters: &[Meter],
        who: &Claimant,
        bytes: u64,
        now: &Zoned,
    ) -> Option<Exhausted> {
        let mut gauges = self.lock();
        let refused = meters.iter().filter_map(|meter| {
            let (began, next) = meter.window.around(now);
            let gauge = gauges.entry(meter.key.clone()).or_default();
            gauge.turn_to(began);
            let until = refused_until(meter, gauge, who, bytes, (began, next), now.timestamp())?;
            Some(Exhausted { side: meter.side, until, reason: meter.reason.clone() })
        });
        refused.max_by_key(|exhausted| exhausted.until)
    }

    /// Takes a grant for the first of these messages, by their sizes: for as many as every meter lets through
    /// now, and at most so many bytes. Recorded when it returns.
    ///
    /// # Errors
    /// What `store` fails with: nothing may be asked for then.
    pub(crate) fn take<E>(
        self: &Arc<Self>,
        meters: Vec<Meter>,
        who: &Claimant,
        sizes: &[u64],
        most: u64,
        now: &Zoned,
        mut store: impl Store<E>,
    ) -> Result<Result<Grant, Exhausted>, E> {
        let first = sizes.first().copied().unwrap_or_default();
        if let Some(exhausted) = self.exhausted(&meters, who, first, now) {
            for meter in meters.iter().filter(|meter| meter.unit.of(known(first)) > meter.allowance) {
                if let Some(gauge) = self.lock().get_mut(&meter.key) {
                    gauge.waits_alone = Some(who.clone());
                }
            }
            // A window that has not come yet, after a clock that was put back, is this one in the record too.
            for meter in &meters {
                store(&meter.key, meter.window.around(now).0, 0)?;
            }
            return Ok(Err(exhausted));
        }
        let mut gauges = self.lock();
        let rooms: Vec<(Unit, u64)> = meters
            .iter()
            .map(|meter| {
                let spent = gauges.get(&meter.key).map_or(0, |gauge| gauge.spent);
                (meter.unit, meter.allowance.saturating_sub(spent).min(meter.portion()))
            })
            .collect();
        let (mut messages, mut bytes) = (0_u64, 0_u64);
        for size in sizes.iter().copied().map(known) {
            let (count, sum) = (messages + 1, bytes.saturating_add(size));
            let fits =
                |(unit, room): &(Unit, u64)| if *unit == Unit::Messages { count } else { sum } <= *room;
            // The first has been let through already.
            if messages > 0 && !(sum <= most && rooms.iter().all(fits)) {
                break;
            }
            (messages, bytes) = (count, sum);
        }
        let alone = meters.iter().find(|meter| meter.unit.of(known(first)) > meter.allowance);
        let alone = alone.map(|meter| meter.reason.clone());
        let mut taken: Vec<(Meter, u64)> = Vec::with_capacity(meters.len());
        for meter in meters {
            let amount = if meter.unit == Unit::Messages { messages } else { bytes };
            let (began, until) = meter.window.around(now);
            let gauge = gauges.entry(meter.key.clone()).or_default();
            let here = gauge.spent.saturating_add(amount);
            let recorded = store(&meter.key, began, signed(amount.saturating_add(gauge.carried)))?;
            gauge.spent = recorded.unwrap_or(here);
            (gauge.granted, gauge.carried) = (gauge.granted.saturating_add(amount), 0);
            gauge.waits_alone = gauge.waits_alone.take().filter(|waits| waits != who);
            let over = gauge.spent > meter.allowance && gauge.spent != amount;
            let exhausted = Exhausted { side: meter.side, until, reason: meter.reason.clone() };
            taken.push((meter, amount));
            // Another process has spent the same budget meanwhile.
            if over {
                for (meter, amount) in taken {
                    give_back(&mut gauges, &meter, amount, 0, now, &mut store)?;
                }
                return Ok(Err(exhausted));
            }
        }
        let messages = usize::try_from(messages).unwrap_or(usize::MAX);
        Ok(Ok(Grant { budgets: Arc::clone(self), messages, alone, meters: taken }))
    }

    /// Settles a grant: what was not used is given back, and what came beyond it is spent.
    ///
    /// # Errors
    /// What `store` fails with.
    pub(crate) fn settle<E>(
        &self,
        mut grant: Grant,
        used: Used,
        now: &Zoned,
        mut store: impl Store<E>,
    ) -> Result<(), E> {
        let meters = std::mem::take(&mut grant.meters);
        drop(grant);
        let mut gauges = self.lock();
        for (meter, amount) in meters {
            let used = match meter.unit {
                Unit::Read => used.read,
                Unit::Stored => used.stored,
                Unit::Messages => used.messages,
            };
            give_back(&mut gauges, &meter, amount, used, now, &mut store)?;
        }
        Ok(())
    }

    /// Adds what was used without a grant.
    ///
    /// # Errors
    /// What `store` fails with.
    pub(crate) fn add<E>(
        self: &Arc<Self>,
        meters: Vec<Meter>,
        used: Used,
        now: &Zoned,
        store: impl Store<E>,
    ) -> Result<(), E> {
        let meters = meters.into_iter().map(|meter| (meter, 0)).collect();
        self.settle(Grant { budgets: Arc::clone(self), messages: 0, alone: None, meters }, used, now, store)
    }

    /// The folder of the mailbox that waits for a fresh window of its own.
    pub(crate) fn waiting_alone(&self, mailbox: &str) -> Option<String> {
        let gauges = self.lock();
        let mut waiting = gauges.values().filter_map(|gauge| gauge.waits_alone.as_ref());
        waiting.find(|who| who.mailbox == mailbox).map(|who| who.folder.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Gauge>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A size as it is counted before the message has come.
fn known(size: u64) -> u64 {
    if size == 0 { UNKNOWN_SIZE } else { size }
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// Until when a meter does not let a message of so many bytes through; `None` when it does. One that is more
/// than a whole window's budget goes when nothing else has been spent in the window.
fn refused_until(
    meter: &Meter,
    gauge: &Gauge,
    who: &Claimant,
    bytes: u64,
    (began, next): (Timestamp, Timestamp),
    now: Timestamp,
) -> Option<Timestamp> {
    let amount = meter.unit.of(known(bytes));
    if gauge.is_fresh() {
        let kept = began.checked_add(KEPT_FOR).unwrap_or(next).min(next);
        let for_other = gauge.waits_alone.as_ref().is_some_and(|waits| waits != who);
        return Some(kept).filter(|kept| for_other && now < *kept);
    }
    let fits = gauge.spent.checked_add(amount).is_some_and(|sum| sum <= meter.allowance);
    (!fits).then_some(next)
}

fn give_back<E>(
    gauges: &mut HashMap<String, Gauge>,
    meter: &Meter,
    amount: u64,
    used: u64,
    now: &Zoned,
    store: &mut impl Store<E>,
) -> Result<(), E> {
    let (began, _) = meter.window.around(now);
    let gauge = gauges.entry(meter.key.clone()).or_default();
    gauge.turn_to(began);
    gauge.granted = gauge.granted.saturating_sub(amount);
    let beyond = signed(used).saturating_sub(signed(amount));
    gauge.spent = gauge.spent.saturating_add_signed(beyond);
    let more = beyond.saturating_add(signed(gauge.carried));
    if more != 0 {
        gauge.spent = store(&meter.key, began, more)?.unwrap_or(gauge.spent);
        gauge.carried = 0;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
