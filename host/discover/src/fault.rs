//! What is wrong with a document, on the way to it or in it.

use mailhaul_net::NetError;

/// The largest document that is read, in bytes; those in use have some 2 KiB.
pub(crate) const MAX_DOCUMENT: usize = 64 << 10;

/// Why a document could not be had or used. Each reads on behind the document's URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The web server was not reached.
    #[error("was not reached: {0}")]
    Net(NetError),
    /// The web server has something else to say.
    #[error("is not there (HTTP status {0})")]
    Status(u16),
    /// The connection broke, or what came is no HTTP.
    #[error("did not come whole")]
    Broken,
    /// It took too long.
    #[error("did not come in time")]
    TimedOut,
    /// It is larger than 64 KiB.
    #[error("is larger than {} KiB", MAX_DOCUMENT >> 10)]
    TooLarge,
    /// A redirect leads nowhere.
    #[error("redirects to what is no address of a document")]
    BadRedirect,
    /// A redirect leads from https to http.
    #[error("redirects to http, where nothing protects it")]
    LeavesTls,
    /// More than two redirects.
    #[error("redirects more than twice")]
    TooManyRedirects,
    /// It is a web page.
    #[error("is a web page")]
    Html,
    /// It is something else than a configuration.
    #[error("is no configuration of a mail program")]
    NotOne,
    /// It defines entities, as only attacks do.
    #[error("defines entities, which are not read")]
    Entities,
    /// It names no IMAP server.
    #[error("names no IMAP server")]
    NoImap,
    /// It names IMAP servers without TLS only.
    #[error("names servers without TLS only")]
    ClearText,
}

impl Fault {
    /// Returns whether it only says that the domain has no such document, as most have none.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Fault::Net(_) | Fault::Status(_))
    }
}
