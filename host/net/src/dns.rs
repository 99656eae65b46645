//! DNS questions: what a zone says now, with how long it may be believed.
//!
//! Without a cache and without DNSSEC validation: an answer is what a resolver said a moment ago, and
//! nothing more. Whoever sends a password because of one has to know by other means that it goes to the
//! right host.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError as Answered, NetError as Failed};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tokio::time::timeout;

use crate::dial::ascii;

/// One server's time for one try; a resolver that has to ask around needs a second or two.
const TRY: Duration = Duration::from_secs(2);
/// Tries at each server: a packet may get lost.
const TRIES: usize = 2;
/// One question, all servers and tries together, and what is asked again over TCP.
const QUESTION: Duration = Duration::from_secs(5);
/// More records than this are not handed on; the largest mail domains have a dozen of a kind.
const MAX_RECORDS: usize = 64;
/// Longest text of a TXT record that is handed on, in bytes; an SPF record has a few hundred.
const MAX_TEXT: usize = 8 << 10;

/// Asks DNS servers. Cheap to clone.
#[derive(Clone)]
pub struct Resolver {
    inner: TokioResolver,
    /// The servers that are asked, for sentences.
    servers: String,
}

/// Records of one kind, in the order of the answer; at least one, at most 64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// The records.
    pub records: Vec<T>,
    /// For how long the answer may be kept: the smallest TTL of its records (RFC 2181 section 5.2). A
    /// resolver with a cache counts it down.
    pub ttl: Duration,
}

/// Where mail for a domain is delivered (RFC 5321 section 5.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mx {
    /// The smaller one is tried first.
    pub preference: u16,
    /// In lower case, without the root's dot; `.` alone says that the domain takes no mail (RFC 7505).
    pub host: String,
}

/// Where a service of a domain is (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Srv {
    /// The smaller one is tried first.
    pub priority: u16,
    /// Among those of one priority, how often it is to be chosen.
    pub weight: u16,
    /// The port; 0 is none.
    pub port: u16,
    /// In lower case, without the root's dot; `.` alone says that the domain does not offer the service.
    pub host: String,
}

/// A question that was not answered with a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} ({record} of {name}, asked of {servers})")]
pub struct DnsError {
    /// What a caller decides by.
    pub kind: DnsErrorKind,
    /// The name that was asked about, control characters escaped.
    pub name: String,
    /// The kind of record: `MX`, `SRV` …; `address` for both kinds of them.
    pub record: &'static str,
    /// The servers that were asked.
    pub servers: String,
}

/// Why there is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DnsErrorKind {
    /// The name does not exist, with any kind of record (NXDOMAIN).
    #[error("there is no such name")]
    NoSuchName,
    /// The name exists without a record of this kind.
    #[error("there is no such record")]
    NoSuchRecord,
    /// What was asked is no name that DNS could have.
    #[error("that is no name in DNS")]
    BadName,
    /// The server answers nobody like us (REFUSED).
    #[error("the DNS server refuses to answer")]
    Refused,
    /// The server could not find out (SERVFAIL), or says that it failed in some other way.
    #[error("the DNS server could not find out")]
    ServerFailure,
    /// No answer in time.
    #[error("no DNS server answers")]
    TimedOut,
    /// Nothing could be asked: no server is configured, or none can be reached.
    #[error("no DNS server can be asked")]
    Unreachable,
}

impl DnsErrorKind {
    /// Returns whether the name or the record does not exist, which is an answer; otherwise nobody knows.
    #[must_use]
    pub fn is_absence(self) -> bool {
        matches!(self, Self::NoSuchName | Self::NoSuchRecord | Self::BadName)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("servers", &self.servers).finish_non_exhaustive()
    }
}

impl Resolver {
    /// Returns a resolver that asks the servers this machine is set up with, and its hosts file.
    ///
    /// # Errors
    /// `Unreachable` when none is configured, or the configuration cannot be read.
    pub fn system() -> Result<Resolver, DnsError> {
        let unusable = |servers: &str| DnsError {
            kind: DnsErrorKind::Unreachable,
            name: "any name".to_owned(),
            record: "a record",
            servers: servers.to_owned(),
        };
        let (config, _) = hickory_resolver::system_conf::read_system_conf()
            .map_err(|_| unusable("the system, whose resolver configuration cannot be used"))?;
        let servers = config.name_servers().to_vec();
        let told: Vec<String> = servers.iter().map(|server| server.ip.to_string()).collect();
        Self::asking(servers, told.join(", "), ResolveHosts::Always).ok_or_else(|| unusable("the system"))
    }

