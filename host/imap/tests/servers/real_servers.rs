//! Against real servers: what they really say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::path::PathBuf;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use mailhaul_imap::{
    Account, AuthMethod, Cause, Changes, FetchItems, Folder, FolderName, FolderPath, FolderStatus, ImapError,
    Login, Preparation, Session, SpecialUse, Timeouts, UidSet, connect, connect_beside,
};
use mailhaul_lab::certs::Certs;
use mailhaul_lab::courier::{self, Courier};
use mailhaul_lab::cyrus::{Cyrus, CyrusOptions};
use mailhaul_lab::dovecot::{Dovecot, DovecotOptions, User};
use mailhaul_lab::imap::Client;
use mailhaul_lab::proxy::{Proxy, Way};
use mailhaul_lab::{install, workdir};
use mailhaul_net::{Dialer, Endpoint, TlsMode};
use sha2::Sha256;

/// Letters outside ASCII, every quoting trap, and a blank at each end.
const ODD: &str = " p\u{e4}\"ss\\w{3}\u{2168}%=,\u{20ac} ";
const TOKEN_KEY: &[u8] = b"a key of the laboratory's own, 32 bytes or more";

struct Lab {
    dovecot: Dovecot,
    dialer: Dialer,
}

/// One Dovecot with every mechanism it has.
fn lab() -> &'static Lab {
    static LAB: OnceLock<Lab> = OnceLock::new();
    LAB.get_or_init(|| {
        install::dovecot().unwrap();
        let certs = Certs::create(&workdir::folder("ca"));
        let mut options = DovecotOptions::slash()
            .user(User::new("ann", "pencil"))
            .user(User::new("odd", ODD))
            .user(User::new("max@example.org", "a=b,c"));
        options.master = Some(("root".into(), "keys".into()));
        options.extra = format!(
            "auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 xoauth2 oauthbearer\n\
             mail_plugins = quota zlib\nprotocol imap {{\n  mail_plugins = quota imap_quota zlib imap_zlib\n}}\n\
             passdb {{\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {}\n}}\n",
            token_validation().display()
        );
        let dialer = Dialer::trusting(&std::fs::read(&certs.ca).unwrap()).unwrap();
        Lab { dovecot: Dovecot::start(&options, &certs), dialer }
    })
}

/// Lets Dovecot check tokens by their signature.
fn token_validation() -> PathBuf {
    let folder = workdir::folder("jwt");
    let keys = folder.join("default/HS256");
    std::fs::create_dir_all(&keys).unwrap();
    std::fs::write(keys.join("default"), STANDARD.encode(TOKEN_KEY)).unwrap();
    let file = folder.join("oauth2.conf");
    let text = format!(
        "introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix={}/\nusername_attribute = sub\n",
        folder.display()
    );
    std::fs::write(&file, text).unwrap();
    file
}

