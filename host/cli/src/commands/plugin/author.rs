//! `mailhaul plugin new | build | check | test | call`: for authors of plugins. None of them needs a project.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use mailhaul_app::plugins;
use mailhaul_author::trial::{self, Faults, Fixture, Trial, TrialError};
use mailhaul_author::{AuthorError, Folder, Scaffold};
use mailhaul_plugin_host::{Inspection, Kind, Limits, Plugin, PluginHost};

use crate::args::{Build, Call, CheckPlugin, New, TestPlugin};
use crate::drive::runtime;
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::Ui;
use crate::ui::author::{Case, PluginCheck, Tests, check_page, test_page};

/// Largest request read from standard input, in bytes.
const MAX_REQUEST: u64 = 64 << 20;

/// Writes a folder below the current one with a plugin that works and its fixtures.
pub(crate) fn new(ui: &mut Ui, args: &New) -> Result<Exit, Failure> {
    let wanted = Scaffold { kind: args.kind.name(), name: &args.name, language: args.lang.into() };
    let folder = mailhaul_author::scaffold(Path::new(""), wanted)?;
    ui.note(&format!("`{}` holds a working {} with its fixtures", folder.display(), args.kind.name()));
    ui.hint(&format!(
        "`cd {}`, then `mailhaul plugin build` and `mailhaul plugin test`; README.md tells the rest",
        folder.display()
    ));
    Ok(Exit::Done)
}

/// Compiles the plugin of a folder, then loads it as the operator's mailhaul would.
pub(crate) fn build(ui: &mut Ui, args: &Build) -> Result<Exit, Failure> {
    let folder = Folder::open(&args.dir)?;
    let built = mailhaul_author::build(&folder)?;
    let size = mailhaul_text::bytes(built.size as u64);
    ui.note(&format!("{} is built, {size}", built.path.display()));
    // What mailhaul would refuse is said now rather than on the operator's machine.
    let found = plugins::host()?.inspect(&explicit_path(&built.path), Path::new(""))?;
    ui.hint(&format!("`mailhaul plugin test` tries it; {} {}", found.id, found.version));
    Ok(Exit::Done)
}

/// Says whether mailhaul would take a plugin, without asking it anything.
pub(crate) fn check(ui: &mut Ui, args: &CheckPlugin) -> Result<Exit, Failure> {
    let name = component(&args.plugin)?;
    let host = plugins::host()?;
    let found = host.inspect(&name, Path::new(""))?;
    let plugin = open(&host, &name)?;
    let page = plugin_check(&found, &plugin);
    if ui.json() {
        ui.document(&page, true)?;
    } else {
        ui.data(&check_page(&page, ui.width, ui.palette))?;
    }
    Ok(Exit::Done)
}

fn plugin_check(found: &Inspection, plugin: &Plugin) -> PluginCheck {
    PluginCheck {
        id: found.id.clone(),
        version: found.version.clone(),
        kinds: plugin.kinds().to_vec(),
        imports: found.imports.iter().map(|import| import.name).collect(),
        settings: found.settings.len(),
        required: found
            .settings
            .iter()
            .filter(|(_, setting)| setting.required)
            .map(|(name, _)| name.clone())
            .collect(),
        size: found.size,
    }
}

/// Asks every fixture of a folder and compares the answers.
pub(crate) fn test(ui: &mut Ui, args: &TestPlugin) -> Result<Exit, Failure> {
    let folder = Folder::open(&args.dir)?;
    let name = component(&args.dir.to_string_lossy())?;
    let host = plugins::host()?;
    let plugin = open(&host, &name)?;
    let fixtures = trial::fixtures(&folder.fixtures()).map_err(|error| input(&error))?;
    if fixtures.is_empty() {
        return Err(Failure::new(
            Exit::Plugin,
            format!("`{}` holds no fixture (`NAME.json`): nothing was tested", folder.fixtures().display()),
            Some(
                "`mailhaul plugin record KIND` writes one from your own servers; `mailhaul plugin new` shows what they look like",
            ),
        ));
    }
    let id = plugin.id().clone();
    let trial = Trial::new(plugin, Faults { deny_http: args.deny.is_some(), slow: args.slow_host });
    let mut cases = Vec::new();
    let runtime = runtime()?;
    for (name, fixture) in fixtures {
        let case = match fixture {
            Ok(fixture) => Case::of(name, &fixture, runtime.block_on(trial.run(&fixture))),
            Err(error) => Case::broken(name, error.to_string()),
        };
        cases.push(case);
    }
    let page = Tests::new(&id, cases, &Limits::default());
    if ui.json() {
        ui.document(&page, true)?;
    } else {
        ui.data(&test_page(&page, ui.width, ui.palette))?;
    }
    Ok(if page.failed == 0 { Exit::Done } else { Exit::Plugin })
}

