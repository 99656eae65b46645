//! A logged-in session: one command at a time, each answer checked.
//!
//! async-imap speaks for the plain session commands, through the [gate]; listing, status, quota,
//! FETCH and APPEND are written and read by us on the same wire. Nothing here retries.

mod alike;
pub(crate) mod append_state;
pub(crate) mod backoff;
pub(crate) mod changes;
pub(crate) mod edit;
pub(crate) mod fetch;
pub(crate) mod fetch_history;
pub(crate) mod fetch_state;
mod folders;
pub(crate) mod gate;
mod idle;
mod list;
pub(crate) mod open;
mod status;
mod survey;
pub(crate) mod unlisted;
pub(crate) mod window;

use std::time::Duration;

use crate::command::batch::{Budget, run_all};
use crate::command::capability::{KnownServer, Namespaces};
use crate::command::selected::{created, has_exists, read_selected};
use crate::command::{Answer, Command, quoted};
use crate::session::append_state::{AcceptedForms, AppendState};
use crate::session::fetch_history::FetchHistory;
use crate::session::fetch_state::FetchState;
use crate::session::gate::Gate;
use crate::syntax::reply::{Reply, StatusLine, values};
use crate::types::bounds;
use crate::types::error::ImapError;
use crate::types::facts::ServerFacts;
use crate::types::folder::SpecialUse;
use crate::types::name::FolderName;
use crate::types::selected::Selected;
use crate::types::timeouts::Timeouts;
use crate::wire::Wire;

/// How long a connection may be quiet before [`Session::keep_alive`] sends NOOP: the strictest servers hang
/// up after a few minutes.
pub const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(50);

/// A logged-in connection, one command at a time. Dropping it closes it; [`Session::logout`] also says
/// goodbye.
///
/// A call that is dropped before it returns leaves the connection unusable: every later call fails with
/// `Closed`.
pub struct Session {
    imap: async_imap::Session<Gate>,
    known: KnownServer,
    /// The server's facts without what [`Session::restrain`] has struck out.
    facts: ServerFacts,
    timeouts: Timeouts,
    tags: u64,
    /// Whether QRESYNC was enabled, and the server's VANISHED can be believed.
    qresync: bool,
    /// Whether each command waits for the answer to the one before.
    one_at_a_time: bool,
    selected: Option<(FolderName, Selected)>,
    /// Messages stored in the open folder since it was opened.
    stored: u32,
    pub(crate) fetching: Option<FetchState>,
    pub(crate) append_state: AppendState,
    fetch_history: FetchHistory,
}

/// What of a server is not to be used, though it says otherwise or nothing; from its profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restraint {
    /// Capabilities to be treated as absent, in any case, with or without their `=value`.
    pub avoid: Vec<String>,
    /// The largest message APPEND takes, in bytes, where the server does not say (RFC 7889).
    pub append_limit: Option<u64>,
    /// Whether each command has to wait for the answer to the one before, so that nothing is pipelined.
    pub one_at_a_time: bool,
}

/// Storage used and allowed (RFC 9208), of the quota root with the least room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Bytes that the account's messages take.
    pub used: u64,
    /// Bytes that they may take.
    pub limit: u64,
}

