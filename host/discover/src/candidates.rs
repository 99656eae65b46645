//! The servers that may be the right ones, gathered from everywhere, each once.

use futures_util::future::join_all;
use mailhaul_net::{Endpoint, TlsMode};

use crate::asked::Asked;
use crate::autoconfig::{self, Server};
use crate::fault::Fault;
use crate::http::Url;
use crate::known::{self, Provider, within};
use crate::means::Means;
use crate::proposal::{Found, LogIn, Origin, Proposal, Remark};
use crate::{mx, srv};

/// Servers that are connected to; a search that names more is no help.
const MAX_CANDIDATES: usize = 12;

/// A server that has not been connected to.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) endpoint: Endpoint,
    pub(crate) log_in: Option<LogIn>,
    pub(crate) origins: Vec<Origin>,
}

/// What was gathered.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    pub(crate) found: Vec<Candidate>,
    pub(crate) remarks: Vec<Remark>,
    /// What was connected to before.
    pub(crate) tried: Vec<Proposal>,
    /// The hosts that take the domain's mail.
    mx: Vec<String>,
}

/// Returns the endpoints that what was typed can mean: what was left open is what is usual.
pub(crate) fn endpoints(asked: &Asked, means: &Means) -> Vec<Endpoint> {
    let host = asked.subject.name();
    let usual = |tls| match tls {
        TlsMode::Implicit => means.ports.imaps,
        TlsMode::StartTls | TlsMode::None => means.ports.imap,
    };
    let at = |tls: TlsMode| Endpoint::with_port(host, asked.port.unwrap_or(usual(tls)), tls);
    match (asked.tls, asked.port) {
        (Some(tls), _) => vec![at(tls)],
        (None, Some(port)) if port == usual(TlsMode::StartTls) => vec![at(TlsMode::StartTls)],
        (None, Some(port)) if port == usual(TlsMode::Implicit) => vec![at(TlsMode::Implicit)],
        (None, _) => vec![at(TlsMode::Implicit), at(TlsMode::StartTls)],
    }
}

