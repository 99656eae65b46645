//! Messages of a chosen size, and what a target must hold afterwards.

use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;

use mailhaul_lab::corpus::{Mail, Rng, base64};
use mailhaul_lab::imap::date;
use sha2::{Digest as _, Sha256};

/// A SHA-256, by which messages are compared.
pub(crate) type Digest = [u8; 32];

/// 2014-06-30, when the first message of every folder came.
const OLDEST: i64 = 1_404_086_400;
/// 52 characters in base64, as mail has them: 57 bytes make a line of 76.
const LINE: usize = 57;
const LINES: usize = 4096;

pub(crate) fn digest(raw: &[u8]) -> Digest {
    Sha256::digest(raw).into()
}

/// Generates messages of a chosen size.
pub(crate) struct Generator {
    rng: Rng,
    /// Lines of noise that every body is cut from: making fresh noise for 400 MB would take longer than
    /// copying it.
    lines: Vec<u8>,
}

impl Generator {
    /// Begins at a seed: the same seed makes the same mail.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let lines = (0..LINES)
            .flat_map(|_| {
                let mut line = base64(&rng.bytes(LINE)).into_bytes();
                line.extend_from_slice(b"\r\n");
                line
            })
            .collect();
        Self { rng, lines }
    }

    /// A message of about so many bytes, never fewer than its header needs.
    pub(crate) fn message(&mut self, folder: &str, index: usize, bytes: &RangeInclusive<usize>) -> Mail {
        let rng = &mut self.rng;
        let size = bytes.start() + rng.below(bytes.end() - bytes.start() + 1);
        let at = OLDEST + i64::try_from(index).unwrap_or_default() * 977;
        let mut raw = format!(
            "Return-Path: <sender@example.org>\r\nMessage-ID: <{:x}.{index}@example.org>\r\nDate: {}\r\n\
             From: Sender <sender@example.org>\r\nTo: <owner@example.net>\r\nSubject: {folder} no. {index}\r\n\
             MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n",
            rng.bits(),
            date::header(at, 60),
        )
        .into_bytes();
        let width = self.lines.len() / LINES;
        let mut from = rng.below(LINES) * width;
        while raw.len() + 2 < size {
            let take = (size - raw.len() - 2).min(self.lines.len() - from);
            raw.extend_from_slice(&self.lines[from..from + take]);
            from = 0;
        }
        // Cut anywhere: a bare carriage return must not be left at the end.
        if raw.ends_with(b"\r") {
            raw.pop();
        }
        if !raw.ends_with(b"\n") {
            raw.extend_from_slice(b"\r\n");
        }
        let mut flags = Vec::new();
        for (percent, flag) in [(80, "\\Seen"), (15, "\\Answered"), (8, "\\Flagged")] {
            if rng.chance(percent) {
                flags.push(flag.to_owned());
            }
        }
        Mail { raw, flags, date: date::write(at, 60) }
    }
}

/// What a folder should hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExpectedFolder {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) digests: HashSet<Digest>,
}

/// What one mailbox holds, by folder name as the laboratory spells it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExpectedMailbox(pub(crate) BTreeMap<String, ExpectedFolder>);

impl ExpectedMailbox {
    pub(crate) fn add(&mut self, folder: &str, raw: &[u8]) {
        let expected = self.0.entry(folder.to_owned()).or_default();
        expected.messages += 1;
        expected.bytes += raw.len() as u64;
        expected.digests.insert(digest(raw));
    }

    /// Adds the mail that came since.
    pub(crate) fn merge(&mut self, came: &Self) {
        for (folder, more) in &came.0 {
            let expected = self.0.entry(folder.clone()).or_default();
            expected.messages += more.messages;
            expected.bytes += more.bytes;
            expected.digests.extend(&more.digests);
        }
    }

    pub(crate) fn messages(&self) -> u64 {
        self.0.values().map(|folder| folder.messages).sum()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.values().map(|folder| folder.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_their_size_and_whole_lines() {
        let mut generator = Generator::new(1);
        for (index, size) in [2048, 2049, 2050, 8192, 400_000].into_iter().enumerate() {
            let raw = generator.message("INBOX", index, &(size..=size)).raw;
            assert!(raw.len().abs_diff(size) <= 2, "{} for {size}", raw.len());
            assert!(raw.ends_with(b"\r\n"));
            let bare = raw.windows(2).filter(|w| (w[0] == b'\r') != (w[1] == b'\n')).count();
            assert_eq!(bare, 0, "bare line ends at {size}");
        }
    }
}
