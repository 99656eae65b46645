//! Autoconfig documents: what a domain tells mail programs about its servers.
//!
//! The format is Thunderbird's (`clientConfig` version 1.1). Read is what is needed, `incomingServer` of
//! the type `imap`; everything else in it, and every entity, is passed over. No address of a person is
//! sent: the domain is asked about its postmaster, whom every mail domain has (RFC 5321 section 4.5.1).

use mailhaul_net::{Endpoint, TlsMode};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::asked::is_host_name;
use crate::fault::Fault;
use crate::http::{self, Url};
use crate::means::Means;
use crate::proposal::LogIn;

/// Elements deeper than this are no configuration.
const MAX_DEPTH: usize = 16;
/// Servers that are taken from a document.
const MAX_SERVERS: usize = 4;
/// A field longer than this is none.
const MAX_FIELD: usize = 300;

/// An IMAP server of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    pub(crate) log_in: Option<LogIn>,
}

/// Returns where the documents of a mail domain are: at a host of its own, and at its web site.
pub(crate) fn places(domain: &str, tls: bool, means: &Means) -> [Url; 2] {
    let port = if tls { means.ports.https } else { means.ports.http };
    [
        own_host(domain, domain, tls, port),
        Url {
            tls,
            host: domain.to_owned(),
            port,
            target: "/.well-known/autoconfig/mail/config-v1.1.xml".to_owned(),
        },
    ]
}

/// Returns where the host that `of` keeps for such documents has the one about `domain`.
pub(crate) fn own_host(of: &str, domain: &str, tls: bool, port: u16) -> Url {
    let target = format!("/mail/config-v1.1.xml?emailaddress=postmaster%40{domain}");
    Url { tls, host: format!("autoconfig.{of}"), port, target }
}

/// Returns the IMAP servers with TLS that a document names, in its order, and where it was in the end.
///
/// # Errors
/// When there is none, or it cannot be used.
pub(crate) async fn fetch(means: &Means, url: Url, domain: &str) -> Result<(Url, Vec<Server>), Fault> {
    let (url, document) = http::get(means, url).await?;
    Ok((url, servers(&document, domain)?))
}

#[derive(Default)]
struct Fields {
    host: Option<String>,
    port: Option<String>,
    socket: Option<String>,
    user: Option<String>,
}

/// Reads a document.
pub(crate) fn servers(document: &[u8], domain: &str) -> Result<Vec<Server>, Fault> {
    let text = std::str::from_utf8(document).map_err(|_| Fault::NotOne)?;
    let mut reader = Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    let mut server: Option<Fields> = None;
    let (mut found, mut without_tls) = (Vec::new(), false);
    let mut field = String::new();
    loop {
        match reader.read_event().map_err(|_| not_one(text))? {
            Event::DocType(kind) => {
                let kind = String::from_utf8_lossy(&kind).to_ascii_lowercase();
                return Err(if kind.trim_start().starts_with("html") {
                    Fault::Html
                } else {
                    Fault::Entities
                });
            }
            Event::Start(element) => {
                let name = String::from_utf8_lossy(element.local_name().as_ref()).into_owned();
                if path.is_empty() && name != "clientConfig" {
                    return Err(not_one(text));
                }
                if path.len() >= MAX_DEPTH {
                    return Err(Fault::NotOne);
                }
                path.push(name);
                field.clear();
                if is(&path, &["clientConfig", "emailProvider", "incomingServer"]) && is_imap(&element) {
                    server = Some(Fields::default());
                }
            }
            Event::End(_) => {
                if let Some(fields) = &mut server {
                    if is(&path, &["clientConfig", "emailProvider", "incomingServer"]) {
                        match read(fields, domain) {
                            Some(Ok(one)) if found.len() < MAX_SERVERS && !found.contains(&one) => {
                                found.push(one)
                            }
                            Some(Err(ClearText)) => without_tls = true,
                            _ => {}
                        }
                        server = None;
                    } else if path.len() == 4 {
                        fields.take(path.last().map_or("", String::as_str), field.trim());
                    }
                }
                path.pop();
                field.clear();
            }
            Event::Text(part) if server.is_some() => field.push_str(&part.decode().unwrap_or_default()),
            // Neither is expanded: a field with one in it is no name and no number.
            Event::GeneralRef(_) | Event::CData(_) if server.is_some() => field.push('&'),
            Event::Eof => break,
            _ => {}
        }
        if field.len() > MAX_FIELD {
            field.truncate(0);
            field.push('&');
        }
    }
    match (found.is_empty(), without_tls) {
        (false, _) => Ok(found),
        (true, true) => Err(Fault::ClearText),
        (true, false) if path.is_empty() && text.contains("clientConfig") => Err(Fault::NoImap),
        _ => Err(not_one(text)),
    }
}

