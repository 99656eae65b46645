//! `mailhaul plugin record`: what a plugin would be asked in this project, redacted, as a fixture.

use std::collections::BTreeMap;
use std::sync::Arc;

use mailhaul_app::listing::{self, PAGE, broke};
use mailhaul_app::{plugins, provision, redact, resolve};
use mailhaul_author::trial::record::{self, beginning, recorded};
use mailhaul_author::trial::{Faults, Fixture, MappingRecorder, Redactor, Trial, ValidationRecorder};
use mailhaul_engine::job::Task;
use mailhaul_engine::plugin::{Depth, MailboxEntry, MailboxProvisioner, NewMailbox};
use mailhaul_engine::summary::Side;
use mailhaul_plugin_host::{HttpRecorder, Inputs, Kind};
use mailhaul_project::Project;
use secrecy::ExposeSecret as _;

use super::author::{component, open, trial_failure};
use crate::args::{End, Global, Record};
use crate::commands::out;
use crate::drive::runtime;
use crate::error::Failure;
use crate::exit::{self, Exit};
use crate::ui::Ui;
use crate::ui::watcher::{self, Activity};
use crate::{drive, project};

/// Mailboxes whose names are made up beforehand; addresses of others are found where they stand.
const MAX_NAMED: usize = 100;

enum Recording {
    /// With `answered` its answer is what a plugin said, otherwise one to be filled in.
    Fixture { fixture: Box<Fixture>, answered: bool },
    /// No plugin would have been asked; the exit code says why.
    Nothing(Exit),
}

/// Writes what a plugin of this kind would be asked in this project, with hosts, people and secrets replaced.
pub(crate) fn record(ui: &mut Ui, global: &Global, args: &Record) -> Result<Exit, Failure> {
    check_options(args)?;
    let project = project::for_work(ui, global)?;
    args.out.as_deref().map_or(Ok(()), |path| out::refuse_own(&project, path))?;
    let mut redactor = Redactor::default();
    redact_project(&project, &mut redactor)?;
    let recorded = match args.kind {
        Kind::FolderMapper | Kind::ServerProfile | Kind::Validator => {
            record_servers(ui, &project, args, &mut redactor)?
        }
        Kind::MailboxSource => record_source(ui, &project, &mut redactor)?,
        Kind::MailboxProvisioner => record_provisioner(ui, &project, args, &mut redactor)?,
    };
    let (fixture, mut answered) = match recorded {
        Recording::Fixture { fixture, answered } => (*fixture, answered),
        Recording::Nothing(exit) => {
            ui.problem("no mailbox came so far that a plugin would have been asked; the lines above say why");
            return Ok(exit);
        }
    };
    let fixture = match &args.answered_by {
        Some(named) => {
            answered = true;
            let trial = Trial::new(open(&plugins::host()?, &component(named)?)?, Faults::default());
            runtime()?.block_on(trial.answered(fixture)).map_err(trial_failure)?
        }
        None => fixture,
    };
    write(ui, &project, args, &fixture, answered)
}

/// Refuses options that the kind of plugin would ignore.
fn check_options(args: &Record) -> Result<(), Failure> {
    let other = |option: &str, kind: &str| {
        Failure::input(format!("`{option}` is for a {kind}, and this is to be a {}", args.kind.name()), None)
    };
    if args.side.is_some() && args.kind != Kind::ServerProfile {
        return Err(other("--side", "server-profile"));
    }
    if args.create && args.kind != Kind::MailboxProvisioner {
        return Err(other("--create", "mailbox-provisioner"));
    }
    if args.only.is_some()
        && (args.kind == Kind::MailboxSource || (args.kind == Kind::MailboxProvisioner && !args.create))
    {
        return Err(Failure::input(
            "`--only` chooses a mailbox, and this is not asked about a single one",
            None,
        ));
    }
    Ok(())
}

fn write(
    ui: &mut Ui,
    project: &Project,
    args: &Record,
    fixture: &Fixture,
    answered: bool,
) -> Result<Exit, Failure> {
    let mut text = serde_json::to_string_pretty(fixture).map_err(Failure::internal)?;
    text.push('\n');
    // The second wall: whatever secret this process has seen.
    let text = redact::scrub(&text);
    match &args.out {
        Some(path) => {
            out::write(project, path, text.as_bytes())?;
            ui.note(&format!("{} is written", path.display()));
        }
        None => ui.data(&text)?,
    }
    ui.hint(if answered {
        "its `answer` is what the plugin says now: read it, since `mailhaul plugin test` will hold it to that"
    } else {
        "say in its `answer` what your plugin must answer, or let `--answered-by DIR` fill it in"
    });
    ui.hint(
        "hosts, log-ins, addresses and passwords are made up; folder names and other texts are not: read it before \
         you hand it on",
    );
    Ok(Exit::Done)
}

