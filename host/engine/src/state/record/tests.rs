use std::time::{Duration, Instant};

use super::*;
use crate::cause::Cause;
use crate::side::Side;

fn requester() -> Requester {
    Requester::on_terminal("eve")
}

fn listed(key: &str) -> ListedMailbox {
    ListedMailbox { key: key.into(), source: key.into(), target: key.into(), ..ListedMailbox::default() }
}

fn begin(record: &mut dyn Record, kind: RunKind, mailboxes: &[&str]) -> RunId {
    record.begin_run(&NewRun { kind, phase: None, requester: &requester(), filter: &[] }, mailboxes).unwrap()
}

fn full() -> MailboxEnd {
    MailboxEnd::Stopped(Stopped { side: Side::Target, cause: Cause::Quota, reason: "full".into() })
}

fn stages(record: &dyn Record) -> Vec<(String, i64, Stage)> {
    record.outcomes().unwrap().into_iter().map(|o| (o.mailbox, o.run.0, o.stage)).collect()
}

#[test]
fn a_mailbox_that_is_taken_off_the_list_is_marked_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = open(dir.path()).unwrap();
    let list = ["cem", "ann", "bob"].map(listed);
    assert_eq!(record.set_list(&list).unwrap(), [""; 0]);
    assert_eq!(record.set_list(&list[..2]).unwrap(), ["bob"]);
    assert_eq!(record.set_list(&list[..2]).unwrap(), [""; 0], "it is told once");
    let all = |record: &dyn Record| -> Vec<(String, bool)> {
        let mailboxes = record.mailboxes().unwrap().into_iter();
        mailboxes.map(|one| (one.listed.key, one.unlisted.is_some())).collect()
    };
    let owned = |all: [(&str, bool); 3]| all.map(|(key, unlisted)| (key.to_owned(), unlisted)).to_vec();
    assert_eq!(all(&*record), owned([("cem", false), ("ann", false), ("bob", true)]));
    record.set_list(&["bob", "ann", "cem"].map(listed)).unwrap();
    assert_eq!(all(&*record), owned([("bob", false), ("ann", false), ("cem", false)]), "in the list's order");
}

#[test]
fn a_run_is_known_by_who_asked_and_how_each_mailbox_ended() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = open(dir.path()).unwrap();
    record.set_list(&["ann", "bob", "cem", "dora"].map(listed)).unwrap();
    let filter = ["ann".to_owned(), "b o b".to_owned()];
    let requester = Requester { name: "eve".into(), channel: Channel::Console };
    let new = NewRun { kind: RunKind::Run, phase: Some(Phase::Full), requester: &requester, filter: &filter };
    let run = record.begin_run(&new, &["ann", "bob", "cem", "dora"]).unwrap();
    for mailbox in ["ann", "bob", "cem"] {
        record.begin_mailbox(run, mailbox).unwrap();
    }
    record.end_mailbox(run, "ann", &MailboxEnd::Complete).unwrap();
    record.end_mailbox(run, "bob", &full()).unwrap();
    record.set_waiting(run, "cem", Some(("2026-11-30T10:00:00Z", "it is full"))).unwrap();
    record.update_run(run, 5, 500, 2.5).unwrap();
    // Another process that looks sees it alive, and the wait.
    let seen = open(dir.path()).unwrap();
    let now = &seen.runs(1).unwrap()[0];
    assert!(now.alive && now.result.is_none() && !now.was_killed());
    assert_eq!(
        (now.by.as_deref(), now.channel, now.filter.as_slice()),
        (Some("eve"), Some(Channel::Console), &filter[..])
    );
    assert_eq!(seen.outcomes().unwrap()[2].until.as_deref(), Some("2026-11-30T10:00:00Z"));
    assert_eq!(seen.outcomes().unwrap()[2].waits_for.as_deref(), Some("it is full"));
    record.end_run(run, RunResult::Interrupted).unwrap();
    let ended = &seen.runs(1).unwrap()[0];
    assert!(!ended.alive && ended.ended.is_some());
    assert_eq!((ended.result, ended.copied, ended.bytes), (Some(RunResult::Interrupted), 5, 500));
    let owned = |(mailbox, stage): (&str, Stage)| (mailbox.to_owned(), 1, stage);
    let expected =
        [("ann", Stage::Finished), ("bob", Stage::Stopped), ("cem", Stage::Interrupted)].map(owned);
    assert_eq!(stages(&*seen), expected, "who had not begun is as before");
    let finished: Vec<bool> = seen.mailboxes().unwrap().into_iter().map(|one| one.finished).collect();
    assert_eq!(finished, [true, false, false, false]);
}

