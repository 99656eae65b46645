use mailhaul_plugin::{Cause, Occasion, ReplyKind};

use super::provider::Fixture;
use super::providers::FIXTURES;
use super::*;

fn asked(server: Server) -> Option<Profile> {
    Profiles::identify(&ProfileRequest::new(server)).unwrap()
}

fn server(host: &str, greeting: &str, id: &[(&str, &str)]) -> Server {
    let id = id.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Server { greeting: greeting.to_owned(), id, ..Server::new(host) }
}

fn refused(provider: Option<&str>, host: &str, occasion: Occasion, text: &str) -> Option<Classification> {
    let mut refusal = Refusal::new(occasion, text);
    refusal.server = Server::new(host);
    refusal.provider = provider.map(str::to_owned);
    Profiles::classify(&refusal).unwrap()
}

fn seen(fixture: &Fixture) -> Server {
    let mut server = server(fixture.host, fixture.greeting, &[("name", fixture.name)]);
    server.capabilities = vec!["IMAP4rev1".into(), fixture.offers.into()];
    server
}

#[test]
fn the_manifest_leaves_the_providers_to_the_folder() {
    let manifest = include_str!("../plugin.toml");
    assert!(!manifest.contains("providers ="), "each is a file of src/providers: see plugins/shipped");
}

#[test]
fn each_provider_recognises_its_own_servers_and_no_others() {
    for (id, fixtures) in FIXTURES {
        let provider = by_id(id).unwrap();
        let marks = provider.hosts.len() + provider.offers.len() + provider.programs.len();
        assert_eq!(
            marks == 0,
            fixtures.is_empty(),
            "{id}: one fixture at least for what it is recognised by"
        );
        for fixture in *fixtures {
            let marks = Marks::of(&seen(fixture));
            let claims: Vec<_> =
                PROVIDERS.iter().filter(|one| marks.point_to(one).is_some()).map(|one| one.id).collect();
            assert_eq!(claims, [*id], "{fixture:?}");
            let found = asked(seen(fixture)).unwrap();
            assert_eq!(found.provider, *id, "{fixture:?}");
        }
    }
}

