//! Where a password or token may go: to hosts the project file names, and nowhere else.
//!
//! A list of mailboxes can name a host for every row, and it may come from a plugin. A row's own password
//! goes to the project's host of that side and to `[mailboxes] hosts`. `admin_password` and `token` open
//! every mailbox: they go to the host they stand under and to that side's `admin_hosts`, whatever `hosts`
//! says. A host means its ports of IMAP, 143 and 993, unless a port is written.
//!
//! A list that a foreign plugin makes is not the operator's: what [`AllowedHosts::Plugin`] was granted stands
//! in the place of `hosts` then, and narrows `admin_hosts`.
//!
//! Decided from the list alone, before a name is looked up: a look-up tells a stranger's name server who
//! asks.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;

use mailhaul_net::{Endpoint, TlsMode, canonical_host};

use crate::plugin::{AccountEntry, MailboxEntry, MailboxSource, PluginId};
use crate::side::Side;

/// The ports of IMAP: clear text or STARTTLS, and implicit TLS (RFC 9051, RFC 8314).
const PORTS: [u16; 2] = [143, 993];

/// Hosts that get a sentence of their own; the others are counted.
const SHOWN: usize = 20;

/// A host, with or without a port, that credentials may be sent to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    /// A DNS name or an IP literal, IPv6 without brackets.
    pub host: String,
    /// A TCP port; `None` allows both ports of IMAP, 143 and 993.
    pub port: Option<u16>,
}

impl Destination {
    /// As a line of the project file would allow the endpoint.
    fn of(endpoint: &Endpoint) -> Self {
        let port = Some(endpoint.port).filter(|port| !PORTS.contains(port));
        Self { host: canonical_host(&endpoint.host), port }
    }
}

