//! What a folder holds now and what changed since: one question, answers as long as the change.

use std::collections::BTreeMap;

use crate::command::Command;
use crate::command::selected::Change;
use crate::session::Session;
use crate::syntax::fetch_line::FetchLine;
use crate::syntax::reply::{Reply, values};
use crate::types::bounds;
use crate::types::bounds::MOST_MESSAGES;
use crate::types::error::ImapError;
use crate::types::fetched::{FetchItems, FetchedMessage};
use crate::types::uidset::{MAX_SET_BYTES, UidSet};

/// The most ranges of vanished messages that are held before they are merged into one set.
const RANGES: usize = 1 << 16;

/// What changed in a folder since a modification sequence, from [`Session::changes`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Each message that changed or is new, ascending by UID, as a list has it ([`FetchItems::Meta`]): that
    /// its size or date is another one says that its number is another message's now.
    pub changed: Vec<FetchedMessage>,
    /// Which of the known messages are gone; `None` when the server cannot tell (no QRESYNC).
    pub vanished: Option<UidSet>,
}

impl Session {
    /// Returns which of the `known` messages of the open folder changed their flags or went away since
    /// `since_modseq` (RFC 7162 sections 3.1.4 and 3.2.6), in one round trip.
    ///
    /// Messages outside `known` are left out: what is new follows from UIDNEXT. The answer is about the same
    /// UIDVALIDITY only, which is for the caller to have compared.
    ///
    /// # Errors
    /// `Unsupported` when the open folder keeps no modification sequences; `No` or `Bad` when the server
    /// refuses; `Excess` beyond four million changes, or when they take more bytes than is plausible.
    pub async fn changes(&mut self, since_modseq: u64, known: UidSet) -> Result<Changes, ImapError> {
        const NAME: &str = "UID FETCH";
        if self.selected().is_none_or(|(_, selected)| selected.highest_modseq.is_none()) {
            return Err(ImapError::Unsupported { command: "FETCH CHANGEDSINCE", capability: "CONDSTORE" });
        }
        let vanished_too = self.has_qresync();
        let Some((first, last)) = known.bounds() else {
            return Ok(Changes { changed: Vec::new(), vanished: vanished_too.then(UidSet::default) });
        };
        // A set full of holes would take several commands; the answers are looked at anyway.
        let whole = known.to_wire();
        let set = if whole.len() <= MAX_SET_BYTES { whole } else { UidSet::range(first, last).to_wire() };
        let vanished = if vanished_too { " VANISHED" } else { "" };
        let items = FetchItems::Meta.to_wire();
        let command =
            Command::new(NAME).text(&format!("{set} {items} (CHANGEDSINCE {since_modseq}{vanished})"));
        let (mut changed, mut gone) = (BTreeMap::<u32, FetchLine>::new(), Vec::new());
        let most = bounds::most_listed(u32::try_from(known.len()).unwrap_or(u32::MAX), 0);
        let (mut too_many, mut bytes) = (false, 0u64);
        let line = self
            .run_with(command, |reply| match flags_line(&reply) {
                Some((uid, line)) => {
                    let wanted = known.contains(uid);
                    bytes += if wanted { reply.len() as u64 } else { 0 };
                    too_many |= changed.len() as u64 > most || bytes > bounds::most_bytes(most);
                    // The same message again says nothing new about how far the command is.
                    let new = wanted && !too_many && !changed.contains_key(&uid);
                    if wanted && !too_many {
                        changed.entry(uid).or_default().merge(line);
                    }
                    new
                }
                None => {
                    if let Some(Change::Vanished { uids, .. }) = Change::read(&reply) {
                        gone.extend(uids.ranges());
                        if gone.len() > RANGES {
                            gone = UidSet::from_ranges(gone.drain(..)).ranges().collect();
                            too_many |= gone.len() > MOST_MESSAGES as usize;
                        }
                    }
                    false
                }
            })
            .await?;
        line.ok(NAME)?;
        if too_many {
            let what = "the server tells of more changes than the folder can have had".to_owned();
            return Err(ImapError::Excess { what });
        }
        let gone = known.intersection(&UidSet::from_ranges(gone));
        changed.retain(|uid, _| !gone.contains(*uid));
        let changed = changed.into_iter().map(|(uid, line)| line.into_message(uid, None)).collect();
        Ok(Changes { changed, vanished: vanished_too.then_some(gone) })
    }

    /// Returns which UIDs the open folder holds now: in one line where the server can (RFC 4731), else from
    /// the messages' flags.
    ///
    /// Never less than the server's own count of its messages: a list that is short would read as mail that
    /// is gone.
    ///
    /// # Errors
    /// `Incomplete` when the list stays shorter than the count; `No` or `Bad` when the server refuses to
    /// list.
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

    /// Asks with SEARCH RETURN (RFC 4731); `None` when the server refuses or its answer cannot be read.
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

/// Returns the UID and the items of a FETCH response that has flags; `None` for anything else.
fn flags_line(reply: &Reply) -> Option<(u32, FetchLine)> {
    match reply {
        Reply::Data { number: Some(_), word, response } if word == "FETCH" => {
            let line = FetchLine::read(response, FetchItems::Meta);
            Some((line.uid.filter(|_| line.flags.is_some())?, line))
        }
        _ => None,
    }
}
