//! A logged-in session: one command at a time, each answer checked.
//!
//! async-imap speaks for the plain session commands, through the [gate](crate::gate); listing, status, quota, FETCH and
//! APPEND are written and read by us on the same wire. Nothing here retries.

use crate::capability::Namespaces;
use crate::command::{Answer, Command, quoted, until_tagged};
use crate::fetch::FetchState;
use crate::gate::Gate;
use crate::list::{self, SpecialUse};
use crate::pipeline::Manners;
use crate::reply::{Reply, Status, StatusLine, values};
use crate::token::Tokens;
use crate::wire::Wire;
use crate::{Flags, Folder, FolderName, ImapError, ServerFacts, Timeouts, UidSet};

/// STORE commands under way at once.
const STORES_IN_FLIGHT: usize = 16;
/// The longest UID list in one command, in bytes: half of the 8192 that servers are asked to take (RFC 7162 section 4).
pub(crate) const MAX_SET_BYTES: usize = 4000;

/// A logged-in connection. Dropping it closes it; [`Session::logout`] also says goodbye.
///
/// A call that is dropped before it returns leaves the connection unusable: every later call fails with `Closed`.
pub struct Session {
    imap: async_imap::Session<Gate>,
    facts: ServerFacts,
    namespaces: Namespaces,
    timeouts: Timeouts,
    tags: u64,
    selected: Option<(FolderName, Selected)>,
    pub(crate) fetching: Option<FetchState>,
    pub(crate) manners: Manners,
}

/// An open folder (RFC 9051 section 6.3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selected {
    /// How many messages it holds.
    pub exists: u32,
    /// The UIDVALIDITY; `None` when the server gave none or one outside 1 to 2^32-1, so that UIDs mean nothing later.
    pub uid_validity: Option<u32>,
    /// The next UID, by the server's account.
    pub uid_next: Option<u32>,
    /// The highest modification sequence (RFC 7162); `None` without CONDSTORE or with NOMODSEQ.
    pub highest_modseq: Option<u64>,
    /// The flags the folder keeps, `\*` for new keywords; `None` when the server did not say, which means all.
    pub permanent_flags: Option<Vec<String>>,
    /// Whether nothing can be written.
    pub read_only: bool,
}

/// A folder's figures without opening it (RFC 9051 section 6.3.11); `None` for each that the server did not give.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FolderStatus {
    /// How many messages it holds.
    pub messages: Option<u32>,
    /// The next UID.
    pub uid_next: Option<u32>,
    /// The UIDVALIDITY, when it is between 1 and 2^32-1.
    pub uid_validity: Option<u32>,
    /// The highest modification sequence (RFC 7162).
    pub highest_modseq: Option<u64>,
    /// All messages together in bytes (RFC 8438).
    pub size: Option<u64>,
}

/// Storage used and allowed (RFC 9208), of the quota root with the least room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Bytes in use.
    pub used: u64,
    /// Bytes allowed.
    pub limit: u64,
}

