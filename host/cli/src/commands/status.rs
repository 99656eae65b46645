//! `mailhaul status`: where the project stands, from the record and the ledgers alone.

use std::time::{Duration, Instant};

use mailhaul_app::secrets;
use mailhaul_engine::mailbox_state::MailboxState;
use mailhaul_engine::progress::Rate;
use mailhaul_engine::store;
use mailhaul_engine::summary::{MailboxSummary, ProjectSummary, Verdict};
use mailhaul_project::Project;
use mailhaul_report::fix_list::{csv, fix_list, markdown};
use serde_json::json;

use crate::args::{FixList, Global, Status};
use crate::drive::{Signals, runtime};
use crate::error::Failure;
use crate::exit::Exit;
use crate::project;
use crate::ui::status::{View, history, next_step, page};
use crate::ui::{Ui, screen};

/// How often `--watch` looks: a ledger is written several times a second.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// So long `--watch` waits for a task that was started at the same moment.
const WAIT_FOR_TASK: Duration = Duration::from_secs(10);

/// Runs and lines of the audit trail that `--history` shows.
const HISTORY: u32 = 50;

/// Shows the status once; with `--watch` at every change until nothing runs any more or a signal comes.
pub(crate) fn status(ui: &mut Ui, global: &Global, args: &Status) -> Result<Exit, Failure> {
    let project = project::for_reading(ui, global)?;
    if args.history {
        return show_history(ui, &project);
    }
    if secrets::unbacked(&project) {
        ui.warn(secrets::unbacked_sentence());
    }
    let mut shown = load(&project, args)?;
    if let Some(form) = args.fix_list {
        return show_fix_list(ui, &shown, form);
    }
    if !args.watch {
        show(ui, &shown, &View { width: ui.width, palette: ui.palette, ..View::default() }, true)?;
        if let Some(step) = next_step(&shown).filter(|_| !ui.json()) {
            ui.hint(step);
        }
        return Ok(Exit::Done);
    }
    runtime()?.block_on(async {
        let mut signals = Signals::install()?;
        let (begun, mut rate) = (Instant::now(), Rate::default());
        let mut seen_running = false;
        loop {
            let running = shown.runs.iter().find(|run| run.is_running());
            if running.is_some() {
                // What the ledgers have: the run's own row is a second behind.
                let counts = &shown.totals.counts;
                rate.sample(begun.elapsed(), counts.copied, counts.bytes);
            }
            let view = View {
                width: ui.width,
                height: (ui.out_is_terminal && !ui.json()).then(|| screen::size().1.saturating_sub(1).max(1)),
                palette: ui.palette,
                pace: running.and_then(|_| rate.pace()),
                // What waits goes on when its time has come, whatever the pace of the others.
                left: running
                    .filter(|_| !shown.states.contains_key(&MailboxState::Waiting))
                    .and_then(|_| rate.left(shown.totals.counts.pending)),
            };
            if ui.out_is_terminal && !ui.json() {
                ui.clear()?;
            }
            show(ui, &shown, &view, false)?;
            seen_running |= running.is_some();
            let awaited =
                !seen_running && shown.verdict != Verdict::Complete && begun.elapsed() < WAIT_FOR_TASK;
            if running.is_none() && !awaited {
                return Ok(Exit::Done);
            }
            if running.is_none() {
                ui.note("nothing runs now: waiting ten seconds for a command to begin");
            }
            // A look that finds everything as it was is not shown; but the rate of one who waits falls.
            loop {
                tokio::select! {
                    () = signals.next() => return Ok(Exit::Interrupted),
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
                let now = load(&project, args)?;
                let over = !awaited && !now.runs.iter().any(|run| run.is_running());
                // A screen shows the time that passes; a log has what changes beside it.
                let changed = now != shown && (ui.out_is_terminal || is_news(&shown, &now));
                shown = now;
                if changed {
                    break;
                }
                if over || !seen_running && begun.elapsed() >= WAIT_FOR_TASK {
                    return Ok(Exit::Done);
                }
            }
        }
    })
}

/// Whether more has changed than the time that the runs have taken so far.
fn is_news(before: &ProjectSummary, now: &ProjectSummary) -> bool {
    let timeless = |project: &ProjectSummary| {
        let mut project = project.clone();
        project.runs.iter_mut().filter(|run| run.is_running()).for_each(|run| run.seconds = 0.0);
        project.phases.iter_mut().filter(|phase| !phase.is_over()).for_each(|phase| phase.seconds = 0.0);
        project
    };
    timeless(before) != timeless(now)
}

/// Reads how the project stands, of the mailboxes that were asked for.
fn load(project: &Project, args: &Status) -> Result<ProjectSummary, Failure> {
    let mut summary = store::load(&project.state, &project.name)?;
    let Status { state, batch, mailbox, .. } = args;
    let wanted = |one: &MailboxSummary| {
        let standing = &one.standing;
        let named = |name: &String| *name == standing.mailbox || *name == one.source;
        (state.is_empty() || standing.unlisted.is_none() && state.contains(&standing.now.state))
            && (batch.is_empty() || standing.batch.as_ref().is_some_and(|one| batch.contains(one)))
            && (mailbox.is_empty() || mailbox.iter().any(named))
    };
    for name in mailbox {
        let named = |one: &MailboxSummary| *name == one.standing.mailbox || *name == one.source;
        if !summary.mailboxes.iter().any(named) {
            return Err(Failure::input(
                format!("--mailbox {name}: the project has no such mailbox"),
                Some("`mailhaul status` lists them; one that was never run or checked is not known yet"),
            ));
        }
    }
    for name in batch {
        if !summary.batches.iter().any(|one| one.batch == *name) {
            return Err(Failure::input(
                format!("--batch {name}: the list has no such batch"),
                Some("the list's column `batch` names them; the list is read by `check`, `plan` and `run`"),
            ));
        }
    }
    if !(state.is_empty() && batch.is_empty() && mailbox.is_empty()) {
        store::retain(&mut summary, wanted);
    }
    Ok(summary)
}

fn show(ui: &mut Ui, project: &ProjectSummary, view: &View, pretty: bool) -> Result<(), Failure> {
    if ui.json() {
        // With `--watch` one document per line, for a reader of streams.
        return ui.document(project, pretty);
    }
    ui.data(&page(project, view))
}

fn show_fix_list(ui: &mut Ui, project: &ProjectSummary, form: FixList) -> Result<Exit, Failure> {
    let groups = fix_list(project);
    if project.mailboxes.is_empty() && !ui.json() {
        ui.note("nothing was looked at yet: `mailhaul check` reads the list and tries both ends");
        return Ok(Exit::Done);
    }
    match form {
        _ if ui.json() => ui.document(&json!({ "schema": 1, "groups": groups }), true)?,
        FixList::Markdown => ui.data(&markdown(&project.project, &groups))?,
        FixList::Csv => ui.data(&csv(&groups).map_err(Failure::internal)?)?,
    }
    Ok(Exit::Done)
}

fn show_history(ui: &mut Ui, project: &Project) -> Result<Exit, Failure> {
    let (runs, notes) = store::history(&project.state, HISTORY)?;
    if ui.json() {
        ui.document(&json!({ "schema": 1, "runs": runs, "notes": notes }), true)?;
        return Ok(Exit::Done);
    }
    if runs.is_empty() && notes.is_empty() {
        ui.note("nothing has happened in this project yet");
    }
    ui.data(&history(&runs, &notes, &View { width: ui.width, palette: ui.palette, ..View::default() }))?;
    Ok(Exit::Done)
}
