//! `validator`: what a component finds in a moved mailbox.

use std::sync::Arc;

use async_trait::async_trait;
use mailhaul_engine::plugin::{
    Depth, Finding, FolderPair, HookOutcome, MailboxView, Phase, PluginError, PluginId, RoundTrip,
    RoundTripOutcome, Severity, ValidationReport, ValidationRequest, Validator,
};

use crate::bindings::imports::mailhaul::plugin::types::Side;
use crate::bindings::validating::ValidatingPre;
use crate::bindings::validating::exports::mailhaul::plugin::validator as wit;
use crate::call::Caller;
use crate::caps::evidence::ViewHandle;
use crate::inputs::Inputs;
use crate::kinds::convert;
use crate::limits::{CODE, MESSAGE, REMARKS};
use crate::state::CallState;
use crate::text;

const CALL: &str = "validate";

/// A component used as a validator.
pub(crate) struct WasmValidator {
    pub(crate) caller: Caller,
    pub(crate) prepared: ValidatingPre<CallState>,
}

#[async_trait]
impl Validator for WasmValidator {
    fn plugin(&self) -> &PluginId {
        &self.caller.plugin
    }

    async fn validate(
        &self,
        request: &ValidationRequest,
        source: Arc<dyn MailboxView>,
        target: Arc<dyn MailboxView>,
    ) -> Result<ValidationReport, PluginError> {
        let wire = wire(request);
        let prepared = self.prepared.clone();
        let (report, _store) = self
            .caller
            .ask(CALL, Arc::new(Inputs::new()), move |store| {
                Box::pin(async move {
                    // The guest's to drop, as some languages cannot drop what is lent; with its instance at
                    // the latest.
                    let source =
                        store.data_mut().hand_out(ViewHandle { side: Side::Source, view: source })?;
                    let target =
                        store.data_mut().hand_out(ViewHandle { side: Side::Target, view: target })?;
                    let instance = prepared.instantiate_async(&mut *store).await?;
                    let validator = instance.mailhaul_plugin_validator();
                    validator.call_validate(&mut *store, &wire, source, target).await
                })
            })
            .await?;
        checked(report).map_err(|why| self.caller.bad(CALL, why))
    }
}

fn wire(request: &ValidationRequest) -> wit::ValidationRequest {
    let pair = |pair: &FolderPair| wit::FolderPair {
        source: pair.source.0.clone(),
        target: pair.target.0.clone(),
        source_messages: pair.source_messages,
        copied: pair.copied,
        already_present: pair.already_present,
        skipped: pair.skipped,
        failed: pair.failed,
        extras: taken_away(&pair.taken_away),
    };
    wit::ValidationRequest {
        mailbox: request.mailbox.clone(),
        phase: match request.phase {
            Phase::AfterRun => wit::Phase::AfterRun,
            Phase::AfterCutover => wit::Phase::AfterCutover,
        },
        depth: match request.depth {
            Depth::Counts => wit::Depth::Counts,
            Depth::Headers => wit::Depth::Headers,
            Depth::Full => wit::Depth::Full,
        },
        seed: request.seed,
        folders: request.folders.iter().map(pair).collect(),
        round_trip: request.round_trip.as_ref().map(round_trip),
        extras: Vec::new(),
    }
}

/// The extra `taken-away`: source UIDs, comma-separated; no extra where there are none.
fn taken_away(uids: &[u32]) -> Vec<(String, String)> {
    let uids: Vec<String> = uids.iter().map(u32::to_string).collect();
    if uids.is_empty() { Vec::new() } else { vec![("taken-away".into(), uids.join(","))] }
}

fn round_trip(trip: &RoundTrip) -> wit::RoundTrip {
    wit::RoundTrip {
        outcome: match trip.outcome {
            RoundTripOutcome::Arrived => wit::RoundTripOutcome::Arrived,
            RoundTripOutcome::ArrivedAtSource => wit::RoundTripOutcome::ArrivedAtSource,
            RoundTripOutcome::Missing => wit::RoundTripOutcome::Missing,
            RoundTripOutcome::NotSent => wit::RoundTripOutcome::NotSent,
        },
        seconds: trip.seconds,
        folder: trip.folder.as_ref().map(|path| path.0.clone()),
        detail: trip.detail.clone(),
        extras: Vec::new(),
    }
}

/// Converts a report to the engine's type, or says how it breaks the contract.
fn checked(report: wit::Report) -> Result<ValidationReport, String> {
    if report.findings.len() > REMARKS {
        return Err(format!("{} findings, at most {REMARKS} are allowed", report.findings.len()));
    }
    let mut findings = report.findings.into_iter().map(finding).collect::<Result<Vec<_>, _>>()?;
    let outcome = match report.outcome {
        wit::Outcome::Pass => HookOutcome::Pass,
        wit::Outcome::Fail => HookOutcome::Fail,
        // The engine's verdict has no room for the reason: it becomes a finding.
        wit::Outcome::Inconclusive(why) | wit::Outcome::Other(why) => {
            findings.push(Finding {
                severity: Severity::Warning,
                code: "inconclusive".to_owned(),
                message: text::shown(&why, MESSAGE),
                folder: None,
                uid: None,
            });
            HookOutcome::Inconclusive
        }
    };
    Ok(ValidationReport { outcome, checked_messages: report.checked_messages, findings })
}

fn finding(finding: wit::Finding) -> Result<Finding, String> {
    Ok(Finding {
        severity: convert::severity(finding.severity),
        code: text::shown(&finding.code, CODE),
        message: text::shown(&finding.message, MESSAGE),
        folder: finding.folder.map(convert::known_path).transpose()?.map(|path| path.to_string()),
        uid: finding.uid,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::imports::mailhaul::plugin::types;

    fn report(outcome: wit::Outcome, findings: usize) -> wit::Report {
        let finding = wit::Finding {
            severity: types::Severity::Error,
            code: "c".into(),
            message: "m\n".into(),
            folder: Some(vec!["Sent".into()]),
            uid: Some(1),
            extras: Vec::new(),
        };
        wit::Report { outcome, checked_messages: 1, findings: vec![finding; findings], extras: Vec::new() }
    }

    #[test]
    fn reports_arrive_bounded_and_escaped() {
        let good = checked(report(wit::Outcome::Fail, 1)).unwrap();
        assert_eq!((good.outcome, good.findings[0].message.as_str()), (HookOutcome::Fail, "m\\n"));
        assert!(checked(report(wit::Outcome::Pass, REMARKS + 1)).is_err());
    }

    #[test]
    fn the_reason_for_doubt_is_shown() {
        let doubt = checked(report(wit::Outcome::Inconclusive("no connection".into()), 0)).unwrap();
        assert_eq!(doubt.outcome, HookOutcome::Inconclusive);
        assert_eq!(doubt.findings[0].message, "no connection");
    }
}
