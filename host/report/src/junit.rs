//! The report as JUnit XML, for a CI server's view of a move.
//!
//! A `testsuite` is a mailbox. Its `testcase`s are its folders and its validation hooks, and `(mailbox)` when
//! the mailbox as a whole could not go on, was broken off, or was not begun. A folder fails by messages that
//! failed or differ, or when it lies beside the mailbox's namespace with mail in it and no rule is about it;
//! one that is not opened or not wholly reached yet, or that was left out on purpose, is `skipped`. Notes and
//! the operator's own exceptions stand in `system-out`.

use mailhaul_engine::plugin::HookOutcome;
use mailhaul_engine::summary::{ExceptionOutcome, MailboxSummary, ProjectSummary, VerifiedDepth};
use mailhaul_text::{plural, visible};

use crate::digest;

/// One test case: a folder, a hook or `(mailbox)`; it passes without errors and failures.
#[derive(Default)]
struct Case {
    name: String,
    /// What becomes `<error>` and `<failure>`: (type, message) each.
    errors: Vec<(String, String)>,
    failures: Vec<(String, String)>,
    skipped: Option<String>,
    notes: Vec<String>,
}

impl Case {
    fn fails(&self) -> bool {
        !self.failures.is_empty()
    }
}

pub(crate) fn render(summary: &ProjectSummary) -> String {
    let suites: Vec<(&MailboxSummary, Vec<Case>)> =
        summary.mailboxes.iter().map(|mailbox| (mailbox, cases(mailbox))).collect();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let all: Vec<&Case> = suites.iter().flat_map(|(_, cases)| cases).collect();
    line(&mut out, 0, format!("<testsuites name=\"{}\"{}>", xml(&digest::title(summary)), tally(&all)));
    for (mailbox, cases) in &suites {
        let all: Vec<&Case> = cases.iter().collect();
        let name = xml(&format!("{} → {}", mailbox.source, mailbox.target));
        line(&mut out, 1, format!("<testsuite name=\"{name}\"{}>", tally(&all)));
        for case in cases {
            write_case(&mut out, &mailbox.source, case);
        }
        line(&mut out, 1, "</testsuite>");
    }
    line(&mut out, 0, "</testsuites>");
    out
}

fn cases(mailbox: &MailboxSummary) -> Vec<Case> {
    let mut cases = Vec::new();
    if let Some(stopped) = &mailbox.stopped {
        let error = (stopped.cause.to_string(), format!("{}: {}", stopped.side.as_str(), stopped.reason));
        cases.push(Case { name: "(mailbox)".into(), errors: vec![error], ..Case::default() });
    }
    if mailbox.is_only_listed() {
        let skipped = Some("no run has begun it".into());
        cases.push(Case { name: "(mailbox)".into(), skipped, ..Case::default() });
    }
    let broken_off = digest::broken_off(mailbox);
    if !broken_off.is_empty() {
        let failures = broken_off.into_iter().map(|end| ("unfinished".to_owned(), end)).collect();
        cases.push(Case { name: "(mailbox)".into(), failures, ..Case::default() });
    }
    let first_folder = cases.len();
    for folder in &mailbox.folders {
        let mut case = Case { name: folder.source.clone(), ..Case::default() };
        let counts = &folder.counts;
        if folder.is_left_out() {
            case.skipped = Some("left out by a rule".into());
        } else if folder.never_opened {
            case.skipped = Some("no run has opened it yet".into());
        } else if counts.pending > 0 {
            case.skipped = Some(format!("{} not reached yet", plural(counts.pending, "message")));
        }
        if folder.verified != VerifiedDepth::None {
            case.notes.push(format!("compared by {}", digest::how(folder)));
        }
        cases.push(case);
    }
    for folder in &mailbox.left_out {
        let mut case = Case { name: folder.folder.clone(), ..Case::default() };
        let text = match folder.messages {
            Some(messages) => format!("{}: {}", plural(messages.into(), "message"), folder.reason),
            None => folder.reason.clone(),
        };
        if folder.is_open() {
            case.failures.push(("left-out".to_owned(), text));
        } else {
            case.skipped = Some(text);
        }
        cases.push(case);
    }
    let mut places: std::collections::HashMap<String, usize> =
        cases.iter().enumerate().skip(first_folder).map(|(n, case)| (case.name.clone(), n)).collect();
    // A difference can be about a folder that the source does not have: it gets a case of its own.
    let mut place = |cases: &mut Vec<Case>, folder: &str| {
        *places.entry(folder.to_owned()).or_insert_with(|| {
            cases.push(Case { name: folder.to_owned(), ..Case::default() });
            cases.len() - 1
        })
    };
    for group in digest::exceptions(mailbox) {
        let exception = group.like;
        let at = place(&mut cases, &exception.folder);
        let text = format!("{}{}", group.prefix(), exception.reason);
        match exception.outcome {
            ExceptionOutcome::Failed => cases[at].failures.push((exception.code.to_string(), text)),
            ExceptionOutcome::Skipped => cases[at].notes.push(format!("skipped: {text}")),
        }
    }
    for group in digest::differences(mailbox) {
        let difference = group.like;
        let at = place(&mut cases, &difference.folder);
        let mut text = format!("{}{}", group.prefix(), digest::difference(difference.kind));
        let more = [digest::by(difference.by.as_deref()).unwrap_or_default(), difference.detail.clone()];
        for more in more.iter().filter(|more| !more.is_empty()) {
            text += &format!("; {more}");
        }
        match difference.note {
            true => cases[at].notes.push(format!("note: {text}")),
            false => cases[at].failures.push((difference.kind.as_str().to_owned(), text)),
        }
    }
    for hook in &mailbox.hooks {
        let mut case = Case { name: format!("validation {}", hook.plugin), ..Case::default() };
        let findings = hook.findings.iter().map(|finding| {
            let folder = finding.folder.as_ref().map(|folder| format!("{folder}: ")).unwrap_or_default();
            let uid = finding.uid.map(|uid| format!("UID {uid}: ")).unwrap_or_default();
            (finding.code.clone(), format!("{folder}{uid}{}", finding.message))
        });
        match hook.outcome {
            HookOutcome::Fail => {
                case.failures = findings.collect();
                if case.failures.is_empty() {
                    case.failures.push(("fail".into(), "it gave no reason".into()));
                }
            }
            HookOutcome::Inconclusive => {
                let findings: Vec<String> = findings.map(|(_, text)| text).collect();
                case.skipped = Some(format!("inconclusive: {}", findings.join("; ")));
            }
            HookOutcome::Pass => case.notes = findings.map(|(_, text)| text).collect(),
        }
        cases.push(case);
    }
    cases
}

