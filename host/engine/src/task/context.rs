//! What every part of a task shares: the job, the plugins, the way to tell and the way to stop.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};

use crate::assessment::forecast::Circumstances;
use crate::event::{Event, WARNING_TARGET};
use crate::job::Job;
use crate::plugin::Plugins;
use crate::state::ledger::LedgerError;
use crate::state::record::{Record, RunId};
use crate::state::standing::measured;
use crate::task::accounts::Accounts;
use crate::task::brake::Brake;
use crate::task::breaks::Breaks;
use crate::task::budget::Budgets;
use crate::task::ceilings::Ceilings;
use crate::task::hosted::Hosted;
use crate::task::keeps::Keeps;
use crate::task::outages::Outages;
use crate::task::pace::Pace;
use crate::task::profiles::Profiles;
use crate::task::refusals::Refusals;
use crate::task::rules_met::RulesMet;
use crate::task::slots::Slots;
use crate::task::stop::StopSignal;

/// The unit in which memory is counted: a permit stands for this many bytes.
const MEMORY_UNIT: u64 = 1024;

/// Everything that the mailboxes of a task share; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub job: Arc<Job>,
    pub plugins: Plugins,
    pub ceilings: Arc<Ceilings>,
    pub profiles: Arc<Profiles>,
    pub brake: Arc<Brake>,
    pub outages: Arc<Outages>,
    /// Which mailboxes the new host has, by what creates them there.
    pub hosted: Arc<Hosted>,
    pub keeps: Arc<Keeps>,
    /// Raised when the user asks to stop.
    pub stop: StopSignal,
    pub done: Arc<TransferTotals>,
    pub breaks: Arc<Breaks>,
    pub refusals: Arc<Refusals>,
    /// The `[[folders]]` rules that some folder was found for.
    pub rules_met: Arc<RulesMet>,
    /// Target accounts that were signed in to.
    pub accounts: Arc<Accounts>,
    /// What is spent of every budget.
    pub budgets: Arc<Budgets>,
    /// The cap on bytes a second, where there is one.
    pub pace: Option<Arc<Pace>>,
    /// The places of mailboxes that are worked on.
    pub slots: Arc<Slots>,
    memory: Arc<Semaphore>,
    /// Hashes of the warnings that were told, with their mailboxes.
    said: Arc<Mutex<HashSet<u64>>>,
    events: mpsc::Sender<Event>,
    recording: Arc<OnceLock<Arc<Recording>>>,
    circumstances: Arc<OnceLock<Circumstances>>,
}

/// The project's record, with the run that goes on.
#[derive(Debug)]
pub(crate) struct Recording {
    /// `None` once the run has ended: whoever hears of that finds no file open.
    record: Mutex<Option<Box<dyn Record>>>,
    pub run: RunId,
}

impl Recording {
    #[must_use]
    pub(crate) fn new(record: Box<dyn Record>, run: RunId) -> Self {
        Self { record: Mutex::new(Some(record)), run }
    }

    /// Does something with the record, and the run's number; nothing once it is closed.
    ///
    /// # Errors
    /// What `f` fails with.
    pub(crate) fn with(
        &self,
        f: impl FnOnce(&mut dyn Record, RunId) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.as_mut().map_or(Ok(()), |record| f(&mut **record, self.run))
    }

