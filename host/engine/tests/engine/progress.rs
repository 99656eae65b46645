//! Progress: what the model shows is what the ledger has, at any moment, and never goes back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mailhaul_engine::event::{Event, Finish, MailboxEnd};
use mailhaul_engine::handle::{Command, start};
use mailhaul_engine::job::Task;
use mailhaul_engine::progress::{Amount, Picture, Progress};
use mailhaul_engine::store;
use mailhaul_engine::summary::{Counts, MailboxSummary, Side};
use mailhaul_lab::fake::{Take, Verdict};
use tokio::time::Instant;

use crate::stage::{Stage, runtime};

/// What was seen of a run.
struct Watched {
    finish: Finish,
    /// Messages after each event, or few that came together.
    seen: Vec<Amount>,
    events: Vec<Event>,
}

impl Watched {
    /// What the mailbox's ledger said at its end.
    fn summary(&self) -> &MailboxSummary {
        let summary = self.events.iter().find_map(|event| match event {
            Event::MailboxFinished { summary, .. } => summary.as_ref(),
            _ => None,
        });
        summary.expect("a mailbox that ended with its ledger's counts")
    }
}

/// Runs, and compares the model with the ledger after everything that is told; asks it to stop once so many
/// messages are done.
fn watched(stage: &Stage, stop_at: u64) -> Watched {
    runtime().block_on(async {
        let begun = Instant::now();
        let task = Task::Run { newest: None, plan: None, delete_gone: false, over_quota: false };
        let mut handle = start(Arc::new(stage.job.clone()), stage.plugins.clone(), task);
        let mut model = Progress::of_copy();
        let (mut seen, mut events) = (Vec::<Amount>::new(), Vec::new());
        loop {
            let first = handle.events.recv().await.expect("an end");
            let mut came = vec![first];
            while let Ok(more) = handle.events.try_recv() {
                came.push(more);
            }
            let now = begun.elapsed();
            came.iter().for_each(|event| model.event(event, now));
            let Picture { project, .. } = model.picture(now);
            let messages = project.messages;
            let ledger = store::load(&stage.job.state_dir, "project").unwrap().totals.counts;
            let settled = ledger.source_messages - ledger.pending;
            assert!(
                within(messages.done(), settled, ledger.source_messages),
                "{messages:?}\n{ledger:?}\n{came:?}"
            );
            if messages.expected > 0 {
                assert_eq!(messages.expected, ledger.source_messages, "{came:?}");
            }
            let before = seen.last().copied().unwrap_or_default();
            assert!(
                messages.done() >= before.done() && messages.now >= before.now,
                "{before:?} {messages:?}"
            );
            seen.push(messages);
            events.append(&mut came);
            if messages.done() >= stop_at {
                handle.commands.try_send(Command::Stop).ok();
            }
            if let Some(Event::Finished(finish)) = events.last() {
                return Watched { finish: finish.clone(), seen, events };
            }
        }
    })
}

/// Within two of a hundred of all.
fn within(shown: u64, is: u64, all: u64) -> bool {
    shown.abs_diff(is) * 50 <= all
}

/// Four folders, three of which are copied side by side, to a target that takes 25 messages a second on each
/// connection.
fn slow() -> Stage {
    let mut stage = Stage::new();
    stage.most = Duration::from_secs(10);
    stage.job.limits.connections_per_host = 8;
    for folder in ["A", "B", "C", "D"] {
        stage.load(folder, 120);
    }
    stage.target.manners(|m| {
        m.on_command = Box::new(|line| match line.starts_with("APPEND") {
            true => Verdict::Later(Duration::from_millis(40)),
            false => Verdict::Go,
        });
    });
    stage
}

#[test]
fn it_is_the_ledger_s_also_over_a_lost_connection() {
    let stage = slow();
    let mut lost = false;
    stage.target.manners(|m| {
        m.on_append = Box::new(move |m| match m.says("B 050") && !std::mem::replace(&mut lost, true) {
            true => Take::Hangup { stored: true },
            false => Take::Store,
        });
    });
    let Watched { finish, seen, events, .. } = watched(&stage, u64::MAX);
    assert_eq!(finish.mailboxes[0].1, MailboxEnd::Complete);
    assert!(events.iter().any(|event| matches!(event, Event::Reconnecting { .. })));
    assert!(seen.len() > 60, "{}", seen.len());
    let end = seen.last().unwrap();
    assert_eq!((end.now, end.earlier, end.left), (480, 0, 0));
    assert_eq!((finish.messages, finish.bytes > 0), (480, true));
    // Told of each folder last, this is what was copied now.
    let now: HashMap<&str, u64> = events
        .iter()
        .filter_map(|event| match event {
            Event::FolderFinished { folder, messages_now, .. } => {
                Some((folder.source.as_str(), *messages_now))
            }
            _ => None,
        })
        .collect();
    assert_eq!(now, HashMap::from([("A", 120), ("B", 120), ("C", 120), ("D", 120), ("INBOX", 0)]));
    // The next run has copied none of it.
    let again = watched(&stage, u64::MAX);
    let end = again.seen.last().unwrap();
    assert_eq!((end.now, end.earlier, again.finish.messages), (0, 480, 0));
}

