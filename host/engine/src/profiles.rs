//! What the project's server profiles know about the servers at hand.
//!
//! A server is put before them once, after the first log-in, and what they say is applied to every connection from
//! then on. It makes the engine more careful and its messages clearer: no limit of the operator's is raised.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mailhaul_imap::{Restraint, Session};
use mailhaul_net::Endpoint;
use tokio::sync::OnceCell;

use crate::check::size;
use crate::context::Context;
use crate::event::Event;
use crate::mailbox::{AccountSpec, Mailbox};
use crate::mapping::describe;
use crate::plugin::{PluginError, PluginId, ServerDescription, ServerProfile, ServerProfiler, SideProfilers};
use crate::summary::{ProfileSummary, Side};

/// Refusals of one server that are put before a profile, in one task.
const MAX_ASKED: u32 = 1_000;
/// More different servers than this in one project are not remembered, and so not asked about.
const MAX_SERVERS: usize = 10_000;

/// What is known about the servers of a task.
#[derive(Debug, Default)]
pub(crate) struct Profiles {
    source: SideProfilers,
    target: SideProfilers,
    /// `[limits] connections_per_host`, when the operator set it: it counts, whatever a profile says.
    connections: Option<usize>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By side, address and capabilities: one address can be many servers behind a proxy.
    known: HashMap<(Side, Endpoint, Vec<String>), Arc<OnceCell<Option<Arc<Known>>>>>,
    /// The server last met at an address.
    latest: HashMap<(Side, Endpoint), Met>,
    /// Plugins that broke, by call: told once, and not asked to read refusals any more.
    broken: HashSet<(PluginId, String)>,
    /// How many refusals of a server were put before a profile.
    asked: HashMap<(Side, Endpoint), u32>,
}

/// A server that was met.
#[derive(Debug, Clone)]
pub(crate) struct Met {
    /// What it said about itself.
    pub server: ServerDescription,
    /// What a profile says about it.
    pub known: Option<Arc<Known>>,
}

/// What a profile says about a server.
#[derive(Debug)]
pub(crate) struct Known {
    /// Who says so.
    pub plugin: PluginId,
    /// What.
    pub profile: ServerProfile,
}

