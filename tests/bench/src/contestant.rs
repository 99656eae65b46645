//! Who takes part, and the command line that makes each of them carry out a task.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use mailhaul_lab::project::{Pair, Side, Spec};
use mailhaul_lab::{install, runner};

use crate::job::{self, Job, USUAL_AT_ONCE};
use crate::measure::{CommandBatch, CommandLine};

/// A tool that takes part, and how it is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// `mailhaul run` in a fresh project: ledger, digests, proof and all.
    Mailhaul,
    /// isync's mbsync, pulling into the new server.
    Mbsync,
    /// `doveadm backup`: reads the old server through imapc and writes the new one's store directly.
    Dsync,
    /// imapsync with its defaults.
    Imapsync,
    /// async-imap's own methods, each awaited.
    OneByOne,
    /// The bare copier with so many connections to each server.
    Floor(usize),
}

impl Tool {
    /// All of them, in the order of their turns.
    pub(crate) const ALL: [Self; 8] = [
        Self::Mailhaul,
        Self::Floor(1),
        Self::Floor(2),
        Self::Floor(4),
        Self::Dsync,
        Self::Mbsync,
        Self::Imapsync,
        Self::OneByOne,
    ];

    pub(crate) fn name(self) -> String {
        match self {
            Self::Mailhaul => "mailhaul".to_owned(),
            Self::Mbsync => "mbsync".to_owned(),
            Self::Dsync => "doveadm backup".to_owned(),
            Self::Imapsync => "imapsync".to_owned(),
            Self::OneByOne => "async-imap 1×1".to_owned(),
            Self::Floor(n) => format!("floor, {n} conn."),
        }
    }

    /// Reads the name used by `--against`; of the floor any number of connections is meant.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        match name {
            "mailhaul" => Ok(Self::Mailhaul),
            "mbsync" => Ok(Self::Mbsync),
            "doveadm" => Ok(Self::Dsync),
            "imapsync" => Ok(Self::Imapsync),
            "async-imap" => Ok(Self::OneByOne),
            "floor" => Ok(Self::Floor(1)),
            _ => Err("there are mailhaul, floor, doveadm, mbsync, imapsync and async-imap".to_owned()),
        }
    }

    /// Returns whether both are the same tool, with however many connections.
    pub(crate) fn same_tool(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }

    /// Returns why it cannot take part here; `None` when it can.
    pub(crate) fn absent(self) -> Option<String> {
        let program = match self {
            Self::Mbsync => "mbsync",
            Self::Dsync => "doveadm",
            Self::Imapsync => "imapsync",
            Self::Mailhaul | Self::OneByOne | Self::Floor(_) => return None,
        };
        install::program(program).is_none().then(|| "not installed".to_owned())
    }

    /// Writes what the tool needs into `folder` and returns the commands to run there. `new_config` is the
    /// new server's configuration file, which `doveadm` writes through.
    pub(crate) fn batch(self, job: &Job, folder: &Path, new_config: &Path) -> Result<CommandBatch, String> {
        let batch = match self {
            Self::Mailhaul => mailhaul(job, folder),
            Self::Mbsync => several(job, |n| mbsync(job, folder, n))?,
            Self::Dsync => several(job, |n| Ok(dsync(job, new_config, n)))?,
            Self::Imapsync => several(job, |n| imapsync(job, folder, n))?,
            Self::OneByOne | Self::Floor(_) => self.own(job, folder)?,
        };
        Ok(batch)
    }

    /// Returns the command that starts this program again, in another part.
    fn own(self, job: &Job, folder: &Path) -> Result<CommandBatch, String> {
        let file = folder.join("job.json");
        job::write(&file, job)?;
        let program = std::env::current_exe().map_err(|e| format!("where am I: {e}"))?;
        let file = file.display().to_string();
        let arguments = match self {
            Self::Floor(connections) => vec![
                "floor".to_owned(),
                file,
                connections.to_string(),
                floor_result(folder).display().to_string(),
            ],
            _ => vec!["one-by-one".to_owned(), file],
        };
        Ok(one(CommandLine { program, arguments, folder: folder.to_owned() }))
    }
}

/// Returns the file into which the floor writes how long it took without set-up.
pub(crate) fn floor_result(folder: &Path) -> PathBuf {
    folder.join("floor.json")
}

fn one(line: CommandLine) -> CommandBatch {
    CommandBatch { lines: vec![line], at_once: 1 }
}

/// A process for each mailbox, a few at once, as people drive tools that know only one.
fn several(job: &Job, line: impl Fn(usize) -> Result<CommandLine, String>) -> Result<CommandBatch, String> {
    let lines = (0..job.pairs.len()).map(line).collect::<Result<_, _>>()?;
    Ok(CommandBatch { lines, at_once: job.at_once.unwrap_or(USUAL_AT_ONCE) })
}

