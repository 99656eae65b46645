//! Events, summaries and plans with a bit of everything, for the renderers' tests.

use mailhaul_app::Outcome;
use mailhaul_engine::assessment::Portion;
use mailhaul_engine::assessment::forecast::LoadEnds;
use mailhaul_engine::cause::Cause;
use mailhaul_engine::code::Code;
use mailhaul_engine::event::{Event, Finish, MailboxEnd};
use mailhaul_engine::plan::{Conflict, ConflictKind, FolderPlan, MailboxPlan, StoryStep};
use mailhaul_engine::plugin::{Finding, HookOutcome, Severity};
use mailhaul_engine::summary::{
    Comparison, Counts, Difference, DifferenceKind, Exception, ExceptionOutcome, FolderSummary, HookSummary,
    MailboxSummary, Side, Stopped, Verdict, VerifiedDepth,
};
use mailhaul_engine::tally::Tally;

pub(crate) fn folder(source: &str, target: &str, copied: u64, present: u64, failed: u64) -> FolderSummary {
    FolderSummary {
        source: source.into(),
        target: Some(target.into()),
        counts: Counts {
            source_messages: copied + present + failed,
            copied,
            already_present: present,
            failed,
            bytes: copied * 4096,
            ..Counts::default()
        },
        stopped: None,
        never_opened: false,
        verified: VerifiedDepth::None,
        sample: None,
    }
}

pub(crate) fn anna() -> MailboxSummary {
    let mut spam = folder("Spam", "", 0, 0, 0);
    spam.target = None;
    spam.counts.source_messages = 9;
    spam.counts.skipped = 9;
    MailboxSummary {
        standing: Box::default(),
        source: "anna@old.example".into(),
        target: "anna@new.example".into(),
        verdict: Verdict::Complete,
        stopped: None,
        folders: vec![folder("INBOX", "INBOX", 1180, 20, 0), folder("Sent", "Sent Items", 120, 0, 0), spam],
        skipped_by: Vec::new(),
        exceptions: vec![],
        differences: vec![],
        compared: Some(Comparison {
            depth: VerifiedDepth::Headers,
            finished: true,
            folders: 3,
            folders_compared: 3,
            messages: 1263,
            messages_compared: 1263,
            ..Comparison::default()
        }),
        hooks: vec![hook("counts", HookOutcome::Pass, &[])],
        kept: vec![],
        unfinished: false,
        left_out: vec![],
    }
}

pub(crate) fn hook(plugin: &str, outcome: HookOutcome, messages: &[&str]) -> HookSummary {
    let finding = |message: &&str| Finding {
        severity: Severity::Error,
        code: "counts.differ".into(),
        message: (*message).into(),
        folder: Some("Sent".into()),
        uid: None,
    };
    HookSummary { plugin: plugin.into(), outcome, findings: messages.iter().map(finding).collect() }
}

pub(crate) fn exception() -> Exception {
    Exception {
        folder: "Entwürfe/2019\x1b[2J".into(),
        uid: 7,
        outcome: ExceptionOutcome::Failed,
        code: Code::TooBig,
        reason: "the message has 60.0 MiB, the target takes at most 50.0 MiB".into(),
    }
}

fn difference(folder: &str, uid: u32, kind: DifferenceKind, detail: &str) -> Difference {
    Difference {
        folder: folder.into(),
        uid,
        target_uid: Some(uid + 100),
        kind,
        by: None,
        detail: detail.into(),
        note: kind == DifferenceKind::Extra,
    }
}

pub(crate) fn bob() -> MailboxSummary {
    let mut lost = difference("INBOX", 12, DifferenceKind::Missing, "");
    lost.target_uid = None;
    let mut extra = difference("INBOX", 0, DifferenceKind::Extra, "delivered on the target");
    extra.target_uid = Some(400);
    let mut flags = difference("INBOX", 4, DifferenceKind::Flags, r"\Seen is not set on the target");
    flags.by = Some("changed-on-target".into());
    MailboxSummary {
        standing: Box::default(),
        source: "bob@old.example".into(),
        target: "bob@old.example".into(),
        verdict: Verdict::Incomplete,
        stopped: None,
        folders: vec![folder("Entwürfe/2019\x1b[2J", "Drafts", 3, 0, 1)],
        skipped_by: Vec::new(),
        exceptions: vec![exception()],
        differences: vec![lost, flags, extra],
        compared: None,
        hooks: vec![hook("counts", HookOutcome::Fail, &["3 messages on the target, 4 were expected"])],
        kept: vec![],
        unfinished: false,
        left_out: vec![],
    }
}

pub(crate) fn stopped() -> Stopped {
    Stopped {
        side: Side::Target,
        cause: Cause::AuthRefused,
        reason: "the server said `NO [AUTHENTICATIONFAILED] Authentication failed.`".into(),
    }
}

