//! Mailboxes created through a panel, and set and signed in to as they should be.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use mailhaul_engine::cause::Actor;
use mailhaul_engine::event::MailboxEnd;
use mailhaul_engine::plugin::{
    AccountEntry, Creation, MailboxEntry, MailboxProvisioner, NewMailbox, PasswordPolicy,
};
use mailhaul_engine::record::RunResult;
use mailhaul_engine::summary::Side;
use mailhaul_project::Project;
use mailhaul_text::bytes;
use secrecy::ExposeSecret as _;

use super::arrival::{Late, await_arrival, may_come};
use super::doors::{Asking, Doors, Question};
use super::panel::{Panel, Refusal, There, is_ours};
use super::password::Recipe;
use super::password_file::Passwords;
use super::recording::{Recording, unfinished};
use super::telling::Telling;
use super::{Became, Options, Report, Row, quota, sealing};
use crate::listing::broke;
use crate::{Failure, TaskRefusalKind, secrets};

/// Everything that creating mailboxes needs but the panel.
pub(crate) struct Work {
    pub project: Project,
    pub options: Options,
    /// The list, each log-in of the new host once.
    pub entries: Vec<MailboxEntry>,
    /// The file of `--passwords`.
    pub file: Option<Passwords>,
    pub doors: Arc<dyn Doors>,
    pub telling: Telling,
    /// Mailboxes that are signed in to at the same time.
    pub at_once: usize,
    /// After so many refused log-ins in a row the brake is on; 0 for any number.
    pub refused_log_ins: u32,
    /// How long mailboxes that were created are looked for.
    pub patience: Duration,
}

impl Work {
    /// Makes passwords for those of these mailboxes that have none, and puts them into their entries. Returns
    /// those for which there is none to be had.
    ///
    /// # Errors
    /// Passwords that the store has for another host, a policy that cannot be met, a store that cannot be
    /// opened or written.
    pub(crate) fn seal(
        &mut self,
        which: &[usize],
        policy: Option<&PasswordPolicy>,
        rows: &mut [Row],
        report: &mut Report,
    ) -> Result<HashSet<usize>, Failure> {
        sealing::refuse_other_hosts(&self.project, &self.entries, which)?;
        let without = which.iter().any(|row| !has_secret(&self.entries[*row].target));
        let recipe = match policy.filter(|_| without) {
            None => Recipe::default(),
            Some(policy) => Recipe::of(policy).map_err(|why| {
                let plugin = report.plugin.as_deref().unwrap_or_default();
                Failure::new(
                    TaskRefusalKind::Plugin,
                    format!("plugin `{plugin}` tells a policy that no password can be made by: {why}"),
                    Some(
                        "fill `target_password` in the list, or have the plugin mended; nothing was created",
                    ),
                )
            })?,
        };
        let accounts: Vec<&AccountEntry> = which.iter().map(|row| &self.entries[*row].target).collect();
        let made = sealing::make(&self.project, &accounts, &recipe, self.file.as_mut())?;
        (report.made, report.made_key) = (made.len(), made.made_key.clone());
        let mut none = HashSet::new();
        for row in which {
            let target = &mut self.entries[*row].target;
            let Some(password) = made.get(&target.login).filter(|_| !has_secret(target)) else { continue };
            match &password.secret {
                Some(secret) => {
                    target.secret = Some(secret.clone());
                    rows[*row].say(&password.kept);
                }
                None => {
                    none.insert(*row);
                    rows[*row].fail(Became::NoPassword, Actor::Operator, &password.kept);
                }
            }
        }
        Ok(none)
    }

    /// Asks the source what these mailboxes hold, and returns the quota that each gets for it.
    pub(crate) async fn quotas(&self, which: Vec<usize>, margin: u32, rows: &mut [Row]) {
        let own = |why: &str| format!("its quota is the new host's own: {why}");
        let (ask, cannot): (Vec<usize>, Vec<usize>) =
            which.into_iter().partition(|row| self.doors.can_sign_in(&self.entries[*row], Side::Source));
        for row in cannot {
            rows[row].say(own("there is no source password to ask for its size with"));
        }
        let about = ask.into_iter().map(|row| (row, self.entries[row].clone()));
        let mut sizes = Asking::new(&self.doors, &self.telling, self.at_once, Question::Size, about);
        while let Some((row, size)) = sizes.next().await {
            match size {
                Ok(Some(size)) => rows[row].quota = Some(quota::for_size(size, margin)),
                Ok(None) => rows[row].say(own("the source does not tell how much it holds")),
                Err(stopped) => rows[row].say(own(&format!("the source was not asked: {}", stopped.reason))),
            }
        }
    }
}

