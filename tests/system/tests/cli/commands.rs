//! The other commands, and the look of the output.

use std::fs;
use std::process::Command;

use mailhaul_lab::runner;

use crate::support::compare::{assert_sums, count};
use crate::support::mail_servers::{Move, at, folder_with, json};

/// `init` writes both files, readable by their owner only, and never over something.
#[test]
fn init_writes_templates_that_parse() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder_with(&[]);
    at(&folder, &["init", "move"]).expect(0).says(&["mailhaul.toml", "mailboxes.csv"]);
    let project = folder.join("move");
    let toml = fs::read_to_string(project.join("mailhaul.toml")).unwrap();
    let csv = fs::read_to_string(project.join("mailboxes.csv")).unwrap();
    assert!(toml.contains('#') && csv.starts_with("source_user,"), "{toml}\n{csv}");
    assert_eq!(fs::metadata(project.join("mailboxes.csv")).unwrap().permissions().mode() & 0o077, 0);
    // Filled in, and with servers nobody has, it is understood: what remains is that nobody answers.
    let hosts: Vec<&str> = toml.lines().filter(|line| line.starts_with("#host = ")).collect();
    assert_eq!(hosts.len(), 2, "{toml}");
    let mut filled = toml.clone();
    for host in hosts {
        filled = filled.replace(host, "host = \"no-such-host.invalid\"");
    }
    fs::write(project.join("mailhaul.toml"), filled).unwrap();
    fs::write(project.join("mailboxes.csv"), format!("{}\na@old.example,x,b@new.example,y\n", csv.trim()))
        .unwrap();
    at(&project, &["check"]).expect(5).says(&["a@old.example"]);

    at(&folder, &["init", "move"]).expect(2).says(&["mailhaul.toml"]);
    assert!(
        fs::read_to_string(project.join("mailboxes.csv")).unwrap().contains("b@new.example"),
        "not overwritten"
    );
}

/// `init` by flags.
#[test]
fn init_by_flags() {
    let folder = folder_with(&[]);
    let arguments =
        ["init", "--source-host", "old.invalid", "--target-host", "new.invalid", "--target-tls", "starttls"];
    at(&folder, &arguments).expect(0);
    let toml = fs::read_to_string(folder.join("mailhaul.toml")).unwrap();
    assert!(
        toml.contains("\"old.invalid\"") && toml.contains("\"new.invalid\"") && toml.contains("\"starttls\""),
        "{toml}"
    );
}

