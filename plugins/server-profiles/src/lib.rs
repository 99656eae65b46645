//! Knows the larger mail providers and the common mail servers: what they bear, what does not work there, and
//! what their refusals mean. Everything that is known is data, in [`table`].

mod table;

use std::time::Duration;

use mailhaul_plugin::{
    Classification, Occasion, PluginError, Profile, ProfileRequest, Refusal, Server, ServerProfile,
};

use table::{PROVIDERS, Provider, Sentence, Where};

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
        let sentences = provider.into_iter().flat_map(|provider| provider.sentences);
        Ok(sentences.copied().find(|sentence| is_about(sentence, refusal)).map(meaning))
    }
}

mailhaul_plugin::export!(profile: Profiles);

fn by_id(id: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.id == id)
}

/// The provider a server belongs to, and by what it is recognised: its host name first, since many providers
/// run servers anybody can run.
fn recognised(server: &Server) -> Option<(&'static Provider, String)> {
    let host = server.host.trim_end_matches('.').to_ascii_lowercase();
    let within =
        |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let find = |mark: fn(&'static Provider) -> &'static [&'static str], has: &dyn Fn(&str) -> bool| {
        PROVIDERS
            .iter()
            .find_map(|provider| mark(provider).iter().find(|one| has(one)).map(|mark| (provider, *mark)))
    };
    if let Some((provider, domain)) = find(|p| p.hosts, &within) {
        return Some((provider, format!("its host is one of {domain}")));
    }
    let offers = |name: &str| server.capabilities.iter().any(|one| one.eq_ignore_ascii_case(name));
    if let Some((provider, name)) = find(|p| p.offers, &offers) {
        return Some((provider, format!("it offers {name}")));
    }
    let program = id(server, "name").unwrap_or_default().to_lowercase();
    if let Some((provider, name)) = find(|p| p.programs, &|name: &str| program.contains(name)) {
        return Some((provider, format!("its ID says {name}")));
    }
    let greeting = server.greeting.to_lowercase();
    let (provider, words) = find(|p| p.programs, &|name: &str| greeting.contains(name))?;
    Some((provider, format!("its greeting says {words}")))
}

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
    let occasion = match sentence.at {
        Where::LogIn => refusal.occasion == Occasion::LogIn,
        Where::Append => refusal.occasion == Occasion::Append,
        Where::Anywhere => true,
    };
    occasion && refusal.says(sentence.says)
}

fn meaning(sentence: Sentence) -> Classification {
    let mut meaning = Classification::new(sentence.cause.into());
    if let Some(seconds) = sentence.wait {
        meaning = meaning.retry_after(Duration::from_secs(seconds));
    }
    if sentence.remedy.is_empty() { meaning } else { meaning.remedy(sentence.remedy) }
}

#[cfg(test)]
mod tests;
