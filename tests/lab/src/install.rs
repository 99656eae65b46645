//! Getting real servers from the distribution, without starting or touching any of its daemons.
//!
//! Debian's three IMAP servers conflict with each other, so dpkg takes only one: Dovecot. Of the others the
//! parts that do not conflict are installed, and the one package that does is unpacked beside the build.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::output;
use crate::workdir::AtExit;

/// Exits 101: "action forbidden by policy" to invoke-rc.d, so that no package starts its daemon.
const POLICY: &str = "/usr/sbin/policy-rc.d";

const CYRUS_PARTS: [&str; 7] = [
    "cyrus-common",
    "cyrus-clients",
    "cyrus-admin",
    "sasl2-bin",
    "libsasl2-modules",
    "libsasl2-modules-db",
    // Satisfies mail-transport-agent without a daemon.
    "msmtp-mta",
];

const COURIER_PARTS: [&str; 6] = [
    "courier-base",
    "courier-authdaemon",
    "courier-authlib-userdb",
    "gamin",
    "libwrap0",
    // Satisfies mail-transport-agent without a daemon.
    "msmtp-mta",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    Root,
    Sudo,
}

/// Makes sure that `dovecot` can be run.
///
/// # Errors
/// A sentence that says what to type, when it is missing and cannot be installed from here.
pub fn dovecot() -> Result<(), String> {
    let there = || Path::new("/usr/lib/dovecot/imap").exists() && program("dovecot").is_some();
    if !there() {
        packages(&["dovecot-imapd"])?;
    }
    if there() {
        Ok(())
    } else {
        Err("dovecot-imapd is installed but `dovecot` is not on the path".to_owned())
    }
}

/// Makes sure that Cyrus can be run; returns its `imapd`.
///
/// # Errors
/// A sentence that says what to type, when it is missing and cannot be installed from here.
pub fn cyrus() -> Result<PathBuf, String> {
    let parts = ["/usr/lib/cyrus/bin/master", "/usr/lib/cyrus/bin/ctl_cyrusdb"];
    let there = || {
        parts.iter().all(|part| Path::new(part).exists())
            && program("saslpasswd2").is_some()
            && sasldb_plugin()
    };
    if !there() {
        packages(&CYRUS_PARTS)?;
    }
    let imapd = unpacked("cyrus-imapd")?.join("usr/lib/cyrus/bin/imapd");
    if imapd.exists() { Ok(imapd) } else { Err(format!("{} is not in the package", imapd.display())) }
}

/// Makes sure that Courier can be run; returns the folder that its package is unpacked in.
///
/// # Errors
/// A sentence that says what to type, when it is missing and cannot be installed from here.
pub fn courier() -> Result<PathBuf, String> {
    let parts = [
        "/usr/sbin/couriertcpd",
        "/usr/sbin/makeuserdb",
        "/usr/bin/couriertls",
        "/usr/lib/courier/courier-authlib/authdaemond",
    ];
    if !parts.iter().all(|part| Path::new(part).exists()) {
        packages(&COURIER_PARTS)?;
    }
    let folder = unpacked("courier-imap")?;
    let imapd = folder.join("usr/bin/imapd");
    if imapd.exists() { Ok(folder) } else { Err(format!("{} is not in the package", imapd.display())) }
}

fn sasldb_plugin() -> bool {
    let Ok(folders) = fs::read_dir("/usr/lib") else { return false };
    folders.flatten().any(|folder| folder.path().join("sasl2/libsasldb.so").exists())
}

/// Finds a program on the path or in the sbin folders, which ordinary users often lack.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').map(str::to_owned);
    folders
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(str::to_owned))
        .map(|folder| PathBuf::from(folder).join(name))
        .find(|path| path.is_file())
}

/// The build's target folder, which this binary lies in.
#[must_use]
pub fn target_folder() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    // Cargo marks its target folder with this file.
    let target = own.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    target.map_or_else(std::env::temp_dir, Path::to_owned)
}

/// Returns the folder where packages are unpacked that are not installed.
fn servers_folder() -> PathBuf {
    target_folder().join("servers")
}

/// Downloads a package and unpacks it; returns the folder. Done once.
fn unpacked(package: &str) -> Result<PathBuf, String> {
    let _lock = lock()?;
    let servers = servers_folder();
    let done = servers.join(package);
    if done.exists() {
        return Ok(done);
    }
    let fresh = servers.join(format!("{package}.new"));
    fs::remove_dir_all(&fresh).ok();
    fs::create_dir_all(&fresh).map_err(|e| format!("cannot create {}: {e}", fresh.display()))?;
    let download = |folder: &Path| {
        let mut command = Command::new("apt-get");
        // As a plain download: apt's own user may not be allowed into the checkout.
        command.args(["-q", "-o", "APT::Sandbox::User=root", "download", package]).current_dir(folder);
        shown(&mut command)
    };
    if download(&fresh).is_err() {
        apt(power(&[package])?, &["update"])?;
        download(&fresh)?;
    }
    let files = fs::read_dir(&fresh).map_err(|e| e.to_string())?;
    let file = files.flatten().map(|f| f.path()).find(|f| f.extension().is_some_and(|e| e == "deb"));
    let file = file.ok_or_else(|| format!("apt-get download {package} left no package"))?;
    shown(Command::new("dpkg").arg("-x").arg(&file).arg(&fresh))?;
    fs::remove_file(&file).map_err(|e| e.to_string())?;
    fs::rename(&fresh, &done).map_err(|e| format!("cannot move {package} into place: {e}"))?;
    Ok(done)
}

