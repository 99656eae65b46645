//! What the project's server profiles know about the servers at hand.
//!
//! A server is put before them once, after the first log-in, and what they say is applied to every connection
//! from then on. It makes the engine more careful and its messages clearer: no limit of the operator's is
//! raised.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mailhaul_net::Endpoint;
use mailhaul_text::bytes;
use tokio::sync::OnceCell;

use crate::account::{AccountSpec, Mailbox};
use crate::plugin::{PluginError, PluginId, ServerDescription, ServerProfile, ServerProfiler, SideProfilers};
use crate::side::Side;
use crate::summary::ProfileSummary;

/// Refusals of one server that are put before a profile, in one task.
const MAX_ASKED: u32 = 1_000;

/// More different servers than this in one project are not remembered, and so not asked about.
const MAX_SERVERS: usize = 10_000;

/// Side, address and capabilities: one address can be many servers behind a proxy.
type ServerKey = (Side, Endpoint, Vec<String>);

/// Whoever meets the server first asks; the others wait for that answer.
type SharedAnswer = Arc<OnceCell<Option<Arc<KnownServer>>>>;

/// What server profiles know about the servers of a task.
#[derive(Debug, Default)]
pub(crate) struct Profiles {
    source: SideProfilers,
    target: SideProfilers,
    /// `[limits] connections_per_host`, when the operator set it: it counts, whatever a profile says.
    connections: Option<usize>,
    state: Mutex<ProfileState>,
}

#[derive(Debug, Default)]
struct ProfileState {
    known: HashMap<ServerKey, SharedAnswer>,
    /// The server met last at each address.
    latest: HashMap<(Side, Endpoint), SeenServer>,
    /// What a server said of itself before a log-in that it refused.
    greeted: HashMap<(Side, Endpoint), ServerDescription>,
    /// Plugins that broke, by call: each is told once, and who broke in `classify` is asked no more there.
    broken: HashSet<(PluginId, String)>,
    /// How many refusals of a server were put before a profile.
    asked: HashMap<(Side, Endpoint), u32>,
}

/// A server somebody has logged in to, and what a profile knows about it.
#[derive(Debug, Clone)]
pub(crate) struct SeenServer {
    pub server: ServerDescription,
    /// The profile that knows it; `None` when none does.
    pub known: Option<Arc<KnownServer>>,
}

/// A profile's knowledge of a server, and which plugin it comes from.
#[derive(Debug)]
pub(crate) struct KnownServer {
    pub plugin: PluginId,
    pub profile: ServerProfile,
}

impl Profiles {
    /// Nothing known yet. `connections` is `[limits] connections_per_host` where the operator set it.
    #[must_use]
    pub(crate) fn new(source: SideProfilers, target: SideProfilers, connections: Option<usize>) -> Self {
        Self { source, target, connections, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, ProfileState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The profiles that are asked about a side.
    pub(crate) fn of(&self, side: Side) -> &SideProfilers {
        if side == Side::Source { &self.source } else { &self.target }
    }

    /// Where the answer about a server is, or comes to be: whoever meets it first asks. `None` for a new
    /// server when more are known than are remembered.
    pub(crate) fn answer(
        &self,
        side: Side,
        spec: &AccountSpec,
        server: &ServerDescription,
    ) -> Option<SharedAnswer> {
        let key = (side, spec.endpoint.clone(), server.capabilities.clone());
        let mut state = self.state();
        if state.known.len() >= MAX_SERVERS && !state.known.contains_key(&key) {
            return None;
        }
        Some(Arc::clone(state.known.entry(key).or_default()))
    }

    /// Remembers the server met last at an end.
    pub(crate) fn remember(&self, side: Side, spec: &AccountSpec, met: SeenServer) {
        self.state().latest.insert((side, spec.endpoint.clone()), met);
    }

    /// Takes note of what a server says of itself before a log-in: where it refuses every one, that is all
    /// that it can be recognised by.
    pub(crate) fn record_greeting(&self, side: Side, spec: &AccountSpec, server: ServerDescription) {
        self.state().greeted.insert((side, spec.endpoint.clone()), server);
    }

    /// What is known of the server at an end: what it said after a log-in, or else before one.
    #[must_use]
    pub(crate) fn description(&self, side: Side, spec: &AccountSpec) -> Option<ServerDescription> {
        let key = (side, spec.endpoint.clone());
        let state = self.state();
        let met = state.latest.get(&key).map(|met| &met.server);
        met.or_else(|| state.greeted.get(&key)).cloned()
    }

    /// `[limits] connections_per_host`, when the operator set it.
    pub(crate) fn connections(&self) -> Option<usize> {
        self.connections
    }

    /// The server last met at an end of a mailbox.
    #[must_use]
    pub(crate) fn last_seen(&self, side: Side, spec: &AccountSpec) -> Option<SeenServer> {
        self.state().latest.get(&(side, spec.endpoint.clone())).cloned()
    }

    /// What a profile says about an end of a mailbox, once somebody has logged in there.
    #[must_use]
    pub(crate) fn known(&self, side: Side, spec: &AccountSpec) -> Option<Arc<KnownServer>> {
        self.last_seen(side, spec)?.known
    }

    /// For the plan and the check: who says what about an end of a mailbox, and what follows.
    #[must_use]
    pub(crate) fn summary(&self, side: Side, spec: &AccountSpec) -> Option<ProfileSummary> {
        let SeenServer { server, known } = self.last_seen(side, spec)?;
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
        let SeenServer { server, known } = self.last_seen(Side::Target, &mailbox.target)?;
        let known = known?;
        let limit = limit.filter(|limit| known.profile.max_append_bytes == Some(*limit))?;
        let announced = format!("APPENDLIMIT={limit}");
        let itself = server.capabilities.iter().any(|one| one.eq_ignore_ascii_case(&announced));
        (!itself).then(|| format!("the profile `{}` of {}", known.profile.provider, known.plugin))
    }

    /// Who is asked what a refusal of this server means, and what it was taken for: the profile that knows
    /// it, or, before anything is known, all of the side. Nobody when enough was asked.
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
            Some(SeenServer { known: Some(known), .. }) => {
                let provider = Some(known.profile.provider.clone());
                let who = profilers.filter(|profiler| *profiler.plugin() == known.plugin);
                who.map(|profiler| (Arc::clone(profiler), provider.clone())).collect()
            }
            Some(SeenServer { known: None, .. }) => Vec::new(),
            None => profilers.map(|profiler| (Arc::clone(profiler), choice.provider.clone())).collect(),
        }
    }

    /// Whether a plugin broke in this call for the first time.
    pub(crate) fn is_first_break(&self, error: &PluginError) -> bool {
        self.state().broken.insert((error.plugin.clone(), error.call.clone()))
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
        effects.push(format!("messages above {} are not sent", bytes(most)));
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
