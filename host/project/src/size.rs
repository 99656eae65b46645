//! Sizes as people write them: `50 MiB`, `10MB`, `1.5 GiB`, a plain number of bytes.

/// Reads a size into bytes, rounded down. The unit may stand in any case; powers of 1000 and of 1024 are told
/// apart.
///
/// # Errors
/// Cause and remedy of one sentence.
pub(crate) fn parse(text: &str) -> Result<u64, (String, String)> {
    let remedy = "write a number with a unit, as in \"50 MiB\" or \"10 MB\"";
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = unit.trim();
    let factor: u128 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" | "byte" | "bytes" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        // A bare `M` means one thing to some people and another to others, and here it decides
        // which mail is left out.
        _ => return Err((format!("{} is no size", crate::error::quoted(text)), remedy.into())),
    };
    let bad = || (format!("{} is no size", crate::error::quoted(text)), remedy.to_owned());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || number.ends_with('.') || fraction.contains('.') || fraction.len() > 9 {
        return Err(bad());
    }
    let mut bytes = whole.parse::<u64>().map_err(|_| bad())? as u128 * factor;
    if !fraction.is_empty() {
        let scale = 10_u128.pow(fraction.len() as u32);
        bytes += fraction.parse::<u128>().map_err(|_| bad())? * factor / scale;
    }
    u64::try_from(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sizes_as_people_write_them() {
        assert_eq!(parse("50 MiB"), Ok(50 << 20));
        assert_eq!(parse("10MB"), Ok(10_000_000));
        assert_eq!(parse("  1.5 gib "), Ok(3 << 29));
        assert_eq!(parse("1048576"), Ok(1 << 20));
        for bad in ["", "MiB", "50 M", "5.5.5 MB", "1. MB", "-1", "1e3", "99999999999 TiB", "٣ MB"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
