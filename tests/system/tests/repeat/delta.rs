//! Runs after the first: what they cost, bring, and leave alone.
//!
//! They cost what changed, bring what changed, and leave alone what the new mailbox's user did.

use std::time::Duration;

use mailhaul_lab::corpus::{self, Recipe};
use mailhaul_lab::imap::{Client, Message};
use mailhaul_lab::maildir;
use mailhaul_lab::proxy::Proxy;

use crate::support::compare::{assert_complete, assert_same_mail, assert_sums, count, differences, folder};
use crate::support::fake_servers::FakeServers;
use crate::support::mail_servers::{Host, Move, dovecots};

/// Proxies between mailhaul and both ends of a move.
fn proxies(haul: &Move) -> (Proxy, Proxy) {
    let (from, to) = (Proxy::start(haul.from.tls_port()), Proxy::start(haul.to.tls_port()));
    haul.rewrite(|spec| {
        spec.source.port = from.port;
        spec.target.port = to.port;
    });
    (from, to)
}

fn append(client: &mut Client, folder: &str, subject: &str) {
    client.append_one(folder, &[], " 2-Jul-2024 08:00:00 +0200", &corpus::simple(subject, "text")).unwrap();
}

fn find(client: &mut Client, folder: &str, sha256: &str) -> Message {
    let all = client.folder(folder).unwrap();
    all.into_iter().find(|m| m.sha256 == sha256).unwrap_or_else(|| panic!("{sha256} is not in {folder}"))
}

/// Twenty folders that nobody touched: no folder is opened on either end, and the whole run is a few round
/// trips.
#[test]
fn an_unchanged_mailbox_costs_a_few_round_trips() {
    for host in [Host::New, Host::Cyrus] {
        let haul = Move::new(Host::Old, host);
        let mut client = haul.from.client();
        for n in 0..20 {
            let folder = format!("Folder {n:02}");
            client.create(&folder).unwrap();
            append(&mut client, &folder, "one");
            append(&mut client, &folder, "two");
        }
        let (from, to) = proxies(&haul);
        haul.mailhaul(&["run"]).expect(0);
        let before = (from.round_trips(), to.round_trips());
        haul.mailhaul(&["run"]).expect(0);
        let trips = (from.round_trips() - before.0, to.round_trips() - before.1);
        assert!(trips.0 + trips.1 <= 30, "{host:?}: {trips:?} round trips for a mailbox that did not change");
        let report = haul.report();
        assert_complete(&report, 40);
        assert_eq!(report["last_run"]["copied"], 0);
    }
}

/// A first move of many small messages over a long way: the waits are those of the folders, not of the
/// messages.
#[test]
fn a_first_move_of_small_mail_waits_for_few_round_trips() {
    let haul = Move::loaded(41, 300);
    let (from, to) = proxies(&haul);
    let messages = count(&haul.from.snapshot());
    haul.mailhaul(&["run"]).expect(0);
    assert_complete(&haul.report(), messages);
    let (from, to) = (from.round_trips(), to.round_trips());
    // Both ends wait at the same time for most of it; each folder takes a handful of each.
    assert!(from < 64 && to < 70, "{from} round trips at the source, {to} at the target");
}

