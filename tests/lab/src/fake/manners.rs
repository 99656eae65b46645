//! How the server of the laboratory's own behaves: the hooks that judge what comes, and what they may answer.

use std::time::Duration;

use super::{Message, Store};

/// What the server does with one message of an APPEND.
#[derive(Debug, Clone)]
pub enum Take {
    /// It is stored and acknowledged, with APPENDUID where UIDPLUS is told.
    Store,
    /// It is stored, and this is the tagged answer, without the tag.
    StoreAndSay(String),
    /// It is acknowledged as if it was stored, and shows only after this time.
    Late(Duration),
    /// It is not stored, and this is the tagged answer, without the tag.
    Say(String),
    /// There is never an answer, and the connection stays open; the message is stored if so said.
    Never {
        /// Whether the message is stored all the same.
        stored: bool,
    },
    /// It is not stored, and this is said untagged in place of an answer, which never comes.
    Untagged(String),
    /// The connection ends without an answer; the message is stored if so said.
    Hangup {
        /// Whether the message is stored all the same.
        stored: bool,
    },
}

/// How one message is given to a FETCH of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Give {
    /// The whole text as it is stored.
    Whole,
    /// The answer has every item but the text.
    WithoutText,
    /// The text is `NIL`.
    Nil,
    /// The text has no byte.
    Empty,
    /// The text is so much shorter than RFC822.SIZE says.
    Short(usize),
    /// The text is so much longer than RFC822.SIZE says.
    Long(usize),
    /// No answer for it, and the whole FETCH ends with NO.
    No,
    /// As `No`, with BAD: hoodiecrow does it when one message overflows its parser.
    Bad,
    /// It is expunged at this moment: no answer, and EXPUNGE after the command.
    Vanish,
    /// The connection ends in the middle of the text.
    Hangup,
    /// The connection ends instead of the answer.
    Close,
    /// `* BYE` with these words instead of the answer, and the connection ends.
    Bye(&'static str),
    /// There is never an answer, and the connection stays open.
    Never,
    /// No answer for it, and the whole FETCH ends with OK.
    Silent,
    /// In its place comes what a server says of a message it cannot convert.
    StandIn,
    /// The literal is announced with so many bytes more than come, or fewer.
    Announced(i64),
}

/// What the server does about a command before it looks at its arguments.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It is carried out as a good server does.
    Go,
    /// It is not carried out, and this is the tagged answer, without the tag.
    Say(String),
    /// `* BYE` with this text, and the connection ends.
    Bye(String),
    /// There is never an answer, and the connection stays open.
    Never,
    /// It is carried out after so long.
    Later(Duration),
    /// The answer never ends.
    Endless {
        /// The time between two pieces of it.
        every: Duration,
        /// Makes the n-th piece, from 0 on.
        say: fn(u64) -> Vec<u8>,
    },
    /// It is carried out after the server has said so often that it is still there.
    Work {
        /// How often it says so.
        said: u32,
        /// The time between two of these lines.
        every: Duration,
    },
    /// There is never an answer, and what the client sends is taken slowly.
    Sip {
        /// How many bytes are taken at a time.
        bytes: usize,
        /// The time between two such helpings.
        every: Duration,
    },
}

/// A message on its way in. What a hook changes of it is what is stored.
#[derive(Debug)]
pub struct Incoming<'a> {
    /// The folder's name as it is spelt on the wire.
    pub folder: &'a str,
    /// Flags as sent, without those that this server never keeps.
    pub flags: &'a mut Vec<String>,
    /// INTERNALDATE as the client sent it; empty when it sent none.
    pub date: &'a mut String,
    /// The text of the message.
    pub body: &'a mut Vec<u8>,
    /// What the account holds before this message.
    pub store: &'a mut Store,
}

impl Incoming<'_> {
    /// Returns whether this text occurs anywhere in the message.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        super::contains(self.body, text.as_bytes())
    }
}

