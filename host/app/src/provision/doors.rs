//! What is asked of mail servers: whether a log-in works, how much mail a mailbox holds.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use mailhaul_engine::Probe;
use mailhaul_engine::plugin::MailboxEntry;
use mailhaul_engine::summary::{Side, Stopped};
use tokio::task::JoinSet;

use super::telling::Telling;

/// Both mail servers, one log-in at a time.
#[async_trait]
pub(crate) trait Doors: Send + Sync {
    /// Whether there is anything to sign in with.
    fn can_sign_in(&self, entry: &MailboxEntry, side: Side) -> bool;
    /// Whether the server of this end has taken a log-in by now.
    fn has_answered(&self, entry: &MailboxEntry, side: Side) -> bool;
    /// Signs in, and out again.
    async fn sign_in(&self, entry: &MailboxEntry, side: Side) -> Result<(), Stopped>;
    /// Bytes of mail at the source; `None` where it does not tell.
    async fn size(&self, entry: &MailboxEntry) -> Result<Option<u64>, Stopped>;
}

#[async_trait]
impl Doors for Probe {
    fn can_sign_in(&self, entry: &MailboxEntry, side: Side) -> bool {
        self.can_sign_in(entry, side)
    }

    fn has_answered(&self, entry: &MailboxEntry, side: Side) -> bool {
        self.has_answered(entry, side)
    }

    async fn sign_in(&self, entry: &MailboxEntry, side: Side) -> Result<(), Stopped> {
        self.sign_in(entry, side).await
    }

    async fn size(&self, entry: &MailboxEntry) -> Result<Option<u64>, Stopped> {
        self.size(entry).await
    }
}

/// What is asked of each of several mailboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether the target takes its password.
    SignIn,
    /// What the source holds.
    Size,
}

/// Several mailboxes that are asked about, each known by its row, a few at a time.
pub(crate) struct Asking<'a> {
    doors: &'a Arc<dyn Doors>,
    telling: &'a Telling,
    at_once: usize,
    question: Question,
    open: VecDeque<(usize, MailboxEntry)>,
    running: JoinSet<(usize, Answer)>,
}

/// Bytes of mail where a size was asked for and is told; why it could not be asked.
pub(crate) type Answer = Result<Option<u64>, Stopped>;

impl<'a> Asking<'a> {
    pub(crate) fn new(
        doors: &'a Arc<dyn Doors>,
        telling: &'a Telling,
        at_once: usize,
        question: Question,
        about: impl Iterator<Item = (usize, MailboxEntry)>,
    ) -> Self {
        Self { doors, telling, at_once, question, open: about.collect(), running: JoinSet::new() }
    }

    /// Waits for the next answer, of whichever mailbox; `None` after the last, and when the user stops the
    /// command.
    pub(crate) async fn next(&mut self) -> Option<(usize, Answer)> {
        loop {
            while self.running.len() < self.at_once && !self.telling.is_stopped() {
                let Some((row, entry)) = self.open.pop_front() else { break };
                if self.question == Question::SignIn {
                    self.telling.began(&entry.key).await;
                }
                let (doors, question) = (Arc::clone(self.doors), self.question);
                self.running.spawn(async move {
                    let answer = match question {
                        Question::SignIn => doors.sign_in(&entry, Side::Target).await.map(|()| None),
                        Question::Size => doors.size(&entry).await,
                    };
                    (row, answer)
                });
            }
            let answered = tokio::select! {
                answered = self.running.join_next() => answered,
                () = self.telling.stopped() => None,
            };
            match answered? {
                Ok(answer) => return Some(answer),
                Err(error) => tracing::error!(%error, "a log-in broke off"),
            }
        }
    }
}
