//! STATUS: a folder's figures without opening it (RFC 9051 section 6.3.11).

use crate::command::selected::mailbox_id;
use crate::command::{Answer, Command};
use crate::session::{Restraint, Session, list};
use crate::syntax::reply::{Reply, values};
use crate::syntax::token::Value;
use crate::types::error::ImapError;
use crate::types::facts::ServerFacts;
use crate::types::name::{FolderName, fold_inbox};
use crate::types::status::FolderStatus;
use crate::types::uidset::nonzero;

impl Session {
    /// Returns a folder's figures (RFC 9051 section 6.3.11). Those of extensions are asked for only where the
    /// server advertises them.
    ///
    /// # Errors
    /// `No` when the folder does not exist or cannot be looked into.
    pub async fn status(&mut self, folder: &FolderName) -> Result<FolderStatus, ImapError> {
        let asked = loop {
            let asked = self.run(status_command(folder, &items(self.facts()))).await?;
            if !self.drop_mailbox_ids(std::iter::once(&asked)) {
                break asked;
            }
        };
        let answer = match asked.ok("STATUS") {
            Err(ImapError::Bad { .. }) => self.run(status_command(folder, BASE)).await?.ok("STATUS")?,
            other => other?,
        };
        Ok(find(&read(&answer), folder))
    }

    /// Returns the figures of several folders, asked for together; `None` for each that the server refuses.
    pub(crate) async fn statuses(
        &mut self,
        folders: &[FolderName],
    ) -> Result<Vec<Option<FolderStatus>>, ImapError> {
        let asked = self.statuses_or_refusals(folders).await?;
        let figures = asked.into_iter().zip(folders).map(|(one, folder)| {
            one.inspect_err(|error| tracing::debug!(%folder, %error, "no figures")).ok()
        });
        Ok(figures.collect())
    }

    /// Returns the figures of several folders, asked for together, or what the server says where it refuses.
    pub(crate) async fn statuses_or_refusals(
        &mut self,
        folders: &[FolderName],
    ) -> Result<Vec<Result<FolderStatus, ImapError>>, ImapError> {
        let answers = loop {
            let wanted = items(self.facts());
            let answers =
                self.run_all(folders.iter().map(|folder| status_command(folder, &wanted)).collect()).await?;
            if !self.drop_mailbox_ids(answers.iter().flatten()) {
                break answers;
            }
        };
        let figures = |answer: Result<Answer, ImapError>, folder: &FolderName| {
            answer.and_then(|answer| answer.ok("STATUS")).map(|answer| find(&read(&answer), folder))
        };
        let mut out: Vec<_> =
            folders.iter().zip(answers).map(|(folder, answer)| figures(answer, folder)).collect();
        // Advertised and not understood: the plain figures are better than none.
        let refused = out.iter_mut().zip(folders);
        let again: Vec<_> = refused.filter(|(one, _)| matches!(one, Err(ImapError::Bad { .. }))).collect();
        let commands = again.iter().map(|(_, folder)| status_command(folder, BASE)).collect();
        for ((place, folder), answer) in again.into_iter().zip(self.run_all(commands).await?) {
            *place = figures(answer, folder);
        }
        Ok(out)
    }

    /// Whether one of these answers to STATUS, or to LIST with figures, has a MAILBOXID that is none. This
    /// server is not asked for any from then on, and the question has to be asked again: Cyrus up to 3.12
    /// prints memory that it has freed there, in which a parenthesis or a quote takes all other figures with
    /// it, and sooner or later another folder's.
    pub(crate) fn drop_mailbox_ids<'a>(&mut self, mut answers: impl Iterator<Item = &'a Answer>) -> bool {
        let wrong = self.facts().has("OBJECTID") && answers.any(|one| one.data.iter().any(has_wrong_id));
        if wrong {
            tracing::debug!("the MAILBOXIDs that the server tells are none");
            self.restrain(&Restraint { avoid: vec!["OBJECTID".into()], ..Restraint::default() });
        }
        wrong
    }
}

/// Whether a response is a STATUS with a MAILBOXID that cannot be one.
fn has_wrong_id(reply: &Reply) -> bool {
    let Reply::Data { word, response, .. } = reply else { return false };
    word == "STATUS"
        && memchr::memmem::find(response, b" MAILBOXID (").is_some()
        && read_one(reply).is_none_or(|(_, figures)| figures.mailbox_id.is_none())
}

