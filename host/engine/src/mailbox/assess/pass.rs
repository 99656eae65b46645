//! One pass over the sizes and dates of a mailbox's messages, folder by folder; nothing is kept of a message.

use jiff::Timestamp;
use mailhaul_imap::{FetchItems, Folder, FolderStatus, ImapError, Session, UidSet};

use crate::assessment::{EndFigures, LARGE_MESSAGE, LargestMessage, MessageFigures, OLD_DAYS, Portion};

const DAY: i64 = 86_400;

/// What the folders read so far add up to.
#[derive(Debug)]
pub(super) struct Pass {
    end: EndFigures,
    figures: MessageFigures,
    /// What the target takes, in bytes, where that is known.
    limit: Option<u64>,
    /// INTERNALDATE of the newest message, in seconds since 1970.
    newest: Option<i64>,
    now: i64,
}

/// What one folder's messages add up to.
#[derive(Debug, Default)]
struct FolderPass {
    messages: u64,
    bytes: u64,
    /// Messages whose size the server did not tell.
    sizeless: u64,
    largest: Option<u64>,
    large: Portion,
    over_limit: Portion,
    newest: Option<i64>,
}

impl Pass {
    /// Nothing read yet; messages above `limit` bytes are those that the target does not take.
    pub(super) fn new(limit: Option<u64>) -> Self {
        Self {
            end: EndFigures { bytes: Some(0), ..EndFigures::default() },
            figures: MessageFigures {
                over_limit: limit.map(|_| Portion::default()),
                ..MessageFigures::default()
            },
            limit,
            newest: None,
            now: Timestamp::now().as_second(),
        }
    }

    /// Reads a folder of which the server gave these figures; one without mail is not opened.
    ///
    /// # Errors
    /// Lost connections only: a folder that is refused is counted as unread.
    pub(super) async fn folder(
        &mut self,
        session: &mut Session,
        folder: &Folder,
        status: Option<&FolderStatus>,
    ) -> Result<(), ImapError> {
        self.end.folders += 1;
        let counted = status.and_then(|status| status.messages);
        if counted == Some(0) {
            return Ok(());
        }
        let path = folder.path.to_string();
        let read = match session.examine(&folder.name).await {
            Ok(selected) => {
                session.expect_messages(counted.unwrap_or(0));
                let read = self.read(session).await?;
                // Of two figures that disagree the smaller is not believed.
                let counted = u64::from(selected.exists.max(counted.unwrap_or(0)));
                Some((read, counted))
            }
            Err(error) if error.is_connection_lost() => return Err(error),
            Err(error) => {
                tracing::info!(folder = path, %error, "not opened");
                None
            }
        };
        let told = status.and_then(|status| status.size);
        let Some((read, counted)) = read else {
            self.end.messages += u64::from(counted.unwrap_or(0));
            self.add_bytes(told);
            self.figures.unread_folders.add(&path);
            return Ok(());
        };
        let whole = read.messages >= counted && read.sizeless == 0;
        if !whole {
            self.figures.unread_folders.add(&path);
        }
        self.end.messages += read.messages.max(counted);
        self.add_bytes(told.or(whole.then_some(0)).map(|told| told.max(read.bytes)));
        self.take(&path, &read);
        Ok(())
    }

    fn add_bytes(&mut self, bytes: Option<u64>) {
        self.end.bytes = self.end.bytes.zip(bytes).map(|(sum, more)| sum.saturating_add(more));
    }

    async fn read(&self, session: &mut Session) -> Result<FolderPass, ImapError> {
        let mut read = FolderPass::default();
        let mut messages = session.fetch(UidSet::all(), FetchItems::Sizes);
        while let Some(message) = messages.next().await? {
            read.messages += 1;
            if let Some(date) = message.internal_date {
                read.newest = read.newest.max(Some(date.unix_seconds));
            }
            let Some(size) = message.size else {
                read.sizeless += 1;
                continue;
            };
            read.bytes = read.bytes.saturating_add(size);
            read.largest = read.largest.max(Some(size));
            if size > LARGE_MESSAGE {
                read.large.add(size);
            }
            if self.limit.is_some_and(|limit| size > limit) {
                read.over_limit.add(size);
            }
        }
        for refused in messages.refused() {
            tracing::info!(refused = refused.refusal.text, "messages that are not listed");
        }
        Ok(read)
    }

    fn take(&mut self, path: &str, read: &FolderPass) {
        let known = self.figures.largest.as_ref().map_or(0, |largest| largest.bytes);
        if let Some(bytes) = read.largest.filter(|bytes| *bytes > known || self.figures.largest.is_none()) {
            self.figures.largest = Some(LargestMessage { bytes, folder: path.to_owned() });
        }
        self.figures.large.join(read.large);
        if let Some(over) = &mut self.figures.over_limit {
            over.join(read.over_limit);
        }
        if read.newest.is_some_and(|newest| newest < self.now - OLD_DAYS * DAY) {
            self.figures.old_folders.add(path);
        }
        self.newest = self.newest.max(read.newest);
    }

    /// The source's figures, and those of its messages.
    pub(super) fn end(mut self) -> (EndFigures, MessageFigures) {
        let newest = self.newest.and_then(|newest| Timestamp::from_second(newest).ok());
        self.figures.newest = newest.map(|newest| newest.to_string());
        (self.end, self.figures)
    }
}
