//! Moves that go well: everything arrives, nothing twice, the source is left as it was.

use std::collections::BTreeSet;

use mailhaul_lab::corpus::{self, Recipe};
use mailhaul_lab::dovecot::User;
use mailhaul_lab::project::Side;

use crate::support::compare::{
    assert_complete, assert_moved, assert_same_mail, assert_sums, count, folder, usual,
};
use crate::support::mail_servers::{Account, Host, MASTER, Move, dovecots, pair};

/// The whole of a first migration, as the README tells it: check, plan, run, run again, verify, report.
#[test]
fn first_haul() {
    let haul = Move::usual();
    haul.load(Recipe { large: 2, ..Recipe::small(11, 150, dovecots().old.layout).odd() });
    let before = haul.from.snapshot();
    let recent = haul.from.client().status("INBOX", "RECENT").unwrap();
    assert!(recent > 0, "mail nobody has looked at shows whether somebody looks");
    let empty = haul.to.snapshot();

    haul.mailhaul(&["check"]).expect(0);
    let plan = haul.mailhaul(&["plan"]).expect(0);
    plan.says(&["Sent Items", "Deleted Items", "Junk Email", "Archive/Entwürfe", "日本語/案件"]);
    assert_eq!(haul.to.snapshot(), empty, "check and plan write nothing");

    haul.mailhaul(&["run"]).expect(0);
    let after = haul.to.snapshot();
    assert_moved(&before, &after, usual);
    assert_eq!(haul.from.snapshot(), before, "the source is as it was");
    assert_eq!(haul.from.client().status("INBOX", "RECENT").unwrap(), recent, "\\Recent is as it was");
    let report = haul.report();
    assert_complete(&report, count(&before));
    assert_eq!(report["totals"]["copied"], count(&before));
    assert_eq!(report["last_run"]["copied"], count(&before));
    assert_eq!(report["totals"]["mailboxes"], 1);
    assert_eq!(folder(&report, "Sent")["target"], "Sent Items");
    assert_eq!(folder(&report, "Kunden/Müller & Söhne")["target"], "Kunden/Müller & Söhne");

    haul.mailhaul(&["run"]).expect(0);
    let report = haul.report();
    assert_eq!(report["last_run"]["copied"], 0, "{report:#}");
    assert_complete(&report, count(&before));
    assert_eq!(haul.to.snapshot(), after, "a second run changes nothing");

    haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
    assert_eq!(folder(&haul.report(), "INBOX")["verified"], "full");
    assert_eq!(haul.to.snapshot(), after, "verify changes nothing");
}

/// What the user had subscribed to is subscribed on the new host, under its new name.
#[test]
fn subscriptions_follow() {
    let haul = Move::loaded(12, 40);
    let mut client = haul.from.client();
    client.unsubscribe("Archive/2016").unwrap();
    let subscribed: BTreeSet<String> =
        client.subscriptions().unwrap().iter().map(|name| usual(name)).collect();
    assert!(!subscribed.contains("Archive/2016") && subscribed.contains("Archive/2017"));
    haul.mailhaul(&["run"]).expect(0);
    let there: BTreeSet<String> = haul.to.client().subscriptions().unwrap().into_iter().collect();
    let missing: Vec<_> = subscribed.difference(&there).collect();
    assert!(missing.is_empty(), "not subscribed on the target: {missing:?}");
    assert!(!there.contains("Archive/2016"), "subscribed on the target though not at the source");
}

/// From Dovecot to Cyrus, which has its own opinion of folders (`Junk`, all parents selectable).
#[test]
fn dovecot_to_cyrus() {
    let haul = Move::new(Host::Old, Host::Cyrus);
    haul.load(Recipe { large: 1, ..Recipe::small(13, 120, dovecots().old.layout) });
    let before = haul.from.snapshot();
    haul.mailhaul(&["run"]).expect(0);
    let place = |name: &str| if name == "spam" { "Junk".to_owned() } else { name.to_owned() };
    assert_moved(&before, &haul.to.snapshot(), place);
    assert_complete(&haul.report(), count(&before));
    haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
    haul.mailhaul(&["run"]).expect(0);
    assert_eq!(haul.report()["last_run"]["copied"], 0);
}

/// From Cyrus to Dovecot: roles by SPECIAL-USE on both sides.
#[test]
fn cyrus_to_dovecot() {
    let haul = Move::new(Host::Cyrus, Host::New);
    haul.load(Recipe::small(14, 120, dovecots().old.layout));
    haul.from
        .client()
        .append_one("Junk", &["\\Seen"], " 1-Feb-2020 10:00:00 +0100", &corpus::simple("junk", "x"))
        .unwrap();
    let before = haul.from.snapshot();
    haul.mailhaul(&["run"]).expect(0);
    // `spam` is an ordinary folder here: the server says that `Junk` is the one for junk.
    let place = |name: &str| match name {
        "Sent" => "Sent Items".to_owned(),
        "Trash" => "Deleted Items".to_owned(),
        "Junk" => "Junk Email".to_owned(),
        other => other.to_owned(),
    };
    assert_moved(&before, &haul.to.snapshot(), place);
    assert_complete(&haul.report(), count(&before));
    haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
}

