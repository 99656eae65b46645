//! How mailhaul reaches a mail server: names, TCP, TLS and the roots it trusts.
//!
//! Nothing here knows IMAP. What is deliberately absent: a way to turn certificate checks off, and any
//! fall-back from TLS to clear text.

mod dial;
mod endpoint;
mod error;
mod stream;
mod transport;
mod trust;

pub use dial::{Dialer, resolve};
pub use endpoint::{Endpoint, TlsMode, canonical_host};
pub use error::{NetError, NetErrorKind};
pub use stream::Stream;
