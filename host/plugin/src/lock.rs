//! `plugins.lock`: which foreign plugins a project trusts, byte for byte, and with what.
//!
//! Written by `mailhaul plugin add | update | remove | grant`, meant to be committed and reviewed. A
//! run refuses whatever differs from it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;

use mailhaul_imap::Secret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::LoadReason;
use crate::grants::{Grants, Origin, Recipient, SecretGrant};
use crate::inspect::Inspection;
use crate::kind::{self, Kind};
use crate::manifest::{Change, NeededGrant, NeededHost, NeededHttp, NeededSecret, filled, mail_server};

/// Its name, beside `mailhaul.toml`.
pub const LOCK_FILE: &str = "plugins.lock";

/// Version of the file.
const VERSION: u32 = 1;

/// Largest file that is read: a thousand plugins that ask for a lot.
const MAX_BYTES: u64 = 4 << 20;

const HEADING: &str = "\
# Foreign plugins this project trusts. Written by `mailhaul plugin add`, `update`, `remove` and `grant`;
# commit it: what changes here changes what somebody else's code may do.
";

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("plugins.lock {0}")]
pub struct LockError(String);

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    version: u32,
    /// Sorted by id.
    #[serde(rename = "plugin", default)]
    pub plugins: Vec<Locked>,
}

/// One plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// The manifest's id.
    pub id: String,
    /// The manifest's version.
    pub version: String,
    /// The file, relative to the project.
    pub source: String,
    /// SHA-256 of the component, lower-case hexadecimal.
    pub sha256: String,
    /// The version of the plugin interface.
    pub api: String,
    /// What it can be used as.
    pub kinds: Vec<Kind>,
    /// What its code imports.
    pub imports: Vec<String>,
    /// What it asks for, with its reasons.
    #[serde(default, skip_serializing_if = "Asked::is_empty")]
    pub asks: Asked,
    /// What it was granted of it.
    #[serde(default, skip_serializing_if = "Granted::is_empty")]
    pub grants: Granted,
}

/// What a manifest asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Origins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<NeededHttp>,
    /// Mail servers at which mailboxes sign in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<NeededHost>,
    /// Secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<NeededSecret>,
    /// Changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<NeededGrant>,
}

/// What the operator granted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Granted {
    /// Origins, as the manifest writes them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub http: BTreeSet<String>,
    /// Of these, the ones that may have private addresses.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub private: BTreeSet<String>,
    /// Mail servers, as the manifest writes them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hosts: BTreeSet<String>,
    /// Names of secrets.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub secrets: BTreeSet<String>,
    /// Changes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub changes: BTreeSet<Change>,
}

impl Asked {
    fn of(found: &Inspection) -> Self {
        Self {
            http: found.http.clone(),
            hosts: found.hosts.clone(),
            secrets: found.secrets.clone(),
            changes: found.changes.clone(),
        }
    }

    /// Whether it asks for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.http.is_empty() && self.hosts.is_empty() && self.secrets.is_empty() && self.changes.is_empty()
    }

    /// What it asks for, one line each, with the word that grants it.
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

