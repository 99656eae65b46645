//! From a mailbox list's row and the project's defaults to two accounts that can be dialled.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};

use mailhaul_net::Endpoint;
use mailhaul_text::{escape, is_unseen, visual_key};

use crate::account::{AccountSpec, Mailbox, account_spec, folded};
use crate::job::Job;
use crate::password_hosts::{self, AllowedHosts};
use crate::plugin::{Diagnostic, MailboxEntry, PluginError, PluginFailure, Plugins, Severity, list_order};
use crate::side::Side;

/// Mailboxes asked for at a time; a page's size bounds what a plugin holds at once.
const PAGE: u32 = 1_000;

/// Most mailboxes of one project, about 100 MB of them: a list that never ends does so here.
const MAX_MAILBOXES: usize = 250_000;

/// Remarks on one list that are kept; further ones are dropped.
const MAX_REMARKS: usize = 10_000;

/// Faults that the engine itself finds in a list and tells; more help nobody, and are counted.
const MAX_TOLD: usize = 100;

/// Why the list of mailboxes cannot be used.
#[derive(Debug)]
pub(crate) enum ListError {
    /// The list itself: one sentence each, and what to do about the last ones.
    Input(Vec<String>, Option<String>),
    Plugin(PluginError),
}

/// The list of mailboxes, with remarks that stop nothing.
#[derive(Debug)]
pub(crate) struct MailboxList {
    /// Those that were chosen, in list order.
    pub mailboxes: Vec<Mailbox>,
    pub left_out: Vec<Mailbox>,
    pub warnings: Vec<String>,
    /// What is worth knowing and nothing to mend.
    pub notes: Vec<String>,
}

/// Asks the source plugin for every mailbox and puts the accounts together. With `source_alone` a row that
/// does not say how to sign in at the target is none that is broken.
///
/// # Errors
/// [`ListError`]: rows that are broken, listed twice, crossed, or the same account on both sides.
pub(crate) async fn list(job: &Job, plugins: &Plugins, source_alone: bool) -> Result<MailboxList, ListError> {
    let mut entries: Vec<MailboxEntry> = Vec::new();
    let mut errors: Vec<Fault> = Vec::new();
    // A plugin that tells of faults without their places has more of them than it tells.
    let mut faults_cut = false;
    let (mut warnings, mut notes) = (Vec::new(), Vec::new());
    // Places with a fault of the plugin's: what follows from it is not told as another.
    let mut faulty = HashSet::new();
    let mut token: Option<String> = None;
    // Their hashes: a token may be long, and a list may have many pages.
    let (mut tokens, hasher) = (HashSet::new(), RandomState::new());
    let source = &plugins.source;
    let never_ends = |why: String| {
        ListError::Plugin(PluginError {
            plugin: source.plugin().clone(),
            call: "list-mailboxes".into(),
            failure: PluginFailure::BadReply(why),
        })
    };
    loop {
        let page = source.list_mailboxes(token.as_deref(), PAGE).await.map_err(ListError::Plugin)?;
        for remark in page.diagnostics {
            match remark.severity {
                Severity::Error => {
                    let told = sentence(&remark);
                    faults_cut |= remark.at.is_none();
                    faulty.extend(remark.at.clone());
                    errors.push(Fault { at: remark.at, sentence: told });
                }
                Severity::Warning => warnings.push(sentence(&remark)),
                Severity::Note => notes.push(sentence(&remark)),
            }
        }
        entries.extend(page.mailboxes);
        if entries.len() > MAX_MAILBOXES {
            return Err(never_ends(format!(
                "it lists more than {MAX_MAILBOXES} mailboxes, the most that one project can hold"
            )));
        }
        warnings.truncate(MAX_REMARKS);
        notes.truncate(MAX_REMARKS);
        let Some(next) = page.next.filter(|_| errors.len() < MAX_REMARKS) else { break };
        if !tokens.insert(hasher.hash_one(&next)) {
            return Err(never_ends("its pages go round in a circle: a page names one that was there".into()));
        }
        token = Some(next);
    }
    if entries.is_empty() && errors.is_empty() {
        errors.push(Fault::of_list("the list of mailboxes is empty; add a row for each mailbox to move"));
    }
    let allowed = AllowedHosts::of(&**source, &job.mailbox_hosts);
    let (source, target) = (&job.source.server, &job.target.server);
    let refusal = password_hosts::refusal(allowed, source, target, &entries);
    let mut own = Vec::new();
    let told = Told { faulty: &faulty, faults_cut };
    let mailboxes = resolve(job, &entries, source_alone, &told, &mut own);
    in_list_order(&mut own);
    let more = own.len().saturating_sub(MAX_TOLD);
    errors.extend(own.into_iter().take(MAX_TOLD));
    if more > 0 {
        errors.push(Fault::of_list(format!("and {more} more like these")));
    }
    in_list_order(&mut errors);
    let mut errors: Vec<String> = errors.into_iter().map(|fault| fault.sentence).collect();
    // Where rows are wrong, what is chosen may be in one of them.
    if errors.is_empty() && !job.choice.is_all() {
        errors.extend(job.choice.unmet(&mailboxes.iter().map(Mailbox::listed).collect::<Vec<_>>()));
    }
    let (selected, left_out): (Vec<Mailbox>, Vec<Mailbox>) =
        mailboxes.into_iter().partition(|mailbox| job.choice.includes(&mailbox.listed()));
    let mut remedy = None;
    if let Some(refusal) = refusal {
        errors.extend(refusal.reasons);
        remedy = refusal.remedy;
    }
    if errors.is_empty() {
        same_server(&selected, &mut errors).await;
    }
    if errors.is_empty() {
        Ok(MailboxList { mailboxes: selected, left_out, warnings, notes })
    } else {
        Err(ListError::Input(errors, remedy))
    }
}

