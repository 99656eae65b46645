//! Assessments for tests: an offer with every risk, hostile words, nothing, many.

use mailhaul_engine::assessment::forecast::{Ceilings, MeasuredRun};
use mailhaul_engine::assessment::{
    Assessment, Budget, EndFigures, LargestMessage, MessageFigures, NamedFolders, Portion, ProjectAssessment,
    ProviderFigures, QuotaFigures,
};
use mailhaul_engine::cause::Cause;
use mailhaul_engine::summary::{Side, Stopped};

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

fn mailbox(user: &str, messages: u64, bytes: u64) -> Assessment {
    let provider = ProviderFigures {
        id: "dovecot".into(),
        name: "Dovecot 2.3.21".into(),
        connections_per_mailbox: Some(10),
        ..ProviderFigures::default()
    };
    let source = EndFigures {
        user: format!("{user}@olddomain.example"),
        host: "mail.olddomain.example".into(),
        port: 993,
        folders: 12,
        messages,
        bytes: Some(bytes),
        quota: Some(QuotaFigures { used: bytes, limit: 10 * GIB }),
        provider: Some(provider.clone()),
        round_trip_ms: Some(24),
        ..EndFigures::default()
    };
    let target = EndFigures {
        user: format!("{user}@newdomain.example"),
        host: "mx.newdomain.example".into(),
        port: 993,
        folders: 5,
        bytes: Some(0),
        quota: Some(QuotaFigures { used: 0, limit: 5 * GIB }),
        append_limit: Some(50 * MIB),
        provider: Some(provider),
        ..EndFigures::default()
    };
    let messages = MessageFigures {
        largest: Some(LargestMessage { bytes: 8 * MIB, folder: "Sent".into() }),
        over_limit: Some(Portion::default()),
        newest: Some("2026-11-29T17:04:31Z".into()),
        ..MessageFigures::default()
    };
    Assessment {
        mailbox: format!("{user}@olddomain.example"),
        at: "2026-11-30T09:12:44Z".into(),
        source,
        target: Some(target),
        messages,
        ..Assessment::default()
    }
}

fn named(folder: &str) -> NamedFolders {
    NamedFolders { count: 1, first: vec![folder.to_owned()] }
}

fn project(mailboxes: Vec<Assessment>) -> ProjectAssessment {
    ProjectAssessment {
        project: "olddomain to newdomain".into(),
        now: "2026-11-30T09:30:00Z".into(),
        mailboxes,
        missing: Vec::new(),
        mailboxes_at_once: 4,
        connections_per_host: 8,
        measured: None,
        ceilings: Ceilings::default(),
    }
}

/// Five mailboxes: two well, one over the limit with a calendar, one too large, one whose log-in is refused;
/// and one that nobody has come to.
pub(crate) fn offer() -> ProjectAssessment {
    let mut over = mailbox("bob", 8_400, 3 * GIB);
    over.messages.over_limit = Some(Portion { messages: 2, bytes: 130 * MIB });
    over.messages.large = Portion { messages: 9, bytes: 350 * MIB };
    over.messages.largest = Some(LargestMessage { bytes: 71 * MIB, folder: "Projects/2024".into() });
    over.messages.old_folders = named("Projects/2019");
    over.not_mail = named("Calendar");
    let mut large = mailbox("cem", 91_204, 9 * GIB + 300 * MIB);
    large.shared_folders = named("/Shared/team");
    large.source.provider.as_mut().unwrap().budget =
        Budget { gives_a_day: Some(2_500_000_000), ..Budget::default() };
    let mut refused = mailbox("dora", 0, 0);
    refused.source = EndFigures {
        stopped: Some(Stopped {
            side: Side::Source,
            cause: Cause::AuthRefused,
            reason: "the server refused the log-in: [AUTHENTICATIONFAILED] Authentication failed.".into(),
        }),
        user: refused.source.user,
        host: refused.source.host,
        port: 993,
        ..EndFigures::default()
    };
    refused.messages = MessageFigures::default();
    let mut empty = mailbox("eve", 0, 0);
    empty.messages = MessageFigures { over_limit: Some(Portion::default()), ..MessageFigures::default() };
    let mut project = project(vec![mailbox("anna", 1_204, 211 * MIB), over, large, refused, empty]);
    project.missing.push("finn@olddomain.example".into());
    project
}

/// Names and words that a terminal, a browser or a spreadsheet would obey.
pub(crate) fn hostile() -> ProjectAssessment {
    let mut bad = mailbox("x", u64::MAX, u64::MAX);
    bad.mailbox = "=cmd|'/C calc'!A0\u{1b}[2J".into();
    bad.source.host = "<script>alert(1)</script>".into();
    bad.source.provider.as_mut().unwrap().name = "\u{1b}]0;x\u{7}<b>".into();
    bad.source.provider.as_mut().unwrap().notes = vec!["<img src=x onerror=alert(1)>".into()];
    bad.messages.largest = Some(LargestMessage { bytes: u64::MAX, folder: "+1\r\n\u{202e}x".into() });
    bad.messages.unread_folders = named("</style><script>");
    bad.not_mail = named("Calendar/\u{1b}[31m");
    let mut long = mailbox(&"l".repeat(150), 1, 1);
    long.target.as_mut().unwrap().stopped =
        Some(Stopped { side: Side::Target, cause: Cause::ServerFault, reason: "\u{1b}[2J<script>".into() });
    let mut project = project(vec![bad, long]);
    project.project = "</title><script>\u{1b}".into();
    project.missing.push("=1+1\n2".into());
    project
}

pub(crate) fn empty() -> ProjectAssessment {
    let mut project = project(Vec::new());
    project.missing = vec!["anna@olddomain.example".into(), "bob@olddomain.example".into()];
    project
}

/// So many mailboxes, of which the first is a risk; three days old, in a project that has copied before.
pub(crate) fn many(mailboxes: usize) -> ProjectAssessment {
    let mut all: Vec<_> = (0..mailboxes).map(|n| mailbox(&format!("u{n:04}"), 1_000, GIB)).collect();
    all[0].source.bytes = None;
    all[0].at = "2026-11-27T09:12:44Z".into();
    let measured = MeasuredRun::of("2026-11-28T02:00:00Z", 12_000, 2 * GIB, 700.0);
    ProjectAssessment { measured, ..project(all) }
}
