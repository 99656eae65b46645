//! Servers that were found: what `init` shows of them, and what it writes above them.

use mailhaul_app::servers::{
    Found, HostFault, NetErrorKind, Obstacle, Origin, Proposal, Reached, TlsMode, certificate_facts,
};

use super::{Ui, certificate};

/// Servers that are shown, and can be chosen; a search that finds more is no help.
pub(crate) const MAX_SHOWN: usize = 4;
/// Remarks that are shown.
const MAX_REMARKS: usize = 4;

/// Shows what was found for one end, the best first: where it came from, and what came of connecting to it.
/// `faults` says of each what is wrong with it.
pub(crate) fn show(ui: &mut Ui, words: &str, asked: &str, found: &Found, faults: &[Option<HostFault>]) {
    // What was typed and not tried is no news.
    let news =
        |one: &Proposal| one.origins != [Origin::Typed] || !matches!(one.reached, Err(Obstacle::NotTried));
    if !found.proposals.iter().any(news) && found.remarks.is_empty() {
        return;
    }
    ui.item(0, &format!("{words}, {asked}:"));
    for (at, proposal) in found.proposals.iter().take(MAX_SHOWN).enumerate() {
        let (number, fault) = (at + 1, faults.get(at).and_then(Option::as_ref));
        ui.item(2, &format!("{number}. {}, {}", proposal.endpoint, protection(proposal.endpoint.tls)));
        let origins: Vec<String> = proposal.origins.iter().map(ToString::to_string).collect();
        if proposal.origins != [Origin::Typed] {
            ui.item(5, &format!("from {}", origins.join("; ")));
        }
        if let Some(log_in) = &proposal.log_in {
            ui.item(5, &format!("log-in names: {log_in}"));
        }
        match &proposal.reached {
            Err(Obstacle::NotTried) => {}
            Ok(Reached { certificate: Some(shown) }) => {
                let sentence = certificate::sentence(&certificate_facts(shown));
                ui.item(5, &format!("reached, its certificate is {sentence}"));
            }
            Ok(Reached { certificate: None }) => ui.item(5, "reached, in clear text"),
            Err(obstacle) => match fault {
                Some(fault) => {
                    ui.item(5, &format!("not usable as it is: {}", fault.reason()));
                    ui.item(5, &fault.remedy);
                }
                None => ui.item(5, &format!("not usable as it is: {obstacle}")),
            },
        }
    }
    for remark in found.remarks.iter().take(MAX_REMARKS) {
        ui.item(2, &format!("by the way: {remark}"));
    }
}

/// Whether DNS has no such name.
pub(crate) fn is_unknown(proposal: &Proposal) -> bool {
    proposal.reached.as_ref().err().and_then(Obstacle::kind) == Some(NetErrorKind::NameUnknown)
}

/// Why a server is not used without consent, as a clause.
pub(crate) fn doubt(proposal: &Proposal) -> &'static str {
    match &proposal.reached {
        Err(_) if is_unknown(proposal) => "DNS has no such name",
        Err(obstacle) if obstacle.certificate().is_some() => "its certificate is not trusted",
        Err(_) => "nothing has proven that it is the right one",
        Ok(_) => "it was found by DNS or plain http alone, which can be forged",
    }
}

/// Returns the lines that stand above the server in `mailhaul.toml`.
pub(crate) fn notes(proposal: &Proposal, decided: bool) -> Vec<String> {
    let mut notes = Vec::new();
    for origin in &proposal.origins {
        match origin {
            Origin::Typed => {}
            Origin::Known { provider, source } => notes.push(format!("{provider}, by {source}")),
            Origin::Provider { source, .. } => notes.push(format!("From {origin}, by {source}")),
            _ => notes.push(format!("From {origin}")),
        }
    }
    if let Some(log_in) = &proposal.log_in {
        notes.push(format!("Log-in names there: {log_in}."));
    }
    if decided && proposal.reached.as_ref().is_err_and(|obstacle| !matches!(obstacle, Obstacle::NotTried)) {
        notes.push("It could not be used when this was written: `mailhaul check` says why.".to_owned());
    }
    if !decided {
        notes.push(format!("Not used, since {}.", doubt(proposal)));
        notes.push("When it is right, remove the `#` of the next lines:".to_owned());
    }
    notes
}

