//! One mailbox that is moved again and again, and what happens to it on the way.

mod endings;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Progress;
use crate::corpus::{self, Recipe, Rng};
use crate::fake::{Fake, Manners};
use crate::imap::{Client, Snapshot};
use crate::load;
use crate::process::POLL;
use crate::project::{Pair, Side, Spec};
use crate::proxy::{Break, Proxy, Way};
use crate::runner::{Mailhaul, Outcome, RunningCommand};
use crate::workdir;

/// Another mapping than the usual one.
const RULES: &str = "[[folders]]\nfrom = \"INBOX\"\nto = \"Posteingang\"\n\
                     [[folders]]\nfrom = \"Archive/**\"\nto = \"Alt/Archive/**\"\n";

/// Where [`RULES`] put a folder.
fn ruled(folder: &str) -> String {
    match folder {
        "INBOX" => "Posteingang".to_owned(),
        other if other.starts_with("Archive/") => format!("Alt/{other}"),
        other => other.to_owned(),
    }
}

/// A run that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(240);

/// An account at a server, with both ports it can be reached at.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The name the account logs in with.
    pub user: String,
    /// The password it logs in with.
    pub password: String,
    /// The port for mailhaul, with TLS from the first byte.
    pub tls_port: u16,
    /// The clear-text port, for the laboratory's own look at the account.
    pub plain_port: u16,
    /// The account's Maildir, where the server has one that can be put back from a backup.
    pub maildir: Option<PathBuf>,
}

impl Endpoint {
    fn client(&self) -> Result<Client, String> {
        let mut client = Client::connect(self.plain_port).map_err(|e| e.to_string())?;
        client.login(&self.user, &self.password).map_err(|e| e.to_string())?;
        Ok(client)
    }

    /// Counts everything the account holds.
    fn all(&self) -> Result<Counted, String> {
        self.client()?.snapshot().map(|snapshot| counted(&snapshot)).map_err(|e| e.to_string())
    }
}

/// One mailbox under torture, between an account at each end.
pub struct Lane {
    /// The name that failures begin with.
    pub name: String,
    source: Endpoint,
    target: Endpoint,
    project: PathBuf,
    spec: Spec,
    /// In front of each end: what mailhaul connects to.
    proxies: [Proxy; 2],
    /// Servers of our own that take each end's place, when it is to misbehave.
    doubles: [Fake; 2],
    /// What an undisturbed run makes of the target.
    wanted: Counted,
    messages: u64,
    /// Folders the target has from the start.
    keep: Vec<String>,
    /// How long an undisturbed run takes, and what it carries: per end, per way.
    usual: Duration,
    carried: [[u64; 2]; 2],
}

/// Every message by folder, digest, date and flags, and how often it is there.
type Counted = BTreeMap<(String, String, i64, Vec<String>), usize>;

impl Lane {
    /// A lane between two fresh accounts. The source gets `recipe`'s mail, without what the target would not
    /// keep byte for byte.
    ///
    /// # Panics
    /// When a server does not take the mail.
    #[must_use]
    pub fn new(name: &str, source: Endpoint, target: Endpoint, recipe: Recipe, ca: &Path) -> Self {
        let mut mailbox = corpus::mailbox(&source.user, recipe);
        let mut at_target = target.client().expect("log in to the target");
        let keep: Vec<String> =
            at_target.list().expect("list the target").into_iter().map(|folder| folder.name).collect();
        for folder in &mut mailbox.folders {
            if folder.name == "Odd" {
                folder.mails.retain(|mail| kept_as_it_is(&mut at_target, mail));
            }
        }
        at_target.wipe(&keep).expect("empty the target");
        load::load_all(&mut source.client().expect("log in to the source"), &mailbox);
        let proxies = [Proxy::start(source.tls_port), Proxy::start(target.tls_port)];
        let project = workdir::folder("t");
        let pair = Pair::new((&source.user, &source.password), (&target.user, &target.password));
        let spec = Spec::new(Side::tls(proxies[0].port, ca), Side::tls(proxies[1].port, ca), vec![pair]);
        spec.write(&project);
        Self {
            name: name.to_owned(),
            source,
            target,
            project,
            spec,
            proxies,
            doubles: [(); 2].map(|()| Fake::start(Manners::default())),
            wanted: Counted::new(),
            messages: mailbox.messages() as u64,
            keep,
            usual: Duration::ZERO,
            carried: [[0; 2]; 2],
        }
    }

