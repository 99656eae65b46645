//! Folders as LIST shows them (RFC 9051 section 7.3.1) and the roles they play (RFC 6154).

use std::collections::HashSet;

use crate::command::Answer;
use crate::command::capability::{Namespaces, delimiter};
use crate::session::alike::disambiguate;
use crate::syntax::reply::{Reply, values};
use crate::syntax::token::{Tokens, Value};
use crate::types::facts::ServerFacts;
use crate::types::folder::{Folder, Space, SpecialUse, placed};
use crate::types::name::{FolderName, Naming, fold_inbox};

/// Reads the folders of `listed`, and those that are `unlisted` and there all the same; `subscribed` is
/// LSUB's answer when the listing does not tell subscriptions.
pub(crate) fn read(
    listed: &Answer,
    unlisted: &[FolderName],
    subscribed: Option<&Answer>,
    facts: &ServerFacts,
    namespaces: &Namespaces,
) -> Vec<Folder> {
    let subscriptions: HashSet<Vec<u8>> = subscribed
        .into_iter()
        .flat_map(|answer| lines(answer, &["LSUB"]))
        // LSUB marks parents it invents for the tree with \Noselect (RFC 3501 section 6.3.9).
        .filter(|line| !has_attribute(&line.attributes, "\\Noselect"))
        .map(|line| fold_inbox(line.name))
        .collect();
    let mut folders: Vec<Folder> = Vec::new();
    let mut namings: Vec<Naming<'_>> = Vec::new();
    let mut seen = std::collections::HashMap::new();
    let of_list = lines(listed, &["LIST", "XLIST"]).map(|line| (line, true));
    let bare = |name: &FolderName| ListLine { attributes: Vec::new(), delimiter: None, name: name.0.clone() };
    for (line, is_listed) in of_list.chain(unlisted.iter().map(|name| (bare(name), false))) {
        // XLIST gives the inbox in the user's language.
        let name = if has_attribute(&line.attributes, "\\Inbox") {
            FolderName::inbox()
        } else {
            FolderName(line.name)
        };
        let key = fold_inbox(name.0.clone());
        let space = namespaces.space(&name);
        let prefix = if space == Space::Own { facts.namespace_prefix.as_str() } else { "" };
        let naming = Naming { prefix, delimiter: line.delimiter.or(facts.delimiter) };
        let index = *seen.entry(key.clone()).or_insert(folders.len());
        if let Some(known) = folders.get_mut(index) {
            // Listed twice: LIST RETURN may split a folder's attributes over two lines.
            for attribute in line.attributes {
                if !has_attribute(&known.attributes, &attribute) {
                    known.attributes.push(attribute);
                }
            }
        } else {
            let path = placed(naming.decode(&name), space);
            let subscribed = subscriptions.contains(&key) || !is_listed && name.is_inbox();
            let (attributes, roles) = (line.attributes, Vec::new());
            namings.push(naming);
            folders.push(Folder {
                name,
                path,
                reads: None,
                space,
                attributes,
                roles,
                selectable: true,
                subscribed,
                listed: is_listed,
            });
        }
    }
    for folder in &mut folders {
        folder.subscribed |= has_attribute(&folder.attributes, "\\Subscribed");
        folder.selectable = !has_attribute(&folder.attributes, "\\Noselect")
            && !has_attribute(&folder.attributes, "\\NonExistent");
        for role in folder.attributes.iter().filter_map(|attribute| SpecialUse::from_attribute(attribute)) {
            if !folder.roles.contains(&role) {
                folder.roles.push(role);
            }
        }
    }
    disambiguate(&mut folders, &namings);
    folders
}

/// Returns whether a folder of exactly this name is listed, one that can be opened or not.
pub(crate) fn lists_name(listed: &Answer, folder: &FolderName) -> bool {
    lines(listed, &["LIST"]).any(|line| fold_inbox(line.name) == fold_inbox(folder.0.clone()))
}

struct ListLine {
    attributes: Vec<String>,
    delimiter: Option<char>,
    name: Vec<u8>,
}

