//! A server that answers as a real one was recorded to answer: `tests/transcripts`, made by
//! `cargo xtask record`.
//!
//! Commands are matched loosely, by their name and folder, in whatever order they come; the answer is the
//! recorded one with the tag of the command. Of a recorded FETCH the messages that are asked for are given.

use std::time::Duration;

use mailhaul_imap::{AuthMethod, Login, Timeouts};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};

/// What was recorded of one server.
pub(crate) struct Transcript {
    /// What the laboratory's own client found in the mailbox.
    pub(crate) expected: Vec<String>,
    greeting: Vec<u8>,
    answers: Vec<Answer>,
}

struct Answer {
    command: String,
    /// The folder that was open.
    folder: String,
    bytes: Vec<u8>,
}

pub(crate) fn transcript(name: &str) -> Transcript {
    let path = format!("{}/tests/transcripts/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut this = Transcript { expected: Vec::new(), greeting: Vec::new(), answers: Vec::new() };
    let (mut connections, mut folder) = (0, String::new());
    for line in text.lines() {
        let (kind, rest) = line.split_at(line.len().min(3));
        match kind {
            "E: " => this.expected.push(rest.to_owned()),
            "C: " => {
                if rest.starts_with("EXAMINE") || rest.starts_with("SELECT") {
                    folder = argument(rest);
                }
                this.answers.push(Answer {
                    command: rest.to_owned(),
                    folder: folder.clone(),
                    bytes: Vec::new(),
                });
            }
            // The second connection is the refused log-in's, which this server does not replay.
            "S: " if connections == 1 => match this.answers.last_mut() {
                Some(answer) => answer.bytes.extend(unescaped(rest)),
                None => this.greeting.extend(unescaped(rest)),
            },
            "= c" => connections += 1,
            _ => {}
        }
    }
    this
}

/// The reverse of `escape_ascii`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'r') => out.push(b'\r'),
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(b'x') => {
                let digits: String = bytes.by_ref().take(2).map(char::from).collect();
                out.push(u8::from_str_radix(&digits, 16).unwrap());
            }
            Some(other) => out.push(other),
            None => panic!("half an escape in {text}"),
        }
    }
    out
}

/// The command's name: `UID FETCH`, `STATUS`.
fn verb(command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    let count = if words[0].eq_ignore_ascii_case("UID") { 2 } else { 1 };
    words[..count.min(words.len())].join(" ").to_ascii_uppercase()
}

/// The first argument without its quotes.
fn argument(command: &str) -> String {
    let rest = command[verb(command).len()..].trim_start();
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or_default().to_owned(),
        None => rest.split(' ').next().unwrap_or_default().to_owned(),
    }
}

/// What FETCH asks for: everything from the first parenthesis on.
fn items(command: &str) -> &str {
    command.find('(').map_or("", |at| &command[at..])
}

impl Transcript {
    fn answer(&self, command: &str, folder: &str) -> Option<&Answer> {
        let verb = verb(command);
        let same = || self.answers.iter().filter(|one| self::verb(&one.command) == verb);
        let exact = same().find(|one| one.command == command && verb != "UID FETCH");
        match verb.as_str() {
            "UID FETCH" => same().find(|one| one.folder == folder && items(&one.command) == items(command)),
            // Options of the list decide what comes back.
            "LIST" => exact,
            "STATUS" | "EXAMINE" | "SELECT" | "APPEND" | "CREATE" => {
                exact.or_else(|| same().find(|one| argument(&one.command) == argument(command)))
            }
            "AUTHENTICATE" => self.answers.iter().find(|one| one.command.starts_with("LOGIN")),
            "UID SEARCH" => same().find(|one| one.folder == folder && one.command == command),
            _ => exact.or_else(|| same().next()),
        }
    }
}

/// The account that was recorded.
pub(crate) fn login() -> Login {
    Login { user: "ann".into(), admin: None, method: AuthMethod::Password, secret: b"secret".to_vec().into() }
}

