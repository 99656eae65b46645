//! From nothing to a session: the log-in over an open connection, and what the server says about itself.

use mailhaul_net::{Dialer, Endpoint, TlsMode};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::command::batch::{Budget, run_all};
use crate::command::capability::{KnownServer, Namespaces, delimiter};
use crate::command::{Answer, Command};
use crate::login;
use crate::opening::{Encounter, Greeting, hide, open, read_greeting};
use crate::session::Session;
use crate::session::gate::Gate;
use crate::syntax::reply::{Reply, values};
use crate::types::error::ImapError;
use crate::types::facts::ServerFacts;
use crate::types::login::Login;
use crate::types::timeouts::Timeouts;
use crate::types::utf7;
use crate::wire::Wire;
use crate::wire::deflate::DeflateStream;
use crate::wire::transport::Transport;

/// One mailbox on one server, with what is needed to log in.
#[derive(Debug, Clone)]
pub struct Account {
    /// Host, port and TLS mode.
    pub endpoint: Endpoint,
    /// Opens the connection; decides which certificates are trusted.
    pub dialer: Dialer,
    /// User name, secret and mechanism; sent once per connection.
    pub login: Login,
    /// Whether credentials may travel without TLS; else [`connect`] fails with `Cleartext` before it dials.
    pub allow_cleartext: bool,
    /// Whether to compress what travels after the log-in, where the server offers it (RFC 4978). It costs
    /// about 30 ms of CPU per megabyte and pays on lines slower than some 20 MB/s.
    pub compress: bool,
}

/// Returns a logged-in session: TLS where the endpoint wants it, capabilities asked anew after TLS and after
/// log-in, ID exchanged and the personal namespace known.
///
/// Credentials are sent once. Nothing the server said before TLS is used after it (RFC 9051 section 6.2.1).
///
/// # Errors
/// `Cleartext` before anything is sent when the endpoint has no TLS and it is not allowed; `Net`, `Starttls`,
/// `LoginRefused`, `LoginUnavailable`, `NeedsOauth`, `Bye`, `Closed`, `TimedOut`, `Protocol`, `Limit`.
pub async fn connect(account: &Account, timeouts: &Timeouts) -> Result<Session, ImapError> {
    connect_beside(account, timeouts, None).await
}

/// Connects as [`connect`] does; a server that offers after the log-in what it offered to `known` is not
/// asked about itself again, which saves a round trip. Such a session has no QRESYNC.
///
/// # Errors
/// As [`connect`].
pub async fn connect_beside(
    account: &Account,
    timeouts: &Timeouts,
    known: Option<&KnownServer>,
) -> Result<Session, ImapError> {
    connect_noting(account, timeouts, known, &mut Encounter::default()).await
}

/// Connects as [`connect_beside`] does, and notes in `seen` what the server has shown by the time that this
/// ends.
///
/// # Errors
/// As [`connect`].
pub async fn connect_noting(
    account: &Account,
    timeouts: &Timeouts,
    known: Option<&KnownServer>,
    seen: &mut Encounter,
) -> Result<Session, ImapError> {
    let endpoint = &account.endpoint;
    if endpoint.tls == TlsMode::None && !account.allow_cleartext {
        return Err(ImapError::Cleartext { endpoint: endpoint.to_string() });
    }
    let (wire, greeting) = open(&account.dialer, endpoint, Some(&account.login), timeouts, seen).await?;
    let setup = Setup { protected: endpoint.tls != TlsMode::None, compress: account.compress, known };
    establish(wire, endpoint.clone(), greeting, &account.login, setup, timeouts, seen).await
}

/// Returns a logged-in session over a stream that exists already, such as a tunnel or a test's pipe. The
/// stream counts as protected; `endpoint` only names it.
///
/// # Errors
/// As [`connect`], without `Net`, `Cleartext` and `Starttls`.
pub async fn connect_over<S>(
    stream: S,
    endpoint: Endpoint,
    login: &Login,
    timeouts: &Timeouts,
) -> Result<Session, ImapError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut wire = Wire::new(Transport::Other(Box::new(stream)), timeouts);
    hide(&mut wire, login);
    let greeting = read_greeting(&mut wire, &endpoint, timeouts.greeting).await?;
    let setup = Setup { protected: true, compress: false, known: None };
    establish(wire, endpoint, greeting, login, setup, timeouts, &mut Encounter::default()).await
}

