//! What the columns of other programs' lists are called.
//!
//! A name is compared folded: letters and digits only, in lower case. Most names are taken apart into a side
//! (`SIDES`, before or behind) and a thing (`THINGS`): `Old Email`, `sourceEmail`, `user1`, `Passwort
//! (neu)`, `destination_host`. What cannot be taken apart is in `WHOLE`. Where a name comes from stands
//! beside it.
//!
//! The host has decided before which columns are secret, by rules of its own; every word for a password here
//! is one by these (`host/app` compares).

use crate::columns::Column;

/// One end of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The old host.
    Source,
    /// The new host.
    Target,
}

/// What a column has of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// The name the server knows the account by.
    Login,
    /// A mail address: the log-in, unless the list has one beside it.
    Address,
    /// The password.
    Password,
    /// The server.
    Host,
    /// Its port.
    Port,
    /// How the connection is protected.
    Tls,
}

/// What a column's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// This column.
    Column(Column),
    /// A thing of an account, and of which side where the name says so.
    Of(Option<Side>, Thing),
    /// Bytes the mailbox may hold, of which a bare number is so many; 0 where that is not known, and only a
    /// number with its unit counts.
    Quota(u64),
    /// Something that no move needs.
    NotRead,
}

use Meaning::{NotRead, Of, Quota};
use Side::{Source, Target};
use Thing::{Address, Host, Login, Password, Port, Tls};

static SIDES: &[(&str, Side)] = &[
    ("source", Source),
    ("src", Source),
    ("old", Source),
    ("from", Source),
    ("origin", Source),
    ("current", Source),
    ("previous", Source),
    ("quell", Source),
    ("quelle", Source),
    ("von", Source),
    ("alt", Source),
    ("alte", Source),
    ("alter", Source),
    ("altes", Source),
    ("altem", Source),
    ("bisherige", Source),
    ("bisheriger", Source),
    ("bisheriges", Source),
    // imapsync: --user1, --host2
    ("1", Source),
    ("target", Target),
    ("dest", Target),
    ("destination", Target),
    ("dst", Target),
    ("new", Target),
    ("to", Target),
    ("ziel", Target),
    ("nach", Target),
    ("neu", Target),
    ("neue", Target),
    ("neuer", Target),
    ("neues", Target),
    ("neuem", Target),
    ("zielserver", Target),
    ("newserver", Target),
    ("oldserver", Source),
    ("quellserver", Source),
    ("2", Target),
];

static THINGS: &[(&str, Thing)] = &[
    // imapsync; Microsoft's IMAP migration (UserName); Exchange's (LoginID); MigrationWiz (Login Name)
    ("user", Login),
    ("username", Login),
    ("userid", Login),
    ("login", Login),
    ("loginid", Login),
    ("loginname", Login),
    ("account", Login),
    ("accountname", Login),
    ("imapuser", Login),
    ("imapusername", Login),
    ("imaplogin", Login),
    ("mailuser", Login),
    ("benutzer", Login),
    ("benutzername", Login),
    ("benutzerkennung", Login),
    ("nutzer", Login),
    ("nutzername", Login),
    ("anmeldename", Login),
    ("konto", Login),
    ("kontoname", Login),
    // cPanel, Plesk, MailJerry, MailFerry (Email); Microsoft (EmailAddress); Google (Email Address
    // [Required])
    ("email", Address),
    ("mail", Address),
    ("emailaddress", Address),
    ("mailaddress", Address),
    ("emailid", Address),
    ("emailaccount", Address),
    ("mailaccount", Address),
    ("primaryemail", Address),
    ("address", Address),
    ("mailbox", Address),
    ("mailboxname", Address),
    ("identity", Address),
    ("emailadresse", Address),
    ("mailadresse", Address),
    ("adresse", Address),
    ("postfach", Address),
    ("emailkonto", Address),
    ("mailkonto", Address),
    ("emailpostfach", Address),
    ("password", Password),
    ("pass", Password),
    ("passwd", Password),
    ("pwd", Password),
    ("pw", Password),
    ("apppassword", Password),
    ("emailpassword", Password),
    ("mailpassword", Password),
    ("imappassword", Password),
    ("userpassword", Password),
    ("passwort", Password),
    ("kennwort", Password),
    // French
    ("motdepasse", Password),
    ("mdp", Password),
    ("emailpasswort", Password),
    ("host", Host),
    ("hostname", Host),
    ("server", Host),
    ("servername", Host),
    ("imaphost", Host),
    ("imapserver", Host),
    ("mailserver", Host),
    ("port", Port),
    ("imapport", Port),
    ("tls", Tls),
    ("ssl", Tls),
    ("ssltls", Tls),
    ("security", Tls),
];

