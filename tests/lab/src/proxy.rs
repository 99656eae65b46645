//! A TCP proxy that counts what passes, and can hold it at an exact byte: kill points without sleeping.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// One direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the client (mailhaul) to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

#[derive(Debug, Default)]
struct State {
    passed: [u64; 2],
    /// How often the client spoke after it had heard the server, over all connections, and each connection's
    /// making.
    round_trips: u64,
    limit: [Option<u64>; 2],
    held: bool,
    connections: u64,
    delay: Duration,
    refuse: bool,
    /// Both ends of every connection, to be shut when all are cut.
    open: Vec<TcpStream>,
    /// Where connections break, one after the other, newest last.
    breaks: Vec<Break>,
    broken: u64,
}

/// A place at which the connection that carries the byte breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// The direction that is counted.
    pub way: Way,
    /// So many more bytes pass in that direction, counted from the break before.
    pub after: u64,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// A running proxy in front of one port of 127.0.0.1. Its threads end with their connections and the process.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// The port of 127.0.0.1 to connect to in place of the server's.
    pub port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Starts a proxy in front of `server`.
    ///
    /// # Panics
    /// When no port can be bound.
    #[must_use]
    pub fn start(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a proxy");
        let port = listener.local_addr().expect("the proxy's port").port();
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let refuse = {
                    let mut state = accepting.state.lock().expect("the proxy's state");
                    state.connections += 1;
                    state.refuse
                };
                if refuse {
                    continue;
                }
                if let Ok(upstream) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) {
                    let ends = [&client, &upstream].into_iter().filter_map(|end| end.try_clone().ok());
                    accepting.state.lock().expect("the proxy's state").open.extend(ends);
                    accepting.state.lock().expect("the proxy's state").round_trips += 1;
                    let heard = Arc::new(AtomicBool::new(true));
                    pump(&client, &upstream, Way::ToServer, &accepting, &heard);
                    pump(&upstream, &client, Way::ToClient, &accepting, &heard);
                }
            }
        });
        Self { port, shared }
    }

    /// From now on lets exactly `bytes` more pass in one direction, over all connections, then holds
    /// everything in that direction until [`Self::release`].
    ///
    /// # Panics
    /// When a thread of the proxy has panicked.
    pub fn hold_after(&self, way: Way, bytes: u64) {
        let mut state = self.shared.state.lock().expect("the proxy's state");
        state.limit[way as usize] = Some(state.passed[way as usize] + bytes);
        state.held = false;
    }

    /// Breaks connections at these places, one after the other; replaces what was left of earlier ones.
    ///
    /// # Panics
    /// When a thread of the proxy has panicked.
    pub fn break_at(&self, mut breaks: Vec<Break>) {
        breaks.reverse();
        self.shared.state.lock().expect("the proxy's state").breaks = breaks;
    }

    /// How many connections were broken by [`Self::break_at`].
    ///
    /// # Panics
    /// When a thread of the proxy has panicked.
    #[must_use]
    pub fn broken(&self) -> u64 {
        self.shared.state.lock().expect("the proxy's state").broken
    }

    /// Whether something is being held.
    ///
    /// # Panics
    /// When a thread of the proxy has panicked.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.shared.state.lock().expect("the proxy's state").held
    }

    /// Waits until something is being held.
    ///
    /// # Panics
    /// When that does not happen within `limit`.
    pub fn wait_held(&self, limit: Duration) {
        let end = Instant::now() + limit;
        let mut state = self.shared.state.lock().expect("the proxy's state");
        while !state.held {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "nothing was held by the proxy within {limit:?}: {state:?}");
            state = self.shared.changed.wait_timeout(state, left).expect("the proxy's state").0;
        }
    }

    /// Lets everything pass again.
    ///
    /// # Panics
    /// When a thread of the proxy has panicked.
    pub fn release(&self) {
        let mut state = self.shared.state.lock().expect("the proxy's state");
        state.limit = [None, None];
        state.held = false;
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Breaks every connection that is open, and lets new ones pass.
    ///
    /// # Panics
    /// When a thread of the proxy has panicked.
    pub fn cut(&self) {
        for end in std::mem::take(&mut self.shared.state.lock().expect("the proxy's state").open) {
            end.shutdown(Shutdown::Both).ok();
        }
        self.release();
    }

    /// Waits so long before each piece that passes, in each direction.
    ///
    /// # Panics
    /// When a thread of the proxy has panicked.
    pub fn delay(&self, delay: Duration) {
        self.shared.state.lock().expect("the proxy's state").delay = delay;
    }

    /// Closes every new connection at once.
    ///
    /// # Panics
    /// When a thread of the proxy has panicked.
    pub fn refuse(&self, refuse: bool) {
        self.shared.state.lock().expect("the proxy's state").refuse = refuse;
    }

    /// The number of bytes that have passed in one direction.
    ///
    /// # Panics
    /// When a thread of the proxy has panicked.
    #[must_use]
    pub fn passed(&self, way: Way) -> u64 {
        self.shared.state.lock().expect("the proxy's state").passed[way as usize]
    }

    /// How many round trips the conversations took: one for each connection made, and one each time the
    /// client spoke after it had heard the server. While both speak at once, as in a copy, this counts too
    /// many.
    ///
    /// # Panics
    /// When a thread of the proxy has panicked.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.shared.state.lock().expect("the proxy's state").round_trips
    }

    /// The number of connections made.
    ///
    /// # Panics
    /// When a thread of the proxy has panicked.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.state.lock().expect("the proxy's state").connections
    }
}

