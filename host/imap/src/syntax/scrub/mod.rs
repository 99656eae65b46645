//! A server's words without the secrets of the log-in that they belong to.
//!
//! Servers repeat the line they did not like, and that line may be the log-in. What they say ends up on
//! screens, in reports, in the project's store and before plugins, so the secret is taken out where the words
//! come in, for all of the connection's life. Mail is left as it is: bodies, headers, folder names, flags.
//!
//! A secret of [`LONG`] bytes or more is masked wherever it stands. A shorter one may be part of an ordinary
//! word, and a mask in a sentence that everybody knows tells what stood there. It counts where it stands as a
//! word, and all of the sentence is left out then.
//!
//! A server that cuts the line it repeats leaves a piece of the secret, at either end ([`pieces`]). Eight
//! characters in a row of any form are one wherever they stand. From the beginning or the end of a form fewer
//! are enough where they are cut off there: a third of it but at least six at a blank, a quote, a bracket or
//! the end of the words; six at an ellipsis; four where LOGIN, AUTHENTICATE or the log-in's name stands
//! before them in the line (six at a blank). From the middle six are, where that is so and they stand apart.
//! Case does not count, nor do blanks and line breaks in base64 and dumps, and of base64 all the digits
//! around go. What consists of words that servers use ([`ordinary`]) or stands in the log-in's name is left
//! as it is, since masking it would tell that it is in the password, unless it is quoted and torn off, or
//! more signs than words. Each response is looked at by itself, so that pieces too short to count in one are
//! not put together with those of the next. What machines read (ID, CAPABILITY) is searched for whole secrets
//! only.

mod ordinary;
mod pieces;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// Put in the place of a secret.
const MASK: &[u8] = b"[secret]";
/// What stands in the place of a sentence with a short secret in it.
const WITHHELD: &[u8] = b"(the server's words are left out: they may hold the password)";
/// Bytes from which a secret is looked for inside of words.
const LONG: usize = 8;

/// Codes of status responses that servers have (RFC 9051 and its extensions): a password that reads like one
/// is no reason to miss what it says.
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

/// A secret as a server may write it: plain, escaped, encoded.
struct Form {
    bytes: Zeroizing<Vec<u8>>,
    /// In base64 the digits beside it belong to the same secret's first and last bytes.
    base64: bool,
    /// In base64 and dumps there may be blanks and line breaks.
    spaced: bool,
    /// Whether it is so short that it counts only where it stands as a word.
    word: bool,
}

/// The secrets of one log-in, in every form in which a server may repeat them.
#[derive(Default)]
pub(crate) struct Secrets {
    forms: Vec<Form>,
    /// Who logs in, lower case: these are no secrets.
    names: Vec<Vec<u8>>,
}

impl Secrets {
    /// Adds a password or token, in every form in which a server may repeat it.
    pub(crate) fn hide(&mut self, secret: &[u8]) {
        for bytes in written(secret) {
            let word = bytes.len() < LONG;
            let spaced = bytes.len() == 2 * secret.len() && bytes.iter().all(u8::is_ascii_hexdigit);
            self.add(Form { bytes, base64: false, spaced, word });
        }
        // Below that, the digits that depend on the secret alone are too few to tell it from other text.
        if secret.len() >= 4 {
            for before in 0..3 {
                let (standard, url) =
                    (inside(&STANDARD_NO_PAD, secret, before), inside(&URL_SAFE_NO_PAD, secret, before));
                for bytes in [standard, url] {
                    let word = bytes.len() < 5;
                    self.add(Form { bytes, base64: true, spaced: true, word });
                }
            }
        }
    }

    /// Looks for what a log-in answered to a challenge: it is as good as the password to whoever tries
    /// passwords.
    pub(crate) fn hide_answer(&mut self, answer: &[u8]) {
        // A name and a digest, for CRAM-MD5; attributes with commas between, for SCRAM.
        let last = answer.rsplit(|byte| matches!(byte, b' ' | b',')).next().unwrap_or(answer);
        let encoded = Zeroizing::new(STANDARD_NO_PAD.encode(answer).into_bytes());
        // In base64 it is in no word: a short password is in a short answer.
        for (bytes, base64, least) in
            [(Zeroizing::new(last.to_vec()), false, 2 * LONG), (encoded, true, LONG)]
        {
            if bytes.len() >= least {
                self.add(Form { bytes, base64, spaced: base64, word: false });
            }
        }
    }

