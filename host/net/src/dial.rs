//! Opening a connection: every address of a name is tried, one deadline over all of it.

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use idna::AsciiDenyList;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use crate::transport::Transport;
use crate::trust;
use crate::{Endpoint, Fingerprint, NetError, NetErrorKind, Stream, TlsMode};

/// Name look-up and TCP together: a filtered port must not hold a fleet for minutes.
const CONNECT_DEADLINE: Duration = Duration::from_secs(30);
/// One TLS handshake; servers with a busy CPU or a slow OCSP responder need seconds, not minutes.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(30);
/// The head start of each address over the next (RFC 8305 section 5): a host whose IPv6 is filtered must not
/// cost a time-out per connection.
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);
/// More addresses than this are not tried; a name with hundreds is a mistake or an attack.
const MAX_ADDRESSES: usize = 16;

/// A caller's way to open a connection, in the place of name look-up and TCP.
type Opener = dyn Fn(&Endpoint) -> Opening + Send + Sync;
type Opening = Pin<Box<dyn Future<Output = io::Result<Transport>> + Send>>;

/// Opens connections. Cheap to clone; all clones share one TLS configuration and its session cache.
#[derive(Clone)]
pub struct Dialer {
    /// Empty until the first TLS connection where only the platform's roots count: reading them takes longer
    /// than a connection in clear.
    tls: Arc<OnceLock<TlsConnector>>,
    /// Set by [`Dialer::through`]; `None` dials by TCP.
    opener: Option<Arc<Opener>>,
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dialer")
    }
}

impl Dialer {
    /// Returns the dialer that trusts the platform's root certificates, which are read with the first TLS
    /// connection.
    pub fn platform() -> Dialer {
        static PLATFORM: OnceLock<Dialer> = OnceLock::new();
        PLATFORM.get_or_init(|| Dialer { tls: Arc::default(), opener: None }).clone()
    }

    /// Returns a dialer that trusts the platform's root certificates and those in `extra_roots_pem`.
    ///
    /// A server's own certificate among the extra ones is trusted for the names it carries.
    ///
    /// # Errors
    /// [`NetErrorKind::BadRoots`] when the PEM holds no readable certificate.
    pub fn trusting(extra_roots_pem: &[u8]) -> Result<Dialer, NetError> {
        let connector = connector(trust::certificates(extra_roots_pem)?, None)?;
        Ok(Dialer { tls: Arc::new(OnceLock::from(connector)), opener: None })
    }

    /// Returns a dialer that trusts one server certificate and no other, whatever its name, issuer and dates.
    /// The server still has to prove that it holds the key.
    ///
    /// # Errors
    /// [`NetErrorKind::BadRoots`] when TLS cannot be set up on this machine.
    pub fn pinned(fingerprint: Fingerprint) -> Result<Dialer, NetError> {
        let connector = connector(Vec::new(), Some(fingerprint))?;
        Ok(Dialer { tls: Arc::new(OnceLock::from(connector)), opener: None })
    }

    /// Returns this dialer with `open` in the place of name look-up and TCP: through a tunnel, or to a test's
    /// server in memory. TLS, its roots and the deadlines stay as they are.
    ///
    /// What `open` fails with is read as a failure of TCP is: `ConnectionRefused` is
    /// [`NetErrorKind::Refused`]. A [`NetError`] inside of an [`io::Error`] is handed out as it is.
    #[must_use]
    pub fn through<O, F, S>(self, open: O) -> Dialer
    where
        O: Fn(&Endpoint) -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let opener = move |endpoint: &Endpoint| -> Opening {
            let opening = open(endpoint);
            Box::pin(async move { Ok(Transport::Other(Box::new(opening.await?))) })
        };
        Dialer { opener: Some(Arc::new(opener)), ..self }
    }

    fn tls(&self) -> Result<&TlsConnector, NetError> {
        if let Some(made) = self.tls.get() {
            return Ok(made);
        }
        // Made twice where two connections are the first ones; that costs milliseconds, once.
        let made = connector(Vec::new(), None)?;
        Ok(self.tls.get_or_init(|| made))
    }

    /// Returns a connection to `endpoint`; with [`TlsMode::Implicit`] the TLS handshake is done.
    ///
    /// All addresses of the name are tried, the next one 250 ms after the one before. Gives up after 30
    /// seconds for name and TCP together and 30 more for TLS.
    ///
    /// # Errors
    /// Every [`NetErrorKind`] except `PlainOnTlsPort`; `BadRoots` when the platform has no root certificate
    /// at all.
    pub async fn connect(&self, endpoint: &Endpoint) -> Result<Stream, NetError> {
        match &self.opener {
            Some(opener) => {
                let opening = opener(endpoint);
                let opened = async { opening.await.map_err(|error| NetError::from_tcp(endpoint, &error)) };
                self.over(endpoint, opened).await
            }
            None => self.over(endpoint, open_tcp(endpoint)).await,
        }
    }

    /// As [`connect`](Self::connect), to one of these addresses only: whoever has checked what a name
    /// means dials what was checked, not what the name means a moment later.
    ///
    /// # Errors
    /// As `connect`; `NameUnknown` without any address; `Other` for a dialer that does not dial addresses
    /// ([`through`](Self::through)).
    pub async fn connect_to(
        &self,
        endpoint: &Endpoint,
        addresses: Vec<SocketAddr>,
    ) -> Result<Stream, NetError> {
        if self.opener.is_some() {
            let detail = "connections are opened by other means than an address";
            return Err(NetError::new(NetErrorKind::Other, endpoint, detail));
        }
        self.over(endpoint, open_any(endpoint, addresses)).await
    }

    async fn over(
        &self,
        endpoint: &Endpoint,
        opening: impl Future<Output = Result<Transport, NetError>>,
    ) -> Result<Stream, NetError> {
        let transport = timeout(CONNECT_DEADLINE, opening).await.unwrap_or_else(|_| {
            let detail = format!("the server does not answer within {} seconds", CONNECT_DEADLINE.as_secs());
            Err(NetError::new(NetErrorKind::Filtered, endpoint, detail))
        })?;
        let stream = Stream::plain(transport, endpoint.to_string());
        match endpoint.tls {
            TlsMode::Implicit => self.start_tls(stream, &endpoint.host).await,
            TlsMode::StartTls | TlsMode::None => Ok(stream),
        }
    }

    /// Returns `stream` under TLS, the certificate checked for `host`.
    ///
    /// Nothing read before the hand-over may be used afterwards: the caller drops what it has buffered.
    ///
    /// # Errors
    /// The TLS kinds of [`NetErrorKind`]; `BadRoots` as for `connect`; `Other` when `stream` is under TLS
    /// already or `host` is no valid name.
    pub async fn start_tls(&self, stream: Stream, host: &str) -> Result<Stream, NetError> {
        let endpoint = stream.endpoint().to_owned();
        let Some(transport) = stream.into_plain() else {
            return Err(NetError::new(NetErrorKind::Other, endpoint, "the connection is under TLS already"));
        };
        let host = ascii(host);
        // A trailing dot is right in DNS and wrong in SNI and certificates (RFC 6066 section 3).
        let host = host.strip_suffix('.').unwrap_or(&host);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            NetError::new(
                NetErrorKind::NameUnknown,
                &endpoint,
                "the host is neither a DNS name nor an IP address",
            )
        })?;
        let tls = self.tls().map_err(|error| NetError { endpoint: endpoint.clone(), ..error })?;
        match timeout(HANDSHAKE_DEADLINE, tls.connect(name, transport)).await {
            Ok(Ok(tls)) => Ok(Stream::tls(tls, endpoint)),
            Ok(Err(error)) => Err(NetError::from_handshake(endpoint, &error)),
            Err(_) => {
                let detail =
                    format!("the server does not speak TLS within {} seconds", HANDSHAKE_DEADLINE.as_secs());
                Err(NetError::new(NetErrorKind::Filtered, endpoint, detail))
            }
        }
    }
}

