//! Folders outside the namespace, names that read alike, and advice that can be typed.
//!
//! Also folders that are called otherwise on the target; and what a sentence advises is typed as it stands.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

use mailhaul_lab::corpus;
use mailhaul_lab::dovecot::{Dovecot, DovecotOptions, User};
use mailhaul_lab::imap::Client;
use mailhaul_lab::project::{Pair, Side, Spec};
use mailhaul_lab::runner::Mailhaul;
use mailhaul_lab::workdir;

use crate::support::compare::{assert_complete, assert_sums, folder};
use crate::support::fake_servers::FakeServers;
use crate::support::mail_servers::{Account, Host, Move, dovecots, json};

const DATE: &str = " 5-May-2021 05:05:05 +0500";

fn put(client: &mut Client, folder: &str, messages: usize) {
    client.create(folder).ok();
    for n in 1..=messages {
        client.append_one(folder, &["\\Seen"], DATE, &corpus::simple("plain", &format!("text {n}"))).unwrap();
    }
}

/// Puts messages into a folder of a store of Dovecot's, as its owner.
fn deliver(owner: &Path, store: &Path, folder: &str, messages: usize) {
    let owner = fs::metadata(owner).unwrap();
    let own = |path: &Path| chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
    let folder = store.join(folder);
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(part)).unwrap();
        own(&folder.join(part));
    }
    own(store);
    own(&folder);
    for n in 1..=messages {
        let file = folder.join("cur").join(format!("1620000000.{n}.lab:2,S"));
        fs::write(&file, corpus::simple("beside", &format!("text {n}"))).unwrap();
        own(&file);
    }
}

/// The lines of the first rule that a text advises, each as it stands there.
#[track_caller]
fn advised(text: &str) -> String {
    let (_, rule) = text.split_once("`[[folders]]`, `").unwrap_or_else(|| panic!("no rule in {text}"));
    let (from, rest) = rule.split_once("`, `").unwrap();
    let (to, _) = rest.split_once('`').unwrap();
    format!("[[folders]]\n{from}\n{to}\n")
}

/// A source with a namespace that is shared and one that is listed and told nowhere, beside the mailbox's
/// own.
#[test]
fn namespaces_of_a_dovecot() {
    let shared = workdir::folder("shared");
    let mut options = DovecotOptions::cpanel().user(User::new("anna@old.example", "pw"));
    for (name, kind, prefix, location, hidden) in [
        ("shared", "public", "Shared.", format!("maildir:{}", shared.display()), "no"),
        ("beside", "private", "Old.", "maildir:~/Old".to_owned(), "yes"),
    ] {
        writeln!(
            options.extra,
            "namespace {name} {{\n  type = {kind}\n  prefix = {prefix}\n  separator = .\n  location = {location}\n  \
             list = yes\n  hidden = {hidden}\n  subscriptions = no\n}}"
        )
        .unwrap();
    }
    let source = Dovecot::start(&options, &dovecots().certs);
    let target = Account::new(Host::New);
    let mut client = source.client("anna@old.example");
    put(&mut client, "INBOX", 1);
    put(&mut client, "Old", 2);
    // A client of the laboratory's names folders within the mailbox only.
    let maildir = source.maildir("anna@old.example");
    deliver(&maildir, &maildir.with_file_name("Old"), ".2019", 3);
    deliver(&maildir, &shared, ".News", 4);
    let project = workdir::folder("p");
    let sides = || (Side::tls(source.tls_port, &dovecots().certs.ca), target.side());
    let pair = || Pair::new(("anna@old.example", "pw"), (&target.user, &target.password));
    let write = |rules: &str| {
        let (from, to) = sides();
        Spec::new(from, to, vec![pair()]).extra(rules).write(&project);
    };
    let mailhaul = |arguments: &[&str]| Mailhaul::new(&project).args(arguments).run();
    write("");
    mailhaul(&["plan"]).expect(0).says(&["/Old/2019", "/Shared/News", "left out", "another namespace"]);
    let outside = ["/Old/2019 (3 messages)", "/Shared/News (4 messages)", "another namespace"];
    let run = mailhaul(&["run"]).expect(3).says(&outside);
    let report = json(&mailhaul(&["report", "--format", "json"]).expect(0));
    assert_sums(&report);
    assert_eq!((&report["totals"]["copied"], &report["verdict"]), (&3.into(), &"incomplete".into()));
    let left = &report["mailboxes"][0]["left_out"];
    let named: Vec<&str> = left.as_array().unwrap().iter().map(|f| f["folder"].as_str().unwrap()).collect();
    assert!(named.contains(&"/Old/2019") && named.contains(&"/Shared/News"), "{left:#}");
    mailhaul(&["report", "--format", "text"]).expect(0).says(&["/Old/2019", "/Shared/News"]);
    mailhaul(&["report", "--format", "html"]).expect(0).says(&["/Old/2019", "/Shared/News"]);
    mailhaul(&["verify"]).expect(3).says(&["/Old/2019"]);
    // The rule is typed as it is told; others' stay where they are.
    write(&advised(&run.told()));
    mailhaul(&["run"]).expect(0);
    let report = json(&mailhaul(&["report", "--format", "json"]).expect(0));
    assert_complete(&report, 6);
    assert_eq!(folder(&report, "/Old/2019")["target"], "Old/2019");
    mailhaul(&["verify", "--depth", "full"]).expect(0);
    assert_eq!(target.snapshot()["Old/2019"].len(), 3);
    mailhaul(&["undo", "--yes"]).expect(0);
    assert_eq!(target.client().count_all().unwrap(), 0);
}

