//! Runs plugins: WebAssembly components without WASI, called through the engine's traits.
//!
//! This is the only crate that names wasmtime. A plugin's bytes and its answers are hostile input.
//!
//! Start at [`PluginHost`]: one for a process, made with [`Limits`] and the plugins that ship. From the name
//! in a project file to an answer:
//!
//! 1. [`PluginHost::open_locked`] takes the name; [`PluginHost::inspect`] only reads what a file is.
//! 2. The outermost level of the file is read before any of it is compiled (`component`, `manifest`). What is
//!    no component, imports what its kinds are not given, or has no usable manifest is a [`LoadError`].
//! 3. A file must be what `plugins.lock` says, byte for byte ([`Lock`]); what ships needs no entry.
//! 4. It is compiled in a child process with limits of its own ([`Compiler`]); native code is kept between
//!    runs and checked before it is loaded (`cache`).
//! 5. The [`Plugin`] gets what the project grants it ([`Plugin::granted`]: origins, secrets, changes; a
//!    source also its [`Inputs`]) and becomes a trait of the engine: [`Plugin::mapper`], [`Plugin::source`],
//!    [`Plugin::validator`], [`Plugin::profiler`] or [`Plugin::provisioner`].
//! 6. Every call has a new instance (`call`, `state`), a CPU budget that does not run while the host works
//!    for it (`clock`), and a wall clock. An import is one file of `caps` with its policy.
//! 7. Every answer is checked in `kinds` before the engine sees it; a call that breaks is a
//!    [`PluginError`](mailhaul_engine::plugin::PluginError).
//!
//! ```
//! use std::path::Path;
//!
//! use mailhaul_plugin_host::{Limits, PluginHost, ShippedPlugin};
//!
//! // What `cargo build --target wasm32-unknown-unknown` makes is a core module, not yet a component.
//! let module = ShippedPlugin { id: "acme", component: b"\0asm\x01\0\0\0" };
//! let host = PluginHost::new(Limits::default(), [module])?;
//! let refusal = host.inspect("acme", Path::new(".")).unwrap_err();
//! assert_eq!(
//!     refusal.to_string(),
//!     "plugin `acme`: this is a core module, not a component: build it with `mailhaul plugin build`"
//! );
//! # Ok::<(), mailhaul_plugin_host::LoadError>(())
//! ```

mod bindings;
mod cache;
mod call;
mod call_failure;
mod cancel;
mod caps;
mod clock;
mod compile;
mod component;
mod engine;
mod error;
mod grants;
mod host;
mod inputs;
mod inspect;
mod kind;
mod kinds;
mod limits;
mod lock;
mod manifest;
mod meter;
mod plugin;
mod recorded_http;
mod redaction;
mod settings;
mod state;
mod text;
mod wasmtime_error;

pub use cancel::Cancel;
pub use compile::{Compiler, compile_in_child};
pub use error::{LoadError, LoadReason, Suggestion};
pub use grants::{Grants, Origin, Recipient, Replies, Reply, SecretGrant};
pub use host::{PluginHost, ShippedPlugin};
pub use inputs::{Cell, Column, Inputs, TableInput, TableRow};
pub use inspect::{ImportUse, Inspection, PluginSummary};
pub use kind::Kind;
pub use limits::{ASK_AGAIN, ASK_AGAIN_AFTER, Limits};
pub use lock::{LOCK_FILE, Lock, LockEntry, LockError, LockGrants, LockNeeds};
pub use manifest::{
    API, Change, NeededGrant, NeededHost, NeededHttp, NeededInput, NeededSecret, Setting, SettingType,
};
pub use meter::{Meter, Usage};
pub use plugin::Plugin;
pub use recorded_http::HttpRecorder;
