//! Changing what a server says, line by line.

/// Returns whether a command opens a folder: SELECT or EXAMINE.
pub(super) fn opens(line: &str) -> bool {
    line.starts_with("SELECT") || line.starts_with("EXAMINE")
}

/// Changes every number that follows this text.
pub(super) fn numbers(out: &mut Vec<u8>, after: &str, change: impl Fn(u64) -> u64) {
    edit_lines(out, |line| {
        let (before, rest) = line.split_once(after)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        Some(format!("{before}{after}{}{}", change(number), &rest[digits..]))
    });
}

pub(super) fn exists(out: &mut Vec<u8>, change: impl Fn(u64) -> u64) {
    edit_lines(out, |line| {
        let number: u64 = line.strip_prefix("* ")?.strip_suffix(" EXISTS")?.parse().ok()?;
        Some(format!("* {} EXISTS", change(number)))
    });
}

/// Changes the lines of a list of messages, which have no text.
pub(super) fn lines(out: &mut Vec<u8>, change: impl Fn(&str) -> Option<String>) {
    edit_lines(out, |line| {
        let of_list = line.contains(" FETCH (UID ") && line.ends_with(')');
        if of_list { change(line) } else { None }
    });
}

/// Changes lines; those of which `change` says nothing stay.
pub(super) fn edit_lines(out: &mut Vec<u8>, change: impl Fn(&str) -> Option<String>) {
    let mut edited = Vec::with_capacity(out.len());
    for line in out.split_inclusive(|byte| *byte == b'\n') {
        let text = std::str::from_utf8(line).ok().and_then(|line| line.strip_suffix("\r\n"));
        match text.and_then(&change) {
            Some(text) => edited.extend_from_slice(format!("{text}\r\n").as_bytes()),
            None => edited.extend_from_slice(line),
        }
    }
    *out = edited;
}
