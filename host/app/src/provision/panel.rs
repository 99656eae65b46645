//! The new host's panel, asked through a plugin: patiently where it asks for patience, and no more once it
//! fails for all alike.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mailhaul_engine::plugin::{
    Creation, ExistingPage, MailboxProvisioner, NewMailbox, PasswordPolicy, PluginError, PluginFailure,
};
use mailhaul_plugin_host::{ASK_AGAIN, ASK_AGAIN_AFTER};
use tokio::time::sleep;

use super::telling::Telling;
use crate::listing::{MAX_PAGES, PAGE, broke, endless, remarks};
use crate::{Failure, Warn};

/// After so many failures alike in a row the panel is left alone: what fails for five fails for all.
const ALIKE: u32 = 5;

/// A panel, with what it has failed with so far.
pub(crate) struct Panel<'a> {
    plugin: &'a Arc<dyn MailboxProvisioner>,
    telling: &'a Telling,
    /// What the newest failures in a row have in common, and how many there are.
    alike: Option<(String, u32)>,
}

/// Why a mailbox was not created, or its quota not set.
pub(crate) enum Refusal {
    /// What the panel, or the plugin, said.
    Error(PluginError),
    /// The panel was not asked: it failed in these words for others before.
    NotAsked(String),
    /// The user has stopped the command.
    Stopped,
}

/// What the panel says that it has.
#[derive(Debug, Default)]
pub(crate) struct There {
    /// Log-ins in lower case, with quotas in bytes where it tells them.
    pub mailboxes: BTreeMap<String, Option<u64>>,
    /// What it asks of passwords.
    pub policy: Option<PasswordPolicy>,
}

impl There {
    /// Whether it has a log-in, whose case does not matter: a second mailbox is worse than a missed one.
    pub(crate) fn has(&self, login: &str) -> bool {
        self.mailboxes.contains_key(&login.to_lowercase())
    }

    /// The quota of a log-in, where it tells one.
    pub(crate) fn quota(&self, login: &str) -> Option<u64> {
        self.mailboxes.get(&login.to_lowercase()).copied().flatten()
    }
}

/// Returns the domains of these log-ins, each once and sorted; none of those that have none.
pub fn domains<'a>(logins: impl Iterator<Item = &'a String>) -> Vec<String> {
    let domains: BTreeSet<_> =
        logins.filter_map(|login| login.rsplit_once('@')).map(|(_, domain)| domain).collect();
    domains.into_iter().map(str::to_owned).collect()
}

impl<'a> Panel<'a> {
    pub(crate) fn new(plugin: &'a Arc<dyn MailboxProvisioner>, telling: &'a Telling) -> Self {
        Self { plugin, telling, alike: None }
    }

    /// The plugin's id, as `plugin grant` takes it.
    pub(crate) fn id(&self) -> &str {
        &self.plugin.plugin().id
    }

    pub(crate) fn may_set_quota(&self) -> bool {
        self.plugin.may_set_quota()
    }

