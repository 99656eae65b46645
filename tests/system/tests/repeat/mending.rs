//! Mistakes that are mended: a wrong target, a folder left out later, a rule about nothing.

use mailhaul_lab::corpus;

use crate::support::compare::{assert_complete, assert_moved, assert_same_mail, count, usual};
use crate::support::mail_servers::{Account, Host, Move, pair};

/// The commonest mistake: the mailbox went to somebody else's account. Undone and corrected in the list, the
/// same project brings it to the right one.
#[test]
fn a_wrong_target_is_corrected() {
    for host in [Host::New, Host::Cyrus] {
        let haul = Move::new(Host::Old, host);
        haul.load(corpus::Recipe::small(71, 12, crate::support::mail_servers::dovecots().old.layout));
        // Somebody else's mail is there, and one of the messages as well.
        let mut theirs = haul.to.client();
        let source = haul.from.snapshot();
        let same = haul.from.client().body("INBOX", source["INBOX"][0].uid).unwrap();
        theirs.append_one("INBOX", &[], " 1-Feb-2020 10:00:00 +0000", &same).unwrap();
        let before = count(&haul.to.snapshot());
        haul.mailhaul(&["run"]).expect(0);
        let right = Account::new(host);
        let correct =
            |spec: &mut mailhaul_lab::project::Spec| spec.mailboxes = vec![pair(&haul.from, &right)];

        haul.rewrite(correct);
        let key = &haul.from.user;
        let undo = format!("mailhaul undo --only {key}");
        for command in ["plan", "run"] {
            haul.mailhaul(&[command]).expect(3).says(&[
                "of this project on the old one",
                "then correct it again",
                &undo,
            ]);
        }
        assert_eq!(count(&right.snapshot()), 0);
        // As it is told: the old one again, undo, the right one.
        haul.rewrite(|_| ());
        haul.mailhaul(&["undo", "--yes", "--only", key]).expect(0);
        assert_eq!(count(&haul.to.snapshot()), before, "{host:?}: theirs stays");
        haul.rewrite(correct);
        haul.mailhaul(&["run"]).expect(0).says(&["what was known of that one is forgotten"]);
        assert_eq!(count(&haul.to.snapshot()), before, "{host:?}: nothing more came there");
        assert_eq!(count(&right.snapshot()), count(&source));
        assert_complete(&haul.report(), count(&source));
        haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
        haul.mailhaul(&["run"]).expect(0).hides("forgotten");
    }
}

const LEFT_OUT: &str = "[[folders]]\nfrom = \"Projekte\"\nskip = true\n";

/// A folder that was copied beside one that is below it.
fn copied() -> Move {
    let haul = Move::usual();
    let mut old = haul.from.client();
    for name in ["Projekte", "Projekte/M\u{fc}ller & S\u{f6}hne"] {
        old.create(name).unwrap();
        for n in 0..5 {
            let body = corpus::simple(&format!("{name} {n}"), "x");
            old.append_one(name, &["\\Seen"], " 2-Jul-2024 08:00:00 +0200", &body).unwrap();
        }
    }
    haul.mailhaul(&["run"]).expect(0);
    assert_moved(&haul.from.snapshot(), &haul.to.snapshot(), usual);
    haul
}

/// Taken back alone, by the command that the conflict tells to type.
#[test]
fn a_folder_that_is_left_out_later_is_taken_back() {
    let haul = copied();
    haul.rewrite(|spec| spec.extra = LEFT_OUT.to_owned());
    let key = &haul.from.user;
    haul.mailhaul(&["run"])
        .expect(3)
        .says(&["copies = \"keep\"", &format!("mailhaul undo --only {key} --folder Projekte")]);
    haul.mailhaul(&["undo", "--yes", "--folder", "Projekt"]).expect(2).says(&["`Projekte`"]);
    haul.mailhaul(&["undo", "--dry-run", "--only", key, "--folder", "Projekte"])
        .expect(0)
        .says(&["5 messages would be removed"]);
    haul.mailhaul(&["undo", "--yes", "--only", key, "--folder", "Projekte"])
        .expect(0)
        .says(&["removed now: 5"]);
    assert_eq!(count(&haul.to.snapshot()), 5, "what is below it stays");
    haul.mailhaul(&["run"]).expect(0);
    assert_eq!(count(&haul.to.snapshot()), 5);
    let totals = haul.report()["totals"].clone();
    assert_eq!((&totals["copied"], &totals["skipped"]), (&5.into(), &5.into()), "{totals:#}");
    haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
}

/// Kept: nothing is lost of what is known, and no second copy comes when the rule goes.
#[test]
fn a_folder_that_is_left_out_later_keeps_its_copies() {
    let haul = copied();
    haul.rewrite(|spec| spec.extra = format!("{LEFT_OUT}copies = \"keep\"\n"));
    haul.mailhaul(&["plan"]).expect(0).says(&["its copies stay there"]);
    for _ in 0..2 {
        haul.mailhaul(&["run"]).expect(0);
        assert_same_mail(&haul.from.snapshot(), &haul.to.snapshot(), usual);
        let report = haul.report();
        let totals = &report["totals"];
        assert_eq!((&totals["copied"], &totals["skipped"]), (&5.into(), &5.into()), "{totals:#}");
        let reason = report["mailboxes"][0]["exceptions"][0]["reason"].as_str().unwrap();
        assert!(reason.contains("its copy of an earlier run stays in `Projekte`"), "{reason}");
    }
    haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
    haul.rewrite(|_| ());
    haul.mailhaul(&["run"]).expect(0);
    assert_same_mail(&haul.from.snapshot(), &haul.to.snapshot(), usual);
    assert_complete(&haul.report(), 10);
    haul.rewrite(|spec| spec.extra = format!("{LEFT_OUT}copies = \"keep\"\n"));
    haul.mailhaul(&["run"]).expect(0);
    haul.mailhaul(&["undo", "--yes"]).expect(0).says(&["removed now: 10"]);
    assert_eq!(count(&haul.to.snapshot()), 0);
}

/// It is told with its line, once and last; of a part of the list nobody knows.
#[test]
fn a_rule_about_nothing_is_told() {
    let haul = copied();
    haul.rewrite(|spec| spec.extra = LEFT_OUT.replace("Projekte", "Projekt"));
    let said =
        ["this rule matched no folder of any mailbox: `Projekt`; the nearest folder is", "mailhaul.toml:"];
    for command in ["plan", "run"] {
        haul.mailhaul(&[command]).expect(0).says(&said);
    }
    haul.mailhaul(&["verify"]).expect(0).hides("this rule matched");
}
