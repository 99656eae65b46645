//! What a plugin says, without the secrets that its calls were handed.
//!
//! A plugin never sees a secret; the server that it sends one to does, and may repeat it: in the words of a
//! refusal, in a listing, in a page that shows the request. All that a plugin says passes through here before
//! it is cut, logged or shown, whichever call it is said in.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use mailhaul_imap::{Redaction as Words, Secret};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use crate::bindings::imports::mailhaul::plugin::types;
use crate::grants::{Grants, Recipient};
use crate::text;

/// Passwords of mailboxes that are looked for in every form, and cut: the newest. Of those before them whole
/// ones are, as they are.
const NEWEST: usize = 64;

/// The fewest bytes of a secret that may not stand inside of a mailbox's name: a shorter one may by chance.
const NAMED: usize = 12;

/// The secrets that the calls of one plugin as one kind were handed so far.
pub(crate) struct Redaction {
    /// Those that were granted by name.
    granted: Words,
    /// Of these, what goes to an API.
    tokens: Vec<Secret>,
    handed: Mutex<Handed>,
}

#[derive(Default)]
struct Handed {
    newest: VecDeque<(Words, Secret)>,
    before: Vec<Zeroizing<String>>,
}

impl Redaction {
    /// Looks for all that is granted.
    pub(crate) fn of(grants: &Grants) -> Self {
        let mut granted = Words::default();
        let mut tokens = Vec::new();
        for secret in grants.secrets.values() {
            granted.hide(&secret.value);
            if matches!(secret.to, Recipient::Origin(_)) {
                tokens.push(secret.value.clone());
            }
        }
        Self { granted, tokens, handed: Mutex::default() }
    }

    /// A call is handed the password of this log-in.
    pub(crate) fn hand(&self, login: &str, password: &Secret) {
        let mut handed = self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |known: &Secret| known.expose_secret() == password.expose_secret();
        if handed.newest.iter().any(|(_, known)| same(known)) {
            return;
        }
        let mut words = Words::default();
        words.hide(password);
        words.add_name(login);
        handed.newest.push_front((words, password.clone()));
        if handed.newest.len() > NEWEST
            && let Some((_, old)) = handed.newest.pop_back()
            && let Ok(old) = str::from_utf8(old.expose_secret())
            && !old.is_empty()
        {
            handed.before.push(Zeroizing::new(old.to_owned()));
        }
    }

    /// What the plugin says, without secrets.
    pub(crate) fn scrub(&self, words: &str) -> String {
        let mut said = self.granted.scrub(words);
        let handed = self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        for (known, _) in &handed.newest {
            said = known.scrub(&said);
        }
        for old in handed.before.iter().filter(|old| old.len() >= NAMED) {
            if said.contains(old.as_str()) {
                said = said.replace(old.as_str(), "[secret]");
            }
        }
        said
    }

    /// [`text::shown`] of what the plugin says, without secrets: they are looked for before it is cut.
    pub(crate) fn shown(&self, words: &str, max: usize) -> String {
        text::shown(&self.scrub(words), max)
    }

    /// Refuses a name that machines use as it is and that has an API's secret in it.
    pub(crate) fn checked(&self, what: &str, name: &str) -> Result<(), String> {
        let holds = |token: &Secret| {
            let token = token.expose_secret();
            token.len() >= NAMED && name.as_bytes().windows(token.len()).any(|part| part == token)
        };
        if self.tokens.iter().any(holds) {
            return Err(format!("{what} holds a secret that the plugin was granted"));
        }
        Ok(())
    }

    /// An error that the plugin answers with, without secrets.
    pub(crate) fn error(&self, error: types::PluginError) -> types::PluginError {
        use types::PluginError as Error;
        let scrub = |words: String| self.scrub(&words);
        match error {
            Error::Settings(reason) => Error::Settings(scrub(reason)),
            Error::Input((at, reason)) => Error::Input((scrub(at), scrub(reason))),
            Error::Denied(why) => Error::Denied(scrub(why)),
            Error::RetryAfter((time, why)) => Error::RetryAfter((time, scrub(why))),
            Error::Unsupported(why) => Error::Unsupported(scrub(why)),
            Error::Other(why) => Error::Other(scrub(why)),
        }
    }

    /// A remark of the plugin's, without secrets.
    pub(crate) fn diagnostic(&self, mut said: types::Diagnostic) -> types::Diagnostic {
        said.code = self.scrub(&said.code);
        said.message = self.scrub(&said.message);
        said.at = said.at.map(|at| self.scrub(&at));
        said
    }
}

impl Default for Redaction {
    fn default() -> Self {
        Self::of(&Grants::default())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;
    use crate::grants::SecretGrant;

    const TOKEN: &str = "canary-t0ken/of+the \"panel\"";

    fn redaction() -> Redaction {
        let value = Secret::from(TOKEN.as_bytes().to_vec());
        let to = Recipient::Origin("https://panel.example".parse().unwrap());
        let secrets = [("token".to_owned(), SecretGrant { value, to })].into();
        Redaction::of(&Grants { secrets, ..Grants::default() })
    }

    fn password(n: usize) -> Secret {
        Secret::from(format!("canary-{n:04}-Geheim").into_bytes())
    }

    #[test]
    fn a_panel_that_repeats_its_request_tells_no_secret() {
        let redaction = redaction();
        let percent: String = TOKEN.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for form in [
            TOKEN.to_owned(),
            serde_json::to_string(TOKEN).unwrap(),
            percent,
            TOKEN.replace('/', "%2F").replace('+', "%2B").replace(' ', "%20").replace('"', "%22"),
            base64::engine::general_purpose::STANDARD.encode(format!("admin:{TOKEN}")),
        ] {
            let said = redaction.scrub(&format!("500 Authorization: Bearer {form} is not known"));
            assert!(said.contains("[secret]") && said.ends_with("is not known"), "{form}: {said}");
        }
        let cut = redaction.shown(&format!("{} {TOKEN}", "x".repeat(20)), 40);
        assert!(!cut.contains("canary"), "{cut}");
    }

    #[test]
    fn passwords_of_earlier_calls_are_known_in_later_ones() {
        let redaction = redaction();
        for n in 0..NEWEST * 3 {
            redaction.hand(&format!("u{n}@new.example"), &password(n));
        }
        for n in 0..NEWEST * 3 {
            let said = redaction.scrub(&format!("bad password canary-{n:04}-Geheim of u{n}@new.example"));
            // These passwords have pieces in common, so that a mask may be in parts.
            assert!(said.starts_with("bad password [secret]"), "{said}");
            assert!(said.ends_with(&format!(" of u{n}@new.example")), "{said}");
            assert!(!said.contains("canary") && !said.contains("Geheim"), "{said}");
        }
    }

    #[test]
    fn errors_remarks_and_names_are_looked_at() {
        let redaction = redaction();
        let types::PluginError::RetryAfter((7, why)) =
            redaction.error(types::PluginError::RetryAfter((7, format!("wait, {TOKEN}"))))
        else {
            panic!("another error")
        };
        assert_eq!(why, "wait, [secret]");
        let said = redaction.diagnostic(types::Diagnostic {
            severity: types::Severity::Note,
            code: "x".into(),
            message: format!("has {TOKEN}"),
            at: Some(TOKEN.into()),
            extras: Vec::new(),
        });
        assert_eq!((said.message.as_str(), said.at.as_deref()), ("has [secret]", Some("[secret]")));
        assert!(redaction.checked("the key", &format!("a {TOKEN}")).is_err());
        assert_eq!(redaction.checked("the key", "anna@old.example"), Ok(()));
    }
}
