//! Opening a folder, and getting a target's folder ready: created, subscribed and open in one round trip.

use crate::command::selected::{created, has_exists, read_selected};
use crate::command::{Answer, Command};
use crate::session::{Session, list, status};
use crate::syntax::fetch_line::ListCollector;
use crate::types::error::ImapError;
use crate::types::fetched::{FetchItems, FetchedMessage};
use crate::types::folder::SpecialUse;
use crate::types::name::FolderName;
use crate::types::selected::Selected;

/// The most folders that are created above one that is wanted.
const MAX_PARENTS: usize = 64;

/// The most messages of a folder that is opened and listed in one round trip, by whoever asks for it.
const SMALL_FOLDER: u32 = 2_000;

/// What [`Session::prepare`] does beside opening the folder; by default nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Preparation<'a> {
    /// Whether to send CREATE.
    pub create: bool,
    /// The role to create it with, where the server takes one (RFC 6154 section 3).
    pub role: Option<&'a SpecialUse>,
    /// Whether to send SUBSCRIBE.
    pub subscribe: bool,
}

/// A folder that [`Session::prepare`] has opened for writing.
#[derive(Debug, Clone)]
pub struct PreparedFolder {
    /// The folder's figures and flags at the moment it was opened.
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
    ) -> Result<PreparedFolder, ImapError> {
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
        let outcome = match self.parents(folder) {
            above if refused && !above.is_empty() => {
                self.create_parents(above).await?;
                self.prepare_once(folder, preparation, None).await?
            }
            _ => outcome,
        };
        let created = matches!(outcome.created, Some(Ok(true)));
        match (outcome.selected, outcome.created) {
            (Ok(selected), _) => {
                self.set_selected(folder, &selected);
                let (listed, not_subscribed) = (outcome.listed, outcome.subscribed.and_then(Result::err));
                Ok(PreparedFolder { selected, created, listed, not_subscribed })
            }
            // A folder that holds too much is there, whatever is said against creating it.
            (Err(error @ ImapError::Excess { .. }), _) => Err(error),
            (Err(_), Some(Err(error))) | (Err(error), _) => Err(error),
        }
    }

    /// Returns the names of the folders above this one, topmost first, without the personal namespace itself.
    fn parents(&self, folder: &FolderName) -> Vec<FolderName> {
        let Some(delimiter) = self.facts().delimiter.and_then(|d| u8::try_from(d).ok()) else {
            return Vec::new();
        };
        let ends = memchr::memchr_iter(delimiter, &folder.0);
        let above = ends.filter_map(|end| folder.0.get(..end)).filter(|name| !name.is_empty());
        let root = self.facts().namespace_prefix.trim_end_matches(char::from(delimiter)).as_bytes().to_vec();
        let above =
            above.filter(|name| !name.eq_ignore_ascii_case(&root) && !name.eq_ignore_ascii_case(b"INBOX"));
        above.take(MAX_PARENTS).map(|name| FolderName(name.to_vec())).collect()
    }

    /// Creates folders that are there or not: what matters is whether the one below them can be created then.
    async fn create_parents(&mut self, folders: Vec<FolderName>) -> Result<(), ImapError> {
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
    ) -> Result<(Selected, Option<Vec<FetchedMessage>>), ImapError> {
        if self.fetch_history().limit(FetchItems::Meta).is_some() {
            return Ok((self.examine(folder).await?, None));
        }
        self.drain_fetch().await?;
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
    ) -> Result<Vec<Option<(Selected, Vec<FetchedMessage>)>>, ImapError> {
        self.drain_fetch().await?;
        self.forget_selected()?;
        if self.fetch_history().limit(FetchItems::Meta).is_some() {
            return Ok(vec![None; folders.len()]);
        }
        let commands = folders.iter().flat_map(examine_and_list).collect();
        let mut answers = self.run_lists(commands).await?.into_iter();
        let mut looks = Vec::with_capacity(folders.len());
        while let (Some(opened), Some(list)) = (answers.next(), answers.next()) {
            let opened = opened.and_then(|answer| answer.ok("EXAMINE")).ok().filter(has_exists);
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
            self.fetch_history().record_list_break(FetchItems::Meta, SMALL_FOLDER, error);
        }
        answers
    }

    /// Returns whether opening a folder tells all that [`Session::status`] would.
    pub fn opening_tells_status(&self) -> bool {
        status::items(self.facts()) == status::BASE
    }

    async fn prepare_once(
        &mut self,
        folder: &FolderName,
        preparation: Preparation<'_>,
        role: Option<&str>,
    ) -> Result<Attempt, ImapError> {
        self.drain_fetch().await?;
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
            next()?.and_then(|one| one.ok("LIST")).ok().map(|answer| list::lists_name(&answer, folder))
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

/// Reads the list of a folder; `None` when it is refused, or says more or less than the folder holds.
fn listed(answer: Result<Answer, ImapError>, selected: &Selected) -> Option<Vec<FetchedMessage>> {
    let answer = answer.and_then(|answer| answer.ok("UID FETCH")).ok()?;
    let mut collected = ListCollector::default();
    answer.data.iter().for_each(|reply| collected.take(reply, FetchItems::Meta));
    let listed = collected.finish(FetchItems::Meta);
    (listed.len() == selected.exists as usize).then_some(listed)
}

/// The answers to one round of commands; `None` for those that were not sent.
struct Attempt {
    created: Option<Result<bool, ImapError>>,
    subscribed: Option<Result<(), ImapError>>,
    listed: Option<bool>,
    selected: Result<Selected, ImapError>,
}
