use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;
use crate::model::{AllowedHost, Auth, Provider, Select, Tls};
use crate::schema;
use crate::secret::SecretOrigin;
use crate::table::{self, Table};

fn loaded(text: &str) -> LoadedProject {
    parse(Path::new("mailhaul.toml"), Path::new("/moves/acme"), text)
        .unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

fn errors(text: &str) -> String {
    match parse(Path::new("mailhaul.toml"), Path::new("/moves/acme"), text) {
        Ok(_) => panic!("this loads:\n{text}"),
        Err(errors) => errors.to_string(),
    }
}

const MINIMAL: &str = "[source]\nhost = \"a\"\n[target]\nhost = \"b\"\n[mailboxes]\n";

#[test]
fn what_is_left_out_has_the_defaults_of_the_contract() {
    let LoadedProject { project, warnings } = loaded(MINIMAL);
    assert_eq!(warnings, []);
    assert_eq!(project.name, "acme");
    assert_eq!(project.state, Path::new("/moves/acme/.mailhaul"));
    for side in [&project.source, &project.target] {
        assert_eq!(
            (side.tls, side.auth, side.port, side.port_or_default()),
            (Tls::Implicit, Auth::Password, None, 993)
        );
        assert!(!side.allow_cleartext);
    }
    assert_eq!(project.mailboxes.from.name.to_string(), "csv");
    let ids = |list: &[PluginRef]| list.iter().map(|p| (p.name.to_string(), p.line)).collect::<Vec<_>>();
    assert_eq!(ids(&project.plugins.mapping), [("roles".into(), None)]);
    assert_eq!(ids(&project.plugins.validation), [("counts".into(), None), ("special-folders".into(), None)]);
    assert_eq!(project.select, Select::default());
    assert!(!project.ignore.flags && !project.ignore.dates);
    let limits = project.limits;
    assert_eq!((limits.mailboxes_at_once, limits.connections_per_host, limits.memory), (4, 8, 256 << 20));
    assert_eq!((limits.refused_log_ins, limits.patience), (3, Duration::from_secs(1800)));
}

/// The contract's example, without the parts that are not built yet.
#[test]
fn the_contracts_example_loads() {
    let project = loaded(
        r#"[project]
name = "olddomain to newdomain"
state = ".mailhaul"
[source]
host = "mail.olddomain.com"
port = 993
tls = "implicit"
provider = "auto"
auth = "plain-authzid"
admin_user = "master"
admin_password = { env = "OLD_ADMIN" }
user_pattern = "{user}*master"
allow_cleartext = false
[target]
host = "mail.newdomain.com"
auth = "xoauth2"
token = { command = ["get-token", "--for", "imap"] }
[mailboxes]
from = "csv"
inputs = { accounts = "mailboxes.csv" }
[[folders]]
from = "Old/**"
to = "Archive/Old/**"
[[folders]]
from = "Spam"
skip = true
copies = "keep"
[plugins]
mapping = ["./acme.wasm", "roles"]
validation = ["counts", "special-folders"]
[plugins.settings.roles]
prefer = "special-use"
nested = { since = 2019-01-01, list = [1, 2.5, true] }
[select]
folders = ["INBOX", "!Old/Trash", "Old/**", '\!odd']
since = 2019-01-01
before = 2024-01-01
max_size = "50 MiB"
flags = ['\seen', "!$Junk"]
deleted = "skip"
order = "recent-first"
[verify]
ignore = ["dates"]
[limits]
mailboxes_at_once = 2
connections_per_host = 3
memory = "64 MiB"
refused_log_ins = 0
patience = "2 h"
"#,
    )
    .project;
    assert_eq!(project.source.admin_user.as_deref(), Some("master"));
    assert_eq!(project.source.user_pattern.as_deref(), Some("{user}*master"));
    assert!(
        matches!(&project.source.admin_password.as_ref().unwrap().origin, SecretOrigin::Env(n) if n == "OLD_ADMIN")
    );
    assert!(matches!(&project.target.token.as_ref().unwrap().origin, SecretOrigin::Command { argv, dir }
        if argv.len() == 3 && dir == Path::new("/moves/acme")));
    let accounts = &project.mailboxes.inputs["accounts"];
    assert_eq!((accounts.path.as_path(), accounts.line), (Path::new("/moves/acme/mailboxes.csv"), 20));
    let rules = project.rules.iter().map(|r| (r.from.as_str(), r.to.as_deref(), r.skip, r.line));
    assert_eq!(
        rules.collect::<Vec<_>>(),
        [("Old/**", Some("Archive/Old/**"), false, 21), ("Spam", None, true, 24)]
    );
    assert!(!project.rules[0].keep_copies && project.rules[1].keep_copies);
    assert_eq!(
        project.plugins.mapping[0].name,
        PluginName::File { path: "/moves/acme/./acme.wasm".into(), shown: "./acme.wasm".into() }
    );
    insta::assert_snapshot!(project.plugins.settings["roles"].value, @r#"{"nested":{"list":[1,2.5,true],"since":"2019-01-01"},"prefer":"special-use"}"#);
    let select = project.select;
    assert_eq!(
        select.since.as_ref().map(|s| (s.date.to_string(), s.written.as_str())),
        Some(("2019-01-01".into(), "2019-01-01"))
    );
    assert_eq!(select.before.as_ref().map(|s| s.written.as_str()), Some("2024-01-01"));
    let folders = select.folders.iter().map(|f| (f.pattern.as_str(), f.leaves_out));
    assert_eq!(
        folders.collect::<Vec<_>>(),
        [("INBOX", false), ("Old/Trash", true), ("Old/**", false), ("!odd", false)]
    );
    let flags = select.flags.iter().map(|f| (f.flag.as_str(), f.wanted));
    assert_eq!(flags.collect::<Vec<_>>(), [("\\Seen", true), ("$Junk", false)]);
    assert_eq!(select.max_size.map(|s| (s.bytes, s.written)), Some((50 << 20, "50 MiB".into())));
    assert!(select.skip_deleted && project.ignore.dates && !project.ignore.flags);
    let limits = project.limits;
    assert_eq!(limits.memory, 64 << 20);
    assert_eq!((limits.refused_log_ins, limits.patience), (0, Duration::from_secs(7200)));
}

#[test]
fn copies_are_kept_by_rules_that_leave_folders_out() {
    let rule = |lines: &str| errors(&format!("{MINIMAL}[[folders]]\nfrom = \"A\"\n{lines}\n"));
    assert!(rule("to = \"B\"\ncopies = \"keep\"").contains("remove `copies`"));
    assert!(rule("skip = true\ncopies = \"undo\"").contains("write \"keep\""));
}

#[test]
fn everything_wrong_is_reported_together_and_by_line() {
    insta::assert_snapshot!(errors(
        r#"[project]
naem = "x"
[source]
host = "mail.example.org:993"
prot = 993
port = 0
tls = "ssl"
ca_file = "none.pem"
auth = "ntlm"
admin_password = { enviroment = "X" }
user_pattern = "*master"
[target]
host = "b"
tls = "none"
token = "t"
port = "993"
[mailboxes]
from = "CSV File"
inputs = { accounts = 5 }
[[folders]]
from = "A"
[[folders]]
to = "B"
[[folders]]
from = "C"
to = "D"
skip = true
[plugins]
mapping = ["roles", "roles", "acme.wasm"]
host = "x"
[select]
since = "2019-01-01"
max_size = "50 M"
deleted = true
[verify]
ignore = ["colour"]
max_size = 1
[limits]
memory = "1 KiB"
mailboxes_at_once = 0
connections_per_host = 18446744073709551616
[colours]
"#
    ));
}

#[test]
fn how_long_a_host_is_waited_for_is_a_time_with_a_unit() {
    for (written, cause) in [
        ("30", "`[limits] patience` is a number; write a time with its unit in quotes, as in \"30 min\""),
        ("\"30\"", "`[limits] patience` = `30` is no time; write a time with its unit in quotes"),
        ("\"25 h\"", "`[limits] patience` is longer than a day; write at most \"24 h\""),
    ] {
        let told = errors(&format!("{MINIMAL}[limits]\npatience = {written}\n"));
        assert!(told.contains(cause), "{told}");
    }
}

#[test]
fn budgets_and_hours_are_read() {
    let project = loaded(&format!(
        "{MINIMAL}[limits]\nhours = [\"Mon-Fri 20:00-06:00\", \"Sat,Sun 00:00-24:00\"]\n\
         bandwidth = \"20 MiB\"\nbytes_per_day = \"10 GB\"\nmessages_per_hour = 3000\n"
    ));
    let limits = project.project.limits;
    let hours = limits.hours.unwrap();
    assert_eq!((hours.windows.len(), hours.windows[0].from, hours.windows[1].until), (2, 1200, 1440));
    assert_eq!(hours.written, "Mon-Fri 20:00-06:00, Sat,Sun 00:00-24:00");
    assert_eq!((limits.bandwidth, limits.messages_per_hour), (Some(20 << 20), Some(3000)));
    let day = limits.source_bytes_per_day.unwrap();
    assert_eq!((day.bytes, day.written.as_str()), (10_000_000_000, "10 GB"));
    assert_eq!(Some(day), limits.target_bytes_per_day);
    let one = loaded(&format!(
        "{MINIMAL}[limits]\nbytes_per_day = {{ target = \"500 MB\" }}\nhours = \"01:00-02:00\"\n"
    ));
    let limits = one.project.limits;
    assert!(limits.source_bytes_per_day.is_none() && limits.hours.is_some());
    assert_eq!(limits.target_bytes_per_day.unwrap().bytes, 500_000_000);
}

#[test]
fn a_budget_of_nothing_and_a_window_that_never_opens_are_refused_with_their_lines() {
    for (written, cause) in [
        (
            "bytes_per_day = 0",
            "`[limits] bytes_per_day` is 0, which lets nothing through; write a size, or leave the key out",
        ),
        (
            "bytes_per_day = { source = \"0 MB\" }",
            "`[limits] bytes_per_day.source` is 0, which lets nothing through",
        ),
        (
            "bytes_per_day = { sources = \"1 MB\" }",
            "`[limits] bytes_per_day.sources` is no side; write `source` or `target`",
        ),
        ("messages_per_hour = 0", "`[limits] messages_per_hour` is out of range; write a number from 1 to"),
        (
            "bandwidth = \"1 kB\"",
            "`[limits] bandwidth` is too little to copy anything; write at least \"1 KiB\"",
        ),
        (
            "hours = \"20:00-20:00\"",
            "`[limits] hours` = `20:00-20:00` never opens; write \"00:00-24:00\" for a whole day",
        ),
        (
            "hours = []",
            "`[limits] hours` has no window, so nothing would be moved; write one, or leave the key out",
        ),
        (
            "hours = \"25:00-06:00\"",
            "`[limits] hours` = `25:00-06:00` has a time that is none; write a window as in",
        ),
        (
            "hours = [\"01:00-02:00\", \"Mo 01:00-02:00\"]",
            "`[limits] hours` = `Mo 01:00-02:00` names a day that is none",
        ),
        ("hours = 20", "`[limits] hours` is a number; write a string, in quotes"),
    ] {
        let told = errors(&format!("{MINIMAL}[limits]\n{written}\n"));
        assert!(told.contains(cause), "{told}");
    }
}

#[test]
fn what_is_not_built_yet_is_refused_by_name() {
    insta::assert_snapshot!(errors(&format!(
        "{MINIMAL}[cutover]\ndomains = []\nnonsense = 1\n[cutover.smtp]\n"
    )));
}

#[test]
fn a_provider_is_a_word_or_a_file() {
    let provider = |word: &str| {
        let text = MINIMAL.replace("host = \"b\"", &format!("host = \"b\"\nprovider = \"{word}\""));
        loaded(&text).project.target.provider
    };
    assert_eq!(provider("auto"), Provider::Auto);
    assert_eq!(provider("none"), Provider::None);
    for word in ["gmail", "./acme.wasm"] {
        let Provider::Named(named) = provider(word) else { panic!("{word}") };
        assert_eq!((named.name.to_string().as_str(), named.line), (word, Some(5)));
    }
    assert_eq!(loaded(MINIMAL).project.source.provider, Provider::Auto);
}

/// Where passwords may go beside the two hosts.
#[test]
fn allowed_hosts_are_hosts_with_a_port_or_without() {
    let with = |hosts: &str| {
        format!(
            "[source]\nhost = \"a\"\nuser_pattern = \"{{user}}*a\"\nadmin_password = \"p\"\nadmin_hosts = {hosts}\n\
             [mailboxes]\nhosts = {hosts}\n"
        )
    };
    let allowed = |host: &str, port| AllowedHost { host: host.into(), port };
    let text = with(
        "[\"Mail.example.org.\", \"mail.example.org:1143\", \"[2001:DB8::1]\", \"[2001:db8::1]:993\", \"192.0.2.1:1\", \
         \"imap.m\u{fc}ller.de:143\"]",
    );
    let project = loaded(&text).project;
    let hosts = [
        allowed("Mail.example.org", None),
        allowed("mail.example.org", Some(1143)),
        allowed("2001:db8::1", None),
        allowed("2001:db8::1", Some(993)),
        allowed("192.0.2.1", Some(1)),
        allowed("imap.xn--mller-kva.de", Some(143)),
    ];
    assert_eq!(
        (project.mailboxes.hosts.as_slice(), project.source.admin_hosts.as_slice()),
        (&hosts[..], &hosts[..])
    );
    assert_eq!(project.target.admin_hosts, []);
    insta::assert_snapshot!(errors(&format!(
        "{MINIMAL}hosts = [\n\"a:0\",\n\"a:canary\",\n\"a:\",\n\"::1\",\n\"imaps://a\",\n\"me:canary@a\",\n\"a b:1\",\n\"a\",\n\"A.\",\n5,\n\"*\",\n\"[a]:1\"]\n"
    )), @r#"
    mailhaul.toml:7: `[mailboxes] hosts` = `a:…` has no port after its colon; write a number from 1 to 65535 there, or the host alone for 143 and 993
    mailhaul.toml:8: `[mailboxes] hosts` = `a:…` has no port after its colon; write a number from 1 to 65535 there, or the host alone for 143 and 993
    mailhaul.toml:9: `[mailboxes] hosts` = `a:…` has no port after its colon; write a number from 1 to 65535 there, or the host alone for 143 and 993
    mailhaul.toml:10: `[mailboxes] hosts` = `::1` has no brackets; write it as "[::1]" or, with a port, "[::1]:1143"
    mailhaul.toml:11: `[mailboxes] hosts` is an address of the web kind; write the host name only
    mailhaul.toml:12: `[mailboxes] hosts` is a mail address; write the name of its mail server
    mailhaul.toml:13: `[mailboxes] hosts` = `a b:1` has a space in it; write the host name only
    mailhaul.toml:15: `[mailboxes] hosts` names a host twice; remove one of them
    mailhaul.toml:16: `[mailboxes] hosts` is a number; write a string, in quotes
    mailhaul.toml:17: `[mailboxes] hosts` = `*` is no host name; write a name as in mail.example.org, or an IP address
    mailhaul.toml:18: `[mailboxes] hosts` = `[a]:1` is no host name; write a name as in mail.example.org, or an IP address
    "#);
    insta::assert_snapshot!(
        [
            errors(&format!("{MINIMAL}host = [\"a\"]\n")),
            errors(&format!("{MINIMAL}hosts = []\n")),
            errors("[source]\nadmin_host = 1\nadmin_hosts = [\"a\"]\n[mailboxes]\nhosts = \"a\"\n"),
        ]
        .join("\n"), @r#"
    mailhaul.toml:6: unknown key `host` in `[mailboxes]`; the nearest known key is `hosts`
    mailhaul.toml:6: `[mailboxes] hosts` is empty; write a list of hosts, as in ["mail.example.org", "mail.example.net:1143"], or leave the key out
    mailhaul.toml:2: unknown key `admin_host` in `[source]`; the nearest known key is `admin_hosts`
    mailhaul.toml:3: `[source] admin_hosts` has no `admin_password` or `token` beside it; hosts for the passwords of the list's rows stand under `[mailboxes] hosts`; remove it
    mailhaul.toml:5: `[mailboxes] hosts` is a string; write a list of hosts, as in ["mail.example.org", "mail.example.net:1143"]
    "#
    );
}

#[test]
fn the_key_of_the_secrets_stands_elsewhere() {
    let with = |key: &str| format!("{MINIMAL}[secrets]\nkey = {key}\n");
    assert!(loaded(MINIMAL).project.key.is_none());
    let key = loaded(&with("{ file = \"../key\" }")).project.key.unwrap();
    assert!(matches!(key.origin, SecretOrigin::File { path, .. } if path == Path::new("/moves/acme/../key")));
    assert_eq!(key.key, "[secrets] key");
    let literal = errors(&with("\"AGE-SECRET-KEY-1CANARY\""));
    insta::assert_snapshot!(literal, @r#"mailhaul.toml:7: `[secrets] key` stands beside what it opens; write { file = "path" }, { env = "NAME" } or { command = ["…"] }, or leave it out"#);
}

#[test]
fn keys_that_would_be_ignored_are_refused() {
    let with = |keys: &str| errors(&format!("[source]\nhost = \"a\"\n{keys}\n[mailboxes]\n"));
    insta::assert_snapshot!(
        [
            "admin_user = \"a\"",
            "admin_password = \"p\"",
            "admin_user = \"a\"\nuser_pattern = \"{user}*a\"",
            "auth = \"plain-authzid\"\nadmin_user = \"a\"",
            "auth = \"xoauth2\"\nadmin_user = \"a\"\nadmin_password = \"p\"",
            "user_pattern = \"{user}{domain}\"",
        ]
        .map(with)
        .join("\n")
    );
    loaded("[source]\nhost = \"a\"\nadmin_password = \"p\"\nuser_pattern = \"{user}*a\"\n[mailboxes]");
}

#[test]
fn broken_syntax_is_reported_by_line() {
    insta::assert_snapshot!(errors("[source]\nhost = \"a\nport = = 5\n[target\n"));
    insta::assert_snapshot!(errors("[source]\nhost = \"a\"\nhost = \"b\"\n[mailboxes]\n"));
    insta::assert_snapshot!(errors(""));
}

#[test]
fn a_date_that_does_not_exist_is_refused() {
    for date in ["2019-02-30", "2019-01-01T00:00:00", "\"2019-01-01\"", "07:32:00", "5"] {
        let text = errors(&format!("{MINIMAL}[select]\nsince = {date}\n"));
        assert!(text.starts_with("mailhaul.toml:7: "), "{date}: {text}");
    }
}

/// What leaves out nearly everything and can be meant.
#[test]
fn a_selection_that_is_hardly_meant_is_warned_of() {
    for (written, told) in [
        (
            "flags = [\n\"seen\"]",
            "mailhaul.toml:8: `[select] flags` names the keyword `seen`, which hardly any message has; the system flag is \
             '\\Seen'",
        ),
        (
            "flags = [\"!Deleted\"]",
            "mailhaul.toml:7: `[select] flags` names the keyword `Deleted`, which hardly any message has; the system flag \
             is '!\\Deleted'",
        ),
        (
            "since = 9000-01-01",
            "mailhaul.toml:7: `[select] since` = 9000-01-01 is in the future: until then it leaves out everything; write an \
             earlier day",
        ),
        (
            "max_size = \"25 B\"",
            "mailhaul.toml:7: `[select] max_size` = 25 B leaves out nearly everything, since headers alone are often \
             longer; a size has a unit, as in \"25 MiB\"",
        ),
    ] {
        let warnings = loaded(&format!("{MINIMAL}[select]\n{written}\n")).warnings;
        let told_now: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(told_now, [told], "{written}");
    }
    for written in [
        "flags = ['\\Seen', \"!$Junk\", \"Seen2\"]",
        "since = 2019-01-01",
        "max_size = \"1 KiB\"",
        "folders = [\"INBOX\", \"!**\"]",
        "folders = [\"!Old/**\", \"!Trash\"]",
    ] {
        assert_eq!(loaded(&format!("{MINIMAL}[select]\n{written}\n")).warnings, [], "{written}");
    }
}

/// What a selection must not be, with the line and what to write instead.
#[test]
fn a_selection_that_cannot_be_meant_is_refused() {
    for (written, told) in [
        (
            "since = 2024-01-01\nbefore = 2024-01-01",
            "8: `[select] before` = 2024-01-01 leaves out everything, since `since` is 2024-01-01; write a later day",
        ),
        ("before = \"2024-01-01\"", "7: `[select] before` is a string; write a date without quotes"),
        ("folders = []", "7: `[select] folders` is an empty list; write a list of folders or patterns"),
        ("folders = \"INBOX\"", "7: `[select] folders` is a string; write a list of folders or patterns"),
        ("folders = [\n\"A\",\n\"!\"]", "9: `[select] folders` has a `!` and no folder behind it"),
        ("folders = [\"\"]", "7: `[select] folders` is empty; write a folder's name"),
        (
            "folders = [\"!**\"]",
            "7: `[select] folders` leaves out everything: no folder is left; write the folders",
        ),
        (
            "folders = [\"!Old\", \"!**\", \"INBOX\"]",
            "7: `[select] folders` leaves out everything: no folder",
        ),
        (
            "folders = [\"!INBOX\", \"INBOX\"]",
            "7: `[select] folders` leaves out everything: no folder is left",
        ),
        ("flags = []", "7: `[select] flags` is an empty list; write a list of flags"),
        (
            "flags = ['\\Sean']",
            "7: `[select] flags` names `\\Sean`, which is no system flag; write one of '\\Seen'",
        ),
        (
            "flags = ['!\\recent']",
            "7: `[select] flags` names `\\Recent`, which says what a connection has seen",
        ),
        ("flags = [\"two words\"]", "7: `[select] flags` names `two words`, which is no flag of IMAP"),
        ("flags = [\"!\"]", "7: `[select] flags` names ``, which is no flag of IMAP"),
        (
            "flags = [\"$Junk\",\n\"!$junk\"]",
            "7: `[select] flags` leaves out everything: a message cannot have `$Junk`",
        ),
        (
            "deleted = \"skip\"\nflags = ['\\Deleted']",
            "8: `[select] flags` leaves out everything: it asks for `\\Deleted`",
        ),
    ] {
        let text = errors(&format!("{MINIMAL}[select]\n{written}\n"));
        assert!(text.starts_with(&format!("mailhaul.toml:{told}")), "{written}: {text}");
        assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    }
}

/// Whatever is wrong about a password, no sentence shows it.
#[test]
fn no_error_and_no_debug_shows_a_secret() {
    for password in [
        "admin_password = \"canary",
        "admin_password = \"canary\" \"x\"",
        "admin_password = \"\\qcanary\"",
        "admin_password = canary",
        "admin_password = [\"canary\"]",
        "admin_password = { env = \"$canary\" }",
        "admin_password = { env = \"canary\", file = \"canary\" }",
        "admin_password = { pasword = \"canary\" }",
        "admin_pasword = \"canary\"",
        "admin_password = \"x\"\nadmin_password = \"canary\"",
        "host = \"imap://me:canary@mail.example.org\"",
        "admin_password = \"canary\"",
        "user_pattern = \"canary\"",
    ] {
        let text = errors(&format!("[source]\n{password}\n[mailboxes]\n"));
        assert!(!text.contains("canary"), "{password}\n{text}");
    }
    let project =
        loaded("[source]\nadmin_password = \"canary\"\nuser_pattern = \"{user}*a\"\n[mailboxes]").project;
    assert!(!format!("{project:?}").contains("canary"));
    let secret = project.source.admin_password.unwrap().resolve().unwrap();
    assert_eq!(secret.expose_secret(), b"canary");
}

/// Marks are common in Hebrew and Arabic names of files; in a name they would hide.
#[test]
fn a_path_may_have_marks_and_a_name_may_not() {
    let text = format!("[project]\nname = \"a\u{200f}b\"\n{MINIMAL}");
    assert!(errors(&text).contains("a character in it that is not seen, U+200F"), "{}", errors(&text));
    let password =
        "[source]\nadmin_password = { file = \"a\u{200f}b\" }\nuser_pattern = \"{user}*a\"\n[mailboxes]";
    assert!(loaded(password).project.source.admin_password.is_some());
}

#[test]
fn a_file_cannot_write_on_the_terminal() {
    let text = errors(&format!("{MINIMAL}\"\\u001b[2J\\nmailhaul.toml:1: all is well\" = 1\n"));
    assert!(!text.contains('\u{1b}') && text.lines().count() == 1, "{text}");
}

#[cfg(unix)]
#[test]
fn files_with_passwords_that_others_can_read_are_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mailhaul.toml");
    let chmod =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::write(dir.path().join("pw"), "x").unwrap();
    let text = MINIMAL
        .replace("[target]", "user_pattern = \"{user}\"\nadmin_password = { file = \"pw\" }\n[target]");
    std::fs::write(&file, &text).unwrap();
    chmod(&file, 0o644);
    chmod(&dir.path().join("pw"), 0o640);
    let warnings = |file: &Path| -> Vec<String> {
        Project::load(file).unwrap().warnings.iter().map(|w| w.message.clone()).collect()
    };
    assert_eq!(
        warnings(&file),
        ["other users can read the password file `pw`; `chmod 600 pw` keeps them out"]
    );
    chmod(&dir.path().join("pw"), 0o600);
    assert_eq!(warnings(&file), [""; 0]);
    std::fs::write(&file, text.replace("{ file = \"pw\" }", "\"pw\"")).unwrap();
    assert!(warnings(&file)[0].contains("`[source] admin_password` stands in it"));
    chmod(&file, 0o600);
    assert_eq!(warnings(&file), [""; 0]);
}

#[test]
fn files_that_are_no_text_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mailhaul.toml");
    std::fs::write(&file, format!("\u{feff}{}", MINIMAL.replace('\n', "\r\n"))).unwrap();
    assert_eq!(Project::load(&file).unwrap().project.target.host_line, Some(4));
    std::fs::write(&file, b"[source]\nhost = \"\xff\"\n").unwrap();
    assert!(
        Project::load(&file)
            .unwrap_err()
            .to_string()
            .ends_with("mailhaul.toml:2: it is not UTF-8; save it as UTF-8")
    );
    std::fs::write(&file, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(Project::load(&file).unwrap_err().to_string().contains("larger than 1 MiB"));
    std::fs::remove_file(&file).unwrap();
    assert!(Project::load(&file).unwrap_err().to_string().contains("does not exist"));
}

/// Every key of the schema, set to a value of a wrong type, is complained about by name: no key is
/// known and then forgotten.
#[test]
fn every_key_is_looked_at() {
    for (table, keys) in schema::TABLES {
        for key in *keys {
            let line = format!("{key} = 07:32:00");
            let text = match *table {
                "" => format!("{line}\n"),
                "folders" => format!("[[folders]]\n{line}\n"),
                table => format!("[{table}]\n{line}\n"),
            };
            let text = errors(&text);
            let named = [format!("{key}` is "), format!("{key}]` is ")];
            assert!(named.iter().any(|named| text.contains(named)), "{table}.{key}: {text}");
        }
    }
}

fn toml_like() -> impl Strategy<Value = String> {
    let keys: Vec<&str> =
        schema::TABLES.iter().flat_map(|(table, keys)| keys.iter().copied().chain([*table])).collect();
    let value = prop_oneof![
        Just("\"x\"".to_owned()),
        Just("5".to_owned()),
        Just("2019-01-01".to_owned()),
        Just("true".to_owned()),
        Just("[[]]".to_owned()),
        Just("{ env = \"X\" }".to_owned()),
        Just("-1e999".to_owned()),
        Just("inf".to_owned()),
        Just("0x7fffffffffffffffff".to_owned()),
        Just("[\"roles\", 5]".to_owned()),
        "\\PC*",
    ];
    let line = (prop::sample::select(keys), value, 0..5_u8).prop_map(|(key, value, form)| match form {
        0 => format!("[{key}]\n"),
        1 => format!("[[{key}]]\n"),
        2 => format!("[plugins.settings.{key}]\n"),
        _ => format!("{key} = {value}\n"),
    });
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn nothing_panics(text in prop_oneof![any::<String>(), toml_like()]) {
        if let Err(errors) = parse(Path::new("m.toml"), Path::new("/p"), &text) {
            let lines = text.lines().count().max(1);
            prop_assert!(errors.iter().all(|e| e.line.is_none_or(|line| (1..=lines + 1).contains(&line))));
            prop_assert_eq!(errors.to_string().lines().count(), errors.iter().count());
        }
    }
}

#[test]
fn a_folder_may_be_called_anything() {
    let rules = "[[folders]]\nfrom = \"Da\\tOggetto\"\nto = 'Da\\u{9}Oggetto'\n[[folders]]\nfrom = \" \"\nskip = true\n";
    let LoadedProject { project, .. } = loaded(&format!("{MINIMAL}{rules}"));
    let rules: Vec<(&str, Option<&str>)> =
        project.rules.iter().map(|rule| (rule.from.as_str(), rule.to.as_deref())).collect();
    assert_eq!(rules, [("Da\tOggetto", Some("Da\\u{9}Oggetto")), (" ", None)]);
}

#[test]
fn a_value_that_only_looks_like_another_is_refused() {
    for unseen in ['\u{200b}', '\u{61c}', '\u{2060}', '\u{ad}', '\u{e0061}'] {
        let error = errors(&format!("[project]\nname = \"ac{unseen}me\"\n{MINIMAL}"));
        assert!(error.starts_with("mailhaul.toml:2: ") && error.contains("that is not seen"), "{error}");
        let error = errors(&MINIMAL.replace("\"a\"", &format!("\"a{unseen}\"")));
        assert!(error.starts_with("mailhaul.toml:2: "), "{error}");
    }
    // Persian names need the joiners.
    assert!(loaded(&format!("[project]\nname = \"نیم\u{200c}فاصله\"\n{MINIMAL}")).warnings.is_empty());
}

/// What a newcomer copies: `examples/*/mailhaul.toml`, each with its list.
#[test]
fn the_example_migrations_load() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let folders = std::fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path());
    let projects: Vec<_> = folders.filter(|folder| folder.join("mailhaul.toml").exists()).collect();
    assert_eq!(projects.len(), 2, "{projects:?}");
    for folder in projects {
        let file = folder.join("mailhaul.toml");
        // The root certificate of an authority that nobody has.
        let text: Vec<String> = std::fs::read_to_string(&file)
            .unwrap()
            .lines()
            .filter(|line| !line.starts_with("ca_file"))
            .map(str::to_owned)
            .collect();
        let loaded = parse(&file, &folder, &text.join("\n")).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(loaded.warnings, [], "{}", file.display());
        let input = &loaded.project.mailboxes.inputs["accounts"];
        let list = Table::read(&folder.join(&input.shown), table::Limits::default()).unwrap();
        let columns: Vec<&str> = list.columns.iter().map(|column| column.name.as_str()).collect();
        assert!(columns.contains(&"source_user") && columns.contains(&"target_user"), "{columns:?}");
        assert_eq!(list.rows.len(), 3);
    }
}
