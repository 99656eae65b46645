//! Fixtures recorded from real servers, and what must not be in them.
//!
//! `plugin record`: what real servers, lists and panels would make a plugin be asked, without a name of
//! theirs.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use mailhaul_lab::workdir;
use serde_json::{Value, json};

use super::authors::{compiled, newcomers};
use crate::support::mail_servers::{Account, Host, Move, at};

/// A copy of the plugin a newcomer has made.
fn plugin(kind: &str) -> PathBuf {
    let name = format!("a-{kind}");
    let (from, to) = (newcomers().join(&name), workdir::folder("q").join(&name));
    fs::create_dir_all(to.join("fixtures")).unwrap();
    for file in ["plugin.toml".to_owned(), format!("{name}.wasm"), "Cargo.toml".to_owned()] {
        fs::copy(from.join(&file), to.join(&file)).unwrap();
    }
    to
}

fn fixture(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Nothing that would tell whose mailboxes these are.
#[track_caller]
fn assert_private(haul: &Move, text: &str) {
    let lower = text.to_lowercase();
    for account in [&haul.from, &haul.to] {
        let domain = account.user.split_once('@').unwrap().1;
        for private in [domain, &account.user, &account.password, "127.0.0.1", "localhost"] {
            assert!(!lower.contains(&private.to_lowercase()), "`{private}` stands in\n{text}");
        }
    }
}

/// What the target's log-in becomes: who has the same name on both hosts stays one person.
fn made_up_target(haul: &Move) -> &'static str {
    let name = |user: &str| user.split('@').next().map(str::to_owned);
    let same = name(&haul.from.user) == name(&haul.to.user);
    if same { "user1@domain2.example" } else { "user2@domain2.example" }
}

/// A mailbox with folders that are named after people, as real ones have.
fn haul(seed: u64) -> Move {
    let haul = Move::loaded(seed, 40);
    haul.from.client().create("Kunden/Süd").unwrap();
    haul.to.client().create(&format!("Shared by {}", haul.to.user)).unwrap();
    haul
}

