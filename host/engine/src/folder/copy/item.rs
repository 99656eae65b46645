//! What is copied, what travels through the queue, and what came of it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use mailhaul_imap::{AppendHead, Flags, FolderName, Refusal, Selected};
use tokio::sync::OwnedSemaphorePermit;

use crate::code::Code;
use crate::event::Event;
use crate::folder::copy::refused::{RefusedMessage, same_words};
use crate::folder::work::MailboxWork;
use crate::message::dating::DateRule;
use crate::message::list::ListedMessage;
use crate::state::ledger::{Digests, Failure, Figures, FolderId, LedgerError};
use crate::summary::{Difference, DifferenceKind, Exception, ExceptionOutcome};
use crate::task::spending::Refused;

/// A folder to copy: from where, to where, and what the work on its mailbox is done with.
#[derive(Debug, Clone)]
pub(crate) struct Route<'a> {
    pub work: MailboxWork<'a>,
    pub folder: FolderId,
    pub source: String,
    pub source_name: FolderName,
    pub target: String,
    pub target_name: FolderName,
    /// The target folder as it was selected last.
    pub selected: Selected,
    /// Messages above this size are not sent: the target said it refuses them.
    pub append_limit: Option<u64>,
    /// Who knows that limit, when it is not the target itself.
    pub limit_by: Option<String>,
    /// Whether messages may share commands; one that was refused together with others is sent alone.
    pub together: bool,
    /// Messages whose dates the target does not take, and whether it does not take those of their headers
    /// either.
    pub misdated: HashMap<u32, bool>,
    /// Messages that an earlier run could not read, which are asked for behind the others: each run that ends
    /// at some of them then comes further.
    pub unread: HashSet<u32>,
    /// Whether the source's word on the length of a message of the folder was right before.
    pub exact: bool,
    /// Refusals in a row after which nothing more is sent for now.
    pub most_refused: usize,
    /// Messages and bytes that this task had copied of the folder when it began with it, over connections
    /// that were lost since.
    pub copied_before: (u64, u64),
    /// Requests for patience in a row after which nothing more is sent for now.
    pub most_complaints: u32,
}

impl Route<'_> {
    /// Records a message that is not on the target, and tells. Refusals count once in a task: what one
    /// connection has recorded, the next one may be told again.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(crate) async fn fail(&self, mut failure: Failure<'_>) -> Result<(), LedgerError> {
        let is_refusal = matches!(failure.code, Code::Refused | Code::TooBig | Code::Limit);
        if is_refusal && failure.attempts > 0 {
            let counts = self.work.context.refusals.count(self.work.key(), self.folder, failure.uid);
            failure.attempts = u32::from(counts);
        }
        self.put(failure).await
    }

    /// Records a message that was refused when nothing was taken after it and nothing else is to be sent over
    /// this connection: that counts when something is taken in this task, or when it was said before. It is
    /// not sent again in it.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(crate) async fn refused_alone(&self, mut failure: Failure<'_>) -> Result<(), LedgerError> {
        let (key, refusals) = (self.work.key(), &self.work.context.refusals);
        let before = self.work.ledger().refusals(self.folder)?;
        let known = before.get(&failure.uid).is_some_and(|said| same_words(said, failure.text));
        failure.attempts = u32::from(refusals.put_off(key, self.folder, failure.uid, known));
        self.put(failure).await
    }

    async fn put(&self, failure: Failure<'_>) -> Result<(), LedgerError> {
        self.work.ledger().record_failed(self.folder, &failure, &[])?;
        let exception = Exception {
            folder: self.source.clone(),
            uid: failure.uid,
            outcome: ExceptionOutcome::Failed,
            code: failure.code,
            reason: failure.text.to_owned(),
        };
        let mailbox = self.work.key().to_owned();
        self.work.context.emit(Event::MessageException { mailbox, exception }).await;
        Ok(())
    }

    /// What is told of a copy that has not the date the source has for it.
    #[must_use]
    pub(crate) fn dated(&self, uid: u32, target_uid: u32, (rule, told): &(DateRule, String)) -> Difference {
        let why = match self.misdated.contains_key(&uid) {
            true => "the target does not take its date",
            false => "the source gives no date for it that can be read",
        };
        Difference {
            folder: self.source.clone(),
            uid,
            target_uid: Some(target_uid),
            kind: DifferenceKind::Date,
            by: Some(rule.as_str().to_owned()),
            detail: format!("{why}: {told}"),
            note: true,
        }
    }

    /// What is told of a copy that has not the keywords of its message.
    #[must_use]
    pub(crate) fn unmarked(&self, uid: u32, target_uid: u32, keywords: &Flags) -> Difference {
        Difference {
            folder: self.source.clone(),
            uid,
            target_uid: Some(target_uid),
            kind: DifferenceKind::Keywords,
            by: Some(Difference::BY_REFUSED_KEYWORDS.to_owned()),
            detail: format!("the target refused its keywords, and has it without them: `{keywords}`"),
            note: true,
        }
    }

    pub(crate) async fn warn(&self, message: String) {
        self.work.warn(format!("{}: {message}", self.source)).await;
    }
}

