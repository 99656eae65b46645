//! What it means that a folder is not what it was at the last run, in words.

use mailhaul_imap::{FolderPath, Selected};

use crate::folder::source::has_same_numbers;
use crate::folder::work::MailboxWork;
use crate::mapping::target::Target;
use crate::state::ledger::{FolderRow, Rows};

/// Says what a folder that is not what it was means. `called` is the target folder's name at the target.
pub(super) async fn warn_changed(
    work: MailboxWork<'_>,
    row: &FolderRow,
    (target, called): (&Target, &FolderPath),
    source: &Selected,
    opened: &Selected,
    rows: &Rows,
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
            _ if !has_same_numbers(row, source) => said.push(format!(
                "{path}: the source's UIDNEXT has gone back since the last run, as in a folder that was put back from a \
                 backup; its messages are found again by their content"
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
    let copies = rows.values().any(|row| row.target_uid().is_some());
    // Copies that followed a renamed folder are at another place, which has a UIDVALIDITY of its own.
    let paths = [target.path.to_string(), called.to_string()];
    if copies && row.place_path.as_ref().is_some_and(|path| paths.contains(path)) {
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
