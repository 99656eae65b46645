//! Refusals.

use super::End::{Source, Target};
use super::{BOTH, ITS_SUBJECT, Misbehaviour, row, the_one};
use crate::fake::{Manners, Take, Verdict};

/// The message that rows are about is judged so, each time it comes.
fn the_one_counted(manners: &mut Manners, mut judge: impl FnMut() -> Take + Send + 'static) {
    manners.on_append = Box::new(move |m| if m.says(ITS_SUBJECT) { judge() } else { Take::Store });
}

pub(super) const ROWS: &[Misbehaviour] = &[
    row("refuses-one", "a message is refused in words nobody knows", &[Target], |m| {
        the_one(m, |_| Take::Say("NO Message contains invalid header".to_owned()));
    }),
    row("refuses-a-keyword", "PERMANENTFLAGS has \\*, and APPEND with a keyword fails", &[Target], |m| {
        m.on_append = Box::new(|m| match m.flags.iter().any(|flag| flag == "$Label1") {
            true => Take::Say("NO Invalid keyword".to_owned()),
            false => Take::Store,
        });
    }),
    row("refuses-a-date", "APPEND with a date before 1990 fails", &[Target], |m| {
        m.on_append = Box::new(|m| match m.date.contains("-1985 ") {
            true => Take::Say("NO Invalid date-time".to_owned()),
            false => Take::Store,
        });
    }),
    row("an-outage", "eight APPENDs fail in words nobody knows, then none", &[Target], |m| {
        let mut left = 8;
        m.on_append = Box::new(move |_| {
            if left == 0 {
                return Take::Store;
            }
            left -= 1;
            Take::Say("NO Mailbox currently not writable".to_owned())
        });
    }),
    row("an-outage-in-the-middle", "after three messages ten APPENDs fail, then none", &[Target], |m| {
        let mut left = 10;
        m.on_append = Box::new(move |m| {
            if left == 0 || m.store.messages(m.folder).len() < 3 {
                return Take::Store;
            }
            left -= 1;
            Take::Say("NO [SERVERBUG] Internal error occurred".to_owned())
        });
    }),
    row("an-outage-over-runs", "after three messages of a folder every APPEND fails", &[Target], |m| {
        m.on_append = Box::new(|m| match m.store.messages(m.folder).len() >= 3 {
            true => Take::Say("NO Timeout while waiting for lock".to_owned()),
            false => Take::Store,
        });
    }),
    row("does-not-understand-a-keyword", "APPEND with a keyword is answered BAD", &[Target], |m| {
        m.on_append = Box::new(|m| match m.flags.iter().any(|flag| flag == "$Label1") {
            true => Take::Say("BAD Parse Error (took 0 ms)".to_owned()),
            false => Take::Store,
        });
    }),
    row(
        "waits-and-loses",
        "now a message is asked to wait, now it is acknowledged and not stored",
        &[Target],
        |m| {
            let mut wait = false;
            the_one_counted(m, move || {
                wait = !wait;
                Take::Say(if wait { "NO [THROTTLED] Later" } else { "OK Stored" }.to_owned())
            });
        },
    ),
    row("throttles-appends", "five APPENDs are asked to wait", &[Target], |m| {
        let mut left = 5;
        m.on_append = Box::new(move |_| {
            if left == 0 {
                return Take::Store;
            }
            left -= 1;
            Take::Say("NO [THROTTLED] Account is temporarily over its limits".to_owned())
        });
    }),
    row("limit-for-ever", "a message is refused with [LIMIT], always", &[Target], |m| {
        the_one(m, |_| Take::Say("NO [LIMIT] Too many recipients".to_owned()));
    }),
    row(
        "full-in-its-own-words",
        "after four messages there is no room, in words nobody knows",
        &[Target],
        |m| {
            m.on_append = Box::new(|m| match m.store.messages(m.folder).len() >= 4 {
                true => Take::Say("NO Plattenplatz erschoepft".to_owned()),
                false => Take::Store,
            });
        },
    ),
    row("throttles-fetches", "six FETCHes of texts are asked to wait", &[Source], |m| {
        let mut left = 6;
        m.on_command = Box::new(move |line| {
            if left == 0 || !line.contains("BODY.PEEK[]") {
                return Verdict::Go;
            }
            left -= 1;
            Verdict::Say("NO [THROTTLED] Account is temporarily over its limits".to_owned())
        });
    }),
    row("gives-no-text", "every FETCH of a text is refused in words nobody knows", &[Source], |m| {
        m.on_command = Box::new(|line| match line.contains("BODY.PEEK[]") {
            true => Verdict::Say("NO Heute nicht".to_owned()),
            false => Verdict::Go,
        });
    }),
    row("repeats-the-password", "a log-in is refused with the command in the answer", BOTH, |m| {
        m.repeats_commands = true;
        m.on_command = Box::new(|line| match line {
            "LOGIN" => Verdict::Say("NO [AUTHENTICATIONFAILED] cannot do".to_owned()),
            _ => Verdict::Go,
        });
    }),
];
