//! Servers and folders as plugins see them.

use mailhaul_imap::{Folder, FolderPath, ServerFacts, SpecialUse};
use mailhaul_net::TlsMode;

/// Returns a listed folder as plugins see it, without figures.
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

/// Returns a server's facts as plugins see them.
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
    /// Host name, as the project file or the list has it.
    pub host: String,
    /// TCP port that was dialled.
    pub port: u16,
    /// Whether the connection is under TLS, and how that began.
    pub tls: TlsMode,
    /// Text of the greeting, which often names the software.
    pub greeting: String,
    /// Capabilities as they stood after the log-in.
    pub capabilities: Vec<String>,
    /// Fields and values of the reply to ID (RFC 2971).
    pub id: Vec<(String, String)>,
    /// Prefix of the personal namespace (RFC 2342), for display only.
    pub namespace_prefix: String,
    /// Hierarchy delimiter on the wire, for display only.
    pub delimiter: Option<char>,
}

/// A folder of either side as plugins see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderInfo {
    /// Unicode levels without the personal namespace's prefix.
    pub path: FolderPath,
    /// LIST attributes as the server sent them, e.g. `\HasChildren`.
    pub attributes: Vec<String>,
    /// Special uses (RFC 6154), read from the attributes.
    pub roles: Vec<SpecialUse>,
    /// Whether it can hold messages: it is listed without `\Noselect` and `\NonExistent`.
    pub selectable: bool,
    /// Whether the user is subscribed to it.
    pub subscribed: bool,
    /// Number of messages; `None` when nobody has asked.
    pub messages: Option<u32>,
    /// Sum of the messages' sizes in bytes; `None` when nobody has asked.
    pub bytes: Option<u64>,
}
