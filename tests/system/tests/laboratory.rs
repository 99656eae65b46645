//! The laboratory must not deceive: what it stores is what it reads back, on both makes of server.

use mailhaul_lab::corpus::{self, Recipe};
use mailhaul_lab::imap::date;
use mailhaul_lab::load;

use crate::bench::{Account, Host, bench, cyrus};

/// Every message comes back with its flags and date, in order.
#[test]
fn what_is_stored_is_read_back() {
    for host in [Host::Old, Host::New, Host::Cyrus] {
        let account = Account::new(host);
        let mailbox = corpus::mailbox(&account.user, Recipe::small(5, 60, bench().old.layout));
        let mut client = account.client();
        load::load_all(&mut client, &mailbox);
        let snapshot = client.snapshot().unwrap();
        for folder in &mailbox.folders {
            let stored = &snapshot[&folder.name];
            assert_eq!(stored.len(), folder.mails.len(), "{host:?} {}", folder.name);
            for (mail, message) in folder.mails.iter().zip(stored) {
                let mut flags = mail.flags.clone();
                flags.sort();
                assert_eq!(message.flags, flags, "{host:?} {}", folder.name);
                assert_eq!(Some(message.date), date::instant(&mail.date), "{host:?} {}", folder.name);
                assert_eq!(message.size, mail.raw.len() as u64, "{host:?} {}", folder.name);
            }
        }
    }
}

/// The servers are as different as the tests suppose.
#[test]
fn the_servers_differ() {
    let raw = |host| {
        let mut names: Vec<String> =
            Account::new(host).client().list().unwrap().into_iter().map(|f| f.raw).collect();
        names.sort();
        names
    };
    assert_eq!(raw(Host::Old), ["INBOX", "INBOX.Drafts", "INBOX.Sent", "INBOX.Trash", "INBOX.spam"]);
    assert_eq!(raw(Host::New), ["Deleted Items", "Drafts", "INBOX", "Junk Email", "Sent Items"]);
    assert_eq!(raw(Host::Cyrus), ["Drafts", "INBOX", "Junk", "Sent", "Trash"]);
    assert_ne!(cyrus().tls_port, bench().old.tls_port);
}
