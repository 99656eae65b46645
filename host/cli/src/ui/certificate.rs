//! What a certificate says, in the words of every page.

use mailhaul_engine::event::CertificateFacts;
use mailhaul_text::escape;

/// Names of a certificate that are told; large providers have a hundred.
const NAMES: usize = 4;

/// Returns e.g. `for mail.example, *.example and 3 more; issued by Some CA, until 2027-01-01`, escaped.
pub(crate) fn sentence(facts: &CertificateFacts) -> String {
    let named = facts.names.iter().take(NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    let named = if named.is_empty() { "no name at all" } else { &named };
    let more = match facts.names.len().saturating_sub(NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let day = facts.not_after.split('T').next().unwrap_or_default();
    let issuer = match facts.self_signed {
        true => "signed by itself".to_owned(),
        false if facts.issuer.is_empty() => "issued by nobody it names".to_owned(),
        false => format!("issued by {}", facts.issuer),
    };
    escape(&format!("for {named}{more}; {issuer}, until {day}")).into_owned()
}
