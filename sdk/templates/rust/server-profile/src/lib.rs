//! Acme's mail servers: their limits, and what their refusals mean.

use std::time::Duration;

use mailhaul_plugin::{
    Cause, Classification, PluginError, Profile, ProfileRequest, Refusal, ServerProfile,
};

struct Plugin;

/// What the server says, in its own words, and what that means.
const REFUSALS: &[(&str, Cause)] =
    &[("mailbox is over its limit", Cause::Quota), ("slow down", Cause::Throttled)];

impl ServerProfile for Plugin {
    fn identify(request: &ProfileRequest) -> Result<Option<Profile>, PluginError> {
        if !request.server.greeting.starts_with("Acme Mail") {
            return Ok(None);
        }
        let mut profile = Profile::new("acme", "Acme Mail")
            .because("it greets as Acme Mail")
            .avoiding("MULTIAPPEND");
        profile.max_connections_per_mailbox = Some(4);
        Ok(Some(profile))
    }

    fn classify(refusal: &Refusal) -> Result<Option<Classification>, PluginError> {
        let known = REFUSALS.iter().find(|(words, _)| refusal.says(words));
        Ok(known.map(|(_, cause)| {
            let meaning = Classification::new(cause.clone());
            match cause {
                Cause::Throttled => meaning.retry_after(Duration::from_secs(60)),
                _ => meaning,
            }
        }))
    }
}

mailhaul_plugin::export!(profile: Plugin);

#[cfg(test)]
mod tests {
    use super::*;
    use mailhaul_plugin::Occasion;

    #[test]
    fn a_throttled_append_is_tried_again() {
        let meaning = Plugin::classify(&Refusal::new(Occasion::Append, "Please SLOW DOWN")).unwrap().unwrap();
        assert_eq!((meaning.cause, meaning.retry_after), (Cause::Throttled, Some(Duration::from_secs(60))));
    }
}