/// The commands that async-imap speaks.
enum Control<'a> {
    Examine(&'a str),
    Select(&'a str),
    Create(&'a str),
    Subscribe(&'a str),
    Noop,
    Logout,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("endpoint", &self.facts.endpoint).finish_non_exhaustive()
    }
}

impl Session {
    pub(crate) fn new(
        mut imap: async_imap::Session<Gate>,
        facts: ServerFacts,
        namespaces: Namespaces,
        timeouts: Timeouts,
    ) -> Result<Session, ImapError> {
        imap.get_mut().wire()?.finish();
        Ok(Session {
            imap,
            facts,
            namespaces,
            timeouts,
            tags: 0,
            selected: None,
            fetching: None,
            manners: Manners::default(),
        })
    }

    /// Returns what was learnt about the server at log-in.
    pub fn facts(&self) -> &ServerFacts {
        &self.facts
    }

    /// Returns the folder opened last, if it is still open.
    pub fn selected(&self) -> Option<(&FolderName, &Selected)> {
        self.selected.as_ref().map(|(name, selected)| (name, selected))
    }

    /// Returns the user's own folders, in the server's order, each once.
    ///
    /// Namespaces of other users and shared ones are left out. Roles and subscriptions come with LIST RETURN
    /// (RFC 5258, RFC 6154) where that works, else from plain LIST and LSUB.
    ///
    /// # Errors
    /// `No` or `Bad` when the server refuses to list; else only lost connections.
    pub async fn folders(&mut self) -> Result<Vec<Folder>, ImapError> {
        if self.facts.has("LIST-EXTENDED") && self.facts.has("SPECIAL-USE") {
            let extended = Command::new("LIST").text("\"\" \"*\" RETURN (SPECIAL-USE SUBSCRIBED)");
            // iCloud and others advertise it and answer BAD.
            match self.run(extended).await?.ok("LIST") {
                Ok(answer) => return Ok(list::read(&answer, None, &self.facts, &self.namespaces)),
                Err(error) => tracing::debug!(%error, "LIST RETURN was refused"),
            }
        }
        let xlist = self.facts.has("XLIST") && !self.facts.has("SPECIAL-USE");
        let mut listed = None;
        if xlist {
            listed = self.run(Command::new("XLIST").text("\"\" \"*\"")).await?.ok("XLIST").ok();
        }
        let listed = match listed {
            Some(answer) => answer,
            None => self.run(Command::new("LIST").text("\"\" \"*\"")).await?.ok("LIST")?,
        };
        let subscribed = self.run(Command::new("LSUB").text("\"\" \"*\"")).await?.ok("LSUB").ok();
        Ok(list::read(&listed, subscribed.as_ref(), &self.facts, &self.namespaces))
    }

    /// Returns a folder's figures. HIGHESTMODSEQ and SIZE are asked for only where they are advertised.
    ///
    /// # Errors
    /// `No` when the folder does not exist or cannot be looked into.
    pub async fn status(&mut self, folder: &FolderName) -> Result<FolderStatus, ImapError> {
        let mut items = "(MESSAGES UIDNEXT UIDVALIDITY".to_owned();
        if self.facts.has("CONDSTORE") || self.facts.has("QRESYNC") {
            items.push_str(" HIGHESTMODSEQ");
        }
        if self.facts.has("STATUS=SIZE") {
            items.push_str(" SIZE");
        }
        items.push(')');
        let command = Command::new("STATUS").string("the folder name", &folder.0).text(&items);
        let answer = self.run(command).await?.ok("STATUS")?;
        Ok(read_status(&answer, folder))
    }

    /// Opens a folder for reading only: the server changes nothing, not even `\Recent` (RFC 9051 section 6.3.3).
    ///
    /// # Errors
    /// `No` when it cannot be opened; no folder is open then.
    pub async fn examine(&mut self, folder: &FolderName) -> Result<Selected, ImapError> {
        self.open(folder, true).await
    }

    /// Opens a folder for reading and writing.
    ///
    /// # Errors
    /// `No` when it cannot be opened; no folder is open then.
    pub async fn select(&mut self, folder: &FolderName) -> Result<Selected, ImapError> {
        self.open(folder, false).await
    }

    async fn open(&mut self, folder: &FolderName, read_only: bool) -> Result<Selected, ImapError> {
        self.selected = None;
        let name = if read_only { "EXAMINE" } else { "SELECT" };
        let answer = match plain(folder) {
            Some(text) if read_only => self.control(name, Control::Examine(text)).await?,
            Some(text) => self.control(name, Control::Select(text)).await?,
            None => self.run(Command::new(name).string("the folder name", &folder.0)).await?,
        };
        let mut selected = read_selected(&answer.ok(name)?);
        selected.read_only |= read_only;
        self.selected = Some((folder.clone(), selected.clone()));
        Ok(selected)
    }

    /// Creates a folder, with a role where the server takes one (RFC 6154 section 3). A folder that exists already is
    /// success.
    ///
    /// # Errors
    /// `No` when the server will not create it.
    pub async fn create(&mut self, folder: &FolderName, role: Option<&SpecialUse>) -> Result<(), ImapError> {
        if let Some(token) = role.and_then(SpecialUse::settable)
            && self.facts.has("CREATE-SPECIAL-USE")
        {
            let uses = format!("(USE ({token}))");
            let command = Command::new("CREATE").string("the folder name", &folder.0).text(&uses);
            match created(self.run(command).await?) {
                Ok(()) => return Ok(()),
                // Another folder has the role, or the server knows none for new folders: the folder still matters.
                Err(error) => tracing::debug!(%error, "CREATE with a role was refused"),
            }
        }
        let answer = match plain(folder) {
            Some(text) => self.control("CREATE", Control::Create(text)).await?,
            None => self.run(Command::new("CREATE").string("the folder name", &folder.0)).await?,
        };
        created(answer)
    }

    /// Subscribes to a folder.
    ///
    /// # Errors
    /// `No` when the server refuses.
    pub async fn subscribe(&mut self, folder: &FolderName) -> Result<(), ImapError> {
        let answer = match plain(folder) {
            Some(text) => self.control("SUBSCRIBE", Control::Subscribe(text)).await?,
            None => self.run(Command::new("SUBSCRIBE").string("the folder name", &folder.0)).await?,
        };
        answer.ok("SUBSCRIBE").map(drop)
    }

    /// Returns how much room the account has, or `None` when the server has no quota or does not tell.
    ///
    /// # Errors
    /// Only lost connections.
    pub async fn quota(&mut self) -> Result<Option<Quota>, ImapError> {
        if !self.facts.has("QUOTA") {
            return Ok(None);
        }
        let answer = self.run(Command::new("GETQUOTAROOT").text("\"INBOX\"")).await?;
        Ok(answer.ok("GETQUOTAROOT").ok().and_then(|answer| read_quota(&answer)))
    }

    /// Asks for nothing: keeps the connection open and shows whether it is.
    ///
    /// # Errors
    /// Any sign that the connection is no longer good.
    pub async fn noop(&mut self) -> Result<(), ImapError> {
        self.control("NOOP", Control::Noop).await?.ok("NOOP").map(drop)
    }

    /// Ends the session politely. The connection is closed whatever the result.
    ///
    /// # Errors
    /// When the connection was lost before the server agreed; nothing needs to be done about it.
    pub async fn logout(mut self) -> Result<(), ImapError> {
        let answer = self.control("LOGOUT", Control::Logout).await?;
        answer.ok("LOGOUT").map(drop)
    }

    /// Adds (`add`) or removes `flags` on messages of the open folder, silently (RFC 9051 section 6.4.9).
    ///
    /// Only tokens that cannot break the command are sent; a set without any sends nothing. UIDs that do not exist are
    /// no error.
    ///
    /// # Errors
    /// The first `No` or `Bad`, after all parts were answered.
    pub async fn store_flags(&mut self, uids: &[u32], add: bool, flags: &Flags) -> Result<(), ImapError> {
        let tokens = flags.to_store();
        let set = UidSet::from(uids);
        if tokens == "()" || set.is_empty() {
            return Ok(());
        }
        self.settle().await?;
        let sign = if add { '+' } else { '-' };
        let mut refused = None;
        for group in set.chunks(u32::MAX, MAX_SET_BYTES).chunks(STORES_IN_FLIGHT) {
            let tags: Vec<String> = group.iter().map(|_| self.next_tag()).collect();
            let wire = self.imap.get_mut().wire()?;
            wire.begin("STORE")?;
            for (tag, part) in tags.iter().zip(group) {
                let line = format!("{tag} UID STORE {} {sign}FLAGS.SILENT {tokens}\r\n", part.to_wire());
                wire.writer.push(line.as_bytes());
            }
            wire.flush().await?;
            // Plain commands without literals are answered in order; a tag out of order ends the connection.
            for tag in &tags {
                let mut data = Vec::new();
                let line = until_tagged(wire, tag, &mut data).await?;
                wire.reader.progress();
                if let Err(error) = (Answer { data, line }).ok("STORE") {
                    refused.get_or_insert(error);
                }
            }
            wire.finish();
        }
        refused.map_or(Ok(()), Err)
    }

    /// Runs one of async-imap's calls and returns what the gate saw.
    async fn control(&mut self, name: &'static str, call: Control<'_>) -> Result<Answer, ImapError> {
        self.settle().await?;
        self.imap.get_mut().begin(name)?;
        // The results are dropped on purpose: several of them are `Ok` for NO and for a dead connection.
        let outcome = match call {
            Control::Examine(folder) => self.imap.examine(folder).await.map(drop),
            Control::Select(folder) => self.imap.select(folder).await.map(drop),
            Control::Create(folder) => self.imap.create(folder).await,
            Control::Subscribe(folder) => self.imap.subscribe(folder).await,
            Control::Noop => self.imap.noop().await,
            Control::Logout => self.imap.logout().await,
        };
        let result = self.imap.get_mut().finish(outcome);
        if let Err(ImapError::Closed { .. }) = &result
            && let Ok(wire) = self.imap.get_mut().wire()
        {
            // Writing failed; the server's last words may still be there to read.
            if let Err(bye @ ImapError::Bye { .. }) = wire.flush().await {
                return Err(bye);
            }
        }
        result
    }

    /// Runs a command of our own.
    pub(crate) async fn run(&mut self, command: Command) -> Result<Answer, ImapError> {
        self.settle().await?;
        let tag = self.next_tag();
        command.run(self.imap.get_mut().wire()?, &tag).await
    }

    pub(crate) fn next_tag(&mut self) -> String {
        self.tags += 1;
        format!("M{}", self.tags)
    }

    pub(crate) fn wire(&mut self) -> Result<&mut Wire, ImapError> {
        self.imap.get_mut().wire()
    }

    pub(crate) fn gate(&mut self) -> &mut Gate {
        self.imap.get_mut()
    }

    pub(crate) fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }
}

/// The name for async-imap, which quotes it itself; `None` when it needs a literal.
fn plain(folder: &FolderName) -> Option<&str> {
    quoted(&folder.0)?;
    std::str::from_utf8(&folder.0).ok()
}

fn created(answer: Answer) -> Result<(), ImapError> {
    match answer.ok("CREATE") {
        Ok(_) => Ok(()),
        Err(error) => {
            let exists = error.code() == Some("ALREADYEXISTS")
                || matches!(&error, ImapError::No { text, .. } if text.to_ascii_lowercase().contains("already exist"));
            if exists { Ok(()) } else { Err(error) }
        }
    }
}

fn read_selected(answer: &Answer) -> Selected {
    let mut selected = Selected::default();
    for reply in &answer.data {
        if let Reply::Data { number: Some(number), word, .. } = reply
            && word == "EXISTS"
        {
            selected.exists = *number;
        }
    }
    for line in answer.status_lines() {
        read_code(line, &mut selected);
    }
    selected
}

fn read_code(line: &StatusLine, selected: &mut Selected) {
    if !matches!(line.status, Status::Ok | Status::No) {
        return;
    }
    match line.code.as_deref() {
        Some("UIDVALIDITY") => selected.uid_validity = line.code_number("UIDVALIDITY").and_then(nonzero),
        Some("UIDNEXT") => selected.uid_next = line.code_number("UIDNEXT").and_then(nonzero),
        Some("HIGHESTMODSEQ") => {
            selected.highest_modseq = line.code_number("HIGHESTMODSEQ").filter(|n| *n > 0)
        }
        Some("READ-ONLY") => selected.read_only = true,
        Some("PERMANENTFLAGS") => {
            let list = Tokens::new(&line.arguments).next_value();
            selected.permanent_flags =
                list.map(|list| list.items().iter().filter_map(|flag| flag.text()).collect());
        }
        _ => {}
    }
}

fn nonzero(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| *number > 0)
}