/// Something that is wrong with the list.
struct Fault {
    /// Where: `mailboxes.csv:42`, or whatever else a plugin calls a place; `None` for the list as a whole.
    at: Option<String>,
    /// With the place in it.
    sentence: String,
}

impl Fault {
    fn of_list(sentence: impl Into<String>) -> Self {
        Self { at: None, sentence: sentence.into() }
    }

    fn of_row(at: &str, what: impl fmt::Display) -> Self {
        Self { at: Some(at.to_owned()), sentence: format!("{at}: {what}") }
    }
}

/// Sorts them as they are told.
fn in_list_order(faults: &mut [Fault]) {
    faults.sort_by(|one, other| list_order(one.at.as_deref()).cmp(&list_order(other.at.as_deref())));
}

/// What the plugin has told of the list already.
struct Told<'a> {
    /// Places with a fault of the plugin's: what follows from it is not told as another.
    faulty: &'a HashSet<String>,
    /// Whether it has more faults than it tells the places of.
    faults_cut: bool,
}

fn sentence(remark: &Diagnostic) -> String {
    match &remark.at {
        Some(place) => format!("{place}: {}", remark.message),
        None => remark.message.clone(),
    }
}

fn place(entry: &MailboxEntry) -> String {
    entry.origin.clone().unwrap_or_else(|| format!("mailbox `{}`", entry.key))
}

/// Says which character of a mailbox's names nobody sees: another mailbox could be shown alike, and what was
/// copied from a web page or a spreadsheet would not log in.
fn unseen(entry: &MailboxEntry) -> Option<String> {
    let (source, target) = (&entry.source, &entry.target);
    let names = [("the key", Some(&entry.key)), ("the log-in at the source", Some(&source.login))];
    let more =
        [("the source's host", source.host.as_ref()), ("the log-in at the target", Some(&target.login))];
    let last = [("the target's host", target.host.as_ref())];
    let mut names = names.into_iter().chain(more).chain(last);
    names.find_map(|(what, name)| {
        let c = name?.chars().find(|c| is_unseen(*c))?;
        let shown = escape(name?);
        Some(format!(
            "{what}, `{shown}`, has a character in it that is not seen, U+{:04X}; write it without",
            u32::from(c)
        ))
    })
}

