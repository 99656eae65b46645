//! Mailboxes created by `provision`, with a real component and a panel on loopback.
//!
//! The component talks HTTPS to `support::panel`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mailhaul_lab::certs::Certs;
use mailhaul_lab::corpus::Recipe;
use mailhaul_lab::dovecot::User;
use mailhaul_lab::runner::{Mailhaul, Outcome};
use mailhaul_lab::{author, workdir};

use crate::support::compare::{assert_moved, usual};
use crate::support::fake_servers::FakeServers;
use crate::support::mail_servers::{Account as MailAccount, Host, Move, dovecots, json};
use crate::support::panel::{Account, Panel};

pub(super) const TOKEN: &str = "canary-token-of-the-panel";
const PASSWORD: &str = "canary-password-of-ben";

/// A project with a panel, three mailboxes to create and nothing granted yet.
pub(super) struct PanelProject {
    pub(super) panel: Panel,
    pub(super) folder: PathBuf,
    /// Both mail servers, which take every log-in.
    #[expect(dead_code, reason = "they end when it is dropped")]
    mail: FakeServers,
}

impl PanelProject {
    /// `ca` is named under `[target]` when it is to be trusted.
    pub(super) fn new(trusted: bool) -> Self {
        let certs = Certs::create(&workdir::folder("certs"));
        let panel = Panel::start(&certs.good, TOKEN);
        panel.state().accounts.push(Account {
            login: "ann@new.example".into(),
            password: "hers".into(),
            quota: Some(1 << 30),
        });
        let fakes = FakeServers::that_tell_sizes();
        let folder = fakes.folder.clone();
        let mut spec = fakes.spec();
        if trusted {
            spec.target.ca = Some(certs.ca.clone());
        }
        spec.extra = format!(
            "[plugins]\nprovisioning = \"./provider.wasm\"\n[plugins.settings.provider]\npanel = \"localhost:{}\"\n\
             [plugins.secrets.provider]\ntoken = {{ env = \"PANEL_TOKEN\" }}\n",
            panel.port
        );
        spec.write(&folder);
        let list = format!(
            "source_user,source_password,target_user,target_password,target_quota\n\
             ann@old.example,a,ann@new.example,x,2 GiB\n\
             ben@old.example,b,ben@new.example,{PASSWORD},\n\
             cleo@old.example,c,cleo@new.example,,3 GiB\n"
        );
        let file = folder.join("mailboxes.csv");
        fs::write(&file, list).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::copy(author::provider().unwrap(), folder.join("provider.wasm")).unwrap();
        let project = Self { panel, folder, mail: fakes };
        project.mailhaul(&["plugin", "add", "./provider.wasm"]).expect(0);
        project
    }

    /// Everything granted, and this list.
    pub(super) fn granted(list: &str) -> Self {
        let project = Self::new(true);
        project.grant(&["--all", "--private", project.origin()]);
        project.list(list);
        project
    }

    pub(super) fn list(&self, rows: &str) {
        let header = "source_user,source_password,target_user,target_password,target_quota";
        fs::write(self.folder.join("mailboxes.csv"), format!("{header}\n{rows}")).unwrap();
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Mailhaul {
        Mailhaul::new(&self.folder).env("PANEL_TOKEN", TOKEN).args(arguments)
    }

    pub(super) fn mailhaul(&self, arguments: &[&str]) -> Outcome {
        self.command(arguments).run()
    }

    pub(super) fn origin(&self) -> &'static str {
        "https://{settings.panel}"
    }

    fn grant(&self, what: &[&str]) {
        self.mailhaul(&[&["plugin", "grant", "provider"], what].concat()).expect(0);
    }
}

/// Reads what became of every mailbox from the JSON on stdout.
pub(super) fn outcomes(outcome: &Outcome) -> Vec<String> {
    let document = json(outcome);
    let rows = document["mailboxes"].as_array().unwrap();
    rows.iter().map(|row| row["outcome"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn nowhere(folder: &Path, but: &Path, secret: &str) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            nowhere(&entry, but, secret);
        } else if entry != but && !entry.ends_with("mailboxes.csv") {
            let bytes = fs::read(&entry).unwrap();
            let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "{secret} stands in {}", entry.display());
        }
    }
}

