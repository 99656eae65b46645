//! Searches against DNS, web and IMAP servers that answer, lie and fail.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use mailhaul_discover::{Asked, Fault, LogIn, Origin, Proposal, Remark, look};
use mailhaul_lab::dns::Fault as DnsFault;
use mailhaul_net::{NetErrorKind, TlsMode};
use scene::{Pages, Scene, document, page, redirect};

const GREETING: &str = "* OK IMAP4rev1 ready";

/// All that a server hears of a look at it.
const QUESTIONS: [&str; 2] = ["T1 CAPABILITY", "T2 STARTTLS"];

fn shown(proposals: &[Proposal]) -> Vec<String> {
    let one = |one: &Proposal| {
        let origins: Vec<String> = one.origins.iter().map(ToString::to_string).collect();
        let reached =
            one.reached.as_ref().map_or_else(|obstacle| format!("{obstacle}"), |_| "reached".to_owned());
        let sure = if one.sure { "sure" } else { "not sure" };
        format!("{} {sure}, {reached}: {}", one.endpoint.host, origins.join("; "))
    };
    proposals.iter().map(one).collect()
}

#[tokio::test]
async fn an_srv_record_of_the_domain_s_own_host_is_sure_under_tls() {
    let scene = Scene::new();
    scene.here(&["imap.firm.example"]).imaps(GREETING).await;
    scene.dns.srv("_imaps._tcp.firm.example", (0, 0, scene.ports.imaps), "imap.firm.example");
    let found = scene.search("anna@firm.example").await;
    assert_eq!(
        shown(&found.proposals),
        ["imap.firm.example sure, reached: DNS: SRV _imaps._tcp.firm.example"]
    );
    let certificate = found.proposals[0].reached.as_ref().unwrap().certificate.as_ref().unwrap();
    assert!(certificate.names.contains(&"imap.firm.example".to_owned()));
    assert_eq!((found.remarks, scene.heard()), (vec![], vec![]));
}

#[tokio::test]
async fn an_srv_record_that_leads_elsewhere_is_not_sure() {
    let scene = Scene::new();
    scene.here(&["imap.provider.example"]).imaps(GREETING).await;
    let name = "_imaps._tcp.firm.example";
    scene.dns.srv(name, (0, 0, scene.ports.imaps), "imap.provider.example");
    scene.dns.srv(name, (1, 0, 0), "imap.firm.example");
    scene.dns.srv("_imap._tcp.firm.example", (0, 0, 143), ".");
    let found = scene.search("firm.example").await;
    let first = &shown(&found.proposals)[0];
    assert_eq!(first, "imap.provider.example not sure, reached: DNS: SRV _imaps._tcp.firm.example");
    assert_eq!(
        found.remarks,
        [
            Remark::OddSrv { record: "SRV _imaps._tcp.firm.example".into() },
            Remark::NotOffered { record: "SRV _imap._tcp.firm.example".into() },
        ]
    );
}

#[tokio::test]
async fn an_srv_record_s_starttls_is_gone_through() {
    let scene = Scene::new();
    scene.here(&["mail.firm.example"]).imap(true).await;
    scene.dns.srv("_imap._tcp.firm.example", (0, 0, scene.ports.imap), "mail.firm.example");
    let found = scene.search("anna@firm.example").await;
    assert!(found.proposals[0].sure && found.proposals[0].reached.is_ok(), "{:?}", shown(&found.proposals));
    assert_eq!(scene.heard(), QUESTIONS);
}

#[tokio::test]
async fn a_document_under_tls_may_name_a_host_elsewhere() {
    let scene = Scene::new();
    scene.here(&["autoconfig.firm.example", "imap.provider.example"]);
    scene
        .web(true, |asked| match asked {
            "autoconfig.firm.example /mail/config-v1.1.xml?emailaddress=postmaster%40firm.example" => {
                page(&document("imap.provider.example", 993, "postmaster"))
            }
            _ => vec![],
        })
        .await;
    let found = scene.search("anna@firm.example").await;
    let proposal = &found.proposals[0];
    assert!(proposal.sure, "{:?}", shown(&found.proposals));
    assert_eq!(proposal.log_in, Some(LogIn::LocalPart));
    assert!(matches!(&proposal.origins[..], [Origin::Document { proven: true, .. }]));
    assert!(
        matches!(&found.remarks[..], [Remark::Elsewhere { host, .. }] if host == "imap.provider.example")
    );
    // Of the address that was typed, only the domain has left this machine.
    assert!(scene.requests().iter().all(|request| !request.contains("anna")), "{:?}", scene.requests());
}

