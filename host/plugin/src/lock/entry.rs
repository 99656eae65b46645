//! The format of one entry: what a plugin is, what it asks for, what it was granted.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::inspect::Inspection;
use crate::kind::Kind;
use crate::manifest::{Change, NeededGrant, NeededHost, NeededHttp, NeededSecret};

/// One foreign plugin as it was when the operator last looked at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockEntry {
    /// Id of the manifest, which is the key under `[plugins.settings]` too.
    pub id: String,
    /// Version of the plugin, as its manifest has it.
    pub version: String,
    /// Path of the component, relative to the project's folder.
    pub source: String,
    /// SHA-256 of the component, lower-case hexadecimal.
    pub sha256: String,
    /// Version of the plugin interface it was built for, such as `0.1`.
    pub api: String,
    /// Kinds it can be used as, sorted.
    pub kinds: Vec<Kind>,
    /// Interfaces of `mailhaul:plugin` that its code imports, without those of types alone.
    pub imports: Vec<String>,
    /// What its manifest asks for, with its reasons.
    #[serde(default, skip_serializing_if = "LockNeeds::is_empty")]
    pub asks: LockNeeds,
    /// What the operator granted of that; the rest is refused.
    #[serde(default, skip_serializing_if = "LockGrants::is_empty")]
    pub grants: LockGrants,
}

/// What a plugin asks for in its manifest, as the operator saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockNeeds {
    /// Origins it wants to send HTTP requests to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<NeededHttp>,
    /// Mail servers at which it wants mailboxes to sign in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<NeededHost>,
    /// Secrets of the project it wants to use, and where it sends them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<NeededSecret>,
    /// Changes it wants to make on the target server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<NeededGrant>,
}

/// What the operator granted a plugin of its [`LockNeeds`]. What is not asked for has no effect here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockGrants {
    /// Origins it may send HTTP requests to, as the manifest writes them: settings are not filled in.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub http: BTreeSet<String>,
    /// Those of `http` whose name may lead to an address of this machine or its network.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub private: BTreeSet<String>,
    /// Mail servers at which it may have mailboxes sign in, as the manifest writes them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hosts: BTreeSet<String>,
    /// Names of the secrets it may use.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub secrets: BTreeSet<String>,
    /// Changes it may make on the target server.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub changes: BTreeSet<Change>,
}

impl LockNeeds {
    fn of(found: &Inspection) -> Self {
        Self {
            http: found.http.clone(),
            hosts: found.hosts.clone(),
            secrets: found.secrets.clone(),
            changes: found.changes.clone(),
        }
    }

    /// Whether there is nothing to be granted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.http.is_empty() && self.hosts.is_empty() && self.secrets.is_empty() && self.changes.is_empty()
    }

    /// Lists every wish as a pair: the word that `mailhaul plugin grant` takes, and one line for the operator
    /// that ends in the plugin's reason.
    #[must_use]
    pub fn lines(&self) -> Vec<(String, String)> {
        let http = self
            .http
            .iter()
            .map(|http| (http.origin.clone(), format!("send requests to {}: {}", http.origin, http.why)));
        let hosts = self.hosts.iter().map(|needed| {
            (needed.host.clone(), format!("have mailboxes sign in at {}: {}", needed.host, needed.why))
        });
        let secrets = self.secrets.iter().map(|secret| {
            (
                secret.name.clone(),
                format!("use the secret `{}`, {}: {}", secret.name, secret.goes(), secret.why),
            )
        });
        let changes = self
            .changes
            .iter()
            .map(|change| (change.name.name().to_owned(), format!("{}: {}", change.name.name(), change.why)));
        http.chain(hosts).chain(secrets).chain(changes).collect()
    }
}

impl LockGrants {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Grants what `asked` has under this word, and returns whether it has anything under it.
    pub fn grant(&mut self, asked: &LockNeeds, word: &str) -> bool {
        if asked.http.iter().any(|http| http.origin == word) {
            self.http.insert(word.to_owned());
        } else if asked.hosts.iter().any(|needed| needed.host == word) {
            self.hosts.insert(word.to_owned());
        } else if asked.secrets.iter().any(|secret| secret.name == word) {
            self.secrets.insert(word.to_owned());
        } else if let Some(change) = asked.changes.iter().find(|change| change.name.name() == word) {
            self.changes.insert(change.name);
        } else {
            return false;
        }
        true
    }

    /// Takes back whatever was granted under this word.
    pub fn revoke(&mut self, word: &str) {
        self.http.remove(word);
        self.private.remove(word);
        self.hosts.remove(word);
        self.secrets.remove(word);
        self.changes.retain(|change| change.name() != word);
    }

    /// Whether anything is granted under this word.
    #[must_use]
    pub fn has(&self, word: &str) -> bool {
        self.http.contains(word)
            || self.hosts.contains(word)
            || self.secrets.contains(word)
            || self.changes.iter().any(|change| change.name() == word)
    }

    /// Drops what is not asked for any more: a grant never exceeds the manifest.
    pub(super) fn within(mut self, asked: &LockNeeds) -> Self {
        self.http.retain(|origin| asked.http.iter().any(|http| http.origin == *origin));
        self.hosts.retain(|host| asked.hosts.iter().any(|needed| needed.host == *host));
        let http = self.http.clone();
        self.private.retain(|origin| http.contains(origin));
        // A secret that goes elsewhere now was not granted for there: `update` takes care of that.
        self.secrets.retain(|name| asked.secrets.iter().any(|secret| secret.name == *name));
        self.changes.retain(|change| asked.changes.iter().any(|asked| asked.name == *change));
        self
    }
}

impl LockEntry {
    /// Makes an entry for what was found in the file `source`; nothing is granted yet.
    #[must_use]
    pub fn of(found: &Inspection, source: &str) -> Self {
        Self {
            id: found.id.clone(),
            version: found.version.clone(),
            source: source.to_owned(),
            sha256: found.sha256.clone(),
            api: found.api.clone(),
            kinds: found.kinds.clone(),
            imports: found.imports.iter().map(|import| import.name.to_owned()).collect(),
            asks: LockNeeds::of(found),
            grants: LockGrants::default(),
        }
    }
}
