//! Where the folder with a role goes.

use mailhaul_plugin::{
    Decision, Folder, FolderPath, Mapping, MappingRequest, SpecialUse, TargetFolder, names,
};

use crate::claims::{Claims, Ground, names_of};

/// Rules on every claim and on the folders inside them.
pub(crate) fn rule(request: &MappingRequest, claims: &Claims, mapping: &mut Mapping) {
    let named = names_of(&request.target_folders);
    let mut moved = Vec::new();
    for (role, index, ground) in claims.iter() {
        let Some(folder) = request.source_folders.get(index) else { continue };
        if request.settled_ruling(index).is_some() {
            continue;
        }
        let because = match ground {
            Ground::SpecialUse => format!("marked {role} by the source"),
            Ground::Name => format!("named as {role} folders are"),
        };
        let (path, why) = match target_for(request, &named, role, folder) {
            Some((target, holds)) => (target.path.clone(), format!("{because}; {holds}")),
            // Named roles are worth creating with their mark; views like \All and \Flagged are the
            // server's own.
            None if names::ROLES.contains(role) => {
                (folder.path.clone(), format!("{because}; the target has none yet, so it keeps its name"))
            }
            None => continue,
        };
        moved.push((index, role.clone(), path, why));
    }
    give_way(request, &mut moved, mapping);
    for (index, role, path, why) in &moved {
        let mut target = TargetFolder::new(path);
        if names::ROLES.contains(role) {
            target.role = Some(role.clone());
        }
        mapping.rule(*index, Decision::MapTo(target), why);
    }
    follow(request, mapping);
}

/// The target's folder for a role, and how it is known.
fn target_for<'a>(
    request: &'a MappingRequest,
    named: &[Option<SpecialUse>],
    role: &SpecialUse,
    source: &Folder,
) -> Option<(&'a Folder, String)> {
    let usable = |folder: &&Folder| folder.selectable && !folder.path.is_inbox();

    // Several folders may be marked alike: the same name first, then the most usual one.
    let marked = request.target_folders.iter().filter(usable).filter(|folder| folder.roles.contains(role));
    let preference = |folder: &&Folder| {
        let usual = folder.path.top_level_name().and_then(|name| names::usualness(name, role));
        (folder.path != source.path, usual.unwrap_or(usize::MAX))
    };
    if let Some(found) = marked.min_by_key(preference) {
        return Some((found, format!("the target marks `{}` so", found.path)));
    }

    let named = request.target_folders.iter().zip(named).filter(|(_, name)| name.as_ref() == Some(role));
    let unmarked = named.map(|(folder, _)| folder).filter(|folder| !folder.is_marked());
    let found = unmarked.filter(usable).min_by_key(preference)?;
    Some((found, format!("the target has `{}`", found.path)))
}

/// A mapping by role must not push mail of two folders into one: where another source folder goes to
/// the same place, the one mapped by role keeps its name, and the plan says so.
fn give_way(
    request: &MappingRequest,
    moved: &mut Vec<(usize, SpecialUse, FolderPath, String)>,
    mapping: &mut Mapping,
) {
    // One that gives way can be in the way of the next, hence the loop; each round removes one.
    while let Some((position, other)) = first_clash(request, moved) {
        let (index, role, path, _) = moved.remove(position);
        mapping.note(
            index,
            format!(
                "would go to `{path}` as the source's {role}, but `{other}` goes there; it keeps its name: \
                 say what you want with a rule in [[folders]]"
            ),
        );
    }
}

fn first_clash<'a>(
    request: &'a MappingRequest,
    moved: &[(usize, SpecialUse, FolderPath, String)],
) -> Option<(usize, &'a FolderPath)> {
    let goes_to = |index: usize, folder: &'a Folder| {
        if let Some((_, _, path, _)) = moved.iter().find(|(other, ..)| *other == index) {
            return Some(path);
        }
        match request.settled_ruling(index).map(|ruling| &ruling.decision) {
            Some(Decision::MapTo(target)) => Some(&target.path),
            Some(Decision::Skip(_) | Decision::Other(_)) => None,
            // A folder that holds no messages takes nothing along.
            None => folder.selectable.then_some(&folder.path),
        }
    };
    moved.iter().enumerate().find_map(|(position, (index, _, path, _))| {
        let own = request.source_folders.get(*index)?;
        if own.path == *path {
            return None;
        }
        let others = request.source_folders.iter().enumerate().filter(|(other, _)| other != index);
        let clash = others
            .into_iter()
            .find(|(other, folder)| goes_to(*other, folder).is_some_and(|there| same_place(there, path)));
        clash.map(|(_, folder)| (position, &folder.path))
    })
}

/// Case is ignored: many servers do.
fn same_place(a: &FolderPath, b: &FolderPath) -> bool {
    let same = |(a, b): (&String, &String)| match a.is_ascii() && b.is_ascii() {
        true => a.eq_ignore_ascii_case(b),
        false => lower(a).eq(lower(b)),
    };
    // From the end, where folders of one tree differ.
    a.levels().len() == b.levels().len() && a.levels().iter().zip(b.levels()).rev().all(same)
}

fn lower(level: &str) -> impl Iterator<Item = char> {
    level.chars().flat_map(char::to_lowercase)
}

/// Folders inside one that got another name go along, unless somebody ruled on them.
fn follow(request: &MappingRequest, mapping: &mut Mapping) {
    let renamed: Vec<(FolderPath, FolderPath)> = mapping
        .rulings
        .iter()
        .filter_map(|ruling| {
            let from = &request.source_folders.get(ruling.folder)?.path;
            let to = mapping.path_of(ruling.folder)?;
            (from != to && may_hold_folders(request, to)).then(|| (from.clone(), to.clone()))
        })
        .collect();
    for (index, folder) in request.open() {
        if mapping.path_of(index).is_some() {
            continue;
        }
        let inside = renamed.iter().filter_map(|(from, to)| {
            let rest = folder.path.levels().strip_prefix(from.levels())?;
            (!rest.is_empty()).then_some((from, to, rest))
        });
        let Some((from, to, rest)) = inside.max_by_key(|(from, ..)| from.levels().len()) else { continue };
        let there = FolderPath(rest.to_vec()).under(to);
        if !request.source_folders.iter().any(|other| same_place(&other.path, &there)) {
            mapping.map_to(index, there, format!("lies in `{from}`, which goes to `{to}`"));
        }
    }
}

fn may_hold_folders(request: &MappingRequest, path: &FolderPath) -> bool {
    let there = request.target_folders.iter().find(|folder| folder.path == *path);
    !there.is_some_and(|folder| folder.has_attribute("\\Noinferiors"))
}
