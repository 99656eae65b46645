//! All folders of the account (RFC 9051 section 6.3.9), with their figures where wanted (RFC 5819).

use std::collections::HashMap;

use crate::command::{Answer, Command};
use crate::session::unlisted::ExpectedFolder;
use crate::session::{Session, list, status};
use crate::types::bounds;
use crate::types::error::ImapError;
use crate::types::folder::Folder;
use crate::types::name::{FolderName, fold_inbox};
use crate::types::status::FolderStatus;

/// What one or two questions for all folders brought.
struct Lists {
    listed: Answer,
    /// LSUB's answer, where the list does not tell subscriptions.
    subscribed: Option<Answer>,
    /// Figures that came with the list, by the name as it was spelt.
    figures: Vec<(Vec<u8>, FolderStatus)>,
}

impl Lists {
    /// Adds what another question brought: what either has is there.
    fn add(&mut self, mut other: Self) {
        self.listed.data.append(&mut other.listed.data);
        match (&mut self.subscribed, other.subscribed) {
            (Some(known), Some(mut more)) => known.data.append(&mut more.data),
            (known @ None, more) => *known = more,
            (Some(_), None) => {}
        }
        self.figures.append(&mut other.figures);
    }
}

impl Session {
    /// Returns every folder the server lists, in its order, each once; [`Folder::space`] says which are the
    /// user's own.
    ///
    /// The inbox is among them also when the server forgets to list it. Roles and subscriptions come with
    /// LIST RETURN (RFC 5258, RFC 6154) where that works, else from plain LIST and LSUB.
    ///
    /// # Errors
    /// `No` or `Bad` when the server refuses to list; `Excess` for more folders, longer or deeper names than
    /// are plausible; else only lost connections.
    pub async fn folders(&mut self) -> Result<Vec<Folder>, ImapError> {
        Ok(self.all(false, &[]).await?.0)
    }

    /// Every folder, those that a list leaves out among them, and the figures that came with it.
    ///
    /// A list that lacks what is there, or the inbox, was made by a server that was not well, say: it is
    /// asked for once more, and what either list has is there, as is what neither has and the server answers
    /// for.
    async fn all(
        &mut self,
        figures: bool,
        expected: &[ExpectedFolder],
    ) -> Result<(Vec<Folder>, Vec<(Vec<u8>, FolderStatus)>), ImapError> {
        let mut lists = self.lists(figures).await?;
        let mut folders = self.read_folders(&lists, &[]);
        bounds::check_folders(&folders)?;
        let lacking = self.missing_names(&folders, expected);
        if lacking.is_empty() {
            return Ok((folders, lists.figures));
        }
        let unlisted = self.confirm_unlisted(&folders, &lists.figures, &lacking).await?;
        if !unlisted.is_empty() || lacking.iter().any(FolderName::is_inbox) {
            lists.add(self.lists(figures).await?);
            let names: Vec<FolderName> = unlisted.iter().map(|(name, _)| name.clone()).collect();
            folders = self.read_folders(&lists, &names);
            bounds::check_folders(&folders)?;
            let figures = unlisted.into_iter().filter_map(|(name, status)| Some((name.0, status?)));
            lists.figures.extend(figures);
        }
        Ok((folders, lists.figures))
    }

    async fn lists(&mut self, figures: bool) -> Result<Lists, ImapError> {
        if figures && self.facts().has("LIST-STATUS") && self.lists_extended() {
            let answer = loop {
                let items = status::items(self.facts());
                let returns = format!("\"\" \"*\" RETURN (SPECIAL-USE SUBSCRIBED STATUS {items})");
                let answer = self.run(Command::new("LIST").text(&returns)).await?;
                if !self.drop_mailbox_ids(std::iter::once(&answer)) {
                    break answer;
                }
            };
            match answer.ok("LIST") {
                Ok(listed) => {
                    let figures = status::read(&listed);
                    return Ok(Lists { listed, subscribed: None, figures });
                }
                Err(error) => tracing::debug!(%error, "LIST RETURN (STATUS) was refused"),
            }
        }
        let figures = Vec::new();
        if self.lists_extended() {
            let extended = Command::new("LIST").text("\"\" \"*\" RETURN (SPECIAL-USE SUBSCRIBED)");
            // iCloud and others advertise it and answer BAD.
            match self.run(extended).await?.ok("LIST") {
                Ok(listed) => return Ok(Lists { listed, subscribed: None, figures }),
                Err(error) => tracing::debug!(%error, "LIST RETURN was refused"),
            }
        }
        let xlist = self.facts().has("XLIST") && !self.facts().has("SPECIAL-USE");
        let name = if xlist { "XLIST" } else { "LIST" };
        let commands = [name, "LSUB"].map(|name| Command::new(name).text("\"\" \"*\"")).into();
        let mut answers = self.run_all(commands).await?.into_iter().flatten();
        let (listed, subscribed) = (answers.next(), answers.next().and_then(|one| one.ok("LSUB").ok()));
        let listed = match listed.map(|one| one.ok(name)) {
            Some(Ok(answer)) => answer,
            Some(Err(error)) if !xlist => return Err(error),
            _ => self.run(Command::new("LIST").text("\"\" \"*\"")).await?.ok("LIST")?,
        };
        Ok(Lists { listed, subscribed, figures })
    }

    /// Whether one LIST can tell roles and subscriptions.
    fn lists_extended(&self) -> bool {
        self.facts().has("LIST-EXTENDED") && self.facts().has("SPECIAL-USE")
    }

    fn read_folders(&self, lists: &Lists, unlisted: &[FolderName]) -> Vec<Folder> {
        list::read(&lists.listed, unlisted, lists.subscribed.as_ref(), self.facts(), self.namespaces())
    }

