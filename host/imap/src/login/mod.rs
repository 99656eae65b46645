//! Logging in (RFC 9051 section 6.2): once, with the best mechanism offered, and without leaving the secret
//! anywhere.

mod sasl;
mod scram;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::command::{Answer, foreign_tag, next_reply, quoted};
use crate::login::sasl::{Sasl, Step};
use crate::login::scram::Scram;
use crate::syntax::reply::{Reply, Status};
use crate::types::error::ImapError;
use crate::types::facts::ServerFacts;
use crate::types::login::{AuthMethod, Login};
use crate::wire::Wire;

/// A mechanism to send: one of [`AuthMethod`]'s, without those that stand for a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mechanism {
    Login,
    Plain,
    CramMd5,
    ScramSha1,
    ScramSha256,
    Xoauth2,
    OauthBearer,
}

impl Mechanism {
    /// Best first; the reasons are with [`AuthMethod::Password`].
    const UNDER_TLS: &[Mechanism] = &[
        Mechanism::Plain,
        Mechanism::Login,
        Mechanism::ScramSha256,
        Mechanism::ScramSha1,
        Mechanism::CramMd5,
    ];
    const IN_CLEAR: &[Mechanism] = &[
        Mechanism::ScramSha256,
        Mechanism::ScramSha1,
        Mechanism::CramMd5,
        Mechanism::Plain,
        Mechanism::Login,
    ];

    fn candidates(method: AuthMethod, protected: bool) -> &'static [Mechanism] {
        match method {
            AuthMethod::Password | AuthMethod::PlainAuthzid if protected => Mechanism::UNDER_TLS,
            AuthMethod::Password | AuthMethod::PlainAuthzid => Mechanism::IN_CLEAR,
            AuthMethod::Login => &[Mechanism::Login],
            AuthMethod::Plain => &[Mechanism::Plain],
            AuthMethod::CramMd5 => &[Mechanism::CramMd5],
            AuthMethod::ScramSha1 => &[Mechanism::ScramSha1],
            AuthMethod::ScramSha256 => &[Mechanism::ScramSha256],
            AuthMethod::Xoauth2 => &[Mechanism::Xoauth2],
            AuthMethod::OauthBearer => &[Mechanism::OauthBearer],
        }
    }

    /// Returns its name behind AUTHENTICATE; `LOGIN` is a command of its own.
    fn name(self) -> &'static str {
        match self {
            Mechanism::Login => "LOGIN",
            Mechanism::Plain => "PLAIN",
            Mechanism::CramMd5 => "CRAM-MD5",
            Mechanism::ScramSha1 => "SCRAM-SHA-1",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::Xoauth2 => "XOAUTH2",
            Mechanism::OauthBearer => "OAUTHBEARER",
        }
    }

    fn is_offered(self, facts: &ServerFacts) -> bool {
        match self {
            Mechanism::Login => !facts.has("LOGINDISABLED"),
            other => facts.has(&format!("AUTH={}", other.name())),
        }
    }

    /// Whether it carries an authorization identity, so that an administrator can act for a user.
    fn takes_authzid(self) -> bool {
        matches!(self, Mechanism::Plain | Mechanism::ScramSha1 | Mechanism::ScramSha256)
    }

    /// Returns why it has no form for these credentials, as one sentence, or `None` when it has.
    fn objection(self, login: &Login) -> Option<&'static str> {
        let secret = login.secret.expose_secret();
        let names = [Some(login.user.as_bytes()), login.admin.as_deref().map(str::as_bytes)];
        let all = || names.iter().flatten().copied().chain([secret]);
        match self {
            Mechanism::Login | Mechanism::Plain => all()
                .any(|bytes| bytes.contains(&0))
                .then_some("a user name or password with a NUL in it cannot be sent"),
            Mechanism::CramMd5 => login
                .user
                .contains(['\r', '\n', '\0'])
                .then_some("a user name with a line end or NUL in it cannot be sent with CRAM-MD5"),
            Mechanism::ScramSha1 | Mechanism::ScramSha256 => (std::str::from_utf8(secret).is_err()
                || all().any(|bytes| bytes.contains(&0)))
            .then_some("a password that is not UTF-8 text, or with a NUL in it, cannot be used with SCRAM"),
            // Control characters separate the fields of both OAuth mechanisms.
            Mechanism::Xoauth2 | Mechanism::OauthBearer => all()
                .any(|bytes| bytes.iter().any(u8::is_ascii_control))
                .then_some("a user name or token with control characters in it cannot be sent"),
        }
    }

    /// Begins the exchange; `None` for LOGIN, which is a command and no SASL mechanism.
    fn begin(self, facts: &ServerFacts, login: &Login) -> Result<Option<Sasl>, ImapError> {
        let secret = login.secret.expose_secret();
        let user = login.user.as_bytes();
        // The one who proves an identity, and the one who is meant when that is another.
        let (actor, meant) = match &login.admin {
            Some(admin) => (admin.as_str(), Some(login.user.as_str())),
            None => (login.user.as_str(), None),
        };
        let once = |parts: &[&[u8]], acknowledge| {
            // One allocation of the right size: a growing one would leave pieces of the secret behind.
            let mut response = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
            parts.iter().for_each(|part| response.extend_from_slice(part));
            Sasl::SingleResponse { response, acknowledge }
        };
        Ok(Some(match self {
            Mechanism::Login => return Ok(None),
            Mechanism::Plain => {
                let meant = meant.unwrap_or_default().as_bytes();
                once(&[meant, b"\0", actor.as_bytes(), b"\0", secret], None)
            }
            Mechanism::Xoauth2 => {
                once(&[b"user=", user, b"\x01auth=Bearer ", secret, b"\x01\x01"], Some(b""))
            }
            Mechanism::OauthBearer => {
                let (host, port) = (&facts.endpoint.host, facts.endpoint.port);
                let head = format!("n,a={},\x01host={host}\x01port={port}", scram::escaped(&login.user));
                once(&[head.as_bytes(), b"\x01auth=Bearer ", secret, b"\x01\x01"], Some(b"\x01"))
            }
            Mechanism::CramMd5 => {
                Sasl::CramMd5 { user: login.user.clone(), secret: login.secret.clone(), answered: false }
            }
            Mechanism::ScramSha1 | Mechanism::ScramSha256 => {
                let hash = if self == Mechanism::ScramSha1 { scram::Hash::Sha1 } else { scram::Hash::Sha256 };
                let mut random = [0; 18];
                getrandom::fill(&mut random)
                    .map_err(|error| unavailable(format!("the system gives no random numbers: {error}")))?;
                let scram = Scram::new(hash, actor, meant, secret, STANDARD.encode(random));
                let refused = || unavailable("a password that is not UTF-8 text cannot be used with SCRAM");
                Sasl::Scram(Box::new(scram.ok_or_else(refused)?))
            }
        }))
    }
}

