//! The operator's selection: messages that are left out.

use crate::job::Selection;
use crate::message::list::ListedMessage;
use crate::task::context::Context;

/// Whether the selection is about what only a message's list tells: its date, size or flags.
#[must_use]
pub(crate) fn needs_list(select: &Selection) -> bool {
    select.since.is_some() || select.max_size.is_some() || select.skip_deleted
}

/// The operator's selection that leaves a message out, in words.
pub(crate) fn left_out(context: &Context, message: &ListedMessage) -> Option<String> {
    let select = &context.job.select;
    if let Some((since, written)) = &select.since
        && message.date().is_some_and(|date| date < *since)
    {
        return Some(format!("older than [select] since = {written}"));
    }
    if let Some((limit, written)) = &select.max_size
        && message.size() > *limit
    {
        return Some(format!("larger than [select] max_size = {written}"));
    }
    if select.skip_deleted && message.is_deleted() {
        return Some("flagged \\Deleted, and [select] deleted = \"skip\"".to_owned());
    }
    None
}
