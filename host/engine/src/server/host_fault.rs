//! What is wrong with a host that no mailbox can sign in to: what its certificate says, which protocol its
//! port speaks, whether the other usual port answers, and the very line of the project file that mends it.

use std::time::Duration;

use mailhaul_imap::{Account, ImapError, Spoken, probe};
use mailhaul_net::{Certificate, Dialer, Endpoint, NetError, NetErrorKind, TlsMode};

use crate::account::AccountSpec;
use crate::cause::Cause;
use crate::event::CertificateFacts;
use crate::side::Side;
use crate::task::outages::HostFault;

/// A port is looked at for so long, once a host, while others wait for what comes of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Names of a certificate that one sentence has room for.
const NAMED: usize = 4;

/// What a certificate says, on the day that it is looked at.
#[must_use]
pub fn certificate_facts(certificate: &Certificate) -> CertificateFacts {
    let now = jiff::Timestamp::now().as_second();
    CertificateFacts {
        names: certificate.names.clone(),
        issuer: certificate.issuer.clone(),
        not_before: time(certificate.not_before),
        not_after: time(certificate.not_after),
        days_left: certificate.not_after.saturating_sub(now).div_euclid(24 * 60 * 60),
        self_signed: certificate.self_signed,
        fingerprint: certificate.fingerprint.to_string(),
    }
}

/// UTC, RFC 3339; empty for a time beyond the calendar, which a certificate may name.
fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
}

fn day(seconds: i64) -> String {
    time(seconds).split('T').next().unwrap_or_default().to_owned()
}

