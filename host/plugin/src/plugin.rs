//! A plugin that is ready to be called.

use std::sync::Arc;
use std::time::Duration;

use mailhaul_engine::plugin::{
    FolderMapper, MailboxProvisioner, MailboxSource, PluginId, ServerProfiler, Validator,
};
use mailhaul_imap::Secret;
use mailhaul_net::Dialer;
use serde_json::Value;

use crate::bindings::mapping::MappingPre;
use crate::bindings::profiling::ProfilingPre;
use crate::bindings::provisioning::ProvisioningPre;
use crate::bindings::sourcing::SourcingPre;
use crate::bindings::validating::ValidatingPre;
use crate::call::{Caller, Instrumentation};
use crate::cancel::Cancel;
use crate::component::Description;
use crate::error::{LoadError, LoadReason, Suggestion};
use crate::grants::{Grants, Origin, Recipient, Replies, SecretGrant};
use crate::inputs::Inputs;
use crate::inspect::Inspection;
use crate::kind::{self, Kind};
use crate::kinds::folder_mapper::WasmMapper;
use crate::kinds::mailbox_provisioner::WasmProvisioner;
use crate::kinds::mailbox_source::WasmSource;
use crate::kinds::server_profile::WasmProfiler;
use crate::kinds::validator::WasmValidator;
use crate::limits::Limits;
use crate::lock::LockEntry;
use crate::manifest;
use crate::meter::Meter;
use crate::recorded_http::HttpRecorder;
use crate::redaction::Redaction;
use crate::settings;
use crate::state::CallState;

/// A compiled plugin, ready to become one of the engine's traits. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) compiled: Arc<CompiledPlugin>,
    /// As the operator named it, for messages.
    pub(crate) named: String,
    pub(crate) limits: Limits,
    pub(crate) cancel: Cancel,
    pub(crate) grants: Arc<Grants>,
    /// Its entry of `plugins.lock`; `None` for one that ships.
    pub(crate) locked: Option<LockEntry>,
    pub(crate) instrumentation: Instrumentation,
}

/// What is made once of a component and shared by all its [`Plugin`]s in this process.
pub(crate) struct CompiledPlugin {
    pub(crate) id: PluginId,
    pub(crate) description: Description,
    pub(crate) inspection: Inspection,
    pub(crate) engine: wasmtime::Engine,
    pub(crate) mapping: Option<MappingPre<CallState>>,
    pub(crate) sourcing: Option<SourcingPre<CallState>>,
    pub(crate) validating: Option<ValidatingPre<CallState>>,
    pub(crate) profiling: Option<ProfilingPre<CallState>>,
    pub(crate) provisioning: Option<ProvisioningPre<CallState>>,
}

impl Plugin {
    /// Returns id and version of the manifest; the id is the key under `[plugins.settings]`.
    #[must_use]
    pub fn id(&self) -> &PluginId {
        &self.compiled.id
    }

    /// Describes what it is and asks for, as [`PluginHost::inspect`](crate::PluginHost::inspect) does.
    #[must_use]
    pub fn inspect(&self) -> Inspection {
        self.compiled.inspection.clone()
    }

