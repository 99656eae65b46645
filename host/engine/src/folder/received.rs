//! What arrived, compared with what was sent: by the sizes and dates in the target's list, and by its bytes
//! where these do not tell.

use mailhaul_imap::InternalDate;

use crate::event::Event;
use crate::folder::run::FolderRun;
use crate::folder::work::Step;
use crate::message::compare::most_common;
use crate::message::differing::compare_pairs;
use crate::message::list::{ListedMessage, in_list};
use crate::plugin::Depth;
use crate::state::ledger::{Figures, UnprovenCopy};
use crate::summary::{Difference, DifferenceKind};

/// Messages that are compared in one go.
const CHUNK: usize = 200;

/// Of messages that are all longer by as much, so many are read back to see what was added.
const SAMPLE: usize = 3;

#[derive(Default)]
struct ReadBack {
    /// Source UIDs of copies that are not what was sent.
    altered: Vec<u32>,
    /// Copies that are the same message in other bytes.
    rewritten: Vec<u32>,
}

impl FolderRun<'_> {
    /// Compares those of the copies that the target lists with what was sent, and records what is not the
    /// same. Sizes only narrow the search: what is not as much longer as most messages of the folder are is
    /// read back, as is what has a NUL.
    ///
    /// # Errors
    /// When an end or the ledger fails.
    pub(super) async fn compare_received(
        &mut self,
        sent: &[UnprovenCopy],
        listed: &[ListedMessage],
    ) -> Step<()> {
        let of_list = |copy: &UnprovenCopy| Some((*copy, in_list(listed, copy.target_uid)?.figures()));
        // Not kept: there may be very many, and as a rule none is odd.
        let copies = || sent.iter().filter_map(of_list);
        let odd: Vec<(u32, Figures)> =
            copies().filter(|(copy, now)| copy.sent.differ(now)).map(|(copy, now)| (copy.uid, now)).collect();
        let suspects = std::mem::take(&mut self.read_back);
        if odd.is_empty() && suspects.is_empty() {
            return Ok(());
        }
        self.work().ledger().set_target_figures(self.row.id, &odd)?;
        let mut differences: Vec<Difference> =
            copies().filter_map(|(copy, now)| self.other_date(&copy, &now)).collect();
        let longer_by = |(copy, now): &(UnprovenCopy, Figures)| {
            if now.size == 0 { 0 } else { now.size as i64 - copy.sent.size as i64 }
        };
        let usual = most_common(copies().map(|copy| longer_by(&copy)));
        let suspected = |(copy, _): &(UnprovenCopy, Figures)| suspects.contains(&copy.uid);
        let (usually, others): (Vec<_>, Vec<_>) = copies()
            .filter(|copy| longer_by(copy) != 0 || suspected(copy))
            .partition(|copy| longer_by(copy) == usual && !suspected(copy));
        let pairs = |copies: &[(UnprovenCopy, Figures)]| -> Vec<(u32, u32)> {
            copies.iter().map(|(copy, _)| (copy.uid, copy.target_uid)).collect()
        };
        let (sample, rest) = usually.split_at(usually.len().min(SAMPLE));
        self.read_back(pairs(&others), &mut differences).await?;
        let ReadBack { altered, rewritten } = self.read_back(pairs(sample), &mut differences).await?;
        if !altered.is_empty() {
            // What is done to all of them is done to their texts.
            self.read_back(pairs(rest), &mut differences).await?;
        } else if !rewritten.is_empty() {
            self.record_usual_growth(usual, sample.len()).await?;
        }
        self.work().ledger().add_differences(self.row.id, &differences)?;
        self.emit_differences(differences).await;
        Ok(())
    }

    /// Records and tells, once for the folder, by how much the target makes most messages longer.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(super) async fn record_usual_growth(&mut self, usual: i64, read: usize) -> Step<()> {
        let more = if usual > 0 { "longer" } else { "shorter" };
        let note = Difference {
            folder: self.route.source.clone(),
            uid: 0,
            target_uid: None,
            kind: DifferenceKind::AlteredHeaders,
            by: None,
            detail: format!(
                "the target makes most messages {} bytes {more}, by their headers as far as {read} of them were read",
                usual.unsigned_abs()
            ),
            note: true,
        };
        let earlier = |d: &Difference| d.uid == 0 && d.kind == DifferenceKind::AlteredHeaders;
        self.work().ledger().replace_differences(self.row.id, earlier, std::slice::from_ref(&note))?;
        self.emit_differences(vec![note]).await;
        Ok(())
    }

    /// Tells differences that are recorded already.
    pub(super) async fn emit_differences(&mut self, differences: Vec<Difference>) {
        let work = self.work();
        self.outcome.differences += differences.iter().filter(|difference| !difference.note).count();
        for difference in differences {
            work.context.emit(Event::DifferenceFound { mailbox: work.key().to_owned(), difference }).await;
        }
    }

    /// Reads copies, and their messages, and adds what differs.
    async fn read_back(
        &mut self,
        pairs: Vec<(u32, u32)>,
        differences: &mut Vec<Difference>,
    ) -> Step<ReadBack> {
        let mut back = ReadBack::default();
        for chunk in pairs.chunks(CHUNK) {
            self.work().check_stop()?;
            let uids: Vec<u32> = chunk.iter().map(|(uid, _)| *uid).collect();
            let known = self.work().ledger().contents(self.row.id, &uids)?;
            let mut made = Vec::new();
            for pair in compare_pairs(&mut self.ends, chunk, Depth::Full).await? {
                // What a server rewrites of headers and line ends is the same message.
                let same = pair.read.as_ref().zip(known.get(&pair.uid));
                if let Some((read, _)) = same.filter(|(read, known)| known.is_copied_as(&read.target)) {
                    back.rewritten.extend((read.source.exact != read.target.exact).then_some(pair.uid));
                    continue;
                }
                back.altered.push(pair.uid);
                made.extend(pair.read.as_ref().map(|read| (pair.uid, read.target.exact)));
                differences.extend(pair.differences(&self.route.source));
            }
            self.work().ledger().set_altered(self.row.id, &made)?;
        }
        Ok(back)
    }

    /// The difference that a copy's date is, unless it was sent with another one than the source's.
    pub(super) fn other_date(&self, copy: &UnprovenCopy, now: &Figures) -> Option<Difference> {
        let (sent, now) = copy.sent.date.zip(now.date)?;
        if sent == now || self.route.misdated.contains_key(&copy.uid) {
            return None;
        }
        Some(Difference {
            folder: self.route.source.clone(),
            uid: copy.uid,
            target_uid: Some(copy.target_uid),
            kind: DifferenceKind::Date,
            by: None,
            detail: format!(
                "{} on the source, {} on the target",
                InternalDate::in_utc(sent),
                InternalDate::in_utc(now)
            ),
            note: self.work().context.job.ignore.dates,
        })
    }
}