/// Between two servers that ask for STARTTLS.
#[test]
fn starttls() {
    let haul = Move::loaded(15, 30);
    haul.rewrite(|spec| {
        spec.source = Side::starttls(haul.from.plain_port(), &dovecots().certs.ca);
        spec.target = Side::starttls(haul.to.plain_port(), &dovecots().certs.ca);
    });
    haul.mailhaul(&["run"]).expect(0);
    assert_moved(&haul.from.snapshot(), &haul.to.snapshot(), usual);
}

/// Clear text is refused unless the file allows it in so many words.
#[test]
fn clear_text_only_when_allowed() {
    let haul = Move::loaded(16, 20);
    let plain = |extra: &str| {
        let clear = |port| Side {
            tls: "none",
            ca: None,
            extra: extra.to_owned(),
            ..Side::tls(port, &dovecots().certs.ca)
        };
        haul.rewrite(|spec| {
            spec.source = clear(haul.from.plain_port());
            spec.target = clear(haul.to.plain_port());
        });
    };
    plain("");
    haul.mailhaul(&["run"]).expect(2).says(&["mailhaul.toml:", "allow_cleartext"]);
    assert_eq!(count(&haul.to.snapshot()), 0);
    plain("allow_cleartext = true\n");
    haul.mailhaul(&["run"]).expect(0);
    assert_moved(&haul.from.snapshot(), &haul.to.snapshot(), usual);
}

/// Passwords with everything that means something to IMAP, CSV or TOML.
#[test]
fn odd_passwords() {
    for (index, password) in
        ["quote\" back\\slash", "comma, {5} %41 ()*", "pä55wörd 日本", " spaces at both ends "]
            .iter()
            .enumerate()
    {
        let from = Account::special(Host::Old, User::new(&format!("odd{index}@old.example"), password));
        let to = Account::special(Host::New, User::new(&format!("odd{index}@new.example"), password));
        let haul = Move::between(from, to);
        haul.load(Recipe::small(17, 5, dovecots().old.layout));
        haul.mailhaul(&["run"]).expect(0);
        assert_moved(&haul.from.snapshot(), &haul.to.snapshot(), usual);
    }
}

/// Without the users' passwords: an admin's log-in with a pattern, his password from the environment.
#[test]
fn admin_log_in_by_pattern() {
    let haul = Move::loaded(18, 20);
    haul.rewrite(|spec| {
        spec.source.extra = format!(
            "admin_user = \"{0}\"\nuser_pattern = \"{{user}}*{0}\"\nadmin_password = {{ env = \"LAB_MASTER\" }}\n",
            MASTER.0
        );
    });
    let row = format!(
        "source_user,target_user,target_password\n{},{},{}\n",
        haul.from.user, haul.to.user, haul.to.password
    );
    std::fs::write(haul.file("mailboxes.csv"), row).unwrap();
    haul.mailhaul(&["run"]).expect(2).says(&["LAB_MASTER"]);
    haul.command(&["run"]).env("LAB_MASTER", MASTER.1).run().expect(0);
    assert_moved(&haul.from.snapshot(), &haul.to.snapshot(), usual);
}

/// Mail that is on the target already, from whatever earlier attempt, is recognised by its content: nothing
/// twice, and of three identical copies three arrive.
#[test]
fn mail_already_there_is_not_doubled() {
    let haul = Move::usual();
    let mailbox = haul.load(Recipe::small(19, 80, dovecots().old.layout).odd());
    let mut there = haul.to.client();
    let mut adopted = 0;
    for folder in &mailbox.folders {
        let name = usual(&folder.name);
        if !["INBOX", "Sent Items"].contains(&name.as_str()) {
            there.create(&name).ok();
        }
        // Every other message, among them one of the three identical copies.
        for mail in folder.mails.iter().step_by(2) {
            let flags: Vec<&str> = mail.flags.iter().map(String::as_str).collect();
            there.append_one(&name, &flags, &mail.date, &mail.raw).unwrap();
            adopted += 1;
        }
    }
    let before = haul.from.snapshot();
    haul.mailhaul(&["run"]).expect(0);
    assert_same_mail(&before, &haul.to.snapshot(), usual);
    let report = haul.report();
    assert_complete(&report, count(&before));
    assert_eq!(report["totals"]["already_present"], adopted, "{report:#}");
    haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
}

