//! Sources that answer as they should not.
//!
//! Every message is either copied as it was delivered, or named with what the source said; the rest is not
//! held up.

use mailhaul_lab::corpus;
use mailhaul_lab::fake::{Give, Manners};
use mailhaul_lab::imap::date;

use crate::support::compare::{assert_complete, assert_sums, differences};
use crate::support::fake_servers::{DATE, FakeServers, copies, exception};

/// Two servers whose source gives the fifth of ten messages in an odd way.
fn odd_fifth(give: Give) -> FakeServers {
    let fakes = FakeServers::loaded(10);
    fakes.source.manners(|m| {
        m.on_fetch = Box::new(move |message| if message.uid == 5 { give } else { Give::Whole });
    });
    fakes
}

/// FETCH that succeeds and brings no text, as Exchange does for messages it cannot convert: named, never
/// copied empty.
#[test]
fn an_answer_without_the_text() {
    for give in [Give::WithoutText, Give::Nil] {
        let fakes = odd_fifth(give);
        fakes.mailhaul(&["run"]).expect(3);
        fakes.assert_moved_but(|m| m.uid == 5);
        let report = fakes.report();
        assert_sums(&report);
        assert_eq!((&report["totals"]["copied"], &report["totals"]["failed"]), (&9.into(), &1.into()));
        assert_eq!(exception(&report, "INBOX", 5)["outcome"], "failed");
        // Once the source can give it, the same command brings it.
        fakes.source.manners(|m| m.on_fetch = Box::new(|_| Give::Whole));
        fakes.mailhaul(&["run"]).expect(0);
        fakes.assert_moved();
    }
}

/// FETCH that fails for one message of many, with NO or with BAD: the others come, that one is named with the
/// source's words.
#[test]
fn one_message_takes_the_fetch_down() {
    for (give, words) in [(Give::No, "Message cannot be read"), (Give::Bad, "Internal error")] {
        let fakes = odd_fifth(give);
        fakes.mailhaul(&["run"]).expect(3).says(&["INBOX"]);
        fakes.assert_moved_but(|m| m.uid == 5);
        let report = fakes.report();
        assert_sums(&report);
        let reason = exception(&report, "INBOX", 5)["reason"].as_str().unwrap_or_default().to_owned();
        assert!(reason.contains(words), "{give:?}: {reason}");
        assert_eq!(report["totals"]["copied"], 9);
    }
}

/// RFC822.SIZE that is not the number of bytes delivered: what the literal announced and held is copied
/// exactly so, and is a difference, since it may have been cut short where it comes from.
#[test]
fn a_size_that_is_not_true() {
    for (give, kind) in [(Give::Short(7), "truncated"), (Give::Long(7), "altered-body")] {
        let fakes = odd_fifth(give);
        let whole = fakes.source.store(|store| store.messages("INBOX")[4].body.clone());
        let delivered = match give {
            Give::Short(by) => whole[..whole.len() - by].to_vec(),
            _ => [whole.as_slice(), b"xxxxxxx"].concat(),
        };
        for run in 1..=2 {
            fakes.mailhaul(&["run"]).expect(3);
            let there = fakes.there("INBOX");
            let fifth: Vec<_> = there.iter().filter(|m| m.says("INBOX 005")).map(|m| &m.body).collect();
            assert_eq!((there.len(), fifth), (10, vec![&delivered]), "run {run}");
            let report = fakes.report();
            assert_sums(&report);
            assert_eq!(report["verdict"], "incomplete", "run {run}: {report:#}");
            assert_eq!(differences(&report), [(kind.to_owned(), "INBOX".to_owned(), 5)], "run {run}");
        }
        assert_eq!(fakes.target_heard("APPEND").len(), 10, "and not again");
    }
}

/// Exchange and Kopano estimate sizes: where most of a mailbox has other ones than it says nothing follows
/// from it.
#[test]
fn sizes_that_are_estimates() {
    let fakes = FakeServers::loaded(10);
    fakes.source.manners(|m| m.on_fetch = Box::new(|_| Give::Long(7)));
    for _ in 0..2 {
        fakes.mailhaul(&["run"]).expect(0);
        assert_complete(&fakes.report(), 10);
        assert_eq!(fakes.there("INBOX").len(), 10);
    }
    assert_eq!(fakes.target_heard("APPEND").len(), 10, "and not again");
}

/// The source's connection ends in the middle of a message: nothing truncated is stored, and the run, or the
/// next, brings everything.
#[test]
fn a_source_that_breaks_off_in_a_message() {
    let fakes = FakeServers::loaded(20);
    let mut left = 2;
    fakes.source.manners(|m| {
        m.on_fetch = Box::new(move |message| {
            if message.uid % 6 == 0 && left > 0 {
                left -= 1;
                return Give::Hangup;
            }
            Give::Whole
        });
    });
    fakes.run_on(5).expect(0);
    fakes.assert_moved();
    assert_complete(&fakes.report(), 20);
}

