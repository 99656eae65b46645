//! Logging in: which mechanism is chosen, what leaves, and what a hostile server gets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod common;

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Server, endpoint, login, quick, refused, serve, serve_then};
use mailhaul_imap::{
    Account, AuthMethod, Cause, ImapError, KnownServer, Login, Session, connect_beside, connect_over,
};
use mailhaul_net::{Dialer, Endpoint, TlsMode};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, copy_bidirectional};
use tokio::net::TcpListener;

/// A76: a wrong password is tried once, whatever else the server offers.
#[tokio::test]
async fn wrong_password_is_sent_once() {
    let (error, heard) = refused(
        &login(),
        &[
            "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN] hi",
            "C: AUTHENTICATE PLAIN",
            "S: * OK still thinking",
            "S: +",
            "c: AGFubgBwYSJzcw==",
            "S: @ NO [AUTHENTICATIONFAILED] Authentication failed.",
        ],
    )
    .await;
    assert_eq!(error.cause(), Cause::AuthRefused);
    assert_eq!(heard.matches("AGFubgBwYSJzcw==").count(), 1);
    assert!(!heard.contains("LOGIN") && !error.to_string().contains("pa"), "{error}");
}

/// A server that repeats what it did not like: of four bytes it gives the digits away, wherever the answer
/// rode along.
#[tokio::test]
async fn a_short_password_in_a_repeated_answer_is_not_told() {
    let short = Login { user: "an".into(), secret: b"pin4".to_vec().into(), ..login() };
    for (capability, asked) in [
        ("SASL-IR ", &["C: AUTHENTICATE PLAIN AGFuAHBpbjQ="][..]),
        ("", &["C: AUTHENTICATE PLAIN", "S: +", "c: AGFuAHBpbjQ="]),
    ] {
        let greeting = format!("S: * OK [CAPABILITY IMAP4rev1 {capability}AUTH=PLAIN] hi");
        let said = "S: @ NO [AUTHENTICATIONFAILED] wrong: AGFuAHBpbjQ=";
        let script = [&[greeting.as_str()], asked, &[said]].concat();
        let (error, _) = refused(&short, &script).await;
        assert_eq!(error.cause(), Cause::AuthRefused);
        assert!(error.to_string().contains("wrong: [secret]"), "{error}");
    }
}

/// What a server says at its end while nobody asks is shown as well, and may repeat what it was once told.
#[tokio::test(start_paused = true)]
async fn a_goodbye_on_a_quiet_connection_is_without_the_password() {
    let (client, server) = serve_then(&[
        "S: * OK [CAPABILITY IMAP4rev1] hi",
        "C: LOGIN \"ann\" \"pa\\\"ss\"",
        "S: @ OK in",
        "C: CAPABILITY",
        "S: * CAPABILITY IMAP4rev1",
        "S: @ OK done",
        "C: LIST \"\" \"\"",
        "S: * LIST (\\Noselect) \"/\" \"\"",
        "S: @ OK done",
    ]);
    let mut session = connect_over(client, endpoint(), &login(), &quick()).await.unwrap();
    let mut server = server.await.unwrap();
    let goodbye = format!("* bye [ALERT] pa\"ss was it, {}\r\n", "and long ago ".repeat(200));
    server.write_all(goodbye.as_bytes()).await.unwrap();
    drop(server);
    tokio::time::advance(Duration::from_secs(60)).await;
    let error = session.noop().await.unwrap_err();
    let ImapError::Idle { text } = &error else { panic!("{error:?}") };
    assert!(text.starts_with("[ALERT] ") && !text.contains("pa\"ss"), "{text}");
    assert!(text.len() < 1_100, "{}", text.len());
}

