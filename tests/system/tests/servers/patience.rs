//! Targets that ask for patience or are out of room; the order in which mail goes.
//!
//! They say so by code or only in words.

use mailhaul_lab::fake::{Manners, Take, Verdict};

use crate::support::compare::{assert_complete, assert_sums};
use crate::support::fake_servers::{FakeServers, copies};

const BATCHES: &str = "IMAP4rev1 LITERAL+ UIDPLUS MULTIAPPEND";

fn target(capability: &str) -> Manners {
    Manners { capability: capability.to_owned(), ..Manners::default() }
}

/// A request for patience is waited for and said once; it is no refusal, however often it comes.
#[test]
fn a_throttling_target_gets_everything_in_the_end() {
    let single = Manners::default().capability;
    for capability in [single.as_str(), BATCHES] {
        for words in [
            "NO [THROTTLED] Slow down. Suggested Backoff Time: 100 milliseconds",
            "NO Request is throttled. Suggested Backoff Time: 100 milliseconds",
            "NO [LIMIT] Rate. Suggested backoff time: 50 milliseconds",
        ] {
            let mut left = 5;
            let fakes = FakeServers::with(
                Manners::default(),
                Manners {
                    on_append: Box::new(move |m| {
                        if m.says("INBOX 003") && left > 0 {
                            left -= 1;
                            return Take::Say(words.to_owned());
                        }
                        Take::Store
                    }),
                    ..target(capability)
                },
            );
            fakes.load("INBOX", 10);
            let outcome = fakes.mailhaul(&["run"]).expect(0);
            // Of the mailbox, and of the host: that fewer connections are open to it.
            for what in ["the target asks for patience", "fewer connections are open to it"] {
                let said = |line: &&str| line.starts_with("warning:") && line.contains(what);
                assert_eq!(outcome.stderr.lines().filter(said).count(), 1, "{}", outcome.told());
            }
            fakes.assert_moved();
            assert_complete(&fakes.report(), 10);
        }
    }
}

/// Patience ends: the mailbox stops with the server's words, the messages stay pending and are tried again.
#[test]
fn a_target_that_never_has_time() {
    let fakes = FakeServers::judged(|m| {
        if m.store.messages("INBOX").len() >= 2 {
            return Take::Say("NO [UNAVAILABLE] Busy. Suggested Backoff Time: 10 milliseconds".to_owned());
        }
        Take::Store
    });
    fakes.mailhaul(&["run"]).expect(3).says(&["[UNAVAILABLE] Busy"]);
    let report = fakes.report();
    assert_sums(&report);
    let totals = &report["totals"];
    assert_eq!((&totals["copied"], &totals["pending"], &totals["failed"]), (&2.into(), &8.into(), &0.into()));
    fakes.target.manners(|m| m.on_append = Box::new(|_| Take::Store));
    fakes.mailhaul(&["run"]).expect(0);
    fakes.assert_moved();
}

/// A limit on connections at the door is waited for as well.
#[test]
fn a_full_house_is_waited_for() {
    for words in ["NO [LIMIT] Too many simultaneous connections", "NO [INUSE] Try again"] {
        let fakes = FakeServers::loaded(10);
        let mut left = 2;
        fakes.target.manners(|m| {
            m.on_command = Box::new(move |line| {
                if line.starts_with("LOGIN") && left > 0 {
                    left -= 1;
                    return Verdict::Say(words.to_owned());
                }
                Verdict::Go
            });
        });
        fakes.mailhaul(&["run"]).expect(0);
        fakes.assert_moved();
    }
}

/// Out of room in words alone, or in a batch of which some would have fitted: nothing of it counts as failed.
#[test]
fn out_of_room_without_a_code() {
    let single = Manners::default().capability;
    for (capability, words) in [
        (single.as_str(), "NO Over quota"),
        (single.as_str(), "NO [ALERT] Mailbox is full"),
        (BATCHES, "NO [OVERQUOTA] Quota exceeded"),
        (BATCHES, "NO Quota exceeded"),
    ] {
        let fakes = FakeServers::with(
            Manners::default(),
            Manners {
                on_append: Box::new(move |m| {
                    let full = m.says("INBOX 005");
                    if full { Take::Say(words.to_owned()) } else { Take::Store }
                }),
                ..target(capability)
            },
        );
        fakes.load("INBOX", 10);
        fakes.mailhaul(&["run"]).expect(7);
        let report = fakes.report();
        assert_sums(&report);
        assert_eq!(report["totals"]["failed"], 0, "{words}: {report:#}");
        assert!(report["totals"]["pending"].as_u64() > Some(0), "{words}: {report:#}");
        fakes.target.manners(|m| m.on_append = Box::new(|_| Take::Store));
        fakes.mailhaul(&["run"]).expect(0);
        fakes.assert_moved();
        assert_complete(&fakes.report(), 10);
    }
}

