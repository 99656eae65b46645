//! One account under two names: nothing is written before that is known, and accounts that only look alike
//! are moved.

use std::sync::Arc;
use std::time::Duration;

use mailhaul_engine::event::MailboxEnd;
use mailhaul_engine::job::{Limits, Task};
use mailhaul_engine::plugin::{Depth, MailboxEntry};
use mailhaul_lab::fake::{Fake, Give, Take, Verdict};
use mailhaul_net::Dialer;

use crate::doubles::Mailboxes;
use crate::outcome::Outcome;
use crate::stage::{ANN, DATE, Seen, Stage, message};

/// A list whose rows are changed by a test.
fn listed(stage: &mut Stage, keys: &[&str], change: impl Fn(&mut MailboxEntry)) {
    let mut list = Mailboxes::of(keys);
    list.entries.iter_mut().for_each(|entry| entry.one_account = false);
    list.entries.iter_mut().for_each(change);
    stage.plugins.source = Arc::new(list);
}

/// What was written to a server.
fn written(server: &Fake) -> Vec<String> {
    let writes = ["APPEND", "CREATE", "SUBSCRIBE", "UID STORE", "UID COPY", "UID MOVE", "RENAME", "DELETE"];
    server.heard().into_iter().filter(|line| writes.iter().any(|verb| line.starts_with(verb))).collect()
}

/// The reason why a mailbox stopped as one account with another, or how else it ended.
fn reason(outcome: &Outcome, mailbox: &str) -> Result<String, MailboxEnd> {
    let finish = outcome.finish.as_ref().expect("a task that ended");
    assert!(finish.refused.is_none(), "{:?}", finish.refused);
    let (_, end) = finish.mailboxes.iter().find(|(key, _)| key == mailbox).expect("a mailbox of the list");
    match end.stopped() {
        Some(stopped) if stopped.cause.as_str() == "one-account" => Ok(stopped.reason.clone()),
        _ => Err(end.clone()),
    }
}

fn refused(stage: &Stage) -> Vec<String> {
    let outcome = stage.run();
    outcome.finish.and_then(|finish| finish.refused).map(|refused| refused.reasons).unwrap_or_default()
}

#[test]
fn source_and_target_in_two_spellings_stop_before_anything_is_written() {
    let mut stage = Stage::loaded(3);
    stage.load("Spam", 5);
    stage.rule("Spam", Some("Archive/Spam"));
    stage.one_server();
    for outcome in [stage.run(), stage.run(), stage.task(mailhaul_engine::job::Task::Plan)] {
        assert_eq!(
            reason(&outcome, ANN).unwrap(),
            "source `ann@old.example` on old.example and target `ann@new.example` on new.example are one account: \
             UIDVALIDITY 1700000007, UIDNEXT 4, the messages of both are the same; give each an account of its own in \
             the list, or write `meant` into the column `one_account` of each of these rows"
        );
    }
    let checked = stage.check();
    assert!(format!("{:?}", checked.events).contains("are one account"), "{:?}", checked.events);
    assert_eq!(written(&stage.source), Vec::<String>::new());
}

#[test]
fn an_empty_inbox_is_known_by_another_folder() {
    let mut stage = Stage::new();
    stage.load("Old", 4);
    stage.one_server();
    assert!(reason(&stage.run(), ANN).unwrap().contains("are one account"));
    assert_eq!(written(&stage.source), Vec::<String>::new());
}

#[test]
fn what_is_meant_is_done() {
    let mut stage = Stage::loaded(3);
    stage.one_server();
    listed(&mut stage, &[ANN], |entry| entry.one_account = true);
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [3, 0, 3, 0, 0, 0]);
}

/// All servers of the laboratory give their INBOX the same UIDVALIDITY, as accounts have that one script has
/// made.
#[test]
fn accounts_that_look_alike_are_moved() {
    // Nothing in either; the same number of messages, which are others; and what we have copied ourselves,
    // run after run.
    let empty = Stage::new();
    empty.run().complete();
    let other = Stage::loaded(1);
    other.target.store(|store| store.add("INBOX", &[], DATE, b"Subject: welcome\r\n\r\nto the new host\r\n"));
    other.run().complete();
    let ours = Stage::loaded(3);
    for _ in 0..3 {
        ours.run().complete();
        ours.assert_moved();
    }
}

