//! `mailhaul provision`: creates the mailboxes that are missing on the target, through a plugin.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mailhaul_app::listing::{self, MAX_PAGES, PAGE, broke, endless, remarks};
use mailhaul_app::passwords::Passwords;
use mailhaul_app::{Secret, Warn, plugins};
use mailhaul_engine::plugin::{
    Creation, MailboxEntry, MailboxProvisioner, NewMailbox, PluginError, PluginFailure,
};
use mailhaul_text::bytes;
use secrecy::ExposeSecret as _;
use serde::Serialize;

use crate::args::{Global, Provision};
use crate::drive::runtime;
use crate::error::Failure;
use crate::exit::Exit;
use crate::project;
use crate::ui::Ui;
use crate::ui::paint::Tone;
use crate::ui::table::{Align, Table};

/// What became of one mailbox, named by its log-in on the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Row {
    mailbox: String,
    /// `exists`, `missing`, `created`, `no-password`, `failed`; of one that exists `quota-set` or
    /// `quota-differs`.
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
    let project = project::for_work(ui, global)?;
    let mut passwords = match &args.passwords {
        // Nothing is made where nothing is created.
        Some(_) if args.dry_run => NewPasswords::Promised,
        Some(path) => NewPasswords::Made(Passwords::open(path)?),
        None => NewPasswords::None,
    };
    let runtime = runtime()?;
    let (plugin, rows) = runtime.block_on(async {
        let warn = &mut |text: &str| ui.warn(text);
        let (source, provisioner) = plugins::for_provision(&project, warn).await?;
        let entries = listing::entries(&project, &source, warn).await?;
        let wanted = entries.into_iter().map(|entry| (entry.target.login.clone(), entry)).collect();
        let rows = provision_all(&provisioner, &wanted, args.dry_run, &mut passwords, warn).await?;
        Ok::<_, Failure>((provisioner.plugin().to_string(), rows))
    })?;
    let good = |row: &Row| matches!(row.outcome, "exists" | "created" | "quota-set");
    let to_do = |row: &Row| args.dry_run && matches!(row.outcome, "missing" | "quota-differs");
    let missing_only = rows.iter().all(|row| good(row) || to_do(row));
    let exit = if missing_only { Exit::Done } else { Exit::NotAllWell };
    if ui.json() {
        ui.document(&Document { schema: 1, plugin, mailboxes: rows }, true)?;
        return Ok(exit);
    }
    let mut table = Table::new(0, &[("Mailbox", Align::Left), ("", Align::Left)]);
    for row in &rows {
        let tone = if good(row) { Tone::Faint } else { Tone::Strong };
        table.push_row([(&row.mailbox, None), (row.outcome, Some(tone))]);
        if let Some(detail) = &row.detail {
            table.push_remark(detail);
        }
    }
    let page = table.render(ui.width, ui.palette);
    ui.data(&page)?;
    Ok(exit)
}

/// Returns the domains of these log-ins, each once and sorted.
pub(super) fn domains<'a>(logins: impl Iterator<Item = &'a String>) -> Vec<String> {
    let domains: BTreeSet<_> =
        logins.filter_map(|login| login.rsplit_once('@')).map(|(_, domain)| domain).collect();
    domains.into_iter().map(str::to_owned).collect()
}

/// Where passwords come from that the list does not have: `--passwords`.
#[derive(Debug)]
enum NewPasswords {
    /// Without the option such a mailbox is not created.
    None,
    /// The option in a dry run: the file is not opened.
    Promised,
    Made(Passwords),
}

