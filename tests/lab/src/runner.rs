//! Running the built `mailhaul` in a project's folder, as a user would.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::{process, workdir};

/// No single command of a test may take longer.
pub const HARD_LIMIT: Duration = Duration::from_secs(180);

/// Where the binary under test should be: `$MAILHAUL_BIN`, else `mailhaul` in the build's folder this binary
/// lies in.
#[must_use]
pub fn binary_path() -> PathBuf {
    if let Some(path) = std::env::var_os("MAILHAUL_BIN") {
        return PathBuf::from(path);
    }
    // target/debug/deps/system-… → target/debug/mailhaul; xtask itself lies beside it.
    let own = std::env::current_exe().unwrap_or_default();
    let folder = own.parent().unwrap_or(Path::new(""));
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    folder.join("mailhaul")
}

/// The binary under test.
///
/// # Panics
/// When there is none, with what to type.
#[must_use]
pub fn binary() -> PathBuf {
    let path = binary_path();
    assert!(path.is_file(), "{} is not there: run `cargo build -p mailhaul` first", path.display());
    path
}

/// How a command ended and what it printed.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The command line, for the messages of failed assertions.
    pub line: String,
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it; `None` when it exited by itself.
    pub signal: Option<i32>,
    /// Everything on standard output, which is for data.
    pub stdout: String,
    /// Everything on standard error, which is for the user.
    pub stderr: String,
    /// The time from start to end.
    pub elapsed: Duration,
}

impl Outcome {
    /// Asserts the exit code.
    ///
    /// # Panics
    /// With everything the command said, when it is another.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "the exit code is not as expected\n{}", self.told());
        self
    }

    /// Asserts that stdout or stderr holds each of the texts.
    ///
    /// # Panics
    /// With everything the command said, when one is missing.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(
                self.stdout.contains(text) || self.stderr.contains(text),
                "\"{text}\" is not in the output\n{}",
                self.told()
            );
        }
        self
    }

    /// Asserts that neither stdout nor stderr holds the text.
    ///
    /// # Panics
    /// With everything the command said, when one does.
    #[track_caller]
    pub fn hides(self, text: &str) -> Self {
        let said = self.stdout.contains(text) || self.stderr.contains(text);
        assert!(!said, "\"{text}\" is in the output\n{}", self.told());
        self
    }

    /// Returns command line, exit code and output, for the messages of failed assertions.
    #[must_use]
    pub fn told(&self) -> String {
        format!(
            "$ {}\nexit code {:?}, signal {:?}, {:.2} s\n--- stdout\n{}\n--- stderr\n{}",
            self.line,
            self.code,
            self.signal,
            self.elapsed.as_secs_f32(),
            self.stdout,
            self.stderr
        )
    }
}

/// A command of the built `mailhaul` that is about to be run.
#[derive(Debug)]
pub struct Mailhaul {
    command: Command,
    input: Vec<u8>,
    limit: Duration,
}

