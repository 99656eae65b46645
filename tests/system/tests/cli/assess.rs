//! `assess`: sizes, risks and time before a date is promised, in four formats, and resumed.

use std::fs;
use std::time::Duration;

use mailhaul_lab::corpus;
use mailhaul_lab::dovecot::{Dovecot, DovecotOptions, User};
use mailhaul_lab::project::{Pair, Side, Spec};
use mailhaul_lab::runner::Mailhaul;
use mailhaul_lab::workdir;
use serde_json::Value;

use crate::support::fake_servers::{FakeServers, Gate};
use crate::support::mail_servers::{Account, Host, at, dovecots, json};

const OLD: &str = " 5-May-2019 05:05:05 +0000";

/// A message of so many bytes, about.
fn large(bytes: usize) -> Vec<u8> {
    let line = "sixty-four characters of text that nobody will ever want to read\r\n";
    corpus::simple("large", &line.repeat(bytes / line.len()))
}

/// Returns what is said of the mailbox of this source log-in.
fn mailbox<'a>(document: &'a Value, user: &str) -> &'a Value {
    let all = document["mailboxes"].as_array().unwrap();
    all.iter().find(|one| one["mailbox"] == user).unwrap_or_else(|| panic!("no {user}: {document:#}"))
}

fn codes(mailbox: &Value) -> Vec<&str> {
    mailbox["reasons"].as_array().unwrap().iter().map(|reason| reason["code"].as_str().unwrap()).collect()
}

/// Four mailboxes: one over the target's limit with an old folder, one larger than its quota, one empty, one
/// whose password is wrong. In every format, and continued once the password is right.
#[test]
fn four_mailboxes_in_four_formats() {
    let [bob, cem, eve, dora] = [(); 4].map(|()| Account::new(Host::Old));
    let new = |name: &str| User::new(name, "word");
    let mut options = DovecotOptions::slash();
    options.extra = "imap_capability = +APPENDLIMIT=65536\n".to_owned();
    for user in [new("bob@new"), new("cem@new").quota(100), new("eve@new"), new("dora@new")] {
        options = options.user(user);
    }
    let target = Dovecot::start(&options, &dovecots().certs);

    let mut client = bob.client();
    client.append_one("INBOX", &[], OLD, &corpus::simple("small", "text")).unwrap();
    client.append_one("INBOX", &[], " 5-Nov-2026 05:05:05 +0000", &large(300_000)).unwrap();
    client.create("Projects").unwrap();
    client.append_one("Projects", &[], OLD, &corpus::simple("old", "text")).unwrap();
    let mut client = cem.client();
    for _ in 0..5 {
        client.append_one("INBOX", &[], " 5-Nov-2026 05:05:05 +0000", &large(50_000)).unwrap();
    }
    let folder = workdir::folder("p");
    let write = |password: &str| {
        let row = |from: &Account, password: &str, to: &str| Pair::new((&from.user, password), (to, "word"));
        let rows = vec![
            row(&bob, &bob.password, "bob@new"),
            row(&cem, &cem.password, "cem@new"),
            row(&eve, &eve.password, "eve@new"),
            row(&dora, password, "dora@new"),
        ];
        Spec::new(bob.side(), Side::tls(target.tls_port, &dovecots().certs.ca), rows).write(&folder);
    };
    write("not-the-password");

    let outcome = at(&folder, &["assess"]).expect(4).hides("not-the-password").hides(&bob.password);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{}", outcome.told());
    let place =
        |text: &str| outcome.stdout.find(text).unwrap_or_else(|| panic!("no {text}: {}", outcome.told()));
    assert!(place("auth-refused") < place("over-limit"), "the gravest first: {}", outcome.told());
    assert!(place(&cem.user) < place(&eve.user), "{}", outcome.told());
    for said in [
        "over-quota:",
        "source-stopped:",
        "What IMAP does not carry",
        "assumed:",
        "Sieve",
        "1 folder has had no mail",
        "Projects",
        "new host: ",
    ] {
        assert!(outcome.stdout.contains(said), "{said}: {}", outcome.told());
    }

    let document = json(&at(&folder, &["assess", "--format", "json"]).expect(4));
    let one = |account: &Account| mailbox(&document, &account.user);
    assert_eq!(codes(one(&bob)), ["over-limit"]);
    assert_eq!(one(&bob)["messages"]["over_limit"]["messages"], 1);
    assert!(
        one(&bob)["reasons"][0]["sentence"].as_str().unwrap().ends_with(": it is in INBOX"),
        "{document:#}"
    );
    assert_eq!(one(&bob)["messages"]["largest"]["folder"], "INBOX");
    assert!(one(&bob)["messages"]["newest"].as_str().unwrap().starts_with("2026-11-05T05:05:05"));
    assert_eq!(one(&bob)["messages"]["old_folders"]["first"], serde_json::json!(["Projects"]));
    assert_eq!(
        (&one(&bob)["target"]["append_limit"], &one(&bob)["source"]["messages"]),
        (&65_536.into(), &3.into())
    );
    let size: u64 = cem.snapshot()["INBOX"].iter().map(|message| message.size).sum();
    assert_eq!(one(&cem)["source"]["bytes"], size);
    assert_eq!(one(&cem)["target"]["quota"]["limit"], 102_400);
    assert_eq!((codes(one(&cem)), &one(&cem)["risk"]), (vec!["over-quota"], &"high".into()));
    assert_eq!((&one(&eve)["risk"], &one(&eve)["source"]["messages"]), (&"low".into(), &0.into()));
    assert_eq!(codes(one(&dora)), ["source-stopped"]);
    assert_eq!(document["totals"]["high"], 2, "{document:#}");
    assert!(document["forecast"]["sentence"].as_str().unwrap().contains("under a minute"), "{document:#}");

    // The password is right now: that mailbox is read, the others are known.
    write(&dora.password);
    let outcome = at(&folder, &["assess", "--out", "offer.csv"])
        .expect(0)
        .says(&["3 mailboxes were read earlier", "wrote offer.csv"]);
    assert_eq!(outcome.stdout, "");
    let table = fs::read_to_string(folder.join("offer.csv")).unwrap();
    assert_eq!(table.lines().count(), 5, "{table}");
    assert!(table.starts_with("\u{feff}mailbox,risk,reasons,folders,messages,bytes,"), "{table}");
    at(&folder, &["assess", "--out", "client.html", "--again"]).expect(0).says(&["wrote client.html"]);
    let page = fs::read_to_string(folder.join("client.html")).unwrap();
    for said in ["<!DOCTYPE html>", "Content-Security-Policy", &cem.user, "What does not move with the mail"]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    for operators in ["mailhaul run", "mailhaul provision", "[limits]", "auth-refused", "`"] {
        let (_, said) = page.split_once("</style>").unwrap();
        assert!(!said.contains(operators), "{operators}: {page}");
    }
    at(&folder, &["status"]).expect(0);
    assert_eq!(json(&at(&folder, &["status", "--format", "json"]).expect(0))["runs"][0]["kind"], "assess");
}

