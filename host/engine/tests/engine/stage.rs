//! The stage: two scripted servers, a state folder, a job, and what came of running it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mailhaul_engine::event::{Event, Finish};
use mailhaul_engine::handle::{Command, start};
use mailhaul_engine::job::{HostSettings, IgnoredDifferences, Job, Limits, Selection, Task};
use mailhaul_engine::password_hosts::{Destination, Server};
use mailhaul_engine::plan::{AgreedPlan, MailboxPlan, PlanSettings};
use mailhaul_engine::plugin::{Depth, Plugins, SideProfilers};
use mailhaul_engine::rules::{FolderRule, Pattern, RuleAction};
use mailhaul_engine::run_kind::Requester;
use mailhaul_engine::store;
use mailhaul_imap::{AuthMethod, FolderPath};
use mailhaul_lab::corpus;
use mailhaul_lab::fake::{Fake, Folder, Incoming, Manners, Message, Take};
use mailhaul_net::{Dialer, TlsMode};
use tokio::sync::{Notify, mpsc};

use crate::doubles::{Mailboxes, PASSWORD};
use crate::mail::{Wrong, mail, odd, wrong};
use crate::outcome::Outcome;

/// INTERNALDATE of messages whose date does not matter.
pub(crate) const DATE: &str = "05-May-2021 05:05:05 +0500";
/// The one mailbox's key.
pub(crate) const ANN: &str = "ann";
/// What a task may take of the processor: nothing waits, so that one that is slow does something else than
/// its test says. Real time would tell of the machine as well.
const MOST: Duration = Duration::from_secs(1);

/// Two servers and a project that moves one mailbox from one to the other.
pub(crate) struct Stage {
    pub(crate) source: Fake,
    pub(crate) target: Fake,
    /// What is run; a test may change it between two runs.
    pub(crate) job: Job,
    pub(crate) plugins: Plugins,
    /// Whether the target refuses connections, as a host that is down does.
    pub(crate) down: Arc<AtomicBool>,
    /// What a task may take of the processor: more only where a test has much to do.
    pub(crate) most: Duration,
    kill: Arc<Notify>,
    commands: Arc<Mutex<Option<mpsc::Sender<Command>>>>,
    state: tempfile::TempDir,
}

impl Stage {
    /// Two servers that behave, and no mail.
    pub(crate) fn new() -> Self {
        Self::with(Manners::default(), Manners::default())
    }

    pub(crate) fn with(source: Manners, target: Manners) -> Self {
        let (source, target) = (Fake::in_memory(source), Fake::in_memory(target));
        // In memory where there is such a folder: what a power cut would take is not what these tests are
        // about.
        let state = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let state = state.expect("a folder for the ledgers");
        let down = Arc::new(AtomicBool::new(false));
        let job = Job {
            name: "project".into(),
            state_dir: state.path().join("state"),
            source: host("old.example", &source, &Arc::default()),
            target: host("new.example", &target, &down),
            mailbox_hosts: Vec::new(),
            rules: Vec::new(),
            select: Selection::default(),
            ignore: IgnoredDifferences::default(),
            // One pair, so that what is sent is sent in one order.
            limits: Limits { connections_per_host: 1, connections_are_meant: true, ..Limits::default() },
            plugin_settings: String::new(),
            only: Vec::new(),
            requester: Requester::on_terminal("eve"),
            clock: std::sync::Arc::new(mailhaul_engine::clock::SystemClock),
        };
        let plugins = Plugins {
            source: Arc::new(Mailboxes::one(ANN)),
            mappers: Vec::new(),
            validators: Vec::new(),
            source_profiles: SideProfilers::default(),
            target_profiles: SideProfilers::default(),
            provisioner: None,
        };
        let (kill, commands) = (Arc::default(), Arc::default());
        Self { source, target, job, plugins, down, most: MOST, kill, commands, state }
    }

    /// With so many messages in INBOX: `INBOX 001` and so on.
    pub(crate) fn loaded(count: usize) -> Self {
        let this = Self::new();
        this.load("INBOX", count);
        this
    }

