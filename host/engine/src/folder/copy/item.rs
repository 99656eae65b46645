//! What is copied, what travels through the queue, and what came of it.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use mailhaul_imap::{AppendHead, Flags, FolderName, Refusal, Selected};
use tokio::sync::OwnedSemaphorePermit;

use crate::event::Event;
use crate::folder::work::Work;
use crate::message::list::Listed;
use crate::state::ledger::{Digests, Failure, FolderId, LedgerError};
use crate::summary::{Exception, ExceptionOutcome};

/// A folder to copy: from where, to where, and what the work on its mailbox is done with.
#[derive(Debug, Clone)]
pub(crate) struct Route<'a> {
    /// The work on the mailbox.
    pub work: Work<'a>,
    /// The ledger's row.
    pub folder: FolderId,
    /// The source folder in display form.
    pub source: String,
    /// The source's spelling.
    pub source_name: FolderName,
    /// The target folder in display form.
    pub target: String,
    /// The target's spelling.
    pub target_name: FolderName,
    /// The target folder as it was selected last.
    pub selected: Selected,
    /// Messages above this size are not sent: the target said it refuses them.
    pub append_limit: Option<u64>,
    /// Who knows that limit, when it is not the target itself.
    pub limit_by: Option<String>,
    /// Whether messages may share commands; one that was refused together with others is sent alone.
    pub together: bool,
}

impl Route<'_> {
    /// Records a message that is not on the target, and tells.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(crate) async fn fail(&self, failure: Failure<'_>) -> Result<(), LedgerError> {
        self.work.ledger().failed(self.folder, &failure, &[])?;
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

    /// Tells a remark about the folder.
    pub(crate) async fn warn(&self, message: String) {
        self.work.warn(format!("{}: {message}", self.source)).await;
    }
}

/// How a copy ended while both connections live.
#[derive(Debug, Default)]
pub(crate) struct CopyOutcome {
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
pub(super) enum Item {
    Whole(Head, Vec<Bytes>, Option<OwnedSemaphorePermit>),
    Begin(Head),
    Piece(Bytes, Option<OwnedSemaphorePermit>),
    End(Digests),
}

pub(super) struct Head {
    pub uid: u32,
    pub append: AppendHead,
    pub later: Flags,
    pub digest: Option<Digests>,
}
