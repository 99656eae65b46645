//! Building one ordinary message.

use std::fmt::Write as _;

use super::rng::Rng;
use super::words::{FILES, PEOPLE, SENTENCES, SUBJECTS};
use super::{Mail, base64};
use crate::imap::date;

/// Ten years of mail end here: 2024-06-30.
const NEWEST: i64 = 1_719_705_600;
const TEN_YEARS: i64 = 10 * 365 * 86_400 + 2 * 86_400;

/// Minutes east of Greenwich, with the odd ones.
const ZONES: [i64; 9] = [0, 60, 120, -300, -480, 540, 345, -210, 765];

/// Keywords that clients really set.
const KEYWORDS: [&str; 7] =
    ["$Forwarded", "$Label1", "NonJunk", "$MDNSent", "$label4", "Junk", "customer/open"];

/// What the place in the mailbox says about a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) owner: &'a str,
    pub(super) folder: &'a str,
    pub(super) index: usize,
    pub(super) of: usize,
}

/// An ordinary message; messages of a folder get later with their index.
pub(super) fn ordinary(rng: &mut Rng, place: Place<'_>) -> Mail {
    let step = TEN_YEARS / i64::try_from(place.of.max(1)).unwrap_or(1);
    let at = NEWEST - TEN_YEARS
        + step * i64::try_from(place.index).unwrap_or_default()
        + i64::try_from(rng.below(usize::try_from(step).unwrap_or(1))).unwrap_or_default();
    let zone = *rng.pick(&ZONES);
    let raw = body(rng, place, at, zone);
    Mail { raw, flags: flags(rng, place.folder), date: date::write(at, zone) }
}

fn flags(rng: &mut Rng, folder: &str) -> Vec<String> {
    let mut flags = Vec::new();
    let mut set = |rng: &mut Rng, percent, flag: &str| {
        if rng.chance(percent) {
            flags.push(flag.to_owned());
        }
    };
    set(rng, 80, "\\Seen");
    set(rng, 15, "\\Answered");
    set(rng, 8, "\\Flagged");
    set(rng, if folder == "Drafts" { 90 } else { 1 }, "\\Draft");
    set(rng, 2, "\\Deleted");
    if rng.chance(12) {
        let keyword = *rng.pick(&KEYWORDS);
        set(rng, 100, keyword);
    }
    flags
}

fn body(rng: &mut Rng, place: Place<'_>, at: i64, zone: i64) -> Vec<u8> {
    let (name, address) = *rng.pick(&PEOPLE);
    let subject = rng.pick(&SUBJECTS).replace("{n}", &(1000 + rng.below(9000)).to_string());
    let id =
        format!("{:x}.{}@{}", rng.bits(), place.index, address.split('@').nth(1).unwrap_or("example.org"));
    let mut head = String::new();
    let owner = place.owner;
    let date = date::header(at, zone);
    write!(
        head,
        "Return-Path: <{address}>\r\n\
         Received: from mx.{id_host} (mx.{id_host} [192.0.2.{octet}])\r\n\tby mail.example.net with ESMTPS id {queue:X};\r\n\t{date}\r\n\
         Message-ID: <{id}>\r\nDate: {date}\r\nFrom: {from} <{address}>\r\nTo: <{owner}>\r\nSubject: {subject}\r\n",
        id_host = address.split('@').nth(1).unwrap_or("example.org"),
        octet = 1 + rng.below(250),
        queue = rng.bits(),
        from = encoded(name),
        subject = encoded(&subject),
    )
    .expect("write to a string");
    if rng.chance(30) {
        write!(head, "References: <{:x}@example.org>\r\n <{:x}@example.org>\r\n", rng.bits(), rng.bits())
            .expect("write to a string");
    }
    head.push_str("MIME-Version: 1.0\r\n");
    match rng.below(100) {
        0..45 => plain(rng, &mut head),
        45..65 => alternative(rng, &mut head),
        65..75 => eight_bit(rng, &mut head),
        _ => attached(rng, &mut head, None),
    }
    head.into_bytes()
}

