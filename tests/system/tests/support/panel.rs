//! A new host's panel: a JSON API over TLS on loopback.
//!
//! It lists and creates mailboxes and sets quotas.

use std::collections::VecDeque;
use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread;

use mailhaul_lab::certs::Identity;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) login: String,
    pub(crate) password: String,
    pub(crate) quota: Option<u64>,
}

/// What the mail server behind a panel is told.
type Tell = Arc<dyn Fn(&Account) + Send + Sync>;

/// A request that never gets its answer: whoever waits for it can be killed then.
#[derive(Debug)]
pub(crate) struct Hang {
    /// How its method and path begin.
    pub(crate) at: &'static str,
    /// Whether it is done all the same.
    pub(crate) done: bool,
    /// Is told when it has come.
    pub(crate) reached: mpsc::Sender<()>,
}

#[derive(Default)]
pub(crate) struct PanelState {
    pub(crate) accounts: Vec<Account>,
    /// Method and path of every request with the right token.
    pub(crate) heard: Vec<String>,
    /// Set when the panel refuses to set quotas.
    pub(crate) strict: bool,
    /// Whether a new mailbox gets the quota it is created with; some panels do not heed it.
    pub(crate) heeds_quota: bool,
    /// Told of every mailbox that is created.
    pub(crate) mail_server: Option<Tell>,
    pub(crate) hang: Option<Hang>,
    /// Heads of answers that come before anything is done, with `Retry-After` where it is part of them.
    pub(crate) refusals: VecDeque<&'static str>,
    /// Whether it refuses requests of this method, and repeats them: their token and all of their body.
    pub(crate) repeats: Option<&'static str>,
}

impl fmt::Debug for PanelState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PanelState").field("heard", &self.heard).finish_non_exhaustive()
    }
}

/// A running panel; its thread ends with the process.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    pub(crate) port: u16,
    state: Arc<Mutex<PanelState>>,
}

impl Panel {
    /// Starts one that shows this certificate and takes this token.
    pub(crate) fn start(identity: &Identity, token: &'static str) -> Self {
        let chain = vec![CertificateDer::from_pem_file(&identity.cert).unwrap()];
        let key = PrivateKeyDer::from_pem_file(&identity.key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let panel = Self { port, state: Arc::default() };
        let state = Arc::clone(&panel.state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { break };
                let Ok(tls) = ServerConnection::new(Arc::clone(&config)) else { break };
                // One request a connection; a client that does not trust us ends it early.
                let state = Arc::clone(&state);
                thread::spawn(move || drop(serve(StreamOwned::new(tls, stream), &state, token)));
            }
        });
        panel
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, PanelState> {
        self.state.lock().unwrap()
    }

    pub(crate) fn account(&self, login: &str) -> Option<Account> {
        self.state().accounts.iter().find(|account| account.login == login).cloned()
    }
}

fn serve(
    stream: StreamOwned<ServerConnection, TcpStream>,
    state: &Mutex<PanelState>,
    token: &str,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let request = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let (mut length, mut authorized) = (0, false);
    let mut head = request.clone();
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        head.push_str(&format!("; {name}: {value}"));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            "authorization" => {
                authorized |= value == format!("Bearer {token}") || value == format!("cpanel acme:{token}");
            }
            "x-api-key" => authorized |= value == token,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let raw = String::from_utf8_lossy(&body).into_owned();
    let body: Value = serde_json::from_slice(&body).unwrap_or_else(|_| form(&body));
    let mut state = state.lock().unwrap();
    let (status, answer) = match (authorized, state.refusals.pop_front()) {
        (false, _) => ("401 Unauthorized", json!({ "error": "who are you?" })),
        (true, None) if state.repeats.is_some_and(|method| request.starts_with(method)) => {
            ("500 Internal Server Error", json!({ "error": format!("cannot do {raw} for {head}") }))
        }
        (true, Some(refusal)) => (refusal, json!({ "error": "slow down" })),
        (true, None) => {
            state.heard.push(request.clone());
            let hang = state.hang.take_if(|hang| request.starts_with(hang.at));
            let done = hang.as_ref().is_none_or(|hang| hang.done);
            let answer = if done { answer(&mut state, &request, &body) } else { Default::default() };
            if let Some(hang) = hang {
                drop(state);
                hang.reached.send(()).unwrap();
                // Until the client is gone.
                stream.read_to_end(&mut Vec::new()).ok();
                return Ok(());
            }
            answer
        }
    };
    drop(state);
    let answer = answer.to_string();
    write!(
        stream.get_mut(),
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    )?;
    stream.get_mut().conn.send_close_notify();
    stream.get_mut().flush()
}