pub(crate) fn plan() -> MailboxPlan {
    let folder = |source: &str, target: Option<&str>, by: &str, why: &str| FolderPlan {
        source: source.into(),
        target: target.map(Into::into),
        moved_from: None,
        merged: false,
        create: target.is_some_and(|t| t.starts_with("Archive")),
        subscribe: true,
        role: (source == "Sent").then(|| "sent".into()),
        messages: Some(1200),
        outside: false,
        bytes: Some(3 << 20),
        on_target: target.is_some_and(|t| !t.starts_with("Archive")).then_some(0),
        to_copy: if target.is_some() { 1200 } else { 0 },
        bytes_to_copy: target.is_some().then_some(3 << 20),
        already_there: 0,
        too_large: Portion::default(),
        left_out: Vec::new(),
        rule: None,
        by: by.into(),
        why: why.into(),
        story: vec![
            StoryStep { by: "mailhaul.toml".into(), said: "no rule is about it".into() },
            StoryStep { by: by.into(), said: why.into() },
        ],
    };
    MailboxPlan {
        mailbox: "anna@old.example".into(),
        source: "anna@old.example".into(),
        target: "anna@new.example".into(),
        folders: vec![
            folder("INBOX", Some("INBOX"), "mailhaul", "INBOX is INBOX everywhere"),
            folder("Sent", Some("Sent Items"), "roles 0.1.0", r"both sides have a folder for \Sent"),
            folder(
                "Old/2019",
                Some("Archive/Old/2019"),
                "mailhaul.toml:12",
                "`Old/**` goes to `Archive/Old/**`",
            ),
            folder("Spam", None, "mailhaul.toml:15", "the rule says `skip = true`"),
            folder("受信箱", Some("受信箱"), "mailhaul", "no step ruled on it: it keeps its name"),
        ],
        profiles: Vec::new(),
        notes: vec!["`Trash` and `Deleted` both claim the role trash by name: neither is mapped".into()],
        conflicts: vec![Conflict {
            kind: ConflictKind::Collision,
            folders: vec!["A".into(), "a".into()],
            target: Some("A".into()),
            what: "`A` and `a` would become one folder on the target".into(),
            sentence: "`A` and `a` would become one folder on the target".into(),
            choices: Vec::new(),
        }],
        messages_to_copy: 4800,
        bytes_to_copy: Some(12 << 20),
        already_there: 0,
        too_large: Portion::default(),
        left_out: Vec::new(),
        bytes: Some(12 << 20),
        estimate_seconds: 200,
        ends: LoadEnds::default(),
    }
}

/// A folder of so many messages, of which some were copied before and some just now.
fn of_folder(all: &Counts, before: u64, now: u64) -> Tally {
    let copied = before + now;
    let pending = all.copied - copied;
    let counts = Counts { copied, pending, bytes: copied * 4096, ..*all };
    Tally { counts, copied_now: now, bytes_now: now * 4096 }
}

/// Anna's mailbox as the run finds it: 40 messages were copied before.
fn anna_before() -> Tally {
    let mut counts = Counts::default();
    anna().folders.iter().for_each(|folder| counts.add(&folder.counts));
    of_folder(&counts, 40, 0)
}

fn add_now(tally: &mut Tally, messages: u64) {
    tally.counts.copied += messages;
    tally.counts.pending -= messages;
    tally.counts.bytes += messages * 4096;
    tally.copied_now += messages;
    tally.bytes_now += messages * 4096;
}

pub(crate) fn run_events() -> Vec<Event> {
    let started = |mailbox: &str| Event::MailboxStarted { mailbox: mailbox.into() };
    let mut events = vec![
        Event::Started { mailboxes: 3 },
        started("anna@old.example"),
        Event::Planned(plan()),
        Event::Warning { mailbox: Some("bob@old.example".into()), message: "odd\x07thing".into() },
    ];
    let mut mailbox = anna_before();
    events.push(Event::MailboxProgress { mailbox: "anna@old.example".into(), counts: mailbox });
    for folder in anna().folders.into_iter().take(2) {
        let all = folder.counts;
        let before = of_folder(&all, 20, 0);
        events.push(Event::FolderStarted {
            mailbox: "anna@old.example".into(),
            source: folder.source.clone(),
            target: folder.target.clone().unwrap_or_default(),
            messages: folder.counts.copied - 20,
            bytes: folder.counts.bytes - 20 * 4096,
            counts: before,
            mailbox_counts: mailbox,
        });
        let half = of_folder(&all, 20, all.copied / 2);
        add_now(&mut mailbox, half.copied_now);
        events.push(Event::FolderProgress {
            mailbox: "anna@old.example".into(),
            source: folder.source.clone(),
            messages: half.copied_now,
            bytes: half.bytes_now,
            counts: half,
            mailbox_counts: mailbox,
            awaited: None,
        });
        add_now(&mut mailbox, all.copied - 20 - half.copied_now);
        events.push(Event::FolderFinished {
            mailbox: "anna@old.example".into(),
            messages_now: folder.counts.copied - 20,
            bytes_now: folder.counts.bytes - 20 * 4096,
            flags_now: if folder.source == "Sent" { 3 } else { 0 },
            mailbox_counts: mailbox,
            seconds: 2.5,
            folder,
        });
    }
    let finished = |mailbox: &str, end: MailboxEnd, summary: Option<MailboxSummary>| Event::MailboxFinished {
        mailbox: mailbox.into(),
        end,
        summary,
    };
    events.extend([
        Event::Reconnecting {
            mailbox: "anna@old.example".into(),
            side: Side::Source,
            reason: "connection reset".into(),
        },
        finished("anna@old.example", MailboxEnd::Complete, Some(anna())),
        Event::MessageException { mailbox: "bob@old.example".into(), exception: exception() },
        finished("bob@old.example", MailboxEnd::NotAllWell, Some(bob())),
        finished("carl@old.example", MailboxEnd::Stopped(stopped()), None),
        Event::Finished(finish()),
    ]);
    events
}

pub(crate) fn finish() -> Finish {
    Finish {
        mailboxes: vec![
            ("anna@old.example".into(), MailboxEnd::Complete),
            ("bob@old.example".into(), MailboxEnd::NotAllWell),
            ("carl@old.example".into(), MailboxEnd::Stopped(stopped())),
        ],
        messages: 1263,
        bytes: 5_000_000,
        flags: 3,
        seconds: 12.5,
        ..Finish::default()
    }
}

pub(crate) fn outcome() -> Outcome {
    let mut outcome = Outcome::default();
    for event in run_events() {
        outcome.note(&event);
    }
    outcome
}