/// Names as a whole.
static WHOLE: &[(&str, Meaning)] = &[
    // The loops around imapsync: `while read h1 u1 p1 h2 u2 p2`
    ("h1", Of(Some(Source), Host)),
    ("u1", Of(Some(Source), Login)),
    ("p1", Of(Some(Source), Password)),
    ("h2", Of(Some(Target), Host)),
    ("u2", Of(Some(Target), Login)),
    ("p2", Of(Some(Target), Password)),
    // Lists of addresses, old and new
    ("source", Of(Some(Source), Address)),
    ("target", Of(Some(Target), Address)),
    ("old", Of(Some(Source), Address)),
    ("new", Of(Some(Target), Address)),
    ("alt", Of(Some(Source), Address)),
    ("neu", Of(Some(Target), Address)),
    ("quelle", Of(Some(Source), Address)),
    ("ziel", Of(Some(Target), Address)),
    // Exchange's list of IMAP users (Imapusr.csv)
    ("imapmailbox", Of(Some(Source), Login)),
    ("smtpaddress", Of(Some(Target), Address)),
    ("imapssl", Of(None, Tls)),
    ("exmailbox", NotRead),
    // CloudM
    ("exportname", Of(Some(Source), Address)),
    ("importname", Of(Some(Target), Address)),
    ("exporttype", NotRead),
    ("importtype", NotRead),
    // Microsoft 365's list of users
    ("userprincipalname", Of(None, Address)),
    ("upn", Of(None, Address)),
    ("encryption", Of(None, Tls)),
    ("verschluesselung", Of(None, Tls)),
    // For people
    ("name", Meaning::Column(Column::Label)),
    ("fullname", Meaning::Column(Column::Label)),
    ("displayname", Meaning::Column(Column::Label)),
    ("anzeigename", Meaning::Column(Column::Label)),
    ("batchname", Meaning::Column(Column::Batch)),
    ("wave", Meaning::Column(Column::Batch)),
    ("welle", Meaning::Column(Column::Batch)),
    // Numbers of rows: `#`, `Nr.`
    ("", NotRead),
    ("no", NotRead),
    ("nr", NotRead),
    ("id", NotRead),
    // A quota is the mailbox's on either host. Of a bare number the unit is known where the name has it, and
    // in what cPanel's API lists (megabytes); not where a spreadsheet says "Quota".
    ("quota", Quota(0)),
    ("mailboxquota", Quota(0)),
    ("mailquota", Quota(0)),
    ("quotalimit", Quota(0)),
    ("humandiskquota", Quota(0)),
    ("quotamb", Quota(1 << 20)),
    ("quotainmb", Quota(1 << 20)),
    ("mailboxquotamb", Quota(1 << 20)),
    ("diskquota", Quota(1 << 20)),
    ("txtdiskquota", NotRead),
    ("quotagb", Quota(1 << 30)),
    ("quotaingb", Quota(1 << 30)),
    ("mailboxquotagb", Quota(1 << 30)),
    // cPanel, Plesk, DirectAdmin
    ("suspended", NotRead),
    ("hassuspended", NotRead),
    ("suspendedlogin", NotRead),
    ("suspendedincoming", NotRead),
    ("suspendedoutgoing", NotRead),
    ("holdoutgoing", NotRead),
    ("diskusedpercent", NotRead),
    ("humandiskused", NotRead),
    ("usedgb", NotRead),
    ("mtime", NotRead),
    ("active", NotRead),
    ("aktiv", NotRead),
    ("enabled", NotRead),
    ("aktiviert", NotRead),
    ("disabled", NotRead),
    ("deaktiviert", NotRead),
    ("gesperrt", NotRead),
    ("created", NotRead),
    ("createdat", NotRead),
    ("erstellt", NotRead),
    ("lastlogin", NotRead),
    ("letzteanmeldung", NotRead),
    ("aliases", NotRead),
    ("aliase", NotRead),
    ("forwarding", NotRead),
    ("forwarders", NotRead),
    ("weiterleitung", NotRead),
    ("autoresponder", NotRead),
    ("spamfilter", NotRead),
    ("antivirus", NotRead),
    ("domain", NotRead),
    ("domainname", NotRead),
    ("used", NotRead),
    ("usage", NotRead),
    ("usedmb", NotRead),
    ("diskused", NotRead),
    ("diskusage", NotRead),
    ("size", NotRead),
    ("sizemb", NotRead),
    ("sizegb", NotRead),
    ("messages", NotRead),
    ("speicher", NotRead),
    ("speicherplatz", NotRead),
    ("belegt", NotRead),
    ("groesse", NotRead),
    ("groessemb", NotRead),
    // Google's list of users
    ("firstname", NotRead),
    ("givenname", NotRead),
    ("lastname", NotRead),
    ("familyname", NotRead),
    ("surname", NotRead),
    ("orgunitpath", NotRead),
    ("vorname", NotRead),
    ("nachname", NotRead),
    ("department", NotRead),
    ("abteilung", NotRead),
    ("company", NotRead),
    ("firma", NotRead),
    ("phone", NotRead),
    ("telefon", NotRead),
    // LWS's batch transfer
    ("sourcetype", NotRead),
    ("notificationemail", NotRead),
    // MigrationWiz
    ("flags", NotRead),
    ("status", NotRead),
    ("type", NotRead),
    ("typ", NotRead),
    ("comment", NotRead),
    ("comments", NotRead),
    ("note", NotRead),
    ("notes", NotRead),
    ("kommentar", NotRead),
    ("bemerkung", NotRead),
    ("bemerkungen", NotRead),
    ("notiz", NotRead),
];

