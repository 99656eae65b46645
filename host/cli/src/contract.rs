//! `docs/contract.md` held against the code: what the page promises is there, and what is there is on the
//! page.

use std::collections::BTreeSet;

use clap::CommandFactory as _;
use mailhaul_app::provision::{Became, Report, Row};
use mailhaul_engine::assessment::beyond::Beyond;
use mailhaul_engine::assessment::risk::{Risk, RiskCode};
use mailhaul_engine::assessment::{Assessment, ProjectAssessment};
use mailhaul_engine::cause::{Actor, Cause};
use mailhaul_engine::code::Code;
use mailhaul_engine::event::{
    CertificateFacts, CheckRow, Event, Finish, MailboxEnd, TaskRefusal, TaskRefusalKind, UndoException,
    UndoExceptionCode, UndoSummary, WaitFor,
};
use mailhaul_engine::plan::PlanFile;
use mailhaul_engine::progress::{Picture, ProjectPicture};
use mailhaul_engine::summary::{
    DifferenceKind, ProjectSummary, RunForecast, RunWait, Side, Stopped, VerifiedDepth,
};
use mailhaul_engine::tally::Tally;
use mailhaul_project::{Project, TABLES};
use mailhaul_report::assessment::AssessmentFormat;
use serde_json::{Value, json};

use crate::args::Cli;
use crate::commands::provision::Document;
use crate::exit::{Exit, of_cause};
use crate::ui::json::ProgressLine;

const PAGE: &str = include_str!("../../../docs/contract.md");

/// Returns what stands below a heading, up to the next one of its level or above.
fn section(heading: &str) -> &'static str {
    let begin =
        PAGE.find(&format!("{heading}\n")).unwrap_or_else(|| panic!("no `{heading}`")) + heading.len() + 1;
    let rest = &PAGE[begin..];
    let level = heading.split(' ').next().unwrap().len();
    let ends = (1..=level).filter_map(|level| rest.find(&format!("\n{} ", "#".repeat(level))));
    &rest[..ends.min().unwrap_or(rest.len())]
}

/// Returns the cells of the section's table whose first column is headed `first`.
fn table(section: &str, first: &str) -> Vec<Vec<String>> {
    let rows = section.lines().skip_while(|line| !line.starts_with(&format!("| {first} |"))).skip(2);
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    rows.take_while(|line| line.starts_with('|')).map(cells).collect()
}

/// Returns what stands between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Parses the first block of JSON in a section.
fn document(section: &str) -> Value {
    let begin = section.find("```json\n").unwrap() + 8;
    serde_json::from_str(&section[begin..begin + section[begin..].find("```").unwrap()]).unwrap()
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn commands_and_their_options() {
    let page = section("## Commands");
    let listed: Vec<(String, bool)> = table(page, "command")
        .iter()
        .filter(|row| row.len() == 3 && row[0].starts_with("`mailhaul "))
        .map(|row| {
            (row[0].trim_matches('`').trim_start_matches("mailhaul ").to_owned(), row[1] == "not built yet")
        })
        .collect();
    let defined = Cli::command();
    let there: Vec<(String, bool)> =
        defined.get_subcommands().map(|one| (one.get_name().to_owned(), one.is_hide_set())).collect();
    let sorted = |mut all: Vec<(String, bool)>| {
        all.sort();
        all
    };
    assert_eq!(sorted(listed), sorted(there));

    let plugin = table(page, "command").into_iter().find(|row| row[0] == "`mailhaul plugin`").unwrap();
    let below: Vec<&str> =
        defined.find_subcommand("plugin").unwrap().get_subcommands().map(clap::Command::get_name).collect();
    assert_eq!(quoted(&plugin[1]), below);

    let options = page.split("Options of single commands").nth(1).unwrap();
    let mut rows = table(options, "command").into_iter();
    for command in defined.get_subcommands().filter(|one| !one.is_hide_set() && one.get_name() != "plugin") {
        let own = command.get_arguments().filter(|one| !one.is_hide_set());
        let there: Vec<String> = own.filter_map(|one| Some(format!("--{}", one.get_long()?))).collect();
        if there.is_empty() {
            continue;
        }
        let row = rows.next().unwrap_or_else(|| panic!("{} has options", command.get_name()));
        assert_eq!((row[0].as_str(), quoted(&row[1])), (&*format!("`{}`", command.get_name()), there));
    }
    assert_eq!(rows.next(), None);
    for global in defined.get_arguments().filter_map(|one| one.get_long()) {
        let short = matches!(global, "verbose" | "quiet");
        assert!(short || page.contains(&format!("`--{global}")), "{global}");
    }
}

#[test]
fn exit_codes() {
    let listed: Vec<u8> =
        table(section("## Exit codes"), "code").iter().map(|row| row[0].parse().unwrap()).collect();
    let all = [
        Exit::Done,
        Exit::Internal,
        Exit::Input,
        Exit::NotAllWell,
        Exit::LogIn,
        Exit::Unreachable,
        Exit::Plugin,
        Exit::NoRoom,
        Exit::Interrupted,
    ];
    assert_eq!(listed, all.map(|exit| exit as u8));
    let causes: Vec<(String, u8)> = table(section("## Causes"), "cause")
        .iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1].parse().unwrap()))
        .collect();
    let there: Vec<(String, u8)> =
        Cause::ALL.iter().map(|cause| (cause.to_string(), of_cause(*cause) as u8)).collect();
    assert_eq!(causes, there);
}

