//! The world of a search: DNS, web servers and IMAP servers on the loopback.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mailhaul_discover::{Asked, Found, Means, Ports, search};
use mailhaul_lab::dns::Dns;
use mailhaul_net::Dialer;
use mailhaul_net::dns::Resolver;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The names that the servers' certificate is for.
const NAMES: [&str; 7] = [
    "firm.example",
    "mail.firm.example",
    "imap.firm.example",
    "autoconfig.firm.example",
    "autoconfig.provider.example",
    "mx.provider.example",
    "imap.provider.example",
];

pub(crate) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What a web server sends for a request with `HOST PATH`; an empty answer is 404.
pub(crate) type Pages = fn(&str) -> Vec<u8>;

pub(crate) struct Scene {
    pub(crate) dns: Dns,
    authority: String,
    acceptor: TlsAcceptor,
    pub(crate) ports: Ports,
    /// Every line that an IMAP server heard.
    heard: Arc<Mutex<Vec<String>>>,
    /// The head of every request a web server heard.
    requests: Arc<Mutex<Vec<String>>>,
}

impl Scene {
    /// One where nothing listens; every name is looked up in `dns` alone.
    pub(crate) fn new() -> Scene {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let server_key = KeyPair::generate().unwrap();
        let names: Vec<String> = NAMES.iter().map(ToString::to_string).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&server_key, &issuer).unwrap();
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        let [imaps, imap, https, http] = mailhaul_lab::ports::free();
        Scene {
            dns: Dns::start(),
            authority,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            ports: Ports { imaps, imap, https, http },
            heard: Arc::default(),
            requests: Arc::default(),
        }
    }

    pub(crate) fn means(&self) -> Means {
        let dialer = Dialer::trusting(self.authority.as_bytes()).unwrap();
        Means::asking(dialer, Resolver::at(&[self.dns.address]).unwrap()).on_ports(self.ports)
    }

    pub(crate) async fn search(&self, text: &str) -> Found {
        search(&self.means(), &Asked::parse(text).unwrap()).await
    }

    /// Makes names lead here.
    pub(crate) fn here(&self, names: &[&str]) -> &Scene {
        for name in names {
            self.dns.address(name, HERE);
        }
        self
    }

    /// Listens with TLS from the first byte.
    pub(crate) async fn imaps(&self, greeting: &'static str) -> &Scene {
        let (acceptor, heard) = (self.acceptor.clone(), Arc::clone(&self.heard));
        listen(self.ports.imaps, move |tcp| {
            let (acceptor, heard) = (acceptor.clone(), Arc::clone(&heard));
            async move {
                let Ok(tls) = acceptor.accept(tcp).await else { return };
                serve_imap(tls, greeting, &heard, false).await;
            }
        })
        .await;
        self
    }

    /// Listens in clear, with STARTTLS where `offers`.
    pub(crate) async fn imap(&self, offers: bool) -> &Scene {
        let (acceptor, heard) = (self.acceptor.clone(), Arc::clone(&self.heard));
        listen(self.ports.imap, move |tcp| {
            let (acceptor, heard) = (acceptor.clone(), Arc::clone(&heard));
            async move {
                if let Some(tcp) = serve_imap(tcp, "* OK ready", &heard, offers).await
                    && let Ok(mut tls) = acceptor.accept(tcp).await
                {
                    let mut rest = String::new();
                    drop(tls.read_to_string(&mut rest).await);
                    heard.lock().unwrap().extend((!rest.is_empty()).then_some(rest));
                }
            }
        })
        .await;
        self
    }

    /// Listens for requests, under TLS or in clear.
    pub(crate) async fn web(&self, tls: bool, pages: Pages) -> &Scene {
        let (acceptor, requests) = (self.acceptor.clone(), Arc::clone(&self.requests));
        let port = if tls { self.ports.https } else { self.ports.http };
        listen(port, move |tcp| {
            let (acceptor, requests) = (acceptor.clone(), Arc::clone(&requests));
            async move {
                if !tls {
                    serve_web(tcp, pages, &requests).await;
                } else if let Ok(tls) = acceptor.accept(tcp).await {
                    serve_web(tls, pages, &requests).await;
                }
            }
        })
        .await;
        self
    }

    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn listen<F>(port: u16, serve: impl Fn(TcpStream) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((HERE, port)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(serve(tcp));
        }
    });
}

/// Greets and hears; returns the stream after STARTTLS.
async fn serve_imap<S>(mut stream: S, greeting: &str, heard: &Mutex<Vec<String>>, starttls: bool) -> Option<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(format!("{greeting}\r\n").as_bytes()).await.ok()?;
    let mut bytes = [0; 512];
    loop {
        let read = stream.read(&mut bytes).await.ok().filter(|read| *read > 0)?;
        let line = String::from_utf8_lossy(&bytes[..read]).trim_end().to_owned();
        heard.lock().unwrap().push(line.clone());
        let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
        if starttls && command == "STARTTLS" {
            stream.write_all(format!("{tag} OK begin\r\n").as_bytes()).await.ok()?;
            return Some(stream);
        }
        if command == "CAPABILITY" {
            let offered = if starttls { " STARTTLS" } else { "" };
            let answer = format!("* CAPABILITY IMAP4rev1{offered}\r\n{tag} OK done\r\n");
            stream.write_all(answer.as_bytes()).await.ok()?;
            continue;
        }
        stream.write_all(format!("{tag} BAD what?\r\n").as_bytes()).await.ok()?;
    }
}

async fn serve_web(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    pages: Pages,
    requests: &Mutex<Vec<String>>,
) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut bytes = [0; 1024];
        match stream.read(&mut bytes).await {
            Ok(read) if read > 0 => head.extend_from_slice(&bytes[..read]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let mut answer = pages(&format!("{host} {path}"));
    requests.lock().unwrap().push(head);
    if answer.is_empty() {
        answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec();
    }
    let endless = answer.ends_with(b"...");
    drop(stream.write_all(&answer).await);
    drop(stream.flush().await);
    if endless {
        // The client hangs up.
        drop(tokio::time::timeout(Duration::from_secs(60), stream.read_u8()).await);
    }
    drop(stream.shutdown().await);
}

/// A page with this body.
pub(crate) fn page(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A redirect.
pub(crate) fn redirect(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

/// A document with one IMAP server.
pub(crate) fn document(host: &str, port: u16, user: &str) -> String {
    format!(
        "<clientConfig version=\"1.1\"><emailProvider id=\"x\"><incomingServer type=\"imap\"><hostname>{host}\
         </hostname><port>{port}</port><socketType>SSL</socketType><username>{user}</username></incomingServer>\
         </emailProvider></clientConfig>"
    )
}
