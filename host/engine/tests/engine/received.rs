//! Received: what arrived is compared with what was sent, by the target's list, and by its bytes where that
//! does not tell.

use mailhaul_engine::plugin::Depth;
use mailhaul_engine::summary::DifferenceKind as Kind;
use mailhaul_lab::fake::{Incoming, Manners, Take};

use crate::outcome::Outcome;
use crate::stage::{DATE, Stage, message};

/// Targets that say which UIDs they give, and that do not.
const UIDS_OR_NONE: [&str; 2] = ["IMAP4rev1 LITERAL+ UIDPLUS", "IMAP4rev1 LITERAL+"];

/// So many messages, and a target that makes this of them.
fn altering(capability: &str, count: usize, alter: impl Fn(&mut Incoming<'_>) + Send + 'static) -> Stage {
    let target = Manners {
        on_append: Box::new(move |m| {
            alter(m);
            Take::Store
        }),
        ..Manners::of(capability)
    };
    let stage = Stage::with(Manners::default(), target);
    stage.load("INBOX", count);
    stage
}

fn add_header(m: &mut Incoming<'_>) {
    m.body.splice(0..0, *b"X-Scanned: yes\r\n");
}

fn add_footer(m: &mut Incoming<'_>) {
    m.body.extend(b"-- \r\nScanned by us\r\n");
}

/// One difference of this kind for each of so many messages.
fn each(kind: Kind, count: u32) -> Vec<(Kind, u32)> {
    (1..=count).map(|uid| (kind, uid)).collect()
}

fn notes(outcome: &Outcome) -> Vec<(Kind, u32)> {
    let notes = outcome.mailbox().differences.iter().filter(|d| d.note);
    notes.map(|d| (d.kind, d.uid)).collect()
}

#[test]
fn a_header_that_all_get_is_told_once_and_is_no_difference() {
    for capability in UIDS_OR_NONE {
        let stage = altering(capability, 10, add_header);
        for _ in 0..2 {
            let outcome = stage.run();
            assert_eq!(outcome.complete().differences(), []);
            assert_eq!(notes(&outcome), [(Kind::AlteredHeaders, 0)], "{capability}");
        }
        assert_eq!(stage.sent(), 10);
        assert_eq!(stage.taken_back(), 10, "{capability}");
    }
}

/// What is done to all is looked at in a few.
#[test]
fn of_what_all_get_a_few_are_read() {
    let stage = altering(UIDS_OR_NONE[0], 10, add_header);
    stage.run().complete();
    let heard = stage.target.heard();
    let read: Vec<&String> = heard.iter().filter(|line| line.contains("BODY.PEEK[]")).collect();
    assert_eq!(read.len(), 1, "{heard:#?}");
    assert!(read[0].starts_with("UID FETCH 1:3 "), "{read:?}");
}

#[test]
fn what_is_longer_than_most_is_read_back() {
    let stage = altering(UIDS_OR_NONE[0], 10, |m| {
        add_header(m);
        if m.says("INBOX 005") {
            add_footer(m);
        }
    });
    assert_eq!(stage.run().not_well().differences(), [(Kind::AlteredHeaders, 5), (Kind::AlteredBody, 5)]);
}

/// As servers do to what has no Date, or lines that end oddly.
#[test]
fn what_is_longer_by_its_headers_is_the_same_message() {
    let stage = altering(UIDS_OR_NONE[0], 10, |m| {
        if m.says("INBOX 005") {
            add_header(m);
        }
    });
    assert_eq!(stage.run().complete().mailbox().differences, []);
}

/// In their texts, and by as much; in their headers, where what is left is of one size.
#[test]
fn copies_that_are_cut_are_told_one_by_one() {
    let cuts: [fn(&mut Incoming<'_>); 2] = [|m| m.body.truncate(m.body.len() - 5), |m| m.body.truncate(100)];
    for cut in cuts {
        let stage = altering(UIDS_OR_NONE[0], 10, cut);
        for _ in 0..2 {
            assert_eq!(stage.run().not_well().differences(), each(Kind::Truncated, 10));
        }
        assert_eq!(stage.sent(), 10);
    }
}

/// It has the same size.
#[test]
fn a_nul_that_became_another_byte_is_seen() {
    let stage = altering(UIDS_OR_NONE[0], 3, |m| {
        m.body.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = 0x80);
    });
    stage.source.store(|store| store.add("INBOX", &[], DATE, b"Subject: a NUL\r\n\r\nx\0y\r\n"));
    assert_eq!(stage.run().not_well().differences(), [(Kind::AlteredBody, 4)]);
}

#[test]
fn a_footer_that_all_get_is_a_difference_of_each_and_all_can_be_taken_back() {
    let stage = altering(UIDS_OR_NONE[0], 10, add_footer);
    for _ in 0..2 {
        assert_eq!(stage.run().not_well().differences(), each(Kind::AlteredBody, 10));
    }
    assert_eq!((stage.taken_back(), stage.there("INBOX").len()), (10, 0));
}

#[test]
fn a_target_s_own_dates_are_differences_or_notes_where_dates_are_ignored() {
    for capability in UIDS_OR_NONE {
        for ignored in [false, true] {
            let mut stage = altering(capability, 4, |m| *m.date = "28-Nov-2026 12:00:00 +0000".into());
            stage.job.ignore.dates = ignored;
            let outcome = stage.run();
            if ignored {
                outcome.complete();
                assert_eq!((outcome.differences(), notes(&outcome)), (vec![], each(Kind::Date, 4)));
            } else {
                assert_eq!(outcome.not_well().differences(), each(Kind::Date, 4));
            }
            assert_eq!(stage.sent(), 4);
        }
    }
}

/// Cyrus puts an X for each byte above 127 of a header.
#[test]
fn headers_with_other_bytes_in_place_of_eight_bit_ones_are_the_same() {
    for capability in UIDS_OR_NONE {
        let stage = altering(capability, 0, |m| {
            m.body.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'X');
        });
        for n in 1..=4 {
            let text =
                String::from_utf8(message("INBOX", n)).unwrap().replace("Subject: ", "Subject: Grüße ");
            stage.source.store(|store| store.add("INBOX", &[], DATE, text.as_bytes()));
        }
        for _ in 0..2 {
            assert_eq!(stage.run().complete().mailbox().differences, [], "{capability}");
        }
        stage.verify(Depth::Counts).complete();
        assert_eq!(stage.sent(), 4);
    }
}

/// A target that only estimates is not said to have changed anything.
#[test]
fn sizes_that_are_estimates_are_no_change() {
    for capability in UIDS_OR_NONE {
        let stage = altering(capability, 6, |_| {});
        stage.target.manners(|m| {
            m.on_answer = Box::new(|_, out| {
                let text = String::from_utf8_lossy(out).into_owned();
                let mut said = String::new();
                for (n, part) in text.split("RFC822.SIZE ").enumerate() {
                    let digits = part.bytes().take_while(u8::is_ascii_digit).count();
                    match part[..digits].parse::<u64>() {
                        Ok(size) if n > 0 => said += &format!("RFC822.SIZE {}{}", size + 3, &part[digits..]),
                        _ => said += part,
                    }
                }
                *out = said.into_bytes();
            });
        });
        for _ in 0..2 {
            assert_eq!(stage.run().complete().mailbox().differences, [], "{capability}");
        }
        stage.verify(Depth::Headers).complete();
        stage.assert_moved();
        assert_eq!(stage.sent(), 6);
    }
}
