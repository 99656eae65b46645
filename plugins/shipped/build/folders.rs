//! Which plugins ship: the folders beside this crate, as they are.

use std::fs;
use std::path::Path;

use mailhaul_componentize::{PROVIDERS, providers_line};
use toml::{Table, Value};

/// This crate's own folder, the only one under `plugins/` that is no plugin.
const SHIPPED: &str = "shipped";

/// A folder under `plugins/`.
#[derive(Debug)]
pub(crate) struct Plugin {
    /// The manifest's `id`, which is also the folder's name.
    pub id: String,
    /// The package's name in `Cargo.toml`.
    pub package: String,
    /// The file cargo writes: the library's name with `_` for `-`, and `.wasm`.
    pub module: String,
    /// `plugin.toml` as it goes into the component.
    pub manifest: String,
}

/// Every plugin, sorted by id. A folder that is no whole plugin is an error: one that was forgotten would be
/// missed only by users.
pub(crate) fn plugins(folder: &Path) -> Result<Vec<Plugin>, String> {
    let at = |error| format!("{}: {error}", folder.display());
    let mut plugins = Vec::new();
    for entry in fs::read_dir(folder).map_err(at)? {
        let path = entry.map_err(at)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != SHIPPED && !name.starts_with('.') {
            plugins.push(plugin(&path, &name)?);
        }
    }
    plugins.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    Ok(plugins)
}

fn plugin(folder: &Path, name: &str) -> Result<Plugin, String> {
    let file = folder.join("plugin.toml");
    if !file.exists() {
        return Err(format!(
            "plugins/{name} has no plugin.toml: every folder of plugins/ but `{SHIPPED}` is a plugin that ships"
        ));
    }
    let (mut manifest, table) = read(&file)?;
    let id = string(&table, "id").unwrap_or_default();
    if id != name {
        return Err(format!(
            "plugins/{name}/plugin.toml has the id `{id}`: the folder's name and the id must be the same"
        ));
    }
    let line = providers_line(folder).map_err(|error| format!("plugins/{name}/{PROVIDERS}: {error}"))?;
    let kinds = table.get("kinds").and_then(Value::as_array);
    let is_profile =
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind.as_str() == Some("server-profile")));
    if let Some(line) = line.filter(|_| is_profile) {
        if table.contains_key("providers") {
            return Err(format!(
                "plugins/{name}/plugin.toml lists `providers`: leave them out, they are the files of {PROVIDERS}"
            ));
        }
        manifest = line + &manifest;
    }
    let (_, cargo) = read(&folder.join("Cargo.toml"))?;
    let within =
        |table: &str| cargo.get(table).and_then(Value::as_table).and_then(|table| string(table, "name"));
    let package = within("package").ok_or_else(|| format!("plugins/{name}/Cargo.toml names no package"))?;
    let library = within("lib").unwrap_or_else(|| package.clone());
    Ok(Plugin { id, package, module: format!("{}.wasm", library.replace('-', "_")), manifest })
}

fn read(file: &Path) -> Result<(String, Table), String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let table = text.parse().map_err(|error| format!("{}: {error}", file.display()))?;
    Ok((text, table))
}

fn string(table: &Table, name: &str) -> Option<String> {
    table.get(name).and_then(Value::as_str).map(str::to_owned)
}
