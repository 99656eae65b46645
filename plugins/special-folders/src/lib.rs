//! Checks that after the move the target has usable folders for sent mail, drafts, trash and junk, and
//! that the mail of the source's is in them.
//!
//! A failure is only what loses sight of mail: a folder that is not there, cannot be opened, or holds
//! less than was put into it. What a mail program could mistake is a warning.

use mailhaul_plugin::{
    Finding, Folder, FolderPair, FolderPath, MailboxView, PluginError, Report, Severity, SpecialUse,
    ValidationRequest, Validator, ViewError, names,
};

/// The roles every mail program looks for.
const ROLES: [SpecialUse; 4] = [SpecialUse::Sent, SpecialUse::Drafts, SpecialUse::Trash, SpecialUse::Junk];

/// Messages asked for at once.
const PAGE: u32 = 2000;

struct SpecialFolders;

impl Validator for SpecialFolders {
    fn validate(
        request: &ValidationRequest,
        source: &dyn MailboxView,
        target: &dyn MailboxView,
    ) -> Result<Report, PluginError> {
        let mut checked = 0;
        let mut findings = Vec::new();
        match check(request, source, target, &mut checked, &mut findings) {
            Ok(()) => Ok(Report::from_findings(checked, findings)),
            Err(error) => Ok(Report::unfinished(checked, findings, error.to_string())),
        }
    }
}

fn check(
    request: &ValidationRequest,
    source: &dyn MailboxView,
    target: &dyn MailboxView,
    checked: &mut u64,
    findings: &mut Vec<Finding>,
) -> Result<(), ViewError> {
    let source_folders = source.folders()?;
    let target_folders = target.folders()?;
    for role in &ROLES {
        let holders: Vec<&Folder> = holders(&source_folders, role);
        if holders.is_empty() {
            continue;
        }
        for holder in holders {
            // A folder without a pair was left out by the operator.
            if let Some(pair) = request.folders.iter().find(|pair| pair.source == holder.path) {
                let there = target_folders.iter().find(|folder| folder.path == pair.target);
                check_folder(role, holder, pair, there, findings);
                check_mark(role, pair, &target_folders, findings);
                if there.is_some_and(|folder| folder.selectable) {
                    check_content(role, pair, target, checked, findings)?;
                }
            }
        }
    }
    Ok(())
}

/// The folders a side marks for a role, else the one its name gives away.
fn holders<'a>(folders: &'a [Folder], role: &SpecialUse) -> Vec<&'a Folder> {
    let marked: Vec<_> = folders.iter().filter(|folder| folder.roles.contains(role)).collect();
    if !marked.is_empty() {
        return marked;
    }
    let named = folders.iter().filter(|folder| {
        !folder.is_marked() && folder.path.top_level_name().and_then(names::role_of).as_ref() == Some(role)
    });
    let named: Vec<_> = named.collect();
    // Two names for one role decide nothing.
    if named.len() == 1 { named } else { Vec::new() }
}

fn check_folder(
    role: &SpecialUse,
    holder: &Folder,
    pair: &FolderPair,
    there: Option<&Folder>,
    findings: &mut Vec<Finding>,
) {
    let mut find =
        |severity, code: &str, message| findings.push(Finding::about(&pair.target, severity, code, message));
    match there {
        None => {
            let severity = if pair.expected() > 0 { Severity::Error } else { Severity::Warning };
            find(
                severity,
                "special-folders.missing",
                format!("`{}` ({role}) is not on the target", pair.target),
            );
        }
        Some(folder) if !folder.selectable => {
            let message = format!("`{}` ({role}) cannot be opened on the target", pair.target);
            find(Severity::Error, "special-folders.not-selectable", message);
        }
        Some(folder) if holder.subscribed && !folder.subscribed => {
            let message = format!(
                "`{}` ({role}) is not subscribed on the target: mail programs that show subscribed folders hide it",
                pair.target
            );
            find(Severity::Warning, "special-folders.not-subscribed", message);
        }
        Some(_) => {}
    }
}

/// Where the target marks another folder, mail programs put new mail there.
fn check_mark(role: &SpecialUse, pair: &FolderPair, target: &[Folder], findings: &mut Vec<Finding>) {
    let marked: Vec<_> = target.iter().filter(|folder| folder.roles.contains(role)).collect();
    if let Some(first) = marked.first().filter(|_| marked.iter().all(|folder| folder.path != pair.target)) {
        let message = format!(
            "the source's {role} folder went to `{}`, but the target's own is `{}`: mail programs will use that one",
            pair.target, first.path
        );
        findings.push(Finding::about(
            &pair.target,
            Severity::Warning,
            "special-folders.other-folder",
            message,
        ));
    }
}

