//! What servers were seen to do and should not: one row each, to be switched on at a source, at a target or at both.
//!
//! A row says nothing about what a program has to make of it; that is its tests' business. Rows about one message are
//! about [`THE_ONE`]; [`mail`] is what a source has to hold for every row to show.

use std::time::Duration;

use super::{Fake, Folder, Give, Incoming, Manners, Store, Take, Verdict};

/// A misbehaviour.
#[derive(Debug)]
pub struct Misbehaviour {
    /// Its name, as tests list it.
    pub name: &'static str,
    /// What the server does, in a sentence.
    pub what: &'static str,
    /// Where it makes sense.
    pub at: &'static [End],
    switch: Switch,
}

/// How a row is switched on.
#[derive(Debug)]
enum Switch {
    /// The server behaves so from now on.
    Manners(fn(&mut Manners)),
    /// Its mail is changed so, once.
    Store(fn(&mut Store)),
}

impl Misbehaviour {
    /// Switches it on.
    pub fn apply(&self, server: &Fake) {
        match self.switch {
            Switch::Manners(change) => server.manners(change),
            Switch::Store(change) => server.store(change),
        }
    }
}

/// An end of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The old host.
    Source,
    /// The new host.
    Target,
}

use End::{Source, Target};

const BOTH: &[End] = &[Source, Target];

/// The UID in INBOX, at the source, of the message that a row is about.
pub const THE_ONE: u32 = 3;
/// What its subject says.
const ITS_SUBJECT: &str = "the one";
/// INTERNALDATE of ordinary messages.
const DATE: &str = "05-May-2021 05:05:05 +0500";

/// Puts mail into an empty account: every row shows with it, and no good server changes any of it. Messages with one
/// Message-ID, a NUL, a keyword, an old date; folders
/// with a blank in the name, with names that differ in case, and below one that is not there.
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

