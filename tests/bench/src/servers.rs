//! Two real servers: the old one loaded once per kind of mailbox, the new one with an empty account for every
//! run.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use mailhaul_lab::certs::Certs;
use mailhaul_lab::corpus::{self, Recipe};
use mailhaul_lab::dovecot::{Dovecot, DovecotOptions, Layout, User};
use mailhaul_lab::imap::{Append, Argument, Client};
use mailhaul_lab::{load, workdir};

use crate::delay;
use crate::job::{End, Job};
use crate::mail::{ExpectedMailbox, Generator};
use crate::scenario::{Case, Shape};

/// Everybody's: a measurement has no secrets.
pub(crate) const PASSWORD: &str = "bench";

/// Accounts are made when a server starts: adding one later waits for Dovecot to look at its user file again.
const SOURCES: usize = 2500;
const TARGETS: usize = 9000;

/// Folders of the even shapes, in this order.
const FOLDERS: [&str; 5] = ["INBOX", "Archive", "Projects", "Newsletters", "Lists"];

/// What a server offers that knows no LIST-STATUS and no CONDSTORE.
const BARE: &str = "imap_capability = IMAP4rev1 LITERAL+ UIDPLUS NAMESPACE SPECIAL-USE CHILDREN ESEARCH\n";

/// Sizes of messages that are put into a folder as files.
const FILED: RangeInclusive<usize> = 1 << 10..=2 << 10;

/// How many messages are held in memory while loading, in bytes.
const LOAD_AT_ONCE: usize = 32 << 20;

/// Both servers; they end with it.
pub(crate) struct Servers {
    pub(crate) certs: Certs,
    pub(crate) old: Dovecot,
    pub(crate) new: Dovecot,
    /// Mailboxes that are loaded already.
    loaded: HashMap<(Shape, usize), Rc<Vec<SourceMailbox>>>,
    next_source: usize,
    next_target: Cell<usize>,
    /// Ports of the way round, by distance.
    ways: HashMap<Duration, (u16, u16)>,
}

/// One mailbox on the old server.
#[derive(Debug)]
pub(crate) struct SourceMailbox {
    pub(crate) user: String,
    pub(crate) expected: ExpectedMailbox,
}

impl Servers {
    /// Starts both; `bare` ones offer little.
    pub(crate) fn start(bare: bool) -> Self {
        let capability = if bare { BARE } else { "" };
        let certs = Certs::create(&workdir::folder("ca"));
        let options = |letter: char, count: usize| DovecotOptions {
            layout: Layout::Slash,
            special_use: true,
            users: (0..count).map(|n| User::new(&format!("{letter}{n:04}"), PASSWORD)).collect(),
            master: None,
            // As Dovecot comes: the laboratory's tests switch waiting for the disk off.
            extra: format!("mail_fsync = optimized\n{capability}"),
        };
        let old = Dovecot::start(&options('s', SOURCES), &certs);
        let new = Dovecot::start(&options('t', TARGETS), &certs);
        Self {
            certs,
            old,
            new,
            loaded: HashMap::new(),
            next_source: 0,
            next_target: Cell::new(0),
            ways: HashMap::new(),
        }
    }

    /// The new server's configuration file, for `doveadm`.
    pub(crate) fn new_config(&self) -> PathBuf {
        let maildir = self.new.maildir("x");
        maildir.ancestors().nth(3).unwrap_or(Path::new("/")).join("dovecot.conf")
    }

    /// The mailboxes of a case on the old server, loaded now if they were not.
    pub(crate) fn load(&mut self, case: &Case) -> Rc<Vec<SourceMailbox>> {
        let key = (case.shape.clone(), case.mailboxes);
        if let Some(there) = self.loaded.get(&key) {
            return Rc::clone(there);
        }
        let mut all = Vec::new();
        for _ in 0..case.mailboxes {
            let user = format!("s{:04}", self.next_source);
            self.next_source += 1;
            assert!(self.next_source <= SOURCES, "the old server's accounts are used up");
            let seed = self.next_source as u64;
            let expected = match case.shape {
                Shape::Filed { messages } => self.file(&user, messages, seed),
                _ => fill(&mut self.old.client(&user), &case.shape, seed),
            };
            all.push(SourceMailbox { user, expected });
        }
        let all = Rc::new(all);
        self.loaded.insert(key, Rc::clone(&all));
        all
    }

    /// Puts messages into an account's inbox as files, and has the server number them.
    fn file(&self, user: &str, messages: usize, seed: u64) -> ExpectedMailbox {
        self.old.client(user).select("INBOX").expect("have the old server make the inbox");
        let folder = self.old.maildir(user).join("cur");
        let owner = fs::metadata(&folder).expect("the inbox on the old server");
        let (mut generator, mut expected) = (Generator::new(seed), ExpectedMailbox::default());
        for n in 0..messages {
            let mail = generator.message("INBOX", n, &FILED);
            expected.add("INBOX", &mail.raw);
            let seen = if mail.flags.iter().any(|flag| flag == "\\Seen") { "S" } else { "" };
            let size = mail.raw.len();
            // In the order of their names, with both sizes, so that nothing has to be read to list them.
            let file = folder.join(format!("{}.M{n}.bench,S={size},W={size}:2,{seen}", 1_500_000_000 + n));
            fs::write(&file, &mail.raw).expect("write a message's file");
            chown(&file, Some(owner.uid()), Some(owner.gid())).expect("give a message to its server");
        }
        let count = self.old.client(user).count("INBOX");
        assert_eq!(count.expect("count the inbox"), messages as u64);
        expected
    }

