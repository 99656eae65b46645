//! What the lists alone do not explain: missing messages that were moved, second copies, and mail that is not
//! ours.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::{FetchItems, FolderName, UidSet};

use crate::folder::work::{MailboxWork, Step, WorkError};
use crate::mailbox::connect::dial_again;
use crate::mailbox::verify::folder::CHUNK;
use crate::message::content::Content;
use crate::message::list::{ListedMessage, contents, list};
use crate::message::taken_away;
use crate::server::dial::Ends;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{FolderRow, Row};
use crate::summary::{Difference, DifferenceKind};

/// A message that should be in its target folder and is not.
pub(super) struct MissingMessage {
    pub folder: usize,
    pub row: Row,
    /// Where it was seen there: it is one of as many as an owner moves or deletes.
    pub ordinary: bool,
}

/// A target message that the ledger does not account for.
pub(super) struct ExtraMessage {
    pub path: String,
    pub message: ListedMessage,
}

/// Tells missing messages from moved ones, and second copies from mail that is not ours.
pub(super) async fn explain(
    work: MailboxWork<'_>,
    ends: &mut Ends,
    folders: &[FolderRow],
    names: &HashMap<String, FolderName>,
    missing: Vec<MissingMessage>,
    extras: Vec<ExtraMessage>,
    found: &mut [Vec<Difference>],
) -> Step<()> {
    let at = |e| WorkError::End(EndError::Imap(Side::Target, e));
    let mut by_folder: HashMap<&str, Vec<&ExtraMessage>> = HashMap::new();
    for extra in &extras {
        by_folder.entry(&extra.path).or_default().push(extra);
    }
    // Contents of unaccounted messages, each with its place.
    let mut known: HashMap<[u8; 32], Vec<(String, u32)>> = HashMap::new();
    let mut duplicates: HashSet<(String, u32)> = HashSet::new();
    for (n, row) in folders.iter().enumerate() {
        let Some(target) = &row.target else { continue };
        let Some(here) = by_folder.remove(target.as_str()) else { continue };
        let Some(name) = names.get(target) else { continue };
        ends.target.examine(name).await.map_err(at)?;
        let uids: Vec<u32> = here.iter().map(|e| e.message.uid).collect();
        let sizes: HashSet<u64> = here.iter().map(|e| e.message.size()).collect();
        let mut of_extras = HashMap::new();
        for chunk in uids.chunks(CHUNK) {
            of_extras.extend(read(work, ends, name, chunk).await?);
        }
        // Only our own messages of such a size can be what an extra one is a second copy of.
        let there = list(&mut ends.target, UidSet::all(), FetchItems::Meta).await.map_err(at)?;
        let own: Vec<u32> = there
            .iter()
            .filter(|m| sizes.contains(&m.size()) && !uids.contains(&m.uid))
            .map(|m| m.uid)
            .collect();
        let mut of_own: HashMap<[u8; 32], u32> = HashMap::new();
        for chunk in own.chunks(CHUNK) {
            for (uid, content) in read(work, ends, name, chunk).await? {
                of_own.insert(content.exact, uid);
            }
        }
        let sources: HashMap<u32, u32> = work
            .ledger()
            .rows(row.id)?
            .into_values()
            .filter_map(|r| Some((r.target_uid()?, r.uid)))
            .collect();
        for (uid, content) in of_extras {
            if let Some(first) = of_own.get(&content.exact) {
                duplicates.insert((target.clone(), uid));
                found[n].push(Difference {
                    folder: row.source.clone(),
                    uid: sources.get(first).copied().unwrap_or(0),
                    target_uid: Some(uid),
                    kind: DifferenceKind::Duplicate,
                    by: None,
                    detail: format!("a second copy of message {first} in `{target}`"),
                    note: false,
                });
            } else {
                known.entry(content.exact).or_default().push((target.clone(), uid));
            }
        }
    }
    let mut moved: HashSet<(String, u32)> = HashSet::new();
    for MissingMessage { folder, row, ordinary } in missing {
        let source = folders[folder].source.clone();
        let was_in = folders[folder].target.as_deref().unwrap_or_default();
        let content = work.ledger().contents(folders[folder].id, &[row.uid])?.remove(&row.uid);
        let exact = content.and_then(|content| content.exact);
        let elsewhere = exact.and_then(|d| known.get_mut(&d)).and_then(Vec::pop);
        moved.extend(elsewhere.clone());
        found[folder].push(if elsewhere.is_some() || row.proven() {
            taken_away::difference(&source, &row, elsewhere, was_in, ordinary && row.proven())
        } else {
            let (uid, target_uid, kind) = (row.uid, row.target_uid(), DifferenceKind::Missing);
            Difference { folder: source, uid, target_uid, kind, by: None, detail: String::new(), note: false }
        });
    }
    for extra in extras {
        let place = (extra.path, extra.message.uid);
        if duplicates.contains(&place) || moved.contains(&place) {
            continue;
        }
        if let Some(n) = folders.iter().position(|f| f.target.as_deref() == Some(&place.0)) {
            found[n].push(Difference {
                folder: folders[n].source.clone(),
                uid: 0,
                target_uid: Some(place.1),
                kind: DifferenceKind::Extra,
                by: None,
                detail: format!("in `{}`, not put there by this project", place.0),
                note: true,
            });
        }
    }
    Ok(())
}

/// Reads messages of the target folder. Where its connection ends at one of them, it is found as in a copy.
async fn read(
    work: MailboxWork<'_>,
    ends: &mut Ends,
    name: &FolderName,
    uids: &[u32],
) -> Step<HashMap<u32, Content>> {
    let at = EndError::at(Side::Target);
    loop {
        let blamed = work.context.breaks.blamed_count(work.mailbox);
        match contents(&mut ends.target, uids).await {
            Ok(read) => return Ok(read.found),
            Err(error) => dial_again(work, ends, blamed, at(error)).await?,
        }
        ends.target.examine(name).await.map_err(&at)?;
    }
}
