//! Creating mailboxes against a new host in memory, with a clock that is only looked at.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use mailhaul_engine::cause::{Actor, Cause};
use mailhaul_engine::event::{Event, MailboxEnd};
use mailhaul_engine::plugin::{
    AccountEntry, CharacterClass, Creation, ExistingMailbox, ExistingPage, MailboxEntry, MailboxProvisioner,
    NewMailbox, PasswordPolicy, PluginError, PluginFailure, PluginId,
};
use mailhaul_engine::record::{self, NewRun, RunResult};
use mailhaul_engine::run_kind::{Requester, RunKind};
use mailhaul_engine::summary::{Side, Stopped};
use mailhaul_project::Project;
use secrecy::ExposeSecret as _;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::creating::Work;
use super::doors::Doors;
use super::password_file::Passwords;
use super::telling::Telling;
use super::{Became, Options, PATIENCE, Report, Row, run};
use crate::{Failure, Secret, secrets};

/// Refused log-ins after which the brake is on.
const BRAKE: u32 = 3;

/// A new host: its panel, and the mail servers behind both ends.
struct Host {
    id: PluginId,
    /// Where this is false, setting a quota is denied as without a grant.
    quotas: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    has: BTreeMap<String, Option<u64>>,
    passwords: BTreeMap<String, Vec<u8>>,
    created: HashMap<String, Instant>,
    /// What is asked of it, in order.
    heard: Vec<String>,
    /// It says yes and creates or sets nothing.
    lies: bool,
    /// It does not heed the quota of a new mailbox.
    heedless: bool,
    /// So long after it was created, the panel lists a mailbox, and the mail server has it.
    listed_after: Duration,
    open_after: Duration,
    /// What it answers before it does anything, the first one first.
    answers: VecDeque<PluginFailure>,
    /// Log-ins for which it always answers so.
    broken: BTreeMap<String, String>,
    policy: Option<PasswordPolicy>,
    /// What the source holds, by log-in there.
    sizes: HashMap<String, u64>,
    refused: u32,
    refused_in_a_row: u32,
    taken: bool,
    /// The mail server does not answer.
    away: bool,
    /// The user stops the command after so many were created.
    stop: Option<(usize, watch::Sender<bool>)>,
}

impl Host {
    fn new() -> Self {
        let id = PluginId { id: "panel".into(), version: "1.0.0".into() };
        let mut state = State::default();
        state.has.insert("Anna@new.example".to_owned(), Some(1 << 30));
        state.passwords.insert("anna@new.example".to_owned(), b"geheim".to_vec());
        Self { id, quotas: true, state: Mutex::new(state) }
    }

