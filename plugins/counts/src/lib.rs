//! Checks the sum of every folder and that the target really holds what the ledger says it does.

use std::collections::BTreeSet;

use mailhaul_plugin::{
    Extras, Finding, FolderPair, FolderPath, MailboxView, PluginError, Report, Severity, ValidationRequest,
    Validator, ViewError,
};

/// Messages asked for at once: one command for the host, and little memory here.
const PAGE: u32 = 2000;

/// Findings shown for one folder; the rest is counted in the last of them.
const MAX_PER_FOLDER: usize = 50;

/// Findings shown in all: what the contract allows, less one for "and more".
const MAX_FINDINGS: usize = 999;

struct Counts;

impl Validator for Counts {
    fn validate(
        request: &ValidationRequest,
        source: &dyn MailboxView,
        target: &dyn MailboxView,
    ) -> Result<Report, PluginError> {
        let mut checked = 0;
        let mut findings = Vec::new();
        for pair in &request.folders {
            if mailhaul_plugin::cancelled() {
                return Ok(Report::unfinished(checked, findings, "stopped"));
            }
            check_sum(pair, &mut findings);
            match Folder::look(pair, source, target) {
                Ok(folder) => {
                    checked += folder.listed;
                    folder.judge(pair, &mut findings);
                }
                // What cannot be looked at is no proof of loss.
                Err(error) => {
                    let why = format!("`{}`: {error}", pair.source);
                    return Ok(Report::unfinished(checked, findings, why));
                }
            }
        }
        if findings.len() > MAX_FINDINGS {
            let more = findings.len() - MAX_FINDINGS;
            findings.truncate(MAX_FINDINGS);
            findings.push(Finding {
                severity: Severity::Error,
                code: "counts.more".into(),
                message: format!("and {more} more findings"),
                folder: None,
                uid: None,
                extras: Extras::new(),
            });
        }
        Ok(Report::from_findings(checked, findings))
    }
}

fn check_sum(pair: &FolderPair, findings: &mut Vec<Finding>) {
    let sum = pair.expected() + u64::from(pair.skipped) + u64::from(pair.failed);
    if sum != u64::from(pair.source_messages) {
        let message = format!(
            "the source has {} messages, but {} copied, {} already present, {} skipped and {} failed make {sum}",
            pair.source_messages, pair.copied, pair.already_present, pair.skipped, pair.failed
        );
        findings.push(Finding::about(&pair.source, Severity::Error, "counts.sum", message));
    }
}

struct Folder {
    /// Messages the source lists now.
    listed: u64,
    /// (source UID, target UID) for every message the ledger knows on the target.
    known: Vec<(u32, u32)>,
    /// UIDs the target lists now; `None` when the folder does not exist.
    present: Option<BTreeSet<u32>>,
}

impl Folder {
    fn look(
        pair: &FolderPair,
        source: &dyn MailboxView,
        target: &dyn MailboxView,
    ) -> Result<Self, ViewError> {
        let uids = uids(source, &pair.source)?.unwrap_or_default();
        let mut known = Vec::new();
        for uids in uids.chunks(PAGE as usize) {
            let there = source.counterparts(&pair.source, uids)?;
            let pairs = uids.iter().copied().zip(there);
            known.extend(pairs.filter_map(|(uid, there)| there.map(|there| (uid, there))));
        }
        let present = uids_as_set(target, &pair.target)?;
        Ok(Self { listed: uids.len() as u64, known, present })
    }

    fn judge(&self, pair: &FolderPair, findings: &mut Vec<Finding>) {
        let taken: BTreeSet<u32> = pair.taken_away().into_iter().collect();
        let Some(present) = &self.present else {
            if pair.expected() > 0 {
                let message = format!(
                    "`{}` is not on the target, but {} messages should be in it",
                    pair.target,
                    pair.expected()
                );
                findings.push(Finding::about(&pair.target, Severity::Error, "counts.no-folder", message));
            }
            return;
        };
        let missing = self.known.iter().filter(|(_, there)| !present.contains(there));
        let missing = missing.filter(|(uid, _)| !taken.contains(uid));
        let mut missing = missing.map(|(uid, there)| {
            let message =
                format!("message {uid} should be {there} in `{}` on the target and is not", pair.target);
            Finding {
                uid: Some(*uid),
                ..Finding::about(&pair.source, Severity::Error, "counts.missing", message)
            }
        });
        findings.extend(missing.by_ref().take(MAX_PER_FOLDER));
        let more = missing.count();
        if more > 0 {
            let message = format!("and {more} more messages that should be on the target and are not");
            findings.push(Finding::about(&pair.source, Severity::Error, "counts.missing", message));
        }
        if !taken.is_empty() {
            let message = format!(
                "{} of the copies were moved or deleted on the target since, by whoever uses the new mailbox",
                taken.len()
            );
            findings.push(Finding::about(&pair.source, Severity::Note, "counts.taken-away", message));
        }
        self.judge_ledger(pair, &taken, findings);
    }

    /// The ledger's numbers against its own entries.
    fn judge_ledger(&self, pair: &FolderPair, taken: &BTreeSet<u32>, findings: &mut Vec<Finding>) {
        if self.listed != u64::from(pair.source_messages) {
            let message = format!(
                "the source has {} messages now and had {} in the run: run again to copy what is new",
                self.listed, pair.source_messages
            );
            findings.push(Finding::about(&pair.source, Severity::Note, "counts.source-changed", message));
            return;
        }
        let known = self.known.len() as u64;
        // Of one that was gone before it could follow a changed mapping, no UID is known.
        let unknown = taken.len() - self.known.iter().filter(|(uid, _)| taken.contains(uid)).count();
        if known + (unknown as u64) < pair.expected() {
            let message = format!(
                "{} messages count as moved, but the ledger knows {known} on the target",
                pair.expected()
            );
            findings.push(Finding::about(&pair.source, Severity::Error, "counts.ledger", message));
        }
        let distinct = self.known.iter().map(|(_, there)| there).collect::<BTreeSet<_>>().len() as u64;
        if distinct < known {
            let message = format!("{known} messages of the source share {distinct} on the target");
            findings.push(Finding::about(&pair.source, Severity::Error, "counts.shared", message));
        }
    }
}

