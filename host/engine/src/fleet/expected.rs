//! What is expected of a run before it begins, from what plans and assessments say of its mailboxes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use mailhaul_text::plural;

use crate::account::Mailbox;
use crate::assessment::forecast::{Circumstances, Fleet, MailboxLoad};
use crate::code::Code;
use crate::plan::PlannedLoad;
use crate::run_kind::RunKind;
use crate::state::ledger::{Ledger, Result};
use crate::state::reading::{Readings, Stamp};
use crate::state::record::{Record, RunForecast, Stage};
use crate::summary::Counts;
use crate::task::context::Context;

/// How the record has it that a run was asked for the newest mail alone, with the age behind it.
pub(crate) const NEWEST: &str = "--newest";

/// What was known of one mailbox when somebody last looked into it.
struct Known {
    load: MailboxLoad,
    /// Messages that earlier runs had settled by then.
    settled: u64,
    /// What rules leave out is among its messages.
    whole: bool,
    /// When that was: UTC, RFC 3339.
    at: String,
}

/// How earlier runs have left a mailbox since somebody looked into it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Since {
    /// One came to its end with it.
    Finished,
    /// One was broken off, could not go on, or was asked for a part: its ledger says what is copied.
    InPart,
}

/// Returns what a run that copies everything is expected to take: by the newest plan of each mailbox, else by
/// its assessment, without what runs have copied since. `None` where nothing is known of any of them.
///
/// # Errors
/// When the record cannot be read.
pub(crate) fn of_run(
    context: &Context,
    record: &dyn Record,
    selected: &[Mailbox],
) -> Result<Option<RunForecast>> {
    let mut basis = Basis::default();
    let keys: HashSet<&str> = selected.iter().map(|mailbox| mailbox.key.as_str()).collect();
    let mut known = known(record, &keys, &mut basis)?;
    let since = since(record, &known)?;
    let in_part = since.values().any(|how| *how == Since::InPart);
    let readings = if in_part { Readings::new(record.readings()?) } else { Readings::default() };
    let circumstances = now(context);
    let mut fleet = Fleet::new(&circumstances);
    let mut any = false;
    for mailbox in selected {
        let Some(Known { mut load, settled, whole, .. }) = known.remove(&mailbox.key) else {
            fleet.leave_out(1);
            continue;
        };
        any = true;
        let mut copied_bytes = None;
        let left = match since.get(&mailbox.key) {
            None => load.messages,
            Some(Since::Finished) => 0,
            Some(Since::InPart) => {
                let counts = counts(&context.job.state_dir, &mailbox.key, &readings);
                let skipped = if whole { counts.skipped } else { 0 };
                let done = counts.copied + counts.already_present + skipped;
                let left = (load.messages + settled).saturating_sub(done).min(load.messages);
                // Nobody knows how large those were that had been settled before.
                if settled == 0 && left > 0 && counts.already_present == 0 && skipped == 0 {
                    copied_bytes = Some(counts.bytes);
                }
                left
            }
        };
        basis.copied += u64::from(left == 0 && since.contains_key(&mailbox.key));
        load.bytes = load.bytes.map(|bytes| match copied_bytes {
            Some(copied) => bytes.saturating_sub(copied),
            None => part(bytes, left, load.messages),
        });
        load.messages = left;
        fleet.add(&load);
    }
    Ok(any.then(|| expected(&fleet, &circumstances, &basis.words(), &basis.remark())))
}

/// Returns what sending again what failed for a reason is expected to take, by the number of messages alone.
#[must_use]
pub(crate) fn of_retry(context: &Context, code: Code, selected: &[Mailbox]) -> RunForecast {
    let circumstances = now(context);
    let mut fleet = Fleet::new(&circumstances);
    for mailbox in selected {
        let ledger = Ledger::read(&Ledger::file(&context.job.state_dir, &mailbox.key)).ok().flatten();
        match ledger.and_then(|ledger| ledger.exceptions().ok()) {
            Some(all) => {
                let messages = all.iter().filter(|one| one.code == code && one.uid > 0).count() as u64;
                fleet.add(&MailboxLoad { mailbox: mailbox.key.clone(), messages, ..MailboxLoad::default() });
            }
            None => fleet.leave_out(1),
        }
    }
    expected(&fleet, &circumstances, &format!("what failed for {code}, by its number alone"), "")
}

fn expected(fleet: &Fleet, circumstances: &Circumstances, of: &str, remark: &str) -> RunForecast {
    let forecast = fleet.forecast();
    let (messages, bytes) = fleet.amount();
    let speed = match &circumstances.measured {
        Some(run) => format!("as fast as the run of {}", day(&run.started)),
        None => "at an assumed speed".to_owned(),
    };
    RunForecast {
        // Milliseconds, so that it is the same number once it was written and read.
        seconds: (forecast.seconds * 1_000.0).round() / 1_000.0,
        messages,
        bytes,
        without: forecast.left_out,
        basis: format!("{of}, {speed}{remark}"),
    }
}

