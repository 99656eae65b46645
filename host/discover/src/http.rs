//! One small document by HTTP: a GET with a bound on everything, and redirects that lose nothing of TLS.

use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, LOCATION, USER_AGENT};
use hyper_util::rt::TokioIo;
use mailhaul_net::{Endpoint, TlsMode};
use tokio::time::timeout;

use crate::asked::is_host_name;
use crate::fault::{Fault, MAX_DOCUMENT};
use crate::means::Means;

/// Name, connection, head and body, redirects included.
const TIME: Duration = Duration::from_secs(7);
/// The largest head of a reply.
const MAX_HEAD: usize = 16 << 10;
/// The most header lines of a reply.
const MAX_HEADERS: usize = 64;
/// Redirects that are followed.
const REDIRECTS: usize = 2;
/// The longest URL that is followed.
const MAX_URL: usize = 1024;

/// Where a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Path and query.
    pub(crate) target: String,
}

impl Url {
    /// The URL for people: without the query, and with a port where it is not the usual one.
    pub(crate) fn shown(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let usual = if self.tls { 443 } else { 80 };
        let port = if self.port == usual { String::new() } else { format!(":{}", self.port) };
        let path = self.target.split('?').next().unwrap_or_default();
        format!("{scheme}://{}{port}{path}", self.host)
    }

    /// Returns where `location` leads from here (RFC 9110 section 10.2.2): an absolute URL, or an absolute
    /// path.
    fn follow(&self, location: &str, means: &Means) -> Option<Url> {
        let location = location.split('#').next()?;
        let printable = location.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        if !printable || location.is_empty() || location.len() > MAX_URL {
            return None;
        }
        if location.starts_with('/') && !location.starts_with("//") {
            return Some(Url { target: location.to_owned(), ..self.clone() });
        }
        let (scheme, rest) = location.split_once("//")?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "" => self.tls,
            "https:" => true,
            "http:" => false,
            _ => return None,
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok().filter(|port| *port > 0)?),
            None if tls => (authority, means.ports.https),
            None => (authority, means.ports.http),
        };
        let host = host.to_ascii_lowercase();
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        is_host_name(&host).then_some(Url { tls, host, port, target })
    }
}

/// Returns a document and where it was in the end.
///
/// # Errors
/// Every [`Fault`] of the way; none of what is in the document.
pub(crate) async fn get(means: &Means, url: Url) -> Result<(Url, Vec<u8>), Fault> {
    timeout(TIME, follow(means, url)).await.unwrap_or(Err(Fault::TimedOut))
}

async fn follow(means: &Means, mut url: Url) -> Result<(Url, Vec<u8>), Fault> {
    for _ in 0..=REDIRECTS {
        let next = match exchange(means, &url).await? {
            Reply::Document(body) => return Ok((url, body)),
            Reply::Redirect(location) => url.follow(&location, means).ok_or(Fault::BadRedirect)?,
        };
        if url.tls && !next.tls {
            return Err(Fault::LeavesTls);
        }
        url = next;
    }
    Err(Fault::TooManyRedirects)
}

enum Reply {
    Document(Vec<u8>),
    Redirect(String),
}

/// The task that carries a connection's bytes; it ends with its user.
struct Connection(tokio::task::JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn exchange(means: &Means, url: &Url) -> Result<Reply, Fault> {
    let tls = if url.tls { TlsMode::Implicit } else { TlsMode::None };
    let stream =
        means.connect(&Endpoint::with_port(url.host.clone(), url.port, tls)).await.map_err(Fault::Net)?;
    let handshake = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await;
    let (mut sender, connection) = handshake.map_err(|_| Fault::Broken)?;
    let _connection = Connection(tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "an HTTP connection ended");
        }
    }));
    let usual = if url.tls { 443 } else { 80 };
    let host = if url.port == usual { url.host.clone() } else { format!("{}:{}", url.host, url.port) };
    let request = hyper::Request::get(url.target.as_str())
        .header(HOST, host)
        .header(CONNECTION, "close")
        .header(USER_AGENT, concat!("mailhaul/", env!("CARGO_PKG_VERSION")))
        .body(Empty::new())
        .map_err(|_| Fault::BadRedirect)?;
    let reply = sender.send_request(request).await.map_err(|_| Fault::Broken)?;
    match reply.status().as_u16() {
        200 => {}
        301 | 302 | 303 | 307 | 308 => {
            let location = reply.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            return location.map(|location| Reply::Redirect(location.to_owned())).ok_or(Fault::BadRedirect);
        }
        other => return Err(Fault::Status(other)),
    }
    let mut body = reply.into_body();
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| Fault::Broken)?.into_data() {
            if read.len().saturating_add(data.len()) > MAX_DOCUMENT {
                return Err(Fault::TooLarge);
            }
            read.extend_from_slice(&data);
        }
    }
    Ok(Reply::Document(read))
}

#[cfg(test)]
mod tests {
    use mailhaul_net::Dialer;

    use super::*;

    #[test]
    fn redirects_lead_to_hosts_only() {
        let means = Means::system(Dialer::platform());
        let url =
            |tls, host: &str, port, target: &str| Url { tls, host: host.into(), port, target: target.into() };
        let from = url(true, "autoconfig.example.org", 443, "/mail/config-v1.1.xml?emailaddress=a");
        assert_eq!(from.shown(), "https://autoconfig.example.org/mail/config-v1.1.xml");
        let to = |location: &str| from.follow(location, &means);
        assert_eq!(to("/x?y#z"), Some(url(true, "autoconfig.example.org", 443, "/x?y")));
        assert_eq!(to("https://A.example/b"), Some(url(true, "a.example", 443, "/b")));
        assert_eq!(to("//a.example:8443"), Some(url(true, "a.example", 8443, "/")));
        assert_eq!(to("http://a.example?b"), Some(url(false, "a.example", 80, "/?b")));
        let long = format!("https://a.example/{}", "x".repeat(MAX_URL));
        for wrong in [
            "",
            "x",
            "ftp://a.example/",
            "https://u@a.example/",
            "https://a.example:0/",
            "https://[::1]/",
            "https://192.0.2.1/",
            "/a b",
            "/a\r\nX: y",
            "https:///",
            &long,
        ] {
            assert_eq!(to(wrong), None, "{wrong}");
        }
    }
}
