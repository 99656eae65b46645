//! Which flags the targets keep, asked for once a host: whether new keywords are taken is the server's way,
//! not a mailbox's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::account::AccountSpec;

/// The flags that a host's folders keep; `None` where they keep any.
pub(crate) type KeptFlags = Arc<OnceCell<Option<Vec<String>>>>;

/// What is known of every target of a task.
#[derive(Debug, Default)]
pub(crate) struct Keeps(Mutex<HashMap<String, KeptFlags>>);

impl Keeps {
    /// Where the answer about a target's host is, or comes to be.
    pub(crate) fn of(&self, spec: &AccountSpec) -> KeptFlags {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(hosts.entry(spec.server()).or_default())
    }
}