#[test]
fn codes_and_kinds() {
    let codes: Vec<(String, bool)> = table(section("## Codes"), "code")
        .iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1] == "yes"))
        .collect();
    let there: Vec<(String, bool)> =
        Code::ALL.iter().map(|code| (code.to_string(), code.is_given_up())).collect();
    assert_eq!(codes, there);
    let kinds = quoted(section("## Differences").split("Each").next().unwrap());
    let there: Vec<String> = DifferenceKind::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(kinds[1..], there[..]);
    for depth in [
        VerifiedDepth::None,
        VerifiedDepth::Sample,
        VerifiedDepth::Counts,
        VerifiedDepth::Headers,
        VerifiedDepth::Full,
    ] {
        let name = serde_json::to_value(depth).unwrap();
        assert!(section("### `report --format json`").contains(&format!("`{}`", name.as_str().unwrap())));
    }
}

/// What stands in `plan --format json` beside the plan's file.
#[test]
fn what_a_plan_comes_to() {
    let section = section("### `plan --out FILE` and `plan --format json`");
    let promised = document(section.split_once("is the same document").unwrap().1);
    let plan = crate::ui::samples::plan();
    let mut overview = mailhaul_engine::plan::Overview::new();
    overview.add(&plan);
    let mut totals = serde_json::to_value(overview.totals()).unwrap();
    let forecast = mailhaul_engine::assessment::forecast::of_plans([plan.load()], &Default::default());
    let forecast = serde_json::to_value(forecast).unwrap();
    totals["forecast"] = promised["sums"]["forecast"].clone();
    assert_eq!(keys(&totals["forecast"]), keys(&forecast));
    assert_eq!(keys(&promised["sums"]), keys(&totals));
    let conflicts = serde_json::to_value(overview.conflicts().collect::<Vec<_>>()).unwrap();
    assert_eq!(keys(&promised["conflicts"][0]), keys(&conflicts[0]));
    assert_eq!(keys(&promised["conflicts"][0]["first"][0]), keys(&conflicts[0]["first"][0]));
    // A group has a rule or a name; the page shows both.
    let groups = serde_json::to_value(overview.groups()).unwrap();
    let named = groups.as_array().unwrap().iter().find(|group| group["way"] == "name").unwrap();
    let mut expected = keys(named);
    expected.insert("rule".to_owned());
    assert_eq!(keys(&promised["by_rule"][0]), expected);
    let difference: mailhaul_engine::plan::PlanDifference =
        serde_json::from_value(promised["differences"][0].clone()).unwrap();
    assert_eq!(serde_json::to_value(&difference).unwrap(), promised["differences"][0]);
    for kind in mailhaul_engine::plan::ChangeKind::ALL {
        assert!(section.contains(&format!("`{kind}`")), "{kind}");
    }
    for way in mailhaul_engine::plan::Way::ALL {
        assert!(section.contains(&format!("`{way}`")), "{way}");
    }
}

#[test]
fn outcomes_of_provision() {
    let section = section("### `provision --format json`");
    let listed: Vec<String> =
        table(section, "outcome").iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    assert_eq!(listed, Became::ALL.map(|became| became.as_str().to_owned()));
    let row = Row {
        key: String::new(),
        mailbox: "anna@new".to_owned(),
        label: Some("Anna".to_owned()),
        became: Became::PasswordRefused,
        details: vec!["…".to_owned()],
        cause: Some(Cause::AuthRefused),
        who: Some(Actor::Operator),
        quota: Some(1),
    };
    let report = Report { plugin: Some("panel 0.1.0".to_owned()), rows: vec![row], ..Report::default() };
    let there = serde_json::to_value(Document::of(&report)).unwrap();
    let promised = document(section);
    assert_eq!(keys(&promised), keys(&there));
    assert_eq!(keys(&promised["mailboxes"][0]), keys(&there["mailboxes"][0]));
}

