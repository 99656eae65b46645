//! Two fake servers on the loopback that misbehave as told, and a project between them.
//!
//! They are the laboratory's own, for misbehaviour no real server here can be made to show.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mailhaul_lab::corpus;
use mailhaul_lab::fake::{Fake, Incoming, Manners, Message, Take, Verdict};
use mailhaul_lab::imap::date;
use mailhaul_lab::project::{Pair, Side, Spec};
use mailhaul_lab::runner::{Mailhaul, Outcome, RunningCommand};
use mailhaul_lab::workdir;
use serde_json::Value;

use crate::support::mail_servers::json;

/// INTERNALDATE of messages whose date does not matter.
pub(crate) const DATE: &str = "05-May-2021 05:05:05 +0500";

/// Folder, text, flags and date of messages, and how often each is there.
type Counts = BTreeMap<(String, Vec<u8>, Vec<String>, Option<i64>), usize>;

/// Two fake servers and a project that moves the one account's mail to the other.
pub(crate) struct FakeServers {
    pub(crate) source: Fake,
    pub(crate) target: Fake,
    pub(crate) folder: PathBuf,
}

impl FakeServers {
    /// Starts two servers that behave.
    pub(crate) fn new() -> Self {
        Self::with(Manners::default(), Manners::default())
    }

    /// Starts two servers that behave, the source with STATUS=SIZE (RFC 8438).
    pub(crate) fn that_tell_sizes() -> Self {
        let usual = Manners::default();
        Self::with(
            Manners { capability: format!("{} STATUS=SIZE", usual.capability), ..usual },
            Manners::default(),
        )
    }

    pub(crate) fn with(source: Manners, target: Manners) -> Self {
        let this =
            Self { source: Fake::start(source), target: Fake::start(target), folder: workdir::folder("p") };
        // Two servers do not begin at the same second: where all figures are alike, it is one account.
        this.target.store(|store| store.folders.values_mut().for_each(|folder| folder.validity += 1));
        this.spec().write(&this.folder);
        this
    }

    /// With so many messages in INBOX, `subject 1` and so on.
    pub(crate) fn loaded(count: usize) -> Self {
        let this = Self::new();
        this.load("INBOX", count);
        this
    }

