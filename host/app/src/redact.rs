//! Secrets that are alive in this process, and their removal from a text, such as a line of the log.
//!
//! Nothing ought to log a secret in the first place; this is the second wall. It knows the forms in
//! which one travels: raw, as an IMAP quoted string, as Rust's and JSON's escapes write it, and in
//! base64, alone or inside `AUTHENTICATE PLAIN`, where its first byte may stand at any of three
//! alignments.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{LazyLock, PoisonError, RwLock};

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

const MASK: &str = "[secret]";
/// Patterns at least this long are found by their first bytes, in time that does not depend on how
/// many there are: a fleet has tens of thousands. Shorter ones would blacken half the log and are
/// only taken where they stand as a word.
const KEY: usize = 4;

static LIVE: LazyLock<RwLock<Secrets>> = LazyLock::new(RwLock::default);

/// Registers a secret for the rest of the process; one that is empty is nothing to look for.
pub fn register(secret: &[u8]) {
    LIVE.write().unwrap_or_else(PoisonError::into_inner).add(secret);
}

/// Returns `text` with `[secret]` for every form of a registered secret.
#[must_use]
pub fn scrub(text: &str) -> String {
    LIVE.read().unwrap_or_else(PoisonError::into_inner).scrub(text)
}

/// Patterns that begin alike, the longest first: one secret may begin with another. Found by hash in each
/// length, because all passwords of a company may begin with its name.
type ByLength = BTreeMap<Reverse<usize>, HashSet<Box<[u8]>>>;

#[derive(Default)]
struct Secrets {
    long: HashMap<[u8; KEY], ByLength>,
    short: Vec<String>,
}

impl Secrets {
    fn add(&mut self, secret: &[u8]) {
        for form in forms(secret) {
            let bytes = form.as_bytes();
            match bytes.first_chunk::<KEY>() {
                Some(key) => {
                    let known = self.long.entry(*key).or_default();
                    known.entry(Reverse(bytes.len())).or_default().insert(bytes.into());
                }
                None if !form.is_empty() && !self.short.contains(&form) => self.short.push(form),
                None => {}
            }
        }
    }

    fn scrub(&self, text: &str) -> String {
        let bytes = text.as_bytes();
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while at < bytes.len() {
            match self.secret_at(bytes, at) {
                Some(length) => {
                    out.extend_from_slice(MASK.as_bytes());
                    at += length;
                }
                None => {
                    out.push(bytes[at]);
                    at += 1;
                }
            }
        }
        // Patterns are whole UTF-8 strings, so what is left between them is too.
        String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// Returns the length of the secret that begins at `at`, if one does.
    fn secret_at(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let rest = &bytes[at..];
        let known = rest.first_chunk::<KEY>().and_then(|key| self.long.get(key));
        let is_known = |(Reverse(length), patterns): &(&Reverse<usize>, &HashSet<Box<[u8]>>)| {
            rest.get(..*length).is_some_and(|start| patterns.contains(start))
        };
        if let Some((Reverse(length), _)) = known.and_then(|known| known.iter().find(is_known)) {
            return Some(*length);
        }
        let word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || !b.is_ascii());
        if self.short.is_empty() || word(at.checked_sub(1).and_then(|before| bytes.get(before))) {
            return None;
        }
        let short =
            |pattern: &&String| rest.starts_with(pattern.as_bytes()) && !word(rest.get(pattern.len()));
        self.short.iter().find(short).map(String::len)
    }
}

/// Returns every way a secret may be written.
fn forms(bytes: &[u8]) -> Vec<String> {
    // What is no UTF-8 is logged as it is shown: with replacement characters.
    let secret = &*String::from_utf8_lossy(bytes);
    let quoted = secret.replace('\\', "\\\\").replace('"', "\\\"");
    let rust = format!("{secret:?}");
    let json = serde_json::to_string(secret).unwrap_or_default();
    let inner = |text: &str| text.get(1..text.len().saturating_sub(1)).unwrap_or_default().to_owned();
    let mut forms = vec![secret.to_owned(), quoted, inner(&rust), inner(&json)];
    if bytes.len() >= KEY {
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            for before in 0..3 {
                forms.push(base64_inside(engine, bytes, before));
            }
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

/// Returns the base64 digits that depend on `secret` alone when `before` bytes stand before it.
fn base64_inside(engine: &impl base64::Engine, secret: &[u8], before: usize) -> String {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(secret);
    let digits = engine.encode(&bytes);
    // A digit holds six bits: those that reach into the bytes before or after are not ours.
    let first = (before * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    digits.get(first..last).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    fn scrubbed(secrets: &[&str], text: &str) -> String {
        let mut live = Secrets::default();
        for secret in secrets {
            live.add(secret.as_bytes());
        }
        live.scrub(text)
    }

    #[test]
    fn a_secret_is_found_in_every_form() {
        let secret = "cañ\"ary\\-5ecret+/?~";
        let quoted = secret.replace('\\', "\\\\").replace('"', "\\\"");
        for text in [secret.to_owned(), quoted, format!("{secret:?}"), serde_json::to_string(secret).unwrap()]
        {
            let out = scrubbed(&[secret], &format!("LOGIN anna {text} done"));
            assert!(out.starts_with("LOGIN anna ") && out.ends_with(" done"), "{out}");
            assert!(out.contains(MASK) && !out.contains("5ecret"), "{out}");
        }
    }

    #[test]
    fn base64_hides_nothing_at_any_alignment() {
        let secret = "canary-5ecret";
        for user in ["", "a", "an", "ann", "anna"] {
            for engine in
                [base64::engine::general_purpose::STANDARD, base64::engine::general_purpose::URL_SAFE]
            {
                let line = engine.encode(format!("\0{user}\0{secret}\u{1}tail"));
                let out = scrubbed(&[secret], &line);
                assert!(out.contains(MASK), "{line}");
                // Whatever digits are left, decoding them gives no more than two of its bytes.
                let left = out.replace(MASK, "");
                assert!(line.len() - left.len() >= secret.len() * 8 / 6 - 2, "{line} {out}");
            }
        }
    }

    #[test]
    fn short_secrets_are_taken_as_words_only() {
        assert_eq!(scrubbed(&["a"], "LOGIN anna a \"a\" banana"), "LOGIN anna [secret] \"[secret]\" banana");
        assert_eq!(scrubbed(&[""], "nothing"), "nothing");
    }

    #[test]
    fn the_longest_secret_wins_and_text_stays_whole() {
        assert_eq!(scrubbed(&["pass", "password1"], "ü password1 pass ü"), "ü [secret] [secret] ü");
    }

    /// A company's passwords begin with its name: each is found by its own, and adding them is not a search
    /// through all that are there.
    #[test]
    fn many_secrets_that_begin_alike_are_all_found() {
        let secrets: Vec<String> = (0..5_000).map(|n| format!("Company-2026-{n:05}")).collect();
        let mut live = Secrets::default();
        for secret in &secrets {
            live.add(secret.as_bytes());
        }
        let key = *secrets[0].as_bytes().first_chunk::<KEY>().unwrap();
        assert_eq!(live.long[&key].len(), 1, "all of one length, and looked up by hash");
        for secret in secrets.iter().step_by(499) {
            assert_eq!(live.scrub(&format!("a {secret} b")), "a [secret] b");
        }
        assert_eq!(live.scrub("Company-2026-x"), "Company-2026-x");
    }
}
