//! One folder compared: both lists by way of the ledger, then headers or whole messages.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Instant;

use mailhaul_imap::{FolderName, InternalDate, Selected, Session, UidSet};

use crate::event::Event;
use crate::folder::work::{MailboxWork, Step};
use crate::mailbox::connect::dial_again;
use crate::mailbox::verify::coverage::Coverage;
use crate::mailbox::verify::dates::{DatedCopy, other_dates};
use crate::mailbox::verify::sample::{Extent, choose};
use crate::message::compare::{ListComparison, compare_lists};
use crate::message::dating::DateRule;
use crate::message::differing::{ComparedPair, compare_pairs};
use crate::message::list::{ListedMessage, WholeList, list_whole};
use crate::message::taken_away::{has_same_numbering, is_ordinary};
use crate::plugin::Depth;
use crate::server::dial::Ends;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{FolderRow, Outcome, Row};
use crate::summary::{Difference, DifferenceKind, VerifiedDepth};
use crate::task::spending::{Portion, Purpose, closed, is_bounded};

/// Messages whose contents are held at the same time.
pub(super) const CHUNK: usize = 200;

/// One pair of folders, and how deep it is compared.
#[derive(Clone, Copy)]
pub(super) struct FolderComparison<'a> {
    pub work: MailboxWork<'a>,
    pub row: &'a FolderRow,
    pub target_path: &'a str,
    pub extent: Extent,
}