    /// Ten messages, and a target that judges them so.
    pub(crate) fn judged(judge: impl FnMut(&mut Incoming<'_>) -> Take + Send + 'static) -> Self {
        let fakes = Self::loaded(10);
        fakes.target.manners(|m| m.on_append = Box::new(judge));
        fakes
    }

    /// Puts messages into a folder of the source.
    pub(crate) fn load(&self, folder: &str, count: usize) {
        self.source.store(|store| {
            store.create(folder);
            for n in 1..=count {
                let body = corpus::simple(&format!("{folder} {n:03}"), &format!("text {n} of {folder}"));
                store.add(folder, &["\\Seen"], DATE, &body);
            }
        });
    }

    pub(crate) fn spec(&self) -> Spec {
        let pair = Pair::new(("ann@old.example", "a"), ("ann@new.example", "b"));
        Spec::new(Side::clear(self.source.port), Side::clear(self.target.port), vec![pair])
    }

    #[track_caller]
    pub(crate) fn mailhaul(&self, arguments: &[&str]) -> Outcome {
        Mailhaul::new(&self.folder).args(arguments).run()
    }

    /// `run` until the code is another than 5, at most so many times; the last outcome.
    #[track_caller]
    pub(crate) fn run_on(&self, times: usize) -> Outcome {
        let mut outcome = self.mailhaul(&["run"]);
        for _ in 1..times {
            if outcome.code != Some(5) {
                break;
            }
            outcome = self.mailhaul(&["run"]);
        }
        outcome
    }

    #[track_caller]
    pub(crate) fn report(&self) -> Value {
        json(&self.mailhaul(&["report", "--format", "json"]).expect(0))
    }

    /// The messages of a folder of the target.
    pub(crate) fn there(&self, folder: &str) -> Vec<Message> {
        self.target.store(|store| store.messages(folder).to_vec())
    }

    /// The commands of one kind that the target has heard.
    pub(crate) fn target_heard(&self, command: &str) -> Vec<String> {
        self.target.heard().into_iter().filter(|line| line.starts_with(command)).collect()
    }

    /// Every message of the source is on the target exactly once, as it is at the source, but for the
    /// folders' order; and nothing else is.
    #[track_caller]
    pub(crate) fn assert_moved(&self) {
        self.assert_moved_but(|_| false);
    }

    /// The same, without the messages that `left_out` names.
    #[track_caller]
    pub(crate) fn assert_moved_but(&self, left_out: impl Fn(&Message) -> bool) {
        let source = self.source.store(|store| store.clone());
        let target = self.target.store(|store| store.clone());
        let all = |store: &mailhaul_lab::fake::Store, all: bool| {
            let mut counts: Counts = BTreeMap::new();
            for (name, folder) in &store.folders {
                for message in folder.messages.iter().filter(|m| all || !left_out(m)) {
                    let mut flags = message.flags.clone();
                    flags.sort();
                    let key = (name.clone(), message.body.clone(), flags, date::instant(&message.date));
                    *counts.entry(key).or_default() += 1;
                }
            }
            counts
        };
        let (want, have) = (all(&source, false), all(&target, true));
        let shown = |from: &Counts, other: &Counts| {
            let odd = from.iter().filter(|(key, count)| other.get(*key) != Some(*count));
            odd.map(|((name, body, flags, at), count)| {
                let body = String::from_utf8_lossy(&body[..body.len().min(400)]).into_owned();
                format!("{count} × {name} {flags:?} {at:?}\n{body}")
            })
            .collect::<Vec<_>>()
            .join("\n")
        };
        assert!(want == have, "wanted:\n{}\nthere instead:\n{}", shown(&want, &have), shown(&have, &want));
    }
}

/// Waits for a process; what came of it, and the most memory it ever had, in KiB.
pub(crate) fn with_peak(running: RunningCommand) -> (Outcome, u64) {
    let pid = running.pid();
    // The kernel keeps the peak; it is read until the process is gone.
    let watch = thread::spawn(move || {
        let mut peak = 0;
        while let Some(kib) = peak_kib(pid) {
            peak = kib;
            thread::sleep(Duration::from_millis(2));
        }
        peak
    });
    let outcome = running.wait();
    (outcome, watch.join().expect("the watch"))
}

/// The most memory this process ever had.
fn peak_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A command that a server keeps waiting for its answer.
pub(crate) struct Gate {
    reached: mpsc::Receiver<()>,
    open: mpsc::Sender<()>,
}

impl Gate {
    /// Holds the first command from now on that begins so.
    pub(crate) fn hold(server: &Fake, command: &'static str) -> Self {
        let (reached_here, reached) = mpsc::channel();
        let (open, opened) = mpsc::channel();
        let mut held = false;
        server.manners(|m| {
            m.on_command = Box::new(move |line| {
                if line.starts_with(command) && !held {
                    held = true;
                    reached_here.send(()).ok();
                    // The other end goes away when the test is over.
                    opened.recv().ok();
                }
                Verdict::Go
            });
        });
        Self { reached, open }
    }

    /// Waits until the command has come; panics after a minute.
    #[track_caller]
    pub(crate) fn wait(&self) {
        self.reached.recv_timeout(Duration::from_secs(60)).expect("the command that is held");
    }

    /// Lets the command be answered.
    pub(crate) fn open(&self) {
        self.open.send(()).ok();
    }
}

/// The exception the report has for a message.
#[track_caller]
pub(crate) fn exception(report: &Value, folder: &str, uid: u32) -> Value {
    report["mailboxes"][0]["exceptions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|e| e["folder"] == folder && e["uid"] == uid)
        .cloned()
        .unwrap_or_else(|| panic!("no exception for {folder} {uid} in {report:#}"))
}

/// How often each subject is in a folder.
pub(crate) fn copies(messages: &[Message], text: &str) -> usize {
    messages.iter().filter(|m| m.says(text)).count()
}
