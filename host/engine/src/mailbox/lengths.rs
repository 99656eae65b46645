//! Messages that came shorter or longer than the source says they are: cut by a damaged store, or only
//! estimated.

use std::collections::{HashMap, HashSet};

use crate::event::Event;
use crate::folder::work::{MailboxWork, Step};
use crate::state::ledger::{FolderId, FolderRow, OddLength};
use crate::summary::{Difference, DifferenceKind};

/// Records and tells every copied message that came with another length than its RFC822.SIZE, unless most of
/// the mailbox did: such a source estimates, and nothing follows from what it says. Returns how many there
/// are.
///
/// # Errors
/// When the ledger fails.
pub(crate) async fn tell(work: MailboxWork<'_>) -> Step<usize> {
    let (odd, copied, before) = {
        let ledger = work.ledger();
        let copied: u64 = ledger.folder_summaries()?.iter().map(|folder| folder.counts.copied).sum();
        (ledger.odd_lengths()?, copied, ledger.differences()?)
    };
    let estimates = odd.len() as u64 * 2 > copied;
    if estimates && !odd.is_empty() {
        let message = format!(
            "the source only estimates sizes: {} of {copied} messages came with another length than it says, so one that is \
             cut short at the source cannot be told",
            odd.len()
        );
        work.warn(message).await;
    }
    let odd = if estimates { Vec::new() } else { odd };
    let recorded: HashSet<&str> =
        before.iter().filter(|d| d.is_by_source()).map(|d| d.folder.as_str()).collect();
    let mut found: HashMap<FolderId, Vec<Difference>> = HashMap::new();
    for length in &odd {
        found.entry(length.folder).or_default().push(difference(length));
    }
    let concerned = |row: &FolderRow| recorded.contains(row.source.as_str()) || found.contains_key(&row.id);
    let folders = if odd.is_empty() && recorded.is_empty() { Vec::new() } else { work.ledger().folders()? };
    for row in folders.iter().filter(|row| concerned(row)) {
        let found = found.get(&row.id).map(Vec::as_slice).unwrap_or_default();
        work.ledger().replace_differences(row.id, Difference::is_by_source, found)?;
    }
    for difference in odd.iter().map(difference).filter(|difference| !before.contains(difference)) {
        work.context.emit(Event::DifferenceFound { mailbox: work.key().to_owned(), difference }).await;
    }
    Ok(odd.len())
}

fn difference(length: &OddLength) -> Difference {
    let OddLength { received: came, announced: said, .. } = *length;
    Difference {
        folder: length.source.clone(),
        uid: length.uid,
        target_uid: length.target_uid,
        kind: if came < said { DifferenceKind::Truncated } else { DifferenceKind::AlteredBody },
        by: Some(Difference::BY_SOURCE.to_owned()),
        detail: format!(
            "the source says that it has {said} bytes and gave {came}; what came was copied: look at it in the old mailbox"
        ),
        note: false,
    }
}
