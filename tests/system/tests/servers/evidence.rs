//! Servers whose word is not to be believed.
//!
//! No `complete` and no exit 0 while anything is missing, and nothing is taken away because a server did not
//! speak of it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use mailhaul_lab::corpus;
use mailhaul_lab::fake::{Give, Take, Verdict};
use serde_json::Value;

use crate::support::compare::{assert_complete, assert_sums, differences};
use crate::support::fake_servers::{DATE, FakeServers, Gate, copies, exception};
use crate::support::mail_servers::{Move, dovecots};

/// The source counts, copied, failed and pending messages of all folders together.
fn totals(report: &Value) -> [u64; 4] {
    ["source_messages", "copied", "failed", "pending"].map(|name| report["totals"][name].as_u64().unwrap())
}

/// Answers to EXAMINE of this folder, or to the list that follows it, are refused in these words.
fn refuse(fakes: &FakeServers, folder: &'static str, list: bool, words: &'static str) {
    fakes.source.manners(|m| {
        if list {
            m.refuses_lists = Some((folder.to_owned(), words.to_owned()));
        } else {
            m.on_command = Box::new(move |line| match line.starts_with("EXAMINE") && line.contains(folder) {
                true => Verdict::Say(words.to_owned()),
                false => Verdict::Go,
            });
        }
    });
}

/// A folder that the source lists with its figures and does not let be read was a folder of no messages: exit
/// 0, complete.
#[test]
fn a_folder_that_the_source_does_not_let_be_read() {
    for (list, words) in [
        (false, "NO [NOPERM] Permission denied"),
        (false, "BAD Error in IMAP command"),
        (true, "NO [SERVERBUG] Internal error occurred"),
    ] {
        let fakes = FakeServers::loaded(3);
        fakes.load("Work", 5);
        refuse(&fakes, "Work", list, words);
        let outcome = fakes.mailhaul(&["run"]).expect(3).says(&[
            "not all well",
            "5 messages failed",
            "Work: unreadable",
        ]);
        assert!(!outcome.told().contains(": complete"), "{}", outcome.told());
        let report = fakes.report();
        assert_sums(&report);
        assert_eq!((totals(&report), &report["verdict"]), ([8, 3, 5, 0], &"incomplete".into()), "{words}");
        assert_eq!(exception(&report, "Work", 0)["code"], "unreadable");
        fakes.mailhaul(&["verify"]).expect(3).says(&["Work"]);

        // Readable again, the same command brings it.
        fakes.source.manners(|m| {
            m.on_command = Box::new(|_| Verdict::Go);
            m.refuses_lists = None;
        });
        fakes.mailhaul(&["run"]).expect(0);
        fakes.assert_moved();
        fakes.mailhaul(&["verify", "--depth", "full"]).expect(0);

        // What was copied stays copied, and only what is new counts as failed.
        fakes.load("Work", 1);
        refuse(&fakes, "Work", list, words);
        fakes.mailhaul(&["run"]).expect(3).says(&["1 message failed"]);
        let report = fakes.report();
        assert_sums(&report);
        assert_eq!((totals(&report), &report["verdict"]), ([9, 8, 1, 0], &"incomplete".into()), "{words}");
        fakes.mailhaul(&["report"]).expect(0).says(&["1 folder could not go"]);
    }
}

/// Without any figures a folder that cannot be read counts as one message: nobody knows that it is empty.
#[test]
fn a_folder_that_tells_nothing_at_all() {
    let fakes = FakeServers::loaded(3);
    fakes.load("Work", 5);
    fakes.source.manners(|m| {
        m.on_command = Box::new(|line| {
            let about = line.contains("Work") && (line.starts_with("EXAMINE") || line.starts_with("STATUS"));
            if about { Verdict::Say("NO [SERVERBUG] no figures".to_owned()) } else { Verdict::Go }
        });
    });
    fakes.mailhaul(&["run"]).expect(3);
    let report = fakes.report();
    assert_sums(&report);
    assert_eq!((totals(&report), &report["verdict"]), ([4, 3, 1, 0], &"incomplete".into()));
}

