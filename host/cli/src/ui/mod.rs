//! The only place that prints. Data goes to standard output, everything else to standard error.
//!
//! Renderers come in two kinds: pages ([`check`], [`plan`], [`sum`], [`verify`], [`status`], [`undo`],
//! [`provision`], [`plugins`], [`author`]) are functions from the engine's structs to text; watchers
//! ([`terminal`], [`plain`], [`json`]) follow a running task event by event.

pub(crate) mod alike;
pub(crate) mod author;
pub(crate) mod certificate;
pub(crate) mod check;
pub(crate) mod clock;
mod hidden;
pub(crate) mod json;
pub(crate) mod paint;
pub(crate) mod plain;
pub(crate) mod plan;
pub(crate) mod plugins;
pub(crate) mod progress;
pub(crate) mod provision;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod screen;
pub(crate) mod server;
pub(crate) mod status;
pub(crate) mod sum;
pub(crate) mod table;
pub(crate) mod terminal;
pub(crate) mod undo;
pub(crate) mod verify;
pub(crate) mod watcher;

use std::io::{self, IsTerminal, Write};

use mailhaul_text::{escape_json, escape_lines};
use serde::Serialize;

use crate::args::{Color, Format, Global};
use crate::error::Failure;
use crate::exit::Exit;
use paint::{Palette, Tone};
use screen::Screen;

/// Columns of a terminal that does not tell its width.
const FALLBACK_WIDTH: usize = 80;
/// Columns used at most: longer lines are hard to read, however wide the terminal is.
const MAX_WIDTH: usize = 120;

/// Standard output and standard error, with the width, colour and format that fit them.
pub(crate) struct Ui {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// For standard output; standard error may be a terminal when this one is a pipe.
    pub palette: Palette,
    err_palette: Palette,
    /// Columns of standard output; `None` when it is a pipe or a file, where nothing wraps.
    pub width: Option<usize>,
    /// Of standard error; as `width`.
    err_width: Option<usize>,
    pub format: Option<Format>,
    /// `-q`: no progress, no notes, no warnings.
    pub quiet: bool,
    /// Whether moving progress can be shown on standard error.
    pub animated: bool,
    pub out_is_terminal: bool,
    out_closed: bool,
}

/// Whether an answer is a yes or a no; `None` when it is neither.
fn meaning(answer: &str) -> Option<bool> {
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" | "j" | "ja" => Some(true),
        "n" | "no" | "nein" => Some(false),
        _ => None,
    }
}

impl Ui {
    /// Takes the process's own streams: colour, width and progress follow the flags and what the streams are.
    pub(crate) fn new(global: &Global) -> Self {
        let (out_tty, err_tty) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colour = |tty: bool| match global.color {
            Color::Always => true,
            Color::Never => false,
            // https://no-color.org: any value but an empty one.
            Color::Auto => tty && !dumb && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        };
        let columns = || {
            terminal_size::terminal_size()
                .map_or(FALLBACK_WIDTH, |(width, _)| usize::from(width.0))
                .clamp(40, MAX_WIDTH)
        };
        Self {
            out: Box::new(Screen::stdout()),
            err: Box::new(Screen::stderr()),
            palette: Palette { on: colour(out_tty) },
            err_palette: Palette { on: colour(err_tty) },
            width: out_tty.then(columns),
            err_width: err_tty.then(columns),
            format: global.format,
            quiet: global.quiet,
            // With -v log lines take the place of progress, as they would tear it apart.
            animated: err_tty && !dumb && !global.quiet && !global.no_progress && global.verbose == 0,
            out_is_terminal: out_tty,
            out_closed: false,
        }
    }

    /// Makes one for what has to be said before the arguments are parsed; of these it looks for `--color
    /// never` only.
    pub(crate) fn before_arguments() -> Self {
        let mut words = std::env::args_os();
        let plain = words.any(|word| word == "--color=never")
            || std::env::args_os()
                .zip(std::env::args_os().skip(1))
                .any(|(a, b)| a == "--color" && b == "never");
        let color = if plain { Color::Never } else { Color::Auto };
        Self::new(&Global { color, ..Global::default() })
    }

    pub(crate) fn json(&self) -> bool {
        self.format == Some(Format::Json)
    }

