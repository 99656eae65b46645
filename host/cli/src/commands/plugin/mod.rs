//! `mailhaul plugin`: what plugins there are, and what one is and may do.

pub(crate) mod author;
mod lock;
mod record;

use std::path::Path;

use mailhaul_app::plugins;
use mailhaul_plugin_host::PluginHost;
use mailhaul_project::{PROJECT_FILE, PluginName, Project};

use crate::args::{Global, Inspect, Plugin};
use crate::error::Failure;
use crate::exit::Exit;
use crate::project::for_reading;
use crate::ui::Ui;
use crate::ui::plugins::{Entry, List, card, list};

pub(crate) fn plugin(ui: &mut Ui, global: &Global, command: &Plugin) -> Result<Exit, Failure> {
    match command {
        Plugin::List => show_list(ui, global),
        Plugin::Inspect(args) => inspect(ui, args),
        Plugin::New(args) => author::new(ui, args),
        Plugin::Build(args) => author::build(ui, args),
        Plugin::Check(args) => author::check(ui, args),
        Plugin::Test(args) => author::test(ui, args),
        Plugin::Call(args) => author::call(ui, args),
        Plugin::Record(args) => record::record(ui, global, args),
        Plugin::Add(args) => lock::add(ui, global, args),
        Plugin::Update(args) => lock::update(ui, global, args),
        Plugin::Remove(args) => lock::remove(ui, global, args),
        Plugin::Diff(args) => lock::diff(ui, global, args),
        Plugin::Grant(args) => lock::grant(ui, global, args),
    }
}

/// Lists what ships, and what the project names beside that.
fn show_list(ui: &mut Ui, global: &Global) -> Result<Exit, Failure> {
    let host = plugins::host()?;
    let mut plugins: Vec<Entry> = host.list()?.into_iter().map(|listed| Entry::new(listed, None)).collect();
    let mut exit = Exit::Done;
    if let Some(project) = project(ui, global)? {
        exit = add_files(ui, &host, &project, &mut plugins);
    }
    let plugins = List { plugins };
    if ui.json() {
        ui.document(&plugins, true)?;
    } else {
        ui.data(&list(&plugins, ui.width, ui.palette))?;
    }
    Ok(exit)
}

/// Opens the project when there is one; the list needs none.
fn project(ui: &mut Ui, global: &Global) -> Result<Option<Project>, Failure> {
    if global.config.is_none() && mailhaul_project::find(Path::new("."), Path::new(PROJECT_FILE)).is_err() {
        return Ok(None);
    }
    match for_reading(ui, global) {
        Ok(project) => Ok(Some(project)),
        // One that is named is meant; one that happens to lie above may be broken.
        Err(failure) if global.config.is_some() => Err(failure),
        Err(failure) => {
            for cause in failure.causes {
                ui.warn(&cause.sentence);
            }
            Ok(None)
        }
    }
}

fn add_files(ui: &mut Ui, host: &PluginHost, project: &Project, plugins: &mut Vec<Entry>) -> Exit {
    let mut exit = Exit::Done;
    let named = std::iter::once(&project.mailboxes.from)
        .chain(&project.plugins.mapping)
        .chain(&project.plugins.validation);
    let mut seen = Vec::new();
    for named in named {
        let PluginName::File { shown, .. } = &named.name else { continue };
        if seen.contains(&shown) {
            continue;
        }
        seen.push(shown);
        match host.inspect(&plugins::name(named), &project.dir) {
            Ok(found) => plugins.push(Entry::of_file(found, shown)),
            Err(error) => {
                ui.problem(&error.to_string());
                exit = Exit::Plugin;
            }
        }
    }
    exit
}

/// Says what a plugin is, may do and wants, in plain words. Nothing of it is run.
fn inspect(ui: &mut Ui, args: &Inspect) -> Result<Exit, Failure> {
    let found = plugins::host()?.inspect(&args.plugin, Path::new(""))?;
    if ui.json() {
        ui.document(&found, true)?;
    } else {
        ui.data(&card(&found, &args.plugin, ui.width, ui.palette))?;
    }
    Ok(Exit::Done)
}
