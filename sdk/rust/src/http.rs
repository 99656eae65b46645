//! HTTP to the origins the manifest asks for and the operator granted, and to no others.
//!
//! Secrets are put into a request by mailhaul and never seen by the plugin:
//!
//! ```
//! use mailhaul_plugin::{PluginError, http::Request, secrets};
//!
//! #[derive(serde::Deserialize)]
//! struct User { email: String }
//!
//! fn users() -> Result<Vec<User>, PluginError> {
//!     let token = secrets::open("token")?;
//!     let reply = Request::get("https://panel.example/api/users").bearer(&token).send()?;
//!     reply.expect_success()?.json()
//! }
//!
//! # use mailhaul_plugin::testing::{TestReply, with_http, with_secrets};
//! let users = with_secrets(["token"], || {
//!     with_http(|_| Ok(TestReply::json(200, r#"[{"email":"anna@example.org"}]"#)), users)
//! });
//! assert_eq!(users.unwrap()[0].email, "anna@example.org");
//! ```

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Extras, PluginError, Secret, wire};

/// A body is read in pieces of this many bytes.
const CHUNK: u32 = 64 << 10;

/// A reply's body is not read past this many bytes: mailhaul's own limit.
const BODY: usize = 16 << 20;

/// Characters of a refused reply's body that stand in an error.
const SHOWN: usize = 300;

/// The methods mailhaul sends. Redirects are followed for GET and HEAD only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads a resource (RFC 9110 section 9.3.1).
    Get,
    /// As GET, without the body (RFC 9110 section 9.3.2).
    Head,
    /// Hands a body to a resource (RFC 9110 section 9.3.3).
    Post,
    /// Creates or replaces a resource (RFC 9110 section 9.3.4).
    Put,
    /// Changes a resource in part (RFC 5789).
    Patch,
    /// Removes a resource (RFC 9110 section 9.3.5).
    Delete,
}

/// How a secret is written into the place it goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is; in a header, only when it holds no control characters.
    Raw,
    /// Inside a JSON string, without the quotes.
    Json,
    /// Percent-encoded, as in `application/x-www-form-urlencoded`.
    Form,
    /// Base64 with padding (RFC 4648 section 4).
    Base64,
}

