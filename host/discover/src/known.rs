//! The hosts that are known: a data file that ships, one entry and one source a provider.

use std::sync::OnceLock;

use mailhaul_net::{Endpoint, TlsMode};
use serde::Deserialize;

use crate::proposal::LogIn;

const DATA: &str = include_str!("../data/hosts.toml");

/// A provider of mailboxes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Provider {
    #[cfg_attr(not(test), expect(dead_code, reason = "for whoever edits the file: what an entry is called"))]
    id: String,
    /// As people call it.
    pub(crate) name: String,
    #[serde(default)]
    domains: Vec<String>,
    #[serde(default)]
    mx: Vec<String>,
    host: String,
    port: u16,
    tls: Protection,
    login: Form,
    /// The page that it was read from.
    pub(crate) source: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Protection {
    Implicit,
    Starttls,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    Address,
    LocalPart,
}

impl Provider {
    pub(crate) fn endpoint(&self) -> Endpoint {
        let tls = match self.tls {
            Protection::Implicit => TlsMode::Implicit,
            Protection::Starttls => TlsMode::StartTls,
        };
        Endpoint::with_port(self.host.clone(), self.port, tls)
    }

    pub(crate) fn log_in(&self) -> LogIn {
        match self.login {
            Form::Address => LogIn::Address,
            Form::LocalPart => LogIn::LocalPart,
        }
    }
}

fn all() -> &'static [Provider] {
    #[derive(Deserialize)]
    struct File {
        host: Vec<Provider>,
    }
    static ALL: OnceLock<Vec<Provider>> = OnceLock::new();
    ALL.get_or_init(|| match toml::from_str(DATA) {
        Ok(File { host }) => host,
        // A test reads the file; whoever breaks it has an empty list and a line in the log.
        Err(error) => {
            tracing::error!(%error, "the list of known hosts cannot be read");
            Vec::new()
        }
    })
}

/// Returns whether `name` is `domain` or lies below it.
pub(crate) fn within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Returns the entry whose value matches `name` most closely: `a.example.org` before `example.org`.
fn closest(name: &str, values: impl Fn(&Provider) -> &[String]) -> Option<&'static Provider> {
    let matching = all().iter().flat_map(|provider| {
        let fits = values(provider).iter().filter(|value| within(name, value));
        fits.map(move |value| (value.len(), provider)).collect::<Vec<_>>()
    });
    matching.max_by_key(|(length, _)| *length).map(|(_, provider)| provider)
}

/// Returns the provider that a mail domain belongs to.
pub(crate) fn by_domain(domain: &str) -> Option<&'static Provider> {
    closest(domain, |provider| &provider.domains)
}

/// Returns the provider that has this IMAP host.
pub(crate) fn by_host(host: &str) -> Option<&'static Provider> {
    all().iter().find(|provider| provider.host == host)
}

/// Returns the provider whose host takes mail.
pub(crate) fn by_mx(mx: &str) -> Option<&'static Provider> {
    closest(mx, |provider| &provider.mx).or_else(|| by_domain(mx))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::asked::is_host_name;

    #[test]
    fn the_file_is_read_and_every_entry_is_whole() {
        toml::from_str::<toml::Table>(DATA).unwrap();
        let all = all();
        assert!(all.len() >= 100, "{}", all.len());
        let (mut ids, mut domains) = (BTreeSet::new(), BTreeSet::new());
        let mut before = "";
        for provider in all {
            let id = provider.id.as_str();
            assert!(ids.insert(id) && !id.is_empty() && !provider.name.trim().is_empty(), "{id}");
            assert!(before < id, "{id} stands behind {before}");
            before = id;
            assert!(provider.source.starts_with("https://"), "{id} has no source");
            let usual = match provider.tls {
                Protection::Implicit => 993,
                Protection::Starttls => 143,
            };
            assert_eq!(provider.port, usual, "{id}");
            assert!(!provider.domains.is_empty() || !provider.mx.is_empty(), "{id} is found by nothing");
            assert!(is_host_name(&provider.host) && provider.host.contains('.'), "{id}");
            for name in provider.domains.iter().chain(&provider.mx) {
                assert!(is_host_name(name) && name.contains('.'), "{id}: {name}");
                assert_eq!(*name, name.to_ascii_lowercase(), "{id}");
            }
            for domain in &provider.domains {
                assert!(domains.insert(domain), "{domain} stands twice");
            }
        }
        let suffixes: Vec<&String> = all.iter().flat_map(|provider| &provider.mx).collect();
        assert_eq!(suffixes.iter().collect::<BTreeSet<_>>().len(), suffixes.len(), "an mx stands twice");
    }

    #[test]
    fn providers_are_found_by_domain_host_and_mx() {
        let host = |found: Option<&'static Provider>| found.map(|provider| provider.host.as_str());
        assert_eq!(host(by_domain("gmail.com")), Some("imap.gmail.com"));
        assert_eq!(host(by_domain("firm.onmicrosoft.com")), Some("outlook.office365.com"));
        assert_eq!(host(by_domain("notgmail.com")), None);
        assert_eq!(host(by_domain("com")), None);
        assert_eq!(host(by_host("imap.web.de")), Some("imap.web.de"));
        assert_eq!(host(by_mx("aspmx.l.google.com")), Some("imap.gmail.com"));
        assert_eq!(host(by_mx("firm-example.mail.protection.outlook.com")), Some("outlook.office365.com"));
        assert_eq!(host(by_mx("mx.zoho.eu")), Some("imappro.zoho.eu"));
        assert_eq!(host(by_mx("mx.example.org")), None);
        assert_eq!(by_domain("web.de").unwrap().log_in(), LogIn::LocalPart);
    }

    #[test]
    fn a_name_is_within_its_domain_only() {
        for (name, domain, is) in [
            ("example.org", "example.org", true),
            ("mail.example.org", "example.org", true),
            ("badexample.org", "example.org", false),
            ("example.org.evil.example", "example.org", false),
        ] {
            assert_eq!(within(name, domain), is, "{name}");
        }
    }
}
