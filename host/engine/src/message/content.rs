//! What makes two messages one: digests of their bytes, and what survives a server that rewrites.
//!
//! Two rules decide, in this order, and never a single header nor a body alone:
//! 1. *exact*: SHA-256 of the whole message, which anybody can check;
//! 2. *rewritten* ([`Digests::is_rewritten`]): the same body when line ends are ignored, and no telling
//!    header that the other side states differently. Cyrus, Courier and others change line ends and 8-bit
//!    headers.
//!
//! The body's digest is BLAKE3: nobody but the ledger sees it, and a second SHA-256 over every byte was the
//! half of what large mail cost.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use crate::state::ledger::{CHECKED_HEADERS, Digests, HeaderChecks, RecordedContent, truncated_digest};

/// A header block longer than this is none: what has no empty line before is body from its first byte.
const MAX_HEADER: usize = 256 * 1024;

/// So many CR before an LF are still one line end: Dovecot makes CR LF of CR CR LF.
const MAX_CRS: usize = 4;

/// Digests of one message, complete or of its header block alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub exact: [u8; 32],
    pub len: u64,
    pub header: [u8; 32],
    /// BLAKE3 of the header block with line ends alike.
    pub header_lines: [u8; 32],
    /// BLAKE3 of the body with line ends alike and none at the end.
    pub body: [u8; 32],
    /// Checks over the headers that tell messages apart.
    pub telling: HeaderChecks,
    pub message_id: Option<Vec<u8>>,
}

impl Content {
    /// Returns the short form that the ledger keeps.
    #[must_use]
    pub(crate) fn digests(&self) -> Digests {
        Digests {
            exact: self.exact,
            body: truncated_digest(&self.body),
            telling: self.telling,
            message_id: self.message_id.as_deref().map(message_id_digest),
        }
    }

    /// Whether this is the copy of a message, under the number where its copy is.
    #[must_use]
    pub(crate) fn is_copy_of(&self, known: &RecordedContent) -> bool {
        known.is_copied_as(&self.digests())
    }
}

/// Digests a Message-ID to the 8 bytes of [`Digests::message_id`].
fn message_id_digest(id: &[u8]) -> [u8; 8] {
    let digest: [u8; 32] = Sha256::digest(id).into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    [a, b, c, d, e, f, g, h]
}

/// Computes [`Content`] from pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct ContentHasher {
    exact: Sha256,
    len: u64,
    header: Vec<u8>,
    in_body: bool,
    body: LineHasher,
}

impl ContentHasher {
    /// Takes the next piece of the message, of any size.
    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.exact.update(piece);
        self.len += piece.len() as u64;
        if self.in_body {
            self.body.update(piece);
            return;
        }
        // No further than a header may reach, so that it does not matter how the message was cut.
        let before = self.header.len();
        let (mine, rest) = piece.split_at(piece.len().min(MAX_HEADER - before));
        self.header.extend_from_slice(mine);
        if let Some(end) = end_of_header(&self.header, before.saturating_sub(MAX_CRS + 1)) {
            self.header.truncate(end);
            self.in_body = true;
            self.body.update(&piece[end.saturating_sub(before)..]);
        } else if self.header.len() == MAX_HEADER {
            self.headless();
            self.body.update(rest);
        }
    }

    /// Without an empty line nothing says where a header ends: all of it is body as well.
    fn headless(&mut self) {
        self.in_body = true;
        self.body.update(&self.header);
    }

    /// The header block so far, with its empty line once that has come.
    #[must_use]
    pub(crate) fn header(&self) -> &[u8] {
        &self.header
    }

    /// Whether the header block has come to its end, or is longer than one can be.
    #[must_use]
    pub(crate) fn in_body(&self) -> bool {
        self.in_body
    }

    /// What the ledger keeps of everything taken; less work than [`ContentHasher::finish`].
    #[must_use]
    pub(crate) fn digests(mut self) -> Digests {
        if !self.in_body {
            self.headless();
        }
        let values = telling(&self.header);
        Digests {
            exact: self.exact.finalize().into(),
            body: truncated_digest(&self.body.finish()),
            telling: HeaderChecks::of(&values),
            message_id: values[0].as_deref().filter(|id| !id.is_empty()).map(message_id_digest),
        }
    }

    /// Returns the digests of all pieces taken.
    #[must_use]
    pub(crate) fn finish(mut self) -> Content {
        if !self.in_body {
            self.headless();
        }
        let mut lines = LineHasher::default();
        lines.update(&self.header);
        let values = telling(&self.header);
        Content {
            exact: self.exact.finalize().into(),
            len: self.len,
            header: Sha256::digest(&self.header).into(),
            header_lines: lines.finish(),
            body: self.body.finish(),
            telling: HeaderChecks::of(&values),
            message_id: { values }[0].take().filter(|id| !id.is_empty()),
        }
    }
}

