//! What is typed goes in and out, and what is in the store is used where the list has nothing.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use async_trait::async_trait;
use mailhaul_engine::plugin::{MailboxEntry, MailboxPage, MailboxSource, PluginError, PluginId, Severity};

use super::*;
use crate::provision::password::Recipe;

struct Folder {
    dir: tempfile::TempDir,
    project: Project,
}

/// A project whose key lies in a folder beside it.
fn folder() -> Folder {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("move")).unwrap();
    let file = dir.path().join("move/mailhaul.toml");
    let text = "[source]\nhost = \"mail.old.example\"\nport = 1143\n[target]\nhost = \"mail.new.example\"\n\
                [mailboxes]\nhosts = [\"mail.other.example\"]\n[secrets]\nkey = { file = \"../key\" }\n";
    fs::write(&file, text).unwrap();
    let project = crate::open_for_work(Some(&file), &mut |text: &str| panic!("{text}")).unwrap();
    Folder { dir, project }
}

impl Folder {
    fn list(&self, bytes: &[u8]) -> PathBuf {
        let file = self.dir.path().join("move/m.csv");
        fs::write(&file, bytes).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        file
    }

    fn set(&self, side: SideName, host: Option<&str>, login: &str, secret: &str) -> Changed {
        set(&self.project, side, host, login, Secret::from(secret.as_bytes().to_vec())).unwrap()
    }

    fn stored(&self) -> Vec<(String, String, String)> {
        let contents = read(&store(&self.project).unwrap()).unwrap();
        let shown = |(place, entry): (&Place, &mailhaul_secrets::Entry)| {
            let secret = String::from_utf8(entry.secret.expose_secret().to_vec()).unwrap();
            (format!("{} {}", place.side(), place.host()), entry.login.clone(), secret)
        };
        contents.iter().map(shown).collect()
    }

    fn take(&self, list: &Path) -> Result<Taken, Failure> {
        take(&self.project, list, &mut |text: &str| panic!("{text}"))
    }

    /// The rows of a list as the engine gets them: log-ins of both sides with what they sign in with.
    async fn rows(&self, rows: Vec<MailboxEntry>) -> Result<Vec<[Option<String>; 2]>, String> {
        let list =
            over(&self.project, Arc::new(Rows(PluginId { id: "csv".into(), version: "1".into() }, rows)));
        let page = list.unwrap().list_mailboxes(None, 1_000).await.unwrap();
        if let Some(remark) = page.diagnostics.first() {
            assert_eq!((remark.severity, page.diagnostics.len()), (Severity::Error, 1));
            return Err(remark.message.clone());
        }
        let text = |account: &AccountEntry| {
            let secret = account.secret.as_ref()?;
            Some(String::from_utf8(secret.expose_secret().to_vec()).unwrap())
        };
        Ok(page.mailboxes.iter().map(|row| [text(&row.source), text(&row.target)]).collect())
    }
}

struct Rows(PluginId, Vec<MailboxEntry>);

#[async_trait]
impl MailboxSource for Rows {
    fn plugin(&self) -> &PluginId {
        &self.0
    }

    async fn list_mailboxes(&self, _: Option<&str>, _: u32) -> Result<MailboxPage, PluginError> {
        Ok(MailboxPage { mailboxes: self.1.clone(), ..MailboxPage::default() })
    }
}

fn row(login: &str, host: Option<&str>, source: Option<&str>, target: Option<&str>) -> MailboxEntry {
    let account = |host: Option<&str>, secret: Option<&str>| AccountEntry {
        login: login.into(),
        host: host.map(str::to_owned),
        secret: secret.map(|secret| Secret::from(secret.as_bytes().to_vec())),
        ..AccountEntry::default()
    };
    let (source, target) = (account(None, source), account(host, target));
    MailboxEntry { key: login.into(), source, target, ..MailboxEntry::default() }
}

