//! What a mailbox holds, in a form that can be compared.

use std::collections::BTreeMap;
use std::io;

use sha2::{Digest, Sha256};

use super::{Argument, Client, Value, date};

/// A message as a server's FETCH tells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// The UID within its folder.
    pub uid: u32,
    /// Flags and keywords, sorted; without `\Recent`, which belongs to the session.
    pub flags: Vec<String>,
    /// INTERNALDATE in seconds since 1970-01-01, UTC.
    pub date: i64,
    /// SHA-256 of the whole message as delivered, in hexadecimal.
    pub sha256: String,
    /// The number of bytes the server delivered, whatever RFC822.SIZE says.
    pub size: u64,
}

impl Message {
    /// Returns what a move must keep: flags, date and digest, and not the UID.
    #[must_use]
    pub fn moved(&self) -> (Vec<String>, i64, &str) {
        (self.flags.clone(), self.date, &self.sha256)
    }
}

/// The messages of every folder, in UID order; folder names as in [`super::Folder::name`].
pub type Snapshot = BTreeMap<String, Vec<Message>>;

impl Client {
    /// Reads the whole mailbox: every folder, every message, every byte. Read-only (EXAMINE, BODY.PEEK).
    ///
    /// # Errors
    /// When the connection breaks or the server refuses.
    pub fn snapshot(&mut self) -> io::Result<Snapshot> {
        let folders = self.list()?;
        folders
            .into_iter()
            .filter(super::Folder::selectable)
            .map(|folder| Ok((folder.name.clone(), self.messages(&folder.raw)?)))
            .collect()
    }

    /// The messages of one folder, by its name as in [`super::Folder::name`].
    ///
    /// # Errors
    /// When the connection breaks or the server refuses.
    pub fn folder(&mut self, name: &str) -> io::Result<Vec<Message>> {
        let raw = self.spell(name);
        self.messages(&raw)
    }

    /// The same with the messages' bytes.
    ///
    /// # Errors
    /// When the connection breaks or the server refuses.
    pub fn whole(&mut self, name: &str) -> io::Result<Vec<(Message, Vec<u8>)>> {
        let raw = self.spell(name);
        self.read(&raw)
    }

    fn messages(&mut self, raw: &str) -> io::Result<Vec<Message>> {
        Ok(self.read(raw)?.into_iter().map(|(message, _)| message).collect())
    }

    fn read(&mut self, raw: &str) -> io::Result<Vec<(Message, Vec<u8>)>> {
        self.run("EXAMINE", &[Argument::Text(raw)])?;
        let items = "1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])";
        let mut messages = Vec::new();
        for response in self.run("UID FETCH", &[Argument::Raw(items)])? {
            if response.word(1) == "FETCH" {
                messages.push(message(response.values.get(2).map(Value::items).unwrap_or_default())?);
            }
        }
        messages.sort();
        Ok(messages)
    }

    /// One message's bytes.
    ///
    /// # Errors
    /// When the connection breaks, the server refuses, or there is no such message.
    pub fn body(&mut self, name: &str, uid: u32) -> io::Result<Vec<u8>> {
        let raw = self.spell(name);
        self.run("EXAMINE", &[Argument::Text(&raw)])?;
        let responses = self.run("UID FETCH", &[Argument::Raw(&format!("{uid} (BODY.PEEK[])"))])?;
        responses
            .iter()
            .filter(|r| r.word(1) == "FETCH")
            .find_map(|r| item(r.values.get(2)?.items(), "BODY[]").and_then(bytes))
            .ok_or_else(|| io::Error::other(format!("no message {uid} in {name}")))
    }
}

fn item<'a>(items: &'a [Value], name: &str) -> Option<&'a Value> {
    let at = items
        .iter()
        .position(|value| matches!(value, Value::Atom(atom) if atom.eq_ignore_ascii_case(name)))?;
    items.get(at + 1)
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Bytes(bytes) => Some(bytes.clone()),
        _ => None,
    }
}

fn message(items: &[Value]) -> io::Result<(Message, Vec<u8>)> {
    let missing = |what: &str| io::Error::other(format!("FETCH answer without {what}"));
    let number = |name: &str| item(items, name).and_then(Value::text).and_then(|t| t.parse().ok());
    let text = item(items, "INTERNALDATE").and_then(Value::text).ok_or_else(|| missing("INTERNALDATE"))?;
    let body = item(items, "BODY[]").and_then(bytes).ok_or_else(|| missing("BODY[]"))?;
    let mut flags = item(items, "FLAGS").map(Value::texts).ok_or_else(|| missing("FLAGS"))?;
    flags.retain(|flag| !flag.eq_ignore_ascii_case("\\Recent"));
    flags.sort();
    let size: u64 = number("RFC822.SIZE").ok_or_else(|| missing("RFC822.SIZE"))?;
    if size != body.len() as u64 {
        // Not an error of the product: a laboratory server that lies about sizes proves nothing.
        return Err(io::Error::other(format!("RFC822.SIZE {size} but {} bytes delivered", body.len())));
    }
    let message = Message {
        uid: number("UID").and_then(|n| u32::try_from(n).ok()).ok_or_else(|| missing("UID"))?,
        flags,
        date: date::instant(&text).ok_or_else(|| missing("a readable INTERNALDATE"))?,
        sha256: hex(&Sha256::digest(&body)),
        size,
    };
    Ok((message, body))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
