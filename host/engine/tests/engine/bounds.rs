//! Bounds: what a server claims and gives without end costs its own mailbox, some hours at most, and nobody
//! else's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mailhaul_engine::cause::Cause;
use mailhaul_engine::event::MailboxEnd;
use mailhaul_engine::password_hosts::Destination;
use mailhaul_engine::plugin::{AccountEntry, Depth};
use mailhaul_engine::summary::Side;
use mailhaul_lab::corpus;
use mailhaul_lab::fake::{Fake, Give, Manners, Verdict, rows};
use mailhaul_net::Dialer;

use crate::doubles::Mailboxes;
use crate::outcome::Outcome;
use crate::stage::{DATE, Stage, message};

fn row(name: &str) -> &'static mailhaul_lab::fake::Misbehaviour {
    rows().find(|row| row.name == name).unwrap_or_else(|| panic!("no row `{name}`"))
}

/// Five messages, and a row switched on at an end.
fn misbehaving(name: &str, side: Side) -> Stage {
    let stage = Stage::loaded(5);
    let server = if side == Side::Source { &stage.source } else { &stage.target };
    row(name).prepare(server);
    row(name).apply(server);
    stage
}

/// It ends in bounded time with a cause and a sentence, and once the server behaves everything is moved,
/// once.
#[track_caller]
fn ends(stage: &Stage, side: Side, told: &str, hours: u64) {
    let outcome = stage.run();
    let (at, cause, reason) = outcome.stopped();
    assert_eq!((at, cause.as_str()), (side, "server-fault"), "{reason}");
    assert!(reason.contains(told), "{reason}");
    assert!(outcome.waited < Duration::from_secs(hours * 3_600), "{:?}", outcome.waited);
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn a_list_without_end_is_an_error_of_its_server() {
    let source = misbehaving("list-endless", Side::Source);
    ends(&source, Side::Source, "messages were listed of a folder that holds 5", 1);
    // What is known of the target is a list as well.
    let target = misbehaving("list-endless", Side::Target);
    target.target.store(|store| store.add("INBOX", &["\\Seen"], DATE, &message("INBOX", 1)));
    let outcome = target.run();
    assert_eq!(outcome.stopped().0, Side::Target, "{outcome:#?}");
    target.behave();
    target.run().complete();
    target.assert_moved();
}

#[test]
fn a_list_that_trickles_is_given_up() {
    ends(&misbehaving("list-trickles", Side::Source), Side::Source, "too slow with FETCH", 5);
    ends(&misbehaving("list-of-one", Side::Source), Side::Source, "too slow with FETCH", 5);
}

/// Verify reads lists and texts of both ends.
#[test]
fn whoever_only_looks_is_not_kept_for_ever_either() {
    for name in
        ["list-endless", "list-trickles", "list-of-one", "text-endless", "text-trickles", "still-here"]
    {
        for side in [Side::Source, Side::Target] {
            let stage = Stage::loaded(2);
            stage.run().complete();
            row(name).apply(if side == Side::Source { &stage.source } else { &stage.target });
            let outcome = stage.verify(Depth::Full);
            assert_ne!(outcome.end(), &MailboxEnd::Complete, "{name} {side:?}");
            assert!(outcome.waited < Duration::from_secs(5 * 3_600), "{name} {side:?}: {:?}", outcome.waited);
        }
    }
}

/// Two lines of a server, and nothing that is as large as what they say.
#[test]
fn a_folder_of_four_thousand_million_messages_is_refused_and_the_others_go_on() {
    for side in [Side::Source, Side::Target] {
        let stage = misbehaving("search-finds-everything", side);
        let outcome = stage.run();
        outcome.not_well().warns("the folder holds 4294967295 messages");
        stage.behave();
        stage.run().complete();
        stage.assert_moved();
    }
    let stage = Stage::loaded(3);
    stage.load("Work", 3);
    stage.source.manners(|m| {
        m.on_answer = Box::new(|line, out| {
            if line == "EXAMINE \"INBOX\"" {
                out.splice(0..0, *b"* 4294967295 EXISTS\r\n");
                let shown = String::from_utf8_lossy(out).replace("* 3 EXISTS\r\n", "");
                *out = shown.into_bytes();
            }
        });
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().folder("Work").counts.copied, 3);
    assert_eq!(outcome.folder("INBOX").counts.copied, 0);
}

#[test]
fn a_name_of_sixty_thousand_levels_is_refused_with_a_sentence() {
    for side in [Side::Source, Side::Target] {
        let stage = misbehaving("name-without-end", side);
        ends(&stage, side, "60000 levels", 1);
    }
}

/// One text that is announced beyond what there can be: the message alone is not read.
#[test]
fn a_text_far_longer_than_its_message_is_unreadable_and_the_rest_goes_on() {
    let stage = Stage::loaded(6);
    stage.source.manners(|m| {
        m.on_fetch = Box::new(|m| match m.says("INBOX 005") {
            true => Give::Announced(9_000_000_000_000_000_000),
            false => Give::Whole,
        });
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [6, 5, 0, 0, 1, 0]);
    let (exception, code) = outcome.exception("INBOX", 5);
    assert_eq!(code, "unreadable");
    assert!(exception.reason.contains("RFC822.SIZE"), "{exception:?}");
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

/// Servers that estimate sizes are off by some, and their texts are taken.
#[test]
fn a_text_that_is_somewhat_longer_than_announced_is_taken() {
    let stage = Stage::loaded(4);
    stage.source.manners(|m| m.on_fetch = Box::new(|_| Give::Long(900_000)));
    assert_eq!(stage.run().totals()[1], 4);
}

#[test]
fn a_text_that_trickles_makes_its_message_unreadable() {
    let stage = Stage::loaded(1);
    row("text-trickles").apply(&stage.source);
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [1, 0, 0, 0, 1, 0]);
    assert!(outcome.exception("INBOX", 1).0.reason.contains("too slow"), "{outcome:#?}");
    assert!(outcome.waited < Duration::from_secs(3_600), "{:?}", outcome.waited);
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn a_target_that_is_only_still_here_is_given_up() {
    let stage = misbehaving("still-here", Side::Target);
    let outcome = stage.run();
    assert!(outcome.waited < Duration::from_secs(5 * 3_600), "{:?}", outcome.waited);
    assert_ne!(outcome.end(), &MailboxEnd::Complete);
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

/// Dovecot's words during long work.
#[test]
fn a_target_that_takes_twenty_minutes_and_says_so_is_waited_for() {
    let stage = Stage::loaded(3);
    let mut first = true;
    stage.target.manners(|m| {
        m.on_command = Box::new(move |line| match line.starts_with("APPEND") && std::mem::take(&mut first) {
            true => Verdict::Work { said: 60, every: Duration::from_secs(20) },
            false => Verdict::Go,
        });
    });
    let outcome = stage.run();
    assert_eq!((outcome.complete().reconnects(), outcome.waited.as_secs() / 60), (0, 20));
    stage.assert_moved();
}

#[test]
fn a_target_that_sips_is_given_up() {
    let stage = Stage::new();
    // More than a line's buffers hold.
    stage.source.store(|store| {
        for n in 0..4 {
            store.add("INBOX", &[], DATE, &corpus::simple(&format!("big {n}"), &"x".repeat(1 << 20)));
        }
    });
    row("sips").apply(&stage.target);
    let outcome = stage.run();
    assert!(outcome.waited < Duration::from_secs(5 * 3_600), "{:?}", outcome.waited);
    assert_ne!(outcome.end(), &MailboxEnd::Complete);
    stage.behave();
    for _ in 0..3 {
        stage.run();
    }
    stage.run().complete();
    stage.assert_moved();
}

/// Mailboxes with servers of their own: at source and target, by a number that stands in their ports.
struct Fleet {
    stage: Stage,
    servers: HashMap<u16, Fake>,
}

const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

impl Fleet {
    /// With two messages each.
    fn new() -> Self {
        let mut stage = Stage::new();
        let mut servers = HashMap::new();
        let mut list = Mailboxes::of(&KEYS);
        for (entry, n) in list.entries.iter_mut().zip(1_u16..) {
            for (end, port) in [(&mut entry.source, 1_000 + n), (&mut entry.target, 2_000 + n)] {
                let host = if port < 2_000 { "old.example" } else { "new.example" };
                servers.insert(port, Fake::in_memory(Manners::default()));
                *end = AccountEntry { port: Some(port), ..std::mem::take(end) };
                stage.job.mailbox_hosts.push(Destination { host: host.into(), port: Some(port) });
            }
            servers[&(1_000 + n)].store(|store| {
                for n in 1..=2 {
                    store.add("INBOX", &[], DATE, &message("INBOX", n));
                }
            });
        }
        stage.plugins.source = Arc::new(list);
        for host in [&mut stage.job.source, &mut stage.job.target] {
            let servers = servers.clone();
            host.dialer = Dialer::platform().through(move |endpoint| {
                let server = servers.get(&endpoint.port).map(Fake::connect);
                std::future::ready(server.ok_or_else(|| std::io::ErrorKind::ConnectionRefused.into()))
            });
        }
        Self { stage, servers }
    }

    fn end(outcome: &Outcome, key: &str) -> MailboxEnd {
        let finish = outcome.finish.as_ref().expect("a task that ended");
        let found = finish.mailboxes.iter().find(|(name, _)| name.contains(key));
        found.unwrap_or_else(|| panic!("no {key}: {finish:?}")).1.clone()
    }
}

/// Every slot is taken by a server that trickles: the others get their turn, and each of the four ends with a
/// cause.
#[test]
fn servers_that_trickle_do_not_keep_the_others_from_their_turn() {
    let mut fleet = Fleet::new();
    fleet.stage.most = std::time::Duration::from_secs(10);
    for (port, name) in
        [(1_001, "list-of-one"), (1_002, "list-trickles"), (2_003, "still-here"), (1_004, "still-here")]
    {
        row(name).apply(&fleet.servers[&port]);
    }
    let outcome = fleet.stage.run();
    for (key, n) in KEYS.iter().zip(1_u16..) {
        let there = fleet.servers[&(2_000 + n)].store(|store| store.messages("INBOX").len());
        match Fleet::end(&outcome, key) {
            MailboxEnd::Complete => assert!(n > 4 && there == 2, "{key}: {there}"),
            MailboxEnd::Stopped(stopped) => {
                assert!(n <= 4 && stopped.cause == Cause::ServerFault, "{stopped:?}")
            }
            other => assert!(n == 3, "{key}: {other:?}"),
        }
    }
    assert!(outcome.waited < Duration::from_secs(24 * 3_600), "{:?}", outcome.waited);
}
