//! The header row.
//!
//! A list without one has a row of passwords there. So no remark shows what stands in it: a column that is
//! not known is called by its number.

use mailhaul_plugin::{Diagnostic, Table};

const HEADER: u32 = 1;

/// How many letters may be wrong, missing or swapped in a slip of the pen.
const SLIPS: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Column {
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

/// A header row as most lists have it.
const EXAMPLE: &str = "source_user,source_password,target_user,target_password";

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
    pub(crate) fn name(self) -> &'static str {
        KNOWN.iter().find(|(_, column)| *column == self).map_or("", |(name, _)| name)
    }
}

/// Where each known column stands in this table.
#[derive(Debug)]
pub(crate) struct Columns {
    positions: [Option<usize>; KNOWN.len()],
    count: usize,
}

impl Columns {
    /// Reads the header. `None` when it cannot be used, with the reasons.
    pub(crate) fn read(table: &dyn Table) -> (Option<Self>, Vec<Diagnostic>) {
        let at = format!("{}:{HEADER}", table.file());
        let header = table.columns();
        let mut columns = Self { positions: [None; KNOWN.len()], count: header.len() };
        let mut problems = Vec::new();
        let names: Vec<_> = header.iter().map(|written| folded(written)).collect();
        if names.iter().all(|name| known(name).is_none() && nearest(name).is_none()) {
            let message = format!(
                "the first line has {} and names none that is known: put a line above it that names them, as in {EXAMPLE}",
                counted(names.len())
            );
            return (None, vec![Diagnostic::error("csv.no-header", &at, message)]);
        }
        for (position, name) in names.iter().enumerate() {
            match known(name) {
                None => {
                    let message = unknown(name, position + 1, names.len());
                    problems.push(Diagnostic::error("csv.unknown-column", &at, message));
                }
                Some(column) => {
                    let slot = columns.positions.get_mut(column as usize);
                    if slot.is_some_and(|slot| slot.replace(position).is_some()) {
                        let message = format!("the column `{}` is there twice: keep one", column.name());
                        problems.push(Diagnostic::error("csv.duplicate-column", &at, message));
                    }
                }
            }
        }
        for column in [Column::SourceUser, Column::TargetUser] {
            if columns.position(column).is_none() {
                let message = format!("the column `{}` is missing: add it to the header row", column.name());
                problems.push(Diagnostic::error("csv.missing-column", &at, message));
            }
        }
        (problems.is_empty().then_some(columns), problems)
    }

    pub(crate) fn position(&self, column: Column) -> Option<usize> {
        self.positions.get(column as usize).copied().flatten()
    }

    /// Number of columns of the header.
    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

/// A header cell as names are compared. A byte order mark is what spreadsheets put before the first column.
fn folded(written: &str) -> String {
    written.trim_start_matches('\u{feff}').trim().to_ascii_lowercase()
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

fn unknown(name: &str, number: usize, of: usize) -> String {
    match nearest(name) {
        Some(known) => format!("column {number} of {of} is not known: did you mean `{known}`?"),
        None => {
            let names: Vec<_> = KNOWN.iter().map(|(known, _)| *known).collect();
            format!("column {number} of {of} is not known: remove it, or call it one of {}", names.join(", "))
        }
    }
}

fn counted(columns: usize) -> String {
    if columns == 1 { "1 column".to_owned() } else { format!("{columns} columns") }
}
