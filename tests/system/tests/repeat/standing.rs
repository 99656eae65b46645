//! Where a project stands: states, who acts, what was asked by whom, the list.

use std::time::Duration;

use mailhaul_lab::corpus::Recipe;
use mailhaul_lab::proxy::{Proxy, Way};
use serde_json::Value;

use crate::support::compare::count;
use crate::support::mail_servers::{Account, Host, Move, dovecots, json, pair};

/// A project of two mailboxes with mail in both.
fn two() -> (Move, (Account, Account)) {
    let haul = Move::usual();
    haul.load(Recipe::small(81, 10, dovecots().old.layout));
    let second = (Account::new(Host::Old), Account::new(Host::New));
    second
        .0
        .client()
        .append_one("INBOX", &[], " 1-Feb-2020 10:00:00 +0000", b"Subject: x\r\n\r\nx\r\n")
        .unwrap();
    list(&haul, &second);
    (haul, second)
}

fn list(haul: &Move, (from, to): &(Account, Account)) {
    let (first, second) = (haul.pair(), pair(from, to));
    haul.rewrite(|spec| spec.mailboxes = vec![first, second]);
}

fn status(haul: &Move, options: &[&str]) -> Value {
    json(&haul.mailhaul(&[&["status", "--format", "json"], options].concat()).expect(0))
}

/// The words of both mailboxes: state, who acts, cause.
fn words(haul: &Move, keys: [&str; 2]) -> [[String; 3]; 2] {
    let status = status(haul, &[]);
    keys.map(|key| {
        let all = status["mailboxes"].as_array().unwrap();
        let one = all.iter().find(|one| one["mailbox"] == key).unwrap_or_else(|| panic!("{status:#}"));
        ["state", "who", "cause"].map(|name| one[name].as_str().unwrap_or("-").to_owned())
    })
}

#[test]
fn a_mailbox_goes_from_listed_to_proven_and_says_who_acts() {
    let (haul, second) = two();
    let wrong = (second.0.clone(), Account { password: "wrong".to_owned(), ..second.1.clone() });
    list(&haul, &wrong);
    let (one, two) = (haul.from.user.as_str(), second.0.user.as_str());
    let keys = [one, two];
    haul.mailhaul(&["check"]).expect(4);
    let ready = ["ready", "operator", "-"];
    let blocked = ["blocked", "operator", "auth-or-missing"];
    assert_eq!(words(&haul, keys), [ready, blocked]);
    haul.mailhaul(&["run"]).expect(4);
    let copied = ["copied", "operator", "-"];
    assert_eq!(words(&haul, keys), [copied, blocked]);
    haul.mailhaul(&["status"]).expect(0).says(&["1 blocked, 1 copied", "you: target, auth-or-missing:"]);
    let only = haul.mailhaul(&["status", "--state", "blocked"]).expect(0);
    only.says(&[two]).hides(one);
    haul.mailhaul(&["status", "--mailbox", "nobody"]).expect(2).says(&["no such mailbox"]);
    haul.mailhaul(&["status", "--state", "tea"]).expect(2).says(&["blocked, failed"]);
    let fix = haul.mailhaul(&["status", "--fix-list"]).expect(0);
    fix.says(&["## You", "check the target password, that the mailbox is there", two]).hides(one);
    let table = haul.mailhaul(&["status", "--fix-list=csv"]).expect(0);
    assert!(table.stdout.starts_with("who,code,side,mailbox,"), "{}", table.told());

    // The client sends the password: a look takes the cause away, the next run copies, a comparison proves.
    list(&haul, &second);
    haul.mailhaul(&["check"]).expect(0);
    assert_eq!(words(&haul, keys), [copied, ready]);
    haul.mailhaul(&["run"]).expect(0);
    haul.mailhaul(&["verify", "--depth", "counts"]).expect(0);
    haul.mailhaul(&["verify", "--sample", "50"]).expect(0);
    assert_eq!(words(&haul, keys), [copied, copied], "a sample, or numbers alone, prove nothing");
    haul.mailhaul(&["verify"]).expect(0);
    let proven = ["proven", "nobody", "-"];
    assert_eq!(words(&haul, keys), [proven, proven]);
    // What comes now is not proven.
    haul.from
        .client()
        .append_one("INBOX", &[], " 1-Feb-2021 10:00:00 +0000", b"Subject: y\r\n\r\ny\r\n")
        .unwrap();
    haul.mailhaul(&["run"]).expect(0);
    assert_eq!(words(&haul, keys), [copied, proven]);
    let now = status(&haul, &["--mailbox", one]);
    assert_eq!(now["mailboxes"][0]["phase"], "delta");
    assert_eq!(now["states"], serde_json::json!({ "copied": 1 }));
    let history = haul.mailhaul(&["status", "--history"]).expect(0);
    history.says(&["run (delta)", "run (full)", "check", "verify"]);
}

