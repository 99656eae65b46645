//! A password is nowhere but where the user wrote it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use mailhaul_lab::corpus::base64;
use mailhaul_lab::dovecot::User;
use mailhaul_lab::proxy::{Proxy, Way};
use mailhaul_lab::runner::Mailhaul;
use mailhaul_lab::workdir;

use crate::support::compare::{assert_moved, usual};
use crate::support::mail_servers::{Account, Host, MASTER, Move, dovecots};

/// Unlike anything else that could stand in a file.
const CANARY: &str = "c4nary-9f31-Zq7w";
const SECOND: &str = "c4nary-77ad-Yk2p";

fn files(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { files(&path, all) } else { all.push(path) }
    }
}

/// The ways a password could be written: as it is, in base64 alone and as part of SASL PLAIN, in hexadecimal.
fn traces(account: &Account, password: &str) -> Vec<String> {
    let mut all = vec![password.to_owned(), password.bytes().map(|b| format!("{b:02x}")).collect()];
    for before in ["", "a", "ab"] {
        // Base64 looks different at each of three places; its middle is the same whatever stands around it.
        let coded = base64(format!("{before}{password}").as_bytes());
        all.push(coded[4..coded.len() - 4].to_owned());
    }
    all.push(base64(format!("\0{}\0{password}", account.user).as_bytes()));
    all
}

#[track_caller]
fn nowhere(text: &[u8], traces: &[String], place: &str) {
    for trace in traces {
        let found = text.windows(trace.len()).any(|window| window == trace.as_bytes());
        assert!(!found, "a password is in {place} (as {trace})");
    }
}

/// Canaries in the list and, for the admin, in the environment: after a whole move at the highest verbosity,
/// with a wrong password tried too, they are in no file of the project but the list, in no output, and in no
/// argument of the process.
#[test]
fn a_canary_is_found_nowhere() {
    let from = Account::special(Host::Old, User::new("canary@old.example", CANARY));
    let to = Account::special(Host::New, User::new("canary@new.example", SECOND));
    let haul = Move::between(from, to);
    haul.load(mailhaul_lab::corpus::Recipe::small(111, 30, dovecots().old.layout));
    let mut hidden = traces(&haul.from, CANARY);
    hidden.extend(traces(&haul.to, SECOND));

    let proxy = Proxy::start(haul.to.tls_port());
    haul.rewrite(|spec| spec.target.port = proxy.port);
    proxy.hold_after(Way::ToServer, 3_000);
    let running = haul.command(&["run", "-vv"]).env("RUST_LOG", "trace").spawn();
    proxy.wait_held(std::time::Duration::from_secs(60));
    let arguments = fs::read(format!("/proc/{}/cmdline", running.pid())).unwrap();
    nowhere(&arguments, &hidden, "the arguments");
    proxy.release();
    let mut outcomes = vec![running.wait().expect(0)];
    assert_moved(&haul.from.snapshot(), &haul.to.snapshot(), usual);

    for arguments in
        [&["check", "-vv"][..], &["plan", "-vv"], &["verify", "-vv", "--depth", "full"], &["status", "-vv"]]
    {
        outcomes.push(haul.command(arguments).env("RUST_LOG", "trace").run().expect(0));
    }
    for format in ["json", "html", "csv", "junit", "text"] {
        outcomes.push(
            haul.mailhaul(&["report", "--format", format, "--out", &format!("report.{format}")]).expect(0),
        );
    }
    // A refused log-in tempts to tell what was tried.
    let wrong = "c4nary-wr0ng-Xx81";
    haul.rewrite(|spec| spec.mailboxes[0].target_password = wrong.to_owned());
    hidden.extend(traces(&haul.to, wrong));
    outcomes.push(haul.command(&["run", "-vv"]).env("RUST_LOG", "trace").run().expect(4));
    outcomes
        .push(haul.command(&["check", "-vv", "--format", "json"]).env("RUST_LOG", "trace").run().expect(4));

    for outcome in &outcomes {
        nowhere(outcome.stdout.as_bytes(), &hidden, &format!("stdout of {}", outcome.line));
        nowhere(outcome.stderr.as_bytes(), &hidden, &format!("stderr of {}", outcome.line));
    }
    let mut all = Vec::new();
    files(&haul.folder, &mut all);
    let log = all.iter().filter(|path| path.to_string_lossy().contains("log")).count();
    assert!(log > 0 && all.len() > 8, "there is nothing to search: {all:?}");
    for path in all.iter().filter(|path| !path.ends_with("mailboxes.csv")) {
        nowhere(&fs::read(path).unwrap(), &hidden, &path.display().to_string());
    }
}

/// The admin's password from the environment stays there.
#[test]
fn a_password_from_the_environment_stays_there() {
    let haul = Move::loaded(112, 10);
    haul.rewrite(|spec| {
        spec.source.extra =
            format!("admin_user = \"{0}\"\nuser_pattern = \"{{user}}*{0}\"\nadmin_password = {{ env = \"LAB_ADMIN\" }}\n", MASTER.0);
        spec.mailboxes[0].source_password = String::new();
    });
    let hidden = traces(&haul.from, MASTER.1);
    let outcome =
        haul.command(&["run", "-vv"]).env("RUST_LOG", "trace").env("LAB_ADMIN", MASTER.1).run().expect(0);
    nowhere(outcome.stdout.as_bytes(), &hidden, "stdout");
    nowhere(outcome.stderr.as_bytes(), &hidden, "stderr");
    let mut all = Vec::new();
    files(&haul.folder, &mut all);
    for path in all {
        nowhere(&fs::read(&path).unwrap(), &hidden, &path.display().to_string());
    }
}