fn lines<'a>(answer: &'a Answer, words: &'a [&'a str]) -> impl Iterator<Item = ListLine> + 'a {
    answer.data.iter().filter_map(move |reply| {
        let Reply::Data { number, word, response } = reply else { return None };
        if !words.contains(&word.as_str()) {
            return None;
        }
        let mut tokens = values(response, *number);
        let attributes = tokens.next_value()?.items().iter().filter_map(Value::text).collect();
        // `"\"` with the backslash not escaped, which a reader of strings would not see the end of.
        let bare = tokens.rest().trim_ascii_start().strip_prefix(br#""\" "#);
        let separator = match bare {
            Some(behind) => {
                tokens = Tokens::new(behind);
                Some('\\')
            }
            None => delimiter(&tokens.next_value()?),
        };
        // Extended data is a tag and its value, by pairs (RFC 5258 section 6).
        let extended = |items: &[Value<'_>]| matches!(items, [_, Value::List(_), ..]);
        let name = read_name(&mut tokens, extended)?;
        (!name.is_empty()).then_some(ListLine { attributes, delimiter: separator, name })
    })
}

/// Reads a folder's name. One without quotes goes on to the end of the line, whatever is in it, or to a list
/// in parentheses there that `ends` it: servers send names with blanks, tabs and parentheses so. What is
/// behind it is left.
pub(crate) fn read_name<'a>(tokens: &mut Tokens<'a>, ends: impl Fn(&[Value<'_>]) -> bool) -> Option<Vec<u8>> {
    let rest = tokens.rest();
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    let rest = rest.get(blanks..).unwrap_or_default();
    let line = rest.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    // A literal's announcement is the whole of its line.
    let literal = line.starts_with(b"~{")
        || (line.starts_with(b"{") && line.ends_with(b"}") && line.len() < rest.len());
    if line.starts_with(b"\"") || literal {
        return Some(tokens.next_value()?.bytes()?.to_vec());
    }
    let list_at = |at: &usize| {
        let mut values = Tokens::new(line.get(*at..).unwrap_or_default());
        let list = values.next_value();
        list.is_some_and(|list| matches!(&list, Value::List(items) if ends(items)))
            && values.next_value().is_none()
    };
    let end = memchr::memmem::find_iter(line, b" (").find(list_at).unwrap_or(line.len());
    let (name, behind) = (line.get(..end).unwrap_or_default(), line.get(end..).unwrap_or_default());
    *tokens = Tokens::new(behind);
    // A folder named NIL is legal, so the bytes are taken whatever they say.
    let name = name.trim_ascii_end();
    Some(name.to_vec())
}

fn has_attribute(attributes: &[String], attribute: &str) -> bool {
    attributes.iter().any(|one| one.eq_ignore_ascii_case(attribute))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mailhaul_net::{Endpoint, TlsMode};

    use super::*;
    use crate::syntax::reply::{Status, StatusLine};
    use crate::syntax::scrub::Secrets;

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
        let folders = read(&listed, &[], None, &facts(), &Namespaces::default());
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
    fn names_without_quotes_go_on_to_the_end_of_the_line() {
        let listed = answer(&[
            b"* LIST (\\HasNoChildren) \"\\\\\" Kunden\\Alt 1\r\n",
            b"* LIST () \"\\\" Kunden\\Alt 2\r\n",
            b"* LIST () \"/\" Da\tOggetto\tRicevuto\r\n",
            b"* LIST () \"/\" Liste (1999-2007)\r\n",
            b"* LIST () \"/\" Old one (\"OLDNAME\" (\"Older\")) \r\n",
            b"* LIST () \"/\" it's 5\" wide\r\n",
            b"* LIST ()  \"/\"  Two blanks \r\n",
            b"* LIST () NIL Flat (a) b\r\n",
        ]);
        let folders = read(&listed, &[], None, &facts(), &Namespaces::default());
        let names: Vec<&[u8]> = folders.iter().map(|folder| folder.name.0.as_slice()).collect();
        let expected: [&[u8]; 8] = [
            b"Kunden\\Alt 1",
            b"Kunden\\Alt 2",
            b"Da\tOggetto\tRicevuto",
            b"Liste (1999-2007)",
            b"Old one",
            b"it's 5\" wide",
            b"Two blanks",
            b"Flat (a) b",
        ];
        assert_eq!(names, expected);
        assert_eq!([&folders[0].path, &folders[1].path].map(|path| path.0.len()), [2, 2]);
    }

    #[test]
    fn folders_outside_the_personal_namespace_are_listed_from_the_root() {
        let namespaces = answer(&[b"* NAMESPACE ((\"INBOX.\" \".\")) ((\"user.\" \".\")) NIL\r\n"]);
        let namespaces = Namespaces::read(&namespaces).unwrap();
        let facts = ServerFacts { namespace_prefix: "INBOX.".into(), delimiter: Some('.'), ..facts() };
        let listed = answer(&[
            b"* LIST () \".\" INBOX\r\n",
            b"* LIST () \".\" INBOX.Sent\r\n",
            b"* LIST () \".\" Sent\r\n",
            b"* LIST () \".\" Archive.2019\r\n",
            b"* LIST () \".\" user.bob.INBOX\r\n",
            b"* LIST () \".\" INBOX.INBOX\r\n",
        ]);
        let folders = read(&listed, &[], None, &facts, &namespaces);
        let shown: Vec<(String, Space)> = folders.iter().map(|f| (f.path.to_string(), f.space)).collect();
        let expected = [
            ("INBOX", Space::Own),
            ("Sent", Space::Own),
            ("/Sent", Space::Beside),
            ("/Archive/2019", Space::Beside),
            ("/user/bob/INBOX", Space::Foreign),
            ("INBOX/INBOX", Space::Own),
        ];
        assert_eq!(shown, expected.map(|(path, space)| (path.to_owned(), space)));
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
        let folders = read(&listed, &[], Some(&lsub), &facts(), &Namespaces::default());
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
