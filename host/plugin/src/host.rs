//! From a name in the project file to a plugin that can be called.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use mailhaul_engine::plugin::{PluginFailure, PluginId};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::bindings::mapping::MappingPre;
use crate::bindings::profiling::ProfilingPre;
use crate::bindings::provisioning::ProvisioningPre;
use crate::bindings::sourcing::SourcingPre;
use crate::bindings::validating::ValidatingPre;
use crate::cache::{Cache, NativeCode};
use crate::call::{Caller, Instrumentation};
use crate::call_failure;
use crate::cancel::Cancel;
use crate::compile::Compiler;
use crate::component::{self, Description};
use crate::engine;
use crate::error::{LoadError, LoadReason, Suggestion};
use crate::inputs::Inputs;
use crate::inspect::{Inspection, PluginSummary};
use crate::kind::Kind;
use crate::limits::{Limits, MAX_COMPONENT, MESSAGE};
use crate::lock::Lock;
use crate::plugin::{CompiledPlugin, Plugin};
use crate::text;
use crate::wasmtime_error;

/// A plugin that is embedded in the binary and needs no entry in `plugins.lock`.
#[derive(Debug, Clone, Copy)]
pub struct ShippedPlugin {
    /// Id of its manifest, by which a project file names it. No file may have the same.
    pub id: &'static str,
    /// Bytes of the component.
    pub component: &'static [u8],
}

/// Opens plugins and shares one wasmtime engine among them. One is enough for a process; cheap to clone.
#[derive(Clone)]
pub struct PluginHost {
    engine: wasmtime::Engine,
    limits: Limits,
    shipped: Arc<[ShippedPlugin]>,
    cancel: Cancel,
    compiler: Compiler,
    cache: Option<Arc<Cache>>,
    compiled: Arc<Mutex<HashMap<[u8; 32], Arc<CompiledPlugin>>>>,
}

/// A component before it is compiled, with its SHA-256.
struct ComponentSource {
    bytes: Cow<'static, [u8]>,
    digest: [u8; 32],
    description: Description,
    shipped: bool,
}

impl PluginHost {
    /// Makes a host that compiles in this process and keeps nothing between runs; starts the thread that
    /// ticks for its CPU budgets.
    ///
    /// # Errors
    /// When wasmtime does not support this machine, or no thread can be started.
    pub fn new(limits: Limits, shipped: impl IntoIterator<Item = ShippedPlugin>) -> Result<Self, LoadError> {
        let engine = engine::engine().map_err(|error| LoadError {
            plugin: "(all)".to_owned(),
            reason: LoadReason::Engine(error.root_cause().to_string()),
        })?;
        let mut shipped: Vec<_> = shipped.into_iter().collect();
        shipped.sort_unstable_by_key(|plugin| plugin.id);
        Ok(Self {
            engine,
            limits,
            shipped: shipped.into(),
            cancel: Cancel::default(),
            compiler: Compiler::default(),
            cache: None,
            compiled: Arc::default(),
        })
    }

    /// Returns the same host with other limits for plugins opened from now on.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Returns the same host with components compiled by `compiler`.
    #[must_use]
    pub fn with_compiler(mut self, compiler: Compiler) -> Self {
        self.compiler = compiler;
        self
    }

    /// Returns the same host with native code kept in `folder`, which is made when it is missing. A folder
    /// that others can touch is not used, which costs time and is noted in the log.
    #[must_use]
    pub fn with_cache(mut self, folder: &Path) -> Self {
        match Cache::open(folder) {
            Ok(cache) => self.cache = Some(Arc::new(cache)),
            Err(why) => {
                tracing::warn!("the folder for compiled plugins, {}, is not used: {why}", folder.display())
            }
        }
        self
    }