fn uids(view: &dyn MailboxView, folder: &FolderPath) -> Result<Option<Vec<u32>>, ViewError> {
    let mut uids = Vec::new();
    loop {
        let after = uids.last().copied().unwrap_or(0);
        let page = match view.messages(folder, after, PAGE) {
            Ok(page) => page,
            Err(ViewError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        if page.is_empty() {
            return Ok(Some(uids));
        }
        uids.extend(page.into_iter().map(|message| message.uid));
    }
}

fn uids_as_set(view: &dyn MailboxView, folder: &FolderPath) -> Result<Option<BTreeSet<u32>>, ViewError> {
    Ok(uids(view, folder)?.map(|uids| uids.into_iter().collect()))
}

mailhaul_plugin::export!(validator: Counts);

#[cfg(test)]
mod tests {
    use mailhaul_plugin::testing::TestView;
    use mailhaul_plugin::{Folder as MailFolder, Outcome, Side};

    use super::*;

    fn pair(messages: u32) -> FolderPair {
        FolderPair {
            source_messages: messages,
            copied: messages,
            ..FolderPair::new(["Sent"], ["Sent Items"])
        }
    }

    fn source(uids: u32, ledger: u32) -> TestView {
        TestView::new(Side::Source)
            .with_folder(MailFolder::new(["Sent"]), 1..=uids)
            .with_ledger(["Sent"], (1..=ledger).map(|uid| (uid, uid + 100)))
    }

    fn target(uids: impl IntoIterator<Item = u32>) -> TestView {
        TestView::new(Side::Target).with_folder(MailFolder::new(["Sent Items"]), uids)
    }

    fn codes(report: &Report) -> Vec<&str> {
        report.findings.iter().map(|finding| finding.code.as_str()).collect()
    }

    fn validate(pair: FolderPair, source: &TestView, target: &TestView) -> Report {
        Counts::validate(&ValidationRequest::new(vec![pair]), source, target).unwrap()
    }

    #[test]
    fn a_moved_folder_passes() {
        let report = validate(pair(5000), &source(5000, 5000), &target(101..=5100));
        assert_eq!(report.outcome, Outcome::Pass);
        assert_eq!(report.checked_messages, 5000);
        assert!(report.findings.is_empty());
    }

    #[test]
    fn a_sum_that_does_not_add_up_fails() {
        let report = validate(FolderPair { skipped: 1, ..pair(3) }, &source(3, 3), &target(101..=103));
        assert_eq!((report.outcome.clone(), codes(&report)), (Outcome::Fail, vec!["counts.sum"]));
    }

    #[test]
    fn messages_that_are_gone_from_the_target_are_named() {
        let report = validate(pair(3), &source(3, 3), &target([101, 103]));
        assert_eq!(codes(&report), ["counts.missing"]);
        assert_eq!(report.findings[0].uid, Some(2));
        let report = validate(pair(100), &source(100, 100), &target([]));
        assert_eq!(report.findings.len(), MAX_PER_FOLDER + 1, "cut, and the rest counted");
    }

    #[test]
    fn what_the_owner_took_away_is_no_loss() {
        let taken = |uids: &str| FolderPair { extras: vec![("taken-away".into(), uids.into())], ..pair(3) };
        let report = validate(taken("2"), &source(3, 3), &target([101, 103]));
        assert_eq!((report.outcome.clone(), codes(&report)), (Outcome::Pass, vec!["counts.taken-away"]));
        // Without a UID of its own, since it had none any more when the mapping changed.
        let report = validate(taken("3"), &source(3, 2), &target([101, 102]));
        assert_eq!((report.outcome.clone(), codes(&report)), (Outcome::Pass, vec!["counts.taken-away"]));
        let report = validate(taken("2"), &source(3, 3), &target([102, 103]));
        assert_eq!((report.outcome.clone(), codes(&report)[0]), (Outcome::Fail, "counts.missing"));
        assert_eq!(report.findings[0].uid, Some(1));
    }

    #[test]
    fn a_missing_folder_fails_only_when_something_should_be_in_it() {
        let nothing = TestView::new(Side::Target);
        assert_eq!(codes(&validate(pair(1), &source(1, 1), &nothing)), ["counts.no-folder"]);
        assert_eq!(validate(pair(0), &source(0, 0), &nothing).outcome, Outcome::Pass);
    }

    #[test]
    fn a_ledger_that_knows_less_than_it_counts_fails() {
        assert_eq!(codes(&validate(pair(3), &source(3, 2), &target(101..=103))), ["counts.ledger"]);
    }

    #[test]
    fn messages_that_share_a_copy_fail() {
        let source = source(3, 2).with_ledger(["Sent"], [(1, 101), (2, 102), (3, 102)]);
        let report = validate(pair(3), &source, &target(101..=103));
        assert_eq!((report.outcome.clone(), codes(&report)), (Outcome::Fail, vec!["counts.shared"]));
    }

    #[test]
    fn mail_that_came_after_the_run_is_a_note() {
        let report = validate(pair(3), &source(4, 3), &target(101..=103));
        assert_eq!((report.outcome.clone(), codes(&report)), (Outcome::Pass, vec!["counts.source-changed"]));
    }
}
