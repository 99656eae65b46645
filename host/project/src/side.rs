//! Reads `[source]` and `[target]`, and checks the hosts that passwords may go to.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv6Addr};

use idna::AsciiDenyList;
use toml::de::DeValue;

use crate::error::{io_cause, quoted};
use crate::load::plugin;
use crate::model::{AllowedHost, Auth, CaFile, PinSpec, PluginName, Provider, Side, SideName, Tls};
use crate::schema;
use crate::secret::{Secret, SecretOrigin, SecretRef};
use crate::section::{Entry, LineValue, Section};

/// Longest `ca_file` in bytes: a whole operating system's bundle is a quarter of it.
const CA_FILE: u64 = 1 << 20;

/// The side whose table is left out: everything at its default.
pub(crate) fn absent(side: SideName) -> Side {
    Side {
        side,
        line: None,
        host: None,
        host_line: None,
        port: None,
        tls: Tls::default(),
        allow_cleartext: false,
        ca_file: None,
        fingerprint: None,
        provider: Provider::default(),
        auth: Auth::default(),
        admin_user: None,
        admin_password: None,
        user_pattern: None,
        token: None,
        admin_hosts: Vec::new(),
        compress: false,
    }
}

/// Reads a side; mistakes are reported to the section's text.
pub(crate) fn read(side: SideName, section: &Section<'_, '_>) -> Side {
    let host =
        section.get("host").and_then(|entry| Some(LineValue { line: entry.line, value: host(&entry)? }));
    let tls = [Tls::Implicit, Tls::Starttls, Tls::None].map(|tls| (tls.as_str(), tls));
    let auth = Auth::ALL.map(|auth| (auth.as_str(), auth));
    let out = Side {
        side,
        line: Some(section.line),
        host_line: host.as_ref().map(|h| h.line),
        host: host.map(|h| h.value),
        port: section.number("port", 1..=65_535).and_then(|port| u16::try_from(port.value).ok()),
        tls: section.choice("tls", &tls).unwrap_or_default(),
        allow_cleartext: section.boolean("allow_cleartext").is_some_and(|allow| allow.value),
        ca_file: section.get("ca_file").and_then(|entry| ca_file(&entry)),
        fingerprint: section
            .get("fingerprint")
            .and_then(|entry| Some(PinSpec { text: entry.line_of_text()?, line: entry.line })),
        provider: section.get("provider").map(|entry| provider(&entry)).unwrap_or_default(),
        auth: section.choice("auth", &auth).unwrap_or_default(),
        admin_user: section.get("admin_user").and_then(|entry| entry.line_of_text()),
        admin_password: section.get("admin_password").and_then(|entry| secret(&entry)),
        user_pattern: section.get("user_pattern").and_then(|entry| user_pattern(&entry)),
        token: section.get("token").and_then(|entry| secret(&entry)),
        admin_hosts: section.get("admin_hosts").map(|entry| allowed_hosts(&entry)).unwrap_or_default(),
        compress: section.boolean("compress").is_some_and(|compress| compress.value),
    };
    agree(&out, section);
    out
}

