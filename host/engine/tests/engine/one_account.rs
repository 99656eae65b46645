//! One account under two names: nothing is written before that is known, and accounts that only look alike are moved.

use std::sync::Arc;

use mailhaul_engine::event::MailboxEnd;
use mailhaul_engine::job::Limits;
use mailhaul_engine::plugin::MailboxEntry;
use mailhaul_lab::fake::{Fake, Give};

use crate::doubles::Mailboxes;
use crate::outcome::Outcome;
use crate::stage::{ANN, DATE, Stage, message};

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

/// All servers of the laboratory give their INBOX the same UIDVALIDITY, as accounts have that one script has made.
#[test]
fn accounts_that_look_alike_are_moved() {
    // Nothing in either; the same number of messages, which are others; and what we have copied ourselves, run after run.
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

/// Side by side both see an empty account: where their names may be one, the second waits for the first.
#[test]
fn two_rows_at_a_time_do_not_fill_one_account() {
    let mut stage = Stage::loaded(20);
    stage.at_source("INBOX", |inbox| inbox.validity += 1);
    stage.job.limits = Limits { connections_per_host: 8, ..stage.job.limits };
    listed(&mut stage, &["ann", "bob"], |entry| {
        entry.target.login = if entry.key == "ann" { "post@new.example".into() } else { "Post".into() };
    });
    let outcome = stage.run();
    let ends = [reason(&outcome, "ann"), reason(&outcome, "bob")];
    assert!(ends.contains(&Err(MailboxEnd::Complete)), "{ends:?}");
    assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1, "{ends:?}");
    assert_eq!(stage.sent(), 20);
}

/// Where it is meant as well: what the first has brought is found by the second.
#[test]
fn two_rows_at_a_time_that_share_an_account_bring_its_mail_once() {
    let mut stage = Stage::loaded(20);
    stage.at_source("INBOX", |inbox| inbox.validity += 1);
    stage.job.limits = Limits { connections_per_host: 8, ..stage.job.limits };
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
    stage.job.limits = Limits { connections_per_host: 8, ..stage.job.limits };
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
