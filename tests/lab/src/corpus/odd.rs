//! Messages as they should not be, and as every old mailbox has them.

use super::Mail;
use crate::imap::date;

/// 2019-03-10, an hour that half the world's clocks skipped.
const AT: i64 = 1_552_203_000;

/// The odd messages, each once except three identical copies. All can be stored by Dovecot; no other server
/// need take them all.
pub(super) fn messages(owner: &str) -> Vec<Mail> {
    let mut mails = Vec::new();
    let mut add = |raw: &str, flags: &[&str]| {
        let at = AT + 3600 * i64::try_from(mails.len()).unwrap_or_default();
        mails.push(Mail {
            raw: raw.as_bytes().to_vec(),
            flags: flags.iter().map(ToString::to_string).collect(),
            date: date::write(at, -210),
        });
    };
    let from = format!("From: odd@example.org\r\nTo: <{owner}>\r\n");
    // Without Message-ID and Date; a second one differs in nothing but the body (imapsync issue 24).
    add(&format!("{from}Subject: no id\r\n\r\nfirst of two\r\n"), &["\\Seen"]);
    add(&format!("{from}Subject: no id\r\n\r\nsecond of two\r\n"), &["\\Seen"]);
    // One Message-ID, two contents.
    for body in ["the original", "edited afterwards, same id"] {
        add(&format!("{from}Message-ID: <same@example.org>\r\nSubject: twice\r\n\r\n{body}\r\n"), &[]);
    }
    // Three identical copies: three must arrive.
    let triplet =
        format!("{from}Message-ID: <triplet@example.org>\r\nSubject: three of me\r\n\r\nidentical\r\n");
    for _ in 0..3 {
        add(&triplet, &["\\Seen"]);
    }
    add(&format!("{from}Subject:\r\nMessage-ID: <empty-subject@example.org>\r\n\r\nno subject\r\n"), &[]);
    add(
        &format!("{from}Message-ID: <empty-body@example.org>\r\nSubject: empty body\r\n\r\n"),
        &["\\Flagged"],
    );
    add(
        &format!("{from}Message-ID: <no-blank@example.org>\r\nSubject: headers only, no blank line\r\n"),
        &[],
    );
    add("\r\nno header at all, only a body\r\n", &[]);
    add(
        &format!(
            "{from}Subject: Gr\u{fc}\u{df}e, raw 8 bit header\r\nMessage-ID: <8bit@example.org>\r\n\r\nx\r\n"
        ),
        &[],
    );
    add(
        &format!(
            "{from}Message-ID: <long@example.org>\r\nSubject: long line\r\n\r\n{}\r\n",
            "x".repeat(70_000)
        ),
        &[],
    );
    add(
        &format!(
            "{from}Message-ID: <header@example.org>\r\nSubject: {}\r\n\r\nlong\r\n",
            "word ".repeat(3_000)
        ),
        &[],
    );
    // Only LF at line ends.
    add(
        "From: unix@example.org\nMessage-ID: <lf@example.org>\nSubject: bare LF\n\nline one\nline two\n",
        &["\\Seen"],
    );
    add(
        &format!(
            "From odd@example.org Sun Mar 10 07:30:00 2019\r\n{from}Subject: mbox line on top\r\n\r\nx\r\n"
        ),
        &[],
    );
    add(
        &format!(
            "{from}Message-ID: <dot@example.org>\r\nSubject: dots\r\n\r\n.\r\n..\r\n.x\r\nFrom here on\r\n"
        ),
        &[],
    );
    let many: Vec<String> = (0..1000).map(|n| format!("<recipient{n:04}@example.org>")).collect();
    add(
        &format!(
            "{from}Cc: {}\r\nMessage-ID: <many@example.org>\r\nSubject: many\r\n\r\nhello all\r\n",
            many.join(",\r\n ")
        ),
        &["\\Answered", "$Label1"],
    );
    add(
        &format!(
            "{from}Message-ID: <date@example.org>\r\nDate: 31 Feb 1899 25:61:61 +9999\r\nSubject: bad date\r\n\r\nx\r\n"
        ),
        &[],
    );
    add(
        &format!(
            "{from}Message-ID: <mime@example.org>\r\nContent-Type: multipart/mixed; boundary=x\r\nSubject: never closed\r\n\r\n--x\r\n\r\nopen end\r\n--x"
        ),
        &[],
    );
    add(
        &format!(
            "{from}Message-ID: <spaces@example.org>\r\nSubject: trailing   \r\n\r\nblank at the end   \t \r\n\r\n\r\n"
        ),
        &[],
    );
    add(
        &format!(
            "{from}Message-ID: <esc@example.org>\r\nSubject: \u{1b}]0;owned\u{7}\u{1b}[31mred\r\n\r\n\u{1b}[2J\r\n"
        ),
        &[],
    );
    add(
        &format!(
            "{from}Message-ID: <csv@example.org>\r\nSubject: =HYPERLINK(\"https://example.org\")\r\n\r\n<script>alert(1)</script>\r\n"
        ),
        &["\\Deleted"],
    );
    // The same in Latin-1, which is not even UTF-8.
    let mut raw = from.into_bytes();
    raw.extend_from_slice(b"Message-ID: <latin1@example.org>\r\nSubject: Gr\xfc\xdfe\r\n\r\nGr\xfc\xdfe\r\n");
    mails.push(Mail { raw, flags: vec!["\\Seen".to_owned()], date: date::write(AT - 86_400, 825) });
    mails
}