#[test]
fn the_project_file_is_read_and_has_every_key() {
    let page = section("## mailhaul.toml");
    let begin = page.find("```toml\n").unwrap() + 8;
    let text = &page[begin..begin + page[begin..].find("```").unwrap()];
    // Of the two tables of one kind, the first has the administrator and the second the token.
    let mut written: BTreeSet<(String, String)> = BTreeSet::new();
    let mut table = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            table = header.trim_start_matches('[').split(']').next().unwrap().to_owned();
            let mut parts = table.split('.');
            let (top, below) = (parts.next().unwrap(), parts.next());
            written.insert((String::new(), top.to_owned()));
            written.extend(below.map(|below| (top.to_owned(), below.to_owned())));
        } else if let Some((key, _)) = line.split_once('=') {
            written.insert((table.clone(), key.trim().to_owned()));
        }
    }
    for (table, keys) in TABLES {
        let table = if *table == "target" { "source" } else { *table };
        for key in keys.iter().filter(|key| **key != "cutover") {
            let is_written = |table: &str| written.contains(&(table.to_owned(), (*key).to_owned()));
            assert!(is_written(table) || table == "source" && is_written("target"), "{table}: {key}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mailhaul.toml");
    let text: Vec<&str> = text.lines().filter(|line| !line.starts_with("ca_file")).collect();
    std::fs::write(&file, text.join("\n")).unwrap();
    let project = Project::load(&file).unwrap().project;
    let from = text.iter().position(|line| line.starts_with("from = \"csv\"")).unwrap();
    assert_eq!((project.rules.len(), project.mailboxes.from.line), (2, Some(from + 1)));
}

#[test]
fn the_columns_of_a_list() {
    let listed: BTreeSet<String> =
        quoted(section("## mailboxes.csv").split("Without `target_user`").next().unwrap())
            .into_iter()
            .collect();
    let plugin = include_str!("../../../plugins/csv/src/columns.rs");
    let known = plugin.lines().filter_map(|line| line.trim().strip_prefix("(\"")?.split('"').next());
    assert_eq!(listed, known.map(str::to_owned).collect());
}

/// Reads a document of the page as a `T` and checks that writing it again gives the same.
fn round_trips<T: serde::de::DeserializeOwned + serde::Serialize>(heading: &str) -> Value {
    let page = document(section(heading));
    let read: T = serde_json::from_value(page.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), page, "{heading}");
    page
}

/// A row with all that one may have.
fn check_row() -> CheckRow {
    let mut row = CheckRow::new("anna@old", Side::Source);
    (row.endpoint, row.detail) = ("mail.old.example:993".into(), "…".into());
    (row.folders, row.messages, row.bytes) = (Some(12), Some(400), Some(5_242_880));
    (row.quota_used, row.quota_limit, row.append_limit) =
        (Some(5_242_880), Some(1_073_741_824), Some(52_428_800));
    row.notes = vec!["…".into()];
    row.certificate = Some(CertificateFacts {
        names: vec!["mail.old.example".into()],
        issuer: "…".into(),
        not_before: "2026-01-01T00:00:00Z".into(),
        not_after: "2027-01-01T00:00:00Z".into(),
        days_left: 31,
        self_signed: false,
        fingerprint: "sha256:…".into(),
    });
    row
}

/// The mailbox of the page's assessment.
fn assessment() -> Assessment {
    let page = document(section("### `assess --format json`"));
    serde_json::from_value(page["mailboxes"][0].clone()).unwrap()
}

/// Says where one of two documents has a key that the other lacks; values do not count.
fn other_keys(at: &str, one: &Value, other: &Value) -> Vec<String> {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let odd = a.keys().filter(|key| !b.contains_key(*key));
            let odd = odd.chain(b.keys().filter(|key| !a.contains_key(*key)));
            let odd = odd.map(|key| format!("{at}.{key}")).collect::<Vec<_>>();
            let below = a.iter().filter_map(|(key, value)| Some((key, value, b.get(key)?)));
            odd.into_iter()
                .chain(below.flat_map(|(key, a, b)| other_keys(&format!("{at}.{key}"), a, b)))
                .collect()
        }
        (Value::Array(a), Value::Array(b)) => {
            a.first().zip(b.first()).map_or_else(Vec::new, |(a, b)| other_keys(&format!("{at}[0]"), a, b))
        }
        _ => Vec::new(),
    }
}

