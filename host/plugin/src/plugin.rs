//! A plugin that is ready to be called.

use std::sync::Arc;

use mailhaul_engine::plugin::{FolderMapper, MailboxSource, PluginId, Validator};
use serde_json::Value;

use crate::bindings::mapping::MappingPre;
use crate::bindings::sourcing::SourcingPre;
use crate::bindings::validating::ValidatingPre;
use crate::call::Caller;
use crate::cancel::Cancel;
use crate::component::Description;
use crate::error::{LoadError, LoadReason, Nearest};
use crate::inputs::Inputs;
use crate::kind::{self, Kind};
use crate::kinds::folder_mapper::WasmMapper;
use crate::kinds::mailbox_source::WasmSource;
use crate::kinds::validator::WasmValidator;
use crate::limits::Limits;
use crate::meter::Meter;
use crate::settings;
use crate::state::State;

/// A compiled plugin. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) compiled: Arc<Compiled>,
    /// As the operator named it, for messages.
    pub(crate) named: String,
    pub(crate) limits: Limits,
    pub(crate) cancel: Cancel,
    pub(crate) meter: Option<Meter>,
}

/// What is done once for a component and a process.
pub(crate) struct Compiled {
    pub(crate) id: PluginId,
    pub(crate) description: Description,
    pub(crate) engine: wasmtime::Engine,
    pub(crate) mapping: Option<MappingPre<State>>,
    pub(crate) sourcing: Option<SourcingPre<State>>,
    pub(crate) validating: Option<ValidatingPre<State>>,
}

impl Plugin {
    /// Its id and version: the id is the key under `[plugins.settings]`.
    #[must_use]
    pub fn id(&self) -> &PluginId {
        &self.compiled.id
    }

    /// What it can be used as.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.compiled.description.kinds
    }

    /// The same plugin, with everything its calls use counted by `meter`.
    #[must_use]
    pub fn metered(mut self, meter: &Meter) -> Self {
        self.meter = Some(meter.clone());
        self
    }

    /// Uses it as a folder mapper. `settings` is its table of `[plugins.settings]`, or `Value::Null`.
    ///
    /// # Errors
    /// When it is none, or the settings do not fit its schema.
    pub fn mapper(&self, settings: &Value) -> Result<Arc<dyn FolderMapper>, LoadError> {
        let prepared = self.prepared(Kind::FolderMapper, self.compiled.mapping.as_ref())?;
        Ok(Arc::new(WasmMapper { caller: self.caller(Kind::FolderMapper, settings)?, prepared }))
    }

    /// Uses it as a source of mailboxes, with these inputs and no others.
    ///
    /// # Errors
    /// When it is none, the settings do not fit its schema, an input it needs is missing, or one is
    /// given that it does not know.
    pub fn source(&self, settings: &Value, inputs: Inputs) -> Result<Arc<dyn MailboxSource>, LoadError> {
        let prepared = self.prepared(Kind::MailboxSource, self.compiled.sourcing.as_ref())?;
        let caller = self.caller(Kind::MailboxSource, settings)?;
        self.check_inputs(&inputs).map_err(|problem| self.error(LoadReason::Input(problem)))?;
        Ok(Arc::new(WasmSource::new(caller, prepared, inputs)))
    }

    /// Uses it as a validator.
    ///
    /// # Errors
    /// When it is none, or the settings do not fit its schema.
    pub fn validator(&self, settings: &Value) -> Result<Arc<dyn Validator>, LoadError> {
        let prepared = self.prepared(Kind::Validator, self.compiled.validating.as_ref())?;
        Ok(Arc::new(WasmValidator { caller: self.caller(Kind::Validator, settings)?, prepared }))
    }

    fn prepared<T: Clone>(&self, wanted: Kind, prepared: Option<&T>) -> Result<T, LoadError> {
        prepared.cloned().ok_or_else(|| {
            self.error(LoadReason::Kind { wanted: wanted.name(), is: kind::words(self.kinds()) })
        })
    }

    fn caller(&self, kind: Kind, given: &Value) -> Result<Caller, LoadError> {
        let schema = &self.compiled.description.manifest.settings;
        let settings = settings::checked(schema, given).map_err(|problem| {
            self.error(LoadReason::Setting { id: self.compiled.id.id.clone(), problem })
        })?;
        let (cpu, wall) = match kind {
            Kind::FolderMapper | Kind::MailboxSource => (self.limits.cpu, self.limits.wall),
            Kind::Validator => (self.limits.validator_cpu, self.limits.validator_wall),
        };
        Ok(Caller {
            plugin: self.compiled.id.clone(),
            engine: self.compiled.engine.clone(),
            settings,
            cancel: self.cancel.clone(),
            grants: Arc::default(),
            memory: self.limits.memory,
            cpu,
            wall,
            meter: self.meter.clone(),
        })
    }

    fn check_inputs(&self, inputs: &Inputs) -> Result<(), String> {
        let needed = &self.compiled.description.manifest.needs.input;
        if let Some(unknown) = inputs.names().find(|name| needed.iter().all(|needed| needed.name != *name)) {
            let nearest = Nearest::of(unknown, needed.iter().map(|needed| needed.name.as_str()));
            return Err(format!("it reads no input `{unknown}`{nearest}"));
        }
        match needed.iter().find(|needed| inputs.get(&needed.name).is_none()) {
            Some(missing) => Err(format!("it needs the input `{}`: {}", missing.name, missing.why)),
            None => Ok(()),
        }
    }

    fn error(&self, reason: LoadReason) -> LoadError {
        LoadError { plugin: self.named.clone(), reason }
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("id", self.id()).field("kinds", &self.kinds()).finish_non_exhaustive()
    }
}
