//! The report as one HTML file: no script, nothing loaded from anywhere, light and dark, fit for paper.
//!
//! The file carries a content security policy that allows exactly its own style sheet, by digest: if
//! anything hostile ever got past the escaping, a browser would still not run or load it. The policy
//! forbids `style` attributes too, which is why bars are SVG.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mailhaul_engine::plugin::HookOutcome;
use mailhaul_engine::summary::{Counts, ExceptionOutcome, MailboxSummary, ProjectSummary, Verdict};
use mailhaul_text::{bytes_rounded, count, elapsed, plural, visible};
use sha2::{Digest as _, Sha256};

use crate::digest::{self, Group};
use crate::forecast;

const STYLE: &str = include_str!("../templates/report.css");

/// Up to so many mailboxes are all shown unfolded.
const UNFOLDED: usize = 5;

/// Of more mailboxes than that, so many with trouble are shown unfolded.
const TROUBLED_UNFOLDED: usize = 10;

/// So many mailboxes are listed under "Needs attention"; the table below it has them all.
const ATTENTION: usize = 25;

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    style: &'static str,
    policy: String,
    project: String,
    /// The verdict's CSS class: `good`, `bad` or `open`.
    class: &'static str,
    verdict: &'static str,
    headline: String,
    compared: Option<String>,
    sum: Sum,
    totals: [Number; 6],
    total_size: String,
    facts: Vec<(&'static str, String)>,
    /// What is left out on purpose: messages, rule, size.
    skipped: Vec<(String, String, Option<String>)>,
    /// Rules that are not among them.
    more_skipped: usize,
    /// What was forecast beside what happened.
    phases: Vec<forecast::Row>,
    attention: Vec<Attention>,
    more_attention: usize,
    mailboxes: Vec<Mailbox>,
    version: &'static str,
}

/// The sum `source = copied + already present + skipped + failed + pending`, term by term.
struct Sum {
    source: String,
    terms: Vec<Term>,
    /// Whether it adds up, which the engine promises.
    holds: bool,
    gone: Option<String>,
    any: bool,
}

struct Term {
    word: &'static str,
    number: String,
    class: &'static str,
    /// Where its bar begins and how long it is, in thousandths of the whole.
    x: u64,
    width: u64,
}

struct Attention {
    anchor: usize,
    source: String,
    troubles: Vec<String>,
}

struct Mailbox {
    anchor: usize,
    open: bool,
    source: String,
    target: String,
    class: &'static str,
    verdict: &'static str,
    size: String,
    messages: String,
    numbers: [Number; 6],
    gone: u64,
    stopped: Option<(String, String, String)>,
    /// What keeps it open that neither a message nor a difference tells.
    open_ends: Vec<String>,
    /// Folders of others, a line each.
    left_out: Vec<String>,
    folders: Vec<Folder>,
    exceptions: Vec<Remark>,
    differences: Vec<Remark>,
    /// Names of the validations that passed without a word.
    passed: String,
    hooks: Vec<Hook>,
}

struct Number {
    text: String,
    class: &'static str,
}

struct Folder {
    source: String,
    target: Option<String>,
    left_out: bool,
    numbers: [Number; 6],
    size: String,
    verified: &'static str,
}

/// One group of messages that have the same remark.
struct Remark {
    class: &'static str,
    word: String,
    folder: String,
    messages: String,
    text: String,
    code: String,
    uids: String,
}

struct Hook {
    plugin: String,
    class: &'static str,
    outcome: &'static str,
    findings: Vec<(String, String)>,
}

