//! Whether what the source holds fits the target: names, sizes and keywords that the target will not take,
//! and mail that is there already. Nothing is written, and no message is read.

use std::collections::BTreeSet;

use mailhaul_imap::{FolderName, ImapError, Session};
use mailhaul_text::{bytes, escape, plural};

use crate::account::Mailbox;
use crate::cause::Cause;
use crate::mailbox::inventory::EndInventory;
use crate::mapping::planner::{PlanError, plan};
use crate::mapping::portions::Numbers;
use crate::mapping::target::Listing;
use crate::plan::Conflict;
use crate::state::ledger::Ledger;
use crate::task::context::Context;

/// Folders that are opened for one question, at most.
const OPENED: usize = 500;
/// Keywords and remarks that one note has room for.
const NAMED: usize = 5;

/// What speaks against a move, and what to know before it.
#[derive(Debug, Default)]
pub(super) struct Fit {
    /// Why a run would stop.
    pub stopper: Option<(Cause, String)>,
    /// What is not moved as it is, one sentence each.
    pub notes: Vec<String>,
}

/// Compares both ends. `ledger` is what earlier runs left, if any did.
///
/// # Errors
/// Lost connections.
pub(super) async fn compare(
    context: &Context,
    mailbox: &Mailbox,
    source: &mut EndInventory,
    target: &mut EndInventory,
    ledger: Option<Ledger>,
) -> Result<Fit, ImapError> {
    let mut fit = Fit::default();
    // What our own runs put there is no news, nor what its user has got since.
    let is_new = ledger.as_ref().is_none_or(|ledger| !ledger.has_sent().unwrap_or(true));
    if is_new && target.held.messages > 0 {
        fit.notes.push(format!("it holds {} already", plural(target.held.messages, "message")));
    }
    fit.notes.extend(too_large(context, source, target.held.append_limit).await?);
    fit.notes.extend(keywords(context, mailbox, source, target).await?);
    let listings = (source.listing.clone(), target.listing.clone());
    let ends = (&mut source.session, &mut target.session);
    match plan(context, mailbox, ends.0, ends.1, listings, ledger, (Numbers::Counted, None)).await {
        Ok(planned) => {
            fit.notes.extend(remarks(&planned.mappings.notes));
            if !planned.plan.conflicts.is_empty() {
                fit.stopper = Some((Cause::Plan, Conflict::sentences(&planned.plan.conflicts)));
            }
        }
        Err(PlanError::Plugin(error)) => fit.stopper = Some((Cause::Plugin, error.to_string())),
        // A ledger that cannot be read is a run's business, and an end that broke by now was seen well.
        Err(PlanError::Ledger(error)) => tracing::debug!(%error, "no plan for a check"),
        Err(PlanError::End(error)) => tracing::debug!(?error, "no plan for a check"),
    }
    Ok(fit)
}

/// The first remarks on where folders go.
fn remarks(notes: &[String]) -> impl Iterator<Item = String> + '_ {
    let more = notes.len().saturating_sub(NAMED);
    let rest = (more > 0)
        .then(|| format!("{} more on its folders: `mailhaul plan` has them", plural(more as u64, "note")));
    notes.iter().take(NAMED).cloned().chain(rest)
}

fn names(own: &Listing, is_wanted: impl Fn(&mailhaul_imap::FolderStatus) -> bool) -> Vec<FolderName> {
    let wanted = own.iter().filter(|(_, status)| status.as_ref().is_some_and(&is_wanted));
    wanted.take(OPENED).map(|(folder, _)| folder.name.clone()).collect()
}

/// How many messages are larger than the target takes. Only folders that are as large as that together are
/// searched.
async fn too_large(
    context: &Context,
    source: &mut EndInventory,
    limit: Option<u64>,
) -> Result<Option<String>, ImapError> {
    let Some(limit) = limit else { return Ok(None) };
    if context.job.select.max_size.as_ref().is_some_and(|(most, _)| *most <= limit) {
        return Ok(None);
    }
    let has_room = |status: &mailhaul_imap::FolderStatus| {
        status.messages != Some(0) && status.size.is_none_or(|size| size > limit)
    };
    let folders = names(&source.own(), has_room);
    if folders.is_empty() {
        return Ok(None);
    }
    let counts = source.session.count_larger(&folders, limit).await?;
    let count: u64 = counts.into_iter().flatten().sum();
    Ok((count > 0).then(|| {
        let are = if count == 1 { "is" } else { "are" };
        format!(
            "{} of the source {are} larger than the {} it takes, and will not be moved",
            plural(count, "message"),
            bytes(limit)
        )
    }))
}

/// Which keywords of the source the target cannot hold. Most targets take new ones (`\*`), and are asked
/// once in a task.
async fn keywords(
    context: &Context,
    mailbox: &Mailbox,
    source: &mut EndInventory,
    target: &mut EndInventory,
) -> Result<Option<String>, ImapError> {
    let known = context.keeps.of(&mailbox.target);
    let kept = match known.get() {
        Some(kept) => kept,
        None => known.get_or_try_init(|| permanent_flags(&mut target.session)).await?,
    };
    let Some(kept) = kept else { return Ok(None) };
    let folders = names(&source.own(), |status| status.messages != Some(0));
    let used: BTreeSet<String> =
        source.session.flags_in_use(&folders).await?.into_iter().flatten().flatten().collect();
    let lost: Vec<String> = used
        .iter()
        .filter(|flag| !flag.starts_with('\\') && !kept.iter().any(|kept| kept.eq_ignore_ascii_case(flag)))
        .map(|flag| format!("`{}`", escape(flag)))
        .collect();
    let more = lost.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Ok((!lost.is_empty()).then(|| {
        let named = lost.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        format!("it cannot hold keywords that the source has: {named}{more}")
    }))
}

/// Returns the flags that the target's INBOX keeps; `None` where it takes any. Opened with SELECT, since
/// EXAMINE says of every folder that it keeps none.
async fn permanent_flags(target: &mut Session) -> Result<Option<Vec<String>>, ImapError> {
    match target.select(&FolderName::inbox()).await {
        Ok(selected) => Ok(selected.permanent_flags.filter(|flags| !flags.iter().any(|flag| flag == "\\*"))),
        Err(error) if error.is_connection_lost() => Err(error),
        Err(_) => Ok(None),
    }
}
