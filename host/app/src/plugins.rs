//! The plugins a project names, opened by `mailhaul-plugin-host` with the settings and inputs the
//! project gives them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mailhaul_engine::plugin::{MailboxProvisioner, MailboxSource, Plugins, ServerProfiler, SideProfilers};
use mailhaul_net::Dialer;
use mailhaul_plugin_host::{
    Cancel, Cell, Column, Compiler, Inputs, Limits, LoadError, LoadReason, Lock, Plugin, PluginHost,
    ShippedPlugin, TableInput, TableRow,
};
use mailhaul_project::table::{self, Table};
use mailhaul_project::{Input, PluginName, PluginRef, Project, ProjectError, Provider, Side};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::failure::kind_of;
use crate::{Cause, Failure, TaskRefusalKind, Warn, broken_rows, redact, resolve, secrets};

/// A project's plugins, instantiated with their settings, grants and inputs.
#[derive(Debug)]
pub(crate) struct LoadedPlugins {
    /// In the order of the project file.
    pub plugins: Plugins,
    /// Tells them that a stop is wanted.
    pub cancel: Cancel,
}

/// The argument by which this program compiles a plugin for its parent.
const COMPILE: &str = "--compile-plugin-for-parent";

/// Compiles a plugin from standard input to standard output, within limits, when this process was started for
/// nothing else; `None` when it was not. A front end calls it before anything else in `main`: [`host`] starts
/// the program it runs in once more for every plugin that is not in the cache.
///
/// `Err` is the reason. It belongs on standard error as it is, with a non-zero exit code behind it.
#[must_use]
pub fn compile_for_parent() -> Option<Result<(), String>> {
    let mut arguments = std::env::args_os().skip(1);
    (arguments.next()? == COMPILE).then(|| mailhaul_plugin_host::compile_in_child(arguments))
}

/// `mailhaul/plugins` in the user's folder of caches. Without `HOME`, as under some service managers, the
/// home is the one the system has on record: compiling what ships takes longer than an unchanged run.
fn cache_folder() -> Option<PathBuf> {
    let absolute = |path: PathBuf| Some(path).filter(|path| path.is_absolute());
    let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).and_then(absolute);
    let caches = named.or_else(|| std::env::home_dir().and_then(absolute).map(|home| home.join(".cache")))?;
    Some(caches.join("mailhaul").join("plugins"))
}

/// Returns a plugin host that knows the plugins of this binary, compiles in a child process (see
/// [`compile_for_parent`]) and keeps native code in the user's folder of caches.
///
/// # Errors
/// When this machine cannot run plugins at all.
pub fn host() -> Result<PluginHost, Failure> {
    let shipped = mailhaul_shipped::plugins()
        .iter()
        .map(|plugin| ShippedPlugin { id: plugin.id, component: plugin.component });
    let program = std::env::current_exe()
        .map_err(|error| Failure::internal(format!("this program cannot find itself: {error}")))?;
    let compiler = Compiler::Child { program, arguments: vec![COMPILE.into()] };
    let host = PluginHost::new(Limits::default(), shipped)?.with_compiler(compiler);
    Ok(match cache_folder() {
        Some(folder) => host.with_cache(&folder),
        None => host,
    })
}