/// A message that is expunged between the list and the FETCH: counted as gone, not as failed, and no ghost of
/// it.
#[test]
fn a_message_that_goes_while_it_is_copied() {
    let fakes = odd_fifth(Give::Vanish);
    fakes.mailhaul(&["run"]).expect(0);
    fakes.assert_moved();
    let report = fakes.report();
    assert_sums(&report);
    assert_eq!((&report["totals"]["copied"], &report["totals"]["failed"]), (&9.into(), &0.into()));
    fakes.mailhaul(&["run"]).expect(0);
    assert_eq!(fakes.report()["last_run"]["copied"], 0);
}

/// Lines nobody asked for, everywhere.
#[test]
fn servers_that_chatter() {
    let chatty = || Manners { chatty: true, ..Manners::default() };
    let slow = |capability: &str| Manners { capability: capability.to_owned(), ..chatty() };
    for target in [chatty(), slow("IMAP4rev1"), slow("IMAP4rev1 LITERAL- UIDPLUS")] {
        let fakes = FakeServers::with(chatty(), target);
        fakes.load("INBOX", 8);
        fakes.load("Work/Projects", 8);
        fakes.mailhaul(&["run"]).expect(0);
        fakes.assert_moved();
        assert_complete(&fakes.report(), 16);
    }
}

/// INTERNALDATEs as old and broken servers have them: each a valid date on the target, right where it can be.
#[test]
fn dates_as_they_should_not_be() {
    let readable = [
        "01-Jan-1601 00:00:00 +0000",
        "31-Dec-1969 23:59:59 +0000",
        "07-Feb-2106 06:28:17 +0000",
        " 1-Feb-2020 10:00:00 +0545",
        "1-Feb-2020 10:00:00 -0330",
    ];
    let broken =
        ["31-Feb-2019 10:00:00 +0000", "01-Feb-2020 10:00:00", "yesterday", "", "00-Jan-0000 00:00:00 +0000"];
    let fakes = FakeServers::new();
    fakes.source.store(|store| {
        for (n, at) in readable.iter().chain(&broken).enumerate() {
            store.add("INBOX", &[], at, &corpus::simple(&format!("date {n}"), "x"));
        }
    });
    fakes.mailhaul(&["run"]).expect(0);
    let there = fakes.there("INBOX");
    assert_eq!(there.len(), readable.len() + broken.len());
    for (n, at) in readable.iter().enumerate() {
        assert_eq!(date::instant(&there[n].date), date::instant(at), "{at} became {}", there[n].date);
    }
    assert_complete(&fakes.report(), there.len());
    fakes.mailhaul(&["run"]).expect(0);
    assert_eq!(fakes.there("INBOX").len(), there.len());
}

/// A server that refuses what it need not be asked: ID, ENABLE, NAMESPACE and LIST with RETURN.
#[test]
fn extensions_that_are_refused() {
    let refuses = || {
        Manners {
        capability: "IMAP4rev1 ID ENABLE NAMESPACE LIST-EXTENDED SPECIAL-USE LIST-STATUS CONDSTORE QUOTA UIDPLUS LITERAL+"
            .to_owned(),
        on_command: Box::new(|line| {
            use mailhaul_lab::fake::Verdict;
            let refused = ["ID", "ENABLE", "NAMESPACE", "GETQUOTA"].iter().any(|word| line.starts_with(word))
                || line.contains("RETURN")
                || line.contains("CONDSTORE")
                || line.contains("HIGHESTMODSEQ");
            if refused { Verdict::Say("BAD Unknown command or argument".to_owned()) } else { Verdict::Go }
        }),
        ..Manners::default()
    }
    };
    let fakes = FakeServers::with(refuses(), refuses());
    fakes.load("INBOX", 5);
    fakes.load("Work", 5);
    fakes.mailhaul(&["run"]).expect(0);
    fakes.assert_moved();
    fakes.mailhaul(&["run"]).expect(0);
    assert_eq!(fakes.report()["last_run"]["copied"], 0);
}

/// Messages that differ in nothing but their text, and identical ones, with and without Message-ID: all
/// arrive, each as often as it is there (imapsync issue 24).
#[test]
fn messages_that_look_alike() {
    let fakes = FakeServers::new();
    fakes.source.store(|store| {
        for body in ["one", "two", "two"] {
            let raw = format!("From: a@example.org\r\nSubject: no id\r\n\r\n{body}\r\n");
            store.add("INBOX", &[], DATE, raw.as_bytes());
        }
        for body in ["a", "b", "b", "b"] {
            let raw = format!("Message-ID: <same@example.org>\r\nSubject: same id\r\n\r\n{body}\r\n");
            store.add("INBOX", &["\\Seen"], DATE, raw.as_bytes());
        }
    });
    for _ in 0..2 {
        fakes.mailhaul(&["run"]).expect(0);
        fakes.assert_moved();
    }
    assert_eq!(copies(&fakes.there("INBOX"), "same@example.org"), 4);
}
