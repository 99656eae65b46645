//! The state folder damaged, full, read-only or from another time.
//!
//! Refused or put right, never taken for the truth; and what the target holds is never doubled by it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use mailhaul_lab::corpus::Rng;
use mailhaul_lab::fake::{Store, Take};
use mailhaul_lab::process::output;
use mailhaul_lab::runner::{Mailhaul, Outcome};

use crate::support::compare::assert_complete;
use crate::support::fake_servers::FakeServers;
use crate::support::mail_servers::skip;

/// A move that stopped half-way, and its state folder and target to come back to.
struct PartialMove {
    fakes: FakeServers,
    target: Store,
    state: PathBuf,
}

impl PartialMove {
    fn new() -> Self {
        let fakes = FakeServers::new();
        fakes.load("INBOX", 30);
        fakes.load("Work", 30);
        fakes.target.manners(|m| {
            m.on_append = Box::new(|m| {
                if m.store.messages(m.folder).len() < 15 {
                    return Take::Store;
                }
                Take::Say("NO [OVERQUOTA] Full".to_owned())
            });
        });
        fakes.mailhaul(&["run"]).expect(7);
        fakes.target.manners(|m| m.on_append = Box::new(|_| Take::Store));
        let state = fakes.folder.join("state.kept");
        copy(&fakes.folder.join(".mailhaul"), &state);
        let target = fakes.target.store(|store| store.clone());
        Self { fakes, target, state }
    }

    fn again(&self) {
        fs::remove_dir_all(self.fakes.folder.join(".mailhaul")).unwrap();
        copy(&self.state, &self.fakes.folder.join(".mailhaul"));
        self.fakes.target.store(|store| *store = self.target.clone());
    }

    fn ledger(&self) -> PathBuf {
        ledger(&self.fakes.folder)
    }

    /// Nothing twice on the target, whatever the run said; and all there when it said so.
    #[track_caller]
    fn assert_honest(&self, outcome: &Outcome, what: &str) {
        let (source, target) =
            (self.fakes.source.store(|s| s.clone()), self.fakes.target.store(|s| s.clone()));
        for (name, folder) in &source.folders {
            let there = target.messages(name);
            for message in &folder.messages {
                let copies = there.iter().filter(|m| m.body == message.body).count();
                assert!(copies <= 1, "{what}: {copies} copies of {name} {}\n{}", message.uid, outcome.told());
                assert!(
                    copies == 1 || outcome.code != Some(0),
                    "{what}: {name} {} is not there, and the run said all is well\n{}",
                    message.uid,
                    outcome.told()
                );
            }
        }
    }

    /// With the damaged file moved out of the way, as the message says, the same command finishes, nothing
    /// twice.
    #[track_caller]
    fn finishes_without(&self, what: &str) {
        let file = self.ledger();
        fs::rename(&file, file.with_extension("damaged")).unwrap();
        for end in ["sqlite-wal", "sqlite-shm"] {
            fs::remove_file(file.with_extension(end)).ok();
        }
        let outcome = self.fakes.mailhaul(&["run"]);
        assert_eq!(outcome.code, Some(0), "{what}\n{}", outcome.told());
        self.fakes.assert_moved();
    }
}

fn copy(from: &Path, to: &Path) {
    output(Command::new("cp").arg("-a").arg(from).arg(to)).unwrap();
}

/// Finds the one ledger of a project.
fn ledger(project: &Path) -> PathBuf {
    let files = fs::read_dir(project.join(".mailhaul/ledgers")).unwrap().flatten().map(|entry| entry.path());
    let mut ledgers: Vec<PathBuf> = files.filter(|p| p.extension().is_some_and(|e| e == "sqlite")).collect();
    assert_eq!(ledgers.len(), 1, "{ledgers:?}");
    ledgers.remove(0)
}

/// Cut off anywhere: refused with the file's name, left as it is; without it the move goes on from what the
/// target holds.
#[test]
fn a_ledger_that_is_cut_off() {
    let partial = PartialMove::new();
    let whole = fs::read(partial.ledger()).unwrap();
    for part in [1, 60, 100, whole.len() / 3, whole.len() - 4096, whole.len() - 1] {
        partial.again();
        fs::write(partial.ledger(), &whole[..part]).unwrap();
        let outcome = partial.fakes.mailhaul(&["run"]);
        partial.assert_honest(&outcome, &format!("cut off at {part} of {}", whole.len()));
        if outcome.code == Some(0) {
            continue;
        }
        assert!(outcome.told().contains(".sqlite"), "the file is named\n{}", outcome.told());
        assert!(partial.ledger().exists(), "a ledger is never deleted");
        partial.finishes_without(&format!("cut off at {part}"));
    }
}

/// Emptied: the move starts over from what the target holds.
#[test]
fn a_ledger_that_was_emptied() {
    let partial = PartialMove::new();
    fs::write(partial.ledger(), b"").unwrap();
    let outcome = partial.fakes.mailhaul(&["run"]);
    partial.assert_honest(&outcome, "emptied");
    partial.fakes.mailhaul(&["run"]).expect(0);
    partial.fakes.assert_moved();
}

/// One bit flipped, anywhere: found, or without effect; nothing is doubled, and "all is well" is only said
/// when it is.
#[test]
fn a_ledger_with_a_flipped_bit() {
    let partial = PartialMove::new();
    let whole = fs::read(partial.ledger()).unwrap();
    let written: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    let mut rng = Rng::new(4096);
    let mut refused = 0;
    for _ in 0..20 {
        let at = *rng.pick(&written);
        let bit = rng.below(8);
        partial.again();
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << bit;
        fs::write(partial.ledger(), &bytes).unwrap();
        let what = format!("bit {bit} of byte {at}");
        let outcome = partial.fakes.mailhaul(&["run"]);
        partial.assert_honest(&outcome, &what);
        assert!(outcome.signal.is_none() && outcome.code != Some(101), "{what}\n{}", outcome.told());
        if outcome.code != Some(0) {
            refused += 1;
            partial.finishes_without(&what);
        }
    }
    println!("{refused} of 20 flipped bits were noticed");
}

