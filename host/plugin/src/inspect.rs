//! What a plugin is and asks for, for people and for `--format json`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::component::Description;
use crate::kind::Kind;
use crate::manifest::{NeededGrant, NeededHost, NeededHttp, NeededInput, NeededSecret, Setting};
use crate::text;

/// One line of `mailhaul plugin list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PluginSummary {
    /// The manifest's id.
    pub id: String,
    /// The manifest's version.
    pub version: String,
    /// What it can be used as.
    pub kinds: Vec<Kind>,
    /// Whether it is part of this binary.
    pub shipped: bool,
    /// One sentence.
    pub summary: String,
}

/// What `mailhaul plugin inspect` shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// The manifest's id.
    pub id: String,
    /// The manifest's version.
    pub version: String,
    /// The version of the plugin interface it speaks.
    pub api: String,
    /// What it can be used as.
    pub kinds: Vec<Kind>,
    /// One sentence.
    pub summary: String,
    /// Its licence.
    pub license: String,
    /// What `provider` in the project file may name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<String>,
    /// What it can do, read from the code itself and not from its manifest.
    pub imports: Vec<ImportUse>,
    /// Files and tables it cannot work without.
    pub inputs: Vec<NeededInput>,
    /// Origins it wants to send requests to.
    pub http: Vec<NeededHttp>,
    /// Mail servers at which it wants mailboxes to sign in.
    pub hosts: Vec<NeededHost>,
    /// Secrets it wants to use.
    pub secrets: Vec<NeededSecret>,
    /// What it wants to change.
    pub changes: Vec<NeededGrant>,
    /// Its settings by name.
    pub settings: BTreeMap<String, Setting>,
    /// SHA-256 of the component, lower-case hexadecimal.
    pub sha256: String,
    /// Its size in bytes.
    pub size: usize,
    /// Whether it is part of this binary.
    pub shipped: bool,
}

/// One import of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportUse {
    /// The interface.
    pub name: &'static str,
    /// What it lets the plugin do.
    pub meaning: &'static str,
}

impl PluginSummary {
    pub(crate) fn of(description: &Description, shipped: bool) -> Self {
        let manifest = &description.manifest;
        Self {
            id: manifest.id.clone(),
            version: manifest.version.clone(),
            kinds: description.kinds.clone(),
            shipped,
            summary: manifest.summary.clone(),
        }
    }
}

impl Inspection {
    pub(crate) fn of(description: &Description, digest: [u8; 32], size: usize, shipped: bool) -> Self {
        let manifest = &description.manifest;
        let meaning = |import: &&'static crate::caps::Import| {
            Some(ImportUse { name: import.name, meaning: import.meaning? })
        };
        Self {
            id: manifest.id.clone(),
            version: manifest.version.clone(),
            api: manifest.api.clone(),
            kinds: description.kinds.clone(),
            summary: manifest.summary.clone(),
            license: manifest.license.clone(),
            providers: manifest.providers.clone(),
            imports: description.imports.iter().filter_map(meaning).collect(),
            inputs: manifest.needs.input.clone(),
            http: manifest.needs.http.clone(),
            hosts: manifest.needs.host.clone(),
            secrets: manifest.needs.secret.clone(),
            changes: manifest.needs.grant.clone(),
            settings: manifest.settings.clone(),
            sha256: text::hex(&digest),
            size,
            shipped,
        }
    }
}
