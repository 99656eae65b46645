//! Asking a plugin what a fixture says, without servers.
//!
//! A [`Fixture`] is a request with the answer it must get. [`Trial`] asks it of a plugin through the same
//! adapters a migration uses, so that an answer that breaks the contract fails here as it would there.

mod advice;
mod difference;
mod fixture;
pub mod record;
mod recorder;
mod redact;
mod servers;
mod shapes;
mod view;

use std::sync::Arc;
use std::time::{Duration, Instant};

use mailhaul_engine::plugin::PluginError;
use mailhaul_plugin_host::{Kind, LoadError, Meter, Plugin, Usage};
use serde_json::Value;

pub use advice::told;
pub use fixture::{Fixture, FixtureError, fixtures};
pub use recorder::{MappingRecorder, ValidationRecorder};
pub use redact::Redactor;

use view::FixtureView;

/// How long a slow host takes for every call (`--slow-host`).
const SLOW: Duration = Duration::from_millis(250);

/// A plugin that is asked without servers, and whose calls are metered.
#[derive(Debug)]
pub struct Trial {
    plugin: Plugin,
    meter: Meter,
    faults: Faults,
}

/// Faults that are put in on purpose, to see how the plugin bears them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// No origin is granted (`--deny http`).
    pub deny_http: bool,
    /// Every function of the host takes a quarter of a second (`--slow-host`).
    pub slow: bool,
}

/// How one call ended, and what it cost.
#[derive(Debug)]
pub struct Asked {
    /// The answer as JSON, or why there is none.
    pub answer: Result<Value, PluginError>,
    /// CPU time, memory, calls of the host and log lines, of this call alone.
    pub usage: Usage,
    /// Time on the clock, from the call to its answer.
    pub took: Duration,
}

/// Why a trial has no answer to show.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The fixture cannot be asked.
    #[error(transparent)]
    Fixture(#[from] FixtureError),
    /// The plugin cannot be used with these settings, or for this kind.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The plugin answered with an error, or broke.
    #[error("{}", advice::told(.0))]
    NoAnswer(PluginError),
}

/// How a fixture fared.
#[derive(Debug)]
pub struct CaseEnd {
    /// A sentence for each thing that is wrong; empty when the answer is the expected one.
    pub problems: Vec<String>,
    /// What the first call used; nothing when there was no call.
    pub usage: Usage,
    /// Time on the clock the first call took.
    pub took: Duration,
}

impl Trial {
    /// Puts a plugin under trial, with a meter of its own.
    #[must_use]
    pub fn new(plugin: Plugin, faults: Faults) -> Self {
        let meter = Meter::default();
        Self { plugin: plugin.metered(&meter), meter, faults }
    }

