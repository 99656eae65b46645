//! A DNS server on the loopback: it knows the records it is told, and fails where it is told to.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::net::xfer::Protocol;
use hickory_server::proto::op::{Header, HeaderCounts, Metadata, ResponseCode};
use hickory_server::proto::rr::rdata::{A, AAAA, CNAME, MX, NS, SRV, TXT};
use hickory_server::proto::rr::{Name, RData, Record, RecordType};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::{TcpListener, UdpSocket};

/// Room for answers that wait to be sent.
const ANSWERS: usize = 16;

/// What becomes of questions about a name, instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SERVFAIL.
    Fails,
    /// REFUSED.
    Refuses,
    /// No answer at all.
    Silent,
    /// By UDP an empty answer that is cut short, by TCP a whole one.
    Truncated,
}

#[derive(Default)]
struct Zone {
    records: BTreeMap<Name, Vec<Record>>,
    faults: BTreeMap<Name, Fault>,
    asked: Vec<String>,
}

/// A running server; it ends with the process.
#[derive(Clone)]
pub struct Dns {
    /// Where it answers, by UDP and TCP.
    pub address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
}

fn name(text: &str) -> Name {
    Name::from_ascii(format!("{}.", text.trim_end_matches('.'))).expect("a name").to_lowercase()
}

/// One port for both: it may be free for UDP and taken for TCP.
fn sockets() -> (std::net::UdpSocket, std::net::TcpListener) {
    for _ in 0..20 {
        let udp = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a port for a server");
        let at = udp.local_addr().expect("the server's port");
        if let Ok(tcp) = std::net::TcpListener::bind(at) {
            udp.set_nonblocking(true)
                .and_then(|()| tcp.set_nonblocking(true))
                .expect("sockets that do not wait");
            return (udp, tcp);
        }
    }
    panic!("no port is free for both UDP and TCP");
}

impl Dns {
    /// Starts one that knows no name.
    ///
    /// # Panics
    /// When no port can be bound.
    #[must_use]
    pub fn start() -> Dns {
        let (udp, tcp) = sockets();
        let dns = Dns { address: udp.local_addr().expect("the server's port"), zone: Arc::default() };
        let own = dns.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime for a server");
            runtime.block_on(async {
                let mut server = Server::new(own);
                server.register_socket(UdpSocket::from_std(udp).expect("a socket"));
                let tcp = TcpListener::from_std(tcp).expect("a socket");
                server.register_listener(tcp, Duration::from_secs(30), ANSWERS);
                server.block_until_done().await.expect("the DNS server ends with the process");
            });
        });
        dns
    }

    fn zone(&self) -> MutexGuard<'_, Zone> {
        self.zone.lock().expect("the zone")
    }

    fn add(&self, at: &str, ttl: u32, data: RData) -> &Self {
        let at = name(at);
        let record = Record::from_rdata(at.clone(), ttl, data);
        self.zone().records.entry(at).or_default().push(record);
        self
    }

    /// Adds an address, with a TTL of 300 seconds.
    ///
    /// # Panics
    /// When the name is none.
    pub fn address(&self, of: &str, address: IpAddr) -> &Self {
        let data = match address {
            IpAddr::V4(address) => RData::A(A(address)),
            IpAddr::V6(address) => RData::AAAA(AAAA(address)),
        };
        self.add(of, 300, data)
    }

    /// Adds where mail for a domain is delivered; `.` as the host is nowhere.
    ///
    /// # Panics
    /// When a name is none.
    pub fn mx(&self, domain: &str, ttl: u32, preference: u16, host: &str) -> &Self {
        self.add(domain, ttl, RData::MX(MX::new(preference, name(host))))
    }

    /// Adds where a service is: priority, weight and port, and the host, which may be `.`.
    ///
    /// # Panics
    /// When a name is none.
    pub fn srv(&self, record: &str, (priority, weight, port): (u16, u16, u16), host: &str) -> &Self {
        self.add(record, 300, RData::SRV(SRV::new(priority, weight, port, name(host))))
    }

    /// Adds a text, in the parts it is made of.
    ///
    /// # Panics
    /// When the name is none.
    pub fn txt(&self, of: &str, parts: &[&str]) -> &Self {
        self.add(of, 300, RData::TXT(TXT::new(parts.iter().map(ToString::to_string).collect())))
    }

    /// Adds a name server.
    ///
    /// # Panics
    /// When a name is none.
    pub fn ns(&self, zone: &str, host: &str) -> &Self {
        self.add(zone, 300, RData::NS(NS(name(host))))
    }

    /// Makes one name another's, with a TTL of its own.
    ///
    /// # Panics
    /// When a name is none.
    pub fn alias(&self, of: &str, ttl: u32, host: &str) -> &Self {
        self.add(of, ttl, RData::CNAME(CNAME(name(host))))
    }

    /// Makes every question about a name fail.
    ///
    /// # Panics
    /// When the name is none.
    pub fn fault(&self, of: &str, fault: Fault) -> &Self {
        self.zone().faults.insert(name(of), fault);
        self
    }

    /// Returns every question so far, as `MX example.org`.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.zone().asked.clone()
    }
}

impl Zone {
    fn answer(&self, asked: &Name, kind: RecordType) -> (ResponseCode, Vec<Record>) {
        let mut found = Vec::new();
        let mut at = asked.clone();
        // An alias of an alias is followed, a circle is not.
        for _ in 0..8 {
            let Some(records) = self.records.get(&at) else { break };
            found.extend(records.iter().filter(|record| record.record_type() == kind).cloned());
            let alias = records.iter().find(|record| record.record_type() == RecordType::CNAME);
            let Some(RData::CNAME(next)) = alias.map(|record| record.data.clone()) else { break };
            found.extend(alias.cloned());
            at = next.0;
        }
        let there = self.records.keys().any(|name| asked.zone_of(name));
        (if there { ResponseCode::NoError } else { ResponseCode::NXDomain }, found)
    }
}

#[async_trait::async_trait]
impl RequestHandler for Dns {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut handle: R,
    ) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        let nothing = ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() });
        let Ok(info) = request.request_info() else { return nothing };
        let kind = info.query.query_type();
        let asked = Name::from(info.query.name()).to_lowercase();
        let (fault, (code, records)) = {
            let mut zone = self.zone();
            zone.asked.push(format!("{kind} {}", asked.to_ascii().trim_end_matches('.')));
            (zone.faults.get(&asked).copied(), zone.answer(&asked, kind))
        };
        let mut answers = records;
        metadata.response_code = code;
        match fault {
            Some(Fault::Fails) => metadata.response_code = ResponseCode::ServFail,
            Some(Fault::Refuses) => metadata.response_code = ResponseCode::Refused,
            Some(Fault::Silent) => return nothing,
            Some(Fault::Truncated) if info.protocol == Protocol::Udp => {
                metadata.truncation = true;
                answers.clear();
            }
            Some(Fault::Truncated) | None => {}
        }
        if matches!(fault, Some(Fault::Fails | Fault::Refuses)) {
            answers.clear();
        }
        let response =
            MessageResponseBuilder::from_message_request(request).build(metadata, answers.iter(), [], [], []);
        handle.send_response(response).await.unwrap_or(nothing)
    }
}

impl std::fmt::Debug for Dns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dns").field("address", &self.address).finish_non_exhaustive()
    }
}