/// How both ends spell the folder, where it is there.
#[derive(Clone, Copy)]
pub(super) struct Spellings<'a> {
    /// How the source spells it, `None` where it has no such folder, and how many messages it has by STATUS.
    pub source: (Option<&'a FolderName>, Option<u32>),
    /// How the target spells it, and how many messages it has by STATUS.
    pub target: (Option<&'a FolderName>, Option<u32>),
}

/// What comparing one folder has found, and how much of it was compared.
pub(super) struct FolderFindings {
    pub differences: Vec<Difference>,
    pub coverage: Coverage,
    /// Rows of messages that are recorded as delivered and are not on the target.
    pub missing: Vec<Row>,
    /// Whether those of them that were seen there once are no more than an owner moves or deletes.
    pub ordinary: bool,
    /// Target messages that the ledger does not account for.
    pub extras: Vec<ListedMessage>,
    /// Whether all that was asked for was compared: every message that both sides have, or the sample.
    pub whole: bool,
    /// Messages that both sides have; the comparison is about these.
    pub both: u64,
    /// Of these, messages that were compared as deep as was asked for.
    pub read: u64,
    /// The user stopped it: what was found so far is not all there is.
    pub interrupted: bool,
}

impl FolderFindings {
    fn nothing(depth: Depth) -> Self {
        let coverage = Coverage::at_nothing(depth);
        let (differences, missing, extras) = (Vec::new(), Vec::new(), Vec::new());
        let (both, read, whole, interrupted) = (0, 0, false, false);
        Self { differences, coverage, missing, ordinary: false, extras, whole, both, read, interrupted }
    }

    /// A folder that one side does not let be read: one difference, and nothing else is known.
    fn not_compared(depth: Depth, row: &FolderRow, why: String) -> Self {
        Self { differences: vec![unreadable(row, why)], ..Self::nothing(depth) }
    }
}

impl FolderComparison<'_> {
    /// Compares the folder.
    ///
    /// # Errors
    /// When a connection or the ledger fails. What a server refuses is a difference.
    pub(super) async fn folder(&self, ends: &mut Ends, names: Spellings<'_>) -> Step<FolderFindings> {
        let Self { work, extent: Extent { depth, sample, seed }, .. } = *self;
        let context = work.context;
        let begun = Instant::now();
        let mut result = FolderFindings::nothing(depth);
        if let Some(refused) = closed(context) {
            self.outwait(ends, None, refused).await?;
        }
        let source = match open(&mut ends.source, names.source, Side::Source).await? {
            Ok(list) => list,
            Err(why) => return Ok(FolderFindings::not_compared(depth, self.row, why)),
        };
        let target = match open(&mut ends.target, names.target, Side::Target).await? {
            Ok(list) => list,
            Err(why) => return Ok(FolderFindings::not_compared(depth, self.row, why)),
        };
        let short = [(Side::Source, &source), (Side::Target, &target)];
        let short = short.into_iter().filter(|(_, list)| list.unlisted() > 0).map(|(side, list)| {
            format!(
                "the {} counts {} messages and lists {}: the others were not compared",
                side.as_str(),
                list.counted(),
                list.listed.len()
            )
        });
        let short: Vec<Difference> = short.map(|why| unreadable(self.row, why)).collect();
        result.coverage.all_listed = source.unlisted() == 0;
        let (source, opened, target) = (source.listed, target.selected, target.listed);
        result.coverage.listed = Some(source.iter().map(|m| m.uid).collect::<UidSet>());
        let (rows, claimed, dated, unmarked) = {
            let ledger = work.ledger();
            let told = ledger.differences_of(self.row.id)?;
            let keywords = told.iter().filter(|difference| difference.is_by_refused_keywords());
            let unmarked: HashSet<u32> = keywords.map(|difference| difference.uid).collect();
            let dated: Vec<Difference> = told.into_iter().filter(Difference::is_by_date_rule).collect();
            (ledger.rows(self.row.id)?, ledger.claimed(self.target_path)?, dated, unmarked)
        };
        let (counts, mailbox_counts) = work.tally(self.row.id)?;
        context
            .emit(Event::FolderStarted {
                mailbox: work.key().to_owned(),
                source: self.row.source.clone(),
                target: self.target_path.to_owned(),
                messages: source.len() as u64,
                bytes: source.iter().map(|m| m.size()).sum(),
                counts,
                mailbox_counts,
            })
            .await;
        let by_now = |d: &&Difference| d.by.as_deref() == Some(DateRule::Copied.as_str());
        let by_time_of_copy: HashSet<u32> = dated.iter().filter(by_now).map(|d| d.uid).collect();
        let dated: HashSet<u32> = dated.iter().map(|d| d.uid).collect();
        let copied = |uid| rows.get(&uid).is_some_and(|row| row.outcome == Outcome::Copied);
        let by_rule: HashSet<u32> = source
            .iter()
            .filter(|m| m.date().is_none() || dated.contains(&m.uid))
            .map(|m| m.uid)
            .filter(|uid| copied(*uid) && !by_time_of_copy.contains(uid))
            .collect();
        let there: HashMap<u32, &ListedMessage> = target.iter().map(|m| (m.uid, m)).collect();
        let lists = compare_lists(&self.row.source, &source, &rows, &there, &dated, &unmarked);
        let ListComparison { mut differences, missing, pairs, resized } = lists;
        let proven = rows.values().filter(|row| row.proven()).count();
        let gone = missing.iter().filter(|row| row.proven()).count();
        result.ordinary = is_ordinary(gone, proven) && has_same_numbering(self.row, rows.values(), &opened);
        result.missing = missing;
        result.extras = target.iter().filter(|m| !claimed.contains(m.uid)).cloned().collect();
        result.both = pairs.len() as u64;
        let mut messages = 0;
        let mut bytes = 0;
        let is_bounded = is_bounded(context, work.mailbox, Purpose::Compare);
        if depth == Depth::Counts {
            differences.retain(|d| d.kind == DifferenceKind::Missing);
            result.read = result.both;
        } else {
            // What headers alone do not show, the size does.
            let deeper = |uid: &u32| depth < Depth::Full && resized.contains(uid);
            let chosen = choose(&pairs, sample, seed, &self.row.source);
            let chosen: Vec<_> = chosen.into_iter().filter(|(uid, _)| !deeper(uid)).collect();
            let resized: Vec<_> = pairs.into_iter().filter(|(uid, _)| deeper(uid)).collect();
            let chunks = chosen.chunks(CHUNK).map(|chunk| (chunk, depth));
            let mut chunks: VecDeque<(&[(u32, u32)], Depth)> =
                chunks.chain(resized.chunks(CHUNK).map(|chunk| (chunk, Depth::Full))).collect();
            let sizes: HashMap<u32, u64> =
                source.iter().filter(|_| is_bounded).map(|m| (m.uid, m.size())).collect();
            let mut portion = Portion::first();
            while let Some((mut chunk, depth_now)) = chunks.pop_front() {
                let grant = match is_bounded {
                    true => Some(self.grant(ends, names, chunk, depth_now, (&sizes, &mut portion)).await?),
                    false => None,
                };
                if let Some(grant) = grant.as_ref().filter(|grant| grant.messages < chunk.len()) {
                    let (now, later) = chunk.split_at(grant.messages);
                    chunks.push_front((later, depth_now));
                    chunk = now;
                }
                if context.stop.is_raised() {
                    let (both, read) = (result.both, messages);
                    return Ok(FolderFindings {
                        both,
                        read,
                        interrupted: true,
                        ..FolderFindings::nothing(depth)
                    });
                }
                let uids: Vec<u32> = chunk.iter().map(|(uid, _)| *uid).collect();
                let known = work.ledger().contents(self.row.id, &uids)?;
                let ruled = chunk.iter().filter(|(uid, _)| by_rule.contains(uid));
                let ruled: Vec<DatedCopy> = ruled
                    .filter_map(|(uid, target_uid)| {
                        let date = InternalDate::in_utc(there.get(target_uid)?.date()?);
                        Some(DatedCopy { uid: *uid, target_uid: *target_uid, date })
                    })
                    .collect();
                let other = other_dates(&mut ends.source, &self.row.source, &ruled).await;
                differences.extend(other.map_err(EndError::at(Side::Source))?);
                let before = bytes;
                let mut headers = Vec::new();
                for mut pair in self.compare(ends, names, chunk, depth_now).await? {
                    // Line ends are what only the whole depth asks for.
                    pair.kinds.retain(|kind| depth_now == depth || *kind != DifferenceKind::AlteredNewlines);
                    if let Some(read) = &pair.read {
                        result.coverage.compared.insert(pair.uid);
                        messages += 1;
                        bytes += read.len;
                        context.done.add(1, read.len);
                        // Of rows of ledgers of earlier versions nothing is known yet.
                        let known = known.get(&pair.uid).is_none_or(|known| known.telling.is_some());
                        headers.extend((!known).then_some((pair.uid, read.source)));
                    }
                    differences.extend(pair.differences(&self.row.source));
                }
                result.read = messages;
                self.settle(grant, depth_now, bytes - before).await?;
                portion.end(bytes - before);
                work.ledger().set_telling(self.row.id, &headers)?;
                let progress = Event::FolderProgress {
                    mailbox: work.key().to_owned(),
                    source: self.row.source.clone(),
                    messages,
                    bytes,
                    counts,
                    mailbox_counts,
                    awaited: None,
                };
                context.emit(progress).await;
            }
        }
        differences.extend(short);
        let all_read = differences.iter().all(|d| d.kind != DifferenceKind::Unreadable);
        result.whole = all_read;
        result.differences = differences;
        let summary = work.ledger().folder_summary(self.row.id)?;
        if let Some(mut folder) = summary {
            if let Some(part) = self.extent.part().filter(|_| result.whole) {
                if folder.verified <= VerifiedDepth::Sample {
                    (folder.verified, folder.sample) = (VerifiedDepth::Sample, Some(part));
                }
            } else if result.whole {
                (folder.verified, folder.sample) = (depth.into(), None);
            }
            let event = Event::FolderFinished {
                mailbox: work.key().to_owned(),
                folder,
                messages_now: if depth == Depth::Counts { source.len() as u64 } else { messages },
                bytes_now: bytes,
                flags_now: 0,
                mailbox_counts,
                seconds: begun.elapsed().as_secs_f64(),
            };
            context.emit(event).await;
        }
        Ok(result)
    }
}

