//! A server that counts what it gives and takes, and refuses what is beyond.
//!
//! By bytes a day, as Gmail does, or by messages an hour and by connections, as Exchange does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Fake, Give, Take, Verdict};

/// What Gmail says when a mailbox has given, or taken, its day's bytes.
const OVER_QUOTA: &str = "[OVERQUOTA] Account exceeded command or bandwidth limits";
/// What Exchange says to one message too many in an hour.
const THROTTLED: &str = "NO Request is throttled. Suggested Backoff Time: 60000 milliseconds";
/// What Exchange says to one connection too many.
const CROWDED: &str = "NO [LIMIT] Too many simultaneous connections";

/// What a server allows; `None` for anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allowed {
    /// Bytes of texts that are fetched in a day.
    pub gives_a_day: Option<u64>,
    /// Bytes of texts that are appended in a day.
    pub takes_a_day: Option<u64>,
    /// Messages that are appended in an hour.
    pub messages_an_hour: Option<u64>,
    /// Log-ins that have not logged out.
    pub connections: Option<usize>,
}

/// What a server has counted.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    /// Bytes of texts that were fetched, by day.
    pub given: BTreeMap<i64, u64>,
    /// Bytes of texts that were appended, by day.
    pub taken: BTreeMap<i64, u64>,
    /// Messages that were appended, by hour.
    pub messages: BTreeMap<i64, u64>,
    /// The most connections that were open at a time.
    pub most_open: usize,
    /// How often something was refused.
    pub refused: u32,
    open: usize,
}

/// A server's count, which goes on while it is looked at.
#[derive(Debug, Clone)]
pub struct Allowance(Arc<Mutex<Counted>>);

impl Allowance {
    /// Makes a server count from now on, and refuse. `now` tells the seconds since some midnight.
    #[must_use]
    pub fn of(server: &Fake, allowed: Allowed, now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        let this = Self(Arc::default());
        let now = Arc::new(now);
        server.manners(|manners| {
            let (counted, time) = (this.clone(), Arc::clone(&now));
            manners.on_fetch = Box::new(move |message| {
                let mut counted = counted.lock();
                let given = counted.given.entry(time().div_euclid(DAY)).or_default();
                *given += message.body.len() as u64;
                if allowed.gives_a_day.is_some_and(|most| *given > most) {
                    counted.refused += 1;
                    return Give::Bye(OVER_QUOTA);
                }
                Give::Whole
            });
            let (counted, time) = (this.clone(), Arc::clone(&now));
            manners.on_append = Box::new(move |message| {
                let mut counted = counted.lock();
                let (day, hour) = (time().div_euclid(DAY), time().div_euclid(HOUR));
                let bytes = message.body.len() as u64;
                let taken = counted.taken.get(&day).copied().unwrap_or_default() + bytes;
                let messages = counted.messages.get(&hour).copied().unwrap_or_default() + 1;
                if allowed.takes_a_day.is_some_and(|most| taken > most) {
                    counted.refused += 1;
                    return Take::Say(format!("NO {OVER_QUOTA}"));
                }
                if allowed.messages_an_hour.is_some_and(|most| messages > most) {
                    counted.refused += 1;
                    return Take::Say(THROTTLED.to_owned());
                }
                counted.taken.insert(day, taken);
                counted.messages.insert(hour, messages);
                Take::Store
            });
            let counted = this.clone();
            manners.on_command = Box::new(move |line| {
                let mut counted = counted.lock();
                match line {
                    "LOGIN" if allowed.connections.is_some_and(|most| counted.open >= most) => {
                        counted.refused += 1;
                        return Verdict::Say(CROWDED.to_owned());
                    }
                    "LOGIN" => counted.open += 1,
                    "LOGOUT" => counted.open = counted.open.saturating_sub(1),
                    _ => {}
                }
                counted.most_open = counted.most_open.max(counted.open);
                Verdict::Go
            });
        });
        this
    }

    /// Returns what was counted so far.
    #[must_use]
    pub fn counted(&self) -> Counted {
        self.lock().clone()
    }

    /// Forgets connections that are open, as a server does whose client is gone.
    pub fn hang_up(&self) {
        self.lock().open = 0;
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
