//! Connecting to see what is there: the greeting, STARTTLS, the certificate. Nobody logs in.

use std::time::Duration;

use mailhaul_net::{Certificate, Endpoint, NetError, NetErrorKind, Stream, TlsMode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::means::Means;

/// All of it; a TLS handshake is the only part without a deadline of its own here.
const TIME: Duration = Duration::from_secs(15);
/// The time for one line of the server's.
const LINE: Duration = Duration::from_secs(5);
/// The longest line that is read.
const MAX_LINE: usize = 8 << 10;
/// Lines before the answer to a command.
const MAX_LINES: usize = 16;
/// What is shown of a server's words, in characters.
const SHOWN: usize = 120;

/// A server that answers as an IMAP server does, under TLS where the endpoint has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// What its certificate says, which was verified; `None` in clear text.
    pub certificate: Option<Certificate>,
}

/// Why a server could not be used. The text is one sentence, the server's own words in it escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// It was not reached, or its certificate is not trusted.
    #[error("{}", .0.detail)]
    Net(NetError),
    /// It greets as no IMAP server does.
    #[error("no IMAP server answers there{}: \"{said}\"", what(said))]
    NotImap {
        /// Its first line, escaped, at most 120 characters.
        said: String,
    },
    /// It connects and says nothing.
    #[error("the server takes the connection and says nothing")]
    Silent,
    /// It says goodbye instead of a greeting.
    #[error("the server turns us away: \"{said}\"")]
    Bye {
        /// Its words, escaped.
        said: String,
    },
    /// It does not go over to TLS.
    #[error("the server does not offer STARTTLS: \"{said}\"")]
    NoStartTls {
        /// Its words, escaped.
        said: String,
    },
    /// It was not tried any more.
    #[error("there was no time left to connect to it")]
    NotTried,
}

/// Names the protocol that a greeting belongs to.
fn what(said: &str) -> &'static str {
    match said {
        said if said.starts_with("220") => ", it is a server for sending mail or files",
        said if said.starts_with("+OK") => ", it is a POP3 server",
        said if said.starts_with("SSH-") => ", it is an SSH server",
        said if said.starts_with("HTTP/") => ", it is a web server",
        _ => "",
    }
}

impl Obstacle {
    /// The class of a failed connection; `None` when a connection was made.
    #[must_use]
    pub fn kind(&self) -> Option<NetErrorKind> {
        if let Self::Net(error) = self { Some(error.kind) } else { None }
    }

    /// Returns the certificate that is not trusted.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        if let Self::Net(error) = self { error.certificate.as_deref() } else { None }
    }
}

/// Connects to a server, waits for its greeting, goes over to TLS with STARTTLS, and hangs up; takes at
/// most 15 seconds.
///
/// # Errors
/// When no IMAP server can be used there.
pub async fn reach(means: &Means, endpoint: &Endpoint) -> Result<Reached, Obstacle> {
    timeout(TIME, connect(means, endpoint)).await.unwrap_or(Err(Obstacle::Silent))
}

async fn connect(means: &Means, endpoint: &Endpoint) -> Result<Reached, Obstacle> {
    let mut stream = means.connect(endpoint).await.map_err(Obstacle::Net)?;
    let mut unread = Vec::new();
    let greeting = line(&mut stream, &mut unread, endpoint).await?;
    let words = shown(&greeting);
    match greeting.get(..4).map(<[u8]>::to_ascii_uppercase).as_deref() {
        Some(b"* OK") => {}
        Some(b"* BY") => return Err(Obstacle::Bye { said: words }),
        _ => return Err(Obstacle::NotImap { said: words }),
    }
    if endpoint.tls == TlsMode::StartTls {
        stream = start_tls(means, endpoint, stream, unread).await?;
    }
    Ok(Reached { certificate: stream.certificate() })
}

/// Asks for TLS (RFC 9051 section 6.2.1). What came behind the answer in clear was put there by somebody on
/// the way.
async fn start_tls(
    means: &Means,
    endpoint: &Endpoint,
    mut stream: Stream,
    mut unread: Vec<u8>,
) -> Result<Stream, Obstacle> {
    let closed =
        |_| Obstacle::Net(NetError::new(NetErrorKind::Closed, endpoint, "the server closed the connection"));
    stream.write_all(b"a STARTTLS\r\n").await.map_err(closed)?;
    stream.flush().await.map_err(closed)?;
    for _ in 0..MAX_LINES {
        let answer = line(&mut stream, &mut unread, endpoint).await?;
        if !answer.starts_with(b"a ") {
            continue;
        }
        if !answer.get(2..4).is_some_and(|word| word.eq_ignore_ascii_case(b"OK")) {
            return Err(Obstacle::NoStartTls { said: shown(&answer[2..]) });
        }
        if !unread.is_empty() {
            let detail = "the server went on in clear text after it had agreed to TLS";
            return Err(Obstacle::Net(NetError::new(NetErrorKind::Other, endpoint, detail)));
        }
        return means.dialer().start_tls(stream, &endpoint.host).await.map_err(Obstacle::Net);
    }
    Err(Obstacle::NoStartTls { said: "it does not answer the command".to_owned() })
}

/// Reads a line, without its end; what came behind it stays in `unread`.
async fn line(stream: &mut Stream, unread: &mut Vec<u8>, endpoint: &Endpoint) -> Result<Vec<u8>, Obstacle> {
    let net = |kind, detail: &str| Obstacle::Net(NetError::new(kind, endpoint, detail));
    let reading = async {
        loop {
            if let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = unread.drain(..=end).collect();
                line.truncate(line.trim_ascii_end().len());
                return Ok(line);
            }
            // A TLS alert: the port expects TLS from the first byte.
            if unread.starts_with(&[0x15, 0x03]) {
                let detail = "the port speaks TLS from the first byte, clear text was expected";
                return Err(net(NetErrorKind::PlainOnTlsPort, detail));
            }
            if unread.len() > MAX_LINE {
                return Err(Obstacle::NotImap { said: shown(unread) });
            }
            let mut chunk = [0; 2048];
            match stream.read(&mut chunk).await {
                Ok(0) if unread.is_empty() => {
                    return Err(net(
                        NetErrorKind::Closed,
                        "the server closed the connection without a greeting",
                    ));
                }
                Ok(0) => return Err(Obstacle::NotImap { said: shown(unread) }),
                Ok(read) => unread.extend_from_slice(&chunk[..read]),
                Err(_) => return Err(net(NetErrorKind::Closed, "the server broke the connection off")),
            }
        }
    };
    timeout(LINE, reading).await.unwrap_or(Err(Obstacle::Silent))
}

/// A server's words in printable ASCII.
fn shown(words: &[u8]) -> String {
    let text = String::from_utf8_lossy(words);
    let text = text.trim().chars().take(SHOWN);
    text.map(|c| if c.is_ascii_graphic() && c != '"' || c == ' ' { c } else { '?' }).collect()
}