/// Refuses keys that contradict each other: one that would be ignored is a mistake about to be made.
fn agree(side: &Side, section: &Section<'_, '_>) {
    let set = |key| section.get(key);
    let auth = side.auth.as_str();
    let refuse = |entry: &Entry<'_, '_>, cause: String, remedy: &str| {
        entry.report(cause, remedy);
    };
    if let Some(entry) = set("tls").filter(|_| side.tls == Tls::None && !side.allow_cleartext) {
        refuse(
            &entry,
            "= \"none\" sends passwords and mail unprotected".into(),
            "write tls = \"implicit\" or \"starttls\"; only if you accept that, add allow_cleartext = true",
        );
    }
    if let Some(entry) = set("fingerprint").filter(|_| side.tls == Tls::None) {
        refuse(&entry, "is not used with tls = \"none\"".into(), "write tls = \"implicit\" or \"starttls\"");
    }
    if let Some(entry) = set("token").filter(|_| !side.auth.takes_token()) {
        refuse(
            &entry,
            format!("is not used with auth = \"{auth}\""),
            "write auth = \"xoauth2\" or auth = \"oauthbearer\", or remove it",
        );
    }
    if let Some(entry) =
        set("admin_hosts").filter(|_| ["admin_password", "token"].iter().all(|key| set(key).is_none()))
    {
        refuse(
            &entry,
            "has no `admin_password` or `token` beside it".into(),
            "hosts for the passwords of the list's rows stand under `[mailboxes] hosts`; remove it",
        );
    }
    for key in ["admin_user", "admin_password"] {
        if let Some(entry) = set(key).filter(|_| side.auth.takes_token()) {
            refuse(
                &entry,
                format!("is not used with auth = \"{auth}\""),
                "a token names its own user; remove it",
            );
        }
    }
    if side.auth.takes_token() {
        return;
    }
    if side.auth == Auth::PlainAuthzid && (set("admin_user").is_none() || set("admin_password").is_none()) {
        if let Some(entry) = set("auth") {
            refuse(
                &entry,
                "= \"plain-authzid\" signs in as an administrator".into(),
                "add admin_user and admin_password",
            );
        }
    } else if side.auth != Auth::PlainAuthzid {
        let pattern = set("user_pattern").is_some();
        if let Some(entry) = set("admin_user") {
            if !pattern {
                refuse(
                    &entry,
                    format!("is not used with auth = \"{auth}\" alone"),
                    "add user_pattern, as in \"{user}*master\", or write auth = \"plain-authzid\"",
                );
            } else if set("admin_password").is_none() {
                refuse(&entry, "has no password".into(), "add admin_password");
            }
        } else if let Some(entry) = set("admin_password").filter(|_| !pattern) {
            refuse(
                &entry,
                "has no administrator".into(),
                "add admin_user with auth = \"plain-authzid\", or user_pattern, as in \"{user}*master\"",
            );
        }
    }
}

/// Reads `host`: a DNS name or an IP address, IPv6 with or without brackets.
fn host(entry: &Entry<'_, '_>) -> Option<String> {
    let text = entry.line_of_text()?;
    match check_host(&text) {
        Ok(host) => Some(host),
        // An address of the web kind may have a password in it.
        Err((cause, remedy)) if text.contains(['@', '/']) => entry.refuse(cause, remedy),
        Err((cause, remedy)) => entry.refuse(format!("= {} {cause}", quoted(&text)), remedy),
    }
}

/// Returns a host in the form in which it is dialled and compared with a certificate (UTS #46), or cause and
/// remedy of a sentence.
pub(crate) fn check_host(text: &str) -> Result<String, (&'static str, String)> {
    if text.contains("://") {
        return Err(("is an address of the web kind", "write the host name only".into()));
    }
    if text.chars().any(char::is_whitespace) {
        return Err(("has a space in it", "write the host name only".into()));
    }
    if text.contains('@') {
        return Err(("is a mail address", "write the name of its mail server".into()));
    }
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    if bare.contains('%') && bare.split('%').next().is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok()) {
        return Err(("has an IPv6 zone, which is not supported", "write a name or a global address".into()));
    }
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(ip.to_string());
    }
    if let Some((host, port)) = text.rsplit_once(':') {
        let (host, port) = (quoted(host), port.parse::<u16>().map_or_else(|_| "…".into(), |p| p.to_string()));
        return Err(("is more than a host", format!("write host = {host} and port = {port}")));
    }
    // What DNS and certificates know a name by (UTS #46); for ASCII it is the name itself.
    let ascii = match text.is_ascii() {
        true => Cow::Borrowed(text),
        false => idna::domain_to_ascii_cow(text.as_bytes(), AsciiDenyList::EMPTY).map_err(|_| {
            let remedy = "write it in its xn-- form, as the domain's registrar shows it";
            ("has letters that no host name can have", remedy.to_owned())
        })?,
    };
    // One dot at the end marks the DNS root and is not part of the name in a certificate.
    let name = ascii.strip_suffix('.').unwrap_or(&ascii);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return Err(("is no host name", "write a name as in mail.example.org, or an IP address".into()));
    }
    if name.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(("is no IP address", "write four numbers from 0 to 255, or a host name".into()));
    }
    Ok(name.to_owned())
}