/// Flags that change at the source are brought over; flags that the user changed on the new host stay.
#[test]
fn flags_follow_and_the_user_s_own_stay() {
    for host in [Host::New, Host::Cyrus] {
        let haul = Move::new(Host::Old, host);
        let mut old = haul.from.client();
        for subject in ["a", "b", "c"] {
            append(&mut old, "INBOX", subject);
        }
        haul.mailhaul(&["run"]).expect(0);
        let uids: Vec<Message> = old.folder("INBOX").unwrap();
        let mut new = haul.to.client();
        // The user flags b and reads c on the new host; at the source a is read, b answered, c gets a
        // keyword.
        let there = |client: &mut Client, n: usize| find(client, "INBOX", &uids[n].sha256).uid;
        let (b, c) = (there(&mut new, 1), there(&mut new, 2));
        new.store("INBOX", b, "+FLAGS", &["\\Flagged"]).unwrap();
        new.store("INBOX", c, "+FLAGS", &["\\Seen"]).unwrap();
        old.store("INBOX", uids[0].uid, "+FLAGS", &["\\Seen"]).unwrap();
        old.store("INBOX", uids[1].uid, "+FLAGS", &["\\Answered"]).unwrap();
        old.store("INBOX", uids[2].uid, "+FLAGS", &["$Work"]).unwrap();
        haul.mailhaul(&["run"]).expect(0);
        let flags = |client: &mut Client, n: usize| find(client, "INBOX", &uids[n].sha256).flags;
        assert_eq!(flags(&mut new, 0), ["\\Seen"], "{host:?}");
        assert_eq!(flags(&mut new, 1), ["\\Answered", "\\Flagged"], "{host:?}");
        assert_eq!(flags(&mut new, 2), ["$Work", "\\Seen"], "{host:?}");
        // And taken away again.
        old.store("INBOX", uids[0].uid, "-FLAGS", &["\\Seen"]).unwrap();
        old.store("INBOX", uids[2].uid, "-FLAGS", &["$Work"]).unwrap();
        haul.mailhaul(&["run"]).expect(0);
        assert!(flags(&mut new, 0).is_empty(), "{host:?}");
        assert_eq!(flags(&mut new, 2), ["\\Seen"], "{host:?}: the user has read it");
        assert_eq!(haul.report()["last_run"]["copied"], 0);
    }
}

/// In a folder of many messages what changed is asked for, not everything.
#[test]
fn a_large_folder_is_asked_for_what_changed() {
    let haul = Move::usual();
    let mut old = haul.from.client();
    let flags: Vec<String> = Vec::new();
    let bodies: Vec<Vec<u8>> = (0..700).map(|n| corpus::simple(&format!("number {n}"), "x")).collect();
    let messages: Vec<_> = bodies
        .iter()
        .map(|body| mailhaul_lab::imap::Append { flags: &flags, date: " 2-Jul-2024 08:00:00 +0200", body })
        .collect();
    old.append("INBOX", &messages).unwrap();
    haul.mailhaul(&["run"]).expect(0);
    let uids = old.folder("INBOX").unwrap();
    old.store("INBOX", uids[10].uid, "+FLAGS", &["\\Seen"]).unwrap();
    old.delete("INBOX", uids[20].uid).unwrap();
    append(&mut old, "INBOX", "new");
    let (from, _to) = proxies(&haul);
    haul.rewrite(|spec| {
        spec.source.port = from.port;
        // The hooks look at everything; what is counted here is what the run itself asks.
        spec.extra = "[plugins]\nvalidation = []\n".to_owned();
    });
    haul.mailhaul(&["run"]).expect(0);
    let listed = from.passed(mailhaul_lab::proxy::Way::ToClient);
    assert!(listed < 40_000, "{listed} bytes from the source for three changes of 700 messages");
    let report = haul.report();
    assert_complete(&report, 700);
    assert_eq!((&report["last_run"]["copied"], &report["totals"]["gone_at_source"]), (&1.into(), &1.into()));
    let mut new = haul.to.client();
    assert_eq!(find(&mut new, "INBOX", &uids[10].sha256).flags, ["\\Seen"]);
    find(&mut new, "INBOX", &uids[20].sha256);
}