/// A part of a header's value or of a body. mailhaul joins the parts, so that the plugin never holds a secret
/// one.
#[derive(Debug)]
pub enum Piece<'a> {
    /// Text, sent as it is.
    Text(String),
    /// A secret, which mailhaul writes in this encoding.
    Secret(&'a Secret, Encoding),
    /// Base64 of `text ":" secret`: what follows `Basic ` (RFC 7617).
    Basic(String, &'a Secret),
}

impl From<&str> for Piece<'_> {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Piece<'_> {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// The body of a request.
#[derive(Debug)]
pub enum Body<'a> {
    /// No body, as in a new request.
    Empty,
    /// Bytes as they are, without secrets.
    Bytes(Vec<u8>),
    /// UTF-8 text put together from parts.
    Pieces(Vec<Piece<'a>>),
}

/// A request in the making: nothing leaves before [`send`](Self::send).
#[derive(Debug)]
pub struct Request<'a> {
    /// The method, which also decides whether redirects are followed.
    pub method: Method,
    /// Absolute, without user information and fragment, and never with a secret in it.
    pub url: String,
    /// Names and the parts of their values. `Host`, `Content-Length` and the like are mailhaul's to send.
    pub headers: Vec<(String, Vec<Piece<'a>>)>,
    /// The body; [`json`](Self::json) and [`form`](Self::form) set `content-type` along with it.
    pub body: Body<'a>,
    /// At most 60 seconds, which is also the default.
    pub timeout: Option<Duration>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

impl<'a> Request<'a> {
    /// A request without headers and body.
    #[must_use]
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Body::Empty,
            timeout: None,
            extras: Extras::new(),
        }
    }

    /// A GET of this absolute URL, without headers and body.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::Get, url)
    }

    /// A POST to this absolute URL, without headers and, so far, without a body.
    #[must_use]
    pub fn post(url: impl Into<String>) -> Self {
        Self::new(Method::Post, url)
    }

    /// A PUT to this absolute URL, without headers and, so far, without a body.
    #[must_use]
    pub fn put(url: impl Into<String>) -> Self {
        Self::new(Method::Put, url)
    }

    /// A DELETE of this absolute URL, without headers and body.
    #[must_use]
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new(Method::Delete, url)
    }

    /// Adds a header whose value holds no secret.
    #[must_use]
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.header_pieces(name, vec![Piece::Text(value.into())])
    }

    /// Adds a header whose value is put together from parts.
    #[must_use]
    pub fn header_pieces(mut self, name: impl Into<String>, value: Vec<Piece<'a>>) -> Self {
        self.headers.push((name.into(), value));
        self
    }

    /// Signs in with a token: `Authorization: Bearer …` (RFC 6750).
    #[must_use]
    pub fn bearer(self, token: &'a Secret) -> Self {
        self.header_pieces("authorization", vec!["Bearer ".into(), Piece::Secret(token, Encoding::Raw)])
    }

    /// Signs in with a password: `Authorization: Basic …` (RFC 7617).
    #[must_use]
    pub fn basic(self, user: impl Into<String>, password: &'a Secret) -> Self {
        self.header_pieces("authorization", vec!["Basic ".into(), Piece::Basic(user.into(), password)])
    }

    /// Sets the body to a value as JSON, and `content-type`.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn json<T: Serialize>(self, value: &T) -> Result<Self, PluginError> {
        self.json_with(value, [])
    }

    /// Sets the body to a value as JSON, with secrets at these JSON pointers (RFC 6901): whatever text the
    /// value has there is replaced.
    ///
    /// # Errors
    /// When it cannot be written as JSON, or has nothing at a pointer.
    pub fn json_with<T: Serialize>(
        mut self,
        value: &T,
        secrets: impl IntoIterator<Item = (&'a str, &'a Secret)>,
    ) -> Result<Self, PluginError> {
        let broken = |error: serde_json::Error| PluginError::Other(format!("a request's JSON: {error}"));
        let mut value = serde_json::to_value(value).map_err(broken)?;
        let plain = value.to_string();
        // Private-use characters that the value itself does not have.
        let mark = (1..).map(|n| "\u{e000}".repeat(n)).find(|mark| !plain.contains(mark.as_str()));
        let mark = mark.unwrap_or_default();
        let mut handles = Vec::new();
        for (pointer, secret) in secrets {
            let place = value
                .pointer_mut(pointer)
                .ok_or_else(|| PluginError::Other(format!("a request's JSON has nothing at `{pointer}`")))?;
            *place = format!("{mark}{}{mark}", handles.len()).into();
            handles.push(secret);
        }
        // Text, number, text, number, text: objects are written in an order of their own.
        let text = value.to_string();
        let mut pieces = Vec::new();
        for (position, part) in text.split(&mark).enumerate() {
            match part.parse::<usize>().ok().filter(|_| position % 2 == 1).and_then(|n| handles.get(n)) {
                Some(secret) => pieces.push(Piece::Secret(secret, Encoding::Json)),
                None => pieces.push(part.into()),
            }
        }
        self.body = Body::Pieces(pieces);
        Ok(self.header("content-type", "application/json"))
    }

    /// Sets the body to a form, and `content-type`: fields of text, then fields of secrets.
    #[must_use]
    pub fn form(
        mut self,
        fields: &[(&str, &str)],
        secrets: impl IntoIterator<Item = (&'a str, &'a Secret)>,
    ) -> Self {
        let mut pieces: Vec<Piece<'a>> = Vec::new();
        for (name, value) in fields {
            let and = if pieces.is_empty() { "" } else { "&" };
            pieces.push(format!("{and}{}={}", form_encoded(name), form_encoded(value)).into());
        }
        for (name, secret) in secrets {
            let and = if pieces.is_empty() { "" } else { "&" };
            pieces.push(format!("{and}{}=", form_encoded(name)).into());
            pieces.push(Piece::Secret(secret, Encoding::Form));
        }
        self.body = Body::Pieces(pieces);
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// Bounds the time up to the head of the reply, and again each read of the body: at most 60 seconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends it and waits for the head of the reply. Any status is a reply.
    ///
    /// # Errors
    /// See [`HttpError`].
    pub fn send(&self) -> Result<Response, HttpError> {
        wire::http_send(self).map(Response)
    }
}