    /// Returns which of the `wanted` log-ins the panel has; `None` when the user stopped it.
    ///
    /// # Errors
    /// A plugin that broke, remarks that it calls errors.
    pub(crate) async fn list(&self, wanted: &[String], warn: Warn<'_>) -> Result<Option<There>, Failure> {
        let domains = domains(wanted.iter());
        let known: BTreeSet<_> = wanted.iter().map(|login| login.to_lowercase()).collect();
        let mut there = There::default();
        let mut token: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let ask = || self.plugin.list_mailboxes(token.as_deref(), PAGE, &domains);
            let ExistingPage { mailboxes, next, diagnostics, password_policy } =
                match self.patiently("", ask).await {
                    Ok(page) => page,
                    Err(Refusal::Stopped) => return Ok(None),
                    Err(Refusal::Error(error)) => return Err(broke(error)),
                    Err(Refusal::NotAsked(why)) => return Err(Failure::fault(&why)),
                };
            remarks(&diagnostics, warn)?;
            let found = mailboxes.into_iter().map(|mailbox| (mailbox.login.to_lowercase(), mailbox.quota));
            there.mailboxes.extend(found.filter(|(login, _)| known.contains(login)));
            there.policy = there.policy.or(password_policy);
            match next {
                None => return Ok(Some(there)),
                next => token = next,
            }
        }
        Err(broke(endless(self.plugin.plugin(), "list-mailboxes")))
    }

    /// Creates a mailbox, of which `key` is told where it has to wait.
    pub(crate) async fn create(&mut self, key: &str, mailbox: &NewMailbox) -> Result<Creation, Refusal> {
        self.may_be_asked()?;
        tracing::info!(mailbox = mailbox.login, plugin = %self.plugin.plugin(), "creating");
        let made = self.patiently(key, || self.plugin.create_mailbox(mailbox)).await;
        self.judged(&mailbox.login, made)
    }

    /// Sets a quota in bytes.
    pub(crate) async fn set_quota(&mut self, key: &str, login: &str, quota: u64) -> Result<(), Refusal> {
        self.may_be_asked()?;
        tracing::info!(mailbox = login, plugin = %self.plugin.plugin(), quota, "setting the quota");
        let set = self.patiently(key, || self.plugin.set_quota(login, quota)).await;
        self.judged(login, set)
    }

    fn may_be_asked(&self) -> Result<(), Refusal> {
        match &self.alike {
            Some((why, ALIKE..)) => Err(Refusal::NotAsked(format!(
                "not asked for: the panel failed {ALIKE} times in a row in these words: {why}"
            ))),
            _ => Ok(()),
        }
    }

    /// Keeps in mind whether the panel fails for all alike.
    fn judged<T>(&mut self, login: &str, answer: Result<T, Refusal>) -> Result<T, Refusal> {
        match &answer {
            Ok(_) => self.alike = None,
            // A missing grant is the operator's, and said with every mailbox's own words.
            Err(Refusal::Error(error)) if !is_ours(error) => {
                let words = error.to_string().replace(login, "…");
                self.alike = Some(match self.alike.take() {
                    Some((known, n)) if known == words => (known, n + 1),
                    _ => (words, 1),
                });
            }
            Err(_) => {}
        }
        answer
    }

    /// Asks until there is an answer: [`ASK_AGAIN`] times in all, while the panel asks to be asked again,
    /// each after the wait it names or [`ASK_AGAIN_AFTER`], whichever is shorter. What is under way when the
    /// user stops the command is given a moment to end.
    async fn patiently<T, F>(&self, key: &str, ask: impl Fn() -> F) -> Result<T, Refusal>
    where
        F: Future<Output = Result<T, PluginError>>,
    {
        let mut asked = 1;
        loop {
            if self.telling.is_stopped() {
                return Err(Refusal::Stopped);
            }
            let answer = tokio::select! {
                answer = ask() => answer,
                () = self.telling.out_of_grace() => return Err(Refusal::Stopped),
            };
            match answer {
                Err(PluginError { failure: PluginFailure::RetryAfter(wait, why), .. })
                    if asked < ASK_AGAIN =>
                {
                    let wait = Duration::from_millis(wait.into()).min(ASK_AGAIN_AFTER);
                    let most = ASK_AGAIN_AFTER.as_secs();
                    let reason = format!(
                        "the panel asks to wait: {why} (it is asked {ASK_AGAIN} times, at most {most} seconds apart)"
                    );
                    self.telling.waiting(key, wait, reason, asked).await;
                    tokio::select! {
                        () = sleep(wait) => {}
                        () = self.telling.stopped() => return Err(Refusal::Stopped),
                    }
                    self.telling.resumed(key).await;
                    asked += 1;
                }
                answer => return answer.map_err(Refusal::Error),
            }
        }
    }
}

/// Whether the plugin was not even asked, or cannot do this: no word of the panel's.
pub(crate) fn is_ours(error: &PluginError) -> bool {
    matches!(error.failure, PluginFailure::Denied(_) | PluginFailure::Unsupported(_))
}
