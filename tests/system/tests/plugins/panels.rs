//! Panels that hang, wait, refuse and come late, and those that people have.
//!
//! As in `provision`, with a real component; the answers are those their makers document.

use std::fs;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use mailhaul_lab::author;
use mailhaul_lab::corpus::Recipe;
use mailhaul_lab::dovecot::User;
use serde_json::json as value;

use super::provision::{PanelProject, TOKEN, outcomes};
use crate::support::fake_servers::FakeServers;
use crate::support::mail_servers::{Account as MailAccount, Host, Move, dovecots, json};
use crate::support::panel::{Account, Hang, Panel};

/// Two mailboxes without passwords.
const TWO: &str = "ben@old.example,b,ben@new.example,,\ncleo@old.example,c,cleo@new.example,,\n";

/// Kills the command when the panel has heard a request that begins so, with it done or not, and lets the
/// next one finish the work.
#[track_caller]
fn killed_at(at: &'static str, done: bool) {
    let project = PanelProject::granted(TWO);
    let (reached, heard) = mpsc::channel();
    project.panel.state().hang = Some(Hang { at, done, reached });
    let running = project.command(&["provision"]).spawn();
    heard.recv_timeout(Duration::from_secs(120)).unwrap();
    running.kill();
    assert_eq!(running.wait().signal, Some(9));

    let again = project.mailhaul(&["provision", "--format", "json"]).expect(0);
    assert!(outcomes(&again).iter().all(|word| ["created", "exists", "quota-set"].contains(&word.as_str())));
    let last = project.mailhaul(&["provision", "--format", "json"]).expect(0);
    assert_eq!(outcomes(&last), ["exists", "exists"], "{at} {done}");
    project.mailhaul(&["passwords", "export", "--yes"]).expect(0);
    let sheet = fs::read_to_string(project.folder.join("passwords.csv")).unwrap();
    let state = project.panel.state();
    for login in ["ben@new.example", "cleo@new.example"] {
        let there: Vec<_> = state.accounts.iter().filter(|account| account.login == login).collect();
        assert_eq!(there.len(), 1, "{at} {done}: {login}");
        // The one that the panel has is the one that is known.
        assert!(sheet.contains(&format!("{login},{},", there[0].password)), "{at} {done}: {login}");
        assert_eq!(there[0].quota, Some(1 << 30), "{at} {done}: {login}");
    }
}

#[test]
fn killed_between_sealing_and_creating() {
    killed_at("POST /mailboxes", false);
}

#[test]
fn killed_when_it_was_created_and_nobody_had_said_so() {
    killed_at("POST /mailboxes", true);
}

#[test]
fn killed_between_creating_and_its_quota() {
    killed_at("POST /quota", false);
    killed_at("POST /quota", true);
}

/// A mailbox that a real mail server knows five seconds after the panel, and one whose command was killed
/// before that.
#[test]
fn a_mail_server_that_hears_of_it_later() {
    let haul = Move::usual();
    haul.load(Recipe::small(173, 4, dovecots().old.layout));
    let panel = Panel::start(&dovecots().certs.good, TOKEN);
    haul.rewrite(|spec| {
        spec.extra = format!(
            "[plugins]\nprovisioning = \"./provider.wasm\"\n[plugins.settings.provider]\npanel = \"localhost:{}\"\n\
             [plugins.secrets.provider]\ntoken = {{ env = \"PANEL_TOKEN\" }}\n",
            panel.port
        );
    });
    let row = |login: &str| {
        let (user, password) = (&haul.from.user, &haul.from.password);
        let text = format!("source_user,source_password,target_user\n{user},{password},{login}\n");
        fs::write(haul.file("mailboxes.csv"), text).unwrap();
    };
    row("late@new.example");
    fs::copy(author::provider().unwrap(), haul.file("provider.wasm")).unwrap();
    let at = |arguments: &[&str]| haul.command(arguments).env("PANEL_TOKEN", TOKEN);
    at(&["plugin", "add", "./provider.wasm"]).run().expect(0);
    at(&["plugin", "grant", "provider", "--all", "--private", "https://{settings.panel}"]).run().expect(0);
    panel.state().mail_server = Some(Arc::new(|account: &Account| {
        let user = User::new(&account.login, &account.password);
        thread::spawn(move || {
            // The delay is what is tested.
            thread::sleep(Duration::from_secs(5));
            dovecots().new.add_user(user);
        });
    }));
    let made = at(&["provision"]).run().expect(0).says(&["1 created", "does not take its password yet"]);
    assert!(made.elapsed < Duration::from_secs(45), "{}", made.told());

    // Killed between creating and verification: the next command waits for it as this one would have.
    row("killed@new.example");
    let (created, heard) = mpsc::channel();
    panel.state().mail_server =
        Some(Arc::new(move |account: &Account| created.send(account.clone()).unwrap()));
    let running = at(&["provision"]).spawn();
    let account = heard.recv_timeout(Duration::from_secs(60)).unwrap();
    running.kill();
    assert_eq!(running.wait().signal, Some(9));
    MailAccount::special(Host::New, User::new(&account.login, &account.password));
    at(&["provision", "--format", "json"]).run().expect(0);
    at(&["check"]).run().expect(0);
    at(&["status", "--history"]).run().expect(0).says(&["provision"]);
}

