//! What a server says about itself: capabilities, identity, namespaces, limits.

use crate::command::Answer;
use crate::syntax::reply::{Reply, values};
use crate::syntax::token::{Tokens, Value};
use crate::types::facts::ServerFacts;
use crate::types::folder::Space;
use crate::types::name::FolderName;

/// More pairs than this in an ID answer are not kept.
const MAX_ID_FIELDS: usize = 32;

impl ServerFacts {
    /// Takes over the capabilities in `answer`, if it holds any: untagged data or a CAPABILITY code.
    pub(crate) fn read_capabilities(&mut self, answer: &Answer) -> bool {
        let data = answer.data.iter().rev().find_map(|reply| match reply {
            Reply::Data { number, word, response } if word == "CAPABILITY" => {
                Some(words(values(response, *number)))
            }
            _ => None,
        });
        let code = || {
            let lines: Vec<_> =
                answer.status_lines().filter(|line| line.code.as_deref() == Some("CAPABILITY")).collect();
            lines.last().map(|line| words(Tokens::new(&line.arguments)))
        };
        let Some(found) = data.or_else(code) else { return false };
        self.capabilities = found;
        self.append_limit = self.capabilities.iter().find_map(|one| {
            let (name, value) = one.split_once('=')?;
            if name.eq_ignore_ascii_case("APPENDLIMIT") { value.parse().ok() } else { None }
        });
        true
    }

    /// Takes over the pairs that ID was answered with (RFC 2971 section 3.2), at most [`MAX_ID_FIELDS`].
    pub(crate) fn read_id(&mut self, answer: &Answer) {
        let found = answer.data.iter().find_map(|reply| match reply {
            Reply::Data { number, word, response } if word == "ID" => values(response, *number).next_value(),
            _ => None,
        });
        let pairs = found.as_ref().map(Value::items).unwrap_or_default().chunks(2).take(MAX_ID_FIELDS);
        self.id = pairs
            .filter_map(|pair| match pair {
                [name, value] => Some((name.text()?.to_lowercase(), value.text()?)),
                _ => None,
            })
            .collect();
    }
}

/// What a session was told by its server while it was set up, for further connections with the same log-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownServer {
    pub(crate) facts: ServerFacts,
    pub(crate) namespaces: Namespaces,
    /// The capabilities that the log-in's OK listed; empty when it listed none.
    pub(crate) offered: Vec<String>,
}

fn words(tokens: Tokens<'_>) -> Vec<String> {
    tokens.filter_map(|value| value.text()).take(1000).collect()
}

/// One namespace of the server (RFC 2342 section 5): its raw prefix and its delimiter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Namespace {
    pub(crate) prefix: Vec<u8>,
    pub(crate) delimiter: Option<char>,
}

/// The answer to NAMESPACE: those of the user, and those of others and of all together (RFC 2342).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Namespaces {
    pub(crate) personal: Vec<Namespace>,
    pub(crate) foreign: Vec<Namespace>,
}

impl Namespaces {
    /// Reads `* NAMESPACE personal other shared`; each is NIL or a list, extensions are passed over.
    pub(crate) fn read(answer: &Answer) -> Option<Namespaces> {
        answer.data.iter().find_map(|reply| match reply {
            Reply::Data { number, word, response } if word == "NAMESPACE" => {
                let mut groups = values(response, *number);
                let personal = groups.next_value().map(|group| namespaces(&group))?;
                let foreign = groups.flat_map(|group| namespaces(&group)).collect();
                Some(Namespaces { personal, foreign })
            }
            _ => None,
        })
    }

    /// Whether `name` is the user's own: in a personal namespace and in no longer prefix of somebody else's.
    pub(crate) fn is_own(&self, name: &FolderName) -> bool {
        self.space(name) == Space::Own
    }

    /// Returns whose a folder of this name is; `Beside` where no namespace covers it.
    pub(crate) fn space(&self, name: &FolderName) -> Space {
        if self.is_personal(name) {
            return Space::Own;
        }
        // `Shared/` is somebody else's for sure; a prefix `S` may be the beginning of the user's own names as
        // well.
        let whole = |space: &&Namespace| {
            space.prefix == name.0 || space.prefix.last().is_none_or(|last| !last.is_ascii_alphanumeric())
        };
        let foreign = self.foreign.iter().filter(whole).any(|space| is_below(&name.0, space));
        if foreign { Space::Foreign } else { Space::Beside }
    }

    fn is_personal(&self, name: &FolderName) -> bool {
        let longest = |list: &[Namespace]| {
            let fits = list.iter().filter(|space| is_below(&name.0, space)).map(|space| space.prefix.len());
            fits.max()
        };
        // Names such as `#news.` live beside the mailbox, not in it.
        if name.is_inbox() || self.personal.is_empty() {
            return name.is_inbox() || longest(&self.foreign).is_none();
        }
        match (longest(&self.personal), longest(&self.foreign)) {
            (Some(own), Some(foreign)) => own >= foreign,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }
}

fn is_below(name: &[u8], space: &Namespace) -> bool {
    // A prefix `Shared/` also covers the folder `Shared` itself, which servers list as its parent.
    let bare = space.delimiter.and_then(|delimiter| {
        let mut end = [0; 4];
        space.prefix.strip_suffix(delimiter.encode_utf8(&mut end).as_bytes())
    });
    let inbox =
        space.prefix.len() >= 5 && space.prefix.get(..5).is_some_and(|p| p.eq_ignore_ascii_case(b"INBOX"));
    let head = name.get(..space.prefix.len());
    head == Some(&space.prefix[..])
        || bare == Some(name)
        || inbox && head.is_some_and(|head| head.eq_ignore_ascii_case(&space.prefix))
}

fn namespaces(group: &Value<'_>) -> Vec<Namespace> {
    let read = |space: &Value<'_>| {
        let prefix = space.items().first()?.string()?.to_vec();
        let delimiter = space.items().get(1).and_then(delimiter);
        Some(Namespace { prefix, delimiter })
    };
    group.items().iter().take(100).filter_map(read).collect()
}

