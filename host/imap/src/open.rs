//! Opening a folder, and getting a target's folder ready: created, subscribed and open in one round trip.

use crate::bounds;
use crate::command::{Answer, Command};
use crate::fetch::Collected;
use crate::reply::{Reply, Status, StatusLine, values};
use crate::token::Tokens;
use crate::{FetchItems, Fetched, FolderName, ImapError, Session, SpecialUse, UidSet, list, status};

/// Folders above one that is wanted which are created for it, at most.
const MAX_ABOVE: usize = 64;

/// What is opened and listed in one round trip has no more messages, by whoever asks for it.
const FEW: u32 = 2_000;

/// An open folder (RFC 9051 section 6.3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selected {
    /// How many messages it held when it was opened.
    pub exists: u32,
    /// The UIDVALIDITY; `None` when the server gave none or one outside 1 to 2^32-1, so that UIDs mean
    /// nothing later.
    pub uid_validity: Option<u32>,
    /// The next UID, by the server's account.
    pub uid_next: Option<u32>,
    /// The highest modification sequence (RFC 7162); `None` without CONDSTORE or with NOMODSEQ.
    pub highest_modseq: Option<u64>,
    /// The flags the folder keeps, `\*` for new keywords; `None` when the server did not say, which means
    /// all.
    pub permanent_flags: Option<Vec<String>>,
    /// Whether nothing can be written.
    pub read_only: bool,
    /// What stays the same when the folder is renamed (RFC 8474).
    pub mailbox_id: Option<String>,
}

/// What [`Session::prepare`] is to do beside opening the folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Preparation<'a> {
    /// Whether to create it.
    pub create: bool,
    /// The role to create it with, where the server takes one (RFC 6154 section 3).
    pub role: Option<&'a SpecialUse>,
    /// Whether to subscribe to it.
    pub subscribe: bool,
}

/// A folder that is ready to be written to.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The open folder.
    pub selected: Selected,
    /// Whether this call created it; `false` when it was there.
    pub created: bool,
    /// Whether the server lists the folder under this very name; `None` when that was not asked, since it was
    /// not to be created, or not answered. Where it does not, the name stands for another folder: servers
    /// fold case and accents, and take blanks away.
    pub listed: Option<bool>,
    /// Why the folder could not be subscribed to. It is usable all the same.
    pub not_subscribed: Option<ImapError>,
}

impl Session {
    /// Creates, subscribes to and opens a folder for writing, as far as `preparation` says, in one round
    /// trip.
    ///
    /// A folder that exists already is success. So is one that the server will not create and yet opens. A
    /// role the server refuses costs one more round trip and is given up. Where a new folder is refused,
    /// those above it are created first: servers may want them, though they SHOULD make them by themselves
    /// (RFC 9051 section 6.3.4).
    ///
    /// # Errors
    /// `No` when the folder can be neither created nor opened, with the words against creating it; no folder
    /// is open then.
    pub async fn prepare(
        &mut self,
        folder: &FolderName,
        preparation: Preparation<'_>,
    ) -> Result<Prepared, ImapError> {
        let role = preparation
            .role
            .filter(|_| preparation.create && self.facts().has("CREATE-SPECIAL-USE"))
            .and_then(SpecialUse::settable);
        let first = self.prepare_once(folder, preparation, role).await?;
        let outcome = match first {
            Attempt { created: Some(Err(error)), selected: Err(_), .. } if role.is_some() => {
                // Another folder has the role, or the server knows none for new folders: the folder still
                // matters.
                tracing::debug!(%error, "CREATE with a role was refused");
                self.prepare_once(folder, preparation, None).await?
            }
            first => first,
        };
        let refused = matches!(
            &outcome,
            Attempt { created: Some(Err(_)), selected: Err(error), .. } if !matches!(error, ImapError::Excess { .. })
        );
        let outcome = match self.above(folder) {
            above if refused && !above.is_empty() => {
                self.create_above(above).await?;
                self.prepare_once(folder, preparation, None).await?
            }
            _ => outcome,
        };
        let created = matches!(outcome.created, Some(Ok(true)));
        match (outcome.selected, outcome.created) {
            (Ok(selected), _) => {
                self.set_selected(folder, &selected);
                let (listed, not_subscribed) = (outcome.listed, outcome.subscribed.and_then(Result::err));
                Ok(Prepared { selected, created, listed, not_subscribed })
            }
            // A folder that holds too much is there, whatever is said against creating it.
            (Err(error @ ImapError::Excess { .. }), _) => Err(error),
            (Err(_), Some(Err(error))) | (Err(error), _) => Err(error),
        }
    }

