//! Standard output and standard error, shared with moving progress.
//!
//! A picture of a few lines stands below everything else on standard error and is drawn anew in
//! place. Whoever prints (we, or the log) takes it away first and puts it back after, under one lock.
//! Drawn by hand because the cursor has to rest behind the last line, with room to spare: where it
//! waits in the last column, as it does below a progress crate's padded lines, the terminal's echo
//! of `^C` moves it to the next line, and each redraw from then on leaves a line behind.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use unicode_width::UnicodeWidthStr as _;

/// Cells at the end of a line that a picture leaves free: for `^C`.
pub(crate) const MARGIN: usize = 3;
/// Columns and rows of a terminal that does not tell its size.
const FALLBACK_SIZE: (usize, usize) = (80, 24);

static PICTURE: Mutex<Picture> = Mutex::new(Picture { lines: Vec::new() });

/// The lines of progress that are on the screen now, the cursor behind the last.
struct Picture {
    lines: Vec<String>,
}

fn picture() -> MutexGuard<'static, Picture> {
    PICTURE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns columns and rows of the terminal that standard error is.
pub(crate) fn size() -> (usize, usize) {
    terminal_size::terminal_size_of(io::stderr())
        .map_or(FALLBACK_SIZE, |(width, height)| (usize::from(width.0), usize::from(height.0)))
}

/// Shows these lines instead of the ones shown before; none takes the picture away.
pub(crate) fn draw(lines: Vec<String>) {
    let mut picture = picture();
    let sequence = picture.redraw(&lines, size().0);
    picture.lines = lines;
    // A terminal that is gone is no reason to stop a migration.
    drop(io::stderr().lock().write_all(sequence.as_bytes()));
}

impl Picture {
    /// Returns the sequence that draws `lines` over this picture on a terminal of `width` columns.
    fn redraw(&self, lines: &[String], width: usize) -> String {
        let mut out = self.home(width);
        for (at, line) in lines.iter().enumerate() {
            if at > 0 {
                out.push_str("\r\n");
            }
            out.push_str(line);
            // To the end of the line.
            out.push_str("\x1b[K");
        }
        // To the end of the screen.
        out.push_str("\x1b[J");
        out
    }

    /// What moves the cursor to the picture's beginning. The window may have become narrower, and
    /// lines that were one row may be two by now.
    fn home(&self, width: usize) -> String {
        let rows: usize = self.lines.iter().map(|line| line.width().div_ceil(width.max(1)).max(1)).sum();
        match rows {
            0 => String::new(),
            1 => "\r".to_owned(),
            rows => format!("\r\x1b[{}A", rows - 1),
        }
    }
}

/// A standard stream; writing to it takes the picture away and puts it back.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Screen {
    Out,
    Err,
}

impl Screen {
    pub(crate) fn stdout() -> Self {
        Self::Out
    }

    pub(crate) fn stderr() -> Self {
        Self::Err
    }

    fn direct(self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Out => {
                let mut out = io::stdout().lock();
                out.write_all(bytes)?;
                out.flush()
            }
            Self::Err => io::stderr().lock().write_all(bytes),
        }
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let picture = picture();
        if picture.lines.is_empty() {
            self.direct(bytes)?;
            return Ok(bytes.len());
        }
        let width = size().0;
        let away = picture.redraw(&[], width);
        drop(io::stderr().lock().write_all(away.as_bytes()));
        let written = self.direct(bytes);
        let back = Picture { lines: Vec::new() }.redraw(&picture.lines, width);
        drop(io::stderr().lock().write_all(back.as_bytes()));
        written.map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[derive(Debug, Clone, Default)]
pub(crate) struct Buffer(std::sync::Arc<Mutex<Vec<u8>>>);

#[cfg(test)]
impl Buffer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[cfg(test)]
impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_drawn_over_the_one_before() {
        let lines = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let none = Picture { lines: Vec::new() };
        assert_eq!(none.redraw(&lines(&["a", "b"]), 80), "a\x1b[K\r\nb\x1b[K\x1b[J");
        let two = Picture { lines: lines(&["a", "b"]) };
        assert_eq!(two.redraw(&lines(&["c"]), 80), "\r\x1b[1Ac\x1b[K\x1b[J");
        assert_eq!(two.redraw(&[], 80), "\r\x1b[1A\x1b[J");
        // The window became narrower: the first line takes two rows now.
        let wide = Picture { lines: lines(&["0123456789", "受信"]) };
        assert_eq!(wide.home(8), "\r\x1b[2A");
    }
}
