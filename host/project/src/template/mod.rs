//! New projects: a commented `mailhaul.toml` and an empty mailbox list, as `mailhaul init` writes them.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Value};

use crate::error::{ProjectError, ProjectErrors, io_cause, quoted};
use crate::find::PROJECT_FILE;
use crate::model::Tls;
use crate::{load, side};

/// Name of the mailbox list of a new project, beside `mailhaul.toml`.
pub const MAILBOXES_FILE: &str = "mailboxes.csv";

/// Content of a new mailbox list: the header row, nothing else, since CSV has no comments.
pub const MAILBOXES_CSV: &str = include_str!("mailboxes.csv");

const TEMPLATE: &str = include_str!("mailhaul.toml");

/// What the operator answered to `mailhaul init`; the default makes a project with example hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InitAnswers {
    /// `[project] name`; when empty, [`init`] takes the folder's name.
    pub name: String,
    /// The old server.
    pub source: SideAnswer,
    /// The new server.
    pub target: SideAnswer,
}

/// What is known of a server when a project begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SideAnswer {
    /// Its host; when `None` an example's name stands there as a comment, so that it is not dialled.
    pub host: Option<String>,
    /// Its port; `None` when it is the usual one.
    pub port: Option<u16>,
    /// How the connection to it is protected; [`Tls::None`] also writes `allow_cleartext = true`.
    pub tls: Tls,
    /// The fingerprint of a certificate that it has shown and that is not trusted, as `fingerprint` takes it;
    /// written as a comment, since its operator has to confirm it.
    pub fingerprint: Option<String>,
    /// Whether host, port and protection are written as comments, for a person to decide about: no password
    /// goes to a host that nobody has agreed to.
    pub undecided: bool,
    /// What to say above the host, a comment line each: where it came from. What is not printable is left
    /// out.
    pub notes: Vec<String>,
}

/// Checks what an operator typed as a host, and returns it in the form in which it is dialled.
///
/// # Errors
/// When it can be no host: one sentence with the cause and what to do.
pub fn check_host(text: &str) -> Result<String, String> {
    side::check_host(text.trim()).map_err(|(cause, remedy)| format!("{} {cause}; {remedy}", quoted(text)))
}

/// Renders the text of a new `mailhaul.toml`, comments included. Hosts are taken as they are.
///
/// # Errors
/// When the template cannot be filled, which is a fault of this program.
pub fn render(answers: &InitAnswers) -> Result<String, ProjectError> {
    let fault =
        |cause: &str| ProjectError::new(Path::new(PROJECT_FILE), None, cause, "report this as a fault");
    let mut document: DocumentMut = TEMPLATE.parse().map_err(|_| fault("the template is not TOML"))?;
    let mut set = |table: &str, key: &str, value: Value| -> Result<(), ProjectError> {
        let item = document
            .get_mut(table)
            .and_then(|item| item.as_table_like_mut())
            .ok_or_else(|| fault("the template lacks a table"))?;
        match item.get_mut(key) {
            // Assigning would lose the comment behind the old value.
            Some(Item::Value(old)) => {
                let decor = old.decor().clone();
                *old = value;
                *old.decor_mut() = decor;
            }
            _ => {
                item.insert(key, Item::Value(value));
            }
        }
        Ok(())
    };
    if !answers.name.is_empty() {
        set("project", "name", answers.name.as_str().into())?;
    }
    for (table, side) in [("source", &answers.source), ("target", &answers.target)] {
        if let Some(host) = &side.host {
            set(table, "host", host.as_str().into())?;
        }
        if let Some(port) = side.port {
            set(table, "port", i64::from(port).into())?;
        }
        set(table, "tls", side.tls.as_str().into())?;
        if side.tls == Tls::None {
            set(table, "allow_cleartext", true.into())?;
        }
    }
    for (table, side) in [("source", &answers.source), ("target", &answers.target)] {
        let table =
            document.get_mut(table).and_then(Item::as_table_mut).ok_or_else(|| fault("a table is none"))?;
        let example = side
            .host
            .is_none()
            .then(|| "An example, made up: write the real host, and remove the `#`.".to_owned());
        let notes = side.notes.iter().chain(&example);
        let notes: String = notes.map(|note| format!("# {}\n", printable(note))).collect();
        if let Some(mut host) = table.key_mut("host").filter(|_| !notes.is_empty()) {
            host.leaf_decor_mut().set_prefix(notes);
        }
    }
    let mut text = document.to_string();
    for (table, side) in [("[source]", &answers.source), ("[target]", &answers.target)] {
        if let Some(fingerprint) = &side.fingerprint {
            text = with_fingerprint(&text, table, fingerprint);
        }
        text = match (&side.host, side.undecided) {
            (_, true) => commented(&text, table, |_| true),
            (None, false) => commented(&text, table, |key| key == "host"),
            (Some(_), false) => text,
        };
    }
    Ok(text)
}

