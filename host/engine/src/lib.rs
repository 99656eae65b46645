//! The migration engine: moves mailboxes from one IMAP server to another, and proves that it did.
//!
//! It knows no terminal, no command line and no WebAssembly. A front end builds a [`Job`](job::Job) and the
//! [`Plugins`](plugin::Plugins), hands both with a [`Task`](job::Task) to [`handle::start`], and draws from
//! the stream of [`Event`](event::Event)s; the last of them says how everything ended.
//!
//! # Start here
//!
//! 1. [`handle::start`] spawns the task. Its first step reads the list of mailboxes from the source plugin.
//! 2. For each mailbox, a few at a time: both servers are dialled, and folders are listed on both sides.
//! 3. The plan ([`plan::MailboxPlan`]) says where each folder goes: operator's rules, then mappers, then the
//!    rest.
//! 4. Each folder is opened on both ends, and what the ledger has settled is subtracted from the source's
//!    list.
//! 5. What the target holds already is found by content, whoever put it there.
//! 6. The rest is streamed from UID FETCH into pipelined APPENDs; the intent is in the ledger before the
//!    first byte.
//! 7. Acknowledgements become ledger rows, and the target's list is compared with them.
//! 8. When a folder's sum holds, both sides' figures are recorded: an unchanged folder stays closed from then
//!    on.
//! 9. Validators look at both ends, and may add a failure.
//! 10. [`store::load`] reads all of that back as a [`ProjectSummary`](summary::ProjectSummary), without a
//!     connection.
//!
//! Fed with the same events, [`progress::Progress`] says how far a task is.
//!
//! What must always hold is listed in `host/ARCHITECTURE.md`; `rooms.rs` keeps the modules in its order.
//!
//! # Example
//!
//! A run between two scripted servers in memory, over a list of one mailbox:
//!
//! ```
//! use std::sync::Arc;
//!
//! use mailhaul_engine::clock::SystemClock;
//! use mailhaul_engine::password_hosts::Server;
//! use mailhaul_engine::event::Event;
//! use mailhaul_engine::handle::start;
//! use mailhaul_engine::choice::MailboxChoice;
//! use mailhaul_engine::job::{HostSettings, IgnoredDifferences, Job, Limits, Selection, Task};
//! use mailhaul_engine::plugin::{
//!     AccountEntry, MailboxEntry, MailboxPage, MailboxSource, PluginError, PluginId, Plugins, SideProfilers,
//! };
//! use mailhaul_engine::run_kind::Requester;
//! use mailhaul_imap::{AuthMethod, Secret};
//! use mailhaul_lab::fake::{Fake, Manners};
//! use mailhaul_net::{Dialer, TlsMode};
//!
//! /// Lists the mailbox of Ann; in a project, a plugin reads a table or asks a control panel.
//! struct Ann(PluginId);
//!
//! #[async_trait::async_trait]
//! impl MailboxSource for Ann {
//!     fn plugin(&self) -> &PluginId {
//!         &self.0
//!     }
//!
//!     async fn list_mailboxes(&self, _token: Option<&str>, _max: u32) -> Result<MailboxPage, PluginError> {
//!         let account = |host: &str| AccountEntry {
//!             login: format!("ann@{host}"),
//!             secret: Some(Secret::from(b"geheim".to_vec())),
//!             ..AccountEntry::default()
//!         };
//!         let (source, target) = (account("old.example"), account("new.example"));
//!         let ann = MailboxEntry { key: "ann".to_owned(), source, target, ..MailboxEntry::default() };
//!         Ok(MailboxPage { mailboxes: vec![ann], ..MailboxPage::default() })
//!     }
//! }
//!
//! fn host(name: &str, server: &Fake) -> HostSettings {
//!     let server_here = server.clone();
//!     HostSettings {
//!         server: Server {
//!             host: Some(name.to_owned()),
//!             port: None,
//!             tls: TlsMode::None,
//!             admin_hosts: Vec::new(),
//!             shared: None,
//!         },
//!         dialer: Dialer::platform().through(move |_| std::future::ready(Ok(server_here.connect()))),
//!         method: AuthMethod::Password,
//!         admin: None,
//!         user_pattern: None,
//!         token: None,
//!         allow_cleartext: true,
//!         compress: false,
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let (source, target) = (Fake::in_memory(Manners::default()), Fake::in_memory(Manners::default()));
//! source.store(|store| {
//!     store.add("INBOX", &["\\Seen"], "05-May-2021 05:05:05 +0000", b"Subject: hello\r\n\r\nHello, Ann.\r\n")
//! });
//! let state = tempfile::tempdir().unwrap();
//! let job = Job {
//!     name: "acme".to_owned(),
//!     state_dir: state.path().join("state"),
//!     source: host("old.example", &source),
//!     target: host("new.example", &target),
//!     mailbox_hosts: Vec::new(),
//!     rules: Vec::new(),
//!     select: Selection::default(),
//!     ignore: IgnoredDifferences::default(),
//!     limits: Limits::default(),
//!     plugin_settings: String::new(),
//!     choice: MailboxChoice::default(),
//!     requester: Requester::on_terminal("eve"),
//!     clock: Arc::new(SystemClock),
//! };
//! let plugins = Plugins {
//!     source: Arc::new(Ann(PluginId { id: "ann".to_owned(), version: "1.0.0".to_owned() })),
//!     mappers: Vec::new(),
//!     validators: Vec::new(),
//!     source_profiles: SideProfilers::default(),
//!     target_profiles: SideProfilers::default(),
//!     provisioner: None,
//! };
//!
//! let mut task = start(Arc::new(job), plugins, Task::Run { newest: None, plan: None, delete_gone: false, over_quota: false });
//! while let Some(event) = task.events.recv().await {
//!     match event {
//!         Event::FolderFinished { folder, .. } => assert!(folder.counts.adds_up()),
//!         Event::Finished(finish) => assert_eq!(finish.messages, 1),
//!         _ => {}
//!     }
//! }
//! assert_eq!(target.store(|store| store.messages("INBOX").len()), 1);
//! # }
//! ```

