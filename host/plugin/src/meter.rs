//! What calls used, for authors: `mailhaul plugin test` prints it beside the limits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Adds up what the calls of a plugin use. Cheap to clone; all clones count together.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Usage>>);

/// What was used since the meter was made or read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Time the guest itself computed, waiting left out: all calls together.
    pub cpu: Duration,
    /// Linear memory in bytes: the most any call had.
    pub memory: usize,
    /// Functions of the host that were called.
    pub host_calls: u64,
    /// Lines it logged, as they go to the log: escaped, cut and bounded.
    pub log: Vec<String>,
}

impl Meter {
    /// What was used so far; begins anew.
    #[must_use]
    pub fn take(&self) -> Usage {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn add(&self, call: Usage) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.cpu += call.cpu;
        all.memory = all.memory.max(call.memory);
        all.host_calls += call.host_calls;
        all.log.extend(call.log);
    }
}