impl FolderComparison<'_> {
    /// Compares messages with their copies. Where a connection ends at one of them, it is found as in a copy.
    async fn compare(
        &self,
        ends: &mut Ends,
        names: Spellings<'_>,
        pairs: &[(u32, u32)],
        depth: Depth,
    ) -> Step<Vec<ComparedPair>> {
        let MailboxWork { context, mailbox, .. } = self.work;
        loop {
            let blamed = context.breaks.blamed_count(mailbox);
            let error = match compare_pairs(ends, pairs, depth).await {
                Ok(compared) => return Ok(compared),
                Err(error) => error,
            };
            dial_again(self.work, ends, blamed, error).await?;
            if let Some(name) = names.source.0 {
                ends.source.examine(name).await.map_err(EndError::at(Side::Source))?;
            }
            if let Some(name) = names.target.0 {
                ends.target.examine(name).await.map_err(EndError::at(Side::Target))?;
            }
        }
    }
}

/// The folder's list; a folder that is not there (any more) has none. `Err` inside: the server does not let
/// it be read, in a sentence.
async fn open(
    session: &mut Session,
    (name, status): (Option<&FolderName>, Option<u32>),
    side: Side,
) -> Step<Result<WholeList, String>> {
    let Some(name) = name else {
        return Ok(Ok(WholeList { selected: Selected::default(), listed: Vec::new(), status: None }));
    };
    let list = match session.examine(name).await {
        Ok(selected) => list_whole(session, name, selected, status).await,
        Err(error) => Err(error),
    };
    match list {
        Ok(list) => Ok(Ok(list)),
        Err(error) if error.is_for_now() => Err(EndError::Imap(side, error).into()),
        Err(error) => Ok(Err(format!("the {} does not let it be read: {error}", side.as_str()))),
    }
}

fn unreadable(row: &FolderRow, detail: String) -> Difference {
    Difference {
        folder: row.source.clone(),
        uid: 0,
        target_uid: None,
        kind: DifferenceKind::Unreadable,
        by: None,
        detail,
        note: false,
    }
}
