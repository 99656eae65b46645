//! Free loopback ports.

use std::net::{Ipv4Addr, TcpListener};

/// `N` ports nobody listens on at this moment, all different. Another process may take one before the server
/// does: whoever starts a server tries again with new ones.
///
/// # Panics
/// When the machine has no free port left.
#[must_use]
pub fn free<const N: usize>() -> [u16; N] {
    // All are held at once, so that none is handed out twice.
    let held: [TcpListener; N] = std::array::from_fn(|_| {
        TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("bind a free loopback port")
    });
    held.each_ref().map(|listener| listener.local_addr().expect("the port just bound").port())
}
