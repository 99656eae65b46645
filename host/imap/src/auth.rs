//! Logging in (RFC 9051 section 6.2): once, with the best mechanism offered, and without leaving the secret anywhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice};
use zeroize::Zeroizing;

use crate::command::{Answer, next, quoted};
use crate::reply::{Reply, Status};
use crate::wire::Wire;
use crate::{ImapError, ServerFacts};

/// A password or token: any bytes, overwritten when dropped, never shown.
pub type Secret = SecretSlice<u8>;

/// Who logs in, and how.
#[derive(Debug, Clone)]
pub struct Login {
    /// The mailbox's user name.
    pub user: String,
    /// The administrator whose credentials are used to act as `user` (SASL authorization identity, RFC 4616); always
    /// AUTHENTICATE PLAIN.
    pub admin: Option<String>,
    /// The mechanism.
    pub method: AuthMethod,
    /// The password, or the OAuth access token: of `admin` when that is set.
    pub secret: Secret,
}

/// How to prove an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthMethod {
    /// AUTHENTICATE PLAIN where it is advertised, else LOGIN unless the server forbids it.
    Password,
    /// AUTHENTICATE PLAIN with `admin` as the one who authenticates (RFC 4616).
    PlainAuthzid,
    /// AUTHENTICATE XOAUTH2 with an access token (Google's and Microsoft's own).
    Xoauth2,
    /// AUTHENTICATE OAUTHBEARER with an access token (RFC 7628).
    OauthBearer,
}

