//! What interrupted runs left in doubt where no folder run goes any more: looked up where it was sent.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::{FetchItems, FolderName, UidSet};

use crate::folder::copy::item::Route;
use crate::folder::run::FolderRun;
use crate::folder::work::{MailboxWork, Step};
use crate::message::list::list;
use crate::server::dial::Ends;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Batch, FolderRow};

/// Both ends' spellings of their folders, by display path.
pub(crate) struct FolderNames {
    pub source: HashMap<String, FolderName>,
    pub target: HashMap<String, FolderName>,
}

/// Looks up the `chosen` intents that nobody has looked up yet, each in the folder it was sent to, and
/// records what is there as copied.
///
/// # Errors
/// When an end or the ledger fails; running it again continues.
pub(crate) async fn look_up(
    work: MailboxWork<'_>,
    mut ends: Ends,
    names: &FolderNames,
    chosen: impl Fn(&FolderRow, &Batch) -> bool,
) -> Step<Ends> {
    if !work.ledger().has_open_intents()? {
        return Ok(ends);
    }
    let rows = work.ledger().folders()?;
    for row in rows {
        let mut batches = work.ledger().open_batches(row.id)?;
        batches.retain(|batch| !batch.looked_up && chosen(&row, batch));
        if !batches.is_empty() {
            ends = Box::pin(in_folder(work, ends, names, row, batches)).await?;
        }
    }
    Ok(ends)
}

async fn in_folder(
    work: MailboxWork<'_>,
    mut ends: Ends,
    names: &FolderNames,
    row: FolderRow,
    batches: Vec<Batch>,
) -> Step<Ends> {
    let path = row.place_path.clone().unwrap_or_default();
    let target = match names.target.get(&path) {
        Some(name) => Some((name, ends.target.select(name).await.map_err(EndError::at(Side::Target))?)),
        None => None,
    };
    let sent_there = |validity| batches.iter().all(|batch| batch.is_about(&path, validity));
    let target = target.filter(|(_, selected)| sent_there(selected.uid_validity));
    let (Some((name, selected)), Some(place)) = (target, row.place) else {
        // That folder is no more, or another one has its name: nothing of it is there.
        let ids: Vec<i64> = batches.iter().map(|batch| batch.id).collect();
        work.ledger().forget_batches(row.id, &ids)?;
        return Ok(ends);
    };
    let (rows, mut vanished) = {
        let ledger = work.ledger();
        (ledger.rows(row.id)?, ledger.unaccounted_messages(row.id)?)
    };
    let open = match names.source.get(&row.source) {
        Some(source) => {
            let examined = ends.source.examine(source).await.map_err(EndError::at(Side::Source))?;
            if examined.exists > 0 && examined.uid_validity == row.source_uid_validity {
                let sent: UidSet = vanished.keys().copied().collect();
                list(&mut ends.source, sent, FetchItems::Meta).await.map_err(EndError::at(Side::Source))?
            } else {
                Vec::new()
            }
        }
        None => Vec::new(),
    };
    for message in &open {
        vanished.remove(&message.uid);
    }
    let route = Route {
        work,
        folder: row.id,
        source: row.source.clone(),
        source_name: names.source.get(&row.source).unwrap_or(name).clone(),
        target: path,
        target_name: name.clone(),
        selected,
        append_limit: None,
        limit_by: None,
        together: true,
        misdated: HashMap::new(),
        unread: HashSet::new(),
        exact: false,
        most_refused: usize::MAX,
        copied_before: (0, 0),
        most_complaints: u32::MAX,
    };
    let mut folder = FolderRun::new(ends, route, row, place, rows);
    folder.vanished = vanished;
    folder.in_doubt = batches;
    folder.look(true).await?;
    // Only what lies above its intent was put there by us; the rest was there before.
    let from = Batch::first_uid(&folder.in_doubt);
    folder.unclaimed.retain(|uid| *uid >= from);
    folder.wanted = open;
    folder.adopt().await?;
    Ok(folder.ends)
}
