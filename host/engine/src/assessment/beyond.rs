//! What IMAP does not carry, and what does: by the kind of the old host, and by what its folders show.
//!
//! RFC 9051 knows messages, flags and folders. Rules, appointments, contacts, archives beside the mailbox and
//! what others share stay behind, whoever moves the mail; a client who learns that after the switch has lost
//! something.

use std::collections::{BTreeMap, BTreeSet};

use mailhaul_text::{escape, plural};
use serde::Serialize;

use super::Assessment;
use crate::named_enum::named_enum;

named_enum! {
    /// What IMAP does not carry.
    pub enum Beyond {
        /// Filters and rules, out-of-office replies, forwarding.
        Rules = "rules",
        /// Appointments and tasks.
        Calendars = "calendars",
        /// Address books.
        Contacts = "contacts",
        /// An archive beside the mailbox, which IMAP does not show.
        Archive = "archive",
        /// Mailboxes and folders of others.
        Shared = "shared",
        /// Addresses that lead to a mailbox and are none.
        Aliases = "aliases",
    }
}

/// One thing that IMAP does not carry from one kind of host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotCarried {
    /// What it is.
    pub what: Beyond,
    /// The kind of host that it is about: `Gmail`, `Dovecot`; `the old host` where none is known.
    pub host: String,
    /// What the servers show of it, for people; `None` where they show nothing, which says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// What does carry it, one sentence.
    pub carried_by: String,
}

/// Kinds of hosts by what they offer instead of IMAP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    Google,
    Microsoft,
    Zimbra,
    Apple,
    Panel,
    Other,
}

impl Family {
    fn of(provider: Option<&str>) -> Self {
        match provider {
            Some("gmail") => Self::Google,
            Some("microsoft365" | "exchange" | "godaddy" | "workmail") => Self::Microsoft,
            Some("zimbra") => Self::Zimbra,
            Some("icloud") => Self::Apple,
            Some("cpanel" | "plesk" | "dovecot" | "cyrus" | "courier") => Self::Panel,
            _ => Self::Other,
        }
    }

    /// What carries it, one sentence; `None` where such hosts have no such thing.
    fn carried_by(self, what: Beyond) -> Option<&'static str> {
        use Beyond as B;
        Some(match (self, what) {
            (Self::Google, B::Rules) => {
                "filters are exported under Settings, Filters and Blocked Addresses, and entered by hand at the new host"
            }
            (Self::Google, B::Calendars) => {
                "Calendar exports .ics files (Settings, Import & export), or Google Takeout"
            }
            (Self::Google, B::Contacts) => "Contacts exports vCard or CSV, or Google Takeout",
            (Self::Google, B::Archive) => {
                "archived mail is in All Mail, which IMAP shows when Gmail's IMAP settings allow it; Vault does not move"
            }
            (Self::Google, B::Shared) => {
                "delegated mailboxes and groups are listed in the admin console, each moves by itself"
            }
            (Self::Google, B::Aliases) => {
                "aliases are listed in the admin console (Directory, Users, Alternate emails)"
            }
            (Self::Microsoft, B::Rules) => {
                "Outlook exports rules to an .rwz file; `Get-InboxRule -Mailbox USER` lists them for whoever enters them"
            }
            (Self::Microsoft, B::Calendars) => {
                "Outlook exports .ics or .pst; the new host's own migration tool reads them by Exchange"
            }
            (Self::Microsoft, B::Contacts) => "Outlook exports contacts as CSV or .pst",
            (Self::Microsoft, B::Archive) => {
                "the online archive is a mailbox of its own that IMAP does not show: `Get-Mailbox -Archive` lists those that have \
                 one, a .pst export carries it"
            }
            (Self::Microsoft, B::Shared) => {
                "a shared mailbox takes a row of its own in the list, under its own address; public folders need a .pst export"
            }
            (Self::Microsoft, B::Aliases) => {
                "`Get-Mailbox -ResultSize Unlimited | Select Name, EmailAddresses` lists them"
            }
            (Self::Zimbra, B::Rules) => "`zmmailbox -z -m USER getFilterRules` lists them",
            (Self::Zimbra, B::Calendars) => {
                "`zmmailbox -z -m USER getRestURL '/Calendar?fmt=ics'` writes an .ics file"
            }
            (Self::Zimbra, B::Contacts) => {
                "`zmmailbox -z -m USER getRestURL '/Contacts?fmt=vcf'` writes a vCard file"
            }
            (Self::Zimbra, B::Archive) => {
                "an archive account is an account of its own: it takes a row of its own in the list"
            }
            (Self::Zimbra, B::Shared) => "`zmmailbox -z -m USER getFolderGrant FOLDER` lists who shares what",
            (Self::Zimbra, B::Aliases) => "`zmprov getAccount USER zimbraMailAlias` lists them",
            (Self::Apple, B::Rules) => {
                "rules stand in iCloud Mail's settings on the web; they are entered by hand"
            }
            (Self::Apple, B::Calendars) => "Calendar on a Mac exports .ics files",
            (Self::Apple, B::Contacts) => "Contacts on a Mac or icloud.com exports vCards",
            (Self::Apple, B::Aliases) => "aliases stand in iCloud Mail's settings on the web",
            (Self::Apple, B::Archive | B::Shared) => return None,
            (Self::Panel, B::Rules) => {
                "Sieve scripts, replies and forwarders are in the panel, or are fetched by ManageSieve (port 4190)"
            }
            (Self::Panel, B::Calendars) => {
                "a calendar, where the host has one, exports .ics in its web mail, or by CalDAV"
            }
            (Self::Panel, B::Contacts) => "the web mail's address book exports vCard or CSV, or by CardDAV",
            (Self::Panel, B::Archive) => return None,
            (Self::Panel, B::Shared) => {
                "a folder that is shared moves with its owner's mailbox; who may see it is set anew at the new host"
            }
            (Self::Panel, B::Aliases) => {
                "forwarders and aliases are listed in the panel, and made anew at the new host"
            }
            (Self::Other, B::Rules) => "ask the old host how rules, replies and forwarding are exported",
            (Self::Other, B::Calendars) => "ask the old host for an .ics export or CalDAV",
            (Self::Other, B::Contacts) => "ask the old host for a vCard or CSV export, or CardDAV",
            (Self::Other, B::Archive) => "ask the old host whether there is an archive beside the mailboxes",
            (Self::Other, B::Shared) => "ask who shares which folders: each moves with its owner's mailbox",
            (Self::Other, B::Aliases) => "ask the old host for the list of aliases and forwarders",
        })
    }
}