    fn with(change: impl FnOnce(&mut State)) -> Arc<Self> {
        let host = Self::new();
        change(&mut host.state());
        Arc::new(host)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn answer(&self, call: &str, login: &str) -> Result<(), PluginError> {
        let mut state = self.state();
        state.heard.push(format!("{call} {login}"));
        let broken = state.broken.get(login).cloned().map(PluginFailure::Reported);
        match broken.or_else(|| state.answers.pop_front()) {
            Some(failure) => Err(PluginError { plugin: self.id.clone(), call: call.to_owned(), failure }),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl MailboxProvisioner for Host {
    fn plugin(&self) -> &PluginId {
        &self.id
    }

    fn may_set_quota(&self) -> bool {
        self.quotas
    }

    async fn list_mailboxes(
        &self,
        _: Option<&str>,
        _: u32,
        domains: &[String],
    ) -> Result<ExistingPage, PluginError> {
        assert!(domains.iter().all(|domain| domain == "new.example"), "{domains:?}");
        let state = self.state();
        let listed =
            |login: &String| state.created.get(login).is_none_or(|at| at.elapsed() >= state.listed_after);
        let there = state.has.iter().filter(|(login, _)| listed(login) && !domains.is_empty());
        let mailboxes =
            there.map(|(login, quota)| ExistingMailbox { login: login.clone(), quota: *quota }).collect();
        Ok(ExistingPage { mailboxes, password_policy: state.policy.clone(), ..ExistingPage::default() })
    }

    async fn create_mailbox(&self, mailbox: &NewMailbox) -> Result<Creation, PluginError> {
        self.answer("create", &mailbox.login)?;
        let mut state = self.state();
        if state.has.keys().any(|login| login.eq_ignore_ascii_case(&mailbox.login)) {
            return Ok(Creation::Exists);
        }
        if !state.lies {
            let quota = mailbox.quota.filter(|_| !state.heedless);
            state.has.insert(mailbox.login.clone(), quota);
            state.passwords.insert(mailbox.login.clone(), mailbox.password.expose_secret().to_vec());
            state.created.insert(mailbox.login.clone(), Instant::now());
        }
        if let Some((after, stop)) = &state.stop
            && state.created.len() == *after
        {
            stop.send_replace(true);
        }
        Ok(Creation::Created)
    }

    async fn set_quota(&self, login: &str, quota: u64) -> Result<(), PluginError> {
        if !self.quotas {
            let failure = PluginFailure::Denied("type `mailhaul plugin grant`".to_owned());
            return Err(PluginError { plugin: self.id.clone(), call: "set-quota".to_owned(), failure });
        }
        self.answer("quota", login)?;
        let mut state = self.state();
        if !state.lies {
            let key = state.has.keys().find(|key| key.eq_ignore_ascii_case(login)).unwrap().clone();
            state.has.insert(key, Some(quota));
        }
        Ok(())
    }
}

#[async_trait]
impl Doors for Host {
    fn can_sign_in(&self, entry: &MailboxEntry, side: Side) -> bool {
        let account = if side == Side::Source { &entry.source } else { &entry.target };
        super::creating::has_secret(account)
    }

    fn has_answered(&self, _: &MailboxEntry, side: Side) -> bool {
        assert_eq!(side, Side::Target);
        self.state().taken
    }

    async fn sign_in(&self, entry: &MailboxEntry, side: Side) -> Result<(), Stopped> {
        assert_eq!(side, Side::Target);
        let login = entry.target.login.to_lowercase();
        let mut state = self.state();
        let stopped = |cause, reason: &str| Err(Stopped { side, cause, reason: reason.to_owned() });
        if state.away {
            return stopped(Cause::Refused, "nothing listens");
        }
        if !state.taken && state.refused_in_a_row >= BRAKE {
            return stopped(Cause::NotTried, "the brake is on");
        }
        let known = state.passwords.get(&login).cloned();
        let open = state.created.get(&login).is_none_or(|at| at.elapsed() >= state.open_after);
        let secret = entry.target.secret.as_ref().map(|secret| secret.expose_secret().to_vec());
        if open && known.is_some() && known == secret {
            (state.taken, state.refused_in_a_row) = (true, 0);
            return Ok(());
        }
        state.refused += 1;
        state.refused_in_a_row += 1;
        stopped(Cause::AuthRefused, "[AUTHENTICATIONFAILED] no")
    }

    async fn size(&self, entry: &MailboxEntry) -> Result<Option<u64>, Stopped> {
        Ok(self.state().sizes.get(&entry.source.login).copied())
    }
}

fn entry(login: &str, password: &str, quota: Option<u64>) -> MailboxEntry {
    let secret = |text: &str| Some(Secret::from(text.as_bytes().to_vec()));
    let target =
        AccountEntry { login: login.into(), secret: secret(password), quota, ..AccountEntry::default() };
    let source = login.replace("new", "old");
    let source = AccountEntry { login: source, secret: secret("alt"), ..AccountEntry::default() };
    MailboxEntry { key: login.into(), source, target, ..MailboxEntry::default() }
}

/// Anna is there, Ben and Cleo are not; Cleo has no password.
fn three() -> Vec<MailboxEntry> {
    vec![
        entry("anna@new.example", "geheim", None),
        entry("ben@new.example", "geheim", None),
        entry("cleo@new.example", "", None),
    ]
}

fn many(n: usize) -> Vec<MailboxEntry> {
    (0..n).map(|n| entry(&format!("m{n:03}@new.example"), "", None)).collect()
}

fn project(dir: &Path) -> Project {
    let file = dir.join("mailhaul.toml");
    let text = "[source]\nhost = \"old.example\"\n[target]\nhost = \"mail.new.example\"\n[mailboxes]\n\
                [secrets]\nkey = { file = \"key\" }\n";
    std::fs::write(&file, text).unwrap();
    crate::open_for_work(Some(&file), &mut |text: &str| panic!("{text}")).unwrap()
}

/// One command, in a project folder of its own or of several.
struct Asked<'a> {
    dir: &'a Path,
    host: Arc<Host>,
    options: Options,
    events: Vec<Event>,
    took: Duration,
    by_hand: bool,
}

impl<'a> Asked<'a> {
    fn new(dir: &'a Path, host: &Arc<Host>) -> Self {
        let options = Options { margin: Some(20), ..Options::default() };
        let (events, took) = (Vec::new(), Duration::ZERO);
        Self { dir, host: Arc::clone(host), options, events, took, by_hand: false }
    }

    async fn run(&mut self, mut entries: Vec<MailboxEntry>) -> Result<Report, Failure> {
        let project = project(self.dir);
        // As the list has them, with the store behind it.
        for listed in secrets::stored(&project).into_iter().flatten() {
            let same = |entry: &&mut MailboxEntry| entry.target.login == listed.0;
            let entry = entries.iter_mut().find(same);
            if let Some(entry) = entry.filter(|entry| !super::creating::has_secret(&entry.target)) {
                entry.target.secret = Some(listed.1);
            }
        }
        let (events, mut heard) = mpsc::channel(100_000);
        let (raise, stop) = watch::channel(false);
        if let Some((_, stop)) = &mut self.host.state().stop {
            *stop = raise.clone();
        }
        let file = self.options.passwords.as_ref().filter(|_| !self.options.dry_run);
        let work = Work {
            project,
            options: self.options.clone(),
            entries,
            file: file.map(|path| Passwords::open(path).unwrap()),
            doors: Arc::clone(&self.host) as Arc<dyn Doors>,
            telling: Telling::new(events, stop),
            at_once: 4,
            refused_log_ins: BRAKE,
            patience: PATIENCE,
        };
        let begun = Instant::now();
        let plugin = (!self.by_hand).then(|| Arc::clone(&self.host) as Arc<dyn MailboxProvisioner>);
        let report = run(work, plugin).await;
        self.took = begun.elapsed();
        drop(raise);
        while let Ok(event) = heard.try_recv() {
            self.events.push(event);
        }
        report
    }

    fn waits(&self) -> Vec<String> {
        let reason = |event: &Event| match event {
            Event::Waiting { mailbox, reason, .. } => Some(format!("{mailbox}: {reason}")),
            _ => None,
        };
        self.events.iter().filter_map(reason).collect()
    }

    fn warnings(&self) -> Vec<&str> {
        let message = |event: &'_ Event| match event {
            Event::Warning { message, .. } => Some(message.clone()),
            _ => None,
        };
        let all: Vec<String> = self.events.iter().filter_map(message).collect();
        all.into_iter().map(|text| &*text.leak()).collect()
    }
}

async fn rows(host: &Arc<Host>, entries: Vec<MailboxEntry>) -> Vec<Row> {
    let dir = tempfile::tempdir().unwrap();
    Asked::new(dir.path(), host).run(entries).await.unwrap().rows
}

fn words(rows: &[Row]) -> Vec<&'static str> {
    rows.iter().map(|row| row.became.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn only_what_is_missing_is_created_and_signed_in_to() {
    let good = Host::with(|_| {});
    let dir = tempfile::tempdir().unwrap();
    let mut asked = Asked::new(dir.path(), &good);
    assert_eq!(words(&asked.run(three()).await.unwrap().rows), ["exists", "created", "created"]);
    assert_eq!(asked.took, Duration::ZERO, "nothing is waited for that is there");
    let has: Vec<_> = good.state().has.keys().cloned().collect();
    assert_eq!(has, ["Anna@new.example", "ben@new.example", "cleo@new.example"]);
    // Again: nothing is left to do.
    assert_eq!(words(&asked.run(three()).await.unwrap().rows), ["exists"; 3]);
    let ends = asked
        .events
        .iter()
        .filter(|event| matches!(event, Event::MailboxFinished { end: MailboxEnd::Complete, .. }));
    assert_eq!(ends.count(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_panel_that_lies_is_told_after_a_minute_for_all_together() {
    let lies = Host::with(|state| state.lies = true);
    let dir = tempfile::tempdir().unwrap();
    let mut asked = Asked::new(dir.path(), &lies);
    let rows = asked.run(three()).await.unwrap().rows;
    assert_eq!(words(&rows), ["exists", "failed", "failed"]);
    assert_eq!((rows[1].cause, rows[1].who), (Some(Cause::MailboxMissing), Some(Actor::NewHost)));
    assert!(rows[1].details.last().unwrap().contains("was not there for 60 seconds"), "{rows:?}");
    assert!((60..62).contains(&asked.took.as_secs()), "{:?}", asked.took);
    assert_eq!(asked.waits().len(), 1, "{:?}", asked.waits());
    assert!(asked.waits()[0].contains("2 mailboxes were said to be created"), "{:?}", asked.waits());
}

/// Neither a panel that lists late nor a mail server that learns late costs more log-ins than the brake
/// leaves.
#[tokio::test(start_paused = true)]
async fn what_comes_within_a_minute_is_found() {
    for (listed, open, seconds) in
        [(5, 0, 7), (0, 1, 7), (0, 5, 7), (5, 5, 7), (20, 3, 26), (0, 30, 61), (50, 59, 61)]
    {
        let host = Host::with(|state| {
            state.has.clear();
            (state.listed_after, state.open_after) = (Duration::from_secs(listed), Duration::from_secs(open));
        });
        let dir = tempfile::tempdir().unwrap();
        let mut asked = Asked::new(dir.path(), &host);
        let rows = asked.run(many(20)).await.unwrap().rows;
        assert_eq!(words(&rows), ["created"; 20], "{listed} {open}: {:?}", rows[0]);
        assert!(asked.took.as_secs() < seconds, "{listed} {open}: {:?}", asked.took);
        assert!(host.state().refused <= BRAKE, "{listed} {open}: {}", host.state().refused);
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_later_is_not_called_created() {
    let host = Host::with(|state| state.open_after = Duration::from_secs(90));
    let found = rows(&host, three()).await;
    assert_eq!(words(&found), ["exists", "password-refused", "password-refused"]);
    assert_eq!(found[2].cause, Some(Cause::AuthRefused));
    // The next command finds it, with the password that the store has.
    let dir = tempfile::tempdir().unwrap();
    let host = Host::with(|state| state.listed_after = Duration::from_secs(90));
    let mut asked = Asked::new(dir.path(), &host);
    host.state().open_after = Duration::from_secs(90);
    assert_eq!(words(&asked.run(three()).await.unwrap().rows), ["exists", "failed", "failed"]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(words(&asked.run(three()).await.unwrap().rows), ["exists"; 3]);
    assert_eq!(host.state().heard.len(), 2, "{:?}", host.state().heard);
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_whose_password_is_another_is_told_from_one_that_cannot_be_tried() {
    let host = Host::with(|_| {});
    let found = rows(&host, vec![entry("anna@new.example", "falsch", None)]).await;
    assert_eq!(words(&found), ["password-refused"]);
    assert!(found[0].details[0].contains("[AUTHENTICATIONFAILED] no; fill `target_password`"), "{found:?}");
    let away = Host::with(|state| state.away = true);
    let found = rows(&away, three()).await;
    assert_eq!(words(&found), ["unverified"; 3]);
    assert!(found.iter().all(|row| row.cause == Some(Cause::Refused)), "{found:?}");
    assert_eq!(away.state().has.len(), 3, "created all the same");
    let found = rows(&Host::with(|_| {}), vec![entry("anna@new.example", "", None)]).await;
    assert_eq!(words(&found), ["exists"]);
    assert!(found[0].details[0].starts_with("no password is known for it"), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_creates_nothing_and_signs_in_nowhere() {
    let host = Host::with(|_| {});
    let dir = tempfile::tempdir().unwrap();
    let mut asked = Asked::new(dir.path(), &host);
    asked.options.dry_run = true;
    let mut wanted = three();
    wanted[0].target.quota = Some(2 << 30);
    wanted.push(entry("dora", "x", None));
    let rows = asked.run(wanted).await.unwrap().rows;
    assert_eq!(words(&rows), ["quota-differs", "missing", "missing", "not-asked"]);
    assert_eq!(rows[0].details, ["it has 1.0 GiB, the list asks for 2.0 GiB"]);
    assert_eq!(rows[2].details, ["a password would be made"]);
    assert!(rows[3].details[0].contains("has no domain"), "{rows:?}");
    assert!(host.state().heard.is_empty() && !host.state().taken);
    assert!(!record::exists(&project(dir.path()).state), "nothing is recorded");
    // A name without a domain is created all the same, and its log-in says that it is there.
    let made = Asked::new(dir.path(), &host).run(vec![entry("dora", "x", None)]).await.unwrap().rows;
    assert_eq!(words(&made), ["created"]);
}

#[tokio::test(start_paused = true)]
async fn a_password_is_made_where_the_list_has_none_and_is_kept_before_the_mailbox_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("new.csv");
    let asked = || {
        let mut asked = Asked::new(dir.path(), &Host::with(|_| {}));
        asked.options.passwords = Some(file.clone());
        asked.options.margin = None;
        asked
    };
    let report = asked().run(three()).await.unwrap();
    assert_eq!(words(&report.rows), ["exists", "created", "created"]);
    let text = std::fs::read_to_string(&file).unwrap();
    let password = text.lines().nth(1).unwrap().strip_prefix("cleo@new.example,").unwrap();
    assert_eq!((text.lines().count(), password.len(), report.made), (2, 27, 1));
    assert!(!format!("{report:?}").contains(password), "{report:?}");
    let kept = report.rows[2].details[0].as_str();
    assert!(kept.starts_with("its password is new, sealed in the project's store, and stands in "), "{kept}");
    // Of those that the store has, only those that the list does not.
    let project = project(dir.path());
    let listed = secrets::list(&project).unwrap();
    assert_eq!(listed.iter().map(|one| one.login.as_str()).collect::<Vec<_>>(), ["cleo@new.example"]);
    assert_eq!((listed[0].host.as_str(), listed[0].by), ("mail.new.example", secrets::By::Provision));

    // In the file and not in the store, as after a crash between the two: it is used, and stored again.
    assert!(secrets::remove_all(&project).unwrap());
    let again = asked().run(three()).await.unwrap().rows;
    assert!(again[2].details[0].starts_with("its password was in "), "{again:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    assert_eq!(secrets::list(&project).unwrap().len(), 1);

    // What the store has of an earlier time is written to the file as well; a cell of the list is nobody
    // else's business.
    std::fs::remove_file(&file).unwrap();
    let cell = vec![entry("cleo@new.example", "", None), entry("dan@new.example", "a cell", None)];
    assert_eq!(words(&asked().run(cell).await.unwrap().rows), ["created", "created"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test(start_paused = true)]
async fn passwords_follow_the_panel_s_policy_and_a_hostile_one_stops_everything() {
    let policy = |length, classes: &[CharacterClass]| {
        Some(PasswordPolicy { length, alphabet: None, classes: classes.to_vec() })
    };
    let host = Host::with(|state| state.policy = policy(10..=14, &CharacterClass::ALL));
    assert_eq!(words(&rows(&host, three()).await), ["exists", "created", "created"]);
    let made = host.state().passwords["cleo@new.example"].clone();
    assert_eq!(made.len(), 14);
    assert!(CharacterClass::ALL.iter().all(|class| made.iter().any(|byte| class.has(*byte))));

    let hostile = Host::with(|state| state.policy = policy(1..=1, &[]));
    let dir = tempfile::tempdir().unwrap();
    let failure = Asked::new(dir.path(), &hostile).run(three()).await.unwrap_err();
    assert!(
        failure.to_string().contains("no password can be made by: the passwords it allows have 5 bits"),
        "{failure}"
    );
    assert!(hostile.state().heard.is_empty());
    assert!(secrets::list(&project(dir.path())).unwrap().is_empty());
    // Who brings passwords of his own needs no policy.
    assert_eq!(words(&rows(&hostile, three()[..2].to_vec()).await), ["exists", "created"]);
}

#[tokio::test(start_paused = true)]
async fn quotas_are_set_where_they_differ_and_only_when_granted() {
    let asks = || {
        vec![
            entry("anna@new.example", "geheim", Some(2 << 30)),
            entry("ben@new.example", "geheim", Some(3 << 30)),
            entry("cleo@new.example", "geheim", None),
        ]
    };
    let good = Host::with(|state| state.heedless = true);
    assert_eq!(words(&rows(&good, asks()).await), ["quota-set", "created", "created"]);
    let has = good.state().has.clone();
    assert_eq!(has["Anna@new.example"], Some(2 << 30));
    assert_eq!((has["ben@new.example"], has["cleo@new.example"]), (Some(3 << 30), None));
    // Once more: nothing is left to do.
    assert_eq!(words(&rows(&good, asks()).await), ["exists"; 3]);
    let denied = Host { quotas: false, ..Host::new() };
    denied.state().heedless = true;
    let denied = rows(&Arc::new(denied), asks()).await;
    assert_eq!(words(&denied), ["quota-differs", "quota-differs", "created"]);
    assert!(denied[0].details[0].contains("plugin grant"), "{denied:?}");
    let lies = Host::with(|state| state.lies = true);
    assert_eq!(words(&rows(&lies, asks()[..1].to_vec()).await), ["failed"]);
}

#[tokio::test(start_paused = true)]
async fn a_quota_is_made_of_what_the_source_holds() {
    let sized = |state: &mut State| {
        state.heedless = true;
        state.sizes = [("ben@old.example".to_owned(), 5 << 30)].into();
    };
    let host = Host::with(sized);
    let found = rows(&host, three()).await;
    assert_eq!(words(&found), ["exists", "created", "created"]);
    let has = host.state().has.clone();
    assert_eq!((has["ben@new.example"], has["cleo@new.example"]), (Some(6 << 30), None));
    assert_eq!(has["Anna@new.example"], Some(1 << 30), "what was there keeps its own");
    assert!(found[2].details.iter().any(|detail| detail.contains("does not tell how much")), "{found:?}");

    // Without the grant it is the panel's own, and said once.
    let denied = Host { quotas: false, ..Host::new() };
    sized(&mut denied.state());
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(denied);
    let mut asked = Asked::new(dir.path(), &host);
    assert_eq!(words(&asked.run(three()).await.unwrap().rows), ["exists", "created", "created"]);
    assert_eq!(asked.warnings().len(), 1, "{:?}", asked.warnings());
    assert!(asked.warnings()[0].contains("`mailhaul plugin grant panel set-quota`"));
    assert_eq!(host.state().has["ben@new.example"], None);
}

#[tokio::test(start_paused = true)]
async fn a_panel_that_asks_to_wait_is_waited_for_and_that_is_told() {
    let wait = |ms| PluginFailure::RetryAfter(ms, "429 Too Many Requests".to_owned());
    let host = Host::with(|state| state.answers = [wait(7_000), wait(3_600_000), wait(0)].into());
    let dir = tempfile::tempdir().unwrap();
    let mut asked = Asked::new(dir.path(), &host);
    assert_eq!(words(&asked.run(three()).await.unwrap().rows), ["exists", "created", "created"]);
    // An hour is cut to a minute.
    assert_eq!(asked.took.as_secs(), 67);
    assert_eq!(asked.waits().len(), 3);
    assert!(
        asked.waits()[0].starts_with("ben@new.example: the panel asks to wait: 429"),
        "{:?}",
        asked.waits()
    );
    assert_eq!(asked.events.iter().filter(|event| matches!(event, Event::Resumed { .. })).count(), 3);

    // One that never has time: five times, and then the next.
    let host = Host::with(|state| state.answers = (0..5).map(|_| wait(1_000)).collect());
    let found = rows(&host, three()).await;
    assert_eq!(words(&found), ["exists", "failed", "created"]);
    assert!(found[1].details.last().unwrap().contains("429 Too Many Requests"), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn an_error_of_one_does_not_stop_the_next_and_one_of_all_is_not_asked_for_again_and_again() {
    let host = Host::with(|state| {
        for n in [1, 3, 4, 6, 7, 8] {
            state.broken.insert(format!("m{n:03}@new.example"), format!("m{n:03}@new.example is reserved"));
        }
    });
    let found = rows(&host, many(10)).await;
    let failed = found.iter().filter(|row| row.became == Became::Failed).count();
    assert_eq!((failed, host.state().heard.len()), (6, 10), "{:?}", words(&found));

    let host = Host::with(|state| {
        state.broken =
            many(1_000).into_iter().map(|m| (m.target.login, "the licence is used up".into())).collect();
    });
    let found = rows(&host, many(1_000)).await;
    assert_eq!(host.state().heard.len(), 5);
    assert_eq!(found.iter().filter(|row| row.became == Became::NotAsked).count(), 995);
    let why = &found[999].details.last().unwrap();
    assert!(why.contains("5 times in a row") && why.contains("the licence is used up"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_grant_is_said_once_and_recorded_as_a_run_that_did_not_begin() {
    let host = Host::with(|state| state.answers = [PluginFailure::Denied("grant it".to_owned())].into());
    let dir = tempfile::tempdir().unwrap();
    let failure = Asked::new(dir.path(), &host).run(three()).await.unwrap_err();
    assert!(failure.to_string().contains("grant it"), "{failure}");
    let record = record::open(&project(dir.path()).state).unwrap();
    assert_eq!(record.runs(9).unwrap()[0].result, Some(RunResult::Refused));
}

/// Stopped after two of five: those are gone on with, the others are created, nothing twice, with the same
/// passwords.
#[tokio::test(start_paused = true)]
async fn what_is_stopped_is_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::with(|state| {
        state.heedless = true;
        state.sizes = (0..5).map(|n| (format!("m{n:03}@old.example"), 1_u64 << 30)).collect();
        state.stop = Some((2, watch::channel(false).0));
    });
    let mut asked = Asked::new(dir.path(), &host);
    let report = asked.run(many(5)).await.unwrap();
    assert!(report.interrupted);
    assert_eq!(words(&report.rows)[2..], ["missing"; 3]);
    let project = project(dir.path());
    let of_run = |at: usize| {
        let run = record::open(&project.state).unwrap().runs(9).unwrap()[at].clone();
        (run.kind, run.result)
    };
    assert_eq!(of_run(0), (RunKind::Provision, Some(RunResult::Interrupted)));
    assert_eq!(host.state().has["m000@new.example"], None, "its quota was not looked at");
    host.state().stop = None;
    let before = host.state().passwords.clone();

    let report = asked.run(many(5)).await.unwrap();
    assert_eq!(words(&report.rows), ["quota-set", "quota-set", "created", "created", "created"]);
    assert!(report.rows[0].details[0].contains("a run that was broken off"), "{:?}", report.rows);
    {
        let state = host.state();
        let creations: Vec<_> = state.heard.iter().filter(|call| call.starts_with("create")).collect();
        assert_eq!(creations.len(), 5, "{creations:?}");
        assert!(before.iter().all(|(login, password)| state.passwords[login] == *password));
        assert!(
            state
                .has
                .iter()
                .filter(|(login, _)| login.starts_with('m'))
                .all(|(_, quota)| *quota == Some(2 << 30))
        );
    }
    assert_eq!(of_run(0), (RunKind::Provision, Some(RunResult::Complete)));
    assert_eq!(words(&asked.run(many(5)).await.unwrap().rows), ["exists"; 5]);
}

/// A process that is killed writes nothing more: whatever the panel had done by then is found again.
#[tokio::test(start_paused = true)]
async fn what_was_killed_is_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::with(|state| {
        state.sizes = [("cleo@old.example".to_owned(), 1_u64 << 30)].into();
        state.open_after = Duration::from_secs(5);
    });
    let mut asked = Asked::new(dir.path(), &host);
    asked.run(three()).await.unwrap();
    // As it was left between creating and everything after it.
    {
        let mut state = host.state();
        state.has.insert("cleo@new.example".to_owned(), None);
        state.created.insert("cleo@new.example".to_owned(), Instant::now());
        state.taken = false;
    }
    let project = project(dir.path());
    let mut record = record::open(&project.state).unwrap();
    let requester = Requester::on_terminal("eve");
    let new = NewRun { kind: RunKind::Provision, phase: None, requester: &requester, filter: &[] };
    let run = record.begin_run(&new, &["cleo@new.example"]).unwrap();
    record.begin_mailbox(run, "cleo@new.example").unwrap();
    drop(record);
    // Its log-in is refused first, since the mail server has only just heard of it.
    let report = asked.run(three()).await.unwrap();
    assert_eq!(words(&report.rows), ["exists", "exists", "quota-set"], "{:?}", report.rows);
    assert_eq!(host.state().has["cleo@new.example"], Some(2 << 30));
}

#[tokio::test(start_paused = true)]
async fn without_a_panel_there_is_a_list_to_create_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::with(|state| {
        state.sizes = [("ben@old.example".to_owned(), 5_u64 << 30)].into();
    });
    let mut asked = Asked::new(dir.path(), &host);
    asked.by_hand = true;
    asked.options.dry_run = true;
    let report = asked.run(three()).await.unwrap();
    assert_eq!((words(&report.rows), report.made), (vec!["by-hand"; 3], 0));
    assert_eq!(report.rows[2].details, ["a password would be made"]);
    asked.options.dry_run = false;
    let report = asked.run(three()).await.unwrap();
    assert_eq!((words(&report.rows), report.made, report.plugin), (vec!["by-hand"; 3], 1, None));
    assert_eq!(report.rows[1].quota, Some(6 << 30));
    assert!(host.state().heard.is_empty() && !host.state().taken);
    let project = project(dir.path());
    assert_eq!(secrets::list(&project).unwrap().len(), 1);

    // Once `check` has found both ends of a mailbox, it is there.
    let mut record = record::open(&project.state).unwrap();
    let listed =
        |login: &str| record::ListedMailbox { key: login.to_owned(), ..record::ListedMailbox::default() };
    record.set_list(&[listed("anna@new.example"), listed("ben@new.example")]).unwrap();
    let requester = Requester::on_terminal("eve");
    let new = NewRun { kind: RunKind::Check, phase: None, requester: &requester, filter: &[] };
    let run = record.begin_run(&new, &["ben@new.example"]).unwrap();
    record.end_mailbox(run, "ben@new.example", &MailboxEnd::Complete).unwrap();
    record.end_run(run, RunResult::Complete).unwrap();
    let report = asked.run(three()).await.unwrap();
    assert_eq!((words(&report.rows), report.made), (vec!["by-hand", "exists", "by-hand"], 0));
}
