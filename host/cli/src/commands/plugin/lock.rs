//! `mailhaul plugin add | update | remove | diff | grant`: what `plugins.lock` says about foreign plugins.

use std::path::{Path, PathBuf};

use mailhaul_app::plugins;
use mailhaul_plugin_host::{Inspection, Lock, LockEntry, PluginHost};
use mailhaul_project::PROJECT_FILE;
use mailhaul_text::escape;

use crate::args::{Add, Global, Grant, OnePlugin};
use crate::drive::runtime;
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::Ui;
use crate::ui::plugins::card;

/// A project's `plugins.lock`, with the plugin host that loads what it names. The project file itself may be
/// broken.
struct Trust {
    host: PluginHost,
    project: PathBuf,
    lock: Lock,
}

impl Trust {
    fn open(global: &Global) -> Result<Self, Failure> {
        let named = global.config.as_deref().unwrap_or(Path::new(PROJECT_FILE));
        let file =
            if named.is_file() { named.to_owned() } else { mailhaul_project::find(Path::new("."), named)? };
        // Only where it lies matters: a plugin is added before the file that names it is right.
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let lock = Lock::read(folder)?;
        Ok(Self { host: plugins::host()?, project: folder.to_owned(), lock })
    }

    /// Compiles and starts the plugin without asking it anything, so that what is trusted also loads.
    fn load(&self, source: &str) -> Result<Inspection, Failure> {
        let runtime = runtime()?;
        let plugin = runtime.block_on(self.host.open(source, &self.project))?;
        Ok(plugin.inspect())
    }

    fn entry(&self, name: &str) -> Result<LockEntry, Failure> {
        self.lock.find(name).cloned().ok_or_else(|| {
            let known: Vec<_> = self.lock.plugins.iter().map(|locked| locked.id.as_str()).collect();
            let hint = match known.as_slice() {
                [] => "there is none in it yet; `mailhaul plugin add FILE` adds one".to_owned(),
                known => format!("it has {}", known.join(", ")),
            };
            Failure::input(format!("`{}` is not in plugins.lock", escape(name)), Some(&hint))
        })
    }

    fn save(&mut self, entry: LockEntry) -> Result<(), Failure> {
        self.lock.put(entry);
        Ok(self.lock.write(&self.project)?)
    }
}

/// Returns a file as the project names it: relative to its folder where it lies in it.
fn relative_to_project(project: &Path, file: &str) -> String {
    let absolute = |path: &Path| std::fs::canonicalize(path).ok();
    let inside = absolute(Path::new(file))
        .zip(absolute(project))
        .and_then(|(file, project)| Some(file.strip_prefix(project).ok()?.display().to_string()));
    match inside {
        Some(inside) => format!("./{inside}"),
        None => file.to_owned(),
    }
}

/// Shows what a file is and asks for, and trusts it.
pub(crate) fn add(ui: &mut Ui, global: &Global, args: &Add) -> Result<Exit, Failure> {
    let mut trust = Trust::open(global)?;
    let ids: Vec<_> = trust.host.list()?.into_iter().map(|listed| listed.id).collect();
    if ids.contains(&args.file) {
        return Err(Failure::input(
            format!("`{}` ships with mailhaul and needs no trust of yours", args.file),
            Some("a component file is written with its path, as in ./acme.wasm"),
        ));
    }
    let source = relative_to_project(&trust.project, &args.file);
    let found = trust.load(&source)?;
    let entry = match trust.lock.find(&source) {
        // Once more, after a change: as `update`.
        Some(known) if known.id == found.id => known.updated(&found),
        _ => LockEntry::of(&found, &source),
    };
    ui.data(&card(&found, &source, ui.width, ui.palette))?;
    trust.save(entry.clone())?;
    ui.note(&format!("{} {} is in plugins.lock now, as {source}", found.id, found.version));
    open_grants(ui, &entry);
    Ok(Exit::Done)
}

