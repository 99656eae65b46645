//! Servers that cannot be reached, trusted or logged in to, or are full.
//!
//! One sentence with mailbox and cause, the right exit code, and every other mailbox goes on.

use std::net::{TcpListener, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

use mailhaul_lab::dovecot::User;
use mailhaul_lab::imap::Snapshot;
use mailhaul_lab::process::until;
use mailhaul_lab::project::Side;
use serde_json::Value;

use crate::support::compare::{assert_complete, assert_moved, assert_same_mail, assert_sums, count, usual};
use crate::support::mail_servers::{Account, Host, Move, dovecots, json, pair};

/// `check --format json` of a project with one mailbox: the row of one side that is not ok, and the exit
/// code.
#[track_caller]
fn checked(haul: &Move, code: i32, side: &str, cause: &str) {
    let outcome = haul.mailhaul(&["check", "--format", "json"]).expect(code);
    let rows = json(&outcome)["checks"].as_array().cloned().unwrap_or_default();
    let row = rows
        .iter()
        .find(|row| row["side"] == side)
        .unwrap_or_else(|| panic!("no row for {side}\n{}", outcome.told()));
    assert_eq!(row["cause"], cause, "{row:#}");
    assert_eq!(row["mailbox"].as_str().map(|m| m.contains(&haul.from.user)), Some(true), "{row:#}");
    assert!(row["remedy"].as_str().is_some_and(|remedy| remedy.len() > 10), "no remedy in {row:#}");
}

/// `run` ends with that code, names mailbox and cause in the report, and has written nothing.
#[track_caller]
fn stopped(haul: &Move, code: i32, side: &str, cause: &str) {
    haul.mailhaul(&["run"]).expect(code).says(&[&haul.from.user]);
    let report = haul.report();
    let mailbox = &report["mailboxes"][0];
    assert_eq!(mailbox["stopped"]["side"], side, "{mailbox:#}");
    assert_eq!(mailbox["stopped"]["cause"], cause, "{mailbox:#}");
    assert!(mailbox["stopped"]["reason"].as_str().is_some_and(|reason| reason.len() > 10), "{mailbox:#}");
    assert_ne!(report["verdict"], "complete");
    assert_sums(&report);
    assert_eq!(count(&haul.to.snapshot()), 0);
}

#[track_caller]
fn bad_target(seed: u64, side: Side, code: i32, cause: &str) {
    let haul = Move::loaded(seed, 10);
    haul.rewrite(|spec| spec.target = side);
    checked(&haul, code, "target", cause);
    stopped(&haul, code, "target", cause);
}

/// A port nobody listens on, nor will: it is the near end of a connection that stays open.
fn closed_port() -> u16 {
    static HELD: OnceLock<(TcpListener, TcpStream)> = OnceLock::new();
    let (_, stream) = HELD.get_or_init(|| {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (listener, stream)
    });
    stream.local_addr().unwrap().port()
}

fn ca() -> &'static std::path::Path {
    &dovecots().certs.ca
}

#[test]
fn nobody_listens() {
    bad_target(51, Side::tls(closed_port(), ca()), 5, "refused");
}

#[test]
fn no_such_name() {
    bad_target(52, Side::tls(993, ca()).at("no-such-host.invalid"), 5, "name-unknown");
}

#[test]
fn tls_on_the_clear_text_port() {
    bad_target(53, Side::tls(dovecots().new.plain_port, ca()), 5, "tls-on-plain-port");
}

#[test]
fn starttls_on_the_tls_port() {
    bad_target(54, Side::starttls(dovecots().new.tls_port, ca()), 5, "plain-on-tls-port");
}

#[test]
fn an_expired_certificate() {
    bad_target(55, Side::tls(dovecots().new.tls_port, ca()).at("127.0.0.3"), 5, "tls-expired");
}

#[test]
fn a_certificate_for_another_name() {
    bad_target(56, Side::tls(dovecots().new.tls_port, ca()).at("127.0.0.4"), 5, "tls-name");
}

#[test]
fn a_certificate_by_a_stranger() {
    bad_target(57, Side::tls(dovecots().new.tls_port, ca()).at("127.0.0.5"), 5, "tls-untrusted");
    // Nor is the laboratory's own trusted unless the project says so.
    let unnamed = Side { ca: None, ..Side::tls(dovecots().new.tls_port, ca()) };
    bad_target(57, unnamed, 5, "tls-untrusted");
    // With STARTTLS it is no different: never a fall back to clear text.
    bad_target(57, Side::starttls(dovecots().new.plain_port, ca()).at("127.0.0.5"), 5, "tls-untrusted");
}