/// Percent-encodes text for a form or the query of a URL.
#[must_use]
pub fn form_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// The host's reply, or a test's.
pub(crate) trait Reply {
    fn status(&self) -> u16;
    fn headers(&self) -> Vec<(String, String)>;
    fn read(&self, max: u32) -> Result<Vec<u8>, HttpError>;
}

/// A reply whose body was not read yet.
pub struct Response(Box<dyn Reply>);

impl Response {
    /// The status of the last reply, redirects followed.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status()
    }

    /// Its headers in the order they came, names in lower case, values as Latin-1 text.
    #[must_use]
    pub fn headers(&self) -> Vec<(String, String)> {
        self.0.headers()
    }

    /// The first header of this name, case ignored.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers().into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The next bytes of the body, at most `max` and at most 1 MiB; empty at the end.
    ///
    /// # Errors
    /// See [`HttpError`].
    pub fn read(&self, max: u32) -> Result<Vec<u8>, HttpError> {
        self.0.read(max)
    }

    /// Reads the rest of the body.
    ///
    /// # Errors
    /// See [`HttpError`]; [`HttpError::TooLarge`] past 16 MiB.
    pub fn bytes(&self) -> Result<Vec<u8>, HttpError> {
        let mut body = Vec::new();
        loop {
            let chunk = self.read(CHUNK)?;
            if chunk.is_empty() {
                return Ok(body);
            }
            body.extend(chunk);
            if body.len() > BODY {
                return Err(HttpError::TooLarge(BODY as u64));
            }
        }
    }

    /// Reads the rest of the body as JSON.
    ///
    /// # Errors
    /// When it cannot be read, or is something else.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, PluginError> {
        let body = self.bytes()?;
        serde_json::from_slice(&body)
            .map_err(|error| PluginError::Other(format!("the reply is not the JSON expected: {error}")))
    }

    /// This reply, when its status is 2xx.
    ///
    /// # Errors
    /// [`PluginError::RetryAfter`] for 429 and 503 (with the server's `Retry-After`, or 10 seconds),
    /// [`PluginError::Other`] with the beginning of the body for any other.
    pub fn expect_success(self) -> Result<Self, PluginError> {
        let status = self.status();
        if (200..300).contains(&status) {
            return Ok(self);
        }
        let body = self.read(CHUNK).unwrap_or_default();
        let body: String = String::from_utf8_lossy(&body).chars().take(SHOWN).collect();
        let why = format!("the server answered {status}: {}", body.trim());
        if matches!(status, 429 | 503) {
            let seconds = self.header("retry-after").and_then(|value| value.trim().parse().ok());
            return Err(PluginError::RetryAfter(Duration::from_secs(seconds.unwrap_or(10)), why));
        }
        Err(PluginError::Other(why))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({})", self.status())
    }
}

/// Why there is no reply. The texts name the origin, never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpError {
    /// The origin, an address, a redirect or a secret's way is not granted.
    Denied(String),
    /// This is no request that can be sent.
    InvalidRequest(String),
    /// The name could not be looked up.
    Dns(String),
    /// Nobody answered, or not in HTTP, or the body was cut short.
    Connect(String),
    /// The certificate is not trusted, or TLS failed.
    Tls(String),
    /// The request's time is over.
    Timeout,
    /// The reply is larger than this many bytes.
    TooLarge(u64),
    /// Any other reason, in words.
    Other(String),
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(why)
            | Self::InvalidRequest(why)
            | Self::Dns(why)
            | Self::Connect(why)
            | Self::Tls(why)
            | Self::Other(why) => f.write_str(why),
            Self::Timeout => f.write_str("the server did not answer in time"),
            Self::TooLarge(bytes) => write!(f, "the reply is larger than {bytes} bytes"),
        }
    }
}

impl std::error::Error for HttpError {}

impl From<HttpError> for PluginError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Denied(why) => Self::Denied(why),
            other => Self::Other(other.to_string()),
        }
    }
}
