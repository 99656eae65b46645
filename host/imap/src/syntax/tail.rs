//! What may stand behind a body in a FETCH response (RFC 9051 section 7.5.2): more items, then `)` and the
//! line's end.
//!
//! A body's length is the server's word. Where it is wrong, what stands behind it is mail or protocol, and
//! only seldom looks like this.

/// Data items of FETCH, or what they begin with: RFC 9051, 5464, 7162, 8474, 8514, 8970, Gmail's, and what
/// others invent.
const ITEMS: [&str; 14] = [
    "UID",
    "FLAGS",
    "INTERNALDATE",
    "RFC822",
    "BODY",
    "BINARY",
    "ENVELOPE",
    "MODSEQ",
    "EMAILID",
    "THREADID",
    "SAVEDATE",
    "PREVIEW",
    "ANNOTATION",
    "X-",
];

/// Whether `rest`, from the byte behind a body to the end of its line, goes on with a FETCH response: with
/// items and their values, the last of which may be announced as a literal, and with the parenthesis that
/// closes it.
pub(crate) fn closes_response(rest: &[u8]) -> bool {
    let line = rest.strip_suffix(b"\n").unwrap_or(rest);
    let mut text = line.strip_suffix(b"\r").unwrap_or(line);
    if !text.first().is_some_and(|first| is_blank(*first) || *first == b')') {
        return false;
    }
    loop {
        text = skip_blanks(text);
        if let Some(behind) = text.strip_prefix(b")") {
            return behind.iter().all(|byte| is_blank(*byte));
        }
        let Some(value) = skip_item(text) else { return false };
        if is_announcement(value) {
            return true;
        }
        let Some(behind) = skip_value(value) else { return false };
        text = behind;
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| is_blank(**byte)).count();
    text.get(blanks..).unwrap_or_default()
}

/// Returns what stands behind an item's name and the blank that follows it; a section may have blanks inside.
/// `None` when it is no item.
fn skip_item(text: &[u8]) -> Option<&[u8]> {
    let is_here =
        |name: &str| text.get(..name.len()).is_some_and(|own| own.eq_ignore_ascii_case(name.as_bytes()));
    ITEMS.iter().find(|name| is_here(name))?;
    let mut inside = false;
    let end = text.iter().position(|byte| {
        match byte {
            b'[' => inside = true,
            b']' => inside = false,
            _ => {}
        }
        !inside && is_blank(*byte)
    })?;
    Some(skip_blanks(text.get(end..)?))
}

/// Whether this is `{12}`, `{12+}` or `~{12}`: the announcement of a literal.
fn is_announcement(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"~").unwrap_or(text);
    let inner = text.strip_prefix(b"{").and_then(|inner| inner.strip_suffix(b"}"));
    let digits = inner.map(|inner| inner.strip_suffix(b"+").unwrap_or(inner));
    digits.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

/// Returns what stands behind an atom, a quoted string or a list; `None` when it does not end.
fn skip_value(text: &[u8]) -> Option<&[u8]> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'(' => depth += 1,
            b')' if depth > 0 => depth -= 1,
            // The end of an atom, or of what was just closed.
            byte if depth == 0 && (is_blank(*byte) || *byte == b')') => {
                return if at == 0 { None } else { text.get(at..) };
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::closes_response;

    #[test]
    fn items_and_a_parenthesis_follow_a_body() {
        for rest in [
            ")\r\n",
            ")\n",
            " )\r\n",
            ") \r\n",
            " UID 7)\r\n",
            "\tuid 7 )\r\n",
            " FLAGS (\\Seen $a) INTERNALDATE \"01-Jan-2020 00:00:00 +0000\" RFC822.SIZE 4)\r\n",
            " MODSEQ (7) X-NEW (a (b \"c)\\\"\")))\r\n",
            " INTERNALDATE NIL UID 7)\r\n",
            " BODY[HEADER.FIELDS (TO CC)] \"\")\r\n",
            " BODY[TEXT] {12}\r\n",
            " UID 7 BODY[]<0> ~{12+}\r\n",
        ] {
            assert!(closes_response(rest.as_bytes()), "{rest:?}");
        }
    }

    #[test]
    fn mail_and_protocol_do_not() {
        for rest in [
            "\r\n",
            "x)\r\n",
            ") text goes on\r\n",
            " mail 4\r\n",
            " mail (4)\r\n",
            " from [10.0.0.1] (helo=x) by y)\r\n",
            " UID 7\r\n",
            " UID )\r\n",
            " FLAGS (\\Seen\r\n",
            " INTERNALDATE \"01-Jan\r\n",
            " {12}\r\n",
            " BODY[TEXT {12}\r\n",
            " ",
        ] {
            assert!(!closes_response(rest.as_bytes()), "{rest:?}");
        }
    }
}
