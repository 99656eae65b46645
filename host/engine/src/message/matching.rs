//! Finds source messages that the target holds already: after a crash, and when another tool was
//! there before. Sizes, Message-IDs and dates only narrow the search; content decides.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use mailhaul_imap::{FolderName, Session};

use crate::message::content::{Candidate, Content, MatchRule, pair};
use crate::message::list::{ListedMessage, contents, list_with_ids};
use crate::server::dial::Ends;
use crate::server::error::EndError;
use crate::side::Side;

/// A dead session can still store what it was sent: UIDNEXT has to stand still this long.
const QUIET_FOR: Duration = Duration::from_millis(1_000);

/// How often UIDNEXT is asked meanwhile; servers do not announce what another session stores.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// When UIDNEXT never stands still (new mail pours in) the look-up goes ahead after this long.
const QUIET_AT_MOST: Duration = Duration::from_secs(15);

/// Messages whose contents are held at the same time.
const CHUNK: usize = 500;

/// A source message that is on the target.
#[derive(Debug, Clone)]
pub(crate) struct Match {
    pub source: ListedMessage,
    pub target: ListedMessage,
    pub content: Content,
    pub rule: MatchRule,
}

/// Which messages of the target are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Search {
    /// Everything that is given: a few messages that came just now, under whatever size and date.
    All,
    /// What shares a size, a Message-ID or a date with a message that is looked for.
    Narrow,
}

/// What a search of the target for source messages found.
#[derive(Debug, Default)]
pub(crate) struct MatchResult {
    pub matches: Vec<Match>,
    /// Source messages that may be there: one side does not give what would have to be compared. With the
    /// words for it.
    pub undecided: HashMap<u32, String>,
    /// Bytes of messages that were read at the source for it.
    pub read: u64,
}

/// Waits until a dead connection cannot store anything more in the folder.
///
/// # Errors
/// When the target fails.
pub(crate) async fn wait_until_quiet(target: &mut Session, folder: &FolderName) -> Result<(), EndError> {
    let at = EndError::at(Side::Target);
    let begun = tokio::time::Instant::now();
    let mut seen = target.status(folder).await.map_err(&at)?.uid_next;
    let mut since = tokio::time::Instant::now();
    while since.elapsed() < QUIET_FOR && begun.elapsed() < QUIET_AT_MOST {
        tokio::time::sleep(ASK_EVERY).await;
        let now = target.status(folder).await.map_err(&at)?.uid_next;
        if now != seen {
            seen = now;
            since = tokio::time::Instant::now();
        }
    }
    Ok(())
}

/// Looks for `open` source messages among the `unclaimed` messages of the target. Both folders are selected.
///
/// A message that is marked `\Deleted` goes with the next EXPUNGE, anybody's (RFC 9051 section 6.4.3): it
/// stands for one that is marked so as well, or for one of which it is our own copy, as `is_ours` says of a
/// source message and a target UID.
///
/// # Errors
/// When either end fails.
pub(crate) async fn find(
    ends: &mut Ends,
    open: &[ListedMessage],
    unclaimed: &[u32],
    search: Search,
    is_ours: impl Fn(&ListedMessage, u32) -> bool,
) -> Result<MatchResult, EndError> {
    let Ends { source, target } = ends;
    let at_target = EndError::at(Side::Target);
    let at_source = EndError::at(Side::Source);
    if open.is_empty() || unclaimed.is_empty() {
        return Ok(MatchResult::default());
    }
    let (unclaimed, with_ids) = tokio::join!(
        list_with_ids(target, unclaimed.iter().copied().collect()),
        list_with_ids(source, open.iter().map(|m| m.uid).collect())
    );
    let (unclaimed, target_ids) = unclaimed.map_err(&at_target)?;
    let (with_ids, source_ids) = with_ids.map_err(&at_source)?;
    let uids = |list: &[ListedMessage]| list.iter().map(|m| m.uid).collect::<Vec<u32>>();
    let (sources, targets) = match search {
        Search::All => (uids(&with_ids), uids(&unclaimed)),
        Search::Narrow => narrow((&with_ids, &source_ids), (&unclaimed, &target_ids)),
    };
    if sources.is_empty() {
        return Ok(MatchResult::default());
    }
    tracing::debug!(candidates = sources.len(), among = targets.len(), "comparing contents with the target");
    let by_uid = |list: &[ListedMessage]| list.iter().map(|m| (m.uid, m.clone())).collect::<HashMap<_, _>>();
    let (all_sources, all_targets) = (by_uid(&with_ids), by_uid(&unclaimed));
    let size = |uid| all_sources.get(uid).map_or(0, ListedMessage::size);
    let read_at_source = sources.iter().map(size).sum();
    let (sources, unread) = read(ends, Side::Source, &sources, &all_sources).await?;
    let mut undecided: HashMap<u32, String> = unread
        .into_iter()
        .map(|(uid, words)| (uid, format!("it cannot be compared with what the target holds: {words}")))
        .collect();
    let (targets, unread) = read(ends, Side::Target, &targets, &all_targets).await?;
    let contents: HashMap<u32, &Content> = sources.iter().map(|c| (c.uid, &c.content)).collect();
    let stands_for = |source: &ListedMessage, target: u32| source.is_deleted() || is_ours(source, target);
    let is_marked = |uid: &u32| all_targets.get(uid).is_some_and(ListedMessage::is_deleted);
    let (marked, kept): (Vec<Candidate>, Vec<Candidate>) =
        targets.into_iter().partition(|c| is_marked(&c.uid));
    let mut pairs = pair(&sources, &kept);
    if let Some(newest) = marked.iter().map(|c| c.uid).max() {
        let paired: HashSet<u32> = pairs.iter().map(|(source, ..)| *source).collect();
        let mut left = sources.clone();
        left.retain(|c| {
            !paired.contains(&c.uid)
                && all_sources.get(&c.uid).is_some_and(|source| stands_for(source, newest))
        });
        let may_be = |source: u32, target| all_sources.get(&source).is_some_and(|m| stands_for(m, target));
        pairs.extend(pair(&left, &marked).into_iter().filter(|(source, target, _)| may_be(*source, *target)));
    }
    let matches: Vec<Match> = pairs
        .into_iter()
        .filter_map(|(source, target, rule)| {
            Some(Match {
                source: all_sources.get(&source)?.clone(),
                target: all_targets.get(&target)?.clone(),
                content: (*contents.get(&source)?).clone(),
                rule,
            })
        })
        .collect();
    let matched: HashSet<u32> = matches.iter().map(|m| m.source.uid).collect();
    for (uid, words) in unread {
        let Some(hidden) = all_targets.get(&uid) else { continue };
        let hidden_id = target_ids.get(&uid);
        let may_be = |one: &&ListedMessage| {
            !matched.contains(&one.uid)
                && (!hidden.is_deleted() || stands_for(one, uid))
                && may_be_one((one, source_ids.get(&one.uid)), (hidden, hidden_id))
        };
        for one in with_ids.iter().filter(may_be) {
            undecided.entry(one.uid).or_insert_with(|| {
                format!(
                    "message {uid} of the target may be it, and the target does not give that one: {words}"
                )
            });
        }
    }
    Ok(MatchResult { matches, undecided, read: read_at_source })
}

