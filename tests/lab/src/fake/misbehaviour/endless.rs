//! What never ends, or takes for ever: claims, lists, texts, answers.

use std::time::Duration;

use super::End::Target;
use super::edit::{edit_lines, exists, opens};
use super::{BOTH, Misbehaviour, row, told};
use crate::fake::Verdict;

pub(super) const ROWS: &[Misbehaviour] = &[
    row("list-endless", "a list of messages has one more, and one more", BOTH, |m| {
        m.on_command = Box::new(|line| lists(line, Verdict::Endless { every: Duration::ZERO, say: next }));
    }),
    row("list-trickles", "a list of messages has one more every five seconds", BOTH, |m| {
        m.on_command =
            Box::new(|line| lists(line, Verdict::Endless { every: Duration::from_secs(5), say: next }));
    }),
    row("list-of-one", "a list of messages says the size of the first again and again", BOTH, |m| {
        m.on_command =
            Box::new(|line| lists(line, Verdict::Endless { every: Duration::from_secs(5), say: same }));
    }),
    told("search-finds-everything", "the folder holds every UID there can be", BOTH, "ESEARCH", |m| {
        m.on_answer = Box::new(|line, out| {
            if opens(line) {
                exists(out, |_| u64::from(u32::MAX));
            }
            if line.starts_with("UID SEARCH") {
                edit_lines(out, |line| Some(line.replace("BAD Unknown command", "OK Found")));
                out.splice(0..0, *b"* ESEARCH (TAG \"x\") UID ALL 1:4294967295\r\n");
            }
        });
    }),
    row("text-endless", "texts are announced with 9,000,000,000,000,000,000 bytes, and come", BOTH, |m| {
        m.on_command =
            Box::new(|line| texts(line, Verdict::Endless { every: Duration::ZERO, say: monstrous }));
    }),
    row("text-trickles", "a text comes at a byte each fifty seconds", BOTH, |m| {
        m.on_command = Box::new(|line| {
            texts(line, Verdict::Endless { every: Duration::from_secs(50), say: drop_by_drop })
        });
    }),
    row("still-here", "nothing is answered, and the server says that it is still there", BOTH, |m| {
        m.on_command = Box::new(|line| match line.starts_with("APPEND") || line.starts_with("UID FETCH") {
            true => Verdict::Endless { every: Duration::from_secs(20), say: still },
            false => Verdict::Go,
        });
    }),
    row("sips", "messages are taken at 8 KiB each hundred seconds", &[Target], |m| {
        m.on_command = Box::new(|line| match line.starts_with("APPEND") {
            true => Verdict::Sip { bytes: 8 << 10, every: Duration::from_secs(100) },
            false => Verdict::Go,
        });
    }),
    row("name-without-end", "a folder's name has 60,000 levels", BOTH, |m| {
        m.on_answer = Box::new(|line, out| {
            if line.starts_with("LIST") {
                out.splice(0..0, format!("* LIST () \"/\" {}\r\n", "x/".repeat(60_000)).into_bytes());
            }
        });
    }),
];

fn lists(line: &str, verdict: Verdict) -> Verdict {
    if line.starts_with("UID FETCH") && !line.contains("BODY") { verdict } else { Verdict::Go }
}

fn texts(line: &str, verdict: Verdict) -> Verdict {
    if line.starts_with("UID FETCH") && line.contains("BODY.PEEK[]") { verdict } else { Verdict::Go }
}

fn next(n: u64) -> Vec<u8> {
    let uid = n + 1;
    format!("* {uid} FETCH (UID {uid} FLAGS () INTERNALDATE \"{}\" RFC822.SIZE 9)\r\n", super::DATE)
        .into_bytes()
}

fn same(_: u64) -> Vec<u8> {
    b"* 1 FETCH (UID 1 RFC822.SIZE 1)\r\n".to_vec()
}

fn still(_: u64) -> Vec<u8> {
    b"* OK Still here\r\n".to_vec()
}

/// The text of the first message, of which nobody sees the end.
fn text(n: u64, announced: u64, piece: &[u8]) -> Vec<u8> {
    if n > 0 {
        return piece.to_vec();
    }
    let items = format!("UID 1 FLAGS () INTERNALDATE \"{}\" RFC822.SIZE 180", super::DATE);
    format!("* 1 FETCH ({items} BODY[] {{{announced}}}\r\n").into_bytes()
}

fn monstrous(n: u64) -> Vec<u8> {
    text(n, 9_000_000_000_000_000_000, &[b'x'; 1 << 16])
}

fn drop_by_drop(n: u64) -> Vec<u8> {
    text(n, 180, b"x")
}
