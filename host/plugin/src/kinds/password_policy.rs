//! What a provisioner says of passwords among the extras of its list page.

use std::ops::RangeInclusive;

use mailhaul_engine::plugin::{CharacterClass, PasswordPolicy};

use crate::limits::CODE;
use crate::text;

/// Longest password that a policy may speak of, in characters: what is longer was never meant.
const LENGTH: usize = 4_096;

/// Printable ASCII without the blank: no password is made of anything else.
const PRINTABLE: RangeInclusive<u8> = b'!'..=b'~';

/// Reads `password-length`, `password-alphabet` and `password-classes`; `None` where there is none of them.
///
/// # Errors
/// How they break the contract.
pub(crate) fn password_policy(extras: &[(String, String)]) -> Result<Option<PasswordPolicy>, String> {
    let value = |name: &str| {
        let mut all = extras.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let first = all.next();
        if all.next().is_some() { Err(format!("`{name}` is there twice")) } else { Ok(first) }
    };
    let keys = (value("password-length")?, value("password-alphabet")?, value("password-classes")?);
    let (length, alphabet, classes) = match keys {
        (None, None, None) => return Ok(None),
        keys => keys,
    };
    Ok(Some(PasswordPolicy {
        length: length.map_or(Ok(1..=LENGTH), range)?,
        alphabet: alphabet.map(characters).transpose()?,
        classes: classes.map_or_else(|| Ok(Vec::new()), named)?,
    }))
}

/// `8-32`, `8-` or `-32`.
fn range(value: &str) -> Result<RangeInclusive<usize>, String> {
    let wrong = || {
        let shown = text::shown(value, CODE);
        format!(
            "`password-length` = `{shown}` is no range of 1 to {LENGTH} characters such as `8-32`, `8-` or `-32`"
        )
    };
    let number = |text: &str, absent: usize| match text {
        "" => Some(absent),
        text => text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit())),
    };
    let (least, most) = value.split_once('-').filter(|_| value != "-").ok_or_else(wrong)?;
    match (number(least, 1), number(most, LENGTH)) {
        (Some(least @ 1..), Some(most)) if least <= most && most <= LENGTH => Ok(least..=most),
        _ => Err(wrong()),
    }
}

fn characters(value: &str) -> Result<String, String> {
    let mut seen = [false; 128];
    for byte in value.bytes() {
        if !PRINTABLE.contains(&byte) {
            return Err(
                "`password-alphabet` has a character that is not printable ASCII, or a blank".to_owned()
            );
        }
        if std::mem::replace(&mut seen[usize::from(byte)], true) {
            return Err(format!("`password-alphabet` has `{}` twice", char::from(byte)));
        }
    }
    if value.is_empty() { Err("`password-alphabet` is empty".to_owned()) } else { Ok(value.to_owned()) }
}

/// `upper,lower,digit`.
fn named(value: &str) -> Result<Vec<CharacterClass>, String> {
    let mut classes = Vec::new();
    for word in value.split(',').map(str::trim) {
        let class =
            CharacterClass::ALL.into_iter().find(|class| class.as_str() == word).ok_or_else(|| {
                let known = CharacterClass::ALL.map(CharacterClass::as_str).join(", ");
                format!("`password-classes` has `{}`, which is none of {known}", text::shown(word, CODE))
            })?;
        if !classes.contains(&class) {
            classes.push(class);
        }
    }
    Ok(classes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(extras: &[(&str, &str)]) -> Result<Option<PasswordPolicy>, String> {
        let extras: Vec<_> =
            extras.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        password_policy(&extras)
    }

    #[test]
    fn a_policy_is_read_as_it_is_meant() {
        assert_eq!(of(&[("something-else", "1")]), Ok(None));
        let policy = of(&[("password-length", "8-32"), ("password-classes", "upper, digit,digit")]);
        let policy = policy.unwrap().unwrap();
        assert_eq!((policy.length, policy.alphabet), (8..=32, None));
        assert_eq!(policy.classes, [CharacterClass::Upper, CharacterClass::Digit]);
        for (text, range) in [("8-", 8..=LENGTH), ("-12", 1..=12), ("16-16", 16..=16)] {
            assert_eq!(of(&[("password-length", text)]).unwrap().unwrap().length, range, "{text}");
        }
        let policy = of(&[("password-alphabet", "abc!~")]).unwrap().unwrap();
        assert_eq!(policy.alphabet.as_deref(), Some("abc!~"));
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for text in ["", "-", "8", "0-8", "9-8", "8-10000", "10000-", "a-b", "+8-9", "8-9-10", "-0", "٣-٩"]
        {
            assert!(of(&[("password-length", text)]).is_err(), "{text}");
        }
        for text in ["", "aa", "a b", "aä", "a\u{7}"] {
            assert!(of(&[("password-alphabet", text)]).is_err(), "{text:?}");
        }
        for text in ["", "upper,", "runes", "\u{1b}[2J"] {
            let error = of(&[("password-classes", text)]).unwrap_err();
            assert!(!error.contains('\u{1b}'), "{error}");
        }
        assert!(of(&[("password-length", "8-9"), ("password-length", "1-1")]).is_err());
    }
}
