//! The log: to standard error as loud as asked, to `mailhaul.log` under the state folder in detail.
//!
//! Every line passes one layer that removes secrets and escapes what a terminal would obey, so one
//! record is one line. There is deliberately no bridge from the `log` crate: async-imap writes whole
//! `LOGIN` commands to it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use mailhaul_app::redact::scrub;
use mailhaul_engine::event::WARNING_TARGET;
use mailhaul_text::escape;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::ui::screen::Screen;

pub(crate) const FILE_NAME: &str = "mailhaul.log";
/// Size at which the log is put aside as `mailhaul.log.1`; the one put aside before is dropped, so
/// both together never take more than twice this.
const ROTATE_AT: u64 = 16 << 20;
/// Lines written before the state folder is known are kept up to this many bytes.
const MAX_EARLY: usize = 64 << 10;
/// Details of a panic: for the file only, the user gets a sentence.
pub(crate) const PANIC_TARGET: &str = "mailhaul::panic";

static LOG: Mutex<Log> = Mutex::new(Log::Waiting(Vec::new()));

/// Where lines for the log file go.
#[derive(Debug)]
enum Log {
    /// No state folder is known yet: the lines so far, at most [`MAX_EARLY`] bytes and one line.
    Waiting(Vec<u8>),
    Open(RotatingFile),
    /// It could not be opened: nothing is kept.
    Closed,
}

/// Starts logging. `verbose` counts `-v`: it raises standard error from warnings to info, debug and trace,
/// and from two on the file from debug to trace.
pub(crate) fn start(verbose: u8, quiet: bool) {
    let for_stderr = match (quiet, verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let for_file = if verbose >= 2 { LevelFilter::TRACE } else { LevelFilter::DEBUG };
    let stderr = tracing_subscriber::fmt::layer()
        .with_writer(|| Line(Sink::Stderr))
        .with_ansi(false)
        .without_time()
        .with_target(verbose > 0)
        .with_filter(
            targets(for_stderr)
                .with_target(PANIC_TARGET, LevelFilter::OFF)
                // Whoever follows the task shows these as warnings.
                .with_target(WARNING_TARGET, LevelFilter::OFF),
        );
    let file =
        tracing_subscriber::fmt::layer().with_writer(ToFile).with_ansi(false).with_filter(targets(for_file));
    // Fails only when a subscriber is set already, as in tests: then that one is fine.
    drop(tracing_subscriber::registry().with(stderr).with(file).try_init());
}

/// Lets pass our own crates at `level`, and warnings and errors of all others.
fn targets(level: LevelFilter) -> Targets {
    let others = level.min(LevelFilter::from_level(Level::WARN));
    let mut targets = Targets::new().with_default(others).with_target("mailhaul", level);
    for ours in ["app", "engine", "imap", "net", "plugin_host", "project", "report", "shipped"] {
        targets = targets.with_target(format!("mailhaul_{ours}"), level);
    }
    // Its trace level shows commands whole, LOGIN included.
    targets.with_target("async_imap", level.min(LevelFilter::DEBUG))
}

/// Opens the log in the state folder and writes what was kept so far.
/// Returns a warning when that fails: a migration does not depend on its log.
pub(crate) fn open(state_dir: &Path) -> Option<String> {
    let path = state_dir.join(FILE_NAME);
    let opened = RotatingFile::open(&path, ROTATE_AT);
    let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    match opened {
        Ok(mut file) => {
            let early = match &mut *log {
                Log::Waiting(early) => std::mem::take(early),
                Log::Open(_) | Log::Closed => Vec::new(),
            };
            file.write(&early);
            *log = Log::Open(file);
            None
        }
        Err(error) => {
            *log = Log::Closed;
            Some(format!("no log is kept: cannot open `{}`: {error}", path.display()))
        }
    }
}

/// Returns the log file's path, once it is open.
pub(crate) fn path() -> Option<PathBuf> {
    // Also asked for by the panic hook, perhaps while this very lock is held.
    match &*LOG.try_lock().ok()? {
        Log::Open(file) => Some(file.path.clone()),
        Log::Waiting(_) | Log::Closed => None,
    }
}

/// A file of mode 0600 that is put aside as `.log.1` before it exceeds `rotate_at` bytes.
#[derive(Debug)]
struct RotatingFile {
    path: PathBuf,
    file: File,
    size: u64,
    rotate_at: u64,
}

impl RotatingFile {
    fn open(path: &Path, rotate_at: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let meta = file.metadata()?;
        if meta.permissions().mode() & 0o077 != 0 {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
        }
        Ok(Self { path: path.to_owned(), file, size: meta.len(), rotate_at })
    }

    /// Writes, and puts the file aside first when it is full. A full disk costs lines of the log,
    /// never the migration.
    fn write(&mut self, bytes: &[u8]) {
        if self.size > 0 && self.size + bytes.len() as u64 > self.rotate_at {
            let aside = self.path.with_extension("log.1");
            let moved = fs::rename(&self.path, aside).and_then(|()| Self::open(&self.path, self.rotate_at));
            if let Ok(fresh) = moved {
                *self = fresh;
            }
        }
        if self.file.write_all(bytes).is_ok() {
            self.size += bytes.len() as u64;
        }
    }
}

struct ToFile;

impl MakeWriter<'_> for ToFile {
    type Writer = Line;

    fn make_writer(&self) -> Self::Writer {
        Line(Sink::File)
    }
}