fn connector(
    extra: Vec<CertificateDer<'static>>,
    pinned: Option<Fingerprint>,
) -> Result<TlsConnector, NetError> {
    Ok(TlsConnector::from(Arc::new(trust::client_config(extra, pinned)?)))
}

async fn open_tcp(endpoint: &Endpoint) -> Result<Transport, NetError> {
    open_any(endpoint, resolve(endpoint).await?).await
}

async fn open_any(endpoint: &Endpoint, addresses: Vec<SocketAddr>) -> Result<Transport, NetError> {
    let mut attempts = JoinSet::new();
    for (position, address) in (0u32..).zip(addresses) {
        attempts.spawn(async move {
            sleep(NEXT_ADDRESS_AFTER.saturating_mul(position)).await;
            TcpStream::connect(address).await
        });
    }
    // The most telling failure wins: "refused" says that a host is there, a time-out says nothing.
    let mut worst: Option<NetError> = None;
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok(Ok(tcp)) => {
                // Commands and acknowledgements are small; waiting to fill a packet would add a round trip to
                // each.
                if let Err(error) = tcp.set_nodelay(true) {
                    tracing::debug!(%endpoint, %error, "TCP_NODELAY was refused");
                }
                return Ok(Transport::Tcp(tcp));
            }
            Ok(Err(error)) => {
                let error = NetError::from_tcp(endpoint, &error);
                if worst.as_ref().is_none_or(|_| error.kind == NetErrorKind::Refused) {
                    worst = Some(error);
                }
            }
            Err(join) => tracing::debug!(%endpoint, %join, "a connection attempt ended early"),
        }
    }
    Err(worst.unwrap_or_else(|| {
        NetError::new(NetErrorKind::NameUnknown, endpoint, "the host name has no address")
    }))
}

/// The name as DNS and certificates know it: letters outside ASCII become `xn--` (UTS #46). What has no such
/// form is left as it is, for the look-up to refuse.
pub(crate) fn ascii(host: &str) -> Cow<'_, str> {
    if host.is_ascii() {
        return Cow::Borrowed(host);
    }
    idna::domain_to_ascii_cow(host.as_bytes(), AsciiDenyList::EMPTY).unwrap_or(Cow::Borrowed(host))
}

/// Returns every address of an endpoint, in the resolver's order.
///
/// # Errors
/// `NameUnknown` when the name is none, is not known or has no address.
pub async fn resolve(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, NetError> {
    let unknown = |detail: &str| NetError::new(NetErrorKind::NameUnknown, endpoint, detail);
    if endpoint.host.is_empty() || endpoint.host.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(unknown("the host name is empty or holds blanks"));
    }
    let host = ascii(&endpoint.host);
    let found = tokio::net::lookup_host((&*host, endpoint.port)).await.map_err(|error| {
        tracing::debug!(%endpoint, %error, "name look-up failed");
        unknown("the host name is not known")
    })?;
    let addresses: Vec<SocketAddr> = found.take(MAX_ADDRESSES).collect();
    if addresses.is_empty() { Err(unknown("the host name has no address")) } else { Ok(addresses) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_ascii_are_dialled_in_their_dns_form() {
        assert_eq!(ascii("imap.M\u{fc}ller.de"), "imap.xn--mller-kva.de");
        assert_eq!(ascii("stra\u{df}e.example."), "xn--strae-oqa.example.");
        assert_eq!(ascii("Mail.example.org"), "Mail.example.org");
        assert_eq!(ascii("::1"), "::1");
    }
}
