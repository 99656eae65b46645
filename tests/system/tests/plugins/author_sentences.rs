//! Every sentence an author of a plugin meets, to be read as they read it.
//!
//! Each names the plugin, the interface, the field, and what to do. wasmtime's own chain is for `-v`.

use std::fs;
use std::path::{Path, PathBuf};

use mailhaul_lab::workdir;

use super::authors::{compiled, newcomers};
use crate::support::mail_servers::{at, folder_with};

/// Bytes, and what stands there instead.
type Exchange = (&'static str, &'static str);

/// A newcomer's component with some of its bytes exchanged: names are as long before as after.
fn patched(kind: &str, changes: &[Exchange]) -> Vec<u8> {
    let name = format!("a-{kind}");
    let mut bytes = fs::read(newcomers().join(&name).join(format!("{name}.wasm"))).unwrap();
    for (from, to) in changes {
        assert_eq!(from.len(), to.len(), "{from} {to}");
        let mut found = 0;
        let mut at = 0;
        while let Some(next) = bytes[at..].windows(from.len()).position(|window| window == from.as_bytes()) {
            at += next;
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            found += 1;
        }
        assert!(found > 0, "{from} is not in the component");
    }
    bytes
}

/// Everything a command says, `$` before what was typed.
fn told(folder: &Path, arguments: &[&str], code: i32) -> String {
    let outcome = at(folder, arguments).expect(code);
    // Figures differ from run to run.
    let digits = |line: &str| match line.split_once(" ms CPU") {
        Some((before, after)) => {
            let before = before.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
            let after = after.trim_start_matches(|c: char| !c.is_ascii_alphabetic() || c.is_ascii_digit());
            format!("{before}… {}", after.split(", ").last().unwrap_or_default())
        }
        None => line.to_owned(),
    };
    let text = outcome.stdout + &outcome.stderr;
    let text: String = text.lines().map(|line| digits(line) + "\n").collect();
    format!("$ mailhaul {}\n{text}", arguments.join(" "))
}

/// Before any of it is run.
#[test]
fn a_component_that_is_not_taken() {
    let folder = folder_with(&[]);
    let cases: [(&str, &str, &[Exchange]); 7] = [
        ("another-version", "folder-mapper", &[("@0.1.0", "@0.2.0")]),
        ("missing-export", "folder-mapper", &[("/folder-mapper@", "/folder-fapper@")]),
        ("missing-function", "folder-mapper", &[("map-folders", "map-foldery")]),
        ("another-field", "folder-mapper", &[("subscribed", "subscribes")]),
        ("forbidden-import", "mailbox-source", &[("mailbox-source", "server-profile")]),
        ("wasi", "folder-mapper", &[("mailhaul:plugin/log@0.1.0", "wasi:random/logging@0.2.0")]),
        ("no-manifest", "folder-mapper", &[("mailhaul:manifest", "mailhaul:manifesx")]),
    ];
    let mut all = String::new();
    for (name, kind, changes) in cases {
        let file = format!("./{name}.wasm");
        fs::write(folder.join(&file), patched(kind, changes)).unwrap();
        let said = told(&folder, &["plugin", "check", &file], 6);
        assert!(!said.contains("wasmtime"), "{said}");
        all.push_str(&said);
        all.push('\n');
    }
    insta::assert_snapshot!(all);
}

/// The chain is there for those who ask for it.
#[test]
fn wasmtimes_own_words_are_for_verbose() {
    let folder = folder_with(&[]);
    fs::write(folder.join("x.wasm"), patched("folder-mapper", &[("subscribed", "subscribes")])).unwrap();
    let quiet = at(&folder, &["plugin", "check", "./x.wasm"]).expect(6);
    assert!(!quiet.stderr.contains("wasmtime"), "{}", quiet.told());
    let loud = at(&folder, &["-v", "plugin", "check", "./x.wasm"]).expect(6);
    assert!(loud.stderr.contains("wasmtime: 1: type mismatch"), "{}", loud.told());
    assert!(loud.stderr.lines().count() > quiet.stderr.lines().count() + 3, "a line each: {}", loud.told());
}

