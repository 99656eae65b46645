//! The project's list of mailboxes, for commands that need it before they ask anybody else.

use std::sync::Arc;

use mailhaul_engine::password_hosts::{self, AllowedHosts};
use mailhaul_engine::plugin::{
    Diagnostic, MailboxEntry, MailboxSource, PluginError, PluginFailure, PluginId, Severity, list_order,
};
use mailhaul_project::Project;

use crate::{Cause, Failure, TaskRefusalKind, Warn, job};

/// Mailboxes that a plugin is asked for at a time.
pub const PAGE: u32 = 1_000;
/// Pages that one listing may have: ten million mailboxes.
pub const MAX_PAGES: usize = 10_000;

/// Faults after which a listing is not read on.
const MAX_ERRORS: usize = 10_000;

/// Returns every mailbox a source lists; none of them sends a password where it may not go.
///
/// # Errors
/// As the engine's own listing: a plugin that broke, rows that are wrong, hosts the project does not allow.
pub async fn entries(
    project: &Project,
    source: &Arc<dyn MailboxSource>,
    warn: Warn<'_>,
) -> Result<Vec<MailboxEntry>, Failure> {
    let mut entries = Vec::new();
    let mut errors = Vec::new();
    let mut token = None;
    for _ in 0..MAX_PAGES {
        let page = source.list_mailboxes(token.as_deref(), PAGE).await.map_err(broke)?;
        let (faults, others): (Vec<_>, Vec<_>) =
            page.diagnostics.into_iter().partition(|remark| remark.severity == Severity::Error);
        remarks(&others, warn)?;
        errors.extend(faults);
        entries.extend(page.mailboxes);
        match page.next.filter(|_| errors.len() < MAX_ERRORS) {
            // What is wrong anywhere in the list is told at once.
            None => {
                errors.sort_by(|one: &Diagnostic, other| {
                    list_order(one.at.as_deref()).cmp(&list_order(other.at.as_deref()))
                });
                remarks(&errors, warn)?;
                return allowed(project, source, entries);
            }
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
    match password_hosts::refusal(AllowedHosts::of(&**plugin, &hosts), &source, &target, &entries) {
        Some(refusal) => {
            Err(Failure::refused(TaskRefusalKind::Input, &refusal.reasons, refusal.remedy.as_deref()))
        }
        None => Ok(entries),
    }
}

/// Hands those of a plugin's remarks that are no errors on to `warn`.
///
/// # Errors
/// Those that it calls errors, one cause each.
pub fn remarks(diagnostics: &[Diagnostic], warn: Warn<'_>) -> Result<(), Failure> {
    let sentence = |remark: &Diagnostic| match &remark.at {
        Some(place) => format!("{place}: {}", remark.message),
        None => remark.message.clone(),
    };
    let (errors, others): (Vec<_>, Vec<_>) =
        diagnostics.iter().partition(|remark| remark.severity == Severity::Error);
    for remark in others {
        warn(&sentence(remark));
    }
    if errors.is_empty() {
        return Ok(());
    }
    let cause = |remark: &&Diagnostic| Cause { sentence: sentence(remark), hint: None };
    Err(Failure { kind: TaskRefusalKind::Input, causes: errors.iter().map(cause).collect() })
}

/// Makes an error of a listing that has no last page within [`MAX_PAGES`].
#[must_use]
pub fn endless(plugin: &PluginId, call: &str) -> PluginError {
    let failure = PluginFailure::BadReply("its pages never end".to_owned());
    PluginError { plugin: plugin.clone(), call: call.to_owned(), failure }
}

/// Makes a failure of a plugin that said no, or broke.
#[must_use]
pub fn broke(error: PluginError) -> Failure {
    Failure::new(TaskRefusalKind::Plugin, error.to_string(), None)
}
