//! Opening a folder on both ends at once, reading what the source has, and settling what needs no copy.

use std::collections::{BTreeMap, HashMap, HashSet};

use mailhaul_imap::{
    FetchItems, Flags, FolderName, ImapError, Preparation, Prepared, Selected, Session, UidSet,
};

use crate::folder::renumbered::rematch;
use crate::folder::unchanged::same_source;
use crate::folder::work::{Work, WorkError, locked, stopping};
use crate::mapping::target::{Mapped, Target};
use crate::message::list::{Listed, WholeList, list, list_whole};
use crate::message::select::left_out;
use crate::server::dial::Ends;
use crate::side::Side;
use crate::state::ledger::{Batch, FolderRow, MAX_ATTEMPTS, Outcome, PlaceId, Row, UNLISTED, UNREADABLE};
use crate::task::context::Context;

/// From so many known messages on, asking for what changed costs less than listing everything.
const DELTA_FROM: usize = 500;

/// A folder nothing is known of is listed in the round trip that opens it, up to so many messages: longer lists are read
/// as they come.
const AT_ONCE: u32 = 2_000;

type Step<T> = Result<T, WorkError>;

/// A folder that is open on both ends.
pub(crate) struct OpenFolder {
    /// The source folder, read only.
    pub source: Selected,
    /// The target folder.
    pub target: Selected,
    /// Where copies go.
    pub place: PlaceId,
    /// The ledger's rows, as they were.
    pub rows: HashMap<u32, Row>,
    /// What is neither settled nor left out, and what may be there all the same.
    pub wanted: Vec<Listed>,
    /// Those of them that are left out: not to be sent, only to be looked for.
    pub left_out: HashSet<u32>,
    /// Messages in doubt that the source does not have any more: UID and size.
    pub vanished: BTreeMap<u32, u64>,
    /// The source's flags now, of messages that have a row.
    pub flags: Vec<(u32, Flags)>,
    /// The source lists as many messages as it counts.
    pub whole: bool,
}

/// What the source holds.
struct SourceEnd {
    selected: Selected,
    /// So many more messages than those listed, by the source's own count.
    unlisted: u32,
    /// Every message.
    uids: Vec<u32>,
    /// Those that may need work, with what decides that.
    listed: Vec<Listed>,
    /// Flags where they may have changed, when any message is known.
    flags: Vec<(u32, Flags)>,
}