    /// Runs undisturbed, checks that everything arrived, and learns how long that takes.
    pub(super) fn prepare(&mut self) -> Result<(), String> {
        // The first fills caches; the second is measured.
        for _ in 0..2 {
            self.wipe()?;
            let before = self.passed();
            let outcome = self.finish(self.start())?;
            self.usual = outcome.elapsed;
            let after = self.passed();
            self.carried =
                std::array::from_fn(|end| std::array::from_fn(|way| after[end][way] - before[end][way]));
        }
        let source = self.source.all()?;
        self.wanted = self.target.all()?;
        let bare = |counted: &Counted| {
            let mut all: Vec<_> =
                counted.iter().map(|((_, a, b, c), n)| (a.clone(), *b, c.clone(), *n)).collect();
            all.sort();
            all
        };
        if bare(&source) == bare(&self.wanted) {
            self.wipe()
        } else {
            Err("the target does not hold what the source holds".to_owned())
        }
    }

    fn passed(&self) -> [[u64; 2]; 2] {
        [0, 1].map(|end: usize| [Way::ToServer, Way::ToClient].map(|way| self.proxies[end].passed(way)))
    }

    fn start(&self) -> RunningCommand {
        self.mailhaul(&["run"])
    }

    fn mailhaul(&self, arguments: &[&str]) -> RunningCommand {
        Mailhaul::new(&self.project).args(arguments).spawn()
    }

    /// Waits for a run that has to end with 0.
    fn finish(&self, running: RunningCommand) -> Result<Outcome, String> {
        let outcome = running.wait_for(LIMIT);
        if outcome.code == Some(0) { Ok(outcome) } else { Err(outcome.told()) }
    }