/// Opens every plugin the project names.
///
/// # Errors
/// Plugins that are missing, are no component, or do not fit their settings or inputs: all of them.
pub(crate) async fn load(project: &Project, warn: Warn<'_>) -> Result<LoadedPlugins, Failure> {
    let host = host()?;
    let lock = Lock::read(&project.dir)?;
    let (inputs, broken) = inputs_and_faults(project, warn)?;
    let mut faults = Faults { project, kind: None, causes: Vec::new() };
    let mut used = Vec::new();

    let named = &project.mailboxes.from;
    let mut source = None;
    if let Some(plugin) = faults.keep(named, host.open_locked(&name(named), &project.dir, &lock).await) {
        used.push(plugin.id().id.clone());
        if let Some(plugin) = faults.keep(named, granted(project, &project.source, plugin)) {
            source = faults.keep(named, plugin.source(settings(project, &plugin), inputs));
            source =
                source.map(|list| secrets::over(project, broken_rows::over(list, &broken))).transpose()?;
        }
    }
    let mut mappers = Vec::new();
    for named in &project.plugins.mapping {
        if let Some(plugin) = faults.keep(named, host.open_locked(&name(named), &project.dir, &lock).await) {
            mappers.extend(faults.keep(named, plugin.mapper(settings(project, &plugin))));
            used.push(plugin.id().id.clone());
        }
    }
    let mut validators = Vec::new();
    for named in &project.plugins.validation {
        if let Some(plugin) = faults.keep(named, host.open_locked(&name(named), &project.dir, &lock).await) {
            validators.extend(faults.keep(named, plugin.validator(settings(project, &plugin))));
            used.push(plugin.id().id.clone());
        }
    }
    let mut profiles = Vec::new();
    let asked = [&project.source, &project.target].iter().any(|side| side.provider != Provider::None);
    for named in project.plugins.profiles.iter().filter(|_| asked) {
        if let Some(plugin) = faults.keep(named, host.open_locked(&name(named), &project.dir, &lock).await) {
            used.push(plugin.id().id.clone());
            let profiler = faults.keep(named, plugin.profiler(settings(project, &plugin)));
            profiles.extend(profiler.map(|profiler| Profile { plugin, profiler }));
        }
    }
    let mut sides = Vec::new();
    for side in [&project.source, &project.target] {
        let asked = match &side.provider {
            Provider::Auto => SideProfilers { profilers: all(&profiles), provider: None },
            Provider::None => SideProfilers::default(),
            Provider::Named(named) => match chosen(&profiles, named) {
                Some(asked) => asked,
                None => {
                    let opened = host.open_locked(&name(named), &project.dir, &lock).await;
                    let Some(plugin) = faults.provider(named, opened, &profiles) else { continue };
                    used.push(plugin.id().id.clone());
                    let profiler = faults.keep(named, plugin.profiler(settings(project, &plugin)));
                    SideProfilers { profilers: profiler.into_iter().collect(), provider: None }
                }
            },
        };
        sides.push(asked);
    }
    // Opened by `provision` only; its settings are in the same file.
    used.extend(project.plugins.provisioning.as_ref().map(|named| {
        let name = name(named);
        lock.find(&name).map_or(name, |locked| locked.id.clone())
    }));
    // A plugin that could not be opened has no id yet: its settings may be right.
    if faults.causes.is_empty() {
        faults.unused_settings(&used);
    }
    let target_profiles = sides.pop().unwrap_or_default();
    let source_profiles = sides.pop().unwrap_or_default();
    match (source, faults.kind) {
        (Some(source), None) => {
            let plugins = Plugins { source, mappers, validators, source_profiles, target_profiles };
            Ok(LoadedPlugins { plugins, cancel: host.cancel().clone() })
        }
        (_, kind) => Err(Failure { kind: kind.unwrap_or(TaskRefusalKind::Plugin), causes: faults.causes }),
    }
}

struct Profile {
    plugin: Plugin,
    profiler: Arc<dyn ServerProfiler>,
}

fn all(profiles: &[Profile]) -> Vec<Arc<dyn ServerProfiler>> {
    profiles.iter().map(|profile| Arc::clone(&profile.profiler)).collect()
}

/// Returns what `provider` names among the open profiles: a provider one of them knows, or one of them.
fn chosen(profiles: &[Profile], named: &PluginRef) -> Option<SideProfilers> {
    let named = name(named);
    let only = |profile: &Profile, provider| SideProfilers {
        profilers: vec![Arc::clone(&profile.profiler)],
        provider,
    };
    let knows = profiles.iter().find(|profile| profile.plugin.providers().contains(&named));
    let is = || profiles.iter().find(|profile| profile.plugin.id().id == named);
    knows
        .map(|profile| only(profile, Some(named.clone())))
        .or_else(|| is().map(|profile| only(profile, None)))
}

/// Opens the list of mailboxes, and what creates those that are missing.
///
/// # Errors
/// When an input cannot be read, one of the two plugins does not load, or the project names none that creates
/// mailboxes.
pub async fn for_provision(
    project: &Project,
    warn: Warn<'_>,
) -> Result<(Arc<dyn MailboxSource>, Arc<dyn MailboxProvisioner>), Failure> {
    let (inputs, broken) = inputs_and_faults(project, warn)?;
    let source = given(project, &project.source, &project.mailboxes.from).await?;
    let list = broken_rows::over(source.plugin.source(source.settings, inputs)?, &broken);
    let source = secrets::over(project, list)?;
    let provisioner = given(project, &project.target, provisioning(project)?).await?;
    let provisioner = provisioner.plugin.provisioner(provisioner.settings)?;
    Ok((source, provisioner))
}

/// Returns the plugin that creates mailboxes on the target.
///
/// # Errors
/// When the project names no such plugin.
pub fn provisioning(project: &Project) -> Result<&PluginRef, Failure> {
    project.plugins.provisioning.as_ref().ok_or_else(|| {
        Failure::input(
            "the project names no plugin that creates mailboxes",
            Some("add `[plugins] provisioning = \"./panel.wasm\"` to the project file"),
        )
    })
}

