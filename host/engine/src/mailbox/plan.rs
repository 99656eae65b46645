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
use crate::mapping::planner::{PlannedMailbox, plan};
use crate::mapping::portions::Numbers;
use crate::plan::{AgreedMailbox, Conflict, MailboxPlan, Misfit};
use crate::server::dial::log_out;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::Ledger;
use crate::summary::Stopped;
use crate::task::context::Context;

/// Makes the plan of one mailbox and tells it.
pub(crate) async fn run(context: &Context, mailbox: &Mailbox) -> MailboxEnd {
    match look(context, mailbox, (Numbers::Listed, None)).await {
        Ok(planned) => {
            let refusal = refusal(&planned.plan);
            context.emit(Event::Planned(planned.plan)).await;
            refusal.map_or(MailboxEnd::Complete, MailboxEnd::Stopped)
        }
        Err(end) => end,
    }
}

/// Returns what of today's plan is otherwise than it was agreed on. A mailbox that cannot be looked at says
/// so when it is run.
pub(crate) async fn misfits(context: &Context, mailbox: &Mailbox, agreed: &AgreedMailbox) -> Vec<Misfit> {
    match look(context, mailbox, (Numbers::Counted, Some(agreed))).await {
        Ok(planned) => agreed.fit(&planned.plan, &planned.renamed_since_agreed).misfits,
        Err(_) => Vec::new(),
    }
}

/// How much there is to be told, and the plan that was agreed on.
type Question<'a> = (Numbers, Option<&'a AgreedMailbox>);

async fn look(
    context: &Context,
    mailbox: &Mailbox,
    question: Question<'_>,
) -> Result<PlannedMailbox, MailboxEnd> {
    let planned = tokio::select! {
        planned = make(context, mailbox, question) => planned,
        () = context.stop.raised() => return Err(MailboxEnd::Interrupted),
    };
    match planned {
        Ok(Some(planned)) => Ok(planned),
        Ok(None) => Err(MailboxEnd::Interrupted),
        Err(interruption) => Err(interruption.end(context, mailbox).await),
    }
}

async fn make(
    context: &Context,
    mailbox: &Mailbox,
    question: Question<'_>,
) -> Result<Option<PlannedMailbox>, Interruption> {
    let connected = connect(context, mailbox, &mut Waits::default()).await?;
    let Some((_permit, mut ends)) = connected else { return Ok(None) };
    let ledger = Ledger::read_of(&context.job.state_dir, &mailbox.identity())?;
    let known = ledger.as_ref().map(KnownFolders::of).transpose()?.unwrap_or_default();
    let round_trip = round_trip_ms(&mut ends.source).await.map_err(EndError::at(Side::Source))?;
    let listings = figures(&mut ends, &known).await?;
    let lacks = [(Side::Source, &listings.0), (Side::Target, &listings.1)];
    let lacks: Vec<String> =
        lacks.into_iter().filter_map(|(side, listing)| unlisted(side, listing)).collect();
    let (source, target) = (&mut ends.source, &mut ends.target);
    let mut planned = plan(context, mailbox, source, target, listings, ledger, question).await?;
    estimate(context, mailbox, &mut planned.plan, Some(round_trip));
    let listings = (&planned.listings.0, &planned.listings.1);
    one_account::enter(context, mailbox, (source, target), listings, Purpose::Look).await?;
    log_out(ends.source).await;
    log_out(ends.target).await;
    planned.plan.notes.extend(lacks);
    Ok(Some(planned))
}

/// A plan with conflicts is not run.
#[must_use]
pub(super) fn refusal(plan: &MailboxPlan) -> Option<Stopped> {
    let reason = || Conflict::sentences(&plan.conflicts);
    (!plan.conflicts.is_empty()).then(|| Stopped { side: Side::Local, cause: Cause::Plan, reason: reason() })
}
