//! Folders that are there and that the server's list lacks: a list that ends in OK need not be whole, so that
//! what is known from before is asked for by its name before anybody takes it for deleted.

use std::collections::{HashMap, HashSet};

use crate::session::Session;
use crate::types::error::ImapError;
use crate::types::folder::Folder;
use crate::types::name::{FolderName, FolderPath, Naming, fold_inbox};
use crate::types::status::FolderStatus;

/// A folder that was there at an earlier look, so that a list without it is doubted; see
/// [`Session::folders_as_listed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedFolder {
    /// The name it had then, where that was kept; else it is the one that its path has here.
    pub name: Option<FolderName>,
    /// The path it had then, by which it is found where the name was not kept.
    pub path: FolderPath,
}

impl Session {
    /// Returns the names of folders that the list lacks: of the expected ones, and INBOX, which every account
    /// has.
    pub(crate) fn missing_names(&self, listed: &[Folder], expected: &[ExpectedFolder]) -> Vec<FolderName> {
        let folded = |name: &FolderName| fold_inbox(name.0.clone());
        let names: HashSet<Vec<u8>> = listed.iter().map(|folder| folded(&folder.name)).collect();
        let inbox = Some(FolderName::inbox()).filter(|inbox| !names.contains(&inbox.0));
        let mut lacking: Vec<FolderName> = inbox.into_iter().collect();
        let mut missing = expected.iter().filter(|one| match &one.name {
            Some(name) => !names.contains(&folded(name)),
            None => true,
        });
        let Some(first) = missing.next() else { return lacking };
        // One name is spelt otherwise today, say; where the path is another folder's, the folder is not
        // there.
        let owned: HashSet<Vec<u8>> =
            expected.iter().filter_map(|one| one.name.as_ref()).map(folded).collect();
        let paths: HashMap<String, &Folder> =
            listed.iter().map(|folder| (folder.path.to_string(), folder)).collect();
        let mut asked: HashSet<Vec<u8>> = lacking.iter().map(folded).collect();
        for one in std::iter::once(first).chain(missing) {
            let there = paths.get(&one.path.to_string());
            if there.is_some_and(|there| one.name.is_none() || !owned.contains(&folded(&there.name))) {
                continue;
            }
            let name = one.name.clone().or_else(|| self.name_of(&one.path));
            let name = name.filter(|name| !names.contains(&folded(name)) && asked.insert(folded(name)));
            lacking.extend(name);
        }
        lacking
    }

    /// Returns the name that a path has here, outside the personal namespace as well.
    fn name_of(&self, path: &FolderPath) -> Option<FolderName> {
        if !path.is_outside() {
            return self.facts().encode(path).ok();
        }
        let below = FolderPath(path.0.iter().skip(1).cloned().collect());
        Naming { prefix: "", delimiter: self.facts().delimiter }.encode(&below).ok()
    }

    /// Returns those of the folders that the list lacks which are there all the same, with their figures
    /// where the server gives them. Only a plain refusal says that a folder is not there: one for another
    /// reason is of a folder that nobody can look at.
    ///
    /// # Errors
    /// Lost connections, and refusals for now.
    pub(crate) async fn confirm_unlisted(
        &mut self,
        listed: &[Folder],
        figures: &[(Vec<u8>, FolderStatus)],
        lacking: &[FolderName],
    ) -> Result<Vec<(FolderName, Option<FolderStatus>)>, ImapError> {
        // A server that folds case answers for a name of which only the case has changed.
        let read = |name: &FolderName| self.facts().decode(name).to_string().to_lowercase();
        let alike: HashSet<String> = lacking.iter().map(read).collect();
        let twins = listed.iter().filter(|folder| folder.selectable && alike.contains(&read(&folder.name)));
        let names: Vec<FolderName> =
            lacking.iter().chain(twins.map(|folder| &folder.name)).cloned().collect();
        let mut answers = self.statuses_or_refusals(&names).await?;
        let of_twins = answers.split_off(lacking.len().min(answers.len()));
        let others: Vec<&FolderStatus> =
            of_twins.iter().flatten().chain(figures.iter().map(|(_, status)| status)).collect();
        let ids: HashSet<&String> = others.iter().filter_map(|status| status.mailbox_id.as_ref()).collect();
        let mut there = Vec::new();
        for (name, answer) in lacking.iter().zip(answers) {
            match answer {
                Ok(status) => {
                    let known = status.mailbox_id.as_ref().is_some_and(|id| ids.contains(id));
                    if !known && !of_twins.iter().flatten().any(|twin| is_same(twin, &status)) {
                        there.push((name.clone(), Some(status)));
                    }
                }
                Err(error) if error.is_for_now() => return Err(error),
                Err(error) if is_absence(&error) => {
                    tracing::debug!(folder = %name, %error, "not listed, and not there");
                }
                Err(_) => there.push((name.clone(), None)),
            }
        }
        Ok(there)
    }
}

/// Whether both have one UIDVALIDITY, UIDNEXT and count, as one folder under two names has.
fn is_same(one: &FolderStatus, other: &FolderStatus) -> bool {
    let figures = |status: &FolderStatus| (status.uid_validity, status.uid_next, status.messages);
    one.uid_validity.is_some() && figures(one) == figures(other)
}

/// Whether a refusal says that there is no such folder.
fn is_absence(error: &ImapError) -> bool {
    let absent = |code: &str| matches!(code, "NONEXISTENT" | "TRYCREATE");
    matches!(error, ImapError::No { .. }) && error.code().is_none_or(absent)
}