/// Mail that comes between two runs is brought by the second; mail deleted at the source stays on the target.
#[test]
fn a_second_run_brings_what_is_new() {
    let haul = Move::loaded(20, 60);
    haul.mailhaul(&["run"]).expect(0);
    let first = haul.to.snapshot();
    let mut client = haul.from.client();
    for n in 0..3 {
        let body = corpus::simple(&format!("late {n}"), "came afterwards");
        client.append_one("INBOX", &["\\Flagged", "$Label1"], " 2-Jul-2024 08:00:00 +0200", &body).unwrap();
    }
    client.create("Später/neu").unwrap();
    client.append_one("Später/neu", &[], " 3-Jul-2024 08:00:00 +0200", &corpus::simple("late", "x")).unwrap();
    haul.mailhaul(&["run"]).expect(0);
    assert_moved(&haul.from.snapshot(), &haul.to.snapshot(), usual);
    let report = haul.report();
    assert_eq!(report["last_run"]["copied"], 4, "{report:#}");
    assert_complete(&report, count(&haul.from.snapshot()));

    let uid = client.folder("INBOX").unwrap()[0].uid;
    client.delete("INBOX", uid).unwrap();
    haul.mailhaul(&["run"]).expect(0);
    let report = haul.report();
    assert_sums(&report);
    assert_eq!(report["totals"]["gone_at_source"], 1, "{report:#}");
    assert_eq!(count(&haul.to.snapshot()), count(&first) + 4, "the target is only ever added to");
}

/// What the operator leaves out on purpose is counted as skipped, message by message, with the rule; the rest
/// arrives, and the move is complete.
#[test]
fn what_the_operator_leaves_out() {
    let haul = Move::usual();
    let mut client = haul.from.client();
    let big = corpus::simple("big", &"x".repeat(60_000));
    let small = |subject: &str| corpus::simple(subject, "small");
    client.append_one("INBOX", &[], " 1-Jun-2015 12:00:00 +0000", &small("old")).unwrap();
    client.append_one("INBOX", &[], " 1-Jun-2021 12:00:00 +0000", &big).unwrap();
    client.append_one("INBOX", &["\\Deleted"], " 2-Jun-2021 12:00:00 +0000", &small("deleted")).unwrap();
    client.append_one("INBOX", &["\\Seen"], " 3-Jun-2021 12:00:00 +0000", &small("kept")).unwrap();
    let uids: Vec<u32> = client.folder("INBOX").unwrap().iter().map(|m| m.uid).collect();
    haul.rewrite(|spec| {
        spec.extra = "[select]\nsince = 2019-01-01\nmax_size = \"50 KiB\"\ndeleted = \"skip\"\n".to_owned();
    });
    haul.mailhaul(&["run"]).expect(0);
    let there = haul.to.client().folder("INBOX").unwrap();
    assert_eq!(there.len(), 1);
    assert_eq!(there[0].moved(), client.folder("INBOX").unwrap()[3].moved());
    let report = haul.report();
    assert_complete(&report, 4);
    assert_eq!(
        (&report["totals"]["skipped"], &report["totals"]["copied"]),
        (&3.into(), &1.into()),
        "{report:#}"
    );
    let exceptions = report["mailboxes"][0]["exceptions"].as_array().cloned().unwrap_or_default();
    for uid in &uids[..3] {
        let one =
            exceptions.iter().find(|e| e["uid"] == *uid).unwrap_or_else(|| panic!("no {uid} in {report:#}"));
        assert_eq!((&one["outcome"], &one["folder"]), (&"skipped".into(), &"INBOX".into()), "{one:#}");
        assert!(one["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{one:#}");
    }
    // The rule is taken back: the same command brings the rest.
    haul.rewrite(|_| ());
    haul.mailhaul(&["run"]).expect(0);
    assert_same_mail(&haul.from.snapshot(), &haul.to.snapshot(), usual);
    assert_eq!(haul.report()["last_run"]["copied"], 3);
}

/// Several mailboxes in one project, and `--only`.
#[test]
fn several_mailboxes_and_only_one() {
    let (one, two) = (Move::loaded(21, 40), Move::loaded(22, 30));
    one.rewrite(|spec| spec.mailboxes.push(pair(&two.from, &two.to)));
    one.mailhaul(&["run", "--only", &two.from.user]).expect(0);
    assert_eq!(count(&one.to.snapshot()), 0, "--only touches no other mailbox");
    assert_moved(&two.from.snapshot(), &two.to.snapshot(), usual);
    assert_eq!(one.report()["verdict"], "incomplete");
    one.mailhaul(&["report"]).expect(0).says(&["1 of 2 mailboxes of the list"]);
    one.mailhaul(&["status"]).expect(0).says(&["1 listed"]);
    one.mailhaul(&["run"]).expect(0);
    assert_moved(&one.from.snapshot(), &one.to.snapshot(), usual);
    let report = one.report();
    assert_eq!(report["totals"]["mailboxes"], 2);
    assert_complete(&report, count(&one.from.snapshot()) + count(&two.from.snapshot()));
    one.mailhaul(&["run", "--only", "nobody@old.example"]).expect(2).says(&["nobody@old.example"]);
}

/// Two runs of one project at the same time: one works, the other says why it does not.
#[test]
fn two_runs_at_once_do_not_double() {
    let haul = Move::loaded(23, 60);
    let (one, two) = (haul.command(&["run"]).spawn(), haul.command(&["run"]).spawn());
    let codes = [one.wait(), two.wait()];
    assert!(codes.iter().any(|outcome| outcome.code == Some(0)), "{}\n{}", codes[0].told(), codes[1].told());
    haul.mailhaul(&["run"]).expect(0);
    assert_moved(&haul.from.snapshot(), &haul.to.snapshot(), usual);
}