/// From nothing granted to three mailboxes with the right passwords and quotas, step by step as an operator
/// would.
#[test]
fn mailboxes_are_created_through_a_panel() {
    let project = PanelProject::new(true);
    project.mailhaul(&["provision"]).expect(6).says(&["was not granted", "plugin grant provider"]);
    project.grant(&["token", project.origin()]);
    // A panel on a private network has to be meant.
    let hint = "`mailhaul plugin grant provider --private 'https://{settings.panel}'`";
    project.mailhaul(&["provision"]).expect(6).says(&["not on the internet", hint]);
    project.grant(&["--private", project.origin()]);

    let dry = project.mailhaul(&["provision", "--dry-run", "--format", "json"]).expect(0);
    assert_eq!(outcomes(&dry), ["quota-differs", "missing", "missing"]);
    project
        .mailhaul(&["provision", "--dry-run", "--passwords", "new.csv"])
        .expect(0)
        .says(&["would be made"]);
    assert!(!project.folder.join("new.csv").exists());
    assert!(!project.folder.join(".mailhaul/secrets.age").exists());
    project.mailhaul(&["provision"]).expect(6).says(&["`mailhaul plugin grant provider create-mailboxes`"]);
    assert_eq!(project.panel.state().accounts.len(), 1);

    project.grant(&["create-mailboxes"]);
    let made = project.mailhaul(&["provision", "--passwords", "new.csv", "--format", "json"]).expect(3);
    assert_eq!(outcomes(&made), ["quota-differs", "created", "quota-differs"]);
    made.says(&["plugin grant provider set-quota"]);
    assert!(
        !project.panel.state().heard.iter().any(|line| line.contains("quota")),
        "not granted, and asked for"
    );
    assert_eq!(project.panel.account("ben@new.example").unwrap().password, PASSWORD);
    let cleo = project.panel.account("cleo@new.example").unwrap().password;
    let passwords = project.folder.join("new.csv");
    assert_eq!(
        fs::read_to_string(&passwords).unwrap().lines().nth(1),
        Some(format!("cleo@new.example,{cleo}").as_str())
    );
    assert_eq!(fs::metadata(&passwords).unwrap().permissions().mode() & 0o777, 0o600);

    project.grant(&["set-quota"]);
    let set = project.mailhaul(&["provision", "--passwords", "new.csv", "--format", "json"]).expect(0);
    assert_eq!(outcomes(&set), ["quota-set", "exists", "quota-set"]);
    assert_eq!(project.panel.account("ann@new.example").unwrap().quota, Some(2 << 30));
    assert_eq!(project.panel.account("cleo@new.example").unwrap().quota, Some(3 << 30));
    assert_eq!(project.panel.account("ann@new.example").unwrap().password, "hers");
    // Once more: nothing is left to do.
    let again = project.mailhaul(&["provision", "--format", "json"]).expect(0);
    assert_eq!(outcomes(&again), ["exists", "exists", "exists"]);

    for secret in [TOKEN, PASSWORD, &cleo] {
        for outcome in [&dry, &set, &again] {
            assert!(!outcome.told().contains(secret), "{}", outcome.told());
        }
        nowhere(&project.folder, &passwords, secret);
    }
}

/// The passwords that are made are in the store before a mailbox has one: `check` and `run` use them without
/// another step, an operator writes them out, and nobody else sees them.
#[test]
fn what_is_provisioned_is_run_without_another_step() {
    let haul = Move::usual();
    haul.load(Recipe::small(172, 8, dovecots().old.layout));
    let panel = Panel::start(&dovecots().certs.good, TOKEN);
    // As a panel does it: the mail server hears of a new mailbox a moment later.
    panel.state().mail_server = Some(Arc::new(|account: &Account| {
        let user = User::new(&account.login, &account.password);
        std::thread::spawn(move || dovecots().new.add_user(user));
    }));
    haul.rewrite(|spec| {
        spec.extra = format!(
            "[plugins]\nprovisioning = \"./provider.wasm\"\n[plugins.settings.provider]\npanel = \"localhost:{}\"\n\
             [plugins.secrets.provider]\ntoken = {{ env = \"PANEL_TOKEN\" }}\n",
            panel.port
        );
    });
    let login = "provisioned@new.example";
    let (user, password) = (&haul.from.user, &haul.from.password);
    let list =
        format!("source_user,source_password,target_user,target_password\n{user},{password},{login},\n");
    fs::write(haul.file("mailboxes.csv"), list).unwrap();
    fs::copy(author::provider().unwrap(), haul.file("provider.wasm")).unwrap();
    let at = |arguments: &[&str]| haul.command(arguments).env("PANEL_TOKEN", TOKEN).run();
    at(&["plugin", "add", "./provider.wasm"]).expect(0);
    at(&["plugin", "grant", "provider", "--all", "--private", "https://{settings.panel}"]).expect(0);

    let made = at(&["provision"]).expect(0).says(&[
        "created",
        "its password is new, and sealed in the project's store",
        "the key to this project's passwords was made",
        "`mailhaul secrets passphrase`",
    ]);
    let made_by_us = panel.account(login).unwrap().password;
    let to = MailAccount { host: Host::New, user: login.to_owned(), password: made_by_us.clone() };
    // The panel's word is what the mail server takes.
    let outcomes = [
        made,
        at(&["check"]).expect(0),
        at(&["run", "-vv"]).expect(0),
        at(&["provision", "--format", "json"]).expect(0).says(&["exists"]),
        at(&["secrets", "list"]).expect(0).says(&[login, "provision"]),
    ];
    assert_moved(&haul.from.snapshot(), &to.snapshot(), usual);
    for outcome in outcomes {
        outcome.hides(&made_by_us);
    }
    nowhere(&haul.folder, Path::new(""), &made_by_us);

    at(&["passwords", "export"]).expect(2).says(&["nobody is there to agree", "add `--yes`"]);
    let sheet = haul.file("passwords.csv");
    assert!(!sheet.exists());
    at(&["passwords", "export", "--yes"])
        .expect(0)
        .says(&["wrote passwords.csv: 1 mailbox"])
        .hides(&made_by_us);
    let text = fs::read_to_string(&sheet).unwrap();
    let host = format!("127.0.0.1:{}", to.tls_port());
    assert_eq!(text, format!("login,temporary_password,host\n{login},{made_by_us},{host}\n"));
    assert_eq!(fs::metadata(&sheet).unwrap().permissions().mode() & 0o777, 0o600);
    at(&["passwords", "export", "--yes"]).expect(2).says(&["passwords.csv", "nothing was written"]);
}