pub(crate) fn render(summary: &ProjectSummary) -> Result<String, askama::Error> {
    let unlisted = digest::unlisted(summary);
    let summary = &digest::listed(summary);
    let mut headline = digest::headline(summary);
    if let Some(unlisted) = unlisted {
        headline.push(' ');
        headline.push_str(&unlisted);
    }
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let troubled: Vec<usize> =
        (0..summary.mailboxes.len()).filter(|&n| digest::needs_a_look(&summary.mailboxes[n])).collect();
    let few = summary.mailboxes.len() <= UNFOLDED;
    let open = |n: usize| few || troubled.iter().take(TROUBLED_UNFOLDED).any(|&t| t == n);
    let with_reason = troubled.iter().map(|&n| Attention {
        anchor: n + 1,
        source: visible(&summary.mailboxes[n].source),
        troubles: digest::mailbox_troubles(&summary.mailboxes[n]),
    });
    let mut attention: Vec<Attention> = with_reason.filter(|a| !a.troubles.is_empty()).collect();
    let more_attention = attention.len().saturating_sub(ATTENTION);
    attention.truncate(ATTENTION);
    let (skipped, more_skipped) = digest::skipped_by(summary);
    let page = Page {
        style: STYLE,
        policy: format!(
            "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        ),
        project: digest::title(summary),
        class: class(summary.verdict),
        verdict: digest::verdict(summary.verdict),
        headline,
        compared: digest::compared(summary),
        sum: sum(&summary.totals.counts),
        totals: numbers(&summary.totals.counts),
        total_size: bytes_rounded(summary.totals.counts.bytes),
        facts: facts(summary),
        skipped,
        more_skipped,
        phases: forecast::rows(&summary.phases),
        attention,
        more_attention,
        mailboxes: summary.mailboxes.iter().enumerate().map(|(n, m)| mailbox(n + 1, open(n), m)).collect(),
        version: env!("CARGO_PKG_VERSION"),
    };
    page.render().map(|page| page.trim_end().to_owned() + "\n")
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Complete => "good",
        Verdict::Incomplete => "bad",
        Verdict::NotStarted => "open",
    }
}

fn facts(summary: &ProjectSummary) -> Vec<(&'static str, String)> {
    let folders: usize = summary.mailboxes.iter().map(|m| m.folders.len()).sum();
    let mut facts = vec![
        ("Mailboxes", count(summary.totals.mailboxes)),
        ("Folders", count(folders as u64)),
        ("Mail copied", bytes_rounded(summary.totals.counts.bytes)),
    ];
    if summary.verdict != Verdict::NotStarted {
        let run = &summary.last_run;
        let text = format!(
            "{}, {} in {}",
            plural(run.copied, "message"),
            bytes_rounded(run.bytes),
            elapsed(run.seconds)
        );
        facts.push(("Newest run", text));
    }
    facts
}

fn sum(counts: &Counts) -> Sum {
    let terms = [
        ("copied", counts.copied, "copied"),
        ("already present", counts.already_present, "present"),
        ("skipped", counts.skipped, "skipped"),
        ("failed", counts.failed, "failed"),
        ("pending", counts.pending, "pending"),
    ];
    let mut x = 0;
    let terms = terms.map(|(word, n, class)| {
        let share = u128::from(n) * 1000 / u128::from(counts.source_messages.max(1));
        // One failed message in a million is worth seeing.
        let width = if n == 0 { 0 } else { u64::try_from(share).unwrap_or(1000).max(6) };
        let term = Term { word, number: count(n), class: if n == 0 { "zero" } else { class }, x, width };
        x += width;
        term
    });
    let mut terms = Vec::from(terms);
    // The widened slivers are taken from the first bar that has room.
    let over = x.saturating_sub(1000);
    let mut taken = false;
    for term in &mut terms {
        if taken {
            term.x -= over;
        } else if term.width > over + 6 {
            term.width -= over;
            taken = true;
        }
    }
    let gone = (counts.gone_at_source > 0).then(|| count(counts.gone_at_source));
    Sum {
        source: count(counts.source_messages),
        terms,
        holds: counts.adds_up(),
        gone,
        any: counts.source_messages > 0,
    }
}

fn numbers(counts: &Counts) -> [Number; 6] {
    [
        (counts.source_messages, ""),
        (counts.copied, ""),
        (counts.already_present, ""),
        (counts.skipped, ""),
        (counts.failed, "failed"),
        (counts.pending, "pending"),
    ]
    .map(|(n, class)| Number { text: count(n), class: if n == 0 { "zero" } else { class } })
}