/// The items of RFC 9051 that every server knows; asked for alone where more of them were answered with BAD.
pub(crate) const BASE: &str = "(MESSAGES UIDNEXT UIDVALIDITY)";

/// Returns the items to ask this server for, by its capabilities.
pub(crate) fn items(facts: &ServerFacts) -> String {
    let mut items = BASE.trim_end_matches(')').to_owned();
    let modseq = facts.has("CONDSTORE") || facts.has("QRESYNC");
    // `APPENDLIMIT` alone says that folders differ; with a number behind it the number is all there is to
    // know.
    for (known, item) in [
        (modseq, "HIGHESTMODSEQ"),
        (facts.has("STATUS=SIZE"), "SIZE"),
        (facts.has("OBJECTID"), "MAILBOXID"),
        (facts.has("APPENDLIMIT"), "APPENDLIMIT"),
    ] {
        if known {
            items.push(' ');
            items.push_str(item);
        }
    }
    items.push(')');
    items
}

fn status_command(folder: &FolderName, items: &str) -> Command {
    Command::new("STATUS").string("the folder name", &folder.0).text(items)
}

/// Returns the figures of every `* STATUS` of an answer, with the name as it was spelt.
pub(crate) fn read(answer: &Answer) -> Vec<(Vec<u8>, FolderStatus)> {
    answer.data.iter().filter_map(read_one).collect()
}

fn read_one(reply: &Reply) -> Option<(Vec<u8>, FolderStatus)> {
    let Reply::Data { number, word, response } = reply else { return None };
    if word != "STATUS" {
        return None;
    }
    let mut tokens = values(response, *number);
    let name = list::read_name(&mut tokens, |figures| figures.len() % 2 == 0)?;
    Some((name, figures(tokens.next_value()?.items())))
}

/// Returns the figures of `folder`. Its name may come back in another spelling; when there is one answer, it
/// is ours.
fn find(found: &[(Vec<u8>, FolderStatus)], folder: &FolderName) -> FolderStatus {
    let same = |name: &Vec<u8>| fold_inbox(name.clone()) == fold_inbox(folder.0.clone());
    match found {
        [(_, only)] => only.clone(),
        several => {
            several.iter().rev().find(|(name, _)| same(name)).map(|(_, s)| s.clone()).unwrap_or_default()
        }
    }
}

fn figures(items: &[Value<'_>]) -> FolderStatus {
    let mut status = FolderStatus::default();
    for pair in items.chunks(2) {
        let [item, value] = pair else { continue };
        let number = value.number();
        match item.text().unwrap_or_default().to_ascii_uppercase().as_str() {
            "MESSAGES" => status.messages = number.and_then(|n| u32::try_from(n).ok()),
            "UIDNEXT" => status.uid_next = number.and_then(nonzero),
            "UIDVALIDITY" => status.uid_validity = number.and_then(nonzero),
            "HIGHESTMODSEQ" => status.highest_modseq = number.filter(|n| *n > 0),
            "SIZE" => status.size = number,
            "MAILBOXID" => status.mailbox_id = mailbox_id(value),
            "APPENDLIMIT" => status.append_limit = number,
            _ => {}
        }
    }
    status
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::syntax::reply::{Status, StatusLine};
    use crate::syntax::scrub::Secrets;

    #[test]
    fn a_name_without_quotes_ends_where_the_figures_begin() {
        let line = StatusLine { status: Status::Ok, code: None, arguments: Vec::new(), text: String::new() };
        let data = [
            "* STATUS Alt (1) (x) (MESSAGES 3 MAILBOXID (F-1))\r\n",
            "* STATUS \"a (MESSAGES 1)\" (MESSAGES 4)\r\n",
            "* STATUS b ()\r\n",
        ];
        let data =
            data.map(|line| Reply::read(Bytes::copy_from_slice(line.as_bytes()), &Secrets::default())).into();
        let found = read(&Answer { data, line });
        let names: Vec<&[u8]> = found.iter().map(|(name, _)| name.as_slice()).collect();
        assert_eq!(names, [&b"Alt (1) (x)"[..], b"a (MESSAGES 1)", b"b"]);
        assert_eq!([found[0].1.messages, found[1].1.messages], [Some(3), Some(4)]);
        assert_eq!(found[0].1.mailbox_id.as_deref(), Some("F-1"));
    }
}
