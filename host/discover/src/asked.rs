//! What a person types for a server: a mail address, a domain or a host, as their hoster's sheet has it.

use std::net::{IpAddr, Ipv6Addr};

use mailhaul_net::{TlsMode, canonical_host};

/// What was asked for, with what was said of port and protection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What the server is to be found by.
    pub subject: Subject,
    /// The port, where one was named.
    pub port: Option<u16>,
    /// When TLS starts, where that was named.
    pub tls: Option<TlsMode>,
}

/// What a server is to be found by. Names are in lower case and as DNS has them (`xn--`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A mail address, of which only the domain is of use: what stands before the `@` goes nowhere.
    Address {
        /// What stands behind the `@`.
        domain: String,
    },
    /// A name that may be a domain or a host.
    Name(String),
    /// A host for certain: an IP address, a name without a dot, or one with a port or a protection.
    Host(String),
}

impl Subject {
    /// Returns the name or address that was typed; of a mail address its domain.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Address { domain: name } | Self::Name(name) | Self::Host(name) => name,
        }
    }
}

/// The text names no server. Each is one sentence with what to type instead; the text itself is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AskedError {
    /// Nothing was typed.
    #[error(
        "a mail address, a domain or a host is meant, as in anna@example.org, example.org or mail.example.org:993"
    )]
    Empty,
    /// It can be no name and no address.
    #[error(
        "that is no mail address, no domain and no host; type it as in anna@example.org or mail.example.org:993"
    )]
    NoName,
    /// The port is none.
    #[error("the port is a number from 1 to 65535, as in mail.example.org:993")]
    Port,
    /// A word behind the host is not understood.
    #[error("behind the host only a port and `ssl`, `tls`, `ssl/tls`, `starttls` or `none` are understood")]
    Word,
}

/// Returns the protection that a word of a hoster's sheet or of a mail program means: `ssl`, `tls` and
/// `ssl/tls` are TLS from the first byte (RFC 8314), as panels and mail programs use these words.
#[must_use]
pub fn protection(word: &str) -> Option<TlsMode> {
    match word.to_ascii_lowercase().as_str() {
        "ssl" | "tls" | "ssl/tls" | "tls/ssl" | "implicit" | "imaps" => Some(TlsMode::Implicit),
        "starttls" => Some(TlsMode::StartTls),
        "none" | "plain" => Some(TlsMode::None),
        _ => None,
    }
}

impl Asked {
    /// Reads what was typed: `anna@example.org`, `example.org`, `mail.example.org:993`, `[2001:db8::1]:143
    /// starttls`, `mail.example.org 993 ssl/tls`, `imaps://mail.example.org`.
    ///
    /// # Errors
    /// When it names no server.
    pub fn parse(text: &str) -> Result<Asked, AskedError> {
        let mut words = text.split([' ', '\t', ',', ';']).filter(|word| !word.is_empty());
        let first = words.next().ok_or(AskedError::Empty)?;
        let (scheme, first) =
            first.split_once("://").map_or((None, first), |(scheme, rest)| (Some(scheme), rest));
        let first = first.strip_suffix('/').unwrap_or(first);
        let mut tls = match scheme.map(str::to_ascii_lowercase).as_deref() {
            None => None,
            Some("imaps") => Some(TlsMode::Implicit),
            Some("imap") => Some(TlsMode::StartTls),
            Some(_) => return Err(AskedError::NoName),
        };
        let (name, mut port) = host_and_port(first)?;
        for word in words {
            match (protection(word), word.trim_start_matches(':').parse::<u16>()) {
                (Some(said), _) => tls = Some(said),
                (None, Ok(said)) if said > 0 => port = Some(said),
                (None, _) if word.trim_start_matches(':').bytes().all(|b| b.is_ascii_digit()) => {
                    return Err(AskedError::Port);
                }
                _ => return Err(AskedError::Word),
            }
        }
        let subject = match name.rsplit_once('@') {
            Some((local, domain)) if !local.is_empty() => match named(domain)? {
                Subject::Name(domain) => Subject::Address { domain },
                _ => return Err(AskedError::NoName),
            },
            Some(_) => return Err(AskedError::NoName),
            None => match named(name)? {
                Subject::Name(name) if port.is_some() || tls.is_some() => Subject::Host(name),
                subject => subject,
            },
        };
        Ok(Asked { subject, port, tls })
    }
}

