//! Turning a session into the two halves of a writer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::append::acks::Acks;
use crate::append::appender::{AppendOptions, Appender, LiteralMode, OpenCommand};
use crate::append::shared::{Consent, FOREVER, Shared, SharedState};
use crate::command::quoted;
use crate::session::Session;
use crate::session::window::Window;
use crate::syntax::fetch_line::ListCollector;
use crate::types::error::ImapError;
use crate::types::facts::ServerFacts;
use crate::types::name::FolderName;

impl Session {
    /// Turns the session into a writer for the open folder, until [`Acks::rejoin`].
    ///
    /// `folder` must have been opened with [`Session::select`]: servers take APPENDs to the open folder
    /// several times faster, and its UIDVALIDITY and flags are needed.
    ///
    /// # Errors
    /// `Protocol` when `folder` is not the open one or is read-only; `Unsendable` for a name with control
    /// characters.
    pub fn appender(
        mut self,
        folder: &FolderName,
        mut options: AppendOptions,
    ) -> Result<(Appender, Acks), ImapError> {
        let wrong = |what: &str| ImapError::Protocol { what: what.to_owned() };
        let selected = match self.selected() {
            Some((name, selected)) if name == folder && !selected.read_only => selected.clone(),
            Some((name, _)) if name == folder => return Err(wrong("the folder was opened for reading only")),
            _ => return Err(wrong("the folder to write to is not the open one")),
        };
        if self.fetching.as_ref().is_some_and(|state| !state.is_over()) {
            return Err(wrong("messages are still being read on this connection"));
        }
        let Some((name, form)) = append_name(folder) else {
            return Err(ImapError::Unsendable { what: "the folder name".to_owned() });
        };
        options.pipeline &= !self.is_one_at_a_time();
        let facts = self.facts();
        let most = if options.pipeline && facts.has("MULTIAPPEND") { message_limit(facts) } else { 1 };
        options.batch_messages = options.batch_messages.min(most).max(1);
        let literals = match () {
            () if facts.has("LITERAL+") => LiteralMode::Plus,
            () if facts.has("LITERAL-") => LiteralMode::Minus,
            () => LiteralMode::Synchronising,
        };
        let append_limit = facts.append_limit;
        let timeouts = self.timeouts().clone();
        self.wire()?.begin("APPEND")?;
        let mut wire = self.gate().detach()?;
        // Silence is normal while nothing is due, so the half that knows what is due keeps the time.
        wire.reader.set_patience(FOREVER, FOREVER);
        wire.reader.set_during("APPEND");
        wire.writer.set_during("APPEND");
        let max_messages = if options.pipeline { options.max_messages } else { 1 };
        let mut append = std::mem::take(&mut self.append_state);
        let window = append.window.take().filter(|window| window.fits(max_messages, options.max_bytes));
        let now = Instant::now();
        let shared = Arc::new(Shared {
            state: Mutex::new(SharedState {
                window: window.unwrap_or_else(|| Window::new(max_messages, options.max_bytes)),
                pending: HashMap::new(),
                consent: Consent::None,
                listing: None,
                append,
                closed: false,
                last_write: now,
                dead: None,
            }),
            to_writer: Notify::new(),
            to_reader: Notify::new(),
        });
        let acks = Acks {
            reader: wire.reader,
            shared: shared.clone(),
            validity: selected.uid_validity,
            lowest_uid: selected.uid_next.unwrap_or(1),
            idle: timeouts.idle,
            command: timeouts.command,
            last_read: now,
            last_verdict: now,
            answered: wire.writer.answered(),
            stored: 0,
            bytes: 0,
            fetch_lines: 0,
            ready: VecDeque::new(),
            lines: ListCollector::default(),
            listed: None,
        };
        let appender = Appender {
            writer: wire.writer,
            open: OpenCommand { shared: shared.clone(), body: None, batch: None, interrupted: false },
            shared,
            session: self,
            selected,
            folder: name,
            form,
            options,
            literals,
            append_limit,
            serial: 0,
            patience: timeouts.command,
        };
        Ok((appender, acks))
    }
}

/// Returns the most messages the server takes in one command (RFC 9738 section 3.1).
fn message_limit(facts: &ServerFacts) -> usize {
    let limits = facts.capabilities.iter().filter_map(|one| {
        let (name, value) = one.split_once('=')?;
        name.eq_ignore_ascii_case("MESSAGELIMIT").then(|| value.parse().ok()).flatten()
    });
    limits.min().unwrap_or(usize::MAX)
}

/// Returns the name as a quoted string, or for 8-bit names as a raw one: the server listed it so, and a
/// literal before the message's own would need another round trip for each message. With it comes the form
/// that the server has to accept first, empty where SELECT has shown that it does. `None` for a name with
/// control characters.
fn append_name(folder: &FolderName) -> Option<(Vec<u8>, String)> {
    if let Some(name) = quoted(&folder.0) {
        return Some((name, String::new()));
    }
    if folder.0.iter().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let mut out = vec![b'"'];
    for byte in &folder.0 {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
    // SELECT sent it as a literal, so nothing is known of this spelling yet.
    let form = String::from_utf8_lossy(&out).into_owned();
    Some((out, form))
}
