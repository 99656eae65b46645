//! What a server says about itself: capabilities, identity, limits, how it writes folder names.

use mailhaul_net::Endpoint;

use crate::types::name::{FolderName, FolderPath, NameError, Naming};

/// What was learnt about a server when the session began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// Host, port and TLS mode it was reached at.
    pub endpoint: Endpoint,
    /// The text of the greeting behind its code, unescaped, cut to 1,000 bytes.
    pub greeting: String,
    /// The capabilities after log-in, as written (RFC 9051 section 7.2.2).
    pub capabilities: Vec<String>,
    /// The answer to ID, names in lower case (RFC 2971); empty when the server has no ID or gave none.
    pub id: Vec<(String, String)>,
    /// The personal namespace's prefix, decoded, such as `INBOX.`; mostly empty (RFC 2342).
    pub namespace_prefix: String,
    /// What separates levels in folder names; `None` when the server has no hierarchy.
    pub delimiter: Option<char>,
    /// The largest message APPEND takes, in bytes, when the server says so for all folders (RFC 7889).
    pub append_limit: Option<u64>,
}

impl ServerFacts {
    /// Returns facts about a server of which nothing is known yet.
    pub fn new(endpoint: Endpoint) -> ServerFacts {
        ServerFacts {
            endpoint,
            greeting: String::new(),
            capabilities: Vec::new(),
            id: Vec::new(),
            namespace_prefix: String::new(),
            delimiter: Some('/'),
            append_limit: None,
        }
    }

    /// Returns whether the server advertises `capability`, in any case.
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|one| one.eq_ignore_ascii_case(capability))
    }

    /// Returns the name of `path` on this server: prefix, levels in modified UTF-7, delimiters. The inbox is
    /// `INBOX`.
    ///
    /// # Errors
    /// When a level is empty, holds the delimiter or a control character, or the server has no levels.
    pub fn encode(&self, path: &FolderPath) -> Result<FolderName, NameError> {
        self.naming().encode(path)
    }

    /// Returns where `name` belongs, without the personal namespace's prefix.
    ///
    /// Every name has a path. Levels that are not valid modified UTF-7 are shown as they are; the name's
    /// bytes stay the authority for talking to this server.
    pub fn decode(&self, name: &FolderName) -> FolderPath {
        self.naming().decode(name)
    }

    fn naming(&self) -> Naming<'_> {
        Naming { prefix: &self.namespace_prefix, delimiter: self.delimiter }
    }
}
