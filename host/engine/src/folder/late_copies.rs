//! Second copies that a dead connection stored after they were looked for.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::{FetchItems, Flags, UidSet};

use crate::folder::run::FolderRun;
use crate::folder::work::Step;
use crate::message::list::{contents, list};
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Batch, Row};
use crate::summary::{Difference, DifferenceKind};

impl FolderRun<'_> {
    /// A dead connection may have stored a message after it was looked for and sent again. Such a second copy
    /// lies above the intent's UIDNEXT, is nobody's in the ledger, and has the bytes of ours. It is removed
    /// by its UID where the server can remove single messages; else it is returned. `None` when the target
    /// does not give a message that may be one: a later run has to look again.
    ///
    /// # Errors
    /// When the target or the ledger fails.
    pub(super) async fn late_copies(&mut self) -> Step<Option<Vec<Difference>>> {
        let at = EndError::at(Side::Target);
        let work = self.work();
        let target_path = &self.route.target;
        let target = &mut self.ends.target;
        let from = Batch::first_uid(&self.in_doubt);
        let (claimed, rows) = {
            let ledger = work.ledger();
            (ledger.claimed_in(self.place)?, ledger.rows(self.row.id)?)
        };
        let ours: Vec<&Row> = self
            .in_doubt
            .iter()
            .flat_map(Batch::uids)
            .filter_map(|uid| rows.get(&uid))
            .filter(|row| row.place() == Some(self.place) && row.target_uid().is_some())
            .collect();
        // What another connection has stored since is news too; Courier tells it only when asked.
        target.noop().await.map_err(&at)?;
        let there = list(target, UidSet::range(from, u32::MAX), FetchItems::Meta).await.map_err(&at)?;
        if ours.is_empty() || there.iter().all(|m| claimed.contains(m.uid)) {
            return Ok(Some(Vec::new()));
        }
        // A server that rewrites made the same of both: sizes and bytes are compared among its copies, too.
        let size_there: HashMap<u32, u64> = there.iter().map(|m| (m.uid, m.size())).collect();
        let size_of = |row: &Row| row.target_uid().and_then(|uid| size_there.get(&uid).copied());
        let sizes: HashSet<u64> =
            ours.iter().flat_map(|row| [Some(row.size), size_of(row)]).flatten().collect();
        let candidates: Vec<u32> = there
            .iter()
            .filter(|m| !claimed.contains(m.uid) && sizes.contains(&m.size()))
            .map(|m| m.uid)
            .collect();
        let found = contents(target, &candidates).await.map_err(&at)?;
        if !found.refused.is_empty() {
            return Ok(None);
        }
        let found = found.found;
        if found.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let first: Vec<u32> = ours.iter().filter_map(|row| row.target_uid()).collect();
        let first = contents(target, &first).await.map_err(&at)?.found;
        let sources: Vec<u32> = ours.iter().map(|row| row.uid).collect();
        let known = work.ledger().contents(self.row.id, &sources)?;
        let mut by_bytes: HashMap<[u8; 32], &Row> = HashMap::new();
        for row in &ours {
            let there = row.target_uid().and_then(|uid| first.get(&uid)).map(|content| content.exact);
            let sent = known.get(&row.uid).and_then(|known| known.exact);
            by_bytes.extend([sent, there].into_iter().flatten().map(|bytes| (bytes, *row)));
        }
        let mut late: Vec<(u32, &Row)> = found
            .into_iter()
            .filter_map(|(uid, content)| Some((uid, *by_bytes.get(&content.exact)?)))
            .collect();
        late.sort_unstable_by_key(|(uid, _)| *uid);
        if late.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let uids: Vec<u32> = late.iter().map(|(uid, _)| *uid).collect();
        if target.facts().has("UIDPLUS") {
            let removed = async {
                target.store_flags(&uids, true, &Flags::parse("\\Deleted")).await?;
                target.expunge(&UidSet::from(&uids[..])).await
            };
            match removed.await {
                Ok(()) => {
                    for (uid, row) in &late {
                        tracing::info!(copy = uid, of = row.uid, "a second copy was removed");
                    }
                    let source = &self.row.source;
                    let message = match &late[..] {
                        [(uid, row)] => format!(
                            "{source}: a connection that was lost stored a second copy of message {} late; it was removed \
                             from `{target_path}` (UID {uid})",
                            row.uid
                        ),
                        more => format!(
                            "{source}: {} second copies that a lost connection stored late were removed from \
                             `{target_path}`",
                            more.len()
                        ),
                    };
                    work.warn(message).await;
                    return Ok(Some(Vec::new()));
                }
                Err(error) if error.is_connection_lost() => return Err(at(error).into()),
                Err(error) => tracing::warn!(%error, "a late copy could not be removed"),
            }
        }
        let late = late
            .into_iter()
            .map(|(uid, row)| Difference {
                folder: self.row.source.clone(),
                uid: row.uid,
                target_uid: Some(uid),
                kind: DifferenceKind::Duplicate,
                by: None,
                detail: format!(
                    "a connection that was lost stored a second copy late; message {uid} of `{target_path}` can be removed"
                ),
                note: false,
            })
            .collect();
        Ok(Some(late))
    }
}
