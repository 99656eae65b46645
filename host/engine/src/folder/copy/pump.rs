//! One copy from end to end: the reader, the writer and the recorder side by side.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use mailhaul_imap::{AppendOptions, FetchItems, Flags, Session};
use tokio::sync::{mpsc, watch};
use tracing::Instrument;

use crate::folder::copy::blame::blame;
use crate::folder::copy::flight::{Batches, SharedFlight, flight};
use crate::folder::copy::item::{CopyOutcome, Route};
use crate::folder::copy::ration::Ration;
use crate::folder::copy::read::{LengthAccuracy, Reader};
use crate::folder::copy::record::{listen, record, record_refused};
use crate::folder::copy::write::{Writer, lost};
use crate::folder::work::{Step, WorkError};
use crate::message::list::ListedMessage;
use crate::server::error::EndError;
use crate::side::Side;

/// Messages (or pieces) the queue holds at most; the budget in bytes is the context's.
const QUEUE: usize = 256;

/// Messages that the target lists behind the last of them, without being asked again.
const LISTED_AT_ONCE: usize = 2_000;

/// Acknowledgements that wait to be recorded at most.
const ACKS: usize = 256;

/// Copies `open` messages of the examined source folder, in their order.
///
/// # Errors
/// When an end or the ledger fails; what was sent and not acknowledged stays in the ledger as an open batch.
pub(super) async fn copy(
    route: &Route<'_>,
    source: &mut Session,
    target: Session,
    open: &[ListedMessage],
) -> Step<(Session, CopyOutcome)> {
    let shared: SharedFlight = Arc::default();
    let reading = target.fetch_history().clone();
    let result = Box::pin(pump(route, source, target, open, &shared)).await;
    if let Err(error) = &result {
        blame(route, &shared, open, error).await?;
        // With everything acknowledged it was the list behind it that was asked for.
        if let WorkError::End(EndError::Imap(Side::Target, error)) = error
            && flight(&shared).sent.is_empty()
        {
            reading.record_list_break(FetchItems::Meta, LISTED_AT_ONCE as u32, error);
        }
    }
    result
}

async fn pump(
    route: &Route<'_>,
    source: &mut Session,
    target: Session,
    open: &[ListedMessage],
    shared: &SharedFlight,
) -> Step<(Session, CopyOutcome)> {
    flight(shared).uid_next = route.selected.uid_next;
    let listed = open.len() <= LISTED_AT_ONCE && target.fetch_history().limit(FetchItems::Meta).is_none();
    let mut options = AppendOptions::default();
    if !route.together {
        options.batch_messages = 1;
    }
    let (appender, acks) =
        target.appender(&route.target_name, options).map_err(EndError::at(Side::Target))?;
    let (queue, items) = mpsc::channel(QUEUE);
    let (ack_sender, ack_receiver) = mpsc::channel(ACKS);
    let (halt, halted) = watch::channel(false);

    let mut keywords: Flags = open.iter().flat_map(|message| message.flags.keywords()).collect();
    if !route.work.context.breaks.allow_questions(route.work.key()) {
        keywords = Flags::new();
    }
    let writer = Writer {
        folder: route.folder,
        uid_validity: route.selected.uid_validity,
        ledger: Arc::clone(route.work.ledger),
        flight: Arc::clone(shared),
        batches: Batches::new(open),
        keywords,
        halted: halted.clone(),
        list_from: route.selected.uid_next.filter(|_| listed),
    };
    let mut writer = AbortOnDrop(tokio::spawn(writer.write(items, appender).in_current_span()));
    let mut listener = AbortOnDrop(tokio::spawn(listen(acks, ack_sender).in_current_span()));

    let mut copied = CopyOutcome::default();
    let reader = Reader {
        route,
        queue,
        halted,
        lengths: LengthAccuracy::new(route.exact),
        unmarked: HashSet::new(),
        given: 0,
        words: HashMap::new(),
        withheld: Vec::new(),
        ration: Ration::new(route),
    };
    let (read, recorded) = tokio::join!(
        Box::pin(reader.read(source, open, &mut copied)),
        record(route, shared, ack_receiver, halt)
    );
    let written = (&mut writer.0).await;
    let listened = (&mut listener.0).await;
    let mut recorded = recorded?;
    // The source's side first: when it breaks inside a message, the writer has to give up as well;
    // when the target breaks, the reader only sees a closed queue and reports nothing.
    let lost = |_| EndError::Imap(Side::Target, lost());
    let ended = async {
        read?;
        let appender = written.map_err(lost)??;
        Ok((appender, listened.map_err(lost)?.map_err(EndError::at(Side::Target))?))
    };
    let (appender, mut acks) = match ended.await {
        Ok(ended) => ended,
        Err(error) => {
            record_refused(route, std::mem::take(&mut recorded.refused)).await?;
            return Err(error);
        }
    };
    let listed = acks.listed().map(|listed| listed.into_iter().map(ListedMessage::from).collect());
    let copied = CopyOutcome {
        listed,
        interrupted: copied.interrupted,
        held_back: copied.held_back,
        flags_lost: copied.flags_lost,
        unread: copied.unread.into_iter().chain(std::mem::take(&mut flight(shared).unsent)).collect(),
        withheld: copied.withheld,
        ..recorded
    };
    Ok((acks.rejoin(appender), copied))
}

/// A task that does not outlive the copy, whichever way it ends.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
