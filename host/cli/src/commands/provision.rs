//! `mailhaul provision`: creates the mailboxes that are missing on the target, through a plugin.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mailhaul_engine::plugin::{
    Creation, MailboxEntry, MailboxProvisioner, NewMailbox, PluginError, PluginFailure,
};
use mailhaul_imap::Secret;
use secrecy::ExposeSecret as _;
use serde::Serialize;

use crate::args::{Global, Provision};
use crate::drive::runtime;
use crate::error::Failure;
use crate::exit::Exit;
use crate::job::Opened;
use crate::listing::{self, MAX_PAGES, PAGE, broke, endless, remarks};
use crate::plugins;
use crate::ui::Ui;
use crate::ui::paint::Tone;
use crate::ui::table::{Align, Table};

/// What becomes of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Row {
    mailbox: String,
    /// `exists`, `missing`, `created`, `no-password` or `failed`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    plugin: String,
    mailboxes: Vec<Row>,
}

/// Creates what is missing; with `--dry-run` it only says what that is.
pub(crate) fn provision(ui: &mut Ui, global: &Global, args: &Provision) -> Result<Exit, Failure> {
    let opened = Opened::for_work(ui, global)?;
    let runtime = runtime()?;
    let (plugin, rows) = runtime.block_on(async {
        let (source, provisioner) = plugins::for_provision(ui, &opened.project).await?;
        let entries = listing::entries(ui, &source).await?;
        let wanted = entries.into_iter().map(|entry| (entry.target.login.clone(), entry)).collect();
        let rows = work(ui, &provisioner, &wanted, args.dry_run).await?;
        Ok::<_, Failure>((provisioner.plugin().to_string(), rows))
    })?;
    let good = |row: &Row| matches!(row.outcome, "exists" | "created");
    let missing_only = rows.iter().all(|row| good(row) || row.outcome == "missing");
    let exit = if missing_only { Exit::Done } else { Exit::NotAllWell };
    if ui.json() {
        ui.document(&Document { schema: 1, plugin, mailboxes: rows }, true)?;
        return Ok(exit);
    }
    let mut table = Table::new(0, &[("Mailbox", Align::Left), ("", Align::Left)]);
    for row in &rows {
        let tone = if good(row) { Tone::Faint } else { Tone::Strong };
        table.toned([(&row.mailbox, None), (row.outcome, Some(tone))]);
        if let Some(detail) = &row.detail {
            table.below(detail);
        }
    }
    let page = table.render(ui.width, ui.palette);
    ui.data(&page)?;
    Ok(exit)
}

/// The domains of these log-ins, sorted.
pub(super) fn domains<'a>(logins: impl Iterator<Item = &'a String>) -> Vec<String> {
    let domains: BTreeSet<_> =
        logins.filter_map(|login| login.rsplit_once('@')).map(|(_, domain)| domain).collect();
    domains.into_iter().map(str::to_owned).collect()
}

/// Log-ins the new host has, of those that are wanted.
async fn existing(
    ui: &mut Ui,
    provisioner: &Arc<dyn MailboxProvisioner>,
    wanted: &BTreeMap<String, MailboxEntry>,
) -> Result<BTreeSet<String>, Failure> {
    let domains = domains(wanted.keys());
    // Log-in names have no case anywhere we know of; a second mailbox is worse than a missed one.
    let known: BTreeSet<_> = wanted.keys().map(|login| login.to_lowercase()).collect();
    let mut found = BTreeSet::new();
    let mut token = None;
    for _ in 0..MAX_PAGES {
        let page = provisioner.list_mailboxes(token.as_deref(), PAGE, &domains).await.map_err(broke)?;
        remarks(ui, &page.diagnostics)?;
        let logins = page.mailboxes.into_iter().map(|mailbox| mailbox.login.to_lowercase());
        found.extend(logins.filter(|login| known.contains(login)));
        match page.next {
            None => return Ok(found),
            next => token = next,
        }
    }
    Err(broke(endless(provisioner.plugin(), "list-mailboxes")))
}

