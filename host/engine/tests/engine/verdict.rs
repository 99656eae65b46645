//! One verdict: whatever command asks how a mailbox stands is told the same, by everything that is on record.

use std::sync::Arc;

use mailhaul_engine::plugin::Depth;
use mailhaul_engine::summary::{DifferenceKind as Kind, Verdict};
use mailhaul_lab::fake::{Folder, Manners, Take, Verdict as Answer};

use crate::doubles::Mailboxes;
use crate::outcome::Outcome;
use crate::stage::Stage;

/// Ten messages are copied, then the copy of the third is changed, and a comparison byte by byte has found
/// it.
fn altered() -> Stage {
    let stage = Stage::loaded(10);
    stage.run().complete();
    stage.at_target("INBOX", |folder| alter(folder, 3));
    assert_eq!(stage.verify(Depth::Full).not_well().differences(), [(Kind::AlteredBody, 3)]);
    stage
}

fn alter(folder: &mut Folder, uid: u32) {
    let body = &mut folder.messages[uid as usize - 1].body;
    let at = body.len() - 4;
    body[at] ^= 1;
}

#[test]
fn a_run_is_not_well_over_differences_that_a_verify_recorded() {
    let stage = altered();
    // It opens no folder, since nothing has changed, and then one.
    assert_eq!(stage.run().not_well().differences(), [(Kind::AlteredBody, 3)]);
    stage.load("Work", 1);
    stage.run().not_well();
    // Byte by byte it is looked at again, and is what it was.
    stage.at_target("INBOX", |folder| alter(folder, 3));
    stage.verify(Depth::Full).complete();
    stage.run().complete();
}

#[test]
fn a_glance_does_not_take_back_what_was_seen_closely() {
    let stage = altered();
    stage.at_target("INBOX", |folder| folder.set_flags(4, &["\\Seen", "\\Flagged"]));
    for (depth, found) in [
        (Depth::Counts, &[(Kind::AlteredBody, 3)][..]),
        (Depth::Headers, &[(Kind::AlteredBody, 3), (Kind::Flags, 4)]),
        (Depth::Counts, &[(Kind::AlteredBody, 3), (Kind::Flags, 4)]),
    ] {
        assert_eq!(stage.verify(depth).not_well().differences(), found, "{depth:?}");
    }
    stage.at_target("INBOX", |folder| folder.set_flags(4, &["\\Seen"]));
    assert_eq!(stage.verify(Depth::Headers).not_well().differences(), [(Kind::AlteredBody, 3)]);
    // Nor does a folder that cannot be read.
    stage.target.manners(|m| {
        m.on_command = Box::new(|line| match line.starts_with("EXAMINE") {
            true => Answer::Say("NO [NOPERM] Not you".into()),
            false => Answer::Go,
        });
    });
    let kinds = stage.verify(Depth::Full).not_well().differences();
    assert!(kinds.contains(&(Kind::AlteredBody, 3)), "{kinds:?}");
    stage.behave();
    // What the source does not have any more goes with what was found of it.
    stage.at_source("INBOX", |folder| folder.remove(|m| m.uid == 3));
    assert!(stage.verify(Depth::Counts).differences().is_empty());
    stage.run().complete();
}

#[test]
fn a_sample_takes_back_only_what_it_compared() {
    let stage = Stage::loaded(40);
    stage.run().complete();
    let altered: Vec<(Kind, u32)> = (1..=40).map(|uid| (Kind::AlteredBody, uid)).collect();
    let change = || stage.at_target("INBOX", |folder| (1..=40).for_each(|uid| alter(folder, uid)));
    change();
    assert_eq!(stage.verify(Depth::Full).not_well().differences(), altered);
    change();
    let left = stage.sample(Depth::Full, 50).not_well().differences();
    assert!((5..35).contains(&left.len()), "{left:?}");
    stage.verify(Depth::Full).complete();
}

/// A copy that is made anew has not been compared.
#[test]
fn what_was_found_of_a_copy_goes_with_it() {
    let stage = altered();
    // What was altered is not ours to remove any more.
    stage.undo().not_well();
    stage.at_target("INBOX", |folder| folder.remove(|_| true));
    stage.undo().well();
    let outcome = stage.run();
    assert!(outcome.complete().differences().is_empty());
    stage.assert_moved();
}

