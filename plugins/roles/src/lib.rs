//! Maps folders by what they are for: sent mail goes where the target keeps sent mail, whatever either
//! side calls it. Roles come from SPECIAL-USE (RFC 6154) first, then from well-known names of
//! top-level folders.
//!
//! The names, "Sent" in the languages of mail programs, are `mailhaul_plugin::names`, in
//! `sdk/rust/src/names.rs`.
//!
//! `claims` finds out which source folder has a role, `answer` where it goes.

mod answer;
mod claims;

use mailhaul_plugin::{FolderMapper, Mapping, MappingRequest, PluginError};

use claims::{Claims, Prefer};

struct Roles;

#[derive(serde::Deserialize)]
struct Settings {
    #[serde(default)]
    prefer: Prefer,
}

impl FolderMapper for Roles {
    fn map_folders(request: &MappingRequest) -> Result<Mapping, PluginError> {
        let settings: Settings = mailhaul_plugin::settings()?;
        let mut mapping = Mapping::default();
        let claims = Claims::of_source(request, settings.prefer, &mut mapping);
        answer::rule(request, &claims, &mut mapping);
        Ok(mapping)
    }
}

mailhaul_plugin::export!(mapper: Roles);

#[cfg(test)]
mod tests;
