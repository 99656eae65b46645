//! `server-profile`: what a component knows of a server, and what it makes of a refusal.
//!
//! What comes back can only make the host more careful: there is no value for "it worked", waits are
//! cut, numbers of no use are refused.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mailhaul_engine::assessment::Budget;
use mailhaul_engine::plugin::{
    Classification, Meaning, Occasion, PluginError, PluginId, Refusal, ReplyKind, ServerDescription,
    ServerProfile, ServerProfiler,
};
use mailhaul_engine::summary::Side;

use crate::bindings::imports::mailhaul::plugin::types;
use crate::bindings::profiling::ProfilingPre;
use crate::bindings::profiling::exports::mailhaul::plugin::server_profile as wit;
use crate::call::Caller;
use crate::inputs::Inputs;
use crate::kinds::convert;
use crate::limits::{CODE, MESSAGE, PROFILE_ENTRIES, RETRY_AFTER};
use crate::manifest::{PROVIDER_FORM, is_provider};
use crate::state::CallState;
use crate::text;

const IDENTIFY: &str = "identify";
const CLASSIFY: &str = "classify";

/// A component used as a server profile.
pub(crate) struct WasmProfiler {
    pub(crate) caller: Caller,
    pub(crate) prepared: ProfilingPre<CallState>,
    /// The manifest's `providers`; when it lists any, an answer names one of them.
    pub(crate) providers: Vec<String>,
}

#[async_trait]
impl ServerProfiler for WasmProfiler {
    fn plugin(&self) -> &PluginId {
        &self.caller.plugin
    }

    async fn identify(
        &self,
        side: Side,
        server: &ServerDescription,
        provider: Option<&str>,
    ) -> Result<Option<ServerProfile>, PluginError> {
        let request = wit::ProfileRequest {
            side: wire_side(side),
            server: convert::server(server),
            provider: provider.map(str::to_owned),
            extras: Vec::new(),
        };
        let prepared = self.prepared.clone();
        let asked = self.caller.ask(IDENTIFY, Arc::new(Inputs::new()), move |store| {
            Box::pin(async move {
                let instance = prepared.instantiate_async(&mut *store).await?;
                instance.mailhaul_plugin_server_profile().call_identify(&mut *store, &request).await
            })
        });
        let (answer, _store) = asked.await?;
        answer.map(|profile| self.profile(profile)).transpose().map_err(|why| self.caller.bad(IDENTIFY, why))
    }

    async fn classify(&self, refusal: &Refusal) -> Result<Option<Classification>, PluginError> {
        let refusal = wire(refusal);
        let prepared = self.prepared.clone();
        let asked = self.caller.ask(CLASSIFY, Arc::new(Inputs::new()), move |store| {
            Box::pin(async move {
                let instance = prepared.instantiate_async(&mut *store).await?;
                instance.mailhaul_plugin_server_profile().call_classify(&mut *store, &refusal).await
            })
        });
        let (answer, _store) = asked.await?;
        answer.map(classification).transpose().map_err(|why| self.caller.bad(CLASSIFY, why))
    }
}

impl WasmProfiler {
    /// Converts an answer to the engine's type, or says how it breaks the contract.
    fn profile(&self, profile: wit::Profile) -> Result<ServerProfile, String> {
        if !is_provider(&profile.provider) {
            return Err(format!("`provider` {PROVIDER_FORM}"));
        }
        if !self.providers.is_empty() && !self.providers.contains(&profile.provider) {
            return Err(format!("its manifest lists no provider `{}`", profile.provider));
        }
        text::checked("the provider's name", &profile.name, CODE)?;
        let some = |what: &str, number: Option<u64>| match number {
            Some(0) => Err(format!("`{what}` is 0, which would stop everything")),
            _ => Ok(()),
        };
        some("max-connections", profile.max_connections.map(u64::from))?;
        some("max-connections-per-mailbox", profile.max_connections_per_mailbox.map(u64::from))?;
        some("max-append-bytes", profile.max_append_bytes)?;
        let lists = [profile.avoid.len(), profile.switches.len(), profile.notes.len()];
        if lists.into_iter().any(|length| length > PROFILE_ENTRIES) {
            return Err(format!("more than {PROFILE_ENTRIES} capabilities, switches or notes"));
        }
        let mut known = ServerProfile {
            provider: profile.provider,
            name: profile.name,
            why: text::shown(&profile.why, MESSAGE),
            max_connections: profile.max_connections,
            max_connections_per_mailbox: profile.max_connections_per_mailbox,
            max_append_bytes: profile.max_append_bytes,
            budget: budget(&profile.extras)?,
            notes: profile.notes.iter().map(|note| text::shown(note, MESSAGE)).collect(),
            ..ServerProfile::default()
        };
        for capability in profile.avoid {
            text::checked_name("a capability", &capability, CODE)?;
            known.avoid.push(capability.to_ascii_uppercase());
        }
        for (name, value) in &profile.switches {
            match (name.as_str(), value.as_str()) {
                ("pipeline", "off") => known.one_at_a_time = true,
                ("folder-names", "fold-case") => known.folds_case = Some(true),
                ("folder-names", "exact") => known.folds_case = Some(false),
                _ => {
                    let (name, value) = (text::shown(name, CODE), text::shown(value, CODE));
                    let plugin = &self.caller.plugin;
                    tracing::info!(%plugin, "the switch `{name}` = `{value}` is not known to this mailhaul");
                }
            }
        }
        Ok(known)
    }
}