#[test]
fn what_is_set_is_listed_without_its_secret_and_removed() {
    let folder = folder();
    assert_eq!(list(&folder.project).unwrap(), []);
    assert!(!folder.dir.path().join("key").exists(), "to look makes no key");
    let first = folder.set(SideName::Source, None, "Anna", "canary-1");
    assert!(!first.was_there && first.made_key.unwrap().contains("key"));
    let again = folder.set(SideName::Source, Some("MAIL.old.example:1143"), "anna", "canary-2");
    assert!(again.was_there && again.made_key.is_none());
    folder.set(SideName::Target, Some("[2001:DB8::1]:993"), "ben", "canary-3");
    let listed = list(&folder.project).unwrap();
    let shown: Vec<_> = listed.iter().map(|one| (one.side, one.host.as_str(), one.login.as_str())).collect();
    assert_eq!(
        shown,
        [(SideName::Source, "mail.old.example:1143", "anna"), (SideName::Target, "[2001:db8::1]", "ben")]
    );
    assert!(listed[0].since.ends_with('Z') && !listed[0].since.contains('.'), "{listed:?}");
    assert!(!format!("{listed:?}").contains("canary"));
    assert_eq!(redact::scrub("canary-3"), "[secret]");
    assert!(unbacked(&folder.project));
    assert!(remove(&folder.project, SideName::Source, None, "ANNA").unwrap().was_there);
    assert!(!remove(&folder.project, SideName::Source, None, "anna").unwrap().was_there);
    for wrong in ["a b", "me@host", "host:0", "host:canary-pw", ""] {
        let failure = remove(&folder.project, SideName::Source, Some(wrong), "anna").unwrap_err();
        assert!(failure.to_string().starts_with("`--host`: "), "{failure}");
    }
    assert!(remove_all(&folder.project).unwrap() && !remove_all(&folder.project).unwrap());
}

#[tokio::test]
async fn a_cell_comes_before_the_store_and_a_secret_is_for_its_own_host() {
    let folder = folder();
    let rows =
        || vec![row("Anna", None, Some("cell"), Some("")), row("ben", Some("other.example"), None, None)];
    let nothing = [[Some("cell".to_owned()), Some(String::new())], [None, None]];
    assert_eq!(folder.rows(rows()).await.unwrap(), nothing, "without a store the list is what it was");
    assert!(!folder.dir.path().join("key").exists(), "a run makes no key");
    folder.set(SideName::Source, None, "anna", "stored");
    folder.set(SideName::Target, None, "anna", "of the target");
    folder.set(SideName::Target, None, "ben", "for the project's host only");
    let filled = folder.rows(rows()).await.unwrap();
    let cell = |text: &str| Some(text.to_owned());
    // Ben signs in elsewhere; the administrator's log-in is what is left for him.
    assert_eq!(filled, [[cell("cell"), cell("of the target")], [None, None]]);
    folder.set(SideName::Target, Some("other.example"), "BEN", "his");
    assert_eq!(folder.rows(rows()).await.unwrap()[1], [None, cell("his")]);
}

