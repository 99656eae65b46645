//! IMAP as a migrator needs it: tolerant of servers, unforgiving about loss.
//!
//! Nothing here knows what a migration is, keeps state on disk, retries, or prints. Callers say what to ask;
//! every answer comes under a deadline and a bound ([`Timeouts`]), and every failure is an [`ImapError`] with
//! the [`Cause`] a user can act on.
//!
//! # Where to start
//!
//! [`connect()`] turns an [`Account`] into a [`Session`], [`connect_over`] does so over a stream that is
//! there already. From there on:
//!
//! 1. [`Session::facts`] is what the server says about itself; [`Session::restrain`] strikes out what of it
//!    does not work.
//! 2. [`Session::folders_with_status`] lists folders with their figures. A [`FolderName`] is the server's
//!    bytes, a [`FolderPath`] what people read; [`ServerFacts::encode`] and [`ServerFacts::decode`] lead from
//!    one to the other.
//! 3. A source's folder is opened with [`Session::examine`], read with [`Session::fetch`], body by body in
//!    pieces, and asked what is new with [`Session::changes`] (RFC 7162).
//! 4. A target's folder is created, subscribed and opened with [`Session::prepare`].
//! 5. [`Session::appender`] splits the session into an [`Appender`], which sends messages without waiting,
//!    and [`Acks`], which says what became of each. [`Acks::rejoin`] makes a session of them again.
//! 6. [`Session::store_flags`], [`Session::copy`], [`Session::move_to`] and [`Session::expunge`] change
//!    messages of a folder that is open for writing, each by exact UID.
//!
//! # How it is built
//!
//! Rooms, from the ground up; each imports from those before it: `types` (names, sets, flags, dates, errors),
//! `syntax` (the server's bytes, read without I/O and without trust), `wire` (bytes under deadlines),
//! `command` (commands and their answers), `login`, `session` (the verbs), `append` (the writer), `greeting`,
//! `opening` (dial and TLS), `connect`.
//! async-imap is the session layer for the plain commands, behind the gate in `session`.
//!
//! # Example
//!
//! ```
//! use mailhaul_imap::{AuthMethod, FetchItems, FolderName, Login, Timeouts, UidSet, connect_over};
//! use mailhaul_net::{Endpoint, TlsMode};
//! use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A server of a few lines at the other end of a pipe; `connect` would dial a real one.
//! let (near, far) = tokio::io::duplex(1 << 16);
//! tokio::spawn(async move {
//!     let (read, mut write) = tokio::io::split(far);
//!     let mut lines = BufReader::new(read).lines();
//!     write.write_all(b"* OK [CAPABILITY IMAP4rev1] ready\r\n").await?;
//!     while let Some(line) = lines.next_line().await? {
//!         let (tag, command) = line.split_once(' ').unwrap_or_default();
//!         let data = match command.split(' ').next() {
//!             Some("CAPABILITY") => "* CAPABILITY IMAP4rev1\r\n",
//!             Some("EXAMINE") => "* 1 EXISTS\r\n* OK [UIDVALIDITY 3] valid\r\n",
//!             Some("UID") => concat!(
//!                 "* 1 FETCH (UID 7 FLAGS (\\Seen) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" ",
//!                 "RFC822.SIZE 15 BODY[] {15}\r\nSubject: hi\r\n\r\n)\r\n",
//!             ),
//!             Some("LOGOUT") => "* BYE see you\r\n",
//!             _ => "",
//!         };
//!         write.write_all(format!("{data}{tag} OK done\r\n").as_bytes()).await?;
//!     }
//!     std::io::Result::Ok(())
//! });
//!
//! let login = Login {
//!     user: "ann".into(),
//!     admin: None,
//!     method: AuthMethod::Password,
//!     secret: b"secret".to_vec().into(),
//! };
//! let endpoint = Endpoint::new("imap.example.org", TlsMode::Implicit);
//! let mut session = connect_over(near, endpoint, &login, &Timeouts::default()).await?;
//!
//! let opened = session.examine(&FolderName::inbox()).await?;
//! assert_eq!((opened.exists, opened.uid_validity), (1, Some(3)));
//!
//! let mut messages = session.fetch(UidSet::all(), FetchItems::Full);
//! while let Some(message) = messages.next().await? {
//!     assert!(message.uid == 7 && message.flags.contains("\\Seen"));
//!     while let Some(piece) = messages.chunk().await? {
//!         assert_eq!(&piece[..], b"Subject: hi\r\n\r\n");
//!     }
//! }
//! assert!(messages.refused().is_empty());
//! session.logout().await?;
//! # Ok(())
//! # }
//! ```

mod append;
mod command;
mod connect;
mod greeting;
mod login;
mod opening;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod properties;
#[cfg(test)]
mod rooms;
mod session;
mod syntax;
mod types;
mod wire;

pub use append::acks::{Ack, AckOutcome, Acks};
pub use append::appender::{AppendHead, AppendOptions, Appender, BeginOutcome};
pub use command::capability::KnownServer;
pub use connect::{Account, connect, connect_beside, connect_noting, connect_over};
pub use greeting::{Spoken, probe};
pub use opening::{Encounter, reach};
pub use session::append_state::AcceptedForms;
pub use session::changes::Changes;
pub use session::edit::CopyUid;
pub use session::fetch::Fetch;
pub use session::fetch_history::{FetchHistory, MAX_BREAKS};
pub use session::open::{Preparation, PreparedFolder};
pub use session::unlisted::ExpectedFolder;
pub use session::{KEEP_ALIVE_AFTER, Quota, Restraint, Session};
pub use syntax::redaction::Redaction;
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
