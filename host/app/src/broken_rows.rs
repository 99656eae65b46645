//! The list of mailboxes with what is wrong in the rows no plugin was given.
//!
//! A row that cannot be cut into cells never reaches the plugin; its fault is told beside those the plugin
//! finds in the others, so that all of them are mended at once.

use std::sync::Arc;

use async_trait::async_trait;
use mailhaul_engine::password_hosts::Destination;
use mailhaul_engine::plugin::{Diagnostic, MailboxPage, MailboxSource, PluginError, PluginId, Severity};
use mailhaul_project::ProjectError;

/// A mailbox source over the faults of its tables.
struct Broken {
    list: Arc<dyn MailboxSource>,
    faults: Vec<Diagnostic>,
}

/// Puts the faults of a list's tables behind the list; where there are none, it is the list itself.
pub(crate) fn over(list: Arc<dyn MailboxSource>, faults: &[ProjectError]) -> Arc<dyn MailboxSource> {
    if faults.is_empty() {
        return list;
    }
    let remark = |fault: &ProjectError| {
        let file = fault.file.display();
        let at = fault.line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"));
        let message = match fault.remedy.as_str() {
            "" => fault.cause.clone(),
            remedy => format!("{}; {remedy}", fault.cause),
        };
        Diagnostic { severity: Severity::Error, code: "malformed-row".to_owned(), message, at: Some(at) }
    };
    Arc::new(Broken { list, faults: faults.iter().map(remark).collect() })
}

#[async_trait]
impl MailboxSource for Broken {
    fn plugin(&self) -> &PluginId {
        self.list.plugin()
    }

    fn hosts(&self) -> Option<&[Destination]> {
        self.list.hosts()
    }

    async fn list_mailboxes(&self, token: Option<&str>, max: u32) -> Result<MailboxPage, PluginError> {
        let mut page = self.list.list_mailboxes(token, max).await?;
        if token.is_none() {
            page.diagnostics.splice(..0, self.faults.iter().cloned());
        }
        Ok(page)
    }
}
