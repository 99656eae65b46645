//! The manifest: `plugin.toml`, as it stands in a component.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::grants::{Origin, Recipient, authority};
use crate::kind::Kind;
use crate::limits::CODE;
use crate::text;

/// Version of the plugin interface this host speaks; plugins built for any patch of it fit.
pub const API: &str = "0.1";

/// Bytes of a summary, a description or a reason.
const SENTENCE: usize = 300;

/// Most settings one plugin has.
const SETTINGS: usize = 100;

/// Most providers one profile has.
const PROVIDERS: usize = 1_000;

/// What a plugin says about itself; checked when it is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) api: String,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) summary: String,
    pub(crate) license: String,
    /// What `provider` in the project file may name; server profiles only.
    #[serde(default)]
    pub(crate) providers: Vec<String>,
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, Setting>,
    #[serde(default)]
    pub(crate) needs: Needs,
}

/// What a plugin cannot work without; nothing of it is granted yet.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Needs {
    #[serde(default)]
    pub(crate) input: Vec<NeededInput>,
    #[serde(default)]
    pub(crate) http: Vec<NeededHttp>,
    #[serde(default)]
    pub(crate) host: Vec<NeededHost>,
    #[serde(default)]
    pub(crate) secret: Vec<NeededSecret>,
    #[serde(default)]
    pub(crate) grant: Vec<NeededGrant>,
}

/// An origin a source or provisioner wants to send HTTP requests to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeededHttp {
    /// `https://panel.example:2083`, in which `{settings.NAME}` stands for a setting of text.
    pub origin: String,
    /// The plugin's reason, one sentence for the operator.
    pub why: String,
}

/// A mail server at which a source wants mailboxes to sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeededHost {
    /// `imap.example:993`, exactly one host and port, in which `{settings.NAME}` stands for a setting of
    /// text.
    pub host: String,
    /// The plugin's reason, one sentence for the operator.
    pub why: String,
}

/// A secret of the project that a plugin wants to use without seeing it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeededSecret {
    /// Its key under `[plugins.secrets.<id>]` in the project file.
    pub name: String,
    /// The origin it is sent to, one of `[[needs.http]]`; or `source` or `target`, whose log-ins it is a
    /// password of.
    pub to: String,
    /// The plugin's reason, one sentence for the operator.
    pub why: String,
}

/// A change that a provisioner wants to be allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeededGrant {
    /// What it would change; `mailhaul plugin grant` takes the same word.
    pub name: Change,
    /// The plugin's reason, one sentence for the operator.
    pub why: String,
}

/// What a provisioner can change on the target server; each is granted on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Creating mailboxes, with the passwords of the list.
    CreateMailboxes,
    /// Setting how many bytes a mailbox may have.
    SetQuota,
}

impl Change {
    /// Returns its word in manifests, in `plugins.lock` and on the command line, such as `set-quota`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateMailboxes => "create-mailboxes",
            Self::SetQuota => "set-quota",
        }
    }
}

/// A file or table that the operator must name for a mailbox source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeededInput {
    /// Its key under `[mailboxes] inputs` in the project file.
    pub name: String,
    /// The plugin's reason, one sentence for the operator.
    pub why: String,
}

/// The schema of one setting, which is a key under `[plugins.settings.<id>]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The type that values must have.
    #[serde(rename = "type")]
    pub of: SettingType,
    /// Whether the project file must set it; then it has no default.
    #[serde(default)]
    pub required: bool,
    /// The allowed values; empty when every value of the type is.
    #[serde(rename = "enum", default, skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<Value>,
    /// The value the guest reads when the project file sets none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// The author's sentence about it; may be empty.
    #[serde(default)]
    pub description: String,
}

/// The type of a setting's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingType {
    /// Text of any length.
    String,
    /// A whole number of 64 bits.
    Integer,
    /// A whole number or one with a fraction.
    Number,
    /// `true` or `false`, without quotes.
    Boolean,
    /// A list whose items are all text.
    List,
}

impl NeededSecret {
    /// Says where it goes, for a sentence: `sent to https://panel.example`, or as whose password.
    #[must_use]
    pub fn goes(&self) -> String {
        match Recipient::log_in(&self.to) {
            Some(_) => format!("as a password that signs in to the {}", self.to),
            None => format!("sent to {}", self.to),
        }
    }
}