    /// The names of the folders above this one, topmost first, without the personal namespace itself.
    fn above(&self, folder: &FolderName) -> Vec<FolderName> {
        let Some(delimiter) = self.facts().delimiter.and_then(|d| u8::try_from(d).ok()) else {
            return Vec::new();
        };
        let ends = memchr::memchr_iter(delimiter, &folder.0);
        let above = ends.filter_map(|end| folder.0.get(..end)).filter(|name| !name.is_empty());
        let root = self.facts().namespace_prefix.trim_end_matches(char::from(delimiter)).as_bytes().to_vec();
        let above =
            above.filter(|name| !name.eq_ignore_ascii_case(&root) && !name.eq_ignore_ascii_case(b"INBOX"));
        above.take(MAX_ABOVE).map(|name| FolderName(name.to_vec())).collect()
    }

    /// Creates folders that are there or not: what matters is whether the one below them can be created then.
    async fn create_above(&mut self, folders: Vec<FolderName>) -> Result<(), ImapError> {
        for folder in folders {
            let create = Command::new("CREATE").string("the folder name", &folder.0);
            match self.run(create).await?.ok("CREATE") {
                Ok(_) => tracing::debug!(%folder, "created for what is below it"),
                Err(error) => tracing::debug!(%folder, %error, "not created"),
            }
        }
        Ok(())
    }

    /// Opens a folder as [`Session::examine`] does and lists it ([`FetchItems::Meta`]) in the same round
    /// trip. For folders known to be small: the list is collected whole. `None` in its place when the server
    /// refuses it, or says more or less than the folder holds: then it is to be asked for.
    ///
    /// # Errors
    /// As [`Session::examine`].
    pub async fn examine_and_list(
        &mut self,
        folder: &FolderName,
    ) -> Result<(Selected, Option<Vec<Fetched>>), ImapError> {
        if self.reading().most(FetchItems::Meta).is_some() {
            return Ok((self.examine(folder).await?, None));
        }
        self.settle().await?;
        self.forget_selected()?;
        let mut answers = self.run_lists(examine_and_list(folder).into()).await?.into_iter();
        let lost = || ImapError::Protocol { what: "a command ended without its status".to_owned() };
        // Where the folder cannot be opened, the list is refused as well: no folder is open (RFC 9051 section
        // 6.3.2).
        let opened = answers.next().ok_or_else(lost)??.ok("EXAMINE")?;
        let selected = self.examined(folder, &opened)?;
        let listed = listed(answers.next().ok_or_else(lost)?, &selected);
        Ok((selected, listed))
    }

    /// Looks into several folders as [`Session::examine_and_list`] does into one, two commands each and all
    /// of them in one round trip; none is open afterwards. For folders known to be small, a few thousand
    /// messages in all: their lists are collected whole. `None` for one that the server does not open, or
    /// whose list it refuses or gives in another length than it counts.
    ///
    /// # Errors
    /// Only lost connections.
    pub async fn examine_and_list_each(
        &mut self,
        folders: &[FolderName],
    ) -> Result<Vec<Option<(Selected, Vec<Fetched>)>>, ImapError> {
        self.settle().await?;
        self.forget_selected()?;
        if self.reading().most(FetchItems::Meta).is_some() {
            return Ok(vec![None; folders.len()]);
        }
        let commands = folders.iter().flat_map(examine_and_list).collect();
        let mut answers = self.run_lists(commands).await?.into_iter();
        let mut looks = Vec::with_capacity(folders.len());
        while let (Some(opened), Some(list)) = (answers.next(), answers.next()) {
            let opened = opened.and_then(|answer| answer.ok("EXAMINE")).ok().filter(tells_exists);
            looks.push(opened.and_then(|opened| {
                let selected = Selected { read_only: true, ..read_selected(&opened).ok()? };
                let listed = listed(list, &selected)?;
                Some((selected, listed))
            }));
        }
        Ok(looks)
    }

    /// Runs commands that list folders; where the connection ends at them, further lists are asked for in
    /// smaller parts.
    async fn run_lists(
        &mut self,
        commands: Vec<Command>,
    ) -> Result<Vec<Result<Answer, ImapError>>, ImapError> {
        let answers = self.run_all(commands).await;
        if let Err(error) = &answers {
            self.reading().ended_listing(FetchItems::Meta, FEW, error);
        }
        answers
    }

    /// Whether opening a folder tells all that [`Session::status`] would.
    pub fn opening_tells_status(&self) -> bool {
        status::items(self.facts()) == status::BASE
    }

    async fn prepare_once(
        &mut self,
        folder: &FolderName,
        preparation: Preparation<'_>,
        role: Option<&str>,
    ) -> Result<Attempt, ImapError> {
        self.settle().await?;
        self.forget_selected()?;
        let on = |name| Command::new(name).string("the folder name", &folder.0);
        let mut commands = Vec::new();
        if preparation.create {
            commands.push(match role {
                Some(role) => on("CREATE").text(&format!("(USE ({role}))")),
                None => on("CREATE"),
            });
        }
        if preparation.subscribe {
            commands.push(on("SUBSCRIBE"));
        }
        if preparation.create {
            commands.push(Command::new("LIST").text("\"\"").string("the folder name", &folder.0));
        }
        commands.push(on("SELECT"));
        let mut answers = self.run_all(commands).await?.into_iter();
        let lost = || ImapError::Protocol { what: "a command ended without its status".to_owned() };
        let mut next = || answers.next().ok_or_else(lost);
        let created = if preparation.create { Some(next()?.and_then(created)) } else { None };
        let subscribed = if preparation.subscribe {
            Some(next()?.and_then(|one| one.ok("SUBSCRIBE")).map(drop))
        } else {
            None
        };
        let listed = if preparation.create {
            next()?.and_then(|one| one.ok("LIST")).ok().map(|answer| list::names(&answer, folder))
        } else {
            None
        };
        let selected = next()?.and_then(|one| one.ok("SELECT")).and_then(|one| read_selected(&one));
        Ok(Attempt { created, subscribed, listed, selected })
    }
}

