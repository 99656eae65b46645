//! `verify`: fetches and compares both ends, then runs the validation hooks. Changes nothing.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use mailhaul_imap::{FetchItems, Folder, FolderName, Selected, Session, UidSet};

use crate::account::Mailbox;
use crate::event::{Event, MailboxEnd};
use crate::folder::work::{Lists, SharedLedger, WorkError, locked};
use crate::mailbox::{hooks, unseen};
use crate::message::compare::{Compared, compare_contents, compare_lists};
use crate::message::list::{Contents, Listed, WholeList, contents, headers, list_whole};
use crate::plugin::Depth;
use crate::server::dial::{Ends, dial_both};
use crate::server::error::EndError;
use crate::server::refusal::explained;
use crate::side::Side;
use crate::state::ledger::{FolderId, FolderRow, Ledger, Row};
use crate::state::standing::mailbox_summary;
use crate::summary::{Difference, DifferenceKind, FolderSummary, MailboxSummary, Stopped, Verified};
use crate::task::context::Context;

/// Messages whose contents are held at the same time.
const CHUNK: usize = 200;

/// Compares one mailbox.
pub(crate) async fn verify(
    context: &Context,
    mailbox: &Mailbox,
    depth: Depth,
    sample: u8,
) -> (MailboxEnd, Option<MailboxSummary>) {
    let state = &context.job.state_dir;
    if !Ledger::file(state, &mailbox.key).exists() {
        let reason = "nothing was copied yet; `mailhaul run` comes first".to_owned();
        return (MailboxEnd::Stopped(Stopped { side: Side::Local, cause: "ledger".into(), reason }), None);
    }
    let ledger: SharedLedger = match Ledger::open(state, &mailbox.identity()) {
        Ok(ledger) => Arc::new(Mutex::new(ledger)),
        Err(error) => return (MailboxEnd::Stopped(Stopped::from(&error)), None),
    };
    let end = match all(context, mailbox, &ledger, depth, sample).await {
        Ok(end) => end,
        Err(WorkError::End(error)) => MailboxEnd::Stopped(explained(context, mailbox, error).await.stopped()),
        Err(WorkError::Ledger(error)) => MailboxEnd::Stopped(Stopped::from(&error)),
    };
    let summary =
        mailbox_summary(&locked(&ledger), &mailbox.source.user, &mailbox.target.user, end.stopped()).ok();
    (end, summary)
}

/// A message that should be in its target folder and is not.
struct Missing {
    folder: usize,
    row: Row,
}

/// A target message that the ledger does not account for.
struct Extra {
    path: String,
    message: Listed,
}

