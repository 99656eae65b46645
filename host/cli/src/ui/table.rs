//! Columns of text. Widths are terminal cells, so that `受信箱` and `Inbox` line up; nothing is cut
//! off: a cell that is too wide continues on the next line.

use mailhaul_text::escape;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::paint::{Palette, Tone};

/// Cells between two columns.
const GAP: usize = 2;
/// A column that gives way to others keeps this many cells.
const MIN_COLUMN: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// For text; such a column wraps where the table is too wide.
    Left,
    /// For numbers; such a column never wraps.
    Right,
}

/// Rows of cells, drawn by [`Table::render`] once all widths are known.
#[derive(Debug)]
pub(crate) struct Table {
    indent: usize,
    columns: Vec<(String, Align)>,
    rows: Vec<Row>,
}

#[derive(Debug)]
enum Row {
    Cells(Vec<(String, Option<Tone>)>),
    Remark(String),
}

impl Table {
    /// Makes a table with these column heads, all lines indented by `indent` cells. Without any head there is
    /// no head line.
    pub(crate) fn new(indent: usize, columns: &[(&str, Align)]) -> Self {
        let columns = columns.iter().map(|(head, align)| ((*head).to_owned(), *align)).collect();
        Self { indent, columns, rows: Vec::new() }
    }

    /// Adds a row some cells of which have a tone. Cells are escaped here.
    pub(crate) fn push_row<const N: usize>(&mut self, cells: [(&str, Option<Tone>); N]) {
        self.push_row_of(&cells);
    }

    /// As [`Table::push_row`], of a table whose columns are not the same every time.
    pub(crate) fn push_row_of(&mut self, cells: &[(&str, Option<Tone>)]) {
        debug_assert_eq!(cells.len(), self.columns.len());
        let escaped = cells.iter().map(|(text, tone)| (escape(text).into_owned(), *tone));
        self.rows.push(Row::Cells(escaped.collect()));
    }

    /// Adds a faint remark below the last row.
    pub(crate) fn push_remark(&mut self, text: &str) {
        self.rows.push(Row::Remark(escape(text).into_owned()));
    }

    /// Returns the table's lines. With a `width`, left-aligned columns wrap so that lines fit into
    /// it where that is possible; without one (a pipe, a file) every row is one line.
    pub(crate) fn render(&self, width: Option<usize>, palette: Palette) -> String {
        let widths = self.widths(width);
        let mut out = String::new();
        if self.columns.iter().any(|(head, _)| !head.is_empty()) {
            let heads: Vec<_> =
                self.columns.iter().map(|(head, _)| (head.clone(), Some(Tone::Strong))).collect();
            self.push_cells(&mut out, &heads, &widths, palette);
        }
        for row in &self.rows {
            match row {
                Row::Cells(cells) => self.push_cells(&mut out, cells, &widths, palette),
                Row::Remark(text) => {
                    let indent = self.indent + GAP;
                    for (margin, line) in paragraph(text, indent, indent, width) {
                        out.push_str(&" ".repeat(margin));
                        out.push_str(&palette.paint(Tone::Faint, &line));
                        out.push('\n');
                    }
                }
            }
        }
        out
    }

    /// Returns the cells of the longest line when nothing wraps.
    pub(crate) fn natural_width(&self) -> usize {
        self.indent + self.widths(None).iter().map(|width| width + GAP).sum::<usize>().saturating_sub(GAP)
    }