impl Manifest {
    /// Reads a manifest, or says in one sentence why it cannot be used.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let manifest: Self = toml::from_str(text).map_err(|error| text::shown(error.message(), SENTENCE))?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        // It becomes a key of the project file and part of messages and reports.
        if !(1..=CODE).contains(&self.id.len()) || !self.id.chars().all(word) || self.id.starts_with('-') {
            return Err("`id` must be lower-case letters, digits and `-`, at most 64".to_owned());
        }
        let version = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
        if !(1..=32).contains(&self.version.len()) || !self.version.chars().all(version) {
            return Err("`version` must look like `1.2.3`".to_owned());
        }
        if self.kinds.is_empty() {
            return Err("`kinds` is empty".to_owned());
        }
        text::checked("`summary`", &self.summary, SENTENCE)?;
        text::checked("`license`", &self.license, SENTENCE)?;
        self.check_providers()?;
        for needed in &self.needs.input {
            text::checked_name("the name of an input", &needed.name, CODE)?;
            text::checked("the reason for an input", &needed.why, SENTENCE)?;
        }
        self.check_network()?;
        if self.settings.len() > SETTINGS {
            return Err(format!("more than {SETTINGS} settings"));
        }
        for (name, setting) in &self.settings {
            text::checked_name("the name of a setting", name, CODE)?;
            setting.check().map_err(|problem| format!("setting `{name}`: {problem}"))?;
        }
        Ok(())
    }

    fn check_providers(&self) -> Result<(), String> {
        if !self.providers.is_empty() && !self.kinds.contains(&Kind::ServerProfile) {
            return Err("only a server-profile has `providers`".to_owned());
        }
        if self.providers.len() > PROVIDERS {
            return Err(format!("more than {PROVIDERS} providers"));
        }
        match self.providers.iter().find(|provider| !is_provider(provider)) {
            Some(bad) => Err(format!("the provider `{}` {PROVIDER_FORM}", text::shown(bad, CODE))),
            None => Ok(()),
        }
    }

    fn check_network(&self) -> Result<(), String> {
        for http in &self.needs.http {
            text::checked("the reason for an origin", &http.why, SENTENCE)?;
            // What stands for a setting is checked with a value any host could have.
            let origin = filled(&http.origin, |name| {
                let setting = self.settings.get(name);
                setting.filter(|setting| setting.of == SettingType::String).map(|_| "h".to_owned())
            })?;
            origin.parse::<Origin>().map_err(|why| format!("the origin `{}`: {why}", http.origin))?;
        }
        for needed in &self.needs.host {
            text::checked("the reason for a host", &needed.why, SENTENCE)?;
            if !self.kinds.contains(&Kind::MailboxSource) {
                return Err(format!(
                    "it wants mailboxes to sign in at {}, and only a mailbox-source says where",
                    text::shown(&needed.host, CODE)
                ));
            }
            // A setting can be the host, the port, or both.
            let with = |value: &str| {
                let host = filled(&needed.host, |name| {
                    let setting = self.settings.get(name);
                    setting.filter(|setting| setting.of == SettingType::String).map(|_| value.to_owned())
                })?;
                mail_server(&host)
            };
            with("h").or_else(|_| with("1")).or_else(|_| with("h:1"))?;
        }
        for secret in &self.needs.secret {
            text::checked_name("the name of a secret", &secret.name, CODE)?;
            text::checked("the reason for a secret", &secret.why, SENTENCE)?;
            let name = &secret.name;
            if Recipient::log_in(&secret.to).is_some() {
                if !self.kinds.contains(&Kind::MailboxSource) {
                    return Err(format!(
                        "the secret `{name}` is to sign in to the {}, and only a mailbox-source says how to",
                        secret.to
                    ));
                }
            } else if self.needs.http.iter().all(|http| http.origin != secret.to) {
                return Err(format!(
                    "the secret `{name}` goes to an origin no `[[needs.http]]` has; one that signs in to a mail server \
                     has `to = \"source\"` or `to = \"target\"`"
                ));
            }
        }
        for grant in &self.needs.grant {
            text::checked("the reason for a grant", &grant.why, SENTENCE)?;
        }
        Ok(())
    }
}

/// Reads host and port of a mail server; both must be written.
pub(crate) fn mail_server(text: &str) -> Result<(String, u16), String> {
    match authority(text) {
        Ok((host, Some(port))) => Ok((host, port)),
        Ok((_, None)) => {
            Err(format!("`{}` has no port: write it as in `imap.example:993`", text::shown(text, CODE)))
        }
        Err(why) => Err(format!("`{}`: {why}", text::shown(text, CODE))),
    }
}

/// What is wrong with a name that [`is_provider`] refuses.
pub(crate) const PROVIDER_FORM: &str = "must be lower-case letters, digits and `-`, at most 64";

/// Whether a text can name a provider: see [`PROVIDER_FORM`].
pub(crate) fn is_provider(text: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=CODE).contains(&text.len()) && text.chars().all(word)
}

/// Fills every `{settings.NAME}` of an origin or a host with the setting's value.
pub(crate) fn filled(origin: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut whole = String::new();
    let mut rest = origin;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or("a `}` is missing in an origin")?;
        let setting =
            name.strip_prefix("settings.").ok_or("only `{settings.NAME}` can stand in an origin")?;
        let value = value(setting).ok_or_else(|| format!("`{name}` in an origin is no setting of text"))?;
        whole.push_str(before);
        whole.push_str(&value);
        rest = after;
    }
    whole.push_str(rest);
    Ok(whole)
}

impl Setting {
    fn check(&self) -> Result<(), String> {
        if !self.description.is_empty() {
            text::checked("`description`", &self.description, SENTENCE)?;
        }
        if let Some(value) = self.one_of.iter().find(|value| !self.of.fits(value)) {
            return Err(format!("{value} in `enum` is no {}", self.of.words()));
        }
        match &self.default {
            Some(_) if self.required => Err("what is required needs no `default`".to_owned()),
            Some(value) => self.allows(value).map_err(|problem| format!("`default` {problem}")),
            None => Ok(()),
        }
    }

