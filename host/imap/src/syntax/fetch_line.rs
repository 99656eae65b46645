//! The attributes of one FETCH response (RFC 9051 section 7.5.2).

use std::collections::BTreeMap;

use crate::syntax::reply::{Reply, values};
use crate::syntax::token::Value;
use crate::types::date::InternalDate;
use crate::types::fetched::{FetchItems, FetchedMessage};
use crate::types::flags::Flags;
use crate::types::gmail::GmailFacts;
use crate::types::utf7;

/// More flags than this on one message are not kept.
const MAX_FLAGS: usize = 2000;
/// More labels than this on one message are not kept; Gmail allows 100.
const MAX_LABELS: usize = 1000;

/// What one FETCH response says. `None` means that it says nothing about the item.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct FetchLine {
    pub(crate) uid: Option<u32>,
    pub(crate) flags: Option<Flags>,
    /// The inner option is empty for NIL and for dates that name no instant.
    pub(crate) date: Option<Option<InternalDate>>,
    /// In bytes; the inner option is empty for NIL.
    pub(crate) size: Option<Option<u64>>,
    pub(crate) gmail: Option<GmailFacts>,
    pub(crate) section: Section,
    /// Whether the response breaks off right before the section that was asked for.
    pub(crate) before_section: bool,
}

/// The body or header that was asked for, when it did not come as a literal read apart.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) enum Section {
    #[default]
    Absent,
    Nil,
    Inline(Vec<u8>),
}

impl FetchLine {
    /// Reads a whole response, or the part of one that precedes a body. Of several sections only the one that
    /// was asked for counts: servers may send more than was asked.
    pub(crate) fn read(response: &[u8], asked: FetchItems) -> FetchLine {
        let mut line = FetchLine::default();
        let Some(list) = values(response, Some(0)).next_value() else { return line };
        let mut list = list.items().iter();
        while let Some(key) = list.next() {
            let Value::Atom(key) = key else { continue };
            let key = key.to_ascii_uppercase();
            let wanted = is_section(&key, asked);
            let Some(value) = list.next() else {
                line.before_section = wanted;
                break;
            };
            match key.as_slice() {
                b"UID" => line.uid = value.number().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0),
                b"FLAGS" => line.flags = Some(flags(value)),
                b"INTERNALDATE" => line.date = Some(value.text().and_then(|text| InternalDate::parse(&text))),
                b"RFC822.SIZE" => line.size = Some(value.number()),
                b"X-GM-MSGID" => line.gmail.get_or_insert_default().message_id = value.number(),
                b"X-GM-LABELS" => line.gmail.get_or_insert_default().labels = labels(value),
                _ if wanted => {
                    line.section = match value.string() {
                        Some(bytes) => Section::Inline(bytes.to_vec()),
                        None => Section::Nil,
                    };
                }
                _ => {}
            }
        }
        line
    }

    /// Takes over what `newer` says; items of which it says nothing stay.
    pub(crate) fn merge(&mut self, newer: FetchLine) {
        self.uid = newer.uid.or(self.uid);
        self.flags = newer.flags.or(self.flags.take());
        self.date = newer.date.or(self.date);
        self.size = newer.size.or(self.size);
        self.gmail = newer.gmail.or(self.gmail.take());
        if newer.section != Section::Absent {
            self.section = newer.section;
        }
    }

    /// Returns of how many items besides the UID it says anything: a line that adds none brings a command no
    /// further.
    pub(crate) fn items(&self) -> usize {
        let said = [
            self.flags.is_some(),
            self.date.is_some(),
            self.size.is_some(),
            self.gmail.is_some(),
            self.section != Section::Absent,
        ];
        said.into_iter().filter(|said| *said).count()
    }

    /// Whether it says more than the flag update a server may send at any time (RFC 9051 section 7.5.2).
    pub(crate) fn is_answer(&self) -> bool {
        self.date.is_some() || self.size.is_some()
    }

    /// Whether it is the answer to `items` rather than the flag update a server may send at any time. Where
    /// flags are all that was asked for, such an update is as good an answer.
    pub(crate) fn answers(&self, items: FetchItems) -> bool {
        items == FetchItems::Flags && self.flags.is_some() || self.is_answer()
    }

    /// Returns the message that was asked for as `uid`, with a body of `body_len` bytes to come.
    pub(crate) fn into_message(self, uid: u32, body_len: Option<u64>) -> FetchedMessage {
        FetchedMessage {
            uid,
            flags: self.flags.unwrap_or_default(),
            internal_date: self.date.flatten(),
            size: self.size.flatten(),
            body_len,
            gmail: self.gmail,
        }
    }
}

