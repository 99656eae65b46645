//! What the `http` import refuses, and that the rest works, against a server on loopback.

use mailhaul_imap::Secret;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wasmtime::Store;

use super::*;
use crate::caps::testing::store;
use crate::inputs::Inputs;

/// Answers every connection with these bytes and hands on what it was sent.
async fn server(answer: impl Into<Vec<u8>>) -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let answer = answer.into();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 64 << 10];
            let read = stream.read(&mut request).await.unwrap_or(0);
            if sender.send(String::from_utf8_lossy(&request[..read]).into_owned()).is_err() {
                break;
            }
            if stream.write_all(&answer).await.is_err() {
                continue;
            }
            drop(stream.shutdown().await);
        }
    });
    (port, receiver)
}

fn granted(origins: &[(&str, bool)]) -> Store<CallState> {
    let mut store = store(Inputs::new());
    let http = origins.iter().map(|(origin, private)| (origin.parse().unwrap(), *private)).collect();
    store.data_mut().grants = Arc::new(Grants { http, ..Grants::default() });
    store
}

fn get(url: impl Into<String>) -> wit::Request {
    wit::Request {
        method: wit::Method::Get,
        url: url.into(),
        headers: Vec::new(),
        body: wit::Body::Empty,
        timeout_ms: Some(5_000),
        extras: Vec::new(),
    }
}

async fn body(store: &mut Store<CallState>, request: wit::Request) -> Result<Vec<u8>, wit::HttpError> {
    let response = wit::Host::send(store.data_mut(), request).await.unwrap()?;
    let mut body = Vec::new();
    loop {
        let handle = Resource::new_borrow(response.rep());
        let part = wit::HostResponse::read(store.data_mut(), handle, 1 << 20).await.unwrap()?;
        if part.is_empty() {
            return Ok(body);
        }
        body.extend(part);
    }
}

async fn denied(store: &mut Store<CallState>, url: &str) -> String {
    match body(store, get(url)).await {
        Err(wit::HttpError::Denied(why)) => why,
        other => panic!("{url}: {other:?}"),
    }
}

#[tokio::test]
async fn only_granted_origins_are_asked() {
    let mut store = granted(&[("https://panel.example:2083", false)]);
    for url in [
        "https://other.example:2083/",
        "https://panel.example/",
        "http://panel.example:2083/",
        "https://panel.example.other.example:2083/",
        "https://sub.panel.example:2083/",
    ] {
        assert!(denied(&mut store, url).await.contains("was not granted to this call"), "{url}");
    }
    for url in [
        "https://panel.example:2083@other.example/",
        "https://2130706433:2083/",
        "https://0x7f.1:2083/",
        "https://panel.example:2083/\r\nX: y",
        "panel.example",
        "file:///etc/passwd",
        "https://panel.example:2083/#x",
    ] {
        let answer = body(&mut store, get(url)).await;
        assert!(matches!(answer, Err(wit::HttpError::InvalidRequest(_))), "{url}: {answer:?}");
    }
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_followed() {
    let (port, mut seen) = server("HTTP/1.1 200 OK\r\n\r\nsecret").await;
    for host in ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"] {
        let origin = format!("http://{host}:{port}");
        let mut store = granted(&[(&origin, false)]);
        let why = denied(&mut store, &format!("{origin}/")).await;
        assert!(why.contains("which is not on the internet"), "{why}");
        assert!(why.contains("--private"), "{why}");
    }
    let mut store = granted(&[("http://169.254.169.254", true)]);
    assert!(denied(&mut store, "http://169.254.169.254/latest/").await.contains("no plugin may reach it"));
    assert!(seen.try_recv().is_err(), "nobody was asked");
}

