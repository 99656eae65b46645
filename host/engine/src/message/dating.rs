//! A date for a message whose INTERNALDATE cannot be read, or is not taken by the target: by a named rule,
//! and told.

use jiff::fmt::rfc2822::DateTimeParser;
use mailhaul_imap::InternalDate;

/// The rule that gave a copy another date than its source's INTERNALDATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DateRule {
    /// By the newest Received line: when the old host received it.
    Received,
    /// By the Date field: when it was written.
    Written,
    /// There is neither, or the target takes neither, and gives the copy the time at which it came.
    Copied,
}

impl DateRule {
    /// Returns the stable name, the value of `by` in a difference.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Received => "date-received",
            Self::Written => "date-header",
            Self::Copied => "date-of-copy",
        }
    }

    /// Returns what became of the date as a clause for the report.
    #[must_use]
    pub(crate) fn sentence(self, date: Option<&InternalDate>) -> String {
        let date = date.map(ToString::to_string).unwrap_or_default();
        match self {
            Self::Received => format!("its copy has the date of its newest Received line, {date}"),
            Self::Written => format!("its copy has the date of its Date line, {date}"),
            Self::Copied => {
                "its copy has the time of the copy, since its header has no other date that could be taken"
                    .to_owned()
            }
        }
    }
}

/// The date that a header gives for a message: of its first Received line that has one, else of its Date
/// line. One that is `not` to be given again does not count.
#[must_use]
pub(crate) fn date_of(header: &[u8], not: Option<&InternalDate>) -> (DateRule, Option<InternalDate>) {
    let usable = |date: &InternalDate| not.is_none_or(|not| not != date);
    let received = fields(header, "received").into_iter().find_map(|value| {
        // The date stands behind the last semicolon (RFC 5322 section 3.6.7).
        parse(value.rsplit(';').next()?).filter(usable)
    });
    if let Some(date) = received {
        return (DateRule::Received, Some(date));
    }
    match fields(header, "date").into_iter().find_map(|value| parse(&value)).filter(usable) {
        Some(date) => (DateRule::Written, Some(date)),
        None => (DateRule::Copied, None),
    }
}

/// The unfolded values of the fields of this name, the first one first.
fn fields(header: &[u8], name: &str) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    let mut inside = false;
    for line in header.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
        if line.starts_with([' ', '\t']) {
            if let Some(value) = values.last_mut().filter(|_| inside) {
                value.push(' ');
                value.push_str(line.trim());
            }
            continue;
        }
        let field = line.split_once(':').filter(|(field, _)| field.trim_end().eq_ignore_ascii_case(name));
        inside = field.is_some();
        values.extend(field.map(|(_, value)| value.trim().to_owned()));
    }
    values
}

/// A date of mail (RFC 5322 section 3.3, with the obsolete forms of section 4.3). Names of days are not held
/// against it, and a comment behind it is none of its business.
fn parse(text: &str) -> Option<InternalDate> {
    let text = text.split('(').next()?.trim();
    let zoned = DateTimeParser::new().relaxed_weekday(true).parse_zoned(text).ok()?;
    let offset_minutes = i16::try_from(zoned.offset().seconds() / 60).ok()?;
    Some(InternalDate { unix_seconds: zoned.timestamp().as_second(), offset_minutes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_received_line_counts_before_the_date_line() {
        let header = b"Received: from a by b\r\n\twith ESMTP; Fri, 5 Mar 2021 10:11:12 +0100 (CET)\r\n\
            Received: from c by a; Thu, 4 Mar 2021 10:11:12 +0100\r\nDate: Wed, 3 Mar 2021 10:11:12 +0100\r\n\r\n";
        let (rule, date) = date_of(header, None);
        assert_eq!(
            (rule, date.unwrap().to_string()),
            (DateRule::Received, "05-Mar-2021 10:11:12 +0100".into())
        );
        let (_, other) = date_of(header, date.as_ref());
        assert_eq!(
            other.unwrap().to_string(),
            "04-Mar-2021 10:11:12 +0100",
            "one that was refused is not given again"
        );
    }

    #[test]
    fn a_date_line_counts_where_nothing_was_received() {
        for text in
            ["Wed, 3 Mar 2021 10:11:12 +0100", "Mon, 3 Mar 2021 10:11:12 +0100", "3 Mar 21 09:11:12 GMT"]
        {
            let (rule, date) = date_of(format!("Subject: x\r\ndate: {text}\r\n\r\n").as_bytes(), None);
            assert_eq!(
                (rule, date.map(|d| d.unix_seconds)),
                (DateRule::Written, Some(1_614_762_672)),
                "{text}"
            );
        }
        assert_eq!(
            date_of(b"Received: from a; yesterday\r\nDate: soon\r\n\r\n", None),
            (DateRule::Copied, None)
        );
    }
}