impl Granted {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Grants what is asked for under this word; false when nothing is.
    pub fn grant(&mut self, asked: &Asked, word: &str) -> bool {
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

    /// Takes this word's grant back.
    pub fn revoke(&mut self, word: &str) {
        self.http.remove(word);
        self.private.remove(word);
        self.hosts.remove(word);
        self.secrets.remove(word);
        self.changes.retain(|change| change.name() != word);
    }

    /// Whether this word is granted.
    #[must_use]
    pub fn has(&self, word: &str) -> bool {
        self.http.contains(word)
            || self.hosts.contains(word)
            || self.secrets.contains(word)
            || self.changes.iter().any(|change| change.name() == word)
    }

    /// Without what is no longer asked for: a grant never exceeds the manifest.
    fn within(mut self, asked: &Asked) -> Self {
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

impl Locked {
    /// An entry for what was found, granted nothing.
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
            asks: Asked::of(found),
            grants: Granted::default(),
        }
    }

    /// The entry brought up to date: grants stay where exactly the same is asked for.
    #[must_use]
    pub fn updated(&self, found: &Inspection) -> Self {
        let mut new = Self::of(found, &self.source);
        let mut grants = self.grants.clone();
        grants.secrets.retain(|name| {
            let to = |asks: &Asked| asks.secrets.iter().find(|s| s.name == *name).map(|s| s.to.clone());
            to(&self.asks) == to(&new.asks)
        });
        new.grants = grants.within(&new.asks);
        new
    }

    /// How what was found differs, one line each; empty when it is the same.
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

    /// What a call may use, with the project's settings and secrets filled in.
    ///
    /// # Errors
    /// When it asks for an origin or a secret that was not granted, or that has no value.
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
        let mut http = BTreeMap::new();
        for granted in &allowed.http {
            http.insert(origin(granted)?, allowed.private.contains(granted));
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
            hosts: Some(hosts),
            secrets,
            create,
            quota: allowed.changes.contains(&Change::SetQuota),
            dialer: None,
            replies: None,
            exchanges: None,
        })
    }
}

/// As much of a digest as tells two apart at a glance.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

impl Default for Lock {
    fn default() -> Self {
        Self { version: VERSION, plugins: Vec::new() }
    }
}

impl Lock {
    /// Reads the file of a project; none is an empty one.
    ///
    /// # Errors
    /// When it cannot be read, or is no such file.
    pub fn read(project: &Path) -> Result<Self, LockError> {
        let path = project.join(LOCK_FILE);
        let metadata = match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            metadata => metadata.map_err(|error| LockError(format!("cannot be read: {error}")))?,
        };
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Err(LockError("is no file of a sensible size".to_owned()));
        }
        let text =
            std::fs::read_to_string(&path).map_err(|error| LockError(format!("cannot be read: {error}")))?;
        let lock: Self = toml::from_str(&text)
            .map_err(|error| LockError(format!("cannot be used: {}", error.message())))?;
        if lock.version != VERSION {
            let version = lock.version;
            return Err(LockError(format!(
                "has version {version}, this mailhaul knows {VERSION}: update mailhaul"
            )));
        }
        let mut ids = BTreeSet::new();
        match lock.plugins.iter().find(|locked| !ids.insert(&locked.id)) {
            Some(twice) => Err(LockError(format!("has `{}` twice: remove one", twice.id))),
            None => Ok(lock),
        }
    }

    /// Writes the file, whole or not at all; an empty one is removed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, project: &Path) -> Result<(), LockError> {
        let failed = |error: std::io::Error| LockError(format!("cannot be written: {error}"));
        let path = project.join(LOCK_FILE);
        self.plugins.sort_by(|a, b| a.id.cmp(&b.id));
        if self.plugins.is_empty() {
            return match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(()),
            };
        }
        let text = toml::to_string(self).map_err(|error| LockError(error.to_string()))?;
        let new = project.join(format!("{LOCK_FILE}.new"));
        let mut file = std::fs::File::create(&new).map_err(failed)?;
        file.write_all(format!("{HEADING}{text}").as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        std::fs::rename(&new, &path).map_err(failed)
    }

    /// The entry of an id, or of a file as the project names it.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Locked> {
        self.plugins.iter().find(|locked| locked.id == name || same_file(&locked.source, name))
    }

    /// Puts an entry in the place of any with its id or file.
    pub fn put(&mut self, new: Locked) {
        self.plugins.retain(|locked| locked.id != new.id && !same_file(&locked.source, &new.source));
        self.plugins.push(new);
    }

    /// Whether a file is what the entry says.
    pub(crate) fn check(&self, file: &str, found: &Inspection) -> Result<&Locked, LoadReason> {
        let by_file = self.plugins.iter().find(|locked| same_file(&locked.source, file));
        let locked = by_file.ok_or_else(|| LoadReason::NotLocked(file.to_owned()))?;
        let changes = locked.differences(found);
        if changes.is_empty() {
            return Ok(locked);
        }
        Err(LoadReason::Changed { changes: changes.join("; "), named: file.to_owned() })
    }
}