    /// Ten messages, and a target that judges them so.
    pub(crate) fn judged(judge: impl FnMut(&mut Incoming<'_>) -> Take + Send + 'static) -> Self {
        let this = Self::loaded(10);
        this.target.manners(|m| m.on_append = Box::new(judge));
        this
    }

    /// Puts messages into a folder of the source.
    pub(crate) fn load(&self, folder: &str, count: usize) {
        self.source.store(|store| {
            store.create(folder);
            for n in 1..=count {
                store.add(folder, &["\\Seen"], DATE, &message(folder, n));
            }
        });
    }

    /// Changes a folder of the source behind everybody's back.
    pub(crate) fn at_source<T>(&self, folder: &str, change: impl FnOnce(&mut Folder) -> T) -> T {
        self.source.store(|store| change(store.folders.get_mut(folder).expect("a folder of the source")))
    }

    /// Changes a folder of the target behind everybody's back.
    pub(crate) fn at_target<T>(&self, folder: &str, change: impl FnOnce(&mut Folder) -> T) -> T {
        self.target.store(|store| change(store.folders.get_mut(folder).expect("a folder of the target")))
    }

    /// The messages of a folder of the target.
    pub(crate) fn there(&self, folder: &str) -> Vec<Message> {
        self.target.store(|store| store.messages(folder).to_vec())
    }

    /// How many messages of a folder of the target say this.
    pub(crate) fn copies(&self, folder: &str, text: &str) -> usize {
        self.there(folder).iter().filter(|m| m.says(text)).count()
    }

    /// How many messages were sent so far.
    pub(crate) fn sent(&self) -> usize {
        self.target.heard().iter().filter(|line| line.starts_with("APPEND")).count()
    }

    /// Both servers behave from now on, and tell the capabilities that they told.
    pub(crate) fn behave(&self) {
        for server in [&self.source, &self.target] {
            server.manners(|m| *m = Manners::of(&m.capability));
        }
    }

    /// Both ends are one server, which has one account.
    pub(crate) fn one_server(&mut self) {
        self.job.target = host("new.example", &self.source, &self.down);
    }

    /// Another server of the new host's, `other.example`, to which a row can go.
    pub(crate) fn second_target(&mut self) -> Fake {
        let second = Fake::in_memory(Manners::default());
        let (first, other) = (self.target.clone(), second.clone());
        self.job.target.dialer = Dialer::platform().through(move |endpoint| {
            std::future::ready(Ok(if endpoint.host == "other.example" { &other } else { &first }.connect()))
        });
        self.job.mailbox_hosts = vec![Destination { host: "other.example".into(), port: None }];
        second
    }

    /// `[[folders]]`: `None` leaves it out.
    pub(crate) fn rule(&mut self, from: &str, to: Option<&str>) {
        let pattern = |text| Pattern::parse(text).expect("a pattern");
        let action = to.map_or(RuleAction::Skip, |to| RuleAction::To(pattern(to)));
        self.job.rules.push(FolderRule { from: pattern(from), action, place: "mailhaul.toml:1".into() });
    }

    /// A hook calls what this returns to kill the task at that moment: nothing more of it runs.
    pub(crate) fn killer(&self) -> impl Fn() + Send + 'static {
        let kill = Arc::clone(&self.kill);
        move || kill.notify_one()
    }