/// The fields of a form, as the JSON that the other panel takes.
fn form(body: &[u8]) -> Value {
    let text = String::from_utf8_lossy(body).into_owned();
    let field = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), decoded(value)));
    Value::Object(text.split('&').filter_map(field).map(|(name, value)| (name, value.into())).collect())
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let hex: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.push(u8::from_str_radix(&hex, 16).unwrap());
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn answer(state: &mut PanelState, request: &str, body: &Value) -> (&'static str, Value) {
    if request.contains(" /execute/Email/") {
        return cpanel(state, request, body);
    }
    if request.contains(" /api/v1/") {
        return mailcow(state, request, body);
    }
    let login = body["login"].as_str().unwrap_or_default().to_owned();
    let position = state.accounts.iter().position(|account| account.login == login);
    match (request, position) {
        (list, _) if list.starts_with("GET /mailboxes?domain=") => {
            let known = of_domain(state, list.rsplit('=').next().unwrap_or_default());
            let known = known.map(|account| json!({ "login": account.login, "quota": account.quota }));
            ("200 OK", known.collect())
        }
        ("POST /mailboxes", Some(_)) => ("409 Conflict", json!({})),
        ("POST /mailboxes", None) => {
            let password = body["password"].as_str().unwrap_or_default().to_owned();
            let quota = body["quota"].as_u64().filter(|_| state.heeds_quota);
            create(state, Account { login, password, quota });
            ("201 Created", json!({}))
        }
        ("POST /quota", Some(at)) if !state.strict => {
            state.accounts[at].quota = body["quota"].as_u64();
            ("200 OK", json!({}))
        }
        _ => ("400 Bad Request", json!({ "error": "no" })),
    }
}

fn of_domain<'a>(state: &'a PanelState, domain: &'a str) -> impl Iterator<Item = &'a Account> {
    let domain = decoded(domain);
    state.accounts.iter().filter(move |account| account.login.ends_with(&format!("@{domain}")))
}

fn create(state: &mut PanelState, account: Account) {
    if let Some(tell) = &state.mail_server {
        tell(&account);
    }
    state.accounts.push(account);
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_default().to_owned()
}

/// Megabytes as text, 0 for any number of them.
fn quota(body: &Value) -> Option<u64> {
    let mib: u64 = body["quota"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
    Some(mib << 20).filter(|bytes| *bytes > 0)
}

/// UAPI answers 200 to everything; whether it worked is in `status`.
fn cpanel(state: &mut PanelState, request: &str, body: &Value) -> (&'static str, Value) {
    let login = format!("{}@{}", text(body, "email"), text(body, "domain"));
    let position = state.accounts.iter().position(|account| account.login == login);
    let done = |data: Value| json!({ "data": data, "errors": null, "messages": null, "metadata": {}, "status": 1, "warnings": null });
    let failed = |why: String| json!({ "data": null, "errors": [why], "messages": null, "metadata": {}, "status": 0, "warnings": null });
    let answer = match request.split(['?', ' ']).nth(1).unwrap_or_default() {
        "/execute/Email/list_pops_with_disk" => {
            let all = of_domain(state, request.rsplit('=').next().unwrap_or_default()).map(|account| {
                let shown = account.quota.map_or("unlimited".to_owned(), |bytes| (bytes >> 20).to_string());
                json!({ "email": account.login, "login": account.login, "diskquota": shown,
                        "_diskquota": account.quota.unwrap_or(0), "diskused": "0", "_diskused": 0,
                        "suspended_login": 0, "suspended_incoming": 0 })
            });
            done(all.collect())
        }
        "/execute/Email/add_pop" if position.is_some() => {
            failed(format!("The email account “{login}” already exists."))
        }
        "/execute/Email/add_pop" if login.starts_with("postmaster@") => {
            failed(format!("The name “{login}” is reserved."))
        }
        "/execute/Email/add_pop" => {
            create(
                state,
                Account { login: login.clone(), password: text(body, "password"), quota: quota(body) },
            );
            done(login.replace('@', "+").into())
        }
        "/execute/Email/edit_pop_quota" => {
            state.accounts[position.unwrap()].quota = quota(body);
            done(Value::Null)
        }
        other => failed(format!("The system could not find the function “{other}”.")),
    };
    ("200 OK", answer)
}

/// The mailcow API answers 200 as well, with a list of what it has done or found wrong.
fn mailcow(state: &mut PanelState, request: &str, body: &Value) -> (&'static str, Value) {
    let says = |kind: &str, words: Value| json!([{ "type": kind, "log": [], "msg": words }]);
    let answer = match request.split(' ').nth(1).unwrap_or_default() {
        list if list.starts_with("/api/v1/get/mailbox/all/") => {
            let all = of_domain(state, list.rsplit('/').next().unwrap_or_default());
            all.map(|account| {
                json!({ "username": account.login, "quota": account.quota.unwrap_or(0), "active": 1, "messages": 0 })
            })
            .collect()
        }
        "/api/v1/add/mailbox" => {
            let login = format!("{}@{}", text(body, "local_part"), text(body, "domain"));
            let password = text(body, "password");
            let has = |is: fn(char) -> bool| password.chars().any(is);
            let complex = has(|c| c.is_ascii_uppercase())
                && has(|c| c.is_ascii_digit())
                && has(|c| c.is_ascii_punctuation())
                && (12..=20).contains(&password.len());
            if state.accounts.iter().any(|account| account.login == login) {
                says("danger", json!(["object_exists", login]))
            } else if !complex || body["password2"] != body["password"] {
                says("danger", json!("password_complexity"))
            } else if login.starts_with("postmaster@") {
                says("danger", json!(["mailbox_quota_left_exceeded", 5]))
            } else {
                create(state, Account { login: login.clone(), password, quota: quota(body) });
                says("success", json!(["mailbox_added", login]))
            }
        }
        "/api/v1/edit/mailbox" => {
            let login = body["items"][0].as_str().unwrap_or_default().to_owned();
            let account = state.accounts.iter_mut().find(|account| account.login == login).unwrap();
            account.quota = quota(&body["attr"]);
            says("success", json!(["mailbox_modified", login]))
        }
        _ => says("error", json!("route not found")),
    };
    ("200 OK", answer)
}