/// Returns the text with these keys of a table as comments, an example's `#` at the left edge before each.
fn commented(text: &str, table: &str, is_comment: impl Fn(&str) -> bool) -> String {
    lines_of(text, table, |line| {
        let key = line.split(' ').next().filter(|key| key.starts_with(|c: char| c.is_ascii_lowercase()));
        if key.is_some_and(&is_comment) { format!("#{line}\n") } else { format!("{line}\n") }
    })
}

/// Returns the text with a fingerprint as a comment below a table's `tls`, in place of the example's.
fn with_fingerprint(text: &str, table: &str, fingerprint: &str) -> String {
    let fingerprint = printable(fingerprint);
    lines_of(text, table, |line| match line.split(' ').next() {
        Some("tls") => format!(
            "{line}\n# The certificate that it showed. When its operator says that this is the right one, remove the `#`:\n\
             #fingerprint = \"{fingerprint}\"\n"
        ),
        Some("#fingerprint") => String::new(),
        _ => format!("{line}\n"),
    })
}

/// Returns the text with every line of a table, its head apart, as `change` has it.
fn lines_of(text: &str, table: &str, change: impl Fn(&str) -> String) -> String {
    let mut inside = false;
    let line = |line: &str| {
        if line.starts_with('[') {
            inside = line.starts_with(table);
        } else if inside {
            return change(line);
        }
        format!("{line}\n")
    };
    text.lines().map(line).collect()
}

/// A text that can stand in a comment, on one line.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !mailhaul_text::is_unsafe(*c) && !c.is_control()).collect()
}

/// Returns a folder's name as a project's: without what is not seen.
fn name_of(dir: &Path) -> String {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let seen: String = name.chars().filter(|c| !mailhaul_text::is_unsafe(*c)).collect();
    if seen.trim().is_empty() { "mailhaul".to_owned() } else { seen }
}