    /// Lists the kinds it can be used as, sorted; the code exports all of them.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.compiled.description.kinds
    }

    /// Lists what `provider` in the project file may name; empty when its manifest lists nothing.
    #[must_use]
    pub fn providers(&self) -> &[String] {
        &self.compiled.description.manifest.providers
    }

    /// Returns the same plugin with everything its calls use counted by `meter`.
    #[must_use]
    pub fn metered(mut self, meter: &Meter) -> Self {
        self.instrumentation.meter = Some(meter.clone());
        self
    }

    /// Returns the same plugin with every function of the host taking this long, for an author's test. The
    /// CPU budget does not run meanwhile, the wall clock does.
    #[must_use]
    pub fn slowed(mut self, slowness: Duration) -> Self {
        self.instrumentation.slowness = slowness;
        self
    }

    /// Returns the same plugin with what servers answer collected by `recorder`; counts for sources and
    /// provisioners made from now on.
    #[must_use]
    pub fn recorded(mut self, recorder: &HttpRecorder) -> Self {
        Arc::make_mut(&mut self.grants).recorder = Some(recorder.clone());
        self
    }

    /// Uses it as a folder mapper. `settings` is its table of `[plugins.settings]`, or `Value::Null`.
    ///
    /// # Errors
    /// When it is no folder-mapper, or the settings do not fit its schema.
    pub fn mapper(&self, settings: &Value) -> Result<Arc<dyn FolderMapper>, LoadError> {
        let prepared = self.prepared(Kind::FolderMapper, self.compiled.mapping.as_ref())?;
        Ok(Arc::new(WasmMapper { caller: self.caller(Kind::FolderMapper, settings)?, prepared }))
    }

    /// Uses it as a source of mailboxes, with these inputs and no others.
    ///
    /// # Errors
    /// When it is no mailbox-source, the settings do not fit its schema, an input it needs is missing, or one
    /// is given that it does not know.
    pub fn source(&self, settings: &Value, inputs: Inputs) -> Result<Arc<dyn MailboxSource>, LoadError> {
        let prepared = self.prepared(Kind::MailboxSource, self.compiled.sourcing.as_ref())?;
        let caller = self.caller(Kind::MailboxSource, settings)?;
        self.check_inputs(&inputs).map_err(|problem| self.error(LoadReason::Input(problem)))?;
        Ok(Arc::new(WasmSource::new(caller, prepared, inputs)))
    }

    /// Uses it as a validator of moved mailboxes.
    ///
    /// # Errors
    /// When it is no validator, or the settings do not fit its schema.
    pub fn validator(&self, settings: &Value) -> Result<Arc<dyn Validator>, LoadError> {
        let prepared = self.prepared(Kind::Validator, self.compiled.validating.as_ref())?;
        Ok(Arc::new(WasmValidator { caller: self.caller(Kind::Validator, settings)?, prepared }))
    }

    /// Uses it as a server profile, which recognises servers and reads their refusals.
    ///
    /// # Errors
    /// When it is no server-profile, or the settings do not fit its schema.
    pub fn profiler(&self, settings: &Value) -> Result<Arc<dyn ServerProfiler>, LoadError> {
        let prepared = self.prepared(Kind::ServerProfile, self.compiled.profiling.as_ref())?;
        let caller = self.caller(Kind::ServerProfile, settings)?;
        Ok(Arc::new(WasmProfiler { caller, prepared, providers: self.providers().to_vec() }))
    }

    /// Uses it as a provisioner, which lists, creates and resizes mailboxes on the target.
    ///
    /// # Errors
    /// When it is no mailbox-provisioner, or the settings do not fit its schema.
    pub fn provisioner(&self, settings: &Value) -> Result<Arc<dyn MailboxProvisioner>, LoadError> {
        let prepared = self.prepared(Kind::MailboxProvisioner, self.compiled.provisioning.as_ref())?;
        Ok(Arc::new(WasmProvisioner { caller: self.caller(Kind::MailboxProvisioner, settings)?, prepared }))
    }

    /// Returns the same plugin with what `plugins.lock` grants it, settings and secrets of the project filled
    /// in. `secret` is asked for the value of every granted secret. A plugin that ships has no entry and is
    /// returned as it is.
    ///
    /// # Errors
    /// When it asks for what was not granted or has no value, or the settings do not fit its schema.
    pub fn granted(
        self,
        settings: &Value,
        secret: impl FnMut(&str) -> Result<Option<Secret>, String>,
    ) -> Result<Self, LoadError> {
        let Some(locked) = &self.locked else { return Ok(self) };
        let settings = self.checked(settings)?;
        let settings: Value = serde_json::from_str(&settings).unwrap_or_default();
        let grants = locked.grants(&settings, secret).map_err(|reason| self.error(reason))?;
        Ok(self.with_grants(grants))
    }

    /// Returns the same plugin with its requests sent by this dialler, which may trust other roots than the
    /// machine does.
    #[must_use]
    pub fn trusting(self, dialer: Dialer) -> Self {
        let grants = Grants { dialer: Some(dialer), ..(*self.grants).clone() };
        self.with_grants(grants)
    }

    /// Returns the same plugin with everything granted that it asks for, but with a fixture's replies instead
    /// of servers and with made-up secrets. With `http` false no origin is granted.
    ///
    /// # Errors
    /// When the settings do not fit its schema, or leave an origin unfinished.
    pub fn under_trial(self, settings: &Value, http: bool, replies: Replies) -> Result<Self, LoadError> {
        let checked: Value = serde_json::from_str(&self.checked(settings)?).unwrap_or_default();
        let setting = |name: &str| checked.get(name).and_then(Value::as_str).map(str::to_owned);
        let unfinished =
            |problem: String| self.error(LoadReason::Setting { id: self.compiled.id.id.clone(), problem });
        let origin = |text: &str| {
            manifest::filled(text, setting).and_then(|text| text.parse::<Origin>()).map_err(unfinished)
        };
        let needs = &self.compiled.description.manifest.needs;
        let mut grants =
            Grants { create: true, quota: true, replies: Some(Arc::new(replies)), ..Grants::default() };
        for needed in &needs.http {
            let origin = origin(&needed.origin)?;
            if http {
                grants.http.insert(origin, false);
            }
        }
        for needed in &needs.secret {
            let value = Secret::from(format!("secret of {}", needed.name).into_bytes());
            let to = Recipient::of(&needed.to, origin)?;
            grants.secrets.insert(needed.name.clone(), SecretGrant { value, to });
        }
        Ok(self.with_grants(grants))
    }

    /// Returns the same plugin with these grants and no others; counts for sources and provisioners made from
    /// now on.
    #[must_use]
    pub fn with_grants(mut self, grants: Grants) -> Self {
        self.grants = Arc::new(grants);
        self
    }

    fn prepared<T: Clone>(&self, wanted: Kind, prepared: Option<&T>) -> Result<T, LoadError> {
        prepared.cloned().ok_or_else(|| {
            self.error(LoadReason::Kind { wanted: wanted.name(), is: kind::words(self.kinds()) })
        })
    }

    fn caller(&self, kind: Kind, given: &Value) -> Result<Caller, LoadError> {
        // The pure kinds get nothing, whatever else the component is.
        let grants = match kind {
            Kind::MailboxSource | Kind::MailboxProvisioner => Arc::clone(&self.grants),
            Kind::FolderMapper | Kind::Validator | Kind::ServerProfile => Arc::default(),
        };
        let (id, engine) = (self.compiled.id.clone(), self.compiled.engine.clone());
        Ok(Caller {
            settings: self.checked(given)?,
            cancel: self.cancel.clone(),
            redaction: Arc::new(Redaction::of(&grants)),
            grants,
            instrumentation: self.instrumentation.clone(),
            ..Caller::new(id, engine, self.limits.budget(kind))
        })
    }

    /// The settings as the guest reads them: checked, with defaults filled in.
    fn checked(&self, given: &Value) -> Result<Arc<str>, LoadError> {
        let schema = &self.compiled.description.manifest.settings;
        settings::checked(schema, given)
            .map_err(|problem| self.error(LoadReason::Setting { id: self.compiled.id.id.clone(), problem }))
    }

    fn check_inputs(&self, inputs: &Inputs) -> Result<(), String> {
        let needed = &self.compiled.description.manifest.needs.input;
        if let Some(unknown) = inputs.names().find(|name| needed.iter().all(|needed| needed.name != *name)) {
            let nearest = Suggestion::of(unknown, needed.iter().map(|needed| needed.name.as_str()));
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
