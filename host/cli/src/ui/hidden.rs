//! Asking for what must not be seen: passwords and passphrases, typed without echo, or the first line of
//! standard input. They are never taken from the command line, which every user of the machine can read.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use mailhaul_app::Secret;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::Ui;
use super::paint::Tone;
use crate::drive::{Signals, runtime};
use crate::error::Failure;
use crate::exit::Exit;

/// Longest line in bytes: a token reaches a few KiB.
const LONGEST: usize = 64 << 10;

impl Ui {
    /// Returns whether somebody is there to be asked: standard input is a terminal.
    pub(crate) fn is_asked(&self) -> bool {
        io::stdin().is_terminal()
    }

    /// Asks on the terminal, without showing what is typed; where there is none, the first line of standard
    /// input is the answer and nothing is asked. Its line end does not belong to it.
    ///
    /// # Errors
    /// An empty line, one longer than 64 KiB, or Ctrl-C, after which the terminal shows again what is typed.
    pub(crate) fn ask_hidden(&mut self, question: &str) -> Result<Secret, Failure> {
        if !io::stdin().is_terminal() {
            return line();
        }
        let shown = format!("{}: ", self.err_palette.paint(Tone::Strong, &mailhaul_text::escape(question)));
        drop(self.err.write_all(shown.as_bytes()).and_then(|()| self.err.flush()));
        let silence =
            Silence::begin().map_err(|error| Failure::internal(format!("the terminal: {error}")))?;
        let runtime = runtime()?;
        let typed = runtime.block_on(async {
            let mut signals = Signals::install()?;
            tokio::select! {
                // Not the default, which would leave a terminal behind that shows nothing.
                () = signals.next() => Err(Failure { exit: Exit::Interrupted, causes: Vec::new() }),
                typed = tokio::task::spawn_blocking(line) => typed.map_err(Failure::internal)?,
            }
        });
        drop(silence);
        // A line that nobody finishes is still being read.
        runtime.shutdown_background();
        drop(self.err.write_all(b"\n").and_then(|()| self.err.flush()));
        typed
    }
}

fn line() -> Result<Secret, Failure> {
    // Room for all of it at once: growing would leave copies behind that nobody overwrites.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    let input = io::stdin().lock();
    input
        .take(LONGEST as u64 + 1)
        .read_until(b'\n', &mut bytes)
        .map_err(|error| Failure::input(format!("standard input cannot be read: {error}"), None))?;
    let line = bytes.strip_suffix(b"\n").map_or(&bytes[..], |line| line.strip_suffix(b"\r").unwrap_or(line));
    match line.len() {
        0 => Err(Failure::input(
            "nothing was typed, and nothing came on standard input",
            Some("type it when it is asked for, or put it on the first line of standard input"),
        )),
        length if length > LONGEST => Err(Failure::input("the line is longer than 64 KiB", None)),
        _ => Ok(Secret::from(line.to_vec())),
    }
}

/// A terminal that does not show what is typed, until this is dropped.
struct Silence(Termios);

impl Silence {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO;
        // What was typed ahead was shown, and is not the answer.
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        tcsetattr(io::stdin(), OptionalActions::Now, &self.0).ok();
    }
}
