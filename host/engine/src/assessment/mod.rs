//! What is known of a mailbox before a date is promised: figures of both ends, and what follows from them.
//!
//! An [`Assessment`] is what the servers said, and nothing else. What it means is worked out anew on every
//! look: the risk in [`risk`], the time in [`forecast`], what IMAP does not carry in [`beyond`].

pub mod beyond;
pub mod forecast;
pub mod risk;

use serde::{Deserialize, Serialize};

use crate::summary::Stopped;

/// Names of folders that are kept for one remark; of more than these only the number is.
pub(crate) const NAMED: usize = 10;

/// Messages above this are counted whatever the target takes: 25 MiB is what many hosts stop at when nobody
/// has raised it, so they are worth a question before there is a target.
pub const LARGE_MESSAGE: u64 = 25 << 20;

/// A folder whose newest mail is older than this many days counts as old: two years.
pub const OLD_DAYS: i64 = 730;

/// One mailbox as its servers showed it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// Key of the mailbox.
    pub mailbox: String,
    /// When it was read: UTC, RFC 3339.
    pub at: String,
    /// The old host's end.
    pub source: EndFigures,
    /// The new host's end; `None` where the project does not say how to sign in there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<EndFigures>,
    /// What the messages at the source are like.
    pub messages: MessageFigures,
    /// Folders that other users share, or that are public (RFC 2342): no part of the mailbox.
    pub shared_folders: NamedFolders,
    /// Folders that hold appointments, contacts, tasks or notes, by their names: IMAP shows them as mail.
    pub not_mail: NamedFolders,
    /// Bytes of the source's messages that earlier runs have dealt with.
    pub settled_bytes: u64,
}

impl Assessment {
    /// Returns the bytes that the target still needs room for; `None` when the source does not tell sizes.
    #[must_use]
    pub fn bytes_to_copy(&self) -> Option<u64> {
        Some(self.source.bytes?.saturating_sub(self.settled_bytes))
    }

    /// Returns the bytes that are free on the target; `None` when it has no quota, or was not asked.
    #[must_use]
    pub fn target_room(&self) -> Option<u64> {
        self.target.as_ref()?.quota.map(QuotaFigures::free)
    }

    /// Returns whether the source was read to its end.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.source.stopped.is_none()
    }
}

/// What one end said of a mailbox and of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EndFigures {
    /// The log-in.
    pub user: String,
    /// Host name, as it is dialled.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Why this end could not be read; the figures below are then all empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// Folders of the mailbox that can be opened.
    pub folders: u64,
    /// Messages in them, by STATUS.
    pub messages: u64,
    /// Bytes of these messages; `None` when the server does not tell the size of all of them.
    pub bytes: Option<u64>,
    /// The storage quota; `None` when the server has none or does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaFigures>,
    /// The largest message that it takes, in bytes: APPENDLIMIT, else what its profile says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub append_limit: Option<u64>,
    /// What a server profile knows of the host; `None` when none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderFigures>,
    /// One round trip to the server, in milliseconds; `None` where none was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<u32>,
}

/// How full a mailbox is (RFC 9208), in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaFigures {
    /// Bytes in use, by the server's account.
    pub used: u64,
    /// Bytes that it may hold.
    pub limit: u64,
}

impl QuotaFigures {
    /// Returns the bytes that are free.
    #[must_use]
    pub fn free(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// What a server profile knows of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderFigures {
    /// The provider's stable name, e.g. `gmail`.
    pub id: String,
    /// Its name for people, e.g. `Gmail`.
    pub name: String,
    /// Connections at once, all mailboxes together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<u32>,
    /// Connections of one mailbox at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections_per_mailbox: Option<u32>,
    /// What it gives and takes in a time.
    #[serde(flatten)]
    pub budget: Budget,
    /// What to know about it before a move, one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
}

/// What a provider gives and takes of one mailbox in a time; `None` where no limit is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Bytes a day that can be read from a mailbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gives_a_day: Option<u64>,
    /// Bytes a day that can be stored in a mailbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takes_a_day: Option<u64>,
    /// Messages an hour that can be stored in a mailbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takes_messages_an_hour: Option<u64>,
}

