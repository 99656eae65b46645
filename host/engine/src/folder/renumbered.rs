//! Messages of the source under other numbers than they had: known again by their content.
//!
//! A source numbers a folder anew (another UIDVALIDITY), is put back from a backup and gives numbers a second
//! time, or a message is moved out of its folder and back. In each case the row of a copy has lost its
//! number, and the message has one that no row has.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::folder::work::{MailboxWork, Step};
use crate::message::list::{ListedMessage, contents};
use crate::server::dial::Ends;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Digests, Figures, StrayCopy};

/// Messages whose contents are read in one go.
const CHUNK: usize = 500;

/// Reads messages that have no row and may be strays. Where the whole folder was `renumbered`, every message
/// is read; else only those of a stray's size. `Err` inside, only where all was renumbered: a message that
/// the source does not give may be one that was copied, in a sentence.
///
/// # Errors
/// When the source fails, and when the user stops it.
pub(super) async fn read_again(
    work: MailboxWork<'_>,
    ends: &mut Ends,
    new: &[&ListedMessage],
    strays: &[StrayCopy],
    renumbered: bool,
) -> Step<Result<Vec<NumberedMessage>, String>> {
    if strays.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let sizes: HashSet<u64> = strays.iter().map(|stray| stray.at_source.size).collect();
    let worth = |m: &&&ListedMessage| renumbered || sizes.contains(&m.size());
    let figures: BTreeMap<u32, Figures> = new.iter().filter(worth).map(|m| (m.uid, m.figures())).collect();
    let uids: Vec<u32> = figures.keys().copied().collect();
    let mut now = Vec::with_capacity(uids.len());
    let mut refused = BTreeMap::new();
    for chunk in uids.chunks(CHUNK) {
        work.check_stop()?;
        ends.stay().await?;
        let read = contents(&mut ends.source, chunk).await.map_err(EndError::at(Side::Source))?;
        refused.extend(read.refused);
        for (uid, content) in read.found {
            let figures = figures.get(&uid).copied().unwrap_or_default();
            now.push(NumberedMessage { uid, figures, digests: content.digests() });
        }
    }
    now.sort_unstable_by_key(|found| found.uid);
    let missing = |now: &[NumberedMessage]| pair(strays, now, true).len() < strays.len();
    Ok(match refused.into_iter().next().filter(|_| renumbered && missing(&now)) {
        Some((uid, words)) => Err(format!(
            "the source numbers its messages anew and does not give message {uid}, which may be one that was copied: \
             {words}"
        )),
        None => Ok(now),
    })
}

/// A message of the source under a UID that no row has.
pub(super) struct NumberedMessage {
    uid: u32,
    figures: Figures,
    digests: Digests,
}

/// Pairs messages that have no row with strays of the same content, one to one, in their order: (number of
/// the row, number now, what is listed now). Where the whole folder was `renumbered`, one that its server has
/// rewritten is known as well; else bytes and date have to be the same.
#[must_use]
pub(super) fn pair(
    strays: &[StrayCopy],
    now: &[NumberedMessage],
    renumbered: bool,
) -> Vec<(i64, u32, Figures)> {
    // By what is worth a look: few strays share bytes or a body.
    let mut exact: HashMap<[u8; 32], Vec<usize>> = HashMap::new();
    let mut body: HashMap<[u8; 16], Vec<usize>> = HashMap::new();
    for (n, stray) in strays.iter().enumerate() {
        stray.content.exact.into_iter().for_each(|digest| exact.entry(digest).or_default().push(n));
        stray.content.body.into_iter().for_each(|digest| body.entry(digest).or_default().push(n));
    }
    let mut taken = HashSet::new();
    let mut pairs = Vec::new();
    let mut open: Vec<&NumberedMessage> = now.iter().collect();
    // The strongest evidence takes its pick first.
    let passes: &[Evidence] = if renumbered {
        &[Evidence::BytesAndDate, Evidence::Bytes, Evidence::Rewritten]
    } else {
        &[Evidence::BytesAndDate]
    };
    for evidence in passes {
        open.retain(|found| {
            let candidates = match evidence {
                Evidence::BytesAndDate | Evidence::Bytes => exact.get(&found.digests.exact),
                Evidence::Rewritten => body.get(&found.digests.body),
            };
            let fits = |n: &&usize| !taken.contains(*n) && evidence.holds(&strays[**n], found);
            let Some(n) = candidates.and_then(|list| list.iter().find(fits)).copied() else { return true };
            taken.insert(n);
            pairs.push((strays[n].source_uid, found.uid, found.figures));
            false
        });
    }
    pairs
}

