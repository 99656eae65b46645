//! What an author of a plugin does, in three languages.
//!
//! The path of one who has never seen this repository: `plugin new`, `build`, `check`, `test`, a real move.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use mailhaul_lab::runner::{Mailhaul, Outcome};
use mailhaul_lab::{install, workdir};

use crate::support::compare::{assert_complete, assert_moved, count, usual};
use crate::support::mail_servers::{Move, at, folder_with, json, skip};

const KINDS: [&str; 5] =
    ["folder-mapper", "mailbox-source", "validator", "server-profile", "mailbox-provisioner"];

/// As on a machine without network and without a registry: cargo has nothing but what `plugin new` wrote.
pub(crate) fn offline(folder: &Path, arguments: &[&str]) -> Outcome {
    let target = workdir::root().join("newcomers");
    Mailhaul::new(folder)
        .args(arguments)
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_HOME", &workdir::root().join("no-registry").display().to_string())
        .env("CARGO_TARGET_DIR", &target.display().to_string())
        .run()
}

/// Every kind, in an empty folder: from `plugin new` to a passing `plugin test`, and what came of it: a
/// folder of each kind with its component. Once for the process.
///
/// The first goes the path by the letter of its README; the others borrow its vendored crates, which are the
/// same, so that they are compiled once.
pub(crate) fn newcomers() -> &'static Path {
    static ALL: OnceLock<PathBuf> = OnceLock::new();
    ALL.get_or_init(|| {
        let folder = folder_with(&[]);
        let first = folder.join("first-of-them");
        offline(&folder, &["plugin", "new", "folder-mapper", "first-of-them"]).expect(0);
        walk(&first);
        let lock = fs::read_to_string(first.join("Cargo.lock")).unwrap();
        assert!(!lock.contains("registry"), "{lock}");
        assert!(fs::read_to_string(first.join("Cargo.toml")).unwrap().contains("[workspace]"));
        let vendor = listing(&first.join("vendor"));
        assert!(vendor.iter().any(|path| path == "wit-bindgen/src/lib.rs"), "{vendor:?}");
        for kind in KINDS {
            let name = format!("a-{kind}");
            offline(&folder, &["plugin", "new", kind, &name]).expect(0);
            let plugin = folder.join(&name);
            assert_eq!(listing(&plugin.join("vendor")), vendor, "the vendored crates of {kind}");
            lend(&plugin, &first);
            walk(&first);
            fs::copy(first.join(format!("{name}.wasm")), plugin.join(format!("{name}.wasm"))).unwrap();
        }
        folder
    })
}

/// The component of another manifest and source, compiled where the newcomer's crates are compiled already.
pub(crate) fn compiled(manifest: &str, source: &str) -> Vec<u8> {
    static BUSY: Mutex<()> = Mutex::new(());
    let first = newcomers().join("first-of-them");
    let _busy = BUSY.lock().unwrap_or_else(PoisonError::into_inner);
    fs::write(first.join("plugin.toml"), manifest).unwrap();
    fs::write(first.join("src/lib.rs"), source).unwrap();
    offline(&first, &["plugin", "build"]).expect(0);
    let id = manifest.split('"').nth(1).unwrap();
    fs::read(first.join(format!("{id}.wasm"))).unwrap()
}

/// Puts a plugin into the folder whose crates are compiled already.
fn lend(plugin: &Path, first: &Path) {
    for part in ["plugin.toml", "src/lib.rs"] {
        fs::copy(plugin.join(part), first.join(part)).unwrap();
    }
    fs::remove_dir_all(first.join("fixtures")).unwrap();
    fs::create_dir(first.join("fixtures")).unwrap();
    for fixture in listing(&plugin.join("fixtures")) {
        fs::copy(plugin.join("fixtures").join(&fixture), first.join("fixtures").join(fixture)).unwrap();
    }
}

