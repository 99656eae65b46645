//! The answers to SELECT, EXAMINE and CREATE, and what a server tells of the open folder at any time.

use crate::command::Answer;
use crate::syntax::reply::{Reply, Status, StatusLine, values};
use crate::syntax::token::{Tokens, Value};
use crate::types::bounds;
use crate::types::error::ImapError;
use crate::types::selected::Selected;
use crate::types::uidset::{UidSet, nonzero};

/// Returns whether CREATE made the folder; `false` when it was there already, by the code ALREADYEXISTS (RFC
/// 5530) or by words.
///
/// # Errors
/// `No` or `Bad` for any other refusal.
pub(crate) fn created(answer: Answer) -> Result<bool, ImapError> {
    match answer.ok("CREATE") {
        Ok(_) => Ok(true),
        Err(error) => {
            let exists = error.code() == Some("ALREADYEXISTS")
                || matches!(&error, ImapError::No { text, .. } if text.to_ascii_lowercase().contains("already exist"));
            if exists { Ok(false) } else { Err(error) }
        }
    }
}

/// Reads the answer to SELECT or EXAMINE. What stands before `[CLOSED]` is about the folder before (RFC 7162
/// section 3.2.11).
///
/// # Errors
/// `Excess` when the folder holds more than is plausible.
pub(crate) fn read_selected(answer: &Answer) -> Result<Selected, ImapError> {
    let mut selected = Selected::default();
    for reply in &answer.data {
        match reply {
            Reply::Untagged(line) if line.code.as_deref() == Some("CLOSED") => selected = Selected::default(),
            Reply::Untagged(line) => read_code(line, &mut selected),
            Reply::Data { number: None, word, response } if word == "FLAGS" => {
                let list = values(response, None).next();
                selected.flags =
                    list.map_or_else(Vec::new, |list| list.items().iter().filter_map(Value::text).collect());
            }
            other => {
                if let Some(Change::Exists(exists)) = Change::read(other) {
                    selected.exists = exists;
                }
            }
        }
    }
    read_code(&answer.line, &mut selected);
    bounds::check_messages(selected.exists)?;
    Ok(selected)
}

/// Returns whether the answer has an EXISTS, as RFC 9051 section 6.3.2 demands.
pub(crate) fn has_exists(answer: &Answer) -> bool {
    answer.data.iter().any(|reply| matches!(Change::read(reply), Some(Change::Exists(_))))
}

fn read_code(line: &StatusLine, selected: &mut Selected) {
    if !matches!(line.status, Status::Ok | Status::No) {
        return;
    }
    match line.code.as_deref() {
        Some("UIDVALIDITY") => selected.uid_validity = line.code_number("UIDVALIDITY").and_then(nonzero),
        Some("UIDNEXT") => selected.uid_next = line.code_number("UIDNEXT").and_then(nonzero),
        Some("HIGHESTMODSEQ") => {
            selected.highest_modseq = line.code_number("HIGHESTMODSEQ").filter(|n| *n > 0)
        }
        Some("NOMODSEQ") => selected.highest_modseq = None,
        Some("READ-ONLY") => selected.read_only = true,
        Some("PERMANENTFLAGS") => {
            let list = Tokens::new(&line.arguments).next_value();
            selected.permanent_flags =
                list.map(|list| list.items().iter().filter_map(|flag| flag.text()).collect());
        }
        Some("MAILBOXID") => {
            let list = Tokens::new(&line.arguments).next_value();
            selected.mailbox_id = list.as_ref().and_then(mailbox_id);
        }
        _ => {}
    }
}

/// A change of the open folder that a server may tell at any time (RFC 9051 section 7.4, RFC 7162 section
/// 3.2.10).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// EXISTS: how many messages the folder holds now.
    Exists(u32),
    /// One message was removed; which one does not matter to callers that count by UID.
    Expunged,
    /// The messages with these UIDs were removed; `earlier` ones left before the folder was opened and are
    /// not in its EXISTS.
    Vanished { uids: UidSet, earlier: bool },
}

impl Change {
    /// Reads an untagged response; `None` for one that tells of no such change.
    pub(crate) fn read(reply: &Reply) -> Option<Change> {
        let Reply::Data { number, word, response } = reply else { return None };
        match (word.as_str(), number) {
            ("EXISTS", Some(number)) => Some(Change::Exists(*number)),
            ("EXPUNGE", Some(_)) => Some(Change::Expunged),
            ("VANISHED", None) => {
                let mut tokens = values(response, *number);
                let first = tokens.next_value()?;
                let earlier = first.items().iter().any(|one| one.is_word("EARLIER"));
                let set = if first.items().is_empty() { first } else { tokens.next_value()? };
                UidSet::parse(set.bytes()?).map(|uids| Change::Vanished { uids, earlier })
            }
            _ => None,
        }
    }
}

/// Reads a MAILBOXID; `None` for one that RFC 8474 section 4 does not allow.
pub(crate) fn mailbox_id(value: &Value<'_>) -> Option<String> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let [id] = value.items() else { return None };
    let id = id.text()?;
    ((1..=255).contains(&id.len()) && id.bytes().all(is_part)).then_some(id)
}