/// Minimal images have none. A side with a `ca_file` does not need them, nor does one in clear text.
#[test]
fn a_machine_without_root_certificates() {
    let haul = Move::loaded(65, 5);
    let check = |haul: &Move| {
        let none = haul.file("no-roots");
        let check = haul.command(&["check"]).env("SSL_CERT_FILE", "/dev/null");
        check.env("SSL_CERT_DIR", &none.display().to_string()).run()
    };
    check(&haul).expect(0);
    haul.rewrite(|spec| spec.target.ca = None);
    check(&haul).expect(5).says(&[&haul.from.user, "root certificates", "ca-certificates"]);
}

/// No server ever sees a password before its certificate is trusted.
#[test]
fn no_log_in_at_a_server_that_is_not_trusted() {
    for address in ["127.0.0.3", "127.0.0.4", "127.0.0.5"] {
        let haul = Move::loaded(58, 5);
        haul.rewrite(|spec| spec.target.host = address.to_owned());
        haul.mailhaul(&["run"]).expect(5);
        let tries = dovecots().new.log().lines().filter(|line| line.contains(&haul.to.user)).count();
        assert_eq!(tries, 0, "the target has been told the user's name");
    }
}

/// A mistyped host that is put right after the first try is no other move: nothing had been copied.
#[test]
fn a_host_that_is_put_right() {
    let haul = Move::loaded(64, 5);
    haul.rewrite(|spec| spec.target.host = "127.0.0.9".to_owned());
    haul.mailhaul(&["run"]).expect(5);
    haul.rewrite(|_| ());
    haul.mailhaul(&["run"]).expect(0);
    assert_moved(&haul.from.snapshot(), &haul.to.snapshot(), usual);
}

#[test]
fn a_wrong_password() {
    let mut haul = Move::loaded(59, 10);
    haul.to.password = "not the password".to_owned();
    haul.rewrite(|_| ());
    checked(&haul, 4, "target", "auth-or-missing");
    let outcome = haul.mailhaul(&["run"]).expect(4);
    assert!(!outcome.told().contains("not the password"), "{}", outcome.told());
    let report = haul.report();
    assert_eq!(report["mailboxes"][0]["stopped"]["cause"], "auth-or-missing", "{report:#}");
    assert_eq!(report["mailboxes"][0]["stopped"]["side"], "target", "{report:#}");

    let mut haul = Move::loaded(59, 10);
    haul.from.password = "not the password".to_owned();
    haul.rewrite(|_| ());
    checked(&haul, 4, "source", "auth-refused");
    haul.mailhaul(&["run"]).expect(4);
    assert_eq!(haul.report()["mailboxes"][0]["stopped"]["side"], "source");
}

/// A wrong password is tried once: more tries lock accounts.
#[test]
fn a_wrong_password_is_tried_once() {
    let mut haul = Move::loaded(60, 10);
    haul.to.password = "not the password".to_owned();
    haul.rewrite(|_| ());
    haul.mailhaul(&["run"]).expect(4);
    let log = dovecots().new.log();
    let tries: Vec<&str> = log
        .lines()
        .filter(|l| l.contains(&format!("user=<{}>", haul.to.user)) && l.contains("auth failed"))
        .collect();
    assert_eq!(tries.len(), 1, "{tries:#?}");
    assert!(tries[0].contains("1 attempts"), "{tries:#?}");
}

