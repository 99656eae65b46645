//! The gate below async-imap.
//!
//! async-imap 0.12 is a good session layer with three habits a migrator cannot live with: several of its
//! methods report success when the server said NO or the connection ended, one line its parser does not know
//! ends the session, and a few lines make the parser panic or recurse without bound. So it never sees the
//! server itself. Every response is framed and read by us, kept in a record, and handed on only when
//! imap-proto is known to read it. After each call the record, not async-imap, says what happened.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::command::{Answer, foreign_tag};
use crate::syntax::reply::{Reply, Status, StatusLine};
use crate::types::error::ImapError;
use crate::wire::{Event, Wire};

/// The longest response that is handed on, in bytes; those that async-imap needs are shorter.
const MAX_HANDED: usize = 64 << 10;
/// imap-proto recurses once per parenthesis in places; responses to our calls hold fewer than ten.
const MAX_PARENTHESES: usize = 128;

/// The stream async-imap believes to be its connection.
pub(crate) struct Gate {
    wire: Option<Wire>,
    /// What is being handed to async-imap: exactly one response, never a byte of the next, so that between
    /// calls nothing is left in its buffer and the wire can be used directly.
    ready: Bytes,
    record: CallRecord,
    mode: Mode,
}

/// What the server said to one call of async-imap.
#[derive(Debug, Default)]
struct CallRecord {
    /// The tag of the command that began last, once async-imap has written it.
    tag: Vec<u8>,
    data: Vec<Reply>,
    tagged: Option<StatusLine>,
    fault: Option<ImapError>,
}

#[derive(Debug, PartialEq, Eq)]
enum Mode {
    /// The first command, whatever it is, is answered with OK by the gate and never sent.
    LoginStandIn,
    Open,
}

impl Gate {
    /// Returns a gate over a wire that is logged in already.
    ///
    /// async-imap makes a session only of a log-in it performed itself, and writes the whole log-in line to
    /// its trace log. So the real log-in is ours, and the gate answers async-imap's stand-in.
    pub(crate) fn after_login(wire: Wire) -> Gate {
        Gate {
            wire: Some(wire),
            ready: Bytes::new(),
            record: CallRecord::default(),
            mode: Mode::LoginStandIn,
        }
    }

    /// Returns the wire for a conversation past async-imap.
    pub(crate) fn wire(&mut self) -> Result<&mut Wire, ImapError> {
        self.wire.as_mut().ok_or_else(detached)
    }

    /// Takes the wire out; every call fails until it is put back.
    pub(crate) fn detach(&mut self) -> Result<Wire, ImapError> {
        self.wire.take().ok_or_else(detached)
    }

    pub(crate) fn attach(&mut self, wire: Wire) {
        self.wire = Some(wire);
    }

    /// Forgets the last call's record and starts the deadlines of the next one.
    pub(crate) fn begin(&mut self, during: &'static str) -> Result<(), ImapError> {
        self.record = CallRecord::default();
        self.wire()?.begin(during)
    }

    /// Returns what really happened in the call that began last.
    pub(crate) fn finish(&mut self, call: async_imap::error::Result<()>) -> Result<Answer, ImapError> {
        let record = std::mem::take(&mut self.record);
        if let Some(fault) = record.fault {
            return Err(fault);
        }
        let wire = self.wire.as_mut().ok_or_else(detached)?;
        match record.tagged {
            Some(line) => {
                wire.finish();
                Ok(Answer { data: record.data, line })
            }
            // Refused before a byte was written.
            None if matches!(call, Err(async_imap::error::Error::Validate(_))) => {
                wire.finish();
                Err(ImapError::Unsendable { what: "a folder name with a line end in it".to_owned() })
            }
            None => {
                let what = "a command ended without its status".to_owned();
                Err(wire.reader.fail(ImapError::Protocol { what }))
            }
        }
    }

