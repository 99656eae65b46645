//! Secrets that a program prints.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::error::io_cause;

/// How long a command may take: long enough for a password manager that asks its owner for a touch.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How much of a command's error output is kept, in bytes; the sentence quotes the end of it.
const COMPLAINT: usize = 4 << 10;

/// Runs `argv` in `dir` and returns what it prints, at most `longest` bytes, within `patience`. The error is
/// cause and remedy of a sentence.
pub(super) fn output(
    argv: &[String],
    dir: &Path,
    longest: usize,
    patience: Duration,
) -> Result<Zeroizing<Vec<u8>>, (String, String)> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(("the command is empty".into(), "name a program".into()));
    };
    // With a path in it, a relative program is relative to the project file like every other path;
    // without one it is searched for in PATH.
    let named = Path::new(program);
    let found = if named.components().count() > 1 { dir.join(named) } else { named.to_owned() };
    let mut child = Command::new(found)
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            (
                format!("the command `{program}` cannot be started: {}", io_cause(&error)),
                "check its name, or give its whole path".to_owned(),
            )
        })?;
    let end = Instant::now() + patience;
    let printed = collect(child.stdout.take(), longest, false);
    let complaint = collect(child.stderr.take(), COMPLAINT, true);

    let late = || {
        (
            format!("the command `{program}` did not finish within {} s", patience.as_secs()),
            "run it by hand to see what it waits for (it gets no standard input)".to_owned(),
        )
    };
    // The output ends when the program does, or closes it, or has printed too much.
    let printed = match printed.recv_timeout(patience) {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => {
            stop(&mut child);
            return Err((
                format!("the output of the command `{program}` cannot be read: {}", io_cause(&error)),
                String::new(),
            ));
        }
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            stop(&mut child);
            return Err(late());
        }
    };
    if printed.len() > longest {
        stop(&mut child);
        return Err((
            format!("the command `{program}` printed more than {} KiB", longest >> 10),
            "it has to print the password and nothing else".into(),
        ));
    }
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) | Err(_) => {
                stop(&mut child);
                return Err(late());
            }
        }
    };
    if status.success() {
        return Ok(printed);
    }
    // A process it left behind may hold the pipe open: what it says is not worth more waiting.
    let complaint = complaint.recv_timeout(Duration::from_millis(500)).ok().and_then(Result::ok);
    let complaint = complaint.map(|bytes| last_words(&bytes)).unwrap_or_default();
    Err((format!("the command `{program}` failed ({status}){complaint}"), "run it by hand to see why".into()))
}

/// Ends the child and takes its exit status, so that it does not stay behind as a zombie.
fn stop(child: &mut Child) {
    // It may have ended by itself meanwhile; both calls then say so, and nothing is to be done.
    drop(child.kill());
    drop(child.wait());
}

type PipeOutput = Receiver<io::Result<Zeroizing<Vec<u8>>>>;

/// Reads a pipe on a thread of its own: up to one byte more than `longest`, then closes it, or
/// (`drain`) goes on reading so that the writer is not held up.
fn collect(pipe: Option<impl Read + Send + 'static>, longest: usize, drain: bool) -> PipeOutput {
    let (sender, receiver) = sync_channel(1);
    std::thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(longest + 1));
        let result = match pipe {
            None => Ok(bytes),
            Some(mut pipe) => {
                let read = pipe.by_ref().take(longest as u64 + 1).read_to_end(&mut bytes);
                let drained = if drain { io::copy(&mut pipe, &mut io::sink()) } else { Ok(0) };
                read.and(drained).map(|_| bytes)
            }
        };
        // Nobody may be waiting any more.
        drop(sender.send(result));
    });
    receiver
}

/// The last line that says something, shortened and after `: `; empty when none does.
fn last_words(bytes: &[u8]) -> String {
    const SHOWN: usize = 200;
    let text = String::from_utf8_lossy(bytes);
    match text.lines().rev().map(str::trim).find(|line| !line.is_empty()) {
        Some(line) => format!(": {}", line.chars().take(SHOWN).collect::<String>()),
        None => String::new(),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_never_ends_is_given_up() {
        let argv = ["sleep", "60"].map(str::to_owned);
        let begin = Instant::now();
        let (cause, _) = output(&argv, Path::new("/"), 10, Duration::from_millis(100)).unwrap_err();
        assert!(cause.contains("did not finish"), "{cause}");
        assert!(begin.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn much_error_output_holds_nothing_up() {
        let argv = ["sh", "-c", "head -c 1000000 /dev/zero >&2; echo ok"].map(str::to_owned);
        assert_eq!(*output(&argv, Path::new("/"), 10, PATIENCE).unwrap(), b"ok\n");
    }
}
