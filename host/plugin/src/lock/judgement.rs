//! What follows from an entry: whether a component is still the one that was looked at, and what its calls
//! may use.

use std::collections::BTreeMap;

use mailhaul_imap::Secret;
use serde_json::Value;

use super::entry::{LockEntry, LockNeeds};
use super::{Lock, same_file};
use crate::error::LoadReason;
use crate::grants::{Grants, Origin, Recipient, SecretGrant};
use crate::inspect::Inspection;
use crate::kind;
use crate::manifest::{Change, filled, mail_server};

impl Lock {
    /// Returns the entry of a file if `found` is exactly what it says, else the refusal that names what
    /// differs.
    pub(crate) fn check(&self, file: &str, found: &Inspection) -> Result<&LockEntry, LoadReason> {
        let by_file = self.plugins.iter().find(|locked| same_file(&locked.source, file));
        let locked = by_file.ok_or_else(|| LoadReason::NotLocked(file.to_owned()))?;
        let changes = locked.differences(found);
        if changes.is_empty() {
            return Ok(locked);
        }
        Err(LoadReason::Changed { changes: changes.join("; "), named: file.to_owned() })
    }
}

impl LockEntry {
    /// Makes the entry that `mailhaul plugin update` writes for what was found. Grants stay where exactly the
    /// same is asked for; a secret that goes elsewhere now is to be granted anew.
    #[must_use]
    pub fn updated(&self, found: &Inspection) -> Self {
        let mut new = Self::of(found, &self.source);
        let mut grants = self.grants.clone();
        grants.secrets.retain(|name| {
            let to = |asks: &LockNeeds| asks.secrets.iter().find(|s| s.name == *name).map(|s| s.to.clone());
            to(&self.asks) == to(&new.asks)
        });
        new.grants = grants.within(&new.asks);
        new
    }

    /// Lists how what was found differs from the entry, one line each; empty when it is the same.
    #[must_use]
    pub fn differences(&self, found: &Inspection) -> Vec<String> {
        let new = Self::of(found, &self.source);
        let mut lines = Vec::new();
        let mut word = |what: &str, old: &str, new: &str| {
            if old != new {
                lines.push(format!("{what} {old} -> {new}"));
            }
        };
        word("id", &self.id, &new.id);
        word("version", &self.version, &new.version);
        word("sha256", short(&self.sha256), short(&new.sha256));
        word("interface", &self.api, &new.api);
        word("kinds", &kind::words(&self.kinds), &kind::words(&new.kinds));
        let changed = |lines: &mut Vec<String>, sign, these: &[String], not: &[String]| {
            lines
                .extend(these.iter().filter(|line| !not.contains(line)).map(|line| format!("{sign} {line}")));
        };
        let wants = |locked: &Self| -> Vec<String> {
            let imports = locked.imports.iter().map(|name| format!("import {name}"));
            imports.chain(locked.asks.lines().into_iter().map(|(_, line)| line)).collect()
        };
        let (old_wants, new_wants) = (wants(self), wants(&new));
        changed(&mut lines, '+', &new_wants, &old_wants);
        changed(&mut lines, '-', &old_wants, &new_wants);
        lines
    }

    /// Works out what the plugin's calls may use, with the project's settings and secrets filled in. `secret`
    /// is asked for the value of every granted secret.
    ///
    /// # Errors
    /// When the plugin asks for an origin, a host or a secret that was not granted, when a secret has no
    /// value, or when a setting makes no host of what stands in its place.
    pub fn grants(
        &self,
        settings: &Value,
        mut secret: impl FnMut(&str) -> Result<Option<Secret>, String>,
    ) -> Result<Grants, LoadReason> {
        let setting = |name: &str| settings.get(name).and_then(Value::as_str).map(str::to_owned);
        let wrong = |problem: String| LoadReason::Setting { id: self.id.clone(), problem };
        let origin = |text: &str| -> Result<Origin, LoadReason> {
            filled(text, setting).map_err(wrong)?.parse().map_err(|why| wrong(format!("`{text}`: {why}")))
        };
        let allowed = self.grants.clone().within(&self.asks);
        for (word, what) in self.asks.lines() {
            // Changes are asked for when they are made.
            let change = self.asks.changes.iter().any(|change| change.name.name() == word);
            if !change && !allowed.has(&word) {
                let line = format!("'{word}'");
                return Err(LoadReason::NotGranted { what: format!("to {what}"), id: self.id.clone(), line });
            }
        }
        let (mut http, mut private_by) = (BTreeMap::new(), BTreeMap::new());
        for granted in &allowed.http {
            let origin = origin(granted)?;
            http.insert(origin.clone(), allowed.private.contains(granted));
            private_by.insert(origin, format!("mailhaul plugin grant {} --private '{granted}'", self.id));
        }
        let server = |text: &String| filled(text, setting).and_then(|text| mail_server(&text)).map_err(wrong);
        let hosts = allowed.hosts.iter().map(server).collect::<Result<Vec<_>, _>>()?;
        let mut secrets = BTreeMap::new();
        for asked in self.asks.secrets.iter().filter(|asked| allowed.secrets.contains(&asked.name)) {
            let value = secret(&asked.name).map_err(LoadReason::Input)?;
            let value = value.ok_or_else(|| {
                LoadReason::Input(format!(
                    "it uses the secret `{0}`: give it under `[plugins.secrets.{1}]`, as in {0} = {{ env = \"NAME\" }}",
                    asked.name, self.id
                ))
            })?;
            let to = Recipient::of(&asked.to, origin)?;
            secrets.insert(asked.name.clone(), SecretGrant { value, to });
        }
        let create = allowed.changes.contains(&Change::CreateMailboxes);
        Ok(Grants {
            http,
            private_by,
            hosts: Some(hosts),
            secrets,
            create,
            quota: allowed.changes.contains(&Change::SetQuota),
            dialer: None,
            replies: None,
            recorder: None,
        })
    }
}

/// As much of a digest as tells two apart at a glance.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
