//! `http`: requests to granted origins.
//!
//! Policy: the URL's origin must be granted; the addresses its name has are looked up once, those that are
//! not public are left out unless the grant says otherwise, and what was checked is dialled. Redirects stay
//! inside the granted origins. Secrets are spliced here, towards origins they were granted for; a request
//! with one in it, wherever, follows no redirect to another origin. Everything is bounded: requests, time,
//! heads, bodies. The guest's clock stands still meanwhile.

mod address;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use hyper::{Method, Uri};
use hyper_util::rt::TokioIo;
use mailhaul_net::{Dialer, Endpoint, NetError, NetErrorKind, TlsMode};
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, timeout_at};
use wasmtime::component::Resource;
use zeroize::Zeroizing;

use self::address::Reach;
use super::secrets::SecretHandle;
use crate::bindings::imports::mailhaul::plugin::http as wit;
use crate::grants::{Grants, Origin, Recipient, Replies, authority};
use crate::limits::{
    HTTP_BODY, HTTP_HEAD, HTTP_HEADERS, HTTP_READ, HTTP_REDIRECTS, HTTP_REQUESTS, HTTP_TIMEOUT, HTTP_URL,
    MESSAGE,
};
use crate::recorded_http::HttpRecorder;
use crate::state::CallState;
use crate::text;

type Outcome<T> = Result<T, wit::HttpError>;
type Answer<T> = wasmtime::Result<Outcome<T>>;

/// Headers that decide how the message is framed or routed: the host writes them.
const OWN_HEADERS: [&str; 9] = [
    "host",
    "content-length",
    "connection",
    "transfer-encoding",
    "te",
    "upgrade",
    "trailer",
    "expect",
    "keep-alive",
];

/// A reply whose body is still coming. Dropping it closes the connection.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct ResponseHandle {
    status: u16,
    headers: Vec<(String, String)>,
    /// `None` for a fixture's reply, whose text is in `rest` from the beginning.
    body: Option<Incoming>,
    rest: Bytes,
    read: u64,
    timeout: Duration,
    origin: String,
    /// Where what is read goes too, for an author's fixture.
    recording: Option<(HttpRecorder, usize)>,
    _connection: Option<Connection>,
}

/// The task that carries a connection's bytes; it ends with its user.
struct Connection(tokio::task::JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A request as it goes out, with its secrets in it.
struct PreparedRequest {
    method: Method,
    origin: Origin,
    target: String,
    headers: HeaderMap,
    /// Whether it holds a secret, in a header or in its body: it goes to the first origin only.
    secret: bool,
    body: Bytes,
}

impl PreparedRequest {
    /// Method and URL, which are a reply's key in fixtures and recordings.
    fn asked(&self) -> String {
        format!("{} {}{}", self.method, self.origin, self.target)
    }
}

impl wit::Host for CallState {
    async fn send(&mut self, request: wit::Request) -> Answer<Resource<ResponseHandle>> {
        if self.http_requests >= HTTP_REQUESTS {
            return Ok(Err(wit::HttpError::Denied(format!(
                "more than {HTTP_REQUESTS} requests in one call"
            ))));
        }
        self.http_requests += 1;
        let timeout = request.timeout_ms.map_or(HTTP_TIMEOUT, |ms| Duration::from_millis(ms.into()));
        let timeout = timeout.min(HTTP_TIMEOUT);
        let prepared = match self.prepare(request) {
            Ok(prepared) => prepared,
            Err(error) => return Ok(Err(error)),
        };
        let (clock, grants) = (self.clock.clone(), Arc::clone(&self.grants));
        if let Some(replies) = &grants.replies {
            return match fixture_reply(replies, &prepared) {
                Ok(response) => self.hand_out(response).map(Ok),
                Err(error) => Ok(Err(error)),
            };
        }
        let asked = grants.recorder.as_ref().map(|_| prepared.asked());
        match clock.waiting(follow(&grants, prepared, timeout)).await {
            Ok(mut response) => {
                if let (Some(recorder), Some(asked)) = (&grants.recorder, asked) {
                    let number = recorder.begin(asked, response.status, &response.headers);
                    response.recording = Some((recorder.clone(), number));
                }
                self.hand_out(response).map(Ok)
            }
            Err(error) => Ok(Err(error)),
        }
    }
}

impl wit::HostResponse for CallState {
    async fn status(&mut self, response: Resource<ResponseHandle>) -> wasmtime::Result<u16> {
        Ok(self.handles.get(&response)?.status)
    }

    async fn headers(
        &mut self,
        response: Resource<ResponseHandle>,
    ) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(self.handles.get(&response)?.headers.clone())
    }

    async fn read(&mut self, response: Resource<ResponseHandle>, max: u32) -> Answer<Vec<u8>> {
        let clock = self.clock.clone();
        let response = self.handles.get_mut(&response)?;
        let read = clock.waiting(response.next(max.min(HTTP_READ) as usize)).await;
        if let (Some((recorder, number)), Ok(bytes)) = (&response.recording, &read) {
            recorder.read(*number, bytes);
        }
        Ok(read)
    }

    async fn drop(&mut self, response: Resource<ResponseHandle>) -> wasmtime::Result<()> {
        self.handles.delete(response)?;
        Ok(())
    }
}