/// Returns which wanted log-ins the new host has, in lower case, with their quotas in bytes where it tells
/// them.
async fn existing(
    provisioner: &Arc<dyn MailboxProvisioner>,
    wanted: &BTreeMap<String, MailboxEntry>,
    warn: Warn<'_>,
) -> Result<BTreeMap<String, Option<u64>>, Failure> {
    let domains = domains(wanted.keys());
    // Log-in names have no case anywhere we know of; a second mailbox is worse than a missed one.
    let known: BTreeSet<_> = wanted.keys().map(|login| login.to_lowercase()).collect();
    let mut found = BTreeMap::new();
    let mut token = None;
    for _ in 0..MAX_PAGES {
        let page = provisioner.list_mailboxes(token.as_deref(), PAGE, &domains).await.map_err(broke)?;
        remarks(&page.diagnostics, warn)?;
        let there = page.mailboxes.into_iter().map(|mailbox| (mailbox.login.to_lowercase(), mailbox.quota));
        found.extend(there.filter(|(login, _)| known.contains(login)));
        match page.next {
            None => return Ok(found),
            next => token = next,
        }
    }
    Err(broke(endless(provisioner.plugin(), "list-mailboxes")).into())
}

async fn provision_all(
    provisioner: &Arc<dyn MailboxProvisioner>,
    wanted: &BTreeMap<String, MailboxEntry>,
    dry_run: bool,
    passwords: &mut NewPasswords,
    warn: Warn<'_>,
) -> Result<Vec<Row>, Failure> {
    let before = existing(provisioner, wanted, warn).await?;
    let mut rows = Vec::with_capacity(wanted.len());
    for (login, entry) in wanted {
        let row = |outcome, detail| Row { mailbox: login.clone(), outcome, detail };
        if before.contains_key(&login.to_lowercase()) {
            rows.push(row("exists", None));
            continue;
        }
        let secret = entry.target.secret.clone().filter(|secret| !secret.expose_secret().is_empty());
        let (password, made) = match (secret, &mut *passwords) {
            (Some(password), _) => (Some(password), None),
            (None, NewPasswords::Made(passwords)) => {
                let password = passwords.of(login).map_err(|error| {
                    let path = passwords.path().display();
                    Failure::input(format!("no password can be written to {path}: {error}"), None)
                })?;
                let made = format!("its password is new, and stands in {}", passwords.path().display());
                (Some(password), Some(made))
            }
            (None, NewPasswords::Promised) => (None, Some("a password would be made".to_owned())),
            (None, NewPasswords::None) => {
                let place = entry.origin.as_deref().unwrap_or("the list");
                let why = format!("{place} has no password for it: give it one, or add `--passwords FILE`");
                rows.push(row("no-password", Some(why)));
                continue;
            }
        };
        let Some(password) = password.filter(|_| !dry_run) else {
            rows.push(row("missing", made));
            continue;
        };
        match create(provisioner, login, entry, password).await {
            Ok(Creation::Created) => rows.push(row("created", made)),
            Ok(Creation::Exists) => rows.push(row("exists", None)),
            // Nothing else will work either.
            Err(error) if matches!(error.failure, PluginFailure::Denied(_)) => {
                return Err(broke(error).into());
            }
            Err(error) => rows.push(row("failed", Some(error.to_string()))),
        }
    }
    let mut there = before;
    if rows.iter().any(|row| row.outcome == "created") {
        // What a plugin says is looked at once more: it is what the run will rely on.
        there = existing(provisioner, wanted, warn).await?;
        for row in rows.iter_mut().filter(|row| row.outcome == "created") {
            if !there.contains_key(&row.mailbox.to_lowercase()) {
                row.outcome = "failed";
                row.detail = Some("it was said to be created and is not there".to_owned());
            }
        }
    }
    set_quotas(provisioner, wanted, &there, dry_run, &mut rows).await;
    let set = |rows: &[Row]| rows.iter().any(|row| row.outcome == "quota-set");
    if set(&rows) {
        let there = existing(provisioner, wanted, warn).await?;
        for row in rows.iter_mut().filter(|row| row.outcome == "quota-set") {
            let asked = wanted.get(&row.mailbox).and_then(|entry| entry.target.quota);
            // An API that does not say is believed.
            let has = there.get(&row.mailbox.to_lowercase()).copied().flatten();
            if has.is_some() && has != asked {
                row.outcome = "failed";
                row.detail = Some("its quota was said to be set and is another".to_owned());
            }
        }
    }
    Ok(rows)
}

