//! Taking back what this project put on the target, and nothing else.

use mailhaul_lab::corpus::{self, Recipe};
use mailhaul_lab::fake::Manners;
use mailhaul_lab::proxy::{Proxy, Way};
use std::time::Duration;

use crate::support::compare::{assert_moved, count, usual};
use crate::support::fake_servers::{DATE, FakeServers};
use crate::support::mail_servers::{Account, Host, Move, dovecots, json};

/// Adopted mail, mail that came since and mail the user filed elsewhere stay; the rest goes.
#[test]
fn exactly_what_was_copied_goes() {
    for host in [Host::New, Host::Cyrus] {
        let haul = Move::new(Host::Old, host);
        haul.load(Recipe::small(51, 40, dovecots().old.layout).odd());
        let mut new = haul.to.client();
        let source = haul.from.snapshot();
        let adopted = haul.from.client().body("INBOX", source["INBOX"][0].uid).unwrap();
        new.append_one("INBOX", &[], " 1-Feb-2020 10:00:00 +0000", &adopted).unwrap();
        let start = haul.to.snapshot();
        haul.mailhaul(&["run"]).expect(0);
        let mine = corpus::simple("came since", "x");
        new.append_one("INBOX", &[], " 1-Feb-2025 10:00:00 +0000", &mine).unwrap();
        let filed = new.folder("INBOX").unwrap()[2].clone();
        new.create("Filed").unwrap();
        new.move_message("INBOX", filed.uid, "Filed").unwrap();

        haul.mailhaul(&["undo"]).expect(2).says(&["--yes"]);
        let plan = json(&haul.mailhaul(&["undo", "--dry-run", "--format", "json"]).expect(0));
        assert_eq!((&plan["dry_run"], &plan["removed"]), (&true.into(), &0.into()), "{plan:#}");
        let copies = count(&source) - 1;
        assert_eq!(plan["copies"], copies, "{plan:#}");
        assert_eq!(count(&haul.to.snapshot()), count(&source) + 1, "nothing was removed yet");

        let done = json(&haul.mailhaul(&["undo", "--yes", "--format", "json"]).expect(0));
        assert_eq!(done["removed"], copies - 1, "{done:#}");
        let end = haul.to.snapshot();
        assert_eq!(end["INBOX"].len(), start["INBOX"].len() + 1, "{host:?}");
        assert_eq!(end["INBOX"][0], start["INBOX"][0], "what was there before is as it was");
        assert_eq!(end["Filed"].len(), 1);
        assert_eq!(count(&end), count(&start) + 2);
        haul.mailhaul(&["undo", "--yes"]).expect(0).says(&["nothing to take back"]);

        // And the same move can be made again.
        haul.mailhaul(&["run"]).expect(0);
        assert_eq!(
            count(&haul.to.snapshot()),
            count(&source) + 2,
            "the filed one is in its folder, and copied again"
        );
    }
}

