//! What a call of a plugin may use beside its settings and inputs: origins, hosts, secrets, changes.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use mailhaul_imap::Secret;
use mailhaul_net::Dialer;

use crate::recorded_http::HttpRecorder;

/// The origin of a URL: scheme, host and port, compared exactly. Hosts are lower case, as RFC 3986 (section
/// 6.2.2.1) normalises them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Whether the scheme is `https`; else it is `http`, in clear text.
    pub tls: bool,
    /// A host name, or an address in its usual form, IPv6 without brackets.
    pub host: String,
    /// TCP port; 443 or 80 where the text names none.
    pub port: u16,
}

/// Longest host name in bytes (RFC 1035, section 2.3.4).
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

/// Reads host and port of `panel.example:2083`, `192.0.2.1` or `[2001:db8::1]:443`.
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

/// Who may be sent a secret. A secret goes to nobody else, whatever the plugin does with its handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// An HTTP server, inside a request to exactly this origin.
    Origin(Origin),
    /// The mail server of the old host's side, as the password of a mailbox. Which hosts those may be is
    /// the project file's to say.
    Source,
    /// The mail server of the new host's side, in the same way.
    Target,
}

impl Recipient {
    /// Reads a manifest's `to`; `origin` reads it where it names an origin.
    pub(crate) fn of<E>(to: &str, origin: impl FnOnce(&str) -> Result<Origin, E>) -> Result<Self, E> {
        Self::log_in(to).map_or_else(|| origin(to).map(Self::Origin), Ok)
    }

    /// Returns the side whose log-in a manifest's `to` names; `None` where it names an origin.
    pub(crate) fn log_in(to: &str) -> Option<Self> {
        match to {
            "source" => Some(Self::Source),
            "target" => Some(Self::Target),
            _ => None,
        }
    }
}

/// A secret's value and who may be sent it. `Debug` shows only the latter.
#[derive(Clone)]
pub struct SecretGrant {
    /// The password or token itself; no plugin sees it.
    pub value: Secret,
    /// The one party that may be sent it.
    pub to: Recipient,
}

impl fmt::Debug for SecretGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretGrant").field("to", &self.to).finish_non_exhaustive()
    }
}

/// What the calls of a plugin may use. The default is nothing.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    /// Origins it may send requests to, and whether their names may lead to addresses of this machine or its
    /// network.
    pub http: BTreeMap<Origin, bool>,
    /// What to type so that an origin may be one of this machine or its network: as the manifest asks for it,
    /// where it has settings in it.
    pub private_by: BTreeMap<Origin, String>,
    /// Mail servers at which a source may have mailboxes sign in beside the project's own two; `None` for a
    /// plugin that ships, whose lists the project file answers for.
    pub hosts: Option<Vec<(String, u16)>>,
    /// Secrets it may open, by their names in the manifest.
    pub secrets: BTreeMap<String, SecretGrant>,
    /// Whether a provisioner may create mailboxes.
    pub create: bool,
    /// Whether a provisioner may set quotas.
    pub quota: bool,
    /// How to connect to the origins; `None` trusts the roots the machine trusts.
    pub dialer: Option<Dialer>,
    /// A fixture's replies; with them, nobody is connected to.
    pub replies: Option<Arc<Replies>>,
    /// Where what servers answer is recorded for an author's fixture; `None` in a run.
    pub recorder: Option<HttpRecorder>,
}

/// HTTP replies of an author's fixture, given instead of asking servers.
#[derive(Debug, Clone, Default)]
pub struct Replies {
    /// The reply to each request, which is named as in `GET https://panel.example/api`.
    pub to: BTreeMap<String, Reply>,
}

/// One HTTP reply, as a fixture has it and as [`HttpRecorder`] records it.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// Status code (RFC 9110, section 15).
    pub status: u16,
    /// Headers in the order they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body as text; a recording has U+FFFD where it was not UTF-8.
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
