//! Whether a number is still the message's it was.
//!
//! A message is known by UIDVALIDITY and UID, and doubted when its size or its date are others than they were. That
//! concludes nothing by itself: a restored Maildir has new dates, Exchange estimates sizes. So the message is compared by its
//! content before anything is copied, changed or removed.

use std::collections::{HashMap, HashSet};

use crate::code::Code;
use crate::folder::renumbered::{pair, read_again};
use crate::folder::run::FolderRun;
use crate::folder::source::{SourceEnd, has_same_numbers};
use crate::folder::subtract::is_settled;
use crate::folder::unchanged::same_target;
use crate::folder::work::{Step, Work};
use crate::message::list::{Listed, contents, list_whole};
use crate::server::dial::Ends;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Batch, Figures, FolderRow, Row, Stray};

/// Messages whose contents are read in one go.
const CHUNK: usize = 500;

/// The ledger's rows under the numbers that the source gives its messages today.
pub(super) struct KnownRows {
    /// Of messages that the source lists.
    pub rows: HashMap<u32, Row>,
    /// All had other numbers before.
    pub renumbered: bool,
}

/// Records which messages the source lists, and finds the rows of those that have other numbers than they had. `Err`
/// inside: the folder cannot go on, with the code and why.
///
/// # Errors
/// When the source or the ledger fails.
pub(super) async fn known_rows(
    work: Work<'_>,
    ends: &mut Ends,
    row: &FolderRow,
    source: &mut SourceEnd,
    mut rows: HashMap<u32, Row>,
) -> Step<Result<KnownRows, (Code, String)>> {
    let selected = &source.selected;
    let renumbered = row.scanned
        && (work.ledger().has_numbers(row.id)? || work.ledger().doubtful()?)
        && !has_same_numbers(row, selected);
    if renumbered && source.unlisted > 0 {
        let why = format!(
            "the source numbers its messages anew and lists {} of {}: what is missing may be what was copied",
            source.uids.len(),
            selected.exists
        );
        return Ok(Err((Code::Unlisted, why)));
    }
    if row.unlisted > 0 {
        // What a short list had left out may be listed again.
        rows = work.ledger().rows_listed_or_not(row.id)?;
    }
    let mut void = if renumbered { Vec::new() } else { others(work, ends, row, source, &rows).await? };
    let listed: HashSet<i64> = source.uids.iter().map(|uid| i64::from(*uid)).collect();
    let gone = work.ledger().strays(row.id)?;
    if !renumbered {
        // What was gone, and has its number listed again, may be another message as well.
        let again = gone.iter().map(|stray| stray.source_uid).filter(|uid| listed.contains(uid));
        void.extend(again.filter_map(|uid| u32::try_from(uid).ok()));
    }
    source.look_at(|uid| void.contains(&uid));
    let known = |uid: u32| !renumbered && rows.contains_key(&uid) && !void.contains(&uid);
    let new: Vec<&Listed> = source.listed.iter().filter(|m| !known(m.uid)).collect();
    let loses = |row: &&Row| renumbered || void.contains(&row.uid) || !listed.contains(&i64::from(row.uid));
    let strays: Vec<Stray> =
        gone.into_iter().chain(rows.values().filter(loses).filter_map(Stray::of)).collect();
    // Read before any number is void: a run that breaks off in between would have to find them by less.
    let read = match read_again(work, ends, &new, &strays, renumbered).await? {
        Ok(read) => read,
        Err(why) => return Ok(Err((Code::Unreadable, why))),
    };
    let mut ledger = work.ledger();
    let mut changed = renumbered || row.unlisted > 0;
    if renumbered {
        ledger.void_numbers(row.id, None)?;
    } else if !void.is_empty() {
        tracing::info!(messages = void.len(), "numbers of the source are other messages' now");
        ledger.void_numbers(row.id, Some(&void))?;
        changed = true;
    }
    changed |= !ledger.scanned(row.id, &source.uids, source.unlisted)?.relisted.is_empty();
    let again = if read.is_empty() { Vec::new() } else { pair(&ledger.strays(row.id)?, &read, renumbered) };
    if changed || !again.is_empty() {
        ledger.found_again(row.id, &again)?;
        rows = ledger.rows(row.id)?;
    }
    drop(ledger);
    rows.retain(|uid, _| listed.contains(&i64::from(*uid)));
    Ok(Ok(KnownRows { rows, renumbered }))
}