/// Returns e.g. `mail.provider.example, *.provider.example and 7 more`.
fn names(certificate: &Certificate) -> String {
    let named: Vec<&str> = certificate.names.iter().take(NAMED).map(String::as_str).collect();
    match certificate.names.len().saturating_sub(NAMED) {
        0 if named.is_empty() => "no name at all".to_owned(),
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// Adds to an error about a certificate what the certificate says.
#[must_use]
pub(crate) fn with_facts(error: ImapError) -> ImapError {
    let ImapError::Net(NetError { kind, endpoint, mut detail, certificate: Some(shown) }) = error else {
        return error;
    };
    let issuer = if shown.issuer.is_empty() { "nobody it names" } else { shown.issuer.as_str() };
    let since_until = format!("valid from {} to {}", day(shown.not_before), day(shown.not_after));
    match kind {
        NetErrorKind::TlsName => {
            detail = format!(
                "the server's certificate is for another name: it is for {}, issued by {issuer}",
                names(&shown)
            );
        }
        NetErrorKind::TlsExpired => detail
            .push_str(&format!(": it is for {}, issued by {issuer}, and {since_until} only", names(&shown))),
        NetErrorKind::TlsUntrusted if shown.self_signed => {
            detail.push_str(&format!(": it is for {}, {since_until}", names(&shown)));
        }
        NetErrorKind::TlsUntrusted => {
            detail.push_str(&format!(": it is for {}, issued by {issuer}, {since_until}", names(&shown)));
        }
        _ => {}
    }
    ImapError::Net(NetError { kind, endpoint, detail, certificate: Some(shown) })
}

/// Where a side's host stands, to be written behind a line to write.
fn place(side: Side, spec: &AccountSpec) -> String {
    match spec.foreign_endpoint() {
        None => format!("under `[{}]`", side.as_str()),
        // A fingerprint is a side's; host, port and protection are the row's.
        Some(_) => format!("in the list's `{}_` columns", side.as_str()),
    }
}

/// Finds out what is wrong with a host beyond `error`, by looking at its ports, and says what to do. Nobody
/// logs in, and nothing secret is sent.
pub(crate) async fn examine(
    side: Side,
    spec: &AccountSpec,
    account: &Account,
    error: ImapError,
) -> HostFault {
    examine_at(side, &place(side, spec), &account.dialer, &account.endpoint, error).await
}

/// Finds out what is wrong with a host that is to stand under a side's table of `mailhaul.toml`, as a first
/// connection does: looks at the port that `error` is about and at the usual ones, for at most five seconds,
/// and says what to do. Nobody logs in, and nothing secret is sent.
pub async fn explain(side: Side, dialer: &Dialer, endpoint: &Endpoint, error: ImapError) -> HostFault {
    examine_at(side, &format!("under `[{}]`", side.as_str()), dialer, endpoint, error).await
}

async fn examine_at(
    side: Side,
    at: &str,
    dialer: &Dialer,
    endpoint: &Endpoint,
    error: ImapError,
) -> HostFault {
    let error = with_facts(error);
    let cause = Cause::from(error.cause());
    // It is told where the host stands, which may be a row of the list.
    let usual = || cause.remedy(side).replace(&format!("under `[{}]`", side.as_str()), at);
    if let ImapError::Net(NetError { kind, certificate: Some(shown), .. }) = &error {
        let remedy = certificate_remedy(*kind, shown, side, at).unwrap_or_else(usual);
        return HostFault { error, finding: None, remedy };
    }
    let is_starttls = matches!(error, ImapError::Starttls { .. });
    let is_port =
        matches!(cause, Cause::Refused | Cause::Filtered | Cause::TlsOnPlainPort | Cause::OtherProtocol);
    if !is_port && !is_starttls {
        return HostFault { error, finding: None, remedy: usual() };
    }
    let same = async {
        let tls = match (&error, cause) {
            // Whoever took the connection and kept silent was asked what it speaks while its greeting was
            // due.
            (ImapError::Starttls { .. } | ImapError::TimedOut { .. }, _)
            | (_, Cause::Refused | Cause::OtherProtocol) => return None,
            _ => TlsMode::None,
        };
        probe(dialer, &Endpoint { tls, ..endpoint.clone() }, PATIENCE).await.ok()
    };
    let (here, others) = tokio::join!(same, other_ports(dialer, endpoint));
    let found = Found { here, others };
    tracing::info!(side = side.as_str(), %endpoint, %error, ?found, "a host was looked at");
    found.judge(error, endpoint, at, usual)
}

/// What to do about a certificate that is not trusted; `None` where only general advice is left.
fn certificate_remedy(kind: NetErrorKind, shown: &Certificate, side: Side, at: &str) -> Option<String> {
    let pin = format!("`fingerprint = \"{}\"` under `[{}]`", shown.fingerprint, side.as_str());
    Some(match kind {
        NetErrorKind::TlsPinned => {
            format!(
                "if the server has a new certificate, and its operator says that this is the one, write {pin}"
            )
        }
        NetErrorKind::TlsName => match shown.names.iter().find(|name| is_host(name)) {
            Some(name) => {
                format!(
                    "if the server's operator says that this name is his, write `host = \"{name}\"` {at}; if he says \
                     that the certificate is the right one as it is, write {pin}"
                )
            }
            None => format!(
                "ask the server's operator which name it is to have as `host`; if he says that the certificate is the \
                 right one as it is, write {pin}"
            ),
        },
        NetErrorKind::TlsExpired if side == Side::Source => format!(
            "have the source server's certificate renewed; where nobody does that any more, and its operator says that \
             this is the right one, write {pin}"
        ),
        NetErrorKind::TlsExpired => {
            format!(
                "have the target server's certificate renewed; until then, if its operator says that this is the right \
                 one, write {pin}"
            )
        }
        NetErrorKind::TlsUntrusted => format!(
            "if the server's operator says that it is the right one, write {pin}; for an authority of your own \
             name its certificate: `ca_file = \"ca.pem\"`"
        ),
        _ => return None,
    })
}

/// Whether a certificate's name can be written as `host`: what stands in it is anybody's.
fn is_host(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte))
}

/// What looking at ports has shown.
#[derive(Debug)]
struct Found {
    /// The port that failed, spoken to in another way.
    here: Option<Spoken>,
    /// The usual ports besides, each with whether it can be used, and how.
    others: Vec<(Endpoint, PortAnswer)>,
}

