//! Somebody else's sentence, to go on behind.

/// Returns the words without the full stop that ends their sentence, so that `; …` can stand behind them. An
/// ellipsis stays.
#[must_use]
pub fn clause(mut words: String) -> String {
    if words.ends_with('.') && !words.ends_with("..") {
        words.pop();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_on_behind_a_full_stop() {
        for (said, clause_of) in [
            ("Authentication failed.", "Authentication failed"),
            ("no", "no"),
            ("and so on...", "and so on..."),
        ] {
            assert_eq!(clause(said.to_owned()), clause_of);
        }
    }
}
