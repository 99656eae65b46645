//! `status`: where the project stands, from the record and the ledgers alone.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use mailhaul_engine::cause::Cause;
use mailhaul_engine::mailbox_state::MailboxState;
use mailhaul_engine::progress::Pace;
use mailhaul_engine::record::Note;
use mailhaul_engine::run_kind::RunKind;
use mailhaul_engine::summary::{
    BatchSummary, MailboxSummary, PlanStanding, PlanSummary, ProjectSummary, RunSummary, Verdict,
};
use mailhaul_report::forecast;
use mailhaul_text::{bytes, bytes_rounded, count, duration, escape, plural, seconds};

use super::clock::{local_day_and_time, local_time as local};
use super::paint::{Palette, Tone};
use super::plan::approval::{digits, in_force};
use super::sum::{counts, equation, push_wrapped};
use super::table::{Align, Table};

/// Things that mailboxes wait for which get a line of their own: each server that is away has its own time.
const WAITS_SHOWN: usize = 5;

/// What the page is drawn for.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// Columns; `None` where nothing wraps.
    pub width: Option<usize>,
    /// Lines that there are at most; `None` where there may be any number.
    pub height: Option<usize>,
    pub palette: Palette,
    /// How fast mail moves now.
    pub pace: Option<Pace>,
    /// How long what is pending takes at that pace.
    pub left: Option<Duration>,
}

/// Returns the page of `status`: what goes on, a row for each mailbox, and the sums. Where it would be higher
/// than the screen, the mailboxes that need nobody are left out first.
pub(crate) fn page(project: &ProjectSummary, view: &View) -> String {
    let mailboxes = in_order(&project.mailboxes);
    let fits = |page: &str| view.height.is_none_or(|height| page.lines().count() <= height);
    let mut shown = mailboxes.len();
    loop {
        let page = draw(project, &mailboxes, shown, view);
        if shown == 0 || fits(&page) {
            return page;
        }
        let over = view.height.map_or(0, |height| page.lines().count().saturating_sub(height));
        // A remark makes a mailbox take several lines: go down by what is surely too much.
        shown = shown.saturating_sub((over / 4).max(1));
    }
}

/// The mailboxes in the order of their states, what needs attention first; those that are not in the list any
/// more last.
fn in_order(mailboxes: &[MailboxSummary]) -> Vec<&MailboxSummary> {
    let mut all: Vec<&MailboxSummary> = mailboxes.iter().collect();
    all.sort_by_key(|mailbox| (mailbox.standing.unlisted.is_some(), mailbox.standing.now.state));
    all
}

fn draw(project: &ProjectSummary, mailboxes: &[&MailboxSummary], shown: usize, view: &View) -> String {
    let (width, palette) = (view.width, view.palette);
    let (word, tone) = verdict(project.verdict);
    let name = palette.paint(Tone::Strong, &escape(&project.project));
    let mut out = format!("{name}: {}\n", palette.paint(tone, word));
    for run in &project.runs {
        push_wrapped(&mut out, 2, &run_line(run), width);
        for line in beside_forecast(run) {
            push_wrapped(&mut out, 4, &line, width);
        }
    }
    let waits = waits(&project.mailboxes);
    for line in wait_lines(&waits) {
        push_wrapped(&mut out, 2, &line, width);
    }
    if mailboxes.is_empty() {
        return out;
    }
    if project.totals.mailboxes > 0 {
        push_wrapped(&mut out, 2, &state_line(project.totals.mailboxes, &project.states), width);
    }
    if let Some(line) = project.plan.as_ref().and_then(plan_line) {
        push_wrapped(&mut out, 2, &line, width);
    }
    if let Some(line) = pace_line(view) {
        push_wrapped(&mut out, 2, &line, width);
    }
    out.push_str(&table(&mailboxes[..shown], &waits, view).render(width, palette));
    if shown < mailboxes.len() {
        out.push_str(&format!("  … and {} more\n", count((mailboxes.len() - shown) as u64)));
    }
    let most = view.height.map_or(usize::MAX, |height| (height / 6).max(1));
    if !project.batches.is_empty() {
        out.push_str(&batches(&project.batches[..project.batches.len().min(most)]).render(width, palette));
    }
    if project.batches.len() > most {
        out.push_str(&format!("  … and {} more batches\n", count((project.batches.len() - most) as u64)));
    }
    push_wrapped(&mut out, 2, &sum_line(project), width);
    out
}