#[test]
fn a_run_whose_process_is_gone_was_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = open(dir.path()).unwrap();
    begin(&mut *record, RunKind::Run, &["ann"]);
    drop(record);
    let run = &open(dir.path()).unwrap().runs(1).unwrap()[0];
    assert!(run.was_killed());
}

#[test]
fn assessments_and_plans_do_not_push_out_what_a_check_has_met() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = open(dir.path()).unwrap();
    let check = begin(&mut *record, RunKind::Check, &["ann"]);
    record.begin_mailbox(check, "ann").unwrap();
    record.end_mailbox(check, "ann", &full()).unwrap();
    record.end_run(check, RunResult::NotAllWell).unwrap();
    for n in 0..24 {
        let run = begin(&mut *record, if n % 2 == 0 { RunKind::Assess } else { RunKind::Plan }, &["ann"]);
        record.begin_mailbox(run, "ann").unwrap();
        record.end_mailbox(run, "ann", &MailboxEnd::Complete).unwrap();
        record.end_run(run, RunResult::Complete).unwrap();
    }
    assert_eq!(stages(&*record)[0], ("ann".to_owned(), check.0, Stage::Stopped));
}

#[test]
fn outcomes_are_kept_for_ten_runs_and_the_newest_of_each_mailbox_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = open(dir.path()).unwrap();
    let first = begin(&mut *record, RunKind::Run, &["ann", "bob"]);
    for mailbox in ["ann", "bob"] {
        record.begin_mailbox(first, mailbox).unwrap();
        record.end_mailbox(first, mailbox, &full()).unwrap();
    }
    record.end_run(first, RunResult::NotAllWell).unwrap();
    for n in 0..14 {
        // A look takes nothing of what a run has said away.
        let kind = if n == 0 { RunKind::Check } else { RunKind::Run };
        let run = begin(&mut *record, kind, &["ann"]);
        record.begin_mailbox(run, "ann").unwrap();
        record.end_mailbox(run, "ann", &MailboxEnd::Complete).unwrap();
        record.end_run(run, RunResult::Complete).unwrap();
    }
    let kept = stages(&*record);
    assert!(kept.contains(&("bob".to_owned(), 1, Stage::Stopped)), "{kept:?}");
    let anns: Vec<i64> =
        kept.iter().filter(|(mailbox, ..)| mailbox == "ann").map(|(_, run, _)| *run).collect();
    // The check is the newest of its kind.
    assert_eq!(anns, [2, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
}

#[test]
fn an_approval_is_in_force_for_each_mailbox_until_another_plan_is_approved_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = open(dir.path()).unwrap();
    let approve = |record: &mut dyn Record, digest: &str, by: &str, mailboxes: &[(&str, &str)]| {
        record.approve(&NewApproval { digest, by, mailboxes }).unwrap()
    };
    let in_force = |record: &dyn Record| -> Vec<(String, Option<u64>, u64)> {
        let all = record.approvals().unwrap().into_iter().filter(|approval| approval.mailboxes > 0);
        all.map(|approval| (approval.by, approval.number, approval.mailboxes)).collect()
    };
    let row = |by: &str, number, mailboxes| (by.to_owned(), number, mailboxes);
    let fits = |record: &dyn Record| ["ann", "bob"].map(|one| record.is_approved(one).unwrap());
    assert_eq!(fits(&*record), [None, None]);
    let all = [("ann", "a1"), ("bob", "b1")];
    assert_eq!(make_plan(&mut *record, "one", &all), 1);
    assert!(!record.is_plan_approved(1).unwrap());
    let first = approve(&mut *record, "one", "lea", &all);
    assert_eq!((first.approval.number, first.already, first.replaced.len()), (Some(1), false, 0));
    assert!(record.is_plan_approved(1).unwrap());
    assert!(approve(&mut *record, "one", "lea", &all).already);
    // A batch's plan by which nothing goes elsewhere is approved with it.
    assert_eq!(make_plan(&mut *record, "part", &[("ann", "a1")]), 2);
    assert!(record.is_plan_approved(2).unwrap());
    assert_eq!(make_plan(&mut *record, "other", &[("ann", "a2")]), 3);
    assert!(!record.is_plan_approved(3).unwrap());
    assert_eq!(fits(&*record), [Some(false), Some(true)]);

    let other = approve(&mut *record, "other", "otto", &[("ann", "a2")]);
    let lost: Vec<_> =
        other.replaced.iter().map(|old| (old.by.as_str(), old.number, old.mailboxes)).collect();
    assert_eq!(lost, [("lea", Some(1), 1)]);
    assert_eq!(in_force(&*record), [row("otto", Some(3), 1), row("lea", Some(1), 1)]);
    assert_eq!(fits(&*record), [Some(true), Some(true)], "bob's is in force as it was");
    assert!(!approve(&mut *record, "one", "lea", &all).already, "it is in force for bob alone");
    assert_eq!(in_force(&*record), [row("lea", Some(1), 2)]);

    // Two people may sign the same plan, and a plan may come from elsewhere.
    assert!(approve(&mut *record, "one", "eve", &all).replaced.is_empty());
    assert_eq!(in_force(&*record), [row("eve", Some(1), 2), row("lea", Some(1), 2)]);
    let elsewhere = approve(&mut *record, "elsewhere", "eve", &[("cem", "c1")]);
    assert_eq!(elsewhere.approval.number, None);
    assert_eq!(record.approved_digests().unwrap().len(), 3);
}

