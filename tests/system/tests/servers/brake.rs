//! The brake on refused log-ins, counted in Dovecot's log, and an outage that is outlasted.

use std::time::Duration;

use mailhaul_lab::process::until;
use mailhaul_lab::proxy::{Proxy, Way};
use mailhaul_lab::runner::Outcome;

use crate::support::compare::{assert_moved, usual};
use crate::support::mail_servers::{Account, Host, Move, dovecots, pair};

const ROWS: usize = 16;

/// Sixteen rows with the same wrong column, so many of which are tried at once.
fn wrong_column(at_once: usize) -> (Move, Vec<(Account, Account)>) {
    let haul = Move::usual();
    let mut rows = vec![(haul.from.clone(), haul.to.clone())];
    rows.extend((1..ROWS).map(|_| (Account::new(Host::Old), Account::new(Host::New))));
    for (_, to) in &mut rows {
        to.password = "the wrong column".to_owned();
    }
    haul.rewrite(|spec| {
        spec.mailboxes = rows.iter().map(|(from, to)| pair(from, to)).collect();
        spec.extra = format!("[limits]\nmailboxes_at_once = {at_once}\n");
    });
    (haul, rows)
}

/// How many log-ins the new host has refused to these accounts, by its own log.
fn refused(rows: &[(Account, Account)]) -> usize {
    let log = dovecots().new.log();
    let of_ours = |line: &&str| rows.iter().any(|(_, to)| line.contains(&format!("user=<{}>", to.user)));
    log.lines().filter(|line| line.contains("auth failed")).filter(of_ours).count()
}

/// What was printed, with names and ports that are the same in every run.
fn page(outcome: &Outcome, rows: &[(Account, Account)]) -> String {
    let mut page = outcome.stdout.replace(&dovecots().new.tls_port.to_string(), "PORT");
    page = page.replace(&dovecots().old.tls_port.to_string(), "OLD");
    for (n, (from, to)) in rows.iter().enumerate() {
        page = page.replace(&from.user, &format!("u{:02}@old", n + 1));
        page = page.replace(&to.user, &format!("u{:02}@new", n + 1));
    }
    page
}

/// fail2ban bans an address after five, for ten minutes or for good.
#[test]
fn a_wrong_column_is_three_refused_log_ins() {
    for command in ["check", "plan", "run"] {
        let (haul, rows) = wrong_column(8);
        haul.mailhaul(&[command]).expect(4);
        assert_eq!(refused(&rows), 3, "{command}");
    }
}

#[test]
fn a_wrong_column_is_two_sentences() {
    let (haul, rows) = wrong_column(1);
    let check = page(&haul.mailhaul(&["check"]).expect(4), &rows);
    let run = haul.mailhaul(&["run"]).expect(4);
    assert_eq!(refused(&rows), 3 + 3);
    // Behind the mailboxes' own lines comes what is left to read on a terminal.
    let run = page(&run, &rows);
    let sum = run.split_once("\nstopped at").map(|(_, sum)| format!("stopped at{sum}")).unwrap_or_default();
    let sum: Vec<&str> = sum.lines().filter(|line| !line.starts_with("copied now")).collect();
    insta::assert_snapshot!(check, @r"
    FAIL  target: auth-or-missing: the server refused the log-in: [AUTHENTICATIONFAILED] Authentication failed; that may be a wrong password, a mailbox that is not there yet, or IMAP switched off; concerns 3 mailboxes: u01@old, u02@old, u03@old (you: check the target password, that the mailbox is there (`mailhaul provision` creates what is missing), that IMAP is switched on for it, and an administrator's rights to it)
    FAIL  target: not-tried: 3 log-ins in a row were refused at 127.0.0.1:PORT, so no more were tried; the last answer was: the server refused the log-in: [AUTHENTICATIONFAILED] Authentication failed.; concerns 13 mailboxes: u04@old, u05@old, u06@old, u07@old, u08@old, u09@old, u10@old, u11@old, u12@old, u13@old, u14@old, u15@old, u16@old (you: mend the target log-ins that were refused, and run the same command again)
      certificate: source 127.0.0.1:OLD: for localhost, 127.0.0.1, 127.0.0.2; issued by mailhaul laboratory, until 2089-01-01
      certificate: target 127.0.0.1:PORT: for localhost, 127.0.0.1, 127.0.0.2; issued by mailhaul laboratory, until 2089-01-01
      profile: source 127.0.0.1: Dovecot (server-profiles 0.1.0): its ID says dovecot; at most 10 connections for one mailbox
    16 mailboxes, 0 messages, 0 B: 0 ready, 16 not
    ");
    insta::assert_snapshot!(sum.join("\n"), @r"
    stopped at the target: auth-or-missing: the server refused the log-in: [AUTHENTICATIONFAILED] Authentication failed; that may be a wrong password, a mailbox that is not there yet, or IMAP switched off
      concerns 3 mailboxes: u01@old, u02@old, u03@old
    stopped at the target: not-tried: 3 log-ins in a row were refused at 127.0.0.1:PORT, so no more were tried; mend the target log-ins that were refused, and run the same command again; the last answer was: the server refused the log-in: [AUTHENTICATIONFAILED] Authentication failed.
      concerns 13 mailboxes: u04@old, u05@old, u06@old, u07@old, u08@old, u09@old, u10@old, u11@old, u12@old, u13@old, u14@old, u15@old, u16@old
    total: 0 of 16 mailboxes complete
      source 0 = 0 copied + 0 already present + 0 skipped + 0 failed + 0 pending
      not in this sum: 16 mailboxes, which this run has not seen
    ");
}

/// A router that restarts takes longer than a few tries.
#[test]
fn an_outage_is_outlasted() {
    let haul = Move::loaded(71, 40);
    let proxy = Proxy::start(haul.to.tls_port());
    haul.rewrite(|spec| spec.target.port = proxy.port);
    proxy.hold_after(Way::ToServer, 20_000);
    let running = haul.command(&["run"]).spawn();
    proxy.wait_held(Duration::from_secs(60));
    proxy.refuse(true);
    proxy.cut();
    let before = proxy.connections();
    // The sixth comes 16 seconds after the first.
    until("the sixth try in vain", Duration::from_secs(60), || {
        (proxy.connections() >= before + 6).then_some(())
    })
    .unwrap();
    proxy.refuse(false);
    running.wait().expect(0);
    assert_moved(&haul.from.snapshot(), &haul.to.snapshot(), usual);
}