#[test]
fn the_document_of_an_assessment() {
    let page = section("### `assess --format json`");
    let told = document(page);
    let project = ProjectAssessment {
        project: told["project"].as_str().unwrap().to_owned(),
        now: told["at"].as_str().unwrap().to_owned(),
        mailboxes: vec![assessment()],
        ..ProjectAssessment::default()
    };
    let there = mailhaul_report::assessment::render(&project, AssessmentFormat::Json).unwrap();
    let there: Value = serde_json::from_str(&there).unwrap();
    assert_eq!(other_keys("", &told, &there), Vec::<String>::new());
    for part in ["totals", "mailboxes"] {
        let seconds = |mut value: Value| {
            for one in value.as_array_mut().into_iter().flatten() {
                one["reasons"] = Value::Null;
            }
            value
        };
        assert_eq!(seconds(told[part].clone()), seconds(there[part].clone()), "{part}");
    }
    let words = quoted(page);
    let risks = Risk::ALL.iter().map(|one| one.as_str());
    let whats = Beyond::ALL.iter().map(|one| one.as_str());
    for word in RiskCode::ALL.iter().map(|one| one.as_str()).chain(risks).chain(whats) {
        assert!(words.iter().any(|one| one == word), "{word}");
    }
}

#[test]
fn documents() {
    round_trips::<ProjectSummary>("### `report --format json`");
    round_trips::<PlanFile>("### `plan --out FILE` and `plan --format json`");
    let checks = document(section("### `check --format json`"));
    assert_eq!(checks["checks"], json!([serde_json::to_value(check_row()).unwrap()]));
}

/// Returns an event of each kind; a new kind does not compile without a line here.
fn events() -> Vec<Event> {
    let report = document(section("### `report --format json`"));
    let mailbox = &report["mailboxes"][0];
    let read = |value: &Value| value.clone();
    let plan = document(section("### `plan --out FILE` and `plan --format json`"));
    let name = || "anna@old".to_owned();
    let counts = Tally::default();
    let not_undone = UndoException {
        source: String::new(),
        uid: 1,
        target_uid: 1,
        code: UndoExceptionCode::Gone,
        reason: String::new(),
    };
    let undone = UndoSummary { not_undone: vec![not_undone], ..UndoSummary::default() };
    let refused = TaskRefusal { kind: TaskRefusalKind::Input, reasons: vec![], remedy: Some(String::new()) };
    let forecast =
        RunForecast { seconds: 1.0, messages: 1, bytes: Some(1), without: 0, basis: String::new() };
    let all = vec![
        Event::Started { mailboxes: 1 },
        Event::Note { message: String::new() },
        Event::Warning { mailbox: None, message: String::new() },
        Event::MailboxStarted { mailbox: name() },
        Event::Assessed(Box::new(assessment())),
        Event::Checked(check_row()),
        Event::Planned(serde_json::from_value(read(&plan["mailboxes"][0])).unwrap()),
        Event::FolderRenamed { mailbox: name(), side: Side::Source, from: name(), to: name() },
        Event::CopiesMoved { mailbox: name(), from: name(), to: name(), messages: 1 },
        Event::MailboxProgress { mailbox: name(), counts },
        Event::FolderStarted {
            mailbox: name(),
            source: name(),
            target: name(),
            messages: 1,
            bytes: 1,
            counts,
            mailbox_counts: counts,
        },
        Event::FolderProgress {
            mailbox: name(),
            source: name(),
            messages: 1,
            bytes: 1,
            counts,
            mailbox_counts: counts,
            awaited: Some(Side::Source),
        },
        Event::MessageException {
            mailbox: name(),
            exception: serde_json::from_value(read(&mailbox["exceptions"][0])).unwrap(),
        },
        Event::DifferenceFound {
            mailbox: name(),
            difference: serde_json::from_value(read(&mailbox["differences"][0])).unwrap(),
        },
        Event::FolderFinished {
            mailbox: name(),
            folder: serde_json::from_value(read(&mailbox["folders"][0])).unwrap(),
            messages_now: 1,
            bytes_now: 1,
            flags_now: 1,
            mailbox_counts: counts,
            seconds: 1.0,
        },
        Event::HookFinished {
            mailbox: name(),
            hook: serde_json::from_value(read(&mailbox["hooks"][0])).unwrap(),
        },
        Event::Undone { mailbox: name(), undone },
        Event::Reconnecting { mailbox: name(), side: Side::Source, reason: String::new() },
        Event::Waiting {
            mailbox: name(),
            side: Side::Source,
            why: WaitFor::Server,
            until: String::new(),
            reason: String::new(),
            attempt: 1,
        },
        Event::Resumed { mailbox: name() },
        Event::MailboxFinished { mailbox: name(), end: MailboxEnd::Complete, summary: None },
        Event::Finished(Finish {
            refused: Some(refused),
            forecast: Some(forecast),
            waits: vec![RunWait { what: String::new(), mailboxes: 1, seconds: 1.0, longest: 1.0 }],
            ..Finish::default()
        }),
    ];
    for event in &all {
        match event {
            Event::Started { .. }
            | Event::Note { .. }
            | Event::Warning { .. }
            | Event::MailboxStarted { .. }
            | Event::Assessed(_)
            | Event::Checked(_)
            | Event::Planned(_)
            | Event::FolderRenamed { .. }
            | Event::CopiesMoved { .. }
            | Event::MailboxProgress { .. }
            | Event::FolderStarted { .. }
            | Event::FolderProgress { .. }
            | Event::MessageException { .. }
            | Event::DifferenceFound { .. }
            | Event::FolderFinished { .. }
            | Event::HookFinished { .. }
            | Event::Undone { .. }
            | Event::Reconnecting { .. }
            | Event::Waiting { .. }
            | Event::Resumed { .. }
            | Event::MailboxFinished { .. }
            | Event::Finished(_) => {}
        }
    }
    all
}

