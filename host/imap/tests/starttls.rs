//! STARTTLS: no credentials in clear, nothing said before TLS used after it (the cases of the 2021 STARTTLS
//! paper).

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::sync::Arc;

use common::{login, quick};
use mailhaul_imap::{Account, Cause, FetchItems, FolderName, ImapError, Session, UidSet, connect};
use mailhaul_net::{Dialer, Endpoint, TlsMode};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Answers each line read with the next of `answers`, `@` being its tag; returns what was heard.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, answers: &[&str]) -> String {
    let mut heard = String::new();
    let mut reader = BufReader::new(stream);
    for answer in answers {
        let mut line = String::new();
        reader.read_line(&mut line).await.unwrap_or_default();
        let tag = line.split(' ').next().unwrap_or_default().to_owned();
        heard.push_str(&line);
        drop(reader.get_mut().write_all(answer.replace('@', &tag).as_bytes()).await);
    }
    heard
}

/// A server that says `greeting` and `answers` in clear, then, if `inside` is given, goes on under TLS.
async fn serve(
    tls: TlsMode,
    greeting: &'static str,
    answers: &'static [&'static str],
    inside: &'static [&'static str],
) -> (Account, JoinHandle<(String, String)>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], signing_key.serialize_der().try_into().unwrap())
        .unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let account = Account {
        endpoint: Endpoint::with_port("localhost", port, tls),
        dialer: Dialer::trusting(cert.pem().as_bytes()).unwrap(),
        login: login(),
        allow_cleartext: false,
        compress: false,
    };
    let server = tokio::spawn(async move {
        let (mut tcp, _): (TcpStream, _) = listener.accept().await.unwrap();
        tcp.write_all(greeting.as_bytes()).await.unwrap();
        let clear = talk(&mut tcp, answers).await;
        if inside.is_empty() {
            return (clear, String::new());
        }
        match TlsAcceptor::from(Arc::new(config)).accept(tcp).await {
            Ok(mut tls) => (clear, talk(&mut tls, inside).await),
            Err(_) => (clear, String::new()),
        }
    });
    (account, server)
}

async fn refused(greeting: &'static str, answers: &'static [&'static str]) -> ImapError {
    let (account, server) = serve(TlsMode::StartTls, greeting, answers, &[]).await;
    let error = connect(&account, &quick()).await.map(|_: Session| ()).unwrap_err();
    let (clear, _) = server.await.unwrap();
    assert!(!clear.contains("LOGIN") && !clear.contains("AUTHENTICATE"), "{clear}");
    error
}

#[tokio::test]
async fn what_was_said_in_clear_is_forgotten() {
    let (account, server) = serve(
        TlsMode::StartTls,
        "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR X-LIE] hi\r\n",
        // Offered in the greeting, it is not asked for again.
        &["@ OK begin\r\n"],
        &[
            "* CAPABILITY IMAP4rev1\r\n@ OK\r\n",
            "@ OK in\r\n",
            "* CAPABILITY IMAP4rev1\r\n@ OK\r\n",
            "* LIST () \"/\" \"\"\r\n@ OK\r\n",
        ],
    )
    .await;
    let session = connect(&account, &quick()).await.unwrap();
    assert!(!session.facts().has("X-LIE"));
    let (clear, inside) = server.await.unwrap();
    assert!(!clear.contains("LOGIN") && clear.contains("STARTTLS"));
    // AUTH=PLAIN was only claimed in clear, so it is not used.
    assert!(inside.contains("LOGIN \"ann\"") && !inside.contains("AUTHENTICATE"), "{inside}");
}

#[tokio::test]
async fn stripping_and_refusal_stop_it() {
    let error = refused("* OK hi\r\n", &["* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n@ OK\r\n"]).await;
    assert!(matches!(error, ImapError::Starttls { .. }), "{error}");
    assert_eq!(error.cause(), Cause::TlsOnPlainPort, "no fault that passes by itself");
    let error =
        refused("* OK hi\r\n", &["* CAPABILITY IMAP4rev1 STARTTLS\r\n@ OK\r\n", "@ NO not today\r\n"]).await;
    assert!(matches!(&error, ImapError::Starttls { what } if what.contains("not today")), "{error}");
    let error = refused("* PREAUTH welcome\r\n", &[]).await;
    assert!(matches!(error, ImapError::Protocol { .. }), "{error}");
}

#[tokio::test]
async fn bytes_slipped_in_before_tls_stop_it() {
    let error = refused(
        "* OK hi\r\n",
        &[
            "* CAPABILITY IMAP4rev1 STARTTLS\r\n@ OK\r\n",
            "@ OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nC1 OK\r\n",
        ],
    )
    .await;
    assert!(matches!(&error, ImapError::Starttls { what } if what.contains("slipped in")), "{error}");
}

#[tokio::test]
async fn clear_text_needs_consent_and_sends_nothing_without() {
    let (mut account, server) =
        serve(TlsMode::None, "* OK hi\r\n", &["* CAPABILITY IMAP4rev1\r\n@ OK\r\n", "@ NO no\r\n"], &[])
            .await;
    assert!(matches!(connect(&account, &quick()).await, Err(ImapError::Cleartext { .. })));
    account.allow_cleartext = true;
    assert_eq!(connect(&account, &quick()).await.map(drop).unwrap_err().cause(), Cause::AuthRefused);
    assert!(server.await.unwrap().0.contains("LOGIN"));
}

/// A72: a connection that ends without ending TLS, inside a body, is no end of the body.
#[tokio::test]
async fn a_body_cut_off_under_tls_is_an_error() {
    let (account, server) = serve(
        TlsMode::StartTls,
        "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n",
        &["@ OK begin\r\n"],
        &[
            "* CAPABILITY IMAP4rev1\r\n@ OK\r\n",
            "@ OK in\r\n",
            "* CAPABILITY IMAP4rev1\r\n@ OK\r\n",
            "* LIST () \"/\" \"\"\r\n@ OK\r\n",
            "* 1 EXISTS\r\n@ OK\r\n",
            "* 1 FETCH (UID 1 FLAGS () INTERNALDATE NIL RFC822.SIZE 100 BODY[] {100}\r\nhalf of",
        ],
    )
    .await;
    let mut session = connect(&account, &quick()).await.unwrap();
    session.examine(&FolderName::inbox()).await.unwrap();
    let mut messages = session.fetch(UidSet::range(1, 1), FetchItems::Full);
    assert_eq!(messages.next().await.unwrap().unwrap().body_len, Some(100));
    let error = messages.body(1000).await.unwrap_err();
    assert!(matches!(&error, ImapError::Closed { during: "FETCH", .. }), "{error}");
    server.await.unwrap();
}
