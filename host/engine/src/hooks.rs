//! The validation hooks: plugins that look at both finished ends and may add a failure.

use std::sync::Arc;

use crate::context::Context;
use crate::ends::log_out;
use crate::event::Event;
use crate::folder_run::Pair;
use crate::mailbox::Mailbox;
use crate::plugin::{Depth, FolderPair, HookOutcome, Severity, ValidationRequest};
use crate::summary::{HookSummary, Side};
use crate::view::View;
use crate::work::{SharedLedger, WorkError, locked};
use mailhaul_imap::FolderPath;
use sha2::{Digest, Sha256};

/// Runs every validator of the project; returns whether one said `fail`.
///
/// # Errors
/// When the ledger fails. A plugin that breaks is recorded as inconclusive.
pub(crate) async fn run(
    context: &Context,
    mailbox: &Mailbox,
    ledger: &SharedLedger,
    pair: Pair,
    depth: Depth,
) -> Result<bool, WorkError> {
    if context.plugins.validators.is_empty() {
        locked(ledger).set_hooks(&[], None)?;
        log_out(pair.source).await;
        log_out(pair.target).await;
        return Ok(false);
    }
    let folders = locked(ledger).folder_summaries()?;
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
                })
            })
            .collect(),
    };
    let source = Arc::new(View::new(Side::Source, pair.source, Arc::clone(ledger)));
    let target = Arc::new(View::new(Side::Target, pair.target, Arc::clone(ledger)));
    let mut answers = Vec::new();
    for validator in &context.plugins.validators {
        source.refill();
        target.refill();
        let answer = validator.validate(&request, source.clone(), target.clone()).await;
        let hook = match answer {
            Ok(report) => HookSummary {
                plugin: validator.plugin().id.clone(),
                outcome: report.outcome,
                findings: report.findings,
            },
            Err(error) => {
                context.warn(&mailbox.key, error.to_string()).await;
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
        context.tell(Event::HookFinished { mailbox: mailbox.key.clone(), hook: hook.clone() }).await;
        answers.push(hook);
    }
    locked(ledger).set_hooks(&answers, None)?;
    source.close().await;
    target.close().await;
    Ok(crate::run::any_failed(&answers))
}

/// The same for the same mailbox, so that a validator's sample can be repeated.
fn seed(mailbox: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(mailbox.as_bytes()).into();
    digest.iter().take(8).fold(0, |n, b| n << 8 | u64::from(*b))
}
