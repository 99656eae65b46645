//! Commands among the messages, for whose answers nobody waits: about keywords ahead of the messages that
//! carry them, for the folder's list behind the last one.

use tokio::time::Instant;

use crate::append::appender::Appender;
use crate::append::shared::Pending;
use crate::types::error::ImapError;
use crate::types::fetched::FetchItems;
use crate::types::flags::Flags;

/// The most bytes of keywords in one question; what does not fit is asked with the message that has it.
const MOST: usize = 2 << 10;
/// A UID that no message has: the last there can be, and no folder comes near it.
const NOBODY: u32 = u32::MAX;

impl Appender {
    /// Asks the server whether it takes these keywords, all in one command and ahead of the first message:
    /// else the first message with each of them costs a round trip (rule 2). The question is a STORE to a
    /// message that is not there: servers read its flags as they read APPEND's, and it changes nothing. One
    /// that refuses is asked message by message.
    ///
    /// # Errors
    /// Lost connections; inside a message it closes the connection.
    pub async fn probe_keywords(&mut self, keywords: &Flags) -> Result<(), ImapError> {
        if self.open.body.is_some() || self.open.batch.is_some() {
            return Err(self.misuse("keywords were asked about inside a command"));
        }
        // A pipeline of one: the answer would have to be waited for.
        if !self.options.pipeline || self.selected.uid_next.is_none_or(|next| next > NOBODY / 2) {
            return Ok(());
        }
        let (now, _, _) = keywords.appendable(&self.selected);
        let (mut list, mut proves) = (String::new(), Vec::new());
        {
            let state = self.shared.lock();
            for keyword in now.keywords().filter(|one| !state.append.accepted.contains(&one.to_lowercase())) {
                if list.len() + keyword.len() > MOST {
                    break;
                }
                if !list.is_empty() {
                    list.push(' ');
                }
                list.push_str(keyword);
                proves.push(keyword.to_lowercase());
            }
        }
        if proves.is_empty() {
            return Ok(());
        }
        self.ask("UID STORE", format!("{NOBODY} +FLAGS.SILENT ({list})").as_bytes(), proves).await
    }

    /// Asks for the list of the folder from `uid` on behind everything that was begun: [`Acks::listed`] has
    /// it in the end, and the round trip to ask for it afterwards is saved. For lists known to be short. Does
    /// nothing on a connection that takes one command at a time, and for a folder whose name only a literal
    /// can carry.
    ///
    /// The folder is opened again first. That waits for every APPEND before it and shows what they stored; a
    /// FETCH alone may be answered from before (Dovecot puts the look at its own appends off while commands
    /// wait).
    ///
    /// [`Acks::listed`]: crate::Acks::listed
    ///
    /// # Errors
    /// Lost connections, also when the folder cannot be opened again; inside a message it closes the
    /// connection.
    pub async fn list_from(&mut self, uid: u32) -> Result<(), ImapError> {
        self.complete().await?;
        if !self.options.pipeline || !self.form.is_empty() {
            return Ok(());
        }
        // Before the answers can come: what came earlier is of no list.
        self.shared.lock().listing = Some(self.serial + 2);
        let folder = self.folder.clone();
        self.ask("SELECT", &folder, Vec::new()).await?;
        let arguments = format!("{uid}:* {}", FetchItems::Meta.to_wire());
        self.ask("UID FETCH", arguments.as_bytes(), Vec::new()).await
    }

    /// Sends NOOP where nothing is under way, so that the server does not take the connection for left while
    /// the source makes us wait.
    ///
    /// # Errors
    /// Lost connections.
    pub async fn keep_alive(&mut self) -> Result<(), ImapError> {
        if self.open.body.is_some() || self.open.batch.is_some() || !self.shared.lock().pending.is_empty() {
            return Ok(());
        }
        self.ask("NOOP", b"", Vec::new()).await
    }

    async fn ask(&mut self, command: &str, arguments: &[u8], proves: Vec<String>) -> Result<(), ImapError> {
        self.serial += 1;
        let serial = self.serial;
        let pending = Pending { messages: Vec::new(), unasked: false, sent: true, proves, form: None };
        {
            let mut state = self.shared.lock();
            state.pending.insert(serial, pending);
            state.last_write = Instant::now();
        }
        tracing::trace!(tag = format_args!("P{serial}"), command, "sent");
        self.shared.to_reader.notify_one();
        let blank: &[u8] = if arguments.is_empty() { b"" } else { b" " };
        let line = [format!("P{serial} {command}").as_bytes(), blank, arguments, b"\r\n"].concat();
        self.write_raw(&line).await?;
        self.writer.mark();
        self.flush().await
    }
}
