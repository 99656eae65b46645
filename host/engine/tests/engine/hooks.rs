//! Validation hooks: they may add a failure and never take one away, and are asked when there is something to
//! look at.

use std::sync::Mutex;

use mailhaul_engine::event::Event;
use mailhaul_engine::plugin::{
    Depth, Finding, HookOutcome, PluginId, Severity, ValidationReport, ValidationRequest,
};
use mailhaul_lab::fake::Manners;

use crate::doubles::{Judge, broken};
use crate::stage::{Seen, Stage};

/// A source that tells enough to be known again, and a hook that always says this. What it was asked is kept.
fn judged(outcome: HookOutcome) -> (Stage, Seen) {
    let mut stage = Stage::with(Manners::of("IMAP4rev1 LITERAL+ CONDSTORE"), Manners::default());
    stage.load("INBOX", 3);
    let seen = Seen::default();
    let (asked, looked) = (seen.clone(), seen.clone());
    let judge = Judge::new(
        move |_, request| {
            let copied: u32 = request.folders.iter().map(|f| f.copied).sum();
            asked.push(format!("{} {:?} {copied}", request.mailbox, request.depth));
            let finding = Finding {
                severity: Severity::Warning,
                code: "judge.seen".into(),
                message: "looked at".into(),
                folder: None,
                uid: None,
            };
            Ok(ValidationReport { outcome: outcome.clone(), checked_messages: 1, findings: vec![finding] })
        },
        move |uids| looked.push(format!("{uids:?}")),
    );
    stage.plugins.validators = vec![judge];
    (stage, seen)
}

#[test]
fn a_hook_sees_what_was_copied() {
    let (stage, seen) = judged(HookOutcome::Pass);
    let outcome = stage.run();
    assert_eq!(outcome.complete().mailbox().hooks[0].findings[0].code, "judge.seen");
    assert_eq!(seen.take(), ["[1, 2, 3]", "ann Counts 3"]);
}

#[test]
fn a_hook_that_fails_makes_the_mailbox_fail() {
    let (stage, _) = judged(HookOutcome::Fail);
    assert_eq!(stage.run().not_well().totals(), [3, 3, 0, 0, 0, 0]);
}

#[test]
fn a_hook_that_passes_mends_nothing() {
    let (stage, _) = judged(HookOutcome::Pass);
    stage.source.manners(|m| m.on_list = Box::new(|m| m.uid != 2));
    stage.run().not_well();
}

#[test]
fn a_hook_that_breaks_is_inconclusive_and_told() {
    let (mut stage, _) = judged(HookOutcome::Pass);
    stage.plugins.validators = vec![Judge::new(|id, _| Err(broken(id, "validate")), |_| {})];
    let outcome = stage.run();
    outcome.complete().warns("crashed");
    assert_eq!(outcome.mailbox().hooks[0].outcome, HookOutcome::Inconclusive);
}

#[test]
fn a_hook_is_not_asked_again_while_nothing_changed() {
    let (mut stage, seen) = judged(HookOutcome::Pass);
    stage.run().complete();
    seen.take();
    stage.run().complete();
    assert!(seen.take().is_empty());
    stage.verify(Depth::Headers).complete();
    assert_eq!(seen.take(), ["[1, 2, 3]", "ann Headers 3"], "verify always asks");
    // The first run after a verify asks, and the next does not.
    stage.run().complete();
    seen.take();
    stage.run().complete();
    assert!(seen.take().is_empty());
    stage.load("INBOX", 1);
    stage.run().complete();
    assert_eq!(seen.take().last().unwrap(), "ann Counts 4");
    stage.job.plugin_settings = "other".into();
    stage.run().complete();
    assert_eq!(seen.take().len(), 2, "other settings are another question");
}

#[test]
fn a_hook_that_could_not_tell_is_asked_again() {
    let (stage, seen) = judged(HookOutcome::Inconclusive);
    for _ in 0..2 {
        stage.run().complete();
        assert_eq!(seen.take().len(), 2);
    }
}

/// Who is asked while the user stops the task has not answered, and what was said before stands.
#[test]
fn a_hook_that_the_user_stops_leaves_no_result() {
    let (mut stage, _) = judged(HookOutcome::Pass);
    stage.run().complete();
    let stop = Mutex::new(stage.stopper());
    let judge = move |id: &PluginId, _: &ValidationRequest| {
        (stop.lock().unwrap())();
        Err(broken(id, "validate"))
    };
    stage.plugins.validators = vec![Judge::slow(judge)];
    for verifies in [true, false] {
        stage.load("INBOX", 1);
        let outcome = if verifies { stage.verify(Depth::Headers) } else { stage.run() };
        assert!(outcome.interrupted().finish.as_ref().unwrap().interrupted);
        assert!(!outcome.events.iter().any(|event| matches!(event, Event::HookFinished { .. })));
        let hooks = &outcome.mailbox().hooks;
        assert!(hooks.len() == 1 && hooks[0].outcome == HookOutcome::Pass, "{hooks:?}");
        assert!(outcome.warnings().is_empty(), "{:?}", outcome.warnings());
    }
}