    /// Puts `reply` on record and returns what async-imap may read of it.
    fn record_reply(&mut self, reply: Reply) -> Bytes {
        match reply {
            // async-imap does not always look at it.
            Reply::Tagged { tag, .. } if tag.as_bytes() != self.record.tag => {
                if let Some(wire) = &mut self.wire {
                    self.record.fault = Some(foreign_tag(wire, &tag));
                }
                Bytes::new()
            }
            Reply::Tagged { tag, line } => {
                // The words are in the record. async-imap gets the bare status, because it would wait for
                // ever if its parser could not read them.
                let word = match line.status {
                    Status::Ok | Status::Preauth => "OK",
                    Status::No => "NO",
                    Status::Bad | Status::Bye => "BAD",
                };
                let text = format!("{} {word} -\r\n", tag.escape_default());
                self.record.tagged = Some(line);
                Bytes::from(text)
            }
            other => {
                let handed = match &other {
                    // No call of ours asks for messages, and FETCH is where imap-proto panics.
                    Reply::Data { response, word, .. } if word != "FETCH" && parses(response) => {
                        response.clone()
                    }
                    _ => Bytes::new(),
                };
                self.record.data.push(other);
                handed
            }
        }
    }
}

/// Whether imap-proto reads this response whole, without panic and without deep recursion.
fn parses(response: &[u8]) -> bool {
    let safe = response.len() <= MAX_HANDED
        && response.is_ascii()
        && response.iter().filter(|byte| **byte == b'(').count() <= MAX_PARENTHESES;
    safe && catch_unwind(AssertUnwindSafe(
        || matches!(imap_proto::Response::parse(response), Ok((rest, _)) if rest.is_empty()),
    ))
    .unwrap_or(false)
}

fn detached() -> ImapError {
    ImapError::Closed { during: "a command", detail: "the connection is in use elsewhere or gone".to_owned() }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

impl AsyncRead for Gate {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let gate = &mut *self;
        loop {
            if !gate.ready.is_empty() {
                let take = gate.ready.len().min(out.remaining());
                out.put_slice(gate.ready.get(..take).unwrap_or_default());
                gate.ready.advance(take);
                return Poll::Ready(Ok(()));
            }
            let Some(wire) = gate.wire.as_mut() else {
                return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
            };
            match ready!(wire.reader.poll_event(cx)) {
                Ok(Event::Reply(reply)) => {
                    gate.ready = gate.record_reply(reply);
                    if gate.record.fault.is_some() {
                        return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                    }
                }
                Ok(Event::Body { .. }) => {
                    let what = "a message came where none was asked for".to_owned();
                    gate.record.fault = Some(wire.reader.fail(ImapError::Protocol { what }));
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
                Err(fault) => {
                    gate.record.fault = Some(fault);
                    return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
                }
            }
        }
    }
}

impl AsyncWrite for Gate {
    fn poll_write(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let gate = &mut *self;
        // The tag is the first thing async-imap writes of a command.
        if gate.record.tag.is_empty() {
            gate.record.tag = bytes.iter().copied().take_while(u8::is_ascii_alphanumeric).collect();
        }
        if gate.mode == Mode::LoginStandIn {
            if gate.ready.is_empty() {
                gate.ready = Bytes::from([&gate.record.tag[..], b" OK -\r\n"].concat());
            }
            return Poll::Ready(Ok(bytes.len()));
        }
        let Some(wire) = gate.wire.as_mut() else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        wire.writer.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let gate = &mut *self;
        if gate.mode == Mode::LoginStandIn {
            gate.mode = Mode::Open;
            return Poll::Ready(Ok(()));
        }
        let Some(wire) = gate.wire.as_mut() else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        match ready!(wire.writer.poll_flush(cx)) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(fault) => {
                gate.record.fault = Some(fault);
                Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
            }
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_imap_proto_reads_is_handed_on() {
        for good in ["* 3 EXISTS\r\n", "* FLAGS (\\Seen)\r\n", "* LIST () \"/\" INBOX\r\n"] {
            assert!(parses(good.as_bytes()), "{good}");
        }
        let deep = format!("* 1 FETCH (BODYSTRUCTURE {})\r\n", "(".repeat(100_000));
        for bad in [
            "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n",
            "* 1 FETCH (UID 1 INTERNALDATE NIL)\r\n",
            "* OK [READ-ONLY]\u{e9}\r\n",
            "* CAPABILITY IDLE\r\n",
            "garbage\r\n",
            deep.as_str(),
        ] {
            assert!(!parses(bad.as_bytes()), "{}", &bad[..bad.len().min(40)]);
        }
    }
}
