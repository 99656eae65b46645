//! A server's words without the secrets of the log-in that they belong to.
//!
//! Servers repeat the line they did not like, and that line may be the log-in. What they say ends up on screens, in reports,
//! in the project's store and before plugins, so the secret is taken out where the words come in, for all of the connection's
//! life. Mail is left as it is: bodies, headers, folder names, flags.
//!
//! A secret of [`LONG`] bytes or more is masked wherever it stands. A shorter one may be part of an ordinary word, and a mask
//! in a sentence that everybody knows tells what stood there. It counts where it stands as a word, and all of the sentence is
//! left out then.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// What stands where a secret stood.
const MASK: &[u8] = b"[secret]";
/// What stands in the place of a sentence with a short secret in it.
const UNSAID: &[u8] = b"(the server's words are left out: they may hold the password)";
/// Bytes from which a secret is looked for inside of words.
const LONG: usize = 8;

/// Codes of status responses that servers have (RFC 9051 and its extensions): a password that reads like one is no reason to
/// miss what it says.
const CODES: &[&[u8]] = &[
    b"ALERT",
    b"ALREADYEXISTS",
    b"APPENDUID",
    b"AUTHENTICATIONFAILED",
    b"AUTHORIZATIONFAILED",
    b"BADCHARSET",
    b"CANNOT",
    b"CAPABILITY",
    b"CLIENTBUG",
    b"CLOSED",
    b"CONTACTADMIN",
    b"COPYUID",
    b"CORRUPTION",
    b"EXPIRED",
    b"EXPUNGEISSUED",
    b"HASCHILDREN",
    b"HIGHESTMODSEQ",
    b"INUSE",
    b"LIMIT",
    b"MAILBOXID",
    b"MODIFIED",
    b"NOMODSEQ",
    b"NONEXISTENT",
    b"NOPERM",
    b"NOTSAVED",
    b"OVERQUOTA",
    b"PARSE",
    b"PERMANENTFLAGS",
    b"PRIVACYREQUIRED",
    b"READ-ONLY",
    b"READ-WRITE",
    b"REFERRAL",
    b"SERVERBUG",
    b"THROTTLED",
    b"TOOBIG",
    b"TRYCREATE",
    b"UIDNEXT",
    b"UIDNOTSTICKY",
    b"UIDVALIDITY",
    b"UNAVAILABLE",
    b"UNKNOWN-CTE",
    b"UNSEEN",
];

/// One way to write a secret.
struct Form {
    bytes: Zeroizing<Vec<u8>>,
    /// In base64 the digits beside it belong to the same secret's first and last bytes.
    base64: bool,
    /// Only where it stands as a word.
    word: bool,
}

/// The secrets of one log-in, in every form in which a server may repeat them.
#[derive(Default)]
pub(crate) struct Secrets {
    forms: Vec<Form>,
}

impl Secrets {
    /// Looks for this password or token from now on.
    pub(crate) fn hide(&mut self, secret: &[u8]) {
        for bytes in written(secret) {
            let word = bytes.len() < LONG;
            self.add(Form { bytes, base64: false, word });
        }
        // Below that, the digits that depend on the secret alone are too few to tell it from other text.
        if secret.len() >= 4 {
            for before in 0..3 {
                let (standard, url) =
                    (inside(&STANDARD_NO_PAD, secret, before), inside(&URL_SAFE_NO_PAD, secret, before));
                for bytes in [standard, url] {
                    let word = bytes.len() < 5;
                    self.add(Form { bytes, base64: true, word });
                }
            }
        }
    }

    /// Looks for what a log-in answered to a challenge: it is as good as the password to whoever tries passwords.
    pub(crate) fn hide_answer(&mut self, answer: &[u8]) {
        // A name and a digest, for CRAM-MD5; attributes with commas between, for SCRAM.
        let last = answer.rsplit(|byte| matches!(byte, b' ' | b',')).next().unwrap_or(answer);
        let encoded = Zeroizing::new(STANDARD_NO_PAD.encode(answer).into_bytes());
        // In base64 it is in no word: a short password is in a short answer.
        for (bytes, least) in [(Zeroizing::new(last.to_vec()), 2 * LONG), (encoded, LONG)] {
            if bytes.len() >= least {
                self.add(Form { bytes, base64: false, word: false });
            }
        }
    }

    fn add(&mut self, form: Form) {
        if !form.bytes.is_empty() && self.forms.iter().all(|known| known.bytes != form.bytes) {
            self.forms.push(form);
            // The longest first: one form may begin with another.
            self.forms.sort_by_key(|form| std::cmp::Reverse(form.bytes.len()));
        }
    }

