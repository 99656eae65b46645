//! `cargo xtask demo`: a whole move between two real servers on this machine, with the commands a user would
//! type.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use mailhaul_lab::certs::Certs;
use mailhaul_lab::corpus::{self, Recipe};
use mailhaul_lab::dovecot::{Dovecot, DovecotOptions, Layout, User};
use mailhaul_lab::project::{Pair, Side, Spec};
use mailhaul_lab::{install, load, runner, workdir};

use crate::{prerequisites, shell};

/// Log-in, password on both sides, and how much mail.
const MAILBOXES: [(&str, &str, Recipe); 3] = [
    ("anna", "correct horse", Recipe { seed: 1, messages: 640, large: 8, odd: true, layout: Layout::CPanel }),
    ("ben", "Tr0ub4dor&3", Recipe { seed: 2, messages: 520, large: 4, odd: false, layout: Layout::CPanel }),
    (
        "office",
        "\"quotes\", back\\slash",
        Recipe { seed: 3, messages: 420, large: 3, odd: false, layout: Layout::CPanel },
    ),
];

pub(crate) fn run() -> Result<(), String> {
    step("What is missing on this machine");
    prerequisites::wasm_target()?;
    install::dovecot()?;

    step("Build mailhaul");
    // The dev profile: from a clean tree it is by far the faster way to a first move, and mail moves at the
    // servers' speed either way.
    let mut build = shell::cargo(&["build", "--locked", "--package", "mailhaul"]);
    println!("  $ {}", shell::line(&build));
    shell::must(&mut build)?;

    let start = Instant::now();
    step("Start two mail servers and fill the old one");
    let folder = project_folder()?;
    let lab = Lab::start(&folder)?;
    lab.describe(&folder);

    let demo = Demo { folder };
    demo.announced("Are both ends well, for every mailbox?", &["check"])?;
    demo.announced("Where will every folder go?", &["plan"])?;
    demo.announced("Move the mail", &["run"])?;
    demo.announced("Once more: there is nothing left to copy", &["run"])?;
    demo.nothing_copied()?;
    demo.announced("Fetch both sides again and compare every byte", &["verify", "--depth", "full"])?;
    demo.announced("A report to hand over", &["report", "--format", "html", "--out", "report.html"])?;
    drop(lab);

    let report = demo.folder.join("report.html");
    if !report.is_file() {
        return Err(format!("{} was not written", report.display()));
    }
    println!(
        "\nDone in {:.0} s. The servers and their mail are gone; the project stays:",
        start.elapsed().as_secs_f32()
    );
    println!("  project  {}", demo.folder.display());
    println!("  report   {}", report.display());
    Ok(())
}

/// Both servers, which end when it is dropped.
struct Lab {
    old: Dovecot,
    new: Dovecot,
    stored: (usize, usize),
}

impl Lab {
    fn start(project: &Path) -> Result<Self, String> {
        let certs = Certs::create(&workdir::folder("ca"));
        let (mut old, mut new) = (DovecotOptions::cpanel(), DovecotOptions::slash());
        for (name, password, _) in MAILBOXES {
            old = old.user(User::new(&format!("{name}@old.example"), password));
            new = new.user(User::new(&format!("{name}@new.example"), password));
        }
        let (old, new) = (Dovecot::start(&old, &certs), Dovecot::start(&new, &certs));
        let mut stored = (0, 0);
        let mut pairs = Vec::new();
        for (name, password, recipe) in MAILBOXES {
            let (from, to) = (format!("{name}@old.example"), format!("{name}@new.example"));
            let mailbox = corpus::mailbox(&from, recipe);
            load::load_all(&mut old.client(&from), &mailbox);
            stored = (stored.0 + mailbox.messages(), stored.1 + mailbox.bytes());
            pairs.push(Pair::new((&from, password), (&to, password)));
        }
        let ca = project.join("ca.pem");
        fs::copy(&certs.ca, &ca).map_err(|e| format!("cannot write {}: {e}", ca.display()))?;
        let side = |server: &Dovecot| Side {
            ca: Some(PathBuf::from("ca.pem")),
            ..Side::tls(server.tls_port, &certs.ca).at("localhost")
        };
        let mut spec = Spec::new(side(&old), side(&new), pairs);
        spec.name = "old.example to new.example".to_owned();
        spec.write(project);
        Ok(Self { old, new, stored })
    }

    fn describe(&self, project: &Path) {
        let (messages, bytes) = self.stored;
        println!(
            "  old host  localhost:{}  folders INBOX.Sent, INBOX.Trash, INBOX.spam, …",
            self.old.tls_port
        );
        println!(
            "  new host  localhost:{}  folders Sent Items, Deleted Items, Junk Email, …",
            self.new.tls_port
        );
        println!(
            "  mail      {messages} messages, {} MB, in {} mailboxes",
            bytes / 1_000_000,
            MAILBOXES.len()
        );
        println!("  project   {} (mailhaul.toml, mailboxes.csv)", project.display());
        println!("  mailhaul  {}", runner::binary().display());
    }
}

struct Demo {
    folder: PathBuf,
}

impl Demo {
    /// Runs one command of mailhaul after saying why and what.
    fn announced(&self, why: &str, arguments: &[&str]) -> Result<(), String> {
        step(why);
        let mut command = Command::new(runner::binary());
        command.args(arguments).current_dir(&self.folder);
        println!("  $ {}", shell::line(&command));
        shell::must(&mut command)
    }

    /// The second run must not have copied anything.
    fn nothing_copied(&self) -> Result<(), String> {
        let mut command = Command::new(runner::binary());
        command.args(["report", "--format", "json"]).current_dir(&self.folder);
        let json: String = mailhaul_lab::process::output(&mut command)?.split_whitespace().collect();
        if json.contains("\"last_run\":{\"copied\":0,") {
            return Ok(());
        }
        Err("the second run copied messages: `mailhaul report --format json` has last_run.copied other than 0".to_owned())
    }
}

fn step(text: &str) {
    println!("\n── {text}");
}

/// Empties `target/demo`, or makes it.
fn project_folder() -> Result<PathBuf, String> {
    let folder = install::target_folder().join("demo");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|e| format!("cannot empty {}: {e}", folder.display()))?;
    }
    fs::create_dir_all(&folder).map_err(|e| format!("cannot create {}: {e}", folder.display()))?;
    Ok(folder)
}
