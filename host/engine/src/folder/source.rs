//! What the source folder holds: as little of its list is read as tells what changed.

use mailhaul_imap::{FetchItems, ImapError, Selected, Session, UidSet};

use crate::folder::unchanged::same_source;
use crate::mapping::target::MappedFolder;
use crate::message::list::{ListedMessage, WholeList, list, list_whole};
use crate::state::ledger::{FolderRow, Outcome, Proof, Rows};

/// From so many known messages on, asking for what changed costs less than listing everything.
const DELTA_FROM: usize = 500;

/// A folder nothing is known of is listed in the round trip that opens it, up to so many messages: longer
/// lists are read as they come.
const AT_ONCE: u32 = 2_000;

/// What the source says of a folder, with no more of its list than tells what changed.
pub(super) struct SourceEnd {
    pub selected: Selected,
    /// So many more messages than those listed, by the source's own count.
    pub unlisted: u32,
    /// UIDs of every message the source lists.
    pub uids: Vec<u32>,
    /// Those that may need work, with what decides that.
    pub listed: Vec<ListedMessage>,
    /// Others of which the source says anything: of known messages what may have changed.
    pub changed: Vec<ListedMessage>,
}

/// Examines the source and reads as little of its list as tells what changed.
///
/// # Errors
/// When the source refuses to open or to list the folder, or its connection ends.
pub(super) async fn open_source(
    session: &mut Session,
    mapped: &MappedFolder,
    row: &FolderRow,
    rows: &Rows,
) -> Result<SourceEnd, ImapError> {
    let name = &mapped.folder.name;
    let messages = mapped.status.as_ref().and_then(|status| status.messages);
    if rows.is_empty() && messages.is_some_and(|messages| (1..=AT_ONCE).contains(&messages)) {
        let (selected, listed) = session.examine_and_list(name).await?;
        return match listed {
            Some(listed) if listed.len() >= messages.unwrap_or(0) as usize => {
                let listed = listed.into_iter().map(ListedMessage::from).collect();
                Ok(SourceEnd::whole(WholeList { selected, listed, status: messages }))
            }
            _ => Ok(SourceEnd::whole(list_whole(session, name, selected, messages).await?)),
        };
    }
    let selected = session.examine(name).await?;
    let same_numbers = has_same_numbers(row, &selected);
    let known: UidSet = rows.keys().copied().collect();
    let exists = u64::from(selected.exists);
    let (uids, listed, changed) = (Vec::new(), Vec::new(), Vec::new());
    let mut end = SourceEnd { selected, unlisted: 0, uids, listed, changed };
    // Modification sequences that have gone back say nothing of what changed.
    let orderly = |proof: &Proof| {
        proof.source_modseq.zip(end.selected.highest_modseq).is_none_or(|(then, now)| then <= now)
    };
    match row.proof.filter(|proof| same_numbers && orderly(proof)) {
        Some(proof) if same_source(&proof, &end.selected) && known.len() == exists => {
            end.uids = known.iter().collect();
            match proof.source_modseq.zip(end.selected.highest_modseq) {
                Some((then, now)) if then == now => {}
                Some((then, _)) => match session.changes(then, known).await {
                    Ok(changes) => {
                        end.changed = changes.changed.into_iter().map(ListedMessage::from).collect();
                        if !end.newest_is_known(session, rows, &[]).await? {
                            return end.whole_instead(session, mapped).await;
                        }
                    }
                    Err(error) if error.is_connection_lost() => return Err(error),
                    Err(_) => return end.whole_instead(session, mapped).await,
                },
                None => {
                    let listed = list(session, UidSet::all(), FetchItems::Meta).await?;
                    if (listed.len() as u64) < exists {
                        return end.whole_instead(session, mapped).await;
                    }
                    end.uids = listed.iter().map(|m| m.uid).collect();
                    end.changed = listed;
                }
            }
        }
        Some(proof)
            if rows.len() >= DELTA_FROM
                && end.selected.highest_modseq.is_some()
                && proof.source_modseq.is_some() =>
        {
            let changes = match session.changes(proof.source_modseq.unwrap_or_default(), known.clone()).await
            {
                Ok(changes) => changes,
                Err(error) if error.is_connection_lost() => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, "the source does not tell what changed");
                    return end.whole_instead(session, mapped).await;
                }
            };
            // With the newest of those that are known.
            let newest = known.iter().last().unwrap_or(u32::MAX);
            let new = UidSet::range(newest.min(proof.source_uid_next), u32::MAX);
            let left = changes.vanished.map(|gone| known.without(&gone));
            let tail = list(session, new, FetchItems::Meta).await?;
            end.listed = tail.iter().filter(|m| !known.contains(m.uid)).cloned().collect();
            end.changed = changes.changed.into_iter().map(ListedMessage::from).collect();
            let new: UidSet = end.listed.iter().map(|m| m.uid).collect();
            let mut all = match left {
                Some(left) => left,
                None => match session.uids().await {
                    Ok(uids) => uids,
                    Err(error) if error.is_connection_lost() => return Err(error),
                    Err(_) => return end.whole_instead(session, mapped).await,
                },
            };
            all.extend(&new);
            // More than the count are new ones that came since; fewer are a list with a hole.
            let accounted = || all.without(&known).without(&new).is_empty();
            if all.len() != exists && !(all.len() > exists && accounted()) {
                return end.whole_instead(session, mapped).await;
            }
            end.uids = all.iter().collect();
            if !end.newest_is_known(session, rows, &tail).await? {
                return end.whole_instead(session, mapped).await;
            }
        }
        _ => return end.whole_instead(session, mapped).await,
    }
    // A message that was left out by its flags may not be any more.
    let skipped = |uid: u32| rows.get(&uid).is_some_and(|row| row.outcome == Outcome::Skipped);
    end.look_at(skipped);
    Ok(end)
}