/// The result of a copy after which both connections live.
#[derive(Debug, Default)]
pub(crate) struct CopyOutcome {
    pub messages: u64,
    pub bytes: u64,
    /// To be looked up on the target: stored without saying under which UID, refused together with others, or
    /// refused for the moment.
    pub unresolved: Vec<u32>,
    /// Of these, the ones that the target acknowledged, without a word on their UIDs.
    pub acknowledged: HashSet<u32>,
    /// Of these, the ones that the target acknowledged with the UID of another message, by source UID.
    pub taken: HashMap<u32, Claim>,
    /// Of these, the ones that are counted as stored, and may not be.
    pub contested: HashSet<u32>,
    /// Refused for the sake of their dates: to be sent again with another one.
    pub misdated: Vec<u32>,
    /// Refused, each with what became of the messages around it. What the target asks to be sent later is
    /// among the unresolved as well.
    pub refused: Vec<RefusedMessage>,
    /// So many were refused in a row that nothing more was sent.
    pub halted: bool,
    /// Requests for patience since the last message that was taken.
    pub complaints: u32,
    /// Messages that were not read or not sent, since the copy halted before them.
    pub unread: Vec<u32>,
    /// Stored without a word on their UIDs, with another date than the source's: by which rule, and which.
    pub dated: HashMap<u32, (DateRule, String)>,
    /// Stored, and to be read back whatever their size: not every server keeps a NUL.
    pub read_back: HashSet<u32>,
    /// Some of these were refused together, for the sake of one of them: send them alone.
    pub alone: bool,
    /// Some of these were refused for the moment, in these words: send them again.
    pub patience: Option<Refusal>,
    /// How long to wait before that, by a server profile that could read those words.
    pub wait: Option<Duration>,
    /// The target is out of room, in its own words.
    pub over_quota: Option<String>,
    /// The source refused every message that it was asked for, in these words: what they are about is not the
    /// messages.
    pub withheld: Option<String>,
    pub interrupted: bool,
    /// Nothing more may be asked for before a time.
    pub held_back: Option<Refused>,
    /// Flags the target cannot hold, and on how many messages.
    pub flags_lost: HashMap<String, u64>,
    /// What the target listed behind the last message, of those that were not there when it was selected.
    pub listed: Option<Vec<ListedMessage>>,
}

/// A UID that the target gave to two messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub target_uid: u32,
    /// Whether the target has a reason to take them for one: they have one Message-ID, or the other one is
    /// not ours.
    pub merged: bool,
}

/// What the reader sends through the queue: a small message whole, a large one as its head, its pieces and
/// its end.
pub(super) enum QueueItem {
    Whole(MessageHead, Vec<Bytes>, Option<OwnedSemaphorePermit>),
    Begin(MessageHead),
    Piece(Bytes, Option<OwnedSemaphorePermit>),
    End(ReadResult),
}

/// What is known of a message once all of it was read.
#[derive(Clone, Copy, Default)]
pub(super) struct ReadResult {
    pub digests: Digests,
    /// It has a NUL, which not every server keeps.
    pub nul: bool,
}

pub(super) struct MessageHead {
    pub uid: u32,
    pub append: AppendHead,
    /// What is set by STORE: what may not travel with APPEND, and keywords that the target did not take with
    /// it.
    pub later: Flags,
    pub at_source: Figures,
    /// By which rule it got its date, where the source has none that can be read or the target did not take
    /// it.
    pub dated: Option<DateRule>,
    pub read: Option<ReadResult>,
}
