//! Servers put back from a backup, whose numbers mean other messages than before.
//!
//! And targets that merge or rewrite what they are given. Every message of the source is on the target
//! exactly once, and others' mail is left alone.

use std::collections::BTreeMap;

use mailhaul_lab::corpus;
use mailhaul_lab::fake::{Incoming, Manners, Take};
use mailhaul_lab::imap::{Client, Folder};
use mailhaul_lab::maildir::{self, Backup};
use mailhaul_lab::proxy::{Proxy, Way};
use serde_json::Value;

use crate::support::compare::{assert_complete, assert_sums, differences};
use crate::support::fake_servers::{DATE, FakeServers, copies, exception};
use crate::support::mail_servers::{Account, Host, Move, dovecots};

const THEN: &str = " 2-Jul-2024 08:00:00 +0200";
const LATER: &str = " 9-Jul-2024 09:30:00 +0200";

type Key = (String, String);

/// Messages with their flags and dates, and how often each is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Bag(BTreeMap<Key, Vec<(Vec<String>, i64)>>);

impl Bag {
    /// Reads everything an account holds.
    fn of(account: &Account) -> Self {
        let mut client = account.client();
        let mut bag = Self::default();
        for folder in client.list().unwrap().into_iter().filter(Folder::selectable) {
            for (message, body) in client.whole(&folder.name).unwrap() {
                let key = (folder.name.clone(), String::from_utf8(body).unwrap());
                let same = bag.0.entry(key).or_default();
                same.push((message.flags, message.date));
                same.sort();
            }
        }
        bag
    }

    /// With what of another is not in this one: a message of both is as this one has it.
    fn and(mut self, other: &Self) -> Self {
        for (key, seen) in &other.0 {
            self.0.entry(key.clone()).or_insert_with(|| seen.clone());
        }
        self
    }

    /// Returns the messages whose text has this in it.
    fn with(&self, text: &str) -> Self {
        Self(
            self.0
                .iter()
                .filter(|((_, t), _)| t.contains(text))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
        )
    }

    fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// The account holds this and nothing else.
    #[track_caller]
    fn assert_is(&self, account: &Account, when: &str) {
        let there = Self::of(account);
        let odd = |one: &Self, other: &Self| {
            let odd = one.0.iter().filter(|(key, seen)| other.0.get(*key) != Some(*seen));
            odd.map(|((folder, text), seen)| format!("  {folder}: {} {seen:?}", subject(text)))
                .collect::<Vec<_>>()
                .join("\n")
        };
        assert!(
            *self == there,
            "{when}: wanted\n{}\nthere instead\n{}",
            odd(self, &there),
            odd(&there, self)
        );
    }
}

fn subject(text: &str) -> &str {
    text.lines().find(|line| line.starts_with("Subject:")).unwrap_or("no subject")
}

/// Stores `NAME 1` and so on. Names of one length make messages of one size.
fn deliver(client: &mut Client, folder: &str, name: &str, count: usize, flags: &[&str], date: &str) {
    for n in 1..=count {
        client.append_one(folder, flags, date, &corpus::simple(&format!("{name} {n}"), "text")).unwrap();
    }
}

fn at_source(haul: &Move) -> std::path::PathBuf {
    dovecots().old.maildir(&haul.from.user)
}

/// How many messages the last run copied.
#[track_caller]
fn copied(haul: &Move) -> Value {
    haul.report()["last_run"]["copied"].clone()
}

/// One more run, which has nothing to do, and a comparison byte for byte.
#[track_caller]
fn assert_settled(haul: &Move, wanted: &Bag, when: &str) {
    haul.mailhaul(&["run"]).expect(0);
    assert_eq!(copied(haul), 0, "{when}");
    wanted.assert_is(&haul.to, when);
    haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
}

