//! Which source folder has which role.

use std::collections::BTreeMap;

use mailhaul_plugin::{Folder, Mapping, MappingRequest, SpecialUse, names};

/// What wins when a name and a mark of the server disagree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Prefer {
    /// The server's SPECIAL-USE mark.
    #[default]
    SpecialUse,
    /// The name: for servers whose marks are wrong.
    Names,
}

/// Why a folder has a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    SpecialUse,
    Name,
}

/// At most one source folder for each role.
#[derive(Debug, Default)]
pub(crate) struct Claims(BTreeMap<SpecialUse, (usize, Ground)>);

impl Claims {
    /// Decides every role of the source; what stays open is noted.
    pub(crate) fn of_source(request: &MappingRequest, prefer: Prefer, mapping: &mut Mapping) -> Self {
        let mut claims = Self::default();
        let orders = match prefer {
            Prefer::SpecialUse => [Ground::SpecialUse, Ground::Name],
            Prefer::Names => [Ground::Name, Ground::SpecialUse],
        };
        let named = names_of(&request.source_folders);
        for role in roles_of(request) {
            for ground in orders {
                let claimants = claimants(request, &named, &role, ground, prefer);
                match claimants.as_slice() {
                    // Nobody on this ground: try the other.
                    [] => continue,
                    [one] => {
                        claims.0.insert(role.clone(), (*one, ground));
                    }
                    several => {
                        if let Some(one) = the_one_with_mail(request, several, ground) {
                            claims.0.insert(role.clone(), (one, ground));
                        } else {
                            note_rivals(request, &role, several, ground, mapping);
                        }
                    }
                }
                // A role held or disputed on the better ground is never claimed on the other.
                break;
            }
        }
        claims
    }

    /// Every claim as (role, folder, ground), in the order of the roles.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&SpecialUse, usize, Ground)> {
        self.0.iter().map(|(role, (folder, ground))| (role, *folder, *ground))
    }
}

/// Roles with names, and those the source's server uses.
fn roles_of(request: &MappingRequest) -> Vec<SpecialUse> {
    let mut roles = names::ROLES.to_vec();
    for role in request.source_folders.iter().flat_map(|folder| &folder.roles) {
        if !roles.contains(role) {
            roles.push(role.clone());
        }
    }
    // Attributes without a meaning of their own here are no roles.
    roles.retain(|role| !matches!(role, SpecialUse::Other(_)));
    roles
}

/// The role each folder's name speaks of, looked up once.
pub(crate) fn names_of(folders: &[Folder]) -> Vec<Option<SpecialUse>> {
    folders.iter().map(|folder| folder.path.top_level_name().and_then(names::role_of)).collect()
}

fn claimants(
    request: &MappingRequest,
    named: &[Option<SpecialUse>],
    role: &SpecialUse,
    ground: Ground,
    prefer: Prefer,
) -> Vec<usize> {
    let claims = |index: usize, folder: &Folder| match ground {
        Ground::SpecialUse => folder.roles.contains(role),
        Ground::Name => {
            // The server says it is something else.
            let marked = prefer == Prefer::SpecialUse && folder.is_marked();
            !marked && named.get(index).and_then(Option::as_ref) == Some(role)
        }
    };
    let found = request.source_folders.iter().enumerate();
    let found = found
        .filter(|(index, folder)| folder.selectable && !folder.path.is_inbox() && claims(*index, folder));
    found
        .map(|(index, _)| index)
        // By name only folders nobody has ruled on: a rule for `Spam` leaves `Junk` the only claimant.
        // A mark is a fact and holds the role, ruled on or not.
        .filter(|index| ground == Ground::SpecialUse || request.settled_ruling(*index).is_none())
        .collect()
}

/// Dovecot's default configuration marks both `Sent` and `Sent Messages` as sent mail. When one of
/// them is known to be the only one with mail in it, nothing is in doubt.
fn the_one_with_mail(request: &MappingRequest, claimants: &[usize], ground: Ground) -> Option<usize> {
    if ground == Ground::Name {
        return None;
    }
    let mut with_mail = claimants
        .iter()
        .filter(|index| request.source_folders.get(**index).is_some_and(|folder| folder.messages != Some(0)));
    match (with_mail.next(), with_mail.next()) {
        (Some(only), None) => Some(*only),
        _ => None,
    }
}

fn note_rivals(
    request: &MappingRequest,
    role: &SpecialUse,
    rivals: &[usize],
    ground: Ground,
    mapping: &mut Mapping,
) {
    let quoted = rivals.iter().filter_map(|index| request.source_folders.get(*index));
    let quoted: Vec<_> = quoted.map(|folder| format!("`{}`", folder.path)).collect();
    let how = match ground {
        Ground::SpecialUse => "are marked by the source",
        Ground::Name => "are named",
    };
    mapping.note(
        rivals.first().copied(),
        format!(
            "{} {how} as {role}; none of them was mapped by its role: say which with a rule in [[folders]]",
            quoted.join(" and ")
        ),
    );
}
