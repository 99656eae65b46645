//! The child that compiles, ended by each of its limits, and the sentence about it.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use mailhaul_guests::compile_bomb;
use mailhaul_lab::runner::binary;
use mailhaul_plugin_host::{Compiler, Limits, PluginHost};

use crate::hostile::component;

/// The argument by which `mailhaul` compiles for its parent.
const COMPILE: &str = "--compile-plugin-for-parent";

/// What becomes of a component under these limits, and whether it took less than half a minute.
async fn opened(component: &[u8], limits: Limits) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("acme.wasm"), component).unwrap();
    let child = Compiler::Child { program: binary(), arguments: vec![COMPILE.into()] };
    let host = PluginHost::new(limits, []).unwrap().with_compiler(child);
    let begun = Instant::now();
    let opened = host.open("./acme.wasm", folder.path()).await;
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    opened.map_or_else(|error| error.to_string(), |_| "compiled".to_owned())
}

#[tokio::test]
async fn a_bomb_ends_with_the_childs_clock() {
    let limits = Limits { compile: Duration::from_secs(2), ..Limits::default() };
    assert_eq!(
        opened(&compile_bomb(component()), limits).await,
        "plugin `./acme.wasm`: compiling it takes more than 2 seconds, more than any plugin may take"
    );
}

#[tokio::test]
async fn a_bomb_ends_with_the_childs_memory() {
    let limits = Limits { compile_memory: 512 << 20, ..Limits::default() };
    assert_eq!(opened(component(), limits.clone()).await, "compiled");
    assert_eq!(
        opened(&compile_bomb(component()), limits).await,
        "plugin `./acme.wasm`: compiling it takes more than the 512 MiB of memory, or more time, than any plugin may take"
    );
}

/// How the child ends, with nobody there who would end it.
fn alone(component: &[u8], memory: u64, seconds: u64) -> ExitStatus {
    let mut child = Command::new(binary())
        .args([COMPILE, &memory.to_string(), &seconds.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(component).unwrap();
    child.wait().unwrap()
}

#[test]
fn an_orphan_ends_by_itself() {
    assert!(alone(component(), 4 << 30, 60).success());
    let status = alone(&compile_bomb(component()), 4 << 30, 1);
    // SIGKILL is what the kernel sends at the hard limit.
    assert_eq!(status.signal(), Some(9), "{status}");
}

#[test]
fn nothing_is_compiled_without_limits() {
    let child = Command::new(binary()).arg(COMPILE).stdin(Stdio::null()).output().unwrap();
    assert_eq!(child.status.code(), Some(1));
    assert!(child.stdout.is_empty());
}

/// A path that is only there to be named: the compiler itself is missing.
#[tokio::test]
async fn a_compiler_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("acme.wasm"), component()).unwrap();
    let child = Compiler::Child { program: Path::new("/nowhere/mailhaul").into(), arguments: Vec::new() };
    let host = PluginHost::new(Limits::default(), []).unwrap().with_compiler(child);
    let error = host.open("./acme.wasm", folder.path()).await.unwrap_err().to_string();
    assert!(
        error.starts_with("plugin `./acme.wasm`: the compiler cannot be used: it cannot be started"),
        "{error}"
    );
}