/// Returns the sum of all mailboxes; before a run has counted anything what the newest plan has to copy,
/// where there is one.
fn sum_line(project: &ProjectSummary) -> String {
    let counts = &project.totals.counts;
    if project.mailboxes.iter().any(is_counted) {
        let mut sum = equation(counts);
        if counts.gone_at_source > 0 {
            sum.push_str(&format!("; {} gone at the source since", count(counts.gone_at_source)));
        }
        return sum;
    }
    match project.plan.as_ref().and_then(|plan| plan.newest.as_ref()) {
        Some(plan) => {
            let size = plan.bytes.map(|bytes| format!(", {}", bytes_rounded(bytes))).unwrap_or_default();
            format!(
                "planned: {}{size} to copy; no run has counted anything yet",
                plural(plan.messages, "message")
            )
        }
        None => "no run has counted anything yet".to_owned(),
    }
}

/// Whether a run has seen the folders of a mailbox: before that its numbers are not known, and no zeros.
fn is_counted(mailbox: &MailboxSummary) -> bool {
    !mailbox.folders.is_empty()
}

/// Returns e.g. `run (delta) by eve since 14:02 CET: 5 of 12 mailboxes ended, 3 messages copied, 12.0 KiB, in
/// 0.4 s`.
fn run_line(run: &RunSummary) -> String {
    let mut line = run.kind.to_string();
    // A task that is a phase of its own says it once.
    if let Some(phase) = run.phase.filter(|phase| phase.to_string() != line) {
        line.push_str(&format!(" ({phase})"));
    }
    if let Some(by) = &run.by {
        line.push_str(&format!(" by {}", escape(by)));
    }
    let begun = local(&run.started);
    line.push_str(&match run.result.as_str() {
        "running" => format!(", running since {begun}"),
        "killed" => format!(" of {begun}, killed: the same command continues"),
        "not-recorded" => format!(" of {begun}"),
        result => format!(" of {begun}, {}", result.replace('-', " ")),
    });
    let mut parts = Vec::new();
    if run.is_running() {
        parts.push(format!("{} of {} ended", count(run.ended_mailboxes), plural(run.mailboxes, "mailbox")));
    }
    // Of one that goes on, or was killed, the ledgers know more: the sum below has it.
    if run.kind.writes() && run.kind != RunKind::Undo && run.ended.is_some() {
        parts.push(format!("{} copied", plural(run.copied, "message")));
        parts.push(bytes(run.bytes));
    }
    parts.push(format!("in {}", duration(seconds(run.seconds))));
    format!("{line}: {}", parts.join(", "))
}

/// Returns what is, or was, expected of a run, and where its time went.
fn beside_forecast(run: &RunSummary) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(expected) = &run.forecast {
        let left = expected.seconds - run.seconds;
        let stands = match run.result.as_str() {
            "running" if left > 0.0 => format!("; {} of that are left", duration(seconds(left))),
            "running" => format!("; that was over {} ago", duration(seconds(-left))),
            "complete" | "not-all-well" => forecast::difference(expected, run.seconds)
                .map_or_else(String::new, |difference| format!("; {difference}")),
            _ => String::new(),
        };
        let (what, basis) = (forecast::expected(expected), forecast::basis(expected));
        lines.push(format!("forecast: {what}, {basis}{stands}"));
    }
    lines.extend(forecast::waited(&run.waits));
    lines
}

/// How many mailboxes wait until the same time for the same, the soonest first.
type Waits<'a> = BTreeMap<(&'a str, &'a str), u64>;

