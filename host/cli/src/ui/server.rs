//! Servers that were found: what `init` shows of them, and what it writes above them.

use mailhaul_app::servers::{Found, Obstacle, Origin, Proposal, TlsMode, remedy, sentence};

use super::Ui;

/// Servers that are shown, and can be chosen; a search that finds more is no help.
pub(crate) const MAX_SHOWN: usize = 4;
/// Remarks that are shown.
const MAX_REMARKS: usize = 4;

/// Shows what was found for one end, the best first: where it came from, and what came of connecting to it.
pub(crate) fn show(ui: &mut Ui, table: &str, words: &str, asked: &str, found: &Found) {
    // What was typed and not tried is no news.
    let news = |one: &Proposal| one.origins != [Origin::Typed] || one.reached != Err(Obstacle::NotTried);
    if !found.proposals.iter().any(news) && found.remarks.is_empty() {
        return;
    }
    ui.item(0, &format!("{words}, {asked}:"));
    for (number, proposal) in (1..).zip(found.proposals.iter().take(MAX_SHOWN)) {
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
            Ok(_) => ui.item(5, &sentence(&proposal.reached)),
            Err(obstacle) => {
                ui.item(5, &format!("not usable as it is: {}", sentence(&proposal.reached)));
                ui.item(5, &remedy(table, &proposal.endpoint, obstacle));
            }
        }
    }
    for remark in found.remarks.iter().take(MAX_REMARKS) {
        ui.item(2, &format!("by the way: {remark}"));
    }
}

/// Why a server is not used without consent, as a clause.
pub(crate) fn doubt(proposal: &Proposal) -> &'static str {
    match &proposal.reached {
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
