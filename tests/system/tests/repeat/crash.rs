//! SIGKILL, SIGINT and SIGTERM in the middle, and the same command again.
//!
//! The target must end as if nothing had happened. A proxy in front of a server holds the conversation at an
//! exact byte; the test waits for that event, kills, lets go, and runs the same command again. No time is
//! guessed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mailhaul_lab::corpus::{self, Recipe};
use mailhaul_lab::dovecot::{Dovecot, DovecotOptions, User};
use mailhaul_lab::imap::Snapshot;
use mailhaul_lab::install;
use mailhaul_lab::project::Pair;
use mailhaul_lab::proxy::{Break, Proxy, Way};
use mailhaul_lab::runner::RunningCommand;

use crate::support::compare::{assert_complete, assert_moved, assert_sums, count, usual};
use crate::support::mail_servers::{Account, Host, Move, dovecots};

const HELD: Duration = Duration::from_secs(60);

/// One source whose mail is moved again and again, and what the wire of an undisturbed move carries.
struct RepeatedMove {
    from: Account,
    source: Snapshot,
    to_server: u64,
    to_client: u64,
}

impl RepeatedMove {
    fn new(seed: u64) -> Self {
        let haul = Move::usual();
        haul.load(Recipe { large: 1, ..Recipe::small(seed, 60, dovecots().old.layout).odd() });
        let source = haul.from.snapshot();
        let proxy = through_proxy(&haul);
        haul.mailhaul(&["run"]).expect(0);
        assert_moved(&source, &haul.to.snapshot(), usual);
        let (to_server, to_client) = (proxy.passed(Way::ToServer), proxy.passed(Way::ToClient));
        Self { from: haul.from, source, to_server, to_client }
    }

    /// The same source to a fresh target, whose conversation is held after that share of the bytes.
    fn held(&self, way: Way, percent: u64) -> (Move, Proxy, RunningCommand) {
        let haul = Move::between(self.from.clone(), Account::new(Host::New));
        let proxy = through_proxy(&haul);
        let all = if way == Way::ToServer { self.to_server } else { self.to_client };
        proxy.hold_after(way, all * percent / 100);
        let running = haul.command(&["run"]).spawn();
        proxy.wait_held(HELD);
        (haul, proxy, running)
    }

    /// The same command again ends as an undisturbed run does.
    fn continues(&self, haul: &Move) {
        haul.mailhaul(&["run"]).expect(0);
        assert_moved(&self.source, &haul.to.snapshot(), usual);
        let report = haul.report();
        assert_complete(&report, count(&self.source));
        haul.mailhaul(&["run"]).expect(0);
        assert_eq!(haul.report()["last_run"]["copied"], 0);
        assert_moved(&self.source, &haul.to.snapshot(), usual);
    }

    fn killed_at(&self, way: Way, percent: u64) {
        let (haul, proxy, running) = self.held(way, percent);
        running.kill();
        let outcome = running.wait();
        assert_eq!(outcome.signal, Some(9), "it had ended before it was killed\n{}", outcome.told());
        // What was held is lost, as in a cable that is pulled.
        proxy.cut();
        self.continues(&haul);
    }
}

/// Puts a proxy between mailhaul and the target.
fn through_proxy(haul: &Move) -> Proxy {
    let proxy = Proxy::start(haul.to.tls_port());
    haul.rewrite(|spec| spec.target.port = proxy.port);
    proxy
}

/// Killed while mail is on its way: between commands and in the middle of messages.
#[test]
fn killed_while_sending() {
    let repeated = RepeatedMove::new(31);
    for percent in [3, 10, 25, 40, 60, 80, 95] {
        repeated.killed_at(Way::ToServer, percent);
    }
}

/// Killed when the target has stored mail whose acknowledgement never arrived: the worst moment, since
/// sending again would double it.
#[test]
fn killed_before_the_answer() {
    let repeated = RepeatedMove::new(32);
    for percent in [20, 40, 60, 75, 85] {
        repeated.killed_at(Way::ToClient, percent);
    }
}

