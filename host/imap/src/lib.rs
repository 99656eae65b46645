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

mod append;
mod command;
mod connect;
mod login;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod properties;
mod session;
mod syntax;
mod types;
mod wire;

pub use append::acks::{Ack, AckOutcome, Acks};
pub use append::appender::{AppendHead, AppendOptions, Appender, BeginOutcome};
pub use command::capability::KnownServer;
pub use connect::{Account, connect, connect_beside, connect_over};
pub use session::append_state::AcceptedForms;
pub use session::changes::Changes;
pub use session::edit::CopyUid;
pub use session::fetch::Fetch;
pub use session::fetch_history::{FetchHistory, MAX_BREAKS};
pub use session::open::{Preparation, PreparedFolder};
pub use session::unlisted::ExpectedFolder;
pub use session::{KEEP_ALIVE_AFTER, Quota, Restraint, Session};
pub use types::date::InternalDate;
pub use types::error::{Cause, ImapError};
pub use types::facts::ServerFacts;
pub use types::fetched::{FetchItems, FetchRefusal, FetchedMessage};
pub use types::flags::{FlagSets, Flags};
pub use types::folder::{Folder, Space, SpecialUse};
pub use types::gmail::GmailFacts;
pub use types::login::{AuthMethod, Login, Secret};
pub use types::name::{FolderName, FolderPath, NameError};
pub use types::refusal::Refusal;
pub use types::selected::Selected;
pub use types::status::FolderStatus;
pub use types::timeouts::Timeouts;
pub use types::uidset::UidSet;
