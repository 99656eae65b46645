//! Files a user got wrong.
//!
//! One sentence with file and line, the cause, what to do; exit code 2; nothing started.

use std::fs;

use mailhaul_lab::project::{Pair, Spec};
use mailhaul_lab::runner::Outcome;

use crate::support::compare::count;
use crate::support::mail_servers::{Account, Host, Move, at, folder_with, pair};

const ROWS: &str =
    "source_user,source_password,target_user,target_password\na@old.example,x,a@new.example,y\n";

/// A project file with hosts nobody need answer for.
fn toml(extra: &str) -> String {
    format!(
        "[project]\nname = \"x\"\n\n[source]\nhost = \"127.0.0.1\"\n\n[target]\nhost = \"127.0.0.2\"\n\n\
         [mailboxes]\nfrom = \"csv\"\ninputs = {{ accounts = \"mailboxes.csv\" }}\n\n{extra}"
    )
}

/// The line of a text that holds a word.
fn line_of(text: &str, word: &str) -> usize {
    text.lines().position(|line| line.contains(word)).unwrap() + 1
}

#[track_caller]
fn refused(toml: &str, csv: &str, says: &[&str]) -> Outcome {
    let folder = folder_with(&[("mailhaul.toml", toml), ("mailboxes.csv", csv)]);
    for command in ["check", "plan", "run"] {
        at(&folder, &[command]).expect(2).says(says);
    }
    at(&folder, &["run"])
}

#[test]
fn an_unknown_key() {
    for (wrong, word, nearest) in [
        ("[limits]\nmailbox_at_once = 3\n", "mailbox_at_once", "mailboxes_at_once"),
        ("[selct]\nsince = 2019-01-01\n", "selct", "select"),
        ("[[folders]]\nfrom = \"a\"\nskipp = true\n", "skipp", "skip"),
    ] {
        let text = toml(wrong);
        refused(&text, ROWS, &[&format!("mailhaul.toml:{}", line_of(&text, word)), word, nearest]);
    }
}

#[test]
fn a_value_of_the_wrong_kind() {
    let text = toml("[limits]\nmailboxes_at_once = \"many\"\n");
    refused(&text, ROWS, &[&format!("mailhaul.toml:{}", line_of(&text, "many"))]);
    let text = toml("").replace("host = \"127.0.0.1\"", "host = \"127.0.0.1\"\ntls = \"sometimes\"");
    refused(
        &text,
        ROWS,
        &[&format!("mailhaul.toml:{}", line_of(&text, "sometimes")), "implicit", "starttls"],
    );
    let text = toml("").replace("host = \"127.0.0.1\"", "host = \"127.0.0.1\"\nport = 99999");
    refused(&text, ROWS, &[&format!("mailhaul.toml:{}", line_of(&text, "99999"))]);
}

#[test]
fn toml_that_is_none() {
    let text = toml("[limits\n");
    refused(&text, ROWS, &[&format!("mailhaul.toml:{}", line_of(&text, "[limits"))]);
}

/// What the contract names and is not built yet is refused by name, not accepted and ignored.
#[test]
fn keys_that_are_not_built_yet() {
    for (section, key) in [
        ("[cutover]\ndomains = [\"old.example\"]\n", "cutover"),
        ("[[folders]]\nfrom = \"a\"\nconvert = \"x\"\n", "convert"),
    ] {
        refused(&toml(section), ROWS, &[key]);
    }
}

#[test]
fn no_project_here() {
    let folder = folder_with(&[]);
    at(&folder, &["check"]).expect(2).says(&["mailhaul.toml", "mailhaul init"]);
    at(&folder, &["run", "--config", "elsewhere.toml"]).expect(2).says(&["elsewhere.toml"]);
}

/// The project file is found from a folder below it.
#[test]
fn found_upwards() {
    let haul = Move::loaded(81, 5);
    let below = haul.file("some/where");
    fs::create_dir_all(&below).unwrap();
    at(&below, &["run"]).expect(0);
    assert_eq!(count(&haul.to.snapshot()), count(&haul.from.snapshot()));
    assert!(haul.file(".mailhaul").is_dir(), "state is relative to the project file");
}

#[test]
fn missing_files() {
    let folder = folder_with(&[("mailhaul.toml", &toml(""))]);
    at(&folder, &["run"]).expect(2).says(&["mailboxes.csv"]);
    let text = toml("").replace("host = \"127.0.0.1\"", "host = \"127.0.0.1\"\nca_file = \"nowhere.pem\"");
    refused(&text, ROWS, &["nowhere.pem", &format!("mailhaul.toml:{}", line_of(&text, "nowhere"))]);
    let text = toml("").replace("host = \"127.0.0.1\"", "host = \"127.0.0.1\"\nca_file = \"mailboxes.csv\"");
    refused(&text, ROWS, &["mailboxes.csv"]);
}

#[test]
fn malformed_rows() {
    let head = "source_user,source_password,target_user,target_password\n";
    let good = "a@old.example,x,a@new.example,y\n";
    for (rows, line) in [
        (format!("{head}{good}b@old.example,x\n"), 3),
        (format!("{head}{good}b@old.example,x,b@new.example,y,too,many\n"), 3),
        (format!("{head}b@old.example,\"never closed,b@new.example,y\n"), 2),
        (format!("{head}{good},x,b@new.example,y\n"), 3),
    ] {
        refused(&toml(""), &rows, &[&format!("mailboxes.csv:{line}")]);
    }
    refused(&toml(""), "target_user,password\na,b\n", &["mailboxes.csv", "source_user"]);
    refused(
        &toml(""),
        &format!("{}\n{good}", head.trim().replace("target_user", "target_usr")),
        &["column 3 of 4", "target_user"],
    );
    refused(&toml(""), "", &["mailboxes.csv"]);
}