/// All rows: figures and lists, texts, what arrives, refusals, names, connections.
pub const TABLE: &[Misbehaviour] = &[
    // Figures and lists.
    row("status-too-small", "STATUS counts a message less than there are", BOTH, |m| {
        m.on_answer = Box::new(|line, out| {
            if line.contains("STATUS") {
                numbers(out, "MESSAGES ", |n| n.saturating_sub(1));
            }
        });
    }),
    row("status-too-large", "STATUS counts two messages more than there are", BOTH, |m| {
        m.on_answer = Box::new(|line, out| {
            if line.contains("STATUS") {
                numbers(out, "MESSAGES ", |n| n + 2);
            }
        });
    }),
    row("exists-too-small", "EXISTS is a message less than the list has", BOTH, |m| {
        m.on_answer = Box::new(|line, out| {
            if opens(line) {
                exists(out, |n| n.saturating_sub(1));
            }
        });
    }),
    row("exists-too-large", "EXISTS is two messages more than the list has", BOTH, |m| {
        m.on_answer = Box::new(|line, out| {
            if opens(line) {
                exists(out, |n| n + 2);
            }
        });
    }),
    row("list-short", "the list of messages lacks one", BOTH, |m| {
        m.on_list = Box::new(|message| !message.says(ITS_SUBJECT));
    }),
    row("list-short-once", "the first list of messages lacks one", BOTH, |m| {
        let mut short = true;
        m.on_list = Box::new(move |message| !message.says(ITS_SUBJECT) || !std::mem::take(&mut short));
    }),
    row("items-in-another-order", "the answers to FETCH name the UID last", BOTH, |m| {
        m.on_answer = Box::new(|_, out| lines(out, reversed));
    }),
    row("uid-twice", "the list has one UID twice and another never", BOTH, |m| {
        m.on_answer = Box::new(|_, out| renamed(out, &format!("{}", THE_ONE - 1)));
    }),
    row("uid-too-large", "the list has a UID of more than 32 bits", BOTH, |m| {
        m.on_answer = Box::new(|_, out| renamed(out, "4294967299"));
    }),
    row("validity-never-the-same", "UIDVALIDITY is another one each time", BOTH, |m| {
        let mut times = 0;
        m.on_answer = Box::new(move |line, out| {
            times += u64::from(line.contains("STATUS") || opens(line));
            numbers(out, "UIDVALIDITY ", |n| n + times);
        });
    }),
    row("validity-none", "UIDVALIDITY is 0, which is none", BOTH, |m| {
        m.on_answer = Box::new(|_, out| numbers(out, "UIDVALIDITY ", |_| 0));
    }),
    row("next-goes-back", "UIDNEXT is 1 whatever there is", BOTH, |m| {
        m.on_answer = Box::new(|_, out| numbers(out, "UIDNEXT ", |_| 1));
    }),
    row("exists-immense", "EXISTS is four thousand million more than the list has", BOTH, |m| {
        m.on_answer = Box::new(|line, out| {
            if opens(line) {
                exists(out, |n| n + 4_000_000_000);
            }
        });
    }),
    row("list-doubled", "each line of the list comes twice", BOTH, |m| {
        m.on_answer = Box::new(|_, out| lines(out, |line| Some(format!("{line}\r\n{line}"))));
    }),
    // Mail that is not what it was.
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
        |store| {
            inbox(store, |folder| {
                let kept = folder.messages.len().saturating_sub(3);
                folder.messages.truncate(kept);
                folder.next = folder.messages.last().map_or(1, |m| m.uid + 1);
                for n in 1..=3 {
                    let body = format!("Subject: after the backup {n}\r\n\r\nanother text, and longer\r\n");
                    folder.add(Vec::new(), DATE.to_owned(), body.into_bytes());
                }
            });
        },
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
    // Texts.
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
    // What arrives.
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
        m.capability = "IMAP4rev1 LITERAL+".to_owned();
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
    // Refusals.
    row("refuses-one", "a message is refused in words nobody knows", &[Target], |m| {
        the_one(m, |_| Take::Say("NO Message contains invalid header".to_owned()));
    }),
    row("refuses-a-keyword", "PERMANENTFLAGS has \\*, and APPEND with a keyword fails", &[Target], |m| {
        m.on_append = Box::new(|m| match m.flags.iter().any(|flag| flag == "$Label1") {
            true => Take::Say("NO Invalid keyword".to_owned()),
            false => Take::Store,
        });
    }),
    row("refuses-a-date", "APPEND with a date before 1990 fails", &[Target], |m| {
        m.on_append = Box::new(|m| match m.date.contains("-1985 ") {
            true => Take::Say("NO Invalid date-time".to_owned()),
            false => Take::Store,
        });
    }),
    row("an-outage", "eight APPENDs fail in words nobody knows, then none", &[Target], |m| {
        let mut left = 8;
        m.on_append = Box::new(move |_| {
            if left == 0 {
                return Take::Store;
            }
            left -= 1;
            Take::Say("NO Mailbox currently not writable".to_owned())
        });
    }),
    row("throttles-appends", "five APPENDs are asked to wait", &[Target], |m| {
        let mut left = 5;
        m.on_append = Box::new(move |_| {
            if left == 0 {
                return Take::Store;
            }
            left -= 1;
            Take::Say("NO [THROTTLED] Account is temporarily over its limits".to_owned())
        });
    }),
    row("limit-for-ever", "a message is refused with [LIMIT], always", &[Target], |m| {
        the_one(m, |_| Take::Say("NO [LIMIT] Too many recipients".to_owned()));
    }),
    row(
        "full-in-its-own-words",
        "after four messages there is no room, in words nobody knows",
        &[Target],
        |m| {
            m.on_append = Box::new(|m| match m.store.messages(m.folder).len() >= 4 {
                true => Take::Say("NO Plattenplatz erschoepft".to_owned()),
                false => Take::Store,
            });
        },
    ),
    row("throttles-fetches", "six FETCHes of texts are asked to wait", &[Source], |m| {
        let mut left = 6;
        m.on_command = Box::new(move |line| {
            if left == 0 || !line.contains("BODY.PEEK[]") {
                return Verdict::Go;
            }
            left -= 1;
            Verdict::Say("NO [THROTTLED] Account is temporarily over its limits".to_owned())
        });
    }),
    row("repeats-the-password", "a log-in is refused with the command in the answer", BOTH, |m| {
        m.repeats_commands = true;
        m.on_command = Box::new(|line| match line {
            "LOGIN" => Verdict::Say("NO [AUTHENTICATIONFAILED] cannot do".to_owned()),
            _ => Verdict::Go,
        });
    }),
    // Names.
    row("folds-case", "folder names that differ in case only are one folder", &[Target], |m| {
        m.folds_case = true
    }),
    row("names-unquoted", "LIST does not quote names with blanks", BOTH, |m| {
        m.on_answer = Box::new(|_, out| {
            edit_lines(out, |line| {
                let (before, name) = line.strip_prefix("* LIST ")?.rsplit_once(" \"")?;
                Some(format!("* LIST {before} {}", name.trim_end_matches('"')))
            });
        });
    }),
    row("wants-parents", "CREATE fails where there is no folder above", &[Target], |m| {
        let mut parent = false;
        m.on_command = Box::new(move |line| {
            if line.starts_with("CREATE") && !line.contains('/') {
                parent |= line.contains("Lists");
            }
            let orphan = line.starts_with("CREATE") && line.contains("Lists/") && !parent;
            if orphan { Verdict::Say("NO Parent folder does not exist".to_owned()) } else { Verdict::Go }
        });
    }),
    row("outside-the-namespace", "LIST shows folders of no namespace that NAMESPACE tells", &[Source], |m| {
        m.namespaces = "((\"INBOX/\" \"/\")) NIL NIL".to_owned();
    }),
    // Connections.
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
    row("silent-behind-a-message", "a message is never answered, and stored", &[Target], |m| {
        the_one(m, |_| Take::Never { stored: true });
    }),
];

