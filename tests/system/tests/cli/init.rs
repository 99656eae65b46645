//! `init`: servers are found and tried, doubted where only DNS names them, and written down.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use mailhaul_lab::dns::Dns;
use mailhaul_lab::fake::{Fake, Manners};
use mailhaul_lab::runner::{self, Mailhaul};
use unicode_width::UnicodeWidthStr;

use crate::support::mail_servers::{Account, Host, dovecots, folder_with};

/// `init` with the laboratory's authority among the machine's roots.
fn trusting(folder: &Path, arguments: &[&str]) -> Mailhaul {
    let ca = dovecots().certs.ca.display().to_string();
    Mailhaul::new(folder).args(arguments).env("SSL_CERT_FILE", &ca)
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

/// Both ends by flags: tried at once, and `check` takes what was written.
#[test]
fn by_flags_against_servers_that_are_there() {
    let folder = folder_with(&[]);
    let (from, to) = (Account::new(Host::Old), Account::new(Host::New));
    let source = format!("localhost:{} ssl/tls", from.tls_port());
    let target = format!("imap://127.0.0.1:{}", to.plain_port());
    let outcome = trusting(&folder, &["init", "--source", &source, "--target", &target]).run().expect(0);
    let reached = "reached, its certificate is for localhost, 127.0.0.1, 127.0.0.2; issued by mailhaul laboratory, until 2089";
    assert_eq!(outcome.stderr.matches(reached).count(), 2, "{}", outcome.told());
    outcome.says(&[
        &format!("localhost:{}, TLS", from.tls_port()),
        &format!("127.0.0.1:{}, STARTTLS", to.plain_port()),
    ]);

    let rows = format!("{},{},{},{}", from.user, from.password, to.user, to.password);
    let list = read(&folder, "mailboxes.csv");
    fs::write(folder.join("mailboxes.csv"), format!("{}\n{rows}\n", list.trim())).unwrap();
    trusting(&folder, &["check"]).run().expect(0).says(&[&from.user]);
}

/// What DNS alone says is a comment, unless a flag takes it.
#[test]
fn what_dns_alone_says_is_written_as_a_comment() {
    let port = dovecots().old.tls_port;
    let dns = Dns::start();
    dns.srv("_imaps._tcp.firm.example", (0, 0, port), "localhost");
    let (resolver, host) = (dns.address.to_string(), format!("127.0.0.2:{port}"));
    let flags = ["init", "--resolver", &resolver, "--source", "anna@firm.example", "--target", &host];

    let folder = folder_with(&[]);
    let outcome = trusting(&folder, &flags).run().expect(0);
    let outcome = outcome.says(&[
        "reached, its certificate is for localhost",
        "--accept-found",
        "DNS: SRV _imaps._tcp.firm.example",
    ]);
    let toml = read(&folder, "mailhaul.toml");
    let part = toml.split("[source]").nth(1).unwrap().split("#ca_file").next().unwrap();
    let lines = "\n#host = \"localhost\"\n#tls = \"implicit\"";
    assert!(part.contains(lines) && part.contains(&format!("\n#port = {port}\n")), "{toml}");
    assert!(
        part.contains("# Not used, since it was found by DNS or plain http alone, which can be forged."),
        "{toml}"
    );
    assert!(outcome.stderr.contains("decide about the host under `[source]`"), "{}", outcome.told());
    let row = "source_user,source_password,target_user,target_password\na,b,c,d\n";
    fs::write(folder.join("mailboxes.csv"), row).unwrap();
    trusting(&folder, &["check"]).run().expect(2).says(&["host"]);

    let folder = folder_with(&[]);
    trusting(&folder, &flags).args(["--accept-found"]).run().expect(0);
    let toml = read(&folder, "mailhaul.toml");
    assert!(
        toml.contains("\nhost = \"localhost\"\n") && toml.contains(&format!("\nport = {port}\n")),
        "{toml}"
    );
    // Of the address nothing but its domain was asked about.
    assert!(dns.asked().iter().all(|question| !question.contains("anna")), "{:?}", dns.asked());
}

/// What cannot be used is written as it was typed, with the cause and what to do.
#[test]
fn bad_certificates_and_closed_ports_are_told_with_what_to_do() {
    let old = &dovecots().old;
    let [closed] = mailhaul_lab::ports::free();
    for (host, port, said) in [
        ("127.0.0.3", old.tls_port, "has expired: it is for localhost, 127.0.0.1, 127.0.0.3,"),
        ("127.0.0.3", old.tls_port, "fingerprint = \"sha256:"),
        ("127.0.0.4", old.tls_port, "`host = \"mail.elsewhere.example\"`"),
        (
            "127.0.0.5",
            old.tls_port,
            "if the server's operator says that it is the right one, write `fingerprint = \"sha256:",
        ),
        ("127.0.0.1", old.plain_port, "tls = \"starttls\""),
        ("127.0.0.1", closed, "the server refuses connections on this port"),
    ] {
        let folder = folder_with(&[]);
        let port = port.to_string();
        let flags =
            ["init", "--source-host", host, "--source-port", &port, "--source-tls", "ssl", "--no-progress"];
        trusting(&folder, &flags).run().expect(0).says(&["not usable as it is", said]);
        assert!(read(&folder, "mailhaul.toml").contains(&format!("\nhost = \"{host}\"\n")), "{host}");
    }
}

/// Nobody logs in, and nothing is sent that could be a secret.
#[test]
fn nothing_is_sent_but_starttls() {
    let fake = Fake::start(Manners::default());
    let folder = folder_with(&[]);
    let host = format!("127.0.0.1:{} starttls", fake.port);
    Mailhaul::new(&folder)
        .args(["init", "--source", &host])
        .run()
        .expect(0)
        .says(&["STARTTLS failed: the server does not offer it", "993 and 143 do not answer"]);
    let heard = fake.heard();
    assert!(heard.iter().all(|line| line == "CAPABILITY"), "{heard:?}");
}

/// `--no-search` connects to nothing.
#[test]
fn without_a_search_nobody_is_asked() {
    let fake = Fake::start(Manners::default());
    let folder = folder_with(&[]);
    let port = fake.port.to_string();
    let flags = [
        "init",
        "--offline",
        "--source-host",
        "127.0.0.1",
        "--source-port",
        &port,
        "--target",
        "x@gmail.com",
    ];
    Mailhaul::new(&folder).args(flags).run().expect(0).hides("reached");
    assert_eq!(fake.heard(), Vec::<String>::new());
    let toml = read(&folder, "mailhaul.toml");
    assert!(
        toml.contains("\nhost = \"imap.gmail.com\"\n") && toml.contains("thunderbird/autoconfig"),
        "{toml}"
    );
}

/// At a terminal: what a hoster's sheet says is understood, what was found is confirmed, and lines fit.
#[test]
fn at_a_terminal() {
    let port = dovecots().old.tls_port;
    let dns = Dns::start();
    dns.srv("_imaps._tcp.firm.example", (0, 0, port), "localhost");
    let folder = folder_with(&[]);
    let line = format!(
        "stty cols 80 rows 25 -echo; exec '{}' init --resolver {}",
        runner::binary().display(),
        dns.address
    );
    let mut terminal = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(&folder)
        .env("TERM", "xterm-256color")
        .env("NO_COLOR", "1")
        .env("SSL_CERT_FILE", &dovecots().certs.ca)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // A number is a yes; Enter alone is none to a host that only DNS names.
    let answers = format!("https://x\nanna@firm.example\n\n1\nlocalhost:{port} SSL/TLS\n\n");
    terminal.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
    let out = terminal.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).replace('\r', "").replace(&port.to_string(), "PORT");
    assert!(out.status.success(), "{said}");
    // Nobody presses Enter here, so that what is said next stands behind the question.
    let asked = |line: &str| ["]: ", "fill it in later: "].iter().any(|end| line.contains(end));
    let wide: Vec<&str> = said.lines().filter(|line| line.width() > 80 && !asked(line)).collect();
    assert_eq!(wide, Vec::<&str>::new());
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for told in [
        "that is no mail address, no domain and no host",
        "localhost:PORT, TLS from DNS: SRV _imaps._tcp.firm.example",
        "warning: localhost:PORT: it was found by DNS or plain http alone, which can be forged",
        "wrote mailhaul.toml",
    ] {
        assert!(words.contains(told), "{told}\n{said}");
    }
    let toml = read(&folder, "mailhaul.toml");
    assert_eq!(toml.matches("\nhost = \"localhost\"\n").count(), 2, "{toml}");
}
