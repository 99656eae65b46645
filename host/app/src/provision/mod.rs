//! Mailboxes on the new host, before the move: created through its panel, or listed to be created by hand.
//!
//! 1. The panel is asked what it has, and what it asks of passwords (`panel`).
//! 2. Passwords are made by that (`password`) and sealed in the project's store, all of them, before the
//!    first mailbox has one (`sealing`); what was made by a run that was broken off is used again.
//! 3. What the source holds, and some more, is the quota of a mailbox that the list gives none (`quota`).
//! 4. Each is created, its quota set, and signed in to; what was said to be created and is not there is
//!    looked for again for a minute (`arrival`).
//!
//! All of it is a run of the project's record (`recording`): one that was broken off is continued by the
//! same command. [`start`] tells a front end what happens by the engine's events, and [`Report`] is what came
//! of it.

mod arrival;
mod by_hand;
mod creating;
mod doors;
mod panel;
pub mod password;
mod password_file;
mod quota;
mod recording;
pub(crate) mod sealing;
mod telling;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use mailhaul_engine::Probe;
use mailhaul_engine::cause::{Actor, Cause};
use mailhaul_engine::event::{Event, Finish, MailboxEnd};
use mailhaul_engine::handle::{Command, Handle};
use mailhaul_engine::job::Job;
use mailhaul_engine::plugin::{MailboxEntry, MailboxProvisioner};
use mailhaul_engine::summary::{Side, Stopped};
use mailhaul_project::Project;
use tokio::sync::{mpsc, oneshot, watch};

pub use panel::domains;
pub use quota::{MARGIN, STEP, for_size};

use crate::plugins::{self, LoadedPlugins};
use crate::{Failure, Running, Warn, listing};
use arrival::PATIENCE;
use creating::Work;
use doors::Doors;
use password_file::Passwords;
use telling::Telling;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only what is missing is said: nothing is created, set, sealed, recorded or signed in to.
    pub dry_run: bool,
    /// A file that gets the passwords that are made as well, and whose passwords are used.
    pub passwords: Option<PathBuf>,
    /// Percent that a quota has on top of the source's mail, where the list gives none; `None` leaves quotas
    /// to the new host.
    pub margin: Option<u32>,
}

/// What became of a mailbox, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// The new host has it, and takes its password where that is known.
    Exists,
    /// It was created, and takes its password.
    Created,
    /// The new host does not have it: a dry run, or one that was stopped before it came so far.
    Missing,
    /// It is to be created by hand: the project names no panel.
    ByHand,
    /// It is missing, and there is nothing that its password would be for.
    NoPassword,
    /// It was there, and its quota is now what the list asks for.
    QuotaSet,
    /// It is there with another quota than the list asks for.
    QuotaDiffers,
    /// It is there, and the password that is known for it is refused.
    PasswordRefused,
    /// The panel says that it is there, and its log-in could not be tried.
    Unverified,
    /// The panel was not asked.
    NotAsked,
    /// It was not created, or is not what was asked for.
    Failed,
}

impl Became {
    /// Returns the word that the contract promises.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exists => "exists",
            Self::Created => "created",
            Self::Missing => "missing",
            Self::ByHand => "by-hand",
            Self::NoPassword => "no-password",
            Self::QuotaSet => "quota-set",
            Self::QuotaDiffers => "quota-differs",
            Self::PasswordRefused => "password-refused",
            Self::Unverified => "unverified",
            Self::NotAsked => "not-asked",
            Self::Failed => "failed",
        }
    }

    /// Every word, in the order of the contract.
    pub const ALL: [Self; 11] = [
        Self::Exists,
        Self::Created,
        Self::Missing,
        Self::ByHand,
        Self::NoPassword,
        Self::QuotaSet,
        Self::QuotaDiffers,
        Self::PasswordRefused,
        Self::Unverified,
        Self::NotAsked,
        Self::Failed,
    ];

    /// Returns whether nothing is left to do about the mailbox.
    #[must_use]
    pub const fn is_well(self) -> bool {
        matches!(self, Self::Exists | Self::Created | Self::QuotaSet)
    }
}

/// What became of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its key, as the project's record names it.
    pub key: String,
    /// Its log-in on the new host.
    pub mailbox: String,
    /// A name for people, as the list has it.
    pub label: Option<String>,
    /// What became of it.
    pub became: Became,
    /// What is to be said about it, a clause each; servers' and plugins' words are in them as they were.
    pub details: Vec<String>,
    /// Why it is not well, where that is one of the causes that other commands know.
    pub cause: Option<Cause>,
    /// Who has to act, where somebody has to.
    pub who: Option<Actor>,
    /// The quota it was asked to have, in bytes; `None` for the new host's own.
    pub quota: Option<u64>,
}

impl Row {
    fn new(entry: &MailboxEntry, became: Became) -> Self {
        Self {
            key: entry.key.clone(),
            mailbox: entry.target.login.clone(),
            label: entry.label.clone(),
            became,
            details: Vec::new(),
            cause: None,
            who: None,
            quota: entry.target.quota,
        }
    }

