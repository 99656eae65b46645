//! Summaries for tests: a good move, one with every trouble, hostile words, nothing, many.

use mailhaul_engine::cause::Cause;
use mailhaul_engine::code::Code;
use mailhaul_engine::plugin::{Finding, HookOutcome, Severity};
use mailhaul_engine::run_kind::Phase;
use mailhaul_engine::summary::{
    Counts, Difference, DifferenceKind, Exception, ExceptionOutcome, FolderSummary, HookSummary, LastRun,
    LeftOutFolder, MailboxSummary, PhaseSummary, ProjectSummary, RunForecast, RunWait, SCHEMA, Side,
    SkippedBy, Stopped, Totals, Verdict, VerifiedDepth,
};

fn project(name: &str, verdict: Verdict, mailboxes: Vec<MailboxSummary>) -> ProjectSummary {
    let mut counts = Counts::default();
    for folder in mailboxes.iter().flat_map(|m| &m.folders) {
        counts.add(&folder.counts);
    }
    ProjectSummary {
        only_batches: Vec::new(),
        schema: SCHEMA,
        project: name.into(),
        verdict,
        totals: Totals { mailboxes: mailboxes.len() as u64, counts },
        last_run: LastRun { copied: counts.copied / 2, bytes: counts.bytes / 2, seconds: 95.25 },
        runs: Vec::new(),
        phases: Vec::new(),
        skipped_by: Vec::new(),
        states: std::collections::BTreeMap::new(),
        batches: Vec::new(),
        plan: None,
        mailboxes,
    }
}

/// `numbers`: copied, already present, skipped, failed, pending.
fn folder(source: &str, target: Option<&str>, numbers: [u64; 5], verified: VerifiedDepth) -> FolderSummary {
    let [copied, already_present, skipped, failed, pending] = numbers;
    let counts = Counts {
        source_messages: numbers.iter().sum(),
        copied,
        already_present,
        skipped,
        failed,
        pending,
        gone_at_source: 0,
        removed: 0,
        bytes: copied * 61_234,
    };
    FolderSummary {
        source: source.into(),
        target: target.map(str::to_owned),
        counts,
        stopped: None,
        never_opened: false,
        verified,
        sample: None,
    }
}

fn mailbox(user: &str, verdict: Verdict, folders: Vec<FolderSummary>) -> MailboxSummary {
    MailboxSummary {
        standing: Box::default(),
        source: format!("{user}@olddomain.example"),
        target: format!("{user}@newdomain.example"),
        verdict,
        stopped: None,
        folders,
        skipped_by: Vec::new(),
        exceptions: Vec::new(),
        differences: Vec::new(),
        compared: None,
        hooks: vec![
            HookSummary { plugin: "counts".into(), outcome: HookOutcome::Pass, findings: Vec::new() },
            HookSummary {
                plugin: "special-folders".into(),
                outcome: HookOutcome::Pass,
                findings: Vec::new(),
            },
        ],
        kept: Vec::new(),
        unfinished: false,
        left_out: Vec::new(),
    }
}

fn usual(scale: u64) -> Vec<FolderSummary> {
    let full = VerifiedDepth::Full;
    vec![
        folder("INBOX", Some("INBOX"), [412 * scale, 12, 0, 0, 0], full),
        folder("Sent", Some("Sent Items"), [988 * scale, 0, 0, 0, 0], full),
        folder("Trash", Some("Deleted Items"), [31, 0, 0, 0, 0], full),
        folder("Projekte/Übergabe 2024", Some("Projekte/Übergabe 2024"), [77, 0, 0, 0, 0], full),
    ]
}

fn exception(folder: &str, uid: u32, outcome: ExceptionOutcome, code: Code, reason: &str) -> Exception {
    Exception { folder: folder.into(), uid, outcome, code, reason: reason.into() }
}

fn difference(folder: &str, uid: u32, target_uid: Option<u32>, kind: DifferenceKind) -> Difference {
    Difference { folder: folder.into(), uid, target_uid, kind, by: None, detail: String::new(), note: false }
}