/// What arrived after the backup is lost at the source, and what arrived since has its numbers. The lost
/// ones' copies stay as they were, and the new ones are copied.
#[test]
fn a_source_put_back_from_a_backup() {
    // Of the six that were copied three were in the backup. As many, more or fewer new ones come, which
    // differ from those whose numbers they have in size or in date only.
    for (new, name, date, index) in [
        (1, "another", THEN, true),
        (2, "anew", LATER, true),
        (3, "another", THEN, false),
        (3, "anew", LATER, false),
        (6, "another", THEN, true),
        (6, "anew", LATER, true),
        (6, "anew", LATER, false),
    ] {
        let when = format!("{new} new ones called {name}, {date}, with indexes: {index}");
        let haul = Move::usual();
        let mut old = haul.from.client();
        old.create("Projekte").unwrap();
        for folder in ["INBOX", "Projekte"] {
            deliver(&mut old, folder, &format!("early {folder}"), 3, &["\\Seen"], THEN);
        }
        drop(old);
        let backup = Backup::take(&at_source(&haul));
        deliver(&mut haul.from.client(), "INBOX", "late", 3, &["\\Seen"], THEN);
        haul.mailhaul(&["run"]).expect(0);
        let first = Bag::of(&haul.to);
        assert_eq!(first, Bag::of(&haul.from), "{when}");

        backup.put_back();
        if !index {
            maildir::lose_index(&at_source(&haul));
        }
        deliver(&mut haul.from.client(), "INBOX", name, new, &["\\Flagged"], date);
        haul.mailhaul(&["run"]).expect(0);
        let wanted = first.and(&Bag::of(&haul.from));
        assert_eq!(wanted.len(), 9 + new, "{when}");
        wanted.assert_is(&haul.to, &when);
        let report = haul.report();
        assert_complete(&report, 6 + new);
        assert_eq!(report["last_run"]["copied"], new, "{when}");
        assert_settled(&haul, &wanted, &when);
    }
}

/// The same without the files' times: every message has another date than the ledger knows, and is the same
/// all the same. Nothing is copied twice, and the messages are read for it once.
#[test]
fn a_source_put_back_without_the_times_of_its_files() {
    const BODY: usize = 20_000;
    let haul = Move::usual();
    let mut old = haul.from.client();
    for n in 1..=40 {
        let body = corpus::simple(&format!("early {n}"), &"x".repeat(BODY));
        old.append_one("INBOX", &["\\Seen"], THEN, &body).unwrap();
    }
    drop(old);
    let backup = Backup::take(&at_source(&haul));
    haul.mailhaul(&["run"]).expect(0);
    let first = Bag::of(&haul.to);
    assert_eq!(first, Bag::of(&haul.from));

    backup.put_back();
    maildir::lose_times(&at_source(&haul));
    assert_ne!(first, Bag::of(&haul.from), "the test is about other dates");
    let mut wanted = first.clone();
    for n in 1..=2 {
        deliver(&mut haul.from.client(), "INBOX", &format!("since {n}"), 1, &[], LATER);
        wanted = wanted.and(&Bag::of(&haul.from));
        let from = Proxy::start(haul.from.tls_port());
        haul.rewrite(|spec| {
            spec.source.port = from.port;
            // Hooks look at the messages for themselves.
            spec.extra = "[plugins]\nvalidation = []\n".to_owned();
        });
        haul.mailhaul(&["run"]).expect(0);
        let read = from.passed(Way::ToClient);
        wanted.assert_is(&haul.to, &format!("run {n}"));
        let report = haul.report();
        assert_complete(&report, 40 + n);
        assert_eq!(report["last_run"]["copied"], 1);
        assert!(n == 1 || read < 10 * BODY as u64, "{read} bytes for one small message: they are read again");
    }
}

/// Without the times, and with new messages under the numbers of others.
#[test]
fn a_source_put_back_without_times_that_has_new_mail() {
    for new in [2, 3, 5] {
        let when = format!("{new} new ones");
        let haul = Move::usual();
        deliver(&mut haul.from.client(), "INBOX", "early", 4, &["\\Seen"], THEN);
        let backup = Backup::take(&at_source(&haul));
        deliver(&mut haul.from.client(), "INBOX", "late", 3, &["\\Seen"], THEN);
        haul.mailhaul(&["run"]).expect(0);
        let first = Bag::of(&haul.to);
        backup.put_back();
        maildir::lose_times(&at_source(&haul));
        // Of the same size as those that had these numbers.
        deliver(&mut haul.from.client(), "INBOX", "anew", new, &["\\Flagged"], LATER);
        haul.mailhaul(&["run"]).expect(0);
        let wanted = first.and(&Bag::of(&haul.from));
        wanted.assert_is(&haul.to, &when);
        assert_complete(&haul.report(), 4 + new);
        haul.mailhaul(&["run"]).expect(0);
        assert_eq!(copied(&haul), 0, "{when}");
        wanted.assert_is(&haul.to, &when);
    }
}