/// The server has got another name: what is sealed for the old one is told of, and goes with it when typed.
#[tokio::test]
async fn a_password_whose_host_is_called_otherwise_is_told_of_and_moved() {
    let folder = folder();
    let host = "mx.new.example";
    folder.set(SideName::Target, None, "Anna", "canary-1");
    folder.set(SideName::Target, None, "ben", "canary-2");
    folder.set(SideName::Source, None, "ben", "of the source");
    let rows = vec![row("anna", Some(host), Some("a"), None), row("ben", None, Some("b"), None)];
    let list = Arc::new(Rows(PluginId { id: "csv".into(), version: "1".into() }, rows.clone()));
    let page = over(&folder.project, list).unwrap().list_mailboxes(None, 10).await.unwrap();
    let said: Vec<_> = page.mailboxes.iter().map(|row| row.target.sealed_for.as_deref()).collect();
    assert_eq!(said, [Some("mail.new.example"), None]);
    // `provision` makes no second one.
    let which: Vec<usize> = (0..page.mailboxes.len()).collect();
    let refuse = crate::provision::sealing::refuse_other_hosts;
    let refused = refuse(&folder.project, &page.mailboxes, &which).unwrap_err();
    let hint = refused.causes[0].hint.clone().unwrap();
    assert!(
        refused.to_string().contains("has the target password of `anna` for mail.new.example"),
        "{refused}"
    );
    assert!(
        hint.contains("`mailhaul secrets move --side target --from mail.new.example --to mx.new.example`"),
        "{hint}"
    );
    // One log-in at two hosts of one list is two mailboxes.
    let both = [page.mailboxes[0].clone(), row("anna", None, Some("a"), Some("c"))];
    refuse(&folder.project, &both, &[0]).unwrap();

    let secret = Secret::from(b"another".to_vec());
    set(&folder.project, SideName::Target, Some(host), "ben", secret).unwrap();
    let moved = |to| rehost(&folder.project, SideName::Target, "MAIL.new.example", to);
    let failure = moved(Some(host)).unwrap_err().to_string();
    assert!(
        failure.contains("another target password of `ben` for mx.new.example; nothing was moved"),
        "{failure}"
    );
    assert!(moved(None).is_err(), "to itself");
    assert!(remove(&folder.project, SideName::Target, Some(host), "ben").unwrap().was_there);
    assert_eq!(moved(Some(host)).unwrap(), 2);
    let stored: Vec<_> = folder.stored().into_iter().map(|(at, login, _)| format!("{at} {login}")).collect();
    assert_eq!(
        stored,
        ["source mail.old.example:1143 ben", "target mx.new.example Anna", "target mx.new.example ben"]
    );
    assert_eq!(folder.rows(rows).await.unwrap()[0][1].as_deref(), Some("canary-1"));
    assert!(moved(Some(host)).unwrap_err().to_string().contains("the store has no target password"));
}

/// A cell is not emptied into a place that no command takes it from.
#[test]
fn a_password_for_a_host_that_is_not_allowed_stays_in_its_cell() {
    let folder = folder();
    let text = "Email,Password,New Email,New Password,New Server\na@a,canary1,a@b,canary2,evil.example\n";
    let list = folder.list(text.as_bytes());
    let failure = folder.take(&list).unwrap_err();
    let said = failure.to_string();
    assert!(said.contains("m.csv:2: its target password would go to evil.example:993"), "{said}");
    assert!(
        failure.causes.iter().any(|cause| cause.hint.as_deref().unwrap_or_default().contains("hosts = ["))
    );
    assert_eq!((fs::read_to_string(&list).unwrap().as_str(), list_of(&folder)), (text, Vec::new()));
}

/// Whose the passwords were taken to be is said, where the header has names of its own.
#[test]
fn what_is_taken_is_told_as_it_was_read() {
    let folder = folder();
    let list = folder.list(b"Old Email;Email;Password\nold@a;new@b;canary\n");
    let read_as = folder.take(&list).unwrap().read_as.unwrap();
    assert!(read_as.contains("`Password` is target_password"), "{read_as}");
    assert_eq!(folder.stored(), [("target mail.new.example".into(), "new@b".into(), "canary".into())]);
    let list = folder.list(b"source_user,source_password,target_user\na,b,c\n");
    assert_eq!(folder.take(&list).unwrap().read_as, None);
}

#[tokio::test]
async fn a_key_that_is_gone_stops_a_list_that_needs_it_and_no_other() {
    let folder = folder();
    folder.set(SideName::Target, None, "anna", "canary");
    fs::remove_file(folder.dir.path().join("key")).unwrap();
    let why = folder.rows(vec![row("anna", None, Some("a"), None)]).await.unwrap_err();
    assert!(why.starts_with("the key to this project's passwords is gone: it was expected in "), "{why}");
    assert!(why.contains("; put the key back from a copy of yours"), "{why}");
    assert!(folder.rows(vec![row("anna", None, Some("a"), Some("b"))]).await.is_ok());
    let refused = set(&folder.project, SideName::Source, None, "ben", Secret::from(b"x".to_vec()));
    assert!(refused.unwrap_err().to_string().contains("is gone"));
    assert!(!folder.dir.path().join("key").exists());
}

