//! Standard output and standard error, shared with moving progress.
//!
//! Whatever is printed while bars are drawn would be overwritten by their next redraw, so every
//! writer (ours, and the log's) takes the bars away first and puts them back after.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::MultiProgress;

/// The bars that are drawn now, if any.
static BARS: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// Tells every writer that bars are drawn, or are no longer.
pub(crate) fn set_bars(bars: Option<MultiProgress>) {
    *BARS.lock().unwrap_or_else(PoisonError::into_inner) = bars;
}

/// One of the two standard streams.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Screen {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl Screen {
    /// Standard output.
    pub(crate) fn stdout() -> Self {
        Self::Out
    }

    /// Standard error.
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
        // Cloned out of the lock: redrawing may block on a slow terminal.
        let bars = BARS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match bars {
            Some(bars) => bars.suspend(|| self.direct(bytes))?,
            None => self.direct(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream that tests read back.
#[cfg(test)]
#[derive(Debug, Clone, Default)]
pub(crate) struct Buffer(std::sync::Arc<Mutex<Vec<u8>>>);

#[cfg(test)]
impl Buffer {
    /// Everything written so far.
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
