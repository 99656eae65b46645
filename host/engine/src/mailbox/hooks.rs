//! The validation hooks: plugins that look at both finished ends and may add a failure.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use mailhaul_imap::{Folder, FolderPath, FolderStatus};
use sha2::{Digest, Sha256};

use crate::event::Event;
use crate::folder::work::{MailboxWork, Step, WorkError};
use crate::mailbox::listing::figures_and_flags;
use crate::mailbox::view::EndView;
use crate::mapping::target::Listing;
use crate::plugin::{Depth, FolderPair, HookOutcome, Severity, ValidationReport, ValidationRequest};
use crate::server::dial::{Ends, log_out};
use crate::side::Side;
use crate::state::ledger::LedgerError;
use crate::summary::HookSummary;
use crate::task::context::Context;

/// What both ends are like, as far as folder lists and figures tell.
#[derive(Debug, Default)]
pub(crate) struct EndsState {
    digest: Option<String>,
    folders: Option<(Vec<Folder>, Vec<Folder>)>,
}

impl EndsState {
    /// From lists read just now, and what [`figures_and_flags`] says of flags.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(crate) fn of(
        work: MailboxWork<'_>,
        (source, target): (Listing, Listing),
        same_flags: &HashSet<String>,
    ) -> Result<Self, LedgerError> {
        let source = moved(work.context, source);
        let flags = if same_flags.is_empty() { HashMap::new() } else { work.ledger().digest_flags()? };
        let flags = |path: &str| flags.get(path).filter(|_| same_flags.contains(path)).copied();
        let digest = digest(work.context, &source, &target, flags);
        Ok(Self { digest, ..Self::listed(work.context, source, target) })
    }

    /// From lists read just now, for validators that are to be asked whatever they said before.
    #[must_use]
    pub(crate) fn listed(context: &Context, source: Listing, target: Listing) -> Self {
        let source = moved(context, source);
        let folders = |listing: Listing| listing.into_iter().map(|(folder, _)| folder).collect();
        Self { digest: None, folders: Some((folders(source), folders(target))) }
    }

    /// Asks both ends.
    ///
    /// # Errors
    /// When an end or the ledger fails, and when the user stops it.
    pub(crate) async fn read(work: MailboxWork<'_>, ends: &mut Ends) -> Step<Self> {
        let (listings, same_flags) = figures_and_flags(work, ends).await?;
        Ok(Self::of(work, listings, &same_flags)?)
    }
}

/// The source's folders without those outside the mailbox's own namespace that no rule is about.
fn moved(context: &Context, mut source: Listing) -> Listing {
    let rules = &context.job.rules;
    source.retain(|(folder, _)| folder.is_own() || rules.iter().any(|rule| rule.apply_to(folder).is_some()));
    source
}