/// A project without mailboxes in its list says so.
#[test]
fn an_empty_list() {
    let folder = folder_with(&[]);
    at(&folder, &["init", "--source-host", "old.invalid", "--target-host", "new.invalid"]).expect(0);
    let outcome = at(&folder, &["run"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.told());
    outcome.says(&["empty"]);
}

/// Every command of the contract that is not built yet is refused by its name.
#[test]
fn commands_that_are_not_built_yet() {
    let folder = folder_with(&[]);
    let commands: [&[&str]; 5] = [
        &["certificate", "create"],
        &["certificate", "verify", "x"],
        &["signoff", "--by", "me"],
        &["cutover", "check"],
        &["serve"],
    ];
    for arguments in commands {
        at(&folder, arguments).expect(2).says(&[arguments[0], "not built yet"]);
    }
    let haul = Move::loaded(101, 5);
    haul.mailhaul(&["run", "--dashboard", "127.0.0.1:0"]).expect(2).says(&["--dashboard"]);
    assert_eq!(count(&haul.to.snapshot()), 0, "refused means not started");
}

/// Before any run: nothing is claimed.
#[test]
fn report_and_status_before_the_first_run() {
    let haul = Move::loaded(102, 5);
    let report = haul.report();
    assert_eq!(report["verdict"], "not-started", "{report:#}");
    assert_eq!(report["schema"], 1);
    assert_eq!(report["last_run"]["copied"], 0);
    haul.mailhaul(&["status"]).expect(0);
}

/// Every format tells the same move.
#[test]
fn report_formats() {
    let haul = Move::loaded(103, 60);
    haul.mailhaul(&["run"]).expect(0);
    let total = count(&haul.from.snapshot());

    let report = haul.report();
    assert_sums(&report);
    assert_eq!(report["project"], "laboratory");
    assert_eq!(report["totals"]["copied"], total);
    let bytes: u64 = haul.from.snapshot().values().flatten().map(|m| m.size).sum();
    assert_eq!(report["totals"]["bytes"], bytes, "{report:#}");

    let text = haul.mailhaul(&["report", "--format", "text"]).expect(0).stdout;
    assert!(text.contains("Sent Items") && text.contains(&total.to_string()), "{text}");

    let html = haul.mailhaul(&["report", "--format", "html"]).expect(0).stdout;
    assert!(html.trim_start().to_lowercase().starts_with("<!doctype html>"), "{html}");
    assert!(
        html.contains("Sent Items") && html.contains("日本語/案件") && html.contains(&haul.to.user),
        "{html}"
    );
    for outside in ["src=\"http", "href=\"http", "@import", "<script src"] {
        assert!(!html.contains(outside), "the page needs something from elsewhere: {outside}");
    }

    let csv = haul.mailhaul(&["report", "--format", "csv"]).expect(0).stdout;
    let rows: Vec<&str> = csv.lines().collect();
    assert!(
        rows.len() > 10 && rows[0].contains("source_messages") && rows[0].contains("already_present"),
        "{csv}"
    );
    assert!(rows.iter().any(|row| row.contains("Sent Items")), "{csv}");

    let junit = haul.mailhaul(&["report", "--format", "junit"]).expect(0).stdout;
    assert!(
        junit.starts_with("<?xml") && junit.contains("<testsuite") && junit.contains("failures=\"0\""),
        "{junit}"
    );

    haul.mailhaul(&["report", "--format", "html", "--out", "out.html"]).expect(0);
    assert_eq!(fs::read_to_string(haul.file("out.html")).unwrap().len(), html.len());
    haul.mailhaul(&["report", "--format", "html", "--out", "no/such/folder/out.html"])
        .expect(2)
        .says(&["no/such/folder"]);
}

/// Nothing changed, so the report does not: but for its time.
#[test]
fn the_same_move_gives_the_same_report() {
    let haul = Move::loaded(104, 20);
    haul.mailhaul(&["run"]).expect(0);
    let one = haul.mailhaul(&["report", "--format", "json"]).expect(0).stdout;
    let two = haul.mailhaul(&["report", "--format", "json"]).expect(0).stdout;
    assert_eq!(one, two);
}

/// `status` tells in text and JSON where the project stands.
#[test]
fn status_tells() {
    let haul = Move::loaded(105, 20);
    haul.mailhaul(&["run"]).expect(0);
    haul.mailhaul(&["status"]).expect(0).says(&["complete"]);
    let status = json(&haul.mailhaul(&["status", "--format", "json"]).expect(0));
    assert!(status.to_string().contains("complete"), "{status:#}");
}

/// `run --format json` prints one JSON object on each line and nothing else on stdout.
#[test]
fn run_as_json_lines() {
    let haul = Move::loaded(106, 20);
    let outcome = haul.mailhaul(&["run", "--format", "json"]).expect(0);
    assert!(outcome.stdout.lines().count() > 3, "{}", outcome.told());
    for line in outcome.stdout.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(value.is_object(), "{line}");
    }
}

