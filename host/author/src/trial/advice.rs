//! What an author does about a call that gave no answer.

use mailhaul_engine::plugin::{PluginError, PluginFailure};

/// The failure as a sentence, with what an author can do where the failure itself does not say it.
#[must_use]
pub fn told(error: &PluginError) -> String {
    match advice(&error.failure) {
        Some(advice) => format!("{error}: {advice}"),
        None => error.to_string(),
    }
}

/// `None` where the plugin's own words, or the operator's grants, say it.
fn advice(failure: &PluginFailure) -> Option<&'static str> {
    Some(match failure {
        PluginFailure::Trap(_) => {
            "answer with an error where its input may be bad, and log what it works on to see how far it came"
        }
        PluginFailure::Cpu(_) => {
            "look for a loop that does not end; work that grows with the square of the folders is too much too"
        }
        PluginFailure::Wall(_) => "ask for less in one call: smaller pages, fewer requests",
        PluginFailure::Memory(_) => "work through its input piece by piece instead of holding all of it",
        PluginFailure::Limit(_) => {
            "hand over less at once: smaller pages, shorter remarks; drop handles that are done with"
        }
        PluginFailure::BadReply(_) => "the comments in `wit/` say what each function may answer",
        _ => return None,
    })
}