fn mailhaul(job: &Job, folder: &Path) -> CommandBatch {
    let side = |end: &job::End| {
        let mut side = Side::tls(end.port, &job.ca).at(&end.host);
        if !end.tls {
            side.tls = "none";
            side.ca = None;
            side.extra = "allow_cleartext = true\n".to_owned();
        }
        side
    };
    let word = job.password.as_str();
    let pairs = job.pairs.iter().map(|(old, new)| Pair::new((old, word), (new, word))).collect();
    let mut spec = Spec::new(side(&job.source), side(&job.target), pairs);
    if let Some(n) = job.at_once {
        spec = spec.extra(&format!("[limits]\nmailboxes_at_once = {n}\nconnections_per_host = {n}\n"));
    }
    spec.write(folder);
    one(CommandLine {
        program: runner::binary(),
        arguments: vec!["run".to_owned()],
        folder: folder.to_owned(),
    })
}

fn mbsync(job: &Job, folder: &Path, n: usize) -> Result<CommandLine, String> {
    let (old, new) = &job.pairs[n];
    let account = |name: &str, end: &job::End, user: &str| {
        let tls = if end.tls {
            format!("SSLType IMAPS\nSystemCertificates no\nCertificateFile {}\n", job.ca.display())
        } else {
            "SSLType None\n".to_owned()
        };
        format!(
            "IMAPAccount {name}\nHost {}\nPort {}\nUser {user}\nPass \"{}\"\n{tls}AuthMechs *\n\n\
             IMAPStore {name}\nAccount {name}\n\n",
            end.host, end.port, job.password
        )
    };
    let state = folder.join(format!("state{n}"));
    fs::create_dir_all(&state).map_err(|e| format!("cannot create {}: {e}", state.display()))?;
    let text = format!(
        "{}{}Channel move\nFar :old:\nNear :new:\nPatterns *\nSync Pull\nCreate Near\nExpunge None\n\
         CopyArrivalDate yes\nSyncState {}/\n",
        account("old", &job.source, old),
        account("new", &job.target, new),
        state.display()
    );
    let file = folder.join(format!("mbsyncrc{n}"));
    private(&file, &text)?;
    let arguments = vec!["-q".to_owned(), "-c".to_owned(), file.display().to_string(), "move".to_owned()];
    Ok(CommandLine { program: program("mbsync"), arguments, folder: folder.to_owned() })
}

/// As Dovecot's manual describes a migration, its recommended imapc features included.
fn dsync(job: &Job, config: &Path, n: usize) -> CommandLine {
    let (old, new) = &job.pairs[n];
    let source = &job.source;
    let tls = if source.tls { "imaps" } else { "no" };
    let settings = [
        format!("imapc_host={}", source.host),
        format!("imapc_port={}", source.port),
        format!("imapc_ssl={tls}"),
        format!("imapc_user={old}"),
        format!("imapc_password={}", job.password),
        format!("ssl_client_ca_file={}", job.ca.display()),
        "imapc_features=rfc822.size fetch-headers".to_owned(),
        "mail_prefetch_count=20".to_owned(),
    ];
    let mut arguments = vec!["-c".to_owned(), config.display().to_string()];
    for setting in settings {
        arguments.extend(["-o".to_owned(), setting]);
    }
    arguments.extend(["backup", "-R", "-u", new, "imapc:"].map(str::to_owned));
    CommandLine { program: program("doveadm"), arguments, folder: PathBuf::from("/") }
}

fn imapsync(job: &Job, folder: &Path, n: usize) -> Result<CommandLine, String> {
    let (old, new) = &job.pairs[n];
    let word = folder.join("word");
    private(&word, &format!("{}\n", job.password))?;
    let mut arguments = vec!["--nolog".to_owned(), "--noreleasecheck".to_owned()];
    for (number, end, user) in [(1, &job.source, old), (2, &job.target, new)] {
        arguments.extend([
            format!("--host{number}"),
            end.host.clone(),
            format!("--port{number}"),
            end.port.to_string(),
            format!("--user{number}"),
            user.clone(),
            format!("--passfile{number}"),
            word.display().to_string(),
        ]);
        if end.tls {
            arguments.push(format!("--ssl{number}"));
            arguments.extend([format!("--sslargs{number}"), format!("SSL_ca_file={}", job.ca.display())]);
        } else {
            arguments.extend([format!("--nossl{number}"), format!("--notls{number}")]);
        }
    }
    Ok(CommandLine { program: program("imapsync"), arguments, folder: folder.to_owned() })
}

fn program(name: &str) -> PathBuf {
    install::program(name).unwrap_or_else(|| PathBuf::from(name))
}

/// A file that only its owner reads; mbsync and imapsync want their passwords in one.
fn private(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o600)))
        .map_err(|e| format!("cannot write {}: {e}", path.display()))
}
