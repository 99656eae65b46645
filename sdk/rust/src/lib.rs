//! Write plugins for mailhaul in Rust.
//!
//! Implement the trait of a kind for a type of your own and name it in [`export!`]:
//!
//! ```
//! use mailhaul_plugin::{FolderMapper, Mapping, MappingRequest, PluginError};
//!
//! struct Acme;
//!
//! impl FolderMapper for Acme {
//!     fn map_folders(request: &MappingRequest) -> Result<Mapping, PluginError> {
//!         let mut answer = Mapping::default();
//!         for (index, folder) in request.open() {
//!             if let Some(rest) = folder.path.strip_prefix(["Kunden"]) {
//!                 answer.map_to(index, rest.under(["Customers"]), "customers' folders are named in English");
//!             }
//!         }
//!         Ok(answer)
//!     }
//! }
//!
//! mailhaul_plugin::export!(mapper: Acme);
//! ```
//!
//! The crate is a `cdylib`, built for `wasm32-unknown-unknown` and turned into a component together with
//! its `plugin.toml`. There is no WASI: no files, no clock, no environment. What a plugin can do
//! is in `wit/host.wit`; its comments, and those of `wit/kinds.wit`, say when each function is called and
//! what each error does. Every call gets a new instance, so nothing is remembered between two calls.
//!
//! Everything here also compiles natively, and [`testing`] stands in for the host, so that a
//! plugin's tests are ordinary `cargo test`.

#[rustfmt::skip]
mod bindings;
mod diagnostic;
mod export;
mod folder;
mod inputs;
mod mapper;
mod profile;
mod provisioner;
mod records;
mod server;
mod settings;
mod source;
mod validator;
mod view;
mod wire;

pub mod http;
pub mod log;
pub mod names;
pub mod secrets;
pub mod testing;

pub use diagnostic::{Diagnostic, PluginError, Severity};
pub use folder::{Folder, FolderPath, SpecialUse};
pub use inputs::{Cell, File, Inputs, Row, Table};
pub use mapper::{Decision, FolderMapper, Mapping, MappingRequest, Note, Ruling, TargetFolder};
pub use profile::{
    Cause, Classification, Occasion, Profile, ProfileRequest, Refusal, ReplyKind, ServerProfile,
};
pub use provisioner::{Creation, ExistingMailbox, ListPage, ListRequest, MailboxProvisioner, NewMailbox};
pub use records::{CellError, CellProblem, Record, Records};
pub use secrets::Secret;
pub use server::{Server, Side, Tls};
pub use settings::settings;
pub use source::{Account, Auth, Mailbox, MailboxSource, Page, PageRequest};
pub use validator::{
    Depth, Finding, FolderPair, Outcome, Phase, Report, RoundTrip, RoundTripOutcome, ValidationRequest,
    Validator,
};
pub use view::{Digest, HeaderBlock, MailboxView, MessageStat, ViewError};

/// True once the operator asked to stop. Long loops should look here and return what they have.
#[must_use]
pub fn cancelled() -> bool {
    wire::cancelled()
}

/// Facts without a field of their own, as (name, value) pairs.
pub type Extras = Vec<(String, String)>;

/// What [`export!`] expands to. Not for direct use.
#[doc(hidden)]
pub mod __export {
    pub use crate::bindings::{mapping, profiling, provisioning, sourcing, validating};
    pub use crate::export::{Mapper, Profiler, Provisioner, Source, Validation};
}

/// The author's guide: its snippets are compiled and run as this crate's own.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod guide {}
