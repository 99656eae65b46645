//! Why a mailbox cannot go on: the closed list of causes, with who has to act on each and what to do.
//!
//! Exit codes, `check`, the report and the status all speak of these, and nothing else decides by a cause's
//! text.

use mailhaul_imap::Cause as ServerCause;

use crate::named_enum::named_enum;
use crate::side::Side;

named_enum! {
    /// Why a mailbox as a whole cannot go on, as exit codes, `check` and the report name it.
    pub enum Cause {
        /// The server refused the log-in, so that user name or password are wrong; or the secret cannot be
        /// had.
        AuthRefused = "auth-refused",
        /// The server says that there is no such mailbox.
        MailboxMissing = "mailbox-missing",
        /// Wrong credentials or no such mailbox: the server does not say which.
        AuthOrMissing = "auth-or-missing",
        /// The server says that IMAP is switched off for this mailbox.
        ImapDisabled = "imap-disabled",
        /// The server takes no password, only an OAuth token.
        NeedsOauth = "needs-oauth",
        /// Not tried: log-ins of other mailboxes were refused in a row at this host, and more of them could
        /// get this machine banned there.
        NotTried = "not-tried",
        /// The server has too many connections or log-ins of this user or address at once.
        TooManyConnections = "too-many-connections",
        /// The host name has no address in the DNS.
        NameUnknown = "name-unknown",
        /// The host answers, and nothing listens on the port.
        Refused = "refused",
        /// No answer: a firewall, a wrong address, a dead host.
        Filtered = "filtered",
        /// The certificate chain ends at no root that this machine trusts.
        TlsUntrusted = "tls-untrusted",
        /// The certificate was issued for another name than the one dialled.
        TlsName = "tls-name",
        /// The certificate has expired, or is not valid yet.
        TlsExpired = "tls-expired",
        /// TLS was asked of a port that answers in clear text, from the first byte or by STARTTLS.
        TlsOnPlainPort = "tls-on-plain-port",
        /// Clear text was spoken to a port that expects TLS.
        PlainOnTlsPort = "plain-on-tls-port",
        /// The port belongs to another protocol than IMAP: SMTP, POP3, HTTP …
        OtherProtocol = "other-protocol",
        /// The mailbox has no room left, or less than what is to be moved takes.
        Quota = "quota",
        /// The server failed in a way that has no cause of its own here.
        ServerFault = "server-fault",
        /// A plugin broke, refused, or answered against its contract.
        Plugin = "plugin",
        /// Two log-ins in the list lead to one account.
        OneAccount = "one-account",
        /// The plan has conflicts, or is not the one that was agreed on.
        Plan = "plan",
        /// The ledger is damaged, newer or another account's, or there is none yet.
        Ledger = "ledger",
        /// Another mailhaul works on the mailbox at this moment.
        InUse = "in-use",
        /// A fault of mailhaul itself, to be reported with the log.
        Internal = "internal",
    }
}

named_enum! {
    /// Who has to act before a mailbox, or a message, can go on.
    pub enum Actor {
        /// The operator: whoever runs mailhaul.
        Operator = "operator",
        /// The client: whose mail it is.
        Client = "client",
        /// The support of the host that the mail comes from.
        OldHost = "old-host",
        /// The support of the host that the mail goes to.
        NewHost = "new-host",
        /// Nobody: it passes by itself, or is meant.
        Nobody = "nobody",
        /// The authors of mailhaul.
        Mailhaul = "mailhaul",
    }
}

impl Actor {
    /// Returns what people call it: you, the client, the old host …
    #[must_use]
    pub fn shown(self) -> &'static str {
        match self {
            Self::Operator => "you",
            Self::Client => "client",
            Self::OldHost => "old host",
            Self::NewHost => "new host",
            Self::Nobody => "nobody",
            Self::Mailhaul => "mailhaul",
        }
    }
}

