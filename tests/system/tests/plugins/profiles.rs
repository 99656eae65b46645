//! Server profiles: who is recognised, what follows, what the operator's word is worth.

use std::fs;

use mailhaul_lab::fake::{Incoming, Manners, Take, Verdict};
use mailhaul_lab::{author, corpus};

use crate::support::compare::{assert_complete, assert_sums};
use crate::support::fake_servers::{DATE, FakeServers, exception};
use crate::support::mail_servers::json;

/// A source like Gmail, a target that says nothing about itself.
fn from_gmail() -> FakeServers {
    let source = Manners { capability: "IMAP4rev1 X-GM-EXT-1".to_owned(), ..Manners::default() };
    FakeServers::with(source, Manners::default())
}

/// The project with a line more about the target.
fn about_target(fakes: &FakeServers, line: &str) {
    let file = fakes.folder.join("mailhaul.toml");
    let text = fs::read_to_string(&file).unwrap();
    let (before, target) = text.split_once("[target]\n").unwrap();
    let target: String =
        target.lines().filter(|line| !line.starts_with("provider")).map(|line| format!("{line}\n")).collect();
    fs::write(&file, format!("{before}[target]\n{line}{target}")).unwrap();
}

/// Every ruling of a profile has a name, a version and a reason, for people and for machines.
#[test]
fn a_server_is_recognised_and_said_to_be() {
    let fakes = from_gmail();
    fakes.load("INBOX", 3);
    fakes.mailhaul(&["check"]).expect(0).says(&[
        "127.0.0.1: Gmail (server-profiles 0.1.0)",
        "it offers X-GM-EXT-1",
        "at most 15 connections for one mailbox",
        "note: a mailbox gives 2,500 MB",
    ]);
    let checks = json(&fakes.mailhaul(&["check", "--format", "json"]).expect(0));
    let profile = &checks["checks"][0]["profile"];
    assert_eq!(profile["provider"], "gmail", "{checks:#}");
    assert_eq!(profile["plugin"], "server-profiles 0.1.0");
    assert!(checks["checks"][1].get("profile").is_none(), "{checks:#}");
    fakes.mailhaul(&["plan"]).expect(0).says(&["profile: source 127.0.0.1: Gmail (server-profiles 0.1.0)"]);
    fakes.mailhaul(&["run"]).expect(0);
    fakes.assert_moved();
}

/// `provider` names what is not recognised, or nothing; what it cannot name is refused with what it can.
#[test]
fn the_operator_names_the_provider() {
    let fakes = from_gmail();
    fakes.load("INBOX", 3);
    about_target(&fakes, "provider = \"courier\"\n");
    fakes.mailhaul(&["check"]).expect(0).says(&[
        "127.0.0.1: Courier (server-profiles 0.1.0)",
        "the project file names it",
        "at most 4 connections at once",
    ]);
    about_target(&fakes, "provider = \"server-profiles\"\n");
    assert!(!fakes.mailhaul(&["check"]).expect(0).stdout.contains("Courier"));
    about_target(&fakes, "provider = \"gmial\"\n");
    for command in ["check", "plan", "run"] {
        fakes.mailhaul(&[command]).expect(2).says(&["mailhaul.toml:", "`gmial`", "\"auto\"", "gmail"]);
    }
    // A plugin that ships and knows no servers is no provider.
    about_target(&fakes, "provider = \"roles\"\n");
    fakes.mailhaul(&["check"]).expect(6).says(&["server-profile", "folder-mapper"]);
    about_target(&fakes, "provider = \"none\"\n");
    let file = fakes.folder.join("mailhaul.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("[source]\n", "[source]\nprovider = \"none\"\n")).unwrap();
    assert!(!fakes.mailhaul(&["check"]).expect(0).stdout.contains("profile"));
}

/// A number the operator wrote counts, whatever a profile says, and that is told.
#[test]
fn the_operators_limit_wins() {
    let fakes = FakeServers::loaded(3);
    let mut spec = fakes.spec();
    spec.target.extra.push_str("provider = \"courier\"\n");
    spec.extra.push_str("[limits]\nconnections_per_host = 20\n");
    spec.write(&fakes.folder);
    fakes.mailhaul(&["check"]).expect(0).says(&[
        "its limit of 4 connections at once is not used",
        "`connections_per_host` under `[limits]` is 20",
    ]);
}

/// Has Acme's profile asked about both sides, and behave in the way that its setting `way` names.
fn acme(fakes: &FakeServers, way: &str) {
    fs::copy(author::provider().unwrap(), fakes.folder.join("provider.wasm")).unwrap();
    let mut spec = fakes.spec();
    spec.extra = format!(
        "[plugins]\nprofiles = [\"./provider.wasm\", \"server-profiles\"]\n[plugins.settings.provider]\nway = \"{way}\"\n"
    );
    spec.write(&fakes.folder);
    fakes.mailhaul(&["plugin", "add", "./provider.wasm"]).expect(0);
}

