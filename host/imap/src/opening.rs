//! From nothing to an open connection: dial, greeting, TLS; and a look at a server where nobody logs in.

use std::time::Duration;

use mailhaul_net::{Certificate, Dialer, Endpoint, NetError, NetErrorKind, TlsMode};
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, timeout};

use crate::command::{Answer, Command, next_reply};
use crate::greeting::{Spoken, other_protocol, probe, protocol_of};
use crate::syntax::reply::{Reply, Status};
use crate::types::error::ImapError;
use crate::types::facts::ServerFacts;
use crate::types::login::Login;
use crate::types::timeouts::Timeouts;
use crate::wire::Wire;
use crate::wire::transport::Transport;

/// A port that stays silent this long is asked, over another connection, whether it speaks TLS or a protocol
/// whose servers wait for us, as we wait for the greeting.
const SILENCE_BEFORE_PROBE: Duration = Duration::from_secs(6);

/// What was seen of a server on the way to a session, whatever came of it.
#[derive(Debug, Default)]
pub struct Encounter {
    /// What the certificate says that was trusted; `None` without TLS, and before it.
    pub certificate: Option<Certificate>,
    /// What the server said of itself before the log-in; `None` where it did not come that far.
    pub facts: Option<ServerFacts>,
}

/// Connects to a server, reads its greeting, goes over to TLS where the endpoint wants that, and hangs up.
/// Returns the certificate, which was trusted; `None` in clear text. Nobody logs in, and nothing secret is
/// sent.
///
/// # Errors
/// `Net`, `Starttls`, `OtherProtocol`, `Bye`, `Closed`, `TimedOut`, `Protocol`, `Limit`.
pub async fn reach(
    dialer: &Dialer,
    endpoint: &Endpoint,
    timeouts: &Timeouts,
) -> Result<Option<Certificate>, ImapError> {
    let mut seen = Encounter::default();
    open(dialer, endpoint, None, timeouts, &mut seen).await?;
    Ok(seen.certificate)
}

/// Returns a connection that has greeted, under TLS where the endpoint wants that. What the server says is
/// kept without the secret of `login`, which is not used yet.
pub(crate) async fn open(
    dialer: &Dialer,
    endpoint: &Endpoint,
    login: Option<&Login>,
    timeouts: &Timeouts,
    seen: &mut Encounter,
) -> Result<(Wire, Greeting), ImapError> {
    let hide = |wire: &mut Wire| login.into_iter().for_each(|login| hide(wire, login));
    let stream = dialer.connect(endpoint).await?;
    seen.certificate = stream.certificate();
    let mut wire = Wire::new(Transport::Net(stream), timeouts);
    hide(&mut wire);
    let mut greeting = greet(&mut wire, dialer, endpoint, timeouts).await?;
    if endpoint.tls == TlsMode::StartTls {
        wire = start_tls(wire, dialer, endpoint, greeting.capabilities.as_ref(), timeouts, seen).await?;
        hide(&mut wire);
        // What was said in clear could be anybody's; only the text is kept, for people.
        greeting.capabilities = None;
    }
    Ok((wire, greeting))
}

/// Makes the reader take the secret out of whatever the server says, from the greeting on: a server may have
/// kept the password of an earlier connection.
pub(crate) fn hide(wire: &mut Wire, login: &Login) {
    wire.reader.secrets.hide(login.secret.expose_secret());
    [Some(&login.user), login.admin.as_ref()]
        .into_iter()
        .flatten()
        .for_each(|name| wire.reader.secrets.add_name(name));
}

/// What the server began with.
pub(crate) struct Greeting {
    pub text: String,
    /// The capabilities in the greeting, as an answer; `None` when it has none, or STARTTLS came after it.
    pub capabilities: Option<Answer>,
}

async fn greet(
    wire: &mut Wire,
    dialer: &Dialer,
    endpoint: &Endpoint,
    timeouts: &Timeouts,
) -> Result<Greeting, ImapError> {
    let start = Instant::now();
    let greeting = read_greeting(wire, endpoint, timeouts.greeting);
    match timeout(SILENCE_BEFORE_PROBE.min(timeouts.greeting), greeting).await {
        Ok(result) => result.map_err(|error| plain_on_tls(wire, endpoint, error)),
        Err(_) if endpoint.tls != TlsMode::Implicit && speaks_tls(dialer, endpoint).await => {
            Err(plain_on_tls_port(endpoint))
        }
        Err(_) => {
            // Whoever waits to be asked is no IMAP server: a web server says nothing of its own accord.
            let asked = Endpoint {
                tls: if endpoint.tls == TlsMode::Implicit { TlsMode::Implicit } else { TlsMode::None },
                ..endpoint.clone()
            };
            if let Ok(Spoken::Other(protocol)) = probe(dialer, &asked, SILENCE_BEFORE_PROBE).await {
                return Err(other_protocol(protocol, endpoint, b""));
            }
            wire.finish();
            let left = timeouts.greeting.saturating_sub(start.elapsed());
            read_greeting(wire, endpoint, left).await.map_err(|error| match error {
                ImapError::TimedOut { during, .. } => {
                    ImapError::TimedOut { during, after: timeouts.greeting }
                }
                error => error,
            })
        }
    }
}

