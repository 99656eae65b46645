//! The modules of the system tests, as the table in front of `tests/system/tests/system.rs` has them.

const SYSTEM: &str = include_str!("../../system/tests/system.rs");

/// Every module that has tests and what they show, in the table's order.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let rows = SYSTEM.lines().skip_while(|line| *line != "//! | module | shows |").skip(2);
    rows.map_while(|line| line.strip_prefix("//! | [`")?.strip_suffix(" |")?.split_once("`] | "))
}

/// The table for a terminal, one module a line.
pub(crate) fn list() -> String {
    all().map(|(name, shows)| format!("  {name:<13}{shows}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sorted.
    fn names(before: &str, after: &str) -> Vec<&'static str> {
        let name = |line: &'static str| Some(line.strip_prefix(before)?.split_once(after)?.0);
        let mut names: Vec<_> = SYSTEM.lines().filter_map(name).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_module_has_one_row() {
        assert_eq!(names("//! | [`", "`] | "), names("mod ", ";"));
    }

    #[test]
    fn only_those_with_tests_can_be_named() {
        let named: Vec<_> = all().map(|(name, _)| name).collect();
        assert!(named.contains(&"haul") && named.contains(&"laboratory"), "first and last: {named:?}");
        assert!(!named.contains(&"stage"));
    }

    /// libtest looks for `undo::` anywhere in a test's path.
    #[test]
    fn no_name_ends_with_another() {
        for (name, _) in all() {
            let ends: Vec<_> = all().map(|(other, _)| other).filter(|other| other.ends_with(name)).collect();
            assert_eq!(ends, [name]);
        }
    }
}
