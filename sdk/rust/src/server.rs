//! Servers and connections.

use crate::Extras;

/// Which end of the move something belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The old host, which is only ever read.
    Source,
    /// The new host, which the mail is copied to.
    Target,
}

/// How a connection is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// TLS from the first byte.
    Implicit,
    /// Clear text until STARTTLS.
    StartTls,
    /// Clear text. mailhaul refuses it unless the operator allowed it.
    None,
    /// Something this version has no word for.
    Other(String),
}

/// What the host has learned about one server, without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Host that is connected to.
    pub host: String,
    /// TCP port that is connected to.
    pub port: u16,
    /// Protection of the connection the rest was learned on.
    pub tls: Tls,
    /// Text of the greeting, which often names program and version.
    pub greeting: String,
    /// Capabilities after log-in, as the server writes them.
    pub capabilities: Vec<String>,
    /// The reply to ID (RFC 2971) as (field, value) pairs; empty when the server does not know the command.
    pub id: Vec<(String, String)>,
    /// Prefix of the personal namespace (`INBOX.`), for display: paths come without it.
    pub namespace_prefix: String,
    /// Delimiter between levels, for display: paths come in levels.
    pub delimiter: Option<char>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

impl Server {
    /// A server nothing is known about: the start for tests.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: 993,
            tls: Tls::Implicit,
            greeting: String::new(),
            capabilities: Vec::new(),
            id: Vec::new(),
            namespace_prefix: String::new(),
            delimiter: Some('/'),
            extras: Extras::new(),
        }
    }
}
