//! What a front end is told while mailboxes are created, and what it asks: the engine's own events, so that
//! every front end shows them as it shows a task's.

use std::time::Duration;

use mailhaul_engine::event::{Event, MailboxEnd, WaitFor};
use mailhaul_engine::summary::Side;
use tokio::sync::{mpsc, watch};

/// What is under way when the user stops the command may take so long: less than the five seconds after which
/// a front end ends the process.
const GRACE: Duration = Duration::from_secs(4);

/// The way to a front end.
#[derive(Debug, Clone)]
pub(crate) struct Telling {
    events: mpsc::Sender<Event>,
    stop: watch::Receiver<bool>,
}

impl Telling {
    pub(crate) fn new(events: mpsc::Sender<Event>, stop: watch::Receiver<bool>) -> Self {
        Self { events, stop }
    }

    async fn emit(&self, event: Event) {
        // Nobody listens: the work goes on, and its result is still waited for.
        self.events.send(event).await.ok();
    }

    pub(crate) async fn started(&self, mailboxes: usize) {
        self.emit(Event::Started { mailboxes: mailboxes as u64 }).await;
    }

    pub(crate) async fn warning(&self, message: String) {
        tracing::warn!("{message}");
        self.emit(Event::Warning { mailbox: None, message }).await;
    }

    pub(crate) async fn began(&self, mailbox: &str) {
        self.emit(Event::MailboxStarted { mailbox: mailbox.to_owned() }).await;
    }

    pub(crate) async fn ended(&self, mailbox: &str, end: MailboxEnd) {
        self.emit(Event::MailboxFinished { mailbox: mailbox.to_owned(), end, summary: None }).await;
    }

    pub(crate) async fn waiting(&self, mailbox: &str, wait: Duration, reason: String, attempt: u32) {
        let now = jiff::Timestamp::now();
        let until = now.checked_add(wait).unwrap_or(now).round(jiff::Unit::Second).unwrap_or(now).to_string();
        tracing::info!(mailbox, %until, attempt, "waiting: {reason}");
        let mailbox = if mailbox.is_empty() { "the list of mailboxes" } else { mailbox }.to_owned();
        let (side, why) = (Side::Target, WaitFor::Server);
        self.emit(Event::Waiting { mailbox, side, why, until, reason, attempt }).await;
    }

    pub(crate) async fn resumed(&self, mailbox: &str) {
        self.emit(Event::Resumed { mailbox: mailbox.to_owned() }).await;
    }

    /// Whether the user has stopped the command.
    pub(crate) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits until the user stops the command, for ever where nobody can.
    pub(crate) async fn stopped(&self) {
        if self.stop.clone().wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending().await
        }
    }

    /// Waits until the user has stopped the command and [`GRACE`] is over.
    pub(crate) async fn out_of_grace(&self) {
        self.stopped().await;
        tokio::time::sleep(GRACE).await;
    }
}