#[test]
fn from_new_to_a_passing_test_for_every_kind() {
    newcomers();
}

/// `--slow-host`: each function of the host takes its quarter of a second, tables and settings like all
/// others, and the plugin's own time does not count it.
#[test]
fn a_slow_host_is_slow_in_everything() {
    for kind in ["mailbox-source", "folder-mapper"] {
        let plugin = newcomers().join(format!("a-{kind}"));
        let tested = at(&plugin, &["plugin", "test", "--slow-host", "--format", "json"]).expect(0);
        let cases = json(&tested)["cases"].as_array().unwrap().clone();
        let calls: u64 = cases.iter().map(|case| case["host_calls"].as_u64().unwrap()).sum();
        assert!(calls > 0, "{cases:#?}");
        assert!(
            tested.elapsed >= Duration::from_millis(250) * u32::try_from(calls).unwrap(),
            "{}",
            tested.told()
        );
        assert!(cases.iter().all(|case| case["cpu_ms"].as_f64().unwrap() < 200.0), "{cases:#?}");
    }
}

/// What the README of a new plugin says to type.
fn walk(plugin: &Path) {
    offline(plugin, &["plugin", "build"]).expect(0);
    offline(plugin, &["plugin", "check"]).expect(0).says(&["it starts"]);
    offline(plugin, &["plugin", "test"]).expect(0).says(&["0 failed"]);
    let tested = json(&offline(plugin, &["plugin", "test", "--format", "json"]).expect(0));
    for case in tested["cases"].as_array().unwrap() {
        assert_eq!(case["ok"], true, "{case:#}");
        assert!(case["memory"].as_u64().unwrap() > 0, "{case:#}");
    }
}

/// Lists the files below a folder by their paths in it, sorted.
fn listing(folder: &Path) -> Vec<String> {
    fn collect(folder: &Path, root: &Path, all: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, root, all);
            } else {
                all.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    let mut all = Vec::new();
    collect(folder, folder, &mut all);
    all.sort_unstable();
    all
}

/// What goes wrong in a plugin's folder is said in a sentence with what to do, and changes nothing.
#[test]
fn what_is_missing_is_named() {
    let folder = folder_with(&[]);
    at(&folder, &["plugin", "build"])
        .expect(2)
        .says(&["there is no `plugin.toml`", "mailhaul plugin new KIND NAME"]);
    at(&folder, &["plugin", "new", "folder-mapper", "Bad Name"]).expect(2).says(&["`Bad Name` cannot be"]);
    at(&folder, &["plugin", "new", "folder-maper", "x"]).expect(2).says(&["the kinds are folder-mapper"]);
    at(&folder, &["plugin", "new", "folder-mapper", "acme"]).expect(0);
    at(&folder, &["plugin", "new", "folder-mapper", "acme"]).expect(2).says(&["`acme` exists already"]);
    let acme = folder.join("acme");
    at(&acme, &["plugin", "test"]).expect(6).says(&["is not built yet", "mailhaul plugin build"]);
    fs::write(acme.join("acme.wasm"), "no component").unwrap();
    at(&acme, &["plugin", "check"]).expect(6).says(&["this is no WebAssembly component"]);
    fs::write(acme.join("plugin.toml"), "id = \"acme\"\nkinds = [").unwrap();
    at(&acme, &["plugin", "build"]).expect(2).says(&["plugin.toml", "line 2"]);
    // Without the tool, with what to type.
    at(&folder, &["plugin", "new", "folder-mapper", "in-js", "--lang", "js"]).expect(0);
    let without =
        Mailhaul::new(&folder.join("in-js")).args(["plugin", "build"]).env("PATH", "/nowhere").run();
    without.expect(2).says(&["`jco` is needed", "npm install"]);
    at(&folder, &["plugin", "new", "folder-mapper", "in-python", "--lang", "python"]).expect(0);
    let without =
        Mailhaul::new(&folder.join("in-python")).args(["plugin", "build"]).env("PATH", "/nowhere").run();
    without.expect(2).says(&["`componentize-py` is needed", "pip install"]);
}