#[tokio::test]
async fn a_document_without_tls_is_not_sure() {
    let scene = Scene::new();
    scene.here(&["autoconfig.firm.example", "imap.provider.example"]);
    scene.web(false, |_| page(&document("imap.provider.example", 993, "%EMAILADDRESS%"))).await;
    let found = scene.search("anna@firm.example").await;
    let proposal = &found.proposals[0];
    assert!(!proposal.sure && matches!(&proposal.origins[..], [Origin::Document { proven: false, .. }]));
}

#[tokio::test]
async fn a_redirect_may_not_leave_tls() {
    for fault in [Fault::LeavesTls, Fault::TooManyRedirects, Fault::BadRedirect] {
        let scene = Scene::new();
        scene.here(&["autoconfig.firm.example"]);
        let pages: Pages = match fault {
            Fault::LeavesTls => |_| redirect("http://autoconfig.firm.example/x"),
            Fault::TooManyRedirects => |_| redirect("/again"),
            _ => |_| redirect("imap://elsewhere.example/"),
        };
        scene.web(true, pages).await;
        let found = scene.search("anna@firm.example").await;
        assert_eq!(found.proposals.len(), 0, "{fault:?}");
        assert!(
            matches!(&found.remarks[..], [Remark::Document { fault: said, .. }] if *said == fault),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn a_document_that_is_none_is_a_remark_and_the_search_goes_on() {
    let large = |_: &str| page(&"x".repeat(10 << 20));
    let html = |_: &str| page("<!doctype html><html><body>404</body></html>");
    let cut = |_: &str| b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n<clientConfig>".to_vec();
    let rubbish = |_: &str| b"\0\0\0".to_vec();
    let cases: [(Pages, Fault); 4] =
        [(large, Fault::TooLarge), (html, Fault::Html), (cut, Fault::Broken), (rubbish, Fault::Broken)];
    for (pages, fault) in cases {
        let scene = Scene::new();
        scene.here(&["autoconfig.firm.example", "mail.firm.example"]);
        scene.web(true, pages).await.imaps(GREETING).await;
        let found = scene.search("anna@firm.example").await;
        assert_eq!(shown(&found.proposals), ["mail.firm.example sure, reached: a usual name that answers"]);
        assert!(
            matches!(&found.remarks[..], [Remark::Document { fault: said, .. }] if *said == fault),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn a_document_that_never_ends_is_broken_off() {
    let scene = Scene::new();
    scene.here(&["autoconfig.firm.example", "mail.firm.example"]);
    scene.web(true, |_| b"HTTP/1.1 200 OK\r\n\r\n<clientConfig>...".to_vec()).await.imaps(GREETING).await;
    let begun = std::time::Instant::now();
    let found = scene.search("anna@firm.example").await;
    assert_eq!(found.proposals.len(), 1, "{:?}", found.remarks);
    assert!(
        matches!(&found.remarks[..], [Remark::Document { fault: Fault::TimedOut, .. }]),
        "{:?}",
        found.remarks
    );
    assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn who_takes_the_mail_says_where_mailboxes_may_be() {
    let scene = Scene::new();
    scene.dns.mx("firm.example", 60, 10, "firm-example.mail.protection.outlook.com");
    let found = scene.search("anna@firm.example").await;
    let proposal = &found.proposals[0];
    assert_eq!((proposal.endpoint.host.as_str(), proposal.sure), ("outlook.office365.com", false));
    assert!(
        matches!(&proposal.origins[..], [Origin::Provider { provider, .. }] if provider == "Microsoft 365")
    );

    let scene = Scene::new();
    scene.dns.mx("firm.example", 60, 10, "mx.provider.example");
    scene.here(&["autoconfig.provider.example", "imap.provider.example"]).imaps(GREETING).await;
    scene.web(true, |_| page(&document("imap.provider.example", 993, "%EMAILADDRESS%"))).await;
    let found = scene.search("anna@firm.example").await;
    assert!(
        matches!(&found.proposals[0].origins[..], [Origin::MxDocument { .. }]),
        "{:?}",
        shown(&found.proposals)
    );
    assert!(!found.proposals[0].sure);
}

#[tokio::test]
async fn usual_names_are_tried_at_last() {
    let scene = Scene::new();
    scene.here(&["imap.firm.example", "mx.provider.example"]).imap(true).await.imaps(GREETING).await;
    scene.dns.mx("firm.example", 60, 10, "mx.provider.example");
    let found = scene.search("anna@firm.example").await;
    assert_eq!(
        shown(&found.proposals),
        [
            "imap.firm.example sure, reached: a usual name that answers",
            "mx.provider.example not sure, reached: DNS: mail goes there, and it answers",
        ]
    );
    assert_eq!(found.proposals[0].endpoint.tls, TlsMode::Implicit);
    assert!(scene.heard().iter().all(|line| QUESTIONS.contains(&&**line)), "{:?}", scene.heard());
}

#[tokio::test]
async fn clear_text_is_never_proposed() {
    let scene = Scene::new();
    scene.here(&["mail.firm.example"]).imap(false).await;
    assert_eq!(shown(&scene.search("anna@firm.example").await.proposals), Vec::<String>::new());
    let (endpoint, reached) = look(&scene.means(), "mail.firm.example", Some(scene.ports.imap), None).await;
    assert_eq!(endpoint.tls, TlsMode::StartTls);
    let said = reached.unwrap_err().to_string();
    assert_eq!(said, "STARTTLS failed: the server does not offer it; nothing was sent in clear text");
}

#[tokio::test]
async fn what_was_typed_as_a_host_is_taken_as_one() {
    let scene = Scene::new();
    scene.here(&["mail.firm.example"]).imaps(GREETING).await;
    let found = scene.search("mail.firm.example").await;
    assert_eq!(shown(&found.proposals)[0], "mail.firm.example sure, reached: as typed");
    let found = scene.search(&format!("nowhere.example:{}", scene.ports.imaps)).await;
    assert!(found.proposals[0].sure && found.proposals[0].reached.is_err());
    let (endpoint, reached) = look(&scene.means(), "mail.firm.example", None, None).await;
    assert_eq!((endpoint.tls, reached.is_ok()), (TlsMode::Implicit, true));
}

#[tokio::test]
async fn a_known_host_is_proposed_without_asking_anybody() {
    let scene = Scene::new();
    let found = scene.search("anna@web.de").await;
    assert_eq!((found.proposals.len(), found.proposals[0].endpoint.host.as_str()), (1, "imap.web.de"));
    assert!(found.proposals[0].sure && found.proposals[0].log_in == Some(LogIn::LocalPart));
    let asked = scene.dns.asked();
    assert!(asked.iter().all(|question| question.ends_with("imap.web.de")), "{asked:?}");
}

#[tokio::test]
async fn what_answers_and_is_no_imap_server_is_told() {
    for (greeting, sentence) in [
        ("220 mx.firm.example ESMTP", "the port speaks SMTP, not IMAP (mail.firm.example:"),
        ("+OK ready", "the port speaks POP3, not IMAP"),
        ("* BYE too many", "the server ended the session: too many"),
        ("* PREAUTH hello", "logged in already (PREAUTH)"),
        ("\u{1b}[31m", "the greeting is none of an IMAP server"),
    ] {
        let scene = Scene::new();
        scene.here(&["mail.firm.example"]).imaps(greeting).await;
        let (_, reached) = look(&scene.means(), "mail.firm.example", None, Some(TlsMode::Implicit)).await;
        let said = reached.unwrap_err().to_string();
        assert!(said.contains(sentence), "{said}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_told_with_its_names() {
    let scene = Scene::new();
    scene.here(&["mail.other.example"]).imaps(GREETING).await;
    let found = scene.search("anna@other.example").await;
    let proposal = &found.proposals[0];
    let obstacle = proposal.reached.as_ref().unwrap_err();
    assert_eq!((proposal.sure, obstacle.kind()), (false, Some(NetErrorKind::TlsName)));
    assert!(obstacle.certificate().unwrap().names.contains(&"mail.firm.example".to_owned()));
}

#[tokio::test]
async fn dns_that_fails_is_a_remark() {
    let scene = Scene::new();
    for name in ["firm.example", "_imaps._tcp.firm.example", "_imap._tcp.firm.example"] {
        scene.dns.fault(name, DnsFault::Fails);
    }
    scene.here(&["mail.firm.example"]).imaps(GREETING).await;
    let found = scene.search("anna@firm.example").await;
    assert_eq!(found.proposals.len(), 1);
    assert!(matches!(&found.remarks[..], [Remark::Dns(_)]), "{:?}", found.remarks);
    assert!(Asked::parse("anna@firm.example").is_ok());
}