/// Sets the quotas the list asks for, of mailboxes that exist with others.
async fn set_quotas(
    provisioner: &Arc<dyn MailboxProvisioner>,
    wanted: &BTreeMap<String, MailboxEntry>,
    there: &BTreeMap<String, Option<u64>>,
    dry_run: bool,
    rows: &mut [Row],
) {
    for row in rows.iter_mut().filter(|row| matches!(row.outcome, "exists" | "created")) {
        let Some(asked) = wanted.get(&row.mailbox).and_then(|entry| entry.target.quota) else { continue };
        let Some(has) = there.get(&row.mailbox.to_lowercase()) else { continue };
        if *has == Some(asked) {
            continue;
        }
        let shown = has.map_or_else(|| "no quota that is known".to_owned(), bytes);
        let differs = format!("it has {shown}, the list asks for {}", bytes(asked));
        if dry_run {
            (row.outcome, row.detail) = ("quota-differs", Some(differs));
            continue;
        }
        tracing::info!(mailbox = row.mailbox, plugin = %provisioner.plugin(), asked, "setting the quota");
        match provisioner.set_quota(&row.mailbox, asked).await {
            Ok(()) if row.outcome == "created" => {}
            Ok(()) => (row.outcome, row.detail) = ("quota-set", Some(differs)),
            Err(error) => {
                let left = matches!(error.failure, PluginFailure::Denied(_) | PluginFailure::Unsupported(_));
                row.outcome = if left { "quota-differs" } else { "failed" };
                row.detail = Some(format!("{differs}: {error}"));
            }
        }
    }
}

