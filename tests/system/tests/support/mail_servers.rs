//! The real servers, started once for the process, and accounts and projects on them.
//!
//! Each test has accounts of its own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use mailhaul_lab::certs::Certs;
use mailhaul_lab::corpus::{self, Mailbox, Recipe};
use mailhaul_lab::courier::{self, Courier};
use mailhaul_lab::cyrus::{Cyrus, CyrusOptions};
use mailhaul_lab::dovecot::{Dovecot, DovecotOptions, User};
use mailhaul_lab::imap::{Client, Snapshot};
use mailhaul_lab::load;
use mailhaul_lab::project::{Pair, Side, Spec};
use mailhaul_lab::runner::{Mailhaul, Outcome};
use mailhaul_lab::{install, workdir};
use serde_json::Value;

/// Accounts made when a server starts: adding one later waits for Dovecot to look at its user file again.
const POOL: usize = 400;
const CYRUS_POOL: usize = 64;
const COURIER_POOL: usize = 16;

/// The user that may act for all others on the old host.
pub(crate) const MASTER: (&str, &str) = ("master", "the master's word");

pub(crate) struct Dovecots {
    pub(crate) certs: Certs,
    /// The old host: cPanel style, tells no roles.
    pub(crate) old: Dovecot,
    /// `/` between levels, other names for the roles, told by SPECIAL-USE.
    pub(crate) new: Dovecot,
}

/// Returns the two Dovecots, started when the first test asks for them.
pub(crate) fn dovecots() -> &'static Dovecots {
    static DOVECOTS: OnceLock<Dovecots> = OnceLock::new();
    DOVECOTS.get_or_init(|| {
        install::dovecot().unwrap();
        let certs = Certs::create(&workdir::folder("ca"));
        let users = |domain: &str| -> Vec<User> {
            (0..POOL).map(|n| User::new(&format!("t{n:03}@{domain}"), &format!("pw-{domain}-{n}"))).collect()
        };
        let mut old = DovecotOptions::cpanel();
        old.users = users("old.example");
        old.master = Some((MASTER.0.to_owned(), MASTER.1.to_owned()));
        let mut new = DovecotOptions::slash();
        new.users = users("new.example");
        Dovecots { old: Dovecot::start(&old, &certs), new: Dovecot::start(&new, &certs), certs }
    })
}

/// The Cyrus, started when the first test asks for it.
pub(crate) fn cyrus() -> &'static Cyrus {
    static CYRUS: OnceLock<Cyrus> = OnceLock::new();
    CYRUS.get_or_init(|| {
        let users =
            (0..CYRUS_POOL).map(|n| User::new(&format!("u{n:02}"), &format!("pw-cyrus-{n}"))).collect();
        Cyrus::start(&CyrusOptions { users, ..CyrusOptions::default() }, &dovecots().certs)
    })
}

/// The Courier, started when the first test asks for it. Says and returns `None` where it cannot be run:
/// whoever asks then has been skipped.
pub(crate) fn courier() -> Option<&'static Courier> {
    static COURIER: OnceLock<Result<Courier, String>> = OnceLock::new();
    let courier = COURIER.get_or_init(|| match courier::impossible() {
        Some(why) => Err(why),
        None => {
            let users = (0..COURIER_POOL)
                .map(|n| User::new(&format!("c{n:02}"), &format!("pw-courier-{n}")))
                .collect::<Vec<_>>();
            Ok(Courier::start(&users, &dovecots().certs))
        }
    });
    match courier {
        Ok(courier) => Some(courier),
        Err(why) => {
            skip(why);
            None
        }
    }
}

/// Counts the test that calls it as skipped: `cargo xtask test` looks for this line, which libtest does not
/// hold back.
pub(crate) fn skip(why: &str) {
    let thread = std::thread::current();
    let line = format!("\nskipped test {}: {why}\n", thread.name().unwrap_or("?"));
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    Old,
    New,
    Cyrus,
    /// Only after [`courier`] has said that there is one.
    Courier,
}