/// A plugin of the project, ready to be used as one of its kinds.
#[derive(Debug)]
pub struct Given<'a> {
    /// With the secrets it is granted, and the roots that are trusted for its side.
    pub plugin: Plugin,
    /// Its table of `[plugins.settings]`.
    pub settings: &'a Value,
}

/// Opens one plugin of the project, for one side of it.
///
/// # Errors
/// When it is missing, is not what `plugins.lock` says, or lacks a grant.
pub async fn given<'a>(
    project: &'a Project,
    side: &mailhaul_project::Side,
    named: &PluginRef,
) -> Result<Given<'a>, Failure> {
    let lock = Lock::read(&project.dir)?;
    let plugin = host()?.open_locked(&name(named), &project.dir, &lock).await?;
    let plugin = granted(project, side, plugin)?;
    Ok(Given { settings: settings(project, &plugin), plugin })
}

/// Causes found while the plugins are opened, so that all are told at once.
struct Faults<'a> {
    project: &'a Project,
    kind: Option<TaskRefusalKind>,
    causes: Vec<Cause>,
}

impl Faults<'_> {
    fn keep<T>(&mut self, named: &PluginRef, result: Result<T, LoadError>) -> Option<T> {
        let error = match result {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let place = named.line.map(|line| format!("{}: ", self.project.place(line))).unwrap_or_default();
        self.push(kind_of(&error), Cause { sentence: format!("{place}{error}"), hint: None });
        None
    }

    /// As [`keep`](Self::keep), for the plugin `provider` names: where there is none, the providers are told.
    fn provider(
        &mut self,
        named: &PluginRef,
        opened: Result<Plugin, LoadError>,
        profiles: &[Profile],
    ) -> Option<Plugin> {
        let word = match (&opened, &named.name) {
            (Err(LoadError { reason: LoadReason::Unknown(_), .. }), PluginName::Id(word)) => word,
            _ => return self.keep(named, opened),
        };
        let place = named.line.map(|line| format!("{}: ", self.project.place(line))).unwrap_or_default();
        let known: Vec<_> = profiles.iter().flat_map(|profile| profile.plugin.providers()).cloned().collect();
        let sentence = format!("{place}`provider` = `{word}` is no provider mailhaul knows");
        let hint = Some(match known.as_slice() {
            [] => "write \"auto\", or name a plugin with a server profile".to_owned(),
            known => format!("write \"auto\", or one of {}", known.join(", ")),
        });
        self.push(TaskRefusalKind::Input, Cause { sentence, hint });
        None
    }

    /// Settings for a plugin that is not in use are a slip of the pen, and would silently do nothing.
    fn unused_settings(&mut self, used: &[String]) {
        for (id, settings) in &self.project.plugins.settings {
            if !used.contains(id) {
                let mut used: Vec<_> = used.iter().map(|id| format!("`{id}`")).collect();
                used.dedup();
                let place = self.project.place(settings.line);
                let sentence =
                    format!("{place}: `[plugins.settings.{id}]` is for a plugin this project does not use");
                let hint = Some(format!("it uses {}", used.join(", ")));
                self.push(TaskRefusalKind::Input, Cause { sentence, hint });
            }
        }
    }

    /// The project file is at fault only when no plugin is.
    fn push(&mut self, kind: TaskRefusalKind, cause: Cause) {
        let plugin = self.kind == Some(TaskRefusalKind::Plugin);
        self.kind = Some(if plugin { TaskRefusalKind::Plugin } else { kind });
        self.causes.push(cause);
    }
}

/// Returns how the plugin host knows a plugin: its id, or its file as the project has it.
#[must_use]
pub fn name(named: &PluginRef) -> String {
    match &named.name {
        PluginName::Id(id) => id.clone(),
        PluginName::File { shown, .. } => shown.clone(),
    }
}

/// Adds what the project grants the plugin, and the roots it trusts for this side.
fn granted(project: &Project, side: &Side, plugin: Plugin) -> Result<Plugin, LoadError> {
    let secrets = project.plugins.secrets.get(&plugin.id().id);
    let settings = settings(project, &plugin).clone();
    let plugin = plugin.granted(&settings, |name| match secrets.and_then(|secrets| secrets.get(name)) {
        Some(reference) => resolve(reference).map(Some).map_err(|error| error.to_string()),
        None => Ok(None),
    })?;
    let Some(file) = &side.ca_file else { return Ok(plugin) };
    match Dialer::trusting(&file.pem) {
        Ok(dialer) => Ok(plugin.trusting(dialer)),
        Err(error) => Err(LoadError {
            plugin: plugin.id().id.clone(),
            reason: LoadReason::Input(format!("`ca_file` {}: {}", file.path.display(), error.detail)),
        }),
    }
}