#[test]
fn an_interrupted_mailbox_is_told_as_what_it_is() {
    let stage = slow();
    // One folder's target never answers again, so that the mailbox is broken off.
    stage.target.manners(|m| {
        m.on_append = Box::new(|m| match m.says("C 030") {
            true => Take::Never { stored: false },
            false => Take::Store,
        });
    });
    let first = watched(&stage, 150);
    assert_eq!(first.finish.mailboxes[0].1, MailboxEnd::Interrupted);
    let mut counts = Counts::default();
    first.summary().folders.iter().for_each(|folder| counts.add(&folder.counts));
    assert!(counts.copied >= 150 && counts.pending > 0 && counts.adds_up(), "{counts:?}");
    assert_eq!((first.finish.messages, first.finish.bytes), (counts.copied, counts.bytes));
    assert_eq!(first.seen.last().unwrap().now, counts.copied);
    stage.behave();
    let second = watched(&stage, u64::MAX);
    assert_eq!(second.finish.messages, 480 - counts.copied);
    assert_eq!(second.seen.last().unwrap().earlier, counts.copied);
    stage.assert_moved();
}

#[test]
fn who_is_waited_for_is_told() {
    let stage = Stage::loaded(3);
    let mut once = false;
    stage.target.manners(|m| {
        m.on_append = Box::new(move |m| match m.says("INBOX 002") && !std::mem::replace(&mut once, true) {
            true => Take::Never { stored: false },
            false => Take::Store,
        });
    });
    let events = stage.run().complete().events.clone();
    let awaited = events.iter().filter_map(|event| match event {
        Event::FolderProgress { awaited, .. } => *awaited,
        _ => None,
    });
    let awaited: Vec<Side> = awaited.collect();
    assert!(awaited.len() > 2 && awaited.iter().all(|side| *side == Side::Target), "{awaited:?}");
}

#[test]
fn changed_flags_and_other_names_are_told() {
    let stage = Stage::loaded(3);
    stage.run().complete();
    for uid in [1, 2] {
        stage.at_source("INBOX", |folder| folder.set_flags(uid, &["\\Flagged"]));
    }
    let outcome = stage.run();
    assert_eq!(outcome.complete().finish.as_ref().unwrap().flags, 2);
    let told = outcome.events.iter().find_map(|event| match event {
        Event::FolderFinished { folder, flags_now, .. } if folder.source == "INBOX" => Some(*flags_now),
        _ => None,
    });
    assert_eq!(told, Some(2));
    assert_eq!(stage.run().complete().finish.as_ref().unwrap().flags, 0);
}

/// Behind it nothing comes for long, and then only who is waited for.
#[test]
fn a_batch_that_was_held_back_is_told_soon() {
    let stage = Stage::loaded(4);
    let mut silent = false;
    stage.target.manners(|m| {
        m.on_append = Box::new(move |m| {
            if m.says("INBOX 002") || m.says("INBOX 003") {
                return Take::Say("NO not this one".into());
            }
            match m.says("INBOX 004") && !std::mem::replace(&mut silent, true) {
                true => Take::Never { stored: false },
                false => Take::Store,
            }
        });
    });
    runtime().block_on(async {
        let task = Task::Run { newest: None, plan: None, delete_gone: false, over_quota: false };
        let mut handle = start(Arc::new(stage.job.clone()), stage.plugins.clone(), task);
        let mut begun = None;
        loop {
            match handle.events.recv().await.expect("a progress") {
                Event::FolderStarted { source, .. } if source == "INBOX" => begun = Some(Instant::now()),
                Event::FolderProgress { counts, awaited, .. } => {
                    let took = begun.expect("a beginning").elapsed();
                    assert_eq!((counts.copied_now, awaited), (1, None));
                    assert!(took < Duration::from_secs(1), "{took:?}");
                    break;
                }
                _ => {}
            }
        }
    });
}