/// That neither gives its newest message is nothing that both have.
#[test]
fn what_nobody_can_read_proves_nothing() {
    let stage = Stage::loaded(1);
    stage.target.store(|store| store.add("INBOX", &[], DATE, b"Subject: welcome\r\n\r\nto the new host\r\n"));
    for server in [&stage.source, &stage.target] {
        server.manners(|m| m.on_fetch = Box::new(|_| Give::No));
    }
    let outcome = stage.run();
    assert!(reason(&outcome, ANN).is_err(), "{outcome:?}");
}

#[test]
fn a_mailboxid_tells_even_of_empty_accounts() {
    let id = "f9b3c4e2-27d5-4a2f-8a33";
    for (ids, one) in [([id, id], true), (["a", "a"], false), ([id, "f9b3c4e2-27d5-4a2f-8a34"], false)] {
        let stage = Stage::new();
        for (server, id) in [&stage.source, &stage.target].into_iter().zip(ids) {
            server.manners(|m| {
                m.capability.push_str(" OBJECTID");
                m.on_answer = Box::new(move |line, answer| {
                    if line.starts_with("STATUS") {
                        let text = String::from_utf8_lossy(answer).into_owned();
                        *answer = text
                            .replacen("UIDVALIDITY", &format!("MAILBOXID ({id}) UIDVALIDITY"), 1)
                            .into_bytes();
                    }
                });
            });
        }
        let outcome = stage.run();
        let reason = reason(&outcome, ANN);
        assert_eq!(reason.is_ok(), one, "{ids:?}: {reason:?}");
        assert!(reason.is_err() || reason.is_ok_and(|reason| reason.contains(id)));
    }
}

#[test]
fn two_rows_that_go_to_one_account_stop_at_the_second() {
    let mut stage = Stage::loaded(3);
    // Both have the same mail here, so that the second's source would look like the first's target.
    stage.at_source("INBOX", |inbox| inbox.validity += 1);
    listed(&mut stage, &["ann", "bob"], |_| {});
    for _ in 0..2 {
        let outcome = stage.run();
        assert_eq!(reason(&outcome, "ann"), Err(MailboxEnd::Complete));
        assert!(
            reason(&outcome, "bob").unwrap().starts_with(
                "target `bob@new.example` on new.example is the same account as target `ann@new.example` on new.example \
                 of mailbox `ann`: UIDVALIDITY 1700000007, "
            ),
            "{outcome:?}"
        );
        assert_eq!(written(&stage.target).iter().filter(|line| line.starts_with("APPEND")).count(), 3);
    }
    // Both have to say so.
    for key in ["ann", "bob"] {
        listed(&mut stage, &["ann", "bob"], |entry| entry.one_account = entry.key == key);
        assert!(reason(&stage.run(), "bob").is_ok(), "only {key}");
    }
    listed(&mut stage, &["ann", "bob"], |entry| entry.one_account = true);
    assert_eq!(reason(&stage.run(), "bob"), Err(MailboxEnd::Complete));
}

/// Two log-ins that have nothing in common, each other's account.
const ALIASES: [&str; 2] = ["anna", "a.muster@firma.example"];

/// Two rows, `ann` and `bob`, that go to one account under two log-ins, at work at the same time, and with
/// mail in a folder.
fn aliases(folder: &str) -> Stage {
    let mut stage = Stage::new();
    stage.load(folder, 20);
    stage.at_source("INBOX", |inbox| inbox.validity += 1);
    stage.job.limits = Limits { connections_per_host: 8, ..stage.job.limits.clone() };
    listed(&mut stage, &["ann", "bob"], |entry| {
        entry.target.login = ALIASES[usize::from(entry.key == "bob")].into();
    });
    stage.target.manners(|m| m.on_command = slow_append(1));
    stage
}

