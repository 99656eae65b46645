//! A second front end, which moves a mailbox between two servers of the laboratory with `mailhaul-app` alone:
//! no command line, no pages, no exit codes.

use std::env;
use std::error::Error;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use mailhaul_app::{Failure, Outcome};
use mailhaul_engine::event::{Event, MailboxEnd};
use mailhaul_engine::job::Task;
use mailhaul_lab::corpus;
use mailhaul_lab::fake::{Fake, Manners};
use mailhaul_lab::project::{Pair, Side, Spec};

/// The front end: from a project file to the outcome of a task, with every event shown as it comes.
fn run(file: &Path, task: Task, mut show: impl FnMut(&Event)) -> Result<Outcome, Failure> {
    let mut warnings = Vec::new();
    let warn = &mut |text: &str| warnings.push(text.to_owned());
    let project = mailhaul_app::open_for_work(Some(file), warn)?;
    let job = mailhaul_app::job(&project, &mailhaul_engine::choice::MailboxChoice::default())?;
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::internal)?;
    let outcome = runtime.block_on(async {
        let mut outcome = Outcome::default();
        let mut running = mailhaul_app::start(&project, job, task, warn).await?;
        while let Some(event) = running.next().await? {
            outcome.note(&event);
            show(&event);
        }
        outcome.in_list_order();
        outcome.refusal()?;
        Ok(outcome)
    });
    assert!(warnings.is_empty(), "{warnings:?}");
    outcome
}

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(compiled) = mailhaul_app::compile_for_parent() {
        return Ok(compiled?);
    }
    // Native code of plugins is kept below the target folder, not in the home of whoever tests.
    let caches = OsStr::new(env!("CARGO_TARGET_TMPDIR"));
    if env::var_os("XDG_CACHE_HOME").as_deref() != Some(caches) {
        let status = Command::new(env::current_exe()?).env("XDG_CACHE_HOME", caches).status()?;
        assert!(status.success(), "{status}");
        return Ok(());
    }
    a_mailbox_is_moved()
}

fn a_mailbox_is_moved() -> Result<(), Box<dyn Error>> {
    let (source, target) = (Fake::start(Manners::default()), Fake::start(Manners::default()));
    // Two servers do not begin at the same second: where all figures are alike, it is one account.
    target.store(|store| store.folders.values_mut().for_each(|folder| folder.validity += 1));
    source.store(|store| {
        for n in 1..=3 {
            let message = corpus::simple(&format!("number {n}"), "a text");
            store.add("INBOX", &["\\Seen"], "05-May-2021 05:05:05 +0500", &message);
        }
    });
    let folder = tempfile::tempdir()?;
    let pair = Pair::new(("ann@old.example", "a"), ("ann@new.example", "b"));
    Spec::new(Side::clear(source.port), Side::clear(target.port), vec![pair]).write(folder.path());

    let mut folders = Vec::new();
    let task = Task::Run { newest: None, plan: None, delete_gone: false, over_quota: false };
    let outcome = run(&folder.path().join("mailhaul.toml"), task, |event| {
        if let Event::FolderFinished { folder, .. } = event {
            folders.push(folder.source.clone());
        }
    })?;
    assert_eq!(folders, ["INBOX"]);
    assert_eq!(outcome.finish.mailboxes, [("ann@old.example".to_owned(), MailboxEnd::Complete)]);
    let summary = outcome.summary("ann@old.example").ok_or("the mailbox has no summary")?;
    assert_eq!(summary.folders[0].counts.copied, 3, "{summary:?}");
    assert_eq!(target.store(|store| store.messages("INBOX").len()), 3);

    let missing = run(&folder.path().join("none.toml"), Task::Check, |_| {}).map(drop);
    assert!(missing.is_err_and(|failure| failure.kind == mailhaul_app::TaskRefusalKind::Input));
    Ok(())
}
