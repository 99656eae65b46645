//! `[limits]`: what is done at the same time, how much in a time, and when.

use std::time::Duration;

use toml::de::DeValue;

use super::bytes;
use crate::error::quoted;
use crate::model::{Hours, Limits, SizeLimit};
use crate::section::{Entry, Section};
use crate::{duration, hours};

/// Reads `[limits]`.
pub(super) fn limits(section: &Section<'_, '_>) -> Limits {
    // A thousand of anything per process is far beyond what a server, or this machine, bears.
    const MOST: u64 = 1_000;
    const LEAST_MEMORY: u64 = 1 << 20;
    const LEAST_BANDWIDTH: u64 = 1 << 10;
    let default = Limits::default();
    let [source_bytes_per_day, target_bytes_per_day] =
        section.get("bytes_per_day").map(|entry| bytes_per_day(&entry)).unwrap_or_default();
    let count = |key, default| {
        section.number(key, 1..=MOST).and_then(|n| usize::try_from(n.value).ok()).unwrap_or(default)
    };
    Limits {
        mailboxes_at_once: count("mailboxes_at_once", default.mailboxes_at_once),
        connections_per_host: count("connections_per_host", default.connections_per_host),
        connections_are_meant: section.get("connections_per_host").is_some(),
        memory: section
            .get("memory")
            .and_then(|entry| match bytes(&entry)?.0 {
                bytes if bytes < LEAST_MEMORY => {
                    entry.refuse("is too little to copy anything", "write at least \"1 MiB\"")
                }
                bytes => Some(bytes),
            })
            .unwrap_or(default.memory),
        refused_log_ins: section
            .number("refused_log_ins", 0..=MOST)
            .and_then(|n| u32::try_from(n.value).ok())
            .unwrap_or(default.refused_log_ins),
        patience: section.get("patience").and_then(|entry| span(&entry)).unwrap_or(default.patience),
        hours: section.get("hours").and_then(|entry| hours(&entry)),
        bandwidth: section.get("bandwidth").and_then(|entry| match bytes(&entry)?.0 {
            bytes if bytes < LEAST_BANDWIDTH => {
                entry.refuse("is too little to copy anything", "write at least \"1 KiB\", bytes a second")
            }
            bytes => Some(bytes),
        }),
        source_bytes_per_day,
        target_bytes_per_day,
        messages_per_hour: section.number("messages_per_hour", 1..=1_000_000_000).map(|n| n.value),
    }
}

/// Reads `bytes_per_day`: one size for both sides, or a table with one of each.
fn bytes_per_day(entry: &Entry<'_, '_>) -> [Option<SizeLimit>; 2] {
    if !matches!(entry.value.get_ref(), DeValue::Table(_)) {
        let both = day_budget(entry);
        return [both.clone(), both];
    }
    let mut sides = [None, None];
    for (key, value) in entry.table().into_iter().flatten() {
        let word: &str = key.get_ref();
        let value = entry.of(format!("{}.{word}", entry.key), key.span().start, value);
        match word {
            "source" => sides[0] = day_budget(&value),
            "target" => sides[1] = day_budget(&value),
            _ => value.report("is no side", "write `source` or `target`"),
        }
    }
    sides
}

fn day_budget(entry: &Entry<'_, '_>) -> Option<SizeLimit> {
    match bytes(entry)? {
        (0, _) => entry.refuse("is 0, which lets nothing through", "write a size, or leave the key out"),
        (bytes, written) => Some(SizeLimit { bytes, written, line: entry.line }),
    }
}

/// Reads `hours`: one window or a list of such.
fn hours(entry: &Entry<'_, '_>) -> Option<Hours> {
    let entries = match entry.value.get_ref() {
        DeValue::Array(_) => entry.list("a list of windows")?,
        _ => vec![entry.of(entry.key.clone(), entry.value.span().start, entry.value)],
    };
    if entries.is_empty() {
        return entry.refuse("has no window, so nothing would be moved", "write one, or leave the key out");
    }
    let mut windows = Vec::new();
    let mut written = Vec::new();
    for entry in &entries {
        let text = entry.line_of_text()?;
        match hours::parse(&text) {
            Ok(window) => windows.push(window),
            Err((cause, remedy)) => return entry.refuse(format!("= {cause}"), remedy),
        }
        written.push(text.trim().to_owned());
    }
    Some(Hours { windows, written: written.join(", ") })
}

/// Reads how long something is waited for.
fn span(entry: &Entry<'_, '_>) -> Option<Duration> {
    const FORM: &str = "a time with its unit in quotes, as in \"30 min\"";
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    let DeValue::String(text) = entry.value.get_ref() else { return entry.wrong_type(FORM) };
    match duration::parse(text) {
        Some(span) if span <= LONGEST => Some(span),
        Some(_) => entry.refuse("is longer than a day", "write at most \"24 h\""),
        None => entry.refuse(format!("= {} is no time", quoted(text)), format!("write {FORM}")),
    }
}
