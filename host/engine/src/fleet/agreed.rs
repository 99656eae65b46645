//! A run by a plan that was agreed on: whether the plan and the list fit, before any mailbox is begun.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use mailhaul_text::{argument, plural};

use crate::account::Mailbox;
use crate::cause::Cause;
use crate::event::{Event, Finish, MailboxEnd, TaskRefusal, TaskRefusalKind};
use crate::job::Job;
use crate::mailbox::plan;
use crate::plan::{AgreedPlan, Misfit};
use crate::side::Side;
use crate::summary::Stopped;
use crate::task::context::Context;

/// Of a plan that no longer fits, so many places are named.
const MOST_MISFITS: usize = 20;

/// Refuses a plan that no longer fits: the first reasons are named, the others counted.
pub(super) fn unfit(mut reasons: Vec<String>) -> Finish {
    let more = reasons.len().saturating_sub(MOST_MISFITS);
    reasons.truncate(MOST_MISFITS);
    if more > 0 {
        reasons.push(format!("the plan no longer fits in {}", plural(more as u64, "more place")));
    }
    let remedy = Some("nothing was started; `mailhaul plan --out FILE` makes a new plan".to_owned());
    let refused = TaskRefusal { kind: TaskRefusalKind::Input, reasons, remedy };
    Finish { refused: Some(refused), ..Finish::default() }
}

/// Exactly the mailboxes of the plan are run. Of those that were chosen, returns the keys of the ones that
/// the plan does not have.
///
/// # Errors
/// A sentence for each mailbox in which the plan and what was chosen of the list do not fit.
pub(super) fn match_agreed(
    job: &Job,
    agreed: &AgreedPlan,
    mailboxes: &mut Vec<Mailbox>,
    left_out: &mut Vec<Mailbox>,
) -> Result<Vec<String>, Vec<String>> {
    let mut reasons = Vec::new();
    // What was not chosen need not be there.
    if job.choice.is_all() {
        let known: HashSet<&str> =
            mailboxes.iter().chain(left_out.iter()).map(|mailbox| mailbox.key.as_str()).collect();
        reasons.extend(agreed.mailboxes().filter(|key| !known.contains(key)).map(|key| {
            format!("the plan names the mailbox `{key}`, which the list does not have (any more)")
        }));
    }
    let unplanned: Vec<Mailbox> =
        mailboxes.extract_if(.., |mailbox| agreed.of(&mailbox.key).is_none()).collect();
    let named = unplanned.iter().filter(|mailbox| job.choice.names(&mailbox.listed()));
    reasons.extend(named.map(|mailbox| {
        format!(
            "--only {}: this mailbox is not in the plan; leave --plan out, or make a new plan",
            argument(&mailbox.key)
        )
    }));
    if reasons.is_empty() && mailboxes.is_empty() {
        reasons.push("none of the mailboxes that are asked for is in the plan".to_owned());
    }
    let keys = unplanned.iter().map(|mailbox| mailbox.key.clone()).collect();
    left_out.extend(unplanned);
    if reasons.is_empty() { Ok(keys) } else { Err(reasons) }
}

/// Returns a sentence for each folder of the plan that the rules of today send elsewhere, of these mailboxes:
/// a mailbox that cannot be looked at hides none.
pub(super) fn ruled_otherwise(agreed: &AgreedPlan, job: &Job, mailboxes: &[Mailbox]) -> Vec<String> {
    let chosen: HashSet<&str> = mailboxes.iter().map(|mailbox| mailbox.key.as_str()).collect();
    let found = agreed.ruled_otherwise(&job.rules).into_iter().filter(|(key, _)| chosen.contains(key));
    found.map(|(key, misfit)| format!("{key}: the plan no longer fits: {misfit}")).collect()
}

/// Names the mailboxes of the list that the plan does not have.
pub(super) async fn tell_unplanned(context: &Context, keys: &[String]) {
    if keys.is_empty() {
        return;
    }
    let named: Vec<String> = keys.iter().take(MOST_MISFITS).map(|key| format!("`{key}`")).collect();
    let more = keys.len() - named.len();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!(
        "{} of the list {} not in the plan and {} not begun: {}{rest}; make a new plan, or run without --plan",
        plural(keys.len() as u64, "mailbox"),
        if keys.len() == 1 { "is" } else { "are" },
        if keys.len() == 1 { "is" } else { "are" },
        named.join(", ")
    );
    context.emit(Event::Warning { mailbox: None, message }).await;
}

/// How a mailbox ends that the plan does not have: it is as little done as a folder that is new.
#[must_use]
pub(super) fn not_in_plan(key: String) -> (String, MailboxEnd) {
    let reason = "it is not in the plan, and was not begun".to_owned();
    (key, MailboxEnd::Stopped(Stopped { side: Side::Local, cause: Cause::Plan, reason }))
}

/// A look at every mailbox of a plan before the first is begun.
pub(super) struct FitPass {
    agreed: Arc<AgreedPlan>,
    /// What was found, by mailbox.
    misfits: Mutex<HashMap<String, Vec<Misfit>>>,
}

impl FitPass {
    pub(super) fn new(agreed: Arc<AgreedPlan>) -> Self {
        Self { agreed, misfits: Mutex::default() }
    }

    pub(super) async fn look(&self, context: &Context, mailbox: &Mailbox) {
        let Some(agreed) = self.agreed.of(&mailbox.key) else { return };
        let found = plan::misfits(context, mailbox, agreed).await;
        if !found.is_empty() {
            let mut all = self.misfits.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(mailbox.key.clone(), found);
        }
    }

    /// A sentence for each, in the order of the list.
    pub(super) fn reasons(&self, mailboxes: &[Mailbox]) -> Vec<String> {
        let found = self.misfits.lock().unwrap_or_else(PoisonError::into_inner);
        let of_mailbox = |mailbox: &Mailbox| {
            let misfits = found.get(&mailbox.key).into_iter().flatten();
            let key = mailbox.key.clone();
            misfits.map(move |misfit| format!("{key}: the plan no longer fits: {misfit}")).collect::<Vec<_>>()
        };
        mailboxes.iter().flat_map(of_mailbox).collect()
    }
}