/// Whether there is a password in the row, from the list or from the store.
pub(crate) fn has_secret(account: &AccountEntry) -> bool {
    account.secret.as_ref().is_some_and(|secret| !secret.expose_secret().is_empty())
}

/// Creates what the panel does not have; in a dry run it only says what that is.
///
/// # Errors
/// What stands in the way before anything was created.
pub(crate) async fn create_all(
    mut work: Work,
    plugin: &Arc<dyn MailboxProvisioner>,
) -> Result<Report, Failure> {
    let mut report = Report { plugin: Some(plugin.plugin().to_string()), ..Report::default() };
    let telling = work.telling.clone();
    let panel = Panel::new(plugin, &telling);
    telling.started(work.entries.len()).await;
    let mut said = Vec::new();
    let logins: Vec<String> = work.entries.iter().map(|entry| entry.target.login.clone()).collect();
    let before = panel.list(&logins, &mut |text: &str| said.push(text.to_owned())).await?;
    for text in said {
        telling.warning(text).await;
    }
    let word = |there: &There, login: &str| if there.has(login) { Became::Exists } else { Became::Missing };
    let Some(before) = before else { return Ok(Report { interrupted: true, ..report }) };
    let mut rows: Vec<Row> =
        work.entries.iter().map(|entry| Row::new(entry, word(&before, &entry.target.login))).collect();
    if work.options.dry_run {
        for (row, entry) in rows.iter_mut().zip(&work.entries) {
            say_what_would_be(row, entry, &before);
        }
        return Ok(Report { rows, ..report });
    }
    let missing: Vec<usize> = (0..rows.len()).filter(|row| rows[*row].became == Became::Missing).collect();
    let none = work.seal(&missing, before.policy.as_ref(), &mut rows, &mut report)?;
    let missing: Vec<usize> = missing.into_iter().filter(|row| !none.contains(row)).collect();
    let broken_off = unfinished(&work.project)?;
    let broken_off: HashSet<usize> = (0..rows.len())
        .filter(|row| rows[*row].became == Became::Exists && broken_off.contains(&rows[*row].key))
        .collect();
    for row in &broken_off {
        rows[*row].say("it was created by a run that was broken off");
    }
    let recording = Recording::begin(&work.project, &work.entries)?;
    let mut creating = Creating { work: &work, panel, rows, late: Vec::new(), created: 0 };
    let open = match creating.all(&missing, &broken_off, before, &recording).await {
        Ok(open) => open,
        Err(failure) => {
            recording.end(std::iter::empty(), RunResult::Refused)?;
            return Err(failure);
        }
    };
    let Creating { rows, created, .. } = creating;
    report.interrupted = telling.is_stopped();
    let ended =
        |row: usize| !report.interrupted || rows[row].became != Became::Missing && !open.contains(&row);
    let well = rows.iter().all(|row| row.became.is_well());
    let result = match (report.interrupted, well) {
        (true, _) => RunResult::Interrupted,
        (false, true) => RunResult::Complete,
        (false, false) => RunResult::NotAllWell,
    };
    let all = rows.iter().enumerate();
    recording.end(all.filter(|(at, _)| ended(*at)).map(|(_, row)| row), result)?;
    let set = rows.iter().filter(|row| row.became == Became::QuotaSet).count();
    if created + set > 0 {
        let plugin = report.plugin.as_deref().unwrap_or_default();
        let sentence = format!("{created} mailboxes were created through {plugin}, {set} quotas were set");
        secrets::audit(&work.project, &sentence)?;
    }
    report.rows = rows;
    Ok(report)
}

/// What a dry run says of a mailbox.
fn say_what_would_be(row: &mut Row, entry: &MailboxEntry, there: &There) {
    let login = &entry.target.login;
    match row.became {
        Became::Missing if !login.contains('@') => row.fail(
            Became::NotAsked,
            Actor::Operator,
            "its name has no domain, by which the panel is asked what it has: if the new host signs in with addresses, \
             write the whole one into `target_user`",
        ),
        Became::Missing if !has_secret(&entry.target) => row.say("a password would be made"),
        Became::Exists => {
            if let Some(asked) = entry.target.quota.filter(|asked| there.quota(login) != Some(*asked)) {
                row.became = Became::QuotaDiffers;
                row.say(differs(there.quota(login), asked));
            }
        }
        _ => {}
    }
}

fn differs(has: Option<u64>, asked: u64) -> String {
    let has = has.map_or_else(|| "no quota that is known".to_owned(), bytes);
    format!("it has {has}, the list asks for {}", bytes(asked))
}

