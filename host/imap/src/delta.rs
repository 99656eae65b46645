//! What a folder holds now and what changed since: one question, answers as long as the change.

use std::collections::BTreeMap;

use crate::command::Command;
use crate::fetch_line::FetchLine;
use crate::open::Change;
use crate::reply::{Reply, values};
use crate::session::MAX_SET_BYTES;
use crate::{FetchItems, Flags, ImapError, Session, UidSet};

/// More changed messages than this are not held: a caller lists the folder anew instead.
const MAX_CHANGED: usize = 4_000_000;

/// What changed in a folder since a modification sequence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The flags of each message that changed or is new, ascending by UID.
    pub flags: Vec<(u32, Flags)>,
    /// Which of the known messages are gone; `None` when the server cannot tell (no QRESYNC).
    pub vanished: Option<UidSet>,
}

impl Session {
    /// Returns which of the `known` messages of the open folder changed their flags or went away since `since_modseq`
    /// (RFC 7162 sections 3.1.4 and 3.2.6), in one round trip.
    ///
    /// Messages outside `known` are left out: what is new follows from UIDNEXT. The answer is about the same UIDVALIDITY
    /// only, which is for the caller to have compared.
    ///
    /// # Errors
    /// `Unsupported` when the open folder keeps no modification sequences; `No` or `Bad` when the server refuses;
    /// `TooMany` beyond four million changes.
    pub async fn changes(&mut self, since_modseq: u64, known: UidSet) -> Result<Changes, ImapError> {
        const NAME: &str = "UID FETCH";
        if self.selected().is_none_or(|(_, selected)| selected.highest_modseq.is_none()) {
            return Err(ImapError::Unsupported { command: "FETCH CHANGEDSINCE", capability: "CONDSTORE" });
        }
        let vanished_too = self.tells_vanished();
        let Some((first, last)) = known.bounds() else {
            return Ok(Changes { flags: Vec::new(), vanished: vanished_too.then(UidSet::default) });
        };
        // A set full of holes would take several commands; the answers are looked at anyway.
        let whole = known.to_wire();
        let set = if whole.len() <= MAX_SET_BYTES { whole } else { UidSet::range(first, last).to_wire() };
        let vanished = if vanished_too { " VANISHED" } else { "" };
        let command =
            Command::new(NAME).text(&format!("{set} (UID FLAGS) (CHANGEDSINCE {since_modseq}{vanished})"));
        let (mut flags, mut gone) = (BTreeMap::new(), Vec::new());
        let mut too_many = false;
        let line = self
            .run_with(command, |reply| match flags_of(&reply) {
                Some((uid, now)) => {
                    let new = known.contains(uid) && flags.len() < MAX_CHANGED;
                    too_many |= known.contains(uid) && !new;
                    // The same message again says nothing new about how far the command is.
                    new && flags.insert(uid, now).is_none()
                }
                None => {
                    if let Some(Change::Vanished { uids, .. }) = Change::read(&reply) {
                        gone.extend(known.intersection(&uids).ranges());
                    }
                    false
                }
            })
            .await?;
        line.ok(NAME)?;
        if too_many {
            return Err(ImapError::TooMany { what: "changed messages", max: MAX_CHANGED });
        }
        let gone = UidSet::from_ranges(gone);
        flags.retain(|uid, _| !gone.contains(*uid));
        Ok(Changes { flags: flags.into_iter().collect(), vanished: vanished_too.then_some(gone) })
    }

    /// Returns which UIDs the open folder holds now: in one line where the server can (RFC 4731), else from the
    /// messages' flags.
    ///
    /// Never less than the server's own count of its messages: a list that is short would read as mail that is gone.
    ///
    /// # Errors
    /// `Incomplete` when the list stays shorter than the count; `No` or `Bad` when the server refuses to list.
    pub async fn uids(&mut self) -> Result<UidSet, ImapError> {
        let exists = |session: &Session| session.selected().map(|(_, selected)| u64::from(selected.exists));
        if self.facts().has("ESEARCH")
            && let Some(found) = self.search_uids().await?
            // iCloud finds 503,786 messages in a folder of 414,053.
            && Some(found.len()) == exists(self)
        {
            return Ok(found);
        }
        let listed = self.list_uids().await?;
        if exists(self).is_some_and(|count| listed.len() >= count) {
            return Ok(listed);
        }
        // Messages may have left since the folder was opened: the count is as old as that.
        let Some((folder, read_only)) =
            self.selected().map(|(folder, selected)| (folder.clone(), selected.read_only))
        else {
            return Ok(listed);
        };
        if read_only {
            self.examine(&folder).await?
        } else {
            self.select(&folder).await?
        };
        let listed = self.list_uids().await?;
        match exists(self).filter(|count| listed.len() < *count) {
            Some(exists) => Err(ImapError::Incomplete { listed: listed.len(), exists }),
            None => Ok(listed),
        }
    }

    /// `None` when the answer is none.
    async fn search_uids(&mut self) -> Result<Option<UidSet>, ImapError> {
        let answer =
            match self.run(Command::new("UID SEARCH").text("RETURN (ALL) ALL")).await?.ok("UID SEARCH") {
                Ok(answer) => answer,
                Err(error) => {
                    tracing::debug!(%error, "UID SEARCH RETURN was refused");
                    return Ok(None);
                }
            };
        Ok(answer.data.iter().rev().find_map(|reply| match reply {
            Reply::Data { number, word, response } if word == "ESEARCH" => {
                let mut list = values(response, *number).skip_while(|value| !value.is_word("ALL")).skip(1);
                match list.next() {
                    Some(set) => UidSet::parse(set.bytes()?),
                    // Nothing found: ALL is left out (RFC 4731 section 3.1).
                    None => Some(UidSet::default()),
                }
            }
            _ => None,
        }))
    }

    async fn list_uids(&mut self) -> Result<UidSet, ImapError> {
        let empty = self.selected().is_none_or(|(_, selected)| selected.exists == 0);
        let mut messages = self.fetch(UidSet::all(), FetchItems::Flags);
        let mut uids = Vec::new();
        while let Some(message) = messages.next().await? {
            uids.push(message.uid);
        }
        match messages.refused().first() {
            // Some servers find fault with `1:*` when there is nothing.
            Some(refused) if !(empty && uids.is_empty()) => {
                Err(refused.refusal.clone().into_error("UID FETCH"))
            }
            _ => Ok(uids.into_iter().collect()),
        }
    }
}

/// The UID and flags in a FETCH response, when it holds both.
fn flags_of(reply: &Reply) -> Option<(u32, Flags)> {
    match reply {
        Reply::Data { number: Some(_), word, response } if word == "FETCH" => {
            let line = FetchLine::read(response, FetchItems::Flags);
            Some((line.uid?, line.flags?))
        }
        _ => None,
    }
}
