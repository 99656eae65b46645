//! Claims, lists and texts without end: what they cost in memory, time and other mail.
//!
//! At either end: the process keeps within its memory, the mailbox ends in time with a sentence, and once the
//! server behaves the same command brings all of it, once.

use std::time::Duration;

use mailhaul_lab::fake::{Fake, Give, Manners, Verdict, rows};
use mailhaul_lab::runner::{Mailhaul, Outcome};

use crate::support::fake_servers::{FakeServers, exception, with_peak};

/// The most memory of the whole process: `[limits] memory`.
const MEMORY_KIB: u64 = 256 << 10;
/// Five further connections and the pauses before them; the machine may be busy.
const TIME: Duration = Duration::from_secs(150);

/// Runs `run`, which has to fail within its time and memory.
#[track_caller]
fn within(fakes: &FakeServers) -> Outcome {
    let (outcome, peak) = with_peak(Mailhaul::new(&fakes.folder).args(["run", "--no-progress"]).spawn());
    assert!(outcome.elapsed < TIME, "{:?}\n{}", outcome.elapsed, outcome.told());
    assert!((1..=MEMORY_KIB).contains(&peak), "{peak} KiB\n{}", outcome.told());
    assert_ne!(outcome.code, Some(0), "{}", outcome.told());
    outcome
}

/// Both of ends with a row switched on at one of them; the target holds some of the mail already.
#[track_caller]
fn misbehaving(name: &str, told: &str, at: fn(&FakeServers) -> &Fake) {
    let fakes = FakeServers::loaded(20);
    let some = fakes.source.store(|store| store.messages("INBOX")[..3].to_vec());
    fakes.target.store(|store| {
        for m in some {
            store.add("INBOX", &["\\Seen"], crate::support::fake_servers::DATE, &m.body);
        }
    });
    let row = rows().find(|row| row.name == name).unwrap_or_else(|| panic!("no row `{name}`"));
    let server = at(&fakes);
    row.prepare(server);
    row.apply(server);
    within(&fakes).says(&[told]);
    behave(server);
    fakes.mailhaul(&["run"]).expect(0);
    fakes.assert_moved();
}

fn behave(server: &Fake) {
    server.manners(|m| *m = Manners::of(&m.capability));
}

const ENDS: [fn(&FakeServers) -> &Fake; 2] = [|fakes| &fakes.source, |fakes| &fakes.target];

#[test]
fn a_list_of_messages_without_end() {
    for at in ENDS {
        misbehaving("list-endless", "messages were listed of a folder that holds", at);
    }
}

/// `* 4294967295 EXISTS` and `ESEARCH ALL 1:4294967295` once took 1.5 GiB.
#[test]
fn a_folder_that_holds_every_uid() {
    for at in ENDS {
        misbehaving("search-finds-everything", "holds 4294967295 messages", at);
    }
}

#[test]
fn a_text_without_end() {
    misbehaving("text-endless", "a text of 9000000000000000000 bytes was announced", ENDS[0]);
}

#[test]
fn a_name_without_end() {
    for at in ENDS {
        misbehaving("name-without-end", "60000 levels", at);
    }
}

/// Each name is a good one.
#[test]
fn folders_without_end() {
    for at in ENDS {
        let fakes = FakeServers::loaded(3);
        let server = at(&fakes);
        server.manners(|m| {
            m.on_command = Box::new(|line| match line.starts_with("LIST") && line.contains('*') {
                true => Verdict::Endless { every: Duration::ZERO, say: folders },
                false => Verdict::Go,
            });
        });
        within(&fakes).says(&["more than 64 MiB were sent"]);
        behave(server);
        fakes.mailhaul(&["run"]).expect(0);
        fakes.assert_moved();
    }
}

fn folders(n: u64) -> Vec<u8> {
    (0..500).map(|m| format!("* LIST () \"/\" \"folder {n} {m}\"\r\n")).collect::<String>().into_bytes()
}

/// And more of them than anybody has, in a list that does end.
#[test]
fn a_hundred_thousand_folders_and_one() {
    let fakes = FakeServers::loaded(3);
    fakes.source.manners(|m| {
        m.on_answer = Box::new(|line, out| {
            if line.starts_with("LIST") && line.contains('*') {
                let more: String =
                    (0..100_001).map(|n| format!("* LIST () \"/\" \"folder {n}\"\r\n")).collect();
                out.splice(0..0, more.into_bytes());
            }
        });
    });
    within(&fakes).says(&["the server lists 100002 folders"]);
}

/// A message as long as it is announced, which is longer than any can be: the others are moved.
#[test]
fn a_message_longer_than_there_can_be() {
    let fakes = FakeServers::loaded(10);
    fakes.source.manners(|m| {
        m.on_fetch = Box::new(|m| match m.uid {
            5 => Give::Announced(9_000_000_000_000_000_000),
            _ => Give::Whole,
        });
    });
    within(&fakes);
    fakes.assert_moved_but(|m| m.uid == 5);
    assert_eq!(exception(&fakes.report(), "INBOX", 5)["outcome"], "failed");
}