/// What mailhaul keeps is readable by its owner only.
#[test]
fn state_is_private() {
    let haul = Move::loaded(113, 10);
    haul.mailhaul(&["run"]).expect(0);
    let state = haul.file(".mailhaul");
    let mode = fs::metadata(&state).unwrap().permissions().mode();
    let mut all = Vec::new();
    files(&state, &mut all);
    let open: Vec<_> =
        all.iter().filter(|p| fs::metadata(p).unwrap().permissions().mode() & 0o077 != 0).collect();
    assert!(mode & 0o077 == 0 || open.is_empty(), "others can read the state: {mode:o} {open:?}");
}

/// A folder with these files, readable by their owner alone.
fn folder(files: &[(&str, &str)]) -> PathBuf {
    let folder = workdir::folder("p");
    for (name, text) in files {
        let file = folder.join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    folder
}

/// Rows with a host of their own: neither their passwords nor the administrator's go there, no connection is
/// made, and what is printed, pasted once, allows all of it.
#[test]
fn a_row_with_another_host_gets_no_password() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (source, mailboxes) = (
        "[source]\nhost = \"mail.bank.example\"\ntls = \"none\"\nallow_cleartext = true\n\
         user_pattern = \"{user}*master\"\nadmin_password = { env = \"LAB_ADMIN\" }\n",
        "[mailboxes]\ninputs = { accounts = \"mailboxes.csv\" }\n",
    );
    let target =
        format!("[target]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nallow_cleartext = true\n");
    let list = format!(
        "source_user,source_password,source_host,source_port,target_user,target_password\n\
         anna,{CANARY},localhost,{port},anna@new,{SECOND}\nbert,{CANARY},LOCALHOST.,{port},bert@new,{SECOND}\n\
         carl,,localhost,{port},carl@new,{SECOND}\ndora,,,,dora@new,{SECOND}\n"
    );
    let folder =
        folder(&[("mailhaul.toml", &format!("{source}{target}{mailboxes}")), ("mailboxes.csv", &list)]);
    let mailhaul = |arguments: &[&str]| {
        Mailhaul::new(&folder)
            .args(arguments)
            .env("LAB_ADMIN", "c4nary-adm1n-Uu20")
            .env("RUST_LOG", "trace")
            .run()
    };
    let hosts = format!("hosts = [\"localhost:{port}\"]");
    for command in [&["check"][..], &["plan"], &["run", "--only", "dora"], &["verify"]] {
        let outcome = mailhaul(command).expect(2).says(&[
            &format!(
                "error: mailboxes.csv:2 and one more mailbox: their source passwords would go to localhost:{port}, which the \
                 project file does not allow"
            ),
            &format!("error: mailboxes.csv:4: `[source] admin_password` would go to localhost:{port}, which"),
            &format!("under [mailboxes]:\n        {hosts}\n"),
            &format!("under [source]:\n        admin_{hosts}\n"),
        ]);
        assert!(!outcome.told().contains("c4nary"), "{}", outcome.told());
    }
    let came = listener.accept();
    assert!(matches!(&came, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock), "{came:?}");

    // What was printed, pasted: now it is what the operator wants.
    fs::write(folder.join("mailhaul.toml"), format!("{source}admin_{hosts}\n{target}{mailboxes}{hosts}\n"))
        .unwrap();
    let mut running = Mailhaul::new(&folder).args(["check", "--only", "anna"]).env("LAB_ADMIN", "x").spawn();
    let came = loop {
        match listener.accept() {
            Ok(_) => break true,
            Err(_) if running.alive() => std::thread::yield_now(),
            Err(_) => break false,
        }
    };
    drop(listener);
    let outcome = running.wait();
    assert!(came && !outcome.told().contains("does not allow"), "{}", outcome.told());
}

/// Lists that begin with their first mailbox, and a file of passwords that does: nothing of that row is
/// shown.
#[test]
fn a_list_without_a_header_row_is_not_shown() {
    let toml = "[source]\nhost = \"mail.old.example\"\n[target]\nhost = \"mail.new.example\"\n[mailboxes]\n\
                inputs = { accounts = \"mailboxes.csv\" }\n";
    for (list, says) in [
        (
            format!("anna@old.example,{CANARY},anna@new.example,{SECOND}\n"),
            "column 1 of 4 has no usable name",
        ),
        (
            format!("anna,{CANARY},anna2,{SECOND}\nbert,x,bert2,y\n"),
            "the first line has 4 columns and names none",
        ),
        (format!("anna;{CANARY};target_user;{SECOND}\n"), "column 2 of 4 is not known"),
        (format!("anna,{CANARY},bert,{CANARY}\n"), "columns 2 and 4 have the same name"),
        (format!("anna,{CANARY}\nbert,\"x\n"), "on its line in column 2"),
        (format!("anna,{CANARY},{SECOND}\nbert\n"), "1 cell where the header names 3 columns"),
    ] {
        let folder = folder(&[("mailhaul.toml", toml), ("mailboxes.csv", &list)]);
        let mut told = String::new();
        for command in [&["check", "-vv"][..], &["plan", "-vv"], &["run", "-vv"], &["verify", "-vv"]] {
            let outcome = Mailhaul::new(&folder).args(command).env("RUST_LOG", "trace").run();
            told.push_str(&outcome.expect(2).says(&["mailboxes.csv:", says]).told());
        }
        let mut all = Vec::new();
        files(&folder, &mut all);
        for path in all.iter().filter(|path| !path.ends_with("mailboxes.csv")) {
            told.push_str(&String::from_utf8_lossy(&fs::read(path).unwrap()));
        }
        for password in [CANARY, SECOND] {
            assert!(!told.to_lowercase().contains(&password.to_lowercase()), "{list}{told}");
        }
    }
}