/// Reads what a mailbox gives and takes in a time: the extras `gives-a-day` and `takes-a-day`, in bytes, and
/// `takes-messages-an-hour`. Others are not known to this mailhaul, and ignored.
fn budget(extras: &[(String, String)]) -> Result<Budget, String> {
    let number = |name: &str| {
        let Some((_, value)) = extras.iter().find(|(known, _)| known == name) else { return Ok(None) };
        match value.parse::<u64>() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => Err(format!("`{name}` = `{}` is no number above 0", text::shown(value, CODE))),
        }
    };
    Ok(Budget {
        gives_a_day: number("gives-a-day")?,
        takes_a_day: number("takes-a-day")?,
        takes_messages_an_hour: number("takes-messages-an-hour")?,
    })
}

fn wire_side(side: Side) -> types::Side {
    match side {
        Side::Target => types::Side::Target,
        _ => types::Side::Source,
    }
}

fn wire(refusal: &Refusal) -> wit::Refusal {
    wit::Refusal {
        side: wire_side(refusal.side),
        server: convert::server(&refusal.server),
        provider: refusal.provider.clone(),
        occasion: match &refusal.occasion {
            Occasion::LogIn => wit::Occasion::LogIn,
            Occasion::Append => wit::Occasion::Append,
            Occasion::Other(command) => wit::Occasion::Other(command.clone()),
        },
        kind: match refusal.kind {
            ReplyKind::No => wit::ReplyKind::No,
            ReplyKind::Bad => wit::ReplyKind::Bad,
            ReplyKind::Bye => wit::ReplyKind::Bye,
        },
        code: refusal.code.clone(),
        text: refusal.text.chars().take(MESSAGE).collect(),
        extras: Vec::new(),
    }
}

fn classification(meaning: wit::Classification) -> Result<Classification, String> {
    let means = match meaning.cause {
        wit::Cause::AuthRefused => Meaning::AuthRefused,
        wit::Cause::MailboxMissing => Meaning::MailboxMissing,
        wit::Cause::AuthOrMissing => Meaning::AuthOrMissing,
        wit::Cause::ImapDisabled => Meaning::ImapDisabled,
        wit::Cause::NeedsOauth => Meaning::NeedsOauth,
        wit::Cause::TooManyConnections => Meaning::TooManyConnections,
        wit::Cause::Quota => Meaning::Quota,
        wit::Cause::Throttled => Meaning::Throttled,
        wit::Cause::MessageRefused => Meaning::MessageRefused,
        wit::Cause::ServerFault => Meaning::ServerFault,
        wit::Cause::Other(what) => {
            return Err(format!("the cause `{}` is not known", text::shown(&what, CODE)));
        }
    };
    let retry_after = meaning.retry_after_ms.map(|ms| Duration::from_millis(ms.into()).min(RETRY_AFTER));
    Ok(Classification {
        meaning: means,
        retry_after,
        remedy: meaning.remedy.map(|words| text::shown(&words, MESSAGE)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(cause: wit::Cause, retry_after_ms: Option<u32>) -> wit::Classification {
        wit::Classification { cause, retry_after_ms, remedy: Some("a\nb".into()), extras: Vec::new() }
    }

    #[test]
    fn a_wait_is_bounded_and_words_are_escaped() {
        let bounded = classification(meaning(wit::Cause::Throttled, Some(u32::MAX))).unwrap();
        assert_eq!((bounded.meaning, bounded.retry_after), (Meaning::Throttled, Some(RETRY_AFTER)));
        assert_eq!(bounded.remedy.as_deref(), Some("a\\nb"));
    }

    #[test]
    fn success_is_no_cause() {
        let refused = classification(meaning(wit::Cause::Other("ok".into()), None)).unwrap_err();
        assert_eq!(refused, "the cause `ok` is not known");
    }

    #[test]
    fn a_budget_is_a_number_above_0_and_what_is_not_known_is_ignored() {
        let of = |name: &str, value: &str| budget(&[(name.to_owned(), value.to_owned())]);
        assert_eq!(of("gives-a-day", "2500").unwrap().gives_a_day, Some(2_500));
        assert_eq!(of("takes-messages-an-hour", "1").unwrap().takes_messages_an_hour, Some(1));
        assert_eq!(of("colour", "blue").unwrap(), Budget::default());
        for bad in ["0", "-1", "", "2.5", "2500 MB", "99999999999999999999", "\u{1b}[31m"] {
            let why = of("takes-a-day", bad).unwrap_err();
            assert!(why.contains("takes-a-day") && !why.contains('\u{1b}'), "{why}");
        }
    }
}
