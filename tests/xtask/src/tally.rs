//! Adding up what libtest says.

/// The results of one or several test binaries, added up.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Of the skipped ones the lines that name them, with the reason.
    pub(crate) skipped: Vec<String>,
    /// The paths of failed tests.
    pub(crate) failures: Vec<String>,
    /// Tests started by a binary whose `test result:` line has not come yet.
    open: u64,
    /// Tests that skipped themselves since.
    unproven: u64,
}

impl Tally {
    /// Counts what one line of libtest's output tells.
    pub(crate) fn line(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            // A test that skips itself has passed in libtest's eyes.
            self.passed += number(result, "passed").saturating_sub(std::mem::take(&mut self.unproven));
            self.failed += number(result, "failed");
            self.open = 0;
        } else if let Some(skipped) = line.strip_prefix("skipped test ") {
            self.skipped.push(skipped.to_owned());
            self.unproven += 1;
        } else if let Some(rest) = line.strip_prefix("running ") {
            self.open = rest.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or_default();
        } else if let Some((name, outcome)) = line.strip_prefix("test ").and_then(|l| l.rsplit_once(" ... "))
        {
            if outcome.starts_with("FAILED") {
                self.failures.push(name.to_owned());
            } else if let Some(reason) = outcome.strip_prefix("ignored") {
                let reason = reason.trim_start_matches(", ");
                let reason = if reason.is_empty() { "no reason given" } else { reason };
                self.skipped.push(format!("{name}: {reason}"));
            }
        }
    }

    /// Whether a test binary began and never told its result: it crashed.
    pub(crate) fn broken_off(&self) -> bool {
        self.open > 0
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped.extend(other.skipped.iter().cloned());
        self.failures.extend(other.failures.iter().cloned());
    }

    /// The last line of `cargo xtask test`.
    pub(crate) fn summary(&self) -> String {
        let skipped = self.skipped.len();
        let tail = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
        format!("{} passed, {} failed{tail}", self.passed, self.failed)
    }
}

/// The number before a word: `12 passed`.
fn number(text: &str, word: &str) -> u64 {
    text.split([';', '.'])
        .filter_map(|part| part.trim().strip_suffix(word))
        .find_map(|part| part.trim().parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_several_binaries() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test a::b ... ok",
            "test c - should panic ... FAILED",
            "test d ... ignored, needs root",
            "skipped test e: no Courier here",
            "test e ... ok",
            "test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "running 40 tests",
            "test result: ok. 40 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 9.31s",
        ] {
            tally.line(line);
        }
        assert_eq!(tally.summary(), "41 passed, 1 failed, 2 skipped");
        assert_eq!(tally.failures, ["c - should panic"]);
        assert_eq!(tally.skipped, ["d: needs root", "e: no Courier here"]);
        assert!(!tally.broken_off());
        tally.line("running 2 tests");
        assert!(tally.broken_off());
    }

    #[test]
    fn nothing_skipped_is_not_mentioned() {
        assert_eq!(Tally::default().summary(), "0 passed, 0 failed");
    }
}
