//! Packs what `mailhaul plugin new` writes: the SDKs, the crates the Rust one needs, `wit/`, and the
//! templates. Authors build without this repository and without a registry.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use serde_json::Value;

/// The crate whose dependencies are carried with it.
const SDK: &str = "mailhaul-plugin";

/// Relative path in the package to content.
type Files = BTreeMap<String, String>;

fn main() -> ExitCode {
    match pack() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={}", message.replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

fn pack() -> Result<(), String> {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let root = here.ancestors().nth(2).ok_or("the workspace is missing")?;
    for part in ["sdk", "wit", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(part).display());
    }
    let mut files = Files::new();
    take(&root.join("sdk/templates"), "templates", &|_| true, &mut files)?;
    take(&root.join("wit"), "wit", &|name| name.ends_with(".wit"), &mut files)?;
    take(&root.join("sdk/js"), "js", &|_| true, &mut files)?;
    take(&root.join("sdk/python"), "python", &|_| true, &mut files)?;
    let carried = crates(root, &mut files)?;
    let lock = fs::read_to_string(root.join("Cargo.lock")).map_err(|error| format!("Cargo.lock: {error}"))?;
    files.insert("rust/Cargo.lock".to_owned(), lock_of(&carried, &lock));

    let text = serde_json::to_vec(&(&files, libraries(&carried)?)).map_err(|error| error.to_string())?;
    let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&text).map_err(|error| error.to_string())?;
    let packed = packed.finish().map_err(|error| error.to_string())?;
    let out = PathBuf::from(variable("OUT_DIR")?).join("carried");
    fs::write(&out, packed).map_err(|error| format!("{}: {error}", out.display()))
}

/// Takes the text files below a folder.
fn take(folder: &Path, to: &str, wanted: &dyn Fn(&str) -> bool, files: &mut Files) -> Result<(), String> {
    let at = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(at)? {
        let path = entry.map_err(at)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        // What an author's own tools left behind.
        if matches!(name, "target" | "node_modules" | "__pycache__" | "released") {
            continue;
        }
        let to = format!("{to}/{name}");
        if path.is_dir() {
            take(&path, &to, wanted, files)?;
        } else if wanted(name) {
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            files.insert(to, text);
        }
    }
    Ok(())
}

/// Static libraries of the carried crates: wit-bindgen's allocation hook, a few hundred bytes.
fn libraries(carried: &[Carried]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut libraries = BTreeMap::new();
    for Carried { name, folder, .. } in carried {
        let inside = folder.join("src/rt");
        for entry in fs::read_dir(&inside).into_iter().flatten().flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            if file.ends_with(".a") {
                let bytes = fs::read(entry.path()).map_err(|error| format!("{file}: {error}"))?;
                libraries.insert(format!("rust/vendor/{name}/src/rt/{file}"), bytes);
            }
        }
    }
    Ok(libraries)
}

/// A crate that is carried.
struct Carried {
    /// Where cargo has it.
    folder: PathBuf,
    name: String,
    version: String,
    /// Names, sorted.
    needs: BTreeSet<String>,
}

/// Takes the SDK and everything it is compiled with, from where cargo has it.
fn crates(root: &Path, files: &mut Files) -> Result<Vec<Carried>, String> {
    let metadata = metadata(root)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let packages: BTreeMap<String, Value> =
        list(&metadata["packages"]).into_iter().map(|package| (text(&package["id"]), package)).collect();
    let nodes: BTreeMap<String, Value> =
        list(&metadata["resolve"]["nodes"]).into_iter().map(|node| (text(&node["id"]), node)).collect();
    let sdk = packages.iter().find(|(_, package)| package["name"] == SDK);
    let mut open = vec![sdk.ok_or("cargo knows no SDK")?.0.clone()];
    let mut seen = BTreeSet::new();
    let mut carried = Vec::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let (Some(package), Some(node)) = (packages.get(&id), nodes.get(&id)) else { continue };
        let mut needs = BTreeSet::new();
        for dependency in list(&node["deps"]) {
            let for_tests = list(&dependency["dep_kinds"]).iter().all(|kind| kind["kind"] == "dev");
            let id = text(&dependency["pkg"]);
            let Some(needed) = packages.get(&id).filter(|_| !for_tests) else { continue };
            needs.insert(text(&needed["name"]));
            open.push(id);
        }
        // cargo's lock has those for platforms nobody builds for as well.
        for dependency in list(&package["dependencies"]) {
            if dependency["kind"].is_null()
                && !dependency["target"].is_null()
                && dependency["optional"] == false
            {
                needs.insert(text(&dependency["name"]));
            }
        }
        let name = text(&package["name"]);
        take_crate(package, &name, files)?;
        let manifest = PathBuf::from(text(&package["manifest_path"]));
        let folder = manifest.parent().unwrap_or(Path::new("")).to_owned();
        carried.push(Carried { folder, name, version: text(&package["version"]), needs });
    }
    carried.sort_unstable_by(|a: &Carried, b| a.name.cmp(&b.name));
    let names: BTreeSet<_> = carried.iter().map(|carried| carried.name.clone()).collect();
    for carried in &mut carried {
        carried.needs.retain(|needed| names.contains(needed));
    }
    Ok(carried)
}

