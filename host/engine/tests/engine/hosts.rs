//! `check` of a host that nobody can sign in to: asked once, and told with what mends it; and of a fleet.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mailhaul_engine::cause::{Actor, Cause};
use mailhaul_engine::event::{CheckRow, Event};
use mailhaul_engine::plugin::{
    Creation, ExistingMailbox, ExistingPage, MailboxProvisioner, NewMailbox, PluginError, PluginId,
};
use mailhaul_engine::summary::Side;
use mailhaul_lab::fake::{Fake, Verdict};
use mailhaul_net::{Dialer, TlsMode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::{Instant, sleep, sleep_until};

use crate::doubles::Mailboxes;
use crate::outcome::Outcome;
use crate::stage::Stage;

/// So many mailboxes, eight at a time.
fn fleet(mailboxes: usize) -> Stage {
    let mut stage = Stage::loaded(1);
    let keys: Vec<String> = (0..mailboxes).map(|n| format!("m{n:04}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    stage.plugins.source = Arc::new(Mailboxes::of(&keys));
    stage.job.limits.connections_per_host = 8;
    stage
}

/// The rows of one side.
fn rows(outcome: &Outcome, side: Side) -> Vec<&CheckRow> {
    let events = outcome.events.iter();
    let of_side = events.filter_map(|event| match event {
        Event::Checked(row) if row.side == side => Some(row),
        _ => None,
    });
    of_side.collect()
}

/// Ports that were dialled.
type Dialled = Arc<Mutex<Vec<u16>>>;

/// A target whose ports are opened so; returns which were dialled.
fn opening(
    stage: &mut Stage,
    open: impl Fn(u16) -> io::Result<DuplexStream> + Send + Sync + 'static,
) -> Dialled {
    let dialled = Dialled::default();
    let seen = Arc::clone(&dialled);
    stage.job.target.dialer = Dialer::platform().through(move |endpoint| {
        seen.lock().unwrap().push(endpoint.port);
        std::future::ready(open(endpoint.port))
    });
    dialled
}

fn refused<T>() -> io::Result<T> {
    Err(io::ErrorKind::ConnectionRefused.into())
}

/// A server that says this, and then waits.
fn greeting(line: &'static str) -> io::Result<DuplexStream> {
    let (near, mut far) = duplex(1024);
    tokio::spawn(async move {
        far.write_all(line.as_bytes()).await.ok();
        let mut heard = [0; 64];
        while far.read(&mut heard).await.is_ok_and(|count| count > 0) {}
    });
    Ok(near)
}

/// Five hundred mailboxes, and a port where nobody listens.
#[test]
fn a_host_that_does_not_answer_is_asked_once() {
    let mut stage = fleet(500);
    stage.most *= 20;
    let dialled = opening(&mut stage, |_| refused());
    let outcome = stage.check();
    assert_eq!(*dialled.lock().unwrap(), [143, 993], "the port, and the other usual one");
    let rows = rows(&outcome, Side::Target);
    assert_eq!(rows.len(), 500);
    for row in rows {
        assert_eq!((row.cause, row.who), (Some(Cause::Refused), Some(Actor::Operator)));
        assert!(row.detail.ends_with("(new.example:143); 993 does not answer either"), "{}", row.detail);
        assert!(row.remedy.starts_with("check `port` under `[target]`"), "{}", row.remedy);
    }
}

#[test]
fn the_port_that_answers_is_told_with_the_line_to_write() {
    let mut stage = Stage::loaded(1);
    stage.job.target.server.port = Some(993);
    stage.target.manners(|m| m.capability = "IMAP4rev1 STARTTLS".into());
    let server = stage.target.clone();
    let dialled = opening(&mut stage, move |port| match port {
        143 => Ok(server.connect()),
        _ => refused(),
    });
    let outcome = stage.check();
    let row = rows(&outcome, Side::Target)[0];
    assert!(row.detail.ends_with("; 143 answers, 993 does not"), "{}", row.detail);
    assert_eq!(row.remedy, "write `port = 143` and `tls = \"starttls\"` under `[target]`");
    assert_eq!(*dialled.lock().unwrap(), [993, 143]);
    assert!(!stage.target.heard().iter().any(|line| line.starts_with("LOGIN")), "nobody logs in there");

    // In clear alone it is nothing to recommend.
    stage.target.manners(|m| m.capability = "IMAP4rev1".into());
    let outcome = stage.check();
    let row = rows(&outcome, Side::Target)[0];
    assert!(row.detail.ends_with("; 143 answers, and in clear only"), "{}", row.detail);
    assert!(!row.remedy.contains("143"), "{}", row.remedy);
}

#[test]
fn another_protocol_on_the_port_is_named() {
    for (line, name) in [
        ("220 mail.example ESMTP Postfix\r\n", "SMTP"),
        ("+OK Dovecot ready.\r\n", "POP3"),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP"),
        ("SSH-2.0-OpenSSH_9.2p1\r\n", "SSH"),
    ] {
        let mut stage = Stage::loaded(1);
        stage.job.target.server.port = Some(25);
        opening(&mut stage, move |port| if port == 25 { greeting(line) } else { refused() });
        let outcome = stage.check();
        let row = rows(&outcome, Side::Target)[0];
        assert_eq!(row.cause, Some(Cause::OtherProtocol), "{}", row.detail);
        let said = format!(
            "the port speaks {name}, not IMAP (new.example:25): {}",
            line.trim().trim_end_matches('.')
        );
        assert!(row.detail.starts_with(&said), "{}", row.detail);
        assert_eq!(row.remedy, "set the `host` and `port` of an IMAP server under `[target]`");
    }
}

/// A web server waits to be asked.
#[test]
fn a_silent_port_is_asked_what_it_speaks() {
    let mut stage = Stage::loaded(1);
    stage.job.target.server.port = Some(8080);
    opening(&mut stage, |port| {
        let (near, mut far) = duplex(1024);
        if port != 8080 {
            return refused();
        }
        tokio::spawn(async move {
            let mut heard = [0; 64];
            while far.read(&mut heard).await.is_ok_and(|count| count > 0) {
                far.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.ok();
            }
        });
        Ok(near)
    });
    let outcome = stage.check();
    let row = rows(&outcome, Side::Target)[0];
    assert_eq!(row.cause, Some(Cause::OtherProtocol), "{}", row.detail);
    assert!(row.detail.starts_with("the port speaks HTTP"), "{}", row.detail);
    assert!(
        outcome.waited < Duration::from_secs(15),
        "a greeting is not waited for to the end: {:?}",
        outcome.waited
    );
}

/// A server that was never told of TLS: no fault that passes, and the port that has it is looked for.
#[test]
fn a_port_without_starttls_is_the_operators_and_the_other_port_is_named() {
    let mut stage = Stage::loaded(1);
    stage.job.target.server.tls = TlsMode::StartTls;
    stage.job.target.server.port = Some(143);
    stage.target.manners(|m| m.capability = "IMAP4rev1".into());
    let server = stage.target.clone();
    opening(&mut stage, move |port| if port == 143 { Ok(server.connect()) } else { refused() });
    let outcome = stage.check();
    let row = rows(&outcome, Side::Target)[0];
    assert_eq!((row.cause, row.who), (Some(Cause::TlsOnPlainPort), Some(Actor::Operator)), "{}", row.detail);
    assert!(row.detail.ends_with("; 993 does not answer"), "{}", row.detail);
    assert!(row.remedy.contains("usually 993"), "{}", row.remedy);
    assert!(!stage.target.heard().iter().any(|line| line.starts_with("LOGIN")), "no password in clear");
}

/// Two connections and no third, and no other port is asked what the first was asked already.
#[test]
fn a_port_that_says_nothing_is_asked_once_more() {
    let mut stage = fleet(50);
    stage.most *= 20;
    stage.job.target.server.port = Some(993);
    stage.job.target.server.tls = TlsMode::Implicit;
    let dialled = opening(&mut stage, |port| if port == 993 { greeting("") } else { refused() });
    let outcome = stage.check();
    let row = rows(&outcome, Side::Target)[0];
    assert_eq!(row.cause, Some(Cause::Filtered), "{}", row.detail);
    let mut ports = dialled.lock().unwrap().clone();
    ports.sort_unstable();
    assert_eq!(ports, [143, 993, 993]);
}

/// A panel that has only some mailboxes.
struct Panel {
    id: PluginId,
    has: Vec<String>,
    asked: AtomicUsize,
}

impl Panel {
    fn of(has: &[&str]) -> Arc<Panel> {
        let id = PluginId { id: "panel".into(), version: "1.0.0".into() };
        let has = has.iter().map(|login| (*login).to_owned()).collect();
        Arc::new(Panel { id, has, asked: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl MailboxProvisioner for Panel {
    fn plugin(&self) -> &PluginId {
        &self.id
    }

    fn may_set_quota(&self) -> bool {
        false
    }

    async fn list_mailboxes(
        &self,
        _: Option<&str>,
        _: u32,
        domains: &[String],
    ) -> Result<ExistingPage, PluginError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        assert_eq!(domains, ["new.example"]);
        let mailbox = |login: &String| ExistingMailbox { login: login.clone(), quota: None };
        Ok(ExistingPage { mailboxes: self.has.iter().map(mailbox).collect(), ..ExistingPage::default() })
    }

    async fn create_mailbox(&self, _: &NewMailbox) -> Result<Creation, PluginError> {
        panic!("a check creates nothing")
    }

    async fn set_quota(&self, _: &str, _: u64) -> Result<(), PluginError> {
        panic!("a check changes nothing")
    }
}

fn refuse_all(server: &Fake, answer: &'static str) {
    server.manners(|m| {
        m.on_command = Box::new(move |line| match line {
            "LOGIN" => Verdict::Say(answer.into()),
            _ => Verdict::Go,
        });
    });
}

/// The server says of a wrong password and of a missing mailbox the same; who creates them knows.
#[test]
fn a_refused_log_in_is_looked_up_in_the_listing_once_a_fleet() {
    let mut stage = fleet(20);
    refuse_all(&stage.target, "NO [AUTHENTICATIONFAILED] Authentication failed.");
    let outcome = stage.check();
    let unsure = rows(&outcome, Side::Target);
    let unsure = unsure.iter().find(|row| row.cause == Some(Cause::AuthOrMissing)).unwrap();
    assert!(
        unsure.detail.ends_with("a wrong password, a mailbox that is not there yet, or IMAP switched off")
    );
    for part in ["password", "`mailhaul provision`", "IMAP is switched on"] {
        assert!(unsure.remedy.contains(part), "{}", unsure.remedy);
    }

    let panel = Panel::of(&["m0000@new.example", "M0001@new.example", "other@new.example"]);
    stage.plugins.provisioner = Some(Arc::clone(&panel) as Arc<dyn MailboxProvisioner>);
    let outcome = stage.check();
    let rows = rows(&outcome, Side::Target);
    let of = |cause| rows.iter().filter(|row| row.cause == Some(cause)).count();
    // Three were tried before the brake; what is not there needs no trying.
    assert_eq!((of(Cause::AuthRefused) + of(Cause::NotTried), of(Cause::MailboxMissing)), (2, 18));
    assert_eq!(panel.asked.load(Ordering::Relaxed), 1, "once, not for every mailbox");
    let missing = rows.iter().find(|row| row.cause == Some(Cause::MailboxMissing)).unwrap();
    assert!(missing.detail.contains("panel 1.0.0 does not list it"), "{}", missing.detail);
    assert!(missing.remedy.contains("`mailhaul provision`"), "{}", missing.remedy);
    let tried = rows.iter().find(|row| row.cause == Some(Cause::AuthRefused)).unwrap();
    assert!(tried.detail.ends_with("the mailbox is there, as panel 1.0.0 lists it"), "{}", tried.detail);
    assert_eq!(
        (tried.who, tried.remedy.as_str()),
        (Some(Actor::Operator), "check the target user and password, and that IMAP is on for the mailbox")
    );
}

#[test]
fn a_code_that_is_sure_needs_nobody_else() {
    for (answer, cause) in [
        ("NO [EXPIRED] Password expired", Cause::AuthRefused),
        ("NO [NONEXISTENT] No such user", Cause::MailboxMissing),
        ("NO [CONTACTADMIN] IMAP is disabled for your account", Cause::ImapDisabled),
        ("NO [AUTHORIZATIONFAILED] no", Cause::AuthOrMissing),
        ("NO no such user, and IMAP is disabled", Cause::AuthOrMissing),
    ] {
        let mut stage = fleet(1);
        refuse_all(&stage.target, answer);
        let outcome = stage.check();
        assert_eq!(rows(&outcome, Side::Target)[0].cause, Some(cause), "{answer}");
        stage.plugins.provisioner = Some(Panel::of(&["m0000@new.example"]));
        let known = if cause == Cause::AuthOrMissing { Cause::AuthRefused } else { cause };
        assert_eq!(rows(&stage.check(), Side::Target)[0].cause, Some(known), "{answer}");
        // At the source the list is the evidence.
        let stage = fleet(1);
        refuse_all(&stage.source, "NO [AUTHENTICATIONFAILED] no");
        let outcome = stage.check();
        let row = rows(&outcome, Side::Source)[0];
        assert_eq!((row.cause, row.who), (Some(Cause::AuthRefused), Some(Actor::Client)));
    }
}

/// A connection over which everything takes so long to come.
fn far(server: &Fake, rtt: Duration) -> DuplexStream {
    let (near, mine) = duplex(1 << 16);
    let (mut from_client, mut to_client) = tokio::io::split(mine);
    let (mut from_server, mut to_server) = tokio::io::split(server.connect());
    tokio::spawn(async move {
        tokio::io::copy(&mut from_client, &mut to_server).await.ok();
        to_server.shutdown().await.ok();
    });
    let (due, mut pieces) = tokio::sync::mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = from_server.read(&mut piece).await {
            due.send((Instant::now() + rtt, piece[..count].to_vec())).ok();
        }
    });
    tokio::spawn(async move {
        while let Some((due, piece)) = pieces.recv().await {
            sleep_until(due).await;
            if to_client.write_all(&piece).await.is_err() {
                return;
            }
        }
    });
    near
}

/// 20 ms between us and both hosts; TCP and TLS 1.3 take three of them before the greeting. The clock is not
/// real: what is measured is round trips.
#[test]
fn a_thousand_mailboxes_at_twenty_milliseconds_take_thirty_seconds_at_most() {
    const RTT: Duration = Duration::from_millis(20);
    let mut stage = fleet(1_000);
    stage.most *= 60;
    for (server, side) in [(stage.source.clone(), Side::Source), (stage.target.clone(), Side::Target)] {
        server.manners(|m| {
            m.capability = "IMAP4rev1 LITERAL+ UIDPLUS NAMESPACE ID QUOTA STATUS=SIZE APPENDLIMIT=50".into()
        });
        server.hear_at_most(usize::MAX);
        server.store(|store| {
            store.quota = Some(1 << 20);
            for n in 0..12 {
                store.create(&format!("Folder {n}"));
            }
        });
        let dialer = Dialer::platform().through(move |_| {
            let server = server.clone();
            async move {
                sleep(RTT * 2).await;
                Ok(far(&server, RTT))
            }
        });
        let host = if side == Side::Source { &mut stage.job.source } else { &mut stage.job.target };
        host.dialer = dialer;
    }
    let outcome = stage.check();
    assert!(rows(&outcome, Side::Target).iter().all(|row| row.cause.is_none()), "all are well");
    let took = outcome.waited.as_secs_f64();
    println!("1,000 mailboxes at 20 ms: {took:.1} s, {:.1} round trips each", took * 8.0 / 1_000.0 / 0.02);
    assert!(outcome.waited <= Duration::from_secs(30), "{took} s");
}
