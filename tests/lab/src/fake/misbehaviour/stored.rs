//! Mail that is not what it was.

use super::End::Source;
use super::{BOTH, DATE, Misbehaviour, THE_ONE, stored};
use crate::fake::{Folder, Store};

pub(super) const ROWS: &[Misbehaviour] = &[
    stored("renumbered", "all messages have new numbers under another UIDVALIDITY", BOTH, |store| {
        inbox(store, Folder::renumber);
    }),
    stored(
        "renumbered-with-a-look-alike",
        "and a new one has the text of one that is gone",
        &[Source],
        |store| {
            inbox(store, |folder| {
                let Some(first) = folder.messages.first().cloned() else { return };
                let text =
                    String::from_utf8_lossy(&first.body).replace("Subject: first", "Subject: a later one");
                folder.remove(|m| m.uid == first.uid);
                folder.add(first.flags, first.date, text.replace("<one@", "<later@").into_bytes());
                folder.renumber();
            });
        },
    ),
    stored(
        "put-back",
        "three messages are gone, and others have their numbers: a restored backup",
        BOTH,
        |store| inbox(store, put_back),
    ),
    stored(
        "moved-out-and-back",
        "a message has another number, as one that was elsewhere meanwhile",
        &[Source],
        |store| {
            inbox(store, |folder| {
                let Some(at) = folder.place(THE_ONE) else { return };
                let message = folder.messages.remove(at);
                folder.add(message.flags, message.date, message.body);
            });
        },
    ),
    stored("dates-lost", "every INTERNALDATE is another one", BOTH, |store| inbox(store, lose_dates)),
    stored(
        "renumbered-with-dates-lost",
        "all messages have new numbers under another UIDVALIDITY, and every INTERNALDATE is another one",
        BOTH,
        |store| {
            inbox(store, |folder| {
                folder.renumber();
                lose_dates(folder);
            });
        },
    ),
    Misbehaviour {
        tells: "CONDSTORE",
        ..stored("put-back-with-condstore", "a restored backup; HIGHESTMODSEQ went on", BOTH, |store| {
            inbox(store, put_back);
        })
    },
    Misbehaviour {
        tells: "CONDSTORE",
        ..stored(
            "put-back-with-condstore-put-back",
            "a restored backup; HIGHESTMODSEQ as well",
            BOTH,
            |store| {
                inbox(store, |folder| {
                    let before = folder.modseq;
                    put_back(folder);
                    folder.modseq = before.saturating_sub(2);
                    let highest = folder.modseq;
                    folder.messages.iter_mut().for_each(|m| m.modseq = m.modseq.min(highest));
                });
            },
        )
    },
];

/// Changes INBOX, which every account has.
fn inbox(store: &mut Store, change: impl FnOnce(&mut Folder)) {
    if let Some(folder) = store.folders.get_mut("INBOX") {
        change(folder);
    }
}

/// Puts back a backup of the folder, after which new mail comes.
fn put_back(folder: &mut Folder) {
    let kept = folder.messages.len().saturating_sub(3);
    folder.messages.truncate(kept);
    folder.next = folder.messages.last().map_or(1, |m| m.uid + 1);
    for n in 1..=3 {
        let body = format!("Subject: after the backup {n}\r\n\r\nanother text, and longer\r\n");
        folder.add(Vec::new(), DATE.to_owned(), body.into_bytes());
    }
}

/// As of a Maildir that was restored without the times of its files.
fn lose_dates(folder: &mut Folder) {
    folder.messages.iter_mut().for_each(|m| "28-Nov-2026 12:00:00 +0000".clone_into(&mut m.date));
}
