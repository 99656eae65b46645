//! COMPRESS=DEFLATE (RFC 4978): a stream whose bytes are compressed both ways.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Compressed bytes taken from the network at a time.
const READ: usize = 16 << 10;
/// Compressed bytes held before they must be written.
const HELD: usize = 64 << 10;

/// A stream over `io`, raw deflate in both directions.
///
/// What a few compressed bytes unfold to is taken out piece by piece, as much as there is room for: a bomb
/// costs time within the reader's limits, never memory.
pub(crate) struct DeflateStream<S> {
    io: S,
    inflate: Decompress,
    deflate: Compress,
    /// Compressed bytes that were read; those from `taken` on are not inflated yet.
    input: Vec<u8>,
    taken: usize,
    /// Whether unfolding may still hold output back for want of room.
    full: bool,
    /// Compressed and not written yet: `output[written..]`.
    output: Vec<u8>,
    written: usize,
    /// Whether the compressor holds bytes that the other side cannot read yet.
    unflushed: bool,
}

impl<S> DeflateStream<S> {
    /// `already` was read from `io` before, and is compressed.
    pub(crate) fn new(io: S, already: Vec<u8>) -> DeflateStream<S> {
        DeflateStream {
            io,
            inflate: Decompress::new(false),
            deflate: Compress::new(Compression::default(), false),
            input: already,
            taken: 0,
            full: false,
            output: Vec::new(),
            written: 0,
            unflushed: false,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for DeflateStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if out.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            let input = this.input.get(this.taken..).unwrap_or_default();
            if !input.is_empty() || this.full {
                let (taken, made) = (this.inflate.total_in(), this.inflate.total_out());
                let room = out.initialize_unfilled();
                let space = room.len();
                let status = this
                    .inflate
                    .decompress(input, room, FlushDecompress::None)
                    .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the compression is broken"))?;
                let took = usize::try_from(this.inflate.total_in() - taken).unwrap_or(usize::MAX);
                let made = usize::try_from(this.inflate.total_out() - made).unwrap_or(usize::MAX);
                this.taken += took;
                this.full = made == space;
                out.advance(made.min(space));
                // The end of the compressed stream is the end of the connection.
                if made > 0 || status == Status::StreamEnd {
                    return Poll::Ready(Ok(()));
                }
                if took > 0 {
                    continue;
                }
            }
            // What could not be unfolded by itself waits for more.
            this.input.drain(..this.taken);
            this.taken = 0;
            let kept = this.input.len();
            this.input.resize(kept + READ, 0);
            let mut fresh = ReadBuf::new(this.input.get_mut(kept..).unwrap_or_default());
            let read = Pin::new(&mut this.io).poll_read(cx, &mut fresh);
            let count = fresh.filled().len();
            this.input.truncate(kept + count);
            ready!(read)?;
            if count == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> DeflateStream<S> {
    /// Writes out what is compressed, until at most `keep` bytes are left.
    fn poll_drain(&mut self, cx: &mut Context<'_>, keep: usize) -> Poll<io::Result<()>> {
        while self.output.len() - self.written > keep {
            let rest = self.output.get(self.written..).unwrap_or_default();
            match ready!(Pin::new(&mut self.io).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        self.output.drain(..self.written);
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Compresses some of `bytes` into `output`; returns how many were taken and whether there is more to
    /// come out.
    fn compress(&mut self, bytes: &[u8], flush: FlushCompress) -> io::Result<(usize, bool)> {
        const ROOM: usize = 8 << 10;
        self.output.reserve(ROOM);
        let taken = self.deflate.total_in();
        self.deflate.compress_vec(bytes, &mut self.output, flush).map_err(io::Error::other)?;
        let taken = usize::try_from(self.deflate.total_in() - taken).unwrap_or(usize::MAX);
        Ok((taken, self.output.len() == self.output.capacity()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for DeflateStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            ready!(this.poll_drain(cx, HELD))?;
            this.unflushed = true;
            let (taken, _) = this.compress(bytes, FlushCompress::None)?;
            if taken > 0 {
                return Poll::Ready(Ok(taken.min(bytes.len())));
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.unflushed {
            ready!(this.poll_drain(cx, HELD))?;
            // Ends on a byte boundary, so that the other side can read everything (RFC 4978 section 3).
            let (_, more) = this.compress(&[], FlushCompress::Sync)?;
            this.unflushed = more;
        }
        ready!(this.poll_drain(cx, 0))?;
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Both ends over a pipe of `room` bytes: everything arrives, and each flush arrives without the next.
    async fn converse(room: usize) {
        let (near, far) = tokio::io::duplex(room);
        let (mut near, mut far) = (DeflateStream::new(near, Vec::new()), DeflateStream::new(far, Vec::new()));
        let big: Vec<u8> =
            (0..25_000u32).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 7).to_le_bytes()).collect();
        let body = big.clone();
        let echo = tokio::spawn(async move {
            let mut line = [0; 5];
            far.read_exact(&mut line).await.unwrap();
            far.write_all(&line).await.unwrap();
            far.flush().await.unwrap();
            let mut got = vec![0; body.len()];
            far.read_exact(&mut got).await.unwrap();
            assert!(got == body);
            far.write_all(&got).await.unwrap();
            far.shutdown().await.unwrap();
        });
        near.write_all(b"hello").await.unwrap();
        near.flush().await.unwrap();
        let mut line = [0; 5];
        near.read_exact(&mut line).await.unwrap();
        assert_eq!(&line, b"hello");
        near.write_all(&big).await.unwrap();
        near.flush().await.unwrap();
        let mut got = Vec::new();
        near.read_to_end(&mut got).await.unwrap();
        assert!(got == big);
        echo.await.unwrap();
    }

    #[tokio::test]
    async fn what_is_written_is_read() {
        // Both ends write before they read in places, so the pipe must hold the end of a flush.
        for room in [16, 100, 1 << 20] {
            converse(room).await;
        }
    }

    /// A megabyte of zeros in a kilobyte comes out in pieces of the reader's size.
    #[tokio::test]
    async fn a_bomb_unfolds_piece_by_piece() {
        let mut squeezed = Vec::with_capacity(1 << 20);
        let zeros = vec![0; 4 << 20];
        let mut deflate = Compress::new(Compression::best(), false);
        deflate.compress_vec(&zeros, &mut squeezed, FlushCompress::Sync).unwrap();
        assert!(squeezed.len() < 8 << 10);
        let (near, _far) = tokio::io::duplex(64);
        let mut stream = DeflateStream::new(near, squeezed);
        let (mut piece, mut total) = (vec![1; 1000], 0);
        while total < zeros.len() {
            let count = stream.read(&mut piece).await.unwrap();
            assert!(count > 0 && piece[..count].iter().all(|byte| *byte == 0));
            total += count;
        }
        assert_eq!(total, zeros.len());
    }

    #[tokio::test]
    async fn garbage_is_an_error() {
        let (near, _far) = tokio::io::duplex(64);
        let mut stream = DeflateStream::new(near, b"* OK in clear\r\n".to_vec());
        let error = stream.read(&mut [0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
