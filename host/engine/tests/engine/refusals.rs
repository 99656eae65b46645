//! Refusals: of the message, of the moment, of its keywords, or for want of room. What is of the moment is
//! never given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mailhaul_engine::code::Code;
use mailhaul_engine::event::MailboxEnd;
use mailhaul_engine::job::Task;
use mailhaul_engine::summary::Side;
use mailhaul_lab::fake::{Incoming, Manners, Take};

use crate::outcome::Outcome;
use crate::stage::{DATE, Stage, message};

/// Words of which nobody can say what they are about.
const WORDS: [&str; 5] = [
    "NO Temporary unavailable",
    "NO [SERVERBUG] Internal error occurred. Refer to server log",
    "NO [CONTACTADMIN] disk failure",
    "NO APPEND failed",
    "NO Timeout while waiting for lock",
];

fn say(words: &'static str) -> Take {
    Take::Say(words.into())
}

/// From so many messages on everything is refused, so many times.
fn outage(after: usize, words: &'static str, mut times: usize) -> Stage {
    Stage::judged(move |m| match m.store.messages("INBOX").len() >= after && times > 0 {
        true => {
            times -= 1;
            say(words)
        }
        false => Take::Store,
    })
}

/// The folder stopped, with the words and this many pending ones.
#[track_caller]
fn held(outcome: &Outcome, words: &str, pending: u64) {
    let folder = outcome.not_well().folder("INBOX");
    assert_eq!(folder.stopped, Some(Code::Refused), "{folder:?}");
    assert_eq!((folder.counts.pending, folder.counts.failed), (pending, 0));
    let (exception, _) = outcome.exception("INBOX", 0);
    let words = words.trim_start_matches("NO ");
    assert!(exception.reason.contains(words), "{exception:?}");
}

#[test]
fn an_outage_gives_nothing_up_however_many_runs_it_lasts() {
    for words in WORDS {
        for after in [0, 2] {
            let stage = outage(after, words, usize::MAX);
            for run in 1..=4 {
                let sent = stage.sent();
                held(&stage.run(), words, 10 - after as u64);
                assert!(stage.sent() - sent <= 40, "run {run} sent {}", stage.sent() - sent);
            }
            stage.behave();
            stage.run().complete();
            stage.assert_moved();
        }
    }
}

#[test]
fn an_outage_of_a_moment_is_waited_for_in_the_run() {
    for (after, times) in [(0, 8), (0, 10), (3, 7), (3, 14), (9, 1)] {
        let stage = outage(after, WORDS[0], times);
        let outcome = stage.run();
        // The last one of a folder cannot be told from a bad one; it is not waited for, and sent in the next
        // run.
        if after < 9 {
            outcome.complete();
        } else {
            assert_eq!(outcome.not_well().totals(), [10, 9, 0, 0, 1, 0]);
            stage.run().complete();
        }
        stage.assert_moved();
        assert!(outcome.waited.as_secs() < 15, "{:?}", outcome.waited);
    }
}

#[test]
fn an_outage_between_others_is_sent_again_in_the_run() {
    let mut came = 0;
    let stage = Stage::judged(move |_| {
        came += 1;
        if (4..=6).contains(&came) { say(WORDS[3]) } else { Take::Store }
    });
    stage.run().complete();
    stage.assert_moved();
}

/// Messages that stand together and are bad, all of them.
#[test]
fn several_bad_messages_in_a_row_are_the_messages() {
    let stage = Stage::judged(|m| {
        let bad = (4..=6).any(|n| m.says(&format!("INBOX 00{n}")));
        if bad { say("NO Message contains bare newlines") } else { Take::Store }
    });
    for _ in 0..3 {
        assert_eq!(stage.run().not_well().totals(), [10, 7, 0, 0, 3, 0]);
    }
    let sent = stage.sent();
    stage.run().not_well();
    assert_eq!(stage.sent(), sent, "they are not sent any more");
    stage.assert_moved_but(|m| (4..=6).contains(&m.uid));
}

