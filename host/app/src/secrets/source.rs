//! The list of mailboxes with the store's secrets in the rows that have none of their own.
//!
//! To the engine and to `provision` such a row is like one with a cell: whether its secret may go where it
//! signs in is decided as for any other, and it is for one host to begin with.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use mailhaul_engine::password_hosts::{Destination, Server};
use mailhaul_engine::plugin::{
    AccountEntry, Diagnostic, MailboxEntry, MailboxPage, MailboxSource, PluginError, PluginId, Severity,
};
use mailhaul_project::{Project, SideName};
use mailhaul_secrets::{Contents, Place, Store};
use secrecy::ExposeSecret as _;
use tokio::sync::OnceCell;

use crate::Failure;

/// A mailbox source over a store.
struct Sealed {
    list: Arc<dyn MailboxSource>,
    store: Store,
    source: Server,
    target: Server,
    /// Opened when the first row has no secret, and once.
    opened: OnceCell<Result<Opened, Vec<String>>>,
}

/// What is in the store.
struct Opened {
    contents: Contents,
    /// A host of each side and log-in that it has a secret for: a password whose host has got another name
    /// is in the store and not found.
    hosts: HashMap<(SideName, String), String>,
}

impl Opened {
    fn new(contents: Contents) -> Self {
        let host = |place: &Place| ((place.side(), place.login().to_owned()), place.host().to_owned());
        let hosts = contents.iter().map(|(place, _)| host(place)).collect();
        Self { contents, hosts }
    }
}

/// Puts the project's store behind a list; where there is none, it is the list itself.
///
/// # Errors
/// When nobody can say where the key is.
pub(crate) fn over(
    project: &Project,
    list: Arc<dyn MailboxSource>,
) -> Result<Arc<dyn MailboxSource>, Failure> {
    if !Store::exists(&project.state) {
        return Ok(list);
    }
    let (source, target) =
        (super::server(project, SideName::Source), super::server(project, SideName::Target));
    let store = super::store(project)?;
    Ok(Arc::new(Sealed { list, store, source, target, opened: OnceCell::new() }))
}

impl Sealed {
    /// Opens the store on a thread of its own: its key may be what a command prints.
    async fn opened(&self) -> &Result<Opened, Vec<String>> {
        let open = || async {
            let store = self.store.clone();
            let opened = tokio::task::spawn_blocking(move || super::read(&store).map(Opened::new)).await;
            opened.map_err(|broken| vec![broken.to_string()])?.map_err(|failure| {
                failure
                    .causes
                    .iter()
                    .map(|cause| match &cause.hint {
                        Some(hint) => format!("{}; {hint}", cause.sentence),
                        None => cause.sentence.clone(),
                    })
                    .collect()
            })
        };
        self.opened.get_or_init(open).await
    }

    fn fill(&self, entry: &mut MailboxEntry, store: &Opened) {
        let ends = [
            (SideName::Source, &self.source, &mut entry.source),
            (SideName::Target, &self.target, &mut entry.target),
        ];
        for (side, server, account) in ends.into_iter().filter(|(_, _, account)| has_none(account)) {
            let stored = super::place(server, side, account).and_then(|place| store.contents.get(&place));
            account.secret = stored.map(|stored| stored.secret.clone());
            if account.secret.is_none() {
                account.sealed_for = store.hosts.get(&(side, account.login.to_lowercase())).cloned();
            }
        }
    }
}

/// Whether a row says nothing about what it signs in with; an empty cell is none.
fn has_none(account: &AccountEntry) -> bool {
    account.secret.as_ref().is_none_or(|secret| secret.expose_secret().is_empty())
}

#[async_trait]
impl MailboxSource for Sealed {
    fn plugin(&self) -> &PluginId {
        self.list.plugin()
    }

    fn hosts(&self) -> Option<&[Destination]> {
        self.list.hosts()
    }

    async fn list_mailboxes(&self, token: Option<&str>, max: u32) -> Result<MailboxPage, PluginError> {
        let mut page = self.list.list_mailboxes(token, max).await?;
        if !page.mailboxes.iter().any(|entry| has_none(&entry.source) || has_none(&entry.target)) {
            return Ok(page);
        }
        match self.opened().await {
            Ok(store) => {
                for entry in &mut page.mailboxes {
                    self.fill(entry, store);
                }
            }
            // Whatever stands on further pages, nothing begins; and it is told once.
            Err(sentences) => {
                page.diagnostics.extend(sentences.iter().map(|sentence| remark(sentence)));
                page.next = None;
            }
        }
        Ok(page)
    }
}

fn remark(sentence: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "secrets.closed".to_owned(),
        message: sentence.to_owned(),
        at: None,
    }
}
