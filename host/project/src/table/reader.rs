//! Reading the rows below the header, and collecting what is wrong with them.

use std::path::Path;

use mailhaul_text::plural;

use super::{COLUMNS, Cell, Column, Limits, REPORTED, row};
use crate::Secret;
use crate::error::{ProjectError, Warning};

/// Reads the rows below the header and collects what is wrong with them.
pub(super) struct Reader<'a> {
    file: &'a Path,
    separator: char,
    limits: Limits,
    columns: &'a [Column],
    pub(super) faults: Vec<ProjectError>,
    /// How many faults there are beyond [`REPORTED`].
    pub(super) more: usize,
    /// First comment that could be a row, and how many there are.
    comments: Option<(usize, usize)>,
    /// First line and column (from 1) of a secret with spaces around it, and how many there are.
    padded: Option<(usize, usize, usize)>,
    /// A separator other than the header's by which every row has as many cells as the header has names;
    /// `None` inside once a row has not.
    other: Option<Option<char>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a Path, separator: char, limits: Limits, columns: &'a [Column]) -> Self {
        let (faults, more, comments, padded, other) = (Vec::new(), 0, None, None, None);
        Self { file, separator, limits, columns, faults, more, comments, padded, other }
    }

    /// The one mistake behind all the others when no row could be read: the header's separator is not theirs.
    pub(super) fn other_separator(&self, header: usize) -> Option<ProjectError> {
        let (below, above) = (row::name(self.other??), row::name(self.separator));
        let cause = format!("there is a {above} between the names and a {below} between the cells below");
        Some(ProjectError::new(self.file, header, cause, format!("put a {below} between the names as well")))
    }

    /// What stops nothing.
    pub(super) fn warnings(&self) -> impl Iterator<Item = Warning> {
        let padded = self.padded.map(|(line, column, count)| padded_warning(self.file, line, column, count));
        let comments = self.comments.map(|(line, count)| comments_warning(self.file, line, count));
        padded.into_iter().chain(comments)
    }

    /// Takes note of a comment that is as long as a row: it may be a mailbox somebody has not forgotten.
    pub(super) fn comment(&mut self, line: usize, text: &str) {
        let mut cells = row::split(text, self.separator, COLUMNS).unwrap_or_default();
        row::without_empty_end(&mut cells, 0);
        if cells.len() > 1 && cells.len() == self.columns.len() {
            let (_, count) = self.comments.get_or_insert((line, 0));
            *count += 1;
        }
    }

    fn fault(&mut self, line: usize, cause: impl AsRef<str>, remedy: impl AsRef<str>) {
        if self.faults.len() < REPORTED {
            self.faults.push(ProjectError::new(self.file, line, cause, remedy));
        } else {
            self.more += 1;
        }
    }

    /// The cells of a line; `None` when they are all empty (spreadsheets leave such rows behind) or
    /// something is wrong.
    pub(super) fn row(&mut self, line: usize, text: &str) -> Option<Vec<Cell>> {
        let mut raw = match row::split(text, self.separator, COLUMNS) {
            Ok(raw) => raw,
            Err(fault) => {
                self.fault(line, format!("{} in column {}", fault.cause(), fault.cell + 1), fault.remedy());
                return None;
            }
        };
        if raw.iter().all(|cell| cell.text.trim().is_empty()) {
            return None;
        }
        // Spreadsheets write the empty columns at the right edge, and scripts a separator at the end.
        row::without_empty_end(&mut raw, self.columns.len());
        if raw.len() != self.columns.len() {
            self.try_other_separator(text);
            let (cells, columns) = (raw.len(), self.columns.len());
            self.fault(
                line,
                format!(
                    "{} where the header names {}",
                    plural(cells as u64, "cell"),
                    plural(columns as u64, "column")
                ),
                if cells > columns {
                    format!("put quotes around a cell that has a {} in it", row::name(self.separator))
                } else {
                    format!(
                        "add the missing ones, empty if need be ({} between cells)",
                        row::name(self.separator)
                    )
                },
            );
            return None;
        }
        let mut cells = Vec::with_capacity(raw.len());
        for (number, (cell, column)) in (1..).zip(raw.into_iter().zip(self.columns)) {
            if cell.text.len() > self.limits.cell {
                let cause = format!("column {number} has more than {} bytes", self.limits.cell);
                self.fault(line, cause, "check the quotes in this row");
                return None;
            }
            cells.push(if column.secret {
                if cell.text.trim() != *cell.text && !cell.quoted {
                    let (_, _, count) = self.padded.get_or_insert((line, number, 0));
                    *count += 1;
                }
                Cell::Secret(Secret::from(cell.text.as_bytes().to_vec()))
            } else if cell.quoted {
                Cell::Text(cell.text.to_string())
            } else {
                Cell::Text(cell.text.trim().to_owned())
            });
        }
        Some(cells)
    }
    fn try_other_separator(&mut self, text: &str) {
        let fits = |separator: char| {
            let cells = row::split(text, separator, COLUMNS).map_or(0, |mut cells| {
                row::without_empty_end(&mut cells, self.columns.len());
                cells.len()
            });
            separator != self.separator && cells > 1 && cells == self.columns.len()
        };
        self.other = match self.other {
            None => Some(row::SEPARATORS.into_iter().find(|separator| fits(*separator))),
            Some(other) => Some(other.filter(|separator| fits(*separator))),
        };
    }
}

fn padded_warning(file: &Path, line: usize, column: usize, count: usize) -> Warning {
    let others = match count {
        1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    };
    Warning::new(
        file,
        line,
        format!(
            "the secret in column {column} begins or ends with a space{others}, which is taken as part of it; remove the space, or put \
             quotes around it when it is meant"
        ),
    )
}

fn comments_warning(file: &Path, line: usize, count: usize) -> Warning {
    let what = match count {
        1 => "this line begins with #, and is left out as a comment".to_owned(),
        n => format!("this line and {} more begin with #, and are left out as comments", n - 1),
    };
    Warning::new(file, line, what)
}