/// Answers from a fixture. A request has passed every check by now that one to a server would have to pass.
fn fixture_reply(replies: &Replies, request: &PreparedRequest) -> Outcome<ResponseHandle> {
    let asked = request.asked();
    let reply = replies
        .to
        .get(&asked)
        .ok_or_else(|| wit::HttpError::Connect(format!("the fixture's `http` has no reply to `{asked}`")))?;
    Ok(ResponseHandle {
        status: reply.status,
        headers: reply.headers.clone(),
        body: None,
        rest: Bytes::copy_from_slice(reply.body.as_bytes()),
        read: 0,
        timeout: HTTP_TIMEOUT,
        origin: request.origin.to_string(),
        recording: None,
        _connection: None,
    })
}

impl ResponseHandle {
    async fn next(&mut self, max: usize) -> Outcome<Vec<u8>> {
        let deadline = Instant::now() + self.timeout;
        while self.rest.is_empty() {
            let Some(body) = &mut self.body else { return Ok(Vec::new()) };
            let frame = timeout_at(deadline, body.frame()).await.map_err(|_| wit::HttpError::Timeout)?;
            let Some(frame) = frame else { return Ok(Vec::new()) };
            let frame = frame.map_err(|error| broken(&self.origin, &error))?;
            if let Ok(data) = frame.into_data() {
                self.read = self.read.saturating_add(data.len() as u64);
                if self.read > HTTP_BODY {
                    return Err(wit::HttpError::TooLarge(HTTP_BODY));
                }
                self.rest = data;
            }
        }
        Ok(self.rest.split_to(max.min(self.rest.len())).to_vec())
    }
}