    /// Words for people, without the secrets.
    pub(crate) fn said<'a>(&self, words: &'a [u8]) -> Cow<'a, [u8]> {
        match self.masked(words) {
            (Cow::Owned(_), true) => Cow::Borrowed(UNSAID),
            (words, _) => words,
        }
    }

    /// The same of a response that is read by machines too, such as the answer to ID: all of it stays that is no secret.
    pub(crate) fn listed<'a>(&self, response: &'a [u8]) -> Cow<'a, [u8]> {
        self.masked(response).0
    }

    /// Whether the name of a code is a secret in a code's place.
    pub(crate) fn is_code(&self, name: &[u8]) -> bool {
        let registered = CODES.iter().any(|code| code.eq_ignore_ascii_case(name));
        !registered && matches!(self.masked(name).0, Cow::Owned(_))
    }

    /// The text with a mask for each secret, and whether a short one was among them.
    fn masked<'a>(&self, text: &'a [u8]) -> (Cow<'a, [u8]>, bool) {
        let (mut out, mut short, mut at, mut copied) = (Vec::new(), false, 0, 0);
        while at < text.len() {
            let Some((from, to, word)) = self.secret_at(text, at, copied) else {
                at += 1;
                continue;
            };
            out.extend_from_slice(text.get(copied..from).unwrap_or_default());
            out.extend_from_slice(MASK);
            short |= word;
            (at, copied) = (to, to);
        }
        if copied == 0 {
            return (Cow::Borrowed(text), false);
        }
        out.extend_from_slice(text.get(copied..).unwrap_or_default());
        (Cow::Owned(out), short)
    }

    /// The secret that begins at `at`: from where to where, and whether it is a short one. Nothing before `done` is its.
    fn secret_at(&self, text: &[u8], at: usize, done: usize) -> Option<(usize, usize, bool)> {
        let rest = text.get(at..)?;
        let is_word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || !b.is_ascii());
        let stands_here = |form: &&Form| {
            let length = form.bytes.len();
            rest.get(..length).is_some_and(|here| here.eq_ignore_ascii_case(&form.bytes))
                && (!form.word
                    || !is_word(rest.get(length))
                        && !is_word(at.checked_sub(1).and_then(|before| text.get(before))))
        };
        let form = self.forms.iter().find(stands_here)?;
        let (mut from, mut to) = (at, at + form.bytes.len());
        if form.base64 {
            let digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
            while from > done && text.get(from - 1).is_some_and(digit) {
                from -= 1;
            }
            while text.get(to).is_some_and(digit) {
                to += 1;
            }
        }
        Some((from, to, form.word))
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.forms.len())
    }
}