/// What the operator leaves out does not have to be read: the way past a folder that never can be.
#[test]
fn a_folder_that_cannot_be_read_may_be_left_out() {
    let fakes = FakeServers::loaded(3);
    fakes.load("Work", 5);
    refuse(&fakes, "Work", false, "NO [NOPERM] Permission denied");
    let mut spec = fakes.spec();
    spec.extra = "[[folders]]\nfrom = \"Work\"\nskip = true\n".to_owned();
    spec.write(&fakes.folder);
    fakes.mailhaul(&["run"]).expect(0);
    let report = fakes.report();
    assert_sums(&report);
    assert_eq!((&report["totals"]["skipped"], &report["verdict"]), (&5.into(), &"complete".into()));
    assert_eq!(exception(&report, "Work", 0)["outcome"], "skipped");
}

/// Dovecot with a folder whose directories cannot be read: STATUS may answer, EXAMINE does not.
#[test]
fn a_directory_that_cannot_be_read() {
    let haul = Move::usual();
    let mut client = haul.from.client();
    client.create("Projekte").unwrap();
    for n in 0..5 {
        let body = corpus::simple(&format!("in the folder {n}"), "x");
        client.append_one("Projekte", &[], " 5-May-2021 05:05:05 +0500", &body).unwrap();
    }
    client.append_one("INBOX", &[], " 5-May-2021 05:05:05 +0500", &corpus::simple("inbox", "x")).unwrap();
    let folder = dovecots().old.maildir(&haul.from.user).join(".Projekte");
    let allow = |mode: u32| {
        for part in ["cur", "new"] {
            fs::set_permissions(folder.join(part), Permissions::from_mode(mode)).unwrap();
        }
    };
    allow(0o000);
    let outcome = haul.mailhaul(&["run"]);
    let report = haul.report();
    allow(0o700);
    assert_eq!(outcome.code, Some(3), "{}", outcome.told());
    assert_sums(&report);
    assert_eq!(report["verdict"], "incomplete", "{report:#}");
    assert!(report["totals"]["failed"].as_u64() > Some(0), "{report:#}");
    haul.mailhaul(&["run"]).expect(0);
    assert_complete(&haul.report(), 6);
}

/// A list with a hole was the whole truth: what it did not name was never copied, `verify --depth full`
/// agreed.
#[test]
fn a_list_that_is_shorter_than_the_count() {
    for (count, other) in [(6, "headers"), (2_500, "counts")] {
        let fakes = FakeServers::loaded(count);
        fakes.source.manners(|m| m.on_list = Box::new(|message| message.uid != 4));
        fakes.mailhaul(&["run"]).expect(3).says(&["1 message failed", "INBOX: unlisted"]);
        let report = fakes.report();
        assert_sums(&report);
        let all = count as u64;
        assert_eq!((totals(&report), &report["verdict"]), ([all, all - 1, 1, 0], &"incomplete".into()));
        assert_eq!(exception(&report, "INBOX", 0)["code"], "unlisted");
        fakes.assert_moved_but(|m| m.uid == 4);
        fakes.mailhaul(&["verify", "--depth", other]).expect(3).says(&["not compared"]);
        // The same again, from the ledger.
        fakes.mailhaul(&["run"]).expect(3);
        fakes.assert_moved_but(|m| m.uid == 4);
        fakes.source.manners(|m| m.on_list = Box::new(|_| true));
        fakes.mailhaul(&["run"]).expect(0);
        fakes.assert_moved();
        assert_complete(&fakes.report(), count);
    }
}

/// A list that is short once is asked for again, after a fresh EXAMINE.
#[test]
fn a_list_that_is_short_once() {
    let fakes = FakeServers::loaded(6);
    let mut short = true;
    fakes.source.manners(|m| {
        m.on_list = Box::new(move |message| message.uid != 4 || !std::mem::take(&mut short));
    });
    fakes.mailhaul(&["run"]).expect(0);
    fakes.assert_moved();
    assert_complete(&fakes.report(), 6);
}

