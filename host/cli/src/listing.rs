//! The project's list of mailboxes, for commands that need it before they ask anybody else.

use std::sync::Arc;

use mailhaul_engine::destinations::{self, AllowedHosts};
use mailhaul_engine::plugin::{
    Diagnostic, MailboxEntry, MailboxSource, PluginError, PluginFailure, PluginId, Severity,
};

use mailhaul_project::Project;

use crate::error::{Cause, Failure};
use crate::exit::Exit;
use crate::job;
use crate::ui::Ui;

/// Mailboxes asked for at once.
pub(crate) const PAGE: u32 = 1_000;
/// Pages of one listing: ten million mailboxes.
pub(crate) const MAX_PAGES: usize = 10_000;

/// Every mailbox a source lists; none of them sends a password where it may not go.
///
/// # Errors
/// As the engine's own listing: a plugin that broke, rows that are wrong, hosts the project does not allow.
pub(crate) async fn entries(
    ui: &mut Ui,
    project: &Project,
    source: &Arc<dyn MailboxSource>,
) -> Result<Vec<MailboxEntry>, Failure> {
    let mut entries = Vec::new();
    let mut token = None;
    for _ in 0..MAX_PAGES {
        let page = source.list_mailboxes(token.as_deref(), PAGE).await.map_err(broke)?;
        remarks(ui, &page.diagnostics)?;
        entries.extend(page.mailboxes);
        match page.next {
            None => return allowed(project, source, entries),
            next => token = next,
        }
    }
    Err(broke(endless(source.plugin(), "list-mailboxes")))
}

fn allowed(
    project: &Project,
    plugin: &Arc<dyn MailboxSource>,
    entries: Vec<MailboxEntry>,
) -> Result<Vec<MailboxEntry>, Failure> {
    let hosts = job::destinations(&project.mailboxes.hosts);
    let (source, target) = (job::server(&project.source), job::server(&project.target));
    match destinations::refusal(AllowedHosts::of(&**plugin, &hosts), &source, &target, &entries) {
        Some(refusal) => Err(Failure::refused(Exit::Input, &refusal.reasons, refusal.remedy.as_deref())),
        None => Ok(entries),
    }
}

/// Warnings are shown, errors end the command.
pub(crate) fn remarks(ui: &mut Ui, diagnostics: &[Diagnostic]) -> Result<(), Failure> {
    let sentence = |remark: &Diagnostic| match &remark.at {
        Some(place) => format!("{place}: {}", remark.message),
        None => remark.message.clone(),
    };
    let (errors, others): (Vec<_>, Vec<_>) =
        diagnostics.iter().partition(|remark| remark.severity == Severity::Error);
    for remark in others {
        ui.warn(&sentence(remark));
    }
    if errors.is_empty() {
        return Ok(());
    }
    let cause = |remark: &&Diagnostic| Cause { sentence: sentence(remark), hint: None };
    Err(Failure { exit: Exit::Input, causes: errors.iter().map(cause).collect() })
}

/// A listing that has no last page.
pub(crate) fn endless(plugin: &PluginId, call: &str) -> PluginError {
    let failure = PluginFailure::BadReply("its pages never end".to_owned());
    PluginError { plugin: plugin.clone(), call: call.to_owned(), failure }
}

/// A plugin that said no, or broke, ends the command.
pub(crate) fn broke(error: PluginError) -> Failure {
    Failure::new(Exit::Plugin, error.to_string(), None)
}
