//! Recording what a real server answers, so that it can be replayed to the product's IMAP layer.
//!
//! A transcript is text: `C: ` is a command without its tag, `S: ` a line of the answer with everything that
//! is not printable escaped as in Rust (`\r\n` ends it), the recorded tag as `@TAG@`. Answers belong to the
//! command above them; those above the first are the greeting. `E: ` lines say what the laboratory's own
//! client finds in the mailbox.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::corpus;
use crate::imap::Client;

const META: &str = "UID FLAGS INTERNALDATE RFC822.SIZE";

/// Fills an account, asks the server everything the product asks, and returns the transcript.
///
/// # Errors
/// When the connection breaks.
pub fn record(name: &str, port: u16, user: &str, password: &str) -> io::Result<String> {
    let mut client = Client::connect(port)?;
    client.login(user, password)?;
    fill(&mut client)?;
    let mut text = format!("# {name}, recorded in the laboratory by `cargo xtask record`.\n");
    for (folder, messages) in client.snapshot()? {
        writeln!(text, "E: folder {}", folder.escape_default()).map_err(io::Error::other)?;
        for m in messages {
            let flags = m.flags.join(" ");
            writeln!(text, "E: message {} {} {} {} {flags}", m.uid, m.date, m.size, m.sha256)
                .map_err(io::Error::other)?;
        }
    }
    let raw: Vec<String> =
        client.list()?.into_iter().filter(crate::imap::Folder::selectable).map(|f| f.raw).collect();
    let mut tape = Tape::connect(port, text)?;
    let quoted = |name: &str| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    for command in ["CAPABILITY", &format!("LOGIN {user} {password}"), "CAPABILITY"] {
        tape.ask(command)?;
    }
    for command in [
        "ID NIL",
        "ENABLE CONDSTORE",
        "NAMESPACE",
        "LIST \"\" \"\"",
        "LIST \"\" \"*\"",
        "LIST \"\" \"*\" RETURN (SPECIAL-USE SUBSCRIBED)",
        "LIST \"\" \"*\" RETURN (SPECIAL-USE SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))",
        "LSUB \"\" \"*\"",
        "GETQUOTAROOT \"INBOX\"",
    ] {
        tape.ask(command)?;
    }
    for folder in raw.iter().map(|name| quoted(name)) {
        tape.ask(&format!("STATUS {folder} (MESSAGES UIDNEXT UIDVALIDITY)"))?;
        tape.ask(&format!("STATUS {folder} (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE)"))?;
        tape.ask(&format!("EXAMINE {folder}"))?;
        tape.ask("UID FETCH 1:* (UID FLAGS)")?;
        for section in ["", " BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]", " BODY.PEEK[HEADER]", " BODY.PEEK[]"] {
            tape.ask(&format!("UID FETCH 1:* ({META}{section})"))?;
        }
        tape.ask("UID SEARCH ALL")?;
    }
    // Refusals in the server's own words.
    for command in [
        "SELECT \"nowhere\"",
        "STATUS \"nowhere\" (MESSAGES)",
        "SELECT \"INBOX\"",
        "CREATE \"INBOX\"",
        "APPEND \"INBOX\" (\\Seen $Label1) \" 1-Feb-2020 10:00:00 +0545\" {47}",
        "APPEND \"nowhere\" (\\Seen) \" 1-Feb-2020 10:00:00 +0545\" {47}",
        "APPEND \"INBOX\" (\\Recent) {47}",
        "NOOP",
        "UID STORE 1 +FLAGS.SILENT (\\Flagged)",
        "FROBNICATE",
        "LOGOUT",
    ] {
        tape.ask(command)?;
    }
    let mut refused = Tape::connect(port, std::mem::take(&mut tape.text))?;
    refused.ask(&format!("LOGIN {user} wrong"))?;
    Ok(refused.text)
}

/// Stores little mail with much in it: structures, flags and dates that answers differ in.
fn fill(client: &mut Client) -> io::Result<()> {
    let odd = "Entwürfe/Q&A";
    for folder in ["Work", odd, "Empty"] {
        client.create(folder)?;
    }
    let date = " 4-Mar-2019 10:00:00 +0100";
    let plain = corpus::simple("plain", "one line");
    client.append_one("INBOX", &["\\Seen", "$Label1"], date, &plain)?;
    client.append_one(
        "INBOX",
        &[],
        "29-Feb-2016 23:59:59 -0330",
        b"Subject: no id\r\n\r\nFrom here {3}\r\n",
    )?;
    client.append_one(
        "INBOX",
        &["\\Flagged", "\\Answered"],
        date,
        "Subject: 8 bit\r\n\r\nGr\u{fc}\u{df}e )\r\n".as_bytes(),
    )?;
    client.append_one("Work", &["\\Deleted"], date, &corpus::simple("deleted", "* 1 FETCH (UID 9)"))?;
    client.append_one(odd, &["\\Draft", "NonJunk"], date, &corpus::simple("draft", "A1 OK done"))
}

/// 47 bytes, as the APPENDs of the recording announce.
const SMALL: &[u8; 47] = b"Message-ID: <a@b>\r\nSubject: appended\r\n\r\nhello\r\n";

struct Tape {
    reader: BufReader<TcpStream>,
    text: String,
    tag: u32,
}

impl Tape {
    fn connect(port: u16, text: String) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut this = Self { reader: BufReader::new(stream), text, tag: 0 };
        this.text.push_str("\n= connection\n");
        this.line("@")?;
        Ok(this)
    }

    /// Sends a command, with a literal where it announces one, and records what comes back.
    fn ask(&mut self, command: &str) -> io::Result<()> {
        self.tag += 1;
        let tag = format!("R{:04}", self.tag);
        self.text.push_str(&format!("C: {command}\n"));
        self.reader.get_mut().write_all(format!("{tag} {command}\r\n").as_bytes())?;
        loop {
            let line = self.line(&tag)?;
            if line.is_empty() || line.starts_with(tag.as_bytes()) {
                return Ok(());
            }
            if line.starts_with(b"+") && command.ends_with('}') {
                self.reader.get_mut().write_all(SMALL)?;
                self.reader.get_mut().write_all(b"\r\n")?;
            }
        }
    }

    /// Records one line with the literals in it; the line is returned up to its first literal.
    fn line(&mut self, tag: &str) -> io::Result<Vec<u8>> {
        let mut first = None;
        loop {
            let mut line = Vec::new();
            self.reader.read_until(b'\n', &mut line)?;
            self.write(&line, tag);
            let literal = announced(&line);
            let line = first.get_or_insert(line);
            let Some(size) = literal else { return Ok(line.clone()) };
            let mut bytes = Vec::new();
            (&mut self.reader).take(size).read_to_end(&mut bytes)?;
            for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
                self.write(piece, "@");
            }
        }
    }

    fn write(&mut self, bytes: &[u8], tag: &str) {
        let escaped = bytes.escape_ascii().to_string().replace("\\\"", "\"").replace("\\'", "'");
        let shown = match escaped.strip_prefix(tag) {
            Some(rest) if rest.starts_with(' ') => format!("@TAG@{rest}"),
            _ => escaped,
        };
        self.text.push_str(&format!("S: {shown}\n"));
    }
}

fn announced(line: &[u8]) -> Option<u64> {
    let inner = line.strip_suffix(b"}\r\n")?;
    let open = inner.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&inner[open + 1..]).ok()?.parse().ok()
}