impl CallState {
    /// Makes the request that will be sent, if its origin is granted and its secrets may go there.
    fn prepare(&self, request: wit::Request) -> Outcome<PreparedRequest> {
        let method = match request.method {
            wit::Method::Get => Method::GET,
            wit::Method::Head => Method::HEAD,
            wit::Method::Post => Method::POST,
            wit::Method::Put => Method::PUT,
            wit::Method::Patch => Method::PATCH,
            wit::Method::Delete => Method::DELETE,
            wit::Method::Other(name) => return Err(invalid(format!("the method `{name}` is not spoken"))),
        };
        let (origin, target) = url(&request.url)?;
        granted(&self.grants, &origin)?;
        if request.headers.len() > HTTP_HEADERS {
            return Err(invalid(format!("more than {HTTP_HEADERS} headers")));
        }
        let mut headers = HeaderMap::new();
        let is_secret =
            |pieces: &[wit::Piece]| pieces.iter().any(|piece| !matches!(piece, wit::Piece::Text(_)));
        let mut secret = matches!(&request.body, wit::Body::Pieces(pieces) if is_secret(pieces));
        for header in &request.headers {
            let name = HeaderName::from_bytes(header.name.as_bytes())
                .map_err(|_| invalid(format!("`{}` is no name of a header", header.name)))?;
            if OWN_HEADERS.contains(&name.as_str()) || name.as_str().starts_with("proxy-") {
                return Err(invalid(format!("the header `{name}` is mailhaul's to send")));
            }
            let value = self.spliced(&header.value, &origin)?;
            let mut value = HeaderValue::from_bytes(&value)
                .map_err(|_| invalid(format!("the value of `{name}` has control characters")))?;
            if is_secret(&header.value) {
                value.set_sensitive(true);
                secret = true;
            }
            headers.append(name, value);
        }
        let body = match &request.body {
            wit::Body::Empty => Bytes::new(),
            wit::Body::Bytes(bytes) => Bytes::copy_from_slice(bytes),
            wit::Body::Pieces(pieces) => Bytes::copy_from_slice(&self.spliced(pieces, &origin)?),
        };
        Ok(PreparedRequest { method, origin, target, headers, secret, body })
    }

    fn spliced(&self, pieces: &[wit::Piece], origin: &Origin) -> Outcome<Zeroizing<Vec<u8>>> {
        let mut whole = Zeroizing::new(Vec::new());
        for piece in pieces {
            match piece {
                wit::Piece::Text(text) => whole.extend_from_slice(text.as_bytes()),
                wit::Piece::Secret((handle, encoding)) => {
                    let secret = self.secret_for(handle, origin)?;
                    whole.extend_from_slice(&encoded(secret.value.expose_secret(), encoding)?);
                }
                wit::Piece::Basic((user, handle)) => {
                    let secret = self.secret_for(handle, origin)?;
                    let mut pair = Zeroizing::new(format!("{user}:").into_bytes());
                    pair.extend_from_slice(secret.value.expose_secret());
                    whole.extend_from_slice(Zeroizing::new(STANDARD.encode(&*pair)).as_bytes());
                }
            }
        }
        Ok(whole)
    }

    fn secret_for(&self, handle: &Resource<SecretHandle>, origin: &Origin) -> Outcome<&SecretHandle> {
        let secret =
            self.handles.get(handle).map_err(|_| invalid("it names a secret it does not hold".to_owned()))?;
        if secret.to.contains(&Recipient::Origin(origin.clone())) {
            return Ok(secret);
        }
        Err(wit::HttpError::Denied(format!(
            "the secret `{}` may not be sent to {origin}",
            text::shown(&secret.label, MESSAGE)
        )))
    }
}

/// Refuses an origin that was not granted; returns whether its addresses may be private ones.
fn granted(grants: &Grants, origin: &Origin) -> Outcome<bool> {
    grants
        .http
        .get(origin)
        .copied()
        .ok_or_else(|| wit::HttpError::Denied(format!("{origin} was not granted to this call of the plugin")))
}

/// Sends a request and what it is redirected to, all of it until one deadline.
async fn follow(grants: &Grants, mut request: PreparedRequest, timeout: Duration) -> Outcome<ResponseHandle> {
    let deadline = Instant::now() + timeout;
    for _ in 0..=HTTP_REDIRECTS {
        let private = granted(grants, &request.origin)?;
        let by = grants.private_by.get(&request.origin).cloned();
        let dialer = dialer(grants);
        let exchange = exchange(&request, &dialer, (private, by), timeout);
        let response = timeout_at(deadline, exchange).await.map_err(|_| wit::HttpError::Timeout)??;
        tracing::debug!(
            origin = %request.origin, method = %request.method, sent = request.body.len(),
            status = response.status, "http"
        );
        let next = response.headers.iter().find(|(name, _)| name == LOCATION.as_str());
        let follows = matches!(request.method, Method::GET | Method::HEAD)
            && matches!(response.status, 301 | 302 | 303 | 307 | 308);
        let Some((_, next)) = next.filter(|_| follows) else { return Ok(response) };
        let (origin, target) = location(&request.origin, next)?;
        if origin != request.origin {
            granted(grants, &origin).map_err(|_| {
                let from = &request.origin;
                wit::HttpError::Denied(format!("{from} redirects to {origin}, which was not granted"))
            })?;
            // Without it the request would be another one, which nobody asked for.
            if request.secret {
                let from = &request.origin;
                return Err(wit::HttpError::Denied(format!(
                    "{from} redirects to {origin}, and a request with a secret in it stays at its origin"
                )));
            }
        }
        (request.origin, request.target) = (origin, target);
    }
    Err(wit::HttpError::Other(format!("{} redirects more than {HTTP_REDIRECTS} times", request.origin)))
}

