//! Write plugins for mailhaul in Rust.
//!
//! # Start
//!
//! `mailhaul plugin new folder-mapper acme` writes a folder with a working plugin, this crate and its
//! dependencies under `vendor/`, and fixtures. Then:
//!
//! 1. Implement the trait of a kind for a type of your own: [`FolderMapper`], [`MailboxSource`],
//!    [`Validator`], [`ServerProfile`] or [`MailboxProvisioner`].
//! 2. Name the type in [`export!`], once in the crate.
//! 3. Say in `plugin.toml` who the plugin is, its `kinds`, its settings, and what it needs to be granted.
//! 4. Test its functions natively with `cargo test`; [`testing`] stands in for the host.
//! 5. `mailhaul plugin build` compiles it and writes one component, `acme.wasm`, with the manifest in it.
//! 6. `mailhaul plugin test` asks the component what the fixtures say, and compares.
//! 7. `mailhaul plugin add ./acme.wasm` shows the operator what it asks for and writes the grant to
//!    `plugins.lock`.
//! 8. Named in `mailhaul.toml`, it is called by the commands that need its kind. Each call gets a new
//!    instance, so nothing is remembered between two calls.
//!
//! # Example
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
//!                 let why = "customers' folders are named in English";
//!                 answer.map_to(index, rest.under(["Customers"]), why);
//!             }
//!         }
//!         Ok(answer)
//!     }
//! }
//!
//! mailhaul_plugin::export!(mapper: Acme);
//! ```
//!
//! # What a plugin can do
//!
//! The crate is a `cdylib`, built for `wasm32-unknown-unknown` and turned into a component together with its
//! `plugin.toml`. There is no WASI: no files, no clock, no environment. A source and a provisioner have
//! [`http`] and [`secrets`], a source has its [`Inputs`], a validator two [`MailboxView`]s, and each has
//! [`settings()`] and [`log`]. `wit/host.wit` has the bounds of all of them; the comments of `wit/kinds.wit`
//! say when each function is called and what each error does. The author's guide is `sdk/README.md`.

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
pub use provisioner::{
    CharacterClass, Creation, ExistingMailbox, ListPage, ListRequest, MailboxProvisioner, NewMailbox,
    PasswordPolicy,
};
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

/// True once the operator asked to stop. Long loops should look here and return what they have, since
/// mailhaul drops the call when it has waited long enough. Always false in tests.
#[must_use]
pub fn cancelled() -> bool {
    wire::cancelled()
}

/// Facts this version has no field for, as (name, value) pairs. mailhaul and plugins ignore names they do not
/// know, so a new fact breaks nobody.
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