/// The same for the same mail, folders, flags of the source, validators and settings. `None` when the servers
/// do not tell enough: what is not known to be the same is looked at. `flags` stand for those of the messages
/// of a source folder that keeps no modification sequences.
fn digest(
    context: &Context,
    source: &Listing,
    target: &Listing,
    flags: impl Fn(&str) -> Option<u64>,
) -> Option<String> {
    let mut hash = Sha256::new();
    hash.update(&context.job.plugin_settings);
    for validator in &context.plugins.validators {
        hash.update(format!("{}\n", validator.plugin()));
    }
    for (side, of_source) in [(source, true), (target, false)] {
        let mut lines = Vec::with_capacity(side.len());
        for (folder, status) in side {
            // \Marked comes and goes with who looked last (RFC 9051 section 7.3.1).
            let marks = ["\\Marked", "\\Unmarked"];
            let mut attributes: Vec<&String> = folder
                .attributes
                .iter()
                .filter(|one| !marks.iter().any(|mark| mark.eq_ignore_ascii_case(one)))
                .collect();
            attributes.sort_unstable();
            let path = folder.path.to_string();
            let no_messages = |status: &FolderStatus| status.messages == Some(0);
            let flags = || match status.as_ref().is_some_and(no_messages) {
                true => Some(0),
                false => flags(&path),
            };
            let figures = match status {
                _ if !folder.selectable => None,
                // Flags on the target are its user's, and some servers raise the sequence by looking.
                Some(FolderStatus {
                    messages: Some(messages),
                    uid_next: Some(next),
                    uid_validity: Some(validity),
                    highest_modseq,
                    ..
                }) if highest_modseq.is_some() || flags().is_some() || !of_source => {
                    let flags = highest_modseq.or_else(flags).filter(|_| of_source);
                    Some((messages, next, validity, flags))
                }
                figures => {
                    tracing::debug!(folder = %folder.path, ?figures, "not enough to know it again");
                    return None;
                }
            };
            lines.push(format!("{path} {attributes:?} {} {figures:?}", folder.subscribed));
        }
        lines.sort_unstable();
        lines.iter().for_each(|line| hash.update(line));
        hash.update(b"\0");
    }
    let digest: [u8; 32] = hash.finalize().into();
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Runs every validator of the project, or repeats what they said when both ends were in the same `state`;
/// the ledger has their answers then. Closes both connections.
///
/// # Errors
/// When the ledger fails. A plugin that breaks is recorded as inconclusive. [`WorkError::Interrupted`] when
/// the user stops it before all have answered: what they said before stands then.
pub(crate) async fn run(work: MailboxWork<'_>, ends: Ends, depth: Depth, state: EndsState) -> Step<()> {
    let MailboxWork { context, mailbox, ledger, lists } = work;
    let known = match &state.digest {
        Some(digest) => work.ledger().hooks_of(digest)?,
        None => None,
    };
    if context.plugins.validators.is_empty() {
        work.ledger().set_hooks(&[], None)?;
    }
    if let Some(hooks) = known.filter(|hooks| hooks.len() == context.plugins.validators.len()) {
        tokio::join!(log_out(ends.source), log_out(ends.target));
        for hook in &hooks {
            context.emit(Event::HookFinished { mailbox: mailbox.key.clone(), hook: hook.clone() }).await;
        }
        return Ok(());
    }
    if context.plugins.validators.is_empty() {
        tokio::join!(log_out(ends.source), log_out(ends.target));
        return Ok(());
    }
    let (folders, differences) = {
        let ledger = work.ledger();
        (ledger.folder_summaries()?, ledger.differences()?)
    };
    let mut taken_away: HashMap<&str, Vec<u32>> = HashMap::new();
    for gone in differences.iter().filter(|difference| difference.is_by_owner()) {
        taken_away.entry(&gone.folder).or_default().push(gone.uid);
    }
    let request = ValidationRequest {
        phase: crate::plugin::Phase::AfterRun,
        round_trip: None,
        mailbox: mailbox.key.clone(),
        depth,
        seed: seed(&mailbox.key),
        folders: folders
            .iter()
            .filter_map(|f| {
                let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
                Some(FolderPair {
                    source: FolderPath::parse(&f.source),
                    target: FolderPath::parse(f.target.as_deref()?),
                    source_messages: count(f.counts.source_messages),
                    copied: count(f.counts.copied),
                    already_present: count(f.counts.already_present),
                    skipped: count(f.counts.skipped),
                    failed: count(f.counts.failed),
                    taken_away: taken_away.remove(f.source.as_str()).unwrap_or_default(),
                })
            })
            .collect(),
    };
    let (source_folders, target_folders) = state.folders.unzip();
    let source = Arc::new(EndView::new(Side::Source, ends.source, Arc::clone(ledger), source_folders, lists));
    let target = Arc::new(EndView::new(Side::Target, ends.target, Arc::clone(ledger), target_folders, lists));
    let mut answers = Vec::new();
    for validator in &context.plugins.validators {
        source.refill();
        target.refill();
        let answer = match context.stop.is_raised() {
            true => None,
            false => Some(validator.validate(&request, source.clone(), target.clone()).await),
        };
        let is_told = |report: &ValidationReport| report.outcome != HookOutcome::Inconclusive;
        let cut_off = !answer.as_ref().is_some_and(|answer| answer.as_ref().is_ok_and(is_told));
        let Some(answer) = answer.filter(|_| !(cut_off && context.stop.is_raised())) else {
            // A question that was broken off is none that was answered.
            tokio::join!(source.close(), target.close());
            return Err(WorkError::Interrupted);
        };
        let hook = match answer {
            Ok(report) => HookSummary {
                plugin: validator.plugin().id.clone(),
                outcome: report.outcome,
                findings: report.findings,
            },
            Err(error) => {
                work.warn(error.to_string()).await;
                HookSummary {
                    plugin: validator.plugin().id.clone(),
                    outcome: HookOutcome::Inconclusive,
                    findings: vec![crate::plugin::Finding {
                        severity: Severity::Warning,
                        code: "plugin".into(),
                        message: error.to_string(),
                        folder: None,
                        uid: None,
                    }],
                }
            }
        };
        context.emit(Event::HookFinished { mailbox: mailbox.key.clone(), hook: hook.clone() }).await;
        answers.push(hook);
    }
    // What could not be told this time may be the next.
    let conclusive = answers.iter().all(|hook| hook.outcome != HookOutcome::Inconclusive);
    work.ledger().set_hooks(&answers, state.digest.as_deref().filter(|_| conclusive))?;
    tokio::join!(source.close(), target.close());
    Ok(())
}

/// The same for the same mailbox, so that a validator's sample can be repeated.
fn seed(mailbox: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(mailbox.as_bytes()).into();
    digest.iter().take(8).fold(0, |n, b| n << 8 | u64::from(*b))
}
