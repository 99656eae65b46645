//! Splitting a line into its cells.

use std::ops::Range;

use zeroize::Zeroizing;

/// The separators that are understood; of two that are as frequent, the earlier counts.
pub(super) const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// The separator that the header uses most outside quotes; a comma when it has a single column.
pub(super) fn separator(header: &str) -> char {
    let mut counts = [0_usize; SEPARATORS.len()];
    let mut quoted = false;
    for c in header.chars() {
        match SEPARATORS.iter().position(|&s| s == c) {
            Some(which) if !quoted => counts[which] += 1,
            _ => quoted ^= c == '"',
        }
    }
    let mut best = 0;
    for (n, count) in counts.iter().enumerate() {
        if *count > counts[best] {
            best = n;
        }
    }
    SEPARATORS[best]
}

/// The separator that a line such as `sep=;` names; `None` for any other line.
pub(super) fn told_separator(line: &str) -> Option<char> {
    let rest = line.trim_end_matches(' ').trim_matches('"').strip_prefix("sep=")?;
    let mut chars = rest.chars();
    let separator = chars.next().filter(|c| SEPARATORS.contains(c))?;
    // What other separators a program puts after it to fill the row does not matter.
    chars.all(|c| SEPARATORS.contains(&c)).then_some(separator)
}

/// Whether a line is a comment, as lists for scripts have them: `# old host`, `#anna;…`. A column called `#`
/// is none, nor what a spreadsheet writes for a formula that fails, as `#REF!`: that mailbox must not be
/// lost.
pub(super) fn is_comment(line: &str) -> bool {
    let first = line.trim_start().split(SEPARATORS).next().unwrap_or_default().trim_end();
    let failed = matches!(first, "#N/A" | "#NV") || (first.ends_with(['!', '?']) && !first.contains(' '));
    first.len() > 1 && first.starts_with('#') && !failed
}

/// What a comment says.
pub(super) fn uncommented(line: &str) -> &str {
    line.trim_start().trim_start_matches('#').trim_start()
}

/// Takes empty cells at the end of a row away, down to `least`.
pub(super) fn without_empty_end(cells: &mut Vec<RawCell>, least: usize) {
    let filled = cells.iter().rposition(|cell| !cell.text.trim().is_empty()).map_or(0, |last| last + 1);
    cells.truncate(filled.max(least));
}

/// A separator as sentences name it.
pub(super) fn name(separator: char) -> &'static str {
    match separator {
        ';' => "semicolon",
        '\t' => "tab",
        _ => "comma",
    }
}

/// A cell as it stands in the file, with its quotes removed.
pub(super) struct RawCell {
    pub(super) text: Zeroizing<String>,
    pub(super) quoted: bool,
    /// Bytes of the line that hold it: between its quotes, where it has any.
    pub(super) inside: Range<usize>,
}

/// What is wrong with a line, and in which cell, from 0.
pub(super) struct Fault {
    pub(super) cell: usize,
    kind: FaultKind,
}

enum FaultKind {
    Unclosed,
    AfterQuote,
    TooMany(usize),
}

impl Fault {
    pub(super) fn cause(&self) -> String {
        match self.kind {
            FaultKind::Unclosed => "a quote is opened and not closed on its line".into(),
            FaultKind::AfterQuote => "there is text after a closing quote".into(),
            FaultKind::TooMany(most) => format!("there are more than {most} cells"),
        }
    }

    pub(super) fn remedy(&self) -> &'static str {
        match self.kind {
            FaultKind::Unclosed | FaultKind::AfterQuote => {
                "put quotes around the whole cell, write each quote inside it twice, and keep the cell on one line"
            }
            FaultKind::TooMany(_) => "remove columns that are not needed",
        }
    }
}

/// Splits a line into its cells; more than `most` are a fault.
///
/// A quote means something only as the first character of a cell (RFC 4180), spaces before it aside:
/// `pass"word` is taken as it stands.
pub(super) fn split(line: &str, separator: char, most: usize) -> Result<Vec<RawCell>, Fault> {
    let mut cells = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let fault = |kind| Fault { cell: cells.len(), kind };
        // What is left is always the end of the line.
        let offset = |rest: &str| line.len() - rest.len();
        if cells.len() == most {
            return Err(fault(FaultKind::TooMany(most)));
        }
        // A space before the quote is common in lists that people type.
        let opened = text.trim_start_matches(' ').strip_prefix('"');
        let (raw, after) = match opened {
            Some(inside) => {
                let (text, after) = unquote(inside).ok_or_else(|| fault(FaultKind::Unclosed))?;
                let inside = offset(inside)..offset(after) - 1;
                let after = after.trim_start_matches(' ');
                let after = match after.strip_prefix(separator) {
                    Some(next) => Some(next),
                    None if after.is_empty() => None,
                    None => return Err(fault(FaultKind::AfterQuote)),
                };
                (RawCell { text, quoted: true, inside }, after)
            }
            None => {
                let (cell, after) = match text.split_once(separator) {
                    Some((cell, after)) => (cell, Some(after)),
                    None => (text, None),
                };
                let inside = offset(text)..offset(text) + cell.len();
                (RawCell { text: Zeroizing::new(cell.to_owned()), quoted: false, inside }, after)
            }
        };
        cells.push(raw);
        rest = after;
    }
    Ok(cells)
}

/// Splits at the closing quote into the cell's text and the rest of the line; `None` when there is none.
fn unquote(inside: &str) -> Option<(Zeroizing<String>, &str)> {
    let mut end = 0;
    loop {
        end += inside[end..].find('"')?;
        if !inside[end + 1..].starts_with('"') {
            break;
        }
        end += 2;
    }
    // Room for all of it at once: growing would leave copies of a password behind that nobody wipes.
    let mut text = Zeroizing::new(String::with_capacity(end));
    for (n, piece) in inside[..end].split("\"\"").enumerate() {
        if n > 0 {
            text.push('"');
        }
        text.push_str(piece);
    }
    Some((text, &inside[end + 1..]))
}
