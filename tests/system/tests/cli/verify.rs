//! What `verify` finds on a target somebody has touched, and what it must not find.

use std::fs;
use std::path::PathBuf;

use mailhaul_lab::corpus;

use crate::support::compare::{differences, folder};
use crate::support::mail_servers::{Move, dovecots};

/// A small move that is done, and a known message in its INBOX: its UID at the source and on the target.
fn moved(seed: u64) -> (Move, u32, u32) {
    let haul = Move::loaded(seed, 40);
    let body = corpus::simple("marked", "the-body-that-is-looked-at");
    haul.from
        .client()
        .append_one("INBOX", &["\\Seen", "$Label1"], " 5-May-2021 05:05:05 +0500", &body)
        .unwrap();
    haul.mailhaul(&["run"]).expect(0);
    let (source, target) =
        (haul.from.client().folder("INBOX").unwrap(), haul.to.client().folder("INBOX").unwrap());
    let (source, target) = (source.last().unwrap(), target.last().unwrap());
    assert_eq!(source.sha256, target.sha256);
    (haul, source.uid, target.uid)
}

/// The file of the marked message in the target's Maildir.
fn file(haul: &Move) -> PathBuf {
    let inbox = dovecots().new.maildir(&haul.to.user);
    ["cur", "new"]
        .iter()
        .flat_map(|part| fs::read_dir(inbox.join(part)).unwrap().flatten())
        .map(|entry| entry.path())
        .find(|path| fs::read_to_string(path).is_ok_and(|text| text.contains("the-body-that-is-looked-at")))
        .expect("the marked message's file")
}

/// `verify` finds exactly this, and says so in its exit code and the report.
#[track_caller]
fn finds(haul: &Move, depth: &str, expected: &[(&str, u32)]) {
    haul.mailhaul(&["verify", "--depth", depth]).expect(if expected.is_empty() { 0 } else { 3 });
    let report = haul.report();
    let found: Vec<(String, u64)> = differences(&report)
        .into_iter()
        .filter(|(kind, ..)| kind != "extra")
        .inspect(|(_, folder, _)| assert_eq!(folder, "INBOX", "{report:#}"))
        .map(|(kind, _, uid)| (kind, uid))
        .collect();
    let expected: Vec<(String, u64)> =
        expected.iter().map(|(kind, uid)| ((*kind).to_owned(), u64::from(*uid))).collect();
    assert_eq!(found, expected, "{report:#}");
}

/// Nothing was touched: every depth agrees, and the report says how deep was looked.
#[test]
fn a_good_target_passes_at_every_depth() {
    let (haul, ..) = moved(41);
    for depth in ["counts", "headers", "full"] {
        finds(&haul, depth, &[]);
        assert_eq!(folder(&haul.report(), "INBOX")["verified"], depth);
    }
    haul.mailhaul(&["verify"]).expect(0);
    assert_eq!(folder(&haul.report(), "INBOX")["verified"], "full", "a shallower look takes nothing back");
    haul.mailhaul(&["verify", "--depth", "full", "--sample", "50"]).expect(0);
    haul.mailhaul(&["verify", "--sample", "0"]).expect(2).says(&["--sample"]);
}

/// Its owner has deleted one: every depth says so, and nobody has to mend it.
#[test]
fn a_message_that_its_owner_deleted() {
    let (haul, uid, there) = moved(42);
    haul.to.client().delete("INBOX", there).unwrap();
    for depth in ["counts", "headers", "full"] {
        haul.mailhaul(&["verify", "--depth", depth]).expect(0).says(&["no difference, 1 note"]);
        let report = haul.report();
        assert_eq!(differences(&report), [("missing".to_owned(), "INBOX".to_owned(), u64::from(uid))]);
        let note = &report["mailboxes"][0]["differences"][0];
        assert_eq!((&note["note"], &note["by"]), (&true.into(), &"changed-on-target".into()), "{report:#}");
        assert_eq!(report["verdict"], "complete");
    }
}

/// Most of a folder is gone from the target.
#[test]
fn missing_messages() {
    let (haul, ..) = moved(42);
    let source: Vec<u32> = haul.from.client().folder("INBOX").unwrap().iter().map(|m| m.uid).collect();
    let mut new = haul.to.client();
    let there = new.folder("INBOX").unwrap();
    let half = there.len() / 2 + 1;
    for message in &there[..half] {
        new.delete("INBOX", message.uid).unwrap();
    }
    let missing: Vec<(&str, u32)> = source[..half].iter().map(|uid| ("missing", *uid)).collect();
    for depth in ["counts", "headers", "full"] {
        finds(&haul, depth, &missing);
    }
    assert_ne!(haul.report()["verdict"], "complete");
}