/// Every message takes so many seconds.
fn slow_append(seconds: u64) -> Box<dyn FnMut(&str) -> Verdict + Send> {
    Box::new(move |line| match line.starts_with("APPEND") {
        true => Verdict::Later(Duration::from_secs(seconds)),
        false => Verdict::Go,
    })
}

/// The row that has moved its mail, and the one that was stopped.
#[track_caller]
fn moved_and_stopped(outcome: &Outcome) -> (&'static str, &'static str) {
    match (reason(outcome, "ann"), reason(outcome, "bob")) {
        (Err(MailboxEnd::Complete), Ok(_)) => ("ann", "bob"),
        (Ok(_), Err(MailboxEnd::Complete)) => ("bob", "ann"),
        ends => panic!("{ends:?}"),
    }
}

/// Side by side both see an empty account: the second waits for the first one's first copy, whatever they are
/// called, also where that is in a folder that was not there when the second one looked.
#[test]
fn two_rows_at_a_time_do_not_fill_one_account() {
    for folder in ["INBOX", "Work"] {
        let stage = aliases(folder);
        moved_and_stopped(&stage.run());
        assert_eq!(stage.sent(), 20);
    }
}

/// It was compared with what entered earlier in the same task only.
#[test]
fn a_row_that_stopped_stops_in_every_later_command_and_the_other_does_not() {
    let mut stage = aliases("INBOX");
    let (moved, told) = moved_and_stopped(&stage.run());
    stage.job.choice.only = vec![told.into()];
    for outcome in [stage.run(), stage.verify(Depth::Headers), stage.check(), stage.task(Task::Plan)] {
        assert!(reason(&outcome, told).unwrap().contains(&format!("of mailbox `{moved}`")), "{outcome:?}");
    }
    stage.job.choice.only = Vec::new();
    // Whoever comes first.
    stage.job.limits.mailboxes_at_once = 1;
    for order in [["ann", "bob"], ["bob", "ann"]] {
        stage.source.store(|store| store.add("INBOX", &[], DATE, &message(order[0], 1)));
        listed(&mut stage, &order, |entry| {
            entry.target.login = ALIASES[usize::from(entry.key == "bob")].into();
        });
        for outcome in [stage.run(), stage.verify(Depth::Headers)] {
            assert_eq!(moved_and_stopped(&outcome), (moved, told));
        }
    }
    assert_eq!(stage.sent(), 22);
    // A row that is not in the list any more, or goes elsewhere now, says nothing.
    let second = stage.second_target();
    listed(&mut stage, &["ann", "bob"], |entry| {
        entry.target.login = ALIASES[usize::from(entry.key == "bob")].into();
        if entry.key == told {
            entry.target.host = Some("other.example".into());
            entry.target.port = Some(993);
        }
    });
    let outcome = stage.run();
    assert_eq!(
        (reason(&outcome, moved), reason(&outcome, told)),
        (Err(MailboxEnd::Complete), Err(MailboxEnd::Complete))
    );
    assert_eq!(second.store(|store| store.messages("INBOX").len()), 22);
}

#[test]
fn where_both_have_copies_both_are_told() {
    let mut stage = Stage::loaded(3);
    stage.at_source("INBOX", |inbox| inbox.validity += 1);
    for key in ["ann", "bob"] {
        listed(&mut stage, &["ann", "bob"], |entry| entry.one_account = true);
        stage.job.choice.only = vec![key.into()];
        assert_eq!(reason(&stage.run(), key), Err(MailboxEnd::Complete));
        stage.source.store(|store| store.add("INBOX", &[], DATE, &message(key, 1)));
    }
    assert_eq!(stage.sent(), 4);
    listed(&mut stage, &["ann", "bob"], |_| {});
    for only in [vec![], vec!["ann"], vec!["bob"]] {
        stage.job.choice.only = only.iter().map(|key| (*key).to_owned()).collect();
        for outcome in [stage.run(), stage.verify(Depth::Headers)] {
            for key in if only.is_empty() { vec!["ann", "bob"] } else { only.clone() } {
                assert!(reason(&outcome, key).is_ok(), "{outcome:?}");
            }
        }
    }
    assert_eq!(stage.sent(), 4);
}