#[test]
fn events_and_their_fields() {
    let page = section("### Events: `run`, `retry`, `verify` and `undo` with `--format json`");
    let report = document(section("### `report --format json`"));
    let mailbox = &report["mailboxes"][0];
    let check = document(section("### `check --format json`"));
    let plan = document(section("### `plan --out FILE` and `plan --format json`"));
    let kinds = [
        ("a row of `check`", &check["checks"][0]),
        ("a mailbox of a plan", &plan["mailboxes"][0]),
        ("an exception", &mailbox["exceptions"][0]),
        ("a difference", &mailbox["differences"][0]),
        ("a folder", &mailbox["folders"][0]),
        ("a hook", &mailbox["hooks"][0]),
    ];
    let listed: Vec<(String, BTreeSet<String>)> = table(page, "event")
        .iter()
        .map(|row| {
            let mut text = row[1].split(" (").next().unwrap().to_owned();
            let mut fields = BTreeSet::from(["event".to_owned()]);
            for (words, value) in kinds {
                if text.contains(&format!("those of {words}")) {
                    text = text.replace(words, "");
                    fields.extend(keys(value));
                }
            }
            fields.extend(quoted(&text));
            (row[0].trim_matches('`').to_owned(), fields)
        })
        .collect();
    // One line is the front end's own, of the model that the events feed.
    let progress = ProgressLine { project: ProjectPicture::default() };
    let there: Vec<(String, BTreeSet<String>)> = events()
        .iter()
        .map(|event| serde_json::to_value(event).unwrap())
        .chain([serde_json::to_value(&progress).unwrap()])
        .map(|value| (value["event"].as_str().unwrap().to_owned(), keys(&value)))
        .collect();
    assert_eq!(listed, there);
    let fields = quoted(page.split("The pictures of `progress`").nth(1).unwrap());
    let picture = serde_json::to_value(Picture { mailboxes: vec![], ..Picture::default() }).unwrap();
    for part in ["mailboxes", "messages", "bytes"] {
        for name in keys(&picture["project"][part]) {
            assert!(fields.contains(&name), "{part}: {name}");
        }
    }
    for name in keys(&serde_json::to_value(Tally::default()).unwrap()) {
        assert!(
            page.contains(&format!("`{name}`")) || keys(&mailbox["folders"][0]).contains(&name),
            "{name}"
        );
    }
    let stopped = Stopped { side: Side::Target, cause: Cause::Quota, reason: String::new() };
    let ends =
        [MailboxEnd::Complete, MailboxEnd::NotAllWell, MailboxEnd::Stopped(stopped), MailboxEnd::Interrupted];
    for end in ends.map(|end| serde_json::to_value(end).unwrap()) {
        assert!(page.contains(end["end"].as_str().unwrap()), "{end}");
    }
}
