//! How what would be done today differs from a plan that was agreed on.

use std::fmt;

use super::{Conflict, PlanRule};
use crate::side::Side;

/// How what would be done today differs from what was agreed on, in a way that changes where mail goes.
/// `Display` is one sentence about it, without the mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The source folder that it is about, in display form; `None` for the settings or the whole mailbox.
    pub folder: Option<String>,
    /// What it is.
    pub what: MisfitKind,
}

/// What is otherwise than it was agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MisfitKind {
    /// A `[[folders]]` rule is gone, or says something else `now`.
    Rule {
        /// As the plan has it.
        then: PlanRule,
        /// The rule that is about the same folders now.
        now: Option<PlanRule>,
    },
    /// `[select]` says something else.
    Select {
        /// As the plan has it; empty where it said nothing.
        then: String,
        /// As it is now.
        now: String,
    },
    /// The mapping plugins are others, or have other versions.
    Mappers {
        /// As the plan has them, in order.
        then: Vec<String>,
        /// As they are now.
        now: Vec<String>,
    },
    /// The mailbox signs in as somebody else.
    LogIn {
        /// On which host.
        side: Side,
        /// As the plan has it.
        then: String,
        /// As it is now.
        now: String,
    },
    /// The folder would go elsewhere.
    Target {
        /// Where it was to go; `None` where it was left out.
        then: Option<String>,
        /// Where it would go; `None` where it would be left out.
        now: Option<String>,
    },
    /// Something speaks against the plan that did not then.
    Conflict(Conflict),
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.folder.as_deref().unwrap_or_default();
        match &self.what {
            MisfitKind::Rule { then, now: None } => {
                write!(f, "the rule `{then}`, which it was made by ({}), is gone", then.place)
            }
            MisfitKind::Rule { then, now: Some(now) } => {
                write!(f, "the rule `{then}` says `{now}` now ({})", now.place)
            }
            MisfitKind::Select { then, now } => {
                write!(f, "[select] was {} and is {} now", said(then), said(now))
            }
            MisfitKind::Mappers { then, now } => {
                write!(f, "[plugins] mapping was {} and is {} now", listed(then), listed(now))
            }
            MisfitKind::LogIn { side, then, now } => {
                write!(f, "the {} was `{then}` and is `{now}` now", side.as_str())
            }
            MisfitKind::Target { then, now } => {
                write!(f, "`{folder}` was to {} and would now {}", goes(then), goes(now))
            }
            MisfitKind::Conflict(conflict) => f.write_str(&conflict.what),
        }
    }
}

fn said(text: &str) -> String {
    if text.is_empty() { "empty".to_owned() } else { format!("`{text}`") }
}

fn listed(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "empty".to_owned() } else { names.join(", ") }
}

fn goes(target: &Option<String>) -> String {
    target.as_ref().map_or_else(|| "be left out".to_owned(), |target| format!("go to `{target}`"))
}