/// Newest first, in strides of fifty; the plan says what that does to the UIDs.
#[test]
fn recent_mail_first() {
    let fakes = FakeServers::new();
    fakes.spec().extra("[select]\norder = \"recent-first\"\n").write(&fakes.folder);
    fakes.source.store(|store| {
        for n in 0..120 {
            // The newest have neither the highest nor the lowest UIDs.
            let day = (n + 60) % 120;
            let date = format!(
                "{:02}-{}-2020 00:00:00 +0000",
                day % 28 + 1,
                ["Jan", "Feb", "Mar", "Apr", "May"][day / 28]
            );
            store.add("INBOX", &[], &date, format!("Subject: day {day:03}\r\n\r\nx\r\n").as_bytes());
        }
    });
    fakes.mailhaul(&["plan"]).expect(0).says(&["order = \"recent-first\""]);
    fakes.mailhaul(&["run"]).expect(0);
    fakes.assert_moved();
    let there = fakes.there("INBOX");
    let is = |at: usize, days: std::ops::Range<usize>| {
        days.into_iter().any(|day| there[at].says(&format!("day {day:03}\r")))
    };
    assert!(is(0, 70..120), "{}", String::from_utf8_lossy(&there[0].body));
    assert!(is(119, 0..50), "{}", String::from_utf8_lossy(&there[119].body));
}

/// Any order: one folder over several connections, everything there once, and the same command again finds it
/// so.
#[test]
fn any_order_spreads_a_folder() {
    let fakes = FakeServers::new();
    fakes.spec().extra("[select]\norder = \"any\"\n").write(&fakes.folder);
    fakes.load("INBOX", 3500);
    fakes.mailhaul(&["plan"]).expect(0).says(&["order = \"any\""]);
    fakes.mailhaul(&["run"]).expect(0);
    assert!(fakes.target_heard("SELECT").len() > 2, "only one connection was used");
    let there = fakes.there("INBOX");
    assert_eq!(there.len(), 3500);
    for n in [1, 1000, 1001, 3500] {
        assert_eq!(copies(&there, &format!("INBOX {n:03}\r")), 1, "message {n}");
    }
    fakes.assert_moved();
    assert_complete(&fakes.report(), 3500);
    let sent = fakes.target_heard("APPEND").len();
    fakes.mailhaul(&["run"]).expect(0);
    assert_eq!(fakes.target_heard("APPEND").len(), sent);
}

/// "Wait" is no failure: a target that asks for it, in each of the ways providers do, is waited for, and
/// everything is there once.
#[test]
fn throttled_is_waited_for() {
    for answer in [
        "NO [THROTTLED] Account is temporarily over its limits",
        "NO [UNAVAILABLE] Try again later",
        "NO [LIMIT] Too many requests",
        "BAD Request is throttled. Suggested Backoff Time: 400 milliseconds",
    ] {
        let mut left = 2;
        let fakes = FakeServers::judged(move |m| {
            if m.says("INBOX 004") && left > 0 {
                left -= 1;
                return Take::Say(answer.to_owned());
            }
            Take::Store
        });
        fakes.mailhaul(&["run"]).expect(0);
        fakes.assert_moved();
        assert_complete(&fakes.report(), 10);
    }
}

/// A throttled command other than APPEND, and a goodbye at a ceiling of connections.
#[test]
fn throttled_before_the_first_message() {
    for word in ["LOGIN", "SELECT", "LIST"] {
        let fakes = FakeServers::loaded(5);
        let mut left = 1;
        fakes.target.manners(|m| {
            m.on_command = Box::new(move |line| {
                if line.starts_with(word) && left > 0 {
                    left -= 1;
                    return match word {
                        "LOGIN" => Verdict::Bye("* BYE [UNAVAILABLE] Too many connections".to_owned()),
                        _ => Verdict::Say(
                            "NO [THROTTLED] Request is throttled. Suggested Backoff Time: 300 milliseconds"
                                .to_owned(),
                        ),
                    };
                }
                Verdict::Go
            });
        });
        fakes.run_on(3).expect(0);
        fakes.assert_moved();
    }
}