/// What the user of the new mailbox moved or deleted there is not sent again. Every run says so, and it is
/// nothing to mend.
#[test]
fn what_the_user_put_away_stays_away() {
    for host in [Host::New, Host::Cyrus] {
        let haul = Move::new(Host::Old, host);
        let mut old = haul.from.client();
        for n in 0..20 {
            append(&mut old, "INBOX", &format!("message {n}"));
        }
        haul.mailhaul(&["run"]).expect(0);
        let mut new = haul.to.client();
        let there = new.folder("INBOX").unwrap();
        new.delete("INBOX", there[0].uid).unwrap();
        new.create("Filed").unwrap();
        new.move_message("INBOX", there[1].uid, "Filed").unwrap();
        for _ in 0..2 {
            haul.mailhaul(&["run"]).expect(0);
            haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
            append(&mut old, "INBOX", "one more");
            haul.mailhaul(&["run"]).expect(0).says(&["2 notes found", "not sent again"]);
        }
        assert_eq!(new.folder("INBOX").unwrap().len(), 20, "{host:?}");
        let report = haul.report();
        assert_complete(&report, 22);
        let away: Vec<_> = differences(&report).into_iter().map(|(kind, ..)| kind).collect();
        assert_eq!(away, ["missing", "missing"], "{report:#}");

        // Half of it is no owner's doing, as far as anybody can tell.
        for message in &there[2..12] {
            new.delete("INBOX", message.uid).unwrap();
        }
        haul.mailhaul(&["run"])
            .expect(3)
            .says(&["12 differences", "ask the mailbox's owner"])
            .hides("mend what");
        haul.mailhaul(&["verify"]).expect(3);
        assert_eq!(new.folder("INBOX").unwrap().len(), 10);
        assert_eq!(haul.report()["last_run"]["copied"], 0);
    }
}

/// Hundreds of messages that change folders at the source change them on the target: nothing is sent twice,
/// and there is nothing to put away.
#[test]
fn a_move_at_the_source_is_a_move() {
    for (host, to) in [(Host::Old, Host::New), (Host::Old, Host::Cyrus), (Host::Cyrus, Host::Old)] {
        let haul = Move::new(host, to);
        let mut old = haul.from.client();
        old.create("Work").unwrap();
        let flags: Vec<String> = vec!["\\Seen".into()];
        let bodies: Vec<Vec<u8>> = (0..400).map(|n| corpus::simple(&format!("number {n}"), "x")).collect();
        let date = " 2-Jul-2024 08:00:00 +0200";
        let messages: Vec<_> =
            bodies.iter().map(|body| mailhaul_lab::imap::Append { flags: &flags, date, body }).collect();
        old.append("Work", &messages).unwrap();
        append(&mut old, "INBOX", "stays");
        haul.mailhaul(&["run"]).expect(0);
        let followed = |all: usize| {
            haul.mailhaul(&["run"]).expect(0);
            let report = haul.report();
            assert_complete(&report, all);
            assert_eq!(report["last_run"]["copied"], 0, "{host:?} to {to:?}: {report:#}");
            assert_eq!(report["totals"]["gone_at_source"], 0, "{report:#}");
            assert_same_mail(&haul.from.snapshot(), &haul.to.snapshot(), str::to_owned);
            haul.mailhaul(&["verify", "--depth", "full"]).expect(0).says(&["no difference"]);
            haul.mailhaul(&["run", "--delete-gone"]).expect(0);
            assert_eq!(haul.report()["totals"]["removed"], 0);
        };
        // One to another folder, and back again a run later.
        let uid = old.folder("Work").unwrap()[7].uid;
        old.move_message("Work", uid, "INBOX").unwrap();
        followed(401);
        let uid = old.folder("INBOX").unwrap()[1].uid;
        old.move_message("INBOX", uid, "Work").unwrap();
        followed(401);
        // All of them, to a folder that there was not, while other mail comes; and theirs is deleted.
        old.create("Archive").unwrap();
        old.move_all("Work", "Archive").unwrap();
        old.delete_folder("Work").unwrap();
        haul.mailhaul(&["run"]).expect(0).says(&["400 messages were moved to `Archive` at the source"]);
        let report = haul.report();
        assert_complete(&report, 401);
        assert_eq!(
            (&report["last_run"]["copied"], folder(&report, "Archive")["copied"].as_u64()),
            (&0.into(), Some(400))
        );
        haul.mailhaul(&["verify", "--depth", "full"]).expect(0).says(&["no difference"]);
        assert_eq!(haul.to.client().folder("Work").unwrap(), []);
        assert_eq!(haul.to.client().folder("Archive").unwrap().len(), 400);
        haul.mailhaul(&["undo", "--yes"]).expect(0);
        assert_eq!(count(&haul.to.snapshot()), 0, "{host:?} to {to:?}");
    }
}

