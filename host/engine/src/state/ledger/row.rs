//! What the ledger keeps of a folder's messages, in 48 bytes each beside what is odd: a folder may have a
//! million of them.

use mailhaul_imap::{FlagSets, Flags};
use rusqlite::{Row as SqlRow, params};

use crate::code::Code;

use super::seal::MESSAGE;
use super::{Figures, FolderId, Ledger, Outcome, PlaceId, Result};

/// A message row. What it knows of the content is asked for apart ([`Ledger::contents`]).
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub size: u64,
    pub uid: u32,
    pub outcome: Outcome,
    /// Stable code of the reason, for skipped and failed messages.
    pub code: Option<Code>,
    attempts: u8,
    bits: u8,
    place: u32,
    target_uid: u32,
    source_date: i64,
    flags: Flags,
    odd: Option<Box<OddFigures>>,
}

/// What the lists gave where that is not the size and date of the row itself; few rows have it.
#[derive(Debug, Clone)]
struct OddFigures {
    at_source: Figures,
    at_target: Figures,
}

/// Bit of a row that was seen in the target's message list.
const PROVEN: u8 = 1;
/// Bit of a row whose message was read.
const READ: u8 = 2;
/// Bit of a row of which it is known what flags the copy was given.
const GIVEN: u8 = 4;

/// Stands for an unknown date.
const NO_DATE: i64 = i64::MIN;

impl Row {
    /// Returns what the source listed of the message.
    #[must_use]
    pub(crate) fn at_source(&self) -> Figures {
        let date = Some(self.source_date).filter(|date| *date != NO_DATE);
        self.odd.as_ref().map_or(Figures { size: self.size, date }, |odd| odd.at_source)
    }

    /// Returns what the target listed of the copy, which is as at the source unless that was recorded apart.
    #[must_use]
    pub(crate) fn at_target(&self) -> Figures {
        self.odd.as_ref().map_or_else(|| self.at_source(), |odd| odd.at_target)
    }

    /// Returns the target folder that the copy is in; `None` without a copy.
    #[must_use]
    pub(crate) fn place(&self) -> Option<PlaceId> {
        (self.place > 0).then_some(PlaceId(i64::from(self.place)))
    }

    /// Returns the copy's UID in that place.
    #[must_use]
    pub(crate) fn target_uid(&self) -> Option<u32> {
        (self.target_uid > 0).then_some(self.target_uid)
    }

    /// Whether the copy was seen in the target's message list.
    #[must_use]
    pub(crate) fn proven(&self) -> bool {
        self.bits & PROVEN != 0
    }

    /// Returns whether its content was read, so that its digests are known.
    #[must_use]
    pub(crate) fn was_read(&self) -> bool {
        self.bits & READ != 0
    }

    /// The source's flags that the copy was given.
    #[must_use]
    pub(crate) fn flags(&self) -> Option<&Flags> {
        (self.bits & GIVEN != 0).then_some(&self.flags)
    }

    /// How often it was sent in vain: refused, acknowledged and not kept, or the end of the connection.
    #[must_use]
    pub(crate) fn attempts(&self) -> u32 {
        u32::from(self.attempts)
    }

    /// Whether a connection broke while it was under way: it may be why.
    #[must_use]
    pub(crate) fn is_suspected(&self) -> bool {
        self.code == Some(Code::ConnectionLost)
    }

    fn read(r: &SqlRow<'_>, sets: &mut FlagSets) -> rusqlite::Result<Self> {
        let size = r.get(2)?;
        let source_date: Option<i64> = r.get(9)?;
        let (source_size, target_size): (Option<u64>, Option<u64>) = (r.get(8)?, r.get(10)?);
        let target_date: Option<i64> = r.get(11)?;
        let is_odd = source_size.is_some() || target_size.is_some() || target_date.is_some();
        let odd = is_odd.then(|| {
            let at_source = Figures { size: source_size.unwrap_or(size), date: source_date };
            let date = target_date.or(source_date);
            Box::new(OddFigures { at_source, at_target: Figures { size: target_size.unwrap_or(size), date } })
        });
        let given = r.get_ref(4)?.as_str_or_null().ok().flatten().map(|text| sets.parse(text));
        let bit = |is_set, bit| if is_set { bit } else { 0 };
        let bits = bit(r.get(5)?, PROVEN) | bit(r.get(12)?, READ) | bit(given.is_some(), GIVEN);
        Ok(Self {
            size,
            uid: r.get(0)?,
            outcome: Outcome::from_number(r.get(1)?),
            // `found` says how a copy was found, not why there is none.
            code: r.get_ref(13)?.as_str_or_null().ok().flatten().and_then(Code::parse),
            attempts: r.get::<_, u64>(6)?.min(255) as u8,
            bits,
            place: r.get::<_, Option<u32>>(7)?.unwrap_or(0),
            target_uid: r.get::<_, Option<u32>>(3)?.unwrap_or(0),
            source_date: source_date.unwrap_or(NO_DATE),
            flags: given.unwrap_or_default(),
            odd,
        })
    }