/// A panel that repeats what it was sent: neither its token nor a password is told, whether that came from
/// the list or was made, in any command that asks it, on any way out.
#[test]
fn what_a_panel_repeats_is_told_without_secrets() {
    for (method, codes) in [("POST", [3, 3]), ("GET", [6, 6])] {
        let project = PanelProject::new(true);
        project.grant(&["--all", "--private", project.origin()]);
        project.panel.state().repeats = Some(method);
        for (format, code) in ["text", "json"].into_iter().zip(codes) {
            let told = project.mailhaul(&["provision", "-vv", "--format", format]);
            let told = told.expect(code).says(&["cannot do", "[secret]"]);
            for secret in [TOKEN, PASSWORD] {
                assert!(!told.told().contains(secret), "{method} {format}: {}", told.told());
            }
        }
        if method == "GET" {
            for command in
                [&["provision", "--dry-run"][..], &["check", "-vv"], &["check", "--format", "json"]]
            {
                let told = project.mailhaul(command);
                assert!(!told.told().contains(TOKEN), "{command:?}: {}", told.told());
            }
        }
        nowhere(&project.folder, Path::new(""), TOKEN);
        nowhere(&project.folder, Path::new(""), PASSWORD);
    }
}

/// A panel whose certificate nobody vouches for is not spoken to, and the token is not sent.
#[test]
fn a_panel_nobody_vouches_for() {
    let project = PanelProject::new(false);
    project.grant(&["--all", "--private", project.origin()]);
    project.mailhaul(&["provision", "--passwords", "new.csv"]).expect(6).says(&["certificate"]);
    assert!(project.panel.state().heard.is_empty());
}

/// Building it again for every test replaced the file that another test was copying, which then met half a
/// component.
#[test]
fn a_plugin_under_test_is_built_once_in_a_process() {
    let written = || fs::metadata(author::provider().unwrap()).unwrap().modified().unwrap();
    let first = written();
    assert_eq!(written(), first);
}

/// A panel that refuses a quota: that mailbox is named, the others are done.
#[test]
fn a_quota_the_panel_refuses() {
    let project = PanelProject::new(true);
    project.grant(&["--all", "--private", project.origin()]);
    project.panel.state().strict = true;
    let arguments = ["provision", "--quota-margin", "none", "--passwords", "new.csv", "--format", "json"];
    let outcome = project.mailhaul(&arguments).expect(3);
    assert_eq!(outcomes(&outcome), ["failed", "created", "failed"]);
    assert!(project.panel.account("cleo@new.example").is_some());
}

/// A row with another host is refused before the panel is asked, and a file for passwords without its header
/// row is not shown.
#[test]
fn a_row_with_another_host_is_not_created() {
    let project = PanelProject::new(true);
    project.grant(&["--all"]);
    project.grant(&["--private", project.origin()]);
    let list = project.folder.join("mailboxes.csv");
    let with_hosts = format!(
        "source_user,source_password,target_user,target_password,target_host\n\
         ben@old.example,b,ben@new.example,{PASSWORD},mail.other.example\n\
         cleo@old.example,c,cleo@new.example,,mail.other.example\n"
    );
    fs::write(&list, with_hosts).unwrap();
    for arguments in
        [&["provision"][..], &["provision", "--dry-run"], &["provision", "--passwords", "new.csv"]]
    {
        project.mailhaul(arguments).expect(2).says(&[
            "mailboxes.csv:2 and one more mailbox: their target passwords would go to mail.other.example:143, which",
            "hosts = [\"mail.other.example\"]",
        ]);
    }
    assert_eq!(project.panel.state().heard, [""; 0]);

    let file = project.folder.join("headless.csv");
    fs::write(&file, format!("ben,{PASSWORD}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let outcome = project.mailhaul(&["provision", "--passwords", "headless.csv"]).expect(2);
    assert!(!outcome.told().contains(PASSWORD), "{}", outcome.told());
}
