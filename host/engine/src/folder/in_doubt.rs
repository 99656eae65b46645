//! What interrupted runs left in doubt: looked up where it was sent when no folder run goes there any more, and told
//! when it cannot be.

use std::collections::{BTreeMap, HashMap, HashSet};

use mailhaul_imap::{FetchItems, FolderName, Session, UidSet};

use crate::folder::adopt::look;
use crate::folder::adopt::{Home, adopt};
use crate::folder::copy::item::FolderCopy;
use crate::folder::work::{Work, WorkError, locked};
use crate::message::list::list;
use crate::server::dial::Ends;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Batch, FolderRow};

/// At most this many UIDs are named in a sentence.
const NAMED: usize = 5;

type Step<T> = Result<T, WorkError>;

/// Both ends' spellings of their folders, by display path.
pub(crate) struct Names {
    /// The source's.
    pub source: HashMap<String, FolderName>,
    /// The target's.
    pub target: HashMap<String, FolderName>,
}

/// Looks up the `chosen` intents that nobody has looked up yet, each in the folder it was sent to, and records what is
/// there as copied.
///
/// # Errors
/// When an end or the ledger fails; running it again continues.
pub(crate) async fn look_up(
    work: Work<'_>,
    pair: &mut Ends,
    names: &Names,
    chosen: impl Fn(&FolderRow, &Batch) -> bool,
) -> Step<()> {
    if !locked(work.ledger).doubtful()? {
        return Ok(());
    }
    let rows = locked(work.ledger).folders()?;
    for row in rows {
        let mut batches = locked(work.ledger).open_batches(row.id)?;
        batches.retain(|batch| !batch.looked_up && chosen(&row, batch));
        if !batches.is_empty() {
            in_folder(work, pair, names, &row, &batches).await?;
        }
    }
    Ok(())
}

async fn in_folder(
    work: Work<'_>,
    pair: &mut Ends,
    names: &Names,
    row: &FolderRow,
    batches: &[Batch],
) -> Step<()> {
    let path = row.place_path.as_deref().unwrap_or_default();
    let target = match names.target.get(path) {
        Some(name) => Some((name, pair.target.select(name).await.map_err(EndError::at(Side::Target))?)),
        None => None,
    };
    let sent_there = |validity| batches.iter().all(|batch| batch.is_about(path, validity));
    let target = target.filter(|(_, selected)| sent_there(selected.uid_validity));
    let (Some((name, selected)), Some(place)) = (target, row.place) else {
        // That folder is no more, or another one has its name: nothing of it is there.
        let ids: Vec<i64> = batches.iter().map(|batch| batch.id).collect();
        return Ok(locked(work.ledger).forget_batches(row.id, &ids)?);
    };
    let (rows, mut vanished) = {
        let ledger = locked(work.ledger);
        (ledger.rows(row.id)?, ledger.unaccounted(row.id)?)
    };
    let open = match names.source.get(&row.source) {
        Some(source) => {
            let examined = pair.source.examine(source).await.map_err(EndError::at(Side::Source))?;
            if examined.exists > 0 && examined.uid_validity == row.source_uid_validity {
                let sent: UidSet = vanished.keys().copied().collect();
                list(&mut pair.source, sent, FetchItems::Meta).await.map_err(EndError::at(Side::Source))?
            } else {
                Vec::new()
            }
        }
        None => Vec::new(),
    };
    for message in &open {
        vanished.remove(&message.uid);
    }
    let home = Home { row, place, rows: &rows };
    let mut job = FolderCopy {
        source: row.source.clone(),
        source_name: names.source.get(&row.source).unwrap_or(name).clone(),
        folder: row.id,
        target_name: name.clone(),
        selected,
        append_limit: None,
        limit_by: None,
        together: true,
    };
    let there = look(work, pair, home, &mut job, true, batches).await?;
    // Only what lies above its intent was put there by us; the rest was there before.
    let from = Batch::first_uid(batches);
    let came: Vec<u32> = there.unclaimed.into_iter().filter(|uid| *uid >= from).collect();
    adopt(work, pair, home, &job.selected, &came, open).await?;
    tell_vanished(work, &mut pair.target, home, path, from, &vanished).await?;
    Ok(locked(work.ledger).batches_looked_up(row.id)?)
}

/// Messages that were on their way when a run broke off, and that the source does not have any more, have nothing left
/// that would tell their copies from other mail. Where any may be in the open target folder, that is said.
///
/// # Errors
/// When the target or the ledger fails.
pub(crate) async fn tell_vanished(
    work: Work<'_>,
    target: &mut Session,
    home: Home<'_>,
    target_path: &str,
    from: u32,
    vanished: &BTreeMap<u32, u64>,
) -> Step<()> {
    if vanished.is_empty() {
        return Ok(());
    }
    let came = list(target, UidSet::range(from, u32::MAX), FetchItems::Meta).await;
    let mut came = came.map_err(EndError::at(Side::Target))?;
    let claimed = locked(work.ledger).claimed_in(home.place)?;
    came.retain(|message| !claimed.contains(&message.uid));
    if came.is_empty() {
        return Ok(());
    }
    let sizes: HashSet<u64> = vanished.values().copied().filter(|size| *size > 0).collect();
    let alike: Vec<u32> = came.iter().filter(|m| sizes.contains(&m.size)).map(|m| m.uid).collect();
    let sent: Vec<u32> = vanished.keys().copied().collect();
    let where_it_is = if alike.is_empty() {
        format!("{} from UID {from} on", came.len())
    } else {
        format!("by their size {}", uids(&alike))
    };
    let message = format!(
        "{}: {} messages ({}) were on their way when an earlier run broke off, and the source does not have them any \
         more; what arrived of them in `{target_path}` ({where_it_is}) is not in the ledger, `undo` would leave it, \
         `verify` lists it as extra",
        home.row.source,
        sent.len(),
        uids(&sent),
    );
    work.warn(message).await;
    Ok(())
}

/// As in `UID 4, 5, 6, 8, 9 and 12 more`.
fn uids(all: &[u32]) -> String {
    let named: Vec<String> = all.iter().take(NAMED).map(u32::to_string).collect();
    let more = all.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("UID {}{more}", named.join(", "))
}