/// Mail deleted at the source goes into quarantine only when asked, a few at a time, and only ours.
#[test]
fn delete_gone_quarantines_our_own_copies() {
    for host in [Host::New, Host::Cyrus] {
        let haul = Move::new(Host::Old, host);
        let mut old = haul.from.client();
        for n in 0..40 {
            append(&mut old, "INBOX", &format!("message {n}"));
        }
        let mut new = haul.to.client();
        // One was there already, and is deleted at the source later: it is not ours.
        new.append_one("INBOX", &[], " 2-Jul-2024 08:00:00 +0200", &corpus::simple("message 7", "text"))
            .unwrap();
        haul.mailhaul(&["run"]).expect(0);
        let uids = old.folder("INBOX").unwrap();
        for n in [5, 6, 7] {
            old.delete("INBOX", uids[n].uid).unwrap();
        }
        haul.mailhaul(&["run"]).expect(0);
        assert_eq!(new.folder("INBOX").unwrap().len(), 40, "without being asked nothing is removed");
        haul.mailhaul(&["run", "--delete-gone"]).expect(0).says(&["mailhaul-removed"]);
        assert_eq!(new.folder("INBOX").unwrap().len(), 38);
        find(&mut new, "INBOX", &uids[7].sha256);
        let mut put_away: Vec<String> =
            new.folder("mailhaul-removed").unwrap().into_iter().map(|m| m.sha256).collect();
        put_away.sort();
        let mut expected = [uids[5].sha256.clone(), uids[6].sha256.clone()];
        expected.sort();
        assert_eq!(put_away, expected, "{host:?}");
        let report = haul.report();
        assert_complete(&report, 37);
        assert_eq!(report["totals"]["removed"], 2, "{report:#}");

        for message in &uids[10..18] {
            old.delete("INBOX", message.uid).unwrap();
        }
        haul.mailhaul(&["run", "--delete-gone"]).expect(3).says(&["8 of 37"]);
        assert_eq!(new.folder("INBOX").unwrap().len(), 38, "too many at once: nothing is removed");
        assert_sums(&haul.report());
    }
}

/// A folder renamed at the source is recognised: its copies are moved on the target, nothing is sent again.
#[test]
fn a_rename_at_the_source_is_followed() {
    for (host, seed) in [(Host::Old, 1), (Host::Cyrus, 2)] {
        let to = if host == Host::Old { Host::New } else { Host::Old };
        let haul = Move::new(host, to);
        let mut old = haul.from.client();
        for name in ["Projekte", "Privat"] {
            old.create(name).unwrap();
            for n in 0..3 {
                append(&mut old, name, &format!("{name} {n} {seed}"));
            }
        }
        haul.mailhaul(&["run"]).expect(0);
        old.rename("Projekte", "Projekte 2024").unwrap();
        haul.mailhaul(&["plan"]).expect(0).says(&["called `Projekte` before", "not sent again"]);
        haul.mailhaul(&["run"]).expect(0);
        let report = haul.report();
        assert_eq!(report["last_run"]["copied"], 0, "{report:#}");
        assert_eq!(report["totals"]["gone_at_source"], 0, "{report:#}");
        assert_same_mail(&haul.from.snapshot(), &haul.to.snapshot(), str::to_owned);
        haul.mailhaul(&["run"]).expect(0);
        assert_same_mail(&haul.from.snapshot(), &haul.to.snapshot(), str::to_owned);
    }
}