    /// A row of a copy, as tests of those that look at rows need one.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn copied(uid: u32, target_uid: u32) -> Self {
        Self {
            size: 1,
            uid,
            outcome: Outcome::Copied,
            code: None,
            attempts: 0,
            bits: PROVEN,
            place: 1,
            target_uid,
            source_date: NO_DATE,
            flags: Flags::default(),
            odd: None,
        }
    }
}

/// The message rows of a folder, sorted by source UID.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows(Vec<Row>);

impl Rows {
    /// Returns the row of a message, by binary search.
    #[must_use]
    pub(crate) fn get(&self, uid: &u32) -> Option<&Row> {
        self.0.binary_search_by_key(uid, |row| row.uid).ok().and_then(|at| self.0.get(at))
    }

    #[must_use]
    pub(crate) fn contains_key(&self, uid: &u32) -> bool {
        self.get(uid).is_some()
    }

    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The messages that have one, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &u32> {
        self.0.iter().map(|row| &row.uid)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Row> {
        self.0.iter()
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = Row> {
        self.0.into_iter()
    }

    pub(crate) fn retain(&mut self, meant: impl FnMut(&Row) -> bool) {
        self.0.retain(meant);
    }
}

impl FromIterator<(FolderId, Row)> for Rows {
    fn from_iter<I: IntoIterator<Item = (FolderId, Row)>>(rows: I) -> Self {
        rows.into_iter().map(|(_, row)| row).collect()
    }
}

impl FromIterator<Row> for Rows {
    fn from_iter<I: IntoIterator<Item = Row>>(rows: I) -> Self {
        let mut rows: Vec<Row> = rows.into_iter().collect();
        // As they come from the ledger, they are in order.
        rows.sort_by_key(|row| row.uid);
        Self(rows)
    }
}

impl std::ops::Index<&u32> for Rows {
    type Output = Row;

    fn index(&self, uid: &u32) -> &Row {
        &self.0[self.0.partition_point(|row| row.uid < *uid)]
    }
}

impl Ledger {
    /// The folder's rows that are not gone.
    ///
    /// # Errors
    /// See [`super::LedgerError`]; the same for all methods. It is `Damaged` when a row does not match
    /// its seal.
    pub(crate) fn rows(&self, folder: FolderId) -> Result<Rows> {
        self.rows_where(folder, "gone = 0")
    }

    /// The same with those that the newest list left out, though the source counted more than it listed: of a
    /// source that numbers its messages anew, they may be there as well.
    pub(crate) fn rows_listed_or_not(&self, folder: FolderId) -> Result<Rows> {
        self.rows_where(folder, "gone IN (0, 3)")
    }

    /// The newest copies that this project has put into a place, at most `max`, each with its source folder.
    pub(crate) fn newest_copies(&self, place: PlaceId, max: u32) -> Result<Vec<(FolderId, Row)>> {
        self.newest_of(place, Outcome::Copied, max)
    }

    /// The newest messages of a place that were found there, as [`Ledger::newest_copies`].
    pub(crate) fn newest_found(&self, place: PlaceId, max: u32) -> Result<Vec<(FolderId, Row)>> {
        self.newest_of(place, Outcome::AlreadyPresent, max)
    }

    fn newest_of(&self, place: PlaceId, outcome: Outcome, max: u32) -> Result<Vec<(FolderId, Row)>> {
        let (which, outcome) = ("place = ?1 AND target_uid IS NOT NULL AND gone = 0", outcome.number());
        let which = format!("{which} AND outcome = {outcome} ORDER BY target_uid DESC LIMIT {max}");
        self.read_rows(place.0, &which)
    }

    fn rows_where(&self, folder: FolderId, which: &str) -> Result<Rows> {
        self.read_rows(folder.0, &format!("folder = ?1 AND {which} ORDER BY source_uid"))
    }

    fn read_rows<T>(&self, id: i64, which: &str) -> Result<T>
    where
        T: FromIterator<(FolderId, Row)>,
    {
        let rows = self.sql(|db| {
            let mut query = db.prepare_cached(&format!(
                "SELECT source_uid, outcome, size, target_uid, flags, proven, attempts, place, source_size, source_date,
                     target_size, target_date, digest IS NOT NULL,
                     (SELECT code FROM reason WHERE reason.id = message.reason), seal = {MESSAGE}, folder
                 FROM message WHERE {which}",
            ))?;
            let mut sets = FlagSets::default();
            let rows = query.query_map(params![id], |r| match r.get(14)? {
                true => Ok(Ok((FolderId(r.get(15)?), Row::read(r, &mut sets)?))),
                false => Ok(Err(r.get::<_, i64>(0)?)),
            })?;
            rows.collect::<rusqlite::Result<std::result::Result<T, i64>>>()
        })?;
        rows.map_err(|uid| self.damaged(&format!("the row of message {uid} does not match its seal")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_takes_48_bytes() {
        assert_eq!(size_of::<Row>(), 48);
    }
}