/// Warns of what is asked for and not granted, with the command that grants it.
fn open_grants(ui: &mut Ui, entry: &LockEntry) {
    let open: Vec<_> = entry.asks.lines().into_iter().filter(|(word, _)| !entry.grants.has(word)).collect();
    if open.is_empty() {
        return;
    }
    for (_, line) in &open {
        ui.warn(&format!("{} is not granted yet: to {}", entry.id, escape(line)));
    }
    ui.hint(&format!(
        "`mailhaul plugin grant {} --all` grants it; `mailhaul plugin grant {} '{}'` one of them",
        entry.id, entry.id, open[0].0
    ));
}

/// Shows how the file differs and trusts it as it is now.
pub(crate) fn update(ui: &mut Ui, global: &Global, args: &OnePlugin) -> Result<Exit, Failure> {
    let mut trust = Trust::open(global)?;
    let old = trust.entry(&args.plugin)?;
    let found = trust.load(&old.source)?;
    let lines = old.differences(&found);
    if lines.is_empty() {
        ui.note(&format!("{} is what plugins.lock says", old.source));
        return Ok(Exit::Done);
    }
    ui.data(&escaped_lines(&lines))?;
    let new = old.updated(&found);
    trust.lock.plugins.retain(|locked| locked.id != old.id);
    trust.save(new.clone())?;
    ui.note(&format!("{} {} is in plugins.lock now", found.id, found.version));
    open_grants(ui, &new);
    Ok(Exit::Done)
}

fn escaped_lines(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{}\n", escape(line))).collect()
}

/// Takes a plugin out of `plugins.lock`; the component file stays.
pub(crate) fn remove(ui: &mut Ui, global: &Global, args: &OnePlugin) -> Result<Exit, Failure> {
    let mut trust = Trust::open(global)?;
    let old = trust.entry(&args.plugin)?;
    trust.lock.plugins.retain(|locked| locked.id != old.id);
    trust.lock.write(&trust.project)?;
    ui.note(&format!("{} is no longer in plugins.lock; {} stays where it is", old.id, old.source));
    Ok(Exit::Done)
}

/// Says how a component file differs from what `plugins.lock` says: exit code 3 when it does.
pub(crate) fn diff(ui: &mut Ui, global: &Global, args: &OnePlugin) -> Result<Exit, Failure> {
    let trust = Trust::open(global)?;
    let old = trust.entry(&args.plugin)?;
    let found = trust.host.inspect(&old.source, &trust.project)?;
    let lines = old.differences(&found);
    if lines.is_empty() {
        ui.note(&format!("{} is what plugins.lock says", old.source));
        return Ok(Exit::Done);
    }
    ui.data(&escaped_lines(&lines))?;
    ui.hint(&format!("if that is meant, type `mailhaul plugin update {}`", old.id));
    Ok(Exit::NotAllWell)
}

/// Grants what a plugin asks for, or takes it back.
pub(crate) fn grant(ui: &mut Ui, global: &Global, args: &Grant) -> Result<Exit, Failure> {
    let mut trust = Trust::open(global)?;
    let mut entry = trust.entry(&args.plugin)?;
    let asked = entry.asks.lines();
    let mut words = args.what.clone();
    if args.all {
        words.extend(asked.iter().map(|(word, _)| word.clone()));
    }
    words.extend(args.private.iter().cloned());
    for word in &words {
        if args.revoke {
            entry.grants.revoke(word);
        } else if !entry.grants.grant(&entry.asks, word) {
            let asks: Vec<_> = asked.iter().map(|(word, _)| format!("`{word}`")).collect();
            let hint = match asks.as_slice() {
                [] => "it asks for nothing".to_owned(),
                asks => format!("it asks for {}", asks.join(", ")),
            };
            let sentence = format!("{} does not ask for `{}`", entry.id, escape(word));
            return Err(Failure::input(sentence, Some(&hint)));
        }
    }
    if !args.revoke {
        entry.grants.private.extend(args.private.iter().cloned());
    }
    trust.save(entry.clone())?;
    let what: Vec<_> = asked.iter().filter(|(word, _)| entry.grants.has(word)).collect();
    if what.is_empty() {
        ui.note(&format!("{} is granted nothing", entry.id));
    }
    for (_, line) in what {
        ui.note(&format!("{} may {}", entry.id, escape(line)));
    }
    open_grants(ui, &entry);
    Ok(Exit::Done)
}