#[test]
fn a_run_of_one_of_two_mailboxes_is_no_complete_project() {
    let mut stage = Stage::loaded(3);
    stage.plugins.source = Arc::new(Mailboxes::of(&["ann", "bob"]));
    stage.job.choice.only = vec!["ann".into()];
    let project = stage.run().project;
    let verdicts = |project: &mailhaul_engine::summary::ProjectSummary| {
        project.mailboxes.iter().map(|m| m.verdict).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(&project), [Verdict::Complete, Verdict::NotStarted]);
    assert_eq!((project.verdict, project.totals.mailboxes), (Verdict::Incomplete, 2));
    assert!(project.mailboxes[1].is_only_listed());
    // It has no ledger that a verify could ask, and an undo has nothing to take back.
    stage.job.choice.only = vec!["bob".into()];
    assert_eq!(stage.verify(Depth::Counts).stopped().1, "ledger");
    let project = stage.undo().well().project.clone();
    assert_eq!(verdicts(&project), [Verdict::Complete, Verdict::NotStarted]);
    // Who leaves the list before any run has begun it is no mailbox of the project.
    stage.plugins.source = Arc::new(Mailboxes::of(&["ann", "cem"]));
    stage.job.choice.only = vec!["ann".into()];
    let project = stage.run().project;
    assert_eq!(
        project.mailboxes.iter().map(|m| &*m.source).collect::<Vec<_>>(),
        ["ann@old.example", "cem@old.example"]
    );
    // And one that a run has begun stays, in the list or not.
    let mut list = Mailboxes::of(&["cem"]);
    list.entries[0].one_account = true;
    stage.plugins.source = Arc::new(list);
    stage.job.choice.only = Vec::new();
    let project = stage.run().project;
    assert_eq!(verdicts(&project), [Verdict::Complete, Verdict::Complete]);
    assert_eq!(project.verdict, Verdict::Complete);
}

#[test]
fn a_plan_of_one_of_two_mailboxes_is_no_complete_project_either() {
    let mut stage = Stage::loaded(1);
    let plan = stage.plan();
    stage.plugins.source = Arc::new(Mailboxes::of(&["ann", "bob"]));
    assert_eq!(stage.agreed(plan).project.verdict, Verdict::Incomplete);
}

/// STATUS says that nothing is in it, and only its list would say that this is so.
#[test]
fn a_folder_that_a_run_was_stopped_before_is_not_well() {
    let stage = Stage::loaded(1);
    stage.load("Empty", 0);
    let stop = stage.stopper();
    stage.target.manners(|m| {
        m.on_append = Box::new(move |_| {
            stop();
            Take::Store
        });
    });
    let outcome = stage.run();
    outcome.interrupted();
    assert_eq!(outcome.totals()[5], 0, "nothing is pending");
    assert!(outcome.folder("Empty").never_opened && !outcome.folder("INBOX").never_opened);
    assert_eq!(outcome.mailbox().verdict, Verdict::Incomplete);
    stage.behave();
    stage.verify(Depth::Counts).not_well();
    assert!(!stage.run().complete().folder("Empty").never_opened);
}

#[test]
fn a_folder_that_is_left_out_does_not_have_to_be_opened() {
    let mut stage = Stage::loaded(1);
    stage.load("Spam", 0);
    stage.rule("Spam", None);
    stage.run().complete();
}

/// Everything was acknowledged, and nothing of it was seen: killed at once, or when that has been recorded
/// and the connection that did not answer was given up.
#[test]
fn a_run_that_was_killed_before_its_proof_is_not_well() {
    for at in ["SELECT", "CAPABILITY"] {
        let stage = Stage::loaded(5);
        let kill = stage.killer();
        let mut sent = false;
        stage.target.manners(|m| {
            m.on_command = Box::new(move |line| {
                sent |= line.starts_with("APPEND");
                if !sent || line.starts_with("APPEND") {
                    return Answer::Go;
                }
                if line.starts_with(at) {
                    kill();
                }
                Answer::Never
            });
        });
        let killed = stage.run();
        assert!(killed.finish.is_none());
        let recorded = if at == "CAPABILITY" { 5 } else { 0 };
        assert_eq!(killed.totals(), [5, recorded, 0, 0, 0, 5 - recorded]);
        assert!(killed.mailbox().unfinished);
        assert_eq!(killed.mailbox().verdict, Verdict::Incomplete);
        stage.behave();
        stage.verify(Depth::Full).not_well();
        assert!(!stage.run().complete().mailbox().unfinished);
    }
}

#[test]
fn copies_that_were_to_be_put_away_and_stay_are_on_record() {
    let stage = Stage::with(Manners::default(), Manners::of("IMAP4rev1 LITERAL+ UIDPLUS MOVE"));
    stage.load("INBOX", 40);
    stage.run().complete();
    stage.at_source("INBOX", |folder| folder.remove(|m| (10..20).contains(&m.uid)));
    let kept = |outcome: &Outcome| outcome.not_well().mailbox().kept.concat();
    assert!(kept(&stage.delete_gone()).contains("10 of 40 copies are gone"));
    assert!(kept(&stage.verify(Depth::Counts)).contains("10 of 40 copies are gone"));
    // A run that is not asked to put anything away leaves nothing undone.
    assert!(stage.run().complete().mailbox().kept.is_empty());
}