/// A73: no password leaves when the server takes none in this form.
#[tokio::test]
async fn log_in_that_cannot_work_sends_nothing() {
    let (error, heard) = refused(&login(), &["S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi"]).await;
    assert!(matches!(error, ImapError::LoginUnavailable { .. }) && heard.is_empty(), "{heard}");
    let (error, heard) =
        refused(&login(), &["S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2] hi"]).await;
    assert!(error.cause() == Cause::NeedsOauth && heard.is_empty());
    let admin = Login { admin: Some("root".into()), ..login() };
    let (error, heard) = refused(&admin, &["S: * OK [CAPABILITY IMAP4rev1] hi"]).await;
    assert!(matches!(error, ImapError::LoginUnavailable { .. }) && heard.is_empty());
    let odd = Login { secret: b"nul\0".to_vec().into(), ..login() };
    let (error, heard) = refused(&odd, &["S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi"]).await;
    assert!(matches!(error, ImapError::LoginUnavailable { .. }) && heard.is_empty());
}

/// Logs in over TCP, beside a session that `known` is of.
async fn log_in_beside(script: &[&str], known: Option<&KnownServer>) -> (Session, Server) {
    let (mut pipe, server) = serve(script, 1 << 16);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = Endpoint::with_port("127.0.0.1", listener.local_addr().unwrap().port(), TlsMode::None);
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        drop(copy_bidirectional(&mut tcp, &mut pipe).await);
    });
    let dialer = Dialer::platform();
    let account = Account { endpoint, dialer, login: login(), allow_cleartext: true, compress: false };
    (connect_beside(&account, &quick(), known).await.unwrap(), server)
}

/// A further connection is spared the questions that the first one asked, unless the server offers something
/// else: behind one name there may be several.
#[tokio::test]
async fn a_further_connection_asks_what_is_new() {
    let greeting = "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi";
    let log_in =
        ["C: AUTHENTICATE PLAIN AGFubgBwYSJzcw==", "S: @ OK [CAPABILITY IMAP4rev1 NAMESPACE X-ONE] in"];
    let asks = [
        "C: CAPABILITY",
        "C: NAMESPACE",
        "S: * CAPABILITY IMAP4rev1 NAMESPACE X-ONE X-FULL",
        "S: @2 OK",
        "S: * NAMESPACE ((\"INBOX.\" \".\")) NIL ((\"Public.\" \".\"))",
        "S: @3 OK",
    ];
    let noop = ["C: NOOP", "S: @ OK"];
    let script = |log_in: &[&'static str], asks: &[&'static str]| [&[greeting], log_in, asks, &noop].concat();
    let (mut first, _server) = log_in_beside(&script(&log_in, &asks), None).await;
    first.noop().await.unwrap();
    let known = first.known().clone();

    let (mut second, _server) = log_in_beside(&script(&log_in, &[]), Some(&known)).await;
    second.noop().await.unwrap();
    let facts = second.facts();
    assert!(facts.has("X-FULL") && facts.namespace_prefix == "INBOX." && facts.delimiter == Some('.'));
    assert!(!second.owns(&mailhaul_imap::FolderName(b"Public.Offers".to_vec())));

    for answer in ["S: @ OK [CAPABILITY IMAP4rev1 NAMESPACE] in", "S: @ OK in"] {
        let log_in = [log_in[0], answer];
        let asks: Vec<&str> = if answer.contains("NAMESPACE") {
            asks.to_vec()
        } else {
            // Nothing offered, so the capabilities come first.
            vec![asks[0], asks[2], asks[3], asks[1], asks[4], asks[5]]
        };
        let (mut other, _server) = log_in_beside(&script(&log_in, &asks), Some(&known)).await;
        other.noop().await.unwrap();
        assert!(other.facts().has("X-FULL"));
    }
}

#[tokio::test]
async fn administrator_acts_for_the_user() {
    let admin =
        Login { admin: Some("root".into()), method: AuthMethod::PlainAuthzid, user: "ann".into(), ..login() };
    let (error, _) = refused(
        &admin,
        &[
            "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi",
            "C: AUTHENTICATE PLAIN YW5uAHJvb3QAcGEic3M=",
            "S: @ NO [AUTHENTICATIONFAILED] no",
        ],
    )
    .await;
    assert_eq!(error.cause(), Cause::AuthOrMissing);
}

