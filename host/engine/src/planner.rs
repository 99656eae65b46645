//! Looks at both ends of a mailbox and makes its plan. Writes nothing anywhere.

use std::collections::HashMap;

use mailhaul_imap::{Folder, Session};

use crate::ends::EndError;
use crate::job::Job;
use crate::ledger::{Ledger, LedgerError};
use crate::mailbox::Mailbox;
use crate::mapping::{self, Ends, Mappings};
use crate::plan::{FolderPlan, MailboxPlan, role_name};
use crate::plugin::{PluginError, Plugins};
use crate::summary::Side;

/// Assumed speed of an estimate: what one ordinary server pair does without trouble.
const MESSAGES_A_SECOND: u64 = 300;
const BYTES_A_SECOND: u64 = 5_000_000;

/// Why there is no plan.
#[derive(Debug)]
pub(crate) enum PlanError {
    /// A server.
    End(EndError),
    /// A mapper.
    Plugin(PluginError),
    /// The ledger.
    Ledger(LedgerError),
}

impl From<EndError> for PlanError {
    fn from(e: EndError) -> Self {
        Self::End(e)
    }
}

/// A plan and what a run needs beside it.
#[derive(Debug)]
pub(crate) struct Planned {
    /// For people and files.
    pub plan: MailboxPlan,
    /// For the run.
    pub mappings: Mappings,
    /// Messages per source folder, by its display path.
    pub messages: HashMap<String, u32>,
}

/// Makes the plan of one mailbox. `ledger` is what earlier runs left, if any did.
///
/// # Errors
/// [`PlanError`].
pub(crate) async fn plan(
    job: &Job,
    plugins: &Plugins,
    mailbox: &Mailbox,
    source: &mut Session,
    target: &mut Session,
    ledger: Option<Ledger>,
) -> Result<Planned, PlanError> {
    let (source_folders, target_folders) = tokio::join!(source.folders(), target.folders());
    let source_folders = source_folders.map_err(EndError::at(Side::Source))?;
    let target_folders = target_folders.map_err(EndError::at(Side::Target))?;
    let counts = count(source, &source_folders).await?;
    let ends = Ends {
        source: source.facts(),
        source_folders: &source_folders,
        target: target.facts(),
        target_folders: &target_folders,
    };
    let mut mappings = mapping::map(ends, &job.rules, &plugins.mappers).await.map_err(PlanError::Plugin)?;
    let known = match &ledger {
        Some(ledger) => known(ledger, &mut mappings).map_err(PlanError::Ledger)?,
        None => HashMap::new(),
    };

    let mut folders = Vec::with_capacity(mappings.folders.len());
    let mut to_copy = 0_u64;
    let mut bytes = Some(0_u64);
    for mapped in &mappings.folders {
        let path = mapped.folder.path.to_string();
        let (messages, size) = counts.get(&path).copied().unwrap_or((None, None));
        if mapped.target.is_some() {
            let done = known.get(&path).copied().unwrap_or(0);
            to_copy += u64::from(messages.unwrap_or(0)).saturating_sub(done);
            bytes = bytes.zip(size).map(|(sum, size)| sum + size);
        }
        folders.push(FolderPlan {
            source: path,
            target: mapped.target.as_ref().map(|t| t.path.to_string()),
            create: mapped.target.as_ref().is_some_and(|t| !t.exists),
            subscribe: mapped.target.as_ref().is_some_and(|t| t.subscribe),
            role: mapped.target.as_ref().and_then(|t| t.role.as_ref()).map(role_name),
            messages,
            bytes: size,
            by: mapped.by.clone(),
            why: mapped.why.clone(),
            story: mapped.story.clone(),
        });
    }
    mappings.notes.extend(job.select.order.remark().map(str::to_owned));
    let by_bytes = if to_copy == 0 { 0 } else { bytes.unwrap_or(0) / BYTES_A_SECOND };
    let plan = MailboxPlan {
        mailbox: mailbox.key.clone(),
        source: mailbox.source.user.clone(),
        target: mailbox.target.user.clone(),
        folders,
        notes: mappings.notes.clone(),
        conflicts: mappings.conflicts.clone(),
        messages_to_copy: to_copy,
        bytes,
        estimate_seconds: (to_copy / MESSAGES_A_SECOND).max(by_bytes) + u64::from(to_copy > 0),
    };
    let messages = counts.into_iter().filter_map(|(path, (messages, _))| Some((path, messages?))).collect();
    Ok(Planned { plan, mappings, messages })
}

type FolderCount = (Option<u32>, Option<u64>);

/// STATUS of every folder that can hold messages.
async fn count(source: &mut Session, folders: &[Folder]) -> Result<HashMap<String, FolderCount>, PlanError> {
    let mut counts = HashMap::new();
    for folder in folders.iter().filter(|f| f.selectable) {
        match source.status(&folder.name).await {
            Ok(status) => {
                counts.insert(folder.path.to_string(), (status.messages, status.size));
            }
            Err(error) if error.is_connection_lost() => {
                return Err(EndError::Imap(Side::Source, error).into());
            }
            // Listed, but not to be opened: the run will say so in the server's own words.
            Err(error) => tracing::debug!(folder = %folder.path, %error, "STATUS refused"),
        }
    }
    Ok(counts)
}

/// Messages per folder that earlier runs settled; a folder that would move is a conflict.
fn known(ledger: &Ledger, mappings: &mut Mappings) -> Result<HashMap<String, u64>, LedgerError> {
    let targets: HashMap<String, Option<String>> = mappings
        .folders
        .iter()
        .map(|m| (m.folder.path.to_string(), m.target.as_ref().map(|t| t.path.to_string())))
        .collect();
    let mut known = HashMap::new();
    let rows: HashMap<String, Option<String>> =
        ledger.folders()?.into_iter().map(|f| (f.source, f.target)).collect();
    for folder in ledger.folder_summaries()? {
        let there = folder.counts.copied + folder.counts.already_present;
        known.insert(folder.source.clone(), there);
        let (Some(before), Some(now)) = (rows.get(&folder.source), targets.get(&folder.source)) else {
            continue;
        };
        if there > 0 && before != now {
            let name = |t: &Option<String>| t.clone().unwrap_or_else(|| "nowhere".to_owned());
            mappings.conflicts.push(format!(
                "`{}` was copied to `{}` by an earlier run and would now go to `{}`; \
                 moving what was copied is not built yet: keep the earlier mapping with a [[folders]] rule",
                folder.source,
                name(before),
                name(now)
            ));
        }
    }
    Ok(known)
}
