//! SCRAM (RFC 5802, RFC 7677): proving knowledge of a password without sending it, and seeing that the server
//! knows it too. Sans I/O.
//!
//! Without channel binding, and saying so: the header is `n`, "I cannot", never `y`, "I can and you cannot",
//! which would be a lie towards a server that offers the `-PLUS` form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Fewer rounds make a recorded log-in cheap to guess from (RFC 5802 section 5.1).
const MIN_ROUNDS: u32 = 4096;
/// More rounds than any server asks for; a hostile one asks for 2^31, half an hour of work.
const MAX_ROUNDS: u32 = 1_000_000;
/// The longest nonce or salt in bytes; honest ones have a few dozen.
const MAX_FIELD: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
}

/// The client's side of one SCRAM exchange; messages are named as in RFC 5802 section 5.
pub(crate) struct Scram {
    hash: Hash,
    secret: Zeroizing<Vec<u8>>,
    nonce: String,
    /// The GS2 header: no channel binding, and the authorization identity if there is one.
    header: String,
    /// The client-first-message-bare.
    bare: String,
    /// What the server's signature is checked with, once the proof is sent.
    server: Option<ServerKey>,
    verified: bool,
}

struct ServerKey {
    key: Zeroizing<Vec<u8>>,
    message: Vec<u8>,
}

/// The key derivation (PBKDF2), apart so that it can run where it holds nobody up.
pub(crate) struct KeyDerivation {
    hash: Hash,
    secret: Zeroizing<Vec<u8>>,
    salt: Vec<u8>,
    rounds: u32,
    /// The server-first-message, and the nonce of both sides.
    first: String,
    nonce: String,
}

/// SaltedPassword of RFC 5802 section 3, with what the client's final message is made of.
pub(crate) struct SaltedPassword {
    salted: Zeroizing<Vec<u8>>,
    first: String,
    nonce: String,
}

impl Scram {
    /// Begins a log-in as `user`, acting for `authzid` if given. `nonce` is random printable text without
    /// commas.
    ///
    /// `None` for a password that is no text: SCRAM has no form for it.
    pub(crate) fn new(
        hash: Hash,
        user: &str,
        authzid: Option<&str>,
        secret: &[u8],
        nonce: String,
    ) -> Option<Scram> {
        let secret = prepared(std::str::from_utf8(secret).ok()?);
        let actor = authzid.map(|name| format!("a={}", escaped(name))).unwrap_or_default();
        let bare = format!("n={},r={nonce}", escaped(&prepared_name(user)));
        let header = format!("n,{actor},");
        Some(Scram { hash, secret, nonce, header, bare, server: None, verified: false })
    }

    /// Returns the client-first-message.
    pub(crate) fn client_first(&self) -> String {
        format!("{}{}", self.header, self.bare)
    }

    /// Takes the server-first-message: `r=nonce,s=salt,i=rounds`.
    ///
    /// # Errors
    /// One clause when it must not be answered.
    pub(crate) fn server_first(&self, challenge: &[u8]) -> Result<KeyDerivation, String> {
        let first =
            std::str::from_utf8(challenge).map_err(|_| "its SCRAM challenge is no text".to_owned())?;
        let mut fields = first.split(',');
        let mut field = |name: &str| fields.next().and_then(|field| field.strip_prefix(name));
        // `m=` in front is an extension that must be understood; nobody has defined one.
        let nonce = field("r=").ok_or("its SCRAM challenge has no nonce in front")?;
        let salt = field("s=").ok_or("its SCRAM challenge has no salt")?;
        let rounds = field("i=").ok_or("its SCRAM challenge has no number of rounds")?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() || nonce.len() > MAX_FIELD {
            return Err("its SCRAM nonce does not continue ours, as in a replayed log-in".to_owned());
        }
        let salt = STANDARD.decode(salt).ok().filter(|salt| (1..=MAX_FIELD).contains(&salt.len()));
        let salt = salt.ok_or("its SCRAM salt cannot be read")?;
        let rounds = rounds.parse::<u32>().ok().filter(|rounds| (MIN_ROUNDS..=MAX_ROUNDS).contains(rounds));
        let rounds = rounds.ok_or_else(|| {
            format!("it asks for fewer than {MIN_ROUNDS} or more than {MAX_ROUNDS} SCRAM rounds")
        })?;
        let secret = self.secret.clone();
        Ok(KeyDerivation {
            hash: self.hash,
            secret,
            salt,
            rounds,
            first: first.to_owned(),
            nonce: nonce.to_owned(),
        })
    }