fn examine_and_list(folder: &FolderName) -> [Command; 2] {
    [
        Command::new("EXAMINE").string("the folder name", &folder.0),
        Command::new("UID FETCH").text("1:*").text(FetchItems::Meta.to_wire()),
    ]
}

/// The list of a folder; `None` when it is refused, or says more or less than the folder holds.
fn listed(answer: Result<Answer, ImapError>, selected: &Selected) -> Option<Vec<Fetched>> {
    let answer = answer.and_then(|answer| answer.ok("UID FETCH")).ok()?;
    let mut collected = Collected::default();
    answer.data.iter().for_each(|reply| collected.take(reply, FetchItems::Meta));
    let listed = collected.finish(FetchItems::Meta);
    (listed.len() == selected.exists as usize).then_some(listed)
}

struct Attempt {
    created: Option<Result<bool, ImapError>>,
    subscribed: Option<Result<(), ImapError>>,
    listed: Option<bool>,
    selected: Result<Selected, ImapError>,
}

/// Whether CREATE made the folder; `false` when it was there.
pub(crate) fn created(answer: Answer) -> Result<bool, ImapError> {
    match answer.ok("CREATE") {
        Ok(_) => Ok(true),
        Err(error) => {
            let exists = error.code() == Some("ALREADYEXISTS")
                || matches!(&error, ImapError::No { text, .. } if text.to_ascii_lowercase().contains("already exist"));
            if exists { Ok(false) } else { Err(error) }
        }
    }
}

/// Reads the answer to SELECT or EXAMINE. What stands before `[CLOSED]` is about the folder before (RFC 7162
/// section 3.2.11).
///
/// # Errors
/// `Excess` when the folder holds more than is plausible.
pub(crate) fn read_selected(answer: &Answer) -> Result<Selected, ImapError> {
    let mut selected = Selected::default();
    for reply in &answer.data {
        match reply {
            Reply::Untagged(line) if line.code.as_deref() == Some("CLOSED") => selected = Selected::default(),
            Reply::Untagged(line) => read_code(line, &mut selected),
            other => {
                if let Some(Change::Exists(exists)) = Change::read(other) {
                    selected.exists = exists;
                }
            }
        }
    }
    read_code(&answer.line, &mut selected);
    bounds::messages(selected.exists)?;
    Ok(selected)
}

/// Whether the answer says how many messages there are (RFC 9051 section 6.3.2 demands it).
pub(crate) fn tells_exists(answer: &Answer) -> bool {
    answer.data.iter().any(|reply| matches!(Change::read(reply), Some(Change::Exists(_))))
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
        Some("NOMODSEQ") => selected.highest_modseq = None,
        Some("READ-ONLY") => selected.read_only = true,
        Some("PERMANENTFLAGS") => {
            let list = Tokens::new(&line.arguments).next_value();
            selected.permanent_flags =
                list.map(|list| list.items().iter().filter_map(|flag| flag.text()).collect());
        }
        Some("MAILBOXID") => {
            let list = Tokens::new(&line.arguments).next_value();
            selected.mailbox_id = list.as_ref().and_then(status::mailbox_id);
        }
        _ => {}
    }
}

/// A change of the open folder that a server may tell at any time (RFC 9051 section 7.4, RFC 7162 section
/// 3.2.10).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// How many messages there are now.
    Exists(u32),
    /// One message is gone.
    Expunged,
    /// The messages with these UIDs are gone; `earlier` ones were never counted.
    Vanished { uids: UidSet, earlier: bool },
}

impl Change {
    pub(crate) fn read(reply: &Reply) -> Option<Change> {
        let Reply::Data { number, word, response } = reply else { return None };
        match (word.as_str(), number) {
            ("EXISTS", Some(number)) => Some(Change::Exists(*number)),
            ("EXPUNGE", Some(_)) => Some(Change::Expunged),
            ("VANISHED", None) => {
                let mut tokens = values(response, *number);
                let first = tokens.next_value()?;
                let earlier = first.items().iter().any(|one| one.is_word("EARLIER"));
                let set = if first.items().is_empty() { first } else { tokens.next_value()? };
                UidSet::parse(set.bytes()?).map(|uids| Change::Vanished { uids, earlier })
            }
            _ => None,
        }
    }
}

/// A UID or UIDVALIDITY: between 1 and 2^32-1.
pub(crate) fn nonzero(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| *number > 0)
}
