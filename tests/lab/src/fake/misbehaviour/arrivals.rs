//! What arrives.

use std::time::Duration;

use super::End::Target;
use super::{Misbehaviour, row, the_one};
use crate::fake::{Incoming, Manners, Take};

pub(super) const ROWS: &[Misbehaviour] = &[
    row("uid-of-another", "APPENDUID names the first message there", &[Target], |m| {
        acknowledges(m, |m| m.store.messages(m.folder).first().map_or(1, |first| first.uid));
    }),
    row("uid-outside", "APPENDUID names a UID that nobody has", &[Target], |m| {
        acknowledges(m, |m| m.store.folders[m.folder].next + 100);
    }),
    row("uid-repeated", "APPENDUID names the message before", &[Target], |m| {
        acknowledges(m, |m| (m.store.folders[m.folder].next - 1).max(1));
    }),
    row("uid-of-another-folder", "APPENDUID is of another UIDVALIDITY", &[Target], |m| {
        m.on_append = Box::new(|m| {
            let folder = &m.store.folders[m.folder];
            Take::StoreAndSay(format!("OK [APPENDUID {} {}] Stored", folder.validity + 1, folder.next))
        });
    }),
    row("not-stored", "a message is acknowledged and not stored", &[Target], |m| {
        the_one(m, |_| Take::Say("OK Stored".to_owned()));
    }),
    row("not-stored-with-a-uid", "a message is acknowledged with a UID and not stored", &[Target], |m| {
        the_one(m, |m| {
            let folder = &m.store.folders[m.folder];
            Take::Say(format!("OK [APPENDUID {} {}] Stored", folder.validity, folder.next))
        });
    }),
    row("stored-late", "what is acknowledged shows three seconds later", &[Target], |m| {
        m.on_append = Box::new(|_| Take::Late(Duration::from_secs(3)));
    }),
    row("stored-though-refused", "a message is stored and refused", &[Target], |m| {
        the_one(m, |_| Take::StoreAndSay("NO [SERVERBUG] Something went wrong".to_owned()));
    }),
    row(
        "merges",
        "of messages with one Message-ID the first is kept, and acknowledged for all",
        &[Target],
        |m| {
            m.on_append = Box::new(merge);
        },
    ),
    row("adds-a-header", "a header line is put before each message", &[Target], |m| {
        m.on_append = Box::new(|m| {
            m.body.splice(0..0, *b"X-Scanned: yes\r\n");
            Take::Store
        });
    }),
    row("adds-a-line", "a line is put behind each message", &[Target], |m| {
        m.on_append = Box::new(|m| {
            m.body.extend(b"-- \r\nScanned by us\r\n");
            Take::Store
        });
    }),
    row("adds-a-line-and-gives-no-uid", "the same, without UIDPLUS", &[Target], |m| {
        without_uids(m);
        m.on_append = Box::new(|m| {
            m.body.extend(b"-- \r\nScanned by us\r\n");
            Take::Store
        });
    }),
    row("cuts", "of each message the first hundred bytes are kept", &[Target], |m| {
        m.on_append = Box::new(|m| {
            m.body.truncate(100);
            Take::Store
        });
    }),
    row("replaces-nul", "a NUL is stored as 0x80", &[Target], |m| {
        m.on_append = Box::new(|m| {
            m.body.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = 0x80);
            Take::Store
        });
    }),
    row("other-date", "INTERNALDATE is always the time of the APPEND", &[Target], |m| {
        m.on_append = Box::new(|m| {
            "28-Nov-2026 12:00:00 +0000".clone_into(m.date);
            Take::Store
        });
    }),
    row("stored-late-and-gives-no-uid", "the same, without UIDPLUS", &[Target], |m| {
        without_uids(m);
        m.on_append = Box::new(|_| Take::Late(Duration::from_secs(3)));
    }),
    row("stored-very-late", "what is acknowledged shows a minute later", &[Target], |m| {
        m.on_append = Box::new(|_| Take::Late(Duration::from_secs(60)));
    }),
    row("stored-very-late-and-gives-no-uid", "the same, without UIDPLUS", &[Target], |m| {
        without_uids(m);
        m.on_append = Box::new(|_| Take::Late(Duration::from_secs(60)));
    }),
    row(
        "adds-a-header-and-gives-no-uid",
        "a header line is put before each message, without UIDPLUS",
        &[Target],
        |m| {
            without_uids(m);
            m.on_append = Box::new(|m| {
                m.body.splice(0..0, *b"X-Scanned: yes\r\n");
                Take::Store
            });
        },
    ),
    row("marks-subjects", "each Subject gets a word before it", &[Target], |m| {
        m.on_append = Box::new(mark_subject);
    }),
    row("marks-subjects-and-gives-no-uid", "the same, without UIDPLUS", &[Target], |m| {
        without_uids(m);
        m.on_append = Box::new(mark_subject);
    }),
    row(
        "strips-message-ids-and-changes-bodies-and-gives-no-uid",
        "each message loses its Message-ID and gets a line, without UIDPLUS",
        &[Target],
        |m| {
            without_uids(m);
            m.on_append = Box::new(|m| {
                let text = String::from_utf8_lossy(m.body).into_owned();
                let kept = text.split_inclusive("\r\n").filter(|line| !line.starts_with("Message-ID:"));
                *m.body = kept.collect::<String>().into_bytes();
                m.body.extend(b"-- \r\nScanned by us\r\n");
                Take::Store
            });
        },
    ),
];

/// Every message is stored and acknowledged with this UID.
fn acknowledges(manners: &mut Manners, uid: fn(&Incoming<'_>) -> u32) {
    manners.on_append = Box::new(move |m| {
        let said = uid(m);
        Take::StoreAndSay(format!("OK [APPENDUID {} {said}] Stored", m.store.folders[m.folder].validity))
    });
}

fn merge(m: &mut Incoming<'_>) -> Take {
    let id = |body: &[u8]| {
        let text = String::from_utf8_lossy(body).into_owned();
        text.lines().find(|line| line.starts_with("Message-ID:")).map(str::to_owned)
    };
    let folder = &m.store.folders[m.folder];
    let wanted = id(m.body);
    match folder.messages.iter().find(|there| wanted.is_some() && id(&there.body) == wanted) {
        Some(first) => Take::Say(format!("OK [APPENDUID {} {}] Stored", folder.validity, first.uid)),
        None => Take::Store,
    }
}

/// Takes UIDPLUS away: the server does not say which UIDs it gives.
fn without_uids(manners: &mut Manners) {
    manners.capability = manners.capability.replace(" UIDPLUS", "");
}

fn mark_subject(m: &mut Incoming<'_>) -> Take {
    let text = String::from_utf8_lossy(m.body).into_owned();
    *m.body = text.replacen("Subject: ", "Subject: [EXTERNAL] ", 1).into_bytes();
    Take::Store
}
