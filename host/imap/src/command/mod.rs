//! Writing one command and collecting its answer, on a path of our own.
//!
//! An argument that could end the command early never leaves: CR, LF and NUL are refused wherever they stand.

pub(crate) mod batch;
pub(crate) mod capability;
pub(crate) mod selected;

use crate::syntax::reply::{Reply, Status, StatusLine};
use crate::types::error::ImapError;
use crate::wire::{Event, Wire, pace};

/// A command under construction, without its tag.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    name: &'static str,
    parts: Vec<Part>,
    unsendable: Option<String>,
}

#[derive(Debug, Clone)]
enum Part {
    Text(Vec<u8>),
    Literal(Vec<u8>),
}

/// Everything the server said in answer to one command.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) data: Vec<Reply>,
    pub(crate) line: StatusLine,
}

impl Command {
    /// Starts a command; `name` is its first word or words and stands in errors.
    pub(crate) fn new(name: &'static str) -> Command {
        Command { name, parts: vec![Part::Text(name.as_bytes().to_vec())], unsendable: None }
    }

    /// Adds text as it stands, after a blank. For text made by us; the check is the last gate.
    pub(crate) fn text(mut self, text: &str) -> Command {
        self.refuse_controls("the text", text.as_bytes());
        self.push(b" ");
        self.push(text.as_bytes());
        self
    }

    /// Adds a string after a blank: quoted when it is printable ASCII, else a literal.
    pub(crate) fn string(mut self, what: &str, bytes: &[u8]) -> Command {
        self.refuse_controls(what, bytes);
        self.push(b" ");
        match quoted(bytes) {
            Some(text) => self.push(&text),
            None => self.parts.push(Part::Literal(bytes.to_vec())),
        }
        self
    }