async fn work(
    ui: &mut Ui,
    provisioner: &Arc<dyn MailboxProvisioner>,
    wanted: &BTreeMap<String, MailboxEntry>,
    dry_run: bool,
) -> Result<Vec<Row>, Failure> {
    let before = existing(ui, provisioner, wanted).await?;
    let mut rows = Vec::with_capacity(wanted.len());
    let mut created = Vec::new();
    for (login, entry) in wanted {
        let row = |outcome, detail| Row { mailbox: login.clone(), outcome, detail };
        if before.contains(&login.to_lowercase()) {
            rows.push(row("exists", None));
            continue;
        }
        let secret = entry.target.secret.clone().filter(|secret| !secret.expose_secret().is_empty());
        let Some(password) = secret else {
            let place = entry.origin.as_deref().unwrap_or("the list");
            let why = format!("{place} has no password for it: give it one, passwords are not made up yet");
            rows.push(row("no-password", Some(why)));
            continue;
        };
        if dry_run {
            rows.push(row("missing", None));
            continue;
        }
        match create(provisioner, login, entry, password).await {
            Ok(Creation::Created) => {
                created.push(login.to_lowercase());
                rows.push(row("created", None));
            }
            Ok(Creation::Exists) => rows.push(row("exists", None)),
            // Nothing else will work either.
            Err(error) if matches!(error.failure, PluginFailure::Denied(_)) => return Err(broke(error)),
            Err(error) => rows.push(row("failed", Some(error.to_string()))),
        }
    }
    if !created.is_empty() {
        // What a plugin says is looked at once more: it is what the run will rely on.
        let after = existing(ui, provisioner, wanted).await?;
        for row in rows.iter_mut().filter(|row| row.outcome == "created") {
            if !after.contains(&row.mailbox.to_lowercase()) {
                row.outcome = "failed";
                row.detail = Some("it was said to be created and is not there".to_owned());
            }
        }
    }
    Ok(rows)
}

pub(super) async fn create(
    provisioner: &Arc<dyn MailboxProvisioner>,
    login: &str,
    entry: &MailboxEntry,
    password: Secret,
) -> Result<Creation, PluginError> {
    let mailbox =
        NewMailbox { login: login.to_owned(), display_name: entry.label.clone(), quota: None, password };
    tracing::info!(mailbox = login, plugin = %provisioner.plugin(), "creating");
    provisioner.create_mailbox(&mailbox).await
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use mailhaul_engine::plugin::{AccountEntry, ExistingMailbox, ExistingPage, PluginId};

    use super::*;

    /// A host in memory. `lies` about what it creates.
    struct Panel {
        id: PluginId,
        has: Mutex<Vec<String>>,
        lies: bool,
    }

    #[async_trait]
    impl MailboxProvisioner for Panel {
        fn plugin(&self) -> &PluginId {
            &self.id
        }

        async fn list_mailboxes(
            &self,
            _: Option<&str>,
            _: u32,
            domains: &[String],
        ) -> Result<ExistingPage, PluginError> {
            assert_eq!(domains, ["new.example"]);
            let has = self.has.lock().unwrap().clone();
            let mailbox = |login| ExistingMailbox { login, quota: None };
            Ok(ExistingPage { mailboxes: has.into_iter().map(mailbox).collect(), ..ExistingPage::default() })
        }

        async fn create_mailbox(&self, mailbox: &NewMailbox) -> Result<Creation, PluginError> {
            assert_eq!(mailbox.password.expose_secret(), b"geheim");
            if !self.lies {
                self.has.lock().unwrap().push(mailbox.login.clone());
            }
            Ok(Creation::Created)
        }

        async fn set_quota(&self, _: &str, _: u64) -> Result<(), PluginError> {
            Err(endless(&self.id, "set-quota"))
        }
    }

    async fn outcomes(lies: bool, dry_run: bool) -> (Vec<&'static str>, Vec<String>) {
        let id = PluginId { id: "panel".into(), version: "1.0.0".into() };
        let panel = Arc::new(Panel { id, has: Mutex::new(vec!["Anna@new.example".into()]), lies });
        let entry = |login: &str, password: &str| {
            let secret = Some(Secret::from(password.as_bytes().to_vec()));
            let target = AccountEntry { login: login.into(), secret, ..AccountEntry::default() };
            let source = AccountEntry::default();
            (login.to_owned(), MailboxEntry { key: login.into(), source, target, label: None, origin: None })
        };
        let wanted = [
            entry("anna@new.example", "geheim"),
            entry("ben@new.example", "geheim"),
            entry("cleo@new.example", ""),
        ];
        let (mut ui, _out, _err) = Ui::in_memory(None);
        let provisioner: Arc<dyn MailboxProvisioner> = panel.clone();
        let rows = work(&mut ui, &provisioner, &wanted.into(), dry_run).await.unwrap();
        let has = panel.has.lock().unwrap().clone();
        (rows.into_iter().map(|row| row.outcome).collect(), has)
    }

    #[tokio::test]
    async fn only_what_is_missing_is_created_and_looked_at_again() {
        let (rows, has) = outcomes(false, false).await;
        assert_eq!(rows, ["exists", "created", "no-password"]);
        assert_eq!(has, ["Anna@new.example", "ben@new.example"]);
        assert_eq!(outcomes(true, false).await.0, ["exists", "failed", "no-password"]);
    }

    #[tokio::test]
    async fn a_dry_run_creates_nothing() {
        let (rows, has) = outcomes(false, true).await;
        assert_eq!((rows, has.len()), (vec!["exists", "missing", "no-password"], 1));
    }
}
