//! Every key of `mailhaul.toml`, and the nearest one to a word that is none.

/// The tables of `mailhaul.toml` with their keys, in the order in which they are written; `""` is the top
/// level. A key that is not here is refused.
pub const TABLES: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "project",
            "source",
            "target",
            "mailboxes",
            "folders",
            "plugins",
            "select",
            "verify",
            "cutover",
            "limits",
            "secrets",
        ],
    ),
    ("project", &["name", "state"]),
    ("source", SIDE),
    ("target", SIDE),
    ("mailboxes", &["from", "inputs", "hosts"]),
    ("folders", &["from", "to", "skip", "copies"]),
    ("plugins", &["mapping", "validation", "profiles", "provisioning", "settings", "secrets"]),
    ("select", &["folders", "since", "before", "max_size", "flags", "deleted", "order"]),
    ("verify", &["ignore"]),
    (
        "limits",
        &[
            "mailboxes_at_once",
            "connections_per_host",
            "memory",
            "refused_log_ins",
            "patience",
            "hours",
            "bandwidth",
            "bytes_per_day",
            "messages_per_hour",
        ],
    ),
    ("secrets", &["key"]),
];

const SIDE: &[&str] = &[
    "host",
    "port",
    "tls",
    "ca_file",
    "fingerprint",
    "provider",
    "auth",
    "admin_user",
    "admin_password",
    "user_pattern",
    "token",
    "admin_hosts",
    "allow_cleartext",
    "compress",
];

/// Keys of an inline table that stands for a secret; it has exactly one of them.
pub(crate) const SECRET: &[&str] = &["env", "file", "command"];

/// The keys of `table`; none for a table that is not known.
pub(crate) fn keys(table: &str) -> &'static [&'static str] {
    TABLES.iter().find(|(name, _)| *name == table).map_or(&[], |(_, keys)| keys)
}

/// A table's header as an operator writes it, in back-ticks for a sentence.
pub(crate) fn header(table: &str) -> String {
    match table {
        "" => "the top level".into(),
        "folders" => "`[[folders]]`".into(),
        table => format!("`[{table}]`"),
    }
}

/// Words by which other programs are told not to look at a certificate: no key is near to what they mean.
const UNVERIFIED: [&str; 16] = [
    "insecure",
    "verify",
    "verify_tls",
    "verify_ssl",
    "verify_certificate",
    "verify_cert",
    "ssl_verify",
    "tls_verify",
    "sslverify",
    "sslmode",
    "ssl_mode",
    "noverify",
    "no_verify",
    "skip_verify",
    "insecure_skip_verify",
    "check_certificate",
];

/// Says what to do about the unknown key `word` in `table`: names the nearest known key.
pub(crate) fn suggestion(table: &str, word: &str) -> String {
    let plain = word.chars().take(32).collect::<String>().to_lowercase().replace('-', "_");
    if matches!(table, "source" | "target") && UNVERIFIED.contains(&plain.as_str()) {
        return "certificates are always verified: `fingerprint` trusts one certificate of this server, `ca_file` an \
                authority of your own; remove it"
            .into();
    }
    match (table, plain.as_str()) {
        ("select", "size" | "maxsize" | "max_bytes") => return "the key is `max_size`".into(),
        ("select", "newest" | "newer") => {
            return "`mailhaul run --newest 90d` brings the newest mail, and a later run the rest; `since` leaves older mail \
                    out for good"
                .into();
        }
        _ => {}
    }
    // A right key in a wrong table, before a near key in the right one: `since` under `[verify]`.
    let elsewhere = TABLES.iter().find(|(name, keys)| *name != table && keys.contains(&word));
    let here = nearest(word, keys(table).iter().copied());
    match (elsewhere, here) {
        (Some((other, _)), Some((_, near))) if near < SURE => {
            format!("it belongs under {}", header(other))
        }
        (_, Some((key, _))) => format!("the nearest known key is `{key}`"),
        (_, None) => "remove it".into(),
    }
}

/// Likeness (0 to 1) from which a word is surely a misspelling of a key, and not a key of another table.
const SURE: f64 = 0.8;

/// The nearest of `known` to `word`, and how alike they are (normalised Damerau-Levenshtein, 0 to 1).
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<(&'k str, f64)> {
    // Comparing costs the product of the lengths, and the word is the file's.
    const COMPARED: usize = 64;
    let word: String = word.chars().take(COMPARED).collect::<String>().to_lowercase().replace('-', "_");
    known.into_iter().map(|key| (key, strsim::normalized_damerau_levenshtein(&word, key))).fold(
        None,
        |best: Option<(&str, f64)>, this| match best {
            Some(best) if best.1 >= this.1 => Some(best),
            _ => Some(this),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_named() {
        assert_eq!(suggestion("source", "prot"), "the nearest known key is `port`");
        assert_eq!(suggestion("select", "max-size"), "the nearest known key is `max_size`");
        assert_eq!(suggestion("verify", "since"), "it belongs under `[select]`");
        assert_eq!(suggestion("select", "size"), "the key is `max_size`");
        let newest = suggestion("select", "newest");
        assert!(newest.starts_with("`mailhaul run --newest 90d` brings the newest mail"), "{newest}");
        for word in ["insecure", "verify", "SSL-verify", "sslmode"] {
            let said = suggestion("source", word);
            assert!(said.starts_with("certificates are always verified: `fingerprint`"), "{word}: {said}");
        }
        assert_eq!(suggestion("", "targets"), "the nearest known key is `target`");
        assert_eq!(suggestion("", "host"), "it belongs under `[source]`");
    }
}
