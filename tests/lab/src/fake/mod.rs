//! An IMAP server of the laboratory's own, with one account in memory and misbehaviours to be switched on: it
//! answers as real servers were seen to answer, which the real ones here cannot be made to do.
//!
//! Clear text, on a port of the loopback for tests through the binary ([`Fake::start`]) or over streams in
//! memory for tests of the engine ([`Fake::in_memory`]); any name and password is let in. Every hook is
//! called under the store's lock, one command at a time over all connections. Nothing waits: what shows late
//! does so by tokio's clock, which a test may move.

mod allowance;
mod append;
mod change;
mod command;
mod fetch;
mod manners;
mod misbehaviour;
mod session;
mod store;
#[cfg(test)]
mod tests;

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub use allowance::{Allowance, Allowed, Counted};
pub use manners::{Give, Incoming, Manners, OnAnswer, OnAppend, OnCommand, OnFetch, OnList, Take, Verdict};
pub use misbehaviour::{End, Misbehaviour, TABLE, THE_ONE, mail, rows};
pub use store::{Folder, Message, Store};

/// Whoever sends so many commands to a server in memory goes round in a circle: its test fails instead of
/// never ending.
const MOST_COMMANDS: usize = 20_000;
/// What a stream in memory holds before its writer has to wait, as a socket's buffers would.
const BUFFER: usize = 256 << 10;

pub(crate) fn contains(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len()).any(|part| part == text)
}

struct State {
    store: Store,
    manners: Manners,
    /// Every command line heard, its literals left out.
    heard: Vec<String>,
    /// The number of commands after which it panics.
    most: usize,
    connections: Vec<AbortHandle>,
}

/// A running server; it ends with its connections and the process.
#[derive(Clone)]
pub struct Fake {
    /// Where to connect to; 143 in memory, where nobody dials.
    pub port: u16,
    state: Arc<Mutex<State>>,
}

impl Fake {
    /// One with an empty INBOX, to be reached with [`connect`](Self::connect) only.
    #[must_use]
    pub fn in_memory(manners: Manners) -> Self {
        let (store, most) = (Store::new(), MOST_COMMANDS);
        let state = State { store, manners, heard: Vec::new(), most, connections: Vec::new() };
        Self { port: 143, state: Arc::new(Mutex::new(state)) }
    }

    /// Starts one with an empty INBOX on a port of the loopback, with a thread of its own.
    ///
    /// # Panics
    /// When no port can be bound.
    #[must_use]
    pub fn start(manners: Manners) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime for a server");
        let listener =
            runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("bind a port for a server");
        let port = listener.local_addr().expect("the server's port").port();
        let this = Self { port, ..Self::in_memory(manners) };
        this.lock().most = usize::MAX;
        let own = this.clone();
        thread::spawn(move || {
            runtime.block_on(async {
                loop {
                    // One that is gone before it is accepted is no reason to stop.
                    let Ok((stream, _)) = listener.accept().await else { continue };
                    stream.set_nodelay(true).ok();
                    own.serve(stream);
                }
            });
        });
        this
    }

    /// A connection, served by a task of the current runtime.
    ///
    /// # Panics
    /// Outside a runtime.
    #[must_use]
    pub fn connect(&self) -> DuplexStream {
        let (near, far) = duplex(BUFFER);
        self.serve(far);
        near
    }

    fn serve(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let state = Arc::clone(&self.state);
        let task = tokio::spawn(async move {
            // An error is a client that is gone.
            let _gone: io::Result<()> = session::serve(stream, &state).await;
        });
        self.lock().connections.push(task.abort_handle());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the server's state")
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

    /// Hears so many commands before it takes them for a circle.
    ///
    /// # Panics
    /// When a hook has panicked.
    pub fn hear_at_most(&self, commands: usize) {
        self.lock().most = commands;
    }

    /// Breaks every connection that is open.
    ///
    /// # Panics
    /// When a hook has panicked.
    pub fn cut(&self) {
        for connection in self.lock().connections.drain(..) {
            connection.abort();
        }
    }
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fake").field("port", &self.port).finish_non_exhaustive()
    }
}