impl From<ServerCause> for Cause {
    fn from(cause: ServerCause) -> Self {
        match cause {
            ServerCause::AuthRefused => Self::AuthRefused,
            ServerCause::MailboxMissing => Self::MailboxMissing,
            ServerCause::AuthOrMissing => Self::AuthOrMissing,
            ServerCause::ImapDisabled => Self::ImapDisabled,
            ServerCause::NeedsOauth => Self::NeedsOauth,
            ServerCause::TooManyConnections => Self::TooManyConnections,
            ServerCause::NameUnknown => Self::NameUnknown,
            ServerCause::Refused => Self::Refused,
            ServerCause::Filtered => Self::Filtered,
            ServerCause::TlsUntrusted => Self::TlsUntrusted,
            ServerCause::TlsName => Self::TlsName,
            ServerCause::TlsExpired => Self::TlsExpired,
            ServerCause::TlsOnPlainPort => Self::TlsOnPlainPort,
            ServerCause::PlainOnTlsPort => Self::PlainOnTlsPort,
            ServerCause::OtherProtocol => Self::OtherProtocol,
            ServerCause::Quota => Self::Quota,
            ServerCause::ServerFault => Self::ServerFault,
        }
    }
}

impl Cause {
    /// Returns who has to act on the cause when it was met at `side`.
    #[must_use]
    pub fn actor(self, side: Side) -> Actor {
        let host = match side {
            Side::Source => Actor::OldHost,
            Side::Target => Actor::NewHost,
            Side::Local => Actor::Operator,
        };
        match self {
            // At the new host it is a password that the operator, or `provision`, has set.
            Self::AuthRefused | Self::AuthOrMissing if side == Side::Source => Actor::Client,
            Self::AuthRefused | Self::AuthOrMissing => Actor::Operator,
            Self::MailboxMissing if side == Side::Source => Actor::Client,
            Self::MailboxMissing
            | Self::NeedsOauth
            | Self::NotTried
            | Self::TooManyConnections
            | Self::NameUnknown
            | Self::Refused
            | Self::Filtered
            | Self::TlsUntrusted
            | Self::TlsName
            | Self::TlsOnPlainPort
            | Self::PlainOnTlsPort
            | Self::OtherProtocol
            | Self::Plugin
            | Self::OneAccount
            | Self::Plan
            | Self::InUse
            | Self::Ledger => Actor::Operator,
            Self::ImapDisabled | Self::TlsExpired | Self::Quota | Self::ServerFault => host,
            Self::Internal => Actor::Mailhaul,
        }
    }

    /// Returns whether the cause is the same for every mailbox of a host: name, port or certificate.
    #[must_use]
    pub fn is_of_host(self) -> bool {
        matches!(
            self,
            Self::NameUnknown
                | Self::Refused
                | Self::Filtered
                | Self::TlsUntrusted
                | Self::TlsName
                | Self::TlsExpired
                | Self::TlsOnPlainPort
                | Self::PlainOnTlsPort
                | Self::OtherProtocol
        )
    }