    /// Prints data: text of our own making whose foreign parts are escaped already.
    ///
    /// # Errors
    /// When standard output is gone; a broken pipe ends the command quietly.
    pub(crate) fn data(&mut self, text: &str) -> Result<(), Failure> {
        self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()).map_err(Failure::output)
    }

    /// Returns standard output, for a document that is written piece by piece; what is written is escaped
    /// already.
    pub(crate) fn stream(&mut self) -> &mut (dyn Write + Send) {
        &mut *self.out
    }

    /// Prints data as JSON, on one line or as an indented document.
    ///
    /// # Errors
    /// As [`Ui::data`].
    pub(crate) fn document(&mut self, value: &impl Serialize, pretty: bool) -> Result<(), Failure> {
        let text = if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
        let mut text = text.map_err(Failure::internal)?;
        text.push('\n');
        self.data(&escape_json(&text))
    }

    /// Prints data of a task that goes on when nobody reads it any more: half a migration because
    /// of `| head` would be worse than silence.
    pub(crate) fn data_if_read(&mut self, text: &str) {
        if !self.out_closed {
            self.out_closed = self.data(text).is_err();
        }
    }

    /// Says something on standard error that is neither data nor a problem; not with `-q`.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.quiet {
            self.say(None, text);
        }
    }

    /// Says a line of a list on standard error, its further lines below its first word, behind a number;
    /// not with `-q`.
    pub(crate) fn item(&mut self, indent: usize, text: &str) {
        if self.quiet {
            return;
        }
        let numbered = text.split_once(". ").filter(|(number, _)| number.parse::<u8>().is_ok());
        let hang = indent + numbered.map_or(0, |(number, _)| number.len() + 2);
        let mut out = String::new();
        for (margin, line) in table::paragraph(&escape_lines(text), indent, hang, self.err_width) {
            out.extend([&" ".repeat(margin), line.as_str(), "\n"]);
        }
        // Nobody to tell when standard error is gone.
        drop(self.err.write_all(out.as_bytes()).and_then(|()| self.err.flush()));
    }

    /// Warns on standard error; not with `-q`.
    pub(crate) fn warn(&mut self, text: &str) {
        if !self.quiet {
            self.say(Some(("warning:", Tone::Warn)), text);
        }
    }

    /// Says what is wrong with one thing while others go on; also with `-q`.
    pub(crate) fn problem(&mut self, text: &str) {
        self.say(Some(("error:", Tone::Bad)), text);
    }

    /// Points to a next step on standard error; not with `-q`.
    pub(crate) fn hint(&mut self, text: &str) {
        if !self.quiet {
            self.say(Some(("hint:", Tone::Accent)), text);
        }
    }

    /// Says on standard error what stands in the way, one `error:` per cause.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        for cause in &failure.causes {
            self.say(Some(("error:", Tone::Bad)), &cause.sentence);
            if let Some(hint) = &cause.hint {
                self.say(Some(("hint:", Tone::Accent)), hint);
            }
        }
    }

    /// Prints what clap has to say about the arguments, and returns what the process ends with.
    pub(crate) fn usage(&mut self, usage: &clap::Error) -> Exit {
        let text = usage.render();
        if !usage.use_stderr() {
            let text = if self.palette.on { text.ansi().to_string() } else { text.to_string() };
            return self.data(&text).map_or_else(
                |failure| {
                    self.failure(&failure);
                    failure.exit
                },
                |()| Exit::Done,
            );
        }
        let text = text.to_string();
        // An option's name, not that of `mailhaul secrets` or `mailhaul passwords`.
        let unknown = text.lines().find(|line| line.starts_with("error: ") && line.contains("argument '-"));
        let secret = unknown
            .is_some_and(|line| ["password", "token", "secret"].iter().any(|word| line.contains(word)));
        for line in text.lines().filter(|line| !line.is_empty()) {
            // Said our way. What the user typed is quoted in it, and may come out of a script.
            match (line.strip_prefix("error: "), line.trim_start().strip_prefix("tip: ")) {
                (Some(error), _) => self.problem(error),
                // Whatever is similar to `--password` is not what was meant.
                (_, Some(_)) if secret => {}
                (_, Some(tip)) => self.hint(tip),
                _ => self.say(None, line),
            }
        }
        if secret {
            self.hint(
                "a password on the command line can be read by every user of this machine; it belongs in \
                 `mailboxes.csv`, in the project's store (`mailhaul secrets set` asks for it) or, as `{ env = … }`, \
                 `{ file = … }` or `{ command = … }`, in `mailhaul.toml`",
            );
        }
        Exit::Input
    }

    /// Empties the terminal on standard output.
    ///
    /// # Errors
    /// As [`Ui::data`].
    pub(crate) fn clear(&mut self) -> Result<(), Failure> {
        self.data("\x1b[H\x1b[2J")
    }

    /// Asks on standard error and returns the answer from standard input, without its line end; an
    /// empty answer is `default`, and `None` means that nobody is there.
    ///
    /// # Errors
    /// When standard input cannot be read.
    pub(crate) fn ask(&mut self, question: &str, default: &str) -> Result<Option<String>, Failure> {
        let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
        let lines = table::paragraph(&format!("{question}{shown}: "), 0, 2, self.err_width);
        let lines: Vec<String> = lines.into_iter().map(|(margin, line)| " ".repeat(margin) + &line).collect();
        let line = self.err_palette.paint(Tone::Strong, &lines.join("\n"));
        drop(self.err.write_all(line.as_bytes()).and_then(|()| self.err.flush()));
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        let read = read.map_err(|error| Failure::input(format!("cannot read the answer: {error}"), None))?;
        let answer = answer.trim();
        Ok((read > 0).then(|| if answer.is_empty() { default.to_owned() } else { answer.to_owned() }))
    }

    /// Asks for a yes or a no, which is the default; where nobody is there to be asked, it fails with what
    /// would be done, as a clause, and what to type instead.
    ///
    /// # Errors
    /// Without a terminal to ask on.
    pub(crate) fn confirm(&mut self, question: &str, would: &str, instead: &str) -> Result<bool, Failure> {
        if !io::stdin().is_terminal() {
            return Err(Failure::input(format!("{would}, and nobody is there to agree"), Some(instead)));
        }
        self.agree(question)
    }

    /// Asks for a yes or a no, which is the default and what silence means.
    ///
    /// # Errors
    /// When standard input cannot be read.
    pub(crate) fn agree(&mut self, question: &str) -> Result<bool, Failure> {
        let question = format!("{question} (yes/no)");
        while let Some(answer) = self.ask(&question, "no")? {
            match meaning(&answer) {
                Some(agreed) => return Ok(agreed),
                None => self.warn("`yes` or `no` is meant"),
            }
        }
        Ok(false)
    }

    fn say(&mut self, label: Option<(&str, Tone)>, text: &str) {
        let text = escape_lines(text);
        let mut out = String::new();
        let (start, indent) = match label {
            Some((label, tone)) => (self.err_palette.paint(tone, label) + " ", label.len() + 1),
            None => (String::new(), 0),
        };
        let lines = text.lines().flat_map(|line| table::paragraph(line, indent, indent, self.err_width));
        for (at, (margin, line)) in lines.enumerate() {
            if at == 0 {
                out.push_str(&start);
            } else if !line.is_empty() {
                out.push_str(&" ".repeat(margin));
            }
            out.push_str(&line);
            out.push('\n');
        }
        // Nobody to tell when standard error is gone.
        drop(self.err.write_all(out.as_bytes()).and_then(|()| self.err.flush()));
    }

    /// Makes one without colour that writes into buffers: a terminal of `width` columns, or a pipe.
    #[cfg(test)]
    pub(crate) fn in_memory(width: Option<usize>) -> (Self, screen::Buffer, screen::Buffer) {
        let (out, err) = (screen::Buffer::default(), screen::Buffer::default());
        let ui = Self {
            out: Box::new(out.clone()),
            err: Box::new(err.clone()),
            palette: Palette::default(),
            err_palette: Palette::default(),
            width,
            err_width: width,
            format: None,
            quiet: false,
            animated: false,
            out_is_terminal: width.is_some(),
            out_closed: false,
        };
        (ui, out, err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_y_is_a_yes_and_what_is_neither_is_asked_again() {
        for yes in ["y", "Y", "yes", "YES", "j", "Ja", " y "] {
            assert_eq!(meaning(yes), Some(true), "{yes}");
        }
        for no in ["n", "No", "nein"] {
            assert_eq!(meaning(no), Some(false), "{no}");
        }
        for neither in ["", "yess", "1", "-", "nay"] {
            assert_eq!(meaning(neither), None, "{neither}");
        }
    }
}
