//! A source folder and its place on the target.

use mailhaul_imap::{Folder, FolderName, FolderPath, FolderStatus, ServerFacts, SpecialUse};
use unicode_normalization::UnicodeNormalization;

use crate::plan::{Conflict, StoryStep};

/// A source folder and its place on the target, with who decided.
#[derive(Debug, Clone)]
pub(crate) struct MappedFolder {
    pub folder: Folder,
    /// Its place on the target; `None` when it is left out or holds no messages.
    pub target: Option<Target>,
    /// Why it is left out, when it is and could hold messages: (who, reason).
    pub skipped: Option<(String, String)>,
    /// Copies that earlier runs made of it stay on the target, though it is left out.
    pub keeps_copies: bool,
    /// It lies outside the personal namespace, and no rule is about it: it is no part of what is moved.
    pub outside: bool,
    pub by: String,
    /// The `[[folders]]` rule that decided, as plans name it; `None` where none did.
    pub rule: Option<String>,
    pub why: String,
    /// Every step that was asked and what it said.
    pub story: Vec<StoryStep>,
    /// The source folder's figures when the plan was made, where the server gave them.
    pub status: Option<FolderStatus>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Unicode levels, without the personal namespace's prefix.
    pub path: FolderPath,
    /// The name on the wire.
    pub name: FolderName,
    /// The role to create it with, where the target supports SPECIAL-USE (RFC 6154).
    pub role: Option<SpecialUse>,
    pub subscribe: bool,
    /// Whether it exists already, and can hold messages.
    pub exists: bool,
    /// Its figures when the plan was made, where it exists and the server gave them.
    pub status: Option<FolderStatus>,
}

/// Where all folders of a mailbox go, with what speaks against it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mappings {
    pub folders: Vec<MappedFolder>,
    pub notes: Vec<String>,
    /// Reasons not to run the mailbox.
    pub conflicts: Vec<Conflict>,
}

/// Both servers' facts and their folders, which a mapping starts from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FolderLists<'a> {
    pub source: &'a ServerFacts,
    pub source_folders: &'a [Folder],
    pub target: &'a ServerFacts,
    pub target_folders: &'a [Folder],
    /// Whether names that differ in case only are one folder there; `None` when that is not known.
    pub target_folds: Option<bool>,
}

impl FolderLists<'_> {
    /// The same for two paths exactly when they are one folder on the target, as far as that is known.
    pub(crate) fn identity(&self, path: &FolderPath) -> String {
        if self.target_folds == Some(true) { folded(&path.to_string()) } else { path.to_string() }
    }
}

/// The same for two paths when some server may take them for one: without differences of case, of
/// normalisation, and of blanks around a level.
pub(crate) fn collision_key(path: &FolderPath) -> String {
    let levels = path.0.iter().map(|level| level.trim().to_owned());
    folded(&FolderPath(levels.collect()).to_string())
}

/// Returns the path without differences of case and of Unicode normalisation.
pub(crate) fn folded(path: &str) -> String {
    path.nfc().flat_map(char::to_lowercase).collect()
}

/// The folders of one side, each with its STATUS where the server gave it.
pub(crate) type Listing = Vec<(Folder, Option<FolderStatus>)>;
