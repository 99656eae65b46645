//! What the operator granted a plugin, for one kind of call.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use mailhaul_imap::Secret;
use mailhaul_net::Dialer;

use crate::recorded_http::HttpRecorder;

/// Scheme, host and port, compared exactly. Hosts are lower case, as URLs of RFC 3986 have them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Whether the connection is protected.
    pub tls: bool,
    /// A host name, or an address in its usual form, IPv6 without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Longest host name (RFC 1035).
const HOST: usize = 253;

impl FromStr for Origin {
    type Err = String;

    /// Reads `https://panel.example:2083`. The error is one sentence that shows the right form.
    fn from_str(text: &str) -> Result<Self, String> {
        let form = "an origin looks like `https://panel.example:2083`";
        let (tls, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some(_) => return Err(format!("only http and https are spoken: {form}")),
            None => return Err(format!("the scheme is missing: {form}")),
        };
        if rest.contains(['/', '?', '#', '@', '*', '\\']) {
            return Err(format!("it has no path, user or wildcard: {form}"));
        }
        let (host, port) = authority(rest)?;
        Ok(Self { tls, host, port: port.unwrap_or(if tls { 443 } else { 80 }) })
    }
}

/// Host and port of `panel.example:2083`, `192.0.2.1` or `[2001:db8::1]:443`.
///
/// Other ways to write an address (`0x7f.1`, `2130706433`, `127.1`) are refused: what a name that looks
/// like a number means differs between resolvers.
pub(crate) fn authority(text: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or("a `]` is missing")?;
            let address = host.parse().map_err(|_| "this is no IPv6 address".to_owned())?;
            (IpAddr::V6(address).to_string(), rest.strip_prefix(':').or((!rest.is_empty()).then_some("")))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host_name(host)?, Some(port)),
            None => (host_name(text)?, None),
        },
    };
    let number = |port: &str| match port.parse() {
        Ok(number @ 1..) if port.bytes().all(|byte| byte.is_ascii_digit()) => Ok(number),
        _ => Err("this is no port".to_owned()),
    };
    Ok((host, port.map(number).transpose()?))
}

fn host_name(text: &str) -> Result<String, String> {
    let host = text.to_ascii_lowercase();
    if let Ok(address) = host.parse::<std::net::Ipv4Addr>() {
        return Ok(address.to_string());
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if host.len() > HOST || !host.split('.').all(label) {
        return Err(
            "the host is no name of letters, digits and `-` (international names: `xn--…`)".to_owned()
        );
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") {
        return Err("the host is a number that is no usual address".to_owned());
    }
    Ok(host)
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]", self.host)?;
        } else {
            write!(f, "{scheme}://{}", self.host)?;
        }
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// Who may be sent a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// An HTTP server.
    Origin(Origin),
    /// The mail server of the old host's side, as the password of a mailbox. Which hosts those may be is
    /// the project file's to say.
    Source,
    /// The same on the new host's side.
    Target,
}

impl Recipient {
    /// Whom a manifest's `to` means; `origin` reads it where it is one.
    pub(crate) fn of<E>(to: &str, origin: impl FnOnce(&str) -> Result<Origin, E>) -> Result<Self, E> {
        Self::log_in(to).map_or_else(|| origin(to).map(Self::Origin), Ok)
    }

    /// The side whose log-in a manifest's `to` means; `None` for an origin.
    pub(crate) fn log_in(to: &str) -> Option<Self> {
        match to {
            "source" => Some(Self::Source),
            "target" => Some(Self::Target),
            _ => None,
        }
    }
}

/// A secret and where it may go.
#[derive(Clone)]
pub struct SecretGrant {
    /// Its value.
    pub value: Secret,
    /// Whom it may be sent to.
    pub to: Recipient,
}

impl fmt::Debug for SecretGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretGrant").field("to", &self.to).finish_non_exhaustive()
    }
}

/// What calls of one kind may use. Nothing, unless it is said.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    /// Origins it may speak to, and whether they may have addresses no public service has.
    pub http: BTreeMap<Origin, bool>,
    /// Mail servers at which a source may have mailboxes sign in beside the project's own two; `None` for a
    /// plugin that ships, whose lists the project file answers for.
    pub hosts: Option<Vec<(String, u16)>>,
    /// Secrets by their names in the manifest.
    pub secrets: BTreeMap<String, SecretGrant>,
    /// Whether a provisioner may create mailboxes.
    pub create: bool,
    /// Whether a provisioner may set quotas.
    pub quota: bool,
    /// How to connect where more roots than the machine's are trusted.
    pub dialer: Option<Dialer>,
    /// What a fixture's servers say; with it, nobody is connected to.
    pub replies: Option<Arc<Replies>>,
    /// Where an author's replies are collected; none, as a rule.
    pub recorder: Option<HttpRecorder>,
}

/// Replies of servers that are not asked, for an author's fixtures.
#[derive(Debug, Clone, Default)]
pub struct Replies {
    /// `GET https://panel.example/api` to its reply.
    pub to: BTreeMap<String, Reply>,
}

/// One reply.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_one_form() {
        let shown = |text: &str| text.parse::<Origin>().map(|origin| origin.to_string());
        assert_eq!(shown("HTTPS://Panel.Example"), Ok("https://panel.example".into()));
        assert_eq!(shown("https://panel.example:443"), Ok("https://panel.example".into()));
        assert_eq!(shown("http://192.0.2.1:8080"), Ok("http://192.0.2.1:8080".into()));
        assert_eq!(shown("https://[2001:DB8::1]:2083"), Ok("https://[2001:db8::1]:2083".into()));
    }

    #[test]
    fn what_could_mean_something_else_is_refused() {
        for text in [
            "panel.example",
            "ftp://panel.example",
            "https://",
            "https://user@panel.example",
            "https://panel.example/api",
            "https://*.example",
            "https://panel.example.",
            "https://2130706433",
            "https://127.1",
            "https://0x7f.0.0.1",
            "https://0177.0.0.01",
            "https://panel.example:0",
            "https://panel.example:+1",
            "https://panel.example:99999",
            "https://[::1",
            "https://[::1]x",
            "https://pänel.example",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