/// A copy was put away because a list did not name its message, and copied again by the next run.
#[test]
fn delete_gone_takes_nothing_on_the_word_of_a_short_list() {
    let fakes = FakeServers::loaded(20);
    fakes.mailhaul(&["run"]).expect(0);
    fakes.source.manners(|m| m.on_list = Box::new(|message| message.uid != 7));
    // Something new, so that the folder is listed.
    let body = corpus::simple("INBOX 021", "new");
    fakes.source.store(|store| store.add("INBOX", &["\\Seen"], DATE, &body));
    fakes.mailhaul(&["run", "--delete-gone"]).expect(3);
    assert_eq!(fakes.there("INBOX").len(), 21);
    let report = fakes.report();
    assert_sums(&report);
    assert_eq!((totals(&report), &report["totals"]["gone_at_source"]), ([21, 20, 1, 0], &0.into()));
    assert!(fakes.there("mailhaul-removed").is_empty());
    // Listed again it is what it was; then it goes in truth, and its copy with it.
    fakes.source.manners(|m| m.on_list = Box::new(|_| true));
    fakes.mailhaul(&["run", "--delete-gone"]).expect(0);
    fakes.assert_moved();
    fakes.source.store(|store| {
        store.folders.get_mut("INBOX").unwrap().messages.retain(|m| m.uid != 7);
    });
    fakes.mailhaul(&["run", "--delete-gone"]).expect(0);
    assert_eq!((fakes.there("INBOX").len(), fakes.there("mailhaul-removed").len()), (20, 1));
}

/// FETCH that ends in OK and says nothing of a message was its deletion. One that is listed all the same is
/// unreadable.
#[test]
fn no_answer_is_no_deletion() {
    let fakes = FakeServers::loaded(10);
    fakes.source.manners(|m| {
        m.on_fetch = Box::new(|message| if message.uid == 5 { Give::Silent } else { Give::Whole });
    });
    for _ in 0..2 {
        fakes.mailhaul(&["run"]).expect(3).says(&["1 message failed"]);
        fakes.assert_moved_but(|m| m.uid == 5);
        let report = fakes.report();
        assert_sums(&report);
        assert_eq!(totals(&report), [10, 9, 1, 0]);
        assert_eq!(exception(&report, "INBOX", 5)["code"], "unreadable");
    }
    fakes.source.manners(|m| m.on_fetch = Box::new(|_| Give::Whole));
    fakes.mailhaul(&["run"]).expect(0);
    fakes.assert_moved();
}

/// A literal of another length than was announced, or a connection that ends at one message: nothing of that
/// answer is stored, the message is asked for alone, named after three ends, and the rest goes on.
#[test]
fn a_message_that_the_source_breaks_at() {
    let cases = [
        (Give::Announced(3), vec![5]),
        (Give::Announced(-5), vec![1]),
        (Give::Hangup, vec![10]),
        (Give::Close, vec![4, 5, 9]),
    ];
    for (give, bad) in cases {
        let fakes = FakeServers::loaded(10);
        fakes.load("Work", 3);
        let named = bad.clone();
        fakes.source.manners(|m| {
            m.on_fetch = Box::new(move |message| {
                if message.says("INBOX") && named.contains(&message.uid) { give } else { Give::Whole }
            });
        });
        let out = |m: &mailhaul_lab::fake::Message| m.says("INBOX") && bad.contains(&m.uid);
        for _ in 0..2 {
            fakes.mailhaul(&["run"]).expect(3);
            fakes.assert_moved_but(out);
            let report = fakes.report();
            assert_sums(&report);
            let failed = bad.len() as u64;
            assert_eq!(totals(&report), [13, 13 - failed, failed, 0], "{give:?} {bad:?}");
            for uid in &bad {
                assert_eq!(exception(&report, "INBOX", *uid)["code"], "unreadable");
            }
        }
        fakes.source.manners(|m| m.on_fetch = Box::new(|_| Give::Whole));
        fakes.mailhaul(&["run"]).expect(0);
        fakes.assert_moved();
    }
}

