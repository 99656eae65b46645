//! What calls use, for authors: `mailhaul plugin test` prints it beside the limits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Adds up what the calls of a plugin use. Cheap to clone; all clones count together.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Usage>>);

/// What calls used, all of them together, since their [`Meter`] was made or read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Time the guest itself computed; waiting for the host is left out.
    pub cpu: Duration,
    /// Linear memory in bytes that the hungriest call had.
    pub memory: usize,
    /// How often the guest called a function of the host.
    pub host_calls: u64,
    /// Lines the guest logged, escaped and cut as in the log; at most 200 a call, and one that counts the
    /// rest.
    pub log: Vec<String>,
}

impl Meter {
    /// Takes out what was used so far; the meter begins at zero again.
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