/// Work under way.
struct Creating<'a> {
    work: &'a Work,
    panel: Panel<'a>,
    rows: Vec<Row>,
    /// Created, and not signed in to yet.
    late: Vec<Late>,
    created: usize,
}

impl Creating<'_> {
    /// Everything from the first log-in to the last quota. Returns the rows that are open since the user
    /// stopped it.
    ///
    /// # Errors
    /// A missing grant, before anything was created; a record that cannot be written.
    async fn all(
        &mut self,
        missing: &[usize],
        broken_off: &HashSet<usize>,
        before: There,
        recording: &Recording,
    ) -> Result<HashSet<usize>, Failure> {
        let telling = &self.work.telling;
        self.ask_sizes(missing, broken_off).await;
        self.try_existing(broken_off).await;
        for row in missing {
            if telling.is_stopped() {
                break;
            }
            let key = self.rows[*row].key.clone();
            recording.began(&key)?;
            telling.began(&key).await;
            if self.create(*row).await? {
                self.try_new(*row).await;
            }
            if !self.late.iter().any(|late| late.row == *row) {
                telling.ended(&key, self.rows[*row].end()).await;
            }
        }
        let mut open: HashSet<usize> = self.late.iter().map(|late| late.row).collect();
        let late = std::mem::take(&mut self.late);
        let not_seen = await_arrival(self.work, &self.panel, late, &mut self.rows).await;
        if telling.is_stopped() {
            for row in not_seen {
                self.rows[row].fail(
                    Became::Unverified,
                    Actor::Operator,
                    "stopped before its log-in was tried",
                );
            }
            // Neither are quotas looked at: all that was created now is gone on with the next time.
            open.extend(missing.iter().chain(broken_off));
            return Ok(open);
        }
        self.set_quotas(missing, broken_off, before).await;
        Ok(HashSet::new())
    }

    /// The quotas of mailboxes that are new and that the list gives none.
    async fn ask_sizes(&mut self, missing: &[usize], broken_off: &HashSet<usize>) {
        let Some(margin) = self.work.options.margin else { return };
        let new = missing.iter().chain(broken_off).copied();
        let without: Vec<usize> = new.filter(|row| self.rows[*row].quota.is_none()).collect();
        if without.is_empty() {
            return;
        }
        if !self.panel.may_set_quota() {
            let id = self.panel.id();
            let sentence = format!(
                "quotas are the new host's own where the list gives none: to have them made by what the source holds, type \
                 `mailhaul plugin grant {id} set-quota`"
            );
            self.work.telling.warning(sentence).await;
            return;
        }
        self.work.quotas(without, margin, &mut self.rows).await;
    }

    /// Signs in to what was there before.
    async fn try_existing(&mut self, broken_off: &HashSet<usize>) {
        let work = self.work;
        let there: Vec<usize> =
            (0..self.rows.len()).filter(|row| self.rows[*row].became == Became::Exists).collect();
        let (ask, cannot): (Vec<usize>, Vec<usize>) =
            there.into_iter().partition(|row| work.doors.can_sign_in(&work.entries[*row], Side::Target));
        for row in cannot {
            self.rows[row].say(
                "no password is known for it: fill `target_password` in the list, or type `mailhaul secrets set`",
            );
            work.telling.began(&self.rows[row].key).await;
            work.telling.ended(&self.rows[row].key, MailboxEnd::Complete).await;
        }
        let about = ask.into_iter().map(|row| (row, work.entries[row].clone()));
        let mut log_ins = Asking::new(&work.doors, &work.telling, work.at_once, Question::SignIn, about);
        while let Some((row, answer)) = log_ins.next().await {
            match answer {
                Ok(_) => {}
                Err(stopped) if broken_off.contains(&row) => {
                    self.late.push(Late { row, newest: Some(stopped) });
                    continue;
                }
                Err(stopped) if may_come(&stopped) => {
                    let detail = format!(
                        "it is there, and the password here is not its own, or its log-in is shut: {}; fill \
                         `target_password` with the right one, or have the new host set one",
                        stopped.reason
                    );
                    self.rows[row].stop(Became::PasswordRefused, &stopped, detail);
                }
                Err(stopped) => {
                    let detail =
                        format!("it is there, and its log-in could not be tried: {}", stopped.reason);
                    self.rows[row].stop(Became::Unverified, &stopped, detail);
                }
            }
            work.telling.ended(&self.rows[row].key, self.rows[row].end()).await;
        }
    }

    /// Creates one; returns whether it is there now, by the panel's word.
    ///
    /// # Errors
    /// A missing grant, before anything was created.
    async fn create(&mut self, row: usize) -> Result<bool, Failure> {
        let entry = &self.work.entries[row];
        let Some(password) = entry.target.secret.clone() else { return Ok(false) };
        let mailbox = NewMailbox {
            login: entry.target.login.clone(),
            display_name: entry.label.clone(),
            quota: self.rows[row].quota,
            password,
        };
        let made = self.panel.create(&entry.key, &mailbox).await;
        let row = &mut self.rows[row];
        match made {
            Ok(Creation::Created) => {
                self.created += 1;
                row.became = Became::Created;
                return Ok(true);
            }
            Ok(Creation::Exists) => {
                row.became = Became::Exists;
                row.details =
                    vec!["the panel says that it was there already, and has changed nothing".to_owned()];
                return Ok(true);
            }
            Err(Refusal::Stopped) => {}
            Err(Refusal::NotAsked(why)) => row.fail(Became::NotAsked, Actor::NewHost, why),
            // Nothing else will work either.
            Err(Refusal::Error(error)) if is_ours(&error) && self.created == 0 => {
                return Err(broke(error));
            }
            Err(Refusal::Error(error)) => row.fail(Became::Failed, Actor::NewHost, error.to_string()),
        }
        Ok(false)
    }

    /// Signs in to one that was created; where that does not work, or has not worked for another, it is
    /// looked for later.
    async fn try_new(&mut self, row: usize) {
        let newest = match self.late.is_empty() {
            false => None,
            true => match self.work.doors.sign_in(&self.work.entries[row], Side::Target).await {
                Ok(()) => return,
                Err(stopped) => Some(stopped),
            },
        };
        self.late.push(Late { row, newest });
    }

    /// Sets the quotas that are asked for, of mailboxes that have others, and looks whether they are set.
    async fn set_quotas(&mut self, missing: &[usize], broken_off: &HashSet<usize>, before: There) {
        let new: HashSet<usize> = missing.iter().chain(broken_off).copied().collect();
        let entries = &self.work.entries;
        let wants = |row: &usize| {
            let one = &self.rows[*row];
            let there = matches!(
                one.became,
                Became::Exists | Became::Created | Became::PasswordRefused | Became::Unverified
            );
            there && (entries[*row].target.quota.is_some() || new.contains(row) && one.quota.is_some())
        };
        let which: Vec<usize> = (0..self.rows.len()).filter(wants).collect();
        let changed = which.iter().any(|row| new.contains(row));
        let there = if changed { self.list(&which).await } else { Some(before) };
        let Some(there) = there else { return };
        let mut set = Vec::new();
        for row in which {
            if self.work.telling.is_stopped() {
                return;
            }
            let login = self.rows[row].mailbox.clone();
            let Some(asked) = self.rows[row].quota else { continue };
            let has = there.quota(&login);
            if has == Some(asked) || !there.has(&login) {
                continue;
            }
            let differs = differs(has, asked);
            let answer = self.panel.set_quota(&self.rows[row].key, &login, asked).await;
            let one = &mut self.rows[row];
            let well = one.became.is_well();
            match answer {
                Ok(()) => {
                    set.push(row);
                    if one.became == Became::Exists {
                        one.became = Became::QuotaSet;
                        one.say(differs);
                    }
                }
                Err(Refusal::Stopped) => return,
                Err(Refusal::NotAsked(why)) => {
                    let became = if well { Became::QuotaDiffers } else { one.became };
                    one.fail(became, Actor::NewHost, format!("{differs}: {why}"));
                }
                Err(Refusal::Error(error)) => {
                    let left = is_ours(&error);
                    let who = if left { Actor::Operator } else { Actor::NewHost };
                    let became = match (well, left) {
                        (false, _) => one.became,
                        (true, true) => Became::QuotaDiffers,
                        (true, false) => Became::Failed,
                    };
                    one.fail(became, who, format!("{differs}: {error}"));
                }
            }
        }
        if set.is_empty() {
            return;
        }
        let Some(there) = self.list(&set).await else { return };
        for row in set {
            // An API that does not say is believed.
            let has = there.quota(&self.rows[row].mailbox);
            if has.is_some() && has != self.rows[row].quota {
                let detail = "its quota was said to be set and is another";
                self.rows[row].fail(Became::Failed, Actor::NewHost, detail);
            }
        }
    }

    /// What the panel has now; `None` where it does not answer, which is said.
    async fn list(&self, which: &[usize]) -> Option<There> {
        let logins: Vec<String> = which.iter().map(|row| self.rows[*row].mailbox.clone()).collect();
        match self.panel.list(&logins, &mut |_| {}).await {
            Ok(there) => there,
            Err(failure) => {
                let sentence = format!("quotas could not be looked at: {failure}");
                self.work.telling.warning(sentence).await;
                None
            }
        }
    }
}