fn protection(tls: TlsMode) -> &'static str {
    match tls {
        TlsMode::Implicit => "TLS",
        TlsMode::StartTls => "STARTTLS",
        TlsMode::None => "clear text",
    }
}

#[cfg(test)]
mod tests {
    use mailhaul_app::servers::{Certificate, Endpoint, Fingerprint, LogIn, NetError, Remark};

    use super::*;

    fn certificate(name: &str) -> Certificate {
        Certificate {
            names: vec![name.to_owned()],
            issuer: "Let's Encrypt".to_owned(),
            not_before: 0,
            not_after: 1_800_000_000,
            self_signed: false,
            fingerprint: Fingerprint::of(b""),
        }
    }

    fn found() -> Found {
        let endpoint = Endpoint::with_port("imap.provider.example", 993, TlsMode::Implicit);
        let reached = Ok(Reached { certificate: Some(certificate("imap.provider.example")) });
        let origins = vec![Origin::Srv { record: "SRV _imaps._tcp.firm.example".to_owned() }];
        let srv = Proposal { endpoint, log_in: Some(LogIn::Address), origins, reached, sure: false };
        let endpoint = Endpoint::with_port("mail.firm.example", 143, TlsMode::StartTls);
        let detail = "the server's certificate has expired";
        let error = NetError::new(NetErrorKind::TlsExpired, &endpoint, detail);
        let error = NetError { certificate: Some(Box::new(certificate("mail.firm.example"))), ..error };
        let reached = Err(Obstacle::Failed(error.into()));
        let usual = Proposal { endpoint, log_in: None, origins: vec![Origin::Usual], reached, sure: false };
        let record = "SRV _imap._tcp.firm.example".to_owned();
        Found { proposals: vec![srv, usual], remarks: vec![Remark::NotOffered { record }] }
    }

    #[test]
    fn what_was_found_is_a_list_in_eighty_columns() {
        let (mut ui, _, err) = Ui::in_memory(Some(80));
        let found = found();
        let Err(Obstacle::Failed(error)) = &found.proposals[1].reached else { panic!("{found:?}") };
        let remedy = "have the source server's certificate renewed".to_owned();
        let fault = HostFault { error: error.clone(), finding: Some("so it is".into()), remedy };
        show(&mut ui, "the old host", "firm.example", &found, &[None, Some(fault)]);
        let text = err.text();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for said in [
            "the old host, firm.example: 1. imap.provider.example:993, TLS from DNS: SRV _imaps._tcp.firm.example",
            "log-in names: the whole mail address reached, its certificate is for imap.provider.example; issued by \
             Let's Encrypt, until 2027-01-15 2. mail.firm.example:143, STARTTLS from a usual name that answers",
            "not usable as it is: the server's certificate has expired (mail.firm.example:143); so it is have the source",
            "by the way: the domain says in DNS that it has no such server (SRV _imap._tcp.firm.example)",
        ] {
            assert!(words.contains(said), "{said}\n{text}");
        }
    }

    #[test]
    fn the_file_says_where_a_host_came_from_and_why_it_is_not_used() {
        let found = found();
        let right = "When it is right, remove the `#` of the next lines:";
        assert_eq!(
            notes(&found.proposals[0], false),
            [
                "From DNS: SRV _imaps._tcp.firm.example",
                "Log-in names there: the whole mail address.",
                "Not used, since it was found by DNS or plain http alone, which can be forged.",
                right,
            ]
        );
        assert_eq!(
            notes(&found.proposals[1], false),
            ["From a usual name that answers", "Not used, since its certificate is not trusted.", right]
        );
        assert_eq!(notes(&found.proposals[0], true).len(), 2);
    }
}
