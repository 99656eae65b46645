//! From what the project says to what the engine and the plugin host take. Conversion only: checks
//! of the file are in `mailhaul-project`, decisions in the engine.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use mailhaul_engine::destinations::{Credential, Destination, Server};
use mailhaul_engine::event::Event;
use mailhaul_engine::handle;
use mailhaul_engine::job::{
    Admin, HostSettings, IgnoredDifferences, Job, Limits, Order, SecretSource, Selection, Task,
};
use mailhaul_engine::rules::{FolderRule, Pattern, RuleAction};
use mailhaul_engine::store;
use mailhaul_imap::{AuthMethod, Secret};
use mailhaul_net::{Dialer, TlsMode};
use mailhaul_plugin_host::LOCK_FILE;
use mailhaul_project::{AllowedHost, Auth, Project, RuleSpec, SecretRef, Side, Tls};
use secrecy::ExposeSecret as _;

use crate::args::Global;
use crate::drive::{Running, Signals, drive, runtime};
use crate::error::{Cause, Failure};
use crate::exit::Exit;
use crate::outcome::Outcome;
use crate::ui::Ui;
use crate::ui::watcher::Watcher;
use crate::{logging, plugins, redact};

/// What is still running when a task has ended (name look-ups, a command that prints a token) gets
/// this long; the process does not wait for it.
const LINGER: Duration = Duration::from_millis(200);

/// An opened project.
#[derive(Debug)]
pub(crate) struct Opened {
    /// What its file says.
    pub project: Project,
}

impl Opened {
    /// Opens the project to connect and write: the state folder is made and the log begins.
    ///
    /// # Errors
    /// What is wrong with the project file, one cause each; a state folder that others use.
    pub(crate) fn for_work(ui: &mut Ui, global: &Global) -> Result<Self, Failure> {
        let opened = Self::for_reading(ui, global)?;
        let (state, file) = (&opened.project.state, &opened.project.file);
        store::claim(state, file).map_err(|not_ours| {
            Failure::input(format!("{}: {not_ours}", file.display()), Some(&not_ours.remedy))
        })?;
        if let Some(warning) = logging::open(&opened.project.state) {
            ui.warn(&warning);
        }
        let version = env!("CARGO_PKG_VERSION");
        tracing::info!(version, project = %opened.project.name, "opened");
        Ok(opened)
    }

    /// Opens the project to look at; leaves nothing behind.
    ///
    /// # Errors
    /// As [`Opened::for_work`].
    pub(crate) fn for_reading(ui: &mut Ui, global: &Global) -> Result<Self, Failure> {
        let file = match &global.config {
            // A file that is named is meant: it is not looked for elsewhere.
            Some(file) if file.is_file() => file.clone(),
            Some(file) => mailhaul_project::find(Path::new("."), file)?,
            None => mailhaul_project::find(Path::new("."), Path::new(mailhaul_project::PROJECT_FILE))?,
        };
        let loaded = Project::load(&file)?;
        for warning in &loaded.warnings {
            ui.warn(&warning.to_string());
        }
        Ok(Self { project: loaded.project })
    }

    /// Runs a task to its end. `each` sees every event after the watcher.
    ///
    /// # Errors
    /// When it cannot start, or standard output is gone; what it finds is in the [`Outcome`].
    pub(crate) fn drive(
        &self,
        ui: &mut Ui,
        only: &[String],
        task: Task,
        watcher: &mut dyn Watcher,
        each: impl FnMut(&mut Ui, &Outcome, &Event) -> Result<(), Failure>,
    ) -> Result<Outcome, Failure> {
        self.drive_with(ui, only, task, watcher, |_| {}, each)
    }

    /// As [`drive`](Self::drive), with the plugins changed before anything is asked of them.
    pub(crate) fn drive_with(
        &self,
        ui: &mut Ui,
        only: &[String],
        task: Task,
        watcher: &mut dyn Watcher,
        change: impl FnOnce(&mut mailhaul_engine::plugin::Plugins),
        each: impl FnMut(&mut Ui, &Outcome, &Event) -> Result<(), Failure>,
    ) -> Result<Outcome, Failure> {
        let job = Arc::new(job(&self.project, only)?);
        let runtime = runtime()?;
        let outcome = runtime.block_on(async {
            let signals = Signals::install()?;
            let plugins::Loaded { mut plugins, cancel } = plugins::load(ui, &self.project).await?;
            change(&mut plugins);
            let running = Running { handle: handle::start(job, plugins, task), cancel, signals };
            drive(ui, running, watcher, each).await
        });
        runtime.shutdown_timeout(LINGER);
        outcome
    }
}

