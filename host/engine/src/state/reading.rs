//! What ledgers said when they were last read, kept in the record: a ledger whose files look as they did then
//! says the same, and is not opened.
//!
//! A project of ten thousand mailboxes is ten thousand files; opening each takes ten times as long as looking
//! at its size and its times.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::state::ledger::Ledger;
use crate::state::record::Reading;
use crate::summary::MailboxSummary;

/// What was written less than so long before a look may be written again without another time: file systems
/// count them in ticks of a few milliseconds.
const TICK: Duration = Duration::from_millis(100);

/// Which program read it, and how: raised when a ledger's rows come to mean something else.
const READER: &str = concat!(env!("CARGO_PKG_VERSION"), ".2");

/// A summary longer than this is read from its ledger each time.
const MAX_BYTES: usize = 64 * 1024;

/// What the files of a ledger look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    text: String,
    newest: SystemTime,
}

impl Stamp {
    /// Looks at a mailbox's ledger; `None` when there is none.
    #[must_use]
    pub(crate) fn of(state_dir: &Path, mailbox: &str) -> Option<Self> {
        let ledger = Ledger::file(state_dir, mailbox);
        let mut log = ledger.clone().into_os_string();
        log.push("-wal");
        let (text, newest) = look(&ledger)?;
        // What is committed and not yet in the file is in its write-ahead log.
        match look(Path::new(&log)) {
            Some((log, written)) => {
                Some(Self { text: format!("{READER} {text} {log}"), newest: newest.max(written) })
            }
            None => Some(Self { text: format!("{READER} {text}"), newest }),
        }
    }

    /// Whether nothing written since could look the same.
    #[must_use]
    pub(crate) fn is_settled(&self) -> bool {
        SystemTime::now().duration_since(self.newest).is_ok_and(|age| age > TICK)
    }
}

/// A file as it looks: its number, size and times.
fn look(file: &Path) -> Option<(String, SystemTime)> {
    let meta = fs::metadata(file).ok()?;
    let (changed, nanos) = (meta.ctime(), meta.ctime_nsec());
    let text =
        format!("{}.{}.{}.{changed}.{nanos}.{}", meta.dev(), meta.ino(), meta.len(), meta.mtime_nsec());
    Some((text, meta.modified().ok()?))
}

/// The kept readings of a project.
#[derive(Debug, Default)]
pub(crate) struct Readings(HashMap<String, Reading>);

impl Readings {
    #[must_use]
    pub(crate) fn new(kept: Vec<Reading>) -> Self {
        Self(kept.into_iter().map(|reading| (reading.mailbox.clone(), reading)).collect())
    }

    /// Returns what the ledger says, when it looks as it did.
    #[must_use]
    pub(crate) fn known(&self, mailbox: &str, stamp: &Stamp) -> Option<MailboxSummary> {
        let reading = self.0.get(mailbox).filter(|reading| reading.stamp == stamp.text)?;
        serde_json::from_str(&reading.summary).ok()
    }
}

/// Returns what to keep of a ledger that was read, if it looked like this before *and* looks so now.
#[must_use]
pub(crate) fn to_keep(
    state_dir: &Path,
    mailbox: &str,
    before: &Stamp,
    summary: &MailboxSummary,
) -> Option<Reading> {
    if !before.is_settled() || Stamp::of(state_dir, mailbox).as_ref() != Some(before) {
        return None;
    }
    let summary = serde_json::to_string(summary).ok().filter(|json| json.len() <= MAX_BYTES)?;
    Some(Reading { mailbox: mailbox.to_owned(), stamp: before.text.clone(), summary })
}
