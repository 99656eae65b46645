//! The brake: after log-ins refused in a row at a host, no more are begun there in this task.
//!
//! Hosts count refused log-ins by the address they come from, whoever they are for: fail2ban bans after five
//! as a rule, and then every other mailbox is shut out as well. So a wrong column in the list ends after
//! three, and those under way at the same moment count: no more are begun than may still be refused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mailhaul_text::plural;
use tokio::sync::Notify;

/// Refused log-ins in a row after which a host is left alone that has taken one in this task: a few wrong
/// rows of a long list are no wrong column.
const MOST_AFTER_A_SUCCESS: u32 = 10;

/// Refused log-ins at every host of a task.
#[derive(Debug)]
pub(crate) struct Brake {
    /// Most in a row at a host that has taken none; 0 for any number, there and after a success.
    most: u32,
    hosts: Mutex<HashMap<String, LogIns>>,
    /// A log-in has ended, at whichever host.
    ended: Notify,
}

#[derive(Debug, Default)]
struct LogIns {
    refused_in_a_row: u32,
    under_way: u32,
    has_taken_one: bool,
    /// What the host said to the last one that it refused.
    words: String,
}

impl LogIns {
    fn most(&self, most: u32) -> u32 {
        match most {
            0 => u32::MAX,
            most if self.has_taken_one => most.max(MOST_AFTER_A_SUCCESS),
            most => most,
        }
    }
}

/// Why no log-in is begun at a host any more; displays as one sentence with the host's last words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}; the last answer was: {words}", self.sentence())]
pub(crate) struct Braked {
    /// The host as `host:port`.
    pub host: String,
    /// How many were refused there in a row.
    pub refused: u32,
    /// What it said to the last of them.
    pub words: String,
}

impl Braked {
    /// What happened, without the host's words.
    #[must_use]
    pub(crate) fn sentence(&self) -> String {
        let were = if self.refused == 1 { "was" } else { "in a row were" };
        let log_ins = plural(u64::from(self.refused), "log-in");
        format!("{log_ins} {were} refused at {}, so no more were tried", self.host)
    }
}

impl Brake {
    /// Nothing was refused yet. At most `most` are in a row at a host that takes none; 0 for any number.
    #[must_use]
    pub(crate) fn new(most: u32) -> Self {
        Self { most, hosts: Mutex::default(), ended: Notify::new() }
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<String, LogIns>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until one log-in at each of these hosts may be begun, all at once so that nobody holds what
    /// another waits for. The hosts are different ones.
    ///
    /// # Errors
    /// The place of a host where none may be begun any more, and why.
    pub(crate) async fn turns<const N: usize>(
        self: &Arc<Self>,
        hosts: [String; N],
    ) -> Result<[Turn; N], (usize, Braked)> {
        loop {
            let mut ended = std::pin::pin!(self.ended.notified());
            // Whatever ends from here on is heard.
            ended.as_mut().enable();
            if self.take(&hosts)? {
                return Ok(hosts.map(|host| Turn { brake: Arc::clone(self), host }));
            }
            ended.await;
        }
    }

    /// Takes a turn at each host, or none where one of them has none to give now.
    fn take(&self, hosts: &[String]) -> Result<bool, (usize, Braked)> {
        let mut all = self.hosts();
        let mut free = true;
        for (at, host) in hosts.iter().enumerate() {
            let log_ins = all.entry(host.clone()).or_default();
            let left = log_ins.most(self.most).saturating_sub(log_ins.refused_in_a_row);
            if left == 0 {
                let (refused, words) = (log_ins.refused_in_a_row, log_ins.words.clone());
                return Err((at, Braked { host: host.clone(), refused, words }));
            }
            free &= log_ins.under_way < left;
        }
        for host in hosts.iter().filter(|_| free) {
            if let Some(log_ins) = all.get_mut(host) {
                log_ins.under_way += 1;
            }
        }
        Ok(free)
    }
}

/// Leave to begin one log-in at a host. Dropped without a word it ended before the host had judged it, and
/// counts as nothing.
#[derive(Debug)]
pub(crate) struct Turn {
    brake: Arc<Brake>,
    host: String,
}

impl Turn {
    /// The host took the log-in.
    pub(crate) fn taken(self) {
        if let Some(log_ins) = self.brake.hosts().get_mut(&self.host) {
            log_ins.has_taken_one = true;
            log_ins.refused_in_a_row = 0;
        }
    }