/// Two that do would be told apart by the length or the order of their names.
#[test]
fn no_two_providers_claim_the_same_server() {
    let overlap = |one: &str, other: &str, of: fn(&str, &str) -> bool| of(one, other) || of(other, one);
    let in_domain = |host: &str, domain: &str| {
        host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    for (index, one) in PROVIDERS.iter().enumerate() {
        for other in &PROVIDERS[index + 1..] {
            let (both, of) = (format!("{} and {}", one.id, other.id), |a: &str, b: &str| a.contains(b));
            for (a, b) in pairs(one.hosts, other.hosts) {
                assert!(!overlap(a, b, in_domain), "{both}: a host in {a} is one in {b} too");
            }
            for (a, b) in pairs(one.programs, other.programs) {
                assert!(!overlap(a, b, of), "{both}: who says {a} says {b} too");
            }
            for (a, b) in pairs(one.offers, other.offers) {
                assert!(!a.eq_ignore_ascii_case(b), "{both}: both are known by {a}");
            }
        }
    }
}

fn pairs<'a>(one: &'a [&'a str], other: &'a [&'a str]) -> impl Iterator<Item = (&'a str, &'a str)> {
    one.iter().flat_map(|a| other.iter().map(move |b| (*a, *b)))
}

#[test]
fn the_longest_word_counts_whatever_the_files_are_called() {
    let both = server("mail.example", "Microsoft Exchange behind Dovecot", &[]);
    assert_eq!(asked(both).unwrap().provider, "exchange");
    let alike = server("mail.example", "Dovecot, once Courier", &[]);
    assert_eq!(asked(alike).unwrap().provider, "courier");
}

#[test]
fn entries_are_in_the_form_the_code_reads() {
    for provider in PROVIDERS {
        let id = provider.id;
        assert_eq!(PROVIDERS.iter().filter(|one| one.id == id).count(), 1, "{id}");
        assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{id}");
        for word in provider.hosts.iter().chain(provider.programs) {
            assert_eq!(*word, word.to_lowercase(), "{id}");
        }
        for (at, sentence) in provider.sentences.iter().enumerate() {
            assert_eq!(sentence.says, sentence.says.to_lowercase(), "{id}");
            // One that fits everything hides those behind it, for the same occasion.
            let hidden = &provider.sentences[at + 1..];
            let hides = sentence.says.is_empty() && hidden.iter().any(|later| later.at == sentence.at);
            assert!(!hides, "{id}: {sentence:?}");
            assert!(sentence.wait.is_none() || sentence.cause == Cause::Throttled, "{id}");
        }
        let texts = provider.notes.iter().chain(provider.sentences.iter().map(|sentence| &sentence.remedy));
        for text in texts.filter(|text| !text.is_empty()) {
            assert!(text.len() < 300 && !text.ends_with('.') && !text.contains("  "), "{id}: {text}");
        }
    }
}

#[test]
fn servers_are_recognised_by_host_capability_id_and_greeting() {
    let mut by_capability = server("mail.acme.example", "", &[]);
    by_capability.capabilities = vec!["IMAP4rev1".into(), "x-gm-ext-1".into()];
    for (server, provider, name, why) in [
        (server("imap.gmail.com", "Gimap ready", &[]), "gmail", "Gmail", "its host is one of gmail.com"),
        (server("GMAIL.com.", "", &[]), "gmail", "Gmail", "its host is one of gmail.com"),
        (by_capability, "gmail", "Gmail", "it offers X-GM-EXT-1"),
        (
            server("imap.one.example", "ready", &[("name", "Dovecot"), ("version", "2.3.21")]),
            "dovecot",
            "Dovecot 2.3.21",
            "its ID says dovecot",
        ),
        (server("10.0.0.1", "Courier-IMAP ready.", &[]), "courier", "Courier", "its greeting says courier"),
        // Its host is called after another program.
        (
            server("10.0.0.1", "courier.acme.example Cyrus IMAP 3.6.1 server ready", &[]),
            "cyrus",
            "Cyrus",
            "its greeting says cyrus",
        ),
        // Strato's host wins over the program it runs.
        (
            server("imap.strato.de", "Cyrus IMAP ready", &[]),
            "strato",
            "Strato",
            "its host is one of strato.de",
        ),
        (
            server("mx.acme.example", "The Microsoft Exchange IMAP4 service is ready.", &[]),
            "exchange",
            "Microsoft Exchange",
            "its greeting says microsoft exchange",
        ),
    ] {
        let profile = asked(server).unwrap();
        assert_eq!(
            (profile.provider.as_str(), profile.name.as_str(), profile.why.as_str()),
            (provider, name, why)
        );
    }
    for host in ["mail.example", "notgmail.com", "gmail.com.example"] {
        assert_eq!(asked(server(host, "ready", &[])), None, "{host}");
    }
}

#[test]
fn a_named_provider_needs_no_recognition() {
    let request =
        ProfileRequest { provider: Some("cpanel".into()), ..ProfileRequest::new(Server::new("h.example")) };
    let profile = Profiles::identify(&request).unwrap().unwrap();
    assert_eq!((profile.provider.as_str(), profile.max_connections_per_mailbox), ("cpanel", Some(10)));
    assert_eq!(profile.why, "the project file names it");
}

#[test]
fn limits_and_quirks_reach_the_profile() {
    let icloud = asked(server("imap.mail.me.com", "", &[])).unwrap();
    assert_eq!(icloud.avoid, ["LIST-STATUS", "LIST-EXTENDED"]);
    let cyrus = asked(server("mail.example", "Cyrus IMAP 3.6.1 server ready", &[])).unwrap();
    assert_eq!(cyrus.avoid, ["OBJECTID"]);
    let microsoft = asked(server("outlook.office365.com", "", &[])).unwrap();
    assert_eq!(microsoft.switches, [("folder-names".to_owned(), "fold-case".to_owned())]);
    assert_eq!(microsoft.max_append_bytes, Some(157_286_400));
    assert_eq!(microsoft.extras, [("takes-messages-an-hour".to_owned(), "3600".to_owned())]);
    assert_eq!(icloud.extras, []);
    assert_eq!(asked(server("h", "Courier-IMAP ready", &[])).unwrap().max_connections, Some(4));
}

#[test]
fn a_refused_log_in_is_told_what_to_do_before_anything_is_known() {
    let text =
        "Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)";
    let meaning = refused(None, "imap.gmail.com", Occasion::LogIn, text).unwrap();
    assert_eq!(meaning.cause, Cause::AuthRefused);
    assert!(meaning.remedy.unwrap().contains("2-step verification"));
    let meaning = refused(None, "outlook.office365.com", Occasion::LogIn, "LOGIN failed.").unwrap();
    assert_eq!((meaning.cause, meaning.retry_after), (Cause::NeedsOauth, None));
    assert_eq!(refused(None, "mail.example", Occasion::LogIn, "no"), None);
}

/// What the same words mean elsewhere nobody knows: each is its provider's own.
#[test]
fn a_log_in_that_is_switched_off_is_told_in_each_providers_words() {
    let meant = |provider: &str, text: &str| {
        let meaning = refused(Some(provider), "mail.example", Occasion::LogIn, text);
        meaning.map(|meaning| format!("{:?}", meaning.cause))
    };
    for (provider, text, cause) in [
        ("dovecot", "IMAP is disabled for your account", "ImapDisabled"),
        ("gmail", "[ALERT] Your account is not enabled for IMAP use.", "ImapDisabled"),
        ("courier", "IMAP access disabled for this account.", "ImapDisabled"),
        ("zimbra", "account does not have IMAP access enabled", "ImapDisabled"),
        ("microsoft365", "User is authenticated but not connected.", "AuthOrMissing"),
        ("exchange", "User is authenticated but not connected.", "AuthOrMissing"),
    ] {
        assert_eq!(meant(provider, text).as_deref(), Some(cause), "{provider}: {text}");
    }
    assert_eq!(meant("dovecot", "User is authenticated but not connected."), None);
    assert_eq!(meant("hetzner", "IMAP is disabled for your account"), None);
}

#[test]
fn throttling_in_a_providers_own_words_is_a_wait() {
    let meaning =
        refused(Some("microsoft365"), "h", Occasion::Other("SELECT".into()), "Server Unavailable. 15");
    let meaning = meaning.unwrap();
    assert_eq!((meaning.cause, meaning.retry_after), (Cause::Throttled, Some(Duration::from_secs(60))));
    let mut bye = Refusal::new(Occasion::Other("NOOP".into()), "Session expired, please login again.");
    (bye.kind, bye.provider) = (ReplyKind::Bye, Some("gmail".into()));
    assert_eq!(Profiles::classify(&bye).unwrap().unwrap().cause, Cause::Throttled);
    let text = "Command Argument Error. 11";
    let meaning = refused(Some("exchange"), "h", Occasion::Append, text).unwrap();
    assert_eq!((meaning.cause, meaning.retry_after), (Cause::MessageRefused, None));
    assert_eq!(refused(Some("exchange"), "h", Occasion::Other("CREATE".into()), text), None);
}