/// Written by a newer program: refused, with what to do, and left as it is.
#[test]
fn a_ledger_of_a_newer_version() {
    let partial = PartialMove::new();
    let mut bytes = fs::read(partial.ledger()).unwrap();
    // `user_version` of the file format's header.
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(partial.ledger(), &bytes).unwrap();
    let outcome = partial.fakes.mailhaul(&["run"]).says(&["newer mailhaul", "update mailhaul", "99"]);
    assert!(![Some(0), Some(1)].contains(&outcome.code), "{}", outcome.told());
    assert_eq!(fs::read(partial.ledger()).unwrap(), bytes);
    assert_eq!(partial.fakes.there("INBOX").len(), 15, "nothing was sent");
}

/// The disk is full at the start or later: stopped before anything is sent that is not recorded, with the
/// place named; with room the same command finishes. (A limit on the size of files would stop the plugins'
/// engine first.)
#[test]
fn a_disk_that_is_full() {
    let possible = |arguments: &[&str]| output(Command::new("unshare").args(arguments).arg("true"));
    // Where root is not to be had, a user namespace may do.
    let namespace: &[&str] = if possible(&["--mount"]).is_ok() { &["--mount"] } else { &["-r", "--mount"] };
    if let Err(why) = possible(namespace) {
        skip(&format!("a small disk needs a mount namespace: {why}"));
        return;
    }
    for kib in [40, 80, 120, 200] {
        let fakes = FakeServers::new();
        fakes.load("INBOX", 120);
        fakes.load("Work", 120);
        fs::create_dir(fakes.folder.join(".mailhaul")).unwrap();
        let script = format!(
            "mount -t tmpfs -o size={kib}k,mode=0700 none .mailhaul || exit 99\n\
             \"$@\"; echo first $? >>codes\n\
             mount -o remount,size=64m .mailhaul\n\
             \"$@\"; echo second $? >>codes"
        );
        let wrapper = [&["unshare"], namespace, &["sh", "-c", &script, "sh"]].concat();
        let outcome = Mailhaul::under(&wrapper, &fakes.folder).args(["run"]).run();
        let codes = fs::read_to_string(fakes.folder.join("codes")).unwrap_or_default();
        let codes: Vec<&str> = codes.lines().collect();
        assert_eq!(codes.len(), 2, "{kib} KiB: {codes:?}\n{}", outcome.told());
        assert!(!["first 101", "first 134"].contains(&codes[0]), "{kib} KiB: {codes:?}\n{}", outcome.told());
        if codes[0] != "first 0" {
            assert!(outcome.told().contains(".mailhaul"), "the place is named\n{}", outcome.told());
        }
        assert_eq!(codes[1], "second 0", "{kib} KiB: {codes:?}\n{}", outcome.told());
        fakes.assert_moved();
    }
}

/// A state folder that cannot be written: said before anything is sent.
#[test]
fn a_state_folder_that_is_a_file() {
    let fakes = FakeServers::loaded(5);
    fs::write(fakes.folder.join(".mailhaul"), "not a folder").unwrap();
    let outcome = fakes.mailhaul(&["run"]).says(&[".mailhaul"]);
    assert!(![Some(0), Some(1)].contains(&outcome.code), "{}", outcome.told());
    assert!(fakes.there("INBOX").is_empty() && fakes.target_heard("APPEND").is_empty());
}

/// The clock jumps an hour back and ten years on while it runs: no wait is lost or endless, nothing twice.
#[test]
fn the_clock_jumps() {
    const SHIFT: &str = r"
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *t) {
  static unsigned calls;
  int failed = syscall(SYS_clock_gettime, id, t);
  if (!failed && id == CLOCK_REALTIME) t->tv_sec += ++calls / 7 % 2 ? 315360000 : -3600;
  return failed;
}
";
    let partial = PartialMove::new();
    let (source, library) = (partial.fakes.folder.join("shift.c"), partial.fakes.folder.join("shift.so"));
    fs::File::create(&source).unwrap().write_all(SHIFT.as_bytes()).unwrap();
    let cc = output(Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source));
    if let Err(why) = cc {
        skip(&format!("no C compiler to build the odd clock with: {why}"));
        return;
    }
    let mut waits = 1;
    partial.fakes.target.manners(|m| {
        m.on_append = Box::new(move |_| {
            if waits > 0 {
                waits -= 1;
                return Take::Hangup { stored: true };
            }
            Take::Store
        });
    });
    let odd = || {
        let command = Mailhaul::new(&partial.fakes.folder).args(["run"]);
        command.env("LD_PRELOAD", library.to_str().unwrap()).run()
    };
    let mut outcome = odd();
    for _ in 0..3 {
        if outcome.code == Some(0) {
            break;
        }
        outcome = odd();
    }
    outcome.expect(0);
    partial.fakes.assert_moved();
    // Back in today: what the odd clock has written holds nothing up.
    let outcome = partial.fakes.mailhaul(&["run"]).expect(0);
    assert!(outcome.elapsed.as_secs() < 30, "{}", outcome.told());
    partial.fakes.assert_moved();
    assert_complete(&partial.fakes.report(), 60);
}