/// Converts a project.
///
/// # Errors
/// Secrets that cannot be had, folder patterns and roots that cannot be read: all of them at once.
pub(crate) fn job(project: &Project, only: &[String]) -> Result<Job, Failure> {
    let mut causes = Vec::new();
    let rules: Vec<_> =
        project.rules.iter().filter_map(|spec| keep(rule(project, spec), &mut causes)).collect();
    let source = keep(host(project, &project.source), &mut causes);
    let target = keep(host(project, &project.target), &mut causes);
    let (Some(source), Some(target), true) = (source, target, causes.is_empty()) else {
        return Err(Failure { exit: Exit::Input, causes });
    };
    Ok(Job {
        name: project.name.clone(),
        state_dir: project.state.clone(),
        source,
        target,
        mailbox_hosts: destinations(&project.mailboxes.hosts),
        rules,
        select: select(&project.select)?,
        ignore: IgnoredDifferences { flags: project.ignore.flags, dates: project.ignore.dates },
        limits: Limits {
            mailboxes_at_once: project.limits.mailboxes_at_once,
            connections_per_host: project.limits.connections_per_host,
            connections_are_meant: project.limits.connections_are_meant,
            memory: project.limits.memory,
        },
        // With what the lock says of foreign plugins: one that was built anew is another.
        plugin_settings: format!(
            "{:?} {}",
            project.plugins,
            std::fs::read_to_string(project.dir.join(LOCK_FILE)).unwrap_or_default()
        ),
        only: only.to_vec(),
    })
}

fn keep<T>(result: Result<T, Cause>, causes: &mut Vec<Cause>) -> Option<T> {
    result.map_err(|cause| causes.push(cause)).ok()
}

fn host(project: &Project, side: &Side) -> Result<HostSettings, Cause> {
    let dialer = match &side.ca_file {
        Some(file) => Dialer::trusting(&file.pem).map_err(|error| Cause {
            sentence: format!(
                "{}: `ca_file` {}: {}",
                project.place(file.line),
                file.path.display(),
                error.detail
            ),
            hint: Some("name a PEM file with the root certificate of this server".to_owned()),
        })?,
        None => Dialer::platform(),
    };
    let admin = match &side.admin_password {
        Some(password) => {
            let secret = resolve(password).map_err(|error| Cause::from(&error))?;
            // A `user_pattern` such as `{user}*master` names the administrator already.
            Some(Admin { user: side.admin_user.clone().unwrap_or_default(), secret })
        }
        None => None,
    };
    Ok(HostSettings {
        server: server(side),
        dialer,
        method: method(side.auth),
        admin,
        user_pattern: side.user_pattern.clone(),
        token: side.token.clone().map(token),
        allow_cleartext: side.allow_cleartext,
        compress: side.compress,
    })
}

/// What decides where the passwords of a side may go.
pub(crate) fn server(side: &Side) -> Server {
    Server {
        host: side.host.clone(),
        port: side.port,
        tls: tls(side.tls),
        admin_hosts: destinations(&side.admin_hosts),
        shared: match (&side.token, &side.admin_password) {
            (Some(_), _) => Some(Credential::Token),
            (None, Some(_)) => Some(Credential::Admin),
            (None, None) => None,
        },
    }
}

/// Hosts of the project file in the engine's terms.
pub(crate) fn destinations(hosts: &[AllowedHost]) -> Vec<Destination> {
    hosts.iter().map(|AllowedHost { host, port }| Destination { host: host.clone(), port: *port }).collect()
}

/// Asks for a secret and keeps it out of the log from then on.
pub(crate) fn resolve(reference: &SecretRef) -> Result<Secret, mailhaul_project::ProjectError> {
    let secret = reference.resolve()?;
    redact::register(secret.expose_secret());
    Ok(secret)
}

fn token(reference: SecretRef) -> SecretSource {
    Arc::new(move || resolve(&reference).map_err(|error| error.to_string()))
}

fn tls(tls: Tls) -> TlsMode {
    match tls {
        Tls::Implicit => TlsMode::Implicit,
        Tls::Starttls => TlsMode::StartTls,
        Tls::None => TlsMode::None,
    }
}

fn method(auth: Auth) -> AuthMethod {
    match auth {
        Auth::Password => AuthMethod::Password,
        Auth::PlainAuthzid => AuthMethod::PlainAuthzid,
        Auth::Login => AuthMethod::Login,
        Auth::Plain => AuthMethod::Plain,
        Auth::CramMd5 => AuthMethod::CramMd5,
        Auth::ScramSha1 => AuthMethod::ScramSha1,
        Auth::ScramSha256 => AuthMethod::ScramSha256,
        Auth::Xoauth2 => AuthMethod::Xoauth2,
        Auth::OauthBearer => AuthMethod::OauthBearer,
    }
}