    /// Returns every folder, as [`Session::folders`] does, each with its figures: one round trip where the
    /// server gives them with the list (RFC 5819), two elsewhere.
    ///
    /// A folder that cannot be opened, or whose figures the server refuses, has none.
    ///
    /// # Errors
    /// `No` or `Bad` when the server refuses to list; `Excess` for more folders, longer or deeper names than
    /// are plausible; else only lost connections.
    pub async fn folders_with_status(&mut self) -> Result<Vec<(Folder, Option<FolderStatus>)>, ImapError> {
        self.with_figures(false).await
    }

    /// Returns the folders of the personal namespace alone, each by the path that [`ServerFacts::encode`]
    /// makes its name of: for who writes there, it is that folder whatever else reads like it. Others that
    /// read alike are told apart as in [`Session::folders`].
    ///
    /// # Errors
    /// As [`Session::folders`].
    ///
    /// [`ServerFacts::encode`]: crate::ServerFacts::encode
    pub async fn own_folders(&mut self) -> Result<Vec<Folder>, ImapError> {
        let mut folders = self.folders().await?;
        folders.retain(Folder::is_own);
        folders.iter_mut().for_each(|folder| self.use_plain_path(folder));
        Ok(folders)
    }

    fn use_plain_path(&self, folder: &mut Folder) {
        if let Some(reads) =
            folder.reads.take_if(|reads| self.facts().encode(reads).as_ref() == Ok(&folder.name))
        {
            folder.path = reads;
        }
    }

    /// Returns the folders of the personal namespace alone, as [`Session::own_folders`] does, each with its
    /// figures.
    ///
    /// # Errors
    /// As [`Session::folders_with_status`].
    pub async fn own_folders_with_status(
        &mut self,
    ) -> Result<Vec<(Folder, Option<FolderStatus>)>, ImapError> {
        self.with_figures(true).await
    }

    async fn with_figures(
        &mut self,
        own_only: bool,
    ) -> Result<Vec<(Folder, Option<FolderStatus>)>, ImapError> {
        let mut listed = self.as_listed(own_only, &[]).await?;
        self.add_status(&mut listed).await?;
        Ok(listed)
    }

    /// Returns every folder, as [`Session::folders`] does, in one round trip: with the figures that the
    /// server gives with the list, on most servers none. [`Session::add_status`] asks for the others.
    ///
    /// Those that are `expected` and that the list lacks are asked for by their names, together: what the
    /// server answers for is there all the same, see [`Folder::listed`]. Where the list lacks none, nothing
    /// more is asked.
    ///
    /// # Errors
    /// As [`Session::folders`].
    pub async fn folders_as_listed(
        &mut self,
        expected: &[ExpectedFolder],
    ) -> Result<Vec<(Folder, Option<FolderStatus>)>, ImapError> {
        self.as_listed(false, expected).await
    }

    /// The same of the folders of the personal namespace alone, as [`Session::own_folders`] has them.
    ///
    /// # Errors
    /// As [`Session::folders`].
    pub async fn own_folders_as_listed(
        &mut self,
        expected: &[ExpectedFolder],
    ) -> Result<Vec<(Folder, Option<FolderStatus>)>, ImapError> {
        self.as_listed(true, expected).await
    }

    async fn as_listed(
        &mut self,
        own_only: bool,
        expected: &[ExpectedFolder],
    ) -> Result<Vec<(Folder, Option<FolderStatus>)>, ImapError> {
        let (mut folders, mut found) = self.all(true, expected).await?;
        if own_only {
            folders.retain(Folder::is_own);
            folders.iter_mut().for_each(|folder| self.use_plain_path(folder));
        }
        let mut known: HashMap<Vec<u8>, FolderStatus> =
            found.drain(..).map(|(name, status)| (fold_inbox(name), status)).collect();
        forget_shared_ids(&mut known);
        let with_status = |folder: Folder| {
            let status = known.get(&fold_inbox(folder.name.0.clone())).cloned();
            (folder, status)
        };
        Ok(folders.into_iter().map(with_status).collect())
    }

    /// Asks for the figures of those folders of a list that can be opened and have none, all in one round
    /// trip. One whose figures the server refuses stays without.
    ///
    /// # Errors
    /// Only lost connections.
    pub async fn add_status(
        &mut self,
        listed: &mut [(Folder, Option<FolderStatus>)],
    ) -> Result<(), ImapError> {
        // Servers leave a folder's figures out when they do not have them at hand, or all of them without a
        // word.
        let missing: Vec<usize> = (0..)
            .zip(listed.iter())
            .filter(|(_, one)| one.0.selectable && one.1.is_none())
            .map(|(at, _)| at)
            .collect();
        let names: Vec<FolderName> =
            missing.iter().filter_map(|at| listed.get(*at)).map(|one| one.0.name.clone()).collect();
        for (at, status) in missing.into_iter().zip(self.statuses(&names).await?) {
            if let Some(one) = listed.get_mut(at) {
                one.1 = status;
            }
        }
        Ok(())
    }
}

/// No two folders have one MAILBOXID (RFC 8474 section 4): one that is told of two is evidence of neither.
fn forget_shared_ids(figures: &mut HashMap<Vec<u8>, FolderStatus>) {
    let mut times: HashMap<String, u32> = HashMap::new();
    for id in figures.values().filter_map(|status| status.mailbox_id.clone()) {
        *times.entry(id).or_default() += 1;
    }
    for status in figures.values_mut() {
        status.mailbox_id.take_if(|id| times.get(id).is_some_and(|times| *times > 1));
    }
}
