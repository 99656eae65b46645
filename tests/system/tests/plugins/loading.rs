//! Plugins that ship, an outsider's, and files that are none.
//!
//! Those that misbehave are in `guests`.

use std::fs;

use mailhaul_lab::author;

use crate::support::compare::{assert_complete, assert_moved, assert_sums, count, usual};
use crate::support::mail_servers::{Move, at, folder_with, json};

/// A project whose mapping is done by this component, then by `roles`.
fn with_plugin(seed: u64, component: &[u8]) -> Move {
    let haul = Move::loaded(seed, 60);
    fs::write(haul.file("acme.wasm"), component).unwrap();
    haul.rewrite(|spec| spec.extra = "[plugins]\nmapping = [\"./acme.wasm\", \"roles\"]\n".to_owned());
    haul
}

/// The same with the operator's trust.
fn with_trusted(seed: u64, component: &[u8]) -> Move {
    let haul = with_plugin(seed, component);
    haul.mailhaul(&["plugin", "add", "./acme.wasm"]).expect(0).says(&["acme", "folder-mapper"]);
    haul
}

/// `plugin list` works without a project and names what ships.
#[test]
fn shipped_plugins_are_listed() {
    let folder = folder_with(&[]);
    let list = json(&at(&folder, &["plugin", "list", "--format", "json"]).expect(0));
    let plugins = list["plugins"].as_array().unwrap();
    for (id, kind) in [
        ("csv", "mailbox-source"),
        ("roles", "folder-mapper"),
        ("server-profiles", "server-profile"),
        ("counts", "validator"),
        ("special-folders", "validator"),
    ] {
        let plugin = plugins.iter().find(|p| p["id"] == id).unwrap_or_else(|| panic!("no {id} in {list:#}"));
        assert_eq!(plugin["shipped"], true, "{plugin:#}");
        assert!(plugin["kinds"].as_array().unwrap().contains(&kind.into()), "{plugin:#}");
        assert!(plugin["version"].as_str().is_some_and(|v| v.contains('.')), "{plugin:#}");
    }
    at(&folder, &["plugin", "list"]).expect(0).says(&["csv", "roles", "counts", "special-folders"]);
}

/// `plugin inspect` tells what a plugin is, of a shipped one and of a file.
#[test]
fn inspect() {
    let folder = folder_with(&[]);
    at(&folder, &["plugin", "inspect", "roles"]).expect(0).says(&["roles", "folder-mapper"]);
    fs::copy(author::acme_mapper().unwrap(), folder.join("acme.wasm")).unwrap();
    at(&folder, &["plugin", "inspect", "./acme.wasm"]).expect(0).says(&["acme", "folder-mapper"]);
    at(&folder, &["plugin", "inspect", "nosuch"]).expect(6).says(&["nosuch"]);
    at(&folder, &["plugin", "inspect", "./nosuch.wasm"]).expect(6).says(&["nosuch.wasm"]);
}

/// An outsider's plugin takes part in a real move, and the target's folders prove it; what it leaves alone
/// goes by the next in the list.
#[test]
fn an_outsiders_mapper() {
    let haul = with_trusted(91, &fs::read(author::acme_mapper().unwrap()).unwrap());
    haul.mailhaul(&["plan"]).expect(0).says(&["acme"]);
    haul.mailhaul(&["plan", "--explain", "Kunden/Müll"]).expect(0).says(&["acme"]);
    haul.mailhaul(&["run"]).expect(0);
    let source = haul.from.snapshot();
    let target = haul.to.snapshot();
    assert_moved(&source, &target, acmes_way);
    assert!(source.keys().any(|name| acmes_way(name) != usual(name)), "the plugin changes nothing here");
    assert_complete(&haul.report(), count(&source));
}

/// What the plugin says in its README.
fn acmes_way(folder: &str) -> String {
    folder.strip_prefix("Kunden/").map_or_else(|| usual(folder), |rest| format!("Customers/{rest}"))
}