fn mailbox(anchor: usize, open: bool, mailbox: &MailboxSummary) -> Mailbox {
    let sums = digest::sums(mailbox);
    let (silent, telling): (Vec<_>, Vec<_>) =
        mailbox.hooks.iter().partition(|hook| hook.outcome == HookOutcome::Pass && hook.findings.is_empty());
    Mailbox {
        anchor,
        open,
        source: visible(&mailbox.source),
        target: visible(&mailbox.target),
        class: class(mailbox.verdict),
        verdict: digest::verdict(mailbox.verdict),
        size: bytes_rounded(sums.bytes),
        messages: plural(sums.source_messages, "message"),
        numbers: numbers(&sums),
        gone: sums.gone_at_source,
        stopped: mailbox.stopped.as_ref().map(|stopped| {
            let side = match stopped.side.as_str() {
                "source" => "at the source",
                "target" => "at the target",
                _ => "on the machine that moves the mail",
            };
            (side.to_owned(), visible(&stopped.reason), stopped.cause.to_string())
        }),
        open_ends: digest::open_ends(mailbox),
        left_out: digest::left_out(mailbox),
        folders: mailbox.folders.iter().map(folder).collect(),
        exceptions: digest::exceptions(mailbox).iter().map(exception).collect(),
        differences: digest::differences(mailbox).iter().map(difference).collect(),
        passed: silent.iter().map(|hook| visible(&hook.plugin)).collect::<Vec<_>>().join(", "),
        hooks: telling.into_iter().map(hook).collect(),
    }
}

fn folder(folder: &mailhaul_engine::summary::FolderSummary) -> Folder {
    let (source, target) = digest::folder_names(folder);
    Folder {
        source,
        left_out: folder.is_left_out(),
        target: target.filter(|target| !target.is_empty()),
        numbers: numbers(&folder.counts),
        size: bytes_rounded(folder.counts.bytes),
        // A folder that is left out has nothing to be compared with.
        verified: folder.target.as_ref().map_or("–", |_| digest::depth_word(folder.verified)),
    }
}

fn exception(group: &Group<'_, mailhaul_engine::summary::Exception>) -> Remark {
    let (class, word) = match group.like.outcome {
        ExceptionOutcome::Failed => ("bad", "failed"),
        ExceptionOutcome::Skipped => ("open", "skipped"),
    };
    Remark {
        class,
        word: word.into(),
        folder: visible(&group.like.folder),
        messages: if group.is_of_folder() { String::new() } else { count(group.messages) },
        text: visible(&group.like.reason),
        code: group.like.code.to_string(),
        uids: group.uids(),
    }
}

fn difference(group: &Group<'_, mailhaul_engine::summary::Difference>) -> Remark {
    let difference = group.like;
    let by = digest::by(difference.by.as_deref());
    let detail = Some(visible(&difference.detail)).filter(|detail| !detail.is_empty());
    let text: Vec<String> =
        [Some(digest::difference(difference.kind).to_owned()), by, detail].into_iter().flatten().collect();
    Remark {
        class: if difference.note { "open" } else { "bad" },
        word: if difference.note { "note" } else { "difference" }.into(),
        folder: visible(&difference.folder),
        messages: if group.is_of_folder() { String::new() } else { count(group.messages) },
        text: text.join("; "),
        code: difference.kind.as_str().into(),
        uids: group.uids(),
    }
}

