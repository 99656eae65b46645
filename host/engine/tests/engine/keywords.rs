//! Keywords that the target does not take with the message: STORE sets them, and what is refused there is
//! told.

use mailhaul_engine::event::MailboxEnd;
use mailhaul_engine::plugin::Depth;
use mailhaul_engine::summary::DifferenceKind as Kind;
use mailhaul_lab::fake::{Incoming, Manners, Take, Verdict};

use crate::outcome::Outcome;
use crate::stage::{DATE, Stage, message};

/// A target that refuses messages which have this keyword; and STORE, of any message, which is to set it.
fn refuses(stage: &Stage, keyword: &'static str, words: &'static str) {
    refuses_with_append(stage, keyword, words);
    stage.target.manners(|m| {
        m.on_command = Box::new(move |line| match line.contains("STORE") && line.contains(keyword) {
            true => Verdict::Say(words.into()),
            false => Verdict::Go,
        });
    });
}

/// The same, but STORE sets it.
fn refuses_with_append(stage: &Stage, keyword: &'static str, words: &'static str) {
    stage.target.manners(|m| {
        m.on_append = Box::new(move |m| match has(m, keyword) {
            true => Take::Say(words.into()),
            false => Take::Store,
        });
    });
}

fn has(message: &Incoming<'_>, keyword: &str) -> bool {
    message.flags.iter().any(|flag| flag == keyword)
}

/// A mailbox of so many messages that all have this keyword.
fn with_keyword(keyword: &str, messages: u32) -> Stage {
    let stage = Stage::new();
    stage.source.store(|store| {
        for n in 1..=messages {
            store.add("INBOX", &["\\Seen", keyword], DATE, &message("INBOX", n as usize));
        }
    });
    stage
}

/// UIDs whose keywords are told to be left out, as notes.
#[track_caller]
fn unmarked(outcome: &Outcome) -> Vec<u32> {
    let notes = outcome.mailbox().differences.iter().filter(|d| d.kind == Kind::Keywords);
    notes
        .map(|d| {
            assert!(d.note && d.by.as_deref() == Some("keywords-refused"), "{d:?}");
            d.uid
        })
        .collect()
}

#[test]
fn a_message_comes_without_the_keywords_that_are_refused_and_it_is_told() {
    for words in ["NO APPEND failed", "BAD Parse Error (took 0 ms)"] {
        for capability in ["IMAP4rev1 LITERAL+ UIDPLUS", "IMAP4rev1 LITERAL+", "IMAP4rev1 UIDPLUS"] {
            let stage = Stage::with(Manners::default(), Manners::of(capability));
            stage.source.store(|store| {
                for n in 1..=12 {
                    let keyword = match n % 4 {
                        1 => "TEST:FLAG",
                        2 => "$Label1",
                        _ => "",
                    };
                    let flags = ["\\Seen", keyword];
                    let flags = if keyword.is_empty() { &flags[..1] } else { &flags[..] };
                    store.add("INBOX", flags, DATE, &message("INBOX", n));
                }
            });
            refuses(&stage, "TEST:FLAG", words);
            for _ in 0..2 {
                let outcome = stage.run();
                assert_eq!(unmarked(outcome.complete()), [1, 5, 9], "{words} {capability}");
            }
            let there = stage.there("INBOX");
            assert_eq!(there.len(), 12);
            let labelled = there.iter().filter(|m| m.flags.iter().any(|flag| flag == "$Label1"));
            assert_eq!(labelled.count(), 3, "what is not refused comes");
            let sent = stage.sent();
            for depth in [Depth::Counts, Depth::Headers, Depth::Full] {
                assert_eq!(unmarked(stage.verify(depth).complete()), [1, 5, 9], "{depth:?}");
            }
            assert_eq!(stage.sent(), sent);
        }
    }
}

#[test]
fn a_folder_that_is_refused_for_its_keywords_comes_without_them() {
    let stage = with_keyword("TEST:FLAG", 10);
    refuses(&stage, "TEST:FLAG", "NO APPEND failed");
    let outcome = stage.run();
    assert_eq!(unmarked(outcome.complete()), (1..=10).collect::<Vec<u32>>());
    assert_eq!(stage.there("INBOX").len(), 10);
}

