//! What the server of the laboratory's own holds.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// A message as the fake server stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The UID within its folder.
    pub uid: u32,
    /// System flags and keywords, as FETCH tells them.
    pub flags: Vec<String>,
    /// INTERNALDATE, told as it stands here; nothing is told when it is empty.
    pub date: String,
    /// The whole text, header and body.
    pub body: Vec<u8>,
    /// MODSEQ of RFC 7162, told where CAPABILITY lists CONDSTORE.
    pub modseq: u64,
}

impl Message {
    /// Returns whether this text occurs anywhere in the message.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        super::contains(&self.body, text.as_bytes())
    }
}

/// A folder of the fake server, with the figures that SELECT and STATUS tell.
#[derive(Debug, Clone)]
pub struct Folder {
    /// UIDVALIDITY, told as it stands here.
    pub validity: u64,
    /// UIDNEXT: the UID the next message gets.
    pub next: u32,
    /// The messages in the order of their UIDs.
    pub messages: Vec<Message>,
    /// Whether the account has subscribed to it, so that LSUB names it.
    pub subscribed: bool,
    /// APPENDLIMIT of RFC 7889, told by STATUS; not told when `None`.
    pub append_limit: Option<u64>,
    /// HIGHESTMODSEQ of RFC 7162, told where CAPABILITY lists CONDSTORE.
    pub modseq: u64,
    /// Messages that are acknowledged and do not show before the time beside them.
    late: Vec<(Instant, Message)>,
}

/// What the fake server's one account holds.
#[derive(Debug, Clone)]
pub struct Store {
    /// Every folder, by its name as it is spelt on the wire.
    pub folders: BTreeMap<String, Folder>,
    /// The limit that GETQUOTAROOT tells of STORAGE (RFC 9208), in KiB; the command is not known when `None`.
    /// APPEND takes what is above it as well.
    pub quota: Option<u64>,
    validity: u64,
    /// Whether anything was stored that is not shown yet.
    pub(super) some_late: bool,
}

impl Store {
    pub(super) fn new() -> Self {
        let mut this =
            Self { folders: BTreeMap::new(), quota: None, validity: 1_700_000_000, some_late: false };
        this.create("INBOX");
        this
    }

    /// Makes a folder with a UIDVALIDITY of its own; `false` when there is one.
    pub fn create(&mut self, name: &str) -> bool {
        if self.folders.contains_key(name) {
            return false;
        }
        self.validity += 7;
        let folder = Folder {
            validity: self.validity,
            next: 1,
            messages: Vec::new(),
            subscribed: false,
            append_limit: None,
            modseq: 1,
            late: Vec::new(),
        };
        self.folders.insert(name.to_owned(), folder);
        true
    }

    /// The bytes of all messages.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.folders.values().map(Folder::bytes).sum()
    }

    /// Stores a message and returns its UID.
    ///
    /// # Panics
    /// When there is no such folder.
    pub fn add(&mut self, folder: &str, flags: &[&str], date: &str, body: &[u8]) -> u32 {
        let folder = self.folders.get_mut(folder).expect("a folder of the server's");
        folder.add(flags.iter().map(ToString::to_string).collect(), date.to_owned(), body.to_vec())
    }

    /// Shows what was stored late, when its time has come; `all` of it at once when so told.
    pub fn show_late(&mut self, all: bool) {
        if !self.some_late {
            return;
        }
        let now = Instant::now();
        self.some_late = false;
        for folder in self.folders.values_mut() {
            let due: Vec<_> = folder.late.extract_if(.., |(at, _)| all || *at <= now).collect();
            if !due.is_empty() {
                folder.messages.extend(due.into_iter().map(|(_, message)| message));
                folder.messages.sort_by_key(|m| m.uid);
            }
            self.some_late |= !folder.late.is_empty();
        }
    }

    /// The messages of a folder; none when there is no such folder.
    #[must_use]
    pub fn messages(&self, folder: &str) -> &[Message] {
        self.folders.get(folder).map_or(&[], |folder| &folder.messages)
    }
}

impl Folder {
    /// The bytes of its messages, as STATUS tells them.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.messages.iter().map(|message| message.body.len() as u64).sum()
    }

    pub(super) fn add(&mut self, flags: Vec<String>, date: String, body: Vec<u8>) -> u32 {
        let message = self.made(flags, date, body);
        let uid = message.uid;
        self.messages.push(message);
        uid
    }

    pub(super) fn add_late(
        &mut self,
        after: Duration,
        flags: Vec<String>,
        date: String,
        body: Vec<u8>,
    ) -> u32 {
        let message = self.made(flags, date, body);
        let uid = message.uid;
        self.late.push((Instant::now() + after, message));
        uid
    }

    fn made(&mut self, flags: Vec<String>, date: String, body: Vec<u8>) -> Message {
        let uid = self.next;
        self.next += 1;
        self.modseq += 1;
        Message { uid, flags, date, body, modseq: self.modseq }
    }

    /// Gives a message these flags, as one of its user's programs would.
    ///
    /// # Panics
    /// When there is no such message.
    pub fn set_flags(&mut self, uid: u32, flags: &[&str]) {
        self.modseq += 1;
        let message = self.messages.iter_mut().find(|m| m.uid == uid).expect("a message of the folder's");
        message.flags = flags.iter().map(ToString::to_string).collect();
        message.modseq = self.modseq;
    }

    /// Takes messages away, as their user would; their numbers are not given again.
    pub fn remove(&mut self, which: impl Fn(&Message) -> bool) {
        self.modseq += 1;
        self.messages.retain(|m| !which(m));
    }

    /// Numbers all messages anew from 1, in their order, under another UIDVALIDITY.
    pub fn renumber(&mut self) {
        self.validity += 1;
        for (uid, message) in (1..).zip(&mut self.messages) {
            message.uid = uid;
        }
        self.next = self.messages.last().map_or(1, |m| m.uid + 1);
    }

    pub(super) fn place(&self, uid: u32) -> Option<usize> {
        self.messages.iter().position(|m| m.uid == uid)
    }

    /// The UIDs of a set such as `1:3,7,9:*`, of messages that are there.
    pub(super) fn resolve(&self, set: &str) -> Vec<u32> {
        let last = self.messages.last().map_or(0, |m| m.uid);
        let number = |text: &str| if text == "*" { last } else { text.parse().unwrap_or(0) };
        let mut uids = Vec::new();
        for part in set.split(',') {
            let (from, to) = part.split_once(':').map_or((number(part), number(part)), |(from, to)| {
                let (from, to) = (number(from), number(to));
                (from.min(to), from.max(to))
            });
            uids.extend(self.messages.iter().map(|m| m.uid).filter(|uid| (from..=to).contains(uid)));
        }
        uids.sort_unstable();
        uids.dedup();
        uids
    }
}
