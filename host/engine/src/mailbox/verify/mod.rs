//! `verify`: fetches and compares both ends, then runs the validation hooks. Changes nothing.

mod coverage;
mod dates;
mod folder;
mod ration;
mod sample;
mod unexplained;

use std::collections::{HashMap, HashSet};

use mailhaul_text::plural;

use crate::account::Mailbox;
use crate::cause::Cause;
use crate::event::{Event, MailboxEnd};
use crate::folder::work::{Lists, MailboxWork, WorkError};
use crate::mailbox::connect::{connect, dial_again};
use crate::mailbox::listing::{KnownFolders, source_figures, target_figures, warn_unlisted};
use crate::mailbox::one_account::{self, Purpose};
use crate::mailbox::open::{Interruption, OpenMailbox, end_of};
use crate::mailbox::verify::coverage::{Coverage, finding_key};
use crate::mailbox::verify::folder::{FolderComparison, Spellings};
pub(crate) use crate::mailbox::verify::sample::Extent;
use crate::mailbox::verify::unexplained::{ExtraMessage, MissingMessage, explain};
use crate::mailbox::waits::Waits;
use crate::mailbox::{hooks, unseen};
use crate::mapping::spelling::by_path;
use crate::mapping::target::Listing;

use crate::server::dial::log_out;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{FolderId, FolderRow, LedgerError};
use crate::summary::{
    Comparison, Difference, DifferenceKind, MailboxSummary, Stopped, UncomparedFolder, VerifiedDepth,
};
use crate::task::context::Context;
use crate::task::spending::closed;

/// Compares one mailbox and records what was found.
pub(crate) async fn verify(
    context: &Context,
    mailbox: &Mailbox,
    extent: Extent,
) -> (MailboxEnd, Option<MailboxSummary>) {
    if !OpenMailbox::is_begun(context, mailbox) {
        let reason = "nothing was copied yet; `mailhaul run` comes first".to_owned();
        return (MailboxEnd::Stopped(Stopped { side: Side::Local, cause: Cause::Ledger, reason }), None);
    }
    let open = match OpenMailbox::open(context, mailbox).await {
        Ok(open) => open,
        Err(stopped) => return (MailboxEnd::Stopped(stopped), None),
    };
    let lists = Lists::default();
    let work = open.work(&lists);
    let mut compared =
        Comparison { depth: extent.depth.into(), sample: extent.part(), ..Comparison::default() };
    let mut end = verify_all(work, extent, &mut compared).await;
    compared.finished = matches!(end, Ok(MailboxEnd::Complete | MailboxEnd::NotAllWell));
    let recorded = work.ledger().set_compared(&compared);
    if let (Ok(_), Err(error)) = (&end, recorded) {
        end = Err(error.into());
    }
    open.close(end).await
}

