//! A table whose secrets have gone elsewhere: the same bytes without what stood in those cells.

use std::path::Path;

use zeroize::Zeroizing;

use super::{COLUMNS, Cell, Layout, Limits, Row, Table, decode, layout, row};
use crate::error::{ProjectError, ProjectErrors};

impl Table {
    /// Returns the bytes of a file with every cell of these columns emptied, by their indexes in
    /// [`Table::columns`]. Quotes around such a cell stay, and so does every other byte: separators, line
    /// ends, the encoding and its mark, empty lines, the other cells as they were written.
    ///
    /// # Errors
    /// As [`Table::parse`]; `file` is only named in messages.
    pub fn emptied(
        file: &Path,
        bytes: &[u8],
        columns: &[usize],
        limits: Limits,
    ) -> Result<Zeroizing<Vec<u8>>, ProjectErrors> {
        let before = Self::parse(file, bytes, limits)?;
        let text = decode::decode(bytes).map_err(|fault| fault.error(file))?;
        let Layout { separator, rows, .. } = layout(file, &text)?;
        let mut kept = Zeroizing::new(String::with_capacity(text.len()));
        let mut done = 0;
        for (_, line) in rows.filter(|(_, line)| !row::is_comment(line)) {
            // A line is a piece of the text.
            let start = line.as_ptr().addr() - text.as_ptr().addr();
            let cells = row::split(line, separator, COLUMNS).unwrap_or_default();
            for (_, cell) in cells.iter().enumerate().filter(|(at, _)| columns.contains(at)) {
                kept.push_str(&text[done..start + cell.inside.start]);
                done = start + cell.inside.end;
            }
        }
        kept.push_str(&text[done..]);
        let after = decode::encode_like(bytes, &text, &kept);
        let whole = decode::encode_like(bytes, &text, &text);
        let table = Self::parse(file, &after, limits)?;
        let differs = |at: usize, (old, new): (&Cell, &Cell)| match columns.contains(&at) {
            true => !new.is_empty(),
            false => !old.is_same(new),
        };
        let row_differs = |(old, new): (&Row, &Row)| {
            old.line != new.line
                || old.cells.iter().zip(&new.cells).enumerate().any(|(at, pair)| differs(at, pair))
        };
        // What is written must be read as what was meant, whatever the file is like.
        if *whole != bytes
            || table.rows.len() != before.rows.len()
            || before.rows.iter().zip(&table.rows).any(row_differs)
        {
            let cause = "its secret cells cannot be emptied without changing others";
            return Err(ProjectError::new(file, None, cause, "empty them by hand").into());
        }
        Ok(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emptied(bytes: &[u8], columns: &[usize]) -> Vec<u8> {
        Table::emptied(Path::new("m.csv"), bytes, columns, Limits::default()).unwrap().to_vec()
    }

    #[test]
    fn everything_else_stays_byte_for_byte() {
        for end in ["\n", "\r\n", "\r"] {
            for separator in [",", ";", "\t"] {
                let text = "\n a_user |x_password| y_password |label\n\
                    a@x| p w |  \"p\"\"|w\" |\" of , ; \"\"Ä\"\"\"\n\
                    \n\"b\"|\"\"|pa\"ss|  spaced  \n|||\nc|||\n";
                let gone = "\n a_user |x_password| y_password |label\n\
                    a@x||  \"\" |\" of , ; \"\"Ä\"\"\"\n\
                    \n\"b\"|\"\"||  spaced  \n|||\nc|||\n";
                let [text, gone] = [text, gone].map(|text| text.replace('|', separator).replace('\n', end));
                assert_eq!(emptied(text.as_bytes(), &[1, 2]), gone.as_bytes(), "{text}");
                assert_eq!(emptied(text.as_bytes(), &[]), text.as_bytes());
                let marked = |text: &str| [b"\xef\xbb\xbf", text.as_bytes()].concat();
                assert_eq!(emptied(&marked(&text), &[1, 2]), marked(&gone));
                let utf16 = |text: &str, mark: &[u8], unit: fn(u16) -> [u8; 2]| {
                    mark.iter().copied().chain(text.encode_utf16().flat_map(unit)).collect::<Vec<u8>>()
                };
                for (mark, unit) in
                    [(b"\xff\xfe", u16::to_le_bytes as fn(u16) -> [u8; 2]), (b"\xfe\xff", u16::to_be_bytes)]
                {
                    assert_eq!(emptied(&utf16(&text, mark, unit), &[1, 2]), utf16(&gone, mark, unit));
                }
            }
        }
        let windows = b"user,x_password\nM\xfcller,k\xf6nig\x80\nb\x80,\n";
        assert_eq!(emptied(windows, &[1]), b"user,x_password\nM\xfcller,\nb\x80,\n");
        assert_eq!(emptied(b"sep=;\nuser;x_token\na;b\nc;d", &[1]), b"sep=;\nuser;x_token\na;\nc;");
        // What is left out as a comment is nobody's to change.
        let commented = b"#user;x_token;\na@b;c@d;\n#e@f;g@h;\n";
        assert_eq!(emptied(commented, &[1]), b"#user;x_token;\na@b;;\n#e@f;g@h;\n");
    }

    #[test]
    fn what_cannot_be_read_is_not_emptied() {
        let refused = |bytes: &[u8]| {
            Table::emptied(Path::new("m.csv"), bytes, &[1], Limits::default()).unwrap_err().to_string()
        };
        let latin = refused(b"user,x_password,label\na,canary,x\nb,canary,M\xfcller\x81\n");
        assert!(latin.contains("m.csv:3: it is not UTF-8 here") && !latin.contains("canary"), "{latin}");
        let quote = refused(b"user,x_password\na,\"canary\nb,c\n");
        assert!(quote.contains("m.csv:2: a quote is opened") && !quote.contains("canary"), "{quote}");
        assert!(refused(b"user,x_password\na,canary,b\n").contains("m.csv:2: 3 cells"));
    }
}
