//! A plan of many mailboxes, against scripted servers in memory: what it takes of the processor, and of
//! memory.
//!
//! `MAILHAUL_MAILBOXES=10000` makes it as many, and its last line is the measurement; without it there are a
//! hundred, and what is asserted are the figures.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use mailhaul_engine::assessment::forecast::Circumstances;
use mailhaul_engine::choice::MailboxChoice;
use mailhaul_engine::clock::SystemClock;
use mailhaul_engine::event::Event;
use mailhaul_engine::handle;
use mailhaul_engine::job::{HostSettings, IgnoredDifferences, Job, Limits, Selection, Task};
use mailhaul_engine::password_hosts::Server;
use mailhaul_engine::plan::PlanSettings;
use mailhaul_engine::plugin::{
    AccountEntry, Decision, FolderMapper, MailboxEntry, MailboxPage, MailboxSource, Mapping, MappingRequest,
    PluginError, PluginId, Plugins, Ruling, SideProfilers,
};
use mailhaul_engine::record::PlanSums;
use mailhaul_engine::run_kind::Requester;
use mailhaul_imap::{AuthMethod, FolderPath, Secret};
use mailhaul_lab::fake::{Fake, Manners};
use mailhaul_net::{Dialer, TlsMode};
use mailhaul_project::Project;

use super::*;
use crate::Failure;

/// Folders of each mailbox beside INBOX.
const FOLDERS: usize = 24;

/// The mailboxes of the list.
struct Many(PluginId, usize);

#[async_trait]
impl MailboxSource for Many {
    fn plugin(&self) -> &PluginId {
        &self.0
    }

    async fn list_mailboxes(&self, _token: Option<&str>, _max: u32) -> Result<MailboxPage, PluginError> {
        let end = |login: String| AccountEntry {
            login,
            secret: Some(Secret::from(b"geheim-und-lang".to_vec())),
            ..AccountEntry::default()
        };
        let entry = |n: usize| MailboxEntry {
            key: format!("m{n:05}"),
            source: end(format!("m{n:05}@old.example")),
            target: end(format!("m{n:05}@new.example")),
            label: None,
            batch: None,
            origin: None,
            // The laboratory's servers have one account.
            one_account: true,
        };
        Ok(MailboxPage { mailboxes: (0..self.1).map(entry).collect(), ..MailboxPage::default() })
    }
}

/// Knows sent mail, and what lies in one folder of the customers'.
struct English(PluginId);

#[async_trait]
impl FolderMapper for English {
    fn plugin(&self) -> &PluginId {
        &self.0
    }

    async fn map_folders(&self, request: &MappingRequest) -> Result<Mapping, PluginError> {
        let to = |name: &str| match name {
            "Gesendete Elemente" => Some("Sent"),
            "Kampagnen" => Some("Campaigns"),
            _ => None,
        };
        let rulings = request.source_folders.iter().enumerate().filter_map(|(folder, info)| {
            let path = FolderPath::parse(to(&info.path.to_string())?);
            let decision = Decision::MapTo { path, role: None, subscribe: None };
            Some(Ruling { folder, decision, why: "customers' folders are named in English".into() })
        });
        Ok(Mapping { rulings: rulings.collect(), ..Mapping::default() })
    }
}

fn host(name: &str, server: &Fake) -> HostSettings {
    let here = server.clone();
    HostSettings {
        server: Server {
            host: Some(name.into()),
            port: Some(server.port),
            tls: TlsMode::None,
            admin_hosts: Vec::new(),
            shared: None,
        },
        dialer: Dialer::platform().through(move |_| std::future::ready(Ok(here.connect()))),
        method: AuthMethod::Password,
        admin: None,
        user_pattern: None,
        token: None,
        allow_cleartext: true,
        compress: false,
    }
}

fn job(project: &Project, source: &Fake, target: &Fake) -> Job {
    Job {
        name: project.name.clone(),
        state_dir: project.state.clone(),
        source: host("old.example", source),
        target: host("new.example", target),
        mailbox_hosts: Vec::new(),
        rules: Vec::new(),
        select: Selection::default(),
        ignore: IgnoredDifferences::default(),
        limits: Limits { connections_per_host: 8, connections_are_meant: true, ..Limits::default() },
        plugin_settings: String::new(),
        choice: MailboxChoice::default(),
        requester: Requester::on_terminal("eve"),
        clock: Arc::new(SystemClock),
    }
}

/// Seconds of the processor that this process has had, and the most memory it had, in MiB.
fn used() -> (f64, u64) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after.split_whitespace().skip(11).take(2).map(|n| n.parse::<f64>().unwrap()).sum();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0);
    (ticks / 100.0, peak / 1024)
}