#[test]
fn the_first_and_the_last_message_may_be_bad_as_well() {
    for (bad, text) in [(1, "INBOX 001"), (10, "INBOX 010")] {
        let stage = Stage::judged(move |m| if m.says(text) { say("NO Bad") } else { Take::Store });
        for _ in 0..2 {
            let outcome = stage.run();
            assert_eq!(outcome.not_well().totals(), [10, 9, 0, 0, 1, 0]);
            assert_eq!(outcome.code("INBOX", bad), "refused");
            stage.assert_moved_but(|m| m.uid == bad);
        }
    }
}

/// What once was of the message says nothing of what comes in other words.
#[test]
fn an_outage_does_not_count_against_what_was_refused_before() {
    let stage = Stage::judged(|m| if m.says("INBOX 005") { say("NO Bad header") } else { Take::Store });
    stage.run().not_well();
    stage.target.manners(|m| m.on_append = Box::new(|_| say(WORDS[0])));
    for _ in 0..4 {
        stage.run().not_well();
    }
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn a_folder_that_takes_nothing_stops_and_the_others_go_on() {
    let stage = Stage::loaded(5);
    stage.load("Shared", 5);
    stage.load("Zoo", 5);
    stage.target.manners(|m| {
        m.on_append =
            Box::new(|m| if m.folder == "Shared" { say("NO Not allowed here") } else { Take::Store });
    });
    for _ in 0..3 {
        let outcome = stage.run();
        assert_eq!(outcome.not_well().totals(), [15, 10, 0, 0, 0, 5]);
        assert_eq!(outcome.folder("Shared").stopped, Some(Code::Refused));
    }
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn a_long_folder_is_not_sent_in_vain_to_its_end() {
    let stage = Stage::loaded(300);
    stage.target.manners(|m| {
        m.capability = "IMAP4rev1".into();
        m.on_append = Box::new(|_| say(WORDS[0]));
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [300, 0, 0, 0, 0, 300]);
    assert!(stage.sent() < 64 + 256 + 300 + 20, "{}", stage.sent());
}

/// What is full, in whatever words, ends as `quota` with everything pending.
#[track_caller]
fn quota(stage: &Stage, copied: u64) {
    let all = 10;
    for _ in 0..4 {
        let outcome = stage.run();
        assert_eq!(outcome.stopped().1, "quota");
        assert_eq!(outcome.totals(), [all, copied, 0, 0, 0, all - copied]);
    }
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn full_in_words_that_are_about_room_is_known_by_the_pattern() {
    for words in [
        "NO Not enough room",
        "NO The mailbox has reached its maximum size",
        "NO Das Postfach ist voll",
        "NO Plattenplatz erschoepft",
        "NO You exceeded your mail quota.",
        "NO [ALERT] Your quota has been exceeded.",
        "NO Buzon lleno",
    ] {
        quota(&outage(4, words, usize::MAX), 4);
    }
}

/// Gives the room that is left for the answer to GETQUOTAROOT, in units of 1024 bytes.
fn tells_room(manners: &mut Manners, left: u64) {
    manners.capability.push_str(" QUOTA");
    manners.on_answer = Box::new(move |line, out| {
        if line.starts_with("GETQUOTAROOT") {
            let text = String::from_utf8_lossy(out).into_owned();
            let tag = text.split(' ').next().unwrap_or_default();
            *out = format!(
                "* QUOTAROOT INBOX \"\"\r\n* QUOTA \"\" (STORAGE {} 1000)\r\n{tag} OK\r\n",
                1000 - left
            )
            .into_bytes();
        }
    });
}

#[test]
fn full_by_the_figures_is_full_whatever_the_words() {
    let stage = outage(4, "NO APPEND failed", usize::MAX);
    stage.target.manners(|m| tells_room(m, 0));
    quota(&stage, 4);
    // There is room, so that it is something else.
    let stage = outage(4, "NO APPEND failed", usize::MAX);
    stage.target.manners(|m| tells_room(m, 900));
    held(&stage.run(), "APPEND failed", 6);
}

/// There is room for small ones: all that is refused is larger than what passes.
#[test]
fn what_is_too_large_for_the_room_that_is_left_is_no_fault_of_its_own() {
    for (words, figures) in [("NO Not enough space", false), ("NO APPEND failed", true)] {
        let stage = Stage::judged(move |m| if m.body.len() > 5_000 { say(words) } else { Take::Store });
        stage.at_source("INBOX", |folder| {
            for n in [2, 6] {
                folder.messages[n].body.extend("x".repeat(9_000).into_bytes());
                folder.messages[n].body.extend(b"\r\n");
            }
        });
        if figures {
            stage.target.manners(|m| tells_room(m, 5));
        }
        let outcome = stage.run();
        assert_eq!((outcome.stopped().1.as_str(), outcome.totals()), ("quota", [10, 8, 0, 0, 0, 2]));
        stage.behave();
        stage.run().complete();
    }
}

/// Every fifth of sixty is large.
fn large_and_small(judge: impl FnMut(&mut Incoming<'_>) -> Take + Send + 'static) -> Stage {
    let stage = Stage::loaded(60);
    stage.at_source("INBOX", |folder| {
        for message in folder.messages.iter_mut().step_by(5) {
            message.body.extend("x".repeat(2_000).into_bytes());
            message.body.extend(b"\r\n");
        }
    });
    stage.target.manners(|m| m.on_append = Box::new(judge));
    stage
}

/// In words of which nobody can say that they are about room.
const NO_ROOM: &str = "NO \u{90ae}\u{7bb1}\u{7a7a}\u{95f4}\u{5df2}\u{6ee1}";

/// The large ones of which were taken before; it may be that there is no end, or that nothing goes any more.
#[test]
fn a_target_that_fills_up_is_full_in_whatever_words_and_nothing_counts() {
    for room in [12_000, 12_500, 13_000, 13_700] {
        let stage = large_and_small(move |m| {
            let there: usize = m.store.messages("INBOX").iter().map(|m| m.body.len()).sum();
            if there + m.body.len() > room { say(NO_ROOM) } else { Take::Store }
        });
        let first = stage.run();
        assert_eq!(first.totals()[4], 0, "{room}");
        // Where one small message went behind the first one, it may as well be an outage.
        let full = matches!(first.end(), MailboxEnd::Stopped(stopped) if stopped.cause.as_str() == "quota");
        assert_eq!(full, room > 12_000, "{room}: {:?}", first.end());
        for _ in 0..4 {
            assert_eq!(stage.run().totals()[4], 0, "{room}");
        }
        stage.behave();
        stage.run().complete();
        stage.assert_moved();
    }
    // No end of the room for small ones.
    let mut left = 4;
    let stage = large_and_small(move |m| match m.body.len() > 2_000 {
        true if left == 0 => say(NO_ROOM),
        large => {
            left -= i32::from(large);
            Take::Store
        }
    });
    for _ in 0..4 {
        let outcome = stage.run();
        assert_eq!(outcome.totals(), [60, 52, 0, 0, 0, 8]);
    }
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

/// Nothing of that size was ever taken.
#[test]
fn a_limit_of_size_is_of_the_messages_in_whatever_words() {
    let stage = large_and_small(|m| if m.body.len() > 2_000 { say(NO_ROOM) } else { Take::Store });
    for _ in 0..4 {
        assert_eq!(stage.run().not_well().totals(), [60, 48, 0, 0, 12, 0]);
    }
    let sent = stage.sent();
    stage.run().not_well();
    assert_eq!(stage.sent(), sent, "they are given up");
}

/// The third message is answered so each time, and how often it came is counted.
fn third(mut judge: impl FnMut() -> Take + Send + 'static) -> (Stage, Arc<AtomicUsize>) {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let stage = Stage::judged(move |m| {
        if !m.says("INBOX 003") {
            return Take::Store;
        }
        counted.fetch_add(1, Ordering::Relaxed);
        judge()
    });
    (stage, tries)
}

#[test]
fn a_message_that_is_asked_to_wait_for_ever_while_others_pass_is_given_up() {
    let (stage, tries) = third(|| say("NO [LIMIT] Too many recipients"));
    for run in 1..=3 {
        let outcome = stage.run();
        assert_eq!(outcome.not_well().totals(), [10, 9, 0, 0, 1, 0], "run {run}");
        assert_eq!(outcome.code("INBOX", 3), "limit");
        assert_eq!((tries.load(Ordering::Relaxed), outcome.reconnects()), (8 * run, 0));
        assert!(outcome.waited.as_secs() < 300, "{:?}", outcome.waited);
    }
    stage.run().not_well();
    assert_eq!(tries.load(Ordering::Relaxed), 24, "and then not sent any more");
    stage.assert_moved_but(|m| m.uid == 3);
}

/// Ten of thirty, the last of which stand at the end, are waited for as one is.
#[test]
fn messages_that_are_asked_to_wait_while_others_pass_are_waited_for_together() {
    for bad in
        [&[3, 6, 9, 12, 15, 18, 21, 24, 27][..], &[1, 2, 3, 4, 20], &[3, 29, 30]] as [&'static [u32]; 3]
    {
        let stage = Stage::loaded(30);
        let among = move |m: &Incoming<'_>| bad.iter().any(|n| m.says(&format!("INBOX {n:03}")));
        stage.load("Zoo", 2);
        stage.target.manners(|m| {
            m.on_append = Box::new(move |m| if among(m) { say("NO [LIMIT] no") } else { Take::Store });
        });
        let left = bad.len() as u64;
        for run in 1..=2 {
            let sent = stage.sent();
            let outcome = stage.run();
            assert_eq!(outcome.not_well().totals(), [32, 32 - left, 0, 0, left, 0], "{bad:?}, run {run}");
            let words = |uid: &u32| outcome.exception("INBOX", *uid).0.reason.contains("[LIMIT] no");
            assert!(bad.iter().all(words) && outcome.code("INBOX", bad[0]) == "limit");
            assert!(outcome.waited.as_secs() < 130, "{bad:?}, run {run}: {:?}", outcome.waited);
            assert!(stage.sent() - sent < 32 + 3 * bad.len() + 16, "{}", stage.sent() - sent);
        }
        stage.behave();
        stage.run().complete();
        stage.assert_moved();
    }
}

/// One that never passes keeps nothing from its turn.
#[test]
fn what_is_asked_to_wait_for_a_moment_comes_though_another_never_does() {
    let mut later: std::collections::HashMap<String, usize> =
        (4..=8).map(|n| (format!("INBOX {n:03}"), n / 4)).collect();
    let stage =
        Stage::judged(move |m| match later.iter_mut().find(|(text, left)| m.says(text) && **left > 0) {
            _ if m.says("INBOX 003") => say("NO [LIMIT] no"),
            Some((_, left)) => {
                *left -= 1;
                say("NO [THROTTLED] Later")
            }
            None => Take::Store,
        });
    assert_eq!(stage.run().not_well().totals(), [10, 9, 0, 0, 1, 0]);
    stage.assert_moved_but(|m| m.uid == 3);
}

#[test]
fn now_asked_to_wait_now_acknowledged_and_lost_it_is_given_up() {
    let mut wait = false;
    let (stage, tries) = third(move || {
        wait = !wait;
        say(if wait { "NO [THROTTLED] Later" } else { "OK Stored" })
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().code("INBOX", 3), "not-stored");
    assert_eq!(tries.load(Ordering::Relaxed), 4);
}

/// One message is acknowledged and lost, another asked to wait, for ever.
#[test]
fn losses_count_in_passes_with_patience_too() {
    let stage = Stage::judged(|m| match () {
        () if m.says("INBOX 003") => say("OK Stored"),
        () if m.says("INBOX 007") => say("NO [THROTTLED] Later"),
        () => Take::Store,
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [10, 8, 0, 0, 2, 0]);
    assert_eq!((outcome.code("INBOX", 3), outcome.code("INBOX", 7)), ("not-stored".into(), "refused".into()));
    assert!(stage.sent() <= 8 + 2 + 8, "{}", stage.sent());
}

/// The whole of a target that does so: nothing is there, and it ends.
#[test]
fn a_target_that_waits_and_loses_in_turn_is_given_up() {
    let mut came = 0;
    let stage = Stage::judged(move |_| {
        came += 1;
        say(if came % 2 == 0 { "NO [THROTTLED] Later" } else { "OK Stored" })
    });
    let outcome = stage.run();
    assert_ne!(outcome.mailbox().verdict, mailhaul_engine::summary::Verdict::Complete);
    assert!(stage.sent() < 300, "{}", stage.sent());
    assert!(outcome.waited.as_secs() < 1_800, "{:?}", outcome.waited);
    stage.behave();
    stage.run();
    stage.run().complete();
    stage.assert_moved();
}

/// What was given up comes when it is asked for by its reason, and nothing else is sent.
#[test]
fn what_was_given_up_is_sent_again_when_it_is_asked_for() {
    let stage = Stage::judged(|m| if m.says("INBOX 005") { say("NO Bad header") } else { Take::Store });
    for _ in 0..4 {
        stage.run().not_well();
    }
    stage.behave();
    let sent = stage.sent();
    stage.run().not_well();
    assert_eq!(stage.sent(), sent, "it is given up");
    stage.source.store(|store| store.add("INBOX", &[], DATE, &message("more", 1)));
    let none = stage.task(Task::Retry { code: Code::Limit });
    assert!(none.finish.is_some_and(|finish| finish.mailboxes.is_empty()), "nothing failed for that");
    let outcome = stage.task(Task::Retry { code: Code::Refused });
    assert_eq!(outcome.not_well().totals(), [11, 10, 0, 0, 0, 1], "what is new is not sent by it");
    assert_eq!(stage.sent(), sent + 1);
    stage.run().complete();
    stage.assert_moved();
}

/// How often each of these messages came to the target, which refuses them with these words.
fn refused(bad: &'static [u32], words: &'static str) -> (Stage, Arc<[AtomicUsize; 13]>) {
    let tries: Arc<[AtomicUsize; 13]> = Arc::default();
    let counted = Arc::clone(&tries);
    let stage = Stage::judged(move |m| match bad.iter().find(|n| m.says(&format!("INBOX {n:03}"))) {
        Some(n) => {
            counted[*n as usize].fetch_add(1, Ordering::Relaxed);
            say(words)
        }
        None => Take::Store,
    });
    (stage, tries)
}

/// Whichever tagged answer it comes by: a BAD may cost the connection, and no more than that.
#[test]
fn a_refusal_counts_once_in_a_run() {
    for words in ["NO Cannot store it", "BAD syntax"] {
        for capability in ["IMAP4rev1 LITERAL+ UIDPLUS", "IMAP4rev1 LITERAL+", "IMAP4rev1"] {
            for bad in [&[5][..], &[1, 5, 10], &[4, 5, 6, 7, 8, 9]] {
                let (stage, _) = refused(bad, words);
                stage.target.manners(|m| m.capability = capability.into());
                let left = bad.len() as u64;
                for _ in 0..2 {
                    let outcome = stage.run();
                    assert_eq!(outcome.not_well().totals(), [10, 10 - left, 0, 0, left, 0]);
                    let said = words.split_once(' ').unwrap_or_default().1;
                    assert!(bad.iter().all(|n| outcome.exception("INBOX", *n).0.reason.contains(said)));
                }
                stage.behave();
                stage.run().complete();
                stage.assert_moved();
            }
        }
    }
}

#[test]
fn what_is_refused_with_bad_while_others_pass_is_given_up_after_three_runs() {
    let (stage, tries) = refused(&[5], "BAD syntax");
    for _ in 0..5 {
        assert_eq!(stage.run().not_well().totals(), [10, 9, 0, 0, 1, 0]);
    }
    assert_eq!(tries[5].load(Ordering::Relaxed), 4, "once more than three times, with others");
    stage.assert_moved_but(|m| m.uid == 5);
}

#[test]
fn an_outage_that_says_bad_gives_nothing_up_however_many_runs_it_lasts() {
    for (count, after) in [(10, 0), (10, 2), (60, 3)] {
        let stage = outage(after, "BAD Internal error", usize::MAX);
        stage.load("INBOX", count - 10);
        for _ in 0..4 {
            let sent = stage.sent();
            assert_eq!(stage.run().totals()[1], after as u64);
            assert!(stage.sent() - sent < 1_000, "{}", stage.sent() - sent);
        }
        stage.behave();
        stage.run().complete();
        stage.assert_moved();
    }
}

/// What ends the connection is not what was refused, and each connection is told of that again.
#[test]
fn a_refusal_counts_once_in_a_run_of_many_connections() {
    let mut ends = 0;
    let stage = Stage::judged(move |m| match () {
        () if m.says("INBOX 003") => say("NO Bad header"),
        () if m.says("INBOX 007") && ends < 3 => {
            ends += 1;
            Take::Hangup { stored: false }
        }
        () => Take::Store,
    });
    stage.run().not_well();
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn a_large_message_among_the_refused_does_not_make_it_a_matter_of_room() {
    let stage = outage(4, "NO APPEND failed", usize::MAX);
    stage.at_source("INBOX", |folder| {
        folder.messages[6].body.extend("x".repeat(9_000).into_bytes());
        folder.messages[6].body.extend(b"\r\n");
    });
    stage.target.manners(|m| tells_room(m, 5));
    held(&stage.run(), "APPEND failed", 6);
}

#[test]
fn one_message_among_others_is_not_out_of_room_whatever_the_words() {
    let stage = Stage::judged(|m| match m.says("INBOX 005") {
        true => say("NO Not enough room for this header"),
        false => Take::Store,
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [10, 9, 0, 0, 1, 0]);
    assert_eq!(outcome.code("INBOX", 5), "refused");
}

#[test]
fn a_message_that_is_asked_to_wait_while_nothing_passes_is_pending() {
    for (count, text) in [(1, "INBOX 001"), (10, "INBOX 010")] {
        let stage = Stage::loaded(count);
        stage.target.manners(|m| {
            m.on_append = Box::new(move |m| match m.says(text) {
                true => say("NO [LIMIT] Later"),
                false => Take::Store,
            });
        });
        for run in 1..=4 {
            let outcome = stage.run();
            let (side, _, reason) = outcome.stopped();
            assert!(side == Side::Target && reason.contains("Later"), "{reason}");
            let count = count as u64;
            assert_eq!(outcome.totals(), [count, count - 1, 0, 0, 0, 1], "run {run}");
        }
        stage.behave();
        stage.run().complete();
        stage.assert_moved();
    }
}

#[test]
fn what_was_waited_for_in_one_folder_does_not_count_in_the_next() {
    let stage = Stage::new();
    for folder in ["A", "B", "C"] {
        stage.load(folder, 1);
    }
    let mut left = [("A 001", 5_u32), ("B 001", 5), ("C 001", 5)];
    stage.target.manners(|m| {
        m.on_append = Box::new(move |m| {
            let (_, left) = left.iter_mut().find(|(text, _)| m.says(text)).unwrap();
            match left.checked_sub(1) {
                Some(fewer) => {
                    *left = fewer;
                    say("NO [THROTTLED] Later")
                }
                None => Take::Store,
            }
        });
    });
    let outcome = stage.run();
    assert_eq!((outcome.complete().reconnects(), stage.sent()), (0, 18));
    stage.assert_moved();
}
