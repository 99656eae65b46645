//! The floor: a copier that does nothing but copy, to show what the servers allow.
//!
//! No ledger, no digests, no checks, no windows, no retries; it knows no server but those that take LITERAL+.
//! All commands of a connection leave without waiting for an answer; messages go over as they come, in
//! MULTIAPPENDs where offered. Connecting, logging in, listing and creating are not in its time. It is no
//! tool: it loses mail at the first thing that goes wrong.

mod connection;
mod copy;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use mailhaul_net::Dialer;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::job::{self, Job};
use connection::Connection;

/// The time the floor measured itself, and what it copied in it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FloorTime {
    /// From the first FETCH to the last answer, without connecting, logging in, listing and creating.
    pub(crate) seconds: f64,
    pub(crate) messages: u64,
}

#[derive(Debug, Clone)]
struct Folder {
    /// The name as it is spelled in commands, quotes included.
    raw: String,
    messages: u64,
}

/// A connection to each server, and the folders to copy over them.
struct Lane {
    source: Connection,
    target: Connection,
    folders: Vec<Folder>,
}

/// Carries out a task with so many connections to each server at a time.
pub(crate) fn run(job: &Path, connections: usize, result: &Path) -> Result<(), String> {
    let job: Job = job::read(job)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let timed = runtime.map_err(|e| e.to_string())?.block_on(haul(&job, connections.max(1)))?;
    job::write(result, &timed)
}

async fn haul(job: &Job, connections: usize) -> Result<FloorTime, String> {
    let dialer = job.dialer()?;
    let mut lanes = Vec::new();
    // Several connections share the folders of one mailbox; of many mailboxes each has its own.
    let per_mailbox = if job.pairs.len() == 1 { connections } else { 1 };
    for (old, new) in &job.pairs {
        lanes.extend(set_up(job, &dialer, old, new, per_mailbox).await?);
    }
    let at_once = Arc::new(Semaphore::new(connections));
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for lane in lanes {
        let at_once = Arc::clone(&at_once);
        tasks.spawn(async move {
            let _permit = at_once.acquire_owned().await.map_err(|e| e.to_string())?;
            copy::lane(lane).await.map_err(|e| e.to_string())
        });
    }
    let mut messages = 0;
    while let Some(done) = tasks.join_next().await {
        messages += done.map_err(|e| e.to_string())??;
    }
    Ok(FloorTime { seconds: begin.elapsed().as_secs_f64(), messages })
}

/// Connects, logs in, lists, creates, and shares the folders out, the largest first to whoever has least.
async fn set_up(
    job: &Job,
    dialer: &Dialer,
    old: &str,
    new: &str,
    connections: usize,
) -> Result<Vec<Lane>, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut lanes = Vec::new();
    for _ in 0..connections {
        let source = Connection::open(&job.source, dialer, old, &job.password).await?;
        let target = Connection::open(&job.target, dialer, new, &job.password).await?;
        lanes.push(Lane { source, target, folders: Vec::new() });
    }
    let first = &mut lanes[0];
    let names = first.source.list().await.map_err(text)?;
    let there: HashSet<String> = first.target.list().await.map_err(text)?.into_iter().collect();
    let mut folders = Vec::new();
    for raw in names {
        if !there.contains(&raw) && !raw.eq_ignore_ascii_case("INBOX") {
            first.target.command(&format!("CREATE {raw}")).await.map_err(text)?;
        }
        let messages = first.source.count(&raw).await.map_err(text)?;
        if messages > 0 {
            folders.push(Folder { raw, messages });
        }
    }
    folders.sort_by_key(|folder| std::cmp::Reverse(folder.messages));
    for folder in folders {
        let load = |lane: &&mut Lane| lane.folders.iter().map(|f| f.messages).sum::<u64>();
        if let Some(lane) = lanes.iter_mut().min_by_key(load) {
            lane.folders.push(folder);
        }
    }
    Ok(lanes)
}
