//! `log`: lines in mailhaul's log.
//!
//! Policy: 200 lines for a call and 8 KiB for a line, the rest is counted; everything is escaped; the
//! level and the plugin's name are the host's to write; secrets that were handed out are taken out of it.

use std::sync::Arc;

use mailhaul_engine::plugin::PluginId;
use tracing::{Level, Span};

use crate::bindings::imports::mailhaul::plugin::log;
use crate::limits::{LOG_LINE, LOG_LINES, MESSAGE};
use crate::redaction::Redaction;
use crate::state::CallState;
use crate::text;

/// The log of one call: bounded, escaped, and marked with plugin and function.
pub(crate) struct LogSink {
    span: Span,
    redaction: Arc<Redaction>,
    written: u32,
    suppressed: u32,
    last: Option<String>,
    /// The written lines for an author's meter; bounded as the log is.
    kept: Vec<String>,
    /// Whether lines are kept for an author's command, which prints them itself, instead of logged.
    author: bool,
}

impl LogSink {
    pub(crate) fn new(plugin: &PluginId, call: &str, redaction: Arc<Redaction>, author: bool) -> Self {
        let span = tracing::info_span!("plugin", id = %plugin.id, version = %plugin.version, call);
        Self { span, redaction, written: 0, suppressed: 0, last: None, kept: Vec::new(), author }
    }

    /// The last line of the guest, whether it was written or not: shown with a crash.
    pub(crate) fn last_line(&self) -> Option<&str> {
        self.last.as_deref()
    }

    fn write(&mut self, level: log::Level, message: &str, fields: &[(String, String)]) {
        let mut line = message.to_owned();
        for (name, value) in fields {
            // No more of them than can be shown.
            if line.len() > LOG_LINE {
                break;
            }
            line.push_str(&format!(" {name}={value}"));
        }
        let line = self.redaction.shown(&line, LOG_LINE);
        self.last = Some(text::shown(&line, MESSAGE));
        if self.written >= LOG_LINES {
            self.suppressed = self.suppressed.saturating_add(1);
            return;
        }
        self.written += 1;
        if self.author {
            self.kept.push(line);
            return;
        }
        let _entered = self.span.enter();
        match level {
            log::Level::Trace => tracing::trace!("{line}"),
            log::Level::Debug => tracing::debug!("{line}"),
            log::Level::Info => tracing::info!("{line}"),
            log::Level::Warn => tracing::warn!("{line}"),
            log::Level::Error => tracing::error!("{line}"),
        }
    }

    /// Takes out the kept lines.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.kept)
    }

    /// Ends the log of the call with a line that counts what was dropped.
    pub(crate) fn finish(&mut self) {
        if self.suppressed > 0 {
            let line = format!("{} more lines of this call were suppressed", self.suppressed);
            if self.author {
                self.kept.push(line);
            } else {
                let _entered = self.span.enter();
                tracing::warn!("{line}");
            }
            self.suppressed = 0;
        }
    }

    fn enabled(&self, level: log::Level) -> bool {
        // Filters decide by crate and span, which are ours: asking for the level is close enough.
        let level = match level {
            log::Level::Trace => Level::TRACE,
            log::Level::Debug => Level::DEBUG,
            log::Level::Info => Level::INFO,
            log::Level::Warn => Level::WARN,
            log::Level::Error => Level::ERROR,
        };
        self.written < LOG_LINES && (self.author || level <= tracing::level_filters::LevelFilter::current())
    }
}

impl log::Host for CallState {
    fn enabled(&mut self, level: log::Level) -> wasmtime::Result<bool> {
        Ok(self.log.enabled(level))
    }

    fn write(
        &mut self,
        level: log::Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        self.log.write(level, &message, &fields);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caps::testing::store;
    use crate::inputs::Inputs;

    #[test]
    fn lines_are_counted_cut_and_escaped() {
        let mut store = store(Inputs::new());
        let state = store.data_mut();
        for _ in 0..LOG_LINES + 5 {
            log::Host::write(state, log::Level::Info, "x".repeat(LOG_LINE * 2), Vec::new()).unwrap();
        }
        assert_eq!((state.log.written, state.log.suppressed), (LOG_LINES, 5));
        assert!(!log::Host::enabled(state, log::Level::Error).unwrap(), "what is dropped need not be made");
        let fields = vec![("to".to_owned(), "\x1b[31mred".to_owned())];
        log::Host::write(state, log::Level::Error, "bad\nline".into(), fields).unwrap();
        assert_eq!(state.log.last_line(), Some("bad\\nline to=\\u{1b}[31mred"));
    }
}