/// What cannot be taken back is named, message by message with why, and the hint does not tell to do in vain
/// what was done.
#[test]
fn what_it_leaves_is_named() {
    let fakes = FakeServers::loaded(6);
    fakes.mailhaul(&["run"]).expect(0);
    fakes.target.store(|store| {
        let inbox = store.folders.get_mut("INBOX").unwrap();
        inbox.messages[2].body = corpus::simple("mine", "under a number of ours");
        inbox.remove(|m| m.uid == 5);
    });
    let undone = fakes.mailhaul(&["undo", "--yes"]).expect(3);
    undone
        .says(&["INBOX uid 3 (target uid 3 in `INBOX`): it is no longer what was copied there"])
        .says(&["INBOX uid 5 (target uid 5 in `INBOX`): it is not there any more"])
        .says(&["also when `mailhaul undo` is repeated"])
        .hides("it takes up what is left");
    let again = json(&fakes.mailhaul(&["undo", "--yes", "--format", "json"]).expect(3));
    let left = &again["mailboxes"][0]["folders"][0]["not_undone"];
    assert_eq!((&left[0]["uid"], &left[0]["code"]), (&3.into(), &"altered".into()), "{again:#}");
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{again:#}");
}

/// A server that rewrites what it stores (bare line ends, 8-bit headers) still has what was copied.
#[test]
fn a_message_that_the_user_replaced_stays() {
    let haul = Move::loaded(52, 30);
    haul.mailhaul(&["run"]).expect(0);
    let only = &haul.from.user;
    haul.mailhaul(&["undo", "--only", "nobody@old.example", "--yes"])
        .expect(2)
        .says(&["there is no such mailbox"]);
    haul.mailhaul(&["undo", "--only", only, "--yes"]).expect(0).says(&["removed now"]);
    assert_eq!(count(&haul.to.snapshot()), 0);
    assert_eq!(haul.report()["totals"]["copied"], 0);
}

/// Killed while it removes: the same command goes on, and only ours goes.
#[test]
fn interrupted_and_taken_up_again() {
    let haul = Move::loaded(53, 60);
    haul.mailhaul(&["run"]).expect(0);
    let proxy = Proxy::start(haul.to.tls_port());
    haul.rewrite(|spec| spec.target.port = proxy.port);
    proxy.hold_after(Way::ToServer, 3_500);
    let running = haul.command(&["undo", "--yes"]).spawn();
    proxy.wait_held(Duration::from_secs(60));
    running.kill();
    assert_eq!(running.wait().signal, Some(9));
    proxy.cut();
    haul.mailhaul(&["undo", "--yes"]).expect(0);
    assert_eq!(count(&haul.to.snapshot()), 0);
    haul.mailhaul(&["run"]).expect(0);
    assert_moved(&haul.from.snapshot(), &haul.to.snapshot(), usual);
}

/// What a killed run left in doubt is taken back as well.
#[test]
fn what_a_crash_left_in_doubt_goes_too() {
    let from = Account::new(Host::Old);
    let haul = Move::between(from, Account::new(Host::New));
    haul.load(Recipe::small(54, 60, dovecots().old.layout));
    let proxy = Proxy::start(haul.to.tls_port());
    // One pair of connections, so that what has passed tells how far it has come.
    haul.rewrite(|spec| {
        spec.target.port = proxy.port;
        spec.extra.push_str("[limits]\nconnections_per_host = 1\n");
    });
    proxy.hold_after(Way::ToClient, 9_000);
    let running = haul.command(&["run"]).spawn();
    proxy.wait_held(Duration::from_secs(60));
    running.kill();
    assert_eq!(running.wait().signal, Some(9));
    proxy.cut();
    assert!(count(&haul.to.snapshot()) > 0, "the test is about mail that was stored");
    haul.mailhaul(&["undo", "--yes"]).expect(0);
    assert_eq!(count(&haul.to.snapshot()), 0);
}

/// A server that cannot remove single messages keeps the copies, in a folder of their own and marked; the
/// user's own mail that was marked before stays where it is.
#[test]
fn without_uidplus_copies_are_put_away() {
    let target = Manners { capability: "IMAP4rev1 LITERAL+".to_owned(), ..Manners::default() };
    let fakes = FakeServers::with(Manners::default(), target);
    fakes.load("INBOX", 6);
    let mine = corpus::simple("mine", "was here first");
    fakes.target.store(|store| store.add("INBOX", &["\\Deleted"], DATE, &mine));
    fakes.mailhaul(&["run"]).expect(0);
    fakes.mailhaul(&["undo", "--yes"]).expect(0).says(&["mailhaul-removed"]);
    let inbox = fakes.there("INBOX");
    assert_eq!(inbox[0].body, mine);
    assert!(inbox.iter().all(|m| m.flags.iter().any(|flag| flag == "\\Deleted")), "{inbox:?}");
    let put_away = fakes.there("mailhaul-removed");
    assert_eq!(put_away.len(), 6);
    assert!(put_away.iter().all(|m| m.body != mine && m.flags == ["\\Seen"]), "{put_away:?}");
    assert!(fakes.target_heard("UID EXPUNGE").is_empty() && fakes.target_heard("EXPUNGE").is_empty());
    fakes.mailhaul(&["undo", "--yes"]).expect(0).says(&["nothing to take back"]);
}

/// Where UIDs mean nothing later, the bytes under them decide, and what cannot be found is said to be left.
#[test]
fn without_uidvalidity_the_bytes_decide() {
    let fakes = FakeServers::loaded(6);
    fakes.target.store(|store| store.folders.get_mut("INBOX").unwrap().validity = 0);
    fakes.mailhaul(&["run"]).expect(0);
    let mine = corpus::simple("mine", "under a number of ours");
    fakes.target.store(|store| {
        let inbox = store.folders.get_mut("INBOX").unwrap();
        inbox.messages[2].body.clone_from(&mine);
        inbox.messages.remove(4);
    });
    fakes.mailhaul(&["undo", "--yes"]).expect(3).says(&["2"]);
    let left = fakes.there("INBOX");
    assert_eq!(left.iter().map(|m| &m.body).collect::<Vec<_>>(), [&mine]);
}
