//! Modified UTF-7 of folder names (RFC 3501, section 5.1.3).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// Encodes a folder name as modified UTF-7 (RFC 3501, section 5.1.3).
#[must_use]
pub fn encode(name: &str) -> String {
    let mut out = String::new();
    let mut pending: Vec<u16> = Vec::new();
    for c in name.chars() {
        if (' '..='~').contains(&c) {
            flush(&mut pending, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            pending.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
    flush(&mut pending, &mut out);
    out
}

fn flush(pending: &mut Vec<u16>, out: &mut String) {
    if pending.is_empty() {
        return;
    }
    out.push('&');
    let (mut bits, mut count) = (0_u32, 0);
    for unit in pending.drain(..) {
        bits = (bits << 16) | u32::from(unit);
        count += 16;
        while count >= 6 {
            count -= 6;
            out.push(char::from(ALPHABET[(bits >> count) as usize & 63]));
        }
    }
    if count > 0 {
        out.push(char::from(ALPHABET[(bits << (6 - count)) as usize & 63]));
    }
    out.push('-');
}

/// From the wire to Unicode; what is not modified UTF-7 stays as it is.
#[must_use]
pub fn decode(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        let Some(end) = rest[start..].find('-').map(|n| start + n) else {
            out.push_str(&rest[start..]);
            return out;
        };
        let coded = &rest[start + 1..end];
        if coded.is_empty() {
            out.push('&');
        } else {
            match decode_units(coded) {
                Some(text) => out.push_str(&text),
                None => out.push_str(&rest[start..=end]),
            }
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out
}

fn decode_units(coded: &str) -> Option<String> {
    let (mut bits, mut count, mut units) = (0_u32, 0, Vec::new());
    for byte in coded.bytes() {
        let value = ALPHABET.iter().position(|a| *a == byte)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push(u16::try_from((bits >> count) & 0xffff).ok()?);
        }
    }
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        assert_eq!(encode("Entwürfe"), "Entw&APw-rfe");
        assert_eq!(encode("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        for name in ["Tom & Co", "Entwürfe", "日本語", "📬 x", "Müll/ä"] {
            assert_eq!(decode(&encode(name)), name);
        }
    }
}
