//! Runs plugins: WebAssembly components without WASI, met through the engine's traits.
//!
//! The only crate that names wasmtime. A [`PluginHost`] opens a [`Plugin`], which becomes a
//! [`FolderMapper`](mailhaul_engine::plugin::FolderMapper), a
//! [`MailboxSource`](mailhaul_engine::plugin::MailboxSource), a
//! [`MailboxProvisioner`](mailhaul_engine::plugin::MailboxProvisioner), a
//! [`ServerProfiler`](mailhaul_engine::plugin::ServerProfiler) or a
//! [`Validator`](mailhaul_engine::plugin::Validator).
//!
//! - [`Limits`]: memory, CPU and wall time of one call
//! - [`Inputs`]: what the operator grants a source to read
//! - [`Inspection`], [`Listed`]: what a plugin is and asks for
//! - [`LoadError`]: why one cannot be used
//!
//! A plugin's bytes and answers are hostile input: what a file is, is read before it is compiled
//! (`component`); every call gets a new instance (`call`, `state`) with two clocks (`clock`); an import
//! is one file of `caps` with its policy; every answer is checked in `kinds` before the engine sees it.

mod address;
mod bindings;
mod breach;
mod cache;
mod call;
mod cancel;
mod caps;
mod clock;
mod compile;
mod component;
mod convert;
mod engine;
mod error;
mod exchanges;
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
mod misfit;
mod plugin;
mod settings;
mod state;
mod text;

pub use cancel::Cancel;
pub use compile::{Compiler, compile_in_child};
pub use error::{LoadError, LoadReason, Nearest};
pub use exchanges::Exchanges;
pub use grants::{Grants, Origin, Recipient, Replies, Reply, SecretGrant};
pub use host::{PluginHost, Shipped};
pub use inputs::{Cell, Column, Inputs, TableInput, TableRow};
pub use inspect::{ImportUse, Inspection, Listed};
pub use kind::Kind;
pub use limits::Limits;
pub use lock::{Granted, LOCK_FILE, Lock, LockError, Locked};
pub use manifest::{
    API, Change, NeededGrant, NeededHost, NeededHttp, NeededInput, NeededSecret, Setting, SettingType,
};
pub use meter::{Meter, Usage};
pub use plugin::Plugin;