/// Neither an outage nor a network that breaks says anything of keywords, whatever it looked like.
#[test]
fn an_outage_costs_no_keywords() {
    let stage = with_keyword("$Label1", 10);
    let mut left = 25;
    stage.target.manners(|m| {
        m.on_append = Box::new(move |_| {
            if left == 0 {
                return Take::Store;
            }
            left -= 1;
            Take::Say("NO Temporary unavailable".into())
        });
    });
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn connections_that_break_cost_no_keywords() {
    for (breaks, stored) in [(2, false), (3, false), (4, false), (2, true)] {
        let stage = with_keyword("$Label1", 4);
        let mut left = breaks;
        stage.target.manners(|m| {
            m.on_append = Box::new(move |_| {
                if left == 0 {
                    return Take::Store;
                }
                left -= 1;
                Take::Hangup { stored }
            });
        });
        for _ in 0..3 {
            if matches!(stage.run().end(), MailboxEnd::Complete) {
                break;
            }
        }
        stage.assert_moved();
    }
}

#[test]
fn keywords_that_are_refused_with_the_message_are_set_afterwards() {
    for words in ["NO APPEND failed", "BAD Parse Error (took 0 ms)"] {
        for capability in ["IMAP4rev1 LITERAL+ UIDPLUS", "IMAP4rev1 LITERAL+"] {
            let stage = with_keyword("TEST:FLAG", 6);
            stage.target.manners(|m| m.capability = capability.into());
            refuses_with_append(&stage, "TEST:FLAG", words);
            let outcome = stage.run();
            assert_eq!(unmarked(outcome.complete()), [0; 0], "{words} {capability}");
            stage.assert_moved();
            assert_eq!(unmarked(stage.verify(Depth::Full).complete()), [0; 0]);
        }
    }
}

/// A keyword that a message gets at the source later is as one that it had when it was copied.
#[test]
fn a_keyword_set_later_that_is_refused_is_told_once() {
    let stage = with_keyword("$Label1", 3);
    stage.run().complete();
    refuses(&stage, "TEST:FLAG", "NO Keyword not allowed");
    stage.at_source("INBOX", |folder| folder.set_flags(2, &["\\Seen", "$Label1", "TEST:FLAG"]));
    assert_eq!(unmarked(stage.run().complete()), [2]);
    stage.target.forget();
    assert_eq!(unmarked(stage.run().complete()), [2]);
    assert!(!stage.target.heard().iter().any(|line| line.contains("STORE")), "it is asked once");
}

/// What is of the moment is never given up: where no flag at all is taken, the keywords wait for the next
/// run.
#[test]
fn an_outage_of_store_costs_no_keywords() {
    let stage = with_keyword("TEST:FLAG", 6);
    refuses_with_append(&stage, "TEST:FLAG", "NO APPEND failed");
    stage.target.manners(|m| {
        m.on_command = Box::new(|line| match line.contains("STORE") {
            true => Verdict::Say("NO Temporary unavailable".into()),
            false => Verdict::Go,
        });
    });
    let outcome = stage.run();
    assert_eq!(unmarked(outcome.not_well()), [0; 0]);
    stage.target.manners(|m| m.on_command = Box::new(|_| Verdict::Go));
    assert_eq!(unmarked(stage.run().complete()), [0; 0]);
    stage.assert_moved();
}

/// One STORE is refused for the sake of one of its messages, which is not the fault of the others.
#[test]
fn what_is_refused_of_one_message_is_set_of_the_others() {
    let stage = with_keyword("TEST:FLAG", 9);
    refuses_with_append(&stage, "TEST:FLAG", "NO APPEND failed");
    stage.target.manners(|m| {
        m.on_command = Box::new(|line| {
            let of = |uid: &str| line.contains("TEST:FLAG") && is_in(uid, line);
            if of("4") { Verdict::Say("NO It is locked".into()) } else { Verdict::Go }
        });
    });
    let outcome = stage.run();
    let told = unmarked(outcome.complete());
    assert_eq!(told.len(), 1, "{told:?}");
    let there = stage.there("INBOX");
    assert_eq!(there.iter().filter(|m| m.flags.iter().any(|flag| flag == "TEST:FLAG")).count(), 8);
}

/// Whether a UID is in the set of a UID STORE.
fn is_in(uid: &str, line: &str) -> bool {
    let uid: u32 = uid.parse().unwrap();
    let set = line
        .split(' ')
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
        .unwrap_or_default();
    set.split(',').any(|part| {
        let (first, last) = part.split_once(':').unwrap_or((part, part));
        let number = |text: &str| text.parse::<u32>().unwrap_or(0);
        (number(first)..=number(last)).contains(&uid)
    })
}

/// A server that ends the connection wherever it meets a keyword keeps nobody from the rest.
#[test]
fn a_target_that_breaks_at_keywords_gets_all_mail_without_them() {
    let stage = with_keyword("TEST:FLAG", 3);
    stage.source.store(|store| store.add("INBOX", &["$Label1"], DATE, &message("INBOX", 4)));
    stage.target.manners(|m| {
        m.on_append = Box::new(|m| match has(m, "TEST:FLAG") {
            true => Take::Hangup { stored: false },
            false => Take::Store,
        });
        m.on_command = Box::new(|line| match line.contains("STORE") && line.contains("TEST:FLAG") {
            true => Verdict::Bye("* BYE Internal error".into()),
            false => Verdict::Go,
        });
    });
    let mut outcome = stage.run();
    for _ in 0..4 {
        if matches!(outcome.end(), MailboxEnd::Complete) {
            break;
        }
        outcome = stage.run();
    }
    assert_eq!(unmarked(outcome.complete()), [1, 2, 3]);
    let there = stage.there("INBOX");
    assert_eq!(there.len(), 4);
    assert_eq!(there.iter().filter(|m| m.flags.iter().any(|flag| flag == "$Label1")).count(), 1);
}
