//! A new host's panel: a JSON API over TLS on loopback.
//!
//! It lists and creates mailboxes and sets quotas.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
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

#[derive(Debug, Default)]
pub(crate) struct PanelState {
    pub(crate) accounts: Vec<Account>,
    /// Method and path of every request with the right token.
    pub(crate) heard: Vec<String>,
    /// Set when the panel refuses to set quotas.
    pub(crate) strict: bool,
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
                drop(serve(StreamOwned::new(tls, stream), &state, token));
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
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            "authorization" => authorized = value == format!("Bearer {token}"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let (status, answer) = if authorized {
        let mut state = state.lock().unwrap();
        state.heard.push(request.clone());
        answer(&mut state, &request, &body)
    } else {
        ("401 Unauthorized", json!({ "error": "who are you?" }))
    };
    let answer = answer.to_string();
    write!(
        stream.get_mut(),
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    )?;
    stream.get_mut().conn.send_close_notify();
    stream.get_mut().flush()
}

fn answer(state: &mut PanelState, request: &str, body: &Value) -> (&'static str, Value) {
    let login = body["login"].as_str().unwrap_or_default().to_owned();
    let position = state.accounts.iter().position(|account| account.login == login);
    match (request, position) {
        (list, _) if list.starts_with("GET /mailboxes?domain=") => {
            let domain = list.rsplit('=').next().unwrap_or_default();
            let known = state.accounts.iter().filter(|account| account.login.ends_with(domain));
            let known: Vec<_> =
                known.map(|account| json!({ "login": account.login, "quota": account.quota })).collect();
            ("200 OK", Value::from(known))
        }
        ("POST /mailboxes", Some(_)) => ("409 Conflict", json!({})),
        ("POST /mailboxes", None) => {
            let password = body["password"].as_str().unwrap_or_default().to_owned();
            // A panel that does not heed the quota of a new mailbox, as some do.
            state.accounts.push(Account { login, password, quota: None });
            ("201 Created", json!({}))
        }
        ("POST /quota", Some(at)) if !state.strict => {
            state.accounts[at].quota = body["quota"].as_u64();
            ("200 OK", json!({}))
        }
        _ => ("400 Bad Request", json!({ "error": "no" })),
    }
}