fn is(path: &[String], wanted: &[&str]) -> bool {
    path.iter().map(String::as_str).eq(wanted.iter().copied())
}

fn is_imap(element: &BytesStart<'_>) -> bool {
    element
        .attributes()
        .flatten()
        .any(|attribute| attribute.key.as_ref() == b"type" && attribute.value.eq_ignore_ascii_case(b"imap"))
}

/// What is no configuration: a web page, as web servers give for whatever they do not have, or something
/// else.
fn not_one(text: &str) -> Fault {
    let begin: String = text.chars().take(2000).collect::<String>().to_ascii_lowercase();
    if begin.contains("<html") || begin.contains("<!doctype html") { Fault::Html } else { Fault::NotOne }
}

impl Fields {
    fn take(&mut self, name: &str, value: &str) {
        let place = match name {
            "hostname" => &mut self.host,
            "port" => &mut self.port,
            "socketType" => &mut self.socket,
            "username" => &mut self.user,
            _ => return,
        };
        if place.is_none() && !value.is_empty() {
            *place = Some(value.to_owned());
        }
    }
}

struct ClearText;

/// Makes a server of its fields; `None` when they are none.
fn read(fields: &Fields, domain: &str) -> Option<Result<Server, ClearText>> {
    let host = fields.host.as_deref()?.replace("%EMAILDOMAIN%", domain).to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host).to_owned();
    if !is_host_name(&host) {
        return None;
    }
    let tls = match fields.socket.as_deref()?.to_ascii_uppercase().as_str() {
        "SSL" | "TLS" => TlsMode::Implicit,
        "STARTTLS" => TlsMode::StartTls,
        "PLAIN" => return Some(Err(ClearText)),
        _ => return None,
    };
    let port = match fields.port.as_deref() {
        Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        None => tls.default_port(),
    };
    let log_in = fields.user.as_deref().and_then(|user| log_in(user, domain));
    Some(Ok(Server { endpoint: Endpoint::with_port(host, port, tls), log_in }))
}

