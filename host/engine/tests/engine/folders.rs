//! Folders: where they go by whose word, which are left out, and what stops a mailbox before anything is
//! written.

use mailhaul_engine::cause::Cause;
use mailhaul_engine::event::MailboxEnd;
use mailhaul_engine::plugin::{Decision, Mapping, Ruling, ServerProfile};

use mailhaul_lab::fake::Verdict;

use crate::doubles::{Mailboxes, Mapper, Profiler, broken};
use crate::stage::{Stage, path};

/// INBOX with one message, and folders with two each.
fn stage(folders: &[&str]) -> Stage {
    let stage = Stage::loaded(1);
    folders.iter().for_each(|folder| stage.load(folder, 2));
    stage
}

/// A mapper that sends one folder somewhere, or leaves it out.
fn sends(from: &'static str, to: Option<&'static str>) -> std::sync::Arc<Mapper> {
    Mapper::new(move |_, request| {
        let decision = match to {
            Some(to) => Decision::MapTo { path: path(to), role: None, subscribe: None },
            None => Decision::Skip("nobody wants it".into()),
        };
        let at = request.source_folders.iter().position(|f| f.path == path(from));
        let at = at.filter(|at| request.settled.iter().all(|ruling| ruling.folder != *at));
        let rulings = at.map(|folder| Ruling { folder, decision, why: "it says so".into() });
        Ok(Mapping { rulings: rulings.into_iter().collect(), notes: Vec::new() })
    })
}

#[test]
fn a_rule_sends_a_folder_and_what_is_below_it() {
    let mut stage = stage(&["Old", "Old/2019"]);
    stage.rule("Old/**", Some("Archive/**"));
    assert_eq!(stage.run().complete().totals(), [5, 5, 0, 0, 0, 0]);
    assert_eq!((stage.there("Archive").len(), stage.there("Archive/2019").len()), (2, 2));
}

#[test]
fn a_folder_that_is_left_out_has_a_reason_for_every_message() {
    let mut stage = stage(&["Spam"]);
    stage.rule("Spam", None);
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [3, 1, 0, 2, 0, 0]);
    assert_eq!((outcome.code("Spam", 1), outcome.code("Spam", 2)), ("rule".into(), "rule".into()));
    assert!(stage.there("Spam").is_empty());
}

#[test]
fn a_mapper_rules_where_the_operator_did_not() {
    let mut stage = stage(&["Gesendet", "Spam", "Work"]);
    stage.plugins.mappers = vec![sends("Gesendet", Some("Sent")), sends("Spam", None)];
    stage.rule("Work", Some("Jobs"));
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [7, 5, 0, 2, 0, 0]);
    assert_eq!((stage.there("Sent").len(), stage.there("Jobs").len(), stage.there("Spam").len()), (2, 2, 0));
    let by = |source: &str| outcome.plan().folders.into_iter().find(|f| f.source == source).unwrap().by;
    assert_eq!((by("Gesendet").as_str(), by("Work").as_str()), ("mapper 1.0.0", "mailhaul.toml:1"));
}

#[test]
fn a_mapper_that_breaks_stops_the_mailbox_before_anything_is_written() {
    let mut stage = stage(&["Work"]);
    stage.plugins.mappers = vec![Mapper::new(|id, _| Err(broken(id, "map-folders")))];
    assert_eq!(stage.run().stopped().1, "plugin");
    assert_eq!(stage.sent(), 0);
    assert!(!stage.target.heard().iter().any(|line| line.starts_with("CREATE")));
}

#[test]
fn two_folders_that_would_become_one_stop_the_mailbox() {
    let mut stage = stage(&["Sent", "Sent Items"]);
    stage.plugins.mappers = vec![sends("Sent Items", Some("Sent"))];
    let (_, cause, reason) = stage.run().stopped();
    assert_eq!(cause, "plan");
    assert!(reason.contains("`Sent`"), "{reason}");
    assert_eq!(stage.sent(), 0);
    // The operator may mean it.
    stage.rule("Sent Items", Some("Sent"));
    stage.run().complete();
    assert_eq!(stage.there("Sent").len(), 4);
}

#[test]
fn names_that_differ_in_case_are_one_where_a_profile_says_so() {
    for (folds_case, stops) in [(Some(true), true), (Some(false), false)] {
        let mut stage = stage(&["Work", "work"]);
        let profile = ServerProfile { provider: "x".into(), folds_case, ..ServerProfile::default() };
        stage.plugins.target_profiles.profilers = vec![Profiler::new(profile, |_| None)];
        let outcome = stage.run();
        if stops {
            assert_eq!(outcome.stopped().1, "plan");
        } else {
            outcome.complete();
            stage.assert_moved();
        }
    }
}

/// What a run stopped at is still why, however often somebody looks.
#[test]
fn one_name_in_two_spellings_stops_the_mailbox() {
    let stage = stage(&["Entw&APw-rfe", "Entwürfe"]);
    assert_eq!(stage.run().stopped().1, "plan");
    let outcome = stage.verify(mailhaul_engine::plugin::Depth::Full);
    outcome.not_well();
    assert_eq!(outcome.mailbox().stopped.as_ref().unwrap().cause, Cause::Plan);
}

#[test]
fn folders_go_over_several_connections_at_once() {
    let mut stage = stage(&["A", "B", "C", "D", "E"]);
    stage.job.limits.connections_per_host = 8;
    stage.run().complete();
    stage.assert_moved();
    let logins = stage.target.heard().iter().filter(|line| *line == "LOGIN").count();
    assert!((2..=6).contains(&logins), "{logins}");
}

#[test]
fn mailboxes_are_moved_one_beside_the_other_and_stop_alone() {
    let mut stage = Stage::loaded(2);
    stage.plugins.source = std::sync::Arc::new(Mailboxes::of(&["ann", "bob"]));
    stage.job.limits.mailboxes_at_once = 2;
    // One server has one account here: whoever logs in second is refused, and the other goes on.
    let mut logged_in = 0;
    stage.source.manners(|m| {
        m.on_command = Box::new(move |line| {
            logged_in += u32::from(line == "LOGIN");
            match line == "LOGIN" && logged_in == 2 {
                true => Verdict::Say("NO [AUTHENTICATIONFAILED] No".into()),
                false => Verdict::Go,
            }
        });
    });
    let finish = stage.run().finish.unwrap();
    let ends: Vec<&MailboxEnd> = finish.mailboxes.iter().map(|(_, end)| end).collect();
    assert_eq!(ends.iter().filter(|end| **end == &MailboxEnd::Complete).count(), 1, "{ends:?}");
    let refused = ends.iter().filter_map(|end| end.stopped()).map(|stopped| stopped.cause);
    assert_eq!(refused.collect::<Vec<_>>(), [Cause::AuthRefused]);
    assert_eq!(stage.there("INBOX").len(), 2);
    stage.behave();
    stage.job.limits.mailboxes_at_once = 1;
    stage.job.only = vec!["bob".into()];
    assert_eq!(stage.run().finish.unwrap().mailboxes.len(), 1);
    stage.job.only = vec!["eve".into()];
    assert!(stage.run().finish.unwrap().refused.is_some());
}
