//! The byte stream below a session, shared by its reading and its writing half.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use mailhaul_net::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Any stream a session can run on; tests use in-memory pipes.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

pub(crate) enum Transport {
    /// A dialled connection, which can still be put under TLS.
    Net(Stream),
    /// A stream without a socket of ours below it: a tunnel, a pipe, a compressed stream.
    Other(Box<dyn Io>),
}

impl Transport {
    /// Returns the stream itself; a dialled one cannot be put under TLS any more.
    pub(crate) fn into_io(self) -> Box<dyn Io> {
        match self {
            Transport::Net(stream) => Box::new(stream),
            Transport::Other(io) => io,
        }
    }

    fn io(&mut self) -> &mut dyn Io {
        match self {
            Transport::Net(stream) => stream,
            Transport::Other(io) => io.as_mut(),
        }
    }
}

/// One half of a connection; two of them make one.
///
/// Like `tokio::io::split`, with one addition: either half can close the connection for both at once. A
/// connection found unsafe by the reader must not send another byte the writer has prepared.
#[derive(Clone)]
pub(crate) struct Half(Arc<Mutex<Option<Transport>>>);

impl Half {
    pub(crate) fn pair(transport: Transport) -> (Half, Half) {
        let shared = Arc::new(Mutex::new(Some(transport)));
        (Half(shared.clone()), Half(shared))
    }

    /// Takes the stream out; both halves read and write nothing from then on. Dropping it closes the
    /// connection.
    pub(crate) fn detach(&self) -> Option<Transport> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn with<R>(&self, run: impl FnOnce(Pin<&mut dyn Io>) -> Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(transport) => run(Pin::new(transport.io())),
            None => {
                Poll::Ready(Err(io::Error::new(io::ErrorKind::NotConnected, "the connection was closed")))
            }
        }
    }
}

impl AsyncRead for Half {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.with(|io| io.poll_read(cx, out))
    }
}

impl AsyncWrite for Half {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|io| io.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|io| io.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|io| io.poll_shutdown(cx))
    }
}

/// Returns why a connection failed, as one lower-case clause.
pub(super) fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the server closed it without ending TLS".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            "the server reset it".to_owned()
        }
        _ => error.to_string().to_lowercase(),
    }
}