fn settings<'a>(project: &'a Project, plugin: &Plugin) -> &'a Value {
    project.plugins.settings.get(&plugin.id().id).map_or(&Value::Null, |settings| &settings.value)
}

/// Reads and grants the files under `[mailboxes] inputs`: tables parsed, others to be read by the plugin.
///
/// # Errors
/// Tables that cannot be read, and files outside of the project's folder or that cannot be opened.
pub fn inputs(project: &Project, warn: Warn<'_>) -> Result<Inputs, Failure> {
    with_files(project, tables(project, warn)?)
}

/// As [`inputs`], with the sound rows of tables and what is wrong with the others.
fn inputs_and_faults(project: &Project, warn: Warn<'_>) -> Result<(Inputs, Vec<ProjectError>), Failure> {
    let (mut tables, mut faults) = (Vec::new(), Vec::new());
    for (name, input) in table_inputs(project) {
        let file = seen_from_here(project, input);
        let (table, more) = Table::read_sound_rows(&file, table::Limits::default())?;
        warn_of(&table, warn);
        tables.push((name.clone(), table));
        faults.extend(more);
    }
    Ok((with_files(project, tables)?, faults))
}

/// Adds the inputs that are no tables.
fn with_files(project: &Project, tables: Vec<(String, Table)>) -> Result<Inputs, Failure> {
    let mut inputs = Inputs::new();
    for (name, table) in tables {
        inputs = inputs.with_table(name, handed_over(table));
    }
    for (name, input) in project.mailboxes.inputs.iter().filter(|(_, input)| !is_table(project, input)) {
        inputs = inputs.with_file(name.clone(), &project.dir, &input.shown).map_err(|error| {
            Failure::input(
                format!(
                    "{}: the input `{name}`, {}, cannot be opened: {error}",
                    project.place(input.line),
                    input.shown.display()
                ),
                Some("a file that is granted to a plugin lies in the project's folder"),
            )
        })?;
    }
    Ok(inputs)
}

/// Reads those of the inputs that are tables, each with its name in the project file.
///
/// # Errors
/// Everything that is wrong with the first table that cannot be read.
pub fn tables(project: &Project, warn: Warn<'_>) -> Result<Vec<(String, Table)>, Failure> {
    let mut tables = Vec::new();
    for (name, input) in table_inputs(project) {
        let table = Table::read(&seen_from_here(project, input), table::Limits::default())?;
        warn_of(&table, warn);
        tables.push((name.clone(), table));
    }
    Ok(tables)
}

fn table_inputs(project: &Project) -> impl Iterator<Item = (&String, &Input)> {
    project.mailboxes.inputs.iter().filter(|(_, input)| is_table(project, input))
}

fn warn_of(table: &Table, warn: Warn<'_>) {
    for warning in &table.warnings {
        warn(&warning.to_string());
    }
}

/// Whether an input is parsed here, so that its secret columns never reach the plugin as text: always
/// for the plugin we ship, otherwise by what the file is called.
fn is_table(project: &Project, input: &Input) -> bool {
    const TABLES: [&str; 3] = ["csv", "tsv", "tab"];
    let extension = input.path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    project.mailboxes.from.name == PluginName::Id("csv".to_owned())
        || TABLES.iter().any(|table| extension.eq_ignore_ascii_case(table))
}

/// Returns the path as the operator wrote it when they stand in the project's folder, else the whole one.
fn seen_from_here(project: &Project, input: &Input) -> std::path::PathBuf {
    let here = std::env::current_dir().is_ok_and(|here| here == project.dir);
    if here { Path::new(&input.shown).to_owned() } else { input.path.clone() }
}

/// Returns a table in the plugin host's terms, its secrets registered with [`redact`].
#[must_use]
pub fn handed_over(table: Table) -> TableInput {
    let columns = table.columns.into_iter().map(|column| Column { name: column.name, secret: column.secret });
    let rows = table.rows.into_iter().map(|row| {
        let cells = row.cells.into_iter().map(|cell| match cell {
            table::Cell::Text(text) => Cell::Text(text),
            table::Cell::Secret(secret) => {
                redact::register(secret.expose_secret());
                Cell::Secret(secret)
            }
        });
        // More lines than that are refused when the table is read.
        TableRow { line: u32::try_from(row.line).unwrap_or(u32::MAX), cells: cells.collect() }
    });
    TableInput { file: table.file.display().to_string(), columns: columns.collect(), rows: rows.collect() }
}
