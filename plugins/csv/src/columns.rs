//! The header row.
//!
//! A list without one has a row of passwords there. So no remark shows what stands in it before the whole of
//! it is understood: a column that is not known is called by its number.

use crate::synonyms::{self, Meaning, Side, Thing};

/// How many letters may be wrong, missing or swapped in a slip of the pen.
const SLIPS: usize = 2;

/// A column of `mailboxes.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
#[expect(missing_docs, reason = "their names in the header say it")]
pub enum Column {
    SourceUser,
    SourcePassword,
    SourceHost,
    SourcePort,
    SourceTls,
    TargetUser,
    TargetPassword,
    TargetHost,
    TargetPort,
    TargetTls,
    TargetQuota,
    Label,
    Batch,
    OneAccount,
}

const KNOWN: [(&str, Column); 14] = [
    ("source_user", Column::SourceUser),
    ("source_password", Column::SourcePassword),
    ("source_host", Column::SourceHost),
    ("source_port", Column::SourcePort),
    ("source_tls", Column::SourceTls),
    ("target_user", Column::TargetUser),
    ("target_password", Column::TargetPassword),
    ("target_host", Column::TargetHost),
    ("target_port", Column::TargetPort),
    ("target_tls", Column::TargetTls),
    ("target_quota", Column::TargetQuota),
    ("label", Column::Label),
    ("batch", Column::Batch),
    ("one_account", Column::OneAccount),
];

impl Column {
    /// Returns the name the column has by right.
    #[must_use]
    pub fn name(self) -> &'static str {
        KNOWN.iter().find(|(_, column)| *column == self).map_or("", |(name, _)| name)
    }

    fn of(side: Side, thing: Thing) -> Self {
        match (side, thing) {
            (Side::Source, Thing::Login | Thing::Address) => Self::SourceUser,
            (Side::Source, Thing::Password) => Self::SourcePassword,
            (Side::Source, Thing::Host) => Self::SourceHost,
            (Side::Source, Thing::Port) => Self::SourcePort,
            (Side::Source, Thing::Tls) => Self::SourceTls,
            (Side::Target, Thing::Login | Thing::Address) => Self::TargetUser,
            (Side::Target, Thing::Password) => Self::TargetPassword,
            (Side::Target, Thing::Host) => Self::TargetHost,
            (Side::Target, Thing::Port) => Self::TargetPort,
            (Side::Target, Thing::Tls) => Self::TargetTls,
        }
    }
}

/// Something that is wrong with the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A stable code for machines.
    pub code: &'static str,
    /// What is wrong and what to do; no cell of the header.
    pub message: String,
}

/// Where each column stands in a list, and what is wrong with its header.
#[derive(Debug, Clone)]
pub struct Columns {
    positions: [Option<usize>; KNOWN.len()],
    /// A quota that says no side, and bytes of a bare number in it ([`Meaning::Quota`]).
    quota: Option<(usize, u64)>,
    /// A column of mail domains: log-ins may lack theirs.
    has_domain: bool,
    count: usize,
    problems: Vec<Problem>,
    /// What was understood that the names alone do not say.
    note: Option<String>,
}

impl Columns {
    /// Understands a header row, as written and without its byte order mark or with it.
    ///
    /// `source_user` and its like mean themselves. Of other lists ([`synonyms`]): a name that says its side
    /// goes before one that does not. Those that do not are of one side, all of them: the source's, or the
    /// target's where the source has a name that says so for one of them. What then can only be of the other
    /// side is refused: a password that is read as the wrong side's is sent to the wrong host. Of a log-in
    /// and an address of one side the log-in counts; where no name says a side, the log-in is the source's
    /// and the address the target's, as in Microsoft's lists.
    #[must_use]
    pub fn recognise(header: &[String]) -> Self {
        let names: Vec<_> = header.iter().map(|written| folded(written)).collect();
        let mut columns = Self {
            positions: [None; KNOWN.len()],
            quota: None,
            has_domain: names.iter().any(|name| matches!(name.as_str(), "domain" | "domain name")),
            count: header.len(),
            problems: Vec::new(),
            note: None,
        };
        let meanings: Vec<_> = names
            .iter()
            .map(|name| known(name).map(Meaning::Column).or_else(|| synonyms::meaning(name)))
            .collect();
        if meanings.iter().all(Option::is_none) && names.iter().all(|name| nearest(name).is_none()) {
            let message = format!(
                "the first line has {} and names none that is known: put a line above it that names them, as in {}",
                counted(names.len()),
                example(names.len())
            );
            columns.problem("csv.no-header", message);
            return columns;
        }
        columns.assign(&names, &meanings);
        if columns.position(Column::TargetQuota).is_none() {
            columns.quota = (0..).zip(&meanings).find_map(|(at, meaning)| match meaning {
                Some(Meaning::Quota(unit)) => Some((at, *unit)),
                _ => None,
            });
        }
        columns.unknown(&names, &meanings);
        if columns.position(Column::SourceUser).is_none() {
            columns.problem(
                "csv.missing-column",
                "the column `source_user` is missing: call the one with the log-ins of the old host so"
                    .to_owned(),
            );
        }
        if columns.problems.is_empty() {
            columns.note = columns.understood(header, &names);
        }
        columns
    }

