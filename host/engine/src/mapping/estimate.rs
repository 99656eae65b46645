//! How long a run over one mailbox takes, as its plan says it.

use crate::account::Mailbox;
use crate::assessment::forecast::{EndLimits, LoadEnds, of_mailbox};
use crate::plan::MailboxPlan;
use crate::side::Side;
use crate::task::context::Context;

/// Says in a plan how long a run over its mailbox alone takes, and between which ends. `round_trip_ms` is
/// that of the source, where it was measured.
pub(crate) fn estimate(
    context: &Context,
    mailbox: &Mailbox,
    plan: &mut MailboxPlan,
    round_trip_ms: Option<u32>,
) {
    plan.ends = LoadEnds {
        round_trip_ms,
        source: end(context, mailbox, Side::Source),
        target: Some(end(context, mailbox, Side::Target)),
    };
    let seconds = of_mailbox(&plan.load(), context.circumstances()).seconds.ceil();
    plan.estimate_seconds = seconds as u64;
}

fn end(context: &Context, mailbox: &Mailbox, side: Side) -> EndLimits {
    let spec = mailbox.side(side);
    let known = context.profiles.known(side, spec);
    let profile = known.as_ref().map(|known| &known.profile);
    EndLimits {
        host: spec.endpoint.host.clone(),
        port: spec.endpoint.port,
        provider: profile.map(|profile| profile.name.clone()),
        connections: profile.and_then(|profile| profile.max_connections),
        budget: profile.map(|profile| profile.budget).unwrap_or_default(),
    }
}
