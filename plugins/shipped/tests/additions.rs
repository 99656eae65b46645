//! A plugin is added by adding its folder, and a provider by adding its file: nothing that is there is
//! edited.
//!
//! The tree is copied, both are added to the copy, and the build script's own functions list, compile and
//! embed what they find there. Of the plugins only the two that changed are compiled; the copy and its target
//! folder stay in cargo's folder for tests, with the times of the originals, so that a second run compiles
//! nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

#[path = "../build/compile.rs"]
mod compile;
#[path = "../build/folders.rs"]
mod folders;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use compile::Compiler;
use mailhaul_engine::plugin::ServerDescription;
use mailhaul_engine::summary::Side;
use mailhaul_net::TlsMode;
use mailhaul_plugin_host::{Kind, Limits, PluginHost, ShippedPlugin};

/// Cargo keeps this file itself.
const LOCK: &str = "Cargo.lock";

/// What somebody writes who adds a plugin and a provider: paths in the tree, and their text.
const ADDED: [(&str, &str); 4] = [
    ("plugins/zz-example/Cargo.toml", include_str!("added/Cargo.toml")),
    ("plugins/zz-example/plugin.toml", include_str!("added/plugin.toml")),
    ("plugins/zz-example/src/lib.rs", include_str!("added/lib.rs")),
    ("plugins/server-profiles/src/providers/zz.rs", include_str!("added/zz.rs")),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The files below a folder, relative to it, without what is built and what begins with a dot.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(folder.join(&at)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            if name.to_string_lossy().starts_with('.') || name == "target" || name == "node_modules" {
                continue;
            }
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                open.push(at.join(name));
            } else if kind.is_file() {
                found.push(at.join(name));
            }
        }
    }
    found
}

fn put(path: &Path, text: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Copies the whole tree, since cargo reads every manifest of the workspace, with the times of the files.
fn copy(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    for path in files(from) {
        let original = from.join(&path);
        put(&to.join(&path), &fs::read(&original).unwrap());
        let time = fs::metadata(&original).unwrap().modified().unwrap();
        fs::File::options().write(true).open(to.join(&path)).unwrap().set_modified(time).unwrap();
    }
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let read = |path: PathBuf| (path.clone(), fs::read(folder.join(path)).unwrap());
    files(folder).into_iter().filter(|path| path != Path::new(LOCK)).map(read).collect()
}

fn server() -> ServerDescription {
    ServerDescription {
        host: "imap.zz.example".into(),
        port: 993,
        tls: TlsMode::Implicit,
        greeting: "ready".into(),
        capabilities: vec!["IMAP4rev1".into()],
        id: Vec::new(),
        namespace_prefix: String::new(),
        delimiter: Some('/'),
    }
}

#[tokio::test]
async fn a_plugin_and_a_provider_are_added_without_editing_a_file() {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("additions");
    let tree = scratch.join("tree");
    copy(&root(), &tree);
    let before = folders::plugins(&tree.join("plugins")).unwrap();
    let known = contents(&tree);
    for (path, text) in ADDED {
        assert!(!tree.join(path).exists(), "{path} is there already");
        put(&tree.join(path), text.as_bytes());
    }

    let plugins = folders::plugins(&tree.join("plugins")).unwrap();
    let ids = |plugins: &[folders::Plugin]| plugins.iter().map(|one| one.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&plugins), [ids(&before), vec!["zz-example".to_owned()]].concat());

    // As the first command in the new tree does: the new package goes into the lock.
    let cargo = std::env::var("CARGO").unwrap();
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let mut metadata = Command::new(&cargo);
    metadata.current_dir(&tree).args(["metadata", "--offline", "--format-version", "1"]);
    let output = metadata.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let changed: Vec<_> = plugins
        .into_iter()
        .filter(|one| ["server-profiles", "zz-example"].contains(&one.id.as_str()))
        .collect();
    let warn = |line: &str| eprintln!("{line}");
    let target = scratch.join("target");
    let compiler = Compiler { cargo: &cargo, rustc: &rustc, root: &tree, target: &target, warn };
    let components = compiler.components(&changed).unwrap();
    let out = scratch.join("out");
    fs::create_dir_all(&out).unwrap();
    compile::embed(&changed, &components, &out).unwrap();
    let table = fs::read_to_string(out.join("plugins.rs")).unwrap();
    assert!(table.contains("Shipped { id: \"zz-example\", component: include_bytes!("), "{table}");

    let ids = ["server-profiles", "zz-example"];
    let shipped = ids
        .into_iter()
        .zip(components)
        .map(|(id, component)| ShippedPlugin { id, component: component.leak() });
    let host = PluginHost::new(Limits::default(), shipped).unwrap();
    let listed = host.list().unwrap();
    let added = listed.iter().find(|plugin| plugin.id == "zz-example").unwrap();
    assert_eq!(added.kinds, [Kind::FolderMapper]);

    let plugin = host.open("server-profiles", &tree).await.unwrap();
    assert!(plugin.providers().contains(&"zz".to_owned()), "{:?}", plugin.providers());
    let profiler = plugin.profiler(&serde_json::Value::Null).unwrap();
    let profile = profiler.identify(Side::Target, &server(), None).await.unwrap().unwrap();
    assert_eq!((profile.provider.as_str(), profile.name.as_str()), ("zz", "ZZ Mail"));
    assert_eq!(profile.max_connections, Some(7));

    let mut after = contents(&tree);
    for (path, _) in ADDED {
        assert!(after.remove(Path::new(path)).is_some());
    }
    let edited: Vec<_> = after.iter().filter(|(path, text)| known.get(*path) != Some(*text)).collect();
    assert!(edited.is_empty(), "{:?}", edited.iter().map(|(path, _)| path).collect::<Vec<_>>());
    assert_eq!(after.len(), known.len());
}

/// What the build says of a folder that is no plugin, or not the one it is called.
#[test]
fn a_folder_that_is_no_whole_plugin_stops_the_build_with_a_sentence() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("half");
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    let said = || folders::plugins(&folder).unwrap_err();
    put(&folder.join("shipped/src/lib.rs"), b"");
    put(&folder.join("README.md"), b"");
    put(&folder.join("acme/src/lib.rs"), b"");
    assert_eq!(
        said(),
        "plugins/acme has no plugin.toml: every folder of plugins/ but `shipped` is a plugin that ships"
    );
    put(&folder.join("acme/plugin.toml"), b"id = \"acne\"\n");
    assert_eq!(
        said(),
        "plugins/acme/plugin.toml has the id `acne`: the folder's name and the id must be the same"
    );
    put(
        &folder.join("acme/plugin.toml"),
        b"id = \"acme\"\nkinds = [\"server-profile\"]\nproviders = [\"one\"]\n",
    );
    put(&folder.join("acme/src/providers/one.rs"), b"");
    assert_eq!(
        said(),
        "plugins/acme/plugin.toml lists `providers`: leave them out, they are the files of src/providers"
    );
    put(&folder.join("acme/plugin.toml"), b"id = \"acme\"\nkinds = [\"server-profile\"]\n");
    assert!(said().contains("Cargo.toml"), "{}", said());
    put(&folder.join("acme/Cargo.toml"), b"[package]\nname = \"mailhaul-acme\"\n");
    let [plugin] = folders::plugins(&folder).unwrap().try_into().unwrap();
    assert_eq!(plugin.package, "mailhaul-acme");
    assert_eq!(Path::new(&plugin.module).file_stem(), Some(OsStr::new("mailhaul_acme")));
    assert_eq!(plugin.manifest, "providers = [\"one\"]\nid = \"acme\"\nkinds = [\"server-profile\"]\n");
}