    /// Returns the client-final-message, with the proof, and prepares for the server's signature.
    pub(crate) fn client_final(&mut self, salted_password: &SaltedPassword) -> Zeroizing<Vec<u8>> {
        let SaltedPassword { salted, first, nonce } = salted_password;
        let unproven = format!("c={},r={nonce}", STANDARD.encode(&self.header));
        let message = format!("{},{first},{unproven}", self.bare).into_bytes();
        let client_key = self.hash.mac(salted, b"Client Key");
        let signature = self.hash.mac(&self.hash.digest(&client_key), &message);
        let proof: Zeroizing<Vec<u8>> =
            Zeroizing::new(client_key.iter().zip(signature.iter()).map(|(key, sign)| key ^ sign).collect());
        self.server = Some(ServerKey { key: self.hash.mac(salted, b"Server Key"), message });
        Zeroizing::new(format!("{unproven},p={}", STANDARD.encode(&*proof)).into_bytes())
    }

    /// Whether the proof was sent: the next message of the server is its last.
    pub(crate) fn is_proven(&self) -> bool {
        self.server.is_some()
    }

    /// Takes the server-final-message: its signature, or why it refuses (`e=…`), which is returned.
    ///
    /// # Errors
    /// One clause when the signature is wrong: it does not know the password.
    pub(crate) fn server_final(&mut self, message: &[u8]) -> Result<Option<String>, String> {
        let text = String::from_utf8_lossy(message);
        let last = text.split(',').next().unwrap_or_default();
        if let Some(reason) = last.strip_prefix("e=") {
            return Ok(Some(reason.to_owned()));
        }
        let signature = last.strip_prefix("v=").and_then(|text| STANDARD.decode(text).ok());
        self.verified = match (&self.server, signature) {
            (Some(server), Some(signature)) => self.hash.verify(&server.key, &server.message, &signature),
            _ => false,
        };
        if self.verified { Ok(None) } else { Err(IMPOSTOR.to_owned()) }
    }

    /// Checks that the server has shown that it knows the password.
    ///
    /// # Errors
    /// One clause when it has not.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.verified { Ok(()) } else { Err(IMPOSTOR.to_owned()) }
    }
}

const IMPOSTOR: &str = "it did not show that it knows the password itself, as SCRAM demands";

impl KeyDerivation {
    /// Runs PBKDF2; up to a second of CPU time at [`MAX_ROUNDS`].
    pub(crate) fn run(self) -> SaltedPassword {
        let KeyDerivation { hash, secret, salt, rounds, first, nonce } = self;
        let mut salted = Zeroizing::new(vec![0; hash.len()]);
        match hash {
            Hash::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(&secret, &salt, rounds, &mut salted),
            Hash::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(&secret, &salt, rounds, &mut salted),
        }
        SaltedPassword { salted, first, nonce }
    }
}

impl Hash {
    fn len(self) -> usize {
        match self {
            Hash::Sha1 => 20,
            Hash::Sha256 => 32,
        }
    }

    fn digest(self, bytes: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Hash::Sha1 => Sha1::digest(bytes).to_vec(),
            Hash::Sha256 => Sha256::digest(bytes).to_vec(),
        })
    }

    fn mac(self, key: &[u8], message: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Hash::Sha1 => keyed::<Hmac<Sha1>>(key, message).finalize().into_bytes().to_vec(),
            Hash::Sha256 => keyed::<Hmac<Sha256>>(key, message).finalize().into_bytes().to_vec(),
        })
    }

    /// Compares in constant time.
    fn verify(self, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        match self {
            Hash::Sha1 => keyed::<Hmac<Sha1>>(key, message).verify_slice(signature).is_ok(),
            Hash::Sha256 => keyed::<Hmac<Sha256>>(key, message).verify_slice(signature).is_ok(),
        }
    }
}

/// HMAC takes keys of every length; the error of the common interface is for others.
pub(crate) fn keyed<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> M {
    let mut mac = <M as KeyInit>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes any key"));
    mac.update(message);
    mac
}

/// Returns the password after SASLprep (RFC 4013), so that it is the same however it was typed; as it is when
/// it holds what SASLprep forbids, since servers that do not look take it.
fn prepared(password: &str) -> Zeroizing<Vec<u8>> {
    match stringprep::saslprep(password) {
        Ok(text) => Zeroizing::new(text.into_owned().into_bytes()),
        Err(_) => Zeroizing::new(password.as_bytes().to_vec()),
    }
}