/// What will be sent.
enum Plan {
    Sasl { mechanism: &'static str, response: Zeroizing<Vec<u8>> },
    Login,
}

/// Logs in. A refusal is final: the server is not asked a second time, whatever else it offers.
pub(crate) async fn log_in(wire: &mut Wire, facts: &ServerFacts, login: &Login) -> Result<Answer, ImapError> {
    match plan(facts, login)? {
        Plan::Sasl { mechanism, response } => authenticate(wire, facts, login, mechanism, &response).await,
        Plan::Login => plain_login(wire, facts, login).await,
    }
}

fn unavailable(what: impl Into<String>) -> ImapError {
    ImapError::LoginUnavailable { what: what.into() }
}

fn plan(facts: &ServerFacts, login: &Login) -> Result<Plan, ImapError> {
    let secret = login.secret.expose_secret();
    if login.user.is_empty() {
        return Err(unavailable("the user name is empty"));
    }
    match login.method {
        AuthMethod::Password | AuthMethod::PlainAuthzid => {
            let authzid = login.admin.as_ref().map(|_| login.user.as_str());
            let authcid = login.admin.as_deref().unwrap_or(&login.user);
            if login.method == AuthMethod::PlainAuthzid && login.admin.is_none() {
                return Err(unavailable("plain-authzid needs the name of an administrator"));
            }
            if [login.user.as_bytes(), authcid.as_bytes(), secret].iter().any(|bytes| bytes.contains(&0)) {
                return Err(unavailable("a user name or password with a NUL in it cannot be sent"));
            }
            if facts.has("AUTH=PLAIN") {
                let mut response = Zeroizing::new(Vec::with_capacity(secret.len() + 200));
                response.extend_from_slice(authzid.unwrap_or_default().as_bytes());
                response.push(0);
                response.extend_from_slice(authcid.as_bytes());
                response.push(0);
                response.extend_from_slice(secret);
                return Ok(Plan::Sasl { mechanism: "PLAIN", response });
            }
            if authzid.is_some() {
                return Err(unavailable(
                    "the server offers no AUTHENTICATE PLAIN, which acting for a user needs",
                ));
            }
            if !facts.has("LOGINDISABLED") {
                return Ok(Plan::Login);
            }
            if ["AUTH=XOAUTH2", "AUTH=OAUTHBEARER"].iter().any(|name| facts.has(name)) {
                return Err(ImapError::NeedsOauth);
            }
            Err(unavailable("the server has switched off LOGIN and offers no AUTHENTICATE PLAIN"))
        }
        AuthMethod::Xoauth2 => {
            need(facts, "AUTH=XOAUTH2")?;
            no_separators(&[login.user.as_bytes(), secret])?;
            let parts: [&[u8]; 5] =
                [b"user=", login.user.as_bytes(), b"\x01auth=Bearer ", secret, b"\x01\x01"];
            Ok(Plan::Sasl { mechanism: "XOAUTH2", response: Zeroizing::new(parts.concat()) })
        }
        AuthMethod::OauthBearer => {
            need(facts, "AUTH=OAUTHBEARER")?;
            no_separators(&[login.user.as_bytes(), secret])?;
            // The gs2 header's escapes (RFC 5801 section 4).
            let user = login.user.replace('=', "=3D").replace(',', "=2C");
            let head = format!("n,a={user},\x01host={}\x01port={}", facts.endpoint.host, facts.endpoint.port);
            let parts: [&[u8]; 4] = [head.as_bytes(), b"\x01auth=Bearer ", secret, b"\x01\x01"];
            Ok(Plan::Sasl { mechanism: "OAUTHBEARER", response: Zeroizing::new(parts.concat()) })
        }
    }
}

fn need(facts: &ServerFacts, capability: &str) -> Result<(), ImapError> {
    if facts.has(capability) {
        Ok(())
    } else {
        Err(unavailable(format!("the server does not offer {capability}")))
    }
}

/// Control characters separate the fields of both OAuth mechanisms.
fn no_separators(fields: &[&[u8]]) -> Result<(), ImapError> {
    if fields.iter().any(|field| field.iter().any(u8::is_ascii_control)) {
        return Err(unavailable("a user name or token with control characters in it cannot be sent"));
    }
    Ok(())
}

const TAG: &str = "L1";

async fn authenticate(
    wire: &mut Wire,
    facts: &ServerFacts,
    login: &Login,
    mechanism: &'static str,
    response: &[u8],
) -> Result<Answer, ImapError> {
    let mut encoded = Zeroizing::new(String::with_capacity(response.len() * 4 / 3 + 4));
    STANDARD.encode_string(response, &mut encoded);
    wire.begin("AUTHENTICATE")?;
    wire.writer.push(format!("{TAG} AUTHENTICATE {mechanism}").as_bytes());
    // With SASL-IR (RFC 4959) the response rides along and saves a round trip.
    let mut sent = facts.has("SASL-IR");
    if sent {
        wire.writer.push(b" ");
        wire.writer.push(encoded.as_bytes());
    }
    wire.writer.push(b"\r\n");
    flush_secret(wire).await?;
    let mut data = Vec::new();
    let mut detail = None;
    loop {
        match next(wire).await? {
            Reply::Continue(_) if !sent => {
                sent = true;
                wire.writer.push(encoded.as_bytes());
                wire.writer.push(b"\r\n");
                flush_secret(wire).await?;
            }
            Reply::Continue(challenge) => {
                // The OAuth mechanisms report failure as a challenge, which has to be answered to get the NO
                // (RFC 7628 section 3.2.3). PLAIN has no second round: cancel.
                detail = STANDARD.decode(&challenge).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                let answer: &[u8] = match mechanism {
                    "XOAUTH2" => b"\r\n",
                    "OAUTHBEARER" => b"AQ==\r\n",
                    _ => b"*\r\n",
                };
                wire.writer.push(answer);
                wire.flush().await?;
            }
            Reply::Tagged { tag, line } if tag == TAG => {
                wire.finish();
                return verdict(Answer { data, line }, login, detail);
            }
            Reply::Tagged { .. } => return Err(wire.reader.fail(unknown_tag())),
            other => data.push(other),
        }
    }
}

/// LOGIN (RFC 9051 section 6.2.3), for servers without AUTHENTICATE PLAIN.
async fn plain_login(wire: &mut Wire, facts: &ServerFacts, login: &Login) -> Result<Answer, ImapError> {
    let secret = login.secret.expose_secret();
    if login.user.bytes().any(|byte| matches!(byte, b'\r' | b'\n'))
        || secret.iter().any(|b| matches!(b, b'\r' | b'\n'))
    {
        return Err(unavailable("a user name or password with a line end in it cannot be sent with LOGIN"));
    }
    wire.begin("LOGIN")?;
    wire.writer.push(format!("{TAG} LOGIN").as_bytes());
    let mut data = Vec::new();
    for argument in [login.user.as_bytes(), secret] {
        wire.writer.push(b" ");
        if let Some(text) = quoted(argument).map(Zeroizing::new) {
            wire.writer.push(&text);
            continue;
        }
        let plus = facts.has("LITERAL+") || facts.has("LITERAL-") && argument.len() <= 4096;
        wire.writer.push(format!("{{{}{}}}\r\n", argument.len(), if plus { "+" } else { "" }).as_bytes());
        if !plus {
            flush_secret(wire).await?;
            loop {
                match next(wire).await? {
                    Reply::Continue(_) => break,
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
        match next(wire).await? {
            Reply::Tagged { tag, line } if tag == TAG => {
                wire.finish();
                return verdict(Answer { data, line }, login, None);
            }
            Reply::Tagged { .. } => return Err(wire.reader.fail(unknown_tag())),
            Reply::Continue(_) => {
                return Err(wire
                    .reader
                    .fail(ImapError::Protocol { what: "LOGIN was answered with a question".to_owned() }));
            }
            other => data.push(other),
        }
    }
}

async fn flush_secret(wire: &mut Wire) -> Result<(), ImapError> {
    let flushed = wire.flush().await;
    wire.writer.wipe();
    flushed
}

fn unknown_tag() -> ImapError {
    ImapError::Protocol { what: "the log-in was answered under another tag".to_owned() }
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