/// Splits a port off; an IPv6 address has its colons itself.
fn host_and_port(text: &str) -> Result<(&str, Option<u16>), AskedError> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((text, None));
    }
    if let Some((inside, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        inside.parse::<Ipv6Addr>().map_err(|_| AskedError::NoName)?;
        return Ok((inside, rest.strip_prefix(':').map(port).transpose()?));
    }
    match text.rsplit_once(':') {
        Some((host, said)) => Ok((host, Some(port(said)?))),
        None => Ok((text, None)),
    }
}

fn port(text: &str) -> Result<u16, AskedError> {
    text.parse().ok().filter(|port| *port > 0).ok_or(AskedError::Port)
}

fn named(text: &str) -> Result<Subject, AskedError> {
    let name = canonical_host(text);
    if name.parse::<IpAddr>().is_ok() {
        return Ok(Subject::Host(name));
    }
    if !is_host_name(&name) {
        return Err(AskedError::NoName);
    }
    Ok(if name.contains('.') { Subject::Name(name) } else { Subject::Host(name) })
}

/// Returns whether DNS could have the name as a host's (RFC 1123 section 2.1), which no number alone is.
pub(crate) fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let digits = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    name.len() <= 253 && name.split('.').all(label) && !name.rsplit('.').next().is_some_and(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(subject: Subject, port: Option<u16>, tls: Option<TlsMode>) -> Result<Asked, AskedError> {
        Ok(Asked { subject, port, tls })
    }

    #[test]
    fn what_a_sheet_says_is_understood() {
        use TlsMode::{Implicit, None as Clear, StartTls};
        let host = |name: &str| Subject::Host(name.to_owned());
        let domain = || "example.org".to_owned();
        for (text, is) in [
            ("anna@Example.org", asked(Subject::Address { domain: domain() }, None, None)),
            (
                "\"a b\"@example.org".replace(' ', "_").as_str(),
                asked(Subject::Address { domain: domain() }, None, None),
            ),
            ("example.org.", asked(Subject::Name(domain()), None, None)),
            ("m\u{fc}ller.example", asked(Subject::Name("xn--mller-kva.example".into()), None, None)),
            ("mail.example.org:993", asked(host("mail.example.org"), Some(993), None)),
            ("mail.example.org 993", asked(host("mail.example.org"), Some(993), None)),
            ("mail.example.org:143, STARTTLS", asked(host("mail.example.org"), Some(143), Some(StartTls))),
            ("mail.example.org SSL/TLS", asked(host("mail.example.org"), None, Some(Implicit))),
            ("mail.example.org tls 1993", asked(host("mail.example.org"), Some(1993), Some(Implicit))),
            ("mail.example.org ssl", asked(host("mail.example.org"), None, Some(Implicit))),
            ("mail.example.org none", asked(host("mail.example.org"), None, Some(Clear))),
            ("imaps://mail.example.org/", asked(host("mail.example.org"), None, Some(Implicit))),
            ("imap://mail.example.org:1143", asked(host("mail.example.org"), Some(1143), Some(StartTls))),
            ("localhost:11993", asked(host("localhost"), Some(11993), None)),
            ("192.0.2.1", asked(host("192.0.2.1"), None, None)),
            ("2001:db8::1", asked(host("2001:db8::1"), None, None)),
            ("[2001:DB8::1]:143", asked(host("2001:db8::1"), Some(143), None)),
        ] {
            assert_eq!(Asked::parse(text), is, "{text}");
        }
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for (text, error) in [
            ("", AskedError::Empty),
            (" ,", AskedError::Empty),
            ("https://example.org", AskedError::NoName),
            ("@example.org", AskedError::NoName),
            ("anna@", AskedError::NoName),
            ("anna@192.0.2.1", AskedError::NoName),
            ("a..example", AskedError::NoName),
            ("-a.example", AskedError::NoName),
            ("300.1.1.1", AskedError::NoName),
            ("exam\u{1b}ple.org", AskedError::NoName),
            ("mail.example.org:0", AskedError::Port),
            ("mail.example.org:70000", AskedError::Port),
            ("mail.example.org 0", AskedError::Port),
            ("mail.example.org:imap", AskedError::Port),
            ("mail.example.org with ssl", AskedError::Word),
        ] {
            assert_eq!(Asked::parse(text), Err(error), "{text}");
        }
    }
}
