//! What is proposed: a server, where it came from, and whether that is enough to send passwords there.

use std::fmt;

use mailhaul_imap::ImapError;
use mailhaul_net::{Certificate, Endpoint, NetErrorKind};

use crate::fault::Fault;

/// What a search has found.
#[derive(Debug, Default)]
pub struct Found {
    /// The servers, the best first: those that are sure before the others, those reached before the others.
    pub proposals: Vec<Proposal>,
    /// What was met on the way.
    pub remarks: Vec<Remark>,
}

/// A server at which the mailboxes may be.
#[derive(Debug)]
pub struct Proposal {
    /// Host, port and protection; never [`TlsMode::None`](mailhaul_net::TlsMode::None).
    pub endpoint: Endpoint,
    /// What the log-in name is, where that was told.
    pub log_in: Option<LogIn>,
    /// Where it came from, the best first; at least one.
    pub origins: Vec<Origin>,
    /// What came of connecting to it.
    pub reached: Result<Reached, Obstacle>,
    /// Whether it may be used without anybody's consent: it is shipped, was typed, is in a document that
    /// the domain itself gave under TLS, or is a host of the domain with a certificate that is trusted. All
    /// else anybody on the way of a DNS answer can have made up.
    pub sure: bool,
}

/// A server that answers as an IMAP server does, under TLS where the endpoint has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// What its certificate says, which was verified; `None` in clear text.
    pub certificate: Option<Certificate>,
}

/// Why a server was not reached, or cannot be used as it is.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Obstacle {
    /// What connecting to it has failed with.
    #[error(transparent)]
    Failed(ImapError),
    /// It was not tried: nobody wanted that, or there was no time left.
    #[error("there was no time left to connect to it")]
    NotTried,
}

impl Obstacle {
    /// The class of a failed connection; `None` when a connection was made.
    #[must_use]
    pub fn kind(&self) -> Option<NetErrorKind> {
        if let Self::Failed(ImapError::Net(error)) = self { Some(error.kind) } else { None }
    }

    /// Returns the certificate that is not trusted.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        match self {
            Self::Failed(ImapError::Net(error)) => error.certificate.as_deref(),
            _ => None,
        }
    }
}

/// What a log-in name is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogIn {
    /// The whole mail address.
    Address,
    /// What stands before the `@`.
    LocalPart,
    /// Something else, as the document has it; printable ASCII, at most 100 characters.
    Other(String),
}

impl fmt::Display for LogIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("the whole mail address"),
            Self::LocalPart => f.write_str("what stands before the @"),
            Self::Other(pattern) => write!(f, "\"{pattern}\""),
        }
    }
}

/// Where a proposal came from. The text says it to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The shipped list has the domain or the host.
    Known {
        /// The provider's name.
        provider: String,
        /// The page that the entry was read from.
        source: String,
    },
    /// An SRV record (RFC 6186).
    Srv {
        /// The record's name.
        record: String,
    },
    /// A document of the domain's own.
    Document {
        /// Where it was, after redirects; without the question that was asked.
        url: String,
        /// Whether TLS has proven that it is the domain's.
        proven: bool,
    },
    /// It is what was typed.
    Typed,
    /// The domain's mail is delivered to a provider that the shipped list has.
    Provider {
        /// The host that takes the mail.
        mx: String,
        /// The provider's name.
        provider: String,
        /// The page that the entry was read from.
        source: String,
    },
    /// A document of whoever takes the domain's mail.
    MxDocument {
        /// The host that takes the mail.
        mx: String,
        /// Where the document was.
        url: String,
    },
    /// A usual name, where an IMAP server answers.
    Usual,
    /// The host that takes the domain's mail, where an IMAP server answers.
    Mx,
}

impl Origin {
    /// Returns its place in the order of preference.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Known { .. } => 0,
            Self::Srv { .. } => 1,
            Self::Document { proven: true, .. } => 2,
            Self::Typed => 3,
            Self::Document { .. } => 4,
            Self::Provider { .. } => 5,
            Self::MxDocument { .. } => 6,
            Self::Usual => 7,
            Self::Mx => 8,
        }
    }

    /// Returns whether it stands for the host by itself, whatever DNS says.
    pub(crate) fn vouches(&self) -> bool {
        matches!(self, Self::Known { .. } | Self::Document { proven: true, .. })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known { provider, .. } => {
                write!(f, "the list of providers that ships with mailhaul: {provider}")
            }
            Self::Srv { record } => write!(f, "DNS: {record}"),
            Self::Document { url, proven: true } => write!(f, "{url}"),
            Self::Document { url, proven: false } => write!(f, "{url}, without TLS"),
            Self::Typed => f.write_str("as typed"),
            Self::Provider { mx, provider, .. } => write!(f, "DNS: mail goes to {mx}, which is {provider}"),
            Self::MxDocument { mx, url } => write!(f, "DNS: mail goes to {mx}; {url}"),
            Self::Usual => f.write_str("a usual name that answers"),
            Self::Mx => f.write_str("DNS: mail goes there, and it answers"),
        }
    }
}

/// Something that was met while searching and is worth a sentence; nothing fails because of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// DNS could not be asked, so that nothing is known of it.
    Dns(mailhaul_net::dns::DnsError),
    /// The domain says by SRV that it has no IMAP server, or none of that kind (RFC 6186 section 3.4).
    NotOffered {
        /// The record's name.
        record: String,
    },
    /// An SRV record that can be none.
    OddSrv {
        /// The record's name.
        record: String,
    },
    /// A document that could not be used.
    Document {
        /// Where it is.
        url: String,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A document names a host outside of the domain, which is usual where somebody else has the mail.
    Elsewhere {
        /// Where the document is.
        url: String,
        /// The host it names.
        host: String,
    },
    /// The time for the search was over before everything was asked.
    OutOfTime,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(error) => write!(f, "DNS tells nothing: {error}"),
            Self::NotOffered { record } => {
                write!(f, "the domain says in DNS that it has no such server ({record})")
            }
            Self::OddSrv { record } => write!(f, "DNS has a record that can be none ({record})"),
            Self::Document { url, fault } => write!(f, "{url} {fault}"),
            Self::Elsewhere { url, host } => write!(f, "{url} names a host outside of the domain, {host}"),
            Self::OutOfTime => f.write_str("the search took too long and was ended"),
        }
    }
}