    /// Removes the project's state and everything from the target.
    pub(super) fn wipe(&mut self) -> Result<(), String> {
        for proxy in &self.proxies {
            proxy.break_at(Vec::new());
            proxy.cut();
        }
        self.spec.write(&self.project);
        let state = self.project.join(".mailhaul");
        if state.exists() {
            fs::remove_dir_all(&state).map_err(|e| format!("{}: {e}", state.display()))?;
        }
        let mut last = String::new();
        // A connection that has just been cut may still hold a folder.
        for _ in 0..3 {
            match self.target.client().and_then(|mut c| c.wipe(&self.keep).map_err(|e| e.to_string())) {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(format!("the target cannot be emptied: {last}"))
    }

    /// One run that is killed at a random moment or byte, and one that has to put it right.
    pub(super) fn kill(&mut self, rng: &mut Rng, progress: &Progress) -> Result<(), String> {
        let mut running = self.start();
        let by_the_clock = rng.chance(50);
        let place = if by_the_clock {
            let after = self.usual.mul_f64(share(rng));
            std::thread::sleep(after);
            format!("after {} ms", after.as_millis())
        } else {
            // The target's side, where what is lost or doubled is decided; the answers as often as the mail.
            let way = if rng.chance(50) { Way::ToServer } else { Way::ToClient };
            let bytes = scaled(self.carried[1][way as usize], share(rng));
            self.proxies[1].hold_after(way, bytes);
            let end = Instant::now() + LIMIT;
            while !self.proxies[1].holds() && running.alive() && Instant::now() < end {
                std::thread::sleep(POLL);
            }
            format!("after {bytes} bytes {way:?}")
        };
        running.kill();
        // What was held either arrives late, or never does.
        if rng.chance(50) {
            self.proxies[1].release()
        } else {
            self.proxies[1].cut()
        }
        let outcome = running.wait_for(LIMIT);
        if outcome.signal == Some(9) {
            // A run under way is looked at as an outsider would: what is there is there.
            let there = self.target.client()?.count_all().unwrap_or_default();
            let all = self.messages;
            progress.note(|f| {
                f.kills += 1;
                f.kills_before += u64::from(there == 0);
                f.kills_between += u64::from(there > 0 && there < all);
                f.kills_after += u64::from(there >= all);
            });
        } else {
            progress.missed_kill();
            self.usual = self.usual.mul_f64(0.97);
            if outcome.code != Some(0) {
                return Err(outcome.told());
            }
        }
        self.recover(rng, progress).map_err(|why| format!("killed {place}; then: {why}"))
    }

    /// One run whose connections break at random bytes, and one more where it did not end well by itself.
    pub(super) fn cut(&mut self, cuts: u64, rng: &mut Rng, progress: &Progress) -> Result<(), String> {
        let before = self.proxies.each_ref().map(Proxy::broken);
        let mut plans = [Vec::new(), Vec::new()];
        for _ in 0..cuts {
            let end = usize::from(rng.chance(75));
            let way = if rng.chance(50) { Way::ToServer } else { Way::ToClient };
            let after = scaled(self.carried[end][way as usize], share(rng)) * 2 / (cuts + 1);
            plans[end].push(Break { way, after });
        }
        let told = format!("connections broken at {plans:?} (source, target)");
        for (proxy, plan) in self.proxies.iter().zip(plans) {
            proxy.break_at(plan);
        }
        let outcome = self.start().wait_for(LIMIT);
        for proxy in &self.proxies {
            proxy.break_at(Vec::new());
        }
        let broken: u64 =
            self.proxies.iter().zip(before).map(|(proxy, before)| proxy.broken() - before).sum();
        progress.missed_cuts(cuts.saturating_sub(broken));
        progress.note(|f| {
            f.cuts += broken;
            f.cut_runs += u64::from(broken > 0);
            f.cut_runs_recovered += u64::from(broken > 0 && outcome.code == Some(0));
        });
        match outcome.code {
            Some(0) => {
                self.compare(&self.target, &self.wanted, progress).map_err(|why| format!("{told}; {why}"))
            }
            // Not reached, or mixed.
            Some(3..=5) => self.recover(rng, progress).map_err(|why| format!("{told}; then: {why}")),
            _ => Err(format!("{told}: {}", outcome.told())),
        }
    }

    /// Exactly one copy of every message that is wanted, flags and dates right.
    fn compare(&self, at: &Endpoint, wanted: &Counted, progress: &Progress) -> Result<(), String> {
        let there = at.all()?;
        progress.note(|f| {
            f.compared += 1;
            f.messages += wanted.values().map(|count| *count as u64).sum::<u64>();
        });
        if there == *wanted {
            return Ok(());
        }
        let odd = |one: &Counted, other: &Counted| {
            let odd: Vec<String> = one
                .iter()
                .filter(|(key, count)| other.get(*key) != Some(*count))
                .take(10)
                .map(|(key, count)| format!("    {count} × {key:?}"))
                .collect();
            odd.join("\n")
        };
        Err(format!(
            "the target is not right\n  wanted:\n{}\n  there instead:\n{}",
            odd(wanted, &there),
            odd(&there, wanted)
        ))
    }

    /// Copies the project with its ledger to where it outlives the laboratory; returns the folder.
    pub(super) fn keep_evidence(&self, seed: u64) -> String {
        let folder = crate::install::target_folder().join("torture").join(format!("{seed}"));
        let kept = fs::create_dir_all(&folder).and_then(|()| copy(&self.project, &folder));
        kept.map_or_else(|error| format!("nothing: {error}"), |()| folder.display().to_string())
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)?.flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else if entry.path().is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Whether the server gives a message back as it was stored.
fn kept_as_it_is(client: &mut Client, mail: &corpus::Mail) -> bool {
    let flags: Vec<&str> = mail.flags.iter().map(String::as_str).collect();
    if client.append_one("INBOX", &flags, &mail.date, &mail.raw).is_err() {
        return false;
    }
    let newest = client.folder("INBOX").ok().and_then(|all| all.last().map(|m| m.uid));
    newest.and_then(|uid| client.body("INBOX", uid).ok()).is_some_and(|body| body == mail.raw)
}

/// Returns a share from 0 to 1, each as likely as the others.
fn share(rng: &mut Rng) -> f64 {
    f64::from(u32::try_from(rng.below(1_000_000)).unwrap_or_default()) / 1_000_000.0
}

fn scaled(bytes: u64, share: f64) -> u64 {
    let millionths = (share * 1_000_000.0).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a million")]
    let millionths = millionths as u64;
    bytes * millionths / 1_000_000
}

fn counted(snapshot: &Snapshot) -> Counted {
    let mut all = Counted::new();
    for (folder, messages) in snapshot {
        for message in messages {
            let key = (folder.clone(), message.sha256.clone(), message.date, message.flags.clone());
            *all.entry(key).or_default() += 1;
        }
    }
    all
}