/// An account that no other test uses.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) host: Host,
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Account {
    /// Takes the next account from the pool made when its server started.
    pub(crate) fn new(host: Host) -> Self {
        static NEXT: [AtomicUsize; 4] = [const { AtomicUsize::new(0) }; 4];
        let n = NEXT[host as usize].fetch_add(1, Ordering::Relaxed);
        let (user, password) = match host {
            Host::Old => (format!("t{n:03}@old.example"), format!("pw-old.example-{n}")),
            Host::New => (format!("t{n:03}@new.example"), format!("pw-new.example-{n}")),
            Host::Cyrus => (format!("u{n:02}"), format!("pw-cyrus-{n}")),
            Host::Courier => (format!("c{n:02}"), format!("pw-courier-{n}")),
        };
        let pool = match host {
            Host::Old | Host::New => POOL,
            Host::Cyrus => CYRUS_POOL,
            Host::Courier => COURIER_POOL,
        };
        assert!(n < pool, "the pool of accounts is used up");
        Self { host, user, password }
    }

    /// One with a name, password or quota of its own.
    pub(crate) fn special(host: Host, user: User) -> Self {
        let this = Self { host, user: user.name.clone(), password: user.password.clone() };
        match host {
            Host::Old => dovecots().old.add_user(user),
            Host::New => dovecots().new.add_user(user),
            Host::Cyrus | Host::Courier => panic!("its accounts are made when it starts"),
        }
        this
    }

    pub(crate) fn client(&self) -> Client {
        match self.host {
            Host::Old => dovecots().old.client(&self.user),
            Host::New => dovecots().new.client(&self.user),
            Host::Cyrus => cyrus().client(&self.user),
            Host::Courier => courier().unwrap().client(&self.user),
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.client().snapshot().unwrap()
    }

    pub(crate) fn tls_port(&self) -> u16 {
        match self.host {
            Host::Old => dovecots().old.tls_port,
            Host::New => dovecots().new.tls_port,
            Host::Cyrus => cyrus().tls_port,
            Host::Courier => courier().unwrap().tls_port,
        }
    }

    pub(crate) fn plain_port(&self) -> u16 {
        match self.host {
            Host::Old => dovecots().old.plain_port,
            Host::New => dovecots().new.plain_port,
            Host::Cyrus => cyrus().plain_port,
            Host::Courier => courier().unwrap().plain_port,
        }
    }

    /// Returns the side of a project that reaches it with TLS from the first byte.
    pub(crate) fn side(&self) -> Side {
        Side::tls(self.tls_port(), &dovecots().certs.ca)
    }
}

/// A project that moves one mailbox, or more.
pub(crate) struct Move {
    pub(crate) from: Account,
    pub(crate) to: Account,
    pub(crate) folder: PathBuf,
}

impl Move {
    /// Makes a project between fresh accounts.
    pub(crate) fn new(from: Host, to: Host) -> Self {
        Self::between(Account::new(from), Account::new(to))
    }

    /// The usual one: cPanel style to the other.
    pub(crate) fn usual() -> Self {
        Self::new(Host::Old, Host::New)
    }

    pub(crate) fn between(from: Account, to: Account) -> Self {
        let this = Self { from, to, folder: workdir::folder("p") };
        this.spec().write(&this.folder);
        this
    }

    /// The usual one with that much small mail in it.
    pub(crate) fn loaded(seed: u64, messages: usize) -> Self {
        let this = Self::usual();
        this.load(Recipe::small(seed, messages, dovecots().old.layout));
        this
    }

    pub(crate) fn pair(&self) -> Pair {
        pair(&self.from, &self.to)
    }

    pub(crate) fn spec(&self) -> Spec {
        Spec::new(self.from.side(), self.to.side(), vec![self.pair()])
    }

    /// Writes the project again, changed.
    pub(crate) fn rewrite(&self, change: impl FnOnce(&mut Spec)) {
        let mut spec = self.spec();
        change(&mut spec);
        spec.write(&self.folder);
    }

    pub(crate) fn load(&self, recipe: Recipe) -> Mailbox {
        let mailbox = corpus::mailbox(&self.from.user, recipe);
        load::load_all(&mut self.from.client(), &mailbox);
        mailbox
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Mailhaul {
        Mailhaul::new(&self.folder).args(arguments)
    }

    #[track_caller]
    pub(crate) fn mailhaul(&self, arguments: &[&str]) -> Outcome {
        self.command(arguments).run()
    }

    /// Runs `report --format json` and returns the document.
    #[track_caller]
    pub(crate) fn report(&self) -> Value {
        json(&self.mailhaul(&["report", "--format", "json"]).expect(0))
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

pub(crate) fn pair(from: &Account, to: &Account) -> Pair {
    Pair::new((&from.user, &from.password), (&to.user, &to.password))
}

/// Reads the one JSON document on stdout.
#[track_caller]
pub(crate) fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout)
        .unwrap_or_else(|error| panic!("no JSON: {error}\n{}", outcome.told()))
}

/// A folder for a project that needs no servers, with these files in it.
pub(crate) fn folder_with(files: &[(&str, &str)]) -> PathBuf {
    let folder = workdir::folder("p");
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    folder
}

/// Runs `mailhaul` in this folder.
#[track_caller]
pub(crate) fn at(folder: &Path, arguments: &[&str]) -> Outcome {
    Mailhaul::new(folder).args(arguments).run()
}
