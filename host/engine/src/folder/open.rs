//! Opening a folder on both ends at once, and recording what the source has.

use std::collections::HashSet;
use std::ops::ControlFlow;

use mailhaul_imap::{Preparation, PreparedFolder, Selected};

use crate::code::Code;
use crate::folder::changed::warn_changed;
use crate::folder::copy::item::Route;
use crate::folder::identity::known_rows;
use crate::folder::real_name::{OpenedFolder, identify_opened};
use crate::folder::run::FolderRun;
use crate::folder::source::{SourceEnd, believed_count, open_source};
use crate::folder::work::{MailboxWork, Step, stop_reason};
use crate::mapping::target::{MappedFolder, Target};
use crate::message::list::ListedMessage;
use crate::server::dial::Ends;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::FolderRow;

impl<'a> FolderRun<'a> {
    /// Creates and opens the target and examines and lists the source at the same time. What is wanted is
    /// then what the source lists. Breaks with both connections when the folder cannot go on; the ledger says
    /// why.
    ///
    /// # Errors
    /// When an end or the ledger fails.
    pub(super) async fn open(
        work: MailboxWork<'a>,
        mut ends: Ends,
        mapped: &MappedFolder,
        target: &Target,
        row: FolderRow,
    ) -> Step<ControlFlow<Ends, Self>> {
        let rows = work.ledger().rows(row.id)?;
        let preparation =
            Preparation { create: !target.exists, role: target.role.as_ref(), subscribe: target.subscribe };
        let (source, prepared) = tokio::join!(
            open_source(&mut ends.source, mapped, &row, &rows),
            ends.target.prepare(&target.name, preparation)
        );
        let mut source = match source {
            Ok(source) => source,
            Err(error) => {
                let why = stop_reason(work, Side::Source, error).await?;
                let stop = FolderStop { code: Code::Unreadable, why, messages: believed_count(mapped, &row) };
                return stop.record(work, &row, ends).await;
            }
        };
        let messages = source.selected.exists;
        let stopped = |code, why| FolderStop { code, why, messages };
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                let why = stop_reason(work, Side::Target, error).await?;
                let stop = if target.exists {
                    stopped(
                        Code::SelectRefused,
                        format!("the target refused to open `{}`: {why}", target.path),
                    )
                } else {
                    let advice = "give the folder another name in a [[folders]] rule";
                    let why = format!("the target refused to create `{}`: {why}; {advice}", target.path);
                    stopped(Code::CreateRefused, why)
                };
                return stop.record(work, &row, ends).await;
            }
        };
        let looked = identify_opened(work, &mut ends.target, (mapped, target, &row), &prepared).await?;
        let PreparedFolder { selected: mut opened, created, not_subscribed, .. } = prepared;
        let (called, name) = match looked {
            OpenedFolder::AsNamed => (target.path.clone(), target.name.clone()),
            OpenedFolder::Renamed(path, name) => {
                // Mail is written to the folder that is open under the name it is written to.
                opened = ends.target.select(&name).await.map_err(EndError::at(Side::Target))?;
                (path, name)
            }
            OpenedFolder::Foreign(why) => {
                return stopped(Code::CreateRefused, why).record(work, &row, ends).await;
            }
        };
        if let Some(error) = not_subscribed {
            // A folder nobody subscribed to is still there, with all its mail.
            work.warn(format!("the target refused to subscribe to `{}`: {error}", target.path)).await;
        }
        if opened.read_only {
            let why = format!("the target opens `{}` for reading only", target.path);
            return stopped(Code::SelectRefused, why).record(work, &row, ends).await;
        }
        source.keep_list(work, &row);
        source.warn_short_list(work, &row).await;
        warn_changed(work, &row, (target, &called), &source.selected, &opened, &rows).await;
        let place =
            work.ledger().open_place(row.id, &target.path.to_string(), opened.uid_validity, created)?;
        if called != target.path {
            let what = format!("the target calls `{}` `{called}` (`{name}` to the server)", target.path);
            work.warn(format!("{}: {what}", row.source)).await;
            work.ledger().set_real_name(place, row.id, &called.to_string())?;
        }
        let target = &Target { path: called, name, ..target.clone() };
        let known = match known_rows(work, &mut ends, &row, &mut source, rows).await? {
            Ok(known) => known,
            Err((code, why)) => return stopped(code, why).record(work, &row, ends).await,
        };
        let route = route(work, &ends, mapped, target, &row, opened);
        let mut folder = Self::new(ends, route, row, place, known.rows);
        folder.target_status = target.status.as_ref().and_then(|status| status.messages);
        folder.record_source(source, known.renumbered)?;
        Ok(ControlFlow::Continue(folder))
    }

    /// Records the source's identity, and takes over what it lists.
    fn record_source(&mut self, source: SourceEnd, renumbered: bool) -> Step<()> {
        if !self.rows.is_empty() {
            let given =
                |m: &&ListedMessage| self.rows.get(&m.uid).is_some_and(|row| row.flags() != Some(&m.flags));
            self.flags = source.seen().filter(given).map(|m| (m.uid, m.flags.clone())).collect();
        }
        let SourceEnd { selected, unlisted, uids, listed, .. } = source;
        let mut ledger = self.work().ledger();
        ledger.set_source(self.row.id, selected.uid_validity, selected.mailbox_id.as_deref())?;
        self.in_doubt = ledger.open_batches(self.row.id)?;
        if !self.in_doubt.is_empty() && !renumbered && unlisted == 0 {
            self.vanished = ledger.unaccounted_messages(self.row.id)?;
            // Sorted, as every list is.
            self.vanished.retain(|uid, _| uids.binary_search(uid).is_err());
        }
        drop(ledger);
        (self.source, self.whole) = (selected, unlisted == 0);
        self.wanted = listed;
        Ok(())
    }
}