    /// Returns the switch by which all plugins of this host see that a stop is wanted.
    #[must_use]
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Loads a plugin, whatever `plugins.lock` says. A name with a `/` or `\` in it, or with the ending
    /// `.wasm` or `.cwasm`, is a file relative to the folder `project`; any other is the id of a shipped
    /// plugin. A component is compiled once for a process, and started once to see that it fits the
    /// interface.
    ///
    /// # Errors
    /// When there is no such plugin, it cannot be used or compiled, or does not start; in one sentence that
    /// says what to do.
    pub async fn open(&self, name: &str, project: &Path) -> Result<Plugin, LoadError> {
        let compiled = self.compiled(name, project).await.map_err(|reason| error(name, reason))?;
        Ok(Plugin {
            compiled,
            named: name.to_owned(),
            limits: self.limits.clone(),
            cancel: self.cancel.clone(),
            instrumentation: Instrumentation::default(),
            grants: Arc::default(),
            locked: None,
        })
    }

    /// As [`open`](Self::open), for a run: a plugin that does not ship is loaded only when it is exactly
    /// what `plugins.lock` says. A name can also be an id of that file.
    ///
    /// # Errors
    /// As `open`; and when it is not in the file or differs from it.
    pub async fn open_locked(&self, name: &str, project: &Path, lock: &Lock) -> Result<Plugin, LoadError> {
        let ships = self.shipped.iter().any(|plugin| plugin.id == name);
        let by_id = || lock.plugins.iter().find(|locked| locked.id == name);
        let file = if is_path(name) || ships { name } else { by_id().map_or(name, |locked| &locked.source) };
        if is_path(file) {
            let found = self.inspect(file, project)?;
            let locked = lock.check(file, &found).map_err(|reason| error(name, reason))?.clone();
            let mut plugin = self.open(file, project).await?;
            // The file may have been exchanged since it was looked at.
            lock.check(file, &plugin.inspect()).map_err(|reason| error(name, reason))?;
            plugin.locked = Some(locked);
            return Ok(plugin);
        }
        self.open(file, project).await
    }

    /// Describes what a plugin is and asks for, without running or compiling any of it. Names are read as
    /// [`open`](Self::open) reads them.
    ///
    /// # Errors
    /// When there is no such plugin, or its outermost level shows already that it cannot be used.
    pub fn inspect(&self, name: &str, project: &Path) -> Result<Inspection, LoadError> {
        let source = self.read(name, project).map_err(|reason| error(name, reason))?;
        Ok(Inspection::of(&source.description, source.digest, source.bytes.len(), source.shipped))
    }

    /// Lists every shipped plugin, sorted by id.
    ///
    /// # Errors
    /// When a shipped plugin is broken, which is a fault of the build.
    pub fn list(&self) -> Result<Vec<PluginSummary>, LoadError> {
        self.shipped
            .iter()
            .map(|plugin| {
                let source =
                    self.read(plugin.id, Path::new("")).map_err(|reason| error(plugin.id, reason))?;
                Ok(PluginSummary::of(&source.description, source.shipped))
            })
            .collect()
    }

    async fn compiled(&self, name: &str, project: &Path) -> Result<Arc<CompiledPlugin>, LoadReason> {
        let source = self.read(name, project)?;
        // Held while compiling: whoever wants the same component waits instead of compiling it again.
        let mut known = self.compiled.lock().await;
        if let Some(compiled) = known.get(&source.digest) {
            return Ok(Arc::clone(compiled));
        }
        let digest = source.digest;
        let compiled = Arc::new(self.compile(source).await?);
        known.insert(digest, Arc::clone(&compiled));
        Ok(compiled)
    }

    fn read(&self, name: &str, project: &Path) -> Result<ComponentSource, LoadReason> {
        let (bytes, shipped) = if is_path(name) {
            (Cow::Owned(read_file(&project.join(name), name)?), false)
        } else {
            let ids = || self.shipped.iter().map(|plugin| plugin.id);
            let found = self.shipped.iter().find(|plugin| plugin.id == name);
            let plugin = found.ok_or_else(|| LoadReason::Unknown(Suggestion::of(name, ids())))?;
            (Cow::Borrowed(plugin.component), true)
        };
        let description = component::describe(&bytes)?;
        let id = &description.manifest.id;
        if !shipped && self.shipped.iter().any(|plugin| plugin.id == id) {
            return Err(LoadReason::ReservedId(id.clone()));
        }
        let digest = Sha256::digest(&bytes).into();
        Ok(ComponentSource { bytes, digest, description, shipped })
    }

    async fn compile(&self, source: ComponentSource) -> Result<CompiledPlugin, LoadReason> {
        let ComponentSource { bytes, description, digest, shipped } = source;
        let inspection = Inspection::of(&description, digest, bytes.len(), shipped);
        let native = self.native(&bytes, &digest).await?;
        let component =
            engine::load(&self.engine, &native).map_err(|error| wasmtime_error::broken(&error))?;
        let linked = engine::linker(&self.engine, &description.kinds)
            .and_then(|linker| linker.instantiate_pre(&component))
            .map_err(|error| wasmtime_error::link(&error, None))?;
        let is = |kind| description.kinds.contains(&kind);
        let link = |error: wasmtime::Error| wasmtime_error::link(&error, None);
        let mapping =
            is(Kind::FolderMapper).then(|| MappingPre::new(linked.clone())).transpose().map_err(link)?;
        let sourcing =
            is(Kind::MailboxSource).then(|| SourcingPre::new(linked.clone())).transpose().map_err(link)?;
        let validating =
            is(Kind::Validator).then(|| ValidatingPre::new(linked.clone())).transpose().map_err(link)?;
        let profiling =
            is(Kind::ServerProfile).then(|| ProfilingPre::new(linked.clone())).transpose().map_err(link)?;
        let provisioning = is(Kind::MailboxProvisioner)
            .then(|| ProvisioningPre::new(linked.clone()))
            .transpose()
            .map_err(link)?;
        let id =
            PluginId { id: description.manifest.id.clone(), version: description.manifest.version.clone() };
        let engine = self.engine.clone();
        let compiled = CompiledPlugin {
            id,
            description,
            inspection,
            engine,
            mapping,
            sourcing,
            validating,
            profiling,
            provisioning,
        };
        self.start_once(&compiled).await?;
        Ok(compiled)
    }

    /// Returns native code, from the cache where that can be trusted, else from the compiler.
    async fn native(&self, bytes: &[u8], digest: &[u8; 32]) -> Result<NativeCode, LoadReason> {
        let kept = self.cache.as_ref().and_then(|cache| cache.get(&self.engine, digest));
        if let Some(native) = kept {
            return Ok(native);
        }
        let native = self.compiler.native(&self.engine, bytes, &self.limits).await?;
        if let Some(cache) = &self.cache {
            cache.put(&self.engine, digest, &native);
        }
        Ok(native.into())
    }

    /// Only an instance shows whether the types of its exports are ours, so one is made, asked nothing
    /// and dropped.
    async fn start_once(&self, compiled: &CompiledPlugin) -> Result<(), LoadReason> {
        let caller = Caller::new(compiled.id.clone(), self.engine.clone(), self.limits.start_budget());
        let (mapping, sourcing, validating) =
            (compiled.mapping.clone(), compiled.sourcing.clone(), compiled.validating.clone());
        let (profiling, provisioning) = (compiled.profiling.clone(), compiled.provisioning.clone());
        let started = caller.run("start", Arc::new(Inputs::new()), move |store| {
            Box::pin(async move {
                let made = async {
                    if let Some(mapping) = mapping {
                        let made = mapping.instantiate_async(&mut *store).await;
                        let _instance = made.map_err(|error| (Kind::FolderMapper, error))?;
                    }
                    if let Some(sourcing) = sourcing {
                        let made = sourcing.instantiate_async(&mut *store).await;
                        let _instance = made.map_err(|error| (Kind::MailboxSource, error))?;
                    }
                    if let Some(validating) = validating {
                        let made = validating.instantiate_async(&mut *store).await;
                        let _instance = made.map_err(|error| (Kind::Validator, error))?;
                    }
                    if let Some(profiling) = profiling {
                        let made = profiling.instantiate_async(&mut *store).await;
                        let _instance = made.map_err(|error| (Kind::ServerProfile, error))?;
                    }
                    if let Some(provisioning) = provisioning {
                        let made = provisioning.instantiate_async(&mut *store).await;
                        let _instance = made.map_err(|error| (Kind::MailboxProvisioner, error))?;
                    }
                    Ok::<_, (Kind, wasmtime::Error)>(())
                };
                Ok(made.await)
            })
        });
        match started.await {
            Ok((Ok(()), _store)) => Ok(()),
            Ok((Err((kind, error)), store)) => {
                match call_failure::failure(&error, store.data().log.last_line()) {
                    PluginFailure::BadReply(_) => Err(wasmtime_error::link(&error, Some(kind.name()))),
                    failure => Err(LoadReason::Start(failure)),
                }
            }
            Err(error) => Err(LoadReason::Start(error.failure)),
        }
    }
}

impl std::fmt::Debug for PluginHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginHost").field("limits", &self.limits).finish_non_exhaustive()
    }
}

fn error(name: &str, reason: LoadReason) -> LoadError {
    LoadError { plugin: text::shown(name, MESSAGE), reason }
}

/// Whether a name in the project file means a file rather than an id.
fn is_path(name: &str) -> bool {
    name.contains(['/', '\\']) || name.ends_with(".wasm") || name.ends_with(".cwasm")
}

fn read_file(path: &Path, named: &str) -> Result<Vec<u8>, LoadReason> {
    let unreadable = |cause: String| LoadReason::Unreadable { path: named.to_owned(), cause };
    // Looked at before opening: a pipe would block.
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("it is not a regular file".to_owned()));
    }
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(MAX_COMPONENT + 1).read_to_end(&mut bytes).map_err(|error| unreadable(error.to_string()))?;
    let size = bytes.len() as u64;
    if size > MAX_COMPONENT { Err(LoadReason::TooLarge(metadata.len().max(size))) } else { Ok(bytes) }
}
