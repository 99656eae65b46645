//! The header row: what can be the name of a column, and which columns are secret.

use std::collections::HashMap;
use std::path::Path;

use mailhaul_text::is_unseen;

use super::row::{self, RawCell};
use super::{COLUMNS, Column, Limits};
use crate::error::{ProjectError, ProjectErrors};

/// Longest name of a column in bytes.
const NAME: usize = 200;

/// What a name has in it that may be one of secrets. Whatever is taken for one too many is only kept from
/// plugins; one too few would be shown to them.
const SECRET_WORDS: [&str; 33] = [
    // English, German, French, Dutch, Italian
    "pass",
    "pw",
    "psw",
    "token",
    "secret",
    "credential",
    "apikey",
    "kennwort",
    "geheim",
    "losungswort",
    "zugangscode",
    "motdepasse",
    "mdp",
    "wachtwoord",
    // Spanish, Portuguese, Polish, Czech, Scandinavian, Finnish, Hungarian, Croatian, Russian
    "contrase",
    "clave",
    "senha",
    "hasło",
    "haslo",
    "heslo",
    "lösenord",
    "adgangskode",
    "salasana",
    "jelsz",
    "парол",
    // Italian and Romanian, Estonian, Slovenian, Croatian and Serbian, Lithuanian, Turkish, Greek
    "parol",
    "parool",
    "geslo",
    "lozink",
    "slapta",
    "sifre",
    "şifre",
    "κωδικ",
];

/// Names that are secret as a whole: of the loops around imapsync, and short ones.
const SECRET_NAMES: [&str; 5] = ["p", "p1", "p2", "pin", "key"];

/// Returns whether the cells below a column's name are secrets: a password or a token in one of the languages
/// of Europe stands in it somewhere, in whatever case. `source_password`, `API-Token`, `Passwort neu`, `New
/// PW`.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let letters: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    SECRET_WORDS.iter().any(|word| letters.contains(word)) || SECRET_NAMES.contains(&letters.as_str())
}

/// Reads the header.
///
/// # Errors
/// A name that is missing, there twice, or none: a list without a header has a mailbox and its password in
/// its first line. What is wrong is said by the column's number.
pub(super) fn columns(
    file: &Path,
    line: usize,
    header: &str,
    separator: char,
    limits: Limits,
) -> Result<Vec<Column>, ProjectErrors> {
    let refuse =
        |cause: String, remedy: &str| ProjectErrors::from(ProjectError::new(file, line, cause, remedy));
    let mut raw = row::split(header, separator, COLUMNS)
        .map_err(|fault| refuse(format!("{} in the header", fault.cause()), fault.remedy()))?;
    row::without_empty_end(&mut raw, 1);
    let all = raw.len();
    let longest = limits.cell.min(NAME);
    let is_no_name = |cell: &RawCell| !cell.text.trim().is_empty() && !is_name_within(&cell.text, longest);
    // Told before what is wrong with single columns: that the header is missing is worse.
    if let Some(number) = raw.iter().position(is_no_name) {
        let cause = format!("column {} of {all} has no usable name", number + 1);
        return Err(refuse(cause, &missing_header(&raw, separator)));
    }
    let mut seen = HashMap::new();
    let mut columns = Vec::with_capacity(all);
    for (number, cell) in (1..).zip(raw) {
        let name = cell.text.trim().to_owned();
        if name.is_empty() {
            let remedy = "the first line has to name every column; remove empty ones";
            return Err(refuse(format!("column {number} has no name"), remedy));
        }
        if let Some(first) = seen.insert(name.to_lowercase(), number) {
            let cause = format!("columns {first} and {number} have the same name");
            let remedy = "the first line has to name the columns, no two alike: begin the names of those for the old \
                          host with source_, of those for the new one with target_";
            return Err(refuse(cause, remedy));
        }
        let secret = is_secret_name(&name);
        columns.push(Column { name, secret });
    }
    Ok(columns)
}

/// Whether a comment above the first row names the columns of a list, and that row does not: it has as many
/// cells, all of them names.
pub(super) fn is_named_by(comment: &str, first: &str) -> bool {
    let cells = |line: &str, separator, least| {
        let mut cells = row::split(line, separator, COLUMNS).unwrap_or_default();
        row::without_empty_end(&mut cells, least);
        cells
    };
    let comment = row::uncommented(comment);
    let separator = row::separator(comment);
    let names = cells(comment, separator, 0);
    let first = cells(first, separator, names.len());
    let is_name = |cell: &RawCell| is_name_within(&cell.text, NAME);
    names.len() > 1 && names.len() == first.len() && names.iter().all(is_name) && !first.iter().all(is_name)
}

/// What to do about a list that begins with its first mailbox: the line to write above it, where the number
/// of columns says which one that is likely to be.
fn missing_header(first: &[RawCell], separator: char) -> String {
    let address = |number: usize| first.get(number).is_some_and(|cell| is_address(&cell.text));
    let names: &[&str] = match first.len() {
        2 if address(1) => &["source_user", "target_user"],
        2 => &["source_user", "source_password"],
        3 if address(0) && !address(2) => &["target_user", "source_user", "source_password"],
        3 => &["source_user", "source_password", "target_user"],
        4 => &["source_user", "source_password", "target_user", "target_password"],
        // As the loops around imapsync have it.
        6 => &[
            "source_host",
            "source_user",
            "source_password",
            "target_host",
            "target_user",
            "target_password",
        ],
        _ => {
            return "the first line has to name the columns, as in source_user,source_password,target_user"
                .into();
        }
    };
    let line = names.join(&separator.to_string());
    format!("the first line has to name the columns: write one above it, {line} if that is what they are")
}

fn is_address(text: &str) -> bool {
    text.trim().split_once('@').is_some_and(|(_, domain)| domain.contains('.') && !domain.contains(' '))
}

fn is_name_within(text: &str, most: usize) -> bool {
    text.trim().len() <= most && is_name(text.trim())
}

/// Whether a text could name a column of somebody's export: `source_user`, `E-Mail`, `Size (MB)`,
/// `Name [Required]`. A log-in with its `@` could not, nor most of what makes a password strong.
pub(super) fn is_name(text: &str) -> bool {
    // A byte order mark is what spreadsheets put before the first column.
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let first = text.chars().next();
    first.is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '#'))
        && text.chars().all(|c| " _-./()[]:#".contains(c) || (c.is_alphanumeric() && !is_unseen(c)))
}