/// Two mailboxes, all well.
pub(crate) fn complete() -> ProjectSummary {
    let mut anna = mailbox("anna", Verdict::Complete, usual(1));
    anna.folders.push(folder("Spam", None, [0, 0, 3, 0, 0], VerifiedDepth::None));
    anna.exceptions = (4..7)
        .map(|uid| {
            let reason = "left out by the rule at mailhaul.toml:12";
            exception("Spam", uid, ExceptionOutcome::Skipped, Code::Rule, reason)
        })
        .collect();
    let mut bob = mailbox("bob", Verdict::Complete, usual(3));
    bob.folders[0].counts.gone_at_source = 2;
    let mut summary = project("Olddomain to Newdomain", Verdict::Complete, vec![anna, bob]);
    summary.skipped_by = vec![SkippedBy {
        rule: "left out by the rule at mailhaul.toml:12".into(),
        messages: 3,
        bytes: 96_000,
    }];
    summary.phases = vec![
        PhaseSummary {
            forecast: None,
            waits: Vec::new(),
            copied: 1_200,
            bytes: 80 << 20,
            seconds: 610.0,
            runs: 1,
            ..phase(Phase::PreStage, "complete")
        },
        phase(Phase::Full, "complete"),
    ];
    summary
}

/// A phase in three runs, which took longer than was forecast.
pub(crate) fn phase(phase: Phase, result: &str) -> PhaseSummary {
    PhaseSummary {
        phase,
        started: "2026-11-28T20:00:00Z".into(),
        ended: Some("2026-11-30T02:00:00Z".into()),
        result: result.into(),
        runs: 3,
        killed: 0,
        copied: 4_404,
        bytes: 257 << 20,
        seconds: 7_800.0,
        forecast: Some(RunForecast {
            seconds: 5_400.0,
            messages: 4_380,
            bytes: Some(255 << 20),
            without: 1,
            basis: "plan 3 of 2026-11-28, at an assumed speed".into(),
        }),
        waits: vec![RunWait {
            what: "Gmail's 2,500 MB a day".into(),
            mailboxes: 2,
            seconds: 3_900.0,
            longest: 2_400.0,
        }],
    }
}

/// One of everything that can go wrong.
pub(crate) fn troubled() -> ProjectSummary {
    let mut anna = mailbox("anna", Verdict::Incomplete, usual(1));
    anna.folders[1] = folder("Sent", Some("Sent Items"), [980, 0, 5, 3, 40], VerifiedDepth::None);
    anna.exceptions = (100..105)
        .map(|uid| {
            let reason = "received before 2019-01-01, which [select] since leaves out";
            exception("Sent", uid, ExceptionOutcome::Skipped, Code::Rule, reason)
        })
        .chain([7, 9, 10].map(|uid| {
            let reason = "the target refused it: NO [LIMIT] Message is larger than 25 MB";
            exception("Sent", uid, ExceptionOutcome::Failed, Code::TooBig, reason)
        }))
        .collect();
    let mut bob = mailbox("bob", Verdict::Incomplete, usual(2));
    bob.differences = vec![
        difference("INBOX", 7, None, DifferenceKind::Missing),
        difference("INBOX", 8, None, DifferenceKind::Missing),
        Difference {
            by: Some("changed-on-target".into()),
            detail: "\\Seen on the target only".into(),
            note: true,
            ..difference("Sent", 12, Some(4), DifferenceKind::Flags)
        },
        Difference { note: true, ..difference("Sent", 0, Some(990), DifferenceKind::Extra) },
    ];
    bob.hooks[0].outcome = HookOutcome::Fail;
    bob.hooks[0].findings = vec![Finding {
        severity: Severity::Error,
        code: "counts.fewer".into(),
        message: "the target has 822 messages where the ledger has 824".into(),
        folder: Some("INBOX".into()),
        uid: None,
    }];
    bob.hooks[1].outcome = HookOutcome::Inconclusive;
    bob.hooks[1].findings = vec![Finding {
        severity: Severity::Warning,
        code: "special-folders.unknown".into(),
        message: "the target does not say which folder holds drafts".into(),
        folder: None,
        uid: None,
    }];
    let mut carol = mailbox("carol", Verdict::NotStarted, Vec::new());
    carol.hooks.clear();
    carol.stopped = Some(Stopped {
        side: Side::Source,
        cause: Cause::AuthRefused,
        reason: "the server refused the log-in: NO [AUTHENTICATIONFAILED] Invalid credentials".into(),
    });
    let mut summary = project("Olddomain to Newdomain", Verdict::Incomplete, vec![anna, bob, carol]);
    summary.skipped_by = vec![SkippedBy {
        rule: "received before 2019-01-01, which [select] since leaves out".into(),
        messages: 5,
        bytes: 0,
    }];
    summary.phases = vec![phase(Phase::Full, "interrupted")];
    summary
}

