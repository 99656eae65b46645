//! One call of a plugin: a fresh store, both clocks, and a typed end.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use mailhaul_engine::plugin::{PluginError, PluginFailure, PluginId};
use wasmtime::{Engine, Store};

use crate::bindings::imports::mailhaul::plugin::types;
use crate::call_failure;
use crate::cancel::Cancel;
use crate::caps::log::LogSink;
use crate::clock::Clock;
use crate::grants::Grants;
use crate::inputs::Inputs;
use crate::kinds::convert;
use crate::limits::{ASK_AGAIN, ASK_AGAIN_AFTER, Budget};
use crate::meter::Meter;
use crate::redaction::Redaction;
use crate::state::{CallParts, CallState};
use crate::wasmtime_error;

/// Everything calls of one plugin as one kind have in common.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) plugin: PluginId,
    pub(crate) engine: Engine,
    pub(crate) budget: Budget,
    /// A JSON object, as the guest reads it.
    pub(crate) settings: Arc<str>,
    pub(crate) cancel: Cancel,
    /// What calls of this kind were granted.
    pub(crate) grants: Arc<Grants>,
    /// Takes out of what the plugin says the secrets that calls were handed.
    pub(crate) redaction: Arc<Redaction>,
    pub(crate) instrumentation: Instrumentation,
}

/// What an author's test measures and delays; nothing of it in a run.
#[derive(Clone, Default)]
pub(crate) struct Instrumentation {
    /// Where the author reads what the calls used.
    pub(crate) meter: Option<Meter>,
    /// How long every function of the host takes.
    pub(crate) slowness: Duration,
}

/// What is done with a guest on its store, until wasmtime returns the answer.
pub(crate) type CallFuture<'a, T> = Pin<Box<dyn Future<Output = wasmtime::Result<T>> + Send + 'a>>;

impl Caller {
    /// A caller without settings, grants or instrumentation.
    pub(crate) fn new(plugin: PluginId, engine: Engine, budget: Budget) -> Self {
        Self {
            plugin,
            engine,
            budget,
            settings: Arc::from("{}"),
            cancel: Cancel::default(),
            grants: Arc::default(),
            redaction: Arc::default(),
            instrumentation: Instrumentation::default(),
        }
    }

    /// Runs `work` on a fresh store, which is returned with the answer because handles in the answer live in
    /// it. A guest is never called twice: after a trap its instance is dead, and before one its memory is
    /// nobody else's.
    pub(crate) async fn run<T>(
        &self,
        call: &'static str,
        inputs: Arc<Inputs>,
        work: impl for<'a> FnOnce(&'a mut Store<CallState>) -> CallFuture<'a, T> + Send,
    ) -> Result<(T, Store<CallState>), PluginError> {
        let parts = CallParts {
            clock: Clock::start(self.budget.cpu),
            log: LogSink::new(
                &self.plugin,
                call,
                Arc::clone(&self.redaction),
                self.instrumentation.meter.is_some(),
            ),
            settings: Arc::clone(&self.settings),
            cancel: self.cancel.clone(),
            inputs,
            grants: Arc::clone(&self.grants),
            slowness: self.instrumentation.slowness,
        };
        let mut store = CallState::store(&self.engine, self.budget.memory, parts);
        // Dropping the future at the time-out ends this instance and nothing else.
        let ended = tokio::time::timeout(self.budget.wall, work(&mut store)).await;
        store.data_mut().log.finish();
        if let Some(meter) = &self.instrumentation.meter {
            meter.add(store.data_mut().usage());
        }
        match ended {
            Ok(Ok(answer)) => Ok((answer, store)),
            Ok(Err(error)) => {
                wasmtime_error::log(&format!("{} broke in `{call}`", self.plugin), &error);
                Err(self.error(call, call_failure::failure(&error, store.data().log.last_line())))
            }
            Err(_) => Err(self.error(call, PluginFailure::Wall(call_failure::millis(self.budget.wall)))),
        }
    }

    /// As [`run`](Self::run), for functions that can answer with an error of their own.
    pub(crate) async fn ask<T>(
        &self,
        call: &'static str,
        inputs: Arc<Inputs>,
        work: impl for<'a> FnOnce(&'a mut Store<CallState>) -> CallFuture<'a, Result<T, types::PluginError>>
        + Send,
    ) -> Result<(T, Store<CallState>), PluginError> {
        let (answer, store) = self.run(call, inputs, work).await?;
        match answer {
            Ok(answer) => Ok((answer, store)),
            Err(error) => Err(self.error(call, convert::plugin_failure(self.redaction.error(error)))),
        }
    }

    /// As [`ask`](Self::ask), for calls that wait for somebody else's API: while the plugin says
    /// `retry-after` it is asked again, [`ASK_AGAIN`] times in all, after the wait it names or
    /// [`ASK_AGAIN_AFTER`], whichever is shorter. `question` makes what a call is given anew for each.
    pub(crate) async fn ask_again<T, Q: Send>(
        &self,
        call: &'static str,
        question: impl Fn() -> (Arc<Inputs>, Q) + Send + Sync,
        work: impl for<'a> Fn(&'a mut Store<CallState>, Q) -> CallFuture<'a, Result<T, types::PluginError>>
        + Send
        + Sync,
    ) -> Result<(T, Store<CallState>), PluginError> {
        let mut asked = 1;
        loop {
            let (inputs, question) = question();
            let ended = self.ask(call, inputs, |store| work(store, question)).await;
            match ended {
                Err(PluginError { failure: PluginFailure::RetryAfter(time, why), .. })
                    if asked < ASK_AGAIN && !self.cancel.requested() =>
                {
                    let wait = Duration::from_millis(time.into()).min(ASK_AGAIN_AFTER);
                    tracing::info!(plugin = %self.plugin, call, ?wait, "asked to wait: {why}");
                    tokio::time::sleep(wait).await;
                    asked += 1;
                }
                ended => return ended,
            }
        }
    }

    pub(crate) fn error(&self, call: &'static str, failure: PluginFailure) -> PluginError {
        PluginError { plugin: self.plugin.clone(), call: call.to_owned(), failure }
    }

    /// The error for an answer that breaks the contract.
    pub(crate) fn bad(&self, call: &'static str, why: String) -> PluginError {
        self.error(call, PluginFailure::BadReply(self.redaction.scrub(&why)))
    }
}