    fn refuse_controls(&mut self, what: &str, bytes: &[u8]) {
        if bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            self.unsendable.get_or_insert_with(|| format!("{what} with a line end or NUL in it"));
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.extend_from_slice(bytes),
            _ => self.parts.push(Part::Text(bytes.to_vec())),
        }
    }

    pub(crate) fn check(&self) -> Result<(), ImapError> {
        match &self.unsendable {
            Some(what) => Err(ImapError::Unsendable { what: what.clone() }),
            None => Ok(()),
        }
    }

    /// Sends the command and returns the server's answer, whatever it is.
    ///
    /// # Errors
    /// `Unsendable` with nothing sent, else only errors that end the connection.
    pub(crate) async fn run(self, wire: &mut Wire, tag: &str) -> Result<Answer, ImapError> {
        let mut data = Vec::new();
        let line = self
            .run_with(wire, tag, |reply| {
                data.push(reply);
                false
            })
            .await?;
        Ok(Answer { data, line })
    }

    /// Sends the command, gives each untagged response to `take` as it comes, and returns the command's
    /// status.
    ///
    /// `take` returns whether the response brought the command forward: long answers are bounded by what is
    /// useless in them, not by their length.
    ///
    /// # Errors
    /// As [`Command::run`].
    pub(crate) async fn run_with(
        self,
        wire: &mut Wire,
        tag: &str,
        mut take: impl FnMut(Reply) -> bool,
    ) -> Result<StatusLine, ImapError> {
        self.check()?;
        wire.begin(self.name)?;
        tracing::trace!(tag, command = self.name, "sent");
        wire.writer.push(tag.as_bytes());
        wire.writer.push(b" ");
        for part in &self.parts {
            match part {
                Part::Text(text) => wire.writer.push(text),
                // Always synchronising: names are rare and short, and a refused one is never sent.
                Part::Literal(bytes) => {
                    wire.writer.push(format!("{{{}}}\r\n", bytes.len()).as_bytes());
                    wire.flush().await?;
                    if let Some(line) = until_continuation(wire, tag, &mut take).await? {
                        wire.finish();
                        return Ok(line);
                    }
                    wire.writer.push(bytes);
                }
            }
        }
        wire.writer.push(b"\r\n");
        wire.flush().await?;
        let line = until_tagged(wire, tag, &mut take).await?;
        tracing::trace!(tag, status = ?line.status, code = line.code.as_deref(), "answered");
        wire.finish();
        Ok(line)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The command as one line without its tag and line end; `None` when it waits for the server in its
    /// middle.
    pub(crate) fn as_line(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

/// Reads until the server asks for more (`None`) or ends the command (its status).
async fn until_continuation(
    wire: &mut Wire,
    tag: &str,
    take: &mut impl FnMut(Reply) -> bool,
) -> Result<Option<StatusLine>, ImapError> {
    loop {
        match next_reply(wire).await? {
            Reply::Continue(_) => return Ok(None),
            Reply::Tagged { tag: theirs, line } => return own_tag(wire, tag, &theirs, line).map(Some),
            other => hand_over(wire, other, take),
        }
    }
}

fn hand_over(wire: &mut Wire, reply: Reply, take: &mut impl FnMut(Reply) -> bool) {
    if take(reply) {
        wire.reader.progress_by(pace::LINE);
    }
}

/// Reads up to the command's tagged status; continuation requests are passed over.
async fn until_tagged(
    wire: &mut Wire,
    tag: &str,
    take: &mut impl FnMut(Reply) -> bool,
) -> Result<StatusLine, ImapError> {
    loop {
        match next_reply(wire).await? {
            Reply::Tagged { tag: theirs, line } => return own_tag(wire, tag, &theirs, line),
            Reply::Continue(_) => {}
            other => hand_over(wire, other, take),
        }
    }
}

/// The next response on the control path, where bodies are not expected.
pub(crate) async fn next_reply(wire: &mut Wire) -> Result<Reply, ImapError> {
    let event = wire.reader.event().await?;
    reply_of(wire, event)
}

/// A response on the control path; a body ends the connection.
pub(crate) fn reply_of(wire: &mut Wire, event: Event) -> Result<Reply, ImapError> {
    match event {
        Event::Reply(reply) => Ok(reply),
        Event::Body { .. } => Err(wire
            .reader
            .fail(ImapError::Protocol { what: "a message came where none was asked for".to_owned() })),
    }
}

fn own_tag(wire: &mut Wire, ours: &str, theirs: &str, line: StatusLine) -> Result<StatusLine, ImapError> {
    if ours == theirs {
        return Ok(line);
    }
    Err(foreign_tag(wire, theirs))
}

/// The end of a connection on which a tag of nobody was answered: the two sides are out of step.
pub(crate) fn foreign_tag(wire: &mut Wire, tag: &str) -> ImapError {
    let what = format!("the tag `{}` belongs to no command", wire.reader.scrub(tag).escape_debug());
    wire.reader.fail(ImapError::Protocol { what })
}

impl StatusLine {
    /// Whether the command was done.
    ///
    /// # Errors
    /// `No` or `Bad` with the server's code and words; the session stays usable.
    pub(crate) fn ok(&self, command: &'static str) -> Result<(), ImapError> {
        let (code, text) = (self.code.clone(), self.text.clone());
        match self.status {
            Status::Ok | Status::Preauth => Ok(()),
            Status::No => Err(ImapError::No { command, code, text }),
            Status::Bad | Status::Bye => Err(ImapError::Bad { command, code, text }),
        }
    }
}

impl Answer {
    /// Returns the answer if it was OK.
    ///
    /// # Errors
    /// `No` or `Bad` with the server's code and words; the session stays usable.
    pub(crate) fn ok(self, command: &'static str) -> Result<Answer, ImapError> {
        self.line.ok(command).map(|()| self)
    }

    /// Every status line of the answer, the untagged ones first.
    pub(crate) fn status_lines(&self) -> impl Iterator<Item = &StatusLine> {
        let untagged = self.data.iter().filter_map(|reply| match reply {
            Reply::Untagged(line) => Some(line),
            _ => None,
        });
        untagged.chain(std::iter::once(&self.line))
    }
}

/// The bytes as a quoted string, or `None` when they need a literal.
pub(crate) fn quoted(bytes: &[u8]) -> Option<Vec<u8>> {
    // Long quoted strings meet line limits (RFC 7162 section 4 asks servers for 8192 bytes); a literal does
    // not.
    const MAX_QUOTED: usize = 1024;
    if bytes.len() > MAX_QUOTED || !bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return None;
    }
    let mut out = vec![b'"'];
    for byte in bytes {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_cannot_end_a_command() {
        for bytes in [&b"a\r\nA1 DELETE INBOX"[..], b"a\nb", b"a\rb", b"a\0b"] {
            let command = Command::new("CREATE").string("the folder name", bytes);
            assert!(matches!(command.check(), Err(ImapError::Unsendable { .. })), "{bytes:?}");
        }
        assert!(Command::new("X").text("a\r\nb").check().is_err());
        assert_eq!(quoted(b"a\"b\\{3}").unwrap(), b"\"a\\\"b\\\\{3}\"");
        assert_eq!(quoted("\u{e4}".as_bytes()), None);
    }
}