/// A77: a password outside printable ASCII goes as a literal.
#[tokio::test]
async fn odd_passwords_go_as_literals() {
    let odd = Login { secret: "p\u{e4}\u{df}".as_bytes().to_vec().into(), ..login() };
    let (error, _) = refused(
        &odd,
        &[
            "S: * OK [CAPABILITY IMAP4rev1] hi",
            "C: LOGIN \"ann\" {5}",
            "S: * OK wait",
            "S: + go",
            "c: p\u{e4}\u{df}",
            "S: @ NO no",
        ],
    )
    .await;
    assert_eq!(error.cause(), Cause::AuthRefused);

    // With lines in it, it is sent only when asked for: refused unasked, it would be read as commands.
    let lines = Login { secret: b"a\r\nA1 X".to_vec().into(), ..login() };
    let script = [
        "S: * OK [CAPABILITY IMAP4rev1 LITERAL+] hi",
        "C: LOGIN \"ann\" {7}",
        "S: + go",
        "c: a",
        "c: A1 X",
        "S: @ NO no",
    ];
    assert_eq!(refused(&lines, &script).await.0.cause(), Cause::AuthRefused);
    let (error, heard) = refused(
        &lines,
        &["S: * OK [CAPABILITY IMAP4rev1 LITERAL+] hi", "C: LOGIN \"ann\" {7}", "S: @ BAD no"],
    )
    .await;
    assert!(matches!(error, ImapError::LoginRefused { .. }) && !heard.contains("A1 X"));
    let (error, _) =
        refused(&lines, &["S: * OK [CAPABILITY IMAP4rev1] hi", "C: LOGIN \"ann\" {7}", "S: @ OK in"]).await;
    assert!(matches!(error, ImapError::Protocol { .. }), "{error}");
}

#[tokio::test]
async fn oauth_failure_is_answered_and_told() {
    let token = Login { method: AuthMethod::Xoauth2, secret: b"tok".to_vec().into(), ..login() };
    let (error, _) = refused(
        &token,
        &[
            "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi",
            "C: AUTHENTICATE XOAUTH2 dXNlcj1hbm4BYXV0aD1CZWFyZXIgdG9rAQE=",
            "S: + eyJzdGF0dXMiOiI0MDAifQ==",
            "c: ",
            "S: @ NO SASL authentication failed",
        ],
    )
    .await;
    assert!(error.to_string().contains("{\"status\":\"400\"}"), "{error}");

    let bearer = Login {
        method: AuthMethod::OauthBearer,
        user: "a=b,c".into(),
        secret: b"tok".to_vec().into(),
        admin: None,
    };
    let (error, _) = refused(
        &bearer,
        &[
            "S: * OK [CAPABILITY IMAP4rev1 AUTH=OAUTHBEARER] hi",
            "C: AUTHENTICATE OAUTHBEARER",
            "S: + ",
            "c: bixhPWE9M0RiPTJDYywBaG9zdD1tYWlsLmV4YW1wbGUub3JnAXBvcnQ9OTkzAWF1dGg9QmVhcmVyIHRvawEB",
            "S: + e30=",
            "c: AQ==",
            "S: @ NO no",
        ],
    )
    .await;
    assert_eq!(error.cause(), Cause::AuthRefused);
}

/// A79: another server is named, and not asked.
#[tokio::test]
async fn referrals_are_not_followed() {
    let (error, heard) = refused(
        &login(),
        &[
            "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN LOGIN-REFERRALS] hi",
            "C: AUTHENTICATE PLAIN AGFubgBwYSJzcw==",
            "S: @ NO [REFERRAL IMAP://ann;AUTH=*@elsewhere.example.org/] Try there",
        ],
    )
    .await;
    assert!(matches!(&error, ImapError::LoginRefused { code: Some(code), .. } if code == "REFERRAL"));
    assert_eq!(heard.lines().count(), 1);
}