    /// Who logs in: where a server says this name it repeats the log-in, and the name itself is no secret.
    pub(crate) fn add_name(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        let local = name.split('@').next().unwrap_or_default().to_owned();
        self.names.extend([name.into_bytes(), local.into_bytes()]);
        self.names.dedup();
    }

    fn add(&mut self, form: Form) {
        if !form.bytes.is_empty() && self.forms.iter().all(|known| known.bytes != form.bytes) {
            self.forms.push(form);
            // The longest first: one form may begin with another.
            self.forms.sort_by_key(|form| std::cmp::Reverse(form.bytes.len()));
        }
    }

    /// Words for people, without the secrets and their pieces.
    pub(crate) fn scrub<'a>(&self, words: &'a [u8]) -> Cow<'a, [u8]> {
        let mut spans = self.whole(words);
        spans.extend(pieces::pieces(&self.forms, &self.names, words));
        if spans.iter().any(|(_, _, short)| *short) { Cow::Borrowed(WITHHELD) } else { masked(words, spans) }
    }

    /// The same of a response that is read by machines too, such as the answer to ID: all of it stays that is
    /// no secret.
    pub(crate) fn scrub_data<'a>(&self, response: &'a [u8]) -> Cow<'a, [u8]> {
        masked(response, self.whole(response))
    }

    /// Whether the name of a code is a secret in a code's place.
    pub(crate) fn is_secret_code(&self, name: &[u8]) -> bool {
        let registered = CODES.iter().any(|code| code.eq_ignore_ascii_case(name));
        !registered && matches!(self.scrub(name), Cow::Owned(_) | Cow::Borrowed(WITHHELD))
    }

    /// Where in the text whole secrets stand, and whether each is a short one.
    fn whole(&self, text: &[u8]) -> Vec<(usize, usize, bool)> {
        let (mut spans, mut at, mut done) = (Vec::new(), 0, 0);
        while at < text.len() {
            match self.secret_at(text, at, done) {
                Some(span) => {
                    (at, done) = (span.1, span.1);
                    spans.push(span);
                }
                None => at += 1,
            }
        }
        spans
    }

    /// The secret that begins at `at`: from where to where, and whether it is a short one. Nothing before
    /// `done` is its.
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
        let (from, to) = (at, at + form.bytes.len());
        Some(match form.base64 {
            true => (pieces::digits_before(text, from, done), pieces::digits_behind(text, to), form.word),
            false => (from, to, form.word),
        })
    }
}