/// A target put back to before the run, where `strangers` were delivered since under our copies' numbers, in
/// this name and with this date. Ours come again, and what is not ours is neither touched nor given our
/// flags.
#[track_caller]
fn target_put_back(strangers: usize, name: &str, date: &str, index: bool) {
    let when = format!("{strangers} of others' called {name}, {date}, with indexes: {index}");
    let haul = Move::usual();
    let mut old = haul.from.client();
    old.create("Projekte").unwrap();
    deliver(&mut old, "INBOX", "mail", 5, &["\\Seen"], THEN);
    deliver(&mut old, "Projekte", "work", 3, &["\\Seen"], THEN);
    deliver(&mut haul.to.client(), "INBOX", "own", 1, &["\\Answered"], THEN);
    let own = Bag::of(&haul.to);
    let maildir = dovecots().new.maildir(&haul.to.user);
    let backup = Backup::take(&maildir);
    haul.mailhaul(&["run"]).expect(0);
    own.and(&Bag::of(&haul.from)).assert_is(&haul.to, &when);

    backup.put_back();
    if !index {
        maildir::lose_index(&maildir);
    }
    deliver(&mut haul.to.client(), "INBOX", name, strangers, &[], date);
    let others = Bag::of(&haul.to);
    assert_eq!(others.len(), 1 + strangers, "{when}");
    // What was flagged at the source since is the business of our copies only.
    old.store("INBOX", 1, "+FLAGS", &["\\Deleted"]).unwrap();
    old.store("INBOX", 2, "+FLAGS", &["\\Flagged"]).unwrap();
    drop(old);
    let wanted = others.clone().and(&Bag::of(&haul.from));
    assert_eq!(wanted.len(), 9 + strangers, "{when}");
    let outcome = haul.mailhaul(&["run"]);
    // First of all what harms others.
    assert_eq!(
        Bag::of(&haul.to).with(&format!("Subject: {name}")),
        others.with(&format!("Subject: {name}")),
        "{when}"
    );
    wanted.assert_is(&haul.to, &when);
    outcome.expect(0);
    assert_complete(&haul.report(), 8);
    assert_settled(&haul, &wanted, &when);
    haul.mailhaul(&["undo", "--yes"]).expect(0);
    others.assert_is(&haul.to, &format!("{when}, after undo"));
}

/// UIDNEXT has gone back: fewer messages were delivered since than had been copied.
#[test]
fn a_target_put_back_from_a_backup() {
    target_put_back(0, "else", THEN, true);
    target_put_back(2, "another", THEN, true);
    target_put_back(2, "else", LATER, false);
    target_put_back(4, "else", LATER, true);
}

/// As many were delivered as had been copied, or more: UIDNEXT has not gone back, and only sizes or dates
/// tell.
#[test]
fn a_target_put_back_that_has_as_much_new_mail() {
    target_put_back(5, "another", THEN, true);
    target_put_back(5, "else", LATER, false);
    target_put_back(9, "another", THEN, false);
    target_put_back(9, "else", LATER, true);
}

/// Nothing has changed at the source since, so that the target's figures alone tell.
#[test]
fn a_target_put_back_below_a_source_that_has_not_changed() {
    for strangers in [0, 2, 7] {
        let when = format!("{strangers} of others'");
        let haul = Move::usual();
        deliver(&mut haul.from.client(), "INBOX", "mail", 5, &["\\Seen"], THEN);
        haul.to.snapshot();
        let backup = Backup::take(&dovecots().new.maildir(&haul.to.user));
        haul.mailhaul(&["run"]).expect(0);
        backup.put_back();
        deliver(&mut haul.to.client(), "INBOX", "another", strangers, &["\\Seen"], THEN);
        let wanted = Bag::of(&haul.to).and(&Bag::of(&haul.from));
        haul.mailhaul(&["run"]).expect(0);
        wanted.assert_is(&haul.to, &when);
        assert_complete(&haul.report(), 5);
        assert_settled(&haul, &wanted, &when);
    }
}

/// The target's files were put back without their times: our copies have other dates than the ledger knows,
/// and are our copies all the same.
#[test]
fn a_target_put_back_without_the_times_of_its_files() {
    let haul = Move::usual();
    deliver(&mut haul.from.client(), "INBOX", "mail", 5, &["\\Seen"], THEN);
    haul.mailhaul(&["run"]).expect(0);
    let maildir = dovecots().new.maildir(&haul.to.user);
    let backup = Backup::take(&maildir);
    backup.put_back();
    maildir::lose_times(&maildir);
    let there = Bag::of(&haul.to);
    deliver(&mut haul.from.client(), "INBOX", "since", 1, &[], LATER);
    let wanted = there.and(&Bag::of(&haul.from));
    haul.mailhaul(&["run"]);
    assert_eq!(copied(&haul), 1);
    wanted.assert_is(&haul.to, "after the run");
    haul.from.client().store("INBOX", 1, "+FLAGS", &["\\Flagged"]).unwrap();
    haul.mailhaul(&["run"]);
    let flagged = Bag::of(&haul.to).with("Subject: mail 1");
    assert!(
        flagged.0.values().flatten().all(|(flags, _)| flags.contains(&"\\Flagged".to_owned())),
        "still ours"
    );
    assert_eq!(Bag::of(&haul.to).len(), 6);
    haul.mailhaul(&["undo", "--yes"]);
    assert_eq!(Bag::of(&haul.to).len(), 0, "still ours");
}

