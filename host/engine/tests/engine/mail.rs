//! Two servers' mail, compared.

use std::collections::BTreeMap;

use mailhaul_lab::fake::{Fake, Message, Store};
use mailhaul_lab::imap::date;

/// Folder, text, flags and date of messages, and how often each is there.
type Mail = BTreeMap<(String, Vec<u8>, Vec<String>, Option<i64>), usize>;

/// What a server holds, without the messages that `left_out` names.
pub(crate) fn mail(server: &Fake, left_out: impl Fn(&Message) -> bool) -> Mail {
    let store: Store = server.store(|store| {
        store.show_late(true);
        store.clone()
    });
    let mut mail = Mail::new();
    for (name, folder) in &store.folders {
        for message in folder.messages.iter().filter(|m| !left_out(m)) {
            let mut flags = message.flags.clone();
            flags.sort();
            let key = (name.clone(), message.body.clone(), flags, date::instant(&message.date));
            *mail.entry(key).or_default() += 1;
        }
    }
    mail
}

/// What of one is not as often in the other.
pub(crate) fn odd(of: &Mail, other: &Mail) -> String {
    let odd = of.iter().filter(|(key, count)| other.get(*key) != Some(*count));
    let lines = odd.map(|((name, body, flags, at), count)| {
        format!(
            "{count} × {name} {flags:?} {at:?}\n{}",
            String::from_utf8_lossy(&body[..body.len().min(300)])
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}