/// Tells the redactor the hosts, log-ins and secrets of the project file.
fn redact_project(project: &Project, redactor: &mut Redactor) -> Result<(), Failure> {
    for (side, becomes) in [(&project.source, "source.example"), (&project.target, "target.example")] {
        if let Some(host) = &side.host {
            redactor.host(host, becomes);
        }
        if let Some(user) = &side.admin_user {
            redactor.login(user);
        }
        if let Some(password) = &side.admin_password {
            redactor.secret(resolve(password)?.expose_secret());
        }
    }
    Ok(())
}

/// Tells the redactor the names of the mailbox list: domains of `all`, everything else of `these`.
fn redact_mailboxes<'a>(
    all: &[MailboxEntry],
    these: impl IntoIterator<Item = &'a MailboxEntry>,
    redactor: &mut Redactor,
) {
    for entry in these {
        for account in [&entry.source, &entry.target] {
            redactor.login(&account.login);
            if let Some(host) = &account.host {
                redactor.other_host(host);
            }
            if let Some(secret) = &account.secret {
                redactor.secret(secret.expose_secret());
            }
        }
        if let Some(label) = &entry.label {
            redactor.person(label);
        }
    }
    for account in all.iter().flat_map(|entry| [&entry.source, &entry.target]) {
        if let Some((_, domain)) = account.login.rsplit_once('@') {
            redactor.domain(domain);
        }
        if let Some(host) = &account.host {
            redactor.other_host(host);
        }
    }
}

/// Returns the mailbox that `--only` names, else the first of the list.
fn choose_mailbox<'a>(all: &'a [MailboxEntry], args: &Record) -> Result<&'a MailboxEntry, Failure> {
    let found = match &args.only {
        Some(only) => all
            .iter()
            .find(|entry| entry.key == *only || entry.source.login == *only || entry.target.login == *only),
        None => all.first(),
    };
    found.ok_or_else(|| match &args.only {
        Some(only) => Failure::input(format!("the list has no mailbox `{only}`"), None),
        None => Failure::input("the list of mailboxes is empty: there is nothing to record", None),
    })
}

/// Connects to both servers for one mailbox and records what a plugin would be asked about it.
fn record_servers(
    ui: &mut Ui,
    project: &Project,
    args: &Record,
    redactor: &mut Redactor,
) -> Result<Recording, Failure> {
    let all = runtime()?.block_on(async {
        let warn = &mut |text: &str| ui.warn(text);
        let inputs = plugins::inputs(project, warn)?;
        let source = plugins::given(project, &project.source, &project.mailboxes.from).await?;
        listing::entries(project, &source.plugin.source(source.settings, inputs)?, warn).await
    })?;
    let mailbox = choose_mailbox(&all, args)?;
    redact_mailboxes(&all, [mailbox], redactor);

    let (mapping, validation) = (MappingRecorder::default(), ValidationRecorder::default());
    let (task, activity) = match args.kind {
        Kind::Validator => (Task::Verify { depth: Depth::Counts, sample: 100, seed: 0 }, Activity::Comparing),
        _ => (Task::Plan, Activity::Planning),
    };
    let mut watcher = watcher::for_task(ui, activity);
    let put = |plugins: &mut mailhaul_engine::plugin::Plugins| {
        if args.kind == Kind::Validator {
            plugins.validators.insert(0, Arc::new(validation.clone()));
        } else {
            plugins.mappers.insert(0, Arc::new(mapping.clone()));
        }
    };
    let only = [mailbox.key.clone()];
    let outcome = drive::task_with(ui, project, &only, task, watcher.as_mut(), put, |_, _, _| Ok(()))?;
    outcome.refusal()?;
    let fixture = match (args.kind, args.side) {
        (Kind::Validator, _) => validation.validation(redactor),
        (Kind::ServerProfile, Some(End::Target)) => mapping.profile(Side::Target, redactor),
        (Kind::ServerProfile, _) => mapping.profile(Side::Source, redactor),
        _ => mapping.mapping(redactor),
    };
    Ok(match fixture {
        Some(fixture) => Recording::Fixture { fixture: Box::new(fixture), answered: false },
        None => Recording::Nothing(exit::of_finish(&outcome.finish)),
    })
}

