//! The copy of one folder: a reader streams UID FETCH, a queue bounded in bytes lies between, a
//! writer pipelines APPEND, and acknowledgements become ledger rows.
//!
//! The writer and the acknowledgements are tasks of their own: with one task for both ends, both
//! sockets' buffers could fill while each end waits for the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mailhaul_imap::{
    Ack, AckOutcome, Acks, AppendHead, AppendOptions, Appender, Begun, FetchItems, Fetched, Flags,
    FolderName, ImapError, Refusal, Selected, Session, UidSet,
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::content::Hasher;
use crate::context::Context;
use crate::ends::EndError;
use crate::event::Event;
use crate::ledger::{Delivered, FolderId, Ledger, LedgerError, Outcome};
use crate::scan::Listed;
use crate::summary::{Exception, ExceptionOutcome, Side};

/// Messages up to this size are held whole in the queue; larger ones stream through in pieces.
const WHOLE: u64 = 1 << 20;
/// Messages (or pieces) the queue holds at most; the budget in bytes is the context's.
const QUEUE: usize = 256;
/// One intent covers at most this many messages …
const BATCH_MESSAGES: usize = 100;
/// … and about this many bytes.
const BATCH_BYTES: u64 = 8 << 20;
/// Acknowledgements recorded in one transaction at most.
const COMMIT: usize = 64;
/// Progress is told at most this often.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// A folder to copy.
#[derive(Debug, Clone)]
pub struct FolderCopy {
    /// The mailbox's key, for events.
    pub mailbox: String,
    /// Source folder in display form, for events.
    pub source: String,
    /// The ledger's row.
    pub folder: FolderId,
    /// The target's spelling.
    pub target_name: FolderName,
    /// The target folder as it was selected.
    pub selected: Selected,
    /// Messages above this size are not sent: the target said it refuses them.
    pub append_limit: Option<u64>,
}

/// How a copy ended while both connections live.
#[derive(Debug, Default)]
pub struct Copied {
    /// Messages stored.
    pub messages: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Stored, but the target did not say under which UID.
    pub unresolved: Vec<u32>,
    /// The target is out of room, in its own words.
    pub over_quota: Option<String>,
    /// The user stopped it.
    pub interrupted: bool,
    /// Flags the target cannot hold, and on how many messages.
    pub flags_lost: HashMap<String, u64>,
}

/// Why a copy ended early.
#[derive(Debug)]
pub enum CopyError {
    /// A server or connection.
    End(EndError),
    /// The ledger: nothing more may be sent.
    Ledger(LedgerError),
}

impl From<EndError> for CopyError {
    fn from(e: EndError) -> Self {
        Self::End(e)
    }
}

impl From<LedgerError> for CopyError {
    fn from(e: LedgerError) -> Self {
        Self::Ledger(e)
    }
}

/// The ledger of a mailbox, shared by the tasks that work on it.
pub type SharedLedger = Arc<Mutex<Ledger>>;

