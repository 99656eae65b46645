//! What `mailhaul.toml` says, checked and with defaults filled in.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::secret::SecretRef;

/// A whole project. Lines, here and in the types below, are those of [`Project::file`], from 1.
#[derive(Debug, Clone)]
pub struct Project {
    /// `[project] name`: what reports are headed with; the project folder's name when left out.
    pub name: String,
    /// `[project] state`, absolute: the folder of ledgers and log; `.mailhaul` beside the file when left out.
    pub state: PathBuf,
    /// The project file as it was given, for messages.
    pub file: PathBuf,
    /// The folder of the project file, absolute; paths of the file are relative to it.
    pub dir: PathBuf,
    /// `[source]`: the old host.
    pub source: Side,
    /// `[target]`: the new host.
    pub target: Side,
    /// `[mailboxes]`: where the list of mailboxes comes from.
    pub mailboxes: Mailboxes,
    /// `[[folders]]`, in the order of the file; the first match wins.
    pub rules: Vec<RuleSpec>,
    /// `[plugins]`: which plugins are asked, their settings and secrets.
    pub plugins: Plugins,
    /// `[select]`: what is left out on purpose.
    pub select: Select,
    /// `[verify] ignore`: differences that are notes.
    pub ignore: Ignore,
    /// `[limits]`: how much is done at the same time.
    pub limits: Limits,
    /// `[secrets] key`: what opens the project's own secrets, never a literal; `None` for the user's own key.
    pub key: Option<SecretRef>,
}

impl Project {
    /// Returns `file:line` for a message about a line of the project file.
    #[must_use]
    pub fn place(&self, line: usize) -> String {
        format!("{}:{line}", mailhaul_text::visible(&self.file.display().to_string()))
    }
}

/// One of the two ends of the migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SideName {
    /// `[source]`, the old host.
    Source,
    /// `[target]`, the new host.
    Target,
}

impl SideName {
    /// Returns the name of its table: `source` or `target`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

impl fmt::Display for SideName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the mailboxes of one side are reached: `[source]` or `[target]`.
#[derive(Debug, Clone)]
pub struct Side {
    /// Which of the two it is.
    pub side: SideName,
    /// Line of its header; `None` when the table is left out.
    pub line: Option<usize>,
    /// `host`: a DNS name or an IP address (IPv6 without brackets); may be left out when the mailbox
    /// list has a column for it.
    pub host: Option<String>,
    /// Line of `host`; `None` when it is left out.
    pub host_line: Option<usize>,
    /// `port`, 1 to 65535; see [`Side::port_or_default`].
    pub port: Option<u16>,
    /// `tls`: how the connection is protected.
    pub tls: Tls,
    /// `allow_cleartext`; always true when `tls` is [`Tls::None`].
    pub allow_cleartext: bool,
    /// `ca_file`: a root that is trusted beside the machine's, already read.
    pub ca_file: Option<CaFile>,
    /// `fingerprint`, as it is written: the one server certificate that is trusted, whatever its name, issuer
    /// and dates. Whoever dials reads it.
    pub fingerprint: Option<PinSpec>,
    /// `provider`: which plugins are asked about the server.
    pub provider: Provider,
    /// `auth`: how mailboxes sign in.
    pub auth: Auth,
    /// `admin_user`; always with [`Auth::PlainAuthzid`], else only with a `user_pattern`, which may have
    /// the administrator's name in it and then needs no `admin_user`.
    pub admin_user: Option<String>,
    /// `admin_password`; used for every mailbox of the list that has no password of its own, also when
    /// `admin_user` is left out.
    pub admin_password: Option<SecretRef>,
    /// `user_pattern`; contains `{user}` at least once and no other placeholder.
    pub user_pattern: Option<String>,
    /// `token`; only with [`Auth::Xoauth2`] or [`Auth::OauthBearer`]. Asked again when it expires.
    pub token: Option<SecretRef>,
    /// `admin_hosts`: where `admin_password` and `token` may go beside `host`.
    pub admin_hosts: Vec<AllowedHost>,
    /// `compress`: whether to ask the server for COMPRESS=DEFLATE (RFC 4978); pays on slow lines only.
    pub compress: bool,
}

impl Side {
    /// Returns `port`, or what `tls` implies: 993 for implicit TLS (RFC 8314), 143 otherwise (RFC 9051).
    #[must_use]
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or(self.tls.default_port())
    }
}