/// A folder renamed on the target is followed: what comes goes there, nothing is sent again, and `undo` finds
/// its copies.
#[test]
fn a_rename_on_the_target_is_followed() {
    for to in [Host::New, Host::Cyrus] {
        let haul = Move::new(Host::Old, to);
        let mut old = haul.from.client();
        for name in ["Projekte", "Projekte/2023", "Privat"] {
            old.create(name).unwrap();
            for n in 0..3 {
                append(&mut old, name, &format!("{name} {n}"));
            }
        }
        haul.mailhaul(&["run"]).expect(0);
        let mut new = haul.to.client();
        new.rename("Projekte", "Kunden").unwrap();
        append(&mut old, "Projekte", "one more");
        haul.mailhaul(&["plan"])
            .expect(0)
            .says(&["`Projekte` goes to `Kunden`", "renamed `Projekte` on the target"]);
        let renamed = |path: &str| path.replacen("Projekte", "Kunden", 1);
        for (copied, all) in [(1, 10), (0, 10)] {
            haul.mailhaul(&["run"]).expect(0);
            let report = haul.report();
            assert_complete(&report, all);
            assert_eq!(report["last_run"]["copied"], copied, "{to:?}: {report:#}");
            assert_same_mail(&haul.from.snapshot(), &haul.to.snapshot(), renamed);
        }
        haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
        // Whoever renames it once more is followed once more.
        new.rename("Kunden", "Kunden alt").unwrap();
        append(&mut old, "Projekte/2023", "and another");
        haul.mailhaul(&["run"]).expect(0);
        assert_same_mail(&haul.from.snapshot(), &haul.to.snapshot(), |path| {
            path.replacen("Projekte", "Kunden alt", 1)
        });
        haul.mailhaul(&["undo", "--yes"]).expect(0);
        assert_eq!(count(&haul.to.snapshot()), 0, "{to:?}");
    }
}

/// A folder that was thrown into the trash of the new mailbox is neither filled there nor made again.
#[test]
fn a_target_folder_in_the_trash_stops_the_mailbox() {
    let haul = Move::usual();
    let mut old = haul.from.client();
    for name in ["Trash", "Work"] {
        old.create(name).unwrap();
        append(&mut old, name, &format!("in {name}"));
    }
    haul.mailhaul(&["run"]).expect(0);
    haul.to.client().rename("Work", "Deleted Items/Work").unwrap();
    let before = haul.to.snapshot();
    append(&mut old, "Work", "one more");
    haul.mailhaul(&["run"]).expect(3).says(&[
        "thrown away on the target",
        "Deleted Items/Work",
        "[[folders]]",
    ]);
    assert_eq!(haul.to.snapshot(), before);
}

/// A source that numbers its messages anew: they are found again by content, nothing is sent twice.
#[test]
fn new_numbers_at_the_source_are_matched_by_content() {
    let haul = Move::usual();
    haul.load(Recipe::small(43, 60, dovecots().old.layout).odd());
    haul.mailhaul(&["run"]).expect(0);
    let before = haul.to.snapshot();
    let source = haul.from.snapshot();
    maildir::lose_numbers(&dovecots().old.maildir(&haul.from.user));
    haul.mailhaul(&["run"]).expect(0).says(&["numbers its messages anew"]);
    assert_eq!(haul.to.snapshot(), before, "nothing is sent again");
    let report = haul.report();
    assert_complete(&report, count(&source));
    assert_eq!(report["last_run"]["copied"], 0);
    assert_eq!(report["totals"]["gone_at_source"], 0, "{report:#}");
    haul.mailhaul(&["run"]).expect(0);
    assert_eq!(haul.to.snapshot(), before);
}

/// A target folder that was deleted and made again: what the ledger knows of the old one is void, what the
/// new one holds is found by content, and the rest is copied again.
#[test]
fn a_replaced_target_folder_is_matched_by_content() {
    let haul = Move::usual();
    let mut old = haul.from.client();
    old.create("Work").unwrap();
    for n in 0..4 {
        append(&mut old, "Work", &format!("work {n}"));
    }
    haul.mailhaul(&["run"]).expect(0);
    let mut new = haul.to.client();
    new.delete_folder("Work").unwrap();
    std::thread::sleep(Duration::from_millis(1_100)); // UIDVALIDITY is the time of creation, in seconds.
    new.create("Work").unwrap();
    append(&mut new, "Work", "work 2");
    haul.mailhaul(&["run"]).expect(0).says(&["was replaced since the last run"]);
    let sorted = |client: &mut Client| {
        let mut all: Vec<String> = client.folder("Work").unwrap().into_iter().map(|m| m.sha256).collect();
        all.sort();
        all
    };
    assert_eq!(sorted(&mut new), sorted(&mut old));
    let report = haul.report();
    assert_complete(&report, 4);
    assert_eq!(report["totals"]["already_present"], 1, "{report:#}");
    haul.mailhaul(&["run"]).expect(0);
    assert_eq!(new.folder("Work").unwrap().len(), 4);
}