/// Copied from a web page or a spreadsheet: the row is named, and the character, and the next row's fault as
/// well.
#[test]
fn characters_nobody_sees() {
    let rows = "source_user,source_password,target_user,target_password\na@old.example,x,a@new.example,y\n\
                be\u{a0}n@old.example,x,b@new.example,y\nc@old.example,x,c\u{200b}@new.example,y\n\
                ren\u{e9}@old.example,x,d@new.example,y\nrene\u{301}@old.example,x,e@new.example,y\n";
    let says =
        ["mailboxes.csv:3: ", "U+00A0", "mailboxes.csv:4: ", "U+200B", "mailboxes.csv:6: ", "reads like"];
    refused(&toml(""), rows, &says);
}

#[test]
fn a_mailbox_listed_twice() {
    let rows = format!("{ROWS}b@old.example,x,b@new.example,y\na@old.example,x,c@new.example,y\n");
    refused(&toml(""), &rows, &["mailboxes.csv:4", "a@old.example"]);
    // Two people's mail in one mailbox.
    let rows = format!("{ROWS}b@old.example,x,a@new.example,y\n");
    refused(&toml(""), &rows, &["mailboxes.csv:3", "a@new.example"]);
}

/// Source and target are the same account: a move in circles.
#[test]
fn the_same_account_on_both_sides() {
    let account = Account::new(Host::Old);
    let folder = folder_with(&[]);
    let side = account.side();
    Spec::new(side.clone(), side, vec![pair(&account, &account)]).write(&folder);
    at(&folder, &["run"]).expect(2).says(&[&account.user, "mailboxes.csv:2"]);
    let mut other = Account::new(Host::Old).side();
    "localhost".clone_into(&mut other.host);
    Spec::new(account.side(), other, vec![pair(&account, &account)]).write(&folder);
    let outcome = at(&folder, &["run"]);
    assert_ne!(outcome.code, Some(0), "one server under two names\n{}", outcome.told());
}

/// A list with a byte order mark, CRLF, quotes and blank lines, as spreadsheets write it.
#[test]
fn a_list_from_a_spreadsheet() {
    let haul = Move::loaded(82, 5);
    let text = format!(
        "\u{feff}\"target_user\",\"source_user\",\"source_password\",\"target_password\",\"label\"\r\n\
         \"{}\",\"{}\",\"{}\",\"{}\",\"Anna, \"\"the boss\"\"\"\r\n\r\n",
        haul.to.user, haul.from.user, haul.from.password, haul.to.password
    );
    fs::write(haul.file("mailboxes.csv"), text).unwrap();
    haul.mailhaul(&["run"]).expect(0);
    assert_eq!(count(&haul.to.snapshot()), count(&haul.from.snapshot()));
}

/// A list that others can read is worth a warning, not a stop.
#[test]
fn a_readable_password_file_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let haul = Move::loaded(83, 5);
    fs::set_permissions(haul.file("mailboxes.csv"), fs::Permissions::from_mode(0o644)).unwrap();
    haul.mailhaul(&["check"]).expect(0).says(&["mailboxes.csv", "chmod"]);
}

/// Errors of several places are told together: nobody likes to fix one and meet the next.
#[test]
fn all_errors_at_once() {
    let text = toml("[limits]\nmailboxes_at_once = 0\nmemry = \"1 MiB\"\n\n[verify]\nignore = [\"fags\"]\n");
    let at = |word| format!("mailhaul.toml:{}", line_of(&text, word));
    refused(&text, ROWS, &[&at("at_once"), &at("memry"), &at("fags")]);
}

/// Passwords may come from the environment, a file or a program; one that is missing is named.
#[test]
fn passwords_by_reference() {
    let master = crate::support::mail_servers::MASTER;
    let haul = Move::loaded(84, 5);
    fs::write(haul.file("word"), format!("{}\n", master.1)).unwrap();
    let with = |reference: &str| {
        haul.rewrite(|spec| {
            spec.source.extra = format!(
                "admin_user = \"{0}\"\nuser_pattern = \"{{user}}*{0}\"\nadmin_password = {reference}\n",
                master.0
            );
            spec.mailboxes = vec![Pair { source_password: String::new(), ..spec.mailboxes[0].clone() }];
        });
    };
    for reference in ["{ file = \"word\" }", "{ command = [\"cat\", \"word\"] }"] {
        with(reference);
        haul.mailhaul(&["check"]).expect(0);
    }
    for (reference, says) in [
        ("{ file = \"no-such-file\" }", "no-such-file"),
        ("{ env = \"LAB_NOT_SET\" }", "LAB_NOT_SET"),
        ("{ command = [\"no-such-program\"] }", "no-such-program"),
        ("{ command = [\"false\"] }", "false"),
    ] {
        with(reference);
        haul.mailhaul(&["run"]).expect(2).says(&["mailhaul.toml:", says]);
    }
}

/// Unknown options and commands are refused in no time.
#[test]
fn unknown_arguments() {
    let folder = folder_with(&[]);
    for arguments in
        [&["frobnicate"][..], &["run", "--fast"], &["check", "stray"], &["report", "--format", "pdf"]]
    {
        let outcome = at(&folder, arguments).expect(2).says(&[arguments.last().unwrap()]);
        assert!(outcome.elapsed.as_secs_f32() < 1.0, "{}", outcome.told());
    }
}