#[test]
fn of_two_approvals_at_once_one_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let start = std::sync::Barrier::new(4);
    let already: Vec<bool> = std::thread::scope(|scope| {
        let approve = || {
            let mut record = open(dir.path()).unwrap();
            start.wait();
            record
                .approve(&NewApproval { digest: "one", by: "lea", mailboxes: &[("ann", "a1")] })
                .unwrap()
                .already
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(approve)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(already.iter().filter(|already| !**already).count(), 1);
    assert_eq!(open(dir.path()).unwrap().approvals().unwrap().len(), 1);
}

#[test]
fn what_an_approval_is_in_force_for_is_kept_however_often_it_is_planned() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = open(dir.path()).unwrap();
    let all = [("ann", "a1"), ("bob", "b1")];
    make_plan(&mut *record, "one", &all);
    record.approve(&NewApproval { digest: "one", by: "lea", mailboxes: &all }).unwrap();
    make_plan(&mut *record, "two", &[("ann", "a2"), ("bob", "b2")]);
    record.approve(&NewApproval { digest: "two", by: "lea", mailboxes: &[("ann", "a2")] }).unwrap();
    for digest in ["three", "four", "five"] {
        make_plan(&mut *record, digest, &[("ann", digest), ("bob", digest)]);
    }
    let of = |number| {
        let mut rows = Vec::new();
        record
            .planned(Some(number), &mut |row| {
                rows.push(row.mailbox);
                Ok(())
            })
            .unwrap();
        rows
    };
    assert_eq!((of(1), of(2), of(3)), (vec!["bob".to_owned()], vec!["ann".to_owned()], Vec::new()));
}

#[test]
fn the_settings_of_a_plan_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = open(dir.path()).unwrap();
    assert_eq!(record.plan_settings(1).unwrap(), None);
    let settings = PlanSettings { select: "since = 2030-01-01".into(), ..PlanSettings::default() };
    record.begin_plan().unwrap();
    let sums = PlanSums::default();
    record.end_plan(&NewPlan { digest: "d", requester: &requester(), sums, settings: &settings }).unwrap();
    assert_eq!(record.plan_settings(1).unwrap(), Some(settings));
}

#[test]
fn decisions_and_the_audit_trail_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let record = open(dir.path()).unwrap();
    let acceptance = Acceptance {
        mailbox: "ann".into(),
        folder: "Sent".into(),
        uid: 7,
        code: Code::TooBig,
        by: "eve".into(),
        at: String::new(),
        note: "sent by hand".into(),
    };
    record.accept(&acceptance).unwrap();
    let at = record.acceptances().unwrap()[0].at.clone();
    assert!(at.ends_with('Z') && at.len() == 20, "{at}");
    assert_eq!(record.acceptances().unwrap(), [Acceptance { at, ..acceptance }]);
    let fact = |evidence: &str| Fact {
        what: "mx".into(),
        how: "dns".into(),
        evidence: evidence.into(),
        by: "eve".into(),
        at: String::new(),
    };
    record.add_fact(&fact("old")).unwrap();
    record.add_fact(&fact("new")).unwrap();
    assert_eq!(record.facts().unwrap().last().unwrap().evidence, "new");
    note(dir.path(), &requester(), "first").unwrap();
    note(dir.path(), &requester(), "second").unwrap();
    let notes = record.notes(1).unwrap();
    assert_eq!((notes[0].what.as_str(), &notes[0].requester), ("second", &requester()));
}

