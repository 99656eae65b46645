//! What one end of a mailbox holds, by its lists and figures alone: no folder is opened.

use mailhaul_imap::{ExpectedFolder, ImapError, Session};
use mailhaul_text::{bytes, plural};

use crate::account::Mailbox;
use crate::event::CheckRow;
use crate::mailbox::listing::{source_figures, target_figures, unlisted};
use crate::mapping::target::Listing;
use crate::server::dial::dial;
use crate::server::error::EndError;
use crate::side::Side;
use crate::task::context::Context;

/// The figures of one end.
#[derive(Debug, Default, Clone)]
pub(super) struct Holdings {
    pub folders: u64,
    pub messages: u64,
    /// `None` when the server does not tell sizes.
    pub bytes: Option<u64>,
    /// Bytes used, and allowed.
    pub quota: Option<(u64, u64)>,
    pub append_limit: Option<u64>,
    /// The sentence about folders that are there and not listed, if there are any.
    pub unlisted: Option<String>,
}

impl Holdings {
    /// Writes the figures into a row of `check`.
    pub(super) fn tell(self, row: &mut CheckRow) {
        let mut detail = format!("{}, {}", plural(self.folders, "folder"), plural(self.messages, "message"));
        if let Some(size) = self.bytes {
            detail.push_str(&format!(", {}", bytes(size)));
        }
        if let Some((used, limit)) = self.quota {
            detail.push_str(&format!("; quota {} of {}", bytes(used), bytes(limit)));
        }
        if let Some(limit) = self.append_limit {
            detail.push_str(&format!("; takes messages up to {}", bytes(limit)));
        }
        row.detail = detail;
        (row.folders, row.messages, row.bytes) = (Some(self.folders), Some(self.messages), self.bytes);
        (row.quota_used, row.quota_limit) = self.quota.unzip();
        row.append_limit = self.append_limit;
        row.notes.extend(self.unlisted);
    }
}

/// An end that was looked at, and is still connected.
pub(super) struct EndInventory {
    pub held: Holdings,
    /// Everything that it lists.
    pub listing: Listing,
    pub session: Session,
}

impl EndInventory {
    /// The mailbox's own folders that can be opened, with their figures.
    pub(super) fn own(&self) -> Listing {
        let own = |one: &&_| matches!(one, (folder, Some(_)) if is_own(folder));
        self.listing.iter().filter(own).cloned().collect()
    }
}

fn is_own(folder: &mailhaul_imap::Folder) -> bool {
    folder.selectable && folder.is_own()
}

/// Signs in to one end, and reads what it holds. `known` are the folders that an earlier run has met there.
///
/// # Errors
/// [`EndError`] of that end.
pub(super) async fn take(
    context: &Context,
    mailbox: &Mailbox,
    side: Side,
    known: &[ExpectedFolder],
) -> Result<EndInventory, EndError> {
    let mut session = dial(context, mailbox.side(side), side).await?;
    let (held, listing) = look(side, &mut session, known).await.map_err(EndError::at(side))?;
    Ok(EndInventory { held, listing, session })
}

async fn look(
    side: Side,
    session: &mut Session,
    known: &[ExpectedFolder],
) -> Result<(Holdings, Listing), ImapError> {
    let mut held =
        Holdings { append_limit: session.facts().append_limit, bytes: Some(0), ..Holdings::default() };
    let listing = match side {
        Side::Source => source_figures(session, known).await?,
        _ => target_figures(session, known).await?,
    };
    held.unlisted = unlisted(side, &listing);
    for (_, status) in listing.iter().filter(|(folder, _)| is_own(folder)) {
        held.folders += 1;
        // A folder that cannot be opened (no rights, no longer there) is the plan's business.
        let Some(status) = status else {
            held.bytes = None;
            continue;
        };
        held.messages += u64::from(status.messages.unwrap_or(0));
        held.bytes = held.bytes.zip(status.size).map(|(sum, size)| sum + size);
    }
    held.quota = session.quota().await?.map(|quota| (quota.used, quota.limit));
    Ok((held, listing))
}
