//! `check` of real servers that fail in each way: the cause, who acts, and what to do.

use std::io::Write as _;
use std::net::TcpListener;

use mailhaul_lab::dovecot::{Dovecot, DovecotOptions, User};
use mailhaul_lab::project::Side;
use mailhaul_lab::proxy::{Proxy, Way};
use mailhaul_lab::workdir;
use serde_json::Value;

use crate::support::mail_servers::{Account, Host, Move, courier, dovecots, json};

/// Every row of `check --format json`, which ends with this code.
#[track_caller]
fn rows(haul: &Move, code: i32) -> Vec<Value> {
    let outcome = haul.mailhaul(&["check", "--format", "json"]).expect(code);
    json(&outcome)["checks"].as_array().cloned().unwrap_or_default()
}

/// The target's row of a project with one mailbox.
#[track_caller]
fn target(haul: &Move, code: i32) -> Value {
    let rows = rows(haul, code);
    rows.into_iter().find(|row| row["side"] == "target").expect("a row of the target")
}

/// The target fails so: cause, who acts, parts of the sentence and of what to do.
#[track_caller]
fn fails(haul: &Move, code: i32, (cause, who): (&str, &str), sentence: &[&str], remedy: &[&str]) -> Value {
    let row = target(haul, code);
    assert_eq!((row["cause"].as_str(), row["who"].as_str()), (Some(cause), Some(who)), "{row:#}");
    for part in sentence {
        assert!(row["detail"].as_str().unwrap().contains(part), "no `{part}` in {row:#}");
    }
    for part in remedy {
        assert!(row["remedy"].as_str().unwrap().contains(part), "no `{part}` in {row:#}");
    }
    row
}

/// Dovecot, Cyrus and Courier answer a wrong password and an unknown mailbox with the same words.
#[test]
fn a_refused_log_in_names_what_it_may_be() {
    let mut hosts = vec![Host::New, Host::Cyrus];
    hosts.extend(courier().map(|_| Host::Courier));
    for host in hosts {
        let usual = Account::new(host);
        let wrong = Account { password: "not the password".into(), ..usual.clone() };
        let missing = Account { user: format!("nobody-{}", usual.user), ..usual };
        for to in [wrong, missing] {
            let haul = Move::between(Account::new(Host::Old), to);
            let sentence = ["the server refused the log-in", "a mailbox that is not there yet"];
            let remedy = ["check the target password", "`mailhaul provision`", "IMAP is switched on"];
            fails(&haul, 4, ("auth-or-missing", "operator"), &sentence, &remedy);
            let page = haul.mailhaul(&["check"]).expect(4);
            page.says(&["target: auth-or-missing", "you: check the target password", "0 ready, 1 not"]);
        }
    }
    // At the source it is the client who knows the password.
    let mut haul = Move::usual();
    haul.from.password = "not the password".into();
    haul.rewrite(|_| ());
    let rows = rows(&haul, 4);
    let source = rows.iter().find(|row| row["side"] == "source").unwrap();
    assert_eq!((source["cause"].as_str(), source["who"].as_str()), (Some("auth-refused"), Some("client")));
}

/// `nologin` of a Dovecot: the password is right, and the answer is `[CONTACTADMIN]`.
#[test]
fn a_log_in_that_is_switched_off() {
    let folder = workdir::folder("off");
    let off = folder.join("off");
    std::fs::write(&off, "off@new.example:{PLAIN}secret::::::nologin\n").unwrap();
    let mut options = DovecotOptions::slash().user(User::new("on@new.example", "secret"));
    options.extra = format!("passdb {{\n  driver = passwd-file\n  args = {}\n}}\n", off.display());
    let server = Dovecot::start(&options, &dovecots().certs);
    let mut haul = Move::usual();
    (haul.to.user, haul.to.password) = ("off@new.example".into(), "secret".into());
    haul.rewrite(|spec| spec.target.port = server.tls_port);
    fails(&haul, 4, ("imap-disabled", "new-host"), &["[CONTACTADMIN]"], &["switch IMAP"]);
}

