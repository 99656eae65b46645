//! The assessment as one HTML file for the client: no script, nothing loaded, light and dark, fit for paper.
//!
//! It has the look of the report ([`crate::html`]) and the same content security policy: its own style sheet,
//! by digest, and nothing else.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mailhaul_engine::assessment::ProjectAssessment;
use mailhaul_engine::assessment::beyond::{Beyond, not_carried};
use mailhaul_engine::assessment::forecast::{Bound, forecast};
use mailhaul_engine::assessment::risk::Risk;
use mailhaul_text::{bytes_rounded, count, estimate, plural, seconds, visible};
use sha2::{Digest as _, Sha256};

use super::client;
use super::digest::{self, Row, Totals};

const STYLE: &str =
    concat!(include_str!("../../templates/report.css"), include_str!("../../templates/assessment.css"));

#[derive(Template)]
#[template(path = "assessment.html")]
struct Page {
    style: &'static str,
    policy: String,
    project: String,
    /// The CSS class of the gravest risk: `good`, `warn` or `bad`; `open` while mailboxes are missing.
    class: &'static str,
    verdict: String,
    headline: String,
    day: String,
    age: Option<String>,
    incomplete: Option<String>,
    facts: Vec<(&'static str, String)>,
    time: String,
    left_out: Option<String>,
    basis: Option<&'static str>,
    /// Mailboxes with folders without mail for two years, and the names of these.
    old: Vec<(String, String)>,
    head: [&'static str; 8],
    mailboxes: Vec<Mailbox>,
    total: [String; 8],
    beyond: Vec<Line>,
    hosts: Vec<Host>,
    version: &'static str,
}

struct Mailbox {
    name: String,
    class: &'static str,
    risk: &'static str,
    /// See [`HEAD`].
    cells: [String; 8],
    reasons: Vec<String>,
}

struct Line {
    what: &'static str,
    host: String,
    seen: Option<String>,
    carried_by: String,
}

struct Host {
    name: String,
    provider: Option<String>,
    side: &'static str,
    mailboxes: String,
    limits: Vec<String>,
}

/// What is told of each mailbox.
const HEAD: [&str; 8] =
    ["Folders", "Messages", "Size", "Largest", "Newest", "Quota now", "Room at the new host", "By itself"];

const NONE: &str = "–";

pub(super) fn render(project: &ProjectAssessment) -> Result<String, askama::Error> {
    let mut rows = digest::rows(project);
    let totals = digest::totals(project, &rows);
    digest::by_risk(&mut rows);
    let forecast = forecast(project);
    let (class, verdict) = verdict(&totals);
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let headline = match forecast.bound_by {
        Bound::Nothing => digest::size(&totals),
        _ => format!("{}: {}", digest::size(&totals), estimate(seconds(forecast.seconds))),
    };
    let page = Page {
        style: STYLE,
        policy: format!(
            "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        ),
        project: visible(&project.project),
        class,
        verdict,
        headline,
        day: digest::day(&project.now).to_owned(),
        age: digest::age(project),
        incomplete: client::incomplete(project),
        facts: facts(project, &totals),
        time: client::time(project, &forecast),
        left_out: (forecast.left_out > 0).then(|| client::sentence(&digest::left_out(&forecast))),
        basis: (totals.read > 0).then(|| client::basis(project)),
        old: digest::old_folders(&rows),
        mailboxes: rows.iter().map(mailbox).collect(),
        total: [
            count(totals.folders),
            count(totals.messages),
            bytes_rounded(totals.bytes),
            totals.largest.as_ref().map_or_else(|| NONE.to_owned(), |largest| bytes_rounded(largest.bytes)),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
        ],
        head: HEAD,
        beyond: beyond(project),
        hosts: hosts(project),
        version: env!("CARGO_PKG_VERSION"),
    };
    page.render().map(|page| page.trim_end().to_owned() + "\n")
}

fn verdict(totals: &Totals) -> (&'static str, String) {
    let mailboxes = |n: u64| plural(n, "mailbox");
    match totals {
        Totals { read: 0, high: 0, .. } => ("open", "nothing read yet".to_owned()),
        Totals { high: 1.., .. } => ("bad", format!("{} at high risk", mailboxes(totals.high))),
        Totals { look: 1.., .. } => ("warn", format!("{} to look at", mailboxes(totals.look))),
        _ => ("good", "low risk".to_owned()),
    }
}

fn class(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "good",
        Risk::Look => "warn",
        Risk::High => "bad",
    }
}

fn facts(project: &ProjectAssessment, totals: &Totals) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Mailboxes", count(totals.mailboxes)),
        ("Messages", count(totals.messages)),
        ("Size", bytes_rounded(totals.bytes)),
        ("Risk", digest::risks(totals)),
    ];
    let targets = project.mailboxes.iter().filter_map(|one| one.target.as_ref());
    let quotas = [
        ("Quota at the old host", digest::quota(project.mailboxes.iter().map(|one| &one.source))),
        ("Quota at the new host", digest::quota(targets)),
    ];
    facts.extend(quotas.into_iter().filter_map(|(word, quota)| Some((word, quota?))));
    if totals.large.messages > 0 {
        facts.push(("Messages above 25 MiB", count(totals.large.messages)));
    }
    if totals.over_limit.messages > 0 {
        facts.push(("Larger than the new host takes", count(totals.over_limit.messages)));
    }
    if totals.old_folders > 0 {
        facts.push(("Folders without mail for two years", count(totals.old_folders)));
    }
    facts
}

