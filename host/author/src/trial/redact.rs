//! Made-up names in the place of a project's own, in a fixture that is to be handed on.
//!
//! What is known to be private (hosts, log-ins and their domains, passwords, names of people) is replaced
//! wherever it stands, and every mail address as well. The same name always becomes the same other one, so
//! that a plugin decides about the fixture as it did about the original. Folder names stay, as far as they
//! are none of these.

use std::collections::HashMap;

use serde_json::Value;

/// Shorter secrets are taken for what they are only where they stand as a word: `1` is in every number.
const SHORT: usize = 4;

/// Lists of words of the protocol: a log-in `sent` does not rename the role.
const WORDS: [&str; 9] =
    ["attributes", "capabilities", "code", "depth", "flags", "outcome", "phase", "roles", "severity"];

/// Replaces the names it was told of, and every mail address.
#[derive(Debug, Default)]
pub struct Redactor {
    /// Lower case to what stands instead.
    names: HashMap<String, String>,
    /// The keys of `names`, the longest first.
    order: Vec<String>,
    secrets: Vec<(String, String)>,
    users: usize,
    domains: usize,
    hosts: usize,
    people: usize,
}

impl Redactor {
    /// Tells it a host of the project, and what stands in its place.
    pub fn host(&mut self, host: &str, becomes: &str) {
        self.put(host, || becomes.to_owned());
    }

    /// Tells it any other host, which becomes `host1.example`.
    pub fn other_host(&mut self, host: &str) {
        let number = self.hosts + 1;
        if self.put(host, || format!("host{number}.example")) {
            self.hosts = number;
        }
    }

    /// Tells it a domain of mail addresses, which becomes `domain1.example`.
    pub fn domain(&mut self, domain: &str) {
        let number = self.domains + 1;
        if self.put(domain, || format!("domain{number}.example")) {
            self.domains = number;
        }
    }

    /// Tells it a log-in name, which becomes `user1`, or `user1@domain1.example` where it is an address.
    pub fn login(&mut self, login: &str) {
        match login.rsplit_once('@') {
            Some((local, domain)) if !local.is_empty() && !domain.is_empty() => {
                self.address(local, domain);
            }
            _ => {
                self.user(login);
            }
        }
    }

    /// Tells it the name of a person, or whatever else the operator wrote beside a mailbox.
    pub fn person(&mut self, name: &str) {
        let number = self.people + 1;
        if self.put(name, || format!("Person {number}")) {
            self.people = number;
        }
    }

    /// Tells it a password or token, and returns what stands in its place.
    pub fn secret(&mut self, secret: &[u8]) -> String {
        let text = String::from_utf8_lossy(secret);
        if text.is_empty() {
            return String::new();
        }
        if let Some((_, instead)) = self.secrets.iter().find(|(known, _)| *known == text) {
            return instead.clone();
        }
        let instead = format!("made-up-{}", self.secrets.len() + 1);
        self.secrets.push((text.into_owned(), instead.clone()));
        self.secrets.sort_by_key(|(known, _)| std::cmp::Reverse(known.len()));
        instead
    }

    /// Whether it was not known before.
    fn put(&mut self, name: &str, instead: impl FnOnce() -> String) -> bool {
        let name = name.trim().to_lowercase();
        if name.is_empty() || self.names.contains_key(&name) {
            return false;
        }
        self.names.insert(name.clone(), instead());
        let at = self.order.partition_point(|known| known.len() >= name.len());
        self.order.insert(at, name);
        true
    }

    fn user(&mut self, name: &str) -> String {
        let number = self.users + 1;
        if self.put(name, || format!("user{number}")) {
            self.users = number;
        }
        self.names.get(&name.trim().to_lowercase()).cloned().unwrap_or_default()
    }

    fn address(&mut self, local: &str, domain: &str) -> String {
        let known = format!("{local}@{domain}").to_lowercase();
        if let Some(known) = self.names.get(&known) {
            return known.clone();
        }
        self.domain(domain);
        let domain = self.names.get(&domain.to_lowercase()).cloned().unwrap_or_default();
        // The same person on both hosts stays the same.
        let local = local.to_lowercase();
        let same = self
            .order
            .iter()
            .find(|known| known.strip_prefix(local.as_str()).is_some_and(|rest| rest.starts_with('@')));
        let same = same.and_then(|known| self.names.get(known)).and_then(|instead| instead.split_once('@'));
        let user = match (self.names.get(&local), same) {
            (Some(user), _) => user.clone(),
            (None, Some((user, _))) => user.to_owned(),
            (None, None) => {
                self.users += 1;
                format!("user{}", self.users)
            }
        };
        let instead = format!("{user}@{domain}");
        self.put(&known, || instead.clone());
        instead
    }

    /// The text with all it was told of replaced, and every mail address.
    pub fn text(&mut self, text: &str) -> String {
        for (local, domain) in addresses(text) {
            self.address(local, domain);
        }
        let text = self.without_secrets(text);
        let lower = text.to_lowercase();
        // Where lower case has other lengths (a few letters have), positions would not fit.
        let lower = if lower.len() == text.len() { lower } else { text.to_ascii_lowercase() };
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(next) = text[at..].chars().next() {
            // A name begins at the beginning of a word; the rest of a word is not looked into.
            let found = (!ends_word(&text[..at])).then(|| self.name_at(&lower[at..])).flatten();
            match found {
                Some((length, instead)) => {
                    out.push_str(&instead);
                    at += length;
                }
                None => {
                    out.push(next);
                    at += next.len_utf8();
                }
            }
        }
        out
    }