    /// Has 100 messages come into the inbox of an account, and 50 others get other flags. Returns what came.
    pub(crate) fn change(&self, user: &str) -> ExpectedMailbox {
        let (mut generator, mut expected) = (Generator::new(u64::MAX), ExpectedMailbox::default());
        let mut client = self.old.client(user);
        client.select("INBOX").expect("open the inbox on the old server");
        let new: Vec<_> = (0..100).map(|n| generator.message("INBOX", n, &FILED)).collect();
        let appends: Vec<Append<'_>> =
            new.iter().map(|mail| Append { flags: &mail.flags, date: &mail.date, body: &mail.raw }).collect();
        let refused = client.append("INBOX", &appends).expect("add to the old server");
        assert!(refused.iter().all(Result::is_ok), "the old server refused mail: {refused:?}");
        new.iter().for_each(|mail| expected.add("INBOX", &mail.raw));
        client.run("STORE", &[Argument::Raw("1:50 +FLAGS.SILENT (\\Flagged)")]).expect("change flags");
        expected
    }

    /// A task with fresh accounts on the new server.
    pub(crate) fn job(&mut self, case: &Case, mailboxes: &[SourceMailbox]) -> Job {
        let (source, target) = self.way(case);
        let pairs = mailboxes.iter().map(|mailbox| (mailbox.user.clone(), self.fresh())).collect();
        let end = |port| End { host: "localhost".to_owned(), port, tls: case.tls() };
        Job {
            source: end(source),
            target: end(target),
            ca: self.certs.ca.clone(),
            password: PASSWORD.to_owned(),
            pairs,
            at_once: case.at_once,
        }
    }

    /// Throws the accounts of a task away: hundreds of runs would fill the disk.
    pub(crate) fn forget(&self, job: &Job) {
        for (_, target) in &job.pairs {
            if let Some(home) = self.new.maildir(target).parent() {
                fs::remove_dir_all(home).ok();
            }
        }
    }

    fn fresh(&self) -> String {
        let n = self.next_target.get();
        self.next_target.set(n + 1);
        assert!(n < TARGETS, "the new server's accounts are used up: ask for fewer runs");
        format!("t{n:04}")
    }

    /// The ports to use at a distance.
    fn way(&mut self, case: &Case) -> (u16, u16) {
        let straight = if case.tls() {
            (self.old.tls_port, self.new.tls_port)
        } else {
            (self.old.plain_port, self.new.plain_port)
        };
        if case.rtt.is_zero() {
            return straight;
        }
        let round = |port| delay::start(port, case.rtt);
        *self.ways.entry(case.rtt).or_insert_with(|| (round(straight.0), round(straight.1)))
    }
}

/// Stores a mailbox's mail.
fn fill(client: &mut Client, shape: &Shape, seed: u64) -> ExpectedMailbox {
    let mut expected = ExpectedMailbox::default();
    match shape {
        Shape::Filed { .. } => {}
        Shape::Mixed { messages, large } => {
            let recipe =
                Recipe { seed, messages: *messages, large: *large, odd: false, layout: Layout::Slash };
            let mailbox = corpus::mailbox("owner@example.net", recipe);
            load::load_all(client, &mailbox);
            for folder in &mailbox.folders {
                for mail in &folder.mails {
                    expected.add(&folder.name, &mail.raw);
                }
            }
        }
        Shape::Even { folders, messages, bytes } => {
            let mut generator = Generator::new(seed);
            let per_batch = (LOAD_AT_ONCE / bytes.end()).max(1);
            for place in 0..*folders {
                let folder =
                    &FOLDERS.get(place).map_or_else(|| format!("Folder {place}"), |name| (*name).to_owned());
                if folder != "INBOX" {
                    client.create(folder).expect("create a folder on the old server");
                }
                client.select(folder).expect("open a folder on the old server");
                let share = messages / folders + usize::from(place < messages % folders);
                let mut index = 0;
                while index < share {
                    let end = share.min(index + per_batch);
                    let batch: Vec<_> = (index..end).map(|n| generator.message(folder, n, bytes)).collect();
                    let appends: Vec<Append<'_>> = batch
                        .iter()
                        .map(|mail| Append { flags: &mail.flags, date: &mail.date, body: &mail.raw })
                        .collect();
                    let refused = client.append(folder, &appends).expect("load the old server");
                    assert!(refused.iter().all(Result::is_ok), "the old server refused mail: {refused:?}");
                    batch.iter().for_each(|mail| expected.add(folder, &mail.raw));
                    index = end;
                }
            }
        }
    }
    expected
}
