//! What earlier runs did with a mailbox's folders, and whether today's mapping fits that.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::FolderPath;
use mailhaul_text::argument;

use crate::mapping::advice::{as_before, keep_copies, keep_rule, rule, take_back};
use crate::mapping::renamed_on_target::MovedPlace;
use crate::mapping::target::{MappedFolder, Mappings};
use crate::plan::{Conflict, ConflictKind, PlannedMove};
use crate::rules::FolderRule;
use crate::state::ledger::{FolderRow, Ledger, LedgerError, PlaceId};

/// What earlier runs did with a folder.
#[derive(Debug)]
pub(crate) struct EarlierRun {
    /// Messages copied or found present by then.
    pub there: u64,
    /// Its copies are elsewhere, and follow.
    pub moved_from: Option<PlannedMove>,
}

/// What earlier runs did, by today's source path. A folder whose copies are elsewhere is said to move;
/// one that was copied, or was on its way when a run broke off, and would be left out now is a conflict
/// unless the rule says that its copies stay.
///
/// # Errors
/// When the ledger fails.
pub(crate) fn earlier(
    (ledger, mailbox): (&Ledger, &str),
    (renames, moved): (&[(String, String)], &[MovedPlace]),
    can_move: bool,
    rules: &[FolderRule],
    mappings: &mut Mappings,
) -> Result<HashMap<String, EarlierRun>, LedgerError> {
    let rows: HashMap<String, FolderRow> =
        ledger.folders()?.into_iter().map(|row| (row.source.clone(), row)).collect();
    let new_names: HashMap<&str, &String> = renames.iter().map(|(old, new)| (old.as_str(), new)).collect();
    let taken: HashSet<&str> = renames.iter().map(|(_, new)| new.as_str()).collect();
    let new_places: HashMap<PlaceId, &MovedPlace> =
        moved.iter().map(|moved| (moved.place.id, moved)).collect();
    let by_path: HashMap<String, &MappedFolder> =
        mappings.folders.iter().map(|mapped| (mapped.folder.path.to_string(), mapped)).collect();
    let doubtful = ledger.has_open_intents()?;
    let kept = ledger.kept_copies()?;
    let mut known = HashMap::new();
    let mut conflicts = Vec::new();
    for folder in ledger.folder_summaries()? {
        let kept = kept.get(&folder.source).copied().unwrap_or(0);
        let there = folder.counts.copied + folder.counts.already_present + kept;
        let ours = folder.counts.copied + folder.counts.gone_at_source + kept;
        let renamed = new_names.get(folder.source.as_str()).copied();
        if renamed.is_none() && taken.contains(folder.source.as_str()) {
            continue; // It is gone, and another folder has its name.
        }
        let path = renamed.unwrap_or(&folder.source).clone();
        let mapped = by_path.get(&path).copied();
        let row = rows.get(&folder.source);
        if row.is_some_and(FolderRow::is_unseen) {
            continue; // Nothing was done with it, and it may be another one's new name.
        }
        let renamed_place = row.and_then(|row| new_places.get(&row.place?).copied());
        let before = match renamed_place {
            Some(moved) => Some(moved.folder.path.to_string()),
            None => row.and_then(|row| row.place_path.clone()),
        };
        let in_doubt = match row {
            Some(row) if doubtful => !ledger.unaccounted_messages(row.id)?.is_empty(),
            _ => false,
        };
        let was = if there > 0 { "was copied" } else { "was on its way" };
        let mut moved_from = None;
        if let (Some(mapped), Some(before), true) = (mapped, before, there > 0 || in_doubt) {
            let now = mapped.target.as_ref().map(|target| target.path.to_string());
            match now {
                Some(now) if now == before => {}
                Some(_) if can_move && there == 0 => {} // Told when it is known what arrived.
                Some(now) if can_move => {
                    let called = renamed.map(|_| format!(" (called `{}` before)", folder.source));
                    mappings.notes.push(format!(
                        "`{path}`{} was copied to `{before}` by an earlier run and goes to `{now}` now: the {there} \
                         messages are moved on the target, not sent again",
                        called.unwrap_or_default()
                    ));
                    moved_from = Some(PlannedMove { target: before, messages: there });
                }
                Some(now) => {
                    let from = &mapped.folder.path;
                    let what = format!(
                        "`{path}` {was} to `{before}` by an earlier run and would now go to `{now}`, but the target \
                         can neither move messages (MOVE) nor remove single ones (UIDPLUS)"
                    );
                    let advice = format!(
                        "keep the earlier mapping with a [[folders]] rule: {}",
                        rule(from, &FolderPath::parse(&before))
                    );
                    let choices = vec![
                        as_before(from, &before),
                        keep_copies(from, &before),
                        take_back(mailbox, &folder.source),
                    ];
                    let conflict = Conflict::new(ConflictKind::CannotMove, vec![path.clone()], what).advising(&advice);
                    conflicts.push(conflict.about(&FolderPath::parse(&now)).offering(choices));
                }
                // What was found there is nobody's to take back.
                None if ours == 0 && !in_doubt => {}
                None if mapped.keeps_copies => mappings.notes.push(format!(
                    "`{path}` {was} to `{before}` by an earlier run and is left out now ({}): its copies stay there",
                    mapped.by
                )),
                None => {
                    let keep = match rules.iter().any(|rule| rule.place == mapped.by) {
                        true => "add `copies = \"keep\"` to that rule".to_owned(),
                        false => format!("write a rule: {}", keep_rule(&mapped.folder.path)),
                    };
                    let from = &mapped.folder.path;
                    let what = format!(
                        "`{path}` {was} to `{before}` by an earlier run and would now be left out ({})",
                        mapped.by
                    );
                    let advice = format!(
                        "to keep its copies there, {keep}; to take them back, type \
                         `mailhaul undo --only {} --folder {}`",
                        argument(mailbox),
                        argument(&folder.source),
                    );
                    let choices = vec![
                        keep_copies(from, &before),
                        as_before(from, &before),
                        take_back(mailbox, &folder.source),
                    ];
                    let conflict = Conflict::new(ConflictKind::LeftOutNow, vec![path.clone()], what).advising(&advice);
                    conflicts.push(conflict.offering(choices));
                }
            }
        }
        known.insert(path, EarlierRun { there, moved_from });
    }
    mappings.conflicts.extend(conflicts);
    Ok(known)
}
