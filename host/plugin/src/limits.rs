//! How much a plugin may use, and why that much.

use std::time::Duration;

use crate::kind::Kind;

/// What one call of a plugin may use, and the compiling of one component. Every call gets a new instance, so
/// nothing adds up over a run.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Linear memory in bytes, all memories of the instance together.
    ///
    /// 64 MiB: the largest table of mailboxes allowed (a million rows) takes the `csv` plugin 30.
    pub memory: usize,
    /// Time the guest itself may compute. Waiting for the host is not counted.
    ///
    /// 2 s: mapping 500 folders takes less than a millisecond, so this is an endless loop.
    pub cpu: Duration,
    /// Time from the call to its answer, waiting included.
    ///
    /// 30 s: mappers and profiles wait for nothing.
    pub wall: Duration,
    /// As [`wall`](Self::wall), for sources and provisioners.
    ///
    /// 5 min: a page may take several requests to somebody else's API.
    pub api_wall: Duration,
    /// Time to compile a component.
    ///
    /// 2 min: a Python plugin of 18 MB takes 4 s, ten times that on a busy machine.
    pub compile: Duration,
    /// Address space of the child that compiles, in bytes.
    ///
    /// 4 GiB: a Python plugin takes half of it.
    pub compile_memory: u64,
    /// As [`cpu`](Self::cpu), for validators.
    ///
    /// 20 s: their work grows with the mailbox; 100,000 messages take 0.2 s.
    pub validator_cpu: Duration,
    /// As [`wall`](Self::wall), for validators.
    ///
    /// 30 min: they wait for both servers, which may have to read every message of a mailbox.
    pub validator_wall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 << 20,
            cpu: Duration::from_secs(2),
            wall: Duration::from_secs(30),
            api_wall: Duration::from_secs(5 * 60),
            compile: Duration::from_secs(120),
            compile_memory: 4 << 30,
            validator_cpu: Duration::from_secs(20),
            validator_wall: Duration::from_secs(30 * 60),
        }
    }
}

/// The limits of one call, chosen by its kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Bytes of linear memory.
    pub(crate) memory: usize,
    /// Time the guest itself may compute.
    pub(crate) cpu: Duration,
    /// Time from the call to its answer.
    pub(crate) wall: Duration,
}

impl Limits {
    pub(crate) fn budget(&self, kind: Kind) -> Budget {
        let (cpu, wall) = match kind {
            Kind::FolderMapper | Kind::ServerProfile => (self.cpu, self.wall),
            Kind::MailboxSource | Kind::MailboxProvisioner => (self.cpu, self.api_wall),
            Kind::Validator => (self.validator_cpu, self.validator_wall),
        };
        Budget { memory: self.memory, cpu, wall }
    }

    /// For the instance that is made once after compiling and asked nothing.
    pub(crate) fn start_budget(&self) -> Budget {
        Budget { memory: self.memory, cpu: self.cpu.min(START_CPU), wall: self.wall }
    }
}

/// Most time an instance may compute while it starts, whatever its calls may: what a call does is not done
/// there.
const START_CPU: Duration = Duration::from_secs(2);

/// Largest component file in bytes: Python and JavaScript plugins have 2 to 20 MB.
pub(crate) const MAX_COMPONENT: u64 = 64 << 20;

/// Largest native code of a component in bytes: eight times the largest component.
pub(crate) const COMPILED: u64 = 512 << 20;

/// Bytes of native code that are kept between runs: a dozen Python plugins.
pub(crate) const KEPT: u64 = COMPILED;

/// How often the epoch advances, and so how exactly `cpu` is kept.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// The guest's stack in bytes. Deep recursion is a trap, never a crash of the host.
pub(crate) const WASM_STACK: usize = 512 << 10;

/// The fiber a guest and the host functions it calls run on: the guest's stack and room for ours.
pub(crate) const FIBER_STACK: usize = 2 << 20;