#[test]
fn a_list_is_taken_and_keeps_every_other_byte() {
    let folder = folder();
    let text = "\u{feff}Source_User;source_password;target_user;target_password;target_host;label\r\n\
                \"Anna\";\"pa;\"\"ss\";anna@new.example; pw ;;\"M\u{fc}ller; Anna\"\r\n\r\n\
                ben;;ben@new.example;geheim;mail.other.example; x \r\n\
                cleo;;cleo@new.example;;;\r\n";
    let gone = "\u{feff}Source_User;source_password;target_user;target_password;target_host;label\r\n\
                \"Anna\";\"\";anna@new.example;;;\"M\u{fc}ller; Anna\"\r\n\r\n\
                ben;;ben@new.example;;mail.other.example; x \r\n\
                cleo;;cleo@new.example;;;\r\n";
    let list = folder.list(text.as_bytes());
    fs::set_permissions(&list, Permissions::from_mode(0o400)).unwrap();
    let link = folder.dir.path().join("link.csv");
    std::os::unix::fs::symlink(&list, &link).unwrap();
    let mut warnings = Vec::new();
    let taken = take(&folder.project, &link, &mut |text: &str| warnings.push(text.to_owned())).unwrap();
    assert_eq!((taken.passwords, taken.replaced, taken.made_key.is_some()), (3, 0, true));
    assert!(warnings.len() == 1 && warnings[0].contains("begins or ends with a space"), "{warnings:?}");
    assert_eq!(fs::read_to_string(&list).unwrap(), gone);
    assert_eq!(fs::metadata(&list).unwrap().permissions().mode() & 0o777, 0o400);
    assert!(link.is_symlink());
    let stored = |at: &str, login: &str, secret: &str| (at.to_owned(), login.to_owned(), secret.to_owned());
    assert_eq!(
        folder.stored(),
        [
            stored("source mail.old.example:1143", "Anna", "pa;\"ss"),
            stored("target mail.new.example", "anna@new.example", " pw "),
            stored("target mail.other.example", "ben@new.example", "geheim"),
        ]
    );
    // Once more: nothing is left to take, and nothing is touched.
    let again = folder.take(&list).unwrap();
    assert_eq!((again.passwords, again.made_key), (0, None));
    assert_eq!(fs::read_to_string(&list).unwrap(), gone);
}

#[test]
fn a_list_that_cannot_be_taken_is_left_with_the_lines_that_are_wrong() {
    let folder = folder();
    let head = "source_user,source_password,source_port,target_user,target_password\n";
    for (rows, wrong) in [
        ("a,canary,,a,\n,canary,,b,\n", "m.csv:3: there is a source password and no log-in"),
        (
            "a,canary,,a,\na,canary2,,b,\n",
            "m.csv:3: the source password of `a` is another one than in line 2",
        ),
        ("a,canary,x,a,\n", "m.csv:2: `source_port` is no port"),
        ("a,\"canary,,a,\n", "m.csv:2: a quote is opened"),
        ("a,canary,a,\n", "m.csv:2: 4 cells"),
    ] {
        let text = format!("{head}{rows}");
        let list = folder.list(text.as_bytes());
        let failure = folder.take(&list).unwrap_err();
        let said = format!("{failure} {failure:?}");
        assert!(said.contains(wrong) && !said.contains("canary"), "{said}");
        assert_eq!(fs::read_to_string(&list).unwrap(), text);
        assert_eq!(list_of(&folder), []);
    }
    // In no encoding that is known: not read by any command, and not changed by this.
    let latin = [head.as_bytes(), b"a,canary,,M\xfcller\x81,\n"].concat();
    let list = folder.list(&latin);
    assert!(folder.take(&list).unwrap_err().to_string().contains("m.csv:2: it is not UTF-8 here"));
    assert_eq!(fs::read(&list).unwrap(), latin);
    let list = folder.list(b"source_user,target_user\na,b\n");
    assert!(folder.take(&list).unwrap_err().to_string().contains("has no column `source_password`"));
    assert!(folder.take(folder.dir.path()).unwrap_err().to_string().contains("cannot be read"));
    assert!(!folder.dir.path().join("key").exists());
    // The same log-in twice with the same password is one.
    let list = folder.list(format!("{head}a,canary,,a,\nA,canary,,b,\n").as_bytes());
    assert_eq!(folder.take(&list).unwrap().passwords, 1);
    assert_eq!(fs::read_to_string(&list).unwrap(), format!("{head}a,,,a,\nA,,,b,\n"));
}

