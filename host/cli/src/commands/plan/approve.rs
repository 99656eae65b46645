//! `mailhaul plan approve`: somebody's name under a plan.

use mailhaul_app::plans::{self, ApprovedPlan};
use mailhaul_engine::record::Approval;
use mailhaul_text::{argument, bytes, count, escape, plural};
use serde_json::json;

use crate::args::{Approve, Global};
use crate::error::Failure;
use crate::exit::Exit;
use crate::project;
use crate::ui::Ui;
use crate::ui::clock::local_time;
use crate::ui::plan::fleet::{approved, digits};

/// Records that somebody approves the plan in a file. Connects to nothing.
pub(super) fn approve(ui: &mut Ui, global: &Global, args: &Approve) -> Result<Exit, Failure> {
    let project = project::for_work(ui, global)?;
    let done = plans::approve(&project, &args.file, &args.by)?;
    if ui.json() {
        let ApprovedPlan { head, totals, already, replaced, newer } = &done;
        ui.document(
            &json!({
                "schema": 1, "project": head.project, "number": head.number, "digest": head.digest,
                "by": args.by.trim(), "sums": totals, "already": already, "replaced": replaced, "newer": newer,
            }),
            true,
        )?;
        return Ok(Exit::Done);
    }
    ui.data(&page(&done, args.by.trim()))?;
    if let Some(newer) = done.newer {
        ui.warn(&format!("plan {newer} is newer than the one that is approved"));
    }
    let file = argument(&args.file.display().to_string()).into_owned();
    ui.hint(&format!("`mailhaul run --plan {file}` follows it exactly"));
    Ok(Exit::Done)
}

/// Says what is approved, and what is in force no longer.
fn page(done: &ApprovedPlan, by: &str) -> String {
    let ApprovedPlan { head, totals, already, replaced, .. } = done;
    let plan = match head.number {
        Some(number) => format!("plan {number} (digest {})", digits(&head.digest)),
        None => format!("the plan with digest {}", digits(&head.digest)),
    };
    if let Some(Approval { by, at, .. }) = already {
        return format!(
            "{plan} was approved already, by {} on {}: nothing was changed\n",
            escape(by),
            local_time(at)
        );
    }
    let left_out: u64 = totals.left_out.iter().map(|rule| rule.portion.messages).sum();
    let size = totals.bytes_to_copy.map(|n| format!(", {}", bytes(n))).unwrap_or_default();
    let mut out = format!(
        "{plan} is approved by {}: {}, {} to copy{size}; {} already there, {} too large, {} left out\n",
        escape(by),
        plural(totals.mailboxes, "mailbox"),
        plural(totals.messages_to_copy, "message"),
        count(totals.already_there),
        count(totals.too_large.messages),
        count(left_out),
    );
    if let Some(before) = replaced {
        out.push_str(&format!("{} is in force no longer\n", approved(before)));
    }
    out
}