/// Returns what a column is by its name in a header; `None` for a name that is not known.
#[must_use]
pub fn meaning(name: &str) -> Option<Meaning> {
    let name = folded(name);
    let name = name.as_str();
    let sided = || {
        SIDES.iter().find_map(|(word, side)| {
            let rest = name.strip_prefix(word).or_else(|| name.strip_suffix(word))?;
            Some(Of(Some(*side), known(THINGS, rest)?))
        })
    };
    known(WHOLE, name).or_else(|| known(THINGS, name).map(|thing| Of(None, thing))).or_else(sided)
}

/// Looks a name up. Not inlined, and over a table whose length the compiler does not know: it would unroll
/// these loops one within the other, for minutes.
#[inline(never)]
fn known<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    std::hint::black_box(table).iter().find(|(known, _)| *known == name).map(|(_, what)| *what)
}

/// A name as it is compared: `E-Mail Address [Required]` is `emailaddress`, `Größe` is `groesse`.
fn folded(name: &str) -> String {
    let name = match name.split_once('[') {
        Some((before, _)) if !before.trim().is_empty() => before,
        _ => name,
    };
    let mut letters = String::with_capacity(name.len());
    for c in name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase) {
        match c {
            'ä' => letters.push_str("ae"),
            'ö' => letters.push_str("oe"),
            'ü' => letters.push_str("ue"),
            'ß' => letters.push_str("ss"),
            c => letters.push(c),
        }
    }
    letters
}

/// Every name of a password that is understood, as a header could have it.
#[must_use]
pub fn passwords() -> Vec<String> {
    let things = THINGS.iter().filter(|(_, thing)| *thing == Password).map(|(name, _)| *name);
    let sided = things.flat_map(|name| {
        let sided =
            SIDES.iter().flat_map(move |(side, _)| [format!("{side}{name}"), format!("{name}{side}")]);
        sided.chain([name.to_owned()])
    });
    let whole = WHOLE.iter().filter(|(_, meaning)| matches!(meaning, Of(_, Password)));
    sided.chain(whole.map(|(name, _)| (*name).to_owned())).collect()
}
