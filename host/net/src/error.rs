//! Why a server could not be reached or trusted.

use std::io;

use rustls::CertificateError;

use crate::certificate::Certificate;
use crate::trust::{Cause, Distrust};

/// A failure to reach or to trust a server; displays as `detail (host:port)`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail} ({endpoint})")]
pub struct NetError {
    /// The class of the failure, which callers decide by.
    pub kind: NetErrorKind,
    /// The server it was about, as `host:port`.
    pub endpoint: String,
    /// What went wrong, for people: one lower-case sentence.
    pub detail: String,
    /// The certificate it was about, where the server has shown one that can be read.
    pub certificate: Option<Box<Certificate>>,
}

/// The classes of failure a user can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NetErrorKind {
    /// The look-up gave no address for the host name.
    NameUnknown,
    /// The host answers, and nothing listens on the port.
    Refused,
    /// No answer in time, or no route: a wrong address or a firewall.
    Filtered,
    /// The certificate chain ends at no root that is trusted.
    TlsUntrusted,
    /// The certificate is another than the one that is pinned.
    TlsPinned,
    /// The certificate was issued for another name.
    TlsName,
    /// The certificate has expired, or is not valid yet.
    TlsExpired,
    /// TLS was spoken to a port that answered in clear text.
    TlsOnPlainPort,
    /// Clear text was spoken to a port that expects TLS.
    PlainOnTlsPort,
    /// The extra root certificates cannot be read, or there is no root at all.
    BadRoots,
    /// The server closed or reset the connection while it was set up.
    Closed,
    /// A failure that has no class of its own; `detail` says which.
    Other,
}

impl NetError {
    /// Returns an error about `endpoint`; `detail` is one lower-case sentence.
    pub fn new(kind: NetErrorKind, endpoint: impl ToString, detail: impl Into<String>) -> NetError {
        NetError { kind, endpoint: endpoint.to_string(), detail: detail.into(), certificate: None }
    }

    pub(crate) fn from_tcp(endpoint: impl ToString, error: &io::Error) -> NetError {
        use io::ErrorKind as Io;
        // Whoever opens connections in our place may know better than a class of I/O errors.
        if let Some(told) = error.get_ref().and_then(|inner| inner.downcast_ref::<NetError>()) {
            return told.clone();
        }
        let (kind, detail) = match error.kind() {
            Io::ConnectionRefused => {
                (NetErrorKind::Refused, "the server refuses connections on this port".to_owned())
            }
            Io::TimedOut => (NetErrorKind::Filtered, "the server does not answer on this port".to_owned()),
            Io::HostUnreachable | Io::NetworkUnreachable | Io::NetworkDown | Io::AddrNotAvailable => {
                (NetErrorKind::Filtered, format!("there is no way to the server: {}", lower(error)))
            }
            Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::UnexpectedEof => {
                (NetErrorKind::Closed, "the server closed the connection".to_owned())
            }
            _ => (NetErrorKind::Other, format!("connecting failed: {}", lower(error))),
        };
        NetError::new(kind, endpoint, detail)
    }

    pub(crate) fn from_handshake(endpoint: impl ToString, error: &io::Error) -> NetError {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls) => match Distrust::within(tls) {
                Some(Distrust { certificate, cause }) => {
                    let (kind, detail) = describe_distrust(cause);
                    let certificate = certificate.clone().map(Box::new);
                    NetError { certificate, ..NetError::new(kind, endpoint, detail) }
                }
                None => {
                    let (kind, detail) = describe_tls(tls);
                    NetError::new(kind, endpoint, detail)
                }
            },
            None if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => {
                NetError::new(
                    NetErrorKind::Closed,
                    endpoint,
                    "the server closed the connection during the TLS handshake",
                )
            }
            None => NetError::from_tcp(endpoint, error),
        }
    }
}

/// Why the certificate itself was not believed.
fn describe_distrust(cause: &Cause) -> (NetErrorKind, String) {
    let (kind, detail) = match cause {
        Cause::Pinned { expected, shown } => {
            let detail =
                format!("the server's certificate is another than the pinned one: {shown}, not {expected}");
            return (NetErrorKind::TlsPinned, detail);
        }
        Cause::Verdict(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => (NetErrorKind::TlsName, "the server's certificate is for another name"),
        Cause::Verdict(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            (NetErrorKind::TlsExpired, "the server's certificate has expired")
        }
        Cause::Verdict(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            (NetErrorKind::TlsExpired, "the server's certificate is not valid yet")
        }
        Cause::Verdict(CertificateError::UnknownIssuer) => {
            (NetErrorKind::TlsUntrusted, "the server's certificate was not issued by a trusted authority")
        }
        Cause::SelfSigned => (
            NetErrorKind::TlsUntrusted,
            "the server's certificate is signed by itself, by no authority that is trusted",
        ),
        // The library has a name for it, and no words.
        Cause::Verdict(CertificateError::Other(other)) if other.to_string().contains("CaUsedAsEndEntity") => {
            (
                NetErrorKind::TlsUntrusted,
                "the server's certificate is an authority's own, which is none for a server",
            )
        }
        Cause::Verdict(other) => {
            let detail = format!("the server's certificate cannot be trusted: {}", bounded(other));
            return (NetErrorKind::TlsUntrusted, detail);
        }
    };
    (kind, detail.to_owned())
}

fn describe_tls(error: &rustls::Error) -> (NetErrorKind, String) {
    use rustls::{AlertDescription as Alert, Error as Tls};
    match error {
        Tls::InvalidCertificate(cause) => describe_distrust(&Cause::Verdict(cause.clone())),
        // The first bytes were no TLS record: an IMAP greeting, most likely.
        Tls::InvalidMessage(_) => (
            NetErrorKind::TlsOnPlainPort,
            "the server answers in clear text on this port, TLS was expected".to_owned(),
        ),
        Tls::AlertReceived(Alert::ProtocolVersion) | Tls::PeerIncompatible(_) => {
            (NetErrorKind::Other, "the server offers no TLS version newer than 1.1".to_owned())
        }
        other => (NetErrorKind::Other, format!("the TLS handshake failed: {}", bounded(other))),
    }
}

/// The text of a library's error, cut to a bounded length and to one line: parts of it may come from the
/// peer.
fn bounded(error: &dyn std::fmt::Display) -> String {
    error.to_string().chars().take(200).collect::<String>().escape_debug().to_string()
}

fn lower(error: &io::Error) -> String {
    bounded(error).to_lowercase()
}