    /// Returns what to do about the cause at this end, in one sentence without its full stop.
    #[must_use]
    pub fn remedy(self, side: Side) -> String {
        let side = side.as_str();
        match self {
            Self::AuthRefused => {
                format!("check the {side} user and password, and that IMAP is on for the mailbox")
            }
            Self::MailboxMissing if side == Side::Target.as_str() => {
                "create the mailbox (`mailhaul provision`), or correct its address in the list".to_owned()
            }
            Self::MailboxMissing => format!("create the mailbox on the {side}, or check its name"),
            Self::AuthOrMissing if side == Side::Target.as_str() => {
                "check the target password, that the mailbox is there (`mailhaul provision` creates what is missing), \
                 that IMAP is switched on for it, and an administrator's rights to it"
                    .to_owned()
            }
            Self::AuthOrMissing => {
                format!("check the {side} password, that the mailbox exists, and the log-in's rights to it")
            }
            Self::ImapDisabled => {
                format!("switch IMAP, or the log-in as a whole, on for this mailbox on the {side}")
            }
            Self::NeedsOauth => {
                format!("set `auth = \"xoauth2\"` and `token` under `[{side}]`, or use an app password")
            }
            Self::NotTried => {
                format!("mend the {side} log-ins that were refused, and run the same command again")
            }
            Self::TooManyConnections => {
                "lower `connections_per_host` under `[limits]`, and try again".to_owned()
            }
            Self::NameUnknown => format!("check `host` under `[{side}]`"),
            Self::Refused => format!("check `port` under `[{side}]`, and that the server runs"),
            Self::Filtered => {
                format!("check `host` and `port` under `[{side}]`, and any firewall in between")
            }
            Self::TlsUntrusted => {
                format!(
                    "set `ca_file` under `[{side}]` if the server has its own authority, or `fingerprint` for this \
                     certificate alone"
                )
            }
            Self::TlsName => format!(
                "if the server's operator says that it is his, use the name in the certificate as `host` under `[{side}]`"
            ),
            Self::TlsExpired => format!("have the {side} server's certificate renewed"),
            Self::TlsOnPlainPort => {
                format!(
                    "set the port for implicit TLS, or `tls = \"starttls\"` where the port offers that, under `[{side}]`"
                )
            }
            Self::PlainOnTlsPort => format!("set `tls = \"implicit\"` under `[{side}]`"),
            Self::OtherProtocol => format!("set IMAP's own `port`, 993 or 143, under `[{side}]`"),
            Self::Quota => format!("give the {side} mailbox more room"),
            Self::ServerFault => {
                "try again later; if it stays, ask the server's operator with the words above".to_owned()
            }
            Self::Plugin => "mend the plugin, or take it out of `mailhaul.toml`".to_owned(),
            Self::OneAccount => {
                "give each mailbox an account of its own in the list; `meant` in the column `one_account` says that it is \
                 one on purpose"
                    .to_owned()
            }
            Self::Plan => "decide it with a `[[folders]]` rule, and look with `mailhaul plan`".to_owned(),
            Self::InUse => "wait until the other command has ended, or stop it".to_owned(),
            Self::Ledger => "do what the sentence says, and run the same command again".to_owned(),
            Self::Internal => "report it with the log".to_owned(),
        }
    }

    /// Returns what is the matter, in one clause for people: no server's words, no host.
    #[must_use]
    pub fn sentence(self, side: Side) -> String {
        let host = match side {
            Side::Source => "the old host",
            Side::Target => "the new host",
            Side::Local => "this machine",
        };
        match self {
            Self::AuthRefused => format!("{host} refuses user name or password"),
            Self::MailboxMissing => format!("{host} has no such mailbox"),
            Self::AuthOrMissing => format!("{host} refuses the log-in, or has no such mailbox"),
            Self::ImapDisabled => format!("IMAP is switched off for the mailbox at {host}"),
            Self::NeedsOauth => format!("{host} takes no password, only an OAuth token"),
            Self::TooManyConnections => format!("{host} has too many connections at once"),
            Self::NameUnknown => format!("the name of {host} is not known"),
            Self::Refused => format!("nothing listens on the port of {host}"),
            Self::Filtered => format!("{host} does not answer"),
            Self::TlsUntrusted => format!("the certificate of {host} cannot be trusted"),
            Self::TlsName => format!("the certificate of {host} is for another name"),
            Self::TlsExpired => format!("the certificate of {host} has expired"),
            Self::TlsOnPlainPort => format!("the port of {host} does not speak TLS as it is asked to"),
            Self::PlainOnTlsPort => format!("the port of {host} speaks TLS from the first byte"),
            Self::OtherProtocol => format!("the port of {host} speaks another protocol than IMAP"),
            Self::NotTried => format!("{host} has refused too many log-ins for more to be tried"),
            Self::Quota => format!("the mailbox at {host} has no room for its mail"),
            Self::ServerFault => format!("{host} fails"),
            Self::Plugin => "a plugin broke".to_owned(),
            Self::OneAccount => "two mailboxes lead to one account".to_owned(),
            Self::Plan => "the plan has to be decided".to_owned(),
            Self::InUse => "another mailhaul works on it".to_owned(),
            Self::Ledger => "the ledger cannot be used".to_owned(),
            Self::Internal => "a fault of mailhaul".to_owned(),
        }
    }

