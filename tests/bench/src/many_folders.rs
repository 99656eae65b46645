//! Many folders: a mailbox of 20,000 folders with one small message each, moved and run again. Both servers
//! are the laboratory's own, without CONDSTORE and LIST-STATUS: they fill in a moment, count commands, and
//! are no part of what mailhaul's process costs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use mailhaul_lab::fake::{Fake, Manners};

use crate::contestant::Tool;
use crate::job::{End, Job};
use crate::measure::{self, Outcome};
use crate::options::Options;
use crate::servers::PASSWORD;

pub(crate) const NAME: &str = "many-folders";

/// Seconds of CPU that a run over all folders may take.
const MOST: f64 = 5.0;
const FOLDERS: usize = 20_000;
/// How many folders at the top the others lie below.
const PARENTS: usize = 40;
const DATE: &str = "05-May-2021 05:05:05 +0500";

/// Moves a mailbox of [`FOLDERS`] folders, runs again, and prints what both runs cost.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let folders = if options.quick { FOLDERS / 10 } else { FOLDERS };
    let most = MOST * folders as f64 / FOLDERS as f64;
    eprintln!("\n{NAME}: filling {folders} folders");
    let old = Fake::start(Manners::default());
    let new = Fake::start(Manners::default());
    fill(&old, folders);
    let end = |server: &Fake| End { host: "localhost".to_owned(), port: server.port, tls: false };
    let job = Job {
        source: end(&old),
        target: end(&new),
        ca: Path::new("/nowhere").to_owned(),
        password: PASSWORD.to_owned(),
        pairs: vec![("old".to_owned(), "new".to_owned())],
        at_once: None,
    };
    let folder = measure::folder();
    let batch = Tool::Mailhaul.batch(&job, &folder, Path::new(""))?;
    println!("\n{NAME}: {folders} folders with one message each, no CONDSTORE, no LIST-STATUS, no TLS");
    for what in ["first run", "again, unchanged"] {
        for server in [&old, &new] {
            server.forget();
        }
        let outcome = measure::run(&batch, &folder, Duration::from_secs(options.limit))?;
        let Outcome::Done(cost) = outcome else {
            return Err(format!("{what}: it was stopped after {} s", options.limit));
        };
        if !cost.failures.is_empty() {
            return Err(format!("{what} failed: {}", measure::last_words(&folder)));
        }
        let (at_source, on_target) = (old.heard().len(), new.heard().len());
        let a_folder = |commands: usize| commands as f64 / folders as f64;
        let verdict = if cost.cpu_seconds > most { "  MISSED" } else { "" };
        println!(
            "  {what:<16}  {:>6.2} s of CPU (at most {most:.1}){verdict}  {:>6.2} s  {:>5} MiB  commands a folder: {:.2} at \
             the source, {:.2} on the target",
            cost.cpu_seconds,
            cost.seconds,
            cost.peak_kib / 1024,
            a_folder(at_source),
            a_folder(on_target),
        );
    }
    let copied: usize = new.store(|store| store.folders.values().map(|folder| folder.messages.len()).sum());
    fs::remove_dir_all(&folder).ok();
    if copied == folders { Ok(()) } else { Err(format!("{copied} of {folders} messages are on the target")) }
}

fn fill(server: &Fake, folders: usize) {
    server.store(|store| {
        for n in 0..folders {
            let name = format!("Year {:02}/Folder {n:05}", n % PARENTS);
            store.create(&name);
            let text = format!(
                "Message-ID: <{n}@example.org>\r\nDate: Wed, 5 May 2021 05:05:05 +0500\r\n\
                 From: Sender <sender@example.org>\r\nSubject: no. {n}\r\n\r\nin folder {n}\r\n"
            );
            store.add(&name, &["\\Seen"], DATE, text.as_bytes());
        }
    });
}