/// Returns the error of a clear-text connection to a TLS port where a TLS alert came instead of a greeting.
fn plain_on_tls(wire: &Wire, endpoint: &Endpoint, error: ImapError) -> ImapError {
    if wire.reader.unread().starts_with(&[0x15, 0x03]) { plain_on_tls_port(endpoint) } else { error }
}

fn plain_on_tls_port(endpoint: &Endpoint) -> ImapError {
    let detail = "the port speaks TLS from the first byte, clear text was expected";
    NetError::new(NetErrorKind::PlainOnTlsPort, endpoint, detail).into()
}

async fn speaks_tls(dialer: &Dialer, endpoint: &Endpoint) -> bool {
    let endpoint = Endpoint { tls: TlsMode::Implicit, ..endpoint.clone() };
    match dialer.connect(&endpoint).await {
        Ok(_) => true,
        // A certificate was shown, so it is TLS, whatever we think of the certificate.
        Err(error) => error.certificate.is_some(),
    }
}

/// Reads the greeting (RFC 9051 section 7.1.4). PREAUTH is refused everywhere: in clear it is a known attack
/// on STARTTLS, and under TLS it would be a log-in as somebody nobody named.
pub(crate) async fn read_greeting(
    wire: &mut Wire,
    endpoint: &Endpoint,
    patience: Duration,
) -> Result<Greeting, ImapError> {
    wire.begin("the greeting")?;
    let read = async {
        loop {
            match next_reply(wire).await? {
                Reply::Untagged(line) => match line.status {
                    Status::Ok => return Ok(line),
                    Status::Preauth => {
                        let what =
                            "the server says that we are logged in already (PREAUTH), as nobody knows whom";
                        return Err(wire.reader.fail(ImapError::Protocol { what: what.to_owned() }));
                    }
                    Status::Bye => {
                        let code = line.code.map(|code| format!("[{code}] ")).unwrap_or_default();
                        return Err(wire
                            .reader
                            .fail(ImapError::Bye { text: format!("{code}{}", line.text) }));
                    }
                    Status::No | Status::Bad => {}
                },
                // `+OK` reads as a request to go on.
                Reply::Continue(text) if text.starts_with(b"OK") => {
                    let error = other_protocol("POP3", endpoint, &[b"+".as_slice(), &text].concat());
                    return Err(wire.reader.fail(error));
                }
                Reply::Noise(bytes) if !bytes.trim_ascii().is_empty() => {
                    if let Some(protocol) = protocol_of(&bytes) {
                        return Err(wire.reader.fail(other_protocol(protocol, endpoint, &bytes)));
                    }
                    let what = "the greeting is none of an IMAP server".to_owned();
                    return Err(wire.reader.fail(ImapError::Protocol { what }));
                }
                _ => {}
            }
        }
    };
    let line = timeout(patience, read)
        .await
        .map_err(|_| ImapError::TimedOut { during: "the greeting", after: patience })??;
    wire.finish();
    let text = line.text.clone();
    let capabilities =
        (line.code.as_deref() == Some("CAPABILITY")).then(|| Answer { data: Vec::new(), line });
    Ok(Greeting { text, capabilities })
}

/// Puts the connection under TLS. `greeting` may offer STARTTLS already, which saves a question: in clear,
/// neither answer is worth more.
async fn start_tls(
    mut wire: Wire,
    dialer: &Dialer,
    endpoint: &Endpoint,
    greeting: Option<&Answer>,
    timeouts: &Timeouts,
    seen: &mut Encounter,
) -> Result<Wire, ImapError> {
    let refused = |what: &str| ImapError::Starttls { what: what.to_owned() };
    let mut offered = ServerFacts::new(endpoint.clone());
    if let Some(greeting) = greeting {
        offered.read_capabilities(greeting);
    }
    if !offered.has("STARTTLS") {
        let asked = Command::new("CAPABILITY").run(&mut wire, "T1").await?;
        offered.read_capabilities(&asked.ok("CAPABILITY")?);
    }
    if !offered.has("STARTTLS") {
        return Err(refused("the server does not offer it; nothing was sent in clear text"));
    }
    let answer = Command::new("STARTTLS").run(&mut wire, "T2").await?;
    if let Err(error) = answer.ok("STARTTLS") {
        return Err(ImapError::Starttls { what: error.to_string() });
    }
    // Bytes behind the OK were put there by somebody who could not wait for the handshake: they would be read
    // as if they had come through TLS.
    match wire.into_transport() {
        Some((Transport::Net(stream), false)) => {
            let tls = dialer.start_tls(stream, &endpoint.host).await?;
            seen.certificate = tls.certificate();
            Ok(Wire::new(Transport::Net(tls), timeouts))
        }
        Some((_, true)) => Err(refused("bytes were slipped in before the encryption began")),
        _ => Err(refused("the connection cannot be put under TLS")),
    }
}