#[test]
fn a_mailbox_taken_off_the_list_counts_no_longer() {
    let (haul, second) = two();
    let wrong = (second.0.clone(), Account { password: "wrong".to_owned(), ..second.1.clone() });
    list(&haul, &wrong);
    haul.mailhaul(&["run"]).expect(4);
    let key = second.0.user.as_str();
    assert_eq!(status(&haul, &[])["verdict"], "incomplete");
    haul.rewrite(|_| ());
    let told = format!("{key} is not in the list any more");
    haul.mailhaul(&["run"]).expect(0).says(&[&told]);
    haul.mailhaul(&["run"]).expect(0).hides(&told);
    let now = status(&haul, &[]);
    assert_eq!((&now["verdict"], &now["totals"]["mailboxes"]), (&"complete".into(), &1.into()), "{now:#}");
    haul.mailhaul(&["status"]).expect(0).says(&["not listed any more", key]);
    haul.mailhaul(&["status", "--history"]).expect(0).says(&[&told]);
    // There again, it is as it was.
    list(&haul, &second);
    haul.mailhaul(&["run"]).expect(0).hides("not in the list");
    assert_eq!(status(&haul, &[])["totals"]["mailboxes"], 2);
}

/// A killed run looked the same as one that goes on.
#[test]
fn a_running_task_is_told_from_a_killed_one() {
    let haul = Move::loaded(82, 40);
    let size: u64 = haul.from.snapshot().values().flatten().map(|m| m.size).sum();
    let proxy = Proxy::start(haul.to.tls_port());
    haul.rewrite(|spec| spec.target.port = proxy.port);
    proxy.hold_after(Way::ToServer, size / 2);
    let running = haul.command(&["run"]).spawn();
    proxy.wait_held(Duration::from_secs(60));
    let now = status(&haul, &[]);
    let run = &now["runs"][0];
    assert_eq!((&run["result"], &run["kind"]), (&"running".into(), &"run".into()), "{now:#}");
    assert_eq!(now["mailboxes"][0]["state"], "running", "{now:#}");
    running.kill();
    assert!(running.wait().code != Some(0));
    let now = status(&haul, &[]);
    assert_eq!(
        (&now["runs"][0]["result"], &now["mailboxes"][0]["state"]),
        (&"killed".into(), &"ready".into())
    );
    haul.mailhaul(&["status"]).expect(0).says(&["killed: the same command continues"]);
    let watched = haul.mailhaul(&["status", "--watch"]).expect(0);
    assert!(watched.elapsed < Duration::from_secs(60), "nothing runs: {}", watched.told());
    proxy.release();
    haul.mailhaul(&["run"]).expect(0);
    assert_eq!(status(&haul, &[])["totals"]["copied"], count(&haul.from.snapshot()));
}

/// The one that was refused counted as the newest, and the mailbox stayed failed after the other had copied
/// it.
#[test]
fn a_second_run_at_once_leaves_nothing_behind() {
    let haul = Move::loaded(83, 40);
    let size: u64 = haul.from.snapshot().values().flatten().map(|m| m.size).sum();
    let proxy = Proxy::start(haul.to.tls_port());
    haul.rewrite(|spec| spec.target.port = proxy.port);
    proxy.hold_after(Way::ToServer, size / 2);
    let running = haul.command(&["run"]).spawn();
    proxy.wait_held(Duration::from_secs(60));
    haul.mailhaul(&["run"]).expect(3).says(&["in-use", "in use by another mailhaul"]);
    assert_eq!(status(&haul, &[])["mailboxes"][0]["state"], "running");
    proxy.release();
    running.wait().expect(0);
    assert_eq!(status(&haul, &[])["mailboxes"][0]["state"], "copied");
}

/// What was copied to one account was shown as what the corrected one has.
#[test]
fn another_target_has_nothing_of_the_old_one_s() {
    let haul = Move::loaded(84, 10);
    haul.mailhaul(&["run"]).expect(0);
    haul.mailhaul(&["verify"]).expect(0);
    assert_eq!(status(&haul, &[])["mailboxes"][0]["state"], "proven");
    let other = Account::new(Host::New);
    let corrected = pair(&haul.from, &other);
    haul.rewrite(|spec| spec.mailboxes = vec![corrected]);
    haul.mailhaul(&["check"]).expect(0);
    let now = status(&haul, &[]);
    assert_eq!(
        (&now["mailboxes"][0]["state"], &now["totals"]["copied"]),
        (&"ready".into(), &0.into()),
        "{now:#}"
    );
}
