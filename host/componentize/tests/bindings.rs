//! `sdk/rust/src/bindings.rs` is what wit-bindgen makes of `wit/`: generated beforehand, so that a plugin is
//! compiled without wit-bindgen's parsers, and this test says when it is not current any more.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::path::Path;

use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::{Resolve, WorldId, WorldItem};
use wit_bindgen_rust::{Opts, WithOption};

/// Set to write the file instead of comparing it.
const BLESS: &str = "MAILHAUL_BLESS";

const HEAD: &str = "\
//! Bindings generated from `wit/`: the imports once, and one module for each kind that shares them.
//!
//! Everything is public to the export macros and to nobody else: authors see the types of this
//! crate's own modules, which have helpers and can be made in tests.
//!
//! Generated; after a change of `wit/`:
//! `MAILHAUL_BLESS=1 cargo test -p mailhaul-componentize --test bindings`.
#![allow(
    warnings,
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = \"generated: the canonical ABI is raw pointers\"
)]
";

#[test]
fn bindings_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = root.join("sdk/rust/src/bindings.rs");
    let wanted = generate(&root.join("wit"));
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&file, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap();
    assert!(
        found == wanted,
        "sdk/rust/src/bindings.rs is not what `wit/` says: type `{BLESS}=1 cargo test -p mailhaul-componentize --test bindings`"
    );
}

fn generate(wit: &Path) -> String {
    let mut text = HEAD.to_owned();
    let (resolve, worlds) = parsed(wit);
    // Everything any kind may call, under a world of our own.
    let mut interfaces: Vec<_> = worlds.iter().flat_map(|world| imports(&resolve, *world)).collect();
    interfaces.sort_unstable();
    interfaces.dedup();
    let imported: String = interfaces.iter().map(|name| format!("import {name};\n")).collect();
    let (mut all, _) = parsed(wit);
    all.push_str("sdk.wit", &format!("package mailhaul:sdk;\nworld imports {{\n{imported}}}\n")).unwrap();
    let options = Opts { generate_all: true, pub_export_macro: true, ..usual() };
    module(&mut text, "imports", &source(all, "imports", options));
    for world in worlds {
        let world_name = &resolve.worlds[world].name;
        let name = world_name.replace('-', "_");
        let with = imports(&resolve, world).map(|interface| {
            let short = interface.split(['/', '@']).nth(1).unwrap().replace('-', "_");
            (interface, WithOption::Path(format!("super::imports::mailhaul::plugin::{short}")))
        });
        let options = Opts {
            pub_export_macro: true,
            export_macro_name: Some(format!("export_{name}")),
            default_bindings_module: Some(format!("mailhaul_plugin::__export::{name}")),
            with: with.collect(),
            ..usual()
        };
        let (again, _) = parsed(wit);
        module(&mut text, &name, &source(again, world_name, options));
    }
    text
}

fn usual() -> Opts {
    Opts { format: true, ..Opts::default() }
}

/// The package, and its worlds that export a kind.
fn parsed(wit: &Path) -> (Resolve, Vec<WorldId>) {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit).unwrap();
    let worlds = resolve.packages[package].worlds.values().copied();
    let worlds = worlds.filter(|world| !resolve.worlds[*world].exports.is_empty()).collect();
    (resolve, worlds)
}

/// The full names of the interfaces a world imports.
fn imports(resolve: &Resolve, world: WorldId) -> impl Iterator<Item = String> {
    resolve.worlds[world]
        .imports
        .iter()
        .filter(|(_, item)| matches!(item, WorldItem::Interface { .. }))
        .map(|(name, _)| resolve.name_world_key(name))
}

fn source(mut resolve: Resolve, name: &str, options: Opts) -> String {
    let (world, _) = resolve.worlds.iter().find(|(_, world)| world.name == name).unwrap();
    let mut files = Files::default();
    let mut generator = options.build();
    wit_bindgen_core::WorldGenerator::generate(&mut generator, &mut resolve, world, &mut files).unwrap();
    let (_, source) = files.iter().next().unwrap();
    String::from_utf8(source.to_vec()).unwrap()
}

fn module(text: &mut String, name: &str, source: &str) {
    write!(text, "\npub mod {name} {{\n{}\n}}\n", source.trim_end()).unwrap();
}
