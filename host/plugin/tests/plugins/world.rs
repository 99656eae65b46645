//! Hosts, requests and views for these tests.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use mailhaul_engine::plugin::{
    FolderInfo, MailboxView, MappingRequest, MessageStat, ServerDescription, ViewError,
};
use mailhaul_imap::{FolderPath, Secret, SpecialUse};
use mailhaul_net::TlsMode;
use mailhaul_plugin_host::{Cell, Column, Limits, PluginHost, ShippedPlugin, TableInput, TableRow};

/// One host for all tests: every component is compiled once. The guest's CPU time is generous for an
/// unoptimised host on a busy machine.
pub(crate) fn host() -> PluginHost {
    static HOST: OnceLock<PluginHost> = OnceLock::new();
    let host = HOST.get_or_init(|| {
        let shipped = mailhaul_shipped::plugins();
        let shipped =
            shipped.iter().map(|plugin| ShippedPlugin { id: plugin.id, component: plugin.component });
        PluginHost::new(Limits { cpu: Duration::from_secs(10), ..Limits::default() }, shipped).unwrap()
    });
    host.clone()
}

pub(crate) fn host_with(limits: Limits) -> PluginHost {
    host().with_limits(limits)
}

pub(crate) fn path(text: &str) -> FolderPath {
    FolderPath(text.split('/').map(str::to_owned).collect())
}

pub(crate) fn folder(text: &str, roles: &[SpecialUse]) -> FolderInfo {
    FolderInfo {
        path: path(text),
        attributes: Vec::new(),
        roles: roles.to_vec(),
        selectable: true,
        subscribed: true,
        messages: None,
        bytes: None,
    }
}

pub(crate) fn request(source: Vec<FolderInfo>, target: Vec<FolderInfo>) -> MappingRequest {
    let server = ServerDescription {
        host: "mail.example".into(),
        port: 993,
        tls: TlsMode::Implicit,
        greeting: "ready".into(),
        capabilities: vec!["IMAP4rev1".into()],
        id: Vec::new(),
        namespace_prefix: "INBOX.".into(),
        delimiter: Some('.'),
    };
    MappingRequest {
        source: server.clone(),
        target: server,
        source_folders: source,
        target_folders: target,
        settled: Vec::new(),
    }
}

/// A table of `rows` mailboxes, with a password for each end.
pub(crate) fn accounts(rows: u32) -> TableInput {
    let column = |name: &str| Column { name: name.into(), secret: name.ends_with("_password") };
    let columns = ["source_user", "source_password", "target_user", "target_password"];
    let row = |number: u32| TableRow {
        line: number + 2,
        cells: vec![
            Cell::Text(format!("user{number}@old.example")),
            Cell::Secret(Secret::from(format!("canary-{number}").into_bytes())),
            Cell::Text(format!("user{number}@new.example")),
            Cell::Secret(Secret::from(Vec::new())),
        ],
    };
    TableInput {
        file: "mailboxes.csv".into(),
        columns: columns.into_iter().map(column).collect(),
        rows: (0..rows).map(row).collect(),
    }
}

/// A mailbox in memory that counts how often it is asked.
#[derive(Default)]
pub(crate) struct View {
    pub(crate) folders: Vec<FolderInfo>,
    pub(crate) uids: BTreeMap<String, Vec<u32>>,
    pub(crate) asked: AtomicU32,
    /// How long every answer takes.
    pub(crate) slowness: Duration,
    pub(crate) budget: Option<u32>,
}

impl View {
    pub(crate) fn with(mut self, folder: FolderInfo, uids: impl IntoIterator<Item = u32>) -> Self {
        self.uids.insert(folder.path.to_string(), uids.into_iter().collect());
        self.folders.push(folder);
        self
    }

    async fn ask(&self) -> Result<(), ViewError> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        if self.slowness > Duration::ZERO {
            tokio::time::sleep(self.slowness).await;
        }
        if self.budget.is_some_and(|budget| asked >= budget) {
            Err(ViewError::BudgetExhausted)
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl MailboxView for View {
    async fn folders(&self) -> Result<Vec<FolderInfo>, ViewError> {
        self.ask().await?;
        Ok(self.folders.clone())
    }

    async fn messages(
        &self,
        folder: &FolderPath,
        after: u32,
        limit: u32,
    ) -> Result<Vec<MessageStat>, ViewError> {
        self.ask().await?;
        let uids =
            self.uids.get(&folder.to_string()).ok_or_else(|| ViewError::NotFound(folder.to_string()))?;
        let stat = |uid: &u32| MessageStat { uid: *uid, bytes: 1, internal_date: None, flags: Vec::new() };
        Ok(uids.iter().filter(|uid| **uid > after).take(limit as usize).map(stat).collect())
    }

    async fn headers(
        &self,
        _: &FolderPath,
        _: &[u32],
        _: &[String],
    ) -> Result<Vec<(u32, Vec<(String, Vec<u8>)>)>, ViewError> {
        self.ask().await.map(|()| Vec::new())
    }

    async fn digests(&self, _: &FolderPath, _: &[u32]) -> Result<Vec<(u32, String)>, ViewError> {
        self.ask().await.map(|()| Vec::new())
    }

    async fn counterparts(&self, _: &FolderPath, uids: &[u32]) -> Result<Vec<Option<u32>>, ViewError> {
        self.ask().await?;
        Ok(uids.iter().map(|uid| Some(uid + 1_000_000)).collect())
    }
}
