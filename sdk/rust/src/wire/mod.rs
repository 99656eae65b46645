//! Between this crate's types and the generated ones, and every call to the host.
//!
//! Natively there is no host: what can be answered is answered by [`crate::testing`], the rest cannot
//! be reached, because the objects whose methods they are come from the host only.

mod http;
mod inputs;
mod kinds;
mod types;
mod view;

pub(crate) use inputs::HostInputs;
pub(crate) use types::{Own, Wire};
pub(crate) use view::HostView;

use crate::log::Level;

#[cfg(target_family = "wasm")]
mod host {
    use super::{Level, Own};
    use crate::PluginError;
    use crate::bindings::imports::mailhaul::plugin::{cancel, log, secrets, settings};
    use crate::secrets::Handle;

    pub(crate) use super::http::send as http_send;

    pub(crate) fn secret_open(name: &str) -> Result<Handle, PluginError> {
        secrets::open(name).map(Handle::Host).map_err(Own::own)
    }

    pub(crate) fn cancelled() -> bool {
        cancel::requested()
    }

    pub(crate) fn settings_json() -> String {
        settings::json()
    }

    pub(crate) fn log_enabled(level: Level) -> bool {
        log::enabled(wire(level))
    }

    pub(crate) fn log_write(level: Level, message: &str, fields: &[(String, String)]) {
        log::write(wire(level), message, fields);
    }

    fn wire(level: Level) -> log::Level {
        match level {
            Level::Trace => log::Level::Trace,
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        }
    }
}

#[cfg(not(target_family = "wasm"))]
mod host {
    use super::Level;

    pub(crate) use crate::testing::{http_send, secret_open};

    pub(crate) fn cancelled() -> bool {
        false
    }

    pub(crate) fn settings_json() -> String {
        crate::testing::current_settings()
    }

    pub(crate) fn log_enabled(_: Level) -> bool {
        false
    }

    pub(crate) fn log_write(_: Level, _: &str, _: &[(String, String)]) {}
}

pub(crate) use host::{cancelled, http_send, log_enabled, log_write, secret_open, settings_json};