    /// The kind a fixture is for: the one it names, or the plugin's only one.
    ///
    /// # Errors
    /// When it names none and the plugin has several.
    pub fn kind(&self, fixture: &Fixture) -> Result<Kind, FixtureError> {
        match (fixture.kind, self.plugin.kinds()) {
            (Some(kind), _) | (None, &[kind]) => Ok(kind),
            (None, kinds) => {
                Err(FixtureError::Kind(kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")))
            }
        }
    }

    /// Asks once, of a fresh instance.
    ///
    /// # Errors
    /// When the fixture or its settings cannot be used.
    pub async fn ask(&self, kind: Kind, fixture: &Fixture) -> Result<Asked, TrialError> {
        // What loading used is not the call's.
        drop(self.meter.take());
        let slowness = if self.faults.slow { SLOW } else { Duration::ZERO };
        let plugin = self.plugin.clone().slowed(slowness);
        let plugin = plugin.under_trial(&fixture.settings, !self.faults.deny_http, fixture.replies())?;
        let begun = Instant::now();
        let answer = match kind {
            Kind::FolderMapper => {
                let request = fixture.request::<shapes::MappingRequest>()?.into();
                let mapper = plugin.mapper(&fixture.settings)?;
                let answer = mapper.map_folders(&request).await;
                answer.map(|mapping| json(&shapes::Mapping::from(&mapping)))
            }
            Kind::MailboxSource => {
                let request = fixture.request::<shapes::PageRequest>()?;
                let (inputs, labels) = fixture.inputs()?;
                let source = plugin.source(&fixture.settings, inputs)?;
                let answer = source.list_mailboxes(request.token.as_deref(), request.max).await;
                answer.map(|page| json(&shapes::Page::of(&page, &|secret| labels.of(secret))))
            }
            Kind::Validator => {
                let request = fixture.request::<shapes::ValidationRequest>()?;
                let view = |folders| Arc::new(FixtureView::new(folders));
                let (source, target) = (view(request.source.clone()), view(request.target.clone()));
                let validator = plugin.validator(&fixture.settings)?;
                let answer = validator.validate(&(&request).into(), source, target).await;
                answer.map(|report| json(&shapes::Report::from(&report)))
            }
            Kind::ServerProfile => {
                let request = fixture.request::<servers::ProfileRequest>()?;
                let profiler = plugin.profiler(&fixture.settings)?;
                request.ask(profiler.as_ref()).await
            }
            Kind::MailboxProvisioner => {
                let request = fixture.request::<servers::ProvisioningRequest>()?;
                let provisioner = plugin.provisioner(&fixture.settings)?;
                request.ask(provisioner.as_ref()).await
            }
        };
        Ok(Asked { answer, usage: self.meter.take(), took: begun.elapsed() })
    }

    /// Asks and compares. A pure kind is asked twice, and must say the same.
    pub async fn run(&self, fixture: &Fixture) -> CaseEnd {
        let failed = |problem: String| CaseEnd {
            problems: vec![problem],
            usage: Usage::default(),
            took: Duration::ZERO,
        };
        let kind = match self.kind(fixture) {
            Ok(kind) => kind,
            Err(error) => return failed(error.to_string()),
        };
        let first = match self.ask(kind, fixture).await {
            Ok(asked) => asked,
            Err(error) => return failed(error.to_string()),
        };
        let mut problems = judge(kind, fixture, &first.answer);
        if is_pure(kind)
            && let Ok(answer) = &first.answer
        {
            match self.ask(kind, fixture).await.map(|asked| asked.answer) {
                Ok(Ok(again)) if again == *answer => {}
                Ok(Ok(again)) => {
                    let differences = difference::between(answer, &again);
                    problems.push(format!("asked again, it says something else: {}", differences.join("; ")));
                }
                Ok(Err(error)) => problems.push(format!("asked again, {}", advice::told(&error))),
                Err(error) => problems.push(format!("asked again: {error}")),
            }
        }
        CaseEnd { problems, usage: first.usage, took: first.took }
    }
}

/// Kinds whose answers may depend on nothing but the request.
fn is_pure(kind: Kind) -> bool {
    matches!(kind, Kind::FolderMapper | Kind::ServerProfile)
}

fn judge(kind: Kind, fixture: &Fixture, answer: &Result<Value, PluginError>) -> Vec<String> {
    match (answer, &fixture.answer, &fixture.error) {
        (Ok(answer), Some(expected), None) => match expected_of(kind, expected) {
            Ok(expected) => difference::between(&expected, answer),
            Err(error) => vec![format!("its `answer` cannot be one: {error}")],
        },
        (Err(error), None, Some(expected)) => {
            let said = error.failure.to_string();
            if said.contains(expected.as_str()) {
                Vec::new()
            } else {
                vec![format!("it failed with `{said}`, and `{expected}` was expected")]
            }
        }
        (Err(error), Some(_), None) => vec![advice::told(error)],
        (Ok(_), None, Some(expected)) => {
            vec![format!("it answered, and an error with `{expected}` was expected")]
        }
        (_, None, None) | (_, Some(_), Some(_)) => {
            vec!["it must have either `answer` or `error`: what is expected".to_owned()]
        }
    }
}

/// The expected answer with its defaults filled in and its names checked.
fn expected_of(kind: Kind, expected: &Value) -> Result<Value, serde_json::Error> {
    fn again<T: serde::Serialize + serde::de::DeserializeOwned>(
        value: &Value,
    ) -> Result<Value, serde_json::Error> {
        T::deserialize(value).map(|value| json(&value))
    }
    match kind {
        Kind::FolderMapper => again::<shapes::Mapping>(expected),
        Kind::MailboxSource => again::<shapes::Page>(expected),
        Kind::Validator => again::<shapes::Report>(expected),
        Kind::ServerProfile | Kind::MailboxProvisioner => Ok(expected.clone()),
    }
}

/// These shapes have text for keys: writing them cannot fail.
fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
