//! The laboratory itself: what it stores is what it reads back, on Dovecot and Cyrus.

use mailhaul_lab::corpus::{self, Recipe};
use mailhaul_lab::imap::date;
use mailhaul_lab::load;
use mailhaul_lab::maildir::{self, Backup};

use crate::support::mail_servers::{Account, Host, cyrus, dovecots};

/// Every message comes back with its flags and date, in order.
#[test]
fn what_is_stored_is_read_back() {
    for host in [Host::Old, Host::New, Host::Cyrus] {
        let account = Account::new(host);
        let mailbox = corpus::mailbox(&account.user, Recipe::small(5, 60, dovecots().old.layout));
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
    assert_ne!(cyrus().tls_port, dovecots().old.tls_port);
}

/// A Maildir that was put back is what it was, under the same numbers; or has lost what is to be lost, and
/// nothing else.
#[test]
fn a_maildir_is_put_back() {
    for host in [Host::Old, Host::New] {
        let account = Account::new(host);
        let at = if host == Host::Old { &dovecots().old } else { &dovecots().new }.maildir(&account.user);
        let append = |subject: &str| {
            let body = corpus::simple(subject, "text");
            for folder in ["INBOX", "Sub/Folder"] {
                account
                    .client()
                    .append_one(folder, &["\\Seen"], " 2-Jul-2024 08:00:00 +0200", &body)
                    .unwrap();
            }
        };
        let number = |item: &str| account.client().status("Sub/Folder", item).unwrap();
        account.client().create("Sub/Folder").unwrap();
        append("before");
        let before = account.snapshot();
        let (validity, next) = (number("UIDVALIDITY"), number("UIDNEXT"));
        let backup = Backup::take(&at);
        for lose in [|_: &std::path::Path| (), maildir::lose_index] {
            append("after");
            assert_ne!(account.snapshot(), before);
            backup.put_back();
            lose(&at);
            assert_eq!(account.snapshot(), before, "{host:?}");
            assert_eq!((number("UIDVALIDITY"), number("UIDNEXT")), (validity, next), "{host:?}");
        }
        maildir::lose_times(&at);
        let mut there = account.snapshot();
        for (mail, was) in there.values_mut().flatten().zip(before.values().flatten()) {
            assert_ne!(mail.date, was.date, "{host:?}");
            mail.date = was.date;
        }
        assert_eq!(there, before, "{host:?}");
        maildir::lose_numbers(&at);
        assert_ne!(number("UIDVALIDITY"), validity, "{host:?}");
    }
}
