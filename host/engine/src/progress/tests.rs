//! The model, event by event: what is done never goes back, and is what the ledger has.

use super::*;
use crate::cause::Cause;
use crate::event::{MailboxEnd, WaitFor};
use crate::side::Side;
use crate::summary::{Counts, FolderSummary, Stopped, VerifiedDepth};
use crate::tally::Tally;

const ANN: &str = "ann";

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// So many messages, of which some were copied, some of these by this task.
fn tally(all: u64, copied: u64, now: u64) -> Tally {
    let counts = Counts {
        source_messages: all,
        copied,
        pending: all - copied,
        bytes: copied * 10,
        ..Counts::default()
    };
    Tally { counts, copied_now: now, bytes_now: now * 10 }
}

fn started(folder: &str, counts: Tally, mailbox_counts: Tally) -> Event {
    Event::FolderStarted {
        mailbox: ANN.into(),
        source: folder.into(),
        target: folder.into(),
        messages: counts.counts.pending,
        bytes: counts.counts.pending * 10,
        counts,
        mailbox_counts,
    }
}

fn progress(folder: &str, counts: Tally, mailbox_counts: Tally, awaited: Option<Side>) -> Event {
    let (messages, bytes) = (counts.copied_now, counts.bytes_now);
    let (mailbox, source) = (ANN.into(), folder.into());
    Event::FolderProgress { mailbox, source, messages, bytes, counts, mailbox_counts, awaited }
}

fn finished(folder: &str, counts: Tally, mailbox_counts: Tally) -> Event {
    Event::FolderFinished {
        mailbox: ANN.into(),
        folder: FolderSummary {
            source: folder.into(),
            target: Some(folder.into()),
            counts: counts.counts,
            stopped: None,
            never_opened: false,
            verified: VerifiedDepth::None,
            sample: None,
        },
        messages_now: counts.copied_now,
        bytes_now: counts.bytes_now,
        flags_now: 0,
        mailbox_counts,
        seconds: 1.0,
    }
}

fn counted(counts: Tally) -> Event {
    Event::MailboxProgress { mailbox: ANN.into(), counts }
}

fn lost(side: Side) -> Event {
    Event::Reconnecting { mailbox: ANN.into(), side, reason: "reset".into() }
}

fn ended(end: MailboxEnd) -> Event {
    Event::MailboxFinished { mailbox: ANN.into(), end, summary: None }
}

/// Feeds these events, one a second, and returns what each left behind: now, earlier, left, expected.
fn seen(mut model: Progress, events: &[Event]) -> Vec<[u64; 4]> {
    let mut all = vec![Event::Started { mailboxes: 1 }, Event::MailboxStarted { mailbox: ANN.into() }];
    all.extend_from_slice(events);
    let mut done = 0;
    let mut seen = Vec::new();
    for (second, event) in all.iter().enumerate() {
        model.event(event, at(second as u64));
        let Amount { now, earlier, aside, left, expected } =
            model.picture(at(second as u64)).project.messages;
        assert_eq!(now + earlier + aside + left, expected, "{event:?}");
        assert!(now + earlier + aside >= done, "it went back: {event:?}");
        done = now + earlier + aside;
        seen.push([now, earlier, left, expected]);
    }
    seen.split_off(2)
}

#[test]
fn folders_side_by_side_do_not_overwrite_each_other() {
    let events = [
        counted(tally(300, 0, 0)),
        started("A", tally(200, 0, 0), tally(300, 0, 0)),
        started("B", tally(80, 0, 0), tally(300, 0, 0)),
        progress("A", tally(200, 50, 50), tally(300, 50, 50), None),
        progress("B", tally(80, 30, 30), tally(300, 80, 80), None),
        progress("A", tally(200, 90, 90), tally(300, 120, 120), None),
        finished("B", tally(80, 80, 80), tally(300, 170, 170)),
    ];
    let expected = [
        [0, 0, 300, 300],
        [0, 0, 300, 300],
        [0, 0, 300, 300],
        [50, 0, 250, 300],
        [80, 0, 220, 300],
        [120, 0, 180, 300],
        [170, 0, 130, 300],
    ];
    assert_eq!(seen(Progress::of_copy(), &events), expected);
}

#[test]
fn events_of_two_folders_that_overtake_each_other_take_nothing_back() {
    let events = [
        counted(tally(300, 0, 0)),
        progress("B", tally(80, 30, 30), tally(300, 80, 80), None),
        progress("A", tally(200, 50, 50), tally(300, 50, 50), None),
    ];
    assert_eq!(seen(Progress::of_copy(), &events)[2], [80, 0, 220, 300]);
}

