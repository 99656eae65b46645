//! `plan`: where the folders of one mailbox go, and whether a plan that was agreed on still fits.

use crate::account::Mailbox;
use crate::cause::Cause;
use crate::event::{Event, MailboxEnd};
use crate::mailbox::connect::connect;
use crate::mailbox::listing::{KnownFolders, figures, round_trip_ms, unlisted};
use crate::mailbox::one_account::{self, Purpose};
use crate::mailbox::open::Interruption;
use crate::mailbox::waits::Waits;
use crate::mapping::estimate::estimate;
use crate::mapping::planner::plan;
use crate::plan::{Conflict, MailboxPlan};
use crate::server::dial::log_out;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::Ledger;
use crate::summary::Stopped;
use crate::task::context::Context;

/// Makes the plan of one mailbox and tells it; one that was `agreed` on is only held against what would be
/// done today.
pub(crate) async fn run(context: &Context, mailbox: &Mailbox, agreed: Option<&MailboxPlan>) -> MailboxEnd {
    let planned = tokio::select! {
        planned = make(context, mailbox) => planned,
        () = context.stop.raised() => return MailboxEnd::Interrupted,
    };
    let plan = match planned {
        Ok(Some(plan)) => plan,
        Ok(None) => return MailboxEnd::Interrupted,
        Err(interruption) => return interruption.end(context, mailbox).await,
    };
    let refusal = refusal(&plan, agreed);
    if agreed.is_none() {
        context.emit(Event::Planned(plan)).await;
    }
    refusal.map_or(MailboxEnd::Complete, MailboxEnd::Stopped)
}

async fn make(context: &Context, mailbox: &Mailbox) -> Result<Option<MailboxPlan>, Interruption> {
    let connected = connect(context, mailbox, &mut Waits::default()).await?;
    let Some((_permit, mut ends)) = connected else { return Ok(None) };
    let ledger = Ledger::read_of(&context.job.state_dir, &mailbox.identity())?;
    let known = ledger.as_ref().map(KnownFolders::of).transpose()?.unwrap_or_default();
    let round_trip = round_trip_ms(&mut ends.source).await.map_err(EndError::at(Side::Source))?;
    let listings = figures(&mut ends, &known).await?;
    let lacks = [(Side::Source, &listings.0), (Side::Target, &listings.1)];
    let lacks: Vec<String> =
        lacks.into_iter().filter_map(|(side, listing)| unlisted(side, listing)).collect();
    let mut planned = plan(context, mailbox, &mut ends.source, &mut ends.target, listings, ledger).await?;
    estimate(context, mailbox, &mut planned.plan, Some(round_trip));
    let listings = (&planned.listings.0, &planned.listings.1);
    let ends_of_it = (&mut ends.source, &mut ends.target);
    one_account::enter(context, mailbox, ends_of_it, listings, Purpose::Look).await?;
    log_out(ends.source).await;
    log_out(ends.target).await;
    planned.plan.notes.extend(lacks);
    Ok(Some(planned.plan))
}

/// A plan with conflicts is not run, nor one that differs from the one agreed on.
#[must_use]
pub(super) fn refusal(plan: &MailboxPlan, agreed: Option<&MailboxPlan>) -> Option<Stopped> {
    let stop = |reason| Stopped { side: Side::Local, cause: Cause::Plan, reason };
    if let Some(departs) = agreed.and_then(|agreed| plan.deviation_from(agreed)) {
        return Some(stop(departs));
    }
    (!plan.conflicts.is_empty()).then(|| stop(Conflict::sentences(&plan.conflicts)))
}
