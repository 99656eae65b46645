//! What commands cost.
//!
//! They run below a small process of their own ([`carry_out`]), because the kernel adds up CPU time and peak
//! memory of children per parent, and a child starts with its parent's peak: below the harness, which holds
//! mail, every contestant would seem to be as large as the harness.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mailhaul_lab::process::{Service, until};
use mailhaul_lab::workdir;
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

use crate::job;

/// The time between two looks at the memory of several processes.
const SAMPLE: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CommandLine {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// The folder it runs in.
    pub(crate) folder: PathBuf,
}

/// The commands of one turn, and how many of them run at a time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CommandBatch {
    pub(crate) lines: Vec<CommandLine>,
    pub(crate) at_once: usize,
}

/// What the commands of a batch cost together.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// The wall clock from the first start to the last end.
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    /// The most memory resident at a time, added up over all processes.
    pub(crate) peak_kib: u64,
    /// A sentence for each command that did not end well.
    pub(crate) failures: Vec<String>,
}

/// How a batch ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// All commands ended, well or not.
    Done(Cost),
    /// The limit passed after so many seconds, and the commands were killed.
    Stopped(f64),
}

/// Has a batch carried out below a process of its own, within a limit. Output goes to `folder/log`.
pub(crate) fn run(batch: &CommandBatch, folder: &Path, limit: Duration) -> Result<Outcome, String> {
    let (file, result) = (folder.join("batch.json"), folder.join("cost.json"));
    job::write(&file, batch)?;
    let own = std::env::current_exe().map_err(|e| format!("where am I: {e}"))?;
    let mut command = Command::new(own);
    command.arg("measure").arg(&file).arg(&result);
    for name in ["RUST_LOG", "NO_COLOR", "COLUMNS", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    let begin = Instant::now();
    // Leads a process group that is killed as a whole, by us or, when we are gone, by the guardian.
    let mut service = Service::spawn("contestant", command, &folder.join("log"));
    let ended = until("a contestant's end", limit, || service.ended());
    match ended {
        Ok(_) => job::read(&result).map(Outcome::Done),
        Err(_) => Ok(Outcome::Stopped(begin.elapsed().as_secs_f64())),
    }
}

/// Returns the last lines a tool has printed.
pub(crate) fn last_words(folder: &Path) -> String {
    let text = fs::read(folder.join("log")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// The process between: carries the batch out and writes what it cost.
pub(crate) fn carry_out(batch: &Path, result: &Path) -> Result<(), String> {
    let batch: CommandBatch = job::read(batch)?;
    let queue = Mutex::new(batch.lines.iter());
    let failures = Mutex::new(Vec::new());
    let memory = Memory::default();
    let begin = Instant::now();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..batch.at_once.clamp(1, batch.lines.len().max(1)))
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let next = queue.lock().expect("the queue").next();
                        let Some(line) = next else { break };
                        if let Err(failure) = wait_for(line, &memory) {
                            failures.lock().expect("the failures").push(failure);
                        }
                    }
                })
            })
            .collect();
        if batch.lines.len() > 1 {
            scope.spawn(|| memory.watch());
        }
        for worker in workers {
            worker.join().expect("a worker of the measurement");
        }
        memory.over.store(true, Ordering::Relaxed);
    });
    let seconds = begin.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|e| format!("getrusage: {e}"))?;
    let span = |time: nix::sys::time::TimeVal| {
        Duration::from_secs(time.tv_sec().unsigned_abs())
            + Duration::from_micros(time.tv_usec().unsigned_abs())
    };
    let largest = usage.max_rss().unsigned_abs();
    let cost = Cost {
        seconds,
        cpu_seconds: (span(usage.user_time()) + span(usage.system_time())).as_secs_f64(),
        peak_kib: largest.max(memory.peak.load(Ordering::Relaxed)),
        failures: failures.into_inner().expect("the failures"),
    };
    job::write(result, &cost)
}

fn wait_for(line: &CommandLine, memory: &Memory) -> Result<(), String> {
    let name = line.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut child = Command::new(&line.program)
        .args(&line.arguments)
        .current_dir(&line.folder)
        .stdin(Stdio::null())
        .spawn()
        .map_err(|e| format!("cannot start {name}: {e}"))?;
    memory.pids.lock().expect("the list of processes").push(child.id());
    let status = child.wait().map_err(|e| format!("cannot wait for {name}: {e}"))?;
    memory.pids.lock().expect("the list of processes").retain(|pid| *pid != child.id());
    if status.success() { Ok(()) } else { Err(format!("{name}: {status}")) }
}

/// The memory of several processes at a time, which the kernel does not add up.
#[derive(Default)]
struct Memory {
    pids: Mutex<Vec<u32>>,
    peak: AtomicU64,
    over: AtomicBool,
}

impl Memory {
    fn watch(&self) {
        while !self.over.load(Ordering::Relaxed) {
            let pids = self.pids.lock().expect("the list of processes").clone();
            let sum = pids.into_iter().map(resident_kib).sum();
            self.peak.fetch_max(sum, Ordering::Relaxed);
            thread::sleep(SAMPLE);
        }
    }
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

pub(crate) fn folder() -> PathBuf {
    workdir::folder("run")
}