#[test]
fn after_a_lost_connection_nothing_is_counted_again() {
    let events = [
        counted(tally(100, 40, 0)),
        started("A", tally(100, 40, 0), tally(100, 40, 0)),
        progress("A", tally(100, 60, 20), tally(100, 60, 20), None),
        lost(Side::Target),
        counted(tally(100, 60, 20)),
        started("A", tally(100, 63, 23), tally(100, 63, 23)),
        finished("A", tally(100, 100, 60), tally(100, 100, 60)),
        // Once more, after another one.
        lost(Side::Source),
        counted(tally(100, 100, 60)),
        ended(MailboxEnd::Complete),
    ];
    let seen = seen(Progress::of_copy(), &events);
    assert_eq!(seen[3..6], [[20, 40, 40, 100], [20, 40, 40, 100], [23, 40, 37, 100]]);
    assert_eq!(seen[6..], [[60, 40, 0, 100]; 4]);
}

#[test]
fn what_the_ledger_takes_back_is_left_and_not_undone() {
    let events = [
        counted(tally(10, 0, 0)),
        progress("A", tally(10, 8, 8), tally(10, 8, 8), None),
        progress("A", tally(10, 6, 6), tally(10, 6, 6), None),
        progress("A", tally(10, 9, 9), tally(10, 9, 9), None),
    ];
    let left: Vec<u64> = seen(Progress::of_copy(), &events).iter().map(|[.., left, _]| *left).collect();
    assert_eq!(left, [10, 2, 2, 1]);
}

#[test]
fn an_interrupted_mailbox_stays_what_it_is() {
    let events = [
        counted(tally(100, 0, 0)),
        progress("A", tally(100, 70, 70), tally(100, 70, 70), None),
        ended(MailboxEnd::Interrupted),
    ];
    assert_eq!(seen(Progress::of_copy(), &events)[2], [70, 0, 30, 100]);
}

#[test]
fn a_pre_stage_comes_to_its_end() {
    let events = [
        counted(tally(100, 10, 0)),
        progress("A", tally(100, 40, 30), tally(100, 40, 30), None),
        ended(MailboxEnd::PreStaged { pending: 60 }),
    ];
    assert_eq!(seen(Progress::of_copy(), &events)[1..], [[30, 10, 60, 100], [30, 10, 0, 100]]);
}

#[test]
fn mailboxes_that_stop_are_counted_by_cause_and_what_is_left_of_them_takes_no_time() {
    let mut model = Progress::of_copy();
    model.event(&Event::Started { mailboxes: 3 }, at(0));
    for (key, cause) in [("bob", Cause::AuthRefused), ("carl", Cause::AuthRefused)] {
        model.event(&Event::MailboxStarted { mailbox: key.into() }, at(0));
        let stopped = Stopped { side: Side::Target, cause, reason: String::new() };
        let end = MailboxEnd::Stopped(stopped);
        let counts = tally(1000, 0, 0);
        model.event(&Event::MailboxProgress { mailbox: key.into(), counts }, at(0));
        model.event(&Event::MailboxFinished { mailbox: key.into(), end, summary: None }, at(0));
    }
    model.event(&Event::MailboxStarted { mailbox: ANN.into() }, at(0));
    model.event(&counted(tally(100, 0, 0)), at(0));
    model.picture(at(0));
    model.event(&progress("A", tally(100, 50, 50), tally(100, 50, 50), None), at(5));
    let project = model.picture(at(5)).project;
    assert_eq!((project.mailboxes.all, project.mailboxes.ended, project.mailboxes.stopped), (3, 2, 2));
    assert_eq!(project.mailboxes.causes["auth-refused"], 2);
    assert_eq!((project.messages.left, project.seconds_left), (2050, Some(5.0)));
    assert_eq!(project.rate, Some(Pace { messages: 10.0, bytes: 100.0 }));
}

#[test]
fn mailboxes_that_nobody_has_looked_at_are_taken_for_average_ones() {
    let mut model = Progress::of_copy();
    model.event(&Event::Started { mailboxes: 4 }, at(0));
    model.event(&Event::MailboxStarted { mailbox: ANN.into() }, at(0));
    assert_eq!(model.picture(at(0)).project.messages.expected, 0);
    model.event(&counted(tally(100, 20, 0)), at(1));
    let project = model.picture(at(1)).project;
    assert!(project.estimated);
    assert_eq!((project.messages.expected, project.messages.left), (400, 380));
    assert_eq!(project.bytes, Bytes { now: 0, earlier: 200, left: Some(3800) });
}