/// Returns the index behind the empty line that ends a header block.
fn end_of_header(header: &[u8], from: usize) -> Option<usize> {
    let line_end = |at: usize| {
        let crs = header[at..].iter().take(MAX_CRS).take_while(|byte| **byte == b'\r').count();
        (header.get(at + crs) == Some(&b'\n')).then_some(at + crs + 1)
    };
    // A message may begin with the empty line: no header at all.
    if from == 0
        && let Some(end) = line_end(0)
    {
        return Some(end);
    }
    memchr::memchr_iter(b'\n', &header[from..]).find_map(|at| line_end(from + at + 1))
}

/// The values of the [`CHECKED_HEADERS`] headers, unfolded; `None` where a header is missing. Lines end as
/// they may: with LF, or with CR alone, as those of some bounces do.
fn telling(header: &[u8]) -> [Option<Vec<u8>>; CHECKED_HEADERS.len()] {
    let mut values: [Option<Vec<u8>>; CHECKED_HEADERS.len()] = Default::default();
    let mut current: Option<usize> = None;
    for line in header.split(|b| matches!(b, b'\n' | b'\r')).filter(|line| !line.is_empty()) {
        if matches!(line.first(), Some(b' ' | b'\t')) {
            if let Some(value) = current.and_then(|n| values[n].as_mut()) {
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
            }
            continue;
        }
        current = None;
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let name = line[..colon].trim_ascii_end();
        let known = CHECKED_HEADERS.iter().position(|t| name.eq_ignore_ascii_case(t.as_bytes()));
        if let Some(n) = known.filter(|n| values[*n].is_none()) {
            values[n] = Some(line[colon + 1..].trim_ascii().to_vec());
            current = Some(n);
        }
    }
    values
}

/// Hashes text with CRLF, CR and LF alike (as CRLF), CR CR LF as one line end, and without line ends at the
/// end.
#[derive(Debug, Default)]
struct LineHasher {
    hash: blake3::Hasher,
    /// Line ends seen but not hashed: they may be the last ones.
    held: u64,
    /// CRs behind them: line ends of their own unless an LF follows.
    crs: u64,
}

impl LineHasher {
    fn update(&mut self, piece: &[u8]) {
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let (ends, text) = piece.split_at(piece.iter().take_while(|byte| is_end(byte)).count());
        self.line_ends(ends);
        let (text, ends) =
            text.split_at(text.len() - text.iter().rev().take_while(|byte| is_end(byte)).count());
        if !text.is_empty() {
            let before = std::mem::take(&mut self.held) + std::mem::take(&mut self.crs);
            for _ in 0..before {
                self.hash.update(b"\r\n");
            }
            if has_odd_ends(text) {
                self.hash.update(&with_even_ends(text));
            } else {
                // As mail is on its way: taken as it stands.
                self.hash.update(text);
            }
        }
        self.line_ends(ends);
    }

    fn line_ends(&mut self, ends: &[u8]) {
        for byte in ends {
            if *byte == b'\n' {
                self.crs = 0;
                self.held += 1;
            } else {
                self.crs += 1;
            }
        }
    }

    fn finish(self) -> [u8; 32] {
        self.hash.finalize().into()
    }
}

/// Whether a line end in this text, which begins and ends with none, is not CRLF.
fn has_odd_ends(text: &[u8]) -> bool {
    // Without branches, for whole blocks at a time: the compiler makes vector instructions of it.
    const BLOCK: usize = 4 << 10;
    let next = text.get(1..).unwrap_or_default();
    let mut blocks = text.chunks(BLOCK).zip(next.chunks(BLOCK));
    blocks.any(|(these, next)| {
        these.iter().zip(next).fold(false, |odd, (this, next)| odd | ((*this == b'\r') != (*next == b'\n')))
    })
}

/// This text, which begins and ends with no line end, with CRLF for each of them.
fn with_even_ends(text: &[u8]) -> Vec<u8> {
    let mut even = Vec::with_capacity(text.len() + text.len() / 32);
    let mut rest = text;
    while let Some(at) = memchr::memchr2(b'\r', b'\n', rest) {
        even.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let crs = rest.iter().take_while(|byte| **byte == b'\r').count();
        let is_one = rest.get(crs) == Some(&b'\n');
        let (ends, taken) = if is_one { (1, crs + 1) } else { (crs, crs) };
        (0..ends).for_each(|_| even.extend_from_slice(b"\r\n"));
        rest = &rest[taken..];
    }
    even.extend_from_slice(rest);
    even
}

/// The rule by which a source message and a target message were taken for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MatchRule {
    /// Every byte is the same.
    Exact,
    /// The same message, rewritten by a server.
    Rewritten,
    /// Another text, with the Message-ID, or else Date, Subject and From, of one that was sent, where as much
    /// came as was sent.
    Altered,
}

