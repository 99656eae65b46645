//! Whether a number is still the message's it was.
//!
//! A message is known by UIDVALIDITY and UID, and doubted when its size or its date are others than they
//! were. That concludes nothing by itself: a restored Maildir has new dates, Exchange estimates sizes. So the
//! message is compared by its content before anything is copied, changed or removed.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::{FetchItems, UidSet};

use crate::code::Code;
use crate::folder::renumbered::{pair, read_again};
use crate::folder::run::FolderRun;
use crate::folder::source::{SourceEnd, has_same_numbers};
use crate::folder::subtract::is_done;
use crate::folder::unchanged::same_target;
use crate::folder::work::{MailboxWork, Step};
use crate::message::list::{ListedMessage, contents, in_list, list, list_whole};
use crate::server::dial::Ends;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Batch, Figures, FolderRow, Row, Rows, StrayCopy};

/// Messages whose contents are read in one go.
const CHUNK: usize = 500;

/// So many of the newest copies are looked at where the target's figures are what they were: what was put
/// back from a backup lacks the newest first.
const TELLING_COPIES: usize = 100;

/// The ledger's rows under the numbers that the source gives its messages today.
pub(super) struct KnownRows {
    pub rows: Rows,
    /// Whether the source numbered the whole folder anew since the last run.
    pub renumbered: bool,
}

/// Records which messages the source lists, and finds the rows of those that have other numbers than they
/// had. `Err` inside: the folder cannot go on, with the code and why.
///
/// # Errors
/// When the source or the ledger fails.
pub(super) async fn known_rows(
    work: MailboxWork<'_>,
    ends: &mut Ends,
    row: &FolderRow,
    source: &mut SourceEnd,
    mut rows: Rows,
) -> Step<Result<KnownRows, (Code, String)>> {
    let selected = &source.selected;
    let renumbered = row.scanned
        && (work.ledger().has_numbers(row.id)? || work.ledger().has_open_intents()?)
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
    let listed: UidSet = source.uids.iter().copied().collect();
    let gone = work.ledger().strays(row.id)?;
    if !renumbered {
        // What was gone, and has its number listed again, may be another message as well.
        let numbers = gone.iter().filter_map(|stray| u32::try_from(stray.source_uid).ok());
        void.extend(numbers.filter(|uid| listed.contains(*uid)));
    }
    let others: UidSet = void.iter().copied().collect();
    source.look_at(|uid| others.contains(uid));
    let known = |uid: u32| !renumbered && rows.contains_key(&uid) && !others.contains(uid);
    let new: Vec<&ListedMessage> = source.listed.iter().filter(|m| !known(m.uid)).collect();
    let loses = |row: &&Row| renumbered || others.contains(row.uid) || !listed.contains(row.uid);
    let lost: Vec<&Row> = rows.values().filter(loses).filter(|row| row.target_uid().is_some()).collect();
    let known_of = work.ledger().contents(row.id, &lost.iter().map(|row| row.uid).collect::<Vec<_>>())?;
    let lost = lost.into_iter().filter_map(|row| Some(StrayCopy::of(row, *known_of.get(&row.uid)?)));
    let strays: Vec<StrayCopy> = gone.into_iter().chain(lost).collect();
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
    changed |= !ledger.record_list(row.id, &source.uids, source.unlisted)?.relisted.is_empty();
    let again = if read.is_empty() { Vec::new() } else { pair(&ledger.strays(row.id)?, &read, renumbered) };
    if changed || !again.is_empty() {
        ledger.renumber_found(row.id, &again)?;
        rows = ledger.rows(row.id)?;
    }
    drop(ledger);
    rows.retain(|row| listed.contains(row.uid));
    Ok(Ok(KnownRows { rows, renumbered }))
}

