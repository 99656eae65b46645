//! Targets that answer as they should not.
//!
//! What they hold decides, not what they said; a message they refuse costs itself only; a target without room
//! stops its mailbox, not the others.

use mailhaul_lab::corpus;
use mailhaul_lab::fake::{Fake, Manners, Take, Verdict};

use crate::support::compare::{assert_complete, assert_sums};
use crate::support::fake_servers::{DATE, FakeServers, copies, exception};

/// The same with an APPENDUID that names a UID nobody has.
#[test]
fn accepted_with_a_uid_and_not_stored() {
    let fakes = FakeServers::judged(|m| {
        if m.says("INBOX 010") {
            let folder = &m.store.folders["INBOX"];
            return Take::Say(format!("OK [APPENDUID {} {}] Stored", folder.validity, folder.next));
        }
        Take::Store
    });
    fakes.mailhaul(&["run"]).expect(3);
    fakes.assert_moved_but(|m| m.uid == 10);
    assert_eq!(exception(&fakes.report(), "INBOX", 10)["outcome"], "failed");
}

/// APPENDUID with its numbers swapped (DavMail issue 315), of another folder, of a message that was there
/// before, of a UID that is none, and UIDPLUS told but no APPENDUID given (Proton Bridge issue 170): nothing
/// is believed that the target's list does not bear out, everything is there once.
#[test]
fn uids_that_are_not_true() {
    for n in 0..5 {
        let fakes = FakeServers::judged(move |m| {
            let (validity, next) = (m.store.folders["INBOX"].validity, m.store.folders["INBOX"].next);
            Take::StoreAndSay(match n {
                0 => format!("OK [APPENDUID {next} {validity}] Stored"),
                1 => format!("OK [APPENDUID {} {next}] Stored", validity + 1),
                2 => format!("OK [APPENDUID {validity} 1] Stored"),
                3 => format!("OK [APPENDUID {validity} 0] Stored"),
                _ => "OK Stored".to_owned(),
            })
        });
        fakes.target.store(|store| store.add("INBOX", &[], DATE, b"Subject: was there before\r\n\r\nx\r\n"));
        fakes.run_on(3).expect(0);
        let there = fakes.there("INBOX");
        assert_eq!(there.len(), 11, "case {n}");
        for message in 1..=10 {
            assert_eq!(copies(&there, &format!("INBOX {message:03}")), 1, "case {n}, message {message}");
        }
        assert_complete(&fakes.report(), 10);
        fakes.mailhaul(&["run"]).expect(0);
        assert_eq!(fakes.there("INBOX").len(), 11, "case {n}");
    }
}

/// A target without UIDPLUS, without LITERAL+, or with neither.
#[test]
fn targets_that_tell_little() {
    for capability in ["IMAP4rev1", "IMAP4rev1 LITERAL+", "IMAP4rev1 LITERAL- UIDPLUS"] {
        let target = Manners { capability: capability.to_owned(), ..Manners::default() };
        let fakes = FakeServers::with(Manners::default(), target);
        fakes.load("INBOX", 30);
        fakes.load("Work", 30);
        fakes.mailhaul(&["run"]).expect(0);
        fakes.assert_moved();
        assert_complete(&fakes.report(), 60);
        let sent = fakes.target_heard("APPEND").len();
        fakes.mailhaul(&["run"]).expect(0);
        assert_eq!(fakes.target_heard("APPEND").len(), sent, "{capability}");
    }
}

/// No room after so many messages: that mailbox stops, its messages stay pending, exit 7; with room, the same
/// command finishes, nothing twice.
#[test]
fn room_for_so_many() {
    let fakes = FakeServers::judged(|m| {
        let full = m.store.messages("INBOX").len() >= 4;
        if full { Take::Say("NO [OVERQUOTA] Not enough disk quota".to_owned()) } else { Take::Store }
    });
    let outcome = fakes.mailhaul(&["run"]).expect(7);
    let report = fakes.report();
    assert_sums(&report);
    assert_eq!(report["mailboxes"][0]["stopped"]["cause"], "quota", "{report:#}\n{}", outcome.told());
    let totals = &report["totals"];
    assert_eq!((&totals["copied"], &totals["pending"], &totals["failed"]), (&4.into(), &6.into(), &0.into()));
    // However often it is tried without room, nothing is given up.
    for _ in 0..4 {
        fakes.mailhaul(&["run"]).expect(7);
    }
    assert_eq!(fakes.report()["totals"]["pending"], 6);
    fakes.target.manners(|m| m.on_append = Box::new(|_| Take::Store));
    fakes.mailhaul(&["run"]).expect(0);
    fakes.assert_moved();
    assert_complete(&fakes.report(), 10);
}