    fn say(&mut self, detail: impl Into<String>) {
        self.details.push(detail.into());
    }

    /// Ends it with a word that is not well, and who has to act.
    fn fail(&mut self, became: Became, who: Actor, detail: impl Into<String>) {
        (self.became, self.who) = (became, Some(who));
        self.say(detail);
    }

    /// Ends it with why its log-in did not work.
    fn stop(&mut self, became: Became, stopped: &Stopped, detail: impl Into<String>) {
        // The panel has it, so that it is not missing.
        let cause = match (became, stopped.cause) {
            (Became::PasswordRefused, Cause::AuthOrMissing) => Cause::AuthRefused,
            (_, cause) => cause,
        };
        self.fail(became, cause.actor(stopped.side), detail);
        self.cause = Some(cause);
    }

    /// How the record, and whoever follows, has it.
    fn end(&self) -> MailboxEnd {
        match (self.became.is_well(), self.cause) {
            (true, _) => MailboxEnd::Complete,
            (false, Some(cause)) => {
                MailboxEnd::Stopped(Stopped { side: Side::Target, cause, reason: self.details.join("; ") })
            }
            (false, None) => MailboxEnd::NotAllWell,
        }
    }
}

/// What came of all of it.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Id and version of the plugin; `None` where the project names none.
    pub plugin: Option<String>,
    /// Every mailbox, in the order of the list.
    pub rows: Vec<Row>,
    /// Where the key to the store is, when the store has just got one.
    pub made_key: Option<String>,
    /// How many passwords were made.
    pub made: usize,
    /// Whether the user stopped it before its end.
    pub interrupted: bool,
}

/// Begins, on the current tokio runtime. What is returned first tells what happens and ends with an
/// [`Event::Finished`]; the report is ready by then. `job` is what [`job`](fn@crate::job) has made of the
/// same project.
///
/// # Errors
/// Plugins that are missing or do not load; a list that cannot be read; a file for passwords that is none.
pub async fn start(
    project: &Project,
    job: Job,
    options: Options,
    warn: Warn<'_>,
) -> Result<(Running, oneshot::Receiver<Result<Report, Failure>>), Failure> {
    let LoadedPlugins { plugins, cancel } = plugins::load(project, warn).await?;
    let provisioner = match project.plugins.provisioning {
        Some(_) => {
            let given = plugins::given(project, &project.target, plugins::provisioning(project)?).await?;
            Some(given.plugin.provisioner(given.settings)?)
        }
        None => None,
    };
    let entries = once_each(listing::entries(project, &plugins.source, warn).await?, warn);
    // Nothing is made where nothing is created.
    let file = options.passwords.as_ref().filter(|_| !options.dry_run);
    let file = file.map(|path| Passwords::open(path)).transpose()?;
    let (events, receiver) = mpsc::channel(1_024);
    let (commands, mut orders) = mpsc::channel(8);
    let (raise, stop) = watch::channel(false);
    let (result, report) = oneshot::channel();
    let limits = job.limits.clone();
    let probe = Arc::new(Probe::new(Arc::new(job), plugins));
    let work = Work {
        project: project.clone(),
        options,
        entries,
        file,
        doors: Arc::clone(&probe) as Arc<dyn Doors>,
        telling: Telling::new(events.clone(), stop),
        at_once: limits.mailboxes_at_once.max(1),
        refused_log_ins: limits.refused_log_ins,
        patience: PATIENCE,
    };
    tokio::spawn(async move {
        let done = run(work, provisioner);
        let ordered = async {
            while let Some(Command::Stop) = orders.recv().await {
                raise.send_replace(true);
                probe.stop();
            }
            std::future::pending::<()>().await
        };
        let done = tokio::select! {
            done = done => done,
            () = ordered => return,
            // Nobody follows any more: whoever went away cannot be asked.
            () = events.closed() => return,
        };
        let mut finish = Finish::default();
        if let Ok(report) = &done {
            finish.interrupted = report.interrupted;
            finish.mailboxes = report.rows.iter().map(|row| (row.key.clone(), row.end())).collect();
        }
        result.send(done).ok();
        events.send(Event::Finished(finish)).await.ok();
    });
    Ok((Running::of(Handle { commands, events: receiver }, cancel), report))
}

async fn run(work: Work, provisioner: Option<Arc<dyn MailboxProvisioner>>) -> Result<Report, Failure> {
    match provisioner {
        Some(provisioner) => creating::create_all(work, &provisioner).await,
        None => by_hand::list(work).await,
    }
}

/// The mailboxes of the list, each log-in of the new host once: log-ins have no case anywhere we know of.
fn once_each(entries: Vec<MailboxEntry>, warn: Warn<'_>) -> Vec<MailboxEntry> {
    let mut seen = HashSet::new();
    let (first, again): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| seen.insert(entry.target.login.to_lowercase()));
    for entry in again {
        let place = entry.origin.clone().unwrap_or_else(|| format!("mailbox `{}`", entry.key));
        warn(&format!(
            "{place}: target `{}` is there once more above, and is created once",
            entry.target.login
        ));
    }
    first
}
