//! What a search is done with: the dialer, the resolver, the ports.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mailhaul_net::dns::{DnsError, Resolver};
use mailhaul_net::{Dialer, Endpoint, NetError, NetErrorKind, Stream, TlsMode};
use tokio::time::timeout;

/// TCP and TLS to one server, with its name: the person waits, and a host that takes longer is no good one.
const CONNECT: Duration = Duration::from_secs(6);

/// What servers are looked for with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Means {
    dialer: Dialer,
    resolver: Result<Resolver, DnsError>,
    pub(crate) ports: Ports,
}

/// The ports that are tried. Others than the usual ones are for tests, which may not bind those.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub imaps: u16,
    pub imap: u16,
    pub https: u16,
    pub http: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Self { imaps: 993, imap: 143, https: 443, http: 80 }
    }
}

impl Means {
    /// Returns the usual means: the system's resolver, where there is one, and the system's look-up of
    /// hosts, as every later connection has it.
    #[must_use]
    pub fn system(dialer: Dialer) -> Means {
        Means { dialer, resolver: Resolver::system(), ports: Ports::default() }
    }

    /// Returns means that ask this resolver about everything, hosts included.
    #[must_use]
    pub fn asking(dialer: Dialer, resolver: Resolver) -> Means {
        let looking = resolver.clone();
        let dialer = dialer.through(move |endpoint| {
            let (resolver, endpoint) = (looking.clone(), Endpoint { tls: TlsMode::None, ..endpoint.clone() });
            async move { open(&resolver, &endpoint).await.map_err(io::Error::other) }
        });
        Means { dialer, resolver: Ok(resolver), ports: Ports::default() }
    }

    /// Returns these means with other ports.
    #[doc(hidden)]
    #[must_use]
    pub fn on_ports(self, ports: Ports) -> Means {
        Means { ports, ..self }
    }

    /// The resolver, or why there is none.
    pub(crate) fn resolver(&self) -> Result<&Resolver, &DnsError> {
        self.resolver.as_ref()
    }

    /// Opens connections: to what the resolver says, where it is asked about everything.
    pub fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// Returns a connection as [`Dialer::connect`] makes it, within six seconds.
    pub(crate) async fn connect(&self, endpoint: &Endpoint) -> Result<Stream, NetError> {
        timeout(CONNECT, self.dialer.connect(endpoint)).await.unwrap_or_else(|_| {
            let detail = format!("the server does not answer within {} seconds", CONNECT.as_secs());
            Err(NetError::new(NetErrorKind::Filtered, endpoint, detail))
        })
    }
}

/// Opens a connection in clear to a host, by the addresses that the resolver tells.
async fn open(resolver: &Resolver, endpoint: &Endpoint) -> Result<Stream, NetError> {
    let plain = Dialer::platform();
    if !is_name(&endpoint.host) {
        return plain.connect(endpoint).await;
    }
    let found = resolver.addresses(&endpoint.host).await;
    let found =
        found.map_err(|error| NetError::new(NetErrorKind::NameUnknown, endpoint, error.to_string()))?;
    let at = |address: IpAddr| SocketAddr::new(address, endpoint.port);
    plain.connect_to(endpoint, found.records.into_iter().map(at).collect()).await
}

/// Returns whether DNS is to be asked about a host: no address, and not this machine (RFC 6761 section 6.3).
fn is_name(host: &str) -> bool {
    host.parse::<IpAddr>().is_err() && host != "localhost" && !host.ends_with(".localhost")
}