/// Long enough for a debug build, short enough for a hang to be noticed.
pub(crate) fn timeouts() -> Timeouts {
    let long = Duration::from_secs(60);
    Timeouts { greeting: long, idle: long, command: long }
}

/// Starts the server; `room` is the pipe's size in bytes.
pub(crate) fn replay(transcript: &'static Transcript, room: usize) -> DuplexStream {
    let (client, server) = tokio::io::duplex(room);
    // An error is a client that is gone.
    tokio::spawn(async move { drop(follow(transcript, BufReader::new(server)).await) });
    client
}

async fn follow(transcript: &Transcript, mut io: BufReader<DuplexStream>) -> std::io::Result<()> {
    io.write_all(&transcript.greeting).await?;
    let mut folder = String::new();
    loop {
        let mut line = String::new();
        if io.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let (tag, command) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
        let (tag, command) = (tag.to_owned(), command.to_owned());
        let verb = verb(&command);
        if verb == "EXAMINE" || verb == "SELECT" {
            folder = argument(&command);
        }
        let found = transcript.answer(&command, &folder);
        let refusal = format!("@TAG@ BAD {verb} was not recorded so\r\n").into_bytes();
        let mut bytes = found.map_or(refusal, |one| one.bytes.clone());
        if verb == "UID FETCH" {
            bytes = chosen(&bytes, &command);
        }
        if verb == "AUTHENTICATE" && command.split(' ').count() == 2 {
            io.write_all(b"+ \r\n").await?;
            io.read_line(&mut String::new()).await?;
        }
        if let Some(size) = command.strip_suffix('}').and_then(|c| c.rsplit_once('{')) {
            let waits = !size.1.ends_with('+');
            let mut go = bytes.starts_with(b"+");
            if go {
                let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or_default() + 1;
                let rest = bytes.split_off(end);
                let plus = std::mem::replace(&mut bytes, rest);
                if waits {
                    io.write_all(&plus).await?;
                }
            }
            go |= !waits;
            if go {
                let mut literal = vec![0; size.1.trim_end_matches('+').parse().unwrap()];
                io.read_exact(&mut literal).await?;
                io.read_line(&mut String::new()).await?;
            }
        }
        let text: Vec<u8> = replaced(&bytes, b"@TAG@", tag.as_bytes());
        io.write_all(&text).await?;
        if verb == "LOGOUT" {
            return Ok(());
        }
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(from.len()).position(|part| part == from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// Of a FETCH answer the messages of the set that was asked for, and everything that is no message.
fn chosen(bytes: &[u8], command: &str) -> Vec<u8> {
    let set = command.split(' ').nth(2).unwrap_or_default();
    let number = |text: &str| text.parse().unwrap_or(u32::MAX);
    let wanted = |uid: u32| {
        set.split(',').any(|part| match part.split_once(':') {
            Some((from, to)) => (number(from)..=number(to)).contains(&uid),
            None => number(part) == uid,
        })
    };
    let mut out = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = response(rest);
        let (one, after) = rest.split_at(end);
        let text = String::from_utf8_lossy(one).into_owned();
        let uid = text
            .split_once("UID ")
            .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
        let fetch = one.starts_with(b"* ") && text.split(' ').nth(2) == Some("FETCH");
        if !fetch || uid.is_none_or(wanted) {
            out.extend_from_slice(one);
        }
        rest = after;
    }
    out
}

/// Where a response ends: after a line that announces no literal.
fn response(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let Some(end) = bytes[at..].iter().position(|byte| *byte == b'\n') else { return bytes.len() };
        let line = &bytes[at..=at + end];
        at += end + 1;
        let text = String::from_utf8_lossy(line).into_owned();
        let size =
            text.trim_end().strip_suffix('}').and_then(|t| t.rsplit_once('{')?.1.parse::<usize>().ok());
        match size {
            Some(size) if !text.starts_with("@TAG@") => at = (at + size).min(bytes.len()),
            _ => return at,
        }
    }
}