async fn all(
    context: &Context,
    mailbox: &Mailbox,
    ledger: &SharedLedger,
    depth: Depth,
    sample: u8,
) -> Result<MailboxEnd, WorkError> {
    let _permit = context.ceilings.pair(mailbox).await;
    let (source, target) = dial_both(context, mailbox).await?;
    let mut pair = Ends { source, target };
    let source_folders = pair.source.folders().await.map_err(EndError::at(Side::Source))?;
    unseen::record(context, ledger, &mut pair.source, &source_folders).await?;
    let source_names = names(source_folders);
    let target_names = names(pair.target.folders().await.map_err(EndError::at(Side::Target))?);
    let folders: Vec<FolderRow> = locked(ledger).folders()?;
    let mut found: Vec<Vec<Difference>> = vec![Vec::new(); folders.len()];
    let mut missing = Vec::new();
    let mut extras = Vec::new();
    let mut whole: HashSet<FolderId> = HashSet::new();
    let mut looked_at: HashSet<String> = HashSet::new();
    for (n, row) in folders.iter().enumerate() {
        if context.stop.is_raised() {
            return Ok(MailboxEnd::Interrupted);
        }
        let Some(target_path) = &row.target else {
            found[n].extend(unseen::difference(row));
            continue;
        };
        let one = Folders { mailbox: &mailbox.key, row, target_path };
        let seen = Seen { source: source_names.get(&row.source), target: target_names.get(target_path) };
        let result = folder(context, ledger, &mut pair, one, seen, depth, sample).await?;
        if result.interrupted {
            return Ok(MailboxEnd::Interrupted);
        }
        if result.whole {
            whole.insert(row.id);
        }
        found[n] = result.differences;
        missing.extend(result.missing.into_iter().map(|row| Missing { folder: n, row }));
        if looked_at.insert(target_path.clone()) {
            extras.extend(
                result.extras.into_iter().map(|message| Extra { path: target_path.clone(), message }),
            );
        }
    }
    explain(ledger, &mut pair, &folders, &target_names, missing, extras, &mut found).await?;
    let mut well = true;
    for (row, differences) in folders.iter().zip(&mut found) {
        for difference in differences.iter_mut() {
            let ignored = match difference.kind {
                DifferenceKind::Flags | DifferenceKind::Keywords => context.job.ignore.flags,
                DifferenceKind::Date => context.job.ignore.dates,
                DifferenceKind::Extra => true,
                _ => false,
            };
            difference.note = ignored;
            well &= ignored;
            let event =
                Event::DifferenceFound { mailbox: mailbox.key.clone(), difference: difference.clone() };
            context.emit(event).await;
        }
        let mut ledger = locked(ledger);
        ledger.set_differences(row.id, differences)?;
        if whole.contains(&row.id) {
            ledger.set_verified(row.id, verified(depth))?;
        }
    }
    let failed =
        hooks::run(context, mailbox, ledger, pair, depth, hooks::State::default(), &Lists::default()).await?;
    let settled = locked(ledger).folder_summaries()?.iter().all(FolderSummary::is_well);
    Ok(if well && settled && !failed { MailboxEnd::Complete } else { MailboxEnd::NotAllWell })
}

fn verified(depth: Depth) -> Verified {
    match depth {
        Depth::Counts => Verified::Counts,
        Depth::Headers => Verified::Headers,
        Depth::Full => Verified::Full,
    }
}

fn names(folders: Vec<Folder>) -> HashMap<String, FolderName> {
    folders.into_iter().filter(|f| f.selectable).map(|f| (f.path.to_string(), f.name)).collect()
}

#[derive(Clone, Copy)]
struct Folders<'a> {
    mailbox: &'a str,
    row: &'a FolderRow,
    target_path: &'a str,
}

#[derive(Clone, Copy)]
struct Seen<'a> {
    source: Option<&'a FolderName>,
    target: Option<&'a FolderName>,
}

#[derive(Default)]
struct FolderFound {
    differences: Vec<Difference>,
    missing: Vec<Row>,
    extras: Vec<Listed>,
    /// Every message that both sides have was compared as deep as it was asked for.
    whole: bool,
    /// The user stopped it: what was found so far is not all there is.
    interrupted: bool,
}