/// Numbers that are other messages' by now. Of those that are not, what the source lists today is recorded.
async fn others(
    work: Work<'_>,
    ends: &mut Ends,
    row: &FolderRow,
    source: &SourceEnd,
    rows: &HashMap<u32, Row>,
) -> Step<Vec<u32>> {
    let mut others = Vec::new();
    let mut doubted: HashMap<u32, Figures> = HashMap::new();
    // Rows of earlier versions have no date.
    let mut same: Vec<(u32, Figures)> = Vec::new();
    for (uid, now) in source.seen().map(|m| (m.uid, m.figures())) {
        let Some(known) = rows.get(&uid) else { continue };
        if !known.at_source.differ(&now) {
            let fresh = known.at_source.date.is_none() && now.date.is_some() && known.content.exact.is_some();
            same.extend(fresh.then_some((uid, now)));
        } else if known.content.exact.is_some() {
            doubted.insert(uid, now);
        } else if known.size > 0 && known.at_source.size != now.size {
            // Of what was never read there is nothing to compare.
            others.push(uid);
        }
    }
    let uids: Vec<u32> = doubted.keys().copied().collect();
    for chunk in uids.chunks(CHUNK) {
        work.go_on()?;
        ends.stay().await?;
        let read = contents(&mut ends.source, chunk).await.map_err(EndError::at(Side::Source))?.found;
        let mut headers = Vec::new();
        for uid in chunk {
            let (Some(known), Some(now)) = (rows.get(uid), doubted.get(uid)) else { continue };
            match read.get(uid) {
                Some(content) if content.is_copy_of(&known.content) => {
                    same.push((*uid, *now));
                    headers.extend(known.content.telling.is_none().then(|| (*uid, content.digests())));
                }
                // What is not given is asked for again by whoever copies it, and told.
                _ => others.push(*uid),
            }
        }
        work.ledger().set_telling(row.id, &headers)?;
    }
    work.ledger().set_source_figures(row.id, &same)?;
    Ok(others)
}

