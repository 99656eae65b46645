//! Three mailboxes on servers of their own, and a plugin that misbehaves for the one in the middle.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use mailhaul_guests::{Guest, VICTIM};
use mailhaul_lab::fake::{Fake, Manners};
use mailhaul_lab::runner::{Mailhaul, Outcome, RunningCommand};
use mailhaul_lab::{author, corpus, workdir};
use serde_json::Value;

use crate::support::compare::assert_sums;
use crate::support::fake_servers::with_peak;
use crate::support::mail_servers::json;

/// Nobody waits longer, whatever a guest does: its CPU budget is two seconds, the machine may be busy.
pub(super) const TIME: Duration = Duration::from_secs(40);

/// The most memory of the whole process: `[limits] memory`.
const MEMORY_KIB: u64 = 256 << 10;

const NAMES: [&str; 3] = ["ann", "eve", "joe"];
const VICTIMS: &str = "eve";

/// One mailbox of the project, with a server of its own at each end.
struct Person {
    name: &'static str,
    source: Fake,
    target: Fake,
}

pub(super) struct Project {
    people: Vec<Person>,
    folder: PathBuf,
}

/// Builds the hostile component, once for the process.
pub(super) fn component() -> &'static [u8] {
    static COMPONENT: OnceLock<Vec<u8>> = OnceLock::new();
    COMPONENT.get_or_init(|| {
        let module = fs::read(author::hostile_module().unwrap()).unwrap();
        let manifest = fs::read_to_string(author::checkout().join("tests/guests/plugin.toml")).unwrap();
        mailhaul_componentize::componentize(&module, &manifest).unwrap()
    })
}

impl Project {
    /// Three people with mail, and this file as `hostile.wasm`, which nobody uses yet.
    pub(super) fn new(hostile: &[u8]) -> Self {
        let namespaces = "((\"\" \"/\")) ((\"Other Users/\" \"/\")) NIL".to_owned();
        let people = NAMES.map(|name| {
            let source = Fake::start(Manners::default());
            let target = Fake::start(Manners { namespaces: namespaces.clone(), ..Manners::default() });
            source.store(|store| {
                let third = if name == VICTIMS { VICTIM } else { "Work" };
                for folder in ["INBOX", "Sent", third] {
                    store.create(folder);
                    for n in 1..=3 {
                        let body = corpus::simple(&format!("{name} {folder} {n}"), "text");
                        store.add(folder, &["\\Seen"], crate::support::fake_servers::DATE, &body);
                    }
                }
            });
            Person { name, source, target }
        });
        let project = Self { people: people.into(), folder: workdir::folder("p") };
        let hoard = "a_password,b_password,c_password,d_password\n".to_owned() + &"a,b,c,d\n".repeat(4_096);
        for (name, text) in [("mailboxes.csv", project.list()), ("hoard.csv", hoard)] {
            let file = project.folder.join(name);
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        }
        fs::write(project.folder.join("hostile.wasm"), hostile).unwrap();
        project.configure("csv", "");
        project
    }

    /// `mailboxes.csv`, in the order the hostile source reads it.
    fn list(&self) -> String {
        let header = "source_user,source_password,source_port,target_user,target_password,target_port\n";
        let row = |person: &Person| {
            let Person { name, source, target } = person;
            format!(
                "{name}@old.example,canary-{name},{},{name}@new.example,canary-{name},{}\n",
                source.port, target.port
            )
        };
        header.to_owned() + &self.people.iter().map(row).collect::<String>()
    }

    fn configure(&self, source: &str, plugins: &str) {
        let inputs = if source == "csv" { "" } else { ", hoard = \"hoard.csv\"" };
        let side = "host = \"127.0.0.1\"\ntls = \"none\"\nallow_cleartext = true\n";
        // Everybody's servers have ports of their own.
        let ports = self.people.iter().flat_map(|person| [person.source.port, person.target.port]);
        let hosts: Vec<_> = ports.map(|port| format!("\"127.0.0.1:{port}\"")).collect();
        let text = format!(
            "[project]\nname = \"guests\"\n[source]\n{side}[target]\n{side}[mailboxes]\nfrom = \"{source}\"\n\
             inputs = {{ accounts = \"mailboxes.csv\"{inputs} }}\nhosts = [{}]\n{plugins}",
            hosts.join(", ")
        );
        fs::write(self.folder.join("mailhaul.toml"), text).unwrap();
    }

    /// Host and port of everybody's servers, as settings that the hostile source's grants are about.
    fn servers(&self) -> String {
        let ports = self.people.iter().flat_map(|person| [person.source.port, person.target.port]);
        (1..).zip(ports).map(|(n, port)| format!("server{n} = \"127.0.0.1:{port}\"\n")).collect()
    }

