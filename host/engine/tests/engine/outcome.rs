//! What came of a task: what was told, and what is on disk.

use std::time::Duration;

use mailhaul_engine::event::{Event, Finish, MailboxEnd};
use mailhaul_engine::plan::MailboxPlan;
use mailhaul_engine::summary::{
    Counts, Difference, DifferenceKind, Exception, FolderSummary, MailboxSummary, ProjectSummary, Side,
    Verdict,
};
use mailhaul_engine::undo::UndoSummary;

/// What came of one task.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Event>,
    /// `None` when it was killed.
    pub(crate) finish: Option<Finish>,
    /// What is on disk afterwards.
    pub(crate) project: ProjectSummary,
    /// How much time passed on the clock that the tests move.
    pub(crate) waited: Duration,
    /// What the task and both servers took of the processor.
    pub(crate) took: Duration,
}

impl Outcome {
    /// The one mailbox's end.
    #[track_caller]
    pub(crate) fn end(&self) -> &MailboxEnd {
        let finish = self.finish.as_ref().expect("a task that ended");
        assert!(finish.refused.is_none(), "{:?}", finish.refused);
        let [(_, end)] = &finish.mailboxes[..] else { panic!("{finish:?}") };
        end
    }

    /// It ended well, whatever there is still to do.
    #[track_caller]
    pub(crate) fn well(&self) -> &Self {
        assert_eq!(self.end(), &MailboxEnd::Complete, "{self:#?}");
        self
    }

    /// It says so, and so does what is on disk.
    #[track_caller]
    pub(crate) fn complete(&self) -> &Self {
        assert_eq!(self.end(), &MailboxEnd::Complete, "{self:#?}");
        assert_eq!(self.mailbox().verdict, Verdict::Complete, "{self:#?}");
        self
    }

    /// It ended, and not well.
    #[track_caller]
    pub(crate) fn not_well(&self) -> &Self {
        assert_eq!(self.end(), &MailboxEnd::NotAllWell, "{self:#?}");
        assert_ne!(self.mailbox().verdict, Verdict::Complete, "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn interrupted(&self) -> &Self {
        assert_eq!(self.end(), &MailboxEnd::Interrupted, "{self:#?}");
        self
    }

    /// Why the mailbox stopped: side, cause and reason.
    #[track_caller]
    pub(crate) fn stopped(&self) -> (Side, String, String) {
        let stopped = self.end().stopped().unwrap_or_else(|| panic!("it did not stop: {self:#?}"));
        (stopped.side, stopped.cause.to_string(), stopped.reason.clone())
    }

    /// What is on disk about the one mailbox.
    #[track_caller]
    pub(crate) fn mailbox(&self) -> &MailboxSummary {
        let [mailbox] = &self.project.mailboxes[..] else { panic!("{:?}", self.project) };
        mailbox
    }

    /// Source messages, copied, present, skipped, failed and pending ones of all folders together.
    pub(crate) fn totals(&self) -> [u64; 6] {
        let Counts { source_messages, copied, already_present, skipped, failed, pending, .. } =
            self.project.totals.counts;
        [source_messages, copied, already_present, skipped, failed, pending]
    }

    #[track_caller]
    pub(crate) fn folder(&self, name: &str) -> &FolderSummary {
        let found = self.mailbox().folders.iter().find(|f| f.source == name);
        found.unwrap_or_else(|| panic!("no folder `{name}` in {:#?}", self.mailbox()))
    }

    /// The exception of a message, and its code.
    #[track_caller]
    pub(crate) fn exception(&self, folder: &str, uid: u32) -> (&Exception, String) {
        let found = self.mailbox().exceptions.iter().find(|e| e.folder == folder && e.uid == uid);
        let found =
            found.unwrap_or_else(|| panic!("no exception of `{folder}` {uid}: {:#?}", self.mailbox()));
        (found, found.code.to_string())
    }

    /// The code of the exception of a message.
    #[track_caller]
    pub(crate) fn code(&self, folder: &str, uid: u32) -> String {
        self.exception(folder, uid).1
    }

    /// The UIDs of everything that is no copy; 0 for what is about a folder.
    pub(crate) fn exceptions(&self) -> Vec<u32> {
        self.mailbox().exceptions.iter().map(|e| e.uid).collect()
    }

    /// Kind and source UID of the differences that are on record and no notes.
    #[track_caller]
    pub(crate) fn differences(&self) -> Vec<(DifferenceKind, u32)> {
        let real = self.mailbox().differences.iter().filter(|d| !d.note);
        real.map(|Difference { kind, uid, .. }| (*kind, *uid)).collect()
    }

    /// Everything that was said in warnings.
    pub(crate) fn warnings(&self) -> Vec<&str> {
        let mut said = Vec::new();
        for event in &self.events {
            if let Event::Warning { message, .. } = event {
                said.push(message.as_str());
            }
        }
        said
    }

    #[track_caller]
    pub(crate) fn warns(&self, text: &str) -> &Self {
        assert!(self.warnings().iter().any(|said| said.contains(text)), "{:#?}", self.warnings());
        self
    }

    #[track_caller]
    pub(crate) fn plan(&self) -> MailboxPlan {
        let plan = self.events.iter().find_map(|event| match event {
            Event::Planned(plan) => Some(plan.clone()),
            _ => None,
        });
        plan.unwrap_or_else(|| panic!("no plan in {self:#?}"))
    }

    /// What an undo did, folder by folder.
    pub(crate) fn undone(&self) -> Vec<&UndoSummary> {
        let mut all = Vec::new();
        for event in &self.events {
            if let Event::Undone { undone, .. } = event {
                all.push(undone);
            }
        }
        all
    }

    /// How often a connection was made anew.
    pub(crate) fn reconnects(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::Reconnecting { .. })).count()
    }
}