/// Dovecot says BYE at a message whose file cannot be read: its mailbox stood still for ever, with a pending
/// message.
#[test]
fn a_message_file_that_cannot_be_read() {
    let haul = Move::usual();
    let mut client = haul.from.client();
    for n in 0..6 {
        let body = corpus::simple(&format!("message {n}"), if n == 2 { "the-bad-one" } else { "x" });
        client.append_one("INBOX", &[], " 5-May-2021 05:05:05 +0500", &body).unwrap();
    }
    let inbox = dovecots().old.maildir(&haul.from.user);
    let file = ["cur", "new"]
        .iter()
        .flat_map(|part| fs::read_dir(inbox.join(part)).unwrap().flatten())
        .map(|entry| entry.path())
        .find(|path| fs::read_to_string(path).is_ok_and(|text| text.contains("the-bad-one")))
        .unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o000)).unwrap();
    for _ in 0..2 {
        haul.mailhaul(&["run"]).expect(3);
        let report = haul.report();
        assert_sums(&report);
        assert_eq!(totals(&report), [6, 5, 1, 0], "{report:#}");
        assert_eq!(exception(&report, "INBOX", 3)["code"], "unreadable");
    }
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    haul.mailhaul(&["run"]).expect(0);
    assert_complete(&haul.report(), 6);

    // Read in order to be compared: it is named, and every other message is compared.
    fs::set_permissions(&file, Permissions::from_mode(0o000)).unwrap();
    haul.mailhaul(&["verify", "--depth", "full"]).expect(3);
    let found = differences(&haul.report());
    assert_eq!(found.len(), 1, "{found:#?}");
    // Without its ledger a run finds by content what is there, and does not send that one again.
    fs::remove_dir_all(haul.folder.join(".mailhaul")).unwrap();
    haul.mailhaul(&["run"]).expect(3);
    let report = haul.report();
    assert_sums(&report);
    assert_eq!(report["totals"]["already_present"], 5, "{report:#}");
    assert_eq!(
        (totals(&report), exception(&report, "INBOX", 3)["outcome"].clone()),
        ([6, 0, 1, 0], "failed".into())
    );
    assert_eq!(haul.to.client().folder("INBOX").unwrap().len(), 6);
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    haul.mailhaul(&["run"]).expect(0);
    assert_eq!(haul.report()["totals"]["already_present"], 6);
    haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
}

/// A target that keeps one of several messages with the same Message-ID, and gives the first one's UID for
/// all: three messages were one, `3 copied`, complete.
#[test]
fn a_target_that_merges_messages() {
    let fakes = FakeServers::new();
    let same = |n: u32| format!("Message-ID: <same@example.org>\r\nSubject: message {n}\r\n\r\ntext {n}\r\n");
    fakes.source.store(|store| {
        for n in 1..=3 {
            store.add("INBOX", &[], DATE, same(n).as_bytes());
        }
        store.add("INBOX", &[], DATE, &corpus::simple("another", "x"));
    });
    fakes.target.manners(|m| {
        m.on_append = Box::new(|m| {
            let folder = &m.store.folders["INBOX"];
            let first = folder.messages.iter().find(|have| have.says("<same@")).map(|have| have.uid);
            match first.filter(|_| m.says("<same@")) {
                Some(uid) => Take::Say(format!("OK [APPENDUID {} {uid}] Stored", folder.validity)),
                None => Take::Store,
            }
        });
    });
    for _ in 0..2 {
        fakes.mailhaul(&["run"]).expect(3).says(&["2 messages failed"]);
        assert_eq!(fakes.there("INBOX").len(), 2);
        let report = fakes.report();
        assert_sums(&report);
        assert_eq!(totals(&report), [4, 2, 2, 0]);
        for uid in [2, 3] {
            assert_eq!(exception(&report, "INBOX", uid)["code"], "merged");
        }
    }
    fakes.mailhaul(&["verify"]).expect(3);
    // A target that says the wrong UID and has the message all the same: it is found by its content.
    let fakes = FakeServers::judged(|m| {
        let folder = &m.store.folders["INBOX"];
        match m.says("INBOX 005") {
            true => Take::StoreAndSay(format!("OK [APPENDUID {} 1] Stored", folder.validity)),
            false => Take::Store,
        }
    });
    fakes.mailhaul(&["run"]).expect(0);
    fakes.assert_moved();
    assert_complete(&fakes.report(), 10);
}

/// Ctrl-C in the only folder of an `undo` ended with `complete` and 0, with most of the copies still there.
#[test]
fn an_undo_that_is_interrupted() {
    let fakes = FakeServers::loaded(1_500);
    fakes.mailhaul(&["run"]).expect(0);
    let gate = Gate::hold(&fakes.target, "UID EXPUNGE");
    let running = mailhaul_lab::runner::Mailhaul::new(&fakes.folder).args(["undo", "--yes"]).spawn();
    gate.wait();
    running.interrupt_heard();
    gate.open();
    let outcome = running.wait().expect(130);
    assert!(!outcome.told().contains("complete"), "{}", outcome.told());
    let left = fakes.there("INBOX").len();
    assert!((1..1_500).contains(&left), "{left} are left");
    fakes.mailhaul(&["undo", "--yes"]).expect(0);
    assert!(fakes.there("INBOX").is_empty());
}

