//! The laboratory's folder under `/tmp`, and the guardian that clears it up.
//!
//! Destructors do not run on Ctrl-C, SIGTERM, SIGKILL or `process::exit` (which libtest uses), and statics
//! are never dropped. So the clearing up is not left to this process: a tiny shell process of its own session
//! waits for the end of a pipe that only this process holds. When this process is gone, for whatever reason,
//! the pipe closes, and the guardian ends what is registered under `pids/` and removes the folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// What the guardian runs: `$1` is the folder. It ignores the signals a terminal sends to everybody.
const GUARDIAN: &str = r#"
trap '' INT TERM HUP QUIT
cat >/dev/null
alive() { [ -d "/proc/$1" ] && ! grep -q '^State:.*Z' "/proc/$1/status"; }
for f in "$1"/pids/*; do n=${f##*/}; kill -TERM "${n#?}" 2>/dev/null; done
i=0
while [ $i -lt 30 ]; do
  some=; for f in "$1"/pids/*; do n=${f##*/}; alive "${n#?}" 2>/dev/null && some=y; done
  [ -n "$some" ] || break
  i=$((i+1)); sleep 0.1
done
for f in "$1"/pids/*; do n=${f##*/}; case $n in
  g*) kill -s KILL -- "-${n#?}" 2>/dev/null ;;
  p*) kill -KILL "${n#?}" 2>/dev/null ;;
esac; done
for f in "$1"/at-exit/*; do [ -e "$f" ] && sh "$f"; done
rm -rf -- "$1"
# What was being written while it was removed.
sleep 0.3
rm -rf -- "$1"
"#;

struct Workdir {
    root: PathBuf,
    /// Its standard input is held open for as long as this process lives; the end of it is its signal.
    _guardian: Child,
}

static WORKDIR: OnceLock<Workdir> = OnceLock::new();
static NEXT: AtomicU32 = AtomicU32::new(1);

/// This process's folder: `/tmp/mh-lab-…`, mode 0755 so that the servers' own users can enter it (a checkout,
/// or `$TMPDIR`, may be closed to them). Short, because paths of Unix sockets end at 107 bytes.
#[must_use]
pub fn root() -> &'static Path {
    &WORKDIR.get_or_init(create).root
}

fn create() -> Workdir {
    let root = PathBuf::from(format!("/tmp/mh-lab-{}", std::process::id()));
    // A folder of that name can only be left over from a dead process with the same id.
    fs::remove_dir_all(&root).ok();
    for folder in [root.clone(), root.join("pids"), root.join("at-exit")] {
        fs::create_dir(&folder).expect("create the laboratory's folder under /tmp");
        open_to_all(&folder);
    }
    let guardian = Command::new("sh")
        .args(["-c", GUARDIAN, "mailhaul-lab-guardian"])
        .arg(&root)
        .process_group(0)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("start the guardian");
    Workdir { root, _guardian: guardian }
}

/// A fresh folder for one server or project, named after what it is for.
#[must_use]
pub fn folder(name: &str) -> PathBuf {
    let path = root().join(format!("{name}{}", NEXT.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir(&path).expect("create a folder in the laboratory");
    open_to_all(&path);
    path
}

fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        .expect("set the mode of a laboratory folder");
}

/// Registers a process group (or with `group` false a single process) to be ended with this process.
pub(crate) fn register(pid: u32, group: bool) {
    fs::write(registration(pid, group), b"").expect("register a child process");
}

/// Takes a registration back, once the process has been waited for.
pub(crate) fn unregister(pid: u32, group: bool) {
    fs::remove_file(registration(pid, group)).ok();
}

fn registration(pid: u32, group: bool) -> PathBuf {
    root().join("pids").join(format!("{}{pid}", if group { 'g' } else { 'p' }))
}

/// A shell script that runs when this process is gone, unless [`AtExit`] is dropped before.
#[derive(Debug)]
pub(crate) struct AtExit {
    script: PathBuf,
}

impl AtExit {
    pub(crate) fn new(name: &str, script: &str) -> Self {
        let path = root().join("at-exit").join(name);
        fs::write(&path, script).expect("register a clearing-up script");
        Self { script: path }
    }
}

impl Drop for AtExit {
    fn drop(&mut self) {
        fs::remove_file(&self.script).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    /// Courier's leader ignores SIGTERM, and `kill -KILL -- -GROUP` is no command of dash's.
    #[test]
    fn a_group_whose_leader_ignores_the_request_is_killed() {
        let mut leader = Command::new("sh")
            .args(["-c", "trap '' TERM; sleep 1000 & echo \"$!\"; while :; do wait; done"])
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut member = String::new();
        BufReader::new(leader.stdout.take().unwrap()).read_line(&mut member).unwrap();
        let guarded = folder("guarded");
        fs::create_dir(guarded.join("pids")).unwrap();
        fs::write(guarded.join("pids").join(format!("g{}", leader.id())), b"").unwrap();
        let guardian =
            Command::new("sh").args(["-c", GUARDIAN, "guardian"]).arg(&guarded).stdin(Stdio::null()).status();
        assert!(guardian.unwrap().success());
        let ended = leader.try_wait().unwrap();
        if ended.is_none() {
            let group = rustix::process::Pid::from_child(&leader);
            rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
            leader.wait().unwrap();
        }
        assert_eq!(ended.and_then(|status| status.signal()), Some(9));
        let state = fs::read_to_string(format!("/proc/{}/status", member.trim())).unwrap_or_default();
        assert!(state.is_empty() || state.contains("State:\tZ"), "{state}");
        assert!(!guarded.exists());
    }
}
