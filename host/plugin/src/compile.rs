//! Compiling a component: in a child with limits of its own, because wasmtime promises nothing about
//! the time and memory that hostile code takes to compile.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use wasmtime::Engine;

use crate::engine;
use crate::error::LoadReason;
use crate::limits::{COMPILED, Limits, MAX_COMPONENT, MESSAGE};
use crate::text;

/// Where components are compiled, which decides how much a hostile one can cost.
#[derive(Debug, Clone, Default)]
pub enum Compiler {
    /// In this process, without limits: for tests and for components of one's own.
    #[default]
    InProcess,
    /// In a child that runs [`compile_in_child`] and is ended when it takes too long.
    Child {
        /// The program to start, as a rule this one itself.
        program: PathBuf,
        /// Arguments that make it call that function with the two arguments that follow them.
        arguments: Vec<OsString>,
    },
}

impl Compiler {
    /// Compiles a component to native code for this engine.
    pub(crate) async fn native(
        &self,
        engine: &Engine,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Vec<u8>, LoadReason> {
        match self {
            Self::InProcess => {
                let (engine, bytes) = (engine.clone(), bytes.to_vec());
                let compiling = tokio::task::spawn_blocking(move || engine.precompile_component(&bytes));
                let compiled = compiling.await.map_err(|error| LoadReason::Broken(error.to_string()))?;
                compiled.map_err(|error| LoadReason::Broken(shown(&format!("{error:#}"))))
            }
            Self::Child { program, arguments } => {
                let mut command = Command::new(program);
                // Nothing of this process goes along: what is compiled is hostile.
                command.args(arguments).env_clear().current_dir("/").kill_on_drop(true);
                command.args([limits.compile_memory.to_string(), cpu_seconds(limits.compile).to_string()]);
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
                match tokio::time::timeout(limits.compile, child(command, bytes, limits)).await {
                    Ok(ended) => ended,
                    Err(_) => Err(LoadReason::CompileTime(limits.compile.as_secs())),
                }
            }
        }
    }
}

/// CPU seconds the child uses when it keeps every CPU busy for `wall`: it has no other clock once its parent
/// is gone.
fn cpu_seconds(wall: Duration) -> u64 {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    wall.as_secs().max(1).saturating_mul(cpus)
}

fn shown(error: &str) -> String {
    text::shown(&error.replace('\n', " "), MESSAGE)
}

async fn child(mut command: Command, bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, LoadReason> {
    let failed = |what: &str, error: std::io::Error| LoadReason::Compiler(format!("{what}: {error}"));
    let mut child = command.spawn().map_err(|error| failed("it cannot be started", error))?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(LoadReason::Compiler("its pipes are missing".to_owned()));
    };
    let (mut native, mut words) = (Vec::new(), Vec::new());
    let mut stdout = stdout.take(COMPILED + 1);
    let mut stderr = stderr.take(64 << 10);
    let write = async {
        // A child that gave up has said why on its standard error.
        let written = stdin.write_all(bytes).await;
        drop(stdin);
        if let Err(error) = written {
            tracing::debug!(%error, "the compiler did not read everything");
        }
        Ok(0)
    };
    let read = tokio::try_join!(write, stdout.read_to_end(&mut native), stderr.read_to_end(&mut words));
    read.map_err(|error| failed("it cannot be read from", error))?;
    let status = child.wait().await.map_err(|error| failed("it cannot be waited for", error))?;
    if native.len() as u64 > COMPILED {
        return Err(LoadReason::Compiled(COMPILED));
    }
    match status.code() {
        Some(0) => Ok(native),
        // Refused in words.
        Some(1) => Err(LoadReason::Broken(shown(&String::from_utf8_lossy(&words)))),
        // Ended by a limit: an allocation that fails aborts, CPU time ends with a signal.
        _ => Err(LoadReason::CompileLimits(limits.compile_memory >> 20)),
    }
}

/// Compiles the component on standard input and writes native code to standard output: the child's half of
/// [`Compiler::Child`].
///
/// `arguments` are the two that follow the parent's own: bytes of address space and seconds of CPU time. They
/// become limits of this process that it cannot raise again.
///
/// # Errors
/// When the limits cannot be set or the component cannot be compiled: text for standard error, to be followed
/// by exit code 1.
pub fn compile_in_child(arguments: impl IntoIterator<Item = OsString>) -> Result<(), String> {
    let limit = |resource, most| {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
            .map_err(|error| format!("a limit cannot be set: {error}"))
    };
    let numbers = arguments.into_iter().map_while(|word| word.to_str()?.parse::<u64>().ok());
    let [memory, seconds] = numbers.collect::<Vec<_>>()[..] else {
        return Err("bytes of memory and seconds of CPU time are missing".to_owned());
    };
    limit(Resource::As, memory)?;
    limit(Resource::Cpu, seconds)?;
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, 0)?;
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_COMPONENT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    let engine = Engine::new(&engine::config()).map_err(|error| format!("{error:#}"))?;
    let native = engine.precompile_component(&bytes).map_err(|error| format!("{error:#}"))?;
    std::io::stdout().lock().write_all(&native).map_err(|error| error.to_string())
}
