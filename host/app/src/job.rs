//! From what the project says to what the engine takes. Conversion only: checks of the file are in
//! `mailhaul-project`, decisions in the engine.

use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use jiff::tz::TimeZone;
use mailhaul_engine::clock::SystemClock;
use mailhaul_engine::job::{
    Admin, HostSettings, IgnoredDifferences, Job, Limits, Order, SecretSource, Selection,
};
use mailhaul_engine::password_hosts::{Credential, Destination, Server};
use mailhaul_engine::rules::{FolderRule, Pattern, RuleAction};
use mailhaul_engine::run_kind::Requester;
use mailhaul_imap::{AuthMethod, Secret};
use mailhaul_net::{Dialer, Fingerprint, NoFingerprint, TlsMode};
use mailhaul_plugin_host::LOCK_FILE;
use mailhaul_project::{AllowedHost, Auth, Project, RuleSpec, SecretRef, Side, Tls};
use secrecy::ExposeSecret as _;

use crate::{Cause, Failure, TaskRefusalKind, redact};

/// Makes a job of a project, for the mailboxes that `only` names by key or log-in, or for all where it is
/// empty. Secrets the project file refers to are asked for here, except tokens, which are asked for before
/// each log-in; a command that prints one is waited for, so call it outside of a runtime.
///
/// # Errors
/// Secrets that cannot be had, folder patterns and roots that cannot be read: all of them at once.
pub fn job(project: &Project, only: &[String]) -> Result<Job, Failure> {
    let mut causes = Vec::new();
    let rules: Vec<_> =
        project.rules.iter().filter_map(|spec| keep(rule(project, spec), &mut causes)).collect();
    let source = keep(host(project, &project.source), &mut causes);
    let target = keep(host(project, &project.target), &mut causes);
    let (Some(source), Some(target), true) = (source, target, causes.is_empty()) else {
        return Err(Failure { kind: TaskRefusalKind::Input, causes });
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
            refused_log_ins: project.limits.refused_log_ins,
            patience: project.limits.patience,
        },
        // With what the lock says of foreign plugins: one that was built anew is another.
        plugin_settings: format!(
            "{:?} {}",
            project.plugins,
            std::fs::read_to_string(project.dir.join(LOCK_FILE)).unwrap_or_default()
        ),
        only: only.to_vec(),
        requester: requester(),
        clock: Arc::new(SystemClock),
    })
}

/// Returns whoever has typed the command: behind `sudo` the person himself.
#[must_use]
pub fn requester() -> Requester {
    let uid = std::fs::metadata("/proc/self").map(|meta| meta.uid()).unwrap_or_default();
    let sudo = || std::env::var("SUDO_USER").ok().filter(|name| uid == 0 && !name.trim().is_empty());
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let of_uid = |line: &str| {
        let mut cells = line.split(':');
        let (name, number) = (cells.next()?, cells.nth(1)?);
        (number.parse() == Ok(uid)).then(|| name.to_owned())
    };
    let name = sudo().or_else(|| users.lines().find_map(of_uid));
    Requester::on_terminal(name.unwrap_or_else(|| format!("uid {uid}")))
}

fn keep<T>(result: Result<T, Cause>, causes: &mut Vec<Cause>) -> Option<T> {
    result.map_err(|cause| causes.push(cause)).ok()
}

fn host(project: &Project, side: &Side) -> Result<HostSettings, Cause> {
    let dialer = match (&side.fingerprint, &side.ca_file) {
        // It says more than any authority can.
        (Some(pin), _) => {
            let said = |why: String| Cause {
                sentence: format!("{}: `fingerprint`: {why}", project.place(pin.line)),
                hint: Some("`mailhaul check` without the key shows the server's own".to_owned()),
            };
            let pinned: Fingerprint =
                pin.text.parse().map_err(|error: NoFingerprint| said(error.to_string()))?;
            Dialer::pinned(pinned).map_err(|error| said(error.detail))?
        }
        (None, Some(file)) => Dialer::trusting(&file.pem).map_err(|error| Cause {
            sentence: format!(
                "{}: `ca_file` {}: {}",
                project.place(file.line),
                file.path.display(),
                error.detail
            ),
            hint: Some("name a PEM file with the root certificate of this server".to_owned()),
        })?,
        (None, None) => Dialer::platform(),
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

/// Returns what decides where the passwords of a side may go.
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

pub(crate) fn destinations(hosts: &[AllowedHost]) -> Vec<Destination> {
    hosts.iter().map(|AllowedHost { host, port }| Destination { host: host.clone(), port: *port }).collect()
}

/// Asks for a secret where the project file says it is, and registers it with [`redact`].
///
/// # Errors
/// When it cannot be had, with the place in the file.
pub fn resolve(reference: &SecretRef) -> Result<Secret, mailhaul_project::ProjectError> {
    let secret = reference.resolve()?;
    redact::register(secret.expose_secret());
    Ok(secret)
}

fn token(reference: SecretRef) -> SecretSource {
    Arc::new(move || resolve(&reference).map_err(|error| error.to_string()))
}

pub(crate) fn tls(tls: Tls) -> TlsMode {
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
        None if spec.keep_copies => RuleAction::SkipKeepingCopies,
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
    fn a_certificate_is_pinned_in_the_forms_that_tools_print() {
        let digits = "ab".repeat(32);
        let pairs = vec!["AB"; 32].join(":");
        for text in [format!("sha256:{digits}"), format!("SHA256:{pairs}"), pairs] {
            let text = HOSTS.replace("\n[mailboxes]", &format!("\nfingerprint = \"{text}\"\n[mailboxes]"));
            job(&project(&text), &[]).unwrap();
        }
        let text = HOSTS.replace("\n[mailboxes]", &format!("\nfingerprint = \"sha1:{digits}\"\n[mailboxes]"));
        let told = format!("{:?}", job(&project(&text), &[]).unwrap_err().causes);
        assert!(
            told.contains("mailhaul.toml:12: `fingerprint`: a fingerprint is `sha256:` and 64"),
            "{told}"
        );
    }

    #[test]
    fn all_mistakes_are_told_at_once_with_their_lines() {
        let text = HOSTS.replace("\"canary-admin\"", "{ env = \"MAILHAUL_NO_SUCH_VARIABLE\" }");
        let project = project(&format!(
            "{text}[[folders]]\nfrom = \"a**\"\nskip = true\n[[folders]]\nfrom = \"Old\"\nto = \"New/**\"\n"
        ));
        let failure = job(&project, &[]).unwrap_err();
        assert_eq!((failure.kind, failure.causes.len()), (TaskRefusalKind::Input, 3));
        let text = format!("{:?}", failure.causes);
        for part in ["mailhaul.toml:16:", "mailhaul.toml:19:", "MAILHAUL_NO_SUCH_VARIABLE"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