/// The counts of a suite. Each case counts once, by the worst that is said of it.
fn tally(cases: &[&Case]) -> String {
    let errors = cases.iter().filter(|case| !case.errors.is_empty()).count();
    let failures = cases.iter().filter(|case| case.fails()).count();
    let skipped = cases.iter().filter(|case| !case.fails() && case.skipped.is_some()).count();
    format!(" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"", cases.len())
}

fn write_case(out: &mut String, mailbox: &str, case: &Case) {
    let start = format!("<testcase classname=\"{}\" name=\"{}\"", xml(mailbox), xml(&case.name));
    let mut inside = Vec::new();
    for (element, list) in [("error", &case.errors), ("failure", &case.failures)] {
        for (kind, text) in list {
            inside.push(format!("<{element} type=\"{}\" message=\"{}\"/>", xml(kind), xml(text)));
        }
    }
    if let Some(why) = &case.skipped {
        if case.fails() {
            // A case is either failed or skipped to whoever reads this format.
            inside.push(format!("<system-out>{}</system-out>", xml(why)));
        } else {
            inside.push(format!("<skipped message=\"{}\"/>", xml(why)));
        }
    }
    if !case.notes.is_empty() {
        let notes: Vec<String> = case.notes.iter().map(|note| xml(note)).collect();
        inside.push(format!("<system-out>{}</system-out>", notes.join("\n")));
    }
    if inside.is_empty() {
        return line(out, 2, format!("{start}/>"));
    }
    line(out, 2, format!("{start}>"));
    for element in inside {
        line(out, 3, element);
    }
    line(out, 2, "</testcase>");
}

fn line(out: &mut String, depth: usize, text: impl AsRef<str>) {
    out.push_str(&"  ".repeat(depth));
    out.push_str(text.as_ref());
    out.push('\n');
}

/// Text for an attribute or an element. What XML 1.0 cannot hold at all is made visible.
fn xml(text: &str) -> String {
    let shown = visible(text);
    let mut out = String::with_capacity(shown.len());
    for c in shown.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn what_is_not_begun_is_skipped_and_what_was_broken_off_fails() {
        assert!(render(&fixture::pilot(1)).contains("no run has begun it"));
        let broken_off = render(&fixture::open_ended());
        assert!(broken_off.contains(r#"failures="2""#), "{broken_off}");
        assert!(broken_off.contains("3 messages: another namespace"), "{broken_off}");
        assert!(broken_off.contains("no run has opened it yet"), "{broken_off}");
    }

    #[test]
    fn a_suite_for_every_mailbox() {
        insta::assert_snapshot!(render(&fixture::troubled()));
    }

    #[test]
    fn hostile_text_stays_text() {
        let text = render(&fixture::hostile());
        assert!(!text.contains("<img") && !text.contains('\u{1b}'), "{text}");
        // Every element is one of ours.
        for element in text.split('<').skip(1) {
            let name = element.trim_start_matches(['/', '?']).split([' ', '>', '/', '?']).next().unwrap();
            let ours =
                ["xml", "testsuites", "testsuite", "testcase", "failure", "error", "skipped", "system-out"];
            assert!(ours.contains(&name), "{name}");
        }
    }
}