    fn widths(&self, total: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|(head, _)| head.width()).collect();
        for row in &self.rows {
            if let Row::Cells(cells) = row {
                for (at, (text, _)) in cells.iter().enumerate() {
                    widths[at] = widths[at].max(text.width());
                }
            }
        }
        let Some(total) = total else { return widths };
        let fixed = self.indent + GAP * widths.len().saturating_sub(1);
        // The widest text column gives way first, so that a short one is not wrapped for a long one.
        while fixed + widths.iter().sum::<usize>() > total {
            let widest = (0..widths.len())
                .filter(|at| self.columns[*at].1 == Align::Left && widths[*at] > MIN_COLUMN)
                .max_by_key(|at| widths[*at]);
            let Some(widest) = widest else { break };
            widths[widest] -= 1;
        }
        widths
    }

    fn push_cells(
        &self,
        out: &mut String,
        cells: &[(String, Option<Tone>)],
        widths: &[usize],
        palette: Palette,
    ) {
        let wrapped: Vec<Vec<String>> = cells
            .iter()
            .zip(widths)
            .zip(&self.columns)
            .map(|(((text, _), width), (_, align))| match align {
                Align::Left => wrap(text, *width),
                Align::Right => vec![text.clone()],
            })
            .collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            let mut pending = self.indent;
            for (at, lines) in wrapped.iter().enumerate() {
                let text = lines.get(line).map_or("", String::as_str);
                let free = widths[at].saturating_sub(text.width());
                let (before, after) = match self.columns[at].1 {
                    Align::Left => (0, free),
                    Align::Right => (free, 0),
                };
                pending += before;
                if !text.is_empty() {
                    out.push_str(&" ".repeat(pending));
                    pending = 0;
                    match cells[at].1 {
                        Some(tone) => out.push_str(&palette.paint(tone, text)),
                        None => out.push_str(text),
                    }
                } else {
                    pending += text.width();
                }
                pending += after + GAP;
            }
            // `pending` is dropped: no line ends in blanks.
            out.push('\n');
        }
    }
}

/// Breaks `text` into lines of at most `width` cells, at blanks where there are any near.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    wrap_hanging(text, width, width)
}

/// Like [`wrap`], where the first line has room for `first` cells and the others for `width`.
pub(crate) fn wrap_hanging(text: &str, first: usize, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text;
    loop {
        let width = if lines.is_empty() { first } else { width };
        if rest.width() <= width {
            break;
        }
        let mut used = 0;
        let mut end = rest.len();
        for (at, c) in rest.char_indices() {
            let cells = c.width().unwrap_or(0);
            if used + cells > width && at > 0 {
                end = at;
                break;
            }
            used += cells;
        }
        // A blank in the second half is a better place than the middle of a word. When the text
        // goes on with one, the piece already ends with a word.
        let at = match rest[..end].rfind(' ') {
            _ if rest[end..].starts_with(' ') => end,
            Some(blank) if blank > end / 2 => blank,
            _ => end,
        };
        lines.push(rest[..at].trim_end().to_owned());
        rest = rest[at..].trim_start_matches(' ');
    }
    if !rest.is_empty() || lines.is_empty() {
        lines.push(rest.to_owned());
    }
    lines
}

/// A `key = "value"` of more cells than this is set apart by [`paragraph`]: it would be broken in the middle
/// of the value on some terminal.
const MAX_INLINE: usize = 40;

/// Breaks `text` into lines, each with the blanks to stand before it: `first` of the first line, `hang` of
/// the others. What is to be copied into `mailhaul.toml`, a long `key = "value"` between backquotes, is a
/// line of its own, whole and at the left edge however wide the terminal is: broken by us it could not be
/// pasted. Without a `width` (a pipe, a file) nothing is broken or set apart.
pub(crate) fn paragraph(text: &str, first: usize, hang: usize, width: Option<usize>) -> Vec<(usize, String)> {
    let Some(width) = width else { return vec![(first, text.to_owned())] };
    let room = |margin: usize| width.saturating_sub(margin).max(20);
    let mut lines: Vec<(usize, String)> = Vec::new();
    let wrapped = |lines: &mut Vec<(usize, String)>, piece: &str| {
        let begin = if lines.is_empty() { first } else { hang };
        for (at, line) in wrap_hanging(piece, room(begin), room(hang)).into_iter().enumerate() {
            lines.push((if at == 0 { begin } else { hang }, line));
        }
    };
    let mut rest = text;
    while let Some((before, line, after)) = long_line(rest) {
        if !before.trim().is_empty() {
            wrapped(&mut lines, before.trim_end());
        }
        lines.push((0, line.to_owned()));
        rest = after.trim_start_matches([' ', ';', ',', '.']);
    }
    if !rest.is_empty() || lines.is_empty() {
        wrapped(&mut lines, rest);
    }
    lines
}

/// Finds the first long `key = "value"` between backquotes; what stands before and behind it is without them.
fn long_line(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(open) = text[from..].find('`').map(|at| from + at) {
        let close = open + 1 + text[open + 1..].find('`')?;
        let line = &text[open + 1..close];
        let is_line = line.split_once(" = \"").is_some_and(|(key, value)| {
            !key.is_empty()
                && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
                && value.ends_with('"')
        });
        if is_line && line.width() > MAX_INLINE {
            return Some((&text[..open], line, &text[close + 1..]));
        }
        from = close + 1;
    }
    None
}

