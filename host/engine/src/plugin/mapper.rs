//! Where folders go: the trait of folder mappers.

use super::error::{PluginError, PluginId};
use super::server::{FolderInfo, ServerDescription};
use async_trait::async_trait;
use mailhaul_imap::{FolderPath, SpecialUse};

/// What a mapper is given: both servers, their folders, and what is decided already.
#[derive(Debug, Clone)]
pub struct MappingRequest {
    /// The host the mail comes from.
    pub source: ServerDescription,
    /// The host the mail goes to.
    pub target: ServerDescription,
    /// The source's folders, in LIST order.
    pub source_folders: Vec<FolderInfo>,
    /// The folders that the target has already.
    pub target_folders: Vec<FolderInfo>,
    /// Rulings of the steps before this one; a mapper may rule only on the rest.
    pub settled: Vec<Ruling>,
}

/// A decision about one source folder, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Index into [`MappingRequest::source_folders`].
    pub folder: usize,
    /// Where the folder goes, or that it is left out.
    pub decision: Decision,
    /// The reason as one line, shown by `plan --explain`.
    pub why: String,
}

/// Where one folder goes, or that it is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The folder is copied into this one of the target.
    MapTo {
        /// Unicode levels, without the personal namespace's prefix.
        path: FolderPath,
        /// Role to create it with where the server supports that.
        role: Option<SpecialUse>,
        /// Subscribe to it; `None` follows the source's subscription.
        subscribe: Option<bool>,
    },
    /// The folder is left out, for this reason, which the report shows.
    Skip(String),
}

/// A mapper's answer: rulings on some folders, and remarks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// Rulings on folders that no step before has ruled on; any other ruling is an error.
    pub rulings: Vec<Ruling>,
    /// Remarks for the plan, e.g. why two claimants of one role were both left alone.
    pub notes: Vec<MappingNote>,
}

/// A remark of a mapper for the plan, which decides nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingNote {
    /// Index into [`MappingRequest::source_folders`]; `None` for the mailbox.
    pub folder: Option<usize>,
    /// The remark as one sentence.
    pub message: String,
}

/// Decides where folders go. Pure: the same request gives the same answer.
#[async_trait]
pub trait FolderMapper: Send + Sync {
    /// Returns the plugin's id and version.
    fn plugin(&self) -> &PluginId;
    /// Called once per mailbox and plan. Folders it does not rule on are left to the next step.
    ///
    /// # Errors
    /// A [`PluginError`] stops that mailbox before anything is written.
    async fn map_folders(&self, request: &MappingRequest) -> Result<Mapping, PluginError>;
}
