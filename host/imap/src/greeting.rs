//! Whose protocol a port speaks, by what comes first; and a look at a port where nobody logs in.

use std::time::Duration;

use mailhaul_net::{Dialer, Endpoint, NetError, NetErrorKind, TlsMode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout, timeout_at};

use crate::types::error::ImapError;

/// No protocol has a greeting longer than this before what tells it from others.
const MOST: usize = 4096;

/// Servers that speak first do so within this time; whoever waits for us is asked then.
const SILENCE: Duration = Duration::from_secs(2);

/// What a port speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// IMAP; `starttls` where it was in clear and offers to go on under TLS (RFC 9051 section 6.2.1).
    Imap {
        /// Whether STARTTLS is offered.
        starttls: bool,
    },
    /// Another protocol, by its name.
    Other(&'static str),
    /// It takes connections, and says nothing that is known here.
    Unknown,
}

/// Returns the protocol whose servers begin like this; `None` for IMAP, and for what is not known.
pub(crate) fn protocol_of(first: &[u8]) -> Option<&'static str> {
    const BEGINNINGS: [(&[u8], &str); 6] = [
        (b"+OK", "POP3"),
        (b"-ERR", "POP3"),
        (b"HTTP/", "HTTP"),
        (b"SSH-", "SSH"),
        (b"\"IMPLEMENTATION\"", "ManageSieve"),
        (b"<", "HTTP"),
    ];
    let line = first.trim_ascii_start();
    if let Some((_, name)) = BEGINNINGS.iter().find(|(beginning, _)| line.starts_with(beginning)) {
        return Some(name);
    }
    // RFC 5321 section 4.2; a server that turns us away begins with 4 or 5.
    let (code, rest) = line.split_at_checked(3)?;
    let is_reply = code.iter().all(u8::is_ascii_digit)
        && matches!(code, [b'2' | b'4' | b'5', b'0'..=b'5', _])
        && matches!(rest.first(), Some(b' ' | b'-') | None);
    let text = rest.to_ascii_uppercase();
    is_reply.then(|| match memchr::memmem::find(&text, b"FTP").is_some() {
        true => "FTP",
        false => "SMTP",
    })
}

/// Returns the error of a port that speaks another protocol.
pub(crate) fn other_protocol(protocol: &'static str, endpoint: &Endpoint, first: &[u8]) -> ImapError {
    let line = first.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let text = String::from_utf8_lossy(line.get(..MOST.min(line.len())).unwrap_or_default());
    ImapError::OtherProtocol { protocol, endpoint: endpoint.to_string(), text: text.trim().to_owned() }
}

/// Connects, and returns what the port speaks, within `patience` altogether. Nothing secret is sent, and
/// nobody logs in.
///
/// # Errors
/// Why there is no connection. A certificate that is not trusted is such an error, and shows that the port
/// speaks TLS.
pub async fn probe(dialer: &Dialer, endpoint: &Endpoint, patience: Duration) -> Result<Spoken, NetError> {
    let end = Instant::now() + patience;
    let silent = || {
        let detail = format!("the server does not answer within {} seconds", patience.as_secs());
        NetError::new(NetErrorKind::Filtered, endpoint, detail)
    };
    let mut stream = timeout_at(end, dialer.connect(endpoint)).await.unwrap_or_else(|_| Err(silent()))?;
    let look = async {
        let mut first = Vec::new();
        let line = timeout(SILENCE, read_until(&mut stream, &mut first, |seen| seen.contains(&b'\n'))).await;
        if line.is_err() && first.is_empty() {
            // Whoever waits to be asked; to a slow IMAP server it is one command that is none.
            stream.write_all(b"OPTIONS * HTTP/1.0\r\n\r\n").await.ok()?;
            read_until(&mut stream, &mut first, |seen| seen.contains(&b'\n')).await;
        }
        if let Some(protocol) = protocol_of(&first) {
            return Some(Spoken::Other(protocol));
        }
        if !first.starts_with(b"* ") {
            return None;
        }
        if endpoint.tls == TlsMode::Implicit {
            return Some(Spoken::Imap { starttls: false });
        }
        first.clear();
        stream.write_all(b"P1 CAPABILITY\r\nP2 LOGOUT\r\n").await.ok()?;
        let is_over = |seen: &[u8]| memchr::memmem::find(seen, b"P2 ").is_some();
        read_until(&mut stream, &mut first, is_over).await;
        let offers = memchr::memmem::find(&first.to_ascii_uppercase(), b" STARTTLS").is_some();
        Some(Spoken::Imap { starttls: offers })
    };
    Ok(timeout_at(end, look).await.ok().flatten().unwrap_or(Spoken::Unknown))
}

