//! What hosts teach about how many connections they take: kept for the next task.

use mailhaul_text::escape;

use crate::account::AccountSpec;
use crate::event::Event;
use crate::state::record::LearntCeiling;
use crate::task::context::Context;

/// A host asked for patience, in these words: from now on one connection fewer is open to it at a time. Told
/// once of a host, with its words, and kept in the record.
pub(crate) async fn learn_ceiling(context: &Context, spec: &AccountSpec, words: &str) {
    let Some(allowed) = context.ceilings.reduce(spec) else { return };
    let (host, why) = (spec.server(), escape(words).into_owned());
    let at = context.job.clock.now().to_string();
    let learnt = LearntCeiling { host: host.clone(), allowed, at, why: why.clone() };
    if let Some(recording) = context.recording()
        && let Err(error) = recording.with(|record, _| record.set_ceiling(&learnt))
    {
        tracing::warn!(host, %error, "a ceiling could not be stored");
    }
    if context.ceilings.is_first_lesson(&host) {
        let message = format!(
            "{host} asks for patience, so fewer connections are open to it at a time from now on, and one more \
             is tried again after each hour: {why}"
        );
        context.emit(Event::Warning { mailbox: None, message }).await;
    }
}