    /// Returns the text to send to whoever has to act, to be followed by the mailboxes it is about; `None`
    /// where the operator acts himself. It names no password and no address.
    #[must_use]
    pub fn message(self, side: Side) -> Option<String> {
        let end = if side == Side::Source { "old" } else { "new" };
        let text = match (self.actor(side), self) {
            (Actor::Operator | Actor::Nobody, _) => return None,
            (Actor::Client, Self::MailboxMissing) => format!(
                "We are moving your e-mail. The {end} server says that the mailboxes below do not exist. Please check \
                 their addresses, or tell us which of them are not needed any more."
            ),
            (Actor::Client, _) => format!(
                "We are moving your e-mail. The {end} server does not accept the passwords that we have for the \
                 mailboxes below. Please check each of them by signing in to the {end} webmail, and send us the \
                 password that works there in the way we agreed on, not by e-mail."
            ),
            (_, Self::ImapDisabled) => format!(
                "We are moving the mailboxes below by IMAP. Your server says that IMAP is switched off for them. \
                 Please switch it on on the {end} server until the move has ended."
            ),
            (_, Self::TlsExpired) => {
                "The TLS certificate of your IMAP server has expired, or is not valid yet, so that the mailboxes below \
                 cannot be moved safely. Please renew it, or tell us its fingerprint by telephone."
                    .to_owned()
            }
            (_, Self::Quota) => {
                "We are moving the mailboxes below to your server, where they have less room than their mail takes. \
                 Please raise their quota."
                    .to_owned()
            }
            (Actor::Mailhaul, _) => {
                "mailhaul failed by a fault of its own with the mailboxes below; its log is in `.mailhaul/mailhaul.log`."
                    .to_owned()
            }
            (..) => {
                "Your IMAP server fails with the mailboxes below. Its own words stand beside each of them. Please tell \
                 us what they mean and when we may try again."
                    .to_owned()
            }
        };
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_name_is_read_as_what_it_names() {
        for cause in Cause::ALL {
            assert_eq!(Cause::parse(cause.as_str()), Some(*cause));
            let json = serde_json::to_string(cause).unwrap();
            assert_eq!(json, format!("\"{cause}\""));
            assert_eq!(serde_json::from_str::<Cause>(&json).unwrap(), *cause);
        }
        let names: HashSet<&str> = Cause::ALL.iter().map(|cause| cause.as_str()).collect();
        assert_eq!(names.len(), Cause::ALL.len());
        assert_eq!(Cause::parse("ok"), None);
        assert!(
            serde_json::from_str::<Cause>("\"tea\"")
                .unwrap_err()
                .to_string()
                .contains("unknown variant `tea`")
        );
    }

    #[test]
    fn every_cause_has_somebody_to_act_and_something_to_do() {
        for cause in Cause::ALL {
            for side in [Side::Source, Side::Target, Side::Local] {
                assert!(!cause.remedy(side).is_empty() && !cause.remedy(side).ends_with('.'), "{cause}");
                assert_ne!(cause.actor(side), Actor::Nobody, "{cause} stops a mailbox");
                assert!(!cause.sentence(side).is_empty() && !cause.sentence(side).ends_with('.'), "{cause}");
                let ours = cause.actor(side) == Actor::Operator;
                assert_eq!(cause.message(side).is_none(), ours, "{cause}: who acts is sent something");
            }
        }
        assert_eq!(Cause::Quota.actor(Side::Target), Actor::NewHost);
        assert_eq!(Cause::MailboxMissing.actor(Side::Target), Actor::Operator);
    }
}
