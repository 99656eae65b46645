//! Server profiles: who is recognised, what follows, and what the operator's word is worth.

use std::fs;

use mailhaul_lab::fake::Manners;

use crate::bench::json;
use crate::stage::Stage;

/// A source like Gmail, a target that says nothing about itself.
fn from_gmail() -> Stage {
    let source = Manners { capability: "IMAP4rev1 X-GM-EXT-1".to_owned(), ..Manners::default() };
    Stage::with(source, Manners::default())
}

/// The project with a line more about the target.
fn about_target(stage: &Stage, line: &str) {
    let mut spec = stage.spec();
    spec.target.extra.push_str(line);
    spec.write(&stage.folder);
}

/// Every ruling of a profile has a name, a version and a reason, for people and for machines.
#[test]
fn a_server_is_recognised_and_said_to_be() {
    let stage = from_gmail();
    stage.load("INBOX", 3);
    stage.mailhaul(&["check"]).expect(0).says(&[
        "profile: Gmail (server-profiles 0.1.0)",
        "it offers X-GM-EXT-1",
        "at most 15 connections for one mailbox",
        "note: a mailbox gives 2,500 MB",
    ]);
    let checks = json(&stage.mailhaul(&["check", "--format", "json"]).expect(0));
    let profile = &checks["checks"][0]["profile"];
    assert_eq!(profile["provider"], "gmail", "{checks:#}");
    assert_eq!(profile["plugin"], "server-profiles 0.1.0");
    assert!(checks["checks"][1].get("profile").is_none(), "{checks:#}");
    stage.mailhaul(&["plan"]).expect(0).says(&["profile: source 127.0.0.1: Gmail (server-profiles 0.1.0)"]);
    stage.mailhaul(&["run"]).expect(0);
    stage.assert_moved();
}

/// `provider` names what is not recognised, or nothing; what it cannot name is refused with what it can.
#[test]
fn the_operator_names_the_provider() {
    let stage = from_gmail();
    stage.load("INBOX", 3);
    about_target(&stage, "provider = \"courier\"\n");
    stage.mailhaul(&["check"]).expect(0).says(&[
        "profile: Courier (server-profiles 0.1.0)",
        "the project file names it",
        "at most 4 connections at once",
    ]);
    about_target(&stage, "provider = \"server-profiles\"\n");
    assert!(!stage.mailhaul(&["check"]).expect(0).stdout.contains("Courier"));
    about_target(&stage, "provider = \"gmial\"\n");
    for command in ["check", "plan", "run"] {
        stage.mailhaul(&[command]).expect(2).says(&["mailhaul.toml:", "`gmial`", "\"auto\"", "gmail"]);
    }
    // A plugin that ships and knows no servers is no provider.
    about_target(&stage, "provider = \"roles\"\n");
    stage.mailhaul(&["check"]).expect(6).says(&["server-profile", "folder-mapper"]);
    let file = stage.folder.join("mailhaul.toml");
    let text = fs::read_to_string(&file).unwrap().replace("provider = \"roles\"", "provider = \"none\"");
    fs::write(&file, text.replace("[target]", "provider = \"none\"\n[target]")).unwrap();
    assert!(!stage.mailhaul(&["check"]).expect(0).stdout.contains("profile"));
}

/// A number the operator wrote counts, whatever a profile says, and that is told.
#[test]
fn the_operators_limit_wins() {
    let stage = Stage::loaded(3);
    let mut spec = stage.spec();
    spec.target.extra.push_str("provider = \"courier\"\n");
    spec.extra.push_str("[limits]\nconnections_per_host = 20\n");
    spec.write(&stage.folder);
    stage.mailhaul(&["check"]).expect(0).says(&[
        "its limit of 4 connections at once is not used",
        "`connections_per_host` under `[limits]` is 20",
    ]);
}