#[tokio::test]
async fn a_granted_server_answers() {
    let (port, mut seen) = server("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nX-A: b\r\n\r\nhello").await;
    let origin = format!("http://127.0.0.1:{port}");
    let mut store = granted(&[(&origin, true)]);
    assert_eq!(body(&mut store, get(format!("{origin}/a?b=c"))).await.unwrap(), b"hello");
    let request = seen.recv().await.unwrap();
    assert!(request.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: 127.0.0.1:{port}\r\n")), "{request}");
}

#[tokio::test]
async fn a_redirect_elsewhere_is_not_followed() {
    let (inside, mut asked) = server("HTTP/1.1 200 OK\r\n\r\nsecret").await;
    let (port, mut seen) =
        server(format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{inside}/x\r\n\r\n")).await;
    let origin = format!("http://127.0.0.1:{port}");
    let mut store = granted(&[(&origin, true)]);
    let why = denied(&mut store, &format!("{origin}/")).await;
    assert_eq!(why, format!("{origin} redirects to http://127.0.0.1:{inside}, which was not granted"));
    assert!(seen.recv().await.is_some() && asked.try_recv().is_err());
}

#[tokio::test]
async fn a_request_with_a_secret_stays_at_its_origin() {
    let (second, mut asked) = server("HTTP/1.1 200 OK\r\n\r\nhello").await;
    let second = format!("http://127.0.0.1:{second}");
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let away = format!("HTTP/1.1 {status}\r\nlocation: {second}/x\r\n\r\n");
        let (port, mut seen) = server(away).await;
        let origin = format!("http://127.0.0.1:{port}");
        for place in ["nowhere", "header", "basic", "body"] {
            let mut store = granted(&[(&origin, true), (&second, true)]);
            let value = Secret::from(b"canary".to_vec());
            let to = vec![Recipient::Origin(origin.parse().unwrap())];
            let handle = SecretHandle { label: "token".into(), value, to };
            let handle = store.data_mut().hand_out(handle).unwrap();
            let handle = Resource::new_borrow(handle.rep());
            let mut request = get(format!("{origin}/"));
            let header = |piece| wit::Header { name: "X-Token".into(), value: vec![piece] };
            match place {
                "header" => {
                    request.headers.push(header(wit::Piece::Secret((handle, wit::Encoding::Raw))));
                }
                "basic" => request.headers.push(header(wit::Piece::Basic(("u".into(), handle)))),
                "body" => {
                    let pieces = vec![
                        wit::Piece::Text("t=".into()),
                        wit::Piece::Secret((handle, wit::Encoding::Form)),
                    ];
                    request.body = wit::Body::Pieces(pieces);
                }
                _ => request.body = wit::Body::Pieces(vec![wit::Piece::Text("t=1".into())]),
            }
            let answer = body(&mut store, request).await;
            assert!(seen.recv().await.is_some());
            if place == "nowhere" {
                assert_eq!(answer.unwrap(), b"hello");
                assert!(asked.recv().await.is_some());
                continue;
            }
            let Err(wit::HttpError::Denied(why)) = answer else { panic!("{place}: {answer:?}") };
            assert_eq!(
                why,
                format!(
                    "{origin} redirects to {second}, and a request with a secret in it stays at its origin"
                )
            );
            assert!(asked.try_recv().is_err(), "{place}: {status}");
        }
    }
}

#[tokio::test]
async fn an_endless_answer_ends() {
    let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    answer.resize(17 << 20, b'x');
    let (port, _seen) = server(answer).await;
    let origin = format!("http://127.0.0.1:{port}");
    let mut store = granted(&[(&origin, true)]);
    let ended = body(&mut store, get(&origin)).await;
    assert!(matches!(ended, Err(wit::HttpError::TooLarge(HTTP_BODY))));
    // A head that never ends does so sooner.
    let mut answer = b"HTTP/1.1 200 OK\r\n".to_vec();
    for line in 0..10_000 {
        answer.extend(format!("x-{line}: y\r\n").bytes());
    }
    let (port, _seen) = server(answer).await;
    let origin = format!("http://127.0.0.1:{port}");
    let mut store = granted(&[(&origin, true)]);
    assert!(matches!(body(&mut store, get(&origin)).await, Err(wit::HttpError::Connect(_))));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let mut store = granted(&[(&origin, true)]);
    let mut request = get(&origin);
    request.timeout_ms = Some(200);
    assert!(matches!(body(&mut store, request).await, Err(wit::HttpError::Timeout)));
}

#[tokio::test]
async fn secrets_go_where_they_were_granted_and_nowhere_else() {
    let (port, mut seen) = server("HTTP/1.1 200 OK\r\n\r\n").await;
    let origin = format!("http://127.0.0.1:{port}");
    let mut store = granted(&[(&origin, true)]);
    let value = Secret::from(b"ca\"na&ry".to_vec());
    let mut handle = |to: Vec<Recipient>| {
        let handle = SecretHandle { label: "token".into(), value: value.clone(), to };
        store.data_mut().hand_out(handle).unwrap()
    };
    let (stays, goes) = (
        handle(vec![Recipient::Source, Recipient::Target]),
        handle(vec![Recipient::Origin(origin.parse().unwrap())]),
    );
    let borrow = |handle: &Resource<SecretHandle>| Resource::new_borrow(handle.rep());
    let with = |pieces: Vec<wit::Piece>| {
        let mut request = get(&origin);
        request.method = wit::Method::Post;
        request.body = wit::Body::Pieces(pieces);
        request
    };
    let refused =
        body(&mut store, with(vec![wit::Piece::Secret((borrow(&stays), wit::Encoding::Raw))])).await;
    let Err(wit::HttpError::Denied(why)) = refused else { panic!("{refused:?}") };
    assert_eq!(why, format!("the secret `token` may not be sent to {origin}"));
    assert!(seen.try_recv().is_err(), "nothing was sent");

    let mut request = with(vec![
        wit::Piece::Text("{\"p\":\"".into()),
        wit::Piece::Secret((borrow(&goes), wit::Encoding::Json)),
        wit::Piece::Text("\"}".into()),
        wit::Piece::Secret((borrow(&goes), wit::Encoding::Form)),
    ]);
    let value = vec![wit::Piece::Text("Basic ".into()), wit::Piece::Basic(("u".into(), borrow(&goes)))];
    request.headers.push(wit::Header { name: "Authorization".into(), value });
    body(&mut store, request).await.unwrap();
    let sent = seen.recv().await.unwrap();
    assert!(sent.contains("authorization: Basic dTpjYSJuYSZyeQ==\r\n"), "{sent}");
    assert!(sent.ends_with("{\"p\":\"ca\\\"na&ry\"}ca%22na%26ry"), "{sent}");
}

#[tokio::test]
async fn headers_of_the_host_and_floods_are_refused() {
    let mut store = granted(&[("https://panel.example", false)]);
    for name in ["Host", "Content-Length", "Proxy-Authorization", "a b"] {
        let mut request = get("https://panel.example/");
        request.headers.push(wit::Header { name: name.into(), value: vec![wit::Piece::Text("x".into())] });
        assert!(matches!(body(&mut store, request).await, Err(wit::HttpError::InvalidRequest(_))), "{name}");
    }
    for _ in 4..HTTP_REQUESTS {
        assert!(body(&mut store, get("file:///")).await.is_err());
    }
    assert!(denied(&mut store, "https://panel.example/").await.contains("requests in one call"));
}