/// Somebody has marked a message unread.
#[test]
fn a_changed_flag() {
    let (haul, uid, there) = moved(43);
    haul.to.client().store("INBOX", there, "-FLAGS", &["\\Seen"]).unwrap();
    finds(&haul, "headers", &[("flags", uid)]);
    haul.rewrite(|spec| spec.extra = "[verify]\nignore = [\"flags\"]\n".to_owned());
    haul.mailhaul(&["verify"]).expect(0);
}

/// Somebody has taken a label away.
#[test]
fn a_changed_keyword() {
    let (haul, uid, there) = moved(44);
    haul.to.client().store("INBOX", there, "-FLAGS", &["$Label1"]).unwrap();
    finds(&haul, "headers", &[("keywords", uid)]);
}

/// A byte of a body is another: only the full depth can see that, and it does.
#[test]
fn an_altered_body() {
    let (haul, uid, _) = moved(45);
    let path = file(&haul);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("the-body-that-is-looked-at", "the-bodY-that-is-looked-at")).unwrap();
    finds(&haul, "headers", &[]);
    finds(&haul, "full", &[("altered-body", uid)]);
    // It stays on record until somebody looks as closely again, and every command says so.
    finds(&haul, "counts", &[("altered-body", uid)]);
    haul.mailhaul(&["run"]).expect(3).says(&["1 difference stands on record", "`mailhaul verify`"]);
    assert_eq!(haul.report()["verdict"], "incomplete");
}

/// A byte of a header is another.
#[test]
fn an_altered_header() {
    let (haul, uid, _) = moved(46);
    let path = file(&haul);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("From: Tester", "From: Taster")).unwrap();
    finds(&haul, "full", &[("altered-headers", uid)]);
}

/// The same message a second time.
#[test]
fn a_duplicate() {
    let (haul, uid, there) = moved(47);
    let mut client = haul.to.client();
    let body = client.body("INBOX", there).unwrap();
    client.append_one("INBOX", &["\\Seen", "$Label1"], " 5-May-2021 05:05:05 +0500", &body).unwrap();
    finds(&haul, "full", &[("duplicate", uid)]);
}

/// New mail that came in on the target is nobody's fault: a note.
#[test]
fn mail_of_the_targets_own_is_a_note() {
    let (haul, ..) = moved(48);
    let body = corpus::simple("new here", "arrived after the switch");
    haul.to.client().append_one("INBOX", &[], " 1-Jul-2024 00:00:00 +0000", &body).unwrap();
    haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
    let found = differences(&haul.report());
    assert!(found.iter().all(|(kind, ..)| kind == "extra"), "{found:?}");
}

/// Two messages with one Message-ID and other content are not taken for each other.
#[test]
fn swapped_bodies_are_seen() {
    let haul = Move::usual();
    let mut client = haul.from.client();
    let one = corpus::simple("twin", "first-body");
    let two = corpus::simple("twin", "other-body");
    for body in [&one, &two] {
        client.append_one("INBOX", &[], " 5-May-2021 05:05:05 +0500", body).unwrap();
    }
    haul.mailhaul(&["run"]).expect(0);
    haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
    // The second one's place is taken by a second copy of the first.
    let mut target = haul.to.client();
    let uid = target.folder("INBOX").unwrap()[1].uid;
    target.delete("INBOX", uid).unwrap();
    target.append_one("INBOX", &[], " 5-May-2021 05:05:05 +0500", &one).unwrap();
    haul.mailhaul(&["verify", "--depth", "full"]).expect(3);
    let kinds: Vec<String> = differences(&haul.report()).into_iter().map(|(kind, ..)| kind).collect();
    assert!(kinds.contains(&"missing".to_owned()), "{kinds:?}");
}

/// `verify` before anything was moved, and with a mistyped depth.
#[test]
fn verify_needs_a_run_and_a_known_depth() {
    let haul = Move::loaded(49, 10);
    let outcome = haul.mailhaul(&["verify"]);
    assert_ne!(outcome.code, Some(0), "nothing is proven when nothing was moved\n{}", outcome.told());
    haul.mailhaul(&["verify", "--depth", "deep"]).expect(2).says(&["deep", "counts", "headers", "full"]);
}
