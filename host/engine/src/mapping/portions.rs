//! What becomes of the messages of a folder that is copied: each is settled, left out, too large, or to copy.

use std::collections::{BTreeMap, HashSet};

use mailhaul_imap::{FolderName, ImapError, Session, UidSet};

use crate::assessment::Portion;
use crate::message::list::{ListedMessage, WholeList, list_whole};
use crate::message::select::left_out;
use crate::plan::LeftOut;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{FolderRow, Ledger, LedgerError, Outcome};
use crate::task::context::Context;

/// Folders with up to so many messages are listed together, and together they have no more.
const MESSAGES_AT_ONCE: u32 = 2_000;

/// At most this many folders are asked about in one round trip.
const FOLDERS_AT_ONCE: usize = 500;

/// By what a plan tells how much there is to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// Both servers' STATUS and the ledger: nothing is fetched, and what only a message's size, date or flags
    /// would tell is not known.
    Counted,
    /// The message lists as well, of the folders where these decide what is left out or too large.
    Listed,
}

/// What becomes of a folder's messages. The four portions make up the folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Portions {
    /// How many messages the source has, where it tells.
    pub messages: Option<u32>,
    pub to_copy: u64,
    /// Bytes of those to copy; `None` where the source tells no sizes.
    pub bytes_to_copy: Option<u64>,
    pub already_there: u64,
    pub too_large: Portion,
    pub left_out: Vec<LeftOut>,
}

impl Portions {
    /// Those of a folder that nobody has to list: what the ledger has settled of it, messages and bytes, is
    /// taken from what its STATUS says.
    #[must_use]
    pub(crate) fn counted(messages: Option<u32>, size: Option<u64>, settled: Portion) -> Self {
        let all = u64::from(messages.unwrap_or(0));
        // The source may have lost some since.
        let already_there = settled.messages.min(all);
        let to_copy = all - already_there;
        let bytes_to_copy = match to_copy {
            0 => Some(0),
            _ => size.map(|size| size.saturating_sub(settled.bytes)),
        };
        Self { messages, to_copy, bytes_to_copy, already_there, ..Self::default() }
    }

    /// Those of a folder that is left out as a whole.
    #[must_use]
    pub(crate) fn all_left_out(messages: Option<u32>, size: Option<u64>, rule: &str) -> Self {
        let portion = Portion { messages: u64::from(messages.unwrap_or(0)), bytes: size.unwrap_or(0) };
        let left_out = LeftOut { rule: rule.to_owned(), portion };
        let left_out = (portion.messages > 0).then_some(left_out).into_iter().collect();
        Self { messages, bytes_to_copy: Some(0), left_out, ..Self::default() }
    }

    /// Those of a folder by its list, in the order in which a run decides: what is settled is settled, then
    /// `rule` leaves out, then the target's `limit` counts. So many are `unlisted`, of which nobody knows
    /// anything.
    #[must_use]
    fn divided(
        (listed, unlisted): (&[ListedMessage], u32),
        is_settled: impl Fn(u32) -> bool,
        rule: impl Fn(&ListedMessage) -> Option<String>,
        limit: Option<u64>,
    ) -> Self {
        let mut to_copy = Portion { messages: u64::from(unlisted), bytes: 0 };
        let (mut already_there, mut too_large) = (0, Portion::default());
        let mut left_out = Sums::default();
        for message in listed {
            if is_settled(message.uid) {
                already_there += 1;
            } else if let Some(rule) = rule(message) {
                left_out.add(rule, message.size());
            } else if limit.is_some_and(|limit| message.size() > limit) {
                too_large.add(message.size());
            } else {
                to_copy.add(message.size());
            }
        }
        let counted = u32::try_from(listed.len()).unwrap_or(u32::MAX).saturating_add(unlisted);
        Self {
            messages: Some(counted),
            to_copy: to_copy.messages,
            bytes_to_copy: Some(to_copy.bytes),
            already_there,
            too_large,
            left_out: left_out.into(),
        }
    }
}

/// What is left out, by rule.
#[derive(Debug, Default)]
pub(crate) struct Sums(BTreeMap<String, Portion>);

impl Sums {
    fn add(&mut self, rule: String, bytes: u64) {
        self.0.entry(rule).or_default().add(bytes);
    }
}

impl From<Sums> for Vec<LeftOut> {
    fn from(sums: Sums) -> Self {
        sums.0.into_iter().map(|(rule, portion)| LeftOut { rule, portion }).collect()
    }
}