/// Locks it. A panic elsewhere leaves at most an uncommitted transaction, which SQLite undoes.
pub fn locked(ledger: &SharedLedger) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What travels through the queue.
enum Item {
    Whole(Head, Vec<Bytes>, #[expect(dead_code, reason = "held for its drop")] Option<OwnedSemaphorePermit>),
    Begin(Head),
    Piece(Bytes, #[expect(dead_code, reason = "held for its drop")] Option<OwnedSemaphorePermit>),
    End([u8; 32]),
}

struct Head {
    uid: u32,
    append: AppendHead,
    later: Flags,
    digest: Option<[u8; 32]>,
}

/// A message that was sent and is not acknowledged yet.
struct InFlight {
    size: u64,
    digest: [u8; 32],
    flags: Flags,
    later: Flags,
}

/// What the writer and the acknowledgements share.
#[derive(Default)]
struct Flight {
    sent: HashMap<u32, InFlight>,
    /// Batch of each message that was announced to the ledger, and what is left of each batch.
    batch_of: HashMap<u32, i64>,
    left: HashMap<i64, usize>,
    uid_next: Option<u32>,
}

impl Flight {
    /// Takes a settled message out of its batch; returns the batch when it was the last.
    fn settle(&mut self, uid: u32) -> Option<i64> {
        let batch = self.batch_of.remove(&uid)?;
        let left = self.left.get_mut(&batch)?;
        *left -= 1;
        (*left == 0).then_some(batch)
    }
}

type SharedFlight = Arc<Mutex<Flight>>;

fn flight(shared: &SharedFlight) -> MutexGuard<'_, Flight> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Copies `open` messages of the examined source folder, in their order.
///
/// # Errors
/// [`CopyError`]; what was sent and not acknowledged stays in the ledger as an open batch.
pub async fn copy(
    context: &Context,
    ledger: &SharedLedger,
    job: &FolderCopy,
    source: &mut Session,
    target: Session,
    open: &[Listed],
) -> Result<(Session, Copied), CopyError> {
    let shared: SharedFlight = Arc::default();
    flight(&shared).uid_next = job.selected.uid_next;
    let (appender, acks) = target
        .appender(&job.target_name, AppendOptions::default())
        .await
        .map_err(EndError::at(Side::Target))?;
    let (queue, items) = mpsc::channel(QUEUE);
    let (ack_sender, ack_receiver) = mpsc::channel(COMMIT * 4);
    let (halt, halted) = tokio::sync::watch::channel(false);

    let batches = Batches::new(open);
    let writer =
        tokio::spawn(write(job.clone(), Arc::clone(ledger), Arc::clone(&shared), batches, items, appender));
    let listener = tokio::spawn(listen(acks, ack_sender));
    let mut writer = AbortOnDrop(writer);
    let mut listener = AbortOnDrop(listener);

    let mut copied = Copied::default();
    let recorder = record(context, ledger, job, &shared, ack_receiver, halt);
    let reader = read(context, ledger, job, source, open, queue, halted, &mut copied);
    let (read, recorded) = tokio::join!(reader, recorder);
    let written = (&mut writer.0).await;
    let listened = (&mut listener.0).await;
    let recorded = recorded?;
    // The source's side first: when it breaks inside a message, the writer has to give up as well;
    // when the target breaks, the reader only sees a closed queue and reports nothing.
    read?;
    let lost = |_| EndError::Imap(Side::Target, ImapError::Closed { during: "APPEND".into() });
    let appender = written.map_err(lost)??;
    let acks = listened.map_err(lost)?.map_err(EndError::at(Side::Target))?;
    copied.messages = recorded.messages;
    copied.bytes = recorded.bytes;
    copied.unresolved = recorded.unresolved;
    copied.over_quota = recorded.over_quota;
    if !copied.interrupted && copied.over_quota.is_none() && copied.unresolved.is_empty() {
        locked(ledger).close_batches(job.folder)?;
    }
    Ok((acks.rejoin(appender), copied))
}

/// A task that does not outlive the copy, whichever way it ends.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The open messages cut into intents.
struct Batches {
    of: HashMap<u32, usize>,
    uids: Vec<Vec<u32>>,
}

impl Batches {
    fn new(open: &[Listed]) -> Self {
        let mut uids: Vec<Vec<u32>> = Vec::new();
        let mut bytes = 0;
        for message in open {
            bytes += message.size;
            match uids.last_mut() {
                Some(last) if last.len() < BATCH_MESSAGES && bytes <= BATCH_BYTES => last.push(message.uid),
                _ => {
                    bytes = message.size;
                    uids.push(vec![message.uid]);
                }
            }
        }
        let of =
            uids.iter().enumerate().flat_map(|(n, list)| list.iter().map(move |uid| (*uid, n))).collect();
        Self { of, uids }
    }
}

#[expect(clippy::too_many_arguments, reason = "the reader stands between all parts of a copy")]
async fn read(
    context: &Context,
    ledger: &SharedLedger,
    job: &FolderCopy,
    source: &mut Session,
    open: &[Listed],
    queue: mpsc::Sender<Item>,
    halted: tokio::sync::watch::Receiver<bool>,
    copied: &mut Copied,
) -> Result<(), CopyError> {
    let limit = job.append_limit.unwrap_or(u64::MAX);
    let mut wanted = Vec::with_capacity(open.len());
    for message in open {
        if message.size > limit {
            let text = format!(
                "the message has {} bytes, and the target takes messages of up to {limit} bytes",
                message.size
            );
            fail(context, ledger, job, message.uid, message.size, "too-big", text, false).await?;
        } else {
            wanted.push(message.uid);
        }
    }
    let mut missing: std::collections::BTreeSet<u32> = wanted.iter().copied().collect();
    let mut passes = vec![wanted];
    let mut alone = false;
    while let Some(uids) = passes.pop() {
        if uids.is_empty() {
            continue;
        }
        let mut fetch = source.fetch(uids.iter().copied().collect(), FetchItems::Full);
        loop {
            if context.stop.is_raised() {
                copied.interrupted = true;
                return Ok(());
            }
            if *halted.borrow() {
                return Ok(());
            }
            let Some(message) = fetch.next().await.map_err(EndError::at(Side::Source))? else { break };
            if !missing.remove(&message.uid) {
                continue; // Not asked for, or sent twice by the server.
            }
            let Some(len) = message.body_len else {
                let text = "the source answered without the message's text".to_owned();
                fail(context, ledger, job, message.uid, 0, "unreadable", text, false).await?;
                continue;
            };
            if !forward(context, job, &mut fetch, message, len, &queue, copied).await? {
                return Ok(()); // The writer is gone; its own error says why.
            }
        }
        let refused: Vec<Refusal> = fetch.refused().iter().map(|r| r.refusal.clone()).collect();
        if alone {
            // Asked for alone and still not given: refused, or gone since the list was read.
            let Some(uid) = uids.first().copied().filter(|uid| missing.remove(uid)) else { continue };
            match refused.first() {
                Some(refusal) => {
                    let text = format!("the source refused to give it: {}", refusal.text);
                    fail(context, ledger, job, uid, 0, "unreadable", text, false).await?;
                }
                None => locked(ledger).vanished(job.folder, &[uid])?,
            }
        } else if !missing.is_empty() {
            alone = true;
            passes = missing.iter().rev().map(|uid| vec![*uid]).collect();
        }
    }
    Ok(())
}

/// Moves one message from the FETCH into the queue. `false` when the writer is gone.
async fn forward(
    context: &Context,
    job: &FolderCopy,
    fetch: &mut mailhaul_imap::Fetch<'_>,
    message: Fetched,
    len: u64,
    queue: &mpsc::Sender<Item>,
    copied: &mut Copied,
) -> Result<bool, CopyError> {
    let at_source = EndError::at(Side::Source);
    let (now, later, impossible) = message.flags.appendable(&job.selected);
    for flag in impossible.iter() {
        *copied.flags_lost.entry(flag.to_owned()).or_default() += 1;
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
        head.digest = Some(hasher.finish().exact);
        return Ok(queue.send(Item::Whole(head, pieces, permit)).await.is_ok());
    }
    if queue.send(Item::Begin(head)).await.is_err() {
        return Ok(false);
    }
    while let Some(piece) = fetch.chunk().await.map_err(&at_source)? {
        hasher.update(&piece);
        let permit = context.room(piece.len()).await;
        if queue.send(Item::Piece(piece, permit)).await.is_err() {
            return Ok(false);
        }
    }
    Ok(queue.send(Item::End(hasher.finish().exact)).await.is_ok())
}

async fn write(
    job: FolderCopy,
    ledger: SharedLedger,
    shared: SharedFlight,
    batches: Batches,
    items: mpsc::Receiver<Item>,
    mut appender: Appender,
) -> Result<Appender, CopyError> {
    match pump(&job, &ledger, &shared, &batches, items, &mut appender).await {
        Ok(()) => {
            appender.close().await.map_err(EndError::at(Side::Target))?;
            Ok(appender)
        }
        Err(error) => {
            // Half a message must not be stored, and nobody may wait for replies any more.
            appender.abandon().await;
            Err(error)
        }
    }
}

async fn pump(
    job: &FolderCopy,
    ledger: &SharedLedger,
    shared: &SharedFlight,
    batches: &Batches,
    mut items: mpsc::Receiver<Item>,
    appender: &mut Appender,
) -> Result<(), CopyError> {
    let at_target = EndError::at(Side::Target);
    // The message whose pieces are arriving; `None` inside while the target has refused it.
    let mut current: Option<(Head, bool)> = None;
    loop {
        let item = match items.try_recv() {
            Ok(item) => item,
            Err(_) => {
                // About to wait for the source: let the target work on what it has.
                appender.flush().await.map_err(&at_target)?;
                match items.recv().await {
                    Some(item) => item,
                    None => break,
                }
            }
        };
        match item {
            Item::Whole(head, pieces, _permit) => {
                let accepted = begin(job, ledger, shared, batches, appender, &head).await?;
                launch(shared, head.uid, head.digest.unwrap_or_default());
                if accepted {
                    for piece in &pieces {
                        appender.write(piece).await.map_err(&at_target)?;
                    }
                    appender.end().await.map_err(&at_target)?;
                }
            }
            Item::Begin(head) => {
                let accepted = begin(job, ledger, shared, batches, appender, &head).await?;
                current = Some((head, accepted));
            }
            Item::Piece(piece, _permit) => {
                if let Some((_, true)) = current {
                    appender.write(&piece).await.map_err(&at_target)?;
                }
            }
            Item::End(digest) => {
                if let Some((head, accepted)) = current.take() {
                    launch(shared, head.uid, digest);
                    if accepted {
                        appender.end().await.map_err(&at_target)?;
                    }
                }
            }
        }
    }
    if matches!(current, Some((_, true))) {
        // The source broke off in the middle of a message.
        return Err(EndError::Imap(Side::Target, ImapError::Closed { during: "APPEND".into() }).into());
    }
    Ok(())
}

/// Records the intent, then sends the command. `false` when the target refused it before the body.
async fn begin(
    job: &FolderCopy,
    ledger: &SharedLedger,
    shared: &SharedFlight,
    batches: &Batches,
    appender: &mut Appender,
    head: &Head,
) -> Result<bool, CopyError> {
    {
        let mut flight = flight(shared);
        if !flight.batch_of.contains_key(&head.uid) {
            if let Some(uids) = batches.of.get(&head.uid).and_then(|n| batches.uids.get(*n)) {
                let id = locked(ledger).open_batch(
                    job.folder,
                    job.selected.uid_validity,
                    flight.uid_next,
                    uids,
                )?;
                flight.batch_of.extend(uids.iter().map(|uid| (*uid, id)));
                flight.left.insert(id, uids.len());
            }
        }
        flight.sent.insert(
            head.uid,
            InFlight {
                size: head.append.len,
                digest: [0; 32],
                flags: head.append.flags.clone(),
                later: head.later.clone(),
            },
        );
    }
    let begun =
        appender.begin(u64::from(head.uid), &head.append).await.map_err(EndError::at(Side::Target))?;
    Ok(matches!(begun, Begun::Send))
}

/// The digest is known before the last byte is sent, so it is there when the reply arrives.
fn launch(shared: &SharedFlight, uid: u32, digest: [u8; 32]) {
    if let Some(sent) = flight(shared).sent.get_mut(&uid) {
        sent.digest = digest;
    }
}

async fn listen(mut acks: Acks, out: mpsc::Sender<Ack>) -> Result<Acks, ImapError> {
    while let Some(ack) = acks.next().await? {
        if out.send(ack).await.is_err() {
            break;
        }
    }
    Ok(acks)
}

#[derive(Default)]
struct Recorded {
    messages: u64,
    bytes: u64,
    unresolved: Vec<u32>,
    over_quota: Option<String>,
}

async fn record(
    context: &Context,
    ledger: &SharedLedger,
    job: &FolderCopy,
    shared: &SharedFlight,
    mut acks: mpsc::Receiver<Ack>,
    halt: tokio::sync::watch::Sender<bool>,
) -> Result<Recorded, CopyError> {
    let mut done = Recorded::default();
    let mut buffer = Vec::with_capacity(COMMIT);
    let mut told = Instant::now();
    while acks.recv_many(&mut buffer, COMMIT).await > 0 {
        let mut delivered = Vec::with_capacity(buffer.len());
        let mut closed = Vec::new();
        let mut refused = Vec::new();
        {
            let mut flight = flight(shared);
            for ack in buffer.drain(..) {
                let Ok(uid) = u32::try_from(ack.ticket) else { continue };
                let Some(sent) = flight.sent.remove(&uid) else { continue };
                match ack.outcome {
                    AckOutcome::Stored { uid: Some(target_uid), .. } => {
                        flight.uid_next = flight.uid_next.max(target_uid.checked_add(1));
                        closed.extend(flight.settle(uid));
                        done.messages += 1;
                        done.bytes += sent.size;
                        context.done.add(1, sent.size);
                        delivered.push(Delivered {
                            uid,
                            size: sent.size,
                            digest: sent.digest,
                            target_uid,
                            flags: sent.flags.to_string(),
                            flags_pending: (!sent.later.is_empty()).then(|| sent.later.to_string()),
                        });
                    }
                    AckOutcome::Stored { uid: None, .. } => done.unresolved.push(uid),
                    AckOutcome::Refused(refusal) if is_over_quota(&refusal) => {
                        halt.send_replace(true);
                        done.over_quota.get_or_insert(refusal.text);
                    }
                    AckOutcome::Refused(refusal) => {
                        refused.push((uid, sent.size, flight.settle(uid), refusal));
                    }
                }
            }
        }
        if !delivered.is_empty() {
            locked(ledger).delivered(job.folder, &delivered, Outcome::Copied, &closed)?;
        }
        for (uid, size, closed, refusal) in refused {
            let code = refusal_code(&refusal);
            let text = format!("the target refused it: {}", refusal.text);
            let closed: Vec<i64> = closed.into_iter().collect();
            locked(ledger).failed(job.folder, uid, size, code, &text, true, &closed)?;
            tell_failed(context, job, uid, code, text).await;
        }
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            let progress = Event::FolderProgress {
                mailbox: job.mailbox.clone(),
                source: job.source.clone(),
                messages: done.messages,
                bytes: done.bytes,
            };
            context.tell(progress).await;
        }
    }
    Ok(done)
}

fn is_over_quota(refusal: &Refusal) -> bool {
    refusal.code.as_deref().is_some_and(|c| c.eq_ignore_ascii_case("OVERQUOTA"))
}

fn refusal_code(refusal: &Refusal) -> &'static str {
    match refusal.code.as_deref().map(str::to_ascii_uppercase).as_deref() {
        Some("TOOBIG") => "too-big",
        Some("LIMIT") => "limit",
        _ => "refused",
    }
}

#[expect(clippy::too_many_arguments, reason = "a failure has this many facts")]
async fn fail(
    context: &Context,
    ledger: &SharedLedger,
    job: &FolderCopy,
    uid: u32,
    size: u64,
    code: &str,
    text: String,
    refused: bool,
) -> Result<(), CopyError> {
    locked(ledger).failed(job.folder, uid, size, code, &text, refused, &[])?;
    tell_failed(context, job, uid, code, text).await;
    Ok(())
}

async fn tell_failed(context: &Context, job: &FolderCopy, uid: u32, code: &str, reason: String) {
    context
        .tell(Event::MessageException {
            mailbox: job.mailbox.clone(),
            exception: Exception {
                folder: job.source.clone(),
                uid,
                outcome: ExceptionOutcome::Failed,
                code: code.to_owned(),
                reason,
            },
        })
        .await;
}