/// The text with a mask in the place of each of these spans, which may overlap.
fn masked(text: &[u8], mut spans: Vec<(usize, usize, bool)>) -> Cow<'_, [u8]> {
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    spans.sort_unstable();
    let (mut out, mut copied) = (Vec::new(), None);
    for (from, to, _) in spans {
        if copied.is_none_or(|copied| from >= copied) {
            out.extend_from_slice(text.get(copied.unwrap_or(0)..from).unwrap_or_default());
            out.extend_from_slice(MASK);
        }
        copied = copied.max(Some(to));
    }
    out.extend_from_slice(text.get(copied.unwrap_or(0)..).unwrap_or_default());
    Cow::Owned(out)
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
        String::from_utf8_lossy(&secrets.scrub(words.as_ref())).into_owned()
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
                let said = String::from_utf8_lossy(&secrets.scrub(&words)).into_owned();
                assert!(!said.contains(&sent), "{secret} of `{user}`: {said}");
            }
        }
    }

    #[test]
    fn of_two_secrets_that_begin_alike_the_longer_leaves_nothing() {
        for order in [["canary-5ecret", "canary-5ecret-2"], ["canary-5ecret-2", "canary-5ecret"]] {
            let mut secrets = Secrets::default();
            order.iter().for_each(|secret| secrets.hide(secret.as_bytes()));
            assert_eq!(&*secrets.scrub(b"no canary-5ecret-2 here"), b"no [secret] here");
            assert_eq!(&*secrets.scrub(b"no canary-5ecret here"), b"no [secret] here");
        }
    }

    #[test]
    fn a_short_secret_takes_its_sentence_along_and_no_other() {
        let unsaid = String::from_utf8_lossy(WITHHELD);
        for secret in ["mail", "a", "geheim7"] {
            assert_eq!(said(secret, format!("wrong: LOGIN anna \"{secret}\"")), unsaid);
            assert_eq!(said(secret, format!("wrong: x{secret}box")), format!("wrong: x{secret}box"));
            assert_eq!(said(secret, "over quota"), "over quota");
        }
        assert_eq!(said("", "over quota"), "over quota");
        // Its base64 is long enough to be looked for.
        assert_eq!(said("geheim7", STANDARD.encode("\0anna\0geheim7")), "[secret]");
    }

    fn said_to(user: &str, secret: &str, words: impl AsRef<[u8]>) -> String {
        let mut secrets = Secrets::default();
        secrets.hide(secret.as_bytes());
        secrets.add_name(user);
        String::from_utf8_lossy(&secrets.scrub(words.as_ref())).into_owned()
    }

    #[test]
    fn a_line_that_is_cut_leaves_no_piece() {
        let (secret, encoded) = ("Sommer2024-Geheim!", STANDARD.encode("\0old\0Sommer2024-Geheim!"));
        for (words, left) in [
            ("bad line: LOGIN \"old\" \"Sommer2024-Geh...", "bad line: LOGIN \"old\" \"[secret]..."),
            ("bad line: LOGIN \"old\" \"Somm…", "bad line: LOGIN \"old\" \"[secret]…"),
            ("old: Sommer2 is wrong", "old: [secret] is wrong"),
            ("...mer2024-Geheim! wrong", "...[secret] wrong"),
            ("er2024-Geheim!\" what?", "[secret]\" what?"),
            ("...r2024-Gehei...", "...[secret]..."),
            ("x SOMMER2024-GEH x", "x [secret] x"),
            ("it begins with Sommer2", "it begins with [secret]"),
            ("536f6d6d6572323032342d47 and 53 6f 6d 6d 65 72 32", "[secret] and [secret]"),
            (&format!("AUTHENTICATE PLAIN {}...", &encoded[..24]), "AUTHENTICATE PLAIN [secret]..."),
            (&format!("unknown {}", &encoded[..encoded.len() - 2]), "unknown [secret]"),
            (&format!("{}\r\n {} no", &encoded[..20], &encoded[20..]), "[secret] no"),
        ] {
            assert_eq!(said_to("old", secret, words), left, "{words}");
        }
        // Torn off in its place an ordinary word is the secret's, too; and of a short secret the sentence is
        // left out.
        let torn = said_to("anna", "password-4711-x", "LOGIN \"anna\" \"password...");
        assert_eq!(torn, "LOGIN \"anna\" \"[secret]...");
        assert_eq!(said_to("anna", "Kurz77", "LOGIN \"anna\" \"Kurz..."), String::from_utf8_lossy(WITHHELD));
    }

    #[test]
    fn ordinary_sentences_stay_with_ordinary_passwords() {
        let sentences = [
            // Dovecot, Cyrus, Exchange, Gmail, Courier; and what others say.
            "Authentication failed.",
            "Logged in",
            "Temporary authentication failure. [imap1:2026-11-29 12:00:00]",
            "Mailbox doesn't exist: Archive/2024 (0.001 + 0.000 secs).",
            "Quota exceeded (mailbox for user is full)",
            "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
            "Append completed (0.002 + 0.000 + 0.001 secs).",
            "Too many invalid IMAP commands.",
            "Login failed: authentication failure",
            "Login only available under a layer",
            "Invalid user",
            "Permission denied",
            "LOGIN failed.",
            "User is authenticated but not connected.",
            "Request is throttled. Suggested Backoff Time: 92415 milliseconds",
            "Command Error. 12",
            "Server Unavailable. 15",
            "Invalid credentials (Failure)",
            "Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
            "Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)",
            "Account exceeded command or bandwidth limits. j123mb4567",
            "Login failed.",
            "Error in IMAP command received by server.",
            "Over quota: anna.mueller@firma.example has no room for more mail",
            "LOGIN for anna.mueller@firma.example: too many simultaneous sessions, please wait...",
        ];
        for secret in [
            "Password123!",
            "password1",
            "passwort",
            "Invalid2024",
            "authentication-9",
            "mailbox2024",
            "Login12345",
            "Sommer2024-Geheim!",
            "anna.mueller77",
            "firma-2024",
            "welcome1",
            "qwertz123456",
            "too many secrets",
            "xpassword",
            "google4ever",
            "Exchange99",
        ] {
            for words in sentences {
                assert_eq!(said_to("anna.mueller@firma.example", secret, words), words, "with {secret}");
            }
        }
    }

    #[test]
    fn long_words_are_searched_in_little_time() {
        let encoded = STANDARD.encode("\0old\0Sommer2024-Geheim!");
        for words in [encoded.repeat(2_000), "Sommer2024 ".repeat(5_000), "LOGIN Somm".repeat(5_000)] {
            assert!(!said_to("old", "Sommer2024-Geheim!", words).contains("Sommer"));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_cut_leaves_six_characters(
            // With blanks and quotes in it a piece of a few signs may be left.
            secret in "[a-zA-Z0-9!#$%&()*+,./:;<=>?@^_{|}~'-]{8,40}", ends in (0usize..60, 0usize..60), dots in 0usize..3,
        ) {
            let quoted = secret.replace('\\', "\\\\").replace('"', "\\\"");
            let digits = STANDARD.encode(format!("\0old\0{secret}"));
            let ours = STANDARD_NO_PAD.encode(format!("\0old\0{secret}"));
            let dots = ["", "...", "…"][dots];
            for (line, forms) in [
                (format!("LOGIN \"old\" \"{quoted}\""), [secret.clone(), quoted.clone()]),
                (format!("AUTHENTICATE PLAIN {digits}"), [ours[7..].to_owned(), ours[7..].to_owned()]),
            ] {
                let cut = &line[..line.len().saturating_sub(ends.0)];
                let tail = &line[ends.1.min(line.len())..];
                for words in [format!("{cut}{dots}"), format!("{dots}{tail}"), format!("bad {cut}{dots} again")] {
                    let left = said_to("old", &secret, &words);
                    for form in &forms {
                        for piece in form.as_bytes().windows(6) {
                            let piece = String::from_utf8_lossy(piece);
                            proptest::prop_assert!(!left.contains(&*piece), "{words} -> {left}: {piece}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn answers_to_challenges_are_secrets_too() {
        let mut secrets = Secrets::default();
        secrets.hide_answer(b"tim b913a602c7eda7a495b4e6e7334d3890");
        secrets.hide_answer(b"");
        for words in ["b913a602c7eda7a495b4e6e7334d3890", "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"]
        {
            assert_eq!(&*secrets.scrub(format!("wrong {words}").as_bytes()), b"wrong [secret]");
        }
        assert_eq!(&*secrets.scrub(b"tim is unknown"), b"tim is unknown");
        // SCRAM: the proof stands at the end, whether the line is repeated or the proof alone.
        secrets
            .hide_answer(b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        let said = secrets.scrub(b"wrong proof p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ= of tim");
        assert_eq!(&*said, b"wrong proof [secret] of tim");
    }

    #[test]
    fn what_machines_read_stays() {
        let mut secrets = Secrets::default();
        secrets.hide(b"uidvalidity");
        secrets.hide(b"canary-5ecret");
        assert!(!secrets.is_secret_code(b"UIDVALIDITY") && secrets.is_secret_code(b"CANARY-5ECRET"));
        let listed = secrets.scrub_data(b"* ID (\"name\" \"canary-5ecret\" \"os\" \"x\")\r\n");
        assert_eq!(&*listed, b"* ID (\"name\" \"[secret]\" \"os\" \"x\")\r\n");
    }
}
