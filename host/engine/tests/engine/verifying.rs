//! `verify`: what it finds on a target that somebody has touched, and what it says it has looked at.

use mailhaul_engine::job::Task;
use mailhaul_engine::plugin::Depth;
use mailhaul_engine::summary::{Comparison, DifferenceKind as Kind, Sample, VerifiedDepth};
use mailhaul_lab::fake::{Folder, Give, Verdict};

use crate::stage::{DATE, Stage, message};

const DEPTHS: [Depth; 3] = [Depth::Counts, Depth::Headers, Depth::Full];

fn moved() -> Stage {
    let stage = Stage::loaded(4);
    stage.source.store(|store| store.add("INBOX", &["\\Seen", "$Label1"], DATE, &message("marked", 1)));
    stage.run().complete();
    stage
}

/// Changes the copy of message 5 and says what each depth finds.
#[track_caller]
fn finds(change: impl Fn(&mut Folder), expected: [&[(Kind, u32)]; 3]) {
    let stage = moved();
    stage.at_target("INBOX", change);
    for (depth, expected) in DEPTHS.into_iter().zip(expected) {
        let outcome = stage.verify(depth);
        if expected.is_empty() {
            outcome.complete()
        } else {
            outcome.not_well()
        };
        assert_eq!(outcome.differences(), expected, "{depth:?}");
    }
}

/// Replaces text of the copy of message 5.
fn replaced(from: &'static str, to: &'static str) -> impl Fn(&mut Folder) {
    move |folder| {
        let body = &mut folder.messages[4].body;
        let text = String::from_utf8(body.clone()).unwrap();
        assert!(text.contains(from));
        *body = text.replacen(from, to, 1).into_bytes();
    }
}

#[test]
fn on_a_good_target_every_depth_agrees_and_is_recorded() {
    let stage = moved();
    for (depth, verified) in
        DEPTHS.into_iter().zip([VerifiedDepth::Counts, VerifiedDepth::Headers, VerifiedDepth::Full])
    {
        let outcome = stage.verify(depth);
        assert_eq!(outcome.complete().folder("INBOX").verified, verified);
        assert!(outcome.differences().is_empty());
    }
}

#[test]
fn a_missing_message_is_found_at_every_depth() {
    finds(|folder| folder.remove(|m| m.uid > 3), [&[(Kind::Missing, 4), (Kind::Missing, 5)]; 3]);
}

#[test]
fn an_altered_body_is_found_byte_by_byte_only() {
    finds(replaced("text 1", "test 1"), [&[], &[], &[(Kind::AlteredBody, 5)]]);
}

#[test]
fn a_cut_body_is_told_from_an_altered_one() {
    finds(
        |folder| {
            let body = &mut folder.messages[4].body;
            body.truncate(body.len() - 5);
        },
        // Its header is the same, and its size is not.
        [&[], &[(Kind::Truncated, 5)], &[(Kind::Truncated, 5)]],
    );
}

#[test]
fn an_altered_header_is_found() {
    let altered: &[(Kind, u32)] = &[(Kind::AlteredHeaders, 5)];
    finds(replaced("From: Tester", "From: Taster"), [&[], altered, altered]);
}

#[test]
fn changed_flags_keywords_and_dates_are_found() {
    for (change, kind) in [
        ((|folder| folder.set_flags(5, &["$Label1"])) as fn(&mut Folder), Kind::Flags),
        (|folder| folder.set_flags(5, &["\\Seen"]), Kind::Keywords),
        (|folder| folder.messages[4].date = "06-May-2021 05:05:05 +0500".into(), Kind::Date),
    ] {
        finds(change, [&[], &[(kind, 5)], &[(kind, 5)]]);
    }
}

#[test]
fn what_the_operator_ignores_is_a_note() {
    let mut stage = moved();
    stage.at_target("INBOX", |folder| folder.set_flags(5, &[]));
    stage.at_target("INBOX", |folder| folder.messages[3].date = "06-May-2021 05:05:05 +0500".into());
    stage.job.ignore.flags = true;
    stage.job.ignore.dates = true;
    let outcome = stage.verify(Depth::Headers);
    assert!(outcome.complete().mailbox().differences.iter().all(|d| d.note));
    assert_eq!(outcome.mailbox().differences.len(), 3);
}

