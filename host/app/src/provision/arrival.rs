//! Mailboxes that were said to be created and do not take their password yet: looked for again, in the
//! panel's list and by log-in, for a minute in all.
//!
//! A log-in that comes too early is a refused one, and hosts shut out who has too many of those. So a mailbox
//! that the panel does not list yet is not signed in to before the end, after one refused log-in the others
//! wait as well, and the few that the brake leaves are spread over the minute.

use std::time::Duration;

use mailhaul_engine::cause::{Actor, Cause};
use mailhaul_engine::summary::{Side, Stopped};
use tokio::time::{Instant, sleep_until};

use super::creating::Work;
use super::panel::Panel;
use super::{Became, Row};

/// How long mailboxes are looked for, all together.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// When they are looked for, in sixtieths of the patience: what comes at all comes within seconds as a rule.
const LOOKS: [u32; 8] = [0, 1, 3, 6, 12, 25, 40, 60];

/// Before a host has taken a log-in, so much lies between two that it refuses, in sixtieths of the patience.
const APART: u32 = 5;

/// Refused log-ins that are spent where the brake sets no bound.
const MOST: u32 = 8;

/// A mailbox that is looked for again.
#[derive(Debug)]
pub(crate) struct Late {
    /// Its row.
    pub row: usize,
    /// What its newest log-in came to; `None` before the first.
    pub newest: Option<Stopped>,
}

/// Whether the server judged the log-in, so that it may judge otherwise in a moment.
pub(crate) fn may_come(stopped: &Stopped) -> bool {
    matches!(
        stopped.cause,
        Cause::AuthRefused
            | Cause::MailboxMissing
            | Cause::AuthOrMissing
            | Cause::ImapDisabled
            | Cause::ServerFault
            | Cause::TooManyConnections
    )
}

/// What is known of the mailboxes that are looked for.
struct Search<'a> {
    work: &'a Work,
    late: Vec<Late>,
    /// Logins that the panel lists.
    listed: Vec<bool>,
    /// Log-ins that were refused before the host had taken one.
    spent: u32,
    newest: Option<Instant>,
    /// Why no log-in is of any use any more: the host is away, or the brake is on.
    closed: Option<Stopped>,
}

/// Looks for them until they are there, their time is over, or the user stops it; those that come end well,
/// the others with what is wrong. Returns the rows that nothing could be said of when it was stopped.
pub(crate) async fn await_arrival(
    work: &Work,
    panel: &Panel<'_>,
    late: Vec<Late>,
    rows: &mut [Row],
) -> Vec<usize> {
    let begun = Instant::now();
    let tick = work.patience / LOOKS[LOOKS.len() - 1];
    let spent = late.iter().filter(|one| one.newest.as_ref().is_some_and(may_come)).count() as u32;
    let closed = late.iter().filter_map(|one| one.newest.clone()).find(|stopped| !may_come(stopped));
    let newest = (spent > 0).then_some(begun);
    let listed = vec![false; rows.len()];
    let mut search = Search { work, late, listed, spent, newest, closed };
    let mut told = false;
    for (at, look) in LOOKS.into_iter().enumerate() {
        if search.late.is_empty() {
            break;
        }
        if at > 0 && !std::mem::replace(&mut told, true) {
            search.tell(rows, work.patience).await;
        }
        tokio::select! {
            () = sleep_until(begun + tick * look) => {}
            () = work.telling.stopped() => break,
        }
        search.list(panel).await;
        let last = at + 1 == LOOKS.len();
        search.sign_in(rows, tick, last).await;
        if search.closed.is_some() && search.late.iter().all(|one| search.listed[one.row]) {
            break;
        }
    }
    let Search { late, listed, closed, .. } = search;
    if work.telling.is_stopped() {
        return late.into_iter().map(|one| one.row).collect();
    }
    for Late { row, newest } in late {
        give_up(&mut rows[row], newest.or_else(|| closed.clone()), listed[row], work.patience);
        work.telling.ended(&rows[row].key, rows[row].end()).await;
    }
    Vec::new()
}