/// Bytes a guest may hand over in one call or answer: the largest honest one is a page of 5,000
/// mailboxes with 2 KiB each.
pub(crate) const HOSTCALL_BYTES: usize = 16 << 20;

/// Handles a call may hold: 4,096 rows with four secrets each.
pub(crate) const HANDLES: usize = 16_384;

/// Table elements of an instance: a Rust plugin has some hundred functions, a Python one some 10,000.
pub(crate) const TABLE_ELEMENTS: usize = 100_000;

/// Core instances of one component: a Python component has more than 32.
pub(crate) const CORE_INSTANCES: usize = 100;

/// Longest wait a classification may ask for.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(15 * 60);

/// Longest wait before a source or provisioner is asked again.
pub const ASK_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// How often one question is put to a source or provisioner.
pub const ASK_AGAIN: u32 = 5;

/// Most capabilities, switches or notes of a server profile, each list on its own.
pub(crate) const PROFILE_ENTRIES: usize = 100;

/// Requests of one call: a listing of 100 pages in one go.
pub(crate) const HTTP_REQUESTS: u32 = 100;

/// Time for one request, and for each read of its reply.
pub(crate) const HTTP_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes of a reply's status line and headers.
pub(crate) const HTTP_HEAD: usize = 64 << 10;

/// Most headers of a request, and of a reply.
pub(crate) const HTTP_HEADERS: usize = 100;

/// Bytes of a reply's body: as much as a guest may hand over, so that it may hand it on.
pub(crate) const HTTP_BODY: u64 = 16 << 20;

/// Bytes of a reply's body that one read hands over.
pub(crate) const HTTP_READ: u32 = 1 << 20;

/// Redirects that are followed for one request.
pub(crate) const HTTP_REDIRECTS: u32 = 5;

/// Bytes of a URL: what servers commonly take.
pub(crate) const HTTP_URL: usize = 8 << 10;

/// Log lines of one call that are written; the rest is counted.
pub(crate) const LOG_LINES: u32 = 200;

/// Characters of one log line.
pub(crate) const LOG_LINE: usize = 8 << 10;

/// Characters of a message that is shown to people.
pub(crate) const MESSAGE: usize = 1_000;

/// The name of a batch of mailboxes, in bytes.
pub(crate) const BATCH: usize = 128;

/// Characters of a code made for machines.
pub(crate) const CODE: usize = 64;

/// Levels of a folder path. Dovecot and Cyrus refuse far fewer.
pub(crate) const PATH_LEVELS: usize = 64;

/// Bytes of one level: four times what Maildir's file names allow.
pub(crate) const PATH_LEVEL: usize = 1_020;

/// Bytes of the key a source gives a mailbox.
pub(crate) const KEY: usize = 512;

/// Bytes of the token that names the next page of a listing.
pub(crate) const TOKEN: usize = 4 << 10;

/// Bytes of a log-in name or a host name.
pub(crate) const NAME: usize = 1_020;

/// Mailboxes on one page of a source or provisioner.
pub(crate) const PAGE: u32 = 4_096;

/// Pages in a row that may be empty and still name a next one, so that a listing ends.
pub(crate) const EMPTY_PAGES: u32 = 1_000;

/// Notes, diagnostics or findings in one answer.
pub(crate) const REMARKS: usize = 1_000;

/// Rows a table hands over at once.
pub(crate) const TABLE_ROWS: u32 = 4_096;

/// Bytes a file hands over at once.
pub(crate) const FILE_READ: u32 = 1 << 20;

/// Messages a view lists at once, and UIDs whose counterparts it names at once.
pub(crate) const VIEW_LIST: u32 = 5_000;

/// Messages whose headers or digests a view fetches at once.
pub(crate) const VIEW_FETCH: usize = 1_000;

/// Names of header fields a view is asked for at once.
pub(crate) const VIEW_NAMES: usize = 100;