/// The fingerprint in a line that can be pasted, out of a remedy.
fn line(row: &Value) -> String {
    let remedy = row["remedy"].as_str().unwrap();
    let from = remedy.find("fingerprint = \"").unwrap_or_else(|| panic!("no line in {remedy}"));
    let line: String = remedy[from..].chars().take_while(|c| *c != '`').collect();
    assert!(remedy.contains("under `[target]`"), "{remedy}");
    line
}

/// Expired, for another name, by a stranger: each is told with what it says, and each can be trusted as it
/// is by the line that `check` prints; another one under the same line is not.
#[test]
fn a_certificate_that_is_not_trusted_can_be_pinned() {
    let port = dovecots().new.tls_port;
    let haul = Move::loaded(301, 5);
    let at = |address: &str| Side::tls(port, &dovecots().certs.ca).at(address);
    let mut lines = Vec::new();
    for (address, (cause, who), sentence, remedy) in [
        ("127.0.0.3", ("tls-expired", "new-host"), "valid from 2020-01-01 to 2021-01-01 only", "renewed"),
        (
            "127.0.0.4",
            ("tls-name", "operator"),
            "it is for mail.elsewhere.example, issued by",
            "`host = \"mail.elsewhere.example\"`",
        ),
        (
            "127.0.0.5",
            ("tls-untrusted", "operator"),
            "issued by an authority nobody trusts",
            "`ca_file = \"ca.pem\"`",
        ),
    ] {
        haul.rewrite(|spec| spec.target = at(address));
        let row = fails(&haul, 5, (cause, who), &[sentence], &[remedy]);
        let facts = &row["certificate"];
        let line = line(&row);
        assert!(line.contains(facts["fingerprint"].as_str().unwrap()), "{row:#}");
        haul.rewrite(|spec| {
            spec.target = at(address);
            spec.target.extra = format!("{line}\n");
        });
        let pinned = target(&haul, 0);
        assert_eq!(pinned["certificate"]["fingerprint"], facts["fingerprint"]);
        haul.mailhaul(&["check"]).expect(0).says(&["certificate: target"]);
        lines.push((address, line));
    }
    // STARTTLS is no way around it, nor another server's certificate.
    haul.rewrite(|spec| {
        spec.target = Side::starttls(dovecots().new.plain_port, &dovecots().certs.ca).at("127.0.0.3");
        spec.target.extra = format!("{}\n", lines[1].1);
    });
    let sentence = ["another than the pinned one: sha256:"];
    fails(&haul, 5, ("tls-untrusted", "operator"), &sentence, &["has a new certificate", &lines[0].1]);
    haul.rewrite(|spec| {
        spec.target = at("127.0.0.3");
        spec.target.extra = format!("{}\n", lines[0].1);
    });
    haul.mailhaul(&["check"]).expect(0).says(&["it has ended, and is trusted by its fingerprint alone"]);
    haul.mailhaul(&["run"]).expect(0);
}

#[test]
fn ports_that_speak_otherwise() {
    let servers = dovecots();
    let haul = Move::loaded(302, 5);
    haul.rewrite(|spec| spec.target = Side::tls(servers.new.plain_port, &servers.certs.ca));
    let remedy =
        format!("write `port = {}` and `tls = \"starttls\"` under `[target]`", servers.new.plain_port);
    fails(&haul, 5, ("tls-on-plain-port", "operator"), &["it offers STARTTLS"], &[&remedy]);
    haul.rewrite(|spec| spec.target = Side::starttls(servers.new.tls_port, &servers.certs.ca));
    fails(&haul, 5, ("plain-on-tls-port", "operator"), &["speaks TLS"], &["`tls = \"implicit\"`"]);

    let smtp = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = smtp.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in smtp.incoming() {
            stream.and_then(|mut stream| stream.write_all(b"220 mail.example ESMTP Postfix\r\n")).ok();
        }
    });
    for side in [Side::tls(port, &servers.certs.ca), Side::starttls(port, &servers.certs.ca)] {
        haul.rewrite(|spec| spec.target = side);
        let remedy = ["set the `host` and `port` of an IMAP server under `[target]`"];
        fails(&haul, 5, ("other-protocol", "operator"), &["the port speaks SMTP, not IMAP"], &remedy);
    }
}

