//! One connection as two halves: responses come in, command bytes go out, each under a deadline.

mod clock;
pub(crate) mod deflate;
pub(crate) mod pace;
mod reader;
pub(crate) mod transport;
mod writer;

use std::time::Duration;

pub(crate) use reader::{Event, MAX_ANSWER, RESPONSE_COST, WireReader};
pub(crate) use writer::WireWriter;

use crate::types::error::ImapError;
use crate::types::timeouts::Timeouts;
use crate::wire::transport::{Half, Transport};

/// How long nothing must have been said on a connection for it to be idle.
pub(crate) const IDLE: Duration = Duration::from_secs(5);

pub(crate) struct Wire {
    pub(crate) reader: WireReader,
    pub(crate) writer: WireWriter,
}

impl Wire {
    pub(crate) fn new(transport: Transport, timeouts: &Timeouts) -> Wire {
        let (read, write) = Half::pair(transport);
        Wire { reader: WireReader::new(read, timeouts), writer: WireWriter::new(write, timeouts) }
    }

    /// Starts counting deadlines and bytes for a command.
    ///
    /// # Errors
    /// The error that ended the connection, if one did; `Closed` when an earlier command was dropped
    /// half-way, since its answer would be taken for this one's.
    pub(crate) fn begin(&mut self, during: &'static str) -> Result<(), ImapError> {
        if let Some(fault) = self.reader.fault.as_ref().or(self.writer.fault.as_ref()) {
            return Err(fault.clone());
        }
        if self.reader.busy {
            let detail = "an earlier command on this connection was interrupted".to_owned();
            return Err(self.reader.fail(ImapError::Closed { during, detail }));
        }
        // One that ends at once behind an answer may have ended at what was asked.
        if self.quiet_for() >= IDLE && self.reader.has_ended() {
            return Err(self.reader.fail_idle());
        }
        self.reader.busy = true;
        self.reader.during = during;
        self.writer.during = during;
        self.reader.clock.bound = None;
        self.reader.reset_pace();
        self.reader.progress();
        self.writer.clock.restart();
        Ok(())
    }

    /// Marks the command as answered, so that the next one may begin.
    pub(crate) fn finish(&mut self) {
        self.reader.busy = false;
    }

    /// Returns for how long nothing was asked and nothing brought a command forward.
    pub(crate) fn quiet_for(&self) -> Duration {
        self.reader.clock.started.max(self.writer.clock.started).elapsed()
    }

    /// Writes what is collected. When that fails, what the server said before it left explains more than our
    /// broken pipe, so it is read first.
    pub(crate) async fn flush(&mut self) -> Result<(), ImapError> {
        let Err(error) = self.writer.flush().await else { return Ok(()) };
        let last_words = async {
            loop {
                if let Err(error) = self.reader.event().await {
                    return error;
                }
            }
        };
        match tokio::time::timeout(Duration::from_secs(2), last_words).await {
            Ok(bye @ ImapError::Bye { .. }) => Err(bye),
            _ => Err(self.reader.fail(error)),
        }
    }

    /// Gives the stream back, with whether the server had already sent bytes nobody read.
    pub(crate) fn into_transport(self) -> Option<(Transport, bool)> {
        let dirty = !self.reader.buffer.is_empty() || !self.reader.framer.is_idle();
        self.reader.io.detach().map(|transport| (transport, dirty))
    }
}