#[test]
fn a_second_copy_is_a_duplicate_and_mail_of_the_targets_own_a_note() {
    let stage = moved();
    stage.target.store(|store| {
        store.add("INBOX", &["\\Seen", "$Label1"], DATE, &message("marked", 1));
        store.add("INBOX", &[], DATE, b"Subject: new here\r\n\r\nx\r\n");
    });
    let outcome = stage.verify(Depth::Full);
    assert_eq!(outcome.not_well().differences(), [(Kind::Duplicate, 5)]);
    assert!(outcome.mailbox().differences.iter().any(|d| d.kind == Kind::Extra && d.note));
}

#[test]
fn a_copy_that_is_in_another_folder_is_moved() {
    let stage = moved();
    stage.load("Work", 1);
    stage.run().complete();
    stage.target.store(|store| {
        for _ in 0..2 {
            let copy = store.folders.get_mut("INBOX").unwrap().messages.pop().unwrap();
            store.add("Work", &["\\Seen"], DATE, &copy.body);
        }
    });
    assert_eq!(stage.verify(Depth::Full).not_well().differences(), [(Kind::Moved, 4), (Kind::Moved, 5)]);
}

#[test]
fn a_list_that_is_short_is_no_comparison() {
    for at_source in [true, false] {
        let stage = moved();
        let server = if at_source { &stage.source } else { &stage.target };
        server.manners(|m| m.on_list = Box::new(|m| m.uid != 2));
        let outcome = stage.verify(Depth::Headers);
        outcome.not_well();
        assert!(outcome.differences().iter().any(|(kind, _)| *kind == Kind::Unreadable), "{outcome:#?}");
        assert_eq!(outcome.folder("INBOX").verified, VerifiedDepth::None);
    }
}

#[test]
fn what_one_side_does_not_give_was_not_compared() {
    for at_source in [true, false] {
        let stage = moved();
        let server = if at_source { &stage.source } else { &stage.target };
        server.manners(|m| m.on_fetch = Box::new(|m| if m.uid == 2 { Give::No } else { Give::Whole }));
        let outcome = stage.verify(Depth::Full);
        assert_eq!(outcome.not_well().differences(), [(Kind::Unreadable, 2)]);
        assert_eq!(outcome.folder("INBOX").verified, VerifiedDepth::None);
    }
}

#[test]
fn a_folder_that_no_run_has_read_is_missing() {
    let stage = moved();
    stage.load("Later", 2);
    let outcome = stage.verify(Depth::Counts);
    assert_eq!(outcome.not_well().totals(), [7, 5, 0, 0, 0, 2]);
    assert_eq!(outcome.differences(), [(Kind::Missing, 0)]);
    stage.run().complete();
    stage.verify(Depth::Full).complete();
}

#[test]
fn a_sample_is_its_own_depth() {
    let stage = moved();
    let sample = |seed| stage.task(Task::Verify { depth: Depth::Full, sample: 1, seed });
    for seed in [7, 8] {
        let outcome = sample(seed);
        let folder = outcome.complete().folder("INBOX");
        assert_eq!(folder.verified, VerifiedDepth::Sample);
        assert_eq!(folder.sample, Some(Sample { depth: VerifiedDepth::Full, percent: 1, seed }));
        let compared = outcome.mailbox().compared.as_ref().unwrap();
        assert_eq!((compared.messages, compared.messages_compared), (5, 1), "one of every folder at least");
        assert!(compared.finished);
    }
    // All of them is no sample, and a sample takes nothing back from it.
    stage.sample(Depth::Headers, 100).complete();
    let folder = sample(7).folder("INBOX").clone();
    assert_eq!((folder.verified, folder.sample), (VerifiedDepth::Headers, None));
    // Of a new copy nothing is known.
    stage.load("INBOX", 1);
    assert_eq!(stage.run().complete().folder("INBOX").verified, VerifiedDepth::None);
    assert_eq!(sample(7).folder("INBOX").verified, VerifiedDepth::Sample);
}

