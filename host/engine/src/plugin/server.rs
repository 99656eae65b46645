//! Servers and folders as plugins see them.

use mailhaul_imap::{Folder, FolderPath, ServerFacts, SpecialUse};
use mailhaul_net::TlsMode;

/// A folder as plugins see it.
#[must_use]
pub(crate) fn info(folder: &Folder) -> FolderInfo {
    FolderInfo {
        path: folder.path.clone(),
        attributes: folder.attributes.clone(),
        roles: folder.roles.clone(),
        selectable: folder.selectable,
        subscribed: folder.subscribed,
        messages: None,
        bytes: None,
    }
}

/// A server as plugins see it.
#[must_use]
pub(crate) fn describe(facts: &ServerFacts) -> ServerDescription {
    ServerDescription {
        host: facts.endpoint.host.clone(),
        port: facts.endpoint.port,
        tls: facts.endpoint.tls,
        greeting: facts.greeting.clone(),
        capabilities: facts.capabilities.clone(),
        id: facts.id.clone(),
        namespace_prefix: facts.namespace_prefix.clone(),
        delimiter: facts.delimiter,
    }
}

/// What the engine has learned about one server, without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerDescription {
    /// Host name as configured.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// The greeting's text.
    pub greeting: String,
    /// Capabilities after log-in.
    pub capabilities: Vec<String>,
    /// The reply to ID (RFC 2971).
    pub id: Vec<(String, String)>,
    /// Personal namespace prefix, for display only.
    pub namespace_prefix: String,
    /// Hierarchy delimiter, for display only.
    pub delimiter: Option<char>,
}

/// One folder as a mapper sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderInfo {
    /// Unicode levels without the personal namespace's prefix.
    pub path: FolderPath,
    /// LIST attributes as the server sent them.
    pub attributes: Vec<String>,
    /// Roles by SPECIAL-USE (RFC 6154).
    pub roles: Vec<SpecialUse>,
    /// Whether it can hold messages.
    pub selectable: bool,
    /// Whether the user subscribed to it.
    pub subscribed: bool,
    /// Number of messages, when known.
    pub messages: Option<u32>,
    /// Sum of message sizes in bytes, when known.
    pub bytes: Option<u64>,
}
