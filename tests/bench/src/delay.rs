//! A long way between client and server: a TCP proxy that hands every byte on half a round trip after it
//! came.
//!
//! The laboratory's proxy waits after each piece before it reads the next, which is what its tests need but
//! makes a narrow way rather than a long one. Here pieces are under way at the same time, up to a window as
//! TCP has one. Making a connection costs a round trip as well, which a proxy alone would hide.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The most bytes under way in one direction of one connection; Linux lets a receiver's window grow to 6 MiB.
const WINDOW: usize = 6 << 20;
const PIECE: usize = 64 * 1024;
/// The stack of a thread; a proxy has two for each connection, and they need little.
const STACK: usize = 128 * 1024;

/// Starts a proxy in front of a port of 127.0.0.1 and returns where it listens. It ends with the process.
pub(crate) fn start(server: u16, round_trip: Duration) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a delaying proxy");
    let port = listener.local_addr().expect("the proxy's port").port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            spawn(move || connect(&client, server, round_trip));
        }
    });
    port
}

fn spawn(task: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(STACK).spawn(task).expect("start a thread of a delaying proxy");
}

fn connect(client: &TcpStream, server: u16, round_trip: Duration) {
    // The client believes that it is connected and has sent its first bytes; they would leave only now.
    thread::sleep(round_trip);
    let Ok(upstream) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else { return };
    for (from, to) in [(client, &upstream), (&upstream, client)] {
        to.set_nodelay(true).ok();
        let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { return };
        let direction = Arc::new(Direction::default());
        let entry = Arc::clone(&direction);
        spawn(move || entry.take_in(from, round_trip / 2));
        spawn(move || direction.hand_out(to));
    }
}

#[derive(Default)]
struct Direction {
    traffic: Mutex<Traffic>,
    changed: Condvar,
}

#[derive(Default)]
struct Traffic {
    pieces: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    /// Set when the sender has ended.
    ended: bool,
    /// Set when the receiver is gone.
    blocked: bool,
}

impl Direction {
    fn take_in(&self, mut from: TcpStream, delay: Duration) {
        let mut buffer = vec![0; PIECE];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let due = Instant::now() + delay;
            let traffic = self.traffic.lock().expect("a direction's traffic");
            let mut traffic = self
                .changed
                .wait_while(traffic, |t| t.bytes >= WINDOW && !t.blocked)
                .expect("a direction's traffic");
            if traffic.blocked {
                // The receiver is gone: the sender must notice.
                from.shutdown(Shutdown::Both).ok();
                return;
            }
            traffic.bytes += count;
            traffic.pieces.push_back((due, buffer[..count].to_vec()));
            self.changed.notify_all();
        }
        self.traffic.lock().expect("a direction's traffic").ended = true;
        self.changed.notify_all();
    }

    fn hand_out(&self, mut to: TcpStream) {
        loop {
            let traffic = self.traffic.lock().expect("a direction's traffic");
            let mut traffic = self
                .changed
                .wait_while(traffic, |t| t.pieces.is_empty() && !t.ended)
                .expect("a direction's traffic");
            let Some((due, piece)) = traffic.pieces.pop_front() else { break };
            drop(traffic);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let written = to.write_all(&piece);
            let mut traffic = self.traffic.lock().expect("a direction's traffic");
            traffic.bytes -= piece.len();
            traffic.blocked = written.is_err();
            self.changed.notify_all();
            if traffic.blocked {
                return;
            }
        }
        to.shutdown(Shutdown::Write).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An echo takes a round trip, and many at once take hardly longer than one.
    #[test]
    fn delays_without_narrowing() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let round_trip = Duration::from_millis(60);
        let port = start(server.local_addr().unwrap().port(), round_trip);
        thread::spawn(move || {
            let (mut end, _) = server.accept().unwrap();
            let mut copy = end.try_clone().unwrap();
            std::io::copy(&mut end, &mut copy).unwrap();
        });
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        client.write_all(b"x").unwrap();
        client.read_exact(&mut [0]).unwrap();
        let begin = Instant::now();
        let sent = vec![7; 4 << 20];
        let mut writing = client.try_clone().unwrap();
        let writer = thread::spawn(move || writing.write_all(&sent).unwrap());
        let mut echo = vec![0; 4 << 20];
        client.read_exact(&mut echo).unwrap();
        writer.join().unwrap();
        let took = begin.elapsed();
        assert!(took >= round_trip, "{took:?}");
        assert!(took < round_trip * 20, "64 pieces one after the other would take 64 round trips: {took:?}");
    }
}
