//! The reader: from the source's UID FETCH into the queue.

use std::collections::BTreeSet;

use mailhaul_imap::{AppendHead, Fetch, FetchItems, Fetched, Session, UidSet};
use tokio::sync::{mpsc, watch};

use super::{Copied, FolderCopy, Head, Item, Short};
use crate::content::Hasher;
use crate::ends::EndError;
use crate::job::Order;
use crate::ledger::Failure;
use crate::scan::Listed;
use crate::summary::Side;
use crate::work::{Work, WorkError, locked};

/// Messages up to this size are held whole in the queue; larger ones stream through in pieces.
const WHOLE: u64 = 1 << 20;
/// Where the newest go first, so many are asked for together; within them the source's order holds.
const STRIDE: usize = 50;
/// FETCH commands under way where order does not matter to the message.
const FETCHES: usize = 2;

/// The reading end of a copy.
pub(super) struct Reader<'a> {
    /// The mailbox.
    pub work: Work<'a>,
    /// The folder.
    pub job: &'a FolderCopy,
    /// Where messages go.
    pub queue: mpsc::Sender<Item>,
    /// Raised when the target takes nothing more.
    pub halted: watch::Receiver<bool>,
}

impl Reader<'_> {
    /// Streams the `open` messages into the queue, in their order. What the source does not give in
    /// one FETCH is asked for once more, alone, so that one bad message costs only itself.
    ///
    /// The queue closes when this returns.
    pub(super) async fn read(
        self,
        source: &mut Session,
        open: &[Listed],
        copied: &mut Copied,
    ) -> Result<(), WorkError> {
        let wanted = self.refuse_too_big(open).await?;
        let mut missing: BTreeSet<u32> = wanted.iter().copied().collect();
        let (strides, at_once) = match self.work.context.job.select.order {
            Order::Source => (vec![wanted.into_iter().collect()], 1),
            Order::Any => (vec![wanted.into_iter().collect()], FETCHES),
            Order::RecentFirst => {
                (wanted.chunks(STRIDE).map(|uids| uids.iter().copied().collect()).collect(), FETCHES)
            }
        };
        let mut fetch = source.fetch_parts(&strides, FetchItems::Full, at_once);
        if !self.take(&mut fetch, &mut missing, copied).await? {
            return Ok(());
        }
        while let Some(uid) = missing.pop_first() {
            let mut fetch = source.fetch(UidSet::range(uid, uid), FetchItems::Full);
            let mut alone = BTreeSet::from([uid]);
            if !self.take(&mut fetch, &mut alone, copied).await? {
                return Ok(());
            }
            if alone.is_empty() {
                continue;
            }
            // Asked for alone and still not given: refused, or gone since the list was read.
            let refusal = fetch.refused().first().map(|r| r.refusal.text.clone());
            match refusal {
                Some(words) => {
                    self.unreadable(uid, &format!("the source refused to give it: {words}")).await?;
                }
                None => locked(self.work.ledger).vanished(self.job.folder, &[uid])?,
            }
        }
        Ok(())
    }

    /// Takes the `missing` messages out of a FETCH. `false` when it is over before all have come: the user stopped it,
    /// the target takes nothing more, or the writer is gone, whose own error says why.
    async fn take(
        &self,
        fetch: &mut Fetch<'_>,
        missing: &mut BTreeSet<u32>,
        copied: &mut Copied,
    ) -> Result<bool, WorkError> {
        loop {
            if self.work.context.stop.is_raised() {
                copied.interrupted = true;
                return Ok(false);
            }
            if *self.halted.borrow() {
                return Ok(false);
            }
            let Some(message) = fetch.next().await.map_err(EndError::at(Side::Source))? else {
                return Ok(true);
            };
            if !missing.remove(&message.uid) {
                continue; // Not asked for, or sent twice by the server.
            }
            let Some(len) = message.body_len else {
                self.unreadable(message.uid, "the source answered without the message's text").await?;
                continue;
            };
            if !self.forward(fetch, message, len, copied).await? {
                return Ok(false);
            }
        }
    }

    /// Messages the target said it does not take are not sent.
    async fn refuse_too_big(&self, open: &[Listed]) -> Result<Vec<u32>, WorkError> {
        let Some(limit) = self.job.append_limit else { return Ok(open.iter().map(|m| m.uid).collect()) };
        let mut wanted = Vec::with_capacity(open.len());
        for message in open {
            if message.size <= limit {
                wanted.push(message.uid);
                continue;
            }
            let by = self.job.limit_by.as_ref().map(|by| format!(", says {by}")).unwrap_or_default();
            let text = format!(
                "the message has {} bytes, and the target takes messages of up to {limit} bytes{by}",
                message.size
            );
            let failure = Failure {
                uid: message.uid,
                size: message.size,
                code: "too-big",
                text: &text,
                refused: false,
            };
            self.work.fail(self.job.folder, &self.job.source, failure, &[]).await?;
        }
        Ok(wanted)
    }

    async fn unreadable(&self, uid: u32, text: &str) -> Result<(), WorkError> {
        let failure = Failure { uid, size: 0, code: "unreadable", text, refused: false };
        Ok(self.work.fail(self.job.folder, &self.job.source, failure, &[]).await?)
    }

    /// Moves one message from the FETCH into the queue. `false` when the writer is gone.
    async fn forward(
        &self,
        fetch: &mut Fetch<'_>,
        message: Fetched,
        len: u64,
        copied: &mut Copied,
    ) -> Result<bool, WorkError> {
        let at_source = EndError::at(Side::Source);
        let context = self.work.context;
        let (now, later, impossible) = message.flags.appendable(&self.job.selected);
        for flag in impossible.iter() {
            *copied.flags_lost.entry(flag.to_owned()).or_default() += 1;
        }
        if let Some(said) = message.size.filter(|said| len < *said) {
            let first = Short { messages: 0, uid: message.uid, came: len, said };
            copied.short.get_or_insert(first).messages += 1;
        }
        let mut head = Head {
            uid: message.uid,
            append: AppendHead { flags: now, internal_date: message.internal_date, len },
            later,
            digest: None,
        };
        let mut hasher = Hasher::default();
        if len <= WHOLE {
            let permit = context.room(usize::try_from(len).unwrap_or(usize::MAX)).await;
            let mut pieces = Vec::new();
            while let Some(piece) = fetch.chunk().await.map_err(&at_source)? {
                hasher.update(&piece);
                pieces.push(piece);
            }
            head.digest = Some(hasher.digests());
            return Ok(self.queue.send(Item::Whole(head, pieces, permit)).await.is_ok());
        }
        if self.queue.send(Item::Begin(head)).await.is_err() {
            return Ok(false);
        }
        while let Some(piece) = fetch.chunk().await.map_err(&at_source)? {
            hasher.update(&piece);
            let permit = context.room(piece.len()).await;
            if self.queue.send(Item::Piece(piece, permit)).await.is_err() {
                return Ok(false);
            }
        }
        Ok(self.queue.send(Item::End(hasher.digests())).await.is_ok())
    }
}