impl MatchRule {
    /// Returns the clause that the ledger records for a message that was found.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "found on the target, byte for byte the same",
            Self::Altered => {
                "found on the target, altered there, by its Message-ID or by Date, Subject and From"
            }
            Self::Rewritten => {
                "found on the target, the same but for line ends and headers the target rewrote"
            }
        }
    }
}

/// A message that may be one with a message of the other side.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub uid: u32,
    /// INTERNALDATE in Unix seconds; tells identical copies apart.
    pub date: Option<i64>,
    pub content: Content,
}

/// Pairs source and target messages one to one, in UID order, the exact rule first. Of identical
/// copies those of one date belong together, so that none ends up with another's date.
#[must_use]
pub(crate) fn pair(sources: &[Candidate], targets: &[Candidate]) -> Vec<(u32, u32, MatchRule)> {
    let mut free: HashMap<[u8; 32], Vec<&Candidate>> = HashMap::new();
    for target in targets {
        free.entry(target.content.exact).or_default().push(target);
    }
    let mut pairs = Vec::new();
    let mut open: Vec<&Candidate> = sources.iter().collect();
    for same_date in [true, false] {
        open.retain(|source| {
            let Some(list) = free.get_mut(&source.content.exact) else { return true };
            let found = list.iter().position(|t| !same_date || t.date == source.date);
            let Some(target) = found.map(|at| list.remove(at)) else { return true };
            pairs.push((source.uid, target.uid, MatchRule::Exact));
            false
        });
    }
    let mut by_body: HashMap<[u8; 32], Vec<&Candidate>> = HashMap::new();
    let taken: HashSet<u32> = pairs.iter().map(|(_, uid, _)| *uid).collect();
    for target in targets {
        if !taken.contains(&target.uid) {
            by_body.entry(target.content.body).or_default().push(target);
        }
    }
    for source in open {
        let Some(list) = by_body.get_mut(&source.content.body) else { continue };
        let digests = source.content.digests();
        let same_instant = |t: &Candidate| t.date.is_some() && t.date == source.date;
        // Of several that fit, the one that arrived when this one did.
        let fits = |t: &&Candidate| digests.is_rewritten(&t.content.digests(), same_instant(t));
        let found =
            list.iter().position(|t| fits(t) && same_instant(t)).or_else(|| list.iter().position(fits));
        if let Some(target) = found.map(|at| list.remove(at)) {
            pairs.push((source.uid, target.uid, MatchRule::Rewritten));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn content(text: &[u8]) -> Content {
        let mut hasher = ContentHasher::default();
        hasher.update(text);
        hasher.finish()
    }

    #[test]
    fn pieces_of_any_size_give_the_same_content() {
        let text = b"From: a\r\nSubject: x\r\n\ty\r\n\r\nline\r\n\r\nend\r\n\r\n";
        let whole = content(text);
        for cut in 0..text.len() {
            let mut hasher = ContentHasher::default();
            hasher.update(&text[..cut]);
            hasher.update(&text[cut..]);
            assert_eq!(hasher.finish(), whole, "cut at {cut}");
        }
        let mut hasher = ContentHasher::default();
        let mut kept = ContentHasher::default();
        for byte in text {
            hasher.update(&[*byte]);
            kept.update(&[*byte]);
        }
        assert_eq!(hasher.finish(), whole);
        assert_eq!(kept.digests(), whole.digests());
        assert_eq!(telling(text)[4].as_deref(), Some(&b"x y"[..]));
    }

    #[test]
    fn line_ends_do_not_matter_to_the_body_and_do_to_the_exact_rule() {
        let (a, b) = (content(b"Message-ID: <1>\r\n\r\na\r\nb\r\n"), content(b"Message-ID: <1>\n\na\nb"));
        assert_ne!(a.exact, b.exact);
        assert_eq!(a.body, b.body);
        assert!(a.digests().is_rewritten(&b.digests(), false));
        assert_ne!(content(b"A: b\n\na\n\nb").body, content(b"A: b\n\na\nb").body);
    }

    proptest! {
        /// Where pieces end, and how they are looked through, must not show: digests in ledgers are compared
        /// with those of later runs.
        #[test]
        fn the_body_s_digest_is_that_of_its_lines(
            parts in vec(prop_oneof![
                Just(b"\r".to_vec()), Just(b"\n".to_vec()), Just(b"\r\n".to_vec()), vec(0..0x80_u8, 0..80),
                // Longer than a block that is looked through at once.
                (b'a'..=b'z', 4_000_usize..9_000).prop_map(|(byte, count)| vec![byte; count]),
            ], 0..40),
            cuts in vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let text = String::from_utf8(parts.concat()).unwrap();
            let mut plain = text.clone();
            while plain.contains("\r\r\n") {
                plain = plain.replace("\r\r\n", "\r\n");
            }
            let plain = plain.replace("\r\n", "\n").replace('\r', "\n");
            let expected = blake3::hash(plain.trim_end_matches('\n').replace('\n', "\r\n").as_bytes());
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            cuts.sort_unstable();
            let (mut hasher, mut at) = (LineHasher::default(), 0);
            for cut in cuts.into_iter().chain([text.len()]) {
                hasher.update(&text.as_bytes()[at..cut]);
                at = cut;
            }
            prop_assert_eq!(hasher.finish(), *expected.as_bytes());
        }
    }

    /// Thirty bounces whose lines end with CR alone were all one: half of them were never copied.
    #[test]
    fn a_message_without_an_empty_line_is_all_body() {
        let bounce =
            |n: u32| content(format!("Received: from a\rSubject: {n}\r\rbounce of {n}\r").as_bytes());
        assert_ne!(bounce(1).body, bounce(2).body);
        let scan = |n: u32| content(format!("Received: from a\r\nX-Scan-Page: {n}\r\n").as_bytes());
        assert_ne!(scan(1).body, scan(2).body);
        let dropped = content(b"Received: from a\rSubject: 1\r\rbounce of 1");
        assert!(bounce(1).digests().is_rewritten(&dropped.digests(), true), "Dovecot drops a last CR");
    }

    #[test]
    fn cr_cr_lf_is_one_line_end() {
        let (odd, even) = (
            content(b"Subject: a\r\r\nDate: x\r\r\n\r\r\nb\r\r\nc"),
            content(b"Subject: a\r\nDate: x\r\n\r\nb\r\nc"),
        );
        assert_eq!(odd.body, even.body);
        assert!(odd.digests().is_rewritten(&even.digests(), false));
    }

    #[test]
    fn a_header_that_never_ends_is_body_however_it_is_cut() {
        let text = [&b"Subject: x\r\nX-Long: "[..], &b"a".repeat(MAX_HEADER), b"\r\n\r\nbody"].concat();
        let whole = content(&text);
        for cut in [1, 1000, MAX_HEADER - 1, MAX_HEADER, MAX_HEADER + 1, text.len() - 3] {
            let mut hasher = ContentHasher::default();
            hasher.update(&text[..cut]);
            hasher.update(&text[cut..]);
            assert_eq!(hasher.finish(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_message_may_have_no_header_or_no_body() {
        assert_eq!(content(b"\r\nbody").body, content(b"\nbody\n").body);
        assert_eq!(content(b"").len, 0);
        assert_eq!(telling(b"Subject: only")[4].as_deref(), Some(&b"only"[..]));
    }

    fn candidate(uid: u32, date: i64, content: &Content) -> Candidate {
        Candidate { uid, date: Some(date), content: content.clone() }
    }

    #[test]
    fn distinct_messages_with_one_message_id_stay_two() {
        let one = content(b"Message-ID: <x>\r\nSubject: a\r\n\r\none");
        let two = content(b"Message-ID: <x>\r\nSubject: a\r\n\r\ntwo");
        let sources = [candidate(1, 0, &one), candidate(2, 0, &two)];
        assert_eq!(pair(&sources, &[candidate(9, 0, &two)]), [(2, 9, MatchRule::Exact)]);
    }

    #[test]
    fn identical_copies_are_paired_one_to_one_by_date_then_in_order() {
        let same = content(b"Subject: a\r\n\r\nsame");
        let sources = [candidate(1, 10, &same), candidate(2, 20, &same), candidate(3, 30, &same)];
        let targets = [candidate(7, 10, &same), candidate(8, 30, &same)];
        assert_eq!(pair(&sources, &targets), [(1, 7, MatchRule::Exact), (3, 8, MatchRule::Exact)]);
        let undated = [candidate(7, 99, &same), candidate(8, 99, &same)];
        assert_eq!(pair(&sources, &undated), [(1, 7, MatchRule::Exact), (2, 8, MatchRule::Exact)]);
    }

    #[test]
    fn a_rewritten_copy_is_found_but_not_one_with_another_subject() {
        let source = content("Subject: Grüße\r\n\r\nhello\r\n".as_bytes());
        let rewritten = content(b"Subject: GrXXXXe\r\nX-Cyrus: 1\r\n\r\nhello\r\n\r\n");
        let found = pair(&[candidate(1, 0, &source)], &[candidate(5, 0, &rewritten)]);
        assert_eq!(found, [(1, 5, MatchRule::Rewritten)]);
        let plain = content(b"Subject: plain\r\n\r\nhello\r\n");
        let different = content(b"Subject: different\r\n\r\nhello\r\n");
        assert_eq!(pair(&[candidate(1, 0, &plain)], &[candidate(5, 0, &different)]), []);
    }
}
