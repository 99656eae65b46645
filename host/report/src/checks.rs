//! What `check` found, as CSV (RFC 4180, UTF-8, LF): one line a mailbox and side, in the list's order.
//!
//! Cells are made harmless as in [`csv`](crate::csv); figures that are not known are empty.

use ::csv::WriterBuilder;
use mailhaul_engine::event::CheckRow;

use crate::csv::{harmless, text_of};

/// The columns of the header row; their order and names are promises to spreadsheets.
pub const COLUMNS: [&str; 15] = [
    "mailbox",
    "side",
    "endpoint",
    "cause",
    "who",
    "detail",
    "remedy",
    "folders",
    "messages",
    "bytes",
    "quota_used",
    "quota_limit",
    "append_limit",
    "notes",
    "certificate_until",
];

/// The table; it ends with a line end.
///
/// # Errors
/// The writer's own words. Always a fault of this program.
pub fn render(rows: &[CheckRow]) -> Result<String, String> {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(|error| error.to_string())?;
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    for row in rows {
        let until = row.certificate.as_ref().map(|facts| facts.not_after.clone()).unwrap_or_default();
        let cells: [String; COLUMNS.len()] = [
            harmless(&row.mailbox),
            row.side.as_str().to_owned(),
            harmless(&row.endpoint),
            row.cause.map_or("ok", |cause| cause.as_str()).to_owned(),
            row.who.map_or("", |who| who.as_str()).to_owned(),
            harmless(&row.detail),
            harmless(&row.remedy),
            number(row.folders),
            number(row.messages),
            number(row.bytes),
            number(row.quota_used),
            number(row.quota_limit),
            number(row.append_limit),
            harmless(&row.notes.join("; ")),
            until,
        ];
        writer.write_record(cells).map_err(|error| error.to_string())?;
    }
    text_of(writer)
}

#[cfg(test)]
mod tests {
    use mailhaul_engine::cause::Cause;
    use mailhaul_engine::summary::Side;

    use super::*;

    #[test]
    fn a_line_a_mailbox_and_side_and_no_formula() {
        let mut source = CheckRow::new("=cmd()@old.example", Side::Source);
        (source.folders, source.messages, source.bytes) = (Some(12), Some(400), Some(5 << 20));
        source.detail = "12 folders, 400 messages, 5.0 MiB".into();
        let mut target = CheckRow::new("=cmd()@old.example", Side::Target);
        target.endpoint = "mail.new.example:993".into();
        target.stop(Cause::Quota, "the source holds 5.0 MiB,\nthe target has 1.0 MiB left");
        target.notes = vec!["it holds 3 messages already".into(), "@two".into()];
        insta::assert_snapshot!(render(&[source, target]).unwrap(), @r#"
        mailbox,side,endpoint,cause,who,detail,remedy,folders,messages,bytes,quota_used,quota_limit,append_limit,notes,certificate_until
        '=cmd()@old.example,source,,ok,,"12 folders, 400 messages, 5.0 MiB",,12,400,5242880,,,,,
        '=cmd()@old.example,target,mail.new.example:993,quota,new-host,"the source holds 5.0 MiB,␊the target has 1.0 MiB left",give the target mailbox more room,,,,,,,it holds 3 messages already; @two,
        "#);
    }
}