impl Search<'_> {
    async fn tell(&self, rows: &[Row], patience: Duration) {
        let Some(first) = self.late.first() else { return };
        let why = match self.late.len() {
            1 => "it was said to be created, and does not take its password yet".to_owned(),
            n => format!("{n} mailboxes were said to be created, and do not take their passwords yet"),
        };
        self.work.telling.waiting(&rows[first.row].key, patience, why, 1).await;
    }

    /// Asks the panel which of them it has by now; where it does not answer, they may be there.
    async fn list(&mut self, panel: &Panel<'_>) {
        let login = |one: &Late| &self.work.entries[one.row].target.login;
        let logins: Vec<String> = self.late.iter().map(|one| login(one).clone()).collect();
        let there = panel.list(&logins, &mut |_| {}).await.unwrap_or_else(|failure| {
            tracing::warn!("what the panel has could not be looked up: {failure}");
            None
        });
        for one in &self.late {
            let login = login(one);
            // By a name without a domain the panel was not asked.
            self.listed[one.row] =
                there.as_ref().is_none_or(|there| there.has(login)) || !login.contains('@');
        }
    }

    /// Signs in to those that are listed, and at the last look to the others as well: what takes its password
    /// is there, whatever the panel says.
    async fn sign_in(&mut self, rows: &mut [Row], tick: Duration, last: bool) {
        let Work { doors, telling, entries, refused_log_ins, .. } = self.work;
        let most = if *refused_log_ins == 0 { MOST } else { *refused_log_ins };
        let mut again = Vec::new();
        let mut queue = std::mem::take(&mut self.late).into_iter();
        for mut one in queue.by_ref() {
            let entry = &entries[one.row];
            let early = !doors.has_answered(entry, Side::Target)
                && !last
                && self.newest.is_some_and(|at| self.spent + 1 >= most || at.elapsed() < tick * APART);
            if self.closed.is_some() || early || telling.is_stopped() || !(last || self.listed[one.row]) {
                again.push(one);
                continue;
            }
            match doors.sign_in(entry, Side::Target).await {
                Ok(()) => {
                    telling.resumed(&entry.key).await;
                    telling.ended(&entry.key, rows[one.row].end()).await;
                    continue;
                }
                Err(stopped) if may_come(&stopped) => {
                    self.spent += 1;
                    self.newest = Some(Instant::now());
                    one.newest = Some(stopped);
                    again.push(one);
                    // The others wait for the next look, and come before this one.
                    if !last {
                        break;
                    }
                }
                Err(stopped) => {
                    self.closed = Some(stopped);
                    again.push(one);
                }
            }
        }
        let mut rest: Vec<Late> = queue.collect();
        rest.append(&mut again);
        self.late = rest;
    }
}

/// Says what is wrong with a mailbox that has not come.
fn give_up(row: &mut Row, newest: Option<Stopped>, listed: bool, patience: Duration) {
    let seconds = patience.as_secs();
    match newest {
        _ if !listed => {
            row.fail(
                Became::Failed,
                Actor::NewHost,
                format!(
                    "the panel said that it was created, and it was not there for {seconds} seconds: ask the new host why, \
                     and run the same command again"
                ),
            );
            row.cause = Some(Cause::MailboxMissing);
        }
        Some(stopped) if may_come(&stopped) => {
            let detail = format!(
                "the panel has it, and its log-in was refused for {seconds} seconds: {}; try it in the new host's webmail, \
                 and run the same command again",
                stopped.reason
            );
            row.stop(Became::PasswordRefused, &stopped, detail);
        }
        Some(stopped) => {
            let detail = format!("the panel has it, and its log-in could not be tried: {}", stopped.reason);
            row.stop(Became::Unverified, &stopped, detail);
        }
        None => {
            row.fail(
                Became::Unverified,
                Actor::Operator,
                "the panel has it, and its log-in was not tried, since others were refused: run the same command again",
            );
            row.cause = Some(Cause::NotTried);
        }
    }
}