/// The circumstances of a run that begins now.
fn now(context: &Context) -> Circumstances {
    let clock = &context.job.clock;
    let begun = clock.now().to_zoned(clock.zone());
    context.job.limits.circumstances(context.circumstances().measured.clone(), Some(&begun))
}

/// What plans, and where there is none assessments, say of the mailboxes.
fn known(record: &dyn Record, wanted: &HashSet<&str>, basis: &mut Basis) -> Result<HashMap<String, Known>> {
    let mut known: HashMap<String, Known> = HashMap::with_capacity(wanted.len());
    let plans: HashMap<u64, String> =
        record.plans(u32::MAX)?.into_iter().map(|plan| (plan.number, plan.at)).collect();
    record.newest_planned(&mut |number, row| {
        // What another version wrote, and this one cannot read, says nothing.
        let figures = serde_json::from_str::<PlannedLoad>(&row.plan).ok();
        if let (true, Some(figures)) = (wanted.contains(row.mailbox.as_str()), figures) {
            let at = plans.get(&number).cloned().unwrap_or_default();
            *basis.plans.entry((number, day(&at).to_owned())).or_default() += 1;
            let settled = figures.already_there;
            known.insert(row.mailbox, Known { load: figures.load(), settled, whole: false, at });
        }
        Ok(())
    })?;
    if known.len() == wanted.len() {
        return Ok(known);
    }
    for one in record.assessments()? {
        let key = one.mailbox.as_str();
        if !one.is_read() || known.contains_key(key) || !wanted.contains(key) {
            continue;
        }
        let load = MailboxLoad::of(&one);
        let settled = one.source.messages.saturating_sub(load.messages);
        *basis.assessments.entry(day(&one.at).to_owned()).or_default() += 1;
        known.insert(one.mailbox, Known { load, settled, whole: true, at: one.at });
    }
    Ok(known)
}

/// How runs that copy have left the mailboxes since somebody looked into them.
fn since(record: &dyn Record, known: &HashMap<String, Known>) -> Result<HashMap<String, Since>> {
    let copying: HashMap<_, _> = record
        .runs(u32::MAX)?
        .into_iter()
        .filter(|run| matches!(run.kind, RunKind::Run | RunKind::Retry))
        .map(|run| {
            // With `--newest`, as a retry does, a run comes to its end with a part of the mail.
            let whole = run.kind == RunKind::Run && !run.filter.iter().any(|asked| asked.starts_with(NEWEST));
            (run.id, (run.ended.unwrap_or(run.started), whole))
        })
        .collect();
    let mut since = HashMap::new();
    if copying.is_empty() || known.is_empty() {
        return Ok(since);
    }
    // The oldest run first, so that the newest says how it was left.
    for outcome in record.outcomes()? {
        let Some(((ended, whole), known)) = copying.get(&outcome.run).zip(known.get(&outcome.mailbox)) else {
            continue;
        };
        let how = match outcome.stage {
            Stage::Queued => continue,
            _ if *ended < known.at => continue,
            // Within one second nobody knows which came first.
            Stage::Finished | Stage::NotAllWell if *whole && *ended > known.at => Since::Finished,
            _ => Since::InPart,
        };
        since.insert(outcome.mailbox, how);
    }
    Ok(since)
}

/// What the ledger of a mailbox has counted. One that cannot be read says so when it is opened.
fn counts(state_dir: &Path, mailbox: &str, readings: &Readings) -> Counts {
    let Some(stamp) = Stamp::of(state_dir, mailbox) else { return Counts::default() };
    let folders = match readings.known(mailbox, &stamp) {
        Some(summary) => summary.folders,
        None => {
            let ledger = Ledger::read(&Ledger::file(state_dir, mailbox)).ok().flatten();
            ledger.and_then(|ledger| ledger.folder_summaries().ok()).unwrap_or_default()
        }
    };
    let mut counts = Counts::default();
    folders.iter().for_each(|folder| counts.add(&folder.counts));
    counts
}

/// The share of the bytes that so many of all messages have.
fn part(bytes: u64, messages: u64, all: u64) -> u64 {
    let share = (u128::from(bytes) * u128::from(messages)).checked_div(u128::from(all));
    share.map_or(0, |share| u64::try_from(share).unwrap_or(bytes))
}

fn day(time: &str) -> &str {
    time.get(..10).unwrap_or(time)
}

/// What a forecast was made of.
#[derive(Default)]
struct Basis {
    /// Mailboxes by the number and the day of their plan.
    plans: BTreeMap<(u64, String), u64>,
    /// Mailboxes by the day of their assessment.
    assessments: BTreeMap<String, u64>,
    /// Mailboxes that a run has come to its end with since.
    copied: u64,
}