/// Plans all of them once; returns the draft and the settings.
async fn planned(project: &Project, mailboxes: usize, servers: (&Fake, &Fake)) -> (Draft, PlanSettings) {
    let id = |id: &str| PluginId { id: id.into(), version: "1.0.0".into() };
    let plugins = Plugins {
        source: Arc::new(Many(id("list"), mailboxes)),
        mappers: vec![Arc::new(English(id("acme")))],
        validators: Vec::new(),
        source_profiles: SideProfilers::default(),
        target_profiles: SideProfilers::default(),
        provisioner: None,
    };
    let job = job(project, servers.0, servers.1);
    let settings = PlanSettings::of(&job, &plugins);
    let mut draft = Draft::begin(project).unwrap();
    let mut handle = handle::start(Arc::new(job), plugins, Task::Plan);
    loop {
        match handle.events.recv().await.expect("an event") {
            Event::Planned(plan) => draft.keep(&plan).unwrap(),
            Event::Finished(finish) => {
                assert!(finish.refused.is_none(), "{finish:?}");
                draft.in_order(finish.mailboxes.iter().map(|(key, _)| key.as_str())).unwrap();
                return (draft, settings);
            }
            _ => {}
        }
    }
}

#[test]
fn many_mailboxes_are_planned_in_little_memory() {
    let mailboxes = std::env::var("MAILHAUL_MAILBOXES").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let project = super::tests::project(dir.path());
    let (source, target) = (Fake::in_memory(Manners::default()), Fake::in_memory(Manners::default()));
    for server in [&source, &target] {
        server.hear_at_most(usize::MAX);
        server.manners(|m| {
            m.capability = "IMAP4rev1 LITERAL+ UIDPLUS NAMESPACE LIST-STATUS STATUS=SIZE".into()
        });
    }
    source.store(|store| {
        store.create("Gesendete Elemente");
        store.create("Kampagnen");
        for n in 2..FOLDERS {
            store.create(&if n % 2 == 0 { format!("Kampagnen/{n}") } else { format!("Ordner {n}") });
        }
        store.add("INBOX", &[], "05-May-2021 05:05:05 +0500", b"Subject: x\r\n\r\nx");
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut phases: Vec<(&str, Duration, f64)> = Vec::new();
    let (mut at, mut cpu) = (Instant::now(), used().0);
    let mut phase = |name: &'static str| {
        let now = used().0;
        phases.push((name, at.elapsed(), now - cpu));
        (at, cpu) = (Instant::now(), now);
    };
    for round in [1, 2] {
        let (mut draft, settings) = runtime.block_on(planned(&project, mailboxes, (&source, &target)));
        for server in [&source, &target] {
            server.forget();
        }
        phase("planned");
        let survey = draft.survey(None, &Circumstances::default()).unwrap();
        let totals = survey.overview.totals();
        phase("surveyed");
        let sums = PlanSums { mailboxes: totals.mailboxes, ..PlanSums::default() };
        let plan = draft.number(&project, &settings, &Requester::on_terminal("eve"), sums).unwrap().unwrap();
        assert_eq!(plan.number, 1, "the second does the same");
        phase("numbered");
        let mut document = Document::begin(std::io::sink(), &HashMap::from([("schema", 2)])).unwrap();
        document.list("mailboxes").unwrap();
        let mut written = 0;
        draft
            .each(|plan| {
                written += 1;
                document.push(&plan).map_err(Failure::internal)
            })
            .unwrap();
        document.end_list().unwrap();
        document.end().unwrap();
        phase("written");
        assert_eq!((totals.mailboxes, written), (mailboxes as u64, mailboxes));
        assert_eq!(totals.messages_to_copy, mailboxes as u64);
        let groups = survey.overview.groups();
        let rows: Vec<_> = groups.iter().map(|group| (group.way.as_str(), group.folders)).collect();
        let each = mailboxes as u64;
        assert_eq!(
            rows,
            [
                ("name", each * 12),
                ("name", each),
                ("inbox", each),
                ("stays", each * (FOLDERS as u64 - 12 - 1))
            ]
        );
        let differences = survey.differences;
        let fresh = if round == 1 { each } else { 0 };
        assert_eq!((differences.first_time, differences.changed()), (fresh, 0));
    }
    let (seconds, peak) = used();
    for (name, took, cpu) in &phases {
        println!("{name}: {took:.1?}, {cpu:.1} s of the processor");
    }
    println!("{mailboxes} mailboxes, planned twice: {seconds:.1} s of the processor, {peak} MiB at most");
}
