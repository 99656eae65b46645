//! What differs between two JSON values, in words.

use serde_json::Value;

/// Differences that are told one by one; the rest is counted.
const MOST: usize = 10;

/// One sentence for each place where `found` is not as `expected`.
pub(super) fn between(expected: &Value, found: &Value) -> Vec<String> {
    let mut all = Vec::new();
    compare("", expected, found, &mut all);
    if all.len() > MOST {
        let more = all.len() - MOST;
        all.truncate(MOST);
        all.push(format!("and {more} more"));
    }
    all
}

fn compare(at: &str, expected: &Value, found: &Value, all: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (name, value) in expected {
                let at = format!("{at}/{name}");
                match found.get(name) {
                    Some(found) => compare(&at, value, found, all),
                    None => all.push(format!("{at}: expected {value}, and there is nothing")),
                }
            }
            for (name, value) in found.iter().filter(|(name, _)| !expected.contains_key(*name)) {
                all.push(format!("{at}/{name}: {value} was not expected"));
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            for (index, value) in expected.iter().enumerate() {
                match found.get(index) {
                    Some(found) => compare(&format!("{at}/{index}"), value, found, all),
                    None => all.push(format!("{at}/{index}: expected {value}, and there is nothing")),
                }
            }
            for (index, value) in found.iter().enumerate().skip(expected.len()) {
                all.push(format!("{at}/{index}: {value} was not expected"));
            }
        }
        (expected, found) if expected == found => {}
        (expected, found) => {
            let at = if at.is_empty() { "/" } else { at };
            all.push(format!("{at}: expected {expected}, found {found}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_place_is_named() {
        let expected = json!({ "a": [1, { "b": "x" }], "c": true });
        let found = json!({ "a": [1, { "b": "y" }, 3], "d": null });
        assert_eq!(
            between(&expected, &found),
            [
                "/a/1/b: expected \"x\", found \"y\"",
                "/a/2: 3 was not expected",
                "/c: expected true, and there is nothing",
                "/d: null was not expected"
            ]
        );
        assert!(between(&expected, &expected).is_empty());
        let long = between(&json!([]), &json!([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]));
        assert_eq!((long.len(), long[10].as_str()), (11, "and 2 more"));
    }
}
