//! Questions to a DNS server that knows what it is told.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::IpAddr;
use std::time::Duration;

use mailhaul_lab::dns::{Dns, Fault};
use mailhaul_net::dns::{DnsErrorKind, Mx, Resolver, Srv};

fn asking(dns: &Dns) -> Resolver {
    Resolver::at(&[dns.address]).unwrap()
}

#[tokio::test]
async fn every_kind_of_record_is_read() {
    let dns = Dns::start();
    let v4: IpAddr = "192.0.2.1".parse().unwrap();
    let v6: IpAddr = "2001:db8::1".parse().unwrap();
    dns.address("mail.firm.example", v4).address("mail.firm.example", v6);
    dns.mx("firm.example", 600, 20, "mx2.Firm.example").mx("firm.example", 60, 10, "mx1.firm.example");
    dns.srv("_imaps._tcp.firm.example", (10, 1, 993), "b.example").srv(
        "_imaps._tcp.firm.example",
        (0, 0, 1993),
        ".",
    );
    dns.srv("_imaps._tcp.firm.example", (10, 9, 993), "a.example");
    dns.txt("firm.example", &["v=spf1 ", "-all"]).ns("firm.example", "ns1.example");
    let resolver = asking(&dns);

    assert_eq!(resolver.addresses("mail.firm.example").await.unwrap().records, [v6, v4]);
    let mx = |preference, host: &str| Mx { preference, host: host.to_owned() };
    let answer = resolver.mx("FIRM.example.").await.unwrap();
    assert_eq!(answer.records, [mx(10, "mx1.firm.example"), mx(20, "mx2.firm.example")]);
    assert_eq!(answer.ttl, Duration::from_secs(60));
    let srv = |priority, weight, port, host: &str| Srv { priority, weight, port, host: host.to_owned() };
    assert_eq!(
        resolver.srv("_imaps._tcp.firm.example").await.unwrap().records,
        [srv(0, 0, 1993, "."), srv(10, 9, 993, "a.example"), srv(10, 1, 993, "b.example")]
    );
    assert_eq!(resolver.txt("firm.example").await.unwrap().records, ["v=spf1 -all"]);
    assert_eq!(resolver.ns("firm.example").await.unwrap().records, ["ns1.example"]);
    // Nothing is kept: what is changed is seen at once.
    dns.mx("firm.example", 60, 0, "mx0.firm.example");
    assert_eq!(resolver.mx("firm.example").await.unwrap().records[0], mx(0, "mx0.firm.example"));
}

#[tokio::test]
async fn an_alias_counts_with_its_time() {
    let dns = Dns::start();
    dns.address("mail.provider.example", "192.0.2.7".parse().unwrap()).alias(
        "mail.firm.example",
        5,
        "mail.provider.example",
    );
    let answer = asking(&dns).addresses("mail.firm.example").await.unwrap();
    assert_eq!((answer.records.len(), answer.ttl), (1, Duration::from_secs(5)));
}

#[tokio::test]
async fn why_there_is_no_record_is_told() {
    let dns = Dns::start();
    dns.txt("firm.example", &["here"]).txt("broken.example", &["x"]).txt("closed.example", &["x"]);
    dns.fault("broken.example", Fault::Fails).fault("closed.example", Fault::Refuses);
    let resolver = asking(&dns);
    for (name, kind) in [
        ("firm.example", DnsErrorKind::NoSuchRecord),
        ("other.example", DnsErrorKind::NoSuchName),
        ("broken.example", DnsErrorKind::ServerFailure),
        ("closed.example", DnsErrorKind::Refused),
        ("no name", DnsErrorKind::BadName),
    ] {
        let error = resolver.mx(name).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.to_string().contains(&dns.address.to_string()), "{error}");
    }
    assert_eq!(resolver.addresses("other.example").await.unwrap_err().kind, DnsErrorKind::NoSuchName);
}

/// On a clock that jumps where nothing happens.
#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let dns = Dns::start();
    dns.fault("firm.example", Fault::Silent);
    let begun = tokio::time::Instant::now();
    let error = asking(&dns).mx("firm.example").await.unwrap_err();
    assert_eq!(error.kind, DnsErrorKind::TimedOut, "{error}");
    assert!(begun.elapsed() <= Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_is_cut_short_is_asked_again() {
    let dns = Dns::start();
    dns.txt("firm.example", &["whole"]).fault("firm.example", Fault::Truncated);
    assert_eq!(asking(&dns).txt("firm.example").await.unwrap().records, ["whole"]);
    // More than a packet holds, and more than is handed on.
    for number in 0..200 {
        dns.mx("large.example", 60, number, &format!("mx{number}.large.example"));
    }
    let answer = asking(&dns).mx("large.example").await.unwrap();
    assert_eq!(answer.records.len(), 64);
}