/// Returns what IMAP does not carry from these mailboxes' old hosts, a line for each kind of host and thing.
#[must_use]
pub fn not_carried(mailboxes: &[Assessment]) -> Vec<NotCarried> {
    let mut families: BTreeMap<Family, (BTreeSet<&str>, Vec<&Assessment>)> = BTreeMap::new();
    for one in mailboxes.iter().filter(|one| one.is_read()) {
        let provider = one.source.provider.as_ref();
        let of = families.entry(Family::of(provider.map(|provider| provider.id.as_str()))).or_default();
        of.0.extend(provider.map(|provider| provider.name.as_str()));
        of.1.push(one);
    }
    let mut all = Vec::new();
    for (family, (names, mailboxes)) in families {
        let host = match names.iter().take(3).map(|name| escape(name)).collect::<Vec<_>>() {
            names if names.is_empty() => "the old host".to_owned(),
            names => names.join(", "),
        };
        for what in Beyond::ALL {
            let Some(carried_by) = family.carried_by(*what) else { continue };
            let (host, carried_by) = (host.clone(), carried_by.to_owned());
            all.push(NotCarried { what: *what, host, seen: seen(*what, &mailboxes), carried_by });
        }
    }
    all
}

/// What the servers show of it: folders whose names say so, and those of others.
fn seen(what: Beyond, mailboxes: &[&Assessment]) -> Option<String> {
    let in_mailboxes = |folders: &dyn Fn(&Assessment) -> Vec<String>| {
        let with: Vec<Vec<String>> =
            mailboxes.iter().map(|one| folders(one)).filter(|names| !names.is_empty()).collect();
        let first = escape(with.first()?.first()?);
        let n = with.len() as u64;
        Some(format!(
            "{} {} such folders, `{first}` say",
            plural(n, "mailbox"),
            if n == 1 { "has" } else { "have" }
        ))
    };
    let named = |kinds: &[Kind]| {
        in_mailboxes(&|one| {
            let first = one.not_mail.first.iter();
            first.filter(|name| kind(name).is_some_and(|kind| kinds.contains(&kind))).cloned().collect()
        })
    };
    match what {
        Beyond::Calendars => named(&[Kind::Calendar, Kind::Tasks, Kind::Notes]),
        Beyond::Contacts => named(&[Kind::Contacts]),
        Beyond::Shared => in_mailboxes(&|one| one.shared_folders.first.clone()),
        Beyond::Rules | Beyond::Archive | Beyond::Aliases => None,
    }
}

