//! Moves to and from Courier.
//!
//! `INBOX.` in front, `.` between levels, no roles told, no CONDSTORE, no LITERAL+, and a server that writes
//! its own line ends.

use std::collections::BTreeMap;
use std::time::Duration;

use mailhaul_lab::corpus::{self, Mailbox, Recipe};
use mailhaul_lab::imap::Snapshot;
use mailhaul_lab::proxy::{Proxy, Way};

use crate::support::compare::{
    assert_complete, assert_moved, assert_same_mail, assert_sums, count, folder, usual,
};
use crate::support::mail_servers::{Account, Host, Move, courier, dovecots};

/// Courier keeps CR LF only: a lone LF becomes CR LF, and a last line gets its end.
fn as_courier_keeps_it(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    for (index, byte) in raw.iter().enumerate() {
        if *byte == b'\n' && (index == 0 || raw[index - 1] != b'\r') {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// What the target should hold: the corpus with its line ends made Courier's, under the names `place` gives.
fn expected(mailbox: &Mailbox) -> Snapshot {
    let scratch = Account::new(Host::New);
    let mut client = scratch.client();
    let mut tidy = mailbox.clone();
    for folder in &mut tidy.folders {
        for mail in &mut folder.mails {
            mail.raw = as_courier_keeps_it(&mail.raw);
        }
    }
    mailhaul_lab::load::load_all(&mut client, &tidy);
    client.snapshot().unwrap()
}

/// The odd corpus from Dovecot to Courier, and again: everything arrives once, with flags, dates and order,
/// in folders Courier can hold.
#[test]
fn dovecot_to_courier() {
    if courier().is_none() {
        return;
    }
    let haul = Move::new(Host::New, Host::Courier);
    let recipe = Recipe { large: 1, ..Recipe::small(81, 100, dovecots().new.layout).odd() };
    let mailbox = haul.load(recipe);
    let before = haul.from.snapshot();
    haul.mailhaul(&["run"]).expect(0);
    // Courier tells no roles: they are known by their names, which it has none of at first.
    let place = |name: &str| name.to_owned();
    let after = haul.to.snapshot();
    assert_moved(&expected(&mailbox), &after, place);
    assert_complete(&haul.report(), count(&before));
    assert!(
        haul.to.client().list().unwrap().iter().all(|f| f.raw == "INBOX" || f.raw.starts_with("INBOX.")),
        "folders lie under the prefix"
    );
    haul.mailhaul(&["run"]).expect(0);
    assert_eq!(haul.report()["last_run"]["copied"], 0, "a second run copies nothing");
    assert_eq!(haul.to.snapshot(), after, "a second run changes nothing");
}

/// And back: from Courier, which tells no roles, to a Dovecot that does.
#[test]
fn courier_to_dovecot() {
    if courier().is_none() {
        return;
    }
    let haul = Move::new(Host::Courier, Host::New);
    haul.load(Recipe { large: 1, ..Recipe::small(82, 100, dovecots().old.layout).odd() });
    let before = haul.from.snapshot();
    let plan = haul.mailhaul(&["plan"]).expect(0);
    plan.says(&["Sent Items", "Deleted Items", "Junk Email"]);
    haul.mailhaul(&["run"]).expect(0);
    let after = haul.to.snapshot();
    assert_moved(&before, &after, usual);
    assert_eq!(haul.from.snapshot(), before, "the source is as it was");
    let report = haul.report();
    assert_complete(&report, count(&before));
    assert_eq!(folder(&report, "Sent")["target"], "Sent Items");
    haul.mailhaul(&["run"]).expect(0);
    assert_eq!(haul.report()["last_run"]["copied"], 0);
    assert_eq!(haul.to.snapshot(), after);
    haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
}

/// Killed while sending, in the middle of a message and before an answer; what a server of line ends of its
/// own has stored is recognised, nothing comes twice.
#[test]
fn killed_on_the_way_to_courier() {
    if courier().is_none() {
        return;
    }
    let from = Account::new(Host::New);
    let first = Move::between(from.clone(), Account::new(Host::Courier));
    let mailbox = first.load(Recipe::small(83, 60, dovecots().new.layout).odd());
    let want = expected(&mailbox);
    let through = |haul: &Move| {
        let proxy = Proxy::start(haul.to.tls_port());
        haul.rewrite(|spec| spec.target.port = proxy.port);
        proxy
    };
    let proxy = through(&first);
    first.mailhaul(&["run"]).expect(0);
    for (way, percent) in [(Way::ToServer, 35), (Way::ToServer, 80), (Way::ToClient, 60)] {
        let haul = Move::between(from.clone(), Account::new(Host::Courier));
        let held = through(&haul);
        held.hold_after(way, proxy.passed(way) * percent / 100);
        let running = haul.command(&["run"]).spawn();
        held.wait_held(Duration::from_secs(60));
        running.kill();
        assert_eq!(running.wait().signal, Some(9));
        held.cut();
        haul.mailhaul(&["run"]).expect(0);
        assert_same_mail(&want, &haul.to.snapshot(), str::to_owned);
        assert_complete(&haul.report(), count(&want));
    }
}

/// Courier's folder names end at the basic plane of Unicode: what it refuses is named, the rest arrives, and
/// a rule finishes the move.
#[test]
fn a_name_courier_refuses() {
    if courier().is_none() {
        return;
    }
    let haul = Move::new(Host::New, Host::Courier);
    let mut client = haul.from.client();
    for name in ["📬 Post", "日本語", "Plain"] {
        client.create(name).unwrap();
        let body = corpus::simple(name, "one");
        client.append_one(name, &["\\Seen"], " 5-May-2021 05:05:05 +0500", &body).unwrap();
    }
    haul.mailhaul(&["run"]).expect(3).says(&["📬 Post"]);
    let report = haul.report();
    assert_sums(&report);
    assert_eq!(folder(&report, "📬 Post")["failed"], 1, "{report:#}");
    let there: BTreeMap<_, _> = haul.to.snapshot();
    assert_eq!((there["日本語"].len(), there["Plain"].len()), (1, 1), "the other folders arrived");
    haul.rewrite(|spec| spec.extra = "[[folders]]\nfrom = \"📬 Post\"\nto = \"Post\"\n".to_owned());
    haul.mailhaul(&["run"]).expect(0);
    assert_eq!(haul.to.snapshot()["Post"].len(), 1);
}