async fn mechanism_for(capabilities: &str, login: &Login) -> String {
    let greeting = format!("S: * OK [CAPABILITY IMAP4rev1 {capabilities}] hi");
    let (client, server) = common::serve(&[&greeting], 1 << 16);
    // The server stays silent; what was sent by then is all there is to see.
    let (endpoint, timeouts) = (endpoint(), quick());
    let log_in = connect_over(client, endpoint, login, &timeouts);
    drop(tokio::time::timeout(Duration::from_secs(1), log_in).await);
    let heard = server.heard().await;
    heard.split_once(' ').map(|(_, command)| command.trim_end().to_owned()).unwrap_or_default()
}

/// Under TLS what always works comes first, since a refusal is final; see `AuthMethod::Password`.
#[tokio::test(start_paused = true)]
async fn the_order_of_mechanisms() {
    let all = "AUTH=CRAM-MD5 AUTH=SCRAM-SHA-1 AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS";
    for (capabilities, first) in [
        (format!("{all} AUTH=PLAIN"), "AUTHENTICATE PLAIN"),
        (all.to_owned(), "LOGIN \"ann\" \"pa\\\"ss\""),
        (format!("{all} LOGINDISABLED"), "AUTHENTICATE SCRAM-SHA-256"),
        ("AUTH=CRAM-MD5 AUTH=SCRAM-SHA-1 LOGINDISABLED".to_owned(), "AUTHENTICATE SCRAM-SHA-1"),
        ("AUTH=CRAM-MD5 LOGINDISABLED SASL-IR".to_owned(), "AUTHENTICATE CRAM-MD5"),
    ] {
        assert_eq!(mechanism_for(&capabilities, &login()).await, first, "{capabilities}");
    }
    let admin = Login { admin: Some("root".into()), method: AuthMethod::PlainAuthzid, ..login() };
    assert_eq!(mechanism_for(all, &admin).await, "AUTHENTICATE SCRAM-SHA-256");
    let forced = Login { method: AuthMethod::CramMd5, ..login() };
    assert_eq!(mechanism_for(&format!("{all} AUTH=PLAIN"), &forced).await, "AUTHENTICATE CRAM-MD5");
    assert_eq!(mechanism_for("AUTH=PLAIN", &forced).await, "", "nothing else is tried");
    // No text, so no SCRAM; the next one that can carry it is taken.
    let bytes = Login { secret: vec![0xff, b'x'].into(), ..login() };
    assert_eq!(mechanism_for(&format!("{all} LOGINDISABLED"), &bytes).await, "AUTHENTICATE CRAM-MD5");
}

#[tokio::test]
async fn cram_md5_waits_for_its_challenge() {
    let tim = Login {
        user: "tim".into(),
        admin: None,
        method: AuthMethod::CramMd5,
        secret: b"tanstaaftanstaaf".to_vec().into(),
    };
    let (error, heard) = refused(
        &tim,
        &[
            "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=CRAM-MD5] hi",
            "C: AUTHENTICATE CRAM-MD5",
            "S: + PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+",
            "c: dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw",
            "S: @ NO no",
        ],
    )
    .await;
    assert!(error.cause() == Cause::AuthRefused && !heard.contains("tanstaaf"));
}

/// A server of SCRAM that answers the client's nonce with what `challenge` makes of it, then says `then`.
async fn scram_server(io: DuplexStream, challenge: impl Fn(&str) -> String, then: &str) -> usize {
    let mut io = BufReader::new(io);
    let greeting = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 LOGINDISABLED] hi\r\n";
    io.get_mut().write_all(greeting).await.unwrap();
    let mut line = String::new();
    io.read_line(&mut line).await.unwrap();
    let first = STANDARD.decode(line.trim_end().rsplit(' ').next().unwrap()).unwrap();
    let first = String::from_utf8(first).unwrap();
    let nonce = first.rsplit_once("r=").unwrap().1.to_owned();
    assert!(first.starts_with("n,,n=ann,r=") && nonce.len() >= 24, "{first}");
    let challenge = STANDARD.encode(challenge(&nonce));
    io.get_mut().write_all(format!("+ {challenge}\r\n").as_bytes()).await.unwrap();
    let mut answered = 0;
    loop {
        line.clear();
        if io.read_line(&mut line).await.unwrap_or(0) == 0 {
            return answered;
        }
        answered += 1;
        drop(io.get_mut().write_all(then.as_bytes()).await);
    }
}

