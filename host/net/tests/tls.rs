//! Every way a certificate or a port can be wrong has its own reason.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::Duration;

use mailhaul_net::{Dialer, Endpoint, NetErrorKind, TlsMode};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { pem, issuer: Issuer::new(params, key) }
}

fn configuration(certificate: rcgen::Certificate, key: &KeyPair) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    Arc::new(config)
}

fn issued(authority: &Authority, name: &str, years: (i32, i32)) -> Arc<ServerConfig> {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    let key = KeyPair::generate().unwrap();
    configuration(params.signed_by(&key, &authority.issuer).unwrap(), &key)
}

/// A server that greets every connection under TLS; returns its port.
async fn serve(config: Arc<ServerConfig>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(config);
        while let Ok((tcp, _)) = listener.accept().await {
            if let Ok(mut tls) = acceptor.accept(tcp).await {
                drop(tls.write_all(b"* OK hi\r\n").await);
                drop(tls.shutdown().await);
            }
        }
    });
    port
}

async fn outcome(dialer: &Dialer, host: &str, port: u16) -> Result<String, NetErrorKind> {
    let endpoint = Endpoint::with_port(host, port, TlsMode::Implicit);
    let mut stream = dialer.connect(&endpoint).await.map_err(|error| {
        assert!(
            error.detail.starts_with(|c: char| c.is_lowercase()) && error.endpoint == endpoint.to_string()
        );
        error.kind
    })?;
    let mut greeting = String::new();
    stream.read_to_string(&mut greeting).await.unwrap();
    Ok(greeting)
}

#[tokio::test]
async fn certificates() {
    let authority = authority();
    let dialer = Dialer::trusting(authority.pem.as_bytes()).unwrap();
    let good = serve(issued(&authority, "localhost", (2020, 2100))).await;
    assert_eq!(outcome(&dialer, "localhost", good).await.as_deref(), Ok("* OK hi\r\n"));
    assert_eq!(outcome(&dialer, "127.0.0.1", good).await, Err(NetErrorKind::TlsName));
    let address = serve(issued(&authority, "127.0.0.1", (2020, 2100))).await;
    assert!(outcome(&dialer, "127.0.0.1", address).await.is_ok());
    let name = serve(issued(&authority, "other.example", (2020, 2100))).await;
    assert_eq!(outcome(&dialer, "localhost", name).await, Err(NetErrorKind::TlsName));
    let expired = serve(issued(&authority, "localhost", (2020, 2021))).await;
    assert_eq!(outcome(&dialer, "localhost", expired).await, Err(NetErrorKind::TlsExpired));
    let early = serve(issued(&authority, "localhost", (2100, 2101))).await;
    assert_eq!(outcome(&dialer, "localhost", early).await, Err(NetErrorKind::TlsExpired));
    let stranger = Dialer::trusting(self::authority().pem.as_bytes()).unwrap();
    // Before any other connection: the platform's roots are read with the first one.
    assert_eq!(outcome(&Dialer::platform(), "localhost", good).await, Err(NetErrorKind::TlsUntrusted));
    assert_eq!(outcome(&stranger, "localhost", good).await, Err(NetErrorKind::TlsUntrusted));
}

/// Local bridges and appliances: a self-signed certificate, marked as an authority.
#[tokio::test]
async fn a_named_self_signed_certificate_is_trusted_for_its_name() {
    let authority = authority();
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let pem = certificate.pem();
        let port = serve(configuration(certificate, &key)).await;
        let pinned = Dialer::trusting(pem.as_bytes()).unwrap();
        assert!(outcome(&pinned, "localhost", port).await.is_ok());
        assert_eq!(outcome(&pinned, "127.0.0.1", port).await, Err(NetErrorKind::TlsName));
        let other = Dialer::trusting(authority.pem.as_bytes()).unwrap();
        assert_eq!(outcome(&other, "localhost", port).await, Err(NetErrorKind::TlsUntrusted));
    }
}

/// An old host whose certificate has expired: nobody renews it any more, and clear text would be worse.
#[tokio::test]
async fn a_pinned_certificate_is_trusted_and_no_other() {
    let authority = authority();
    let endpoint = |port| Endpoint::with_port("localhost", port, TlsMode::Implicit);
    let dialer = Dialer::trusting(authority.pem.as_bytes()).unwrap();
    let expired = endpoint(serve(issued(&authority, "other.example", (2020, 2021))).await);
    let shown = dialer.connect(&expired).await.unwrap_err().certificate.unwrap();
    assert_eq!((shown.names.as_slice(), shown.self_signed), (&["other.example".to_owned()][..], false));
    let pinned = Dialer::pinned(shown.fingerprint).unwrap();
    let stream = pinned.connect(&expired).await.unwrap();
    assert_eq!(stream.certificate(), Some(*shown.clone()));
    let renewed = endpoint(serve(issued(&authority, "localhost", (2020, 2100))).await);
    let error = pinned.connect(&renewed).await.unwrap_err();
    let other = error.certificate.unwrap().fingerprint;
    assert_eq!(error.kind, NetErrorKind::TlsPinned);
    assert!(error.detail.contains(&format!("{other}, not {}", shown.fingerprint)), "{}", error.detail);
}

/// `openssl req -x509` marks what it makes as an authority; it was once refused with a library's words.
#[tokio::test]
async fn a_self_signed_certificate_is_called_so() {
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let port = serve(configuration(params.self_signed(&key).unwrap(), &key)).await;
        let endpoint = Endpoint::with_port("localhost", port, TlsMode::Implicit);
        let dialer = Dialer::trusting(authority().pem.as_bytes()).unwrap();
        let error = dialer.connect(&endpoint).await.unwrap_err();
        assert_eq!(error.kind, NetErrorKind::TlsUntrusted);
        assert!(error.detail.ends_with("signed by itself, by no authority that is trusted"), "{error}");
        assert!(error.certificate.is_some_and(|certificate| certificate.self_signed));
    }
}

#[tokio::test]
async fn ports_that_do_not_speak_tls() {
    let dialer = Dialer::trusting(authority().pem.as_bytes()).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        for greet in [true, false] {
            let (mut tcp, _) = listener.accept().await.unwrap();
            if greet {
                tcp.write_all(b"* OK IMAP4rev1 ready\r\n").await.unwrap();
                tokio::time::sleep(Duration::from_millis(200)).await;
            } else {
                drop(tcp.read(&mut [0; 4096]).await);
            }
        }
    });
    assert_eq!(outcome(&dialer, "localhost", port).await, Err(NetErrorKind::TlsOnPlainPort));
    assert_eq!(outcome(&dialer, "localhost", port).await, Err(NetErrorKind::Closed));
    server.await.unwrap();
    assert_eq!(outcome(&dialer, "localhost", port).await, Err(NetErrorKind::Refused));
    assert_eq!(outcome(&dialer, "no such host", port).await, Err(NetErrorKind::NameUnknown));
    assert_eq!(outcome(&dialer, "", port).await, Err(NetErrorKind::NameUnknown));
}

#[test]
fn unreadable_roots_are_refused() {
    for pem in ["", "hello", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"] {
        assert_eq!(
            Dialer::trusting(pem.as_bytes()).err().map(|error| error.kind),
            Some(NetErrorKind::BadRoots)
        );
    }
}