    /// Puts columns to names: those that say most first.
    fn assign(&mut self, names: &[String], meanings: &[Option<Meaning>]) {
        let at = |wanted: Meaning| those(meanings, wanted);
        for (position, name) in names.iter().enumerate() {
            let Some(column) = known(name) else { continue };
            let slot = self.positions.get_mut(column as usize);
            if slot.is_some_and(|slot| slot.replace(position).is_some()) {
                let message = format!("the column `{}` is there twice: keep one", column.name());
                self.problem("csv.duplicate-column", message);
            }
        }
        for column in [Column::Label, Column::Batch] {
            if self.position(column).is_none() {
                self.place(column, at(Meaning::Column(column)).first().copied());
            }
        }
        for side in [Side::Source, Side::Target] {
            for &thing in things() {
                self.offer(Column::of(side, thing), &at(Meaning::Of(Some(side), thing)));
            }
        }
        self.assign_sideless(&|thing| at(Meaning::Of(None, thing)));
    }

    /// Puts the names that say no side to one side, all of them: where one of them can only be the target's,
    /// a password beside it is not the source's. It would be sent to the wrong host.
    fn assign_sideless(&mut self, sideless: &dyn Fn(Thing) -> Vec<usize>) {
        let (logins, addresses) = (sideless(Thing::Login), sideless(Thing::Address));
        let no_user =
            self.position(Column::SourceUser).is_none() && self.position(Column::TargetUser).is_none();
        // A log-in at the source, and the address it is at the target: Microsoft's EmailAddress,UserName.
        let two_ends = no_user && !logins.is_empty() && !addresses.is_empty();
        if two_ends {
            self.offer(Column::SourceUser, &logins);
            self.offer(Column::TargetUser, &addresses);
        }
        // Of a log-in and an address of one side the log-in counts.
        let is_beside = |thing| thing == Thing::Address && !logins.is_empty();
        let group: Vec<_> = things()
            .iter()
            .map(|thing| (*thing, sideless(*thing)))
            .filter(|(thing, positions)| !positions.is_empty() && !is_beside(*thing))
            .filter(|(_, positions)| !positions.iter().any(|position| self.is_read(*position)))
            .collect();
        let fits = |columns: &Self, side, thing| columns.position(Column::of(side, thing)).is_none();
        let is_target = !two_ends
            && group
                .iter()
                .any(|(thing, _)| !fits(self, Side::Source, *thing) && fits(self, Side::Target, *thing));
        let (side, other) =
            if is_target { (Side::Target, Side::Source) } else { (Side::Source, Side::Target) };
        for (thing, positions) in group {
            if fits(self, side, thing) {
                self.offer(Column::of(side, thing), &positions);
            } else if fits(self, other, thing) {
                let message = format!(
                    "column {} says no side, and cannot be of the same as the others that say none: call it `{}` or \
                     `{}`, whichever it is",
                    positions.first().map_or(0, |position| position + 1),
                    Column::of(Side::Source, thing).name(),
                    Column::of(Side::Target, thing).name()
                );
                self.problem("csv.ambiguous-column", message);
            }
        }
    }

    /// Takes one of these as that column, unless it is known already. Not inlined: its caller is loops over
    /// constants, and the compiler would unroll all of it into them.
    #[inline(never)]
    fn offer(&mut self, column: Column, positions: &[usize]) {
        if self.position(column).is_some() {
            return;
        }
        if let [first, second, ..] = positions {
            let message = format!(
                "columns {} and {} could both be `{}`: give the one that is meant this name",
                first + 1,
                second + 1,
                column.name()
            );
            self.problem("csv.ambiguous-column", message);
        }
        self.place(column, positions.first().copied());
    }

    fn place(&mut self, column: Column, position: Option<usize>) {
        if let Some(slot) = self.positions.get_mut(column as usize) {
            *slot = position;
        }
    }

    /// Complains about names that are not known. Where both log-ins and a password are, such a column is one
    /// that no move needs; else it may be just the one that is missing.
    fn unknown(&mut self, names: &[String], meanings: &[Option<Meaning>]) {
        let whole = self.position(Column::SourceUser).is_some()
            && self.position(Column::TargetUser).is_some()
            && (self.position(Column::SourcePassword).is_some()
                || self.position(Column::TargetPassword).is_some());
        for (position, name) in names.iter().enumerate() {
            if meanings.get(position).is_some_and(Option::is_some) {
                continue;
            }
            let column = format!("column {} of {} is not known", position + 1, names.len());
            let message = match nearest(name) {
                Some(known) => format!("{column}: did you mean `{known}`?"),
                None if whole => continue,
                None => format!(
                    "{column}: call it {} if it is that, or `note` if it is nothing a move needs",
                    self.missing()
                ),
            };
            self.problem("csv.unknown-column", message);
        }
    }

