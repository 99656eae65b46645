//! Takes the place of a plugin in a plan or a verification, and keeps what it was asked as a fixture.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use mailhaul_engine::plugin::{
    FolderMapper, HookOutcome, MailboxView, Mapping, MappingRequest, PluginError, PluginFailure, PluginId,
    ServerDescription, ValidationReport, ValidationRequest, Validator, ViewError,
};
use mailhaul_engine::summary::Side;
use mailhaul_plugin_host::Kind;
use serde_json::{Value, json};

use super::fixture::Fixture;
use super::record::recorded;
use super::redact::Redactor;
use super::shapes;

/// Messages of one folder that a recorded fixture keeps.
const MESSAGES: u32 = 1_000;

/// What is kept of a server's reply to ID (RFC 2971): which software it is. The rest is about the machine.
const SOFTWARE: [&str; 4] = ["name", "vendor", "version", "support-url"];

fn id() -> PluginId {
    PluginId { id: "record".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

/// What was asked first.
#[derive(Debug)]
struct Kept<T>(Arc<Mutex<Option<T>>>);

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Kept<T> {
    fn put(&self, asked: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(asked);
    }

    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Keeps what a folder mapper is asked, which also says what there is to know about both servers.
#[derive(Debug, Clone)]
pub struct MappingRecorder {
    id: PluginId,
    kept: Kept<MappingRequest>,
}

impl Default for MappingRecorder {
    fn default() -> Self {
        Self { id: id(), kept: Kept::default() }
    }
}

impl MappingRecorder {
    /// What the first mailbox's mapper was asked. The answer that is expected leaves every folder alone.
    #[must_use]
    pub fn mapping(&self, redactor: &mut Redactor) -> Option<Fixture> {
        let mut request = self.kept.take()?;
        redact(&mut request.source, "source.example", redactor);
        redact(&mut request.target, "target.example", redactor);
        let request = super::json(&shapes::MappingRequest::from(&request));
        let answer = Some(json!({ "rulings": [] }));
        Some(Fixture { request: redactor.value(request), answer, ..recorded(Kind::FolderMapper) })
    }

    /// What the first mailbox's server profile is asked about one of its servers. The answer that is expected
    /// is that it does not know it.
    #[must_use]
    pub fn profile(&self, side: Side, redactor: &mut Redactor) -> Option<Fixture> {
        let request = self.kept.take()?;
        let (mut server, host) = match side {
            Side::Source | Side::Local => (request.source, "source.example"),
            Side::Target => (request.target, "target.example"),
        };
        redact(&mut server, host, redactor);
        let request = json!({ "side": side, "server": super::json(&shapes::Server::from(&server)) });
        Some(Fixture { request, answer: Some(Value::Null), ..recorded(Kind::ServerProfile) })
    }
}

#[async_trait]
impl FolderMapper for MappingRecorder {
    fn plugin(&self) -> &PluginId {
        &self.id
    }

    async fn map_folders(&self, request: &MappingRequest) -> Result<Mapping, PluginError> {
        self.kept.put(request.clone());
        Ok(Mapping::default())
    }
}

/// What a server can do and which software it is, a plugin may decide by; where it is and whose, it may not
/// need.
fn redact(server: &mut ServerDescription, host: &str, redactor: &mut Redactor) {
    host.clone_into(&mut server.host);
    server.greeting = redactor.server_text(&server.greeting);
    server.id.retain(|(name, _)| SOFTWARE.contains(&name.to_ascii_lowercase().as_str()));
    for (_, value) in &mut server.id {
        *value = redactor.text(value);
    }
    for capability in &mut server.capabilities {
        *capability = redactor.text(capability);
    }
    server.namespace_prefix = redactor.text(&server.namespace_prefix);
}

/// Keeps what a validator is asked, with the message lists of both mailboxes.
#[derive(Debug, Clone)]
pub struct ValidationRecorder {
    id: PluginId,
    kept: Kept<Value>,
}

impl Default for ValidationRecorder {
    fn default() -> Self {
        Self { id: id(), kept: Kept::default() }
    }
}

impl ValidationRecorder {
    /// What the first mailbox's validator was asked. The answer that is expected finds nothing wrong.
    #[must_use]
    pub fn validation(&self, redactor: &mut Redactor) -> Option<Fixture> {
        let request = redactor.value(self.kept.take()?);
        let answer = Some(json!({ "outcome": "pass" }));
        Some(Fixture { request, answer, ..recorded(Kind::Validator) })
    }

    fn error(&self, error: ViewError) -> PluginError {
        PluginError {
            plugin: self.id.clone(),
            call: "validate".to_owned(),
            failure: PluginFailure::Reported(error.to_string()),
        }
    }
}

#[async_trait]
impl Validator for ValidationRecorder {
    fn plugin(&self) -> &PluginId {
        &self.id
    }

    async fn validate(
        &self,
        request: &ValidationRequest,
        source: Arc<dyn MailboxView>,
        target: Arc<dyn MailboxView>,
    ) -> Result<ValidationReport, PluginError> {
        let pairs: Vec<Value> = request
            .folders
            .iter()
            .map(|pair| {
                json!({
                    "source": pair.source.to_string(), "target": pair.target.to_string(),
                    "source-messages": pair.source_messages, "copied": pair.copied,
                    "already-present": pair.already_present, "skipped": pair.skipped, "failed": pair.failed,
                })
            })
            .collect();
        let mut folders = (Vec::new(), Vec::new());
        let (roles_there, roles_here) = (roles(source.as_ref()).await, roles(target.as_ref()).await);
        for pair in &request.folders {
            let from = folder(source.as_ref(), &pair.source, &roles_there, true);
            folders.0.push(from.await.map_err(|error| self.error(error))?);
            let to = folder(target.as_ref(), &pair.target, &roles_here, false);
            folders.1.push(to.await.map_err(|error| self.error(error))?);
        }
        self.kept.put(json!({
            "depth": request.depth, "folders": pairs, "source": folders.0, "target": folders.1,
        }));
        Ok(ValidationReport { outcome: HookOutcome::Pass, checked_messages: 0, findings: Vec::new() })
    }
}

/// What the folders of a mailbox are for. Without an answer, nothing is known.
async fn roles(view: &dyn MailboxView) -> Vec<(mailhaul_imap::FolderPath, Vec<String>)> {
    let folders = view.folders().await.unwrap_or_default();
    folders
        .into_iter()
        .map(|folder| (folder.path, folder.roles.iter().map(shapes::role_word).collect()))
        .collect()
}

async fn folder(
    view: &dyn MailboxView,
    path: &mailhaul_imap::FolderPath,
    roles: &[(mailhaul_imap::FolderPath, Vec<String>)],
    source: bool,
) -> Result<Value, ViewError> {
    let messages = view.messages(path, 0, MESSAGES).await?;
    let uids: Vec<_> = messages.iter().map(|message| message.uid).collect();
    let list: Vec<_> = messages
        .iter()
        .map(|message| {
            json!({ "uid": message.uid, "bytes": message.bytes, "internal-date": message.internal_date,
                    "flags": message.flags })
        })
        .collect();
    let mut folder = json!({ "path": path.to_string(), "messages": list });
    if let Some((_, roles)) = roles.iter().find(|(known, roles)| known == path && !roles.is_empty()) {
        folder["roles"] = json!(roles);
    }
    if source {
        let targets = view.counterparts(path, &uids).await?;
        let pairs: Vec<_> =
            uids.iter().zip(targets).filter_map(|(uid, target)| Some((*uid, target?))).collect();
        folder["counterparts"] = json!(pairs);
    }
    Ok(folder)
}