/// A foreign plugin is used only when the operator has looked at it, and only as it was then.
#[test]
fn only_what_was_trusted_is_run() {
    let haul = with_plugin(97, &fs::read(author::acme_mapper().unwrap()).unwrap());
    haul.mailhaul(&["run"]).expect(6).says(&["plugins.lock", "`mailhaul plugin add ./acme.wasm`"]);
    haul.mailhaul(&["plugin", "add", "acme.wasm"]).expect(0);
    haul.mailhaul(&["plugin", "diff", "acme"]).expect(0);
    assert!(fs::read_to_string(haul.file("plugins.lock")).unwrap().contains("sha256 = "));
    // The file is exchanged: a custom section more is another file.
    let mut changed = fs::read(author::acme_mapper().unwrap()).unwrap();
    changed.extend(b"\0\x03\x02xx");
    fs::write(haul.file("acme.wasm"), changed).unwrap();
    haul.mailhaul(&["run"]).expect(6).says(&["sha256", "`mailhaul plugin update ./acme.wasm`"]);
    assert_eq!(count(&haul.to.snapshot()), 0, "nothing is written");
    haul.mailhaul(&["plugin", "diff", "acme"]).expect(3).says(&["sha256"]);
    haul.mailhaul(&["plugin", "update", "acme"]).expect(0).says(&["sha256"]);
    haul.mailhaul(&["plan"]).expect(0);
    haul.mailhaul(&["plugin", "grant", "acme", "https://evil.example"]).expect(2).says(&["does not ask for"]);
    haul.mailhaul(&["plugin", "remove", "./acme.wasm"]).expect(0);
    haul.mailhaul(&["run"]).expect(6).says(&["`mailhaul plugin add ./acme.wasm`"]);
}

/// The same mail with and without the plugin goes to other folders.
#[test]
fn without_the_plugin_it_is_otherwise() {
    let haul = Move::loaded(91, 60);
    haul.mailhaul(&["run"]).expect(0);
    assert!(haul.to.snapshot().keys().all(|name| !name.starts_with("Customers")));
}

#[track_caller]
fn breaks(component: &[u8], says: &[&str]) {
    let haul = with_plugin(92, component);
    for command in ["plan", "run"] {
        haul.mailhaul(&[command]).expect(6).says(says);
    }
    assert_eq!(count(&haul.to.snapshot()), 0, "nothing is written when the mapping is not known");
    assert_sums(&haul.report());
    // Without it the same project goes on.
    haul.rewrite(|_| ());
    haul.mailhaul(&["run"]).expect(0);
    assert_moved(&haul.from.snapshot(), &haul.to.snapshot(), usual);
}

/// A file that is no component at all, an empty one, and a module that is no component.
#[test]
fn what_is_no_component() {
    breaks(b"#!/bin/sh\necho hello\n", &["acme.wasm"]);
    breaks(b"", &["acme.wasm"]);
    breaks(b"\0asm\x01\0\0\0", &["acme.wasm"]);
}

/// A component that was damaged on its way.
#[test]
fn a_component_cut_short() {
    let whole = fs::read(author::acme_mapper().unwrap()).unwrap();
    breaks(&whole[..whole.len() / 2], &["acme.wasm"]);
}

#[test]
fn a_plugin_that_is_not_there() {
    let haul = Move::loaded(93, 10);
    haul.rewrite(|spec| spec.extra = "[plugins]\nmapping = [\"./nosuch.wasm\", \"roles\"]\n".to_owned());
    haul.mailhaul(&["run"]).expect(6).says(&["nosuch.wasm"]);
    haul.rewrite(|spec| spec.extra = "[plugins]\nmapping = [\"rolls\"]\n".to_owned());
    haul.mailhaul(&["run"]).expect(6).says(&["rolls", "roles"]);
    assert_eq!(count(&haul.to.snapshot()), 0);
}

/// Settings are checked against the plugin's schema.
#[test]
fn settings_that_do_not_fit() {
    let haul = Move::loaded(94, 10);
    haul.rewrite(|spec| spec.extra = "[plugins.settings.roles]\nprefer = \"guessing\"\n".to_owned());
    haul.mailhaul(&["plan"]).expect(2).says(&["roles", "prefer"]);
    haul.rewrite(|spec| spec.extra = "[plugins.settings.roles]\nprefer = \"special-use\"\n".to_owned());
    haul.mailhaul(&["plan"]).expect(0);
}

/// The validation hooks have looked at the move, and say so in the report.
#[test]
fn hooks_report() {
    let haul = Move::loaded(95, 20);
    haul.mailhaul(&["run"]).expect(0);
    let report = haul.report();
    let hooks = report["mailboxes"][0]["hooks"].as_array().cloned().unwrap_or_default();
    for plugin in ["counts", "special-folders"] {
        let hook = hooks
            .iter()
            .find(|hook| hook["plugin"] == plugin)
            .unwrap_or_else(|| panic!("no {plugin} in {report:#}"));
        assert_eq!(hook["outcome"], "pass", "{hook:#}");
    }
    // More vanishes than an owner deletes: the hook that counts notices by itself.
    let mut client = haul.to.client();
    for message in client.folder("INBOX").unwrap().iter().take(3) {
        client.delete("INBOX", message.uid).unwrap();
    }
    haul.mailhaul(&["verify", "--depth", "counts"]).expect(3);
    let report = haul.report();
    let hooks = report["mailboxes"][0]["hooks"].as_array().cloned().unwrap_or_default();
    assert!(hooks.iter().any(|hook| hook["plugin"] == "counts" && hook["outcome"] == "fail"), "{report:#}");
}