fn prepared_name(name: &str) -> String {
    stringprep::saslprep(name).map_or_else(|_| name.to_owned(), std::borrow::Cow::into_owned)
}

/// Returns a name with the escapes of RFC 5801 section 4.
pub(crate) fn escaped(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    struct Example {
        hash: Hash,
        nonce: &'static str,
        challenge: &'static str,
        proof: &'static str,
        last: &'static str,
    }

    /// RFC 5802 section 5 and RFC 7677 section 3.
    const EXAMPLES: [Example; 2] = [
        Example {
            hash: Hash::Sha1,
            nonce: "fyko+d2lbbFgONRv9qkxdawL",
            challenge: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            proof: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            last: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        },
        Example {
            hash: Hash::Sha256,
            nonce: "rOprNGfwEbeRWgbNEkqO",
            challenge: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            proof: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            last: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        },
    ];

    fn begin(example: &Example) -> Scram {
        Scram::new(example.hash, "user", None, b"pencil", example.nonce.to_owned()).unwrap()
    }

    #[test]
    fn the_examples_of_the_standards() {
        for example in &EXAMPLES {
            let mut scram = begin(example);
            assert_eq!(scram.client_first(), format!("n,,n=user,r={}", example.nonce));
            let salted_password = scram.server_first(example.challenge.as_bytes()).unwrap().run();
            assert_eq!(&*scram.client_final(&salted_password), example.proof.as_bytes());
            assert!(scram.check().is_err(), "nothing is proven yet");
            assert_eq!(scram.server_final(example.last.as_bytes()), Ok(None));
            scram.check().unwrap();
        }
    }

    #[test]
    fn a_server_that_does_not_know_the_password_is_found_out() {
        let mut scram = begin(&EXAMPLES[1]);
        let salted_password = scram.server_first(EXAMPLES[1].challenge.as_bytes()).unwrap().run();
        drop(scram.client_final(&salted_password));
        for wrong in ["v=AAAA", "v=", "", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", "x=1"] {
            assert!(scram.server_final(wrong.as_bytes()).is_err() && scram.check().is_err(), "{wrong}");
        }
        assert_eq!(scram.server_final(b"e=other-error"), Ok(Some("other-error".to_owned())));
        assert!(scram.check().is_err());
        // A signature before the proof is nobody's.
        assert!(begin(&EXAMPLES[1]).server_final(EXAMPLES[1].last.as_bytes()).is_err());
    }

    /// A74: nothing is computed for a challenge that is a trap.
    #[test]
    fn challenges_that_are_traps() {
        let scram = begin(&EXAMPLES[0]);
        let start = Instant::now();
        for trap in [
            "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=2147483648",
            "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=99999999999999999999",
            "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=1",
            "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=-5000",
            "r=fyko+d2lbbFgONRv9qkxdawL,s=QSXCR+Q6sek8bf92,i=4096",
            "r=another,s=QSXCR+Q6sek8bf92,i=4096",
            "m=new,r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=4096",
            "r=fyko+d2lbbFgONRv9qkxdawLx,s=,i=4096",
            "r=fyko+d2lbbFgONRv9qkxdawLx,s=!,i=4096",
            "r=fyko+d2lbbFgONRv9qkxdawLx",
            "",
        ] {
            assert!(scram.server_first(trap.as_bytes()).is_err(), "{trap}");
        }
        assert!(scram.server_first(&[0xff]).is_err());
        assert!(start.elapsed().as_millis() < 500);
    }

    #[test]
    fn names_are_escaped_and_passwords_prepared() {
        let scram = Scram::new(Hash::Sha1, "a=b,c", Some("x,y"), b"p", "n".into()).unwrap();
        assert_eq!(scram.client_first(), "n,a=x=2Cy,n=a=3Db=2Cc,r=n");
        // RFC 4013 section 3: a soft hyphen is nothing, a Roman numeral two letters.
        assert_eq!(&*prepared("I\u{ad}X\u{2168}"), b"IXIX");
        assert_eq!(&*prepared("a\u{7}"), b"a\x07", "kept as it is");
        assert!(Scram::new(Hash::Sha1, "a", None, &[0xff], "n".into()).is_none());
    }
}
