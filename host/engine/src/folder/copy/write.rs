//! The writer: from the queue into the target's pipelined APPENDs, each after its intent.

use std::time::Duration;

use mailhaul_imap::{Appender, BeginOutcome, Flags, ImapError, KEEP_ALIVE_AFTER};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::folder::copy::flight::{Batches, InFlight, SharedFlight, flight};
use crate::folder::copy::item::{MessageHead, QueueItem};
use crate::folder::work::{SharedLedger, Step, locked};
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::FolderId;

/// The next message may join the command of those before it if it comes this soon. Longer than the pauses of
/// a source at work, short enough that nobody waits for mail that is sent already.
const LINGER: Duration = Duration::from_millis(200);

/// Sends the queue's messages to the target, each after its intent was recorded.
pub(super) struct Writer {
    pub folder: FolderId,
    pub uid_validity: Option<u32>,
    pub ledger: SharedLedger,
    pub flight: SharedFlight,
    pub batches: Batches,
    /// Every keyword they are known to have.
    pub keywords: Flags,
    /// Raised when the target takes nothing more: what is in the queue is not sent.
    pub halted: watch::Receiver<bool>,
    /// From which UID on the target is to list the folder behind the last message.
    pub list_from: Option<u32>,
}

impl Writer {
    /// Sends everything that comes through the queue, and gives the connection's half back.
    pub(super) async fn write(
        self,
        items: mpsc::Receiver<QueueItem>,
        mut appender: Appender,
    ) -> Step<Appender> {
        match self.pump(items, &mut appender).await {
            Ok(()) => {
                let at_target = EndError::at(Side::Target);
                if let Some(uid) = self.list_from {
                    appender.list_from(uid).await.map_err(&at_target)?;
                }
                appender.close().await.map_err(&at_target)?;
                Ok(appender)
            }
            Err(error) => {
                // Half a message must not be stored, and nobody may wait for replies any more.
                flight(&self.flight).abandoned = true;
                appender.abandon().await;
                Err(error)
            }
        }
    }

    async fn pump(&self, mut items: mpsc::Receiver<QueueItem>, appender: &mut Appender) -> Step<()> {
        let at_target = EndError::at(Side::Target);
        // Answered while the source looks for the first message.
        appender.probe_keywords(&self.keywords).await.map_err(&at_target)?;
        // The message whose pieces are arriving, and whether the target takes it.
        let mut current: Option<(MessageHead, bool)> = None;
        loop {
            let item = match items.try_recv() {
                Ok(item) => item,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    let next = self.next(&mut items, appender, current.is_none()).await;
                    let Some(item) = next.map_err(&at_target)? else { break };
                    item
                }
            };
            match item {
                QueueItem::Whole(head, ..) if *self.halted.borrow() => {
                    flight(&self.flight).unsent.push(head.uid)
                }
                QueueItem::Begin(head) if *self.halted.borrow() => {
                    flight(&self.flight).unsent.push(head.uid);
                    current = Some((head, false));
                }
                QueueItem::Whole(head, pieces, _permit) => {
                    let accepted = self.begin(appender, &head).await?;
                    if accepted {
                        for piece in &pieces {
                            appender.write(piece).await.map_err(&at_target)?;
                        }
                        // Before the server can have it, and answer.
                        flight(&self.flight).whole(head.uid);
                        appender.end().await.map_err(&at_target)?;
                    }
                }
                QueueItem::Begin(head) => {
                    let accepted = self.begin(appender, &head).await?;
                    current = Some((head, accepted));
                }
                QueueItem::Piece(piece, _permit) => {
                    if let Some((_, true)) = current {
                        appender.write(&piece).await.map_err(&at_target)?;
                    }
                }
                QueueItem::End(read) => {
                    if let Some((head, accepted)) = current.take() {
                        // Known before the last byte is sent, so it is there when the reply arrives.
                        if let Some(sent) = flight(&self.flight).sent.get_mut(&head.uid) {
                            sent.read = read;
                            sent.whole = true;
                        }
                        if accepted {
                            appender.end().await.map_err(&at_target)?;
                        }
                    }
                }
            }
        }
        if matches!(current, Some((_, true))) {
            // The source broke off in the middle of a message.
            return Err(EndError::Imap(Side::Target, lost()).into());
        }
        Ok(())
    }

    /// Waits for the source, and lets the target work on what it has meanwhile.
    async fn next(
        &self,
        items: &mut mpsc::Receiver<QueueItem>,
        appender: &mut Appender,
        between_messages: bool,
    ) -> Result<Option<QueueItem>, ImapError> {
        appender.flush().await?;
        if between_messages {
            if let Ok(item) = timeout(LINGER, items.recv()).await {
                return Ok(item);
            }
            appender.complete().await?;
            appender.flush().await?;
        }
        loop {
            match timeout(KEEP_ALIVE_AFTER, items.recv()).await {
                Ok(item) => return Ok(item),
                Err(_) if between_messages => appender.keep_alive().await?,
                Err(_) => {}
            }
        }
    }

    /// Records the intent, then sends the command. `false` when the target refused it before the body.
    async fn begin(&self, appender: &mut Appender, head: &MessageHead) -> Step<bool> {
        {
            let mut flight = flight(&self.flight);
            let intent = self.batches.of(head.uid).filter(|_| !flight.batch_of.contains_key(&head.uid));
            if let Some(messages) = intent {
                let next = flight.uid_next;
                let id = locked(&self.ledger).open_batch(self.folder, self.uid_validity, next, messages)?;
                flight.open(id, messages);
            }
            flight.serial += 1;
            let serial = flight.serial;
            flight.sent.insert(
                head.uid,
                InFlight {
                    size: head.append.len,
                    at_source: head.at_source,
                    read: head.read.unwrap_or_default(),
                    dated: head.dated.map(|rule| (rule, rule.sentence(head.append.internal_date.as_ref()))),
                    flags: head.append.flags.clone(),
                    later: head.later.clone(),
                    serial,
                    whole: false,
                },
            );
        }
        let begun =
            appender.begin(u64::from(head.uid), &head.append).await.map_err(EndError::at(Side::Target))?;
        Ok(matches!(begun, BeginOutcome::Send))
    }
}

/// The target's connection is gone, for a reason told elsewhere.
pub(super) fn lost() -> ImapError {
    ImapError::Closed { during: "APPEND", detail: "the copy was broken off".into() }
}
