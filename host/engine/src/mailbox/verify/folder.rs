//! One folder compared: both lists by way of the ledger, then headers or whole messages.

use std::collections::HashMap;
use std::time::Instant;

use mailhaul_imap::{FetchItems, FolderName, Selected, Session, UidSet};

use crate::event::Event;
use crate::folder::work::{Step, Work, WorkError};
use crate::mailbox::verify::looked::Looked;
use crate::message::compare::{Compared, compare_contents, compare_lists};
use crate::message::list::{Contents, Listed, WholeList, contents, headers, list_whole};
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
    /// How the source spells it; `None` where it has no such folder.
    pub source: Option<&'a FolderName>,
    /// How the target does.
    pub target: Option<&'a FolderName>,
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
                list.selected.exists,
                list.listed.len()
            )
        });
        let short: Vec<Difference> = short.map(|why| unreadable(self.row, why)).collect();
        result.looked.all_listed = source.unlisted() == 0;
        let (source, target) = (source.listed, target.listed);
        result.looked.listed = Some(source.iter().map(|m| m.uid).collect::<UidSet>());
        let (rows, claimed) = {
            let ledger = work.ledger();
            (ledger.rows(self.row.id)?, ledger.claimed(self.target_path)?)
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
        let lists = compare_lists(&self.row.source, &source, &rows, &there);
        let Compared { mut differences, missing, pairs } = lists;
        result.missing = missing;
        result.extras = target.iter().filter(|m| !claimed.contains(&m.uid)).cloned().collect();
        let mut messages = 0;
        let mut bytes = 0;
        if depth == Depth::Counts {
            differences.retain(|d| d.kind == DifferenceKind::Missing);
        } else {
            let chosen: Vec<(u32, u32)> =
                pairs.into_iter().filter(|(uid, _)| in_sample(*uid, sample)).collect();
            for chunk in chosen.chunks(CHUNK) {
                if context.stop.is_raised() {
                    return Ok(FolderFound { interrupted: true, ..FolderFound::nothing(depth) });
                }
                let sources: Vec<u32> = chunk.iter().map(|(source, _)| *source).collect();
                let targets: Vec<u32> = chunk.iter().map(|(_, target)| *target).collect();
                let (a, b) = tokio::join!(
                    read(&mut ends.source, &sources, depth),
                    read(&mut ends.target, &targets, depth)
                );
                let a = a.map_err(EndError::at(Side::Source))?;
                let b = b.map_err(EndError::at(Side::Target))?;
                for (uid, target_uid) in chunk {
                    let (Some(x), Some(y)) = (a.found.get(uid), b.found.get(target_uid)) else {
                        let refused = [("source", a.refused.get(uid)), ("target", b.refused.get(target_uid))];
                        let refused = refused.into_iter().find_map(|(side, words)| Some((side, words?)));
                        // Else it is not listed any more: it went between list and read, and the next comparison tells.
                        differences.extend(refused.map(|(side, words)| Difference {
                            folder: self.row.source.clone(),
                            uid: *uid,
                            target_uid: Some(*target_uid),
                            kind: DifferenceKind::Unreadable,
                            by: None,
                            detail: format!("the {side} does not give it, so it was not compared: {words}"),
                            note: false,
                        }));
                        continue;
                    };
                    result.looked.compared.insert(*uid);
                    messages += 1;
                    bytes += x.len;
                    context.done.add(1, x.len);
                    let mut kinds = compare_contents(x, y, depth);
                    if kinds.contains(&DifferenceKind::AlteredBody) && y.len < x.len {
                        let cut = is_beginning(ends, *uid, *target_uid).await?;
                        if cut {
                            kinds = vec![DifferenceKind::Truncated];
                        }
                    }
                    for kind in kinds {
                        differences.push(Difference {
                            folder: self.row.source.clone(),
                            uid: *uid,
                            target_uid: Some(*target_uid),
                            kind,
                            by: None,
                            detail: format!("{} bytes on the source, {} on the target", x.len, y.len),
                            note: false,
                        });
                    }
                }
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

/// The same messages in every run, so that two verifications of one state agree.
fn in_sample(uid: u32, percent: u8) -> bool {
    // A multiplicative hash spreads neighbouring UIDs evenly over the percentages.
    percent >= 100 || uid.wrapping_mul(2_654_435_761) >> 16 & 0x7fff < u32::from(percent) * 0x8000 / 100
}

/// The folder's list; a folder that is not there (any more) has none. `Err` inside: the server does not let it be read,
/// in a sentence.
async fn open(
    session: &mut Session,
    name: Option<&FolderName>,
    side: Side,
) -> Step<Result<WholeList, String>> {
    let Some(name) = name else {
        return Ok(Ok(WholeList { selected: Selected::default(), listed: Vec::new() }));
    };
    let list = match session.examine(name).await {
        Ok(selected) => list_whole(session, name, selected).await,
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

async fn read(
    session: &mut Session,
    uids: &[u32],
    depth: Depth,
) -> Result<Contents, mailhaul_imap::ImapError> {
    if depth == Depth::Full { contents(session, uids).await } else { headers(session, uids).await }
}

/// Whether the target's message is a beginning of the source's. Both folders are examined.
async fn is_beginning(ends: &mut Ends, uid: u32, target_uid: u32) -> Step<bool> {
    let at = |side| move |e| WorkError::End(EndError::Imap(side, e));
    let mut a = ends.source.fetch([uid].into_iter().collect(), FetchItems::Full);
    let mut b = ends.target.fetch([target_uid].into_iter().collect(), FetchItems::Full);
    if a.next().await.map_err(at(Side::Source))?.is_none()
        || b.next().await.map_err(at(Side::Target))?.is_none()
    {
        return Ok(false);
    }
    // Pieces arrive in sizes of their own on each side; what one is ahead by is kept.
    let mut ahead: Vec<u8> = Vec::new();
    let mut same = true;
    while let Some(piece) = b.chunk().await.map_err(at(Side::Target))? {
        while ahead.len() < piece.len() {
            match a.chunk().await.map_err(at(Side::Source))? {
                Some(more) => ahead.extend_from_slice(&more),
                None => break,
            }
        }
        same &= ahead.starts_with(&piece);
        ahead.drain(..piece.len().min(ahead.len()));
    }
    while a.chunk().await.map_err(at(Side::Source))?.is_some() {}
    while a.next().await.map_err(at(Side::Source))?.is_some() {}
    while b.next().await.map_err(at(Side::Target))?.is_some() {}
    Ok(same)
}
