//! What the forms of an assessment have in common: sums, hosts, the order by risk, words for figures.

use std::collections::BTreeMap;

use jiff::Timestamp;
use mailhaul_engine::assessment::forecast::Forecast;
use mailhaul_engine::assessment::risk::{Risk, RiskReason, reasons};
use mailhaul_engine::assessment::{
    Assessment, EndFigures, LargestMessage, NamedFolders, Portion, ProjectAssessment, ProviderFigures,
};
use mailhaul_text::{bytes_rounded, count, plural, visible};
use serde::Serialize;

/// Everything that was read, added up. Of mailboxes that could not be read nothing is in it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Totals {
    /// Mailboxes of the list.
    pub mailboxes: u64,
    /// Of these, read to their end.
    pub read: u64,
    /// Of these, by risk.
    pub low: u64,
    /// Those that somebody has to look at.
    pub look: u64,
    /// Those that will not work as they are.
    pub high: u64,
    /// Folders with and without mail.
    pub folders: u64,
    /// Messages in them.
    pub messages: u64,
    /// Bytes of these, as far as servers tell sizes.
    pub bytes: u64,
    /// Mailboxes of which not all sizes are known.
    pub without_sizes: u64,
    /// Messages above what the target takes, where that is known.
    pub over_limit: Portion,
    /// Messages above 25 MiB.
    pub large: Portion,
    /// Folders whose newest mail is older than two years.
    pub old_folders: u64,
    /// The largest message of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest: Option<LargestMessage>,
}

/// One mailbox with what follows from its figures.
pub(super) struct Row<'a> {
    pub assessment: &'a Assessment,
    pub risk: Risk,
    pub reasons: Vec<RiskReason>,
    /// How long it takes by itself, in seconds; `None` where that is not known.
    pub seconds: Option<f64>,
}

/// Returns every mailbox in list order.
pub(super) fn rows(project: &ProjectAssessment) -> Vec<Row<'_>> {
    let circumstances = project.circumstances();
    let row = |assessment| {
        let reasons = reasons(assessment);
        let seconds = mailhaul_engine::assessment::forecast::mailbox_seconds(assessment, &circumstances);
        Row { assessment, risk: reasons.first().map_or(Risk::Low, |first| first.risk), reasons, seconds }
    };
    project.mailboxes.iter().map(row).collect()
}

/// Puts the gravest first, and of those that weigh the same the largest; else the list's order stays.
pub(super) fn by_risk(rows: &mut [Row<'_>]) {
    rows.sort_by_key(|row| std::cmp::Reverse((row.risk, row.assessment.source.bytes.unwrap_or(0))));
}

pub(super) fn totals(project: &ProjectAssessment, rows: &[Row<'_>]) -> Totals {
    let mut totals = Totals { mailboxes: (rows.len() + project.missing.len()) as u64, ..Totals::default() };
    let add = |sum: &mut Portion, more: Portion| {
        sum.messages = sum.messages.saturating_add(more.messages);
        sum.bytes = sum.bytes.saturating_add(more.bytes);
    };
    for row in rows {
        match row.risk {
            Risk::Low => totals.low += 1,
            Risk::Look => totals.look += 1,
            Risk::High => totals.high += 1,
        }
        let Assessment { source, messages, .. } = row.assessment;
        if !row.assessment.is_read() {
            continue;
        }
        totals.read += 1;
        totals.folders += source.folders;
        totals.messages = totals.messages.saturating_add(source.messages);
        totals.bytes = totals.bytes.saturating_add(source.bytes.unwrap_or(0));
        totals.without_sizes += u64::from(source.bytes.is_none());
        totals.old_folders += messages.old_folders.count;
        add(&mut totals.large, messages.large);
        add(&mut totals.over_limit, messages.over_limit.unwrap_or_default());
        let known = totals.largest.as_ref().map_or(0, |largest| largest.bytes);
        if let Some(largest) = messages.largest.as_ref().filter(|largest| largest.bytes > known) {
            totals.largest = Some(largest.clone());
        }
    }
    totals
}

/// Returns the mailboxes that have folders without mail for two years, each with their names, in the order of
/// the rows.
pub(super) fn old_folders(rows: &[Row<'_>]) -> Vec<(String, String)> {
    let with = rows.iter().map(|row| row.assessment).filter(|one| one.messages.old_folders.count > 0);
    with.map(|one| (visible(&one.mailbox), all_names(&one.messages.old_folders))).collect()
}

/// Returns every name that is kept, and the number of the others.
pub(super) fn all_names(folders: &NamedFolders) -> String {
    let named: Vec<_> = folders.first.iter().map(|name| visible(name)).collect();
    let more = match folders.count.saturating_sub(named.len() as u64) {
        0 => String::new(),
        n => format!(" and {} more", count(n)),
    };
    format!("{}{more}", named.join(", "))
}

/// Returns how full the mailboxes of one end are, all together: `3.0 GiB of 10 GiB used in 2 of 5 mailboxes`;
/// `None` where no mailbox has a quota.
pub(super) fn quota<'a>(ends: impl Iterator<Item = &'a EndFigures>) -> Option<String> {
    let (mut used, mut limit, mut with, mut all) = (0_u64, 0_u64, 0_u64, 0_u64);
    for end in ends.filter(|end| end.stopped.is_none()) {
        all += 1;
        if let Some(quota) = end.quota {
            (used, limit) = (used.saturating_add(quota.used), limit.saturating_add(quota.limit));
            with += 1;
        }
    }
    let of = if with == all { count(with) } else { format!("{} of {}", count(with), count(all)) };
    let mailboxes = if all == 1 { "mailbox" } else { "mailboxes" };
    (with > 0)
        .then(|| format!("{} of {} used in {of} {mailboxes}", bytes_rounded(used), bytes_rounded(limit)))
}

/// One host of the move, with what a server profile knows of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Host {
    pub side: &'static str,
    pub host: String,
    pub port: u16,
    /// Mailboxes there.
    pub mailboxes: u64,
    /// The longest round trip that was measured, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderFigures>,
}

/// Returns the hosts of both ends, the source's first.
pub(super) fn hosts(project: &ProjectAssessment) -> Vec<Host> {
    let mut hosts: BTreeMap<(bool, &str, u16), Host> = BTreeMap::new();
    for one in &project.mailboxes {
        let ends = [(false, Some(&one.source)), (true, one.target.as_ref())];
        for (target, end) in ends.into_iter().filter_map(|(target, end)| Some((target, end?))) {
            let host = hosts.entry((target, &end.host, end.port)).or_insert_with(|| Host {
                side: if target { "target" } else { "source" },
                host: end.host.clone(),
                port: end.port,
                mailboxes: 0,
                round_trip_ms: None,
                provider: None,
            });
            host.mailboxes += 1;
            host.round_trip_ms = host.round_trip_ms.max(end.round_trip_ms);
            host.provider = host.provider.take().or_else(|| end.provider.clone());
        }
    }
    hosts.into_values().collect()
}

/// Returns a host's limits, one clause each.
pub(super) fn limits(host: &Host) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(ms) = host.round_trip_ms {
        all.push(if ms == 0 { "answers within 1 ms".to_owned() } else { format!("answers within {ms} ms") });
    }
    let Some(provider) = &host.provider else { return all };
    let connections = |most: u32| plural(u64::from(most), "connection");
    all.extend(provider.connections.map(|most| format!("{} at once", connections(most))));
    all.extend(provider.connections_per_mailbox.map(|most| format!("{} of one mailbox", connections(most))));
    let budget = &provider.budget;
    all.extend(budget.gives_a_day.map(|most| format!("gives {} a day of one mailbox", bytes_rounded(most))));
    all.extend(
        budget.takes_a_day.map(|most| format!("takes {} a day into one mailbox", bytes_rounded(most))),
    );
    all.extend(
        budget
            .takes_messages_an_hour
            .map(|most| format!("takes {} messages an hour into one mailbox", count(most))),
    );
    all
}

