//! Whether a target is known to be too small for what a mailbox has still to copy, before anything is sent.
//!
//! What is compared is exact or less: sums of sizes that both servers tell, without whatever may be there
//! already. A run that was begun, mail that another tool has brought, and a rule that leaves mail out must
//! not be held back by a guess.

use mailhaul_text::bytes;

use crate::cause::Cause;
use crate::folder::work::MailboxWork;
use crate::mailbox::open::Interruption;
use crate::mapping::target::MappedFolder;
use crate::message::select::needs_list;
use crate::server::dial::Ends;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::LedgerError;
use crate::summary::Stopped;

/// A message that is found on a target is at most so many times longer at the source: servers that count line
/// ends as one byte, and those that count them as two.
const LINE_ENDS: u64 = 2;

/// And has at most so many bytes of header lines more there, which the target has taken out.
const HEADERS: u64 = 64 << 10;

/// Quotas are told in units of so many bytes (RFC 9208 section 5.1), and what is used is rounded up.
const QUOTA_UNIT: u64 = 1024;

/// Stops a mailbox whose target is known to have no room for what is to be copied. The target is asked for
/// its quota only where there is something to copy.
///
/// # Errors
/// [`Interruption::Stopped`] as out of room, and when the target or the ledger fails.
pub(crate) async fn require_room(
    work: MailboxWork<'_>,
    ends: &mut Ends,
    folders: &[MappedFolder],
    to_copy: u64,
) -> Result<(), Interruption> {
    if to_copy == 0 || needs_list(&work.context.job.select) {
        return Ok(());
    }
    let Some(quota) = ends.target.quota().await.map_err(EndError::at(Side::Target))? else { return Ok(()) };
    let left = quota.limit.saturating_sub(quota.used);
    let fits = |needed: u64| needed <= left.saturating_add(QUOTA_UNIT);
    // Without a look at the ledger: most mailboxes fit as a whole.
    if fits(folders.iter().filter_map(source_size).sum()) {
        return Ok(());
    }
    let needed = least_to_copy(work, folders)?;
    if fits(needed) {
        return Ok(());
    }
    Err(Interruption::Stopped(Stopped {
        side: Side::Target,
        cause: Cause::Quota,
        reason: format!(
            "{} are to be copied, and the target has {} left; nothing was started: make room, or `mailhaul run \
             --over-quota` starts it all the same",
            bytes(needed),
            bytes(left)
        ),
    }))
}

/// The bytes of a folder that goes to the target, where the source tells.
fn source_size(mapped: &MappedFolder) -> Option<u64> {
    mapped.target.as_ref()?;
    mapped.status.as_ref()?.size
}

/// The least number of bytes that have to be sent, by what both servers tell and the ledger knows.
fn least_to_copy(work: MailboxWork<'_>, folders: &[MappedFolder]) -> Result<u64, LedgerError> {
    let ledger = work.ledger();
    let accounted = ledger.accounted_bytes()?;
    let mut needed = 0_u64;
    for mapped in folders {
        let Some((target, size)) = mapped.target.as_ref().zip(source_size(mapped)) else { continue };
        let path = mapped.folder.path.to_string();
        let rest = size.saturating_sub(accounted.get(&path).copied().unwrap_or(0));
        let mut theirs = Some(Held::default());
        if target.exists {
            let ours = match ledger.folder(&path)? {
                Some(row) if row.place_path.as_deref() == Some(target.path.to_string().as_str()) => {
                    row.place.filter(|_| {
                        row.target_uid_validity == target.status.as_ref().and_then(|s| s.uid_validity)
                    })
                }
                _ => None,
            };
            let ours = ours.map(|place| ledger.held_in(place)).transpose()?.unwrap_or_default();
            let there = target.status.as_ref().and_then(|s| Some((u64::from(s.messages?), s.size?)));
            theirs = there.map(|(messages, size)| Held {
                messages: messages.saturating_sub(ours.0),
                bytes: size.saturating_sub(ours.1),
            });
        }
        needed = needed.saturating_add(theirs.map_or(0, |theirs| rest.saturating_sub(theirs.at_most())));
    }
    Ok(needed)
}

/// Messages in a target folder that nobody has compared with the source's yet.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    messages: u64,
    bytes: u64,
}

impl Held {
    /// How many bytes the same messages have at the source, at most.
    fn at_most(self) -> u64 {
        let Self { messages, bytes } = self;
        // Where something was stored and no size is told, nothing is known.
        if messages > 0 && bytes == 0 {
            return u64::MAX;
        }
        bytes.saturating_mul(LINE_ENDS).saturating_add(messages.saturating_mul(HEADERS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_may_be_any_of_what_is_to_be_copied() {
        assert_eq!(Held::default().at_most(), 0);
        assert_eq!(Held { messages: 2, bytes: 1_000 }.at_most(), 2_000 + 2 * HEADERS);
        assert_eq!(Held { messages: 1, bytes: 0 }.at_most(), u64::MAX);
        assert_eq!(Held { messages: u64::MAX, bytes: u64::MAX }.at_most(), u64::MAX);
    }
}
