//! A scripted IMAP server over an in-memory pipe: it says what the script says and checks what it hears.
//!
//! Script lines: `C: text` expects a command (its tag aside); `S: text` sends a line, `R: text` sends bytes
//! as they are; `L: n` takes n bytes of a literal; `X` closes the connection; `H` hangs. `@` stands for the
//! tag of the last command, `@3` for that of the third. A script that ends keeps the connection open and
//! takes whatever still comes.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken script has to stop the test"
)]

pub(crate) mod replay;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mailhaul_imap::{AuthMethod, ImapError, Login, Session, Timeouts, connect_over};
use mailhaul_net::{Endpoint, TlsMode};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;

/// The running server; `heard` ends it and returns every byte the client sent.
pub(crate) struct Server(JoinHandle<Vec<u8>>);

impl Server {
    /// Everything the client wrote, once it is gone. Panics when the script was not followed.
    pub(crate) async fn heard(self) -> String {
        String::from_utf8_lossy(&self.0.await.expect("the script was not followed")).into_owned()
    }
}

pub(crate) fn endpoint() -> Endpoint {
    Endpoint::new("mail.example.org", TlsMode::Implicit)
}

pub(crate) fn login() -> Login {
    Login { user: "ann".into(), admin: None, method: AuthMethod::Password, secret: b"pa\"ss".to_vec().into() }
}

pub(crate) fn quick() -> Timeouts {
    Timeouts {
        greeting: Duration::from_secs(20),
        idle: Duration::from_secs(20),
        command: Duration::from_secs(60),
    }
}

/// Starts a server that follows `script`; `room` is the pipe's size, 1 for delivery byte by byte.
pub(crate) fn serve(script: &[&str], room: usize) -> (DuplexStream, Server) {
    let (client, server) = tokio::io::duplex(room);
    let script: Vec<String> = script.iter().map(|line| (*line).to_owned()).collect();
    (client, Server(tokio::spawn(follow(server, script))))
}

/// Starts a server that follows `script` and then gives its end of the pipe away.
pub(crate) fn serve_then(script: &[&str]) -> (DuplexStream, JoinHandle<DuplexStream>) {
    let (client, mut server) = tokio::io::duplex(1 << 20);
    let script: Vec<String> = script.iter().map(|line| (*line).to_owned()).collect();
    let task = tokio::spawn(async move {
        drop(play(&mut server, script).await);
        server
    });
    (client, task)
}

async fn follow(mut io: DuplexStream, script: Vec<String>) -> Vec<u8> {
    let (mut heard, over) = play(&mut io, script).await;
    if !over {
        let mut rest = Vec::new();
        drop(io.read_to_end(&mut rest).await);
        heard.extend(rest);
    }
    heard
}

/// What was heard, and whether the script closes the connection.
async fn play(io: &mut DuplexStream, script: Vec<String>) -> (Vec<u8>, bool) {
    let (mut heard, mut tags) = (Vec::new(), Vec::<String>::new());
    for step in script {
        if step == "X" {
            return (heard, true);
        }
        if step == "H" {
            std::future::pending::<()>().await;
        }
        let (kind, text) = step.split_at(3.min(step.len()));
        match kind {
            "C: " => {
                let line = read_line(io, &mut heard).await;
                let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
                assert_eq!(command, text, "what the client sent");
                tags.push(tag.to_owned());
            }
            // A line without a tag: a SASL response, the rest of a command behind a literal.
            "c: " => assert_eq!(read_line(io, &mut heard).await, text, "what the client sent"),
            "L: " => {
                let mut literal = vec![0; text.parse().unwrap()];
                io.read_exact(&mut literal).await.unwrap();
                heard.extend_from_slice(&literal);
            }
            "S: " | "R: " => {
                let mut out = text.to_owned();
                for (number, tag) in tags.iter().enumerate().rev() {
                    out = out.replace(&format!("@{}", number + 1), tag);
                }
                if let Some(tag) = tags.last() {
                    out = out.replace('@', tag);
                }
                if kind == "S: " {
                    out.push_str("\r\n");
                }
                if io.write_all(out.as_bytes()).await.is_err() {
                    return (heard, true);
                }
            }
            _ => panic!("bad script line: {step}"),
        }
    }
    (heard, false)
}

async fn read_line(io: &mut DuplexStream, heard: &mut Vec<u8>) -> String {
    let mut line = Vec::new();
    loop {
        let byte = io.read_u8().await.unwrap_or_else(|_| panic!("the client left after {line:?}"));
        heard.push(byte);
        match byte {
            b'\n' => break,
            b'\r' => {}
            byte => line.push(byte),
        }
    }
    String::from_utf8_lossy(&line).into_owned()
}

/// The conversation up to a session, with `capabilities`; four commands, so that the next tag is `@5`.
pub(crate) fn prelude(capabilities: &str) -> Vec<String> {
    let list = format!("S: * CAPABILITY IMAP4rev1 {capabilities}");
    [
        "S: * OK ready",
        "C: CAPABILITY",
        &list,
        "S: @ OK done",
        "C: LOGIN \"ann\" \"pa\\\"ss\"",
        "S: @ OK in",
        "C: CAPABILITY",
        &list,
        "S: @ OK done",
        "C: LIST \"\" \"\"",
        "S: * LIST (\\Noselect) \"/\" \"\"",
        "S: @ OK done",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// A session over a server that follows `script` after the log-in.
pub(crate) async fn session(capabilities: &str, script: &[&str]) -> (Session, Server) {
    session_through(capabilities, script, 1 << 20).await
}

pub(crate) async fn session_through(capabilities: &str, script: &[&str], room: usize) -> (Session, Server) {
    let mut whole = prelude(capabilities);
    whole.extend(script.iter().map(|line| (*line).to_owned()));
    let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
    let (client, server) = serve(&whole, room);
    (connect_over(client, endpoint(), &login(), &quick()).await.unwrap(), server)
}

/// The error of a log-in against `script`.
pub(crate) async fn refused(login: &Login, script: &[&str]) -> (ImapError, String) {
    let (client, server) = serve(script, 1 << 20);
    let error = connect_over(client, endpoint(), login, &quick()).await.expect_err("a refusal");
    (error, server.heard().await)
}

/// Passes `limit` bytes of the server on, then closes; `passed` counts them.
pub(crate) fn cut(server: DuplexStream, limit: usize, passed: Arc<AtomicUsize>) -> DuplexStream {
    let (near, far) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move {
        let (mut from_client, mut to_client) = tokio::io::split(far);
        let (mut from_server, mut to_server) = tokio::io::split(server);
        let down = async {
            let mut left = limit;
            let mut buffer = [0; 512];
            while left > 0 {
                let take = buffer.len().min(left);
                match from_server.read(&mut buffer[..take]).await {
                    Ok(0) | Err(_) => break,
                    Ok(n) => {
                        left -= n;
                        passed.fetch_add(n, Ordering::Relaxed);
                        if to_client.write_all(&buffer[..n]).await.is_err() {
                            break;
                        }
                    }
                }
            }
        };
        tokio::select! {
            () = down => {}
            _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
        }
    });
    near
}
