//! All folders of a mailbox: several at a time where there is enough to copy and the ceilings allow it.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;
use mailhaul_imap::{AcceptedForms, KnownServer};
use tracing::Instrument;

use crate::folder::run;
use crate::folder::skipped_folder::skip;
use crate::folder::work::{MailboxWork, WorkError};
use crate::mapping::target::{MappedFolder, collision_key};
use crate::server::dial::{Ends, dial_both_with, log_out_both};

/// A further pair of connections is opened for every so many messages to copy.
const MESSAGES_PER_PAIR: u64 = 250;

/// Or for every so many folders with messages, where that makes more pairs: each costs some round trips.
const FOLDERS_PER_PAIR: u64 = 2;

/// Pairs of connections one mailbox uses at most.
const MAX_PAIRS: u64 = 6;

/// How the folders ended while a pair of connections lives.
#[derive(Debug)]
pub(crate) struct FoldersOutcome {
    pub ends: Ends,
    /// The target is out of room, in its own words.
    pub over_quota: Option<String>,
    pub interrupted: bool,
}

/// The queue of folders and the findings that all workers of a mailbox share.
struct Shared<'a> {
    /// Folders that go into one target folder are one entry: two writers in one folder could take
    /// each other's messages for somebody else's.
    groups: Mutex<VecDeque<Vec<&'a MappedFolder>>>,
    state: Mutex<WorkerState>,
    /// What any of the target's connections has learnt of it.
    learnt: AcceptedForms,
    /// What the first pair was told of the source and the target.
    known: (KnownServer, KnownServer),
}

#[derive(Default)]
struct WorkerState {
    over_quota: Option<String>,
    interrupted: bool,
}

impl<'a> Shared<'a> {
    fn next(&self) -> Option<Vec<&'a MappedFolder>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, WorkerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Brings every folder to the target.
///
/// # Errors
/// When an end or the ledger fails; the other workers finish what they have. Running it again continues.
pub(crate) async fn run(
    work: MailboxWork<'_>,
    ends: Ends,
    folders: &[MappedFolder],
    messages: &HashMap<String, u32>,
    to_copy: u64,
) -> Result<FoldersOutcome, WorkError> {
    let filled = folders.iter().filter(|m| messages.get(&m.folder.path.to_string()).is_some_and(|n| *n > 0));
    let filled = if to_copy == 0 { 0 } else { filled.count() as u64 };
    let groups = groups(folders, messages);
    let pairs = (to_copy / MESSAGES_PER_PAIR).max(filled / FOLDERS_PER_PAIR) + 1;
    let pairs = pairs.min(MAX_PAIRS).min(groups.len().max(1) as u64);
    let shared = Shared {
        groups: Mutex::new(groups),
        state: Mutex::default(),
        learnt: AcceptedForms::default(),
        known: (ends.source.known().clone(), ends.target.known().clone()),
    };
    let first = worker(work, ends, &shared, false);
    let more = join_all((1..pairs).map(|_| helper(work, &shared)));
    let (first, more) = tokio::join!(first, more);
    let ends = first?;
    for result in more {
        result?;
    }
    let WorkerState { over_quota, interrupted } = std::mem::take(&mut *shared.state());
    Ok(FoldersOutcome { ends, over_quota, interrupted })
}

/// The largest first: a large one that begins last would keep one pair busy while the others have nothing
/// left to do.
fn groups<'a>(
    folders: &'a [MappedFolder],
    messages: &HashMap<String, u32>,
) -> VecDeque<Vec<&'a MappedFolder>> {
    let mut groups: Vec<Vec<&'a MappedFolder>> = Vec::new();
    // What may be one folder on the target is filled one after the other.
    let mut group_of: HashMap<String, usize> = HashMap::new();
    for mapped in folders.iter().filter(|m| m.target.is_some() || m.skipped.is_some()) {
        let new = groups.len();
        let at =
            mapped.target.as_ref().map_or(new, |to| *group_of.entry(collision_key(&to.path)).or_insert(new));
        match groups.get_mut(at) {
            Some(group) => group.push(mapped),
            None => groups.push(vec![mapped]),
        }
    }
    let size =
        |mapped: &&MappedFolder| messages.get(&mapped.folder.path.to_string()).copied().map_or(0, u64::from);
    groups.sort_by_cached_key(|group| Reverse(group.iter().map(size).sum::<u64>()));
    groups.into()
}

