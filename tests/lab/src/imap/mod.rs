//! A small blocking IMAP client of the laboratory's own: clear text, one command at a time except APPEND.
//!
//! It shares nothing with `host/imap`, so that what the product misreads, this reads right.

pub mod date;
pub mod parse;
mod snapshot;
pub mod utf7;

use std::io::{self, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

pub use parse::{Response, Value};
pub use snapshot::{Message, Snapshot};

/// A server that says nothing for so long is stuck.
const READ_LIMIT: Duration = Duration::from_secs(120);

/// How many APPENDs are on their way before their answers are read. Small, so that answers never fill the
/// pipe.
const APPENDS_AT_ONCE: usize = 64;

/// A message for [`Client::append`].
#[derive(Debug, Clone)]
pub struct Append<'a> {
    /// System flags and keywords it is stored with.
    pub flags: &'a [String],
    /// INTERNALDATE as `date-time` of RFC 3501, without quotes.
    pub date: &'a str,
    /// The whole message with CRLF line ends.
    pub body: &'a [u8],
}

/// A folder as the server's LIST tells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Folder {
    /// The name as the server spells it, in modified UTF-7.
    pub raw: String,
    /// Unicode, `/` between levels, without the personal namespace's prefix; a `/` within a level is `\/`.
    pub name: String,
    /// The attributes in lower case, such as `\noselect`.
    pub attributes: Vec<String>,
}

impl Folder {
    /// Returns whether SELECT can open it: neither `\Noselect` nor `\NonExistent`.
    #[must_use]
    pub fn selectable(&self) -> bool {
        !self.attributes.iter().any(|a| a == "\\noselect" || a == "\\nonexistent")
    }
}

/// A clear-text connection to a server, one command at a time.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<TcpStream>,
    tag: u32,
    prefix: String,
    delimiter: String,
    /// Whether literals need no answer in between (RFC 7888).
    literal_plus: bool,
}

