//! `mailhaul provision`: creates the mailboxes that are missing on the target, through a plugin.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mailhaul_app::listing::{self, MAX_PAGES, PAGE, broke, endless, remarks};
use mailhaul_app::new_passwords::{self, NewPassword, NewPasswords};
use mailhaul_app::passwords::Passwords;
use mailhaul_app::{Secret, Warn, plugins, secrets};
use mailhaul_engine::plugin::{
    AccountEntry, Creation, MailboxEntry, MailboxProvisioner, NewMailbox, PluginError, PluginFailure,
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
    // Nothing is made where nothing is created.
    let file = args.passwords.as_ref().filter(|_| !args.dry_run);
    let mut file = file.map(|path| Passwords::open(path)).transpose()?;
    let mut made = None;
    let runtime = runtime()?;
    let (plugin, rows) = runtime.block_on(async {
        let warn = &mut |text: &str| ui.warn(text);
        let (source, provisioner) = plugins::for_provision(&project, warn).await?;
        let entries = listing::entries(&project, &source, warn).await?;
        let wanted = entries.into_iter().map(|entry| (entry.target.login.clone(), entry)).collect();
        let mut make = |accounts: &[&AccountEntry]| {
            let passwords = new_passwords::make(&project, accounts, file.as_mut())?;
            Ok(made.insert(passwords).clone())
        };
        let make: Option<&mut MakePasswords<'_>> = if args.dry_run { None } else { Some(&mut make) };
        let rows = provision_all(&provisioner, &wanted, make, warn).await;
        Ok::<_, Failure>((provisioner.plugin().to_string(), rows))
    })?;
    // Also when the plugin broke afterwards: it is said once.
    if let Some(made) = made.filter(|made| !made.is_empty()) {
        if let Some(place) = &made.made_key {
            ui.note(&key_was_made(place));
        }
        if secrets::unbacked(&project) {
            ui.warn(secrets::unbacked_sentence());
        }
    }
    let rows = rows?;
    let made = |outcome: &str| rows.iter().filter(|row| row.outcome == outcome).count();
    if made("created") + made("quota-set") > 0 {
        let (created, set) = (made("created"), made("quota-set"));
        secrets::audit(
            &project,
            &format!("{created} mailboxes were created through {plugin}, {set} quotas were set"),
        )?;
    }
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

/// Makes the passwords of accounts that are about to be created, as far as they have none.
type MakePasswords<'a> = dyn FnMut(&[&AccountEntry]) -> Result<NewPasswords, Failure> + Send + 'a;

/// Says where the key is that a store has just got.
pub(super) fn key_was_made(place: &str) -> String {
    format!("the key to this project's passwords was made: {place}; without it nobody can read them")
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

/// Creates what is missing; in a dry run, without `make`, it only says what that is.
async fn provision_all(
    provisioner: &Arc<dyn MailboxProvisioner>,
    wanted: &BTreeMap<String, MailboxEntry>,
    make: Option<&mut MakePasswords<'_>>,
    warn: Warn<'_>,
) -> Result<Vec<Row>, Failure> {
    let before = existing(provisioner, wanted, warn).await?;
    let dry_run = make.is_none();
    let missing = wanted.iter().filter(|(login, _)| !before.contains_key(&login.to_lowercase()));
    let missing: Vec<&AccountEntry> = missing.map(|(_, entry)| &entry.target).collect();
    // All of them before the first mailbox: none is created with a password that is not kept.
    let passwords = make.map(|make| make(&missing)).transpose()?.unwrap_or_default();
    let mut rows = Vec::with_capacity(wanted.len());
    for (login, entry) in wanted {
        let row = |outcome, detail| Row { mailbox: login.clone(), outcome, detail };
        if before.contains_key(&login.to_lowercase()) {
            rows.push(row("exists", None));
            continue;
        }
        let secret = entry.target.secret.clone().filter(|secret| !secret.expose_secret().is_empty());
        let (password, made) = match (secret, passwords.get(login)) {
            (Some(password), _) => (Some(password), None),
            (None, Some(NewPassword { secret: Some(password), kept })) => {
                (Some(password.clone()), Some(kept.clone()))
            }
            (None, Some(NewPassword { secret: None, kept })) => {
                rows.push(row("no-password", Some(kept.clone())));
                continue;
            }
            (None, None) => (None, Some("a password would be made".to_owned())),
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
    use std::path::Path;
    use std::sync::Mutex;

    use async_trait::async_trait;
    use mailhaul_engine::plugin::{ExistingMailbox, ExistingPage, PluginId};
    use mailhaul_project::Project;

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

    async fn rows(panel: &Arc<Panel>, wanted: Vec<(String, MailboxEntry)>, dry_run: bool) -> Vec<Row> {
        let dir = tempfile::tempdir().unwrap();
        rows_in(dir.path(), panel, wanted, dry_run).await
    }

    /// For the project in this folder, whose key is in it as well.
    async fn rows_in(
        dir: &Path,
        panel: &Arc<Panel>,
        wanted: Vec<(String, MailboxEntry)>,
        dry_run: bool,
    ) -> Vec<Row> {
        let provisioner: Arc<dyn MailboxProvisioner> = panel.clone();
        let warn = &mut |text: &str| panic!("{text}");
        let project = project(dir);
        let mut file = Passwords::open(&dir.join("new.csv")).unwrap();
        let mut make =
            |accounts: &[&AccountEntry]| Ok(new_passwords::make(&project, accounts, Some(&mut file))?);
        let make: Option<&mut MakePasswords<'_>> = if dry_run { None } else { Some(&mut make) };
        provision_all(&provisioner, &wanted.into_iter().collect(), make, warn).await.unwrap()
    }

    fn project(dir: &Path) -> Project {
        let file = dir.join("mailhaul.toml");
        let text = "[source]\nhost = \"old.example\"\n[target]\nhost = \"mail.new.example\"\n[mailboxes]\n\
                    [secrets]\nkey = { file = \"key\" }\n";
        std::fs::write(&file, text).unwrap();
        mailhaul_app::open_for_work(Some(&file), &mut |text: &str| panic!("{text}")).unwrap()
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
        assert_eq!(words(&rows(&good, three(), false).await), ["exists", "created", "created"]);
        let has: Vec<_> = good.has.lock().unwrap().keys().cloned().collect();
        assert_eq!(has, ["Anna@new.example", "ben@new.example", "cleo@new.example"]);
        let lies = panel(true, false);
        assert_eq!(words(&rows(&lies, three(), false).await), ["exists", "failed", "failed"]);
    }

    #[tokio::test]
    async fn a_dry_run_creates_nothing() {
        let panel = panel(false, true);
        let mut wanted = three();
        wanted[0].1.target.quota = Some(2 << 30);
        let rows = rows(&panel, wanted, true).await;
        assert_eq!(words(&rows), ["quota-differs", "missing", "missing"]);
        assert_eq!(rows[0].detail.as_deref(), Some("it has 1.0 GiB, the list asks for 2.0 GiB"));
        assert_eq!(rows[2].detail.as_deref(), Some("a password would be made"));
        assert_eq!(panel.has.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_password_is_made_where_the_list_has_none_and_is_kept_before_the_mailbox_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let rows = rows_in(dir.path(), &panel(false, false), three(), false).await;
        assert_eq!(words(&rows), ["exists", "created", "created"]);
        let text = std::fs::read_to_string(dir.path().join("new.csv")).unwrap();
        let password = text.lines().nth(1).unwrap().strip_prefix("cleo@new.example,").unwrap();
        assert_eq!((text.lines().count(), password.len()), (2, 27));
        assert!(!format!("{rows:?}").contains(password), "{rows:?}");
        let kept = rows[2].detail.as_deref().unwrap();
        assert!(
            kept.starts_with("its password is new, sealed in the project's store, and stands in "),
            "{kept}"
        );
        // Of those that the store has, only those that the list does not.
        let project = project(dir.path());
        let listed = secrets::list(&project).unwrap();
        assert_eq!(listed.iter().map(|one| one.login.as_str()).collect::<Vec<_>>(), ["cleo@new.example"]);
        assert_eq!((listed[0].host.as_str(), listed[0].by), ("mail.new.example", secrets::By::Provision));

        // In the file and not in the store, as after a crash between the two: it is used, and stored again.
        assert!(secrets::remove_all(&project).unwrap());
        let again = rows_in(dir.path(), &panel(false, false), three(), false).await;
        assert!(again[2].detail.as_deref().unwrap().starts_with("its password was in "), "{again:?}");
        assert_eq!(std::fs::read_to_string(dir.path().join("new.csv")).unwrap(), text);
        assert_eq!(secrets::list(&project).unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_the_store_has_of_an_earlier_time_is_written_to_the_file_as_well() {
        let dir = tempfile::tempdir().unwrap();
        let wanted = || vec![entry("cleo@new.example", "", None)];
        rows_in(dir.path(), &panel(true, false), wanted(), false).await;
        let text = std::fs::read_to_string(dir.path().join("new.csv")).unwrap();
        let password = text.lines().nth(1).unwrap().strip_prefix("cleo@new.example,").unwrap().to_owned();
        std::fs::remove_file(dir.path().join("new.csv")).unwrap();
        // The row comes with the store's password, as `secrets` puts it there.
        let stored = vec![entry("cleo@new.example", &password, None)];
        assert_eq!(words(&rows_in(dir.path(), &panel(false, false), stored, false).await), ["created"]);
        assert_eq!(std::fs::read_to_string(dir.path().join("new.csv")).unwrap(), text);
        // A cell of the list is nobody else's business.
        let cell = vec![entry("cleo@new.example", "a cell", None)];
        std::fs::remove_file(dir.path().join("new.csv")).unwrap();
        rows_in(dir.path(), &panel(false, false), cell, false).await;
        assert_eq!(std::fs::read_to_string(dir.path().join("new.csv")).unwrap().lines().count(), 1);
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
        assert_eq!(words(&rows(&good, asks(), false).await), ["quota-set", "created", "created"]);
        let has = good.has.lock().unwrap().clone();
        assert_eq!(has["Anna@new.example"], Some(2 << 30));
        assert_eq!((has["ben@new.example"], has["cleo@new.example"]), (Some(3 << 30), None));
        // Once more: nothing is left to do.
        assert_eq!(words(&rows(&good, asks(), false).await), ["exists"; 3]);
        let denied = rows(&panel(false, false), asks(), false).await;
        assert_eq!(words(&denied), ["quota-differs", "quota-differs", "created"]);
        assert!(denied[0].detail.as_ref().unwrap().contains("plugin grant"), "{denied:?}");
        let lies = panel(true, true);
        assert_eq!(words(&rows(&lies, asks()[..1].to_vec(), false).await), ["failed"]);
    }
}