/// Words that would be markup, commands or formulas if anything let them.
pub(crate) fn hostile() -> ProjectSummary {
    const IMG: &str = "<img src=x onerror=alert(1)>";
    let evil = format!("=\"{IMG}\u{1b}[2J\r\n\t\0\u{202e}]]>--><script>alert(1)</script>&amp;'");
    let long = "Långt".repeat(40);
    let mut summary = troubled();
    summary.project = evil.clone();
    summary.skipped_by[0].rule = format!("{evil}{long}");
    let phase = &mut summary.phases[0];
    phase.waits[0].what = format!("{evil}{long}");
    if let Some(forecast) = &mut phase.forecast {
        forecast.basis = evil.clone();
    }
    for mailbox in &mut summary.mailboxes {
        mailbox.source = format!("{evil}{}", mailbox.source);
        mailbox.target = evil.clone();
        for folder in &mut mailbox.folders {
            folder.source = format!("{evil}/{long}/{}", folder.source);
            folder.target = Some(evil.clone());
        }
        for exception in &mut mailbox.exceptions {
            exception.folder = evil.clone();
            exception.reason = evil.clone();
        }
        for difference in &mut mailbox.differences {
            difference.folder = evil.clone();
            difference.detail = evil.clone();
            difference.by = Some(evil.clone());
        }
        for hook in &mut mailbox.hooks {
            hook.plugin = evil.clone();
            for finding in &mut hook.findings {
                finding.code = evil.clone();
                finding.message = evil.clone();
                finding.folder = Some(evil.clone());
            }
        }
        if let Some(stopped) = &mut mailbox.stopped {
            stopped.reason = evil.clone();
        }
    }
    summary
}

/// A project that has never been run.
pub(crate) fn empty() -> ProjectSummary {
    let mut summary = project("Olddomain to Newdomain", Verdict::NotStarted, Vec::new());
    summary.last_run = LastRun::default();
    summary
}

/// One mailbox is moved, and so many others of the list are not begun.
pub(crate) fn pilot(others: usize) -> ProjectSummary {
    let mut mailboxes = vec![mailbox("anna", Verdict::Complete, usual(1))];
    let listed = |n| MailboxSummary {
        hooks: Vec::new(),
        compared: None,
        ..mailbox(&format!("listed{n}"), Verdict::NotStarted, Vec::new())
    };
    mailboxes.extend((0..others).map(listed));
    project("Olddomain to Newdomain", Verdict::Incomplete, mailboxes)
}

/// Every number is well, and the mailbox is not.
pub(crate) fn open_ended() -> ProjectSummary {
    let mut anna = mailbox("anna", Verdict::Incomplete, usual(1));
    anna.folders[1] = FolderSummary {
        never_opened: true,
        ..folder("Sent", Some("Sent Items"), [0, 0, 0, 0, 0], VerifiedDepth::None)
    };
    anna.kept = vec!["10 of 40 copies are gone at the source, more than 4".into()];
    anna.unfinished = true;
    let left_out = |folder: &str, messages, beside| LeftOutFolder {
        folder: folder.into(),
        messages,
        beside,
        reason: "another namespace".into(),
    };
    anna.left_out = vec![left_out("/Sent", Some(3), true), left_out("/Shared/x", None, false)];
    project("Olddomain to Newdomain", Verdict::Incomplete, vec![anna])
}

/// Many mailboxes, of which each fiftieth has trouble.
pub(crate) fn many(n: usize) -> ProjectSummary {
    let troubled = troubled();
    let mailboxes = (0..n)
        .map(|n| match n % 50 {
            17 => MailboxSummary {
                source: format!("user{n:04}@olddomain.example"),
                ..troubled.mailboxes[n % 3].clone()
            },
            _ => mailbox(&format!("user{n:04}"), Verdict::Complete, usual(1 + n as u64 % 7)),
        })
        .collect();
    project("Olddomain to Newdomain", Verdict::Incomplete, mailboxes)
}
