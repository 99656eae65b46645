//! Puts a server before the project's profiles, and applies what they say to its connections.

use std::sync::Arc;

use mailhaul_imap::{Restraint, Session};

use crate::account::AccountSpec;
use crate::event::Event;
use crate::plugin::{PluginError, ServerDescription, SideProfilers, describe};
use crate::side::Side;
use crate::task::context::Context;
use crate::task::profiles::{KnownServer, SeenServer};

/// Applies what is known about the server to a connection that has just logged in; asks, when it is new.
pub(crate) async fn apply(context: &Context, spec: &AccountSpec, side: Side, session: &mut Session) {
    let profiles = &context.profiles;
    if profiles.of(side).profilers.is_empty() {
        return;
    }
    let server = describe(session.facts());
    let Some(answer) = profiles.answer(side, spec, &server) else { return };
    let known = answer.get_or_init(|| ask(context, side, &server)).await.clone();
    profiles.remember(side, spec, SeenServer { server, known: known.clone() });
    let Some(known) = known else { return };
    let profile = &known.profile;
    session.restrain(&Restraint {
        avoid: profile.avoid.clone(),
        append_limit: profile.max_append_bytes.filter(|_| side == Side::Target),
        one_at_a_time: profile.one_at_a_time,
    });
    let together = profile.max_connections.filter(|_| profiles.connections().is_none());
    context.ceilings.cap(spec, together, profile.max_connections_per_mailbox);
}

/// Asks the side's profiles in order, and returns the first that knows the server.
async fn ask(context: &Context, side: Side, server: &ServerDescription) -> Option<Arc<KnownServer>> {
    let SideProfilers { profilers, provider } = context.profiles.of(side);
    for profiler in profilers {
        let plugin = profiler.plugin();
        match profiler.identify(side, server, provider.as_deref()).await {
            Ok(Some(profile)) => {
                let provider = &profile.provider;
                tracing::info!(side = side.as_str(), host = server.host, provider, %plugin, "server known");
                return Some(Arc::new(KnownServer { plugin: plugin.clone(), profile }));
            }
            Ok(None) => {}
            Err(error) => report_broken_profile(context, &error).await,
        }
    }
    None
}

/// Tells, once, that a profile broke: the engine goes on with its own caution.
pub(crate) async fn report_broken_profile(context: &Context, error: &PluginError) {
    tracing::info!("{error}");
    if context.profiles.is_first_break(error) {
        let message = format!("{error}; mailhaul goes on with what it knows itself");
        context.emit(Event::Warning { mailbox: None, message }).await;
    }
}