/// Asks one request, which comes from standard input, and prints the answer.
pub(crate) fn call(ui: &mut Ui, args: &Call) -> Result<Exit, Failure> {
    let name = component(&args.plugin)?;
    let mut text = String::new();
    let read = std::io::stdin().take(MAX_REQUEST).read_to_string(&mut text);
    read.map_err(|error| Failure::input(format!("cannot read standard input: {error}"), None))?;
    let fixture = request(&text).map_err(|error| {
        Failure::input(
            format!("standard input is no request: {error}"),
            Some("a request is the `request` of a fixture, or a whole fixture, as JSON"),
        )
    })?;
    let trial = Trial::new(open(&plugins::host()?, &name)?, Faults::default());
    let asked = runtime()?.block_on(trial.ask(args.kind, &fixture)).map_err(trial_failure)?;
    for line in &asked.usage.log {
        ui.note(&format!("log: {line}"));
    }
    match asked.answer {
        Ok(answer) => {
            ui.document(&answer, true)?;
            Ok(Exit::Done)
        }
        Err(error) => Err(Failure::new(Exit::Plugin, trial::told(&error), None)),
    }
}

/// Reads a whole fixture, or its request alone.
fn request(text: &str) -> Result<Fixture, serde_json::Error> {
    let value: serde_json::Value = serde_json::from_str(text)?;
    if value.get("request").is_some() {
        return serde_json::from_value(value);
    }
    Ok(Fixture { request: value, ..Fixture::default() })
}

/// Returns what the plugin host is to open: for a folder its built component, else the id or file as given.
pub(super) fn component(named_by: &str) -> Result<String, Failure> {
    let path = Path::new(named_by);
    if !path.is_dir() {
        return Ok(named_by.to_owned());
    }
    let folder = Folder::open(path)?;
    let component = folder.component();
    if component.is_file() {
        return Ok(explicit_path(&component));
    }
    Err(Failure::new(
        Exit::Plugin,
        format!("`{}` is not built yet", component.display()),
        Some("run `mailhaul plugin build` first"),
    ))
}

/// Writes a path so that the plugin host does not take it for an id: absolute, or beginning with `./`.
fn explicit_path(path: &Path) -> String {
    if path.is_absolute() {
        path.display().to_string()
    } else {
        PathBuf::from(".").join(path.strip_prefix(".").unwrap_or(path)).display().to_string()
    }
}

pub(super) fn open(host: &PluginHost, name: &str) -> Result<Plugin, Failure> {
    Ok(runtime()?.block_on(host.open(name, Path::new("")))?)
}

pub(super) fn trial_failure(error: TrialError) -> Failure {
    match error {
        TrialError::Load(error) => error.into(),
        TrialError::NoAnswer(error) => Failure::new(Exit::Plugin, error.to_string(), None),
        other => input(&other),
    }
}

fn input(error: &dyn std::fmt::Display) -> Failure {
    Failure::input(error.to_string(), None)
}

impl From<AuthorError> for Failure {
    fn from(error: AuthorError) -> Self {
        let exit = match error {
            AuthorError::Carried(_) => Exit::Internal,
            AuthorError::Compiler { .. } | AuthorError::Componentize(_) | AuthorError::Wasi(_) => {
                Exit::Plugin
            }
            _ => Exit::Input,
        };
        Self::new(exit, error.to_string(), None)
    }
}

/// Parses a kind of plugin, for clap.
pub(crate) fn kind(text: &str) -> Result<Kind, String> {
    serde_json::from_value(serde_json::Value::from(text)).map_err(|_| {
        "the kinds are folder-mapper, mailbox-source, validator, server-profile and mailbox-provisioner"
            .to_owned()
    })
}