    /// The host refused the log-in, in these words.
    pub(crate) fn refused(self, words: String) {
        if let Some(log_ins) = self.brake.hosts().get_mut(&self.host) {
            log_ins.refused_in_a_row = log_ins.refused_in_a_row.saturating_add(1);
            log_ins.words = words;
            tracing::info!(host = self.host, in_a_row = log_ins.refused_in_a_row, "a log-in was refused");
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(log_ins) = self.brake.hosts().get_mut(&self.host) {
            log_ins.under_way = log_ins.under_way.saturating_sub(1);
        }
        self.brake.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn brake(most: u32) -> Arc<Brake> {
        Arc::new(Brake::new(most))
    }

    /// A turn that nobody has to wait for; `None` where one would wait, or the brake is on.
    fn now(brake: &Arc<Brake>, host: &str) -> Option<Turn> {
        let [turn] = brake.turns([host.to_owned()]).now_or_never()?.ok()?;
        Some(turn)
    }

    fn refuse(brake: &Arc<Brake>, host: &str) {
        now(brake, host).expect("a turn").refused("no".to_owned());
    }

    fn braked(brake: &Arc<Brake>, host: &str) -> Option<Braked> {
        let turns = brake.turns([host.to_owned()]).now_or_never()?;
        turns.err().map(|(_, braked)| braked)
    }

    #[test]
    fn so_many_in_a_row_are_refused_and_no_more() {
        // The setting, what the host made of each log-in (`+` taken, `-` refused, `.` never judged), and
        // whether it is left alone then.
        for (most, log_ins, on) in [
            (3, "--", false),
            (3, "---", true),
            (3, "-.-.", false),
            (3, "--+--", false),
            (3, "+---------", false),
            (3, "+----------", true),
            (3, "+-----+-----", false),
            (1, "-", true),
            (20, "+----------", false),
            (0, "------------------------------", false),
        ] {
            let brake = brake(most);
            for what in log_ins.chars() {
                let turn = now(&brake, "a").unwrap_or_else(|| panic!("{most} {log_ins}: too early"));
                match what {
                    '+' => turn.taken(),
                    '-' => turn.refused("no".to_owned()),
                    _ => drop(turn),
                }
            }
            assert_eq!(braked(&brake, "a").is_some(), on, "{most} {log_ins}");
            assert!(now(&brake, "b").is_some(), "another host has its own");
        }
    }

    #[test]
    fn those_under_way_count_as_if_they_were_refused() {
        let brake = brake(3);
        refuse(&brake, "a");
        let (second, third) = (now(&brake, "a").unwrap(), now(&brake, "a"));
        assert!(third.is_some() && now(&brake, "a").is_none() && braked(&brake, "a").is_none());
        second.taken();
        assert!(now(&brake, "a").is_some(), "the host takes log-ins");
        let none = brake.hosts().values().all(|log_ins| log_ins.under_way <= 1);
        assert!(none, "what is dropped is given back");
    }

    #[tokio::test]
    async fn who_waits_is_told_when_it_is_over() {
        let brake = brake(1);
        let first = now(&brake, "a").unwrap();
        let later = tokio::spawn({
            let brake = Arc::clone(&brake);
            async move { brake.turns(["b".to_owned(), "a".to_owned()]).await.map(|_| ()) }
        });
        tokio::task::yield_now().await;
        assert!(now(&brake, "b").is_some(), "nothing is held while another is waited for");
        first.refused("[AUTHENTICATIONFAILED] no".to_owned());
        let (at, braked) = later.await.unwrap().unwrap_err();
        assert_eq!(at, 1);
        assert_eq!(
            braked.to_string(),
            "1 log-in was refused at a, so no more were tried; the last answer was: [AUTHENTICATIONFAILED] no"
        );
        let three = Braked { refused: 3, ..braked };
        assert_eq!(three.sentence(), "3 log-ins in a row were refused at a, so no more were tried");
    }
}