fn token(user: &str) -> String {
    let part = |json: String| URL_SAFE_NO_PAD.encode(json);
    let head = part("{\"alg\":\"HS256\",\"typ\":\"JWT\"}".to_owned());
    let body = part(format!("{{\"sub\":\"{user}\",\"iat\":1600000000,\"exp\":4000000000}}"));
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(TOKEN_KEY).unwrap();
    mac.update(format!("{head}.{body}").as_bytes());
    format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn login(user: &str, method: AuthMethod, secret: &str) -> Login {
    Login { user: user.into(), admin: None, method, secret: secret.as_bytes().to_vec().into() }
}

async fn log_in(login: Login, tls: TlsMode) -> Result<Session, ImapError> {
    connect(&account(login, tls), &Timeouts::default()).await
}

fn account(login: Login, tls: TlsMode) -> Account {
    let lab = lab();
    let port = if tls == TlsMode::Implicit { lab.dovecot.tls_port } else { lab.dovecot.plain_port };
    Account {
        endpoint: Endpoint::with_port("localhost", port, tls),
        dialer: lab.dialer.clone(),
        login,
        allow_cleartext: true,
        compress: false,
    }
}

#[tokio::test]
async fn every_mechanism_lets_the_right_one_in() {
    let methods = [
        AuthMethod::Password,
        AuthMethod::Plain,
        AuthMethod::Login,
        AuthMethod::CramMd5,
        AuthMethod::ScramSha1,
        AuthMethod::ScramSha256,
    ];
    for method in methods {
        for tls in [TlsMode::Implicit, TlsMode::StartTls, TlsMode::None] {
            let mut session = log_in(login("ann", method, "pencil"), tls)
                .await
                .unwrap_or_else(|e| panic!("{method:?} {tls:?}: {e}"));
            session.noop().await.unwrap();
            session.logout().await.unwrap();
        }
        let wrong = log_in(login("ann", method, "pencel"), TlsMode::Implicit).await.err().unwrap();
        assert_eq!(wrong.cause(), Cause::AuthRefused, "{method:?}: {wrong}");
        for (user, secret) in [("odd", ODD), ("max@example.org", "a=b,c")] {
            // Dovecot compares what SCRAM has prepared with what it keeps as it is, which differ for ODD.
            let scram = matches!(method, AuthMethod::ScramSha1 | AuthMethod::ScramSha256);
            if !(scram && secret == ODD) {
                let session = log_in(login(user, method, secret), TlsMode::Implicit).await;
                drop(session.unwrap_or_else(|error| panic!("{method:?} {user}: {error}")));
            }
        }
    }
}

#[tokio::test]
async fn an_administrator_gets_into_the_users_mailbox() {
    let admin = |method| Login { admin: Some("root".into()), ..login("ann", method, "keys") };
    drop(log_in(admin(AuthMethod::PlainAuthzid), TlsMode::Implicit).await.unwrap());
    for method in [AuthMethod::Password, AuthMethod::Login] {
        let pattern = login("ann*root", method, "keys");
        let mut session = log_in(pattern, TlsMode::Implicit).await.unwrap();
        assert!(session.folders().await.unwrap().iter().any(|folder| folder.name.is_inbox()));
    }
    let mut wrong = admin(AuthMethod::PlainAuthzid);
    wrong.user = "nobody".into();
    assert_eq!(log_in(wrong, TlsMode::Implicit).await.err().unwrap().cause(), Cause::AuthOrMissing);
}

#[tokio::test]
async fn tokens_open_the_mailbox_they_are_for() {
    for method in [AuthMethod::Xoauth2, AuthMethod::OauthBearer] {
        let session = log_in(login("ann", method, &token("ann")), TlsMode::Implicit).await;
        drop(session.unwrap_or_else(|error| panic!("{method:?}: {error}\n{}", lab().dovecot.log())));
        let forged = token("ann").replace('.', "x.");
        let error = log_in(login("ann", method, &forged), TlsMode::Implicit).await.err().unwrap();
        assert_eq!(error.cause(), Cause::AuthRefused, "{error}");
    }
}

/// Half a megabyte of mail, compressed on its way, and shorter for it.
#[tokio::test]
async fn a_compressed_session_reads_the_same_mail() {
    let lab = lab();
    lab.dovecot.add_user(User::new("zip", "pencil"));
    let body = "Subject: much of the same\r\n\r\n".to_owned() + &"all work and no play\r\n".repeat(25_000);
    let mut client = lab.dovecot.client("zip");
    client.append_one("INBOX", &[], "01-Jan-2020 00:00:00 +0000", body.as_bytes()).unwrap();
    let proxy = Proxy::start(lab.dovecot.plain_port);
    let login = login("zip", AuthMethod::Password, "pencil");
    let mut account = account(login, TlsMode::None);
    account.compress = true;
    account.endpoint.port = proxy.port;
    let mut session = connect(&account, &Timeouts::default()).await.unwrap();
    assert!(session.facts().has("COMPRESS=DEFLATE"), "Dovecot offers it");
    session.examine(&FolderName::inbox()).await.unwrap();
    let mut messages = session.fetch(UidSet::all(), FetchItems::Full);
    messages.next().await.unwrap().unwrap();
    assert!(messages.body(1 << 20).await.unwrap() == body.as_bytes());
    assert_eq!(messages.next().await.unwrap(), None);
    session.logout().await.unwrap();
    let passed = proxy.passed(Way::ToClient);
    assert!(passed < body.len() as u64 / 10, "{passed} bytes");
}

/// The verbs of a repeated run, against a server that has every extension they use.
#[tokio::test]
async fn changes_moves_and_removals_are_what_they_say() {
    let lab = lab();
    lab.dovecot.add_user(User::new("delta", "pencil"));
    let mut other = lab.dovecot.client("delta");
    for number in 0..5 {
        let body = format!("Subject: {number}\r\n\r\nbody\r\n");
        other.append_one("INBOX", &[], "01-Jan-2020 00:00:00 +0000", body.as_bytes()).unwrap();
    }
    let mut session =
        log_in(login("delta", AuthMethod::Password, "pencil"), TlsMode::Implicit).await.unwrap();
    let before = session.folders_with_status().await.unwrap();
    let figures = |list: &[(Folder, Option<FolderStatus>)], name: &str| {
        let found = list.iter().find(|(folder, _)| folder.path.to_string() == name);
        found.and_then(|(_, status)| status.clone()).unwrap()
    };
    let inbox = figures(&before, "INBOX");
    assert_eq!((inbox.messages, inbox.uid_next), (Some(5), Some(6)));
    assert!(inbox.size.is_some(), "{inbox:?}");

    let opened = session.examine(&FolderName::inbox()).await.unwrap();
    assert_eq!(opened.highest_modseq, inbox.highest_modseq);
    // Cyrus tells one or none of STATUS, see `a_mailbox_id_that_is_none_is_not_asked_for_again`.
    assert!(inbox.mailbox_id.is_none() || inbox.mailbox_id == opened.mailbox_id, "{inbox:?} {opened:?}");
    assert_eq!(session.uids().await.unwrap(), UidSet::range(1, 5));
    let since = inbox.highest_modseq.unwrap();
    let known = UidSet::range(1, 5);
    let nothing = Changes { changed: Vec::new(), vanished: Some(UidSet::default()) };
    assert_eq!(session.changes(since, known.clone()).await.unwrap(), nothing);

    // Somebody else reads one message and removes another.
    other.select("INBOX").unwrap();
    other.store("INBOX", 2, "+FLAGS", &["\\Seen", "$Work"]).unwrap();
    other.delete("INBOX", 4).unwrap();
    let changes = session.changes(since, known.clone()).await.unwrap();
    let changed: Vec<_> =
        changes.changed.iter().map(|message| (message.uid, message.flags.clone())).collect();
    assert_eq!(changed, [(2, ["\\Seen", "$Work"].into_iter().collect())]);
    assert_eq!(changes.vanished, Some(UidSet::range(4, 4)));
    assert_eq!(session.uids().await.unwrap(), [1, 2, 3, 5].into_iter().collect());
    assert!(figures(&session.folders_with_status().await.unwrap(), "INBOX").highest_modseq > Some(since));

    // And we file, copy and remove in a folder made for it.
    let role = SpecialUse::Archive;
    let preparation = Preparation { create: true, role: Some(&role), subscribe: true };
    let put_away = FolderName(b"Put away".to_vec());
    let ready = session.prepare(&put_away, preparation).await.unwrap();
    assert!(ready.created && ready.not_subscribed.is_none() && !ready.selected.read_only);
    assert!(!session.prepare(&put_away, preparation).await.unwrap().created);
    session.select(&FolderName::inbox()).await.unwrap();
    let copied = session.copy(&[1, 3].into_iter().collect(), &put_away).await.unwrap().unwrap();
    assert_eq!(Some(copied.uid_validity), ready.selected.uid_validity);
    assert_eq!(copied.uids, [(1, 1), (3, 2)]);
    let moved = session.move_to(&UidSet::range(5, 5), &put_away).await.unwrap().unwrap();
    assert_eq!(moved.uids, [(5, 3)]);
    session.store_flags(&[1, 2], true, &["\\Deleted"].into_iter().collect()).await.unwrap();
    session.expunge(&UidSet::range(1, 1)).await.unwrap();
    assert_eq!(session.uids().await.unwrap(), [2, 3].into_iter().collect(), "2 is marked, and stays");
    let after = session.folders_with_status().await.unwrap();
    assert_eq!(figures(&after, "Put away").messages, Some(3));
    assert!(after.iter().any(|(folder, _)| folder.name == put_away && folder.subscribed));
}

/// One repeated run's worth of verbs, with whatever extensions the server has.
async fn repeated_run(account: &Account, other: &mut Client) {
    for number in 0..3 {
        let body = format!("Subject: {number}\r\n\r\nbody\r\n");
        other.append_one("INBOX", &[], "01-Jan-2020 00:00:00 +0000", body.as_bytes()).unwrap();
    }
    let mut session = connect(account, &Timeouts::default()).await.unwrap();
    let facts = session.facts().clone();
    let messages = |list: &[(Folder, Option<FolderStatus>)], path: &FolderPath| {
        let found = list.iter().find(|(folder, _)| folder.path == *path);
        found.and_then(|(_, status)| status.as_ref()?.messages)
    };
    let before = session.folders_with_status().await.unwrap();
    assert_eq!(messages(&before, &FolderPath::inbox()), Some(3), "{facts:?}");
    // A second connection knows the same, whether it had to ask or not.
    let mut second = connect_beside(account, &Timeouts::default(), Some(session.known())).await.unwrap();
    assert_eq!(second.facts(), &facts);
    assert_eq!(second.examine(&FolderName::inbox()).await.unwrap().exists, 3);
    second.logout().await.unwrap();
    // In an order that may be new each time: Dovecot makes the automatic folders as they are opened.
    let sorted = |mut list: Vec<Folder>| {
        list.sort_by(|a, b| a.name.cmp(&b.name));
        list
    };
    let listed = sorted(before.into_iter().map(|(folder, _)| folder).collect());
    assert_eq!(sorted(session.folders().await.unwrap()), listed, "the same without figures");

    let opened = session.examine(&FolderName::inbox()).await.unwrap();
    let known = session.uids().await.unwrap();
    assert_eq!((opened.exists, known.len()), (3, 3));
    let uids: Vec<u32> = known.iter().collect();
    other.store("INBOX", uids[1], "+FLAGS", &["\\Seen"]).unwrap();
    other.delete("INBOX", uids[2]).unwrap();
    match opened.highest_modseq {
        Some(since) => {
            let changes = session.changes(since, known).await.unwrap();
            let changed: Vec<_> =
                changes.changed.iter().map(|message| (message.uid, message.flags.clone())).collect();
            assert_eq!(changed, [(uids[1], ["\\Seen"].into_iter().collect())]);
            let gone = changes.vanished.map(|gone| gone.iter().collect::<Vec<_>>());
            assert_eq!(gone, facts.has("QRESYNC").then(|| vec![uids[2]]));
        }
        None => {
            let changes = session.changes(1, known).await;
            assert!(matches!(changes, Err(ImapError::Unsupported { .. })), "{changes:?}");
        }
    }
    // As a new run would: what is there is read anew.
    session.examine(&FolderName::inbox()).await.unwrap();
    assert_eq!(session.uids().await.unwrap().iter().collect::<Vec<_>>(), uids[..2]);

    let path = FolderPath::parse("Put \u{e4}way");
    let put_away = facts.encode(&path).unwrap();
    let preparation = Preparation { create: true, role: None, subscribe: true };
    let ready = session.prepare(&put_away, preparation).await.unwrap();
    assert!(ready.created && ready.not_subscribed.is_none() && !ready.selected.read_only);
    assert!(!session.prepare(&put_away, preparation).await.unwrap().created);
    session.select(&FolderName::inbox()).await.unwrap();
    let first = UidSet::range(uids[0], uids[0]);
    let copied = session.copy(&first, &put_away).await.unwrap().unwrap();
    assert_eq!((Some(copied.uid_validity), copied.uids.len()), (ready.selected.uid_validity, 1));
    let second = UidSet::range(uids[1], uids[1]);
    match session.move_to(&second, &put_away).await {
        Ok(moved) => assert_eq!(moved.unwrap().uids.len(), 1),
        Err(error) => {
            assert!(!facts.has("MOVE") && matches!(error, ImapError::Unsupported { .. }), "{error}")
        }
    }
    session.store_flags(&uids[..1], true, &["\\Deleted"].into_iter().collect()).await.unwrap();
    session.expunge(&first).await.unwrap();
    let left = u32::from(!facts.has("MOVE"));
    let after = session.folders_with_status().await.unwrap();
    assert_eq!(messages(&after, &FolderPath::inbox()), Some(left));
    assert_eq!(messages(&after, &path), Some(2 - left));
    assert!(after.iter().any(|(folder, _)| folder.path == path && folder.subscribed));
    session.logout().await.unwrap();
}

fn account_on(port: u16, dialer: &Dialer, login: Login) -> Account {
    let endpoint = Endpoint::with_port("localhost", port, TlsMode::Implicit);
    Account { endpoint, dialer: dialer.clone(), login, allow_cleartext: false, compress: false }
}

#[tokio::test]
async fn a_repeated_run_on_dovecot() {
    let lab = lab();
    lab.dovecot.add_user(User::new("again", "pencil"));
    let account = account(login("again", AuthMethod::Password, "pencil"), TlsMode::Implicit);
    repeated_run(&account, &mut lab.dovecot.client("again")).await;
}

#[tokio::test]
async fn a_repeated_run_on_cyrus_and_its_mechanisms() {
    let certs = Certs::create(&workdir::folder("ca"));
    let dialer = Dialer::trusting(&std::fs::read(&certs.ca).unwrap()).unwrap();
    let users = vec![User::new("ann", "pencil"), User::new("cyrus", "keys")];
    let server = Cyrus::start(&CyrusOptions { users, ..CyrusOptions::default() }, &certs);
    repeated_run(
        &account_on(server.tls_port, &dialer, login("ann", AuthMethod::Password, "pencil")),
        &mut server.client("ann"),
    )
    .await;
    let scram = [AuthMethod::ScramSha1, AuthMethod::ScramSha256];
    for method in [AuthMethod::Login, AuthMethod::CramMd5].into_iter().chain(scram) {
        let account = |secret| account_on(server.tls_port, &dialer, login("ann", method, secret));
        let session = connect(&account("pencil"), &Timeouts::default()).await;
        drop(session.unwrap_or_else(|error| panic!("{method:?}: {error}")));
        let wrong = connect(&account("pencel"), &Timeouts::default()).await.err().unwrap();
        assert_eq!(wrong.cause(), Cause::AuthRefused, "{method:?}: {wrong}");
    }
    for method in [AuthMethod::PlainAuthzid].into_iter().chain(scram) {
        let admin = Login { admin: Some("cyrus".into()), ..login("ann", method, "keys") };
        let session = connect(&account_on(server.tls_port, &dialer, admin), &Timeouts::default()).await;
        drop(session.unwrap_or_else(|error| panic!("{method:?}: {error}")));
    }
}

#[tokio::test]
async fn a_repeated_run_on_courier() {
    if let Some(why) = courier::impossible() {
        eprintln!("not shown on Courier: {why}");
        return;
    }
    let certs = Certs::create(&workdir::folder("ca"));
    let dialer = Dialer::trusting(&std::fs::read(&certs.ca).unwrap()).unwrap();
    let server = Courier::start(&[User::new("ann", "pencil")], &certs);
    repeated_run(
        &account_on(server.tls_port, &dialer, login("ann", AuthMethod::Password, "pencil")),
        &mut server.client("ann"),
    )
    .await;
}
