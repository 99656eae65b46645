//! Figures and lists.

use super::edit::{exists, lines, numbers, opens};
use super::{BOTH, ITS_SUBJECT, Misbehaviour, THE_ONE, row};
use crate::fake::Verdict;

pub(super) const ROWS: &[Misbehaviour] = &[
    row("status-too-small", "STATUS counts a message less than there are", BOTH, |m| {
        m.on_answer = Box::new(|line, out| {
            if line.contains("STATUS") {
                numbers(out, "MESSAGES ", |n| n.saturating_sub(1));
            }
        });
    }),
    row("status-too-large", "STATUS counts two messages more than there are", BOTH, |m| {
        m.on_answer = Box::new(|line, out| {
            if line.contains("STATUS") {
                numbers(out, "MESSAGES ", |n| n + 2);
            }
        });
    }),
    row("exists-too-small", "EXISTS is a message less than the list has", BOTH, |m| {
        m.on_answer = Box::new(|line, out| {
            if opens(line) {
                exists(out, |n| n.saturating_sub(1));
            }
        });
    }),
    row("exists-too-large", "EXISTS is two messages more than the list has", BOTH, |m| {
        m.on_answer = Box::new(|line, out| {
            if opens(line) {
                exists(out, |n| n + 2);
            }
        });
    }),
    row("list-short", "the list of messages lacks one", BOTH, |m| {
        m.on_list = Box::new(|message| !message.says(ITS_SUBJECT));
    }),
    row("list-short-once", "the first list of messages lacks one", BOTH, |m| {
        let mut short = true;
        m.on_list = Box::new(move |message| !message.says(ITS_SUBJECT) || !std::mem::take(&mut short));
    }),
    row("items-in-another-order", "the answers to FETCH name the UID last", BOTH, |m| {
        m.on_answer = Box::new(|_, out| lines(out, reversed));
    }),
    row("uid-twice", "the list has one UID twice and another never", BOTH, |m| {
        m.on_answer = Box::new(|_, out| renamed(out, &format!("{}", THE_ONE - 1)));
    }),
    row("uid-too-large", "the list has a UID of more than 32 bits", BOTH, |m| {
        m.on_answer = Box::new(|_, out| renamed(out, "4294967299"));
    }),
    row("validity-never-the-same", "UIDVALIDITY is another one each time", BOTH, |m| {
        let mut times = 0;
        m.on_answer = Box::new(move |line, out| {
            times += u64::from(line.contains("STATUS") || opens(line));
            numbers(out, "UIDVALIDITY ", |n| n + times);
        });
    }),
    row("validity-none", "UIDVALIDITY is 0, which is none", BOTH, |m| {
        m.on_answer = Box::new(|_, out| numbers(out, "UIDVALIDITY ", |_| 0));
    }),
    row("next-goes-back", "UIDNEXT is 1 whatever there is", BOTH, |m| {
        m.on_answer = Box::new(|_, out| numbers(out, "UIDNEXT ", |_| 1));
    }),
    row("exists-immense", "EXISTS is four thousand million more than the list has", BOTH, |m| {
        m.on_answer = Box::new(|line, out| {
            if opens(line) {
                exists(out, |n| n + 4_000_000_000);
            }
        });
    }),
    row("list-doubled", "each line of the list comes twice", BOTH, |m| {
        m.on_answer = Box::new(|_, out| lines(out, |line| Some(format!("{line}\r\n{line}"))));
    }),
    row("exists-none", "EXISTS is 0, beside a STATUS with messages", BOTH, |m| {
        m.on_answer = Box::new(|line, out| {
            if opens(line) {
                exists(out, |_| 0);
            }
        });
    }),
    row("sizes-estimated", "RFC822.SIZE in lists is three more than it is", BOTH, |m| {
        m.on_answer = Box::new(|line, out| {
            if !line.contains("BODY") {
                numbers(out, "RFC822.SIZE ", |n| n + 3);
            }
        });
    }),
    row(
        "sizes-estimated-everywhere",
        "RFC822.SIZE is three more than it is, beside the text as well",
        BOTH,
        |m| {
            m.on_answer = Box::new(|_, out| numbers(out, "RFC822.SIZE ", |n| n + 3));
        },
    ),
    row("folder-refused", "a folder cannot be opened", BOTH, |m| {
        m.on_command = Box::new(|line| match opens(line) && line.contains("Lists/rust") {
            true => Verdict::Say("NO [NOPERM] Permission denied".to_owned()),
            false => Verdict::Go,
        });
    }),
];

/// In lists, gives the message that rows are about this UID instead of its own.
fn renamed(out: &mut Vec<u8>, uid: &str) {
    lines(out, |line| Some(line.replacen(&format!("(UID {THE_ONE} "), &format!("(UID {uid} "), 1)));
}

/// A line of a list with its items the other way round.
fn reversed(line: &str) -> Option<String> {
    let (before, items) = line.split_once("(UID ")?;
    let (uid, rest) = items.strip_suffix(')')?.split_once(' ')?;
    Some(format!("{before}({rest} UID {uid})"))
}
