//! All folders of the account (RFC 9051 section 6.3.9), with their figures where wanted (RFC 5819).

use std::collections::HashMap;

use crate::bounds;
use crate::command::{Answer, Command};
use crate::list::{self, fold_inbox};
use crate::{Folder, FolderName, FolderPath, FolderStatus, ImapError, Session, status};

impl Session {
    /// Returns the user's own folders, in the server's order, each once.
    ///
    /// Namespaces of other users and shared ones are left out. The inbox is among them also when the server forgets to list
    /// it. Roles and subscriptions come with LIST RETURN
    /// (RFC 5258, RFC 6154) where that works, else from plain LIST and LSUB.
    ///
    /// # Errors
    /// `No` or `Bad` when the server refuses to list; `Excess` for more folders, longer or deeper names than are plausible;
    /// else only lost connections.
    pub async fn folders(&mut self) -> Result<Vec<Folder>, ImapError> {
        let folders = self.listed().await?;
        self.with_inbox(folders).await
    }

    async fn listed(&mut self) -> Result<Vec<Folder>, ImapError> {
        if self.lists_extended() {
            let extended = Command::new("LIST").text("\"\" \"*\" RETURN (SPECIAL-USE SUBSCRIBED)");
            // iCloud and others advertise it and answer BAD.
            match self.run(extended).await?.ok("LIST") {
                Ok(answer) => return Ok(self.own_folders(&answer, None)),
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
        Ok(self.own_folders(&listed, subscribed.as_ref()))
    }

    /// Whether one LIST can tell roles and subscriptions.
    fn lists_extended(&self) -> bool {
        self.facts().has("LIST-EXTENDED") && self.facts().has("SPECIAL-USE")
    }

    fn own_folders(&self, listed: &Answer, subscribed: Option<&Answer>) -> Vec<Folder> {
        list::read(listed, subscribed, self.facts(), self.namespaces())
    }

    /// Adds the inbox when the list has none and it is there all the same: a list that comes back empty must not read as
    /// an account without mail.
    async fn with_inbox(&mut self, mut folders: Vec<Folder>) -> Result<Vec<Folder>, ImapError> {
        bounds::folders(&folders)?;
        if folders.iter().any(|folder| folder.name.is_inbox()) {
            return Ok(folders);
        }
        match self.status(&FolderName::inbox()).await {
            Ok(_) => {
                let inbox = Folder {
                    name: FolderName::inbox(),
                    path: FolderPath::inbox(),
                    attributes: Vec::new(),
                    roles: Vec::new(),
                    selectable: true,
                    subscribed: true,
                };
                folders.insert(0, inbox);
            }
            Err(error) if error.is_connection_lost() => return Err(error),
            Err(error) => tracing::debug!(%error, "no inbox"),
        }
        Ok(folders)
    }

    /// Returns the user's own folders, as [`Session::folders`] does, each with its figures: one round trip where the
    /// server gives them with the list (RFC 5819), two elsewhere.
    ///
    /// A folder that cannot be opened, or whose figures the server refuses, has none.
    ///
    /// # Errors
    /// `No` or `Bad` when the server refuses to list; `Excess` for more folders, longer or deeper names than are plausible;
    /// else only lost connections.
    pub async fn folders_with_status(&mut self) -> Result<Vec<(Folder, Option<FolderStatus>)>, ImapError> {
        let mut listed = self.folders_as_listed().await?;
        self.add_status(&mut listed).await?;
        Ok(listed)
    }

    /// Returns the user's own folders, as [`Session::folders`] does, in one round trip: with the figures that the server
    /// gives with the list, on most servers none. [`Session::add_status`] asks for the others.
    ///
    /// # Errors
    /// `No` or `Bad` when the server refuses to list; else only lost connections.
    pub async fn folders_as_listed(&mut self) -> Result<Vec<(Folder, Option<FolderStatus>)>, ImapError> {
        let listed = if self.facts().has("LIST-STATUS") && self.lists_extended() {
            let returns =
                format!("\"\" \"*\" RETURN (SPECIAL-USE SUBSCRIBED STATUS {})", status::items(self.facts()));
            match self.run(Command::new("LIST").text(&returns)).await?.ok("LIST") {
                Ok(answer) => Some((self.own_folders(&answer, None), status::read(&answer))),
                Err(error) => {
                    tracing::debug!(%error, "LIST RETURN (STATUS) was refused");
                    None
                }
            }
        } else {
            None
        };
        let (folders, mut found) = match listed {
            Some(listed) => listed,
            None => (self.listed().await?, Vec::new()),
        };
        let folders = self.with_inbox(folders).await?;
        let known: HashMap<Vec<u8>, FolderStatus> =
            found.drain(..).map(|(name, status)| (fold_inbox(name), status)).collect();
        let with_status = |folder: Folder| {
            let status = known.get(&fold_inbox(folder.name.0.clone())).cloned();
            (folder, status)
        };
        Ok(folders.into_iter().map(with_status).collect())
    }

    /// Asks for the figures of those folders of a list that can be opened and have none, all in one round trip. One whose
    /// figures the server refuses stays without.
    ///
    /// # Errors
    /// Only lost connections.
    pub async fn add_status(
        &mut self,
        listed: &mut [(Folder, Option<FolderStatus>)],
    ) -> Result<(), ImapError> {
        // Servers leave a folder's figures out when they do not have them at hand, or all of them without a word.
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
