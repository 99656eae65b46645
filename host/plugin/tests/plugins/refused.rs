//! Files that are not loaded, and the one sentence that says why.

use std::path::Path;

use crate::world::host;

/// A component made of nothing but a manifest and imports, in the text format's stead: sections are
/// written by hand so that wasmtime never sees what it must not.
fn component(manifest: Option<&str>) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    if let Some(manifest) = manifest {
        let name = "mailhaul:manifest";
        let mut section = vec![u8::try_from(name.len()).unwrap()];
        section.extend(name.bytes());
        section.extend(manifest.bytes());
        bytes.push(0);
        // LEB128 of a size below 2^14.
        bytes.push(u8::try_from(section.len() & 0x7f).unwrap() | 0x80);
        bytes.push(u8::try_from(section.len() >> 7).unwrap());
        bytes.extend(section);
    }
    bytes
}

fn manifest(id: &str, api: &str) -> String {
    format!(
        "id = \"{id}\"\nversion = \"1.0.0\"\napi = \"{api}\"\nkinds = [\"folder-mapper\"]\nsummary = \"s\"\nlicense = \"MIT\"\n"
    )
}

async fn refused(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("acme.wasm"), bytes).unwrap();
    let error = host().open("./acme.wasm", folder.path()).await.unwrap_err().to_string();
    assert_eq!(host().inspect("./acme.wasm", folder.path()).unwrap_err().to_string(), error);
    error.strip_prefix("plugin `./acme.wasm`: ").unwrap().to_owned()
}

#[tokio::test]
async fn other_files_are_told_apart() {
    assert_eq!(refused(b"#!/bin/sh\nrm -rf /\n").await, "this is no WebAssembly component");
    assert_eq!(
        refused(b"\0asm\x01\0\0\0").await,
        "this is a core module, not a component: build it with `mailhaul plugin build`"
    );
    let engine = wasmtime::Engine::default();
    let native = engine.precompile_component(&component(None)).unwrap();
    assert!(refused(&native).await.starts_with("this is precompiled native code, which is never loaded"));
    assert!(refused(&component(None)).await.starts_with("the component has no manifest"));
    let whole = mailhaul_shipped::plugins()[0].component;
    assert!(refused(&whole[..whole.len() / 2]).await.starts_with("the component is broken"));
}

#[tokio::test]
async fn manifests_must_be_true() {
    assert!(refused(&component(Some("id = 7"))).await.starts_with("its manifest cannot be used"));
    assert_eq!(
        refused(&component(Some(&manifest("acme", "0.1")))).await,
        "its manifest says it is a folder-mapper, but it exports no kind of plugin: `kinds` in `plugin.toml` and what \
         the code exports must agree"
    );
    assert_eq!(
        refused(&component(Some(&manifest("acme", "0.2")))).await,
        "it speaks version 0.2 of the plugin interface and this mailhaul speaks 0.1: update mailhaul, or use an \
         older version of the plugin"
    );
}

#[tokio::test]
async fn a_shipped_id_belongs_to_the_shipped_plugin() {
    let folder = tempfile::tempdir().unwrap();
    let roles = mailhaul_shipped::plugins().iter().find(|plugin| plugin.id == "roles").unwrap();
    std::fs::write(folder.path().join("roles.wasm"), roles.component).unwrap();
    let error = host().open("roles.wasm", folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("calls itself `roles`"), "{error}");
}

#[tokio::test]
async fn names_and_files_that_are_not_there() {
    let here = Path::new(".");
    let error = host().open("rolse", here).await.unwrap_err().to_string();
    assert!(
        error
            .starts_with("plugin `rolse`: no plugin of this name ships with mailhaul; did you mean `roles`?")
    );
    let error = host().open("./nowhere.wasm", here).await.unwrap_err().to_string();
    assert!(error.starts_with("plugin `./nowhere.wasm`: ./nowhere.wasm cannot be read"), "{error}");
    let error = host().open("./", here).await.unwrap_err().to_string();
    assert!(error.ends_with("it is not a regular file"), "{error}");
}

#[tokio::test]
async fn a_plugin_is_used_as_what_it_is() {
    let plugin = host().open("counts", Path::new(".")).await.unwrap();
    let error = plugin.mapper(&serde_json::Value::Null).err().unwrap();
    assert_eq!(error.to_string(), "plugin `counts`: it is used as a folder-mapper, but it is a validator");
}
