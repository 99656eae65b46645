//! A Dovecot's Maildir behind the server's back: put back from a backup, with what it knew of it lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::process::{output, until};
use crate::workdir;

/// How long a session may take to end after its client has gone.
const SESSION_ENDS: Duration = Duration::from_secs(20);

/// Folders made in one second have UIDVALIDITYs of the next ones.
const NUMBERS_ARE_NEW: Duration = Duration::from_secs(60);

/// A copy of an account's Maildir as it was at some time, with owners, times and Dovecot's own files.
#[derive(Debug)]
pub struct Backup {
    of: PathBuf,
    kept: PathBuf,
}

impl Backup {
    /// Copies it, once no session has it open any more.
    ///
    /// # Panics
    /// When it cannot be copied, or a session does not end.
    #[must_use]
    pub fn take(maildir: &Path) -> Self {
        wait_closed(maildir);
        let this = Self { of: maildir.to_owned(), kept: workdir::folder("b").join("Maildir") };
        copy(&this.of, &this.kept);
        this
    }

    /// Puts it in the place of what is there now, once no session has that open any more. Can be done again.
    ///
    /// # Panics
    /// When it cannot be copied, or a session does not end.
    pub fn put_back(&self) {
        wait_closed(&self.of);
        fs::remove_dir_all(&self.of).expect("remove a Maildir");
        copy(&self.kept, &self.of);
    }
}

impl Drop for Backup {
    fn drop(&mut self) {
        self.kept.parent().map(fs::remove_dir_all);
    }
}

/// Std's copy keeps neither owners nor times.
fn copy(from: &Path, to: &Path) {
    output(Command::new("cp").arg("-a").arg(from).arg(to)).expect("copy a Maildir");
}

/// Takes Dovecot's memory of UIDs and UIDVALIDITY away; its folders number their messages anew. Dovecot
/// numbers folders by the second, so this returns once it has one that none of them had.
///
/// # Panics
/// When the Maildir cannot be written, or the clock does not come to such a second.
pub fn lose_numbers(maildir: &Path) {
    wait_closed(maildir);
    let newest = newest_validity(maildir);
    let another = || (SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs() > newest).then_some(());
    until("a second with another UIDVALIDITY", NUMBERS_ARE_NEW, another)
        .unwrap_or_else(|error| panic!("{error}"));
    remove(maildir, &|name| name.starts_with("dovecot") && name != "dovecot-keywords");
}

/// Takes Dovecot's indexes away: UIDs and UIDVALIDITY stay, what else it remembers of messages is read from
/// them again.
///
/// # Panics
/// When the Maildir cannot be written.
pub fn lose_index(maildir: &Path) {
    remove(maildir, &|name| name.starts_with("dovecot.index"));
}

/// Gives every message file the time of now, as a copy without times does, and takes the indexes away, which
/// remember the old ones.
///
/// # Panics
/// When the Maildir cannot be written.
pub fn lose_times(maildir: &Path) {
    lose_index(maildir);
    let now = SystemTime::now();
    walk(maildir, &mut |path| {
        let of = path.parent().and_then(Path::file_name).unwrap_or_default();
        if of == "cur" || of == "new" {
            let file = fs::File::options().write(true).open(path).expect("open a message file");
            file.set_modified(now).expect("change a message file's time");
        }
    });
}

/// The highest UIDVALIDITY of its folders: the first line of a list of UIDs is like `3 V1795927938 N5 G…`.
fn newest_validity(maildir: &Path) -> u64 {
    let mut newest = 0;
    walk(maildir, &mut |path| {
        if path.file_name().is_some_and(|name| name == "dovecot-uidlist") {
            let list = fs::read_to_string(path).unwrap_or_default();
            let words = list.lines().next().unwrap_or_default().split(' ');
            let validity = words.filter_map(|word| word.strip_prefix('V')?.parse().ok()).max();
            newest = newest.max(validity.expect("a list of UIDs begins with its UIDVALIDITY"));
        }
    });
    newest
}

fn remove(maildir: &Path, which: &dyn Fn(&str) -> bool) {
    wait_closed(maildir);
    walk(maildir, &mut |path| {
        if path.file_name().is_some_and(|name| which(&name.to_string_lossy())) {
            fs::remove_file(path).expect("remove one of Dovecot's files");
        }
    });
}

/// Calls `each` with every file, also in folders within folders.
fn walk(folder: &Path, each: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).expect("read a Maildir").flatten() {
        let path = entry.path();
        if path.is_dir() { walk(&path, each) } else { each(&path) }
    }
}

/// A session of a client that has just gone may still write.
fn wait_closed(maildir: &Path) {
    let closed = || (!is_open(maildir)).then_some(());
    until("the end of all sessions", SESSION_ENDS, closed).unwrap_or_else(|error| panic!("{error}"));
}

/// Returns whether any process has a file of the Maildir open, by `/proc/*/fd`.
fn is_open(maildir: &Path) -> bool {
    let processes = fs::read_dir("/proc").expect("/proc is mounted").flatten();
    let files = processes.filter_map(|process| fs::read_dir(process.path().join("fd")).ok()).flatten();
    files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|path| path.starts_with(maildir)))
}
