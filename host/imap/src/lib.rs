//! IMAP as a migrator needs it: tolerant of servers, unforgiving about loss.
//!
//! [`connect`] gives a [`Session`]: folders with their figures, EXAMINE and SELECT, a streaming
//! [`Session::fetch`], what changed since ([`Session::changes`]), and the verbs that change a target.
//! [`Session::appender`] turns a session into a pipelined writer with two halves. Nothing here knows what a
//! migration is, keeps state on disk, retries, or prints.
//!
//! Three layers share one connection: `transport` and `wire` move bytes under deadlines; `framer`, `reply`,
//! `token` and `fetch_line` read them without I/O and without trust; `session` and the files named after its
//! verbs, `append` and `acks` hold the conversation. async-imap is the session layer for the plain commands,
//! behind `gate`.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use mailhaul_imap::{Account, AuthMethod, FetchItems, FolderName, Login, Timeouts, UidSet, connect};
//! use mailhaul_net::{Dialer, Endpoint, TlsMode};
//!
//! let account = Account {
//!     endpoint: Endpoint::new("imap.example.org", TlsMode::Implicit),
//!     dialer: Dialer::platform(),
//!     login: Login {
//!         user: "ann".into(),
//!         admin: None,
//!         method: AuthMethod::Password,
//!         secret: b"secret".to_vec().into(),
//!     },
//!     allow_cleartext: false,
//!     compress: false,
//! };
//! let mut session = connect(&account, &Timeouts::default()).await?;
//! session.examine(&FolderName::inbox()).await?;
//! let mut messages = session.fetch(UidSet::all(), FetchItems::Full);
//! while let Some(message) = messages.next().await? {
//!     while let Some(piece) = messages.chunk().await? {
//!         let _ = (message.uid, piece.len());
//!     }
//! }
//! session.logout().await?;
//! # Ok(())
//! # }
//! ```

mod acks;
mod alike;
mod append;
mod auth;
mod batch;
mod bounds;
mod capability;
mod change;
mod command;
mod connect;
mod date;
mod deflate;
mod delta;
mod error;
mod fetch;
mod fetch_line;
mod flags;
mod folders;
mod framer;
mod gate;
mod gmail;
mod idle;
mod list;
mod name;
mod open;
mod pace;
mod patience;
mod pipeline;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod properties;
mod reading;
mod reply;
mod sasl;
mod scram;
mod scrub;
mod session;
mod status;
mod tail;
mod timeouts;
mod token;
mod transport;
mod uidset;
mod unlisted;
mod utf7;
mod window;
mod wire;

pub use acks::{Ack, AckOutcome, Acks};
pub use append::{AppendHead, AppendOptions, Appender, Begun};
pub use auth::{AuthMethod, Login, Secret};
pub use capability::ServerFacts;
pub use change::Copied;
pub use connect::{Account, Known, connect, connect_beside, connect_over};
pub use date::InternalDate;
pub use delta::Changes;
pub use error::{Cause, ImapError, Refusal};
pub use fetch::{Fetch, FetchItems, FetchRefusal, Fetched};
pub use flags::{FlagSets, Flags};
pub use gmail::GmailFacts;
pub use list::{Folder, Space, SpecialUse};
pub use name::{FolderName, FolderPath, NameError};
pub use open::{Preparation, Prepared, Selected};
pub use pipeline::Learnt;
pub use reading::{MOST_ENDS, Reading};
pub use session::{Quota, Restraint, STAY_EVERY, Session};
pub use status::FolderStatus;
pub use timeouts::Timeouts;
pub use uidset::UidSet;
pub use unlisted::Expected;
