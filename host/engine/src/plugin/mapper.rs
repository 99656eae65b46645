//! Where folders go: the trait of folder mappers.

use super::error::{PluginError, PluginId};
use super::server::{FolderInfo, ServerDescription};
use async_trait::async_trait;
use mailhaul_imap::{FolderPath, SpecialUse};

/// What a mapper is asked.
#[derive(Debug, Clone)]
pub struct MappingRequest {
    /// The old host.
    pub source: ServerDescription,
    /// The new host.
    pub target: ServerDescription,
    /// Folders of the source, in LIST order.
    pub source_folders: Vec<FolderInfo>,
    /// Folders the target has already.
    pub target_folders: Vec<FolderInfo>,
    /// Rulings of the steps before this one; a mapper may rule only on the rest.
    pub settled: Vec<Ruling>,
}

/// Where one source folder goes, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Index into [`MappingRequest::source_folders`].
    pub folder: usize,
    /// The decision.
    pub decision: Decision,
    /// One line for `plan --explain`.
    pub why: String,
}

/// A mapper's decision about one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Copy into this target folder.
    MapTo {
        /// Unicode levels without prefix.
        path: FolderPath,
        /// Role to create it with where the server supports that.
        role: Option<SpecialUse>,
        /// Subscribe to it; `None` follows the source's subscription.
        subscribe: Option<bool>,
    },
    /// Permit it out, with the reason shown to the user.
    Skip(String),
}

/// A mapper's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// Rulings on folders that were not settled before.
    pub rulings: Vec<Ruling>,
    /// Remarks for the plan, e.g. why two claimants of one role were both left alone.
    pub notes: Vec<MappingNote>,
}

/// A remark of a mapper that is not a ruling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingNote {
    /// The folder it is about.
    pub folder: Option<usize>,
    /// One sentence.
    pub message: String,
}

/// Decides where folders go. Pure: the same request gives the same answer.
#[async_trait]
pub trait FolderMapper: Send + Sync {
    /// Who this is.
    fn plugin(&self) -> &PluginId;
    /// Called once per mailbox and plan. Folders it does not rule on are left to the next step.
    ///
    /// # Errors
    /// A [`PluginError`] stops that mailbox before anything is written.
    async fn map_folders(&self, request: &MappingRequest) -> Result<Mapping, PluginError>;
}