    /// The plugin maps folders, and it is this guest.
    pub(super) fn mapped_by(&self, guest: Guest) {
        self.configure(
            "csv",
            &format!(
                "[plugins]\nmapping = [\"./hostile.wasm\", \"roles\"]\n[plugins.settings.hostile]\nact = \"{}\"\n",
                guest.word()
            ),
        );
    }

    /// The plugin lists the mailboxes, and it is this guest.
    pub(super) fn listed_by(&self, guest: Guest, settings: &str) {
        self.configure(
            "./hostile.wasm",
            &format!(
                "[plugins.secrets.hostile]\ntoken = \"canary-token\"\n[plugins.settings.hostile]\nact = \"{}\"\n\
                 {}{settings}",
                guest.word(),
                self.servers()
            ),
        );
    }

    /// The plugins that ship do everything.
    pub(super) fn without_it(&self) {
        self.configure("csv", "");
    }

    #[track_caller]
    pub(super) fn mailhaul(&self, arguments: &[&str]) -> Outcome {
        Mailhaul::new(&self.folder).args(arguments).run()
    }

    pub(super) fn start(&self, arguments: &[&str]) -> RunningCommand {
        Mailhaul::new(&self.folder).args(arguments).spawn()
    }

    /// `run`, within time and memory, and with nothing on the terminal that a terminal would obey.
    #[track_caller]
    pub(super) fn run(&self) -> Outcome {
        let (outcome, peak) = with_peak(Mailhaul::new(&self.folder).args(["run", "--no-progress"]).spawn());
        assert!(outcome.elapsed < TIME, "{}", outcome.told());
        assert!((1..=MEMORY_KIB).contains(&peak), "{peak} KiB\n{}", outcome.told());
        let told = outcome.told();
        assert!(!told.contains(['\u{1b}', '\u{7}', '\r']), "{told}");
        assert!(!told.contains("canary"), "{told}");
        assert_sums(&self.report());
        outcome
    }

    #[track_caller]
    pub(super) fn report(&self) -> Value {
        json(&self.mailhaul(&["report", "--format", "json"]).expect(0))
    }

    /// Why the victim's mailbox stopped: cause and sentence.
    #[track_caller]
    pub(super) fn stopped(&self) -> (String, String) {
        let report = self.report();
        let mailboxes = report["mailboxes"].as_array().unwrap();
        let eve = mailboxes.iter().find(|mailbox| mailbox["source"] == "eve@old.example");
        let stopped = &eve.unwrap_or_else(|| panic!("no eve in {report:#}"))["stopped"];
        let text = |key: &str| stopped[key].as_str().unwrap_or_else(|| panic!("{report:#}")).to_owned();
        (text("cause"), text("reason"))
    }

    /// The people whose mail has arrived, all of it and once, and nothing else with it.
    pub(super) fn moved(&self) -> Vec<&'static str> {
        let messages = |fake: &Fake| {
            let mut all: Vec<Vec<u8>> = fake.store(|store| {
                store
                    .folders
                    .values()
                    .flat_map(|folder| folder.messages.iter().map(|m| m.body.clone()))
                    .collect()
            });
            all.sort();
            all
        };
        let whole = self.people.iter().filter(|person| messages(&person.source) == messages(&person.target));
        whole.map(|person| person.name).collect()
    }

    /// Asserts that no target holds any mail.
    #[track_caller]
    pub(super) fn assert_nothing_written(&self) {
        for person in &self.people {
            let count: usize = person.target.store(|s| s.folders.values().map(|f| f.messages.len()).sum());
            assert_eq!(count, 0, "{}", person.name);
        }
    }

    /// Where the victim's mail from its folder for guests is.
    pub(super) fn victims_folder(&self) -> Vec<String> {
        let eve = &self.people[1].target;
        eve.store(|store| {
            let with = |folder: &mailhaul_lab::fake::Folder| folder.messages.iter().any(|m| m.says(VICTIM));
            store.folders.iter().filter(|(_, folder)| with(folder)).map(|(name, _)| name.clone()).collect()
        })
    }

    /// The size of the log, and how many of its lines hold this.
    pub(super) fn log(&self, text: &str) -> (u64, usize) {
        let file = self.folder.join(".mailhaul/mailhaul.log");
        let log = String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned();
        assert!(!log.contains(['\u{1b}', '\u{7}']), "escape sequences in the log");
        (log.len() as u64, log.lines().filter(|line| line.contains(text)).count())
    }
}