    /// Returns a resolver that asks these servers and nothing else.
    ///
    /// # Errors
    /// `Unreachable` without any server.
    pub fn at(servers: &[SocketAddr]) -> Result<Resolver, DnsError> {
        let told: Vec<String> = servers.iter().map(ToString::to_string).collect();
        let servers: Vec<NameServerConfig> = servers.iter().map(|server| name_server(*server)).collect();
        let unusable = DnsError {
            kind: DnsErrorKind::Unreachable,
            name: "any name".to_owned(),
            record: "a record",
            servers: "nobody".to_owned(),
        };
        if servers.is_empty() {
            return Err(unusable);
        }
        Self::asking(servers, told.join(", "), ResolveHosts::Never).ok_or(unusable)
    }

    fn asking(servers: Vec<NameServerConfig>, told: String, hosts: ResolveHosts) -> Option<Resolver> {
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let options: &mut ResolverOpts = builder.options_mut();
        options.cache_size = 0;
        options.timeout = TRY;
        options.attempts = TRIES;
        options.edns0 = true;
        options.use_hosts_file = hosts;
        let inner = builder.build().ok()?;
        Some(Resolver { inner, servers: told })
    }

    /// Returns the servers that are asked, for a sentence.
    #[must_use]
    pub fn servers(&self) -> &str {
        &self.servers
    }

    /// Returns every address of a name: those of IPv6 and those of IPv4, as far as either is there.
    ///
    /// # Errors
    /// What both questions ended with, when neither has an address: an absence only where both are one.
    pub async fn addresses(&self, name: &str) -> Result<Answer<IpAddr>, DnsError> {
        let v6 = self.ask(name, RecordType::AAAA, "AAAA", |data| match data {
            RData::AAAA(address) => Some(IpAddr::from(address.0)),
            _ => None,
        });
        let v4 = self.ask(name, RecordType::A, "A", |data| match data {
            RData::A(address) => Some(IpAddr::from(address.0)),
            _ => None,
        });
        match tokio::join!(v6, v4) {
            (Ok(mut all), Ok(more)) => {
                all.records.extend(more.records);
                all.records.truncate(MAX_RECORDS);
                Ok(Answer { ttl: all.ttl.min(more.ttl), ..all })
            }
            (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(one),
            // Who reads it has asked for an address, not for a kind of record.
            (Err(one), Err(other)) => {
                let error = if other.kind.is_absence() { one } else { other };
                Err(DnsError { record: "address", ..error })
            }
        }
    }

    /// Returns where mail for a domain is delivered, in the order in which a sender tries.
    ///
    /// # Errors
    /// Every [`DnsErrorKind`].
    pub async fn mx(&self, domain: &str) -> Result<Answer<Mx>, DnsError> {
        let mut answer = self
            .ask(domain, RecordType::MX, "MX", |data| match data {
                RData::MX(mx) => Some(Mx { preference: mx.preference, host: shown(&mx.exchange) }),
                _ => None,
            })
            .await?;
        answer.records.sort();
        Ok(answer)
    }

    /// Returns where a service is, e.g. `_imaps._tcp.example.org`: by priority, and within one the heavier
    /// first, where RFC 2782 would throw dice.
    ///
    /// # Errors
    /// Every [`DnsErrorKind`].
    pub async fn srv(&self, name: &str) -> Result<Answer<Srv>, DnsError> {
        let mut answer = self
            .ask(name, RecordType::SRV, "SRV", |data| match data {
                RData::SRV(srv) => Some(Srv {
                    priority: srv.priority,
                    weight: srv.weight,
                    port: srv.port,
                    host: shown(&srv.target),
                }),
                _ => None,
            })
            .await?;
        answer.records.sort_by_key(|srv| (srv.priority, std::cmp::Reverse(srv.weight)));
        Ok(answer)
    }

    /// Returns the texts of a name, the parts of each put together (RFC 7208 section 3.3), up to 8 KiB of
    /// each. What is not UTF-8 stands as U+FFFD; control characters are in it as they came.
    ///
    /// # Errors
    /// Every [`DnsErrorKind`].
    pub async fn txt(&self, name: &str) -> Result<Answer<String>, DnsError> {
        self.ask(name, RecordType::TXT, "TXT", |data| match data {
            RData::TXT(txt) => {
                let mut whole = txt.txt_data.concat();
                whole.truncate(MAX_TEXT);
                Some(String::from_utf8_lossy(&whole).into_owned())
            }
            _ => None,
        })
        .await
    }

    /// Returns the name servers of a zone, in lower case and without the root's dot.
    ///
    /// # Errors
    /// Every [`DnsErrorKind`].
    pub async fn ns(&self, zone: &str) -> Result<Answer<String>, DnsError> {
        self.ask(zone, RecordType::NS, "NS", |data| match data {
            RData::NS(ns) => Some(shown(&ns.0)),
            _ => None,
        })
        .await
    }

    async fn ask<T>(
        &self,
        name: &str,
        kind: RecordType,
        record: &'static str,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Result<Answer<T>, DnsError> {
        let error = |kind| DnsError {
            kind,
            name: name.chars().take(253).collect::<String>().escape_debug().to_string(),
            record,
            servers: self.servers.clone(),
        };
        let asked = full(name).ok_or_else(|| error(DnsErrorKind::BadName))?;
        let looked_up = timeout(QUESTION, self.inner.lookup(asked, kind)).await;
        let answer = looked_up
            .map_err(|_| error(DnsErrorKind::TimedOut))?
            .map_err(|failed| error(kind_of(&failed, &error(DnsErrorKind::Unreachable))))?;
        let mut ttl = u32::MAX;
        let mut records = Vec::new();
        // On the way there may be CNAMEs, which count with their TTL.
        for found in answer.answers() {
            ttl = ttl.min(found.ttl);
            if records.len() < MAX_RECORDS {
                records.extend(read(&found.data));
            }
        }
        if records.is_empty() {
            return Err(error(DnsErrorKind::NoSuchRecord));
        }
        Ok(Answer { records, ttl: Duration::from_secs(ttl.into()) })
    }
}

fn name_server(at: SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(at.ip());
    for connection in &mut server.connections {
        let one: &mut ConnectionConfig = connection;
        one.port = at.port();
    }
    server
}

/// Returns the name from the root on: this machine's search list is for people at its shell.
fn full(name: &str) -> Option<Name> {
    let name = ascii(name);
    let bare = name.strip_suffix('.').unwrap_or(&name);
    if bare.is_empty() || !bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return None;
    }
    Name::from_ascii(format!("{bare}.")).ok()
}