impl SourceEnd {
    /// Makes it of a list of every message.
    fn whole(list: WholeList) -> Self {
        let unlisted = list.unlisted();
        let WholeList { selected, listed, .. } = list;
        let uids = listed.iter().map(|m| m.uid).collect();
        Self { selected, unlisted, uids, listed, changed: Vec::new() }
    }

    /// Returns every message of which the source has told anything.
    pub(super) fn seen(&self) -> impl Iterator<Item = &ListedMessage> {
        self.listed.iter().chain(&self.changed)
    }

    /// Moves changed messages for which `which` holds to those that may need work.
    pub(super) fn look_at(&mut self, which: impl Fn(u32) -> bool) {
        self.listed.extend(self.changed.extract_if(.., |m| which(m.uid)));
        self.listed.sort_by_key(|m| m.uid);
    }

    /// Whether the newest message that was known and is there is the one that was. A folder that was put back
    /// from a backup gives its newest numbers again, and what has changed since may be told by numbers of
    /// before.
    async fn newest_is_known(
        &self,
        session: &mut Session,
        rows: &Rows,
        tail: &[ListedMessage],
    ) -> Result<bool, ImapError> {
        let sized = |uid: &&u32| rows.get(uid).is_some_and(|row| row.size > 0);
        let Some((uid, row)) = self.uids.iter().rev().find(sized).and_then(|uid| Some((uid, rows.get(uid)?)))
        else {
            return Ok(true);
        };
        let is_it = |m: &ListedMessage| m.uid == *uid;
        let now = match tail.iter().chain(&self.changed).find(|m| is_it(m)) {
            Some(now) => Some(now.figures()),
            None => {
                let listed = list(session, UidSet::range(*uid, *uid), FetchItems::Meta).await?;
                listed.into_iter().find(is_it).map(|now| now.figures())
            }
        };
        Ok(now.is_some_and(|now| !row.at_source().differ(&now)))
    }

    /// What was asked for in part does not fit together: everything is listed.
    async fn whole_instead(self, session: &mut Session, mapped: &MappedFolder) -> Result<Self, ImapError> {
        let messages = mapped.status.as_ref().and_then(|status| status.messages);
        Ok(Self::whole(list_whole(session, &mapped.folder.name, self.selected, messages).await?))
    }
}

/// Whether the folder's numbers are those of the ledger: one UIDVALIDITY, and a UIDNEXT that has not gone
/// back. That would be a folder that was put back from a backup, which gives numbers a second time.
#[must_use]
pub(crate) fn has_same_numbers(row: &FolderRow, now: &Selected) -> bool {
    let back = row.proof.is_some_and(|proof| now.uid_next.is_some_and(|next| next < proof.source_uid_next));
    now.uid_validity.is_some() && now.uid_validity == row.source_uid_validity && !back
}

/// How many messages a source folder has that cannot be read: what its STATUS said, else what the ledger
/// knows, and never none, since nobody has looked.
#[must_use]
pub(crate) fn believed_count(mapped: &MappedFolder, row: &FolderRow) -> u32 {
    let status = mapped.status.as_ref().and_then(|status| status.messages);
    status.unwrap_or(row.source_messages).max(1)
}