/// Numbers that are other messages' by now. Of those that are not, what the source lists today is recorded.
async fn others(
    work: MailboxWork<'_>,
    ends: &mut Ends,
    row: &FolderRow,
    source: &SourceEnd,
    rows: &Rows,
) -> Step<Vec<u32>> {
    let mut others = Vec::new();
    let mut doubted: HashMap<u32, Figures> = HashMap::new();
    // Rows of earlier versions have no date.
    let mut same: Vec<(u32, Figures)> = Vec::new();
    for (uid, now) in source.seen().map(|m| (m.uid, m.figures())) {
        let Some(known) = rows.get(&uid) else { continue };
        if !known.at_source().differ(&now) {
            let fresh = known.at_source().date.is_none() && now.date.is_some() && known.was_read();
            same.extend(fresh.then_some((uid, now)));
        } else if known.was_read() {
            doubted.insert(uid, now);
        } else if known.size > 0 && known.at_source().size != now.size {
            // Of what was never read there is nothing to compare.
            others.push(uid);
        }
    }
    let uids: Vec<u32> = doubted.keys().copied().collect();
    for chunk in uids.chunks(CHUNK) {
        work.check_stop()?;
        ends.stay().await?;
        let contents_known = work.ledger().contents(row.id, chunk)?;
        let read = contents(&mut ends.source, chunk).await.map_err(EndError::at(Side::Source))?.found;
        let mut headers = Vec::new();
        for uid in chunk {
            let (Some(known), Some(now)) = (contents_known.get(uid), doubted.get(uid)) else { continue };
            match read.get(uid) {
                Some(content) if content.is_copy_of(known) => {
                    same.push((*uid, *now));
                    headers.extend(known.telling.is_none().then(|| (*uid, content.digests())));
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
    /// Compares the copies that the ledger knows with the target's list, where anything is to be done that
    /// rests on it. A target folder that was put back is another place: what it holds is then found by
    /// content, the rest is sent again.
    ///
    /// # Errors
    /// When the target or the ledger fails.
    pub(super) async fn recognise_copies(&mut self) -> Step<()> {
        let here = self.rows.values().filter(|row| row.place() == Some(self.place) && row.proven());
        let Some((newest, validity)) =
            here.filter_map(|row| row.target_uid()).max().zip(self.route.selected.uid_validity)
        else {
            return Ok(());
        };
        let proof = self.row.proof;
        // A folder has no proof while anything of it is in doubt; that its copies were listed once says as
        // much of UIDNEXT.
        let was = proof.map_or(0, |proof| proof.target_uid_next).max(newest.saturating_add(1));
        let behind = self.route.selected.uid_next.is_some_and(|next| next < was);
        let went_back = behind && !self.catches_up(was).await?;
        let same = proof.is_some_and(|proof| same_target(&proof, &self.route.selected));
        if !went_back {
            if same && !self.rests_on_copies() {
                return Ok(());
            }
            let few = if same && self.has_only_copies()? { self.list_telling_copies().await? } else { None };
            let whole = few.is_none();
            let listed = match few {
                Some(few) => few,
                None => match self.list_target().await? {
                    Some(listed) => listed,
                    None => return Ok(()),
                },
            };
            if !self.is_strange(&listed).await? {
                self.there = Some(listed).filter(|_| whole);
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
        ledger.invalidate_place(self.place)?;
        self.place = ledger.open_place(self.row.id, &self.route.target, Some(validity), false)?;
        drop(ledger);
        self.row.proof = None;
        Ok(())
    }

    /// Whether the open target folder has as many messages as the ledger has copies there: then there are no
    /// others.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(super) fn has_only_copies(&self) -> Step<bool> {
        Ok(self.work().ledger().copies_in(self.place)? == u64::from(self.route.selected.exists))
    }

    /// Lists those copies on the target that tell whether a folder of the same figures is still the one it
    /// was: the newest, which a backup does not have, and those whose flags are to be set. `None` when it has
    /// not all of them.
    async fn list_telling_copies(&mut self) -> Step<Option<Vec<ListedMessage>>> {
        let here = |row: &&Row| row.place() == Some(self.place);
        let mut uids: Vec<u32> = self.rows.values().filter(here).filter_map(Row::target_uid).collect();
        uids.sort_unstable();
        let mut uids: UidSet = uids.into_iter().rev().take(TELLING_COPIES).collect();
        for (_, target_uid, _) in self.flag_changes().into_values().flatten() {
            uids.insert(target_uid);
        }
        let asked = uids.len();
        let listed = list(&mut self.ends.target, uids, FetchItems::Meta).await;
        let listed = listed.map_err(EndError::at(Side::Target))?;
        Ok(Some(listed).filter(|listed| listed.len() as u64 == asked))
    }

    /// Whether what is to be done rests on what the ledger knows of copies: a message is to be sent, or flags
    /// are to be set.
    fn rests_on_copies(&self) -> bool {
        let in_doubt: HashSet<u32> = self.in_doubt.iter().flat_map(Batch::uids).collect();
        let retry = self.work().context.refusals.retry();
        let is_known_done = |m: &ListedMessage| {
            self.rows.get(&m.uid).is_some_and(|row| is_done(row, self.place, &in_doubt, retry))
        };
        !self.wanted.iter().all(is_known_done) || !self.flag_changes().is_empty()
    }

    /// Whether the target has another message under the number of a copy. Of copies that are what they were,
    /// what the target lists today is recorded.
    async fn is_strange(&mut self, listed: &[ListedMessage]) -> Step<bool> {
        let mut doubted: Vec<(u32, &Row, Figures)> = Vec::new();
        for row in self.rows.values().filter(|row| row.place() == Some(self.place)) {
            let there = |uid| Some((uid, in_list(listed, uid)?.figures()));
            let Some((uid, now)) = row.target_uid().and_then(there) else { continue };
            if row.at_target().differ(&now) && row.was_read() {
                doubted.push((uid, row, now));
            }
        }
        doubted.sort_unstable_by_key(|(uid, ..)| *uid);
        let mut same = Vec::new();
        for chunk in doubted.chunks(CHUNK) {
            self.work().check_stop()?;
            self.ends.stay().await?;
            let uids: Vec<u32> = chunk.iter().map(|(uid, ..)| *uid).collect();
            let sources: Vec<u32> = chunk.iter().map(|(_, row, _)| row.uid).collect();
            let known = self.work().ledger().contents(self.row.id, &sources)?;
            let read =
                contents(&mut self.ends.target, &uids).await.map_err(EndError::at(Side::Target))?.found;
            for (uid, row, now) in chunk {
                match read.get(uid) {
                    Some(content) if known.get(&row.uid).is_some_and(|known| !content.is_copy_of(known)) => {
                        return Ok(true);
                    }
                    Some(_) => same.push((row.uid, *now)),
                    None => {}
                }
            }
        }
        self.work().ledger().set_target_figures(self.row.id, &same)?;
        Ok(false)
    }

    /// Lists the open target folder; `None` when it counts more messages than it lists, which stops the
    /// folder.
    ///
    /// # Errors
    /// When the target or the ledger fails.
    pub(super) async fn list_target(&mut self) -> Step<Option<Vec<ListedMessage>>> {
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

    /// Stops the folder, since the target counts more messages than it lists: what is not listed may be a
    /// copy.
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