/// Sends one request on a connection of its own and reads the head of the reply.
async fn exchange(
    request: &PreparedRequest,
    dialer: &Dialer,
    private: (bool, Option<String>),
    timeout: Duration,
) -> Outcome<ResponseHandle> {
    let origin = request.origin.to_string();
    let tls = if request.origin.tls { TlsMode::Implicit } else { TlsMode::None };
    let endpoint = Endpoint { host: request.origin.host.clone(), port: request.origin.port, tls };
    let found = mailhaul_net::resolve(&endpoint)
        .await
        .map_err(|error| wit::HttpError::Dns(format!("{}: {}", request.origin.host, error.detail)))?;
    let addresses = allowed(&request.origin, found, private)?;
    let stream = dialer.connect_to(&endpoint, addresses).await.map_err(unreachable_server)?;
    let handshake = http1::Builder::new()
        .max_buf_size(HTTP_HEAD)
        .max_headers(HTTP_HEADERS)
        .handshake::<_, Full<Bytes>>(TokioIo::new(stream))
        .await;
    let (mut sender, connection) = handshake.map_err(|error| broken(&origin, &error))?;
    let connection = Connection(tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "an HTTP connection ended");
        }
    }));
    let mut sent = hyper::Request::new(Full::new(request.body.clone()));
    *sent.method_mut() = request.method.clone();
    *sent.uri_mut() = request.target.parse::<Uri>().map_err(|error| invalid(error.to_string()))?;
    *sent.headers_mut() = request.headers.clone();
    let host = origin.split_once("://").map_or("", |(_, host)| host);
    let own = |value: &str| HeaderValue::from_str(value).map_err(|error| invalid(error.to_string()));
    sent.headers_mut().insert("host", own(host)?);
    sent.headers_mut().insert("connection", own("close")?);
    if !sent.headers().contains_key("user-agent") {
        sent.headers_mut().insert("user-agent", own(concat!("mailhaul/", env!("CARGO_PKG_VERSION")))?);
    }
    let response = sender.send_request(sent).await.map_err(|error| broken(&origin, &error))?;
    let (head, body) = response.into_parts();
    // Latin-1, as HTTP headers are: every byte is a character.
    let latin = |value: &HeaderValue| value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), latin(value)));
    Ok(ResponseHandle {
        status: head.status.as_u16(),
        headers: headers.collect(),
        body: Some(body),
        rest: Bytes::new(),
        read: 0,
        timeout,
        origin,
        recording: None,
        _connection: Some(connection),
    })
}

/// Keeps the addresses that may be dialled; refuses the origin when none is left.
fn allowed(
    origin: &Origin,
    found: Vec<SocketAddr>,
    (private, by): (bool, Option<String>),
) -> Outcome<Vec<SocketAddr>> {
    let may = |address: &SocketAddr| match address::reach(address.ip()) {
        Reach::Public => true,
        Reach::Private => private,
        Reach::Forbidden => false,
    };
    let first = found.first().map(|address| address.ip().to_canonical());
    let addresses: Vec<_> = found.into_iter().filter(may).collect();
    match first {
        Some(first) if addresses.is_empty() => {
            let remedy = if address::reach(first) == Reach::Forbidden {
                "no plugin may reach it".to_owned()
            } else {
                let by = by.unwrap_or_else(|| "mailhaul plugin grant --private".to_owned());
                format!("if it is meant, grant the origin with `{by}`")
            };
            Err(wit::HttpError::Denied(format!(
                "{origin} has the address {first}, which is not on the internet; {remedy}"
            )))
        }
        _ => Ok(addresses),
    }
}

