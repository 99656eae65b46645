//! What is known, provider by provider. Numbers are those providers document or their operators ship as
//! defaults; where sources differ the one that refuses no mail is taken. Adding a provider is adding an entry
//! here and its id to `providers` in `plugin.toml`.

use mailhaul_plugin::Cause as Meaning;

/// What is known about one provider or server program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Provider {
    /// For machines.
    pub id: &'static str,
    /// For people.
    pub name: &'static str,
    /// Domains its hosts lie in.
    pub hosts: &'static [&'static str],
    /// Capabilities nobody else offers.
    pub offers: &'static [&'static str],
    /// Words, in lower case, of its ID's name or of its greeting.
    pub programs: &'static [&'static str],
    /// Connections at once over all mailboxes.
    pub max_connections: Option<u32>,
    /// Connections of one mailbox at once.
    pub max_connections_per_mailbox: Option<u32>,
    /// Largest message in bytes.
    pub max_append_bytes: Option<u64>,
    /// Capabilities that do not work.
    pub avoid: &'static [&'static str],
    /// Whether folder names that differ in case only are one folder.
    pub folds_case: bool,
    /// For people.
    pub notes: &'static [&'static str],
    /// What its refusals mean; the first that fits counts.
    pub sentences: &'static [Sentence],
}

/// What a refusal with certain words means.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sentence {
    /// Words in it, in lower case; none fits every refusal.
    pub says: &'static str,
    /// What was refused.
    pub at: Where,
    /// What it means.
    pub cause: Cause,
    /// Worth trying again after so many seconds.
    pub wait: Option<u64>,
    /// What to do; empty when mailhaul's own words say it as well.
    pub remedy: &'static str,
}

/// Where a sentence is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    LogIn,
    Append,
    Anywhere,
}

/// The causes used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    AuthRefused,
    AuthOrMissing,
    ImapDisabled,
    NeedsOauth,
    Throttled,
    MessageRefused,
}

impl From<Cause> for Meaning {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::AuthRefused => Self::AuthRefused,
            Cause::AuthOrMissing => Self::AuthOrMissing,
            Cause::ImapDisabled => Self::ImapDisabled,
            Cause::NeedsOauth => Self::NeedsOauth,
            Cause::Throttled => Self::Throttled,
            Cause::MessageRefused => Self::MessageRefused,
        }
    }
}

const NOTHING: Provider = Provider {
    id: "",
    name: "",
    hosts: &[],
    offers: &[],
    programs: &[],
    max_connections: None,
    max_connections_per_mailbox: None,
    max_append_bytes: None,
    avoid: &[],
    folds_case: false,
    notes: &[],
    sentences: &[],
};

/// A provider recognised by its host name.
const fn hosted(id: &'static str, name: &'static str, hosts: &'static [&'static str]) -> Provider {
    Provider { id, name, hosts, ..NOTHING }
}

/// A server program, recognised by its ID or greeting.
const fn program(id: &'static str, name: &'static str, programs: &'static [&'static str]) -> Provider {
    Provider { id, name, programs, ..NOTHING }
}

/// Any refused log-in whose words say nothing better.
const fn log_in(remedy: &'static str) -> Sentence {
    Sentence { says: "", at: Where::LogIn, cause: Cause::AuthRefused, wait: None, remedy }
}

const fn says(says: &'static str, at: Where, cause: Cause, remedy: &'static str) -> Sentence {
    Sentence { says, at, cause, wait: None, remedy }
}

const fn throttled(says: &'static str, seconds: u64) -> Sentence {
    Sentence { says, at: Where::Anywhere, cause: Cause::Throttled, wait: Some(seconds), remedy: "" }
}

const APP_PASSWORD: &str = "use an app password: the account's own password is refused to mail programs";
const SWITCH: &str = "check the password, and that IMAP is switched on in the account's web mail settings";
const SWITCH_AND_APP_PASSWORD: &str =
    "switch IMAP on in the account's web mail settings and use the password made there for mail programs";
const EXCHANGE_MIXED: &str = "Exchange says this of a line longer than 10,239 bytes, a message above the tenant's limit and \
    a full mailbox alike: compare the message's size with the limits of the mailbox";

