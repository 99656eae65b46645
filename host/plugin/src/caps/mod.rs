//! What a guest may call: one file for each import, with its policy, its implementation and a test of what it
//! refuses.

pub(crate) mod cancel;
pub(crate) mod evidence;
pub(crate) mod host;
pub(crate) mod http;
pub(crate) mod inputs;
pub(crate) mod log;
pub(crate) mod secrets;
pub(crate) mod settings;

use crate::bindings::imports::mailhaul::plugin::{accounts, types};
use crate::state::CallState;

// Types without functions.
impl types::Host for CallState {}
impl accounts::Host for CallState {}

/// An interface that a component can import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Import {
    /// Its name in `mailhaul:plugin`.
    pub(crate) name: &'static str,
    /// What it lets a plugin do, for the operator. `None` for interfaces of types.
    pub(crate) meaning: Option<&'static str>,
}

/// Every interface there is, in the order in which an inspection shows them.
pub(crate) const IMPORTS: &[Import] = &[
    Import { name: "types", meaning: None },
    Import { name: "accounts", meaning: None },
    Import { name: "log", meaning: Some("writes lines to mailhaul's log") },
    Import { name: "host", meaning: Some("asks for mailhaul's version and features") },
    Import { name: "settings", meaning: Some("reads its settings") },
    Import { name: "cancel", meaning: Some("asks whether a stop is wanted") },
    Import { name: "secrets", meaning: Some("passes passwords on as handles, without seeing them") },
    Import { name: "http", meaning: Some("sends requests to the origins it was granted") },
    Import { name: "inputs", meaning: Some("reads the files and tables named for it under `inputs`") },
    Import {
        name: "evidence",
        meaning: Some("looks at folders, headers and digests of the mailbox it judges, never at bodies"),
    },
];

#[cfg(test)]
pub(crate) mod testing {
    use std::sync::Arc;
    use std::time::Duration;

    use mailhaul_engine::plugin::PluginId;

    use crate::cancel::Cancel;
    use crate::caps::log::LogSink;
    use crate::clock::Clock;
    use crate::inputs::Inputs;
    use crate::state::{CallParts, CallState};

    /// Makes the store of a call that has these inputs and nothing else granted.
    pub(crate) fn store(inputs: Inputs) -> wasmtime::Store<CallState> {
        let mut config = wasmtime::Config::new();
        config.epoch_interruption(true);
        let engine = wasmtime::Engine::new(&config).unwrap();
        let plugin = PluginId { id: "test".into(), version: "0.0.0".into() };
        let parts = CallParts {
            clock: Clock::start(Duration::from_secs(1)),
            log: LogSink::new(&plugin, "test", Arc::default(), false),
            settings: Arc::from("{}"),
            cancel: Cancel::default(),
            inputs: Arc::new(inputs),
            grants: Arc::default(),
            slowness: Duration::ZERO,
        };
        CallState::store(&engine, 1 << 20, parts)
    }
}