    pub(crate) fn close(&self) {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Messages and bytes done over all mailboxes.
#[derive(Debug, Default)]
pub(crate) struct TransferTotals {
    /// Compared, or taken back.
    messages: AtomicU64,
    bytes: AtomicU64,
    flags: AtomicU64,
    /// Copied, of each mailbox, as its ledger has it.
    copied: Mutex<HashMap<String, (u64, u64)>>,
}

impl TransferTotals {
    pub(crate) fn add(&self, messages: u64, bytes: u64) {
        self.messages.fetch_add(messages, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Takes note of what the ledger of a mailbox says that this task has copied.
    pub(crate) fn set_copied(&self, mailbox: &str, messages: u64, bytes: u64) {
        let mut copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
        match copied.get_mut(mailbox) {
            Some(known) => *known = (messages, bytes),
            None => drop(copied.insert(mailbox.to_owned(), (messages, bytes))),
        }
    }

    /// Adds messages whose flags were changed on their copies.
    pub(crate) fn add_flags(&self, messages: u64) {
        self.flags.fetch_add(messages, Ordering::Relaxed);
    }

    /// Messages whose flags were changed on their copies.
    #[must_use]
    pub(crate) fn flags(&self) -> u64 {
        self.flags.load(Ordering::Relaxed)
    }

    /// Messages and bytes.
    #[must_use]
    pub(crate) fn get(&self) -> (u64, u64) {
        let copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
        let done = (self.messages.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        copied.values().fold(done, |(messages, bytes), (m, b)| (messages + m, bytes + b))
    }
}

impl Context {
    #[must_use]
    pub(crate) fn new(
        job: Arc<Job>,
        plugins: Plugins,
        stop: StopSignal,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let hosted = Arc::new(Hosted::new(plugins.provisioner.clone()));
        let ceilings = Arc::new(Ceilings::new(job.limits.connections_per_host, Arc::clone(&job.clock)));
        let limits = &job.limits;
        let brake = Arc::new(Brake::new(limits.refused_log_ins));
        let meant = limits.connections_are_meant.then_some(limits.connections_per_host);
        let (source, target) = (plugins.source_profiles.clone(), plugins.target_profiles.clone());
        let profiles = Arc::new(Profiles::new(source, target, meant));
        let permits = usize::try_from(job.limits.memory / MEMORY_UNIT).unwrap_or(usize::MAX);
        let memory = Arc::new(Semaphore::new(permits.clamp(4 * 1024, Semaphore::MAX_PERMITS)));
        let pace = limits.bandwidth.map(|a_second| Arc::new(Pace::new(a_second)));
        let slots = Arc::new(Slots::new(limits.mailboxes_at_once));
        Self {
            job,
            plugins,
            ceilings,
            profiles,
            brake,
            outages: Arc::default(),
            hosted,
            keeps: Arc::default(),
            stop,
            done: Arc::default(),
            breaks: Arc::default(),
            refusals: Arc::default(),
            accounts: Arc::default(),
            rules_met: Arc::default(),
            budgets: Arc::default(),
            pace,
            slots,
            memory,
            said: Arc::default(),
            events,
            recording: Arc::default(),
            circumstances: Arc::default(),
        }
    }

    /// What an estimate needs beside a mailbox: the limits, and how fast this project has copied before this
    /// task. A record that cannot be read says nothing of that.
    pub(crate) fn circumstances(&self) -> &Circumstances {
        self.circumstances.get_or_init(|| {
            let measured = measured(&self.job.state_dir);
            if let Err(error) = &measured {
                tracing::debug!(%error, "how fast earlier runs were is not known");
            }
            self.job.limits.circumstances(measured.ok().flatten(), None)
        })
    }

    /// The same, for work of which so much is done at a time.
    #[must_use]
    pub(crate) fn with_slots(&self, at_once: usize) -> Self {
        Self { slots: Arc::new(Slots::new(at_once)), ..self.clone() }
    }

    /// Adds to what a mailbox has waited for, as the report tells it.
    pub(crate) fn add_wait(&self, mailbox: &str, what: &str, waited: Duration) {
        let Some(recording) = self.recording.get() else { return };
        let seconds = waited.as_secs_f64();
        if let Err(error) = recording.with(|record, run| record.add_wait(run, mailbox, what, seconds)) {
            tracing::warn!(mailbox, %error, "a wait could not be stored");
        }
    }

    /// From now on waits are recorded as well, for whoever looks at the project from outside.
    pub(crate) fn set_recording(&self, recording: &Arc<Recording>) {
        // A task has one run.
        self.recording.set(Arc::clone(recording)).ok();
    }

    /// The project's record with the run that goes on; `None` where nothing is recorded.
    pub(crate) fn recording(&self) -> Option<&Recording> {
        self.recording.get().map(|recording| &**recording)
    }

    fn record_wait(&self, mailbox: &str, wait: Option<(&str, &str)>) {
        let Some(recording) = self.recording.get() else { return };
        if let Err(error) = recording.with(|record, run| record.set_waiting(run, mailbox, wait)) {
            tracing::warn!(mailbox, %error, "a wait could not be stored");
        }
    }

    /// Tells the front end. One that went away is no reason to fail here: the conductor notices.
    pub(crate) async fn emit(&self, event: Event) {
        match &event {
            Event::Waiting { mailbox, until, reason, .. } => self.record_wait(mailbox, Some((until, reason))),
            Event::Resumed { mailbox } => self.record_wait(mailbox, None),
            _ => {}
        }
        if self.events.send(event).await.is_err() {
            tracing::debug!("nobody listens to events any more");
        }
    }

    /// Warns about one mailbox: in the log and as an event. Front ends show the event; their own log leaves
    /// the line out where it goes to the same eyes, by [`WARNING_TARGET`]. What was said once in this task is
    /// not said again after each lost connection.
    pub(crate) async fn warn(&self, mailbox: &str, message: String) {
        let mut hash = DefaultHasher::new();
        (mailbox, &message).hash(&mut hash);
        if !self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(hash.finish()) {
            tracing::debug!(mailbox, "once more: {message}");
            return;
        }
        tracing::warn!(target: WARNING_TARGET, mailbox, "{message}");
        self.emit(Event::Warning { mailbox: Some(mailbox.to_owned()), message }).await;
    }

    /// Waits until `bytes` more may be held in memory; given back when the permit is dropped.
    pub(crate) async fn room(&self, bytes: usize) -> Option<tokio::sync::OwnedSemaphorePermit> {
        let units = (bytes as u64).div_ceil(MEMORY_UNIT).max(1);
        Arc::clone(&self.memory).acquire_many_owned(u32::try_from(units).unwrap_or(u32::MAX)).await.ok()
    }
}