/// Logs in. A refusal is final: the server is not asked a second time, whatever else it offers, nor is
/// another server it refers to (RFC 2221). `protected` says whether the password can travel unseen.
pub(crate) async fn log_in(
    wire: &mut Wire,
    facts: &ServerFacts,
    login: &Login,
    protected: bool,
) -> Result<Answer, ImapError> {
    let mechanism = choose(facts, login, protected)?;
    tracing::debug!(mechanism = mechanism.name(), "logging in");
    match mechanism.begin(facts, login)? {
        Some(sasl) => authenticate(wire, facts, login, mechanism.name(), sasl).await,
        None => plain_login(wire, facts, login).await,
    }
}

fn unavailable(what: impl Into<String>) -> ImapError {
    ImapError::LoginUnavailable { what: what.into() }
}

/// Returns the first mechanism that the server offers and that has a form for the credentials.
fn choose(facts: &ServerFacts, login: &Login, protected: bool) -> Result<Mechanism, ImapError> {
    if login.user.is_empty() {
        return Err(unavailable("the user name is empty"));
    }
    if login.method == AuthMethod::PlainAuthzid && login.admin.is_none() {
        return Err(unavailable("plain-authzid needs the name of an administrator"));
    }
    let candidates = Mechanism::candidates(login.method, protected);
    let mut objection = None;
    for mechanism in candidates {
        if mechanism.is_offered(facts) && (login.admin.is_none() || mechanism.takes_authzid()) {
            match mechanism.objection(login) {
                None => return Ok(*mechanism),
                Some(sentence) => objection = objection.or(Some(sentence)),
            }
        }
    }
    if let Some(sentence) = objection {
        return Err(unavailable(sentence));
    }
    Err(match (candidates, &login.admin) {
        ([Mechanism::Login], _) => unavailable("the server has switched off LOGIN"),
        ([only], _) => unavailable(format!("the server does not offer AUTH={}", only.name())),
        (_, Some(_)) => unavailable(
            "the server offers neither AUTHENTICATE PLAIN nor SCRAM, which acting for a user needs",
        ),
        _ if facts.has("AUTH=XOAUTH2") || facts.has("AUTH=OAUTHBEARER") => ImapError::NeedsOauth,
        _ => unavailable(
            "the server has switched off LOGIN and offers none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-1 and CRAM-MD5",
        ),
    })
}

const TAG: &str = "L1";
/// The most challenges that are answered; SCRAM has three, with the empty one before the client's first
/// message.
const MAX_ROUNDS: usize = 8;

