//! Looking for a server before there is a project: what is proposed, and whether it can be reached.
//!
//! What `mailhaul-discover` finds, in the words of every front end. Nothing here logs in.

use std::net::SocketAddr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
pub use mailhaul_discover::{
    Asked, AskedError, Found, LogIn, Means, Obstacle, Origin, Proposal, Reached, Remark, Subject, known,
    look, protection, search,
};
use mailhaul_net::Dialer;
use mailhaul_net::dns::Resolver;
pub use mailhaul_net::{Certificate, Endpoint, Fingerprint, NetError, NetErrorKind, TlsMode};

use crate::Failure;

/// Names of a certificate that are shown; large providers have a hundred.
const MAX_NAMES: usize = 3;

/// Returns what servers are looked for with: the machine's own resolver and trusted roots, or these
/// resolvers alone.
///
/// # Errors
/// When no resolver can be set up with these addresses.
pub fn means(resolvers: &[SocketAddr]) -> Result<Means, Failure> {
    let dialer = Dialer::platform();
    if resolvers.is_empty() {
        return Ok(Means::system(dialer));
    }
    let resolver = Resolver::at(resolvers).map_err(|error| Failure::input(error.to_string(), None))?;
    Ok(Means::asking(dialer, resolver))
}

/// Says what came of connecting to a server: one sentence, what is the server's own in it printable ASCII.
#[must_use]
pub fn sentence(reached: &Result<Reached, Obstacle>) -> String {
    match reached {
        Ok(Reached { certificate: Some(certificate) }) => format!(
            "reached, certificate for {}, issued by {}, until {}",
            names(certificate),
            if certificate.issuer.is_empty() { "nobody that it names" } else { &certificate.issuer },
            day(certificate.not_after)
        ),
        Ok(Reached { certificate: None }) => "reached, in clear text".to_owned(),
        Err(obstacle) => match obstacle.certificate() {
            Some(certificate) => {
                format!("{obstacle}: for {}, until {}", names(certificate), day(certificate.not_after))
            }
            None => obstacle.to_string(),
        },
    }
}

/// Says what can be done about a server that cannot be used. `table` is where it stands in `mailhaul.toml`,
/// `source` or `target`; what is to be typed is complete.
#[must_use]
pub fn remedy(table: &str, endpoint: &Endpoint, obstacle: &Obstacle) -> String {
    let Some(kind) = obstacle.kind() else {
        return match obstacle {
            Obstacle::NoStartTls { .. } => {
                "ask the host for the port with TLS from the first byte, usually 993; mailhaul sends no password in \
                 clear text unless the file says `allow_cleartext = true`"
                    .to_owned()
            }
            Obstacle::NotImap { .. } => format!("the port is another service's; put the IMAP port under `[{table}]`"),
            Obstacle::Bye { .. } => "try again later, or ask the host what it means".to_owned(),
            _ => "check host and port, and any firewall in between".to_owned(),
        };
    };
    let certificate = obstacle.certificate();
    match kind {
        NetErrorKind::NameUnknown => format!("check `host` under `[{table}]`"),
        NetErrorKind::Refused => {
            format!("check `port` under `[{table}]`, 993 and 143 are usual, and that the server runs")
        }
        NetErrorKind::Filtered => "check host and port, and any firewall in between".to_owned(),
        NetErrorKind::TlsName => match certificate.and_then(|certificate| certificate.names.first()) {
            Some(name) => format!(
                "if it is the same server, put its own name, as in `host = \"{name}\"`, under `[{table}]`"
            ),
            None => format!("put the name its certificate is for under `[{table}]`"),
        },
        NetErrorKind::TlsUntrusted if certificate.is_some() => {
            let starttls = if endpoint.tls == TlsMode::StartTls { " -starttls imap" } else { "" };
            format!(
                "if its operator confirms the fingerprint {}, trust it: `openssl s_client -connect {endpoint}{starttls} \
                 </dev/null | openssl x509 >{table}.pem`, and `ca_file = \"{table}.pem\"` under `[{table}]`",
                certificate.map(|certificate| certificate.fingerprint.to_string()).unwrap_or_default()
            )
        }
        NetErrorKind::TlsExpired => match certificate {
            Some(certificate) => format!(
                "have it renewed; or, if its operator confirms it, `fingerprint = \"{}\"` under `[{table}]`",
                certificate.fingerprint
            ),
            None => "have it renewed".to_owned(),
        },
        NetErrorKind::TlsOnPlainPort => {
            format!(
                "put `tls = \"starttls\"` under `[{table}]`, or the port for TLS from the first byte, usually 993"
            )
        }
        NetErrorKind::PlainOnTlsPort => format!("put `tls = \"implicit\"` under `[{table}]`"),
        NetErrorKind::TlsUntrusted | NetErrorKind::TlsPinned | NetErrorKind::BadRoots => {
            "check the root certificates of this machine".to_owned()
        }
        NetErrorKind::Closed | NetErrorKind::Other => "check host and port, or try again later".to_owned(),
    }
}

fn names(certificate: &Certificate) -> String {
    let more = certificate.names.len().saturating_sub(MAX_NAMES);
    let mut shown = certificate.names.iter().take(MAX_NAMES).cloned().collect::<Vec<_>>().join(", ");
    if shown.is_empty() {
        shown.push_str("no name");
    }
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// The day of a Unix time, UTC.
fn day(time: i64) -> String {
    let time = Timestamp::from_second(time).map(|time| time.to_zoned(TimeZone::UTC).date().to_string());
    time.unwrap_or_else(|_| "a day that is none".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(names: usize) -> Certificate {
        Certificate {
            names: (0..names).map(|n| format!("h{n}.example")).collect(),
            issuer: "Authority".into(),
            not_before: 0,
            not_after: 1_800_000_000,
            self_signed: false,
            fingerprint: Fingerprint::of(b""),
        }
    }

    #[test]
    fn a_certificate_is_said_in_a_line() {
        let said = |names| sentence(&Ok(Reached { certificate: Some(certificate(names)) }));
        assert_eq!(said(1), "reached, certificate for h0.example, issued by Authority, until 2027-01-15");
        assert!(said(5).contains("for h0.example, h1.example, h2.example and 2 more, issued"));
        assert!(said(0).contains("for no name"));
    }

    #[test]
    fn every_obstacle_has_what_to_do() {
        let endpoint = Endpoint::with_port("mail.example", 1143, TlsMode::StartTls);
        let shown = |kind, certificate: Option<Certificate>| {
            let error =
                NetError { certificate: certificate.map(Box::new), ..NetError::new(kind, &endpoint, "x") };
            remedy("source", &endpoint, &Obstacle::Net(error))
        };
        let pinned = shown(NetErrorKind::TlsUntrusted, Some(certificate(1)));
        assert!(
            pinned.contains("openssl s_client -connect mail.example:1143 -starttls imap </dev/null"),
            "{pinned}"
        );
        assert!(shown(NetErrorKind::TlsName, Some(certificate(1))).contains("host = \"h0.example\""));
        assert!(
            shown(NetErrorKind::TlsExpired, Some(certificate(1))).contains("fingerprint = \"sha256:e3b0")
        );
        for kind in
            [NetErrorKind::NameUnknown, NetErrorKind::Refused, NetErrorKind::Filtered, NetErrorKind::Other]
        {
            assert!(!shown(kind, None).is_empty());
        }
    }
}
