//! Copies that were dated by a rule, held against the same rule: their dates are in no list of the source.

use mailhaul_imap::{FetchItems, ImapError, InternalDate, Session, UidSet};

use crate::message::dating::{DateRule, date_of};
use crate::summary::{Difference, DifferenceKind};

/// Bytes of a header in which its dates are looked for.
const MOST: usize = 256 * 1024;

/// A copy of a message of which the source gives no date, or none that the target took.
#[derive(Debug, Clone, Copy)]
pub(super) struct DatedCopy {
    pub uid: u32,
    pub target_uid: u32,
    pub date: InternalDate,
}

/// The copies that have none of the dates that their messages' headers give, as differences. Where a header
/// gives none, the copy was given the time at which it was made, and nobody can tell whether that is right.
///
/// # Errors
/// When the connection fails. What the source does not give now is not looked at.
pub(super) async fn other_dates(
    source: &mut Session,
    folder: &str,
    copies: &[DatedCopy],
) -> Result<Vec<Difference>, ImapError> {
    let mut differences = Vec::new();
    if copies.is_empty() {
        return Ok(differences);
    }
    let uids: UidSet = copies.iter().map(|copy| copy.uid).collect();
    let mut fetch = source.fetch(uids, FetchItems::Headers);
    while let Some(message) = fetch.next().await? {
        let mut header = Vec::new();
        if message.body_len.is_some() {
            while let Some(piece) = fetch.chunk().await? {
                header.extend(piece.iter().take(MOST.saturating_sub(header.len())));
            }
        }
        let Some(copy) = copies.iter().find(|copy| copy.uid == message.uid) else { continue };
        differences.extend(other_date(folder, copy, &header));
    }
    Ok(differences)
}

fn other_date(folder: &str, copy: &DatedCopy, header: &[u8]) -> Option<Difference> {
    let (rule, date) = date_of(header, None);
    let first = date?;
    // The target may not have taken the first.
    let (_, second) = date_of(header, Some(&first));
    let is_its = |date: &InternalDate| date.unix_seconds == copy.date.unix_seconds;
    if is_its(&first) || second.as_ref().is_some_and(is_its) {
        return None;
    }
    let line = if rule == DateRule::Received { "newest Received line" } else { "Date line" };
    Some(Difference {
        folder: folder.to_owned(),
        uid: copy.uid,
        target_uid: Some(copy.target_uid),
        kind: DifferenceKind::Date,
        by: None,
        detail: format!(
            "{first} by its {line}, since the source's date does not count; {} on the target",
            copy.date
        ),
        note: false,
    })
}