/// Every rule that a plan's conflict advises is typed into the project file, and then all mail goes.
#[test]
fn the_rule_that_a_conflict_advises_is_typed() {
    for (folders, messages) in [
        (&["Entw&APw-rfe", "Entwürfe"][..], 2),
        (&["R&-D", "R&D"], 2),
        (&["a&AAk-b", "a_b"], 2),
        (&["x \"y\" it's&AAk-", "x \"y\" it's_"], 2),
        (&["back\\slash&AAc-", "back\\slash_"], 2),
        (&["star*&AAc-", "star*_"], 2),
        (&["e&IC4-", "e"], 2),
    ] {
        let fakes = FakeServers::new();
        folders.iter().for_each(|name| fakes.load(name, 1));
        let mut rules = String::new();
        let outcome = fakes.mailhaul(&["run"]);
        if outcome.code != Some(0) {
            rules = advised(&outcome.told());
        }
        fakes.spec().extra(&rules).write(&fakes.folder);
        fakes.mailhaul(&["run"]).expect(0);
        assert_complete(&fakes.report(), messages);
        fakes.mailhaul(&["verify", "--depth", "full"]).expect(0);
        fakes.mailhaul(&["run"]).expect(0);
        let there =
            fakes.target.store(|store| store.folders.values().map(|f| f.messages.len()).sum::<usize>());
        assert_eq!(there as u64, messages as u64, "{folders:?}");
    }
}

/// What is marked for the other direction is shown by its number, can be typed so, and is no false alarm.
#[test]
fn a_name_with_a_mark_is_shown_typed_and_compared() {
    for target in [Host::New, Host::Cyrus] {
        let haul = Move::new(Host::New, target);
        put(&mut haul.from.client(), "gpj\u{202e}exe", 2);
        put(&mut haul.from.client(), "a\u{200b}b", 1);
        haul.mailhaul(&["plan"]).expect(0).says(&["gpj\\u{202e}exe", "a\\u{200b}b"]);
        haul.mailhaul(&["plan", "--explain", "gpj\\u{202e}exe"]).expect(0);
        haul.rewrite(|spec| {
            spec.extra = "[[folders]]\nfrom = 'gpj\\u{202e}exe'\nto = 'Bilder\\u{202e}x'\n".to_owned();
        });
        haul.mailhaul(&["run"]).expect(0);
        haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
        let there = haul.to.snapshot();
        assert_eq!((there["Bilder\u{202e}x"].len(), there["a\u{200b}b"].len()), (2, 1), "{:?}", there.keys());
        haul.mailhaul(&["undo", "--yes"]).expect(0);
        assert_eq!(haul.to.client().count_all().unwrap(), 0);
    }
}

/// A folder called INBOX below the prefix is one of its own, or nobody's: never the inbox.
#[test]
fn an_inbox_below_the_prefix() {
    for target in [Host::Old, Host::Courier] {
        if target == Host::Courier && crate::support::mail_servers::courier().is_none() {
            continue;
        }
        let haul = Move::new(Host::New, target);
        put(&mut haul.from.client(), "INBOX", 1);
        let mut client = haul.from.client();
        if client.create("INBOX/INBOX").is_err() {
            continue;
        }
        put(&mut client, "INBOX/INBOX", 2);
        let outcome = haul.mailhaul(&["run"]);
        let inbox = haul.to.client().count("INBOX").unwrap();
        assert_eq!(inbox, 1, "{}", outcome.told());
        if outcome.code == Some(0) {
            assert_complete(&haul.report(), 3);
            haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
        } else {
            haul.mailhaul(&["verify", "--depth", "full"]).expect(3);
        }
        haul.mailhaul(&["undo", "--yes"]).expect(0);
        assert_eq!(haul.to.client().count("INBOX").unwrap(), 0);
    }
}