/// An emptied source takes nothing away from the target, and is told.
#[test]
fn an_emptied_source_is_told_and_harms_nothing() {
    let haul = Move::usual();
    let mut old = haul.from.client();
    for n in 0..3 {
        append(&mut old, "INBOX", &format!("message {n}"));
    }
    haul.mailhaul(&["run"]).expect(0);
    for message in old.folder("INBOX").unwrap() {
        old.delete("INBOX", message.uid).unwrap();
    }
    haul.mailhaul(&["run"]).expect(0).says(&["had 3 messages at the last run and has none now"]);
    haul.mailhaul(&["run", "--delete-gone"]).expect(3);
    assert_eq!(haul.to.client().folder("INBOX").unwrap().len(), 3);
    let report = haul.report();
    assert_eq!(report["totals"]["gone_at_source"], 3, "{report:#}");
}

/// Two messages with one Message-ID are two, one without is recognised, three identical copies are three: on
/// a target that another tool has filled in part.
#[test]
fn what_another_tool_brought_is_recognised_message_by_message() {
    let haul = Move::usual();
    let mut old = haul.from.client();
    let mail = |id: &str, body: &str| {
        let id = if id.is_empty() { String::new() } else { format!("Message-ID: <{id}>\r\n") };
        format!("From: a@x.example\r\nSubject: s\r\n{id}\r\n{body}\r\n").into_bytes()
    };
    let all = [
        mail("one", "first"),
        mail("one", "second"),
        mail("", "bare"),
        mail("dup", "d"),
        mail("dup", "d"),
        mail("dup", "d"),
    ];
    for body in &all {
        old.append_one("INBOX", &["\\Seen"], " 2-Jul-2024 08:00:00 +0200", body).unwrap();
    }
    let mut new = haul.to.client();
    for body in [&all[1], &all[2], &all[3]] {
        new.append_one("INBOX", &["\\Seen"], " 2-Jul-2024 08:00:00 +0200", body).unwrap();
    }
    haul.mailhaul(&["run"]).expect(0);
    let hashes = |client: &mut Client| {
        let mut all: Vec<String> = client.folder("INBOX").unwrap().into_iter().map(|m| m.sha256).collect();
        all.sort();
        all
    };
    assert_eq!(hashes(&mut new), hashes(&mut old));
    let report = haul.report();
    assert_complete(&report, 6);
    assert_eq!((&report["totals"]["already_present"], &report["totals"]["copied"]), (&3.into(), &3.into()));
}

/// A target without UIDVALIDITY is matched by content in every run, which says so; nothing is there twice,
/// also after its numbers have changed.
#[test]
fn a_target_without_uidvalidity() {
    let fakes = FakeServers::loaded(10);
    fakes.target.store(|store| store.folders.get_mut("INBOX").unwrap().validity = 0);
    fakes.mailhaul(&["run"]).expect(0);
    fakes.assert_moved();
    fakes.mailhaul(&["run"]).expect(0).says(&["no UIDVALIDITY"]);
    fakes.assert_moved();
    fakes.target.store(|store| {
        let inbox = store.folders.get_mut("INBOX").unwrap();
        for message in &mut inbox.messages {
            message.uid += 40;
        }
        inbox.next += 40;
    });
    fakes.load("INBOX", 2);
    fakes.mailhaul(&["run"]).expect(0);
    fakes.assert_moved();
    assert_complete(&fakes.report(), 12);
}
