//! What servers were seen to do and should not: one row each, to be switched on at a source, at a target or
//! at both.
//!
//! A row says nothing about what a program has to make of it; that is its tests' business. Rows about one
//! message are about [`THE_ONE`]; [`mail`] is what a source has to hold for every row to show.

mod arrivals;
mod connections;
mod edit;
mod endless;
mod lists;
mod names;
mod refusals;
mod stored;
mod texts;

use super::{Fake, Incoming, Manners, Store, Take};

/// A row of the table: something a server was seen to do and should not.
#[derive(Debug)]
pub struct Misbehaviour {
    /// The name by which tests list it and say what failed.
    pub name: &'static str,
    /// What the server does, as a sentence for the reader of a failed test.
    pub what: &'static str,
    /// The ends of a migration at which it can show.
    pub at: &'static [End],
    /// What its server tells that others do not, from the beginning.
    pub tells: &'static str,
    switch: Switch,
}

#[derive(Debug)]
enum Switch {
    /// Changes how the server behaves from then on.
    Manners(fn(&mut Manners)),
    /// Changes the mail it holds, once.
    Store(fn(&mut Store)),
}

impl Misbehaviour {
    /// Whether it is something that has happened to mail, rather than something the server does.
    #[must_use]
    pub fn is_of_mail(&self) -> bool {
        matches!(self.switch, Switch::Store(_))
    }

    /// Makes a server one that can misbehave so, and does not yet.
    pub fn prepare(&self, server: &Fake) {
        if !self.tells.is_empty() {
            server.manners(|m| m.capability = format!("{} {}", m.capability, self.tells));
        }
    }

    /// Switches it on: until then the server behaves.
    pub fn apply(&self, server: &Fake) {
        match self.switch {
            Switch::Manners(change) => server.manners(change),
            Switch::Store(change) => server.store(change),
        }
    }
}

/// The two ends of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The server that mail is read from.
    Source,
    /// The server that mail is written to.
    Target,
}

use End::{Source, Target};

const BOTH: &[End] = &[Source, Target];

/// The UID in INBOX, at the source, of the message that a row is about.
pub const THE_ONE: u32 = 3;
/// The subject of that message.
const ITS_SUBJECT: &str = "the one";
const DATE: &str = "05-May-2021 05:05:05 +0500";

/// Puts mail into an empty account: every row shows with it, and no good server changes any of it. Messages
/// with one Message-ID, a NUL, a keyword, an old date; folders with a blank in the name, with names that
/// differ in case, and below one that is not there.
pub fn mail(store: &mut Store) {
    let message = |subject: &str, id: &str| {
        format!(
            "From: a@example.org\r\nSubject: {subject}\r\nMessage-ID: <{id}@example.org>\r\n\r\n\
             A text of its own, for {subject}, which is long enough to be cut short by whoever does that.\r\n"
        )
        .into_bytes()
    };
    for (subject, id, flags, date) in [
        ("first", "one", &["\\Seen"][..], DATE),
        ("second", "two", &[], DATE),
        (ITS_SUBJECT, "three", &["\\Seen"], DATE),
        ("of the same id", "three", &[], DATE),
        ("marked", "five", &["\\Flagged", "$Label1"], DATE),
        ("old", "six", &[], "01-Feb-1985 10:00:00 +0000"),
        ("seventh", "seven", &["\\Answered"], DATE),
    ] {
        store.add("INBOX", flags, date, &message(subject, id));
    }
    store.add("INBOX", &[], DATE, b"Subject: with a NUL\r\nMessage-ID: <eight@example.org>\r\n\r\nx\0y\r\n");
    for folder in ["Old mail", "OLD MAIL", "Lists/rust"] {
        store.create(folder);
        for n in 1..=3 {
            store.add(
                folder,
                &[],
                DATE,
                &message(&format!("{folder} {n}"), &format!("{n}.{}", folder.len())),
            );
        }
    }
}

/// All rows, by kind: figures and lists, mail that is not what it was, texts, what arrives, refusals, names,
/// connections, what never ends.
pub const TABLE: &[&[Misbehaviour]] = &[
    lists::ROWS,
    stored::ROWS,
    texts::ROWS,
    arrivals::ROWS,
    refusals::ROWS,
    names::ROWS,
    connections::ROWS,
    endless::ROWS,
];

/// Returns every row of [`TABLE`], in its order.
pub fn rows() -> impl Iterator<Item = &'static Misbehaviour> {
    TABLE.iter().copied().flatten()
}

const fn row(
    name: &'static str,
    what: &'static str,
    at: &'static [End],
    apply: fn(&mut Manners),
) -> Misbehaviour {
    Misbehaviour { name, what, at, tells: "", switch: Switch::Manners(apply) }
}

/// A row of a server whose CAPABILITY lists `tells` as well.
const fn told(
    name: &'static str,
    what: &'static str,
    at: &'static [End],
    tells: &'static str,
    apply: fn(&mut Manners),
) -> Misbehaviour {
    Misbehaviour { name, what, at, tells, switch: Switch::Manners(apply) }
}

const fn stored(
    name: &'static str,
    what: &'static str,
    at: &'static [End],
    apply: fn(&mut Store),
) -> Misbehaviour {
    Misbehaviour { name, what, at, tells: "", switch: Switch::Store(apply) }
}

/// Judges the message that rows are about in this way, and stores every other one.
fn the_one(manners: &mut Manners, judge: fn(&mut Incoming<'_>) -> Take) {
    manners.on_append = Box::new(move |m| if m.says(ITS_SUBJECT) { judge(m) } else { Take::Store });
}