/// Acme's server, with these messages in the source, and an answer to the one that says so.
fn at_acmes(
    way: &str,
    count: usize,
    answer: impl FnMut(&mut Incoming<'_>) -> Take + Send + 'static,
) -> FakeServers {
    let capability = "IMAP4rev1 LITERAL+ UIDPLUS X-ACME".to_owned();
    let fakes = FakeServers::with(Manners::default(), Manners { capability, ..Manners::default() });
    fakes.load("INBOX", count);
    fakes.target.manners(|m| m.on_append = Box::new(answer));
    acme(&fakes, way);
    fakes
}

/// "Tea time" is a wait only because Acme's profile says so: everything arrives once, and the operator is
/// told.
#[test]
fn a_providers_own_words_become_a_wait() {
    let tea = |mut left: usize| {
        move |m: &mut Incoming<'_>| {
            if m.says("INBOX 004") && left > 0 {
                left -= 1;
                return Take::Say("NO It is tea time here".to_owned());
            }
            Take::Store
        }
    };
    let fakes = at_acmes("honest", 10, tea(2));
    fakes
        .mailhaul(&["run", "--no-progress"])
        .expect(0)
        .says(&["tea time", "wait for tea to end (provider 0.1.0)"]);
    fakes.assert_moved();
    assert_complete(&fakes.report(), 10);
    // Nobody who knows Acme is asked: the same words are a refusal.
    let fakes = at_acmes("honest", 10, tea(9));
    about_target(&fakes, "provider = \"none\"\n");
    fakes.mailhaul(&["run"]).expect(3);
    fakes.assert_moved_but(|m| m.uid == 4);
}

/// The same of a command that is no APPEND: the folder waits instead of being given up.
#[test]
fn a_providers_own_words_become_a_wait_before_the_first_message() {
    for (way, code) in [("honest", 0), ("trap", 3)] {
        let fakes = at_acmes(way, 4, |_| Take::Store);
        let mut left = 2;
        fakes.target.manners(|m| {
            m.on_command = Box::new(move |line| {
                if line.starts_with("SELECT") && left > 0 {
                    left -= 1;
                    return Verdict::Say("NO It is tea time here".to_owned());
                }
                Verdict::Go
            });
        });
        let outcome = fakes.mailhaul(&["run"]).expect(code);
        if code == 0 {
            fakes.assert_moved();
        } else {
            outcome.says(&["tea time"]);
            assert_sums(&fakes.report());
        }
    }
}

/// What will never be taken is failed with the remedy, what has no room stops the mailbox's writes.
#[test]
fn causes_and_remedies_reach_the_report() {
    let fakes = at_acmes("honest", 5, |m| match m.says("INBOX 002") {
        true => Take::Say("NO Coffee is not our cup".to_owned()),
        false => Take::Store,
    });
    fakes.mailhaul(&["run"]).expect(3);
    fakes.assert_moved_but(|m| m.uid == 2);
    let reason = exception(&fakes.report(), "INBOX", 2)["reason"].to_string();
    assert!(reason.contains("not our cup; Acme takes no mail about coffee (provider 0.1.0)"), "{reason}");

    let fakes = at_acmes("honest", 5, |_| Take::Say("NO The cupboard is shut".to_owned()));
    fakes.mailhaul(&["run"]).expect(7).says(&["out of room", "cupboard", "buy a larger cupboard"]);
    assert_eq!(fakes.report()["totals"]["pending"], 5);
}

/// A refused log-in is tried once, whatever a profile says of it; its remedy reaches `check`.
#[test]
fn a_refused_log_in_gets_a_remedy_and_no_second_try() {
    for (way, cause, says) in [
        ("honest", "imap-disabled", "switch IMAP on in Acme's panel (provider 0.1.0)"),
        ("lie", "auth-refused", "all is well (provider 0.1.0)"),
    ] {
        let fakes = at_acmes(way, 1, |_| Take::Store);
        fakes.target.manners(|m| {
            m.on_command =
                Box::new(|line| match line.starts_with("LOGIN") || line.starts_with("AUTHENTICATE") {
                    true => Verdict::Say("NO [AUTHENTICATIONFAILED] No".to_owned()),
                    false => Verdict::Go,
                });
        });
        let checks = json(&fakes.mailhaul(&["check", "--format", "json"]).expect(4));
        let row = checks["checks"].as_array().unwrap().iter().find(|row| row["side"] == "target").unwrap();
        assert_eq!(row["cause"], cause, "{row:#}");
        assert_eq!(row["remedy"], says, "{row:#}");
        let tries = fakes
            .target
            .heard()
            .iter()
            .filter(|line| line.contains("LOGIN") || line.contains("AUTH"))
            .count();
        assert_eq!(tries, 1, "{:?}", fakes.target.heard());
        fakes.mailhaul(&["run"]).expect(4).says(&[says]);
    }
}

