//! `mailhaul provision`: creates the mailboxes that are missing on the target, through a plugin, or lists
//! them to be created by hand.

use mailhaul_app::provision::{self, Options, Report, Row};
use mailhaul_app::secrets;
use mailhaul_engine::cause::{Actor, Cause};
use mailhaul_engine::choice::MailboxChoice;
use serde::Serialize;

use crate::args::{Global, Provision};
use crate::drive::{self, Signals};
use crate::error::Failure;
use crate::exit::{self, Exit};
use crate::project;
use crate::ui::watcher::{self, Activity};
use crate::ui::{self, Ui};

/// What `provision --format json` prints, as `docs/contract.md` has it.
#[derive(Debug, Serialize)]
pub(crate) struct Document<'a> {
    schema: u32,
    /// Id and version; `None` where the mailboxes are to be created by hand.
    plugin: Option<&'a str>,
    mailboxes: Vec<Line<'a>>,
}

/// What became of one mailbox, named by its log-in on the target.
#[derive(Debug, Serialize)]
struct Line<'a> {
    mailbox: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<Actor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<u64>,
}

impl<'a> Document<'a> {
    pub(crate) fn of(report: &'a Report) -> Self {
        let line = |row: &'a Row| Line {
            mailbox: &row.mailbox,
            label: row.label.as_deref(),
            outcome: row.became.as_str(),
            detail: (!row.details.is_empty()).then(|| row.details.join("; ")),
            cause: row.cause,
            who: row.who,
            quota: row.quota,
        };
        let mailboxes = report.rows.iter().map(line).collect();
        Self { schema: 1, plugin: report.plugin.as_deref(), mailboxes }
    }
}

/// Creates what is missing; with `--dry-run` it only says what that is.
pub(crate) fn provision(ui: &mut Ui, global: &Global, args: &Provision) -> Result<Exit, Failure> {
    let project = project::for_work(ui, global)?;
    // Before signals are ours: a command that asks for a password can be broken off at once.
    let job = mailhaul_app::job(&project, &MailboxChoice::default())?;
    let options =
        Options { dry_run: args.dry_run, passwords: args.passwords.clone(), margin: args.quota_margin.0 };
    let mut watcher = watcher::for_task(ui, Activity::Creating);
    let runtime = drive::runtime()?;
    let report = runtime.block_on(async {
        let signals = Signals::install()?;
        let warn = &mut |text: &str| ui.warn(text);
        let (running, report) = provision::start(&project, job, options, warn).await?;
        let again = drive::Again::Continues;
        drive::follow(ui, running, signals, watcher.as_mut(), again, |_, _, _| Ok(())).await?;
        let report = report.await.map_err(|_| Failure::internal("the work broke off without a result"))?;
        Ok::<_, Failure>(report?)
    });
    runtime.shutdown_timeout(drive::SHUTDOWN_TIMEOUT);
    let report = report?;
    if let Some(place) = &report.made_key {
        ui.note(&key_was_made(place));
    }
    if report.made > 0 && secrets::unbacked(&project) {
        ui.warn(secrets::unbacked_sentence());
    }
    if ui.json() {
        ui.document(&Document::of(&report), true)?;
    } else {
        ui.data(&ui::provision::page(&report, ui.width, ui.palette))?;
        if let Some(next) = ui::provision::next_step(&report, args.dry_run) {
            ui.hint(&next);
        }
    }
    Ok(exit::of_provision(&report, args.dry_run))
}

/// Says where the key is that a store has just got.
pub(super) fn key_was_made(place: &str) -> String {
    format!("the key to this project's passwords was made: {place}; without it nobody can read them")
}
