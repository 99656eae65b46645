//! Which addresses a plugin's request may reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whose an address is, which decides whether a plugin's request may go there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// On the internet: any granted origin may have it.
    Public,
    /// This machine's or its network's: only an origin that was granted with `--private` may have it.
    Private,
    /// Cloud metadata, link-local, multicast, reserved: no grant covers it.
    Forbidden,
}

/// Classifies an address by the IANA special-purpose registries; an IPv4 address inside an IPv6 one counts
/// as itself.
pub(crate) fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

fn v4(address: Ipv4Addr) -> Reach {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        // Alibaba's metadata service lies in the carriers' shared range.
        (100, 100, 100) if address == Ipv4Addr::new(100, 100, 100, 200) => Reach::Forbidden,
        // Metadata services of nearly every cloud are link-local.
        (0, ..) | (169, 254, _) | (224.., ..) => Reach::Forbidden,
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 51, 100) | (203, 0, 113) => Reach::Forbidden,
        (127 | 10, ..) | (172, 16..=31, _) | (192, 168, _) => Reach::Private,
        (100, 64..=127, _) | (198, 18 | 19, _) => Reach::Private,
        _ => Reach::Public,
    }
}

fn v6(address: Ipv6Addr) -> Reach {
    if let Some(inner) = address.to_ipv4_mapped() {
        return v4(inner);
    }
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Private,
        // NAT64 and 6to4 lead to the IPv4 address inside.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // AWS's metadata service is a unique local address.
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254] => Reach::Forbidden,
        [0xfc00..=0xfdff, ..] => Reach::Private,
        // Teredo, documentation.
        [0x2001, 0 | 0xdb8, ..] => Reach::Forbidden,
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Forbidden,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_the_inside_is_known() {
        let of = |text: &str| reach(text.parse().unwrap());
        for public in ["8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert_eq!(of(public), Reach::Public, "{public}");
        }
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "::1",
            "fc00::1",
            "fd12::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ] {
            assert_eq!(of(private), Reach::Private, "{private}");
        }
        for never in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "fd00:ec2::254",
            "100.100.100.200",
            "fe80::1",
            "fec0::1",
            "0.0.0.0",
            "::",
            "::127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
        ] {
            assert_eq!(of(never), Reach::Forbidden, "{never}");
        }
    }
}