/// Reads a list of hosts that passwords may go to, each with a port or without.
pub(crate) fn allowed_hosts(entry: &Entry<'_, '_>) -> Vec<AllowedHost> {
    const FORM: &str = "a list of hosts, as in [\"mail.example.org\", \"mail.example.net:1143\"]";
    let Some(list) = entry.list(FORM) else { return Vec::new() };
    if list.is_empty() {
        entry.report("is empty", format!("write {FORM}, or leave the key out"));
    }
    let mut hosts: Vec<AllowedHost> = Vec::with_capacity(list.len());
    for entry in list {
        let Some(host) = allowed_host(&entry) else { continue };
        let same =
            |known: &AllowedHost| known.port == host.port && known.host.eq_ignore_ascii_case(&host.host);
        if hosts.iter().any(same) {
            entry.report("names a host twice", "remove one of them");
        }
        hosts.push(host);
    }
    hosts
}

/// Reads one of them: `host`, `host:port`, `[2001:db8::1]` or `[2001:db8::1]:port`.
fn allowed_host(entry: &Entry<'_, '_>) -> Option<AllowedHost> {
    let text = entry.line_of_text()?;
    if text.parse::<Ipv6Addr>().is_ok() {
        // Its last group could be a port.
        let remedy = format!("write it as \"[{text}]\" or, with a port, \"[{text}]:1143\"");
        return entry.refuse(format!("= {} has no brackets", quoted(&text)), remedy);
    }
    let (name, port) = match text.rsplit_once(':') {
        // An address of the web kind, or IPv6 in brackets alone: nothing to take apart.
        Some((_, port)) if text.contains(['@', '/']) || port.contains(']') => (text.as_str(), None),
        Some((name, port)) => match port.parse::<u16>() {
            Ok(number @ 1..) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(number)),
            _ => {
                let remedy = "write a number from 1 to 65535 there, or the host alone for 143 and 993";
                // What stands there may be a password.
                let shown = quoted(&format!("{name}:…"));
                return entry.refuse(format!("= {shown} has no port after its colon"), remedy);
            }
        },
        None => (text.as_str(), None),
    };
    match check_host(name) {
        Ok(host) => Some(AllowedHost { host, port }),
        // It may have a password in it.
        Err((cause, remedy)) if text.contains(['@', '/']) => entry.refuse(cause, remedy),
        Err((cause, remedy)) => entry.refuse(format!("= {} {cause}", quoted(&text)), remedy),
    }
}

fn provider(entry: &Entry<'_, '_>) -> Provider {
    let Some(named) = plugin(entry) else { return Provider::default() };
    match &named.name {
        PluginName::Id(word) if word == "auto" => Provider::Auto,
        PluginName::Id(word) if word == "none" => Provider::None,
        _ => Provider::Named(named),
    }
}

fn user_pattern(entry: &Entry<'_, '_>) -> Option<String> {
    let text = entry.line_of_text()?;
    if !text.contains("{user}") {
        return entry
            .refuse("does not contain {user}", "write where the user's name goes, as in \"{user}*master\"");
    }
    if text.replace("{user}", "").contains(['{', '}']) {
        return entry.refuse("has braces other than {user}", "only {user} stands for something");
    }
    Some(text)
}

fn ca_file(entry: &Entry<'_, '_>) -> Option<CaFile> {
    let (path, shown) = entry.path()?;
    let mut pem = Vec::new();
    if let Err(error) = File::open(&path).and_then(|file| file.take(CA_FILE + 1).read_to_end(&mut pem)) {
        return entry.refuse(
            format!("= {} cannot be read: {}", quoted(&shown), io_cause(&error)),
            "check the path, which is relative to this file",
        );
    }
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    if pem.len() as u64 > CA_FILE || !pem.windows(BEGIN.len()).any(|window| window == BEGIN) {
        return entry.refuse(
            format!("= {} holds no certificate in PEM form", quoted(&shown)),
            "name a file with `-----BEGIN CERTIFICATE-----` in it",
        );
    }
    Some(CaFile { path, line: entry.line, pem })
}

