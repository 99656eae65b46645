//! The switch by which plugins see that the operator wants to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A switch that plugins can read and not turn, shared by all calls of a [`PluginHost`](crate::PluginHost).
/// All clones are one switch, and it is never turned back.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Turns the switch: plugins that ask from now on are told to stop. None is interrupted.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the switch was turned.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