/// Records and tests: the plugin is held to what was recorded.
#[track_caller]
fn recorded(haul: &Move, kind: &str, extra: &[&str]) -> Value {
    let plugin = plugin(kind);
    let out = plugin.join("fixtures/real.json");
    let (plugin, out) = (plugin.to_str().unwrap(), out.to_str().unwrap());
    let mut arguments = vec!["plugin", "record", kind, "--out", out];
    arguments.extend(extra);
    if !matches!(kind, "mailbox-source" | "mailbox-provisioner") {
        arguments.extend(["--answered-by", plugin]);
    }
    haul.mailhaul(&arguments).expect(0).says(&["is written", "read it before you hand it on"]);
    let text = fs::read_to_string(out).unwrap();
    assert_private(haul, &text);
    at(&haul.folder, &["plugin", "test", plugin]).expect(0).says(&["real", "0 failed"]);
    // Held to it: another answer is a failure.
    let mut wrong = fixture(Path::new(out));
    wrong["answer"] = json!({ "rulings": [], "outcome": "inconclusive", "provider": "x", "mailboxes": [] });
    fs::write(out, wrong.to_string()).unwrap();
    at(&haul.folder, &["plugin", "test", plugin]).expect(6).says(&["1 failed"]);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_mappers_request_from_two_servers() {
    let haul = haul(301);
    let fixture = recorded(&haul, "folder-mapper", &[]);
    let has = |side: &str, path: &str| {
        let folders = fixture["request"][side].as_array().unwrap();
        assert!(folders.iter().any(|folder| folder["path"] == path), "no {path} in {folders:#?}");
    };
    has("source-folders", "Kunden/Süd");
    has("target-folders", &format!("Shared by {}", made_up_target(&haul)));
    assert_eq!(fixture["request"]["source"]["namespace-prefix"], "INBOX.");
    assert_eq!(fixture["request"]["source"]["host"], "source.example");
    let rulings = fixture["answer"]["rulings"].as_array().unwrap();
    assert!(
        rulings.iter().any(|ruling| ruling["decision"]["map-to"]["path"] == "Customers/Süd"),
        "{fixture:#}"
    );
    assert!(!haul.to.snapshot().keys().any(|name| name.starts_with("Customers")), "nothing is written");
}

#[test]
fn a_validators_request_from_two_servers() {
    let haul = haul(302);
    haul.mailhaul(&["run"]).expect(0);
    let fixture = recorded(&haul, "validator", &["--only", &haul.from.user]);
    let request = &fixture["request"];
    let of = |side: &str| request[side].as_array().unwrap().iter();
    let messages =
        |side: &str| -> usize { of(side).map(|folder| folder["messages"].as_array().unwrap().len()).sum() };
    let copied: u64 =
        request["folders"].as_array().unwrap().iter().map(|pair| pair["copied"].as_u64().unwrap()).sum();
    assert_eq!((messages("source") as u64, messages("target") as u64), (copied, copied));
    assert!(copied >= 40, "{copied}");
    let counterparts: usize =
        of("source").map(|folder| folder["counterparts"].as_array().unwrap().len()).sum();
    assert_eq!(counterparts as u64, copied);
    assert!(of("target").any(|folder| folder["roles"] == json!(["sent"])), "{request:#}");
    assert_eq!(fixture["answer"], json!({ "outcome": "pass", "checked-messages": copied }));
}

#[test]
fn a_profiles_request_from_a_server() {
    let haul = haul(303);
    let fixture = recorded(&haul, "server-profile", &["--side", "target"]);
    let server = &fixture["request"]["server"];
    assert_eq!((&fixture["request"]["side"], &server["host"]), (&json!("target"), &json!("target.example")));
    let greeting = server["greeting"].as_str().unwrap();
    assert!(greeting.contains("Dovecot"), "what a profile decides by stays: {greeting}");
    assert!(server["capabilities"].as_array().unwrap().contains(&json!("IMAP4rev1")), "{server:#}");
    assert!(server["id"].as_array().unwrap().contains(&json!(["name", "Dovecot"])), "{server:#}");
    assert_eq!(fixture["answer"], Value::Null);
}

/// A project whose list comes from the newcomer's own source.
fn with_source(haul: &Move) -> PathBuf {
    let source = plugin("mailbox-source");
    fs::copy(source.join("a-mailbox-source.wasm"), haul.file("source.wasm")).unwrap();
    let row = |account: &Account| format!("{},\"{}\"\n", account.user, account.password);
    let users = format!("user,user_password\n{}{}", row(&haul.from), row(&haul.to));
    fs::write(haul.file("users.csv"), users).unwrap();
    let toml = fs::read_to_string(haul.file("mailhaul.toml")).unwrap();
    let toml = toml.replace("from = \"csv\"", "from = \"./source.wasm\"");
    let toml = toml.replace("accounts = \"mailboxes.csv\"", "users = \"users.csv\"");
    fs::write(haul.file("mailhaul.toml"), toml).unwrap();
    haul.mailhaul(&["plugin", "add", "./source.wasm"]).expect(0);
    source
}

#[test]
fn a_sources_first_page_with_its_table() {
    let haul = Move::usual();
    with_source(&haul);
    let fixture = recorded(&haul, "mailbox-source", &[]);
    let table = &fixture["inputs"]["users"];
    assert_eq!(table["file"], "users.csv");
    assert_eq!(
        table["text"],
        "user,user_password\nuser1@domain1.example,made-up-1\nuser2@domain2.example,made-up-2\n"
    );
    let first = &fixture["answer"]["mailboxes"][0];
    assert_eq!(first["key"], "user1@domain1.example");
    assert_eq!(first["source"]["auth"], "users.csv:2 user_password");
}

/// A hosting panel in memory that speaks plain HTTP on loopback.
struct Panel {
    address: String,
    created: Arc<Mutex<Vec<Value>>>,
}

impl Panel {
    fn start(has: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let created = Arc::new(Mutex::new(Vec::new()));
        let (has, seen) = (has.to_owned(), Arc::clone(&created));
        // Ends with the process: it holds nothing.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &has, &seen);
            }
        });
        Self { address, created }
    }
}