async fn authenticate(
    wire: &mut Wire,
    facts: &ServerFacts,
    login: &Login,
    mechanism: &'static str,
    mut sasl: Sasl,
) -> Result<Answer, ImapError> {
    wire.begin("AUTHENTICATE")?;
    wire.writer.push(format!("{TAG} AUTHENTICATE {mechanism}").as_bytes());
    let mut initial = sasl.initial();
    // With SASL-IR (RFC 4959) the response rides along and saves a round trip.
    if facts.has("SASL-IR")
        && let Some(response) = initial.take()
    {
        wire.reader.secrets.hide_answer(&response);
        wire.writer.push(b" ");
        wire.writer.push(encoded(&response).as_bytes());
    }
    wire.writer.push(b"\r\n");
    flush_secret(wire).await?;
    let mut data = Vec::new();
    let mut detail = None;
    let mut rounds = 0;
    loop {
        match next_reply(wire).await? {
            Reply::Continue(challenge) => {
                rounds += 1;
                if rounds > MAX_ROUNDS {
                    return Err(broken(wire, "the log-in asks without end"));
                }
                let step = match initial.take() {
                    Some(response) => Step::Send(response),
                    None => match STANDARD.decode(&challenge) {
                        Ok(challenge) => sasl.respond(&challenge).map_err(|what| broken(wire, &what))?,
                        Err(_) => return Err(broken(wire, "the log-in's challenge is not base64")),
                    },
                };
                let answer = match step {
                    Step::Send(answer) => Some(answer),
                    Step::Derive(work) => {
                        let salted = tokio::task::spawn_blocking(|| work.run()).await;
                        let salted = salted.map_err(|_| broken(wire, "the log-in was interrupted"))?;
                        Some(sasl.final_response(&salted))
                    }
                    Step::Refused { detail: why, answer } => {
                        detail = Some(wire.reader.scrub(&why));
                        answer.map(|bytes| Zeroizing::new(bytes.to_vec()))
                    }
                };
                match answer {
                    Some(answer) => {
                        wire.reader.secrets.hide_answer(&answer);
                        wire.writer.push(encoded(&answer).as_bytes());
                    }
                    // Cancels the exchange (RFC 9051 section 6.2.2).
                    None => wire.writer.push(b"*"),
                }
                wire.writer.push(b"\r\n");
                flush_secret(wire).await?;
            }
            Reply::Tagged { tag, line } if tag == TAG => {
                if line.status == Status::Ok {
                    sasl.check().map_err(|what| broken(wire, &what))?;
                }
                wire.finish();
                return verdict(Answer { data, line }, login, detail);
            }
            Reply::Tagged { tag, .. } => return Err(foreign_tag(wire, &tag)),
            other => data.push(other),
        }
    }
}

fn encoded(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 4 / 3 + 4));
    STANDARD.encode_string(bytes, &mut text);
    text
}

/// Ends the connection: the other side breaks the log-in's protocol, or does not know the password itself.
fn broken(wire: &mut Wire, what: &str) -> ImapError {
    let what = wire.reader.scrub(what);
    wire.reader.fail(ImapError::Protocol { what })
}

/// Logs in with LOGIN (RFC 9051 section 6.2.3), each argument quoted or as a literal.
async fn plain_login(wire: &mut Wire, facts: &ServerFacts, login: &Login) -> Result<Answer, ImapError> {
    wire.begin("LOGIN")?;
    wire.writer.push(format!("{TAG} LOGIN").as_bytes());
    let mut data = Vec::new();
    for argument in [login.user.as_bytes(), login.secret.expose_secret()] {
        wire.writer.push(b" ");
        if let Some(text) = quoted(argument).map(Zeroizing::new) {
            wire.writer.push(&text);
            continue;
        }
        // What has lines in it is sent only when the server asks for it: refused unasked, they would be read
        // as commands.
        let lines = argument.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
        let plus = !lines && (facts.has("LITERAL+") || facts.has("LITERAL-") && argument.len() <= 4096);
        wire.writer.push(format!("{{{}{}}}\r\n", argument.len(), if plus { "+" } else { "" }).as_bytes());
        if !plus {
            flush_secret(wire).await?;
            loop {
                match next_reply(wire).await? {
                    Reply::Continue(_) => break,
                    Reply::Tagged { line, .. } if line.status == Status::Ok => {
                        return Err(broken(wire, "the log-in succeeded before it was complete"));
                    }
                    Reply::Tagged { line, .. } => {
                        wire.finish();
                        return verdict(Answer { data, line }, login, None);
                    }
                    other => data.push(other),
                }
            }
        }
        wire.writer.push(argument);
    }
    wire.writer.push(b"\r\n");
    flush_secret(wire).await?;
    loop {
        match next_reply(wire).await? {
            Reply::Tagged { tag, line } if tag == TAG => {
                wire.finish();
                return verdict(Answer { data, line }, login, None);
            }
            Reply::Tagged { tag, .. } => return Err(foreign_tag(wire, &tag)),
            Reply::Continue(_) => return Err(broken(wire, "LOGIN was answered with a question")),
            other => data.push(other),
        }
    }
}

async fn flush_secret(wire: &mut Wire) -> Result<(), ImapError> {
    let flushed = wire.flush().await;
    wire.writer.wipe();
    flushed
}

fn verdict(answer: Answer, login: &Login, detail: Option<String>) -> Result<Answer, ImapError> {
    if matches!(answer.line.status, Status::Ok | Status::Preauth) {
        return Ok(answer);
    }
    let mut text = answer.line.text.clone();
    if let Some(detail) = detail.filter(|detail| !detail.is_empty()) {
        text = format!("{text} {}", detail.chars().take(300).collect::<String>());
    }
    Err(ImapError::LoginRefused { code: answer.line.code, text, as_admin: login.admin.is_some() })
}