fn mailbox(row: &Row<'_>) -> Mailbox {
    let (source, messages) = (&row.assessment.source, &row.assessment.messages);
    let none = || NONE.to_owned();
    let read = row.assessment.is_read();
    let cells = [
        count(source.folders),
        count(source.messages),
        digest::mailbox_size(source),
        messages.largest.as_ref().map_or_else(none, |largest| bytes_rounded(largest.bytes)),
        messages.newest.as_deref().map_or_else(none, |newest| digest::day(newest).to_owned()),
        client::quota(source.quota).unwrap_or_else(none),
        row.assessment.target_room().map_or_else(none, bytes_rounded),
        row.seconds.map_or_else(none, |time| estimate(seconds(time)).trim_start_matches("about ").to_owned()),
    ];
    Mailbox {
        name: visible(&row.assessment.mailbox),
        class: class(row.risk),
        risk: row.risk.as_str(),
        cells: if read { cells } else { cells.map(|_| none()) },
        reasons: row.reasons.iter().map(|reason| client::reason(row.assessment, reason)).collect(),
    }
}

fn beyond(project: &ProjectAssessment) -> Vec<Line> {
    let what = |what| match what {
        Beyond::Rules => "Rules and replies",
        Beyond::Calendars => "Calendars and tasks",
        Beyond::Contacts => "Contacts",
        Beyond::Archive => "Archive mailboxes",
        Beyond::Shared => "Shared mailboxes",
        Beyond::Aliases => "Aliases",
    };
    let line = |one: mailhaul_engine::assessment::beyond::NotCarried| Line {
        what: what(one.what),
        host: visible(&one.host),
        seen: one.seen.as_deref().map(|seen| visible(&seen.replacen('`', "“", 1).replacen('`', "”", 1))),
        carried_by: client::carried_by(&one),
    };
    not_carried(&project.mailboxes).into_iter().map(line).collect()
}

fn hosts(project: &ProjectAssessment) -> Vec<Host> {
    let host = |host: digest::Host| Host {
        name: visible(&host.host),
        side: if host.side == "source" { "old" } else { "new" },
        mailboxes: count(host.mailboxes),
        limits: digest::limits(&host).into_iter().chain(notes(&host)).collect(),
        provider: host.provider.map(|provider| visible(&provider.name)),
    };
    digest::hosts(project).into_iter().map(host).collect()
}

/// What to know about a host; what names commands or keys is for whoever moves the mail.
fn notes(host: &digest::Host) -> Vec<String> {
    let all = host.provider.iter().flat_map(|provider| &provider.notes);
    all.filter(|note| !note.contains('`')).map(|note| visible(note)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::fixture;

    /// The page without its style sheet, which has a file of its own.
    fn page(project: &ProjectAssessment) -> String {
        render(project).unwrap().replace(STYLE, "…")
    }

    #[test]
    fn a_page_for_the_client() {
        let page = page(&fixture::offer());
        let (head, rest) = page.split_once("sha256-").unwrap();
        let (_, rest) = rest.split_once("&#39;").unwrap();
        insta::assert_snapshot!(format!("{head}sha256-…&#39;{rest}"));
    }

    #[test]
    fn nothing_hostile_becomes_markup() {
        let page = page(&fixture::hostile());
        for bad in ["<script", "<img", "</style><", "<b>", "\u{1b}", "\u{202e}"] {
            assert!(!page.contains(bad), "{bad}: {page}");
        }
        assert!(page.contains("&#60;script&#62;alert(1)"), "{page}");
        assert_eq!(page.matches("</title>").count(), 1);
    }

    #[test]
    fn it_refers_to_nothing_outside_itself() {
        for project in [fixture::offer(), fixture::many(60), fixture::empty()] {
            let page = render(&project).unwrap();
            for word in ["http:", "https:", "src=", "href=", "url(", "@import", "style="] {
                assert!(!page.contains(word), "{word}");
            }
        }
    }
}