/// What has to be the same for a stray and a message to be one.
#[derive(Clone, Copy)]
enum Evidence {
    /// Every byte, and the date where both are known.
    BytesAndDate,
    /// The same bytes, whatever the dates.
    Bytes,
    /// The body, and every telling header, as a server leaves them that rewrites.
    Rewritten,
}

impl Evidence {
    fn holds(self, stray: &StrayCopy, found: &NumberedMessage) -> bool {
        let dates = stray.at_source.date.zip(found.figures.date);
        match self {
            Self::BytesAndDate => dates.is_none_or(|(then, now)| then == now),
            Self::Bytes => true,
            Self::Rewritten => stray.content.is(&found.digests, dates.is_some_and(|(then, now)| then == now)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::ledger::{HeaderChecks, RecordedContent};

    fn telling(subject: &str) -> HeaderChecks {
        HeaderChecks::of(&[Some(b"<1>".to_vec()), None, None, None, Some(subject.into())])
    }

    fn stray(source_uid: i64, exact: u8, body: u8, subject: &str, date: i64) -> StrayCopy {
        let content = RecordedContent {
            exact: Some([exact; 32]),
            body: Some([body; 16]),
            telling: Some(telling(subject)),
            altered: None,
        };
        StrayCopy { source_uid, at_source: Figures { size: 1, date: Some(date) }, content }
    }

    fn found(uid: u32, exact: u8, body: u8, subject: &str, date: i64) -> NumberedMessage {
        let digests =
            Digests { exact: [exact; 32], body: [body; 16], telling: telling(subject), message_id: None };
        NumberedMessage { uid, figures: Figures { size: 1, date: Some(date) }, digests }
    }

    fn numbers(strays: &[StrayCopy], now: &[NumberedMessage], renumbered: bool) -> Vec<(i64, u32)> {
        pair(strays, now, renumbered).into_iter().map(|(row, uid, _)| (row, uid)).collect()
    }

    #[test]
    fn content_pairs_one_to_one_in_order_exact_before_rewritten() {
        let strays = [stray(1, 1, 1, "a", 0), stray(2, 2, 2, "b", 0), stray(3, 2, 2, "b", 0)];
        let now = [
            found(11, 2, 2, "b", 0),
            found(12, 9, 1, "a", 0),
            found(13, 2, 2, "b", 0),
            found(14, 7, 7, "c", 0),
        ];
        assert_eq!(numbers(&strays, &now, true), [(2, 11), (3, 13), (1, 12)]);
    }

    /// A cron mail of today was taken for one of last week that had the same text, and never copied.
    #[test]
    fn a_body_alone_is_no_message() {
        assert_eq!(numbers(&[stray(1, 1, 1, "monday", 0)], &[found(11, 2, 1, "tuesday", 0)], true), []);
    }

    #[test]
    fn of_identical_copies_those_of_one_date_belong_together() {
        let strays = [stray(1, 1, 1, "a", 10), stray(2, 1, 1, "a", 20)];
        assert_eq!(numbers(&strays, &[found(11, 1, 1, "a", 20)], true), [(2, 11)]);
    }

    #[test]
    fn a_message_that_comes_back_has_its_bytes_and_its_date() {
        assert_eq!(numbers(&[stray(-1, 1, 1, "a", 10)], &[found(11, 1, 1, "a", 10)], false), [(-1, 11)]);
        assert_eq!(numbers(&[stray(-1, 1, 1, "a", 10)], &[found(11, 1, 1, "a", 11)], false), []);
        assert_eq!(numbers(&[stray(-1, 1, 1, "a", 10)], &[found(11, 2, 1, "a", 10)], false), []);
    }
}