/// Two accounts that look alike, for two rows at work at the same time; of the second row's target, which is
/// called so, the server. What comes to each is seen.
fn look_alikes(host: &str) -> (Stage, Fake, Seen) {
    let mut stage = aliases("INBOX");
    let second = stage.second_target();
    let (first, other) = (stage.target.clone(), second.clone());
    stage.job.target.dialer = Dialer::platform().through(move |endpoint| {
        std::future::ready(Ok(if endpoint.host == "new.example" { &first } else { &other }.connect()))
    });
    let port = stage.target.port;
    listed(&mut stage, &["ann", "bob"], |entry| {
        entry.target.login = ALIASES[usize::from(entry.key == "bob")].into();
        if entry.key == "bob" {
            entry.target.host = Some(host.into());
            entry.target.port = Some(port);
        }
    });
    let seen = Seen::default();
    for (name, server) in [("ann", &stage.target), ("bob", &second)] {
        let seen = seen.clone();
        server.manners(|m| {
            m.on_command = slow_append(10);
            m.on_append = Box::new(move |_| {
                seen.push(name);
                Take::Store
            });
        });
    }
    (stage, second, seen)
}

/// Runs both; how many messages came to one of them before the first to the other, and how often they took
/// turns.
#[track_caller]
fn turns(stage: &Stage, seen: &Seen) -> (usize, usize) {
    let outcome = stage.run();
    for mailbox in ["ann", "bob"] {
        assert_eq!(reason(&outcome, mailbox), Err(MailboxEnd::Complete), "{outcome:?}");
    }
    let seen = seen.take();
    let turns: Vec<usize> = seen.chunk_by(|one, other| one == other).map(<[String]>::len).collect();
    (turns[0], turns.len())
}

/// Accounts that one script has made in one second: the second waits for the first copy of the first, and no
/// longer. On another server it does not wait at all.
#[test]
fn two_accounts_that_look_alike_are_filled_at_the_same_time() {
    for (host, most) in [("NEW.example", 2), ("other.example", 1)] {
        let (stage, second, seen) = look_alikes(host);
        let (before, turns) = turns(&stage, &seen);
        assert!(turns > 20 && before <= most, "{host}: {before} {turns}");
        assert_eq!(
            (stage.there("INBOX").len(), second.store(|store| store.messages("INBOX").len())),
            (20, 20)
        );
    }
}

/// A target that tells no UIDs: what comes to the first one does not come to the second, so that they are
/// two.
#[test]
fn look_alikes_without_uids_do_not_wait_for_a_whole_folder() {
    let (stage, second, seen) = look_alikes("NEW.example");
    for server in [&stage.target, &second] {
        server.manners(|m| m.capability = "IMAP4rev1 LITERAL+ NAMESPACE".into());
    }
    let (before, turns) = turns(&stage, &seen);
    assert!(before < 10 && turns > 2, "{before} {turns}");
    // And one account is one.
    let stage = aliases("INBOX");
    stage.target.manners(|m| m.capability = "IMAP4rev1 LITERAL+ NAMESPACE".into());
    moved_and_stopped(&stage.run());
    assert_eq!(stage.sent(), 20);
}

/// Another tool has moved most of the first one's mail: what is found there is not on the second one's
/// target.
#[test]
fn look_alikes_do_not_wait_for_who_finds_what_others_do_not_have() {
    let (mut stage, second, seen) = look_alikes("NEW.example");
    stage.load("Work", 2);
    stage.job.limits.connections_per_host = 2;
    for n in 1..=20 {
        stage.target.store(|store| store.add("INBOX", &["\\Seen"], DATE, &message("INBOX", n)));
    }
    stage.target.manners(|m| m.on_command = slow_append(100));
    second.manners(|m| m.on_command = slow_append(1));
    let (before, _) = turns(&stage, &seen);
    assert_eq!(before, 22);
}

