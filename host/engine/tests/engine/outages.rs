//! Outages: a host that has worked is waited for, one that never has is not.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use mailhaul_engine::cause::Cause;
use mailhaul_engine::event::{Event, MailboxEnd};
use mailhaul_engine::summary::Side;
use mailhaul_imap::AuthMethod;
use mailhaul_lab::corpus;
use mailhaul_lab::fake::{Fake, Verdict};
use mailhaul_net::Dialer;

use crate::doubles::Mailboxes;
use crate::outcome::Outcome;
use crate::stage::{Stage, password};

const MINUTE: Duration = Duration::from_secs(60);

/// The target goes away at the first command that begins so, for so long.
fn goes_away(stage: &Stage, command: &'static str, time: Duration) {
    let (down, mut armed) = (Arc::clone(&stage.down), true);
    stage.target.manners(|m| {
        m.on_command = Box::new(move |line| match line.starts_with(command) && std::mem::take(&mut armed) {
            true => {
                go_down(&down, time);
                Verdict::Bye("* BYE Going down".into())
            }
            false => Verdict::Go,
        });
    });
}

fn go_down(down: &Arc<AtomicBool>, time: Duration) {
    down.store(true, Ordering::Relaxed);
    let down = Arc::clone(down);
    tokio::spawn(async move {
        tokio::time::sleep(time).await;
        down.store(false, Ordering::Relaxed);
    });
}

/// Which waits were told: the mailbox, the end, and which in a row.
fn waits(outcome: &Outcome) -> Vec<(&str, Side, u32)> {
    let mut all = Vec::new();
    for event in &outcome.events {
        if let Event::Waiting { mailbox, side, attempt, .. } = event {
            all.push((mailbox.as_str(), *side, *attempt));
        }
    }
    all
}

fn resumed(outcome: &Outcome) -> usize {
    outcome.events.iter().filter(|event| matches!(event, Event::Resumed { .. })).count()
}

fn log_ins(server: &Fake) -> usize {
    server.heard().iter().filter(|line| *line == "LOGIN").count()
}

fn ends(outcome: &Outcome) -> Vec<&MailboxEnd> {
    outcome.finish.as_ref().expect("a task that ended").mailboxes.iter().map(|(_, end)| end).collect()
}

#[test]
fn an_outage_is_outlasted() {
    let stage = Stage::loaded(5);
    goes_away(&stage, "APPEND", 20 * MINUTE);
    let outcome = stage.run();
    let waited = outcome.complete().waited;
    assert!((20 * MINUTE..22 * MINUTE).contains(&waited), "{waited:?}");
    stage.assert_moved();
    let told = waits(&outcome);
    let numbers: Vec<u32> = told.iter().map(|(.., attempt)| *attempt).collect();
    assert_eq!(numbers, (1..=told.len() as u32).collect::<Vec<_>>());
    assert!(told.len() < 30 && told.iter().all(|wait| wait.1 == Side::Target), "{told:?}");
    assert_eq!((resumed(&outcome), outcome.reconnects()), (1, 1));
    // Once to begin with, once in vain beside the first try, once when the target was back.
    assert_eq!(log_ins(&stage.source), 3, "the other end is left in peace meanwhile");
}