impl Basis {
    /// Says it, e.g. `plan 3 of 2026-11-28 (9,990 mailboxes) and assessments of 2026-11-27 (8 mailboxes)`.
    fn words(&self) -> String {
        let mut parts = Vec::new();
        let planned: u64 = self.plans.values().sum();
        match (self.plans.first_key_value(), self.plans.last_key_value()) {
            (Some(((first, day), _)), Some(((last, _), _))) if first == last => {
                parts.push((format!("plan {first} of {day}"), planned));
            }
            (Some(((first, _), _)), Some(((last, day), _))) => {
                parts.push((format!("plans {first} to {last}, the newest of {day}"), planned));
            }
            _ => {}
        }
        if let Some((newest, _)) = self.assessments.last_key_value() {
            let what = match self.assessments.len() {
                1 => format!("assessments of {newest}"),
                _ => format!("assessments up to {newest}"),
            };
            parts.push((what, self.assessments.values().sum()));
        }
        match parts.as_slice() {
            [(only, _)] => only.clone(),
            all => {
                let each = all.iter().map(|(what, n)| format!("{what} ({})", plural(*n, "mailbox")));
                each.collect::<Vec<_>>().join(" and ")
            }
        }
    }

    /// Says what is not in it.
    fn remark(&self) -> String {
        match self.copied {
            0 => String::new(),
            1 => "; new mail of 1 mailbox that is copied already is not in it".to_owned(),
            n => format!("; new mail of {} that are copied already is not in it", plural(n, "mailbox")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::plan::PlanSettings;
    use crate::run_kind::Requester;
    use crate::state::record::{self, NewPlan, PlanSums, PlannedRow};

    #[test]
    fn it_says_what_it_was_made_of() {
        let plan = |number, n| ((number, "2026-11-28".to_owned()), n);
        let seen = |day: &str, n| (day.to_owned(), n);
        let of = |plans: &[((u64, String), u64)], assessments: &[(String, u64)], copied| {
            let (plans, assessments) = (plans.iter().cloned(), assessments.iter().cloned());
            let basis = Basis { plans: plans.collect(), assessments: assessments.collect(), copied };
            basis.words() + &basis.remark()
        };
        assert_eq!(of(&[plan(3, 9)], &[], 0), "plan 3 of 2026-11-28");
        assert_eq!(of(&[plan(1, 2), plan(3, 9)], &[], 0), "plans 1 to 3, the newest of 2026-11-28");
        assert_eq!(
            of(&[plan(3, 9_990)], &[seen("2026-11-26", 1), seen("2026-11-27", 7)], 1),
            "plan 3 of 2026-11-28 (9,990 mailboxes) and assessments up to 2026-11-27 (8 mailboxes); new mail of 1 \
             mailbox that is copied already is not in it"
        );
    }

    /// A fleet's plans are long by their folders, of which nothing is read here.
    #[test]
    fn what_plans_say_of_ten_thousand_mailboxes_is_read_in_a_moment() {
        const FLEET: usize = 10_000;
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let mut record = record::open(dir.path()).unwrap();
        let folder =
            r#"{"source":"Projects/2019","target":"Projects/2019","why":"it is called so on both sides"}"#;
        let folders = vec![folder; 40].join(",");
        let keys: Vec<String> = (0..FLEET).map(|n| format!("u{n:05}")).collect();
        let plan = |key: &str| PlannedRow {
            mailbox: key.to_owned(),
            digest: "d".into(),
            plan: format!(
                r#"{{"mailbox":"{key}","folders":[{folders}],"messages_to_copy":100,"already_there":0,"bytes":5000}}"#
            ),
        };
        record.begin_plan().unwrap();
        keys.iter().for_each(|key| record.keep_planned(&plan(key)).unwrap());
        let requester = Requester::on_terminal("eve");
        let new = NewPlan {
            digest: "d",
            requester: &requester,
            sums: PlanSums::default(),
            settings: &PlanSettings::default(),
        };
        record.end_plan(&new).unwrap();
        let wanted: HashSet<&str> = keys.iter().map(String::as_str).collect();
        let (begun, mut basis) = (Instant::now(), Basis::default());
        let known = known(&*record, &wanted, &mut basis).unwrap();
        let left = since(&*record, &known).unwrap();
        let circumstances = Circumstances { mailboxes_at_once: 4, ..Circumstances::default() };
        let mut fleet = Fleet::new(&circumstances);
        known.values().for_each(|known| fleet.add(&known.load));
        let took = begun.elapsed();
        println!("{FLEET} plans in {took:?}");
        assert_eq!((fleet.amount(), left.len()), ((1_000_000, Some(50_000_000)), 0));
        // A second is the aim of the release build; this one is not optimised, and shares its machine.
        assert!(took < Duration::from_secs(10), "{took:?}");
    }

    #[test]
    fn a_part_of_the_bytes_goes_with_a_part_of_the_messages() {
        assert_eq!([part(1_000, 3, 4), part(1_000, 0, 4), part(5, 0, 0)], [750, 0, 0]);
        assert_eq!(part(u64::MAX, u64::MAX, u64::MAX), u64::MAX);
    }
}