/// Asks the project's mailbox source for its first page, first of the real inputs, then of the redacted ones.
fn record_source(ui: &mut Ui, project: &Project, redactor: &mut Redactor) -> Result<Recording, Failure> {
    let tables = plugins::tables(project, &mut |text: &str| ui.warn(text))?;
    let tables: Vec<_> = tables.into_iter().map(|(name, table)| (name, beginning(table))).collect();
    if tables.len() < project.mailboxes.inputs.len() {
        return Err(Failure::input(
            "an input of this project is no table, and a fixture holds tables only",
            None,
        ));
    }
    let mut inputs = Inputs::new();
    for (name, table) in &tables {
        inputs = inputs.with_table(name.clone(), plugins::handed_over(table.clone()));
    }
    let (recorder, fixture) = (HttpRecorder::default(), recorded(Kind::MailboxSource));
    let fixture = runtime()?.block_on(async {
        let given = plugins::given(project, &project.source, &project.mailboxes.from).await?;
        let plugin = given.plugin.clone().recorded(&recorder);
        let page = plugin.source(given.settings, inputs)?.list_mailboxes(None, PAGE).await.map_err(broke)?;
        listing::remarks(&page.diagnostics, &mut |text: &str| ui.warn(text))?;
        redact_mailboxes(&page.mailboxes, &page.mailboxes, redactor);
        let settings = record::settings(given.settings, &plugin.inspect(), redactor);
        let http = record::replies(recorder.take(), redactor);
        let inputs: BTreeMap<_, _> =
            tables.iter().map(|(name, table)| (name.clone(), record::input(table, redactor))).collect();
        let request = serde_json::json!({ "max": PAGE });
        let fixture = Fixture { settings, inputs, http, request, ..fixture };
        let fixture =
            Trial::new(given.plugin, Faults::default()).answered(fixture).await.map_err(trial_failure)?;
        let answered = fixture.answer.as_ref().and_then(|answer| answer["mailboxes"].as_array()).map_or(0, Vec::len);
        if answered != page.mailboxes.len() {
            ui.warn(&format!(
                "the plugin lists {answered} mailboxes of the redacted project and {} of the real one: it decides by \
                 something that was made up",
                page.mailboxes.len()
            ));
        }
        Ok::<_, Failure>(fixture)
    })?;
    Ok(Recording::Fixture { fixture: Box::new(fixture), answered: true })
}

/// Asks the project's provisioner what is there; creates a mailbox only with `--create`.
fn record_provisioner(
    ui: &mut Ui,
    project: &Project,
    args: &Record,
    redactor: &mut Redactor,
) -> Result<Recording, Failure> {
    let fixture = runtime()?.block_on(async {
        let warn = &mut |text: &str| ui.warn(text);
        let inputs = plugins::inputs(project, warn)?;
        let source = plugins::given(project, &project.source, &project.mailboxes.from).await?;
        let all = listing::entries(project, &source.plugin.source(source.settings, inputs)?, warn).await?;
        let chosen = choose_mailbox(&all, args)?;
        redact_mailboxes(&all, all.iter().take(MAX_NAMED).chain([chosen]), redactor);

        let recorder = HttpRecorder::default();
        let given = plugins::given(project, &project.target, plugins::provisioning(project)?).await?;
        let plugin = given.plugin.clone().recorded(&recorder);
        let provisioner = plugin.provisioner(given.settings)?;
        let domains = provision::domains(all.iter().map(|entry| &entry.target.login));
        let page = provisioner.list_mailboxes(None, PAGE, &domains).await.map_err(broke)?;
        listing::remarks(&page.diagnostics, &mut |text: &str| ui.warn(text))?;
        let settings = record::settings(given.settings, &plugin.inspect(), redactor);
        let request = if args.create {
            drop(recorder.take());
            let there = |entry: &MailboxEntry| {
                page.mailboxes.iter().any(|known| known.login.eq_ignore_ascii_case(&entry.target.login))
            };
            let missing = match args.only {
                Some(_) => Some(chosen),
                None => all.iter().find(|entry| !there(entry) && entry.target.secret.is_some()),
            };
            create_one(ui, &provisioner, missing, redactor).await?
        } else {
            record::listing(&domains, redactor)
        };
        let http = record::replies(recorder.take(), redactor);
        let fixture = Fixture { settings, http, request, ..recorded(Kind::MailboxProvisioner) };
        Trial::new(given.plugin, Faults::default()).answered(fixture).await.map_err(trial_failure)
    })?;
    Ok(Recording::Fixture { fixture: Box::new(fixture), answered: true })
}

/// Creates a mailbox on the new host and returns the request as the fixture has it, redacted.
async fn create_one(
    ui: &mut Ui,
    provisioner: &Arc<dyn MailboxProvisioner>,
    missing: Option<&MailboxEntry>,
    redactor: &mut Redactor,
) -> Result<serde_json::Value, Failure> {
    let none = || Failure::input("every mailbox of the list that has a password is there already", None);
    let entry = missing.ok_or_else(none)?;
    let password = entry.target.secret.clone().ok_or_else(none)?;
    let login = &entry.target.login;
    let (label, quota) = (entry.label.clone(), entry.target.quota);
    let mailbox = NewMailbox { login: login.clone(), display_name: label, quota, password };
    let creation = provisioner.create_mailbox(&mailbox).await.map_err(broke)?;
    ui.note(&match creation {
        mailhaul_engine::plugin::Creation::Created => format!("`{login}` was created on the new host"),
        mailhaul_engine::plugin::Creation::Exists => format!("`{login}` is on the new host already"),
    });
    Ok(record::creation(login, entry.label.as_deref(), redactor))
}