/// Killed, and what the dead process had sent arrives late, while the next run is already at work: what comes
/// of that must not stay double.
#[test]
fn killed_and_the_wire_delivers_late() {
    let repeated = RepeatedMove::new(30);
    for percent in [20, 50, 80] {
        let (haul, proxy, running) = repeated.held(Way::ToServer, percent);
        running.kill();
        assert_eq!(running.wait().signal, Some(9));
        proxy.release();
        repeated.continues(&haul);
    }
}

/// Killed again while it recovers, ten times in a row, each time a little later.
#[test]
fn killed_while_recovering() {
    let repeated = RepeatedMove::new(33);
    let haul = Move::between(repeated.from.clone(), Account::new(Host::New));
    let proxy = through_proxy(&haul);
    for step in 1..=10 {
        proxy.hold_after(Way::ToServer, repeated.to_server * (5 + step) / 150);
        let running = haul.command(&["run"]).spawn();
        proxy.wait_held(HELD);
        running.kill();
        assert_eq!(running.wait().signal, Some(9));
        proxy.cut();
    }
    repeated.continues(&haul);
}

/// Killed while the source is being read.
#[test]
fn killed_while_reading() {
    let repeated = RepeatedMove::new(34);
    for percent in [30, 70] {
        let haul = Move::between(repeated.from.clone(), Account::new(Host::New));
        let proxy = Proxy::start(haul.from.tls_port());
        haul.rewrite(|spec| spec.source.port = proxy.port);
        // What the source sends is what the target is sent, give or take the commands.
        proxy.hold_after(Way::ToClient, repeated.to_server * percent / 100);
        let running = haul.command(&["run"]).spawn();
        proxy.wait_held(HELD);
        running.kill();
        assert_eq!(running.wait().signal, Some(9));
        proxy.cut();
        repeated.continues(&haul);
    }
}

/// SIGINT and SIGTERM end it within five seconds even when the target says nothing any more; the ledger is
/// closed, the report tells what is pending, and the same command continues.
#[test]
fn interrupted_and_continued() {
    let repeated = RepeatedMove::new(35);
    for terminate in [false, true] {
        let (haul, proxy, running) = repeated.held(Way::ToServer, 50);
        let asked = Instant::now();
        if terminate {
            running.terminate();
        } else {
            running.interrupt();
        }
        let outcome = running.wait_for(Duration::from_secs(20)).expect(130);
        assert!(
            asked.elapsed() < Duration::from_millis(5_500),
            "it took {:?}\n{}",
            asked.elapsed(),
            outcome.told()
        );
        proxy.release();
        let open = still_open(&haul.file(".mailhaul"));
        assert!(open.is_empty(), "the ledger was not closed: {open:?}");
        let report = haul.report();
        assert_sums(&report);
        assert_eq!(report["verdict"], "incomplete", "{report:#}");
        assert!(report["totals"]["pending"].as_u64() > Some(0), "{report:#}");
        haul.mailhaul(&["status"]).expect(0);
        repeated.continues(&haul);
    }
}

/// What SQLite leaves beside a database that nobody has closed.
fn still_open(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries
        .flat_map(|path| if path.is_dir() { still_open(&path) } else { vec![path] })
        .filter(|path| ["-wal", "-shm", "-journal"].iter().any(|end| path.to_string_lossy().ends_with(end)))
        .collect()
}

/// A second SIGINT does not wait for anything.
#[test]
fn interrupted_twice_ends_at_once() {
    let repeated = RepeatedMove::new(36);
    let (haul, proxy, mut running) = repeated.held(Way::ToServer, 50);
    let asked = Instant::now();
    // Two that come together are one to the process: repeated until it has seen two.
    while running.alive() && asked.elapsed() < Duration::from_secs(10) {
        running.interrupt();
        std::thread::sleep(Duration::from_millis(50));
    }
    let outcome = running.wait();
    assert_eq!(outcome.code, Some(130), "{}", outcome.told());
    assert!(asked.elapsed() < Duration::from_secs(1), "it took {:?}\n{}", asked.elapsed(), outcome.told());
    proxy.release();
    repeated.continues(&haul);
}

