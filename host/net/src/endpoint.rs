//! Where a server is and how it is to be spoken to.

use std::fmt;
use std::net::IpAddr;

use crate::dial::ascii;

/// When TLS starts on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsMode {
    /// From the first byte (RFC 8314 section 3.2).
    Implicit,
    /// After the STARTTLS command (RFC 9051 section 6.2.1).
    StartTls,
    /// Never: everything, passwords included, travels in clear.
    None,
}

impl TlsMode {
    /// Returns the IMAP port that belongs to this mode: 993 for implicit TLS, otherwise 143.
    pub fn default_port(self) -> u16 {
        match self {
            TlsMode::Implicit => 993,
            TlsMode::StartTls | TlsMode::None => 143,
        }
    }
}

/// A server's address: a DNS name or IP literal (IPv6 without brackets), a TCP port and a TLS mode.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The DNS name or IP literal; the certificate must be valid for it.
    pub host: String,
    /// The TCP port to dial.
    pub port: u16,
    /// When TLS starts, if it does.
    pub tls: TlsMode,
}

impl Endpoint {
    /// Returns an endpoint on the port that belongs to `tls`.
    pub fn new(host: impl Into<String>, tls: TlsMode) -> Endpoint {
        Endpoint { host: host.into(), port: tls.default_port(), tls }
    }

    /// Returns an endpoint on a port of its own.
    pub fn with_port(host: impl Into<String>, port: u16, tls: TlsMode) -> Endpoint {
        Endpoint { host: host.into(), port, tls }
    }
}

/// Returns the one spelling of a host by which two of them can be compared: as DNS has it (UTS #46), lower
/// case, without the root's dot; an address in its usual form, IPv6 without brackets. What is no host comes
/// back unharmed.
pub fn canonical_host(host: &str) -> String {
    let bare = host.strip_prefix('[').and_then(|inside| inside.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return address.to_string();
    }
    let name = ascii(host);
    name.strip_suffix('.').unwrap_or(&name).to_ascii_lowercase()
}

impl fmt::Display for Endpoint {
    /// Writes `host:port`, an IPv6 literal in brackets, control characters escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.escape_debug();
        if self.host.contains(':') {
            write!(f, "[{host}]:{}", self.port)
        } else {
            write!(f, "{host}:{}", self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_host_and_port() {
        assert_eq!(Endpoint::new("imap.example.org", TlsMode::Implicit).to_string(), "imap.example.org:993");
        assert_eq!(Endpoint::new("::1", TlsMode::StartTls).to_string(), "[::1]:143");
        assert_eq!(Endpoint::with_port("a\u{1b}[2J", 1, TlsMode::None).to_string(), "a\\u{1b}[2J:1");
    }

    #[test]
    fn a_host_has_one_spelling() {
        for (written, host) in [
            ("Mail.Example.org", "mail.example.org"),
            ("mail.example.org.", "mail.example.org"),
            ("imap.M\u{fc}ller.de", "imap.xn--mller-kva.de"),
            ("[2001:DB8::1]", "2001:db8::1"),
            ("2001:db8:0::1", "2001:db8::1"),
            ("192.0.2.1", "192.0.2.1"),
            // What resolvers may take for an address is not made one here.
            ("127.1", "127.1"),
            ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
            ("mail.example.org..", "mail.example.org."),
            (" mail", " mail"),
        ] {
            assert_eq!(canonical_host(written), host, "{written}");
        }
    }
}