/// A password that is not the mailbox's own is said, with what to do; the log-in is tried once.
#[test]
fn a_mailbox_that_is_there_with_another_password() {
    let haul = Move::usual();
    let panel = Panel::start(&dovecots().certs.good, TOKEN);
    panel.state().accounts.push(Account {
        login: haul.to.user.clone(),
        password: haul.to.password.clone(),
        quota: None,
    });
    haul.rewrite(|spec| {
        spec.mailboxes[0].target_password = "not this one".into();
        spec.extra = format!(
            "[plugins]\nprovisioning = \"./provider.wasm\"\n[plugins.settings.provider]\npanel = \"localhost:{}\"\n\
             [plugins.secrets.provider]\ntoken = {{ env = \"PANEL_TOKEN\" }}\n",
            panel.port
        );
    });
    fs::copy(author::provider().unwrap(), haul.file("provider.wasm")).unwrap();
    let at = |arguments: &[&str]| haul.command(arguments).env("PANEL_TOKEN", TOKEN).run();
    at(&["plugin", "add", "./provider.wasm"]).expect(0);
    at(&["plugin", "grant", "provider", "--all", "--private", "https://{settings.panel}"]).expect(0);
    let refused = at(&["provision", "--format", "json"]).expect(4);
    let row = &json(&refused)["mailboxes"][0];
    assert_eq!(
        (row["outcome"].as_str(), row["cause"].as_str()),
        (Some("password-refused"), Some("auth-refused"))
    );
    assert!(row["detail"].as_str().unwrap().contains("AUTHENTICATIONFAILED"), "{row}");
    refused.hides("not this one");
    // What the panel says is nothing that a mailbox's state is made of.
    at(&["status"]).expect(0).hides("blocked");
}

/// 429 and 503 with `Retry-After` are waited for, and the waits are told.
#[test]
fn a_panel_with_a_rate_limit() {
    let project = PanelProject::granted(TWO);
    project.panel.state().refusals =
        ["429 Too Many Requests\r\nRetry-After: 1", "503 Service Unavailable\r\nRetry-After: 2"].into();
    let outcome = project.mailhaul(&["provision", "--quota-margin", "none"]).expect(0);
    outcome.says(&["2 created", "the panel asks to wait", "429"]);
}

/// Ctrl-C: what is under way is given a moment, then it ends, and the same command goes on.
#[test]
fn stopped_while_the_panel_thinks() {
    let project = PanelProject::granted(TWO);
    let (reached, heard) = mpsc::channel();
    project.panel.state().hang = Some(Hang { at: "POST /mailboxes", done: true, reached });
    let running = project.command(&["provision"]).spawn();
    heard.recv_timeout(Duration::from_secs(120)).unwrap();
    running.interrupt_heard();
    let outcome = running.wait().expect(130);
    assert!(outcome.stdout.contains("2 missing"), "{}", outcome.told());
    let again = project.mailhaul(&["provision", "--format", "json"]).expect(0);
    assert_eq!(outcomes(&again), ["quota-set", "created"]);
}

/// The answers that cPanel's UAPI and the mailcow API document: 200 for everything, an error among the data.
#[test]
fn panels_that_people_have() {
    for dialect in ["cpanel", "mailcow"] {
        let rows = format!(
            "ann@old.example,a,ann@new.example,x,2 GiB\n{TWO}post@old.example,p,postmaster@new.example,,\n"
        );
        let project = PanelProject::granted(&rows);
        let file = project.folder.join("mailhaul.toml");
        let text = fs::read_to_string(&file).unwrap();
        let setting = format!("[plugins.settings.provider]\ndialect = \"{dialect}\"\n");
        fs::write(&file, text.replace("[plugins.settings.provider]\n", &setting)).unwrap();
        let outcome = project.mailhaul(&["provision", "--format", "json"]).expect(3);
        assert_eq!(outcomes(&outcome), ["quota-set", "created", "created", "failed"], "{dialect}");
        let words = if dialect == "cpanel" { "is reserved" } else { "mailbox_quota_left_exceeded" };
        let document = json(&outcome);
        assert!(document["mailboxes"][3]["detail"].as_str().unwrap().contains(words), "{document}");
        assert_eq!(document["mailboxes"][3]["who"], "new-host");
        let ben = project.panel.account("ben@new.example").unwrap();
        assert_eq!(ben.quota, Some(1 << 30), "{dialect}");
        assert_eq!(ben.password.len(), if dialect == "cpanel" { 27 } else { 20 }, "{dialect}");
        let again = project.mailhaul(&["provision", "--format", "json"]).expect(3);
        assert_eq!(outcomes(&again), ["exists", "exists", "exists", "failed"], "{dialect}");
    }
}

/// Without a plugin there is a list to create by hand, and `check` says who is still missing.
#[test]
fn mailboxes_to_be_created_by_hand() {
    let fakes = FakeServers::that_tell_sizes();
    fakes.load("INBOX", 3);
    let list = "source_user,source_password,target_user,target_quota\nann@old.example,a,ann@new.example,\n\
                ben@old.example,b,ben@new.example,3 GiB\n";
    fs::write(fakes.folder.join("mailboxes.csv"), list).unwrap();
    let dry = fakes.mailhaul(&["provision", "--dry-run"]).expect(0);
    dry.says(&["2 by-hand", "a password would be made", "`[plugins] provisioning ="]);
    let made = fakes.mailhaul(&["provision"]).expect(3);
    made.says(&["ann@new.example", "1.0 GiB", "3.0 GiB", "2 by-hand", "`mailhaul passwords export`"]);
    fakes.mailhaul(&["passwords", "export", "--yes"]).expect(0).says(&["2 mailboxes"]);
    let document = json(&fakes.mailhaul(&["provision", "--format", "json"]).expect(3));
    assert_eq!(
        (&document["plugin"], &document["mailboxes"][1]["quota"]),
        (&value!(null), &value!(3_u64 << 30))
    );
    // Somebody has created them; these servers take every log-in.
    fakes.mailhaul(&["check"]).expect(0);
    let there = fakes.mailhaul(&["provision", "--format", "json"]).expect(0);
    assert_eq!(outcomes(&there), ["exists", "exists"]);
}