/// What one port is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PortAnswer {
    /// It can be used as the endpoint says.
    Good,
    /// IMAP in clear, without STARTTLS.
    ClearOnly,
    Silent,
}

/// Looks at those of the usual ports that are not the endpoint's own.
async fn other_ports(dialer: &Dialer, own: &Endpoint) -> Vec<(Endpoint, PortAnswer)> {
    let look = |port, tls| async move {
        let endpoint = Endpoint { port, tls, ..own.clone() };
        if endpoint.port == own.port {
            return None;
        }
        let answer = match probe(dialer, &endpoint, PATIENCE).await {
            Ok(Spoken::Imap { .. }) if tls == TlsMode::Implicit => PortAnswer::Good,
            Ok(Spoken::Imap { starttls: true }) => PortAnswer::Good,
            Ok(Spoken::Imap { starttls: false }) => PortAnswer::ClearOnly,
            // A certificate that has still to be judged.
            Err(NetError { certificate: Some(_), .. }) => PortAnswer::Good,
            Ok(Spoken::Other(_) | Spoken::Unknown) | Err(_) => PortAnswer::Silent,
        };
        Some((endpoint, answer))
    };
    let (implicit, clear) = tokio::join!(look(993, TlsMode::Implicit), look(143, TlsMode::StartTls));
    implicit.into_iter().chain(clear).collect()
}

impl Found {
    /// Puts together what is wrong and what to do.
    fn judge(self, error: ImapError, endpoint: &Endpoint, at: &str, usual: impl Fn() -> String) -> HostFault {
        let port = endpoint.port;
        let good = self.others.iter().find(|(_, answer)| *answer == PortAnswer::Good);
        let line = good.map(|(other, _)| {
            let tls = if other.tls == TlsMode::Implicit { "implicit" } else { "starttls" };
            format!("write `port = {}` and `tls = \"{tls}\"` {at}", other.port)
        });
        let other = |protocol| ImapError::OtherProtocol {
            protocol,
            endpoint: endpoint.to_string(),
            text: String::new(),
        };
        let (error, is_imap_here) = match (self.here, error) {
            (Some(Spoken::Other(protocol)), _) => (other(protocol), false),
            (Some(Spoken::Imap { starttls }), error) if error_is(&error, NetErrorKind::TlsOnPlainPort) => {
                if starttls {
                    let remedy = format!("write `port = {port}` and `tls = \"starttls\"` {at}");
                    let finding = Some("it offers STARTTLS".to_owned());
                    return HostFault { error, finding, remedy };
                }
                (error, true)
            }
            (_, error) => (error, false),
        };
        let refuses = matches!(error.cause(), mailhaul_imap::Cause::Refused | mailhaul_imap::Cause::Filtered);
        let silent: Vec<String> = self.others.iter().map(|(other, _)| other.port.to_string()).collect();
        let finding = match good {
            Some((other, _)) if refuses => Some(format!("{} answers, {port} does not", other.port)),
            Some((other, _)) => Some(format!("{} answers, and speaks IMAP", other.port)),
            None if self.others.iter().any(|(_, answer)| *answer == PortAnswer::ClearOnly) => {
                Some("143 answers, and in clear only".to_owned())
            }
            None if is_imap_here => Some(format!("it offers no STARTTLS, and {}", no_answer(&silent))),
            None if refuses => Some(format!("{} either", no_answer(&silent))),
            None => Some(no_answer(&silent)),
        };
        let remedy = line.unwrap_or_else(|| match Cause::from(error.cause()) {
            Cause::Refused | Cause::Filtered => format!("{}: none of the usual ports answers", usual()),
            Cause::OtherProtocol => format!("set the `host` and `port` of an IMAP server {at}"),
            _ if matches!(error, ImapError::Starttls { .. }) => format!(
                "ask the host for its port with TLS from the first byte, usually 993; passwords travel in clear text \
                 only with `allow_cleartext = true` {at}"
            ),
            _ => usual(),
        });
        HostFault { error, finding, remedy }
    }
}

