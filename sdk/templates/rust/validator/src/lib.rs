//! Every copied folder has at least as many messages as were copied.

use mailhaul_plugin::{
    Finding, FolderPath, MailboxView, PluginError, Report, Severity, ValidationRequest, Validator, ViewError,
};

struct Plugin;

impl Validator for Plugin {
    fn validate(
        request: &ValidationRequest,
        _source: &dyn MailboxView,
        target: &dyn MailboxView,
    ) -> Result<Report, PluginError> {
        let mut checked = 0;
        let mut findings = Vec::new();
        for pair in &request.folders {
            let found = match count(target, &pair.target) {
                Ok(found) => found,
                // A view that has no answer proves nothing, neither way.
                Err(error) => return Ok(Report::unfinished(checked, findings, error.to_string())),
            };
            checked += found;
            if found < pair.expected() {
                let message = format!("{found} of {} messages are there", pair.expected());
                findings.push(Finding::about(&pair.target, Severity::Error, "count.missing", message));
            }
        }
        Ok(Report::from_findings(checked, findings))
    }
}

fn count(view: &dyn MailboxView, folder: &FolderPath) -> Result<u64, ViewError> {
    let (mut count, mut after) = (0, 0);
    loop {
        let page = view.messages(folder, after, 5_000)?;
        match page.last() {
            Some(last) => after = last.uid,
            None => return Ok(count),
        }
        count += page.len() as u64;
    }
}

mailhaul_plugin::export!(validator: Plugin);

#[cfg(test)]
mod tests {
    use super::*;
    use mailhaul_plugin::{Folder, FolderPair, Outcome, Side, testing::TestView};

    #[test]
    fn a_missing_message_is_a_failure() {
        let mut pair = FolderPair::new(["Sent"], ["Sent"]);
        pair.copied = 2;
        let source = TestView::new(Side::Source).with_folder(Folder::new(["Sent"]), [1, 2]);
        let target = TestView::new(Side::Target).with_folder(Folder::new(["Sent"]), [7]);
        let report = Plugin::validate(&ValidationRequest::new(vec![pair]), &source, &target).unwrap();
        assert_eq!(report.outcome, Outcome::Fail);
    }
}
