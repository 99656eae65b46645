//! Doubles of servers: what a real one holds, under the same numbers, at the laboratory's own, which
//! misbehaves as told.

use std::io;

use crate::fake::{Fake, Manners, Message};
use crate::imap::{Client, date, utf7};

/// Makes this server the double of what the client sees. It behaves, and knows nothing of what it was before.
pub(super) fn fill(double: &Fake, client: &mut Client) -> io::Result<()> {
    let mut folders = Vec::new();
    for folder in client.list()?.into_iter().filter(crate::imap::Folder::selectable) {
        let number = |client: &mut Client, item| client.status(&folder.name, item);
        let (validity, next) = (number(client, "UIDVALIDITY")?, number(client, "UIDNEXT")?);
        folders.push((utf7::encode(&folder.name), validity, next, client.whole(&folder.name)?));
    }
    double.cut();
    double.forget();
    double.manners(|manners| *manners = Manners::default());
    double.store(|store| {
        store.folders.clear();
        for (name, validity, next, messages) in folders {
            store.create(&name);
            let folder = store.folders.get_mut(&name).expect("the folder just made");
            folder.validity = validity;
            folder.messages = messages
                .into_iter()
                .map(|(m, body)| Message {
                    uid: m.uid,
                    flags: m.flags,
                    date: date::write(m.date, 0),
                    body,
                    modseq: 1,
                })
                .collect();
            let last = folder.messages.last().map_or(0, |m| m.uid);
            folder.next = u32::try_from(next).unwrap_or_default().max(last + 1);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Take;

    #[test]
    fn a_double_holds_what_the_other_holds_and_behaves() {
        let real = Fake::start(Manners::default());
        real.store(|store| {
            store.create("Entw&APw-rfe");
            for (folder, n) in [("INBOX", 1), ("INBOX", 2), ("Entw&APw-rfe", 3)] {
                let body = crate::corpus::simple(&format!("number {n}"), "text");
                store.add(folder, &["\\Seen", "$Work"], "02-Jul-2024 08:00:00 +0200", &body);
            }
            store.folders.get_mut("INBOX").unwrap().remove(|m| m.uid == 1);
        });
        let double = Fake::start(Manners::default());
        double.store(|store| store.add("INBOX", &[], "", b"of an earlier round"));
        double.manners(|m| m.on_append = Box::new(|_| Take::Hangup { stored: false }));
        let client = |fake: &Fake| {
            let mut client = Client::connect(fake.port).unwrap();
            client.login("anybody", "at all").unwrap();
            client
        };
        fill(&double, &mut client(&real)).unwrap();
        assert_eq!(client(&double).snapshot().unwrap(), client(&real).snapshot().unwrap());
        for folder in ["INBOX", "Entwürfe"] {
            for item in ["UIDVALIDITY", "UIDNEXT", "MESSAGES"] {
                let of = |fake: &Fake| client(fake).status(folder, item).unwrap();
                assert_eq!(of(&double), of(&real), "{item} of {folder}");
            }
        }
        client(&double).append_one("INBOX", &[], "02-Jul-2024 08:00:00 +0200", b"x: y\r\n\r\n").unwrap();
    }
}
