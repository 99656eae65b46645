//! Every row of the laboratory's table of misbehaviours, at the source, at the target.
//!
//! Whatever a server does, one rule holds: nothing of the source is missing or doubled on the target while
//! the mailbox is said to be complete, nor changed without a word of it in the report.

use std::time::Duration;

use mailhaul_engine::event::MailboxEnd;
use mailhaul_engine::plugin::Depth;
use mailhaul_engine::summary::Verdict;
use mailhaul_lab::fake::{End, Misbehaviour, mail, rows};

use crate::mail::Wrong;
use crate::outcome::Outcome;
use crate::stage::{DATE, Stage, message, password};

use End::{Source, Target};
use When::{First, Later};
use Wrong::{Changed, Leaked};

/// When a server begins to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Before the first run.
    First,
    /// After a good run, with more mail to come.
    Later,
}

fn more(stage: &Stage) {
    stage.source.store(|store| store.add("INBOX", &[], DATE, &message("more", 1)));
}

/// What the rule says of what a task said; `None` when it holds. Something may have happened `behind` a
/// copy's back.
fn dishonest(stage: &Stage, said: &str, behind: bool, outcome: &Outcome) -> Option<(Wrong, String)> {
    if stage.keeps(outcome, password()) {
        return Some((Leaked, format!("{said}: the password stands somewhere")));
    }
    let finish = outcome.finish.as_ref()?;
    let complete = finish.mailboxes.iter().all(|(_, end)| *end == MailboxEnd::Complete)
        || outcome.project.verdict == Verdict::Complete;
    let (wrong, unlike) = stage.unlike().filter(|_| complete)?;
    // What becomes of a copy, or of its message, after it was moved and seen there is for `verify` to say.
    if wrong == Changed && behind && said != "verify" {
        return None;
    }
    let told = outcome.project.mailboxes.iter().any(|mailbox| !mailbox.differences.is_empty());
    if wrong == Changed && told {
        return None;
    }
    Some((wrong, format!("{said}: complete, and {wrong:?}: {unlike}")))
}

/// Moves mail with the row switched on; says what is not right.
fn tried(row: &Misbehaviour, end: End, when: When) -> Option<(Wrong, String)> {
    let mut stage = Stage::new();
    // What never ends is read up to its bound, and again after each new connection.
    stage.most = Duration::from_secs(10);
    stage.source.store(mail);
    [&stage.source, &stage.target].into_iter().for_each(|server| row.prepare(server));
    if when == When::Later {
        stage.run().complete();
        stage.assert_moved();
        more(&stage);
    }
    let server = if end == End::Source { &stage.source } else { &stage.target };
    row.apply(server);
    let behind = when == When::Later && row.is_of_mail();
    let mut wrong = None;
    for said in ["run", "run again"] {
        let outcome = stage.run();
        wrong = wrong.or_else(|| dishonest(&stage, said, behind, &outcome));
    }
    let outcome = stage.verify(Depth::Full);
    wrong.or_else(|| dishonest(&stage, "verify", behind, &outcome))
}

/// Tries all rows of one end at one time.
#[track_caller]
fn table(end: End, when: When) {
    let mut wrong = Vec::new();
    for row in rows().filter(|row| row.at.contains(&end)) {
        if let Some((_, found)) = tried(row, end, when) {
            wrong.push(format!("{} ({}): {found}", row.name, row.what));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_source_that_misbehaves_from_the_first_run_on() {
    table(Source, First);
}

#[test]
fn a_source_that_misbehaves_after_a_good_run() {
    table(Source, Later);
}

#[test]
fn a_target_that_misbehaves_from_the_first_run_on() {
    table(Target, First);
}

#[test]
fn a_target_that_misbehaves_after_a_good_run() {
    table(Target, Later);
}