#[test]
fn a_record_that_another_process_writes_is_waited_for_and_one_that_is_damaged_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let file = dir.path().join("project.sqlite");
    let writer = rusqlite::Connection::open(&file).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = std::thread::spawn({
        let dir = dir.path().to_owned();
        move || note(&dir, &requester(), "waited")
    });
    writer.execute_batch("COMMIT").unwrap();
    waiting.join().unwrap().unwrap();
    drop(writer);
    std::fs::write(&file, "this is no record").unwrap();
    let refused = open(dir.path()).unwrap_err();
    assert!(matches!(refused, crate::state::ledger::LedgerError::Damaged { .. }), "{refused}");
}

#[test]
fn a_record_of_a_thousand_runs_and_ten_thousand_mailboxes_opens_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = open(dir.path()).unwrap();
    let list: Vec<ListedMailbox> = (0..10_000).map(|n| listed(&format!("user{n:05}@old.example"))).collect();
    record.set_list(&list).unwrap();
    let keys: Vec<&str> = list.iter().map(|one| one.key.as_str()).collect();
    // The last ten over all of them: as many outcomes as there can be.
    for n in 0..1_000 {
        let all = if n < 990 { &keys[..1] } else { &keys[..] };
        let run = begin(&mut *record, RunKind::Run, all);
        if n >= 990 {
            for mailbox in &keys {
                record.end_mailbox(run, mailbox, &MailboxEnd::Complete).unwrap();
            }
        }
        record.end_run(run, RunResult::Complete).unwrap();
    }
    drop(record);
    let begun = Instant::now();
    let record = open(dir.path()).unwrap();
    let read = (record.mailboxes().unwrap().len(), record.runs(u32::MAX).unwrap().len());
    let outcomes = record.outcomes().unwrap().len();
    let took = begun.elapsed();
    println!("opened and read in {took:?}");
    assert_eq!((read, outcomes), ((10_000, 1_000), 100_000));
    // A fifth of a second is the aim of the release build; this one is not optimised, and shares its machine.
    assert!(took < Duration::from_secs(4), "{took:?}");
}

fn planned(mailbox: &str, digest: &str) -> PlannedRow {
    PlannedRow { mailbox: mailbox.into(), digest: digest.into(), plan: format!("{{\"{digest}\":1}}") }
}

/// Makes a plan of these mailboxes; returns its number.
fn make_plan(record: &mut dyn Record, digest: &str, rows: &[(&str, &str)]) -> u64 {
    record.begin_plan().unwrap();
    for (mailbox, digest) in rows {
        record.keep_planned(&planned(mailbox, digest)).unwrap();
    }
    let sums = PlanSums { mailboxes: rows.len() as u64, ..PlanSums::default() };
    record
        .end_plan(&NewPlan { digest, requester: &requester(), sums, settings: &PlanSettings::default() })
        .unwrap()
        .number
}

#[test]
fn a_plan_that_does_the_same_keeps_its_number() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = open(dir.path()).unwrap();
    record.set_list(&["bob", "ann"].map(listed)).unwrap();
    assert_eq!(make_plan(&mut *record, "one", &[("ann", "a1"), ("bob", "b1")]), 1);
    assert_eq!(make_plan(&mut *record, "one", &[("ann", "a1"), ("bob", "b1")]), 1);
    assert_eq!(make_plan(&mut *record, "two", &[("ann", "a2"), ("bob", "b1")]), 2);
    // One that was broken off leaves nothing, and is no plan.
    record.begin_plan().unwrap();
    record.keep_planned(&planned("ann", "a9")).unwrap();
    record.begin_plan().unwrap();
    assert_eq!(record.last_planned("ann", None).unwrap(), Some((2, planned("ann", "a2"))));
    assert_eq!(record.last_planned("ann", Some(2)).unwrap(), Some((1, planned("ann", "a1"))));
    assert_eq!(record.last_planned("ann", Some(1)).unwrap(), None);
    assert_eq!(record.planned_digests().unwrap()["ann"], "a2");
    assert_eq!(make_plan(&mut *record, "three", &[("ann", "a3")]), 3);
    assert_eq!(record.planned_digests().unwrap()["bob"], "b1", "it was not planned anew");
    let mut newest = Vec::new();
    record
        .newest_planned(&mut |number, row| {
            newest.push((row.mailbox, row.digest, number));
            Ok(())
        })
        .unwrap();
    newest.sort();
    let row = |mailbox: &str, digest: &str, number| (mailbox.to_owned(), digest.to_owned(), number);
    assert_eq!(newest, [row("ann", "a3", 3), row("bob", "b1", 2)]);
    let of = |record: &dyn Record, number| {
        let mut rows = Vec::new();
        record
            .planned(Some(number), &mut |row| {
                rows.push(row.mailbox);
                Ok(())
            })
            .unwrap();
        rows
    };
    assert_eq!(of(&*record, 2), ["bob", "ann"], "in the list's order");
    assert_eq!(of(&*record, 1), ["bob"], "the two newest of each are kept");
    assert_eq!(record.plans(9).unwrap().iter().map(|plan| plan.number).collect::<Vec<_>>(), [3, 2, 1]);
}