impl Candidates {
    /// Returns what was connected to, to be added to.
    pub(crate) fn again(found: Found, before: Vec<String>) -> Candidates {
        Candidates { tried: found.proposals, remarks: found.remarks, found: Vec::new(), mx: before }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    fn add(&mut self, endpoint: Endpoint, log_in: Option<LogIn>, origin: Origin) {
        if self.tried.iter().any(|tried| tried.endpoint == endpoint) {
            return;
        }
        if let Some(same) = self.found.iter_mut().find(|one| one.endpoint == endpoint) {
            if !same.origins.contains(&origin) {
                same.origins.push(origin);
                same.origins.sort_by_key(Origin::rank);
            }
            same.log_in = same.log_in.take().or(log_in);
        } else if self.found.len() < MAX_CANDIDATES {
            self.found.push(Candidate { endpoint, log_in, origins: vec![origin] });
        }
    }

    fn add_known(&mut self, provider: &Provider) {
        let origin = Origin::Known { provider: provider.name.clone(), source: provider.source.clone() };
        self.add(provider.endpoint(), Some(provider.log_in()), origin);
    }

    /// Adds the shipped entry of a host.
    pub(crate) fn known_host(&mut self, host: &str) {
        known::by_host(host).into_iter().for_each(|provider| self.add_known(provider));
    }

    /// Adds the shipped entry of a domain.
    pub(crate) fn known_domain(&mut self, domain: &str) {
        known::by_domain(domain).into_iter().for_each(|provider| self.add_known(provider));
    }

    /// Adds what was typed as it is.
    pub(crate) fn typed(&mut self, asked: &Asked, means: &Means) {
        for endpoint in endpoints(asked, means) {
            self.add(endpoint, None, Origin::Typed);
        }
    }

    /// Adds the usual names of mail servers, and the host that takes the domain's mail.
    pub(crate) fn usual(&mut self, means: &Means, domain: &str) {
        let names = [format!("mail.{domain}"), format!("imap.{domain}"), domain.to_owned()];
        let names = names.into_iter().map(|name| (name, Origin::Usual));
        let mx = self.mx.first().cloned().map(|name| (name, Origin::Mx));
        for (name, origin) in names.chain(mx).collect::<Vec<_>>() {
            self.add(
                Endpoint::with_port(name.clone(), means.ports.imaps, TlsMode::Implicit),
                None,
                origin.clone(),
            );
            self.add(Endpoint::with_port(name, means.ports.imap, TlsMode::StartTls), None, origin);
        }
    }

    /// Asks DNS and web servers about a domain. What was learnt stays when this is broken off.
    pub(crate) async fn ask(&mut self, means: &Means, domain: &str) {
        let resolver = means.resolver();
        let srv = async {
            match resolver {
                Ok(resolver) => srv::find(resolver, domain).await,
                Err(error) => (Vec::new(), vec![Remark::Dns(error.clone())]),
            }
        };
        let mx = async {
            match resolver {
                Ok(resolver) => mx::hosts(resolver, domain).await,
                Err(_) => (Vec::new(), None),
            }
        };
        let documents = fetch_all(means, autoconfig::places(domain, true, means).into(), domain);
        let ((servers, odd), (hosts, unknown), documents) = tokio::join!(srv, mx, documents);
        self.remarks.extend(odd);
        // One word about DNS is enough.
        self.remarks
            .extend(unknown.filter(|_| !self.remarks.iter().any(|one| matches!(one, Remark::Dns(_)))));
        servers.into_iter().for_each(|(endpoint, origin)| self.add(endpoint, None, origin));
        self.take(documents, domain, |url| Origin::Document { proven: url.tls, url: url.shown() });
        for host in &hosts {
            if let Some(provider) = known::by_mx(host) {
                let origin = Origin::Provider {
                    mx: host.clone(),
                    provider: provider.name.clone(),
                    source: provider.source.clone(),
                };
                self.add(provider.endpoint(), Some(provider.log_in()), origin);
                break;
            }
        }
        self.mx = hosts;
        if self.found.is_empty() {
            self.ask_further(means, domain).await;
        }
    }

    /// Asks where an answer is worth less: without TLS, and the provider of whoever takes the mail.
    async fn ask_further(&mut self, means: &Means, domain: &str) {
        let plain = fetch_all(means, autoconfig::places(domain, false, means).into(), domain);
        let mx = self.mx.first().cloned().unwrap_or_default();
        let parents = mx::parents(&mx).into_iter().filter(|parent| *parent != domain);
        let https = means.ports.https;
        let of_mx = parents.map(|parent| autoconfig::own_host(parent, domain, true, https)).collect();
        let (plain, of_mx) = tokio::join!(plain, fetch_all(means, of_mx, domain));
        // A redirect to https says nothing: who sent it was not proven.
        self.take(plain, domain, |url| Origin::Document { proven: false, url: url.shown() });
        self.take(of_mx, domain, |url| Origin::MxDocument { mx: mx.clone(), url: url.shown() });
    }

    fn take(&mut self, documents: Vec<Fetched>, domain: &str, origin: impl Fn(&Url) -> Origin) {
        for Fetched { place, document } in documents {
            match document {
                Ok((url, servers)) => {
                    for server in servers {
                        if !within(&server.endpoint.host, domain) {
                            let remark =
                                Remark::Elsewhere { url: url.shown(), host: server.endpoint.host.clone() };
                            if !self.remarks.contains(&remark) {
                                self.remarks.push(remark);
                            }
                        }
                        self.add(server.endpoint, server.log_in, origin(&url));
                    }
                }
                Err(fault) if fault.is_absence() => {
                    tracing::debug!(url = place.shown(), %fault, "no document");
                }
                Err(fault) => self.remarks.push(Remark::Document { url: place.shown(), fault }),
            }
        }
    }

    /// Returns the hosts that take the domain's mail.
    pub(crate) fn mx(&self) -> &[String] {
        &self.mx
    }
}

/// What came of asking for a document.
struct Fetched {
    place: Url,
    document: Result<(Url, Vec<Server>), Fault>,
}

async fn fetch_all(means: &Means, places: Vec<Url>, domain: &str) -> Vec<Fetched> {
    join_all(places.into_iter().map(|place| async move {
        let document = autoconfig::fetch(means, place.clone(), domain).await;
        Fetched { place, document }
    }))
    .await
}