/// With enough seeds a ruined copy is found. What was found stays until its message is read again.
#[test]
fn another_seed_looks_at_other_messages() {
    let stage = moved();
    stage.verify(Depth::Full).complete();
    stage.at_target("INBOX", |folder| folder.messages[2].body[40] ^= 1);
    let verify = |seed| stage.task(Task::Verify { depth: Depth::Full, sample: 1, seed }).differences();
    let first = (0..64).position(|seed| !verify(seed).is_empty());
    assert!(first.is_some());
    for seed in 0..8 {
        assert_eq!(verify(seed), [(Kind::AlteredHeaders, 3)]);
    }
}

#[test]
fn what_was_compared_is_said_in_numbers() {
    let stage = moved();
    stage.load("Work", 2);
    stage.run().complete();
    for depth in DEPTHS {
        let outcome = stage.verify(depth);
        let compared = outcome.complete().mailbox().compared.clone().unwrap();
        let expected = Comparison {
            depth: depth.into(),
            finished: true,
            folders: 2,
            folders_compared: 2,
            messages: 7,
            messages_compared: 7,
            ..Comparison::default()
        };
        assert_eq!(compared, expected);
    }
    stage.source.manners(|m| m.on_list = Box::new(|m| m.uid != 2));
    let outcome = stage.verify(Depth::Headers);
    let compared = outcome.not_well().mailbox().compared.clone().unwrap();
    assert_eq!(compared.not_compared.len(), 2, "{compared:#?}");
}

/// A server that cannot be reached, or goes away in the middle, leaves nothing compared that was not.
#[test]
fn without_a_connection_nothing_is_compared() {
    let stage = moved();
    stage.verify(Depth::Full).complete();
    for command in ["LOGIN", "LIST", "EXAMINE", "BODY.PEEK"] {
        let at_each = command == "BODY.PEEK";
        stage.source.manners(|m| {
            m.on_command = Box::new(move |line| {
                if line.to_ascii_uppercase().contains(command) {
                    Verdict::Bye("BYE gone".into())
                } else {
                    Verdict::Go
                }
            });
        });
        let outcome = stage.verify(Depth::Full);
        // What a connection ends at is a message's doing, as far as anybody knows.
        if at_each {
            assert!(outcome.not_well().differences().iter().all(|(kind, _)| *kind == Kind::Unreadable));
        } else {
            outcome.stopped();
        }
        let compared = outcome.mailbox().compared.clone().unwrap();
        assert_eq!(compared.finished, at_each, "{command}: {compared:#?}");
        assert_eq!((compared.folders, compared.messages_compared), (1, 0), "{command}");
    }
}

/// Two hundred are read at a time.
#[test]
fn stopped_in_its_only_folder_it_has_proven_nothing() {
    let stage = Stage::loaded(201);
    stage.run().complete();
    stage.at_target("INBOX", |folder| folder.messages[200].body.extend(b"altered"));
    let stop = stage.stopper();
    stage.source.manners(|m| {
        m.on_command = Box::new(move |line| {
            if line.contains("BODY.PEEK[]") {
                stop();
            }
            Verdict::Go
        });
    });
    let outcome = stage.verify(Depth::Full);
    assert_eq!(outcome.interrupted().folder("INBOX").verified, VerifiedDepth::None);
    let compared = outcome.mailbox().compared.as_ref().unwrap();
    assert_eq!((compared.finished, compared.messages, compared.messages_compared), (false, 201, 200));
    stage.behave();
    assert_eq!(stage.verify(Depth::Full).not_well().differences(), [(Kind::AlteredBody, 201)]);
}

#[test]
fn before_any_run_there_is_nothing_to_verify() {
    let stage = Stage::loaded(1);
    assert_eq!(stage.verify(Depth::Full).stopped().1, "ledger");
}