/// Moves bytes one way in a thread of its own until one end is closed.
///
/// `heard` is whether the server has spoken since the client last did: whoever speaks then has waited for it.
fn pump(from: &TcpStream, to: &TcpStream, way: Way, shared: &Arc<Shared>, heard: &Arc<AtomicBool>) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { return };
    to.set_nodelay(true).ok();
    let (shared, heard) = (Arc::clone(shared), Arc::clone(heard));
    thread::spawn(move || {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let before = heard.swap(way == Way::ToClient, Ordering::Relaxed);
            if way == Way::ToServer && before {
                shared.state.lock().expect("the proxy's state").round_trips += 1;
            }
            let mut rest = &buffer[..count];
            while !rest.is_empty() {
                let (allowed, breaks) = admit(&shared, way, rest.len());
                let sent = to.write_all(&rest[..allowed]);
                if breaks {
                    to.shutdown(Shutdown::Both).ok();
                }
                if breaks || sent.is_err() {
                    // The receiver is gone: the sender must notice.
                    from.shutdown(Shutdown::Both).ok();
                    return;
                }
                rest = &rest[allowed..];
            }
        }
        to.shutdown(Shutdown::Write).ok();
    });
}

/// How many of `wanted` bytes may pass now, and whether the connection breaks after them; waits while none
/// may.
fn admit(shared: &Shared, way: Way, wanted: usize) -> (usize, bool) {
    let mut state = shared.state.lock().expect("the proxy's state");
    if !state.delay.is_zero() {
        let delay = state.delay;
        drop(state);
        thread::sleep(delay);
        state = shared.state.lock().expect("the proxy's state");
    }
    loop {
        let mut left = state.limit[way as usize]
            .map_or(u64::MAX, |limit| limit.saturating_sub(state.passed[way as usize]));
        if left > 0 {
            let mut breaks = false;
            if let Some(next) = state.breaks.last_mut().filter(|next| next.way == way) {
                left = left.min(next.after.max(1));
                let count = left.min(wanted as u64);
                next.after = next.after.saturating_sub(count);
                breaks = next.after == 0;
            }
            if breaks {
                state.breaks.pop();
                state.broken += 1;
            }
            let count = wanted.min(usize::try_from(left).unwrap_or(usize::MAX));
            state.passed[way as usize] += count as u64;
            return (count, breaks);
        }
        // Told once: several that are held would wake one another for ever.
        if !std::mem::replace(&mut state.held, true) {
            shared.changed.notify_all();
        }
        state = shared.changed.wait(state).expect("the proxy's state");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_at_the_byte() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Proxy::start(server.local_addr().unwrap().port());
        proxy.hold_after(Way::ToServer, 5);
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port)).unwrap();
        client.write_all(b"0123456789").unwrap();
        let (mut end, _) = server.accept().unwrap();
        proxy.wait_held(Duration::from_secs(5));
        assert_eq!(proxy.passed(Way::ToServer), 5);
        let mut five = [0; 5];
        end.read_exact(&mut five).unwrap();
        assert_eq!(&five, b"01234");
        proxy.release();
        end.read_exact(&mut five).unwrap();
        assert_eq!(&five, b"56789");
    }

    /// What a thread of this process has run for, in ticks.
    #[cfg(target_os = "linux")]
    fn ticks() -> u64 {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let behind_the_name = stat.rsplit_once(") ").unwrap().1;
        behind_the_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn several_that_are_held_cost_nothing() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Proxy::start(server.local_addr().unwrap().port());
        proxy.hold_after(Way::ToServer, 1);
        let clients = [(); 4].map(|()| {
            let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port)).unwrap();
            client.write_all(b"0123456789").unwrap();
            client
        });
        proxy.wait_held(Duration::from_secs(5));
        let begun = ticks();
        let shared = Arc::clone(&proxy.shared);
        let state = shared.state.lock().unwrap();
        drop(shared.changed.wait_timeout_while(state, Duration::from_millis(500), |_| true).unwrap());
        // A tick is 10 ms; one thread that spins takes 50 of them.
        assert!(ticks() - begun < 20, "{} ticks while everything was held", ticks() - begun);
        drop(clients);
    }

    #[test]
    fn breaks_at_the_byte() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Proxy::start(server.local_addr().unwrap().port());
        proxy.break_at([3, 4].map(|after| Break { way: Way::ToServer, after }).to_vec());
        for expected in ["abc", "abcd", "abcdef"] {
            let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port)).unwrap();
            client.write_all(b"abcdef").unwrap();
            let (mut end, _) = server.accept().unwrap();
            client.shutdown(Shutdown::Write).ok();
            let mut heard = String::new();
            end.read_to_string(&mut heard).unwrap();
            assert_eq!(heard, expected);
        }
        assert_eq!(proxy.broken(), 2);
    }
}
