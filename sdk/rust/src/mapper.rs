//! The kind `folder-mapper`.

use crate::{Extras, Folder, FolderPath, PluginError, Server, SpecialUse};

/// Decides where folders go. Pure: the same request gets the same answer.
pub trait FolderMapper {
    /// Called once for every mailbox and plan. Folders it does not rule on are left to the next mapper;
    /// in the end they keep their name.
    ///
    /// # Errors
    /// An error stops this mailbox before anything is written.
    fn map_folders(request: &MappingRequest) -> Result<Mapping, PluginError>;
}

/// The question of [`FolderMapper::map_folders`]: both sides' folders, and what is decided already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingRequest {
    /// The server the folders are read from.
    pub source: Server,
    /// The server they are copied to.
    pub target: Server,
    /// Folders of the source, in LIST order, those that hold no messages included.
    pub source_folders: Vec<Folder>,
    /// Folders the target has already.
    pub target_folders: Vec<Folder>,
    /// What the operator's rules and earlier mappers decided.
    pub settled: Vec<Ruling>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

impl MappingRequest {
    /// A request between two servers nothing is known about: the start for tests.
    #[must_use]
    pub fn new(source_folders: Vec<Folder>, target_folders: Vec<Folder>) -> Self {
        Self {
            source: Server::new("source.example"),
            target: Server::new("target.example"),
            source_folders,
            target_folders,
            settled: Vec::new(),
            extras: Extras::new(),
        }
    }

    /// The ruling earlier steps made on this folder.
    #[must_use]
    pub fn settled_ruling(&self, folder: usize) -> Option<&Ruling> {
        self.settled.iter().find(|ruling| ruling.folder == folder)
    }

    /// The source folders nobody has ruled on, with their index.
    pub fn open(&self) -> impl Iterator<Item = (usize, &Folder)> {
        self.source_folders.iter().enumerate().filter(|(index, _)| self.settled_ruling(*index).is_none())
    }
}

/// A folder of the target, which is created when it is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetFolder {
    /// Its levels, the outermost first.
    pub path: FolderPath,
    /// Create it with this role where the server supports that.
    pub role: Option<SpecialUse>,
    /// Subscribe to it; `None` follows the source folder.
    pub subscribe: Option<bool>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

impl TargetFolder {
    /// A folder without a role, subscribed to as the source folder is.
    #[must_use]
    pub fn new(path: impl Into<FolderPath>) -> Self {
        Self { path: path.into(), role: None, subscribe: None, extras: Extras::new() }
    }
}

/// What becomes of one source folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Copy into this folder.
    MapTo(TargetFolder),
    /// Leave it out, with the reason the user is shown; its messages count as skipped.
    Skip(String),
    /// Something this version has no word for; only ever seen among the settled.
    Other(String),
}

/// Where one source folder goes, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Index into [`MappingRequest::source_folders`].
    pub folder: usize,
    /// What becomes of the folder.
    pub decision: Decision,
    /// One line for `mailhaul plan --explain`.
    pub why: String,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

/// A remark for the plan that is no ruling, e.g. why a folder was left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Index of the source folder it is about; `None` for the mapping as a whole.
    pub folder: Option<usize>,
    /// One sentence for the operator.
    pub message: String,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

/// The answer of [`FolderMapper::map_folders`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// At most one for each folder, none for a settled one.
    pub rulings: Vec<Ruling>,
    /// Remarks the plan shows beside the rulings.
    pub notes: Vec<Note>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

impl Mapping {
    /// Rules that a folder goes to this path.
    pub fn map_to(&mut self, folder: usize, path: impl Into<FolderPath>, why: impl Into<String>) {
        self.rule(folder, Decision::MapTo(TargetFolder::new(path)), why);
    }

    /// Rules that a folder is left out.
    pub fn skip(&mut self, folder: usize, reason: impl Into<String>) {
        let reason = reason.into();
        self.rule(folder, Decision::Skip(reason.clone()), reason);
    }

    /// Adds a ruling on a folder; [`map_to`](Self::map_to) and [`skip`](Self::skip) are shorter.
    pub fn rule(&mut self, folder: usize, decision: Decision, why: impl Into<String>) {
        self.rulings.push(Ruling { folder, decision, why: why.into(), extras: Extras::new() });
    }

    /// Adds a remark about a folder, or about the mapping as a whole.
    pub fn note(&mut self, folder: impl Into<Option<usize>>, message: impl Into<String>) {
        self.notes.push(Note { folder: folder.into(), message: message.into(), extras: Extras::new() });
    }

    /// The path this answer gives a folder.
    #[must_use]
    pub fn path_of(&self, folder: usize) -> Option<&FolderPath> {
        self.rulings.iter().find(|ruling| ruling.folder == folder).and_then(|ruling| match &ruling.decision {
            Decision::MapTo(target) => Some(&target.path),
            Decision::Skip(_) | Decision::Other(_) => None,
        })
    }
}
