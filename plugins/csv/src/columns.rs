//! The header row.

use mailhaul_plugin::{Diagnostic, Table};

/// The line of the header.
const HEADER: u32 = 1;

/// How alike an unknown column must be to a known one to be called a slip (0 to 1).
const LIKENESS: f64 = 0.75;

/// A column this plugin knows.
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
}

const KNOWN: [(&str, Column); 12] = [
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
        for (position, written) in header.iter().enumerate() {
            // A byte order mark is what spreadsheets put before the first column.
            let name = written.trim_start_matches('\u{feff}').trim();
            match KNOWN.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)) {
                None => problems.push(Diagnostic::error("csv.unknown-column", &at, unknown(name))),
                Some((known, column)) => {
                    let slot = columns.positions.get_mut(*column as usize);
                    if slot.is_some_and(|slot| slot.replace(position).is_some()) {
                        let message = format!("the column `{known}` is there twice: keep one");
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

    /// Where a column stands.
    pub(crate) fn position(&self, column: Column) -> Option<usize> {
        self.positions.get(column as usize).copied().flatten()
    }

    /// Number of columns of the header.
    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

fn unknown(name: &str) -> String {
    let likeness = |known: &str| strsim::jaro_winkler(&name.to_lowercase(), known);
    let nearest = KNOWN.iter().max_by(|(a, _), (b, _)| likeness(a).total_cmp(&likeness(b)));
    match nearest.filter(|(known, _)| likeness(known) >= LIKENESS) {
        Some((known, _)) => format!("the column `{name}` is not known: did you mean `{known}`?"),
        None => format!("the column `{name}` is not known: remove it"),
    }
}