/// Reads the pattern of a log-in name; servers fill it in for the address they were asked about.
fn log_in(pattern: &str, domain: &str) -> Option<LogIn> {
    let pattern = pattern.replace("%EMAILDOMAIN%", domain);
    let whole = format!("postmaster@{domain}");
    if pattern == "%EMAILADDRESS%" || pattern == format!("%EMAILLOCALPART%@{domain}") || pattern == whole {
        return Some(LogIn::Address);
    }
    if pattern == "%EMAILLOCALPART%" || pattern == "postmaster" {
        return Some(LogIn::LocalPart);
    }
    let printable = pattern.bytes().all(|byte| byte.is_ascii_graphic());
    (printable && pattern.len() <= 100 && !pattern.contains('&')).then_some(LogIn::Other(pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(servers: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\"><emailProvider id=\"x\">\
             <displayName>M\u{fc}ller &amp; S\u{f6}hne</displayName>{servers}</emailProvider></clientConfig>"
        )
    }

    fn imap(host: &str, port: &str, socket: &str, user: &str) -> String {
        format!(
            "<incomingServer type=\"imap\">\n <hostname> {host} </hostname><port>{port}</port>\
             <socketType>{socket}</socketType><authentication>password-cleartext</authentication>\
             <username>{user}</username></incomingServer>"
        )
    }

    fn read(text: &str) -> Result<Vec<Server>, Fault> {
        servers(text.as_bytes(), "example.org")
    }

    #[test]
    fn the_imap_servers_are_read_in_order() {
        let text = document(&format!(
            "<incomingServer type=\"pop3\"><hostname>pop.example.org</hostname><port>995</port>\
             <socketType>SSL</socketType></incomingServer>{}{}{}<outgoingServer type=\"smtp\"><hostname>x.example\
             </hostname></outgoingServer>",
            imap("imap.%EMAILDOMAIN%", "993", "SSL", "%EMAILADDRESS%"),
            imap("IMAP.example.org.", "143", "STARTTLS", "%EMAILLOCALPART%"),
            imap("old.example.org", "143", "plain", "%EMAILADDRESS%"),
        ));
        let server = |port, tls, log_in| Server {
            endpoint: Endpoint::with_port("imap.example.org", port, tls),
            log_in: Some(log_in),
        };
        assert_eq!(
            read(&text),
            Ok(vec![
                server(993, TlsMode::Implicit, LogIn::Address),
                server(143, TlsMode::StartTls, LogIn::LocalPart)
            ])
        );
    }

    #[test]
    fn what_is_no_configuration_is_told_from_one() {
        let nested = format!("<clientConfig>{}", "<a>".repeat(100));
        let lines = "<!DOCTYPE clientConfig [<!ENTITY a \"b\"><!ENTITY c \"&a;&a;\">]><clientConfig>&c;</clientConfig>";
        for (text, fault) in [
            ("", Fault::NotOne),
            ("not found", Fault::NotOne),
            ("<html><body>404", Fault::Html),
            ("<!DOCTYPE html>\n<html lang=en><p>hello", Fault::Html),
            ("<rss></rss>", Fault::NotOne),
            ("<clientConfig><emailProvider>", Fault::NotOne),
            (&nested, Fault::NotOne),
            (lines, Fault::Entities),
            (&document(""), Fault::NoImap),
            (&document(&imap("a.example", "143", "plain", "x")), Fault::ClearText),
        ] {
            assert_eq!(read(text), Err(fault), "{text}");
        }
        assert_eq!(servers(b"\xff\xfe<clientConfig>", "example.org"), Err(Fault::NotOne));
    }

    #[test]
    fn fields_that_are_none_make_no_server() {
        for (host, port, socket) in [
            ("192.0.2.1", "993", "SSL"),
            ("a b.example", "993", "SSL"),
            ("a.example", "0", "SSL"),
            ("a.example", "70000", "SSL"),
            ("a.example", "993", "magic"),
            ("a&amp;b.example", "993", "SSL"),
            ("<![CDATA[a.example]]>", "993", "SSL"),
            ("", "993", "SSL"),
            (&"a.".repeat(400), "993", "SSL"),
        ] {
            assert_eq!(
                read(&document(&imap(host, port, socket, "x"))),
                Err(Fault::NoImap),
                "{host} {port} {socket}"
            );
        }
    }

    #[test]
    fn log_ins_are_read_as_patterns() {
        let form = |pattern: &str| log_in(pattern, "example.org");
        assert_eq!(form("postmaster@example.org"), Some(LogIn::Address));
        assert_eq!(form("%EMAILLOCALPART%@%EMAILDOMAIN%"), Some(LogIn::Address));
        assert_eq!(form("postmaster"), Some(LogIn::LocalPart));
        assert_eq!(form("web1p3"), Some(LogIn::Other("web1p3".into())));
        assert_eq!(form("a\u{1b}[2J"), None);
    }

    #[test]
    fn no_person_s_name_is_in_the_question() {
        let means = Means::system(mailhaul_net::Dialer::platform());
        let urls = places("example.org", true, &means).map(|url| format!("{}{}", url.host, url.target));
        assert_eq!(
            urls,
            [
                "autoconfig.example.org/mail/config-v1.1.xml?emailaddress=postmaster%40example.org",
                "example.org/.well-known/autoconfig/mail/config-v1.1.xml",
            ]
        );
    }
}
