//! Torture: runs of the real binary that are killed and cut at random places, over and over, each followed by
//! one more run that has to put everything right.
//!
//! Several lanes work side by side, each with a mailbox of its own. The source is never changed; the target
//! and the project's state are wiped after each completed run, so that every kill and cut hits a run in
//! progress.

mod double;
mod lane;

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::corpus::Rng;

pub use lane::{Endpoint, Lane};

/// How much is to be done, and for how long.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many SIGKILLs have to hit a run in progress.
    pub kills: u64,
    /// How many connections are to be broken.
    pub cuts: u64,
    /// Decides every place; printed with each failure.
    pub seed: u64,
    /// The time after which no round starts.
    pub limit: Duration,
    /// How often the state is told on stderr; `None` for never.
    pub tell_every: Option<Duration>,
}

/// What was done and what came of it.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// SIGKILLs that hit a run in progress.
    pub kills: u64,
    /// Of these, before the target held any message.
    pub kills_before: u64,
    /// Of these, with some but not all messages on the target.
    pub kills_between: u64,
    /// Of these, with all of them there already.
    pub kills_after: u64,
    /// Connections that were broken.
    pub cuts: u64,
    /// Runs in which connections were broken.
    pub cut_runs: u64,
    /// Of these, which ended well without another run.
    pub cut_runs_recovered: u64,
    /// Of all these, put right by a run with another mapping.
    pub remapped: u64,
    /// And by `undo`, which left nothing, and a run after it.
    pub undone: u64,
    /// And by one whose source left a message out of its list.
    pub short_lists: u64,
    /// And by one whose target showed what it had acknowledged some time later.
    pub shown_late: u64,
    /// And then run once more because the target was put back from a backup.
    pub put_back: u64,
    /// And by one in the middle of which one end or both were down for some seconds.
    pub outages: u64,
    /// Of these, which ended well without another run.
    pub outages_recovered: u64,
    /// And by one whose source broke at a message, and a run after it.
    pub breaking: u64,
    /// Targets compared with the source, message by message.
    pub compared: u64,
    /// Messages compared in all of them.
    pub messages: u64,
    /// A sentence for each thing that was not right, with the seed of its round.
    pub failures: Vec<String>,
    /// The time from start to end.
    pub took: Duration,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, name: &str, value: u64| writeln!(f, "{name:>36} {value:>9}");
        row(f, "SIGKILLs of a run in progress", self.kills)?;
        row(f, "before the first message was there", self.kills_before)?;
        row(f, "with part of the mail there", self.kills_between)?;
        row(f, "with all mail there", self.kills_after)?;
        row(f, "connections broken", self.cuts)?;
        row(f, "in so many runs", self.cut_runs)?;
        row(f, "of which ended well by themselves", self.cut_runs_recovered)?;
        row(f, "put right with another mapping", self.remapped)?;
        row(f, "by undo and all of it anew", self.undone)?;
        row(f, "from a list that lacked a message", self.short_lists)?;
        row(f, "with copies that showed late", self.shown_late)?;
        row(f, "with the target put back after it", self.put_back)?;
        row(f, "with ends that were down for seconds", self.outages)?;
        row(f, "of which ended well by themselves", self.outages_recovered)?;
        row(f, "from a source that broke at one", self.breaking)?;
        row(f, "targets compared with the source", self.compared)?;
        row(f, "messages compared", self.messages)?;
        row(f, "failures", self.failures.len() as u64)?;
        write!(f, "{:>36} {:>7.0} s", "took", self.took.as_secs_f32())
    }
}

/// What is left to do and what was done, shared by all lanes.
struct Progress {
    options: Options,
    started: Instant,
    round: AtomicU64,
    /// Still to be done; taken before the deed and given back when it missed.
    kills: AtomicU64,
    cuts: AtomicU64,
    halt: AtomicBool,
    figures: Mutex<Figures>,
}

impl Progress {
    fn over(&self) -> bool {
        self.halt.load(Ordering::Relaxed) || self.started.elapsed() >= self.options.limit
    }

