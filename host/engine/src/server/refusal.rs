//! What a refusal means where a server profile can tell and the engine cannot.
//!
//! There is no reading that is success: whatever a profile says, a refusal stays one. It can make the engine
//! wait, a bounded number of times and a bounded time, and it can say what the operator can do.

use std::time::Duration;

use mailhaul_imap::{Cause, ImapError, ServerFacts};

use crate::account::{AccountSpec, Mailbox};
use crate::plugin::{Classification, Occasion, Refusal, ReplyKind, describe};
use crate::server::error::{EndError, Interpretation};
use crate::server::recognise::report_broken_profile;
use crate::side::Side;
use crate::task::context::Context;

/// Longest wait on a profile's word.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);

/// The parts of a server's refusal that a profile may read.
#[derive(Debug, Clone)]
struct RefusalText<'a> {
    occasion: Occasion,
    kind: ReplyKind,
    code: Option<&'a str>,
    text: &'a str,
}

impl<'a> RefusalText<'a> {
    /// Takes a refusal apart; `None` for an error that is no server's refusal.
    fn of(error: &'a ImapError) -> Option<Self> {
        let occasion = |command: &str| match command {
            "APPEND" => Occasion::Append,
            other => Occasion::Other(other.to_owned()),
        };
        Some(match error {
            ImapError::LoginRefused { code, text, .. } => {
                Self { occasion: Occasion::LogIn, kind: ReplyKind::No, code: code.as_deref(), text }
            }
            ImapError::No { command, code, text } => {
                Self { occasion: occasion(command), kind: ReplyKind::No, code: code.as_deref(), text }
            }
            ImapError::Bad { command, code, text } | ImapError::BadMessage { command, code, text } => {
                Self { occasion: occasion(command), kind: ReplyKind::Bad, code: code.as_deref(), text }
            }
            ImapError::Bye { text } => {
                let code = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
                let (code, text) =
                    code.map_or((None, text.as_str()), |(code, text)| (Some(code), text.trim_start()));
                Self { occasion: Occasion::Other("BYE".to_owned()), kind: ReplyKind::Bye, code, text }
            }
            _ => return None,
        })
    }
}

/// Puts a refusal before the profile that knows the server. It stays a refusal whatever comes back.
async fn read(
    context: &Context,
    side: Side,
    spec: &AccountSpec,
    words: RefusalText<'_>,
) -> Option<Interpretation> {
    let readers = context.profiles.readers(side, spec);
    let server = context
        .profiles
        .description(side, spec)
        .unwrap_or_else(|| describe(&ServerFacts::new(spec.endpoint.clone())));
    for (profiler, provider) in readers {
        let refusal = Refusal {
            side,
            server: server.clone(),
            provider,
            occasion: words.occasion.clone(),
            kind: words.kind,
            code: words.code.map(str::to_ascii_uppercase),
            text: words.text.to_owned(),
        };
        match profiler.classify(&refusal).await {
            Ok(Some(Classification { meaning, retry_after, remedy })) => {
                let plugin = profiler.plugin().clone();
                tracing::info!(%plugin, %meaning, ?retry_after, "a refusal explained: {}", mailhaul_text::escape(words.text));
                let retry_after = retry_after.map(|wait| wait.min(MAX_WAIT));
                let log_in = words.occasion == Occasion::LogIn;
                return Some(Interpretation { plugin, meaning, remedy, retry_after, log_in });
            }
            Ok(None) => {}
            Err(error) => report_broken_profile(context, &error).await,
        }
    }
    None
}

/// Puts a refused APPEND before the target's profile.
pub(crate) async fn read_append(
    context: &Context,
    target: &AccountSpec,
    refusal: &mailhaul_imap::Refusal,
) -> Option<Interpretation> {
    let words = RefusalText {
        occasion: Occasion::Append,
        kind: if refusal.bad { ReplyKind::Bad } else { ReplyKind::No },
        code: refusal.code.as_deref(),
        text: &refusal.text,
    };
    read(context, Side::Target, target, words).await
}

