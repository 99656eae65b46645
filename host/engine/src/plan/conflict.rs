//! What speaks against a plan, as data: which folders, what about them, and what can be done.

use std::fmt;

use mailhaul_imap::FolderPath;
use serde::{Deserialize, Serialize};

use crate::named_enum::named_enum;

named_enum! {
    /// What kind of conflict it is.
    pub enum ConflictKind {
        /// Several folders would become one on the target.
        Collision = "collision",
        /// The target has no such name, or it lies outside the mailbox there.
        Name = "name",
        /// Mail would be mixed into INBOX that no rule of the operator's puts there.
        Inbox = "inbox",
        /// Copies of earlier runs would have to be moved, and the target cannot do that.
        CannotMove = "cannot-move",
        /// Copies of earlier runs would be left out now.
        LeftOutNow = "left-out-now",
        /// A target folder of an earlier run is not where it was.
        Place = "place",
    }
}

/// One thing that speaks against a plan. `Display` is [`Conflict::sentence`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// What kind it is.
    pub kind: ConflictKind,
    /// The source folders that it is about, in display form.
    pub folders: Vec<String>,
    /// The target folder that they would go to, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What is wrong, where the choices say what can be done.
    pub what: String,
    /// What is wrong and what can be done, in one sentence.
    pub sentence: String,
    /// What can be done, the most careful first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
}

/// One way out of a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What it does, in a few words: `put `notes` into `Notes 2``.
    pub what: String,
    /// `[[folders]]` rules of `mailhaul.toml` that do it, with their line ends; they go in front of those
    /// that are there, since the first rule that matches wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<String>,
    /// A command that does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl Conflict {
    /// Makes one about these source folders, of which this is wrong.
    #[must_use]
    pub(crate) fn new(kind: ConflictKind, folders: Vec<String>, what: String) -> Self {
        Self { kind, folders, target: None, sentence: what.clone(), what, choices: Vec::new() }
    }

    /// The same with the end of the sentence, which says what can be done.
    #[must_use]
    pub(crate) fn advising(self, advice: &str) -> Self {
        Self { sentence: format!("{}; {advice}", self.what), ..self }
    }

    /// The same with the target folder that they would go to.
    #[must_use]
    pub(crate) fn about(self, target: &FolderPath) -> Self {
        Self { target: Some(target.to_string()), ..self }
    }

    /// The same with what can be done about it, the most careful first.
    #[must_use]
    pub(crate) fn offering(self, choices: Vec<Choice>) -> Self {
        Self { choices, ..self }
    }

    /// Returns what is said of it above its choices: the whole sentence where there are none.
    #[must_use]
    pub fn before_choices(&self) -> &str {
        if self.choices.is_empty() { &self.sentence } else { &self.what }
    }

    /// Returns the sentences of several as one.
    #[must_use]
    pub fn sentences(conflicts: &[Self]) -> String {
        conflicts.iter().map(|conflict| conflict.sentence.as_str()).collect::<Vec<_>>().join("; ")
    }
}
