//! Messages that came shorter or longer than the source says they are: cut by a damaged store, or only estimated.

use crate::event::Event;
use crate::folder::work::{Step, Work};
use crate::state::ledger::{FolderRow, OddLength};
use crate::summary::{Difference, DifferenceKind};

/// Records and tells every copied message that came with another length than its RFC822.SIZE, unless most of the mailbox
/// did: such a source estimates, and nothing follows from what it says. Returns how many there are.
///
/// # Errors
/// When the ledger fails.
pub(crate) async fn tell(work: Work<'_>) -> Step<usize> {
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
    let recorded = |row: &FolderRow| before.iter().any(|d| d.is_of_the_source() && d.folder == row.source);
    let concerned = |row: &FolderRow| recorded(row) || odd.iter().any(|length| length.folder == row.id);
    let folders = if odd.is_empty() && !before.iter().any(Difference::is_of_the_source) {
        Vec::new()
    } else {
        work.ledger().folders()?
    };
    for row in folders.iter().filter(|row| concerned(row)) {
        let found: Vec<Difference> =
            odd.iter().filter(|length| length.folder == row.id).map(difference).collect();
        work.ledger().replace_differences(row.id, Difference::is_of_the_source, &found)?;
    }
    for difference in odd.iter().map(difference).filter(|difference| !before.contains(difference)) {
        work.context.emit(Event::DifferenceFound { mailbox: work.key().to_owned(), difference }).await;
    }
    Ok(odd.len())
}

fn difference(length: &OddLength) -> Difference {
    let OddLength { came, said, .. } = *length;
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