/// The commands that go through async-imap, with the folder's name where they have one.
enum PlainCommand<'a> {
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
        known: KnownServer,
        qresync: bool,
        timeouts: Timeouts,
    ) -> Result<Session, ImapError> {
        imap.get_mut().wire()?.finish();
        Ok(Session {
            imap,
            facts: known.facts.clone(),
            known,
            timeouts,
            tags: 0,
            qresync,
            one_at_a_time: false,
            selected: None,
            stored: 0,
            fetching: None,
            append_state: AppendState::default(),
            fetch_history: FetchHistory::default(),
        })
    }

    /// Returns what the server said about itself, without what [`Session::restrain`] has struck out.
    pub fn facts(&self) -> &ServerFacts {
        &self.facts
    }

    /// Returns what setting up this session has shown, restrained or not, for a further connection; see
    /// [`connect_beside`](crate::connect_beside).
    pub fn known(&self) -> &KnownServer {
        &self.known
    }

    /// Strikes out, from now on, what does not work on this server though it offers it.
    pub fn restrain(&mut self, restraint: &Restraint) {
        let names = |one: &str| restraint.avoid.iter().any(|avoid| avoid.eq_ignore_ascii_case(one));
        let avoided = |offered: &str| {
            let name = offered.split_once('=').map_or(offered, |(name, _)| name);
            // QRESYNC is CONDSTORE and more (RFC 7162).
            names(offered) || names(name) || (name.eq_ignore_ascii_case("QRESYNC") && names("CONDSTORE"))
        };
        if avoided("APPENDLIMIT") {
            self.facts.append_limit = None;
        }
        self.qresync &= !avoided("QRESYNC");
        self.facts.capabilities.retain(|offered| !avoided(offered));
        // What the server itself says is worth more.
        self.facts.append_limit = self.facts.append_limit.or(restraint.append_limit);
        self.one_at_a_time |= restraint.one_at_a_time;
    }

    /// Whether each command waits for the answer to the one before.
    pub(crate) fn is_one_at_a_time(&self) -> bool {
        self.one_at_a_time
    }

    /// Returns the folder opened last, as it was then, if it is still open.
    pub fn selected(&self) -> Option<(&FolderName, &Selected)> {
        self.selected.as_ref().map(|(name, selected)| (name, selected))
    }

    /// Opens a folder for reading only: the server changes nothing, not even `\Recent` (RFC 9051 section
    /// 6.3.3).
    ///
    /// # Errors
    /// `No` when it cannot be opened; no folder is open then.
    pub async fn examine(&mut self, folder: &FolderName) -> Result<Selected, ImapError> {
        self.open(folder, true).await
    }

    /// Opens a folder for reading and writing (RFC 9051 section 6.3.2).
    ///
    /// # Errors
    /// `No` when it cannot be opened; no folder is open then.
    pub async fn select(&mut self, folder: &FolderName) -> Result<Selected, ImapError> {
        self.open(folder, false).await
    }

    async fn open(&mut self, folder: &FolderName, read_only: bool) -> Result<Selected, ImapError> {
        self.drain_fetch().await?;
        self.forget_selected()?;
        let name = if read_only { "EXAMINE" } else { "SELECT" };
        let answer = match plain(folder) {
            Some(text) if read_only => self.run_plain(name, PlainCommand::Examine(text)).await?,
            Some(text) => self.run_plain(name, PlainCommand::Select(text)).await?,
            None => self.run(Command::new(name).string("the folder name", &folder.0)).await?,
        };
        let answer = answer.ok(name)?;
        if read_only {
            return self.examined(folder, &answer);
        }
        let selected = read_selected(&answer)?;
        self.set_selected(folder, &selected);
        Ok(selected)
    }

    /// Reads EXAMINE's answer and makes the folder the open one.
    pub(crate) fn examined(&mut self, folder: &FolderName, answer: &Answer) -> Result<Selected, ImapError> {
        // A source is opened for reading only, and without its count it would pass for empty.
        if !has_exists(answer) {
            let what = "a folder was opened without a word on how many messages it holds".to_owned();
            return Err(self.imap.get_mut().wire()?.reader.fail(ImapError::Protocol { what }));
        }
        let selected = Selected { read_only: true, ..read_selected(answer)? };
        self.set_selected(folder, &selected);
        Ok(selected)
    }

    /// Creates a folder, with a role where the server takes one (RFC 6154 section 3). A folder that exists
    /// already is success.
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
                Ok(_) => return Ok(()),
                // Another folder has the role, or the server knows none for new folders: the folder still
                // matters.
                Err(error) => tracing::debug!(%error, "CREATE with a role was refused"),
            }
        }
        let answer = match plain(folder) {
            Some(text) => self.run_plain("CREATE", PlainCommand::Create(text)).await?,
            None => self.run(Command::new("CREATE").string("the folder name", &folder.0)).await?,
        };
        created(answer).map(drop)
    }

    /// Subscribes to a folder (RFC 9051 section 6.3.7). Servers may refuse one that does not exist.
    ///
    /// # Errors
    /// `No` when the server refuses.
    pub async fn subscribe(&mut self, folder: &FolderName) -> Result<(), ImapError> {
        let answer = match plain(folder) {
            Some(text) => self.run_plain("SUBSCRIBE", PlainCommand::Subscribe(text)).await?,
            None => self.run(Command::new("SUBSCRIBE").string("the folder name", &folder.0)).await?,
        };
        answer.ok("SUBSCRIBE").map(drop)
    }

    /// Makes the next pause as short as the first one was: the server took messages between its requests for
    /// patience.
    pub fn reset_backoff(&mut self) {
        self.append_state.backoff.reset();
    }

    /// Ends the pause that the server asked for: it was about single messages, which are not sent any more.
    pub fn end_backoff(&mut self) {
        self.append_state.backoff.reset();
        self.append_state.backoff.end_pause();
    }

    /// Returns how much room the account has (RFC 9208), or `None` when the server has no quota or does not
    /// tell.
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

    /// Sends NOOP: keeps the connection open and shows whether it is.
    ///
    /// # Errors
    /// Any sign that the connection is no longer good.
    pub async fn noop(&mut self) -> Result<(), ImapError> {
        self.run_plain("NOOP", PlainCommand::Noop).await?.ok("NOOP").map(drop)
    }

    /// Sends NOOP where nothing was asked for [`KEEP_ALIVE_AFTER`], so that the server does not take the
    /// connection for left while the other end of a migration makes us wait.
    ///
    /// # Errors
    /// Lost connections only: a server that refuses NOOP has shown that it is there.
    pub async fn keep_alive(&mut self) -> Result<(), ImapError> {
        let quiet = self.imap.get_mut().wire()?.quiet_for();
        if quiet < KEEP_ALIVE_AFTER || self.fetching.as_ref().is_some_and(|fetch| !fetch.is_over()) {
            return Ok(());
        }
        match self.noop().await {
            Err(error) if error.is_connection_lost() => Err(error),
            _ => Ok(()),
        }
    }

    /// Shares the accepted forms of APPEND with other connections to the same mailbox: what one of them had
    /// to ask for, none has to ask again.
    pub fn share_accepted_forms(&mut self, forms: &AcceptedForms) {
        self.append_state.accepted = forms.clone();
    }

    /// Shares the history of fetching with other connections to the same account, earlier and later ones as
    /// well.
    pub fn share_fetch_history(&mut self, history: &FetchHistory) {
        self.fetch_history = history.clone();
    }

    /// Returns what fetching from this account has shown.
    pub fn fetch_history(&self) -> &FetchHistory {
        &self.fetch_history
    }

    /// Ends the session with LOGOUT. The connection is closed whatever the result.
    ///
    /// # Errors
    /// When the connection was lost before the server agreed; nothing needs to be done about it.
    pub async fn logout(mut self) -> Result<(), ImapError> {
        let answer = self.run_plain("LOGOUT", PlainCommand::Logout).await?;
        answer.ok("LOGOUT").map(drop)
    }

    /// Runs one of async-imap's calls and returns what the gate saw.
    async fn run_plain(&mut self, name: &'static str, call: PlainCommand<'_>) -> Result<Answer, ImapError> {
        self.drain_fetch().await?;
        self.imap.get_mut().begin(name)?;
        // The results are dropped on purpose: several of them are `Ok` for NO and for a dead connection.
        let outcome = match call {
            PlainCommand::Examine(folder) => self.imap.examine(folder).await.map(drop),
            PlainCommand::Select(folder) => self.imap.select(folder).await.map(drop),
            PlainCommand::Create(folder) => self.imap.create(folder).await,
            PlainCommand::Subscribe(folder) => self.imap.subscribe(folder).await,
            PlainCommand::Noop => self.imap.noop().await,
            PlainCommand::Logout => self.imap.logout().await,
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

    /// Returns whether a folder of this name is the user's own: in none of the namespaces of other users or
    /// of all (RFC 2342).
    pub fn owns(&self, name: &FolderName) -> bool {
        self.known.namespaces.is_own(name)
    }

    pub(crate) fn namespaces(&self) -> &Namespaces {
        &self.known.namespaces
    }

    /// Forgets the open folder, before another is opened: what came of it does not count for the next.
    pub(crate) fn forget_selected(&mut self) -> Result<(), ImapError> {
        self.selected = None;
        self.stored = 0;
        self.wire()?.reader.forget_exists();
        Ok(())
    }

    /// Takes note that the open folder holds so many messages by STATUS: a list of it may be as long,
    /// whatever EXISTS says.
    pub fn expect_messages(&mut self, messages: u32) {
        if let Ok(wire) = self.wire() {
            wire.reader.expect_messages(messages);
        }
    }

    /// Returns how many messages a list of the open folder may have: the largest count the server gave for
    /// it, with some slack.
    pub(crate) fn most_listed(&mut self) -> Result<u64, ImapError> {
        let stored = self.stored;
        Ok(bounds::most_listed(self.wire()?.reader.exists(), stored))
    }

    /// Returns how many messages were stored in the open folder since it was opened.
    pub(crate) fn stored(&self) -> u32 {
        self.stored
    }

    /// Counts messages that were stored in the open folder.
    pub(crate) fn has_stored(&mut self, messages: u32) {
        self.stored = self.stored.saturating_add(messages);
    }

    pub(crate) fn set_selected(&mut self, folder: &FolderName, selected: &Selected) {
        self.selected = Some((folder.clone(), selected.clone()));
    }

    /// Whether the server tells which messages are gone (RFC 7162 section 3.2), and can be believed.
    pub(crate) fn has_qresync(&self) -> bool {
        self.qresync
    }

    /// Runs commands past async-imap in one round trip, or one by one on a restrained server; see
    /// [`run_all`].
    pub(crate) async fn run_all(
        &mut self,
        commands: Vec<Command>,
    ) -> Result<Vec<Result<Answer, ImapError>>, ImapError> {
        self.drain_fetch().await?;
        let tagged: Vec<_> = commands.into_iter().map(|command| (self.next_tag(), command)).collect();
        let mut budget = Budget::new(tagged.len(), self.timeouts.command);
        let wire = self.imap.get_mut().wire()?;
        if !self.one_at_a_time {
            return run_all(wire, tagged, &mut budget).await;
        }
        let mut answers = Vec::with_capacity(tagged.len());
        for one in tagged {
            answers.extend(run_all(wire, vec![one], &mut budget).await?);
        }
        Ok(answers)
    }

    /// Runs a command past async-imap and returns its answer, whatever it is.
    pub(crate) async fn run(&mut self, command: Command) -> Result<Answer, ImapError> {
        self.drain_fetch().await?;
        let tag = self.next_tag();
        command.run(self.imap.get_mut().wire()?, &tag).await
    }

    /// Runs a command past async-imap whose answer may be long; see [`Command::run_with`].
    pub(crate) async fn run_with(
        &mut self,
        command: Command,
        take: impl FnMut(Reply) -> bool,
    ) -> Result<StatusLine, ImapError> {
        self.drain_fetch().await?;
        let tag = self.next_tag();
        command.run_with(self.imap.get_mut().wire()?, &tag, take).await
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

/// Returns the name for async-imap, which quotes it itself; `None` when it needs a literal.
fn plain(folder: &FolderName) -> Option<&str> {
    quoted(&folder.0)?;
    std::str::from_utf8(&folder.0).ok()
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