impl FolderRun<'_> {
    /// Compares the copies that the ledger knows with the target's list, where anything is to be done that rests on it. A
    /// target folder that was put back is another place: what it holds is then found by content, the rest is sent again.
    ///
    /// # Errors
    /// When the target or the ledger fails.
    pub(super) async fn recognise_copies(&mut self) -> Step<()> {
        let here = self.rows.values().filter(|row| row.place == Some(self.place) && row.proven);
        let Some((newest, validity)) =
            here.filter_map(|row| row.target_uid).max().zip(self.route.selected.uid_validity)
        else {
            return Ok(());
        };
        let proof = self.row.proof;
        // A folder has no proof while anything of it is in doubt; that its copies were listed once says as much of UIDNEXT.
        let was = proof.map_or(0, |proof| proof.target_uid_next).max(newest.saturating_add(1));
        let behind = self.route.selected.uid_next.is_some_and(|next| next < was);
        let went_back = behind && !self.catches_up(was).await?;
        let same = proof.is_some_and(|proof| same_target(&proof, &self.route.selected));
        if !went_back {
            if same && !self.rests_on_copies() {
                return Ok(());
            }
            let Some(listed) = self.list_target().await? else { return Ok(()) };
            if !self.is_strange(&listed).await? {
                self.there = Some(listed);
                return Ok(());
            }
        }
        let message = format!(
            "the target folder `{}` is not what it was at the last run: it was put back from a backup, or its numbers are \
             other messages' now; what it holds of ours is found by its content, the rest is copied again",
            self.route.target
        );
        self.route.warn(message).await;
        let mut ledger = self.work().ledger();
        ledger.renounce(self.place)?;
        self.place = ledger.open_place(self.row.id, &self.route.target, Some(validity), false)?;
        drop(ledger);
        self.row.proof = None;
        Ok(())
    }

    /// Whether what is to be done rests on what the ledger knows of copies: a message is to be sent, or flags are to be set.
    fn rests_on_copies(&self) -> bool {
        let in_doubt: HashSet<u32> = self.in_doubt.iter().flat_map(Batch::uids).collect();
        let retry = self.work().context.refusals.retry();
        let settled = |m: &Listed| {
            self.rows.get(&m.uid).is_some_and(|row| is_settled(row, self.place, &in_doubt, retry))
        };
        !self.wanted.iter().all(settled) || !self.flag_changes().is_empty()
    }

    /// Whether the target has another message under the number of a copy. Of copies that are what they were, what the target
    /// lists today is recorded.
    async fn is_strange(&mut self, listed: &[Listed]) -> Step<bool> {
        let there: HashMap<u32, Figures> = listed.iter().map(|m| (m.uid, m.figures())).collect();
        let mut doubted: Vec<(u32, &Row, Figures)> = Vec::new();
        for row in self.rows.values().filter(|row| row.place == Some(self.place)) {
            let Some((uid, now)) = row.target_uid.and_then(|uid| Some((uid, *there.get(&uid)?))) else {
                continue;
            };
            if row.at_target.differ(&now) && row.content.exact.is_some() {
                doubted.push((uid, row, now));
            }
        }
        doubted.sort_unstable_by_key(|(uid, ..)| *uid);
        let mut same = Vec::new();
        for chunk in doubted.chunks(CHUNK) {
            self.work().go_on()?;
            self.ends.stay().await?;
            let uids: Vec<u32> = chunk.iter().map(|(uid, ..)| *uid).collect();
            let read =
                contents(&mut self.ends.target, &uids).await.map_err(EndError::at(Side::Target))?.found;
            for (uid, row, now) in chunk {
                match read.get(uid) {
                    Some(content) if !content.is_copy_of(&row.content) => return Ok(true),
                    Some(_) => same.push((row.uid, *now)),
                    None => {}
                }
            }
        }
        self.work().ledger().set_target_figures(self.row.id, &same)?;
        Ok(false)
    }

    /// Lists the open target folder; `None` when it counts more messages than it lists, which stops the folder.
    ///
    /// # Errors
    /// When the target or the ledger fails.
    pub(super) async fn list_target(&mut self) -> Step<Option<Vec<Listed>>> {
        let (selected, status) = (self.route.selected.clone(), self.target_status);
        let whole = list_whole(&mut self.ends.target, &self.route.target_name, selected, status).await;
        let whole = whole.map_err(EndError::at(Side::Target))?;
        if whole.unlisted() > 0 {
            self.stop_short_target(whole.counted(), whole.listed.len()).await?;
            return Ok(None);
        }
        self.route.selected = whole.selected;
        Ok(Some(whole.listed))
    }

    /// Stops the folder, since the target counts more messages than it lists: what is not listed may be a copy.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(super) async fn stop_short_target(&mut self, counted: u32, listed: usize) -> Step<()> {
        let why = format!(
            "the target counts {counted} messages in `{}` and lists {listed}: what is missing may be a copy, so nothing is \
             sent again",
            self.route.target
        );
        self.stop(Code::Undecided, &why).await
    }

    /// Stops the folder: nothing more of it is done in this run.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(super) async fn stop(&mut self, code: Code, why: &str) -> Step<()> {
        let work = self.work();
        work.warn(format!("{}: {why}", self.row.source)).await;
        work.ledger().stop_folder(self.row.id, code, why, self.source.exists)?;
        self.outcome.stopped = true;
        Ok(())
    }
}