/// Four mailboxes, three of them wrong in different ways: the good one arrives, each other is named with its
/// cause, and the exit code says mixed.
#[test]
fn other_mailboxes_go_on() {
    let good = Move::loaded(61, 30);
    let (mut wrong, other) = (Move::loaded(61, 5), Move::loaded(61, 5));
    wrong.from.password = "nope".to_owned();
    let closed = closed_port();
    good.rewrite(|spec| spec.hosts = vec![format!("127.0.0.1:{closed}")]);
    let row = |m: &Move, port: u16| {
        format!("{},{},{},{},{port}\n", m.from.user, m.from.password, m.to.user, m.to.password)
    };
    let list = format!(
        "source_user,source_password,target_user,target_password,target_port\n{}{}{}",
        row(&wrong, good.to.tls_port()),
        row(&other, closed),
        row(&good, good.to.tls_port())
    );
    std::fs::write(good.file("mailboxes.csv"), list).unwrap();
    good.mailhaul(&["check"]).expect(3).says(&[&wrong.from.user, &other.from.user]);
    good.mailhaul(&["run"]).expect(3).says(&[&wrong.from.user, &other.from.user]);
    assert_moved(&good.from.snapshot(), &good.to.snapshot(), usual);
    let report = good.report();
    assert_sums(&report);
    let cause = |user: &str| -> Value {
        let mailbox = report["mailboxes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|m| m["source"].as_str().unwrap().contains(user));
        mailbox.unwrap_or_else(|| panic!("no {user} in {report:#}"))["stopped"]["cause"].clone()
    };
    assert_eq!(cause(&wrong.from.user), "auth-refused");
    assert_eq!(cause(&other.from.user), "refused");
    assert_eq!(cause(&good.from.user), Value::Null);

    // Put right, the same command finishes the rest.
    good.rewrite(|spec| {
        let right = Account { password: bench_password(&wrong), ..wrong.from.clone() };
        spec.mailboxes.push(pair(&right, &wrong.to));
        spec.mailboxes.push(pair(&other.from, &other.to));
    });
    good.mailhaul(&["run"]).expect(0);
    for m in [&good, &other] {
        assert_moved(&m.from.snapshot(), &m.to.snapshot(), usual);
    }
    assert_eq!(count(&wrong.to.snapshot()), count(&good_snapshot(&wrong)));
}

/// The pool's rule for passwords, for an account whose field was made wrong.
fn bench_password(haul: &Move) -> String {
    let number: u32 = haul.from.user[1..4].parse().unwrap();
    format!("pw-old.example-{number}")
}

fn good_snapshot(haul: &Move) -> Snapshot {
    dovecots().old.client(&haul.from.user).snapshot().unwrap()
}

/// One log-in refused and the other mailbox well: every unfinished one failed for that reason.
#[test]
fn one_refused_log_in_among_good_ones() {
    let good = Move::loaded(62, 20);
    let mut wrong = Move::loaded(62, 5);
    wrong.to.password = "nope".to_owned();
    good.rewrite(|spec| spec.mailboxes.push(pair(&wrong.from, &wrong.to)));
    good.mailhaul(&["run"]).expect(4).says(&[&wrong.from.user]);
    assert_moved(&good.from.snapshot(), &good.to.snapshot(), usual);
}

/// A target without room: exit 7 before anything is sent. Told to begin all the same it ends with 7 as well,
/// nothing lost, and when there is room the same command finishes.
#[test]
fn a_full_target() {
    let full = Account::special(Host::New, User::new("full@new.example", "small").quota(150));
    let haul = Move::between(Account::new(Host::Old), full);
    haul.load(mailhaul_lab::corpus::Recipe::small(63, 120, dovecots().old.layout));
    assert!(haul.from.snapshot().values().flatten().map(|m| m.size).sum::<u64>() > 400_000);
    haul.mailhaul(&["run"]).expect(7).says(&["nothing was started", "mailhaul run --over-quota"]);
    assert_eq!(count(&haul.to.snapshot()), 0);
    assert_sums(&haul.report());
    let outcome = haul.mailhaul(&["run", "--over-quota"]).expect(7).says(&[&haul.from.user]);
    assert!(count(&haul.to.snapshot()) > 0);
    // What is left is too much still.
    haul.mailhaul(&["run"]).expect(7).says(&["nothing was started"]);
    haul.mailhaul(&["run", "--over-quota"]).expect(7);
    let report = haul.report();
    assert_sums(&report);
    assert_eq!(report["mailboxes"][0]["stopped"]["cause"], "quota", "{report:#}\n{}", outcome.told());
    assert_eq!(report["mailboxes"][0]["stopped"]["side"], "target", "{report:#}");
    dovecots().new.add_user(User::new("full@new.example", "small"));
    until("Dovecot to know that there is room", Duration::from_secs(10), || {
        haul.to.client().quota_kib("INBOX").unwrap().is_none().then_some(())
    })
    .unwrap();
    haul.mailhaul(&["run"]).expect(0);
    let source = haul.from.snapshot();
    // Smaller mail behind a refused one may have found room before it.
    assert_same_mail(&source, &haul.to.snapshot(), usual);
    assert_complete(&haul.report(), count(&source));
}
