//! The quota of a mailbox that the list gives none: what the source holds, and some more.

/// Percent of the source's mail that a new mailbox gets on top, unless the operator says otherwise: what a
/// client receives in the weeks of a move, and what other servers count for the same mail.
pub const MARGIN: u32 = 20;

/// Quotas are whole multiples of this many bytes, and at least one: panels and people speak of gigabytes.
pub const STEP: u64 = 1 << 30;

/// Returns the quota for so much mail with a margin in percent, in bytes: a whole number of [`STEP`]s, at
/// least one of them.
#[must_use]
pub fn for_size(size: u64, margin: u32) -> u64 {
    let wanted = u128::from(size) * (100 + u128::from(margin));
    let steps = wanted.div_ceil(100).div_ceil(u128::from(STEP)).max(1);
    u64::try_from(steps * u128::from(STEP)).unwrap_or(u64::MAX - (STEP - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_whole_gigabytes_and_never_too_little() {
        const GIB: u64 = 1 << 30;
        for (size, margin, expected) in [
            (0, 20, 1),
            (1, 20, 1),
            (GIB, 0, 1),
            (GIB, 20, 2),
            (GIB + 1, 0, 2),
            (10 * GIB, 20, 12),
            (10 * GIB, 21, 13),
            (100 * GIB, 100, 200),
        ] {
            assert_eq!(for_size(size, margin), expected * GIB, "{size} and {margin} %");
        }
        for size in [u64::MAX, u64::MAX / 2, 1 << 62] {
            assert!(for_size(size, 1_000).is_multiple_of(STEP) && for_size(size, 1_000) >= size / 2);
        }
    }
}