/// How the connection is set up between greeting and session.
#[derive(Clone, Copy)]
struct Setup<'a> {
    protected: bool,
    compress: bool,
    known: Option<&'a KnownServer>,
}

async fn establish(
    mut wire: Wire,
    endpoint: Endpoint,
    greeting: Greeting,
    login: &Login,
    setup: Setup<'_>,
    timeouts: &Timeouts,
    seen: &mut Encounter,
) -> Result<Session, ImapError> {
    let mut facts = ServerFacts::new(endpoint);
    facts.greeting = greeting.text;
    let known = greeting.capabilities.is_some_and(|answer| facts.read_capabilities(&answer));
    if !known {
        let answer = Command::new("CAPABILITY").run(&mut wire, "C1").await?;
        facts.read_capabilities(&answer);
    }
    seen.facts = Some(facts.clone());
    let answer = login::log_in(&mut wire, &facts, login, setup.protected).await?;
    tracing::debug!(endpoint = %facts.endpoint, "logged in");
    let mut discovery = Discovery::default();
    // The log-in's OK often lists the capabilities. Only what to ask along is taken from it: some servers
    // list a shorter set there, and the list that counts is asked for.
    let hint = facts.read_capabilities(&answer);
    let offered = if hint { facts.capabilities.clone() } else { Vec::new() };
    if let Some(known) = setup.known.filter(|known| hint && known.offered == offered) {
        facts = ServerFacts { greeting: facts.greeting, endpoint: facts.endpoint, ..known.facts.clone() };
        discovery.namespaces = Some(known.namespaces.clone());
    } else {
        discovery.ask(&mut wire, &mut facts, Some(CAPABILITY), hint).await?;
        // What only the full list advertised, and the delimiter of a server that refuses to tell its
        // namespaces.
        for _ in 0..2 {
            discovery.ask(&mut wire, &mut facts, None, true).await?;
        }
    }
    if setup.compress && facts.has("COMPRESS=DEFLATE") {
        wire = compress(wire, timeouts).await?;
    }
    let mut client = async_imap::Client::new(Gate::after_login(wire));
    client.get_mut().begin("LOGIN")?;
    let imap = client.login("-", "-").await.map_err(|(error, _)| ImapError::Protocol {
        what: format!("the session could not be set up: {}", error.to_string().to_lowercase()),
    })?;
    let known = KnownServer { facts, namespaces: discovery.namespaces.unwrap_or_default(), offered };
    Session::new(imap, known, discovery.qresync, timeouts.clone())
}

/// Puts the connection under compression (RFC 4978). A server that will not goes on without.
async fn compress(mut wire: Wire, timeouts: &Timeouts) -> Result<Wire, ImapError> {
    const NAME: &str = "COMPRESS";
    // Nothing may travel behind it: the server's next byte is compressed, and ours too.
    if let Err(error) = Command::new(NAME).text("DEFLATE").run(&mut wire, "C7").await?.ok(NAME) {
        tracing::debug!(%error, "COMPRESS was refused");
        return Ok(wire);
    }
    let already = wire.reader.unread().to_vec();
    let secrets = std::mem::take(&mut wire.reader.secrets);
    let closed = || ImapError::Closed { during: NAME, detail: "the server closed it".to_owned() };
    let (transport, _) = wire.into_transport().ok_or_else(closed)?;
    let stream = DeflateStream::new(transport.into_io(), already);
    tracing::debug!("compressed from here on");
    let mut wire = Wire::new(Transport::Other(Box::new(stream)), timeouts);
    wire.reader.secrets = secrets;
    Ok(wire)
}