#[test]
fn an_outage_that_outlasts_patience_ends_the_mailbox_and_the_next_run_goes_on() {
    let mut stage = Stage::loaded(5);
    stage.job.limits.patience = 5 * MINUTE;
    goes_away(&stage, "APPEND", 600 * MINUTE);
    let outcome = stage.run();
    let (side, cause, reason) = outcome.stopped();
    assert_eq!((side, cause.as_str()), (Side::Target, "refused"));
    assert!(reason.contains("away for longer than `patience` under `[limits]`"), "{reason}");
    assert!((5 * MINUTE..6 * MINUTE).contains(&outcome.waited), "{:?}", outcome.waited);
    assert_eq!(outcome.totals(), [5, 0, 0, 0, 0, 5]);
    stage.down.store(false, Ordering::Relaxed);
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

/// Patience is with the host: who comes when it is used up has no more of it.
#[test]
fn mailboxes_one_after_the_other_wait_no_longer_than_one() {
    let mut stage = Stage::loaded(1);
    stage.plugins.source = Arc::new(Mailboxes::of(&["m1", "m2", "m3", "m4"]));
    stage.job.limits.mailboxes_at_once = 1;
    goes_away(&stage, "APPEND", 600 * MINUTE);
    let outcome = stage.run();
    assert!((30 * MINUTE..31 * MINUTE).contains(&outcome.waited), "{:?}", outcome.waited);
    let told: Vec<_> = ends(&outcome).iter().filter_map(|end| end.stopped()).collect();
    assert!(told.len() == 4 && told.iter().all(|one| *one == told[0]), "one sentence for all: {told:#?}");
}

#[test]
fn mailboxes_that_have_not_begun_wait_as_well() {
    let mut stage = Stage::loaded(1);
    stage.plugins.source = Arc::new(Mailboxes::of(&["m1", "m2", "m3"]));
    stage.job.limits.mailboxes_at_once = 1;
    goes_away(&stage, "LOGOUT", 10 * MINUTE);
    let outcome = stage.run();
    assert!(ends(&outcome).iter().all(|end| **end == MailboxEnd::Complete), "{outcome:#?}");
    assert!(waits(&outcome).iter().all(|(mailbox, ..)| *mailbox == "m2"), "{:?}", waits(&outcome));
    assert!(!waits(&outcome).is_empty() && resumed(&outcome) == 1);
}

/// A name, a port and a certificate are the same for every mailbox.
#[test]
fn a_host_that_never_answered_is_not_waited_for_and_not_tried_again() {
    for check in [false, true] {
        let mut stage = Stage::loaded(1);
        let keys: Vec<String> = (1..=16).map(|n| format!("m{n:02}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        stage.plugins.source = Arc::new(Mailboxes::of(&keys));
        stage.job.limits.mailboxes_at_once = 1;
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        stage.job.target.dialer = Dialer::platform().through(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Err::<tokio::io::DuplexStream, _>(io::Error::from(
                io::ErrorKind::ConnectionRefused,
            )))
        });
        let outcome = if check { stage.check() } else { stage.run() };
        let told: Vec<_> = ends(&outcome).iter().filter_map(|end| end.stopped()).collect();
        assert!(told.len() == 16 && told.iter().all(|one| *one == told[0]), "{told:#?}");
        assert_eq!((told[0].side, told[0].cause.as_str()), (Side::Target, "refused"));
        assert_eq!(tries.load(Ordering::Relaxed), 2, "its port, and the other usual one");
        assert!(outcome.waited < MINUTE && waits(&outcome).is_empty(), "{:?}", outcome.waited);
        assert_eq!(log_ins(&stage.source), if check { 16 } else { 1 });
    }
}

#[test]
fn a_wait_ends_when_the_user_stops_it() {
    let mut stage = Stage::loaded(5);
    goes_away(&stage, "APPEND", 600 * MINUTE);
    let stop = stage.stopper();
    let (tries, down) = (AtomicUsize::new(0), Arc::clone(&stage.down));
    let target = stage.target.clone();
    stage.job.target.dialer = Dialer::platform().through(move |_| {
        let away = down.load(Ordering::Relaxed);
        if away && tries.fetch_add(1, Ordering::Relaxed) == 6 {
            stop();
        }
        std::future::ready(match away {
            true => Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
            false => Ok(target.connect()),
        })
    });
    let outcome = stage.run();
    // Half a minute in, the next try is as far away: not even the time for what is under way is taken.
    assert!(outcome.interrupted().waited < Duration::from_secs(34), "{:?}", outcome.waited);
}

/// A host that lets others in is not away: who is asked to come back later gives up by count.
#[test]
fn who_alone_is_asked_to_come_back_later_gives_up_sooner() {
    let mut stage = Stage::loaded(1);
    let keys: Vec<String> = (1..=40).map(|n| format!("m{n:02}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    stage.plugins.source = Arc::new(Mailboxes::of(&keys));
    stage.job.limits.mailboxes_at_once = 2;
    stage.job.limits.connections_per_host = 4;
    stage.most *= 5;
    stage.job.target.method = AuthMethod::Plain;
    let second = corpus::base64(format!("\0m02@new.example\0{}", password()).as_bytes());
    stage.target.manners(|m| {
        m.capability.push_str(" SASL-IR AUTH=PLAIN");
        m.on_command = Box::new(move |line| match line.strip_prefix("AUTHENTICATE PLAIN ") {
            Some(who) if who == second => Verdict::Say("NO [LIMIT] Too many connections of this user".into()),
            Some(_) => Verdict::Say("OK Welcome".into()),
            None => Verdict::Go,
        });
    });
    // Each takes its time.
    stage.source.manners(|m| {
        m.on_command = Box::new(|line| match line.starts_with("LIST") {
            true => Verdict::Later(Duration::from_secs(20)),
            false => Verdict::Go,
        });
    });
    let outcome = stage.run();
    let finish = outcome.finish.as_ref().unwrap();
    let told: Vec<_> =
        finish.mailboxes.iter().filter_map(|(key, end)| Some((key, end.stopped()?.cause))).collect();
    assert_eq!(told, [(&"m02".to_owned(), Cause::TooManyConnections)]);
    assert!(outcome.waited < 25 * MINUTE, "{:?}", outcome.waited);
}