pub(super) async fn create(
    provisioner: &Arc<dyn MailboxProvisioner>,
    login: &str,
    entry: &MailboxEntry,
    password: Secret,
) -> Result<Creation, PluginError> {
    let quota = entry.target.quota;
    let mailbox = NewMailbox { login: login.to_owned(), display_name: entry.label.clone(), quota, password };
    tracing::info!(mailbox = login, plugin = %provisioner.plugin(), "creating");
    provisioner.create_mailbox(&mailbox).await
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use mailhaul_engine::plugin::{AccountEntry, ExistingMailbox, ExistingPage, PluginId};

    use super::*;

    /// A host in memory; with `lies` it says yes and creates or sets nothing.
    struct Panel {
        id: PluginId,
        has: Mutex<BTreeMap<String, Option<u64>>>,
        lies: bool,
        /// Where this is false, setting a quota is denied as without a grant.
        quotas: bool,
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
            let mailbox = |(login, quota)| ExistingMailbox { login, quota };
            Ok(ExistingPage { mailboxes: has.into_iter().map(mailbox).collect(), ..ExistingPage::default() })
        }

        async fn create_mailbox(&self, mailbox: &NewMailbox) -> Result<Creation, PluginError> {
            if mailbox.login != "cleo@new.example" {
                assert_eq!(mailbox.password.expose_secret(), b"geheim");
            }
            if !self.lies {
                self.has.lock().unwrap().insert(mailbox.login.clone(), None);
            }
            Ok(Creation::Created)
        }

        async fn set_quota(&self, login: &str, quota: u64) -> Result<(), PluginError> {
            if !self.quotas {
                let failure = PluginFailure::Denied("type `mailhaul plugin grant`".to_owned());
                return Err(PluginError { plugin: self.id.clone(), call: "set-quota".to_owned(), failure });
            }
            if !self.lies {
                let mut has = self.has.lock().unwrap();
                let key = has.keys().find(|key| key.eq_ignore_ascii_case(login)).unwrap().clone();
                has.insert(key, Some(quota));
            }
            Ok(())
        }
    }

    fn panel(lies: bool, quotas: bool) -> Arc<Panel> {
        let id = PluginId { id: "panel".into(), version: "1.0.0".into() };
        let has = Mutex::new([("Anna@new.example".to_owned(), Some(1 << 30))].into());
        Arc::new(Panel { id, has, lies, quotas })
    }

    fn entry(login: &str, password: &str, quota: Option<u64>) -> (String, MailboxEntry) {
        let secret = Some(Secret::from(password.as_bytes().to_vec()));
        let target = AccountEntry { login: login.into(), secret, quota, ..AccountEntry::default() };
        let source = AccountEntry::default();
        (
            login.to_owned(),
            MailboxEntry {
                key: login.into(),
                source,
                target,
                label: None,
                batch: None,
                origin: None,
                one_account: false,
            },
        )
    }

    async fn rows(
        panel: &Arc<Panel>,
        wanted: Vec<(String, MailboxEntry)>,
        dry_run: bool,
        mut new: NewPasswords,
    ) -> Vec<Row> {
        let provisioner: Arc<dyn MailboxProvisioner> = panel.clone();
        let warn = &mut |text: &str| panic!("{text}");
        provision_all(&provisioner, &wanted.into_iter().collect(), dry_run, &mut new, warn).await.unwrap()
    }

    fn words(rows: &[Row]) -> Vec<&'static str> {
        rows.iter().map(|row| row.outcome).collect()
    }

    fn three() -> Vec<(String, MailboxEntry)> {
        vec![
            entry("anna@new.example", "geheim", None),
            entry("ben@new.example", "geheim", None),
            entry("cleo@new.example", "", None),
        ]
    }

    #[tokio::test]
    async fn only_what_is_missing_is_created_and_looked_at_again() {
        let good = panel(false, false);
        assert_eq!(
            words(&rows(&good, three(), false, NewPasswords::None).await),
            ["exists", "created", "no-password"]
        );
        let has: Vec<_> = good.has.lock().unwrap().keys().cloned().collect();
        assert_eq!(has, ["Anna@new.example", "ben@new.example"]);
        let lies = panel(true, false);
        assert_eq!(
            words(&rows(&lies, three(), false, NewPasswords::None).await),
            ["exists", "failed", "no-password"]
        );
    }

    #[tokio::test]
    async fn a_dry_run_creates_nothing() {
        let panel = panel(false, true);
        let mut wanted = three();
        wanted[0].1.target.quota = Some(2 << 30);
        let rows = rows(&panel, wanted, true, NewPasswords::Promised).await;
        assert_eq!(words(&rows), ["quota-differs", "missing", "missing"]);
        assert_eq!(rows[0].detail.as_deref(), Some("it has 1.0 GiB, the list asks for 2.0 GiB"));
        assert_eq!(rows[2].detail.as_deref(), Some("a password would be made"));
        assert_eq!(panel.has.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_password_is_made_where_the_list_has_none_and_stands_in_the_file_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new.csv");
        let made = NewPasswords::Made(Passwords::open(&path).unwrap());
        let rows = rows(&panel(false, false), three(), false, made).await;
        assert_eq!(words(&rows), ["exists", "created", "created"]);
        let text = std::fs::read_to_string(&path).unwrap();
        let password = text.lines().nth(1).unwrap().strip_prefix("cleo@new.example,").unwrap();
        assert_eq!((text.lines().count(), password.len()), (2, 27));
        assert!(!format!("{rows:?}").contains(password), "{rows:?}");
    }

    #[tokio::test]
    async fn quotas_are_set_where_they_differ_and_only_when_granted() {
        let asks = || {
            vec![
                entry("anna@new.example", "geheim", Some(2 << 30)),
                entry("ben@new.example", "geheim", Some(3 << 30)),
                entry("cleo@new.example", "geheim", None),
            ]
        };
        let good = panel(false, true);
        assert_eq!(
            words(&rows(&good, asks(), false, NewPasswords::None).await),
            ["quota-set", "created", "created"]
        );
        let has = good.has.lock().unwrap().clone();
        assert_eq!(has["Anna@new.example"], Some(2 << 30));
        assert_eq!((has["ben@new.example"], has["cleo@new.example"]), (Some(3 << 30), None));
        // Once more: nothing is left to do.
        assert_eq!(words(&rows(&good, asks(), false, NewPasswords::None).await), ["exists"; 3]);
        let denied = rows(&panel(false, false), asks(), false, NewPasswords::None).await;
        assert_eq!(words(&denied), ["quota-differs", "quota-differs", "created"]);
        assert!(denied[0].detail.as_ref().unwrap().contains("plugin grant"), "{denied:?}");
        let lies = panel(true, true);
        assert_eq!(words(&rows(&lies, asks()[..1].to_vec(), false, NewPasswords::None).await), ["failed"]);
    }
}
