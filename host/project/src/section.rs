//! Reading the parsed file: every value with its line, every mistake collected instead of returned.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{ProjectError, Warning, quoted};
use crate::schema;

/// The text of the file being read, and what was found wrong with it so far.
pub(crate) struct ProjectText<'t> {
    /// The file as the operator named it.
    pub(crate) file: &'t Path,
    /// Its folder, absolute: what relative paths in it are relative to.
    pub(crate) dir: &'t Path,
    content: &'t str,
    line_starts: Vec<usize>,
    problems: RefCell<Vec<ProjectError>>,
    warnings: RefCell<Vec<Warning>>,
}

impl<'t> ProjectText<'t> {
    pub(crate) fn new(file: &'t Path, dir: &'t Path, content: &'t str) -> Self {
        let line_starts =
            std::iter::once(0).chain(content.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file, dir, content, line_starts, problems: RefCell::default(), warnings: RefCell::default() }
    }

    /// The line, from 1, of a byte offset.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= at)
    }

    /// What is written at `span`.
    pub(crate) fn written(&self, span: Range<usize>) -> &'t str {
        self.content.get(span).unwrap_or_default()
    }

    pub(crate) fn problem(&self, line: usize, cause: impl AsRef<str>, remedy: impl AsRef<str>) {
        self.problems.borrow_mut().push(ProjectError::new(self.file, line, cause, remedy));
    }

    pub(crate) fn warning(&self, line: impl Into<Option<usize>>, message: impl AsRef<str>) {
        self.warnings.borrow_mut().push(Warning::new(self.file, line, message));
    }

    pub(crate) fn finish(self) -> (Vec<ProjectError>, Vec<Warning>) {
        (self.problems.into_inner(), self.warnings.into_inner())
    }
}

/// One table, with the values of the keys that [`schema`] knows; its readers ask for them by name.
pub(crate) struct Section<'s, 't> {
    pub(crate) text: &'s ProjectText<'t>,
    /// Its name in [`schema::TABLES`].
    name: &'static str,
    /// Line of its header.
    pub(crate) line: usize,
    entries: BTreeMap<&'s str, (usize, &'s Spanned<DeValue<'t>>)>,
}

impl<'s, 't> Section<'s, 't> {
    /// Begins to read a table. Keys that [`schema`] does not know are reported here and now.
    pub(crate) fn new(
        text: &'s ProjectText<'t>,
        name: &'static str,
        line: usize,
        table: &'s DeTable<'t>,
    ) -> Self {
        let mut entries = BTreeMap::new();
        for (key, value) in table {
            let line = text.line(key.span().start);
            let word: &str = key.get_ref();
            if schema::keys(name).contains(&word) {
                entries.insert(word, (line, value));
            } else {
                let place =
                    if name.is_empty() { String::new() } else { format!(" in {}", schema::header(name)) };
                text.problem(
                    line,
                    format!("unknown key {}{place}", quoted(word)),
                    schema::suggestion(name, word),
                );
            }
        }
        Self { text, name, line, entries }
    }

    /// The value of `key`, if it is there.
    pub(crate) fn get(&self, key: &'static str) -> Option<Entry<'s, 't>> {
        debug_assert!(schema::keys(self.name).contains(&key), "{key} is not in the schema");
        let &(line, value) = self.entries.get(key)?;
        Some(Entry { text: self.text, key: self.key(key), line, value })
    }

    /// A key as messages name it, e.g. `[source] port`.
    pub(crate) fn key(&self, key: &str) -> String {
        match self.name {
            "" => format!("[{key}]"),
            "folders" => format!("[[folders]] {key}"),
            name => format!("[{name}] {key}"),
        }
    }

    pub(crate) fn boolean(&self, key: &'static str) -> Option<LineValue<bool>> {
        let entry = self.get(key)?;
        match entry.value.get_ref().as_bool() {
            Some(value) => Some(LineValue { line: entry.line, value }),
            None => entry.wrong_type("true or false, without quotes"),
        }
    }

    /// Reads a whole number within `range`; any other value is reported.
    pub(crate) fn number(
        &self,
        key: &'static str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Option<LineValue<u64>> {
        let entry = self.get(key)?;
        let number = entry.integer("a whole number, without quotes")?;
        match number.filter(|n| range.contains(n)) {
            Some(value) => Some(LineValue { line: entry.line, value }),
            None => {
                let (low, high) = range.into_inner();
                entry.refuse("is out of range", format!("write a number from {low} to {high}"))
            }
        }
    }

