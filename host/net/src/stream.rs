//! One connection, in clear or under TLS, read and written alike.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use crate::certificate::Certificate;
use crate::transport::Transport;

/// A connection to a server, made by [`Dialer`](crate::Dialer).
///
/// A TLS connection that ends without `close_notify` reads as an error, so that a cut cannot pass for an end.
pub struct Stream {
    inner: Inner,
    endpoint: String,
}

enum Inner {
    Plain(Transport),
    Tls(Box<TlsStream<Transport>>),
}

impl Stream {
    pub(crate) fn plain(transport: Transport, endpoint: String) -> Stream {
        Stream { inner: Inner::Plain(transport), endpoint }
    }

    pub(crate) fn tls(tls: TlsStream<Transport>, endpoint: String) -> Stream {
        Stream { inner: Inner::Tls(Box::new(tls)), endpoint }
    }

    /// Returns whether TLS protects this connection.
    pub fn is_tls(&self) -> bool {
        matches!(self.inner, Inner::Tls(_))
    }

    /// Returns the server's `host:port`, as it was dialled.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns what the server's certificate says; `None` for a connection in clear.
    #[must_use]
    pub fn certificate(&self) -> Option<Certificate> {
        let Inner::Tls(tls) = &self.inner else { return None };
        let (_, session) = tls.get_ref();
        Certificate::of(session.peer_certificates()?.first()?)
    }

    pub(crate) fn into_plain(self) -> Option<Transport> {
        match self.inner {
            Inner::Plain(transport) => Some(transport),
            Inner::Tls(_) => None,
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("endpoint", &self.endpoint).field("tls", &self.is_tls()).finish()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(transport) => Pin::new(transport).poll_read(cx, out),
            Inner::Tls(tls) => Pin::new(tls.as_mut()).poll_read(cx, out),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.inner {
            Inner::Plain(transport) => Pin::new(transport).poll_write(cx, bytes),
            Inner::Tls(tls) => Pin::new(tls.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(transport) => Pin::new(transport).poll_flush(cx),
            Inner::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(transport) => Pin::new(transport).poll_shutdown(cx),
            Inner::Tls(tls) => Pin::new(tls.as_mut()).poll_shutdown(cx),
        }
    }
}