/// Piped output has no escape codes, and nothing moves; stdout of `run` and `check` is for people, one line
/// each.
#[test]
fn piped_output_is_plain() {
    let haul = Move::loaded(107, 20);
    for arguments in [
        &["check"][..],
        &["plan"],
        &["run"],
        &["status"],
        &["verify"],
        &["report", "--format", "text"],
        &["plugin", "list"],
        &["--help"],
        &["run", "--help"],
    ] {
        let outcome = haul.command(arguments).env("COLUMNS", "80").run().expect(0);
        for text in [&outcome.stdout, &outcome.stderr] {
            assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{}", outcome.told());
        }
    }
    let help = haul.command(&["run", "--help"]).env("COLUMNS", "80").run().stdout;
    assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
}

/// A plain line for each folder when nobody watches.
#[test]
fn a_line_for_each_folder() {
    let haul = Move::loaded(108, 60);
    let outcome = haul.mailhaul(&["run"]).expect(0);
    let told = format!("{}{}", outcome.stdout, outcome.stderr);
    for folder in ["INBOX", "Sent", "Archive/2016"] {
        assert!(told.lines().any(|line| line.contains(folder)), "no line for {folder}\n{}", outcome.told());
    }
}

/// Runs a command line on a terminal of its own (util-linux's `script`).
fn on_a_terminal(haul: &Move, line: &str, no_color: bool) -> String {
    let line = line.replace("mailhaul", &runner::binary().display().to_string());
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(&haul.folder).env("TERM", "xterm-256color");
    command.env_remove("NO_COLOR").env("COLUMNS", "80");
    if no_color {
        command.env("NO_COLOR", "1");
    }
    let out = command.stdin(std::process::Stdio::null()).output().unwrap();
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stdout));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Whether a text sets a colour: an escape code with more than "reset" in it.
fn coloured(text: &str) -> bool {
    text.split("\u{1b}[").skip(1).any(|rest| {
        let code: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == ';').collect();
        rest[code.len()..].starts_with('m')
            && code.split(';').any(|n| {
                n.parse::<u8>().is_ok_and(|n| (30..=37).contains(&n) || n == 38 || (90..=97).contains(&n))
            })
    })
}

/// `--color`, `NO_COLOR`, and a terminal.
#[test]
fn colour_when_wanted() {
    let haul = Move::loaded(109, 10);
    assert!(coloured(&on_a_terminal(&haul, "mailhaul check", false)), "a terminal gets colour");
    assert!(!coloured(&on_a_terminal(&haul, "mailhaul check", true)), "NO_COLOR is honoured");
    assert!(!coloured(&on_a_terminal(&haul, "mailhaul --color never check", false)));
    let piped = haul.mailhaul(&["check", "--color", "always"]).expect(0);
    assert!(coloured(&piped.stdout) || coloured(&piped.stderr), "{}", piped.told());
    assert!(!coloured(&haul.mailhaul(&["check"]).expect(0).stdout));
    // On a terminal the run shows progress, and leaves it behind in order.
    let shown = on_a_terminal(&haul, "mailhaul run", false);
    assert!(shown.contains(&haul.from.user), "{shown}");
}

/// `--quiet` says less, `-v` more; data on stdout is the same.
#[test]
fn quiet_and_verbose() {
    let haul = Move::loaded(110, 10);
    let text = |arguments: &[&str]| haul.mailhaul(arguments).expect(0);
    let (quiet, normal, loud) = (text(&["check", "-q"]), text(&["check"]), text(&["check", "-vv"]));
    assert!(quiet.stderr.len() <= normal.stderr.len(), "{}", quiet.told());
    assert!(loud.stderr.len() > normal.stderr.len(), "{}", loud.told());
    assert_eq!(normal.stdout, loud.stdout);
}

/// `--version` and bare `mailhaul`.
#[test]
fn version_and_help() {
    let folder = folder_with(&[]);
    at(&folder, &["--version"]).expect(0).says(&["mailhaul 0.1.0"]);
    at(&folder, &[]).expect(2).says(&["Usage", "check", "run", "verify"]);
    let help = at(&folder, &["--help"]).expect(0);
    help.says(&["init", "check", "plan", "run", "verify", "report", "status", "plugin"]);
}