/// Reads until enough has come, the connection ends, or it is more than any greeting.
async fn read_until(
    stream: &mut mailhaul_net::Stream,
    into: &mut Vec<u8>,
    is_enough: impl Fn(&[u8]) -> bool,
) {
    let mut piece = [0; 1024];
    while !is_enough(into) && into.len() < MOST {
        match stream.read(&mut piece).await {
            Ok(count @ 1..) => into.extend_from_slice(piece.get(..count).unwrap_or_default()),
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    #[test]
    fn protocols_by_what_comes_first() {
        for (first, name) in [
            ("220 mail.example ESMTP Postfix\r\n", Some("SMTP")),
            ("220-mail.example\r\n220 ready", Some("SMTP")),
            ("554 go away", Some("SMTP")),
            ("220 (vsFTPd 3.0.3)", Some("FTP")),
            ("+OK Dovecot ready.", Some("POP3")),
            ("HTTP/1.1 400 Bad Request", Some("HTTP")),
            ("SSH-2.0-OpenSSH_9.2", Some("SSH")),
            ("\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"", Some("ManageSieve")),
            ("* OK [CAPABILITY IMAP4rev1] ready", None),
            ("* BYE too many connections", None),
            ("999 what", None),
            ("22", None),
            ("hello", None),
            ("", None),
        ] {
            assert_eq!(protocol_of(first.as_bytes()), name, "{first}");
        }
    }

    /// A port that answers so, to whatever it is sent; each piece after what it waits for.
    async fn look(tls: TlsMode, script: &'static [(&'static str, &'static str)]) -> Result<Spoken, NetError> {
        let dialer = Dialer::platform().through(move |_| {
            let (near, mut far) = duplex(4096);
            tokio::spawn(async move {
                let mut heard = Vec::new();
                let mut piece = [0; 256];
                for (wanted, said) in script {
                    while memchr::memmem::find(&heard, wanted.as_bytes()).is_none() {
                        match far.read(&mut piece).await {
                            Ok(count @ 1..) => heard.extend_from_slice(&piece[..count]),
                            _ => return,
                        }
                    }
                    far.write_all(said.as_bytes()).await.ok();
                }
                // It stays open.
                while !matches!(far.read(&mut piece).await, Ok(0) | Err(_)) {}
            });
            std::future::ready(Ok(near))
        });
        probe(&dialer, &Endpoint::new("mail.example", tls), Duration::from_secs(5)).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_is_looked_at_without_a_log_in() {
        const OFFERS: &str = "* CAPABILITY IMAP4rev1 STARTTLS\r\nP1 OK done\r\n* BYE\r\nP2 OK\r\n";
        const PLAIN: &str = "* CAPABILITY IMAP4rev1\r\nP1 OK done\r\n* BYE\r\nP2 OK\r\n";
        let imap = |starttls| Ok(Spoken::Imap { starttls });
        assert_eq!(look(TlsMode::StartTls, &[("", "* OK hi\r\n"), ("P2 LOGOUT", OFFERS)]).await, imap(true));
        assert_eq!(look(TlsMode::None, &[("", "* OK hi\r\n"), ("P2 LOGOUT", PLAIN)]).await, imap(false));
        let smtp = look(TlsMode::None, &[("", "220 mail ESMTP\r\n")]).await;
        assert_eq!(smtp, Ok(Spoken::Other("SMTP")));
        let web = look(TlsMode::None, &[("OPTIONS", "HTTP/1.1 400 Bad Request\r\n")]).await;
        assert_eq!(web, Ok(Spoken::Other("HTTP")));
        assert_eq!(look(TlsMode::None, &[]).await, Ok(Spoken::Unknown), "it ends in time");
        assert_eq!(look(TlsMode::None, &[("", "what?\r\n")]).await, Ok(Spoken::Unknown));
    }
}