/// Returns the mailboxes, messages and bytes in one clause.
pub(super) fn size(totals: &Totals) -> String {
    let without = match totals.without_sizes {
        0 => String::new(),
        n => format!(" (without {} whose sizes are not known)", plural(n, "mailbox")),
    };
    format!(
        "{}, {}, {}, {}{without}",
        plural(totals.read, "mailbox"),
        plural(totals.folders, "folder"),
        plural(totals.messages, "message"),
        bytes_rounded(totals.bytes)
    )
}

/// Returns how the mailboxes are spread over the risks.
pub(super) fn risks(totals: &Totals) -> String {
    format!("{} high, {} to look at, {} low", count(totals.high), count(totals.look), count(totals.low))
}

/// Returns how old the oldest figure is; `None` while all of them are of the last hour.
pub(super) fn age(project: &ProjectAssessment) -> Option<String> {
    let now: Timestamp = project.now.parse().ok()?;
    let oldest = project.mailboxes.iter().filter_map(|one| one.at.parse::<Timestamp>().ok()).min()?;
    let hours = now.duration_since(oldest).as_hours();
    match hours {
        ..=0 => None,
        1..=47 => Some(plural(u64::try_from(hours).unwrap_or(0), "hour")),
        _ => Some(plural(u64::try_from(hours / 24).unwrap_or(0), "day")),
    }
}

/// Returns what is missing from the assessment; `None` when nothing is.
pub(super) fn incomplete(project: &ProjectAssessment) -> Option<String> {
    let missing = project.missing.len() as u64;
    (missing > 0).then(|| {
        format!(
            "Not complete: {} not read yet; `mailhaul assess` goes on with {}.",
            if missing == 1 {
                "1 mailbox is".to_owned()
            } else {
                format!("{} are", plural(missing, "mailbox"))
            },
            if missing == 1 { "it" } else { "them" }
        )
    })
}

/// Returns how many mailboxes a forecast is without.
pub(super) fn left_out(forecast: &Forecast) -> String {
    format!(
        "not in it: {} that {} not read",
        plural(forecast.left_out, "mailbox"),
        if forecast.left_out == 1 { "was" } else { "were" }
    )
}

/// Returns the size of a mailbox, or why there is none.
pub(super) fn mailbox_size(end: &EndFigures) -> String {
    end.bytes.map_or_else(|| "unknown".to_owned(), bytes_rounded)
}

/// Returns the day of a UTC time in RFC 3339.
pub(super) fn day(time: &str) -> &str {
    time.split('T').next().unwrap_or(time)
}
