//! Takes the place of a plugin in a plan or a verification, and keeps what it was asked as a fixture.
//!
//! Redacted: hosts, greetings, what the servers say about themselves and the mailbox's name become made-up
//! ones. Folder names stay, because they are what a mapper decides by.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use mailhaul_engine::plugin::{
    FolderMapper, HookOutcome, MailboxView, Mapping, MappingRequest, PluginError, PluginFailure, PluginId,
    ServerDescription, ValidationReport, ValidationRequest, Validator, ViewError,
};
use serde_json::{Value, json};

use super::shapes;
use crate::trial::Fixture;

/// Messages that are recorded of one folder.
const MESSAGES: u32 = 1_000;

fn id() -> PluginId {
    PluginId { id: "record".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

/// What was recorded. Only the first mailbox is.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Option<Fixture>>>);

impl Kept {
    fn put(&self, fixture: Fixture) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fixture);
    }

    fn take(&self) -> Option<Fixture> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Records what a folder mapper is asked.
#[derive(Debug, Clone)]
pub struct MappingRecorder {
    id: PluginId,
    kept: Kept,
}

impl Default for MappingRecorder {
    fn default() -> Self {
        Self { id: id(), kept: Kept::default() }
    }
}

impl MappingRecorder {
    /// What the first mailbox's mapper was asked.
    #[must_use]
    pub fn take(&self) -> Option<Fixture> {
        self.kept.take()
    }
}

#[async_trait]
impl FolderMapper for MappingRecorder {
    fn plugin(&self) -> &PluginId {
        &self.id
    }

    async fn map_folders(&self, request: &MappingRequest) -> Result<Mapping, PluginError> {
        let mut request = request.clone();
        redact(&mut request.source, "source.example");
        redact(&mut request.target, "target.example");
        let request = super::json(&shapes::MappingRequest::from(&request));
        self.kept.put(Fixture {
            about: "Recorded from two servers".to_owned(),
            request,
            answer: Some(json!({ "rulings": [] })),
            ..Fixture::default()
        });
        Ok(Mapping::default())
    }
}

/// Capabilities say what a server can do, which a plugin may need; where it is and whose, they do not say.
fn redact(server: &mut ServerDescription, host: &str) {
    host.clone_into(&mut server.host);
    server.greeting = if server.greeting.is_empty() { String::new() } else { "ready".to_owned() };
    server.id.retain(|(name, _)| matches!(name.to_ascii_lowercase().as_str(), "name" | "vendor"));
}

/// Records what a validator is asked, with the message lists of both mailboxes.
#[derive(Debug, Clone)]
pub struct ValidationRecorder {
    id: PluginId,
    kept: Kept,
}

impl Default for ValidationRecorder {
    fn default() -> Self {
        Self { id: id(), kept: Kept::default() }
    }
}

impl ValidationRecorder {
    /// What the first mailbox's validator was asked.
    #[must_use]
    pub fn take(&self) -> Option<Fixture> {
        self.kept.take()
    }

    fn error(&self, error: ViewError) -> PluginError {
        PluginError {
            plugin: self.id.clone(),
            call: "validate".to_owned(),
            failure: PluginFailure::Said(error.to_string()),
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
        for pair in &request.folders {
            let from =
                folder(source.as_ref(), &pair.source, true).await.map_err(|error| self.error(error))?;
            let to = folder(target.as_ref(), &pair.target, false).await.map_err(|error| self.error(error))?;
            folders.0.push(from);
            folders.1.push(to);
        }
        self.kept.put(Fixture {
            about: "Recorded from two servers".to_owned(),
            request: json!({
                "depth": request.depth, "folders": pairs, "source": folders.0, "target": folders.1,
            }),
            answer: Some(json!({ "outcome": "pass" })),
            ..Fixture::default()
        });
        Ok(ValidationReport { outcome: HookOutcome::Pass, checked_messages: 0, findings: Vec::new() })
    }
}

async fn folder(
    view: &dyn MailboxView,
    path: &mailhaul_imap::FolderPath,
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
    if source {
        let targets = view.counterparts(path, &uids).await?;
        let pairs: Vec<_> =
            uids.iter().zip(targets).filter_map(|(uid, target)| Some((*uid, target?))).collect();
        folder["counterparts"] = json!(pairs);
    }
    Ok(folder)
}
