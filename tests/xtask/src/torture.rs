//! `cargo xtask torture`: the long form of the crash suite, to be left alone for hours.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mailhaul_lab::certs::Certs;
use mailhaul_lab::corpus::Recipe;
use mailhaul_lab::cyrus::{Cyrus, CyrusOptions};
use mailhaul_lab::dovecot::{Dovecot, DovecotOptions, User};
use mailhaul_lab::torture::{Endpoint, Lane, Options, torture};
use mailhaul_lab::{install, workdir};

use crate::shell;

const USAGE: &str = "\
Usage: cargo xtask torture [--kills N] [--cuts N] [--lanes N] [--minutes N] [--seed N]

Moves mailboxes from Dovecot to Dovecot and Cyrus while killing the runs and breaking their connections at random places,
and after each lets something put everything right, which is then compared message by message: one more run, of the same
mapping or another one; `undo` and a run; a run with a source that leaves a message out of its lists, or with a target that
shows late what it has acknowledged; a run after the target was put back from a backup. Prints a table, which tells how many
of each were done; docs/torture.md has those of earlier runs.
Ends with exit code 1 when anything was not right; what is needed to look into it is kept under target/torture.

  --kills N    SIGKILLs that hit a run in progress (1000)
  --cuts N     broken connections (10000)
  --lanes N    mailboxes side by side (4)
  --minutes N  starts nothing new after so long; the table tells what was done until then (no limit)
  --seed N     decides every place (the clock)";

/// Tortures with the arguments after `torture`.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let mut options = Options {
        kills: 1000,
        cuts: 10_000,
        seed: SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_secs()),
        limit: Duration::MAX,
        tell_every: Some(Duration::from_secs(15)),
    };
    let mut lanes = 4;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if ["--help", "-h"].contains(word) {
            println!("{USAGE}");
            return Ok(());
        }
        let number = words.next().and_then(|value| value.parse::<u64>().ok());
        let number = number.ok_or_else(|| format!("{word} wants a number\n{USAGE}"))?;
        match *word {
            "--kills" => options.kills = number,
            "--cuts" => options.cuts = number,
            "--lanes" => lanes = usize::try_from(number).unwrap_or(1).max(1),
            "--minutes" => options.limit = Duration::from_secs(60 * number),
            "--seed" => options.seed = number,
            other => return Err(format!("there is no {other}\n{USAGE}")),
        }
    }
    install::dovecot()?;
    install::cyrus()?;
    if std::env::var_os("MAILHAUL_BIN").is_none() {
        // The whole workspace's selection of features: another one would compile wasmtime once more.
        let mut build = shell::cargo(&["build", "--locked", "--workspace", "--bin", "mailhaul"]);
        eprintln!("  $ {}", shell::line(&build));
        shell::must(&mut build)?;
    }
    let certs = Certs::create(&workdir::folder("ca"));
    let users = |of: &str| -> Vec<User> {
        (0..lanes).map(|n| User::new(&format!("{of}{n}"), &format!("pw-{of}-{n}"))).collect()
    };
    let dovecot = |users| Dovecot::start(&DovecotOptions { users, ..DovecotOptions::slash() }, &certs);
    let (old, new) = (dovecot(users("old")), dovecot(users("new")));
    let cyrus = Cyrus::start(&CyrusOptions { users: users("cy"), ..CyrusOptions::default() }, &certs);
    let made = (0..lanes).map(|n| {
        let endpoint = |of: &str, tls_port, plain_port| Endpoint {
            user: format!("{of}{n}"),
            password: format!("pw-{of}-{n}"),
            tls_port,
            plain_port,
            maildir: None,
        };
        let source = endpoint("old", old.tls_port, old.plain_port);
        let (make, target) = if n % 2 == 0 {
            let maildir = Some(new.maildir(&format!("new{n}")));
            ("Dovecot", Endpoint { maildir, ..endpoint("new", new.tls_port, new.plain_port) })
        } else {
            ("Cyrus", endpoint("cy", cyrus.tls_port, cyrus.plain_port))
        };
        let recipe = Recipe { large: 1, ..Recipe::small(900 + n as u64, 40 + 30 * n, old.layout).odd() };
        Lane::new(&format!("{make} {n}"), source, target, recipe, &certs.ca)
    });
    let made: Vec<Lane> = made.collect();
    let figures = torture(made, &options);
    println!("\nseed {}, {lanes} mailboxes side by side\n{figures}", options.seed);
    let (kills, cuts) = (options.kills, options.cuts);
    if figures.kills < kills || figures.cuts < cuts {
        println!("ended early: {kills} kills and {cuts} broken connections were asked for");
    }
    if figures.failures.is_empty() {
        return Ok(());
    }
    Err(format!("{} failures:\n{}", figures.failures.len(), figures.failures.join("\n\n")))
}
