//! The state of one call: what the guest may touch. Built for the call and dropped after it.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Resource, ResourceTable, ResourceTableError};
use wasmtime::{Engine, ResourceLimiter, Store};

use crate::call_failure::ExceededLimit;
use crate::cancel::Cancel;
use crate::caps::log::LogSink;
use crate::clock::{self, Clock};
use crate::grants::Grants;
use crate::inputs::Inputs;
use crate::limits::{CORE_INSTANCES, HANDLES, HOSTCALL_BYTES, TABLE_ELEMENTS};
use crate::meter::Usage;

/// The data of a call's store. Every import reads its policy from here: what is not granted is an empty list,
/// never a check somebody could forget.
pub(crate) struct CallState {
    pub(crate) handles: ResourceTable,
    pub(crate) clock: Clock,
    pub(crate) log: LogSink,
    pub(crate) settings: Arc<str>,
    pub(crate) cancel: Cancel,
    /// Empty unless this is a call of a mailbox source.
    pub(crate) inputs: Arc<Inputs>,
    /// Origins, secrets and changes of this call; empty unless it is one of a source or provisioner.
    pub(crate) grants: Arc<Grants>,
    /// HTTP requests this call has asked for, refused ones included.
    pub(crate) http_requests: u32,
    memory: Memory,
    /// How long every function of the host takes, for an author's test.
    slowness: Duration,
    /// Functions of the host that were called.
    pub(crate) host_calls: u64,
}

impl CallState {
    /// Makes the store of one call, with its limits armed; `memory` is in bytes.
    pub(crate) fn store(engine: &Engine, memory: usize, parts: CallParts) -> Store<Self> {
        let mut handles = ResourceTable::new();
        handles.set_max_capacity(HANDLES);
        let memory = Memory { limit: memory, bytes: 0, elements: 0 };
        let CallParts { clock, log, settings, cancel, inputs, grants, slowness } = parts;
        let state = Self {
            handles,
            clock,
            log,
            settings,
            cancel,
            inputs,
            grants,
            http_requests: 0,
            memory,
            slowness,
            host_calls: 0,
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(HOSTCALL_BYTES);
        clock::arm(&mut store);
        store
    }

    /// Takes the time a slow host would. Blocks: functions that do not wait are slow too, and nothing else
    /// happens in an author's test.
    pub(crate) fn be_slow(&self) {
        if !self.slowness.is_zero() {
            std::thread::sleep(self.slowness);
        }
    }

    /// Reports what this call used; the log lines are taken out.
    pub(crate) fn usage(&mut self) -> Usage {
        Usage {
            cpu: self.clock.computed(),
            memory: self.memory.bytes,
            host_calls: self.host_calls,
            log: self.log.lines(),
        }
    }

    /// Gives the guest a handle on `value`; more than [`HANDLES`] of them end the call.
    pub(crate) fn hand_out<T: Send + 'static>(&mut self, value: T) -> wasmtime::Result<Resource<T>> {
        self.handles.push(value).map_err(|error| match error {
            ResourceTableError::Full => ExceededLimit::Handles.into(),
            other => other.into(),
        })
    }
}

/// What [`CallState::store`] is given for one call.
pub(crate) struct CallParts {
    pub(crate) clock: Clock,
    pub(crate) log: LogSink,
    pub(crate) settings: Arc<str>,
    pub(crate) cancel: Cancel,
    pub(crate) inputs: Arc<Inputs>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) slowness: Duration,
}

/// Counts memory and table elements of one instance, all memories and tables together.
///
/// Growth that goes too far ends the call with our own error. Refusing it politely would make a
/// Rust guest abort, and nothing would say that memory was the reason.
struct Memory {
    limit: usize,
    bytes: usize,
    elements: usize,
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.bytes.saturating_add(desired.saturating_sub(current));
        if total > self.limit {
            return Err(ExceededLimit::Memory(self.limit).into());
        }
        self.bytes = total;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.elements.saturating_add(desired.saturating_sub(current));
        if total > TABLE_ELEMENTS {
            return Err(ExceededLimit::Table.into());
        }
        self.elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES
    }

    fn memories(&self) -> usize {
        CORE_INSTANCES
    }

    fn tables(&self) -> usize {
        CORE_INSTANCES
    }
}
