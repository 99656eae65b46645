//! Folders as LIST shows them (RFC 9051 section 7.3.1) and the roles they play (RFC 6154).

use std::collections::HashSet;
use std::fmt;

use crate::capability::{Namespaces, delimiter};
use crate::command::Answer;
use crate::name::Naming;
use crate::reply::{Reply, values};
use crate::token::Value;
use crate::{FolderName, FolderPath, ServerFacts};

/// A folder's role (RFC 6154 section 2, RFC 8457).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpecialUse {
    /// Messages that were sent.
    Sent,
    /// Unfinished messages.
    Drafts,
    /// Messages that were deleted.
    Trash,
    /// Spam.
    Junk,
    /// Messages put away.
    Archive,
    /// All messages, a view over the other folders.
    All,
    /// Flagged messages, a view over the other folders.
    Flagged,
    /// Messages the server thinks important, a view over the other folders.
    Important,
    /// Another backslash attribute that names a role, as written.
    Other(String),
}

impl SpecialUse {
    /// Returns the role an attribute names, or `None` when it names none. XLIST's words are understood.
    pub fn from_attribute(attribute: &str) -> Option<SpecialUse> {
        let name = attribute.strip_prefix('\\')?;
        Some(match name.to_ascii_lowercase().as_str() {
            "sent" => SpecialUse::Sent,
            "drafts" => SpecialUse::Drafts,
            "trash" => SpecialUse::Trash,
            "junk" | "spam" => SpecialUse::Junk,
            "archive" => SpecialUse::Archive,
            "all" | "allmail" => SpecialUse::All,
            "flagged" | "starred" => SpecialUse::Flagged,
            "important" => SpecialUse::Important,
            // What a folder is or has, not what it is for.
            "noselect" | "nonexistent" | "noinferiors" | "haschildren" | "hasnochildren" | "marked"
            | "unmarked" | "subscribed" | "remote" | "inbox" | "" => return None,
            _ => SpecialUse::Other(attribute.to_owned()),
        })
    }

    /// Returns the attribute, such as `\Sent`.
    pub fn as_attribute(&self) -> &str {
        match self {
            SpecialUse::Sent => "\\Sent",
            SpecialUse::Drafts => "\\Drafts",
            SpecialUse::Trash => "\\Trash",
            SpecialUse::Junk => "\\Junk",
            SpecialUse::Archive => "\\Archive",
            SpecialUse::All => "\\All",
            SpecialUse::Flagged => "\\Flagged",
            SpecialUse::Important => "\\Important",
            SpecialUse::Other(attribute) => attribute,
        }
    }

    /// The attribute for CREATE, when it may stand there: another server's own attribute may not.
    pub(crate) fn settable(&self) -> Option<&str> {
        match self {
            SpecialUse::Other(_) => None,
            role => Some(role.as_attribute()),
        }
    }
}

impl fmt::Display for SpecialUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_attribute().escape_debug())
    }
}

/// One folder of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its name on this server.
    pub name: FolderName,
    /// Its place for people and other servers.
    pub path: FolderPath,
    /// Its attributes as written.
    pub attributes: Vec<String>,
    /// Its roles, in the server's order; mostly none or one.
    pub roles: Vec<SpecialUse>,
    /// Whether it can be opened; a folder that cannot only holds other folders.
    pub selectable: bool,
    /// Whether the user subscribed to it.
    pub subscribed: bool,
}

/// Reads the folders of `listed`; `subscribed` is LSUB's answer when the listing does not tell subscriptions.
pub(crate) fn read(
    listed: &Answer,
    subscribed: Option<&Answer>,
    facts: &ServerFacts,
    namespaces: &Namespaces,
) -> Vec<Folder> {
    let subscriptions: HashSet<Vec<u8>> = subscribed
        .into_iter()
        .flat_map(|answer| lines(answer, &["LSUB"]))
        // LSUB marks parents it invents for the tree with \Noselect (RFC 3501 section 6.3.9).
        .filter(|line| !has(&line.attributes, "\\Noselect"))
        .map(|line| fold_inbox(line.name))
        .collect();
    let mut folders: Vec<Folder> = Vec::new();
    let mut seen = std::collections::HashMap::new();
    for line in lines(listed, &["LIST", "XLIST"]) {
        // XLIST gives the inbox in the user's language.
        let name = if has(&line.attributes, "\\Inbox") { FolderName::inbox() } else { FolderName(line.name) };
        if !namespaces.is_own(&name) {
            continue;
        }
        let key = fold_inbox(name.0.clone());
        let naming =
            Naming { prefix: &facts.namespace_prefix, delimiter: line.delimiter.or(facts.delimiter) };
        let index = *seen.entry(key.clone()).or_insert(folders.len());
        if let Some(known) = folders.get_mut(index) {
            // Listed twice: LIST RETURN may split a folder's attributes over two lines.
            for attribute in line.attributes {
                if !has(&known.attributes, &attribute) {
                    known.attributes.push(attribute);
                }
            }
        } else {
            let path = naming.decode(&name);
            let subscribed = subscriptions.contains(&key);
            let attributes = line.attributes;
            folders.push(Folder { name, path, attributes, roles: Vec::new(), selectable: true, subscribed });
        }
    }
    for folder in &mut folders {
        folder.subscribed |= has(&folder.attributes, "\\Subscribed");
        folder.selectable =
            !has(&folder.attributes, "\\Noselect") && !has(&folder.attributes, "\\NonExistent");
        for role in folder.attributes.iter().filter_map(|attribute| SpecialUse::from_attribute(attribute)) {
            if !folder.roles.contains(&role) {
                folder.roles.push(role);
            }
        }
    }
    folders
}

