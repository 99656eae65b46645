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

/// What is wrong with mail that is said to have been moved; the worst of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wrong {
    /// A message is there with another text, date, flags or in another folder.
    Changed,
    /// A message is there more often than it should be.
    Doubled,
    /// A message is not there.
    Lost,
    /// A password stands where anybody can read it.
    Leaked,
}

/// What is wrong with what one server `has`, held against what it should have; messages are known by their
/// subjects.
pub(crate) fn wrong(wanted: &Mail, has: &Mail) -> Option<Wrong> {
    let subjects = |mail: &Mail| {
        let mut subjects: BTreeMap<String, usize> = BTreeMap::new();
        for ((_, body, ..), count) in mail {
            let text = String::from_utf8_lossy(body).into_owned();
            let subject = text.lines().find(|line| line.to_ascii_lowercase().starts_with("subject:"));
            *subjects.entry(subject.unwrap_or_default().to_owned()).or_default() += count;
        }
        subjects
    };
    let (want, have) = (subjects(wanted), subjects(has));
    let of = |subject: &String, count: usize| match have.get(subject).copied().unwrap_or(0) {
        there if there < count => Some(Wrong::Lost),
        there if there > count => Some(Wrong::Doubled),
        _ => None,
    };
    let same = wanted.iter().all(|(key, count)| has.get(key) == Some(count));
    want.iter().filter_map(|(subject, count)| of(subject, *count)).max().or((!same).then_some(Wrong::Changed))
}