/// `provider`: what is asked about the servers of a side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Provider {
    /// `"auto"` (the default): every plugin of `[plugins] profiles`, until one knows the server.
    #[default]
    Auto,
    /// `"none"`: no plugin is asked.
    None,
    /// A provider one of them knows, or a plugin with a server profile.
    Named(PluginRef),
}

/// `tls`: how a connection is protected. None of them falls back to another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tls {
    /// TLS from the first byte (RFC 8314); the default.
    #[default]
    Implicit,
    /// Clear text, then STARTTLS before anything else (RFC 9051, section 6.2.1).
    Starttls,
    /// Clear text throughout, passwords too; only with `allow_cleartext`.
    None,
}

impl Tls {
    /// Returns the file's word for it, such as `starttls`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::Starttls => "starttls",
            Self::None => "none",
        }
    }

    /// Returns the port that IMAP has with it: 993 or 143.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Implicit => 993,
            Self::Starttls | Self::None => 143,
        }
    }

    /// Reads the file's word for it; `None` for any other word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Implicit, Self::Starttls, Self::None].into_iter().find(|t| t.as_str() == word)
    }
}

/// `auth`: what a mailbox signs in with, and by which mechanism.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Auth {
    /// The mailbox's own password, or the administrator's, with the best mechanism the server offers (the
    /// default).
    #[default]
    Password,
    /// SASL PLAIN as the administrator, acting for the mailbox (RFC 4616).
    PlainAuthzid,
    /// As `Password`, with the LOGIN command only.
    Login,
    /// As `Password`, with SASL PLAIN only.
    Plain,
    /// As `Password`, with CRAM-MD5 only.
    CramMd5,
    /// As `Password`, with SCRAM-SHA-1 only.
    ScramSha1,
    /// As `Password`, with SCRAM-SHA-256 only.
    ScramSha256,
    /// With a token, by Google's and Microsoft's XOAUTH2.
    Xoauth2,
    /// With a token, by OAUTHBEARER (RFC 7628).
    OauthBearer,
}

impl Auth {
    /// Every value, in the order in which messages list them.
    pub const ALL: [Self; 9] = [
        Self::Password,
        Self::PlainAuthzid,
        Self::Xoauth2,
        Self::OauthBearer,
        Self::Login,
        Self::Plain,
        Self::CramMd5,
        Self::ScramSha1,
        Self::ScramSha256,
    ];

    /// Returns the file's word for it, such as `plain-authzid`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PlainAuthzid => "plain-authzid",
            Self::Login => "login",
            Self::Plain => "plain",
            Self::CramMd5 => "cram-md5",
            Self::ScramSha1 => "scram-sha-1",
            Self::ScramSha256 => "scram-sha-256",
            Self::Xoauth2 => "xoauth2",
            Self::OauthBearer => "oauthbearer",
        }
    }

    /// Whether it needs `token`, and takes no password.
    #[must_use]
    pub fn takes_token(self) -> bool {
        matches!(self, Self::Xoauth2 | Self::OauthBearer)
    }
}

/// `ca_file`: a root that is trusted beside the machine's. `Debug` leaves its bytes out.
#[derive(Clone, PartialEq, Eq)]
pub struct CaFile {
    /// Absolute path of the file.
    pub path: PathBuf,
    /// Line of the key.
    pub line: usize,
    /// The file's bytes: PEM with at least one certificate block, at most 1 MiB.
    pub pem: Vec<u8>,
}

impl fmt::Debug for CaFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaFile").field("path", &self.path).field("line", &self.line).finish_non_exhaustive()
    }
}

/// `fingerprint`: the digest of the one server certificate that is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinSpec {
    /// As it is written: `sha256:` and 64 hexadecimal digits, if it is right.
    pub text: String,
    /// Line of the key.
    pub line: usize,
}

