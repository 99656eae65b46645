//! From the text of `mailhaul.toml` to a [`Project`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use crate::error::{ProjectError, ProjectErrors, Warning, io_cause, quoted};
use crate::model::{
    Ignore, Input, Mailboxes, PluginName, PluginRef, PluginSettings, Plugins, Project, RuleSpec, SideName,
};
use crate::secret::SecretRef;
use crate::section::{Entry, ProjectText, Section};
use crate::{side, size};

mod select;

/// Longest project file in bytes; a thousand rules have a tenth of it.
const LONGEST: u64 = 1 << 20;

/// Most mistakes that are reported at once: the first ones are the news.
const REPORTED: usize = 50;

/// A project that can be used, and what its owner should know about its files.
#[derive(Debug, Clone)]
pub struct LoadedProject {
    /// What the project file says, checked and with defaults filled in.
    pub project: Project,
    /// What stops nothing: files with passwords that other users can read, one warning each.
    pub warnings: Vec<Warning>,
}

impl Project {
    /// Reads and checks a project file. Nothing is asked for or resolved: of the files it names only
    /// `ca_file` is read.
    ///
    /// # Errors
    /// When the file cannot be read, is larger than 1 MiB, or is wrong: the first 50 mistakes found, by line.
    /// `[cutover]`, which this version does not act on, is refused by name.
    pub fn load(path: &Path) -> Result<LoadedProject, ProjectErrors> {
        let unreadable =
            |cause: String| ProjectError::new(path, None, cause, "check the path and its permissions");
        let mut bytes = Zeroizing::new(Vec::with_capacity(64 << 10));
        File::open(path)
            .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
            .map_err(|error| unreadable(io_cause(&error)))?;
        if bytes.len() as u64 > LONGEST {
            return Err(ProjectError::new(
                path,
                None,
                "it is larger than 1 MiB, which no project file is",
                "check the path",
            )
            .into());
        }
        let absolute = std::path::absolute(path).map_err(|error| unreadable(io_cause(&error)))?;
        let dir = absolute.parent().unwrap_or(&absolute).to_owned();
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
            Err(error) => {
                let line = bytes[..error.valid_up_to()].iter().filter(|&&b| b == b'\n').count() + 1;
                return Err(ProjectError::new(path, line, "it is not UTF-8", "save it as UTF-8").into());
            }
        };
        let mut loaded = parse(path, &dir, text)?;
        if crate::permissions::readable_by_others(path) {
            let project = &loaded.project;
            let secrets = [&project.source, &project.target]
                .into_iter()
                .flat_map(|side| [&side.admin_password, &side.token])
                .flatten();
            if let Some(secret) = secrets.into_iter().find(|secret| secret.is_literal()) {
                loaded.warnings.push(Warning::new(
                    path,
                    secret.line,
                    format!(
                        "other users can read this file, and `{}` stands in it; `chmod 600 {}` keeps them out",
                        secret.key,
                        path.display()
                    ),
                ));
            }
        }
        Ok(loaded)
    }
}

/// Reads the text of a project file that stands in `dir`.
pub(crate) fn parse(file: &Path, dir: &Path, text: &str) -> Result<LoadedProject, ProjectErrors> {
    let project_text = ProjectText::new(file, dir, text);
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        // Only the message: the error's `Display` would quote the line, and a password with it.
        let line = project_text.line(error.span().map_or(0, |span| span.start));
        let remedy = match error.message() {
            "duplicate key" => "remove or rename one of the two",
            _ => "check the quotes and brackets around there",
        };
        project_text.problem(line, error.message().replace('\n', ", "), remedy);
    }
    // What a broken file seems to say would only add noise.
    let project = errors.is_empty().then(|| read(&project_text, root.get_ref()));
    let (mut problems, warnings) = project_text.finish();
    problems.truncate(REPORTED);
    match (ProjectErrors::from_list(problems), project) {
        (None, Some(project)) => Ok(LoadedProject { project, warnings }),
        (Some(errors), _) => Err(errors),
        (None, None) => Err(ProjectError::new(file, None, "it is not TOML", "check its syntax").into()),
    }
}

