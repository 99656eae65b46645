//! One folder over one pair of connections, or, where any order will do, over several.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;
use mailhaul_imap::Session;

use crate::folder::copy::item::{CopyOutcome, Route};
use crate::folder::copy::pump::copy;
use crate::folder::work::Step;
use crate::job::Order;
use crate::message::list::ListedMessage;
use crate::server::dial::{dial_both, log_out_both};
use crate::server::error::EndError;
use crate::side::Side;

/// What one connection writes before it takes more: opening a part costs some round trips.
const PART: usize = 1000;

/// Further pairs of connections for one folder at most.
const MAX_HELPERS: usize = 3;

/// Copies the `open` messages of the examined source folder in the order the project asks for.
///
/// # Errors
/// When an end or the ledger fails; what was sent and not acknowledged stays in the ledger as an open batch.
pub(crate) async fn spread(
    route: &Route<'_>,
    source: &mut Session,
    target: Session,
    open: &[ListedMessage],
) -> Step<(Session, CopyOutcome)> {
    let order = route.work.context.job.select.order;
    let recent: Vec<ListedMessage>;
    let open = if order == Order::RecentFirst {
        recent = newest_first(open);
        &recent
    } else {
        open
    };
    let part = if order == Order::Any { PART } else { usize::MAX };
    let parts = Parts(Mutex::new(open.chunks(part.min(open.len().max(1))).collect()));
    let helpers = open.len().div_ceil(part).saturating_sub(1).min(MAX_HELPERS);
    // Each on the heap: several copies at a time are more than a thread's stack takes.
    let helpers = join_all((0..helpers).map(|_| Box::pin(helper(route, &parts))));
    let (own, helped) = tokio::join!(Box::pin(parts.copy(route, source, target)), helpers);
    let (target, mut copied) = own?;
    for part in helped {
        copied.add(part?);
    }
    copied.unread.extend(std::iter::from_fn(|| parts.next()).flatten().map(|m| m.uid));
    Ok((target, copied))
}

fn newest_first(open: &[ListedMessage]) -> Vec<ListedMessage> {
    let mut open = open.to_vec();
    // A message without a date stands where its UID puts it among those of today.
    open.sort_by_key(|m| Reverse((m.date().unwrap_or(i64::MAX), m.uid)));
    open
}

/// The portions of a folder's messages that no connection has begun with.
struct Parts<'a>(Mutex<VecDeque<&'a [ListedMessage]>>);

impl<'a> Parts<'a> {
    fn next(&self) -> Option<&'a [ListedMessage]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    async fn copy(
        &self,
        route: &Route<'_>,
        source: &mut Session,
        mut target: Session,
    ) -> Step<(Session, CopyOutcome)> {
        let mut copied = CopyOutcome::default();
        while !copied.interrupted
            && copied.over_quota.is_none()
            && !copied.halted
            && copied.held_back.is_none()
            && let Some(part) = self.next()
        {
            let (session, more) = Box::pin(copy(route, source, target, part)).await?;
            target = session;
            copied.add(more);
        }
        Ok((target, copied))
    }
}

/// One more pair of connections for the folder, if it may be opened right now.
async fn helper(route: &Route<'_>, parts: &Parts<'_>) -> Step<CopyOutcome> {
    let Some(permit) = route.work.context.ceilings.try_pair(route.work.mailbox) else {
        return Ok(CopyOutcome::default());
    };
    let opened = async {
        let (mut source, mut target) = Box::pin(dial_both(route.work.context, route.work.mailbox)).await?;
        let (examined, selected) =
            tokio::join!(source.examine(&route.source_name), target.select(&route.target_name));
        examined.map_err(EndError::at(Side::Source))?;
        let selected = selected.map_err(EndError::at(Side::Target))?;
        Ok::<_, EndError>((source, target, selected))
    };
    let (mut source, target, selected) = match opened.await {
        Ok((source, target, selected))
            if selected.uid_validity == route.selected.uid_validity && !selected.read_only =>
        {
            (source, target, selected)
        }
        Ok(_) => return Ok(CopyOutcome::default()),
        Err(error) => {
            // The first pair does what the others cannot.
            tracing::info!(reason = %error.stopped().reason, "no further connections");
            return Ok(CopyOutcome::default());
        }
    };
    let route = Route { selected, ..route.clone() };
    let (target, copied) = parts.copy(&route, &mut source, target).await?;
    log_out_both(source, target, permit);
    Ok(copied)
}

impl CopyOutcome {
    fn add(&mut self, more: Self) {
        self.messages += more.messages;
        self.bytes += more.bytes;
        self.unresolved.extend(more.unresolved);
        self.acknowledged.extend(more.acknowledged);
        self.taken.extend(more.taken);
        self.contested.extend(more.contested);
        self.misdated.extend(more.misdated);
        self.refused.extend(more.refused);
        self.halted |= more.halted;
        self.complaints = self.complaints.max(more.complaints);
        self.unread.extend(more.unread);
        self.dated.extend(more.dated);
        self.read_back.extend(more.read_back);
        self.alone |= more.alone;
        self.patience = self.patience.take().or(more.patience);
        self.wait = self.wait.max(more.wait);
        self.over_quota = self.over_quota.take().or(more.over_quota);
        self.withheld = self.withheld.take().or(more.withheld);
        self.interrupted |= more.interrupted;
        self.held_back = self.held_back.take().or(more.held_back);
        self.listed = self.listed.take().or(more.listed);
        for (flag, count) in more.flags_lost {
            *self.flags_lost.entry(flag).or_default() += count;
        }
    }
}