fn serve(stream: TcpStream, has: &str, created: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
    let field = |name: &str| {
        head.lines()
            .find_map(|line| line.split_once(": ").filter(|(known, _)| known.eq_ignore_ascii_case(name)))
    };
    assert_eq!(field("authorization").unwrap().1, "Bearer the panel's token");
    let (status, body) = if head.starts_with("POST /api/mailboxes ") {
        let mut body = vec![0; field("content-length").unwrap().1.parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        created.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
        (201, json!({ "by": format!("admin@{}", has.split_once('@').unwrap().1) }))
    } else {
        let domain = head.split_once("domain=").unwrap().1.split_once(' ').unwrap().0;
        let there = has.ends_with(domain).then(|| json!({ "login": has, "quota": 1 << 30 }));
        (200, json!(there.into_iter().collect::<Vec<_>>()))
    };
    let body = body.to_string();
    let reply = format!(
        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nSet-Cookie: a=b\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    reader.into_inner().write_all(reply.as_bytes()).unwrap();
}

/// The newcomer's provisioner, for a panel without TLS.
fn provisioner() -> PathBuf {
    let plain = plugin("mailbox-provisioner");
    let original = newcomers().join("a-mailbox-provisioner");
    let text = |part: &str| fs::read_to_string(original.join(part)).unwrap().replace("https://", "http://");
    let component = compiled(&text("plugin.toml"), &text("src/lib.rs"));
    fs::write(plain.join("a-mailbox-provisioner.wasm"), component).unwrap();
    fs::write(plain.join("plugin.toml"), text("plugin.toml")).unwrap();
    plain
}

#[test]
fn a_provisioners_requests_to_a_panel() {
    // One mailbox is there, the other is not.
    let (haul, other) = (Move::usual(), Account::new(Host::New));
    let panel = Panel::start(&haul.to.user);
    let provisioner = provisioner();
    fs::copy(provisioner.join("a-mailbox-provisioner.wasm"), haul.file("panel.wasm")).unwrap();
    haul.rewrite(|spec| {
        let mut second = spec.mailboxes[0].clone();
        second.source_user = format!("x{}", second.source_user);
        second.target_user.clone_from(&other.user);
        second.target_password.clone_from(&other.password);
        spec.mailboxes.push(second);
        spec.extra = format!(
            "[plugins]\nprovisioning = \"./panel.wasm\"\n[plugins.settings.a-mailbox-provisioner]\nhost = \"{}\"\n\
             [plugins.secrets.a-mailbox-provisioner]\ntoken = \"the panel's token\"\n",
            panel.address
        );
    });
    haul.mailhaul(&["plugin", "add", "./panel.wasm"]).expect(0);
    let origin = "http://{settings.host}";
    haul.mailhaul(&["plugin", "grant", "a-mailbox-provisioner", "--all"]).expect(0);
    haul.mailhaul(&["plugin", "grant", "a-mailbox-provisioner", "--private", origin]).expect(0);

    let out = provisioner.join("fixtures/listing.json");
    let record = |extra: &[&str], out: &Path| {
        let mut arguments = vec!["plugin", "record", "mailbox-provisioner", "--out", out.to_str().unwrap()];
        arguments.extend(extra);
        let outcome = haul.mailhaul(&arguments).expect(0);
        let text = fs::read_to_string(out).unwrap();
        for private in [&other.password, &panel.address, "the panel's token", "a=b", "admin@", &other.user] {
            assert!(!text.contains(private), "`{private}` stands in\n{text}");
        }
        assert_private(&haul, &text);
        (fixture(out), outcome)
    };
    let (listing, _) = record(&[], &out);
    assert_eq!(panel.created.lock().unwrap().len(), 0, "nothing is created unless asked for");
    assert_eq!(listing["request"], json!({ "domains": ["domain2.example"] }));
    let asked = listing["http"][0]["request"].as_str().unwrap();
    assert!(
        asked.starts_with("GET http://source.example:") && asked.ends_with("?domain=domain2.example"),
        "{asked}"
    );
    assert_eq!(listing["answer"]["mailboxes"], json!([{ "login": made_up_target(&haul), "quota": 1 << 30 }]));

    let (creation, outcome) = record(&["--create"], &provisioner.join("fixtures/creation.json"));
    outcome.says(&[&format!("`{}` was created", other.user)]);
    let created = panel.created.lock().unwrap().clone();
    assert_eq!(created.len(), 1);
    assert_eq!((&created[0]["login"], &created[0]["password"]), (&json!(other.user), &json!(other.password)));
    assert_eq!(creation["answer"], "created");
    assert_eq!(creation["http"][0]["status"], 201);
    at(&haul.folder, &["plugin", "test", provisioner.to_str().unwrap()]).expect(0).says(&[
        "creation",
        "listing",
        "2 passed, 0 failed",
    ]);
    // And the command itself, now that there is a panel.
    haul.mailhaul(&["provision", "--dry-run"]).expect(0).says(&[&other.user, "missing", "exists"]);
}

/// What would be ignored is refused.
#[test]
fn options_that_do_not_fit_are_refused() {
    let haul = Move::usual();
    haul.mailhaul(&["plugin", "record", "folder-mapper", "--side", "target"]).expect(2).says(&["`--side`"]);
    haul.mailhaul(&["plugin", "record", "validator", "--create"]).expect(2).says(&["`--create`"]);
    haul.mailhaul(&["plugin", "record", "mailbox-source", "--only", "x"]).expect(2).says(&["`--only`"]);
    haul.mailhaul(&["plugin", "record", "folder-mapper", "--only", "nobody"])
        .expect(2)
        .says(&["no mailbox `nobody`"]);
}