/// A source that has lost its numbers: a new message with an old one's text, and nothing else of it, is a new
/// message.
#[test]
fn a_new_message_with_the_text_of_one_that_was_deleted() {
    let report = |day: u32| {
        format!(
            "From: cron@example.org\r\nTo: ops@example.org\r\nSubject: backup of day {day}\r\n\
             Message-ID: <{day}@example.org>\r\nDate: Mon, {day} Jul 2024 03:00:00 +0200\r\n\r\nbackup finished\r\n"
        )
    };
    let haul = Move::usual();
    let mut old = haul.from.client();
    for day in 1..=4 {
        old.append_one("INBOX", &["\\Seen"], THEN, report(day).as_bytes()).unwrap();
    }
    haul.mailhaul(&["run"]).expect(0);
    let first = Bag::of(&haul.to);
    let validity = old.status("INBOX", "UIDVALIDITY").unwrap();
    let oldest = old.folder("INBOX").unwrap()[0].uid;
    old.delete("INBOX", oldest).unwrap();
    drop(old);
    maildir::lose_numbers(&at_source(&haul));
    let mut old = haul.from.client();
    old.append_one("INBOX", &[], LATER, report(5).as_bytes()).unwrap();
    assert_ne!(old.status("INBOX", "UIDVALIDITY").unwrap(), validity, "the test is about new numbers");
    drop(old);
    let wanted = first.and(&Bag::of(&haul.from));
    assert_eq!(wanted.len(), 5);
    haul.mailhaul(&["run"]).expect(0);
    wanted.assert_is(&haul.to, "after the run");
    let report = haul.report();
    assert_complete(&report, 4);
    assert_eq!(report["last_run"]["copied"], 1);
    assert_settled(&haul, &wanted, "after one more");
}

/// Moved out of its folder and back, as after an undo in a mail program: it has another number, and its copy
/// is there.
#[test]
fn a_message_that_was_moved_away_and_back() {
    let haul = Move::new(Host::New, Host::New);
    let mut old = haul.from.client();
    deliver(&mut old, "INBOX", "mail", 3, &["\\Seen"], THEN);
    old.create("Tmp").unwrap();
    haul.mailhaul(&["run"]).expect(0);
    let first = Bag::of(&haul.to);
    for _ in 0..2 {
        let uid = old.folder("INBOX").unwrap()[0].uid;
        old.move_message("INBOX", uid, "Tmp").unwrap();
        let uid = old.folder("Tmp").unwrap()[0].uid;
        old.move_message("Tmp", uid, "INBOX").unwrap();
        haul.mailhaul(&["run"]).expect(0);
        first.assert_is(&haul.to, "moved away and back");
        assert_complete(&haul.report(), 3);
        assert_settled(&haul, &first, "one more run");
    }
}

/// A target that keeps one of several messages with one Message-ID, the first or the last, and says OK to
/// all.
#[test]
fn a_target_that_merges_messages_in_silence() {
    for (capability, last) in
        [("IMAP4rev1 LITERAL+", false), ("IMAP4rev1 LITERAL+", true), ("IMAP4rev1 LITERAL+ UIDPLUS", true)]
    {
        let fakes = FakeServers::with(Manners::default(), Manners::of(capability));
        fakes.source.store(|store| {
            for n in 1..=3 {
                let body =
                    format!("Message-ID: <same@example.org>\r\nSubject: message {n}\r\n\r\ntext {n}\r\n");
                store.add("INBOX", &["\\Seen"], DATE, body.as_bytes());
            }
            for n in 4..=6 {
                store.add("INBOX", &["\\Seen"], DATE, &corpus::simple(&format!("other {n}"), "x"));
            }
        });
        fakes.target.manners(|m| {
            m.on_append = Box::new(move |m| {
                let merges = m.says("<same@");
                let folder = m.store.folders.get_mut("INBOX").unwrap();
                if !merges || !folder.messages.iter().any(|have| have.says("<same@")) {
                    return Take::Store;
                }
                if last {
                    folder.remove(|have| have.says("<same@"));
                    return Take::Store;
                }
                Take::Say("OK Stored".to_owned())
            });
        });
        let when = format!("{capability}, keeps the last: {last}");
        for _ in 0..3 {
            fakes.mailhaul(&["run"]).expect(3);
            assert_eq!(fakes.there("INBOX").len(), 4, "{when}");
            let report = fakes.report();
            assert_sums(&report);
            assert_eq!(report["verdict"], "incomplete", "{when}: {report:#}");
            // Where each one sent takes an earlier one's place, which of them is told of is chance.
            for uid in if last { 0..0 } else { 2..4 } {
                assert_eq!(exception(&report, "INBOX", uid)["outcome"], "failed", "{when}: {report:#}");
            }
        }
        let sent = fakes.target_heard("APPEND").len();
        fakes.mailhaul(&["run"]).expect(3);
        assert_eq!(fakes.target_heard("APPEND").len(), sent, "{when}: three times were enough");
    }
}