fn hook(hook: &mailhaul_engine::summary::HookSummary) -> Hook {
    let findings = hook.findings.iter().map(|finding| {
        let folder = finding.folder.as_ref().map(|folder| format!("{folder}: ")).unwrap_or_default();
        let uid = finding.uid.map(|uid| format!("UID {uid}: ")).unwrap_or_default();
        (visible(&format!("{folder}{uid}{}", finding.message)), visible(&finding.code))
    });
    Hook {
        plugin: visible(&hook.plugin),
        class: match hook.outcome {
            HookOutcome::Pass => "good",
            HookOutcome::Fail => "bad",
            HookOutcome::Inconclusive => "warn",
        },
        outcome: digest::outcome(hook),
        findings: findings.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn equal_summaries_give_equal_bytes() {
        assert_eq!(render(&fixture::troubled()).unwrap(), render(&fixture::troubled()).unwrap());
    }

    #[test]
    fn the_style_sheet_is_the_one_the_policy_allows() {
        let page = render(&fixture::complete()).unwrap();
        let (_, rest) = page.split_once("<style>").unwrap();
        let (style, _) = rest.split_once("</style>").unwrap();
        let digest = STANDARD.encode(Sha256::digest(style.as_bytes()));
        let policy =
            page.split_once("Content-Security-Policy\" content=\"").unwrap().1.split_once('"').unwrap().0;
        assert!(
            policy.contains(&digest) || policy.contains(&digest.replace('+', "&#43;")),
            "{policy} {digest}"
        );
        assert!(policy.starts_with("default-src &#39;none&#39;; style-src"), "{policy}");
    }

    #[test]
    fn what_no_number_tells_is_said() {
        let page = render(&fixture::open_ended()).unwrap();
        assert_eq!(page.matches("no run has opened 1 folder yet: Sent").count(), 2, "above and in its place");
        let page = render(&fixture::pilot(30)).unwrap();
        assert!(page.contains("30 of 31 mailboxes of the list were not begun."));
        assert!(!page.contains("Needs attention"), "they only wait for their turn");
    }

    #[test]
    fn hostile_text_stays_text() {
        let page = render(&fixture::hostile()).unwrap();
        let body = page.split_once("</style>").unwrap().1;
        assert!(!body.contains('\u{1b}') && !body.contains('\u{202e}'));
        let known = [
            "a", "abbr", "bdi", "body", "caption", "code", "dd", "details", "div", "dl", "dt", "footer",
            "h1", "h2", "h3", "head", "header", "html", "li", "main", "nav", "p", "rect", "section", "small",
            "span", "strong", "summary", "svg", "table", "tbody", "td", "tfoot", "th", "thead", "title",
            "tr", "ul",
        ];
        for tag in body.split('<').skip(1) {
            let name = tag.trim_start_matches('/').split([' ', '>', '\n', '/']).next().unwrap();
            assert!(known.contains(&name), "<{tag}");
            let tag = tag.split('>').next().unwrap();
            assert!(
                !tag.contains(" on") && !tag.contains(" style=") && !tag.contains("javascript:"),
                "<{tag}"
            );
        }
    }

    /// Every element that is opened is closed, in order.
    #[test]
    fn elements_are_nested() {
        for summary in [
            fixture::empty(),
            fixture::complete(),
            fixture::troubled(),
            fixture::hostile(),
            fixture::many(60),
        ] {
            let page = render(&summary).unwrap();
            let mut open = Vec::new();
            for tag in page.split('<').skip(2).filter(|tag| !tag.starts_with("meta")) {
                let tag = tag.split('>').next().unwrap();
                if let Some(name) = tag.strip_prefix('/') {
                    assert_eq!(open.pop(), Some(name));
                } else if !tag.ends_with('/') {
                    open.push(tag.split([' ', '\n']).next().unwrap());
                }
            }
            assert_eq!(open, [""; 0]);
        }
    }

    #[test]
    fn the_bar_is_as_long_as_its_terms() {
        let bars = |numbers: [u64; 5]| -> Vec<(u64, u64)> {
            let [copied, already_present, skipped, failed, pending] = numbers;
            let source_messages = numbers.iter().sum();
            let counts = Counts {
                source_messages,
                copied,
                already_present,
                skipped,
                failed,
                pending,
                ..Counts::default()
            };
            sum(&counts).terms.iter().map(|term| (term.x, term.width)).collect()
        };
        assert_eq!(bars([1_000_000, 0, 0, 1, 0]), [(0, 994), (994, 0), (994, 0), (994, 6), (1000, 0)]);
        assert_eq!(bars([1, 1_000_000, 1, 1, 1])[1..], [(6, 976), (982, 6), (988, 6), (994, 6)]);
        assert_eq!(bars([0; 5]), [(0, 0); 5]);
    }

    #[test]
    fn a_thousand_mailboxes_are_folded_and_fast() {
        let begin = std::time::Instant::now();
        let page = render(&fixture::many(1_000)).unwrap();
        assert!(begin.elapsed() < std::time::Duration::from_secs(5));
        assert_eq!(page.matches("<details").count(), 1_000);
        assert_eq!(
            page.matches("<details open").count() + page.matches("\" open>").count(),
            TROUBLED_UNFOLDED
        );
    }
}
