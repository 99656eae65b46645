//! The program as it is released, from outside.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mailhaul_lab::fake::{Fake, Manners};
use mailhaul_lab::project::{Pair, Side, Spec};
use mailhaul_lab::{corpus, workdir};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::{Figure, median};

pub(crate) fn measure(mailhaul: &Path) -> Vec<Figure> {
    let size = std::fs::metadata(mailhaul).unwrap().len();
    let folder = workdir::folder("version");
    let versions = (0..100).map(|_| cost(mailhaul, &["--version"], &folder, &folder).wall);
    let mut figures = vec![
        Figure {
            what: "the program with all plugins that ship",
            unit: "MiB",
            measured: size as f64 / f64::from(1 << 20),
            most: 45.0,
        },
        Figure {
            what: "`mailhaul --version`",
            unit: "ms",
            measured: median(versions.collect()) * 1e3,
            most: 20.0,
        },
    ];
    figures.extend(unchanged(mailhaul));
    figures
}

/// A run that has nothing to do, in a small project: with the plugins compiled by an earlier one, and as the
/// first ever of this user on this machine.
fn unchanged(mailhaul: &Path) -> [Figure; 2] {
    let (source, target) = (Fake::start(Manners::default()), Fake::start(Manners::default()));
    source.store(|store| {
        for n in 1..=10 {
            let body = corpus::simple(&format!("subject {n}"), "text");
            store.add("INBOX", &["\\Seen"], "05-May-2021 05:05:05 +0500", &body);
        }
    });
    let side = |port| Side {
        host: "127.0.0.1".to_owned(),
        port,
        tls: "none",
        ca: None,
        extra: "allow_cleartext = true\n".to_owned(),
    };
    let project = workdir::folder("project");
    let pair = Pair::new(("ann@old.example", "a"), ("ann@new.example", "b"));
    Spec::new(side(source.port), side(target.port), vec![pair]).write(&project);
    let caches = workdir::folder("caches");
    let run = |caches: &Path| cost(mailhaul, &["run", "--no-progress"], &project, caches).cpu;
    run(&caches);
    run(&caches);
    let warm = (0..20).map(|_| run(&caches));
    let warm = median(warm.collect());
    let first = median((0..5).map(|_| run(&workdir::folder("caches"))).collect());
    [
        Figure { what: "`mailhaul run`, nothing to do: CPU", unit: "ms", measured: warm * 1e3, most: 100.0 },
        Figure {
            what: "the same, the first time on a machine: CPU",
            unit: "ms",
            measured: first * 1e3,
            most: 1_000.0,
        },
    ]
}

/// Seconds.
struct Cost {
    wall: f64,
    /// Of its children too.
    cpu: f64,
}

fn cost(mailhaul: &Path, arguments: &[&str], folder: &Path, caches: &Path) -> Cost {
    let before = cpu();
    let begin = Instant::now();
    let status = Command::new(mailhaul)
        .args(arguments)
        .current_dir(folder)
        .env("XDG_CACHE_HOME", caches)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let wall = begin.elapsed().as_secs_f64();
    assert!(status.success(), "mailhaul {arguments:?}: {status}");
    Cost { wall, cpu: (cpu() - before).as_secs_f64() }
}

/// What all ended children have used.
fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let span = |time: TimeVal| {
        Duration::from_secs(time.tv_sec().unsigned_abs())
            + Duration::from_micros(time.tv_usec().unsigned_abs())
    };
    span(usage.user_time()) + span(usage.system_time())
}
