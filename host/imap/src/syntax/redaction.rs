//! Words of a third party without a secret that it was given.

use secrecy::ExposeSecret as _;

use crate::syntax::scrub::Secrets;
use crate::types::login::Secret;

/// Takes secrets out of words for people, by the rule by which they are taken out of what a mail server says:
/// plain, escaped, as URLs, HTML, dumps and base64 have them, whole and cut. Made for whoever else was given
/// the secret and repeats it, such as a panel's API.
#[derive(Debug, Default)]
pub struct Redaction(Secrets);

impl Redaction {
    /// Looks for one more secret.
    pub fn hide(&mut self, secret: &Secret) {
        self.0.hide(secret.expose_secret());
    }

    /// Whose secret it is: the name itself is none, and near it a shorter piece of the secret counts.
    pub fn add_name(&mut self, name: &str) {
        self.0.add_name(name);
    }

    /// Returns the words with `[secret]` where a secret or a piece of one stood; all of them are left out
    /// where a mask would tell what stood in its place.
    #[must_use]
    pub fn scrub(&self, words: &str) -> String {
        String::from_utf8_lossy(&self.0.scrub(words.as_bytes())).into_owned()
    }
}