fn waits(mailboxes: &[MailboxSummary]) -> Waits<'_> {
    let mut waits = Waits::new();
    mailboxes.iter().filter_map(wait_of).for_each(|wait| *waits.entry(wait).or_default() += 1);
    waits
}

/// Until when a mailbox waits, and what for.
fn wait_of(mailbox: &MailboxSummary) -> Option<(&str, &str)> {
    let standing = &mailbox.standing;
    Some((standing.now.until.as_deref()?, standing.why.as_deref()?))
}

/// Returns what mailboxes wait for now, a line for each: `12 mailboxes wait until 00:00:00 CET: Gmail's 2,500
/// MB a day`.
fn wait_lines(waits: &Waits<'_>) -> Vec<String> {
    let wait = |n| if n == 1 { "waits" } else { "wait" };
    let line = |((until, what), n): (&(&str, &str), &u64)| {
        format!("{} {} until {}: {}", plural(*n, "mailbox"), wait(*n), local(until), escape(what))
    };
    let mut lines: Vec<String> = waits.iter().take(WAITS_SHOWN).map(line).collect();
    let more: u64 = waits.values().skip(WAITS_SHOWN).sum();
    if more > 0 {
        lines.push(format!("{} more {} for something else", plural(more, "mailbox"), wait(more)));
    }
    lines
}

/// Returns e.g. `12 mailboxes: 1 blocked, 11 copied`.
fn state_line(mailboxes: u64, states: &BTreeMap<MailboxState, u64>) -> String {
    let words: Vec<String> = states.iter().map(|(state, n)| format!("{} {state}", count(*n))).collect();
    format!("{}: {}", plural(mailboxes, "mailbox"), words.join(", "))
}

/// Says whether the newest plan is approved; nothing where nobody has made one, or approved one.
fn plan_line(plan: &PlanStanding) -> Option<String> {
    let approvals = || in_force(&plan.in_force);
    let made = |newest: &PlanSummary| format!("plan {} of {}", newest.number, local_day_and_time(&newest.at));
    match (&plan.newest, plan.in_force.is_empty()) {
        (None, false) => Some(approvals()),
        (Some(_), false) if plan.approved => Some(approvals()),
        (Some(newest), false) => {
            Some(format!("{} is not approved; in force is {}", made(newest), approvals()))
        }
        (Some(newest), true) => {
            Some(format!("{}, digest {}, is not approved", made(newest), digits(&newest.digest)))
        }
        (None, true) => None,
    }
}

fn pace_line(view: &View) -> Option<String> {
    let pace = view.pace?;
    let mut line =
        format!("{}/s, {}/s", count(pace.messages.round() as u64), bytes(pace.bytes.round() as u64));
    if let Some(left) = view.left {
        line.push_str(&format!(", {} left", duration(Duration::from_secs(left.as_secs()))));
    }
    Some(line)
}

fn table(mailboxes: &[&MailboxSummary], waits: &Waits<'_>, view: &View) -> Table {
    let said: HashSet<_> = waits.keys().take(WAITS_SHOWN).copied().collect();
    let phases = mailboxes.iter().any(|mailbox| mailbox.standing.phase.is_some());
    let head = [("Mailbox", Align::Left), ("", Align::Left)];
    let numbers = [
        ("Messages", Align::Right),
        ("Done", Align::Right),
        ("Failed", Align::Right),
        ("Pending", Align::Right),
    ];
    let mut table = Table::new(
        2,
        &[&head[..], &numbers[..], &[(if phases { "Phase" } else { "" }, Align::Left)]].concat(),
    );
    for mailbox in mailboxes {
        // What has a line of its own above is not said again of each that waits.
        let is_said = wait_of(mailbox).is_some_and(|wait| said.contains(&wait));
        push_mailbox(&mut table, mailbox, is_said, view);
    }
    table
}