    /// Checks a value against type and allowed values; the error is the end of a sentence.
    pub(crate) fn allows(&self, value: &Value) -> Result<(), String> {
        if !self.of.fits(value) {
            return Err(format!("must be {}, not {}", self.of.words(), words(value)));
        }
        if !self.one_of.is_empty() && !self.one_of.contains(value) {
            let allowed: Vec<_> = self.one_of.iter().map(ToString::to_string).collect();
            return Err(format!("must be one of {}", allowed.join(", ")));
        }
        Ok(())
    }
}

impl SettingType {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::List => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::String => "text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::List => "a list of texts",
        }
    }
}

fn words(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        id = "acme"
        version = "1.0.0"
        api = "0.1"
        kinds = ["folder-mapper"]
        summary = "Names of Acme's folders"
        license = "MIT"
        [settings.depth]
        type = "integer"
        default = 3
    "#;

    fn refused(change: impl Fn(&str) -> String) -> String {
        Manifest::read(change(GOOD).as_bytes()).unwrap_err()
    }

    #[test]
    fn a_manifest_is_read_whole() {
        let manifest = Manifest::read(GOOD.as_bytes()).unwrap();
        assert_eq!((manifest.id.as_str(), manifest.kinds), ("acme", vec![Kind::FolderMapper]));
        assert_eq!(manifest.settings["depth"].default, Some(Value::from(3)));
    }

    #[test]
    fn one_that_could_mislead_is_refused() {
        assert!(refused(|good| good.replace("\"acme\"", "\"../acme\"")).contains("`id`"));
        assert!(refused(|good| good.replace("Acme's", "\\u001b[2J")).contains("control character"));
        assert!(
            refused(|good| good.replace("= 3", "= \"three\"")).contains("must be a whole number, not text")
        );
        assert!(refused(|good| good.replace("\"folder-mapper\"", "\"butler\"")).contains("butler"));
        let named = |good: &str| format!("providers = [\"gmail\"]\n{good}");
        assert!(refused(named).contains("only a server-profile"));
        let named = |good: &str| named(good).replace("folder-mapper", "server-profile");
        assert!(Manifest::read(named(GOOD).as_bytes()).is_ok());
        assert!(refused(|good| named(good).replace("gmail", "G\\nmail")).contains("lower-case letters"));
        assert!(refused(|good| format!("nonsense = 1\n{good}")).contains("nonsense"));
        assert!(refused(|_| "id =".to_owned()).len() > 3);
        assert!(Manifest::read(b"\xff").is_err());
    }

    #[test]
    fn a_host_is_one_host_and_one_port() {
        let read = |kind: &str, host: &str| {
            let needs = format!("[[needs.host]]\nhost = \"{host}\"\nwhy = \"the old cluster\"\n");
            let settings = "[settings.where]\ntype = \"string\"\n";
            let good = GOOD
                .replace("folder-mapper", kind)
                .replace("[settings.depth]", &format!("{settings}[settings.depth]"));
            Manifest::read(format!("{good}{needs}").as_bytes())
        };
        for host in [
            "imap.example:993",
            "[2001:db8::1]:143",
            "{settings.where}",
            "imap.{settings.where}:993",
            "imap.example:{settings.where}",
        ] {
            assert!(read("mailbox-source", host).is_ok(), "{host}");
        }
        for host in [
            "imap.example",
            "*.example:993",
            "imap.example:0",
            "imap.example:993/x",
            "{settings.depth}:993",
            "",
        ] {
            assert!(read("mailbox-source", host).is_err(), "{host}");
        }
        assert!(
            read("folder-mapper", "imap.example:993")
                .unwrap_err()
                .contains("only a mailbox-source says where")
        );
    }

    #[test]
    fn a_secret_goes_to_an_origin_or_signs_in() {
        let read = |kind: &str, to: &str| {
            let needs = format!(
                "[[needs.http]]\norigin = \"https://panel.example\"\nwhy = \"list\"\n[[needs.secret]]\nname = \"token\"\n\
                 to = \"{to}\"\nwhy = \"w\"\n"
            );
            Manifest::read(format!("{}{needs}", GOOD.replace("folder-mapper", kind)).as_bytes())
        };
        for to in ["https://panel.example", "source", "target"] {
            assert!(read("mailbox-source", to).is_ok(), "{to}");
        }
        let secret = |to: &str| read("mailbox-source", to).unwrap().needs.secret.remove(0).goes();
        assert_eq!(secret("https://panel.example"), "sent to https://panel.example");
        assert_eq!(secret("source"), "as a password that signs in to the source");
        for to in ["https://evil.example", "Source", "sources", ""] {
            assert!(read("mailbox-source", to).unwrap_err().contains("`to = \"source\"`"), "{to}");
        }
        let why = read("mailbox-provisioner", "target").unwrap_err();
        assert_eq!(
            why,
            "the secret `token` is to sign in to the target, and only a mailbox-source says how to"
        );
    }
}
