//! What `run` tells while it works, held against the ledgers.

use std::time::Duration;

use mailhaul_lab::process::until;
use mailhaul_lab::proxy::{Proxy, Way};
use mailhaul_lab::runner::RunningCommand;
use serde_json::Value;

use crate::support::compare::{assert_complete, assert_moved, assert_sums, usual};
use crate::support::mail_servers::Move;

const MESSAGES: usize = 600;

/// What is shown may differ from the ledger by so much: two of a hundred.
const SLACK: u64 = MESSAGES as u64 / 50;

/// A batch is told within a tenth of a second; the rest is for a machine with much to do.
const SOON: Duration = Duration::from_secs(3);

/// Every whole line that was printed so far.
fn events(printed: &str) -> Vec<Value> {
    let whole = printed.rfind('\n').map_or("", |end| &printed[..end]);
    whole
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// Messages that are dealt with by the newest event that says so.
fn told(running: &RunningCommand) -> u64 {
    let events = events(&running.printed());
    events.iter().rev().find_map(settled).unwrap_or(0)
}

/// What an event says of the only mailbox.
fn settled(event: &Value) -> Option<u64> {
    let counts = match event["event"].as_str()? {
        "mailbox-progress" => &event["counts"],
        _ => event.get("mailbox_counts")?,
    };
    Some(number(counts, "source_messages") - number(counts, "pending"))
}

/// The same in the ledger.
fn recorded(haul: &Move) -> u64 {
    let report = haul.report();
    assert_sums(&report);
    number(&report["totals"], "source_messages") - number(&report["totals"], "pending")
}

/// Compares both, again and again, until so many are done.
fn watch(haul: &Move, running: &mut RunningCommand, done: u64) {
    loop {
        let before = told(running);
        let ledger = recorded(haul);
        assert!(before <= ledger + SLACK, "told {before}, in the ledger {ledger}");
        let caught_up = until("what is told", SOON, || (told(running) + SLACK >= ledger).then_some(()));
        caught_up.unwrap_or_else(|late| panic!("{late}: the ledger has {ledger}, told {}", told(running)));
        if ledger >= done {
            return;
        }
        assert!(running.alive(), "it ended before {done} were done:\n{}", running.printed());
    }
}

/// Every line `progress`, held against the events before it, and none behind the one before.
fn check_pictures(events: &[Value]) -> usize {
    let (mut shown, mut is, mut pictures) = (0, 0, 0);
    for event in events {
        is = settled(event).unwrap_or(is);
        if event["event"] == "progress" {
            let messages = &event["messages"];
            let [now, earlier, aside, left, expected] =
                ["now", "earlier", "aside", "left", "expected"].map(|name| number(messages, name));
            let done = now + earlier + aside;
            assert_eq!(done + left, expected, "{event}");
            assert!(done >= shown && done.abs_diff(is) <= SLACK, "{shown}, {is}: {event}");
            (shown, pictures) = (done, pictures + 1);
        }
    }
    pictures
}

#[test]
fn what_is_told_is_what_the_ledgers_have() {
    let haul = Move::loaded(811, MESSAGES);
    let proxy = Proxy::start(haul.to.tls_port());
    haul.rewrite(|spec| spec.target.port = proxy.port);
    proxy.delay(Duration::from_millis(25));
    let mut running = haul.command(&["run", "--format", "json"]).spawn();
    watch(&haul, &mut running, 150);
    proxy.cut();
    watch(&haul, &mut running, 300);
    // Nothing is acknowledged any more, so that something is still under way when the time is up.
    proxy.hold_after(Way::ToClient, 0);
    running.interrupt_heard();
    let ended = running.wait().expect(130);
    proxy.release();
    let first = events(&ended.stdout);
    assert!(first.iter().any(|event| event["event"] == "reconnecting"), "{}", ended.told());
    assert!(check_pictures(&first) > 2, "{}", ended.told());
    let copied = number(&haul.report()["totals"], "copied");
    let finished = first.last().unwrap();
    assert_eq!((&finished["event"], number(finished, "messages")), (&"finished".into(), copied));
    let summary = first.iter().find(|event| event["event"] == "mailbox-finished").unwrap();
    let folders = summary["summary"]["folders"].as_array().unwrap();
    assert_eq!(folders.iter().map(|folder| number(folder, "copied")).sum::<u64>(), copied);

    haul.rewrite(|_| {});
    // What the first run sent without hearing of it was copied before, all the rest is copied now.
    let second = haul.mailhaul(&["run", "--format", "json"]).expect(0);
    let told = events(&second.stdout);
    check_pictures(&told);
    let [picture, finished] = &told[told.len() - 2..] else { panic!("{}", second.told()) };
    let (now, earlier) = (number(&picture["messages"], "now"), number(&picture["messages"], "earlier"));
    assert_eq!((now + earlier, number(finished, "messages")), (MESSAGES as u64, now), "{}", second.told());
    assert!(earlier >= copied && now > 0, "{picture}");
    assert_eq!(second.stderr, "");
    assert_complete(&haul.report(), MESSAGES);
    assert_moved(&haul.from.snapshot(), &haul.to.snapshot(), usual);

    let quiet = haul.mailhaul(&["run", "-q"]).expect(0);
    assert_eq!((quiet.stdout.lines().count(), quiet.stderr.as_str()), (3, ""), "{}", quiet.told());
}
