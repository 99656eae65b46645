//! Names.

use super::End::{Source, Target};
use super::edit::edit_lines;
use super::{BOTH, Misbehaviour, row};
use crate::fake::Verdict;

pub(super) const ROWS: &[Misbehaviour] = &[
    row("folds-case", "folder names that differ in case only are one folder", &[Target], |m| {
        m.folds_case = true
    }),
    row("names-unquoted", "LIST does not quote names with blanks", BOTH, |m| {
        m.on_answer = Box::new(|_, out| {
            edit_lines(out, |line| {
                let (before, name) = line.strip_prefix("* LIST ")?.rsplit_once(" \"")?;
                Some(format!("* LIST {before} {}", name.trim_end_matches('"')))
            });
        });
    }),
    row("wants-parents", "CREATE fails where there is no folder above", &[Target], |m| {
        let mut parent = false;
        m.on_command = Box::new(move |line| {
            if line.starts_with("CREATE") && !line.contains('/') {
                parent |= line.contains("Lists");
            }
            let orphan = line.starts_with("CREATE") && line.contains("Lists/") && !parent;
            if orphan { Verdict::Say("NO Parent folder does not exist".to_owned()) } else { Verdict::Go }
        });
    }),
    row("outside-the-namespace", "LIST shows folders of no namespace that NAMESPACE tells", &[Source], |m| {
        m.namespaces = "((\"INBOX/\" \"/\")) NIL NIL".to_owned();
    }),
];
