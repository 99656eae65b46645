//! The source is treated as the target is: it is waited for, what it breaks at is found, and its limits are
//! learnt.

use std::time::Duration;

use mailhaul_engine::plugin::{Classification, Depth, Meaning, ServerProfile};
use mailhaul_engine::summary::{DifferenceKind, Side};
use mailhaul_lab::fake::{Fake, Give, Take, Verdict};

use crate::doubles::Profiler;
use crate::stage::{DATE, Stage, message};

/// FETCHes of texts so far.
fn asked(stage: &Stage) -> usize {
    stage.source.heard().iter().filter(|line| line.contains("BODY.PEEK[]")).count()
}

/// The source answers so to the first FETCHes of texts.
fn refuses(stage: &Stage, words: &'static str, mut left: usize) {
    stage.source.manners(|m| {
        m.on_command = Box::new(move |line| {
            if left == 0 || !line.contains("BODY.PEEK[]") {
                return Verdict::Go;
            }
            left -= 1;
            Verdict::Say(words.into())
        });
    });
}

/// The source gives these messages so, and all others.
fn gives(stage: &Stage, give: Give, which: impl Fn(u32) -> bool + Send + 'static) {
    stage.source.manners(|m| m.on_fetch = Box::new(move |m| if which(m.uid) { give } else { Give::Whole }));
}

/// It was followed by a FETCH for each message, and each was unreadable.
#[test]
fn a_source_that_asks_to_wait_is_waited_for() {
    for words in
        ["NO [THROTTLED] over its limits", "BAD Request is throttled. Suggested Backoff Time: 3000 ms"]
    {
        let stage = Stage::loaded(40);
        refuses(&stage, words, 5);
        let outcome = stage.run();
        assert!(outcome.complete().waited >= Duration::from_secs(7), "{:?}", outcome.waited);
        assert_eq!(asked(&stage), 6);
        stage.assert_moved();
    }
}