/// One more pair of connections, if it may be opened right now.
async fn helper(work: MailboxWork<'_>, shared: &Shared<'_>) -> Result<(), WorkError> {
    let Some(permit) = work.context.ceilings.try_pair(work.mailbox) else { return Ok(()) };
    let (source, target) = &shared.known;
    match dial_both_with(work.context, work.mailbox, (Some(source), Some(target))).await {
        Ok((source, target)) => {
            let ends = worker(work, Ends { source, target }, shared, true).await?;
            log_out_both(ends.source, ends.target, permit);
            Ok(())
        }
        Err(error) => {
            // A server's own ceiling is lower than ours: the work goes on with what there is.
            if error.asks_for_patience() {
                work.context.ceilings.reduce(work.mailbox.side(error.side()));
            }
            tracing::info!(reason = %error.stopped().reason, "no further connections");
            Ok(())
        }
    }
}

/// Works until no folder is left; a helper also ends when a host wants fewer connections.
async fn worker(
    work: MailboxWork<'_>,
    mut ends: Ends,
    shared: &Shared<'_>,
    helps: bool,
) -> Result<Ends, WorkError> {
    let ceilings = &work.context.ceilings;
    ends.target.share_accepted_forms(&shared.learnt);
    while !(helps && ceilings.is_crowded(work.mailbox))
        && let Some(group) = shared.next()
    {
        for mapped in group {
            if work.context.stop.is_raised() {
                shared.state().interrupted = true;
                return Ok(ends);
            }
            let full = shared.state().over_quota.is_some();
            let span = tracing::info_span!("folder", path = %mapped.folder.path);
            match (&mapped.target, &mapped.skipped) {
                (Some(target), _) if !full => {
                    let run = Box::pin(run::run(work, ends, mapped, target));
                    let (back, end) = run.instrument(span).await?;
                    ends = back;
                    if end.throttled {
                        ceilings.reduce(&work.mailbox.target);
                    }
                    let mut state = shared.state();
                    if let Some(words) = end.over_quota {
                        state.over_quota.get_or_insert(words);
                    }
                    if end.interrupted {
                        state.interrupted = true;
                        return Ok(ends);
                    }
                }
                (_, Some((_, reason))) => {
                    skip(work, &mut ends.source, mapped, reason).instrument(span).await?;
                }
                _ => {}
            }
        }
    }
    Ok(ends)
}

#[cfg(test)]
mod tests {
    use mailhaul_imap::{Folder, FolderName, FolderPath, Space};

    use super::*;
    use crate::mapping::target::Target;

    fn mapped(from: &str, to: &str) -> MappedFolder {
        let folder = Folder {
            name: FolderName::inbox(),
            path: FolderPath::parse(from),
            reads: None,
            space: Space::Own,
            attributes: Vec::new(),
            roles: Vec::new(),
            selectable: true,
            subscribed: true,
            listed: true,
        };
        let (path, name) = (FolderPath::parse(to), FolderName::inbox());
        let target = Target { path, name, role: None, subscribe: true, exists: true, status: None };
        MappedFolder {
            folder,
            target: Some(target),
            skipped: None,
            keeps_copies: false,
            outside: false,
            by: String::new(),
            rule: None,
            why: String::new(),
            story: Vec::new(),
            status: None,
        }
    }

    #[test]
    fn what_goes_into_one_folder_goes_together_and_the_largest_first() {
        let folders = [mapped("a", "x"), mapped("b", "y"), mapped("c", "x"), mapped("d", "inbox")];
        let messages = HashMap::from([("b".to_owned(), 5), ("a".to_owned(), 3), ("c".to_owned(), 3)]);
        let groups = groups(&folders, &messages);
        let paths: Vec<Vec<String>> =
            groups.iter().map(|group| group.iter().map(|m| m.folder.path.to_string()).collect()).collect();
        assert_eq!(paths, [vec!["a", "c"], vec!["b"], vec!["d"]]);
    }
}