struct Line {
    attributes: Vec<String>,
    delimiter: Option<char>,
    name: Vec<u8>,
}

fn lines<'a>(answer: &'a Answer, words: &'a [&'a str]) -> impl Iterator<Item = Line> + 'a {
    answer.data.iter().filter_map(move |reply| {
        let Reply::Data { number, word, response } = reply else { return None };
        if !words.contains(&word.as_str()) {
            return None;
        }
        let mut tokens = values(response, *number);
        let attributes = tokens.next_value()?.items().iter().filter_map(Value::text).collect();
        let separator = tokens.next_value()?;
        // A folder named NIL is legal, so the bytes are taken whatever they say.
        let name = tokens.next_value()?.bytes()?.to_vec();
        (!name.is_empty()).then(|| Line { attributes, delimiter: delimiter(&separator), name })
    })
}

fn has(attributes: &[String], attribute: &str) -> bool {
    attributes.iter().any(|one| one.eq_ignore_ascii_case(attribute))
}

/// The name with every spelling of INBOX made one.
pub(crate) fn fold_inbox(name: Vec<u8>) -> Vec<u8> {
    if name.eq_ignore_ascii_case(b"INBOX") { b"INBOX".to_vec() } else { name }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mailhaul_net::{Endpoint, TlsMode};

    use super::*;
    use crate::reply::{Status, StatusLine};
    use crate::scrub::Secrets;

    fn answer(lines: &[&[u8]]) -> Answer {
        let data =
            lines.iter().map(|line| Reply::read(Bytes::copy_from_slice(line), &Secrets::default())).collect();
        let line = StatusLine { status: Status::Ok, code: None, arguments: Vec::new(), text: String::new() };
        Answer { data, line }
    }

    fn facts() -> ServerFacts {
        ServerFacts::new(Endpoint::new("mail.example.org", TlsMode::Implicit))
    }

    #[test]
    fn names_in_every_form_keep_their_bytes() {
        let listed = answer(&[
            b"* LIST (\\HasNoChildren) \"/\" INBOX\r\n",
            b"* LIST () \"/\" \"quo\\\"te\\\\d\"\r\n",
            b"* LIST () \"/\" {5}\r\nlit\r\n\r\n",
            b"* LIST () \"/\" Entw&APw-rfe\r\n",
            b"* LIST () \"/\" \"8bit\xfc\"\r\n",
            b"* LIST () NIL NIL\r\n",
            b"* LIST () \"/\" broken&\r\n",
            b"* LIST (\\Noselect) \"/\" Parent/\r\n",
            b"* LIST (\\NonExistent \\HasChildren) \"/\" Ghost\r\n",
            b"* LIST () \"/\" Old (\"OLDNAME\" (\"Older\")) \r\n",
            b"* LIST () \"/\" \"\"\r\n",
            b"* LIST\r\n",
            b"* 3 EXISTS\r\n",
        ]);
        let folders = read(&listed, None, &facts(), &Namespaces::default());
        let names: Vec<&[u8]> = folders.iter().map(|folder| folder.name.0.as_slice()).collect();
        let expected: [&[u8]; 10] = [
            b"INBOX",
            b"quo\"te\\d",
            b"lit\r\n",
            b"Entw&APw-rfe",
            b"8bit\xfc",
            b"NIL",
            b"broken&",
            b"Parent/",
            b"Ghost",
            b"Old",
        ];
        assert_eq!(names, expected);
        assert_eq!(folders[3].path.to_string(), "Entw\u{fc}rfe");
        assert_eq!(folders.iter().filter(|folder| !folder.selectable).count(), 2);
    }

    #[test]
    fn roles_and_subscriptions() {
        let listed = answer(&[
            b"* LIST (\\HasNoChildren \\Sent \\Subscribed) \"/\" \"Sent Items\"\r\n",
            b"* LIST (\\HasNoChildren) \"/\" Work\r\n",
            b"* LIST (\\Flagged) \"/\" Work\r\n",
            b"* XLIST (\\AllMail) \"/\" \"[Gmail]/All\"\r\n",
            b"* XLIST (\\Inbox) \"/\" Posteingang\r\n",
            b"* LIST (\\XBulk) \"/\" Bulk\r\n",
        ]);
        let lsub = answer(&[
            b"* LSUB () \"/\" Work\r\n",
            b"* LSUB (\\Noselect) \"/\" Bulk\r\n",
            b"* LSUB () \"/\" inbox\r\n",
        ]);
        let folders = read(&listed, Some(&lsub), &facts(), &Namespaces::default());
        assert_eq!(folders.len(), 5);
        assert_eq!((folders[0].roles.as_slice(), folders[0].subscribed), (&[SpecialUse::Sent][..], true));
        assert_eq!((folders[1].roles.as_slice(), folders[1].subscribed), (&[SpecialUse::Flagged][..], true));
        assert_eq!(folders[2].roles, [SpecialUse::All]);
        assert!(folders[3].path.is_inbox() && folders[3].subscribed);
        assert_eq!(
            (folders[4].roles.as_slice(), folders[4].subscribed),
            (&[SpecialUse::Other("\\XBulk".into())][..], false)
        );
    }
}