/// Nothing a profile says makes mail arrive that did not: one that calls every refusal a matter of patience
/// is waited for as often as a server would be, and then it is what it was.
#[test]
fn a_profile_that_lies_changes_nothing() {
    let fakes = at_acmes("lie", 5, |m| match m.says("INBOX 003") {
        true => Take::Say("NO Never".to_owned()),
        false => Take::Store,
    });
    let outcome = fakes.mailhaul(&["run"]);
    assert_ne!(outcome.code, Some(0), "{}", outcome.told());
    let report = fakes.report();
    assert_sums(&report);
    assert_eq!(report["totals"]["copied"], 4, "{report:#}");
    assert_eq!(report["verdict"], "incomplete");
    fakes.assert_moved_but(|m| m.uid == 3);
    let tries = fakes.target_heard("APPEND").len();
    assert!((2..=200).contains(&tries), "{tries}");
}

/// A profile that breaks is told once, by name, and mailhaul reads the server's words itself.
#[test]
fn a_profile_that_breaks_is_done_without() {
    for (way, says) in [("trap", "classify is broken on purpose"), ("loop", "CPU time")] {
        let fakes = at_acmes(way, 6, |m| match m.says("INBOX 002") || m.says("INBOX 005") {
            true => Take::Say("NO Never".to_owned()),
            false => Take::Store,
        });
        let outcome = fakes.mailhaul(&["run", "--no-progress"]).expect(3);
        let told = outcome.told();
        assert_eq!(told.matches("plugin `provider 0.1.0`").count(), 1, "{told}");
        assert!(told.contains(says) && told.contains("mailhaul goes on with what it knows itself"), "{told}");
        fakes.assert_moved_but(|m| m.uid == 2 || m.uid == 5);
        assert_eq!(fakes.report()["totals"]["failed"], 2);
    }
    let fakes = at_acmes("trap-identify", 3, |_| Take::Store);
    let outcome =
        fakes.mailhaul(&["run", "--no-progress"]).expect(0).says(&["identify is broken on purpose"]);
    assert_eq!(outcome.told().matches("plugin `provider 0.1.0`").count(), 1, "{}", outcome.told());
    fakes.assert_moved();
}

/// Words of a plugin are cut and escaped wherever they are shown.
#[test]
fn a_remedy_cannot_move_the_cursor() {
    let fakes = at_acmes("shout", 2, |m| match m.says("INBOX 001") {
        true => Take::Say("NO Never".to_owned()),
        false => Take::Store,
    });
    let outcome = fakes.mailhaul(&["run"]).expect(3);
    assert!(!outcome.told().contains(['\u{1b}', '\u{7}', '\u{202e}']), "{}", outcome.told().escape_debug());
    let reason = exception(&fakes.report(), "INBOX", 1)["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("\\u{1b}]0;owned") && reason.len() < 2_000, "{reason}");
}

/// What a profile says of limits and quirks is heeded: nothing too large is sent, nothing is sent unasked,
/// one command waits for the other, and one mailbox has one connection.
#[test]
fn limits_and_quirks_are_heeded() {
    let fakes = at_acmes("honest", 3, |_| Take::Store);
    let large = corpus::simple("large", &"x".repeat(5_000));
    fakes.source.store(|store| {
        store.add("INBOX", &[], DATE, &large);
        store.create("team");
        store.add("team", &[], DATE, &corpus::simple("team", "text"));
    });
    fakes.target.store(|store| store.create("Team"));
    fakes.mailhaul(&["check"]).expect(0).says(&[
        "127.0.0.1: Acme Mail (provider 0.1.0)",
        "messages above 2.0 KiB are not sent; without LITERAL+; one command at a time; folder names that differ in case",
        "note: tea is at four",
    ]);
    fakes.mailhaul(&["plan"]).expect(0).says(&["`team` goes to `Team`"]);
    fakes.mailhaul(&["run"]).expect(3);
    let report = fakes.report();
    let large = exception(&report, "INBOX", 4);
    assert_eq!((large["outcome"].as_str(), large["code"].as_str()), (Some("failed"), Some("too-big")));
    let reason = large["reason"].as_str().unwrap();
    assert!(reason.contains("says the profile `acme` of provider 0.1.0"), "{reason}");
    let appends = fakes.target_heard("APPEND");
    assert_eq!(appends.len(), 4, "{appends:?}");
    assert!(appends.iter().all(|line| line.ends_with('}') && !line.ends_with("+}")), "{appends:?}");
    assert_eq!(fakes.there("Team").len(), 1);
}
