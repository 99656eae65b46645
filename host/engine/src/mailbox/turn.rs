//! Waiting for a mailbox that came before, and may go to the same account, until it can be told whether it
//! does.

use std::time::Duration;

use mailhaul_imap::{FolderStatus, Session};

use crate::mailbox::known_by::{found_messages, has_one};
use crate::mailbox::open::Interruption;
use crate::mapping::target::Listing;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::Ledger;
use crate::task::accounts::{Progress, Turn};
use crate::task::context::Context;

/// While another mailbox is waited for, both connections are looked after this often.
const LOOK_AFTER: Duration = Duration::from_secs(5);

/// What a target has acknowledged shows in its figures within this time.
const SHOWS: Duration = Duration::from_secs(30);

/// Waits until the mailbox before is known by a copy, or is not worked on any more; returns true when it goes
/// elsewhere for sure before that, so that nobody has to wait: what it has found on its target is not here,
/// or nothing came here while its target acknowledged messages, without telling UIDs by which they could be
/// known.
pub(crate) async fn wait_until_known(
    context: &Context,
    (source, target): (&mut Session, &mut Session),
    listing: &Listing,
    turn: &mut Turn,
    theirs: impl Fn() -> Option<Ledger>,
) -> Result<bool, Interruption> {
    let mut found_before = false;
    let mut before: Option<(u64, Listing)> = None;
    loop {
        let Some(Progress { known: false, found, acknowledged }) = turn.progress() else { return Ok(false) };
        if found && !std::mem::replace(&mut found_before, found) {
            // What cannot be read says nothing.
            let finds = theirs().and_then(|theirs| found_messages(listing, &theirs).ok().flatten());
            if let Some(finds) = finds
                && !has_one(target, &finds).await?
            {
                return Ok(true);
            }
        }
        match &before {
            None if acknowledged > 0 => before = Some((acknowledged, list(target).await?)),
            Some((so_far, figures)) if acknowledged > *so_far => {
                let known_by_then = tokio::time::timeout(SHOWS, turn.known());
                wait(context, (source, target), async { known_by_then.await.unwrap_or(()) }).await?;
                let now = list(target).await?;
                if !turn.is_known() && same_figures(figures, &now) {
                    return Ok(true);
                }
                before = Some((acknowledged, now));
                continue;
            }
            _ => {}
        }
        wait(context, (source, target), turn.changed()).await?;
    }
}

async fn list(target: &mut Session) -> Result<Listing, EndError> {
    target.own_folders_with_status().await.map_err(EndError::at(Side::Target))
}

/// Whether no folder has got anything, as far as all of them tell.
fn same_figures(before: &Listing, now: &Listing) -> bool {
    before.len() == now.len()
        && before.iter().zip(now).all(|((one, before), (other, now))| {
            let tells = |status: &FolderStatus| (status.uid_validity, status.uid_next, status.messages);
            let (before, now) = (before.as_ref().map(tells), now.as_ref().map(tells));
            one.name == other.name && before == now && (before.is_some() || !one.selectable)
        })
}

/// Waits for another mailbox, and keeps both connections meanwhile.
pub(crate) async fn wait(
    context: &Context,
    (source, target): (&mut Session, &mut Session),
    until: impl Future<Output = ()>,
) -> Result<(), Interruption> {
    let mut until = std::pin::pin!(until);
    loop {
        tokio::select! {
            biased;
            () = context.stop.raised() => return Err(Interruption::User),
            () = &mut until => return Ok(()),
            () = tokio::time::sleep(LOOK_AFTER) => {
                source.keep_alive().await.map_err(EndError::at(Side::Source))?;
                target.keep_alive().await.map_err(EndError::at(Side::Target))?;
            }
        }
    }
}
