//! Child processes that never outlive their handle.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::workdir;

/// How often a state is looked at that can only be polled.
pub(crate) const POLL: Duration = Duration::from_millis(5);

/// A daemon: leads its own process group, which is killed as a whole when the handle is dropped.
#[derive(Debug)]
pub struct Service {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts `command` with its output in `log`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn(name: &str, mut command: Command, log: &Path) -> Self {
        let file = File::create(log).expect("create a server's log");
        let copy = file.try_clone().expect("duplicate a server's log");
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(copy)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name} ({command:?}): {error}"));
        workdir::register(child.id(), true);
        Self { name: name.to_owned(), child, log: log.to_owned() }
    }

    /// The process's exit status if it has ended, with what it said, for the message of whoever waits for it.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        Some(format!("{} ended with {status}: {}", self.name, said.trim()))
    }

    /// Kills the process and its whole group with SIGKILL.
    pub fn kill(&mut self) {
        if let Some(pid) = pid(&self.child) {
            kill_process_group(pid, Signal::KILL).ok();
        }
        self.child.wait().ok();
    }

    /// Asks the leader to end, which takes its own children along, then kills what is left of the group.
    fn end(&mut self) {
        signal(&self.child, Signal::TERM);
        wait(&mut self.child, Duration::from_secs(2));
        if let Some(pid) = pid(&self.child) {
            // The group may be gone already.
            kill_process_group(pid, Signal::KILL).ok();
        }
        self.child.wait().ok();
        workdir::unregister(self.child.id(), true);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end();
    }
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// Sends a signal to one child process; one that has already ended is left alone.
pub(crate) fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = pid(child) {
        kill_process(pid, signal).ok();
    }
}

/// Waits for a child up to `limit`; `None` when it is still running then.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() >= end => return None,
            Ok(None) => std::thread::sleep(POLL),
            Err(error) => panic!("cannot wait for a child process: {error}"),
        }
    }
}

/// Runs a command that answers quickly and returns its output.
///
/// # Errors
/// A sentence with the command line and what it said, when it cannot be run or fails.
pub fn output(command: &mut Command) -> Result<String, String> {
    let out = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {}: {error}", command.get_program().to_string_lossy()))?;
    let stdout = String::from_utf8_lossy(&out.stdout).into_owned();
    if out.status.success() {
        return Ok(stdout);
    }
    let stderr = String::from_utf8_lossy(&out.stderr).into_owned();
    Err(format!("{command:?} ended with {}: {}{}", out.status, stdout.trim(), stderr.trim()))
}

/// A process that is ended with this one even when this one is killed; for children that share our terminal.
#[derive(Debug)]
pub struct ChildGuard(u32);

impl ChildGuard {
    /// Registers the child with the guardian of [`workdir`].
    #[must_use]
    pub fn new(child: &Child) -> Self {
        workdir::register(child.id(), false);
        Self(child.id())
    }
}

impl Drop for ChildGuard {
    fn drop(&mut self) {
        workdir::unregister(self.0, false);
    }
}

/// Calls `ready` until it returns `Some`, at most for `limit`.
///
/// # Errors
/// `what` with the time waited, when the limit passes.
pub fn until<T>(what: &str, limit: Duration, mut ready: impl FnMut() -> Option<T>) -> Result<T, String> {
    let start = Instant::now();
    loop {
        if let Some(value) = ready() {
            return Ok(value);
        }
        if start.elapsed() >= limit {
            return Err(format!("{what}: not after {:.1} s", start.elapsed().as_secs_f32()));
        }
        std::thread::sleep(POLL);
    }
}