fn read_status(answer: &Answer, folder: &FolderName) -> FolderStatus {
    let mut status = FolderStatus::default();
    let replies: Vec<_> = answer
        .data
        .iter()
        .filter_map(|reply| match reply {
            Reply::Data { number, word, response } if word == "STATUS" => Some(values(response, *number)),
            _ => None,
        })
        .collect();
    let only = replies.len() == 1;
    for mut tokens in replies {
        // The name may come back in another spelling; when there is one answer, it is ours.
        let Some(name) = tokens.next_value() else { continue };
        if !only && name.bytes() != Some(&folder.0) {
            continue;
        }
        let Some(list) = tokens.next_value() else { continue };
        for pair in list.items().chunks(2) {
            let [item, value] = pair else { continue };
            let number = value.number();
            match item.text().unwrap_or_default().to_ascii_uppercase().as_str() {
                "MESSAGES" => status.messages = number.and_then(|n| u32::try_from(n).ok()),
                "UIDNEXT" => status.uid_next = number.and_then(nonzero),
                "UIDVALIDITY" => status.uid_validity = number.and_then(nonzero),
                "HIGHESTMODSEQ" => status.highest_modseq = number.filter(|n| *n > 0),
                "SIZE" => status.size = number,
                _ => {}
            }
        }
    }
    status
}

fn read_quota(answer: &Answer) -> Option<Quota> {
    /// STORAGE counts in units of 1024 bytes (RFC 9208 section 5.1).
    const UNIT: u64 = 1024;
    let mut tightest: Option<Quota> = None;
    for reply in &answer.data {
        let Reply::Data { number, word, response } = reply else { continue };
        if word != "QUOTA" {
            continue;
        }
        let Some(list) = values(response, *number).nth(1) else { continue };
        for triple in list.items().chunks(3) {
            let [name, used, limit] = triple else { continue };
            if let (true, Some(used), Some(limit)) = (name.is_word("STORAGE"), used.number(), limit.number())
            {
                let quota = Quota { used: used.saturating_mul(UNIT), limit: limit.saturating_mul(UNIT) };
                let room = |quota: &Quota| quota.limit.saturating_sub(quota.used);
                if tightest.as_ref().is_none_or(|other| room(&quota) < room(other)) {
                    tightest = Some(quota);
                }
            }
        }
    }
    tightest
}
