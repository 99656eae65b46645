//! Why a guest's call failed, in the engine's terms.

use std::time::Duration;

use mailhaul_engine::plugin::PluginFailure;
use wasmtime::Trap;

use crate::limits::{HANDLES, HOSTCALL_BYTES, MESSAGE, TABLE_ELEMENTS};
use crate::text;

/// A limit that a guest has exceeded. Raised inside host code; wasmtime carries it out of the call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExceededLimit {
    #[error("memory limit of {0} bytes")]
    Memory(usize),
    #[error("CPU budget of {0:?}")]
    Cpu(Duration),
    #[error("more than {TABLE_ELEMENTS} table elements")]
    Table,
    #[error("more than {HANDLES} handles in one call")]
    Handles,
}

/// Finds the failure behind an error of a call. `last_line` is the last the guest logged.
///
/// The order matters: our own limits arrive wrapped in traps.
pub(crate) fn failure(error: &wasmtime::Error, last_line: Option<&str>) -> PluginFailure {
    if let Some(exceeded) = error.downcast_ref::<ExceededLimit>() {
        return match exceeded {
            ExceededLimit::Memory(limit) => PluginFailure::Memory(*limit as u64),
            ExceededLimit::Cpu(budget) => PluginFailure::Cpu(millis(*budget)),
            ExceededLimit::Table | ExceededLimit::Handles => PluginFailure::Limit(exceeded.to_string()),
        };
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        let mut detail = match trap {
            Trap::UnreachableCodeReached => "it gave up (a panic, as a rule)".to_owned(),
            // Rust keeps part of its stack in memory and runs out of that first.
            Trap::MemoryOutOfBounds => {
                "it reached outside its memory (an exhausted stack, as a rule)".to_owned()
            }
            Trap::StackOverflow => "its stack is exhausted".to_owned(),
            other => other.to_string(),
        };
        if let Some(line) = last_line {
            detail.push_str("; its last log line: ");
            detail.push_str(line);
        }
        return PluginFailure::Trap(detail);
    }
    let root = error.root_cause().to_string();
    // A private type of wasmtime's, known by its text only.
    if root.contains("fuel allocated for hostcalls has been exhausted") {
        return PluginFailure::Limit(format!("more than {HOSTCALL_BYTES} bytes in one call or answer"));
    }
    // What is left are values that do not fit the interface: bad UTF-8, handles it does not hold.
    PluginFailure::BadReply(text::shown(&root, MESSAGE))
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