/// `[mailboxes]`: the plugin that lists the mailboxes, and what it may read.
#[derive(Debug, Clone)]
pub struct Mailboxes {
    /// `from`: a mailbox-source plugin; `csv` when left out.
    pub from: PluginRef,
    /// `inputs`, by name: the files the plugin is granted.
    pub inputs: BTreeMap<String, Input>,
    /// `hosts`: where rows may sign in with their own passwords, beside the hosts of both sides.
    pub hosts: Vec<AllowedHost>,
    /// Line of the table's header; 1 when it is left out.
    pub line: usize,
}

/// A host, beside those of the sides, that passwords may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    /// A DNS name or an IP address (IPv6 without brackets), as [`Side::host`] has it.
    pub host: String,
    /// A port, 1 to 65535; `None` stands for those of IMAP, 143 and 993.
    pub port: Option<u16>,
}

/// A file that the mailbox source may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Absolute path. Whether it exists is seen when it is read.
    pub path: PathBuf,
    /// The path as it stands in the file, for messages.
    pub shown: PathBuf,
    /// Line of its key.
    pub line: usize,
}

/// One `[[folders]]` rule, as written: whether its patterns make sense is for the engine to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSpec {
    /// `from`: a pattern of source folders.
    pub from: String,
    /// `to`: where they go; `None` exactly when `skip` is true.
    pub to: Option<String>,
    /// `skip`: whether they are left out.
    pub skip: bool,
    /// `copies = "keep"`: whether copies that earlier runs made of what is left out stay on the target; only
    /// with `skip`.
    pub keep_copies: bool,
    /// Line of the rule's `[[folders]]`.
    pub line: usize,
}

/// `[plugins]`: which plugins are asked, in written order. What ships is named where a key is left out.
#[derive(Debug, Clone)]
pub struct Plugins {
    /// `mapping`: who decides where folders go; `roles` when left out.
    pub mapping: Vec<PluginRef>,
    /// `validation`: who judges moved mailboxes; `counts` and `special-folders` when left out.
    pub validation: Vec<PluginRef>,
    /// `profiles`: who recognises servers; `server-profiles` when left out.
    pub profiles: Vec<PluginRef>,
    /// `provisioning`: who creates mailboxes on the target; nobody when left out.
    pub provisioning: Option<PluginRef>,
    /// `[plugins.settings.ID]`, by plugin id. Whether such a plugin is in use is for the caller to see.
    pub settings: BTreeMap<String, PluginSettings>,
    /// `[plugins.secrets.ID]`, by plugin id and name.
    pub secrets: BTreeMap<String, BTreeMap<String, SecretRef>>,
}

/// A place where the project names a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginRef {
    /// The plugin as it is named there.
    pub name: PluginName,
    /// Line it is named in; `None` for a default.
    pub line: Option<usize>,
}

/// The name of a plugin. `Display` is what stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginName {
    /// An id: one that ships with mailhaul, or one of `plugins.lock`.
    Id(String),
    /// A component file: any name with a `/` or `\` in it.
    File {
        /// Absolute path. Whether it exists is seen when it is loaded.
        path: PathBuf,
        /// The path as it stands in the file, such as `./acme.wasm`.
        shown: String,
    },
}

impl fmt::Display for PluginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(id),
            Self::File { shown, .. } => f.write_str(shown),
        }
    }
}

/// `[plugins.settings.ID]`: the settings of one plugin, which its manifest's schema decides on.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginSettings {
    /// A JSON object; dates and times are strings in it.
    pub value: serde_json::Value,
    /// Line of the table's header.
    pub line: usize,
}

/// `[select]`: which messages are copied, and in which order. The default copies all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Select {
    /// `folders`: which folders are copied, the first entry that matches decides; empty when left out.
    pub folders: Vec<FolderSpec>,
    /// `since`: leave out messages older than this.
    pub since: Option<SelectDate>,
    /// `before`: leave out messages of this day and later ones.
    pub before: Option<SelectDate>,
    /// `max_size`: leave out messages larger than this.
    pub max_size: Option<SizeLimit>,
    /// `flags`: leave out messages that fail one of these tests; empty when left out.
    pub flags: Vec<FlagSpec>,
    /// `deleted = "skip"`: leave out messages flagged `\Deleted`.
    pub skip_deleted: bool,
    /// `order`: in which order messages are copied.
    pub order: Order,
}

