//! Sources of mailboxes that misbehave. Whatever they break, they break before anything is written; and what
//! they try beside their work comes to nothing while everybody's mail is moved.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use mailhaul_guests::Guest;
use mailhaul_lab::runner::Outcome;

use super::project::{Project, component};
use super::tests;

const ALL: [&str; 3] = ["ann", "eve", "joe"];

/// The origin in the guests' manifest.
const PANEL: &str = "http://{settings.panel}";

/// A project whose mailboxes this guest lists, with the grants it asks for.
fn listed_by(guest: Guest, settings: &str, private: bool) -> Project {
    let project = Project::new(component());
    project.mailhaul(&["plugin", "add", "./hostile.wasm"]).expect(0);
    project.mailhaul(&["plugin", "grant", "hostile", "--all"]).expect(0);
    if private {
        project.mailhaul(&["plugin", "grant", "hostile", "--private", PANEL]).expect(0);
    }
    project.listed_by(guest, settings);
    project
}

/// The run is refused with this, before anything is written, and goes on without the plugin.
#[track_caller]
fn is_refused(guest: Guest, code: i32, says: &str) {
    let project = listed_by(guest, "", false);
    project.run().expect(code).says(&[says]);
    project.assert_nothing_written();
    project.without_it();
    project.run().expect(0);
    assert_eq!(project.moved(), ALL);
}

/// It breaks, or breaks the contract.
#[track_caller]
fn breaks(guest: Guest, how: &str) {
    is_refused(guest, 6, &format!("plugin `hostile 6.6.6` {how} in `list-mailboxes`"));
}

/// Everybody is moved, and the run says what was refused meanwhile.
#[track_caller]
fn is_denied(guest: Guest, settings: &str, private: bool, says: &[&str]) -> Outcome {
    let project = listed_by(guest, settings, private);
    let outcome = project.run().expect(0).says(says);
    assert_eq!(project.moved(), ALL);
    outcome
}

/// A port to which no guest may connect.
struct Trap(TcpListener);

impl Trap {
    fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn address(&self) -> String {
        format!("localhost:{}", self.0.local_addr().unwrap().port())
    }

    #[track_caller]
    fn assert_untouched(&self) {
        let came = self.0.accept();
        assert!(matches!(&came, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock), "{came:?}");
    }
}

/// A web server of one answer, and what it was asked.
struct Web {
    address: String,
    asked: Arc<Mutex<String>>,
}