/// The target goes away in the middle and comes back: the run itself copes, or the next one does.
#[test]
fn the_target_goes_away() {
    let repeated = RepeatedMove::new(37);
    let (haul, proxy, running) = repeated.held(Way::ToServer, 50);
    proxy.cut();
    let outcome = running.wait();
    assert!([Some(0), Some(3), Some(5)].contains(&outcome.code), "{}", outcome.told());
    assert_sums(&haul.report());
    repeated.continues(&haul);
}

/// The target crashes with all its processes in the middle of a batch and is started again: the run copes or
/// the next one does, and nothing is there twice.
#[test]
fn the_target_is_restarted() {
    install::dovecot().unwrap();
    for (seed, percent) in [(40, 30), (41, 70)] {
        let own = |options: DovecotOptions, user: &str| {
            Dovecot::start(&options.user(User::new(user, "word")), &dovecots().certs)
        };
        let mut target = own(DovecotOptions::slash(), "new");
        let haul = Move::new(Host::Old, Host::New);
        haul.load(Recipe { large: 1, ..Recipe::small(seed, 60, dovecots().old.layout).odd() });
        let source = haul.from.snapshot();
        let proxy = Proxy::start(target.tls_port);
        haul.rewrite(|spec| {
            spec.target.port = proxy.port;
            spec.mailboxes = vec![Pair::new((&haul.from.user, &haul.from.password), ("new", "word"))];
        });
        let size: u64 = source.values().flatten().map(|m| m.size).sum();
        proxy.hold_after(Way::ToServer, size * percent / 100);
        let running = haul.command(&["run"]).spawn();
        proxy.wait_held(HELD);
        target.crash();
        proxy.release();
        let outcome = running.wait();
        assert!([Some(0), Some(3), Some(5)].contains(&outcome.code), "{}", outcome.told());
        haul.mailhaul(&["run"]).expect(0);
        let mut there = target.client("new").snapshot().unwrap();
        // A Dovecot that crashes may have stored the letter of a keyword without its name, and calls it so
        // from then on.
        let flags = there.values_mut().flatten().map(|message| &mut message.flags);
        flags.for_each(|flags| flags.retain(|flag| !flag.starts_with("unknown-")));
        assert_moved(&source, &there, usual);
        assert_complete(&haul.report(), count(&source));
    }
}

/// After SIGKILL the report stands, adds up, and needs no connection.
#[test]
fn the_report_stands_after_a_kill() {
    let repeated = RepeatedMove::new(38);
    let (haul, proxy, running) = repeated.held(Way::ToServer, 60);
    running.kill();
    assert_eq!(running.wait().signal, Some(9));
    let connections = proxy.connections();
    let report = haul.report();
    assert_sums(&report);
    assert_eq!(report["verdict"], "incomplete", "{report:#}");
    assert!(report["totals"]["copied"].as_u64() > Some(0), "{report:#}");
    haul.mailhaul(&["status"]).expect(0);
    assert_eq!(proxy.connections(), connections, "report and status never connect");
}

/// Cyrus answers NO to a message that its client leaves half-way, which happens each time the source breaks
/// off: that is no refusal of the message.
#[test]
fn a_source_that_breaks_off_is_not_the_target_s_refusal() {
    let haul = Move::new(Host::Old, Host::Cyrus);
    let body = corpus::simple("large", &format!("{}\r\n", "x".repeat(70)).repeat(40_000));
    let mut client = haul.from.client();
    client.append_one("INBOX", &[], " 2-Jul-2024 08:00:00 +0200", &body).unwrap();
    let proxy = Proxy::start(haul.from.tls_port());
    haul.rewrite(|spec| spec.source.port = proxy.port);
    proxy.break_at(vec![Break { way: Way::ToClient, after: 1_500_000 }; 2]);
    haul.mailhaul(&["run"]).expect(0);
    assert_eq!(proxy.broken(), 2);
    assert_complete(&haul.report(), 1);
}