fn route<'a>(
    work: MailboxWork<'a>,
    ends: &Ends,
    mapped: &MappedFolder,
    target: &Target,
    row: &FolderRow,
    selected: Selected,
) -> Route<'a> {
    // What the server says of this folder is worth more than what a profile says of the server.
    let of_folder = target.status.as_ref().and_then(|status| status.append_limit);
    let append_limit = of_folder.or(ends.target.facts().append_limit);
    Route {
        work,
        folder: row.id,
        source: row.source.clone(),
        source_name: mapped.folder.name.clone(),
        target: target.path.to_string(),
        target_name: target.name.clone(),
        selected,
        append_limit,
        limit_by: work.context.profiles.limit_by(work.mailbox, append_limit),
        together: true,
        misdated: work.context.refusals.misdated(work.key(), row.id),
        unread: HashSet::new(),
        exact: false,
        most_refused: usize::MAX,
        copied_before: (0, 0),
        most_complaints: u32::MAX,
    }
}

impl SourceEnd {
    /// Keeps a list of every message for the validation hooks.
    fn keep_list(&self, work: MailboxWork<'_>, row: &FolderRow) {
        if self.listed.len() == self.uids.len() {
            work.lists.keep(Side::Source, &row.source, &self.listed);
        }
    }

    /// Says when the list is shorter than the source's own count.
    async fn warn_short_list(&self, work: MailboxWork<'_>, row: &FolderRow) {
        if self.unlisted > 0 {
            let message = format!(
                "{}: the source counts {} messages and lists {}: {} cannot be copied",
                row.source,
                self.selected.exists,
                self.uids.len(),
                self.unlisted
            );
            work.warn(message).await;
        }
    }
}

/// Why a folder cannot go on in this run.
struct FolderStop {
    code: Code,
    why: String,
    /// How many messages it has, as far as anybody knows.
    messages: u32,
}

impl FolderStop {
    /// Records the stop in the ledger, tells it, and gives the connections back.
    async fn record<T>(
        self,
        work: MailboxWork<'_>,
        row: &FolderRow,
        ends: Ends,
    ) -> Step<ControlFlow<Ends, T>> {
        work.warn(format!("{}: {}", row.source, self.why)).await;
        work.ledger().stop_folder(row.id, self.code, &self.why, self.messages)?;
        work.tell_progress().await?;
        Ok(ControlFlow::Break(ends))
    }
}