async fn folder(
    context: &Context,
    ledger: &SharedLedger,
    pair: &mut Ends,
    one: Folders<'_>,
    seen: Seen<'_>,
    depth: Depth,
    sample: u8,
) -> Result<FolderFound, WorkError> {
    let begun = Instant::now();
    let mut result = FolderFound::default();
    let source = match open(&mut pair.source, seen.source, Side::Source).await? {
        Ok(list) => list,
        Err(why) => return Ok(not_compared(one.row, why)),
    };
    let target = match open(&mut pair.target, seen.target, Side::Target).await? {
        Ok(list) => list,
        Err(why) => return Ok(not_compared(one.row, why)),
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
    let short: Vec<Difference> = short.map(|why| unreadable(one.row, why)).collect();
    let (source, target) = (source.listed, target.listed);
    let (rows, claimed) = {
        let ledger = locked(ledger);
        (ledger.rows(one.row.id)?, ledger.claimed(one.target_path)?)
    };
    context
        .emit(Event::FolderStarted {
            mailbox: one.mailbox.to_owned(),
            source: one.row.source.clone(),
            target: one.target_path.to_owned(),
            messages: source.len() as u64,
            bytes: source.iter().map(|m| m.size).sum(),
        })
        .await;
    let there: HashMap<u32, &Listed> = target.iter().map(|m| (m.uid, m)).collect();
    let lists = compare_lists(&one.row.source, &source, &rows, &there);
    let Compared { mut differences, missing, pairs } = lists;
    result.missing = missing;
    result.extras = target.iter().filter(|m| !claimed.contains(&m.uid)).cloned().collect();
    let mut messages = 0;
    let mut bytes = 0;
    if depth == Depth::Counts {
        differences.retain(|d| d.kind == DifferenceKind::Missing);
    } else {
        let chosen: Vec<(u32, u32)> = pairs.into_iter().filter(|(uid, _)| in_sample(*uid, sample)).collect();
        for chunk in chosen.chunks(CHUNK) {
            if context.stop.is_raised() {
                return Ok(FolderFound { interrupted: true, ..FolderFound::default() });
            }
            let sources: Vec<u32> = chunk.iter().map(|(source, _)| *source).collect();
            let targets: Vec<u32> = chunk.iter().map(|(_, target)| *target).collect();
            let (a, b) = tokio::join!(
                read(&mut pair.source, &sources, depth),
                read(&mut pair.target, &targets, depth)
            );
            let a = a.map_err(EndError::at(Side::Source))?;
            let b = b.map_err(EndError::at(Side::Target))?;
            for (uid, target_uid) in chunk {
                let (Some(x), Some(y)) = (a.found.get(uid), b.found.get(target_uid)) else {
                    let refused = [("source", a.refused.get(uid)), ("target", b.refused.get(target_uid))];
                    let refused = refused.into_iter().find_map(|(side, words)| Some((side, words?)));
                    // Else it is not listed any more: it went between list and read, and the next comparison tells.
                    differences.extend(refused.map(|(side, words)| Difference {
                        folder: one.row.source.clone(),
                        uid: *uid,
                        target_uid: Some(*target_uid),
                        kind: DifferenceKind::Unreadable,
                        by: None,
                        detail: format!("the {side} does not give it, so it was not compared: {words}"),
                        note: false,
                    }));
                    continue;
                };
                messages += 1;
                bytes += x.len;
                context.done.add(1, x.len);
                let mut kinds = compare_contents(x, y, depth);
                if kinds.contains(&DifferenceKind::AlteredBody) && y.len < x.len {
                    let cut = is_beginning(pair, *uid, *target_uid).await?;
                    if cut {
                        kinds = vec![DifferenceKind::Truncated];
                    }
                }
                for kind in kinds {
                    differences.push(Difference {
                        folder: one.row.source.clone(),
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
                mailbox: one.mailbox.to_owned(),
                source: one.row.source.clone(),
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
    let summary = locked(ledger).folder_summary(one.row.id)?;
    if let Some(mut folder) = summary {
        if result.whole {
            folder.verified = verified(depth);
        }
        let event = Event::FolderFinished {
            mailbox: one.mailbox.to_owned(),
            folder,
            messages_now: if depth == Depth::Counts { source.len() as u64 } else { messages },
            bytes_now: bytes,
            seconds: begun.elapsed().as_secs_f64(),
        };
        context.emit(event).await;
    }
    Ok(result)
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
) -> Result<Result<WholeList, String>, WorkError> {
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

/// A folder that one side does not let be read: one difference, and nothing else is known.
fn not_compared(row: &FolderRow, why: String) -> FolderFound {
    FolderFound { differences: vec![unreadable(row, why)], ..FolderFound::default() }
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
async fn is_beginning(pair: &mut Ends, uid: u32, target_uid: u32) -> Result<bool, WorkError> {
    let at = |side| move |e| WorkError::End(EndError::Imap(side, e));
    let mut a = pair.source.fetch([uid].into_iter().collect(), FetchItems::Full);
    let mut b = pair.target.fetch([target_uid].into_iter().collect(), FetchItems::Full);
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

/// Tells missing messages from moved ones, and second copies from mail that is not ours.
async fn explain(
    ledger: &SharedLedger,
    pair: &mut Ends,
    folders: &[FolderRow],
    names: &HashMap<String, FolderName>,
    missing: Vec<Missing>,
    extras: Vec<Extra>,
    found: &mut [Vec<Difference>],
) -> Result<(), WorkError> {
    let at = |e| WorkError::End(EndError::Imap(Side::Target, e));
    let mut by_folder: HashMap<&str, Vec<&Extra>> = HashMap::new();
    for extra in &extras {
        by_folder.entry(&extra.path).or_default().push(extra);
    }
    // Contents of unaccounted messages, each with its place.
    let mut known: HashMap<[u8; 32], Vec<(String, u32)>> = HashMap::new();
    let mut duplicates: HashSet<(String, u32)> = HashSet::new();
    for (n, row) in folders.iter().enumerate() {
        let Some(target) = &row.target else { continue };
        let Some(list) = by_folder.remove(target.as_str()) else { continue };
        let Some(name) = names.get(target) else { continue };
        pair.target.examine(name).await.map_err(at)?;
        let uids: Vec<u32> = list.iter().map(|e| e.message.uid).collect();
        let sizes: HashSet<u64> = list.iter().map(|e| e.message.size).collect();
        let mut of_extras = HashMap::new();
        for chunk in uids.chunks(CHUNK) {
            of_extras.extend(contents(&mut pair.target, chunk).await.map_err(at)?.found);
        }
        // Only our own messages of such a size can be what an extra one is a second copy of.
        let there = crate::message::list::list(&mut pair.target, UidSet::all(), FetchItems::Meta)
            .await
            .map_err(at)?;
        let own: Vec<u32> = there
            .iter()
            .filter(|m| sizes.contains(&m.size) && !uids.contains(&m.uid))
            .map(|m| m.uid)
            .collect();
        let mut of_own: HashMap<[u8; 32], u32> = HashMap::new();
        for chunk in own.chunks(CHUNK) {
            for (uid, content) in contents(&mut pair.target, chunk).await.map_err(at)?.found {
                of_own.insert(content.exact, uid);
            }
        }
        let sources: HashMap<u32, u32> =
            locked(ledger).rows(row.id)?.into_values().filter_map(|r| Some((r.target_uid?, r.uid))).collect();
        for (uid, content) in of_extras {
            if let Some(first) = of_own.get(&content.exact) {
                duplicates.insert((target.clone(), uid));
                found[n].push(Difference {
                    folder: row.source.clone(),
                    uid: sources.get(first).copied().unwrap_or(0),
                    target_uid: Some(uid),
                    kind: DifferenceKind::Duplicate,
                    by: None,
                    detail: format!("a second copy of message {first} in `{target}`"),
                    note: false,
                });
            } else {
                known.entry(content.exact).or_default().push((target.clone(), uid));
            }
        }
    }
    let mut moved: HashSet<(String, u32)> = HashSet::new();
    for Missing { folder, row } in missing {
        let source = folders[folder].source.clone();
        let elsewhere = row.digest.and_then(|d| known.get_mut(&d)).and_then(Vec::pop);
        let difference = match elsewhere {
            Some((path, uid)) => {
                moved.insert((path.clone(), uid));
                Difference {
                    folder: source,
                    uid: row.uid,
                    target_uid: Some(uid),
                    kind: DifferenceKind::Moved,
                    by: Some("changed-on-target".into()),
                    detail: format!("now in `{path}`"),
                    note: false,
                }
            }
            None => Difference {
                folder: source,
                uid: row.uid,
                target_uid: row.target_uid,
                kind: DifferenceKind::Missing,
                by: row.proven.then(|| "changed-on-target".into()),
                detail: if row.proven {
                    "it was there after the copy and is not any more".into()
                } else {
                    String::new()
                },
                note: false,
            },
        };
        found[folder].push(difference);
    }
    for extra in extras {
        let place = (extra.path, extra.message.uid);
        if duplicates.contains(&place) || moved.contains(&place) {
            continue;
        }
        if let Some(n) = folders.iter().position(|f| f.target.as_deref() == Some(&place.0)) {
            found[n].push(Difference {
                folder: folders[n].source.clone(),
                uid: 0,
                target_uid: Some(place.1),
                kind: DifferenceKind::Extra,
                by: None,
                detail: format!("in `{}`, not put there by this project", place.0),
                note: true,
            });
        }
    }
    Ok(())
}