fn push_mailbox(table: &mut Table, mailbox: &MailboxSummary, is_said: bool, view: &View) {
    let counts = counts(mailbox);
    let done = counts.source_messages.saturating_sub(counts.failed + counts.pending);
    let standing = &mailbox.standing;
    let (word, tone) = match &standing.unlisted {
        Some(_) => ("not listed any more", Tone::Faint),
        None => (standing.now.state.as_str(), tone(standing.now.state)),
    };
    let bad = |n: u64| (n > 0).then_some(Tone::Bad);
    let phase = standing.phase.map_or("", |phase| phase.as_str());
    let name = if standing.mailbox.is_empty() { &mailbox.source } else { &standing.mailbox };
    let number = |n: u64| if is_counted(mailbox) { count(n) } else { "-".to_owned() };
    table.push_row([
        (name, None),
        (word, Some(tone)),
        (&number(counts.source_messages), None),
        // Rounded down: 100 % is said only when nothing is left.
        (&percent(done, counts.source_messages), None),
        (&number(counts.failed), bad(counts.failed)),
        (&number(counts.pending), None),
        (phase, Some(Tone::Faint)),
    ]);
    if let Some(remark) = (standing.unlisted.is_none() && !is_said).then(|| remark(mailbox)).flatten() {
        table.push_remark(&short(&remark, view));
    }
}

/// A remark fits into two lines of a watched screen: the whole of it is in `status` without `--watch`.
fn short(remark: &str, view: &View) -> String {
    match (view.height, view.width) {
        (Some(_), Some(width)) if remark.chars().count() > width * 2 => {
            remark.chars().take(width * 2 - 12).chain(['…']).collect()
        }
        _ => remark.to_owned(),
    }
}

/// Who acts, and why; until when it waits.
fn remark(mailbox: &MailboxSummary) -> Option<String> {
    let now = &mailbox.standing.now;
    let who = now.who.shown();
    if let Some(until) = &now.until {
        let what = mailbox.standing.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        return Some(format!("until {}{what}", local(until)));
    }
    if let (Some(cause), Some(side)) = (now.cause, now.side) {
        if cause == Cause::NotTried {
            // Whose log-ins were refused has the words.
            return Some(format!("{who}: {}, {cause}: {}", side.as_str(), cause.sentence(side)));
        }
        let why = mailbox.standing.why.as_deref().unwrap_or_default();
        return Some(format!("{who}: {}, {cause}: {why}", side.as_str()));
    }
    if waits_for_approval(mailbox) {
        return Some(format!(
            "{who}: its plan is not approved: `mailhaul plan --out plan.json`, then `mailhaul plan approve plan.json \
             --by NAME`"
        ));
    }
    let failed = (now.state == MailboxState::Failed).then(|| why_failed(mailbox))?;
    Some(format!("{who}: {}", failed.join(", ")))
}

/// Whether a mailbox is not ready since its newest plan is not the one that was approved.
fn waits_for_approval(mailbox: &MailboxSummary) -> bool {
    let standing = &mailbox.standing;
    standing.now.state == MailboxState::Listed
        && standing.unlisted.is_none()
        && standing.approved == Some(false)
}

fn why_failed(mailbox: &MailboxSummary) -> Vec<String> {
    let counts = counts(mailbox);
    let mut parts = Vec::new();
    if counts.failed > 0 {
        parts.push(format!("{} failed", plural(counts.failed, "message")));
    }
    let unread =
        mailbox.folders.iter().filter(|folder| folder.stopped.is_some() && folder.counts.failed == 0);
    match unread.count() as u64 {
        0 => {}
        n => parts.push(format!("{} not read", plural(n, "folder"))),
    }
    match mailbox.differences.iter().filter(|difference| !difference.note).count() as u64 {
        0 => {}
        n => parts.push(plural(n, "difference")),
    }
    let hooks =
        mailbox.hooks.iter().filter(|hook| hook.outcome == mailhaul_engine::plugin::HookOutcome::Fail);
    parts.extend(hooks.map(|hook| format!("validation `{}` failed", escape(&hook.plugin))));
    match mailbox.left_out.iter().filter(|folder| folder.is_open()).count() as u64 {
        0 => {}
        n => parts.push(format!("{} without a rule", plural(n, "folder"))),
    }
    if !mailbox.kept.is_empty() {
        parts.push("copies left that were to be put away".to_owned());
    }
    parts
}