/// Installs packages with their daemons kept from starting.
fn packages(names: &[&str]) -> Result<(), String> {
    let _lock = lock()?;
    let power = power(names)?;
    let _policy = NoDaemons::start(power, POLICY)?;
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(names);
    // A fresh machine has no package lists; one with old lists fails to download.
    if apt(power, &arguments).is_err() {
        apt(power, &["update"])?;
        apt(power, &arguments)?;
    }
    Ok(())
}

fn power(names: &[&str]) -> Result<Power, String> {
    let list = names.join(" ");
    if program("apt-get").is_none() {
        return Err(format!(
            "this machine has no apt-get: install {list} with its own package manager, then type the same command again"
        ));
    }
    if fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0) {
        return Ok(Power::Root);
    }
    let sudo = Command::new("sudo").args(["-n", "true"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if sudo.is_ok_and(|status| status.success()) {
        return Ok(Power::Sudo);
    }
    Err(format!(
        "{list} must be installed by root: type `sudo apt-get install --no-install-recommends {list}`, then the same command again"
    ))
}

/// Makes a command that runs as root.
fn privileged(power: Power, program: &str) -> Command {
    match power {
        Power::Root => Command::new(program),
        Power::Sudo => {
            let mut command = Command::new("sudo");
            command.args(["-n", program]);
            command
        }
    }
}

fn apt(power: Power, arguments: &[&str]) -> Result<(), String> {
    let mut command = privileged(power, "env");
    // Another apt may be at work: wait for it rather than fail.
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=600"]);
    command.args(arguments);
    shown(&mut command)
}

/// Runs a command, telling on stderr that it does; what the command says is told only when it fails.
fn shown(command: &mut Command) -> Result<(), String> {
    let words: Vec<_> = command.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
    let line = format!("{} {}", command.get_program().to_string_lossy(), words.join(" "));
    eprintln!("  $ {line}");
    let out =
        command.stdin(Stdio::null()).output().map_err(|error| format!("cannot run `{line}`: {error}"))?;
    if out.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&out.stderr).trim().to_owned();
    Err(format!("`{line}` ended with {}: {said}", out.status))
}

/// One installation at a time on this machine, for the sake of the policy file; let go when dropped.
fn lock() -> Result<File, String> {
    let path = "/tmp/mailhaul-lab-install.lock";
    // Opened before created: in a sticky folder nobody may open another user's file for creation.
    let file = File::open(path).or_else(|_| File::create(path));
    let file = file.map_err(|error| format!("cannot open {path}: {error}"))?;
    file.lock().map_err(|error| format!("cannot lock {path}: {error}"))?;
    Ok(file)
}

/// While this lives no package starts a daemon. Afterwards the policy file is what it was, also when this
/// process is killed: the guardian does it then.
#[derive(Debug)]
struct NoDaemons {
    power: Power,
    /// `None` when the machine forbids daemons already.
    restore: Option<(String, AtExit)>,
}

impl NoDaemons {
    fn start(power: Power, policy: &str) -> Result<Self, String> {
        let before = fs::read_to_string(policy).ok();
        if before.as_deref().is_some_and(|text| text.lines().any(|line| line.trim() == "exit 101")) {
            return Ok(Self { power, restore: None });
        }
        let sudo = if power == Power::Sudo { "sudo -n " } else { "" };
        let aside = format!("{policy}.mailhaul-lab");
        let script = if before.is_some() {
            let mut aside_first = privileged(power, "mv");
            output(aside_first.args([policy, &aside]))?;
            format!("{sudo}mv {aside} {policy}\n")
        } else {
            format!("{sudo}rm -f {policy}\n")
        };
        let this = Self { power, restore: Some((script.clone(), AtExit::new("policy-rc.d", &script))) };
        let ours = crate::workdir::folder("policy").join("policy-rc.d");
        fs::write(&ours, "#!/bin/sh\nexit 101\n")
            .map_err(|e| format!("cannot write {}: {e}", ours.display()))?;
        output(privileged(power, "install").args(["-m", "755"]).arg(&ours).arg(policy))?;
        Ok(this)
    }
}

impl Drop for NoDaemons {
    fn drop(&mut self) {
        if let Some((script, _at_exit)) = self.restore.take() {
            let done = Command::new("sh").args(["-c", &script]).status();
            if !done.is_ok_and(|status| status.success()) {
                eprintln!("could not put policy-rc.d back ({:?}): type `{}`", self.power, script.trim());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was there before is there afterwards, and in between no daemon may start.
    #[test]
    fn the_policy_file_is_put_back() {
        let file = crate::workdir::folder("install").join("policy-rc.d");
        let path = file.to_str().unwrap();
        drop(NoDaemons::start(Power::Root, path).unwrap());
        assert!(!file.exists(), "there was none");
        for before in ["#!/bin/sh\nexit 0\n", "#!/bin/sh\nexit 101\n"] {
            fs::write(&file, before).unwrap();
            let during = NoDaemons::start(Power::Root, path).unwrap();
            assert!(fs::read_to_string(&file).unwrap().contains("exit 101"));
            drop(during);
            assert_eq!(fs::read_to_string(&file).unwrap(), before);
        }
    }
}