fn check_content(
    role: &SpecialUse,
    pair: &FolderPair,
    target: &dyn MailboxView,
    checked: &mut u64,
    findings: &mut Vec<Finding>,
) -> Result<(), ViewError> {
    let held = count(target, &pair.target)?;
    *checked += held;
    if held < pair.expected() {
        let message = format!(
            "`{}` ({role}) holds {held} messages on the target; {} were moved into it",
            pair.target,
            pair.expected()
        );
        findings.push(Finding::about(&pair.target, Severity::Error, "special-folders.too-few", message));
    }
    Ok(())
}

fn count(view: &dyn MailboxView, folder: &FolderPath) -> Result<u64, ViewError> {
    let (mut count, mut after) = (0, 0);
    loop {
        let page = view.messages(folder, after, PAGE)?;
        let Some(last) = page.last() else { return Ok(count) };
        count += page.len() as u64;
        after = last.uid;
    }
}

mailhaul_plugin::export!(validator: SpecialFolders);

#[cfg(test)]
mod tests {
    use mailhaul_plugin::testing::TestView;
    use mailhaul_plugin::{Outcome, Side};

    use super::*;

    fn pair(copied: u32) -> FolderPair {
        FolderPair { source_messages: copied, copied, ..FolderPair::new(["Sent"], ["Sent Items"]) }
    }

    fn source() -> TestView {
        TestView::new(Side::Source).with_folder(Folder::new(["Sent"]).with_role(SpecialUse::Sent), 1..=3)
    }

    fn validate(copied: u32, source: &TestView, target: &TestView) -> Report {
        let request = ValidationRequest::new(vec![pair(copied)]);
        SpecialFolders::validate(&request, source, target).unwrap()
    }

    fn codes(report: &Report) -> Vec<&str> {
        report.findings.iter().map(|finding| finding.code.as_str()).collect()
    }

    fn sent_items() -> Folder {
        Folder::new(["Sent Items"]).with_role(SpecialUse::Sent)
    }

    #[test]
    fn a_usable_folder_with_the_mail_in_it_passes() {
        let report = validate(3, &source(), &TestView::new(Side::Target).with_folder(sent_items(), 1..=3));
        assert_eq!((report.outcome, report.checked_messages), (Outcome::Pass, 3));
    }

    #[test]
    fn a_folder_that_is_gone_or_closed_fails() {
        let report = validate(3, &source(), &TestView::new(Side::Target));
        assert_eq!(
            (report.outcome.clone(), codes(&report)),
            (Outcome::Fail, vec!["special-folders.missing"])
        );
        let mut closed = sent_items();
        closed.selectable = false;
        let report = validate(3, &source(), &TestView::new(Side::Target).with_folder(closed, []));
        assert_eq!(codes(&report), ["special-folders.not-selectable"]);
    }

    #[test]
    fn less_mail_than_was_moved_fails() {
        let report = validate(3, &source(), &TestView::new(Side::Target).with_folder(sent_items(), 1..=2));
        assert_eq!(codes(&report), ["special-folders.too-few"]);
    }

    #[test]
    fn what_mail_programs_could_mistake_is_a_warning() {
        let mut hidden = Folder::new(["Sent Items"]);
        hidden.subscribed = false;
        let target = TestView::new(Side::Target)
            .with_folder(hidden, 1..=3)
            .with_folder(Folder::new(["Sent"]).with_role(SpecialUse::Sent), []);
        let report = validate(3, &source(), &target);
        assert_eq!(report.outcome, Outcome::Pass);
        assert_eq!(codes(&report), ["special-folders.not-subscribed", "special-folders.other-folder"]);
    }

    #[test]
    fn names_stand_in_for_marks_and_folders_left_out_are_left_alone() {
        let source = TestView::new(Side::Source)
            .with_folder(Folder::new(["Sent"]), 1..=3)
            .with_folder(Folder::new(["Trash"]), 1..=9);
        let target = TestView::new(Side::Target).with_folder(Folder::new(["Sent Items"]), 1..=1);
        assert_eq!(codes(&validate(3, &source, &target)), ["special-folders.too-few"]);
    }
}