/// An error with what a profile says it means, where the engine is not sure itself.
pub(crate) async fn interpret(context: &Context, mailbox: &Mailbox, error: EndError) -> EndError {
    let EndError::Imap(side, error) = error else { return error };
    let unsure = match &error {
        ImapError::LoginRefused { .. } => true,
        other => other.cause() == Cause::ServerFault,
    };
    if error.asks_for_patience() || !unsure {
        return EndError::Imap(side, error);
    }
    let Some(words) = RefusalText::of(&error) else { return EndError::Imap(side, error) };
    match read(context, side, mailbox.side(side), words).await {
        Some(reading) => EndError::Explained(side, error, Box::new(reading)),
        None => EndError::Imap(side, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::Cause;
    use crate::plugin::{Meaning, PluginId};

    fn reading(meaning: Meaning, log_in: bool) -> Interpretation {
        let plugin = PluginId { id: "acme".into(), version: "1.0.0".into() };
        let remedy = Some("do this".to_owned());
        Interpretation { plugin, meaning, remedy, retry_after: Some(Duration::from_secs(1)), log_in }
    }

    fn refused(code: Option<&str>) -> ImapError {
        ImapError::LoginRefused { code: code.map(str::to_owned), text: "no".into(), as_admin: false }
    }

    #[test]
    fn a_refused_log_in_stays_one_and_is_not_tried_again() {
        let about_log_ins = [
            Cause::AuthRefused,
            Cause::MailboxMissing,
            Cause::AuthOrMissing,
            Cause::ImapDisabled,
            Cause::NeedsOauth,
        ];
        for meaning in Meaning::ALL {
            let reading = reading(*meaning, true);
            assert!(!reading.asks_for_patience() && !reading.is_out_of_room(), "{meaning}");
            let shown = reading.cause_of(&refused(Some("AUTHENTICATIONFAILED")));
            assert!(about_log_ins.contains(&shown), "{meaning} became {shown}");
            // What is sure is not talked away: `[UNAVAILABLE]` says nothing about whose fault it is.
            let unavailable = reading.cause_of(&refused(Some("UNAVAILABLE")));
            match meaning {
                Meaning::Throttled
                | Meaning::TooManyConnections
                | Meaning::MessageRefused
                | Meaning::Quota => {
                    assert_eq!(unavailable, Cause::ServerFault, "{meaning}");
                }
                named => assert_eq!(unavailable.as_str(), named.as_str()),
            }
            assert_eq!(reading.cause_of(&refused(Some("OVERQUOTA"))), Cause::Quota, "{meaning}");
        }
        assert_eq!(reading(Meaning::Throttled, true).cause_of(&refused(None)), Cause::TooManyConnections);
    }

    #[test]
    fn what_a_profile_means_is_told_as_a_cause() {
        let error = ImapError::No { command: "SELECT", code: None, text: "tea".into() };
        for meaning in Meaning::ALL {
            let shown = reading(*meaning, false).cause_of(&error);
            match meaning {
                Meaning::Throttled => assert_eq!(shown, Cause::TooManyConnections),
                Meaning::MessageRefused => assert_eq!(shown, Cause::ServerFault),
                named => assert_eq!(shown.as_str(), named.as_str()),
            }
        }
        let mut quota = reading(Meaning::Quota, false);
        assert_eq!(quota.advice(), "; do this (acme 1.0.0)");
        quota.remedy = None;
        assert_eq!((quota.advice().as_str(), quota.remedy()), ("; that means quota, says acme 1.0.0", None));
    }

    #[test]
    fn only_a_server_s_own_words_are_put_before_a_profile() {
        let bye = ImapError::Bye { text: "[UNAVAILABLE] tea time".into() };
        let words = RefusalText::of(&bye).unwrap();
        assert_eq!((words.kind, words.code, words.text), (ReplyKind::Bye, Some("UNAVAILABLE"), "tea time"));
        let bad = ImapError::Bad { command: "APPEND", code: None, text: "tea".into() };
        let words = RefusalText::of(&bad).unwrap();
        assert_eq!((words.occasion, words.kind), (Occasion::Append, ReplyKind::Bad));
        assert!(RefusalText::of(&ImapError::Closed { during: "NOOP", detail: "x".into() }).is_none());
        assert!(RefusalText::of(&ImapError::Protocol { what: "x".into() }).is_none());
    }
}