/// The hierarchy delimiter in a LIST or NAMESPACE response: one ASCII character, or none.
pub(crate) fn delimiter(value: &Value<'_>) -> Option<char> {
    match value.string()? {
        [byte] if byte.is_ascii_graphic() || *byte == b' ' => Some(char::from(*byte)),
        // Some servers forget to escape: `"\"` reads as two characters, or doubled as hMailServer sends it.
        [b'\\', b'\\'] => Some('\\'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use mailhaul_net::{Endpoint, TlsMode};

    use super::*;
    use crate::syntax::reply::{Status, StatusLine};
    use crate::syntax::scrub::Secrets;

    fn answer(lines: &[&str]) -> Answer {
        let data = lines
            .iter()
            .map(|line| Reply::read(Bytes::copy_from_slice(line.as_bytes()), &Secrets::default()))
            .collect();
        let line = StatusLine { status: Status::Ok, code: None, arguments: Vec::new(), text: String::new() };
        Answer { data, line }
    }

    fn facts() -> ServerFacts {
        ServerFacts::new(Endpoint::new("mail.example.org", TlsMode::Implicit))
    }

    #[test]
    fn capabilities_in_every_form() {
        let mut facts = facts();
        assert!(
            facts.read_capabilities(&answer(&["* CAPABILITY  IDLE appendlimit=35651584  Literal+ \r\n"]))
        );
        assert!(facts.has("LITERAL+") && facts.has("idle") && !facts.has("IMAP4rev1"));
        assert_eq!(facts.append_limit, Some(35_651_584));
        assert!(facts.read_capabilities(&answer(&["* OK [CAPABILITY IMAP4rev1 ID] hi\r\n"])));
        assert_eq!(facts.capabilities, ["IMAP4rev1", "ID"]);
        assert_eq!(facts.append_limit, None);
        assert!(!facts.read_capabilities(&answer(&["* OK hi\r\n"])));
        assert!(facts.has("ID"), "kept");
    }

    #[test]
    fn id_in_every_form() {
        let mut facts = facts();
        facts.read_id(&answer(&["* ID (\"NAME\" \"Dovecot\" \"version\" NIL {2}\r\nos \"x\")\r\n"]));
        assert_eq!(facts.id, [("name".to_owned(), "Dovecot".to_owned()), ("os".to_owned(), "x".to_owned())]);
        facts.read_id(&answer(&["* ID NIL\r\n"]));
        assert!(facts.id.is_empty());
    }

    #[test]
    fn namespaces_in_every_form() {
        let spaces = Namespaces::read(&answer(&[
            "* NAMESPACE ((\"INBOX.\" \".\" \"X-PARAM\" (\"a\" \"b\"))) ((\"user.\" \".\")) ((\"Shared/\" \"/\")(\"#news.\" NIL))\r\n",
        ]))
        .unwrap();
        assert_eq!(spaces.personal, [Namespace { prefix: b"INBOX.".to_vec(), delimiter: Some('.') }]);
        let own = |name: &str| spaces.is_own(&FolderName(name.as_bytes().to_vec()));
        assert!(own("INBOX") && own("inbox") && own("INBOX.Sent") && own("Inbox.Sent"));
        assert!(!own("user.bob") && !own("Shared") && !own("Shared/x") && !own("#news.a") && !own("Other"));
        let space = |name: &str| spaces.space(&FolderName(name.as_bytes().to_vec()));
        assert_eq!(["user.bob", "Shared", "#news.a"].map(space), [Space::Foreign; 3]);
        assert_eq!(["Other", "Sent", "userbob"].map(space), [Space::Beside; 3]);

        let nil = Namespaces::read(&answer(&["* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"])).unwrap();
        assert!(nil.foreign.is_empty() && nil.is_own(&FolderName(b"Work".to_vec())));
        let plain =
            Namespaces::read(&answer(&["* NAMESPACE ((\"\" \"/\")) ((\"~\" \"/\")) NIL\r\n"])).unwrap();
        assert_eq!(plain.space(&FolderName(b"~bob/x".to_vec())), Space::Foreign);
        let short =
            Namespaces::read(&answer(&["* NAMESPACE ((\"\" \"/\")) NIL ((\"S\" \"/\"))\r\n"])).unwrap();
        assert_eq!(short.space(&FolderName(b"Sent".to_vec())), Space::Beside);
        assert_eq!(Namespaces::read(&answer(&["* OK\r\n"])), None);
    }
}