/// A listed message with its Message-ID, where one was read.
type Named<'a> = (&'a ListedMessage, Option<&'a Vec<u8>>);

/// Whether what the lists say of two messages leaves it possible that they are one.
fn may_be_one((a, id): Named<'_>, (b, other_id): Named<'_>) -> bool {
    // Of one that is not given at all its Message-ID is not known either.
    match (id, other_id) {
        (Some(id), Some(other_id)) => id == other_id,
        _ => a.size() == b.size() || a.date() == b.date(),
    }
}

/// Reads contents from one end; the other one waits, and is kept alive.
async fn read(
    ends: &mut Ends,
    side: Side,
    uids: &[u32],
    listed: &HashMap<u32, ListedMessage>,
) -> Result<(Vec<Candidate>, BTreeMap<u32, String>), EndError> {
    let mut all = Vec::with_capacity(uids.len());
    let mut refused = BTreeMap::new();
    for chunk in uids.chunks(CHUNK) {
        ends.stay().await?;
        let session = if side == Side::Source { &mut ends.source } else { &mut ends.target };
        let read = contents(session, chunk).await.map_err(EndError::at(side))?;
        refused.extend(read.refused);
        for (uid, content) in read.found {
            let date = listed.get(&uid).and_then(ListedMessage::date);
            all.push(Candidate { uid, date, content });
        }
    }
    all.sort_by_key(|c| c.uid);
    Ok((all, refused))
}

/// A list, and the Message-IDs of its messages.
type List<'a> = (&'a [ListedMessage], &'a HashMap<u32, Vec<u8>>);

/// Messages on both sides that share a size, a Message-ID or a date with one on the other side.
fn narrow(sources: List<'_>, targets: List<'_>) -> (Vec<u32>, Vec<u32>) {
    #[derive(PartialEq, Eq, Hash)]
    enum Key<'a> {
        Size(u64),
        Id(&'a [u8]),
        Date(i64),
    }
    fn keys<'a>(message: &ListedMessage, ids: &'a HashMap<u32, Vec<u8>>) -> impl Iterator<Item = Key<'a>> {
        [
            Some(message.size()).filter(|size| *size > 0).map(Key::Size),
            ids.get(&message.uid).map(|id| Key::Id(id)),
            message.date().map(Key::Date),
        ]
        .into_iter()
        .flatten()
    }
    fn all<'a>((list, ids): List<'a>) -> HashSet<Key<'a>> {
        list.iter().flat_map(|m| keys(m, ids)).collect()
    }
    let (on_source, on_target) = (all(sources), all(targets));
    let shared = |(list, ids): List<'_>, other: &HashSet<Key<'_>>| {
        list.iter().filter(|m| keys(m, ids).any(|k| other.contains(&k))).map(|m| m.uid).collect::<Vec<_>>()
    };
    (shared(sources, &on_target), shared(targets, &on_source))
}
