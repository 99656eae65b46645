//! A source that numbers its messages anew: they are found again by their content.

use std::collections::{BTreeMap, HashMap};

use mailhaul_imap::Session;

use crate::message::list::contents;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::Row;

/// Messages whose contents are read in one go.
const CHUNK: usize = 500;

/// Reads every message of the examined source folder and pairs it with the row of the same content, one
/// to one, in UID order: (UID in the row, UID now). Nothing but content is believed, since a number that
/// still exists may be another message's. `Err` inside: a message that the source does not give may be one that was
/// copied, in a sentence.
///
/// # Errors
/// When the source fails.
pub(crate) async fn rematch(
    source: &mut Session,
    uids: &[u32],
    rows: &HashMap<u32, Row>,
) -> Result<Result<Vec<(u32, u32)>, String>, EndError> {
    let copied = rows.values().filter(|row| row.target_uid.is_some()).count();
    if copied == 0 {
        return Ok(Ok(Vec::new()));
    }
    let mut now = Vec::with_capacity(uids.len());
    let mut refused = BTreeMap::new();
    for chunk in uids.chunks(CHUNK) {
        let read = contents(source, chunk).await.map_err(EndError::at(Side::Source))?;
        refused.extend(read.refused);
        for (uid, content) in read.found {
            now.push((uid, content.digests().exact, content.digests().body));
        }
    }
    now.sort_unstable();
    let pairs = pair(rows, &now);
    Ok(match refused.into_iter().next().filter(|_| pairs.len() < copied) {
        Some((uid, words)) => Err(format!(
            "the source numbers its messages anew and does not give message {uid}, which may be one that was copied: \
             {words}"
        )),
        None => Ok(pairs),
    })
}

fn pair(rows: &HashMap<u32, Row>, now: &[(u32, [u8; 32], [u8; 16])]) -> Vec<(u32, u32)> {
    let mut order: Vec<&Row> = rows.values().filter(|row| row.target_uid.is_some()).collect();
    order.sort_by_key(|row| row.uid);
    let mut exact: HashMap<[u8; 32], Vec<u32>> = HashMap::new();
    let mut body: HashMap<[u8; 16], Vec<u32>> = HashMap::new();
    // The last of a list is taken first: in reverse, so that the first comes first.
    for row in order.iter().rev() {
        if let Some(digest) = row.digest {
            exact.entry(digest).or_default().push(row.uid);
        }
        if let Some(digest) = row.body_digest {
            body.entry(digest).or_default().push(row.uid);
        }
    }
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    let mut open = Vec::new();
    for (uid, digest, body) in now {
        match exact.get_mut(digest).and_then(Vec::pop) {
            Some(old) => pairs.push((old, *uid)),
            None => open.push((*uid, *body)),
        }
    }
    let taken: std::collections::HashSet<u32> = pairs.iter().map(|(old, _)| *old).collect();
    for (uid, digest) in open {
        let Some(list) = body.get_mut(&digest) else { continue };
        while let Some(old) = list.pop() {
            if !taken.contains(&old) {
                pairs.push((old, uid));
                break;
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::ledger::Outcome;

    fn row(uid: u32, exact: u8, body: u8) -> (u32, Row) {
        let row = Row {
            uid,
            outcome: Outcome::Copied,
            size: 1,
            digest: Some([exact; 32]),
            body_digest: Some([body; 16]),
            place: None,
            target_uid: Some(uid + 100),
            flags: None,
            proven: true,
            attempts: 0,
            code: None,
        };
        (uid, row)
    }

    #[test]
    fn numbers_are_found_again_by_content_one_to_one() {
        // 1 and 2 are identical copies; 3 is unique; 4 was deleted.
        let rows = HashMap::from([row(1, 7, 7), row(2, 7, 7), row(3, 8, 8), row(4, 9, 9)]);
        let now =
            [(1, [8; 32], [8; 16]), (2, [7; 32], [7; 16]), (3, [7; 32], [7; 16]), (4, [7; 32], [7; 16])];
        let mut pairs = pair(&rows, &now);
        pairs.sort_unstable();
        assert_eq!(pairs, [(1, 2), (2, 3), (3, 1)], "a third copy is new");
    }

    #[test]
    fn a_header_that_the_source_rewrites_does_not_hide_a_message() {
        let rows = HashMap::from([row(1, 7, 5)]);
        assert_eq!(pair(&rows, &[(9, [1; 32], [5; 16])]), [(1, 9)]);
        // But one row is one message.
        assert_eq!(pair(&rows, &[(8, [7; 32], [5; 16]), (9, [1; 32], [5; 16])]), [(1, 8)]);
    }
}