/// The same for a trap: wasm's own backtrace.
#[test]
fn a_backtrace_is_for_verbose() {
    let folder = wild();
    let fixture = r#"{ "settings": { "from": "panic" }, "answer": { "rulings": [] } }"#;
    fs::write(folder.join("fixtures/panic.json"), fixture).unwrap();
    let quiet = at(&folder, &["plugin", "test"])
        .expect(6)
        .says(&["panicked at src/lib.rs:14:24: no folder is called 0"]);
    assert!(!quiet.stderr.contains("wasmtime"), "{}", quiet.told());
    let loud = at(&folder, &["-v", "plugin", "test"]).expect(6);
    assert!(loud.stderr.contains("wasm backtrace") && loud.stderr.contains("map_folders"), "{}", loud.told());
}

/// A mapper that misbehaves as its setting says.
const WILD: &str = r#"
use mailhaul_plugin::{FolderMapper, Mapping, MappingRequest, PluginError};

#[derive(serde::Deserialize)]
struct Settings { from: String }

struct Plugin;

impl FolderMapper for Plugin {
    fn map_folders(request: &MappingRequest) -> Result<Mapping, PluginError> {
        let settings: Settings = mailhaul_plugin::settings()?;
        let mut answer = Mapping::default();
        match settings.from.as_str() {
            "panic" => panic!("no folder is called {:?}", request.source_folders.len()),
            "cpu" => loop { std::hint::black_box(&settings); },
            "memory" => { let _all: Vec<Vec<u8>> = (0..200).map(|_| vec![1; 1 << 20]).collect(); }
            "stack" => { std::hint::black_box(deep(1)); }
            "answer" => answer.map_to(7, ["x"], "there is no folder 7"),
            "huge" => answer.map_to(0, [&*"x".repeat(20 << 20)], "a long name"),
            "no" => return Err(PluginError::Settings("`from` and `to` are the same folder".into())),
            "schema" => { let _: Vec<u8> = mailhaul_plugin::settings()?; }
            other => mailhaul_plugin::log::info(other),
        }
        Ok(answer)
    }
}

#[allow(unconditional_recursion)]
fn deep(n: u64) -> u64 { std::hint::black_box(deep(n + 1)) + std::hint::black_box(n) }

mailhaul_plugin::export!(mapper: Plugin);
"#;

fn wild() -> PathBuf {
    let folder = workdir::folder("wild").join("wild");
    fs::create_dir_all(folder.join("fixtures")).unwrap();
    let manifest = fs::read_to_string(newcomers().join("a-folder-mapper/plugin.toml")).unwrap();
    let manifest = manifest.replace("a-folder-mapper", "wild");
    fs::write(folder.join("plugin.toml"), &manifest).unwrap();
    fs::write(folder.join("wild.wasm"), compiled(&manifest, WILD)).unwrap();
    folder
}

/// While it runs, and what is wrong with the author's own files.
#[test]
fn a_plugin_that_breaks() {
    let folder = wild();
    for from in ["panic", "cpu", "memory", "stack", "answer", "huge", "no", "schema"] {
        let fixture = format!(
            r#"{{ "settings": {{ "from": "{from}" }}, "request": {{ "source-folders": [{{ "path": "INBOX" }}] }},
                 "answer": {{ "rulings": [] }} }}"#
        );
        fs::write(folder.join(format!("fixtures/{from}.json")), fixture).unwrap();
    }
    for (name, text) in [
        ("settings-type", r#"{ "settings": { "from": 7 }, "answer": {} }"#),
        ("settings-name", r#"{ "settings": { "form": "x" }, "answer": {} }"#),
        ("request-name", r#"{ "request": { "source_folders": [] }, "answer": {} }"#),
        ("expects-nothing", "{}"),
        ("no-json", "{ \"request\": "),
        ("wrong-answer", r#"{ "answer": { "rulings": [{ "folder": 0, "decision": { "skip": "x" } }] } }"#),
    ] {
        fs::write(folder.join(format!("fixtures/{name}.json")), text).unwrap();
    }
    insta::assert_snapshot!(told(&folder, &["plugin", "test"], 6));
}
