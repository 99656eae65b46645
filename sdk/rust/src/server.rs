//! Servers and connections.

use crate::Extras;

/// Which end of the move something belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The old host.
    Source,
    /// The new host.
    Target,
}

/// How a connection is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// TLS from the first byte.
    Implicit,
    /// Clear text until STARTTLS.
    StartTls,
    /// Clear text.
    None,
    /// Something this version has no word for.
    Other(String),
}

/// What the host has learned about one server, without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Host name.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// Text of the greeting.
    pub greeting: String,
    /// Capabilities after log-in.
    pub capabilities: Vec<String>,
    /// The reply to ID (RFC 2971).
    pub id: Vec<(String, String)>,
    /// Prefix of the personal namespace, for display.
    pub namespace_prefix: String,
    /// Delimiter between levels, for display.
    pub delimiter: Option<char>,
    /// Growth room.
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
