//! How much a comparison compares, and which messages of a folder a sample has.

use crate::plugin::Depth;
use crate::summary::Sample;

/// How deep, and at which share of the messages, a comparison looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub depth: Depth,
    /// Which share of the messages, in percent.
    pub sample: u8,
    /// Chooses the messages of a sample: the same seed chooses the same ones.
    pub seed: u32,
}

impl Extent {
    /// The part it is, where it is not all: message lists are always compared whole.
    pub(super) fn part(self) -> Option<Sample> {
        let Self { depth, sample: percent, seed } = self;
        (percent < 100 && depth > Depth::Counts).then(|| Sample { depth: depth.into(), percent, seed })
    }
}

/// The pairs of which the source UIDs are in the sample: `percent` of them, rounded up, so that a folder with
/// messages has at least one. The same for the same `seed` and `folder`; another seed chooses others.
#[must_use]
pub(super) fn choose(pairs: &[(u32, u32)], percent: u8, seed: u32, folder: &str) -> Vec<(u32, u32)> {
    if percent >= 100 {
        return pairs.to_vec();
    }
    let most = (pairs.len() * usize::from(percent)).div_ceil(100);
    let start = folder.bytes().fold(u64::from(seed), |hash, byte| mixed(hash ^ u64::from(byte)));
    let mut ranks: Vec<u64> = pairs.iter().map(|(uid, _)| mixed(start ^ u64::from(*uid))).collect();
    ranks.sort_unstable();
    let Some(last) = most.checked_sub(1).and_then(|last| ranks.get(last)) else { return Vec::new() };
    pairs.iter().copied().filter(|(uid, _)| mixed(start ^ u64::from(*uid)) <= *last).collect()
}

/// The finalizer of SplitMix64: one to one, so that no two messages of a folder have one rank.
fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_up_and_its_own_for_every_seed_and_folder() {
        for (messages, percent, expected) in
            [(0, 50, 0), (1, 1, 1), (30, 1, 1), (200, 1, 2), (5, 50, 3), (9, 99, 9)]
        {
            let pairs: Vec<(u32, u32)> = (1..=messages).map(|uid| (uid, uid + 100)).collect();
            assert_eq!(choose(&pairs, percent, 7, "INBOX").len(), expected, "{messages} {percent}");
        }
        let pairs: Vec<(u32, u32)> = (1..=1000).map(|uid| (uid, uid)).collect();
        let chosen = choose(&pairs, 10, 7, "INBOX");
        assert_eq!(chosen, choose(&pairs, 10, 7, "INBOX"));
        assert_ne!(chosen, choose(&pairs, 10, 8, "INBOX"));
        assert_ne!(chosen, choose(&pairs, 10, 7, "Sent"));
    }
}