/// Creates and opens the target and examines and lists the source at the same time. `None` when the
/// folder cannot go on; the ledger says why.
///
/// # Errors
/// When an end or the ledger fails.
pub(crate) async fn open(
    work: Work<'_>,
    pair: &mut Ends,
    mapped: &Mapped,
    target: &Target,
    row: &FolderRow,
) -> Step<Option<OpenFolder>> {
    let mut rows = locked(work.ledger).rows(row.id)?;
    let preparation =
        Preparation { create: !target.exists, role: target.role.as_ref(), subscribe: target.subscribe };
    let (source, prepared) = tokio::join!(
        open_source(&mut pair.source, mapped, row, &rows),
        pair.target.prepare(&target.name, preparation)
    );
    let source = match source {
        Ok(source) => source,
        Err(error) => {
            let why = stopping(work, Side::Source, error).await?;
            return stop(work, row, UNREADABLE, why, believed(mapped, row)).await;
        }
    };
    let messages = source.selected.exists;
    let Prepared { selected: opened, created, not_subscribed } = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            let why = stopping(work, Side::Target, error).await?;
            if target.exists {
                let reason = format!("the target refused to open `{}`: {why}", target.path);
                return stop(work, row, "select-refused", reason, messages).await;
            }
            let reason = format!(
                "the target refused to create `{}`: {why}; give the folder another name in a [[folders]] rule",
                target.path
            );
            return stop(work, row, "create-refused", reason, messages).await;
        }
    };
    if let Some(error) = not_subscribed {
        // A folder nobody subscribed to is still there, with all its mail.
        let message = format!("the target refused to subscribe to `{}`: {error}", target.path);
        work.warn(message).await;
    }
    if opened.read_only {
        let reason = format!("the target opens `{}` for reading only", target.path);
        return stop(work, row, "select-refused", reason, messages).await;
    }
    let SourceEnd { selected, unlisted, uids, listed, flags } = source;
    if listed.len() == uids.len() {
        work.lists.keep(Side::Source, &row.source, &listed);
    }
    if unlisted > 0 {
        let message = format!(
            "{}: the source counts {} messages and lists {}: {unlisted} cannot be copied",
            row.source,
            selected.exists,
            uids.len()
        );
        work.warn(message).await;
    }
    explain(work, row, target, &selected, &opened, &rows).await;
    let place = {
        let mut ledger = locked(work.ledger);
        ledger.open_place(row.id, &target.path.to_string(), opened.uid_validity, created)?
    };
    let renumbered = row.scanned
        && (locked(work.ledger).has_numbers(row.id)? || locked(work.ledger).doubtful()?)
        && (selected.uid_validity.is_none() || selected.uid_validity != row.source_uid_validity);
    if renumbered && unlisted > 0 {
        let reason = format!(
            "the source numbers its messages anew and lists {} of {}: what is missing may be what was copied",
            uids.len(),
            selected.exists
        );
        return stop(work, row, UNLISTED, reason, messages).await;
    }
    if renumbered {
        let known = locked(work.ledger).rows_listed_or_not(row.id)?;
        let found = match rematch(&mut pair.source, &uids, &known).await? {
            Ok(found) => found,
            Err(reason) => return stop(work, row, UNREADABLE, reason, messages).await,
        };
        let mut ledger = locked(work.ledger);
        ledger.renumber(row.id, &found)?;
        rows = ledger.rows(row.id)?;
    }
    let mut ledger = locked(work.ledger);
    ledger.set_source(row.id, selected.uid_validity, selected.mailbox_id.as_deref())?;
    let relisted = ledger.scanned(row.id, &uids, unlisted)?.relisted;
    if !relisted.is_empty() {
        let all = ledger.rows(row.id)?;
        rows.extend(relisted.iter().filter_map(|uid| Some((*uid, all.get(uid)?.clone()))));
    }
    let in_doubt: HashSet<u32> = ledger.open_batches(row.id)?.iter().flat_map(Batch::uids).collect();
    // Sorted, as every list is.
    let is_listed = |uid: &u32| uids.binary_search(uid).is_ok();
    let mut vanished = BTreeMap::new();
    if !in_doubt.is_empty() && !renumbered && unlisted == 0 {
        vanished = ledger.unaccounted(row.id)?;
        vanished.retain(|uid, _| !is_listed(uid));
    }
    rows.retain(|uid, _| is_listed(uid));
    let (wanted, left_out) = sort_out(work.context, &mut ledger, (row, place, &in_doubt), &rows, listed)?;
    drop(ledger);
    let whole = unlisted == 0;
    Ok(Some(OpenFolder {
        source: selected,
        target: opened,
        place,
        rows,
        wanted,
        left_out,
        vanished,
        flags,
        whole,
    }))
}

/// How many messages a source folder has that cannot be read: what its STATUS said, else what the ledger knows, and never
/// none, since nobody has looked.
#[must_use]
pub(crate) fn believed(mapped: &Mapped, row: &FolderRow) -> u32 {
    let status = mapped.status.as_ref().and_then(|status| status.messages);
    status.unwrap_or(row.source_messages).max(1)
}

async fn stop(
    work: Work<'_>,
    row: &FolderRow,
    code: &str,
    reason: String,
    messages: u32,
) -> Step<Option<OpenFolder>> {
    work.warn(format!("{}: {reason}", row.source)).await;
    locked(work.ledger).stop_folder(row.id, code, &reason, messages)?;
    Ok(None)
}