/// A question after the log-in: its tag, the command, its arguments.
type Question = (&'static str, &'static str, &'static str);
const CAPABILITY: Question = ("C2", "CAPABILITY", "");
const ID: Question =
    ("C3", "ID", concat!("(\"name\" \"mailhaul\" \"version\" \"", env!("CARGO_PKG_VERSION"), "\")"));
const NAMESPACE: Question = ("C4", "NAMESPACE", "");
const DELIMITER: Question = ("C5", "LIST", "\"\" \"\"");
const ENABLE: Question = ("C6", "ENABLE", "QRESYNC");

/// The questions asked since the log-in, and what came of them.
#[derive(Default)]
struct Discovery {
    asked: Vec<&'static str>,
    namespaces: Option<Namespaces>,
    qresync: bool,
}

impl Discovery {
    /// Asks, in one round trip, `first` and what the server advertises and was not asked yet (`rest`).
    ///
    /// A server may refuse what it advertises: everything but the capabilities can be done without.
    async fn ask(
        &mut self,
        wire: &mut Wire,
        facts: &mut ServerFacts,
        first: Option<Question>,
        rest: bool,
    ) -> Result<(), ImapError> {
        let mut questions: Vec<Question> = first.into_iter().collect();
        if rest {
            let spaces = facts.has("NAMESPACE");
            // Before any folder is open (RFC 5161 section 3.1). It changes how the server tells of messages
            // that go away, and nothing else.
            let enable = facts.has("ENABLE") && facts.has("QRESYNC");
            // A server without namespaces, or with none to tell, shows its delimiter in `LIST "" ""` (RFC
            // 9051 section 6.3.9).
            let delimiter = self.namespaces.is_none() && (!spaces || self.asked.contains(&NAMESPACE.0));
            let wanted =
                [(facts.has("ID"), ID), (spaces, NAMESPACE), (delimiter, DELIMITER), (enable, ENABLE)];
            let unasked = |one: &(bool, Question)| one.0 && !self.asked.contains(&one.1.0);
            questions.extend(wanted.into_iter().filter(unasked).map(|(_, question)| question));
        }
        self.asked.extend(questions.iter().map(|(tag, ..)| *tag));
        let commands = questions.iter().map(|(tag, name, text)| {
            let command = Command::new(name);
            ((*tag).to_owned(), if text.is_empty() { command } else { command.text(text) })
        });
        let mut budget = Budget::new(questions.len(), wire.reader.command_timeout());
        let answers = run_all(wire, commands.collect(), &mut budget).await?;
        for ((_, name, _), answer) in questions.into_iter().zip(answers) {
            match answer.and_then(|answer| answer.ok(name)) {
                Ok(answer) => self.take(name, &answer, facts),
                Err(error) => tracing::debug!(%error, "{name} was refused"),
            }
        }
        Ok(())
    }

    fn take(&mut self, name: &str, answer: &Answer, facts: &mut ServerFacts) {
        match name {
            "CAPABILITY" => {
                facts.read_capabilities(answer);
            }
            "ID" => facts.read_id(answer),
            "NAMESPACE" => {
                if let Some(namespaces) = Namespaces::read(answer)
                    && let Some(own) = namespaces.personal.first()
                {
                    let prefix = String::from_utf8_lossy(&own.prefix);
                    facts.namespace_prefix = utf7::decode(&prefix).unwrap_or_else(|| prefix.into_owned());
                    facts.delimiter = own.delimiter;
                    self.namespaces = Some(namespaces);
                }
            }
            "LIST" => {
                let listed = answer.data.iter().find_map(|reply| match reply {
                    Reply::Data { number, word, response } if word == "LIST" => {
                        Some(values(response, *number).nth(1).as_ref().and_then(delimiter))
                    }
                    _ => None,
                });
                if let Some(delimiter) = listed
                    && self.namespaces.is_none()
                {
                    facts.delimiter = delimiter;
                }
            }
            "ENABLE" => {
                // Zimbra's account of what is gone is not to be relied on.
                let zimbra = facts.id.iter().any(|(_, value)| value.to_ascii_lowercase().contains("zimbra"));
                self.qresync = !zimbra && answer.data.iter().any(enables_qresync);
            }
            _ => {}
        }
    }
}

fn enables_qresync(reply: &Reply) -> bool {
    match reply {
        Reply::Data { number, word, response } if word == "ENABLED" => {
            values(response, *number).any(|value| value.is_word("QRESYNC"))
        }
        _ => false,
    }
}