/// What the messages of a mailbox are like, by one pass over their sizes and dates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MessageFigures {
    /// The largest message; `None` for a mailbox without any, or whose server tells no sizes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest: Option<LargestMessage>,
    /// Messages above [`LARGE_MESSAGE`].
    pub large: Portion,
    /// Messages above what the target takes; `None` when that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_limit: Option<Portion>,
    /// INTERNALDATE of the newest message: UTC, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// Folders with mail of which the newest is older than [`OLD_DAYS`].
    pub old_folders: NamedFolders,
    /// Folders that the server lists and does not open, or whose messages it does not list.
    pub unread_folders: NamedFolders,
}

/// The largest message of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargestMessage {
    /// RFC822.SIZE in bytes, by the server's account.
    pub bytes: u64,
    /// The folder that it is in, in display form.
    pub folder: String,
}

/// Some of the messages of a mailbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portion {
    /// How many.
    pub messages: u64,
    /// Their sizes added up, in bytes.
    pub bytes: u64,
}

impl Portion {
    /// Counts one more message.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Counts those as well.
    pub(crate) fn join(&mut self, more: Self) {
        self.messages += more.messages;
        self.bytes = self.bytes.saturating_add(more.bytes);
    }
}

/// Folders of which only the first few are named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedFolders {
    /// How many there are.
    pub count: u64,
    /// The first of them, in display form; at most ten.
    pub first: Vec<String>,
}

impl NamedFolders {
    /// Counts one more folder, and names it while there is room.
    pub(crate) fn add(&mut self, folder: &str) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(folder.to_owned());
        }
    }

    /// Returns their names for a sentence: the first three, and the number of the others.
    #[must_use]
    pub fn named(&self) -> String {
        const SHOWN: usize = 3;
        let shown: Vec<&str> = self.first.iter().take(SHOWN).map(String::as_str).collect();
        let more = self.count.saturating_sub(shown.len() as u64);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", shown.join(", "))
    }
}

/// All mailboxes of a project that were assessed, with what a forecast needs beside them.
#[derive(Debug, Clone, Default)]
pub struct ProjectAssessment {
    /// `[project] name`.
    pub project: String,
    /// Now: UTC, RFC 3339. What is shown as an age counts from here.
    pub now: String,
    /// Every mailbox that was assessed, in list order.
    pub mailboxes: Vec<Assessment>,
    /// Keys of mailboxes of the list that nobody has come to yet.
    pub missing: Vec<String>,
    /// `[limits] mailboxes_at_once`.
    pub mailboxes_at_once: u64,
    /// `[limits] connections_per_host`.
    pub connections_per_host: u64,
    /// How fast this project has copied, if it has.
    pub measured: Option<forecast::MeasuredRun>,
    /// Hours, bandwidth and budgets of the operator's.
    pub ceilings: forecast::Ceilings,
}

impl ProjectAssessment {
    /// Returns what all mailboxes have in common, as a forecast needs it.
    #[must_use]
    pub fn circumstances(&self) -> forecast::Circumstances {
        forecast::Circumstances {
            mailboxes_at_once: self.mailboxes_at_once,
            connections_per_host: self.connections_per_host,
            measured: self.measured.clone(),
            ceilings: self.ceilings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_bounded_and_what_is_counted_is_not() {
        let mut folders = NamedFolders::default();
        assert_eq!(folders.named(), "");
        (0..10_000).for_each(|n| folders.add(&format!("f{n}")));
        assert_eq!((folders.count, folders.first.len()), (10_000, NAMED));
        assert_eq!(folders.named(), "f0, f1, f2 and 9997 more");
    }
}
