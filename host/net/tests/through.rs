//! Connections that something else than TCP carries.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mailhaul_net::{Dialer, Endpoint, NetErrorKind, TlsMode};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::TlsAcceptor;

fn endpoint(tls: TlsMode) -> Endpoint {
    // A name that nobody can look up.
    Endpoint::new("behind.the.tunnel.invalid", tls)
}

/// The name is for whoever opens the connection: it is neither looked up nor dialled.
#[tokio::test]
async fn bytes_go_through_what_was_opened() {
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let dialer = Dialer::platform().through(move |endpoint| {
        assert_eq!(endpoint.to_string(), "behind.the.tunnel.invalid:143");
        count.fetch_add(1, Ordering::Relaxed);
        async {
            let (near, mut far) = duplex(64);
            tokio::spawn(async move { far.write_all(b"* OK hi\r\n").await });
            Ok(near)
        }
    });
    for _ in 0..2 {
        let mut stream = dialer.clone().connect(&endpoint(TlsMode::None)).await.unwrap();
        let mut greeting = String::new();
        stream.read_to_string(&mut greeting).await.unwrap();
        assert_eq!((greeting.as_str(), stream.is_tls()), ("* OK hi\r\n", false));
    }
    assert_eq!(opened.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn tls_goes_over_it() {
    let key = KeyPair::generate().unwrap();
    let host = endpoint(TlsMode::Implicit).host;
    let certificate = CertificateParams::new(vec![host]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let open = move |_: &Endpoint| {
        let acceptor = acceptor.clone();
        async {
            let (near, far) = duplex(4096);
            tokio::spawn(async move {
                if let Ok(mut tls) = acceptor.accept(far).await {
                    drop(tls.write_all(b"* OK hi\r\n").await);
                    drop(tls.shutdown().await);
                }
            });
            Ok(near)
        }
    };
    let trusting = Dialer::trusting(certificate.pem().as_bytes()).unwrap().through(open.clone());
    let mut stream = trusting.connect(&endpoint(TlsMode::Implicit)).await.unwrap();
    let mut greeting = String::new();
    stream.read_to_string(&mut greeting).await.unwrap();
    assert_eq!((greeting.as_str(), stream.is_tls()), ("* OK hi\r\n", true));
    // Whose certificate it is counts as ever.
    let stranger = Dialer::platform().through(open);
    let error = stranger.connect(&endpoint(TlsMode::Implicit)).await.unwrap_err();
    assert_eq!(error.kind, NetErrorKind::TlsUntrusted);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_opened_has_a_reason() {
    for (fails, kind) in [
        (io::ErrorKind::ConnectionRefused, NetErrorKind::Refused),
        (io::ErrorKind::TimedOut, NetErrorKind::Filtered),
        (io::ErrorKind::UnexpectedEof, NetErrorKind::Closed),
        (io::ErrorKind::Other, NetErrorKind::Other),
    ] {
        let dialer = Dialer::platform()
            .through(move |_| async move { Err::<DuplexStream, _>(io::Error::from(fails)) });
        assert_eq!(dialer.connect(&endpoint(TlsMode::None)).await.unwrap_err().kind, kind, "{fails}");
    }
    let never = Dialer::platform().through(|_| std::future::pending::<io::Result<DuplexStream>>());
    let error = never.connect(&endpoint(TlsMode::None)).await.unwrap_err();
    assert_eq!(error.kind, NetErrorKind::Filtered);
    // Whoever has checked addresses must not be carried past them.
    let error = never.connect_to(&endpoint(TlsMode::None), Vec::new()).await.unwrap_err();
    assert_eq!(error.kind, NetErrorKind::Other);
}