    /// A hook calls what this returns to have the task asked to stop at that moment.
    pub(crate) fn stopper(&self) -> impl Fn() + Send + 'static {
        let commands = Arc::clone(&self.commands);
        move || {
            // A task that ended, or has been asked often enough, needs no more asking.
            if let Some(commands) = commands.lock().unwrap().as_ref() {
                commands.try_send(Command::Stop).ok();
            }
        }
    }

    /// Runs until the target has a message that says this, `stored` or not, and dies before it hears of it.
    pub(crate) fn killed_at(&self, text: &'static str, stored: bool) {
        let kill = self.killer();
        self.target.manners(|m| {
            m.on_append = Box::new(move |m| {
                if m.says(text) {
                    kill();
                    return Take::Never { stored };
                }
                Take::Store
            });
        });
        let outcome = self.run();
        assert!(outcome.finish.is_none(), "it ended before it was killed");
        self.target.manners(|m| m.on_append = Box::new(|_| Take::Store));
    }

    /// Runs until a message that says this comes to the target, and then listens no more. How long the task
    /// goes on then.
    pub(crate) fn abandoned_at(&self, text: &'static str) -> Duration {
        let reached = Arc::new(Notify::new());
        let here = Arc::clone(&reached);
        self.target.manners(|m| {
            m.on_append = Box::new(move |m| match m.says(text) {
                true => {
                    here.notify_one();
                    Take::Never { stored: false }
                }
                false => Take::Store,
            });
        });
        let goes_on = runtime().block_on(async {
            let task = Task::Run { plan: None, delete_gone: false, over_quota: false };
            let mut handle = start(Arc::new(self.job.clone()), self.plugins.clone(), task);
            loop {
                tokio::select! {
                    biased;
                    () = reached.notified() => break,
                    event = handle.events.recv() => assert!(event.is_some(), "it ended before"),
                }
            }
            drop(handle.events);
            let begun = tokio::time::Instant::now();
            // The commands' other end goes with the task.
            handle.commands.closed().await;
            begun.elapsed()
        });
        self.target.manners(|m| m.on_append = Box::new(|_| Take::Store));
        goes_on
    }

    pub(crate) fn run(&self) -> Outcome {
        self.task(Task::Run { plan: None, delete_gone: false, over_quota: false })
    }

    pub(crate) fn delete_gone(&self) -> Outcome {
        self.task(Task::Run { plan: None, delete_gone: true, over_quota: false })
    }

    /// Runs by a plan that was made by today's settings.
    #[track_caller]
    pub(crate) fn agreed(&self, plan: MailboxPlan) -> Outcome {
        self.by_plan(&AgreedPlan::new(PlanSettings::of(&self.job, &self.plugins), [&plan]))
    }

    /// Runs by a plan.
    #[track_caller]
    pub(crate) fn by_plan(&self, plan: &AgreedPlan) -> Outcome {
        let plan = Some(Arc::new(plan.clone()));
        self.task(Task::Run { plan, delete_gone: false, over_quota: false })
    }

    pub(crate) fn verify(&self, depth: Depth) -> Outcome {
        self.sample(depth, 100)
    }

    pub(crate) fn sample(&self, depth: Depth, sample: u8) -> Outcome {
        self.task(Task::Verify { depth, sample, seed: 7 })
    }

    pub(crate) fn undo(&self) -> Outcome {
        self.task(Task::Undo { folders: Vec::new() })
    }

    /// Undoes it; how many messages were ours and are taken back, by whichever way the target has.
    #[track_caller]
    pub(crate) fn taken_back(&self) -> u64 {
        self.undo().well().undone().iter().map(|undone| undone.removed).sum()
    }

    pub(crate) fn check(&self) -> Outcome {
        self.task(Task::Check)
    }

    /// The plan of the one mailbox.
    #[track_caller]
    pub(crate) fn plan(&self) -> MailboxPlan {
        self.task(Task::Plan).plan()
    }

    /// Drives a task to its end on a runtime of its own. A task that is killed goes with its runtime, as it
    /// would with its process.
    #[track_caller]
    pub(crate) fn task(&self, task: Task) -> Outcome {
        let begun = spent();
        for server in [&self.source, &self.target] {
            server.store(|store| store.show_late(true));
        }
        let runtime = runtime();
        let (events, finish, waited) = runtime.block_on(self.drive(task));
        drop(runtime);
        let project = store::load(&self.job.state_dir, &self.job.name).expect("what is on disk");
        for counts in project.mailboxes.iter().flat_map(|m| &m.folders).map(|f| &f.counts) {
            assert!(counts.adds_up(), "{counts:?}");
        }
        let took = spent() - begun;
        assert!(took < self.most, "it took {took:?} of the processor");
        Outcome { events, finish, project, waited, took }
    }

    async fn drive(&self, task: Task) -> (Vec<Event>, Option<Finish>, Duration) {
        let begun = tokio::time::Instant::now();
        let mut handle = start(Arc::new(self.job.clone()), self.plugins.clone(), task);
        *self.commands.lock().unwrap() = Some(handle.commands.clone());
        let mut events = Vec::new();
        let mut finish = None;
        loop {
            let event = tokio::select! {
                biased;
                () = self.kill.notified() => break,
                event = handle.events.recv() => event,
            };
            match event {
                Some(Event::Finished(end)) => finish = Some(end),
                Some(event) => {
                    assert!(finish.is_none(), "nothing comes behind the end: {event:?}");
                    events.push(event);
                }
                None => break,
            }
        }
        (events, finish, begun.elapsed())
    }

    /// Every message of the source is on the target exactly once, as it is at the source; and nothing else
    /// is.
    #[track_caller]
    pub(crate) fn assert_moved(&self) {
        self.assert_moved_but(|_| false);
    }

    /// The same, without the messages that `left_out` names.
    #[track_caller]
    pub(crate) fn assert_moved_but(&self, left_out: impl Fn(&Message) -> bool) {
        let (want, have) = (mail(&self.source, left_out), mail(&self.target, |_| false));
        assert!(want == have, "wanted:\n{}\nthere instead:\n{}", odd(&want, &have), odd(&have, &want));
    }

    /// What of the source is not exactly once on the target as it is at the source, and in words; `None` when
    /// all is.
    pub(crate) fn unlike(&self) -> Option<(Wrong, String)> {
        let (want, have) = (mail(&self.source, |_| false), mail(&self.target, |_| false));
        Some((wrong(&want, &have)?, odd(&want, &have)))
    }

    /// Text that the state folder keeps anywhere, or that was told.
    pub(crate) fn keeps(&self, outcome: &Outcome, text: &str) -> bool {
        let files = std::fs::read_dir(&self.job.state_dir).into_iter().flatten().flatten();
        let ledgers = std::fs::read_dir(self.job.state_dir.join("ledgers")).into_iter().flatten().flatten();
        let holds = |bytes: Vec<u8>| memchr::memmem::find(&bytes, text.as_bytes()).is_some();
        let on_disk = files.chain(ledgers).any(|file| std::fs::read(file.path()).is_ok_and(holds));
        on_disk || format!("{outcome:?}").contains(text)
    }

    /// The folder of everything that is on disk.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.state.path()
    }
}