impl fmt::Display for Destination {
    /// As the project file has it: `host`, `host:port`, an IPv6 literal in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = mailhaul_text::escape(&self.host);
        if self.host.contains(':') {
            write!(f, "[{host}]")?
        } else {
            write!(f, "{host}")?
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Which secret a mailbox signs in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Credential {
    /// The password or token of its own row in the list.
    Own,
    /// `admin_password` under `[source]` or `[target]`, which opens every mailbox of that side.
    Admin,
    /// `token` under `[source]` or `[target]`, which opens every mailbox of that side.
    Token,
}

/// What the project says about the server of one side, without any secret.
#[derive(Debug, Clone)]
pub struct Server {
    /// `host`; `None` when every row of the list names its own.
    pub host: Option<String>,
    /// `port`; without it the default port of `tls`, 993 or 143.
    pub port: Option<u16>,
    /// `tls`; a row of the list may say otherwise for its mailbox.
    pub tls: TlsMode,
    /// `admin_hosts`: where `admin_password` and `token` go beside `host`.
    pub admin_hosts: Vec<Destination>,
    /// What a row without a password signs in with; `None` when the side has neither `admin_password` nor
    /// `token`.
    pub shared: Option<Credential>,
}

impl Server {
    /// Where a row signs in; `None` when neither it nor the project names a host.
    #[must_use]
    pub(crate) fn endpoint(&self, entry: &AccountEntry) -> Option<Endpoint> {
        let tls = entry.tls.unwrap_or(self.tls);
        let host = entry.host.clone().or_else(|| self.host.clone())?;
        // A row that changes the host or the protection leaves the project's port behind.
        let default = if entry.tls.is_none() && entry.host.is_none() { self.port } else { None };
        let port = entry.port.or(default).unwrap_or_else(|| tls.default_port());
        Some(Endpoint { host, port, tls })
    }

    /// Returns the one host that a row's own secret is for, in the form in which hosts are compared, its port
    /// left out where it is one of IMAP's; `None` when neither the row nor the project names a host.
    #[must_use]
    pub fn destination(&self, entry: &AccountEntry) -> Option<Destination> {
        self.endpoint(entry).map(|endpoint| Destination::of(&endpoint))
    }

    /// What a row signs in with; `None` when there is nothing.
    #[must_use]
    pub(crate) fn credential(&self, entry: &AccountEntry) -> Option<Credential> {
        if entry.secret.is_some() { Some(Credential::Own) } else { self.shared }
    }

    /// Returns whether the endpoint is the side's own host, in any spelling, on one of its ports.
    #[must_use]
    pub(crate) fn is_own(&self, endpoint: &Endpoint) -> bool {
        self.allowed(&[]).contains(&(canonical_host(&endpoint.host), endpoint.port))
    }

    /// Host and port of everything that may have a credential: the side's own host, and `more`.
    fn allowed(&self, more: &[Destination]) -> HashSet<(String, u16)> {
        let own = self
            .host
            .iter()
            .flat_map(|host| [None, self.port].map(|port| Destination { host: host.clone(), port }));
        let all = own.chain(more.iter().cloned());
        all.flat_map(|Destination { host, port }| {
            let host = canonical_host(&host);
            port.map_or(PORTS.to_vec(), |port| vec![port]).into_iter().map(move |port| (host.clone(), port))
        })
        .collect()
    }
}

/// Why a list is not worked on: it would send credentials where they may not go. Nothing was dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationRefusal {
    /// One sentence for each host, at most 20, and the number of the others.
    pub reasons: Vec<String>,
    /// The lines that allow all of it, for who means it; `None` where no line could.
    pub remedy: Option<String>,
}

/// Where rows may sign in beside the project's own two hosts.
#[derive(Debug, Clone, Copy)]
pub enum AllowedHosts<'a> {
    /// `[mailboxes] hosts`: a plugin that ships reads what the operator wrote.
    Project(&'a [Destination]),
    /// What `plugins.lock` grants the foreign plugin that makes the list.
    Plugin(&'a PluginId, &'a [Destination]),
}

impl<'a> AllowedHosts<'a> {
    /// For the lists of this source; `hosts` is `[mailboxes] hosts`.
    #[must_use]
    pub fn of(source: &'a dyn MailboxSource, hosts: &'a [Destination]) -> Self {
        source.hosts().map_or(Self::Project(hosts), |granted| Self::Plugin(source.plugin(), granted))
    }
}

/// Credentials of one kind that would go to one host which may not have them.
struct StrayCredential {
    credential: Credential,
    side: Side,
    endpoint: Endpoint,
    /// Where the first mailbox whose credential would go there is listed.
    first: String,
    mailboxes: usize,
    /// The plugin that was not granted the host; `None` where the project file does not allow it.
    plugin: Option<PluginId>,
}

impl StrayCredential {
    /// The key that allows it, and the table it stands under. A row's password is one matter on both sides.
    fn key(&self) -> (&'static str, &'static str) {
        match self.credential {
            Credential::Own => ("mailboxes", "hosts"),
            Credential::Admin | Credential::Token => (self.side.as_str(), "admin_hosts"),
        }
    }

    /// Returns whether the host can be written into the project file at all.
    fn is_host(&self) -> bool {
        let host = canonical_host(&self.endpoint.host);
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        host.parse::<IpAddr>().is_ok() || (!host.is_empty() && host.bytes().all(letter))
    }

