//! What a refusal means where a server profile can tell and the engine cannot.
//!
//! There is no meaning that is success: whatever a profile says, a refusal stays one. It can make the engine wait, a
//! bounded number of times and a bounded time, and it can say what the operator can do.

use std::time::Duration;

use mailhaul_imap::{Cause, ImapError, ServerFacts};

use crate::context::Context;
use crate::ends::EndError;
use crate::mailbox::{AccountSpec, Mailbox};
use crate::mapping::describe;
use crate::plugin::{Classification, Occasion, PluginId, Refusal, ReplyKind};
use crate::profiles::broke;
use crate::summary::Side;

/// How long the next pass over a folder waits when a profile does not say.
const USUAL_WAIT: Duration = Duration::from_secs(5);
/// Nobody waits longer on a profile's word.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);

/// What a server said in refusing something.
#[derive(Debug, Clone)]
struct Words<'a> {
    /// What it refused.
    occasion: Occasion,
    /// How.
    kind: ReplyKind,
    /// The response code.
    code: Option<&'a str>,
    /// The rest.
    text: &'a str,
}

impl<'a> Words<'a> {
    /// Of an error that is a server's refusal.
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
            ImapError::Bad { command, code, text } => {
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

/// What a profile says a refusal means.
#[derive(Debug, Clone)]
pub(crate) struct Meaning {
    plugin: PluginId,
    cause: &'static str,
    remedy: Option<String>,
    /// Worth trying again after this time.
    pub retry_after: Option<Duration>,
    /// It was a log-in: whatever it means, the password is not tried again.
    log_in: bool,
}

impl Meaning {
    /// Whether waiting helps.
    #[must_use]
    pub(crate) fn asks_for_patience(&self) -> bool {
        !self.log_in
            && match self.cause {
                "throttled" | "too-many-connections" => true,
                "server-fault" => self.retry_after.is_some(),
                _ => false,
            }
    }

    /// For how long.
    #[must_use]
    pub(crate) fn wait(&self) -> Duration {
        self.retry_after.unwrap_or(USUAL_WAIT)
    }

    /// Whether the mailbox has no room.
    #[must_use]
    pub(crate) fn is_out_of_room(&self) -> bool {
        !self.log_in && self.cause == "quota"
    }

    /// The cause in the words of `check`: the engine's own where the server's code leaves no doubt.
    #[must_use]
    pub(crate) fn cause_of(&self, error: &ImapError) -> &'static str {
        let own = error.cause();
        let guessed = match own {
            Cause::ServerFault => true,
            Cause::AuthRefused | Cause::AuthOrMissing => self.log_in,
            _ => false,
        };
        match self.cause {
            _ if !guessed => own.as_str(),
            // The server said why it refused the log-in.
            "throttled" | "too-many-connections" if self.log_in && error.code().is_some() => own.as_str(),
            "throttled" => Cause::TooManyConnections.as_str(),
            // Of a log-in it would be taken for something else than a refused log-in.
            "message-refused" | "quota" | "server-fault" if self.log_in => own.as_str(),
            "message-refused" => own.as_str(),
            cause => cause,
        }
    }

    /// What to do, to go behind the server's words: `; switch IMAP on (acme 1.0.0)`. Empty when it does not say.
    #[must_use]
    pub(crate) fn advice(&self) -> String {
        self.remedy.as_ref().map(|remedy| format!("; {remedy} ({})", self.plugin)).unwrap_or_default()
    }

    /// What to do, alone.
    #[must_use]
    pub(crate) fn remedy(&self) -> Option<String> {
        self.remedy.as_ref().map(|remedy| format!("{remedy} ({})", self.plugin))
    }
}

/// Puts a refusal before the profile that knows the server. It stays a refusal whatever comes back.
async fn read(context: &Context, side: Side, spec: &AccountSpec, words: Words<'_>) -> Option<Meaning> {
    let readers = context.profiles.readers(side, spec);
    let server = context
        .profiles
        .met(side, spec)
        .map_or_else(|| describe(&ServerFacts::new(spec.endpoint.clone())), |met| met.server);
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
            Ok(Some(Classification { cause, retry_after, remedy })) => {
                let plugin = profiler.plugin().clone();
                tracing::info!(%plugin, cause, ?retry_after, "a refusal explained: {}", words.text.escape_debug());
                let retry_after = retry_after.map(|wait| wait.min(MAX_WAIT));
                let log_in = words.occasion == Occasion::LogIn;
                return Some(Meaning { plugin, cause, remedy, retry_after, log_in });
            }
            Ok(None) => {}
            Err(error) => broke(context, &error).await,
        }
    }
    None
}

/// The same of an APPEND to the target.
pub(crate) async fn read_append(
    context: &Context,
    target: &AccountSpec,
    refusal: &mailhaul_imap::Refusal,
) -> Option<Meaning> {
    let words = Words {
        occasion: Occasion::Append,
        kind: if refusal.bad { ReplyKind::Bad } else { ReplyKind::No },
        code: refusal.code.as_deref(),
        text: &refusal.text,
    };
    read(context, Side::Target, target, words).await
}

/// An error with what a profile says it means, where the engine is not sure itself.
pub(crate) async fn explained(context: &Context, mailbox: &Mailbox, error: EndError) -> EndError {
    let EndError::Imap(side, error) = error else { return error };
    let unsure = match &error {
        ImapError::LoginRefused { .. } => true,
        other => other.cause() == Cause::ServerFault,
    };
    if error.asks_for_patience() || !unsure {
        return EndError::Imap(side, error);
    }
    let Some(words) = Words::of(&error) else { return EndError::Imap(side, error) };
    match read(context, side, mailbox.side(side), words).await {
        Some(meaning) => EndError::Explained(side, error, meaning),
        None => EndError::Imap(side, error),
    }
}