    /// Reads one of the words of `choices`; any other is reported.
    pub(crate) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let entry = self.get(key)?;
        let word = entry.string()?;
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == word) {
            return Some(*choice);
        }
        let words: Vec<String> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        entry.refuse(
            format!("is {}, which is none of its values", quoted(&word)),
            format!("write {}", words.join(" or ")),
        )
    }
}

/// A value that was read, and the line it stands in.
pub(crate) struct LineValue<T> {
    pub(crate) line: usize,
    pub(crate) value: T,
}

/// One key with its value, or one item of a list.
pub(crate) struct Entry<'s, 't> {
    pub(crate) text: &'s ProjectText<'t>,
    /// The key as messages name it, such as `[source] port`.
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) value: &'s Spanned<DeValue<'t>>,
}

impl<'s, 't> Entry<'s, 't> {
    /// Reports the value. Neither this nor [`Entry::wrong_type`] ever shows it: it may be a secret.
    pub(crate) fn report(&self, cause: impl AsRef<str>, remedy: impl AsRef<str>) {
        self.text.problem(self.line, format!("`{}` {}", self.key, cause.as_ref()), remedy);
    }

    /// [`Entry::report`], for a reader that has nothing to return then.
    pub(crate) fn refuse<T>(&self, cause: impl AsRef<str>, remedy: impl AsRef<str>) -> Option<T> {
        self.report(cause, remedy);
        None
    }

    pub(crate) fn wrong_type<T>(&self, wanted: &str) -> Option<T> {
        let found = match self.value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or a time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.refuse(format!("is {found}"), format!("write {wanted}"))
    }

    pub(crate) fn string(&self) -> Option<String> {
        match self.value.get_ref().as_str() {
            Some(text) => Some(text.to_owned()),
            None => self.wrong_type("a string, in quotes"),
        }
    }

    /// A non-empty string without characters that hide or reorder text: what is written is what is meant.
    pub(crate) fn line_of_text(&self) -> Option<String> {
        let text = self.string()?;
        if text.trim().is_empty() {
            return self.refuse("is empty", "write a value, or leave the key out");
        }
        self.without(text, mailhaul_text::is_unsafe)
    }

    fn without(&self, text: String, refused: fn(char) -> bool) -> Option<String> {
        match text.chars().find(|c| refused(*c)) {
            None => Some(text),
            Some(c) if c.is_control() => self.refuse("has a control character in it", "write it without"),
            Some(c) => {
                let what = format!("has a character in it that is not seen, U+{:04X}", u32::from(c));
                self.refuse(what, "write it without")
            }
        }
    }

    /// Reads a folder's name or a pattern of such: any text that is not empty, since folders are called
    /// anything.
    pub(crate) fn folder(&self) -> Option<String> {
        let text = self.string()?;
        if text.is_empty() { self.refuse("is empty", "write a folder's name") } else { Some(text) }
    }

    /// Reads a whole number; `Some(None)` for one that is negative or too large, which the caller reports.
    pub(crate) fn integer(&self, wanted: &str) -> Option<Option<u64>> {
        match self.value.get_ref().as_integer() {
            Some(number) => Some(u64::from_str_radix(number.as_str(), number.radix()).ok()),
            None => self.wrong_type(wanted),
        }
    }

    pub(crate) fn table(&self) -> Option<&'s DeTable<'t>> {
        match self.value.get_ref().as_table() {
            Some(table) => Some(table),
            None => self.wrong_type("a table"),
        }
    }

    /// Reads a list, each item as an entry with a line of its own.
    pub(crate) fn list(&self, wanted: &str) -> Option<Vec<Entry<'s, 't>>> {
        let Some(list) = self.value.get_ref().as_array() else { return self.wrong_type(wanted) };
        Some(list.iter().map(|value| self.of(self.key.clone(), value.span().start, value)).collect())
    }

    /// Makes an entry of another value of the same file, at byte `at`.
    pub(crate) fn of(&self, key: String, at: usize, value: &'s Spanned<DeValue<'t>>) -> Entry<'s, 't> {
        Entry { text: self.text, key, line: self.text.line(at), value }
    }

    /// Reads a path: made absolute from the project file's folder, and as written.
    pub(crate) fn path(&self) -> Option<(PathBuf, String)> {
        // Files are called anything: Hebrew and Arabic names have marks in them.
        let shown = self.string()?;
        if shown.trim().is_empty() {
            return self.refuse("is empty", "write a value, or leave the key out");
        }
        let shown = self.without(shown, char::is_control)?;
        Some((self.text.dir.join(&shown), shown))
    }
}
