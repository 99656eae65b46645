//! SRV records of a mail domain: `_imaps._tcp` and `_imap._tcp` (RFC 6186, RFC 8314 section 5.1).

use mailhaul_net::dns::{DnsErrorKind, Resolver, Srv};
use mailhaul_net::{Endpoint, TlsMode};

use crate::asked::is_host_name;
use crate::proposal::{Origin, Remark};

/// Records of one name that are looked at.
const MAX_RECORDS: usize = 3;

/// Returns the servers that a domain's SRV records name, those with TLS from the first byte before the
/// others, and what is odd about them.
pub(crate) async fn find(resolver: &Resolver, domain: &str) -> (Vec<(Endpoint, Origin)>, Vec<Remark>) {
    let imaps = format!("_imaps._tcp.{domain}");
    let imap = format!("_imap._tcp.{domain}");
    let (mut found, mut remarks) = (Vec::new(), Vec::new());
    let answers = tokio::join!(resolver.srv(&imaps), resolver.srv(&imap));
    for (record, tls, answer) in [(imaps, TlsMode::Implicit, answers.0), (imap, TlsMode::StartTls, answers.1)]
    {
        match answer {
            Ok(answer) => {
                let record = format!("SRV {record}");
                for srv in answer.records.iter().take(MAX_RECORDS) {
                    match read(srv, tls) {
                        Read::Server(endpoint) => {
                            found.push((endpoint, Origin::Srv { record: record.clone() }))
                        }
                        Read::NotOffered => remarks.push(Remark::NotOffered { record: record.clone() }),
                        Read::Odd => remarks.push(Remark::OddSrv { record: record.clone() }),
                    }
                }
            }
            Err(error) if error.kind.is_absence() => {}
            // Once is enough: both go the same way.
            Err(error) if error.kind != DnsErrorKind::BadName && remarks.is_empty() => {
                remarks.push(Remark::Dns(error))
            }
            Err(_) => {}
        }
    }
    (found, remarks)
}

enum Read {
    Server(Endpoint),
    /// The root in the place of a host (RFC 2782).
    NotOffered,
    Odd,
}

fn read(srv: &Srv, tls: TlsMode) -> Read {
    match srv.host.as_str() {
        "." => Read::NotOffered,
        host if srv.port > 0 && is_host_name(host) => Read::Server(Endpoint::with_port(host, srv.port, tls)),
        _ => Read::Odd,
    }
}