/// The messages of a folder that need no copy any more, by the ledger.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// UIDVALIDITY that the numbers belong to.
    uid_validity: Option<u32>,
    uids: UidSet,
}

impl Settled {
    /// Reads them from the ledger. What a rule of then left out is none of them, unless its copy was kept:
    /// today's rules decide about it.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(crate) fn of(ledger: &Ledger, row: &FolderRow) -> Result<Self, LedgerError> {
        let is_there = |outcome| matches!(outcome, Outcome::Copied | Outcome::AlreadyPresent);
        let kept = |outcome, target: Option<u32>| outcome == Outcome::Skipped && target.is_some();
        let rows = ledger.rows(row.id)?;
        let settled =
            rows.values().filter(|row| is_there(row.outcome) || kept(row.outcome, row.target_uid()));
        Ok(Self { uid_validity: row.source_uid_validity, uids: settled.map(|row| row.uid).collect() })
    }

    fn has(&self, uid_validity: Option<u32>, uid: u32) -> bool {
        uid_validity.is_some() && uid_validity == self.uid_validity && self.uids.contains(uid)
    }
}

/// A folder whose list decides about its messages.
#[derive(Debug)]
pub(crate) struct ToList {
    /// Its place in the list of mapped folders.
    pub at: usize,
    /// As a note names it.
    pub path: String,
    pub name: FolderName,
    /// Messages by STATUS.
    pub messages: Option<u32>,
    /// The largest message that the target takes in the folder where its messages go.
    pub limit: Option<u64>,
    /// Whether its list matters only where a message is larger than that.
    pub only_by_limit: bool,
    pub settled: Settled,
}

/// Lists folders of the source; returns the portions of each by its place, and a note for each that the
/// source does not list. One whose list turns out not to matter has none.
///
/// # Errors
/// When the connection to the source fails.
pub(crate) async fn read(
    context: &Context,
    source: &mut Session,
    folders: Vec<ToList>,
) -> Result<(BTreeMap<usize, Portions>, Vec<String>), EndError> {
    let lost = EndError::at(Side::Source);
    let folders = without_fitting(source, folders).await.map_err(&lost)?;
    let (mut portions, mut notes) = (BTreeMap::new(), Vec::new());
    let mut rest = &folders[..];
    while !rest.is_empty() {
        let (together, behind) = rest.split_at(how_many_together(rest));
        rest = behind;
        let names: Vec<FolderName> = together.iter().map(|one| one.name.clone()).collect();
        let looks = match together {
            [_] => vec![None],
            _ => source.examine_and_list_each(&names).await.map_err(&lost)?,
        };
        for (folder, look) in together.iter().zip(looks) {
            let whole = match look {
                Some((selected, listed)) => {
                    let listed = listed.into_iter().map(ListedMessage::from).collect();
                    Ok(WholeList { selected, listed, status: None })
                }
                None => match source.examine(&folder.name).await {
                    Ok(selected) => list_whole(source, &folder.name, selected, folder.messages).await,
                    Err(error) => Err(error),
                },
            };
            match whole {
                Ok(whole) => {
                    let (list, validity) = (&whole.listed, whole.selected.uid_validity);
                    if whole.unlisted() > 0 {
                        notes.push(format!(
                            "`{}`: the source counts {} messages and lists {}; the others cannot be copied",
                            folder.path,
                            whole.counted(),
                            list.len()
                        ));
                    }
                    let is_settled = |uid| folder.settled.has(validity, uid);
                    let rule = |message: &ListedMessage| left_out(&context.job.select, message);
                    let found = Portions::divided((list, whole.unlisted()), is_settled, rule, folder.limit);
                    portions.insert(folder.at, found);
                }
                Err(error) if error.is_connection_lost() => return Err(lost(error)),
                Err(error) => notes.push(format!(
                    "`{}`: the source does not list its messages ({error}), so that what is left out or too large there \
                     is counted as to copy",
                    folder.path
                )),
            }
        }
    }
    Ok((portions, notes))
}

/// How many folders from the first one on are listed in one round trip.
fn how_many_together(folders: &[ToList]) -> usize {
    let mut messages = 0_u32;
    let fits = folders.iter().take(FOLDERS_AT_ONCE).take_while(|one| {
        messages = messages.saturating_add(one.messages.unwrap_or(MESSAGES_AT_ONCE));
        messages <= MESSAGES_AT_ONCE
    });
    fits.count().max(1)
}

