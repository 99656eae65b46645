//! Requests and answers as JSON: the one place where what authors read and write becomes what the engine
//! hands to plugins, and back.
//!
//! The names are those of `wit/`, in its spelling (`source-folders`, `map-to`), with three liberties that
//! make a fixture pleasant to write:
//!
//! - a folder's path is one text with `/` between levels, as in `mailhaul.toml`: `"Kunden/Nord"`;
//! - what is left out has its usual value: a folder is selectable and subscribed, a list is empty, a
//!   server is `mail.example` on port 993. Answers leave out what is empty, too;
//! - a secret is its label: `"users.csv:2 user_password"`. No value is ever written.
//!
//! A name that is not known is an error, so that a slip of the pen is not taken for a default.

use mailhaul_engine::plugin as engine;
use mailhaul_imap::{FolderPath, SpecialUse};
use mailhaul_net::TlsMode;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct MappingRequest {
    source: Server,
    target: Server,
    source_folders: Vec<Folder>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    target_folders: Vec<Folder>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    settled: Vec<Ruling>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Server {
    host: String,
    port: u16,
    tls: Tls,
    greeting: String,
    capabilities: Vec<String>,
    id: Vec<(String, String)>,
    namespace_prefix: String,
    delimiter: Option<char>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Tls {
    #[default]
    Implicit,
    Starttls,
    None,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Folder {
    path: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    selectable: bool,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    subscribed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    messages: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Mapping {
    rulings: Vec<Ruling>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<Note>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Ruling {
    folder: usize,
    decision: Decision,
    #[serde(default)]
    why: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Decision {
    MapTo(TargetFolder),
    Skip(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct TargetFolder {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subscribe: Option<bool>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Note {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    folder: Option<usize>,
    message: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct PageRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    pub(crate) max: u32,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Page {
    mailboxes: Vec<Mailbox>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    diagnostics: Vec<Diagnostic>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Mailbox {
    key: String,
    source: Account,
    target: Account,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Account {
    login: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tls: Option<Tls>,
    /// The label of the password or token; left out when the project's own log-in is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Diagnostic {
    severity: engine::Severity,
    code: String,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<String>,
}

/// Beside what `wit/` has, the two mailboxes the validator is lent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct ValidationRequest {
    mailbox: String,
    phase: Phase,
    depth: engine::Depth,
    seed: u64,
    folders: Vec<FolderPair>,
    pub(crate) source: Vec<ViewFolder>,
    pub(crate) target: Vec<ViewFolder>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    AfterRun,
    AfterCutover,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct FolderPair {
    source: String,
    target: String,
    #[serde(default)]
    source_messages: u32,
    #[serde(default)]
    copied: u32,
    #[serde(default)]
    already_present: u32,
    #[serde(default)]
    skipped: u32,
    #[serde(default)]
    failed: u32,
    /// Source UIDs whose copies the new mailbox's owner has moved or deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    taken_away: Vec<u32>,
}

/// A folder of a mailbox that is lent, with what is in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ViewFolder {
    pub(crate) path: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) roles: Vec<String>,
    /// Messages of which only the UID matters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) uids: Vec<u32>,
    /// Messages given with size, date, flags, headers or digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) messages: Vec<ViewMessage>,
    /// Of a source folder: pairs of its UIDs and the target's, as the ledger has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) counterparts: Vec<(u32, u32)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ViewMessage {
    pub(crate) uid: u32,
    #[serde(default)]
    pub(crate) bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) internal_date: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) flags: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Report {
    outcome: engine::HookOutcome,
    #[serde(default)]
    checked_messages: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Finding {
    severity: engine::Severity,
    code: String,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_yes(value: &bool) -> bool {
    *value
}

impl Default for Server {
    fn default() -> Self {
        Self {
            host: "mail.example".to_owned(),
            port: 993,
            tls: Tls::Implicit,
            greeting: String::new(),
            capabilities: Vec::new(),
            id: Vec::new(),
            namespace_prefix: String::new(),
            delimiter: Some('/'),
        }
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { token: None, max: 1_000 }
    }
}

impl Default for ValidationRequest {
    fn default() -> Self {
        Self {
            mailbox: "a@example.org".to_owned(),
            phase: Phase::AfterRun,
            depth: engine::Depth::Headers,
            seed: 0,
            folders: Vec::new(),
            source: Vec::new(),
            target: Vec::new(),
        }
    }
}

/// `"sent"`; anything else is taken as the attribute itself.
pub(crate) fn role(word: &str) -> SpecialUse {
    let attribute = format!("\\{}", word.trim_start_matches('\\'));
    SpecialUse::from_attribute(&attribute).unwrap_or(SpecialUse::Other(attribute))
}

pub(crate) fn role_word(role: &SpecialUse) -> String {
    match role {
        SpecialUse::Other(attribute) => attribute.clone(),
        known => known.as_attribute().trim_start_matches('\\').to_ascii_lowercase(),
    }
}

impl From<Tls> for TlsMode {
    fn from(tls: Tls) -> Self {
        match tls {
            Tls::Implicit => Self::Implicit,
            Tls::Starttls => Self::StartTls,
            Tls::None => Self::None,
        }
    }
}

impl From<TlsMode> for Tls {
    fn from(tls: TlsMode) -> Self {
        match tls {
            TlsMode::Implicit => Self::Implicit,
            TlsMode::StartTls => Self::Starttls,
            TlsMode::None => Self::None,
        }
    }
}

impl From<Server> for engine::ServerDescription {
    fn from(server: Server) -> Self {
        Self {
            host: server.host,
            port: server.port,
            tls: server.tls.into(),
            greeting: server.greeting,
            capabilities: server.capabilities,
            id: server.id,
            namespace_prefix: server.namespace_prefix,
            delimiter: server.delimiter,
        }
    }
}

impl From<&engine::ServerDescription> for Server {
    fn from(server: &engine::ServerDescription) -> Self {
        Self {
            host: server.host.clone(),
            port: server.port,
            tls: server.tls.into(),
            greeting: server.greeting.clone(),
            capabilities: server.capabilities.clone(),
            id: server.id.clone(),
            namespace_prefix: server.namespace_prefix.clone(),
            delimiter: server.delimiter,
        }
    }
}

impl From<Folder> for engine::FolderInfo {
    fn from(folder: Folder) -> Self {
        Self {
            path: FolderPath::parse(&folder.path),
            attributes: folder.attributes,
            roles: folder.roles.iter().map(|word| role(word)).collect(),
            selectable: folder.selectable,
            subscribed: folder.subscribed,
            messages: folder.messages,
            bytes: folder.bytes,
        }
    }
}

impl From<&engine::FolderInfo> for Folder {
    fn from(folder: &engine::FolderInfo) -> Self {
        Self {
            path: folder.path.to_string(),
            attributes: folder.attributes.clone(),
            roles: folder.roles.iter().map(role_word).collect(),
            selectable: folder.selectable,
            subscribed: folder.subscribed,
            messages: folder.messages,
            bytes: folder.bytes,
        }
    }
}

impl From<MappingRequest> for engine::MappingRequest {
    fn from(request: MappingRequest) -> Self {
        Self {
            source: request.source.into(),
            target: request.target.into(),
            source_folders: request.source_folders.into_iter().map(Into::into).collect(),
            target_folders: request.target_folders.into_iter().map(Into::into).collect(),
            settled: request.settled.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<&engine::MappingRequest> for MappingRequest {
    fn from(request: &engine::MappingRequest) -> Self {
        Self {
            source: (&request.source).into(),
            target: (&request.target).into(),
            source_folders: request.source_folders.iter().map(Into::into).collect(),
            target_folders: request.target_folders.iter().map(Into::into).collect(),
            settled: request.settled.iter().map(Into::into).collect(),
        }
    }
}

impl From<Ruling> for engine::Ruling {
    fn from(ruling: Ruling) -> Self {
        let decision = match ruling.decision {
            Decision::MapTo(target) => engine::Decision::MapTo {
                path: FolderPath::parse(&target.path),
                role: target.role.as_deref().map(role),
                subscribe: target.subscribe,
            },
            Decision::Skip(reason) => engine::Decision::Skip(reason),
        };
        Self { folder: ruling.folder, decision, why: ruling.why }
    }
}

impl From<&engine::Ruling> for Ruling {
    fn from(ruling: &engine::Ruling) -> Self {
        let decision = match &ruling.decision {
            engine::Decision::MapTo { path, role, subscribe } => Decision::MapTo(TargetFolder {
                path: path.to_string(),
                role: role.as_ref().map(role_word),
                subscribe: *subscribe,
            }),
            engine::Decision::Skip(reason) => Decision::Skip(reason.clone()),
        };
        Self { folder: ruling.folder, decision, why: ruling.why.clone() }
    }
}

impl From<&engine::Mapping> for Mapping {
    fn from(mapping: &engine::Mapping) -> Self {
        let note = |note: &engine::MappingNote| Note { folder: note.folder, message: note.message.clone() };
        Self {
            rulings: mapping.rulings.iter().map(Into::into).collect(),
            notes: mapping.notes.iter().map(note).collect(),
        }
    }
}

impl Page {
    /// `label` names a secret by its value.
    pub(crate) fn of(page: &engine::MailboxPage, label: &dyn Fn(&mailhaul_imap::Secret) -> String) -> Self {
        let account = |account: &engine::AccountEntry| Account {
            login: account.login.clone(),
            host: account.host.clone(),
            port: account.port,
            tls: account.tls.map(Into::into),
            auth: account.secret.as_ref().map(label),
        };
        let mailbox = |mailbox: &engine::MailboxEntry| Mailbox {
            key: mailbox.key.clone(),
            source: account(&mailbox.source),
            target: account(&mailbox.target),
            label: mailbox.label.clone(),
            origin: mailbox.origin.clone(),
        };
        let diagnostic = |diagnostic: &engine::Diagnostic| Diagnostic {
            severity: diagnostic.severity,
            code: diagnostic.code.clone(),
            message: diagnostic.message.clone(),
            at: diagnostic.at.clone(),
        };
        Self {
            mailboxes: page.mailboxes.iter().map(mailbox).collect(),
            next: page.next.clone(),
            diagnostics: page.diagnostics.iter().map(diagnostic).collect(),
        }
    }
}

impl From<&ValidationRequest> for engine::ValidationRequest {
    fn from(request: &ValidationRequest) -> Self {
        let pair = |pair: &FolderPair| engine::FolderPair {
            source: FolderPath::parse(&pair.source),
            target: FolderPath::parse(&pair.target),
            source_messages: pair.source_messages,
            copied: pair.copied,
            already_present: pair.already_present,
            skipped: pair.skipped,
            failed: pair.failed,
            taken_away: pair.taken_away.clone(),
        };
        Self {
            mailbox: request.mailbox.clone(),
            phase: match request.phase {
                Phase::AfterRun => engine::Phase::AfterRun,
                Phase::AfterCutover => engine::Phase::AfterCutover,
            },
            round_trip: None,
            depth: request.depth,
            seed: request.seed,
            folders: request.folders.iter().map(pair).collect(),
        }
    }
}

impl From<&engine::ValidationReport> for Report {
    fn from(report: &engine::ValidationReport) -> Self {
        let finding = |finding: &engine::Finding| Finding {
            severity: finding.severity,
            code: finding.code.clone(),
            message: finding.message.clone(),
            folder: finding.folder.clone(),
            uid: finding.uid,
        };
        Self {
            outcome: report.outcome.clone(),
            checked_messages: report.checked_messages,
            findings: report.findings.iter().map(finding).collect(),
        }
    }
}