enum Sink {
    Stderr,
    File,
}

/// Takes one formatted event, which the subscriber writes in one piece.
struct Line(Sink);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = clean(&String::from_utf8_lossy(bytes));
        match self.0 {
            Sink::Stderr => Screen::stderr().write_all(line.as_bytes())?,
            Sink::File => append(line.as_bytes()),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a line to the file, or remembers it until there is one.
fn append(line: &[u8]) {
    // A panic while the lock is held must not hang in its own hook.
    let log = if std::thread::panicking() {
        LOG.try_lock().ok()
    } else {
        Some(LOG.lock().unwrap_or_else(PoisonError::into_inner))
    };
    if let Some(mut log) = log {
        match &mut *log {
            Log::Open(file) => file.write(line),
            Log::Waiting(early) if early.len() < MAX_EARLY => early.extend_from_slice(line),
            Log::Waiting(_) | Log::Closed => {}
        }
    }
}

/// Returns a record as one line without secrets and without what a terminal would obey.
fn clean(record: &str) -> String {
    let mut line = escape(&scrub(record.trim_end_matches('\n'))).into_owned();
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_without_secrets() {
        mailhaul_app::redact::register(b"canary-in-the-log");
        assert_eq!(clean("a\nb canary-in-the-log \x1b[2J\n"), "a\\nb [secret] \\x1b[2J\n");
    }

    #[test]
    fn the_file_is_private_and_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        fs::create_dir(&state).unwrap();
        let path = state.join(FILE_NAME);
        fs::write(&path, "old\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let mut log = RotatingFile::open(&path, 100).unwrap();
        for n in 0..50 {
            log.write(format!("line {n}\n").as_bytes());
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let aside = state.join("mailhaul.log.1");
        assert_eq!((mode(&path), mode(&aside)), (0o600, 0o600));
        assert!(fs::metadata(&path).unwrap().len() <= 100);
        assert!(fs::read_to_string(&path).unwrap().ends_with("line 49\n"));
        assert_eq!(fs::read_dir(&state).unwrap().count(), 2);
    }

    #[test]
    fn async_imap_never_logs_at_trace() {
        let targets = targets(LevelFilter::TRACE);
        assert!(!targets.would_enable("async_imap::client", &Level::TRACE));
        assert!(targets.would_enable("mailhaul_engine::copy", &Level::TRACE));
        assert!(!targets.would_enable("wasmtime", &Level::DEBUG));
    }
}