impl Web {
    /// Answers with these bytes, and then, where it is `endless`, with more of the last one.
    fn start(answer: String, endless: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(String::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = vec![0; 16 << 10];
                let read = stream.read(&mut request).unwrap_or(0);
                log.lock().unwrap().push_str(&String::from_utf8_lossy(&request[..read]));
                let mut more = stream.write_all(answer.as_bytes());
                while endless && more.is_ok() {
                    more = stream.write_all(&[b'x'; 64 << 10]);
                }
            }
        });
        Self { address, asked }
    }

    fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }

    fn asked(&self) -> String {
        self.asked.lock().unwrap().clone()
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

tests! {
    EmptyPages => empty_pages {
        breaks(
            Guest::EmptyPages,
            "gave an answer that breaks the contract: 1000 empty pages in a row, and still one more",
        );
    }
    EndlessPages => endless_pages {
        breaks(
            Guest::EndlessPages,
            "gave an answer that breaks the contract: it lists more than 250000 mailboxes, the most that one project \
             can hold",
        );
    }
    SameToken => same_token {
        breaks(
            Guest::SameToken,
            "gave an answer that breaks the contract: the token of the next page is that of this one",
        );
    }
    TokensInACircle => tokens_in_a_circle {
        breaks(
            Guest::TokensInACircle,
            "gave an answer that breaks the contract: its pages go round in a circle: a page names one that was there",
        );
    }
    LongToken => long_token {
        breaks(
            Guest::LongToken,
            "gave an answer that breaks the contract: the page token has 5000 bytes, at most 4096 are allowed",
        );
    }
    TooMany => too_many {
        breaks(
            Guest::TooMany,
            "gave an answer that breaks the contract: 1001 mailboxes on a page of at most 1000",
        );
    }
    DuplicateKeys => duplicate_keys {
        breaks(
            Guest::DuplicateKeys,
            "gave an answer that breaks the contract: the key `a` is on one page twice",
        );
    }
    KeyOnTwoPages => key_on_two_pages {
        is_refused(Guest::KeyOnTwoPages, 2, "mailbox `a` is listed twice");
    }
    StealInput => steal_input {
        breaks(Guest::StealInput, "was refused: no input `passwords` was given: name it in the project file, as in `inputs = { passwords = \"FILE\" }`");
    }
    AllHandles => all_handles {
        breaks(Guest::AllHandles, "went over a limit: more than 16384 handles in one call");
    }
    SecretByUrl => secret_by_url {
        let (panel, elsewhere) = (Web::start(OK.into(), false), Web::start(OK.into(), false));
        let settings = format!("panel = \"{}\"\nelsewhere = \"{}\"\n", panel.address, elsewhere.address);
        is_denied(Guest::SecretByUrl, &settings, true, &[
            &format!("the secret `mailboxes.csv:2 source_password` may not be sent to http://{}", panel.address),
            &format!("http://{} was not granted to this call", elsewhere.address),
        ]);
        // Where it may speak it can say what it knows, which is where a password is written.
        let said = panel.asked();
        assert!(said.contains("password=mailboxes.csv%3A2") && !said.contains("canary"), "{said}");
        assert_eq!(elsewhere.asked(), "");
    }
    RebindToLoopback => rebind_to_loopback {
        // The name was granted; that it leads to this machine was not.
        let inside = Web::start(OK.into(), false);
        let settings = format!("panel = \"localhost:{}\"\n", inside.port());
        is_denied(Guest::RebindToLoopback, &settings, false, &["which is not on the internet", "--private"]);
        assert_eq!(inside.asked(), "");
    }
    Redirected => redirected {
        let inside = Web::start(OK.into(), false);
        let to = format!("HTTP/1.1 302 Found\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n", inside.address);
        let panel = Web::start(to, false);
        let settings = format!("panel = \"{}\"\n", panel.address);
        let (from, to) = (&panel.address, &inside.address);
        let says = format!("http://{from} redirects to http://{to}, which was not granted");
        is_denied(Guest::Redirected, &settings, true, &[&says]);
        assert!(panel.asked().starts_with("GET / HTTP/1.1\r\n"));
        assert_eq!(inside.asked(), "");
    }
    EndlessAnswer => endless_answer {
        let panel = Web::start("HTTP/1.1 200 OK\r\n\r\n".into(), true);
        let settings = format!("panel = \"{}\"\n", panel.address);
        is_denied(Guest::EndlessAnswer, &settings, true, &["the reply is larger than 16777216 bytes"]);
    }
    ForeignHost => foreign_host {
        let trap = Trap::set();
        let elsewhere = trap.address();
        let project = listed_by(Guest::ForeignHost, &format!("elsewhere = \"{elsewhere}\"\n"), false);
        for command in [&["check"][..], &["plan"], &["run"], &["verify"]] {
            project.mailhaul(command).expect(2).says(&[
                &format!(
                    "mailbox `ann@old.example` and 2 more mailboxes: their source passwords would go to {elsewhere}, \
                     which `hostile` was not granted"
                ),
                &format!("host = \"{elsewhere}\""),
                &format!("`mailhaul plugin grant hostile '{elsewhere}'`"),
            ]);
        }
        trap.assert_untouched();
        project.assert_nothing_written();
        project.without_it();
        project.run().expect(0);
        assert_eq!(project.moved(), ALL);
    }
    SecretAsPassword => secret_as_password {
        breaks(
            Guest::SecretAsPassword,
            "gave an answer that breaks the contract: the source of `ann@old.example`: the secret `token` was not granted \
             as a password there: a secret that signs in to the source is one of `[[needs.secret]]` with `to = \"source\"` \
             in plugin.toml",
        );
    }
}