    /// The names that a column which is not known is most likely to have.
    fn missing(&self) -> String {
        const ASKED: [Column; 4] =
            [Column::SourceUser, Column::SourcePassword, Column::TargetUser, Column::TargetPassword];
        let open: Vec<_> = ASKED.into_iter().filter(|column| self.position(*column).is_none()).collect();
        let names: Vec<_> = open.iter().map(|column| format!("`{}`", column.name())).collect();
        names.join(" or ")
    }

    fn problem(&mut self, code: &'static str, message: String) {
        self.problems.push(Problem { code, message });
    }

    /// What was understood of a header that is not made of the columns' own names. It shows what is in it:
    /// words that are known, all of them.
    fn understood(&self, header: &[String], names: &[String]) -> Option<String> {
        let mut read = Vec::new();
        for (column, position) in
            KNOWN.iter().filter_map(|(_, column)| Some((column, self.position(*column)?)))
        {
            let (Some(name), Some(written)) = (names.get(position), header.get(position)) else { continue };
            if known(name).is_none() {
                let written = written.trim_start_matches('\u{feff}').trim();
                read.push(format!("`{written}` is {}", column.name()));
            }
        }
        if let Some((at, unit)) = self.quota
            && let Some(written) = header.get(at)
        {
            let written = written.trim_start_matches('\u{feff}').trim();
            let only = if unit == 0 { " where its cell has a unit" } else { "" };
            read.push(format!("`{written}` is target_quota{only}"));
        }
        let is_quota = |at: usize| self.quota.is_some_and(|(quota, _)| quota == at);
        let unread: Vec<_> = (0..self.count).filter(|at| !self.is_read(*at) && !is_quota(*at)).collect();
        let mut parts = Vec::new();
        if !read.is_empty() {
            parts.push(format!("read as: {}", read.join(", ")));
        }
        if !unread.is_empty() {
            let numbers: Vec<_> = unread.iter().map(|at| (at + 1).to_string()).collect();
            let columns = if numbers.len() == 1 { "column" } else { "columns" };
            parts.push(format!("not read: {columns} {}", numbers.join(", ")));
        }
        if self.position(Column::TargetUser).is_none() {
            parts.push("without target_user each mailbox has the same log-in at the target".to_owned());
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// Whether the column at this position is read as something.
    #[inline(never)]
    fn is_read(&self, position: usize) -> bool {
        self.positions.contains(&Some(position))
    }

    /// Returns where a column stands, from 0; `None` when the list has none.
    #[must_use]
    pub fn position(&self, column: Column) -> Option<usize> {
        self.positions.get(column as usize).copied().flatten()
    }

    /// Returns what is wrong with the header; nothing is, when it is empty.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns what was understood of names other than the columns' own, as one sentence; `None` when there
    /// is nothing to say.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Where a quota stands whose name says no side, and how many bytes a bare number in it means; 0 where
    /// that is not known.
    pub(crate) fn quota(&self) -> Option<(usize, u64)> {
        self.quota
    }

    /// Number of columns of the header.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Whether the list has the mail domains in a column of their own.
    pub(crate) fn has_domain(&self) -> bool {
        self.has_domain
    }
}

/// The columns that mean something, by their positions.
#[inline(never)]
fn those(meanings: &[Option<Meaning>], wanted: Meaning) -> Vec<usize> {
    (0..).zip(meanings).filter(|(_, meaning)| **meaning == Some(wanted)).map(|(at, _)| at).collect()
}

/// The things of an account, log-ins before addresses.
fn things() -> &'static [Thing] {
    const THINGS: &[Thing] =
        &[Thing::Login, Thing::Address, Thing::Password, Thing::Host, Thing::Port, Thing::Tls];
    // The compiler must not know how many they are: it would unroll the loops over them for minutes.
    std::hint::black_box(THINGS)
}

/// A header row as lists with so many columns have it.
fn example(columns: usize) -> &'static str {
    match columns {
        2 => "source_user,source_password",
        3 => "source_user,source_password,target_user",
        6 => "source_host,source_user,source_password,target_host,target_user,target_password",
        _ => "source_user,source_password,target_user,target_password",
    }
}

/// A header cell as names are compared. A byte order mark is what spreadsheets put before the first column.
fn folded(written: &str) -> String {
    written.trim_start_matches('\u{feff}').trim().to_lowercase()
}

fn known(name: &str) -> Option<Column> {
    KNOWN.iter().find(|(known, _)| *known == name).map(|(_, column)| *column)
}

/// The known name this one is a slip of.
fn nearest(name: &str) -> Option<&'static str> {
    let name: String = name.chars().map(|c| if matches!(c, ' ' | '-') { '_' } else { c }).collect();
    let far = |known: &str| strsim::osa_distance(&name, known);
    KNOWN.iter().map(|(known, _)| *known).min_by_key(|known| far(known)).filter(|known| far(known) <= SLIPS)
}

fn counted(columns: usize) -> String {
    if columns == 1 { "1 column".to_owned() } else { format!("{columns} columns") }
}
