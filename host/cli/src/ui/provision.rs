//! The page of `provision`: what became of each mailbox, what is alike for several said once, and a total.

use std::collections::BTreeMap;

use mailhaul_app::provision::{Became, Report, Row};
use mailhaul_text::{bytes, count, escape, plural};

use super::alike::{Alike, Saying, concerns};
use super::paint::{Palette, Tone};
use super::table::{Align, Table, wrap};

/// Columns of a remark below a mailbox, or below the table.
const INDENT: usize = 2;

/// Returns the page.
pub(crate) fn page(report: &Report, width: Option<usize>, palette: Palette) -> String {
    if report.rows.is_empty() {
        return String::new();
    }
    let by_hand = report.plugin.is_none();
    let mut alike = Alike::of(
        report
            .rows
            .iter()
            .flat_map(|row| sentences(row).into_iter().map(|sentence| (row.mailbox.as_str(), sentence))),
    );
    let quotas = report.rows.iter().any(|row| row.quota.is_some());
    let labels = by_hand && report.rows.iter().any(|row| row.label.is_some());
    let mut heads = vec![("Mailbox", Align::Left)];
    heads.extend(labels.then_some(("Name", Align::Left)));
    heads.extend(quotas.then_some(("Quota", Align::Right)));
    heads.push(("", Align::Left));
    let mut table = Table::new(0, &heads);
    let mut together = Vec::new();
    for row in &report.rows {
        let tone = if row.became.is_well() { Tone::Faint } else { Tone::Strong };
        let quota = row.quota.map(bytes).unwrap_or_default();
        let mut cells = vec![(row.mailbox.as_str(), None)];
        cells.extend(labels.then_some((row.label.as_deref().unwrap_or_default(), None)));
        cells.extend(quotas.then_some((quota.as_str(), None)));
        cells.push((row.became.as_str(), Some(tone)));
        table.push_row_of(&cells);
        for sentence in sentences(row) {
            match alike.say(&sentence) {
                Saying::Alone => table.push_remark(&sentence),
                Saying::Together(mailboxes) => together.push((sentence, mailboxes)),
                Saying::Said => {}
            }
        }
    }
    let mut page = table.render(width, palette);
    for (sentence, mailboxes) in together {
        page.push('\n');
        let room = width.map_or(usize::MAX, |width| width.saturating_sub(INDENT));
        for line in wrap(&escape(&sentence), width.unwrap_or(usize::MAX)) {
            page.push_str(&format!("{line}\n"));
        }
        for line in wrap(&concerns(&mailboxes, width), room) {
            page.push_str(&palette.paint(Tone::Faint, &format!("{}{line}", " ".repeat(INDENT))));
            page.push('\n');
        }
    }
    page.push_str(&format!("\n{}\n", total(report)));
    page
}

/// What is said of a mailbox, a sentence each, with who has to act at the end.
fn sentences(row: &Row) -> Vec<String> {
    let mut all = row.details.clone();
    if let (Some(last), Some(who)) = (all.last_mut(), row.who) {
        last.push_str(&format!(" ({} to act)", who.shown()));
    }
    all
}

/// Returns e.g. `12 mailboxes: 9 created, 2 exists, 1 failed`.
fn total(report: &Report) -> String {
    let mut words: BTreeMap<usize, u64> = BTreeMap::new();
    for row in &report.rows {
        *words
            .entry(Became::ALL.iter().position(|one| *one == row.became).unwrap_or_default())
            .or_default() += 1;
    }
    let words: Vec<String> =
        words.into_iter().map(|(at, n)| format!("{} {}", count(n), Became::ALL[at].as_str())).collect();
    format!("{}: {}", plural(report.rows.len() as u64, "mailbox"), words.join(", "))
}

/// Returns what to type next, where that is not in the page.
pub(crate) fn next_step(report: &Report, dry_run: bool) -> Option<String> {
    let has = |became| report.rows.iter().any(|row| row.became == became);
    if has(Became::ByHand) {
        let passwords = if dry_run {
            "without `--dry-run`, passwords are made where the list has none"
        } else {
            "`mailhaul passwords export` writes the sheet with the passwords that were made"
        };
        return Some(format!(
            "the project names no plugin that creates mailboxes, so they are to be created by hand, in the new host's panel: \
             {passwords}; `mailhaul check` tells who is still missing. With a plugin, `[plugins] provisioning = \
             \"./panel.wasm\"` in the project file does all of it"
        ));
    }
    None
}