fn read(text: &ProjectText<'_>, root: &DeTable<'_>) -> Project {
    let top = Section::new(text, "", 1, root);
    let section = |name: &'static str| {
        let entry = top.get(name)?;
        Some(Section::new(text, name, entry.line, entry.table()?))
    };
    if let Some(cutover) = top.get("cutover") {
        cutover.report("is not built yet", "remove the table, or comment it out");
    }
    let project = section("project");
    let folder =
        || text.dir.file_name().map_or("mailhaul".into(), |name| name.to_string_lossy().into_owned());
    Project {
        name: project
            .as_ref()
            .and_then(|s| s.get("name"))
            .and_then(|entry| entry.line_of_text())
            .unwrap_or_else(folder),
        state: project
            .as_ref()
            .and_then(|s| s.get("state"))
            .and_then(|entry| state(&entry))
            .unwrap_or_else(|| text.dir.join(".mailhaul")),
        file: text.file.to_owned(),
        dir: text.dir.to_owned(),
        source: section("source")
            .map_or_else(|| side::absent(SideName::Source), |s| side::read(SideName::Source, &s)),
        target: section("target")
            .map_or_else(|| side::absent(SideName::Target), |s| side::read(SideName::Target, &s)),
        mailboxes: mailboxes(text, &top, section("mailboxes").as_ref()),
        rules: top.get("folders").map(|entry| rules(&entry)).unwrap_or_default(),
        plugins: plugins(section("plugins").as_ref()),
        select: section("select").map(|s| select::read(&s)).unwrap_or_default(),
        ignore: section("verify").map(|s| ignore(&s)).unwrap_or_default(),
        limits: section("limits").map(|s| limits::limits(&s)).unwrap_or_default(),
        key: section("secrets").and_then(|s| s.get("key")).and_then(|entry| key(&entry)),
    }
}

/// Reads the reference to the key of the project's own secrets.
fn key(entry: &Entry<'_, '_>) -> Option<SecretRef> {
    if entry.value.get_ref().as_str().is_some() {
        return entry.refuse(
            "stands beside what it opens",
            "write { file = \"path\" }, { env = \"NAME\" } or { command = [\"…\"] }, or leave it out",
        );
    }
    side::secret(entry)
}

fn state(entry: &Entry<'_, '_>) -> Option<PathBuf> {
    let (path, shown) = entry.path()?;
    if path.exists() && !path.is_dir() {
        return entry
            .refuse(format!("= {} is a file", quoted(&shown)), "name a folder; it is made when needed");
    }
    Some(path)
}

fn mailboxes(text: &ProjectText<'_>, top: &Section<'_, '_>, section: Option<&Section<'_, '_>>) -> Mailboxes {
    let default = || PluginRef { name: PluginName::Id("csv".into()), line: None };
    let Some(section) = section else {
        if top.get("mailboxes").is_none() {
            text.problem(
                1,
                "there is no `[mailboxes]`",
                "add `[mailboxes]` with inputs = { accounts = \"mailboxes.csv\" }",
            );
        }
        return Mailboxes { from: default(), inputs: BTreeMap::new(), hosts: Vec::new(), line: 1 };
    };
    let mut inputs = BTreeMap::new();
    if let Some(table) = section.get("inputs").and_then(|entry| Some((entry.table()?, entry))) {
        let (table, entry) = table;
        for (key, value) in table {
            let word: &str = key.get_ref();
            let value = entry.of(format!("{}.{word}", entry.key), key.span().start, value);
            if let Some((path, shown)) = value.path() {
                inputs.insert(word.to_owned(), Input { path, shown: shown.into(), line: value.line });
            }
        }
    }
    Mailboxes {
        from: section.get("from").and_then(|entry| plugin(&entry)).unwrap_or_else(default),
        inputs,
        hosts: section.get("hosts").map(|entry| side::allowed_hosts(&entry)).unwrap_or_default(),
        line: section.line,
    }
}