/// The secret as it is, and as strings, JSON, HTML, URLs and dumps have it.
fn written(secret: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let each = |write: &dyn Fn(u8) -> String| -> Zeroizing<Vec<u8>> {
        Zeroizing::new(secret.iter().map(|byte| Zeroizing::new(write(*byte))).fold(
            Vec::with_capacity(secret.len() * 6),
            |mut all, one| {
                all.extend_from_slice(one.as_bytes());
                all
            },
        ))
    };
    let escaped = |what: &[u8]| {
        let mut all = Zeroizing::new(Vec::with_capacity(secret.len() * 2));
        for byte in secret {
            if what.contains(byte) {
                all.push(b'\\');
            }
            all.push(*byte);
        }
        all
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let percent = |byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") };
    let mut all = vec![
        Zeroizing::new(secret.to_vec()),
        escaped(b"\\\""),
        escaped(b"\\\"/"),
        escaped(b"\\'"),
        each(&percent),
        each(&|byte| if byte == b' ' { "+".to_owned() } else { percent(byte) }),
        each(&|byte| format!("%{byte:02x}")),
        each(&|byte| format!("{byte:02x}")),
        each(&|byte| {
            if byte.is_ascii_graphic() { char::from(byte).to_string() } else { format!("\\x{byte:02x}") }
        }),
    ];
    if let Ok(text) = std::str::from_utf8(secret) {
        let chars = |write: &dyn Fn(char) -> String| {
            Zeroizing::new(text.chars().map(write).collect::<String>().into_bytes())
        };
        all.push(chars(&|c| match c {
            '"' | '\\' => format!("\\{c}"),
            c if c.is_ascii() => c.to_string(),
            c => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        }));
        for quote in ["&#39;", "&apos;"] {
            all.push(chars(&|c| match c {
                '&' => "&amp;".to_owned(),
                '<' => "&lt;".to_owned(),
                '>' => "&gt;".to_owned(),
                '"' => "&quot;".to_owned(),
                '\'' => quote.to_owned(),
                c => c.to_string(),
            }));
        }
        // ISO 8859-1, for a server that is not told of UTF-8.
        if let Ok(bytes) = text.chars().map(|c| u8::try_from(u32::from(c))).collect::<Result<Vec<u8>, _>>() {
            all.push(Zeroizing::new(bytes));
        }
    }
    all
}

/// The base64 digits that depend on `secret` alone when `before` bytes stand before it.
fn inside(engine: &impl base64::Engine, secret: &[u8], before: usize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(vec![0; before]);
    bytes.extend_from_slice(secret);
    let digits = Zeroizing::new(engine.encode(&*bytes));
    // A digit holds six bits: those that reach into the bytes before or after are not ours.
    let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    Zeroizing::new(digits.as_bytes().get(first..last).unwrap_or_default().to_vec())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    fn said(secret: &str, words: impl AsRef<[u8]>) -> String {
        let mut secrets = Secrets::default();
        secrets.hide(secret.as_bytes());
        String::from_utf8_lossy(&secrets.said(words.as_ref())).into_owned()
    }

    #[test]
    fn a_secret_is_found_in_every_form() {
        let secret = "cañ\"a'r/y\\ 5ecr<t>&+?~";
        for form in written(secret.as_bytes()) {
            let words = [b"LOGIN anna ", &form[..], b" is wrong"].concat();
            assert_eq!(said(secret, &words), "LOGIN anna [secret] is wrong", "{}", words.escape_ascii());
            assert_eq!(said(secret, words.to_ascii_uppercase()), "LOGIN ANNA [secret] IS WRONG");
        }
        assert_eq!(said(secret, "no secret here"), "no secret here");
    }

    #[test]
    fn what_log_ins_send_in_base64_leaves_no_digit() {
        let secret = "canary-5ecret";
        for user in ["", "a", "an", "ann", "anna"] {
            for engine in [&STANDARD, &URL_SAFE] {
                for payload in [
                    format!("\0{user}\0{secret}"),
                    format!("user={user}\u{1}auth=Bearer {secret}\u{1}\u{1}"),
                    secret.to_owned(),
                ] {
                    let words = format!("BAD PLAIN {} what?", engine.encode(payload));
                    assert_eq!(said(secret, words), "BAD PLAIN [secret] what?");
                }
            }
        }
    }

    /// Of four bytes so few digits are left where they stand that the answer as a whole has to be known.
    #[test]
    fn a_short_secret_in_base64_is_found_as_well() {
        for secret in ["pin4", "pin55"] {
            for user in ["", "a", "an", "ann", "anna"] {
                let answer = format!("\0{user}\0{secret}");
                let mut secrets = Secrets::default();
                secrets.hide(secret.as_bytes());
                if secret.len() == 4 && (answer.len() - 4) % 3 == 1 {
                    secrets.hide_answer(answer.as_bytes());
                }
                let sent = STANDARD_NO_PAD.encode(answer);
                let words = format!("BAD PLAIN {sent} what?").into_bytes();
                let said = String::from_utf8_lossy(&secrets.said(&words)).into_owned();
                assert!(!said.contains(&sent), "{secret} of `{user}`: {said}");
            }
        }
    }

    #[test]
    fn of_two_secrets_that_begin_alike_the_longer_leaves_nothing() {
        for order in [["canary-5ecret", "canary-5ecret-2"], ["canary-5ecret-2", "canary-5ecret"]] {
            let mut secrets = Secrets::default();
            order.iter().for_each(|secret| secrets.hide(secret.as_bytes()));
            assert_eq!(&*secrets.said(b"no canary-5ecret-2 here"), b"no [secret] here");
            assert_eq!(&*secrets.said(b"no canary-5ecret here"), b"no [secret] here");
        }
    }

    #[test]
    fn a_short_secret_takes_its_sentence_along_and_no_other() {
        let unsaid = String::from_utf8_lossy(UNSAID);
        for secret in ["mail", "a", "geheim7"] {
            assert_eq!(said(secret, format!("wrong: LOGIN anna \"{secret}\"")), unsaid);
            assert_eq!(said(secret, format!("wrong: x{secret}box")), format!("wrong: x{secret}box"));
            assert_eq!(said(secret, "over quota"), "over quota");
        }
        assert_eq!(said("", "over quota"), "over quota");
        // Its base64 is long enough to be looked for.
        assert_eq!(said("geheim7", STANDARD.encode("\0anna\0geheim7")), "[secret]");
    }

    #[test]
    fn answers_to_challenges_are_secrets_too() {
        let mut secrets = Secrets::default();
        secrets.hide_answer(b"tim b913a602c7eda7a495b4e6e7334d3890");
        secrets.hide_answer(b"");
        for words in ["b913a602c7eda7a495b4e6e7334d3890", "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"]
        {
            assert_eq!(&*secrets.said(format!("wrong {words}").as_bytes()), b"wrong [secret]");
        }
        assert_eq!(&*secrets.said(b"tim is unknown"), b"tim is unknown");
        // SCRAM: the proof stands at the end, whether the line is repeated or the proof alone.
        secrets
            .hide_answer(b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        let said = secrets.said(b"wrong proof p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ= of tim");
        assert_eq!(&*said, b"wrong proof [secret] of tim");
    }

    #[test]
    fn what_machines_read_stays() {
        let mut secrets = Secrets::default();
        secrets.hide(b"uidvalidity");
        secrets.hide(b"canary-5ecret");
        assert!(!secrets.is_code(b"UIDVALIDITY") && secrets.is_code(b"CANARY-5ECRET"));
        let listed = secrets.listed(b"* ID (\"name\" \"canary-5ecret\" \"os\" \"x\")\r\n");
        assert_eq!(&*listed, b"* ID (\"name\" \"[secret]\" \"os\" \"x\")\r\n");
    }
}