/// Whether two names of a file in the project are one: `./acme.wasm` and `acme.wasm`.
fn same_file(a: &str, b: &str) -> bool {
    let plain = |path: &str| -> Vec<std::ffi::OsString> {
        let parts = Path::new(path).components();
        parts
            .filter(|part| *part != std::path::Component::CurDir)
            .map(|part| part.as_os_str().into())
            .collect()
    };
    plain(a) == plain(b)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found() -> Inspection {
        let http = |host: &str| NeededHttp { origin: format!("https://{host}:2083"), why: "list".into() };
        Inspection {
            id: "acme".into(),
            version: "1.0.0".into(),
            api: "0.1".into(),
            kinds: vec![Kind::MailboxProvisioner],
            summary: "s".into(),
            license: "MIT".into(),
            providers: Vec::new(),
            imports: Vec::new(),
            inputs: Vec::new(),
            http: vec![http("{settings.host}")],
            hosts: Vec::new(),
            secrets: vec![NeededSecret {
                name: "token".into(),
                to: "https://{settings.host}:2083".into(),
                why: "sign in".into(),
            }],
            changes: vec![NeededGrant { name: Change::CreateMailboxes, why: "create".into() }],
            settings: BTreeMap::new(),
            sha256: "ab".repeat(32),
            size: 1,
            shipped: false,
        }
    }

    fn value(_: &str) -> Result<Option<Secret>, String> {
        Ok(Some(Secret::from(b"canary".to_vec())))
    }

    #[test]
    fn the_file_is_read_as_it_was_written() {
        let project = tempfile::tempdir().unwrap();
        assert_eq!(Lock::read(project.path()).unwrap(), Lock::default());
        let mut lock = Lock::default();
        lock.put(Locked::of(&found(), "./acme.wasm"));
        lock.write(project.path()).unwrap();
        assert_eq!(Lock::read(project.path()).unwrap(), lock);
        assert!(lock.find("acme.wasm").is_some() && lock.find("acme").is_some());
        lock.plugins.clear();
        lock.write(project.path()).unwrap();
        assert!(!project.path().join(LOCK_FILE).exists());
        std::fs::write(project.path().join(LOCK_FILE), "version = 2\n").unwrap();
        assert!(Lock::read(project.path()).unwrap_err().to_string().contains("update mailhaul"));
        std::fs::write(project.path().join(LOCK_FILE), "version = 1\nnonsense = 1\n").unwrap();
        assert!(Lock::read(project.path()).unwrap_err().to_string().contains("nonsense"));
    }

    #[test]
    fn what_was_not_looked_at_is_refused() {
        let mut lock = Lock::default();
        let refused =
            |lock: &Lock, found: &Inspection| lock.check("./acme.wasm", found).unwrap_err().to_string();
        assert_eq!(
            refused(&lock, &found()),
            "it is not in plugins.lock: look at it and add it with `mailhaul plugin add ./acme.wasm`"
        );
        lock.put(Locked::of(&found(), "acme.wasm"));
        assert!(lock.check("./acme.wasm", &found()).is_ok());
        let mut changed = found();
        changed.sha256 = "cd".repeat(32);
        changed.http.push(NeededHttp { origin: "https://evil.example".into(), why: "more".into() });
        assert_eq!(
            refused(&lock, &changed),
            "it is not what plugins.lock says (sha256 abababababab -> cdcdcdcdcdcd; + send requests to \
             https://evil.example: more); if that is meant, type `mailhaul plugin update ./acme.wasm`"
        );
    }

    #[test]
    fn nothing_is_used_that_was_not_granted() {
        let mut locked = Locked::of(&found(), "acme.wasm");
        let settings = json!({ "host": "panel.example" });
        let refused = locked.grants(&settings, value).unwrap_err().to_string();
        assert!(refused.contains("to send requests to https://{settings.host}:2083: list"), "{refused}");
        assert!(refused.contains("`mailhaul plugin grant acme 'https://{settings.host}:2083'`"), "{refused}");
        let asks = locked.asks.clone();
        assert!(locked.grants.grant(&asks, "https://{settings.host}:2083"));
        assert!(locked.grants(&settings, value).unwrap_err().to_string().contains("`token`"));
        assert!(locked.grants.grant(&asks, "token"));
        assert!(!locked.grants.grant(&asks, "https://evil.example"), "it was not asked for");
        let grants = locked.grants(&settings, value).unwrap();
        let origin: Origin = "https://panel.example:2083".parse().unwrap();
        assert_eq!(grants.http, [(origin.clone(), false)].into());
        assert_eq!(grants.secrets["token"].to, Recipient::Origin(origin));
        assert!(!grants.create, "creating is a grant of its own");
        // A setting cannot lead elsewhere than to a host.
        assert!(locked.grants(&json!({ "host": "a@b" }), value).is_err());
        assert!(
            locked.grants(&settings, |_| Ok(None)).unwrap_err().to_string().contains("plugins.secrets.acme")
        );
    }

    #[test]
    fn a_source_signs_in_where_it_was_granted() {
        let mut source = found();
        source.kinds = vec![Kind::MailboxSource];
        (source.http, source.secrets, source.changes) = (Vec::new(), Vec::new(), Vec::new());
        let needed = |host: &str| NeededHost { host: host.into(), why: "the old cluster".into() };
        source.hosts = vec![needed("imap.{settings.host}:993"), needed("two.example:143")];
        let mut locked = Locked::of(&source, "acme.wasm");
        let settings = json!({ "host": "Old.example" });
        let refused = locked.grants(&settings, value).unwrap_err().to_string();
        assert!(
            refused.contains("to have mailboxes sign in at imap.{settings.host}:993: the old cluster"),
            "{refused}"
        );
        assert!(refused.contains("`mailhaul plugin grant acme 'imap.{settings.host}:993'`"), "{refused}");
        let asks = locked.asks.clone();
        for word in ["imap.{settings.host}:993", "two.example:143"] {
            assert!(locked.grants.grant(&asks, word));
        }
        assert!(!locked.grants.grant(&asks, "evil.example:993"), "it was not asked for");
        // Written by hand, it does not count.
        locked.grants.hosts.insert("evil.example:993".into());
        let hosts = locked.grants(&settings, value).unwrap().hosts.unwrap();
        assert_eq!(hosts, [("imap.old.example".into(), 993), ("two.example".into(), 143)]);
        // A setting cannot lead to another port, or to two hosts.
        for host in ["x:1", "a@b", "x/"] {
            assert!(locked.grants(&json!({ "host": host }), value).is_err(), "{host}");
        }
        locked.grants.revoke("two.example:143");
        assert!(locked.grants(&settings, value).is_err());
        let mut moved = source.clone();
        moved.hosts[1].host = "evil.example:143".into();
        let lines = locked.differences(&moved);
        assert!(
            lines.contains(&"+ have mailboxes sign in at evil.example:143: the old cluster".to_owned()),
            "{lines:?}"
        );
        assert!(!locked.updated(&moved).grants.has("two.example:143"));
    }

    #[test]
    fn a_secret_that_goes_elsewhere_is_granted_anew() {
        let mut locked = Locked::of(&found(), "acme.wasm");
        let asks = locked.asks.clone();
        for (word, _) in asks.lines() {
            assert!(locked.grants.grant(&asks, &word));
        }
        let mut moved = found();
        moved.http.push(NeededHttp { origin: "https://evil.example".into(), why: "more".into() });
        moved.secrets[0].to = "https://evil.example".into();
        let updated = locked.updated(&moved);
        assert!(!updated.grants.has("token") && updated.grants.has("https://{settings.host}:2083"));
        // Written by hand, it would not count either.
        let mut forged = updated;
        forged.grants.http.insert("https://forged.example".into());
        forged.grants.http.insert("https://evil.example".into());
        forged.grants.secrets.insert("token".into());
        let grants = forged.grants(&json!({ "host": "panel.example" }), value).unwrap();
        assert!(grants.http.keys().all(|origin| origin.host != "forged.example"));
    }
}
