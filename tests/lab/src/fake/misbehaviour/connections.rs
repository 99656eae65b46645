//! Connections.

use std::time::Duration;

use super::End::Target;
use super::{BOTH, Misbehaviour, row, the_one};
use crate::fake::{Take, Verdict};

pub(super) const ROWS: &[Misbehaviour] = &[
    row("goodbye", "the tenth command is answered with BYE, once", BOTH, |m| {
        let mut heard = 0;
        m.on_command = Box::new(move |_| {
            heard += 1;
            if heard == 10 { Verdict::Bye("* BYE Shutting down".to_owned()) } else { Verdict::Go }
        });
    }),
    row("ends-at-a-message", "the connection ends at a message, which is not stored", &[Target], |m| {
        the_one(m, |_| Take::Hangup { stored: false });
    }),
    row("ends-behind-a-message", "the connection ends at a message, which is stored", &[Target], |m| {
        the_one(m, |_| Take::Hangup { stored: true });
    }),
    row("silent-at-a-message", "a message is never answered, and not stored", &[Target], |m| {
        the_one(m, |_| Take::Never { stored: false });
    }),
    row(
        "untagged-at-a-message",
        "a message is answered untagged, and never tagged, and not stored",
        &[Target],
        |m| {
            the_one(m, |_| Take::Untagged("* NO I do not like it".to_owned()));
        },
    ),
    row("hangs-up-at-long-fetches", "a FETCH of more than three texts is answered with BYE", BOTH, |m| {
        m.most_texts = 3;
    }),
    row("hangs-up-at-long-lists", "a FETCH of more than three messages is answered with BYE", BOTH, |m| {
        m.most_listed = 3;
    }),
    row("hangs-up-when-idle", "after a minute without a command comes BYE", BOTH, |m| {
        m.hangs_up_after = Some(Duration::from_secs(60));
    }),
    row("silent-behind-a-message", "a message is never answered, and stored", &[Target], |m| {
        the_one(m, |_| Take::Never { stored: true });
    }),
];