fn rules(entry: &Entry<'_, '_>) -> Vec<RuleSpec> {
    let Some(list) = entry.value.get_ref().as_array() else {
        return entry.wrong_type("each rule as a `[[folders]]` table of its own").unwrap_or_default();
    };
    list.iter()
        .filter_map(|value| {
            let rule = entry.of("[[folders]]".into(), value.span().start, value);
            rule_spec(&Section::new(entry.text, "folders", rule.line, rule.table()?), &rule)
        })
        .collect()
}

fn rule_spec(section: &Section<'_, '_>, rule: &Entry<'_, '_>) -> Option<RuleSpec> {
    let from = section.get("from").map(|entry| entry.folder());
    let to = section.get("to").map(|entry| entry.folder());
    let skip = section.boolean("skip").is_some_and(|skip| skip.value);
    let keep_copies = section.choice("copies", &[("keep", true)]);
    let Some(from) = from else {
        return rule.refuse("has no `from`", "add the source folders it is about, as in from = \"Old/**\"");
    };
    if keep_copies.is_some() && !skip {
        return rule.refuse(
            "has `copies` and does not leave its folders out",
            "remove `copies`: it is for rules with skip = true",
        );
    }
    let keep_copies = keep_copies.unwrap_or(false);
    match (to, skip) {
        (Some(_), true) => rule.refuse("has both `to` and `skip`", "remove one of them"),
        (None, false) => {
            rule.refuse("says nothing about its folders", "add to = \"…\", or skip = true to leave them out")
        }
        (Some(to), false) => {
            Some(RuleSpec { from: from?, to: Some(to?), skip, keep_copies, line: section.line })
        }
        (None, true) => Some(RuleSpec { from: from?, to: None, skip, keep_copies, line: section.line }),
    }
}

fn plugins(section: Option<&Section<'_, '_>>) -> Plugins {
    let list = |key, default: &[&str]| {
        let written = section.and_then(|s| s.get(key)).map(|entry| plugin_list(&entry));
        written.unwrap_or_else(|| {
            let id = |&id: &&str| PluginRef { name: PluginName::Id(id.to_owned()), line: None };
            default.iter().map(id).collect()
        })
    };
    Plugins {
        mapping: list("mapping", &["roles"]),
        validation: list("validation", &["counts", "special-folders"]),
        profiles: list("profiles", &["server-profiles"]),
        provisioning: section.and_then(|s| s.get("provisioning")).and_then(|entry| plugin(&entry)),
        settings: section.and_then(|s| s.get("settings")).map(|entry| settings(&entry)).unwrap_or_default(),
        secrets: section.and_then(|s| s.get("secrets")).map(|entry| secrets(&entry)).unwrap_or_default(),
    }
}

fn plugin_list(entry: &Entry<'_, '_>) -> Vec<PluginRef> {
    let Some(words) = entry.list("a list, as in [\"roles\", \"./acme.wasm\"]") else { return Vec::new() };
    let mut seen = BTreeSet::new();
    words
        .iter()
        .filter_map(|word| {
            let plugin = plugin(word)?;
            if !seen.insert(plugin.name.to_string()) {
                return word.refuse(format!("names `{}` twice", plugin.name), "remove one of them");
            }
            Some(plugin)
        })
        .collect()
}

pub(crate) fn plugin(entry: &Entry<'_, '_>) -> Option<PluginRef> {
    let line = Some(entry.line);
    if entry.string()?.contains(['/', '\\']) {
        let (path, shown) = entry.path()?;
        return Some(PluginRef { name: PluginName::File { path, shown }, line });
    }
    let word = entry.line_of_text()?;
    if word.ends_with(".wasm") {
        return entry.refuse(
            format!("names {}, which is neither an id nor a path", quoted(&word)),
            format!("a file beside this one is written \"./{word}\""),
        );
    }
    if !word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return entry.refuse(
            format!("names {}, which is no plugin id", quoted(&word)),
            "an id has small letters, digits and hyphens; a file is written \"./name.wasm\"",
        );
    }
    Some(PluginRef { name: PluginName::Id(word), line })
}