/// Ctrl-C in the only folder of a `verify` ended with `complete`, 0 and the depth recorded, two thirds not
/// compared.
#[test]
fn a_verify_that_is_interrupted() {
    let fakes = FakeServers::loaded(1_000);
    fakes.mailhaul(&["run"]).expect(0);
    fakes.target.store(|store| {
        store.folders.get_mut("INBOX").unwrap().messages.last_mut().unwrap().body.extend(b"altered");
    });
    // The list comes first, then the texts, 200 at a time.
    let gate = Gate::hold(&fakes.target, "UID FETCH 1:200");
    let running =
        mailhaul_lab::runner::Mailhaul::new(&fakes.folder).args(["verify", "--depth", "full"]).spawn();
    gate.wait();
    running.interrupt_heard();
    gate.open();
    let outcome = running.wait().expect(130);
    assert!(!outcome.told().contains("complete"), "{}", outcome.told());
    assert_eq!(fakes.report()["mailboxes"][0]["folders"][0]["verified"], "none");
    fakes.mailhaul(&["verify", "--depth", "full"]).expect(3).says(&["altered-body"]);
}

/// A sample proves nothing about what it leaves out.
#[test]
fn a_sample_is_its_own_depth() {
    let fakes = FakeServers::loaded(30);
    fakes.mailhaul(&["run"]).expect(0);
    fakes.mailhaul(&["verify", "--depth", "full", "--sample", "1", "--seed", "7"]).expect(0).says(&[
        "no difference in the sample",
        "1 of 30 messages",
        "seed 7",
    ]);
    let folder = fakes.report()["mailboxes"][0]["folders"][0].clone();
    assert_eq!(folder["verified"], "sample");
    assert_eq!(folder["sample"], serde_json::json!({ "depth": "full", "percent": 1, "seed": 7 }));
    fakes.mailhaul(&["report"]).expect(0).says(&["at least a sample was compared", "nothing is proven"]);
    fakes.mailhaul(&["verify", "--depth", "headers"]).expect(0);
    fakes.mailhaul(&["verify", "--depth", "full", "--sample", "50"]).expect(0);
    assert_eq!(
        fakes.report()["mailboxes"][0]["folders"][0]["verified"],
        "headers",
        "what was compared whole"
    );
}

/// A folder that came after the run, with mail that was never copied: `verify --depth full` found no
/// difference.
#[test]
fn folders_that_no_run_has_read_are_found() {
    let fakes = FakeServers::loaded(3);
    fakes.mailhaul(&["run"]).expect(0);
    fakes.load("Later", 5);
    fakes.source.store(|store| store.create("Empty"));
    for depth in ["counts", "headers", "full"] {
        fakes
            .mailhaul(&["verify", "--depth", depth])
            .expect(3)
            .says(&["Later", "no run has read this folder"]);
    }
    let report = fakes.report();
    assert_sums(&report);
    assert_eq!((totals(&report), &report["verdict"]), ([8, 3, 0, 5], &"incomplete".into()));
    assert_eq!(differences(&report), [("missing".to_owned(), "Later".to_owned(), 0)]);
    fakes.mailhaul(&["run"]).expect(0);
    // A rule of the operator's that leaves it out holds here as well.
    let mut spec = fakes.spec();
    spec.extra = "[[folders]]\nfrom = \"More\"\nskip = true\n".to_owned();
    spec.write(&fakes.folder);
    fakes.load("More", 2);
    // Counted by one verify, and gone before a run has read it.
    fakes.load("Gone", 2);
    fakes.mailhaul(&["verify"]).expect(3).says(&["Gone"]);
    fakes.source.store(|store| store.folders.remove("Gone"));
    fakes.mailhaul(&["verify"]).expect(0);
    assert_complete(&fakes.report(), 8);
}

