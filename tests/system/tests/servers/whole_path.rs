//! The whole of a first evening, as the README tells it, from two addresses to a comparison.

use std::fs;
use std::path::Path;

use mailhaul_lab::corpus::{self, Recipe};
use mailhaul_lab::dovecot::User;
use mailhaul_lab::load;
use mailhaul_lab::runner::{Mailhaul, Outcome};
use serde_json::Value;

use crate::support::compare::{assert_moved, count, usual};
use crate::support::mail_servers::{Account, Host, dovecots, folder_with, json};

/// A command as somebody types it in the project's folder, with the laboratory's authority among the
/// machine's roots.
fn typed(folder: &Path, arguments: &[&str]) -> Outcome {
    let ca = dovecots().certs.ca.display().to_string();
    Mailhaul::new(folder).args(arguments).env("SSL_CERT_FILE", &ca).run()
}

/// The line of the project file that a command says trusts a certificate.
fn pin(outcome: &Outcome) -> String {
    let said = outcome.told();
    let from = said.find("fingerprint = \"sha256:").unwrap_or_else(|| panic!("{said}"));
    // Sixty-four digits behind `sha256:`, and the quote.
    let end = said[from..].match_indices('"').nth(1).map(|(at, _)| from + at + 1);
    said[from..end.unwrap()].to_owned()
}

fn source_messages(document: &Value) -> u64 {
    document["checks"].as_array().unwrap().iter().filter_map(|row| row["messages"].as_u64()).sum()
}

/// An old host whose certificate has expired, a new one on which nobody has created the mailbox, and a list
/// out of a German spreadsheet.
#[test]
fn from_two_addresses_to_a_comparison() {
    let old = Account::special(Host::Old, User::new("evening@old.example", "pw;evening"));
    let mailbox = corpus::mailbox(&old.user, Recipe::small(77, 90, dovecots().old.layout));
    load::load_all(&mut old.client(), &mailbox);
    let before = old.snapshot();

    // 1. The old host's details.
    let folder = folder_with(&[]);
    let source = format!("127.0.0.3:{} SSL/TLS", dovecots().old.tls_port);
    let target = format!("localhost:{} SSL/TLS", dovecots().new.tls_port);
    let init = typed(&folder, &["init", "--source", &source, "--target", &target]).expect(0);
    let init = init.says(&["has expired", "reached, "]);
    let file = folder.join("mailhaul.toml");
    let list = format!("\u{feff}E-Mail;Passwort\r\n{};\"{}\"\r\n;\r\n", old.user, old.password);
    fs::write(folder.join("mailboxes.csv"), list).unwrap();
    let line = pin(&init);
    typed(&folder, &["assess", "--format", "json"]).expect(5).says(&[&line.replace('"', "\\\"")]);
    let toml = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        toml.replacen("\nhost = \"127.0.0.3\"\n", &format!("\nhost = \"127.0.0.3\"\n{}\n", line), 1),
    )
    .unwrap();
    typed(&folder, &["assess"]).expect(0).says(&["1 mailbox", &format!("{} messages", count(&before))]);
    typed(&folder, &["assess", "--out", "offer.html"]).expect(0);
    assert!(fs::read_to_string(folder.join("offer.html")).unwrap().contains("evening@old.example"));

    // 2. The mailboxes on the new host, by hand: without a plugin for its panel.
    typed(&folder, &["provision"]).expect(3).says(&["1 by-hand", "`mailhaul passwords export`"]);
    typed(&folder, &["passwords", "export", "--yes"]).expect(0);
    let sheet = fs::read_to_string(folder.join("passwords.csv")).unwrap();
    let row = sheet.lines().find(|line| line.starts_with("evening@old.example,")).unwrap();
    let password = row.split(',').nth(1).unwrap().to_owned();
    let missing = typed(&folder, &["check"]).expect(4);
    missing.says(&["evening@old.example", "target: auth-or-missing", "0 ready, 1 not"]);
    let new = Account::special(Host::New, User::new("evening@old.example", &password));

    // 3. Both connections, and 4. the list.
    let checked = json(&typed(&folder, &["check", "--format", "json"]).expect(0));
    assert_eq!(source_messages(&checked), count(&before) as u64, "{checked:#}");
    typed(&folder, &["provision"]).expect(0).says(&["exists"]);

    // 5. to 7. Reviewed, moved, compared.
    typed(&folder, &["plan"]).expect(0).says(&["Sent Items"]);
    typed(&folder, &["run"]).expect(0);
    assert_moved(&before, &new.snapshot(), usual);
    typed(&folder, &["verify", "--depth", "full"]).expect(0);
    typed(&folder, &["status"]).expect(0).says(&["proven"]);
    typed(&folder, &["report", "--out", "report.html"]).expect(0);
    for name in ["mailhaul.toml", "offer.html", "report.html"] {
        let written = fs::read_to_string(folder.join(name)).unwrap();
        assert!(!written.contains(&old.password) && !written.contains(&password), "{name}");
    }
}