#[test]
fn ports_that_do_not_answer() {
    let haul = Move::loaded(303, 5);
    let proxy = Proxy::start(haul.to.tls_port());
    haul.rewrite(|spec| spec.target.port = proxy.port);
    // A firewall that swallows: the connection is there, and nothing comes of it.
    proxy.hold_after(Way::ToClient, 0);
    let sentence = ["within 30 seconds", "993"];
    fails(&haul, 5, ("filtered", "operator"), &sentence, &["check `host` and `port` under `[target]`"]);
    haul.rewrite(|spec| spec.target = Side::tls(993, &dovecots().certs.ca).at("no-such-host.invalid"));
    fails(&haul, 5, ("name-unknown", "operator"), &["not known"], &["check `host` under `[target]`"]);
}

/// Figures for a price list, in the list's order, with what to know before the move.
#[test]
fn figures_come_as_numbers_and_as_a_table() {
    let haul = Move::loaded(304, 12);
    let full = Account::special(Host::New, User::new("narrow@new.example", "small").quota(1));
    let second = Move::between(Account::new(Host::Old), full);
    second.load(mailhaul_lab::corpus::Recipe::small(305, 20, dovecots().old.layout));
    haul.rewrite(|spec| spec.mailboxes.push(second.pair()));
    let rows = rows(&haul, 7);
    let sides: Vec<(&str, &str)> =
        rows.iter().map(|row| (row["mailbox"].as_str().unwrap(), row["side"].as_str().unwrap())).collect();
    let (one, two) = (haul.from.user.as_str(), second.from.user.as_str());
    assert_eq!(sides, [(one, "source"), (one, "target"), (two, "source"), (two, "target")]);
    assert!(rows[0]["messages"].as_u64() > Some(11) && rows[0]["bytes"].as_u64() > Some(0), "{:#}", rows[0]);
    assert_eq!(rows[3]["quota_limit"].as_u64(), Some(1024), "{:#}", rows[3]);
    assert_eq!((rows[3]["cause"].as_str(), rows[3]["who"].as_str()), (Some("quota"), Some("new-host")));
    assert_eq!(rows[0]["certificate"]["names"][0], "localhost", "{:#}", rows[0]);
    let table = haul.mailhaul(&["check", "--format", "csv"]).expect(7).stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("mailbox,side,endpoint,cause,who,"), "{table}");
    assert!(lines.len() == 5 && lines[1].starts_with(&format!("{one},source,")), "{table}");
    assert!(lines[4].contains(",quota,new-host,"), "{table}");
    let page = haul.mailhaul(&["check"]).expect(7);
    let messages = [&rows[0], &rows[2]].iter().filter_map(|row| row["messages"].as_u64()).sum::<u64>();
    page.says(&[&format!("2 mailboxes, {messages} messages, "), ": 1 ready, 1 not"]);

    // Mail that is there already is a note, until it is our own.
    haul.rewrite(|_| ());
    haul.mailhaul(&["run"]).expect(0);
    assert_eq!(target(&haul, 0)["notes"], serde_json::json!([]));
    let again = Move::between(Account::new(Host::Old), haul.to.clone());
    let row = target(&again, 0);
    let note = format!("it holds {} messages already", rows[0]["messages"]);
    assert_eq!(row["notes"][0], note.as_str(), "{row:#}");
}

/// Causes with different codes are 3, and the page says why.
#[test]
fn mixed_causes_say_why_the_code_is_three() {
    let haul = Move::loaded(306, 3);
    let full = Account::special(Host::New, User::new("tiny@new.example", "small").quota(1));
    let second = Move::between(Account::new(Host::Old), full);
    second.load(mailhaul_lab::corpus::Recipe::small(307, 20, dovecots().old.layout));
    let mut third = Move::usual();
    third.to.password = "wrong".into();
    haul.rewrite(|spec| spec.mailboxes.extend([second.pair(), third.pair()]));
    let page = haul.mailhaul(&["check"]).expect(3);
    page.says(&["the exit code is 3, since the causes have different ones: auth-or-missing (4), quota (7)"]);
}
