//! One call of a plugin: a fresh store, both clocks, and a typed end.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use mailhaul_engine::plugin::{PluginError, PluginFailure, PluginId};
use wasmtime::{Engine, Store};

use crate::bindings::imports::mailhaul::plugin::types;
use crate::breach;
use crate::cancel::Cancel;
use crate::caps::log::LogSink;
use crate::clock::Clock;
use crate::convert;
use crate::grants::Grants;
use crate::inputs::Inputs;
use crate::limits::{ASK_AGAIN, ASK_AGAIN_AFTER};
use crate::meter::Meter;
use crate::misfit;
use crate::state::{Parts, State};

/// Everything calls of one plugin in one role have in common.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) plugin: PluginId,
    pub(crate) engine: Engine,
    pub(crate) settings: Arc<str>,
    pub(crate) cancel: Cancel,
    /// What calls of this kind were granted.
    pub(crate) grants: Arc<Grants>,
    pub(crate) memory: usize,
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    /// Where an author reads what the calls used.
    pub(crate) meter: Option<Meter>,
    /// How long every function of the host takes, for an author's test.
    pub(crate) slowness: Duration,
}

/// Guest work on a store.
pub(crate) type Work<'a, T> = Pin<Box<dyn Future<Output = wasmtime::Result<T>> + Send + 'a>>;

impl Caller {
    /// Runs `work` on a fresh store, which is returned with the answer because handles in the answer
    /// live in it. A guest is never called twice: after a trap its instance is dead, and before one its
    /// memory is nobody else's.
    pub(crate) async fn run<T>(
        &self,
        call: &'static str,
        inputs: Arc<Inputs>,
        work: impl for<'a> FnOnce(&'a mut Store<State>) -> Work<'a, T> + Send,
    ) -> Result<(T, Store<State>), PluginError> {
        let parts = Parts {
            clock: Clock::start(self.cpu),
            log: LogSink::new(&self.plugin, call, self.meter.is_some()),
            settings: Arc::clone(&self.settings),
            cancel: self.cancel.clone(),
            inputs,
            grants: Arc::clone(&self.grants),
            slowness: self.slowness,
        };
        let mut store = State::store(&self.engine, self.memory, parts);
        // Dropping the future at the time-out ends this instance and nothing else.
        let ended = tokio::time::timeout(self.wall, work(&mut store)).await;
        store.data_mut().log.finish();
        if let Some(meter) = &self.meter {
            meter.add(store.data_mut().usage());
        }
        match ended {
            Ok(Ok(answer)) => Ok((answer, store)),
            Ok(Err(error)) => {
                misfit::log(&format!("{} broke in `{call}`", self.plugin), &error);
                Err(self.error(call, breach::failure(&error, store.data().log.last_line())))
            }
            Err(_) => Err(self.error(call, PluginFailure::Wall(breach::millis(self.wall)))),
        }
    }

    /// As [`run`](Self::run), for functions that can answer with an error of their own.
    pub(crate) async fn ask<T>(
        &self,
        call: &'static str,
        inputs: Arc<Inputs>,
        work: impl for<'a> FnOnce(&'a mut Store<State>) -> Work<'a, Result<T, types::PluginError>> + Send,
    ) -> Result<(T, Store<State>), PluginError> {
        let (answer, store) = self.run(call, inputs, work).await?;
        match answer {
            Ok(answer) => Ok((answer, store)),
            Err(said) => Err(self.error(call, convert::said(said))),
        }
    }

    /// As [`ask`](Self::ask), for calls that wait for somebody else's API: while the plugin says
    /// `retry-after` it is asked again, a few times and not at once. `given` makes what a call is given
    /// anew for each.
    pub(crate) async fn ask_again<T, Q: Send>(
        &self,
        call: &'static str,
        given: impl Fn() -> (Arc<Inputs>, Q) + Send + Sync,
        work: impl for<'a> Fn(&'a mut Store<State>, Q) -> Work<'a, Result<T, types::PluginError>> + Send + Sync,
    ) -> Result<(T, Store<State>), PluginError> {
        let mut asked = 1;
        loop {
            let (inputs, question) = given();
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

    /// An answer that breaks the contract.
    pub(crate) fn bad(&self, call: &'static str, why: String) -> PluginError {
        self.error(call, PluginFailure::BadReply(why))
    }
}
