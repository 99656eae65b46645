//! What a killed run had on its way, when something else has changed before the next.
//!
//! The mapping, the rules, the source. Whatever arrived stays ours, once, and what cannot be told any more is
//! said.

use std::time::{Duration, Instant};

use mailhaul_lab::corpus;
use mailhaul_lab::imap::Client;
use mailhaul_lab::proxy::{Proxy, Way};

use crate::support::compare::{assert_complete, assert_same_mail, count};
use crate::support::mail_servers::{Host, Move};

const MESSAGES: usize = 60;
/// Of the target's answers little more passes than those to the log-in.
const TO_CLIENT: u64 = 9_000;

fn fill(old: &mut Client) {
    for n in 0..MESSAGES {
        let body = corpus::simple(&format!("number {n}"), &"x".repeat(500 + 10 * n));
        old.append_one("Projekte", &["\\Seen"], " 2-Jul-2024 08:00:00 +0200", &body).unwrap();
    }
}

/// Mail in one folder, all of which arrived before the run was killed, which did not hear of all of it. How
/// much of the target's answers is acknowledgements is chance: the more messages go with one command, the
/// less.
fn killed(to: Host) -> Move {
    let heard = |haul: &Move| haul.report()["totals"]["copied"].as_u64().unwrap();
    let mut tries = (0..4).map(|less| killed_after(to, TO_CLIENT - 500 * less));
    tries
        .find(|haul| heard(haul) < MESSAGES as u64)
        .expect("the test is about mail of which the run did not hear")
}

/// One pair of connections, so that what has passed tells how far it has come.
fn killed_after(to: Host, to_client: u64) -> Move {
    let haul = Move::new(Host::Old, to);
    let mut old = haul.from.client();
    old.create("Projekte").unwrap();
    fill(&mut old);
    let port = haul.to.tls_port();
    let proxy = Proxy::start(port);
    haul.rewrite(|spec| {
        spec.target.port = proxy.port;
        spec.extra = "[limits]\nconnections_per_host = 1\n".to_owned();
    });
    proxy.hold_after(Way::ToClient, to_client);
    let running = haul.command(&["run"]).spawn();
    proxy.wait_held(Duration::from_secs(60));
    let mut new = haul.to.client();
    let begun = Instant::now();
    while new.count_all().unwrap() < MESSAGES as u64 {
        assert!(begun.elapsed() < Duration::from_secs(60), "the test is about mail that was stored");
    }
    running.kill();
    assert_eq!(running.wait().signal, Some(9));
    proxy.cut();
    haul.rewrite(|spec| {
        spec.target.port = port;
        spec.extra.clear();
    });
    haul
}

#[test]
fn it_follows_a_mapping_that_was_changed() {
    for host in [Host::New, Host::Cyrus] {
        let haul = killed(host);
        haul.rewrite(|spec| spec.extra = "[[folders]]\nfrom = \"Projekte\"\nto = \"Archiv\"\n".to_owned());
        haul.mailhaul(&["run"]).expect(0);
        let place = |name: &str| if name == "Projekte" { "Archiv".to_owned() } else { name.to_owned() };
        assert_same_mail(&haul.from.snapshot(), &haul.to.snapshot(), place);
        assert_complete(&haul.report(), MESSAGES);
        haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
        haul.mailhaul(&["undo", "--yes"]).expect(0);
        assert_eq!(count(&haul.to.snapshot()), 0);
    }
}

#[test]
fn leaving_its_folder_out_is_a_conflict() {
    let haul = killed(Host::New);
    haul.rewrite(|spec| spec.extra = "[[folders]]\nfrom = \"Projekte\"\nskip = true\n".to_owned());
    haul.mailhaul(&["run"]).expect(3).says(&["would now be left out", "mailhaul undo"]);
    assert_eq!(count(&haul.to.snapshot()), MESSAGES);
    haul.mailhaul(&["undo", "--dry-run"])
        .expect(0)
        .says(&["on their way when a run broke off", "whatever arrived of"]);
    haul.mailhaul(&["undo", "--yes"]).expect(0);
    assert_eq!(count(&haul.to.snapshot()), 0);
    haul.mailhaul(&["run"]).expect(0);
    assert_eq!(count(&haul.to.snapshot()), 0);
}

#[test]
fn a_rule_that_leaves_it_out_sends_no_more_of_it_and_what_arrived_is_ours() {
    let haul = killed(Host::New);
    let late = corpus::simple("not sent yet", "x");
    haul.from.client().append_one("Projekte", &[], " 2-Jul-2024 08:00:00 +0200", &late).unwrap();
    haul.rewrite(|spec| spec.extra = "[select]\nsince = 2025-01-01\n".to_owned());
    haul.mailhaul(&["run"]).expect(0);
    assert_eq!(count(&haul.to.snapshot()), MESSAGES, "nothing more was sent");
    let totals = haul.report()["totals"].clone();
    assert_eq!((&totals["copied"], &totals["skipped"]), (&MESSAGES.into(), &1.into()), "{totals:#}");
    haul.mailhaul(&["undo", "--yes"]).expect(0);
    assert_eq!(count(&haul.to.snapshot()), 0);
}

/// The source's bytes were what would have told it from other mail.
#[test]
fn gone_from_the_source_since_it_is_told() {
    for command in [&["run"][..], &["undo", "--yes"]] {
        let haul = killed(Host::New);
        let mut old = haul.from.client();
        for message in old.folder("Projekte").unwrap() {
            old.delete("Projekte", message.uid).unwrap();
        }
        haul.mailhaul(command)
            .expect(0)
            .says(&["the source does not have them any more", "`Projekte` (by their size UID "]);
        assert_eq!(count(&haul.to.snapshot()), MESSAGES);
        // Said once: nothing is in doubt any more.
        let again = haul.mailhaul(command).expect(0);
        assert!(!again.told().contains("does not have them any more"), "{}", again.told());
    }
}

/// The folder was made again at the source: its mail has other numbers, and the intents' numbers mean
/// nothing.
#[test]
fn it_is_ours_also_when_the_source_has_other_numbers() {
    let haul = killed(Host::New);
    let mut old = haul.from.client();
    old.delete_folder("Projekte").unwrap();
    old.create("Projekte").unwrap();
    fill(&mut old);
    fill(&mut old);
    for message in &old.folder("Projekte").unwrap()[..MESSAGES] {
        old.delete("Projekte", message.uid).unwrap();
    }
    haul.mailhaul(&["run"]).expect(0);
    assert_same_mail(&haul.from.snapshot(), &haul.to.snapshot(), str::to_owned);
    assert_complete(&haul.report(), MESSAGES);
    assert_eq!(haul.report()["totals"]["copied"], MESSAGES);
    haul.mailhaul(&["undo", "--yes"]).expect(0);
    assert_eq!(count(&haul.to.snapshot()), 0);
}