/// A name of an answer as it is compared and shown; it is ASCII, and what is no letter, digit or usual sign
/// is escaped.
fn shown(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    match text.strip_suffix('.') {
        Some("") | None => text,
        Some(bare) => bare.to_owned(),
    }
}

fn kind_of(failed: &Failed, about: &DnsError) -> DnsErrorKind {
    tracing::debug!(name = about.name, record = about.record, error = %failed, "a DNS question was not answered");
    match failed {
        Failed::Dns(Answered::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => DnsErrorKind::NoSuchName,
            ResponseCode::NoError => DnsErrorKind::NoSuchRecord,
            ResponseCode::Refused => DnsErrorKind::Refused,
            _ => DnsErrorKind::ServerFailure,
        },
        Failed::Dns(Answered::ResponseCode(ResponseCode::Refused)) => DnsErrorKind::Refused,
        Failed::Dns(_) | Failed::Proto(_) => DnsErrorKind::ServerFailure,
        Failed::Timeout => DnsErrorKind::TimedOut,
        _ => DnsErrorKind::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_dns_are_asked_about() {
        let name = |text: &str| full(text).map(|name| name.to_ascii());
        assert_eq!(name("_imaps._tcp.Example.org").as_deref(), Some("_imaps._tcp.Example.org."));
        assert_eq!(name("m\u{fc}ller.example.").as_deref(), Some("xn--mller-kva.example."));
        let long = "a".repeat(64);
        for wrong in ["", ".", "a b.example", "a\\.example", "a..example", &long, &"a.".repeat(130)] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn without_a_server_nobody_is_asked() {
        assert_eq!(Resolver::at(&[]).unwrap_err().kind, DnsErrorKind::Unreachable);
        let resolver = Resolver::at(&["127.0.0.1:9".parse().unwrap()]).unwrap();
        let error = resolver.mx("a b").await.unwrap_err();
        assert_eq!(error.to_string(), "that is no name in DNS (MX of a b, asked of 127.0.0.1:9)");
    }
}
