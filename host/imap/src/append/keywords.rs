//! Asking about keywords ahead of the messages that carry them.

use tokio::time::Instant;

use super::Appender;
use crate::pipeline::Pending;
use crate::{Flags, ImapError};

/// Bytes of keywords in one question; what does not fit is asked with the message, as everything was before.
const MOST: usize = 2 << 10;
/// The UID that no message has: a folder is full before.
const NOBODY: u32 = u32::MAX;

impl Appender {
    /// Asks the server whether it takes these keywords, all in one command and ahead of the first message: else the first
    /// message with each of them costs a round trip (rule 2). The question is a STORE to a message that is not there:
    /// servers read its flags as they read APPEND's, and it changes nothing. One that refuses is asked message by message.
    ///
    /// # Errors
    /// Lost connections; inside a message it closes the connection.
    pub async fn introduce(&mut self, keywords: &Flags) -> Result<(), ImapError> {
        if self.hold.body.is_some() || self.hold.batch.is_some() {
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
            for keyword in now.keywords().filter(|one| !state.manners.proven.contains(&one.to_lowercase())) {
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
        self.serial += 1;
        let serial = self.serial;
        let pending = Pending { messages: Vec::new(), unasked: false, sent: true, proves, form: None };
        {
            let mut state = self.shared.lock();
            state.pending.insert(serial, pending);
            state.last_write = Instant::now();
        }
        tracing::trace!(tag = format_args!("P{serial}"), command = "UID STORE", "sent");
        self.shared.to_reader.notify_one();
        let line = format!("P{serial} UID STORE {NOBODY} +FLAGS.SILENT ({list})\r\n");
        self.write_raw(line.as_bytes()).await?;
        self.writer.mark();
        self.flush().await
    }
}