/// No target host, no target password: an offer is written before there is a new host.
#[test]
fn the_source_s_log_ins_are_enough() {
    let from = Account::new(Host::Old);
    from.client().append_one("INBOX", &[], OLD, &corpus::simple("one", "text")).unwrap();
    let folder = workdir::folder("p");
    let spec = Spec::new(from.side(), from.side(), vec![]);
    spec.write(&folder);
    let toml = fs::read_to_string(folder.join("mailhaul.toml")).unwrap();
    let (head, rest) = toml.split_once("[target]").unwrap();
    let (_, mailboxes) = rest.split_once("[mailboxes]").unwrap();
    fs::write(folder.join("mailhaul.toml"), format!("{head}[mailboxes]{mailboxes}")).unwrap();
    let row = format!("source_user,source_password,target_user\n{0},{1},{0}\n", from.user, from.password);
    fs::write(folder.join("mailboxes.csv"), row).unwrap();
    let outcome = at(&folder, &["assess"]).expect(0);
    assert!(outcome.stdout.contains("1 mailbox, "), "{}", outcome.told());
    let document = json(&at(&folder, &["assess", "--format", "json"]).expect(0));
    assert_eq!(
        (&document["mailboxes"][0]["target"], &document["mailboxes"][0]["risk"]),
        (&Value::Null, &"low".into())
    );
    at(&folder, &["check"]).expect(2).says(&["no target host"]);
}

/// A project of so many mailboxes between two servers that let anybody in.
fn fleet(fakes: &FakeServers, mailboxes: usize) {
    let pair = |n: usize| {
        let (old, new) = (format!("u{n:04}@old.example"), format!("u{n:04}@new.example"));
        Pair::new((&old, "a"), (&new, "b"))
    };
    let mut spec = fakes.spec();
    spec.mailboxes = (0..mailboxes).map(pair).collect();
    spec.write(&fakes.folder);
}

#[test]
fn broken_off_and_continued() {
    let fakes = FakeServers::loaded(3);
    fleet(&fakes, 40);
    // Those that are under way when it is held are the ones that are missing.
    fakes.mailhaul(&["assess", "--only", "u0000@old.example", "--out", "first.json"]).expect(0);
    let gate = Gate::hold(&fakes.source, "EXAMINE");
    let running = Mailhaul::new(&fakes.folder).args(["assess"]).spawn();
    gate.wait();
    running.interrupt();
    let outcome = running.wait().expect(130).says(&["Not complete: ", "39 mailboxes not read yet"]);
    assert!(outcome.elapsed < Duration::from_secs(20), "{:?}", outcome.elapsed);
    gate.open();
    fakes.source.manners(|m| m.on_command = Box::new(|_| mailhaul_lab::fake::Verdict::Go));
    fakes.source.forget();
    let outcome = fakes.mailhaul(&["assess", "--format", "csv"]).expect(0);
    let opened = fakes.source.heard().iter().filter(|line| line.starts_with("EXAMINE")).count();
    assert_eq!(opened, 39, "what was read is not read again");
    assert_eq!(outcome.stdout.lines().count(), 41);
    fakes.source.forget();
    fakes.mailhaul(&["assess", "--format", "json"]).expect(0);
    assert_eq!(fakes.source.heard(), Vec::<String>::new(), "all of it is known");
}

/// A thousand mailboxes in one go, in the build that the tests have: the figure is printed.
#[test]
fn a_thousand_mailboxes() {
    let fakes = FakeServers::loaded(20);
    fakes.load("Sent", 10);
    fleet(&fakes, 1_000);
    let outcome = fakes.mailhaul(&["assess", "--out", "fleet.json"]).expect(0);
    println!("1,000 mailboxes with 30 messages each, without a round-trip time: {:?}", outcome.elapsed);
    assert!(outcome.elapsed < Duration::from_secs(120), "{:?}", outcome.elapsed);
    let document: Value =
        serde_json::from_slice(&fs::read(fakes.folder.join("fleet.json")).unwrap()).unwrap();
    assert_eq!(
        (&document["totals"]["read"], &document["totals"]["messages"]),
        (&1_000.into(), &30_000.into())
    );
    let text = fakes.mailhaul(&["assess"]).expect(0).stdout;
    assert!(text.lines().count() < 60, "what is of low risk is left to the other forms: {text}");
}