/// What the operator trusts for this plugin, else what the machine trusts.
fn dialer(grants: &Grants) -> Dialer {
    grants.dialer.clone().unwrap_or_else(Dialer::platform)
}

/// Splits an absolute URL into its origin and its path with query.
fn url(text: &str) -> Outcome<(Origin, String)> {
    if text.len() > HTTP_URL || text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(invalid("the URL is too long, or has blanks or control characters".to_owned()));
    }
    let (scheme, rest) =
        text.split_once("://").ok_or_else(|| invalid("the URL is not absolute".to_owned()))?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, target) = rest.split_at(end);
    if host.contains('@') || target.contains('#') {
        return Err(invalid("the URL has user information or a fragment".to_owned()));
    }
    authority(host).map_err(invalid)?;
    let origin = format!("{scheme}://{host}").parse().map_err(invalid)?;
    let target = match target.chars().next() {
        Some('/') => target.to_owned(),
        _ => format!("/{target}"),
    };
    let parsed = target.parse::<Uri>().map_err(|_| invalid("the URL's path cannot be sent".to_owned()))?;
    Ok((origin, parsed.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)))
}

/// Where a redirect leads (RFC 9110, section 10.2.2); relative paths are not followed.
fn location(from: &Origin, to: &str) -> Outcome<(Origin, String)> {
    let to = to.split('#').next().unwrap_or_default();
    if let Some(rest) = to.strip_prefix("//") {
        return url(&format!("{}://{rest}", if from.tls { "https" } else { "http" }));
    }
    if to.starts_with('/') {
        return url(&format!("{from}{to}"));
    }
    url(to)
}

fn encoded(secret: &[u8], encoding: &wit::Encoding) -> Outcome<Zeroizing<Vec<u8>>> {
    Ok(Zeroizing::new(match encoding {
        wit::Encoding::Raw => secret.to_vec(),
        wit::Encoding::Base64 => STANDARD.encode(secret).into_bytes(),
        wit::Encoding::Json => {
            let text = std::str::from_utf8(secret)
                .map_err(|_| invalid("a secret that is not UTF-8 cannot stand in JSON".to_owned()))?;
            let quoted = Zeroizing::new(serde_json::Value::from(text).to_string());
            quoted.as_bytes()[1..quoted.len() - 1].to_vec()
        }
        wit::Encoding::Form => {
            let mut form = Vec::with_capacity(secret.len() * 3);
            for byte in secret {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
                    form.push(*byte);
                } else {
                    form.extend_from_slice(format!("%{byte:02X}").as_bytes());
                }
            }
            form
        }
        wit::Encoding::Other(name) => return Err(invalid(format!("the encoding `{name}` is not known"))),
    }))
}

fn invalid(why: String) -> wit::HttpError {
    wit::HttpError::InvalidRequest(text::shown(&why, MESSAGE))
}

fn broken(origin: &str, error: &hyper::Error) -> wit::HttpError {
    wit::HttpError::Connect(text::shown(&format!("{origin}: {error}"), MESSAGE))
}

fn unreachable_server(error: NetError) -> wit::HttpError {
    let shown = text::shown(&error.to_string(), MESSAGE);
    match error.kind {
        NetErrorKind::TlsUntrusted
        | NetErrorKind::TlsPinned
        | NetErrorKind::TlsName
        | NetErrorKind::TlsExpired => wit::HttpError::Tls(shown),
        NetErrorKind::TlsOnPlainPort | NetErrorKind::BadRoots => wit::HttpError::Tls(shown),
        NetErrorKind::NameUnknown => wit::HttpError::Dns(shown),
        _ => wit::HttpError::Connect(shown),
    }
}

#[cfg(test)]
mod tests;
