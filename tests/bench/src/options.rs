//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::contestant::Tool;

/// Measures mailhaul beside other tools, on real servers on this machine.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", args_conflicts_with_subcommands = true)]
pub(crate) struct Program {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) part: Option<Part>,
}

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Less mail and one run of each: shows that everything works, proves nothing
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only these scenarios: small, mixed, large, many, long-folder, huge-message, at-once, cpu, folder-20k,
    /// folder-200k, heavy, one-folder-500k, one-folder-delta, unchanged, unchanged-bare, start-up,
    /// many-folders
    #[arg(long, value_name = "SCENARIO", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Only these contestants, mailhaul always among them
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = Tool::parse)]
    pub(crate) against: Vec<Tool>,
    /// Round-trip times in milliseconds [default: 0,20,100; with --quick 0,20]
    #[arg(long, value_name = "MS", value_delimiter = ',')]
    pub(crate) rtt: Vec<u64>,
    /// Runs of each contestant; the median counts [default: 3; with --quick 1]
    #[arg(long, value_name = "N")]
    pub(crate) runs: Option<usize>,
    /// A run that takes longer is stopped, and its time worked out from what had arrived by then
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    pub(crate) limit: u64,
    /// Writes every single run there as well
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

impl Options {
    /// Round-trip times.
    pub(crate) fn round_trips(&self) -> Vec<Duration> {
        let usual: &[u64] = if self.quick { &[0, 20] } else { &[0, 20, 100] };
        let wanted = if self.rtt.is_empty() { usual } else { &self.rtt };
        wanted.iter().map(|ms| Duration::from_millis(*ms)).collect()
    }

    /// How often each contestant has its turn.
    pub(crate) fn rounds(&self) -> usize {
        self.runs.unwrap_or(if self.quick { 1 } else { 3 }).max(1)
    }

    /// Whether a scenario is wanted.
    pub(crate) fn wants(&self, scenario: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == scenario)
    }

    /// Whether a contestant is wanted.
    pub(crate) fn invites(&self, tool: Tool) -> bool {
        tool == Tool::Mailhaul || self.against.is_empty() || self.against.iter().any(|k| k.same_tool(tool))
    }
}

/// What this program does when the harness starts it again.
#[derive(Debug, Subcommand)]
pub(crate) enum Part {
    /// Runs commands and writes what they cost
    #[command(hide = true)]
    Measure {
        /// The commands
        batch: PathBuf,
        /// Where to write
        result: PathBuf,
    },
    /// The bare copier
    #[command(hide = true)]
    Floor {
        /// The task
        job: PathBuf,
        /// To each server
        connections: usize,
        /// Where to write the time without set-up
        result: PathBuf,
    },
    /// async-imap, one message at a time
    #[command(hide = true)]
    OneByOne {
        /// The task
        job: PathBuf,
    },
}