fn batches(batches: &[BatchSummary]) -> Table {
    let mut table = Table::new(
        2,
        &[("Batch", Align::Left), ("Mailboxes", Align::Right), ("Pending", Align::Right), ("", Align::Left)],
    );
    for batch in batches {
        let states: Vec<String> =
            batch.states.iter().map(|(state, n)| format!("{} {state}", count(*n))).collect();
        table.push_row([
            (&batch.batch, None),
            (&count(batch.totals.mailboxes), None),
            (&count(batch.totals.counts.pending), None),
            (&states.join(", "), None),
        ]);
    }
    table
}

/// Returns what to type next, by the states that mailboxes are in; `None` where nobody has to type anything.
pub(crate) fn next_step(project: &ProjectSummary) -> Option<&'static str> {
    use MailboxState::{Blocked, Copied, Failed, Listed, Ready, Stopped};
    let some = |state| project.states.contains_key(&state);
    match () {
        () if project.mailboxes.is_empty() => {
            Some("nothing was looked at yet: `mailhaul check` reads the list")
        }
        () if some(Blocked) || some(Failed) => Some(
            "`mailhaul status --fix-list` says what to do, and what to send to whom; `mailhaul check` looks again",
        ),
        () if project.states.keys().any(|state| state.is_live()) => None,
        () if some(Ready) || some(Stopped) => Some("`mailhaul run` copies what is pending"),
        () if project.mailboxes.iter().any(waits_for_approval) => Some(
            "`mailhaul plan --out plan.json` writes the plan, and `mailhaul plan approve plan.json --by NAME` approves it",
        ),
        () if some(Listed) => Some("`mailhaul check` tries both ends"),
        () if some(Copied) => Some("`mailhaul verify` compares both ends"),
        () => None,
    }
}

/// Returns the page of `status --history`: the newest runs and what the audit trail says, the newest first.
pub(crate) fn history(runs: &[RunSummary], notes: &[Note], view: &View) -> String {
    let mut lines: Vec<(&str, String)> =
        runs.iter().map(|run| (run.started.as_str(), run_line(run))).collect();
    lines.extend(notes.iter().map(|note| {
        let what =
            format!("{} ({}): {}", escape(&note.requester.name), note.requester.channel, escape(&note.what));
        (note.at.as_str(), format!("{} {what}", local(&note.at)))
    }));
    // Both come the newest first; of one second the runs.
    lines.sort_by(|one, other| other.0.cmp(one.0));
    let mut out = String::new();
    for (_, line) in lines {
        push_wrapped(&mut out, 0, &line, view.width);
    }
    out
}

fn verdict(verdict: Verdict) -> (&'static str, Tone) {
    match verdict {
        Verdict::Complete => ("complete", Tone::Good),
        Verdict::Incomplete => ("incomplete", Tone::Warn),
        Verdict::NotStarted => ("not started", Tone::Faint),
    }
}