/// Returns `text` in at most `width` cells, with `…` for the middle that was left out. For lines
/// that are redrawn; what is printed to stay is never cut.
pub(crate) fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    // The end of a folder's path tells more than its beginning.
    let (head, tail) = (room / 3, room - room / 3);
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let cells = c.width().unwrap_or(0);
        if used + cells > head {
            break;
        }
        used += cells;
        out.push(c);
    }
    let mut end = Vec::new();
    let mut used = 0;
    for c in text.chars().rev() {
        let cells = c.width().unwrap_or(0);
        if used + cells > tail {
            break;
        }
        used += cells;
        end.push(c);
    }
    if width > 0 {
        out.push('…');
    }
    out.extend(end.into_iter().rev());
    out
}

/// Returns `text` cut at its end to at most `width` cells, with a mark where something is missing.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (mut out, mut used) = (String::new(), 0);
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used >= width {
            break;
        }
        out.push(c);
    }
    if width > 0 {
        out.push('…');
    }
    out
}

/// Returns `text` filled with blanks up to `width` cells.
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(table: &mut Table, cells: [&str; 3]) {
        table.push_row(cells.map(|cell| (cell, None)));
    }

    fn sample() -> Table {
        let mut table =
            Table::new(2, &[("Folder", Align::Left), ("Goes to", Align::Left), ("Size", Align::Right)]);
        row(&mut table, ["INBOX", "INBOX", "1.0 MiB"]);
        row(&mut table, ["受信箱", "Archive/a very long folder name that needs wrapping", "12 B"]);
        table.push_remark("because");
        row(&mut table, ["a\x1b[2J", "", "3 B"]);
        table
    }

    #[test]
    fn a_text_is_cut_at_its_end() {
        assert_eq!(["until 00:00", "受信箱だよ"].map(|text| cut(text, 6)), ["until…", "受信…"]);
        assert_eq!([cut("abc", 3), cut("abc", 1), cut("abc", 0)], ["abc", "…", ""]);
    }

    #[test]
    fn wide_characters_line_up_and_long_cells_wrap() {
        insta::assert_snapshot!(sample().render(Some(40), Palette::default()), @r"
          Folder    Goes to                 Size
          INBOX     INBOX                1.0 MiB
          受信箱    Archive/a very long     12 B
                    folder name that
                    needs wrapping
            because
          a\x1b[2J                           3 B
        ");
    }

    #[test]
    fn without_a_width_a_row_is_one_line_and_no_line_ends_in_blanks() {
        let out = sample().render(None, Palette::default());
        assert_eq!(out.lines().count(), 5);
        assert!(out.lines().all(|line| line == line.trim_end()));
    }

    #[test]
    fn wrap_terminates_on_anything() {
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("abc", 0), ["a", "b", "c"]);
        assert_eq!(wrap("受信", 1), ["受", "信"]);
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    }

    /// A fingerprint that was broken at the edge of the terminal cannot be pasted.
    #[test]
    fn the_line_to_write_stands_alone_and_whole() {
        let line = format!("fingerprint = \"sha256:{}\"", "0a".repeat(32));
        let text = format!("if it is the right one, write `{line}` under `[source]`, or `port = 143` there");
        for width in [40, 80, 100, 120] {
            let lines = paragraph(&text, 2, 4, Some(width));
            let apart: Vec<_> = lines.iter().filter(|(margin, _)| *margin == 0).collect();
            assert_eq!(apart, [&(0, line.clone())], "{width}");
            assert!(lines[0].0 == 2 && lines.last().unwrap().1.ends_with("there"), "{lines:?}");
            assert!(lines.iter().all(|(margin, text)| *margin == 0 || margin + text.width() <= width));
        }
        assert_eq!(paragraph(&text, 2, 4, None), [(2, text.clone())]);
        // What is no such line stays where it is, and so does half of one.
        for text in ["`a` = \"b\"", "``", "`", "`x = \"", ""] {
            assert_eq!(paragraph(text, 0, 0, Some(80)), [(0, text.to_owned())]);
        }
    }

    #[test]
    fn fit_keeps_both_ends() {
        assert_eq!(fit("Archive/2019/Invoices", 12), "Arc…Invoices");
        assert_eq!(fit("short", 12), "short");
        assert_eq!(fit("abc", 0), "");
    }
}