#[test]
fn a_wait_and_a_silence_are_named() {
    let mut model = Progress::of_copy();
    model.event(&Event::Started { mailboxes: 1 }, at(0));
    model.event(&Event::MailboxStarted { mailbox: ANN.into() }, at(0));
    assert_eq!(model.picture(at(0)).mailboxes[0].doing, Doing::Connecting);
    for folder in ["A", "B"] {
        model.event(&started(folder, tally(10, 0, 0), tally(20, 0, 0)), at(1));
    }
    let silent = |model: &mut Progress, folder: &str, second: u64| {
        model.event(&progress(folder, tally(10, 0, 0), tally(20, 0, 0), Some(Side::Target)), at(second));
        model.picture(at(second)).mailboxes[0].silence
    };
    assert_eq!(silent(&mut model, "A", 30), None);
    assert_eq!(silent(&mut model, "B", 61), Some(Silence { side: Side::Target, seconds: 60.0 }));
    let waiting = Event::Waiting {
        mailbox: ANN.into(),
        side: Side::Target,
        why: WaitFor::Server,
        until: "2026-11-30T14:05:10Z".into(),
        reason: "throttled".into(),
        attempt: 1,
    };
    model.event(&lost(Side::Target), at(62));
    model.event(&waiting, at(62));
    let picture = model.picture(at(62));
    assert_eq!(picture.project.mailboxes.waiting, 1);
    let ann = &picture.mailboxes[0];
    assert_eq!((ann.doing, ann.silence), (Doing::Reconnecting { side: Side::Target }, None));
    assert_eq!(ann.waiting.as_ref().unwrap().reason, "throttled");
    model.event(&Event::Resumed { mailbox: ANN.into() }, at(63));
    assert_eq!(model.picture(at(63)).project.mailboxes.waiting, 0);
}

#[test]
fn while_one_waits_the_pace_says_nothing_of_what_is_left() {
    let mut model = Progress::of_copy();
    model.event(&Event::Started { mailboxes: 2 }, at(0));
    for key in [ANN, "bob"] {
        model.event(&Event::MailboxStarted { mailbox: key.into() }, at(0));
    }
    model.event(&counted(tally(100, 0, 0)), at(0));
    model.picture(at(0));
    model.event(&progress("A", tally(100, 50, 50), tally(100, 50, 50), None), at(5));
    assert!(model.picture(at(5)).project.seconds_left.is_some());
    let waiting = Event::Waiting {
        mailbox: "bob".into(),
        side: Side::Source,
        why: WaitFor::Budget,
        until: "2026-12-01T00:00:00Z".into(),
        reason: "Gmail's 2,500 MB a day".into(),
        attempt: 1,
    };
    model.event(&waiting, at(5));
    assert_eq!(model.picture(at(5)).project.seconds_left, None);
    model.event(&Event::Resumed { mailbox: "bob".into() }, at(6));
    assert!(model.picture(at(6)).project.seconds_left.is_some());
}

/// The ledger says nothing of what was compared: a folder that begins again goes on where it was, and what a
/// sample leaves out is not left.
#[test]
fn a_comparison_counts_what_it_has_compared() {
    let compared = |folder: &str, messages: u64| Event::FolderProgress {
        mailbox: ANN.into(),
        source: folder.into(),
        messages,
        bytes: messages,
        counts: tally(0, 0, 0),
        mailbox_counts: tally(50, 50, 0),
        awaited: None,
    };
    let begins = |folder: &str, messages: u64| Event::FolderStarted {
        mailbox: ANN.into(),
        source: folder.into(),
        target: folder.into(),
        messages,
        bytes: 0,
        counts: tally(0, 0, 0),
        mailbox_counts: tally(50, 50, 0),
    };
    let ends = |folder: &str, messages: u64| {
        finished(folder, Tally { copied_now: messages, ..Tally::default() }, tally(50, 50, 0))
    };
    let events = [
        begins("A", 30),
        compared("A", 10),
        lost(Side::Source),
        begins("A", 30),
        compared("A", 5),
        compared("A", 30),
        ends("A", 30),
        begins("B", 20),
        ends("B", 4),
    ];
    let now: Vec<[u64; 2]> =
        seen(Progress::of_comparison(), &events).iter().map(|[now, _, left, _]| [*now, *left]).collect();
    assert_eq!(now, [[0, 50], [10, 40], [10, 40], [10, 40], [10, 40], [30, 20], [30, 20], [30, 20], [34, 0]]);
}
