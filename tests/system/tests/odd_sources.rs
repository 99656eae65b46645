//! Sources that answer as they should not: every message is either copied as it was delivered, or named with
//! what the source said; the rest is not held up.

use mailhaul_lab::corpus;
use mailhaul_lab::fake::{Give, Manners};
use mailhaul_lab::imap::date;

use crate::compare::{assert_complete, assert_sums, differences};
use crate::stage::{DATE, Stage, copies, exception};

/// A stage whose source gives the fifth of ten messages in an odd way.
fn odd_fifth(give: Give) -> Stage {
    let stage = Stage::loaded(10);
    stage.source.manners(|m| {
        m.on_fetch = Box::new(move |message| if message.uid == 5 { give } else { Give::Whole });
    });
    stage
}

/// FETCH that succeeds and brings no text, as Exchange does for messages it cannot convert: named, never
/// copied empty.
#[test]
fn an_answer_without_the_text() {
    for give in [Give::WithoutText, Give::Nil] {
        let stage = odd_fifth(give);
        stage.mailhaul(&["run"]).expect(3);
        stage.assert_moved_but(|m| m.uid == 5);
        let report = stage.report();
        assert_sums(&report);
        assert_eq!((&report["totals"]["copied"], &report["totals"]["failed"]), (&9.into(), &1.into()));
        assert_eq!(exception(&report, "INBOX", 5)["outcome"], "failed");
        // Once the source can give it, the same command brings it.
        stage.source.manners(|m| m.on_fetch = Box::new(|_| Give::Whole));
        stage.mailhaul(&["run"]).expect(0);
        stage.assert_moved();
    }
}

/// FETCH that fails for one message of many, with NO or with BAD: the others come, that one is named with the
/// source's words.
#[test]
fn one_message_takes_the_fetch_down() {
    for (give, words) in [(Give::No, "Message cannot be read"), (Give::Bad, "Internal error")] {
        let stage = odd_fifth(give);
        stage.mailhaul(&["run"]).expect(3).says(&["INBOX"]);
        stage.assert_moved_but(|m| m.uid == 5);
        let report = stage.report();
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
        let stage = odd_fifth(give);
        let whole = stage.source.store(|store| store.messages("INBOX")[4].body.clone());
        let delivered = match give {
            Give::Short(by) => whole[..whole.len() - by].to_vec(),
            _ => [whole.as_slice(), b"xxxxxxx"].concat(),
        };
        for run in 1..=2 {
            stage.mailhaul(&["run"]).expect(3);
            let there = stage.there("INBOX");
            let fifth: Vec<_> = there.iter().filter(|m| m.says("INBOX 005")).map(|m| &m.body).collect();
            assert_eq!((there.len(), fifth), (10, vec![&delivered]), "run {run}");
            let report = stage.report();
            assert_sums(&report);
            assert_eq!(report["verdict"], "incomplete", "run {run}: {report:#}");
            assert_eq!(differences(&report), [(kind.to_owned(), "INBOX".to_owned(), 5)], "run {run}");
        }
        assert_eq!(stage.target_heard("APPEND").len(), 10, "and not again");
    }
}

/// Exchange and Kopano estimate sizes: where most of a mailbox has other ones than it says nothing follows
/// from it.
#[test]
fn sizes_that_are_estimates() {
    let stage = Stage::loaded(10);
    stage.source.manners(|m| m.on_fetch = Box::new(|_| Give::Long(7)));
    for _ in 0..2 {
        stage.mailhaul(&["run"]).expect(0);
        assert_complete(&stage.report(), 10);
        assert_eq!(stage.there("INBOX").len(), 10);
    }
    assert_eq!(stage.target_heard("APPEND").len(), 10, "and not again");
}

/// The source's connection ends in the middle of a message: nothing truncated is stored, and the run, or the
/// next, brings everything.
#[test]
fn a_source_that_breaks_off_in_a_message() {
    let stage = Stage::loaded(20);
    let mut left = 2;
    stage.source.manners(|m| {
        m.on_fetch = Box::new(move |message| {
            if message.uid % 6 == 0 && left > 0 {
                left -= 1;
                return Give::Hangup;
            }
            Give::Whole
        });
    });
    stage.run_on(5).expect(0);
    stage.assert_moved();
    assert_complete(&stage.report(), 20);
}

/// A message that is expunged between the list and the FETCH: counted as gone, not as failed, and no ghost of
/// it.
#[test]
fn a_message_that_goes_while_it_is_copied() {
    let stage = odd_fifth(Give::Vanish);
    stage.mailhaul(&["run"]).expect(0);
    stage.assert_moved();
    let report = stage.report();
    assert_sums(&report);
    assert_eq!((&report["totals"]["copied"], &report["totals"]["failed"]), (&9.into(), &0.into()));
    stage.mailhaul(&["run"]).expect(0);
    assert_eq!(stage.report()["last_run"]["copied"], 0);
}

/// Lines nobody asked for, everywhere.
#[test]
fn servers_that_chatter() {
    let chatty = || Manners { chatty: true, ..Manners::default() };
    let slow = |capability: &str| Manners { capability: capability.to_owned(), ..chatty() };
    for target in [chatty(), slow("IMAP4rev1"), slow("IMAP4rev1 LITERAL- UIDPLUS")] {
        let stage = Stage::with(chatty(), target);
        stage.load("INBOX", 8);
        stage.load("Work/Projects", 8);
        stage.mailhaul(&["run"]).expect(0);
        stage.assert_moved();
        assert_complete(&stage.report(), 16);
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
    let stage = Stage::new();
    stage.source.store(|store| {
        for (n, at) in readable.iter().chain(&broken).enumerate() {
            store.add("INBOX", &[], at, &corpus::simple(&format!("date {n}"), "x"));
        }
    });
    stage.mailhaul(&["run"]).expect(0);
    let there = stage.there("INBOX");
    assert_eq!(there.len(), readable.len() + broken.len());
    for (n, at) in readable.iter().enumerate() {
        assert_eq!(date::instant(&there[n].date), date::instant(at), "{at} became {}", there[n].date);
    }
    assert_complete(&stage.report(), there.len());
    stage.mailhaul(&["run"]).expect(0);
    assert_eq!(stage.there("INBOX").len(), there.len());
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
    let stage = Stage::with(refuses(), refuses());
    stage.load("INBOX", 5);
    stage.load("Work", 5);
    stage.mailhaul(&["run"]).expect(0);
    stage.assert_moved();
    stage.mailhaul(&["run"]).expect(0);
    assert_eq!(stage.report()["last_run"]["copied"], 0);
}

/// Messages that differ in nothing but their text, and identical ones, with and without Message-ID: all
/// arrive, each as often as it is there (imapsync issue 24).
#[test]
fn messages_that_look_alike() {
    let stage = Stage::new();
    stage.source.store(|store| {
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
        stage.mailhaul(&["run"]).expect(0);
        stage.assert_moved();
    }
    assert_eq!(copies(&stage.there("INBOX"), "same@example.org"), 4);
}