/// The n-th message of a folder.
pub(crate) fn message(folder: &str, n: usize) -> Vec<u8> {
    corpus::simple(&format!("{folder} {n:03}"), &format!("text {n} of {folder}"))
}

/// A path in display form.
pub(crate) fn path(text: &str) -> FolderPath {
    FolderPath::parse(text)
}

/// The password of the one mailbox, which must stand nowhere.
pub(crate) fn password() -> &'static str {
    PASSWORD
}

/// What this thread has had of the processor.
fn spent() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(spent).expect("a time that has passed")
}

/// One whose clock goes on by itself when there is nothing to do.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime")
}

fn host(name: &str, server: &Fake, down: &Arc<AtomicBool>) -> HostSettings {
    let (server_here, down) = (server.clone(), Arc::clone(down));
    // A task's streams belong to its runtime: a server is asked for a new one each time.
    let dialer = Dialer::platform().through(move |_| {
        let stream = match down.load(Ordering::Relaxed) {
            true => Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
            false => Ok(server_here.connect()),
        };
        std::future::ready(stream)
    });
    HostSettings {
        server: Server {
            host: Some(name.into()),
            port: Some(server.port),
            tls: TlsMode::None,
            admin_hosts: Vec::new(),
            shared: None,
        },
        dialer,
        method: AuthMethod::Password,
        admin: None,
        user_pattern: None,
        token: None,
        allow_cleartext: true,
        compress: false,
    }
}

/// Keeps what hooks have seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    pub(crate) fn push(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}