async fn verify_all(
    work: MailboxWork<'_>,
    extent: Extent,
    compared: &mut Comparison,
) -> Result<MailboxEnd, Interruption> {
    let context = work.context;
    let to_compare = |folders: &[FolderRow]| folders.iter().filter(|row| row.target.is_some()).count() as u64;
    compared.folders = to_compare(&work.ledger().folders()?);
    let mut waits = Waits::default();
    while let Some(refused) = closed(context) {
        if waits.outwait(context, work.mailbox, refused).await {
            return Ok(MailboxEnd::Interrupted);
        }
    }
    let Some((_permit, mut ends)) = connect(context, work.mailbox, &mut waits).await? else {
        return Ok(MailboxEnd::Interrupted);
    };
    let known = KnownFolders::of(&work.ledger())?;
    let source_folders =
        source_figures(&mut ends.source, &known.source).await.map_err(EndError::at(Side::Source))?;
    unseen::record(work, &source_folders).await?;
    let target_folders =
        target_figures(&mut ends.target, &known.target).await.map_err(EndError::at(Side::Target))?;
    warn_unlisted(work, &source_folders, &target_folders).await;
    // What another mailbox has put there is not to be compared with this one's mail.
    let (pair, lists) = ((&mut ends.source, &mut ends.target), (&source_folders, &target_folders));
    one_account::enter(context, work.mailbox, pair, lists, Purpose::Look).await?;
    let names = |listing: &Listing| by_path(listing.iter().map(|(folder, _)| folder));
    let (source_names, target_names) = (names(&source_folders), names(&target_folders));
    let messages = |listing: &Listing, path: &str| {
        let (_, status) = listing.iter().find(|(folder, _)| folder.path.to_string() == path)?;
        status.as_ref()?.messages
    };
    let folders: Vec<FolderRow> = work.ledger().folders()?;
    compared.folders = to_compare(&folders);
    let mut found: Vec<Vec<Difference>> = vec![Vec::new(); folders.len()];
    let mut looked: Vec<Option<Coverage>> = Vec::with_capacity(folders.len());
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
            looked.push(None);
            continue;
        };
        let names = Spellings {
            source: (source_names.get(&row.source), messages(&source_folders, &row.source)),
            target: (target_names.get(target_path), messages(&target_folders, target_path)),
        };
        let comparison = FolderComparison { work, row, target_path, extent };
        let result = loop {
            let blamed = context.breaks.blamed_count(work.mailbox);
            match comparison.folder(&mut ends, names).await {
                Err(WorkError::End(error)) => dial_again(work, &mut ends, blamed, error).await?,
                done => break done?,
            }
        };
        compared.messages += result.both;
        compared.messages_compared += result.read;
        let unread = result.differences.iter().filter(|d| d.uid == 0 && d.kind == DifferenceKind::Unreadable);
        let unread = unread.map(|d| UncomparedFolder { folder: d.folder.clone(), reason: d.detail.clone() });
        compared.not_compared.extend(unread);
        if result.interrupted {
            return Ok(MailboxEnd::Interrupted);
        }
        compared.folders_compared += u64::from(result.coverage.listed.is_some());
        if result.whole {
            whole.insert(row.id);
        }
        found[n] = result.differences;
        looked.push(Some(result.coverage));
        let ordinary = result.ordinary;
        missing.extend(result.missing.into_iter().map(|row| MissingMessage { folder: n, row, ordinary }));
        if looked_at.insert(target_path.clone()) {
            extras.extend(
                result.extras.into_iter().map(|message| ExtraMessage { path: target_path.clone(), message }),
            );
        }
    }
    explain(work, &mut ends, &folders, &target_names, missing, extras, &mut found).await?;
    let part = extent.part();
    if let Some(part) = &part {
        work.ledger().set_sample(part)?;
    }
    for ((row, differences), looked) in folders.iter().zip(&mut found).zip(&looked) {
        note(context, differences);
        // What two looks have found is one difference.
        let mut once = HashSet::new();
        differences.retain(|difference| difference.uid == 0 || once.insert(finding_key(difference)));
        for difference in differences.iter() {
            let (mailbox, difference) = (work.key().to_owned(), difference.clone());
            context.emit(Event::DifferenceFound { mailbox, difference }).await;
        }
        let again: HashSet<_> = differences.iter().map(finding_key).collect();
        let replaces = |earlier: &Difference| match looked {
            Some(looked) => looked.replaces(earlier, &again),
            // Nothing of it is to be on the target, so that nothing can differ.
            None => !earlier.is_recorded_at_copy(),
        };
        let mut ledger = work.ledger();
        ledger.replace_differences(row.id, replaces, differences)?;
        if whole.contains(&row.id) {
            let depth = if part.is_some() { VerifiedDepth::Sample } else { extent.depth.into() };
            ledger.set_verified(row.id, depth)?;
        }
    }
    match pending(work)? {
        0 => {
            let state = hooks::EndsState::listed(context, source_folders, target_folders);
            hooks::run(work, ends, extent.depth, state).await?;
        }
        pending => {
            tell_pending(work, pending).await;
            // What they have said was of another state.
            work.ledger().set_hooks(&[], None)?;
            tokio::join!(log_out(ends.source), log_out(ends.target));
        }
    }
    Ok(end_of(work, &HashMap::new())?)
}

/// How many messages are still to be copied, as the ledger has it.
fn pending(work: MailboxWork<'_>) -> Result<u64, LedgerError> {
    let folders = work.ledger().folder_summaries()?;
    Ok(folders.iter().filter(|folder| !folder.is_left_out()).map(|folder| folder.counts.pending).sum())
}

/// Says why no hook is asked: they compare whole mailboxes, so that each would call what waits for a run a
/// fault.
async fn tell_pending(work: MailboxWork<'_>, pending: u64) {
    let hooks = match work.context.plugins.validators.is_empty() {
        true => "",
        false => ", and validators, which compare whole mailboxes, were not asked",
    };
    let (are, run) = if pending == 1 { ("is", "it") } else { ("are", "them") };
    work.warn(format!(
        "{} {are} not copied yet: what is there was compared{hooks}; `mailhaul run` brings {run}",
        plural(pending, "message")
    ))
    .await;
}

/// Turns differences that `[verify] ignore` names into notes.
fn note(context: &Context, differences: &mut [Difference]) {
    for difference in differences {
        difference.note |= match difference.kind {
            DifferenceKind::Flags | DifferenceKind::Keywords => context.job.ignore.flags,
            DifferenceKind::Date => context.job.ignore.dates,
            DifferenceKind::Extra => true,
            _ => false,
        };
    }
}