/// Capabilities of targets: one tells the UIDs it gives, one takes literals unasked, one does neither.
const TOLD: [&str; 3] = ["IMAP4rev1 LITERAL+ UIDPLUS", "IMAP4rev1 LITERAL+", "IMAP4rev1"];

fn footer(m: &mut Incoming<'_>) {
    m.body.extend(b"--\r\nscanned by the gateway\r\n");
}

fn cut(m: &mut Incoming<'_>) {
    m.body.truncate(m.body.len() - 12);
}

fn subject_marked(m: &mut Incoming<'_>) {
    let text = String::from_utf8(m.body.clone()).unwrap();
    *m.body = text.replacen("Subject: ", "Subject: [External] ", 1).into_bytes();
}

/// What a target does to mail before it stores it.
type Rewrite = fn(&mut Incoming<'_>);

/// Ten messages, with or without Message-ID, and a target that does so to all but the third and the seventh.
fn rewriting(rewrite: Rewrite, capability: &str, with_id: bool) -> FakeServers {
    let fakes = FakeServers::with(Manners::default(), Manners::of(capability));
    fakes.source.store(|store| {
        for n in 1..=10 {
            let body = corpus::simple(&format!("mail {n:02}"), "some text that is long enough");
            let text = String::from_utf8(body).unwrap();
            let lines =
                text.split_inclusive("\r\n").filter(|line| with_id || !line.starts_with("Message-ID"));
            store.add("INBOX", &["\\Seen"], DATE, lines.collect::<String>().as_bytes());
        }
    });
    fakes.target.store(|store| store.add("INBOX", &[], DATE, &corpus::simple("was there before", "x")));
    fakes.target.manners(|m| {
        m.on_append = Box::new(move |m| {
            if !m.says("mail 03") && !m.says("mail 07") {
                rewrite(m);
            }
            Take::Store
        });
    });
    fakes
}

/// Each message is there once, and what was done to it is a difference, not a reason to send it again.
#[track_caller]
fn assert_altered(fakes: &FakeServers, kind: &str, when: &str) {
    for run in 1..=3 {
        let when = format!("{kind}, {when}, run {run}");
        let outcome = fakes.mailhaul(&["run"]);
        let there = fakes.there("INBOX");
        assert_eq!(there.len(), 11, "{when}\n{}", outcome.told());
        for n in 1..=10 {
            assert_eq!(copies(&there, &format!("mail {n:02}\r\n")), 1, "{when}, message {n}");
        }
        outcome.expect(3);
        let report = fakes.report();
        assert_sums(&report);
        assert_eq!(report["verdict"], "incomplete", "{when}: {report:#}");
        let told = differences(&report).into_iter().filter(|(have, _, _)| have == kind);
        let told: Vec<u64> = told.map(|(_, _, uid)| uid).collect();
        assert_eq!(told, [1, 2, 4, 5, 6, 8, 9, 10], "{when}: {report:#}");
    }
    assert_eq!(fakes.target_heard("APPEND").len(), 10, "{kind}, {when}");
}

#[test]
fn a_target_that_adds_to_bodies() {
    for capability in TOLD {
        for with_id in [true, false] {
            let fakes = rewriting(footer, capability, with_id);
            assert_altered(&fakes, "altered-body", &format!("{capability}, with Message-ID: {with_id}"));
        }
    }
}

#[test]
fn a_target_that_cuts_messages_short() {
    for capability in TOLD {
        for with_id in [true, false] {
            let fakes = rewriting(cut, capability, with_id);
            assert_altered(&fakes, "truncated", &format!("{capability}, with Message-ID: {with_id}"));
        }
    }
}

#[test]
fn a_target_that_marks_subjects() {
    for capability in TOLD {
        assert_altered(&rewriting(subject_marked, capability, true), "altered-headers", capability);
    }
    // Where neither Message-ID nor subject tells whose it is, only the UID does.
    assert_altered(&rewriting(subject_marked, TOLD[0], false), "altered-headers", "without Message-ID");
}