/// Decides what becomes of each message that is appended.
pub type OnAppend = Box<dyn FnMut(&mut Incoming<'_>) -> Take + Send>;
/// Decides how each message's text is given.
pub type OnFetch = Box<dyn FnMut(&Message) -> Give + Send>;
/// Whether a message is named where lists are asked for.
pub type OnList = Box<dyn FnMut(&Message) -> bool + Send>;
/// Judges each command by its line without the tag; literals are shown as `{n}`.
pub type OnCommand = Box<dyn FnMut(&str) -> Verdict + Send>;
/// Changes what is said in answer to a command, as bytes, the tagged line included.
pub type OnAnswer = Box<dyn FnMut(&str, &mut Vec<u8>) + Send>;

/// How a fake server behaves: figures it tells of itself, habits, and hooks. The default is a good server.
pub struct Manners {
    /// What CAPABILITY tells. `UIDPLUS`, `MOVE` and `CONDSTORE` in it are lived up to.
    pub capability: String,
    /// What NAMESPACE tells: personal ones, other users', shared ones.
    pub namespaces: String,
    /// Keywords that are kept besides the system flags; `None` for all.
    pub keywords: Option<Vec<String>>,
    /// A flag that is not kept makes APPEND fail with BAD rather than being dropped.
    pub strict_flags: bool,
    /// Names of folders that differ in the case of ASCII letters only are one folder.
    pub folds_case: bool,
    /// What is made of a folder's name in a command: servers take blanks away, and compose accents.
    pub reads_name: fn(&str) -> String,
    /// A command that [`on_command`](Self::on_command) refuses is repeated in the answer, log-ins included.
    pub repeats_commands: bool,
    /// A second message in one APPEND is not understood, whatever CAPABILITY tells.
    pub no_batches: bool,
    /// A FETCH of more texts than this is answered with BYE.
    pub most_texts: usize,
    /// So is a FETCH of more messages than this without their texts.
    pub most_listed: usize,
    /// In this folder a FETCH of messages without their texts is answered so.
    pub refuses_lists: Option<(String, String)>,
    /// A client of which nothing is heard for so long is told BYE.
    pub hangs_up_after: Option<Duration>,
    /// Lines nobody asked for come before every continuation and every tagged answer.
    pub chatty: bool,
    /// Asked about each message of an APPEND.
    pub on_append: OnAppend,
    /// Asked about each message whose text is fetched.
    pub on_fetch: OnFetch,
    /// Leaves messages out of the answers to a FETCH without text; counts and searches have them.
    pub on_list: OnList,
    /// Asked about each command before it is carried out.
    pub on_command: OnCommand,
    /// May change the bytes of each answer before they are sent.
    pub on_answer: OnAnswer,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            capability: "IMAP4rev1 LITERAL+ UIDPLUS NAMESPACE".to_owned(),
            namespaces: "((\"\" \"/\")) NIL NIL".to_owned(),
            keywords: None,
            strict_flags: false,
            folds_case: false,
            reads_name: str::to_owned,
            repeats_commands: false,
            no_batches: false,
            most_texts: usize::MAX,
            most_listed: usize::MAX,
            refuses_lists: None,
            hangs_up_after: None,
            chatty: false,
            on_append: Box::new(|_| Take::Store),
            on_fetch: Box::new(|_| Give::Whole),
            on_list: Box::new(|_| true),
            on_command: Box::new(|_| Verdict::Go),
            on_answer: Box::new(|_, _| {}),
        }
    }
}

impl Manners {
    /// Those of a server that tells these capabilities, and behaves.
    #[must_use]
    pub fn of(capability: &str) -> Self {
        Self { capability: capability.to_owned(), ..Self::default() }
    }

    /// Returns whether CAPABILITY lists this word.
    #[must_use]
    pub fn tells(&self, capability: &str) -> bool {
        self.capability.split(' ').any(|word| word == capability)
    }
}
