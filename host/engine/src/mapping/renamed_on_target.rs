//! Folders that somebody has renamed on the target: what goes there follows, instead of being sent again.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::{Folder, FolderPath, FolderStatus, Session, SpecialUse};

use crate::mapping::advice::{keep_copies, move_back};
use crate::mapping::renamed_at_source::{Witness, best_witnesses, holds_witnesses};
use crate::mapping::target::{MappedFolder, Mappings, collision_key};
use crate::plan::{Conflict, ConflictKind};
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{FolderRow, Ledger, LedgerError, Place, PlaceId};

/// A target folder with copies that nobody finds under its name any more.
#[derive(Debug)]
pub(crate) struct LostPlace {
    place: Place,
    witnesses: Vec<Witness>,
}

/// A target folder that somebody has renamed since copies were brought there.
#[derive(Debug, Clone)]
pub(crate) struct MovedPlace {
    pub place: Place,
    pub folder: Folder,
    pub status: Option<FolderStatus>,
}

impl MovedPlace {
    /// What it was called when copies were brought there: what the mapping may still call it.
    pub(crate) fn asked(&self) -> &str {
        self.place.asked.as_deref().unwrap_or(&self.place.path)
    }
}

/// Target folders with copies of today's source folders: those that were found renamed before, and those that
/// are not where the ledger has them.
///
/// # Errors
/// When the ledger fails.
pub(crate) fn places(
    ledger: &Ledger,
    listed: &[(Folder, Option<FolderStatus>)],
) -> Result<(Vec<MovedPlace>, Vec<LostPlace>), LedgerError> {
    let (mut moved, mut lost) = (Vec::new(), Vec::new());
    let rows = ledger.folders()?;
    let mut users_of: HashMap<PlaceId, Vec<&FolderRow>> = HashMap::new();
    for row in &rows {
        if let Some(place) = row.place {
            users_of.entry(place).or_default().push(row);
        }
    }
    let mut by_path: HashMap<String, &(Folder, Option<FolderStatus>)> = HashMap::new();
    for one in listed {
        by_path.entry(one.0.path.to_string()).or_insert(one);
    }
    for place in ledger.places()? {
        let Some(users) = users_of.remove(&place.id) else { continue };
        match by_path.get(&place.path) {
            Some((folder, status)) if place.asked.is_some() => {
                moved.push(MovedPlace { place, folder: folder.clone(), status: status.clone() });
            }
            Some(_) => {}
            None => {
                let mut copies = Vec::new();
                for user in users {
                    let rows = ledger.rows(user.id)?.into_values();
                    let here = rows.filter(|row| row.place() == Some(place.id) && row.target_uid().is_some());
                    copies.extend(here.map(|row| (user.id, row)));
                }
                let witnesses = best_witnesses(ledger, copies)?;
                if !witnesses.is_empty() {
                    lost.push(LostPlace { place, witnesses });
                }
            }
        }
    }
    Ok((moved, lost))
}

/// Looks for lost places among folders that have their UIDVALIDITY and that nothing else is known about: such
/// a folder is the same when copies have their numbers and their bytes there.
///
/// # Errors
/// When the target fails.
pub(crate) async fn find(
    target: &mut Session,
    lost: Vec<LostPlace>,
    listed: &[(Folder, Option<FolderStatus>)],
    known: &HashSet<String>,
) -> Result<Vec<MovedPlace>, EndError> {
    let mut moved: Vec<MovedPlace> = Vec::new();
    // Folders that nothing is known about, by UIDVALIDITY.
    let mut free: HashMap<u32, Vec<&(Folder, Option<FolderStatus>)>> = HashMap::new();
    for one in listed.iter().filter(|(folder, _)| folder.selectable) {
        let validity = one.1.as_ref().and_then(|status| status.uid_validity);
        if let Some(validity) = validity.filter(|_| !known.contains(&one.0.path.to_string())) {
            free.entry(validity).or_default().push(one);
        }
    }
    for LostPlace { place, witnesses } in lost {
        let witnesses: Vec<(u32, &Witness)> =
            witnesses.iter().filter_map(|one| Some((one.target_uid?, one))).collect();
        let Some(candidates) = place.uid_validity.and_then(|validity| free.get_mut(&validity)) else {
            continue;
        };
        let mut found = None;
        for (at, (folder, _)) in candidates.iter().enumerate() {
            if holds_witnesses(target, folder, &witnesses).await.map_err(EndError::at(Side::Target))? {
                found = Some(at);
                break;
            }
        }
        if let Some(at) = found {
            let (folder, status) = candidates.remove(at);
            moved.push(MovedPlace { place, folder: folder.clone(), status: status.clone() });
        }
    }
    Ok(moved)
}

/// Somebody has renamed target folders since copies were brought there: what goes there follows, except into
/// the trash.
pub(crate) fn follow<'a>(
    out: &mut Mappings,
    target_folders: &[Folder],
    moved: impl Iterator<Item = &'a MovedPlace>,
) {
    let has_trash = |roles: &[SpecialUse]| roles.contains(&SpecialUse::Trash);
    let listed = target_folders.iter().filter(|f| has_trash(&f.roles)).map(|f| &f.path);
    let mapped = out.folders.iter().filter(|m| has_trash(&m.folder.roles));
    let trash: Vec<FolderPath> =
        listed.chain(mapped.filter_map(|m| Some(&m.target.as_ref()?.path))).cloned().collect();
    let mut to: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, mapped) in out.folders.iter().enumerate() {
        if let Some(target) = &mapped.target {
            to.entry(target.path.to_string()).or_default().push(at);
        }
    }
    for moved in moved {
        let now = &moved.folder.path;
        for at in to.remove(moved.asked()).unwrap_or_default() {
            let Some(MappedFolder { folder, target: Some(target), .. }) = out.folders.get_mut(at) else {
                continue;
            };
            let source = &folder.path;
            if trash.iter().any(|trash| now.0.len() > trash.0.len() && now.0.starts_with(&trash.0)) {
                let what = format!(
                    "`{source}` was copied to `{}`, which somebody has thrown away on the target since: it is `{now}` now",
                    target.path
                );
                let conflict = Conflict::new(ConflictKind::Place, vec![source.to_string()], what)
                    .advising("move it back there, or leave the folder out with a [[folders]] rule");
                let choices = vec![move_back(now, &target.path), keep_copies(source, &now.to_string())];
                out.conflicts.push(conflict.about(&target.path).offering(choices));
                continue;
            }
            out.notes.push(if collision_key(now) == collision_key(&target.path) {
                format!("`{source}` goes to `{now}`: that is what `{}` is called on the target", target.path)
            } else {
                format!(
                    "`{source}` goes to `{now}`: somebody has renamed `{}` on the target since it was copied there",
                    target.path
                )
            });
            target.path = now.clone();
            target.name = moved.folder.name.clone();
            target.status = moved.status.clone();
            (target.role, target.subscribe, target.exists) = (None, false, true);
        }
    }
}