const fn row(
    name: &'static str,
    what: &'static str,
    at: &'static [End],
    apply: fn(&mut Manners),
) -> Misbehaviour {
    Misbehaviour { name, what, at, switch: Switch::Manners(apply) }
}

const fn stored(
    name: &'static str,
    what: &'static str,
    at: &'static [End],
    apply: fn(&mut Store),
) -> Misbehaviour {
    Misbehaviour { name, what, at, switch: Switch::Store(apply) }
}

/// INBOX, which every account has.
fn inbox(store: &mut Store, change: impl FnOnce(&mut Folder)) {
    if let Some(folder) = store.folders.get_mut("INBOX") {
        change(folder);
    }
}

/// The message that rows are about is given so.
fn gives(manners: &mut Manners, give: Give) {
    manners.on_fetch = Box::new(move |m| if m.says(ITS_SUBJECT) { give } else { Give::Whole });
}

/// The message that rows are about is judged so.
fn the_one(manners: &mut Manners, judge: fn(&mut Incoming<'_>) -> Take) {
    manners.on_append = Box::new(move |m| if m.says(ITS_SUBJECT) { judge(m) } else { Take::Store });
}

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

/// Whether a command opens a folder.
fn opens(line: &str) -> bool {
    line.starts_with("SELECT") || line.starts_with("EXAMINE")
}

/// Changes every number that follows this text.
fn numbers(out: &mut Vec<u8>, after: &str, change: impl Fn(u64) -> u64) {
    edit_lines(out, |line| {
        let (before, rest) = line.split_once(after)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        Some(format!("{before}{after}{}{}", change(number), &rest[digits..]))
    });
}

fn exists(out: &mut Vec<u8>, change: impl Fn(u64) -> u64) {
    edit_lines(out, |line| {
        let number: u64 = line.strip_prefix("* ")?.strip_suffix(" EXISTS")?.parse().ok()?;
        Some(format!("* {} EXISTS", change(number)))
    });
}

/// In lists, gives the message that rows are about this UID instead of its own.
fn renamed(out: &mut Vec<u8>, uid: &str) {
    lines(out, |line| Some(line.replacen(&format!("(UID {THE_ONE} "), &format!("(UID {uid} "), 1)));
}

/// A line of a list with its items the other way round.
fn reversed(line: &str) -> Option<String> {
    let (before, items) = line.split_once("(UID ")?;
    let (uid, rest) = items.strip_suffix(')')?.split_once(' ')?;
    Some(format!("{before}({rest} UID {uid})"))
}

/// Changes the lines of a list of messages, which have no text.
fn lines(out: &mut Vec<u8>, change: impl Fn(&str) -> Option<String>) {
    edit_lines(out, |line| {
        let of_list = line.contains(" FETCH (UID ") && line.ends_with(')');
        if of_list { change(line) } else { None }
    });
}

/// Changes lines; those of which `change` says nothing stay.
fn edit_lines(out: &mut Vec<u8>, change: impl Fn(&str) -> Option<String>) {
    let mut edited = Vec::with_capacity(out.len());
    for line in out.split_inclusive(|byte| *byte == b'\n') {
        let text = std::str::from_utf8(line).ok().and_then(|line| line.strip_suffix("\r\n"));
        match text.and_then(&change) {
            Some(text) => edited.extend_from_slice(format!("{text}\r\n").as_bytes()),
            None => edited.extend_from_slice(line),
        }
    }
    *out = edited;
}