fn settings(entry: &Entry<'_, '_>) -> BTreeMap<String, PluginSettings> {
    let mut all = BTreeMap::new();
    for (key, value) in entry.table().into_iter().flatten() {
        let id: &str = key.get_ref();
        let of_plugin = entry.of(format!("[plugins.settings] {id}"), key.span().start, value);
        if of_plugin.table().is_none() {
            continue;
        }
        if let Some(json) = json(&of_plugin, value.get_ref()) {
            all.insert(id.to_owned(), PluginSettings { value: json, line: of_plugin.line });
        }
    }
    all
}

/// Reads `[plugins.secrets.ID]`: the secrets plugins are given to use, by plugin id and name.
fn secrets(entry: &Entry<'_, '_>) -> BTreeMap<String, BTreeMap<String, SecretRef>> {
    let mut all = BTreeMap::new();
    for (key, value) in entry.table().into_iter().flatten() {
        let id: &str = key.get_ref();
        let of_plugin = entry.of(format!("[plugins.secrets] {id}"), key.span().start, value);
        let mut named = BTreeMap::new();
        for (key, value) in of_plugin.table().into_iter().flatten() {
            let name: &str = key.get_ref();
            let one = entry.of(format!("[plugins.secrets.{id}] {name}"), key.span().start, value);
            named.extend(side::secret(&one).map(|secret| (name.to_owned(), secret)));
        }
        all.insert(id.to_owned(), named);
    }
    all
}

/// Converts a TOML value to JSON. Depth is bounded by the TOML parser.
fn json(entry: &Entry<'_, '_>, value: &DeValue<'_>) -> Option<serde_json::Value> {
    Some(match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Boolean(value) => (*value).into(),
        DeValue::Datetime(value) => value.to_string().into(),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => number.into(),
            Err(_) => return entry.refuse("holds a number that is too large", "write it as a string"),
        },
        DeValue::Float(number) => {
            let number = number.as_str().parse().ok().and_then(serde_json::Number::from_f64);
            match number {
                Some(number) => number.into(),
                None => return entry.refuse("holds a number that JSON cannot hold", "write a finite number"),
            }
        }
        DeValue::Array(list) => {
            list.iter().map(|value| json(entry, value.get_ref())).collect::<Option<Vec<_>>>()?.into()
        }
        DeValue::Table(table) => {
            let pair =
                |(key, value): (&toml::Spanned<toml::de::DeString<'_>>, &toml::Spanned<DeValue<'_>>)| {
                    Some((key.get_ref().to_string(), json(entry, value.get_ref())?))
                };
            serde_json::Value::Object(table.iter().map(pair).collect::<Option<_>>()?)
        }
    })
}

/// Reads a size: in bytes, and as written.
fn bytes(entry: &Entry<'_, '_>) -> Option<(u64, String)> {
    const FORM: &str = "a size in quotes, as in \"50 MiB\", or a number of bytes";
    if let DeValue::String(text) = entry.value.get_ref() {
        return match size::parse(text) {
            Ok(bytes) => Some((bytes, text.trim().to_owned())),
            Err((cause, remedy)) => entry.refuse(format!("= {cause}"), remedy),
        };
    }
    match entry.integer(FORM)? {
        Some(bytes) => Some((bytes, entry.text.written(entry.value.span()).to_owned())),
        None => entry.refuse("is out of range", format!("write {FORM}")),
    }
}

fn ignore(section: &Section<'_, '_>) -> Ignore {
    let mut ignore = Ignore::default();
    for entry in section
        .get("ignore")
        .and_then(|e| e.list("a list, as in [\"flags\", \"dates\"]"))
        .into_iter()
        .flatten()
    {
        match entry.string().as_deref() {
            Some("flags") => ignore.flags = true,
            Some("dates") => ignore.dates = true,
            Some(word) => {
                entry.report(
                    format!("names {}, which cannot be ignored", quoted(word)),
                    "write \"flags\" or \"dates\"",
                );
            }
            None => {}
        }
    }
    ignore
}

mod limits;
#[cfg(test)]
mod tests;
