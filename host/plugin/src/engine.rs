//! wasmtime, set up once for a process.

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine};

use crate::bindings::imports::mailhaul::plugin as wit;
use crate::kind::Kind;
use crate::limits::{FIBER_STACK, TICK, WASM_STACK};
use crate::state::CallState;

/// The options native code is compiled with; the child that compiles has the same.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(FIBER_STACK)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        // A mapper's answer must not depend on the bits of a NaN.
        .cranelift_nan_canonicalization(true);
    config
}

/// Makes the engine that all plugins of a host share, and a thread that advances its epoch.
pub(crate) fn engine() -> wasmtime::Result<Engine> {
    let engine = Engine::new(&config())?;
    tick(&engine)?;
    Ok(engine)
}

/// Starts an OS thread, because a guest that never yields can starve a timer of the async runtime. It ends
/// when the last user of the engine does.
fn tick(engine: &Engine) -> wasmtime::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new().name("plugin-epochs".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(TICK);
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => break,
            }
        }
    })?;
    Ok(())
}

/// Makes a component of native code that this program compiled itself.
#[expect(unsafe_code, reason = "the code was compiled by this program and never left its own hands")]
pub(crate) fn load(engine: &Engine, native: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `native` comes from `Compiler::native`, in this process or over a pipe from our own child, or
    // from a file of this user's alone whose digest `Cache::get` has checked; never from an operator's file.
    unsafe { Component::deserialize(engine, native) }
}

/// Counts a call of the host and delays it in an author's test. Every import is implemented by the state
/// itself, so whatever a guest calls passes here.
fn counted(state: &mut CallState) -> &mut CallState {
    state.host_calls += 1;
    state.be_slow();
    state
}

/// Links what components of these kinds can call: nothing else is linked, so nothing else can be reached.
///
/// A component of several kinds has the imports of all of them; what a call of one kind is granted is
/// decided by its [`CallState`].
pub(crate) fn linker(engine: &Engine, kinds: &[Kind]) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    type Own = HasSelf<CallState>;
    wit::types::add_to_linker::<CallState, Own>(&mut linker, counted)?;
    wit::accounts::add_to_linker::<CallState, Own>(&mut linker, counted)?;
    let allowed = |name: &str| kinds.iter().any(|kind| kind.imports().contains(&name));
    if allowed("log") {
        wit::log::add_to_linker::<CallState, Own>(&mut linker, counted)?;
    }
    if allowed("host") {
        wit::host::add_to_linker::<CallState, Own>(&mut linker, counted)?;
    }
    if allowed("settings") {
        wit::settings::add_to_linker::<CallState, Own>(&mut linker, counted)?;
    }
    if allowed("cancel") {
        wit::cancel::add_to_linker::<CallState, Own>(&mut linker, counted)?;
    }
    if allowed("secrets") {
        wit::secrets::add_to_linker::<CallState, Own>(&mut linker, counted)?;
    }
    if allowed("http") {
        wit::http::add_to_linker::<CallState, Own>(&mut linker, counted)?;
    }
    if allowed("inputs") {
        wit::inputs::add_to_linker::<CallState, Own>(&mut linker, counted)?;
    }
    if allowed("evidence") {
        wit::evidence::add_to_linker::<CallState, Own>(&mut linker, counted)?;
    }
    Ok(linker)
}