/// Every provider, those recognised by their host names first: many of them run programs anybody can run.
pub(crate) const PROVIDERS: &[Provider] = &[
    Provider {
        offers: &["X-GM-EXT-1"],
        max_connections_per_mailbox: Some(15),
        max_append_bytes: Some(35_651_584),
        notes: &[
            "a mailbox gives 2,500 MB and takes 500 MB a day by IMAP; what is over waits for the next day",
            "a message with several labels is in several folders; what is stored twice is merged",
        ],
        sentences: &[
            says(
                "application-specific password",
                Where::LogIn,
                Cause::AuthRefused,
                "use an app password (the account needs 2-step verification for it), or auth = \"xoauth2\"",
            ),
            says(
                "web browser",
                Where::LogIn,
                Cause::AuthRefused,
                "sign in to the account once with a web browser and confirm that it was you, then try again",
            ),
            says(
                "web login required",
                Where::LogIn,
                Cause::AuthRefused,
                "sign in to the account once with a web browser and confirm that it was you, then try again",
            ),
            log_in("use an app password or auth = \"xoauth2\": Google refuses the account's own password"),
            throttled("session expired", 900),
        ],
        ..hosted("gmail", "Gmail", &["gmail.com", "googlemail.com"])
    },
    Provider {
        max_connections_per_mailbox: Some(20),
        // Above this nothing helps; up to it a tenant can allow.
        max_append_bytes: Some(157_286_400),
        folds_case: true,
        notes: &[
            "messages above 45 MB are refused unless the tenant allows more (150 MB at most)",
            "a mailbox takes 3,600 messages an hour; folders with `/` in their names are not listed",
        ],
        sentences: &[
            says(
                "authenticate failed",
                Where::LogIn,
                Cause::AuthOrMissing,
                "check the token's scope (IMAP.AccessAsUser.All, or IMAP.AccessAsApp with the service principal's \
                 permission on the mailbox), and that IMAP is enabled for it",
            ),
            Sentence {
                cause: Cause::NeedsOauth,
                ..log_in(
                    "set auth = \"xoauth2\" and `token`: Microsoft 365 takes no passwords; a shared mailbox is named by \
                 its own address",
                )
            },
            says("command argument error", Where::Append, Cause::MessageRefused, EXCHANGE_MIXED),
            throttled("server unavailable", 60),
            throttled("command received in invalid state", 60),
        ],
        ..hosted("microsoft365", "Microsoft 365", &["office365.com", "outlook.com", "partner.outlook.cn"])
    },
    Provider {
        notes: &["app passwords only; `export.imap.mail.yahoo.com` is the host for reading whole mailboxes"],
        sentences: &[log_in(APP_PASSWORD)],
        ..hosted("yahoo", "Yahoo", &["yahoo.com", "att.net", "btinternet.com", "tools.sky.com"])
    },
    Provider { sentences: &[log_in(APP_PASSWORD)], ..hosted("aol", "AOL", &["aol.com"]) },
    Provider {
        programs: &["iscream"],
        // Advertised, and answered with BAD.
        avoid: &["LIST-STATUS", "LIST-EXTENDED"],
        notes: &["the log-in is the part before `@`, or the whole address for a domain of one's own"],
        sentences: &[log_in(
            "use an app-specific password, and the part before `@` as user (for a domain of one's own the whole address)",
        )],
        ..hosted("icloud", "iCloud", &["mail.me.com", "icloud.com"])
    },
    Provider {
        sentences: &[log_in(APP_PASSWORD)],
        ..hosted("fastmail", "Fastmail", &["fastmail.com", "messagingengine.com"])
    },
    Provider {
        notes: &["IMAP is off until the account switches it on; unusual activity blocks it for a while"],
        sentences: &[
            says(
                "not enabled",
                Where::LogIn,
                Cause::ImapDisabled,
                "switch IMAP on in the account's mail settings",
            ),
            log_in(
                "check the password and that IMAP is on; accounts of an organisation are on the `imappro.` host",
            ),
        ],
        ..hosted(
            "zoho",
            "Zoho Mail",
            &["zoho.com", "zoho.eu", "zoho.in", "zoho.jp", "zoho.com.au", "zohocloud.ca"],
        )
    },
    Provider {
        notes: &["folders are at most 3 deep, and 20 on the free plan"],
        sentences: &[log_in(SWITCH)],
        ..hosted("gmx", "GMX", &["gmx.net", "gmx.com", "gmx.de"])
    },
    Provider { sentences: &[log_in(SWITCH)], ..hosted("webde", "WEB.DE", &["web.de"]) },
    Provider {
        sentences: &[log_in("use the separate e-mail password that is set in the customer centre")],
        ..hosted("t-online", "T-Online", &["t-online.de"])
    },
    hosted("strato", "Strato", &["strato.de"]),
    Provider {
        notes: &["a mailbox of the basic plan has 2 GB"],
        ..hosted(
            "ionos",
            "IONOS",
            &[
                "1und1.de",
                "1and1.com",
                "ionos.de",
                "ionos.com",
                "ionos.co.uk",
                "ionos.fr",
                "ionos.es",
                "ionos.it",
            ],
        )
    },
    hosted("hetzner", "Hetzner", &["your-server.de"]),
    Provider {
        notes: &["subfolders of INBOX and folders beside it are both in use"],
        sentences: &[log_in("use the whole address as user")],
        ..hosted("infomaniak", "Infomaniak", &["infomaniak.com"])
    },
    hosted("ovh", "OVH", &["ovh.net"]),
    Provider {
        notes: &["some plans have web mail only, others are resold Microsoft 365"],
        ..hosted("godaddy", "GoDaddy Workspace", &["secureserver.net"])
    },
    hosted("rackspace", "Rackspace", &["emailsrvr.com"]),
    Provider {
        notes: &["it throttles: expect waiting"],
        ..hosted("workmail", "Amazon WorkMail", &["awsapps.com"])
    },
    Provider {
        // Its searches leave messages out.
        avoid: &["ESEARCH"],
        sentences: &[log_in(SWITCH_AND_APP_PASSWORD)],
        ..hosted("yandex", "Yandex", &["yandex.com", "yandex.ru"])
    },
    Provider {
        sentences: &[log_in("use a password made for external programs in the account's security settings")],
        ..hosted("mailru", "Mail.ru", &["mail.ru"])
    },
    Provider {
        avoid: &["ESEARCH"],
        sentences: &[log_in(SWITCH_AND_APP_PASSWORD)],
        ..hosted("qq", "QQ Mail", &["qq.com"])
    },
    Provider {
        sentences: &[log_in(SWITCH_AND_APP_PASSWORD)],
        ..hosted("netease", "NetEase", &["163.com", "126.com"])
    },
    Provider { sentences: &[log_in(SWITCH_AND_APP_PASSWORD)], ..hosted("naver", "Naver", &["naver.com"]) },
    // From here on programs. Panels have nothing to be recognised by: they are named, or count as what they
    // run.
    Provider {
        max_connections_per_mailbox: Some(10),
        notes: &[
            "cPHulk may block addresses and countries after refused log-ins: allow this machine's address there",
        ],
        ..hosted("cpanel", "cPanel", &[])
    },
    Provider {
        max_connections_per_mailbox: Some(10),
        notes: &[
            "Plesk for Windows has the separator `/` and no prefix, Plesk for Linux the prefix `INBOX.`",
        ],
        ..hosted("plesk", "Plesk", &[])
    },
    Provider {
        // The default of `mail_max_userip_connections`.
        max_connections_per_mailbox: Some(10),
        ..program("dovecot", "Dovecot", &["dovecot"])
    },
    Provider {
        // STATUS prints memory that was freed as a MAILBOXID, up to 3.12 at least.
        avoid: &["OBJECTID"],
        notes: &["an administrator needs the rights `lrswipkxtecda` on every folder it is to read or write"],
        ..program("cyrus", "Cyrus", &["cyrus"])
    },
    Provider {
        // The default of MAXPERIP, which counts all mailboxes of one client.
        max_connections: Some(4),
        ..program("courier", "Courier", &["courier"])
    },
    Provider {
        // What it tells of messages that are gone is not to be relied on.
        avoid: &["QRESYNC"],
        notes: &["a subscription to a locked shared folder ends the session: unsubscribe before the move"],
        ..program("zimbra", "Zimbra", &["zimbra"])
    },
    Provider {
        folds_case: true,
        notes: &["messages above 10 MB are refused until the server's IMAP limit is raised"],
        sentences: &[
            says("command argument error", Where::Append, Cause::MessageRefused, EXCHANGE_MIXED),
            throttled("server unavailable", 60),
            throttled("command received in invalid state", 60),
        ],
        ..program("exchange", "Microsoft Exchange", &["microsoft exchange"])
    },
    Provider {
        max_connections_per_mailbox: Some(16),
        max_append_bytes: Some(75_000_000),
        notes: &["folders are at most 10 deep and their names 255 characters long"],
        ..program("stalwart", "Stalwart", &["stalwart"])
    },
    Provider {
        max_connections: Some(30),
        notes: &["folder names cannot hold `&`; the junk filter may move mail that is stored"],
        ..program("mox", "mox", &["mox imap"])
    },
    Provider { avoid: &["ESEARCH"], ..program("icewarp", "IceWarp", &["icewarp"]) },
    Provider {
        notes: &["log-ins for another user (X-MASTERAUTH) have to be enabled on the server"],
        ..program("kerio", "Kerio Connect", &["kerio"])
    },
    Provider {
        notes: &["INBOX has no subfolders, and there is no administrator's log-in"],
        ..program("domino", "HCL Domino", &["domino"])
    },
];
