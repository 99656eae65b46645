//! The copy of one folder: a reader streams UID FETCH, a queue bounded in bytes lies between, a
//! writer pipelines APPEND, and acknowledgements become ledger rows.
//!
//! The writer and the acknowledgements are tasks of their own: with one task for both ends, both
//! sockets' buffers could fill while each end waits for the other.

mod breaks;
mod flight;
mod read;
mod record;
mod spread;
mod write;

pub(crate) use breaks::Breaks;
pub(crate) use spread::spread;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mailhaul_imap::{AppendHead, AppendOptions, Flags, FolderName, ImapError, Refusal, Selected, Session};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tracing::Instrument;

use crate::ends::EndError;
use crate::ledger::{Digests, FolderId};
use crate::scan::Listed;
use crate::summary::Side;
use crate::work::{Work, WorkError};

use flight::{Batches, SharedFlight, flight};

/// Messages (or pieces) the queue holds at most; the budget in bytes is the context's.
const QUEUE: usize = 256;
/// Messages that the target lists behind the last of them, without being asked again.
const LISTED_AT_ONCE: usize = 2_000;
/// Acknowledgements that wait to be recorded at most.
const ACKS: usize = 256;

/// A folder to copy.
#[derive(Debug, Clone)]
pub(crate) struct FolderCopy {
    /// Source folder in display form, for events.
    pub source: String,
    /// The source's spelling.
    pub source_name: FolderName,
    /// The ledger's row.
    pub folder: FolderId,
    /// The target's spelling.
    pub target_name: FolderName,
    /// The target folder as it was selected.
    pub selected: Selected,
    /// Messages above this size are not sent: the target said it refuses them.
    pub append_limit: Option<u64>,
    /// Who knows that limit, when it is not the target itself.
    pub limit_by: Option<String>,
    /// Whether messages may share commands; one that was refused together with others is sent alone.
    pub together: bool,
}

/// How a copy ended while both connections live.
#[derive(Debug, Default)]
pub(crate) struct Copied {
    /// Messages stored.
    pub messages: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// To be looked up on the target: stored without saying under which UID, refused together with others, or
    /// refused for the moment.
    pub unresolved: Vec<u32>,
    /// Of these, the ones that the target acknowledged with the UID of another message: that UID, by source UID.
    pub taken: HashMap<u32, u32>,
    /// Some of these were refused together, for the sake of one of them: send them alone.
    pub alone: bool,
    /// Some of these were refused for the moment, in these words: send them again.
    pub patience: Option<Refusal>,
    /// How long to wait before that, by a server profile that could read those words.
    pub wait: Option<Duration>,
    /// The target is out of room, in its own words.
    pub over_quota: Option<String>,
    /// The user stopped it.
    pub interrupted: bool,
    /// Flags the target cannot hold, and on how many messages.
    pub flags_lost: HashMap<String, u64>,
    /// Messages that came shorter than the source says they are.
    pub short: Option<Short>,
    /// What the target listed behind the last message, of those that were not there when it was selected.
    pub listed: Option<Vec<Listed>>,
}

/// Messages whose text was shorter than their RFC822.SIZE. Many servers only estimate that, so what came is the message;
/// but it is also what a damaged store gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Short {
    /// How many.
    pub messages: u64,
    /// The first of them.
    pub uid: u32,
    /// Its bytes.
    pub came: u64,
    /// Its bytes by the source's account.
    pub said: u64,
}

/// What travels through the queue.
enum Item {
    Whole(Head, Vec<Bytes>, Option<OwnedSemaphorePermit>),
    Begin(Head),
    Piece(Bytes, Option<OwnedSemaphorePermit>),
    End(Digests),
}

struct Head {
    uid: u32,
    append: AppendHead,
    later: Flags,
    digest: Option<Digests>,
}

/// Copies `open` messages of the examined source folder, in their order.
///
/// # Errors
/// [`WorkError`]; what was sent and not acknowledged stays in the ledger as an open batch.
async fn copy(
    work: Work<'_>,
    job: &FolderCopy,
    source: &mut Session,
    target: Session,
    open: &[Listed],
) -> Result<(Session, Copied), WorkError> {
    let shared: SharedFlight = Arc::default();
    let result = Box::pin(pump(work, job, source, target, open, &shared)).await;
    if let Err(error) = &result {
        breaks::blame(work, job, &shared, open, error).await?;
    }
    result
}

async fn pump(
    work: Work<'_>,
    job: &FolderCopy,
    source: &mut Session,
    target: Session,
    open: &[Listed],
    shared: &SharedFlight,
) -> Result<(Session, Copied), WorkError> {
    flight(shared).uid_next = job.selected.uid_next;
    let mut options = AppendOptions::default();
    if !job.together {
        options.batch_messages = 1;
    }
    let (appender, acks) = target.appender(&job.target_name, options).map_err(EndError::at(Side::Target))?;
    let (queue, items) = mpsc::channel(QUEUE);
    let (ack_sender, ack_receiver) = mpsc::channel(ACKS);
    let (halt, halted) = watch::channel(false);

    let writer = write::Writer {
        job: job.clone(),
        ledger: Arc::clone(work.ledger),
        flight: Arc::clone(shared),
        batches: Batches::new(open),
        keywords: open.iter().flat_map(|message| message.flags.keywords()).collect(),
        list_from: job.selected.uid_next.filter(|_| open.len() <= LISTED_AT_ONCE),
    };
    let mut writer = AbortOnDrop(tokio::spawn(writer.write(items, appender).in_current_span()));
    let mut listener = AbortOnDrop(tokio::spawn(record::listen(acks, ack_sender).in_current_span()));

    let mut copied = Copied::default();
    let reader = read::Reader { work, job, flight: Arc::clone(shared), queue, halted };
    let (read, recorded) = tokio::join!(
        reader.read(source, open, &mut copied),
        record::record(work, job, shared, ack_receiver, halt)
    );
    let written = (&mut writer.0).await;
    let listened = (&mut listener.0).await;
    let recorded = recorded?;
    // The source's side first: when it breaks inside a message, the writer has to give up as well;
    // when the target breaks, the reader only sees a closed queue and reports nothing.
    read?;
    let lost = |_| EndError::Imap(Side::Target, lost());
    let appender = written.map_err(lost)??;
    let mut acks = listened.map_err(lost)?.map_err(EndError::at(Side::Target))?;
    copied.listed = acks.listed().map(|listed| listed.into_iter().map(Listed::from).collect());
    copied.messages = recorded.messages;
    copied.bytes = recorded.bytes;
    copied.unresolved = recorded.unresolved;
    copied.taken = recorded.taken;
    copied.alone = recorded.alone;
    copied.patience = recorded.patience;
    copied.wait = recorded.wait;
    copied.over_quota = recorded.over_quota;
    Ok((acks.rejoin(appender), copied))
}

/// The target's connection is gone, for a reason told elsewhere.
fn lost() -> ImapError {
    ImapError::Closed { during: "APPEND", detail: "the copy was broken off".into() }
}

/// A task that does not outlive the copy, whichever way it ends.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
