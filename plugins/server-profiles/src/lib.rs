//! Knows the larger mail providers and the common mail servers: what they bear, what does not work there, and
//! what their refusals mean.
//!
//! Everything that is known is data, one file a provider in `src/providers`. The build script makes the table
//! of them, so a new file is all a new provider takes; how it is written is in `src/provider.rs`. The ids in
//! the manifest, which `provider` in a project file may name, come from the same folder: `plugin.toml` lists
//! none, and `plugins/shipped` adds `providers` to the manifest when it makes the component.
//!
//! A server is recognised by its host's domain first, since many providers run servers anybody can run; then
//! by a capability only one provider has, by the name in its ID, and last by its greeting. Where several
//! providers fit alike, the longest domain or word counts, and of equally long ones the id that is first in
//! the alphabet. No two of the providers here fit the same server alike: a test compares them all.

mod provider;
mod providers {
    use crate::provider::Provider;

    #[cfg(test)]
    use crate::provider::Fixture;

    include!(concat!(env!("OUT_DIR"), "/providers.rs"));
}

use std::cmp::Reverse;
use std::time::Duration;

use mailhaul_plugin::{Classification, PluginError, Profile, ProfileRequest, Refusal, Server, ServerProfile};

use provider::{Provider, Sentence};
use providers::PROVIDERS;

struct Profiles;

impl ServerProfile for Profiles {
    fn identify(request: &ProfileRequest) -> Result<Option<Profile>, PluginError> {
        let server = &request.server;
        let found = match &request.provider {
            Some(named) => by_id(named).map(|provider| (provider, "the project file names it".to_owned())),
            None => recognised(server),
        };
        Ok(found.map(|(provider, why)| profile(provider, server, why)))
    }

    fn classify(refusal: &Refusal) -> Result<Option<Classification>, PluginError> {
        let provider = match &refusal.provider {
            Some(named) => by_id(named),
            None => recognised(&refusal.server).map(|(provider, _)| provider),
        };
        let mut sentences = provider.into_iter().flat_map(|provider| provider.sentences);
        Ok(sentences.find(|sentence| is_about(sentence, refusal)).map(meaning))
    }
}

mailhaul_plugin::export!(profile: Profiles);

fn by_id(id: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.id == id)
}

/// By what a provider is recognised, the weakest evidence first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Evidence {
    Greeting,
    Id,
    Capability,
    Host,
}

/// What a server shows of itself, in lower case.
struct Marks {
    host: String,
    capabilities: Vec<String>,
    program: String,
    greeting: String,
}

impl Marks {
    fn of(server: &Server) -> Self {
        Self {
            host: server.host.trim_end_matches('.').to_ascii_lowercase(),
            capabilities: server.capabilities.iter().map(|name| name.to_ascii_lowercase()).collect(),
            program: id(server, "name").unwrap_or_default().to_lowercase(),
            greeting: without_host_names(&server.greeting.to_lowercase()),
        }
    }

    /// The strongest evidence for one provider, with the domain, capability or word it is.
    fn point_to(&self, provider: &'static Provider) -> Option<(Evidence, &'static str)> {
        let within = |domain: &&str| {
            self.host.strip_suffix(*domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let offered = |name: &&str| self.capabilities.iter().any(|one| one.eq_ignore_ascii_case(name));
        let in_program = |word: &&str| self.program.contains(*word);
        let in_greeting = |word: &&str| self.greeting.contains(*word);
        let of = |marks: &'static [&'static str], fits: &dyn Fn(&&str) -> bool| {
            marks.iter().copied().filter(|mark| fits(mark)).max_by_key(|mark| mark.len())
        };
        let host = of(provider.hosts, &within).map(|mark| (Evidence::Host, mark));
        host.or_else(|| of(provider.offers, &offered).map(|mark| (Evidence::Capability, mark)))
            .or_else(|| of(provider.programs, &in_program).map(|mark| (Evidence::Id, mark)))
            .or_else(|| of(provider.programs, &in_greeting).map(|mark| (Evidence::Greeting, mark)))
    }
}

/// Drops words such as `courier.acme.example`: many programs greet with the name of their host, which says
/// nothing of the program. A version, `2.3.21`, stays.
fn without_host_names(greeting: &str) -> String {
    let is_host = |word: &&str| {
        let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        word.rsplit_once('.')
            .is_some_and(|(_, last)| last.len() > 1 && last.bytes().all(|byte| byte.is_ascii_alphabetic()))
    };
    greeting.split(' ').filter(|word| !is_host(word)).collect::<Vec<_>>().join(" ")
}

/// The provider a server belongs to, and by what it is recognised.
fn recognised(server: &Server) -> Option<(&'static Provider, String)> {
    let marks = Marks::of(server);
    let (provider, evidence, mark) = PROVIDERS
        .iter()
        .filter_map(|provider| marks.point_to(provider).map(|(evidence, mark)| (provider, evidence, mark)))
        .min_by_key(|(provider, evidence, mark)| (Reverse((*evidence, mark.len())), provider.id))?;
    let why = match evidence {
        Evidence::Host => format!("its host is one of {mark}"),
        Evidence::Capability => format!("it offers {mark}"),
        Evidence::Id => format!("its ID says {mark}"),
        Evidence::Greeting => format!("its greeting says {mark}"),
    };
    Some((provider, why))
}

/// A field of the server's reply to ID; RFC 2971 gives their names no case.
fn id<'a>(server: &'a Server, field: &str) -> Option<&'a str> {
    server.id.iter().find(|(name, _)| name.eq_ignore_ascii_case(field)).map(|(_, value)| value.as_str())
}

fn profile(provider: &Provider, server: &Server, why: String) -> Profile {
    // A program tells its version, a provider's name has none.
    let version = id(server, "version").filter(|_| !provider.programs.is_empty());
    let name = match version {
        Some(version) => format!("{} {}", provider.name, version.chars().take(24).collect::<String>()),
        None => provider.name.to_owned(),
    };
    let mut profile = Profile::new(provider.id, name).because(why);
    profile.max_connections = provider.max_connections;
    profile.max_connections_per_mailbox = provider.max_connections_per_mailbox;
    profile.max_append_bytes = provider.max_append_bytes;
    let budget = [
        ("gives-a-day", provider.gives_a_day),
        ("takes-a-day", provider.takes_a_day),
        ("takes-messages-an-hour", provider.takes_messages_an_hour),
    ];
    for (name, number) in budget {
        profile.extras.extend(number.map(|number| (name.to_owned(), number.to_string())));
    }
    for capability in provider.avoid {
        profile = profile.avoiding(*capability);
    }
    if provider.folds_case {
        profile = profile.switching("folder-names", "fold-case");
    }
    for note in provider.notes {
        profile = profile.noting(*note);
    }
    profile
}

fn is_about(sentence: &Sentence, refusal: &Refusal) -> bool {
    sentence.at.is_none_or(|occasion| *occasion == refusal.occasion) && refusal.says(sentence.says)
}

fn meaning(sentence: &Sentence) -> Classification {
    let mut meaning = Classification::new(sentence.cause.clone());
    if let Some(seconds) = sentence.wait {
        meaning = meaning.retry_after(Duration::from_secs(seconds));
    }
    if sentence.remedy.is_empty() { meaning } else { meaning.remedy(sentence.remedy) }
}

#[cfg(test)]
mod tests;
