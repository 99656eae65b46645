//! `status`: where the project stands, from the ledger alone.

use mailhaul_engine::summary::{MailboxSummary, ProjectSummary, Verdict};
use mailhaul_text::{bytes, count, duration, escape, plural, seconds};

use super::paint::{Palette, Tone};
use super::sum::{counts, equation, push_wrapped};
use super::table::{Align, Table};

/// Returns the page of `status`: a row for each mailbox, and the sums.
pub(crate) fn page(project: &ProjectSummary, width: Option<usize>, palette: Palette) -> String {
    let (word, tone) = verdict(project.verdict);
    let mut out = format!(
        "{}: {}\n",
        palette.paint(Tone::Strong, &escape(&project.project)),
        palette.paint(tone, word)
    );
    if project.mailboxes.is_empty() {
        return out;
    }
    let mut table = Table::new(
        2,
        &[
            ("Mailbox", Align::Left),
            ("Messages", Align::Right),
            ("Done", Align::Right),
            ("Failed", Align::Right),
            ("Pending", Align::Right),
            ("", Align::Left),
        ],
    );
    for mailbox in &project.mailboxes {
        push_mailbox(&mut table, mailbox);
    }
    out.push_str(&table.render(width, palette));
    let totals = &project.totals;
    let mut sum = equation(&totals.counts);
    if totals.counts.gone_at_source > 0 {
        sum.push_str(&format!("; {} gone at the source since", count(totals.counts.gone_at_source)));
    }
    push_wrapped(&mut out, 2, &sum, width);
    let last = &project.last_run;
    out.push_str(&format!(
        "  last run: {} copied, {}, in {}\n",
        plural(last.copied, "message"),
        bytes(last.bytes),
        duration(seconds(last.seconds))
    ));
    out
}

fn verdict(verdict: Verdict) -> (&'static str, Tone) {
    match verdict {
        Verdict::Complete => ("complete", Tone::Good),
        Verdict::Incomplete => ("incomplete", Tone::Warn),
        Verdict::NotStarted => ("not started", Tone::Faint),
    }
}

fn push_mailbox(table: &mut Table, mailbox: &MailboxSummary) {
    let counts = counts(mailbox);
    let done = counts.source_messages.saturating_sub(counts.failed + counts.pending);
    let (word, tone) = verdict(mailbox.verdict);
    let bad = |n: u64| (n > 0).then_some(Tone::Bad);
    table.push_row([
        (&mailbox.source, None),
        (&count(counts.source_messages), None),
        // Rounded down: 100 % is said only when nothing is left.
        (&percent(done, counts.source_messages), None),
        (&count(counts.failed), bad(counts.failed)),
        (&count(counts.pending), None),
        (word, Some(tone)),
    ]);
    if let Some(stopped) = &mailbox.stopped {
        table.push_remark(&format!("{}, {}: {}", stopped.side.as_str(), stopped.cause, stopped.reason));
    }
}

fn percent(part: u64, whole: u64) -> String {
    // In 128 bits: a hundred times a count may not fit otherwise.
    match (u128::from(part) * 100).checked_div(u128::from(whole)) {
        Some(percent) => format!("{percent} %"),
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use mailhaul_engine::summary::{LastRun, SCHEMA, Totals};

    use super::super::sum::samples;
    use super::*;

    #[test]
    fn the_status_is_one_table() {
        let mut bob = samples::bob();
        bob.stopped = Some(samples::stopped());
        let mut totals = Totals { mailboxes: 2, ..Totals::default() };
        totals.counts.add(&counts(&samples::anna()));
        totals.counts.add(&counts(&bob));
        let project = ProjectSummary {
            schema: SCHEMA,
            project: "olddomain to newdomain".into(),
            verdict: Verdict::Incomplete,
            totals,
            last_run: LastRun { copied: 3, bytes: 12_288, seconds: 0.4 },
            runs: Vec::new(),
            states: std::collections::BTreeMap::new(),
            batches: Vec::new(),
            mailboxes: vec![samples::anna(), bob],
        };
        insta::assert_snapshot!(page(&project, Some(80), Palette::default()), @"
        olddomain to newdomain: incomplete
          Mailbox           Messages   Done  Failed  Pending
          anna@old.example     1,329  100 %       0        0  complete
          bob@old.example          4   75 %       1        0  incomplete
            target, auth-refused: the server said `NO [AUTHENTICATIONFAILED]
            Authentication failed.`
          source 1,333 = 1,303 copied + 20 already present + 9 skipped + 1 failed
            + 0 pending
          last run: 3 messages copied, 12.0 KiB, in 0.4 s
        ");
    }

    #[test]
    fn a_hundred_per_cent_is_not_rounded_up() {
        assert_eq!(percent(999, 1000), "99 %");
        assert_eq!(percent(1000, 1000), "100 %");
        assert_eq!(percent(0, 0), "-");
    }
}