fn resolve(
    job: &Job,
    entries: &[MailboxEntry],
    source_alone: bool,
    told: &Told<'_>,
    errors: &mut Vec<Fault>,
) -> Vec<Mailbox> {
    // What an account lacks, by what is said of it: of every row, it is said once.
    let mut lacking: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut mailboxes = Vec::with_capacity(entries.len());
    let mut keys: HashMap<String, &MailboxEntry> = HashMap::new();
    let mut targets: HashMap<(String, String), &MailboxEntry> = HashMap::new();
    let mut sources: HashMap<(String, String), &MailboxEntry> = HashMap::new();
    for entry in entries {
        let at = place(entry);
        if told.faulty.contains(&at) {
            continue;
        }
        if let Some(why) = unseen(entry) {
            errors.push(Fault::of_row(&at, why));
            continue;
        }
        if let Some(first) = keys.insert(visual_key(&entry.key), entry) {
            let same = first.key == entry.key;
            let first = place(first);
            let why = if same {
                format!("mailbox `{}` is listed twice, first at {first}; remove one of the rows", entry.key)
            } else {
                format!(
                    "mailbox `{}` reads like that at {first}; write one of them in other words",
                    entry.key
                )
            };
            // Where the plugin counts faults without their places, these may be among them.
            if !(same && told.faults_cut) {
                errors.push(Fault::of_row(&at, why));
            }
            continue;
        }
        let pair =
            account_spec(&entry.source, &job.source, Side::Source).and_then(|source| {
                match account_spec(&entry.target, &job.target, Side::Target) {
                    Err(why) if source_alone => {
                        Ok((source, AccountSpec::nowhere(&entry.target, &job.target), Some(why)))
                    }
                    target => Ok((source, target?, None)),
                }
            });
        let (source, target, without_target) = match pair {
            Ok(pair) => pair,
            Err(cause) => {
                lacking.entry(cause).or_default().push(at);
                continue;
            }
        };
        let (from, to) = (account_id(&source), account_id(&target));
        let has_target = without_target.is_none();
        if has_target && from == to && (source.user == target.user || !entry.one_account) {
            let meant = if source.user == target.user { "" } else { MEANT };
            let why = format!(
                "source and target are the same account ({} on {}); give the new host's account as target{meant}",
                names(&source.user, &target.user),
                source.endpoint.host
            );
            errors.push(Fault::of_row(&at, why));
            continue;
        }
        if has_target
            && let Some(first) = targets.insert(to.clone(), entry)
            && !(first.one_account && entry.one_account)
        {
            let why = format!(
                "target {} is also the target of {}; two mailboxes would be mixed into one; give one \
                 of them another target{MEANT}",
                names(&target.user, &first.target.login),
                place(first)
            );
            errors.push(Fault::of_row(&at, why));
        }
        sources.insert(from, entry);
        mailboxes.push(Mailbox {
            key: entry.key.clone(),
            source,
            target,
            without_target,
            one_account: entry.one_account,
            label: entry.label.clone(),
            batch: entry.batch.clone(),
            origin: entry.origin.clone(),
            position: mailboxes.len(),
        });
    }
    for (to, entry) in &targets {
        // A to B and B to A in one list: whichever runs second copies the other's mail back.
        if let Some(other) = sources.get(to).filter(|other| other.key != entry.key) {
            let why = format!(
                "the target is also a source, at {}; a mailbox cannot be moved from and to in one project",
                place(other)
            );
            errors.push(Fault::of_row(&place(entry), why));
        }
    }
    for (cause, places) in lacking {
        match places.as_slice() {
            [_, _, ..] if places.len() == entries.len() => {
                errors.push(Fault::of_list(format!("each of the {} mailboxes: {cause}", places.len())));
            }
            some => errors.extend(some.iter().map(|at| Fault::of_row(at, &cause))),
        }
    }
    mailboxes
}

/// One user of one server under two host names is one account: mail would be moved in circles.
async fn same_server(mailboxes: &[Mailbox], errors: &mut Vec<String>) {
    let mut known: HashMap<(Endpoint, Endpoint), bool> = HashMap::new();
    let one = |m: &&Mailbox| {
        let same = m.source.user == m.target.user;
        same || !m.one_account && folded(&m.source.user) == folded(&m.target.user)
    };
    for mailbox in mailboxes.iter().filter(|mailbox| mailbox.without_target.is_none()).filter(one) {
        let (a, b) = (&mailbox.source.endpoint, &mailbox.target.endpoint);
        let pair = (a.clone(), b.clone());
        let same = match known.get(&pair) {
            Some(same) => *same,
            None => {
                // A name that cannot be looked up now is reported when it is dialled.
                let (x, y) = tokio::join!(mailhaul_net::resolve(a), mailhaul_net::resolve(b));
                let (x, y) = (x.unwrap_or_default(), y.unwrap_or_default());
                let same = x.iter().any(|address| y.contains(address));
                known.insert(pair, same);
                same
            }
        };
        if same {
            errors.push(format!(
                "mailbox `{}`: source and target are the same account ({} on {} and on {}, which are one server); \
                 give the new host's account as target",
                mailbox.key,
                names(&mailbox.source.user, &mailbox.target.user),
                a.host,
                b.host
            ));
        }
    }
}

fn account_id(spec: &AccountSpec) -> (String, String) {
    let host = spec.endpoint.host.trim_end_matches('.').to_ascii_lowercase();
    // The port belongs to the host here: two servers may share a name, as on one test machine.
    (format!("{host}:{}", spec.endpoint.port), folded(&spec.user))
}

/// What to write where one account is meant.
const MEANT: &str = "; if that is meant, write `meant` into the column `one_account` of both";

/// A log-in, in both spellings where there are two.
fn names(one: &str, other: &str) -> String {
    if one == other { format!("`{one}`") } else { format!("`{one}`, `{other}`") }
}
