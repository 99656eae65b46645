//! Checks the operator's settings against the schema of a manifest.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::Suggestion;
use crate::manifest::Setting;

/// Returns the settings as a guest reads them, one JSON object with sorted keys and defaults filled in; or
/// the first thing that is wrong with them.
pub(crate) fn checked(schema: &BTreeMap<String, Setting>, given: &Value) -> Result<Arc<str>, String> {
    let empty = Map::new();
    let given = match given {
        Value::Object(given) => given,
        Value::Null => &empty,
        _ => return Err("must be a table".to_owned()),
    };
    for (name, value) in given {
        let Some(setting) = schema.get(name) else {
            let nearest = Suggestion::of(name, schema.keys().map(String::as_str));
            return Err(format!("`{name}` is no setting of it{nearest}"));
        };
        setting.allows(value).map_err(|problem| format!("`{name}` {problem}"))?;
    }
    let mut all = BTreeMap::new();
    for (name, setting) in schema {
        match given.get(name).or(setting.default.as_ref()) {
            Some(value) => {
                all.insert(name, value);
            }
            None if setting.required => return Err(format!("`{name}` must be set: {}", setting.description)),
            None => {}
        }
    }
    serde_json::to_string(&all).map(Arc::from).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(given: Value) -> Result<String, String> {
        let schema = json!({
            "prefer": { "type": "string", "enum": ["special-use", "names"], "default": "special-use" },
            "host": { "type": "string", "required": true, "description": "the panel's host name" },
            "tags": { "type": "list" },
        });
        let schema = serde_json::from_value(schema).unwrap();
        checked(&schema, &given).map(|json| json.to_string())
    }

    #[test]
    fn defaults_are_filled_in_and_keys_sorted() {
        assert_eq!(
            check(json!({ "tags": ["a"], "host": "h" })).unwrap(),
            r#"{"host":"h","prefer":"special-use","tags":["a"]}"#
        );
    }

    #[test]
    fn every_mistake_is_named() {
        assert_eq!(check(json!({})), Err("`host` must be set: the panel's host name".into()));
        assert_eq!(
            check(json!({ "host": "h", "prefr": "names" })),
            Err("`prefr` is no setting of it; did you mean `prefer`?".into())
        );
        assert_eq!(check(json!({ "host": 7 })), Err("`host` must be text, not a number".into()));
        assert_eq!(
            check(json!({ "host": "h", "prefer": "luck" })),
            Err(r#"`prefer` must be one of "special-use", "names""#.into())
        );
        assert_eq!(
            check(json!({ "host": "h", "tags": [1] })),
            Err("`tags` must be a list of texts, not a list".into())
        );
        assert_eq!(check(json!([])), Err("must be a table".into()));
    }
}
