//! How mailhaul reaches a mail server: names, TCP, TLS and the roots it trusts.
//!
//! Nothing here knows IMAP. What is deliberately absent: a way to turn certificate checks off, and any
//! fall-back from TLS to clear text.
//!
//! # Start here
//!
//! An [`Endpoint`] says where a server is and when TLS starts; a [`Dialer`] says which roots are trusted, and
//! opens a [`Stream`] to it. With [`TlsMode::StartTls`] the stream is in clear until the caller has sent
//! STARTTLS and hands it to [`Dialer::start_tls`]. What goes wrong is a [`NetError`], whose [`NetErrorKind`]
//! names what a user can act on.
//!
//! [`dns`] asks for records of a zone: where a service is, where mail goes.
//!
//! # Example
//!
//! Here the dialer is given a stream in memory in the place of TCP, as a tunnel would be:
//!
//! ```
//! use mailhaul_net::{Dialer, Endpoint, TlsMode};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dialer = Dialer::platform().through(|_endpoint| async {
//!     let (near, mut far) = duplex(64);
//!     tokio::spawn(async move { far.write_all(b"* OK ready\r\n").await });
//!     Ok(near)
//! });
//! let endpoint = Endpoint::new("imap.example.org", TlsMode::None);
//! assert_eq!(endpoint.to_string(), "imap.example.org:143");
//!
//! let mut stream = dialer.connect(&endpoint).await?;
//! let mut greeting = String::new();
//! stream.read_to_string(&mut greeting).await?;
//! assert_eq!(greeting, "* OK ready\r\n");
//! assert!(!stream.is_tls());
//! # Ok(())
//! # }
//! ```

mod certificate;
mod dial;
pub mod dns;
mod endpoint;
mod error;
mod stream;
mod transport;
mod trust;

pub use certificate::{Certificate, Fingerprint, NoFingerprint};
pub use dial::{Dialer, resolve};
pub use endpoint::{Endpoint, TlsMode, canonical_host};
pub use error::{NetError, NetErrorKind};
pub use stream::Stream;
