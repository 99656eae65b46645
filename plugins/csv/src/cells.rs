//! What people write into cells: hosts with their port, words for TLS, sizes.

/// How a connection is protected, in the words of `mailhaul.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// TLS from the first byte.
    Implicit,
    /// TLS after STARTTLS.
    StartTls,
    /// None.
    Clear,
}

/// Longest log-in in bytes, as mailhaul takes it.
const LOGIN: usize = 1_020;

/// Takes a cell with a host apart: `imap.old.example`, `imap.old.example:993`, `[2001:db8::1]:993` or
/// `2001:db8::1`. `None` when it is no host, or what follows is no port.
#[must_use]
pub fn host_and_port(cell: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match cell.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            if rest.is_empty() { (host, None) } else { (host, Some(rest.strip_prefix(':')?)) }
        }
        // More than one colon is an IPv6 address without brackets.
        None => match cell.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            _ => (cell, None),
        },
    };
    let is_host = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || "/@[],;\"".contains(c));
    let port = port.map(|port| self::port(port).ok_or(())).transpose().ok()?;
    is_host.then_some((host, port))
}

/// Returns the port that a cell names; `None` when it names none.
#[must_use]
pub fn port(cell: &str) -> Option<u16> {
    // `+993` would parse.
    cell.parse().ok().filter(|port| *port > 0 && cell.starts_with(|c: char| c.is_ascii_digit()))
}

/// Returns what a cell says of TLS, in mailhaul's words or those of mail programs and other lists; `None` for
/// other words. "TLS" and "yes" are STARTTLS on port 143, where no server speaks TLS from the first byte.
#[must_use]
pub fn protection(cell: &str, port: Option<u16>) -> Option<Protection> {
    match cell.to_lowercase().as_str() {
        "implicit" | "993" => Some(Protection::Implicit),
        "starttls" | "143" => Some(Protection::StartTls),
        "none" | "no" | "nein" | "n" | "false" | "falsch" | "f" | "0" | "off" | "plain" | "kein"
        | "keine" => Some(Protection::Clear),
        "ssl" | "tls" | "ssl/tls" | "tls/ssl" | "ssl tls" | "imaps" | "yes" | "ja" | "y" | "j" | "true"
        | "wahr" | "t" | "1" | "on" | "x" => {
            Some(if port == Some(143) { Protection::StartTls } else { Protection::Implicit })
        }
        _ => None,
    }
}

/// Says why a text can be nobody's log-in; `None` when it can. It does not say the text.
pub(crate) fn no_login(text: &str) -> Option<&'static str> {
    const FAILED: [&str; 2] = ["#N/A", "#NV"];
    if text.starts_with('=') {
        Some("begins with =, as a spreadsheet's formula does: write what it shows")
    } else if FAILED.contains(&text) || (text.starts_with('#') && text.ends_with(['!', '?'])) {
        Some("is what a spreadsheet shows for a formula that fails: write the log-in")
    } else if text.contains(char::is_control) {
        Some("has a control character in it: write it anew")
    } else if text.len() > LOGIN {
        Some("is longer than any log-in: check the quotes of this row and of the one above")
    } else {
        None
    }
}

/// Bytes of `2 GiB`, `2.5 GB`, `2,5 GB`, or of a plain number that counts `unit` bytes; with 0 a plain number
/// is none.
pub(crate) fn bytes(text: &str, unit: u64) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ',')).unwrap_or(text.len());
    let (number, word) = text.split_at_checked(end)?;
    let factor: u64 = match word.trim().to_ascii_lowercase().as_str() {
        "" => unit,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    };
    if factor == 0 {
        return None;
    }
    let Some((whole, part)) = number.split_once(['.', ',']) else {
        return number.parse::<u64>().ok()?.checked_mul(factor);
    };
    // Three digits may be thousands.
    let scale = match part.len() {
        1 => 10,
        2 => 100,
        _ => return None,
    };
    let all = format!("{whole}{part}").parse::<u64>().ok()?;
    (!whole.is_empty() && factor > 1).then(|| Some(all.checked_mul(factor)? / scale)).flatten()
}
