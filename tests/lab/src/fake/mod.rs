//! An IMAP server of the laboratory's own, with one account in memory and misbehaviours to be switched on: it answers
//! as real servers were seen to answer, which the real ones here cannot be made to do.
//!
//! Clear text on loopback; any name and password is let in. Every hook is called under the store's lock, one command
//! at a time over all connections.

mod command;
mod session;
mod store;

use std::io::BufReader;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

pub use store::{Folder, Message, Store};

/// What comes of one message of an APPEND.
#[derive(Debug, Clone)]
pub enum Take {
    /// It is stored and acknowledged, with APPENDUID where UIDPLUS is told.
    Store,
    /// It is stored, and this is the tagged answer, without the tag.
    StoreAndSay(String),
    /// It is not stored, and this is the tagged answer, without the tag.
    Say(String),
    /// The connection ends without an answer; the message is stored if so said.
    Hangup {
        /// Whether it is stored before.
        stored: bool,
    },
}

/// How one message is given to a FETCH of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Give {
    /// As it is.
    Whole,
    /// The answer has every item but the text.
    WithoutText,
    /// The text is `NIL`.
    Nil,
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
    /// No answer for it, and the whole FETCH ends with OK.
    Silent,
    /// The literal is announced with so many bytes more than come, or fewer.
    Announced(i64),
}

/// What comes of a command before it is looked at.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It is carried out.
    Go,
    /// This is the tagged answer, without the tag.
    Say(String),
    /// This is said untagged, and the connection ends.
    Bye(String),
}

/// A message on its way in.
#[derive(Debug)]
pub struct Incoming<'a> {
    /// The folder, as spelt.
    pub folder: &'a str,
    /// The message.
    pub body: &'a [u8],
    /// What the store holds.
    pub store: &'a mut Store,
}

impl Incoming<'_> {
    /// Whether the text occurs in the message.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        contains(self.body, text.as_bytes())
    }
}

pub(crate) fn contains(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len()).any(|part| part == text)
}

/// Judges each message that comes in.
pub type OnAppend = Box<dyn FnMut(&mut Incoming<'_>) -> Take + Send>;
/// Judges each message that is asked for.
pub type OnFetch = Box<dyn FnMut(&Message) -> Give + Send>;
/// Whether a message is named where lists are asked for.
pub type OnList = Box<dyn FnMut(&Message) -> bool + Send>;
/// Judges each command by its line without the tag; literals are shown as `{n}`.
pub type OnCommand = Box<dyn FnMut(&str) -> Verdict + Send>;

/// How the server behaves.
pub struct Manners {
    /// What CAPABILITY tells.
    pub capability: String,
    /// What NAMESPACE tells: personal ones, other users', shared ones.
    pub namespaces: String,
    /// Keywords that are kept besides the system flags; `None` for all.
    pub keywords: Option<Vec<String>>,
    /// A flag that is not kept makes APPEND fail with BAD rather than being dropped.
    pub strict_flags: bool,
    /// A second message in one APPEND is not understood, whatever CAPABILITY tells.
    pub no_batches: bool,
    /// Lines nobody asked for come before every continuation and every tagged answer.
    pub chatty: bool,
    /// Judges messages that come in.
    pub on_append: OnAppend,
    /// Judges messages that are asked for.
    pub on_fetch: OnFetch,
    /// Leaves messages out of the answers to a FETCH without text; counts and searches have them.
    pub on_list: OnList,
    /// Judges commands.
    pub on_command: OnCommand,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            capability: "IMAP4rev1 LITERAL+ UIDPLUS NAMESPACE".to_owned(),
            namespaces: "((\"\" \"/\")) NIL NIL".to_owned(),
            keywords: None,
            strict_flags: false,
            no_batches: false,
            chatty: false,
            on_append: Box::new(|_| Take::Store),
            on_fetch: Box::new(|_| Give::Whole),
            on_list: Box::new(|_| true),
            on_command: Box::new(|_| Verdict::Go),
        }
    }
}

pub(crate) struct Inside {
    pub(crate) store: Store,
    pub(crate) manners: Manners,
    /// Every command line heard, literals left out.
    pub(crate) heard: Vec<String>,
    connections: Vec<TcpStream>,
}

/// A running server; its threads end with their connections and the process.
#[derive(Clone)]
pub struct Fake {
    /// Where to connect to.
    pub port: u16,
    inside: Arc<Mutex<Inside>>,
}

impl Fake {
    /// Starts one with an empty INBOX.
    ///
    /// # Panics
    /// When no port can be bound.
    #[must_use]
    pub fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a port for a server");
        let port = listener.local_addr().expect("the server's port").port();
        let inside = Inside { store: Store::new(), manners, heard: Vec::new(), connections: Vec::new() };
        let inside = Arc::new(Mutex::new(inside));
        let this = Self { port, inside };
        let own = this.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Ok(copy) = stream.try_clone() else { continue };
                own.lock().connections.push(copy);
                let inside = Arc::clone(&own.inside);
                stream.set_nodelay(true).ok();
                thread::spawn(move || {
                    let Ok(writer) = stream.try_clone() else { return };
                    // An error is a client that is gone.
                    session::serve(BufReader::new(&stream), writer, &inside).ok();
                    stream.shutdown(Shutdown::Both).ok();
                });
            }
        });
        this
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("the server's state")
    }

    /// Looks at what is stored, or changes it behind everybody's back.
    ///
    /// # Panics
    /// When a hook has panicked.
    pub fn store<T>(&self, with: impl FnOnce(&mut Store) -> T) -> T {
        with(&mut self.lock().store)
    }

    /// Changes how it behaves from now on.
    ///
    /// # Panics
    /// When a hook has panicked.
    pub fn manners(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.lock().manners);
    }

    /// Every command line heard so far, without tags and literals; `LOGIN`'s arguments are left out.
    ///
    /// # Panics
    /// When a hook has panicked.
    #[must_use]
    pub fn heard(&self) -> Vec<String> {
        self.lock().heard.clone()
    }

    /// Forgets what was heard.
    ///
    /// # Panics
    /// When a hook has panicked.
    pub fn forget(&self) {
        self.lock().heard.clear();
    }

    /// Breaks every connection that is open.
    ///
    /// # Panics
    /// When a hook has panicked.
    pub fn cut(&self) {
        for connection in self.lock().connections.drain(..) {
            connection.shutdown(Shutdown::Both).ok();
        }
    }
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fake").field("port", &self.port).finish_non_exhaustive()
    }
}
