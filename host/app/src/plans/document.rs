//! A JSON document with long lists, written entry by entry.

use std::io::{self, Write};

use mailhaul_text::escape_json;
use serde::Serialize;

/// A JSON object that is written piece by piece: first what is short, then lists whose entries never are in
/// memory together.
#[derive(Debug)]
pub struct Document<W> {
    out: W,
    entries: bool,
}

impl<W: Write> Document<W> {
    /// Begins with the fields of `head`, which is an object and has at least one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(mut out: W, head: &impl Serialize) -> io::Result<Self> {
        let text = serde_json::to_string_pretty(head)?;
        out.write_all(escape_json(text.strip_suffix("\n}").unwrap_or(&text)).as_bytes())?;
        Ok(Self { out, entries: false })
    }

    /// Begins a list; what is pushed from now on is in it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn list(&mut self, name: &str) -> io::Result<()> {
        self.entries = false;
        write!(self.out, ",\n  \"{name}\": [")
    }

    /// Writes one more entry of the list.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn push(&mut self, entry: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(entry)?.replace('\n', "\n    ");
        self.out.write_all(if self.entries { b",\n    " } else { b"\n    " })?;
        self.entries = true;
        self.out.write_all(escape_json(&text).as_bytes())
    }

    /// Ends the list.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end_list(&mut self) -> io::Result<()> {
        self.out.write_all(if self.entries { b"\n  ]" } else { b"]" })
    }

    /// Ends the document.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(mut self) -> io::Result<()> {
        self.out.write_all(b"\n}\n")?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn it_is_what_the_whole_would_have_been() {
        let mut out = Vec::new();
        let mut document = Document::begin(&mut out, &json!({ "a": 1, "b": { "c": {} } })).unwrap();
        document.list("none").unwrap();
        document.end_list().unwrap();
        document.list("some").unwrap();
        document.push(&json!({ "x": "two\nlines" })).unwrap();
        document.push(&json!([1, 2])).unwrap();
        document.end_list().unwrap();
        document.end().unwrap();
        let whole = json!({ "a": 1, "b": { "c": {} }, "none": [], "some": [{ "x": "two\nlines" }, [1, 2]] });
        let text = String::from_utf8(out).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), whole);
        assert_eq!(text, format!("{}\n", serde_json::to_string_pretty(&whole).unwrap()));
    }
}