#[test]
fn budgets_ceilings_and_waits_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = open(dir.path()).unwrap();
    let run = begin(&mut *record, RunKind::Run, &["ann", "bob"]);
    let (meter, day) = ("source-bytes:ann", "2026-11-30T00:00:00Z");
    let spent = |amount| Spent { meter: meter.into(), began: day.into(), amount };
    assert_eq!(record.spend(meter, "2026-11-29T00:00:00Z", 50).unwrap(), 50);
    assert_eq!(record.spend(meter, day, 5).unwrap(), 5, "a day has its own");
    assert_eq!(record.spend(meter, day, 4).unwrap(), 9);
    assert_eq!(open(dir.path()).unwrap().spend(meter, day, 3).unwrap(), 12, "of another process");
    assert_eq!(record.spend(meter, day, -2).unwrap(), 10);
    assert_eq!(record.spend(meter, "2026-12-05T00:00:00Z", -9).unwrap(), 0, "nothing is owed");
    record.spend(meter, "2026-12-05T00:00:00Z", 6).unwrap();
    assert_eq!(record.spend(meter, day, 1).unwrap(), 7, "of a day that is not there any more");
    let ceiling = LearntCeiling { host: "old:993".into(), allowed: 3, at: now(), why: "too many".into() };
    record.set_ceiling(&ceiling).unwrap();
    for (mailbox, seconds) in [("ann", 60.0), ("ann", 30.0), ("bob", 10.0)] {
        record.add_wait(run, mailbox, "a day", seconds).unwrap();
    }
    // Over several runs a mailbox is one.
    let later = begin(&mut *record, RunKind::Run, &["ann"]);
    record.add_wait(later, "ann", "a day", 5.0).unwrap();
    let both = RunWait { what: "a day".into(), mailboxes: 2, seconds: 105.0, longest: 95.0 };
    assert_eq!(record.waits(&[run, later]).unwrap(), [both]);
    let forecast =
        RunForecast { seconds: 60.0, messages: 5, bytes: None, without: 1, basis: "plan 3".into() };
    record.set_forecast(run, &forecast).unwrap();
    drop(record);
    let record = open(dir.path()).unwrap();
    assert_eq!((record.spent().unwrap(), record.ceilings().unwrap()), (vec![spent(7)], vec![ceiling]));
    let wait = RunWait { what: "a day".into(), mailboxes: 2, seconds: 100.0, longest: 90.0 };
    assert_eq!(record.waits(&[run]).unwrap(), [wait]);
    assert!(record.waits(&[]).unwrap().is_empty());
    assert_eq!(record.runs(2).unwrap()[1].forecast, Some(forecast));
}

/// While everything waited its row stood still, and so did all that was said of the time.
#[test]
fn a_run_that_goes_on_has_taken_the_time_since_it_began() {
    let at = |time: &str| time.parse::<jiff::Timestamp>().unwrap();
    let (begun, later) = ("2026-11-30T08:00:00Z", at("2026-11-30T08:10:00Z"));
    assert_eq!(taken(begun, later, 0.5), 600.0);
    assert_eq!(taken(begun, later, 700.0), 700.0, "a clock that was put back");
    assert_eq!(taken(begun, at("2026-11-30T07:00:00Z"), 0.0), 0.0);
    assert_eq!(taken("", later, 3.0), 3.0);
}