#[test]
fn patience_with_a_source_ends_and_nothing_is_unreadable() {
    let stage = Stage::loaded(40);
    refuses(&stage, "NO [UNAVAILABLE] Busy", usize::MAX);
    let outcome = stage.run();
    let (side, _, reason) = outcome.stopped();
    assert!(side == Side::Source && reason.contains("[UNAVAILABLE] Busy"), "{reason}");
    assert_eq!((outcome.totals(), asked(&stage)), ([40, 0, 0, 0, 0, 40], 11));
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn a_profile_says_what_a_source_s_words_mean() {
    let mut stage = Stage::loaded(4);
    refuses(&stage, "NO Bitte warten", 1);
    let wait = Some(Duration::from_secs(50));
    let throttled = Classification { meaning: Meaning::Throttled, retry_after: wait, remedy: None };
    let profile = ServerProfile { provider: "x".into(), ..ServerProfile::default() };
    stage.plugins.source_profiles.profilers = vec![Profiler::new(profile, move |_| Some(throttled.clone()))];
    let outcome = stage.run();
    assert!((50..60).contains(&outcome.complete().waited.as_secs()), "{:?}", outcome.waited);
    stage.assert_moved();
}

/// What reading for a comparison is refused for the moment is no refusal of a message either.
#[test]
fn what_is_read_to_be_compared_is_waited_for_as_well() {
    let stage = Stage::loaded(8);
    stage.run().complete();
    refuses(&stage, "NO [THROTTLED] over its limits", 5);
    let outcome = stage.verify(Depth::Full);
    assert!(outcome.complete().waited >= Duration::from_secs(15), "{:?}", outcome.waited);
    refuses(&stage, "NO [THROTTLED] over its limits", usize::MAX);
    assert_eq!(stage.verify(Depth::Full).stopped().0, Side::Source);
}

#[test]
fn a_source_that_refuses_everything_says_nothing_of_its_messages() {
    let stage = Stage::loaded(300);
    refuses(&stage, "NO Heute nicht", usize::MAX);
    let outcome = stage.run();
    assert!(outcome.not_well().exceptions().iter().all(|uid| *uid == 0), "{:?}", outcome.exceptions());
    assert!(outcome.folder("INBOX").stopped.is_some());
    assert!(asked(&stage) < 600, "{}", asked(&stage));
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn a_message_is_unreadable_where_its_neighbours_are_not() {
    let stage = Stage::loaded(300);
    gives(&stage, Give::No, |uid| uid == 7 || uid == 201);
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [300, 298, 0, 0, 2, 0]);
    assert_eq!(
        (outcome.code("INBOX", 7).as_str(), outcome.code("INBOX", 201).as_str()),
        ("unreadable", "unreadable")
    );
    assert!(asked(&stage) < 30, "{}", asked(&stage));
}

/// The same 2,000 were asked for six times.
#[test]
fn a_limit_of_texts_in_one_question_is_learnt() {
    let stage = Stage::loaded(300);
    stage.source.manners(|m| m.most_texts = 40);
    let outcome = stage.run();
    // 300 end, the first alone and 150 end, the next alone and 75 end, the next alone and 37.
    assert_eq!(outcome.complete().reconnects(), 3);
    assert!(outcome.waited.as_secs() <= 3, "{:?}", outcome.waited);
    stage.assert_moved();
    // Known for the task, not for longer.
    let texts = stage.source.heard().iter().filter(|line| line.contains("BODY.PEEK[]")).count();
    assert!(texts < 20, "{texts}");
}

#[test]
fn a_limit_of_listed_messages_in_one_question_is_learnt() {
    for servers in [[true, false], [false, true]] {
        let stage = Stage::loaded(300);
        for (server, strict) in [&stage.source, &stage.target].into_iter().zip(servers) {
            if strict {
                server.manners(|m| m.most_listed = 40);
            }
        }
        stage.run().complete();
        stage.assert_moved();
        stage.source.store(|store| store.add("INBOX", &[], DATE, &message("more", 1)));
        stage.run().complete();
        stage.assert_moved();
        stage.verify(Depth::Full).complete();
    }
}

/// For how many of 300 messages this FETCH asks; of lists only, or of whatever is fetched.
fn asked_for(line: &str, texts: bool) -> usize {
    let Some((set, _)) = line.strip_prefix("UID FETCH ").and_then(|rest| rest.split_once(' ')) else {
        return 0;
    };
    if line.contains("BODY.PEEK[]") && !texts {
        return 0;
    }
    let number = |text: &str| text.parse::<usize>().unwrap_or(300).min(300);
    let ranges = set.split(',').map(|range| range.split_once(':').unwrap_or((range, range)));
    ranges.map(|(first, last): (&str, &str)| (number(last) + 1).saturating_sub(number(first))).sum()
}

/// It answers so to a FETCH that asks for more.
fn takes(server: &Fake, most: usize, texts: bool, words: &'static str) {
    server.manners(|m| {
        m.on_command = Box::new(move |line| match asked_for(line, texts) > most {
            true => Verdict::Say(words.into()),
            false => Verdict::Go,
        });
    });
}

fn refused(server: &Fake, most: usize) -> usize {
    server.heard().iter().filter(|line| asked_for(line, false) > most).count()
}

/// The folder was unreadable, or the mailbox waited for as long as patience lasts and was told to have too
/// many connections.
#[test]
fn a_list_that_is_refused_is_asked_for_in_parts() {
    for words in ["NO too many messages", "BAD too many", "NO [LIMIT] too many messages"] {
        for (texts, source, target) in
            [(false, true, false), (true, true, false), (false, false, true), (true, true, true)]
        {
            let stage = Stage::loaded(300);
            stage.load("Archive", 300);
            for server in [(&stage.source, source), (&stage.target, target)].into_iter().filter(|one| one.1) {
                takes(server.0, 40, texts, words);
            }
            let outcome = stage.run();
            assert_eq!((outcome.complete().reconnects(), outcome.waited.as_secs()), (0, 0), "{words}");
            stage.assert_moved();
            // 300, 150, 75; and what was under way with it.
            assert!(refused(&stage.source, 40) < 20, "{words}: {:#?}", stage.source.heard());
            stage.source.store(|store| store.add("INBOX", &[], DATE, &message("more", 1)));
            assert_eq!(stage.run().complete().reconnects(), 0);
            stage.assert_moved();
            assert_eq!(stage.verify(Depth::Full).complete().reconnects(), 0);
        }
    }
}

/// A limit that one message meets is about the moment: it is waited for, and it ends.
#[test]
fn a_limit_that_stays_for_one_message_ends_and_is_not_one_on_connections() {
    let stage = Stage::loaded(300);
    stage.run().complete();
    let stage_anew = Stage::loaded(300);
    for (stage, texts) in [(&stage, false), (&stage_anew, false), (&stage_anew, true)] {
        takes(&stage.source, 0, texts, "NO [LIMIT] too many messages");
        if !texts {
            stage.source.store(|store| store.add("INBOX", &[], DATE, &message("more", 1)));
        }
        for outcome in [stage.run(), stage.verify(Depth::Full)] {
            let (side, cause, reason) = outcome.stopped();
            assert!(side == Side::Source && reason.contains("[LIMIT] too many messages"), "{reason}");
            assert_ne!(cause, "too-many-connections");
            assert!(outcome.waited <= Duration::from_secs(200), "{:?}", outcome.waited);
        }
        assert!(refused(&stage.source, 0) < 400, "{}", refused(&stage.source, 0));
    }
}

/// Three ends for each message, each waited for longer than the one before.
#[test]
fn whoever_knows_what_a_connection_ended_at_does_not_wait() {
    let stage = Stage::loaded(30);
    gives(&stage, Give::Close, |uid| uid % 10 == 5);
    let outcome = stage.run();
    assert_eq!((outcome.not_well().totals(), outcome.reconnects()), ([30, 27, 0, 0, 3, 0], 9));
    // A moment each time, for what the target may still store.
    assert!(outcome.waited.as_secs() <= 3, "{:?}", outcome.waited);
    assert_eq!(outcome.code("INBOX", 15), "unreadable");
}

#[test]
fn a_message_at_which_the_source_falls_silent_is_found() {
    let stage = Stage::loaded(12);
    gives(&stage, Give::Never, |uid| uid == 5);
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [12, 11, 0, 0, 1, 0]);
    assert_eq!(outcome.code("INBOX", 5), "unreadable");
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

/// Each run gave up the same ten, and stopped.
#[test]
fn more_breaking_messages_than_a_run_gives_up_are_passed_by_several_runs() {
    let stage = Stage::loaded(28);
    gives(&stage, Give::Close, |uid| uid <= 25);
    let copied: Vec<u64> = (0..3).map(|_| stage.run().totals()[1]).collect();
    assert_eq!(copied, [0, 0, 3]);
    stage.assert_moved_but(|m| m.uid <= 25);
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

/// Nothing is known of what was copied. With the same figures as the source the target would pass for the
/// same account.
fn forget(stage: &Stage) {
    std::fs::remove_dir_all(&stage.job.state_dir).unwrap();
    stage.at_target("INBOX", |inbox| inbox.validity += 1);
}

/// What is on the target already is found by its content: the source breaks at one message, asked for in
/// order to compare it.
#[test]
fn what_breaks_the_source_does_not_keep_the_rest_from_being_recognised() {
    for give in [Give::Close, Give::Hangup, Give::Never] {
        let stage = Stage::loaded(12);
        stage.run().complete();
        forget(&stage);
        gives(&stage, give, |uid| uid == 5);
        let outcome = stage.run();
        assert_eq!(outcome.not_well().totals(), [12, 0, 11, 0, 1, 0], "{give:?}");
        stage.assert_moved();
        stage.behave();
        assert_eq!(stage.run().complete().totals(), [12, 0, 12, 0, 0, 0], "{give:?}");
        stage.assert_moved();
    }
}

/// Dovecot ends the connection at the header of a file that it cannot read, as at its text.
#[test]
fn what_breaks_an_end_at_its_header_does_not_either() {
    for at_source in [true, false] {
        let stage = Stage::loaded(12);
        stage.run().complete();
        forget(&stage);
        let server = if at_source { &stage.source } else { &stage.target };
        server.manners(|m| {
            m.on_command = Box::new(|line| {
                let set = line.split(' ').nth(2).unwrap_or_default();
                let number = |text: &str| text.parse().unwrap_or(u32::MAX);
                let has_it = set.split(',').any(|part| match part.split_once(':') {
                    Some((first, last)) => (number(first)..=number(last)).contains(&5),
                    None => number(part) == 5,
                });
                match has_it && line.contains("BODY.PEEK[") {
                    true => Verdict::Bye("* BYE Internal error".into()),
                    false => Verdict::Go,
                }
            });
        });
        let outcome = stage.run();
        assert_eq!(outcome.not_well().totals(), [12, 0, 11, 0, 1, 0], "{at_source}");
        stage.assert_moved();
    }
}

/// The same where the target breaks at a copy.
#[test]
fn what_breaks_the_target_does_not_keep_the_rest_from_being_recognised() {
    let stage = Stage::loaded(12);
    stage.run().complete();
    forget(&stage);
    stage.target.manners(|m| {
        m.on_fetch = Box::new(|m| if m.says("INBOX 005") { Give::Close } else { Give::Whole });
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [12, 0, 11, 0, 1, 0]);
    stage.assert_moved();
}

#[test]
fn what_breaks_an_end_is_told_by_verify_and_the_rest_is_compared() {
    for at_source in [true, false] {
        let stage = Stage::loaded(12);
        stage.load("Work", 3);
        stage.run().complete();
        let server = if at_source { &stage.source } else { &stage.target };
        server.manners(|m| {
            m.on_fetch = Box::new(|m| if m.says("INBOX 005") { Give::Hangup } else { Give::Whole });
        });
        stage.at_target("Work", |folder| {
            let body = String::from_utf8(folder.messages[1].body.clone()).unwrap();
            folder.messages[1].body = body.replace("text 2", "TEXT 2").into_bytes();
        });
        let outcome = stage.verify(Depth::Full);
        let found = outcome.not_well().differences();
        assert_eq!(found, [(DifferenceKind::Unreadable, 5), (DifferenceKind::AlteredBody, 2)], "{at_source}");
        stage.behave();
        assert_eq!(stage.verify(Depth::Full).differences(), [(DifferenceKind::AlteredBody, 2)]);
    }
}

/// Everything behind it waited for ever.
#[test]
fn a_message_at_which_the_target_falls_silent_is_left_out() {
    for take in [Take::Never { stored: false }, Take::Untagged("* NO I do not like it".into())] {
        let stage = Stage::judged(move |m| if m.says("INBOX 004") { take.clone() } else { Take::Store });
        let runs: Vec<[u64; 6]> = (0..4).map(|_| stage.run().totals()).collect();
        assert_eq!(runs[3], [10, 9, 0, 0, 1, 0], "{runs:?}");
        stage.assert_moved_but(|m| m.uid == 4);
    }
}

/// The source takes its time, and the target hangs up on whoever says nothing for a minute; and the other way
/// round.
#[test]
fn an_end_that_waits_for_the_other_is_kept_alive() {
    let stage = Stage::loaded(10);
    stage.target.manners(|m| m.hangs_up_after = Some(Duration::from_secs(60)));
    stage.source.manners(|m| {
        m.on_command = Box::new(|line| match line.contains("BODY.PEEK[]") {
            true => Verdict::Later(Duration::from_secs(110)),
            false => Verdict::Go,
        });
    });
    assert_eq!(stage.run().complete().reconnects(), 0);
    stage.assert_moved();
    assert!(stage.target.heard().iter().any(|line| line == "NOOP"));
}

/// More often than a mailbox dials anew for anything else; and it is no message's doing.
#[test]
fn a_connection_that_ended_while_idle_is_nobody_s_fault() {
    let stage = Stage::loaded(8);
    stage.target.manners(|m| m.hangs_up_after = Some(Duration::from_secs(20)));
    let mut left = 7;
    stage.source.manners(|m| {
        m.on_command = Box::new(move |line| {
            if left == 0 || !line.contains("BODY.PEEK[]") {
                return Verdict::Go;
            }
            left -= 1;
            // Sooner than anybody would say that he is still there.
            Verdict::Later(Duration::from_secs(30))
        });
    });
    let outcome = stage.run();
    assert_eq!(outcome.complete().reconnects(), 7);
    stage.assert_moved();
}
