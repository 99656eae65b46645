//! The conversation of one AUTHENTICATE (RFC 9051 section 6.2.2), mechanism by mechanism. Sans I/O.

use hmac::{Hmac, Mac};
use md5::Md5;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::login::scram::{KeyDerivation, SaltedPassword, Scram, keyed};
use crate::types::login::Secret;

/// The client's side of one SASL exchange (RFC 4422).
pub(crate) enum Sasl {
    /// Everything is said at once: PLAIN, XOAUTH2, OAUTHBEARER.
    SingleResponse {
        response: Zeroizing<Vec<u8>>,
        /// What makes the server say its NO after it has told why in a challenge (RFC 7628 section 3.2.3);
        /// `None` to cancel.
        acknowledge: Option<&'static [u8]>,
    },
    /// CRAM-MD5: the server speaks first, and its challenge is answered once (RFC 2195).
    CramMd5 { user: String, secret: Secret, answered: bool },
    /// SCRAM-SHA-1 or SCRAM-SHA-256 (RFC 5802, RFC 7677).
    Scram(Box<Scram>),
}

/// What a challenge is answered with.
pub(crate) enum Step {
    /// These bytes, in base64.
    Send(Zeroizing<Vec<u8>>),
    /// Run this where it holds nobody up, give the result to [`Sasl::final_response`], and send what that
    /// returns.
    Derive(KeyDerivation),
    /// The server explains why it will refuse; `answer` is sent so that it does, or the exchange cancelled.
    Refused { detail: String, answer: Option<&'static [u8]> },
}

impl Sasl {
    /// Returns what may be said before the server has asked anything (SASL-IR, RFC 4959); `None` when the
    /// server speaks first.
    pub(crate) fn initial(&self) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Sasl::SingleResponse { response, .. } => Some(response.clone()),
            Sasl::Scram(scram) => Some(Zeroizing::new(scram.client_first().into_bytes())),
            Sasl::CramMd5 { .. } => None,
        }
    }

    /// Answers a challenge.
    ///
    /// # Errors
    /// One clause when the server must not be answered.
    pub(crate) fn respond(&mut self, challenge: &[u8]) -> Result<Step, String> {
        match self {
            Sasl::SingleResponse { acknowledge, .. } => {
                let detail = String::from_utf8_lossy(challenge).into_owned();
                Ok(Step::Refused { detail, answer: *acknowledge })
            }
            Sasl::CramMd5 { answered: true, .. } => {
                Ok(Step::Refused { detail: String::from_utf8_lossy(challenge).into_owned(), answer: None })
            }
            Sasl::CramMd5 { user, secret, answered } => {
                *answered = true;
                let digest = keyed::<Hmac<Md5>>(secret.expose_secret(), challenge).finalize().into_bytes();
                let mut text = Zeroizing::new(user.clone().into_bytes());
                text.push(b' ');
                text.extend(digest.iter().flat_map(|byte| [hex(byte >> 4), hex(byte & 15)]));
                Ok(Step::Send(text))
            }
            Sasl::Scram(scram) if scram.is_proven() => Ok(match scram.server_final(challenge)? {
                // The server's last word is answered with nothing (RFC 4422 section 4).
                None => Step::Send(Zeroizing::new(Vec::new())),
                Some(detail) => Step::Refused { detail, answer: None },
            }),
            Sasl::Scram(scram) => scram.server_first(challenge).map(Step::Derive),
        }
    }

    /// Returns what is sent once the key derivation of [`Step::Derive`] has run.
    pub(crate) fn final_response(&mut self, salted: &SaltedPassword) -> Zeroizing<Vec<u8>> {
        match self {
            Sasl::Scram(scram) => scram.client_final(salted),
            _ => Zeroizing::new(Vec::new()),
        }
    }

    /// Checks that the server has done its part, so that it may say OK.
    ///
    /// # Errors
    /// One clause when it left out its part.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Sasl::Scram(scram) => scram.check(),
            _ => Ok(()),
        }
    }
}

fn hex(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2195 section 2.
    #[test]
    fn cram_md5_as_in_its_standard() {
        let secret: Secret = b"tanstaaftanstaaf".to_vec().into();
        let mut sasl = Sasl::CramMd5 { user: "tim".into(), secret, answered: false };
        assert!(sasl.initial().is_none());
        let challenge = b"<1896.697170952@postoffice.reston.mci.net>";
        let Ok(Step::Send(answer)) = sasl.respond(challenge) else { panic!("an answer") };
        assert_eq!(&*answer, b"tim b913a602c7eda7a495b4e6e7334d3890");
        assert!(matches!(sasl.respond(challenge), Ok(Step::Refused { answer: None, .. })), "once");
    }
}
