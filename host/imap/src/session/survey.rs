//! Several folders looked into at once, for facts that STATUS does not tell; none is open afterwards.

use crate::command::selected::read_selected;
use crate::command::{Answer, Command};
use crate::session::Session;
use crate::syntax::reply::{Reply, values};
use crate::types::error::ImapError;
use crate::types::name::FolderName;

impl Session {
    /// Returns how many messages of each folder are larger than so many bytes (`LARGER`, RFC 9051 section
    /// 6.4.4): two commands a folder, all of them in one round trip. `None` for one that the server does not
    /// open or search.
    ///
    /// # Errors
    /// Only lost connections.
    pub async fn count_larger(
        &mut self,
        folders: &[FolderName],
        bytes: u64,
    ) -> Result<Vec<Option<u64>>, ImapError> {
        let larger = format!("LARGER {}", bytes.min(u64::from(u32::MAX)));
        self.drain_fetch().await?;
        self.forget_selected()?;
        let commands =
            folders.iter().flat_map(|folder| [examine(folder), Command::new("UID SEARCH").text(&larger)]);
        let mut answers = self.run_all(commands.collect()).await?.into_iter();
        let mut counts = Vec::with_capacity(folders.len());
        while let (Some(opened), Some(found)) = (answers.next(), answers.next()) {
            let opened = opened.and_then(|answer| answer.ok("EXAMINE"));
            let found = found.and_then(|answer| answer.ok("UID SEARCH"));
            counts.push(opened.and(found).ok().map(|answer| found_count(&answer)));
        }
        Ok(counts)
    }

    /// Returns the flags and keywords that the messages of each folder may have, by the answer to EXAMINE
    /// (FLAGS, RFC 9051 section 7.3.5): one command a folder, all of them in one round trip. `None` for one
    /// that the server does not open.
    ///
    /// # Errors
    /// Only lost connections.
    pub async fn flags_in_use(
        &mut self,
        folders: &[FolderName],
    ) -> Result<Vec<Option<Vec<String>>>, ImapError> {
        self.drain_fetch().await?;
        self.forget_selected()?;
        let answers = self.run_all(folders.iter().map(examine).collect()).await?;
        let flags = |answer: Answer| read_selected(&answer).map(|selected| selected.flags);
        let opened = answers.into_iter().map(|answer| answer.and_then(|answer| answer.ok("EXAMINE")));
        Ok(opened.map(|answer| answer.and_then(flags).ok()).collect())
    }
}

fn examine(folder: &FolderName) -> Command {
    Command::new("EXAMINE").string("the folder name", &folder.0)
}

/// Counts the numbers of SEARCH responses.
fn found_count(answer: &Answer) -> u64 {
    let numbers = answer.data.iter().map(|reply| match reply {
        Reply::Data { number, word, response } if word == "SEARCH" => {
            values(response, *number).filter(|value| value.number().is_some()).count()
        }
        _ => 0,
    });
    numbers.sum::<usize>() as u64
}