/// Writes `mailhaul.toml` and `mailboxes.csv` into `dir`, which is made when it does not exist.
/// Only their owner can read them: passwords are about to be written there. Returns the two paths.
///
/// # Errors
/// When one of them exists (nothing is written then), cannot be written, or the answers make no
/// project that loads.
pub fn init(dir: &Path, answers: &InitAnswers) -> Result<Vec<PathBuf>, ProjectErrors> {
    let here = |name: &str| if dir == Path::new(".") { PathBuf::from(name) } else { dir.join(name) };
    let mut answers = answers.clone();
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    if answers.name.is_empty() {
        answers.name = name_of(&absolute);
    }
    let files = [(here(PROJECT_FILE), render(&answers)?), (here(MAILBOXES_FILE), MAILBOXES_CSV.to_owned())];
    let existing = files.iter().filter(|(path, _)| path.symlink_metadata().is_ok());
    let existing = existing.map(|(path, _)| {
        ProjectError::new(
            path,
            None,
            "it exists already",
            "remove it, or choose another folder; nothing was written",
        )
    });
    if let Some(errors) = ProjectErrors::from_list(existing.collect()) {
        return Err(errors);
    }
    load::parse(&files[0].0, &absolute, &files[0].1)?;

    let unwritable = |path: &Path, error: std::io::Error| {
        let cause = match error.kind() {
            std::io::ErrorKind::PermissionDenied => "this user may not write it".to_owned(),
            _ => format!("it cannot be written: {}", io_cause(&error)),
        };
        ProjectError::new(path, None, cause, "choose another folder")
    };
    std::fs::create_dir_all(dir).map_err(|error| unwritable(dir, error))?;
    for (path, text) in &files {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|e| unwritable(path, e))?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Project;

    fn answers() -> InitAnswers {
        InitAnswers {
            name: "Müller \"& Sons\" to\\from".into(),
            source: SideAnswer { host: Some("mail.old.example".into()), ..SideAnswer::default() },
            target: SideAnswer {
                host: Some("2001:db8::1".into()),
                tls: Tls::Starttls,
                notes: vec!["as typed".into()],
                ..SideAnswer::default()
            },
        }
    }

    #[test]
    fn a_folder_s_name_becomes_the_project_s_without_what_is_not_seen() {
        let dir = tempfile::tempdir().unwrap();
        for (folder, name) in [("kunde\u{200f}x", "kundex"), ("\u{200e}", "mailhaul")] {
            let answers = InitAnswers { name: String::new(), ..answers() };
            let written = init(&dir.path().join(folder), &answers).unwrap();
            assert_eq!(Project::load(&written[0]).unwrap().project.name, name);
        }
    }

    #[test]
    fn a_new_project_loads_and_says_what_was_answered() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("new/project");
        let written = init(&inside, &answers()).unwrap();
        assert_eq!(written, [inside.join("mailhaul.toml"), inside.join("mailboxes.csv")]);
        let loaded = Project::load(&written[0]).unwrap();
        assert_eq!(loaded.warnings, []);
        let project = loaded.project;
        assert_eq!(project.name, answers().name);
        assert_eq!(project.source.host.as_deref(), Some("mail.old.example"));
        assert_eq!(project.source.port_or_default(), 993);
        assert_eq!((project.target.port_or_default(), project.target.tls), (143, Tls::Starttls));
        assert_eq!(project.mailboxes.inputs["accounts"].path, written[1]);
        let table = crate::table::Table::read(&written[1], crate::table::Limits::default()).unwrap();
        assert_eq!((table.columns.len(), table.rows.len()), (4, 0));
        assert_eq!(table.warnings, []);
    }

    #[test]
    fn nothing_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("mailboxes.csv"), "mine").unwrap();
        let error = init(dir.path(), &answers()).unwrap_err().to_string();
        assert!(error.contains("mailboxes.csv: it exists already"), "{error}");
        assert!(!dir.path().join("mailhaul.toml").exists());
        assert_eq!(std::fs::read(dir.path().join("mailboxes.csv")).unwrap(), b"mine");
    }

    #[test]
    fn answers_that_make_no_project_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let source = SideAnswer { host: Some("imap://x".into()), ..SideAnswer::default() };
        let wrong = InitAnswers { source, ..answers() };
        let error = init(dir.path(), &wrong).unwrap_err().to_string();
        assert!(error.contains("write the host name only"), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn clear_text_is_allowed_in_writing() {
        let source = SideAnswer { tls: Tls::None, ..SideAnswer::default() };
        let text = render(&InitAnswers { source, ..InitAnswers::default() }).unwrap();
        let project = load::parse(Path::new("mailhaul.toml"), Path::new("/p"), &text).unwrap().project;
        assert!(project.source.allow_cleartext);
        assert!(!project.target.allow_cleartext);
    }

    /// A name that is made up would be dialled, with passwords.
    #[test]
    fn a_host_that_is_made_up_is_a_comment_that_says_so() {
        let target = SideAnswer {
            notes: vec!["No IMAP server was found for x.example.".into()],
            ..SideAnswer::default()
        };
        let text = render(&InitAnswers { target, ..InitAnswers::default() }).unwrap();
        let example = "# An example, made up: write the real host, and remove the `#`.\n#host = \"mail.";
        assert_eq!(text.matches(example).count(), 2, "{text}");
        assert!(
            text.contains(&format!("# No IMAP server was found for x.example.\n{example}newdomain")),
            "{text}"
        );
        let project = load::parse(Path::new("mailhaul.toml"), Path::new("/p"), &text).unwrap().project;
        assert_eq!((project.source.host, project.target.host), (None, None));
    }

    #[test]
    fn the_fingerprint_that_was_seen_is_a_comment_that_loads() {
        let fingerprint = format!("sha256:{}", "0a".repeat(32));
        for undecided in [false, true] {
            let side = SideAnswer { fingerprint: Some(fingerprint.clone()), undecided, ..answers().source };
            let text = render(&InitAnswers { source: side.clone(), target: side, ..answers() }).unwrap();
            let line = format!("\n#fingerprint = \"{fingerprint}\"\n");
            assert_eq!((text.matches(&line).count(), text.matches("#fingerprint").count()), (2, 2), "{text}");
            let used = text.replace("\n#host", "\nhost").replace("\n#fingerprint", "\nfingerprint");
            let project = load::parse(Path::new("mailhaul.toml"), Path::new("/p"), &used).unwrap().project;
            for side in [project.source, project.target] {
                assert_eq!(side.fingerprint.unwrap().text, fingerprint);
            }
        }
    }

    #[test]
    fn what_nobody_has_decided_is_a_comment_and_right_without_its_mark() {
        let undecided = SideAnswer {
            host: Some("imap.other.example".into()),
            port: Some(1143),
            tls: Tls::Starttls,
            fingerprint: None,
            undecided: true,
            notes: vec!["Found in DNS.\nhost = \"evil.example\"\u{1b}[2J\u{202e}".into()],
        };
        for (source, target) in [(true, false), (false, true), (true, true)] {
            let side = |undecided_here| if undecided_here { undecided.clone() } else { answers().source };
            let given = InitAnswers { source: side(source), target: side(target), ..answers() };
            let text = render(&given).unwrap();
            assert!(
                text.contains(
                    "\n# Found in DNS.host = \"evil.example\"[2J\n#host = \"imap.other.example\"\n"
                ),
                "{text}"
            );
            let parse =
                |text: &str| load::parse(Path::new("mailhaul.toml"), Path::new("/p"), text).unwrap().project;
            let project = parse(&text);
            assert_eq!(
                (project.source.host.is_none(), project.target.host.is_none()),
                (source, target),
                "{text}"
            );
            let decided = parse(
                &text
                    .replace("\n#host", "\nhost")
                    .replace("\n#tls", "\ntls")
                    .replace("\n#port = 1143", "\nport = 1143"),
            );
            let one = if source { decided.source } else { decided.target };
            assert_eq!(
                (one.host.as_deref(), one.port, one.tls),
                (Some("imap.other.example"), Some(1143), Tls::Starttls)
            );
        }
    }

    /// What is commented out must be right too: somebody will remove the `#`.
    #[test]
    fn the_examples_in_the_comments_load() {
        let text = render(&InitAnswers::default()).unwrap();
        let examples: String = text
            .lines()
            .map(|line| match line.strip_prefix('#') {
                // An example has its `#` at the left edge without a space behind it.
                Some(example) if !example.starts_with(' ') => format!("{example}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        assert!(examples.contains("\nsince = "), "{examples}");
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
        let loaded = load::parse(Path::new("mailhaul.toml"), dir.path(), &examples);
        let project = loaded.unwrap_or_else(|errors| panic!("{errors}\n{examples}")).project;
        assert!(project.select.since.is_some() && project.select.max_size.is_some());
        assert_eq!(project.rules.len(), 2);
        assert!(project.source.ca_file.is_some() && project.source.admin_password.is_some());
    }

    /// Whatever is set in it, the text that a person reads stays, in its order.
    #[test]
    fn comments_and_order_survive_an_edit() {
        let side = SideAnswer {
            host: Some("a.example".into()),
            port: Some(1),
            tls: Tls::None,
            ..SideAnswer::default()
        };
        for undecided in [false, true] {
            let side = SideAnswer { undecided, ..side.clone() };
            let text = render(&InitAnswers { name: "n".into(), source: side.clone(), target: side }).unwrap();
            let mut rest = text.as_str();
            for line in TEMPLATE.lines().filter(|line| !line.is_empty()) {
                let kept = line
                    .split_once('#')
                    .map_or_else(|| line.split(" = ").next().unwrap(), |(_, comment)| comment);
                let at = rest.find(kept).unwrap_or_else(|| panic!("`{kept}` is gone or misplaced:\n{text}"));
                rest = &rest[at + kept.len()..];
            }
        }
    }

    #[test]
    fn the_template_reads_well() {
        insta::assert_snapshot!(render(&answers()).unwrap());
    }
}
