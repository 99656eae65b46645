//! Starts a task and follows it.

use std::sync::Arc;

use mailhaul_engine::event::Event;
use mailhaul_engine::handle::{self, Command, Handle};
use mailhaul_engine::job::{Job, Task};
use mailhaul_engine::plan::PlanSettings;
use mailhaul_engine::plugin::Plugins;
use mailhaul_plugin_host::Cancel;
use mailhaul_project::Project;

use crate::plugins::{self, LoadedPlugins};
use crate::{Failure, Warn};

/// A task that has been started. It goes on by itself; dropping this stops it.
#[derive(Debug)]
pub struct Running {
    handle: Handle,
    cancel: Cancel,
    settings: PlanSettings,
    ended: bool,
}

/// Opens the project's plugins and starts a task with them, on the current tokio runtime. `job` is what
/// [`job`](fn@crate::job) has made of the same project.
///
/// # Errors
/// Plugins that are missing or do not load; inputs that cannot be read. What the task itself finds is among
/// its events.
pub async fn start(project: &Project, job: Job, task: Task, warn: Warn<'_>) -> Result<Running, Failure> {
    start_with(project, job, task, |_| {}, warn).await
}

/// As [`start`], with the plugins changed before anything is asked of them.
///
/// # Errors
/// As [`start`].
pub async fn start_with(
    project: &Project,
    job: Job,
    task: Task,
    change: impl FnOnce(&mut Plugins),
    warn: Warn<'_>,
) -> Result<Running, Failure> {
    let LoadedPlugins { mut plugins, cancel } = plugins::load(project, warn).await?;
    if matches!(task, Task::Check) && project.plugins.provisioning.is_some() {
        match plugins::provisioner(project).await {
            Ok(provisioner) => plugins.provisioner = Some(provisioner),
            // A check goes on without it: it only knows less.
            Err(failure) => warn(&format!(
                "the plugin that creates mailboxes cannot be asked which are there: {}",
                failure.causes.iter().map(|cause| cause.sentence.as_str()).collect::<Vec<_>>().join("; ")
            )),
        }
    }
    change(&mut plugins);
    let settings = PlanSettings::of(&job, &plugins);
    let running = Running::of(handle::start(Arc::new(job), plugins, task), cancel);
    Ok(Running { settings, ..running })
}

impl Running {
    /// Makes one of a task that is driven as the engine's are.
    pub(crate) fn of(handle: Handle, cancel: Cancel) -> Self {
        Self { handle, cancel, settings: PlanSettings::default(), ended: false }
    }

    /// What decides about every mailbox's plan: `[[folders]]`, `[select]` and the mapping plugins. Empty for
    /// what copies no mail.
    #[must_use]
    pub fn settings(&self) -> &PlanSettings {
        &self.settings
    }

    /// Waits for the next event; `None` after [`Event::Finished`], which is always the last. May be dropped
    /// before it is ready, and no event is lost.
    ///
    /// # Errors
    /// When the engine breaks off without a result.
    pub async fn next(&mut self) -> Result<Option<Event>, Failure> {
        // The channel stays open until this end of it closes.
        if self.ended {
            return Ok(None);
        }
        let event = self.handle.events.recv().await;
        let event = event.ok_or_else(|| Failure::fault("the work broke off without a result"))?;
        self.ended = matches!(event, Event::Finished(_));
        Ok(Some(event))
    }

    /// Asks the task and the plugins at work to stop; the events up to the last one still come, within five
    /// seconds. Calling it again changes nothing.
    pub fn stop(&self) {
        // Before the plugins hear of it: one that stops for it shall not pass for one that is done. A full
        // queue means that a Stop is waiting in it already; a closed one, that the task has ended.
        self.handle.commands.try_send(Command::Stop).ok();
        self.cancel.request();
    }
}