    fn sentence(&self) -> String {
        let (first, side) = (&self.first, self.side.as_str());
        let (who, whose) = match self.mailboxes {
            1 => (first.clone(), "its"),
            2 => (format!("{first} and one more mailbox"), "their"),
            n => (format!("{first} and {} more mailboxes", n - 1), "their"),
        };
        if !self.is_host() {
            // Not shown: in a row that is shifted by a comma it may be the password.
            return format!(
                "{who}: the {side} host is no name of a host; a port stands in a column of its own"
            );
        }
        let what = match self.credential {
            Credential::Own if self.mailboxes == 1 => format!("{whose} {side} password"),
            Credential::Own => format!("{whose} {side} passwords"),
            Credential::Admin => format!("`[{side}] admin_password`"),
            Credential::Token => format!("`[{side}] token`"),
        };
        match &self.plugin {
            None => {
                format!("{who}: {what} would go to {}, which the project file does not allow", self.endpoint)
            }
            Some(plugin) => {
                format!("{who}: {what} would go to {}, which `{}` was not granted", self.endpoint, plugin.id)
            }
        }
    }
}

/// Returns every host that mailboxes of the list would send a credential to and may not; `None` when there is
/// none.
#[must_use]
pub fn refusal(
    allowed: AllowedHosts<'_>,
    source: &Server,
    target: &Server,
    entries: &[MailboxEntry],
) -> Option<DestinationRefusal> {
    let (hosts, plugin) = match allowed {
        AllowedHosts::Project(hosts) => (hosts, None),
        AllowedHosts::Plugin(plugin, granted) => (granted, Some(plugin)),
    };
    let mut strays: Vec<StrayCredential> = Vec::new();
    for (side, server) in [(Side::Source, source), (Side::Target, target)] {
        let (rows, project) = (server.allowed(hosts), server.allowed(&server.admin_hosts));
        let mut known: HashMap<(Credential, String, u16), usize> = HashMap::new();
        for entry in entries {
            let account = if side == Side::Source { &entry.source } else { &entry.target };
            let Some(endpoint) = server.endpoint(account) else { continue };
            // A password that is not there yet is the row's own: `provision` makes such ones.
            let credential = server.credential(account).unwrap_or(Credential::Own);
            let place = (canonical_host(&endpoint.host), endpoint.port);
            let allowed = if credential == Credential::Own { &rows } else { &project };
            let ungranted = plugin.filter(|_| !rows.contains(&place));
            if allowed.contains(&place) && ungranted.is_none() {
                continue;
            }
            let at = *known.entry((credential, place.0, place.1)).or_insert(strays.len());
            match strays.get_mut(at) {
                Some(stray) => stray.mailboxes += 1,
                None => {
                    let first = entry.origin.clone().unwrap_or_else(|| format!("mailbox `{}`", entry.key));
                    let plugin = ungranted.cloned();
                    strays.push(StrayCredential { credential, side, endpoint, first, mailboxes: 1, plugin });
                }
            }
        }
    }
    if strays.is_empty() {
        return None;
    }
    let mut reasons: Vec<String> = strays.iter().take(SHOWN).map(StrayCredential::sentence).collect();
    if let Some(more) = strays.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        reasons.push(format!("and {more} more hosts like these"));
    }
    let there = [
        (("mailboxes", "hosts"), hosts),
        (("source", "admin_hosts"), &source.admin_hosts),
        (("target", "admin_hosts"), &target.admin_hosts),
    ];
    let lines: String = there.into_iter().filter_map(|(key, there)| line(key, there, &strays)).collect();
    let mut remedies = Vec::new();
    if !lines.is_empty() {
        remedies.push(format!("only if that is meant, write into the project file{lines}"));
    }
    remedies.extend(plugin.and_then(|plugin| grants(plugin, &strays)));
    let remedy = (!remedies.is_empty()).then(|| remedies.join("\n"));
    Some(DestinationRefusal { reasons, remedy })
}