#[test]
fn a_stop_is_heard_while_another_is_waited_for() {
    let stage = aliases("INBOX");
    let stop = stage.stopper();
    stage.target.manners(|m| {
        m.on_command = Box::new(|_| Verdict::Go);
        m.on_append = Box::new(move |_| {
            stop();
            Take::Never { stored: false }
        });
    });
    let outcome = stage.run();
    let ends = [reason(&outcome, "ann"), reason(&outcome, "bob")];
    assert_eq!(ends, [Err(MailboxEnd::Interrupted), Err(MailboxEnd::Interrupted)]);
    assert!(outcome.waited < Duration::from_secs(60), "{:?}", outcome.waited);
}

/// Where it is meant as well: what the first has brought is found by the second.
#[test]
fn two_rows_at_a_time_that_share_an_account_bring_its_mail_once() {
    let mut stage = Stage::loaded(20);
    stage.at_source("INBOX", |inbox| inbox.validity += 1);
    stage.job.limits = Limits { connections_per_host: 8, ..stage.job.limits.clone() };
    listed(&mut stage, &["ann", "bob"], |entry| entry.one_account = true);
    let outcome = stage.run();
    for mailbox in ["ann", "bob"] {
        assert_eq!(reason(&outcome, mailbox), Err(MailboxEnd::Complete), "{outcome:?}");
    }
    assert_eq!(stage.sent(), 20);
    stage.assert_moved();
}

#[test]
fn a_fleet_of_new_accounts_with_the_same_mail_is_moved() {
    let mut stage = Stage::loaded(12);
    let second = stage.second_target();
    stage.job.limits = Limits { connections_per_host: 8, ..stage.job.limits.clone() };
    listed(&mut stage, &["ann", "bob"], |entry| {
        if entry.key == "bob" {
            entry.target.login = "Ann@other.example".into();
            entry.target.host = Some("other.example".into());
            entry.target.port = Some(993);
        }
    });
    for more in 0..3 {
        let outcome = stage.run();
        for mailbox in ["ann", "bob"] {
            assert_eq!(reason(&outcome, mailbox), Err(MailboxEnd::Complete), "{outcome:?}");
        }
        stage.assert_moved();
        assert_eq!(second.store(|store| store.messages("INBOX").len()), 12 + more);
        stage.source.store(|store| store.add("INBOX", &[], DATE, &message("more", more)));
    }
}

#[test]
fn log_ins_are_compared_without_case() {
    let mut stage = Stage::loaded(1);
    // On one host: the list alone says it.
    stage.job.target.server.host = Some("old.example".into());
    stage.job.target.server.port = stage.job.source.server.port;
    listed(&mut stage, &[ANN], |entry| entry.target.login = "ANN@Old.Example".into());
    let reasons = refused(&stage);
    assert_eq!(
        reasons,
        [
            "mailbox `ann`: source and target are the same account (`ann@old.example`, `ANN@Old.Example` on old.example); \
          give the new host's account as target; if that is meant, write `meant` into the column `one_account` of both"
        ]
    );
    let mut stage = Stage::loaded(1);
    listed(&mut stage, &["ann", "bob"], |entry| {
        entry.target.login =
            if entry.key == "ann" { "All@new.example".into() } else { "all@NEW.example".into() };
    });
    let reasons = refused(&stage);
    assert!(
        reasons[0].starts_with("mailbox `bob`: target `all@NEW.example`, `All@new.example` is also"),
        "{reasons:?}"
    );
    // Both have to say so.
    listed(&mut stage, &["ann", "bob"], |entry| {
        entry.target.login = "all@new.example".into();
        entry.one_account = entry.key == "bob";
    });
    assert_eq!(refused(&stage).len(), 1);
    listed(&mut stage, &["ann", "bob"], |entry| {
        entry.target.login = "all@new.example".into();
        entry.one_account = true;
    });
    let outcome = stage.run();
    assert_eq!(reason(&outcome, "ann"), Err(MailboxEnd::Complete));
    assert_eq!(reason(&outcome, "bob"), Err(MailboxEnd::Complete));
    assert!(written(&stage.source).is_empty());
}