/// A number is believed of the UIDVALIDITY it was recorded under, and of no other: rows of what was gone, or
/// not listed, were brought back by their numbers when the source had begun to number anew, and five new
/// messages were never copied.
#[test]
fn numbers_begun_anew_after_an_empty_folder_or_a_short_list() {
    let renumber = |fakes: &FakeServers, texts: &[&str]| {
        fakes.source.store(|store| {
            let folder = store.folders.get_mut("INBOX").unwrap();
            folder.validity += 1;
            folder.next = 1;
            folder.messages.clear();
            for text in texts {
                store.add("INBOX", &["\\Seen"], DATE, &corpus::simple(text, text));
            }
        });
    };
    // Emptied, and then other mail under other numbers that look the same.
    let fakes = FakeServers::loaded(5);
    fakes.mailhaul(&["run"]).expect(0);
    fakes.source.store(|store| store.folders.get_mut("INBOX").unwrap().messages.clear());
    fakes.mailhaul(&["run"]).expect(0);
    renumber(&fakes, &["new one", "new two", "new three"]);
    fakes.mailhaul(&["run"]).expect(0);
    for text in ["new one", "new two", "new three"] {
        assert_eq!(copies(&fakes.there("INBOX"), text), 1, "{text}");
    }
    assert_complete(&fakes.report(), 3);

    // Numbers of what was gone, given to new messages under the same UIDVALIDITY: those are not taken for
    // copied.
    let fakes = FakeServers::loaded(5);
    fakes.mailhaul(&["run"]).expect(0);
    let cut = |fakes: &FakeServers| {
        fakes.source.store(|store| {
            let folder = store.folders.get_mut("INBOX").unwrap();
            folder.messages.truncate(3);
            folder.next = 4;
        });
    };
    cut(&fakes);
    fakes.mailhaul(&["run"]).expect(0);
    fakes.source.store(|store| store.add("INBOX", &["\\Seen"], DATE, &corpus::simple("reused", "x")));
    fakes.mailhaul(&["run"]).expect(0);
    assert_eq!(copies(&fakes.there("INBOX"), "reused"), 1);

    // A list that was short, and then the same mail under new numbers: nothing is sent twice.
    let fakes = FakeServers::new();
    let texts = ["one", "two", "three", "four", "five"];
    renumber(&fakes, &texts);
    fakes.mailhaul(&["run"]).expect(0);
    fakes.source.manners(|m| m.on_list = Box::new(|message| message.uid < 4));
    fakes.source.store(|store| store.add("INBOX", &["\\Seen"], DATE, &corpus::simple("six", "six")));
    fakes.mailhaul(&["run"]).expect(3);
    fakes.source.manners(|m| m.on_list = Box::new(|_| true));
    renumber(&fakes, &["five", "four", "three", "two", "one", "six"]);
    fakes.mailhaul(&["run"]).expect(0);
    assert_eq!(fakes.there("INBOX").len(), 6);
    assert_complete(&fakes.report(), 6);
}

/// What a verify has counted is still known as a folder under a new name by the next run.
#[test]
fn a_folder_that_was_renamed_before_a_verify() {
    let fakes = FakeServers::loaded(3);
    fakes.load("Old", 5);
    fakes.mailhaul(&["run"]).expect(0);
    fakes.source.store(|store| {
        let folder = store.folders.remove("Old").unwrap();
        store.folders.insert("New".to_owned(), folder);
    });
    fakes.mailhaul(&["verify"]).expect(3).says(&["New"]);
    let sent = fakes.target_heard("APPEND").len();
    fakes.mailhaul(&["run"]).expect(0);
    assert_eq!(fakes.target_heard("APPEND").len(), sent, "nothing is sent again");
    assert_eq!((fakes.there("New").len(), fakes.there("Old").len()), (5, 0));
    fakes.mailhaul(&["verify"]).expect(0);
    assert_complete(&fakes.report(), 8);
}

/// A run that stopped at its plan copied nothing: `verify` said `no difference`, and forgot why the run had
/// stopped.
#[test]
fn what_stopped_a_run_outlives_a_verify() {
    let fakes = FakeServers::loaded(3);
    // One name in two spellings.
    fakes.load("Entw&APw-rfe", 1);
    fakes.load("Entwürfe", 1);
    fakes.mailhaul(&["run"]).expect(3).says(&["would both become"]);
    fakes.mailhaul(&["verify", "--depth", "full"]).expect(3);
    let report = fakes.report();
    assert_ne!(report["verdict"], "complete");
    assert_eq!(report["mailboxes"][0]["stopped"]["cause"], "plan", "{report:#}");
    assert_eq!(copies(&fakes.there("INBOX"), "INBOX"), 0);
}