impl Profiles {
    /// Nothing known yet. `connections` is `[limits] connections_per_host` where the operator set it.
    #[must_use]
    pub(crate) fn new(source: SideProfilers, target: SideProfilers, connections: Option<usize>) -> Self {
        Self { source, target, connections, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The profiles that are asked about a side.
    fn of(&self, side: Side) -> &SideProfilers {
        if side == Side::Source { &self.source } else { &self.target }
    }

    /// The server last met at an end of a mailbox.
    #[must_use]
    pub(crate) fn met(&self, side: Side, spec: &AccountSpec) -> Option<Met> {
        self.state().latest.get(&(side, spec.endpoint.clone())).cloned()
    }

    /// What a profile says about an end of a mailbox, once somebody has logged in there.
    #[must_use]
    pub(crate) fn known(&self, side: Side, spec: &AccountSpec) -> Option<Arc<Known>> {
        self.met(side, spec)?.known
    }

    /// For the plan and the check: who says what about an end of a mailbox, and what follows.
    #[must_use]
    pub(crate) fn summary(&self, side: Side, spec: &AccountSpec) -> Option<ProfileSummary> {
        let Met { server, known } = self.met(side, spec)?;
        let known = known?;
        let profile = &known.profile;
        Some(ProfileSummary {
            side,
            host: spec.endpoint.host.clone(),
            provider: profile.provider.clone(),
            name: profile.name.clone(),
            plugin: known.plugin.to_string(),
            why: profile.why.clone(),
            effects: effects(side, profile, &server, self.connections),
            notes: profile.notes.clone(),
        })
    }

    /// Who knows the largest message the target takes, when it is not the target itself.
    #[must_use]
    pub(crate) fn limit_by(&self, mailbox: &Mailbox, limit: Option<u64>) -> Option<String> {
        let Met { server, known } = self.met(Side::Target, &mailbox.target)?;
        let known = known?;
        let limit = limit.filter(|limit| known.profile.max_append_bytes == Some(*limit))?;
        let announced = format!("APPENDLIMIT={limit}");
        let itself = server.capabilities.iter().any(|one| one.eq_ignore_ascii_case(&announced));
        (!itself).then(|| format!("the profile `{}` of {}", known.profile.provider, known.plugin))
    }

    /// Who is asked what a refusal of this server means, and what it was taken for: the profile that knows it, or,
    /// before anything is known, all of the side. Nobody when enough was asked.
    pub(crate) fn readers(
        &self,
        side: Side,
        spec: &AccountSpec,
    ) -> Vec<(Arc<dyn ServerProfiler>, Option<String>)> {
        let choice = self.of(side);
        let mut state = self.state();
        let asked = state.asked.entry((side, spec.endpoint.clone())).or_default();
        if *asked >= MAX_ASKED {
            return Vec::new();
        }
        *asked += 1;
        let met = state.latest.get(&(side, spec.endpoint.clone()));
        let sane = |profiler: &&Arc<dyn ServerProfiler>| {
            !state.broken.contains(&(profiler.plugin().clone(), "classify".to_owned()))
        };
        let profilers = choice.profilers.iter().filter(sane);
        match met {
            Some(Met { known: Some(known), .. }) => {
                let provider = Some(known.profile.provider.clone());
                let who = profilers.filter(|profiler| *profiler.plugin() == known.plugin);
                who.map(|profiler| (Arc::clone(profiler), provider.clone())).collect()
            }
            Some(Met { known: None, .. }) => Vec::new(),
            None => profilers.map(|profiler| (Arc::clone(profiler), choice.provider.clone())).collect(),
        }
    }

    /// Whether a plugin broke in this call for the first time.
    fn breaks(&self, error: &PluginError) -> bool {
        self.state().broken.insert((error.plugin.clone(), error.call.clone()))
    }
}

/// Applies what is known about the server to a connection that has just logged in; asks, when it is new.
pub(crate) async fn apply(context: &Context, spec: &AccountSpec, side: Side, session: &mut Session) {
    let profiles = &context.profiles;
    if profiles.of(side).profilers.is_empty() {
        return;
    }
    let server = describe(session.facts());
    let key = (side, spec.endpoint.clone(), server.capabilities.clone());
    let cell = {
        let mut state = profiles.state();
        if state.known.len() >= MAX_SERVERS && !state.known.contains_key(&key) {
            return;
        }
        Arc::clone(state.known.entry(key).or_default())
    };
    let known = cell.get_or_init(|| ask(context, side, &server)).await.clone();
    let met = Met { server, known: known.clone() };
    profiles.state().latest.insert((side, spec.endpoint.clone()), met);
    let Some(known) = known else { return };
    let profile = &known.profile;
    session.restrain(&Restraint {
        avoid: profile.avoid.clone(),
        append_limit: profile.max_append_bytes.filter(|_| side == Side::Target),
        one_at_a_time: profile.one_at_a_time,
    });
    let together = profile.max_connections.filter(|_| profiles.connections.is_none());
    context.ceilings.cap(spec, together, profile.max_connections_per_mailbox);
}

/// The first profile that knows the server.
async fn ask(context: &Context, side: Side, server: &ServerDescription) -> Option<Arc<Known>> {
    let SideProfilers { profilers, provider } = context.profiles.of(side);
    for profiler in profilers {
        let plugin = profiler.plugin();
        match profiler.identify(side, server, provider.as_deref()).await {
            Ok(Some(profile)) => {
                let provider = &profile.provider;
                tracing::info!(side = side.as_str(), host = server.host, provider, %plugin, "server known");
                return Some(Arc::new(Known { plugin: plugin.clone(), profile }));
            }
            Ok(None) => {}
            Err(error) => broke(context, &error).await,
        }
    }
    None
}

/// Tells, once, that a profile broke: the engine goes on with its own caution.
pub(crate) async fn broke(context: &Context, error: &PluginError) {
    tracing::info!("{error}");
    if context.profiles.breaks(error) {
        let message = format!("{error}; mailhaul goes on with what it knows itself");
        context.tell(Event::Warning { mailbox: None, message }).await;
    }
}

/// What follows from a profile, one clause each.
fn effects(
    side: Side,
    profile: &ServerProfile,
    server: &ServerDescription,
    operator: Option<usize>,
) -> Vec<String> {
    let mut effects = Vec::new();
    match (profile.max_connections, operator) {
        (Some(most), None) => effects.push(format!("at most {most} connections at once")),
        (Some(most), Some(set)) => effects.push(format!(
            "its limit of {most} connections at once is not used: `connections_per_host` under `[limits]` is {set}"
        )),
        (None, _) => {}
    }
    if let Some(most) = profile.max_connections_per_mailbox {
        effects.push(format!("at most {most} connections for one mailbox"));
    }
    let offers = |name: &str| {
        server.capabilities.iter().any(|one| {
            one.eq_ignore_ascii_case(name)
                || one.split_once('=').is_some_and(|(one, _)| one.eq_ignore_ascii_case(name))
        })
    };
    if let Some(most) = profile.max_append_bytes
        && side == Side::Target
        && (!offers("APPENDLIMIT") || profile.avoid.iter().any(|one| one == "APPENDLIMIT"))
    {
        effects.push(format!("messages above {} are not sent", size(most)));
    }
    let avoided: Vec<_> = profile.avoid.iter().filter(|one| offers(one)).map(String::as_str).collect();
    if !avoided.is_empty() {
        effects.push(format!("without {}", avoided.join(", ")));
    }
    if profile.one_at_a_time {
        effects.push("one command at a time".to_owned());
    }
    if profile.folds_case == Some(true) && side == Side::Target {
        effects.push("folder names that differ in case only are one folder there".to_owned());
    }
    effects
}
