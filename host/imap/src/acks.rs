//! The acknowledging half of a writer: verdicts matched by tag, and the moment when going on is no longer safe.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::append::{Appender, FOREVER};
use crate::pipeline::{Consent, Shared};
use crate::reply::{Reply, Status, StatusLine};
use crate::token::Tokens;
use crate::wire::{Event, WireReader};
use crate::{ImapError, Refusal, Session};

/// The server's verdict on one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// The number given to [`Appender::begin`].
    pub ticket: u64,
    /// The verdict.
    pub outcome: AckOutcome,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AckOutcome {
    /// The server says that it stored the message.
    Stored {
        /// The folder's UIDVALIDITY that `uid` belongs to.
        uid_validity: Option<u32>,
        /// The message's new UID (RFC 4315); `None` when the server gave none, or one that cannot be right: of another
        /// UIDVALIDITY than the open folder's, or below the UIDNEXT it had when it was opened.
        uid: Option<u32>,
    },
    /// The server refused the message; nothing was stored, by its account.
    Refused(Refusal),
}

/// The acknowledging half. Must be awaited for the sending half to make progress.
pub struct Acks {
    pub(crate) reader: WireReader,
    pub(crate) shared: Arc<Shared>,
    pub(crate) validity: Option<u32>,
    pub(crate) lowest_uid: u32,
    pub(crate) idle: Duration,
    pub(crate) last_read: Instant,
}

/// What to do after a response.
enum Step {
    Ack(Ack),
    Nothing,
    Unsafe(ImapError),
}

impl Acks {
    /// Returns the next verdict, in the server's order, or `None` once the sending half is closed and everything is
    /// acknowledged. Safe to drop and call again.
    ///
    /// # Errors
    /// Lost connections, among them those closed because going on was not safe; tickets without a verdict are in doubt.
    pub async fn next(&mut self) -> Result<Option<Ack>, ImapError> {
        loop {
            let deadline = {
                let state = self.shared.lock();
                if let Some(error) = state.dead.clone() {
                    drop(state);
                    return Err(if self.reader.fault().is_none() { self.reader.fail(error) } else { error });
                }
                if state.closed && state.pending.is_empty() {
                    return Ok(None);
                }
                let last = self.last_read.max(state.last_write);
                if state.pending.is_empty() { last + FOREVER } else { last + self.idle }
            };
            let event = tokio::select! {
                event = self.reader.event() => event,
                () = self.shared.to_reader.notified() => continue,
                () = sleep_until(deadline) => {
                    // Bytes we wrote meanwhile count as life.
                    if Instant::now() < self.shared.lock().last_write + self.idle {
                        continue;
                    }
                    Err(self.reader.fail(ImapError::TimedOut { during: "APPEND", after: self.idle }))
                }
            };
            self.last_read = Instant::now();
            let step = match event {
                Err(error) => Step::Unsafe(error),
                Ok(Event::Body { .. }) => {
                    Step::Unsafe(out_of_step("a message came where none was asked for"))
                }
                Ok(Event::Reply(reply)) => self.take(reply),
            };
            match step {
                Step::Nothing => {}
                Step::Ack(ack) => {
                    self.reader.progress();
                    return Ok(Some(ack));
                }
                Step::Unsafe(error) => {
                    let error = self.reader.fail(error);
                    self.shared.die(&error);
                    return Err(error);
                }
            }
        }
    }

    fn take(&mut self, reply: Reply) -> Step {
        match reply {
            Reply::Tagged { tag, line } => self.take_tagged(&tag, line),
            Reply::Continue(_) => {
                let mut state = self.shared.lock();
                if !matches!(state.consent, Consent::Awaited(_)) {
                    return Step::Unsafe(out_of_step(
                        "the server asked for more where nothing was left to send",
                    ));
                }
                state.consent = Consent::Given;
                drop(state);
                self.shared.to_writer.notify_one();
                Step::Nothing
            }
            Reply::Untagged(line) if line.status == Status::Bad && self.shared.lock().is_exposed() => {
                Step::Unsafe(out_of_step(&format!("the server answered BAD: {}", line.text.escape_debug())))
            }
            _ => Step::Nothing,
        }
    }

    fn take_tagged(&mut self, tag: &str, line: StatusLine) -> Step {
        let serial = tag.strip_prefix('P').and_then(|digits| digits.parse::<u64>().ok());
        let mut state = self.shared.lock();
        let Some((serial, pending)) =
            serial.and_then(|serial| state.pending.remove(&serial).map(|p| (serial, p)))
        else {
            return Step::Unsafe(out_of_step(&format!(
                "the tag `{}` belongs to no command",
                tag.escape_debug()
            )));
        };
        let awaited = state.consent == Consent::Awaited(serial);
        let outcome = match line.status {
            Status::Ok | Status::Preauth if !pending.sent => {
                return Step::Unsafe(out_of_step("the server acknowledged a message it cannot have"));
            }
            Status::Ok | Status::Preauth => {
                state.proven.extend(pending.proves.iter().cloned());
                state.window.answered(pending.len);
                self.stored(&line)
            }
            // The body may be running as commands this very moment.
            Status::Bad | Status::Bye if pending.unasked => {
                return Step::Unsafe(out_of_step(&format!(
                    "the server answered BAD: {}",
                    line.text.escape_debug()
                )));
            }
            Status::No | Status::Bad | Status::Bye => {
                let patience =
                    matches!(line.code.as_deref(), Some("THROTTLED" | "UNAVAILABLE" | "LIMIT" | "INUSE"))
                        || line.text.to_ascii_lowercase().contains("throttled");
                if patience {
                    state.window.throttled(pending.len)
                } else {
                    state.window.answered(pending.len)
                }
                let bad = line.status != Status::No;
                AckOutcome::Refused(Refusal { code: line.code, text: line.text, bad })
            }
        };
        if awaited {
            state.consent = Consent::Refused;
        }
        drop(state);
        self.shared.to_writer.notify_one();
        Step::Ack(Ack { ticket: pending.ticket, outcome })
    }

    /// Reads APPENDUID and believes it only where it can be true.
    fn stored(&self, line: &StatusLine) -> AckOutcome {
        let given = (line.code.as_deref() == Some("APPENDUID")).then(|| {
            let mut numbers = Tokens::new(&line.arguments).map(|value| value.number());
            (numbers.next().flatten(), numbers.next().flatten())
        });
        let (validity, uid) = given.unwrap_or_default();
        let validity = validity.and_then(|number| u32::try_from(number).ok());
        let uid = uid.and_then(|number| u32::try_from(number).ok());
        let believed = validity.is_some() && validity == self.validity;
        AckOutcome::Stored {
            uid_validity: self.validity,
            uid: uid.filter(|uid| believed && *uid >= self.lowest_uid),
        }
    }

    /// Returns the session, to go on with other commands. When the connection was lost on the way, or a message is
    /// still unacknowledged, each of them fails with the reason.
    pub fn rejoin(self, appender: Appender) -> Session {
        appender.rejoin(self.reader)
    }
}

fn out_of_step(detail: &str) -> ImapError {
    ImapError::Closed { during: "APPEND", detail: format!("going on would not be safe, {detail}") }
}