fn list_of(folder: &Folder) -> Vec<Listed> {
    list(&folder.project).unwrap()
}

#[test]
fn a_fault_before_the_rename_leaves_the_list_and_what_it_had_is_stored() {
    let folder = folder();
    let text = "source_user,source_password,target_user\na,canary,b\n";
    let list = folder.list(text.as_bytes());
    // Where the new file would be written stands a folder that cannot be removed.
    fs::create_dir_all(folder.dir.path().join("move/.m.csv.new/x")).unwrap();
    let failure = folder.take(&list).unwrap_err().to_string();
    assert!(failure.contains("cannot be emptied") && failure.contains("is in the store"), "{failure}");
    assert_eq!(fs::read_to_string(&list).unwrap(), text);
    assert_eq!(folder.stored().len(), 1);
    fs::remove_dir_all(folder.dir.path().join("move/.m.csv.new")).unwrap();
    assert_eq!(folder.take(&list).unwrap().passwords, 1);
    assert_eq!(fs::read_to_string(&list).unwrap(), "source_user,source_password,target_user\na,,b\n");
    // A store that cannot be opened: nothing is taken.
    fs::remove_file(folder.dir.path().join("key")).unwrap();
    let list = folder.list(text.as_bytes());
    assert!(folder.take(&list).unwrap_err().to_string().contains("is gone"));
    assert_eq!(fs::read_to_string(&list).unwrap(), text);
}

#[test]
fn sheets_have_what_provision_made_and_nothing_else() {
    let folder = folder();
    folder.set(SideName::Target, None, "typed@new.example", "canary-typed");
    assert_eq!(export(&folder.project).unwrap().len(), 0);
    let accounts: Vec<AccountEntry> = ["Anna@New.example", "ben@new.example", "cleo@other.example", "=dora"]
        .map(|login| AccountEntry { login: login.into(), ..AccountEntry::default() })
        .into();
    let made = crate::provision::sealing::make(
        &folder.project,
        &accounts.iter().collect::<Vec<_>>(),
        &Recipe::default(),
        None,
    )
    .unwrap();
    let password = |login: &str| {
        let secret = made.get(login).unwrap().secret.clone().unwrap();
        String::from_utf8(secret.expose_secret().to_vec()).unwrap()
    };
    let sheets = export(&folder.project).unwrap();
    let counted: Vec<_> = sheets.iter().map(|sheet| (sheet.domain.as_str(), sheet.mailboxes)).collect();
    assert_eq!(counted, [("", 1), ("new.example", 2), ("other.example", 1)]);
    assert!(!format!("{sheets:?}").contains(&password("=dora")));
    let out = folder.dir.path().join("passwords.csv");
    let taken = folder.dir.path().join("passwords-other.example.csv");
    fs::write(&taken, "mine").unwrap();
    let refused = write_sheets(&folder.project, &sheets, &out).unwrap_err().to_string();
    assert!(refused.contains("passwords-other.example.csv` cannot be written"), "{refused}");
    assert_eq!((fs::read_to_string(&taken).unwrap().as_str(), out.exists()), ("mine", false));
    assert!(!folder.dir.path().join("passwords-new.example.csv").exists(), "then none is written");
    fs::remove_file(&taken).unwrap();
    let files = write_sheets(&folder.project, &sheets, &out).unwrap();
    let text = fs::read_to_string(&files[1]).unwrap();
    let lines = [("Anna@New.example", "anna@new.example"), ("ben@new.example", "ben@new.example")]
        .map(|(shown, login)| format!("{shown},{},mail.new.example\n", password(login)));
    assert_eq!(text, format!("login,temporary_password,host\n{}", lines.concat()));
    assert!(fs::read_to_string(&files[0]).unwrap().contains("\n'=dora,"));
    assert_eq!(fs::metadata(&files[2]).unwrap().permissions().mode() & 0o777, 0o600);
    // A single sheet has the name that was given.
    assert_eq!(write_sheets(&folder.project, &sheets[1..2], &out).unwrap(), [out]);
}