/// What a log-in against [`scram_server`] ends in, and how many lines came after the first.
async fn lied_to(challenge: impl Fn(&str) -> String + Send + 'static, then: &'static str) -> (String, usize) {
    let (client, server) = tokio::io::duplex(1 << 16);
    let server = tokio::spawn(async move { scram_server(server, challenge, then).await });
    let error = connect_over(client, endpoint(), &login(), &quick()).await.err().unwrap();
    assert!(matches!(error, ImapError::Protocol { .. }), "{error}");
    (error.to_string(), server.await.unwrap())
}

/// A74, each within a second, with nothing that depends on the password sent to a server that sets a trap.
#[tokio::test]
async fn scram_servers_that_lie() {
    let start = Instant::now();
    for trap in ["i=2147483648", "i=2147483647", "i=1"] {
        let challenge = move |nonce: &str| format!("r={nonce}more,s=QSXCR+Q6sek8bf92,{trap}");
        let (error, answered) = lied_to(challenge, "L1 OK welcome\r\n").await;
        assert!(error.contains("SCRAM rounds") && answered == 0, "{trap}: {error}");
    }
    let replayed = |_: &str| "r=replayed,s=QSXCR+Q6sek8bf92,i=4096".to_owned();
    let (error, answered) = lied_to(replayed, "L1 OK welcome\r\n").await;
    assert!(error.contains("nonce") && answered == 0, "{error}");
    for (then, why) in [
        // OK without ever showing that it knows the password; a wrong signature; none; no base64.
        ("L1 OK welcome\r\n", "knows the password itself"),
        ("+ dj1BQUFB\r\n", "knows the password itself"),
        ("+\r\n", "knows the password itself"),
        ("+ not base64\r\n", "not base64"),
    ] {
        let honest = |nonce: &str| format!("r={nonce}more,s=QSXCR+Q6sek8bf92,i=4096");
        let (error, answered) = lied_to(honest, then).await;
        assert!(error.contains(why) && answered == 1, "{then}: {error}");
    }
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

/// A refusal inside SCRAM is a refusal, with the server's reason.
#[tokio::test]
async fn scram_refusals_are_told() {
    let (client, server) = tokio::io::duplex(1 << 16);
    let refuse = format!("+ {}\r\n", STANDARD.encode("e=invalid-proof"));
    let then = Box::leak(format!("{refuse}L1 NO [AUTHENTICATIONFAILED] no\r\n").into_boxed_str());
    tokio::spawn(scram_server(server, |nonce| format!("r={nonce}x,s=QSXCR+Q6sek8bf92,i=4096"), then));
    let error = connect_over(client, endpoint(), &login(), &quick()).await.err().unwrap();
    assert_eq!(error.cause(), Cause::AuthRefused);
    assert!(error.to_string().contains("invalid-proof"), "{error}");
}

/// A server that goes on asking meets an end.
#[tokio::test]
async fn questions_without_end_are_cut_off() {
    let mut script = vec![
        "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi",
        "C: AUTHENTICATE PLAIN AGFubgBwYSJzcw==",
    ];
    for _ in 0..8 {
        script.extend(["S: + bW9yZQ==", "c: *"]);
    }
    script.push("S: + bW9yZQ==");
    let (error, _) = refused(&login(), &script).await;
    assert!(matches!(&error, ImapError::Protocol { what } if what.contains("without end")), "{error}");
}