/// What grants a plugin the hosts that it names; `None` when nothing is missing.
fn grants(plugin: &PluginId, strays: &[StrayCredential]) -> Option<String> {
    let mut hosts: Vec<String> = Vec::new();
    for stray in strays.iter().filter(|stray| stray.plugin.is_some() && stray.is_host()) {
        let host = canonical_host(&stray.endpoint.host);
        let host = Destination { host, port: Some(stray.endpoint.port) }.to_string();
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    if hosts.is_empty() {
        return None;
    }
    let needs: String =
        hosts.iter().map(|host| format!("\n  [[needs.host]]\n  host = \"{host}\"\n  why = \"…\"")).collect();
    let words: Vec<_> = hosts.iter().map(|host| format!("'{host}'")).collect();
    let id = &plugin.id;
    Some(format!(
        "only if that is meant: a plugin that does not ship asks for each host in its plugin.toml,{needs}\nand is granted it \
         with `mailhaul plugin update {id}` and `mailhaul plugin grant {id} {}`",
        words.join(" ")
    ))
}

/// Where and what to write for one key, with what stands there already; `None` when nothing is missing.
fn line((table, key): (&str, &str), there: &[Destination], strays: &[StrayCredential]) -> Option<String> {
    let mut all = there.to_vec();
    for stray in
        strays.iter().filter(|stray| stray.key() == (table, key) && stray.is_host() && stray.plugin.is_none())
    {
        let wanted = Destination::of(&stray.endpoint);
        if !all.contains(&wanted) {
            all.push(wanted);
        }
    }
    if all.len() == there.len() {
        return None;
    }
    let all: Vec<_> = all.iter().map(|destination| format!("\"{destination}\"")).collect();
    let place = if there.is_empty() { "" } else { ", in the place of the old one" };
    Some(format!("\nunder [{table}]{place}:\n  {key} = [{}]", all.join(", ")))
}

#[cfg(test)]
mod tests {
    use mailhaul_imap::Secret;

    use super::*;

    fn server(host: &str, shared: Option<Credential>) -> Server {
        let host = Some(host.to_owned()).filter(|host| !host.is_empty());
        Server { host, port: None, tls: TlsMode::Implicit, admin_hosts: Vec::new(), shared }
    }

    fn named(host: &str, port: Option<u16>) -> Destination {
        Destination { host: host.to_owned(), port }
    }

    /// A row of the list; a source without a host of its own is at the project's.
    fn row(line: usize, host: &str, port: Option<u16>, own: bool) -> MailboxEntry {
        let secret = || Some(Secret::from(b"canary".to_vec()));
        let source = AccountEntry {
            login: "anna".into(),
            host: Some(host.to_owned()).filter(|host| !host.is_empty()),
            port,
            secret: secret().filter(|_| own),
            ..AccountEntry::default()
        };
        let target = AccountEntry { login: "anna".into(), secret: secret(), ..AccountEntry::default() };
        let origin = Some(format!("m.csv:{line}"));
        MailboxEntry {
            key: line.to_string(),
            source,
            target,
            label: None,
            batch: None,
            origin,
            one_account: false,
        }
    }

    fn refused(hosts: &[Destination], source: &Server, rows: &[MailboxEntry]) -> Option<DestinationRefusal> {
        refusal(AllowedHosts::Project(hosts), source, &server("new.example", None), rows)
    }

    #[test]
    fn a_rows_password_goes_to_the_projects_host_and_to_hosts() {
        let source = Server { port: Some(1143), ..server("Mail.Old.example.", None) };
        let hosts =
            [named("other.example", None), named("third.example", Some(2993)), named("2001:db8::1", None)];
        for (host, port) in [
            ("", None),
            ("", Some(143)),
            ("", Some(993)),
            ("mail.old.example", None),
            ("MAIL.old.example.", Some(1143)),
            ("Other.example", None),
            ("other.example.", Some(143)),
            ("third.example", Some(2993)),
            ("2001:DB8:0::1", Some(993)),
            ("[2001:db8::1]", None),
        ] {
            assert_eq!(refused(&hosts, &source, &[row(2, host, port, true)]), None, "{host} {port:?}");
        }
        for (host, port, line) in [
            ("evil.example", None, "evil.example"),
            ("evil.example", Some(143), "evil.example"),
            ("", Some(25), "mail.old.example:25"),
            ("mail.old.example", Some(144), "mail.old.example:144"),
            ("sub.mail.old.example", None, "sub.mail.old.example"),
            ("other.example", Some(1143), "other.example:1143"),
            ("third.example", None, "third.example"),
            ("[2001:db8::2]", Some(1), "[2001:db8::2]:1"),
            ("::ffff:127.0.0.1", None, "[::ffff:127.0.0.1]"),
            ("imap.M\u{fc}ller.de", None, "imap.xn--mller-kva.de"),
            // The target's host is not the source's.
            ("new.example", None, "new.example"),
        ] {
            let refusal = refused(&hosts, &source, &[row(2, host, port, true)]).unwrap();
            assert!(
                refusal.reasons[0].starts_with("m.csv:2: its source password would go to "),
                "{refusal:?}"
            );
            let added = format!(
                "under [mailboxes], in the place of the old one:\n  hosts = [\"other.example\", \"third.example:2993\", \
                 \"[2001:db8::1]\", \"{line}\"]"
            );
            assert!(refusal.remedy.unwrap().ends_with(&added), "{added}");
        }
    }

    #[test]
    fn a_secret_is_for_one_host_in_any_spelling() {
        let source = Server { port: Some(1143), ..server("Mail.Old.example.", None) };
        let at = |host: &str, port| {
            let row = row(2, host, port, true).source;
            source.destination(&row).map(|destination| destination.to_string())
        };
        assert_eq!(at("", None).as_deref(), Some("mail.old.example:1143"));
        assert_eq!(at("MAIL.old.example", Some(1143)), at("", None));
        assert_eq!(at("MAIL.old.example", None).as_deref(), Some("mail.old.example"));
        assert_eq!(at("mail.old.example.", Some(143)), at("mail.old.example", Some(993)));
        assert_eq!(at("[2001:DB8::1]", Some(1)).as_deref(), Some("[2001:db8::1]:1"));
        assert_eq!(server("", None).destination(&AccountEntry::default()), None);
    }

    #[test]
    fn what_opens_every_mailbox_goes_to_its_host_and_to_admin_hosts() {
        for (shared, key) in [(Credential::Admin, "admin_password"), (Credential::Token, "token")] {
            let mut source = server("old.example", Some(shared));
            source.admin_hosts = vec![named("node.example", None)];
            let hosts = [named("other.example", None)];
            for host in ["", "old.example", "node.example"] {
                assert_eq!(refused(&hosts, &source, &[row(2, host, None, false)]), None, "{host}");
            }
            // `hosts` is for passwords of rows, `admin_hosts` is not.
            assert_eq!(refused(&hosts, &source, &[row(2, "other.example", None, true)]), None);
            let own = refused(&hosts, &source, &[row(2, "node.example", None, true)]).unwrap();
            assert!(own.remedy.unwrap().contains("under [mailboxes]"));
            let refusal = refused(&hosts, &source, &[row(2, "other.example", None, false)]).unwrap();
            assert_eq!(
                refusal.reasons,
                [format!(
                    "m.csv:2: `[source] {key}` would go to other.example:993, which the project file does not allow"
                )]
            );
            assert_eq!(
                refusal.remedy.as_deref(),
                Some(
                    "only if that is meant, write into the project file\nunder [source], in the place of the old one:\n  \
                     admin_hosts = [\"node.example\", \"other.example\"]"
                )
            );
        }
    }

    #[test]
    fn a_foreign_plugin_names_what_it_was_granted_and_the_projects_hosts() {
        let plugin = PluginId { id: "acme".into(), version: "1.0.0".into() };
        let granted = [named("cluster.example", Some(993)), named("node.example", Some(993))];
        let target = server("new.example", None);
        let asked = |source: &Server, rows: &[MailboxEntry]| {
            refusal(AllowedHosts::Plugin(&plugin, &granted), source, &target, rows)
        };
        let source = server("old.example", None);
        for (host, port) in [("", None), ("old.example", Some(143)), ("CLUSTER.example.", Some(993))] {
            assert_eq!(asked(&source, &[row(2, host, port, true)]), None, "{host}");
        }
        for (host, port, named) in [
            ("evil.example", None, "evil.example:993"),
            // Exactly the host and the port.
            ("cluster.example", Some(143), "cluster.example:143"),
            ("a.cluster.example", None, "a.cluster.example:993"),
            ("old.example", Some(25), "old.example:25"),
        ] {
            let refusal = asked(&source, &[row(2, host, port, true)]).unwrap();
            let wanted =
                format!("m.csv:2: its source password would go to {named}, which `acme` was not granted");
            assert_eq!(refusal.reasons, [wanted]);
            let remedy = refusal.remedy.unwrap();
            assert!(remedy.contains(&format!("host = \"{named}\"")), "{remedy}");
            assert!(remedy.ends_with(&format!("`mailhaul plugin grant acme '{named}'`")), "{remedy}");
            assert!(!remedy.contains("[mailboxes]"), "{remedy}");
        }
        // What opens every mailbox needs both words.
        let mut source = server("old.example", Some(Credential::Admin));
        source.admin_hosts = vec![named("node.example", None), named("other.example", None)];
        assert_eq!(asked(&source, &[row(2, "node.example", None, false)]), None);
        let other = asked(&source, &[row(2, "other.example", None, false)]).unwrap();
        assert!(other.reasons[0].ends_with("would go to other.example:993, which `acme` was not granted"));
        let cluster = asked(&source, &[row(2, "cluster.example", None, false)]).unwrap();
        assert!(cluster.reasons[0].ends_with("which the project file does not allow"));
        assert!(cluster.remedy.unwrap().contains("admin_hosts"));
    }

    #[test]
    fn a_project_without_a_host_allows_what_it_lists() {
        let rows = [row(2, "a.example", None, true), row(3, "b.example", None, true)];
        let refusal = refused(&[], &server("", None), &rows).unwrap();
        assert_eq!(refusal.reasons.len(), 2);
        let line = "\nunder [mailboxes]:\n  hosts = [\"a.example\", \"b.example\"]";
        assert!(refusal.remedy.unwrap().ends_with(line));
        let hosts = [named("a.example", None), named("b.example", None)];
        assert_eq!(refused(&hosts, &server("", None), &rows), None);
    }

    #[test]
    fn hundreds_of_rows_are_one_sentence_and_one_paste() {
        let mut rows: Vec<_> = (2..502).map(|line| row(line, "evil.example", None, true)).collect();
        rows.push(row(502, "evil.example", Some(143), true));
        rows.push(row(503, "evil.example", None, false));
        for row in &mut rows {
            row.target.host = Some("evil.example".into());
        }
        let refusal = refused(&[], &server("old.example", Some(Credential::Admin)), &rows).unwrap();
        assert_eq!(
            refusal.reasons,
            [
                "m.csv:2 and 499 more mailboxes: their source passwords would go to evil.example:993, which the \
                 project file does not allow",
                "m.csv:502: its source password would go to evil.example:143, which the project file does not allow",
                "m.csv:503: `[source] admin_password` would go to evil.example:993, which the project file does not \
                 allow",
                "m.csv:2 and 501 more mailboxes: their target passwords would go to evil.example:993, which the \
                 project file does not allow",
            ]
        );
        let remedy = refusal.remedy.unwrap();
        assert!(
            remedy.contains("under [mailboxes]:\n  hosts = [\"evil.example\"]\nunder [source]:"),
            "{remedy}"
        );
        assert!(!format!("{remedy} {:?}", refusal.reasons).contains("canary"));
    }

    #[test]
    fn what_is_no_host_is_said_and_not_offered() {
        for host in ["mail.example:993", "imaps://mail.example", "a b", "a\"]\nx = [\"", "\u{1b}[2J"] {
            let refusal = refused(&[], &server("old.example", None), &[row(2, host, None, true)]).unwrap();
            assert!(refusal.reasons[0].contains("is no name of a host"), "{refusal:?}");
            assert!(!refusal.reasons[0].contains(host) && refusal.remedy.is_none(), "{refusal:?}");
        }
    }

    #[test]
    fn many_hosts_do_not_fill_the_screen() {
        let rows: Vec<_> = (2..102).map(|line| row(line, &format!("h{line}.example"), None, true)).collect();
        let refusal = refused(&[], &server("old.example", None), &rows).unwrap();
        assert_eq!(refusal.reasons.len(), SHOWN + 1);
        assert_eq!(refusal.reasons.last().unwrap(), "and 80 more hosts like these");
        assert!(refusal.remedy.unwrap().contains("h101.example"), "one paste is enough");
    }
}