/// What a folder that is no mail holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Calendar,
    Contacts,
    Tasks,
    Notes,
}

/// Names that Exchange, Zimbra, Kerio, Domino and Horde give such folders, in the languages that they speak
/// to people; in small letters.
const NAMES: &[(&str, Kind)] = &[
    ("calendar", Kind::Calendar),
    ("calendario", Kind::Calendar),
    ("calendrier", Kind::Calendar),
    ("calendário", Kind::Calendar),
    ("kalender", Kind::Calendar),
    ("kalendarz", Kind::Calendar),
    ("agenda", Kind::Calendar),
    ("birthdays", Kind::Calendar),
    ("contacts", Kind::Contacts),
    ("emailed contacts", Kind::Contacts),
    ("suggested contacts", Kind::Contacts),
    ("contactos", Kind::Contacts),
    ("contatos", Kind::Contacts),
    ("contatti", Kind::Contacts),
    ("contactpersonen", Kind::Contacts),
    ("kontakte", Kind::Contacts),
    ("kontakty", Kind::Contacts),
    ("kontakter", Kind::Contacts),
    ("tasks", Kind::Tasks),
    ("aufgaben", Kind::Tasks),
    ("tâches", Kind::Tasks),
    ("tareas", Kind::Tasks),
    ("tarefas", Kind::Tasks),
    ("attività", Kind::Tasks),
    ("taken", Kind::Tasks),
    ("zadania", Kind::Tasks),
    ("journal", Kind::Notes),
    ("notes", Kind::Notes),
    ("notizen", Kind::Notes),
];

/// Returns what a folder of this path holds when it is no mail, by its first level: nobody keeps mail below
/// `Calendar`.
#[must_use]
pub(crate) fn kind(path: &str) -> Option<Kind> {
    let first = path.split('/').next().unwrap_or_default().to_lowercase();
    NAMES.iter().find(|(name, _)| *name == first).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::{EndFigures, ProviderFigures};

    fn at(id: Option<&str>) -> Assessment {
        let provider =
            id.map(|id| ProviderFigures { id: id.into(), name: id.into(), ..ProviderFigures::default() });
        let source = EndFigures { provider, ..EndFigures::default() };
        Assessment { mailbox: "anna".into(), source, ..Assessment::default() }
    }

    #[test]
    fn every_kind_of_host_is_told_what_carries_each_thing() {
        for (id, lines) in [
            (Some("gmail"), 6),
            (Some("microsoft365"), 6),
            (Some("zimbra"), 6),
            (Some("icloud"), 4),
            (Some("dovecot"), 5),
            (Some("nobody-knows"), 6),
            (None, 6),
        ] {
            let found = not_carried(&[at(id), at(id)]);
            assert_eq!(found.len(), lines, "{id:?}");
            assert!(found.iter().all(|one| one.host == id.unwrap_or("the old host")), "{found:?}");
        }
        assert_eq!(not_carried(&[at(Some("gmail")), at(None)]).len(), 12, "a list of two hosts");
        assert_eq!(not_carried(&[]), []);
    }

    #[test]
    fn what_the_folders_show_is_said() {
        let mut anna = at(Some("exchange"));
        ["Calendar", "Kontakte/\u{1b}x"].iter().for_each(|name| anna.not_mail.add(name));
        let mut bob = at(Some("exchange"));
        bob.not_mail.add("Calendar/Birthdays");
        bob.shared_folders.add("/Public/x");
        let found = not_carried(&[anna, bob]);
        let seen = |what| found.iter().find(|one| one.what == what).unwrap().seen.as_deref();
        assert_eq!(seen(Beyond::Calendars), Some("2 mailboxes have such folders, `Calendar` say"));
        assert_eq!(seen(Beyond::Contacts), Some("1 mailbox has such folders, `Kontakte/\\x1bx` say"));
        assert_eq!(seen(Beyond::Shared), Some("1 mailbox has such folders, `/Public/x` say"));
        assert_eq!(seen(Beyond::Rules), None);
    }

    #[test]
    fn only_a_whole_first_level_makes_a_calendar() {
        for (path, is) in [
            ("Calendar", true),
            ("KALENDER/Privat", true),
            ("Tâches", true),
            ("Calendars 2019", false),
            ("Archive/Calendar", false),
            ("INBOX", false),
            ("", false),
        ] {
            assert_eq!(kind(path).is_some(), is, "{path}");
        }
    }
}