/// Examines the source and reads as little of its list as tells what changed.
async fn open_source(
    session: &mut Session,
    mapped: &Mapped,
    row: &FolderRow,
    rows: &HashMap<u32, Row>,
) -> Result<SourceEnd, ImapError> {
    let name = &mapped.folder.name;
    let messages = mapped.status.as_ref().and_then(|status| status.messages);
    if rows.is_empty() && messages.is_some_and(|messages| (1..=AT_ONCE).contains(&messages)) {
        let (selected, listed) = session.examine_and_list(name).await?;
        return match listed {
            Some(listed) => {
                let listed = listed.into_iter().map(Listed::from).collect();
                Ok(SourceEnd::whole(WholeList { selected, listed }, rows))
            }
            None => Ok(SourceEnd::whole(list_whole(session, name, selected).await?, rows)),
        };
    }
    let selected = session.examine(name).await?;
    let same_numbers = selected.uid_validity.is_some() && selected.uid_validity == row.source_uid_validity;
    let known: UidSet = rows.keys().copied().collect();
    let exists = u64::from(selected.exists);
    let mut end =
        SourceEnd { selected, unlisted: 0, uids: Vec::new(), listed: Vec::new(), flags: Vec::new() };
    match row.proof.filter(|_| same_numbers) {
        Some(proof) if same_source(&proof, &end.selected) && known.len() == exists => {
            end.uids = known.iter().collect();
            match proof.source_modseq.zip(end.selected.highest_modseq) {
                Some((then, now)) if then == now => {}
                Some((then, _)) => match session.changes(then, known).await {
                    Ok(changes) => end.flags = changes.flags,
                    Err(error) if error.is_connection_lost() => return Err(error),
                    Err(_) => return end.whole_instead(session, name, rows).await,
                },
                None => {
                    let listed = list(session, UidSet::all(), FetchItems::Flags).await?;
                    if (listed.len() as u64) < exists {
                        return end.whole_instead(session, name, rows).await;
                    }
                    end.uids = listed.iter().map(|m| m.uid).collect();
                    end.flags = listed.into_iter().map(|m| (m.uid, m.flags)).collect();
                }
            }
        }
        Some(proof)
            if rows.len() >= DELTA_FROM
                && end.selected.highest_modseq.is_some()
                && proof.source_modseq.is_some() =>
        {
            let changes = match session.changes(proof.source_modseq.unwrap_or_default(), known.clone()).await
            {
                Ok(changes) => changes,
                Err(error) if error.is_connection_lost() => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, "the source does not tell what changed");
                    return end.whole_instead(session, name, rows).await;
                }
            };
            let new = UidSet::range(proof.source_uid_next, u32::MAX);
            let left = changes.vanished.map(|gone| known.without(&gone));
            end.listed = list(session, new, FetchItems::Meta).await?;
            end.listed.retain(|m| !known.contains(m.uid));
            end.flags = changes.flags;
            let new: UidSet = end.listed.iter().map(|m| m.uid).collect();
            let mut all = match left {
                Some(left) => left,
                None => match session.uids().await {
                    Ok(uids) => uids,
                    Err(error) if error.is_connection_lost() => return Err(error),
                    Err(_) => return end.whole_instead(session, name, rows).await,
                },
            };
            all.extend(&new);
            // More than the count are new ones that came since; fewer are a list with a hole.
            let accounted = || all.without(&known).without(&new).is_empty();
            if all.len() != exists && !(all.len() > exists && accounted()) {
                return end.whole_instead(session, name, rows).await;
            }
            end.uids = all.iter().collect();
        }
        _ => return end.whole_instead(session, name, rows).await,
    }
    // A message that was left out by its flags may not be any more.
    let again: UidSet = end
        .flags
        .iter()
        .map(|(uid, _)| *uid)
        .filter(|uid| rows.get(uid).is_some_and(|row| row.outcome == Outcome::Skipped))
        .filter(|uid| end.listed.iter().all(|m| m.uid != *uid))
        .collect();
    if !again.is_empty() {
        end.listed.extend(list(session, again, FetchItems::Meta).await?);
        end.listed.sort_by_key(|m| m.uid);
    }
    Ok(end)
}

impl SourceEnd {
    /// From a list of everything.
    fn whole(list: WholeList, rows: &HashMap<u32, Row>) -> Self {
        let unlisted = list.unlisted();
        let WholeList { selected, listed } = list;
        let flags = |m: &Listed| (m.uid, m.flags.clone());
        Self {
            selected,
            unlisted,
            uids: listed.iter().map(|m| m.uid).collect(),
            flags: if rows.is_empty() { Vec::new() } else { listed.iter().map(flags).collect() },
            listed,
        }
    }

    /// What was asked for in part does not fit together: everything is listed.
    async fn whole_instead(
        self,
        session: &mut Session,
        name: &FolderName,
        rows: &HashMap<u32, Row>,
    ) -> Result<Self, ImapError> {
        Ok(Self::whole(list_whole(session, name, self.selected).await?, rows))
    }
}