/// `[select] order`: in which order messages go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// `"source"`: the source's UID order is kept.
    #[default]
    Source,
    /// `"recent-first"`: INBOX, then what is newest of every folder, then the rest.
    RecentFirst,
    /// `"any"`: whatever is fastest.
    Any,
}

/// One entry of `[select] folders`, as written: whether its pattern makes sense is for the engine to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderSpec {
    /// A pattern of source folders, without the `!` in front.
    pub pattern: String,
    /// `!` stands in front: what the pattern matches is left out.
    pub leaves_out: bool,
    /// The entry as it stands in the file, for messages.
    pub written: String,
    /// Line of the entry.
    pub line: usize,
}

/// One entry of `[select] flags`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagSpec {
    /// A system flag such as `\Seen`, or a keyword: an atom of IMAP.
    pub flag: String,
    /// Whether a message must have it; one with `!` in front it must not have.
    pub wanted: bool,
    /// Line of the entry.
    pub line: usize,
}

/// `[select] since` and `before`: a day that bounds the messages that are copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectDate {
    /// The first day whose messages are copied (`since`), or are not any more (`before`).
    pub date: jiff::civil::Date,
    /// The value as it stands in the file, for messages.
    pub written: String,
    /// Line of the key.
    pub line: usize,
}

/// `[select] max_size`: the size up to which messages are copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizeLimit {
    /// The size in bytes, at least 1.
    pub bytes: u64,
    /// The value as it stands in the file, for messages.
    pub written: String,
    /// Line of the key.
    pub line: usize,
}

/// `[verify] ignore`: which differences are notes, and fail nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ignore {
    /// `"flags"`: messages whose flags or keywords differ.
    pub flags: bool,
    /// `"dates"`: messages whose INTERNALDATE differs.
    pub dates: bool,
}

/// `[limits] hours`: when mail is moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// At least one.
    pub windows: Vec<DayWindow>,
    /// The windows as they stand in the file, for messages.
    pub written: String,
}

/// A window that opens at the same time of several days of the week, local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayWindow {
    /// On which days it opens, from Monday on; at least one.
    pub days: [bool; 7],
    /// Minutes after midnight at which it opens, below 1,440.
    pub from: u16,
    /// Minutes after midnight at which it closes, at most 1,440; on the next day where that is below `from`.
    pub until: u16,
}

/// `[limits]`: how much one process does at the same time and in a time, when, and what it bears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Mailboxes worked on at the same time, 1 to 1,000; 4 when left out.
    pub mailboxes_at_once: usize,
    /// Connections to one host at the same time, 1 to 1,000; 8 when left out.
    pub connections_per_host: usize,
    /// Whether `connections_per_host` stands in the file, and so counts more than a server profile's number.
    pub connections_are_meant: bool,
    /// Bytes of message bodies in memory at the same time, at least 1 MiB; 256 MiB when left out.
    pub memory: u64,
    /// Log-ins refused in a row by a host that has taken none before no more are tried there, 0 to 1,000; 0
    /// for any number, 3 when left out.
    pub refused_log_ins: u32,
    /// How long a host that has taken a log-in in a run is waited for when it is away, at most a day; 30
    /// minutes when left out.
    pub patience: Duration,
    /// `hours`: when mail is moved; at any time when left out.
    pub hours: Option<Hours>,
    /// `bandwidth`: bytes of messages a second, over all mailboxes; at least 1 KiB.
    pub bandwidth: Option<u64>,
    /// `bytes_per_day`, or its `source`: what is read a day, over all mailboxes of one old host.
    pub source_bytes_per_day: Option<SizeLimit>,
    /// `bytes_per_day`, or its `target`: what is stored a day, over all mailboxes of one new host.
    pub target_bytes_per_day: Option<SizeLimit>,
    /// `messages_per_hour`: messages that are stored an hour, over all mailboxes of one new host.
    pub messages_per_hour: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            mailboxes_at_once: 4,
            connections_per_host: 8,
            connections_are_meant: false,
            memory: 256 << 20,
            refused_log_ins: 3,
            patience: Duration::from_secs(30 * 60),
            hours: None,
            bandwidth: None,
            source_bytes_per_day: None,
            target_bytes_per_day: None,
            messages_per_hour: None,
        }
    }
}
