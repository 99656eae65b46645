//! One run over one folder: what is known of it, and its steps.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::time::Instant;

use mailhaul_imap::{Flags, Selected};

use crate::folder::copy::item::Route;
use crate::folder::scope::Scope;
use crate::folder::work::{MailboxWork, Step};
use crate::mapping::target::{MappedFolder, Target};
use crate::message::dating::DateRule;
use crate::message::list::ListedMessage;
use crate::server::dial::Ends;
use crate::state::ledger::{Batch, FolderRow, PlaceId, Row, Rows};
use crate::summary::Difference;
use crate::task::spending::Refused;

/// Brings one folder to the target.
///
/// # Errors
/// When an end or the ledger fails; running it again continues.
pub(crate) async fn run(
    work: MailboxWork<'_>,
    ends: Ends,
    mapped: &MappedFolder,
    target: &Target,
    scope: Scope,
) -> Step<(Ends, FolderOutcome)> {
    let begun = Instant::now();
    let Some(row) = work.ledger().folder(&mapped.folder.path.to_string())? else {
        return Ok((ends, FolderOutcome::default()));
    };
    let mut folder = match FolderRun::open(work, ends, mapped, target, row).await? {
        ControlFlow::Continue(folder) => FolderRun { begun, scope, ..folder },
        // It stopped on its own; the ledger says why.
        ControlFlow::Break(ends) => return Ok((ends, FolderOutcome::default())),
    };
    folder.recognise_copies().await?;
    if !folder.outcome.stopped {
        folder.subtract()?;
        folder.look_up_in_doubt().await?;
    }
    if !folder.outcome.stopped {
        folder.adopt().await?;
        folder = folder.copy().await?;
    }
    if folder.outcome.stopped {
        folder.emit_finished().await?;
    } else if !folder.outcome.interrupted {
        folder.set_flags().await?;
        folder.prove().await?;
        folder.conclude().await?;
    }
    Ok((folder.ends, folder.outcome))
}

/// One run over one folder. Its steps, each a file of this room, fill it one after the other.
pub(crate) struct FolderRun<'a> {
    /// Both connections: the source folder is examined, the target folder selected.
    pub ends: Ends,
    /// What goes where, and what the work on the mailbox is done with.
    pub route: Route<'a>,
    /// The source folder's row in the ledger, as it was when the run began.
    pub row: FolderRow,
    pub place: PlaceId,
    /// The ledger's message rows, as they were.
    pub rows: Rows,
    /// The source folder as it was examined.
    pub source: Selected,
    /// Whether the source lists as many messages as it counts.
    pub whole: bool,
    /// The source's flags now, of messages that have a row in which they are others.
    pub flags: Vec<(u32, Flags)>,
    /// Which messages this run is about.
    pub scope: Scope,
    /// What may still have to be done: first what the source lists, in the end what is to be sent.
    pub wanted: Vec<ListedMessage>,
    /// Of these, what the operator leaves out: not to be sent, only to be looked for.
    pub left_out: HashSet<u32>,
    /// Messages in doubt that the source does not have any more: UID and size.
    pub vanished: BTreeMap<u32, u64>,
    /// What earlier runs sent to this target folder without hearing what became of it.
    pub in_doubt: Vec<Batch>,
    /// Messages in the target folder by STATUS, when the folders were listed.
    pub target_status: Option<u32>,
    /// The target's list, where it was read since the folder was opened.
    pub there: Option<Vec<ListedMessage>>,
    /// What the target holds that the ledger does not account for.
    pub unclaimed: Vec<u32>,
    /// Messages that were sent with another date than the source's, by which rule, and which.
    pub dated: HashMap<u32, (DateRule, String)>,
    /// Messages that were sent and have to be read back, whatever their size is on the target: not every
    /// server keeps a NUL.
    pub read_back: HashSet<u32>,
    /// Copies that were seen on the target once and are not there any more.
    pub missing: Vec<Row>,
    /// The target's list was held against the ledger: what is missing is known.
    pub target_compared: bool,
    /// What the target lists since it was selected last; `None` when that is not known.
    pub arrived: Option<Vec<ListedMessage>>,
    /// Whether the target took every change of flags.
    pub flags_well: bool,
    /// Flags that it refused, until that is told.
    pub(super) refused_flags: Option<RefusedFlags>,
    /// What differs between the ledger and the target.
    pub differences: Vec<Difference>,
    pub outcome: FolderOutcome,
    pub begun: Instant,
}

/// Flags that the target refused and nobody was told of yet.
#[derive(Debug)]
pub(super) struct RefusedFlags {
    /// The first set of them, and what the target said to it.
    pub flags: String,
    pub error: String,
    pub sets: usize,
    pub messages: usize,
}

/// The result of a run over a folder after which both connections live.
#[derive(Debug, Default)]
pub(crate) struct FolderOutcome {
    pub messages: u64,
    pub bytes: u64,
    /// Messages whose flags were changed on their copies.
    pub flags: u64,
    /// Messages that were left for another run on purpose, and are pending.
    pub waiting: u64,
    /// The target is out of room, in its own words.
    pub over_quota: Option<String>,
    /// What the target said when it asked for patience.
    pub throttled: Option<String>,
    pub interrupted: bool,
    /// Nothing more may be moved before a time; the rest is pending.
    pub refused: Option<Refused>,
    /// It cannot go on, on its own; the ledger says why.
    pub stopped: bool,
    /// Differences that were found: copies that went from the target, or that are there twice.
    pub differences: usize,
}

impl<'a> FolderRun<'a> {
    /// A run over a folder that is open on the target, of which nothing else is known yet.
    pub(super) fn new(ends: Ends, route: Route<'a>, row: FolderRow, place: PlaceId, rows: Rows) -> Self {
        Self {
            ends,
            route,
            row,
            place,
            rows,
            source: Selected::default(),
            whole: false,
            flags: Vec::new(),
            scope: Scope::ALL,
            wanted: Vec::new(),
            left_out: HashSet::new(),
            vanished: BTreeMap::new(),
            in_doubt: Vec::new(),
            target_status: None,
            there: None,
            unclaimed: Vec::new(),
            dated: HashMap::new(),
            read_back: HashSet::new(),
            missing: Vec::new(),
            target_compared: false,
            arrived: None,
            flags_well: true,
            refused_flags: None,
            differences: Vec::new(),
            outcome: FolderOutcome::default(),
            begun: Instant::now(),
        }
    }

    /// What the work on the mailbox is done with.
    pub(super) fn work(&self) -> MailboxWork<'a> {
        self.route.work
    }
}