fn no_answer(ports: &[String]) -> String {
    let ends = ports.join(" and ");
    format!("{ends} {} not answer", if ports.len() == 1 { "does" } else { "do" })
}

fn error_is(error: &ImapError, kind: NetErrorKind) -> bool {
    matches!(error, ImapError::Net(error) if error.kind == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::testing::mailbox;

    const DIGITS: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn certificate(names: &[&str], self_signed: bool) -> Certificate {
        Certificate {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            issuer: if self_signed { "Appliance".into() } else { "Some CA".into() },
            not_before: 1_577_836_800,
            not_after: 1_609_459_200,
            self_signed,
            fingerprint: format!("sha256:{DIGITS}").parse().unwrap(),
        }
    }

    async fn told(kind: NetErrorKind, names: &[&str], self_signed: bool) -> (String, String) {
        let anna = mailbox("anna", "old.example", "new.example");
        let error = NetError {
            certificate: Some(Box::new(certificate(names, self_signed))),
            ..NetError::new(kind, "old.example:993", "the server's certificate is not well")
        };
        let account = anna.source.account().unwrap();
        let fault = examine(Side::Source, &anna.source, &account, error.into()).await;
        (fault.reason(), fault.remedy)
    }

    #[tokio::test]
    async fn a_certificate_is_told_with_the_line_that_mends_it() {
        let pin = format!("`fingerprint = \"sha256:{DIGITS}\"` under `[source]`");
        let (reason, remedy) =
            told(NetErrorKind::TlsName, &["*.provider.example", "mail.provider.example"], false).await;
        assert_eq!(
            reason,
            "the server's certificate is for another name: it is for *.provider.example, mail.provider.example, \
             issued by Some CA (old.example:993)"
        );
        assert!(remedy.contains("operator says that this name is his, write `host = \"mail.provider.example\"` under `[source]`"), "{remedy}");
        assert!(remedy.ends_with(&pin), "{remedy}");
        let (reason, remedy) = told(NetErrorKind::TlsExpired, &["a.example"], false).await;
        assert!(
            reason.contains("issued by Some CA, and valid from 2020-01-01 to 2021-01-01 only"),
            "{reason}"
        );
        assert!(remedy.contains("where nobody does that any more") && remedy.ends_with(&pin), "{remedy}");
        let (reason, remedy) = told(NetErrorKind::TlsUntrusted, &[], true).await;
        assert!(reason.contains("it is for no name at all, valid from 2020-01-01"), "{reason}");
        assert!(remedy.contains(&pin) && remedy.contains("`ca_file = \"ca.pem\"`"), "{remedy}");
        let (_, remedy) = told(NetErrorKind::TlsPinned, &["a.example"], true).await;
        assert!(remedy.contains("a new certificate") && remedy.ends_with(&pin), "{remedy}");
    }

    /// What a certificate names may be anything, and is not handed out as a line to write.
    #[tokio::test]
    async fn a_name_that_is_no_host_is_not_to_be_written() {
        let hostile = ["a\"b", "x y", "*.provider.example", "`rm`"];
        let (_, remedy) = told(NetErrorKind::TlsName, &hostile, false).await;
        assert!(remedy.starts_with("ask the server's operator which name it is"), "{remedy}");
        let many: Vec<String> = (0..9).map(|n| format!("h{n}.example")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let (reason, _) = told(NetErrorKind::TlsName, &many, false).await;
        assert!(reason.contains("h3.example and 5 more"), "{reason}");
    }

    #[test]
    fn days_left_are_counted_down() {
        let mut shown = certificate(&["a.example"], false);
        assert!(certificate_facts(&shown).days_left < -1000);
        shown.not_after = jiff::Timestamp::now().as_second() + 3 * 24 * 60 * 60 + 60;
        let facts = certificate_facts(&shown);
        assert_eq!((facts.days_left, facts.not_before.as_str()), (3, "2020-01-01T00:00:00Z"));
        shown.not_after = i64::MAX;
        assert_eq!(certificate_facts(&shown).not_after, "");
    }
}