fn rule(project: &Project, spec: &RuleSpec) -> Result<FolderRule, Cause> {
    let place = project.place(spec.line);
    let wrong = |sentence: String| Cause {
        sentence: format!("{place}: {sentence}"),
        hint: Some(
            "in a level `*` stands for any text, `**` as a whole level for any number of levels, as in \
             `Old/**`"
                .to_owned(),
        ),
    };
    let from = Pattern::parse(&spec.from).map_err(wrong)?;
    let action = match &spec.to {
        Some(to) => RuleAction::To(Pattern::parse(to).map_err(wrong)?),
        None => RuleAction::Skip,
    };
    let rule = FolderRule { from, action, place: place.clone() };
    rule.check().map_err(wrong)?;
    Ok(rule)
}

fn select(select: &mailhaul_project::Select) -> Result<Selection, Failure> {
    let since = match &select.since {
        // A day begins at midnight UTC, so that the same file selects the same mail on any machine.
        Some(since) => {
            let midnight = since.date.to_zoned(TimeZone::UTC).map_err(Failure::internal)?;
            Some((midnight.timestamp().as_second(), since.written.clone()))
        }
        None => None,
    };
    Ok(Selection {
        since,
        max_size: select.max_size.as_ref().map(|limit| (limit.bytes, limit.written.clone())),
        skip_deleted: select.skip_deleted,
        order: match select.order {
            mailhaul_project::Order::Source => Order::Source,
            mailhaul_project::Order::RecentFirst => Order::RecentFirst,
            mailhaul_project::Order::Any => Order::Any,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(text: &str) -> Project {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mailhaul.toml");
        std::fs::write(&file, text).unwrap();
        Project::load(&file).unwrap().project
    }

    const HOSTS: &str = "[source]\nhost = \"a.example\"\nport = 1143\ntls = \"none\"\nallow_cleartext = true\n\
        user_pattern = \"{user}*master\"\nadmin_user = \"master\"\nadmin_password = \"canary-admin\"\n\
        admin_hosts = [\"node.example:1143\"]\n[target]\nhost = \"b.example\"\n[mailboxes]\nhosts = [\"c.example\"]\nfrom = \"csv\"\ninputs = { accounts = \"m.csv\" }\n";

    #[test]
    fn an_administrator_may_be_named_by_the_pattern_alone() {
        let project = project(&HOSTS.replace("admin_user = \"master\"\n", ""));
        assert!(job(&project, &[]).unwrap().source.admin.is_some());
    }

    #[test]
    fn a_project_becomes_a_job() {
        let project = project(&format!(
            "{HOSTS}[[folders]]\nfrom = \"Old/**\"\nto = \"Archive/Old/**\"\n[select]\nsince = 2019-01-01\n\
             max_size = \"50 MiB\"\ndeleted = \"skip\"\n"
        ));
        let job = job(&project, &["anna".to_owned()]).unwrap();
        let (source, target) = (&job.source.server, &job.target.server);
        assert_eq!((source.host.as_deref(), source.port), (Some("a.example"), Some(1143)));
        assert_eq!((source.tls, target.tls), (TlsMode::None, TlsMode::Implicit));
        assert_eq!((source.shared, target.shared), (Some(Credential::Admin), None));
        let allowed = |host: &str, port| Destination { host: host.into(), port };
        assert_eq!(source.admin_hosts, [allowed("node.example", Some(1143))]);
        assert_eq!(job.mailbox_hosts, [allowed("c.example", None)]);
        assert!(job.source.allow_cleartext && !job.target.allow_cleartext);
        assert_eq!(job.source.admin.as_ref().unwrap().user, "master");
        assert_eq!(job.select.since, Some((1_546_300_800, "2019-01-01".to_owned())));
        assert_eq!(job.select.max_size.as_ref().unwrap().0, 50 << 20);
        assert!(job.select.skip_deleted);
        assert!(job.rules[0].place.ends_with("mailhaul.toml:16"), "{}", job.rules[0].place);
        assert_eq!(job.only, ["anna"]);
        assert_eq!(redact::scrub("canary-admin"), "[secret]");
    }

    #[test]
    fn all_mistakes_are_told_at_once_with_their_lines() {
        let text = HOSTS.replace("\"canary-admin\"", "{ env = \"MAILHAUL_NO_SUCH_VARIABLE\" }");
        let project = project(&format!(
            "{text}[[folders]]\nfrom = \"a**\"\nskip = true\n[[folders]]\nfrom = \"Old\"\nto = \"New/**\"\n"
        ));
        let failure = job(&project, &[]).unwrap_err();
        assert_eq!((failure.exit, failure.causes.len()), (Exit::Input, 3));
        let text = format!("{:?}", failure.causes);
        for part in ["mailhaul.toml:16:", "mailhaul.toml:19:", "MAILHAUL_NO_SUCH_VARIABLE"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
