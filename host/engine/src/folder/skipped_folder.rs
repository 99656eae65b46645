//! A folder that is left out as a whole.

use mailhaul_imap::{Selected, Session};

use crate::code::Code;
use crate::folder::conclude::proof;
use crate::folder::source::believed_count;
use crate::folder::work::{MailboxWork, Step, stop_reason};
use crate::mapping::target::MappedFolder;
use crate::message::list::{WholeList, list_whole};
use crate::side::Side;
use crate::state::ledger::{COPY_STAYS, FolderRow, LedgerError, NOT_READ};

/// Records a folder that is left out as a whole: every message of it, with the rule.
///
/// # Errors
/// When the source or the ledger fails.
pub(crate) async fn skip(
    work: MailboxWork<'_>,
    source: &mut Session,
    mapped: &MappedFolder,
    reason: &str,
) -> Step<()> {
    let Some(row) = work.ledger().folder(&mapped.folder.path.to_string())? else { return Ok(()) };
    let name = &mapped.folder.name;
    let keep = || match &row.place_path {
        Some(path) if mapped.keeps_copies => {
            let text = format!("{reason}{COPY_STAYS}`{path}`");
            work.ledger().keep_copies(row.id, &text)
        }
        _ => Ok(()),
    };
    let whole = match source.examine(name).await {
        Ok(selected) => {
            let status = mapped.status.as_ref().and_then(|status| status.messages);
            list_whole(source, name, selected, status).await
        }
        Err(error) => Err(error),
    };
    let whole = match whole {
        Ok(whole) => whole,
        Err(error) => {
            // Left out it is all the same; only how many messages that are is what others say.
            let why = stop_reason(work, Side::Source, error).await?;
            let reason = format!("{reason}{NOT_READ}{why}");
            let messages = believed_count(mapped, &row);
            keep()?;
            return Ok(work.ledger().stop_folder(row.id, Code::Rule, &reason, messages)?);
        }
    };
    let validity = whole.selected.uid_validity;
    // Numbers that mean something else now say nothing of the copies that stay.
    let renumbered = row.source_uid_validity.is_some() && row.source_uid_validity != validity;
    if renumbered {
        work.ledger().void_numbers(row.id, None)?;
    }
    keep()?;
    record(work, &row, &whole, reason, renumbered)?;
    Ok(work.tell_progress().await?)
}

/// Records a folder that is left out as it was listed, for a `reason`.
fn record(
    work: MailboxWork<'_>,
    row: &FolderRow,
    whole: &WholeList,
    reason: &str,
    renumbered: bool,
) -> Result<(), LedgerError> {
    let unlisted = whole.unlisted();
    let WholeList { selected, listed, .. } = whole;
    let mut ledger = work.ledger();
    // Whose numbers they had stays on record, so that the run which takes the folder in again matches them
    // with the messages that it has by then.
    let matched_later = renumbered && ledger.kept_copies()?.contains_key(&row.source);
    ledger.record_list(row.id, &listed.iter().map(|m| m.uid).collect::<Vec<_>>(), unlisted)?;
    if !matched_later {
        ledger.set_source(row.id, selected.uid_validity, selected.mailbox_id.as_deref())?;
    }
    let messages: Vec<(u32, u64)> = listed.iter().map(|m| (m.uid, m.size())).collect();
    ledger.record_skipped(row.id, &messages, Code::Rule, reason)?;
    let nothing = Selected { uid_next: Some(1), uid_validity: Some(1), ..Selected::default() };
    let whole = unlisted == 0 && listed.len() == selected.exists as usize;
    ledger.set_proof(row.id, proof(selected, &nothing, &[]).filter(|_| whole))
}