/// A shipped plugin answers a request from standard input, as an author's would.
#[test]
fn call_answers_one_request() {
    let folder =
        folder_with(&[("request.json", r#"{ "source-folders": [{ "path": "Sent", "roles": ["sent"] }] }"#)]);
    let line = format!(
        "{} plugin call folder-mapper roles < request.json",
        mailhaul_lab::runner::binary().display()
    );
    let out = Command::new("sh").args(["-c", &line]).current_dir(&folder).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert!(answer["rulings"].is_array(), "{answer:#}");
}

/// A plugin in each language takes part in one real move: each moves one tree, and the target shows it.
#[test]
fn the_three_languages_in_one_haul() {
    let haul = Move::loaded(97, 60);
    let mut mapping = Vec::new();
    let mut settings = String::new();
    let trees =
        [("rust", "Kunden", "Customers"), ("js", "Archive", "Older"), ("python", "Newsletters", "Lists")];
    let mut used = Vec::new();
    for (language, from, to) in trees {
        let Some(component) = in_language(language) else { continue };
        let file = format!("in-{language}.wasm");
        fs::copy(component, haul.file(&file)).unwrap();
        mapping.push(format!("\"./{file}\""));
        settings.push_str(&format!("[plugins.settings.in-{language}]\nfrom = \"{from}\"\nto = \"{to}\"\n"));
        used.push((from, to));
    }
    mapping.push("\"roles\"".to_owned());
    let extra = format!("[plugins]\nmapping = [{}]\n{settings}", mapping.join(", "));
    haul.rewrite(|spec| spec.extra = extra);
    for file in mapping.iter().filter(|file| file.contains("./")) {
        haul.mailhaul(&["plugin", "add", file.trim_matches('"')]).expect(0);
    }
    haul.mailhaul(&["run"]).expect(0);
    let source = haul.from.snapshot();
    let way = |folder: &str| {
        let tree = used.iter().find(|(from, _)| folder == *from || folder.starts_with(&format!("{from}/")));
        tree.map_or_else(|| usual(folder), |(from, to)| folder.replacen(from, to, 1))
    };
    assert_moved(&source, &haul.to.snapshot(), way);
    assert_complete(&haul.report(), count(&source));
}

/// A mapper in a language, built as its README says; none, counted as skipped, where its tool cannot be had.
fn in_language(language: &str) -> Option<PathBuf> {
    static ALL: OnceLock<PathBuf> = OnceLock::new();
    let folder = ALL.get_or_init(|| folder_with(&[]));
    let name = format!("in-{language}");
    let plugin = folder.join(&name);
    at(folder, &["plugin", "new", "folder-mapper", &name, "--lang", language]).expect(0);
    if !has_tools(language, &plugin) {
        return None;
    }
    walk(&plugin);
    Some(plugin.join(format!("{name}.wasm")))
}

/// Every kind in JavaScript, from `plugin new` to a passing `plugin test`. It also passes TypeScript's check,
/// which a mistake does not.
#[test]
fn every_kind_in_javascript() {
    let folder = folder_with(&[]);
    for kind in KINDS {
        let Some(plugin) = in_other(&folder, "js", kind) else { return };
        let (types, said) = typed(&plugin);
        assert!(types, "{kind}: {said}");
        let source = plugin.join("plugin.js");
        let slip = "\nmailhaul.settings().x; mailhaul.mapTo('0', ['a'], 'why');\n";
        fs::write(&source, fs::read_to_string(&source).unwrap() + slip).unwrap();
        let (types, said) = typed(&plugin);
        assert!(!types && said.contains("'number'"), "{kind}: {said}");
    }
}

/// The same in Python. Its mapper is in the move above.
#[test]
fn every_kind_in_python() {
    let folder = folder_with(&[]);
    for kind in KINDS.into_iter().filter(|kind| *kind != "folder-mapper") {
        if in_other(&folder, "python", kind).is_none() {
            return;
        }
    }
}

/// A new plugin that passes its fixtures; none where its tool cannot be had.
fn in_other(folder: &Path, language: &str, kind: &str) -> Option<PathBuf> {
    let name = format!("{language}-{kind}");
    at(folder, &["plugin", "new", kind, &name, "--lang", language]).expect(0);
    let plugin = folder.join(&name);
    if !has_tools(language, &plugin) {
        return None;
    }
    at(&plugin, &["plugin", "build"]).expect(0);
    at(&plugin, &["plugin", "test"]).expect(0).says(&["0 failed"]);
    Some(plugin)
}

/// Runs `npm run check`, TypeScript's look at a plugin; returns whether it is content, and what it says.
fn typed(plugin: &Path) -> (bool, String) {
    let mut npm = Command::new("npm");
    let out = npm.args(["run", "--silent", "check"]).current_dir(plugin).output().unwrap();
    (out.status.success(), String::from_utf8_lossy(&out.stdout).into_owned())
}

/// What is thrown by mistake: one sentence, its place in the plugin's own source, and nothing twice.
#[test]
fn a_mistake_in_javascript_is_told_with_its_place() {
    let folder = folder_with(&[]);
    at(&folder, &["plugin", "new", "folder-mapper", "slip", "--lang", "js"]).expect(0);
    let plugin = folder.join("slip");
    if !has_tools("js", &plugin) {
        return;
    }
    let source = plugin.join("plugin.js");
    let text = fs::read_to_string(&source).unwrap();
    fs::write(&source, text.replace("mailhaul.open(request)", "request.nothing.here")).unwrap();
    at(&plugin, &["plugin", "build"]).expect(0);
    let tested = at(&plugin, &["plugin", "test"]).expect(6);
    let told = tested.stdout.clone() + &tested.stderr;
    assert!(told.contains("at <anonymous> (/plugin.js:8:"), "{}", tested.told());
    assert_eq!(tested.stderr.trim(), "", "what the plugin logs is on the page: {}", tested.told());
}

/// Fetches what a plugin in this language is built with, or says that the test is skipped.
fn has_tools(language: &str, plugin: &Path) -> bool {
    // Kept between runs: 340 MB of npm and 60 MB of pip are fetched once, by one test.
    static FETCHING: Mutex<()> = Mutex::new(());
    let _fetching = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let tools = install::target_folder().join("authors-tools").join(language);
    fs::create_dir_all(&tools).unwrap();
    let (there, line, from, to) = match language {
        "js" => {
            let there =
                ["jco", "tsc"].iter().all(|program| tools.join("node_modules/.bin").join(program).exists());
            (there, "npm install --no-audit --no-fund", "node_modules", "node_modules")
        }
        "python" => {
            let there = tools.join("venv/bin/componentize-py").exists();
            (there, "python3 -m venv venv && venv/bin/pip install -q -r requirements.txt", "venv", ".venv")
        }
        _ => return true,
    };
    if !there && !fetched(&tools, plugin, line) {
        skip(&format!("the tool for {language} cannot be fetched here"));
        return false;
    }
    std::os::unix::fs::symlink(tools.join(from), plugin.join(to)).unwrap();
    true
}

/// Runs what the README says to fetch the tool, beside the lists of what it needs.
fn fetched(tools: &Path, plugin: &Path, line: &str) -> bool {
    for list in ["package.json", "requirements.txt"] {
        if plugin.join(list).is_file() {
            fs::copy(plugin.join(list), tools.join(list)).unwrap();
        }
    }
    let out =
        Command::new("sh").args(["-c", &format!("timeout 240 sh -c '{line}'")]).current_dir(tools).output();
    out.is_ok_and(|out| out.status.success())
}