/// A message with an attachment of so many bytes (before base64).
pub(super) fn large(rng: &mut Rng, place: Place<'_>, bytes: usize) -> Mail {
    let mut mail = ordinary(rng, place);
    let text = String::from_utf8_lossy(&mail.raw).into_owned();
    let end = text.find("MIME-Version: 1.0\r\n").map_or(0, |n| n + "MIME-Version: 1.0\r\n".len());
    let mut raw = text[..end].to_owned();
    attached(rng, &mut raw, Some(bytes));
    mail.raw = raw.into_bytes();
    mail
}

fn paragraph(rng: &mut Rng) -> String {
    let mut text = String::new();
    for _ in 0..1 + rng.below(4) {
        for _ in 0..1 + rng.below(4) {
            text.push_str(rng.pick::<&str>(&SENTENCES));
            text.push(if rng.chance(40) { '\n' } else { ' ' });
        }
        text.push_str("\n\n");
    }
    text.replace('\n', "\r\n")
}

fn plain(rng: &mut Rng, out: &mut String) {
    let text = paragraph(rng);
    if rng.chance(50) {
        out.push_str("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
        out.push_str(&folded(&base64(text.as_bytes())));
    } else {
        out.push_str(
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
        );
        out.push_str(&quoted_printable(&text));
    }
}

fn eight_bit(rng: &mut Rng, out: &mut String) {
    out.push_str("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
    out.push_str(&paragraph(rng));
}

fn alternative(rng: &mut Rng, out: &mut String) {
    let boundary = format!("=_alt_{:016x}", rng.bits());
    let text = paragraph(rng);
    let html = text.replace("\r\n\r\n", "</p>\r\n<p>");
    write!(
        out,
        "Content-Type: multipart/alternative;\r\n boundary=\"{boundary}\"\r\n\r\n\
         This is a message in MIME format.\r\n--{boundary}\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n--{boundary}\r\n\
         Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         <html><body style=\"color:#333\"><p>{html}</p></body></html>\r\n--{boundary}--\r\n"
    )
    .expect("write to a string");
}

fn attached(rng: &mut Rng, out: &mut String, bytes: Option<usize>) {
    let boundary = format!("----=_Part_{:016x}", rng.bits());
    let (file, kind) = *rng.pick(&FILES);
    let size = bytes.unwrap_or_else(|| 500 + rng.below(30_000));
    let text = paragraph(rng);
    write!(
        out,
        "Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n--{boundary}\r\n\
         Content-Type: {kind}\r\nContent-Disposition: attachment; filename*=utf-8''{}\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--{boundary}--\r\n",
        percent(file),
        folded(&base64(&rng.bytes(size)))
    )
    .expect("write to a string");
}

/// RFC 2047: words in base64 where the text is not ASCII.
fn encoded(text: &str) -> String {
    if text.is_ascii() {
        return if text.contains(',') { format!("\"{text}\"") } else { text.to_owned() };
    }
    let chars: Vec<char> = text.chars().collect();
    let words: Vec<String> = chars
        .chunks(14)
        .map(|part| format!("=?utf-8?B?{}?=", base64(part.iter().collect::<String>().as_bytes())))
        .collect();
    words.join("\r\n ")
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("write to a string");
        }
        out
    })
}

/// Breaks base64 into lines of 76 characters, the most RFC 2045 allows.
fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 38);
    for line in text.as_bytes().chunks(76) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push_str("\r\n");
    }
    out
}

fn quoted_printable(text: &str) -> String {
    let mut out = String::new();
    for line in text.split("\r\n") {
        let mut width = 0;
        for byte in line.bytes() {
            let piece = if (33..=126).contains(&byte) && byte != b'=' || byte == b' ' {
                char::from(byte).to_string()
            } else {
                format!("={byte:02X}")
            };
            if width + piece.len() > 72 {
                out.push_str("=\r\n");
                width = 0;
            }
            width += piece.len();
            out.push_str(&piece);
        }
        out.push_str("\r\n");
    }
    out
}
