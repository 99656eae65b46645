//! Every line fits into 80 columns, also with long and wide names; `status --watch`.

use std::process::{Command, Stdio};
use std::time::Duration;

use mailhaul_lab::corpus;
use mailhaul_lab::proxy::{Proxy, Way};
use mailhaul_lab::runner;
use unicode_width::UnicodeWidthStr;

use crate::support::compare::count;
use crate::support::mail_servers::{Move, json};

const COLUMNS: usize = 80;

/// Every command that tells of a move, of one that goes well and of one with messages left out.
#[test]
fn lines_fit_into_eighty_columns() {
    let haul = Move::loaded(130, 60);
    let mut client = haul.from.client();
    for name in [
        "Kunden/日本語の長い名前のフォルダー/案件/二千二十四年",
        "A folder whose name is about as long as names of folders get/2024",
    ] {
        client.create(name).unwrap();
        let body = corpus::simple(name, "one");
        client.append_one(name, &["\\Seen"], " 5-May-2021 05:05:05 +0500", &body).unwrap();
    }
    let mut too_wide = Vec::new();
    for line in [
        "check",
        "plan",
        "plan --explain Sent",
        "status",
        "run",
        "run",
        "status",
        "verify",
        "verify --depth full",
        "report --format text",
        "plugin list",
    ] {
        let shown = on_a_terminal(&haul, line);
        too_wide.extend(
            shown
                .lines()
                .filter(|one| one.width() > COLUMNS)
                .map(|one| format!("{line} ({} columns): {one}", one.width())),
        );
    }
    assert!(too_wide.is_empty(), "{}", too_wide.join("\n"));
}

/// What a command leaves on a terminal of 80 columns (util-linux's `script`), without its escape codes.
fn on_a_terminal(haul: &Move, line: &str) -> String {
    let line = format!("stty cols {COLUMNS} rows 25; exec '{}' {line}", runner::binary().display());
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(&haul.folder);
    command.env("TERM", "xterm-256color").env_remove("COLUMNS").env("NO_COLOR", "1").stdin(Stdio::null());
    let out = command.output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{line}: {text}");
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => drop(rest.by_ref().find(|c| c.is_ascii_alphabetic())),
            // A line that is painted over ends for this purpose.
            '\r' => plain.push('\n'),
            c => plain.push(c),
        }
    }
    plain
}

/// `status --watch` follows a run from its middle to its end, and then ends by itself.
#[test]
fn status_watches_a_run() {
    let haul = Move::loaded(131, 80);
    let size: u64 = haul.from.snapshot().values().flatten().map(|m| m.size).sum();
    let messages = count(&haul.from.snapshot());
    let proxy = Proxy::start(haul.to.tls_port());
    haul.rewrite(|spec| spec.target.port = proxy.port);
    proxy.hold_after(Way::ToServer, size / 2);
    let running = haul.command(&["run"]).spawn();
    proxy.wait_held(Duration::from_secs(60));
    let mut watching = haul.command(&["status", "--watch", "--format", "json"]).spawn();
    // It has read the ledger once when a second look says the same; until then it must not end.
    let now = json(&haul.mailhaul(&["report", "--format", "json"]).expect(0));
    assert_eq!(now["verdict"], "incomplete", "{now:#}");
    assert!(watching.alive(), "it ended while the run was held");
    proxy.release();
    running.wait().expect(0);
    let watched = watching.wait().expect(0);
    let documents: Vec<serde_json::Value> =
        watched.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (first, last) = (documents.first().unwrap(), documents.last().unwrap());
    assert_eq!(first["verdict"], "incomplete", "{}", watched.told());
    assert_eq!(last["verdict"], "complete", "{}", watched.told());
    assert_eq!(last["totals"]["source_messages"], messages, "{}", watched.told());
    assert!(!watched.stdout.contains('\u{1b}'));
    // Of a move that is complete it says so once.
    let done = haul.mailhaul(&["status", "--watch"]).expect(0);
    assert!(done.elapsed < Duration::from_secs(30), "{}", done.told());
}
