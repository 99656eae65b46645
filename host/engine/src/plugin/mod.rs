//! The traits through which the engine meets plugins.
//!
//! Nothing here (and nothing else in this crate) knows how a plugin is run. `mailhaul-plugin-host` implements
//! them, and is the only crate that names wasmtime. The shapes mirror `wit/` one to one, in the engine's own
//! types.

mod error;
mod finding;
mod mapper;
mod profile;
mod provisioner;
pub(crate) mod server;
mod source;
mod validator;

pub use error::{PluginError, PluginFailure, PluginId};
pub use finding::{Depth, Diagnostic, Finding, HookOutcome, Severity, list_order};
pub use mapper::{Decision, FolderMapper, Mapping, MappingNote, MappingRequest, Ruling};
pub use profile::{
    Classification, Meaning, Occasion, Refusal, ReplyKind, ServerProfile, ServerProfiler, SideProfilers,
};
pub use provisioner::{
    CharacterClass, Creation, ExistingMailbox, ExistingPage, MailboxProvisioner, NewMailbox, PasswordPolicy,
};
pub use server::{FolderInfo, ServerDescription};
pub(crate) use server::{describe, info};
pub use source::{AccountEntry, MailboxEntry, MailboxPage, MailboxSource};
pub use validator::{
    FolderPair, MailboxView, MessageStat, Phase, RoundTrip, RoundTripOutcome, ValidationReport,
    ValidationRequest, Validator, ViewError,
};

use std::fmt;
use std::sync::Arc;

/// Every plugin a project uses, in the order of the file.
#[derive(Clone)]
pub struct Plugins {
    /// `[mailboxes] from`: makes the list of mailboxes.
    pub source: Arc<dyn MailboxSource>,
    /// `[plugins] mapping`: asked in this order where each folder goes.
    pub mappers: Vec<Arc<dyn FolderMapper>>,
    /// `[plugins] validation`: asked in this order about each finished mailbox.
    pub validators: Vec<Arc<dyn Validator>>,
    /// Asked what is known about the old host.
    pub source_profiles: SideProfilers,
    /// Asked what is known about the new host.
    pub target_profiles: SideProfilers,
    /// `[plugins] provisioning`: `check` asks it which mailboxes the new host has, where the log-in does not
    /// tell. `None` where the project has none.
    pub provisioner: Option<Arc<dyn MailboxProvisioner>>,
}

impl fmt::Debug for Plugins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugins")
            .field("source", self.source.plugin())
            .field("mappers", &self.mappers.iter().map(|m| m.plugin()).collect::<Vec<_>>())
            .field("validators", &self.validators.iter().map(|v| v.plugin()).collect::<Vec<_>>())
            .field("source_profiles", &self.source_profiles)
            .field("target_profiles", &self.target_profiles)
            .field("provisioner", &self.provisioner.as_ref().map(|p| p.plugin()))
            .finish()
    }
}
