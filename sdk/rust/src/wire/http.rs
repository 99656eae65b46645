//! Requests and replies of [`crate::http`]. Natively [`crate::testing`] answers instead.
#![cfg_attr(not(target_family = "wasm"), expect(dead_code, reason = "there is no host to send to"))]

use super::types::milliseconds;
use crate::bindings::imports::mailhaul::plugin::http as wit;
use crate::http::{Body, Encoding, HttpError, Method, Piece, Reply, Request};
use crate::secrets::Handle;

pub(crate) fn send(request: &Request<'_>) -> Result<Box<dyn Reply>, HttpError> {
    let headers = request.headers.iter().map(|(name, value)| {
        Ok(wit::Header { name: name.clone(), value: value.iter().map(piece).collect::<Result<_, _>>()? })
    });
    let request = wit::Request {
        method: match request.method {
            Method::Get => wit::Method::Get,
            Method::Head => wit::Method::Head,
            Method::Post => wit::Method::Post,
            Method::Put => wit::Method::Put,
            Method::Patch => wit::Method::Patch,
            Method::Delete => wit::Method::Delete,
        },
        url: request.url.clone(),
        headers: headers.collect::<Result<_, _>>()?,
        body: match &request.body {
            Body::Empty => wit::Body::Empty,
            Body::Bytes(bytes) => wit::Body::Bytes(bytes.clone()),
            Body::Pieces(pieces) => wit::Body::Pieces(pieces.iter().map(piece).collect::<Result<_, _>>()?),
        },
        timeout_ms: request.timeout.map(milliseconds),
        extras: request.extras.clone(),
    };
    let response = wit::send(&request).map_err(error)?;
    Ok(Box::new(HostReply(response)))
}

fn piece<'a>(piece: &'a Piece<'_>) -> Result<wit::Piece<'a>, HttpError> {
    let handle = |secret: &'a crate::Secret| match &secret.0 {
        Handle::Host(secret) => Ok(secret),
        Handle::Test(label) => Err(HttpError::InvalidRequest(format!("{label} is a secret of a test"))),
    };
    Ok(match piece {
        Piece::Text(text) => wit::Piece::Text(text.clone()),
        Piece::Secret(secret, encoding) => wit::Piece::Secret((
            handle(secret)?,
            match encoding {
                Encoding::Raw => wit::Encoding::Raw,
                Encoding::Json => wit::Encoding::Json,
                Encoding::Form => wit::Encoding::Form,
                Encoding::Base64 => wit::Encoding::Base64,
            },
        )),
        Piece::Basic(user, secret) => wit::Piece::Basic((user.clone(), handle(secret)?)),
    })
}

fn error(error: wit::HttpError) -> HttpError {
    match error {
        wit::HttpError::Denied(why) => HttpError::Denied(why),
        wit::HttpError::InvalidRequest(why) => HttpError::InvalidRequest(why),
        wit::HttpError::Dns(why) => HttpError::Dns(why),
        wit::HttpError::Connect(why) => HttpError::Connect(why),
        wit::HttpError::Tls(why) => HttpError::Tls(why),
        wit::HttpError::Timeout => HttpError::Timeout,
        wit::HttpError::TooLarge(bytes) => HttpError::TooLarge(bytes),
        wit::HttpError::Other(why) => HttpError::Other(why),
    }
}

struct HostReply(wit::Response);

impl Reply for HostReply {
    fn status(&self) -> u16 {
        self.0.status()
    }

    fn headers(&self) -> Vec<(String, String)> {
        self.0.headers()
    }

    fn read(&self, max: u32) -> Result<Vec<u8>, HttpError> {
        self.0.read(max).map_err(error)
    }
}
