//! One folder compared: both lists by way of the ledger, then headers or whole messages.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use mailhaul_imap::{FolderName, Selected, Session, UidSet};

use crate::event::Event;
use crate::folder::work::{Step, Work};
use crate::mailbox::open::dial_again;
use crate::mailbox::verify::looked::Looked;
use crate::message::compare::{Compared, compare_lists};
use crate::message::differing::{Pair, compare_pairs};
use crate::message::list::{Listed, WholeList, list_whole};
use crate::plugin::Depth;
use crate::server::dial::Ends;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{FolderRow, Row};
use crate::summary::{Difference, DifferenceKind};

/// Messages whose contents are held at the same time.
pub(super) const CHUNK: usize = 200;

/// One folder, and how it is compared.
#[derive(Clone, Copy)]
pub(super) struct Comparison<'a> {
    /// What the work on the mailbox is done with.
    pub work: Work<'a>,
    /// The source folder's row.
    pub row: &'a FolderRow,
    /// The target folder in display form.
    pub target_path: &'a str,
    /// How deep.
    pub depth: Depth,
    /// Of which share of the messages, in percent.
    pub sample: u8,
}

/// How both ends spell the folder, where it is there.
#[derive(Clone, Copy)]
pub(super) struct Spellings<'a> {
    /// How the source spells it, `None` where it has no such folder, and how many messages it has by STATUS.
    pub source: (Option<&'a FolderName>, Option<u32>),
    /// The same of the target.
    pub target: (Option<&'a FolderName>, Option<u32>),
}

/// What came of comparing one folder.
pub(super) struct FolderFound {
    /// What differs.
    pub differences: Vec<Difference>,
    /// What was looked at.
    pub looked: Looked,
    /// Recorded as delivered, not on the target.
    pub missing: Vec<Row>,
    /// On the target, not accounted for by the ledger.
    pub extras: Vec<Listed>,
    /// Every message that both sides have was compared as deep as it was asked for.
    pub whole: bool,
    /// The user stopped it: what was found so far is not all there is.
    pub interrupted: bool,
}

impl FolderFound {
    fn nothing(depth: Depth) -> Self {
        let looked = Looked::at_nothing(depth);
        let (differences, missing, extras) = (Vec::new(), Vec::new(), Vec::new());
        Self { differences, looked, missing, extras, whole: false, interrupted: false }
    }

    /// A folder that one side does not let be read: one difference, and nothing else is known.
    fn not_compared(depth: Depth, row: &FolderRow, why: String) -> Self {
        Self { differences: vec![unreadable(row, why)], ..Self::nothing(depth) }
    }
}

impl Comparison<'_> {
    /// Compares the folder.
    ///
    /// # Errors
    /// When a connection or the ledger fails. What a server refuses is a difference.
    pub(super) async fn folder(&self, ends: &mut Ends, names: Spellings<'_>) -> Step<FolderFound> {
        let Self { work, depth, sample, .. } = *self;
        let context = work.context;
        let begun = Instant::now();
        let mut result = FolderFound::nothing(depth);
        let source = match open(&mut ends.source, names.source, Side::Source).await? {
            Ok(list) => list,
            Err(why) => return Ok(FolderFound::not_compared(depth, self.row, why)),
        };
        let target = match open(&mut ends.target, names.target, Side::Target).await? {
            Ok(list) => list,
            Err(why) => return Ok(FolderFound::not_compared(depth, self.row, why)),
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
        result.looked.all_listed = source.unlisted() == 0;
        let (source, target) = (source.listed, target.listed);
        result.looked.listed = Some(source.iter().map(|m| m.uid).collect::<UidSet>());
        let (rows, claimed, dated, unmarked) = {
            let ledger = work.ledger();
            let told = ledger.differences_of(self.row.id)?;
            let of = |which: fn(&Difference) -> bool| -> HashSet<u32> {
                told.iter().filter(|d| which(d)).map(|d| d.uid).collect()
            };
            let (dated, unmarked) = (of(Difference::is_of_the_date), of(Difference::is_of_the_keywords));
            (ledger.rows(self.row.id)?, ledger.claimed(self.target_path)?, dated, unmarked)
        };
        context
            .emit(Event::FolderStarted {
                mailbox: work.key().to_owned(),
                source: self.row.source.clone(),
                target: self.target_path.to_owned(),
                messages: source.len() as u64,
                bytes: source.iter().map(|m| m.size).sum(),
            })
            .await;
        let there: HashMap<u32, &Listed> = target.iter().map(|m| (m.uid, m)).collect();
        let lists = compare_lists(&self.row.source, &source, &rows, &there, &dated, &unmarked);
        let Compared { mut differences, missing, pairs, resized } = lists;
        result.missing = missing;
        result.extras = target.iter().filter(|m| !claimed.contains(&m.uid)).cloned().collect();
        let mut messages = 0;
        let mut bytes = 0;
        if depth == Depth::Counts {
            differences.retain(|d| d.kind == DifferenceKind::Missing);
        } else {
            // What headers alone do not show, the size does.
            let deeper = |uid: &u32| depth < Depth::Full && resized.contains(uid);
            let (resized, chosen): (Vec<_>, Vec<_>) = pairs
                .into_iter()
                .filter(|(uid, _)| in_sample(*uid, sample) || deeper(uid))
                .partition(|(uid, _)| deeper(uid));
            let chunks = chosen.chunks(CHUNK).map(|chunk| (chunk, depth));
            for (chunk, depth_now) in chunks.chain(resized.chunks(CHUNK).map(|chunk| (chunk, Depth::Full))) {
                if context.stop.is_raised() {
                    return Ok(FolderFound { interrupted: true, ..FolderFound::nothing(depth) });
                }
                let mut headers = Vec::new();
                for mut pair in self.compare(ends, names, chunk, depth_now).await? {
                    // Line ends are what only the whole depth asks for.
                    pair.kinds.retain(|kind| depth_now == depth || *kind != DifferenceKind::AlteredNewlines);
                    if let Some(read) = &pair.read {
                        result.looked.compared.insert(pair.uid);
                        messages += 1;
                        bytes += read.len;
                        context.done.add(1, read.len);
                        // Of rows of ledgers of earlier versions nothing is known yet.
                        let known = rows.get(&pair.uid).is_none_or(|row| row.content.telling.is_some());
                        headers.extend((!known).then_some((pair.uid, read.source)));
                    }
                    differences.extend(pair.differences(&self.row.source));
                }
                work.ledger().set_telling(self.row.id, &headers)?;
                let progress = Event::FolderProgress {
                    mailbox: work.key().to_owned(),
                    source: self.row.source.clone(),
                    messages,
                    bytes,
                };
                context.emit(progress).await;
            }
        }
        differences.extend(short);
        let all_read = differences.iter().all(|d| d.kind != DifferenceKind::Unreadable);
        result.whole = all_read && (sample >= 100 || depth == Depth::Counts);
        result.differences = differences;
        let summary = work.ledger().folder_summary(self.row.id)?;
        if let Some(mut folder) = summary {
            if result.whole {
                folder.verified = depth.into();
            }
            let event = Event::FolderFinished {
                mailbox: work.key().to_owned(),
                folder,
                messages_now: if depth == Depth::Counts { source.len() as u64 } else { messages },
                bytes_now: bytes,
                seconds: begun.elapsed().as_secs_f64(),
            };
            context.emit(event).await;
        }
        Ok(result)
    }
}

impl Comparison<'_> {
    /// Compares messages with their copies. Where a connection ends at one of them, it is found as in a copy.
    async fn compare(
        &self,
        ends: &mut Ends,
        names: Spellings<'_>,
        pairs: &[(u32, u32)],
        depth: Depth,
    ) -> Step<Vec<Pair>> {
        let Work { context, mailbox, .. } = self.work;
        loop {
            let blamed = context.breaks.blamed(mailbox);
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

/// The same messages in every run, so that two verifications of one state agree.
fn in_sample(uid: u32, percent: u8) -> bool {
    // A multiplicative hash spreads neighbouring UIDs evenly over the percentages.
    percent >= 100 || uid.wrapping_mul(2_654_435_761) >> 16 & 0x7fff < u32::from(percent) * 0x8000 / 100
}

/// The folder's list; a folder that is not there (any more) has none. `Err` inside: the server does not let it be read,
/// in a sentence.
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