/// Puts together the answer to a FETCH without bodies, whose lines may speak of one message several times.
#[derive(Debug, Default)]
pub(crate) struct ListCollector(BTreeMap<u32, FetchLine>);

impl ListCollector {
    /// Takes over what `reply` says of a message, if it is a FETCH response with a UID.
    pub(crate) fn take(&mut self, reply: &Reply, items: FetchItems) {
        let Reply::Data { number: Some(_), word, response } = reply else { return };
        let line = FetchLine::read(response, items);
        if let Some(uid) = line.uid.filter(|_| word == "FETCH") {
            self.0.entry(uid).or_default().merge(line);
        }
    }

    /// Returns how many messages the lines so far speak of.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the messages that were answered for, in UID order; those of which only flag updates came are
    /// left out, unless `items` asked for no more.
    pub(crate) fn finish(self, items: FetchItems) -> Vec<FetchedMessage> {
        let answers = self.0.into_iter().filter(|(_, line)| line.answers(items));
        answers.map(|(uid, line)| line.into_message(uid, None)).collect()
    }
}

/// Whether this is the section that was asked for. A partial, `BODY[]<0>`, is no whole message and matches
/// nothing.
fn is_section(key: &[u8], asked: FetchItems) -> bool {
    match asked {
        FetchItems::Flags | FetchItems::Sizes | FetchItems::Meta | FetchItems::Gmail => false,
        FetchItems::Identity => key.starts_with(b"BODY[HEADER.FIELDS") && key.ends_with(b"]"),
        FetchItems::Headers => key == b"BODY[HEADER]",
        FetchItems::Full => key == b"BODY[]",
    }
}

/// Reads the value of X-GM-LABELS: atoms, quoted strings and literals in modified UTF-7.
fn labels(value: &Value<'_>) -> Vec<String> {
    let labels = value.items().iter().filter_map(Value::bytes).take(MAX_LABELS);
    labels
        .map(|bytes| {
            let text = String::from_utf8_lossy(bytes);
            utf7::decode(&text).unwrap_or_else(|| text.into_owned())
        })
        .collect()
}

fn flags(value: &Value<'_>) -> Flags {
    let mut flags = Flags::new();
    for flag in value.items().iter().take(MAX_FLAGS).filter_map(|flag| flag.bytes()) {
        flags.insert(&String::from_utf8_lossy(flag));
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, items: FetchItems) -> FetchLine {
        FetchLine::read(text.as_bytes(), items)
    }

    #[test]
    fn reads_every_order_and_form() {
        let line = read(
            "* 12 FETCH (FLAGS (\\Seen $X NIL [y) UID 7 RFC822.SIZE NIL INTERNALDATE \" 1-Feb-2020 10:00:00 +0100\" \
             X-GM-LABELS (\"\\\\Inbox\" (a)) MODSEQ (5) BODY[HEADER.FIELDS (MESSAGE-ID)] \"Message-ID: <a>\")\r\n",
            FetchItems::Identity,
        );
        assert_eq!(line.uid, Some(7));
        assert_eq!(line.flags.unwrap().to_string(), "\\Seen $X [y NIL");
        assert_eq!(line.size, Some(None));
        assert_eq!(line.date.unwrap().unwrap().unix_seconds, 1_580_547_600);
        assert_eq!(line.section, Section::Inline(b"Message-ID: <a>".to_vec()));
    }

    #[test]
    fn reads_prefixes_and_broken_values() {
        let line = read("* 1 FETCH (UID 4294967295 FLAGS () BODY[] ", FetchItems::Full);
        assert!(line.uid == Some(u32::MAX) && line.section == Section::Absent && line.before_section);
        assert!(!read("* 1 FETCH (UID 1 BODY[TEXT] ", FetchItems::Full).before_section);
        let line = read("* 1 FETCH (UID 4294967296 INTERNALDATE NIL BODY[] NIL)\r\n", FetchItems::Full);
        assert_eq!((line.uid, line.date, line.section), (None, Some(None), Section::Nil));
        assert_eq!(read("* 1 FETCH\r\n", FetchItems::Full), FetchLine::default());
        for other in ["BODY[]<0>", "BODY[TEXT]", "BODY[HEADER]", "RFC822"] {
            let line = read(&format!("* 1 FETCH (UID 3 {other} \"x\")\r\n"), FetchItems::Full);
            assert_eq!(line.section, Section::Absent, "{other}");
        }
        assert!(!read("* 1 FETCH (UID 3 FLAGS (\\Seen))\r\n", FetchItems::Meta).is_answer());
    }
}