fn tone(state: MailboxState) -> Tone {
    match state {
        MailboxState::Blocked => Tone::Warn,
        MailboxState::Failed => Tone::Bad,
        MailboxState::Running | MailboxState::Waiting | MailboxState::Checking | MailboxState::Watching => {
            Tone::Accent
        }
        MailboxState::Copied | MailboxState::Proven | MailboxState::Accepted => Tone::Good,
        MailboxState::Stopped | MailboxState::Queued | MailboxState::Ready | MailboxState::Listed => {
            Tone::Faint
        }
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
    use mailhaul_engine::cause::Actor;
    use mailhaul_engine::mailbox_state::StateOf;
    use mailhaul_engine::run_kind::{Channel, Phase};
    use mailhaul_engine::summary::{PlanSummary, RunForecast, RunWait, Side, Standing, Totals};

    use super::super::samples;
    use super::*;
    use mailhaul_engine::record::Approval;

    fn stands(
        mut summary: MailboxSummary,
        key: &str,
        state: MailboxState,
        cause: Option<Cause>,
    ) -> MailboxSummary {
        let who = cause.map_or(Actor::Operator, |cause| cause.actor(Side::Target));
        let side = cause.map(|_| Side::Target);
        let now = StateOf { state, who, cause, side, until: None };
        let why = cause.map(|_| samples::stopped().reason);
        let (phase, batch) = (Some(Phase::Full), Some("monday".to_owned()));
        *summary.standing = Standing { mailbox: key.into(), batch, phase, why, now, ..Standing::default() };
        summary
    }

    fn project(mailboxes: Vec<MailboxSummary>) -> ProjectSummary {
        let mut project = ProjectSummary::empty("olddomain to newdomain");
        project.verdict = Verdict::Incomplete;
        let mut totals = Totals::default();
        for mailbox in &mailboxes {
            totals.mailboxes += 1;
            totals.counts.add(&counts(mailbox));
            *project.states.entry(mailbox.standing.now.state).or_default() += 1;
        }
        project.batches =
            vec![BatchSummary { batch: "monday".into(), totals, states: project.states.clone() }];
        project.totals = totals;
        project.runs = vec![RunSummary {
            kind: RunKind::Run,
            phase: Some(Phase::Full),
            by: Some("eve".into()),
            channel: Some(Channel::Terminal),
            // No time, so that the page is the same in every zone.
            started: "then".into(),
            ended: None,
            result: "running".into(),
            mailboxes: 2,
            ended_mailboxes: 1,
            copied: 3,
            bytes: 12_288,
            seconds: 0.4,
            forecast: None,
            waits: Vec::new(),
        }];
        project.mailboxes = mailboxes;
        project
    }

    fn two() -> ProjectSummary {
        let anna = stands(samples::anna(), "anna@old.example", MailboxState::Copied, None);
        let bob = stands(samples::bob(), "bob@old.example", MailboxState::Blocked, Some(Cause::AuthRefused));
        project(vec![anna, bob])
    }

    #[test]
    fn the_status_says_what_goes_on_and_who_acts() {
        let pace = Some(Pace { messages: 12.0, bytes: 4_096.0 });
        let view = View { width: Some(80), pace, left: Some(Duration::from_secs(61)), ..View::default() };
        insta::assert_snapshot!(page(&two(), &view), @"
        olddomain to newdomain: incomplete
          run (full) by eve, running since then: 1 of 2 mailboxes ended, in 0.4 s
          2 mailboxes: 1 blocked, 1 copied
          12/s, 4.0 KiB/s, 1 min 1 s left
          Mailbox                    Messages   Done  Failed  Pending  Phase
          bob@old.example   blocked         4   75 %       1        0  full
            you: target, auth-refused: the server said `NO [AUTHENTICATIONFAILED]
            Authentication failed.`
          anna@old.example  copied      1,329  100 %       0        0  full
          Batch   Mailboxes  Pending
          monday          2        0  1 blocked, 1 copied
          source 1,333 = 1,303 copied + 20 already present + 9 skipped + 1 failed
            + 0 pending
        ");
    }

    #[test]
    fn a_forecast_and_what_is_waited_for_are_said() {
        let mut project = two();
        let wait =
            RunWait { what: "Gmail's 2,500 MB a day".into(), mailboxes: 2, seconds: 70.0, longest: 40.0 };
        let basis = "plan 3 of 2026-11-28, at an assumed speed".into();
        project.runs[0].forecast =
            Some(RunForecast { seconds: 900.4, messages: 4_000, bytes: Some(1 << 30), without: 1, basis });
        project.runs[0].waits = vec![wait];
        for mailbox in &mut project.mailboxes {
            mailbox.standing.now = StateOf {
                // No time, so that the page is the same in every zone.
                until: Some("then".into()),
                cause: None,
                side: None,
                state: MailboxState::Waiting,
                who: Actor::Nobody,
            };
            mailbox.standing.why = Some("Gmail's 2,500 MB a day\x1b".into());
        }
        let view = View { width: Some(80), ..View::default() };
        let said = page(&project, &view).lines().skip(1).take(7).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(said, @r"
        run (full) by eve, running since then: 1 of 2 mailboxes ended, in 0.4 s
          forecast: 4,000 messages, 1.0 GiB, in 15 min 0 s, by plan 3 of 2026-11-28,
            at an assumed speed; 1 mailbox was not in it; 15 min 0 s of that are left
          2 mailboxes waited 1 min 10 s in all for Gmail's 2,500 MB a day, the longest
            40 s
        2 mailboxes wait until then: Gmail's 2,500 MB a day\x1b
        2 mailboxes: 1 blocked, 1 copied
        ");
        project.runs[0].seconds = 1_080.4;
        assert!(page(&project, &view).contains("that was over 3 min 0 s ago"));
        project.runs[0].result = "complete".into();
        let text = page(&project, &view).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("it took 3 min 0 s longer than forecast"), "{text}");
    }

    #[test]
    fn which_plan_is_approved_is_said_and_whose_plan_is_not() {
        let mut project = two();
        let anna = &mut project.mailboxes[0].standing;
        (anna.now.state, anna.approved) = (MailboxState::Listed, Some(false));
        let newest = PlanSummary {
            number: 4,
            digest: "0123456789abcdef".into(),
            by: "eve".into(),
            at: "now".into(),
            mailboxes: 2,
            conflicts: 0,
            messages: 890,
            bytes: Some(3 << 20),
        };
        let at = "then".to_owned();
        let lea = Approval { number: Some(3), digest: "ff".into(), by: "lea".into(), at, mailboxes: 2 };
        let otto =
            Approval { number: Some(2), by: "otto".into(), digest: "ee".into(), mailboxes: 1, ..lea.clone() };
        let line = |newest: Option<&PlanSummary>, in_force: &[&Approval], approved| {
            let in_force = in_force.iter().map(|&approval| approval.clone()).collect();
            plan_line(&PlanStanding { newest: newest.cloned(), in_force, approved }).unwrap_or_default()
        };
        let cases: [(_, &[&Approval], _, _); 6] = [
            (None, &[], false, ""),
            (Some(&newest), &[], false, "plan 4 of now, digest 0123456789ab, is not approved"),
            (None, &[&lea], false, "plan 3, approved by lea on then"),
            (Some(&newest), &[&lea], true, "plan 3, approved by lea on then"),
            (
                Some(&newest),
                &[&lea],
                false,
                "plan 4 of now is not approved; in force is plan 3, approved by lea on then",
            ),
            (
                Some(&newest),
                &[&lea, &otto],
                true,
                "plan 3, approved by lea on then: 2 mailboxes; plan 2, approved by otto on then: 1 mailbox",
            ),
        ];
        for (newest, in_force, approved, expected) in cases {
            assert_eq!(line(newest, in_force, approved), expected);
        }
        project.plan = Some(PlanStanding { newest: Some(newest), in_force: vec![lea], approved: false });
        let page = page(&project, &View { width: Some(80), ..View::default() });
        assert!(page.contains("\n  plan 4 of now is not approved; in force is plan 3"), "{page}");
        let words = page.split_whitespace().collect::<Vec<_>>().join(" ");
        let remark = "you: its plan is not approved: `mailhaul plan --out plan.json`, then `mailhaul plan approve \
                      plan.json --by NAME`";
        assert!(words.contains(remark), "{page}");
        project.states = [(MailboxState::Listed, 1)].into();
        assert!(next_step(&project).is_some_and(|step| step.contains("plan approve")));
    }

    #[test]
    fn what_several_wait_for_stands_above_them_once() {
        let mut project = two();
        for (n, mailbox) in project.mailboxes.iter_mut().enumerate() {
            let standing = &mut mailbox.standing;
            (standing.now.until, standing.why) = (Some("then".into()), Some("Gmail's 2,500 MB a day".into()));
            (standing.now.cause, standing.now.state) = (None, MailboxState::Waiting);
            standing.mailbox = format!("u{n}");
        }
        // More different ones than have a line: whose is not shown says it himself.
        let mut others: Vec<_> = (0..WAITS_SHOWN).map(|_| project.mailboxes[0].clone()).collect();
        let shown = page(&project, &View { width: Some(80), ..View::default() });
        assert_eq!(shown.matches("until then").count(), 1, "{shown}");
        for (n, other) in others.iter_mut().enumerate() {
            other.standing.now.until = Some(format!("u then {n}"));
        }
        project.mailboxes.append(&mut others);
        let shown = page(&project, &View { width: Some(80), ..View::default() });
        let lines = shown.lines().filter(|line| line.trim_start().starts_with("until")).count();
        assert_eq!((lines, shown.matches("until u then 4").count()), (1, 1), "{shown}");
    }

    #[test]
    fn before_a_run_has_counted_nothing_is_zero() {
        let mut project = two();
        for mailbox in &mut project.mailboxes {
            mailbox.folders.clear();
            mailbox.standing.now = StateOf { state: MailboxState::Ready, ..mailbox.standing.now.clone() };
            mailbox.standing.now.cause = None;
        }
        project.totals.counts = Default::default();
        let view = View { width: Some(80), ..View::default() };
        let last = |project: &ProjectSummary| page(project, &view).lines().last().unwrap().trim().to_owned();
        let shown = page(&project, &view);
        assert!(shown.contains("anna@old.example  ready         -     -       -        -"), "{shown}");
        assert_eq!(last(&project), "no run has counted anything yet");
        let newest = PlanSummary {
            number: 4,
            digest: "ff".into(),
            by: "eve".into(),
            at: "now".into(),
            mailboxes: 2,
            conflicts: 0,
            messages: 890,
            bytes: Some(3 << 20),
        };
        project.plan = Some(PlanStanding { newest: Some(newest), in_force: Vec::new(), approved: false });
        assert_eq!(last(&project), "planned: 890 messages, 3.0 MiB to copy; no run has counted anything yet");
    }

    #[test]
    fn a_low_screen_keeps_what_needs_attention() {
        let mut mailboxes: Vec<_> = (0..40)
            .map(|n| stands(samples::anna(), &format!("u{n:02}@old.example"), MailboxState::Copied, None))
            .collect();
        mailboxes.push(stands(
            samples::bob(),
            "bob@old.example",
            MailboxState::Blocked,
            Some(Cause::AuthRefused),
        ));
        let mut unlisted = stands(samples::bob(), "zoe@old.example", MailboxState::Blocked, None);
        unlisted.standing.unlisted = Some("then".into());
        mailboxes.push(unlisted);
        let project = project(mailboxes);
        let view = View { width: Some(80), height: Some(24), ..View::default() };
        let low = page(&project, &view);
        assert!(low.lines().count() <= 24, "{low}");
        assert!(low.contains("bob@old.example") && low.contains(" more\n"), "{low}");
        assert!(low.contains("0 pending"), "the sum stays: {low}");
        let whole = page(&project, &View { width: Some(80), ..View::default() });
        assert!(whole.contains("zoe@old.example") && whole.contains("not listed any more"), "{whole}");
    }

    #[test]
    fn a_killed_run_is_no_running_one() {
        let mut project = two();
        project.runs[0].result = "killed".into();
        let text = page(&project, &View { width: Some(80), ..View::default() });
        assert!(text.contains("killed: the same command continues"), "{text}");
    }

    #[test]
    fn a_hundred_per_cent_is_not_rounded_up() {
        assert_eq!(percent(999, 1000), "99 %");
        assert_eq!(percent(1000, 1000), "100 %");
        assert_eq!(percent(0, 0), "-");
    }
}
