//! A connection with just enough IMAP for set-up, and the reading half that copying uses.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use mailhaul_net::{Dialer, Stream};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};

use crate::job::End;

const ROOM: usize = 64 * 1024;

/// Reads lines and literals as they come, without copying them.
pub(super) struct Reader<R> {
    from: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    fn new(from: R) -> Self {
        Self { from, buffer: BytesMut::new() }
    }

    async fn fill(&mut self) -> io::Result<()> {
        self.buffer.reserve(ROOM);
        match self.from.read_buf(&mut self.buffer).await? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server has ended the connection")),
            _ => Ok(()),
        }
    }

    /// Returns the next line without its end.
    pub(super) async fn line(&mut self) -> io::Result<Bytes> {
        let mut seen = 0;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[seen..]) {
                let line = self.buffer.split_to(seen + at).freeze();
                self.buffer.advance(1);
                return Ok(line.strip_suffix(b"\r").map(|l| line.slice_ref(l)).unwrap_or(line));
            }
            seen = self.buffer.len();
            self.fill().await?;
        }
    }

    /// What is there of a literal that has so many bytes left; at least one.
    pub(super) async fn piece(&mut self, left: usize) -> io::Result<Bytes> {
        if self.buffer.is_empty() {
            self.fill().await?;
        }
        let count = left.min(self.buffer.len());
        Ok(self.buffer.split_to(count).freeze())
    }
}

/// Returns the length of the literal that a line announces at its end.
pub(super) fn announced(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}")?;
    let open = memchr::memrchr(b'{', line)?;
    std::str::from_utf8(&line[open + 1..]).ok()?.parse().ok()
}

pub(super) struct Connection {
    pub(super) reader: Reader<ReadHalf<Stream>>,
    pub(super) writer: WriteHalf<Stream>,
    /// Whether several messages may go in one APPEND: MULTIAPPEND, RFC 3502.
    pub(super) multi: bool,
    tag: u32,
}

impl Connection {
    pub(super) async fn open(end: &End, dialer: &Dialer, user: &str, word: &str) -> Result<Self, String> {
        let (reader, writer) = tokio::io::split(end.connect(dialer).await?);
        let mut this = Self { reader: Reader::new(reader), writer, multi: false, tag: 0 };
        this.log_in(user, word).await.map_err(|error| error.to_string())?;
        Ok(this)
    }

    async fn log_in(&mut self, user: &str, word: &str) -> io::Result<()> {
        self.reader.line().await?;
        self.command(&format!("LOGIN {user} {word}")).await?;
        let answer = self.command("CAPABILITY").await?.join(" ").to_ascii_uppercase();
        let has = |name: &str| answer.split(' ').any(|word| word == name);
        if !has("LITERAL+") {
            return Err(io::Error::other("the floor needs a server with LITERAL+"));
        }
        self.multi = has("MULTIAPPEND");
        Ok(())
    }

    /// Runs one command and returns its untagged answers; literals in them become quoted strings.
    pub(super) async fn command(&mut self, command: &str) -> io::Result<Vec<String>> {
        self.tag += 1;
        let tag = format!("s{}", self.tag);
        self.writer.write_all(format!("{tag} {command}\r\n").as_bytes()).await?;
        self.writer.flush().await?;
        let mut answers = Vec::new();
        loop {
            let line = self.answer().await?;
            if let Some(rest) = line.strip_prefix(&tag) {
                let good = rest.trim_start().to_ascii_uppercase().starts_with("OK");
                return if good { Ok(answers) } else { Err(io::Error::other(format!("{command}: {line}"))) };
            }
            answers.push(line);
        }
    }

    async fn answer(&mut self) -> io::Result<String> {
        let mut text = String::new();
        loop {
            let line = self.reader.line().await?;
            let Some(mut left) = announced(&line) else {
                text.push_str(&String::from_utf8_lossy(&line));
                return Ok(text);
            };
            let open = memchr::memrchr(b'{', &line).unwrap_or_default();
            text.push_str(&String::from_utf8_lossy(&line[..open]));
            text.push('"');
            while left > 0 {
                let piece = self.reader.piece(left).await?;
                left -= piece.len();
                let piece = String::from_utf8_lossy(&piece).replace('\\', "\\\\").replace('"', "\\\"");
                text.push_str(&piece);
            }
            text.push('"');
        }
    }

    /// The names of all folders that can be opened, as the server spells them, quotes included.
    pub(super) async fn list(&mut self) -> io::Result<Vec<String>> {
        let answers = self.command("LIST \"\" \"*\"").await?;
        Ok(answers
            .iter()
            .filter(|line| line.starts_with("* LIST") && !line.contains("\\Noselect"))
            .filter_map(|line| {
                // * LIST (attributes) "/" name
                let rest = line.split_once(") ")?.1;
                Some(rest.split_once(' ')?.1.to_owned())
            })
            .collect())
    }

    pub(super) async fn count(&mut self, raw: &str) -> io::Result<u64> {
        let answers = self.command(&format!("STATUS {raw} (MESSAGES)")).await?;
        let number = answers.iter().find_map(|line| line.split_once("(MESSAGES ")?.1.strip_suffix(')'));
        number
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| io::Error::other(format!("STATUS of {raw}: {answers:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::announced;

    #[test]
    fn literals_are_announced_at_the_end() {
        assert_eq!(announced(b"* 1 FETCH (FLAGS () BODY[] {123}"), Some(123));
        assert_eq!(announced(b"* 1 FETCH (FLAGS ({5} a))"), None);
        assert_eq!(announced(b"x OK {}"), None);
    }
}