/// Leaves out those that have no message above the limit, by the source's own search.
async fn without_fitting(source: &mut Session, folders: Vec<ToList>) -> Result<Vec<ToList>, ImapError> {
    let mut by_limit: BTreeMap<u64, Vec<FolderName>> = BTreeMap::new();
    for folder in folders.iter().filter(|folder| folder.only_by_limit) {
        by_limit.entry(folder.limit.unwrap_or(u64::MAX)).or_default().push(folder.name.clone());
    }
    let mut fitting: HashSet<FolderName> = HashSet::new();
    for (limit, names) in by_limit {
        for names in names.chunks(FOLDERS_AT_ONCE) {
            let counts = source.count_larger(names, limit).await?;
            let fits = names.iter().zip(counts).filter(|(_, count)| *count == Some(0));
            fitting.extend(fits.map(|(name, _)| name.clone()));
        }
    }
    let fits = |folder: &ToList| folder.only_by_limit && fitting.contains(&folder.name);
    Ok(folders.into_iter().filter(|folder| !fits(folder)).collect())
}

#[cfg(test)]
mod tests {
    use mailhaul_imap::Flags;
    use proptest::prelude::*;

    use super::*;
    use crate::state::ledger::Figures;

    fn messages() -> impl Strategy<Value = Vec<(u64, bool, u8)>> {
        prop::collection::vec((0..2_000_u64, any::<bool>(), 0..3_u8), 0..50)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Every message is in exactly one portion, whatever the limit and the rules.
        #[test]
        fn the_portions_make_up_the_folder(
            messages in messages(),
            unlisted in 0..5_u32,
            limit in prop::option::of(0..2_000_u64),
        ) {
            let listed: Vec<ListedMessage> = (1..)
                .zip(&messages)
                .map(|(uid, (size, ..))| {
                    ListedMessage::new(uid, Figures { size: *size, date: None }, Flags::default())
                })
                .collect();
            let of = |uid: u32| messages[uid as usize - 1];
            let rule = |message: &ListedMessage| match of(message.uid).2 {
                0 => None,
                n => Some(format!("rule {n}")),
            };
            let found = Portions::divided((&listed, unlisted), |uid| of(uid).1, rule, limit);
            let left_out: u64 = found.left_out.iter().map(|one| one.portion.messages).sum();
            let sum = found.to_copy + found.already_there + found.too_large.messages + left_out;
            prop_assert_eq!(Some(sum), found.messages.map(u64::from));
            prop_assert_eq!(sum, listed.len() as u64 + u64::from(unlisted));
            let left_out_bytes: u64 = found.left_out.iter().map(|one| one.portion.bytes).sum();
            let settled: u64 = messages.iter().filter(|one| one.1).map(|one| one.0).sum();
            let bytes = found.bytes_to_copy.unwrap() + found.too_large.bytes + left_out_bytes + settled;
            prop_assert_eq!(bytes, messages.iter().map(|one| one.0).sum::<u64>());
        }

        /// So do they without a list, whatever the ledger says.
        #[test]
        fn counted_portions_make_up_the_folder(all in 0..100_u32, settled in 0..200_u64, bytes in 0..200_u64) {
            let settled = Portion { messages: settled, bytes };
            let found = Portions::counted(Some(all), Some(100), settled);
            prop_assert_eq!(found.to_copy + found.already_there, u64::from(all));
            prop_assert!(found.to_copy > 0 || found.bytes_to_copy == Some(0));
        }
    }

    #[test]
    fn small_folders_are_listed_together_and_large_ones_alone() {
        let folder = |messages: Option<u32>| ToList {
            at: 0,
            path: String::new(),
            name: FolderName::inbox(),
            messages,
            limit: None,
            only_by_limit: false,
            settled: Settled::default(),
        };
        let together = |messages: &[Option<u32>]| {
            how_many_together(&messages.iter().map(|one| folder(*one)).collect::<Vec<_>>())
        };
        assert_eq!(together(&[Some(1_000), Some(1_000), Some(1)]), 2);
        assert_eq!(together(&[Some(9_000), Some(1)]), 1);
        assert_eq!(together(&[None, Some(1)]), 1);
        assert_eq!(together(&vec![Some(0); 900]), FOLDERS_AT_ONCE);
    }
}