fn metadata(root: &Path) -> Result<Value, String> {
    let mut cargo = Command::new(variable("CARGO")?);
    cargo.current_dir(root).args(["metadata", "--locked", "--format-version", "1"]);
    // Only what this build has fetched anyway.
    cargo.args(["--filter-platform", &variable("HOST")?]);
    let output = cargo.output().map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}

fn take_crate(package: &Value, name: &str, files: &mut Files) -> Result<(), String> {
    let manifest = PathBuf::from(text(&package["manifest_path"]));
    let folder = manifest.parent().unwrap_or(Path::new(""));
    let to = format!("rust/vendor/{name}");
    take(&folder.join("src"), &format!("{to}/src"), &|file| file.ends_with(".rs"), files)?;
    files.retain(|path, _| !path.starts_with(&format!("{to}/src/tests/")));
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if file == "build.rs" || file == "Cargo.toml" || file.starts_with("LICENSE") {
            let text = fs::read_to_string(entry.path()).map_err(|error| format!("{file}: {error}"))?;
            files.insert(format!("{to}/{file}"), text);
        }
    }
    if name == SDK {
        // Seen by authors, who can do nothing about them.
        let manifest = format!("{}\n[lints.rust]\nwarnings = \"allow\"\n", sdk_manifest(package));
        files.insert(format!("{to}/Cargo.toml"), manifest);
        return Ok(());
    }
    // A crate from a registry has its lints capped; one in a folder has not, and what it denies of itself
    // would break with a compiler it does not know.
    let root = format!("{to}/src/lib.rs");
    if let Some(text) = files.get_mut(&root) {
        for level in ["deny", "warn", "forbid"] {
            *text = text.replace(&format!("#![{level}("), "#![allow(");
        }
    }
    if let Some(text) = files.get_mut(&format!("{to}/Cargo.toml")) {
        *text = format!("{}\n[lints.rust]\nwarnings = \"allow\"\n", without_lints(text));
    }
    Ok(())
}

/// The SDK's manifest without what it inherits from the workspace.
fn sdk_manifest(package: &Value) -> String {
    let mut text = format!(
        "[package]\nname = \"{SDK}\"\nversion = {}\nedition = {}\nrust-version = {}\nlicense = {}\npublish = false\n\n\
         [dependencies]\n",
        package["version"], package["edition"], package["rust_version"], package["license"]
    );
    for needed in package["dependencies"].as_array().into_iter().flatten() {
        if needed["kind"].is_null() {
            text.push_str(&format!(
                "{} = {{ version = {}, default-features = {}, features = {} }}\n",
                needed["name"].as_str().unwrap_or_default(),
                needed["req"],
                needed["uses_default_features"],
                needed["features"]
            ));
        }
    }
    text
}

fn without_lints(manifest: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.starts_with("[lints");
        }
        if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// `Cargo.lock` of the carried crates: no entry names a registry. Of the workspace's only its version is
/// taken.
fn lock_of(carried: &[Carried], workspace: &str) -> String {
    let version = workspace.lines().find(|line| line.starts_with("version = ")).unwrap_or("version = 4");
    let mut lock = format!("# This file is automatically @generated by Cargo.\n{version}\n");
    for Carried { name, version, needs, .. } in carried {
        lock.push_str(&format!("\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n"));
        if !needs.is_empty() {
            let needs: Vec<_> = needs.iter().map(|needed| format!(" \"{needed}\",\n")).collect();
            lock.push_str(&format!("dependencies = [\n{}]\n", needs.concat()));
        }
    }
    lock
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}