    /// The longest known name that `rest` begins with, as a word.
    fn name_at(&self, rest: &str) -> Option<(usize, String)> {
        self.order.iter().find_map(|name| {
            let encoded = name.replace('@', "%40");
            [name, &encoded].into_iter().find_map(|form| {
                let after = rest.strip_prefix(form.as_str())?;
                let instead = self.names.get(name)?;
                let instead = if form == name { instead.clone() } else { instead.replace('@', "%40") };
                (!after.starts_with(is_word)).then_some((form.len(), instead))
            })
        })
    }

    fn without_secrets(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (secret, instead) in &self.secrets {
            if secret.chars().count() >= SHORT {
                text = text.replace(secret, instead);
            } else {
                let mut out = String::new();
                let mut rest = text.as_str();
                while let Some(at) = rest.find(secret.as_str()) {
                    let (before, from) = rest.split_at(at);
                    let after = &from[secret.len()..];
                    out.push_str(before);
                    let word = ends_word(before) || after.starts_with(is_word);
                    out.push_str(if word { secret } else { instead });
                    rest = after;
                }
                out.push_str(rest);
                text = out;
            }
        }
        text
    }

    /// What a server says about itself: names and addresses of machines go as well, known or not.
    pub fn server_text(&mut self, text: &str) -> String {
        for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))) {
            let word = word.trim_matches('.');
            let labels: Vec<_> = word.split('.').collect();
            let last = labels.last().copied().unwrap_or_default();
            let name = labels.len() > 1 && last.len() > 1 && last.bytes().all(|b| b.is_ascii_alphabetic());
            if name || word.parse::<std::net::Ipv4Addr>().is_ok() {
                self.other_host(word);
            }
        }
        self.text(text)
    }

    /// Every text in it, as [`text`](Self::text) does it. Names of fields stay.
    pub fn value(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(list) => list.into_iter().map(|value| self.value(value)).collect(),
            Value::Object(fields) => {
                let field = |(name, value): (String, Value)| {
                    let value = if WORDS.contains(&name.as_str()) { value } else { self.value(value) };
                    (name, value)
                };
                Value::Object(fields.into_iter().map(field).collect())
            }
            other => other,
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric()
}

fn ends_word(before: &str) -> bool {
    before.chars().next_back().is_some_and(is_word)
}

/// The mail addresses in a text, in two parts. In a URL the `@` may be `%40`.
fn addresses(text: &str) -> Vec<(&str, &str)> {
    let of_local = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    let of_domain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    let mut found = Vec::new();
    for at in ["@", "%40"] {
        for (position, _) in text.match_indices(at) {
            let before = &text[..position];
            let begin = before
                .rfind(|c| !of_local(c))
                .map_or(0, |end| end + before[end..].chars().next().map_or(0, char::len_utf8));
            let after = &text[position + at.len()..];
            let end = after.find(|c| !of_domain(c)).unwrap_or(after.len());
            let domain = after[..end].trim_end_matches(['.', '-']);
            if !before[begin..].is_empty() && domain.contains('.') {
                found.push((&before[begin..], domain));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redactor() -> Redactor {
        let mut redactor = Redactor::default();
        redactor.host("mail.old.com", "source.example");
        redactor.login("anna@old.com");
        redactor.login("anna@new.com");
        redactor.login("u07");
        redactor.person("Anna Müller");
        redactor.secret(b"geheim,1");
        redactor.secret(b"x1");
        redactor
    }

    #[test]
    fn the_same_name_becomes_the_same_other_one() {
        let mut redactor = redactor();
        let told = redactor.text("ANNA@old.com on mail.old.com, then anna@new.com; imap.old.com, u07, u070");
        assert_eq!(
            told,
            "user1@domain1.example on source.example, then user1@domain2.example; imap.domain1.example, user2, u070"
        );
        assert_eq!(
            redactor.text("?user=anna%40old.com&x=ben%40old.com."),
            "?user=user1%40domain1.example&x=user3%40domain1.example."
        );
    }

    #[test]
    fn secrets_and_people_go() {
        let mut redactor = redactor();
        assert_eq!(redactor.text("Anna Müller/geheim,1 (x1) fx12"), "Person 1/made-up-1 (made-up-2) fx12");
        assert_eq!(redactor.secret(b"geheim,1"), "made-up-1");
        assert_eq!(redactor.secret(b""), "");
    }

    #[test]
    fn a_greeting_keeps_what_it_says_about_the_software() {
        let mut redactor = redactor();
        assert_eq!(
            redactor.server_text("imap3.dc.old.com Cyrus IMAP 3.6.1-4+deb12u3 server ready for 192.0.2.7"),
            "host1.example Cyrus IMAP 3.6.1-4+deb12u3 server ready for host2.example"
        );
    }

    #[test]
    fn fields_and_words_of_the_protocol_stay() {
        let mut redactor = Redactor::default();
        redactor.login("sent");
        let value = json!({ "roles": ["sent"], "path": "Sent/Müller", "sent": 7, "list": ["anna@x.org"] });
        assert_eq!(
            redactor.value(value),
            json!({ "roles": ["sent"], "path": "user1/Müller", "sent": 7, "list": ["user2@domain1.example"] })
        );
    }
}