    fn note(&self, change: impl FnOnce(&mut Figures)) {
        change(&mut self.figures.lock().expect("the figures"));
    }
}

/// Takes up to `wanted` from what is left to do; returns how much that is.
fn take(left: &AtomicU64, wanted: u64) -> u64 {
    let mut taken = 0;
    let update = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
        taken = now.min(wanted);
        Some(now - taken)
    });
    update.map_or(0, |_| taken)
}

/// Tortures over all lanes at once until everything is done, the time is up or too much went wrong.
///
/// # Panics
/// When the laboratory itself fails.
#[must_use]
pub fn torture(lanes: Vec<Lane>, options: &Options) -> Figures {
    let progress = Progress {
        options: options.clone(),
        started: Instant::now(),
        round: AtomicU64::new(0),
        kills: AtomicU64::new(options.kills),
        cuts: AtomicU64::new(options.cuts),
        halt: AtomicBool::new(false),
        figures: Mutex::default(),
    };
    eprintln!("torture: seed {}, {} lanes", options.seed, lanes.len());
    thread::scope(|scope| {
        let workers: Vec<_> = lanes.into_iter().map(|lane| scope.spawn(|| work(lane, &progress))).collect();
        let mut told = Instant::now();
        while !workers.iter().all(thread::ScopedJoinHandle::is_finished) {
            thread::sleep(Duration::from_millis(50));
            if options.tell_every.is_some_and(|every| told.elapsed() >= every) {
                told = Instant::now();
                let now = progress.figures.lock().expect("the figures").clone();
                eprintln!(
                    "torture: {:>5.0} s  {} kills, {} cuts, {} compared, {} failures",
                    progress.started.elapsed().as_secs_f32(),
                    now.kills,
                    now.cuts,
                    now.compared,
                    now.failures.len()
                );
            }
        }
    });
    let mut figures = progress.figures.into_inner().expect("the figures");
    figures.took = progress.started.elapsed();
    figures
}

/// How many connections break in one run.
const CUTS_AT_ONCE: usize = 8;
/// With so many failures there is nothing more to learn.
const ENOUGH: usize = 20;

fn work(mut lane: Lane, progress: &Progress) {
    if let Err(why) = lane.prepare() {
        progress.note(|f| f.failures.push(format!("{}: an undisturbed run: {why}", lane.name)));
        progress.halt.store(true, Ordering::Relaxed);
        return;
    }
    while !progress.over() {
        let round = progress.round.fetch_add(1, Ordering::Relaxed);
        let seed = progress.options.seed.wrapping_mul(1_000_003).wrapping_add(round);
        let mut rng = Rng::new(seed);
        // Both kinds in turn while there is some of both to do.
        let cuts_first = round % 4 == 3;
        let result = if !cuts_first && take(&progress.kills, 1) == 1 {
            lane.kill(&mut rng, progress)
        } else {
            match take(&progress.cuts, 1 + rng.below(CUTS_AT_ONCE) as u64) {
                0 if take(&progress.kills, 1) == 1 => lane.kill(&mut rng, progress),
                0 => break,
                cuts => lane.cut(cuts, &mut rng, progress),
            }
        };
        if let Err(why) = result {
            let kept = lane.keep_evidence(seed);
            let text = format!("{}, round {round} (seed {seed}): {why}\n  kept in {kept}", lane.name);
            eprintln!("torture: FAILURE: {text}");
            progress.note(|f| {
                f.failures.push(text);
                if f.failures.len() >= ENOUGH {
                    progress.halt.store(true, Ordering::Relaxed);
                }
            });
        }
        if let Err(why) = lane.wipe() {
            progress.note(|f| f.failures.push(format!("{}: the laboratory: {why}", lane.name)));
            return;
        }
    }
}

impl Progress {
    fn missed_kill(&self) {
        self.kills.fetch_add(1, Ordering::Relaxed);
    }

    fn missed_cuts(&self, count: u64) {
        self.cuts.fetch_add(count, Ordering::Relaxed);
    }
}
