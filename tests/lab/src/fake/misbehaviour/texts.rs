//! Texts.

use super::End::Source;
use super::edit::edit_lines;
use super::{BOTH, DATE, ITS_SUBJECT, Misbehaviour, THE_ONE, row};
use crate::fake::{Give, Manners};

pub(super) const ROWS: &[Misbehaviour] = &[
    row("text-missing", "FETCH succeeds, and a message's answer has no text", BOTH, |m| {
        gives(m, Give::WithoutText)
    }),
    row("text-nil", "FETCH succeeds, and a message's text is NIL", BOTH, |m| gives(m, Give::Nil)),
    row("text-silent", "FETCH succeeds, and a message has no answer", BOTH, |m| gives(m, Give::Silent)),
    row("text-refused", "FETCH of a message ends with NO", BOTH, |m| gives(m, Give::No)),
    row("text-bad", "FETCH of a message ends with BAD", BOTH, |m| gives(m, Give::Bad)),
    row("text-short", "a message's text is shorter than its size", BOTH, |m| gives(m, Give::Short(60))),
    row("text-long", "a message's text is longer than its size", BOTH, |m| gives(m, Give::Long(7))),
    row("text-is-a-stand-in", "in a message's place comes a text that says so", BOTH, |m| {
        gives(m, Give::StandIn)
    }),
    row("literal-too-long", "a literal is announced longer than it is", BOTH, |m| {
        gives(m, Give::Announced(3))
    }),
    row("literal-too-short", "a literal is announced shorter than it is", BOTH, |m| {
        gives(m, Give::Announced(-5))
    }),
    row("text-breaks-off", "the connection ends in the middle of a message", BOTH, |m| {
        gives(m, Give::Hangup)
    }),
    row("text-ends-the-connection", "the connection ends instead of a message", BOTH, |m| {
        gives(m, Give::Close)
    }),
    row("text-never-comes", "the source falls silent at a message", BOTH, |m| gives(m, Give::Never)),
    row("four-texts-a-connection", "the connection ends at every fifth message", &[Source], |m| {
        let mut given = 0;
        m.on_fetch = Box::new(move |_| {
            given += 1;
            if given % 5 == 0 { Give::Close } else { Give::Whole }
        });
    }),
    row("date-unreadable", "a message's INTERNALDATE is none", &[Source], |m| {
        m.on_answer = Box::new(|_, out| {
            edit_lines(out, |line| {
                let is_it = line.contains(&format!("(UID {THE_ONE} "));
                is_it.then(|| line.replace(DATE, "31-Feb-2019 10:00:00 +0000"))
            });
        });
    }),
    row("text-empty", "a message's text has no byte", BOTH, |m| gives(m, Give::Empty)),
];

/// Gives the message that rows are about in this way, and every other one as it is.
fn gives(manners: &mut Manners, give: Give) {
    manners.on_fetch = Box::new(move |m| if m.says(ITS_SUBJECT) { give } else { Give::Whole });
}