/// Reads a password or token: a literal, or an inline table with one of [`schema::SECRET`].
pub(crate) fn secret(entry: &Entry<'_, '_>) -> Option<SecretRef> {
    const FORMS: &str = "write a string, { env = \"NAME\" }, { file = \"path\" } or { command = [\"…\"] }";
    let origin = match entry.value.get_ref() {
        DeValue::String(text) if text.is_empty() => return entry.refuse("is empty", FORMS),
        DeValue::String(text) => SecretOrigin::Literal(Secret::from(text.as_bytes().to_vec())),
        DeValue::Table(table) => {
            let mut keys = table.iter();
            let (Some((key, value)), None) = (keys.next(), keys.next()) else {
                return entry.refuse("has to name exactly one place", FORMS);
            };
            let word: &str = key.get_ref();
            let value = entry.of(format!("{}.{word}", entry.key), key.span().start, value);
            match word {
                "env" => env(&value)?,
                "file" => {
                    let (path, shown) = value.path()?;
                    if crate::permissions::readable_by_others(&path) {
                        entry.text.warning(
                            value.line,
                            format!(
                                "other users can read the password file {}; `chmod 600 {shown}` keeps them out",
                                quoted(&shown)
                            ),
                        );
                    }
                    SecretOrigin::File { path, shown }
                }
                "command" => command(&value)?,
                _ => {
                    let near =
                        schema::nearest(word, schema::SECRET.iter().copied()).map_or("env", |(key, _)| key);
                    entry.text.problem(
                        value.line,
                        format!("unknown key {} in `{}`", quoted(word), entry.key),
                        format!("the nearest known key is `{near}`"),
                    );
                    return None;
                }
            }
        }
        _ => return entry.wrong_type(FORMS.strip_prefix("write ").unwrap_or(FORMS)),
    };
    Some(SecretRef { origin, file: entry.text.file.to_owned(), line: entry.line, key: entry.key.clone() })
}

fn env(value: &Entry<'_, '_>) -> Option<SecretOrigin> {
    let name = value.line_of_text()?;
    if name.contains(['=', '$', ' ']) {
        // It may be the password itself, put in the wrong place: not quoted.
        return value.refuse("is no name of an environment variable", "write the name only, without `$`");
    }
    Some(SecretOrigin::Env(name))
}

fn command(value: &Entry<'_, '_>) -> Option<SecretOrigin> {
    const FORM: &str =
        "a list: the program, then each argument on its own, as in [\"pass\", \"show\", \"imap\"]";
    let words: Vec<Option<String>> = value.list(FORM)?.iter().map(Entry::string).collect();
    let argv: Vec<String> = words.into_iter().collect::<Option<_>>()?;
    if argv.first().is_none_or(|program| program.trim().is_empty()) {
        return value.refuse("names no program", format!("write {FORM}"));
    }
    if argv.iter().any(|word| word.contains('\0')) {
        return value.refuse("has a NUL character in it", "write it without");
    }
    Some(SecretOrigin::Command { argv, dir: value.text.dir.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::check_host;

    #[test]
    fn hosts_that_can_be_dialled() {
        for (written, host) in [
            ("mail.example.org", "mail.example.org"),
            ("mail.example.org.", "mail.example.org"),
            ("localhost", "localhost"),
            ("127.0.0.1", "127.0.0.1"),
            ("[2001:DB8::1]", "2001:db8::1"),
            ("::1", "::1"),
            ("xn--mller-kva.de", "xn--mller-kva.de"),
            ("imap.M\u{fc}ller.de", "imap.xn--mller-kva.de"),
            ("\u{4f8b}\u{3002}jp", "xn--fsq.jp"),
        ] {
            assert_eq!(check_host(written).as_deref(), Ok(host), "{written}");
        }
    }

    #[test]
    fn hosts_that_cannot() {
        for (written, cause) in [
            ("imaps://mail.example.org", "web kind"),
            ("mail.example.org:993", "more than a host"),
            ("me@example.org", "mail address"),
            ("mail example.org", "space"),
            ("fe80::1%eth0", "zone"),
            ("m\u{fc}ller\u{200e}.de", "no host name can have"),
            ("a..b", "no host name"),
            ("-a.b", "no host name"),
            ("1.2.3.400", "no IP address"),
            (&"a".repeat(64), "no host name"),
        ] {
            let (found, remedy) = check_host(written).unwrap_err();
            assert!(found.contains(cause) && !remedy.is_empty(), "{written}: {found}; {remedy}");
        }
        assert_eq!(
            check_host("mail.example.org:993").unwrap_err().1,
            "write host = `mail.example.org` and port = 993"
        );
    }
}
