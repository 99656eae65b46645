//! Looking for a server before there is a project: what is proposed, and whether it can be reached.
//!
//! What `mailhaul-discover` finds, in the words of every front end. Nothing here logs in.

use std::net::SocketAddr;

pub use mailhaul_discover::{
    Asked, AskedError, Found, LogIn, Means, Obstacle, Origin, Proposal, Reached, Remark, Subject, known,
    look, protection, search,
};
use mailhaul_engine::host;
pub use mailhaul_engine::host::{HostFault, certificate_facts};
use mailhaul_engine::summary::Side;
pub use mailhaul_imap::ImapError;
use mailhaul_net::Dialer;
use mailhaul_net::dns::Resolver;
pub use mailhaul_net::{Certificate, Endpoint, Fingerprint, NetError, NetErrorKind, TlsMode};

use tokio::task::JoinSet;

use crate::Failure;

/// Returns what servers are looked for with: the machine's own resolver and trusted roots, or these
/// resolvers alone.
///
/// # Errors
/// When no resolver can be set up with these addresses.
pub fn means(resolvers: &[SocketAddr]) -> Result<Means, Failure> {
    let dialer = Dialer::platform();
    if resolvers.is_empty() {
        return Ok(Means::system(dialer));
    }
    let resolver = Resolver::at(resolvers).map_err(|error| Failure::input(error.to_string(), None))?;
    Ok(Means::asking(dialer, resolver))
}

/// Finds out what is wrong with the servers that were not reached, all at once, for at most five seconds:
/// one answer for each of the first `most` proposals, `None` where nothing is. `side` is where they are to
/// stand in `mailhaul.toml`.
pub async fn explain(means: &Means, side: Side, found: &Found, most: usize) -> Vec<Option<HostFault>> {
    let mut looks = JoinSet::new();
    for (at, proposal) in found.proposals.iter().take(most).enumerate() {
        let Err(Obstacle::Failed(error)) = &proposal.reached else { continue };
        let (dialer, endpoint, error) = (means.dialer().clone(), proposal.endpoint.clone(), error.clone());
        looks.spawn(async move { (at, host::explain(side, &dialer, &endpoint, error).await) });
    }
    let mut faults: Vec<Option<HostFault>> = found.proposals.iter().take(most).map(|_| None).collect();
    for (at, fault) in looks.join_all().await {
        if let Some(slot) = faults.get_mut(at) {
            *slot = Some(fault);
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use std::io;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// A host where nothing listens but 143, which offers STARTTLS.
    fn clear_port_only() -> Dialer {
        Dialer::platform().through(|endpoint| {
            let port = endpoint.port;
            async move {
                let (near, mut far) = duplex(4096);
                if port != 143 {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                tokio::spawn(async move {
                    let mut heard = [0; 256];
                    far.write_all(b"* OK ready\r\n").await.ok();
                    if far.read(&mut heard).await.is_ok_and(|read| read > 0) {
                        far.write_all(b"* CAPABILITY IMAP4rev1 STARTTLS\r\nP1 OK\r\nP2 OK\r\n").await.ok();
                    }
                });
                Ok(near)
            }
        })
    }

    #[tokio::test]
    async fn a_port_where_nothing_listens_is_told_with_the_one_that_answers() {
        let means = Means::system(clear_port_only());
        let asked = Asked::parse("mail.firm.example:993").unwrap();
        let found = search(&means, &asked).await;
        let faults = explain(&means, Side::Target, &found, 4).await;
        let [Some(fault)] = &faults[..] else { panic!("{faults:?}") };
        assert!(fault.reason().ends_with("; 143 answers, 993 does not"), "{}", fault.reason());
        assert_eq!(fault.remedy, "write `port = 143` and `tls = \"starttls\"` under `[target]`");
        assert!(explain(&means, Side::Target, &found, 0).await.is_empty());
    }
}