/// Says what a folder that is not what it was means.
async fn explain(
    work: Work<'_>,
    row: &FolderRow,
    target: &Target,
    source: &Selected,
    opened: &Selected,
    rows: &HashMap<u32, Row>,
) {
    let path = &row.source;
    let mut said = Vec::new();
    if row.scanned && !rows.is_empty() {
        match (source.uid_validity, row.source_uid_validity) {
            (None, _) => said.push(format!(
                "{path}: the source gives the folder no UIDVALIDITY, so its messages are told apart by their \
                 content in every run"
            )),
            (now, then) if now != then => said.push(format!(
                "{path}: the source numbers its messages anew since the last run (UIDVALIDITY {} became {}); they \
                 are found again by their content",
                validity(then),
                validity(now)
            )),
            _ => {}
        }
    }
    if source.exists == 0 && row.scanned && row.source_messages > 0 {
        said.push(format!(
            "{path}: the source folder had {} messages at the last run and has none now; their copies on the \
             target stay",
            row.source_messages
        ));
    }
    let copies = rows.values().any(|row| row.target_uid.is_some());
    if row.place.is_some() && copies && row.target.as_deref() == Some(target.path.to_string().as_str()) {
        match (opened.uid_validity, row.target_uid_validity) {
            (None, _) => said.push(format!(
                "{path}: the target gives `{}` no UIDVALIDITY, so copies are looked for by their content in every run",
                target.path
            )),
            (now, then) if now != then => said.push(format!(
                "{path}: the target folder `{}` was replaced since the last run (UIDVALIDITY {} became {}); what \
                 it holds is found by its content, the rest is copied again",
                target.path,
                validity(then),
                validity(now)
            )),
            _ => {}
        }
    }
    for message in said {
        work.warn(message).await;
    }
}

fn validity(number: Option<u32>) -> String {
    number.map_or_else(|| "none".to_owned(), |n| n.to_string())
}

/// Sorts the listed messages into settled, left out and wanted; returns what is wanted, and what of that is left out
/// and only in doubt. Today's rules decide about what a rule of an earlier run left out.
fn sort_out(
    context: &Context,
    ledger: &mut crate::state::ledger::Ledger,
    (row, place, in_doubt): (&FolderRow, PlaceId, &HashSet<u32>),
    rows: &HashMap<u32, Row>,
    listed: Vec<Listed>,
) -> Step<(Vec<Listed>, HashSet<u32>)> {
    let mut left = HashSet::new();
    let mut skipped: HashMap<String, Vec<(u32, u64)>> = HashMap::new();
    let mut forgotten = Vec::new();
    let mut wanted = Vec::new();
    let mut seen = HashSet::new();
    for message in listed {
        seen.insert(message.uid);
        let known = rows.get(&message.uid);
        if known.is_some_and(|row| is_settled(row, place, in_doubt)) {
            continue;
        }
        match left_out(context, &message) {
            Some(rule) => {
                skipped.entry(rule).or_default().push((message.uid, message.size));
                // It was sent before it was left out.
                if in_doubt.contains(&message.uid) {
                    left.insert(message.uid);
                    wanted.push(message);
                }
            }
            None => {
                if known.is_some_and(|row| row.outcome == Outcome::Skipped) {
                    forgotten.push(message.uid);
                }
                wanted.push(message);
            }
        }
    }
    for (rule, messages) in &skipped {
        ledger.skipped(row.id, messages, "rule", rule)?;
    }
    if !forgotten.is_empty() {
        ledger.reopen(row.id, &forgotten)?;
    }
    // Copies in a folder that was replaced, of messages that were not listed.
    let lost: Vec<Listed> = rows
        .values()
        .filter(|row| !seen.contains(&row.uid) && row.target_uid.is_some() && row.place != Some(place))
        .map(|row| Listed::bare(row.uid, row.size))
        .collect();
    wanted.extend(lost);
    wanted.sort_by_key(|m| m.uid);
    Ok((wanted, left))
}

/// Whether nothing has to be done about a message any more.
fn is_settled(row: &Row, place: PlaceId, in_doubt: &HashSet<u32>) -> bool {
    match row.outcome {
        Outcome::Copied | Outcome::AlreadyPresent => row.place == Some(place),
        Outcome::Skipped => false,
        // What never was sent (too big, unreadable) is looked at again; what was sent in vain too often is not, unless
        // it may be there all the same.
        Outcome::Failed => row.attempts >= MAX_ATTEMPTS && !in_doubt.contains(&row.uid),
    }
}
