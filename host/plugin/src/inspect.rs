//! What a plugin is and asks for, for people and for `--format json`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::component::Description;
use crate::kind::Kind;
use crate::manifest::{NeededGrant, NeededHost, NeededHttp, NeededInput, NeededSecret, Setting};
use crate::text;

/// A plugin in one line of `mailhaul plugin list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PluginSummary {
    /// Id of the manifest, which is the key under `[plugins.settings]` too.
    pub id: String,
    /// Version of the plugin, as its manifest has it.
    pub version: String,
    /// Kinds it can be used as, sorted.
    pub kinds: Vec<Kind>,
    /// Whether it is embedded in this binary.
    pub shipped: bool,
    /// The manifest's sentence about it, at most 300 bytes.
    pub summary: String,
}

/// All that a component says about itself: what `mailhaul plugin inspect` shows and `plugins.lock` is
/// compared with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// Id of the manifest, which is the key under `[plugins.settings]` too.
    pub id: String,
    /// Version of the plugin, as its manifest has it.
    pub version: String,
    /// Version of the plugin interface it was built for, such as `0.1`.
    pub api: String,
    /// Kinds it can be used as, sorted.
    pub kinds: Vec<Kind>,
    /// The manifest's sentence about it, at most 300 bytes.
    pub summary: String,
    /// Licence as the manifest names it, an SPDX expression by custom.
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
    /// Changes it wants to make on the target server.
    pub changes: Vec<NeededGrant>,
    /// Schema of its settings, by name.
    pub settings: BTreeMap<String, Setting>,
    /// SHA-256 of the component, lower-case hexadecimal.
    pub sha256: String,
    /// Size of the component in bytes.
    pub size: usize,
    /// Whether it is embedded in this binary.
    pub shipped: bool,
}

/// One interface that a component imports, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportUse {
    /// Name of the interface, such as `http`.
    pub name: &'static str,
    /// What it lets the plugin do, as a clause: `reads its settings`.
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
