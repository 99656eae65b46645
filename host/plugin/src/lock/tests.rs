use std::collections::BTreeMap;

use mailhaul_imap::Secret;
use serde_json::json;

use super::*;
use crate::grants::{Origin, Recipient};
use crate::inspect::Inspection;
use crate::kind::Kind;
use crate::manifest::{Change, NeededGrant, NeededHost, NeededHttp, NeededSecret};

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
    lock.put(LockEntry::of(&found(), "./acme.wasm"));
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
    let refused = |lock: &Lock, found: &Inspection| lock.check("./acme.wasm", found).unwrap_err().to_string();
    assert_eq!(
        refused(&lock, &found()),
        "it is not in plugins.lock: look at it and add it with `mailhaul plugin add ./acme.wasm`"
    );
    lock.put(LockEntry::of(&found(), "acme.wasm"));
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
    let mut locked = LockEntry::of(&found(), "acme.wasm");
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
    assert!(locked.grants(&settings, |_| Ok(None)).unwrap_err().to_string().contains("plugins.secrets.acme"));
}

#[test]
fn a_source_signs_in_where_it_was_granted() {
    let mut source = found();
    source.kinds = vec![Kind::MailboxSource];
    (source.http, source.secrets, source.changes) = (Vec::new(), Vec::new(), Vec::new());
    let needed = |host: &str| NeededHost { host: host.into(), why: "the old cluster".into() };
    source.hosts = vec![needed("imap.{settings.host}:993"), needed("two.example:143")];
    let mut locked = LockEntry::of(&source, "acme.wasm");
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
    let mut locked = LockEntry::of(&found(), "acme.wasm");
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