impl Client {
    /// Connects to a clear-text port on 127.0.0.1 and reads the greeting.
    ///
    /// # Errors
    /// When the connection fails or the server does not greet.
    pub fn connect(port: u16) -> io::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_LIMIT))?;
        let mut client = Self {
            reader: BufReader::new(stream),
            tag: 0,
            prefix: String::new(),
            delimiter: "/".to_owned(),
            literal_plus: false,
        };
        let greeting = parse::read(&mut client.reader)?;
        if greeting.word(0) == "OK" { Ok(client) } else { Err(refused("greeting", &greeting)) }
    }

    /// Logs in, whatever characters name and password have, and learns the namespace.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn login(&mut self, user: &str, password: &str) -> io::Result<()> {
        self.run("LOGIN", &[Argument::Text(user), Argument::Text(password)])?;
        let told = self.run("CAPABILITY", &[])?;
        let words = told.iter().filter(|r| r.word(0) == "CAPABILITY").flat_map(|r| &r.values);
        self.literal_plus = words.filter_map(Value::text).any(|word| word.eq_ignore_ascii_case("LITERAL+"));
        let (prefix, delimiter) = self.namespace()?;
        self.prefix = prefix;
        self.delimiter = delimiter;
        Ok(())
    }

    fn namespace(&mut self) -> io::Result<(String, String)> {
        for response in self.run("NAMESPACE", &[])? {
            if response.word(0) == "NAMESPACE" {
                let first = response.values.get(1).and_then(|v| v.items().first());
                let words: Vec<String> = first.map(Value::texts).unwrap_or_default();
                if let [prefix, delimiter, ..] = &words[..] {
                    return Ok((prefix.clone(), delimiter.clone()));
                }
            }
        }
        Ok((String::new(), "/".to_owned()))
    }

    /// Runs one command and returns the untagged responses.
    ///
    /// # Errors
    /// When the connection breaks, or the server says NO or BAD: then with its words.
    pub fn run(&mut self, command: &str, arguments: &[Argument<'_>]) -> io::Result<Vec<Response>> {
        self.tag += 1;
        let tag = format!("t{}", self.tag);
        self.write(format!("{tag} {command}").as_bytes())?;
        for argument in arguments {
            let bytes = match argument {
                Argument::Raw(text) => {
                    self.write(format!(" {text}").as_bytes())?;
                    continue;
                }
                Argument::Text(text) => text.as_bytes(),
                Argument::Bytes(bytes) => bytes,
            };
            // A synchronising literal carries anything, on every server.
            self.write(format!(" {{{}}}\r\n", bytes.len()).as_bytes())?;
            let go = parse::read(&mut self.reader)?;
            if go.tag != "+" {
                return Err(refused(command, &go));
            }
            self.write(bytes)?;
        }
        self.write(b"\r\n")?;
        let mut untagged = Vec::new();
        loop {
            let response = parse::read(&mut self.reader)?;
            if response.tag != tag {
                untagged.push(response);
            } else if response.word(0) == "OK" {
                return Ok(untagged);
            } else {
                return Err(refused(command, &response));
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// A folder's name as this server spells it: `Kunden/Müller` becomes `INBOX.Kunden.M&APw-ller`.
    #[must_use]
    pub fn spell(&self, name: &str) -> String {
        if name.eq_ignore_ascii_case("INBOX") {
            return "INBOX".to_owned();
        }
        let levels: Vec<String> = utf7::encode(name).split('/').map(str::to_owned).collect();
        format!("{}{}", self.prefix, levels.join(&self.delimiter))
    }

    /// Returns the name without prefix and with `/` between levels: the reverse of [`Self::spell`].
    #[must_use]
    pub fn plain(&self, raw: &str) -> String {
        if raw.eq_ignore_ascii_case("INBOX") {
            return "INBOX".to_owned();
        }
        let own = raw.strip_prefix(&self.prefix).unwrap_or(raw);
        let levels: Vec<String> =
            own.split(&self.delimiter).map(|level| utf7::decode(level).replace('/', "\\/")).collect();
        levels.join("/")
    }

    /// Every folder of the account.
    ///
    /// # Errors
    /// When the connection breaks or the server refuses.
    pub fn list(&mut self) -> io::Result<Vec<Folder>> {
        let responses = self.run("LIST", &[Argument::Raw("\"\" \"*\"")])?;
        Ok(self.folders(&responses, "LIST"))
    }

    /// The names of the folders the account is subscribed to.
    ///
    /// # Errors
    /// When the connection breaks or the server refuses.
    pub fn subscriptions(&mut self) -> io::Result<Vec<String>> {
        let responses = self.run("LSUB", &[Argument::Raw("\"\" \"*\"")])?;
        Ok(self.folders(&responses, "LSUB").into_iter().filter(Folder::selectable).map(|f| f.name).collect())
    }

    fn folders(&self, responses: &[Response], word: &str) -> Vec<Folder> {
        let mut folders: Vec<Folder> = responses
            .iter()
            .filter(|r| r.word(0) == word)
            .filter_map(|response| {
                let attributes =
                    response.values.get(1)?.texts().iter().map(|a| a.to_ascii_lowercase()).collect();
                let raw = match response.values.get(3)? {
                    // A folder may be called NIL.
                    Value::Atom(atom) => atom.clone(),
                    other => other.text()?,
                };
                Some(Folder { name: self.plain(&raw), raw, attributes })
            })
            .collect();
        folders.sort();
        folders
    }

    /// Creates a folder and subscribes to it.
    ///
    /// # Errors
    /// When the connection breaks or the server refuses.
    pub fn create(&mut self, name: &str) -> io::Result<()> {
        let raw = self.spell(name);
        self.run("CREATE", &[Argument::Text(&raw)])?;
        self.run("SUBSCRIBE", &[Argument::Text(&raw)]).map(drop)
    }

    /// Gives a folder another name.
    ///
    /// # Errors
    /// When the connection breaks or the server refuses.
    pub fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.spell(from), self.spell(to));
        self.run("RENAME", &[Argument::Text(&from), Argument::Text(&to)]).map(drop)
    }

    /// Deletes a folder with all its mail.
    ///
    /// # Errors
    /// When the connection breaks or the server refuses.
    pub fn delete_folder(&mut self, name: &str) -> io::Result<()> {
        let raw = self.spell(name);
        self.run("DELETE", &[Argument::Text(&raw)]).map(drop)
    }

    /// Opens a folder for writing.
    ///
    /// # Errors
    /// When the connection breaks or the server refuses.
    pub fn select(&mut self, name: &str) -> io::Result<()> {
        let raw = self.spell(name);
        self.run("SELECT", &[Argument::Text(&raw)]).map(drop)
    }

    /// Ends a subscription.
    ///
    /// # Errors
    /// When the connection breaks or the server refuses.
    pub fn unsubscribe(&mut self, name: &str) -> io::Result<()> {
        let raw = self.spell(name);
        self.run("UNSUBSCRIBE", &[Argument::Text(&raw)]).map(drop)
    }

    /// One number that STATUS tells of a folder: `MESSAGES`, `RECENT`, `UIDNEXT` and so on.
    ///
    /// # Errors
    /// When the connection breaks or there is no such folder.
    pub fn status(&mut self, name: &str, item: &str) -> io::Result<u64> {
        let raw = self.spell(name);
        let responses = self.run("STATUS", &[Argument::Text(&raw), Argument::Raw(&format!("({item})"))])?;
        let words =
            responses.iter().find(|r| r.word(0) == "STATUS").and_then(|r| r.values.get(2)).map(Value::texts);
        words
            .and_then(|words| words.get(1)?.parse().ok())
            .ok_or_else(|| io::Error::other(format!("STATUS of {name} tells no {item}")))
    }

    /// The storage limit in KiB that applies to a folder (RFC 2087); `None` when there is none.
    ///
    /// # Errors
    /// When the connection breaks or the server refuses.
    pub fn quota_kib(&mut self, name: &str) -> io::Result<Option<u64>> {
        let raw = self.spell(name);
        let responses = self.run("GETQUOTAROOT", &[Argument::Text(&raw)])?;
        let quota = responses.iter().find(|r| r.word(0) == "QUOTA").and_then(|r| r.values.get(2));
        let words = quota.map(Value::texts).unwrap_or_default();
        Ok(words.iter().position(|w| w == "STORAGE").and_then(|at| words.get(at + 2)?.parse().ok()))
    }

    /// The number of messages in a folder; 0 when there is no such folder.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn count(&mut self, name: &str) -> io::Result<u64> {
        match self.status(name, "MESSAGES") {
            Err(error) if error.kind() == io::ErrorKind::Other => Ok(0),
            other => other,
        }
    }

    /// The number of messages in all folders.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn count_all(&mut self) -> io::Result<u64> {
        let folders = self.list()?;
        folders.iter().filter(|f| f.selectable()).try_fold(0, |sum, f| Ok(sum + self.count(&f.name)?))
    }

    /// Stores messages, many on their way at once where the server lets us; for each its refusal if it
    /// refused.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn append(&mut self, name: &str, messages: &[Append<'_>]) -> io::Result<Vec<Result<(), String>>> {
        let raw = self.spell(name);
        let mut results = Vec::new();
        if !self.literal_plus {
            for message in messages {
                let flags = format!("({})", message.flags.join(" "));
                let date = format!("\"{}\"", message.date);
                let arguments = [
                    Argument::Text(&raw),
                    Argument::Raw(&flags),
                    Argument::Raw(&date),
                    Argument::Bytes(message.body),
                ];
                results.push(match self.run("APPEND", &arguments) {
                    Ok(_) => Ok(()),
                    Err(error) if error.kind() == io::ErrorKind::Other => Err(error.to_string()),
                    Err(error) => return Err(error),
                });
            }
            return Ok(results);
        }
        for batch in messages.chunks(APPENDS_AT_ONCE) {
            let first = self.tag + 1;
            for message in batch {
                self.tag += 1;
                let head = format!(
                    "t{} APPEND {{{}+}}\r\n{raw} ({}) \"{}\" {{{}+}}\r\n",
                    self.tag,
                    raw.len(),
                    message.flags.join(" "),
                    message.date,
                    message.body.len()
                );
                self.write(head.as_bytes())?;
                self.write(message.body)?;
                self.write(b"\r\n")?;
            }
            for tag in first..=self.tag {
                let tag = format!("t{tag}");
                let answer = loop {
                    let response = parse::read(&mut self.reader)?;
                    if response.tag == tag {
                        break response;
                    }
                };
                results.push(if answer.word(0) == "OK" { Ok(()) } else { Err(answer.line) });
            }
        }
        Ok(results)
    }

    /// Stores one message.
    ///
    /// # Errors
    /// When the connection breaks or the server refuses.
    pub fn append_one(&mut self, name: &str, flags: &[&str], date: &str, body: &[u8]) -> io::Result<()> {
        let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
        let mut results = self.append(name, &[Append { flags: &flags, date, body }])?;
        results.remove(0).map_err(io::Error::other)
    }

    /// Changes flags of one message: `change` is `+FLAGS`, `-FLAGS` or `FLAGS`.
    ///
    /// # Errors
    /// When the connection breaks or the server refuses.
    pub fn store(&mut self, name: &str, uid: u32, change: &str, flags: &[&str]) -> io::Result<()> {
        self.select(name)?;
        self.run("UID STORE", &[Argument::Raw(&format!("{uid} {change} ({})", flags.join(" ")))]).map(drop)
    }

    /// Moves one message to another folder.
    ///
    /// # Errors
    /// When the connection breaks or the server refuses.
    pub fn move_message(&mut self, name: &str, uid: u32, to: &str) -> io::Result<()> {
        self.select(name)?;
        let to = self.spell(to);
        self.run("UID MOVE", &[Argument::Raw(&uid.to_string()), Argument::Text(&to)]).map(drop)
    }

    /// Moves all messages of a folder to another one, with one command.
    ///
    /// # Errors
    /// When the connection breaks or the server refuses.
    pub fn move_all(&mut self, name: &str, to: &str) -> io::Result<()> {
        self.select(name)?;
        let to = self.spell(to);
        self.run("UID MOVE", &[Argument::Raw("1:*"), Argument::Text(&to)]).map(drop)
    }

    /// Removes every message, and every folder but these.
    ///
    /// # Errors
    /// When the connection breaks or the server refuses.
    pub fn wipe(&mut self, keep: &[String]) -> io::Result<()> {
        for folder in self.list()?.into_iter().rev() {
            if folder.selectable() && self.count(&folder.name)? > 0 {
                self.run("SELECT", &[Argument::Text(&folder.raw)])?;
                self.run("UID STORE", &[Argument::Raw("1:* +FLAGS.SILENT (\\Deleted)")])?;
                self.run("EXPUNGE", &[])?;
                self.run("CLOSE", &[])?;
            }
            if !keep.contains(&folder.name) {
                self.run("DELETE", &[Argument::Text(&folder.raw)])?;
                self.run("UNSUBSCRIBE", &[Argument::Text(&folder.raw)])?;
            }
        }
        Ok(())
    }

    /// Removes one message for good.
    ///
    /// # Errors
    /// When the connection breaks or the server refuses.
    pub fn delete(&mut self, name: &str, uid: u32) -> io::Result<()> {
        self.store(name, uid, "+FLAGS", &["\\Deleted"])?;
        self.run("UID EXPUNGE", &[Argument::Raw(&uid.to_string())]).map(drop)
    }
}

/// One piece of a command line.
#[derive(Debug, Clone, Copy)]
pub enum Argument<'a> {
    /// Sent as it is.
    Raw(&'a str),
    /// Sent as a literal, so that it may hold any characters.
    Text(&'a str),
    /// Sent as a literal, byte by byte.
    Bytes(&'a [u8]),
}

fn refused(command: &str, response: &Response) -> io::Error {
    io::Error::other(format!("{command}: {}", response.line))
}
