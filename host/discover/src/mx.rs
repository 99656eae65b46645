//! Who takes a domain's mail, which says where its mailboxes may be.

use mailhaul_net::dns::Resolver;

use crate::asked::is_host_name;
use crate::proposal::Remark;

/// Hosts that are looked at: those a sender tries first.
const MAX_HOSTS: usize = 3;

/// Returns the hosts that take a domain's mail, in the order in which they are tried, and why nothing is
/// known of them.
pub(crate) async fn hosts(resolver: &Resolver, domain: &str) -> (Vec<String>, Option<Remark>) {
    match resolver.mx(domain).await {
        Ok(answer) => {
            let hosts = answer.records.into_iter().map(|mx| mx.host).filter(|host| is_host_name(host));
            (hosts.take(MAX_HOSTS).collect(), None)
        }
        Err(error) if error.kind.is_absence() => (Vec::new(), None),
        Err(error) => (Vec::new(), Some(Remark::Dns(error))),
    }
}

/// Returns the domains that may be the provider's of an MX host, the closest first: `mail.provider.example`
/// and `provider.example` for `mx1.mail.provider.example`. Which of them somebody owns only a list of all
/// registries knows.
pub(crate) fn parents(host: &str) -> Vec<&str> {
    let above = |name: &'_ str| name.find('.').map(|dot| dot + 1);
    let mut found = Vec::new();
    let mut name = host;
    while found.len() < 2 {
        let Some(at) = above(name) else { break };
        name = &name[at..];
        match name.split_once('.') {
            // `co.uk` and its like belong to a registry.
            Some((label, _)) if label.len() > 3 || (found.is_empty() && label.len() > 2) => found.push(name),
            _ => break,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_s_domain_is_above_its_hosts() {
        assert_eq!(parents("mx1.mail.provider.example"), ["mail.provider.example", "provider.example"]);
        assert_eq!(parents("mx00.gmx.net"), ["gmx.net"]);
        assert_eq!(parents("mx.firm.co.uk"), ["firm.co.uk"]);
        assert_eq!(parents("firm.example"), Vec::<&str>::new());
        assert_eq!(parents("localhost"), Vec::<&str>::new());
    }
}
