//! `mailhaul plan approve`: somebody's name under a plan.

use mailhaul_app::plans::{self, ApprovedPlan};
use mailhaul_text::{argument, bytes, count, escape, plural};
use serde_json::json;

use crate::args::{Approve, Global};
use crate::error::Failure;
use crate::exit::Exit;
use crate::project;
use crate::ui::Ui;
use crate::ui::clock::local_day_and_time;
use crate::ui::plan::approval::{approved, digits};

/// Records that somebody approves the plan in a file. Connects to nothing.
pub(super) fn approve(ui: &mut Ui, global: &Global, args: &Approve) -> Result<Exit, Failure> {
    let project = project::for_work(ui, global)?;
    let done = plans::approve(&project, &args.file, &args.by)?;
    if ui.json() {
        let ApprovedPlan { head, totals, approval, already, replaced, newer, outside } = &done;
        ui.document(
            &json!({
                "schema": 1, "project": head.project, "number": approval.number, "digest": head.digest,
                "by": approval.by, "at": approval.at, "sums": totals, "already": already, "replaced": replaced,
                "newer": newer, "outside": outside,
            }),
            true,
        )?;
        return Ok(Exit::Done);
    }
    ui.data(&page(&done))?;
    if let Some(newer) = done.newer {
        ui.warn(&format!("plan {newer} is newer, and is not approved"));
    }
    let file = argument(&args.file.display().to_string()).into_owned();
    ui.hint(&format!("`mailhaul run --plan {file}` follows it exactly"));
    Ok(Exit::Done)
}

/// Says what is approved, for whom an earlier approval is in force no longer, and who is not in the plan.
fn page(done: &ApprovedPlan) -> String {
    let ApprovedPlan { head, totals, approval, already, replaced, outside, .. } = done;
    let plan = match approval.number {
        Some(number) => format!("plan {number} (digest {})", digits(&head.digest)),
        None => format!("the plan with digest {}", digits(&head.digest)),
    };
    let by = escape(&approval.by);
    if *already {
        let at = local_day_and_time(&approval.at);
        return format!("{plan} was approved already, by {by} on {at}: nothing was changed\n");
    }
    let left_out: u64 = totals.left_out.iter().map(|rule| rule.portion.messages).sum();
    let size = totals.bytes_to_copy.map(|n| format!(", {}", bytes(n))).unwrap_or_default();
    let mut out = format!(
        "{plan} is approved by {by}: {}, {} to copy{size}; {} already there, {} too large, {} left out\n",
        plural(totals.mailboxes, "mailbox"),
        plural(totals.messages_to_copy, "message"),
        count(totals.already_there),
        count(totals.too_large.messages),
        count(left_out),
    );
    for before in replaced {
        let mailboxes = plural(before.mailboxes, "mailbox");
        out.push_str(&format!("for {mailboxes} it takes the place of {}\n", approved(before)));
    }
    if *outside > 0 {
        let (mailboxes, is) = (plural(*outside, "mailbox"), if *outside == 1 { "is" } else { "are" });
        out.push_str(&format!("{mailboxes} of the list {is} not in this plan\n"));
    }
    out
}