// The vocabulary: what front ends and plugins see. It opens no connection and no file.
mod account;
pub mod assessment;
pub mod cause;
pub mod choice;
pub mod clock;
pub mod code;
pub mod event;
pub mod hours;
pub mod job;
pub mod mailbox_state;
mod named_enum;
pub mod password_hosts;
pub mod plan;
pub mod plugin;
pub mod progress;
pub mod rules;
pub mod run_kind;
mod run_summary;
mod side;
pub mod summary;
pub mod tally;
mod verdict;

#[cfg(test)]
mod rooms;

// Three services. What is on disk; what all mailboxes of a task share; the way to both servers.
mod server;
mod state;
mod task;

// Four scales, and beside them where folders go. Each may use those below it.
mod fleet;
mod folder;
mod mailbox;
mod mapping;
mod message;

pub use fleet::handle;
pub use fleet::probe::Probe;

/// What is wrong with a host, and what to do: the same sentences before there is a project and in a run.
pub mod host {
    pub use crate::server::host_fault::{certificate_facts, explain};
    pub use crate::task::outages::HostFault;
}

/// The errors of the files in the state folder: ledgers and `project.sqlite`.
pub mod ledger {
    pub use crate::state::ledger::LedgerError;
}

/// What is on disk: the claim on the state folder, and how projects and mailboxes stand.
pub mod store {
    pub use crate::state::own::{ForeignStateDir, claim};
    pub use crate::state::standing::{history, load, measured, retain};
}

/// The project's record: mailboxes, runs and their outcomes, decisions, the audit trail.
pub mod record {
    pub use crate::state::record::{
        Acceptance, AccountRecord, Approval, Fact, LearntCeiling, ListedMailbox, NewApproval, NewPlan,
        NewRun, Note, Outcome, PlanSums, PlannedRow, Reading, Record, RecordedApproval, RecordedMailbox,
        RecordedPlan, RecordedRun, RunForecast, RunId, RunResult, RunWait, Spent, Stage, exists, note, now,
        open,
    };
}

/// `undo`: what it would do by the ledger alone, and what it did.
pub mod undo {
    pub use crate::event::{UndoException, UndoExceptionCode, UndoSummary};
    pub use crate::mailbox::undo::{folders, preview};
}