/// A full mailbox does not stop another; two reasons among the unfinished make exit 3.
#[test]
fn a_full_mailbox_beside_others() {
    let full = FakeServers::judged(|_| Take::Say("NO [OVERQUOTA] Mailbox is full".to_owned()));
    let other = Fake::start(Manners::default());
    let write = |third: Option<u16>| {
        let mut spec = full.spec();
        spec.hosts =
            [Some(other.port), third].into_iter().flatten().map(|port| format!("127.0.0.1:{port}")).collect();
        spec.write(&full.folder);
        let mut rows = "source_user,source_password,target_user,target_password,target_port\n".to_owned();
        rows.push_str(&format!("a@x,p,a@y,p,{}\nb@x,p,b@y,p,{}\n", full.target.port, other.port));
        if let Some(port) = third {
            rows.push_str(&format!("c@x,p,c@y,p,{port}\n"));
        }
        std::fs::write(full.folder.join("mailboxes.csv"), rows).unwrap();
    };
    write(None);
    full.mailhaul(&["run"]).expect(7);
    assert_eq!(other.store(|store| store.messages("INBOX").len()), 10);
    let refusing = Fake::start(Manners {
        on_command: Box::new(|line| {
            if line == "LOGIN" {
                Verdict::Say("NO [AUTHENTICATIONFAILED] No".to_owned())
            } else {
                Verdict::Go
            }
        }),
        ..Manners::default()
    });
    write(Some(refusing.port));
    full.mailhaul(&["run"]).expect(3);
    assert_sums(&full.report());
}

/// A target that refuses a whole MULTIAPPEND for one message of it: the others arrive, each once.
#[test]
fn one_message_of_a_batch_is_refused() {
    for answer in ["NO Message contains bare newlines", "BAD Invalid message", "NO [TOOBIG] Too large"] {
        let target =
            Manners {
                capability: "IMAP4rev1 LITERAL+ UIDPLUS MULTIAPPEND".to_owned(),
                on_append: Box::new(move |m| {
                    if m.says("INBOX 005") { Take::Say(answer.to_owned()) } else { Take::Store }
                }),
                ..Manners::default()
            };
        let fakes = FakeServers::with(Manners::default(), target);
        fakes.load("INBOX", 40);
        fakes.run_on(3).expect(3);
        fakes.assert_moved_but(|m| m.uid == 5);
        assert_eq!(fakes.report()["totals"]["copied"], 39);
    }
}

/// A target that keeps only some keywords, dropping the others or answering BAD to them: none is sent that it
/// did not offer to keep, and what is lost is told.
#[test]
fn keywords_the_target_does_not_keep() {
    for strict_flags in [false, true] {
        let target =
            Manners { keywords: Some(vec!["$Forwarded".to_owned()]), strict_flags, ..Manners::default() };
        let fakes = FakeServers::with(Manners::default(), target);
        fakes.source.store(|store| {
            store.add("INBOX", &["\\Seen", "$Forwarded"], DATE, b"Subject: kept\r\n\r\nx\r\n");
            store.add("INBOX", &["\\Flagged", "$Label1", "NonJunk"], DATE, b"Subject: lost\r\n\r\nx\r\n");
            store.add(
                "INBOX",
                &["\\Junk", "\\Recent", "\\X-EON-HAS-ATTACHMENT"],
                DATE,
                b"Subject: odd\r\n\r\nx\r\n",
            );
        });
        let outcome = fakes.mailhaul(&["run"]).expect(0).says(&["$Label1"]);
        let flags: Vec<Vec<String>> = fakes.there("INBOX").into_iter().map(|m| m.flags).collect();
        assert_eq!(flags.len(), 3, "{}", outcome.told());
        assert_eq!(flags[0], ["\\Seen", "$Forwarded"]);
        assert_eq!(flags[1], ["\\Flagged"]);
        assert!(flags[2].is_empty());
        fakes.mailhaul(&["run"]).expect(0);
        assert_eq!(fakes.there("INBOX").len(), 3);
    }
}

/// A folder with an APPENDLIMIT of its own (RFC 7889): what is larger is named without being sent.
#[test]
fn a_folder_with_a_limit_of_its_own() {
    let target =
        Manners { capability: "IMAP4rev1 LITERAL+ UIDPLUS APPENDLIMIT".to_owned(), ..Manners::default() };
    let fakes = FakeServers::with(Manners::default(), target);
    fakes.load("INBOX", 3);
    let large = corpus::simple("large", &"x\r\n".repeat(1000));
    fakes.source.store(|store| store.add("INBOX", &["\\Seen"], DATE, &large));
    fakes.target.store(|store| store.folders.get_mut("INBOX").unwrap().append_limit = Some(2000));
    fakes.mailhaul(&["run"]).expect(3).says(&["takes messages of up to 2000 bytes"]);
    fakes.assert_moved_but(|m| m.uid == 4);
    assert_eq!(exception(&fakes.report(), "INBOX", 4)["code"], "too-big");
    assert_eq!(fakes.target_heard("APPEND").len(), 3);
}

/// A target that announces MULTIAPPEND and answers BAD to it, in the middle of the bodies: single messages
/// take over.
#[test]
fn batches_are_announced_and_not_understood() {
    let manners =
        Manners { capability: "IMAP4rev1 LITERAL+ UIDPLUS MULTIAPPEND".to_owned(), ..Manners::default() };
    let fakes = FakeServers::with(Manners::default(), manners);
    fakes.load("INBOX", 40);
    fakes.target.manners(|m| m.no_batches = true);
    fakes.mailhaul(&["run"]).expect(0);
    fakes.assert_moved();
    let logins = fakes.target_heard("LOGIN").len();
    assert!(logins <= 4, "{logins} connections for 40 messages");
}