impl Mailhaul {
    /// `mailhaul` in a folder, without a terminal, with an environment that holds nothing of the tester's.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let mut command = Command::new(binary());
        command.current_dir(folder);
        for name in
            ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "RUST_LOG", "RUST_BACKTRACE", "COLUMNS"]
        {
            command.env_remove(name);
        }
        // The key to a project's secrets is made there, and not in the home of whoever tests.
        command.env("XDG_CONFIG_HOME", std::path::absolute(folder).unwrap_or_default().join(".settings"));
        Self { command, input: Vec::new(), limit: HARD_LIMIT }
    }

    /// The same below another program, which is given the binary as its last argument.
    ///
    /// # Panics
    /// When `wrapper` is empty.
    #[must_use]
    pub fn under(wrapper: &[&str], folder: &Path) -> Self {
        let mut this = Self::new(folder);
        let (program, arguments) = wrapper.split_first().expect("a program to run below");
        let mut command = Command::new(program);
        command.args(arguments).arg(binary()).current_dir(folder);
        for (name, value) in this.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        this.command = command;
        this
    }

    /// Adds arguments to the command line.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of the command's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Puts a text on its standard input, which is empty otherwise. It must fit into a pipe: 64 KiB.
    #[must_use]
    pub fn input(mut self, text: &str) -> Self {
        self.input = text.into();
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it does not end within the hard limit.
    #[track_caller]
    #[must_use]
    pub fn run(self) -> Outcome {
        self.spawn().wait()
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawn(mut self) -> RunningCommand {
        let words: Vec<_> = self.command.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
        let line = format!("mailhaul {}", words.join(" "));
        let mut child = self
            .command
            .process_group(0)
            .stdin(if self.input.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {line}: {error}"));
        workdir::register(child.id(), true);
        if let Some(mut stdin) = child.stdin.take() {
            // It may end without reading it.
            stdin.write_all(&self.input).ok();
        }
        let stdout = child.stdout.take().map(Output::collect);
        let stderr = child.stderr.take().map(Output::collect);
        RunningCommand { child, line, stdout, stderr, started: Instant::now(), limit: self.limit }
    }
}

/// What a command has printed so far, collected by a thread.
#[derive(Debug)]
struct Output {
    so_far: Arc<(Mutex<Vec<u8>>, Condvar)>,
    reader: JoinHandle<()>,
}

impl Output {
    fn collect(mut from: impl Read + Send + 'static) -> Self {
        let so_far = Arc::<(Mutex<Vec<u8>>, Condvar)>::default();
        let shared = Arc::clone(&so_far);
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut piece) {
                let (bytes, more) = &*shared;
                bytes.lock().expect("what was printed").extend_from_slice(&piece[..read]);
                more.notify_all();
            }
        });
        Self { so_far, reader }
    }

    fn whole(self) -> String {
        self.reader.join().ok();
        let bytes = self.so_far.0.lock().expect("what was printed");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A command that was started; it is killed when this is dropped.
#[derive(Debug)]
pub struct RunningCommand {
    child: Child,
    line: String,
    stdout: Option<Output>,
    stderr: Option<Output>,
    started: Instant,
    limit: Duration,
}

impl RunningCommand {
    /// Returns the process id, for looking into `/proc`.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns whether the process is still there.
    pub fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Returns what it has printed on standard output so far.
    ///
    /// # Panics
    /// When the thread that collects it has panicked.
    #[must_use]
    pub fn printed(&self) -> String {
        let output = self.stdout.as_ref().expect("standard output");
        let bytes = output.so_far.0.lock().expect("what was printed");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        process::signal(&self.child, Signal::INT);
    }

    /// Ctrl-C, and waits until the command says that it has heard it.
    ///
    /// # Panics
    /// When it does not say so within half a minute.
    pub fn interrupt_heard(&self) {
        self.interrupt();
        let (bytes, more) = &*self.stderr.as_ref().expect("standard error").so_far;
        let heard = |bytes: &mut Vec<u8>| !bytes.windows(9).any(|words| words == b"stopping:");
        let bytes = bytes.lock().expect("what was printed");
        let (_bytes, waited) =
            more.wait_timeout_while(bytes, Duration::from_secs(30), heard).expect("what was printed");
        assert!(!waited.timed_out(), "the command does not say that it stops");
    }

    /// Sends SIGTERM, as `kill` does.
    pub fn terminate(&self) {
        process::signal(&self.child, Signal::TERM);
    }

    /// Sends SIGKILL, which no program can catch.
    pub fn kill(&self) {
        process::signal(&self.child, Signal::KILL);
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end within the hard limit; it is killed then.
    #[track_caller]
    #[must_use]
    pub fn wait(self) -> Outcome {
        let limit = self.limit;
        let outcome = self.wait_for(limit);
        assert!(
            outcome.code.is_some() || outcome.elapsed < limit,
            "the command did not end within {limit:?}\n{}",
            outcome.told()
        );
        outcome
    }

    /// Waits so long, then kills it: the outcome has signal 9 then.
    ///
    /// # Panics
    /// When the process cannot be waited for.
    #[must_use]
    pub fn wait_for(mut self, limit: Duration) -> Outcome {
        let status = process::wait(&mut self.child, limit).unwrap_or_else(|| {
            self.kill();
            self.child.wait().expect("wait for a killed process")
        });
        let elapsed = self.started.elapsed();
        let text = |printed: Option<Output>| printed.map(Output::whole).unwrap_or_default();
        Outcome {
            line: std::mem::take(&mut self.line),
            code: status.code(),
            signal: status.signal(),
            stdout: text(self.stdout.take()),
            stderr: text(self.stderr.take()),
            elapsed,
        }
    }
}

impl Drop for RunningCommand {
    fn drop(&mut self) {
        if self.alive() {
            self.kill();
            self.child.wait().ok();
        }
        workdir::unregister(self.child.id(), true);
    }
}
