//! A first migration as the README tells it, from two hosts' names to proven mail.

use std::fs;

use mailhaul_lab::corpus::{self, Recipe};
use mailhaul_lab::dovecot::User;
use mailhaul_lab::load;
use mailhaul_lab::runner::Mailhaul;

use crate::support::compare::count;
use crate::support::mail_servers::{Account, Host, dovecots, folder_with};

/// Nothing is typed that the pages before did not name: servers by `init`, a list with the old passwords,
/// mailboxes that are created by hand with the passwords `provision` made.
#[test]
fn the_whole_path() {
    let folder = folder_with(&[]);
    let from = Account::new(Host::Old);
    let mail = corpus::mailbox(&from.user, Recipe::small(24, 40, dovecots().old.layout));
    load::load_all(&mut from.client(), &mail);
    let ca = dovecots().certs.ca.display().to_string();
    let step = |arguments: &[&str]| Mailhaul::new(&folder).args(arguments).env("SSL_CERT_FILE", &ca).run();

    let source = format!("localhost:{} ssl/tls", dovecots().old.tls_port);
    let target = format!("localhost:{} ssl/tls", dovecots().new.tls_port);
    step(&["init", "--source", &source, "--target", &target]).expect(0).says(&["`mailhaul check`"]);

    let to = "walked@new.example";
    let list = format!("source_user,source_password,target_user\n{},{},{to}\n", from.user, from.password);
    fs::write(folder.join("mailboxes.csv"), &list).unwrap();
    let offer = step(&["assess", "--out", "mailboxes.csv"]).expect(2);
    offer.says(&["would be overwritten"]);
    assert_eq!(fs::read_to_string(folder.join("mailboxes.csv")).unwrap(), list);
    step(&["assess", "--out", "offer.csv"]).expect(0).says(&["wrote offer.csv"]);
    assert!(fs::read_to_string(folder.join("offer.csv")).unwrap().contains(&from.user));

    step(&["provision"]).expect(3).says(&[to]);
    step(&["passwords", "export", "--yes"]).expect(0);
    let sheet = fs::read_to_string(folder.join("passwords.csv")).unwrap();
    let row = sheet.lines().find(|line| line.starts_with(to)).unwrap();
    let password = row.split(',').nth(1).unwrap();
    let to = Account::special(Host::New, User::new(to, password));

    step(&["check"]).expect(0).says(&[&from.user, "ready"]);
    step(&["plan"]).expect(0);
    step(&["run"]).expect(0);
    step(&["verify", "--depth", "full"]).expect(0);
    step(&["report", "--out", "report.html"]).expect(0);
    assert_eq!(count(&to.snapshot()), count(&from.snapshot()));
}
